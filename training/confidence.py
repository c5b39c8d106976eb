"""How sure a class is: the distance to the nearest cutoff beside how far refits on other samples part from each other.

The refits (bags) are made at training only; see ``bags``. What they showed is kept as a few lines of numbers, so that
a month costs one look at them and no further model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from training.cutoffs import Classes, RiskClass
from training.errors import SchemeError
from training.parts import KindPart
from training.sureness import Confidence

Floats = npt.NDArray[np.float64]
Kinds = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]
Levels = npt.NDArray[np.int8]

UNKNOWN = -1  # of a scheme that was trained without bags


@dataclass(frozen=True)
class Line:
    """A function of one number: linear between knots, and beyond them as at the last."""

    knots: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        ordered = all(low < high for low, high in pairwise(self.knots))
        if not self.knots or len(self.knots) != len(self.values) or not ordered:
            raise SchemeError(
                f"A line of confidence has knots {self.knots} and {len(self.values)} values; expected ascending knots "
                "and a value each. It was not used."
            )

    def at(self, given: Floats) -> Floats:
        """The value at every number."""
        return np.asarray(np.interp(given, self.knots, self.values))

    def first(self, value: float) -> float | None:
        """The least number from which on a rising line holds a value; null when it never does."""
        reached = np.flatnonzero(np.array(self.values) >= value)
        if not len(reached):
            return None
        place = int(reached[0])
        part = slice(max(place - 1, 0), place + 1)
        return float(np.interp(value, self.values[part], self.knots[part])) if place else 0.0

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "Line":
        """A line from a scheme's text."""
        return cls(*(tuple(float(one) for one in row[name]) for name in ("knots", "values")))


def means(given: Floats, seen: Floats, weight: Floats, *, bins: int) -> tuple[Floats, Floats, Floats]:
    """Weighted means of both and the weight of every bin; bins part the weight evenly, equal numbers stay together."""
    order = np.argsort(given, kind="stable")
    sums = np.cumsum(weight[order])
    edges = given[order][np.searchsorted(sums, sums[-1] * np.arange(1, bins) / bins)]
    _, place = np.unique(np.searchsorted(np.unique(edges), given, side="left"), return_inverse=True)
    total = np.bincount(place, weights=weight)
    averages = [np.asarray(np.bincount(place, weights=weight * one) / total, np.float64) for one in (given, seen)]
    return averages[0], averages[1], np.asarray(total, np.float64)


@dataclass(frozen=True)
class Dimension:
    """A dimension of the indicator system: the features of a model that belong to it, and the kinds any applies to."""

    code: str
    features: tuple[str, ...]
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Thin:
    """When too little is known of an entity: younger than so many months, or so many dimensions without any value.

    ``age`` is the indicator that tells the age in months (null: nobody is too young).
    """

    age: str | None
    months: float
    empty: int
    dimensions: tuple[Dimension, ...]

    def of(self, values: Floats, columns: Sequence[str], *, kind: Kinds, kinds: Sequence[str]) -> Mask:
        """Of which rows of a matrix too little is known; ``kind`` numbers ``kinds``."""
        young = np.zeros(len(values), np.bool_)
        if self.age in columns:
            young = values[:, columns.index(self.age)] < self.months
        missing = np.zeros(len(values), np.int64)
        for one in self.dimensions:
            applies = np.array([code in one.kinds for code in kinds])
            rows = np.flatnonzero(applies[kind])
            for name in one.features:  # few are left after the first column that most have a value in
                if not len(rows):
                    break
                rows = rows[np.isnan(values[rows, columns.index(name)])]
            missing[rows] += 1
        return np.asarray(young | (missing >= self.empty))

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "Thin":
        """The rule from a scheme's text."""
        dimensions = tuple(
            Dimension(str(one["code"]), tuple(one["features"]), tuple(one["kinds"])) for one in row["dimensions"]
        )
        return cls(row["age"], float(row["months"]), int(row["empty"]), dimensions)


