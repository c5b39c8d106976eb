"""Which as-of dates fit, calibrate and test a scheme: by time, and mature."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from features.asof import Month, month_end_on_or_before, months_before
from training.errors import SchemeError


@dataclass(frozen=True)
class Dates:
    """As-of dates of the three parts, earliest first; for inspections, the days their events lie on."""

    fit: tuple[date, ...]
    calibration: tuple[date, ...]
    test: tuple[date, ...]


@dataclass(frozen=True)
class DateSettings:
    """How many as-of dates each part has, months between two of them, and months between two parts."""

    fit: int
    calibration: int
    test: int
    step_months: int
    gap_months: int

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "DateSettings":
        """The settings written under ``dates`` in a profile's ``model.yaml``."""
        return cls(**{name: int(row[name]) for name in ("fit", "calibration", "test", "step_months", "gap_months")})


@dataclass(frozen=True)
class Periods:
    """Event days (first and last, both included) of the three parts; None where a part is empty."""

    fit: tuple[date, date]
    calibration: tuple[date, date] | None
    test: tuple[date, date] | None


def by_date(settings: DateSettings, *, known_by: date, mature_on: Callable[[date], date], earliest: date) -> Dates:
    """As-of dates counted back from the latest mature month end; SchemeError when history is too short.

    Parts lie ``gap_months`` apart, so that with a gap of the horizon no outcome window of one part overlaps the
    next one's.
    """
    last = month_end_on_or_before(known_by)
    while mature_on(last) > known_by:
        last = _back(last, 1)
    parts: list[tuple[date, ...]] = []
    for count in (settings.test, settings.calibration, settings.fit):
        days = [_back(last, settings.step_months * place) for place in range(count)]
        parts.append(tuple(sorted(day for day in days if day >= earliest)))
        if count:
            last = _back(days[-1], settings.gap_months)
    test, calibration, fit = parts
    if not fit or not calibration or len(test) < settings.test:
        raise SchemeError(
            f"Records known by {known_by} give {len(fit)} dates to fit on, {len(calibration)} to calibrate and "
            f"{len(test)} to test; expected at least 1, 1 and {settings.test} from {earliest} on. Nothing was trained; "
            "deliver earlier records, or lower dates in model.yaml."
        )
    return Dates(fit, calibration, test)


def by_period(*, since: date, known_by: date, calibration_months: int, test_months: int = 0) -> Periods:
    """Event periods ending on the day labels are made: fit, then calibration, then an optional test."""
    test_from = months_before(known_by, test_months)
    calibrated_from = months_before(test_from, calibration_months)
    if since >= calibrated_from:
        raise SchemeError(
            f"Inspections from {since} to {known_by} leave no time to fit before the last {calibration_months} months, "
            "which calibrate. Nothing was trained; give an earlier start (periods.since in "
            "model.yaml) or deliver more."
        )
    fit = (since, calibrated_from)
    calibration = (calibrated_from + timedelta(days=1), test_from)
    test = (test_from + timedelta(days=1), known_by) if test_months else None
    return Periods(fit, calibration, test)


def _back(day: date, months: int) -> date:
    return Month.of(day).shift(-months).end
