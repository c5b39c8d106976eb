"""A points score card: whole points, steps in order, a scheme like any other."""

from dataclasses import replace

import numpy as np
import pytest
from small_scheme import DEFINITIONS, KINDS, OUTCOME, World, make_rows, scheme_of

from training import boosters, card, explain, fit
from training.card import CardSettings, Scale
from training.errors import SchemeError
from training.trees import margins, read_trees

SETTINGS = CardSettings(steps=5, double=20, count=150, learning_rate=0.2, min_rows=20, l2=1.0, seed=3)
PLACE = fit.layout(DEFINITIONS, replace(OUTCOME, controls=None))


@pytest.fixture(scope="module")
def rows():
    return make_rows(6000, seed=4)


@pytest.fixture(scope="module")
def text(rows):
    return card.model(rows, PLACE, SETTINGS)


def test_every_step_is_worth_whole_points_and_lightgbm_adds_them_up(rows, text):
    values = fit.design(rows, PLACE)
    trees = read_trees(text, PLACE.names, where="card")
    found = boosters.booster(text).predict(values, raw_score=True, num_threads=1)
    assert np.abs(found - margins(trees, values)).max() < 1e-12
    base = trees[0].value[0]
    points = (found - base) * SETTINGS.factor
    assert np.abs(points - np.rint(points)).max() < 1e-9
    by_hand = sum(points_of(scale, values[:, scale.column]) for scale in card.scales(text, PLACE.names, SETTINGS))
    assert np.array_equal(np.rint(points), by_hand)


def points_of(scale, column):
    """A second way to read a scale: look each value up between the bounds."""
    seen = np.where(np.isnan(column), 0.0, column) if scale.null is None else column
    found = scale.points[np.searchsorted(scale.bounds, seen, side="left")]
    return found if scale.null is None else np.where(np.isnan(column), scale.null, found)


def test_points_follow_the_signs_of_the_catalogue_and_begin_at_nothing(rows, text):
    values = fit.design(rows, PLACE)
    found = card.scales(text, PLACE.names, SETTINGS)
    assert {PLACE.names[scale.column] for scale in found} >= {"fines", "age"}
    for scale in found:
        sign = PLACE.monotone[scale.column] if scale.column < len(PLACE.features) else 0
        assert np.all(sign * np.diff(scale.points) >= 0)
        assert np.all(np.diff(scale.points) != 0)
        assert min([*scale.points.tolist(), *([] if scale.null is None else [scale.null])]) == 0
        assert len(scale.points) <= SETTINGS.steps
        assert scale.counts.sum() + scale.nulls == len(values)


def test_a_card_is_the_same_on_any_number_of_threads_and_as_its_text_says(rows, text):
    assert card.model(rows, PLACE, SETTINGS) == text
    again = card._text(
        card.scales(text, PLACE.names, SETTINGS),
        read_trees(text, PLACE.names, where="card")[0].value[0],
        PLACE.names,
        SETTINGS.factor,
    )
    assert again == text


def test_rounding_and_few_steps_cost_little(rows, text):
    from sklearn.metrics import roc_auc_score

    (grown,) = fit.boosters(rows, PLACE, SETTINGS.trees)
    seen = make_rows(6000, seed=9)
    values = fit.design(seen, PLACE)
    exact, rounded = (
        roc_auc_score(seen.label, boosters.booster(one).predict(values, raw_score=True)) for one in (grown, text)
    )
    assert abs(exact - rounded) < 0.005
    assert rounded > 0.6


def test_contributions_of_a_card_are_its_points(rows, text):
    trees = read_trees(text, PLACE.names, where="card")
    values = fit.design(rows, PLACE)[:50]
    found, base = explain.single([boosters.booster(text)], values)
    bins = explain.Bins.of(trees, len(PLACE.names), where="card")
    explainer = explain.BulkExplainer((trees,), bins, frozenset(range(len(PLACE.features), len(PLACE.names))))
    used = list(explainer.features)
    bulk = explainer.contributions(bins.codes(values[:, used], used))
    assert np.abs(bulk - found[:, used]).max() < 1e-5
    for scale in card.scales(text, PLACE.names, SETTINGS):
        points = points_of(scale, values[:, scale.column])
        added = found[:, scale.column] * SETTINGS.factor
        assert np.abs((added - added[0]) - (points - points[0])).max() < 1e-9
    assert np.abs(base + found.sum(axis=1) - margins(trees, values)).max() < 1e-9


def test_points_and_the_base_of_a_kind_add_up_to_the_margin(rows, text):
    history = {"method": "card", "settings": {"card": vars(SETTINGS)}}
    made = scheme_of(World(rows, PLACE), models=(text,), history=history)
    told = card.told(made, DEFINITIONS)
    seen = make_rows(300, seed=12)
    by_hand = np.array([told["base"][KINDS[kind]] for kind in seen.kind])
    for line in told["indicators"]:
        column = seen.values[:, DEFINITIONS.codes.index(line["code"])]
        for row, value in enumerate(column):
            by_hand[row] += points_in(line, value)
    assert np.abs(by_hand - made.margins(seen.values, seen.kind) * SETTINGS.factor).max() < 1e-6
    assert sum(told["weights"]["section"].values()) == pytest.approx(1.0)
    for line in told["indicators"]:
        assert sum(step["rows"] for step in line["steps"]) + (line["null"] or {"rows": 0})["rows"] == pytest.approx(1.0)


