"""What a class would be with supposed records: an entity's own values worked out anew, all others as sealed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import polars as pl

from features.asof import Month
from features.compile import fields_read
from features.engine import Engine
from features.evidence import CITED, SCHEMA, cited_rows
from features.indicators.catalogue import Definitions, aggregates
from features.indicators.language import Indicator, Rows
from features.profile import Profile
from features.reading import Lake, Reading
from features.records.generation import CURRENT, read_generation
from features.records.lake import Lake as StoredLake
from features.records.schema import RecordType
from serving.http import ProblemError
from serving.scoring.stated import Reader, Stated, not_open, stated
from serving.shelf import StoredMonth
from serving.visibility import PUBLISHABLE
from training.acts import Act, read_acts
from training.carried import under
from training.counterfactual import effective
from training.poured import Bench, Picker
from training.scheme import Scheme
from training.supposed import POLARS, Own

Light = Mapping[str, Any]
Vector = Mapping[str, float | None]
ROOMS = 4  # champions and months at once: a promotion and a new month overlap with the old


@dataclass(frozen=True)
class Place:
    """Which records are read, as of when, and with whose definitions; equal where the digests and numbers are."""

    folder: Path
    generation: int
    as_of: date
    digest: str
    scheme: Scheme = field(compare=False)
    profile: Profile = field(compare=False)


class Room:
    """What suppositions about one month share: the lake, the definitions, and their queries compiled once a type."""

    def __init__(self, place: Place) -> None:
        self.as_of, self.profile = place.as_of, place.profile
        found: tuple[Lake, Definitions] = under(place.scheme, StoredLake(place.folder, place.profile))
        self.definitions = found[1]
        self.reading = Reading(found[0], Engine(POLARS))
        self.picker = Picker(found[0], place.as_of)
        self._benches: dict[str, Bench] = {}
        self._lock = Lock()

    @cached_property
    def acts(self) -> tuple[Act, ...]:
        """What an entity can do itself that some indicator of its own records notices."""
        types = self.reading.types
        return effective(read_acts(self.profile, types), self.definitions, types)

    def bench(self, record_type: str) -> Bench:
        """The indicators that read a record type."""
        with self._lock:
            if record_type not in self._benches:
                lake = self.reading.lake
                self._benches[record_type] = Bench(lake, self.definitions, record_type, self.as_of)
            return self._benches[record_type]


@lru_cache(maxsize=ROOMS)
def _room(place: Place) -> Room:
    return Room(place)


def room(home: Path, profile: Profile, champion: Scheme, month: StoredMonth) -> Room:
    """Where suppositions about a month are worked out; ProblemError where the records lie on another machine.

    A sector has no records: it reads those of the place, whose home lies beside its own.
    """
    folder = home if profile.sector is None else home.parent / profile.place
    current = folder / "lake" / CURRENT
    if not current.is_file():
        raise ProblemError("records-away")
    generation, as_of = read_generation(current).number, Month.parse(month.month).end
    return _room(Place(folder, generation, as_of, champion.digest, champion, profile))


@dataclass(frozen=True)
class Supposed:
    """What supposed records change: values by indicator, which of them now rest on internal records, and the records.

    ``own`` are the records the entity would have; of those supposed the number is their place in the request.
    """

    values: Mapping[str, float]
    internal: frozenset[str]
    own: Own
    entity: int

    def vector(self, sealed: Vector) -> dict[str, float | None]:
        """A sealed vector with the values that change."""
        return {**sealed, **{code: value for code, value in self.values.items() if code in sealed}}

    def cited(self, at: Room, codes: Sequence[str], sealed: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The records some indicators rest on: those sealed, where nothing of theirs was supposed; else found anew."""
        known = {one["indicator"] for one in sealed} - set(self.values)
        found = [dict(one) for one in sealed if one["indicator"] in known]
        wanted = {code: cited_rows(at.definitions.by_code[code]) for code in codes if code not in known}
        records = self._with({one.record_type for rows in wanted.values() for one in rows})
        for code, rows in wanted.items():
            found += self._behind(at.picker, records, (code, rows))
        return found

    def _behind(
        self, picker: Picker, records: Mapping[str, pl.DataFrame], asked: tuple[str, Sequence[Rows]]
    ) -> list[dict[str, Any]]:
        code, definitions = asked
        named = {"indicator": pl.lit(code), "entity": pl.lit(self.entity, pl.Int32)}
        frames = [
            picker.picked(one, records[one.record_type], self.entity)
            .with_columns(**named, record_type=pl.lit(one.record_type))
            .select(SCHEMA.names)
            for one in definitions
        ]
        merged = pl.concat(frames).unique().sort(["event_date", "record_id"], descending=[True, False])
        return merged.head(CITED).to_dicts()

    def _with(self, record_types: set[str]) -> Mapping[str, pl.DataFrame]:
        further = record_types - set(self.own.records)
        read = Own.one(self.own.reading, further, as_of=self.own.as_of, entity=self.entity)
        return {**self.own.records, **read.records}


