"""Twelve as-of dates on sampled pairs against one full date: python tests/benchmarks/dates.py HOME [PAIRS] [LAST].

HOME is a profile's home with a lake (as tests/benchmarks/province.py leaves one). PAIRS (200,000 unless said) entities
are drawn for each of the twelve month ends up to LAST, all indicators worked out for them as training does it, in
slices; beside it, same process, one full date in batches as scoring reads them. Twice: with the indicators over an
entity's own records, and with all, for peers and links look at everyone on each date. The last line is JSON.
"""

import json
import resource
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.asof import months_before
from features.indicators.catalogue import Definitions, load, populations
from features.matrix import batches, sampled_batches
from features.profile import read_profile
from features.records.lake import Lake

SEED, DATES = 20260131, 12


def pairs(size, each, last):
    """Entities drawn for every date, by entity and date, as a training sample has them."""
    rng = np.random.default_rng(SEED)
    days = [months_before(last, back) for back in range(DATES)][::-1]
    drawn = [np.sort(rng.choice(size, min(each, size), replace=False)).astype(np.int32) for _ in days]
    entity, as_of = np.concatenate(drawn), np.repeat(np.array(days, "datetime64[D]"), [len(one) for one in drawn])
    order = np.argsort(entity, kind="stable")
    return pa.table({"pair": np.arange(len(entity)), "entity": entity[order], "as_of": as_of[order]})


def main():
    home, each = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 200_000
    last = date.fromisoformat(sys.argv[3] if len(sys.argv) > 3 else "2026-01-31")
    profile = read_profile(home.name)
    lake, whole = Lake(home, profile), load(profile)
    [lake.stored(name) for name in lake.types()]  # digests are compared once, before the clock starts
    wanted = pairs(lake.register().num_rows, each, last)
    alone = Definitions(tuple(one for one in whole.indicators if not any(populations(one.value))), "alone")
    found = {}
    for name, definitions in {"own_records": alone, "all": whole}.items():
        started = time.monotonic()
        full = sum(len(batch.entity) for batch in batches(lake, definitions, as_of=last))
        between = time.monotonic()
        sampled = sum(part.num_rows for part in sampled_batches(lake, definitions, wanted))
        one, twelve = between - started, time.monotonic() - between
        found[name] = {"indicators": len(definitions.codes), "one_full_date_s": one, "twelve_dates_s": twelve}
        print(f"{name:12} {len(definitions.codes)} indicators: one full date {one:.1f} s, twelve dates {twelve:.1f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    ratios = {name: round(row["twelve_dates_s"] / row["one_full_date_s"], 2) for name, row in found.items()}
    print(
        json.dumps(
            {"entities": full, "pairs": sampled, **found, "twelve_over_one": ratios, "peak_gib": round(peak, 2)},
            default=lambda value: round(value, 2),
        )
    )


if __name__ == "__main__":
    main()
