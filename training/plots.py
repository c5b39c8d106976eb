"""Plots of a trained scheme for its run: what it reads, how margins become probabilities, whom it was tried on."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.scheme import Scheme

MOST = 25
POINTS = 200
BINS = 20


def drawn(scheme: Scheme, scored: pa.Table, folder: Path) -> tuple[Path, ...]:
    """PNG files in a folder: use of indicators, calibration per kind, margins by label."""
    folder.mkdir(parents=True, exist_ok=True)
    plots = {"indicators": _indicators, "calibration": _calibration, "margins": _margins}
    return tuple(_saved(folder / f"{name}.png", plot, scheme, scored) for name, plot in plots.items())


def _saved(path: Path, plot: Any, scheme: Scheme, scored: pa.Table) -> Path:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 6), layout="constrained")
    FigureCanvasAgg(figure)
    plot(figure.subplots(), scheme, scored)
    figure.savefig(path, metadata={"Software": None})
    return path


def _indicators(axes: Any, scheme: Scheme, _: pa.Table) -> None:
    """How often trees split on each indicator, over all boosters."""
    splits = scheme.splits()
    most = sorted(splits, key=lambda code: (-splits[code], code))[:MOST][::-1]
    axes.barh(most, [splits[code] for code in most])
    axes.set_xlabel("splits")
    axes.tick_params(axis="y", labelsize=7)


def _calibration(axes: Any, scheme: Scheme, scored: pa.Table) -> None:
    """Each kind's curve over the margins that occur, with the weighted share of positives in bins of later pairs."""
    for number, kind in enumerate(scheme.kinds):
        rows = scored.filter(pc.and_(pc.equal(scored["kind"], number), pc.not_equal(scored["part"], "fit")))
        if len(rows):
            margin, label, weight = (rows[name].to_numpy() for name in ("margin", "label", "weight"))
            grid = np.linspace(margin.min(), margin.max(), POINTS)
            (line,) = axes.plot(grid, scheme.parts[kind].curve.probability(grid), label=kind)
            edges = np.unique(np.quantile(margin, np.linspace(0, 1, BINS + 1)))
            place = np.clip(np.searchsorted(edges, margin, side="right") - 1, 0, max(len(edges) - 2, 0))
            total = np.maximum(np.bincount(place, weights=weight), np.finfo(float).tiny)
            middle = np.bincount(place, weights=weight * margin) / total
            axes.scatter(middle, np.bincount(place, weights=weight * label) / total, s=12, color=line.get_color())
    axes.set_xlabel("margin")
    axes.set_ylabel("probability")
    axes.legend()


def _margins(axes: Any, _: Scheme, scored: pa.Table) -> None:
    """The weighted distribution of margins of positives and of the others, fit left out."""
    rows = scored.filter(pc.not_equal(scored["part"], "fit"))
    for label, name in ((0, "without the outcome"), (1, "with the outcome")):
        own = rows.filter(pc.equal(rows["label"], label))
        if len(own):
            weights = own["weight"].to_numpy()
            axes.hist(own["margin"].to_numpy(), bins=60, weights=weights, density=True, alpha=0.6, label=name)
    axes.set_xlabel("margin")
    axes.legend()
