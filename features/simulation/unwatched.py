"""Violations as they would have run on had nobody looked after a day: what visits nobody made would have found."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from features.simulation.streams import Flags, Floats, Ints
from features.simulation.supervision import origins
from features.simulation.truth import ENTITIES, VIOLATIONS
from features.simulation.world import NEVER, World

YEAR = 365
NATURAL_END = "natural_end"


@dataclass(frozen=True)
class Unwatched:
    """Violations in progress on a day or beginning in the year after it, one place each; days count from that day.

    ``entity`` is a position among the entities asked for. ``begins`` is negative or 0 for what had begun; ``ends`` the
    first day without it had nobody looked after that day: the entity mends it or leaves. ``chance`` is that of a check
    on site, while it lasts, at an entity that is met; from ``away_from`` until before ``away_to`` it is not. ``found``
    is the day it was found in the province as it was. A day that does not come is ``NEVER``.
    """

    entity: Ints
    begins: Ints
    ends: Ints
    chance: Floats
    substantive: Flags
    away_from: Ints
    away_to: Ints
    found: Ints

    def __len__(self) -> int:
        return len(self.entity)

    def where(self, rows: Flags) -> "Unwatched":
        """The violations of a mask."""
        return Unwatched(*(getattr(self, name)[rows] for name in self.__annotations__))


def says_natural_ends(truth: Path) -> bool:
    """Whether the truth says when violations would have ended unfound; provinces made by earlier versions do not."""
    path = truth / VIOLATIONS
    return path.is_file() and NATURAL_END in pq.read_schema(path).names


def unwatched(truth: Path, world: World, codes: pl.Series, as_of: date) -> Unwatched:
    """Violations of some entities (by code) as they would run on after a day, by entity and start.

    What was found by that day has ended by then; an entity the truth does not know has none.
    """
    rows = _running(truth, codes, as_of)
    severity = rows["severity"].to_numpy().astype(np.int64)
    begins, ends, left = (_offset(rows[name], as_of) for name in ("start", NATURAL_END, "left"))
    away_from, away_to = (_offset(rows[name], as_of) for name in ("away_from", "away_to"))
    return Unwatched(
        entity=rows["place"].to_numpy(),
        begins=begins,
        ends=np.minimum(ends, left),
        chance=np.array(world["supervision"]["found_onsite"], np.float64)[severity],
        substantive=severity >= world["violations"]["substantive"],
        away_from=away_from,
        away_to=away_to,
        found=_offset(rows["found_on"], as_of),
    )


def planned_origins(world: World) -> tuple[str, ...]:
    """Origins of visits that stand before the year begins: draws by lot and what the law demands, caused by nothing."""
    return tuple(code for code in origins(world) if code not in world["supervision"]["lead_from"])


def _running(truth: Path, codes: pl.Series, as_of: date) -> pl.DataFrame:
    place = pl.DataFrame({"code": codes, "place": np.arange(len(codes))})
    running = (
        (pl.col(NATURAL_END) > as_of)
        & (pl.col("start") <= as_of + timedelta(days=YEAR))
        & (pl.col("found_on").is_null() | (pl.col("found_on") > as_of))
    )
    wanted = ["code", "start", NATURAL_END, "severity", "found_on"]
    violations = pl.scan_parquet(truth / VIOLATIONS).filter(running).select(wanted).collect()
    life = pl.read_parquet(truth / ENTITIES, columns=["code", "left", "away_from", "away_to"])
    rows = violations.join(place, on="code").join(life, on="code", how="left")
    here = pl.col("left").is_null() | ((pl.col("left") > as_of) & (pl.col("left") > pl.col("start")))
    return rows.filter(here).sort("place", "start", NATURAL_END, "severity")


def _offset(days: pl.Series, as_of: date) -> Ints:
    since = (days - as_of).dt.total_days().fill_null(NEVER)
    return np.asarray(since.to_numpy(), np.int64)
