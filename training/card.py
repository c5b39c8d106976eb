"""A points score card: each step of an indicator is worth whole points, and the odds double every so many points.

It is grown as an additive model (trees of one split each, with the catalogue's monotone signs), summed up indicator by
indicator, and rounded to points. What comes out is written as the text of a LightGBM model with one tree an indicator,
so that calibration, classes, contributions and the service treat a card as they treat any other model.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.indicators.catalogue import Definitions
from features.indicators.language import Indicator
from training.errors import SchemeError
from training.fit import Layout, Rows, TreeSettings, boosters, design, stated
from training.scheme import Scheme
from training.trees import Tree, margins, null_as_zero, read_trees, thresholds

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CARD = "card"  # the method, and where a profile's model.yaml has its settings
STUMP_DEPTH, STUMP_LEAVES = 1, 2
ZERO = 1e-30  # LightGBM parts 0 from what is above it at 1e-35
NULL_APART, NULL_IS_ZERO = 8, 0  # how a split of a LightGBM text treats null


@dataclass(frozen=True)
class CardSettings:
    """How a card is made; read from ``card`` in a profile's ``model.yaml``.

    At most ``steps`` steps an indicator; ``double`` points double the odds; the others grow the model that is rounded.
    """

    steps: int
    double: float
    count: int
    learning_rate: float
    min_rows: int
    l2: float
    seed: int

    def __post_init__(self) -> None:
        if self.steps < 2 or not self.double > 0:
            raise SchemeError(
                f"model.yaml, card: {self.steps} steps and {self.double} points that double the odds; expected at "
                "least 2 steps and a number above 0. Nothing was trained."
            )

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "CardSettings":
        """The settings of a YAML row."""
        return stated(cls, CARD, lambda: cls(**row))

    @property
    def factor(self) -> float:
        """Points of one unit of the margin, which is in natural log odds."""
        return float(self.double / np.log(2.0))

    @property
    def trees(self) -> TreeSettings:
        """How the additive model is grown."""
        return TreeSettings(
            count=self.count,
            seeds=(self.seed,),
            learning_rate=self.learning_rate,
            depth=STUMP_DEPTH,
            leaves=STUMP_LEAVES,
            min_rows=self.min_rows,
            feature_share=1.0,
            row_share=1.0,
            l2=self.l2,
            monotone_method="basic",
            max_bin=self.steps,
        )


@dataclass(frozen=True)
class Scale:
    """The points of one column of the model: of the steps that end at each bound, of the last one, and of null.

    A step holds the values up to and including its bound. Without ``null`` a null is read as 0. ``counts`` and
    ``nulls`` are the rows it was made on.
    """

    column: int
    bounds: Floats
    points: Ints
    counts: Ints
    null: int | None
    nulls: int

    def occupied(self) -> "Scale":
        """The scale without steps nobody was in (LightGBM keeps one for 0): they join the next one, the last the one
        before."""
        kept = np.flatnonzero(self.counts)
        bounds = self.bounds[kept[:-1]]
        return Scale(self.column, bounds, self.points[kept], self.counts[kept], self.null, self.nulls)

    def merged(self) -> "Scale":
        """The scale without bounds between steps of equal points."""
        kept = np.flatnonzero(np.diff(self.points) != 0)
        firsts = np.concatenate([[0], kept + 1])
        counts = np.add.reduceat(self.counts, firsts)
        return Scale(self.column, self.bounds[kept], self.points[firsts], counts, self.null, self.nulls)

    @property
    def most(self) -> int:
        """The most points of any step."""
        return int(max(self.points.max(), self.null or 0))


def model(rows: Rows, place: Layout, settings: CardSettings) -> str:
    """The text of the card's model; the same bytes on any number of threads."""
    (grown,) = boosters(rows, place, settings.trees)
    trees = read_trees(grown, place.names, where="the additive model of the card")
    found, base = _scales(trees, design(rows, place), settings.factor)
    return _text(found, base, place.names, settings.factor)


def scales(text: str, names: Sequence[str], settings: CardSettings) -> list[Scale]:
    """The scales of a card's model text."""
    trees = read_trees(text, names, where="the card")
    return [_read(tree, settings.factor) for tree in trees if len(tree.feature)]


