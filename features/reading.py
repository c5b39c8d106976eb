"""What a matrix reads from the lake: aggregates by query, links, registrations, all as known at T."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.compile import (
    CONTROL_COLUMNS,
    Clock,
    Plan,
    counted,
    literal_clock,
    pair_clock,
)
from features.engine import Engine, Ranged
from features.indicators.language import Aggregate
from features.profile import Profile
from features.records.schema import RecordType
from features.records.stored import Stored
from features.spans import CONTROL, Calendar, Spanned

AHEAD_CELLS = 2**25  # of one query's result: 256 MiB where every entity has records
Asked = Callable[[int, int], pa.Table | None]
REGISTER = "entity"  # the record type every profile has: who there is, of which kind


class Lake(Protocol):
    """The part of the lake a matrix needs."""

    @property
    def profile(self) -> Profile:
        """The profile of the lake."""

    @property
    def home(self) -> Path:
        """The home the lake lies in."""

    def types(self) -> Mapping[str, RecordType]:
        """The record types of the profile, by name."""

    def stored(self, record_type: str) -> Stored:
        """The versions of a record type that stand."""

    def register(self) -> pa.Table:
        """Entities: integer key 0…n−1, code, name and region."""

    def digest(self, as_of: date) -> str:
        """A digest of everything known as of a date."""


@dataclass(frozen=True)
class Reading:
    """Reads one lake with one engine."""

    lake: Lake
    engine: Engine

    @property
    def types(self) -> Mapping[str, RecordType]:
        """The record types of the profile."""
        return self.lake.types()

    @cached_property
    def size(self) -> int:
        """How many entities the register holds."""
        return int(self.lake.register().num_rows)

    def rows(self, record_type: str, columns: Iterable[str]) -> ir.Table | None:
        """Every version of the records of a type, only these columns; None when there are none yet."""
        stored = self.lake.stored(record_type)
        if stored.is_empty:
            return None
        return self.engine.rows(stored).select(*dict.fromkeys(columns))

    def plan(self, record_type: str, aggregates: Mapping[str, Aggregate]) -> Plan:
        """The query plan of one record type."""
        return Plan(self.types[record_type], self.lake.profile, aggregates)

    def at(self, record_type: str, aggregates: Mapping[str, Aggregate], as_of: date) -> pa.Table | None:
        """One row per entity with records, sorted by entity: aggregates at one as-of date."""
        query = self.query(record_type, aggregates, as_of)
        return None if query is None else self.engine.run(query, by="entity")

    def in_ranges(self, record_type: str, aggregates: Mapping[str, Aggregate], as_of: date) -> Ranged | None:
        """``at`` for any range of entity keys: compiled once; None when there are no records yet."""
        query = self.query(record_type, aggregates, as_of)
        return None if query is None else self.engine.prepared(query, "entity")

    def query(self, record_type: str, aggregates: Mapping[str, Aggregate], as_of: date) -> ir.Table | None:
        """One row per entity with records, in any order, not yet run; None when there are no records yet."""
        plan = self.plan(record_type, aggregates)
        rows = self.rows(record_type, ["entity", *plan.columns()])
        if rows is None:
            return None
        clock = self._clock(as_of)
        return plan.query(rows, lambda _: clock, by="entity")

    def spanned(self, record_type: str, aggregates: Mapping[str, Aggregate], dates: Sequence[date]) -> Spanned:
        """The aggregates of one record type at several ascending dates."""
        return Spanned(self.plan(record_type, aggregates), self.calendar(dates))

    def calendar(self, dates: Sequence[date]) -> Calendar:
        """Ascending dates in the time zone of the profile."""
        return Calendar(dates, self.lake.profile.zone)

    def at_once(self, spanned: Spanned) -> Ranged | None:
        """The rows of any range of entity keys that can count at some date; None when there are no records yet."""
        rows = self.rows(spanned.plan.record_type.name, ["entity", *spanned.plan.columns()])
        return None if rows is None else self.engine.prepared(spanned.query(rows), "entity")

    def for_pairs(
        self, record_type: str, aggregates: Mapping[str, Aggregate], pairs: pa.Table, clock: Any, *, on: str = "entity"
    ) -> pa.Table | None:
        """One row per pair with records, sorted by pair: aggregates at every pair's own as-of date, in one query.

        Of the files, which are sorted by entity, only the range is read that the pairs ask for.
        """
        plan = self.plan(record_type, aggregates)
        rows = self.rows(record_type, [on, *plan.columns()])
        if rows is None:
            return None
        joined = self.engine.memory(pairs).join(_spanned(rows, pairs, on), on)
        return self.engine.run(plan.query(joined, clock, by="pair"), by="pair")

    def attributes(self, names: Sequence[str], as_of: date) -> pa.Table:
        """One row per entity known at T, sorted: the text of fields of its registration."""
        columns = ["entity", *CONTROL_COLUMNS, *names]
        rows = self.rows(REGISTER, columns)
        if rows is None:
            return pa.table({name: pa.array([], pa.int32() if name == "entity" else pa.string()) for name in columns})
        known = rows.filter(counted(rows, self._clock(as_of), self.lake.profile))
        return _one_each(self.engine.run(known.select("entity", *names), by="entity"), names)

    def attributes_at_any(self, names: Sequence[str], dates: Sequence[date]) -> pa.Table:
        """The registrations known at any of some ascending dates, sorted by entity, with what decides at which."""
        rows = self.rows(REGISTER, ["entity", *CONTROL_COLUMNS, *names])
        if rows is None:
            return pa.table({name: pa.array([], pa.int32()) for name in ["entity", *CONTROL, *names]})
        first, last = self._clock(dates[0]), self._clock(dates[-1])
        seen = rows.filter(counted(rows, last, self.lake.profile, since=first))
        return self.engine.run(seen.select("entity", *CONTROL, *names), by="entity")

    def attributes_for_pairs(self, names: Sequence[str], pairs: pa.Table) -> pa.Table:
        """One row per pair whose entity was known at the pair's date, sorted: the text of registration fields."""
        rows = self.rows(REGISTER, ["entity", *CONTROL_COLUMNS, *names])
        if rows is None:
            return pa.table({"pair": pa.array([], pa.int64()), **{name: pa.array([], pa.string()) for name in names}})
        joined = self.engine.memory(pairs).join(_spanned(rows, pairs, "entity"), "entity")
        known = joined.filter(counted(joined, pair_clock(joined), self.lake.profile))
        found = known.group_by("pair").aggregate(**{name: known[name].max() for name in names})
        return self.engine.run(found, by="pair")

    def _clock(self, as_of: date) -> Clock:
        return literal_clock(as_of, self.lake.profile.zone)


