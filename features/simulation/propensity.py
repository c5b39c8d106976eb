"""Hidden conduct of every entity and the propensity to violate that it gives."""

from dataclasses import dataclass

import numpy as np

from features.simulation.population import DAYS_A_YEAR, Population
from features.simulation.streams import Floats, Streams
from features.simulation.world import Period, World


@dataclass(frozen=True)
class Conduct:
    """Conduct of every entity (row) in every half-year (column), and the propensity it gives."""

    conduct: Floats  # in standard deviations
    propensity: Floats

    @property
    def mean(self) -> Floats:
        """Conduct of every entity over the whole period."""
        return np.asarray(self.conduct.mean(axis=1))


def conduct_of(world: World, people: Population, period: Period, streams: Streams) -> Conduct:
    """Conduct and log yearly rate of violations of every entity by half-year."""
    parts = world["propensity"]
    rng = streams.rng("conduct")
    constant = (
        parts["person"] * people.person_effect + parts["own"] * rng.standard_normal(len(people)) + people.address_effect
    )
    drift = _drift(parts["drift_persistence"], len(people), len(period.grid) - 1, rng)
    raw = constant[:, None] + parts["drift"] * drift
    spread = np.sqrt(parts["person"] ** 2 + parts["own"] ** 2 + parts["drift"] ** 2)
    age = np.maximum(period.grid[:-1] - people.born[:, None], 0) / DAYS_A_YEAR
    ordinary = (
        parts["base"]
        + world.by_kind(parts["kind"])[people.kind]
        + world.industry("risk")[people.industry]
        + parts["size"] * people.size
    )
    ageing = parts["ageing"] * np.minimum(age, parts["seasoned_until"]) + parts["newborn"] * (age < 2)
    return Conduct(conduct=raw / spread, propensity=ordinary[:, None] + ageing + raw)


def _drift(persistence: float, size: int, steps: int, rng: np.random.Generator) -> Floats:
    drift = rng.standard_normal((size, steps))
    for step in range(1, steps):
        drift[:, step] = persistence * drift[:, step - 1] + np.sqrt(1 - persistence**2) * drift[:, step]
    return drift
