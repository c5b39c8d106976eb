"""Twenty indicators, told once and asked of four tools: ours, Polars and pandas by hand, dssg/triage."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd
import polars as pl
from triage_world import DATES, ENTITIES, PROBLEMS, TABLES

from features.asof import end_of_day, months_before
from features.indicators.catalogue import Definitions
from features.indicators.language import Indicator, f, records
from features.matrix import batches, batches_at


@dataclass(frozen=True)
class Measure:
    """What is counted, summed or the greatest, of the records that meet a condition if one is named."""

    name: str
    op: str
    of: str | None = None
    where: str | None = None


# A record type has two windows in months and its measures: 8 + 6 + 6 indicators.
TWENTY = {
    "penalty": (
        (12, 36),
        (
            Measure("penalties", "count"),
            Measure("severe_penalties", "count", where="severe"),
            Measure("fines", "sum", of="fine"),
            Measure("severity", "max", of="severity"),
        ),
    ),
    "inspection": (
        (12, 24),
        (
            Measure("inspections", "count"),
            Measure("problems", "count", where="problem"),
            Measure("visits", "count", where="on_site"),
        ),
    ),
    "complaint": (
        (6, 12),
        (
            Measure("complaints", "count"),
            Measure("accepted_complaints", "count", where="accepted"),
            Measure("amounts", "sum", of="amount"),
        ),
    ),
}
CODES = tuple(f"{one.name}_{m}m" for months, measures in TWENTY.values() for m in months for one in measures)
PLACE = {code: position for position, code in enumerate(CODES)}
CONTROL = ("entity", "event_date", "known_at", "superseded_at", "withdrawn_date", "repair_date")

# ------------------------------------------------------------------------------------------------------------- ours

CONDITIONS = {
    "severe": f.severity >= 2,
    "problem": f.results.has(*PROBLEMS),
    "on_site": f.method.is_("onsite"),
    "accepted": f.accepted.is_(1),
}


def definitions(profile):
    """The twenty in the definition language."""
    found = []
    for record_type, (windows, measures) in TWENTY.items():
        for months in windows:
            for one in measures:
                rows = records(record_type).within(months=months)
                rows = rows.where(CONDITIONS[one.where]) if one.where else rows
                value = rows.count() if one.op == "count" else getattr(rows, one.op)(one.of)
                found.append(_indicator(f"{one.name}_{months}m", value, profile))
    return Definitions(tuple(found), "twenty")


def _indicator(code, value, profile):
    words = dict.fromkeys(("label", "label_en", "section", "unit", "basis", "reason", "reason_en"), code)
    return Indicator(code=code, value=value, direction="none", examples=(), items=(), kinds=profile.kind_codes, **words)


def ours(lake, twenty):
    """Everybody on all dates, the lake read once: a batch is a range of entities at a date."""
    found = list(batches_at(lake, twenty, dates=DATES, engine=_engine(lake)))
    return [batch.values for batch in sorted(found, key=lambda batch: batch.as_of)]


def ours_by_date(lake, twenty):
    """Everybody on one date after another, as scoring reads a month."""
    return [batch.values for day in DATES for batch in batches(lake, twenty, as_of=day, engine=_engine(lake))]


def _engine(lake):
    return str(lake.profile.settings.get("engine", "polars"))


# ----------------------------------------------------------------------------------------------------------- Polars


def polars_by_date(lake):
    """As most write it: a group-by a record type and date, joined on everybody, streaming."""
    return [_everybody(lake, day).collect(engine="streaming").to_numpy() for day in DATES]


def _everybody(lake, day):
    found = pl.LazyFrame({"entity": np.arange(ENTITIES, dtype=np.int32)})
    for name, (windows, measures) in TWENTY.items():
        rows = lake.stored(name).frame().filter(_stands(lake, day), _since(day, max(windows)))
        columns = [_reduced(name, one, _since(day, m)).alias(f"{one.name}_{m}m") for m in windows for one in measures]
        found = found.join(rows.group_by("entity").agg(columns), on="entity", how="left")
    return found.sort("entity").select(pl.col(code).cast(pl.Float64).fill_null(0.0) for code in CODES)


def polars_at_once(lake):
    """As fast as we know how: every file read once, all dates as columns of one group-by, put on everybody in NumPy."""
    found = np.zeros((len(CODES), len(DATES), ENTITIES))
    for name, (windows, measures) in TWENTY.items():
        conditions = {one.where: TABLES[name][one.where] for one in measures if one.where}
        columns = [
            _reduced(name, one, _stands(lake, day) & _since(day, m), given=True).alias(f"{place} {one.name}_{m}m")
            for place, day in enumerate(DATES)
            for m in windows
            for one in measures
        ]
        rows = lake.stored(name).frame().filter(_may_stand(lake, max(windows))).with_columns(**conditions)
        table = rows.group_by("entity").agg(columns).collect(engine="streaming")
        entity = table["entity"].to_numpy()
        for column in table.columns[1:]:
            place, code = column.split()
            found[PLACE[code], int(place), entity] = table[column].fill_null(0).to_numpy()
    return list(found.transpose(1, 2, 0))


def _stands(lake, day):
    """Known at the end of a day, dated on or before it, not withdrawn nor repaired."""
    end, later = end_of_day(day, lake.profile.zone), pl.col("superseded_at")
    return (
        (pl.col("known_at") < end)
        & (later.is_null() | (later >= end))
        & (pl.col("event_date") <= day)
        & pl.col("withdrawn_date").is_null()
        & pl.col("repair_date").is_null()
    )


def _may_stand(lake, months):
    """What can stand at any of the dates: the rest is left out before anything is tested date by date."""
    first, last = (end_of_day(day, lake.profile.zone) for day in (DATES[0], DATES[-1]))
    later = pl.col("superseded_at")
    return (
        _since(DATES[0], months)
        & (pl.col("event_date") <= DATES[-1])
        & (pl.col("known_at") < last)
        & (later.is_null() | (later >= first))
    )


def _since(day, months):
    return pl.col("event_date") > months_before(day, months)


def _reduced(name, one, inside, *, given=False):
    """A measure over the rows inside; its condition is a column where it is given as one."""
    if one.op == "count":
        condition = (pl.col(one.where) if given else TABLES[name][one.where]) if one.where else None
        return (inside if condition is None else inside & condition).sum()
    value = pl.when(inside).then(pl.col(one.of))
    return value.sum() if one.op == "sum" else value.max()


# ----------------------------------------------------------------------------------------------------------- pandas


def in_pandas(lake):
    """As notebooks are written: files read once, then a group-by a window, record type and date."""
    frames = {name: _read(lake, name) for name in TWENTY}
    return [_on(frames, day, lake) for day in DATES]


def _read(lake, name):
    stored = lake.stored(name)
    own = {"penalty": ["fine", "severity"], "inspection": ["results", "method"], "complaint": ["accepted", "amount"]}
    rows = pd.read_parquet([str(path) for path in stored.paths], columns=[*CONTROL, *own[name]])
    rows = rows[rows.withdrawn_date.isna() & rows.repair_date.isna()]
    rows = rows.assign(event_date=pd.to_datetime(rows.event_date))
    if name == "penalty":
        return rows.assign(severe=rows.severity >= 2)
    if name == "inspection":
        problem = rows.results.str.contains(rf"\|(?:{'|'.join(PROBLEMS)})\|")
        return rows.assign(problem=problem, on_site=rows.method == "onsite")
    return rows.assign(accepted=rows.accepted == 1)


def _on(frames, day, lake):
    end, columns = end_of_day(day, lake.profile.zone), {}
    for name, (windows, measures) in TWENTY.items():
        rows = frames[name]
        known = (rows.known_at < end) & (rows.superseded_at.isna() | (rows.superseded_at >= end))
        rows = rows[known & (rows.event_date <= pd.Timestamp(day))]
        for months in windows:
            inside = rows[rows.event_date > pd.Timestamp(months_before(day, months))].groupby("entity")
            for one in measures:
                columns[f"{one.name}_{months}m"] = _by_pandas(inside, one)
    return pd.DataFrame(columns, index=np.arange(ENTITIES)).fillna(0)[list(CODES)].to_numpy(float)


def _by_pandas(inside, one):
    if one.op == "count":
        return inside[one.where].sum() if one.where else inside.size()
    return inside[one.of].sum() if one.op == "sum" else inside[one.of].max()


# ----------------------------------------------------------------------------------------------------------- triage

# Triage's windows begin at a day known; ours at the day it happened. Its quantities may ask for that day as well.
HAPPENED = "event_date >= '{collate_date}'::date - interval '{collate_interval}'"
BY_EVENT, BY_KNOWING = "by_day_of_event", "by_day_known"


def triage_wanted(runs):
    """What is asked of triage: its tables, dates, feature aggregations by way, and its names of the twenty.

    Triage counts what was known before a date, we what was known at its end: its dates are a day later. On the 16th of
    a month "so many months before" is the day after our 15th so many months before, in every month.
    """
    ways = {way: [_aggregation(name, way) for name in TWENTY] for way in (BY_EVENT, BY_KNOWING)}
    columns = {
        f"{one.name}_{m}m": f"{name}_entity_id_{m} months_{one.name}_{'max' if one.op == 'max' else 'sum'}"
        for name, (windows, measures) in TWENTY.items()
        for m in windows
        for one in measures
    }
    return {
        "entities": ENTITIES,
        "dates": [str(day + timedelta(days=1)) for day in DATES],
        "tables": {name: list(columns) for name, columns in TABLES.items()},
        "ways": ways,
        "columns": columns,
        "runs": runs,
    }


def _aggregation(name, way):
    windows, measures = TWENTY[name]
    return {
        "prefix": name,
        "from_obj": name,
        "knowledge_date_column": "known_date",
        "intervals": [f"{months} months" for months in windows],
        "aggregates_imputation": {"all": {"type": "zero_noflag"}},
        "aggregates": [_asked(one, way) for one in measures],
    }


def _asked(one, way):
    """A quantity; every condition is a column of its table already, 0 or 1."""
    quantity = one.of or one.where or "1"
    if way == BY_EVENT:
        quantity = f"CASE WHEN {HAPPENED} THEN {quantity} END"
    return {"quantity": {one.name: quantity}, "metrics": ["max" if one.op == "max" else "sum"]}
