"""Fitting: boosters with the catalogue's monotone signs, the reference of controls, and a logistic baseline."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from features.indicators.catalogue import Definitions
from training.boosters import booster, mean_margin
from training.errors import SchemeError
from training.explain import Bins
from training.outcomes import Outcome
from training.scheme import KIND
from training.trees import read_trees, without_parameters

Floats = npt.NDArray[np.float64]
Kinds = npt.NDArray[np.int8]
Made = TypeVar("Made")

MOST_DEPTH, MOST_LEAVES = 6, 31
LEAST_BINS = 2
THREADED_FROM = 50_000_000  # matrix cells
BLOCK = 2_048  # rows
SIGN = {"riskier": 1, "safer": -1}


@dataclass(frozen=True)
class TreeSettings:
    """How trees are grown; read from ``trees`` in a profile's ``model.yaml``.

    With ``folds``, ``count`` is the most trees there may be: entities in so many folds, each seen at a later date by
    the earlier ones of the others, say how many help. ``bins`` says, by unit, into how many bins at most a feature of
    that unit is divided, ``max_bin`` for all others.
    """

    count: int
    seeds: tuple[int, ...]
    learning_rate: float
    depth: int
    leaves: int
    min_rows: int
    feature_share: float
    row_share: float
    l2: float
    monotone_method: str
    extra_trees: bool = False
    folds: int = 0
    max_bin: int = 255
    bins: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 1 <= self.depth <= MOST_DEPTH or not 2 <= self.leaves <= MOST_LEAVES or not self.seeds:
            raise SchemeError(
                f"model.yaml asks for depth {self.depth}, {self.leaves} leaves and {len(self.seeds)} seeds; expected "
                f"depth 1 to {MOST_DEPTH}, 2 to {MOST_LEAVES} leaves and a seed: every entity is explained every month."
            )
        if self.folds < 0 or self.folds == 1:
            raise SchemeError(
                f"model.yaml, trees: folds is {self.folds}; expected 0, or at least 2, since the entities of one are "
                "seen by what the others taught. Nothing was trained."
            )
        if any(not isinstance(most, int) or most < LEAST_BINS for most in self.bins.values()):
            raise SchemeError(
                f"model.yaml, trees: bins are {dict(self.bins)}; expected a whole number of at least {LEAST_BINS} a "
                "unit. Nothing was trained."
            )

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "TreeSettings":
        """The settings of a YAML row."""
        return stated(cls, "trees", lambda: cls(**{**row, "seeds": tuple(row["seeds"])}))


def stated(kind: type[Any], part: str, make: Callable[[], Made]) -> Made:
    """Settings made of a part of ``model.yaml``; SchemeError names what there may be when one is missing or unknown."""
    try:
        return make()
    except (KeyError, TypeError) as fault:
        known = ", ".join(one.name for one in fields(kind))
        raise SchemeError(f"model.yaml, {part}: {fault}; expected {known}. Nothing was trained.") from None


@dataclass(frozen=True)
class Layout:
    """Which matrix columns the model reads, with the monotone sign and the unit of each, and the controls beside."""

    columns: tuple[str, ...]
    features: tuple[str, ...]
    controls: tuple[str, ...]
    monotone: tuple[int, ...]
    units: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the model: features, controls, kind."""
        return (*self.features, *self.controls, KIND)


@dataclass(frozen=True)
class Rows:
    """Rows to fit on: matrix values (rows × ``Layout.columns``), kinds, control values, labels and weights 1/s.

    ``learned`` is the label of the wider outcome that every second booster learns from, ``looked`` whether somebody
    looked at all; the label again where neither is known.
    """

    values: Floats
    kind: Kinds
    controls: Floats
    label: Floats
    learned: Floats
    looked: Floats
    weight: Floats

    def where(self, wanted: npt.NDArray[np.bool_]) -> "Rows":
        """The rows of a mask."""
        return Rows(**{name: column[wanted] for name, column in vars(self).items()})


def layout(definitions: Definitions, outcome: Outcome, *, without: Set[str] = frozenset()) -> Layout:
    """The layout of a definition set for an outcome: features by role, controls as the outcome names them.

    Indicators that rest on a collection item of ``without`` are left out of the features.
    """
    features = tuple(
        code for code in definitions.with_role("feature") if without.isdisjoint(definitions.by_code[code].items)
    )
    named = definitions.with_role("control") if outcome.controls is None else outcome.controls
    unknown = sorted(set(named) - set(definitions.codes))
    if unknown or not features:
        raise SchemeError(
            f"Outcome {outcome.code}: controls {', '.join(unknown) or 'are known'}, {len(features)} features; expected "
            "controls that are indicators and at least one feature. Nothing was trained."
        )
    controls = (*named, *(control.name for control in outcome.event_controls))
    chosen = tuple(code for code in features if code not in controls)
    signs = tuple(
        SIGN[definitions.by_code[code].direction] if definitions.by_code[code].monotone else 0 for code in chosen
    )
    units = tuple(definitions.by_code[code].unit for code in chosen)
    return Layout(definitions.codes, chosen, controls, signs, units)


