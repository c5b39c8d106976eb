"""The closed language of indicators: rows of records, aggregates over them, and formulas of aggregates.

A definition is a value: nothing here computes. ``features.compile`` turns aggregates into one query a record type,
``features.formulas`` does the arithmetic, and the test oracle reads the same definitions in plain Python.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

DECAY_SCALE = 2**20  # decay weights are integers of this unit, so sums are exact in any order
LATEST_SCALE = 2**45  # packs (day, value) into one integer: the value of the latest row is the packed maximum
LATEST_OFFSET = 2**44  # half of the scale, so that negative values pack too
GENERAL = "general"  # the sector of what is everyone's

Constant = int | float | str | bool


class DefinitionError(Exception):
    """An indicator is incomplete, contradicts itself or uses what the language does not have."""


@dataclass(frozen=True)
class Field:
    """A field of the record in hand; comparisons make conditions."""

    name: str
    shift: int = 0

    def __gt__(self, value: "Constant | Field") -> "Condition":
        return Condition(self.name, ">", value)

    def __ge__(self, value: "Constant | Field") -> "Condition":
        return Condition(self.name, ">=", value)

    def __lt__(self, value: "Constant | Field") -> "Condition":
        return Condition(self.name, "<", value)

    def __le__(self, value: "Constant | Field") -> "Condition":
        return Condition(self.name, "<=", value)

    def is_(self, value: Constant) -> "Condition":
        """The field equals a value."""
        return Condition(self.name, "==", value)

    def is_not(self, value: Constant) -> "Condition":
        """The field is known and differs from a value."""
        return Condition(self.name, "!=", value)

    def is_in(self, *values: Constant) -> "Condition":
        """The field is one of several values."""
        return Condition(self.name, "in", values)

    def has(self, *codes: str) -> "Condition":
        """A field of several codes holds at least one of these."""
        return Condition(self.name, "has", codes)

    def is_missing(self) -> "Condition":
        """The field is null."""
        return Condition(self.name, "missing", None)

    def is_present(self) -> "Condition":
        """The field is not null."""
        return Condition(self.name, "present", None)

    def before_as_of(self, *, days: int = 0) -> "Condition":
        """A date earlier than the as-of date plus so many days; null dates do not count."""
        return Condition(self.name, "before", days)

    def after_as_of(self, *, days: int = 0) -> "Condition":
        """A date later than the as-of date plus so many days; null dates do not count."""
        return Condition(self.name, "after", days)

    def due_within(self, periods: int, *, month: int, day: int) -> "Condition":
        """A year among the last so many whose yearly duty (due on month and day of the next year) is past due."""
        return Condition(self.name, "due", (periods, month, day))

    def plus(self, days: int) -> "Field":
        """A date so many days after the field's, to compare another date field with."""
        return replace(self, shift=days)


@dataclass(frozen=True)
class _Fields:
    """Reads ``f.severity`` as the field ``severity``."""

    def __getattr__(self, name: str) -> Field:
        if name.startswith("_"):
            raise AttributeError(name)
        return Field(name)


f = _Fields()


@dataclass(frozen=True)
class Condition:
    """A test of one field of a record."""

    field: str
    op: str
    value: Any


@dataclass(frozen=True)
class Window:
    """A stretch of time before T: event dates in (T − months or days, T]."""

    months: int = 0
    days: int = 0


