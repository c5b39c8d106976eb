"""Problem rates on random on-site draws: the one look at the world that nobody aimed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from evaluation.metrics import Flags, Floats, Integers, Interval, proportion
from training.cutoffs import RiskClass
from training.draws import DrawRule
from training.draws import problems as told

CLASSES = tuple(risk.name for risk in RiskClass)
INSUFFICIENT = "不足以判断"


@dataclass(frozen=True)
class Draws:
    """Random draws with a result, one row each: class at the time, codes found, gravest finding, chance, place.

    ``risk_class`` is a position in ``CLASSES``, −1 when the entity had none; ``results`` are codes as ``|a|b|``;
    ``severity`` is NaN without a finding; ``chance`` is that to be drawn (π) and then looked at where it was, on site
    or not, NaN when the source gave no π; ``planned`` where the plan told the second of the two.
    """

    entity: Integers
    risk_class: Integers
    results: NDArray[np.object_]
    severity: Floats
    chance: Floats
    onsite: Flags
    planned: Flags

    @property
    def weighed(self) -> Flags:
        """Which draws have a chance that is known, so that they can be weighed."""
        known: Flags = np.nan_to_num(self.chance) > 0
        return known

    def where(self, rows: Flags) -> "Draws":
        """The draws of a mask."""
        return Draws(
            self.entity[rows],
            self.risk_class[rows],
            self.results[rows],
            self.severity[rows],
            self.chance[rows],
            self.onsite[rows],
            self.planned[rows],
        )


@dataclass(frozen=True)
class Rate:
    """The rate of substantive problems in one class, as weighted draws show it.

    ``problem_rate`` is that among draws with an answer. ``bounds`` count every draw without one as clean, then as a
    problem; the first of them, with ``found_interval``, is the share in which a check finds a problem at all.
    ``verdict`` is None when the number of draws allows a judgement.
    """

    n: int
    problem_rate: float | None
    interval: Interval | None
    bounds: Interval | None
    found_interval: Interval | None
    indeterminate: int
    effective_n: float | None
    verdict: str | None


@dataclass(frozen=True)
class DrawStudy:
    """Rates by class on site and off site (never pooled), and the draws that could not be weighed."""

    onsite: dict[str, Rate]
    offsite: dict[str, Rate]
    draws: int
    unweighted: int
    unweighted_share: float
    out_of_scope: int


@dataclass(frozen=True)
class Ratio:
    """How many times the problem rate of one class is that of a safer one, with its 95 % interval."""

    safer: str
    riskier: str
    ratio: float
    interval: Interval


@dataclass(frozen=True)
class Step:
    """From one class to the next riskier: how much the problem rate rises, at least and at most."""

    safer: str
    riskier: str
    difference: float
    lower: float
    upper: float


def place_draws(rows: pa.Table, risk_class: Integers) -> Draws:
    """Draws as read, each with the class (−1 for none) of its entity."""
    return Draws(
        entity=rows["entity"].to_numpy().astype(np.int64),
        risk_class=risk_class,
        results=np.array(rows["results"].to_pylist(), dtype=object),
        severity=pc.fill_null(rows["severity"], np.nan).to_numpy(),
        chance=pc.fill_null(rows["chance"], np.nan).to_numpy(),
        onsite=rows["onsite"].to_numpy().astype(bool),
        planned=rows["planned"].to_numpy().astype(bool),
    )


def problems(draws: Draws, rule: DrawRule) -> Floats:
    """What every draw says: see ``training.draws.problems``."""
    return told(draws.results, draws.severity, rule)


def study(draws: Draws, rule: DrawRule, *, minimum: int) -> DrawStudy:
    """Rates of substantive problems by class; a class with fewer determinate draws than ``minimum`` is not judged."""
    problem = problems(draws, rule)
    in_scope = (problem != -1) & (draws.risk_class >= 0)
    weighted = draws.weighed
    counted = in_scope & weighted
    unweighted = int((in_scope & ~weighted).sum())
    return DrawStudy(
        onsite=rates(draws.where(counted & draws.onsite), problem[counted & draws.onsite], minimum=minimum),
        offsite=rates(draws.where(counted & ~draws.onsite), problem[counted & ~draws.onsite], minimum=minimum),
        draws=len(problem),
        unweighted=unweighted,
        unweighted_share=unweighted / max(1, int(in_scope.sum())),
        out_of_scope=int((problem == -1).sum()),
    )


def rates(draws: Draws, problem: Floats, *, minimum: int) -> dict[str, Rate]:
    """The rate of each class over weighted draws of one place of inspection."""
    found = {}
    for position, name in enumerate(CLASSES):
        rows = draws.risk_class == position
        rate = hajek(problem[rows], draws.chance[rows], draws.entity[rows])
        found[name] = replace(rate, verdict=None if rate.n >= minimum else INSUFFICIENT)
    return found


def hajek(problem: Floats, chance: Floats, entity: Integers) -> Rate:
    """The weighted share of problems among determinate draws, weights 1/chance, with a design-based interval.

    Its interval takes the draws of one entity together.
    """
    known = ~np.isnan(problem)
    weights = 1 / chance
    if not known.any():
        return Rate(0, None, None, None, None, len(problem), None, INSUFFICIENT)
    found = proportion(problem[known], weights=weights[known], entities=entity[known])
    least = proportion(np.nan_to_num(problem, nan=0.0), weights=weights, entities=entity)
    most = float(np.average(np.nan_to_num(problem, nan=1.0), weights=weights))
    return Rate(
        n=int(known.sum()),
        problem_rate=found.share,
        interval=found.interval,
        bounds=(least.share, most),
        found_interval=least.interval,
        indeterminate=int((~known).sum()),
        effective_n=found.effective_n,
        verdict=None,
    )


def oracle_classes(propensity: Floats, risk_class: Integers, kind: Integers) -> Integers:
    """Classes of the same sizes per kind, filled in the order of the latent propensity: the best anyone could do."""
    best = np.full(len(risk_class), -1, dtype=np.int64)
    for number in np.unique(kind):
        rows = np.flatnonzero((kind == number) & (risk_class >= 0))
        best[rows[np.argsort(propensity[rows], kind="stable")]] = np.sort(risk_class[rows])
    return best


def ordering(rates_of: Mapping[str, Rate]) -> tuple[Step, ...]:
    """The rise between neighbouring classes that have draws enough, with its lower bound.

    Reference: Newcombe 1998, the difference of two proportions from their Wilson intervals.
    """
    judged = [
        (name, rate.problem_rate, rate.interval)
        for name, rate in rates_of.items()
        if rate.verdict is None and rate.problem_rate is not None and rate.interval is not None
    ]
    return tuple(_step(safer, riskier) for safer, riskier in pairwise(judged))


def ratio(rates_of: Mapping[str, Rate], safer: str, riskier: str) -> Ratio | None:
    """The ratio of two classes' problem rates; None where a rate is not known or nought.

    Reference: Donner and Zou 2012, the interval of a ratio recovered from the intervals of both rates, here of their
    logarithms.
    """
    low, high = rates_of[safer], rates_of[riskier]
    if not low.problem_rate or not high.problem_rate or low.interval is None or high.interval is None:
        return None
    middle = np.log(high.problem_rate / low.problem_rate)
    below = np.hypot(np.log(high.problem_rate / high.interval[0]), np.log(low.interval[1] / low.problem_rate))
    above = np.hypot(np.log(high.interval[1] / high.problem_rate), np.log(low.problem_rate / low.interval[0]))
    interval = (float(np.exp(middle - below)), float(np.exp(middle + above)))
    return Ratio(safer, riskier, float(np.exp(middle)), interval)


def _step(safer: tuple[str, float, Interval], riskier: tuple[str, float, Interval]) -> Step:
    difference = riskier[1] - safer[1]
    below = np.hypot(riskier[1] - riskier[2][0], safer[2][1] - safer[1])
    above = np.hypot(riskier[2][1] - riskier[1], safer[1] - safer[2][0])
    return Step(safer[0], riskier[0], difference, difference - float(below), difference + float(above))
