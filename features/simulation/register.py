"""The register: every entity as it was first entered, its changes one by one, and how it left."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from features.simulation.rows import Rows, blank_unless, closed, day, pick, rows, text
from features.simulation.scene import Scene
from features.simulation.streams import Floats, Ints, between, choose
from features.simulation.world import NEVER, day_number

MOST_CHANGES = 3
EXIT_DATES = {"deregistered": "cancel_date", "revoked": "revoke_date", "voided": "void_date"}


@dataclass(frozen=True)
class Registration:
    """What the register says of every entity at one time."""

    county: Ints
    address: Ints
    person: Ints
    brand: Ints
    capital: Floats
    approved: Ints


@dataclass(frozen=True)
class Change:
    """One change of some entities: whose, when, of what, and the register before and after it."""

    entity: Ints
    day: Ints
    item: Ints
    before: Registration
    after: Registration

    def of(self, *codes: int) -> Ints:
        """Positions of the changes of some items."""
        return np.flatnonzero(np.isin(self.item, codes))


@dataclass(frozen=True)
class History:
    """The register's history: how it began, its changes in rounds (at most one an entity a round), how it ended."""

    first: Registration
    changes: tuple[Change, ...]
    last: Registration
    items: tuple[str, ...]


def history_of(scene: Scene) -> History:
    """The register of a block from first entry to the end of the period."""
    rng, people = scene.streams.rng("changes"), scene.people
    first = Registration(
        county=people.county,
        address=people.address,
        person=people.person,
        brand=rng.integers(0, 2**40, len(scene)),
        capital=_capital(scene, rng),
        approved=people.born,
    )
    rules = scene.world["filings"]
    items = tuple(dict.fromkeys(item for kind in scene.world.kinds for item in rules["changes"][kind]))
    start = np.maximum(people.born, scene.period.first)
    end = np.minimum(scene.left, scene.period.last)
    rate = scene.world.by_kind(rules["change_rate"])[people.kind] * np.exp(rules["change_conduct"] * scene.conduct.mean)
    counts = rng.poisson(rate * np.maximum(end - start, 0) / 365)
    days = start[:, None] + (np.sort(rng.random((len(scene), MOST_CHANGES)), axis=1) * (end - start)[:, None]).astype(
        int
    )
    registration, changes = first, []
    for turn in range(MOST_CHANGES):
        entity = np.flatnonzero(counts > turn)
        item = _items(scene, items, entity, rng)
        after = _changed(scene, registration, (entity, days[entity, turn], item), items, rng)
        changes.append(Change(entity, days[entity, turn], item, registration, after))
        registration = after
    return History(first, tuple(changes), registration, items)


def entity_rows(scene: Scene, history: History) -> list[Rows]:
    """Register entries: first entry, a correction a change, the exit or suspension."""
    rng, everybody = scene.streams.rng("register"), np.arange(len(scene), dtype=np.int64)
    fixed = _fixed(scene, rng)
    made = [_version(scene, fixed, history.first, everybody, rng)]
    for change in history.changes:
        made.append(_version(scene, fixed, change.after, change.entity, rng).with_columns(action="correct"))
    return [*made, _suspension(scene, fixed, history.last, rng), _exit(scene, fixed, history.last, rng)]


def change_rows(scene: Scene, history: History) -> list[Rows]:
    """Approved changes, and filings of matters that need no approval."""
    rng = scene.streams.rng("change records")
    made = []
    for turn, change in enumerate(history.changes):
        entity = change.entity
        before, after = change.before.capital[entity], change.after.capital[entity]
        changed = before != after
        fields = {
            "source": "gsxt",
            "item": "G101",
            "approval_no": text("BG{}-{}", scene.serial(len(entity)), np.full(len(entity), turn)),
            "change_item": pick(history.items, change.item),
            "approved_date": day(change.day),
            "amount_before": blank_unless(pl.Series(before), changed),
            "amount_after": blank_unless(pl.Series(after), changed),
            "decrease_ratio": blank_unless(pl.Series(np.clip(1 - after / before, 0, 1).round(4)), changed),
            "cross_county": (change.before.county[entity] != change.after.county[entity]).astype(np.int64),
        }
        made.append(rows("entity_change", entity, scene.entered(change.day, 2.0, rng), fields))
    return made


