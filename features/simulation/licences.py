"""Licences: granted, renewed or left to lapse, and sometimes revoked."""

import numpy as np
import polars as pl

from features.simulation.penalties import Decisions
from features.simulation.rows import Rows, day, followed, pick, rows, text
from features.simulation.scene import Scene
from features.simulation.streams import Ints, between
from features.simulation.world import NEVER

MARKET_LICENCES = (
    *("food_production", "food_operation", "small_food_workshop", "drug_production", "drug_operation"),
    *("device_production", "device_operation", "special_equipment_production", "industrial_product", "testing_body"),
)
YEAR = 365
RENEWALS = 3


def licence_rows(scene: Scene, made: Decisions) -> list[Rows]:
    """Licences with every later event as a correction: renewal, revocation by a penalty."""
    rng, rules = scene.streams.rng("licences"), scene.world["filings"]
    holds = scene.wants_licence & (
        rng.random(len(scene)) < rules["licensed"] - rules["licensed_conduct"] * scene.conduct.mean
    )
    granted = scene.people.born + between(rng, rules["licensed_after"], len(scene))
    holds &= granted < np.minimum(scene.left, scene.period.last)
    entity = np.flatnonzero(holds)
    granted, years = granted[entity], between(rng, rules["licence_years"], len(entity))
    types = [row["licence"][0] for row in scene.world["industries"]["rows"].values()]
    number = text(scene.world["wording"]["licence"], scene.county.gather(entity), scene.serial(len(entity)))
    own = np.isin(np.array(types), MARKET_LICENCES)[scene.people.industry[entity]]
    fields = {
        "source": pick(("credit_platform", "gsxt"), own.astype(np.int64)),
        "item": pick(("G301", "G105"), own.astype(np.int64)),
        "licence_no": number,
        "licence_type": pick(types, scene.people.industry[entity]),
        "authority": _authority(scene, entity, own),
        "granted_date": day(granted),
        "valid_from": day(granted),
        "valid_to": day(granted + years * YEAR),
        "last_event": "grant",
        "last_event_date": day(granted),
        "by_commitment": (rng.random(len(entity)) < rules["by_commitment"]).astype(np.int64),
    }
    first = rows("licence", entity, scene.entered(granted, 6.0, rng), fields)
    revoked = _revocation(scene, made)[entity]
    return [
        first,
        *_renewals(scene, first, np.minimum(revoked, scene.left[entity]), (granted, years), rng),
        _revoked(first, revoked),
        _again(scene, first, own & (granted >= scene.period.first)),
    ]


def _authority(scene: Scene, entity: Ints, own: np.ndarray) -> pl.Series:
    wording = scene.world["wording"]
    name = scene.county_name.gather(entity)
    return text(wording["authority"], name).zip_with(pl.Series(own), text(wording["registrar"], name))


def _renewals(scene: Scene, first: Rows, until: Ints, term: tuple[Ints, Ints], rng: np.random.Generator) -> list[Rows]:
    """Renewals shortly before the end of each term; who does not renew once has lapsed."""
    (granted, years), rules, entity, made = term, scene.world["filings"], first.entity, []
    odds = rules["renewed"] / (1 - rules["renewed"]) * np.exp(rules["renewed_conduct"] * scene.conduct.mean[entity])
    chance, holding, end, entered = (
        odds / (1 + odds),
        np.ones(len(entity), dtype=bool),
        granted + years * YEAR,
        first.entered,
    )
    for _ in range(RENEWALS):
        event = end - between(rng, (1, 30), len(entity))
        holding &= (rng.random(len(entity)) < chance) & (event < until)
        end = end + years * YEAR
        entered = np.maximum(np.maximum(event + between(rng, (1, 20), len(entity)), entered + 1), scene.period.first)
        changes = {
            "last_event": "renew",
            "last_event_date": day(event),
            "renewal_applied_date": day(event - 20),
            "valid_to": day(end),
        }
        told = holding & (event >= scene.period.first) & (event <= scene.period.last)
        made.append(followed(first, told, entered, "correct", changes))
    return made


def _revocation(scene: Scene, made: Decisions) -> Ints:
    """Day each entity's licence is revoked by a penalty, NEVER for most."""
    on = np.full(len(scene), NEVER, dtype=np.int64)
    revoked = made.has_kind("revoke_licence")
    on[made.entity[revoked]] = made.day[revoked]
    return on


def _revoked(first: Rows, when: Ints) -> Rows:
    """Licences that a penalty revoked end on the day of the decision."""
    hit = (when < NEVER) & (when > first.entered)
    changes = {"last_event": "revoke", "last_event_date": day(when), "valid_to": day(when)}
    return followed(first, hit, np.where(hit, when, 0) + 7, "correct", changes)


def _again(scene: Scene, first: Rows, own: np.ndarray) -> Rows:
    """Licences of market regulation once more, through the public credit platform."""
    rules, rng = scene.world["channels"], scene.streams.rng("licences again")
    entered = first.entered + between(rng, rules["second_days"], len(first))
    again = own & (rng.random(len(first)) < rules["second_licence"])
    copy = first.with_columns(source="credit_platform", _entered=pl.Series(entered, dtype=pl.Int64))
    return copy.where(again)
