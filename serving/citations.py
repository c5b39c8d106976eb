"""Reasons of a whole month with the records they cite, or the statement that there are none."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.evidence import CITED, SCHEMA, absence, evidence
from serving.classification import (
    EVIDENCE,
    GROUP,
    REASON,
    REASONED,
    REASONED_ROW,
    SCORED,
    VECTORS,
    Contributions,
    Explained,
    Sources,
)
from serving.ledger import slices
from serving.visibility import internal_values
from training import reasons

Floats = npt.NDArray[np.float64]

FORMAT = {"compression": "zstd", "write_page_checksum": True}
FIELDS = [REASON.field(number).name for number in range(REASON.num_fields)]
RANKS = {name: rank for rank, name in enumerate(reasons.VISIBILITIES)}
BEFORE_ALL = -1000  # rules come before every other reason
PAIR = ["entity", "indicator"]
LINE = [
    *("entity", "slot", "code", "indicator", "value", "contribution"),
    *("records", "dates", "absent", "rule", "rank"),
]


def cite(
    folder: Path, sources: Sources, found: tuple[Path, Explained], report: Callable[[int, int], None] = lambda *_: None
) -> None:
    """Write the reasons of every entity in a scored folder, and the records they cite; ``report`` hears how many."""
    scored, explained = found
    internal = internal_values(sources.lake, sources.definitions, as_of=sources.as_of, engine=sources.engine)
    with (
        pq.ParquetWriter(folder / REASONED, REASONED_ROW, **FORMAT) as reasoned,
        pq.ParquetWriter(folder / EVIDENCE, SCHEMA, **FORMAT) as cited,
    ):
        start = 0
        pieces = zip(slices(scored / SCORED, ["entity", "rules"]), _values(scored / VECTORS, sources), strict=True)
        for part, values in pieces:
            own = _ordered(explained.of_vectors(explained.which[start : start + len(values)]), sources)
            lines, records = _cited(part, values, own, internal=internal, sources=sources)
            reasoned.write_table(lines, row_group_size=GROUP)
            cited.write_table(records, row_group_size=GROUP)
            start += len(values)
            report(start, len(explained.which))


def _cited(
    part: pa.Table, values: Floats, contributions: Floats, *, internal: pa.Table, sources: Sources
) -> tuple[pa.Table, pa.Table]:
    """The reasons of some entities, one row each, and the records they cite."""
    entity = part["entity"].to_numpy()
    first, last = (int(entity[0]), int(entity[-1])) if len(entity) else (0, -1)
    near = internal.filter((pc.field("entity") >= first) & (pc.field("entity") <= last))
    slots = _slots(entity, values, contributions, sources)
    met = _met(part, sources)
    found = _evidence(pl.concat([slots.select(PAIR), met.select(PAIR)]), sources)
    marks = _Marks(found, near, sources)
    return _rows(part, pl.concat([marks.of_rules(met), marks.of_indicators(slots)]), near), found


def _evidence(pairs: pl.DataFrame, sources: Sources) -> pa.Table:
    wanted = pairs.unique(maintain_order=True).to_arrow()
    return evidence(sources.lake, sources.definitions, as_of=sources.as_of, wanted=wanted, engine=sources.engine)


def _values(path: Path, sources: Sources) -> Iterator[Floats]:
    """The indicator vectors in slices, columns as in the definitions; null where the scheme does not hold one."""
    for batch in slices(path):
        found = np.full((batch.num_rows, len(sources.definitions.codes)), np.nan)
        for place, code in enumerate(sources.definitions.codes):
            if code in sources.scheme.columns:
                found[:, place] = batch[code].to_numpy()
        yield found


def _ordered(contributions: Contributions, sources: Sources) -> Floats:
    found = np.zeros((len(contributions), len(sources.definitions.codes)))
    for place, code in enumerate(sources.definitions.codes):
        if code in sources.scheme.columns:
            found[:, place] = contributions[:, sources.scheme.columns.index(code)]
    return found


def _slots(entity: npt.NDArray[np.int32], values: Floats, contributions: Floats, sources: Sources) -> pl.DataFrame:
    """The indicators that may become reasons, one line each: place in the order, value, contribution."""
    selected = reasons.select(sources.definitions, values, contributions)
    row, slot = np.nonzero(selected.place >= 0)
    place = selected.place[row, slot].astype(np.int64)
    return pl.DataFrame(
        {
            "entity": entity[row],
            "slot": slot,
            "indicator": np.array(sources.definitions.codes, dtype=object)[place],
            "value": values[row, place],
            "contribution": selected.contribution[row, slot],
        },
        schema_overrides={"entity": pl.Int32, "slot": pl.Int64, "indicator": pl.String},
    ).with_columns(pl.col("value").fill_nan(None))


def _met(part: pa.Table, sources: Sources) -> pl.DataFrame:
    """The rules met and the indicators they ask about, one line each: rules in order, before every other reason."""
    asked = pl.DataFrame(
        [
            {"rule": rule.code, "indicator": demand.indicator, "stated": RANKS[rule.visibility]}
            for rule in sources.scheme.rules
            for demand in rule.when
        ],
        schema={"rule": pl.String, "indicator": pl.String, "stated": pl.Int8},
    )
    rules = pl.DataFrame(part).explode("rules", empty_as_null=False).rename({"rules": "rule"})
    numbered = rules.with_columns(slot=pl.int_range(pl.len(), dtype=pl.Int64).over("entity") + BEFORE_ALL)
    return numbered.with_columns(pl.col("entity").cast(pl.Int32)).join(asked, on="rule", maintain_order="left")


class _Marks:
    """What reasons rest on: the records found, and how visible values and records are."""

    def __init__(self, found: pa.Table, internal: pa.Table, sources: Sources) -> None:
        rank = pl.col("visibility").replace_strict(list(RANKS), list(RANKS.values()), return_dtype=pl.Int8)
        self._found = pl.DataFrame(found).with_columns(rank=rank)
        counted = pl.DataFrame(internal).with_columns(counted=pl.lit(RANKS["internal"], pl.Int8))
        self._counted = counted
        self._defined = pl.DataFrame(
            [
                {
                    "indicator": one.code,
                    "code": f"{one.section}-{one.code}",
                    "defined": RANKS[one.visibility],
                    "absent": json.dumps(absence(sources.definitions, one.code, sources.as_of), sort_keys=True),
                }
                for one in sources.definitions.indicators
            ],
            schema_overrides={"defined": pl.Int8},
        )

    def of_indicators(self, slots: pl.DataFrame) -> pl.DataFrame:
        """Reasons from indicators: with records, or with what is absent where a value is 0 or null; no others."""
        records = self._found.group_by(PAIR, maintain_order=True).agg(
            records=pl.col("record_id"), dates=pl.col("event_date"), rank=pl.col("rank").max()
        )
        lines = self._with_visibility(slots).join(records, on=PAIR, how="left")
        rests = pl.col("records").is_not_null() | pl.col("value").is_null() | (pl.col("value") == 0.0)
        return lines.filter(rests).select(
            *("entity", "slot", "code", "indicator", "value", "contribution"),
            pl.col("records", "dates").fill_null([]),
            absent=pl.when(pl.col("records").is_null()).then(pl.col("absent")),
            rule=pl.lit(None, pl.String),
            rank=pl.max_horizontal("rank", "counted", "defined"),
        )

    def of_rules(self, met: pl.DataFrame) -> pl.DataFrame:
        """Reasons from rules, with the latest records behind the indicators they ask about."""
        lines = self._with_visibility(met).join(self._found, on=PAIR, how="left")
        newest = lines.sort(["event_date", "record_id"], descending=[True, False], nulls_last=True, maintain_order=True)
        cited = newest.unique(["entity", "rule", "record_id"], maintain_order=True)
        held = pl.col("record_id").is_not_null()
        return (
            cited.group_by(["entity", "slot", "rule"], maintain_order=True)
            .agg(
                code=pl.format("rule-{}", pl.col("rule").first()),
                indicator=pl.lit(""),
                value=pl.lit(None, pl.Float64),
                contribution=pl.lit(0.0),
                records=pl.col("record_id").filter(held).head(CITED),
                dates=pl.col("event_date").filter(held).head(CITED),
                absent=pl.lit(None, pl.String),
                rank=pl.max_horizontal("stated", "rank", "counted", "defined").max(),
            )
            .select(LINE)
        )

    def _with_visibility(self, lines: pl.DataFrame) -> pl.DataFrame:
        return lines.join(self._counted, on=PAIR, how="left").join(self._defined, on="indicator", how="left")


def _rows(part: pa.Table, lines: pl.DataFrame, internal: pa.Table) -> pa.Table:
    """One row an entity: its reasons in order, and which of its publishable values rest on internal records."""
    named = lines.with_columns(
        visibility=pl.col("rank").replace_strict(list(RANKS.values()), list(RANKS), return_dtype=pl.String)
    )
    listed = named.sort(["entity", "slot"]).group_by("entity", maintain_order=True).agg(reasons=pl.struct(*FIELDS))
    marked = pl.DataFrame(internal).group_by("entity", maintain_order=True).agg(internal=pl.col("indicator"))
    rows = pl.DataFrame(part.select(["entity"]))
    for own in (marked, listed):
        rows = rows.join(own, on="entity", how="left", maintain_order="left")
    filled = rows.with_columns(pl.col("internal", "reasons").fill_null([]))
    return filled.select(REASONED_ROW.names).to_arrow().cast(REASONED_ROW)
