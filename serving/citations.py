"""Result rows with their reasons, and the records these cite or the statement that there are none."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from features.evidence import CITED, SCHEMA, absence, evidence, repeats
from serving import pieces
from serving.classification import (
    EVIDENCE,
    REASON,
    REASONED_ROW,
    RESULT,
    SCORED,
    VECTORS,
    Sources,
    rows,
)
from serving.contributions import Contributions, Explained
from serving.ledger import RESULTS
from serving.pieces import GROUP
from training import reasons

Floats = npt.NDArray[np.float64]

RESULT_GROUP = 5_000  # rows of a row group of results: their reasons make them long
FIELDS = [REASON.field(number).name for number in range(REASON.num_fields)]
RANKS = {name: rank for rank, name in enumerate(reasons.VISIBILITIES)}
BEFORE_ALL = -1000  # rules come before every other reason
PAIR = ["entity", "indicator"]
LINE = [
    *("entity", "slot", "code", "indicator", "value", "contribution"),
    *("records", "dates", "absent", "rule", "rank"),
]


@dataclass(frozen=True)
class Portion:
    """Some entities that were scored: rows of the roll, what of theirs is internal, the scored folder,
    and what their bin vectors add."""

    known: pa.Table
    internal: pa.Table
    scored: Path
    explained: Explained


def cite(folder: Path, sources: Sources, portion: Portion) -> None:
    """Write the result rows of some entities with their reasons, and the records these cite."""
    with (
        pieces.writer(pieces.single(folder, RESULTS), RESULT) as results,
        pieces.writer(pieces.single(folder, EVIDENCE), SCHEMA) as cited,
    ):
        found = _with_reasons(sources, portion, lambda records: cited.write_table(records, row_group_size=GROUP))
        for part in rows(portion.known, found, sources.lake.profile.kind_codes):
            results.write_table(part, row_group_size=RESULT_GROUP)


def _with_reasons(
    sources: Sources, portion: Portion, write: Callable[[pa.Table], None]
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Slices of what was scored with the reasons of the same entities; ``write`` is given the records they cite."""
    scored = pieces.slices([pieces.single(portion.scored, SCORED)])
    start = 0
    for part, values in zip(scored, _values(pieces.single(portion.scored, VECTORS), sources), strict=True):
        which = portion.explained.which[start : start + len(values)]
        own = _ordered(portion.explained.of_vectors(which), sources)
        lines, records = _cited(part, values, own, internal=portion.internal, sources=sources)
        write(records)
        yield part, lines.append_column("vector", pa.array(which))
        start += len(values)


def _cited(
    part: pa.Table, values: Floats, contributions: Contributions, *, internal: pa.Table, sources: Sources
) -> tuple[pa.Table, pa.Table]:
    """The reasons of some entities, one row each, and the records they cite."""
    entity = part["entity"].to_numpy()
    first, last = (int(entity[0]), int(entity[-1])) if len(entity) else (0, -1)
    near = internal.filter((pc.field("entity") >= first) & (pc.field("entity") <= last))
    slots = _slots(part, values, contributions, sources)
    met = _met(part, sources)
    found = _evidence(pl.concat([slots.select(PAIR), met.select(PAIR)]), sources)
    tellable = slots.filter(pl.col("value").is_not_null())  # null beside records is no reason, and claims none of them
    told_before = pl.DataFrame(repeats(sources.definitions, found, tellable.to_arrow()))
    slots = slots.join(told_before, on=PAIR, how="anti", maintain_order="left")
    marks = _Marks(found, near, sources)
    return _rows(part, pl.concat([marks.of_rules(met), marks.of_indicators(slots)]), near), found


def _evidence(pairs: pl.DataFrame, sources: Sources) -> pa.Table:
    wanted = pairs.unique(maintain_order=True).to_arrow()
    return evidence(sources.lake, sources.definitions, as_of=sources.as_of, wanted=wanted, engine=sources.engine)


def _values(path: Path, sources: Sources) -> Iterator[Floats]:
    """The indicator vectors in slices, columns as in the definitions; null where the scheme does not hold one."""
    for batch in pieces.slices([path]):
        found = np.full((batch.num_rows, len(sources.definitions.codes)), np.nan, order="F")
        for place, code in enumerate(sources.definitions.codes):
            if code in sources.scheme.columns:
                found[:, place] = batch[code].to_numpy()
        yield found


def _ordered(contributions: Contributions, sources: Sources) -> Contributions:
    """Contributions with columns as in the definitions."""
    found = np.zeros((len(contributions), len(sources.definitions.codes)), np.float32, order="F")
    for place, code in enumerate(sources.definitions.codes):
        if code in sources.scheme.used:
            found[:, place] = contributions[:, sources.scheme.used.index(code)]
    return found


def _slots(part: pa.Table, values: Floats, contributions: Contributions, sources: Sources) -> pl.DataFrame:
    """The indicators that may become reasons, one line each: place in the order, value, contribution."""
    entity, kinds = part["entity"].to_numpy(), sources.scheme.kinds
    number = pc.index_in(part["kind"], value_set=pa.array(kinds, pa.string())).to_numpy()
    selected = reasons.select(sources.definitions, values, contributions, kind=(number, kinds))
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
        """Reasons from indicators: a value with records, or what is absent where it is 0 or null; no others."""
        records = self._found.group_by(PAIR, maintain_order=True).agg(
            records=pl.col("record_id"), dates=pl.col("event_date"), rank=pl.col("rank").max()
        )
        lines = self._with_visibility(slots).join(records, on=PAIR, how="left")
        held, known = pl.col("records").is_not_null(), pl.col("value").is_not_null()
        absent = ~held & (~known | (pl.col("value") == 0.0))
        return lines.filter((held & known) | absent).select(
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
