"""Small worlds for tests: records as plain dictionaries, written as a lake of Parquet files, drawn at random.

A world's rows have the lake's columns with Python values; the same rows feed the engines (through a lake) and the
oracle (as they are).
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from features.indicators.catalogue import Definitions
from features.matrix import sampled_batches
from features.profile import Profile
from features.records.schema import Field, RecordType, record_types

SMALL = Path(__file__).parent / "small"
SUBJECT = "it"
REGISTER = "entity"
LONG_AGO = "2000-01-01"
CONTROL = {
    "record_id": pa.string(),
    "entity": pa.int32(),
    "item": pa.string(),
    "source": pa.string(),
    "source_record_no": pa.string(),
    "delivery": pa.string(),
    "action": pa.string(),
    "action_reason": pa.string(),
    "event_date": pa.date32(),
    "known_at": pa.timestamp("us", tz="UTC"),
    "known_basis": pa.string(),
    "recorded_at": pa.timestamp("us", tz="UTC"),
    "superseded_at": pa.timestamp("us", tz="UTC"),
    "published_date": pa.date32(),
    "withdrawn_date": pa.date32(),
    "repair_date": pa.date32(),
    "removal_date": pa.date32(),
    "visibility": pa.string(),
    "version": pa.int16(),
    "digest": pa.int64(),
}
DATED = ("published_date", "withdrawn_date", "repair_date", "removal_date")

Row = Mapping[str, Any]
_TYPES: dict[Path, dict[str, RecordType]] = {}


def types_of(profile: Profile) -> dict[str, RecordType]:
    """The record types of a profile, read once a run."""
    if profile.folder not in _TYPES:
        _TYPES[profile.folder] = record_types(profile)
    return _TYPES[profile.folder]


@dataclass(frozen=True)
class World:
    """Rows of every record type, and the names of the entities by key."""

    profile: Profile
    entities: tuple[str, ...]
    rows: Mapping[str, tuple[Row, ...]]

    @cached_property
    def types(self) -> dict[str, RecordType]:
        """The record types of the profile."""
        return types_of(self.profile)

    @cached_property
    def codes(self) -> dict[str, tuple[str, ...]]:
        """The codes of every code list that a field uses, in their order."""
        lists = {field.list for found in self.types.values() for field in found.fields.values() if field.list}
        return {name: self.profile.codelist(name).codes for name in lists}

    def known_before(self, moment: datetime) -> "World":
        """The world as it was before a moment: nothing known later, nothing superseded yet."""
        kept = {
            name: tuple(
                {**row, "superseded_at": None if _later(row["superseded_at"], moment) else row["superseded_at"]}
                for row in rows
                if row["known_at"] < moment
            )
            for name, rows in self.rows.items()
        }
        return replace(self, rows=kept)


def _later(value: datetime | None, moment: datetime) -> bool:
    return value is not None and value >= moment


@dataclass(frozen=True)
class TinyLake:
    """A lake of one small Parquet file a record type."""

    profile: Profile
    folder: Path
    entities: tuple[str, ...]

    def files(self, record_type: str) -> list[Path]:
        """The file of a record type, if it has rows."""
        path = self.folder / f"{record_type}.parquet"
        return [path] if path.is_file() else []

    def register(self) -> pa.Table:
        """Entities by key."""
        numbers = pa.array(range(len(self.entities)), pa.int32())
        unknown = pa.nulls(len(self.entities), pa.string())
        return pa.table(
            {"entity": numbers, "code": pa.array(self.entities, pa.string()), "name": unknown, "region": unknown}
        )

    def digest(self, as_of: date) -> str:
        """A digest of all files; more than was known, which is enough for tests."""
        whole = hashlib.sha256(as_of.isoformat().encode())
        for path in sorted(self.folder.glob("*.parquet")):
            whole.update(path.read_bytes())
        return whole.hexdigest()


def world_of(
    profile: Profile, records: Mapping[str, Iterable[Row]], *, kind: str | None = None, also: Iterable[str] = ()
) -> World:
    """The world of records made with ``on``: whoever has no registration gets one of long ago and of this kind."""
    types = types_of(profile)
    given = {name: list(rows) for name, rows in records.items()}
    named = [row["of"] for name, rows in given.items() if types[name].subject != "place" for row in rows]
    entities = tuple(dict.fromkeys([*also, *named]))
    registered = {row["of"] for row in given.get(REGISTER, ())}
    given.setdefault(REGISTER, [])
    given[REGISTER] += [
        {"event_date": LONG_AGO, "known": LONG_AGO, "of": name} for name in entities if name not in registered
    ]
    rows = {
        name: tuple(_row(types[name], row, profile, entities, kind, number) for number, row in enumerate(found))
        for name, found in given.items()
    }
    return World(profile, entities, rows)


def lake_of(profile: Profile, records: "World | Mapping[str, Iterable[Row]]", folder: Path) -> TinyLake:
    """A lake with these records, written under a folder; records made with ``on``, or a world."""
    world = records if isinstance(records, World) else world_of(profile, records)
    for name, record_type in types_of(profile).items():
        rows = world.rows.get(name, ())
        if rows:
            pq.write_table(
                pa.Table.from_pylist(list(rows), schema=lake_schema(record_type)), folder / f"{name}.parquet"
            )
    return TinyLake(profile, folder, world.entities)


def lake_schema(record_type: RecordType) -> pa.Schema:
    """The columns of a record type's lake files."""
    return pa.schema([*CONTROL.items(), *((name, field.arrow_type) for name, field in record_type.fields.items())])


