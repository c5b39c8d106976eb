"""Small worlds for tests: records as plain dictionaries, written as a lake of Parquet files, drawn at random.

A world's rows have the lake's columns with Python values; the same rows feed the engines (through a lake) and the
oracle (as they are).
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from features.engine import EMBEDDED
from features.indicators.catalogue import Definitions
from features.matrix import sampled_batches
from features.profile import Profile
from features.records.layout import BASE_COLUMNS
from features.records.schema import REGISTER, Field, RecordType
from features.rehearsal import SUBJECT, Row, TinyLake, World, kept, lake_of, lake_schema, types_of, world_of

__all__ = [
    "REGISTER",
    "SUBJECT",
    "Row",
    "TinyLake",
    "World",
    "kept",
    "lake_of",
    "lake_schema",
    "types_of",
    "world_of",
]

SMALL = Path(__file__).parent / "small"
ENGINES = (*EMBEDDED, "spark@local[2]")  # one Spark session a process: all tests share its master


def known_before(world: World, moment: datetime) -> World:
    """The world as it was before a moment: nothing known later, nothing superseded yet."""
    kept = {
        name: tuple(
            {**row, "superseded_at": None if _later(row["superseded_at"], moment) else row["superseded_at"]}
            for row in rows
            if row["known_at"] < moment
        )
        for name, rows in world.rows.items()
    }
    return replace(world, rows=kept)


def _later(value: datetime | None, moment: datetime) -> bool:
    return value is not None and value >= moment


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
    catalogue = types_of(profile.folder)
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
        row: dict[str, Any] = dict.fromkeys([*BASE_COLUMNS, *record_type.fields])
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
