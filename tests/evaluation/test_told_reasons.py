"""How often reasons are told: counted by hand, and what doubled or vanished stands out."""

from dataclasses import replace

import pytest

from evaluation import population, told_reasons
from evaluation.told_reasons import Told
from features.asof import Month
from training.reasons import select


@pytest.fixture(scope="module")
def months(case):
    month = case.task.reference_month
    before = population.classified(case.task, case.scheme, as_of=Month.of(month).shift(-1).end)
    return before, population.classified(case.task, case.scheme, as_of=month, before=before)


def test_a_reason_is_counted_once_an_entity(case, months):
    found = told_reasons.study(case, months)
    now = months[1]
    lines = case.scheme.contributions(now.values, now.values_kind, bulk=True)
    chosen = select(
        case.task.definitions, now.values, lines, kind=(now.values_kind, case.task.profile.kind_codes)
    ).place
    for row in found.figures["told"]:
        place = case.task.definitions.codes.index(row["code"])
        assert row["now"] == pytest.approx((chosen == place).any(axis=1).mean())
    assert [row["now"] for row in found.figures["told"]] == sorted(
        (row["now"] for row in found.figures["told"]), reverse=True
    )


def test_a_reason_that_vanished_stands_out(case, months, monkeypatch):
    now = months[1]
    first = told_reasons.study(case, months).figures["told"][0]["code"]
    lines = case.scheme.contributions(now.values, now.values_kind, bulk=True)
    lines[:, now.columns.index(first)] = 0.0  # as a scheme that does not read it would have it
    silent = replace(case.scheme)
    silent.__dict__["contributions"] = lambda values, kind, *, bulk: lines
    frequencies = told_reasons._frequencies

    def told(case, scheme, month):
        return frequencies(case, silent if month is now else scheme, month)

    monkeypatch.setattr(told_reasons, "_frequencies", told)
    found = told_reasons.study(case, months)
    moved = {row["code"]: row for row in found.figures["moved"]}
    assert moved[first]["now"] == 0.0 < moved[first]["before"]
    assert len(found.tables[0].rows) == len(moved)


@pytest.mark.parametrize(
    ("before", "now", "moved"),
    [(0.1, 0.2, True), (0.1, 0.19, False), (0.1, 0.05, True), (0.0, 0.1, True), (0.1, 0.0, True), (0.0, 0.001, False)],
)
def test_moved_is_twice_or_half_of_what_is_not_rare(before, now, moved):
    assert Told("x", before, now).moved is moved


def test_a_month_of_nobody_tells_nothing(case, months):
    nobody = replace(months[1], values=months[1].values[:0], values_kind=months[1].values_kind[:0])
    assert told_reasons.study(case, (nobody, nobody)).figures == {"told": [], "moved": []}
