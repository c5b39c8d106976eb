"""How many trees: as many as help on later dates, seen from earlier ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from features.asof import months_before
from training.fit import Floats, Layout, Rows, TreeSettings, dataset, label_of, parameters
from training.sample import Sample

PATIENCE = 60  # trees without help that end a fold; and as many are grown where no fold can tell

Mask = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Fold:
    """Rows to fit on and later rows to test on, as masks over the same rows."""

    fitted: Mask
    tested: Mask


def folds(days: Days, *, gap_months: int, most: int) -> tuple[Fold, ...]:
    """At most so many folds over rows of several as-of dates: each of the last dates, and those before it.

    ``gap_months`` lie between, the horizon, so that no outcome is in both. None where history is too short.
    """
    known: list[date] = np.unique(days).tolist()
    found: list[Fold] = []
    for tested in known[::-1]:
        latest = np.datetime64(months_before(tested, gap_months))
        if len(found) < most and np.any(days <= latest):
            found.append(Fold(days <= latest, days == np.datetime64(tested)))
    return tuple(reversed(found))


def folds_of(sample: Sample, settings: TreeSettings, *, gap_months: int) -> tuple[Fold, ...]:
    """The folds of a sample's fit part, in the order of its rows."""
    days = sample.pairs["as_of"].to_numpy()[sample.chosen("fit")].astype("datetime64[D]")
    return folds(days, gap_months=gap_months, most=settings.folds)


def grown(sample: Sample, settings: TreeSettings, *, gap_months: int) -> tuple[int, ...]:
    """How many trees every booster gets: the number that did best in the folds, of those there may be at most.

    All there may be, where the settings ask for no folds; ``PATIENCE``, where no fold has somebody with the outcome
    both before and after.
    """
    every = range(len(settings.seeds))
    if not settings.folds:
        return tuple(settings.count for _ in every)
    found, rows = folds_of(sample, settings, gap_months=gap_months), sample.rows("fit")
    numbers = (0, 1) if len(settings.seeds) > 1 and not np.array_equal(rows.label, rows.learned) else (0,)
    best = [_best(rows, sample.layout, settings, found, number) for number in numbers]
    return tuple(best[number % len(best)] for number in every)


def telling(label: Floats, found: Sequence[Fold]) -> tuple[Fold, ...]:
    """The folds that have somebody with the outcome both among those fitted on and among those tested on."""
    return tuple(fold for fold in found if label[fold.fitted].any() and label[fold.tested].any())


def _best(rows: Rows, place: Layout, settings: TreeSettings, found: Sequence[Fold], number: int) -> int:
    label = label_of(rows, number)
    usable = telling(label, found)
    if not usable:
        return min(PATIENCE, settings.count)
    return int(np.argmin(losses_by_tree(rows, place, settings, usable, number))) + 1


def losses_by_tree(
    rows: Rows, place: Layout, settings: TreeSettings, within: Sequence[Fold], number: int = 0
) -> Floats:
    """The mean weighted log loss over folds after every tree, of what the booster of a number learns.

    A fold ends when ``PATIENCE`` trees did not help.
    """
    found = [_losses(rows, place, settings, fold, number) for fold in within]
    shortest = min(map(len, found))
    return np.asarray(np.mean([one[:shortest] for one in found], axis=0))


def _losses(rows: Rows, place: Layout, settings: TreeSettings, fold: Fold, number: int) -> Floats:
    import lightgbm

    seen: dict[str, Any] = {}
    fitted, tested = rows.where(fold.fitted), rows.where(fold.tested)
    data = dataset(fitted, place, settings, label=label_of(fitted, number))
    lightgbm.train(
        {**parameters(fitted, place, settings), "metric": "binary_logloss", "seed": settings.seeds[number]},
        data,
        num_boost_round=settings.count,
        valid_sets=[dataset(tested, place, settings, label=label_of(tested, number), reference=data)],
        valid_names=["later"],
        callbacks=[lightgbm.record_evaluation(seen), lightgbm.early_stopping(PATIENCE, verbose=False)],
    )
    return np.array(seen["later"]["binary_logloss"])
