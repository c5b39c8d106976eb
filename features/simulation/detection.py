"""What visits find: which violations come to light, when, and the result each visit reports."""

from dataclasses import dataclass, replace

import numpy as np

from features.simulation.conduct import Violations
from features.simulation.scene import Scene
from features.simulation.streams import Flags, Ints, at, scatter
from features.simulation.supervision import NOTHING, Visits

CLEAN, CORRECTED, NO_ACTIVITY, REFUSED, GONE, PENDING, NO_CONTACT, UNPUBLISHED, CONCEALED = range(9)
RESULT_CODES = ("01", "02", "03", "04", "05", "09", "10", "13", "14")  # of the national list of inspection results


@dataclass(frozen=True)
class Findings:
    """What a block's visits found: a result and the worst violation a visit, and a visit a violation that was found.

    ``natural_end`` is the first day without each violation had nobody found it.
    """

    result: Ints
    worst: Ints
    severity: Ints
    found_by: Ints
    violations: Violations
    natural_end: Ints


def detect(scene: Scene, violations: Violations, visits: Visits, away: tuple[Ints, Ints]) -> Findings:
    """Findings of visits sorted by entity and day. A violation ends with the day it is found: it is found once."""
    rng = scene.streams.rng("detection")
    visit, violation = _meetings(visits, violations)
    rules = scene.world["supervision"]
    chance = np.where(
        visits.offsite[visit] > 0,
        np.array(rules["found_offsite"])[violations.severity[violation]],
        np.array(rules["found_onsite"])[violations.severity[violation]],
    )
    absent = _absent(visits, away)
    seen = (rng.random(len(visit)) < chance) | (visits.cause[visit] == violation)
    seen &= ~(absent[visit] & (visits.cause[visit] == NOTHING))
    found_by = np.full(len(violations), NOTHING, dtype=np.int64)
    order = np.flatnonzero(seen)[::-1]  # visits are sorted by day: the earliest is written last
    found_by[violation[order]] = visit[order]
    ended = np.where(found_by >= 0, at(visits.day, found_by, 0) + 1, violations.end)
    worst = _worst(len(visits), found_by, violations.severity)
    severity = at(violations.severity, worst, NOTHING)
    hidden = at(violations.concealment, worst, False)
    result = _results(scene, severity, hidden, absent, rng)
    return Findings(
        result=result,
        worst=worst,
        severity=severity,
        found_by=found_by,
        violations=replace(violations, end=ended),
        natural_end=violations.end,
    )


def _meetings(visits: Visits, violations: Violations) -> tuple[Ints, Ints]:
    """Pairs of a visit and a violation of the same entity in progress on that day, in the order of the visits."""
    first = np.searchsorted(violations.entity, visits.entity, side="left")
    counts = np.searchsorted(violations.entity, visits.entity, side="right") - first
    visit = scatter(counts)
    violation = first[visit] + np.arange(len(visit)) - np.repeat(np.cumsum(counts) - counts, counts)
    day = visits.day[visit]
    together = (violations.start[violation] <= day) & (day < violations.end[violation])
    return visit[together], violation[together]


def _absent(visits: Visits, away: tuple[Ints, Ints]) -> Flags:
    return np.asarray((away[0][visits.entity] <= visits.day) & (visits.day < away[1][visits.entity]))


def _worst(size: int, found_by: Ints, severity: Ints) -> Ints:
    """The gravest violation each visit found, NOTHING where it found none."""
    worst = np.full(size, NOTHING, dtype=np.int64)
    found = np.flatnonzero(found_by >= 0)
    order = found[np.argsort(severity[found], kind="stable")]
    worst[found_by[order]] = order
    return worst


def _results(scene: Scene, severity: Ints, hidden: Flags, absent: Flags, rng: np.random.Generator) -> Ints:
    rules = scene.world["supervision"]["results"]
    lot = rng.random(len(severity))
    serious = np.where(
        hidden,
        CONCEALED,
        np.select([lot < rules["refused"], lot < rules["refused"] + rules["corrected"]], [REFUSED, CORRECTED], PENDING),
    )
    slight = np.where(lot < rules["publicity"], UNPUBLISHED, CORRECTED)
    nothing = np.where(absent, np.where(lot < rules["contact"], NO_CONTACT, NO_ACTIVITY), CLEAN)
    substantive = scene.world["violations"]["substantive"]
    return np.select([severity >= substantive, severity >= 0], [serious, slight], nothing)
