"""Traces in society: complaints, platforms, associations, opinion, utilities, honours, and what monitoring sees."""

import numpy as np
import polars as pl

from features.simulation.conduct import Violations
from features.simulation.inspections import Visited
from features.simulation.rows import Rows, blank_unless, closed, day, followed, pick, rows, text
from features.simulation.scene import Scene
from features.simulation.streams import Flags, Ints, between, choose
from features.simulation.supervision import origins
from features.simulation.traces import Traces, lasting, trace_rows, traces_of
from features.simulation.world import NEVER

TOPICS = ("quality", "after_sales", "contract", "price", "advertising", "prepaid", "food", "safety", "counterfeit")
HONOURS = ("tax_grade_a", "contract_keeping", "tech_enterprise", "commendation", "red_list", "quality_award")
PLATFORM_EVENTS = ("quality_rating", "warning", "delisting", "account_restriction", "shop_closure", "address_report")
SETTLED = ("mediated", "mediation_failed", "mediation_refused", "withdrawn", "rejected")
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
    busy = _in_progress(found, violations)
    found = found.where(busy | found.lot(1 - 0.35 * scene.world["traces"]["truth_slope"]))
    size = len(found)
    professional, accepted = found.lot(0.12), found.lot(0.85)
    conduct = scene.conduct.mean[found.entity]
    refused = np.clip(0.10 * np.exp(0.5 * conduct), 0, 0.5)
    lot = found.rng.random(size)
    outcome = np.where(lot < refused, 2, np.where(lot < refused + 0.2, 1, np.where(lot > 0.92, 3, 0)))
    resolved = found.day + between(found.rng, (5, 60), size)
    fields = {
        "complaint_no": text("TS{}", scene.serial(size)),
        "complaint_kind": "complaint",
        "domain": "consumer",
        "topic": pick(TOPICS, choose(found.rng, np.array([24, 18, 14, 10, 8, 8, 12, 3, 3], float), size)),
        "received_date": day(found.day),
        "accepted": accepted.astype(np.int64),
        "complainant_key": _complainants(scene, found, professional),
        "professional": professional.astype(np.int64),
        "amount": np.round(np.exp(5.2 + 1.2 * found.rng.standard_normal(size)), 2),
    }
    first = trace_rows(scene, found, fields)
    ends = {"resolved_date": day(resolved), "outcome": pick(SETTLED, np.where(accepted, outcome, 4))}
    known = resolved <= first.entered
    return _resolved(first, resolved, known, ends)


def _resolved(first: Rows, resolved: Ints, known: Flags, ends: dict[str, pl.Series]) -> list[Rows]:
    """Complaints with their outcome where it was known on entry, and a correction where it came later."""
    opened, told = closed(first, resolved, np.full(len(first), 2), ends)
    at_once = first.with_columns(**ends)
    late = followed(told, ~known, told.entered, "correct", {})
    return [at_once.where(known), opened.where(~known), late]


def _complainants(scene: Scene, found: Traces, professional: Flags) -> pl.Series:
    """Keys of complainants: professional claimants come again and again."""
    many = found.rng.integers(0, 60, len(found))
    return scene.key("complainant", np.where(professional, many, 1000 + np.arange(len(found))))


def _in_progress(found: Traces, violations: Violations) -> Flags:
    """Whether a violation of the entity is in progress on the day, as far as its latest one begun tells."""
    code = violations.entity * NEVER + violations.start
    position = np.searchsorted(code, found.entity * NEVER + found.day, side="right") - 1
    latest = np.maximum(position, 0)
    if not len(code):
        return np.zeros(len(found), dtype=bool)
    return np.asarray(
        (position >= 0) & (violations.entity[latest] == found.entity) & (found.day < violations.end[latest])
    )


