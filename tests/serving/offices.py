"""A town's months in a store, with the office and the departments of every entity, and the desk over them."""

import pyarrow as pa
from gatehouse import watch
from town import NOW

from serving.access import Doorkeeper
from serving.classification import CLASSIFIED
from serving.loading import Loading
from serving.offices import Masking
from serving.results import Results, publisher_key
from serving.scoring.desk import Desk
from serving.shelf import Shelf
from serving.traits import Traits
from serving.wall import Guard


def sealed(town):
    """The months of a town as they were sealed."""
    return Results(town.home, publisher_key(town.home))


def named(entity):
    """A shop's name; every third entity is called by its owner's name alone, which is masked."""
    surname = "张王李赵陈"[entity % 5]
    return f"{surname}四{'五' if entity % 2 else ''}" if entity % 3 == 0 else f"{surname}三商店{entity}"


def trade(entity):
    """What an entity trades in; of every eleventh the register says nothing."""
    return "-" if entity % 11 == 0 else ("food", "tools")[entity % 2]


def placed(month):
    """Who supervises: the office of the region, and for every fifth entity the ecology department."""
    rows = month.rows
    return pa.table(
        {
            "entity": rows["entity"],
            "org": [f"36/{region[:4]}/{region}" for region in rows["region"].to_pylist()],
            "departments": [",ecology," if entity % 5 == 0 else "" for entity in rows["entity"].to_pylist()],
            "name": [named(entity) for entity in rows["entity"].to_pylist()],
            "number": [f"36010060{entity:07d}" for entity in rows["entity"].to_pylist()],
            "registration": ["open" if one == CLASSIFIED else "closed" for one in rows["status"].to_pylist()],
            "trait_trade": [trade(entity) for entity in rows["entity"].to_pylist()],
        }
    )


def load(town, store, name, *, again=False):
    """A month of a town into a store, as it is sealed now."""
    month = sealed(town).month(name)
    masking = Masking(frozenset({"stall"}), 3)
    traits = Traits.of(town.profile)
    Loading(store, month, NOW, lambda: placed(month), again=again, masking=masking, traits=traits).run()


def loaded(town, store=None):
    """The months of a town as a store has them: its own unless another is named."""
    into = store or town.store
    for name in sealed(town).months():
        load(town, into, name)
    return Shelf(into, publisher_key(town.home))


def desk_of(town, store=None, **changed):
    """The desk of a town whose only scheme is its champion."""
    parts = {
        "home": town.home,
        "profile": town.profile,
        "store": store or town.store,
        "now": lambda: NOW,
        "champion": town.scheme,
        "results": changed.get("results") or loaded(town, store),
        "scheme_of": lambda digest: town.scheme if digest == town.scheme.digest else None,
        "definitions": lambda: town.definitions,
    }
    return Desk(**{**parts, **changed})


def rows(month):
    """The light rows of everybody in a month of the store, by entity."""
    everybody = month.found(f"T{number:05d}" for number in range(month.size()))
    return list(everybody.values())


def guarded(town, app, *, now=lambda: NOW, **more):
    """An application behind the wall, with the keys of a town; audit lines lie beside its home."""
    door = Doorkeeper(town.store, now, town.profile.zone)
    return Guard(app, watch=watch(door, home=town.folder / "audited", store=town.store, now=now, **more))
