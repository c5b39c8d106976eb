"""Who had the outcome, by the day it first became known, using only what was known on the day labels are made."""

from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from features.asof import end_of_day, months_before
from features.compile import meets
from features.reading import Reading
from features.records.knowing import USUAL_LAG
from training.errors import SchemeError
from training.outcomes import EventControl, Facts, Outcome, day, instant

POSITIVE = pa.schema([("entity", pa.int32()), ("first_known", pa.timestamp("us", "UTC"))])
VERSION_COLUMNS = ("entity", "record_id", "event_date", "known_at", "superseded_at", "withdrawn_date")


@dataclass(frozen=True)
class Knowledge:
    """What labels are read from, and by the end of which day it was known.

    Without ``assumed`` no record counts of which a version is known only by assumption, from its event date and the
    usual lag of its item: how far do labels rest on such days?
    """

    reading: Reading
    known_by: date
    assumed: bool = True

    @property
    def zone(self) -> ZoneInfo:
        """The time zone whose midnight ends a day."""
        return self.reading.lake.profile.zone


def horizon_end(outcome: Outcome, as_of: date) -> date:
    """The last day of the outcome's window (T, T + horizon]."""
    return months_before(as_of, -outcome.horizon_months)


def mature_on(outcome: Outcome, as_of: date) -> date:
    """The day from which the label of an as-of date is settled."""
    return horizon_end(outcome, as_of) + timedelta(days=outcome.settle_days)


def positives(knowledge: Knowledge, outcome: Outcome, *, as_of: date, by_decision: bool = False) -> pa.Table:
    """Entities with the outcome after an as-of date: columns entity and first_known, one row an entity, by entity.

    A record counts when it first became known as qualifying in (T_end, T_end + horizon], happened after T − lookback,
    and still qualifies, not withdrawn, when the window has settled. ``by_decision``: when it happened (was decided,
    listed) in (T, T + horizon] instead, whenever it became known until the window has settled.
    """
    settled = mature_on(outcome, as_of)
    if settled > knowledge.known_by:
        raise SchemeError(
            f"Outcome {outcome.code} at {as_of}: its label settles on {settled}, after {knowledge.known_by}, the day "
            "labels are made on. No label was made; use an earlier as-of date."
        )
    found = [POSITIVE.empty_table()]
    for term in outcome.any_of:
        rows = _versions(knowledge, term)
        if rows is not None:
            found.append(_first_known(knowledge, outcome, rows.filter(meets(rows, term.where)), as_of, by_decision))
    together = pa.concat_tables(found).group_by("entity").aggregate([("first_known", "min")])
    return together.rename_columns(["entity", "first_known"]).sort_by("entity")


def _first_known(
    knowledge: Knowledge, outcome: Outcome, qualifying: ir.Table, as_of: date, by_decision: bool
) -> pa.Table:
    end = end_of_day(horizon_end(outcome, as_of), knowledge.zone)
    settled = instant(end_of_day(mature_on(outcome, as_of), knowledge.zone))
    good = qualifying.filter(qualifying.known_at < settled)
    current = good.superseded_at.isnull() | (good.superseded_at >= settled)
    facts = good.group_by("entity", "record_id").aggregate(
        first_known=good.known_at.min(),
        stands_of=ibis.ifelse(current, good.event_date, ibis.null("date")).max(),
    )
    if by_decision:
        counted = facts.filter(facts.stands_of > day(as_of), facts.stands_of <= day(horizon_end(outcome, as_of)))
    else:
        counted = facts.filter(
            facts.first_known >= instant(end_of_day(as_of, knowledge.zone)),
            facts.first_known < instant(end),
            facts.stands_of > day(months_before(as_of, outcome.lookback_months)),
        )
    answer = counted.group_by("entity").aggregate(first_known=counted.first_known.min())
    return knowledge.reading.engine.run(answer).select(POSITIVE.names).cast(POSITIVE)


def looked_at(knowledge: Knowledge, outcome: Outcome, *, as_of: date) -> pa.Array:
    """Entities somebody looked at within the window (T, T + horizon], as known when it has settled."""
    end, settled = horizon_end(outcome, as_of), instant(end_of_day(mature_on(outcome, as_of), knowledge.zone))
    found = [pa.array([], pa.int32())]
    for term in outcome.looked_at:
        rows = _versions(knowledge, term)
        if rows is not None:
            within = _visible(rows, settled).filter(
                meets(rows, term.where), rows.event_date > day(as_of), rows.event_date <= day(end)
            )
            found.append(_entities(knowledge, within))
    return pc.unique(pa.concat_arrays(found))


