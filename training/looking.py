"""Who is looked at, whatever they do: a model of its own, and what it corrects.

Somebody nobody looked at was not found to violate; that is not the same as having been found clean.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from training import fit
from training.boosters import booster, mean_margin
from training.calibration import sigmoid
from training.errors import SchemeError
from training.sample import Sample
from training.task import Task

Floats = npt.NDArray[np.float64]

TREES = 100
LEAST = 0.01  # chance below which nobody counts for more: a few would outweigh all others


@dataclass(frozen=True)
class Lesson:
    """What a model learns from: rows, the pairs they are of (in the same order), and how a model reads them."""

    rows: fit.Rows
    pairs: pa.Table
    layout: fit.Layout


def lesson(task: Task, sample: Sample) -> Lesson:
    """The fit part of a sample, corrected as the outcome asks.

    ``looked_at``: only pairs somebody looked at within the window, weighed by the inverse of the chance of that (at
    least ``LEAST``), so that they stand for everybody (inverse probability weighting; Horvitz and Thompson 1952).
    """
    rows, pairs = sample.rows("fit"), sample.pairs.filter(pa.array(sample.chosen("fit")))
    if task.outcome.correction is None:
        return Lesson(rows, pairs, sample.layout)
    chance = np.maximum(Watching.fitted(task, rows, sample.layout).chances(rows), LEAST)
    looked = rows.looked > 0
    return Lesson(
        replace(rows, weight=rows.weight / chance).where(looked), pairs.filter(pa.array(looked)), sample.layout
    )


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
