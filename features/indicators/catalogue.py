"""The indicator system of a profile: collected from its definition files, checked, printed."""

import ast
import builtins
import hashlib
import json
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from features.indicators import language
from features.indicators.language import (
    GENERAL,
    Aggregate,
    Condition,
    DefinitionError,
    Field,
    Formula,
    General,
    Indicator,
    Nearby,
    Neighbours,
    PeerRate,
    Rows,
    Value,
)
from features.profile import SECTORS, Profile
from features.records.layout import BASE_COLUMNS
from features.records.schema import RecordType, record_types

DIMENSIONS = ("basic", "dynamic", "supervision", "association", "social")
DIRECTIONS = ("riskier", "safer", "none")
MISSING = ("zero", "null")
MEMBER = "member"  # says whose sector it is; in a sector's file one indicator has this role
ROLES = ("feature", "control", "override_only", "monitor_only", "display_only", MEMBER)
DECIDING = ("kinds", "coverage", "repair_effect", "zone")  # settings that decide values
CODE_UNIT = "code"  # of an indicator whose value numbers the codes of a list
ALLOWED_BUILTINS = ("dict", "list", "tuple", "str", "int", "float", "range", "zip", "enumerate", "sorted", "len")


@dataclass(frozen=True)
class Definitions:
    """The indicator system of a profile: indicators in the order of its files, and their digest."""

    indicators: tuple[Indicator, ...]
    digest: str

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """Indicator codes, the columns of a matrix."""
        return tuple(indicator.code for indicator in self.indicators)

    @cached_property
    def by_code(self) -> dict[str, Indicator]:
        """Indicators by code."""
        return {indicator.code: indicator for indicator in self.indicators}

    @cached_property
    def member(self) -> Indicator | None:
        """What says who belongs to the sector; None for the general system, which is everyone's."""
        return next((indicator for indicator in self.indicators if indicator.role == MEMBER), None)

    def with_role(self, *roles: str) -> tuple[str, ...]:
        """Codes of the indicators that have one of these roles, in order."""
        return tuple(indicator.code for indicator in self.indicators if indicator.role in roles)


def load(profile: Profile) -> Definitions:
    """The indicator system of a profile, the sector's own where it is seen as one.

    DefinitionError names the file, the indicator and what is missing. What sectors define is no part of the general
    system, so nothing in their files can change a general result.
    """
    reader = _Reader(profile, record_types(profile), {row["code"]: row for row in profile.table("sections")})
    files = _files(profile.folder / "indicators")
    found = [one for path in files for one in reader.placed(_assigned(path), GENERAL, where=path)]
    _once(found, profile)
    if profile.sector is not None:
        found = _of_sector(profile.sector, found, reader)
    elif members := [one.code for one in found if one.role == MEMBER]:
        raise DefinitionError(
            f"Profile {profile.name}: {', '.join(members)} has the role {MEMBER}, which only a sector's file may use."
        )
    return Definitions(tuple(found), digest_of(found, deciding_settings(profile), codelist_texts(profile)))


@dataclass(frozen=True)
class _Reader:
    """What indicators are placed and checked by: a profile, its record types and its sections."""

    profile: Profile
    types: Mapping[str, RecordType]
    sections: Mapping[str, Any]

    def placed(self, said: Iterable[Any], sector: str, *, where: Path) -> list[Indicator]:
        """The indicators among what a definition file assigns, placed and checked."""
        own = [one for one in said if isinstance(one, Indicator)]
        found = [_placed(one, sector, self.sections, self.profile, where=where) for one in own]
        for one in found:
            _check(one, self.types, self.profile, where=where)
        return found


def _of_sector(sector: str, general: list[Indicator], reader: _Reader) -> list[Indicator]:
    """What a sector takes over from the general system, in its order, then what the sector's file defines."""
    path = reader.profile.folder / "indicators" / SECTORS / f"{sector}.py"
    said = _assigned(path)
    own = reader.placed(said, sector, where=path)
    _once([*general, *own], reader.profile)
    taken = {code for one in said if isinstance(one, General) for code in one.codes}
    if unknown := sorted(taken - {one.code for one in general}):
        raise DefinitionError(
            f"{path}: general() names {', '.join(unknown)}; the general system has no such indicator."
        )
    members = [one for one in own if one.role == MEMBER]
    if len(members) != 1 or next(populations(members[0].value), None) is not None:
        raise DefinitionError(
            f"{path}: {len(members)} indicators have the role {MEMBER}; expected one, over an entity's own records."
        )
    return [one for one in general if one.code in taken] + own


