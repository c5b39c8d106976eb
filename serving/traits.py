"""By what the overview tells a month beside kind and region: dimensions of the profile, parted as the month loads."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from features.dimensions import (
    UNKNOWN,
    Coded,
    Dimension,
    Words,
    named_codes,
    named_steps,
    parts_of_codes,
    read_dimensions,
    steps,
    words_of,
)
from features.profile import Profile
from serving.classification import CLASSIFIED


@dataclass(frozen=True)
class Traits:
    """The dimensions of ``slices.yaml`` with ``overview``, and the words of their fields' codes; none unless named."""

    dimensions: tuple[Dimension, ...] = ()
    coded: Mapping[str, Coded] = field(default_factory=dict)

    @classmethod
    def of(cls, profile: Profile) -> "Traits":
        """Those of a profile."""
        told = tuple(one for one in read_dimensions(profile) if one.overview)
        fields = dict.fromkeys(one.field for one in told if one.field is not None)
        return cls(told, {name: words_of(profile, name) for name in fields})

    @property
    def fields(self) -> list[str]:
        """The fields of the register that are read for them."""
        return list(self.coded)

    def of_register(self, known: pl.DataFrame) -> list[pl.Expr]:
        """A column a dimension by a field: the part of everybody, from columns of the fields."""
        return [
            pl.col(one.field)
            .replace_strict(self._parts(one, known[one.field]), default=UNKNOWN, return_dtype=pl.String)
            .fill_null(UNKNOWN)
            .alias(column(one))
            for one in self.dimensions
            if one.field is not None
        ]

    def _parts(self, one: Dimension, codes: pl.Series) -> dict[str, str]:
        return parts_of_codes(one, self.coded[str(one.field)], codes.drop_nulls().unique().to_list())

    def of_rows(self, rows: pl.DataFrame, vectors: pa.Table) -> list[pl.Expr | pl.Series]:
        """A column a dimension: the part of each row, by what ``of_register`` found and by the values sealed of it."""
        return [_held(one, rows) if one.field is not None else _sealed(one, rows, vectors) for one in self.dimensions]

    def counted(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The classified among some rows, once for every dimension, as they are counted."""
        own = rows.filter(pl.col("status") == CLASSIFIED)
        kept = ("org", "departments", "class")
        parts = [own.select(*kept, trait=pl.lit(one.code), value=column(one)) for one in self.dimensions]
        return pl.concat(parts)

    def told(self, found: Mapping[str, Collection[str]]) -> list[Mapping[str, Any]]:
        """Every dimension in words, and its parts in order, of those by a field the ones ``found``; unknown last."""
        return [
            {"code": one.code, "label": one.label, "values": list(self._named(one, found.get(one.code, ())).items())}
            for one in self.dimensions
        ]

    def _named(self, one: Dimension, found: Collection[str]) -> Mapping[str, Words]:
        if one.field is not None:
            return named_codes(self.coded[one.field], found)
        return named_steps(one.bounds, one.names)


def column(one: Dimension) -> str:
    """What the column of the parts along a dimension is called while a month is loaded."""
    return f"trait_{one.code}"


def _held(one: Dimension, rows: pl.DataFrame) -> pl.Expr:
    name = column(one)
    held = pl.col(name) if name in rows.columns else pl.lit(None).alias(name)  # where no register was read
    return held.cast(pl.String).fill_null(UNKNOWN)


def _sealed(one: Dimension, rows: pl.DataFrame, vectors: pa.Table) -> pl.Series:
    values = np.full(len(rows), np.nan)
    if one.indicator in vectors.column_names:
        places = np.searchsorted(rows["entity"].to_numpy(), vectors["entity"].to_numpy())
        values[places] = vectors[one.indicator].to_numpy()
    names = list(named_steps(one.bounds, one.names))  # step -1, no value, is the last of them
    return pl.Series(column(one), names, pl.String).gather(steps(values, one.bounds) % len(names))
