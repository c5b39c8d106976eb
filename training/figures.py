"""Figures of a training, part by part: how many pairs, how many positives, and how well the margin orders them, beside
how well the baselines do."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from training.cohort import HEADLINE
from training.pairs import PARTS

BASELINES = ("card", "logistic")  # columns of scored pairs; the first there is, is what people can add up by hand


def by_part(scored: pa.Table, codes: tuple[str, ...]) -> dict[str, Any]:
    """Per part: pairs, positives, weighted rate, AUC (the baselines' too) and average precision, together and per kind;
    open cases apart."""
    found: dict[str, Any] = {}
    for part in PARTS:
        rows = scored.filter(pc.equal(scored["part"], part))
        headline = rows.filter(pc.equal(rows["stratum"], HEADLINE))
        if len(headline):
            kinds = sorted(set(headline["kind"].to_pylist()))
            by_kind = {codes[kind]: _ranking(headline.filter(pc.equal(headline["kind"], kind))) for kind in kinds}
            found[part] = {**_ranking(headline), "open_cases": len(rows) - len(headline), "kinds": by_kind}
    return found


def _ranking(rows: pa.Table) -> dict[str, Any]:
    from sklearn.metrics import average_precision_score, roc_auc_score

    label, weight, margin = (rows[name].to_numpy() for name in ("label", "weight", "margin"))
    both = 0 < label.sum() < len(label)
    return {
        "n": len(rows),
        "positives": int(label.sum()),
        "rate": float((label * weight).sum() / weight.sum()),
        "auc": float(roc_auc_score(label, margin, sample_weight=weight)) if both else None,
        "ap": float(average_precision_score(label, margin, sample_weight=weight)) if both else None,
        **{
            f"{name}_auc": float(roc_auc_score(label, rows[name].to_numpy(), sample_weight=weight)) if both else None
            for name in BASELINES
            if name in rows.column_names
        },
    }


def flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested names joined by dots."""
    found: dict[str, Any] = {}
    for name, value in nested.items():
        inner = flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
        found.update(inner)
    return found
