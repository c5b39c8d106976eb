"""Traces in courts and levies: lawsuits, execution, taxes, insurance, wages, pushes from the ministries."""

import numpy as np
import polars as pl

from features.simulation.rows import Rows, blank_unless, closed, day, pick, text
from features.simulation.scene import Scene
from features.simulation.streams import Floats, Ints, between, choose
from features.simulation.traces import Traces, lasting, trace_rows, traces_of

SUITS = {"contract": 46, "labour": 20, "finance": 14, "product_liability": 6, "ip": 6, "company": 5, "bankruptcy": 3}


def court_rows(scene: Scene) -> list[Rows]:
    """Lawsuits, execution cases, dishonest executed persons and frozen shares."""
    return [*_suits(scene), *_executions(scene), *_dishonest(scene), *_freezes(scene)]


def levy_rows(scene: Scene) -> list[Rows]:
    """Tax matters, social insurance, wage arrears, and what else the ministries push."""
    return [*_taxes(scene), _insurance(scene), _wages(scene), _pushed(scene)]


def _number(scene: Scene, found: Traces, letter: str) -> pl.Series:
    year = day(found.day).dt.year()
    serial = text("{}{}", np.full(len(found), letter), scene.serial(len(found)))
    return text(scene.world["wording"]["court_case"], year, serial)


def _court(scene: Scene, found: Traces) -> pl.Series:
    return text(scene.world["wording"]["court"], scene.county_name.gather(found.entity))


def _money(found: Traces, mean: float, spread: float) -> Floats:
    return np.asarray(np.round(np.exp(mean + spread * found.rng.standard_normal(len(found))), 2), dtype=np.float64)


def _lag(found: Traces) -> Ints:
    return between(found.rng, (2, 20), len(found))


def _suits(scene: Scene) -> list[Rows]:
    found = traces_of(scene, "judicial_case")
    kind = choose(found.rng, np.array(list(SUITS.values()), float), len(found))
    bankrupt = kind == list(SUITS).index("bankruptcy")
    role = np.where(bankrupt, 2, (~found.lot(0.72)).astype(np.int64))
    end = lasting(found, 160, 0.9)
    first = trace_rows(
        scene,
        found,
        {
            "case_no": _number(scene, found, "M"),
            "case_kind": pick(tuple(SUITS), kind),
            "litigation_role": pick(("defendant", "plaintiff", "debtor"), role),
            "court": _court(scene, found),
            "filed_date": day(found.day),
            "amount": _money(found, 10.5, 1.4),
            "state": "accepted",
        },
    )
    return closed(first, end, _lag(found), {"closed_date": day(end), "state": "closed"})


def _executions(scene: Scene) -> list[Rows]:
    found = traces_of(scene, "executed")
    order = choose(found.rng, np.array([0.62, 0.26, 0.12]), len(found))
    end = lasting(found, 240, 0.7)
    first = trace_rows(
        scene,
        found,
        {
            "case_no": _number(scene, found, "Z"),
            "execution_order": pick(("execution", "consumption_restriction", "terminated_unsatisfied"), order),
            "debtor_role": "entity",
            "court": _court(scene, found),
            "filed_date": day(found.day),
            "amount": _money(found, 10.8, 1.3),
        },
    )
    return closed(first, end, _lag(found), {"closed_date": day(end)})


def _dishonest(scene: Scene) -> list[Rows]:
    found = traces_of(scene, "dishonest_executed")
    personal = found.lot(0.35)
    individual = scene.people.kind[found.entity] == 1
    role = np.where(personal, np.where(individual, 2, 1), 0)
    end = lasting(found, 420, 0.6)
    first = trace_rows(
        scene,
        found,
        {
            "visibility": pick(("publishable", "internal"), personal.astype(np.int64)),
            "case_no": _number(scene, found, "S"),
            "debtor_role": pick(("entity", "legal_rep", "operator"), role),
            "person_key": blank_unless(scene.key("person", scene.people.person[found.entity]), personal),
            "court": _court(scene, found),
            "listed_date": day(found.day),
        },
    )
    return closed(first, end, _lag(found), {"removed_date": day(end)})


