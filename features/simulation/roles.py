"""People, holders and branches of entities: who leads, who holds shares, who belongs to whom."""

import numpy as np
import polars as pl

from features.simulation.register import History
from features.simulation.rows import Rows, blank_unless, closed, day, pick, rows
from features.simulation.scene import Scene
from features.simulation.streams import Ints, between, choose, scatter
from features.simulation.world import NEVER


def role_rows(scene: Scene, history: History) -> list[Rows]:
    """Legal representatives and operators by spell, officers, liaisons, members of cooperatives."""
    rng, everybody = scene.streams.rng("roles"), np.arange(len(scene), dtype=np.int64)
    heads = [history.items.index(item) for item in ("legal_rep", "operator")]
    spells = [(everybody, scene.people.born, history.first.person)]
    end = np.full((len(history.changes) + 1, len(scene)), NEVER, dtype=np.int64)
    latest = np.zeros(len(scene), dtype=np.int64)
    for number, change in enumerate(history.changes, start=1):
        replaced = change.of(*heads)
        entity = change.entity[replaced]
        end[latest[entity], entity] = change.day[replaced]
        latest[entity] = number
        spells.append((entity, change.day[replaced], change.after.person))
    made: list[Rows] = []
    for number, (entity, since, person) in enumerate(spells):
        made += _heads(scene, (entity, since, end[number, entity]), person[entity], rng)
    return [*made, _officers(scene, rng), _members(scene, rng)]


def shareholding_rows(scene: Scene) -> list[Rows]:
    """Shares of enterprises: one or several holders, some of them entities of the same block."""
    rng, people = scene.streams.rng("shareholdings"), scene.people
    companies = np.flatnonzero((people.kind == 0) & (scene.parent < 0))
    rules = scene.world["filings"]
    holders = 1 + rng.poisson(rules["shareholders"] - 1, len(companies)).clip(max=4)
    entity = companies[scatter(holders)]
    number = np.arange(len(entity)) - np.repeat(np.cumsum(holders) - holders, holders)
    ratio = 1.0 / np.repeat(holders, holders)
    company = (number > 0) & (rng.random(len(entity)) < rules["corporate_holder"])
    holder = companies[rng.integers(0, max(len(companies), 1), len(entity))]
    person = np.where(number == 0, people.person[entity], 300 * len(scene) + 5 * entity + number)
    key = scene.key("person", person).zip_with(pl.Series(~company), scene.key("entity", holder))
    mean, spread = scene.world["forms"]["capital"][scene.world.kinds[0]]
    capital = np.exp(mean + spread * people.size[entity])
    subscribed = np.round(capital * ratio, 2)
    paid = rng.random(len(entity)) < rules["paid_up"] - rules["paid_up_conduct"] * scene.conduct.mean[entity]
    fields = {
        "source": "gsxt",
        "item": "G102",
        "holder_key": key,
        "holder_kind": pick(("person", "enterprise"), company.astype(np.int64)),
        "holder_code": blank_unless(scene.code.gather(holder), company),
        "from_date": day(people.born[entity]),
        "subscribed": subscribed,
        "paid_in": np.where(paid, subscribed, np.round(subscribed * rules["paid_part"] * rng.random(len(entity)), 2)),
        "due_date": day(people.born[entity] + between(rng, rules["paid_years"], len(entity)) * 365),
        "ratio": np.round(ratio, 6),
        "form": "cash",
        "paid_up": paid.astype(np.int64),
    }
    return [rows("shareholding", entity, scene.entered(people.born[entity], 3.0, rng), fields)]


def branch_rows(scene: Scene) -> list[Rows]:
    """Branches, told from both ends."""
    rng, branch = scene.streams.rng("branch records"), np.flatnonzero(scene.parent >= 0)
    parent = scene.parent[branch]
    since = scene.people.born[branch]
    entered = scene.entered(since, 3.0, rng)
    until = np.where(scene.left[branch] < NEVER, scene.left[branch], NEVER)
    made: list[Rows] = []
    for side, own, other in (("parent", branch, parent), ("branch", parent, branch)):
        fields = {
            "source": "gsxt",
            "item": "G101",
            "side": side,
            "other_code": scene.code.gather(other),
            "family_key": scene.key("entity", parent),
            "from_date": day(since),
        }
        made += closed(
            rows("branch_relation", own, entered, fields), until, np.full(len(own), 4), {"to_date": day(until)}
        )
    return made


