"""Orders in which entities are visited within a year, compared by what the visits find, at several capacities.

Every order is that of one day; nothing learnt during the year moves it. What really happened in that year stands
beside: all visits on site, and those of them that stood in a plan.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from evaluation.calendars import (
    UNVISITED,
    Catch,
    Measured,
    Recorded,
    anyone,
    followed,
    in_order,
    measured,
    recorded,
    visited,
)
from evaluation.metrics import Flags, Floats, Integers, Interval, percentile_interval
from evaluation.shown import Words
from evaluation.slices import Parted
from features.simulation.unwatched import Unwatched
from training.cohort import uniform
from training.cutoffs import RiskClass

OURS, CLASSES, PROPENSITY, RANDOM = "ours", "classes", "propensity", "random"
PLANNED, TODAY, REPLACED = "planned", "today", "replaced"
CAPACITIES = (0.01, 0.02, 0.05, 0.10, 0.20)  # shares of entities that can be visited within a year
AS_TODAY, RISKY = "today", "C+D"
REPLICATES = 500
WEIGHTS_AT_ONCE = 4_000_000
FEWEST, FEWEST_VIOLATIONS = 200, 20
TIES = "saved"
Z95 = 1.959964
SUMS = len(Measured.__annotations__)


@dataclass(frozen=True)
class Seen:
    """Everyone in scope on a date as a scheme saw them, and who was really visited on site in the year after.

    ``code`` are unified codes; ``risk_class`` a position in A to D; ``visits`` name entities by position here.
    """

    as_of: date
    code: Sequence[str]
    probability: Floats
    risk_class: NDArray[np.int8]
    visits: Recorded

    def __len__(self) -> int:
        return len(self.code)

    def orders(self, propensity: Floats) -> dict[str, Integers]:
        """Orders that can be made on the date: by probability, by class and then probability, by latent propensity."""
        half = self.probability / 2  # never enough to reach the next class
        return {
            OURS: self.by(self.probability),
            CLASSES: self.by(self.risk_class + half),
            PROPENSITY: self.by(propensity),
        }

    def by(self, score: Floats) -> Integers:
        """Positions from the greatest score down; equal ones by a keyed hash of the code."""
        return np.lexsort((uniform(TIES, self.code, self.as_of), -score)).astype(np.int64)


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval; null where there is nothing to divide by, or no interval was drawn."""

    value: float | None
    interval: Interval | None = None


@dataclass(frozen=True)
class Plan:
    """What so many visits in one order come to; ``visits`` is less than the capacity where fewer were really made.

    ``found`` violations (expected), ``share`` of those in progress or beginning in the year, ``days_to_find`` of those
    found and ``days`` of all until found or ended, counted from the later of their beginning and the date, within the
    year; violation-days ``prevented`` within 24 months, and ``per_thousand`` visits. ``over_random`` is the ratio of
    days prevented to that of as many entities drawn by lot, ``more_than`` the difference to other orders of as many
    visits.
    """

    visits: int
    found: Estimate
    share: Estimate
    days_to_find: Estimate
    days: Estimate
    prevented: Estimate
    per_thousand: Estimate
    over_random: Estimate
    more_than: Mapping[str, Estimate]


@dataclass(frozen=True)
class Capacity:
    """All orders at one capacity: how many visits, what share of everyone, and what each order comes to."""

    code: str
    visits: int
    share: float
    plans: Mapping[str, Plan]


@dataclass(frozen=True)
class Waits:
    """Days until violations of a part are found or end, under our order, by class, and by lot; null in small parts.

    ``visited`` is the share of the part's entities our order reaches, ``found`` of its violations (expected).
    """

    value: str
    label: Words
    entities: int
    violations: int
    visited: float | None = None
    found: float | None = None
    days: Estimate = Estimate(None)
    days_by_class: float | None = None
    days_at_random: float | None = None


def capacities(seen: Seen) -> dict[str, int]:
    """How many visits each capacity allows, fewest first: fixed shares, today's number, that of classes C and D."""
    wanted = {f"{share:.0%}": round(share * len(seen)) for share in CAPACITIES}
    wanted |= {AS_TODAY: len(seen.visits), RISKY: int((seen.risk_class >= RiskClass.C).sum())}
    allowed = {code: min(visits, len(seen)) for code, visits in wanted.items() if visits}
    return dict(sorted(allowed.items(), key=lambda pair: pair[1]))


def caught(
    seen: Seen, violations: Unwatched, orders: Mapping[str, Integers], *, visits: int
) -> dict[str, tuple[int, Catch]]:
    """What every order finds in so many visits, and how many it makes: of those really made no more than there were.

    At today's number it also says what the visits of that year find when those in a plan go in our order instead and
    the others, on complaints and leads, are made as they were.
    """
    found = {name: (visits, visited(violations, in_order(order, visits))) for name, order in orders.items()}
    found[RANDOM] = (visits, anyone(violations, visits, len(seen)))
    for name, made in {PLANNED: seen.visits.where(seen.visits.planned), TODAY: seen.visits}.items():
        kept = min(visits, len(made))
        found[name] = (kept, recorded(violations, made, kept / max(len(made), 1)))
    if visits == len(seen.visits):
        days = in_order(orders[OURS], int(seen.visits.planned.sum()))
        found[REPLACED] = (visits, followed(violations, days, seen.visits.where(~seen.visits.planned)))
    return found


