"""How much can be read from the records at all? Models told the truth itself, for truth.py.

A model is told the latent propensity of some entities, which no office ever knows, and orders the others by it.
*taught* reads what a scheme reads, the indicators; *read* reads beside them the whole history of everybody: how many
records there are of every type and coded value, how old they are, what their numbers add up to. No scheme that learns
from the same records can be expected to order better than the second.
"""

from datetime import timedelta
from itertools import pairwise

import numpy as np
import polars as pl

from features.asof import end_of_day
from features.matrix import batches

TOLD = 200_000  # entities whose propensity a model is told at most, and at most half of all
TREES = 600
CODES = 40  # values of a field at most, for each of them to be counted
LEAST = 200  # entities that have a column, for it to be read
AGES = (0, 183, 365, 730, 1461, 36_500)  # days
SETTINGS = {
    "objective": "regression",
    "learning_rate": 0.05,
    "num_leaves": 31,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.3,
    "verbose": -1,
    "deterministic": True,
    "force_col_wise": True,
    "seed": 1,
}


def orders(task, propensity, counted, kind, day, rng):
    """By what is read, what a model told of some of the counted says of all, and who was told of (masks over keys)."""
    who = np.flatnonzero(counted)
    told = np.zeros(len(counted), bool)
    told[rng.permutation(who)[: min(TOLD, len(who) // 2)]] = True
    known = np.column_stack([_indicators(task, len(counted), day), kind.astype(np.float32)])
    found = {"taught": _predicted(known, propensity, told)}
    history = [column for name in task.lake.types() for column in _history(task.lake, name, day, len(counted))]
    return found | {"read": _predicted(np.column_stack([known, *history]), propensity, told)}, told


def _predicted(columns, propensity, told):
    import lightgbm

    data = lightgbm.Dataset(columns[told], propensity[told])
    return lightgbm.train(SETTINGS, data, TREES).predict(columns)


def _indicators(task, size, day):
    found = np.full((size, len(task.definitions.codes)), np.nan, np.float32)
    for batch in batches(task.lake, task.definitions, as_of=day, engine=task.engine):
        found[batch.entity] = batch.values
    return found


def _history(lake, name, day, size):
    """Columns by entity key of all records of a type that were known when a day had ended."""
    end, fields = end_of_day(day, lake.profile.zone), lake.types()[name].fields
    known = (pl.col("known_at") < end) & pl.col("entity").is_not_null()
    stands = pl.col("superseded_at").is_null() | (pl.col("superseded_at") >= end)
    kept = pl.col("withdrawn_date").is_null() | (pl.col("withdrawn_date") > day)
    frame = lake.stored(name).frame().filter(known & stands & kept)
    rows = frame.select("entity", "event_date", *(one for one in fields if one != "event_date")).collect()
    if not rows.height:
        return []
    per = rows.group_by("entity").agg(_counted(rows, fields, day))
    found = np.zeros((per.width - 1, size), np.float32)
    found[:, per["entity"].to_numpy()] = per.drop("entity").to_numpy().T
    return list(found[(found > 0).sum(axis=1) >= LEAST])


def _counted(rows, fields, day):
    """How many records there are, of which age and coded value, and what their numbers add up to."""
    within = [
        (pl.col("event_date") <= day - timedelta(days=youngest)) & (pl.col("event_date") > day - timedelta(days=oldest))
        for youngest, oldest in pairwise(AGES)
    ]
    for name in fields:
        kind = rows.schema[name]
        if kind.is_numeric():
            yield pl.col(name).cast(pl.Float64).abs().log1p().sum().alias(name)
        elif kind in (pl.String, pl.Boolean) and rows[name].n_unique() <= CODES:
            within += [pl.col(name) == value for value in rows[name].drop_nulls().unique().sort()]
    yield pl.len().alias("all")
    for number, one in enumerate(within):
        yield one.sum().alias(f"count {number}")
