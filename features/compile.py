"""Indicators of one record type become one Ibis query: filter, group by entity, filtered aggregates.

The same expressions run on Polars, DuckDB and Spark. The as-of date is either a literal (everyone at one date) or
columns of a table of (entity, as-of date) pairs (training samples of many dates): the clock hides which.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from features.asof import day_or_month_end, end_of_day, months_before
from features.indicators.catalogue import row_sets
from features.indicators.language import (
    DECAY_SCALE,
    LATEST_OFFSET,
    LATEST_SCALE,
    Aggregate,
    Condition,
    DefinitionError,
    Field,
    Indicator,
    Rows,
    Window,
)
from features.profile import Profile
from features.records.schema import RecordType

EPOCH = date(1970, 1, 1)
CONTROL_COLUMNS = ("known_at", "superseded_at", "event_date", "withdrawn_date", "repair_date")


@dataclass(frozen=True)
class Clock:
    """The as-of date as query expressions: literals, or columns of a table of pairs."""

    end: Any
    day: Any
    month_index: Any
    day_of_month: Any
    year: Any
    month_day: Any
    start: Callable[[Window], Any]


def window_start(as_of: date, window: Window) -> date:
    """The day a window begins after: T − w, month ends clipped; event dates count when later."""
    return months_before(as_of, window.months) - timedelta(days=window.days)


def before_coverage(indicator: Indicator, profile: Profile, as_of: date) -> bool:
    """Whether a window's first day lies before the first day on which one of the indicator's items is collected."""
    starts = [profile.coverage[item] for item in indicator.items if item in profile.coverage]
    windows = {rows.window for rows in row_sets(indicator.value) if rows.window is not None}
    if not starts or not windows:
        return False
    return min(window_start(as_of, window) for window in windows) + timedelta(days=1) < max(starts)


def window_name(window: Window) -> str:
    """The column of a table of pairs that holds a window's start."""
    return f"start_{window.months}m_{window.days}d"


def literal_clock(as_of: date, zone: ZoneInfo) -> Clock:
    """One as-of date for every entity."""
    return Clock(
        end=ibis.literal(end_of_day(as_of, zone), type="timestamp('UTC')"),
        day=ibis.literal(as_of, type="date"),
        month_index=ibis.literal(as_of.year * 12 + as_of.month, type="int64"),
        day_of_month=ibis.literal(day_or_month_end(as_of), type="int64"),
        year=ibis.literal(as_of.year, type="int64"),
        month_day=ibis.literal(as_of.month * 100 + as_of.day, type="int64"),
        start=lambda window: ibis.literal(window_start(as_of, window), type="date"),
    )


def pair_clock(pairs: ir.Table) -> Clock:
    """An as-of date of its own for every pair."""
    return Clock(
        end=pairs.t_end,
        day=pairs.t_day,
        month_index=pairs.t_month_index,
        day_of_month=pairs.t_day_of_month,
        year=pairs.t_year,
        month_day=pairs.t_month_day,
        start=lambda window: pairs[window_name(window)],
    )


def pair_columns(dates: Iterable[date], windows: Iterable[Window], zone: ZoneInfo) -> pa.Table:
    """What a pair clock reads, one row per distinct as-of date (column ``t_day``)."""
    days = sorted(set(dates))
    columns: dict[str, pa.Array] = {
        "t_day": pa.array(days, pa.date32()),
        "t_end": pa.array([end_of_day(day, zone) for day in days], pa.timestamp("us", tz="UTC")),
        "t_month_index": pa.array([day.year * 12 + day.month for day in days], pa.int64()),
        "t_day_of_month": pa.array([day_or_month_end(day) for day in days], pa.int64()),
        "t_year": pa.array([day.year for day in days], pa.int64()),
        "t_month_day": pa.array([day.month * 100 + day.day for day in days], pa.int64()),
    }
    for window in dict.fromkeys(windows):
        starts = [window_start(day, window) for day in days]
        columns[window_name(window)] = pa.array(starts, pa.date32())
    return pa.table(columns)


