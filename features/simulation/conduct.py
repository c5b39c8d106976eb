"""What hidden conduct leads to: violations with their time in progress, and times away from the address."""

from dataclasses import dataclass

import numpy as np

from features.simulation.scene import Scene
from features.simulation.streams import Flags, Ints, choose, choose_by_row, scatter
from features.simulation.world import NEVER


@dataclass(frozen=True)
class Violations:
    """Actual violations, sorted by entity and start; ``end`` is the first day without, found or not."""

    entity: Ints
    start: Ints
    end: Ints
    severity: Ints
    domain: Ints
    concealment: Flags

    def __len__(self) -> int:
        return len(self.entity)


def violations_of(scene: Scene) -> Violations:
    """The violations of a block: they begin at the propensity's rate and last until the entity mends them."""
    rules, rng = scene.world["violations"], scene.streams.rng("violations")
    counts = rng.poisson(np.exp(scene.conduct.propensity) * scene.years_lived)
    entity, half = scatter(counts.sum(axis=1)), scatter(counts.ravel()) % counts.shape[1]
    size = len(entity)
    start = scene.day_within(entity, half, rng)
    severity = choose(rng, np.array(rules["severity"]), size)
    length = rules["shortest_days"] + rng.exponential(np.array(rules["mean_days"], float)[severity]).astype(np.int64)
    domain = choose_by_row(rng, scene.world.domain_weights[scene.mix[entity]])
    hidden = (severity >= rules["substantive"]) & (rng.random(size) < rules["concealment"])
    order = np.lexsort((start, entity))
    return Violations(
        entity=entity[order],
        start=start[order],
        end=(start + length)[order],
        severity=severity[order],
        domain=np.where(hidden, scene.world.domains.index("other_market"), domain)[order],
        concealment=hidden[order],
    )


def absences(scene: Scene) -> tuple[Ints, Ints]:
    """First day an entity cannot be found at its address and first day it can again; NEVER for most."""
    away, rng, people, left = scene.world["violations"]["away"], scene.streams.rng("absences"), scene.people, scene.left
    chance = away["share"] + away["cluster"] * (scene.world.address("cluster")[people.address_type] > 0)
    gone = people.away_tendency < np.where(left < NEVER, away["before_exit"], chance)
    length = away["shortest_days"] + rng.exponential(away["days"], len(people)).astype(np.int64)
    begin = np.where(left < NEVER, left - length, rng.integers(scene.period.first, scene.period.last, len(people)))
    begin = np.maximum(begin, people.born + 60)
    return np.where(gone, begin, NEVER), np.where(gone, np.minimum(begin + length, left), NEVER)
