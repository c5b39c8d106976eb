"""Record types: the collection catalogue of a profile, one YAML file a type."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from features.profile import Profile, ProfileError, read_yaml

FIELD_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "code": pa.string(),
    "codes": pa.string(),
    "int": pa.int64(),
    "decimal": pa.int64(),
    "money": pa.int64(),
    "flag": pa.int64(),
    "date": pa.date32(),
    "coordinate": pa.float64(),
}
SUBJECTS = ("entity", "record", "place")
VISIBILITIES = ("publishable", "internal", "restricted")
REGISTER = "entity"
MONEY_SCALE = 2
PARENT_DATE = "parent_event_date"
DERIVED = ("penalty_severity", "grid_steps", "grid_cell", PARENT_DATE)


@dataclass(frozen=True)
class Field:
    """A field of a record type: what it is called, its type and what values it may have."""

    name: str
    label: str
    type: str
    required: bool = False
    list: str | None = None
    min: float | None = None
    max: float | None = None
    scale: int = 0
    derived: str | None = None
    sources: tuple[str, ...] = ()
    step: float = 0.0
    label_en: str = ""

    @property
    def of_parent(self) -> bool:
        """Whether a row that brings no value takes the event date of the record it belongs to."""
        return self.derived == PARENT_DATE

    @property
    def arrow_type(self) -> pa.DataType:
        """The column type in the lake; decimals and money are integers of their last digit."""
        return FIELD_TYPES[self.type]


@dataclass(frozen=True)
class Parent:
    """How a row without an identity of its own finds its entity: through a record it belongs to."""

    record_type: str
    field: str
    key: str


@dataclass(frozen=True)
class State:
    """The fields that bound a state in time: valid on days in [from, to)."""

    start: str
    end: str


@dataclass(frozen=True)
class RecordType:
    """One record type: its fields, whose it is, when it happened and what makes a row one fact."""

    name: str
    label: str
    label_en: str
    version: int
    items: tuple[str, ...]
    subject: str
    event_date: str
    key: tuple[str, ...]
    visibility: str
    fields: Mapping[str, Field]
    parent: Parent | None = None
    state: State | None = None
    basis: str = ""
    source_body: str = ""
    frequency: str = ""

    def field(self, name: str) -> Field:
        """A field by name; ProfileError lists the fields there are."""
        if name not in self.fields:
            raise ProfileError(f"Record type {self.name} has no field {name!r}; it has {', '.join(self.fields)}.")
        return self.fields[name]


def record_types(profile: Profile) -> dict[str, RecordType]:
    """Every record type of a profile by name; ProfileError names the file and what contradicts the catalogue."""
    types = {}
    for path in sorted((profile.folder / "catalogue").glob("*.yaml")):
        found = read_yaml(path)
        try:
            record_type = _record_type(found)
        except (KeyError, TypeError, ValueError) as fault:
            raise ProfileError(f"{path}: {fault!r} is missing or malformed; see profiles/README.md.") from None
        if record_type.name != path.stem:
            raise ProfileError(f"{path}: describes {record_type.name!r}; expected {path.stem!r}, the file's name.")
        types[record_type.name] = record_type
    for record_type in types.values():
        _check(record_type, types, profile)
    _check_register(types, profile)
    _check_settings(types[REGISTER], profile)
    return types


def _record_type(found: Mapping[str, Any]) -> RecordType:
    parent = found.get("parent")
    state = found.get("state")
    return RecordType(
        name=found["record_type"],
        label=found["label"],
        label_en=found.get("label_en", found["record_type"]),
        version=int(found["version"]),
        items=tuple(found["items"]),
        subject=found["subject"],
        event_date=found["event_date"],
        key=tuple(found["key"]),
        visibility=found["visibility"],
        fields={name: _field(name, spec) for name, spec in found["fields"].items()},
        parent=Parent(parent["record_type"], parent["field"], parent["key"]) if parent else None,
        state=State(state["from"], state["to"]) if state else None,
        basis=found.get("basis", ""),
        source_body=found.get("source_body", ""),
        frequency=found.get("frequency", ""),
    )


def _field(name: str, spec: Mapping[str, Any]) -> Field:
    if spec["type"] not in FIELD_TYPES:
        raise ValueError(f"field {name}: type {spec['type']!r}")
    return Field(
        name=name,
        label=spec["label"],
        type=spec["type"],
        required=bool(spec.get("required", False)),
        list=spec.get("list"),
        min=spec.get("min"),
        max=spec.get("max"),
        scale=MONEY_SCALE if spec["type"] == "money" else int(spec.get("scale", 0)),
        derived=spec.get("derived"),
        sources=tuple(spec.get("from", ())),
        step=float(spec.get("step", 0.0)),
        label_en=spec.get("label_en", name),
    )


def _check(record_type: RecordType, types: Mapping[str, RecordType], profile: Profile) -> None:
    where = f"Record type {record_type.name} of profile {profile.name}"
    if record_type.subject not in SUBJECTS or (record_type.subject == "record") != (record_type.parent is not None):
        raise ProfileError(
            f"{where}: subject is {record_type.subject!r}; expected entity, place, or record and a parent."
        )
    if record_type.visibility not in VISIBILITIES:
        raise ProfileError(f"{where}: visibility {record_type.visibility!r} is none of {', '.join(VISIBILITIES)}.")
    if record_type.parent and record_type.parent.record_type not in types:
        raise ProfileError(f"{where}: parent {record_type.parent.record_type!r} is not a record type.")
    for item in record_type.items:
        if item not in profile.items:
            raise ProfileError(f"{where}: item {item!r} is not in items.yaml.")
    _check_fields(record_type, profile, where)


def _check_register(types: Mapping[str, RecordType], profile: Profile) -> None:
    """The register says of every entity its kind, and whether it is in scope, in words the profile knows."""
    if REGISTER not in types:
        raise ProfileError(
            f"Profile {profile.name} has no record type {REGISTER}, the register of who there is; it has "
            f"{', '.join(types) or 'none'}. Nothing was done; add catalogue/{REGISTER}.yaml."
        )
    kind = types[REGISTER].field("kind")
    known = profile.codelist(kind.list).codes if kind.list is not None else profile.kind_codes
    for code in profile.kind_codes:
        if code not in known:
            raise ProfileError(
                f"Profile {profile.name}: kind {code} of profile.yaml is not in code list {kind.list}, which has "
                f"{', '.join(known)}. Nothing was done; make the two agree."
            )
    scope = profile.settings.get("scope")
    if scope is not None and scope.get("field") not in types[REGISTER].fields:
        raise ProfileError(
            f"profile.yaml of profile {profile.name}: scope has no field {scope.get('field')!r} in the register, which "
            f"has {', '.join(types[REGISTER].fields)}. Nothing was done; correct it."
        )


def _check_settings(register: RecordType, profile: Profile) -> None:
    """What ``profile.yaml`` names beyond kinds and scope is there: else it would count for nothing, in silence."""
    shown = profile.settings.get("register") or {}
    masking = profile.settings.get("masking") or {}
    asked = {
        "register": (shown.values(), register.fields),
        "coverage": (profile.coverage, profile.items),
        "masking.kinds": (masking.get("kinds", ()), profile.kind_codes),
    }
    for name, (named, known) in asked.items():
        unknown = [str(one) for one in named if one not in known]
        if unknown:
            raise ProfileError(
                f"profile.yaml of profile {profile.name}: {name} names {', '.join(unknown)}; there are "
                f"{', '.join(known)}. Nothing was done; correct it."
            )
    if masking and (not isinstance(masking.get("longest"), int) or not masking.get("kinds")):
        raise ProfileError(
            f"profile.yaml of profile {profile.name}: masking is {masking}; expected kinds and longest, a whole "
            "number. Nothing was done; correct it."
        )


def _check_fields(record_type: RecordType, profile: Profile, where: str) -> None:
    state_fields = (record_type.state.start, record_type.state.end) if record_type.state else ()
    for name in (record_type.event_date, *record_type.key, *state_fields):
        record_type.field(name)
    for field in record_type.fields.values():
        if field.derived is not None and field.derived not in DERIVED:
            raise ProfileError(
                f"{where}: field {field.name} is derived by {field.derived!r}; expected {', '.join(DERIVED)}."
            )
        if field.type in {"code", "codes"} and not profile.has(f"codelists/{field.list}"):
            raise ProfileError(f"{where}: field {field.name} names code list {field.list!r}, which does not exist.")
