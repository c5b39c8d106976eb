"""How complete and how fresh the records are: what arrived last, by source and record type."""

from datetime import datetime
from typing import Any

import polars as pl
import pyarrow as pa

from features.records.lake import Lake

_COLUMNS = ("source", "delivery", "event_date", "recorded_at")


def freshness(lake: Lake) -> pa.Table:
    """One row a source and record type, sorted by both.

    Columns: ``source``, ``record_type``, ``latest_delivery``, ``latest_event_date``, ``latest_recorded_at``, and
    ``rows``, the versions the source brought first.
    """
    found = [pl.DataFrame(schema=_SCHEMA)]
    for name in sorted(lake.types()):
        paths = lake.files(name)
        if not paths:
            continue
        rows = pl.scan_parquet(list(paths)).select(_COLUMNS)
        latest = pl.col("delivery").sort_by("recorded_at", "delivery").last()
        found.append(
            rows.group_by("source")
            .agg(
                pl.lit(name).alias("record_type"),
                latest.alias("latest_delivery"),
                pl.col("event_date").max().alias("latest_event_date"),
                pl.col("recorded_at").max().alias("latest_recorded_at"),
                pl.len().cast(pl.Int64).alias("rows"),
            )
            .collect()
        )
    return pl.concat(found).sort("source", "record_type").to_arrow(compat_level=pl.CompatLevel.oldest())


_SCHEMA: dict[str, Any] = {
    "source": pl.String,
    "record_type": pl.String,
    "latest_delivery": pl.String,
    "latest_event_date": pl.Date,
    "latest_recorded_at": pl.Datetime("us", "UTC"),
    "rows": pl.Int64,
}


def newest(lake: Lake) -> datetime | None:
    """When the newest thing the lake holds became known; None for an empty lake."""
    paths = [str(path) for name in sorted(lake.types()) for path in lake.files(name)]
    if not paths:
        return None
    found = pl.concat([pl.scan_parquet(path).select(pl.col("known_at").max()) for path in paths]).max().collect()
    moment: datetime | None = found.item()
    return moment
