"""From a margin to the estimated probability of the outcome: strictly increasing, one curve a kind."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from training.errors import SchemeError

Floats = npt.NDArray[np.float64]
Kinds = npt.NDArray[np.int8]

OWN = "own"
POOLED = "pooled_shift"

POSITIVES_A_SEGMENT, MOST_SEGMENTS = 250, 8  # so many positives tell a slope to a tenth or so
LEAST_SLOPE = 0.01  # greater margins always mean greater probabilities, if only a little
DIGITS = 10  # of what is fitted: keeps the last bits of a linear-algebra library out of a scheme
SHIFT_BOUND = 40.0
ROUNDS, ENOUGH = 100, 1e-12  # of Newton's method; ten are usual
TOUCH = 1e-12  # on the diagonal, where a part of the margin is the same for everybody: changes steps, not their end


@dataclass(frozen=True)
class Curve:
    """Log odds of the outcome: linear in the margin between knots and beyond them, and everywhere rising.

    ``slopes`` has one more than ``knots``: below the first knot, between two, above the last. ``intercept`` is the log
    odds where the first line meets margin 0. ``method`` says whether a kind has a curve of its own or the pooled one
    with a shift (in ``intercept``), for want of positives; ``positives`` counts those it was fitted on.
    """

    intercept: float
    slopes: tuple[float, ...]
    knots: tuple[float, ...]
    method: str
    positives: int

    def __post_init__(self) -> None:
        numbers = [self.intercept, *self.slopes, *self.knots]
        ordered = all(low < high for low, high in pairwise(self.knots))
        if len(self.slopes) != len(self.knots) + 1 or not ordered or not np.isfinite(numbers).all():
            raise SchemeError(
                f"Calibration has {len(self.slopes)} slopes and knots {self.knots}; expected finite numbers, ascending "
                "knots and one slope more. It was not used."
            )
        if min(self.slopes) <= 0:
            raise SchemeError(
                f"Calibration has slopes {self.slopes}; expected all above 0, so that a greater margin means a greater "
                "probability. It was not used."
            )

    def log_odds(self, margin: Floats) -> Floats:
        """The log odds of the probability; strictly increasing in the margin."""
        found: Floats = self.intercept + self.slopes[0] * margin
        for knot, (before, after) in zip(self.knots, pairwise(self.slopes), strict=True):
            found = found + (after - before) * np.maximum(margin - knot, 0.0)
        return found

    def probability(self, margin: Floats) -> Floats:
        """The estimated probability of every margin."""
        return sigmoid(self.log_odds(margin))

    def written(self) -> dict[str, Any]:
        """The curve as it stands in a scheme's text."""
        return asdict(self)


IDENTITY = Curve(0.0, (1.0,), (), OWN, 0)


def read_curve(row: Mapping[str, Any]) -> Curve:
    """A curve from a scheme's text."""
    slopes, knots = (tuple(float(one) for one in row[name]) for name in ("slopes", "knots"))
    return Curve(float(row["intercept"]), slopes, knots, str(row["method"]), int(row["positives"]))


def sigmoid(values: Floats) -> Floats:
    """1 / (1 + e^−x), without overflow."""
    shrunk = np.exp(-np.abs(values))
    return np.where(values >= 0, 1.0, shrunk) / (1.0 + shrunk)


@dataclass(frozen=True)
class Seen:
    """Margins of pairs whose outcome is known: kind numbers, labels and weights 1/s beside."""

    margin: Floats
    kind: Kinds
    label: Floats
    weight: Floats

    def where(self, rows: npt.NDArray[np.bool_]) -> "Seen":
        """The pairs of a mask."""
        return Seen(self.margin[rows], self.kind[rows], self.label[rows], self.weight[rows])


def curves(seen: Seen, kinds: Sequence[str], *, min_positives: int) -> dict[str, Curve]:
    """One calibration curve a kind; kinds with fewer positives than asked use the pooled one, shifted to their rate."""
    pooled = _fitted(seen, POOLED)
    found = {}
    for number, kind in enumerate(kinds):
        own = seen.where(seen.kind == number)
        positives = int(own.label.sum())
        if min_positives <= positives < len(own.label):
            found[kind] = _fitted(own, OWN)
        else:
            shift = _shift(pooled, own)
            found[kind] = Curve(_short(pooled.intercept + shift), pooled.slopes, pooled.knots, POOLED, positives)
    return found


