"""Problem rates on random on-site draws: the one look at the world that nobody aimed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from evaluation.errors import GateError
from evaluation.metrics import Flags, Floats, Integers, Interval, effective_n, wilson
from features.compile import CONTROL_COLUMNS, counted, literal_clock
from training.cutoffs import RiskClass
from training.labels import Knowledge
from training.outcomes import day

CLASSES = tuple(risk.name for risk in RiskClass)
INSUFFICIENT = "不足以判断"
DRAWN = pa.schema(
    [
        ("entity", pa.int32()),
        ("event_date", pa.date32()),
        ("results", pa.string()),
        ("severity", pa.float64()),
        ("probability", pa.float64()),
        ("onsite", pa.bool_()),
    ]
)
VISITED = pa.schema([("entity", pa.int32()), ("day", pa.date32()), ("origin", pa.string())])


@dataclass(frozen=True)
class DrawRule:
    """What the result codes of a draw mean in a profile: a problem, none, no answer, or not in the frame at all."""

    clean: frozenset[str]
    substantive: frozenset[str]
    with_finding: frozenset[str]
    finding_severity: int
    indeterminate: frozenset[str]
    out_of_scope: frozenset[str]

    @classmethod
    def read(cls, block: Mapping[str, Any]) -> "DrawRule":
        """The rule in a profile's ``random_draw.yaml``."""
        finding = block["substantive_with_finding"]
        return cls(
            clean=frozenset(map(str, block["clean"])),
            substantive=frozenset(map(str, block["substantive"])),
            with_finding=frozenset(map(str, finding["codes"])),
            finding_severity=int(finding["severity"]),
            indeterminate=frozenset(map(str, block["indeterminate"])),
            out_of_scope=frozenset(map(str, block["out_of_scope"])),
        )


