"""When a record became known: the moment of intake, except in a declared backload."""

import polars as pl

from features.records.docking import KNOWN_ON
from features.records.terms import Terms
from features.records.values import MOMENT, local_midnight

RECORDED = "recorded"
USUAL_LAG = "usual_lag"  # assumed: the event date and the item's usual lag
BACKLOAD_BASES = ("entered", "published", USUAL_LAG)


def known(rows: pl.DataFrame, terms: Terms) -> dict[str, pl.Series]:
    """The columns ``known_at`` (null where it cannot be told) and ``known_basis`` of typed rows.

    In a backload: what the mapping file of the source says, else the source's own entry time, else the publication
    date, else the event date plus the item's usual lag; a day counts from its local midnight. An action dates from
    its own day, and a correction of a keyed fact is never taken to be as old as the fact: undated, it cannot be told.
    """
    recorded = pl.Series("recorded", [terms.recorded_at], dtype=MOMENT).new_from_index(0, rows.height)
    basis = pl.Series("basis", [RECORDED], dtype=pl.String).new_from_index(0, rows.height)
    if not terms.is_backload:
        return {"known_at": recorded, "known_basis": basis}
    told = _told(rows, terms).with_columns(recorded=recorded)
    known_at = pl.coalesce(BACKLOAD_BASES)
    bases = [pl.when(pl.col(name).is_not_null()).then(pl.lit(name)) for name in BACKLOAD_BASES]
    is_clipped = known_at > pl.col("recorded")
    return told.select(
        known_at=pl.when(is_clipped).then("recorded").otherwise(known_at),
        known_basis=pl.when(is_clipped).then(pl.lit(RECORDED)).otherwise(pl.coalesce(bases)),
    ).to_dict()


def _told(rows: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    zone, event = terms.profile.zone, pl.col(terms.record_type.event_date)
    is_statement = pl.col("action") == "new"
    if not terms.record_type.key:
        is_statement |= pl.col("action") == "correct"
    day = pl.when(is_statement & pl.col("action_date").is_null()).then(event).otherwise("action_date")
    by_publication = is_statement if terms.mapping is None or terms.mapping.known_from is None else pl.lit(False)
    days = rows.select(
        published=pl.when(by_publication).then("published_date"),
        usual=day + pl.duration(days=_lag(terms)),
    )
    entered = pl.coalesce(_by_mapping(terms), "entered_at")
    return rows.select(entered=entered).with_columns(
        published=local_midnight(days["published"], zone),
        usual_lag=local_midnight(days["usual"], zone),
    )


def _lag(terms: Terms) -> pl.Expr:
    mapping = terms.mapping
    if mapping is not None and mapping.known_from == "event_date":
        return pl.lit(mapping.lag_days)
    lags = {item: row.get("lag_days") for item, row in terms.profile.items.items()}
    return pl.col("item").replace_strict(lags, default=None, return_dtype=pl.Int64)


def _by_mapping(terms: Terms) -> pl.Expr:
    if terms.mapping is None:
        return pl.col(KNOWN_ON)
    local = pl.col(KNOWN_ON).dt.convert_time_zone(terms.profile.zone.key)
    return local.dt.offset_by(f"{terms.mapping.lag_days}d").dt.convert_time_zone("UTC")
