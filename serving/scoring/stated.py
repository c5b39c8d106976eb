"""Supposed records read as an intake reads rows: typed, checked and dated by T; or where each is wrong, without values.

A record with the key of one that stands is its next version: what it does not state stays as it stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from features.asof import end_of_day
from features.profile import Profile
from features.records import derivation, values
from features.records.checks import RowFault, judge
from features.records.layout import BASE_COLUMNS, DELIVERY_COLUMNS, RESERVED
from features.records.reading import FILE_NO, LINE, RAW
from features.records.schema import REGISTER, VISIBILITIES, Field, RecordType
from features.records.terms import Terms
from serving.http import ProblemError
from serving.visibility import PUBLISHABLE

ITEM = "item"  # which item a record is of: stated where its type has several
Fault = dict[str, str]
Row = dict[str, Any]


@dataclass(frozen=True)
class Stated:
    """A supposed record: its place in the request, its type, and its fields as a delivery would have them."""

    pointer: str
    record_type: RecordType
    texts: Mapping[str, str | None]


def stated(types: Mapping[str, RecordType], asked: Sequence[Mapping[str, Any]], pointer: str) -> list[Stated]:
    """The supposed records of a subject; ProblemError with every fault there is without looking at its records."""
    found: list[Stated] = []
    faults: list[Fault] = []
    for number, one in enumerate(asked):
        place = f"{pointer}/records/{number}"
        record_type = types.get(one["type"])
        if record_type is None:
            faults.append(_fault(f"{place}/type", "record_type_unknown"))
        elif record_type.subject != "entity" or record_type.name == REGISTER:
            faults.append(_fault(f"{place}/type", "record_type_not_supposed"))
        else:
            faults += _names_at_fault(record_type, one["fields"], f"{place}/fields")
            texts = {name: _text(value) for name, value in one["fields"].items() if not _is_nested(value)}
            found.append(Stated(place, record_type, texts))
    if faults:
        raise ProblemError("invalid-request", faults)
    return found


def not_open(pointer: str) -> Fault:
    """That something may be supposed only by those who may see internal records."""
    return _fault(pointer, "right_internal_missing")


def _fault(pointer: str, code: str) -> Fault:
    return {"pointer": pointer, "code": code}


def _names_at_fault(record_type: RecordType, fields: Mapping[str, Any], pointer: str) -> list[Fault]:
    """Of a name nobody knows the pointer is that of the object: what was sent is not repeated."""
    control, faults = RESERVED | set(DELIVERY_COLUMNS), []
    for name, value in fields.items():
        if name in record_type.fields or (name == ITEM and len(record_type.items) > 1):
            faults += [_fault(f"{pointer}/{name}", "json_nested")] if _is_nested(value) else []
        elif name in control:
            faults.append(_fault(f"{pointer}/{name}", "control_column"))
        else:
            faults.append(_fault(pointer, "field_unknown"))
    return faults


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and not all(isinstance(one, str) for one in value))


def _text(value: Any) -> str | None:
    """A JSON value as a delivery writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "|".join(value)
    return None if value is None else str(value)


