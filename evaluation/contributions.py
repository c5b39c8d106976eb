"""Whether contributions are what the model does: they add up, shap and other orders of work agree, signs hold.

Every check looks at the same rows of the reference month, explained in bulk as a month is.
"""

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluation.answers import Answer, answer, largest
from evaluation.checks import Sanity
from evaluation.metrics import Floats
from features.indicators.catalogue import Definitions
from features.indicators.language import Aggregate, Indicator
from training import explain, reasons
from training.boosters import booster
from training.explain import Codes
from training.reasons import LEAST_SHARE, RAISING
from training.scheme import Kinds, Scheme
from training.trees import null_as_zero, read_trees, without_parameters

SINGLE_ROWS = 2_000  # explained by LightGBM itself
NATIVE_ROWS = 1_000  # a booster, explained by shap
BITS_ROWS = 1_000
ALONE = 4  # vectors explained one by one: each costs as much as some thousand together
BULK_ERROR, SINGLE_ERROR, NATIVE_ERROR = 1e-5, 1e-9, 1e-9
TIE = 2 * BULK_ERROR  # each of two sums may be off by as much as one
CELLS_SHARE = 0.001


@dataclass(frozen=True)
class Told:
    """Some rows with what explains them: values (columns as the scheme's), kinds, margins, bulk contributions.

    ``bulk`` has one column for each of ``scheme.lines``, as single precision keeps them in a sealed month.
    """

    values: Floats
    kind: Kinds
    margin: Floats
    bulk: Floats

    @classmethod
    def by(cls, scheme: Scheme, values: Floats, kind: Kinds) -> "Told":
        """Rows explained by a scheme."""
        bulk = scheme.contributions(values, kind, bulk=True)
        return cls(values, kind, scheme.margins(values, kind), bulk)

    def every(self, most: int) -> "Told":
        """At most about so many of the rows, evenly spaced."""
        stride = slice(None, None, max(1, len(self.values) // most))
        return Told(self.values[stride], self.kind[stride], self.margin[stride], self.bulk[stride])

    @property
    def indicators(self) -> Floats:
        """The contributions of indicators, without exposure, in the precision they are sealed in."""
        return self.bulk[:, :-1].astype(np.float32).astype(np.float64)


def additivity(scheme: Scheme, definitions: Definitions, told: Told) -> Answer:
    """E-01: base and contributions are the margin, and bulk says the same class and reasons as LightGBM's own do."""
    few = told.every(SINGLE_ROWS)
    single = scheme.contributions(few.values, few.kind, bulk=False)
    bulk_error = largest(scheme.base + told.bulk.sum(axis=1) - told.margin)
    single_error = largest(scheme.base + single.sum(axis=1) - few.margin)
    classes = reclassed(scheme, few, scheme.base + few.bulk.sum(axis=1), scheme.base + single.sum(axis=1))
    orders = reordered(definitions, few.values, few.indicators, single[:, :-1])
    found = {
        "bulk": bulk_error,
        "single": single_error,
        "single_rows": len(few.values),
        "classes_differ": classes,
        "orders_differ": orders,
    }
    exact = bulk_error <= BULK_ERROR and single_error <= SINGLE_ERROR
    return answer("E-01", len(told.values), found, passed=exact and not classes and not orders)


def reclassed(scheme: Scheme, told: Told, bulk: Floats, single: Floats) -> int:
    """Rows whose class is another when the margin is summed up in bulk, margins within 1e-5 of a cutoff aside."""
    low, high, ours = (_classes(scheme, margin, told.kind) for margin in (single - TIE, single + TIE, bulk))
    return int(((ours < low) | (ours > high)).sum())


def _classes(scheme: Scheme, margin: Floats, kind: Kinds) -> npt.NDArray[np.int8]:
    found = np.zeros(len(margin), np.int8)
    probability = scheme.probabilities(margin, kind)
    for number, code in enumerate(scheme.kinds):
        own = kind == number
        found[own] = scheme.parts[code].cutoffs.classes(probability[own])
    return found


def reordered(definitions: Definitions, values: Floats, bulk: Floats, single: Floats) -> int:
    """Rows whose reasons or their order are others from bulk contributions, ties within 1e-5 aside."""
    ours, theirs = (reasons.select(definitions, values, one).place for one in (bulk, single))
    sections = np.array([one.section for one in definitions.indicators])
    differ = np.flatnonzero((ours != theirs).any(axis=1))
    return sum(not _tied(sections, single[row], ours[row], theirs[row]) for row in differ.tolist())


def _tied(sections: npt.NDArray[np.str_], row: Floats, ours: reasons.Places, theirs: reasons.Places) -> bool:
    """Whether all slots that differ hold equally strong reasons, or one as strong as the least that is printed."""
    sums = np.array([row[sections == one].sum() for one in sections])
    for slot in np.flatnonzero(ours != theirs).tolist():
        mine, other = int(ours[slot]), int(theirs[slot])
        if min(mine, other) < 0:
            way = 1.0 if slot < RAISING else -1.0
            totals = {one: max(way * total, 0.0) for one, total in zip(sections.tolist(), sums.tolist(), strict=True)}
            apart = abs(way * sums[max(mine, other)] - LEAST_SHARE * sum(totals.values()))
        elif sections[mine] == sections[other]:
            apart = abs(row[mine] - row[other])
        else:
            apart = abs(sums[mine] - sums[other])
        if apart > TIE:
            return False
    return True


def native(scheme: Scheme, values: Floats) -> Answer:
    """E-02: LightGBM's contributions are those shap's own walk over the trees finds, booster by booster."""
    design, apart, shap = model_rows(scheme, values), 0.0, _shap()
    for number, text in enumerate(scheme.models):
        one = booster(text)
        trees = read_trees(text, scheme.names, where=f"model {number}")
        zeros = null_as_zero(trees, len(scheme.names), where=f"model {number}")
        explainer = shap.TreeExplainer(one, feature_perturbation="tree_path_dependent")
        explainer.model.model_type = "internal"  # else shap asks LightGBM, and compares it with itself
        read = np.where(np.isnan(design) & zeros, 0.0, design)
        theirs = positive(explainer.shap_values(read, check_additivity=False))
        ours = one.predict(design, pred_contrib=True, num_threads=1)[:, :-1]
        apart = max(apart, largest(theirs - ours))
    found = {"difference": apart, "boosters": len(scheme.models)}
    return answer("E-02", len(values), found, passed=apart <= NATIVE_ERROR)


def _shap() -> Any:
    """shap, imported without what it makes matplotlib say of old functions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("shap")


def positive(found: Any) -> Floats:
    """What adds to the margin of the outcome, in whichever of shap's shapes for two classes it comes."""
    if isinstance(found, list):
        return np.asarray(found[-1], np.float64)
    rows = np.asarray(found, np.float64)
    return rows[..., -1] if rows.ndim == 3 else rows


def model_rows(scheme: Scheme, values: Floats) -> Floats:
    """Rows as the model reads them (columns ``scheme.names``), controls and kind unknown."""
    found = np.full((len(values), len(scheme.names)), np.nan)
    found[:, : len(scheme.features)] = values[:, [scheme.columns.index(name) for name in scheme.features]]
    return found


def same_bits(scheme: Scheme, values: Floats) -> Answer:
    """E-03: the same bits whatever the batch, the order, the number of threads, and after the models are read anew."""
    vectors, _ = explain.distinct(scheme.bin_codes(values))
    found: dict[str, int] = {**batched(scheme.explained, vectors)}
    design = model_rows(scheme, values)
    grown = [booster(text) for text in scheme.models]
    anew = [booster(without_parameters(one.model_to_string())) for one in grown]
    found["read_anew"] = sum(
        _rows_apart(one.predict(design, num_threads=1, **how), other.predict(design, num_threads=1, **how))
        for one, other in zip(grown, anew, strict=True)
        for how in ({"raw_score": True}, {"pred_contrib": True})
    )
    found["threads"] = sum(
        _rows_apart(*(one.predict(design, raw_score=True, num_threads=threads) for threads in (1, 2))) for one in grown
    )
    return answer("E-03", len(values), found, passed=not any(found.values()))


def batched(explained: Callable[[Codes], Floats], vectors: Codes) -> dict[str, int]:
    """Bin vectors with other bits when explained in two batches, in another order, or one by one."""
    whole, half = explained(vectors), len(vectors) // 3
    parts = np.concatenate([explained(vectors[:half]), explained(vectors[half:])])
    alone = [explained(vectors[row : row + 1])[0] for row in range(min(ALONE, len(vectors)))]
    return {
        "batches": _rows_apart(parts, whole),
        "order": _rows_apart(explained(vectors[::-1])[::-1], whole),
        "alone": _rows_apart(np.array(alone).reshape(-1, whole.shape[1]), whole[:ALONE]),
    }


def _rows_apart(left: Floats, right: Floats) -> int:
    """Rows that are not equal bit by bit."""
    own, other = (np.ascontiguousarray(one, np.float64).reshape(len(one), -1) for one in (left, right))
    return int((own.view(np.int64) != other.view(np.int64)).any(axis=1).sum())


def signs(scheme: Scheme, definitions: Definitions, told: Told, sanity: Sanity | None) -> Answer:
    """E-04: no adverse value is printed as lowering, counts of adverse records do not lower, the model's signs hold.

    A count is held against no record, 0, where the model tells it from that. What is weighted by time or measured
    (days, amounts, points) may lower where it is small for those who have it at all: path-dependent contributions are
    held against these. That share is stated, as ``measures_lower``, and never printed as a reason.
    """
    chosen = reasons.select(definitions, told.values, told.indicators)
    riskier = np.array([one.direction == "riskier" for one in definitions.indicators])
    counts, signed = (np.array([of(one) for one in definitions.indicators]) for of in (_counts_adverse, _is_signed))
    lowers = told.indicators < -BULK_ERROR
    above = (told.values > 0) & told_from_none(scheme, told.values)
    cells = [above & columns for columns in (counts, signed & ~counts)]
    shares = [float((one & lowers).sum() / max(1, one.sum())) for one in cells]
    found = {
        "printed": printed_against(chosen, told.values, riskier),
        "counts_lower": shares[0],
        "cells": int(cells[0].sum()),
        "measures_lower": shares[1],
        "model_against": sanity.monotone_violations if sanity else 0,
    }
    passed = not found["printed"] and shares[0] <= CELLS_SHARE and not found["model_against"]
    return answer("E-04", len(told.values), found, passed=bool(passed))


def told_from_none(scheme: Scheme, values: Floats) -> npt.NDArray[np.bool_]:
    """Which values lie on another side of some threshold than 0 does."""
    found = np.zeros(values.shape, np.bool_)
    places = [scheme.columns.index(name) for name in scheme.used]
    found[:, places] = scheme.bin_codes(values) != scheme.bin_codes(np.zeros((1, values.shape[1])))
    return found


def printed_against(chosen: reasons.Selected, values: Floats, riskier: npt.NDArray[np.bool_]) -> int:
    """Lowering reasons that are an adverse value above 0."""
    row, slot = np.nonzero(chosen.place[:, RAISING:] >= 0)
    place = chosen.place[row, RAISING + slot].astype(np.int64)
    return int((riskier[place] & (values[row, place] > 0)).sum())


def _is_signed(one: Indicator) -> bool:
    return one.monotone and one.direction == "riskier" and one.role == "feature"


def _counts_adverse(one: Indicator) -> bool:
    value = one.value
    return _is_signed(one) and isinstance(value, Aggregate) and value.op in {"count", "distinct"}
