"""Contributions become reasons: few, distinct, each resting on records, on their absence, or on a rule."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.indicators.catalogue import Definitions
from training.overrides import Override

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int16]

OfKind = tuple[npt.NDArray[np.integer[Any]], Sequence[str]]
"""The kind number of every row, and the code of every number."""

RAISING, LOWERING = 4, 2
LEAST_SHARE = 0.05
VISIBILITIES = ("publishable", "internal", "restricted")
FLAG_UNIT = "0/1"
PERCENT_UNITS = frozenset({"share", "ratio", "percent", "rate"})


@dataclass(frozen=True)
class Reason:
    """Why a class is what it is: an indicator's value with its records or their absence, or a rule that applies.

    Words are made on reading (``text``); what is kept is the code, the value and what it rests on.
    """

    code: str
    indicator: str
    value: float | None
    contribution: float
    records: tuple[str, ...] = ()
    dates: tuple[date, ...] = ()
    absent: Mapping[str, Any] | None = None
    rule: str | None = None
    visibility: str = "publishable"


@dataclass(frozen=True)
class Selected:
    """Places of indicators that may become reasons, raising ones first, −1 where there is none; and what they add."""

    place: Places
    contribution: Floats


@dataclass(frozen=True)
class Support:
    """What a reason may cite: record ids with their dates, latest first, and the strictest visibility among them."""

    records: tuple[str, ...]
    dates: tuple[date, ...]
    visibility: str


def select(
    definitions: Definitions,
    values: Floats,
    contributions: npt.NDArray[np.floating[Any]],
    *,
    kind: OfKind | None = None,
) -> Selected:
    """Candidates of every row: up to four sections that raise the margin and two that lower it, strongest first.

    Columns of both arrays are ``definitions.codes`` (a trailing line ``exposure`` is ignored). Indicators of one
    section add up to one reason, printed as the strongest of them. A section adding less than 5 % of its direction's
    sum is left out, and so is a value that points the other way: an adverse count is never shown as lowering. With
    ``kind`` no reason is an indicator of other kinds than the row's: that it has no value says nothing of anybody.
    """
    section, count = _sections(definitions)
    riskier = [indicator.direction == "riskier" for indicator in definitions.indicators]
    sums = np.zeros((len(values), count), order="F")
    rising, falling = _Strongest(len(values), count), _Strongest(len(values), count)
    for place in np.flatnonzero(section >= 0).tolist():
        used, number = contributions[:, place].astype(np.float64), int(section[place])
        sums[:, number] += used
        applies = _applies(definitions.indicators[place].kinds, kind)
        may_raise = ~(riskier[place] & (values[:, place] <= 0)) & applies
        may_lower = ~(riskier[place] & (values[:, place] > 0)) & applies
        rising.see(number, place, np.where(may_raise, used, 0.0))
        falling.see(number, place, np.where(may_lower, -used, 0.0))
    upward = _ranked(np.maximum(sums, 0.0), rising.place, RAISING)
    downward = _ranked(np.maximum(-sums, 0.0), falling.place, LOWERING)
    return Selected(
        np.concatenate([upward.place, downward.place], axis=1),
        np.concatenate([upward.contribution, -downward.contribution], axis=1),
    )


def wanted(selected: Selected, entity: npt.NDArray[np.int32], columns: Sequence[str]) -> pa.Table:
    """The (entity, indicator) pairs whose records are to be fetched."""
    row, slot = np.nonzero(selected.place >= 0)
    codes = pa.array(list(columns), pa.string()).take(pa.array(selected.place[row, slot].astype(np.int64)))
    return pa.table({"entity": pa.array(entity[row], pa.int32()), "indicator": codes})


def reason(
    definitions: Definitions,
    indicator: str,
    value: float,
    *,
    contribution: float,
    rests_on: Support | Mapping[str, Any],
) -> Reason | None:
    """One reason, or None when nothing can be shown for it.

    ``rests_on`` is its records, or the statement that there are none; absence explains only a value of 0 or null.
    A null value in spite of records (the indicator is of other kinds, or does not cover the period) says nothing.
    """
    defined = definitions.by_code[indicator]
    known = None if np.isnan(value) else float(value)
    code = f"{defined.section}-{indicator}"
    if isinstance(rests_on, Support):
        if known is None:
            return None
        visibility = strictest((defined.visibility, rests_on.visibility))
        return Reason(code, indicator, known, contribution, rests_on.records, rests_on.dates, visibility=visibility)
    if known not in (None, 0.0):
        return None
    return Reason(code, indicator, known, contribution, absent=rests_on, visibility=defined.visibility)


def rule_reasons(rules: Iterable[Override]) -> list[Reason]:
    """The reasons of the rules an entity meets; they come before all others."""
    return [Reason(f"rule-{rule.code}", "", None, 0.0, rule=rule.code, visibility=rule.visibility) for rule in rules]


def text(
    one: Reason,
    definitions: Definitions,
    rules: Mapping[str, Override],
    language: str,
    *,
    named: Sequence[tuple[str, str]] = (),
) -> str:
    """The words of a reason: a rule's name and basis, or the indicator's own sentence with its value.

    ``named`` are the words of the codes that the values of its indicator number (``catalogue.code_words``).
    """
    if one.rule is not None:
        rule = rules[one.rule]
        return f"{rule.label_en} ({rule.basis})" if language == "en" else f"{rule.label}（{rule.basis}）"
    defined = definitions.by_code[one.indicator]
    template, label = (defined.reason_en, defined.label_en) if language == "en" else (defined.reason, defined.label)
    names = [words[language == "en"] for words in named]
    return sentence(template, label, (one.value, defined.unit), language, named=names)


def sentence(
    template: str, label: str, measured: tuple[float | None, str], language: str, *, named: Sequence[str] = ()
) -> str:
    """An indicator's sentence with its value and unit; what is absent or not the case is said as such.

    A value that numbers a code is said by the code's name, of which ``named`` has one a number.
    """
    value, unit = measured
    if value is None:
        return f"{label}: no record" if language == "en" else f"{label}：无记录"
    if unit == FLAG_UNIT and value == 0:
        return f"not the case: {label}" if language == "en" else f"未见：{label}"
    if named:
        return f"{template}: {named[int(value)]}" if language == "en" else f"{template}：{named[int(value)]}"
    return template.replace("{v}", shown(value, unit))


def shown(value: float, unit: str) -> str:
    """A value as people read it: whole numbers whole, shares in percent."""
    if unit in PERCENT_UNITS:
        return f"{value * 100:.1f}%"
    if value == round(value):
        return f"{value:.0f}"
    return f"{value:.2f}"


def strictest(visibilities: Iterable[str]) -> str:
    """The strictest of several visibilities."""
    return max(visibilities, key=VISIBILITIES.index)


def _applies(kinds: Sequence[str], kind: OfKind | None) -> npt.NDArray[np.bool_]:
    """Whether an indicator of some kinds is of every row's; one yes for all where it is of all kinds."""
    if kind is None or set(kinds) >= set(kind[1]):
        return np.ones(1, np.bool_)
    return np.array([code in kinds for code in kind[1]], np.bool_)[kind[0]]