def _reports_before_visits(scene: Scene, seen: Visited) -> Rows:
    """Reports (举报) that brought a visit, with what the visit made of them."""
    rng = scene.streams.rng("reports before visits")
    visit = np.flatnonzero(seen.visits.origin == origins(scene.world).index("complaint"))
    entity, visited = seen.visits.entity[visit], seen.visits.day[visit]
    received = visited - between(rng, (2, 18), len(visit))
    severity = seen.findings.severity[visit]
    outcome = np.where(severity >= scene.world["violations"]["substantive"], 2, np.where(severity >= 0, 1, 0))
    resolved = visited + between(rng, (3, 15), len(visit))
    fields = {
        "source": "market_domains",
        "item": "G207",
        "complaint_no": text("JB{}", scene.serial(len(visit))),
        "complaint_kind": "report",
        "domain": pick(scene.world.domains, seen.domain[visit]),
        "topic": pick(TOPICS, rng.integers(0, len(TOPICS), len(visit))),
        "received_date": day(received),
        "accepted": 1,
        "resolved_date": day(resolved),
        "outcome": pick(REPORTED, outcome),
        "complainant_key": scene.key("reporter", np.arange(len(visit))),
        "professional": (rng.random(len(visit)) < 0.15).astype(np.int64),
    }
    return rows("complaint", entity, scene.entered(resolved, 3.0, rng), fields)


def _platforms(scene: Scene) -> Rows:
    found = traces_of(scene, "platform_event")
    size, platforms = len(found), scene.world["wording"]["platforms"]
    conduct = scene.conduct.mean[found.entity] + found.rng.standard_normal(size)
    kind = choose(found.rng, np.array([46, 24, 14, 8, 3, 5], float), size)
    rating = np.clip(np.round(5.5 - 2.0 * conduct), 1, 10).astype(np.int64)
    elsewhere = scene.people.elsewhere[found.entity]
    fields = {
        "platform": pick(platforms, found.rng.integers(0, len(platforms), size)),
        "event_no": text("PT{}", scene.serial(size)),
        "platform_kind": pick(PLATFORM_EVENTS, kind),
        "occurred_date": day(found.day),
        "level": between(found.rng, (1, 3), size),
        "quality_decile": blank_unless(pl.Series(rating), kind == 0),
        "operating_region": pick(
            scene.world.counties,
            np.where(kind == 5, np.where(elsewhere >= 0, elsewhere, scene.people.county[found.entity]), -1),
        ),
    }
    return trace_rows(scene, found, fields)


def _associations(scene: Scene) -> Rows:
    found = traces_of(scene, "association_event")
    size, associations = len(found), scene.world["wording"]["associations"]
    kind = choose(found.rng, np.array([0.35, 0.50, 0.15]), size)
    conduct = scene.conduct.mean[found.entity] + found.rng.standard_normal(size)
    rank = np.clip(np.round(2.5 + conduct), 1, 5).astype(np.int64)
    fields = {
        "association": pick(associations, found.rng.integers(0, len(associations), size)),
        "event_no": text("XH{}", scene.serial(size)),
        "association_kind": pick(("discipline", "credit_grade", "commendation"), kind),
        "decided_date": day(found.day),
        "level": between(found.rng, (1, 3), size),
        "grade": pick(("AAA", "AA", "A", "B", "C"), np.where(kind == 1, rank - 1, -1)),
        "grade_rank": blank_unless(pl.Series(rank), kind == 1),
    }
    return trace_rows(scene, found, fields)


def _opinion(scene: Scene) -> Rows:
    found = traces_of(scene, "opinion_event")
    fields = {
        "event_no": text("YQ{}", scene.serial(len(found))),
        "occurred_date": day(found.day),
        "negative": found.lot(0.9).astype(np.int64),
        "verified": found.lot(0.6).astype(np.int64),
        "level": 1 + choose(found.rng, np.array([0.6, 0.28, 0.1, 0.02]), len(found)),
    }
    return trace_rows(scene, found, fields)