def compare(
    seen: Seen,
    violations: Unwatched,
    orders: Mapping[str, Integers],
    *,
    rng: np.random.Generator,
    replicates: int = REPLICATES,
) -> tuple[Capacity, ...]:
    """Every order at every capacity; intervals come from so many replicates over entities, none without.

    What is visited when is held fixed: the intervals say how far other violations of as many like entities would have
    led elsewhere, not how another scheme would have ordered them.
    """
    place, columns, made = _places(violations, apart=replicates > 0), [], []
    for code, visits in capacities(seen).items():
        plans = caught(seen, violations, orders, visits=visits)
        made.append((code, visits, {name: number for name, (number, _) in plans.items()}))
        sums = [one for _, catch in plans.values() for one in measured(violations, catch).columns().T]
        columns += [np.bincount(place, weights=column) for column in sums]
    drawn = _drawn(np.column_stack([*columns, np.bincount(place)]), rng, replicates)
    result, first = [], 0
    for code, visits, numbers in made:
        own = {}
        for name, number in numbers.items():
            own[name] = (number, drawn[:, first : first + SUMS])
            first += SUMS
        told = {name: _plan(name, own, drawn[:, -1]) for name in numbers}
        result.append(Capacity(code, visits, visits / len(seen), told))
    return tuple(result)


def _places(violations: Unwatched, *, apart: bool) -> Integers:
    """The entities that violate, numbered, for every violation; all as one unless they are to be drawn apart."""
    if apart:
        return np.unique(violations.entity, return_inverse=True)[1].astype(np.int64)
    return np.zeros(len(violations), np.int64)


def _drawn(of_entity: Floats, rng: np.random.Generator, replicates: int) -> Floats:
    """Sums of columns over entities (one row each): first as they are, then so many replicates.

    Entities without a violation add to no sum, so the others are weighted by Poisson numbers of mean 1: a bootstrap of
    entities whose number is large. Reference: Hanley and MacGibbon 2006.
    """
    rows, chunk = [of_entity.sum(axis=0)[None, :]], max(1, WEIGHTS_AT_ONCE // max(len(of_entity), 1))
    for start in range(0, replicates, chunk):
        drawn = rng.poisson(1.0, (min(chunk, replicates - start), len(of_entity))).astype(np.float64)
        rows.append(drawn @ of_entity)
    return np.concatenate(rows)


def _plan(name: str, sums: Mapping[str, tuple[int, Floats]], count: Floats) -> Plan:
    visits, own = sums[name]
    found, detected, waited, prevented = own.T
    thousands = np.full(len(count), visits / 1000)
    others = {other: rows for other, rows in sums.items() if other != name and rows[0] == visits}
    return Plan(
        visits=visits,
        found=_estimate(found),
        share=_estimate(_ratio(found, count)),
        days_to_find=_estimate(_ratio(detected, found)),
        days=_estimate(_ratio(waited, count)),
        prevented=_estimate(prevented),
        per_thousand=_estimate(_ratio(prevented, thousands)),
        over_random=_estimate(_ratio(prevented, sums[RANDOM][1][:, -1]) if RANDOM in others else own[:0, 0]),
        more_than={other: _estimate(prevented - rows[1][:, -1]) for other, rows in others.items()},
    )


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    ratio: Floats = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=ratio, where=denominator > 0)
    return ratio


def _estimate(values: Floats) -> Estimate:
    """The first value with the middle 95 % of the others, which are replicates of it."""
    if not len(values) or not np.isfinite(values[0]):
        return Estimate(None)
    return Estimate(float(values[0]), percentile_interval(values[1:]))


def waits(
    seen: Seen, violations: Unwatched, orders: Mapping[str, Integers], parted: Parted, *, visits: int
) -> tuple[Waits, ...]:
    """Days until violations are found or end, by part of the entities, when so many are visited."""
    words, named = parted[0], np.asarray(parted[1])
    days = in_order(orders[OURS], visits)
    catches = [visited(violations, days), visited(violations, in_order(orders[CLASSES], visits))]
    sums = [measured(violations, catch) for catch in (*catches, anyone(violations, visits, len(seen)))]
    found = []
    for value, label in words.items():
        own = named == value
        part = Waits(value, label, int(own.sum()), int(own[violations.entity].sum()))
        if part.entities >= FEWEST and part.violations >= FEWEST_VIOLATIONS:
            part = _waited(part, sums, violations.entity, own)
            part = replace(part, visited=float((days[own] != UNVISITED).mean()))
        found += [part] if part.entities else []
    return tuple(found)


def _waited(part: Waits, sums: Sequence[Measured], entity: Integers, own: Flags) -> Waits:
    inside = own[entity]
    _, place = np.unique(entity[inside], return_inverse=True)
    means = [float(one.waited[inside].mean()) for one in sums]
    # Linearised, entities as clusters: as many parts as counties would make a bootstrap of each slow.
    apart = np.bincount(place, weights=sums[0].waited[inside] - means[0])
    half = Z95 * float(np.sqrt((apart**2).sum())) / part.violations
    return replace(
        part,
        found=float(sums[0].found[inside].mean()),
        days=Estimate(means[0], (means[0] - half, means[0] + half)),
        days_by_class=means[1],
        days_at_random=means[2],
    )
