from datetime import date, timedelta

import pytest

from features.asof import months_before
from training.errors import SchemeError
from training.splits import DateSettings, by_date, by_period

SETTINGS = DateSettings.read({"fit": 3, "calibration": 2, "test": 1, "step_months": 3, "gap_months": 12})


def mature(day):
    return months_before(day, -12) + timedelta(days=120)


def test_dates_are_mature_month_ends_in_order():
    dates = by_date(SETTINGS, known_by=date(2025, 12, 31), mature_on=mature, earliest=date(2018, 1, 31))
    assert dates.test == (date(2024, 8, 31),)
    assert dates.calibration == (date(2023, 5, 31), date(2023, 8, 31))
    assert dates.fit == (date(2021, 11, 30), date(2022, 2, 28), date(2022, 5, 31))
    assert mature(dates.test[-1]) <= date(2025, 12, 31) < mature(date(2024, 9, 30))


def test_without_a_test_part_the_other_parts_are_as_late_as_they_can_be():
    settings = DateSettings(3, 2, 0, 3, 12)
    dates = by_date(settings, known_by=date(2025, 12, 31), mature_on=mature, earliest=date(2018, 1, 31))
    assert dates.test == ()
    assert dates.calibration[-1] == date(2024, 8, 31)


def test_dates_before_the_first_usable_one_are_left_out():
    dates = by_date(SETTINGS, known_by=date(2025, 12, 31), mature_on=mature, earliest=date(2022, 1, 31))
    assert dates.fit == (date(2022, 2, 28), date(2022, 5, 31))


def test_too_short_a_history_is_refused_with_counts():
    with pytest.raises(SchemeError, match="give 0 dates to fit on, 1 to calibrate and 1 to test"):
        by_date(SETTINGS, known_by=date(2025, 12, 31), mature_on=mature, earliest=date(2023, 7, 31))


def test_periods_follow_each_other_without_touching():
    periods = by_period(since=date(2010, 1, 1), known_by=date(2013, 12, 31), calibration_months=6, test_months=3)
    assert periods.fit == (date(2010, 1, 1), date(2013, 3, 30))
    assert periods.calibration == (date(2013, 3, 31), date(2013, 9, 30))
    assert periods.test == (date(2013, 10, 1), date(2013, 12, 31))
    assert by_period(since=date(2010, 1, 1), known_by=date(2013, 12, 31), calibration_months=6).test is None


def test_a_period_without_time_to_fit_is_refused():
    with pytest.raises(SchemeError, match="leave no time to fit"):
        by_period(since=date(2013, 7, 1), known_by=date(2013, 12, 31), calibration_months=6)
