"""Whether printed reasons rest on what they cite: the values behind them, made again from the lake in other ways."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.answers import Answer, answer
from evaluation.metrics import Floats
from evaluation.printed import Page, Printed
from evaluation.replay import batch_of
from features.asof import end_of_day
from features.compile import pair_clock, pair_columns
from features.evidence import CITED
from features.formulas import as_of_column, evaluate
from features.indicators.catalogue import Definitions, populations, row_sets
from features.indicators.language import Aggregate, Indicator
from features.placing import Axis, Placed, by_type, place
from training.task import Task

HELD = ("record_id", "entity", "event_date", "known_at", "superseded_at", "withdrawn_date", "visibility")


@dataclass(frozen=True)
class Again:
    """Values of printed reasons made again, in the order of the page; null where a way does not apply.

    ``sampled`` come from the query of sampled pairs, ``alone`` from the records behind each reason and no others.
    """

    sampled: Floats
    alone: Floats


def held(task: Task, found: Page) -> pa.Table:
    """What the lake holds under the ids of the records behind a page: every version, with its record type."""
    reading, parts = task.knowledge.reading, []
    for name, own in _by_type(found.behind).items():
        rows = reading.rows(name, HELD)
        if rows is not None:
            ids = reading.engine.memory(pa.table({"record_id": pc.unique(own["record_id"])}))
            table = reading.engine.run(rows.filter(rows.record_id.notnull()).join(ids, "record_id"))
            plain = {one: table[one].cast(pa.string()) if one == "visibility" else table[one] for one in HELD}
            parts.append(pa.table(plain).append_column("record_type", pa.array([name] * table.num_rows, pa.string())))
    return pa.concat_tables(parts, promote_options="permissive") if parts else pa.table({})


def known(versions: pa.Table, task: Task, as_of: date) -> dict[str, tuple[int, str]]:
    """By record id the entity and the visibility of the version that stood at T, of facts dated on or before T."""
    if not versions.num_rows:
        return {}
    end = pa.scalar(end_of_day(as_of, task.profile.zone), versions["known_at"].type)
    stood = pc.or_kleene(pc.is_null(versions["superseded_at"]), pc.greater_equal(versions["superseded_at"], end))
    seen = pc.and_kleene(pc.less(versions["known_at"], end), stood)
    dated = pc.and_kleene(
        pc.less_equal(versions["event_date"], pa.scalar(as_of)), pc.is_null(versions["withdrawn_date"])
    )
    rows = versions.filter(pc.and_kleene(seen, dated)).select(["record_id", "entity", "visibility"]).to_pylist()
    return {row["record_id"]: (row["entity"], row["visibility"]) for row in rows}


def again(task: Task, found: Page) -> Again:
    """The value of every printed reason from the query of sampled pairs, and from its records alone."""
    codes = task.definitions.codes
    entity = np.unique(np.array([one.entity for one in found.printed], np.int32))
    matrix = batch_of(task, entity, task.reference_month)
    row = np.searchsorted(entity, [one.entity for one in found.printed])
    sampled = np.full(len(found.printed), np.nan)
    for code in {one.reason.indicator for one in found.printed} & {*codes}:
        own = [number for number, one in enumerate(found.printed) if one.reason.indicator == code]
        sampled[own] = matrix.values[row[own], codes.index(code)]
    return Again(sampled, from_records(task, found))


def from_records(task: Task, found: Page) -> Floats:
    """The value of every printed reason from the records behind it and no others; null where it looks beyond them."""
    by_code, reading, as_of = task.definitions.by_code, task.knowledge.reading, task.reference_month
    pair_of = {(one.entity, one.reason.indicator): number for number, one in enumerate(found.printed)}
    asked = list(
        dict.fromkeys(one.reason.indicator for one in found.printed if own_records(by_code[one.reason.indicator]))
    )
    axis = Axis(
        "pair",
        np.array([one.entity for one in found.printed], np.int64),
        np.zeros(len(found.printed), np.int8),
        as_of_column(as_of, 1),
    )
    windows = [rows.window for code in asked for rows in row_sets(by_code[code].value) if rows.window is not None]
    clock = pair_columns([as_of], windows, task.profile.zone)
    behind, placed = _by_type(found.behind), Placed()
    for name, wanted in by_type([by_code[code].value for code in asked]).items():
        pairs = _paired(behind.get(name), pair_of, clock)
        result = reading.for_pairs(name, wanted, pairs, pair_clock, on="record_id") if pairs.num_rows else None
        place(placed, result, wanted, axis)
    values = np.full(len(found.printed), np.nan)
    for code in asked:
        own = [number for number, one in enumerate(found.printed) if one.reason.indicator == code]
        made = evaluate(by_code[code].value, placed.columns, axis.as_of)[own]
        values[own] = np.nan_to_num(made, nan=0.0) if by_code[code].missing == "zero" else made
    return values


def own_records(one: Indicator) -> bool:
    """Whether an indicator is worked out from the entity's own records alone."""
    return next(populations(one.value), None) is None


