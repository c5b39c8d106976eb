"""The trees of a LightGBM text model, read and checked in Python before any native parser sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.errors import SchemeError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HEADER = {"version": "v4", "num_class": "1", "num_tree_per_iteration": "1", "objective": "binary sigmoid:1"}
DEFAULT_LEFT = 2
MISSING_NONE, MISSING_NULL = 0, 2
PARAMETERS = ("\nparameters:\n", "\nend of parameters\n")


@dataclass(frozen=True)
class Tree:
    """One tree: split nodes 0…n−1 and leaves ~0…~n, as LightGBM numbers them; counts are training rows."""

    feature: Ints
    threshold: Floats
    null_left: npt.NDArray[np.bool_]
    null_is_zero: npt.NDArray[np.bool_]
    left: Ints
    right: Ints
    value: Floats
    node_count: Ints
    leaf_count: Ints


def without_parameters(text: str) -> str:
    """The model without its block of training parameters, which holds the number of threads and decides nothing."""
    start, end = text.find(PARAMETERS[0]), text.find(PARAMETERS[1])
    return text if start < 0 or end < 0 else text[:start] + text[end + len(PARAMETERS[1]) :]


def read_trees(text: str, features: Sequence[str], *, where: str) -> tuple[Tree, ...]:
    """The trees of a model text over exactly these features; SchemeError says what is wrong with its structure."""
    head, *blocks = text.split("\nTree=")
    header = _pairs(head.splitlines(), where)
    for name, expected in HEADER.items():
        if header.get(name) != expected:
            raise _refused(where, f"{name} is {header.get(name)!r}", f"{expected!r}")
    if header.get("max_feature_idx") != str(len(features) - 1):
        raise _refused(where, f"max_feature_idx is {header.get('max_feature_idx')!r}", f"{len(features) - 1}")
    if header.get("feature_names", "").split(" ") != list(features):
        raise _refused(where, "its feature names differ from the scheme's", "the same names in the same order")
    sizes = header.get("tree_sizes", "").split()
    if not blocks or len(sizes) != len(blocks):
        raise _refused(where, f"{len(blocks)} trees with {len(sizes)} stated sizes", "at least one, and equally many")
    return tuple(_tree(block, len(features), f"{where}, tree {number}") for number, block in enumerate(blocks))


def margins(trees: Sequence[Tree], values: Floats) -> Floats:
    """The sum of leaf values of every row, tree after tree: a second implementation of LightGBM's raw prediction."""
    total = np.zeros(len(values))
    for tree in trees:
        total += _leaf_values(tree, values)
    return total


def thresholds(trees: Sequence[Tree], count: int) -> tuple[Floats, ...]:
    """The distinct thresholds every feature is split at, ascending; empty for a feature never used."""
    found: list[set[float]] = [set() for _ in range(count)]
    for tree in trees:
        for feature, threshold in zip(tree.feature.tolist(), tree.threshold.tolist(), strict=True):
            found[feature].add(threshold)
    return tuple(np.array(sorted(one)) for one in found)


def null_as_zero(trees: Sequence[Tree], count: int, *, where: str) -> npt.NDArray[np.bool_]:
    """Whether the model reads null as 0 for a feature, as LightGBM does where fitting saw no null."""
    states = np.zeros((count, 2), np.bool_)
    for tree in trees:
        states[tree.feature, tree.null_is_zero.astype(np.int64)] = True
    mixed = np.flatnonzero(states.all(axis=1))
    if len(mixed):
        raise _refused(where, f"feature {mixed[0]} treats null in two ways", "one way in all trees")
    return states[:, 1]


def _leaf_values(tree: Tree, values: Floats) -> Floats:
    if not len(tree.feature):
        return np.full(len(values), tree.value[0])
    node = np.zeros(len(values), np.int64)
    inside = np.arange(len(values))
    while len(inside):
        here = node[inside]
        seen = values[inside, tree.feature[here]]
        null = np.isnan(seen)
        seen = np.where(null & tree.null_is_zero[here], 0.0, seen)
        goes_left = np.where(null & ~tree.null_is_zero[here], tree.null_left[here], seen <= tree.threshold[here])
        node[inside] = np.where(goes_left, tree.left[here], tree.right[here])
        inside = inside[node[inside] >= 0]
    return tree.value[~node]


