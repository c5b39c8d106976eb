"""Twenty indicators at twelve dates, four ways, one run: python tests/benchmarks/triage.py FOLDER [RUNS] [THEIR_RUNS].

100,000 entities × 1,500,000 events × the 15th of twelve months: 1.2 million rows of twenty values, worked out by our
engine (all dates at once, ``batches_at``; beside it a date at a time, as scoring does), by pandas as notebooks are
written, by Polars by hand (a date at a time, and all dates at once: the faster counts), and by the feature generation
of dssg/triage 6.0.0 on PostgreSQL. All count only what was known at a date.

FOLDER keeps the world (made by our intake on the first run) and triage's own environment (6.6 GB, made with pip; never
part of ours). PostgreSQL is Debian's package ``postgresql``, installed when missing and this runs as root; its cluster
lives in a temporary folder on a free loopback port and is stopped and removed at the end.

**The clock.** Ours, Polars, pandas: from the lake's Parquet files to values in memory, RUNS times (3) in turn, after
one turn that is not counted. Triage: ``FeatureGenerator.create_all_tables``, as its experiments call it, from indexed
and analysed tables to tables of features without gaps, THEIR_RUNS times (1); loading the tables is told apart, reading
the features out of them is not counted at all.

**What is equal.** All twenty of all ways, by construction: nothing is told twice, so a record has one version; triage's
dates are a day later ("known before" for "known at the end of"); its quantities ask for the day of the event, because
its windows are over the day something became known. Without that, as its manual has it, it counts other events: those
that happened before a window and became known in it. That is timed as well, and its cells are counted apart.
To triage's advantage: conditions are columns of its tables already, nothing is flagged as imputed, PostgreSQL keeps
nothing safe. It inserts one date after another, as in its own experiments of several processes (lots of 25 dates).
"""

import json
import os
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import triage_database
import triage_ways
from triage_world import DATES, ENTITIES, EVENTS, copied, opened

POLARS = ("polars_at_once", "polars_by_date")


def same(found, expected):
    """How many cells of two matrices differ."""
    return int((found != expected).sum())


def clocked(ways, runs):
    """The seconds of every way, run after run in turn, and what each found in a turn before: a matrix of all dates."""
    found = {name: np.concatenate(way()) for name, way in ways.items()}
    seconds = {name: [] for name in ways}
    for _ in range(runs):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - started)
            print(f"{name:24} {seconds[name][-1]:8.2f} s", flush=True)
    return seconds, found


def by_triage(lake, folder, runs):
    """Triage's seconds by way of asking, those of loading, and a matrix a way."""
    work = folder / "postgresql"
    work.mkdir(exist_ok=True)
    copied(lake, work)
    told = triage_database.asked(triage_database.environment(folder), work, triage_ways.triage_wanted(runs))
    ways = {f"triage_{way}": way for way in (triage_ways.BY_EVENT, triage_ways.BY_KNOWING)}
    found = {}
    for name, way in ways.items():
        rows = pl.read_csv(work / f"{way}.csv")
        found[name] = rows.select(triage_ways.CODES).cast(pl.Float64).to_numpy()
        print(f"{name:24} {statistics.median(told[way]):8.2f} s", flush=True)
    return {name: told[way] for name, way in ways.items()}, told["load"], found


def shown(seconds, loading, differ):
    """The table for people."""
    print(f"\n{'way':24} {'median s':>9}   cells that differ   runs")
    for name, each in seconds.items():
        runs = ", ".join(f"{one:.2f}" for one in each)
        print(f"{name:24} {statistics.median(each):9.2f}   {differ.get(name, 0):17,}   {runs}")
    print(f"(loading PostgreSQL's tables took {loading:.1f} s more)\n")


def main():
    if len(sys.argv) < 2:
        raise SystemExit("Say where the world and triage's environment may lie: triage.py FOLDER [RUNS] [THEIR_RUNS]")
    folder = Path(sys.argv[1]).resolve()
    runs, their_runs = (int(sys.argv[place]) if len(sys.argv) > place else least for place, least in ((2, 3), (3, 1)))
    folder.mkdir(parents=True, exist_ok=True)
    triage_database.programs()  # what is missing is said before anything takes long
    triage_database.environment(folder)
    lake = opened(folder)
    twenty = triage_ways.definitions(lake.profile)
    ways = {
        "ours": lambda: triage_ways.ours(lake, twenty),
        "ours_by_date": lambda: triage_ways.ours_by_date(lake, twenty),
        "polars_at_once": lambda: triage_ways.polars_at_once(lake),
        "polars_by_date": lambda: triage_ways.polars_by_date(lake),
        "pandas": lambda: triage_ways.in_pandas(lake),
    }
    seconds, found = clocked(ways, runs)
    theirs, loading, matrices = by_triage(lake, folder, their_runs)
    seconds, found = seconds | theirs, found | matrices
    differ = {name: same(values, found["ours"]) for name, values in found.items() if name != "ours"}
    shown(seconds, loading, differ)
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    medians |= {"polars": min(medians[name] for name in POLARS), "triage": medians[f"triage_{triage_ways.BY_EVENT}"]}
    over = {f"{name}_over_ours": round(medians[name] / medians["ours"], 2) for name in ("triage", "polars", "pandas")}
    print(
        json.dumps(
            {
                "entities": ENTITIES,
                "events": sum(EVENTS.values()),
                "dates": len(DATES),
                "indicators": len(triage_ways.CODES),
                "seconds": {name: round(each, 3) for name, each in medians.items()},
                **over,
                "cells_that_differ": differ,
                "triage_load_seconds": round(loading, 1),
                "cores": os.cpu_count(),
            }
        )
    )


if __name__ == "__main__":
    main()
