"""Who is looked at, whatever they do: a model of its own, and what it corrects.

Somebody nobody looked at was not found to violate; that is not the same as having been found clean.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from training import fit
from training.boosters import booster, mean_margin
from training.calibration import sigmoid
from training.errors import SchemeError
from training.sample import Sample
from training.task import Task

Floats = npt.NDArray[np.float64]

TREES = 100
LEAST = 0.01  # chance below which nobody counts for more: a few would outweigh all others


def rows_to_fit(task: Task, sample: Sample) -> fit.Rows:
    """The rows of the fit part a model learns from, corrected as the outcome asks.

    ``looked_at``: only pairs somebody looked at within the window, weighed by the inverse of the chance of that (at
    least ``LEAST``), so that they stand for everybody (inverse probability weighting; Horvitz and Thompson 1952).
    """
    rows = sample.rows("fit")
    if task.outcome.correction is None:
        return rows
    chance = np.maximum(Watching.fitted(task, rows, sample.layout).chances(rows), LEAST)
    return replace(rows, weight=rows.weight / chance).where(rows.looked > 0)


def entities_to_fit(task: Task, sample: Sample) -> npt.NDArray[np.int32]:
    """The entity of every row of ``rows_to_fit``."""
    kept = sample.chosen("fit")
    if task.outcome.correction is not None:
        kept &= np.asarray(sample.pairs["looked"].to_numpy(), np.bool_)
    return np.asarray(sample.pairs["entity"].to_numpy()[kept], np.int32)


@dataclass(frozen=True)
class Watching:
    """A model of who is looked at within the window, and how it reads rows."""

    models: tuple[str, ...]
    place: fit.Layout

    @classmethod
    def fitted(cls, task: Task, rows: fit.Rows, layout: fit.Layout) -> "Watching":
        """The model fitted on the rows of a sample's fit part; SchemeError when all or none were looked at."""
        if not 0 < rows.looked.sum() < len(rows.looked):
            raise SchemeError(
                f"Outcome {task.outcome.code}: {int(rows.looked.sum())} of {len(rows.looked)} pairs were looked at; "
                "expected some of each. Nothing was corrected; see looked_at in outcomes.yaml."
            )
        place = replace(layout, monotone=(0,) * len(layout.features))  # signs are of conduct, not of watching
        settings = replace(task.trees, count=min(TREES, task.trees.count), seeds=task.trees.seeds[:1], folds=0)
        return cls(fit.boosters(replace(rows, label=rows.looked), place, settings), place)

    def chances(self, seen: fit.Rows) -> Floats:
        """The chance of every row to be looked at within the window."""
        return sigmoid(mean_margin([booster(text) for text in self.models], fit.design(seen, self.place)))
