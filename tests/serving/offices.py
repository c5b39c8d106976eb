"""The sealed months of a town with the office and the departments of every entity beside it, as the store has them."""

from functools import cached_property

import pyarrow as pa
from gatehouse import watch
from town import NOW

from serving.access import Doorkeeper
from serving.results import Results, SealedMonth, publisher_key
from serving.scoring.desk import Desk
from serving.wall import Guard


class PlacedMonth(SealedMonth):
    """A month whose rows say who supervises: the office of the region, and for every fifth the ecology department."""

    @cached_property
    def rows(self):
        rows = super().rows
        org = pa.array([f"36/{region[:4]}/{region}" for region in rows["region"].to_pylist()])
        named = pa.array([",ecology," if entity % 5 == 0 else "" for entity in rows["entity"].to_pylist()])
        return rows.append_column("org", org).append_column("departments", named)


class PlacedResults(Results):
    """The months of a town with who supervises."""

    def __init__(self, town):
        super().__init__(town.home, publisher_key(town.home))
        self._placed = {}

    def month(self, month):
        found = super().month(month)
        key = tuple(part.head.digest for part in found.parts)
        return self._placed.setdefault(key, PlacedMonth(found.parts))


def desk_of(town, now, **changed):
    """The desk of a town whose only scheme is its champion."""
    parts = {
        "home": town.home,
        "profile": town.profile,
        "store": town.store,
        "now": lambda: now,
        "champion": town.scheme,
        "results": PlacedResults(town),
        "scheme_of": lambda digest: town.scheme if digest == town.scheme.digest else None,
        "definitions": lambda: town.definitions,
    }
    return Desk(**{**parts, **changed})


def guarded(town, app):
    """An application behind the wall, with the keys of a town; audit lines lie beside its home."""
    door = Doorkeeper(town.store, lambda: NOW, town.profile.zone)
    return Guard(app, watch=watch(door, home=town.folder / "audited", store=town.store, now=lambda: NOW))
