"""What an entity itself can do about its own standing records: a profile's catalogue of acts, checked when read.

The catalogue is the whole of what a counterfactual may suppose. An act tells a standing record anew or adds the record
of a yearly duty that was missed; it cannot annul, repair or remove (the columns for these are none of a record type's
fields), touch the register, or change what makes a record the fact it is: its key, its beginning, its event date, which
may only become the as-of date.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from features.indicators.language import Condition, Rows
from features.profile import Profile
from features.records.schema import REGISTER, Field, RecordType
from training.errors import SchemeError
from training.outcomes import DATED_OPERATORS, OPERATORS, conditions

FILE = "acts"
AS_OF, DUE, DAYS_LATE, MONTHS = "as_of", "due", "days_late", "months"
ANY_RECORD = ("item", "source", "visibility")  # what a condition may ask of every record, beside the fields of its type
NEEDED = ("code", "label", "basis", "record_type", "states")
NOTHING_READ = "No act was read; correct it."


@dataclass(frozen=True)
class Behind:
    """Records that stand because a yearly duty was missed, and the field that says when that was found."""

    rows: Rows
    date: str


@dataclass(frozen=True)
class Missed:
    """A yearly duty: the report for a year is due on a day of the next, for whoever began (``born``) by that year.

    What is missing of the last ``periods`` years can be made up for, and whatever is ``behind`` a record that stands.
    """

    year: str
    periods: int
    month: int
    day: int
    born: str
    behind: Behind | None = None

    def due(self, year: int) -> date:
        """The last day on which the duty of a year is met in time."""
        return date(year + 1, self.month, self.day)

    def last(self, day: date) -> int:
        """The last year whose duty is past due on a day."""
        return day.year - (1 if self.due(day.year - 1) < day else 2)

    def years(self, born: date, as_of: date, found: Iterable[date] = ()) -> list[int]:
        """The years whose duty is past due at T, for who began on a day; ``found`` dates the records it is behind."""
        last = self.last(as_of)
        asked = {*range(last - self.periods + 1, last + 1), *map(self.last, found)}
        return sorted(year for year in asked if year >= born.year)


@dataclass(frozen=True)
class Act:
    """One act: the records of the entity it applies to, what their new version states, and which acts come first.

    ``together`` makes one switch of all records it applies to; with ``missed`` the act adds records instead.
    """

    code: str
    label: str
    label_en: str
    basis: str
    rows: Rows
    states: Mapping[str, Any]
    needs: tuple[str, ...] = ()
    together: bool = False
    missed: Missed | None = None

    @property
    def record_type(self) -> str:
        """The record type it is about."""
        return self.rows.record_type

    @property
    def about(self) -> set[str]:
        """The record types that tell whether there is anything to do."""
        behind = self.missed.behind if self.missed else None
        return {self.record_type, *([behind.rows.record_type] if behind else [])}


@dataclass(frozen=True)
class Never:
    """What a profile says no act may be about, or state: record types, and codes by code list."""

    record_types: tuple[str, ...]
    values: Mapping[str, tuple[str, ...]]


def read_acts(profile: Profile, types: Mapping[str, RecordType]) -> tuple[Act, ...]:
    """The acts of a profile's ``acts.yaml`` in its order, none without it; SchemeError for one that is no act."""
    if not profile.has(FILE):
        return ()
    table = profile.table(FILE)
    where = f"acts.yaml of profile {profile.name}"
    if not isinstance(table, Mapping) or not isinstance(table.get("acts"), list):
        raise SchemeError(f"{where} holds no list named acts; expected one, beside never. {NOTHING_READ}")
    barred = table.get("never") or {}
    values = {name: tuple(map(str, codes)) for name, codes in (barred.get("values") or {}).items()}
    check = _Check(profile, types, Never((REGISTER, *(barred.get("record_types") or ())), values))
    found: list[Act] = []
    for row in table["acts"]:
        found.append(check.read(row, [act.code for act in found], f"{where}, act {row.get('code')!r}"))
    return tuple(found)