@dataclass(frozen=True)
class Plan:
    """The aggregates over one record type, by column name, and how its rows count."""

    record_type: RecordType
    profile: Profile
    aggregates: Mapping[str, Aggregate]

    def columns(self) -> list[str]:
        """The lake columns the query reads beside its grouping key."""
        needed = list(CONTROL_COLUMNS)
        for aggregate in self.aggregates.values():
            needed += fields_read(aggregate.rows, self.record_type)
            if aggregate.field is not None:
                needed.append(aggregate.field)
        return list(dict.fromkeys(needed))

    @cached_property
    def shared(self) -> Rows:
        """Rows that hold all rows any of the aggregates reads."""
        return shared_rows(self.aggregates.values())

    def query(self, rows: ir.Table, clock_of: Callable[[ir.Table], Clock], *, by: str) -> ir.Table:
        """One row per key with records all aggregates may read: the key, one integer an aggregate (null: no record)."""
        clock = clock_of(rows)
        shared = rows_condition(rows, self.shared, self.record_type, clock)
        seen = rows.filter(counted(rows, clock, self.profile) & shared)
        clock = clock_of(seen)
        aggregated = {name: self._aggregate(seen, one, clock) for name, one in self.aggregates.items()}
        return seen.group_by(by).aggregate(**aggregated)

    def _aggregate(self, rows: ir.Table, aggregate: Aggregate, clock: Clock) -> ir.Value:
        where = rows_condition(rows, aggregate.rows, self.record_type, clock)
        if aggregate.op == "count":
            return rows.count(where=where)
        if aggregate.op == "distinct":
            value = rows[aggregate.field]
            return value.nunique(where=where & value.notnull()).cast("int64")  # engines differ on whether null is one
        if aggregate.op not in _REDUCTIONS:
            raise DefinitionError(f"{self.record_type.name}: no aggregate {aggregate.op!r} in the language.")
        return _REDUCTIONS[aggregate.op](among(self._reduced(rows, aggregate, clock), where))

    def _reduced(self, rows: ir.Table, aggregate: Aggregate, clock: Clock) -> ir.Value:
        """What an aggregate reduces, for every row."""
        return self._decayed(rows, aggregate, clock) if aggregate.op == "decayed" else self.value(rows, aggregate)

    def value(self, rows: ir.Table, aggregate: Aggregate) -> ir.Value:
        """What a row brings to an aggregate of a field or of days, whatever the as-of date."""
        if aggregate.op in {"last_day", "first_day"}:
            return epoch_days(rows[aggregate.field or "event_date"])
        value = rows[aggregate.field]
        if aggregate.points is not None:
            return value.cases(*aggregate.points, else_=0)
        if aggregate.op == "latest":
            return epoch_days(rows.event_date) * LATEST_SCALE + (
                self._whole(value, aggregate.field or "") + LATEST_OFFSET
            )
        return value

    def _decayed(self, rows: ir.Table, aggregate: Aggregate, clock: Clock) -> ir.Value:
        """Integer weights: rounding makes them the same on every engine, so sums are exact in any order."""
        half_lives = months_old(rows.event_date, clock).cast("float64") / float(aggregate.half_life or 1)
        exact = ibis.literal(float(DECAY_SCALE)) * ibis.literal(0.5).pow(half_lives)
        weight = (exact + 0.5).floor().cast("int64")  # engines round halves differently; all of them floor alike
        return weight if aggregate.field is None else weight * self.value(rows, aggregate)

    def _whole(self, value: ir.Value, name: str) -> ir.Value:
        """A code as its position in the code list; other fields are whole numbers already."""
        field = self.record_type.field(name)
        if field.type != "code" or field.list is None:
            return value
        codes = self.profile.codelist(field.list).codes
        return value.cases(*((code, position) for position, code in enumerate(codes)))


_REDUCTIONS: dict[str, Callable[[Any], Any]] = {
    "sum": lambda value: value.sum(),
    "decayed": lambda value: value.sum(),
    "max": lambda value: value.max(),
    "last_day": lambda value: value.max(),
    "latest": lambda value: value.max(),
    "min": lambda value: value.min(),
    "first_day": lambda value: value.min(),
}


def among(value: ir.Value, where: ir.BooleanValue) -> ir.Value:
    """A value where a condition holds, null elsewhere: reduced in passing, where engines would sort out rows first."""
    return ibis.ifelse(where, value, ibis.null(value.type()))


def shared_rows(aggregates: Iterable[Aggregate]) -> Rows:
    """Rows that hold all rows any of some aggregates reads: what they have in common, the widest window of all."""
    first, *others = (aggregate.rows for aggregate in aggregates)
    conditions = [one for one in first.conditions if all(one in rows.conditions for rows in others)]
    windows = [rows.window for rows in (first, *others)]
    widest = max((one for one in windows if one), key=lambda one: (one.months, one.days), default=None)
    holds_all = widest and all(one and one.months <= widest.months and one.days <= widest.days for one in windows)
    state = all(rows.state for rows in (first, *others))
    return Rows(first.record_type, tuple(conditions), widest if holds_all else None, state)


def counted(rows: ir.Table, clock: Clock, profile: Profile, *, since: Clock | None = None) -> ir.BooleanValue:
    """Whether a version is the one known at T, of a fact dated on or before T that still counts.

    With the clock of an earlier date: whether it is that at T, or can have been at a date between.
    """
    stood = (since or clock).end
    known = (rows.known_at < clock.end) & (rows.superseded_at.isnull() | (rows.superseded_at >= stood))
    counts = known & (rows.event_date <= clock.day) & rows.withdrawn_date.isnull()
    effect = profile.settings.get("repair_effect", "stop_use")
    if effect == "stop_use":
        return counts & rows.repair_date.isnull()
    if effect == "keep":
        return counts
    raise DefinitionError(f"Profile {profile.name}: repair_effect is {effect!r}; expected stop_use or keep.")


