"""Who there is: kinds, industries, counties, births and exits of the entities of a block."""

from dataclasses import dataclass

import numpy as np

from features.simulation.streams import Block, Floats, Ints, Streams, choose, choose_by_row
from features.simulation.world import NEVER, Period, World, day_number

DAYS_A_YEAR = 365.25


@dataclass(frozen=True)
class Population:
    """The entities of a block; every array has one value an entity, people and addresses are numbered in the block."""

    number: Ints
    kind: Ints
    industry: Ints
    county: Ints
    born: Ints
    person: Ints
    person_effect: Floats
    address_type: Ints
    address: Ints
    address_effect: Floats
    elsewhere: Ints
    size: Floats
    away_tendency: Floats

    def __len__(self) -> int:
        return len(self.number)


def people_of(world: World, block: Block, streams: Streams) -> Population:
    """The population of a block."""
    rng = streams.rng("population")
    size = block.size
    kind = choose(rng, world.by_kind(world["kinds"]["share"]), size)
    shares = np.array([row["share"] for row in world["industries"]["rows"].values()], dtype=np.float64)
    industry = choose_by_row(rng, shares.T[kind])
    person, person_effect, home = _persons(world, block, rng)
    address_type, address, address_effect, county = _addresses(world, block, rng, home)
    mismatch = rng.random(size) < world["addresses"]["mismatch"]
    other_county = choose(rng, world.county_weight, size)
    return Population(
        number=block.first + np.arange(size, dtype=np.int64),
        kind=kind,
        industry=industry,
        county=county,
        born=np.zeros(size, dtype=np.int64),
        person=person,
        person_effect=person_effect,
        address_type=address_type,
        address=address,
        address_effect=address_effect + mismatch * world["addresses"]["mismatch_effect"],
        elsewhere=np.where(mismatch, other_county, -1),
        size=rng.standard_normal(size),
        away_tendency=rng.random(size),
    )


def births(world: World, period: Period, rng: np.random.Generator, size: int) -> Ints:
    """Day of establishment of every entity: part before the period, part spread over it."""
    life = world["life"]
    age = rng.exponential(life["mean_age_before"] * DAYS_A_YEAR, size).astype(np.int64)
    before = np.maximum(period.first - 1 - age, day_number(life["oldest"]))
    within = rng.integers(period.first, period.last - 30, size)
    return np.where(rng.random(size) < life["before_start"], before, within)


def exits(world: World, people: Population, conduct: Floats, period: Period, rng: np.random.Generator) -> Ints:
    """Day each entity leaves the register, after the period began; NEVER for those still there."""
    life = world["life"]
    hazard = world.by_kind(life["exit"])[people.kind] * np.exp(life["exit_conduct"] * conduct)
    lived = rng.exponential(1.0, len(people)) / hazard * DAYS_A_YEAR
    left = np.maximum(people.born + 90, period.first) + lived.astype(np.int64)
    return np.where(left <= period.last, left, NEVER)


def _persons(world: World, block: Block, rng: np.random.Generator) -> tuple[Ints, Floats, Ints]:
    """Person, the person's effect and home county of every entity; numbers below ``size`` are persons of one entity."""
    people = world["people"]
    size = block.size
    local = np.arange(size, dtype=np.int64)
    neighbourhoods = -(-size // people["neighbourhood"])
    shared_count = neighbourhoods * people["persons"]
    position = (people["persons"] * rng.random(size) ** people["concentration"]).astype(np.int64)
    shared = size + local // people["neighbourhood"] * people["persons"] + position
    person = np.where(rng.random(size) < people["shared"], shared, local)
    effect = rng.standard_normal(size + shared_count)
    home = choose(rng, world.county_weight, size + shared_count)
    return person, effect[person], home[person]


def _addresses(world: World, block: Block, rng: np.random.Generator, home: Ints) -> tuple[Ints, Ints, Floats, Ints]:
    """Type, address, effect and county; an address below ``size`` is one entity's own."""
    size, clusters = block.size, int(world["addresses"]["clusters"])
    address_type = choose(rng, world.address("share"), size)
    clustered = world.address("cluster")[address_type] > 0
    types = np.flatnonzero(world.address("cluster"))
    cluster_type = types[np.arange(clusters) % len(types)]
    cluster_county = choose(rng, world.county_weight, clusters)
    cluster_effect = rng.standard_normal(clusters)
    slot = (clusters // len(types) * rng.random(size) ** 1.5).astype(np.int64) * len(types)
    cluster = slot + np.searchsorted(types, address_type).clip(max=len(types) - 1)
    own = np.arange(size, dtype=np.int64)
    address = np.where(clustered, size + cluster, own)
    effect = np.where(clustered, cluster_effect[cluster] * world["propensity"]["address"], 0.0)
    assert bool((cluster_type[cluster[clustered]] == address_type[clustered]).all())  # noqa: S101
    county = np.where(clustered, cluster_county[cluster], home)
    return address_type, address, effect + world.address("effect")[address_type], county
