import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_scheme import KINDS, make_rows

from training import fit
from training.calibration import OWN, POOLED, Curve, read_curve, sigmoid
from training.errors import SchemeError

coefficient = st.floats(0, 5)


@given(a=coefficient, b=coefficient, c=st.floats(-5, 5), low=st.floats(-12, 12), step=st.floats(1e-4, 5))
def test_a_greater_margin_always_means_a_greater_probability(a, b, c, low, step):
    a, b = (a, max(b, 0.01)) if a < b else (max(a, 0.01), b)
    curve = Curve(a, b, c, OWN, 100)
    p = curve.probability(np.array([low, low + step]))
    assert 0 < p[0] <= 1
    assert curve.log_odds(np.array([low, low + step]))[0] < curve.log_odds(np.array([low, low + step]))[1]


def test_the_identity_curve_is_the_sigmoid():
    margins = np.linspace(-30, 30, 101)
    assert Curve(1.0, 1.0, 0.0, OWN, 1).probability(margins) == pytest.approx(sigmoid(margins), rel=1e-12)
    assert np.isfinite(sigmoid(np.array([-1000.0, 1000.0]))).all()


@pytest.mark.parametrize("bad", [(-0.1, 1, 0), (1, -0.1, 0), (0, 0, 0), (float("nan"), 1, 0), (1, 1, float("inf"))])
def test_a_curve_that_does_not_rise_is_refused(bad):
    with pytest.raises(SchemeError, match="greater margin means a greater probability"):
        Curve(*map(float, bad), OWN, 1)


def test_a_curve_reads_back_as_written():
    curve = Curve(0.5, 1.25, -3.0, POOLED, 12)
    assert read_curve(curve.written()) == curve


def rows_of(margins, odds, seed=0, kind=None):
    rng = np.random.default_rng(seed)
    label = (rng.random(len(margins)) < sigmoid(odds)).astype(float)
    kinds = np.zeros(len(margins), np.int8) if kind is None else kind
    return fit.Rows(np.zeros((len(margins), 0)), kinds, np.zeros((len(margins), 0)), label, np.ones(len(margins)))


def test_fitting_finds_the_curve_that_made_the_labels():
    margins = np.random.default_rng(1).normal(-1, 1.5, 60_000)
    truth = Curve(0.6, 1.4, -0.5, OWN, 0)
    found = fit.curves(margins, rows_of(margins, truth.log_odds(margins)), ("k",), min_positives=10)["k"]
    grid = np.linspace(-4, 3, 50)
    assert found.method == OWN
    assert found.probability(grid) == pytest.approx(truth.probability(grid), abs=0.02)


def test_a_negative_coefficient_is_dropped_and_the_other_fitted_again():
    margins = np.random.default_rng(1).normal(0, 2, 20_000)
    steep_below = np.where(margins < 0, 2.0 * margins, -0.4 * margins)
    found = fit.curves(margins, rows_of(margins, steep_below), ("k",), min_positives=10)["k"]
    assert found.b == 0.0
    assert found.a > 0


def test_a_falling_relation_is_refused():
    margins = np.random.default_rng(1).normal(0, 2, 5000)
    with pytest.raises(SchemeError, match="expected an increasing curve"):
        fit.curves(margins, rows_of(margins, -margins), ("k",), min_positives=10)


def test_a_kind_with_few_positives_takes_the_pooled_curve_at_its_own_rate():
    rng = np.random.default_rng(3)
    margins = rng.normal(-1, 1, 20_000)
    kind = np.where(rng.random(20_000) < 0.02, 1, 0).astype(np.int8)
    rows = rows_of(margins, margins - 0.8 * kind, kind=kind)
    found = fit.curves(margins, rows, ("many", "few"), min_positives=200)
    few = kind == 1
    assert (found["many"].method, found["few"].method) == (OWN, POOLED)
    assert found["few"].positives == rows.label[few].sum()
    assert found["few"].probability(margins[few]).sum() == pytest.approx(rows.label[few].sum(), rel=1e-6)


def test_a_kind_without_positives_or_without_rows_still_gets_a_curve():
    margins = np.random.default_rng(3).normal(-1, 1, 5000)
    kind = np.where(np.arange(5000) < 50, 1, 0).astype(np.int8)
    rows = rows_of(margins, margins, kind=kind)
    rows.label[:50] = 0.0
    found = fit.curves(margins, rows, ("many", "none", "nobody"), min_positives=50)
    assert found["none"].probability(margins[:50]).sum() == pytest.approx(0.5, rel=1e-6)
    assert found["nobody"].method == POOLED


def test_weights_count_as_rows(scheme):
    rows = make_rows(4000, seed=11)
    margins = scheme.margins(rows.values, rows.kind)
    twice = fit.Rows(*(np.concatenate([column, column[rows.weight > 1]]) for column in vars(rows).values()))
    twice.weight[:] = 1.0
    doubled = np.concatenate([margins, margins[rows.weight > 1]])
    weighted = fit.curves(margins, rows, KINDS, min_positives=10**9)["shop"]
    repeated = fit.curves(doubled, twice, KINDS, min_positives=10**9)["shop"]
    assert (weighted.a, weighted.b, weighted.c) == pytest.approx((repeated.a, repeated.b, repeated.c), abs=1e-4)
