"""A table of a month in several Parquet files: written by several processes, read as one, every page checked."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

GROUP = 20_000  # rows of a Parquet row group: one entity is read without reading the month
LEVEL = 4  # of zstd, for measured rows
SLICE = 250_000  # rows worked on at a time; what is sealed does not depend on it


def name(table: str, number: int) -> str:
    """What the file with a piece of a table is called."""
    return f"{table}-{number:03d}.parquet"


def single(folder: Path, table: str) -> Path:
    """The file of a table that is written whole."""
    return folder / f"{table}.parquet"


def files(folder: Path, table: str) -> list[Path]:
    """The files of a table in their order; FileNotFoundError when there is none."""
    found = sorted(folder.glob(f"{table}-*.parquet")) or sorted(folder.glob(single(folder, table).name))
    if not found:
        raise FileNotFoundError(f"{folder} holds no file of {table}")
    return found


def rows(folder: Path, table: str) -> int:
    """How many rows a table has."""
    return sum(pq.read_metadata(path).num_rows for path in files(folder, table))


def schema(folder: Path, table: str) -> pa.Schema:
    """The columns of a table with their types."""
    return pq.read_schema(files(folder, table)[0])


def columns(folder: Path, table: str) -> list[str]:
    """The names of a table's columns."""
    return list(schema(folder, table).names)


def read(folder: Path, table: str, columns: Sequence[str] | None = None) -> pa.Table:
    """A whole table."""
    wanted = None if columns is None else list(columns)
    parts = [pq.read_table(path, columns=wanted, page_checksum_verification=True) for path in files(folder, table)]
    return pa.concat_tables(parts)


def around(folder: Path, table: str, column: str, bounds: tuple[bytes, bytes]) -> pa.Table:
    """The row groups of a table sorted by a column of bytes that may hold a value between two bounds, both included."""
    found = [schema(folder, table).empty_table()]
    for path in files(folder, table):
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            place = file.schema_arrow.get_field_index(column)
            for group in range(file.metadata.num_row_groups):
                seen = file.metadata.row_group(group).column(place).statistics
                if not seen or not seen.has_min_max or (seen.min <= bounds[1] and seen.max >= bounds[0]):
                    found.append(file.read_row_group(group))
    return pa.concat_tables(found)


def between(path: Path, low: int, high: int) -> pa.Table:
    """The rows of one file whose entity is at least ``low`` and below ``high``; only row groups that may hold one are
    read."""
    inside = (pc.field("entity") >= low) & (pc.field("entity") < high)
    return pq.read_table(path, filters=inside, page_checksum_verification=True)


def slices(paths: Iterable[Path], columns: Sequence[str] | None = None, *, size: int = SLICE) -> Iterator[pa.Table]:
    """The rows of some files one after another, so many at a time."""
    wanted = None if columns is None else list(columns)
    for path in paths:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for batch in file.iter_batches(size, columns=wanted):
                yield pa.Table.from_batches([batch])


def writer(path: Path, schema: pa.Schema, *, measured: bool = False) -> Any:
    """A file to write rows into; every page gets a checksum.

    ``measured`` rows are columns of numbers beside a first column they are sorted by: without dictionaries they are as
    small and sooner written, and nobody looks a row up by another column, so only the first has its bounds stated.
    They are packed at ``LEVEL``: an eighth smaller than at the least, for hardly more time; other rows gain nothing.
    """
    bounds = schema.names[:1] if measured else True
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=LEVEL if measured else None,
        write_page_checksum=True,
        use_dictionary=not measured,
        write_statistics=bounds,
    )


def write(path: Path, table: pa.Table, *, measured: bool = False) -> None:
    """Write a whole table into one file."""
    with writer(path, table.schema, measured=measured) as file:
        file.write_table(table, row_group_size=GROUP)
