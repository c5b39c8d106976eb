"""What a check on site on a given day would find, by the truth: for draws made once classes exist.

The records of a simulated province know no classes, so its own draws look at everybody alike. Draws by class are made
afterwards, and the truth says what each would have found.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from features.simulation.detection import CLEAN, NO_CONTACT, PENDING, RESULT_CODES, Findings
from features.simulation.scene import Scene
from features.simulation.streams import Flags, Floats, Ints
from features.simulation.truth import ENTITIES, VIOLATIONS
from features.simulation.world import World


@dataclass(frozen=True)
class OnSite:
    """By entity, on one day: the chance that a check on site finds a substantive violation, and who is not met there.

    ``chance`` is that of an entity that is met.
    """

    chance: Floats
    away: Flags

    def found(self, rng: np.random.Generator) -> Flags:
        """Of whom a check would find a substantive violation: chance decides once, whether anybody looks or not."""
        return np.asarray((rng.random(len(self.chance)) < self.chance) & ~self.away)

    def results(self, found: Flags) -> list[str]:
        """The result code a check of every entity would report."""
        number = np.where(self.away, NO_CONTACT, np.where(found, PENDING, CLEAN))
        return [RESULT_CODES[one] for one in number.tolist()]


def of_scene(scene: Scene, findings: Findings, away: tuple[Ints, Ints], day: int) -> OnSite:
    """What checks would find on a day in a block."""
    known = findings.violations
    here = (known.start <= day) & (day < known.end)
    chance = _chances(scene.world, len(scene), known.entity[here], known.severity[here])
    return OnSite(chance, np.asarray((away[0] <= day) & (day < away[1])))


def of_truth(truth: Path, world: World, codes: pl.Series, day: date) -> OnSite:
    """What checks of some entities (by code) would find on a day in a province whose truth lies in files.

    An entity the truth does not know has nothing to be found.
    """
    place = pl.DataFrame({"code": codes, "place": np.arange(len(codes))})
    begun = (pl.col("start") <= day) & (pl.col("end").is_null() | (day < pl.col("end")))
    violations = pl.scan_parquet(truth / VIOLATIONS).filter(begun).select("code", "severity").collect()
    here = violations.join(place, on="code")
    chance = _chances(world, len(codes), here["place"].to_numpy(), here["severity"].to_numpy().astype(np.int64))
    gone = (pl.col("away_from") <= day) & (pl.col("away_to").is_null() | (day < pl.col("away_to")))
    entities = pl.from_arrow(pq.read_table(truth / ENTITIES, columns=["code", "away_from", "away_to"]))
    away = np.zeros(len(codes), np.bool_)
    away[pl.DataFrame(entities).filter(gone).join(place, on="code")["place"].to_numpy()] = True
    return OnSite(chance, away)


def _chances(world: World, size: int, entity: Ints, severity: Ints) -> Floats:
    """By entity, the chance that at least one of its substantive violations in progress is found on site."""
    missed = 1.0 - np.array(world["supervision"]["found_onsite"], np.float64)[severity]
    substantive = severity >= world["violations"]["substantive"]
    logs = np.bincount(entity[substantive], weights=np.log(missed[substantive]), minlength=size)
    return np.asarray(-np.expm1(logs))
