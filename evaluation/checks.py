"""The figures the gate looks at, and how each is held against its threshold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import log
from typing import Any

from evaluation.backtest import Discrimination
from evaluation.draws import DrawStudy, Step, ordering
from evaluation.metrics import Calibration, Interval
from evaluation.shown import Value
from evaluation.stability import Migration, Shift
from evaluation.verdict import Detail
from training.cutoffs import RiskClass

VOLUME_WATCHED = "C+D"
SMALLEST_RATIO = 1e-6

Rule = Mapping[str, Any]
"""The threshold in force for one check: value, basis, and what else its study needs."""
SAFEST = (RiskClass.A,)
OTHERS = (RiskClass.B, RiskClass.C, RiskClass.D)


@dataclass(frozen=True)
class Coverage:
    """Who got a class, and why the others did not; ``unexplained`` entities have neither class nor reason."""

    entities: int
    classified: int
    without_class: Mapping[str, int]
    unexplained: int


@dataclass(frozen=True)
class Difference:
    """A rival's AUC on the same pairs, and how far the scheme is above it."""

    name: str
    auc: float | None
    difference: float | None
    interval: Interval | None


@dataclass(frozen=True)
class Leakage:
    """What a model of the same making tells apart when its labels were shuffled."""

    auc: float | None
    interval: Interval | None


@dataclass(frozen=True)
class ClassShares:
    """Classes of one kind: shares before and after rules, what was wanted, and the bands a person watches."""

    entities: int
    counts: Mapping[str, int]
    shares: Mapping[str, float]
    model_shares: Mapping[str, float]
    target: Mapping[str, float]
    guard: Mapping[str, Interval]


@dataclass(frozen=True)
class Sanity:
    """Properties that must hold exactly: monotone answers, and contributions that add up."""

    monotone_checked: int
    monotone_violations: int
    additivity_error: float


@dataclass(frozen=True)
class Stability:
    """Between two months: shifts of the probability and of every indicator, and how classes moved.

    ``calm`` is the migration of entities about whom nothing new became known. ``takes_over``: both are as the scheme
    takes over from the champion between the months.
    """

    before: str
    after: str
    psi_probability: float
    shifts: tuple[Shift, ...]
    migration: Migration
    calm: Migration
    takes_over: bool = False


@dataclass(frozen=True)
class Evidence:
    """Everything the gate looks at; None where a study had nothing to study.

    ``judged`` holds what further studies found, by code of check.
    """

    coverage: Coverage
    discrimination: Discrimination
    baseline: Difference | None
    champion: Difference | None
    leakage: Leakage | None
    calibration: Mapping[str, Calibration]
    draws: DrawStudy | None
    classes: Mapping[str, ClassShares]
    sanity: Sanity | None
    stability: Stability | None
    judged: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)


Figures = Callable[[Evidence, Rule], tuple[Detail, ...]]
"""What a check looks at in the evidence, each figure held against its threshold."""


def _at_most(subject: str, value: float | None, rule: Rule) -> Detail:
    return Detail(subject, value, value, None, None if value is None else value <= rule["value"])


def _at_least(subject: str, value: float | None, rule: Rule) -> Detail:
    return Detail(subject, value, value, None, None if value is None else value >= rule["value"])


def _bound(subject: str, bound: float, rule: Rule, *, figure: float | None, interval: Interval) -> Detail:
    """A bound of a figure that must reach the threshold."""
    return Detail(subject, bound, figure, interval, bound >= rule["value"])


def _near(subject: str, rule: Rule, *, figure: float | None, interval: Interval | None, ideal: float) -> Detail:
    """A figure that should be near an ideal; its distance counts as 0 when the interval does not tell them apart."""
    if figure is None or interval is None:
        return Detail(subject, None, figure, interval, None)
    is_near = interval[0] <= ideal <= interval[1]
    distance = 0.0 if is_near else abs(figure - ideal)
    return Detail(subject, distance, figure, interval, distance <= rule["value"])


def _coverage(evidence: Evidence, rule: Rule) -> tuple[Detail, ...]:
    found = evidence.coverage
    share = found.unexplained / found.entities if found.entities else None
    return (_at_most("all", share, rule),)


