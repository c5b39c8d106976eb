"""Labelled pairs: who stands in fit, calibration and test, as of which day, with which label and probability."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.indicators.language import Indicator
from features.matrix import registrations
from training import cohort
from training.draws import drawn_events
from training.labels import Knowledge, events, looked_at, marked, open_cases, positives
from training.outcomes import Outcome
from training.splits import Dates, Periods

FITTED = "fit"
PARTS = (FITTED, "calibration", "test")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Sampling:
    """How pairs without the outcome are thinned, which statuses are never trained on, and who belongs to a sector.

    Pairs stay at ``rate``, or at the lower one that leaves about ``most`` of them a date; ``seed`` orders the draw.
    """

    rate: float
    seed: str
    not_trained: tuple[str, ...]
    most: int | None = None
    member: Indicator | None = None

    @classmethod
    def read(cls, row: Mapping[str, Any], member: Indicator | None = None) -> "Sampling":
        """The settings written under ``sample`` in a profile's ``model.yaml``; of a sector, for those who belong."""
        most = row.get("most")
        without = tuple(row.get("not_trained", ()))
        return cls(float(row["rate"]), str(row["seed"]), without, None if most is None else int(most), member)

    def rate_of(self, count: int) -> float:
        """The rate at which so many pairs of one date are thinned."""
        return self.rate if self.most is None else min(self.rate, self.most / max(count, 1))


def trainable(knowledge: Knowledge, sampling: Sampling, *, as_of: date) -> pa.Table:
    """Entities in scope with a known kind and a status that is trained on, as of a date: entity and code."""
    reading = knowledge.reading
    known = registrations(reading.lake, as_of=as_of, engine=reading.engine.name, member=sampling.member)
    status = pc.is_in(known["status"].cast(pa.string()), value_set=pa.array(sampling.not_trained, pa.string()))
    kept = known.filter(pc.and_(pc.and_(known["in_scope"], pc.greater_equal(known["kind"], 0)), pc.invert(status)))
    entity = kept["entity"].cast(pa.int32())
    known_code = reading.lake.register()["code"].take(entity)
    return pa.table({"entity": entity, "code": pc.coalesce(known_code, pc.cast(entity, pa.string()))})


def detected_pairs(
    knowledge: Knowledge,
    outcome: Outcome,
    dates: Dates,
    sampling: Sampling,
    *,
    say: Say,
    wider: Outcome | None = None,
) -> pa.Table:
    """Pairs of every as-of date of the three parts, in that order, with their labels.

    Columns pair, entity, as_of, s, lot, stratum, label, learned, looked, part. In the fit part ``learned`` is whether
    the outcome or the ``wider`` one was found, ``looked`` whether somebody looked within the window; elsewhere both are
    the label. Whoever was looked at is kept for an outcome that is corrected by it.
    """
    found = []
    for part in PARTS:
        for as_of in getattr(dates, part):
            entities = trainable(knowledge, sampling, as_of=as_of)
            had = positives(knowledge, outcome, as_of=as_of)["entity"].combine_chunks()
            learned = looked = had
            if wider is not None and part == FITTED:
                learned = pa.concat_arrays([had, positives(knowledge, wider, as_of=as_of)["entity"].combine_chunks()])
            if part == FITTED:
                looked = pa.concat_arrays([learned, looked_at(knowledge, outcome, as_of=as_of)])
            pairs = cohort.detected(
                entities,
                as_of=as_of,
                kept=learned if outcome.correction is None else looked,
                open_cases=open_cases(knowledge, outcome, as_of=as_of),
                rate=sampling.rate_of(len(entities)),
                seed=sampling.seed,
            )
            for name, those in {"label": had, "learned": learned, "looked": looked}.items():
                pairs = pairs.append_column(name, marked(pairs, those, as_of=as_of))
            positive = pc.sum(pairs["label"]).as_py() or 0
            say(f"{part} {as_of}: {len(entities)} in scope, {len(pairs)} sampled, {positive} positive")
            found.append(_in_part(pairs, part))
    return cohort.numbered(found)


def event_pairs(knowledge: Knowledge, outcome: Outcome, periods: Periods, *, say: Say) -> pa.Table:
    """One pair an inspection of every period, as of the day before it, with its result and the event's controls.

    Columns pair, entity, as_of, s, stratum, record_id, one float column an event control, label, part.
    """
    profile = knowledge.reading.lake.profile
    lists = {control.name: profile.codelist(control.list).codes for control in outcome.event_controls}
    found = []
    for part in PARTS:
        period = getattr(periods, part)
        if period is None:
            continue
        read = drawn_events if outcome.drawn else partial(events, outcome=outcome)
        happened = read(knowledge, since=period[0], until=period[1])
        pairs = cohort.given_inspection(happened, lists)
        positive = pc.sum(happened["positive"]).as_py() or 0
        say(f"{part} {period[0]} to {period[1]}: {len(pairs)} events, {positive} positive")
        found.append(_in_part(pairs.append_column("label", happened["positive"]), part))
    return cohort.numbered(found)


def _in_part(pairs: pa.Table, part: str) -> pa.Table:
    return pairs.append_column("part", pa.array(np.full(len(pairs), part).tolist(), pa.string()))
