"""Traces in society: complaints, platforms, associations, opinion, utilities, honours, and what monitoring sees."""

import numpy as np
import polars as pl

from features.simulation.conduct import Violations
from features.simulation.inspections import Visited
from features.simulation.rows import Rows, blank_unless, closed, day, followed, pick, rows, text
from features.simulation.scene import Scene
from features.simulation.streams import Flags, Ints, at, between
from features.simulation.supervision import origins
from features.simulation.traces import Traces, from_log, trace_rows, traces_of
from features.simulation.world import NEVER

YEAR = 365
REPORTED = ("unfounded", "rectified", "filed")


def society_rows(scene: Scene, seen: Visited) -> list[Rows]:
    """Complaints and the traces that people, platforms, associations and utilities leave."""
    return [
        *_complaints(scene, seen.findings.violations),
        _reports_before_visits(scene, seen),
        _platforms(scene),
        _associations(scene),
        _opinion(scene),
        _utilities(scene),
        _honours(scene),
        *_clues(scene),
        *_notices_given(scene),
    ]


def _complaints(scene: Scene, violations: Violations) -> list[Rows]:
    """Consumers' complaints: by exposure and conduct, more while a violation is in progress, some by professionals."""
    found = traces_of(scene, "complaint")
    found = found.where(_in_progress(found, violations) | found.lot("kept_idle"))
    size = len(found)
    professional, accepted = found.lot("professional"), found.lot("accepted")
    others = found.codes("outcomes")
    outcome = np.where(found.odds("refused"), len(others), found.chosen("outcomes"))
    resolved = found.day + found.whole("resolved")
    fields = {
        "complaint_no": text("TS{}", scene.serial(size)),
        "complaint_kind": "complaint",
        "domain": "consumer",
        "topic": found.code("topics"),
        "received_date": day(found.day),
        "accepted": accepted.astype(np.int64),
        "complainant_key": _complainants(scene, found, professional),
        "professional": professional.astype(np.int64),
        "amount": found.amount(),
    }
    first = trace_rows(scene, found, fields)
    codes = [*others, "mediation_refused", "rejected"]
    ends = {"resolved_date": day(resolved), "outcome": pick(codes, np.where(accepted, outcome, len(codes) - 1))}
    return _resolved(first, resolved, resolved <= first.entered, ends)


def _resolved(first: Rows, resolved: Ints, known: Flags, ends: dict[str, pl.Series]) -> list[Rows]:
    """Complaints with their outcome where it was known on entry, and a correction where it came later."""
    opened, told = closed(first, resolved, np.full(len(first), 2), ends)
    at_once = first.with_columns(**ends)
    late = followed(told, ~known, told.entered, "correct", {})
    return [at_once.where(known), opened.where(~known), late]


def _complainants(scene: Scene, found: Traces, professional: Flags) -> pl.Series:
    """Keys of complainants: professional claimants come again and again."""
    many = found.rng.integers(0, found.rules["claimants"], len(found))
    return scene.key("complainant", np.where(professional, many, 1000 + np.arange(len(found))))


def _in_progress(found: Traces, violations: Violations) -> Flags:
    """Whether a violation of the entity is in progress on the day, as far as its latest one begun tells."""
    code = violations.entity * NEVER + violations.start
    position = np.searchsorted(code, found.entity * NEVER + found.day, side="right") - 1
    same = at(violations.entity, position, -1) == found.entity
    return np.asarray(same & (found.day < at(violations.end, position, 0)))


def _reports_before_visits(scene: Scene, seen: Visited) -> Rows:
    """Reports (举报) that brought a visit, with what the visit made of them."""
    rng, rules = scene.streams.rng("reports before visits"), scene.world["traces"]["report"]
    visit = np.flatnonzero(seen.visits.origin == origins(scene.world).index("complaint"))
    entity, visited = seen.visits.entity[visit], seen.visits.day[visit]
    received = visited - between(rng, rules["before_visit"], len(visit))
    severity = seen.findings.severity[visit]
    outcome = np.where(severity >= scene.world["violations"]["substantive"], 2, np.where(severity >= 0, 1, 0))
    topics = list(scene.world["traces"]["complaint"]["topics"])
    resolved = visited + between(rng, rules["resolved"], len(visit))
    fields = {
        "source": rules["source"],
        "item": rules["item"],
        "complaint_no": text("JB{}", scene.serial(len(visit))),
        "complaint_kind": "report",
        "domain": pick(scene.world.domains, seen.domain[visit]),
        "topic": pick(topics, rng.integers(0, len(topics), len(visit))),
        "received_date": day(received),
        "accepted": 1,
        "resolved_date": day(resolved),
        "outcome": pick(REPORTED, outcome),
        "complainant_key": scene.key("reporter", np.arange(len(visit))),
        "professional": (rng.random(len(visit)) < rules["professional"]).astype(np.int64),
    }
    return rows("complaint", entity, scene.entered(resolved, rules["days"], rng), fields)


