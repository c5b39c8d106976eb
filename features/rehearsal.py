"""Worked examples rehearsed: each one's few records become a lake of its own, and the matrix must give its value."""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from features.indicators.catalogue import Definitions, populations
from features.indicators.language import Indicator, Neighbours, Seen
from features.matrix import sampled_batches
from features.profile import Profile, read_profile
from features.records.layout import BASE_COLUMNS
from features.records.schema import REGISTER, Field, RecordType, record_types
from features.records.stored import Stored

SUBJECT = "it"
LONG_AGO = "2000-01-01"
DATED = ("published_date", "withdrawn_date", "repair_date", "removal_date")

Row = Mapping[str, Any]


@lru_cache(maxsize=8)
def types_of(folder: Path) -> Mapping[str, RecordType]:
    """The record types of a profile's folder, read once: every example needs them."""
    return record_types(read_profile(str(folder)))


@dataclass(frozen=True)
class World:
    """Rows of every record type, and the names of the entities by key."""

    profile: Profile
    entities: tuple[str, ...]
    rows: Mapping[str, tuple[Row, ...]]


@dataclass(frozen=True)
class TinyLake:
    """A lake of one small Parquet file a record type."""

    profile: Profile
    folder: Path
    entities: tuple[str, ...]

    @property
    def home(self) -> Path:
        """The folder of its files."""
        return self.folder

    def types(self) -> Mapping[str, RecordType]:
        """The record types of the profile."""
        return types_of(self.profile.folder)

    def stored(self, record_type: str) -> Stored:
        """The rows of a record type."""
        path = self.folder / f"{record_type}.parquet"
        return Stored([path] if path.is_file() else [], lake_schema(self.types()[record_type]))

    def register(self) -> pa.Table:
        """Entities by key."""
        numbers = pa.array(range(len(self.entities)), pa.int32())
        unknown = pa.nulls(len(self.entities), pa.string())
        return pa.table(
            {"entity": numbers, "code": pa.array(self.entities, pa.string()), "name": unknown, "region": unknown}
        )

    def digest(self, as_of: date) -> str:
        """A digest of all files, whenever they became known."""
        whole = hashlib.sha256(as_of.isoformat().encode())
        for path in sorted(self.folder.glob("*.parquet")):
            whole.update(path.read_bytes())
        return whole.hexdigest()


def world_of(
    profile: Profile, records: Mapping[str, Iterable[Row]], *, kind: str | None = None, also: Iterable[str] = ()
) -> World:
    """The world of records made with ``on``: whoever has no registration gets one of long ago and of this kind."""
    types = types_of(profile.folder)
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
    for name, record_type in types_of(profile.folder).items():
        rows = world.rows.get(name, ())
        if rows:
            pq.write_table(
                pa.Table.from_pylist(list(rows), schema=lake_schema(record_type)), folder / f"{name}.parquet"
            )
    return TinyLake(profile, folder, world.entities)


def lake_schema(record_type: RecordType) -> pa.Schema:
    """The columns of a record type's lake files."""
    return pa.schema([*BASE_COLUMNS.items(), *((name, field.arrow_type) for name, field in record_type.fields.items())])


def _row(
    record_type: RecordType, made: Row, profile: Profile, entities: tuple[str, ...], kind: str | None, number: int
) -> dict[str, Any]:
    given = dict(made)
    event, known = date.fromisoformat(given.pop("event_date")), date.fromisoformat(given.pop("known"))
    whose = given.pop("of")
    row: dict[str, Any] = dict.fromkeys([*BASE_COLUMNS, *record_type.fields])
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


