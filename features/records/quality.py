"""How complete and how fresh the records are: what arrived last, by source and record type."""

from datetime import datetime

import polars as pl

from features.records.lake import Lake

_COLUMNS = ("source", "delivery", "event_date", "recorded_at")


def newest(lake: Lake) -> datetime | None:
    """When the newest thing the lake holds became known; None for an empty lake."""
    rows = [lake.stored(name).frame() for name in sorted(lake.types())]
    found = pl.concat([one.select(pl.col("known_at").max()) for one in rows]).max().collect()
    moment: datetime | None = found.item()
    return moment
