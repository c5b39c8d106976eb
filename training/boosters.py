"""LightGBM boosters from verified text, held against golden rows."""

import hashlib
import importlib
import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from training import explain
from training.errors import SchemeError
from training.trees import read_trees, thresholds

Floats = npt.NDArray[np.float64]

ROWS = 200
EXPLAINED = 16
CHUNK = 65_536
THREADED_FROM = 200_000  # rows

# LightGBM looks for these when it is imported, to take their tables and to look like an estimator. A booster needs none
# of it, and the second they take would be every process's that opens a scheme.
COMPANIONS = ("sklearn", "pandas", "dask", "matplotlib", "graphviz")


def opened(models: Sequence[str], golden: str, names: Sequence[str], *, where: str) -> tuple[Any, ...]:
    """The boosters of verified model texts whose structure holds, after the golden rows gave the very same bits.

    Whoever serves has a throw-away process do this first (``trial``).
    """
    for number, text in enumerate(models):
        read_trees(text, names, where=f"{where}, model {number}")
    boosters = tuple(booster(text) for text in models)
    _check_golden(boosters, json.loads(golden), where)
    return boosters


def booster(text: str) -> Any:
    """The booster of a model text."""
    return _lightgbm().Booster(model_str=text)


def ready() -> None:
    """Have LightGBM imported."""
    _lightgbm()


def _lightgbm() -> Any:
    """LightGBM, imported without its companions where nobody has imported it, or one of them, before."""
    hidden = [name for name in COMPANIONS if "lightgbm" not in sys.modules and name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        return importlib.import_module("lightgbm")
    finally:
        for name in hidden:
            del sys.modules[name]


def mean_margin(boosters: Sequence[Any], design: Floats) -> Floats:
    """The mean raw margin of several boosters for every row."""
    total = np.zeros(len(design))
    threads = 0 if len(design) >= THREADED_FROM else 1  # below, threads that wait for each other cost more
    for start in range(0, len(design), CHUNK):
        rows = slice(start, start + CHUNK)
        for one in boosters:
            total[rows] += one.predict(design[rows], raw_score=True, num_threads=threads)
    return total / len(boosters)


def golden(models: Sequence[str], names: Sequence[str]) -> str:
    """Golden rows as text: values on and beside thresholds, with the margins and contributions that must come out."""
    trees = [tree for number, text in enumerate(models) for tree in read_trees(text, names, where=f"model {number}")]
    rows = _rows(thresholds(trees, len(names)))
    boosters = [booster(text) for text in models]
    found, _ = explain.single(boosters, rows[:EXPLAINED])
    stated = {
        "rows": [[None if np.isnan(value) else value for value in row] for row in rows.tolist()],
        "margins": [[margin.hex() for margin in _margins(one, rows).tolist()] for one in boosters],
        "contributions": found.tolist(),
    }
    return json.dumps(stated, sort_keys=True, separators=(",", ":"))


def _rows(bounds: Sequence[Floats]) -> Floats:
    """Rows whose values lie on, just above or beyond thresholds, or are null, picked by a hash of their place."""
    rows = np.zeros((ROWS, len(bounds)))
    for column, found in enumerate(bounds):
        finite = found[np.isfinite(found)]
        if not len(found):
            continue
        outer = [finite[:1] - 1.0, finite[-1:] + 1.0, np.array([np.nan, 0.0])]
        choices: Floats = np.concatenate([finite, np.nextafter(finite, np.inf), *outer])
        for row in range(ROWS):
            draw = hashlib.blake2b(f"golden|{row}|{column}".encode(), digest_size=8).digest()
            rows[row, column] = choices[int.from_bytes(draw, "big") % len(choices)]
    return rows


def _margins(one: Any, rows: Floats) -> Floats:
    found: Floats = one.predict(rows, raw_score=True, num_threads=1)
    return found


def _check_golden(boosters: Sequence[Any], stated: dict[str, Any], where: str) -> None:
    rows = np.array(stated["rows"], np.float64)
    margins = [[margin.hex() for margin in _margins(one, rows).tolist()] for one in boosters]
    found, _ = explain.single(boosters, rows[:EXPLAINED])
    if margins != stated["margins"] or found.tolist() != stated["contributions"]:
        raise SchemeError(
            f"{where}: golden rows gave other margins or contributions than when the scheme was made; expected the "
            "same bits. It was not loaded: this installation computes otherwise, or the scheme is not whole."
        )