def link_rows(scene: Scene) -> list[Rows]:
    """Contact phones shared by several entities, as their annual reports give them."""
    rng = scene.streams.rng("phones")
    sharing = scene.people.person >= len(scene)  # people with several entities use one phone
    entity = np.flatnonzero(sharing & (rng.random(len(scene)) < scene.world["people"]["shared_phone"]))
    since = np.maximum(scene.people.born[entity], scene.period.first) + between(rng, (10, 900), len(entity))
    lively = since < np.minimum(scene.left[entity], scene.period.last)
    fields = {
        "source": "gsxt",
        "item": "G110",
        "link_kind": "phone",
        "link_key": scene.key("phone", scene.people.person[entity]),
        "side": "peer",
        "from_date": day(since),
        "whitelisted": 0,
    }
    return [rows("link", entity, scene.entered(since, 10.0, rng), fields).where(lively)]


def _heads(scene: Scene, spell: tuple[Ints, Ints, Ints], person: Ints, rng: np.random.Generator) -> list[Rows]:
    entity, since, until = spell
    individual = (scene.people.kind[entity] == 1).astype(np.int64)
    verified = (
        rng.random(len(entity))
        < scene.world["people"]["verified"] - scene.world["people"]["verified_conduct"] * scene.conduct.mean[entity]
    )
    fields = {
        "source": "gsxt",
        "item": "G101",
        "person_key": scene.key("person", person),
        "role": pick(("legal_rep", "operator"), individual),
        "from_date": day(since),
        "verification_required": 1,
        "real_name_verified": verified.astype(np.int64),
    }
    first = rows("person_role", entity, scene.entered(since, 3.0, rng), fields)
    return closed(first, until, between(rng, (1, 8), len(entity)), {"to_date": day(until)})


def _officers(scene: Scene, rng: np.random.Generator) -> Rows:
    """Supervisors, managers and liaisons of enterprises."""
    shares = scene.world["filings"]["officers"]
    held = rng.random((len(scene), len(shares))) < np.array(list(shares.values()))
    held &= (scene.people.kind == 0)[:, None]
    entity, office = np.nonzero(held)
    agents = 400 * len(scene) + rng.integers(0, scene.world["people"]["liaisons"], len(entity))
    person = np.where(office == list(shares).index("liaison"), agents, 500 * len(scene) + 3 * entity + office)
    since = scene.people.born[entity]
    fields = {
        "source": "gsxt",
        "item": "G102",
        "person_key": scene.key("person", person),
        "role": pick(list(shares), office),
        "from_date": day(since),
        "verification_required": 1,
        "real_name_verified": (rng.random(len(entity)) < scene.world["people"]["verified"]).astype(np.int64),
    }
    return rows("person_role", entity, scene.entered(since, 4.0, rng), fields)


def _members(scene: Scene, rng: np.random.Generator) -> Rows:
    """Members of cooperatives, most of them farmers."""
    cooperatives = np.flatnonzero(scene.people.kind == 2)
    counts = between(rng, scene.world["filings"]["coop_members"], len(cooperatives))
    entity = cooperatives[scatter(counts)]
    number = np.arange(len(entity)) - np.repeat(np.cumsum(counts) - counts, counts)
    members = scene.world["filings"]["member_types"]
    member = choose(rng, np.array(list(members.values()), dtype=np.float64), len(entity))
    since = scene.people.born[entity]
    fields = {
        "source": "gsxt",
        "item": "G102",
        "person_key": scene.key("person", 600 * len(scene) + 10 * entity + number),
        "role": "member",
        "from_date": day(since),
        "member_type": pick(list(members), member),
    }
    return rows("person_role", entity, scene.entered(since, 4.0, rng), fields)
