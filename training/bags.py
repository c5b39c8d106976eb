"""Bags: a scheme's boosters fitted again on resampled entities, to see how far their probabilities part.

Entities are drawn, not pairs: what is found about an entity at one date says much of the next. A bag has the scheme's
settings and counts of trees, other entities, other seeds, and a calibration of its own.

Reference: Breiman, Bagging predictors, Machine Learning 24 (1996).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from features.indicators.catalogue import DIMENSIONS, Definitions
from training import card, fit
from training.bagging import CONFIDENCE, LEAST_BAGS, BagSettings, Draws, drawn
from training.calibration import IDENTITY, Seen, curves
from training.card import CARD
from training.confidence import UNKNOWN, Certainty, Dimension, Levels, Line, Thin, means, nearest, odds
from training.cutoffs import RiskClass
from training.errors import SchemeError
from training.looking import Lesson
from training.parts import KindPart
from training.sample import Sample
from training.scheme import Scheme
from training.sureness import Confidence
from training.task import Task
from training.trees import without_parameters

Floats = npt.NDArray[np.float64]
Models = tuple[str, ...]

KNOTS, FINER = 10, 20  # of spread, and of agreement, which rises steeply where few are
LEAST_PAIRS = 200  # of a kind or class; with fewer the line of all holds for it
LEAST_SPREAD = 1e-3  # of log odds: below, refits differ by rounding
DIGITS = 6  # of what is measured: more would state chance
APART = 1_000  # between the seeds of one bag and the next
SEEDS = ("bagging_seed", "feature_fraction_seed", "extra_seed")  # not "seed" itself, which would also order the bins


@dataclass(frozen=True)
class Bagged:
    """A scheme with what its bags showed, the figures of that, and what they said of the pairs they were asked about.

    ``agreement`` is the share of bags that give a pair of the sample the class of the scheme's cutoffs, null where they
    were not asked; ``levels`` is the confidence of that class (−1: none).
    """

    scheme: Scheme
    figures: Mapping[str, Any]
    agreement: Floats
    levels: Levels


@dataclass(frozen=True)
class Asked:
    """The pairs bags are asked about, those calibrated on and later ones: their places in the sample, their log odds
    under the scheme, and the rows themselves."""

    place: npt.NDArray[np.int64]
    calibrating: npt.NDArray[np.bool_]
    rows: fit.Rows
    own: Floats

    @classmethod
    def of(cls, scheme: Scheme, sample: Sample) -> "Asked":
        """The pairs of calibration and test."""
        calibrating = sample.chosen("calibration")
        asked = calibrating | sample.chosen("test")
        rows = sample.rows_where(asked)
        own = _log_odds(scheme, scheme.margins(rows.values, rows.kind), rows.kind)
        return cls(np.flatnonzero(asked), calibrating[asked], rows, own)


def bagged(task: Task, scheme: Scheme, sample: Sample, *, taught: Lesson, counts: Sequence[int] | None) -> Bagged:
    """The scheme with the confidence that ``model.yaml`` asks for; without a part ``confidence``, the scheme alone.

    ``taught`` and ``counts`` are what it learned from and its trees, as in ``retrain.drafted``.
    """
    agreement, levels = np.full(len(sample.pairs), np.nan), np.full(len(sample.pairs), UNKNOWN, np.int8)
    if CONFIDENCE not in task.model:
        return Bagged(scheme, {}, agreement, levels)
    settings, asked, fitted = BagSettings.read(task.model[CONFIDENCE]), Asked.of(scheme, sample), taught.rows
    entity = np.concatenate([taught.pairs["entity"].to_numpy(), sample.pairs["entity"].to_numpy()[asked.place]])
    share = settings.share(len(fitted.kind))
    draws = drawn(settings, entity, task.lake.register()["code"], on=task.known_by, mean=share)
    of_fitted, of_asked = np.split(draws, [len(fitted.kind)], axis=1)
    bags = np.empty((settings.bags, len(asked.own)))
    for bag, models in enumerate(_refits(task, sample.layout, fitted, counts, of_fitted)):
        bags[bag] = _bag(task, _refitted(scheme, models, sample.layout, fitted, of_fitted[bag]), asked, of_asked[bag])
    bags = as_of_all(bags, share)
    told = agreement[asked.place] = agreed(scheme, asked.rows.kind, asked.own, bags)
    certainty = measured(scheme, settings, asked, bags, thin_rule(settings, task.definitions, scheme))
    if certainty is None:
        return Bagged(scheme, {"bags": _ordering(bags)}, agreement, levels)
    made = replace(scheme, certainty=certainty)
    levels[asked.place] = _levels(made, asked.rows)
    return Bagged(made, _figures(certainty, asked, told, levels[asked.place]), agreement, levels)


def as_of_all(bags: Floats, share: float) -> Floats:
    """Log odds of bags (bags × pairs) that saw a share of the rows, brought as near to their mean as bags of all rows
    would lie: what chance moves falls with the root of the number.

    Reference: Bickel, Götze and van Zwet, Resampling fewer than n observations, Statistica Sinica 7 (1997).
    """
    with np.errstate(all="ignore"):
        middle = np.nanmean(bags, axis=0) if share < 1.0 else bags
    return bags if share == 1.0 else middle + (bags - middle) * np.sqrt(share)


def _refits(
    task: Task, place: fit.Layout, fitted: fit.Rows, counts: Sequence[int] | None, draws: Draws
) -> Sequence[Models]:
    """The model texts of every bag."""
    if task.method == CARD:
        settings = card.CardSettings.read(task.model[CARD])
        return [(card.model(_resampled(fitted, draw), place, settings),) for draw in draws]
    grown = task.trees
    each = counts or [grown.count] * len(grown.seeds)
    settings_of = [replace(grown, count=count, seeds=(seed,)) for count, seed in zip(each, grown.seeds, strict=True)]
    texts = [_grown(fitted, place, one, number=number, draws=draws) for number, one in enumerate(settings_of)]
    return list(zip(*texts, strict=True))


def _resampled(rows: fit.Rows, draw: npt.NDArray[np.int64]) -> fit.Rows:
    return replace(rows, weight=rows.weight * draw).where(draw > 0)


def _grown(rows: fit.Rows, place: fit.Layout, settings: fit.TreeSettings, *, number: int, draws: Draws) -> list[str]:
    """The model text of the booster of a number in every bag; rows are put into bins once, which all bags share."""
    import lightgbm

    fixed, (seed,) = fit.parameters(rows, place, settings), settings.seeds
    data = fit.dataset(rows, place, settings, label=fit.label_of(rows, number)).construct()
    texts = []
    for bag, draw in enumerate(draws, start=1):
        taken = np.flatnonzero(draw)
        part = data.subset(taken).construct()  # before that, it would keep the weights of all
        part.set_weight(rows.weight[taken] * draw[taken])
        own = dict.fromkeys(SEEDS, seed + APART * bag)
        texts.append(without_parameters(lightgbm.train({**fixed, **own}, part, settings.count).model_to_string()))
    return texts


def _refitted(
    scheme: Scheme, models: Models, place: fit.Layout, fitted: fit.Rows, draw: npt.NDArray[np.int64]
) -> Scheme:
    """The scheme with the boosters of a bag and the mean effect of exposure among the entities drawn."""
    controls = _resampled(replace(fitted, values=np.empty((len(draw), 0))), draw)
    offsets = fit.offsets(models, place, fit.reference(controls, place, models, scheme.kinds), scheme.kinds)
    parts = {code: KindPart(IDENTITY, scheme.parts[code].cutoffs, offsets[code]) for code in scheme.kinds}
    return replace(scheme, models=models, parts=parts)


def _bag(task: Task, bag: Scheme, asked: Asked, draw: npt.NDArray[np.int64]) -> Floats:
    """The log odds of the pairs asked about under a bag, calibrated on those drawn; null where it found no order."""
    rows = asked.rows
    margin = bag.margins(rows.values, rows.kind)
    seen = Seen(margin, rows.kind, rows.label, rows.weight * draw).where(asked.calibrating & (draw > 0))
    if not seen.label.any():
        return np.full(len(margin), np.nan)
    try:
        found = curves(seen, bag.kinds, min_positives=int(task.model["calibration"]["min_positives"]))
    except SchemeError:  # greater margins were not found more often among those drawn: this bag agrees with nobody
        return np.full(len(margin), np.nan)
    parts = {code: replace(bag.parts[code], curve=found[code]) for code in bag.kinds}
    return _log_odds(replace(bag, parts=parts), margin, rows.kind)


def _log_odds(scheme: Scheme, margin: Floats, kind: npt.NDArray[np.int8]) -> Floats:
    found = np.empty(len(margin))
    for number, code in enumerate(scheme.kinds):
        own = kind == number
        found[own] = scheme.parts[code].curve.log_odds(margin[own])
    return found


def agreed(scheme: Scheme, kind: npt.NDArray[np.int8], own: Floats, bags: Floats) -> Floats:
    """The share of bags (log odds, bags × pairs; null: agrees with nobody) that give every pair the scheme's class."""
    found = np.zeros(len(own))
    for number, code in enumerate(scheme.kinds):
        rows, bounds = kind == number, odds(scheme.parts[code].cutoffs.bounds)
        theirs = np.searchsorted(bounds, bags[:, rows], side="right")
        same = theirs == np.searchsorted(bounds, own[rows], side="right")
        found[rows] = (same & ~np.isnan(bags[:, rows])).mean(axis=0)
    return found


