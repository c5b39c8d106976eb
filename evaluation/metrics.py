"""Statistics of a score against outcomes; all take weights, and intervals take an entity for one witness."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammaincinv, logit, ndtri  # not scipy.stats: whoever opens a champion comes by here

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Interval = tuple[float, float]

CELLS_AT_ONCE = 4_000_000
SMALLEST_PROBABILITY = 1e-12
MOST_BINS, POSITIVES_PER_BIN = 10, 10


@dataclass(frozen=True)
class Ranking:
    """Rows put in order once, by stratum and rising margin, to be measured under any number of weightings."""

    order: Integers
    positive: Flags
    runs: Integers
    strata: Integers

    @property
    def stratum_of_run(self) -> Integers:
        """The stratum each run of equal margins lies in."""
        return np.repeat(np.arange(len(self.strata)), np.diff(self.strata, append=len(self.runs)))


@dataclass(frozen=True)
class Weighed:
    """Positive and negative weight of each run of a ranking, one row a weighting."""

    positive: Floats
    negative: Floats


@dataclass(frozen=True)
class Proportion:
    """A weighted share, its 95 % interval, and how many equally likely entities would tell as much."""

    share: float
    interval: Interval
    effective_n: float


@dataclass(frozen=True)
class Bin:
    """Rows of neighbouring probability: how many, how many positives, what was expected, what was seen."""

    rows: int
    positives: int
    share: float
    mean_probability: float
    rate: float
    interval: Interval


@dataclass(frozen=True)
class Calibration:
    """How far probabilities can be taken at their word, for one entity kind; intervals are 95 % unless named."""

    n: int
    n_pos: int
    o_e: float | None
    o_e_interval: Interval | None
    o_e_interval_99: Interval | None
    slope: float | None
    slope_interval: Interval | None
    skill: float | None
    skill_interval: Interval | None
    relative_ece: float | None
    bins: tuple[Bin, ...]


def rank(margin: Floats, outcome: Flags, *, stratum: Integers | None = None) -> Ranking:
    """The order of rows by margin; pairs are formed inside a stratum, and negative strata (unknown) are left out."""
    within = np.zeros(len(margin), dtype=np.int64) if stratum is None else np.asarray(stratum)
    order = np.lexsort((margin, within))
    order = order[within[order] >= 0]
    group, value = within[order], margin[order]
    new_group = np.concatenate([[True], group[1:] != group[:-1]])[: len(order)]
    new_run = new_group | np.concatenate([[True], value[1:] != value[:-1]])[: len(order)]
    runs = np.flatnonzero(new_run)
    return Ranking(order, np.asarray(outcome, dtype=bool)[order], runs, np.flatnonzero(new_group[runs]))


def weigh(ranking: Ranking, weights: Floats) -> Weighed:
    """The ranking under weights (rows, or weightings × rows), for several figures of the same weightings."""
    placed = np.atleast_2d(np.asarray(weights, dtype=np.float64))[:, ranking.order]
    if not len(ranking.order):
        return Weighed(placed, placed)
    positive = placed * ranking.positive
    return Weighed(
        np.add.reduceat(positive, ranking.runs, axis=1),
        np.add.reduceat(placed - positive, ranking.runs, axis=1),
    )


def _under(ranking: Ranking, weights: Floats | Weighed) -> Weighed:
    return weights if isinstance(weights, Weighed) else weigh(ranking, weights)


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """A ratio that is NaN where there is nothing to divide by."""
    found: Floats = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=found, where=denominator > 0)
    return found


def auc(ranking: Ranking, weights: Floats | Weighed) -> Floats:
    """The weighted share of (positive, negative) pairs of one stratum in right order, ties half; one value a weighting.

    ``weights`` is rows, or weightings × rows, or what ``weigh`` gave; NaN where no pair exists.
    """
    under = _under(ranking, weights)
    if not len(ranking.order):
        return np.full(len(under.positive), np.nan)
    positive, negative = under.positive, under.negative
    before = np.cumsum(negative, axis=1) - negative
    before_stratum = before[:, ranking.strata][:, ranking.stratum_of_run]
    right = (positive * (before - before_stratum + negative / 2)).sum(axis=1)
    pairs = np.add.reduceat(positive, ranking.strata, axis=1) * np.add.reduceat(negative, ranking.strata, axis=1)
    return ratio(right, pairs.sum(axis=1))


def average_precision(ranking: Ranking, weights: Floats | Weighed) -> Floats:
    """Weighted mean precision over the positives, riskiest first, equal margins entering together."""
    under = _under(ranking, weights)
    positive, negative = under.positive[:, ::-1], under.negative[:, ::-1]
    found = np.cumsum(positive, axis=1)
    looked_at = found + np.cumsum(negative, axis=1)
    precision = np.nan_to_num(ratio(found, looked_at))
    return ratio((positive * precision).sum(axis=1), found[:, -1])


def capture(ranking: Ranking, weights: Floats | Weighed, *, volume: float) -> Floats:
    """The share of positives among the riskiest ``volume`` of the weight; equal margins at the edge count by share."""
    under = _under(ranking, weights)
    positive, negative = under.positive[:, ::-1], under.negative[:, ::-1]
    total = positive + negative
    reached = np.cumsum(total, axis=1)
    left = volume * reached[:, -1:] - (reached - total)
    taken = np.clip(np.nan_to_num(ratio(left, total)), 0.0, 1.0)
    return ratio((positive * taken).sum(axis=1), positive.sum(axis=1))


def lift(ranking: Ranking, weights: Floats | Weighed, *, volume: float) -> Floats:
    """How many times more positives the riskiest ``volume`` holds than the same volume drawn at random."""
    return capture(ranking, weights, volume=volume) / volume


def resample(entities: Integers, rng: np.random.Generator, *, replicates: int) -> Iterator[Floats]:
    """Row weights (replicates × rows, in chunks) of a bootstrap: entities are drawn, all their rows come along."""
    _, cluster = np.unique(entities, return_inverse=True)
    clusters = int(cluster.max()) + 1
    chunk = max(1, CELLS_AT_ONCE // len(cluster))
    for start in range(0, replicates, chunk):
        size = min(chunk, replicates - start)
        drawn = rng.integers(clusters, size=(size, clusters)) + np.arange(size)[:, None] * clusters
        times = np.bincount(drawn.ravel(), minlength=size * clusters).reshape(size, clusters)
        yield times[:, cluster].astype(np.float64)


def bootstrap(
    statistic: Callable[[Floats], Floats],
    entities: Integers,
    rng: np.random.Generator,
    *,
    weights: Floats | None = None,
    replicates: int = 1000,
) -> list[Interval | None]:
    """95 % intervals of a statistic (weightings × rows → weightings, or weightings × figures), one a figure.

    Figures of one call share their replicates, so a difference among them is a paired one.
    """
    base = np.ones(len(entities)) if weights is None else weights
    rows = [statistic(drawn * base) for drawn in resample(entities, rng, replicates=replicates)]
    values = np.concatenate([row.reshape(len(row), -1) for row in rows])
    return [percentile_interval(values[:, column]) for column in range(values.shape[1])]


def percentile_interval(values: Floats, level: float = 0.95) -> Interval | None:
    """The middle ``level`` of replicates; None when no replicate has a value."""
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def wilson(rate: float, n: float, level: float = 0.95) -> Interval:
    """Wilson's interval of a proportion seen in ``n`` (effective) observations.

    Reference: Wilson 1927; never leaves [0, 1] and stays honest at rates of 0 and 1.
    """
    z = float(ndtri((1 + level) / 2))
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    low = 0.0 if rate <= 0 else max(0.0, float(centre - half))
    high = 1.0 if rate >= 1 else min(1.0, float(centre + half))
    return low, high


def proportion(flag: Floats | Flags, *, weights: Floats, entities: Integers) -> Proportion:
    """The weighted share of rows with a flag, with its interval: the rows of one entity tell little more than one.

    The interval is Wilson's on the effective sample size, which the linearised variance over entities gives; at a share
    of 0 or 1, and for a single entity, Kish's takes its place. Reference: Korn and Graubard 1998.
    """
    share = float(np.average(flag, weights=weights))
    _, cluster = np.unique(entities, return_inverse=True)
    clusters = int(cluster.max()) + 1
    residual = np.bincount(cluster, weights=weights * (flag - share)) / weights.sum()
    variance = float((residual**2).sum()) * clusters / max(1, clusters - 1)
    if clusters > 1 and flag.min() < flag.max() and variance > 0:
        size = min(share * (1 - share) / variance, float(len(weights)))
    else:
        size = effective_n(np.bincount(cluster, weights=weights).astype(np.float64))
    return Proportion(share, wilson(share, size), size)


def observed_expected(
    probability: Floats, outcome: Flags, *, weights: Floats, entities: Integers, level: float = 0.95
) -> tuple[float | None, Interval | None]:
    """Observed over expected positives with an interval; (None, None) when nothing was expected.

    Reference: Fay and Feuer 1997, the gamma interval of a weighted sum of Poisson counts: exact for equal weights,
    and defined when nothing was observed. Weights of one entity add up before they are squared.
    """
    expected = float(weights @ probability)
    if expected <= 0:
        return None, None
    observed = float(weights @ outcome)
    _, cluster = np.unique(entities, return_inverse=True)
    squares = float((np.bincount(cluster, weights=weights * outcome) ** 2).sum())
    widest = float(weights.max())
    tail = (1 - level) / 2
    low = 0.0
    if observed > 0:
        low = squares / (2 * observed) * _chi_square(tail, 2 * observed**2 / squares)
    top, spread = observed + widest, squares + widest**2
    high = spread / (2 * top) * _chi_square(1 - tail, 2 * top**2 / spread)
    return observed / expected, (low / expected, high / expected)


def _chi_square(share: float, freedom: float) -> float:
    """The value below which so large a share of a chi-square distribution lies."""
    return float(2 * gammaincinv(freedom / 2, share))


def calibration_slope(
    probability: Floats, outcome: Flags, *, weights: Floats, entities: Integers, level: float = 0.95
) -> tuple[float | None, Interval | None]:
    """The slope of outcome on logit(p), 1 when spread is right, below 1 when p is overconfident; None if undefined.

    The interval is the sandwich estimate with entities as clusters.
    """
    from sklearn.linear_model import LogisticRegression  # serving opens champions through this room without it

    x = logit(np.clip(probability, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY))
    y = np.asarray(outcome, dtype=np.float64)
    if y.min() == y.max() or np.ptp(x) == 0:
        return None, None
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10)
    model.fit(x[:, None], y, sample_weight=weights)
    slope = float(model.coef_[0, 0])
    fitted = expit(slope * x + model.intercept_[0])
    design = np.column_stack([x, np.ones_like(x)])
    bread = np.linalg.inv(design.T @ (design * (weights * fitted * (1 - fitted))[:, None]))
    _, cluster = np.unique(entities, return_inverse=True)
    scores = design * (weights * (y - fitted))[:, None]
    summed = np.column_stack([np.bincount(cluster, weights=column) for column in scores.T])
    error = float(np.sqrt((bread @ (summed.T @ summed) @ bread)[0, 0]))
    z = float(ndtri((1 + level) / 2))
    return slope, (slope - z * error, slope + z * error)


def log_loss_skill(
    probability: Floats, outcome: Flags, *, weights: Floats, entities: Integers, level: float = 0.95
) -> tuple[float | None, Interval | None]:
    """How much log loss the probabilities save over the best constant, the rate seen; None without two outcomes.

    The interval is of the linearised share, entities as clusters.
    """
    rate = float(np.average(outcome, weights=weights))
    if not 0 < rate < 1:
        return None, None
    sure = np.clip(probability, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    constant = -weights * np.where(outcome, np.log(rate), np.log1p(-rate))
    saved = constant + weights * np.where(outcome, np.log(sure), np.log1p(-sure))
    total = float(constant.sum())
    skill = float(saved.sum()) / total
    _, cluster = np.unique(entities, return_inverse=True)
    residual = np.bincount(cluster, weights=saved - skill * constant) / total
    error = float(np.sqrt((residual**2).sum()))
    z = float(ndtri((1 + level) / 2))
    return skill, (skill - z * error, skill + z * error)


def effective_n(weights: Floats) -> float:
    """How many equally weighted rows carry as much as these (Kish)."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def reliability(probability: Floats, outcome: Flags, *, weights: Floats, entities: Integers) -> tuple[Bin, ...]:
    """At most ten bins of rising probability that hold about equally many positives, ten each if there are as many.

    Rows of equal probability stay together.
    """
    if not outcome.any():
        return ()
    bins = min(MOST_BINS, max(1, int(outcome.sum()) // POSITIVES_PER_BIN))
    ranking = rank(probability, outcome)
    positive = weigh(ranking, weights).positive[0]
    middle = (np.cumsum(positive) - positive / 2) / positive.sum()
    bin_of_run = np.minimum((middle * bins).astype(np.int64), bins - 1)
    bin_of_row = np.empty(len(outcome), dtype=np.int64)
    bin_of_row[ranking.order] = np.repeat(bin_of_run, np.diff(ranking.runs, append=len(outcome)))
    return tuple(
        Bin(
            rows=int(rows.sum()),
            positives=int(outcome[rows].sum()),
            share=float(weights[rows].sum() / weights.sum()),
            mean_probability=float(np.average(probability[rows], weights=weights[rows])),
            rate=seen.share,
            interval=seen.interval,
        )
        for rows in (bin_of_row == number for number in np.unique(bin_of_row))
        for seen in (proportion(outcome[rows], weights=weights[rows], entities=entities[rows]),)
    )


def relative_ece(bins: tuple[Bin, ...]) -> float | None:
    """Mean distance between probability and rate over bins, in units of the base rate; None without positives."""
    base = sum(part.share * part.rate for part in bins)
    if base <= 0:
        return None
    return sum(part.share * abs(part.mean_probability - part.rate) for part in bins) / base


def calibration(probability: Floats, outcome: Flags, *, weights: Floats, entities: Integers) -> Calibration:
    """All calibration figures of one entity kind."""
    if not len(outcome):
        return Calibration(0, 0, None, None, None, None, None, None, None, None, ())
    o_e, o_e_interval = observed_expected(probability, outcome, weights=weights, entities=entities)
    _, wider = observed_expected(probability, outcome, weights=weights, entities=entities, level=0.99)
    slope, slope_interval = calibration_slope(probability, outcome, weights=weights, entities=entities)
    skill, skill_interval = log_loss_skill(probability, outcome, weights=weights, entities=entities)
    bins = reliability(probability, outcome, weights=weights, entities=entities)
    return Calibration(
        n=len(outcome),
        n_pos=int(outcome.sum()),
        o_e=o_e,
        o_e_interval=o_e_interval,
        o_e_interval_99=wider,
        slope=slope,
        slope_interval=slope_interval,
        skill=skill,
        skill_interval=skill_interval,
        relative_ece=relative_ece(bins),
        bins=bins,
    )
