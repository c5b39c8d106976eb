"""The past replayed: what a scheme fitted before a date would have found after it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import GateError
from evaluation.metrics import (
    Flags,
    Floats,
    Integers,
    Interval,
    Ranking,
    auc,
    average_precision,
    bootstrap,
    capture,
    observed_expected,
    rank,
    weigh,
)

PLANNED = "planned"
LOGISTIC = "logistic"
DATED, LOGISTIC_DATED = "planned_dated", "logistic_dated"  # only where the profile assumes some dates
NEEDS_GROUP = "group_known"
SCORES = (PLANNED, NEEDS_GROUP, "no_control", LOGISTIC, "lightgbm", "forest", DATED, LOGISTIC_DATED)
UNKNOWN = -1


@dataclass(frozen=True)
class Scored:
    """Entity-date pairs whose outcome is known, as one scheme sees them: arrays of one length."""

    entity: Integers
    kind: Integers
    outcome: Flags
    weight: Floats
    margin: Floats
    probability: Floats

    def where(self, rows: Flags) -> "Scored":
        """The pairs of a mask."""
        return Scored(
            self.entity[rows],
            self.kind[rows],
            self.outcome[rows],
            self.weight[rows],
            self.margin[rows],
            self.probability[rows],
        )


@dataclass(frozen=True)
class Volume:
    """What looking at the riskiest share of entities finds: the share of all cases, how many times more than looking at
    random, and the share of those looked at."""

    name: str
    share: float
    capture: float | None
    capture_interval: Interval | None
    lift: float | None
    precision: float | None = None


@dataclass(frozen=True)
class Discrimination:
    """How well an order tells those with the outcome from those without."""

    n: int
    n_pos: int
    rate: float | None
    auc: float | None
    auc_interval: Interval | None
    ap: float | None
    ap_interval: Interval | None
    volumes: tuple[Volume, ...]


@dataclass(frozen=True)
class Origin:
    """One as-of date of the backtest, and the day by which was known what its scheme was fitted on.

    Positives are counted by kind number; ``o_e`` is observed over expected.
    """

    as_of: date
    fitted_on: date
    found: Discrimination
    o_e: float | None
    o_e_interval: Interval | None
    positives: Mapping[int, int]


@dataclass(frozen=True)
class Inspections:
    """Inspections that took place, one row each; ``group`` is −1 where nobody knows who inspected."""

    day: NDArray[np.datetime64]
    entity: Integers
    group: Integers
    outcome: Flags


Scorer = Callable[[Flags, Flags], Mapping[str, Floats]]
"""Fits on the rows of the first mask, which all lie before those of the second, and scores the second: ``SCORES``.

A profile without assumed dates has neither of the dated two."""


def discriminate(
    scored: Scored, volumes: Mapping[str, float], rng: np.random.Generator, *, replicates: int = 1000
) -> Discrimination:
    """AUC, average precision and capture at named volumes, with intervals over entities."""
    shares = {name: share for name, share in volumes.items() if share > 0}
    if not len(scored.outcome):
        return Discrimination(0, 0, None, None, None, None, None, ())
    ranking = rank(scored.margin, scored.outcome)
    points = _figures(ranking, scored.weight, tuple(shares.values()))[0]
    rate = float(np.average(scored.outcome, weights=scored.weight))
    intervals = bootstrap(
        lambda weights: _figures(ranking, weights, tuple(shares.values())),
        scored.entity,
        rng,
        weights=scored.weight,
        replicates=replicates,
    )
    return Discrimination(
        n=len(scored.outcome),
        n_pos=int(scored.outcome.sum()),
        rate=rate,
        auc=number(points[0]),
        auc_interval=intervals[0],
        ap=number(points[1]),
        ap_interval=intervals[1],
        volumes=tuple(
            Volume(name, share, number(found), interval, number(found / share), number(rate * found / share))
            for (name, share), found, interval in zip(shares.items(), points[2:], intervals[2:], strict=True)
        ),
    )


def _figures(ranking: Ranking, weights: Floats, shares: Sequence[float]) -> Floats:
    under = weigh(ranking, weights)
    captures = [capture(ranking, under, volume=share) for share in shares]
    return np.column_stack([auc(ranking, under), average_precision(ranking, under), *captures])


def number(value: Any) -> float | None:
    """A figure as JSON knows it: None where it is undefined."""
    return float(value) if np.isfinite(value) else None


def rolling(
    scored: Mapping[date, tuple[date, Scored]],
    *,
    volumes: Mapping[str, float],
    rng: np.random.Generator,
    replicates: int = 200,
) -> tuple[Origin, ...]:
    """One row an as-of date, given the day its scheme was fitted on and the pairs of the date as it scores them."""
    found = []
    for as_of, (fitted_on, pairs) in sorted(scored.items()):
        positives = {int(kind): int(pairs.outcome[pairs.kind == kind].sum()) for kind in np.unique(pairs.kind)}
        told = discriminate(pairs, volumes, rng, replicates=replicates)
        ratio, interval = observed_expected(
            pairs.probability, pairs.outcome, weights=pairs.weight, entities=pairs.entity
        )
        found.append(Origin(as_of, fitted_on, told, ratio, interval, positives))
    return tuple(found)


def windows(
    inspections: Inspections,
    spans: Mapping[str, tuple[date, date]],
    score: Scorer,
    *,
    tuned_until: date | None,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Rival scores on each named window (first day, last day), trained on all inspections before it, as one document.

    Within group means pairs of one group and one window;
    inspections of unknown group are left out there and counted. Where no group is known, what needs it is null.
    """
    scored = {name: _score(name, inspections, span, score) for name, span in spans.items()}
    return {
        "windows": {name: _window(*part, rng) for name, part in scored.items()},
        "pooled": _pooled(list(scored.values()), (PLANNED, LOGISTIC), rng),
        "pooled_dated": _pooled(list(scored.values()), (DATED, LOGISTIC_DATED), rng),
        "tuned_until": None if tuned_until is None else tuned_until.isoformat(),
    }


