import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_scheme import KINDS, make_rows

from training.calibration import IDENTITY, LEAST_SLOPE, OWN, POOLED, Curve, Seen, curves, read_curve, sigmoid
from training.errors import SchemeError

slope = st.floats(LEAST_SLOPE, 5)


@given(
    slopes=st.lists(slope, min_size=1, max_size=6),
    knots=st.lists(st.integers(-50, 50), min_size=5, max_size=5, unique=True),
    low=st.floats(-12, 12),
    step=st.floats(1e-4, 5),
)
def test_a_greater_margin_always_means_a_greater_probability(slopes, knots, low, step):
    places = tuple(sorted(knot / 10 for knot in knots[: len(slopes) - 1]))
    curve = Curve(-2.0, tuple(slopes), places, OWN, 100)
    pair = np.array([low, low + step])
    assert 0 < curve.probability(pair)[0] <= 1
    assert curve.log_odds(pair)[0] < curve.log_odds(pair)[1]


def test_the_identity_curve_is_the_sigmoid():
    margins = np.linspace(-30, 30, 101)
    assert IDENTITY.probability(margins) == pytest.approx(sigmoid(margins), rel=1e-12)
    assert np.isfinite(sigmoid(np.array([-1000.0, 1000.0]))).all()


def test_between_two_knots_the_curve_is_the_line_through_both():
    curve = Curve(1.0, (2.0, 0.5, 3.0), (-1.0, 1.0), OWN, 9)
    assert curve.log_odds(np.array([-2.0, -1.0, 0.0, 1.0, 2.0])).tolist() == [-3.0, -1.0, -0.5, 0.0, 3.0]


@pytest.mark.parametrize("bad", [(0.0, (0.0,), ()), (0.0, (-0.1, 1.0), (0.0,))])
def test_a_curve_that_does_not_rise_is_refused(bad):
    with pytest.raises(SchemeError, match="greater margin means a greater probability"):
        Curve(*bad, OWN, 1)


@pytest.mark.parametrize(
    "bad",
    [
        (0.0, (1.0,), (0.0,)),
        (0.0, (1.0, 1.0, 1.0), (1.0, 1.0)),
        (float("nan"), (1.0,), ()),
        (0.0, (1.0, 1.0), (float("inf"),)),
    ],
)
def test_a_curve_whose_parts_do_not_fit_is_refused(bad):
    with pytest.raises(SchemeError, match="ascending knots and one slope more"):
        Curve(*bad, OWN, 1)


def test_a_curve_reads_back_as_written():
    curve = Curve(-3.0, (0.5, 1.25), (0.75,), POOLED, 12)
    assert read_curve(curve.written()) == curve


def seen_of(margins, odds, seed=0, kind=None):
    rng = np.random.default_rng(seed)
    label = (rng.random(len(margins)) < sigmoid(odds)).astype(float)
    kinds = np.zeros(len(margins), np.int8) if kind is None else kind
    return Seen(margins, kinds, label, np.ones(len(margins)))


def test_fitting_finds_the_curve_that_made_the_labels():
    margins = np.random.default_rng(1).normal(-1, 1.5, 60_000)
    truth = Curve(-0.5, (0.6, 1.4), (-0.5,), OWN, 0)
    found = curves(seen_of(margins, truth.log_odds(margins)), ("k",), min_positives=10)["k"]
    grid = np.linspace(-4, 3, 50)
    assert found.method == OWN
    assert found.probability(grid) == pytest.approx(truth.probability(grid), abs=0.03)


def test_expected_positives_equal_those_observed_below_and_above_every_knot():
    margins = np.random.default_rng(1).normal(-3, 1.5, 60_000)
    seen = seen_of(margins, -3.0 + 1.5 * np.tanh(margins + 3.0))  # steep in the middle, flat at both ends
    found = curves(seen, ("k",), min_positives=10)["k"]
    assert len(found.slopes) > 3
    chance = found.probability(margins)
    for knot in found.knots:
        moment = np.maximum(margins - knot, 0.0)
        assert (moment * chance).sum() == pytest.approx((moment * seen.label).sum(), rel=1e-6)
    assert chance.sum() == pytest.approx(seen.label.sum(), rel=1e-9)