@dataclass(frozen=True)
class _Check:
    """Reads one act after another, against the record types and code lists of a profile."""

    profile: Profile
    types: Mapping[str, RecordType]
    never: Never

    def read(self, row: Mapping[str, Any], before: list[str], where: str) -> Act:
        """One act; ``before`` names those read already."""
        missing = [key for key in NEEDED if not row.get(key)]
        if missing:
            raise SchemeError(f"{where} has no {', '.join(missing)}; every act states it. {NOTHING_READ}")
        if row["code"] in before:
            raise SchemeError(f"{where} is there twice; expected distinct codes. {NOTHING_READ}")
        unknown = [code for code in row.get("needs", ()) if code not in before]
        if unknown:
            raise SchemeError(f"{where} needs {', '.join(unknown)}; expected acts listed before it. {NOTHING_READ}")
        record_type = self._record_type(row["record_type"], where)
        missed = self._missed(row["missed"], record_type, where) if row.get("missed") else None
        self._check_states(row["states"], record_type, missed, where)
        return Act(
            code=row["code"],
            label=row["label"],
            label_en=row.get("label_en") or row["code"],
            basis=row["basis"],
            rows=self._rows(row, record_type, where),
            states=dict(row["states"]),
            needs=tuple(row.get("needs", ())),
            together=bool(row.get("together", False)) or missed is not None,
            missed=missed,
        )

    def _record_type(self, name: str, where: str) -> RecordType:
        if name in self.never.record_types:
            raise SchemeError(f"{where} is about record type {name}, which no entity makes itself. {NOTHING_READ}")
        if name not in self.types or self.types[name].subject != "entity":
            raise SchemeError(f"{where}: {name!r} is no record type whose subject is the entity. {NOTHING_READ}")
        return self.types[name]

    def _rows(self, row: Mapping[str, Any], record_type: RecordType, where: str) -> Rows:
        """The records a row names: those that meet what ``applies`` says, and are in effect where it says so."""
        asked = conditions(row.get("applies", ()), where, operators=(*OPERATORS, *DATED_OPERATORS))
        for one in asked:
            if one.field not in ANY_RECORD:
                self._check_condition(one, _field(record_type, one.field, where), where)
        return Rows(record_type.name, asked, state=bool(row.get("in_effect", False)))

    def _check_condition(self, asked: Condition, field: Field, where: str) -> None:
        if field.list is not None and asked.op in {"==", "!=", "in", "has"}:
            self._check_codes(field, asked.value if isinstance(asked.value, tuple) else (asked.value,), where)

    def _missed(self, row: Mapping[str, Any], record_type: RecordType, where: str) -> Missed:
        found = _missed_by(row, self.types[REGISTER], record_type, where)
        behind = row.get("behind")
        if behind is None:
            return found
        other = self._record_type(behind["record_type"], where)
        dated = _field(other, behind["date"], where)
        return replace(found, behind=Behind(self._rows(behind, other, where), dated.name))

    def _check_states(
        self, states: Mapping[str, Any], record_type: RecordType, missed: Missed | None, where: str
    ) -> None:
        fixed = set() if missed else {*record_type.key, *([record_type.state.start] if record_type.state else [])}
        for name, value in states.items():
            field = _field(record_type, name, where)
            if name in fixed or (name == record_type.event_date and value != AS_OF):
                raise SchemeError(
                    f"{where} states {name} as {value!r}: what makes a record that fact does not change, and its event "
                    f"date may only become {AS_OF}. {NOTHING_READ}"
                )
            self._check_value(field, value, missed, where)
        needed = {field.name for field in record_type.fields.values() if field.required} if missed else set()
        lacking = sorted((needed | ({record_type.event_date} if missed else set())) - {*states, missed and missed.year})
        if lacking:
            raise SchemeError(f"{where} adds a record without {', '.join(lacking)}; state it. {NOTHING_READ}")

    def _check_value(self, field: Field, value: Any, missed: Missed | None, where: str) -> None:
        words = {"date": (AS_OF, *((DUE,) if missed else ())), "int": ((DAYS_LATE,) if missed else ())}
        match field.type:
            case "code":
                self._check_codes(field, (value,), where)
                known = value not in self.never.values.get(field.list or "", ())
            case "flag":
                known = isinstance(value, int) and 0 <= value <= 1
            case "date":
                known = value in words["date"] if isinstance(value, str) else _months(value)
            case "int":
                known = value in words["int"]
            case _:
                known = False
        if not known:
            raise SchemeError(
                f"{where} states {field.name} ({field.type}) as {value!r}; expected a code that does not come about "
                f"by others' decision, 0 or 1, {AS_OF} or {{{MONTHS}: n}} for a date, and {DUE} or {DAYS_LATE} of a "
                f"missed duty. {NOTHING_READ}"
            )

    def _check_codes(self, field: Field, values: Iterable[Any], where: str) -> None:
        known = self.profile.codelist(field.list or "").codes
        unknown = [repr(value) for value in values if value not in known]
        if unknown:
            raise SchemeError(
                f"{where}: {field.name} is {', '.join(unknown)}; code list {field.list} has {', '.join(known)}. "
                f"{NOTHING_READ}"
            )


def _field(record_type: RecordType, name: str, where: str) -> Field:
    if name not in record_type.fields:
        raise SchemeError(
            f"{where}: {name!r} is no field of {record_type.name}; it has {', '.join(record_type.fields)}. To "
            f"withdraw, repair or remove a record is no act of the entity. {NOTHING_READ}"
        )
    return record_type.fields[name]


def _missed_by(row: Mapping[str, Any], register: RecordType, record_type: RecordType, where: str) -> Missed:
    lacking = [key for key in ("year", "periods", "month", "day", "from") if key not in row]
    if lacking:
        raise SchemeError(f"{where}: missed has no {', '.join(lacking)}; a yearly duty states it. {NOTHING_READ}")
    year, born = _field(record_type, row["year"], where), _field(register, row["from"], where)
    return Missed(year.name, int(row["periods"]), int(row["month"]), int(row["day"]), born.name)


def _months(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {MONTHS} and isinstance(value[MONTHS], int)
