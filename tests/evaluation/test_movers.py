"""The largest movers, under no name, with parts that add up; what moved classes, in shares."""

from dataclasses import replace

import numpy as np
import pytest

from evaluation import movers, population, studies
from features.asof import Month
from training.change import PARTS
from training.confidence import odds
from training.cutoffs import RiskClass


@pytest.fixture(scope="module")
def months(case):
    month = case.task.reference_month
    before = population.classified(case.task, case.scheme, as_of=Month.of(month).shift(-1).end)
    return before, population.classified(case.task, case.scheme, as_of=month, before=before)


@pytest.fixture(scope="module")
def found(case, months):
    return movers.study(case, *months)


def test_the_largest_moves_come_first_and_add_up(found, months):
    before, after = months
    shift = np.abs(odds(after.probability) - odds(before.probability))
    told = found.figures["largest"]
    assert len(told) == movers.LARGEST
    assert [abs(row["log_odds"]) for row in told] == pytest.approx(np.sort(shift)[::-1][: movers.LARGEST], abs=1e-12)
    for row in told:
        assert sum(row["parts"].values()) == pytest.approx(row["log_odds"], abs=1e-9)
        assert set(row["steps"]) == set(PARTS)
        assert sum(row["steps"].values()) == RiskClass[row["class"]] - RiskClass[row["class_before"]]
    assert found.judged["EV065"][0].value == found.figures["largest_rest"] <= 1e-9


def test_movers_are_numbered_and_nothing_names_them(case, found):
    told = found.figures["largest"]
    assert [row["mover"] for row in told] == list(range(1, movers.LARGEST + 1))
    assert not any("entity" in row for row in told)
    assert all(row["probability"] == round(row["probability"], 4) for row in told)
    assert [row[0].text[0] for row in found.tables[1].rows] == [str(row["mover"]) for row in told]


def test_a_split_of_other_probabilities_than_the_months_say_is_found_out(case, months):
    before, after = months
    other = replace(after, probability=after.probability * 1.001)
    assert movers.study(case, before, other).judged["EV065"][0].value > 1e-4
    assert movers.study(case, before, replace(after, raw_class=3 - after.raw_class)).judged["EV065"][0].value >= 1


def test_what_changes_are_owed_to_is_counted_over_classes_that_changed(found, months):
    before, after = months
    assert found.figures["changed"] == (before.final_class != after.final_class).sum() > 0
    assert sum(found.figures["owed"].values()) == pytest.approx(1.0)
    assert found.figures["owed"]["model"] == found.figures["owed"]["threshold"] == 0.0  # one scheme


def test_a_scheme_that_takes_over_moves_by_model_and_threshold_too(case, months):
    parts = {
        kind: replace(part, cutoffs=replace(part.cutoffs, b=part.cutoffs.b * 0.8), offset=part.offset + 0.2)
        for kind, part in case.scheme.parts.items()
    }
    other = replace(case, champion=replace(case.scheme, parts=parts))
    taken = studies.taken_over(other, *months, lambda _: None)
    assert taken[0].scheme == other.champion.digest
    told = movers.study(other, *taken)
    assert told.figures["largest_rest"] <= 1e-9
    assert told.figures["owed"]["model"] > 0
    assert any(row["parts"]["model"] for row in told.figures["largest"])


def test_a_champion_of_other_indicators_is_not_taken_over_from(case, months):
    other = replace(case, champion=replace(case.scheme, definitions="0" * 64))
    assert studies.taken_over(other, *months, lambda _: None) == months


def test_who_keeps_the_class_is_counted_over_the_retraining(case, months):
    parts = {kind: replace(part, offset=part.offset + 0.5) for kind, part in case.scheme.parts.items()}
    other = replace(case, champion=replace(case.scheme, parts=parts))
    taken = studies.taken_over(other, *months, lambda _: None)
    alone, over = (population.compared(*months, case.task.definitions, pair) for pair in (months, taken))
    assert (alone.takes_over, over.takes_over) == (False, True)
    assert over.psi_probability == alone.psi_probability  # of one scheme, whoever reigns
    assert over.calm.unchanged < alone.calm.unchanged


def test_a_settled_population_is_held_at_the_margin_where_a_first_month_is_not(case, months):
    first, _ = months
    settled = population.settled(case.task, case.scheme, as_of=first.as_of)
    assert np.array_equal(settled.probability, first.probability)
    assert np.array_equal(first.model_class, first.raw_class)
    assert (settled.model_class != settled.raw_class).any()
