"""The same matrix by the embedded default and by Spark: python tests/benchmarks/cluster.py HOME [AS_OF].

HOME is a profile's home with a lake (as tests/benchmarks/province.py leaves one). Each way runs in a process of its own
(a process has one Spark session), the matrix twice: the first time with all that has to start and to be compiled.
Prints seconds, Spark's growth from one core to two, and whether all cells are equal; the last line is JSON.
"""

import hashlib
import json
import subprocess
import sys
import time
from datetime import date
from itertools import pairwise
from pathlib import Path

WAYS = ("polars", "spark@local[1]", "spark@local[2]")


def one(home, as_of, engine):
    """Seconds to start, of a first and of a second matrix, and a digest of its cells."""
    from features.engine import Engine
    from features.indicators.catalogue import load
    from features.matrix import batches
    from features.profile import read_profile
    from features.records.lake import Lake
    from features.records.stored import Stored

    profile = read_profile(home.name)
    lake, definitions = Lake(home, profile), load(profile)
    schema = lake.stored("entity").schema
    [lake.stored(name) for name in lake.types()]  # digests are compared once, before the clock starts
    moments = [time.monotonic()]
    Engine(engine).rows(Stored([], schema))
    moments.append(time.monotonic())
    for _ in range(2):
        cells, rows = hashlib.sha256(), 0
        for batch in batches(lake, definitions, as_of=as_of, engine=engine):
            cells.update(batch.values.tobytes("F"))
            rows += len(batch.entity)
        moments.append(time.monotonic())
    start, first, second = (late - early for early, late in pairwise(moments))
    return {"rows": rows, "start_s": start, "first_s": first, "second_s": second, "cells": cells.hexdigest()}


def main():
    if sys.argv[1] == "--one":
        _, _, home, as_of, engine = sys.argv
        print(json.dumps(one(Path(home), date.fromisoformat(as_of), engine)))
        return
    home, as_of = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "2026-01-31"
    found = {}
    for engine in WAYS:
        command = [sys.executable, __file__, "--one", home, as_of, engine]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found[engine] = json.loads(done.stdout.splitlines()[-1])
        row = found[engine]
        print(
            f"{engine:15} start {row['start_s']:6.1f} s  first {row['first_s']:7.1f} s  second {row['second_s']:7.1f} s"
        )
    embedded, single, double = (found[engine] for engine in WAYS)
    print(
        json.dumps(
            {
                "entities": embedded["rows"],
                "seconds": {engine: round(row["second_s"], 2) for engine, row in found.items()},
                "spark_over_embedded": round(double["second_s"] / embedded["second_s"], 2),
                "two_cores_over_one": round(single["second_s"] / double["second_s"], 2),
                "equal": len({row["cells"] for row in found.values()}) == 1,
            }
        )
    )


if __name__ == "__main__":
    main()
