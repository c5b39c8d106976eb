"""What became known about entities between two as-of dates: facts that may move a class at once, beside what was."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.asof import end_of_day
from features.compile import meets
from features.matrix import Batch
from features.reading import Reading
from training.outcomes import Facts, facts, instant

EASING = ("withdraw", "repair", "remove")
COLUMNS = ("entity", "record_id", "known_at", "withdrawn_date", "action")

Bounds = tuple[ir.TimestampScalar, ir.TimestampScalar]


@dataclass(frozen=True)
class Movers:
    """Record types whose new records may worsen a class at once, and whose annulment, repair or removal eases it."""

    adverse: tuple[Facts, ...]
    states: tuple[str, ...]

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "Movers":
        """The movers of a dated row of ``steadiness.yaml``: ``adverse`` facts and ``states``, indicator codes."""
        return cls(facts(row.get("adverse"), "steadiness.yaml"), tuple(row.get("states", ())))


@dataclass(frozen=True)
class Span:
    """From the end of one as-of date to the end of a later one."""

    after: date
    until: date


def new_facts(reading: Reading, movers: Movers, span: Span) -> pa.Table:
    """Entities with facts that became known in a span: entity, adverse, eased (booleans), by entity.

    Adverse: the first version of a record that qualifies. Eased: a version that withdraws, repairs or removes one.
    """
    none = pa.table({"entity": pa.array([], pa.int32()), "adverse": pa.array([], pa.bool_())})
    found = [none.append_column("eased", none["adverse"])]
    for term in movers.adverse:
        rows = reading.rows(term.record_type, (*COLUMNS, *term.fields))
        if rows is not None:
            of_entities = rows.filter(rows.entity.notnull())
            found.append(_marked(reading, _adverse(of_entities, term, _bounds(span, reading)), adverse=True))
            found.append(_marked(reading, _eased(of_entities, _bounds(span, reading)), adverse=False))
    together = pa.concat_tables(found).group_by("entity").aggregate([("adverse", "max"), ("eased", "max")])
    return together.rename_columns(["entity", "adverse", "eased"]).sort_by("entity")


def _adverse(rows: ir.Table, term: Facts, bounds: Bounds) -> ir.Table:
    good = rows.filter(meets(rows, term.where), rows.withdrawn_date.isnull())
    first = good.group_by("entity", "record_id").aggregate(known_at=good.known_at.min())
    return first.filter(first.known_at >= bounds[0], first.known_at < bounds[1])


def _eased(rows: ir.Table, bounds: Bounds) -> ir.Table:
    return rows.filter(rows.action.isin(EASING), rows.known_at >= bounds[0], rows.known_at < bounds[1])


def _bounds(span: Span, reading: Reading) -> Bounds:
    zone = reading.lake.profile.zone
    return instant(end_of_day(span.after, zone)), instant(end_of_day(span.until, zone))


def _marked(reading: Reading, rows: ir.Table, *, adverse: bool) -> pa.Table:
    entities = reading.engine.run(rows.select("entity").distinct())["entity"].cast(pa.int32())
    flags = [pa.array([flag] * len(entities), pa.bool_()) for flag in (adverse, not adverse)]
    return pa.table({"entity": entities, "adverse": flags[0], "eased": flags[1]})


@dataclass(frozen=True)
class Previous:
    """The last sealed month, both tables by entity: classes with the facts known since, and values of dated states."""

    classes: pa.Table
    states: pa.Table

    def at(self, batch: Batch) -> pa.Table:
        """The table ``scheme.classify`` reads, for a batch: a state is reached when it was not in effect before."""
        first, last = (batch.entity[0], batch.entity[-1]) if len(batch.entity) else (0, -1)
        start, end = np.searchsorted(self.classes["entity"].to_numpy(), [first, last + 1])
        flags = pa.table({"entity": batch.entity, "state_reached": self._reached(batch)})
        return self.classes.slice(start, end - start).join(flags, "entity").combine_chunks()

    def _reached(self, batch: Batch) -> npt.NDArray[np.bool_]:
        reached = np.zeros(len(batch.entity), bool)
        keys = self.states["entity"].to_numpy()
        if len(keys):
            place = np.minimum(np.searchsorted(keys, batch.entity), len(keys) - 1)
            for name in set(self.states.column_names).intersection(batch.columns):
                before = self.states[name].fill_null(0.0).to_numpy()[place]
                reached |= (batch.values[:, batch.columns.index(name)] > 0) & ~(before > 0)
        return reached
