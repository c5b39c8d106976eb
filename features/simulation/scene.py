"""Everything about a block that the writers of records read."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from features.simulation.codes import credit_codes, keys, registration_numbers
from features.simulation.population import DAYS_A_YEAR, Population, births, exits, people_of
from features.simulation.propensity import Conduct, conduct_of
from features.simulation.rows import pick
from features.simulation.streams import Block, Flags, Floats, Ints, Streams, between, choose
from features.simulation.world import Period, World, day_number

KEY_SPACE = 10_000_000  # keys a block may give
SERIALS = 1_000_000  # numbers a block may give to records of one type


@dataclass(frozen=True)
class Scene:
    """A block of entities with their hidden conduct and their time on the register."""

    world: World
    period: Period
    block: Block
    streams: Streams
    people: Population
    conduct: Conduct
    left: Ints
    exit_as: Ints
    detection: float

    def __len__(self) -> int:
        return self.block.size

    @cached_property
    def years_lived(self) -> Floats:
        """Years each entity (row) lives within each half-year (column)."""
        start = np.maximum(self.people.born[:, None], self.period.grid[:-1])
        end = np.minimum(self.left[:, None], np.minimum(self.period.grid[1:], self.period.last + 1))
        return np.asarray(np.maximum(end - start, 0) / DAYS_A_YEAR)

    @cached_property
    def mix(self) -> Ints:
        """Group of industries of every entity."""
        return np.asarray(self.world.mix_of_industry[self.people.industry])

    @cached_property
    def exposure(self) -> Floats:
        """Effect of the industry on complaints and leads, a factor with the industry's mean of about one."""
        return np.asarray(np.exp(self.world.industry("exposure")[self.people.industry]))

    @cached_property
    def county(self) -> pl.Series:
        """County code of every entity's domicile."""
        return pick(self.world.counties, self.people.county)

    @cached_property
    def county_name(self) -> pl.Series:
        """County name of every entity's domicile."""
        return pick([self.world.regions[code] for code in self.world.counties], self.people.county)

    @cached_property
    def city(self) -> Ints:
        """Number of the city of every entity."""
        return np.asarray(self.world.city_of_county[self.people.county])

    @cached_property
    def code(self) -> pl.Series:
        """Unified social credit code of every entity."""
        category = self.world.by_kind(self.world["kinds"]["category"]).astype(np.int64)[self.people.kind]
        lettered = self.people.born >= day_number(self.world["life"]["lettered_since"])
        return credit_codes(self.people.number, category, self._region, lettered)

    @cached_property
    def regno(self) -> pl.Series:
        """Old registration number of every entity."""
        return registration_numbers(self.people.number, self._region)

    @cached_property
    def _region(self) -> Ints:
        return np.array([int(code) for code in self.world.counties], dtype=np.int64)[self.people.county]

    def key(self, label: str, local: Ints) -> pl.Series:
        """Opaque keys of people, addresses or phones numbered within the block."""
        return keys(label, self.block.number * KEY_SPACE + local)

    @cached_property
    def wants_licence(self) -> Flags:
        """Whether an entity's business needs the licence of its industry."""
        share = np.array([row["licence"][1] for row in self.world["industries"]["rows"].values()])
        return np.asarray(self.streams.rng("wants licence").random(len(self)) < share[self.people.industry])

    @cached_property
    def parent(self) -> Ints:
        """The enterprise each branch belongs to, -1 for entities that are no branch."""
        rng = self.streams.rng("branches")
        companies = np.flatnonzero(self.people.kind == 0)
        lot = rng.random(len(self)) < self.world["filings"]["branches"]
        if not len(companies):
            return np.full(len(self), -1)
        parent = companies[rng.integers(0, len(companies), len(self))]
        branch = lot & (self.people.kind == 0) & ~lot[parent] & (self.people.born[parent] < self.people.born)
        return np.where(branch, parent, -1)

    def serial(self, size: int) -> Ints:
        """Numbers for the records of one type, different in the whole province."""
        return self.block.number * SERIALS + np.arange(1, size + 1, dtype=np.int64)

    def day_within(self, entity: Ints, half: Ints, rng: np.random.Generator) -> Ints:
        """A day of an entity's life within a half-year."""
        start = np.maximum(self.people.born[entity], self.period.grid[half])
        end = np.minimum(np.minimum(self.left[entity], self.period.grid[half + 1]), self.period.last + 1)
        return np.asarray(start + (rng.random(len(entity)) * (end - start)).astype(np.int64))

    def alive(self, entity: Ints, days: Ints) -> Flags:
        """Whether an entity is on the register on a day."""
        return np.asarray((self.people.born[entity] <= days) & (days < self.left[entity]))

    def entered(self, event: Ints, usual_days: float, rng: np.random.Generator) -> Ints:
        """Day an event is entered by its source: some days after it, now and then much later, never before it."""
        rules = self.world["channels"]
        lag = 1 + rng.exponential(usual_days, len(event)).astype(np.int64)
        late = rng.random(len(event)) < rules["late"]
        lag = lag + late * between(rng, rules["late_days"], len(event))
        return np.asarray(np.maximum(event + lag, self.period.first))


def scene_of(world: World, period: Period, block: Block, order: tuple[int, float]) -> Scene:
    """The scene of a block; ``order`` is the seed of the province and its detection factor."""
    seed, detection = order
    streams = Streams(seed, block.number)
    rng = streams.rng("life")
    people = people_of(world, block, streams)
    people = replace(people, born=births(world, period, rng, block.size))
    conduct = conduct_of(world, people, period, streams)
    return Scene(
        world=world,
        period=period,
        block=block,
        streams=streams,
        people=people,
        conduct=conduct,
        left=exits(world, people, conduct.mean, period, rng),
        exit_as=choose(rng, np.array(list(world["life"]["exit_as"].values())), block.size),
        detection=detection,
    )
