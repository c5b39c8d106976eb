"""One value of a row: text in, a typed value or the code of its fault out; repeated texts are read once."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from features.profile import CodeList
from features.records.schema import Field

TEXT_LENGTH = 4000
DIGITS = 15
REMEMBERED = 65_536  # days: a province's records fall on a few thousand
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FIRST_YEAR = 1800
_LAST_DAY = date(9999, 12, 30)  # the last whose midnights are moments everywhere; 9999-12-31 means no end
_CONTROL = r"[\x00-\x1f\x7f]"
_REPLACEMENT = "\ufffd"
_SEPARATED = re.compile(r"[¥￥$-]*[0-9]{1,3}([,，' ][0-9]{3})+(\.[0-9]+)?|[¥￥$]-?[0-9.]+|-?[0-9.]+(元|万元|%)")

MOMENT = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class Parsed:
    """A column of typed values (null where the text is missing or wrong) and of fault codes (null where fine)."""

    value: pl.Series
    fault: pl.Series


def read_values(field: Field, text: pl.Series, codes: Mapping[str, CodeList]) -> Parsed:
    """The typed values of a field; decimals and money become whole numbers of their last digit."""
    if text.null_count() == text.len():
        kinds = {"date": pl.Date, "coordinate": pl.Float64} | dict.fromkeys(("text", "code", "codes"), pl.String)
        return Parsed(_nulls(text, kinds.get(field.type, pl.Int64)), _nulls(text, pl.String))
    readers: dict[str, Callable[[], Parsed]] = {
        "text": lambda: Parsed(text, text_faults(text)),
        "code": lambda: _code(codes[str(field.list)], text),
        "codes": lambda: _by_text(text, lambda value: _codes(codes[str(field.list)], value), pl.String),
        "date": lambda: dates(text),
        "flag": lambda: _by_text(text, _flag, pl.Int64),
        "coordinate": lambda: _coordinate(field, text),
    }
    return readers.get(field.type, lambda: _number(field, text))()


def text_faults(text: pl.Series) -> pl.Series:
    """The fault of each free text, null where there is none."""
    if text.null_count() == text.len():
        return _nulls(text, pl.String)
    return pl.select(
        pl.when(text.str.contains(_CONTROL))
        .then(pl.lit("control_character"))
        .when(text.str.contains(_REPLACEMENT, literal=True))
        .then(pl.lit("replacement_character"))
        .when(text.str.len_chars() > TEXT_LENGTH)
        .then(pl.lit("text_too_long"))
        .otherwise(None)
    ).to_series()


def dates(text: pl.Series) -> Parsed:
    """Calendar dates written YYYY-MM-DD."""
    return _by_text(text, _date, pl.Date)


def moments(text: pl.Series, zone: ZoneInfo) -> Parsed:
    """Moments in UTC: a date is its local midnight, a time without an offset is local."""
    return _by_text(text, lambda value: _moment(value, zone), MOMENT)


def local_midnight(days: pl.Series, zone: ZoneInfo) -> pl.Series:
    """The moment each day begins in a time zone, in UTC."""
    days = days.clip(upper_bound=_LAST_DAY)
    distinct = days.unique().drop_nulls()
    begun = [_midnight(day, zone) for day in distinct.to_list()]
    return _replaced(days, distinct, pl.Series(begun, dtype=MOMENT), MOMENT)


@lru_cache(REMEMBERED)
def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _by_text(text: pl.Series, read: Callable[[str], Any], dtype: Any) -> Parsed:
    if text.null_count() == text.len():
        return Parsed(_nulls(text, dtype), _nulls(text, pl.String))
    distinct = text.unique().drop_nulls()
    values: list[Any] = []
    faults: list[str | None] = []
    for value in distinct.to_list():
        found = read(value)
        values.append(None if isinstance(found, _Fault) else found)
        faults.append(found.code if isinstance(found, _Fault) else None)
    value_of = pl.Series(values, dtype=dtype)
    if not any(faults):
        return Parsed(_replaced(text, distinct, value_of, dtype), _nulls(text, pl.String))
    fault_of = pl.Series(faults, dtype=pl.String)
    return Parsed(_replaced(text, distinct, value_of, dtype), _replaced(text, distinct, fault_of, pl.String))


def _replaced(keys: pl.Series, old: pl.Series, new: pl.Series, dtype: Any) -> pl.Series:
    if old.is_empty():
        return _nulls(keys, dtype)
    return keys.replace_strict(old, new, default=None, return_dtype=dtype)


def _nulls(like: pl.Series, dtype: Any) -> pl.Series:
    return pl.Series([None], dtype=dtype).new_from_index(0, like.len())


@dataclass(frozen=True)
class _Fault:
    code: str


@lru_cache(REMEMBERED)
def _date(value: str) -> date | _Fault:
    if _DATE.fullmatch(value) is None:
        return _Fault("date_format")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return _Fault("date_impossible")
    return day if day.year >= _FIRST_YEAR else _Fault("date_impossible")


def _moment(value: str, zone: ZoneInfo) -> datetime | _Fault:
    day = _date(value[:10])
    if isinstance(day, _Fault):
        return _Fault("moment_format") if day.code == "date_format" else day
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return _Fault("moment_format")


def _flag(value: str) -> int | _Fault:
    known = {"1": 1, "0": 0, "true": 1, "false": 0}
    return known[value] if value in known else _Fault("flag_value")


def _codes(codes: CodeList, value: str) -> str | _Fault:
    parts = {part.strip() for part in value.split("|")}
    if not parts.issubset(codes.codes):
        return _Fault("code_unknown")
    return "|" + "|".join(sorted(parts)) + "|"


def _code(codes: CodeList, text: pl.Series) -> Parsed:
    unknown = text.is_in(list(codes.codes)).not_().fill_null(False)
    return Parsed(text, _where(unknown, "code_unknown"))


def _where(condition: pl.Series, code: str) -> pl.Series:
    return pl.select(pl.when(condition).then(pl.lit(code)).otherwise(None)).to_series()


def _number(field: Field, text: pl.Series) -> Parsed:
    whole = DIGITS - field.scale
    decimals = rf"(?:\.[0-9]{{1,{field.scale}}})?" if field.scale else ""
    well_formed = text.str.contains(rf"^-?[0-9]{{1,{whole}}}{decimals}$")
    if well_formed.all():
        value, fault = text, _nulls(text, pl.String)
    else:
        value = pl.select(pl.when(well_formed).then(text)).to_series()
        wrong = pl.select(pl.when(well_formed.not_()).then(text)).to_series()
        fault = _by_text(wrong, lambda found: _Fault(_number_fault(found, field.scale)), pl.Int64).fault
    # at most 15 digits in all: a float holds them exactly, and rounding the product finds the whole number again
    number = value.cast(pl.Float64)
    out_of_range = _out_of_range(field, number)
    scaled = (number * 10**field.scale).round().cast(pl.Int64)
    return Parsed(scaled, pl.select(pl.coalesce(fault, _where(out_of_range, "number_range"))).to_series())


def _out_of_range(field: Field, number: pl.Series) -> pl.Series:
    low = float("-inf") if field.min is None else field.min
    high = float("inf") if field.max is None else field.max
    return number.is_between(low, high).not_().fill_null(False)


def _number_fault(value: str, scale: int) -> str:
    if re.fullmatch(r"[+-]?(nan|inf(inity)?)", value, re.IGNORECASE):
        return "number_not_finite"
    if re.search(r"[０-９．－]", value):
        return "number_fullwidth"
    if re.fullmatch(r"[+-]?[0-9.]+[eE][+-]?[0-9]+", value):
        return "number_scientific"
    if _SEPARATED.fullmatch(value):
        return "number_separator"
    if re.fullmatch(r"-?[0-9]+\.[0-9]+", value):
        return "number_decimals" if len(value.partition(".")[2]) > scale else "number_too_long"
    return "number_too_long" if re.fullmatch(r"-?[0-9]+", value) else "number_format"


def _coordinate(field: Field, text: pl.Series) -> Parsed:
    well_formed = text.str.contains(r"^-?[0-9]{1,12}(?:\.[0-9]{1,17})?$")
    number = pl.select(pl.when(well_formed).then(text)).to_series().cast(pl.Float64)
    wrong = pl.select(pl.when(well_formed.not_()).then(text)).to_series()
    fault = _by_text(wrong, lambda found: _Fault(_number_fault(found, DIGITS)), pl.Int64).fault
    range_fault = _where(_out_of_range(field, number), "number_range")
    return Parsed(number, pl.select(pl.coalesce(fault, range_fault)).to_series())


def codes_invalid_on(codes: CodeList, text: pl.Series, days: pl.Series) -> pl.Series:
    """Whether each known code (or one of several, ``|a|b|``) was not valid on its day; false without a day."""
    dated = {str(row["code"]) for row in codes.rows if row.get("since") or row.get("until")}
    if not dated or text.null_count() == text.len():
        return pl.Series([False], dtype=pl.Boolean).new_from_index(0, text.len())
    pairs = pl.DataFrame({"text": text, "day": days})
    distinct = pairs.unique().drop_nulls()
    invalid = [
        any(part in dated and not codes.valid_on(part, day) for part in found.strip("|").split("|"))
        for found, day in distinct.iter_rows()
    ]
    judged = pairs.join(
        distinct.with_columns(pl.Series("invalid", invalid, dtype=pl.Boolean)),
        on=["text", "day"],
        how="left",
        maintain_order="left",
    )
    return judged["invalid"].fill_null(False)
