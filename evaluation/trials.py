"""Trials that explanations must stand: what they name is taken away, a month passes, or labels are shuffled."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from evaluation.answers import Answer, answer, mean
from evaluation.contributions import Told
from evaluation.metrics import Flags, Floats
from evaluation.stability import Migration
from features.indicators.catalogue import Definitions
from training import fit, reasons
from training.cutoffs import RiskClass
from training.fit import Layout, TreeSettings
from training.scheme import Kinds, Scheme

DELETED = (1, 3)
DECILE = 0.1
LOWERED, RATIO = 0.99, 5.0
TOP = 3
JACCARD, FIRST, SIGNS, BIG = 0.80, 0.93, 0.999, 0.1
KEPT = {RiskClass.A: 0.99, RiskClass.B: 0.95, RiskClass.C: 0.95, RiskClass.D: 0.95}
KEPT_ROWS = 200  # of a class, as of the gate's checks of the same: of fewer the share is told, not judged
TREES = 40  # of a model of shuffled labels, as in the study of leaks
CORRELATION, CORRELATED_ROWS = 0.2, 1_000

Margins = Callable[[Floats, Kinds], Floats]


def top_decile(margin: Floats) -> npt.NDArray[np.int64]:
    """The places of the tenth with the greatest margins, the greatest first."""
    return np.argsort(-margin, kind="stable")[: int(np.ceil(len(margin) * DECILE))]


def neutral(values: Floats, kind: Kinds, safe: Flags, kinds: int) -> Floats:
    """What is usual in class A of every kind (kinds × columns): the median, null where most have none.

    A kind without anybody in A takes what is usual in A of all kinds.
    """
    found = np.full((kinds, values.shape[1]), np.nan)
    for number in range(kinds):
        own = safe & (kind == number)
        found[number] = _usual(values[own if own.any() else safe])
    return found


def _usual(rows: Floats) -> Floats:
    """The lower median of what is known, column by column, null where null is as frequent or more."""
    found = np.full(rows.shape[1], np.nan)
    for place, column in enumerate(rows.T):
        known = np.sort(column[~np.isnan(column)])
        if 2 * len(known) > len(column):
            found[place] = known[(len(known) - 1) // 2]
    return found


@dataclass(frozen=True)
class Drop:
    """Mean fall of the margin when ``k`` indicators become neutral, and in which share of rows it fell."""

    k: int
    named: float
    lowered: float
    any_raising: float


def deleted(margins: Margins, told: Told, usual: Floats, k: int, rng: np.random.Generator) -> Drop:
    """What happens to rows when the k indicators that raise most become neutral, or k raising ones drawn at random."""
    raises = told.bulk[:, :-1] > 0
    strongest = np.where(raises, told.bulk[:, :-1], -np.inf)
    drawn = np.where(raises, rng.random(raises.shape), -np.inf)
    named, other = (told.margin - margins(_without(told, usual, key, k), told.kind) for key in (strongest, drawn))
    return Drop(k, float(named.mean()), float((named > 0).mean()), float(other.mean()))


def _without(told: Told, usual: Floats, key: Floats, k: int) -> Floats:
    """The values with the k places of the greatest key neutral in each row; places of no key stay as they are."""
    row, place = np.arange(len(key))[:, None], np.argsort(-key, axis=1, kind="stable")[:, :k]
    found = told.values.copy()
    found[row, place] = np.where(np.isfinite(key[row, place]), usual[told.kind[:, None], place], found[row, place])
    return found


def deletion(margins: Margins, told: Told, usual: Floats, rng: np.random.Generator) -> Answer:
    """E-06: what explanations name is what moves the margin: taken away, it falls, and by far more than by chance.

    ``told`` are rows of the top decile that something raises.
    """
    if not len(told.values):
        return answer("E-06", 0, {}, passed=False)
    drops = [deleted(margins, told, usual, k, rng) for k in DELETED]
    found: dict[str, float | int | None] = {}
    for one in drops:
        found |= {f"lowered_{one.k}": one.lowered, f"named_{one.k}": one.named, f"random_{one.k}": one.any_raising}
        found[f"ratio_{one.k}"] = one.named / one.any_raising if one.any_raising > 0 else None
    passed = all(one.lowered >= LOWERED for one in drops) and drops[-1].named >= RATIO * drops[-1].any_raising
    return answer("E-06", len(told.values), found, passed=passed)


def next_month(definitions: Definitions, was: Told, now: Told, kinds: Sequence[str]) -> Answer:
    """E-07: entities of the top decile about whom nothing became known keep their reasons from month to month.

    Rows of both are the same entities, whose kind numbers name ``kinds``. Signs are compared where a contribution is
    above 0.1 in either month and the indicator's own value stayed; ``signs_all`` has the others too, whose value
    changed as a window ended or by a record that moves no class (a rectification done).
    """
    chosen = [reasons.select(definitions, one.values, one.indicators, kind=(one.kind, kinds)) for one in (was, now)]
    sections = np.array([one.section for one in definitions.indicators])
    pairs = list(zip(*(one.place.tolist() for one in chosen), strict=True))
    overlap = [_jaccard(before[:TOP], after[:TOP]) for before, after in pairs]
    first = [_section(sections, before) == _section(sections, after) for before, after in pairs]
    big = (np.abs(was.indicators) > BIG) | (np.abs(now.indicators) > BIG)
    stayed = big & ((was.values == now.values) | (np.isnan(was.values) & np.isnan(now.values)))
    same = np.sign(was.indicators) == np.sign(now.indicators)
    found = {
        "jaccard": mean(np.array(overlap, np.float64)),
        "first_section": mean(np.array(first, np.float64)),
        "signs": float(same[stayed].mean()) if stayed.any() else 1.0,
        "signs_cells": int(stayed.sum()),
        "signs_all": float(same[big].mean()) if big.any() else 1.0,
    }
    bounds = {"jaccard": JACCARD, "first_section": FIRST, "signs": SIGNS}
    passed = all((found[name] or 0.0) >= bound for name, bound in bounds.items())
    return answer("E-07", len(pairs), found, passed=passed)


def _jaccard(before: list[int], after: list[int]) -> float:
    """The share of reasons both have; 1 where neither has any."""
    left, right = ({place for place in one if place >= 0} for one in (before, after))
    return len(left & right) / len(left | right) if left | right else 1.0


def _section(sections: npt.NDArray[np.str_], places: list[int]) -> str:
    """The section of the first raising reason; none where nothing raises."""
    return str(sections[places[0]]) if places[0] >= 0 else ""


def classes_kept(calm: Migration) -> Answer:
    """E-08: who keeps the class where nothing new became known, by the class before; nobody jumps two classes."""
    found: dict[str, float | int | None] = {"unchanged": calm.unchanged, "two_class_jumps": calm.two_class_jumps}
    passed = not calm.two_class_jumps
    for risk in RiskClass:
        entities, kept = calm.stayed(risk)
        if kept is not None:
            found[risk.name] = kept
            passed = passed and (entities < KEPT_ROWS or kept >= KEPT[risk])
    return answer("E-08", calm.entities, found, passed=passed)


def shuffled(
    scheme: Scheme, rows: fit.Rows, layout: Layout, settings: TreeSettings, rng: np.random.Generator
) -> Scheme:
    """The scheme with the model of the same settings, but few trees, that learns labels shuffled within kinds.

    It is fitted without monotone signs: they are knowledge that shuffling would not take away.
    """
    label = rows.label.copy()
    for kind in np.unique(rows.kind):
        own = np.flatnonzero(rows.kind == kind)
        label[own] = label[rng.permutation(own)]
    place = replace(layout, monotone=(0,) * len(layout.features))
    models = fit.boosters(replace(rows, label=label, learned=label), place, replace(settings, count=TREES, seeds=(1,)))
    return replace(scheme, models=models)


def randomised(scheme: Scheme, told: Told, others: Sequence[Scheme]) -> Answer:
    """E-11: models that learned nothing are explained otherwise.

    The figure judged is Spearman's correlation of contributions with their signs, which is how reasons are ordered:
    row by row over the indicators either model uses, its mean over rows and models. Nothing in common is 0. Of absolute
    contributions (``absolute``) even two models of shuffled labels have a part in common (``among_shuffled``), for what
    varies little cannot contribute much in any model; both are stated beside.

    Reference: J. Adebayo et al., Sanity Checks for Saliency Maps, 2018.
    """
    own = told.bulk[:, :-1]
    bulks = [one.contributions(told.values, told.kind, bulk=True)[:, :-1] for one in others]
    neighbours = pairwise(bulks)
    figures = {
        "correlation": _mean_of(spearman(*_used(own, one)) for one in bulks),
        "absolute": _mean_of(spearman(*map(np.abs, _used(own, one))) for one in bulks),
        "among_shuffled": _mean_of(spearman(*map(np.abs, _used(left, right))) for left, right in neighbours),
    }
    shown = figures["correlation"]
    return answer("E-11", len(own), figures, passed=shown is not None and shown <= CORRELATION)


def _used(left: Floats, right: Floats) -> tuple[Floats, Floats]:
    """The columns in which either of two explanations says anything."""
    told = (left != 0).any(axis=0) | (right != 0).any(axis=0)
    return left[:, told], right[:, told]


def _mean_of(figures: Iterable[float | None]) -> float | None:
    return mean(np.array([one for one in figures if one is not None]))


def spearman(left: Floats, right: Floats) -> float | None:
    """The mean over rows of the rank correlation of two tables; rows in which one is all alike count as 0."""
    ranks = [rankdata(one, axis=1) for one in (left, right)]
    own, other = (one - one.mean(axis=1, keepdims=True) for one in ranks)
    size = np.sqrt((own**2).sum(axis=1) * (other**2).sum(axis=1))
    return mean(np.divide((own * other).sum(axis=1), size, out=np.zeros(len(size)), where=size > 0))