def address_rows(scene: Scene, history: History) -> list[Rows]:
    """Registered domiciles, closed when the entity moves, and other places where it operates."""
    rng, everybody = scene.streams.rng("addresses"), np.arange(len(scene), dtype=np.int64)
    spells = [(everybody, scene.people.born, history.first)]
    end = np.full((len(history.changes) + 1, len(scene)), NEVER, dtype=np.int64)
    latest = np.zeros(len(scene), dtype=np.int64)
    for number, change in enumerate(history.changes, start=1):
        moved = change.of(history.items.index("domicile"))
        entity = change.entity[moved]
        end[latest[entity], entity] = change.day[moved]
        latest[entity] = number
        spells.append((entity, change.day[moved], change.after))
    ends = [end[number, spell[0]] for number, spell in enumerate(spells)]
    made: list[Rows] = []
    for (entity, since, registration), until in zip(spells, ends, strict=True):
        made += _domiciles(scene, (entity, since, until), registration, rng)
    return [*made, _elsewhere(scene, rng)]


def address_text(scene: Scene, entity: Ints, registration: Registration) -> pl.Series:
    """Domicile of entities as text: county, street, number, and the place when many share it."""
    wording, rules = scene.world["wording"], scene.world["addresses"]
    number = registration.address[entity] * 7919 + scene.block.number
    names = [scene.world.regions[code] for code in scene.world.counties]
    places = [rules["places"].get(code, "") for code in scene.world.address_types]
    kept = registration.address[entity] == scene.people.address[entity]
    street = pick(rules["streets"], number % len(rules["streets"]))
    at = text(wording["address"], pick(names, registration.county[entity]), street, number % 880 + 1)
    return at + pick([*places, ""], np.where(kept, scene.people.address_type[entity], len(places)))


def names_of(scene: Scene, registration: Registration) -> pl.Series:
    """Registered names of all entities at one time."""
    return _names(scene, registration, np.arange(len(scene), dtype=np.int64))[0]


def _capital(scene: Scene, rng: np.random.Generator) -> Floats:
    bounds = np.array([scene.world["forms"]["capital"][kind] for kind in scene.world.kinds])[scene.people.kind]
    amount = np.exp(
        bounds[:, 0]
        + bounds[:, 1] * scene.people.size
        + scene.world["forms"]["capital_noise"] * rng.standard_normal(len(scene))
    )
    step = 10.0 ** np.floor(np.log10(amount))
    return np.asarray(np.round(amount / step) * step)


def _items(scene: Scene, items: tuple[str, ...], entity: Ints, rng: np.random.Generator) -> Ints:
    weights = scene.world["filings"]["changes"]
    table = np.array([[weights[kind].get(item, 0) for item in items] for kind in scene.world.kinds], dtype=np.float64)
    item = np.zeros(len(entity), dtype=np.int64)
    for kind, row in enumerate(table):
        here = np.flatnonzero(scene.people.kind[entity] == kind)
        item[here] = choose(rng, row, len(here))
    return item


def _changed(
    scene: Scene, old: Registration, change: tuple[Ints, Ints, Ints], items: tuple[str, ...], rng: np.random.Generator
) -> Registration:
    """The register after one change of some entities."""
    entity, days, item = change
    size, rules = len(scene), scene.world["filings"]
    lot = rng.random((5, len(entity)))
    code = {name: number for number, name in enumerate(items)}
    moved, renamed, paid = item == code["domicile"], item == code["name"], item == code["capital"]
    replaced = (item == code["legal_rep"]) | (item == code["operator"])
    new = replace(
        old,
        county=old.county.copy(),
        address=old.address.copy(),
        person=old.person.copy(),
        brand=old.brand.copy(),
        capital=old.capital.copy(),
        approved=old.approved.copy(),
    )
    away = moved & (lot[0] < rules["moved_county"])
    new.county[entity[away]] = choose(rng, scene.world.county_weight, int(away.sum()))
    fresh = size * 100 + entity + (lot[1] * 9).astype(np.int64) * size
    new.address[entity[moved]] = fresh[moved]
    shared = old.person[(entity + 1 + (lot[2] * 40).astype(np.int64)) % size]
    person = np.where(lot[3] < rules["new_person_shared"], shared, fresh)
    new.person[entity[replaced]] = person[replaced]
    new.brand[entity[renamed]] = rng.integers(0, 2**40, int(renamed.sum()))
    factor = np.where(lot[4] < rules["capital_raised"], 1 + rules["capital_factor"] * lot[4], rules["capital_cut"])
    new.capital[entity[paid]] = np.maximum(np.round(old.capital[entity] * factor, 1), 0.1)[paid]
    new.approved[entity] = days
    return new


