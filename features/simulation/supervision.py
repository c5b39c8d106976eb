"""Who is looked at: random draws, visits the law demands, leads from violations, visits that nothing caused."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from features.simulation.conduct import Violations
from features.simulation.population import DAYS_A_YEAR
from features.simulation.scene import Scene
from features.simulation.streams import Flags, Floats, Ints, Streams, between, choose, scatter
from features.simulation.world import NEVER, Period, World, day_number

NOTHING = -1


@dataclass(frozen=True)
class Visits:
    """Inspections of a block: whom, when, why, how.

    ``draw_chance`` is 0 for those not drawn by lot; ``cause`` is the violation a visit follows up, or NOTHING.
    """

    entity: Ints
    day: Ints
    origin: Ints
    offsite: Ints
    programme: Ints
    draw_chance: Floats
    cause: Ints

    def __len__(self) -> int:
        return len(self.entity)

    def sorted(self, *more: "Visits") -> "Visits":
        """These and further visits, by entity and day."""
        together = [np.concatenate([getattr(part, name) for part in (self, *more)]) for name in self.__annotations__]
        order = np.lexsort((together[2], together[1], together[0]))
        return Visits(*(column[order] for column in together))

    def where(self, mask: Flags) -> "Visits":
        """The visits for which the mask holds."""
        return Visits(*(getattr(self, name)[mask] for name in self.__annotations__))


def origins(world: World) -> tuple[str, ...]:
    """Codes of the reasons for a visit, in the order their numbers mean."""
    rules = world["supervision"]
    random = dict.fromkeys(programme["origin"] for programme in rules["programmes"])
    return (*random, "statutory", *(o for o in rules["lead_from"] if o not in random))


def methods(world: World) -> tuple[str, ...]:
    """Codes of the ways to inspect: on site, then those off site."""
    return ("onsite", *world["supervision"]["offsite"])


def draws(scene: Scene) -> Visits:
    """The double-random draws of every programme and year: each entity of a stratum by lot, with a known chance."""
    found = []
    for number, programme in enumerate(scene.world["supervision"]["programmes"]):
        rng = scene.streams.rng(f"draws {programme['code']}")
        for year in scene.period.years:
            found.append(_draw(scene, number, year, rng))
    return found[0].sorted(*found[1:])


def draw_chances(scene: Scene, programme: Mapping[str, Any], year: int) -> Floats:
    """The chance of every entity to be drawn in a year: the ratio of its kind, 0 outside the frame."""
    rules = scene.world["supervision"]
    ratio = scene.world.by_kind(programme["ratio"])[scene.people.kind] * rules["growth"].get(year, 1.0)
    frame = [scene.world.mixes.index(mix) for mix in programme.get("mixes", scene.world.mixes)]
    return np.where(np.isin(scene.mix, frame), ratio, 0.0)


def required(scene: Scene) -> Visits:
    """Visits the law demands of some industries, whatever anybody suspects."""
    rng, rates = scene.streams.rng("required"), scene.world["supervision"]["statutory"]
    rate = np.array([rates.get(mix, 0.0) for mix in scene.world.mixes])[scene.mix]
    entity, day = _spread(scene, rate, rng)
    return _visits(entity, day, np.full(len(entity), origins(scene.world).index("statutory")))


def uncaused(scene: Scene, calendar: Ints) -> Visits:
    """Visits on a complaint, in a campaign or by routine that no violation caused; more where watching is close."""
    rules, rng = scene.world["supervision"], scene.streams.rng("uncaused")
    intensity = scene.world.county_intensity[scene.people.county]
    rate = rules["visit"] * scene.detection * intensity * scene.exposure ** rules["lead_exposure"]
    entity, day = _spread(scene, rate, rng)
    origin = _origin(scene.world, rules["visit_from"], len(entity), rng)
    moved = in_campaign(scene, calendar, entity, day)
    campaign = origin == origins(scene.world).index("campaign")
    usable = ~campaign | (moved < np.minimum(scene.left[entity], scene.period.last + 1))
    visits = _visits(entity, np.where(campaign, moved, day), origin)
    return visits.where(usable)


def leads(scene: Scene, violations: Violations, calendar: Ints) -> Visits:
    """Visits that violations in progress bring about."""
    rules, rng = scene.world["supervision"], scene.streams.rng("leads")
    entity = violations.entity
    hazard = (
        rules["lead"]
        * scene.detection
        * np.array(rules["lead_severity"])[violations.severity]
        * scene.world.county_intensity[scene.people.county[entity]]
        * scene.exposure[entity] ** rules["lead_exposure"]
    )
    day = violations.start + 1 + (rng.exponential(1.0, len(entity)) / hazard * DAYS_A_YEAR).astype(np.int64)
    origin = _origin(scene.world, rules["lead_from"], len(entity), rng)
    moved = in_campaign(scene, calendar, entity, day)
    by_campaign = (origin == origins(scene.world).index("campaign")) & (moved < violations.end)
    day = np.where(by_campaign, moved, day)
    origin = np.where(
        (origin == origins(scene.world).index("campaign")) & ~by_campaign, origins(scene.world).index("monitor"), origin
    )
    seen = (day < violations.end) & (day <= scene.period.last) & scene.alive(entity, day)
    return _visits(entity, day, origin, np.arange(len(entity))).where(seen)


def campaign_calendar(world: World, seed: int, period: Period) -> Ints:
    """First days of all campaigns, coded with their group of industries and city so that they sort by both."""
    rng = Streams(seed, -1).rng("campaigns")
    months = (period.end.year - period.start.year) * 12 + period.end.month - period.start.month + 1
    size = months * world["supervision"]["campaigns"]
    month = period.start.month - 1 + np.repeat(np.arange(months), world["supervision"]["campaigns"])
    start = [day_number(date(period.start.year + m // 12, m % 12 + 1, 1)) for m in month.tolist()]
    cell = rng.integers(0, len(world.mixes) * (world.city_of_county.max() + 1), size)
    return np.sort(cell * NEVER + np.array(start, dtype=np.int64))


def in_campaign(scene: Scene, calendar: Ints, entity: Ints, day: Ints) -> Ints:
    """The day in the next campaign of an entity's industry and city; NEVER when there is none to come."""
    cell = scene.mix[entity] * (scene.world.city_of_county.max() + 1) + scene.city[entity]
    position = np.searchsorted(calendar, cell * NEVER + day)
    following = calendar[np.minimum(position, len(calendar) - 1)] - cell * NEVER
    valid = (position < len(calendar)) & (following < NEVER) & (following >= day)
    return np.where(valid, following + day % 30, NEVER)


