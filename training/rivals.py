"""Other scores of the same rows, to compare the product's with: some know more, some less, some nobody tuned."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from training import fit
from training.retrain import drafted, linear
from training.task import Task

Floats = npt.NDArray[np.float64]

UNTUNED_SEED = 1


def rival_scores(task: Task, fitted_on: fit.Rows, seen: fit.Rows, place: fit.Layout) -> dict[str, Floats]:
    """Margins of the same rows by the product's way to score, and by others to compare it with.

    ``planned`` averages the control, ``group_known`` uses it, ``no_control`` never saw it, ``logistic`` is linear;
    ``lightgbm`` and ``forest`` are those libraries as they come. Where the profile assumes the dates of an item,
    ``planned_dated`` and ``logistic_dated`` do without it.
    """
    planned = drafted(task, fitted_on, place)
    blind = replace(place, controls=())
    without, unseen = (replace(rows, controls=rows.controls[:, :0]) for rows in (fitted_on, seen))
    dated = {}
    if assumed := {code for code, item in task.profile.items.items() if item.get("assumed")}:
        certain = fit.layout(task.definitions, task.outcome, without=assumed)
        dated = {
            "planned_dated": drafted(task, fitted_on, certain).margins(seen.values, seen.kind),
            "logistic_dated": linear(task, fitted_on, certain).margins(seen.values, seen.kind),
        }
    design, asked = fit.design(without, blind), fit.design(unseen, blind)
    return {
        "planned": planned.margins(seen.values, seen.kind),
        "group_known": planned.margins(seen.values, seen.kind, seen.controls),
        "no_control": drafted(task, without, blind).margins(seen.values, seen.kind),
        "logistic": linear(task, fitted_on, place).margins(seen.values, seen.kind),
        "lightgbm": _lightgbm(design, fitted_on, asked),
        "forest": _forest(design, fitted_on, asked),
        **dated,
    }


def _lightgbm(design: Floats, rows: fit.Rows, asked: Floats) -> Floats:
    """LightGBM with its own settings: 100 trees of 31 leaves, no signs, no controls."""
    import lightgbm

    settings = {"objective": "binary", "seed": UNTUNED_SEED, "deterministic": True, "force_col_wise": True}
    data = lightgbm.Dataset(design, rows.label, weight=rows.weight, params={"verbose": -1})
    model = lightgbm.train({**settings, "verbose": -1, "num_threads": 1}, data)
    return np.asarray(model.predict(asked, raw_score=True, num_threads=1))


def _forest(design: Floats, rows: fit.Rows, asked: Floats) -> Floats:
    """scikit-learn's random forest with its own settings: 100 trees grown out."""
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(random_state=UNTUNED_SEED).fit(design, rows.label, sample_weight=rows.weight)
    return np.asarray(model.predict_proba(asked)[:, 1])