def _once(indicators: list[Indicator], profile: Profile) -> None:
    codes = [indicator.code for indicator in indicators]
    if twice := sorted({code for code in codes if codes.count(code) > 1}):
        raise DefinitionError(f"Profile {profile.name}: indicators defined twice: {', '.join(twice)}. Rename one.")


def aggregates(value: Value) -> Iterator[Aggregate]:
    """Every aggregate over the entity's own records a value is made of."""
    match value:
        case Aggregate():
            yield value
        case Formula():
            for operand in value.operands:
                yield from aggregates(operand)


def populations(value: Value) -> Iterator[PeerRate | Neighbours | Nearby]:
    """Every part of a value that looks beyond the entity itself."""
    match value:
        case Formula():
            for operand in value.operands:
                yield from populations(operand)
        case PeerRate() | Neighbours() | Nearby():
            yield value


def row_sets(value: Value) -> Iterator[Rows]:
    """Every set of rows a value reads, of the entity itself or of others."""
    for aggregate in aggregates(value):
        yield aggregate.rows
    for part in populations(value):
        match part:
            case PeerRate():
                yield from row_sets(part.value)
            case Neighbours():
                yield part.rows
                if part.value is not None:
                    yield from row_sets(part.value)
            case Nearby():
                yield part.rows


def code_words(one: Indicator, profile: Profile, types: Mapping[str, RecordType]) -> tuple[tuple[str, str], ...]:
    """What the values of an indicator stand for that numbers the codes of a list: the words of each, in two languages.

    Empty for all others.
    """
    value = one.value
    if one.unit != CODE_UNIT or not isinstance(value, Aggregate) or value.op != "latest":
        return ()
    field = types[value.rows.record_type].field(str(value.field))
    if field.list is None:
        return ()
    listed = profile.codelist(field.list)
    return tuple((listed.label(code), listed.label(code, "en")) for code in listed.codes)


def _files(folder: Path) -> list[Path]:
    general = [folder / f"{name}.py" for name in DIMENSIONS if (folder / f"{name}.py").is_file()]
    others = [path for path in sorted(folder.glob("*.py")) if path not in general]
    if others:
        raise DefinitionError(f"{others[0]}: a definition file is named after its dimension ({', '.join(DIMENSIONS)}).")
    return general


def _assigned(path: Path) -> list[Any]:
    """What a definition file assigns, in order; the file may use nothing but the language.

    Whatever goes wrong in it is a DefinitionError with the file and the line.
    """
    source = path.read_text(encoding="utf-8")
    try:
        tree = ast.parse(source, filename=str(path))
    except SyntaxError as fault:
        raise DefinitionError(f"{path}, line {fault.lineno}: {fault.msg}. Nothing was loaded; correct it.") from None
    for node in ast.walk(tree):
        _check_node(node, path)
    allowed: dict[str, Any] = {name: getattr(builtins, name) for name in ALLOWED_BUILTINS}
    allowed["__import__"] = _import_language
    scope: dict[str, Any] = {"__builtins__": allowed}
    try:
        exec(compile(tree, str(path), "exec"), scope)  # noqa: S102 - every node was checked against the closed language
    except (DefinitionError, ImportError, NameError, AttributeError, TypeError, ValueError, LookupError) as fault:
        lines = [one.lineno for one in traceback.extract_tb(fault.__traceback__) if one.filename == str(path)]
        raise DefinitionError(
            f"{path}, line {lines[-1] if lines else '?'}: {fault}. Nothing was loaded; docs/language.md has the "
            "words of the definition language."
        ) from None
    return list(scope.values())