def _row(
    record_type: RecordType, made: Row, profile: Profile, entities: tuple[str, ...], kind: str | None, number: int
) -> dict[str, Any]:
    given = dict(made)
    event, known = date.fromisoformat(given.pop("event_date")), date.fromisoformat(given.pop("known"))
    whose = given.pop("of")
    row: dict[str, Any] = dict.fromkeys([*CONTROL, *record_type.fields])
    row |= {
        "record_id": hashlib.sha256(f"{record_type.name}/{number}".encode()).hexdigest()[:16],
        "entity": None if record_type.subject == "place" else entities.index(whose),
        "item": given.pop("item", record_type.items[0]),
        "source": given.pop("source", "test"),
        "source_record_no": str(number),
        "delivery": "test",
        "action": "new",
        "event_date": event,
        "known_at": datetime.combine(known, time(12), profile.zone).astimezone(UTC),
        "known_basis": "recorded",
        "visibility": given.pop("visibility", record_type.visibility),
        "version": 1,
        "digest": 0,
    }
    row["recorded_at"] = row["known_at"]
    for name in DATED:
        row[name] = _date(given.pop(name, None))
    row |= _defaults(record_type, profile, kind, event)
    for name, value in given.items():
        row[name] = kept(record_type.field(name), value)
    return row


def _defaults(record_type: RecordType, profile: Profile, kind: str | None, event: date) -> dict[str, Any]:
    """What a record says when an example does not: required dates are the event date, registrations are in scope."""
    filled: dict[str, Any] = {
        name: event
        for name, field in record_type.fields.items()
        if field.type == "date" and (field.required or name == record_type.event_date)
    }
    if record_type.name == REGISTER:
        filled["kind"] = kind or profile.kind_codes[0]
        scope = profile.settings.get("scope")
        if scope:
            filled[scope["field"]] = profile.codelist(scope["list"]).codes[0]
    return filled


def kept(field: Field, value: Any) -> Any:
    """A value as a delivery states it, turned into what the lake keeps: money in its last digit, codes in bars."""
    if value is None:
        return None
    match field.type:
        case "date":
            return _date(value)
        case "decimal" | "money":
            return int(Decimal(str(value)).scaleb(field.scale).to_integral_exact())
        case "codes":
            codes = value.split("|") if isinstance(value, str) else list(value)
            return f"|{'|'.join(sorted(codes))}|"
        case "int" | "flag":
            return int(value)
    return value


def _date(value: Any) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else value


# ---------------------------------------------------------------------------------------------- random worlds

ENTITIES = ("it", "b", "c", "d", "e")
TEXTS = ("p", "q", "r")
CELLS = (200_002, 200_003, 300_003, 400_005)
PROFILE_DATES = tuple(
    date.fromisoformat(day) for day in ("2024-06-30", "2024-02-29", "2023-02-28", "2024-07-15", "2022-12-31")
)


@st.composite
def worlds(draw: st.DrawFn, profile: Profile, as_of: date, types: Iterable[str] = ()) -> World:
    """A random world around an as-of date: dates and moments crowd at the edges of windows and at T_end.

    ``types`` names the record types drawn from (default: all of the profile). Records may come in two versions.
    """
    catalogue = types_of(profile)
    names = [name for name in (types or catalogue) if name != REGISTER]
    chosen = draw(st.lists(st.sampled_from(sorted(names)), min_size=1, max_size=30))
    rows: dict[str, list[Row]] = {REGISTER: []}
    for key in range(len(ENTITIES)):
        rows[REGISTER] += draw(_versions(catalogue[REGISTER], profile, as_of, key))
    for name in chosen:
        record_type = catalogue[name]
        key = None if record_type.subject == "place" else draw(st.integers(0, len(ENTITIES) - 1))
        rows.setdefault(name, []).extend(draw(_versions(record_type, profile, as_of, key)))
    return World(profile, ENTITIES, {name: tuple(found) for name, found in rows.items()})


