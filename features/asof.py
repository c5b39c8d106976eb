"""As-of dates, months, and dated values: the only arithmetic of time in the product."""

import calendar
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month; results are kept, sealed and compared by month."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> "Month":
        """The month written as ``YYYY-MM``; ValueError names what was found."""
        found = re.fullmatch(r"(\d{4})-(\d{2})", text)
        if found is None or not 1 <= int(found[2]) <= 12:
            raise ValueError(f"{text!r} is not a month; expected YYYY-MM, for example 2026-01.")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of(cls, day: date) -> "Month":
        """The month a day lies in."""
        return cls(day.year, day.month)

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.number, 1)

    @property
    def end(self) -> date:
        """Its last day, the as-of date of a monthly run."""
        return date(self.year, self.number, calendar.monthrange(self.year, self.number)[1])

    def shift(self, months: int) -> "Month":
        """The month so many months later (earlier when negative)."""
        index = self.year * 12 + self.number - 1 + months
        return Month(index // 12, index % 12 + 1)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"


def months_before(day: date, months: int) -> date:
    """The same day so many months earlier, clipped to the end of a shorter month."""
    target = Month.of(day).shift(-months)
    return date(target.year, target.number, min(day.day, target.end.day))


def month_end_on_or_before(day: date) -> date:
    """The last month end that is not after a day."""
    month = Month.of(day)
    return day if day == month.end else month.shift(-1).end


def end_of_day(as_of: date, zone: ZoneInfo) -> datetime:
    """``T_end``: the local midnight after an as-of date, in UTC; records known before it count at T."""
    return datetime.combine(as_of + timedelta(days=1), time(), zone).astimezone(UTC)


def day_or_month_end(as_of: date) -> int:
    """The day of the month, 31 on a month end: a month that ends has run its course for every earlier day."""
    return 31 if as_of == Month.of(as_of).end else as_of.day


def valid_on(rows: Iterable[Mapping[str, Any]], on: date) -> list[Mapping[str, Any]]:
    """The dated rows (``since`` and optional ``until``, both included) valid on a day."""
    return [row for row in rows if row["since"] <= on and (row.get("until") is None or on <= row["until"])]


def in_force(rows: Iterable[Mapping[str, Any]], on: date) -> Mapping[str, Any]:
    """The one dated row valid on a day; ValueError otherwise."""
    valid = valid_on(rows, on)
    if len(valid) != 1:
        raise ValueError(f"{len(valid)} dated values are in force on {on}; expected exactly one.")
    return valid[0]
