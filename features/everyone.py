"""Values that depend on everyone, worked out for everyone at one date: peers and neighbours."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import cached_property
from tempfile import TemporaryFile

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.asof import month_end_on_or_before
from features.formulas import Column, as_of_column, evaluate
from features.indicators.language import Neighbours, PeerRate, Rows, Value
from features.placing import Axis, Placed, by_type, place
from features.population import neighbour_sums, peer_means
from features.reading import Reading, numbered

Dense = npt.NDArray[np.int64]
Columns = npt.NDArray[np.float64]
Part = PeerRate | Neighbours


def of_pairs(reading: Reading, parts: Sequence[Part], pairs: pa.Table) -> Columns:
    """Values of pairs, one row a part, at the last month end on or before each pair's date."""
    found = _on_disk(max(len(parts), 1), max(pairs.num_rows, 1))
    entity, dates = pairs["entity"].to_numpy(), pairs["as_of"].to_numpy().astype("datetime64[D]")
    days, which = np.unique(dates, return_inverse=True)
    ends = np.array([month_end_on_or_before(day.item()) for day in days], "datetime64[D]")[which]
    for end, population in _populations(reading, parts, np.unique(ends).tolist()):
        at = np.flatnonzero(ends == np.datetime64(end))
        for number, part in enumerate(parts):
            found[number, at] = population.column(part)[entity[at]]
    return found


def of_everyone(reading: Reading, parts: Sequence[Part], days: Sequence[date]) -> Columns:
    """Values of everyone at several dates: one row a date and part, one column an entity key."""
    found = _on_disk(max(len(days), 1), max(len(parts), 1), max(reading.size, 1))
    ends = [month_end_on_or_before(day) for day in days]
    for end, population in _populations(reading, parts, sorted(set(ends))):
        for number, part in enumerate(parts):
            column = population.column(part)
            for turn in [turn for turn, one in enumerate(ends) if one == end]:
                found[turn, number, : len(column)] = column
    return found


def _on_disk(*shape: int) -> Columns:
    """A table in a file without a name: what is in memory does not grow with it, and it goes when nobody holds it."""
    with TemporaryFile() as file:
        return np.memmap(file, np.float64, "w+", shape=shape)


def _populations(reading: Reading, parts: Sequence[Part], ends: Sequence[date]) -> Iterator[tuple[date, "Population"]]:
    """Everyone at each of some month ends, the links of all of them read once."""
    links: dict[tuple[Rows, str], pa.Table | None] = {}

    def held(part: Neighbours) -> pa.Table | None:
        if (part.rows, part.key) not in links:
            links[part.rows, part.key] = reading.link_rows(part)
        return links[part.rows, part.key]

    for end in ends if parts else ():
        yield end, Population(reading, parts, end, held)


class Population:
    """Values of every entity at one date, from one query a record type, for peers and neighbours to draw on."""

    def __init__(
        self,
        reading: Reading,
        parts: Sequence[Part],
        as_of: date,
        held: Callable[[Neighbours], pa.Table | None] = lambda part: None,
    ) -> None:
        self._reading = reading
        self._as_of = month_end_on_or_before(as_of)
        self._values = [part.value for part in parts if part.value is not None]
        self._by = list(dict.fromkeys(name for part in parts if isinstance(part, PeerRate) for name in part.by))
        self._held = held
        self._groups: dict[tuple[str, ...], Dense] = {}
        self._linked: dict[tuple[Rows, str], tuple[Dense, Dense]] = {}

    @cached_property
    def _attributes(self) -> pa.Table:
        return self._reading.attributes(self._by, self._as_of)

    @cached_property
    def _axis(self) -> Axis:
        size = self._reading.size
        return Axis("entity", np.arange(size), np.zeros(size, np.int8), as_of_column(self._as_of, 1))

    def column(self, part: Part) -> Column:
        """A part's value for every entity key."""
        if isinstance(part, PeerRate):
            return self._peers(part)
        found = (part.rows, part.key)
        if found not in self._linked:
            self._linked[found] = self._reading.links(part, self._as_of, held=self._held(part))
        entity, key = self._linked[found]
        others = self._own(part.value) if part.value is not None else np.ones(len(self._axis))
        return neighbour_sums(entity, key, others, hub=part.hub)

    def _peers(self, part: PeerRate) -> Column:
        known = self._attributes["entity"].to_numpy()
        values = np.full(len(self._axis), np.nan)
        values[known] = self._own(part.value)[known]
        return peer_means(
            values, [self._grouped(part.by[:depth]) for depth in range(1, len(part.by) + 1)], part.strength
        )

    def _grouped(self, by: tuple[str, ...]) -> Dense:
        """The group number of every entity key by some attributes together, −1 where one is unknown."""
        if by not in self._groups:
            known, outer = self._attributes["entity"].to_numpy(), by[:-1]
            own = numbered(self._attributes[by[-1]])
            wide = self._grouped(outer)[known] if outer else np.zeros(len(known), np.int64)
            found = np.full(len(self._axis), -1, np.int64)
            found[known] = np.where((wide < 0) | (own < 0), -1, wide * (own.max(initial=0) + 1) + own)
            self._groups[by] = found
        return self._groups[by]

    def _own(self, value: Value) -> Column:
        return evaluate(value, self._placed.columns, self._axis.as_of)

    @cached_property
    def _placed(self) -> Placed:
        placed = Placed()
        for name, wanted in by_type(self._values).items():
            found = self._reading.at(name, wanted, self._as_of)
            place(placed, found, wanted, self._axis)
        return placed