@dataclass(frozen=True)
class Rows:
    """Records of one type that are known, in force and dated on or before T."""

    record_type: str
    conditions: tuple[Condition, ...] = ()
    window: Window | None = None
    state: bool = False

    def where(self, *conditions: Condition) -> "Rows":
        """Only the records that meet every condition."""
        return replace(self, conditions=self.conditions + conditions)

    def within(self, *, months: int = 0, days: int = 0) -> "Rows":
        """Only the records whose event date lies in the window before T."""
        return replace(self, window=Window(months, days))

    def in_effect(self) -> "Rows":
        """Only the states that hold at T: started, and not ended by T."""
        return replace(self, state=True)

    def count(self) -> "Aggregate":
        """How many records."""
        return Aggregate("count", self)

    def any(self) -> "Formula":
        """1 when there is a record, else 0."""
        return flag(self.count(), at_least=1)

    def sum(self, name: str) -> "Aggregate":
        """The sum of a whole-number field."""
        return Aggregate("sum", self, name)

    def max(self, name: str) -> "Aggregate":
        """The greatest value of a whole-number field."""
        return Aggregate("max", self, name)

    def min(self, name: str) -> "Aggregate":
        """The least value of a whole-number field."""
        return Aggregate("min", self, name)

    def distinct(self, name: str) -> "Aggregate":
        """How many different values a field has."""
        return Aggregate("distinct", self, name)

    def decayed(self, *, half_life: int, points: Mapping[int, int] | None = None, of: str | None = None) -> "Formula":
        """The count of records, each weighing 0.5 ** (age in months / half-life), times points of a field if given."""
        table = tuple(sorted(points.items())) if points else None
        total = Aggregate("decayed", self, of, half_life=half_life, points=table)
        return Formula("over", (total,), (float(DECAY_SCALE),))

    def latest(self, name: str) -> "Aggregate":
        """A field's value in the latest record by event date (of several on one day, the greatest value)."""
        return Aggregate("latest", self, name)

    def last_day(self, name: str | None = None) -> "Aggregate":
        """The latest event date (or date field), as days since 1970-01-01."""
        return Aggregate("last_day", self, name)

    def first_day(self, name: str | None = None) -> "Aggregate":
        """The earliest event date (or date field), as days since 1970-01-01."""
        return Aggregate("first_day", self, name)

    def months_since_last(self, name: str | None = None) -> "Formula":
        """Whole months from the latest record to T; null when there is none."""
        return Formula("months_since", (self.last_day(name),))

    def months_since_first(self, name: str | None = None) -> "Formula":
        """Whole months from the earliest record to T; null when there is none."""
        return Formula("months_since", (self.first_day(name),))

    def days_since_first(self, name: str | None = None) -> "Formula":
        """Days from the earliest record to T; null when there is none."""
        return Formula("days_since", (self.first_day(name),))


@dataclass(frozen=True)
class Aggregate:
    """One number an entity, computed in the query of its record type; always an integer."""

    op: str
    rows: Rows
    field: str | None = None
    half_life: int | None = None
    points: tuple[tuple[int, int], ...] | None = None


@dataclass(frozen=True)
class Formula:
    """Arithmetic on values of the same entity; null where an operand is null."""

    op: str
    operands: "tuple[Value, ...]"
    numbers: tuple[float, ...] = ()


@dataclass(frozen=True)
class PeerRate:
    """The mean of a value among entities sharing codes, without the entity itself, shrunk to the wider group."""

    value: "Value"
    by: tuple[str, ...]
    strength: float


@dataclass(frozen=True)
class Neighbours:
    """A sum of a value over the entities linked to this one through a shared key, without the entity itself."""

    rows: Rows
    key: str
    value: "Value | None"
    hub: int


@dataclass(frozen=True)
class Nearby:
    """Records of places in the entity's grid cell and its eight neighbours, optionally decayed."""

    rows: Rows
    cell: str
    half_life: int | None = None


Value = Aggregate | Formula | PeerRate | Neighbours | Nearby


def records(record_type: str) -> Rows:
    """All records of a type."""
    return Rows(record_type)


def ratio(top: Value, bottom: Value, *, plus: tuple[float, float] = (0.0, 0.0)) -> Formula:
    """(top + plus[0]) / (bottom + plus[1]); null when the divisor is zero."""
    return Formula("ratio", (top, bottom), plus)


def difference(left: Value, right: Value) -> Formula:
    """left − right."""
    return Formula("difference", (left, right))


def total(*values: Value) -> Formula:
    """The sum of values."""
    return Formula("total", values)


