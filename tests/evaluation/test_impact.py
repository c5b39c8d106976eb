"""Figures of an impact report: what coverage and lift are, and who counts as the top of an indicator."""

from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from evaluation import impact
from evaluation.impact import Labelled, Question
from features.asof import Month
from features.indicators.catalogue import load
from features.indicators.difference import difference
from features.indicators.system import System
from features.profile import read_profile
from tests.training import small_scheme
from tests.world import SMALL, TinyLake
from training.task import Task

numbers = np.arange(100, dtype=float)


def seen(outcome, weight=None):
    outcome = np.asarray(outcome, float)
    return Labelled(pa.table({}), outcome, np.ones(len(outcome)) if weight is None else np.asarray(weight, float))


@pytest.fixture(scope="module")
def system():
    profile = read_profile(str(SMALL))
    return System.of(profile, load(profile))


def figures(system, values, found, direction="riskier"):
    one = replace(system.definitions.indicators[0], direction=direction)
    return impact._figures_of(one, np.asarray(values, float), found)


def test_the_top_of_a_number_is_a_tenth_and_its_lift_is_against_everyone_known(system):
    outcome = numbers >= 95
    found = figures(system, numbers, seen(outcome))
    assert (found["coverage"], found["top_share"], found["top_rate"]) == (1.0, 0.1, 0.5)
    assert found["lift"] == pytest.approx(0.5 / 0.05)
    assert figures(system, numbers, seen(outcome), "safer")["lift"] == 0.0
    assert figures(system, -numbers, seen(outcome), "safer")["lift"] == pytest.approx(10.0)


def test_who_has_no_value_is_not_covered_and_counts_on_neither_side(system):
    values = np.where(numbers < 50, np.nan, numbers)
    found = figures(system, values, seen(numbers >= 90))
    assert (found["coverage"], found["top_share"]) == (0.5, 0.05)
    assert found["lift"] == pytest.approx(1.0 / 0.2)


def test_the_top_of_a_flag_are_those_it_flags_however_few_or_many(system):
    for flagged in (3, 40):
        values = (numbers < flagged).astype(float)
        found = figures(system, values, seen(numbers < 2))
        assert found["top_share"] == flagged / 100
        assert found["lift"] == pytest.approx((2 / flagged) / 0.02)


def test_an_indicator_that_says_the_same_of_everyone_has_no_lift(system):
    assert figures(system, np.ones(100), seen(numbers < 2))["lift"] is None
    assert figures(system, np.full(100, np.nan), seen(numbers < 2))["coverage"] == 0.0
    assert figures(system, numbers, seen(np.zeros(100)))["lift"] is None


def test_sampled_pairs_count_with_their_weight(system):
    weight = np.where(numbers < 50, 9.0, 1.0)
    values = np.where(numbers < 50, np.nan, numbers)
    assert figures(system, values, seen(numbers >= 95, weight))["coverage"] == pytest.approx(0.1)


def test_a_code_list_that_changed_makes_every_indicator_worth_comparing(system):
    assert impact._asked(system, difference(system, system)) == ()
    listed = {**system.files, "codelists/trades": system.files["codelists/trades"] + "# one more\n"}
    changed = difference(system, replace(system, files=listed))
    assert impact._asked(system, changed) == system.definitions.indicators


def test_without_two_schemes_to_compare_the_report_says_why(system, tmp_path):
    profile = read_profile(str(SMALL))
    task = Task(TinyLake(profile, tmp_path, ()), load(profile), date(2025, 12, 31))
    bare = small_scheme.scheme_of(small_scheme.make_world())
    question = Question("2026.1", system, task, None, None, (Month(2025, 12),))
    assert question.base is None
    assert impact._migration(question, print) == {"months": [], "missing": impact.NO_CHAMPION}
    alone = replace(question, champion=bare)
    assert impact._migration(alone, print) == {"months": [], "missing": impact.NOT_TRAINED}
    found = impact._migration(replace(alone, trained=bare), print)
    assert "made before schemes carried theirs" in found["missing"]
    assert impact._figures(task, system, (), seen([])) == {}