def _scales(trees: Sequence[Tree], values: Floats, factor: float) -> tuple[list[Scale], float]:
    """What trees of one split add, column by column, in points above the column's least; and the sum of the least."""
    width = values.shape[1]
    zero = null_as_zero(trees, width, where="the additive model of the card")
    base, found = float(sum(tree.value[0] for tree in trees if not len(tree.feature))), []
    for column, cuts in enumerate(thresholds(trees, width)):
        own = [tree for tree in trees if len(tree.feature) and tree.feature[0] == column]
        if not own:
            continue
        is_null = np.isnan(values[:, column])
        seen = np.where(is_null, 0.0, values[:, column]) if zero[column] else values[~is_null, column]
        bounds = cuts[np.isfinite(cuts)]
        probes = np.zeros((len(bounds) + 2, width))
        probes[:, column] = [*bounds, bounds[-1] + 1.0 if len(bounds) else 0.0, np.nan]
        added = margins(own, probes)
        counts = np.bincount(np.searchsorted(bounds, seen, side="left"), minlength=len(bounds) + 1)
        least = float(added[np.append(counts > 0, not zero[column])].min())
        base += least
        points = np.rint((added - least) * factor).astype(np.int64)
        null, nulls = (None, 0) if zero[column] else (int(points[-1]), int(is_null.sum()))
        scale = Scale(column, _readable(bounds, seen), points[:-1], counts, null, nulls).occupied().merged()
        if scale.most:
            found.append(scale)
    return found, base


def _readable(bounds: Floats, seen: Floats) -> Floats:
    """Bounds that part the values seen as before: whole where these are, and 0 for what LightGBM puts just above it."""
    if np.array_equal(seen, np.floor(seen)):
        return np.floor(bounds)
    return np.where((bounds > 0.0) & (bounds < ZERO), 0.0, bounds)


def _text(found: Sequence[Scale], base: float, names: Sequence[str], factor: float) -> str:
    """A LightGBM text: one tree a scale, and first a leaf that holds the base."""
    rows = int(found[0].counts.sum()) + found[0].nulls if found else 1
    blocks = [_leaf(base, rows), *(_tree(scale, factor) for scale in found)]
    trees = [f"Tree={number}\n{block}\n\n\n" for number, block in enumerate(blocks)]
    head = {
        "version": "v4",
        "num_class": 1,
        "num_tree_per_iteration": 1,
        "label_index": 0,
        "max_feature_idx": len(names) - 1,
        "objective": "binary sigmoid:1",
        "feature_names": " ".join(names),
        "feature_infos": " ".join(["none"] * len(names)),
        "tree_sizes": " ".join(str(len(tree.encode())) for tree in trees),
    }
    return f"tree\n{_lines(head)}\n\n{''.join(trees)}end of trees\n"


def _leaf(value: float, rows: int) -> str:
    counted = {"leaf_weight": rows, "leaf_count": rows}
    return _lines(
        {"num_leaves": 1, "num_cat": 0, "leaf_value": repr(float(value)), **counted, "is_linear": 0, "shrinkage": 1}
    )


def _tree(scale: Scale, factor: float) -> str:
    """The tree of a scale: null apart first where it has points of its own, then bound after bound."""
    bounds, points, counts = scale.bounds.tolist(), scale.points.tolist(), scale.counts.tolist()
    left = [~place for place in range(len(bounds))]
    right = [*range(1, len(bounds)), ~len(bounds)] if bounds else []
    sums = np.cumsum(scale.counts[::-1])[::-1].tolist()
    nodes = sums[: len(bounds)]
    if scale.null is not None:  # every value is below infinity, a null goes right
        inner = [node + 1 if node >= 0 else node for node in right]
        left = [1 if bounds else ~0, *left]
        right = [~len(points), *inner]
        bounds, points, counts = [np.inf, *bounds], [*points, scale.null], [*counts, scale.nulls]
        nodes = [sums[0] + scale.nulls, *nodes]
    kind = NULL_IS_ZERO if scale.null is None else NULL_APART
    splits = len(bounds)
    return _lines(
        {
            "num_leaves": len(points),
            "num_cat": 0,
            "split_feature": _words([scale.column] * splits),
            "split_gain": _words([0] * splits),
            "threshold": _words(map(repr, map(float, bounds))),
            "decision_type": _words([kind] * splits),
            "left_child": _words(left),
            "right_child": _words(right),
            "leaf_value": _words(repr(one / factor) for one in points),
            "leaf_weight": _words(counts),
            "leaf_count": _words(counts),
            "internal_value": _words([0] * splits),
            "internal_weight": _words(nodes),
            "internal_count": _words(nodes),
            "is_linear": 0,
            "shrinkage": 1,
        }
    )


