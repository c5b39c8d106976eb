"""Abnormal and serious listings: entry, and removal when it comes."""

import numpy as np

from features.simulation.detection import NO_CONTACT
from features.simulation.inspections import Visited, authority
from features.simulation.penalties import Decisions
from features.simulation.rows import Rows, day, followed, pick, rows, text
from features.simulation.scene import Scene
from features.simulation.streams import Ints, between
from features.simulation.world import NEVER

YEAR = 365


def abnormal_rows(scene: Scene, entity: Ints, listed: Ints, reason: str, removed: Ints) -> list[Rows]:
    """Abnormal listings for one reason; ``removed`` is the day the cause is mended, NEVER if it is not.

    An entity still listed when it leaves the register is removed on that day.
    """
    rng = scene.streams.rng(f"abnormal {reason}")
    kept = scene.alive(entity, listed) & (listed <= scene.period.last)
    entity, listed, removed = entity[kept], listed[kept], np.maximum(removed[kept], listed[kept] + 5)
    gone = (scene.left[entity] < removed) & (scene.exit_as[entity] == 0)
    removed = np.where(gone, scene.left[entity], removed)
    reasons = {"1": "report_filed", "2": "information_published", "3": "information_corrected", "4": "contact_restored"}
    nobody = np.full(len(entity), -1)
    fields = {
        "source": "gsxt",
        "item": "G107",
        "reason": reason,
        "in_date": day(listed),
        "in_authority": authority(scene, entity, nobody >= 0, nobody),
    }
    first = rows("abnormal_listing", entity, scene.entered(listed, 1.0, rng), fields)
    why = pick((reasons[reason], "deregistered"), gone.astype(np.int64))
    return [first, _removal(first, removed, why, rng)]


def found_listings(scene: Scene, seen: Visited, hidden: tuple[Ints, Ints]) -> list[Rows]:
    """Listings after visits: false publicity (3), not contactable (4), publication not done as ordered (2)."""
    rng, rules = scene.streams.rng("found listings"), scene.world["cases"]
    entity, found = hidden
    three = found + between(rng, rules["listed_days"]["3"], len(found))
    result = abnormal_rows(scene, entity, three, "3", _mended(scene, three, "3", rng))
    absent = (seen.findings.result == NO_CONTACT) & (rng.random(len(seen.visits)) < rules["abnormal_four"])
    entity, first = np.unique(seen.visits.entity[absent], return_index=True)
    four = seen.visits.day[absent][first] + between(rng, rules["listed_days"]["4"], len(first))
    result += abnormal_rows(scene, entity, four, "4", _mended(scene, four, "4", rng))
    companies = np.flatnonzero((scene.people.kind == 0) & (rng.random(len(scene)) < rules["abnormal_two"]))
    two = between(rng, (scene.period.first, scene.period.last), len(companies))
    return result + abnormal_rows(scene, companies, two, "2", _mended(scene, two, "2", rng))


def serious_rows(scene: Scene, made: Decisions) -> list[Rows]:
    """Entries on the serious list of market regulation that follow heavy penalties."""
    rng, rules = scene.streams.rng("serious"), scene.world["cases"]
    chance = np.select(
        [made.severity == level for level in rules["serious_listing"]], rules["serious_listing"].values(), 0.0
    )
    own = ~made.cases.by_department[made.case]
    chosen = np.flatnonzero(own & (rng.random(len(made)) < chance))
    entity, chosen = _first_of_each(made.entity[chosen], chosen)
    listed = made.day[chosen] + between(rng, rules["serious_days"], len(chosen))
    early = rng.random(len(chosen)) < rules["serious_early"]
    term = listed + rules["serious_years"] * YEAR
    removed = np.where(early, listed + YEAR + between(rng, rules["serious_early_days"], len(chosen)), term)
    nobody = np.full(len(entity), -1)
    fields = {
        "source": "gsxt",
        "item": "G108",
        "list_code": "market_regulation",
        "reason": text("{}", made.number.gather(chosen)),
        "in_date": day(listed),
        "authority": authority(scene, entity, nobody >= 0, nobody),
        "managed_until": day(term),
        "early_removal": 0,
    }
    first = rows("serious_listing", entity, scene.entered(listed, 2.0, rng), fields)
    why = pick(("term_ended", "early_repair"), early.astype(np.int64))
    removal = _removal(first, removed, why, rng).frame.with_columns(
        early_removal=(early[removed < NEVER]).astype(np.int64)
    )
    return [first, Rows("serious_listing", removal)]


def _removal(first: Rows, removed: Ints, why: object, rng: np.random.Generator) -> Rows:
    leaving = removed < NEVER
    entered = np.where(leaving, removed, 0) + between(rng, (1, 6), len(first))
    changes = {"action_date": day(removed), "out_date": day(removed), "out_reason": why}
    return followed(first, leaving, np.maximum(entered, first.entered + 1), "remove", changes)


def _mended(scene: Scene, listed: Ints, reason: str, rng: np.random.Generator) -> Ints:
    rules = scene.world["cases"]
    wait = 10 + rng.exponential(rules["removal_days"][reason], len(listed)).astype(np.int64)
    return np.where(rng.random(len(listed)) < rules["removed"][reason], listed + wait, NEVER)


def _first_of_each(entity: Ints, position: Ints) -> tuple[Ints, Ints]:
    """Each entity once, with the first of its positions."""
    once, first = np.unique(entity, return_index=True)
    return once, position[first]
