"""From what was found to what is decided: cases, their outcomes, and the severity and kinds of penalties."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from features.simulation.detection import CLEAN, CONCEALED, CORRECTED
from features.simulation.inspections import Visited, authority
from features.simulation.rows import Rows, closed, day, pick, rows, text
from features.simulation.scene import Scene
from features.simulation.streams import Flags, Floats, Ints, at, between, choose
from features.simulation.supervision import NOTHING, origins

TRANSFERRED = "transferred_justice"


@dataclass(frozen=True)
class Cases:
    """Cases of a block, one value a case; ``severity`` is that of the decision, 0 where no penalty was decided."""

    entity: Ints
    visit: Ints
    act: Ints
    filed: Ints
    decided: Ints
    domain: Ints
    by_department: Flags
    violation_type: pl.Series
    summary: Flags
    outcome: Ints
    severity: Ints
    number: pl.Series


def outcome_codes(scene: Scene) -> tuple[str, ...]:
    """Outcomes of a case in the order their numbers mean; the first is a penalty, the last a transfer to justice."""
    return (*scene.world["cases"]["outcomes"], TRANSFERRED)


def cases_of(scene: Scene, seen: Visited) -> Cases:
    """The cases that follow the visits: one a violation found, unless it is false publicity or not pursued."""
    rng, rules, known = scene.streams.rng("cases"), scene.world["cases"], seen.findings.violations
    chance = np.array(rules["filed"])[known.severity]
    visit = seen.findings.found_by
    chance = chance * np.where(at(seen.findings.result, visit, CLEAN) == CORRECTED, rules["filed_corrected"], 1.0)
    chance = chance * np.where(at(seen.visits.programme, visit, NOTHING) >= 0, rules["filed_drawn"], 1.0)
    pursued = (rng.random(len(known)) < chance) & ~known.concealment & (seen.findings.found_by >= 0)
    case = np.flatnonzero(pursued)
    visit, severity = visit[case], known.severity[case]
    found = seen.visits.day[visit]
    summary = (severity <= 1) & (rng.random(len(case)) < rules["summary"])
    filed = found + np.where(summary, 0, rng.exponential(rules["filed_days"], len(case)).astype(np.int64))
    decided = filed + np.where(summary, 1, between(rng, rules["decided_days"], len(case)))
    outcome = _outcomes(rules, severity, rng)
    return Cases(
        entity=known.entity[case],
        visit=visit,
        act=known.start[case],
        filed=filed,
        decided=decided,
        domain=known.domain[case],
        by_department=scene.world.of_department[known.domain[case]],
        violation_type=_types(scene, known.entity[case], known.domain[case], rng),
        summary=summary,
        outcome=outcome,
        severity=np.where(outcome == 0, _decided_severity(rules, severity, rng), 0),
        number=text(scene.world["wording"]["case"], day(filed).dt.year(), scene.serial(len(case))),
    )


def case_rows(scene: Scene, cases: Cases, seen: Visited) -> list[Rows]:
    """Case files of market regulation under ordinary procedure: opened, later closed with the outcome."""
    rng = scene.streams.rng("case files")
    own = np.flatnonzero(~cases.by_department & ~cases.summary)
    sources = scene.world["supervision"]["case_sources"]
    source = [sources.get(code, "inspection") for code in origins(scene.world)]
    entity = cases.entity[own]
    fields = {
        "source": "enforcement",
        "item": "G401",
        "case_no": cases.number.gather(own),
        "authority": authority(scene, entity, cases.by_department[own], cases.domain[own]),
        "case_source": pick(source, seen.visits.origin[cases.visit[own]]),
        "domain": pick(scene.world.domains, cases.domain[own]),
        "violation_type": cases.violation_type.gather(own),
        "filed_date": day(cases.filed[own]),
    }
    first = rows("case_file", entity, scene.entered(cases.filed[own], 3.0, rng), fields)
    outcome = pick(outcome_codes(scene), cases.outcome[own])
    ends = {"closed_date": day(cases.decided[own]), "outcome": outcome}
    return closed(first, cases.decided[own], between(rng, (1, 8), len(own)), ends)


def concealments(scene: Scene, seen: Visited) -> tuple[Ints, Ints]:
    """Entities found to publish false information, and the day it was found."""
    found = np.flatnonzero(seen.findings.result == CONCEALED)
    return seen.visits.entity[found], seen.visits.day[found]


def kinds_of(scene: Scene, severity: Ints, rng: np.random.Generator) -> pl.Series:
    """Kinds of penalty of decisions of severity 1 to 4, several joined by ``+``."""
    kinds = scene.world["cases"]["kinds"]
    labels = [list(kinds[level]) for level in sorted(kinds)]
    offset = np.cumsum([0, *(len(level) for level in labels)])
    position = np.zeros(len(severity), dtype=np.int64)
    for level in sorted(kinds):
        here = np.flatnonzero(severity == level)
        position[here] = offset[level - 1] + choose(rng, np.array(list(kinds[level].values()), float), len(here))
    return pick([label for level in labels for label in level], position)


def fines(scene: Scene, entity: Ints, severity: Ints, rng: np.random.Generator) -> Floats:
    """Fines in yuan for decisions of severity 1 to 4, rounded to what an authority would write."""
    bounds = np.array([scene.world["cases"]["fine"][kind] for kind in scene.world.kinds], dtype=np.float64)
    band = bounds[scene.people.kind[entity], np.clip(severity - 1, 0, bounds.shape[1] - 1)]
    amount = np.exp(np.log(band[:, 0]) + rng.random(len(entity)) * np.log(band[:, 1] / band[:, 0]))
    step = 10.0 ** np.floor(np.log10(amount) - 1)
    return np.asarray(np.clip(np.round(amount / step) * step, band[:, 0], band[:, 1]))


def _outcomes(rules: Mapping[str, Any], severity: Ints, rng: np.random.Generator) -> Ints:
    outcome = choose(rng, np.array(list(rules["outcomes"].values())), len(severity))
    transferred = (severity == 4) & (rng.random(len(severity)) < rules["transferred"])
    return np.where(transferred, len(rules["outcomes"]), outcome)


def _decided_severity(rules: Mapping[str, Any], severity: Ints, rng: np.random.Generator) -> Ints:
    lot = rng.random(len(severity))
    shift = np.where(lot < rules["lighter"], -1, np.where(lot > 1 - rules["heavier"], 1, 0))
    return np.clip(severity + shift, 1, 4)


def _types(scene: Scene, entity: Ints, domain: Ints, rng: np.random.Generator) -> pl.Series:
    """A type of violation a case, one of those of its domain and industry."""
    world = scene.world
    options = [world.types_of(mix, code) for mix in world.mixes for code in world.domains]
    start = np.cumsum([0, *(len(option) for option in options)])
    cell = scene.mix[entity] * len(world.domains) + domain
    position = start[cell] + (rng.random(len(cell)) * np.diff(start)[cell]).astype(np.int64)
    return pick([code for option in options for code in option], position)
