"""What would change the class of one entity, looked for within a request: by the queries that suppositions run on."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from features.matrix import Batch
from features.profile import Profile
from features.records.schema import REGISTER
from serving import recourse
from serving.http import ProblemError
from serving.recourse import Document
from serving.scoring.supposed import Light, Room, Vector, room
from serving.shelf import StoredMonth
from serving.visibility import PUBLISHABLE
from training.acts import Act
from training.counterfactual import MOST_SWITCHES, Asked, Bench
from training.errors import SchemeError
from training.poured import Floats
from training.scheme import Scheme
from training.supposed import Own, Pipeline, Switch, switches


def told(place: tuple[Path, Profile], scheme: Scheme, month: StoredMonth, light: Light) -> Document:
    """The ways of a classified entity of a month under the scheme it was classified with; else why there are none.

    They are not worked out where the records lie elsewhere, or no longer give the values that were sealed.
    """
    try:
        at = room(*place, scheme, month)
        if not at.acts:
            return {"state": recourse.NO_ACTS}
        return recourse.searched(_searched(at, scheme, light, month.vector(light)))
    except ProblemError:
        return {"state": recourse.AWAY}
    except SchemeError:
        return {"state": recourse.DIFFER}


def _searched(at: Room, scheme: Scheme, light: Light, sealed: Vector) -> Document:
    """Every set of at most three acts tried, as ``training.counterfactual.ways`` does for many entities."""
    entity, own = int(light["entity"]), _concerned(at, light)
    options = switches(own, at.acts, lambda rows: at.picker.picked(rows, own.records[rows.record_type], entity))
    possible = tuple(options.get(entity, ()))
    by_code = {act.code: act for act in at.acts}
    batch = Batch(
        at.as_of,
        np.array([entity], np.int32),
        np.array([scheme.kinds.index(light["kind"])], np.int8),
        np.array([list(sealed.values())], np.float64),
        tuple(sealed),
    )
    bench = Bench(
        Asked(at.definitions, at.acts, batch),
        _pipeline(at, own, light, dict.fromkeys(by_code[one.act].record_type for one in possible)),
        {entity: possible[:MOST_SWITCHES]},
        {entity: max(0, len(possible) - MOST_SWITCHES)},
    )
    cases = list(bench.cases(entity))
    found = bench.recourse(cases, bench.classified(scheme, cases), 0)

    def visibility(act: Act, switch: Switch) -> str:
        rows = own.records[act.record_type]
        marked = rows.filter(pl.col("record_id").is_in(switch.records), pl.col("visibility") != PUBLISHABLE)
        stated = at.reading.types[act.record_type].visibility
        return stated if not marked.height else str(marked["visibility"][0])

    return recourse.told(found, at.acts, visibility)


def _concerned(at: Room, light: Light) -> Own:
    """The records that tell whether there is anything to do."""
    concerned = {REGISTER}.union(*(act.about for act in at.acts))
    return Own.one(at.reading, concerned, as_of=at.as_of, entity=int(light["entity"]))


def _pipeline(at: Room, own: Own, light: Light, touched: Mapping[str, Any]) -> Pipeline:
    """The indicators that read a touched record type, on the records of the entity that they read."""
    benches = [one for one in map(at.bench, touched) if one.indicators]
    further = {REGISTER, *touched}.union(*(one.needed for one in benches)) - set(own.records)
    read = Own.one(at.reading, further, as_of=at.as_of, entity=int(light["entity"]))
    whole = replace(own, records={**own.records, **read.records})
    indicators = {one.code: one for bench in benches for one in bench.indicators}
    kind = at.reading.lake.profile.kind_codes.index(light["kind"])

    def poured(records: Mapping[str, pl.DataFrame], count: int) -> Floats:
        values: dict[str, Any] = {}
        for bench in benches:
            found = bench.of_numbered(kind, records, count)
            values |= {one.code: found[:, place] for place, one in enumerate(bench.indicators)}
        return np.column_stack([values[code] for code in indicators])

    return Pipeline(whole, {act.code: act for act in at.acts}, tuple(indicators.values()), poured=poured)
