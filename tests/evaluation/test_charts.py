"""Charts: figures at their places, also at the edges of a scale."""

import re

import pytest

from evaluation import charts
from evaluation.metrics import Bin
from tests.evaluation import evidence as example

NAME = ("图", "chart")


def test_a_scale_draws_what_lies_outside_at_its_edge():
    across = charts.Scale(0.0, 1.0, 100.0, 200.0)
    assert (across(-1), across(0.25), across(7)) == (100.0, 125.0, 200.0)
    up = charts.Scale(0.01, 1.0, 200.0, 100.0, logarithmic=True)
    assert up(0.1) == pytest.approx(150.0)
    assert up(0.0) == 200.0


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(0.25, 0, "25%"), (0.25, 1, "25.0%"), (0.0, 0, "0%"), (0.002, 0, "0.2%"), (0.00031, 1, "0.03%"), (1.0, 0, "100%")],
)
def test_a_small_share_keeps_the_digits_it_needs(value, digits, text):
    assert charts.percent(value, digits) == text


def test_bins_of_one_decade_have_an_axis():
    part = Bin(10, 1, 1.0, 0.1, 0.1, (0.02, 0.4))
    drawn = charts.reliability([part], NAME)
    assert drawn.count("<circle") == 1
    assert "100%" in drawn


def test_bins_without_a_positive_stay_at_the_edge_of_the_axis():
    part = Bin(10, 0, 1.0, 0.1, 0.0, (0.0, 0.3))
    assert "nan" not in charts.reliability([part], NAME)


def test_draws_without_an_oracle_have_no_hollow_marks():
    drawn = charts.draw_rates(example.draws().onsite, None, NAME)
    assert drawn.count("<circle") == 4
    assert 'fill="#fff"' not in drawn


def test_a_rate_that_cannot_be_judged_is_pale_and_says_so():
    rates = {**example.draws().onsite, "A": example.draws().offsite["A"], "B": example.draws().offsite["B"]}
    drawn = charts.draw_rates(rates, None, NAME)
    assert drawn.count("<circle") == 3
    assert drawn.count("too few to judge") == 2
    assert drawn.count('opacity=".35"') == 2


def test_a_narrow_part_of_a_bar_has_no_words():
    drawn = charts.class_shares([(NAME, {"A": 0.94, "B": 0.03, "C": 0.02, "D": 0.01})], NAME)
    assert re.findall(r'class="inbar">([^<]*)<', drawn) == ["A 94.0%"]


def test_one_as_of_date_is_a_course_too():
    assert charts.course([("2025-12-31", 0.7, (0.4, 0.8))], NAME).count("<circle") == 1


def test_lines_run_through_their_points_from_nought_and_are_named_in_both_languages():
    series = [(("甲", "one"), [(0.0, 0.0), (0.1, 50_000.0), (0.2, 2_000_000.0)]), (("乙", "two"), [(0.05, 10.0)])]
    drawn = charts.lines(series, NAME, across=("占比", "share"), up=("天数", "days"))
    first, second = re.findall(r'points="([^"]*)"', drawn)
    (x0, y0), _, (x2, y2) = [tuple(map(float, point.split(","))) for point in first.split(" ")]
    assert (x0, y0) == (90.0, 290.0)
    assert x2 == 660.0
    assert 30 < y2 < 60
    assert float(second.split(",")[0]) == pytest.approx(90 + 570 / 4, abs=0.1)
    assert drawn.count("<circle") == 4
    for word in ("甲", "one", "乙", "two", "占比", "days", "1,500,000", "20%"):
        assert word in drawn


def test_lines_of_nothing_are_still_a_drawing_and_many_series_stay_apart():
    many = [((str(number),) * 2, [(0.1, 0.0)]) for number in range(len(charts.LINES) + 1)]
    drawn = charts.lines(many, NAME, across=NAME, up=NAME)
    assert "nan" not in drawn
    assert drawn.count("stroke-dasharray") == 2  # the line of the one too many, and its mark
    assert "<polyline" not in charts.lines([], NAME, across=NAME, up=NAME)