class Ahead:
    """A query run on wider ranges of keys than are asked for, up to a last one: what is next is there already."""

    def __init__(self, result: Asked | None, width: int, last: int, *, by: str = "entity") -> None:
        self._result = result
        self._width = width
        self._last = last
        self._by = by
        self._until = -1
        self._found: pa.Table | None = None

    def between(self, low: int, high: int) -> pa.Table | None:
        """The rows of a range (both ends included) that begins after the last, sorted; None without any records."""
        if self._result is not None and high > self._until:
            self._until = max(high, min(low + self._width, self._last))
            self._found = self._result(low, self._until)
        if self._found is None:
            return None
        keys = self._found[self._by].to_numpy()
        first, last = np.searchsorted(keys, np.array([low, high + 1], keys.dtype))
        return self._found.slice(first, last - first)


def _spanned(rows: ir.Table, pairs: pa.Table, on: str) -> ir.Table:
    """The rows from the least to the greatest key of some pairs."""
    span = pc.min_max(pairs[on]).as_py()
    return rows if span["min"] is None else rows.filter(rows[on].between(span["min"], span["max"]))


def _one_each(rows: pa.Table, names: Sequence[str]) -> pa.Table:
    """One row per entity of sorted rows; of several, which few have, the greatest texts."""
    if np.all(np.diff(rows["entity"].to_numpy()) > 0):
        return rows
    found = rows.group_by("entity").aggregate([(name, "max") for name in names])
    return found.rename_columns({f"{name}_max": name for name in names}).select(rows.column_names).sort_by("entity")