def _fixed(scene: Scene, rng: np.random.Generator) -> dict[str, Any]:
    """Columns of the register that do not change."""
    world, people, size = scene.world, scene.people, len(scene)
    forms = [code for kind in world.kinds for code in world["forms"][kind]]
    form = np.zeros(size, dtype=np.int64)
    for kind, name in enumerate(world.kinds):
        here = np.flatnonzero(people.kind == kind)
        weights = np.array(list(world["forms"][name].values()), dtype=np.float64)
        form[here] = forms.index(next(iter(world["forms"][name]))) + choose(rng, weights, len(here))
    form = np.where(scene.parent >= 0, len(forms), form)
    industries = list(world["industries"]["rows"].values())
    limited = rng.random(size) < world["forms"]["term"]
    term = people.born + between(rng, world["forms"]["term_years"], size) * 365
    family = (rng.random(size) < world["forms"]["family"]).astype(np.int64)
    return {
        "kind": pick(world.kinds, people.kind),
        "legal_form": pick([*forms, world["forms"]["branch"]], form),
        "is_branch": (scene.parent >= 0).astype(np.int64),
        "parent_code": blank_unless(scene.code.gather(np.maximum(scene.parent, 0)), scene.parent >= 0),
        "est_date": day(people.born),
        "operating_from": day(people.born),
        "operating_to": day(np.where(limited & (people.kind != 1), term, NEVER)),
        "capital_currency": pick(("CNY",), np.where(people.kind == 1, -1, 0)),
        "industry_section": pick([world.divisions[code] for code in world.industries], people.industry),
        "industry_division": pick(world.industries, people.industry),
        "industry_class": text("{}{}", pick(world.industries, people.industry), between(rng, (11, 39), size)),
        "digital_class": pick([row.get("digital") for row in industries], people.industry),
        "digital_core": pick(["1" if "digital" in row else "0" for row in industries], people.industry).cast(pl.Int64),
        "scope_licensed_items": scene.wants_licence.astype(np.int64) * between(rng, (1, 3), size),
        "licences_required": blank_unless(
            pick([row["licence"][0] for row in industries], people.industry), scene.wants_licence
        ),
        "composition": pick(("personal", "family"), np.where(people.kind == 1, family, -1)),
    }


def _version(
    scene: Scene, fixed: dict[str, Any], registration: Registration, entity: Ints, rng: np.random.Generator
) -> Rows:
    """Register entries of some entities as they stand at one time."""
    world, wording = scene.world, scene.world["wording"]
    county = pick(world.counties, registration.county[entity])
    county_name = pick([world.regions[code] for code in world.counties], registration.county[entity])
    city = pick([world.parents[code] for code in world.counties], registration.county[entity])
    office = text("{}0{}", county, registration.address[entity] % wording["offices"] + 1)
    name, word = _names(scene, registration, entity)
    changing = {
        "source": "gsxt",
        "item": "G101",
        "name": name,
        "status": "active",
        "approved_date": day(registration.approved[entity]),
        "reg_capital": pl.Series(registration.capital[entity]),
        "scope": text(wording["scope"], word),
        "sensitive_wording": word.is_in(wording["sensitive"]).cast(pl.Int64),
        "region": county,
        "address": address_text(scene, entity, registration),
        "supervising_org": text(wording["supervising"], city, county, office),
        "reg_authority": text(wording["registrar"], county_name),
    }
    own = {
        name: value.gather(entity) if isinstance(value, pl.Series) else value[entity] for name, value in fixed.items()
    }
    usual = world["life"]["entered_days"]
    return rows("entity", entity, scene.entered(registration.approved[entity], usual, rng), own | changing)


