"""Traces in courts and levies: lawsuits, execution, taxes, insurance, wages, pushes from the ministries."""

import numpy as np
import polars as pl

from features.simulation.rows import Rows, blank_unless, closed, day, pick, text
from features.simulation.scene import Scene
from features.simulation.traces import Traces, from_log, trace_rows, traces_of

YEAR = 365


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


def _suits(scene: Scene) -> list[Rows]:
    found = traces_of(scene, "judicial_case")
    kind = found.chosen("kinds")
    bankrupt = kind == found.codes("kinds").index("bankruptcy")
    role = np.where(bankrupt, 2, (~found.lot("defendant")).astype(np.int64))
    end = found.ends()
    fields = {
        "case_no": _number(scene, found, "M"),
        "case_kind": pick(found.codes("kinds"), kind),
        "litigation_role": pick(("defendant", "plaintiff", "debtor"), role),
        "court": _court(scene, found),
        "filed_date": day(found.day),
        "amount": found.amount(),
        "state": "accepted",
    }
    opened, told = closed(
        trace_rows(scene, found, fields), end, found.whole("told"), {"closed_date": day(end), "state": "closed"}
    )
    return [opened.with_columns(state="accepted"), told]


def _executions(scene: Scene) -> list[Rows]:
    found = traces_of(scene, "executed")
    end = found.ends()
    fields = {
        "case_no": _number(scene, found, "Z"),
        "execution_order": found.code("orders"),
        "debtor_role": "entity",
        "court": _court(scene, found),
        "filed_date": day(found.day),
        "amount": found.amount(),
    }
    return closed(trace_rows(scene, found, fields), end, found.whole("told"), {"closed_date": day(end)})


def _dishonest(scene: Scene) -> list[Rows]:
    """Entities on the list of dishonest executed persons, and those who lead or run them."""
    found = traces_of(scene, "dishonest_executed")
    personal = found.lot("personal")
    role = np.where(personal, np.where(scene.people.kind[found.entity] == 1, 2, 1), 0)
    end = found.ends()
    fields = {
        "visibility": pick(("publishable", "internal"), personal.astype(np.int64)),
        "case_no": _number(scene, found, "S"),
        "debtor_role": pick(("entity", "legal_rep", "operator"), role),
        "person_key": blank_unless(scene.key("person", scene.people.person[found.entity]), personal),
        "court": _court(scene, found),
        "listed_date": day(found.day),
    }
    return closed(trace_rows(scene, found, fields), end, found.whole("told"), {"removed_date": day(end)})


def _freezes(scene: Scene) -> list[Rows]:
    found = traces_of(scene, "equity_freeze")
    end = found.ends()
    fields = {
        "freeze_no": text("DJ{}", scene.serial(len(found))),
        "freeze_kind": "freeze",
        "court": _court(scene, found),
        "amount": found.amount(),
        "from_date": day(found.day),
    }
    return closed(trace_rows(scene, found, fields), end, found.whole("told"), {"to_date": day(end)})


def _taxes(scene: Scene) -> list[Rows]:
    """Arrears, abnormal households, zero filing and invoices at risk, which last; grades, which hold for a year."""
    found = traces_of(scene, "tax_status")
    matter, codes = found.chosen("matters"), found.codes("matters")
    is_grade, is_owed, is_zero = (matter == codes.index(code) for code in ("credit_grade", "arrears", "zero_filing"))
    end = np.where(is_grade, found.day + YEAR, found.ends())
    fields = {
        "tax_matter": pick(codes, matter),
        "grade": pick(found.codes("grades"), np.where(is_grade, found.graded("grades"), -1)),
        "amount": blank_unless(pl.Series(found.amount()), is_owed),
        "zero_months": blank_unless(pl.Series(found.whole("zero_months")), is_zero),
        "from_date": day(found.day),
    }
    return closed(trace_rows(scene, found, fields), end, found.whole("told"), {"to_date": day(end)})


def _insurance(scene: Scene) -> Rows:
    found = traces_of(scene, "social_insurance").at_month_end()
    mean, spread = found.rules["staff"]
    staff = 1 + from_log(mean + spread * scene.people.size[found.entity]).astype(np.int64)
    arrears = found.odds("arrears")
    fields = {
        "month_end": day(found.day),
        "insurance_kind": "combined",
        "headcount": np.maximum(staff + found.whole("change"), 0),
        "headcount_before": staff,
        "in_arrears": arrears.astype(np.int64),
        "arrears": np.where(arrears, found.amount(), 0.0),
    }
    return trace_rows(scene, found, fields)


def _wages(scene: Scene) -> Rows:
    found = traces_of(scene, "wage_arrears")
    bureau = pick([scene.world["wording"]["departments"]["labour"]], np.zeros(len(found), dtype=np.int64))
    fields = {
        "case_no": text("LD{}", scene.serial(len(found))),
        "wage_matter": found.code("matters"),
        "authority": scene.county_name.gather(found.entity) + bureau,
        "decided_date": day(found.day),
        "workers": found.whole("workers"),
        "amount": found.amount(),
    }
    return trace_rows(scene, found, fields)


def _pushed(scene: Scene) -> Rows:
    found = traces_of(scene, "central_push")
    kind, ministries = found.chosen("kinds"), scene.world["wording"]["ministries"]
    fields = {
        "push_no": text("ZJ{}", scene.serial(len(found))),
        "ministry": pick([ministries[code] for code in found.codes("kinds")], kind),
        "push_kind": pick(found.codes("kinds"), kind),
        "occurred_date": day(found.day),
        "negative": found.lot("negative").astype(np.int64),
        "represented": found.lot("represented").astype(np.int64),
    }
    return trace_rows(scene, found, fields)
