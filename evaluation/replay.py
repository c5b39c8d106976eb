"""Training replayed in the past: on a date as it was then, and on named windows of inspections."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.backtest import UNKNOWN, Inspections, Scored, windows
from evaluation.errors import GateError
from evaluation.metrics import Flags, Floats
from features.matrix import sampled
from training import fit
from training.pairs import Say, detected_pairs, event_pairs
from training.retrain import Sample, Task, calibrated, drafted, labelled, rival_scores
from training.splits import Dates, Periods

FIT, TEST, APART = "fit", "test", "apart"


def replayed(task: Task, as_of: date) -> Scored:
    """The pairs of a past date as a scheme trained on that day would have scored them."""
    then = replace(task, known_by=as_of, held_out=False)
    place = fit.layout(task.definitions, task.outcome)
    past = Sample(*_matrix(then, labelled(then, _silent)), place)
    draft = drafted(then, past.rows("fit"), place)
    scheme = calibrated(then, draft, past.rows("calibration"))
    dates = Dates(fit=(), calibration=(), test=(as_of,))
    now = detected_pairs(task.knowledge, task.outcome, dates, task.sampling, say=_silent)
    seen = Sample(*_matrix(task, now), place)
    rows = seen.rows("test")
    margin = scheme.margins(rows.values, rows.kind)
    return Scored(
        entity=seen.pairs["entity"].to_numpy()[seen.chosen("test")].astype(np.int64),
        kind=rows.kind.astype(np.int64),
        outcome=rows.label.astype(bool),
        weight=rows.weight,
        margin=margin,
        probability=scheme.probabilities(margin, rows.kind),
    )


def _matrix(task: Task, pairs: pa.Table) -> tuple[pa.Table, pa.Table]:
    wanted = pairs.select(["pair", "entity", "as_of"])
    return pairs, sampled(task.lake, task.definitions, wanted, engine=task.engine)


@dataclass(frozen=True)
class Windows:
    """Named windows (first and last day) of inspections, and the last day tuning looked at."""

    spans: Mapping[str, tuple[date, date]]
    tuned_until: date | None


def replay_windows(task: Task, wanted: Windows, *, rng: np.random.Generator, say: Say) -> dict[str, Any]:
    """Four scores on every window, each fitted on all inspections before it; the document of ``backtest.windows``."""
    sample = _inspections(task, say)
    events = sample.pairs
    group = task.outcome.event_controls[0].name if task.outcome.event_controls else None
    known = np.full(len(events), np.nan) if group is None else pc.fill_null(events[group], np.nan).to_numpy()
    inspections = Inspections(
        day=events["as_of"].to_numpy().astype("datetime64[D]") + 1,
        entity=events["entity"].to_numpy().astype(np.int64),
        group=np.where(np.isnan(known), UNKNOWN, np.nan_to_num(known)).astype(np.int64),
        outcome=events["label"].to_numpy().astype(bool),
    )

    def score(train: Flags, test: Flags) -> Mapping[str, Floats]:
        say(f"fitted on {train.sum()} inspections, scored {test.sum()}")
        part = np.where(train, FIT, np.where(test, TEST, APART))
        parted = sample.pairs.set_column(
            sample.pairs.column_names.index("part"), "part", pa.array(part.tolist(), pa.string())
        )
        divided = replace(sample, pairs=parted)
        return rival_scores(task, divided.rows(FIT), divided.rows(TEST), sample.layout)

    return windows(inspections, wanted.spans, score, tuned_until=wanted.tuned_until, rng=rng)


def _inspections(task: Task, say: Say) -> Sample:
    """Every inspection of a known kind from the first of the profile's periods on, as of the day before it."""
    if task.outcome.framing != "given_inspection":
        raise GateError(
            f"Outcome {task.outcome.code} is of framing {task.outcome.framing}; windows are of inspections that take "
            "place (given_inspection). Nothing was scored; choose such an outcome."
        )
    since, until = task.model["periods"]["since"], task.known_by
    whole = Periods(fit=(since, until - timedelta(days=1)), calibration=(until, until), test=None)
    pairs, matrix = _matrix(task, event_pairs(task.knowledge, task.outcome, whole, say=say))
    of_known_kind = pc.greater_equal(matrix["kind"], 0)
    place = fit.layout(task.definitions, task.outcome)
    return Sample(pairs.filter(of_known_kind), matrix.filter(of_known_kind), place)


def _silent(_: str) -> None:
    """Progress nobody waits for."""