def _names(scene: Scene, registration: Registration, entity: Ints) -> tuple[pl.Series, pl.Series]:
    """Names of entities, and the word for their business."""
    names, brand, kind = scene.world["names"], registration.brand[entity], scene.people.kind[entity]
    letters = names["characters"]
    first, second = brand % len(letters), brand // 64 % len(letters)
    third = np.where(brand // 4096 % 3 == 0, brand // 65536 % len(letters), -1)
    words = [row["words"] for row in scene.world["industries"]["rows"].values()]
    start = np.cumsum([0, *(len(row) for row in words)])
    industry = scene.people.industry[entity]
    position = start[industry] + brand // 2**24 % np.diff(start)[industry]
    word = pick([word for row in words for word in row], position)
    endings = [names[code] for code in scene.world.kinds]
    begin = np.cumsum([0, *(len(row) for row in endings)])
    ending = pick([e for row in endings for e in row], begin[kind] + brand // 2**32 % np.diff(begin)[kind])
    county = pick([scene.world.regions[code] for code in scene.world.counties], scene.people.county[entity])
    brands = pick(letters, first) + pick(letters, second) + pick(letters, third).fill_null("")
    branch = pick(("", names["branch"]), (scene.parent[entity] >= 0).astype(np.int64))
    return county + brands + word + ending + branch, word


def _suspension(scene: Scene, fixed: dict[str, Any], last: Registration, rng: np.random.Generator) -> Rows:
    """Entities that have suspended business within the last year of the period."""
    life = scene.world["life"]
    since = max(day_number(life["suspension_since"]), scene.period.last - 365)
    when = between(rng, (since, max(since, scene.period.last)), len(scene))
    chosen = (rng.random(len(scene)) < life["suspended"]) & (scene.left == NEVER) & (last.approved < when)
    entity = np.flatnonzero(chosen & (scene.people.born + 30 < when))
    standing = replace(last, approved=np.where(chosen, when, last.approved))
    return _version(scene, fixed, standing, entity, rng).with_columns(status="suspended", action="correct")


def _exit(scene: Scene, fixed: dict[str, Any], last: Registration, rng: np.random.Generator) -> Rows:
    entity = np.flatnonzero(scene.left <= scene.period.last)
    codes, how = list(scene.world["life"]["exit_as"]), scene.exit_as[entity]
    left = scene.left[entity]
    approved = last.approved.copy()
    approved[entity] = left
    dates = {field: day(np.where(how == codes.index(code), left, NEVER)) for code, field in EXIT_DATES.items()}
    final = _version(scene, fixed, replace(last, approved=approved), entity, rng)
    return final.with_columns(status=pick(codes, how), action="correct", **dates)


def _domiciles(
    scene: Scene, spell: tuple[Ints, Ints, Ints], registration: Registration, rng: np.random.Generator
) -> list[Rows]:
    entity, since, until = spell
    kept = registration.address[entity] == scene.people.address[entity]
    shared = scene.world.address("cluster")[scene.people.address_type[entity]] > 0
    fields = {
        "source": "gsxt",
        "item": "G101",
        "role": "domicile",
        "from_date": day(since),
        "address": address_text(scene, entity, registration),
        "address_key": scene.key("address", registration.address[entity]),
        "address_region": pick(scene.world.counties, registration.county[entity]),
        "address_type": pick(scene.world.address_types, np.where(kept, scene.people.address_type[entity], 0)),
        "whitelisted": (kept & shared).astype(np.int64),
    }
    first = rows("entity_address", entity, scene.entered(since, 3.0, rng), fields)
    return closed(first, until, between(rng, (1, 8), len(entity)), {"to_date": day(until)})


def _elsewhere(scene: Scene, rng: np.random.Generator) -> Rows:
    """Places of operation in another county, as annual reports and platforms tell."""
    entity = np.flatnonzero(scene.people.elsewhere >= 0)
    known = scene.people.born[entity] + between(rng, scene.world["addresses"]["mismatch_known"], len(entity))
    fields = {
        "source": "gsxt",
        "item": "G110",
        "role": "operating",
        "from_date": day(known),
        "address_key": scene.key("address", 50 * len(scene) + entity),
        "address_region": pick(scene.world.counties, scene.people.elsewhere[entity]),
        "differs": 1,
        "visibility": "internal",
    }
    lively = known < np.minimum(scene.left[entity], scene.period.last)
    return rows("entity_address", entity, scene.entered(known, 15.0, rng), fields).where(lively)