def test_no_other_rising_curve_on_the_same_knots_is_likelier():
    rng = np.random.default_rng(4)
    margins = rng.normal(-2, 1.5, 20_000)
    seen = seen_of(margins, np.where(margins < -2, -3.0 - 0.8 * (margins + 2), -3.0 + margins + 2))  # falls first
    found = curves(seen, ("k",), min_positives=10)["k"]
    assert min(found.slopes) == LEAST_SLOPE

    def loss(curve):
        p = curve.probability(margins)
        return -np.where(seen.label > 0, np.log(p), np.log1p(-p)).sum()

    for _ in range(200):
        slopes = np.maximum(np.array(found.slopes) + rng.normal(0, 0.02, len(found.slopes)), LEAST_SLOPE)
        other = Curve(found.intercept + rng.normal(0, 0.02), tuple(slopes), found.knots, OWN, 1)
        assert loss(other) >= loss(found) - 1e-6


def test_few_positives_give_a_straight_line():
    margins = np.random.default_rng(1).normal(-3, 1, 3000)
    found = curves(seen_of(margins, margins), ("k",), min_positives=10)["k"]
    assert (len(found.slopes), found.knots) == (1, ())


def test_a_falling_relation_is_refused():
    margins = np.random.default_rng(1).normal(0, 2, 5000)
    with pytest.raises(SchemeError, match="expected an increasing curve"):
        curves(seen_of(margins, -margins), ("k",), min_positives=10)


def test_margins_that_are_all_the_same_are_refused():
    with pytest.raises(SchemeError, match="expected an increasing curve"):
        curves(seen_of(np.full(500, -1.0), np.full(500, -1.0)), ("k",), min_positives=10)


def test_a_kind_with_few_positives_takes_the_pooled_curve_at_its_own_rate():
    rng = np.random.default_rng(3)
    margins = rng.normal(-1, 1, 20_000)
    kind = np.where(rng.random(20_000) < 0.02, 1, 0).astype(np.int8)
    seen = seen_of(margins, margins - 0.8 * kind, kind=kind)
    found = curves(seen, ("many", "few"), min_positives=200)
    few = kind == 1
    assert (found["many"].method, found["few"].method) == (OWN, POOLED)
    assert found["few"].positives == seen.label[few].sum()
    assert found["few"].probability(margins[few]).sum() == pytest.approx(seen.label[few].sum(), rel=1e-6)


def test_a_kind_without_positives_or_without_rows_still_gets_a_curve():
    margins = np.random.default_rng(3).normal(-1, 1, 5000)
    kind = np.where(np.arange(5000) < 50, 1, 0).astype(np.int8)
    seen = seen_of(margins, margins, kind=kind)
    seen.label[:50] = 0.0
    found = curves(seen, ("many", "none", "nobody"), min_positives=50)
    assert found["none"].probability(margins[:50]).sum() == pytest.approx(0.5, rel=1e-6)
    assert found["nobody"].method == POOLED


def test_weights_count_as_rows(scheme):
    rows = make_rows(4000, seed=11)
    margins = scheme.margins(rows.values, rows.kind)
    once = Seen(margins, rows.kind, rows.label, rows.weight)
    again = once.where(rows.weight > 1)
    twice = Seen(*(np.concatenate(pair) for pair in zip(vars(once).values(), vars(again).values(), strict=True)))
    twice.weight[:] = 1.0
    weighted = curves(once, KINDS, min_positives=10**9)["shop"]
    repeated = curves(twice, KINDS, min_positives=10**9)["shop"]
    grid = np.linspace(margins.min(), margins.max(), 50)
    assert weighted.log_odds(grid) == pytest.approx(repeated.log_odds(grid), abs=1e-4)
