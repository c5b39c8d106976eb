"""Cases behind pairs, read from the records anew: known to be open, already told of, or filed before the as-of date."""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from features.asof import end_of_day
from features.compile import meets
from features.reading import Reading
from features.records.schema import RecordType
from training.labels import Knowledge, horizon_end
from training.outcomes import CaseKey, Facts, Outcome
from training.past import T_DAY, T_END, timed

HORIZON_END = "horizon_end"


@dataclass(frozen=True)
class OwnCases:
    """Positive pairs, those whose outcome names its case, and what was to be known of that case.

    ``told``: a record of the case was known by the end of the as-of date. ``filed``: the case had been filed by then,
    and no record told of it.
    """

    positives: int
    named: int
    told: int
    filed: int


def known_open(knowledge: Knowledge, outcome: Outcome, pairs: pa.Table) -> int:
    """How many pairs have a case that was known, at the pair's own date, to be open.

    One look at the records for all dates: of every version that says so, from when to when it stood.
    """
    reading, stood_in = knowledge.reading, ("known_at", "superseded_at")
    found = [rows for term in outcome.open_case if (rows := _meeting(reading, term, stood_in)) is not None]
    if not found:
        return 0
    at = timed(pairs, reading.lake).join(pl.concat(found), on="entity", how="inner")
    stood = pl.col("superseded_at").is_null() | (pl.col("superseded_at") >= pl.col(T_END))
    return at.filter(pl.col("known_at") < pl.col(T_END), stood)["pair"].n_unique()


def own_cases(knowledge: Knowledge, outcome: Outcome, case: CaseKey, pairs: pa.Table) -> OwnCases:
    """What was to be known of the own cases of positive pairs at their dates."""
    reading = knowledge.reading
    carrying = [name for name, one in reading.types.items() if case.key in one.fields]
    terms = [term for term in outcome.any_of if term.record_type in carrying]
    decided = _decided(reading, terms, case)
    if decided is None:
        return OwnCases(pairs.num_rows, 0, 0, 0)
    at = _within(timed(pairs, reading.lake), knowledge, outcome).join(decided, on="entity", how="inner")
    new = pl.col("first_known").is_between(pl.col(T_END), pl.col(HORIZON_END), closed="left")
    named = at.filter(new).join(_told(reading, carrying, case), on=["entity", case.key], how="left")
    is_told = pl.col("told_at") < pl.col(T_END)
    told = named.filter(is_told)["pair"].unique()
    filed = named.filter(~is_told, pl.col("filed") <= pl.col(T_DAY), ~pl.col("pair").is_in(told.implode()))
    return OwnCases(pairs.num_rows, named["pair"].n_unique(), len(told), filed["pair"].n_unique())


def _decided(reading: Reading, terms: Iterable[Facts], case: CaseKey) -> pl.DataFrame | None:
    """When each record that qualifies as the outcome and names its case first became known as such; None without any
    records yet."""
    columns = ("record_id", "known_at", case.key)
    found = [rows for term in terms if (rows := _meeting(reading, term, columns)) is not None]
    if not found:
        return None
    rows = pl.concat(found).filter(pl.col(case.key).is_not_null())
    return rows.group_by("entity", "record_id", case.key).agg(pl.col("known_at").min().alias("first_known"))


def _told(reading: Reading, carrying: Iterable[str], case: CaseKey) -> pl.DataFrame:
    """When records of whatever type first told of every case, and the earliest day any says it was filed."""
    found = []
    for name in carrying:
        stored = reading.lake.stored(name)
        if stored.paths:
            filed = [pl.col(one) for one in _filed(reading.types[name], case)]
            first = pl.min_horizontal(filed) if filed else pl.lit(None, pl.Date)
            rows = stored.frame().filter(pl.col(case.key).is_not_null(), pl.col("entity").is_not_null())
            found.append(rows.select(pl.col("entity").cast(pl.Int64), case.key, "known_at", first.alias("filed")))
    every = pl.concat(found).group_by("entity", case.key)
    return every.agg(pl.col("known_at").min().alias("told_at"), pl.col("filed").min()).collect(engine="streaming")


def _filed(record_type: RecordType, case: CaseKey) -> list[str]:
    return [name for name in case.filed if name in record_type.fields]


def _within(pairs: pl.DataFrame, knowledge: Knowledge, outcome: Outcome) -> pl.DataFrame:
    """Pairs with the moment their horizon ends."""
    days = pairs[T_DAY].unique().to_list()
    ends = [end_of_day(horizon_end(outcome, day), knowledge.zone) for day in days]
    horizon = pl.DataFrame(
        {T_DAY: days, HORIZON_END: ends}, schema={T_DAY: pl.Date, HORIZON_END: pl.Datetime("us", "UTC")}
    )
    return pairs.join(horizon, on=T_DAY, how="left")


def _meeting(reading: Reading, term: Facts, columns: tuple[str, ...]) -> pl.DataFrame | None:
    """The versions, not withdrawn, that meet a condition: entity and some columns; None when there are none yet."""
    rows = reading.rows(term.record_type, ("entity", "withdrawn_date", *columns, *term.fields))
    if rows is None:
        return None
    kept = rows.filter(meets(rows, term.where), rows.entity.notnull(), rows.withdrawn_date.isnull())
    found = pl.DataFrame(reading.engine.run(kept.select("entity", *columns)))
    return found.with_columns(pl.col("entity").cast(pl.Int64))
