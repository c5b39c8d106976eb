"""Values that depend on everyone: peers and neighbours, at one month end or at several that share one look at the rows.

Of every record type the rows that can count at any of the dates are read once (``spans``). At a date they are added up
for everyone, and what is asked for is worked out of the sums for those who are asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from tempfile import TemporaryFile

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.asof import month_end_on_or_before
from features.formulas import Column, as_of_column, evaluate
from features.indicators.catalogue import aggregates
from features.indicators.language import Aggregate, Neighbours, PeerRate, Value
from features.placing import by_type
from features.population import connected, neighbour_sums, peer_means
from features.reading import Reading
from features.spans import Counting, Stretch

Dense = npt.NDArray[np.int64]
Keys = npt.NDArray[np.integer]
Columns = npt.NDArray[np.float64]
Part = PeerRate | Neighbours


def of_pairs(reading: Reading, parts: Sequence[Part], pairs: pa.Table) -> Columns:
    """Values of pairs, one row a part, at the last month end on or before each pair's date."""
    found = _on_disk(max(len(parts), 1), max(pairs.num_rows, 1))
    entity, dates = pairs["entity"].to_numpy(), pairs["as_of"].to_numpy().astype("datetime64[D]")
    days, which = np.unique(dates, return_inverse=True)
    ends = np.array([month_end_on_or_before(day.item()) for day in days], "datetime64[D]")[which]
    everyone = Everyone(reading, parts, np.unique(ends).tolist())
    for turn, end in enumerate(everyone.ends):
        at = np.flatnonzero(ends == np.datetime64(end))
        population = everyone.at(turn, entity[at])
        for number, part in enumerate(parts):
            found[number, at] = population.column(part)
    return found


def of_everyone(reading: Reading, parts: Sequence[Part], days: Sequence[date]) -> Columns:
    """Values of everyone at several dates: one row a date and part, one column an entity key."""
    found = _on_disk(max(len(days), 1), max(len(parts), 1), max(reading.size, 1))
    ends = [month_end_on_or_before(day) for day in days]
    everyone = Everyone(reading, parts, sorted(set(ends)))
    for place, end in enumerate(everyone.ends):
        population = everyone.at(place)
        for number, part in enumerate(parts):
            turns = [turn for turn, one in enumerate(ends) if one == end]
            found[turns, number, : everyone.size] = population.column(part)
    return found


def _on_disk(*shape: int) -> Columns:
    """A table in a file without a name: what is in memory does not grow with it, and it goes when nobody holds it."""
    with TemporaryFile() as file:
        return np.memmap(file, np.float64, "w+", shape=shape)


class Everyone:
    """What peers and neighbours are drawn from, at several ascending month ends."""

    def __init__(self, reading: Reading, parts: Sequence[Part], ends: Sequence[date]) -> None:
        self.ends = ends if parts else ()
        self.size = reading.size
        self._reading = reading
        self._by = list(dict.fromkeys(name for part in parts if isinstance(part, PeerRate) for name in part.by))
        self.rows: dict[Aggregate, Counting] = {}
        self.links: dict[Aggregate, Links] = {}
        links = dict.fromkeys(linking(part) for part in parts if isinstance(part, Neighbours))
        values = [part.value for part in parts if part.value is not None]
        counted = {one for value in values for one in aggregates(value)}
        for name, wanted in by_type([*values, *links] if self.ends else []).items():
            spanned = reading.spanned(name, wanted, self.ends)
            asked = reading.at_once(spanned)
            for one, rows in spanned.counting(None if asked is None else asked(0, self.size - 1)):
                if one in links:
                    self.links[one] = Links.of(rows)
                if one in counted:
                    self.rows[one] = rows

    def at(self, turn: int, wanted: Keys | None = None) -> "Population":
        """Everyone at one of the dates, to be asked about some entity keys (None: all, in order)."""
        return Population(self, turn, wanted)

    def groups(self, turn: int) -> tuple[Keys, dict[str, Dense]]:
        """The entities registered at a date, ascending, and for each field peers are grouped by their numbers in it."""
        table, numbers, stretch = self._registered
        at = stretch.at(turn)
        entity = table["entity"].to_numpy()[at]
        first = np.flatnonzero(np.append(True, np.diff(entity) != 0)[: len(entity)])
        if len(first) == len(entity):
            return entity, {name: own[at] for name, own in numbers.items()}
        return entity[first], {name: np.maximum.reduceat(own[at], first) for name, own in numbers.items()}

    @cached_property
    def _registered(self) -> tuple[pa.Table, dict[str, Dense], Stretch]:
        table = self._reading.attributes_at_any(self._by, self.ends)
        numbers = {name: _ranked(table[name]) for name in self._by}
        return table, numbers, self._reading.calendar(self.ends).counted(table)


