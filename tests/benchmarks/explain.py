"""How fast a month is explained: woodelf in bulk, LightGBM row by row, shap, on the same rows in one run.

    .venv/bin/python tests/benchmarks/explain.py --rows 200000 --columns 150 --trees 300

Prints one JSON document: rows per second of each engine, largest differences, distinct vectors, peak memory.
"""

import argparse
import json
import platform
import resource
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np

from training import boosters, explain, trees

SEED = 20260131
LEAVES, DEPTH = 31, 6
FITTED_ON = 60_000


def population(rows: int, columns: int) -> tuple[Any, Any]:
    """Values like a matrix of indicators: mostly zero counts, some nulls; and labels of a rare outcome."""
    rng = np.random.default_rng(SEED)
    values = rng.poisson(rng.gamma(0.3, 1.0, columns), (rows, columns)).astype(float)
    values[rng.random((rows, columns)) < 0.03] = np.nan
    slopes = rng.normal(0, 0.6, columns) * (rng.random(columns) < 0.4)
    odds = np.nan_to_num(values) @ slopes
    odds += np.log(0.03 / 0.97) - np.quantile(odds, 0.5)
    return values, (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(float)


def model(values: Any, label: Any, count: int) -> str:
    """A booster as the product grows them."""
    data = lightgbm.Dataset(values[:FITTED_ON], label[:FITTED_ON], params={"verbose": -1})
    settings = {"objective": "binary", "num_leaves": LEAVES, "max_depth": DEPTH, "learning_rate": 0.05, "verbose": -1}
    fixed = {"deterministic": True, "force_col_wise": True, "num_threads": 2, "seed": 1}
    return trees.without_parameters(lightgbm.train({**settings, **fixed}, data, count).model_to_string())


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What some work gives and how many seconds it took."""
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def measured(rows: int, columns: int, count: int, sample: int) -> dict[str, Any]:
    """The figures of one run."""
    values, label = population(rows, columns)
    text = model(values, label, count)
    booster = boosters.booster(text)
    grown = trees.read_trees(text, [f"Column_{number}" for number in range(columns)], where="benchmark")
    bins = explain.Bins.of(grown, columns, where="benchmark")
    explainer = explain.BulkExplainer((grown,), bins, frozenset())
    used = list(explainer.features)
    codes, coding = timed(lambda: bins.codes(values[:, used], used))
    (vectors, which), finding = timed(lambda: explain.distinct(codes))
    added, explaining = timed(lambda: explainer.contributions(vectors)[which])
    bulk = np.zeros(values.shape)
    bulk[:, used] = added
    few = values[:sample]
    (single, base), one_by_one = timed(lambda: explain.single([booster], few))
    in_two, two_threads = timed(lambda: booster.predict(few, pred_contrib=True, num_threads=2))
    by_shap, with_shap = timed(lambda: shap_values(booster, few))
    margin = booster.predict(values, raw_score=True)
    return {
        "machine": {"python": platform.python_version(), "system": platform.platform()},
        "rows": rows,
        "columns": columns,
        "trees": len(grown),
        "distinct_share": len(vectors) / rows,
        "seconds": {"bin_codes": coding, "distinct": finding, "woodelf": explaining},
        "rows_per_second": {
            "woodelf_with_bins": rows / (coding + finding + explaining),
            "woodelf_distinct_vectors": len(vectors) / explaining,
            "pred_contrib_1_thread": sample / one_by_one,
            "pred_contrib_2_threads": sample / two_threads,
            "shap": sample / with_shap,
        },
        "largest_difference": {
            "woodelf_to_pred_contrib": float(np.abs(bulk[:sample] - single).max()),
            "shap_to_pred_contrib": float(np.abs(by_shap - single).max()),
            "one_to_two_threads": float(np.abs(in_two[:, :-1] - single).max()),
            "woodelf_sum_to_margin": float(np.abs(bulk.sum(axis=1) + base - margin).max()),
            "pred_contrib_sum_to_margin": float(np.abs(single.sum(axis=1) + base - margin[:sample]).max()),
        },
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def shap_values(booster: Any, rows: Any) -> Any:
    """Contributions by shap's own C extension, which reads the trees itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap and matplotlib announce changes to each other
        import shap

        explainer = shap.TreeExplainer(booster)
        explainer.model.original_model = None  # else shap hands LightGBM's own pred_contrib back
        explainer.model.model_type = "internal"
        return explainer.shap_values(rows, check_additivity=False)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("rows", 200_000), ("columns", 150), ("trees", 300), ("sample", 2_000)):
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    found = measured(given.rows, given.columns, given.trees, given.sample)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
