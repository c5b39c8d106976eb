"""Time saved: what visits in the order of a scheme prevent, beside today's visits and chance. It reads the truth.

Only a simulated province can answer this, where it is known when every violation began and when it would have ended
had nobody looked.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.calendars import Recorded
from evaluation.metrics import Floats
from evaluation.orders import OURS, RISKY, Capacity, Seen, compare, waits
from evaluation.population import Population
from evaluation.saved_tables import EVERY, QUESTION, SUBSTANTIVE, TITLE, UNKNOWN, by_capacity, by_part, chart
from evaluation.shown import Shown, Value, Words
from evaluation.slices import Parted, parts_of
from features.dimensions import read_dimensions
from features.indicators.catalogue import MEMBER, Definitions
from features.matrix import batches
from features.simulation.truth import latent
from features.simulation.unwatched import YEAR, Unwatched, planned_origins, says_natural_ends, unwatched
from features.simulation.world import World, read_world
from training.draws import DRAWS, read_visits
from training.task import Task

CODE, CHECK = "saved", "EV026"
Parts = Mapping[str, tuple[Words, Parted]]
"""By code of a dimension: its label, and the parts of everyone."""


def of_population(task: Task, found: Population, truth: Path, rng: np.random.Generator) -> Shown:
    """The study of everybody counted on a date as a scheme classified them, in a province of known truth.

    Without figures where the truth does not say when violations would have ended unfound.
    """
    if not says_natural_ends(truth):
        return Shown(CODE, TITLE, UNKNOWN)
    world = read_world(task.profile)
    return study(seen_at(task, found, world), truth, world=world, parts=parts_at(task, found), rng=rng)


def study(seen: Seen, truth: Path, *, world: World, parts: Parts, rng: np.random.Generator) -> Shown:
    """What visits in the order of the scheme save; the gate looks at the ratio to by lot at the volume of C and D."""
    violations = unwatched(truth, world, pl.Series(seen.code, dtype=pl.String), seen.as_of)
    grave = violations.where(violations.substantive)
    orders = seen.orders(_propensity(truth, seen))
    found = compare(seen, grave, orders, rng=rng)
    every = compare(seen, violations, orders, rng=rng, replicates=0)
    risky = [one for one in found if one.code == RISKY]
    waited = {
        code: (label, waits(seen, grave, orders, parted, visits=one.visits))
        for one in risky
        for code, (label, parted) in parts.items()
    }
    judged = [one.plans[OURS].over_random for one in risky]
    return Shown(
        CODE,
        TITLE,
        QUESTION,
        tables=(
            by_capacity(found, SUBSTANTIVE),
            by_capacity([one for one in every if one.code == RISKY], EVERY),
            *(by_part(label, rows) for label, rows in waited.values()),
        ),
        pictures=(chart(found),),
        figures=_facts(seen, violations)
        | {"substantive": _document(found), "every": _document(every)}
        | {"parts": {code: [asdict(row) for row in rows] for code, (_, rows) in waited.items()}},
        judged={CHECK: tuple(Value(RISKY, one.value, one.interval) for one in judged)},
    )


def _facts(seen: Seen, violations: Unwatched) -> dict[str, Any]:
    counted = {"substantive": int(violations.substantive.sum()), "every": len(violations)}
    return {
        "as_of": seen.as_of.isoformat(),
        "entities": len(seen),
        "violations": counted,
        "visits_today": {"all": len(seen.visits), "planned": int(seen.visits.planned.sum())},
    }


def _document(found: Sequence[Capacity]) -> dict[str, Any]:
    return {one.code: asdict(one) for one in found}


def seen_at(task: Task, found: Population, world: World) -> Seen:
    """Everybody counted in a population, and the visits on site of the year after, as known by the task's day."""
    entity, as_of = found.entity[found.counted], found.as_of
    span = (as_of + timedelta(days=1), as_of + timedelta(days=YEAR))
    rows = read_visits(task.knowledge, task.profile.table(DRAWS), span=span)
    rows = rows.filter(pc.is_in(rows["entity"], value_set=pa.array(entity)))
    since = rows["day"].to_numpy().astype("datetime64[D]") - np.datetime64(as_of, "D")
    visits = Recorded(
        entity=np.searchsorted(entity, rows["entity"].to_numpy()).astype(np.int64),
        day=since.astype(np.int64),
        planned=pc.is_in(rows["origin"], value_set=pa.array(planned_origins(world))).to_numpy(),
    )
    code = task.lake.register()["code"].take(pa.array(entity)).to_pylist()
    own = found.counted
    return Seen(as_of, code, found.probability[own], found.final_class[own], visits)


def parts_at(task: Task, found: Population) -> dict[str, tuple[Words, Parted]]:
    """Everybody counted in a population, parted along every dimension the profile lists."""
    entity, kind = found.entity[found.counted], found.kind[found.counted]
    dimensions = read_dimensions(task.profile)
    values = _values(task, found, {one.indicator for one in dimensions if one.indicator is not None})
    everyone = {"entity": pa.array(entity), "as_of": pa.array([found.as_of] * len(entity), pa.date32())}
    pairs = pa.table({**everyone, "s": pa.array(np.ones(len(entity)))})
    return {one.code: (one.label, parts_of(task, one, pairs, kind, values.__getitem__)) for one in dimensions}


def _values(task: Task, found: Population, codes: Collection[str]) -> dict[str, Floats]:
    """Values of some indicators for everybody counted; only they are computed."""
    own = [one for one in task.definitions.indicators if one.code in codes or one.role == MEMBER]
    few, wanted = Definitions(tuple(own), task.definitions.digest), found.entity[found.counted]
    values = {one.code: np.full(len(wanted), np.nan) for one in own}
    for batch in batches(task.lake, few, as_of=found.as_of, engine=task.engine):
        here = np.isin(batch.entity, wanted)
        place = np.searchsorted(wanted, batch.entity[here])
        for number, code in enumerate(batch.columns):
            values[code][place] = batch.values[here, number]
    return values


def _propensity(truth: Path, seen: Seen) -> Floats:
    """The latent propensity of everyone on the date; the lowest for an entity the truth does not know."""
    known = latent(truth, seen.as_of)
    place = pc.index_in(pa.array(seen.code, pa.string()), value_set=known["code"].combine_chunks())
    values = np.append(known["propensity"].to_numpy(), -np.inf)
    return np.asarray(values[pc.fill_null(place, -1).to_numpy()], np.float64)
