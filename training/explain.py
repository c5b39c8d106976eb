"""Exact contributions: every row of a month in bulk through woodelf, one entity at a time through LightGBM.

Both compute the path-dependent Shapley values of the same trees. A value matters only through the side of each
threshold it falls on, so rows are first reduced to bin codes, and equal bin vectors are explained once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from training.trees import Tree, null_as_zero, thresholds

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.unsignedinteger[Any]]

CHUNK = 200_000
GROUP = 10  # trees woodelf sums in float32 before float64 takes over: the largest error stays near 1e-6
ROWS_PER_PATTERN = 10  # below this many rows a decision pattern, woodelf adds in another order


@dataclass(frozen=True)
class Bins:
    """The sides of every threshold a scheme's boosters use: one ascending array a feature."""

    thresholds: tuple[Floats, ...]
    null_as_zero: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, trees: Sequence[Tree], features: int, *, where: str) -> "Bins":
        """The bins of all trees together."""
        return cls(thresholds(trees, features), null_as_zero(trees, features, where=where))

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16]:
        """One byte a feature unless one has more than 253 thresholds."""
        return np.uint8 if max(map(len, self.thresholds), default=0) < 254 else np.uint16

    @property
    def null(self) -> int:
        """The code of a null that the model treats as null."""
        return int(np.iinfo(self.dtype).max)

    def codes(self, values: Floats, features: Sequence[int]) -> Codes:
        """The bin code of every value of some features: how many thresholds lie below it, or ``null``.

        ``values`` and what is returned have one column for each of ``features``, numbered as in ``thresholds``.
        """
        found: Codes = np.zeros(values.shape, self.dtype)
        for place, feature in enumerate(features):
            column, bounds = values[:, place], self.thresholds[feature]
            if not len(bounds):
                continue
            missing = np.isnan(column)
            codes = np.searchsorted(bounds, np.where(missing, 0.0, column), side="left")
            if not self.null_as_zero[feature]:
                codes[missing] = self.null
            found[:, place] = codes
        return found


def distinct(codes: Codes) -> tuple[Codes, npt.NDArray[np.int64]]:
    """The distinct bin vectors in their canonical (byte) order, and for every row which one it is."""
    width = codes.shape[1] * codes.dtype.itemsize
    rows: Codes = np.ascontiguousarray(codes)
    buffer = pa.py_buffer(rows.data)
    packed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(rows), [None, buffer]).dictionary_encode()
    order = pc.sort_indices(packed.dictionary.cast(pa.binary())).to_numpy()
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    first = np.full(len(order), len(rows), np.int64)
    which: npt.NDArray[np.int64] = place[packed.indices.to_numpy()]
    np.minimum.at(first, which, np.arange(len(rows)))
    return rows[first], which


@dataclass(frozen=True)
class BulkExplainer:
    """Contributions of bin vectors to the mean margin of several boosters, through woodelf.

    ``boosters`` holds the trees of each; trees that split on a control are left out, because controls are averaged.
    A bin vector has one code, and its contributions one number, for each of ``features``; no other adds anything.
    """

    boosters: tuple[tuple[Tree, ...], ...]
    bins: Bins
    controls: frozenset[int]

    @cached_property
    def features(self) -> tuple[int, ...]:
        """The features that trees split on, in order; all of them where no tree splits, for a vector needs a width."""
        own = [place for place in range(len(self.bins.thresholds)) if place not in self.controls]
        return tuple(place for place in own if len(self.bins.thresholds[place])) or tuple(own)

    @cached_property
    def _groups(self) -> tuple[tuple[Any, ...], ...]:
        """woodelf's own trees over bin codes, leaf values divided by the number of boosters, in groups."""
        from woodelf.core.trees.decision_trees_ensemble import DecisionTreesEnsemble

        nodes = [
            self._woodelf_tree(tree)
            for trees in self.boosters
            for tree in trees
            if len(tree.feature) and not self.controls.intersection(tree.feature.tolist())
        ]
        starts = range(0, len(nodes), GROUP)
        groups = [DecisionTreesEnsemble(nodes[start : start + GROUP]) for start in starts]
        return tuple((group, ROWS_PER_PATTERN * 2**group.max_depth) for group in groups)

    def contributions(self, codes: Codes) -> Floats:
        """Contributions (rows × features) of bin vectors; each row's bits depend on that row alone."""
        found = np.zeros(codes.shape, order="F")
        for start in range(0, len(codes), CHUNK):
            part = codes[start : start + CHUNK]
            found[start : start + CHUNK] = self._explained(part)
        return found

    def _explained(self, codes: Codes) -> Floats:
        import pandas as pd
        from woodelf import WoodelfExplainer

        rows = max([len(codes), *(least for _, least in self._groups)])
        padded = np.zeros((rows, codes.shape[1]), np.float32, order="F")
        padded[: len(codes)] = codes
        padded[: len(codes)][codes == self.bins.null] = np.nan
        frame = pd.DataFrame(padded, columns=self.features, copy=False)
        total = np.zeros(codes.shape, order="F")
        for group, _ in self._groups:
            explainer = WoodelfExplainer(group)
            part = explainer.shap_values(frame, as_df=True, exclude_zero_contribution_features=True, verbose=False)
            for feature in part.columns:
                total[:, self.features.index(feature)] += part[feature].to_numpy()[: len(codes)]
        return total

    def _woodelf_tree(self, tree: Tree) -> Any:
        from woodelf.core.trees.decision_trees_ensemble import LeftIsSmallerEqualDecisionTreeNode as Node

        splits = len(tree.feature)
        nodes = [
            Node(
                feature_name=int(tree.feature[place]),
                value=int(np.searchsorted(self.bins.thresholds[tree.feature[place]], tree.threshold[place])),
                right=None,
                left=None,
                nan_go_left=bool(tree.null_left[place]),
                index=place,
                cover=int(tree.node_count[place]),
            )
            for place in range(splits)
        ]
        share = 1.0 / len(self.boosters)
        for place, value in enumerate(tree.value.tolist()):
            cover = int(tree.leaf_count[place])
            nodes.append(Node(None, value * share, None, None, index=splits + place, cover=cover))
        for place in range(splits):
            node = nodes[place]
            node.left = nodes[_position(int(tree.left[place]), splits)]
            node.right = nodes[_position(int(tree.right[place]), splits)]
            node.left.parent = node.right.parent = node
        nodes[0].depth = nodes[0].get_depth()
        return nodes[0]


def single(boosters: Sequence[Any], values: Floats) -> tuple[Floats, float]:
    """Contributions (rows × features) to the mean margin, and the base value, through LightGBM."""
    total = np.zeros((len(values), values.shape[1] + 1))
    for booster in boosters:
        total += booster.predict(values, pred_contrib=True, num_threads=1)
    mean = total / len(boosters)
    return mean[:, :-1], float(mean[0, -1])


def _position(child: int, splits: int) -> int:
    return child if child >= 0 else splits + ~child
