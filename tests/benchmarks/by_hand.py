"""Ten indicators by our engine and by hand: python tests/benchmarks/by_hand.py HOME [RUNS].

HOME is a home of the profile ``jiangxi`` with a lake (as tests/benchmarks/province.py leaves one). Everyone in scope at
one as-of date, the same ten columns from the same files in one run, each way in turn:

- ours: the ten definitions, compiled, in batches, on the engine the profile chooses;
- polars: written by hand for this benchmark, streaming, one group-by a record type;
- mixed: one DuckDB query over all types at once, filtered aggregates;
- pandas: on every twentieth entity, its seconds times twenty.

Prints medians, ratios and how many cells differ; the last line is JSON.
"""

import json
import os
import statistics
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl

from features.indicators.catalogue import Definitions, load
from features.matrix import batches
from features.profile import read_profile
from features.records.lake import Lake
from features.records.stored import ROW

AS_OF = date(2026, 1, 31)
END = datetime(2026, 1, 31, 16, tzinfo=UTC)  # the next local midnight
MONTHS = AS_OF.year * 12 + AS_OF.month
TEN = (
    "penalty_count_12m",
    "penalty_count_36m",
    "penalty_max_severity_36m",
    "months_since_last_penalty",
    "penalty_severity_decayed",
    "inspection_count_24m",
    "inspection_problem_count_24m",
    "months_since_last_inspection",
    "abnormal_listed_now",
    "complaint_count_12m",
)
PROBLEMS = ("02", "04", "09", "10", "13", "14")
POINTS = {1: 1, 2: 3, 3: 8, 4: 20}
TYPES = {
    "penalty": ["severity", "item"],
    "inspection": ["results"],
    "complaint": ["accepted", "professional"],
    "abnormal_listing": ["in_date", "out_date"],
}
COMMON = ["entity", "event_date", "known_at", "superseded_at", "withdrawn_date", "repair_date"]
SAMPLE = 20
SCALE = 2**20


def ours(lake, definitions):
    """The ten indicators through the product's own definitions: batches of a matrix, as scoring reads them."""
    engine = str(lake.profile.settings.get("engine", "polars"))
    return list(batches(lake, definitions, as_of=AS_OF, engine=engine))


def by_hand(lake):
    """The same ten, straight in Polars."""
    day, event = pl.lit(AS_OF), pl.col("event_date")
    known = (pl.col("known_at") < END) & (pl.col("superseded_at").is_null() | (pl.col("superseded_at") >= END))
    stands = known & (event <= day) & pl.col("withdrawn_date").is_null() & pl.col("repair_date").is_null()
    age = MONTHS - (event.dt.year().cast(pl.Int64) * 12 + event.dt.month().cast(pl.Int64))
    months = MONTHS - (event.max().dt.year().cast(pl.Int64) * 12 + event.max().dt.month().cast(pl.Int64))

    def rows(name):
        return lake.stored(name).frame().filter(stands)

    def since(year):
        return event > date(year, 1, 31)

    def weight(half_life):
        return (pl.lit(float(SCALE)) * pl.lit(0.5).pow(age / half_life) + 0.5).floor()

    points = pl.col("severity").replace_strict(POINTS, default=0, return_dtype=pl.Int64)
    problem = pl.col("results").str.contains(rf"\|({'|'.join(PROBLEMS)})\|")
    penalty = rows("penalty").filter((pl.col("severity") >= 1) & (pl.col("item") != "G402"), since(2021))
    parts = [
        penalty.group_by("entity").agg(
            since(2025).sum().alias(TEN[0]),
            since(2023).sum().alias(TEN[1]),
            pl.col("severity").filter(since(2023)).max().alias(TEN[2]),
            months.alias(TEN[3]),
            ((weight(12) * points).filter(since(2023)).sum() / SCALE).alias(TEN[4]),
        ),
        rows("inspection")
        .filter(since(2021))
        .group_by("entity")
        .agg(
            since(2024).sum().alias(TEN[5]),
            (weight(12).filter(since(2024) & problem).sum() / SCALE).alias(TEN[6]),
            months.alias(TEN[7]),
        ),
        rows("abnormal_listing")
        .filter((pl.col("in_date") <= day) & (pl.col("out_date").is_null() | (pl.col("out_date") > day)))
        .group_by("entity")
        .agg(pl.lit(1).alias(TEN[8])),
        rows("complaint")
        .filter((pl.col("accepted") == 1) & (pl.col("professional") == 0), since(2025))
        .group_by("entity")
        .agg((weight(6).sum() / SCALE).alias(TEN[9])),
    ]
    everyone = rows("entity").group_by("entity").agg(pl.col("status").max())
    outside = [str(row["code"]) for row in lake.profile.codelist("registration_status").rows if not row["in_scope"]]
    found = everyone.filter(pl.col("status").is_in(outside).not_() | pl.col("status").is_null()).select("entity")
    for part in parts:
        found = found.join(part, on="entity", how="left")
    done = found.sort("entity").collect(engine="streaming")
    nullable = {TEN[3], TEN[7]}
    filled = done.select(
        pl.col(name).cast(pl.Float64) if name in nullable else pl.col(name).cast(pl.Float64).fill_null(0.0)
        for name in TEN
    )
    return done["entity"].to_numpy(), filled.to_numpy()