def greatest(*values: Value) -> Formula:
    """The greatest of values that are not null."""
    return Formula("greatest", values)


def log1p(value: Value, *, over: float = 1.0) -> Formula:
    """ln(1 + value / over)."""
    return Formula("log1p", (value,), (over,))


def over(value: Value, divisor: float) -> Formula:
    """value / divisor."""
    return Formula("over", (value,), (divisor,))


def clipped(value: Value, low: float, high: float) -> Formula:
    """The value held between two bounds."""
    return Formula("clipped", (value,), (low, high))


def flag(value: Value, *, at_least: float) -> Formula:
    """1 when the value reaches a bound, else 0; null stays null."""
    return Formula("flag", (value,), (at_least,))


def below(value: Value, bound: float) -> Formula:
    """1 when the value is less than a bound, else 0; null stays null."""
    return Formula("below", (value,), (bound,))


def both(left: Value, right: Value) -> Formula:
    """1 when both values are at least 1, else 0."""
    return Formula("both", (left, right))


def or_zero(value: Value) -> Formula:
    """The value, 0 where it is null."""
    return Formula("or_zero", (value,))


def due_periods(established: Value, periods: int, *, month: int, day: int) -> Formula:
    """How many of the last so many yearly duties were due by T for an entity established on a day."""
    return Formula("due_periods", (established,), (periods, month, day))


def peer_rate(value: Value, *, by: tuple[str, ...], strength: float = 20.0) -> PeerRate:
    """The peers' mean of a value, known at T, leaving the entity out, shrunk by ``strength`` pseudo-entities.

    ``by`` names fields of the entity's own registration, widest group first.
    """
    return PeerRate(value, by, strength)


def same(rows: Rows, key: str, *, of: Value | None = None, hub: int = 50) -> Neighbours:
    """The sum of a value (or the number) of other entities sharing a key with this one in ``rows``.

    A key shared by more than ``hub`` entities is a hub (a market, a park, an agent) and links nobody.
    """
    return Neighbours(rows, key, of, hub)


def nearby(rows: Rows, cell: str, *, half_life: int | None = None) -> Nearby:
    """How many place records lie in the entity's cell or one of its eight neighbours."""
    return Nearby(rows, cell, half_life)


@dataclass(frozen=True)
class General:
    """What a sector takes over from the general indicator system: indicators by code."""

    codes: tuple[str, ...]


def general(*codes: str) -> General:
    """Indicators of the general system that a sector takes over as they stand, by code."""
    return General(codes)


@dataclass(frozen=True)
class Seen:
    """A worked example: the records there are, the as-of date, and the value that must come out."""

    as_of: date
    gives: float | None
    kind: str | None
    records: Mapping[str, tuple[Mapping[str, Any], ...]]


def seen(*, as_of: str, gives: float | None, kind: str | None = None, **records: list[dict[str, Any]]) -> Seen:
    """A worked example; ``gives=None`` means null. Records are made with ``on``."""
    rows = {name: tuple(found) for name, found in records.items()}
    return Seen(date.fromisoformat(as_of), gives, kind, rows)


def on(day: str, *, known: str | None = None, of: str = "it", **fields: Any) -> dict[str, Any]:
    """One record of an example: its event date, the day it became known (default: the same), whose it is."""
    return {"event_date": day, "known": known or day, "of": of, **fields}


@dataclass(frozen=True)
class Indicator:
    """One indicator: what it measures, for whom, in which unit, which way it points and why it is there."""

    code: str
    label: str
    label_en: str
    section: str
    unit: str
    value: Value
    direction: str
    basis: str
    reason: str
    reason_en: str
    examples: tuple[Seen, ...]
    items: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    monotone: bool = False
    missing: str = "zero"
    visibility: str = "publishable"
    role: str = "feature"
    key: bool = False
    sector: str = GENERAL
    dimension: str = ""
    record_types: tuple[str, ...] = field(default=())
