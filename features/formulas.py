"""The arithmetic of indicators on whole columns: ratios and logarithms are formed last, from exact integers."""

from collections.abc import Callable, Mapping
from datetime import date

import numpy as np
import numpy.typing as npt

from features.indicators.language import (
    LATEST_OFFSET,
    LATEST_SCALE,
    Aggregate,
    DefinitionError,
    Formula,
    Value,
)

Column = npt.NDArray[np.float64]
Days = npt.NDArray[np.int64]
EMPTY_IS_ZERO = ("count", "sum", "distinct", "decayed")


def empty(aggregate: Aggregate) -> float:
    """What no record means for an aggregate: 0 for counts and sums, null for the rest."""
    return 0.0 if aggregate.op in EMPTY_IS_ZERO else np.nan


def unpacked(aggregate: Aggregate, integers: npt.NDArray[np.int64], present: npt.NDArray[np.bool_]) -> Column:
    """An aggregate's values, one float64 per entity; no record is 0 for counts and sums, null for the rest."""
    values = integers.astype(np.float64)
    if aggregate.op == "latest":
        values = (integers % LATEST_SCALE - LATEST_OFFSET).astype(np.float64)
    values[~present] = empty(aggregate)
    return values


def evaluate(value: Value, known: Mapping[Value, Column], as_of: npt.NDArray[np.datetime64]) -> Column:
    """A value for every entity, from columns that are known already; ``as_of`` has each row's date, or one for all."""
    if value in known:
        return known[value]
    if not isinstance(value, Formula):
        raise DefinitionError(f"{type(value).__name__} has no column; the matrix must compute it first.")
    operands = [evaluate(operand, known, as_of) for operand in value.operands]
    if value.op in _DATED:
        return _DATED[value.op](operands, value.numbers, as_of)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _PLAIN[value.op](operands, value.numbers)


def age_in_months(days: Column, as_of: npt.NDArray[np.datetime64]) -> Column:
    """Whole months from days (since 1970-01-01, null allowed) to as-of dates, as ``compile.months_old`` counts."""
    missing = np.isnan(days)
    numbers = np.where(missing, 0, days).astype(np.int64)
    if len(as_of) == 1 and len(numbers):  # far fewer days than entities: every day is worked out once
        first = numbers.min()
        aged: Column = _months(np.arange(first, numbers.max() + 1), as_of)[numbers - first]
    else:
        aged = _months(numbers, as_of)
    aged[missing] = np.nan
    return aged


def _months(days: Days, as_of: npt.NDArray[np.datetime64]) -> Column:
    event = days.astype("datetime64[D]")
    months = _month_index(as_of) - _month_index(event)
    ends = (as_of + 1).astype("datetime64[M]") != as_of.astype("datetime64[M]")
    day = np.where(ends, 31, _day_of_month(as_of))
    return np.asarray(months - (_day_of_month(event) > day), np.float64)


def _month_index(days: npt.NDArray[np.datetime64]) -> Days:
    return np.asarray(days.astype("datetime64[M]").astype(np.int64))


def _day_of_month(days: npt.NDArray[np.datetime64]) -> Days:
    return np.asarray((days - days.astype("datetime64[M]")).astype(np.int64) + 1)


def _ratio(operands: list[Column], numbers: tuple[float, ...]) -> Column:
    bottom = operands[1] + numbers[1]
    return np.where(bottom == 0, np.nan, (operands[0] + numbers[0]) / bottom)


def _nulls_kept(result: npt.NDArray[np.bool_], *operands: Column) -> Column:
    values = result.astype(np.float64)
    for operand in operands:
        values[np.isnan(operand)] = np.nan
    return values


def _greatest(operands: list[Column], _: tuple[float, ...]) -> Column:
    result = operands[0]
    for operand in operands[1:]:
        result = np.fmax(result, operand)
    return result


_PLAIN: dict[str, Callable[[list[Column], tuple[float, ...]], Column]] = {
    "ratio": _ratio,
    "difference": lambda o, _: o[0] - o[1],
    "total": lambda o, _: sum(o[1:], start=o[0]),
    "greatest": _greatest,
    "log1p": lambda o, n: np.log1p(np.maximum(o[0], 0.0) / n[0]),
    "over": lambda o, n: o[0] / n[0],
    "clipped": lambda o, n: np.clip(o[0], n[0], n[1]),
    "flag": lambda o, n: _nulls_kept(o[0] >= n[0], o[0]),
    "below": lambda o, n: _nulls_kept(o[0] < n[0], o[0]),
    "both": lambda o, _: _nulls_kept((o[0] >= 1) & (o[1] >= 1), o[0], o[1]),
    "or_zero": lambda o, _: np.nan_to_num(o[0], nan=0.0),
}


def _days_since(operands: list[Column], _: tuple[float, ...], as_of: npt.NDArray[np.datetime64]) -> Column:
    return np.asarray(as_of.astype("datetime64[D]").astype(np.int64) - operands[0], np.float64)


def _due_periods(operands: list[Column], numbers: tuple[float, ...], as_of: npt.NDArray[np.datetime64]) -> Column:
    periods, month, day = (int(number) for number in numbers)
    missing = np.isnan(operands[0])
    born = np.where(missing, 0, operands[0]).astype(np.int64).astype("datetime64[D]")
    years = as_of.astype("datetime64[Y]").astype(np.int64) + 1970
    month_day = (_month_index(as_of) % 12 + 1) * 100 + _day_of_month(as_of)
    last = years - 1 - (month_day <= month * 100 + day)
    due = np.clip(last - (born.astype("datetime64[Y]").astype(np.int64) + 1970) + 1, 0, periods)
    return np.where(missing, np.nan, due.astype(np.float64))


_DATED: dict[str, Callable[[list[Column], tuple[float, ...], npt.NDArray[np.datetime64]], Column]] = {
    "months_since": lambda o, _, t: age_in_months(o[0], t),
    "days_since": _days_since,
    "due_periods": _due_periods,
}


def as_of_column(as_of: date, rows: int) -> npt.NDArray[np.datetime64]:
    """One as-of date, repeated for every row."""
    return np.full(rows, np.datetime64(as_of, "D"))
