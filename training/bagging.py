"""How bags are drawn, and what is asked of them: ``confidence`` in a profile's ``model.yaml``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import exp, factorial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from training import cohort, fit
from training.errors import SchemeError

Draws = npt.NDArray[np.int64]  # how often each bag draws the entity of each row (bags × rows)

CONFIDENCE = "confidence"  # the part of model.yaml
LEAST_BAGS = 2  # that found an order; with fewer nothing can be said
MOST_DRAWN = 8  # times an entity is drawn: more happens to one in a million


@dataclass(frozen=True)
class BagSettings:
    """How many bags, what they must agree on, and who is too little known: ``confidence`` in a ``model.yaml``.

    ``seed`` orders the draws. A class is of high confidence where at least the share ``high`` of bags is expected to
    give it, of medium where ``medium`` is. Too little is known of whom the indicator ``age`` (in months) says is
    younger than ``months``, and of whom ``empty`` dimensions have no value. ``rows`` is about how many rows a bag is
    fitted on at most (null: as many as the scheme).
    """

    bags: int
    seed: str
    high: float
    medium: float
    age: str | None = None
    months: float = 0.0
    empty: int = 2
    rows: int | None = None

    def __post_init__(self) -> None:
        if self.bags < LEAST_BAGS or not 0.0 < self.medium <= self.high <= 1.0 or self.empty < 1:
            raise SchemeError(
                f"model.yaml, {CONFIDENCE}: {self.bags} bags, high {self.high}, medium {self.medium}, empty "
                f"{self.empty}; expected at least {LEAST_BAGS} bags, 0 < medium <= high <= 1 and at least 1 dimension. "
                "Nothing was trained."
            )

    def share(self, count: int) -> float:
        """The share of so many rows a bag is fitted on."""
        return 1.0 if self.rows is None else min(1.0, self.rows / max(count, 1))

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "BagSettings":
        """The settings of a YAML row."""
        return fit.stated(cls, CONFIDENCE, lambda: cls(**{**row, "seed": str(row["seed"])}))


def drawn(
    settings: BagSettings, entity: npt.NDArray[np.int32], register: pa.ChunkedArray, *, on: date, mean: float = 1.0
) -> Draws:
    """How often every bag draws the entity of every row: Poisson of that mean, by a keyed hash of its code.

    All rows of an entity are drawn together. ``register`` holds codes by entity key, ``on`` is the day of the training.
    """
    reached = np.cumsum([exp(-mean) * mean**times / factorial(times) for times in range(MOST_DRAWN)])
    own, which = np.unique(entity, return_inverse=True)
    codes = pc.coalesce(register.take(pa.array(own, pa.int32())), pa.array(own).cast(pa.string())).to_pylist()
    hashes = (cohort.uniform(f"{settings.seed}|bag {bag}", codes, on) for bag in range(settings.bags))
    return np.stack([np.searchsorted(reached, one, side="right")[which] for one in hashes])
