"""The rows of a record type that stand: files in their order, less the rows that a later file tells anew."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from features.records import layout

ROW = "_row"  # the number of a row, counted from 0 through all files in their order


@dataclass(frozen=True)
class Stored:
    """Parquet files, read with the columns of a schema (null where a file has none).

    A record that an intake changed is told anew, whole, in the file that intake wrote. What earlier files say of it is
    not removed, for a file once written never changes: the numbers of these rows are listed in ``replaced``.
    Rows that lie in no file come from a ``source``, for Polars alone.
    """

    paths: Sequence[Path]
    schema: pa.Schema
    replaced: Path | None = None
    source: Callable[[], pl.LazyFrame] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there are no rows, nor will there be."""
        return not self.paths and self.source is None

    def frame(self) -> pl.LazyFrame:
        """The rows for Polars."""
        if self.source is not None:
            return self.source()
        shape = pl.DataFrame(self.schema.empty_table()).lazy()
        if not self.paths:
            return shape
        number = None if self.replaced is None else ROW
        rows = pl.scan_parquet(
            list(self.paths),
            schema=shape.collect_schema(),
            missing_columns="insert",
            extra_columns="ignore",
            row_index_name=number,
        )
        if self.replaced is None:
            return rows
        gone = pl.scan_parquet(self.replaced).select(pl.col(ROW).cast(pl.get_index_type()))
        return rows.join(gone, on=ROW, how="anti").drop(ROW)

    def query(self, among: Sequence[int] | None = None) -> str:
        """The rows for DuckDB, each with its number (column ``_row``); of some of the files where ``among`` says so."""
        files = range(len(self.paths)) if among is None else among
        shape = self.schema.append(pa.field(ROW, pa.int64()))
        if not files:
            return shaped("", shape)
        paths = "[" + ", ".join(literal(str(self.paths[file])) for file in files) + "]"
        number = f"(file_row_number + {[self.starts[file] for file in files]}[file_index::BIGINT + 1])::BIGINT"
        rows = f"SELECT *, {number} AS {ROW} FROM read_parquet({paths}, union_by_name = true)"  # noqa: S608
        if self.replaced is not None:
            gone = f"read_parquet({literal(str(self.replaced))})"
            rows = f"SELECT * FROM ({rows}) ANTI JOIN {gone} USING ({ROW})"  # noqa: S608
        return shaped(rows, shape)

    @cached_property
    def starts(self) -> list[int]:
        """The number of the first row of every file, and after them how many rows there are."""
        found = [0]
        for path in self.paths:
            found.append(found[-1] + pq.read_metadata(path).num_rows)
        return found


def scan(paths: Sequence[Path], schema: pa.Schema) -> str:
    """A query over Parquet files that gives every column of a schema, null where a file has none."""
    files = "[" + ", ".join(literal(str(path)) for path in paths) + "]"
    return shaped(f"SELECT * FROM read_parquet({files}, union_by_name = true)" if paths else "", schema)  # noqa: S608


def shaped(rows: str, schema: pa.Schema) -> str:
    """A query that gives every column of a schema, null where the rows of another have none; no rows of none."""
    nulls = ", ".join(f"NULL::{_sql_type(field.type)} AS {quoted(field.name)}" for field in schema)
    columns = ", ".join(quoted(field.name) for field in schema)
    union = f"SELECT {nulls} WHERE false" + (f" UNION ALL BY NAME {rows}" if rows else "")
    return f"SELECT {columns} FROM ({union})"  # noqa: S608


def quoted(column: str) -> str:
    """A column's name in SQL."""
    return '"' + column.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text in SQL."""
    return "'" + value.replace("'", "''") + "'"


def _sql_type(kind: pa.DataType) -> str:
    names = {
        pa.string(): "VARCHAR",
        pa.int16(): "SMALLINT",
        pa.int32(): "INTEGER",
        pa.int64(): "BIGINT",
        pa.float64(): "DOUBLE",
        pa.date32(): "DATE",
        layout.TIMESTAMP: "TIMESTAMPTZ",
    }
    return names[kind]
