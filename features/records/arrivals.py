"""Rows as they arrived: counted by feed, place and time, as known at a date, whatever became known later.

A row counts each time it is delivered; only rows that state a fact or correct one count, for an action inherits its
item from a fact that may come later.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from features.asof import Month, end_of_day
from features.records import layout
from features.records.knowing import RECORDED
from features.records.lake import Lake
from features.records.terms import CONTENT_ACTIONS
from features.records.values import MOMENT

HISTORY = 12  # months before the month looked at that say what is usual
FEED = ("item", "source")
CELL = (*FEED, "region")
_STATED = ("record_id", "source", "action", "digest")
_ARRIVAL = ("item", "source", "entity", "action", "event_date", "day")
_TEXT, _WHOLE = pl.String(), pl.Int64()
_DAYS = pl.Schema({"item": _TEXT, "source": _TEXT, "day": pl.Date(), "rows": _WHOLE})
_CELLS = pl.Schema({"item": _TEXT, "source": _TEXT, "region": _TEXT, "month": pl.Int32(), "rows": _WHOLE})
_DELAYS = pl.Schema({"item": _TEXT, "source": _TEXT, "region": _TEXT, "delay": _WHOLE, "rows": _WHOLE})
_WAITING = pl.Schema({"item": _TEXT, "source": _TEXT, "unmatched": _WHOLE})


@dataclass(frozen=True)
class Span:
    """The month of an as-of date, from its first day to that date, in the time of a place."""

    as_of: date
    zone: ZoneInfo

    @property
    def month(self) -> Month:
        """The month."""
        return Month.of(self.as_of)

    @property
    def number(self) -> int:
        """The month as a number that grows by one from month to month."""
        return month_number(self.as_of)

    @property
    def start(self) -> datetime:
        """The moment it begins."""
        return end_of_day(self.month.shift(-1).end, self.zone)

    @property
    def end(self) -> datetime:
        """The moment from which nothing is known any more."""
        return end_of_day(self.as_of, self.zone)

    def holds(self, moment: datetime) -> bool:
        """Whether a moment lies in it."""
        return self.start <= moment < self.end


@dataclass(frozen=True)
class Arrived:
    """Every row that arrived before the end of a span, counted in one pass a record type and count."""

    lake: Lake
    span: Span
    regions: pl.DataFrame

    @cached_property
    def days(self) -> pl.DataFrame:
        """Rows by feed and local day, whenever they came."""
        counts = [one.group_by(*FEED, "day").agg(rows=pl.len().cast(pl.Int64)) for one in self._each()]
        return _added(counts, _DAYS)

    @cached_property
    def months(self) -> pl.DataFrame:
        """Rows by cell and month, of the month looked at and those that say what is usual."""
        first = self.span.number - HISTORY
        counts = [
            self._placed(one.with_columns(month=month_of("day")).filter(pl.col("month") >= first))
            .group_by(*CELL, "month")
            .agg(rows=pl.len().cast(pl.Int64))
            for one in self._each()
        ]
        return _added(counts, _CELLS)

    @cached_property
    def delays(self) -> pl.DataFrame:
        """New facts of the month by cell and days from event to arrival."""
        counts = [
            self._placed(one.filter(month_of("day") == self.span.number, pl.col("action") == "new"))
            .with_columns(delay=(pl.col("day") - pl.col("event_date")).dt.total_days())
            .filter(pl.col("delay").is_not_null())
            .group_by(*CELL, "delay")
            .agg(rows=pl.len().cast(pl.Int64))
            for one in self._each()
        ]
        return _added(counts, _DELAYS)

    def _placed(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows.join(self.regions.lazy(), on="entity", how="left")

    def _each(self) -> Iterator[pl.LazyFrame]:
        for name in sorted(self.lake.types()):
            if self.lake.generation.files(name):
                yield _arrivals(self.lake, name, self.span)


def _arrivals(lake: Lake, record_type: str, span: Span) -> pl.LazyFrame:
    """Rows of a type as they were delivered, again included: item, source, entity, action, event date, local day.

    A row that waited for its fact arrived when it came, not when the fact did.
    """
    kept = lake.stored(record_type).frame().filter(pl.col("action").is_in(list(CONTENT_ACTIONS)))
    own = kept.with_columns(arrived=pl.coalesce("waited_from", "known_at"))
    found = [own]
    if again := lake.provenance(record_type):
        repeated = pl.scan_parquet(list(again), missing_columns="insert", schema=_shape(layout.ARRIVALS))
        repeated = repeated.select(*_STATED, arrived="known_at")
        found.append(kept.join(repeated, on=list(_STATED), how="inner"))
    day = pl.col("arrived").dt.convert_time_zone(span.zone.key).dt.date()
    seen = [one.filter(pl.col("arrived") < span.end).with_columns(day=day).select(_ARRIVAL) for one in found]
    return pl.concat(seen)


def _shape(schema: Any) -> pl.Schema:
    return pl.DataFrame(schema.empty_table()).schema


def _added(counts: Iterable[pl.LazyFrame], schema: pl.Schema) -> pl.DataFrame:
    """Counts of all record types added up, sorted."""
    found = [pl.DataFrame(schema=schema)]
    found += [one.select(schema.names()).cast(schema).collect(engine="streaming") for one in counts]
    keys = [name for name in schema.names() if name != "rows"]
    return pl.concat(found).group_by(keys).agg(pl.col("rows").sum()).sort(keys, nulls_last=True)


def month_of(column: str) -> pl.Expr:
    """The month of a column of days, as a number that grows by one from month to month."""
    return pl.col(column).dt.year().cast(pl.Int32) * 12 + pl.col(column).dt.month().cast(pl.Int32) - 1


def month_number(day: date) -> int:
    """The month of a day, as such a number."""
    return day.year * 12 + day.month - 1


def waiting(lake: Lake, span: Span, taken: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows that arrived in the span and had no entity by its end, by feed.

    Rows of the queue are looked up again by every intake, so when they came is told by the journal. Those that found
    their entity after the span are in the lake by now, recorded at a moment their delivery was not taken.
    """
    known = {(str(one["delivery"]), one["at"]) for one in taken if one["refused"] is None}
    intakes = pl.DataFrame(sorted(known), schema={"delivery": pl.String, "recorded_at": MOMENT}, orient="row")
    first = intakes.group_by("delivery").agg(first_at=pl.col("recorded_at").min())
    counts = []
    for name in sorted(lake.types()):
        paths = lake.verified(lake.generation.files(f"unmatched/{name}"))
        rows = [pl.scan_parquet(list(paths))] if paths else []
        later = (pl.col("known_basis") == RECORDED) & (pl.col("recorded_at") >= span.end)
        found = lake.stored(name).frame().filter(later)
        rows.append(found.join(intakes.lazy(), on=["delivery", "recorded_at"], how="anti"))
        for one in rows:
            counts.append(_came_in(one.filter(pl.col("action").is_in(list(CONTENT_ACTIONS))), first, span))
    return _summed(counts)


def _came_in(rows: pl.LazyFrame, first: pl.DataFrame, span: Span) -> pl.LazyFrame:
    came = pl.when(pl.col("known_basis") == RECORDED).then(pl.coalesce("first_at", "recorded_at")).otherwise("known_at")
    within = (came >= span.start) & (came < span.end)
    dated = rows.join(first.lazy(), on="delivery", how="left").filter(within)
    return dated.group_by(FEED).agg(unmatched=pl.len().cast(pl.Int64))


def _summed(counts: Sequence[pl.LazyFrame]) -> pl.DataFrame:
    found = [pl.DataFrame(schema=_WAITING), *(one.collect(engine="streaming") for one in counts)]
    return pl.concat(found).group_by(FEED).agg(pl.col("unmatched").sum())