def _check_node(node: ast.AST, path: Path) -> None:
    line = getattr(node, "lineno", 0)
    if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.module != language.__name__):
        raise DefinitionError(f"{path}, line {line}: definitions may import only from {language.__name__}.")
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    if name.startswith("_"):
        raise DefinitionError(f"{path}, line {line}: {name!r} is not part of the definition language.")
    if isinstance(node, ast.While | ast.ClassDef | ast.Lambda | ast.Try | ast.With | ast.Await | ast.Global):
        raise DefinitionError(f"{path}, line {line}: {type(node).__name__} is not part of the definition language.")


def _import_language(name: str, *_: Any) -> Any:
    if name != language.__name__:
        raise DefinitionError(f"Definitions may import only from {language.__name__}, not {name!r}.")
    return language


def _placed(
    indicator: Indicator, sector: str, sections: Mapping[str, Any], profile: Profile, *, where: Path
) -> Indicator:
    if indicator.section not in sections:
        raise DefinitionError(f"{where}: {indicator.code} names section {indicator.section!r}; see sections.yaml.")
    dimension = sections[indicator.section]["dimension"]
    if sector == GENERAL and dimension != where.stem:
        raise DefinitionError(f"{where}: {indicator.code} is of dimension {dimension}; move it to {dimension}.py.")
    types = tuple(dict.fromkeys(rows.record_type for rows in row_sets(indicator.value)))
    return replace(
        indicator,
        sector=sector,
        dimension=dimension,
        kinds=indicator.kinds or profile.kind_codes,
        record_types=types,
    )


def _check(indicator: Indicator, types: Mapping[str, RecordType], profile: Profile, *, where: Path) -> None:
    name = f"{where}: indicator {indicator.code}"
    _check_words(indicator, name)
    _check_examples(indicator, types, name)
    for rows in row_sets(indicator.value):
        _check_rows(rows, types, profile, name)
    for value in (indicator.value, *_inner(indicator.value)):
        for aggregate in aggregates(value):
            _check_aggregate(aggregate, types, name)
    for record_type, field in _shared(indicator.value):
        if field not in types[record_type].fields:
            raise DefinitionError(f"{name}: {record_type} has no field {field!r} to find others by.")


def _check_examples(indicator: Indicator, types: Mapping[str, RecordType], name: str) -> None:
    """An example's records are of types there are, with fields these have."""
    for record_type, rows in ((one, rows) for seen in indicator.examples for one, rows in seen.records.items()):
        if record_type not in types:
            raise DefinitionError(f"{name}: an example has records of {record_type!r}; there are {', '.join(types)}.")
        known = {*types[record_type].fields, *BASE_COLUMNS, "known", "of"}
        unknown = sorted({field for row in rows for field in row} - known)
        if unknown:
            fields = ", ".join(types[record_type].fields)
            raise DefinitionError(f"{name}: in an example, {record_type} has no {', '.join(unknown)}; it has {fields}.")


def _check_rows(rows: Rows, types: Mapping[str, RecordType], profile: Profile, name: str) -> None:
    if rows.record_type not in types:
        raise DefinitionError(f"{name} reads {rows.record_type!r}, which is not a record type of the profile.")
    for condition in rows.conditions:
        _check_condition(condition, types[rows.record_type], name)
        _check_codes(condition, types[rows.record_type], profile, name)
    if rows.state and types[rows.record_type].state is None:
        raise DefinitionError(f"{name}: {rows.record_type} has no state, so nothing of it is in effect.")


def _inner(value: Value) -> Iterator[Value]:
    """What is computed for others: the values of peers and neighbours."""
    for part in populations(value):
        if not isinstance(part, Nearby) and part.value is not None:
            yield part.value


def _shared(value: Value) -> Iterator[tuple[str, str]]:
    """The fields by which others are found, with the record type that has them."""
    for part in populations(value):
        match part:
            case PeerRate():
                yield from (("entity", name) for name in part.by)
            case Neighbours():
                yield part.rows.record_type, part.key
            case Nearby():
                yield from (("entity", part.cell), (part.rows.record_type, part.cell))


