"""The lake as it stood when a day ended: what was known later is in none of its files, so nobody can read it.

Two views. Of some pairs: every pair becomes an entity of its own, with its entity's records as known at its own date;
any number of dates in one lake, but nobody else to look at. Of everyone: the whole lake at one date.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl
import pyarrow as pa

from features.asof import end_of_day
from features.reading import Lake
from features.rehearsal import TinyLake

ENDINGS = ("withdrawn_date", "repair_date", "removal_date")  # dates of acts: none can be known before it happened
T_DAY, T_END = "t_day", "t_end"

Rows = Mapping[str, pl.DataFrame]
"""Versions of records by type; each with the day (``T_DAY``) and the moment (``T_END``) of what looks at it."""


def timed(pairs: pa.Table, lake: Lake) -> pl.DataFrame:
    """Pairs as they come, with what ends their as-of day: columns pair, entity, t_day, t_end."""
    days = pairs["as_of"].unique().to_pylist()
    ends = [end_of_day(day, lake.profile.zone) for day in days]
    clock = pl.DataFrame(
        {T_DAY: days, T_END: ends}, schema={T_DAY: pl.Date, T_END: pl.Datetime("us", "UTC")}, strict=False
    )
    given = pl.DataFrame({"pair": pairs["pair"].to_numpy(), "entity": pairs["entity"].to_numpy()})
    given = given.with_columns(pl.Series(T_DAY, pairs["as_of"].to_pylist(), pl.Date))
    return given.join(clock, on=T_DAY, how="left", maintain_order="left")


def own_rows(lake: Lake, pairs: pa.Table) -> Rows:
    """Every version of the records of the entities of some pairs, whenever known: a copy a pair, keyed by its place."""
    given = timed(pairs, lake).with_row_index("place").drop("pair")
    who = given["entity"].unique()
    found = {}
    for name in lake.types():
        stored = lake.stored(name)
        if stored.paths:
            rows = stored.frame().filter(pl.col("entity").is_in(who.implode())).collect(engine="streaming")
            placed = rows.join(given, on="entity", how="inner").with_columns(entity=pl.col("place").cast(pl.Int32))
            found[name] = placed.drop("place").sort("entity", "record_id", "version", "known_at")
    return found


def known_then(rows: pl.DataFrame, past_only: Iterable[str] = ()) -> pl.DataFrame:
    """The versions known before the moment of what looks at them, as they were then.

    None is superseded yet by a later one, and dates that can only tell of the past (``ENDINGS``, ``past_only``) are
    null where they lie after the day.
    """
    return rows.filter(pl.col("known_at") < pl.col(T_END)).with_columns(
        pl.when(pl.col("superseded_at") < pl.col(T_END)).then("superseded_at").alias("superseded_at"),
        *(
            pl.when(pl.col(name) <= pl.col(T_DAY)).then(name).alias(name)
            for name in dict.fromkeys((*ENDINGS, *past_only))
            if name in rows.columns
        ),
    )


def lake_of(lake: Lake, rows: Rows, size: int, folder: Path) -> TinyLake:
    """A lake with these rows of so many entities, a file a record type, written into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, found in rows.items():
        found.drop(T_DAY, T_END).write_parquet(folder / f"{name}.parquet", compression="uncompressed")
    return TinyLake(lake.profile, folder, tuple(map(str, range(size))))


def rows_of_everyone(lake: Lake, pairs: pa.Table, types: Iterable[str]) -> Rows:
    """Every version of the records of some types, whosever they are, looked at from the one date of some pairs."""
    clock = timed(pairs, lake).row(0, named=True)
    found = {}
    for name in types:
        stored = lake.stored(name)
        if stored.paths:
            moment = [pl.lit(clock[T_DAY]).alias(T_DAY), pl.lit(clock[T_END], pl.Datetime("us", "UTC")).alias(T_END)]
            found[name] = stored.frame().with_columns(moment).collect(engine="streaming")
    return found