@dataclass(frozen=True)
class Draws:
    """Random draws with a result, one row each: class at the time, codes found, gravest finding, probability, place.

    ``risk_class`` is a position in ``CLASSES``, −1 when the entity had none; ``results`` are codes as ``|a|b|``;
    ``severity`` is NaN without a finding; ``probability`` is π, NaN when the source gave none.
    """

    entity: Integers
    risk_class: Integers
    results: NDArray[np.object_]
    severity: Floats
    probability: Floats
    onsite: Flags

    def where(self, rows: Flags) -> "Draws":
        """The draws of a mask."""
        return Draws(
            self.entity[rows],
            self.risk_class[rows],
            self.results[rows],
            self.severity[rows],
            self.probability[rows],
            self.onsite[rows],
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


def read_draws(knowledge: Knowledge, block: Mapping[str, Any], *, span: tuple[date, date]) -> pa.Table:
    """Random draws inspected from one day to another, both included, as known by the day labels are made.

    Columns entity, event_date, results, severity (gravest finding, null without one), probability (null when the
    source gave none), onsite; by record. ``block`` is a profile's ``random_draw.yaml``.
    """
    name, origin, method = block["record_type"], block["origin"], block["method"]
    finding, probability = block["substantive_with_finding"], block["inclusion_probability"]
    types = knowledge.reading.types
    parent = types[finding["record_type"]].parent
    if parent is None or parent.record_type != name:
        raise GateError(
            f"random_draw.yaml: {finding['record_type']} belongs to {parent and parent.record_type}; expected {name}, "
            "the record type of draws. Nothing was read; correct the profile."
        )
    fields = [parent.key, origin["field"], method["field"], block["results"], probability]
    drawn = _known(knowledge, name, fields)
    findings = _known(knowledge, finding["record_type"], [parent.field, finding["field"]])
    if drawn is None:
        return DRAWN.empty_table()
    inside = drawn.filter(
        drawn[origin["field"]].isin([str(code) for code in origin["codes"]]),
        drawn.event_date >= day(span[0]),
        drawn.event_date <= day(span[1]),
    )
    rows = knowledge.reading.engine.run(inside).sort_by("record_id")
    scale = 10.0 ** types[name].field(probability).scale
    return pa.table(
        {
            "entity": rows["entity"].cast(pa.int32()),
            "event_date": rows["event_date"],
            "results": rows[block["results"]].cast(pa.string()),
            "severity": _gravest(knowledge, findings, (parent.field, finding["field"]), rows[parent.key]),
            "probability": pc.divide(rows[probability].cast(pa.float64()), scale),
            "onsite": pc.is_in(rows[method["field"]].cast(pa.string()), value_set=pa.array(method["onsite"])),
        },
        schema=DRAWN,
    )


def read_visits(knowledge: Knowledge, block: Mapping[str, Any], *, span: tuple[date, date]) -> pa.Table:
    """All visits on site from one day to another, both included, whatever brought them about: entity, day, origin.

    As known by the day labels are made, by record; ``block`` is a profile's ``random_draw.yaml``.
    """
    origin, method = block["origin"]["field"], block["method"]
    known = _known(knowledge, block["record_type"], [origin, method["field"]])
    if known is None:
        return VISITED.empty_table()
    inside = known.filter(
        known[method["field"]].isin([str(code) for code in method["onsite"]]),
        known.event_date >= day(span[0]),
        known.event_date <= day(span[1]),
    )
    rows = knowledge.reading.engine.run(inside).sort_by("record_id")
    return rows.select(["entity", "event_date", origin]).rename_columns(VISITED.names).cast(VISITED)


def _known(knowledge: Knowledge, record_type: str, fields: list[str]) -> ir.Table | None:
    """The records of a type that count on the day labels are made."""
    reading = knowledge.reading
    rows = reading.rows(record_type, ["entity", "record_id", *CONTROL_COLUMNS, *fields])
    if rows is None:
        return None
    clock = literal_clock(knowledge.known_by, knowledge.zone)
    return rows.filter(rows.entity.notnull(), counted(rows, clock, reading.lake.profile))


def _gravest(
    knowledge: Knowledge, findings: ir.Table | None, fields: tuple[str, str], keys: pa.ChunkedArray
) -> pa.Array:
    if findings is None:
        return pa.nulls(len(keys), pa.float64())
    of_key = findings.group_by(fields[0]).aggregate(severity=findings[fields[1]].max())
    table = knowledge.reading.engine.run(of_key)
    place = pc.index_in(keys, value_set=table[fields[0]].combine_chunks().cast(keys.type))
    return table["severity"].combine_chunks().cast(pa.float64()).take(place.combine_chunks())


def place_draws(rows: pa.Table, risk_class: Integers) -> Draws:
    """Draws as read, each with the class (−1 for none) of its entity."""
    return Draws(
        entity=rows["entity"].to_numpy().astype(np.int64),
        risk_class=risk_class,
        results=np.array(rows["results"].to_pylist(), dtype=object),
        severity=pc.fill_null(rows["severity"], np.nan).to_numpy(),
        probability=pc.fill_null(rows["probability"], np.nan).to_numpy(),
        onsite=rows["onsite"].to_numpy().astype(bool),
    )


def problems(draws: Draws, rule: DrawRule) -> Floats:
    """1 for a substantive problem, 0 for none, NaN for a draw without an answer, −1 for one outside the frame."""
    return np.array(
        [_problem(str(found or ""), grave, rule) for found, grave in zip(draws.results, draws.severity, strict=True)],
        dtype=np.float64,
    )


def _problem(results: str, severity: float, rule: DrawRule) -> float:
    codes = {code for code in results.split("|") if code}
    unknown = codes - rule.clean - rule.substantive - rule.with_finding - rule.indeterminate - rule.out_of_scope
    if unknown:
        raise GateError(
            f"A random draw has result {', '.join(sorted(unknown))}, which random_draw.yaml does not place. "
            "No rate was computed; say there whether it is clean, substantive, indeterminate or out of scope."
        )
    grave = bool(codes & rule.with_finding) and severity >= rule.finding_severity
    if grave or codes & rule.substantive:
        return 1.0
    if codes & (rule.clean | rule.with_finding):
        return 0.0
    return -1.0 if codes & rule.out_of_scope and not codes & rule.indeterminate else np.nan


def study(draws: Draws, rule: DrawRule, *, minimum: int) -> DrawStudy:
    """Rates of substantive problems by class; a class with fewer determinate draws than ``minimum`` is not judged."""
    problem = problems(draws, rule)
    in_scope = (problem != -1) & (draws.risk_class >= 0)
    weighted = np.nan_to_num(draws.probability) > 0
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
        rate = hajek(problem[rows], draws.probability[rows], draws.entity[rows])
        found[name] = replace(rate, verdict=None if rate.n >= minimum else INSUFFICIENT)
    return found


def hajek(problem: Floats, probability: Floats, entity: Integers) -> Rate:
    """The weighted share of problems among determinate draws, weights 1/π, with a design-based interval.

    The interval is Wilson's on the effective sample size, which the linearised variance over entities gives (Korn and
    Graubard 1998); at a rate of 0 or 1 Kish's takes its place.
    """
    known = ~np.isnan(problem)
    weights = 1 / probability
    if not known.any():
        return Rate(0, None, None, None, None, len(problem), None, INSUFFICIENT)
    rate, size = _share(problem[known], weights[known], entity[known])
    least, size_of_all = _share(np.nan_to_num(problem, nan=0.0), weights, entity)
    most, _ = _share(np.nan_to_num(problem, nan=1.0), weights, entity)
    return Rate(
        n=int(known.sum()),
        problem_rate=rate,
        interval=wilson(rate, size),
        bounds=(least, most),
        found_interval=wilson(least, size_of_all),
        indeterminate=int((~known).sum()),
        effective_n=size,
        verdict=None,
    )


def _share(problem: Floats, weights: Floats, entity: Integers) -> tuple[float, float]:
    """The weighted share of problems, and the number of equally likely draws that would tell as much."""
    rate = float(weights @ problem / weights.sum())
    return rate, _effective(problem, weights, entity, rate)


def _effective(problem: Floats, weights: Floats, entity: Integers, rate: float) -> float:
    _, cluster = np.unique(entity, return_inverse=True)
    clusters = int(cluster.max()) + 1
    residual = np.bincount(cluster, weights=weights * (problem - rate)) / weights.sum()
    variance = float((residual**2).sum()) * clusters / max(1, clusters - 1)
    if variance <= 0:
        return effective_n(np.bincount(cluster, weights=weights).astype(np.float64))
    return min(rate * (1 - rate) / variance, float(len(problem)))


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
