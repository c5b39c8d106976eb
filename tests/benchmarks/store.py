"""Months into the store and out again: python store.py HOME FOLDER [--only sqlite|postgresql] [--newest].

HOME is the home of a profile with published months (read only), FOLDER where stores are made; both stores are removed
at the end. Rows a second, bytes an entity, peak memory; then random entities found with their whole row and vector
(p50, p99, milliseconds), from the store and, in the same run, from the sealed Parquet files as ``results`` reads them.
The last line is JSON.
"""

import argparse
import json
import resource
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent / "serving")]

from postgres import Server, started  # noqa: E402

from serving.loading import Loading, loads  # noqa: E402
from serving.results import Results, publisher_key  # noqa: E402
from serving.shelf import Shelf  # noqa: E402
from serving.store import Store  # noqa: E402

ASKED = 2_000
ASKED_OF_FILES = 200  # every one of them unpacks a group of rows
AT = datetime(2026, 1, 1, tzinfo=UTC)


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def timed(month, codes):
    """The p50 and p99 in milliseconds of finding an entity with its whole row and vector."""
    spent = []
    for code in codes:
        begun = time.perf_counter()
        light = month.find(code)
        month.full(light)
        if light["status"] == "classified":
            month.vector(light)
        spent.append(time.perf_counter() - begun)
    return {
        "p50_ms": round(1e3 * float(np.percentile(spent, 50)), 3),
        "p99_ms": round(1e3 * float(np.percentile(spent, 99)), 3),
    }


def filled(store, months):
    """The figures of loading some months into a store, one after another."""
    store.upgrade()
    found = []
    for month in months:
        begun, worked = time.perf_counter(), time.process_time()
        made = Loading(store, month, AT).run()
        seconds, cpu = time.perf_counter() - begun, time.process_time() - worked
        one = next(one for one in loads(store) if one["load"] == made.load)
        found.append(
            {
                "month": month.month,
                "rows": made.rows,
                "seconds": round(seconds, 1),
                "cpu_seconds": round(cpu, 1),
                "rows_per_second": round(made.rows / seconds),
                "bytes_per_entity": round(one["bytes"] / made.rows),
                "peak_gib": round(peak(), 2),
            }
        )
        print(json.dumps(found[-1]), flush=True)
    return found


def measured(store, months, key, codes):
    """What a store takes to fill, and what reading from it takes."""
    found = {"loads": filled(store, months)}
    shelf = Shelf(store, key)
    begun = time.perf_counter()
    month = shelf.month(months[-1].month)
    found["open_seconds"] = round(time.perf_counter() - begun, 2)
    found["first"] = timed(month, codes)
    found["again"] = timed(month, codes)
    shelf.close()
    store.close()
    return found


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("home", type=Path)
    asked.add_argument("folder", type=Path)
    asked.add_argument("--only", choices=["sqlite", "postgresql"])
    asked.add_argument("--newest", action="store_true", help="the newest month only")
    chosen = asked.parse_args()
    key = publisher_key(chosen.home)
    results = Results(chosen.home, key)
    months = [results.month(name) for name in results.months()[-1 if chosen.newest else 0 :]]
    draw = np.random.default_rng(1)
    listed = results.month(months[-1].month).parts[0].light()["code"]
    codes = listed.take(draw.integers(0, len(listed), ASKED)).to_pylist()
    del listed
    chosen.folder.mkdir(parents=True)
    found = {}
    try:
        if chosen.only != "postgresql":
            found["sqlite"] = measured(Store(f"sqlite:///{chosen.folder / 'sqlite' / 'store.db'}"), months, key, codes)
        if chosen.only != "sqlite":
            chosen.folder.chmod(0o755)
            stop = started(chosen.folder / "pg")
            try:
                found["postgresql"] = measured(Store(Server(chosen.folder / "pg").database()), months, key, codes)
            finally:
                stop()
        found["sealed_files"] = timed(months[-1], codes[:ASKED_OF_FILES])
    finally:
        shutil.rmtree(chosen.folder)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
