"""Training replayed in the past: on a date as it was then, and on named windows of inspections."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.backtest import UNKNOWN, Inspections, Scored, windows
from evaluation.errors import GateError
from evaluation.metrics import Calibration, Flags, Floats, calibration
from features.asof import months_before
from features.matrix import Batch, sampled_batches
from training import fit
from training.growing import grown
from training.looking import lesson
from training.outcomes import Outcome
from training.pairs import Say, detected_pairs, event_pairs
from training.retrain import calibrated, drafted, labelled
from training.rivals import rival_scores
from training.sample import Sample, write_sample
from training.scheme import Scheme
from training.splits import Dates, Periods
from training.task import Task


def trained_then(task: Task, as_of: date) -> Scheme:
    """The scheme a training on a past day would have made of what was known then; without cutoffs of its own."""
    then = replace(task, known_by=as_of, held_out=False)
    place = fit.layout(task.definitions, task.outcome)
    with sampled(then, labelled(then, _silent)) as past:
        taught = lesson(then, past)
        counts = grown(taught, then.trees, gap_months=then.outcome.horizon_months)
        draft = drafted(then, taught.rows, place, counts)
        return calibrated(then, draft, past.rows("calibration"))


def scored_on(task: Task, scheme: Scheme, days: Sequence[date]) -> dict[date, Scored]:
    """The pairs of some dates as a scheme scores them, with the outcomes known now."""
    dates = Dates(fit=(), calibration=(), test=tuple(days))
    pairs = detected_pairs(task.knowledge, task.outcome, dates, task.sampling, say=_silent)
    with sampled(task, pairs) as seen:
        rows, chosen = seen.rows("test"), seen.pairs.filter(pa.array(seen.chosen("test")))
    whole = scored_by(scheme, rows, chosen)
    when = np.array(chosen["as_of"].to_pylist())
    return {day: whole.where(when == day) for day in days}


def scored_by(scheme: Scheme, rows: fit.Rows, pairs: pa.Table) -> Scored:
    """Rows of a sample, and the pairs they are of, as a scheme scores them."""
    margin = scheme.margins(rows.values, rows.kind)
    return Scored(
        entity=pairs["entity"].to_numpy().astype(np.int64),
        kind=rows.kind.astype(np.int64),
        outcome=rows.label.astype(bool),
        weight=rows.weight,
        margin=margin,
        probability=scheme.probabilities(margin, rows.kind),
    )


@contextmanager
def sampled(task: Task, pairs: pa.Table) -> Iterator[Sample]:
    """The sample of some pairs, its matrix in a folder that goes when it was used."""
    with TemporaryDirectory(prefix="jianwei-replay-") as scratch:
        folder = Path(scratch)
        write_sample(folder, task.lake, task.definitions, pairs, engine=task.engine)
        yield Sample.read(folder, fit.layout(task.definitions, task.outcome))


@contextmanager
def matrix_of(task: Task, pairs: pa.Table) -> Iterator[Sample]:
    """Some pairs with the values of every indicator of a task, whatever a model would read of them."""
    with TemporaryDirectory(prefix="jianwei-replay-") as scratch:
        write_sample(Path(scratch), task.lake, task.definitions, pairs, engine=task.engine)
        yield Sample.read(Path(scratch), fit.Layout(task.definitions.codes, (), (), (), ()))


def batch_of(task: Task, entity: npt.NDArray[np.int32], as_of: date) -> Batch:
    """The values of every indicator of some entities on a date, in the order given."""
    pairs = pa.table(
        {
            "pair": pa.array(np.arange(len(entity)), pa.int64()),
            "entity": pa.array(entity, pa.int32()),
            "as_of": pa.array([as_of] * len(entity), pa.date32()),
        }
    )
    found = pa.concat_tables(sampled_batches(task.lake, task.definitions, pairs, engine=task.engine))
    codes = task.definitions.codes
    values = np.column_stack([found[code].to_numpy() for code in codes])
    return Batch(as_of, entity, found["kind"].to_numpy().astype(np.int8), values, codes)


@dataclass(frozen=True)
class Windows:
    """Named windows (first and last day) of inspections, and the last day tuning looked at."""

    spans: Mapping[str, tuple[date, date]]
    tuned_until: date | None


def replay_windows(task: Task, wanted: Windows, *, rng: np.random.Generator, say: Say) -> dict[str, Any]:
    """Rival scores on every window, each fitted on all inspections before it; the document of ``backtest.windows``.

    ``reliability`` of a window holds its probabilities against what was found: of a model like the planned one, fitted
    on all but the last months before the window and calibrated on those.
    """
    with sampled(task, _inspections(task, say)) as sample:
        known = sample.kind >= 0
        events = sample.pairs.filter(pa.array(known))

        def score(train: Flags, test: Flags) -> Mapping[str, Floats]:
            say(f"fitted on {train.sum()} inspections, scored {test.sum()}")
            fitted_on, seen = (sample.rows_where(_among(known, part)) for part in (train, test))
            return rival_scores(task, fitted_on, seen, sample.layout)

        found = _as_arrays(events, task.outcome)
        document = windows(found, wanted.spans, score, tuned_until=wanted.tuned_until, rng=rng)
        for name, span in wanted.spans.items():
            say(f"reliability of {name}")
            document["windows"][name]["reliability"] = asdict(_reliability(task, sample, found, span))
        return document


def _reliability(task: Task, sample: Sample, found: Inspections, span: tuple[date, date]) -> Calibration:
    """What came of the probabilities of a window, entities as clusters."""
    known, months = sample.kind >= 0, int(task.model["periods"]["calibration_months"])
    first, later = np.datetime64(span[0]), np.datetime64(months_before(span[0], months))
    masks = (found.day < later, (found.day >= later) & (found.day < first), _inside(found, span))
    fitted_on, calibrated_on, seen = (sample.rows_where(_among(known, mask)) for mask in masks)
    scheme = calibrated(task, drafted(task, fitted_on, sample.layout), calibrated_on)
    probability = scheme.probabilities(scheme.margins(seen.values, seen.kind), seen.kind)
    outcome, entity = seen.label.astype(bool), found.entity[masks[2]]
    return calibration(probability, outcome, weights=seen.weight, entities=entity)


def _inside(found: Inspections, span: tuple[date, date]) -> Flags:
    return np.asarray((found.day >= np.datetime64(span[0])) & (found.day <= np.datetime64(span[1])))


def _among(known: Flags, chosen: Flags) -> Flags:
    """A mask over the known rows as a mask over all."""
    whole = known.copy()
    whole[known] = chosen
    return whole


def _as_arrays(events: pa.Table, outcome: Outcome) -> Inspections:
    group = outcome.event_controls[0].name if outcome.event_controls else None
    known = np.full(len(events), np.nan) if group is None else pc.fill_null(events[group], np.nan).to_numpy()
    return Inspections(
        day=events["as_of"].to_numpy().astype("datetime64[D]") + 1,
        entity=events["entity"].to_numpy().astype(np.int64),
        group=np.where(np.isnan(known), UNKNOWN, np.nan_to_num(known)).astype(np.int64),
        outcome=events["label"].to_numpy().astype(bool),
    )


def _inspections(task: Task, say: Say) -> pa.Table:
    """Every inspection from the first of the profile's periods on, as of the day before it."""
    if task.outcome.framing != "given_inspection":
        raise GateError(
            f"Outcome {task.outcome.code} is of framing {task.outcome.framing}; windows are of inspections that take "
            "place (given_inspection). Nothing was scored; choose such an outcome."
        )
    since, until = task.model["periods"]["since"], task.known_by
    whole = Periods(fit=(since, until - timedelta(days=1)), calibration=(until, until), test=None)
    return event_pairs(task.knowledge, task.outcome, whole, say=say)


def _silent(_: str) -> None:
    """Progress nobody waits for."""
