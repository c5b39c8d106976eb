"""What a version of the indicators would change: coverage and lift of every indicator, classes of past months."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.metrics import Flags, Floats
from evaluation.population import NAMES, Population, classified
from evaluation.replay import matrix_of
from evaluation.stability import migration
from features.asof import Month
from features.indicators.catalogue import Definitions
from features.indicators.difference import Difference, difference
from features.indicators.language import Indicator
from features.indicators.system import System
from features.restated import Restated
from training.carried import under
from training.cohort import HEADLINE
from training.errors import SchemeError
from training.pairs import Say
from training.retrain import labelled
from training.scheme import Scheme
from training.task import Task

TOP = 0.1  # the share of entities an indicator is asked to find the outcome among
ADDED, REMOVED, CHANGED, KEPT = "added", "removed", "changed", "kept"
NO_CHAMPION = "there is no champion to compare with; promote a scheme first"
NOT_TRAINED = "no scheme was trained on these definitions; run jianwei train with them, then this report again"


@dataclass(frozen=True)
class Question:
    """A version's system, the task of today, the champion and a scheme trained on the version, if there are any."""

    name: str
    system: System
    task: Task
    champion: Scheme | None
    trained: Scheme | None
    months: tuple[Month, ...]

    @property
    def base(self) -> System | None:
        """The system it is compared with: what the champion was trained on and carries."""
        return None if self.champion is None else self.champion.system


@dataclass(frozen=True)
class Labelled:
    """Pairs whose outcome is known, with it and their weights 1/s."""

    pairs: pa.Table
    outcome: Floats
    weight: Floats


def report(question: Question, say: Say) -> dict[str, Any]:
    """The impact report as JSON: figures of every indicator on past dates with known labels, and class migration.

    Coverage is the share of entities with a value. Lift is the rate of the outcome among the top tenth by the
    indicator, riskier first (where most have the least value: among the others), over the rate among all with a value.
    """
    task, champion = question.task, question.champion
    pairs = labelled(task, say)
    pairs = pairs.filter(pc.equal(pairs["stratum"], HEADLINE)).combine_chunks()
    seen = Labelled(pairs, pairs["label"].to_numpy().astype(np.float64), 1.0 / pairs["s"].to_numpy())
    say(f"{len(pairs)} pairs, {len(question.system.definitions.codes)} indicators")
    days = pc.min_max(pairs["as_of"]).as_py() if len(pairs) else {"min": None, "max": None}
    return {
        "version": question.name,
        "digest": question.system.digest,
        "compared_with": None
        if champion is None
        else {"version": champion.version, "digest": champion.definitions, "scheme": champion.digest},
        "known_by": task.known_by.isoformat(),
        "outcome": task.outcome.code,
        "lake": task.lake.digest(task.known_by),
        "dates": [str(days["min"]), str(days["max"])],
        "pairs": len(pairs),
        "positives": int(seen.outcome.sum()),
        "rate": _rate(seen, np.ones(len(pairs), np.bool_)),
        "indicators": _indicators(question, seen),
        "migration": _migration(question, say),
    }


def _indicators(question: Question, seen: Labelled) -> list[dict[str, Any]]:
    """One row an indicator, those of the version in order, then those it no longer has."""
    system, base = question.system, question.base
    changes = None if base is None else difference(base, system)
    asked = () if base is None or changes is None else _asked(base, changes)
    before = {} if base is None else _figures(question.task, base, asked, seen)
    after = _figures(question.task, system, system.definitions.indicators, seen)
    rows = []
    for code in [*after, *(code for code in before if code not in after)]:
        one = system.definitions.by_code.get(code) or next(one for one in asked if one.code == code)
        new, old = after.get(code), before.get(code)
        rows.append(
            {
                "code": code,
                "label": one.label,
                "label_en": one.label_en,
                "role": one.role,
                "change": None if changes is None else _change(code, changes),
                **_without_values(new or {}),
                "before": None if old is None else _without_values(old),
                "values_changed": _differing(old, new, seen),
            }
        )
    return rows


def _asked(base: System, changes: Difference) -> tuple[Indicator, ...]:
    """The indicators of the base whose values may be others now: all of them where settings or code lists changed."""
    if changes.settings or any(name.startswith("codelists/") for name in changes.files):
        return base.definitions.indicators
    wanted = {*changes.touched, *changes.removed}
    return tuple(one for one in base.definitions.indicators if one.code in wanted)


