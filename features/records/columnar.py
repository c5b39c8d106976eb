"""Parquet files of a delivery as rows of text, with every page's checksum verified."""

import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from features.records.delivery import DeliveredFile, DeliveryError
from features.records.reading import LINE, RAW, Batch, undecodable
from features.steps import file_digest

BATCH_ROWS = 250_000
_OFFSET = re.compile(r"[+-][0-9]{2}:?[0-9]{2}")


def open_parquet(file: DeliveredFile) -> pq.ParquetFile:
    """The file opened for reading; DeliveryError when it is not the one the manifest describes, or is damaged."""
    if file_digest(file.path) != file.sha256:
        raise DeliveryError("file_digest", str(file.path), "its SHA-256 is not the one in the manifest")
    try:
        return pq.ParquetFile(file.path, page_checksum_verification=True)
    except (OSError, pa.ArrowException) as fault:
        raise undecodable(file, f"{fault}") from None


def parquet_columns(parquet: pq.ParquetFile) -> tuple[str, ...]:
    """The column names of an open file."""
    return tuple(parquet.schema_arrow.names)


def nested_column(parquet: pq.ParquetFile) -> str | None:
    """A column that is neither text, number, date, time, truth value nor a list of texts, or null.

    A time in a zone nobody knows is none.
    """
    for field in parquet.schema_arrow:
        kind = field.type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type if _is_text(kind.value_type) else kind
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            kind = pa.string() if _is_text(kind.value_type) else kind
        is_known = _is_text(kind) or _is_number(kind) or pa.types.is_null(kind) or pa.types.is_boolean(kind)
        if not is_known or _is_unknown_zone(kind):
            return str(field.name)
    return None


def _is_unknown_zone(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind)) and kind.tz is not None and not _is_zone(kind.tz)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return _OFFSET.fullmatch(name) is not None
    return True


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_number(kind: pa.DataType) -> bool:
    is_moment = pa.types.is_date(kind) or pa.types.is_timestamp(kind)
    return bool(is_moment or pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal128(kind))


def parquet_batches(file: DeliveredFile, parquet: pq.ParquetFile, *, as_shown: bool) -> Iterator[Batch]:
    """Rows of a Parquet file; the line of a row is its position, counted from 1.

    ``as_shown`` gives every column as people see it, for a file whose columns are not those of its type.
    """
    first = 1
    try:
        for batch in parquet.iter_batches(batch_size=BATCH_ROWS):
            batch.validate(full=True)
            if as_shown:
                names = [f"{name}" for name in batch.schema.names]
                rows = [
                    json.dumps(dict(zip(names, row, strict=True)), default=str, ensure_ascii=False)
                    for row in zip(*map(_shown, batch.columns), strict=True)
                ]
                frame = pl.DataFrame({RAW: pl.Series(rows, dtype=pl.String)})
            else:
                typed = pl.DataFrame(pa.Table.from_batches([batch]))
                frame = typed.select(_text(name, kind) for name, kind in typed.schema.items())
                frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(RAW))
            lines = pl.int_range(first, first + frame.height, dtype=pl.Int64, eager=True).alias(LINE)
            first += frame.height
            yield Batch(frame.with_columns(lines), [])
    except (OSError, pa.ArrowException) as fault:
        raise undecodable(file, f"{fault}") from None


def _shown(column: pa.Array) -> list[Any]:
    """Values as people see them; days and moments no calendar has, as the numbers they are stored as."""
    try:
        found: list[Any] = column.to_pylist()
    except (ValueError, OverflowError, ZoneInfoNotFoundError):
        kind = pa.int32() if pa.types.is_date32(column.type) else pa.int64()
        found = column.view(kind).to_pylist()
    return found


def _text(name: str, kind: pl.DataType) -> pl.Expr:
    """A column as text; a day or moment no calendar has becomes its stored number, which is no date."""
    if kind == pl.Date or isinstance(kind, pl.Datetime):
        number = pl.col(name).to_physical()
        first, last = _calendar(kind)
        is_day = number.is_between(first, last)
        sound = pl.when(is_day).then(number).cast(kind)
        return pl.when(is_day).then(_written(sound, kind)).otherwise(number.cast(pl.String)).alias(name)
    return _written(pl.col(name), kind).alias(name)


def _calendar(kind: pl.DataType) -> tuple[int, int]:
    """The stored numbers of the first and the last day that may be written, a day within all time zones."""
    days = [(day - date(1970, 1, 1)).days for day in (date(1, 1, 2), date(9999, 12, 31))]
    if not isinstance(kind, pl.Datetime):
        return days[0], days[1]
    a_day = 86_400 * {"ms": 10**3, "us": 10**6, "ns": 10**9}[kind.time_unit]
    first, last = days[0] * a_day, days[1] * a_day
    most = 2**63 - a_day
    return max(first, -most), min(last, most)


def _written(column: pl.Expr, kind: pl.DataType) -> pl.Expr:
    if kind == pl.Boolean:
        return pl.when(column).then(pl.lit("true")).when(column.not_()).then(pl.lit("false"))
    if kind.is_float():
        is_whole = (column == column.round()) & (column.abs() < 2**53)
        return (
            pl.when(is_whole)
            .then(column.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(column.cast(pl.String))
        )
    if isinstance(kind, pl.Datetime):
        shown = column.dt.to_string("%Y-%m-%dT%H:%M:%S%.6f" + ("%:z" if kind.time_zone else ""))
        return pl.when(column == column.dt.truncate("1d")).then(column.dt.to_string("%Y-%m-%d")).otherwise(shown)
    if isinstance(kind, pl.List):
        return column.list.join("|")
    return column.cast(pl.String)