def _check_words(indicator: Indicator, name: str) -> None:
    for needed in ("label", "label_en", "unit", "basis", "reason", "reason_en", "examples", "items"):
        if not getattr(indicator, needed):
            raise DefinitionError(f"{name} has no {needed}; every indicator states it.")
    words = {"direction": DIRECTIONS, "role": ROLES, "missing": MISSING}
    for word, allowed in words.items():
        if getattr(indicator, word) not in allowed:
            raise DefinitionError(f"{name}: {word} is {getattr(indicator, word)!r}; expected {', '.join(allowed)}.")
    if indicator.monotone and indicator.direction == "none":
        raise DefinitionError(f"{name} is monotone without a direction.")


def _check_condition(condition: Condition, record_type: RecordType, name: str) -> None:
    names = [condition.field] + ([condition.value.name] if isinstance(condition.value, Field) else [])
    for field_name in names:
        if field_name not in record_type.fields and field_name not in {"event_date", "source", "item", "visibility"}:
            raise DefinitionError(f"{name}: {record_type.name} has no field {field_name!r}.")


def _check_codes(condition: Condition, record_type: RecordType, profile: Profile, name: str) -> None:
    """A field of codes is compared with codes of its list: a misspelt one would never be met, in silence."""
    field = record_type.fields.get(condition.field)
    if field is None or field.list is None or condition.op not in {"==", "!=", "in", "has"}:
        return
    wanted = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    known = profile.codelist(field.list).codes
    unknown = [code for code in wanted if not isinstance(code, Field) and code not in known]
    if unknown:
        raise DefinitionError(
            f"{name}: {field.name} is compared with {', '.join(map(repr, unknown))}; code list {field.list} has "
            f"{', '.join(known)}."
        )


def _check_aggregate(aggregate: Aggregate, types: Mapping[str, RecordType], name: str) -> None:
    if aggregate.field is None:
        return
    record_type = types[aggregate.rows.record_type]
    if aggregate.field not in record_type.fields:
        raise DefinitionError(f"{name}: {record_type.name} has no field {aggregate.field!r}.")
    kind = record_type.fields[aggregate.field].type
    whole = kind in {"int", "decimal", "money", "flag"}
    if aggregate.op in {"sum", "max", "min", "decayed"} and not whole:
        raise DefinitionError(f"{name}: {aggregate.op} needs a whole-number field; {aggregate.field} is {kind}.")
    if aggregate.op == "decayed" and kind in {"decimal", "money"} and aggregate.points is None:
        raise DefinitionError(f"{name}: a decayed sum of {kind} could overflow; count or use points instead.")
    if aggregate.op in {"last_day", "first_day"} and kind != "date":
        raise DefinitionError(f"{name}: {aggregate.op} needs a date field; {aggregate.field} is {kind}.")
    if aggregate.op == "latest" and kind not in {"int", "decimal", "money", "flag", "code"}:
        raise DefinitionError(f"{name}: latest needs a whole-number or code field; {aggregate.field} is {kind}.")


def digest_of(indicators: Iterable[Indicator], settings: Mapping[str, Any], lists: Mapping[str, str]) -> str:
    """SHA-256 over everything that decides a value: definitions without examples, kinds, coverage, code lists."""
    stated = [canonical(replace(indicator, examples=())) for indicator in indicators]
    text = json.dumps([stated, settings, lists], ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def deciding_settings(profile: Profile) -> dict[str, Any]:
    """The settings of a profile that decide values, null where it has none."""
    return {name: profile.settings.get(name) for name in DECIDING}


def codelist_texts(profile: Profile) -> dict[str, str]:
    """The text of every code list of a profile, by name."""
    paths = sorted((profile.folder / "codelists").glob("*.yaml"))
    return {path.stem: path.read_text(encoding="utf-8") for path in paths}


def canonical(value: Any) -> Any:
    """A definition as plain lists and words, the same on every machine."""
    if is_dataclass(value) and not isinstance(value, type):
        return [type(value).__name__, {one.name: canonical(getattr(value, one.name)) for one in fields(value)}]
    if isinstance(value, tuple | list):
        return [canonical(one) for one in value]
    return value