def _ordering(bags: Floats) -> int:
    """How many bags found an order."""
    return int((~np.isnan(bags).any(axis=1)).sum())


def measured(scheme: Scheme, settings: BagSettings, asked: Asked, bags: Floats, thin: Thin) -> Certainty | None:
    """What bags say of the pairs calibrated on, as lines; null where fewer than ``LEAST_BAGS`` found an order."""
    if _ordering(bags) < LEAST_BAGS:
        return None
    used = asked.calibrating
    kind, own, weight = asked.rows.kind[used], asked.own[used], asked.rows.weight[used]
    apart = np.nanstd(bags[:, used], axis=0, ddof=1)
    spread, distance, standing = {}, np.empty(len(own)), np.empty(len(own), np.int64)
    for number, code in enumerate(scheme.kinds):
        rows, bounds = kind == number, odds(scheme.parts[code].cutoffs.bounds)
        taken = _enough(rows)
        spread[code] = line(own[taken], apart[taken], weight[taken], least=LEAST_SPREAD)
        distance[rows] = nearest(own[rows], bounds, np.zeros(int(rows.sum()), np.int8)) / spread[code].at(own[rows])
        standing[rows] = np.searchsorted(bounds, own[rows], side="right")
    told = agreed(scheme, kind, own, bags[:, used])
    agreement = {}
    for risk in RiskClass:
        taken = _enough(standing == risk)
        agreement[risk.name] = line(distance[taken], told[taken], weight[taken], rising=True)
    return Certainty(settings.bags, settings.high, settings.medium, spread, agreement, thin)