def points_in(line, value):
    """The points of a value as a person reads them off the table."""
    if np.isnan(value) and line["null"]:
        return line["null"]["points"]
    value = 0.0 if np.isnan(value) else value
    for step in line["steps"]:
        if step["up_to"] is None or value <= step["up_to"]:
            return step["points"]
    raise AssertionError(line)


@pytest.mark.parametrize("seed", range(1, 15))
@pytest.mark.parametrize("whole", [True, False])
def test_rounding_is_all_that_tells_a_card_from_what_was_grown(seed, whole):
    """Columns on both sides of 0, with 0 or without, with nulls or without."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 2, (2000, len(DEFINITIONS.codes)))
    values = np.round(values) if whole else values
    values[rng.random(values.shape) < 0.3] = 0.0
    values[:, 1][values[:, 1] == 0.0] = 1.0
    values[rng.random(len(values)) < 0.2, 2] = np.nan
    label = (rng.random(2000) < 1 / (1 + np.exp(-values[:, 0] - np.abs(values[:, 1])))).astype(float)
    kind = rng.choice(3, 2000).astype(np.int8)
    rows = fit.Rows(values, kind, np.abs(values[:, 6:7]), label, label, label, np.ones(2000))
    free = replace(PLACE, monotone=(0,) * len(PLACE.monotone))
    seen = fit.design(rows, free)
    (grown,) = fit.boosters(rows, free, SETTINGS.trees)
    text = card.model(rows, free, SETTINGS)
    trees = [read_trees(one, free.names, where="model") for one in (grown, text)]
    exact, rounded = (margins(one, seen) for one in trees)
    for scale in card.scales(text, free.names, SETTINGS):
        assert min([*scale.points.tolist(), *([] if scale.null is None else [scale.null])]) == 0
    most = 0.5 * len(free.names) / SETTINGS.factor
    assert np.abs(exact - rounded).max() <= most + 1e-9


def test_bounds_of_whole_numbers_are_whole_and_nothing_is_zero():
    counts = np.array([0.0, 1.0, 31.0, 3.0])
    assert card._readable(np.array([1e-35, 0.707, 30.5]), counts).tolist() == [0.0, 0.0, 30.0]
    assert card._readable(np.array([1e-35, 0.707]), np.array([0.0, 0.5, 0.9])).tolist() == [0.0, 0.707]
    assert card._readable(np.array([-1e-35, 1e-35]), np.array([-0.5, 0.0, 0.9])).tolist() == [-1e-35, 0.0]
    assert card._readable(np.array([-1e-35, 1e-35]), np.array([-1.0, 0.0, 2.0])).tolist() == [-1.0, 0.0]


def test_a_step_nobody_was_in_joins_the_next():
    scale = Scale(0, np.array([1.0, 2.0, 5.0]), np.array([0, 3, 4, 9]), np.array([10, 0, 6, 0]), None, 0)
    found = scale.occupied()
    assert (found.bounds.tolist(), found.points.tolist(), found.counts.tolist()) == ([1.0], [0, 4], [10, 6])


def test_steps_of_equal_points_become_one():
    scale = Scale(2, np.array([1.0, 2.0, 5.0]), np.array([0, 3, 3, 9]), np.array([10, 4, 6, 1]), None, 0)
    merged = scale.merged()
    assert merged.bounds.tolist() == [1.0, 5.0]
    assert merged.points.tolist() == [0, 3, 9]
    assert merged.counts.tolist() == [10, 10, 1]


@pytest.mark.parametrize(
    ("bounds", "null"), [([], 4), ([1.0], None), ([1.0], 4), ([0.5, 2.0, 1e300], None), ([0.5, 2.0, 1e300], 4)]
)
def test_a_scale_is_read_back_as_it_was_written(bounds, null):
    count = len(bounds) + 1
    nulls = 0 if null is None else 7
    scale = Scale(1, np.array(bounds), np.arange(count) * 3, np.arange(count) + 2, null, nulls)
    text = card._text([scale], -1.5, ("a", "b"), 30.0)
    (read,) = card.scales(text, ("a", "b"), replace(SETTINGS, double=30.0 * np.log(2)))
    for name in ("bounds", "points", "counts"):
        assert np.array_equal(getattr(read, name), getattr(scale, name))
    assert (read.column, read.null, read.nulls) == (1, null, nulls)
    values = np.array([[0.0, value] for value in (-1e9, 0.5, 1.0, 1.5, 2.0, 99.0, np.nan)])
    found = boosters.booster(text).predict(values, raw_score=True, num_threads=1)
    assert np.abs(found - (-1.5 + points_of(scale, values[:, 1]) / 30.0)).max() < 1e-12


@pytest.mark.parametrize(("wrong", "says"), [({"steps": 1}, "at least 2 steps"), ({"double": 0}, "a number above 0")])
def test_settings_that_make_no_card_are_refused(wrong, says):
    with pytest.raises(SchemeError, match=says):
        replace(SETTINGS, **wrong)


def test_settings_are_read_with_what_is_missing_named():
    with pytest.raises(SchemeError, match=r"model\.yaml, card: .*expected steps, double, count"):
        CardSettings.read({"steps": 5, "double": 20})


def test_only_a_card_is_told_as_one(scheme):
    with pytest.raises(SchemeError, match="is no score card"):
        card.told(scheme, DEFINITIONS)
    assert scheme.kinds == KINDS