@dataclass(frozen=True)
class Example:
    """A worked example, named, with the subject's name in a lake shared with others."""

    indicator: Indicator
    seen: Seen
    subject: str

    def world(self, profile: Profile) -> World:
        """The example's records as a world of its own; entities other than the subject keep apart by name."""
        kind = self.seen.kind or self.indicator.kinds[0]
        records = {
            name: [{**row, "of": self.named(row["of"])} for row in rows] for name, rows in self.seen.records.items()
        }
        return self._keys_apart(world_of(profile, records, kind=kind, also=[self.subject]))

    def _keys_apart(self, world: World) -> World:
        """Keys that link entities become the example's own, so that examples sharing a lake are not neighbours."""
        rows = dict(world.rows)
        for part in populations(self.indicator.value):
            if isinstance(part, Neighbours):
                name, key = part.rows.record_type, part.key
                rows[name] = tuple(
                    {**row, key: row[key] and f"{self.subject}/{row[key]}"} for row in world.rows.get(name, ())
                )
        return replace(world, rows=rows)

    def needs_a_lake(self) -> bool:
        """Whether everyone else in a lake is a peer or lies nearby."""
        return any(not isinstance(part, Neighbours) for part in populations(self.indicator.value))

    def named(self, of: str) -> str:
        """A name of the example among those of all others."""
        return self.subject if of == SUBJECT else f"{self.subject}/{of}"


def examples(definitions: Definitions) -> list[Example]:
    """Every worked example of every indicator."""
    return [
        Example(indicator, seen, f"{indicator.code}#{number}")
        for indicator in definitions.indicators
        for number, seen in enumerate(indicator.examples)
    ]


def rehearsed(profile: Profile, wanted: Sequence[Example], *, engine: str) -> list[str]:
    """What is wrong: an example whose value the matrix does not give, with what it gives; nothing when all hold."""
    found: list[str | None] = []
    with TemporaryDirectory(prefix="jianwei-examples-") as scratch:
        sharing = [one for one in wanted if not one.needs_a_lake()]
        if sharing:
            together, first = _together(profile, [one.world(profile) for one in sharing])
            values = _sampled(together, list(zip(first, sharing, strict=True)), engine, _folder(scratch, "shared"))
            found += map(difference, values, sharing)
        for number, one in enumerate(one for one in wanted if one.needs_a_lake()):
            (value,) = _sampled(one.world(profile), [(0, one)], engine, _folder(scratch, str(number)))
            found.append(difference(value, one))
    return [line for line in found if line is not None]


def difference(found: float | None, example: Example) -> str | None:
    """How a value differs from the one an example gives; None when it does not."""
    wanted = example.seen.gives
    if found is None or wanted is None:
        same = found is wanted
    else:
        same = math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-12)
    return None if same else f"{example.subject} as of {example.seen.as_of}: the matrix gives {found}, not {wanted}"


def _folder(scratch: str, name: str) -> Path:
    folder = Path(scratch) / name
    folder.mkdir()
    return folder


def _together(profile: Profile, worlds: list[World]) -> tuple[World, list[int]]:
    """One world of many, and the key each one's subject has in it."""
    rows: dict[str, list[Row]] = {}
    first, count = [], 0
    for world in worlds:
        first.append(count)
        for name, found in world.rows.items():
            shifted = ({**row, "entity": None if row["entity"] is None else row["entity"] + count} for row in found)
            rows.setdefault(name, []).extend(shifted)
        count += len(world.entities)
    entities = tuple(name for world in worlds for name in world.entities)
    return World(profile, entities, {name: tuple(found) for name, found in rows.items()}), first


def _sampled(world: World, wanted: list[tuple[int, Example]], engine: str, folder: Path) -> list[float | None]:
    """The value the matrix gives each example, whose subject has this key."""
    lake = lake_of(world.profile, world, folder)
    definitions = Definitions(tuple({one.indicator.code: one.indicator for _, one in wanted}.values()), "examples")
    pairs = pa.table(
        {
            "pair": pa.array(range(len(wanted)), pa.int64()),
            "entity": pa.array([entity for entity, _ in wanted], pa.int32()),
            "as_of": pa.array([one.seen.as_of for _, one in wanted], pa.date32()),
        }
    )
    table = pa.concat_tables(sampled_batches(lake, definitions, pairs, engine=engine))
    columns = {code: table[code].to_numpy() for code in definitions.codes}
    found = [columns[one.indicator.code][row] for row, (_, one) in enumerate(wanted)]
    return [None if math.isnan(value) else float(value) for value in found]