def _platforms(scene: Scene) -> Rows:
    found = traces_of(scene, "platform_event")
    size, platforms = len(found), scene.world["wording"]["platforms"]
    kind, codes = found.chosen("kinds"), found.codes("kinds")
    mean, slope = found.rules["decile"]
    noise = found.rules["decile_noise"] * found.rng.standard_normal(size)
    rating = np.clip(np.round(mean + slope * (found.conduct + noise)), 1, 10).astype(np.int64)
    elsewhere, home = scene.people.elsewhere[found.entity], scene.people.county[found.entity]
    operating = np.where(elsewhere >= 0, elsewhere, home)
    fields = {
        "platform": pick(platforms, found.rng.integers(0, len(platforms), size)),
        "event_no": text("PT{}", scene.serial(size)),
        "platform_kind": pick(codes, kind),
        "occurred_date": day(found.day),
        "level": found.code("levels").cast(pl.Int64),
        "quality_decile": blank_unless(pl.Series(rating), kind == codes.index("quality_rating")),
        "operating_region": pick(scene.world.counties, np.where(kind == codes.index("address_report"), operating, -1)),
    }
    return trace_rows(scene, found, fields)


def _associations(scene: Scene) -> Rows:
    found = traces_of(scene, "association_event")
    size, associations = len(found), scene.world["wording"]["associations"]
    kind, codes, rank = found.chosen("kinds"), found.codes("kinds"), found.graded("grades")
    is_grade = kind == codes.index("credit_grade")
    fields = {
        "association": pick(associations, found.rng.integers(0, len(associations), size)),
        "event_no": text("XH{}", scene.serial(size)),
        "association_kind": pick(codes, kind),
        "decided_date": day(found.day),
        "level": found.code("levels").cast(pl.Int64),
        "grade": pick(found.codes("grades"), np.where(is_grade, rank, -1)),
        "grade_rank": blank_unless(pl.Series(rank + 1), is_grade),
    }
    return trace_rows(scene, found, fields)


def _opinion(scene: Scene) -> Rows:
    found = traces_of(scene, "opinion_event")
    fields = {
        "event_no": text("YQ{}", scene.serial(len(found))),
        "occurred_date": day(found.day),
        "negative": found.lot("negative").astype(np.int64),
        "verified": found.lot("verified").astype(np.int64),
        "level": found.code("levels").cast(pl.Int64),
    }
    return trace_rows(scene, found, fields)


def _utilities(scene: Scene) -> Rows:
    found = traces_of(scene, "utility_account").at_month_end()
    size, rules = len(found), found.rules
    arrears = found.odds("arrears")
    mean, spread = rules["usage"]
    before = np.round(from_log(mean + spread * scene.people.size[found.entity]), 2)
    change = rules["usage_conduct"] * found.conduct + rules["usage_noise"] * found.rng.standard_normal(size)
    fields = {
        "account_key": scene.key("account", found.entity),
        "utility": found.code("kinds"),
        "period_end": day(found.day),
        "usage": np.round(before * from_log(change), 2),
        "usage_year_before": before,
        "in_arrears": arrears.astype(np.int64),
        "arrears": np.where(arrears, np.round(before * rules["owed"], 2), 0.0),
        "disconnected": (arrears & found.lot("disconnected")).astype(np.int64),
    }
    return trace_rows(scene, found, fields)


def _honours(scene: Scene) -> Rows:
    found = traces_of(scene, "honour")
    kind, codes = found.chosen("kinds"), found.codes("kinds")
    years = np.where(kind == codes.index("tax_grade_a"), 1, found.rules["years"])
    fields = {
        "honour_kind": pick(codes, kind),
        "level": found.code("levels"),
        "granted_date": day(found.day),
        "valid_to": day(found.day + years * YEAR),
    }
    return trace_rows(scene, found, fields)


def _clues(scene: Scene) -> list[Rows]:
    found = traces_of(scene, "monitor_clue")
    kind, codes = found.chosen("kinds"), found.codes("kinds")
    end, confirmed = found.ends(), found.odds("confirmed").astype(np.int64)
    fields = {
        "clue_no": text("XS{}", scene.serial(len(found))),
        "clue_source": pick([found.rules["from"][code] for code in codes], kind),
        "clue_kind": pick(codes, kind),
        "level": found.code("levels").cast(pl.Int64),
        "found_date": day(found.day),
        "summary": scene.world["wording"]["summary"],
        "state": "open",
    }
    ends = {
        "closed_date": day(end),
        "state": pick(("dismissed", "confirmed"), confirmed),
        "verified": blank_unless(pl.Series(confirmed), end < NEVER),
    }
    opened, told = closed(trace_rows(scene, found, fields), end, found.whole("told"), ends)
    return [opened.with_columns(state="open"), told]


def _notices_given(scene: Scene) -> list[Rows]:
    """Reminders, cautions and interviews, answered sooner or later or not at all."""
    found = traces_of(scene, "notice_response")
    rules = found.rules
    wait = found.rng.exponential(rules["answer_days"], len(found)) * from_log(rules["answer_conduct"] * found.conduct)
    answered = np.where(wait > rules["silent"], NEVER, found.day + 1 + wait.astype(np.int64))
    fields = {
        "alert_no": text("YJ{}", scene.serial(len(found))),
        "disposition": found.code("kinds"),
        "issued_date": day(found.day),
        "due_date": day(found.day + rules["due"]),
    }
    ends = {"answered_date": day(answered), "result": found.code("results")}
    return closed(trace_rows(scene, found, fields), answered, found.whole("told"), ends)
