"""What would be known had entities acted: their own records with hypothetical versions, through the same indicators.

Every case (an entity, and the switches it is supposed to have thrown) becomes an entity of a lake of its own, made of
the records of the real one that stand at T, told anew where a switch says so. The definitions the matrix is made with
are worked out on that lake; nothing is patched into a value. What looks at others (peers, links, places) is not.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from features.asof import end_of_day, months_before
from features.compile import counted, literal_clock, rows_condition
from features.engine import Engine
from features.indicators.catalogue import Definitions
from features.indicators.language import Indicator, Rows
from features.matrix import sampled_batches
from features.profile import Profile
from features.reading import Lake, Reading
from features.records.layout import BASE_COLUMNS
from features.records.schema import REGISTER, RecordType
from features.records.stored import Stored
from features.rehearsal import lake_schema
from training.acts import AS_OF, DAYS_LATE, DUE, MONTHS, Act, Missed

Floats = npt.NDArray[np.float64]
Counting = Callable[[Rows], pl.DataFrame]
Poured = Callable[[Mapping[str, pl.DataFrame], int], Floats]
CHUNK = 20_000  # cases whose records lie in one lake
POLARS = "polars"  # of the supposed lake, which lies on this machine; every engine gives the same numbers
RETOLD = ("known_at", "version")  # what tells a new version from the one before, whatever it states
ADDED = ("item", "action", *RETOLD, "recorded_at", "visibility")  # what an added record says beside its fields
GONE = "gone"
RECORD = ["entity", "record_id"]


@dataclass(frozen=True)
class Switch:
    """One act on some records of an entity: their ids, or the years of a yearly duty it makes up for."""

    act: str
    records: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """An entity, and what it is supposed to have done; nothing, where there are no switches."""

    entity: int
    switches: tuple[Switch, ...] = ()


@dataclass(frozen=True)
class SupposedLake:
    """A lake of one small Parquet file a record type, whose entities are cases."""

    base: Lake
    folder: Path
    cases: int

    @property
    def profile(self) -> Profile:
        """The profile of the real lake."""
        return self.base.profile

    @property
    def home(self) -> Path:
        """The folder of its files."""
        return self.folder

    def types(self) -> Mapping[str, RecordType]:
        """The record types of the real lake."""
        return self.base.types()

    def stored(self, record_type: str) -> Stored:
        """The rows of a record type."""
        path = self.folder / f"{record_type}.parquet"
        return Stored([path] if path.is_file() else [], lake_schema(self.types()[record_type]))

    def register(self) -> pa.Table:
        """Cases by number; they have no codes."""
        unknown = pa.nulls(self.cases, pa.string())
        numbers = pa.array(range(self.cases), pa.int32())
        return pa.table({"entity": numbers, "code": unknown, "name": unknown, "region": unknown})

    def digest(self, as_of: date) -> str:
        """A digest of all files; nothing kept depends on it."""
        files = sorted(self.folder.glob("*.parquet"))
        return sha256(b"".join([as_of.isoformat().encode(), *(path.read_bytes() for path in files)])).hexdigest()


@dataclass(frozen=True)
class Own:
    """The records of some entities that stand at T, by record type, with the columns of the lake."""

    reading: Reading
    as_of: date
    records: Mapping[str, pl.DataFrame]

    @classmethod
    def read(cls, reading: Reading, record_types: Iterable[str], *, as_of: date, entities: Sequence[int]) -> "Own":
        """One query a record type, of the range of entity keys asked for."""
        wanted = pa.table({"entity": pa.array(sorted(set(entities)), pa.int32())})
        return cls(reading, as_of, {name: _standing(reading, name, wanted, as_of) for name in sorted({*record_types})})

    @classmethod
    def one(cls, reading: Reading, record_types: Iterable[str], *, as_of: date, entity: int) -> "Own":
        """The same of a single entity, with no query to compile: of files sorted by entity little is read."""
        return cls(reading, as_of, {name: _of_one(reading, name, entity, as_of) for name in sorted({*record_types})})

    def counting(self, definition: Rows) -> pl.DataFrame:
        """The records that count at T and are among the rows of a definition, the latest first."""
        frame, record_type = self.records[definition.record_type], self.reading.types[definition.record_type]
        engine, clock = Engine(POLARS), literal_clock(self.as_of, self.reading.lake.profile.zone)
        rows = engine.memory(frame.to_arrow().cast(lake_schema(record_type)))
        wanted = counted(rows, clock, self.reading.lake.profile) & rows_condition(rows, definition, record_type, clock)
        found = engine.run(rows.filter(wanted.fill_null(False)).select(*RECORD))
        named = pl.DataFrame(found).cast({"entity": pl.Int32, "record_id": pl.String})
        order = ["entity", "event_date", "record_id"]
        return frame.join(named, on=RECORD, how="semi").sort(order, descending=[False, True, False])


def _standing(reading: Reading, name: str, wanted: pa.Table, as_of: date) -> pl.DataFrame:
    schema = lake_schema(reading.types[name])
    rows = reading.rows(name, schema.names)
    if rows is None or not wanted.num_rows:
        return pl.DataFrame(schema.empty_table())
    clock = literal_clock(as_of, reading.lake.profile.zone)
    keys = wanted["entity"].to_pylist()
    near = rows.filter(
        rows.entity.between(keys[0], keys[-1]),  # files are sorted by entity: the rest is not read
        rows.known_at < clock.end,
        rows.superseded_at.isnull() | (rows.superseded_at >= clock.end),
    )
    found = reading.engine.run(near.join(reading.engine.memory(wanted), "entity").select(*schema.names))
    return pl.DataFrame(found.cast(schema)).sort(*RECORD)


def _of_one(reading: Reading, name: str, entity: int, as_of: date) -> pl.DataFrame:
    schema, end = lake_schema(reading.types[name]), end_of_day(as_of, reading.lake.profile.zone)
    stands = pl.col("superseded_at").is_null() | (pl.col("superseded_at") >= end)
    rows = reading.lake.stored(name).frame().select(schema.names)
    found = rows.filter(pl.col("entity") == entity, pl.col("known_at") < end, stands).collect()
    return pl.DataFrame(found.to_arrow().cast(schema)).sort(*RECORD)


def switches(own: Own, acts: Iterable[Act], counting: Counting | None = None) -> dict[int, list[Switch]]:
    """What every entity could do, in the order of the acts and within one act the latest record first.

    ``counting`` is how the records among some rows are found, where queries for it are compiled already.
    """
    found: dict[int, list[Switch]] = {}
    among = counting or own.counting
    for act in acts:
        each = _missing((own, among), act, act.missed) if act.missed else _standing_for(among, act)
        for entity, switch in each:
            found.setdefault(entity, []).append(switch)
    return found


def _standing_for(counting: Counting, act: Act) -> Iterable[tuple[int, Switch]]:
    by_entity = counting(act.rows).group_by("entity", maintain_order=True).agg("record_id")
    for entity, records in by_entity.iter_rows():
        parts = [tuple(records)] if act.together else [(record,) for record in records]
        yield from ((entity, Switch(act.code, part)) for part in parts)


def _missing(known: tuple[Own, Counting], act: Act, missed: Missed) -> Iterable[tuple[int, Switch]]:
    """The years a yearly duty was not met, of those whose beginning is known."""
    own, counting = known
    told = counting(Rows(act.record_type)).group_by("entity").agg(pl.col(missed.year))
    met = {entity: set(years) for entity, years in told.iter_rows()}
    found: dict[int, list[date]] = {}
    if missed.behind is not None:
        days = counting(missed.behind.rows).group_by("entity").agg(pl.col(missed.behind.date).drop_nulls())
        found = dict(days.iter_rows())
    born = counting(Rows(REGISTER)).group_by("entity").agg(pl.col(missed.born).min()).drop_nulls().sort("entity")
    for entity, began in born.iter_rows():
        asked = missed.years(began, own.as_of, found.get(entity, ()))
        years = [year for year in asked if year not in met.get(entity, ())]
        if years:
            yield entity, Switch(act.code, tuple(map(str, years)))


@dataclass(frozen=True)
class Pipeline:
    """From cases to the values of some indicators: their records told anew, and the matrix computed on them.

    ``poured`` says the values of so many cases from their records, where queries are compiled already.
    """

    own: Own
    acts: Mapping[str, Act]
    indicators: tuple[Indicator, ...]
    engine: str = POLARS
    poured: Poured | None = None

    def values(self, cases: Sequence[Case]) -> Floats:
        """The values of every case (rows) and indicator (columns)."""
        if not self.indicators or not cases:
            return np.empty((len(cases), len(self.indicators)))
        return np.concatenate([self._of(cases[start : start + CHUNK]) for start in range(0, len(cases), CHUNK)])

    def _of(self, cases: Sequence[Case]) -> Floats:
        if self.poured is not None:
            return self.poured(self.told(cases), len(cases))
        definitions = Definitions(self.indicators, "supposed")
        pairs = pa.table(
            {
                "pair": pa.array(range(len(cases)), pa.int64()),
                "entity": pa.array(range(len(cases)), pa.int32()),
                "as_of": pa.array([self.own.as_of] * len(cases), pa.date32()),
            }
        )
        with TemporaryDirectory(prefix="jianwei-supposed-") as scratch:
            lake = SupposedLake(self.own.reading.lake, Path(scratch), len(cases))
            for name, frame in self.told(cases).items():
                if frame.height:
                    table = frame.to_arrow().cast(lake_schema(lake.types()[name]))
                    pq.write_table(table, lake.folder / f"{name}.parquet")
            found = pa.concat_tables(sampled_batches(lake, definitions, pairs, engine=self.engine))
        return np.column_stack([found[code].to_numpy() for code in definitions.codes])

    def told(self, cases: Sequence[Case]) -> dict[str, pl.DataFrame]:
        """The records of every case by record type, the number of the case as their entity."""
        found = self.copied(cases)
        for act in self.acts.values():
            thrown = [
                (number, record)
                for number, case in enumerate(cases)
                for switch in case.switches
                if switch.act == act.code
                for record in switch.records
            ]
            if thrown:
                found[act.record_type] = self._acted(found[act.record_type], act, thrown)
        return found

    def copied(self, cases: Sequence[Case]) -> dict[str, pl.DataFrame]:
        """The records of every case as they are."""
        numbers = pl.DataFrame(
            {"entity": [case.entity for case in cases], "case": range(len(cases))},
            schema={"entity": pl.Int32, "case": pl.Int32},
        )
        return {
            name: frame.join(numbers, on="entity").with_columns(entity=pl.col("case")).drop("case").sort(*RECORD)
            for name, frame in self.own.records.items()
        }

    def astray(self, cases: Sequence[Case]) -> int:
        """How many cases touch what their switches do not name: a field, a record, a record type, its being there."""
        before, after = self.copied(cases), self.told(cases)
        named = {one for number, case in enumerate(cases) for one in self._named(number, case)}
        touched = (one for name in before for one in _changes(name, before[name], after[name]))
        return len({one.case for one in touched if one not in named})

    def _named(self, number: int, case: Case) -> Iterator["_Change"]:
        """Every change the switches of a case stand for."""
        for switch in case.switches:
            act = self.acts[switch.act]
            states = _stated_columns(act, self._type(act))
            for record in switch.records:
                columns = {*states, act.missed.year, *ADDED} if act.missed else {*states, *RETOLD}
                told = _added_id(act, number, int(record)) if act.missed else record
                yield from (_Change(number, act.record_type, told, column) for column in columns)

    def _type(self, act: Act) -> RecordType:
        return self.own.reading.types[act.record_type]

    def _acted(self, frame: pl.DataFrame, act: Act, thrown: Sequence[tuple[int, str]]) -> pl.DataFrame:
        if act.missed is not None:
            added = [self._added(act, act.missed, case, int(year)) for case, year in thrown]
            return pl.concat([frame, pl.DataFrame(added, schema=frame.schema)])
        stated = _stated(act.states, self._type(act), self.own.as_of) | {"known_at": self._moment}
        names = pl.DataFrame(thrown, schema={"entity": pl.Int32, "record_id": pl.String}, orient="row")
        marked = frame.join(names.with_columns(thrown=pl.lit(value=True)), on=RECORD, how="left")
        hit = pl.col("thrown").fill_null(value=False)
        anew = [
            pl.when(hit).then(pl.lit(value, dtype=frame.schema[name])).otherwise(pl.col(name)).alias(name)
            for name, value in stated.items()
        ]
        return marked.with_columns(*anew, version=pl.col("version") + hit.cast(pl.Int16)).drop("thrown")

    def _added(self, act: Act, missed: Missed, case: int, year: int) -> dict[str, Any]:
        """The record of a duty met late, known at T; of amounts it says nothing, so what was last reported stands."""
        record_type = self._type(act)
        row: dict[str, Any] = dict.fromkeys([*BASE_COLUMNS, *record_type.fields])
        row |= {
            "record_id": _added_id(act, case, year),
            "entity": case,
            "item": record_type.items[0],
            "action": "new",
            "known_at": self._moment,
            "recorded_at": self._moment,
            "visibility": record_type.visibility,
            "version": 1,
            missed.year: year,
        }
        return row | _stated(act.states, record_type, self.own.as_of, due=missed.due(year))

    @property
    def _moment(self) -> Any:
        """The last moment that counts at T."""
        return end_of_day(self.own.as_of, self.own.reading.lake.profile.zone) - timedelta(microseconds=1)


def _stated(
    states: Mapping[str, Any], record_type: RecordType, as_of: date, *, due: date | None = None
) -> dict[str, Any]:
    """What a new version states, as the lake keeps it; the event date of the record goes with the field it is from."""
    words = {AS_OF: as_of, DUE: due, DAYS_LATE: (as_of - due).days if due else None}
    found: dict[str, Any] = {}
    for name, value in states.items():
        if isinstance(value, Mapping):
            found[name] = months_before(as_of, -value[MONTHS])
        else:
            is_word = isinstance(value, str) and record_type.fields[name].type != "code"
            found[name] = words[value] if is_word else value
    if record_type.event_date in found:
        found["event_date"] = found[record_type.event_date]
    return found


@dataclass(frozen=True)
class _Change:
    """What one case has otherwise than the entity it was made from."""

    case: int
    record_type: str
    record: str
    column: str


def _changes(name: str, before: pl.DataFrame, after: pl.DataFrame) -> Iterator[_Change]:
    """Fields of records that differ, records that are gone, and what the records say that came instead."""
    both = before.join(after, on=RECORD, suffix="_after")
    added = after.join(before, on=RECORD, how="anti")
    for column in (one for one in before.columns if one not in RECORD):
        differ = both.filter(pl.col(column).ne_missing(pl.col(f"{column}_after")))
        for found in (differ, added.filter(pl.col(column).is_not_null())):
            yield from (_Change(case, name, record, column) for case, record in found.select(RECORD).iter_rows())
    gone = before.join(after, on=RECORD, how="anti").select(RECORD)
    yield from (_Change(case, name, record, GONE) for case, record in gone.iter_rows())


def _added_id(act: Act, case: int, year: int) -> str:
    return sha256(f"{act.code}/{case}/{year}".encode()).hexdigest()[:16]


def _stated_columns(act: Act, record_type: RecordType) -> set[str]:
    return {*act.states, *(["event_date"] if record_type.event_date in act.states else [])}