def _score(
    window: str, inspections: Inspections, span: tuple[date, date], score: Scorer
) -> tuple[Inspections, dict[str, Floats]]:
    first, last = np.datetime64(span[0]), np.datetime64(span[1])
    train = inspections.day < first
    test = (inspections.day >= first) & (inspections.day <= last)
    if not train.any() or not test.any():
        raise GateError(
            f"Window {window}, {span[0]} to {span[1]}: {train.sum()} inspections before it and {test.sum()} in it; "
            f"expected some of both. There are inspections from {inspections.day.min()} to {inspections.day.max()}. "
            "Nothing was scored; name a window inside them."
        )
    inside = Inspections(
        inspections.day[test], inspections.entity[test], inspections.group[test], inspections.outcome[test]
    )
    found = score(train, test)
    has_group = bool((inside.group != UNKNOWN).any())
    return inside, {name: margins for name, margins in found.items() if name != NEEDS_GROUP or has_group}


def _window(inside: Inspections, scores: Mapping[str, Floats], rng: np.random.Generator) -> dict[str, Any]:
    found: dict[str, Any] = {name: _one_score(inside, scores[name], rng) if name in scores else None for name in SCORES}
    found["n"] = len(inside.outcome)
    found["rate"] = number(inside.outcome.mean())
    found["unknown_group"] = int((inside.group == UNKNOWN).sum())
    return found


def _one_score(inside: Inspections, score: Floats, rng: np.random.Generator) -> dict[str, Any]:
    everyone = rank(score, inside.outcome)
    within = rank(score, inside.outcome, stratum=inside.group)

    def figures(weights: Floats) -> Floats:
        under = weigh(everyone, weights)
        return np.column_stack(
            [
                auc(everyone, under),
                average_precision(everyone, under),
                capture(everyone, under, volume=0.5),
                auc(within, weights),
            ]
        )

    names = ("auc", "ap", "first_half", "auc_within_group")
    points = figures(np.ones(len(score)))[0]
    intervals = bootstrap(figures, inside.entity, rng)
    found: dict[str, Any] = {}
    for name, point, interval in zip(names, points, intervals, strict=True):
        found[name] = number(point)
        found[f"{name}_interval"] = None if interval is None else list(interval)
    return found


def _pooled(
    parts: Sequence[tuple[Inspections, Mapping[str, Floats]]], names: tuple[str, str], rng: np.random.Generator
) -> dict[str, Any] | None:
    """Pairs of all windows together, each window's among themselves; entities are drawn across windows.

    ``names`` are the score and the linear one it is compared with; None where nothing was scored that way.
    """
    if not all(scores.keys() >= set(names) for _, scores in parts):
        return None
    entity = np.concatenate([inside.entity for inside, _ in parts])
    outcome = np.concatenate([inside.outcome for inside, _ in parts])
    window = np.repeat(np.arange(len(parts)), [len(inside.outcome) for inside, _ in parts])
    group = np.concatenate([inside.group for inside, _ in parts])
    planned, logistic = (np.concatenate([scores[name] for _, scores in parts]) for name in names)
    of_window = np.where(group == UNKNOWN, UNKNOWN, window * (group.max() + 1) + group)
    within = rank(planned, outcome, stratum=of_window)
    both = [rank(score, outcome, stratum=window) for score in (planned, logistic)]

    def figures(weights: Floats) -> Floats:
        level, other = (auc(ranking, weights) for ranking in both)
        return np.column_stack([auc(within, weights), level - other])

    points = figures(np.ones(len(outcome)))[0]
    intervals = [None if interval is None else list(interval) for interval in bootstrap(figures, entity, rng)]
    return {
        "auc_within_group": number(points[0]),
        "interval": intervals[0],
        "difference_to_logistic": number(points[1]),
        "difference_interval": intervals[1],
    }
