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
from zoneinfo import ZoneInfo

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.asof import end_of_day
from features.compile import Plan, counted, dated, literal_clock, meets, undated, window_start
from features.formulas import Column, age_in_months, empty, unpacked
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

    def among(self, kept: Flags) -> "Stretch":
        """The stretches of some of the rows."""
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
        if table is None:
            return {one: np.full((len(self.calendar), size), empty(one)) for one in self.plan.aggregates.values()}
        found = _Found(self, table, table["entity"].to_numpy().astype(np.int64) - low, size)
        return {one: found.aggregate(one) for one in self.plan.aggregates.values()}

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
    entity: Dense
    size: int
    _stretches: dict[Rows, Stretch] = field(default_factory=dict)

    def aggregate(self, one: Aggregate) -> Column:
        """An aggregate of every entity, a row a date."""
        stretch = self._stretch(one.rows)
        kept = stretch.first < stretch.past
        if conditions := self.spanned.conditions(one.rows):
            kept &= self.table[self.spanned.tested[conditions]].to_numpy()
        name = self.spanned.valued[bare(one)] if brings(one) else None
        if name is not None and self.table[name].null_count:
            kept &= self.table[name].is_valid().to_numpy()
        value = None if name is None else self._values(name, numbered=one.op == "distinct")[kept]
        entity, stretch = self.entity[kept], stretch.among(kept)
        if one.op in ADDED:
            return self._added(entity, stretch, value)
        return np.stack(list(self._date_by_date(one, entity, stretch, value, self._values("event_date")[kept])))

    def _added(self, entity: Dense, stretch: Stretch, value: Dense | None) -> Column:
        """What is added from its first date on until it is taken away again."""
        dates = len(self.spanned.calendar)
        shape = (dates + 1) * self.size
        begins, ends = stretch.first * self.size + entity, stretch.past * self.size + entity
        if value is not None and np.abs(value.astype(np.float64)).sum() >= EXACT:
            found = np.zeros(shape, np.int64)
            np.add.at(found, begins, value)
            np.subtract.at(found, ends, value)
        else:
            found = np.bincount(begins, value, shape)
            found -= np.bincount(ends, value, shape)
        running = found.reshape(dates + 1, self.size)[:dates]
        for number in range(1, dates):
            running[number] += running[number - 1]
        return running.astype(np.float64, copy=False)

    def _date_by_date(
        self, one: Aggregate, entity: Dense, stretch: Stretch, value: Dense | None, day: Dense
    ) -> Iterator[Column]:
        for place in range(len(self.spanned.calendar)):
            at = stretch.at(place)
            whose, brought = entity[at], None if value is None else value[at]
            if one.op == "decayed":
                yield self._decayed(one, whose, brought, day[at], place)
            elif brought is not None and one.op == "distinct":
                yield np.bincount(np.unique(np.stack([whose, brought]), axis=1)[0], minlength=self.size).astype(float)
            elif brought is not None and one.op in GREATEST | LEAST:
                yield self._furthest(one, whose, brought)
            else:
                raise DefinitionError(f"No aggregate {one.op!r} in the language.")

    def _furthest(self, one: Aggregate, entity: Dense, value: Dense) -> Column:
        """The greatest or the least value of every entity."""
        nothing, reduce = (-NEVER, np.maximum) if one.op in GREATEST else (NEVER, np.minimum)
        found = np.full(self.size, nothing)
        reduce.at(found, entity, value)
        return unpacked(one, found, found != nothing)

    def _decayed(self, one: Aggregate, entity: Dense, value: Dense | None, day: Dense, place: int) -> Column:
        as_of = np.array([self.spanned.calendar.dates[place]], "datetime64[D]")
        half_lives = age_in_months(day.astype(np.float64), as_of) / float(one.half_life or 1)
        weight = np.floor(float(DECAY_SCALE) * np.power(0.5, half_lives) + 0.5)
        weighed = weight if value is None else weight * value
        return np.bincount(entity, weighed, self.size).astype(np.float64, copy=False)

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

    def _values(self, name: str, *, numbered: bool = False) -> Dense:
        column = self.table[name]
        is_whole = pa.types.is_integer(column.type) or pa.types.is_temporal(column.type)
        return whole(column.combine_chunks().dictionary_encode().indices if numbered and not is_whole else column)


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