class Population:
    """Values that depend on everyone, at one date."""

    def __init__(self, everyone: Everyone, turn: int, wanted: Keys | None) -> None:
        self._everyone = everyone
        self._turn = turn
        self._wanted = wanted
        self._aggregated: dict[Value, Column] = {}
        self._groups: dict[tuple[str, ...], Dense] = {}
        self._connected: dict[tuple[Aggregate, int], tuple[Keys, Keys]] = {}

    def column(self, part: Part) -> Column:
        """A part's value for every entity key that is wanted."""
        return self._peers(part) if isinstance(part, PeerRate) else self._neighbours(part)

    def _neighbours(self, part: Neighbours) -> Column:
        found = (linking(part), part.hub)
        if found not in self._connected:
            entity, key = self._everyone.links[found[0]].at(self._turn, self._wanted)
            self._connected[found] = connected(entity, key, hub=part.hub)
        others = self._own(part.value) if part.value is not None else np.ones(self._everyone.size)
        sums = neighbour_sums(*self._connected[found], others)
        return sums if self._wanted is None else sums[self._wanted]

    def _peers(self, part: PeerRate) -> Column:
        known, _ = self._numbers
        values = np.full(self._everyone.size, np.nan)
        values[known] = self._own(part.value)[known]
        groups = [self._grouped(part.by[:depth]) for depth in range(1, len(part.by) + 1)]
        return peer_means(values, groups, part.strength, of=self._wanted)

    @cached_property
    def _numbers(self) -> tuple[Keys, dict[str, Dense]]:
        return self._everyone.groups(self._turn)

    def _grouped(self, by: tuple[str, ...]) -> Dense:
        """The group number of every entity key by some attributes together, −1 where one is unknown."""
        if by not in self._groups:
            (known, numbers), outer = self._numbers, by[:-1]
            own = numbers[by[-1]]
            wide = self._grouped(outer)[known] if outer else np.zeros(len(known), np.int64)
            found = np.full(self._everyone.size, -1, np.int64)
            found[known] = np.where((wide < 0) | (own < 0), -1, wide * (own.max(initial=0) + 1) + own)
            self._groups[by] = found
        return self._groups[by]

    def _own(self, value: Value) -> Column:
        everyone = self._everyone
        for one in aggregates(value):
            if one not in self._aggregated:
                self._aggregated[one] = everyone.rows[one].at(self._turn, everyone.size)
        return evaluate(value, self._aggregated, as_of_column(everyone.ends[self._turn], 1))


@dataclass(frozen=True)
class Links:
    """Who is linked to which key, sorted by both, and while the link stands."""

    entity: Keys
    key: Keys
    stretch: Stretch

    @classmethod
    def of(cls, rows: Counting) -> "Links":
        """The links that rows state, of which each brings its key."""
        key = np.asarray(pa.array(rows.value).dictionary_encode().indices.to_numpy(), np.int64)
        order = np.argsort(rows.entity * (key.max(initial=0) + 1) + key, kind="stable")  # by entity they are sorted
        return cls(rows.entity[order].astype(np.int32), key[order].astype(np.int32), rows.stretch.among(order))

    def at(self, turn: int, wanted: Keys | None) -> tuple[Keys, Keys]:
        """The distinct (entity, key) links that stand at a date; of some entities (None: all) and of those they share a
        key with."""
        at = self.stretch.at(turn)
        entity, key = self.entity[at], self.key[at]
        if wanted is not None and len(entity):
            is_wanted, is_near = np.zeros(int(entity[-1]) + 1, bool), np.zeros(int(key.max()) + 1, bool)
            is_wanted[wanted[wanted < len(is_wanted)]] = True
            is_near[key[is_wanted[entity]]] = True
            near = is_near[key]
            entity, key = entity[near], key[near]
        again = (np.diff(entity) == 0) & (np.diff(key) == 0)
        distinct = np.append(True, ~again)[: len(entity)]
        return entity[distinct], key[distinct]


def linking(part: Neighbours) -> Aggregate:
    """What takes, of the rows that link, the keys they link by."""
    return Aggregate("distinct", part.rows, part.key)


def _ranked(column: pa.ChunkedArray) -> Dense:
    """Texts as group numbers in their order, −1 for null."""
    encoded = column.combine_chunks().dictionary_encode()
    rank = np.empty(len(encoded.dictionary), np.int64)
    rank[pc.sort_indices(encoded.dictionary).to_numpy()] = np.arange(len(rank))
    found = np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(), np.int64)
    return np.where(found < 0, -1, rank[found]) if len(rank) else found