@dataclass(frozen=True)
class Reader:
    """Reads supposed records as known at T, of an entity that has a code.

    Without ``internal`` no record may be an internal one, and none that stands is followed: whether there is one of
    that key would show.
    """

    profile: Profile
    as_of: date
    entity: int
    code: str
    internal: bool

    def added(self, rows: pl.DataFrame, one: Stated) -> pl.DataFrame:
        """The standing records of a type with a supposed one added, or in the place of the version it follows.

        ProblemError says what an intake would not have taken, or what is not for whoever asks.
        """
        before = self._followed(rows, one)
        texts = one.texts if before is None else {**self._written(before, one.record_type), **one.texts}
        typed = self._judged(one, texts)
        row = self._fresh(one.record_type) if before is None else dict(before)
        told = [field.name for field in one.record_type.fields.values() if field.name in one.texts or field.derived]
        row |= {name: typed[name] for name in told}
        row |= {
            "record_id": one.pointer,
            "item": typed["item"],
            "action": "new" if before is None else "correct",
            "event_date": typed[one.record_type.event_date],
            "known_at": self._moment,
            "recorded_at": self._moment,
            "superseded_at": None,
            "visibility": max(row["visibility"], typed["visibility"], key=VISIBILITIES.index),
            "version": row["version"] + 1,
        }
        if not self.internal and row["visibility"] != PUBLISHABLE:
            raise ProblemError("forbidden", [not_open(f"{one.pointer}/{_says_item(one)}")])
        _end_by_removal(row, one.record_type)
        kept = rows if before is None else rows.filter(pl.col("record_id") != before["record_id"])
        return pl.concat([kept, pl.DataFrame([row], schema=rows.schema)])

    @property
    def _moment(self) -> datetime:
        """The last moment that counts at T."""
        return end_of_day(self.as_of, self.profile.zone) - timedelta(microseconds=1)

    def _terms(self, record_type: RecordType) -> Terms:
        return Terms(self.profile, record_type, self._moment)

    def _fresh(self, record_type: RecordType) -> Row:
        row: Row = dict.fromkeys([*BASE_COLUMNS, *record_type.fields])
        return row | {"entity": self.entity, "visibility": record_type.visibility, "version": 0}

    def _followed(self, rows: pl.DataFrame, one: Stated) -> Row | None:
        """The standing record that has the key a supposed one states."""
        codes, found = self._terms(one.record_type).codes, rows
        if not self.internal:
            found = found.filter(pl.col("visibility") == PUBLISHABLE)
        for name in one.record_type.key:
            text = pl.Series([one.texts.get(name)], dtype=pl.String).str.strip_chars(" \u3000")
            value = values.read_values(one.record_type.fields[name], text, codes).value
            if value[0] is None:
                return None
            found = found.filter(pl.col(name) == pl.lit(value[0], dtype=rows.schema[name]))
        return found.row(0, named=True) if found.height else None

    def _judged(self, one: Stated, texts: Mapping[str, str | None]) -> Row:
        columns = {name: pl.Series([text], dtype=pl.String) for name, text in texts.items()}
        own = {FILE_NO: pl.Series([0]), LINE: pl.Series([0]), RAW: pl.Series([None], dtype=pl.String)}
        frame = pl.DataFrame({"code": pl.Series([self.code], dtype=pl.String), **columns, **own})
        found = judge(frame, self._terms(one.record_type))
        if found.faulty:
            raise ProblemError("invalid-request", list(_faults(one, found.faulty[0])))
        return found.sound.row(0, named=True)

    def _written(self, row: Row, record_type: RecordType) -> dict[str, str | None]:
        """A standing record as a delivery would write it; what was derived is left to be derived anew."""
        derived = {field.name: None for field in record_type.fields.values() if field.derived}
        texts = {field.name: _as_text(field, row[field.name]) for field in record_type.fields.values()}
        if derived:
            again = self._judged_alone(texts | derived, record_type)
            texts |= {name: None for name in derived if again[name] == row[name]}
        return texts | {"visibility": row["visibility"], "item": row["item"]}

    def _judged_alone(self, texts: Mapping[str, str | None], record_type: RecordType) -> Row:
        codes = self._terms(record_type).codes
        typed = {
            field.name: values.read_values(field, pl.Series([texts[field.name]], dtype=pl.String), codes).value
            for field in record_type.fields.values()
        }
        frame = pl.DataFrame({"code": pl.Series([self.code], dtype=pl.String), **typed})
        return derivation.with_derived(frame, record_type, self.profile).row(0, named=True)


def _says_item(one: Stated) -> str:
    """What of a record says which item it is of."""
    return f"fields/{ITEM}" if ITEM in one.texts else "type"


def _end_by_removal(row: Row, record_type: RecordType) -> None:
    """A state that was removed ends by its removal where its next version states no end."""
    if record_type.state is not None and row[record_type.state.end] is None:
        row[record_type.state.end] = row["removal_date"]


def _faults(one: Stated, row: RowFault) -> list[Fault]:
    known = {*one.record_type.fields, ITEM}
    pointer = f"{one.pointer}/fields"
    return [_fault(f"{pointer}/{name}" if name in known else pointer, code) for code, name in row.faults]


def _as_text(field: Field, value: Any) -> str | None:
    if value is None:
        return None
    if field.scale:
        return f"{Decimal(value).scaleb(-field.scale):f}"
    return value.strip("|") if field.type == "codes" else str(value)
