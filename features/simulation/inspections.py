"""Records of visits: inspections with their draw, what was found, and orders to put it right."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from features.simulation.detection import CLEAN, CORRECTED, NO_ACTIVITY, NO_CONTACT, RESULT_CODES, Findings
from features.simulation.rows import Rows, blank_unless, closed, day, pick, rows, text
from features.simulation.scene import Scene
from features.simulation.streams import Flags, Ints, at, between
from features.simulation.supervision import Visits, methods, origins
from features.simulation.world import NEVER, World

MARKET, DEPARTMENT = ("gsxt", "credit_platform"), ("G109", "G304")


@dataclass(frozen=True)
class Visited:
    """Visits with their findings and what all records of a visit share."""

    visits: Visits
    findings: Findings
    number: pl.Series
    by_department: Flags
    entered: Ints
    domain: Ints


def visited(scene: Scene, visits: Visits, findings: Findings) -> Visited:
    """What all records of the block's visits share: number, who visited, when it was entered."""
    rng, rules = scene.streams.rng("visited"), scene.world["supervision"]
    domain = at(findings.violations.domain, findings.worst, -1)
    joint = np.array([programme["matter"] == "department" for programme in rules["programmes"]])
    drawn_jointly = (visits.programme >= 0) & joint[np.maximum(visits.programme, 0)]
    directed = (visits.programme < 0) & (domain >= 0) & scene.world.of_department[np.maximum(domain, 0)]
    by_department = drawn_jointly | directed
    own, departments = rules["entered_days"]
    lag = np.where(by_department, departments, own)
    entered = scene.entered(visits.day, 1.0, rng) + (rng.exponential(1.0, len(visits)) * lag).astype(np.int64)
    return Visited(visits, findings, text("JC{}", scene.serial(len(visits))), by_department, entered, domain)


def inspection_rows(scene: Scene, seen: Visited) -> list[Rows]:
    """Inspections and their findings."""
    rng, visits, world = scene.streams.rng("inspections"), seen.visits, scene.world
    drawn = visits.programme >= 0
    before = between(rng, world["supervision"]["drawn_before"], len(visits))
    fields = {
        "source": pick(MARKET, seen.by_department.astype(np.int64)),
        "item": pick(DEPARTMENT, seen.by_department.astype(np.int64)),
        "inspection_no": seen.number,
        "matters": pick(*_matters(world, seen)),
        "origin": pick(origins(world), visits.origin),
        "method": pick(methods(world), visits.offsite),
        "authority": authority(scene, visits.entity, seen.by_department, seen.domain),
        "drawn_date": day(np.where(drawn, visits.day - before, NEVER)),
        "stratum_id": blank_unless(_stratum(scene, visits), drawn),
        "inclusion_probability": blank_unless(pl.Series(visits.draw_chance).round(6), drawn),
        "inspected_date": day(visits.day),
        "inspectors": between(rng, world["supervision"]["inspectors"], len(visits)),
        "results": pick(RESULT_CODES, seen.findings.result),
        "published_date": day(seen.entered),
    }
    inspections = rows("inspection", visits.entity, seen.entered, fields)
    return [inspections, _findings(scene, seen)]


def rectification_rows(scene: Scene, seen: Visited) -> list[Rows]:
    """Orders to put right what a visit found; conduct decides whether it is done in time."""
    rng, rules = scene.streams.rng("rectifications"), scene.world["cases"]
    ordered = np.flatnonzero((seen.findings.worst >= 0) & (rng.random(len(seen.visits)) < rules["rectification"]))
    entity, issued = seen.visits.entity[ordered], seen.visits.day[ordered]
    due = issued + rules["rectified_days"]
    slow = rng.exponential(1.0, len(ordered)) * np.exp(rules["rectify_conduct"] * scene.conduct.mean[entity])
    done = issued + 2 + (slow * rules["rectify_days"]).astype(np.int64)
    end = np.where(slow > rules["rectify_never"], NEVER, done)
    fields = {
        "source": "enforcement",
        "item": "G402",
        "order_no": text("ZG{}", scene.serial(len(ordered))),
        "source_kind": "inspection",
        "inspection_no": seen.number.gather(ordered),
        "issued_date": day(issued),
        "due_date": day(due),
    }
    first = rows("rectification", entity, seen.entered[ordered], fields)
    result = pick(("completed", "partial"), (rng.random(len(ordered)) < rules["rectified_partly"]).astype(np.int64))
    lag = between(rng, (1, 6), len(ordered))
    return closed(first, end, lag, {"closed_date": day(end), "result": blank_unless(result, end < NEVER)})


