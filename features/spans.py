"""Several dates at once: a row counts during one stretch of dates, so one look at each row is enough for all of them.

What the language asks of a row and a date T comes true at most once and ends at most once as T moves on: known before T
ends, not yet superseded, dated on or before T and within a window, started and not ended, due. Of ascending dates a row
therefore counts from one of them on until another. Counts and sums add a row where its stretch begins and take it away
where it ends; what has no inverse is reduced date by date. The engine finds the rows, the rest is arithmetic.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.asof import end_of_day
from features.compile import Plan, counted, dated, literal_clock, meets, undated, window_start
from features.formulas import Column, age_in_months, unpacked
from features.indicators.language import DECAY_SCALE, Aggregate, Condition, DefinitionError, Rows, Value, Window

Dense = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
NEVER = 2**62  # later than any day, moment or year
EXACT = 2.0**53  # floating-point numbers add whole numbers exactly up to here
ADDED = frozenset({"count", "sum"})
GREATEST, LEAST = frozenset({"max", "last_day", "latest"}), frozenset({"min", "first_day"})
CONTROL = ("known_at", "superseded_at", "event_date")
FIRST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Stretch:
    """For every row the first of the dates at which it counts, and the first one from which on it does no longer."""

    first: Dense
    past: Dense

    def within(self, first: Dense, past: Dense) -> "Stretch":
        """The stretches of rows that have to meet one thing more."""
        return Stretch(np.maximum(self.first, first), np.minimum(self.past, past))

    def among(self, kept: Flags | Dense) -> "Stretch":
        """The stretches of some of the rows, or of all in another order."""
        return Stretch(self.first[kept], self.past[kept])

    def at(self, place: int) -> Flags:
        """Which rows count at a date."""
        return (self.first <= place) & (self.past > place)


@dataclass(frozen=True)
class Calendar:
    """Ascending dates, and where among them something begins or ends."""

    dates: Sequence[date]
    zone: ZoneInfo

    def __len__(self) -> int:
        return len(self.dates)

    @cached_property
    def days(self) -> Dense:
        """The dates as numbers."""
        return _numbers(self.dates)

    @cached_property
    def _ends(self) -> Dense:
        found = [(end_of_day(day, self.zone) - FIRST_MOMENT) // timedelta(microseconds=1) for day in self.dates]
        return np.array(found, np.int64)

    def counted(self, rows: pa.Table) -> Stretch:
        """While a version is the one known, of a fact dated on or before a date; by the columns of ``CONTROL``."""
        known, later, event = (whole(rows[name]) for name in CONTROL)
        first = np.maximum(_place(self._ends, known, "right"), self.from_on(event))
        return Stretch(first, _place(self._ends, later, "right"))

    def from_on(self, day: Dense) -> Dense:
        """The first date on or after a day."""
        return _place(self.days, day, "left")

    def out_of(self, window: Window, day: Dense) -> Dense:
        """The first date whose window begins on a day or later."""
        return _place(_numbers([window_start(one, window) for one in self.dates]), day, "left")

    def when(self, condition: Condition, value: Dense) -> tuple[Dense, Dense]:
        """While a dated condition holds; ``NEVER`` stands for no value."""
        always, never = np.zeros(len(value), np.int64), np.full(len(value), len(self), np.int64)
        if condition.op == "before":
            return _place(self.days + condition.value, value, "right"), never
        if condition.op == "after":
            return always, np.where(value == NEVER, 0, _place(self.days + condition.value, value, "left"))
        periods, month, day = condition.value
        due = [one.year - 1 - (one.month * 100 + one.day <= month * 100 + day) for one in self.dates]
        last = np.array(due, np.int64)
        return _place(last, value, "left"), _place(last - periods, value, "left")


@dataclass(frozen=True)
class Spanned:
    """The aggregates of a plan at several dates."""

    plan: Plan
    calendar: Calendar

    def query(self, rows: ir.Table) -> ir.Table:
        """The rows that can count at any of the dates, with what decides at which, and what is counted of them."""
        seen = rows.filter(self._can_count(rows))
        tested = {name: meets(seen, conditions) for conditions, name in self.tested.items()}
        valued = {name: self.plan.value(seen, one) for one, name in self.valued.items()}
        return seen.select("entity", *self._columns, **tested, **valued)

    def over(self, table: pa.Table | None, low: int, size: int) -> dict[Value, Column]:
        """The aggregates of so many entities from a key on, by what the query found (None: nothing): a row a date."""
        return {one: rows.over(low, size) for one, rows in self.counting(table)}

    def counting(self, table: pa.Table | None) -> Iterator[tuple[Aggregate, "Counting"]]:
        """The rows each aggregate takes, of what the query found (None: nothing)."""
        found = None if table is None else _Found(self, table)
        for one in self.plan.aggregates.values():
            yield one, _nothing(one, self.calendar) if found is None else found.counting(one)

    @cached_property
    def tested(self) -> dict[tuple[Condition, ...], str]:
        """Conditions that do not depend on the date, by the column that says whether a row meets them."""
        found = dict.fromkeys(self.conditions(one.rows) for one in self.plan.aggregates.values())
        return {one: f"c{number}" for number, one in enumerate(found) if one}

    @cached_property
    def valued(self) -> dict[Aggregate, str]:
        """What rows bring to aggregates, by the column that holds it."""
        found = dict.fromkeys(bare(one) for one in self.plan.aggregates.values() if brings(one))
        return {one: f"v{number}" for number, one in enumerate(found)}

    def conditions(self, rows: Rows) -> tuple[Condition, ...]:
        """Conditions of rows that do not depend on the date, beyond those that all rows meet which are read."""
        return tuple(one for one in undated(rows.conditions) if one not in self.plan.shared.conditions)

    def _can_count(self, rows: ir.Table) -> ir.BooleanValue:
        profile, dates, shared = self.plan.profile, self.calendar.dates, self.plan.shared
        first, last = literal_clock(dates[0], profile.zone), literal_clock(dates[-1], profile.zone)
        found = counted(rows, last, profile, since=first) & meets(rows, undated(shared.conditions))
        return found if shared.window is None else found & (rows.event_date > first.start(shared.window))

    @property
    def _columns(self) -> list[str]:
        """The days, moments and years that decide when a row counts."""
        found, state = list(CONTROL), self.plan.record_type.state
        for one in self.plan.aggregates.values():
            found += [condition.field for condition in dated(one.rows.conditions)]
            if one.rows.state and state is not None:
                found += [state.start, state.end]
        return list(dict.fromkeys(found))


@dataclass(frozen=True)
class _Found:
    """Rows of one range of entities, as a query found them."""

    spanned: Spanned
    table: pa.Table
    _stretches: dict[Rows, Stretch] = field(default_factory=dict)
    _numbers: dict[str, Dense] = field(default_factory=dict)

    def counting(self, one: Aggregate) -> "Counting":
        """The rows an aggregate takes."""
        stretch = self._stretch(one.rows)
        kept = stretch.first < stretch.past
        if conditions := self.spanned.conditions(one.rows):
            kept &= self.table[self.spanned.tested[conditions]].to_numpy()
        name = self.spanned.valued[bare(one)] if brings(one) else None
        if name is not None and self.table[name].null_count:
            kept &= self.table[name].is_valid().to_numpy()
        value = None if name is None else self._values(name)[kept]
        day = self._values("event_date")[kept] if one.op == "decayed" else None
        return Counting(one, self.spanned.calendar, self._entity[kept], stretch.among(kept), value, day)

    @cached_property
    def _entity(self) -> Dense:
        return np.asarray(self.table["entity"].to_numpy(), np.int64)

    def _stretch(self, rows: Rows) -> Stretch:
        """While a row is among the rows of a definition, but for what does not depend on the date."""
        asked = replace(rows, conditions=tuple(dated(rows.conditions)))
        if asked not in self._stretches:
            self._stretches[asked] = self._worked_out(asked)
        return self._stretches[asked]

    def _worked_out(self, rows: Rows) -> Stretch:
        calendar, state, found = self.spanned.calendar, self.spanned.plan.record_type.state, self._counted
        if rows.window is not None:
            found = found.within(found.first, calendar.out_of(rows.window, self._values("event_date")))
        if rows.state and state is not None:
            start, end = self._values(state.start), self._values(state.end)
            found = found.within(calendar.from_on(start), calendar.from_on(end))
        for condition in rows.conditions:
            found = found.within(*calendar.when(condition, self._values(condition.field)))
        return found

    @cached_property
    def _counted(self) -> Stretch:
        return self.spanned.calendar.counted(self.table)

    def _values(self, name: str) -> Dense:
        column = self.table[name]
        if pa.types.is_integer(column.type) or pa.types.is_temporal(column.type):
            return whole(column)
        if name not in self._numbers:  # to number texts takes longer than all else, and several aggregates ask
            self._numbers[name] = whole(column.combine_chunks().dictionary_encode().indices)
        return self._numbers[name]


@dataclass(frozen=True)
class Counting:
    """The rows an aggregate takes: whose they are, while they count, what they bring to it and, where that weighs, of
    which day they are."""

    aggregate: Aggregate
    calendar: Calendar
    entity: Dense
    stretch: Stretch
    value: Dense | None
    day: Dense | None

    def over(self, low: int, size: int) -> Column:
        """The aggregate of so many entities from a key on: a row a date."""
        if self.aggregate.op in ADDED:
            return self._added(self.entity - low, size)
        return np.stack([self.at(place, size, low=low) for place in range(len(self.calendar))])

    def at(self, place: int, size: int, *, low: int = 0) -> Column:
        """The aggregate of so many entities from a key on, at one date."""
        at, one = self.stretch.at(place), self.aggregate
        entity, value = self.entity[at] - low, None if self.value is None else self.value[at]
        if value is not None and one.op in GREATEST | LEAST:
            return self._furthest(entity, value, size)
        if self.day is not None:
            weight = self._weight(self.day[at], place)
            value = weight if value is None else weight * value
        elif value is not None and one.op == "distinct":
            entity, value = np.unique(np.stack([entity, value]), axis=1)[0], None
        elif one.op not in ADDED:
            raise DefinitionError(f"No aggregate {one.op!r} in the language.")
        return _summed(entity, value, size).astype(np.float64, copy=False)

    def _furthest(self, entity: Dense, value: Dense, size: int) -> Column:
        """The greatest or the least value of every entity."""
        one = self.aggregate
        nothing, reduce = (-NEVER, np.maximum) if one.op in GREATEST else (NEVER, np.minimum)
        found = np.full(size, nothing)
        reduce.at(found, entity, value)
        return unpacked(one, found, found != nothing)

    def _weight(self, day: Dense, place: int) -> Dense:
        """The whole-numbered weight of days at a date."""
        as_of = np.array([self.calendar.dates[place]], "datetime64[D]")
        half_lives = age_in_months(day.astype(np.float64), as_of) / float(self.aggregate.half_life or 1)
        return np.floor(float(DECAY_SCALE) * np.power(0.5, half_lives) + 0.5).astype(np.int64)

    def _added(self, entity: Dense, size: int) -> Column:
        """What is added from its first date on until it is taken away again."""
        dates = len(self.calendar)
        begins, ends = self.stretch.first * size + entity, self.stretch.past * size + entity
        found = _summed(begins, self.value, (dates + 1) * size)
        found -= _summed(ends, self.value, (dates + 1) * size)
        running = found.reshape(dates + 1, size)[:dates]
        for number in range(1, dates):
            running[number] += running[number - 1]
        return running.astype(np.float64, copy=False)


def _nothing(one: Aggregate, calendar: Calendar) -> Counting:
    none = np.zeros(0, np.int64)
    stretch, value, day = Stretch(none, none), none if brings(one) else None, none if one.op == "decayed" else None
    return Counting(one, calendar, none, stretch, value, day)


def _summed(entity: Dense, value: Dense | None, size: int) -> npt.NDArray[Any]:
    """Whole numbers added up by entity, 1 each without a value: as floating-point numbers where these add exactly."""
    if value is None or np.abs(value.astype(np.float64)).sum() < EXACT:
        return np.bincount(entity, value, size)
    found = np.zeros(size, np.int64)
    np.add.at(found, entity, value)
    return found


def whole(column: pa.Array | pa.ChunkedArray) -> Dense:
    """A column of numbers, days or moments as whole numbers, ``NEVER`` for null."""
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    elif pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz))
    return np.asarray(pc.fill_null(column.cast(pa.int64()), NEVER).to_numpy())


def bare(one: Aggregate) -> Aggregate:
    """What an aggregate takes from a row, whichever rows it takes and however it weighs them."""
    return replace(one, rows=Rows(one.rows.record_type), half_life=None)


def brings(one: Aggregate) -> bool:
    """Whether rows bring a value to an aggregate, or are only counted."""
    return one.op != "count" and (one.op != "decayed" or one.field is not None)


def _numbers(days: Sequence[date]) -> Dense:
    return np.array(days, "datetime64[D]").astype(np.int64)


def _place(dates: Dense, values: Dense, side: str) -> Dense:
    return np.searchsorted(dates, values, side=side)  # type: ignore[call-overload,no-any-return]
