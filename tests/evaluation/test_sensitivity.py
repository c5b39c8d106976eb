"""The same pairs counted otherwise: by decision, without exits, with open cases; what came first adds up to one."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from evaluation import sensitivity
from evaluation.case import pairs_of
from evaluation.sensitivity import study
from training.cohort import HEADLINE, OPEN_CASE
from training.labels import positives


@pytest.fixture(scope="module")
def found(case):
    return study(case, np.random.default_rng(2))


def by_code(found):
    return {row["code"]: row for row in found.figures["counted"]}


def of_last_date(case, stratum):
    rows = case.scored.filter(pa.array(case.scored["as_of"].to_numpy() == np.datetime64(case.tested_on)))
    return pairs_of(rows, stratum)


def test_as_trained_all_positives_stay(case, found):
    told, pairs = by_code(found)["known"], of_last_date(case, HEADLINE)
    assert (told["n"], told["n_pos"], told["kept"]) == (len(pairs.outcome), pairs.outcome.sum(), 1.0)
    assert told["o_e"] == pytest.approx(pairs.weight @ pairs.outcome / (pairs.weight @ pairs.probability))


def test_by_decision_is_what_labels_say(case, found):
    told, pairs = by_code(found)["decided"], of_last_date(case, HEADLINE)
    decided = positives(case.task.knowledge, case.task.outcome, as_of=case.tested_on, by_decision=True)
    had = np.isin(pairs.entity, decided["entity"].to_numpy())
    assert told["n_pos"] == had.sum() != pairs.outcome.sum()
    assert told["kept"] == pytest.approx(had[pairs.outcome].mean())
    assert 0 < told["kept"] < 1


def test_open_cases_are_counted_in_beside(case, found):
    opened = of_last_date(case, OPEN_CASE)
    assert by_code(found)["open_too"]["n"] == by_code(found)["known"]["n"] + len(opened.entity)


def test_those_who_left_are_taken_out_unless_they_had_the_outcome(case, monkeypatch):
    pairs = of_last_date(case, HEADLINE)
    gone = pairs.entity[:60]
    day = np.datetime64(case.tested_on)
    when = np.where(np.arange(60) < 30, day + np.timedelta64(100, "D"), day + np.timedelta64(300, "D"))
    monkeypatch.setattr(sensitivity, "_left", lambda case, day: (gone, when))
    told = study(case, np.random.default_rng(2))
    ways = by_code(told)
    clean = ~pairs.outcome[:60]
    assert ways["observed"]["n"] == len(pairs.entity) - clean[:30].sum()
    assert ways["stayed"]["n"] == len(pairs.entity) - clean.sum()
    assert ways["stayed"]["n_pos"] == ways["known"]["n_pos"]
    fates = told.figures["fates"]
    assert sum(row["n"] for row in fates) == len(pairs.entity)
    for row in fates:
        assert row["outcome"] + row["exit"] + row["neither"] == pytest.approx(1)
    assert sum(row["exit"] for row in fates) > 0
    assert [table.caption[1] for table in told.tables][-1].startswith("What came first")


def test_what_comes_first_counts():
    pairs = sensitivity.Scored(
        np.arange(4), np.zeros(4, int), np.array([True, True, False, False]), np.ones(4), np.zeros(4), np.zeros(4)
    )
    days = np.array(["2025-01-10", "2025-01-10", "9999-12-31", "9999-12-31"], "datetime64[D]")
    left = np.array(["2025-01-05", "2025-02-01", "2025-03-01", "9999-12-31"], "datetime64[D]")
    told = sensitivity._fate("shop", pairs, days, left)
    assert (told.outcome, told.exit, told.neither) == (0.25, 0.5, 0.25)


def test_an_outcome_of_inspections_is_counted_one_way_only(case):
    given = replace(case, task=replace(case.task, outcome_code="found"))
    assert study(given, np.random.default_rng(2)) is None
