"""The order of studies: what is missing stays missing, and nothing is made up for it."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy.special import expit, logit

from evaluation import assessment
from evaluation.assessment import Material, Rivals, assess, watched
from evaluation.backtest import Scored
from evaluation.checks import Coverage
from tests.evaluation import evidence as example

ON = date(2026, 1, 31)


def material(n=3000, seed=0):
    rng = np.random.default_rng(seed)
    probability = rng.beta(1, 12, size=n)
    scored = Scored(
        entity=np.arange(n),
        kind=rng.integers(2, size=n),
        outcome=rng.random(n) < probability,
        weight=np.ones(n),
        margin=logit(probability),
        probability=probability,
    )
    blurred = logit(probability) + rng.normal(size=n)
    return Material(
        scheme="5f" * 32,
        kinds=("enterprise", "cooperative"),
        scored=scored,
        open_cases=None,
        rivals=Rivals(baseline=("logistic", blurred), shuffled=[rng.normal(size=n) for _ in range(4)]),
        draws=None,
        origins=(),
        coverage=Coverage(10, 10, {}, 0),
        classes={"enterprise": example.shares()},
        sanity=None,
        stability=None,
    )


def judged(made):
    return assess(made, on=ON, rng=np.random.default_rng(1), replicates=50)


def test_a_true_probability_is_calibrated_better_than_its_rival_and_leaks_nothing():
    found = judged(material()).evidence
    assert found.baseline.interval[0] > 0
    assert found.leakage.interval[0] < 0.5 < found.leakage.interval[1]
    for kind in ("enterprise", "cooperative"):
        assert found.calibration[kind].o_e_interval[0] < 1 < found.calibration[kind].o_e_interval[1]
        assert found.calibration[kind].skill > 0


def test_the_watched_volumes_are_the_shares_of_c_and_d_over_all_kinds():
    classes = {
        "enterprise": example.shares(),
        "cooperative": example.shares(entities=0, counts=dict.fromkeys("ABCD", 0)),
    }
    assert watched(classes) == {"C+D": pytest.approx(0.12), "D": pytest.approx(0.041)}
    assert watched({}) == {}


def test_no_pairs_give_no_figures_and_no_promotion():
    empty = material().scored.where(np.zeros(3000, dtype=bool))
    found = judged(replace(material(), scored=empty, rivals=Rivals(baseline=("logistic", np.zeros(0)))))
    assert found.evidence.baseline is None
    assert found.evidence.leakage is None
    assert found.gains == ()
    assert found.verdict.verdict == "review"
    assert found.document()["calibration"]["enterprise"]["o_e"] is None


def test_pairs_of_one_outcome_alone_tell_nothing():
    scored = replace(material().scored, outcome=np.zeros(3000, dtype=bool), probability=np.full(3000, expit(-9)))
    found = judged(replace(material(), scored=scored))
    assert found.evidence.discrimination.auc is None
    assert found.evidence.baseline.interval is None
    assert found.evidence.leakage is None


def test_one_shuffle_is_no_spread():
    rivals = replace(material().rivals, shuffled=[np.zeros(3000)])
    assert judged(replace(material(), rivals=rivals)).evidence.leakage is None


def shuffled_alike(seed, told=0.0):
    """Leakage of eight models that agree on nothing but noise (and on the outcome, when some of it is told)."""
    rng = np.random.default_rng(seed)
    given = material(400, seed)
    shared = rng.normal(size=400) + told * given.scored.outcome
    rivals = replace(given.rivals, shuffled=[shared + rng.normal(scale=0.3, size=400) for _ in range(8)])
    return judged(replace(given, rivals=rivals)).evidence.leakage


def test_few_tested_entities_widen_the_interval_of_shuffled_labels():
    found = [shuffled_alike(seed) for seed in range(40)]
    assert sum(one.interval[0] <= 0.5 <= one.interval[1] for one in found) >= 34  # 38 expected, sd 1.4
    assert all(one.interval[1] - one.interval[0] > 0.1 for one in found)


def test_a_leak_is_found_among_few_entities():
    assert all(shuffled_alike(seed, told=2.0).interval[0] > 0.55 for seed in range(10))


def test_more_pairs_take_fewer_replicates(monkeypatch):
    monkeypatch.setattr(assessment, "DRAWN_ROWS", 3000 * 250)
    rng, same = np.random.default_rng(1), np.random.default_rng(1)
    fewer = assess(material(), on=ON, rng=rng)
    stated = assess(material(), on=ON, rng=same, replicates=250)
    assert fewer.document() == stated.document()
