"""Are explanations true, and do they stay so? Contributions against the model, reasons against records and words."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from evaluation import contributions, printed, rebuilt, trials
from evaluation.answers import Answer, answer
from evaluation.charts import paired_bars
from evaluation.checks import Sanity
from evaluation.contributions import BITS_ROWS, NATIVE_ROWS, Told
from evaluation.metrics import Flags
from evaluation.population import Population
from evaluation.printed import Page
from evaluation.replay import batch_of
from evaluation.shown import Cell, Shown, Table, Value, Words, count, figure, share, table
from evaluation.stability import Migration
from training import reasons
from training.cutoffs import RiskClass
from training.scheme import Scheme
from training.task import Task

CODE = "explanations"
READ_REASONS = 2_000  # printed reasons that are rebuilt and read back
CALM_ROWS = 2_000  # entities compared with the month before
HARD, SOFT = "EV062", "EV063"
HARD_CHECKS = ("E-01", "E-02", "E-03", "E-04", "E-05", "E-12", "E-13")
SOFT_CHECKS = ("E-06", "E-07", "E-11")
SHARES = {
    "lowered_1",
    "lowered_3",
    "counts_lower",
    "measures_lower",
    "first_section",
    "signs",
    "signs_all",
    "unchanged",
    *"ABCD",
}
NUMBERS = {"cells", "single_rows", "boosters", "signs_cells", "alone", "described"}
ANSWERS: Mapping[bool | None, Words] = {True: ("✓", "✓"), False: ("✗", "✗"), None: ("○", "○")}


@dataclass(frozen=True)
class Explaining:
    """What is looked at: a trained scheme, everyone in the month before and in the reference month, and more.

    ``task`` has the definitions the scheme was trained on. ``calm`` is the migration of entities about whom nothing
    became known (``Stability.calm``), ``sanity`` what the population study counted, ``shuffled`` some schemes whose
    models learned shuffled labels (``trials.shuffled``); ``rng`` draws what is taken away at random.
    """

    task: Task
    scheme: Scheme
    before: Population
    after: Population
    calm: Migration | None
    sanity: Sanity | None
    shuffled: Sequence[Scheme]
    rng: np.random.Generator

    @cached_property
    def told(self) -> Told:
        """The values kept of the reference month, explained."""
        return Told.by(self.scheme, self.after.values, self.after.values_kind)

    @cached_property
    def place(self) -> npt.NDArray[np.int64]:
        """Where everyone whose values are kept stands in the population."""
        return np.searchsorted(self.after.entity, self.after.values_entity)

    @cached_property
    def top(self) -> npt.NDArray[np.int64]:
        """Rows of ``told`` in the top decile of the margin."""
        return trials.top_decile(self.told.margin)


@dataclass(frozen=True)
class Said:
    """How a check is told: what must hold, and its target."""

    what: Words
    target: Words


CHECKS: Mapping[str, Said] = {
    "E-01": Said(
        ("可加：基准与各项贡献之和等于边际值；批量与逐户的类别、原因次序相同", "additivity; bulk and single agree"),
        ("批量 ≤ 1e-5，逐户 ≤ 1e-9，不同 0", "bulk ≤ 1e-5, single ≤ 1e-9, 0 differ"),
    ),
    "E-02": Said(
        ("与 shap.TreeExplainer 自身算法一致", "the same as shap.TreeExplainer's own algorithm"),
        ("最大差 0（≤ 1e-9）", "largest difference 0 (≤ 1e-9)"),
    ),
    "E-03": Said(
        ("逐位相同：分批、次序、逐户、重读模型、线程数", "equal bits: batches, order, one by one, read anew, threads"),
        ("不同 0 行", "0 rows differ"),
    ),
    "E-04": Said(
        (
            "方向：不利数值不作为降低风险的原因；模型单调方向与指标目录一致",
            "signs: no adverse value is shown as lowering",
        ),
        ("印出 0，次数类格子 ≤ 0.1%，违反 0", "printed 0, cells of counts ≤ 0.1 %, violations 0"),
    ),
    "E-05": Said(
        ("每条原因有据可查，所据记录能重算出该值", "every reason rests on records that make its value again"),
        ("悬空 0，不同 0", "dangling 0, differing 0"),
    ),
    "E-06": Said(
        ("删除：把贡献最大的指标设为常值后边际值下降", "deletion: the margin falls when the strongest are neutral"),
        ("≥ 99% 下降；三项时为随机的 5 倍以上", "≥ 99 % fall; with three ≥ 5 times as far as random ones"),
    ),
    "E-07": Said(
        ("次月稳定（无新事实、风险最高的十分之一）", "next month the same (nothing new, top decile)"),
        ("前三条 Jaccard ≥ 0.80，首条板块 ≥ 93%，符号 ≥ 99.9%", "Jaccard ≥ 0.80, first ≥ 93 %, signs ≥ 99.9 %"),
    ),
    "E-08": Said(
        ("类别稳定（无新事实）", "classes stay (nothing new)"),
        (
            "不变：A ≥ 99%，B、C、D ≥ 95%（200 户起），跨两类 0",
            "unchanged: A ≥ 99 %, B, C, D ≥ 95 % (of 200 or more), two-class jumps 0",
        ),
    ),
    "E-11": Said(
        ("标签打乱后的模型给出不同的解释", "a model of shuffled labels is explained otherwise"),
        ("秩相关 ≤ 0.2", "rank correlation ≤ 0.2"),
    ),
    "E-12": Said(
        ("文字读回代码与数值；可公示的不含内部信息", "words read back to code and value; nothing internal leaks"),
        ("未读回 0，泄露 0", "unread 0, leaks 0"),
    ),
    "E-13": Said(
        ("同一主体的原因互不重复（板块、事项记录）", "no two reasons of an entity share a section or an event"),
        ("重复 0", "0 repeated"),
    ),
}
NAMES: Mapping[str, Words] = {
    "bulk": ("批量", "bulk"),
    "single": ("逐户", "single"),
    "single_rows": ("逐户行数", "rows singly"),
    "classes_differ": ("类别不同", "classes differ"),
    "orders_differ": ("次序不同", "orders differ"),
    "difference": ("最大差", "largest difference"),
    "boosters": ("模型数", "boosters"),
    "batches": ("分批", "batches"),
    "order": ("次序", "order"),
    "alone": ("逐户/仅凭记录", "alone"),
    "read_anew": ("重读", "read anew"),
    "threads": ("线程", "threads"),
    "printed": ("印出", "printed"),
    "counts_lower": ("次数类降低", "counts that lower"),
    "cells": ("格子", "cells"),
    "measures_lower": ("计量类降低（不印出）", "measures that lower (not printed)"),
    "model_against": ("违反单调", "against the sign"),
    "dangling": ("悬空", "dangling"),
    "baseless": ("无据", "baseless"),
    "sampled_differ": ("抽样重算不同", "differ from the sampled query"),
    "alone_differ": ("仅凭记录重算不同", "differ from records alone"),
    "other_kind": ("不适用该类主体", "of other kinds"),
    "miscounted": ("次数不符", "miscounted"),
    "lowered_1": ("删一项下降", "fell without one"),
    "named_1": ("删一项平均降幅", "mean fall without one"),
    "random_1": ("随机一项", "a random one"),
    "ratio_1": ("一项之比", "ratio of one"),
    "lowered_3": ("删三项下降", "fell without three"),
    "named_3": ("删三项平均降幅", "mean fall without three"),
    "random_3": ("随机三项", "three random ones"),
    "ratio_3": ("三项之比", "ratio of three"),
    "jaccard": ("前三条 Jaccard", "Jaccard of three"),
    "first_section": ("首条板块相同", "first section the same"),
    "signs": ("值未变者符号相同", "signs the same where values stayed"),
    "signs_all": ("全部符号相同", "of all signs"),
    "signs_cells": ("比较的格子", "cells compared"),
    "unchanged": ("不变", "unchanged"),
    "two_class_jumps": ("跨两类", "two-class jumps"),
    "correlation": ("秩相关", "rank correlation"),
    "absolute": ("绝对值", "of absolute values"),
    "among_shuffled": ("打乱者之间的绝对值", "of absolute values among shuffled models"),
    "unread_zh": ("中文未读回", "Chinese unread"),
    "unread_en": ("英文未读回", "English unread"),
    "leaks": ("泄露", "leaks"),
    "sections": ("板块重复", "sections twice"),
    "records": ("事项记录重复", "events twice"),
    "described": ("共用登记、年报、关联", "share a registration, report or link"),
}


def study(seen: Explaining) -> Shown:
    """The study of explanation checks, one row a check."""
    answers = checked(seen)
    return Shown(
        code=CODE,
        title=("解释是否如实", "Are explanations true"),
        question=(
            "解释是否就是模型所做的、是否有据可查、文字与数值是否相符、换月是否稳定。○ 表示没有可看的。分值：经办页"
            "印出的每条分值是该条贡献的一百倍单独取整，页面不印合计，因此没有须相加的数。",
            "Whether explanations are what the model does, rest on records, say the numbers they have, and last. ○: "
            "there was nothing to look at. Points: each on the office page is one contribution times a hundred, "
            "rounded by itself; no total is printed, so none has to add up.",
        ),
        tables=(_table(answers),),
        pictures=_pictures(answers),
        figures={
            one.code: {**one.found, "rows": one.rows, "passed": one.passed, "target": CHECKS[one.code].target[1]}
            for one in answers
        },
        judged={HARD: (missed(answers, HARD_CHECKS),), SOFT: (missed(answers, SOFT_CHECKS),)},
    )


def checked(seen: Explaining) -> list[Answer]:
    """The answers of all checks, in the order of their codes; none can be given of nobody."""
    definitions, told = seen.task.definitions, seen.told
    if not len(told.values):
        return [answer(code, 0, {}, passed=False) for code in CHECKS]
    found = [
        contributions.additivity(seen.scheme, definitions, told),
        contributions.native(seen.scheme, told.every(NATIVE_ROWS).values),
        contributions.same_bits(seen.scheme, told.every(BITS_ROWS).values),
        contributions.signs(seen.scheme, definitions, told, seen.sanity),
        _deletion(seen),
        _next_month(seen),
        trials.randomised(seen.scheme, told.every(trials.CORRELATED_ROWS), seen.shuffled),
        *_reasons(seen),
    ]
    if seen.calm is not None:
        found.append(trials.classes_kept(seen.calm))
    return sorted(found, key=lambda one: one.code)


def missed(answers: Sequence[Answer], codes: Sequence[str]) -> Value:
    """How many checks of some codes miss their targets, by name; null where none can be answered."""
    own = [one for one in answers if one.code in codes and one.passed is not None]
    wrong = [one.code for one in own if not one.passed]
    return Value(" ".join(["all", *wrong]), float(len(wrong)) if own else None)


def _deletion(seen: Explaining) -> Answer:
    told, safe = seen.told, seen.after.final_class[seen.place] == RiskClass.A
    raised = seen.top[(told.bulk[seen.top, :-1] > 0).any(axis=1)]
    usual = trials.neutral(told.values, told.kind, safe, len(seen.scheme.kinds))
    return trials.deletion(seen.scheme.margins, rows_of(told, raised), usual, seen.rng)


def _next_month(seen: Explaining) -> Answer:
    """The calm entities of the top decile, with the values of the month before computed again for them alone."""
    told, calm = seen.told, calm_rows(seen)
    then = batch_of(seen.task, seen.after.values_entity[calm], seen.before.as_of)
    same = np.flatnonzero(then.kind == told.kind[calm])
    was = Told.by(seen.scheme, seen.scheme.aligned(then)[same], then.kind[same])
    return trials.next_month(seen.task.definitions, was, rows_of(told, calm[same]), seen.scheme.kinds)


def calm_rows(seen: Explaining) -> npt.NDArray[np.int64]:
    """Rows of the top decile about whom nothing became known, classified in both months; by entity."""
    own = seen.place[seen.top]
    calm: Flags = seen.after.counted[own] & ~seen.after.moved[own]
    calm &= np.isin(seen.after.entity[own], seen.before.entity)
    rows = np.sort(seen.top[calm])
    return rows[:: max(1, len(rows) // CALM_ROWS)]


def rows_of(told: Told, rows: npt.NDArray[np.int64]) -> Told:
    """Some of the rows that are explained."""
    return Told(told.values[rows], told.kind[rows], told.margin[rows], told.bulk[rows])


def _reasons(seen: Explaining) -> list[Answer]:
    """The checks of printed reasons, all of the same page."""
    task, found = seen.task, page(seen)
    facts = rebuilt.known(rebuilt.held(task, found), task, task.reference_month)
    visibility = {record: seen_as for record, (_, seen_as) in facts.items()}
    return [
        rebuilt.rests(task.definitions, found, facts, rebuilt.again(task, found)),
        printed.worded(task.definitions, printed.code_names(task), found, visibility),
        printed.apart(task.definitions, found),
    ]


def page(seen: Explaining) -> Page:
    """Some 2,000 printed reasons of the reference month: of class D first, then C, B, A, by a keyed hash within."""
    told = seen.told
    of_kind = (told.kind, seen.scheme.kinds)
    chosen = reasons.select(seen.task.definitions, told.values, told.indicators, kind=of_kind)
    risk = seen.after.final_class[seen.place].astype(np.int64)
    order = sampled(seen.after.values_entity, -risk)
    reached = np.cumsum((chosen.place[order] >= 0).sum(axis=1))
    rows = np.sort(order[: int(np.searchsorted(reached, READ_REASONS)) + 1])
    part = reasons.Selected(chosen.place[rows], chosen.contribution[rows])
    entities = (seen.after.values_entity[rows], told.kind[rows])
    return printed.page(seen.task, part, entities, told.values[rows])


def sampled(entity: npt.NDArray[np.int32], first: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Places of entities ordered by a number, the least first, and by a keyed hash of the entity within."""
    drawn = [hashlib.blake2b(f"{CODE}|{key}".encode(), digest_size=8).digest() for key in entity.tolist()]
    return np.lexsort((np.array([int.from_bytes(one, "big") for one in drawn], np.uint64), first))