@dataclass(frozen=True)
class Sure:
    """Of some entities, the distance to the nearest cutoff in spreads, and the share of bags that agree at it.

    Where a rule demands the last class no cutoff can matter: the distance is infinite and all agree.
    """

    distance: Floats
    agreement: Floats


@dataclass(frozen=True)
class Certainty:
    """What a scheme knows of how sure its classes are.

    ``spread`` is, by kind, the standard deviation over ``bags`` refits of the log odds, at the scheme's own log odds;
    ``agreement``, by class, the share of refits that give the same class, at the distance to the nearest cutoff in
    spreads. A class is of high confidence where at least ``high`` agree, of medium where ``medium`` do.
    """

    bags: int
    high: float
    medium: float
    spread: Mapping[str, Line]
    agreement: Mapping[str, Line]
    thin: Thin

    def sure(self, parts: Mapping[str, KindPart], margin: Floats, kind: Kinds, *, ruled: Classes) -> Sure:
        """How sure the class of every margin is; ``parts`` in the order of kind numbers, ``ruled`` what rules demand.

        Only cutoffs beyond the class that rules demand can matter.
        """
        found = Sure(np.full(len(margin), np.inf), np.ones(len(margin)))
        for number, (code, part) in enumerate(parts.items()):
            own = np.flatnonzero((kind == number) & (ruled < max(RiskClass)))
            if not len(own):
                continue
            at, bounds = part.curve.log_odds(margin[own]), odds(part.cutoffs.bounds)
            distance = nearest(at, bounds, ruled[own]) / self.spread[code].at(at)
            standing = np.maximum(np.searchsorted(bounds, at, side="right"), ruled[own])
            found.distance[own] = distance
            for risk in RiskClass:
                rows = standing == risk
                if not rows.any():
                    continue
                found.agreement[own[rows]] = self.agreement[risk.name].at(distance[rows])
        return found

    def levels(self, sure: Sure, *, thin: Mask, held: Mask) -> Levels:
        """The confidence of every class (numbers of ``Confidence``).

        ``held``: the class is another than cutoffs and rules say, kept by steadiness alone; that is low. A class that
        a rule alone decides is sure, however little else is known.
        """
        found = np.full(len(thin), Confidence.LOW, np.int8)
        found[sure.agreement >= self.medium] = Confidence.MEDIUM
        found[sure.agreement >= self.high] = Confidence.HIGH
        found[held] = Confidence.LOW
        found[thin & np.isfinite(sure.distance)] = Confidence.INSUFFICIENT
        return found

    def written(self) -> dict[str, Any]:
        """The block of a scheme's text."""
        return asdict(self)

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "Certainty":
        """The block of a scheme's text."""
        spread, agreement = (
            {str(name): Line.read(one) for name, one in row[part].items()} for part in ("spread", "agreement")
        )
        return cls(
            int(row["bags"]), float(row["high"]), float(row["medium"]), spread, agreement, Thin.read(row["thin"])
        )


def nearest(log_odds: Floats, bounds: Floats, ruled: Classes) -> Floats:
    """The distance of log odds to the nearest bound beyond the class that rules demand."""
    apart = np.full(len(log_odds), np.inf)
    for risk, bound in zip(list(RiskClass)[1:], bounds.tolist(), strict=True):
        np.minimum(apart, np.abs(log_odds - bound), out=apart, where=ruled < risk)
    return apart


def words(levels: Levels) -> pa.StringArray:
    """Confidence in the words of results; null where a scheme has none."""
    names = pa.array([one.code for one in Confidence], pa.string())
    return names.take(pa.array(levels, pa.int8(), mask=levels < 0))


def odds(probability: Floats) -> Floats:
    """The log odds of probabilities; a cutoff nobody reaches is far away, not infinitely."""
    inside = np.clip(probability, np.finfo(float).tiny, 1.0 - np.finfo(float).epsneg)
    return np.asarray(np.log(inside) - np.log1p(-inside))
