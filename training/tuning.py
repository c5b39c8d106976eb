"""Which settings grow the best trees: tried on a later date and other entities, and kept, so that it can go on."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from training.errors import SchemeError
from training.fit import MOST_DEPTH, MOST_LEAVES, TreeSettings
from training.growing import folds_of, losses_by_tree, telling
from training.looking import Lesson

STUDY_FILE = "study.db"
STARTUP = 10  # trials drawn evenly before the search learns from them
SEED = 1
TUNED = ("count", "depth", "leaves", "min_rows", "feature_share", "l2")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Tuned:
    """The best settings found, their log loss on the later date of the folds, and every trial in order.

    ``before`` is the log loss of the settings the search began with, which are its first trial.
    """

    best: TreeSettings
    loss: float
    before: float
    trials: tuple[Mapping[str, Any], ...]

    def document(self) -> dict[str, Any]:
        """What was found as JSON."""
        best = {name: asdict(self.best)[name] for name in TUNED}
        return {"best": best, "log_loss": self.loss, "log_loss_before": self.before, "trials": list(self.trials)}


def tune(taught: Lesson, settings: TreeSettings, store: Path, *, gap_months: int, trials: int, say: Say) -> Tuned:
    """So many trials in all, the settings themselves first; those a former run finished are not repeated.

    ``store`` is a folder of the task's own. A search that was stopped goes on with the same command and ends as if it
    had not been: what a trial draws depends on its number and on the trials before it. SchemeError where history is
    too short for a fold.
    """
    import optuna

    optuna.logging.set_verbosity(logging.WARNING)
    within = telling(taught.rows.label, folds_of(taught, settings, gap_months=gap_months))
    if not within:
        raise SchemeError(
            f"The fit part has no date {gap_months} months before its last one in {settings.folds} folds, both with "
            "the outcome; expected one. Nothing was tuned; deliver earlier records, or set dates.fit and trees.folds "
            "in model.yaml."
        )
    store.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        storage=f"sqlite:///{store.absolute() / STUDY_FILE}", study_name="trees", load_if_exists=True
    )

    def loss_of(trial: Any) -> float:
        asked = settings if trial.number == first else _drawn(trial, settings)
        losses = losses_by_tree(taught.rows, taught.layout, asked, within)
        trial.set_user_attr("count", int(np.argmin(losses)) + 1)
        trial.set_user_attr("settings", {name: asdict(asked)[name] for name in TUNED if name != "count"})
        return float(losses.min())

    first = -1 if _finished(study) else len(study.trials)
    for number in range(len(_finished(study)), trials):
        study.sampler = optuna.samplers.TPESampler(seed=SEED + number, n_startup_trials=STARTUP)
        study.optimize(loss_of, n_trials=1)
        made = _finished(study)
        say(f"trial {number + 1} of {trials}: log loss {made[-1].value:.6f}, best {study.best_value:.6f}")
    return _tuned(study, settings)


def _drawn(trial: Any, settings: TreeSettings) -> TreeSettings:
    depth = trial.suggest_int("depth", 2, MOST_DEPTH)
    return replace(
        settings,
        depth=depth,
        leaves=min(2**depth, MOST_LEAVES),
        min_rows=trial.suggest_int("min_rows", 50, 2000, log=True),
        feature_share=trial.suggest_float("feature_share", 0.1, 0.6, step=0.05),
        l2=trial.suggest_float("l2", 0.1, 100.0, log=True),
    )


def _finished(study: Any) -> list[Any]:
    return [trial for trial in study.trials if trial.value is not None]


def _tuned(study: Any, settings: TreeSettings) -> Tuned:
    made = _finished(study)
    rows = tuple(
        {**one.user_attrs["settings"], "count": one.user_attrs["count"], "log_loss": one.value} for one in made
    )
    best = min(rows, key=lambda row: row["log_loss"])
    chosen = replace(settings, **{name: best[name] for name in TUNED})
    return Tuned(chosen, best["log_loss"], rows[0]["log_loss"], rows)
