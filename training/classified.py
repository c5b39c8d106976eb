"""What a scheme says of some entities, in the order they were asked about."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from training.confidence import Levels, Sure
from training.cutoffs import Classes

Floats = npt.NDArray[np.float64]
Kinds = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Classified:
    """Classes of some entities, in the order of the batch; class numbers are those of ``RiskClass``.

    ``raw_class`` is what the cutoffs alone say, ``model_class`` the same after steadiness, ``ruled`` the least class
    rules demand, ``final_class`` the worse of the last two; ``class_before`` is −1 for a first month, ``confidence``
    that of a scheme without bags, which has no ``sure`` either.
    """

    entity: npt.NDArray[np.int32]
    kind: Kinds
    margin: Floats
    probability: Floats
    raw_class: Classes
    model_class: Classes
    ruled: Classes
    final_class: Classes
    class_before: Classes
    rules: pa.ListArray
    cause: npt.NDArray[np.str_]
    confidence: Levels
    sure: Sure | None


@dataclass(frozen=True)
class Judged:
    """What a scheme says of some entities whatever they were before, in the order of the batch."""

    margin: Floats
    probability: Floats
    ruled: Classes
    rules: pa.ListArray
