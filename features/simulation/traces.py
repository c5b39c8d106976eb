"""Weak traces of conduct in many sources: who leaves one and when."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from features.simulation.rows import Rows, rows
from features.simulation.scene import Scene
from features.simulation.streams import Flags, Ints, scatter
from features.simulation.world import NEVER


@dataclass(frozen=True)
class Traces:
    """Events of one kind: whose, when, when they were entered, and the generator for what else they say."""

    name: str
    entity: Ints
    day: Ints
    entered: Ints
    rng: np.random.Generator

    def __len__(self) -> int:
        return len(self.entity)

    def lot(self, chance: float) -> Flags:
        """Each event by lot."""
        return np.asarray(self.rng.random(len(self)) < chance)

    def where(self, mask: Flags) -> "Traces":
        """The events for which the mask holds."""
        return Traces(self.name, self.entity[mask], self.day[mask], self.entered[mask], self.rng)


def traces_of(scene: Scene, name: str) -> Traces:
    """Events of one kind: at a rate that conduct raises or lowers, thinned in the years before full collection."""
    rules, rng = scene.world["traces"][name], scene.streams.rng(f"traces {name}")
    noise = scene.world["traces"]["conduct_noise"]
    own = rules["slope"] * noise * rng.standard_normal(len(scene))
    rate = np.array(rules["rate"])[scene.people.kind] * scene.exposure ** rules.get("exposure", 0.0)
    expected = rate[:, None] * np.exp(rules["slope"] * scene.conduct.conduct + own[:, None]) * scene.years_lived
    expected = expected * _collected(scene, rules["since"])
    counts = rng.poisson(expected)
    entity, half = scatter(counts.sum(axis=1)), scatter(counts.ravel()) % counts.shape[1]
    day = scene.day_within(entity, half, rng)
    return Traces(name, entity, day, scene.entered(day, rules["days"], rng), rng)


def trace_rows(scene: Scene, found: Traces, fields: dict[str, Any], record_type: str | None = None) -> Rows:
    """Records of events, with the source and item of their kind unless the fields say otherwise."""
    rules = scene.world["traces"][found.name]
    given = {"source": rules["source"], "item": rules["item"], **fields}
    return rows(record_type or found.name, found.entity, found.entered, given)


def lasting(found: Traces, mean_days: float, ending: float) -> Ints:
    """Last days of states that begin with the events: some end after a while, the others do not."""
    length = 5 + found.rng.exponential(mean_days, len(found)).astype(np.int64)
    return np.where(found.rng.random(len(found)) < ending, found.day + length, NEVER)


def _collected(scene: Scene, since: int) -> np.ndarray:
    """Share of events collected in each half-year."""
    thin = scene.world["traces"]["thin"]
    full = max(thin)
    years = (scene.period.grid[:-1].astype("datetime64[D]").astype("datetime64[Y]").astype(int) + 1970).tolist()
    return np.array([0.0 if year < since else thin.get(min(year, full), 1.0) for year in years])
