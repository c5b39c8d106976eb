"""From a margin to the estimated probability of the outcome: strictly increasing, one curve a kind."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.errors import SchemeError

Floats = npt.NDArray[np.float64]

OWN = "own"
POOLED = "pooled_shift"


@dataclass(frozen=True)
class Curve:
    """Beta calibration: logit p = a · ln s − b · ln(1 − s) + c with s the sigmoid of the margin.

    ``method`` says whether a kind has a curve of its own or the pooled one with a shift (in ``c``), for want of
    positives; ``positives`` counts those it was fitted on.
    """

    a: float
    b: float
    c: float
    method: str
    positives: int

    def __post_init__(self) -> None:
        finite = all(np.isfinite([self.a, self.b, self.c]))
        if not finite or self.a < 0 or self.b < 0 or self.a + self.b <= 0:
            raise SchemeError(
                f"Calibration has a={self.a}, b={self.b}, c={self.c}; expected finite numbers, a and b not negative "
                "and not both 0, so that a greater margin means a greater probability. It was not used."
            )

    def log_odds(self, margin: Floats) -> Floats:
        """The log odds of the probability; strictly increasing in the margin."""
        return -self.a * softplus(-margin) + self.b * softplus(margin) + self.c

    def probability(self, margin: Floats) -> Floats:
        """The estimated probability of every margin."""
        return sigmoid(self.log_odds(margin))

    def written(self) -> dict[str, Any]:
        """The curve as it stands in a scheme's text."""
        return asdict(self)


def read_curve(row: Mapping[str, Any]) -> Curve:
    """A curve from a scheme's text."""
    return Curve(float(row["a"]), float(row["b"]), float(row["c"]), str(row["method"]), int(row["positives"]))


def softplus(values: Floats) -> Floats:
    """ln(1 + e^x), without overflow."""
    found: Floats = np.logaddexp(0.0, values)
    return found


def sigmoid(values: Floats) -> Floats:
    """1 / (1 + e^−x), without overflow."""
    shrunk = np.exp(-np.abs(values))
    return np.where(values >= 0, 1.0, shrunk) / (1.0 + shrunk)
