import itertools
import math

import numpy as np
import pytest
from small_scheme import make_rows

from training import boosters, explain
from training.explain import Bins, BulkExplainer
from training.trees import read_trees

ROWS = make_rows(1200, seed=8)


@pytest.fixture(scope="module")
def design(scheme):
    return scheme._design(ROWS.values, ROWS.kind, None)


def expectation(tree, row, known, node=0):
    """A tree's mean value for a row of which only some features are known: unknown splits weigh by training rows."""
    if node < 0:
        return tree.value[~node]
    sides = (int(tree.left[node]), int(tree.right[node]))
    if tree.feature[node] in known:
        value = row[tree.feature[node]]
        left = bool(tree.null_left[node]) if np.isnan(value) else value <= tree.threshold[node]
        return expectation(tree, row, known, sides[0] if left else sides[1])
    rows = [tree.node_count[side] if side >= 0 else tree.leaf_count[~side] for side in sides]
    below = [expectation(tree, row, known, side) for side in sides]
    return (rows[0] * below[0] + rows[1] * below[1]) / sum(rows)


def shapley(tree, row, features):
    """Shapley values by their definition: over all orders in which a tree's features may become known."""
    found = np.zeros(features)
    used = sorted(set(tree.feature.tolist()))
    for feature in used:
        others = [one for one in used if one != feature]
        for size in range(len(others) + 1):
            weight = math.factorial(size) * math.factorial(len(others) - size) / math.factorial(len(used))
            for known in itertools.combinations(others, size):
                gain = expectation(tree, row, {*known, feature}) - expectation(tree, row, set(known))
                found[feature] += weight * gain
    return found


def test_contributions_are_shapley_values_by_their_definition(scheme, design):
    text = scheme.models[0]
    trees = read_trees(text, scheme.names, where="model")[:12]
    first = boosters.booster(text)
    for row in design[:6]:
        by_definition = sum(shapley(tree, row, len(scheme.names)) for tree in trees)
        found = first.predict(row[None, :], pred_contrib=True, num_iteration=len(trees))[0, :-1]
        assert np.abs(found - by_definition).max() < 1e-12


def test_single_contributions_of_one_row_are_those_of_many(scheme, design):
    grown = [boosters.booster(text) for text in scheme.models]
    whole, base = explain.single(grown, design[:20])
    for row in range(20):
        alone, same_base = explain.single(grown, design[row : row + 1])
        assert np.array_equal(alone[0], whole[row])
        assert same_base == base


def test_bulk_and_single_agree_on_extreme_values(scheme):
    edges = np.array([*scheme._explainer.bins.thresholds[0], np.nan, -1e300, 1e300, 0.0])
    values = np.repeat(ROWS.values[:1], len(edges), axis=0)
    values[:, 0] = edges
    values[:, 3] = edges[::-1]
    kind = np.zeros(len(edges), np.int8)
    single, bulk = (scheme.contributions(values, kind, bulk=one) for one in (False, True))
    assert np.abs(single - bulk).max() < 1e-5


def test_bits_do_not_depend_on_the_chunk(scheme, monkeypatch):
    vectors, _ = explain.distinct(scheme.bin_codes(ROWS.values))
    whole = scheme.explained(vectors)
    monkeypatch.setattr(explain, "CHUNK", 97)
    assert np.array_equal(scheme.explained(vectors), whole)


def test_a_value_is_coded_by_the_thresholds_below_it():
    bins = Bins((np.array([0.5, 2.5]), np.array([]), np.array([1.0])), np.array([False, False, True]))
    values = np.array([[0.5, 9.0, 1.0], [0.6, np.nan, 1.1], [np.nan, 0.0, np.nan]])
    assert bins.codes(values, range(3)).tolist() == [[0, 0, 0], [1, 0, 1], [bins.null, 0, 0]]
    assert bins.codes(values[:, [2, 0]], [2, 0]).tolist() == [[0, 0], [1, 1], [0, bins.null]]


def test_codes_take_two_bytes_when_thresholds_are_many():
    bins = Bins((np.arange(300.0),), np.array([False]))
    codes = bins.codes(np.array([[299.5], [-1.0], [np.nan]]), [0])
    assert codes.dtype == np.uint16
    assert codes.ravel().tolist() == [300, 0, bins.null]
    vectors, which = explain.distinct(codes)
    assert np.array_equal(vectors[which], codes)


def test_a_model_that_reads_null_as_zero_is_explained_as_it_scores():
    import lightgbm

    rng = np.random.default_rng(0)
    X = rng.integers(-3, 4, (2000, 2)).astype(float)
    y = (rng.random(2000) < 1 / (1 + np.exp(-X[:, 0]))).astype(float)
    data = lightgbm.Dataset(X, y, params={"verbose": -1})
    text = lightgbm.train({"objective": "binary", "verbose": -1, "max_depth": 3}, data, 20).model_to_string()
    names = ["Column_0", "Column_1"]
    trees = read_trees(text, names, where="model")
    bins = Bins.of(trees, 2, where="model")
    assert bins.null_as_zero.all()
    rows = np.array([[np.nan, 1.0], [0.0, 1.0], [2.0, np.nan]])
    bulk = BulkExplainer((trees,), bins, frozenset()).contributions(bins.codes(rows, [0, 1]))
    single, base = explain.single([boosters.booster(text)], rows)
    assert np.abs(bulk - single).max() < 1e-5
    assert np.array_equal(bulk[0], bulk[1])
    assert single.sum(axis=1) + base == pytest.approx(boosters.booster(text).predict(rows, raw_score=True))
