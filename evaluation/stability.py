"""What changed between two months: distributions, and who stands in which class."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.metrics import Floats, Integers
from training.cutoffs import RiskClass

BINS = 10
SMALLEST_SHARE = 1e-4


@dataclass(frozen=True)
class Migration:
    """Classes of the entities classified in both months: ``moves[before][after]`` counts them, riskier is greater."""

    moves: tuple[tuple[int, ...], ...]
    entities: int
    unchanged: float | None
    two_class_jumps: int
    entered: int
    left: int

    def stayed(self, risk: RiskClass) -> tuple[int, float | None]:
        """How many were in a class before, and the share of them that still is; null where nobody was."""
        row = self.moves[risk]
        return sum(row), row[risk] / sum(row) if sum(row) else None


@dataclass(frozen=True)
class Shift:
    """How far one column's distribution moved."""

    column: str
    psi: float


def psi(reference: Floats, current: Floats, *, weights: Floats | None = None) -> float:
    """The population stability index of one column; null is a bin of its own, equal values stay together.

    Bins are tenths of the reference, whose rows may have ``weights``. Shares below 0.0001 count as that, so that an
    empty bin stays finite.
    """
    under = np.ones(len(reference)) if weights is None else weights
    edges = _edges(reference, under)
    before, after = _shares(reference, under, edges), _shares(current, np.ones(len(current)), edges)
    return float(((after - before) * np.log(after / before)).sum())


def _edges(reference: Floats, weights: Floats) -> Floats:
    known = ~np.isnan(reference)
    order = np.argsort(reference[known], kind="stable")
    if not len(order):
        return np.empty(0)
    reached = np.cumsum(weights[known][order])
    wanted = np.arange(1, BINS) / BINS * reached[-1]
    place = np.minimum(np.searchsorted(reached, wanted * (1 - 1e-12), side="left"), len(order) - 1)
    edges: Floats = np.unique(reference[known][order][place])
    return edges


def _shares(values: Floats, weights: Floats, edges: Floats) -> Floats:
    null = np.isnan(values)
    bins = np.where(null, len(edges) + 1, np.searchsorted(edges, values, side="left"))
    counts = np.bincount(bins, weights=weights, minlength=len(edges) + 2)
    shares: Floats = np.maximum(counts / max(float(weights.sum()), SMALLEST_SHARE), SMALLEST_SHARE)
    return shares


def shifts(reference: Mapping[str, Floats], current: Mapping[str, Floats]) -> tuple[Shift, ...]:
    """The shift of every column both months have, largest first, then by name."""
    found = [Shift(name, psi(reference[name], current[name])) for name in reference if name in current]
    return tuple(sorted(found, key=lambda shift: (-shift.psi, shift.column)))


def migration(before: tuple[Integers, NDArray[np.int8]], after: tuple[Integers, NDArray[np.int8]]) -> Migration:
    """Who moved between two months, each given as entity keys and class numbers (−1 where not classified)."""
    (was, was_class), (now, now_class) = (_classified(*month) for month in (before, after))
    _, in_was, in_now = np.intersect1d(was, now, assume_unique=True, return_indices=True)
    size = len(RiskClass)
    pairs = was_class[in_was].astype(np.int64) * size + now_class[in_now]
    moves = np.bincount(pairs, minlength=size * size).reshape(size, size)
    distance = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    return Migration(
        moves=tuple(tuple(int(count) for count in row) for row in moves),
        entities=len(in_was),
        unchanged=float(np.trace(moves)) / len(in_was) if len(in_was) else None,
        two_class_jumps=int(moves[distance >= 2].sum()),
        entered=len(now) - len(in_now),
        left=len(was) - len(in_was),
    )


def _classified(entity: Integers, risk_class: NDArray[np.int8]) -> tuple[Integers, NDArray[np.int8]]:
    has_class = risk_class >= 0
    return entity[has_class], risk_class[has_class]