@dataclass(frozen=True)
class Asked:
    """One subject whose records are partly supposed: its place in the request, its sealed row and vector.

    ``internal`` says whether whoever asks may see internal records.
    """

    pointer: str
    light: Light
    sealed: Vector
    records: Sequence[Mapping[str, Any]]
    internal: bool = False


def suppose(at: Room, asked: Asked) -> Supposed:
    """What the supposed records of a subject change.

    ProblemError when a record could not be true or could not have been taken in, when it is not for whoever asks to
    suppose, and when the records that stand no longer give what was sealed: then the difference would not be the
    supposed records' alone.
    """
    told = stated(at.reading.types, asked.records, asked.pointer)
    benches = [at.bench(name) for name in dict.fromkeys(one.record_type.name for one in told)]
    if not asked.internal:
        check_open(told, [one for bench in benches for one in bench.indicators])
    needed = {one.record_type.name for one in told}.union(*(one.needed for one in benches))
    entity = int(asked.light["entity"])
    own = Own.one(at.reading, needed, as_of=at.as_of, entity=entity)
    changed = _changed(at, asked, own, told)
    kind = at.reading.lake.profile.kind_codes.index(asked.light["kind"])
    found: dict[str, float] = {}
    for bench in benches:
        before, after = bench.values(kind, [own.records, changed.records])
        codes = [one.code for one in bench.indicators]
        _check(asked, dict(zip(codes, before.tolist(), strict=True)))
        found |= dict(zip(codes, after.tolist(), strict=True))
    return Supposed(found, _internal(at, changed, benches), changed, entity)


def check_open(told: Sequence[Stated], indicators: Sequence[Indicator]) -> None:
    """Nothing when those may suppose some records who may not see internal ones; ProblemError says what they may not.

    What a record does to a class tells what it was held against. So a record type is not for them whose records are
    internal, or that internal indicators alone read; nor is a field that they alone look at.
    """
    faults = []
    for one in told:
        internal, shown = (_read(one.record_type, indicators, shown=shown) for shown in (False, True))
        if one.record_type.visibility != PUBLISHABLE or (internal and not shown):
            faults.append(not_open(f"{one.pointer}/type"))
            continue
        hidden = internal - shown - _needed(one.record_type)
        faults += [not_open(f"{one.pointer}/fields/{name}") for name in one.texts if name in hidden]
    if faults:
        raise ProblemError("forbidden", faults)


def _read(record_type: RecordType, indicators: Sequence[Indicator], *, shown: bool) -> set[str | None]:
    """The fields of a record type that publishable (``shown``) or internal indicators look at; null: at its rows."""
    of_kind = [one for one in indicators if (one.visibility == PUBLISHABLE) == shown]
    found: set[str | None] = set()
    for aggregate in (part for one in of_kind for part in aggregates(one.value)):
        if aggregate.rows.record_type == record_type.name:
            found |= {None, aggregate.field, *fields_read(aggregate.rows, record_type)}
    return found


def _needed(record_type: RecordType) -> set[str]:
    """The fields without which there is no record of a type."""
    required = {field.name for field in record_type.fields.values() if field.required}
    return {record_type.event_date, *record_type.key, *required}


def _changed(at: Room, asked: Asked, own: Own, told: Sequence[Stated]) -> Own:
    """The records with every supposed one among them; ProblemError names the faults of all."""
    records = dict(own.records)
    faults: dict[str, list[dict[str, str]]] = {"forbidden": [], "invalid-request": []}
    reader = Reader(at.profile, at.as_of, asked.light["entity"], asked.light["code"], asked.internal)
    for one in told:
        try:
            records[one.record_type.name] = reader.added(records[one.record_type.name], one)
        except ProblemError as problem:
            faults[problem.kind] += problem.errors
    for kind, found in faults.items():
        if found:
            raise ProblemError(kind, found)
    return replace(own, records=records)


def _check(asked: Asked, again: Mapping[str, float]) -> None:
    """Nothing when values come out as they were sealed, to the bit."""
    for code, value in again.items():
        kept = asked.sealed.get(code, value)
        known = np.array([np.nan if kept is None else kept, value], np.float64)
        if not np.isnan(known).all() and len(np.unique(known.view(np.int64))) > 1:
            raise ProblemError("state-conflict", [{"pointer": asked.pointer, "code": "sealed_value_differs"}])


def _internal(at: Room, changed: Own, benches: Sequence[Bench]) -> frozenset[str]:
    """The indicators that may rest on a supposed record that is not to be published."""
    hidden = {
        name
        for name, rows in changed.records.items()
        if rows.filter(pl.col("record_id").str.starts_with("/"), pl.col("visibility") != PUBLISHABLE).height
    }
    touched = {one.code: one for bench in benches for one in bench.indicators}
    return frozenset(code for code, one in touched.items() if hidden & {rows.record_type for rows in cited_rows(one)})