def _change(code: str, changes: Difference) -> str:
    if code in changes.added:
        return ADDED
    if code in changes.removed:
        return REMOVED
    return CHANGED if code in changes.touched else KEPT


def _figures(
    task: Task, system: System, indicators: tuple[Indicator, ...], seen: Labelled
) -> dict[str, dict[str, Any]]:
    """Coverage, lift and values of some indicators of a system, by code."""
    if not indicators or not len(seen.outcome):
        return {}
    lake, some = Restated.under(task.lake, system), Definitions(indicators, system.digest)
    with matrix_of(replace(task, lake=lake, definitions=some), seen.pairs) as sample:
        return {one.code: _figures_of(one, sample.column(one.code), seen) for one in indicators}


def _figures_of(one: Indicator, values: Floats, seen: Labelled) -> dict[str, Any]:
    known = ~np.isnan(values)
    riskier = -values if one.direction == "safer" else values
    top = known & _top(riskier, known, seen.weight)
    rate, top_rate = _rate(seen, known), _rate(seen, top)
    return {
        "values": values,
        "coverage": _share(seen, known),
        "top_share": _share(seen, top),
        "top_rate": top_rate,
        "lift": top_rate / rate if rate and top_rate is not None else None,
    }


def _top(values: Floats, known: Flags, weight: Floats) -> Flags:
    """The smallest set of the greatest values that is a tenth at least; all above the least, when it would be everyone.

    Equal values stay together, so that a flag's top are those it flags.
    """
    levels, place = np.unique(values[known], return_inverse=True)
    if not len(levels):
        return np.zeros(len(values), np.bool_)
    of_level = np.bincount(place, weights=weight[known], minlength=len(levels))
    from_level = np.cumsum(of_level[::-1])[::-1] / of_level.sum()
    last = int(np.flatnonzero(from_level >= min(TOP, from_level.max()))[-1])
    found: Flags = values >= levels[last] if last else values > levels[0]
    return found


def _rate(seen: Labelled, rows: Flags) -> float | None:
    total = float(seen.weight[rows].sum())
    return float((seen.weight[rows] * seen.outcome[rows]).sum()) / total if total else None


def _share(seen: Labelled, rows: Flags) -> float | None:
    total = float(seen.weight.sum())
    return float(seen.weight[rows].sum()) / total if total else None


def _without_values(figures: Mapping[str, Any]) -> dict[str, Any]:
    names = ("coverage", "top_share", "top_rate", "lift")
    return {name: figures.get(name) for name in names}


def _differing(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, seen: Labelled) -> float | None:
    """The share of entities whose value is another one now; null where there is nothing to compare."""
    if old is None or new is None:
        return None
    was, now = old["values"], new["values"]
    return _share(seen, (was != now) & ~(np.isnan(was) & np.isnan(now)))


def _migration(question: Question, say: Say) -> dict[str, Any]:
    """Who would stand in which class in past months, under the champion and under the scheme trained on the version.

    Both classify the months as first months, so that what differs comes from the schemes and not from steadiness.
    """
    champion, trained = question.champion, question.trained
    if champion is None or trained is None:
        return {"months": [], "missing": NO_CHAMPION if champion is None else NOT_TRAINED}
    found = []
    for month in question.months:
        say(f"classes of {month} under both schemes")
        try:
            was, now = (_classes(question.task, scheme, month) for scheme in (champion, trained))
        except SchemeError as fault:
            # a champion of before schemes carried their definitions can be compared with nothing any more
            comparable = champion.system is not None
            return {"champion": champion.digest, "months": [], "missing": str(fault), "comparable": comparable}
        moved = migration(_counted(was), _counted(now))
        found.append(
            {
                "month": str(month),
                "moves": {
                    before: dict(zip(NAMES.tolist(), row, strict=True))
                    for before, row in zip(NAMES.tolist(), moved.moves, strict=True)
                },
                "entities": moved.entities,
                "unchanged": moved.unchanged,
                "two_class_jumps": moved.two_class_jumps,
                "entered": moved.entered,
                "left": moved.left,
            }
        )
    return {"champion": champion.digest, "trained": trained.digest, "months": found, "missing": None}


def _classes(task: Task, scheme: Scheme, month: Month) -> Population:
    lake, definitions = under(scheme, task.lake)
    return classified(replace(task, lake=lake, definitions=definitions), scheme, as_of=month.end)


def _counted(found: Population) -> tuple[Any, Any]:
    return found.entity[found.counted].astype(np.int64), found.final_class[found.counted]