def _read(tree: Tree, factor: float) -> Scale:
    """The scale a tree was written from."""
    has_null = not tree.null_is_zero[0]
    points, bounds = np.rint(tree.value * factor).astype(np.int64), tree.threshold
    if not has_null:
        return Scale(int(tree.feature[0]), bounds, points, tree.leaf_count, None, 0)
    counts, nulls = tree.leaf_count[:-1], int(tree.leaf_count[-1])
    return Scale(int(tree.feature[0]), bounds[1:], points[:-1], counts, int(points[-1]), nulls)


def _lines(pairs: Mapping[str, object]) -> str:
    return "\n".join(f"{name}={value}" for name, value in pairs.items())


def _words(values: Iterable[object]) -> str:
    return " ".join(str(value) for value in values)


def told(scheme: Scheme, definitions: Definitions) -> dict[str, Any]:
    """A card as JSON: points that double the odds, the base of every kind, each indicator's steps, points and weight.

    The base of a kind and the points of an entity's steps add up to its margin, in points. Controls and kind are
    averaged into the base and have no line. The weight of an indicator is its most points as a share of all indicators'
    most points; a dimension's and a section's is the sum of theirs. ``rows`` is a step's share of the rows fitted on.
    """
    if scheme.training.get("method") != CARD:
        raise SchemeError(
            f"Scheme {scheme.digest[:12]} is no score card. Nothing is shown; train one: jianwei train --method card."
        )
    settings = CardSettings.read(scheme.training["settings"][CARD])
    own = [one for one in scales(scheme.models[0], scheme.names, settings) if one.column < len(scheme.features)]
    total = sum(one.most for one in own)
    lines = [_line(one, definitions.by_code[scheme.features[one.column]], total) for one in own]
    lines.sort(key=lambda line: (-line["weight"], line["code"]))
    return {
        "scheme": scheme.digest,
        "double": settings.double,
        "base": _bases(scheme, settings.factor),
        "weights": {level: _weights(lines, level) for level in ("dimension", "section")},
        "indicators": lines,
    }


def _bases(scheme: Scheme, factor: float) -> dict[str, float]:
    """By kind, in points: the leaf without a split, and what controls and kind add on average."""
    trees = read_trees(scheme.models[0], scheme.names, where="the card")
    outside = [tree for tree in trees if not len(tree.feature) or tree.feature[0] >= len(scheme.features)]
    at_null = float(margins(outside, np.full((1, len(scheme.names)), np.nan))[0])
    return {kind: (at_null + part.offset) * factor for kind, part in scheme.parts.items()}


def _line(scale: Scale, indicator: Indicator, total: int) -> dict[str, Any]:
    bounds = scale.bounds.tolist()
    rows = max(int(scale.counts.sum()) + scale.nulls, 1)
    steps = [
        {"above": above, "up_to": up_to, "points": points, "rows": count / rows}
        for above, up_to, points, count in zip(
            [None, *bounds], [*bounds, None], scale.points.tolist(), scale.counts.tolist(), strict=True
        )
    ]
    return {
        "code": indicator.code,
        "label": indicator.label,
        "label_en": indicator.label_en,
        "dimension": indicator.dimension,
        "section": indicator.section,
        "unit": indicator.unit,
        "weight": scale.most / total,
        "steps": steps,
        "null": None if scale.null is None else {"points": scale.null, "rows": scale.nulls / rows},
    }


def _weights(lines: Sequence[Mapping[str, Any]], level: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for line in lines:
        found[line[level]] = found.get(line[level], 0.0) + line["weight"]
    return dict(sorted(found.items(), key=lambda one: -one[1]))
