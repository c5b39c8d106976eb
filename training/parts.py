"""What a scheme holds for one entity kind: its curve, its cutoffs, and the mean effect of its exposure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from training.calibration import Curve, read_curve
from training.cutoffs import Cutoffs


@dataclass(frozen=True)
class KindPart:
    """What a scheme holds for one entity kind: its curve, its cutoffs, and the mean effect of its exposure."""

    curve: Curve
    cutoffs: Cutoffs
    offset: float

    def written(self) -> dict[str, Any]:
        """The part as it stands in a scheme's text."""
        return {
            "calibration": self.curve.written(),
            "cutoffs": {"B": self.cutoffs.b, "C": self.cutoffs.c, "D": self.cutoffs.d},
            "exposure": self.offset,
        }

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "KindPart":
        """A part from a scheme's text."""
        bounds = row["cutoffs"]
        cutoffs = Cutoffs(float(bounds["B"]), float(bounds["C"]), float(bounds["D"]))
        return cls(read_curve(row["calibration"]), cutoffs, float(row["exposure"]))
