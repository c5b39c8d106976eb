"""The records behind a value: which ones an indicator counted for an entity, or that there are none."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import ibis.expr.types as ir
import polars as pl
import pyarrow as pa

from features.compile import CONTROL_COLUMNS, counted, fields_read, literal_clock, rows_condition, window_start
from features.engine import Engine
from features.indicators.catalogue import Definitions, aggregates, populations
from features.indicators.language import Aggregate, Indicator, Neighbours, Rows
from features.reading import REGISTER, Lake, Reading

CITED = 5  # a reason names at most so many records, the latest first
CITATION = ("record_id", "event_date", "known_at", "visibility", "source", "source_record_no")
SCHEMA = pa.schema(
    [
        ("entity", pa.int32()),
        ("indicator", pa.string()),
        ("record_type", pa.string()),
        ("record_id", pa.string()),
        ("event_date", pa.date32()),
        ("known_at", pa.timestamp("us", tz="UTC")),
        ("visibility", pa.string()),
        ("source", pa.string()),
        ("source_record_no", pa.string()),
    ]
)


def cited_rows(indicator: Indicator) -> tuple[Rows, ...]:
    """The entity's own records an indicator rests on; for peers and places its registration, for links its links."""
    rows = [aggregate.rows for aggregate in aggregates(indicator.value)]
    for part in populations(indicator.value):
        rows.append(part.rows if isinstance(part, Neighbours) else Rows(REGISTER))
    return tuple(dict.fromkeys(rows))


def evidence(
    lake: Lake, definitions: Definitions, *, as_of: date, wanted: pa.Table, engine: str = "polars"
) -> pa.Table:
    """The records each wanted (entity, indicator) counted as of T, the latest first, at most five each.

    ``wanted`` has columns entity and indicator; a pair without records has no row (see ``absence``). One query a
    record type; rows come sorted by entity, indicator, then latest record.
    """
    return latest(behind(lake, definitions, as_of=as_of, wanted=wanted, engine=engine))


def latest(found: pa.Table) -> pa.Table:
    """The at most five latest of the records behind every (entity, indicator): those that are cited."""
    of_pair = pl.DataFrame(found).group_by(["entity", "indicator"], maintain_order=True)
    return of_pair.head(CITED).select(SCHEMA.names).to_arrow().cast(SCHEMA)


def behind(lake: Lake, definitions: Definitions, *, as_of: date, wanted: pa.Table, engine: str = "polars") -> pa.Table:
    """``evidence`` without its limit: every record each wanted (entity, indicator) counted as of T."""
    reading = Reading(lake, Engine(engine))
    pairs = pl.DataFrame(wanted.select(["entity", "indicator"])).cast({"entity": pl.Int32})
    asked = [definitions.by_code[code] for code in pairs["indicator"].unique().sort().to_list()]
    by_type: dict[str, list[tuple[str, Rows]]] = {}
    for indicator in asked:
        for rows in cited_rows(indicator):
            by_type.setdefault(rows.record_type, []).append((indicator.code, rows))
    found = [part for name, cited in by_type.items() for part in _of_type(reading, name, cited, pairs, as_of)]
    if not found:
        return SCHEMA.empty_table()
    order = ["entity", "indicator", "event_date", "record_id"]
    merged = pl.concat(found).unique().sort(order, descending=[False, False, True, False])
    return merged.select(SCHEMA.names).to_arrow().cast(SCHEMA)