def end_of(as_of: date, profile: Profile) -> datetime:
    """The midnight that ends a day, in UTC."""
    return datetime.combine(as_of + timedelta(days=1), time(), profile.zone).astimezone(UTC)


@st.composite
def _versions(
    draw: st.DrawFn, record_type: RecordType, profile: Profile, as_of: date, key: int | None
) -> list[dict[str, Any]]:
    """One or two versions of a record: the second supersedes the first at the moment it becomes known."""
    moments = sorted(draw(st.lists(_moments(as_of, profile), min_size=1, max_size=2, unique=True)))
    identity = draw(st.integers(0, 2**62))
    found = []
    for version, known in enumerate(moments):
        event = draw(_days(as_of))
        row: dict[str, Any] = dict.fromkeys([*CONTROL, *record_type.fields])
        row |= {name: draw(_values(field, profile, as_of)) for name, field in record_type.fields.items()}
        row |= {
            "record_id": f"{identity:016x}",
            "entity": key,
            "item": draw(st.sampled_from(record_type.items)),
            "source": draw(st.sampled_from(("one", "two"))),
            "event_date": event,
            record_type.event_date: event,
            "known_at": known,
            "recorded_at": known,
            "superseded_at": moments[version + 1] if version + 1 < len(moments) else None,
            "withdrawn_date": draw(st.sampled_from((None, None, None, None, event))),
            "repair_date": draw(st.sampled_from((None, None, None, None, event))),
            "visibility": record_type.visibility,
            "version": version + 1,
            "digest": 0,
        }
        if record_type.name == REGISTER:
            row |= {"kind": draw(st.sampled_from(profile.kind_codes)), "withdrawn_date": None, "repair_date": None}
        found.append(row)
    return found


def _moments(as_of: date, profile: Profile) -> st.SearchStrategy[datetime]:
    end = end_of(as_of, profile)
    ways = [timedelta(microseconds=n) for n in (-1, 0, 1)] + [timedelta(days=n) for n in (-800, -60, -1, 1, 90)]
    return st.sampled_from([end + way for way in ways])


def _days(as_of: date) -> st.SearchStrategy[date]:
    edges = [as_of + timedelta(days=n) for n in (-1200, -800, -366, -365, -181, -91, -90, -89, -31, -1, 0, 1, 30)]
    month_ends = [date(as_of.year - back, as_of.month, 1) - timedelta(days=1) for back in (0, 1, 2)]
    return st.sampled_from(edges + month_ends) | st.dates(as_of - timedelta(days=1500), as_of + timedelta(days=60))


def _values(field: Field, profile: Profile, as_of: date) -> st.SearchStrategy[Any]:
    """Values of a field as the lake keeps them; null unless required, now and then."""
    value = _present(field, profile, as_of)
    return value if field.required else st.none() | value | value


def _present(field: Field, profile: Profile, as_of: date) -> st.SearchStrategy[Any]:
    if field.name == "cell":
        return st.sampled_from(CELLS)
    if field.name == "year":
        return st.integers(as_of.year - 6, as_of.year)
    if field.type == "date":
        return _days(as_of)
    if field.type in {"code", "codes"}:
        return _codes(field, profile)
    return _number(field) if field.type != "text" else st.sampled_from(TEXTS)


def _codes(field: Field, profile: Profile) -> st.SearchStrategy[str]:
    codes = profile.codelist(field.list or "").codes
    if field.type == "code":
        return st.sampled_from(codes)
    held = st.lists(st.sampled_from(codes), min_size=1, max_size=3, unique=True)
    return held.map(lambda some: f"|{'|'.join(sorted(some))}|")


def _number(field: Field) -> st.SearchStrategy[Any]:
    if field.type == "coordinate":
        return st.floats(20, 40)
    low, high = int(field.min if field.min is not None else -3), int(field.max if field.max is not None else 40)
    return st.integers(0, 1) if field.type == "flag" else st.integers(low * 10**field.scale, high * 10**field.scale)


def sampled(lake: Any, definitions: Definitions, pairs: pa.Table, *, engine: str = "polars") -> pa.Table:
    """The training matrix of a few pairs, whole."""
    return pa.concat_tables(sampled_batches(lake, definitions, pairs, engine=engine))