def boosters(
    rows: Rows,
    place: Layout,
    settings: TreeSettings,
    *,
    counts: Sequence[int] | None = None,
    threads: int | None = None,
) -> tuple[str, ...]:
    """Model texts, one a seed; the same bytes on any number of threads (default: two when there is work for two).

    The second, fourth … learn from ``Rows.learned``. ``counts`` are their trees, where not all have ``settings.count``.
    """
    import lightgbm

    _check_labels(rows)
    fixed = parameters(rows, place, settings, threads=threads)
    texts = []
    for number, seed in enumerate(settings.seeds):
        data = dataset(rows, place, settings, label=label_of(rows, number))
        trees = settings.count if counts is None else counts[number]
        model = lightgbm.train({**fixed, "seed": seed}, data, num_boost_round=trees)
        texts.append(without_parameters(model.model_to_string()))
    return tuple(texts)


def label_of(rows: Rows, number: int) -> Floats:
    """What the booster of a number learns."""
    return rows.learned if number % 2 else rows.label


def parameters(rows: Rows, place: Layout, settings: TreeSettings, *, threads: int | None = None) -> dict[str, Any]:
    """LightGBM's parameters of a model, all but its seed."""
    count, width = len(place.features), len(place.names)
    busy = rows.values.size >= THREADED_FROM  # below, threads that wait for each other cost more than they bring
    return {
        "objective": "binary",
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": threads or (2 if busy else 1),
        "max_depth": settings.depth,
        "num_leaves": settings.leaves,
        "learning_rate": settings.learning_rate,
        "min_data_in_leaf": settings.min_rows,
        "feature_fraction": settings.feature_share,
        "bagging_fraction": settings.row_share,
        "bagging_freq": 1 if settings.row_share < 1 else 0,
        "lambda_l2": settings.l2,
        "extra_trees": settings.extra_trees,
        "monotone_constraints": [*place.monotone, *[0] * (width - count)],
        "monotone_constraints_method": settings.monotone_method,
        "interaction_constraints": [list(range(count)), list(range(count, width))],
        **_binned(place, settings),
    }


def dataset(rows: Rows, place: Layout, settings: TreeSettings, *, label: Floats, reference: Any = None) -> Any:
    """Rows as LightGBM reads them; ``reference`` is a data set whose bins they share."""
    import lightgbm

    return lightgbm.Dataset(
        design(rows, place),
        label,
        weight=rows.weight,
        feature_name=list(place.names),
        params=_binned(place, settings),
        reference=reference,
    )


def _binned(place: Layout, settings: TreeSettings) -> dict[str, Any]:
    own = [settings.bins.get(unit, settings.max_bin) for unit in place.units]
    others = [settings.max_bin] * (len(place.names) - len(own))
    return {
        "verbose": -1,
        "max_bin": settings.max_bin,
        "max_bin_by_feature": [*own, *others],
        "feature_pre_filter": False,
    }


def design(rows: Rows, place: Layout) -> Floats:
    """The model's own matrix: features, controls as they were, kind; filled block by block, for a sample is large."""
    places, count = [place.columns.index(name) for name in place.features], len(place.features)
    found = np.empty((len(rows.kind), len(place.names)))
    for start in range(0, len(found), BLOCK):
        part = slice(start, start + BLOCK)
        found[part, :count] = rows.values[part][:, places]
    found[:, count:-1] = rows.controls
    found[:, -1] = rows.kind
    return found


def reference(rows: Rows, place: Layout, models: Sequence[str], kinds: Sequence[str]) -> dict[str, Any]:
    """The weighted distribution of controls per kind: distinct control vectors as far as the model tells them apart.

    A kind without rows takes everybody's distribution, and says so.
    """
    first = len(place.features)
    names = place.names
    trees = [tree for number, text in enumerate(models) for tree in read_trees(text, names, where=f"model {number}")]
    bins = Bins.of(trees, len(names), where="the models")
    codes = bins.codes(rows.controls, range(first, len(names) - 1)).astype(np.int64)
    found = {}
    for number, kind in enumerate(kinds):
        own = rows.kind == number
        taken = own if own.any() else np.ones(len(own), np.bool_)
        _, chosen, which = np.unique(codes[taken], axis=0, return_index=True, return_inverse=True)
        vectors = rows.controls[taken][chosen]
        weights = np.bincount(which.ravel(), weights=rows.weight[taken], minlength=len(chosen))
        found[kind] = {
            "pooled": not own.any(),
            "controls": [[None if np.isnan(value) else value for value in vector] for vector in vectors.tolist()],
            "weights": weights.tolist(),
        }
    return {"names": list(place.controls), "kinds": found}


