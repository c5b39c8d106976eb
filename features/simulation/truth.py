"""The latent truth of a simulated province, in files that only studies which say so may read."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from features.simulation.detection import Findings
from features.simulation.rows import blank_unless, day, pick
from features.simulation.scene import Scene
from features.simulation.streams import at
from features.simulation.supervision import Visits
from features.simulation.world import EPOCH, NEVER

ENTITIES, VIOLATIONS = "entities.parquet", "violations.parquet"
PROPENSITY = "propensity_"


@dataclass
class Truth:
    """Truth files on their way: one row group a block."""

    folder: Path
    writers: dict[str, pq.ParquetWriter] = field(default_factory=dict)

    def take(self, scene: Scene, findings: Findings, visits: Visits, away: tuple[Any, Any]) -> None:
        """Write the truth of a block."""
        self._append(ENTITIES, entities_of(scene, away))
        self._append(VIOLATIONS, violations_of(scene, findings, visits))

    def close(self) -> None:
        """Finish the files."""
        for writer in self.writers.values():
            writer.close()

    def _append(self, name: str, frame: pl.DataFrame) -> None:
        table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        if name not in self.writers:
            self.writers[name] = pq.ParquetWriter(
                self.folder / name, table.schema, compression="zstd", write_page_checksum=True
            )
        self.writers[name].write_table(table)


def entities_of(scene: Scene, away: tuple[Any, Any]) -> pl.DataFrame:
    """Who each entity is and its propensity (log yearly rate of violations) in every half-year, by its first day."""
    people, world = scene.people, scene.world
    hazard = (
        world["supervision"]["lead"]
        * scene.detection
        * world.county_intensity[people.county]
        * scene.exposure ** world["supervision"]["lead_exposure"]
    )
    days = [EPOCH.fromordinal(EPOCH.toordinal() + int(first)) for first in scene.period.grid[:-1]]
    propensity = {
        f"{PROPENSITY}{first}": pl.Series(scene.conduct.propensity[:, half].astype(np.float32))
        for half, first in enumerate(days)
    }
    return pl.DataFrame(
        {
            "code": scene.code,
            "kind": pick(world.kinds, people.kind),
            "born": day(people.born),
            "left": day(scene.left),
            "away_from": day(away[0]),
            "away_to": day(away[1]),
            "lead_hazard": hazard,
            **propensity,
        }
    )


def violations_of(scene: Scene, findings: Findings, visits: Visits) -> pl.DataFrame:
    """Every actual violation: in progress from ``start`` until before ``end``, and when it was found if it was.

    ``natural_end`` is the first day without it had nobody found it: when the entity would have mended it by itself.
    """
    known = findings.violations
    found = findings.found_by >= 0
    found_on = at(visits.day, findings.found_by, NEVER)
    return pl.DataFrame(
        {
            "code": scene.code.gather(known.entity),
            "start": day(known.start),
            "end": day(known.end),
            "natural_end": day(findings.natural_end),
            "severity": pl.Series(known.severity.astype(np.int8)),
            "domain": pick(scene.world.domains, known.domain),
            "concealment": pl.Series(known.concealment),
            "found_on": blank_unless(day(found_on), found),
        }
    )


def latent(truth: Path, as_of: date) -> pa.Table:
    """One row an entity on the register on a day: code, propensity and p12.

    ``propensity`` is the log yearly rate of violations; ``p12`` a monotone stand-in for the chance that a substantive
    violation is found within twelve months, from propensity and how closely the entity is watched.
    """
    names = pq.read_schema(truth / ENTITIES).names
    halves = [name for name in names if name.startswith(PROPENSITY)]
    column = max((name for name in halves if name <= f"{PROPENSITY}{as_of}"), default=halves[0])
    frame = pl.read_parquet(truth / ENTITIES, columns=["code", "born", "left", "lead_hazard", column])
    present = (pl.col("born") <= as_of) & (pl.col("left").is_null() | (pl.col("left") > as_of))
    rate = pl.col(column).cast(pl.Float64).exp()
    p12 = 1 - (-rate * (1 - (-pl.col("lead_hazard")).exp())).exp()
    found = frame.filter(present).select("code", pl.col(column).cast(pl.Float64).alias("propensity"), p12.alias("p12"))
    return found.to_arrow(compat_level=pl.CompatLevel.oldest())