def _leakage(evidence: Evidence, rule: Rule) -> tuple[Detail, ...]:
    found = evidence.leakage
    return () if found is None else (_near("shuffled", rule, figure=found.auc, interval=found.interval, ideal=0.5),)


def _auc(evidence: Evidence, rule: Rule) -> tuple[Detail, ...]:
    found = evidence.discrimination
    interval = found.auc_interval
    return () if interval is None else (_bound("all", interval[0], rule, figure=found.auc, interval=interval),)


def _not_worse(rival: Difference | None, rule: Rule) -> tuple[Detail, ...]:
    if rival is None or rival.interval is None:
        return ()
    return (_bound(rival.name, rival.interval[1], rule, figure=rival.difference, interval=rival.interval),)


def _better(rival: Difference | None, rule: Rule) -> tuple[Detail, ...]:
    return () if rival is None else (_at_least(rival.name, rival.difference, rule),)


def _lift(evidence: Evidence, rule: Rule) -> tuple[Detail, ...]:
    watched = [volume for volume in evidence.discrimination.volumes if volume.name == VOLUME_WATCHED]
    return tuple(_at_least(volume.name, volume.lift, rule) for volume in watched)


def _observed(evidence: Evidence, rule: Rule) -> tuple[Detail, ...]:
    """How far observed over expected is from 1; 0 when the 99 % interval holds 1 (several kinds are asked at once)."""
    return tuple(
        _off_by(kind, found.o_e, found.o_e_interval_99, rule, at_least=False)
        for kind, found in evidence.calibration.items()
    )


def _shown_off(evidence: Evidence, rule: Rule) -> tuple[Detail, ...]:
    """How far from 1 observed over expected is at least, by its 99 % interval."""
    return tuple(
        _off_by(kind, found.o_e, found.o_e_interval_99, rule, at_least=True)
        for kind, found in evidence.calibration.items()
    )


def _off_by(kind: str, ratio: float | None, interval: Interval | None, rule: Rule, *, at_least: bool) -> Detail:
    """A ratio and its inverse are equally far from 1, so distances are logarithms."""
    if ratio is None or interval is None:
        return Detail(kind, None, ratio, interval, None)
    nearest = min(max(1.0, interval[0]), interval[1])
    apart = nearest if at_least else ratio
    distance = 0.0 if nearest == 1.0 else abs(log(max(apart, SMALLEST_RATIO)))
    return Detail(kind, distance, ratio, interval, distance <= rule["value"])


def _slope(evidence: Evidence, rule: Rule) -> tuple[Detail, ...]:
    kinds = evidence.calibration.items()
    return tuple(
        _near(kind, rule, figure=found.slope, interval=found.slope_interval, ideal=1.0) for kind, found in kinds
    )


def _skill(evidence: Evidence, rule: Rule) -> tuple[Detail, ...]:
    return tuple(_at_least(kind, found.skill, rule) for kind, found in _enough(evidence, rule).items())


def _ece(evidence: Evidence, rule: Rule) -> tuple[Detail, ...]:
    return tuple(_at_most(kind, found.relative_ece, rule) for kind, found in _enough(evidence, rule).items())


def _enough(evidence: Evidence, rule: Rule) -> dict[str, Calibration]:
    """The kinds with positives enough for a figure that chance would otherwise decide."""
    return {kind: found for kind, found in evidence.calibration.items() if found.n_pos >= rule["minimum"]}


def _rises(evidence: Evidence, rule: Rule) -> tuple[Detail, ...]:
    return tuple(_rise(step, step.lower, rule) for step in _steps(evidence))


def _reversals(evidence: Evidence, rule: Rule) -> tuple[Detail, ...]:
    return tuple(_rise(step, step.upper, rule) for step in _steps(evidence))


def _steps(evidence: Evidence) -> tuple[Step, ...]:
    return () if evidence.draws is None else ordering(evidence.draws.onsite)


def _rise(step: Step, bound: float, rule: Rule) -> Detail:
    name = f"{step.safer}→{step.riskier}"
    return _bound(name, bound, rule, figure=step.difference, interval=(step.lower, step.upper))