def _utilities(scene: Scene) -> Rows:
    found = traces_of(scene, "utility_account")
    size = len(found)
    month = found.day.astype("datetime64[D]").astype("datetime64[M]")
    ends = (month + 1).astype("datetime64[D]").astype(np.int64) - 1
    found = Traces(found.name, found.entity, ends, np.maximum(found.entered, ends + 1), found.rng)
    conduct = scene.conduct.mean[found.entity]
    arrears = found.rng.random(size) < 1 / (1 + np.exp(1.0 - 0.9 * conduct))
    before = np.round(np.exp(6 + 0.8 * scene.people.size[found.entity]), 2)
    fields = {
        "account_key": scene.key("account", found.entity),
        "utility": pick(("electricity", "water", "gas"), choose(found.rng, np.array([0.7, 0.2, 0.1]), size)),
        "period_end": day(ends),
        "usage": np.round(before * np.exp(-0.1 * conduct + 0.35 * found.rng.standard_normal(size)), 2),
        "usage_year_before": before,
        "in_arrears": arrears.astype(np.int64),
        "arrears": np.where(arrears, np.round(before * 0.9, 2), 0.0),
        "disconnected": (arrears & found.lot(0.08)).astype(np.int64),
    }
    return trace_rows(scene, found, fields)


def _honours(scene: Scene) -> Rows:
    found = traces_of(scene, "honour")
    kind = choose(found.rng, np.array([40, 22, 16, 12, 8, 2], float), len(found))
    fields = {
        "honour_kind": pick(HONOURS, kind),
        "level": pick(("provincial", "municipal", "county"), found.rng.integers(0, 3, len(found))),
        "granted_date": day(found.day),
        "valid_to": day(found.day + np.where(kind == 0, 365, 3 * 365)),
    }
    return trace_rows(scene, found, fields)


def _clues(scene: Scene) -> list[Rows]:
    found = traces_of(scene, "monitor_clue")
    size = len(found)
    kinds = ("illegal_advertising", "network_violation", "lost_contact", "price_anomaly", "product_risk", "fundraising")
    sources = ("advertising_monitor", "network_monitor", "credit_monitor", "price_monitor", "product_monitor")
    kind = choose(found.rng, np.array([34, 28, 18, 8, 8, 4], float), size)
    end = lasting(found, 45, 0.9)
    confirmed = found.rng.random(size) < 1 / (1 + np.exp(0.8 - 0.6 * scene.conduct.mean[found.entity]))
    first = trace_rows(
        scene,
        found,
        {
            "clue_no": text("XS{}", scene.serial(size)),
            "clue_source": pick((*sources, "finance_monitor"), kind),
            "clue_kind": pick(kinds, kind),
            "level": 1 + choose(found.rng, np.array([0.5, 0.35, 0.12, 0.03]), size),
            "found_date": day(found.day),
            "summary": scene.world["wording"]["summary"],
            "state": "open",
        },
    )
    ends = {
        "closed_date": day(end),
        "state": pick(("dismissed", "confirmed"), confirmed.astype(np.int64)),
        "verified": blank_unless(pl.Series(confirmed.astype(np.int64)), end < NEVER),
    }
    opened, told = closed(first, end, between(found.rng, (1, 5), size), ends)
    return [opened.with_columns(state="open"), told]


def _notices_given(scene: Scene) -> list[Rows]:
    found = traces_of(scene, "notice_response")
    size = len(found)
    slow = found.rng.exponential(1.0, size) * np.exp(0.5 * scene.conduct.mean[found.entity])
    answered = np.where(slow > 3.5, NEVER, found.day + 1 + (slow * 12).astype(np.int64))
    first = trace_rows(
        scene,
        found,
        {
            "alert_no": text("YJ{}", scene.serial(size)),
            "disposition": pick(("remind", "caution", "interview"), choose(found.rng, np.array([0.6, 0.3, 0.1]), size)),
            "issued_date": day(found.day),
            "due_date": day(found.day + 15),
        },
    )
    result = pick(("answered", "rectified"), found.lot(0.5).astype(np.int64))
    return closed(first, answered, between(found.rng, (1, 4), size), {"answered_date": day(answered), "result": result})
