import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.cutoffs import Cutoffs, RiskClass, Shares, choose, class_shares
from training.errors import SchemeError

WANTED = Shares.read(
    {
        "shares": {"A": 0.6, "B": 0.28, "C": 0.08, "D": 0.04},
        "guard": {"A": [0.5, 0.7], "C": [0.05, 0.12], "D": [0.02, 0.06]},
    }
)
NOBODY = np.zeros(5000, np.int8)


def probabilities(count=5000, seed=0):
    return np.random.default_rng(seed).beta(1, 20, count)


def test_riskier_is_greater():
    assert RiskClass.A < RiskClass.B < RiskClass.C < RiskClass.D


def test_cutoffs_meet_the_target_shares():
    found = choose(probabilities(), NOBODY, WANTED)
    assert found.shares == pytest.approx({"A": 0.6, "B": 0.28, "C": 0.08, "D": 0.04}, abs=1e-3)
    assert found.review == ()


def test_shares_are_met_after_rules():
    p = probabilities()
    ruled = np.where(np.random.default_rng(1).random(5000) < 0.03, 3, 0).astype(np.int8)
    found = choose(p, ruled, WANTED)
    final = np.maximum(found.cutoffs.classes(p), ruled)
    assert class_shares(final) == pytest.approx(WANTED.target, abs=1e-3)
    assert found.cutoffs.d > choose(p, NOBODY, WANTED).cutoffs.d


def test_rules_that_fill_a_class_leave_no_room_and_ask_for_review():
    p = probabilities()
    ruled = np.where(np.arange(5000) % 10 == 0, 3, 0).astype(np.int8)
    found = choose(p, ruled, WANTED)
    assert found.cutoffs.d > p.max()
    assert found.shares["D"] == pytest.approx(0.1)
    assert found.review == ("C", "D")


def test_many_equal_probabilities_are_never_split():
    p = np.repeat([0.01, 0.02, 0.05, 0.2], [3000, 1400, 400, 200])
    found = choose(p, NOBODY, WANTED)
    assert [len(set(found.cutoffs.classes(p[p == value]))) for value in np.unique(p)] == [1, 1, 1, 1]
    assert found.shares == {"A": 0.6, "B": 0.28, "C": 0.08, "D": 0.04}


def test_a_class_too_small_for_equal_probabilities_stays_empty():
    found = choose(np.full(100, 0.1), np.zeros(100, np.int8), WANTED)
    assert found.shares["D"] == found.shares["C"] == 0.0
    assert found.cutoffs.d > 0.1


def test_cutoffs_lie_between_values_that_occur():
    p = probabilities()
    found = choose(p, NOBODY, WANTED)
    assert not np.isin(found.cutoffs.bounds, p).any()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 60), ruled=st.floats(0, 1))
def test_cutoffs_are_ordered_and_shares_add_up(seed, count, ruled):
    rng = np.random.default_rng(seed)
    p = np.clip(rng.beta(0.5, 5, count).round(2), 0.01, 0.99)
    demanded = (rng.integers(0, 4, count) * (rng.random(count) < ruled)).astype(np.int8)
    found = choose(p, demanded, WANTED)
    assert 0 < found.cutoffs.b <= found.cutoffs.c <= found.cutoffs.d
    assert sum(found.shares.values()) == pytest.approx(1)


def test_a_probability_at_a_cutoff_belongs_to_the_riskier_class():
    assert Cutoffs(0.1, 0.2, 0.3).classes(np.array([0.0999, 0.1, 0.2, 0.3, 1.0])).tolist() == [0, 1, 2, 3, 3]


def test_what_contradicts_itself_is_refused():
    with pytest.raises(SchemeError, match="expected 0 < B <= C <= D"):
        Cutoffs(0.2, 0.1, 0.3)
    with pytest.raises(SchemeError, match="add up to 1"):
        Shares.read({"shares": {"A": 0.6, "B": 0.28, "C": 0.08, "D": 0.05}, "guard": {}})
    with pytest.raises(SchemeError, match="without entities"):
        choose(np.zeros(0), np.zeros(0, np.int8), WANTED)
