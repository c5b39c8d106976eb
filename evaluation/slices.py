"""The same figures among parts of the test pairs: is anybody treated otherwise than others, and are watched ones?

Equal treatment is read off side by side: who is called risky (C and D) without having violated, who violated without
having been called risky, whether probabilities add up, and whether the order holds inside each part.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evaluation.backtest import Scored, number
from evaluation.metrics import Flags, Floats, Interval, auc, observed_expected, proportion, rank
from evaluation.shown import Words
from features import dimensions
from features.dimensions import UNKNOWN, Dimension, words_of
from features.matrix import registrations
from training.cutoffs import RiskClass
from training.task import Task

FEWEST = 200  # pairs below which a part is counted and not judged
LOOKED_AT = "looked_at"
WATCHED: Words = ("被查可能性（五等分）", "chance to be looked at (in fifths)")
QUINTILES = 5
Parted = tuple[Mapping[str, Words], Sequence[str]]
"""The parts in order with their words, and the part of every pair."""


@dataclass(frozen=True)
class Part:
    """Figures of one part; intervals are 95 %, and figures null where there are fewer than ``FEWEST`` pairs.

    ``share`` is that of class C and D, ``false_alarms`` the same among those without the outcome, ``missed`` the share
    of those with it in A and B; ``lift`` and ``precision`` are of looking at C and D, ``rates`` by class.
    """

    value: str
    label: Words
    n: int
    n_pos: int
    rate: float | None = None
    share_d: float | None = None
    share_d_interval: Interval | None = None
    share: float | None = None
    share_interval: Interval | None = None
    false_alarms: float | None = None
    false_alarms_interval: Interval | None = None
    missed: float | None = None
    missed_interval: Interval | None = None
    o_e: float | None = None
    o_e_interval: Interval | None = None
    auc: float | None = None
    lift: float | None = None
    precision: float | None = None
    rates: Mapping[str, tuple[float | None, Interval | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class Slices:
    """All parts along one dimension, in the order of their values."""

    label: Words
    parts: tuple[Part, ...]


def study(scored: Scored, risk_class: NDArray[np.int8], label: Words, parted: Parted) -> Slices:
    """The figures of every part along a dimension of that label."""
    named = np.asarray(parted[1])
    parts = []
    for value, words in parted[0].items():
        own = named == value
        if own.any():
            parts.append(_part(value, words, scored.where(own), risk_class[own]))
    return Slices(label, tuple(parts))


def _part(value: str, label: Words, rows: Scored, risk_class: NDArray[np.int8]) -> Part:
    n, positive = len(rows.outcome), rows.outcome
    if n < FEWEST:
        return Part(value, label, n, int(positive.sum()))
    risky = risk_class >= RiskClass.C
    o_e, o_e_interval = observed_expected(rows.probability, positive, weights=rows.weight, entities=rows.entity)
    all_of_it = np.ones(n, np.bool_)
    share_d, share, false_alarms, missed = (
        _share(flag, rows, among)
        for flag, among in (
            (risk_class == RiskClass.D, all_of_it), (risky, all_of_it), (risky, ~positive), (~risky, positive),
        )
    )  # fmt: skip
    return Part(
        value=value,
        label=label,
        n=n,
        n_pos=int(positive.sum()),
        rate=float(np.average(positive, weights=rows.weight)),
        share_d=share_d[0],
        share_d_interval=share_d[1],
        share=share[0],
        share_interval=share[1],
        false_alarms=false_alarms[0],
        false_alarms_interval=false_alarms[1],
        missed=missed[0],
        missed_interval=missed[1],
        o_e=o_e,
        o_e_interval=o_e_interval,
        auc=number(auc(rank(rows.margin, positive), rows.weight)[0]),
        lift=(1 - missed[0]) / share[0] if missed[0] is not None and share[0] else None,
        precision=_share(positive, rows, risky)[0],
        rates={risk.name: _share(positive, rows, risk_class == risk) for risk in RiskClass},
    )


def _share(flag: Flags, rows: Scored, among: Flags) -> tuple[float | None, Interval | None]:
    if not among.any():
        return None, None
    found = proportion(flag[among], weights=rows.weight[among], entities=rows.entity[among])
    return found.share, found.interval


def quintiles(chance: Floats, weight: Floats) -> Parted:
    """Fifths by the chance to be looked at, the least watched first, of equal weight; equal chances stay together."""
    names = {str(place): (f"第{place}组", f"fifth {place}") for place in range(1, QUINTILES + 1)}
    names["1"], names["5"] = ("最少被查的五分之一", "least looked at"), ("最多被查的五分之一", "most looked at")
    return names, [str(place + 1) for place in _places(chance, weight, QUINTILES).tolist()]


def _places(values: Floats, weight: Floats, parts: int) -> NDArray[np.int64]:
    _, place = np.unique(values, return_inverse=True)
    own = np.bincount(place, weights=weight)
    middle = (np.cumsum(own) - own / 2) / own.sum()
    found: NDArray[np.int64] = np.minimum((middle * parts).astype(np.int64), parts - 1)[place]
    return found


def parts_of(
    task: Task, dimension: Dimension, pairs: pa.Table, kind: NDArray[np.int8], column: Callable[[str], Floats]
) -> Parted:
    """The parts of a dimension with their words, and the part of every pair; ``column`` gives an indicator's values."""
    profile = task.profile
    if dimension.field is not None:
        return _by_field(task, dimension, pairs)
    if dimension.indicator is not None:
        return _by_indicator(dimension, column(dimension.indicator), 1.0 / pairs["s"].to_numpy())
    names = {one.code: (one.label, one.label_en) for one in profile.kinds}
    return names, [profile.kind_codes[number] for number in kind]


def _by_indicator(dimension: Dimension, values: Floats, weight: Floats) -> Parted:
    known = ~np.isnan(values)
    bounds = np.array(dimension.bounds)
    if not len(bounds):
        place = np.full(len(values), -1)
        place[known] = _places(values[known], weight[known], dimension.parts)
        bounds = np.array(
            [values[place == number].max() for number in range(dimension.parts - 1) if (place == number).any()]
        )
    place = dimensions.steps(values, bounds.tolist())
    names = dimensions.named_steps(bounds.tolist(), dimension.names)
    return names, [UNKNOWN if step < 0 else str(step) for step in place.tolist()]


def _by_field(task: Task, dimension: Dimension, pairs: pa.Table) -> Parted:
    field = str(dimension.field)
    found = np.full(len(pairs), UNKNOWN, dtype=object)
    entity, days = pairs["entity"].to_numpy(), np.array(pairs["as_of"].to_pylist())
    for day in sorted(set(days.tolist())):
        known = registrations(task.lake, as_of=day, engine=task.engine, also=(field,))
        of_key = dict(zip(known["entity"].to_pylist(), known[field].to_pylist(), strict=True))
        here = days == day
        found[here] = [of_key.get(key) or UNKNOWN for key in entity[here].tolist()]
    words = words_of(task.profile, field)
    part_of = dimensions.parts_of_codes(dimension, words, set(found.tolist()))
    parts = [part_of[code] for code in found.tolist()]
    return dimensions.named_codes(words, parts), parts
