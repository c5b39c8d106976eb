"""Who has not the outcome may be thinned: weighed by the inverse of their chance, the rest stand for them all.

Two hundred thousand entities on two dates: what chance alone does to a weighted sum of so many is below 1 %.
"""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from small_scheme import DEFINITIONS, KINDS, OUTCOME

from evaluation.metrics import observed_expected
from training import cohort, fit
from training.boosters import booster, mean_margin
from training.calibration import Seen, curves

COUNT = 200_000
RATE = 0.05
ALLOWED = 0.03
NOBODY = pa.array([], pa.int32())
DATES = {
    "fit": (date(2021, 6, 30),),
    "calibration": (date(2022, 6, 30), date(2022, 9, 30)),
    "test": (date(2023, 12, 31), date(2024, 3, 31)),
}
SETTINGS = fit.TreeSettings(
    count=20, seeds=(1,), learning_rate=0.25, depth=3, leaves=8, min_rows=50, feature_share=1.0, row_share=1.0, l2=1.0,
    monotone_method="basic",
)  # fmt: skip
LAYOUT = fit.layout(DEFINITIONS, OUTCOME)


def paired(entities, outcome, as_of, rate):
    """Pairs of a date as training makes them: entity and s."""
    kept = pa.array(np.flatnonzero(outcome), pa.int32())
    return cohort.detected(entities, as_of=as_of, kept=kept, open_cases=NOBODY, rate=rate, seed="sampling")


class Part:
    """Everybody on the dates of a part: rows by date, and the same drawn at a rate."""

    def __init__(self, entities, rng, dates):
        self.dates = [(as_of, *lived(rng)) for as_of in dates]
        self._entities = entities

    def rows(self, rate=1.0):
        """The rows of pairs at a rate, weighed 1/s, and whose they are."""
        found, whose = [], []
        for as_of, values, outcome in self.dates:
            pairs = paired(self._entities, outcome, as_of, rate)
            entity = pairs["entity"].to_numpy()
            label = outcome[entity].astype(float)
            found.append((values[entity], label, 1.0 / pairs["s"].to_numpy()))
            whose.append(entity.astype(np.int64))
        values, label, weight = (np.concatenate(column) for column in zip(*found, strict=True))
        controls, kind = values[:, LAYOUT.columns.index("visits")][:, None], np.zeros(len(label), np.int8)
        return fit.Rows(values, kind, controls, label, label, label, weight), np.concatenate(whose)


def lived(rng):
    """What is seen of everybody at a date, and who has the outcome within the year after: about one in forty."""
    values = np.zeros((COUNT, len(LAYOUT.columns)))
    values[:, 0] = rng.poisson(0.5, COUNT)
    values[:, 3] = rng.integers(0, 240, COUNT)
    values[:, 4] = rng.normal(3, 1, COUNT).round(1)
    odds = 0.5 * values[:, 0] - 0.004 * values[:, 3] + 0.2 * (values[:, 4] - 3) ** 2 - 3.9
    return values, rng.random(COUNT) < 1 / (1 + np.exp(-odds))


@pytest.fixture(scope="module")
def parts():
    rng = np.random.default_rng(21)
    entities = pa.table({"entity": pa.array(range(COUNT), pa.int32()), "code": [f"E{n}" for n in range(COUNT)]})
    return {name: Part(entities, rng, dates) for name, dates in DATES.items()}


@pytest.fixture(scope="module")
def tested(parts):
    return parts["test"].rows()


def unweighted(rows):
    return fit.Rows(**{**vars(rows), "weight": np.ones(len(rows.label))})


def margins(models, rows):
    return mean_margin([booster(text) for text in models], fit.design(rows, LAYOUT))


def trained(parts, rate, *, weigh=lambda rows: rows):
    """Models fitted and curves calibrated on pairs at a rate, as one function of rows to probabilities."""
    models = fit.boosters(weigh(parts["fit"].rows(rate)[0]), LAYOUT, SETTINGS)
    later = weigh(parts["calibration"].rows(rate)[0])
    seen = Seen(margins(models, later), later.kind, later.label, later.weight)
    curve = curves(seen, KINDS[:1], min_positives=100)[KINDS[0]]
    return lambda rows: curve.probability(margins(models, rows))


@pytest.fixture(scope="module")
def on_everything(parts):
    return trained(parts, 1.0)


@pytest.fixture(scope="module")
def whole(on_everything, tested):
    return o_e(on_everything(tested[0]), *tested)


def o_e(probability, rows, entities):
    found, _ = observed_expected(probability, rows.label > 0, weights=rows.weight, entities=entities)
    return found


def test_thinned_pairs_give_a_scheme_the_same_observed_over_expected(parts, tested, on_everything, whole):
    rows, entities = parts["test"].rows(RATE)
    assert len(rows.label) < 0.1 * len(tested[0].label)
    assert rows.label.sum() == tested[0].label.sum()
    probability = on_everything(rows)
    assert o_e(probability, rows, entities) / whole == pytest.approx(1.0, abs=ALLOWED)
    assert o_e(probability, unweighted(rows), entities) / whole > 1 + 10 * ALLOWED


def test_a_scheme_of_thinned_pairs_foresees_as_many_as_one_of_all(parts, tested, whole):
    thinned = o_e(trained(parts, RATE)(tested[0]), *tested)
    assert whole == pytest.approx(1.0, abs=0.1)
    assert thinned / whole == pytest.approx(1.0, abs=ALLOWED)


def test_without_weights_a_scheme_of_thinned_pairs_foresees_far_too_many(parts, tested, whole):
    assert o_e(trained(parts, RATE, weigh=unweighted)(tested[0]), *tested) / whole < 1 - 10 * ALLOWED
