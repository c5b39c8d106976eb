"""Matrices kept on disk under the key of what they were made from: never reused when definitions or data changed."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features import steps
from features.indicators.catalogue import Definitions
from features.matrix import batches, matrix_key
from features.records.lake import Lake

SUMMARY = "summary.json"
MATRIX = "matrix.parquet"


def keep(
    lake: Lake, definitions: Definitions, as_of: date, *, home: Path, engine: str, report: Callable[[str], None]
) -> dict[str, Any]:
    """What a matrix kept in a home is: key, folder, rows, and per indicator the share of nulls and the mean.

    The key holds the digests of the definitions and of all that was known at T, so late data makes a new matrix.
    """
    key = matrix_key(lake, definitions, as_of)
    folder = home / "matrices" / key[:16]
    inputs = {"matrix": key}
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = steps.run(folder, inputs, lambda fresh: _write(fresh, lake, definitions, as_of, (engine, report)))
    summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    return {"as_of": as_of.isoformat(), "key": key, "folder": str(folder), "made": made, **summary}


def _write(
    fresh: Path, lake: Lake, definitions: Definitions, as_of: date, how: tuple[str, Callable[[str], None]]
) -> None:
    engine, report = how
    fields = [("entity", pa.int32()), ("kind", pa.int8()), *((code, pa.float64()) for code in definitions.codes)]
    schema = pa.schema(fields)
    rows, known, sums = 0, np.zeros(len(definitions.codes)), np.zeros(len(definitions.codes))
    with pq.ParquetWriter(fresh / MATRIX, schema, compression="zstd", write_page_checksum=True) as writer:
        for batch in batches(lake, definitions, as_of=as_of, engine=engine):
            columns = [pa.array(batch.entity), pa.array(batch.kind), *(pa.array(column) for column in batch.values.T)]
            writer.write_table(pa.table(columns, schema=schema))
            rows += len(batch.entity)
            known += (~np.isnan(batch.values)).sum(axis=0)
            sums += np.nansum(batch.values, axis=0)
            report(f"{rows:,} entities")
    figures = {
        code: {
            "null_share": float(1 - known[place] / rows) if rows else None,
            "mean": float(sums[place] / known[place]) if known[place] else None,
        }
        for place, code in enumerate(definitions.codes)
    }
    steps.write_text(fresh / SUMMARY, json.dumps({"rows": rows, "columns": figures}))