def _tree(block: str, features: int, where: str) -> Tree:
    found = _pairs(block.split("\n\n", 1)[0].splitlines()[1:], where)
    if found.get("num_cat") != "0" or found.get("is_linear") != "0":
        raise _refused(where, "categorical or linear parts", "numerical splits and constant leaves")
    leaves = int(_numbers(found, "num_leaves", 1, where)[0])
    splits = leaves - 1
    decision = _numbers(found, "decision_type", splits, where).astype(np.int64)
    missing = (decision >> 2) & 3
    if np.any(decision & 1) or not np.isin(missing, (MISSING_NONE, MISSING_NULL)).all():
        raise _refused(where, "a kind of split this product does not use", "numerical splits with null or no null")
    tree = Tree(
        feature=_numbers(found, "split_feature", splits, where).astype(np.int64),
        threshold=_numbers(found, "threshold", splits, where),
        null_left=(decision & DEFAULT_LEFT) > 0,
        null_is_zero=missing == MISSING_NONE,
        left=_numbers(found, "left_child", splits, where).astype(np.int64),
        right=_numbers(found, "right_child", splits, where).astype(np.int64),
        value=_numbers(found, "leaf_value", leaves, where),
        node_count=_numbers(found, "internal_count", splits, where).astype(np.int64),
        leaf_count=_numbers(found, "leaf_count", leaves, where).astype(np.int64),
    )
    _check(tree, features, where)
    return tree


def _check(tree: Tree, features: int, where: str) -> None:
    """Every node has one parent that comes before it, every feature exists, every number is finite."""
    splits = len(tree.feature)
    children = np.concatenate([tree.left, tree.right])
    inner, leaves = np.sort(children[children >= 0]), np.sort(~children[children < 0])
    if not np.array_equal(inner, np.arange(1, splits)) or (
        splits and not np.array_equal(leaves, np.arange(splits + 1))
    ):
        raise _refused(where, "children that are not each one node's", "a tree")
    for side in (tree.left, tree.right):
        if np.any((side >= 0) & (side <= np.arange(splits))):
            raise _refused(where, "a child that comes before its parent", "children after their parent")
    if np.any((tree.feature < 0) | (tree.feature >= features)):
        raise _refused(where, "a split on a feature that does not exist", f"features 0 to {features - 1}")
    # an infinite threshold is LightGBM's way to part nulls from all values
    if not np.isfinite(tree.value).all() or np.any(np.isnan(tree.threshold) | (tree.threshold == -np.inf)):
        raise _refused(where, "a leaf value or threshold that is not a usable number", "finite leaf values")
    if splits and not _counts_add_up(tree):
        raise _refused(where, "counts of training rows that do not add up", "each node's rows in its two children")


def _counts_add_up(tree: Tree) -> bool:
    if tree.node_count.min() < 1 or tree.leaf_count.min() < 1:
        return False
    left, right = (
        np.where(side >= 0, tree.node_count[np.maximum(side, 0)], tree.leaf_count[np.maximum(~side, 0)])
        for side in (tree.left, tree.right)
    )
    return np.array_equal(left + right, tree.node_count)


def _pairs(lines: Sequence[str], where: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, equals, value = line.partition("=")
        if equals and name in found:
            raise _refused(where, f"{name} stated twice", "every line once")
        if equals:
            found[name] = value
    return found


def _numbers(found: Mapping[str, str], name: str, count: int, where: str) -> Floats:
    try:
        numbers = [float(word) for word in found.get(name, "").split()]
    except ValueError:
        raise _refused(where, f"{name} holds something that is not a number", f"{count} numbers") from None
    whole = name not in {"threshold", "leaf_value"}
    if len(numbers) != count or (whole and not all(number.is_integer() for number in numbers)):
        raise _refused(where, f"{name} holds {len(numbers)} numbers", f"{count}, whole where they count")
    return np.array(numbers, np.float64)


def _refused(where: str, found: str, expected: str) -> SchemeError:
    return SchemeError(
        f"{where}: found {found}; expected {expected}. The scheme was not loaded; fetch its folder again."
    )
