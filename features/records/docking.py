"""A source with columns of its own, read in our terms through its mapping file."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import reduce

import polars as pl

from features.records.delivery import ColumnMapping
from features.records.reading import LINE, RAW

KNOWN_ON = "known_on"
_COMMA = re.compile(r"-?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+)(,[0-9]+)?")  # 1.234,50


def in_our_terms(frame: pl.DataFrame, mapping: ColumnMapping, accepted: frozenset[str]) -> pl.DataFrame:
    """Rows with our columns only: renamed, constants added, then split, translated, multiplied, dates rewritten
    and moved by whole days.

    A column the mapping does not name is taken when it has one of our names and left out otherwise. What cannot be
    translated stays as it is and is judged like any other value.
    """
    theirs = set(mapping.columns.values())
    named = [
        (pl.col(their) if their in frame.columns else pl.lit(None, dtype=pl.String)).alias(our)
        for our, their in mapping.columns.items()
    ]
    kept = [
        name
        for name in frame.columns
        if name in accepted and name not in theirs and name not in mapping.columns and name not in mapping.constants
    ]
    constants = [pl.lit(value).alias(name) for name, value in mapping.constants.items()]
    ours = frame.select(LINE, RAW, *kept, *named, *constants, *_known_on(frame, mapping))
    return ours.with_columns(_rewritten(ours[name], mapping) for name in _touched(mapping) if name in ours.columns)


def unmatched(columns: tuple[str, ...], mapping: ColumnMapping, accepted: frozenset[str]) -> list[str]:
    """What to say of columns that the mapping does not name, and of those it names that the source does not have."""
    theirs = {*mapping.columns.values(), mapping.known_from}
    left_out = [name for name in columns if name not in theirs and name not in accepted]
    needed = [*mapping.columns.values()]
    if mapping.known_from not in (None, "event_date"):
        needed.append(mapping.columns.get(str(mapping.known_from), str(mapping.known_from)))
    absent = [name for name in needed if name not in columns]
    found = {"leaves out": left_out, "names columns the file does not have:": list(dict.fromkeys(absent))}
    return [f"the mapping {said} {', '.join(names)}" for said, names in found.items() if names]


def _known_on(frame: pl.DataFrame, mapping: ColumnMapping) -> list[pl.Expr]:
    source = mapping.known_from
    if source is None or source == "event_date":
        return []
    source = mapping.columns.get(source, source)
    return [(pl.col(source) if source in frame.columns else pl.lit(None, dtype=pl.String)).alias(KNOWN_ON)]


def _touched(mapping: ColumnMapping) -> dict[str, None]:
    return dict.fromkeys(
        [*mapping.split, *mapping.values, *mapping.factors, *mapping.dates, *mapping.shift, *mapping.decimal_comma]
    )


def _rewritten(text: pl.Series, mapping: ColumnMapping) -> pl.Series:
    steps = _steps(text.name, mapping)
    distinct = text.unique().drop_nulls()
    if distinct.is_empty():
        return text
    rewritten = [reduce(lambda value, step: step(value), steps, found.strip()) for found in distinct.to_list()]
    return text.replace_strict(distinct, pl.Series(rewritten, dtype=pl.String), default=None, return_dtype=pl.String)


def _steps(name: str, mapping: ColumnMapping) -> list[Callable[[str], str]]:
    steps: list[Callable[[str], str]] = []
    separator, values = mapping.split.get(name), mapping.values.get(name, {})
    if separator is not None:
        steps.append(lambda value: "|".join(values.get(part.strip(), part.strip()) for part in value.split(separator)))
    elif values:
        steps.append(lambda value: values.get(value, value))
    if name in mapping.decimal_comma:
        steps.append(_with_point)
    if name in mapping.factors:
        factor = Decimal(mapping.factors[name])
        steps.append(lambda value: _multiplied(value, factor))
    if name in mapping.dates:
        form = mapping.dates[name]
        steps.append(lambda value: _iso_date(value, form))
    if name in mapping.shift:
        away = timedelta(days=mapping.shift[name])
        steps.append(lambda value: _moved(value, away))
    return steps


def _multiplied(value: str, factor: Decimal) -> str:
    try:
        product = Decimal(value) * factor
    except ArithmeticError:
        return value
    return f"{product.normalize():f}" if product.is_finite() else value


def _with_point(value: str) -> str:
    if _COMMA.fullmatch(value) is None:
        return value
    return value.replace(".", "").replace(",", ".")


def _iso_date(value: str, form: str) -> str:
    try:
        return datetime.strptime(value, form).date().isoformat()  # noqa: DTZ007 a calendar date has no time zone
    except ValueError:
        return value


def _moved(value: str, away: timedelta) -> str:
    try:
        return (date.fromisoformat(value) + away).isoformat()
    except (ValueError, OverflowError):
        return value
