"""What a year of visits finds among violations that would have run on: chances and days, nothing drawn.

A day counts from the day of the plan, so the first visits are on day 1 and the last on day 365. A visit finds each
violation in progress with the chance of a check on site, unless the entity is away; nothing is simulated again, all
figures are expectations.
"""

from dataclasses import dataclass

import numpy as np

from evaluation.metrics import Flags, Floats, Integers
from features.simulation.unwatched import YEAR, Unwatched

HORIZON = 2 * YEAR
UNVISITED = -1


@dataclass(frozen=True)
class Catch:
    """By violation: the chance that it is found within the year, and that chance times the day on which it is."""

    chance: Floats
    day: Floats


@dataclass(frozen=True)
class Recorded:
    """Visits on site that were really made: entity (a position), day, and whether they stood in a plan."""

    entity: Integers
    day: Integers
    planned: Flags

    def __len__(self) -> int:
        return len(self.entity)

    def where(self, rows: Flags) -> "Recorded":
        """The visits of a mask."""
        return Recorded(self.entity[rows], self.day[rows], self.planned[rows])


@dataclass(frozen=True)
class Measured:
    """By violation, the sums that all figures are made of; days are expectations.

    ``found`` is the chance of a find, ``detected`` its days since the violation began (or the plan did), ``waited``
    the days in the year until it is found or ends, ``prevented`` the days it would have lasted after a find within 24
    months of the plan.
    """

    found: Floats
    detected: Floats
    waited: Floats
    prevented: Floats

    def columns(self) -> Floats:
        """One row a violation, in the order of the fields."""
        return np.column_stack([self.found, self.detected, self.waited, self.prevented])


def calendar(visits: int) -> Integers:
    """The days of so many visits, spread evenly over the year: the k-th (from 0) on day 365 (k + ½) / visits, up."""
    return np.ceil(YEAR * (np.arange(visits) + 0.5) / max(visits, 1)).astype(np.int64)


def in_order(order: Integers, visits: int) -> Integers:
    """The day each entity is visited when the first of an order are, in that order; ``UNVISITED`` for the others."""
    days = np.full(len(order), UNVISITED, np.int64)
    days[order[:visits]] = calendar(min(visits, len(order)))
    return days


def visited(violations: Unwatched, days: Integers) -> Catch:
    """What one visit each finds, on the day given for every entity."""
    day = days[violations.entity]
    met = (violations.begins <= day) & (day < violations.ends) & (day != UNVISITED)
    met &= ~((violations.away_from <= day) & (day < violations.away_to))
    chance = np.where(met, violations.chance, 0.0)
    return Catch(chance, chance * day)


def anyone(violations: Unwatched, visits: int, entities: int) -> Catch:
    """What visits to so many entities drawn by lot, in an order by lot, find on the average over all lots."""
    on_day = np.bincount(calendar(min(visits, entities)), minlength=YEAR + 1)
    before = np.concatenate([[0.0], np.cumsum(on_day)])
    days_before = np.concatenate([[0.0], np.cumsum(on_day * np.arange(YEAR + 1))])
    first, last = (np.clip(day, 0, YEAR + 1) for day in (violations.begins, violations.ends))
    gone, back = (np.clip(day, first, last) for day in (violations.away_from, violations.away_to))

    def among(upto: Floats) -> Floats:
        return np.asarray((upto[last] - upto[first]) - (upto[back] - upto[gone]))

    return Catch(violations.chance * among(before) / entities, violations.chance * among(days_before) / entities)


def recorded(violations: Unwatched, visits: Recorded, kept: float) -> Catch:
    """What some of the visits really made found, as the truth has it, when every one is kept with one chance."""
    day = np.clip(violations.found, 0, YEAR + 1)
    made = visits.entity * (YEAR + 2) + visits.day
    found = (day >= 1) & (day <= YEAR) & np.isin(violations.entity * (YEAR + 2) + day, made)
    chance = np.where(found, kept, 0.0)
    return Catch(chance, chance * day)


def followed(violations: Unwatched, days: Integers, visits: Recorded) -> Catch:
    """What one visit each on given days finds, and after it those visits really made find what they found then."""
    plan, made = visited(violations, days), recorded(violations, visits, 1.0)
    earlier = (made.chance == 0) | (days[violations.entity] < made.day)
    first, missed = np.where(earlier, plan.chance, 0.0), np.where(earlier, 1.0 - plan.chance, 1.0)
    return Catch(first + missed * made.chance, np.where(earlier, plan.day, 0.0) + missed * made.day)


def measured(violations: Unwatched, catch: Catch) -> Measured:
    """The sums of every violation under a year of visits."""
    origin, stop = started(violations), np.minimum(violations.ends, YEAR)
    late = np.minimum(violations.ends, HORIZON)
    return Measured(
        found=catch.chance,
        detected=catch.day - catch.chance * origin,
        waited=(stop - origin) - (catch.chance * stop - catch.day),
        prevented=catch.chance * late - catch.day,
    )


def started(violations: Unwatched) -> Integers:
    """The day from which a violation can be waited for: its first, or day 0 when it had begun."""
    return np.maximum(violations.begins, 0)