def _unweighted(evidence: Evidence, rule: Rule) -> tuple[Detail, ...]:
    found = evidence.draws
    return () if found is None or not found.draws else (_at_most("all", found.unweighted_share, rule),)


def _guards(evidence: Evidence, rule: Rule) -> tuple[Detail, ...]:
    found = []
    for kind, classes in evidence.classes.items():
        bands = classes.guard.items()
        outside = [name for name, (low, high) in bands if not low <= classes.shares[name] <= high]
        found.append(_at_most(" ".join([kind, *outside]), float(len(outside)), rule))
    return tuple(found)


def _monotone(evidence: Evidence, rule: Rule) -> tuple[Detail, ...]:
    found = evidence.sanity
    if found is None or not found.monotone_checked:
        return ()
    return (_at_most("all", float(found.monotone_violations), rule),)


def _additivity(evidence: Evidence, rule: Rule) -> tuple[Detail, ...]:
    return () if evidence.sanity is None else (_at_most("all", evidence.sanity.additivity_error, rule),)


def _psi(evidence: Evidence, rule: Rule) -> tuple[Detail, ...]:
    return () if evidence.stability is None else (_at_most("all", evidence.stability.psi_probability, rule),)


def _psi_indicators(evidence: Evidence, rule: Rule) -> tuple[Detail, ...]:
    shifts = () if evidence.stability is None else evidence.stability.shifts[:1]
    return tuple(_at_most(shift.column, shift.psi, rule) for shift in shifts)


def _kept(evidence: Evidence, rule: Rule, classes: Sequence[RiskClass]) -> tuple[Detail, ...]:
    """The share of every class that keeps it where nothing new became known; of too few only the figure is told."""
    if evidence.stability is None:
        return ()
    found = []
    for risk in classes:
        entities, kept = evidence.stability.calm.stayed(risk)
        detail = _at_least(risk.name, kept, rule)
        found.append(detail if entities >= rule["minimum"] else replace(detail, value=None, passed=None))
    return tuple(found)


def _jumps(evidence: Evidence, rule: Rule) -> tuple[Detail, ...]:
    found = evidence.stability
    return () if found is None else (_at_most("calm", float(found.calm.two_class_jumps), rule),)


def of_study(code: str, *, at_most: bool) -> Figures:
    """The figures of a study that gives them to the gate itself."""
    judge = _at_most if at_most else _at_least

    def found(evidence: Evidence, rule: Rule) -> tuple[Detail, ...]:
        values = evidence.judged.get(code, ())
        return tuple(replace(judge(one.subject, one.value, rule), interval=one.interval) for one in values)

    return found


FIGURES: Mapping[str, Figures] = {
    "EV001": _coverage,
    "EV010": _leakage,
    "EV020": _auc,
    "EV021": lambda evidence, rule: _not_worse(evidence.baseline, rule),
    "EV022": lambda evidence, rule: _better(evidence.baseline, rule),
    "EV023": _lift,
    "EV024": lambda evidence, rule: _not_worse(evidence.champion, rule),
    "EV026": of_study("EV026", at_most=False),
    "EV030": _shown_off,
    "EV031": _observed,
    "EV032": _slope,
    "EV033": _skill,
    "EV034": _ece,
    "EV040": _rises,
    "EV041": _reversals,
    "EV042": _unweighted,
    "EV043": of_study("EV043", at_most=False),
    "EV050": _guards,
    "EV060": _monotone,
    "EV061": _additivity,
    "EV062": of_study("EV062", at_most=True),
    "EV063": of_study("EV063", at_most=True),
    "EV064": of_study("EV064", at_most=False),
    "EV065": of_study("EV065", at_most=True),
    "EV070": _psi,
    "EV071": _psi,
    "EV072": _psi_indicators,
    "EV073": lambda evidence, rule: _kept(evidence, rule, SAFEST),
    "EV074": _jumps,
    "EV075": of_study("EV075", at_most=True),
    "EV076": lambda evidence, rule: _kept(evidence, rule, OTHERS),
}
