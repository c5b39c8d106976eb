"""Values worked out again within a request: definitions compiled once, then run on whatever records are poured in.

``supposed`` compiles its queries for every lake it makes, which many cases share. One entity asked about at a time
would wait for that: here the queries of a record type stay, and read rows from memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Any

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from polars.io.plugins import register_io_source

from features.compile import counted, literal_clock, rows_condition
from features.engine import Engine, Ranged
from features.indicators.catalogue import Definitions
from features.indicators.language import Indicator, Rows
from features.matrix import Known, Queries
from features.profile import Profile
from features.reading import Lake, Reading
from features.records.schema import RecordType
from features.records.stored import Stored
from features.rehearsal import lake_schema
from training.counterfactual import read_alone, types_read
from training.supposed import POLARS

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PouredLake:
    """A lake whose rows are those in memory at the moment a query runs."""

    base: Lake
    rows: dict[str, pl.DataFrame] = field(default_factory=dict)

    @property
    def profile(self) -> Profile:
        """The profile of the real lake."""
        return self.base.profile

    @property
    def home(self) -> Path:
        """The home of the real lake."""
        return self.base.home

    def types(self) -> Mapping[str, RecordType]:
        """The record types of the real lake."""
        return self.base.types()

    def stored(self, record_type: str) -> Stored:
        """The rows of a record type, whatever they will be."""
        schema = lake_schema(self.types()[record_type])
        return Stored((), schema, source=lambda: self._source(record_type, pl.DataFrame(schema.empty_table())))

    def register(self) -> pa.Table:
        """The register of the real lake."""
        return self.base.register()

    def digest(self, as_of: date) -> str:
        """The digest of the real lake; nothing kept depends on it."""
        return self.base.digest(as_of)

    def _source(self, name: str, empty: pl.DataFrame) -> pl.LazyFrame:
        def read(
            with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, _: int | None
        ) -> Iterator[pl.DataFrame]:
            found = self.rows.get(name, empty)
            found = found if predicate is None else found.filter(predicate)
            found = found if with_columns is None else found.select(with_columns)
            yield found if n_rows is None else found.head(n_rows)

        return register_io_source(read, schema=empty.schema)


class Bench:
    """The indicators of an entity's own records that read a record type, at one date, ready for any records."""

    def __init__(self, lake: Lake, definitions: Definitions, record_type: str, as_of: date) -> None:
        alone = read_alone(definitions)
        self.indicators: tuple[Indicator, ...] = tuple(one for one in alone if record_type in types_read(one))
        self.needed = {record_type}.union(*(types_read(one) for one in self.indicators))
        self._poured = PouredLake(lake)
        reading = Reading(self._poured, Engine(POLARS))
        self._queries = Queries(reading, Definitions(self.indicators, "poured"), as_of)
        self._lock = Lock()  # of two that pour at once each would read the other's records

    def values(self, kind: int, cases: Sequence[Mapping[str, pl.DataFrame]]) -> Floats:
        """The values of every case (rows; all its records by type) and indicator (columns), of one kind of entity."""
        if not self.indicators:
            return np.empty((len(cases), 0))
        numbered = {
            name: pl.concat([one[name].with_columns(entity=pl.lit(n, pl.Int32)) for n, one in enumerate(cases)])
            for name in self.needed
        }
        return self.of_numbered(kind, numbered, len(cases))

    def of_numbered(self, kind: int, records: Mapping[str, pl.DataFrame], count: int) -> Floats:
        """The same of records that bear the number of their case as their entity, where there are indicators."""
        columns: dict[str, Any] = {
            "entity": pa.array(range(count), pa.int32()),
            "kind": pa.array([kind] * count, pa.int8()),
            "in_scope": [True] * count,
        }
        with self._lock:
            self._poured.rows.update({name: records[name] for name in self.needed})
            found = [batch.values for batch in Known(pa.table(columns), self._queries).batches()]
            self._poured.rows.clear()
        return np.concatenate(found)


class Picker:
    """The records of an entity that count at T and are among the rows of a definition; each is compiled once."""

    def __init__(self, lake: Lake, as_of: date) -> None:
        self._poured = PouredLake(lake)
        self._reading = Reading(self._poured, Engine(POLARS))
        self._as_of = as_of
        self._compiled: dict[Rows, Ranged] = {}
        self._lock = Lock()

    def picked(self, definition: Rows, records: pl.DataFrame, entity: int) -> pl.DataFrame:
        """Of the records of an entity of one type those picked, the latest first."""
        if records.is_empty():
            return records
        with self._lock:
            if definition not in self._compiled:
                self._compiled[definition] = self._reading.engine.prepared(self._query(definition), "entity")
            self._poured.rows[definition.record_type] = records
            found = pl.DataFrame(self._compiled[definition](entity, entity))
            self._poured.rows.clear()
        return records.join(found, on="record_id", how="semi").sort(
            ["event_date", "record_id"], descending=[True, False]
        )

    def _query(self, definition: Rows) -> ir.Table:
        profile, record_type = self._reading.lake.profile, self._reading.types[definition.record_type]
        rows = self._reading.engine.rows(self._poured.stored(definition.record_type))
        clock = literal_clock(self._as_of, profile.zone)
        wanted = counted(rows, clock, profile) & rows_condition(rows, definition, record_type, clock)
        return rows.filter(wanted.fill_null(False)).select("entity", "record_id")