def _draw(scene: Scene, number: int, year: int, rng: np.random.Generator) -> Visits:
    programme = scene.world["supervision"]["programmes"][number]
    first, last = scene.world["supervision"]["months"]
    chance = draw_chances(scene, programme, year)
    drawn = rng.random(len(scene)) < chance
    bounds = (day_number(date(year, first, 1)), day_number(date(year, last, 28)))
    day = between(rng, bounds, len(scene))
    drawn &= (day >= max(scene.period.first, day_number(programme["since"]))) & (day <= scene.period.last)
    drawn &= scene.alive(np.arange(len(scene)), day)
    entity = np.flatnonzero(drawn)
    origin = np.full(len(entity), origins(scene.world).index(programme["origin"]))
    lot = rng.random(len(entity)) >= scene.world["supervision"]["onsite"]
    offsite = np.where(lot, between(rng, (1, len(methods(scene.world)) - 1), len(entity)), 0)
    programmes = np.full(len(entity), number)
    return Visits(entity, day[entity], origin, offsite, programmes, chance[entity], np.full(len(entity), NOTHING))


def _spread(scene: Scene, rate: Floats, rng: np.random.Generator) -> tuple[Ints, Ints]:
    counts = rng.poisson(rate[:, None] * scene.years_lived)
    entity, half = scatter(counts.sum(axis=1)), scatter(counts.ravel()) % counts.shape[1]
    return entity, scene.day_within(entity, half, rng)


def _visits(entity: Ints, day: Ints, origin: Ints, cause: Ints | None = None) -> Visits:
    """Visits on site that were not drawn by lot."""
    none = np.full(len(entity), NOTHING, dtype=np.int64)
    return Visits(entity, day, origin, none + 1, none, np.zeros(len(entity)), none if cause is None else cause)


def _origin(world: World, shares: Mapping[str, float], size: int, rng: np.random.Generator) -> Ints:
    known = origins(world)
    return np.array([known.index(code) for code in shares])[choose(rng, np.array(list(shares.values())), size)]