def authority(scene: Scene, entity: Ints, by_department: Flags, domain: Ints) -> pl.Series:
    """Name of the authority that acts on an entity in a domain."""
    wording = scene.world["wording"]
    names = [wording["departments"].get(code, "") for code in scene.world.domains]
    county = scene.county_name.gather(entity)
    market = text(wording["authority"], county)
    department = text("{}{}", county, pick(names, np.maximum(domain, 0)))
    named = np.array([name != "" for name in names])[np.maximum(domain, 0)] & (domain >= 0)
    return department.zip_with(pl.Series(by_department & named), market)


def _matters(world: World, seen: Visited) -> tuple[list[str], Ints]:
    """Codes of what was inspected and the position of each visit's."""
    rules = world["supervision"]
    of_domain = [rules["matters"].get(code, "department") for code in world.domains]
    of_programme = [programme["matter"] for programme in rules["programmes"]]
    programme = seen.visits.programme
    undirected = np.where(seen.domain >= 0, seen.domain, len(of_domain) + len(of_programme))
    position = np.where(programme >= 0, len(of_domain) + programme, undirected)
    return [*of_domain, *of_programme, "registration"], position


def _stratum(scene: Scene, visits: Visits) -> pl.Series:
    """Programme, year, county or city, and kind: all entities of a stratum have the same chance."""
    programmes = scene.world["supervision"]["programmes"]
    by_city = np.array([programme["stratum"] == "city" for programme in programmes])[np.maximum(visits.programme, 0)]
    parents = [scene.world.parents[code] for code in scene.world.counties]
    place = pick(parents, scene.people.county[visits.entity]).zip_with(
        pl.Series(by_city), scene.county.gather(visits.entity)
    )
    year = day(visits.day).dt.year().cast(pl.String)
    programme = pick([row["code"] for row in programmes], np.maximum(visits.programme, 0))
    return text("{}-{}-{}-{}", year, programme, place, pick(scene.world.kinds, scene.people.kind[visits.entity]))


def _findings(scene: Scene, seen: Visited) -> Rows:
    """One finding a visit that found a violation or could not do its work: what, and how grave."""
    rng, rules = scene.streams.rng("findings"), scene.world["supervision"]
    result = seen.findings.result
    found = np.flatnonzero((result != CLEAN) & (result != NO_ACTIVITY))
    by_violation = seen.findings.worst[found] >= 0
    types = [rules["finding_types"].get(code, "other") for code in scene.world.domains]
    types = ["department_breach" if d else t for t, d in zip(types, scene.world.of_department, strict=True)]
    position = np.where(by_violation, seen.domain[found], len(types))
    severity = np.where(by_violation, seen.findings.severity[found], 1)
    corrected = result[found] == CORRECTED
    when = np.where(corrected, seen.visits.day[found] + between(rng, (0, 3), len(found)), NEVER)
    entered = np.maximum(seen.entered[found], np.where(corrected, when, 0))
    fields = {
        "source": pick(MARKET, seen.by_department[found].astype(np.int64)),
        "item": pick(DEPARTMENT, seen.by_department[found].astype(np.int64)),
        "inspection_no": seen.number.gather(found),
        "finding_no": "1",
        "found_date": day(seen.visits.day[found]),
        "finding_type": pick(
            [*types, "registration_mismatch"], np.where(result[found] == NO_CONTACT, len(types), position)
        ),
        "key_item": (severity >= 2).astype(np.int64),
        "severity": severity,
        "corrected": corrected.astype(np.int64),
        "corrected_date": day(when),
    }
    return rows("inspection_finding", seen.visits.entity[found], entered, fields)
