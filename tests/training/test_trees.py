import lightgbm
import numpy as np
import pytest
from small_scheme import make_rows

from training import trees
from training.boosters import booster
from training.errors import SchemeError


@pytest.fixture(scope="module")
def model(scheme):
    return scheme.models[0]


def test_plain_python_gives_lightgbm_s_margins_bit_by_bit(scheme, model):
    rows = make_rows(500, seed=9)
    design = scheme._design(rows.values, rows.kind, None)
    design[:, 0] = np.where(rows.label > 0, np.nan, design[:, 0])
    found = trees.margins(trees.read_trees(model, scheme.names, where="model"), design)
    assert np.array_equal(found, booster(model).predict(design, raw_score=True))


def test_a_model_of_a_single_leaf_reads(scheme):
    data = lightgbm.Dataset(np.zeros((60, 1)), np.repeat([0.0, 1.0], 30), params={"verbose": -1})
    text = lightgbm.train({"objective": "binary", "verbose": -1}, data, 1).model_to_string()
    found = trees.read_trees(trees.without_parameters(text), ["Column_0"], where="leaf")
    assert np.array_equal(
        trees.margins(found, np.zeros((2, 1))), booster(text).predict(np.zeros((2, 1)), raw_score=True)
    )


def test_the_number_of_threads_is_not_part_of_a_model(model):
    assert "num_threads" not in model
    assert trees.without_parameters(model) == model


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version=v4", "version=v3", "version is 'v3'"),
        ("objective=binary sigmoid:1", "objective=regression", "objective is"),
        ("feature_names=fines ", "feature_names=sums ", "feature names differ"),
        ("tree_sizes=", "tree_sizes=1 ", "stated sizes"),
        ("num_cat=0", "num_cat=1", "categorical"),
        ("split_feature=", "split_feature=9", "does not exist"),
        ("left_child=1 ", "left_child=0 ", "children that are not each one node's"),
        ("leaf_value=", "leaf_value=nan ", "holds"),
        ("decision_type=", "decision_type=5", "kind of split"),
        ("threshold=", "threshold=x", "not a number"),
        ("leaf_count=", "leaf_count=1", "do not add up"),
        ("leaf_count=", "leaf_count=-", "do not add up"),
        ("num_cat=0", "num_cat=0\nnum_cat=0", "stated twice"),
    ],
)
def test_a_structure_that_is_not_a_forest_is_refused(scheme, model, old, new, message):
    with pytest.raises(SchemeError, match=message):
        trees.read_trees(model.replace(old, new, 1), scheme.names, where="model")


def test_leaves_that_are_not_finite_are_refused(scheme, model):
    start = model.index("leaf_value=") + len("leaf_value=")
    end = model.index(" ", start)
    with pytest.raises(SchemeError, match="not a usable number"):
        trees.read_trees(model[:start] + "inf" + model[end:], scheme.names, where="model")


def test_a_child_before_its_parent_is_refused():
    tree = trees.Tree(
        feature=np.zeros(3, np.int64), threshold=np.zeros(3), null_left=np.zeros(3, bool),
        null_is_zero=np.zeros(3, bool), left=np.array([2, -1, 1]), right=np.array([-2, -3, -4]), value=np.zeros(4),
        node_count=np.array([4, 2, 3]), leaf_count=np.ones(4, np.int64),
    )  # fmt: skip
    with pytest.raises(SchemeError, match="comes before its parent"):
        trees._check(tree, 1, "model")


def test_a_feature_treating_null_in_two_ways_is_refused(scheme, model):
    found = trees.read_trees(model, scheme.names, where="model")
    for tree in found:
        tree.null_is_zero[:1] = ~tree.null_is_zero[:1]
    with pytest.raises(SchemeError, match="treats null in two ways"):
        trees.null_as_zero(found, len(scheme.names), where="model")