def _sections(definitions: Definitions) -> tuple[npt.NDArray[np.int64], int]:
    """The section number of every column, −1 where the column is no feature and so never a reason."""
    names = list(dict.fromkeys(indicator.section for indicator in definitions.indicators))
    numbers = [names.index(one.section) if one.role == "feature" else -1 for one in definitions.indicators]
    return np.array(numbers, np.int64), len(names)


class _Strongest:
    """Of every section (columns) the indicator that adds most, row by row; −1 while none adds anything."""

    def __init__(self, rows: int, sections: int) -> None:
        self.place = np.full((rows, sections), -1, np.int16, order="F")
        self._strength = np.zeros((rows, sections), order="F")

    def see(self, section: int, place: int, strength: Floats) -> None:
        """Let the indicator at ``place`` compete; of equals the first stays."""
        stronger = strength > self._strength[:, section]
        self.place[stronger, section] = place
        np.copyto(self._strength[:, section], strength, where=stronger)


def _ranked(sums: Floats, best: Places, most: int) -> Selected:
    """The strongest sections of every row, each as its strongest indicator that may be printed."""
    total = np.zeros((len(sums), 1))
    for column in sums.T:  # one after the other: a row's bits do not depend on how many rows there are
        total[:, 0] += column
    kept = np.where((best >= 0) & (sums > 0) & (sums >= LEAST_SHARE * total), sums, 0.0)
    order = np.argsort(-kept, axis=1, kind="stable")[:, :most]
    amount = np.take_along_axis(kept, order, axis=1)
    place = np.where(amount > 0, np.take_along_axis(best, order, axis=1), -1).astype(np.int16)
    if place.shape[1] < most:
        padding = ((0, 0), (0, most - place.shape[1]))
        place, amount = np.pad(place, padding, constant_values=-1), np.pad(amount, padding)
    return Selected(place, np.where(place >= 0, amount, 0.0))