def offsets(
    models: Sequence[str], place: Layout, distribution: Mapping[str, Any], kinds: Sequence[str]
) -> dict[str, float]:
    """Per kind, the mean over the reference of what controls and kind add, less what null controls add."""
    grown = [booster(text) for text in models]
    empty = np.full((1, len(place.names)), np.nan)
    at_null = float(mean_margin(grown, empty)[0])
    found = {}
    for number, kind in enumerate(kinds):
        row = distribution["kinds"][kind]
        weights = np.array(row["weights"], np.float64)
        rows = np.repeat(empty, len(weights), axis=0)
        rows[:, len(place.features) : -1] = np.array(row["controls"], np.float64).reshape(len(weights), -1)
        rows[:, -1] = number
        found[kind] = float((mean_margin(grown, rows) * weights).sum() / weights.sum()) - at_null
    return found


@dataclass(frozen=True)
class Logistic:
    """A logistic regression on standardised values, nulls at the mean with a flag of their own, and kinds."""

    places: npt.NDArray[np.int64]
    mean: Floats
    scale: Floats
    flagged: npt.NDArray[np.int64]
    kinds: int
    slopes: Floats
    intercept: float

    def margins(self, values: Floats, kind: Kinds) -> Floats:
        """The log odds of every row."""
        found: Floats = self._inputs(values, kind) @ self.slopes + self.intercept
        return found

    def _inputs(self, values: Floats, kind: Kinds) -> Floats:
        """Standardised values, flags of nulls, kinds; filled column by column, since a sample is large."""
        first_kind = len(self.places) + len(self.flagged)
        found = np.empty((len(values), first_kind + self.kinds - 1))
        for column, place in enumerate(self.places):
            found[:, column] = np.nan_to_num((values[:, place] - self.mean[column]) / self.scale[column], nan=0.0)
        for column, place in enumerate(self.places[self.flagged], start=len(self.places)):
            found[:, column] = np.isnan(values[:, place])
        for number in range(1, self.kinds):
            found[:, first_kind + number - 1] = kind == number
        return found


def logistic(rows: Rows, place: Layout, *, kinds: int, strength: float) -> Logistic:
    """The baseline on the same features: ``strength`` is the inverse of its ridge penalty."""
    _check_labels(rows)
    places = np.array([place.columns.index(name) for name in place.features], np.int64)
    moments = [_moments(rows.values[:, column], rows.weight) for column in places]
    mean, spread, has_null = (np.array(column) for column in zip(*moments, strict=True))
    blank = Logistic(
        places=places,
        mean=mean,
        scale=np.where(spread > 0, spread, 1.0),
        flagged=np.flatnonzero(has_null),
        kinds=kinds,
        slopes=np.zeros(0),
        intercept=0.0,
    )
    inputs = blank._inputs(rows.values, rows.kind)
    slopes, intercept = _logistic(inputs, rows.label, rows.weight, strength=strength, tolerance=1e-4)
    return Logistic(**{**vars(blank), "slopes": slopes, "intercept": intercept})


def _moments(column: Floats, weights: Floats) -> tuple[float, float, bool]:
    """Weighted mean and deviation of what is known of a column, and whether something is not."""
    known = ~np.isnan(column)
    own, weight = column[known], weights[known]
    total = max(weight.sum(), np.finfo(float).tiny)
    mean = float((own * weight).sum() / total)
    return mean, float(np.sqrt(((own - mean) ** 2 * weight).sum() / total)), not known.all()


def _logistic(
    inputs: Floats, label: Floats, weight: Floats, *, strength: float, tolerance: float
) -> tuple[Floats, float]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=strength, tol=tolerance, max_iter=2000)
    model.fit(inputs, label, sample_weight=weight / weight.mean())
    return np.asarray(model.coef_[0], np.float64), float(model.intercept_[0])


def _check_labels(rows: Rows) -> None:
    positives = int(rows.label.sum())
    if not 0 < positives < len(rows.label):
        raise SchemeError(
            f"{positives} of {len(rows.label)} rows to fit on are positive; expected some of each. Nothing was "
            "trained; look at the outcome's conditions in outcomes.yaml, the dates in model.yaml and the "
            "records delivered."
        )
