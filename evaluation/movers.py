"""Whose class moved, and what is it owed to: data, model, threshold, rule or steadiness?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.case import Case
from evaluation.charts import bars
from evaluation.metrics import Integers
from evaluation.population import Population
from evaluation.replay import batch_of
from evaluation.shown import Content, Shown, Table, Value, Words, count, share, table
from features.asof import Month
from training.change import DATA, MODEL, PARTS, THRESHOLD, Change, Side, change
from training.confidence import odds
from training.cutoffs import RiskClass
from training.scheme import EXPOSURE, Scheme

LARGEST = 50
MOST_SPLIT = 2_000  # entities whose class changed that are split; of more, every so many
LINES = 3  # indicators named of each mover
CODE_EXACT = "EV065"
WORDS: dict[str, Words] = {
    "data": ("数据", "data"),
    "model": ("模型", "model"),
    "threshold": ("界值", "threshold"),
    "rule": ("规则", "rule"),
    "steadiness": ("平滑", "steadiness"),
}


@dataclass(frozen=True)
class Moved:
    """Entities that moved between two months, in the order of both populations' rows given, and their split."""

    before: Population
    after: Population
    was: Integers
    now: Integers
    split: Change
    columns: tuple[str, ...]


def study(case: Case, before: Population, after: Population) -> Shown:
    """The change from one month to the next: under the champion before where there is one, under the scheme after.

    ``before`` is classified by the champion, or by the scheme itself where nobody reigns or another system does.
    """
    old = case.champion if case.champion is not None and case.champion.digest == before.scheme else case.scheme
    was, now = _both(before, after)
    shift = np.abs(odds(after.probability[now]) - odds(before.probability[was]))
    largest = np.argsort(-shift, kind="stable")[:LARGEST]
    changed = np.flatnonzero(after.final_class[now] != before.final_class[was])
    looked_at = changed[:: max(1, -(-len(changed) // MOST_SPLIT))]
    rows = np.unique(np.concatenate([largest, looked_at]))
    found = _split(case, old, (before, was[rows]), (after, now[rows]))
    place = np.searchsorted(rows, largest)
    told = [{"mover": number, **_document(case, found, row)} for number, row in enumerate(place.tolist(), 1)]
    owed = _owed(found, np.searchsorted(rows, looked_at))
    rest = max(found.split.largest_rest, _missed(found))
    return Shown(
        code="movers",
        title=("类别变动的成因", "What moved classes"),
        question=_question(before, after, len(changed), len(now)),
        tables=(_owed_table(owed, len(looked_at)), _movers_table(case, found, place)),
        pictures=(bars([(WORDS[name], value) for name, value in owed.items()], ("变动成因", "what moved classes")),),
        figures={
            "compared": len(now),
            "changed": len(changed),
            "split": len(rows),
            "largest_rest": rest,
            "owed": owed,
            "largest": told,
        },
        judged={CODE_EXACT: (Value("all", rest),)},
    )


def _missed(found: Moved) -> float:
    """How far the whole is from what both months say: of the change of log odds, and of any class by cutoffs alone."""
    told = odds(found.after.probability[found.now]) - odds(found.before.probability[found.was])
    raw = found.after.raw_class[found.now].astype(np.int64) - found.before.raw_class[found.was]
    split = sum(found.split.steps[name] for name in (DATA, MODEL, THRESHOLD))
    apart = np.abs(told - found.split.log_odds_in_all).max(initial=0.0)
    return float(max(apart, np.abs(raw - split).max(initial=0)))


def _both(before: Population, after: Population) -> tuple[Integers, Integers]:
    """Rows of the entities that are counted and have a class in both months."""
    was, now = (np.flatnonzero(one.counted & (one.final_class >= 0)) for one in (before, after))
    _, first, second = np.intersect1d(before.entity[was], after.entity[now], assume_unique=True, return_indices=True)
    return was[first], now[second]


def _split(case: Case, old: Scheme, before: tuple[Population, Integers], after: tuple[Population, Integers]) -> Moved:
    sides = [_side(case, scheme, *one) for scheme, one in ((old, before), (case.scheme, after))]
    return Moved(before[0], after[0], before[1], after[1], change(*sides), old.lines)


def _side(case: Case, scheme: Scheme, population: Population, rows: Integers) -> Side:
    batch = batch_of(case.task, population.entity[rows], population.as_of)
    return Side(scheme, batch, population.model_class[rows], population.final_class[rows])


def _owed(found: Moved, rows: Integers) -> dict[str, float]:
    """Of the classes entities moved by, what share is owed to each part: opposite parts count both."""
    steps = {name: np.abs(part[rows]).sum() for name, part in found.split.steps.items()}
    whole = sum(steps.values())
    return {name: float(part / whole) if whole else 0.0 for name, part in steps.items()}


def _question(before: Population, after: Population, changed: int, compared: int) -> Words:
    months = [str(Month.of(one.as_of)) for one in (before, after)]
    moved = share(changed / compared if compared else None)
    same = before.scheme == after.scheme
    return (
        f"{months[0]} 与 {months[1]} 比较{'（同一方案）' if same else '（现行方案与新方案）'}：{count(compared)} 户中 "
        f"{count(changed)} 户类别变动（{moved}）。逐项替换数据、模型、界值、规则与平滑，各项之和恰为总变动。",
        f"{months[0]} and {months[1]} compared{' under one scheme' if same else ', champion and challenger'}: "
        f"{count(changed)} of {count(compared)} classes changed ({moved}). Data, model, threshold, rule and steadiness "
        "are exchanged one after the other, so that the parts add up to the whole.",
    )


def _owed_table(owed: dict[str, float], entities: int) -> Table:
    return table(
        (f"类别变动 {count(entities)} 户的成因占比", f"What {count(entities)} changes of class are owed to"),
        [("成因", "owed to"), ("占比", "share")],
        [[WORDS[name], share(value)] for name, value in owed.items()],
    )


def _movers_table(case: Case, found: Moved, place: Integers) -> Table:
    names = {one.code: (one.label, one.label_en) for one in case.task.definitions.indicators}
    rows = [[str(number), *_row(case, found, row, names)] for number, row in enumerate(place.tolist(), 1)]
    head: Sequence[Words] = [
        ("序号", "number"), ("类型", "kind"), ("类别", "class"), ("概率", "probability"),
        ("对数几率变动", "change of log odds"), ("数据", "data"), ("模型", "model"), ("类别步数", "steps of class"),
        ("变动最大的指标", "indicators that changed most"),
    ]  # fmt: skip
    return table((f"变动最大的 {len(rows)} 户", f"The {len(rows)} largest movers"), head, rows)


def _row(case: Case, found: Moved, row: int, names: dict[str, Words]) -> list[Content]:
    told = _document(case, found, row)
    moved = [(WORDS[name], step) for name, step in told["steps"].items() if step]
    steps = (
        "，".join(f"{zh} {step:+d}" for (zh, _), step in moved),
        ", ".join(f"{en} {step:+d}" for (_, en), step in moved),
    )
    lines = [(names.get(line["indicator"], (line["indicator"],) * 2), line["added"]) for line in told["lines"]]
    return [
        case.kind_words[told["kind"]], f"{told['class_before']} → {told['class']}",
        f"{told['probability_before']:.2%} → {told['probability']:.2%}", f"{told['log_odds']:+.3f}",
        f"{told['parts']['data']:+.3f}", f"{told['parts']['model']:+.3f}", steps if moved else "–",
        ("；".join(f"{zh} {added:+.2f}" for (zh, _), added in lines) or "–",
         "; ".join(f"{en} {added:+.2f}" for (_, en), added in lines) or "–"),
    ]  # fmt: skip


def _document(case: Case, found: Moved, row: int) -> dict[str, Any]:
    """A mover as JSON, under no name and with rounded probabilities: nobody is to be looked up by them."""
    was, now, split = found.was[row], found.now[row], found.split
    before, after = found.before, found.after
    strongest = np.argsort(-np.abs(split.lines[row]), kind="stable")[:LINES]
    named = [(found.columns[place], float(split.lines[row, place])) for place in strongest.tolist()]
    return {
        "kind": case.scheme.kinds[after.kind[now]],
        "class_before": RiskClass(int(before.final_class[was])).name,
        "class": RiskClass(int(after.final_class[now])).name,
        "probability_before": round(float(before.probability[was]), 4),
        "probability": round(float(after.probability[now]), 4),
        "log_odds": float(split.log_odds_in_all[row]),
        "parts": {name: float(part[row]) for name, part in split.log_odds.items()},
        "steps": {name: int(split.steps[name][row]) for name in PARTS},
        "lines": [{"indicator": name, "added": added} for name, added in named if added and name != EXPOSURE],
    }