def _fitted(seen: Seen, method: str) -> Curve:
    """The curve of greatest likelihood: a logistic regression on the parts of the margin between knots, all rising.

    Knots part the positives evenly. Like isotonic regression it lets the labels choose the shape, but joins the knots
    and never stands still. Expected positives equal those observed.
    """
    positives = int(seen.label.sum())
    knots = _knots(seen, max(1, min(MOST_SEGMENTS, positives // POSITIVES_A_SEGMENT)))
    intercept, slopes = _rising_logistic(_parts(seen.margin, knots), seen.label, seen.weight)
    if np.all(slopes <= LEAST_SLOPE) or not np.ptp(seen.margin):
        raise SchemeError(
            "Calibration: greater margins were not found more often among the positives; expected an increasing curve. "
            "No scheme was made; look at the labels and dates of the calibration part."
        )
    return Curve(_short(intercept), tuple(map(_short, slopes)), tuple(map(_short, knots)), method, positives)


def _knots(seen: Seen, segments: int) -> Floats:
    """Margins that part the positives evenly; fewer where many have the same."""
    shares = np.arange(1, segments) / segments
    found = np.unique(np.quantile(seen.margin[seen.label > 0], shares)) if segments > 1 else np.empty(0)
    return np.asarray(found[(found > seen.margin.min()) & (found < seen.margin.max())])


def _parts(margin: Floats, knots: Floats) -> Floats:
    """The margin cut at the knots (rows × segments); a first part from 0 on, so that the parts add up to the margin."""
    bounds = [-np.inf, *knots.tolist(), np.inf]
    parts = [np.clip(margin, low, high) for low, high in pairwise(bounds)]
    return np.column_stack([parts[0], *(part - knot for part, knot in zip(parts[1:], knots, strict=True))])


def _rising_logistic(parts: Floats, label: Floats, weight: Floats) -> tuple[float, Floats]:
    """Intercept and slopes of greatest likelihood, every slope at least ``LEAST_SLOPE``.

    Newton's method: each step is a least-squares problem with bounds, halved while it would not help.
    """
    from scipy.optimize import lsq_linear

    design = np.column_stack([np.ones(len(parts)), parts])
    lower = np.array([-np.inf, *[LEAST_SLOPE] * parts.shape[1]])
    rate = float(np.clip(weight @ label / weight.sum(), 1e-9, 1 - 1e-9))
    found = np.array([np.log(rate / (1 - rate)) - (weight @ parts.sum(axis=1)) / weight.sum(), *[1.0] * parts.shape[1]])
    loss = _loss(design @ found, label, weight)
    for _ in range(ROUNDS):
        chance = sigmoid(design @ found)
        steep = np.maximum(weight * chance * (1 - chance), np.finfo(float).tiny)
        curvature = design.T @ (design * steep[:, None])
        curvature += np.eye(len(found)) * TOUCH * np.trace(curvature)
        factor = np.linalg.cholesky(curvature).T
        slope = np.linalg.solve(factor.T, design.T @ (weight * (label - chance)))
        step = lsq_linear(factor, slope, (lower - found, np.inf), method="bvls", tol=1e-14).x
        size = 1.0
        while _loss(design @ (found + size * step), label, weight) > loss and size > ENOUGH:
            size /= 2
        found = found + size * step
        before, loss = loss, _loss(design @ found, label, weight)
        if before - loss <= ENOUGH * abs(loss):
            break
    return float(found[0]), found[1:]


def _loss(odds: Floats, label: Floats, weight: Floats) -> float:
    return float(weight @ (np.logaddexp(0.0, odds) - label * odds))


def _shift(curve: Curve, seen: Seen) -> float:
    """The shift of log odds at which expected positives equal those observed; half a positive when there are none."""
    if not len(seen.margin):
        return 0.0
    total = float(seen.weight.sum())
    observed = min(max(float((seen.label * seen.weight).sum()), 0.5), total - 0.5)
    odds = curve.log_odds(seen.margin)
    low, high = -SHIFT_BOUND, SHIFT_BOUND
    while high - low > 10.0**-DIGITS / 4:
        middle = (low + high) / 2
        expected = float((sigmoid(odds + middle) * seen.weight).sum())
        low, high = (middle, high) if expected < observed else (low, middle)
    return (low + high) / 2


def _short(value: float) -> float:
    return round(float(value), DIGITS)
