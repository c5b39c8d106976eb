"""Query results placed on the rows of a matrix."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.formulas import Column, empty, unpacked
from features.indicators.catalogue import aggregates
from features.indicators.language import Aggregate, Value

Dates = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Axis:
    """The rows to fill: which entity at which date, and the column that names them in a query's result.

    ``as_of`` has a date a row, or one date for all rows; rows named by number are numbered from ``first`` on.
    """

    by: str
    entity: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int8]
    as_of: Dates
    first: int = 0

    def __len__(self) -> int:
        return len(self.entity)

    @cached_property
    def days(self) -> list[date]:
        """The distinct dates."""
        found: list[date] = np.unique(self.as_of).tolist()
        return found

    @property
    def dates(self) -> Dates:
        """The date of every row."""
        return np.broadcast_to(self.as_of, len(self))

    @cached_property
    def keys(self) -> npt.NDArray[np.int64]:
        """What the column ``by`` holds for every row, ascending."""
        return self.entity if self.by == "entity" else np.arange(self.first, self.first + len(self))

    def places(self, keys: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """At which row each of some keys is, −1 where it has none."""
        first, rows = self._table
        wanted = keys.astype(np.int64) - first
        return np.where((wanted >= 0) & (wanted < len(rows)), rows[np.clip(wanted, 0, len(rows) - 1)], -1)

    @cached_property
    def _table(self) -> tuple[int, npt.NDArray[np.int64]]:
        """The first key, and for it and every number up to the last key the row that has it, −1 for none."""
        first = int(self.keys[0])
        found = np.full(int(self.keys[-1]) - first + 1, -1)
        found[self.keys - first] = np.arange(len(self))
        return first, found


@dataclass
class Placed:
    """Query results placed on an axis: columns by value."""

    columns: dict[Value, Column] = field(default_factory=dict)


def by_type(values: Sequence[Value]) -> dict[str, dict[str, Aggregate]]:
    """The aggregates some values need, by record type, named in order; equal ones once."""
    found: dict[str, dict[Aggregate, None]] = {}
    for value in values:
        for aggregate in aggregates(value):
            found.setdefault(aggregate.rows.record_type, {})[aggregate] = None
    return {name: {f"a{number}": one for number, one in enumerate(wanted)} for name, wanted in found.items()}


def place(placed: Placed, found: pa.Table | None, wanted: Mapping[str, Aggregate], axis: Axis) -> None:
    """Put a sorted result onto the axis; rows without a record get what no record means for the aggregate."""
    is_held, rows = np.zeros(0, bool), np.zeros(0, np.int64)
    if found is not None and found.num_rows and len(axis):
        rows = axis.places(found[axis.by].to_numpy())
        is_held = rows >= 0
        rows = rows[is_held]
    for name, aggregate in wanted.items():
        values = np.full(len(axis), empty(aggregate))
        if len(rows) and found is not None:
            column = found[name].combine_chunks()
            integers = column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)[is_held]
            present = column.is_valid().to_numpy(zero_copy_only=False)[is_held]
            values[rows] = unpacked(aggregate, integers, present)
        placed.columns[aggregate] = values
