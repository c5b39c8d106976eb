"""Weak traces of conduct in many sources: who leaves one and when, and the lots their details are drawn by."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from features.simulation.rows import Rows, pick, rows
from features.simulation.scene import Scene
from features.simulation.streams import Flags, Floats, Ints, between, choose, scatter
from features.simulation.world import NEVER


@dataclass(frozen=True)
class Traces:
    """Events of one kind: whose, when, entered when, by whose conduct; their details are drawn by the kind's rules."""

    name: str
    rules: Mapping[str, Any]
    entity: Ints
    day: Ints
    entered: Ints
    conduct: Floats
    rng: np.random.Generator

    def __len__(self) -> int:
        return len(self.entity)

    def where(self, mask: Flags) -> "Traces":
        """The events for which the mask holds."""
        return replace(
            self,
            entity=self.entity[mask],
            day=self.day[mask],
            entered=self.entered[mask],
            conduct=self.conduct[mask],
        )

    def at_month_end(self) -> "Traces":
        """The same events dated on the last day of their month, entered after it."""
        month = self.day.astype("datetime64[D]").astype("datetime64[M]")
        ends = (month + 1).astype("datetime64[D]").astype(np.int64) - 1
        return replace(self, day=ends, entered=np.maximum(self.entered, ends + 1))

    def lot(self, rule: str) -> Flags:
        """Each event by lot, with a chance of the rules."""
        return np.asarray(self.rng.random(len(self)) < self.rules[rule])

    def odds(self, rule: str) -> Flags:
        """Each event by lot, with a chance at ordinary conduct whose log odds conduct raises."""
        chance, slope = self.rules[rule]
        odds = chance / (1 - chance) * np.exp(slope * self.conduct)
        return np.asarray(self.rng.random(len(self)) < odds / (1 + odds))

    def chosen(self, rule: str) -> Ints:
        """Positions in a table of weights of the rules."""
        return choose(self.rng, np.array(list(self.rules[rule].values()), dtype=np.float64), len(self))

    def code(self, rule: str) -> pl.Series:
        """Codes drawn from a table of weights of the rules."""
        return pick(self.codes(rule), self.chosen(rule))

    def codes(self, rule: str) -> list[str]:
        """The codes of a table of the rules."""
        return [str(code) for code in self.rules[rule]]

    def graded(self, rule: str) -> Ints:
        """Positions in a table of upper bounds on conduct, seen through the noise of a grading."""
        seen = self.conduct + self.rules["grade_noise"] * self.rng.standard_normal(len(self))
        bounds = np.array(list(self.rules[rule].values()), dtype=np.float64)[:-1]
        return np.asarray(np.searchsorted(bounds, seen), dtype=np.int64)

    def whole(self, rule: str) -> Ints:
        """Whole numbers between two bounds of the rules."""
        return between(self.rng, self.rules[rule], len(self))

    def amount(self) -> Floats:
        """Amounts, log-normal with the mean and spread of the rules."""
        mean, spread = self.rules["amount"]
        return np.round(from_log(mean + spread * self.rng.standard_normal(len(self))), 2)

    def ends(self) -> Ints:
        """Last days of states that begin with the events: some end after a while, the others do not."""
        mean, share = self.rules["lasting"]
        length = 5 + self.rng.exponential(mean, len(self)).astype(np.int64)
        return np.where(self.rng.random(len(self)) < share, self.day + length, NEVER)


def from_log(logarithm: Floats) -> Floats:
    """Amounts from their logarithms."""
    return np.asarray(np.exp(logarithm), dtype=np.float64)


def traces_of(scene: Scene, name: str) -> Traces:
    """Events of one kind: at a rate that conduct raises or lowers, thinned in the years before full collection."""
    common = scene.world["traces"]
    rules, rng = {"told": common["told"], **common[name]}, scene.streams.rng(f"traces {name}")
    own = rules["slope"] * common["conduct_noise"] * rng.standard_normal(len(scene))
    rate = np.array(rules["rate"])[scene.people.kind] * scene.exposure ** rules.get("exposure", 0.0)
    expected = rate[:, None] * np.exp(rules["slope"] * scene.conduct.conduct + own[:, None]) * scene.years_lived
    counts = rng.poisson(expected * _collected(scene, rules["since"]))
    entity, half = scatter(counts.sum(axis=1)), scatter(counts.ravel()) % counts.shape[1]
    if "mixes" in rules:
        own_kind = np.isin(scene.mix[entity], [scene.world.mixes.index(mix) for mix in rules["mixes"]])
        entity, half = entity[own_kind], half[own_kind]
    day = scene.day_within(entity, half, rng)
    entered = scene.entered(day, rules["days"], rng)
    return Traces(name, rules, entity, day, entered, scene.conduct.mean[entity], rng)


def trace_rows(scene: Scene, found: Traces, fields: Mapping[str, Any], record_type: str | None = None) -> Rows:
    """Records of events, with the source and item of their kind unless the fields say otherwise."""
    given = {"source": found.rules["source"], "item": found.rules["item"], **fields}
    return rows(record_type or found.name, found.entity, found.entered, given)


def _collected(scene: Scene, since: int) -> Floats:
    """Share of events collected in each half-year."""
    thin = scene.world["traces"]["thin"]
    full = max(thin)
    years = (scene.period.grid[:-1].astype("datetime64[D]").astype("datetime64[Y]").astype(int) + 1970).tolist()
    return np.array([0.0 if year < since else thin.get(min(year, full), 1.0) for year in years])
