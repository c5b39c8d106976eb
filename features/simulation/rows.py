"""Rows on their way to a delivery: one frame a record type, with who, when entered, by whom and what is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from features.simulation.streams import Flags, Ints
from features.simulation.world import NEVER

OWN = ("_entity", "_entered")  # of the simulation; never written


@dataclass(frozen=True)
class Rows:
    """Rows of one record type: its fields and delivery columns, the entity's position and the day of entry."""

    record_type: str
    frame: pl.DataFrame

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def entity(self) -> Ints:
        """Position of each row's entity in its block."""
        return self.frame["_entity"].to_numpy()

    @property
    def entered(self) -> Ints:
        """Day each row was entered by its source."""
        return self.frame["_entered"].to_numpy()

    def where(self, mask: Flags) -> "Rows":
        """The rows for which the mask holds."""
        return Rows(self.record_type, self.frame.filter(pl.Series(mask)))

    def with_columns(self, **columns: Any) -> "Rows":
        """The same rows with some columns replaced or added."""
        return Rows(self.record_type, self.frame.with_columns(**{k: _column(v) for k, v in columns.items()}))


def rows(record_type: str, entity: Ints, entered: Ints, fields: Mapping[str, Any]) -> Rows:
    """Rows of a record type from arrays, series or single values."""
    own = {"_entity": pl.Series(entity, dtype=pl.Int64), "_entered": pl.Series(entered, dtype=pl.Int64)}
    frame = pl.DataFrame(own).with_columns(**{name: _column(value) for name, value in fields.items()})
    return Rows(record_type, frame)


def day(days: Ints) -> pl.Series:
    """Dates of day numbers; a day that never comes is null."""
    series = pl.Series(days, dtype=pl.Int64)
    return series.zip_with(series < NEVER, pl.Series([None], dtype=pl.Int64)).cast(pl.Int32).cast(pl.Date)


def pick(values: Sequence[str | None], position: Ints) -> pl.Series:
    """Texts by position; a negative position is null."""
    found = pl.Series(values, dtype=pl.String).gather(np.maximum(position, 0))
    return blank_unless(found, np.asarray(position >= 0)) if len(position) and position.min() < 0 else found


def blank_unless(values: pl.Series, mask: Flags) -> pl.Series:
    """The values where the mask holds, null elsewhere."""
    return values.zip_with(pl.Series(mask), pl.Series([None], dtype=values.dtype))


def text(pattern: str, *parts: Any) -> pl.Series:
    """Texts from a pattern with ``{}`` for each part, a series or an array."""
    return pl.select(pl.format(pattern, *(pl.lit(pl.Series(part)) for part in parts))).to_series()


def followed(first: Rows, mask: Flags, entered: Ints, action: str, changes: Mapping[str, Any]) -> Rows:
    """The later version of some rows: same rows, entered on another day with an action and changed columns.

    ``entered`` and the changes have one value a row of ``first``.
    """
    changed = first.with_columns(action=pl.Series([action] * len(first), dtype=pl.String), **changes)
    return changed.with_columns(_entered=pl.Series(entered, dtype=pl.Int64)).where(mask)


def closed(first: Rows, end: Ints, lag: Ints, fields: Mapping[str, Any]) -> list[Rows]:
    """Rows whose end becomes known only when it comes: as first entered without it, then corrected.

    ``fields`` are the columns that belong to the end; ``first`` must not have them yet.
    """
    blank = {name: pl.lit(None, dtype=_column_type(value)) for name, value in fields.items()}
    entered = np.maximum(np.where(end < NEVER, end, 0) + lag, first.entered + 1)
    opened = Rows(first.record_type, first.frame.with_columns(**blank))
    return [opened, followed(opened, np.asarray(end < NEVER), entered, "correct", fields)]


def _column(value: Any) -> Any:
    if isinstance(value, str | int | float) or value is None:
        return pl.lit(value, dtype=pl.String) if value is None or isinstance(value, str) else pl.lit(value)
    return value if isinstance(value, pl.Series | pl.Expr) else pl.Series(value)


def _column_type(value: Any) -> pl.DataType:
    return pl.Series(value).dtype if not isinstance(value, str) else pl.String()