def _freezes(scene: Scene) -> list[Rows]:
    found = traces_of(scene, "equity_freeze")
    end = lasting(found, 500, 0.8)
    first = trace_rows(
        scene,
        found,
        {
            "freeze_no": text("DJ{}", scene.serial(len(found))),
            "freeze_kind": "freeze",
            "court": _court(scene, found),
            "amount": _money(found, 4.5, 1.0),
            "from_date": day(found.day),
        },
    )
    return closed(first, end, _lag(found), {"to_date": day(end)})


def _taxes(scene: Scene) -> list[Rows]:
    """Arrears, abnormal households, zero filing and invoices at risk: states; grades: once a year in April."""
    found = traces_of(scene, "tax_status")
    matters = ("arrears", "abnormal_household", "zero_filing", "abnormal_invoice", "credit_grade")
    matter = choose(found.rng, np.array([0.34, 0.14, 0.12, 0.06, 0.34]), len(found))
    graded = matter == len(matters) - 1
    conduct = scene.conduct.mean[found.entity] + found.rng.standard_normal(len(found))
    grade = np.searchsorted([-1.2, 0.2, 1.0, 2.0], conduct)
    end = np.where(graded, found.day + 365, lasting(found, 150, 0.75))
    owed, months = _money(found, 9.0, 1.2), between(found.rng, (3, 12), len(found))
    first = trace_rows(
        scene,
        found,
        {
            "tax_matter": pick(matters, matter),
            "grade": pick(("A", "B", "M", "C", "D"), np.where(graded, grade, -1)),
            "amount": blank_unless(pl.Series(owed), matter == 0),
            "zero_months": blank_unless(pl.Series(months), matter == 2),
            "from_date": day(found.day),
        },
    )
    return closed(first, end, _lag(found), {"to_date": day(end)})


def _insurance(scene: Scene) -> Rows:
    found = traces_of(scene, "social_insurance")
    month = found.day.astype("datetime64[D]").astype("datetime64[M]")
    ends = (month + 1).astype("datetime64[D]").astype(np.int64) - 1
    found = Traces(found.name, found.entity, ends, np.maximum(found.entered, ends + 1), found.rng)
    staff = 1 + np.exp(1.6 + 0.6 * scene.people.size[found.entity]).astype(np.int64)
    arrears = found.rng.random(len(found)) < 1 / (1 + np.exp(1.2 - 0.9 * scene.conduct.mean[found.entity]))
    return trace_rows(
        scene,
        found,
        {
            "month_end": day(ends),
            "insurance_kind": "combined",
            "headcount": np.maximum(staff + between(found.rng, (-3, 1), len(found)), 0),
            "headcount_before": staff,
            "in_arrears": arrears.astype(np.int64),
            "arrears": np.where(arrears, _money(found, 8.5, 0.9), 0.0),
        },
    )


def _wages(scene: Scene) -> Rows:
    found = traces_of(scene, "wage_arrears")
    matter = choose(found.rng, np.array([0.70, 0.24, 0.06]), len(found))
    return trace_rows(
        scene,
        found,
        {
            "case_no": text("LD{}", scene.serial(len(found))),
            "wage_matter": pick(("rectification_order", "decision", "list_entry"), matter),
            "authority": text("{}{}", scene.county_name.gather(found.entity), _bureau(scene, "labour", len(found))),
            "decided_date": day(found.day),
            "workers": between(found.rng, (1, 40), len(found)),
            "amount": _money(found, 10.5, 1.0),
        },
    )


def _pushed(scene: Scene) -> Rows:
    found = traces_of(scene, "central_push")
    ministries = scene.world["wording"]["ministries"]
    kind = found.rng.integers(0, len(ministries), len(found))
    return trace_rows(
        scene,
        found,
        {
            "push_no": text("ZJ{}", scene.serial(len(found))),
            "ministry": pick(list(ministries.values()), kind),
            "push_kind": pick(list(ministries), kind),
            "occurred_date": day(found.day),
            "negative": found.lot(0.85).astype(np.int64),
            "represented": found.lot(0.3).astype(np.int64),
        },
    )


def _bureau(scene: Scene, domain: str, size: int) -> pl.Series:
    return pick([scene.world["wording"]["departments"][domain]], np.zeros(size, dtype=np.int64))