def _table(answers: Sequence[Answer]) -> Table:
    head = (
        ("编号", "code"),
        ("检查", "check"),
        ("所见", "found"),
        ("目标", "target"),
        ("行数", "rows"),
        ("答案", "answer"),
    )
    rows = [
        (one.code, CHECKS[one.code].what, _found(one), CHECKS[one.code].target, count(one.rows), ANSWERS[one.passed])
        for one in answers
    ]
    return table(("解释检查", "Checks of explanations"), head, rows)


def _found(one: Answer) -> Cell:
    """The figures of a check with their names, as people read them."""
    texts = [(NAMES.get(name, (name, name)), _written(name, value)) for name, value in one.found.items()]
    return Cell(
        (
            "；".join(f"{words[0]} {text}" for words, text in texts),
            "; ".join(f"{words[1]} {text}" for words, text in texts),
        )
    )


def _written(name: str, value: float | None) -> str:
    if value is None:
        return figure(None)
    return share(value, 1) if name in SHARES else count(int(value)) if name in NUMBERS else figure(value)


def _pictures(answers: Sequence[Answer]) -> tuple[str, ...]:
    """How far the margin falls when what is named is taken away, beside what is drawn at random."""
    drawn = [
        ((f"{k} 项", f"{k} of them"), one.found[f"named_{k}"] or 0.0, one.found[f"random_{k}"] or 0.0)
        for one in answers
        if one.code == "E-06" and one.passed is not None
        for k in trials.DELETED
    ]
    if not drawn:
        return ()
    name = ("去掉后边际值平均降幅", "mean fall of the margin without them")
    told = (("原因所列", "named first"), ("随机抽取", "drawn at random"))
    return (paired_bars(drawn, told, name),)