def rows_condition(rows: ir.Table, definition: Rows, record_type: RecordType, clock: Clock) -> ir.BooleanValue:
    """Whether a row is among the rows of a definition: its conditions, its window, its state at T."""
    tests = [_condition(rows, condition, clock) for condition in definition.conditions]
    if definition.window is not None:
        tests.append(rows.event_date > clock.start(definition.window))
    if definition.state and record_type.state is not None:
        start, end = rows[record_type.state.start], rows[record_type.state.end]
        tests += [start <= clock.day, end.isnull() | (end > clock.day)]
    if not tests:
        return rows.event_date.notnull()
    combined = tests[0]
    for test in tests[1:]:
        combined = combined & test
    return combined


def meets(rows: ir.Table, conditions: Iterable[Condition]) -> ir.BooleanValue:
    """Whether a row meets every condition, whatever the as-of date; a null field meets none but ``missing``."""
    passed: ir.BooleanValue = ibis.literal(True)
    for condition in conditions:
        if condition.op in _DATED:
            raise DefinitionError(
                f"Condition {condition.op!r} on {condition.field} needs an as-of date; there is none."
            )
        passed = passed & _condition(rows, condition, None)
    return passed.fill_null(False)


def undated(conditions: Iterable[Condition]) -> list[Condition]:
    """The conditions that hold or not whatever the as-of date."""
    return [condition for condition in conditions if condition.op not in _DATED]


def dated(conditions: Iterable[Condition]) -> list[Condition]:
    """The conditions that hold or not by the as-of date."""
    return [condition for condition in conditions if condition.op in _DATED]


def fields_read(definition: Rows, record_type: RecordType) -> list[str]:
    """The lake columns that decide whether a row is among the rows of a definition."""
    names = [condition.field for condition in definition.conditions]
    names += [condition.value.name for condition in definition.conditions if isinstance(condition.value, Field)]
    if definition.state and record_type.state is not None:
        names += [record_type.state.start, record_type.state.end]
    return names


def epoch_days(day: ir.DateValue) -> ir.IntegerValue:
    """Days since 1970-01-01."""
    return day.delta(ibis.literal(EPOCH, type="date"), unit="day").cast("int64")


def months_old(day: ir.DateValue, clock: Clock) -> ir.IntegerValue:
    """Whole months from a date to T: the largest m with date + m months on or before T."""
    index = day.year().cast("int64") * 12 + day.month().cast("int64")
    return clock.month_index - index - (day.day().cast("int64") > clock.day_of_month).cast("int64")


def _condition(rows: ir.Table, condition: Condition, clock: Clock | None) -> ir.BooleanValue:
    column = rows[condition.field]
    if condition.op in _COMPARISONS:
        return _COMPARISONS[condition.op](column, _operand(rows, condition.value))
    if condition.op not in _TESTS:
        raise DefinitionError(f"No condition {condition.op!r} in the language.")
    return _TESTS[condition.op](column, condition.value, clock)


_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
}


def _operand(rows: ir.Table, value: Any) -> Any:
    if isinstance(value, date):
        return ibis.literal(value, type="date")
    if not isinstance(value, Field):
        return value
    return rows[value.name] + ibis.interval(days=value.shift) if value.shift else rows[value.name]


def days_from(day: ir.DateValue, until: Any) -> ir.IntegerValue:
    """Days from a date to another."""
    return until.delta(day, unit="day").cast("int64")


def _has(column: ir.StringValue, codes: Iterable[str]) -> ir.BooleanValue:
    """One search for all codes: a search for each costs as many passes over the texts."""
    return column.re_search(rf"\|({'|'.join(re.escape(code) for code in codes)})\|")


def _due(year: ir.IntegerValue, duty: tuple[int, int, int], clock: Clock) -> ir.BooleanValue:
    periods, month, day = duty
    last = clock.year - 1 - (clock.month_day <= month * 100 + day).cast("int64")
    return (year <= last) & (year > last - periods)


_DATED = frozenset({"due", "before", "after"})
_TESTS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "missing": lambda column, _, clock: column.isnull(),
    "present": lambda column, _, clock: column.notnull(),
    "in": lambda column, values, clock: column.isin(list(values)),
    "has": lambda column, codes, clock: _has(column, codes),
    "due": _due,
    "before": lambda column, days, clock: days_from(column, clock.day) > -days,
    "after": lambda column, days, clock: days_from(column, clock.day) < -days,
}
