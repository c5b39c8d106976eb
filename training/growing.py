"""How many trees: as many as help on a later date, and on entities that were not fitted on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.asof import months_before
from training.fit import Floats, Layout, Rows, TreeSettings, dataset, label_of, parameters
from training.looking import Lesson

PATIENCE = 60  # trees without help that end a fold; and as many are grown where no fold can tell

Mask = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Fold:
    """Rows to fit on and later rows of other entities to test on, as masks over the same rows."""

    fitted: Mask
    tested: Mask


def folds(days: Days, lot: Floats, *, gap_months: int, count: int) -> tuple[Fold, ...]:
    """So many folds over rows of several as-of dates: entities at the last date, and the others at earlier ones.

    An entity is in the fold its lot, in [0, 1), says, with all its dates. ``gap_months`` lie between the dates, the
    horizon, so that no outcome is on both sides. None where history is too short.
    """
    last = days.max()
    early = days <= np.datetime64(months_before(last.item(), gap_months))
    number = np.floor(lot * count)
    found = (Fold(early & (number != own), (days == last) & (number == own)) for own in range(count))
    return tuple(found) if early.any() else ()


def folds_of(taught: Lesson, settings: TreeSettings, *, gap_months: int) -> tuple[Fold, ...]:
    """The folds of what a model learns from, in the order of its rows."""
    days = taught.pairs["as_of"].to_numpy().astype("datetime64[D]")
    return folds(days, taught.pairs["lot"].to_numpy(), gap_months=gap_months, count=settings.folds)


def grown(taught: Lesson, settings: TreeSettings, *, gap_months: int) -> tuple[int, ...]:
    """How many trees every booster gets: the number that did best in the folds, of those there may be at most.

    All there may be, where the settings ask for no folds; ``PATIENCE``, where no fold has somebody with the outcome
    on both sides.
    """
    every = range(len(settings.seeds))
    if not settings.folds:
        return tuple(settings.count for _ in every)
    found, rows = folds_of(taught, settings, gap_months=gap_months), taught.rows
    numbers = (0, 1) if len(settings.seeds) > 1 and not np.array_equal(rows.label, rows.learned) else (0,)
    best = [_best(rows, taught.layout, settings, found, number) for number in numbers]
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
