"""Growing trees on many rows: python tests/benchmarks/boosting.py [ROWS] [COLUMNS] [TREES] (2,000,000 × 200, 100).

The product's boosters (deterministic, half of the columns with a monotone sign, controls apart) beside scikit-learn's
histogram gradient boosting with the same trees, leaves, depth, rate and signs, each in a process of its own on the
same made-up rows. Prints seconds, peak memory and the AUC on rows kept back, and as its last line JSON with the ratio.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

ROWS, COLUMNS, TREES = 2_000_000, 200, 100
KEPT_BACK, RATE, SEED = 0.1, 0.02, 7
LEAVES, DEPTH, SPEED, LEAST = 31, 6, 0.1, 100
GIB = 2**20  # ru_maxrss counts KiB


def made(folder, rows, columns):
    """Counts, shares and nulls as indicators have them; the outcome depends on thirty of them, rising."""
    rng = np.random.default_rng(SEED)
    values = np.lib.format.open_memmap(folder / "values.npy", "w+", np.float64, (rows, columns), fortran_order=True)
    odds = np.full(rows, np.log(RATE / (1 - RATE)) - 1.0)
    for column in range(columns):
        drawn = rng.poisson(0.5, rows) if column % 2 else np.round(rng.normal(size=rows), 2)
        values[:, column] = np.where(rng.random(rows) < 0.05, np.nan, drawn)
        if column < 30:
            odds += 0.25 * np.nan_to_num(values[:, column])
    values.flush()
    np.save(folder / "label.npy", (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(float))


def read(folder):
    values, label = np.load(folder / "values.npy", mmap_mode="r"), np.load(folder / "label.npy")
    later = np.arange(len(label)) >= len(label) * (1 - KEPT_BACK)
    return values, label, later


def signs(columns):
    return [1 if column % 2 else 0 for column in range(columns)]


def ours(folder, trees):
    """The product's boosters, one seed."""
    from training import fit
    from training.boosters import booster

    values, label, later = read(folder)
    names = tuple(f"f{column}" for column in range(values.shape[1]))
    layout = fit.Layout(names, names, (), tuple(signs(len(names))), ("",) * len(names))
    settings = fit.TreeSettings(
        count=trees, seeds=(SEED,), learning_rate=SPEED, depth=DEPTH, leaves=LEAVES, min_rows=LEAST, feature_share=1.0,
        row_share=1.0, l2=0.0, monotone_method="basic",
    )  # fmt: skip
    kind, none, own = np.zeros(len(label), np.int8), np.zeros((len(label), 0)), label[~later]
    rows = fit.Rows(values[~later], kind[~later], none[~later], own, own, own, np.ones(len(own)))
    started = time.monotonic()
    (text,) = fit.boosters(rows, layout, settings)
    seconds = time.monotonic() - started
    asked = np.column_stack([values[later], kind[later]])
    return seconds, booster(text).predict(asked, raw_score=True), label[later]


def theirs(folder, trees):
    """scikit-learn's histogram gradient boosting."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    values, label, later = read(folder)
    model = HistGradientBoostingClassifier(
        max_iter=trees, learning_rate=SPEED, max_leaf_nodes=LEAVES, max_depth=DEPTH, min_samples_leaf=LEAST,
        monotonic_cst=signs(values.shape[1]), early_stopping=False, random_state=SEED,
    )  # fmt: skip
    rows = np.ascontiguousarray(values[~later])
    started = time.monotonic()
    model.fit(rows, label[~later])
    return time.monotonic() - started, model.predict_proba(values[later])[:, 1], label[later]


def measured(name, folder, trees):
    from sklearn.metrics import roc_auc_score

    seconds, score, label = {"ours": ours, "theirs": theirs}[name](Path(folder), trees)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIB
    return {"seconds": seconds, "peak_gib": peak, "auc": float(roc_auc_score(label, score))}


def main():
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measured(sys.argv[2], sys.argv[3], int(sys.argv[4]))))
        return
    given = [int(word) for word in sys.argv[1:]]
    rows, columns, trees = [*given, *(ROWS, COLUMNS, TREES)[len(given) :]]
    found = {}
    with TemporaryDirectory() as folder:
        made(Path(folder), rows, columns)
        for name in ("ours", "theirs"):
            words = [sys.executable, str(Path(__file__).resolve()), "--one", name, folder, str(trees)]
            printed = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout
            found[name] = json.loads(printed.strip().splitlines()[-1])
            one = found[name]
            print(f"{name:8} {one['seconds']:8.1f} s {one['peak_gib']:6.2f} GiB  AUC {one['auc']:.4f}", flush=True)
    ratios = {key: found["theirs"][key] / found["ours"][key] for key in ("seconds", "peak_gib")}
    print(
        json.dumps(
            {
                "rows": rows,
                "columns": columns,
                "trees": trees,
                **found,
                "ratio_seconds": ratios["seconds"],
                "ratio_memory": ratios["peak_gib"],
            }
        )
    )


if __name__ == "__main__":
    main()
