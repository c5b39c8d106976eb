"""Outcomes a scheme is trained to foresee, read from a profile's ``outcomes.yaml``: conditions on records."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import ibis
import ibis.expr.types as ir

from features.indicators.language import Condition
from features.profile import Profile
from training.errors import SchemeError

FRAMINGS = ("detected", "given_inspection")
CORRECTIONS = ("looked_at",)
OPERATORS = ("==", "!=", ">", ">=", "<", "<=", "in", "has", "missing", "present")
DATED_OPERATORS = ("before", "after")  # a date so many days before or after T: where conditions are asked as of a date


@dataclass(frozen=True)
class Facts:
    """Records of one type that meet every condition."""

    record_type: str
    where: tuple[Condition, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields its conditions read."""
        return tuple(dict.fromkeys(one.field for one in self.where))


@dataclass(frozen=True)
class EventControl:
    """A field of the inspection event that is fitted as an exposure control, coded by a code list.

    With ``of`` it is read from the entity's records of another type with the same event date (of several, the first
    by name).
    """

    field: str
    list: str
    of: Facts | None = None

    @property
    def name(self) -> str:
        """The column of the control, told apart from indicators."""
        return f"event_{self.field}"


@dataclass(frozen=True)
class CaseKey:
    """The field that holds the number of a case, whatever record type has it, and those that say when it was filed."""

    key: str
    filed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What is foreseen: by first-known day within a horizon (detected), or at an inspection that takes place.

    ``learns_from`` names a wider outcome that every second booster learns; calibration and test know only this one.
    ``looked_at`` says which records tell that somebody looked; ``correction`` how those nobody looked at are treated:
    as clean (null), or left out, the others weighed by the inverse of their chance (``looked_at``).
    ``competing`` names an outcome that ends the time in which this one can come: an exit.
    ``trees`` are settings of ``model.yaml`` that are otherwise for this outcome.
    ``drawn``: inspections are the random on-site draws of ``random_draw.yaml``, weighed by the inverse of their chance.
    ``case`` says how records name their case: what is foreseen may be a case already under way.
    """

    code: str
    label: str
    framing: str
    horizon_months: int = 0
    settle_days: int = 0
    lookback_months: int = 0
    any_of: tuple[Facts, ...] = ()
    open_case: tuple[Facts, ...] = ()
    learns_from: str | None = None
    competing: str | None = None
    looked_at: tuple[Facts, ...] = ()
    correction: str | None = None
    event: Facts | None = None
    positive: tuple[Condition, ...] = ()
    drawn: bool = False
    trees: Mapping[str, Any] = field(default_factory=dict)
    controls: tuple[str, ...] | None = None
    event_controls: tuple[EventControl, ...] = ()
    case: CaseKey | None = None


def read_outcomes(profile: Profile) -> dict[str, Outcome]:
    """The outcomes of a profile by code, the one schemes are trained on first."""
    rows = profile.table("outcomes")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, Mapping) for row in rows):
        raise SchemeError(
            f"outcomes.yaml of profile {profile.name} holds no list of outcomes; expected at least one, the "
            "one schemes are trained on first. Nothing was trained; see docs/docking.md."
        )
    found = {outcome.code: outcome for outcome in (_outcome(row, profile) for row in rows)}
    for outcome in found.values():
        _check_beside(outcome, found, f"outcomes.yaml of profile {profile.name}, outcome {outcome.code}")
    return found


def _check_beside(outcome: Outcome, known: Mapping[str, Outcome], where: str) -> None:
    """What an outcome learns from and what competes with it are detected like itself, within the same horizon."""
    for name, said in ((outcome.learns_from, "learns from"), (outcome.competing, "has as competing risk")):
        if name is not None:
            _check_other(outcome, known.get(name), f"{where} {said} {name!r}")


def _check_other(outcome: Outcome, wider: Outcome | None, where: str) -> None:
    if wider is None or {wider.framing, outcome.framing} != {"detected"}:
        raise SchemeError(f"{where}; expected a detected outcome of the same file.")
    if wider.horizon_months != outcome.horizon_months or wider.settle_days > outcome.settle_days:
        raise SchemeError(
            f"{where}, which looks {wider.horizon_months} months ahead and settles in {wider.settle_days} days, itself "
            f"{outcome.horizon_months} and {outcome.settle_days}; expected the same months, and days enough."
        )


def conditions(
    rows: Iterable[Sequence[Any]], where: str, *, operators: Sequence[str] = OPERATORS
) -> tuple[Condition, ...]:
    """Conditions written as ``[field, op, value]``; SchemeError names an operator that does not exist."""
    found = []
    for row in rows:
        field, op, *value = row
        if op not in operators:
            raise SchemeError(f"{where}: operator {op!r} on {field}; expected one of {', '.join(operators)}.")
        found.append(_condition(str(field), op, value[0] if value else None))
    return tuple(found)


def _condition(field: str, op: str, value: Any) -> Condition:
    """A condition of the indicator language; a single value may be written without a list."""
    if op in {"in", "has"}:
        return Condition(field, op, tuple(value) if isinstance(value, list) else (value,))
    return Condition(field, op, value)


def facts(rows: Any, where: str) -> tuple[Facts, ...]:
    """Fact conditions written as one mapping or a list of ``{record_type, where}``."""
    listed = [rows] if isinstance(rows, Mapping) else list(rows or ())
    return tuple(Facts(row["record_type"], conditions(row.get("where", ()), where)) for row in listed)


def instant(moment: datetime) -> ir.TimestampScalar:
    """A UTC instant as a literal that compares with ``known_at`` on every engine."""
    return ibis.literal(moment, type="timestamp('UTC', 6)")


def day(value: date) -> ir.DateScalar:
    """A date as a literal of the engine's date type."""
    return ibis.literal(value, type="date")