def _of_type(
    reading: Reading, name: str, cited: Sequence[tuple[str, Rows]], pairs: pl.DataFrame, as_of: date
) -> Iterator[pl.DataFrame]:
    """Records of one type, per indicator: one scan marks which indicators each record counts for."""
    record_type = reading.types[name]
    columns = ["entity", *CITATION, *CONTROL_COLUMNS]
    for _, rows in cited:
        columns += fields_read(rows, record_type)
    table = reading.rows(name, columns)
    if table is None:
        return
    entities = pairs.filter(pl.col("indicator").is_in([code for code, _ in cited])).select("entity").unique()
    clock = literal_clock(as_of, reading.lake.profile.zone)
    if entities.is_empty():
        return
    bounds = entities["entity"].min(), entities["entity"].max()
    near = table.filter(table.entity.between(*bounds))  # files are sorted by entity: the rest is not read
    among = near.join(reading.engine.memory(entities.to_arrow()), "entity")
    seen = among.filter(counted(among, clock, reading.lake.profile))
    marks: dict[str, Any] = {
        f"m{n}": rows_condition(seen, rows, record_type, clock) for n, (_, rows) in enumerate(cited)
    }
    marked = pl.DataFrame(reading.engine.run(_with_marks(seen, marks)))
    for number, (code, _) in enumerate(cited):
        of_indicator = pairs.filter(pl.col("indicator") == code)
        hits = marked.filter(pl.col(f"m{number}").fill_null(value=False))
        yield (
            hits.join(of_indicator, on="entity")
            .with_columns(record_type=pl.lit(name))
            .select(
                [
                    pl.col(column).cast(pl.String) if column in {"visibility", "source"} else column
                    for column in SCHEMA.names
                ]
            )
        )


def _with_marks(seen: ir.Table, marks: dict[str, Any]) -> ir.Table:
    return seen.select("entity", *CITATION, **marks)


def counts(indicator: Indicator) -> frozenset[str]:
    """The record types whose records an indicator counts or adds up, as things that happened.

    What is read off a record (its latest value, a date it states) describes how things stand, and so do registrations
    and links: one of these says many things, while an event counted for two reasons would be told twice.
    """
    events = [one for one in aggregates(indicator.value) if one.op != "latest" and not _states_day(one)]
    return frozenset(one.rows.record_type for one in events) - {REGISTER}


def _states_day(one: Aggregate) -> bool:
    return one.op in {"first_day", "last_day"} and one.field is not None


def repeats(definitions: Definitions, found: pa.Table, order: pa.Table) -> pa.Table:
    """The wanted (entity, indicator) pairs that count a record counted for an earlier pair that is told.

    ``found`` is their evidence, ``order`` has every pair (entity, indicator) that may be told with its ``slot``, the
    first being least. What is withheld claims no record: another may tell of it.
    """
    codes = order["indicator"].unique().to_pylist()
    kept = [{"indicator": code, "record_type": name} for code in codes for name in counts(definitions.by_code[code])]
    events = pl.DataFrame(kept, schema={"indicator": pl.String, "record_type": pl.String})
    slots = pl.DataFrame(order.select(["entity", "indicator", "slot"]))
    told = pl.DataFrame(found).join(events, on=["indicator", "record_type"]).join(slots, on=["entity", "indicator"])
    record, pair = ["entity", "record_id"], ["entity", "indicator"]
    claimed, again = told.select(record).clear(), told.select(pair).clear()
    for slot in told["slot"].unique().sort().to_list():
        here = told.filter(pl.col("slot") == slot)
        withheld = here.join(claimed, on=record, how="semi").select(pair).unique(maintain_order=True)
        claimed = claimed.vstack(here.join(withheld, on=pair, how="anti").select(record))
        again = again.vstack(withheld)
    return again.to_arrow()


def absence(definitions: Definitions, code: str, as_of: date) -> dict[str, Any]:
    """What was looked for and not found, when a value rests on there being no record: types and the period."""
    indicator = definitions.by_code[code]
    rows = [one for one in cited_rows(indicator) if one.record_type != REGISTER] or list(cited_rows(indicator))
    windows = [one.window for one in rows if one.window is not None]
    since = min(window_start(as_of, window) for window in windows) if windows else None
    return {
        "record_types": sorted({one.record_type for one in rows}),
        "since": since.isoformat() if since else None,
        "until": as_of.isoformat(),
        "found": 0,
    }
