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


QUARTERS = Shares({"A": 0.25, "B": 0.25, "C": 0.25, "D": 0.25}, {})
FOUR = np.array([0.1, 0.2, 0.3, 0.4])


def test_a_cutoff_lies_in_the_middle_of_two_values_that_occur():
    found = choose(FOUR, np.zeros(4, np.int8), QUARTERS).cutoffs
    assert found.bounds.tolist() == pytest.approx([0.15, 0.25, 0.35])


def test_where_everybody_belongs_to_a_class_its_cutoff_is_half_of_the_least_value():
    all_b = Shares({"A": 0.0, "B": 1.0, "C": 0.0, "D": 0.0}, {})
    found = choose(FOUR, np.zeros(4, np.int8), all_b)
    assert found.cutoffs.b == pytest.approx(0.05)
    assert found.shares == {"A": 0.0, "B": 1.0, "C": 0.0, "D": 0.0}


def test_whom_rules_put_into_a_class_takes_a_place_of_its_share_and_is_not_counted_again():
    ruled = np.array([3, 0, 0, 0], np.int8)  # the least probability of all, put into D
    found = choose(FOUR, ruled, QUARTERS)
    assert found.cutoffs.d == pytest.approx((0.4 + 1) / 2)  # D is full
    assert found.shares == {"A": 0.25, "B": 0.25, "C": 0.25, "D": 0.25}
    assert found.cutoffs.c == pytest.approx(0.35)


def test_one_place_is_given_to_one_and_none_to_many_of_equal_probability():
    equal = np.array([0.1, 0.1, 0.1, 0.2, 0.2])
    one = Shares({"A": 0.8, "B": 0.0, "C": 0.0, "D": 0.2}, {})
    assert choose(equal, np.zeros(5, np.int8), one).shares["D"] == 0.4  # two for one is no worse than none for one
    three_for_one = choose(np.array([0.1, 0.2, 0.2, 0.2, 0.05]), np.zeros(5, np.int8), one)
    assert three_for_one.shares["D"] == 0.0


def test_nobody_to_choose_on_is_refused_in_words():
    with pytest.raises(SchemeError, match=r"^Cutoffs were asked for a kind without entities on the reference month"):
        choose(np.empty(0), np.empty(0, np.int8), WANTED)


def test_shares_are_read_with_their_bands():
    assert WANTED.target == {"A": 0.6, "B": 0.28, "C": 0.08, "D": 0.04}
    assert WANTED.guard == {"A": (0.5, 0.7), "C": (0.05, 0.12), "D": (0.02, 0.06)}
    for shares in ({"A": 0.6, "B": 0.28, "C": 0.08, "D": 0.05}, {"A": 1.2, "B": -0.2, "C": 0.0, "D": 0.0}):
        with pytest.raises(SchemeError, match="expected four shares that add up to 1"):
            Shares.read({"shares": shares, "guard": {}})
