"""The same matrix by Polars and by DuckDB: python tests/benchmarks/engines.py HOME [AS_OF].

HOME is a profile's home with a lake (for example the one tests/benchmarks/month.py leaves). Three runs each, in turn,
in one process; prints medians, the ratio and the largest difference between the two matrices.
"""

import json
import statistics
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np

from features.indicators.catalogue import load
from features.matrix import batches
from features.profile import read_profile
from features.records.lake import Lake


def main():
    home = Path(sys.argv[1])
    as_of = date.fromisoformat(sys.argv[2] if len(sys.argv) > 2 else "2025-12-31")
    profile = read_profile(home.name)
    lake, definitions = Lake(home, profile), load(profile)
    seconds, values = {"polars": [], "duckdb": []}, {}
    for _ in range(3):
        for engine, found in seconds.items():
            started = time.monotonic()
            parts = [batch.values for batch in batches(lake, definitions, as_of=as_of, engine=engine)]
            found.append(time.monotonic() - started)
            values[engine] = np.concatenate(parts)
    same = (values["polars"] == values["duckdb"]) | (np.isnan(values["polars"]) & np.isnan(values["duckdb"]))
    medians = {engine: statistics.median(found) for engine, found in seconds.items()}
    for engine, found in seconds.items():
        print(f"{engine:8} median {medians[engine]:6.2f} s   runs {', '.join(f'{one:.2f}' for one in found)}")
    print(
        json.dumps(
            {
                "entities": len(values["polars"]),
                "indicators": len(definitions.codes),
                "seconds": medians,
                "duckdb_over_polars": medians["duckdb"] / medians["polars"],
                "cells_that_differ": int((~same).sum()),
            }
        )
    )


if __name__ == "__main__":
    main()