def _enough(rows: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """These rows, or all where they are too few to say anything of their own."""
    return rows if rows.sum() >= LEAST_PAIRS else np.ones(len(rows), np.bool_)


def line(given: Floats, seen: Floats, weight: Floats, *, least: float = 0.0, rising: bool = False) -> Line:
    """The line through the means of bins of ``given``: at least ``least``, and rising where that is known."""
    from scipy.optimize import isotonic_regression

    knots, values, total = means(given, seen, weight, bins=FINER if rising else KNOTS)
    if rising:  # pools neighbours that fall (Ayer et al. 1955)
        values = isotonic_regression(values, weights=total).x
    _, kept = np.unique(rounded(knots), return_index=True)
    return Line(tuple(rounded(knots)[kept].tolist()), tuple(rounded(np.maximum(values, least))[kept].tolist()))


def rounded(values: Floats) -> Floats:
    """Numbers as a scheme's text states them."""
    return np.round(values, DIGITS)


def thin_rule(settings: BagSettings, definitions: Definitions, scheme: Scheme) -> Thin:
    """Who is too little known, by the features the scheme reads; a sector without the age goes by dimensions alone."""
    found = []
    for name in DIMENSIONS:
        own = [one for one in definitions.indicators if one.dimension == name and one.code in scheme.features]
        kinds = tuple(kind for kind in scheme.kinds if any(kind in one.kinds for one in own))
        if own:
            found.append(Dimension(name, tuple(one.code for one in own), kinds))
    age = settings.age if settings.age in scheme.columns else None
    return Thin(age, float(settings.months), settings.empty, tuple(found))


def _levels(scheme: Scheme, rows: fit.Rows) -> Levels:
    """The confidence of rows by the model alone, without rules and an earlier month."""
    none = np.zeros(len(rows.kind), np.int8)
    sure = scheme.sure(scheme.margins(rows.values, rows.kind), rows.kind, ruled=none)
    return scheme.confidence(rows.values, rows.kind, sure, held=none > 0)


def _figures(certainty: Certainty, asked: Asked, told: Floats, levels: Levels) -> dict[str, Any]:
    """The distances from which on a class is of medium and high confidence, and how many of the bags agree there."""
    weight = asked.rows.weight
    reached = {}
    for one in Confidence:
        rows = asked.calibrating & (levels == one)
        total = float(weight[rows].sum())
        share = total / float(weight[asked.calibrating].sum())
        agree = float(np.average(told[rows], weights=weight[rows])) if total else None
        reached[one.code] = {"share": share, "agreement": agree}
    distances = {
        name: {"medium": found.first(certainty.medium), "high": found.first(certainty.high)}
        for name, found in certainty.agreement.items()
    }
    return {"distance": distances, "reached": reached}
