"""Matrices kept on disk under the key of what they were made from: never reused when definitions or data changed."""

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from features import steps
from features.indicators.catalogue import Definitions
from features.matrix import Batch, batches, batches_at, matrix_key
from features.records.lake import Lake

SUMMARY = "summary.json"
MATRIX = "matrix.parquet"
Say = Callable[[str], None]


def keep(
    lake: Lake, definitions: Definitions, dates: Sequence[date], *, home: Path, engine: str, report: Say
) -> list[dict[str, Any]]:
    """What the matrices of some dates kept in a home are: date, key, folder, rows, share of nulls and mean of each
    indicator.

    The key holds the digests of the definitions and of all that was known at T, so late data makes a new matrix. Those
    that are missing are made together: every file is read once for all their dates.
    """
    keys = {day: matrix_key(lake, definitions, day) for day in dates}
    folders = {day: home / "matrices" / key[:16] for day, key in keys.items()}
    missing = [day for day in sorted(keys) if not steps.is_done(folders[day], {"matrix": keys[day]})]
    (home / "matrices").mkdir(parents=True, exist_ok=True)
    with ExitStack() as open_:
        made = {day: open_.enter_context(steps.made(folders[day], {"matrix": keys[day]})) for day in missing}
        _write(made, lake, definitions, engine, report)
    return [
        {
            "as_of": day.isoformat(),
            "key": keys[day],
            "folder": str(folders[day]),
            "made": day in missing,
            **json.loads((folders[day] / SUMMARY).read_text(encoding="utf-8")),
        }
        for day in keys
    ]


def _write(folders: dict[date, Path], lake: Lake, definitions: Definitions, engine: str, report: Say) -> None:
    with ExitStack() as open_:
        kept = {day: _Kept(folder, definitions.codes) for day, folder in folders.items()}
        for one in kept.values():
            open_.enter_context(one.writer)
        if len(kept) == 1:
            (day,) = kept
            found = batches(lake, definitions, as_of=day, engine=engine)
        else:
            found = batches_at(lake, definitions, dates=list(kept), engine=engine)
        for batch in found:
            kept[batch.as_of].take(batch)
            report(f"{batch.as_of}: {kept[batch.as_of].rows:,} entities")
    for day, one in kept.items():
        steps.write_text(folders[day] / SUMMARY, one.summary())


@dataclass
class _Kept:
    """The matrix of one date while it is written, and the sums its summary is made of."""

    folder: Path
    codes: tuple[str, ...]
    rows: int = 0
    known: npt.NDArray[np.float64] = field(init=False)
    sums: npt.NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        fields = [("entity", pa.int32()), ("kind", pa.int8()), *((code, pa.float64()) for code in self.codes)]
        self.writer = pq.ParquetWriter(
            self.folder / MATRIX, pa.schema(fields), compression="zstd", write_page_checksum=True
        )
        self.known, self.sums = np.zeros(len(self.codes)), np.zeros(len(self.codes))

    def take(self, batch: Batch) -> None:
        """Write a batch."""
        columns = [pa.array(batch.entity), pa.array(batch.kind), *(pa.array(column) for column in batch.values.T)]
        self.writer.write_table(pa.table(columns, schema=self.writer.schema))
        self.rows += len(batch.entity)
        self.known += (~np.isnan(batch.values)).sum(axis=0)
        self.sums += np.nansum(batch.values, axis=0)

    def summary(self) -> str:
        """Rows, and per indicator the share of nulls and the mean."""
        figures = {
            code: {
                "null_share": float(1 - self.known[place] / self.rows) if self.rows else None,
                "mean": float(self.sums[place] / self.known[place]) if self.known[place] else None,
            }
            for place, code in enumerate(self.codes)
        }
        return json.dumps({"rows": self.rows, "columns": figures})