def mixed(lake):
    """The same ten as one query over all record types together."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    scans = [
        f"SELECT '{name}' AS type, {', '.join([*COMMON, *own])} FROM ({lake.stored(name).query()})"  # noqa: S608
        for name, own in TYPES.items()
    ]
    age = f"({MONTHS} - (year(event_date) * 12 + month(event_date)))"
    weight = f"floor({SCALE}.0::DOUBLE * pow(0.5::DOUBLE, {age} / {{}}.0::DOUBLE) + 0.5)"
    points = "CASE severity WHEN 1 THEN 1 WHEN 2 THEN 3 WHEN 3 THEN 8 WHEN 4 THEN 20 ELSE 0 END"
    penalty = "type = 'penalty' AND severity >= 1 AND item <> 'G402'"
    has = " OR ".join(f"contains(results, '|{code}|')" for code in PROBLEMS)
    heard = "type = 'complaint' AND accepted = 1 AND professional = 0 AND event_date > DATE '2025-01-31'"
    listed = (
        f"type = 'abnormal_listing' AND in_date <= DATE '{AS_OF}' AND (out_date IS NULL OR out_date > DATE '{AS_OF}')"
    )
    visit, recent = "type = 'inspection'", "event_date > DATE '2024-01-31'"
    last = f"{MONTHS} - (year(max(event_date) FILTER ({{0}})) * 12 + month(max(event_date) FILTER ({{0}})))"
    columns = [
        f"count(*) FILTER ({penalty} AND event_date > DATE '2025-01-31')",
        f"count(*) FILTER ({penalty} AND event_date > DATE '2023-01-31')",
        f"max(severity) FILTER ({penalty} AND event_date > DATE '2023-01-31')",
        last.format(f"{penalty} AND event_date > DATE '2021-01-31'"),
        f"sum({weight.format(12)} * ({points})) FILTER ({penalty} AND event_date > DATE '2023-01-31') / {SCALE}.0",
        f"count(*) FILTER ({visit} AND {recent})",
        f"sum({weight.format(12)}) FILTER ({visit} AND {recent} AND ({has})) / {SCALE}.0",
        last.format(f"{visit} AND event_date > DATE '2021-01-31'"),
        f"(count(*) FILTER ({listed}) > 0)::INTEGER",
        f"sum({weight.format(6)}) FILTER ({heard}) / {SCALE}.0",
    ]
    end = f"TIMESTAMPTZ '{END.isoformat()}'"
    query = f"""SELECT entity, {", ".join(f"{text} AS {name}" for text, name in zip(columns, TEN, strict=True))}
        FROM ({" UNION ALL BY NAME ".join(scans)}) WHERE known_at < {end} AND event_date <= DATE '{AS_OF}'
        AND (superseded_at IS NULL OR superseded_at >= {end}) AND withdrawn_date IS NULL AND repair_date IS NULL
        GROUP BY entity ORDER BY entity"""  # noqa: S608
    found = connection.sql(query).to_arrow_table()
    return found["entity"].to_numpy(), np.column_stack([found[name].to_numpy() for name in TEN])


def in_pandas(lake):
    """The same ten for every twentieth entity, the way notebooks are written."""
    day, parts = pd.Timestamp(AS_OF), {}
    for name, own in TYPES.items():
        stored = lake.stored(name)
        frames = []
        for path, start in zip(stored.paths, stored.starts, strict=False):
            frame = pd.read_parquet(path, columns=[*COMMON, *own])
            frame.index += start
            frames.append(frame[frame.entity % SAMPLE == 0])
        rows = pd.concat(frames)
        if stored.replaced is not None:
            rows = rows[~rows.index.isin(pd.read_parquet(stored.replaced)[ROW])]
        stands = (rows.known_at < END) & (rows.superseded_at.isna() | (rows.superseded_at >= END))
        rows = rows[stands & rows.withdrawn_date.isna() & rows.repair_date.isna()]
        dates = [column for column in ("event_date", "in_date", "out_date") if column in rows]
        rows = rows.assign(**{column: pd.to_datetime(rows[column]) for column in dates})
        rows = rows[rows.event_date <= day]
        parts[name] = rows.assign(age=MONTHS - (rows.event_date.dt.year * 12 + rows.event_date.dt.month))
    penalty, inspection = parts["penalty"], parts["inspection"]
    penalty = penalty[(penalty.severity >= 1) & (penalty["item"] != "G402")]
    penalty = penalty.assign(
        points=penalty.severity.map(POINTS).fillna(0) * np.floor(SCALE * 0.5 ** (penalty.age / 12) + 0.5)
    )
    late = penalty[penalty.event_date > "2023-01-31"]
    problem = inspection[inspection.results.fillna("").str.contains("|".join(rf"\|{code}\|" for code in PROBLEMS))]
    problem = problem[problem.event_date > "2024-01-31"]
    complaint = parts["complaint"]
    complaint = complaint[(complaint.accepted == 1) & (complaint.professional == 0)]
    complaint = complaint[complaint.event_date > "2025-01-31"]
    listed = parts["abnormal_listing"]
    listed = listed[(listed.in_date <= day) & (listed.out_date.isna() | (listed.out_date > day))]
    return pd.DataFrame(
        {
            TEN[0]: penalty[penalty.event_date > "2025-01-31"].groupby("entity").size(),
            TEN[1]: late.groupby("entity").size(),
            TEN[2]: late.groupby("entity").severity.max(),
            TEN[3]: penalty[penalty.event_date > "2021-01-31"].groupby("entity").age.min(),
            TEN[4]: late.groupby("entity").points.sum() / SCALE,
            TEN[5]: inspection[inspection.event_date > "2024-01-31"].groupby("entity").size(),
            TEN[6]: np.floor(SCALE * 0.5 ** (problem.age / 12) + 0.5).groupby(problem.entity).sum() / SCALE,
            TEN[7]: inspection[inspection.event_date > "2021-01-31"].groupby("entity").age.min(),
            TEN[8]: listed.groupby("entity").size().clip(upper=1),
            TEN[9]: np.floor(SCALE * 0.5 ** (complaint.age / 6) + 0.5).groupby(complaint.entity).sum() / SCALE,
        }
    )


def same(found, expected):
    """How many cells of two matrices differ."""
    return int((~((found == expected) | (np.isnan(found) & np.isnan(expected)))).sum())


def sparse_differences(entity, values, axis, expected, nullable=(3, 7)):
    """How many cells differ where only entities with records have a row; the others count as having none."""
    dense = np.zeros((len(axis), len(TEN)))
    dense[:, nullable] = np.nan
    place = np.searchsorted(axis, entity)
    held = (place < len(axis)) & (axis[np.minimum(place, len(axis) - 1)] == entity)
    rows = np.nan_to_num(values[held].astype(float), nan=0.0)
    rows[:, nullable] = values[held][:, nullable]
    dense[place[held]] = rows
    return same(dense, expected)


def main():
    home = Path(sys.argv[1])
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    profile = read_profile("jiangxi")
    lake, whole = Lake(home, profile), load(profile)
    ten = Definitions(tuple(whole.by_code[code] for code in TEN), "ten")
    [lake.stored(name) for name in lake.types()]  # digests are compared once, before the clock starts
    ways = {"ours": lambda: ours(lake, ten), "polars": lambda: by_hand(lake), "mixed": lambda: mixed(lake)}
    seconds, found = {name: [] for name in (*ways, "pandas")}, {}
    for _ in range(runs):
        for name, way in ways.items():
            started = time.perf_counter()
            found[name] = way()
            seconds[name].append(time.perf_counter() - started)
        started = time.perf_counter()
        frame = in_pandas(lake)
        seconds["pandas"].append((time.perf_counter() - started) * SAMPLE)
    axis = np.concatenate([one.entity for one in found["ours"]])
    expected = np.concatenate([one.values for one in found["ours"]])
    few = axis % SAMPLE == 0
    sampled = sparse_differences(frame.index.to_numpy(), frame.to_numpy(), axis[few], expected[few])
    differ = {
        "polars": same(found["polars"][1], expected) + same(*(one.astype(float) for one in (found["polars"][0], axis))),
        "mixed": sparse_differences(*found["mixed"], axis, expected),
        "pandas": sampled,
    }
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    for name, each in seconds.items():
        print(f"{name:8} median {medians[name]:8.2f} s   runs {', '.join(f'{one:.2f}' for one in each)}")
    print(
        json.dumps(
            {
                "entities": len(axis),
                "indicators": len(TEN),
                "seconds": {name: round(each, 3) for name, each in medians.items()},
                "ratio_polars": round(medians["polars"] / medians["ours"], 3),
                "mixed_over_ours": round(medians["mixed"] / medians["ours"], 3),
                "pandas_over_ours": round(medians["pandas"] / medians["ours"], 3),
                "cells_that_differ": differ,
                "cores": os.cpu_count(),
            }
        )
    )


if __name__ == "__main__":
    main()
