"""What rests on internal records: per entity and indicator, as of T."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import polars as pl
import pyarrow as pa

from features.compile import CONTROL_COLUMNS, counted, fields_read, literal_clock, rows_condition
from features.engine import Engine
from features.evidence import cited_rows
from features.indicators.catalogue import Definitions
from features.indicators.language import Rows
from features.reading import Lake, Reading

PUBLISHABLE = "publishable"
SCHEMA = pa.schema([("entity", pa.int32()), ("indicator", pa.string())])


def internal_values(lake: Lake, definitions: Definitions, *, as_of: date, engine: str = "polars") -> pa.Table:
    """The (entity, indicator) pairs of publishable indicators that counted a record not publishable at T, sorted.

    One scan a record type, of its few unpublishable records only.
    """
    reading = Reading(lake, Engine(engine))
    by_type: dict[str, list[tuple[str, Rows]]] = {}
    for one in definitions.indicators:
        if one.visibility == PUBLISHABLE:
            for rows in cited_rows(one):
                by_type.setdefault(rows.record_type, []).append((one.code, rows))
    found = [part for name, cited in by_type.items() for part in _of_type(reading, name, cited, as_of)]
    if not found:
        return SCHEMA.empty_table()
    return pl.concat(found).unique().sort(["entity", "indicator"]).to_arrow().cast(SCHEMA)


def _of_type(reading: Reading, name: str, cited: Sequence[tuple[str, Rows]], as_of: date) -> Iterator[pl.DataFrame]:
    record_type = reading.types[name]
    columns = ["entity", "visibility", *CONTROL_COLUMNS]
    for _, rows in cited:
        columns += fields_read(rows, record_type)
    table = reading.rows(name, columns)
    if table is None:
        return
    clock = literal_clock(as_of, reading.lake.profile.zone)
    seen = table.filter(counted(table, clock, reading.lake.profile), table.visibility.cast("string") != PUBLISHABLE)
    marks: dict[str, Any] = {
        f"m{number}": rows_condition(seen, rows, record_type, clock) for number, (_, rows) in enumerate(cited)
    }
    marked = pl.DataFrame(reading.engine.run(seen.select("entity", **marks)))
    for number, (code, _) in enumerate(cited):
        hits = marked.filter(pl.col(f"m{number}").fill_null(value=False) & pl.col("entity").is_not_null())
        yield hits.select(pl.col("entity").cast(pl.Int32), indicator=pl.lit(code)).unique()
