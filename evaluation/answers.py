"""What one check of the explanations found: its figures, how many rows were looked at, and whether it stands."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evaluation.metrics import Floats

Found = float | int | None


@dataclass(frozen=True)
class Answer:
    """One check: its code, the rows looked at, what it found by name; ``passed`` is None where there was nothing."""

    code: str
    rows: int
    found: Mapping[str, Found]
    passed: bool | None


def answer(code: str, rows: int, found: Mapping[str, Found], *, passed: bool) -> Answer:
    """An answer; without rows, or with a figure that is missing, it cannot be given."""
    known = rows > 0 and all(value is not None for value in found.values())
    return Answer(code, rows, found, bool(passed) if known else None)


def largest(differences: Floats) -> float:
    """The largest of some differences, 0 where there are none; what is not a number counts as infinite."""
    return float(np.nan_to_num(np.abs(differences), nan=np.inf).max(initial=0.0))


def mean(values: Floats) -> float | None:
    """The mean, null where there is nothing."""
    return float(np.mean(values)) if len(values) else None
