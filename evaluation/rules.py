"""The direct-determination rules of a scheme: what each sets and on which basis, whom it meets and whom it moves."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array

from evaluation.case import Case
from evaluation.charts import compared
from evaluation.metrics import Integers
from evaluation.population import Population
from evaluation.shown import Cell, Content, Shown, Table, Words, count, share, table
from training.overrides import Override

MOST_PAIRS = 20
AT_ONCE = 3  # rules met at once that are told apart; more are one row
MET: Words = ("符合", "meet it")
MOVED: Words = ("因规则变差", "moved above the model's class")


@dataclass(frozen=True)
class Effect:
    """What a rule in force does among everyone classified.

    ``entities`` meet it; ``moved`` of them are of a safer class by the model than it sets; ``alone`` of those would be
    of a safer class without it, as no other rule sets as much; ``others`` of all meet another rule too.
    """

    entities: int
    moved: int
    alone: int
    others: int


@dataclass(frozen=True)
class Overlap:
    """Two rules that some entities meet at once; they conflict where they set different classes: the riskier stands."""

    rules: tuple[str, str]
    sets: tuple[str, str]
    entities: int


@dataclass(frozen=True)
class Found:
    """The rules in force and what they do; ``at_once`` is how many entities meet none, one, two … of them."""

    active: tuple[Override, ...]
    effects: tuple[Effect, ...]
    overlaps: tuple[Overlap, ...]
    at_once: tuple[int, ...]


def study(case: Case, now: Population) -> Shown | None:
    """Every rule of the scheme with its counts over everyone classified, those that stand apart too; null without."""
    rules = case.scheme.rules
    if not rules:
        return None
    found = counted(rules, now)
    return Shown(
        code="rules",
        title=("直接判定规则", "Direct-determination rules"),
        question=(
            f"{now.as_of} 全部已分类主体（含另列者）逐条计数。规则只会使类别变差，类别不优于所列。"
            "“因规则变差”指模型类别优于规则所列；“仅因本条”指停用本条后类别会变好。同时符合多条的，以所列最差的类别为准。",
            f"Counted over everyone classified on {now.as_of}, those that stand apart too. A rule only ever makes a "
            "class riskier. Moved above the model's class: the model alone says a safer class than the rule sets. By "
            "it alone: without the rule the class would be safer. Of several rules met, the riskiest class stands.",
        ),
        tables=(
            _rules_table(rules, now.as_of),
            _effects_table(found, len(now.entity)),
            _at_once_table(found),
            *_overlap_tables(found),
        ),
        pictures=(_picture(found, len(now.entity)),) if found.active else (),
        figures=_figures(rules, found, now),
    )


def counted(rules: Sequence[Override], now: Population) -> Found:
    """What the rules in force on the date do: one pass over the rules met, whatever their number."""
    active = tuple(rule for rule in rules if rule.in_force(now.as_of))
    met = _met(now.rules, [rule.code for rule in active])
    number = np.diff(met.indptr)
    entity, which = np.repeat(np.arange(len(number)), number), met.indices
    level = np.array([rule.at_least for rule in active], np.int8)[which]
    above, top = level > now.model_class[entity], level == now.ruled[entity]
    sole = np.bincount(entity[top], minlength=len(number))[entity] == 1

    def of_rule(rows: np.ndarray[Any, np.dtype[np.bool_]]) -> list[int]:
        return [int(one) for one in np.bincount(which[rows], minlength=len(active))]

    columns = [of_rule(rows) for rows in (level >= 0, above, above & top & sole, number[entity] > 1)]
    effects = tuple(Effect(*row) for row in zip(*columns, strict=True))
    return Found(active, effects, _overlaps(active, met), tuple(np.bincount(number, minlength=1).tolist()))


def _met(rules: pa.ListArray, codes: Sequence[str]) -> csr_array:
    """Which entity (row) meets which rule (column)."""
    which = pc.index_in(rules.flatten(), value_set=pa.array(codes, pa.string())).to_numpy()
    starts = np.concatenate([[0], np.cumsum(pc.list_value_length(rules).to_numpy())])
    return csr_array((np.ones(len(which), np.int64), which, starts), shape=(len(rules), len(codes)))


def _overlaps(active: Sequence[Override], met: csr_array) -> tuple[Overlap, ...]:
    """Every two rules met at once by somebody, most entities first."""
    together: Integers = (met.T @ met).toarray()
    found = [
        Overlap((one.code, other.code), (one.at_least.name, other.at_least.name), int(together[row, column]))
        for row, one in enumerate(active)
        for column, other in enumerate(active)
        if row < column and together[row, column]
    ]
    return tuple(sorted(found, key=lambda pair: (-pair.entities, pair.rules)))


def _figures(rules: Sequence[Override], found: Found, now: Population) -> dict[str, Any]:
    effects = {rule.code: asdict(effect) for rule, effect in zip(found.active, found.effects, strict=True)}
    return {
        "as_of": now.as_of.isoformat(),
        "classified": len(now.entity),
        "rules": [{**rule.written(), "in_force": rule.code in effects, **effects.get(rule.code, {})} for rule in rules],
        "at_once": list(found.at_once),
        "overlaps": [asdict(one) for one in found.overlaps],
    }


def _rules_table(rules: Sequence[Override], on: date) -> Table:
    rows: list[list[Content]] = [
        [one.code, Cell((one.label, one.label_en), _conditions(one)), one.at_least.name, one.basis, _period(one, on)]
        for one in rules
    ]
    head: list[Words] = [("规则", "rule"), ("名称", "name"), ("所列类别", "sets at least"), ("依据", "basis")]
    return table(("直接判定规则及其依据", "Rules and their basis"), [*head, ("期限", "term")], rows)


def _effects_table(found: Found, everyone: int) -> Table:
    rows: list[list[Content]] = []
    for rule, effect in zip(found.active, found.effects, strict=True):
        met = Cell((count(effect.entities),) * 2, share(effect.entities / max(everyone, 1), 2))
        rows.append(
            [f"{rule.code} → {rule.at_least.name}", met, *map(count, (effect.moved, effect.alone, effect.others))]
        )
    head: list[Words] = [("在用规则", "rule in force"), MET, MOVED, ("其中仅因本条", "by it alone")]
    return table(
        ("各条规则的作用（主体数）", "What every rule does, in entities"),
        [*head, ("另符合他条", "meet another too")],
        rows,
    )


def _conditions(rule: Override) -> str:
    """The conditions of a rule, and the kinds it is for, as its text has them."""
    said = [
        " ".join(map(str, (one.indicator, one.op, *(() if one.value is None else (one.value,))))) for one in rule.when
    ]
    return " & ".join([*said, *((f"kind in {', '.join(rule.kinds)}",) if rule.kinds else ())])


def _period(rule: Override, on: date) -> Words:
    """From when to when a rule holds, and whether it is switched off or outside its dates."""
    chinese = f"{rule.since} 起" if rule.until is None else f"{rule.since} 至 {rule.until}"
    english = f"since {rule.since}" if rule.until is None else f"{rule.since} to {rule.until}"
    if not rule.enabled:
        return f"{chinese}（已停用）", f"{english} (switched off)"
    return (chinese, english) if rule.in_force(on) else (f"{chinese}（未生效）", f"{english} (not in force)")


def _at_once_table(found: Found) -> Table:
    total = max(sum(found.at_once), 1)
    told = [*found.at_once[:AT_ONCE], sum(found.at_once[AT_ONCE:])]
    names: list[Words] = [(f"{number} 条", str(number)) for number in range(AT_ONCE)]
    names.append((f"{AT_ONCE} 条及以上", f"{AT_ONCE} or more"))
    rows: list[list[Content]] = [
        [name, count(number), share(number / total, 2)] for name, number in zip(names, told, strict=False)
    ]
    head: list[Words] = [("符合条数", "rules met"), ("主体数", "entities"), ("占比", "share")]
    return table(("同时符合几条规则", "How many rules are met at once"), head, rows)


def _overlap_tables(found: Found) -> tuple[Table, ...]:
    if not found.overlaps:
        return ()
    rows: list[list[Content]] = [
        [" + ".join(one.rules), " / ".join(one.sets), _answer(one), count(one.entities)]
        for one in found.overlaps[:MOST_PAIRS]
    ]
    head: list[Words] = [("规则", "rules"), ("所列类别", "set at least"), ("结果", "answer"), ("主体数", "entities")]
    return (table(("同时符合两条规则的主体", "Entities that meet two rules at once"), head, rows),)


def _answer(pair: Overlap) -> Words:
    """Whether two rules agree, and else which class stands."""
    if pair.sets[0] == pair.sets[1]:
        return "一致", "agree"
    return f"不一致，从 {max(pair.sets)}", f"differ, {max(pair.sets)} stands"


def _picture(found: Found, everyone: int) -> str:
    total = max(everyone, 1)
    rows = [
        ((f"{rule.code} → {rule.at_least.name}",) * 2, [(effect.entities / total, None), (effect.moved / total, None)])
        for rule, effect in zip(found.active, found.effects, strict=True)
    ]
    return compared(rows, (MET, MOVED), ("各条规则涉及的主体占比", "shares of entities that rules concern"))