def _outcome(row: Mapping[str, Any], profile: Profile) -> Outcome:
    where = f"outcomes.yaml of profile {profile.name}, outcome {row.get('code')!r}"
    framing = row.get("framing")
    needed = {"detected": ("horizon_months", "lookback_months", "any_of"), "given_inspection": ("event", "positive")}
    if framing not in needed:
        raise SchemeError(f"{where}: framing is {framing!r}; expected one of {', '.join(FRAMINGS)}.")
    for key in ("code", "label", *(() if row.get("drawn") else needed[framing])):
        if key not in row:
            raise SchemeError(f"{where}: {key} is missing; every {framing} outcome states it.")
    event = facts(row.get("event"), where)
    correction = row.get("correction")
    if correction is not None and (correction not in CORRECTIONS or not row.get("looked_at") or framing != "detected"):
        raise SchemeError(
            f"{where}: correction is {correction!r} with looked_at {row.get('looked_at')!r}; expected "
            f"{', '.join(CORRECTIONS)} or none, for a detected outcome that says in looked_at who was looked at."
        )
    return Outcome(
        code=row["code"],
        label=row["label"],
        framing=framing,
        horizon_months=int(row.get("horizon_months", 0)),
        settle_days=int(row.get("settle_days", 0)),
        lookback_months=int(row.get("lookback_months", 0)),
        any_of=facts(row.get("any_of"), where),
        open_case=facts(row.get("open_case"), where),
        learns_from=row.get("learns_from"),
        competing=row.get("competing"),
        looked_at=facts(row.get("looked_at"), where),
        correction=correction,
        event=event[0] if event else None,
        positive=conditions(row.get("positive", ()), where),
        drawn=bool(row.get("drawn", False)),
        trees=dict(row.get("trees", {})),
        controls=None if row.get("controls") is None else tuple(row["controls"]),
        event_controls=tuple(_event_control(one, where) for one in row.get("event_controls", ())),
        case=_case(row.get("case"), where),
    )


def _event_control(row: Mapping[str, Any], where: str) -> EventControl:
    joined = facts(row.get("of"), where)
    return EventControl(row["field"], row["list"], joined[0] if joined else None)


def _case(row: Any, where: str) -> CaseKey | None:
    if row is None:
        return None
    if not isinstance(row, Mapping) or not row.get("key") or not set(row) <= {"key", "filed"}:
        raise SchemeError(
            f"{where}: case is {row!r}; expected key, the field of a case's number, and filed, its dates."
        )
    return CaseKey(str(row["key"]), tuple(row.get("filed", ())))