def _entities(knowledge: Knowledge, rows: ir.Table) -> pa.Array:
    return knowledge.reading.engine.run(rows.select("entity").distinct())["entity"].combine_chunks().cast(pa.int32())


def open_cases(knowledge: Knowledge, outcome: Outcome, *, as_of: date) -> pa.Array:
    """Entities with a case known on the as-of date to be open, as sorted entity keys."""
    end = instant(end_of_day(as_of, knowledge.zone))
    found = [pa.array([], pa.int32())]
    for term in outcome.open_case:
        rows = _versions(knowledge, term)
        if rows is not None:
            found.append(_entities(knowledge, _visible(rows, end).filter(meets(rows, term.where))))
    return pc.unique(pa.concat_arrays(found)).sort()


def events(knowledge: Knowledge, outcome: Outcome, *, since: date, until: date) -> pa.Table:
    """Inspections that took place from one day to another, both included, each with its result.

    Columns record_id, entity, event_date, positive (int8) and one string column an event control; by event_date,
    entity, record_id.
    """
    if outcome.event is None:
        raise SchemeError(f"Outcome {outcome.code} names no inspection event; it is of framing {outcome.framing}.")
    controls = {control.name: control.field for control in outcome.event_controls if control.of is None}
    extra = tuple(dict.fromkeys([*controls.values(), *(test.field for test in outcome.positive)]))
    rows = _versions(knowledge, outcome.event, extra)
    if rows is None:
        raise SchemeError(
            f"Outcome {outcome.code}: the lake holds no {outcome.event.record_type}; nothing was trained."
        )
    took_place = _visible(rows, instant(end_of_day(knowledge.known_by, knowledge.zone))).filter(
        meets(rows, outcome.event.where), rows.event_date >= day(since), rows.event_date <= day(until)
    )
    positive = meets(took_place, outcome.positive).cast("int8").name("positive")
    table = knowledge.reading.engine.run(took_place.select("record_id", "entity", "event_date", positive, **controls))
    whole = table.set_column(1, "entity", table["entity"].cast(pa.int32()))
    for control in outcome.event_controls:
        if control.of is not None:
            whole = _joined(whole, knowledge, control, control.of)
    return whole.sort_by([(name, "ascending") for name in ("event_date", "entity", "record_id")])


def _joined(events: pa.Table, knowledge: Knowledge, control: EventControl, of: Facts) -> pa.Table:
    """The events with a column of a control that another record of the same entity and day holds; null without one."""
    rows = _versions(knowledge, of, (control.field,))
    if rows is None:
        return events.append_column(control.name, pa.nulls(len(events), pa.string()))
    seen = _visible(rows, instant(end_of_day(knowledge.known_by, knowledge.zone))).filter(meets(rows, of.where))
    first = seen.group_by("entity", "event_date").aggregate(**{control.name: seen[control.field].min()})
    found = knowledge.reading.engine.run(first)
    found = found.set_column(0, "entity", found["entity"].cast(pa.int32()))
    return events.join(found, keys=["entity", "event_date"], join_type="left outer")


def marked(pairs: pa.Table, found: pa.Array, *, as_of: date) -> pa.Array:
    """The label (int8) of every pair of one as-of date: 1 when its entity is among those found."""
    if pc.any(pc.not_equal(pairs["as_of"], pa.scalar(as_of, pa.date32()))).as_py():
        raise SchemeError(f"Pairs of several as-of dates were given where labels of {as_of} were expected.")
    return pc.is_in(pairs["entity"], value_set=found).cast(pa.int8())


def _versions(knowledge: Knowledge, term: Facts, extra: tuple[str, ...] = ()) -> ir.Table | None:
    """Every version of an entity's records that was not withdrawn in it; None when there are none yet."""
    rows = knowledge.reading.rows(term.record_type, (*VERSION_COLUMNS, *term.fields, *extra))
    if rows is None:
        return None
    kept = rows.filter(rows.entity.notnull(), rows.withdrawn_date.isnull())
    return kept if knowledge.assumed else _dated(knowledge, term.record_type, kept)


def _dated(knowledge: Knowledge, record_type: str, rows: ir.Table) -> ir.Table:
    """The rows of records no version of which is known by assumption alone.

    Whole records leave: of one told twice, the second telling would otherwise look like news.
    """
    every = knowledge.reading.engine.rows(knowledge.reading.lake.stored(record_type))
    assumed = every.filter(every.known_basis == USUAL_LAG).select("record_id").distinct()
    return rows.anti_join(assumed, "record_id")


def _visible(rows: ir.Table, end: ir.TimestampScalar) -> ir.Table:
    return rows.filter(rows.known_at < end, rows.superseded_at.isnull() | (rows.superseded_at >= end))
