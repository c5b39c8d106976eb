"""Metrics: equal to scikit-learn where it has them, equal to the plain loop where it has not, and covering."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from evaluation import metrics


def rows(seed: int, n: int = 400, entities: int = 150):
    rng = np.random.default_rng(seed)
    margin = np.round(rng.normal(size=n), 1)
    outcome = rng.random(n) < expit(margin - 1)
    return rng, margin, outcome, rng.integers(entities, size=n)


@pytest.mark.parametrize("seed", range(5))
def test_auc_under_integer_weights_is_scikit_learns(seed):
    rng, margin, outcome, _ = rows(seed)
    weights = rng.integers(0, 4, size=(3, 400)).astype(float)
    expected = [roc_auc_score(outcome, margin, sample_weight=row) for row in weights]
    assert metrics.auc(metrics.rank(margin, outcome), weights) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_is_scikit_learns(seed):
    rng, margin, outcome, _ = rows(seed)
    weights = rng.random((2, 400))
    expected = [average_precision_score(outcome, margin, sample_weight=row) for row in weights]
    assert metrics.average_precision(metrics.rank(margin, outcome), weights) == pytest.approx(expected, abs=1e-12)


def test_auc_within_group_counts_each_pair_of_one_group_once_and_leaves_unknown_groups_out():
    _, margin, outcome, _ = rows(1, n=120)
    group = np.arange(120) % 4 - 1
    right = pairs = 0.0
    for a in np.flatnonzero(outcome & (group >= 0)):
        for b in np.flatnonzero(~outcome & (group == group[a])):
            pairs += 1
            right += (margin[a] > margin[b]) + (margin[a] == margin[b]) / 2
    found = metrics.auc(metrics.rank(margin, outcome, stratum=group), np.ones(120))
    assert found[0] == pytest.approx(right / pairs, abs=1e-12)


def test_auc_is_nan_without_a_pair():
    outcome = np.array([True, True])
    margin = np.array([0.1, 0.2])
    assert np.isnan(metrics.auc(metrics.rank(margin, outcome), np.ones(2))).all()
    everyone_unknown = metrics.rank(margin, np.array([True, False]), stratum=np.array([-1, -1]))
    assert np.isnan(metrics.auc(everyone_unknown, np.ones((3, 2)))).all()


def test_capture_takes_the_riskiest_and_splits_equal_margins_at_the_edge():
    margin = np.array([3.0, 2.0, 2.0, 1.0])
    outcome = np.array([True, True, False, False])
    ranking = metrics.rank(margin, outcome)
    assert metrics.capture(ranking, np.ones(4), volume=0.25)[0] == pytest.approx(0.5)
    assert metrics.capture(ranking, np.ones(4), volume=0.5)[0] == pytest.approx(0.75)
    assert metrics.lift(ranking, np.ones(4), volume=0.5)[0] == pytest.approx(1.5)


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_an_integer_weight_is_a_repeated_row(seed):
    rng, margin, outcome, _ = rows(seed, n=60)
    times = rng.integers(1, 4, size=60)
    once = metrics.rank(margin, outcome)
    repeated = metrics.rank(np.repeat(margin, times), np.repeat(outcome, times))
    for figure in (metrics.auc, metrics.average_precision):
        heavy, many = figure(once, times.astype(float)), figure(repeated, np.ones(times.sum()))
        assert heavy == pytest.approx(many, abs=1e-12, nan_ok=True)


def test_the_bootstrap_is_the_loop_over_drawn_entities():
    _, margin, outcome, entities = rows(2)
    ranking = metrics.rank(margin, outcome)
    fast = metrics.bootstrap(
        lambda weights: metrics.auc(ranking, weights), entities, np.random.default_rng(7), replicates=200
    )
    rng, values = np.random.default_rng(7), []
    names = np.unique(entities)
    for drawn in rng.integers(len(names), size=(200, len(names))):
        taken = np.concatenate([np.flatnonzero(entities == names[number]) for number in drawn])
        values.append(roc_auc_score(outcome[taken], margin[taken]))
    assert fast[0] == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])), abs=1e-12)


def test_chunks_do_not_change_the_bootstrap(monkeypatch):
    entities = np.arange(50) // 2
    whole = np.concatenate(list(metrics.resample(entities, np.random.default_rng(3), replicates=20)))
    monkeypatch.setattr(metrics, "CELLS_AT_ONCE", 150)
    pieces = np.concatenate(list(metrics.resample(entities, np.random.default_rng(3), replicates=20)))
    assert np.array_equal(whole, pieces)
    assert (whole[:, ::2] == whole[:, 1::2]).all(), "rows of one entity are drawn together"


def test_a_paired_difference_of_one_score_with_itself_has_no_width():
    _, margin, outcome, entities = rows(4)
    ranking = metrics.rank(margin, outcome)

    def both(weights):
        value = metrics.auc(ranking, weights)
        return np.column_stack([value, value - value])

    level, difference = metrics.bootstrap(both, entities, np.random.default_rng(0), replicates=100)
    assert level[0] < level[1]
    assert difference == (0.0, 0.0)


def test_the_auc_interval_covers_the_truth():
    truth = 0.76025  # P(N(1,1) > N(0,1))
    hits = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        outcome = np.repeat([True, False], [60, 300])
        ranking = metrics.rank(rng.normal(size=360) + outcome, outcome)
        (interval,) = metrics.bootstrap(
            lambda weights, ranking=ranking: metrics.auc(ranking, weights), np.arange(360), rng, replicates=200
        )
        hits += interval[0] <= truth <= interval[1]
    assert 52 <= hits <= 60


def test_a_statistic_that_never_has_a_value_has_no_interval():
    assert metrics.percentile_interval(np.array([np.nan, np.nan])) is None


def test_wilsons_interval_covers_over_rates_from_rare_to_common():
    rng = np.random.default_rng(5)
    rates = rng.uniform(0.005, 0.4, size=3000)
    intervals = [metrics.wilson(rng.binomial(400, rate) / 400, 400) for rate in rates]
    hits = [low <= rate <= high for rate, (low, high) in zip(rates, intervals, strict=True)]
    assert 0.94 <= np.mean(hits) <= 0.97
    assert metrics.wilson(0.0, 50)[0] == 0.0
    assert metrics.wilson(1.0, 50)[1] == 1.0


@pytest.mark.parametrize("dates", [1, 3])
def test_the_observed_expected_interval_covers_one_also_when_an_entity_comes_several_times(dates):
    hits, rng = 0, np.random.default_rng(11)
    for _ in range(400):
        probability = np.repeat(rng.beta(1, 60, size=600), dates)
        outcome = np.repeat(rng.random(600) < probability[::dates], dates)
        entities = np.repeat(np.arange(600), dates)
        weights = np.repeat(rng.choice([1.0, 2.0], size=600), dates)
        _, interval = metrics.observed_expected(probability, outcome, weights=weights, entities=entities)
        hits += interval[0] <= 1 <= interval[1]
    assert 0.93 <= hits / 400 <= 1.0


def test_observed_expected_without_a_positive_is_nought_with_an_upper_bound():
    ratio, interval = metrics.observed_expected(
        np.full(100, 0.01), np.zeros(100, bool), weights=np.ones(100), entities=np.arange(100)
    )
    assert ratio == 0
    assert interval == pytest.approx((0.0, 3.6889), abs=1e-4)


def test_observed_expected_of_nothing_expected_is_undefined():
    nothing = {"weights": np.ones(3), "entities": np.arange(3)}
    assert metrics.observed_expected(np.zeros(3), np.zeros(3, bool), **nothing) == (None, None)


def test_the_slope_is_scikit_learns_and_its_interval_covers_one_with_repeated_entities():
    hits, rng = 0, np.random.default_rng(13)
    for _ in range(100):
        probability = np.repeat(expit(rng.normal(-1, 1, size=300)), 2)
        outcome = np.repeat(rng.random(300) < probability[::2], 2)
        entities = np.repeat(np.arange(300), 2)
        slope, interval = metrics.calibration_slope(probability, outcome, weights=np.ones(600), entities=entities)
        hits += interval[0] <= 1 <= interval[1]
    assert 90 <= hits <= 99
    model = LogisticRegression(C=np.inf, tol=1e-10).fit(logit(probability)[:, None], outcome)
    assert slope == pytest.approx(model.coef_[0, 0], abs=1e-5)


def test_an_overconfident_probability_has_a_slope_below_one():
    rng = np.random.default_rng(17)
    margin = rng.normal(size=4000)
    outcome = rng.random(4000) < expit(margin)
    slope, interval = metrics.calibration_slope(
        expit(2 * margin), outcome, weights=np.ones(4000), entities=np.arange(4000)
    )
    assert slope == pytest.approx(0.5, abs=0.05)
    assert interval[1] < 1


def test_a_slope_needs_two_outcomes_and_two_probabilities():
    alike = {"weights": np.ones(4), "entities": np.arange(4)}
    flags = np.array([True, False, True, False])
    assert metrics.calibration_slope(np.full(4, 0.3), flags, **alike) == (None, None)
    assert metrics.calibration_slope(np.linspace(0.1, 0.4, 4), np.zeros(4, bool), **alike) == (None, None)


def test_the_rate_itself_has_no_skill_and_the_truth_has_some():
    rng = np.random.default_rng(19)
    truth = rng.beta(1, 9, size=3000)
    outcome = rng.random(3000) < truth
    weights = rng.random(3000)
    rate = np.full(3000, np.average(outcome, weights=weights))
    alike = {"weights": weights, "entities": np.arange(3000)}
    assert metrics.log_loss_skill(rate, outcome, **alike)[0] == pytest.approx(0.0, abs=1e-12)
    skill, interval = metrics.log_loss_skill(truth, outcome, **alike)
    losses = [log_loss(outcome, p, sample_weight=weights) for p in (truth, rate)]
    assert skill == pytest.approx(1 - losses[0] / losses[1], rel=1e-12)
    assert 0 < interval[0] < skill < interval[1]
    assert metrics.log_loss_skill(truth, np.zeros(3000, bool), **alike) == (None, None)


def test_the_skill_interval_covers_what_many_samples_say_also_when_entities_come_twice():
    found = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        truth = np.repeat(rng.beta(1, 9, size=600), 2)
        outcome = np.repeat(rng.random(600) < truth[::2], 2)
        alike = {"weights": np.ones(1200), "entities": np.arange(1200) // 2}
        found.append(metrics.log_loss_skill(truth, outcome, **alike))
    middle = np.mean([skill for skill, _ in found])
    assert 0.90 <= np.mean([low <= middle <= high for _, (low, high) in found]) <= 0.99


def test_a_proportion_covers_what_many_samples_say_also_when_entities_come_often():
    """Entities with one to six rows of their own rate: an interval of rows as independent covers far less."""
    covered, of_rows = [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        own, times = rng.beta(1, 4, size=300), rng.integers(1, 7, size=300)
        entities, weights = np.repeat(np.arange(300), times), rng.choice([1.0, 2.0], size=times.sum())
        found = metrics.proportion(rng.random(times.sum()) < own[entities], weights=weights, entities=entities)
        covered.append(found.interval[0] <= 0.2 <= found.interval[1])
        low, high = metrics.wilson(found.share, metrics.effective_n(weights))
        of_rows.append(low <= 0.2 <= high)
    assert 0.92 <= np.mean(covered) <= 0.98
    assert np.mean(of_rows) < 0.9


@pytest.mark.parametrize(("flags", "share"), [([True] * 6, 1.0), ([False] * 6, 0.0), ([True, False] * 3, 0.5)])
def test_one_entity_is_one_witness_however_many_rows_it_has(flags, share):
    found = metrics.proportion(np.array(flags), weights=np.full(6, 0.1), entities=np.zeros(6, np.int64))
    assert found.share == pytest.approx(share)
    assert found.effective_n == pytest.approx(1.0)
    assert found.interval == pytest.approx(metrics.wilson(share, 1.0))


def test_the_interval_of_a_reliability_bin_takes_the_rows_of_an_entity_together():
    rng = np.random.default_rng(29)
    probability = np.round(rng.beta(1, 9, size=2000), 3)
    outcome, twice = rng.random(2000) < probability, np.repeat(np.arange(2000), 2)
    once = metrics.reliability(probability, outcome, weights=np.ones(2000), entities=np.arange(2000))
    both = metrics.reliability(probability[twice], outcome[twice], weights=np.ones(4000), entities=twice)
    assert len(once) == 10
    assert once[4].rate == pytest.approx(both[4].rate)
    assert once[4].interval == pytest.approx(both[4].interval)


def test_reliability_bins_hold_equally_many_positives_and_keep_equal_probabilities_together():
    rng = np.random.default_rng(23)
    probability = np.round(rng.beta(1, 20, size=5000), 3)
    outcome = rng.random(5000) < probability
    bins = metrics.reliability(probability, outcome, weights=np.ones(5000), entities=np.arange(5000))
    assert sum(part.rows for part in bins) == 5000
    assert sum(part.positives for part in bins) == outcome.sum()
    assert max(part.positives for part in bins) <= 1.6 * outcome.sum() / len(bins)
    assert [part.mean_probability for part in bins] == sorted(part.mean_probability for part in bins)


def test_relative_ece_is_the_distance_in_base_rates():
    outcome = np.array([True] * 10 + [False] * 90)
    bins = metrics.reliability(np.full(100, 0.15), outcome, weights=np.ones(100), entities=np.arange(100))
    assert metrics.relative_ece(bins) == pytest.approx(0.5)
    none = metrics.reliability(np.full(5, 0.1), np.zeros(5, bool), weights=np.ones(5), entities=np.arange(5))
    assert metrics.relative_ece(none) is None


def test_calibration_gathers_every_figure_and_survives_an_empty_kind():
    _, margin, outcome, entities = rows(6)
    found = metrics.calibration(expit(margin - 1), outcome, weights=np.ones(400), entities=entities)
    assert found.n_pos == outcome.sum()
    assert found.o_e_interval[0] < found.o_e < found.o_e_interval[1]
    empty = np.zeros(0)
    nobody = metrics.calibration(empty, empty.astype(bool), weights=empty, entities=empty.astype(int))
    assert nobody.n == 0
    assert nobody.o_e is None