def _paired(behind: pa.Table | None, pair_of: Mapping[tuple[int, str], int], clock: pa.Table) -> pa.Table:
    """Record ids with the number of the reason they are behind, beside what a pair clock reads."""
    if behind is None:
        return pa.table({"pair": pa.array([], pa.int64())})
    keys = zip(behind["entity"].to_pylist(), behind["indicator"].to_pylist(), strict=True)
    number = np.array([pair_of.get(key, -1) for key in keys], np.int64)
    rows = pa.table({"pair": number, "record_id": behind["record_id"]}).filter(pa.array(number >= 0))
    taken = clock.take(pa.array(np.zeros(rows.num_rows, np.int64)))
    return pa.table(
        {**{name: rows[name] for name in rows.column_names}, **{one: taken[one] for one in clock.column_names}}
    )


def _by_type(behind: pa.Table) -> dict[str, pa.Table]:
    names = pc.unique(behind["record_type"]).to_pylist() if behind.num_rows else []
    return {name: behind.filter(pc.equal(behind["record_type"], name)) for name in names}


def rests(definitions: Definitions, found: Page, facts: Mapping[str, tuple[int, str]], made: Again) -> Answer:
    """E-05: every printed reason rests on records that stood at T and make its value again, or on their absence.

    ``facts`` are the records the lake knew at T, by id: whose they are. A value is compared bit by bit.
    """
    number = behind_each(found.behind)
    values = np.array([np.nan if one.reason.value is None else one.reason.value for one in found.printed])
    has_own = np.array([own_records(definitions.by_code[one.reason.indicator]) for one in found.printed], np.bool_)
    cites = np.array([bool(one.reason.records) for one in found.printed], np.bool_)
    figures = {
        "dangling": sum(dangling(one, facts) for one in found.printed),
        "baseless": sum(baseless(one) for one in found.printed),
        "sampled_differ": int((~_equal(made.sampled, values)).sum()),
        "alone_differ": int((~_equal(made.alone, values) & has_own & cites).sum()),
        "alone": int((has_own & cites).sum()),
        "other_kind": sum(one.kind not in definitions.by_code[one.reason.indicator].kinds for one in found.printed),
        "miscounted": sum(miscounted(definitions, one, number) for one in found.printed),
    }
    wrong = ("dangling", "baseless", "sampled_differ", "alone_differ", "other_kind", "miscounted")
    return answer("E-05", len(found.printed), figures, passed=not any(figures[name] for name in wrong))


def _equal(left: Floats, right: Floats) -> np.ndarray:
    """Where two columns are equal, null being equal to null."""
    return np.asarray((left == right) | (np.isnan(left) & np.isnan(right)))


def behind_each(behind: pa.Table) -> dict[tuple[int, str], int]:
    """How many records are behind every (entity, indicator)."""
    counted = behind.group_by(["entity", "indicator"]).aggregate([("record_id", "count")])
    return {(row["entity"], row["indicator"]): row["record_id_count"] for row in counted.to_pylist()}


def baseless(one: Printed) -> bool:
    """Whether a reason has a value that absence does not explain, or says that there is no record and cites some."""
    return one.reason.value is None if one.reason.records else one.reason.value not in (None, 0.0)


def dangling(one: Printed, facts: Mapping[str, tuple[int, str]]) -> bool:
    """Whether a reason cites a record the lake did not know at T, or knew as somebody else's."""
    return any(facts.get(record, (None, ""))[0] != one.entity for record in one.reason.records)


def miscounted(definitions: Definitions, one: Printed, behind: Mapping[tuple[int, str], int]) -> bool:
    """Whether a plain count differs from the number of records behind it, or a reason cites another number of them."""
    there = behind.get((one.entity, one.reason.indicator), 0)
    value = definitions.by_code[one.reason.indicator].value
    is_count = isinstance(value, Aggregate) and value.op == "count" and one.reason.value is not None
    return len(one.reason.records) != min(there, CITED) or (is_count and there != one.reason.value)
