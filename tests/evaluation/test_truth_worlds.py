"""Intervals of random draws hold the truth in small worlds that are known, and counting all inspections does not."""

import pytest

from evaluation.draws import CLASSES
from tests.benchmarks.truth_worlds import some, summary


@pytest.fixture(scope="module")
def found():
    return summary(some(range(60)))


@pytest.mark.parametrize("name", CLASSES)
def test_weighted_draws_hold_the_truth_about_as_often_as_they_say(found, name):
    assert found["coverage"][name] >= 0.85  # 51 of 60; at 95 % fewer come by chance once in three hundred times
    assert abs(found["bias"][name]) < 0.15


@pytest.mark.parametrize("name", CLASSES)
def test_all_inspections_counted_alike_mostly_miss_it(found, name):
    assert found["naive_coverage"][name] <= 0.5


def test_worlds_of_one_seed_are_the_same_world():
    assert some([3]) == some([3])


def test_those_without_a_chance_to_be_drawn_are_counted(found):
    assert 0.02 < found["without_chance"] < 0.3
