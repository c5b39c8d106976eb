"""Entity × indicator batches for one as-of date, or for sampled (entity, as-of date) pairs."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.asof import month_end_on_or_before
from features.compile import EPOCH, before_coverage, pair_clock, pair_columns
from features.engine import Engine, Ranged, stored
from features.everyone import Everyone, of_everyone, of_pairs
from features.formulas import Column, as_of_column, empty, evaluate
from features.indicators.catalogue import Definitions, aggregates, populations, row_sets
from features.indicators.language import Aggregate, Indicator, Nearby, Neighbours, PeerRate, Rows, Value, Window
from features.placing import Axis, Placed, by_type, place
from features.population import RING
from features.profile import Profile
from features.reading import AHEAD_CELLS, REGISTER, Ahead, Lake, Reading
from features.steps import key_of

BATCH = 125_000
AT_ONCE_ROWS = 2**18  # entities times dates: one aggregate of all of them, 2 MiB, stays in the caches
AT_ONCE_CELLS = 2**27  # and all their aggregates in 1 GiB
UNKNOWN_KIND = -1
WIDE = "wide {}"  # columns of values that depend on everyone, by number


@dataclass(frozen=True)
class Batch:
    """Rows of a matrix: entity keys, kinds (positions in the profile's kinds) and values, NaN where null."""

    as_of: date
    entity: npt.NDArray[np.int32]
    kind: npt.NDArray[np.int8]
    values: Column
    columns: tuple[str, ...]


def matrix_key(lake: Lake, definitions: Definitions, as_of: date) -> str:
    """What a matrix depends on: definitions, everything the lake knew at T, and T; late data changes it."""
    return key_of({"definitions": definitions.digest, "lake": lake.digest(as_of), "as_of": as_of.isoformat()})


def registrations(
    lake: Lake, *, as_of: date, engine: str = "polars", also: Sequence[str] = (), member: Indicator | None = None
) -> pa.Table:
    """Every entity known at T: entity, kind (position, −1 unknown), status text, and whether it is in scope.

    ``also`` names further fields of the registration, added as text. With the ``member`` of a sector only those who
    belong to it at T.
    """
    profile, reading = lake.profile, Reading(lake, Engine(engine))
    scope = profile.settings.get("scope")
    fields = ["kind"] + ([scope["field"]] if scope else [])
    table = reading.attributes(list(dict.fromkeys([*fields, *also])), as_of)
    if member is not None:
        table = table.filter(pa.array(_belongs(reading, member, table["entity"].to_numpy(), as_of)))
    status = table[scope["field"]] if scope else pa.nulls(table.num_rows, pa.string())
    inside = _in_scope(status, profile) if scope else np.ones(table.num_rows, bool)
    found = {"entity": table["entity"], "kind": _kinds(table, profile), "status": status, "in_scope": inside}
    return pa.table(found | {name: table[name].cast(pa.string()) for name in also})


def _belongs(reading: Reading, member: Indicator, entity: npt.NDArray[np.int32], as_of: date) -> npt.NDArray[np.bool_]:
    axis = Axis("entity", entity.astype(np.int64), np.zeros(len(entity), np.int8), as_of_column(as_of, 1))
    placed = Placed()
    for name, wanted in by_type([member.value]).items():
        place(placed, reading.at(name, wanted, as_of), wanted, axis)
    return evaluate(member.value, placed.columns, axis.as_of) > 0


@dataclass(frozen=True)
class Queries:
    """The queries of a matrix at one date, one a record type, compiled when first asked for."""

    reading: Reading
    definitions: Definitions
    as_of: date
    made: Path | None = None  # where another process keeps what ``store`` wrote: nothing is queried again

    @cached_property
    def needed(self) -> dict[str, dict[str, Aggregate]]:
        """The aggregates of every record type."""
        return _needed(self.definitions)

    def until(self, last: int) -> dict[str, Ahead]:
        """The queries, to be run on one range of keys after another up to a last key."""
        widths = {name: AHEAD_CELLS // len(wanted) for name, wanted in self.needed.items()}
        return {name: Ahead(self._compiled[name], width, last) for name, width in widths.items()}

    def store(self, folder: Path) -> None:
        """Run every query on everyone and write what it finds, a folder a record type."""
        for name, wanted in self.needed.items():
            query = self.reading.query(name, wanted, self.as_of)
            if query is not None:
                self.reading.engine.store(query, "entity", folder / name)

    @cached_property
    def _compiled(self) -> dict[str, Ranged | None]:
        if self.made is not None:
            folders = {name: self.made / name for name in self.needed}
            return {name: stored(one, "entity") if one.is_dir() else None for name, one in folders.items()}
        return {name: self.reading.in_ranges(name, wanted, self.as_of) for name, wanted in self.needed.items()}


@dataclass(frozen=True)
class Known:
    """Rows to fill for one date: registrations, the values of theirs that depend on everyone, and the queries."""

    rows: pa.Table
    queries: Queries

    def batches(self, *, size: int = BATCH) -> Iterator[Batch]:
        """Those in scope, in batches by entity key; what is in memory does not grow with their number.

        Each query runs on the range of keys of one batch after another.
        """
        reading, definitions, as_of = self.queries.reading, self.queries.definitions, self.queries.as_of
        inside, wide_parts = self.rows.filter(pc.field("in_scope")), _wide_parts(definitions)
        results = self.queries.until(inside["entity"][-1].as_py() if inside.num_rows else -1)
        for start in range(0, inside.num_rows, size):
            rows = inside.slice(start, size)
            entity = rows["entity"].to_numpy().astype(np.int64)
            axis = Axis("entity", entity, rows["kind"].to_numpy(), as_of_column(as_of, 1))
            placed = Placed({part: rows[WIDE.format(number)].to_numpy() for number, part in enumerate(wide_parts)})
            for name, wanted in self.queries.needed.items():
                found = results[name].between(int(entity[0]), int(entity[-1]))
                place(placed, found, wanted, axis)
            _place_nearby(placed, reading, definitions, axis)
            values = _filled(definitions, placed, axis, reading.lake.profile)
            yield Batch(as_of, axis.entity.astype(np.int32), axis.kind, values, definitions.codes)


def looking_at_everyone(definitions: Definitions) -> dict[str, list[str]]:
    """The columns of values that depend on everyone (peers, neighbours), by what they are: shares of about one size."""
    found: dict[str, list[str]] = {}
    for number, part in enumerate(_wide_parts(definitions)):
        found.setdefault(type(part).__name__, []).append(WIDE.format(number))
    return found


def wide(
    lake: Lake, definitions: Definitions, *, as_of: date, engine: str = "polars", columns: Collection[str]
) -> pa.Table:
    """Values that depend on everyone, for every entity key in order; ``columns``: see ``looking_at_everyone``."""
    parts = {WIDE.format(number): part for number, part in enumerate(_wide_parts(definitions))}
    reading = Reading(lake, Engine(engine))
    population = Everyone(reading, [parts[name] for name in columns], [month_end_on_or_before(as_of)]).at(0)
    found = {name: pa.array(population.column(parts[name])) for name in columns}
    return pa.table({"entity": pa.array(np.arange(reading.size, dtype=np.int32)), **found})


def beside(rows: pa.Table, wide_rows: pa.Table) -> pa.Table:
    """Registrations with values that depend on everyone beside them; both by entity, the second without gaps."""
    if wide_rows.num_rows:
        place = pa.array(rows["entity"].to_numpy() - wide_rows["entity"][0].as_py())
        for name in wide_rows.column_names[1:]:
            rows = rows.append_column(name, wide_rows[name].take(place))
    return rows


def known(lake: Lake, definitions: Definitions, *, as_of: date, engine: str = "polars") -> Known:
    """Everyone known at T, of a sector everyone who belongs to it."""
    rows = registrations(lake, as_of=as_of, engine=engine, member=definitions.member)
    for columns in looking_at_everyone(definitions).values():
        rows = beside(rows, wide(lake, definitions, as_of=as_of, engine=engine, columns=columns))
    return Known(rows, Queries(Reading(lake, Engine(engine)), definitions, as_of))


def batches(
    lake: Lake, definitions: Definitions, *, as_of: date, size: int = BATCH, engine: str = "polars"
) -> Iterator[Batch]:
    """Every in-scope entity known at T, in batches by entity key: see ``Known.batches``."""
    yield from known(lake, definitions, as_of=as_of, engine=engine).batches(size=size)


def batches_at(
    lake: Lake, definitions: Definitions, *, dates: Sequence[date], size: int = BATCH, engine: str = "polars"
) -> Iterator[Batch]:
    """``batches`` of each of several dates, by range of entity keys and then by date, every file read once for all.

    What depends on everyone is worked out before, and waits on disk.
    """
    days, reading, wide_parts = sorted(set(dates)), Reading(lake, Engine(engine)), _wide_parts(definitions)
    if not days:
        return
    inside, needed = list(_inside_at(reading, days, definitions.member)), _needed(definitions)
    beyond = of_everyone(reading, wide_parts, days)
    spanned = [reading.spanned(name, wanted, days) for name, wanted in needed.items()]
    results = [(one, Ahead(reading.at_once(one), size, reading.size - 1)) for one in spanned]
    aggregates = max(1, sum(len(wanted) for wanted in needed.values()))
    width = max(1, min(size, AT_ONCE_ROWS // len(days), AT_ONCE_CELLS // (aggregates * len(days))))
    for low in range(0, reading.size, width):
        number = min(width, reading.size - low)
        found: dict[Value, Column] = {}
        for one, rows in results:
            found.update(one.over(rows.between(low, low + number - 1), low, number))
        for turn, (day, (entity, kind)) in enumerate(zip(days, inside, strict=True)):
            part = slice(*np.searchsorted(entity, (low, low + number)))
            axis = Axis("entity", entity[part], kind[part], as_of_column(day, 1))
            rows_of = slice(None) if len(axis) == number else axis.entity - low
            placed = Placed({one: column[turn][rows_of] for one, column in found.items()})
            placed.columns.update({one: beyond[turn, rank, axis.entity] for rank, one in enumerate(wide_parts)})
            _place_nearby(placed, reading, definitions, axis)
            values = _filled(definitions, placed, axis, lake.profile)
            yield Batch(day, axis.entity.astype(np.int32), axis.kind, values, definitions.codes)


def _inside_at(
    reading: Reading, days: Sequence[date], member: Indicator | None
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int8]]]:
    """Who is in scope at each date and of which kind, the registrations read once for all dates."""
    lake, scope = reading.lake, reading.lake.profile.settings.get("scope")
    table = reading.attributes_at_any(["kind", *([scope["field"]] if scope else [])], days)
    entity, kind = table["entity"].to_numpy().astype(np.int64), _kinds(table, lake.profile)
    inside = _in_scope(table[scope["field"]], lake.profile) if scope else np.ones(len(entity), bool)
    stretch = reading.calendar(days).counted(table)
    for turn, day in enumerate(days):
        at = stretch.at(turn)
        if member is None and np.all(np.diff(entity[at]) > 0):
            at &= inside
            yield entity[at], kind[at]
        else:  # few have two registrations known at once; who belongs to a sector is asked date by date
            known = registrations(lake, as_of=day, engine=reading.engine.name, member=member)
            rows = known.filter(pc.field("in_scope"))
            yield rows["entity"].to_numpy().astype(np.int64), rows["kind"].to_numpy()


def sampled_batches(
    lake: Lake, definitions: Definitions, pairs: pa.Table, *, size: int = BATCH, engine: str = "polars"
) -> Iterator[pa.Table]:
    """A training matrix in slices: the given pair, entity, as_of, then kind and one float64 column per indicator.

    A query is of one record type and of many pairs, however many as-of dates they have; rows keep the order of
    ``pairs``. Pairs that come by entity share one pass over the files. At least one slice comes, empty when there are
    no pairs.
    """
    reading, wide_parts, needed = Reading(lake, Engine(engine)), _wide_parts(definitions), _needed(definitions)
    beyond = of_pairs(reading, wide_parts, pairs)
    timed = _with_clock(pairs, _windows(definitions), lake.profile)
    entity, kind = pairs["entity"].to_numpy().astype(np.int64), _kinds_of(reading, timed)
    as_of = pairs["as_of"].to_numpy().astype("datetime64[D]")
    results = {name: _in_turn(reading, name, wanted, timed) for name, wanted in needed.items()}
    for start in range(0, max(pairs.num_rows, 1), size):
        among = slice(start, start + size)
        axis = Axis("pair", entity[among], kind[among], as_of[among], start)
        placed = Placed({one: beyond[number, among] for number, one in enumerate(wide_parts)})
        for name, wanted in needed.items():
            place(placed, results[name].between(start, start + len(axis) - 1), wanted, axis)
        _place_nearby(placed, reading, definitions, axis)
        values = _filled(definitions, placed, axis, lake.profile)
        columns = {code: pa.array(values[:, position]) for position, code in enumerate(definitions.codes)}
        named = {name: pairs[name].slice(start, size) for name in ("pair", "entity", "as_of")}
        yield pa.table({**named, "kind": pa.array(axis.kind), **columns})


def _kinds(table: pa.Table, profile: Profile) -> npt.NDArray[np.int8]:
    codes = pa.array(profile.kind_codes, pa.string())
    position = pc.index_in(table["kind"].cast(pa.string()), value_set=codes)
    return np.asarray(pc.fill_null(position, UNKNOWN_KIND).to_numpy(), np.int8)


def _in_scope(status: pa.ChunkedArray, profile: Profile) -> npt.NDArray[np.bool_]:
    scope = profile.settings["scope"]
    rows = profile.codelist(scope["list"]).rows
    outside = pa.array([str(row["code"]) for row in rows if not row.get("in_scope", True)], pa.string())
    return np.asarray(pc.invert(pc.is_in(status.cast(pa.string()), value_set=outside)).to_numpy(), bool)


def _needed(definitions: Definitions) -> dict[str, dict[str, Aggregate]]:
    """Aggregates over an entity's own records by record type, named in order; equal ones once."""
    wanted: list[Value] = []
    for indicator in definitions.indicators:
        wanted += [indicator.value, *_any_record(indicator)]
    nearby = [part for part in _parts(definitions) if isinstance(part, Nearby)]
    return by_type([*wanted, *(Aggregate("latest", Rows(REGISTER), part.cell) for part in nearby)])


def _parts(definitions: Definitions) -> list[PeerRate | Neighbours | Nearby]:
    return list(dict.fromkeys(part for indicator in definitions.indicators for part in populations(indicator.value)))


def _wide_parts(definitions: Definitions) -> list[PeerRate | Neighbours]:
    """The parts computed for everyone at once, whoever is asked for."""
    return [part for part in _parts(definitions) if not isinstance(part, Nearby)]


def _filled(definitions: Definitions, placed: Placed, axis: Axis, profile: Profile) -> Column:
    """The matrix: one float64 column per indicator, with null where it does not apply or is not known."""
    values = np.empty((len(axis), len(definitions.indicators)), order="F")  # filled and read column by column
    others: dict[tuple[str, ...], npt.NDArray[np.int64]] = {}
    for position, indicator in enumerate(definitions.indicators):
        column = values[:, position]
        column[:] = evaluate(indicator.value, placed.columns, axis.as_of)
        if indicator.missing == "zero":
            np.copyto(column, 0.0, where=np.isnan(column))
        elif counts := [placed.columns[one] for one in _any_record(indicator)]:
            column[np.logical_and.reduce([count == 0 for count in counts])] = np.nan
        if indicator.kinds not in others:
            kinds = [profile.kind_codes.index(kind) for kind in indicator.kinds]
            others[indicator.kinds] = np.flatnonzero(~np.isin(axis.kind, kinds))
        column[others[indicator.kinds]] = np.nan
        _blank_before_coverage(column, indicator, axis, profile)
    return values


def _any_record(indicator: Indicator) -> tuple[Aggregate, ...]:
    """What counts the records an indicator is null without; nothing where its value says so by itself."""
    return () if indicator.missing == "zero" else _counts(indicator.value)


@cache
def _counts(value: Value) -> tuple[Aggregate, ...]:
    own = list(dict.fromkeys(aggregates(value)))
    if not own:
        return ()
    if not any(populations(value)):
        without = evaluate(value, {one: np.array([empty(one)]) for one in own}, as_of_column(EPOCH, 1))
        if np.isnan(without[0]):
            return ()
    return tuple(Aggregate("count", Rows(name)) for name in dict.fromkeys(one.rows.record_type for one in own))


def _blank_before_coverage(column: Column, indicator: Indicator, axis: Axis, profile: Profile) -> None:
    for as_of in axis.days:
        if before_coverage(indicator, profile, as_of):
            column[axis.dates == np.datetime64(as_of, "D")] = np.nan


def _in_turn(reading: Reading, record_type: str, wanted: Mapping[str, Aggregate], timed: pa.Table) -> Ahead:
    """The aggregates of a record type for one range of pairs after another, each at its own date."""
    return Ahead(
        lambda low, high: reading.for_pairs(record_type, wanted, timed.slice(low, high - low + 1), pair_clock),
        AHEAD_CELLS // len(wanted),
        timed.num_rows - 1,
        by="pair",
    )


def _kinds_of(reading: Reading, timed: pa.Table) -> npt.NDArray[np.int8]:
    kind = np.full(timed.num_rows, UNKNOWN_KIND, np.int8)
    known = reading.attributes_for_pairs(["kind"], timed)
    kind[known["pair"].to_numpy()] = _kinds(known, reading.lake.profile)
    return kind


def _with_clock(pairs: pa.Table, windows: Sequence[Window], profile: Profile) -> pa.Table:
    """Pairs, numbered by position, with the columns a pair clock reads."""
    dates, position = np.unique(pairs["as_of"].to_numpy().astype("datetime64[D]"), return_inverse=True)
    taken = pair_columns(dates.tolist(), windows, profile.zone).take(pa.array(position))
    numbers = pa.array(np.arange(pairs.num_rows, dtype=np.int64))
    columns = {name: taken[name] for name in taken.column_names}
    return pa.table({"pair": numbers, "entity": pairs["entity"].cast(pa.int32()), **columns})


def _windows(definitions: Definitions) -> list[Window]:
    found = [rows.window for indicator in definitions.indicators for rows in row_sets(indicator.value)]
    return list(dict.fromkeys(window for window in found if window is not None))


def _place_nearby(placed: Placed, reading: Reading, definitions: Definitions, axis: Axis) -> None:
    for part in _parts(definitions):
        if isinstance(part, Nearby):
            cell = placed.columns[Aggregate("latest", Rows(REGISTER), part.cell)]
            placed.columns[part] = _nearby(reading, part, cell, axis)


def _nearby(reading: Reading, part: Nearby, cell: Column, axis: Axis) -> Column:
    """Place records in the ring of cells around each row's entity; null where the entity's place is unknown."""
    located = np.flatnonzero(~np.isnan(cell))
    around = (cell[located].astype(np.int64)[:, None] + np.array(RING)[None, :]).ravel()
    days = axis.dates[located].astype("datetime64[D]")
    clocks = pair_columns(days.tolist(), [part.rows.window] if part.rows.window else [], reading.lake.profile.zone)
    taken = clocks.take(
        pa.array(np.searchsorted(clocks["t_day"].to_numpy().astype("datetime64[D]"), days).repeat(len(RING)))
    )
    pairs = pa.table(
        {"pair": np.repeat(located, len(RING)), part.cell: around} | {name: taken[name] for name in taken.column_names}
    )
    operation = "count" if part.half_life is None else "decayed"
    wanted = {"near": Aggregate(operation, part.rows, half_life=part.half_life)}
    found = reading.for_pairs(part.rows.record_type, wanted, pairs, pair_clock, on=part.cell)
    result = np.full(len(axis), np.nan)
    result[located] = 0.0
    if found is not None:
        result[found["pair"].to_numpy()] = pc.fill_null(found["near"], 0).to_numpy()
    return result if part.half_life is None else result / 2**20
