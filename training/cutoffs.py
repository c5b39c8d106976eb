"""Risk classes, and the probabilities per kind at which one class ends and the next begins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from training.errors import SchemeError

Floats = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int8]


class RiskClass(IntEnum):
    """The four classes of the Opinion; riskier is greater."""

    A = 0
    B = 1
    C = 2
    D = 3


@dataclass(frozen=True)
class Cutoffs:
    """The least probabilities of B, C and D."""

    b: float
    c: float
    d: float

    def __post_init__(self) -> None:
        if not 0.0 < self.b <= self.c <= self.d:
            raise SchemeError(f"Cutoffs are B {self.b}, C {self.c}, D {self.d}; expected 0 < B <= C <= D.")

    @property
    def bounds(self) -> Floats:
        """The three probabilities, ascending."""
        return np.array([self.b, self.c, self.d])

    def classes(self, probability: Floats) -> Classes:
        """The class number of every probability: a probability at a cutoff belongs to the riskier class."""
        return np.searchsorted(self.bounds, probability, side="right").astype(np.int8)


@dataclass(frozen=True)
class Shares:
    """The wanted share of every class after rules, with the bands outside which a person must look."""

    target: Mapping[str, float]
    guard: Mapping[str, tuple[float, float]]

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "Shares":
        """The dated row of a profile's ``classes.yaml``: shares, and a guard of [least, most] a class."""
        target = {risk.name: float(row["shares"][risk.name]) for risk in RiskClass}
        if abs(sum(target.values()) - 1.0) > 1e-9 or min(target.values()) < 0:
            raise SchemeError(f"classes.yaml: target shares are {target}; expected four shares that add up to 1.")
        guard = {name: (float(band[0]), float(band[1])) for name, band in row["guard"].items()}
        return cls(target, guard)


@dataclass(frozen=True)
class Chosen:
    """Cutoffs of one kind, the shares they give after rules on the reference month, and what a person must review."""

    cutoffs: Cutoffs
    shares: Mapping[str, float]
    review: tuple[str, ...]


def choose(probability: Floats, at_least: Classes, wanted: Shares) -> Chosen:
    """Cutoffs that give the wanted shares after rules; ``at_least`` is the class rules demand of every entity."""
    if not len(probability):
        raise SchemeError("Cutoffs were asked for a kind without entities on the reference month; none were chosen.")
    bounds: list[float] = []
    for risk in (RiskClass.D, RiskClass.C, RiskClass.B):
        share = sum(wanted.target[other.name] for other in RiskClass if other >= risk)
        free = probability[at_least < risk]
        room = round(share * len(probability)) - int(np.count_nonzero(at_least >= risk))
        bound = _bound(free, room)
        bounds.append(min(bound, bounds[-1]) if bounds else bound)
    cutoffs = Cutoffs(bounds[2], bounds[1], bounds[0])
    shares = class_shares(np.maximum(cutoffs.classes(probability), at_least))
    return Chosen(cutoffs, shares, outside(shares, wanted))


def class_shares(classes: Classes) -> dict[str, float]:
    """The share of every class among some entities."""
    counts = np.bincount(classes.astype(np.int64), minlength=len(RiskClass))
    return {risk.name: float(counts[risk]) / max(len(classes), 1) for risk in RiskClass}


def outside(shares: Mapping[str, float], wanted: Shares) -> tuple[str, ...]:
    """The classes whose share lies outside its guard band."""
    return tuple(name for name, (low, high) in wanted.guard.items() if not low <= shares[name] <= high)


def _bound(probability: Floats, room: int) -> float:
    """A cutoff between two values that occur, so that as nearly as ties allow ``room`` values reach it."""
    values, counts = np.unique(probability, return_counts=True)
    if not len(values) or room <= 0:
        return _above(values)
    reached = np.cumsum(counts[::-1])
    place = int(np.argmin(np.abs(reached - room)))
    if abs(int(reached[place]) - room) > room:
        return _above(values)
    upper = values[len(values) - 1 - place]
    lower = values[len(values) - 2 - place] if place + 1 < len(values) else 0.0
    middle = (upper + lower) / 2
    return float(middle if lower < middle <= upper else upper)


def _above(values: Sequence[float] | Floats) -> float:
    """A cutoff that no value seen reaches: halfway from the greatest to 1."""
    return (float(values[-1]) + 1.0) / 2 if len(values) else 1.0
