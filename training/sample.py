"""A training sample: labelled pairs and their matrix, which lies in a file and is read part by part."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.indicators.catalogue import Definitions
from features.matrix import sampled_batches
from features.reading import Lake
from training.cohort import HEADLINE
from training.fit import Floats, Layout, Rows

MATRIX, PAIRS = "matrix.parquet", "pairs.parquet"
GROUP = 65_536  # rows read at a time
FORMAT = 3  # of a sample's files; part of the key of the step that writes them


@dataclass(frozen=True)
class Sample:
    """Labelled pairs, the folder their matrix lies in (one row a pair, in the same order), and how a model reads it."""

    pairs: pa.Table
    folder: Path
    layout: Layout

    @classmethod
    def read(cls, folder: Path, layout: Layout) -> "Sample":
        """The sample written into a folder."""
        return cls(pq.read_table(folder / PAIRS, page_checksum_verification=True), folder, layout)

    @cached_property
    def kind(self) -> npt.NDArray[np.int8]:
        """The kind of every pair, −1 where it was not known."""
        found = pq.read_table(self.folder / MATRIX, columns=["kind"], page_checksum_verification=True)
        return np.asarray(found["kind"].to_numpy(), np.int8)

    def column(self, code: str) -> Floats:
        """The values of one indicator, one a pair, whatever its kind."""
        found = pq.read_table(self.folder / MATRIX, columns=[code], page_checksum_verification=True)
        return np.asarray(found[code].to_numpy(), np.float64)

    def chosen(self, part: str, stratum: str = HEADLINE) -> npt.NDArray[np.bool_]:
        """Which pairs belong to a part and stratum and have a known kind."""
        belongs = pc.and_(pc.equal(self.pairs["part"], part), pc.equal(self.pairs["stratum"], stratum))
        return np.asarray(belongs.to_numpy(), np.bool_) & (self.kind >= 0)

    def rows(self, part: str, stratum: str = HEADLINE) -> Rows:
        """The rows of one part and stratum whose kind is known."""
        return self.rows_where(self.chosen(part, stratum))

    def rows_where(self, wanted: npt.NDArray[np.bool_]) -> Rows:
        """The rows of a mask over the pairs."""
        values = np.empty((int(wanted.sum()), len(self.layout.columns)))
        inside = [name for name in self.layout.controls if name not in self.pairs.column_names]
        known = np.empty((len(values), len(inside)))
        filled = 0
        for start, group in self._groups([*self.layout.columns, *inside]):
            taken = group.filter(pa.array(wanted[start : start + group.num_rows]))
            place = slice(filled, filled + taken.num_rows)
            for column, name in enumerate(self.layout.columns):
                values[place, column] = taken[name].to_numpy(zero_copy_only=False)
            for column, name in enumerate(inside):
                known[place, column] = taken[name].to_numpy(zero_copy_only=False)
            filled += taken.num_rows
        pairs = self.pairs.filter(pa.array(wanted))
        return Rows(
            values=values,
            kind=self.kind[wanted],
            controls=self._controls(pairs, dict(zip(inside, known.T, strict=True))),
            label=_label(pairs, "label"),
            learned=_label(pairs, "learned"),
            looked=_label(pairs, "looked"),
            weight=1.0 / pairs["s"].to_numpy(),
        )

    def slices(self) -> Iterator[tuple[pa.Table, Floats, npt.NDArray[np.int8]]]:
        """All pairs of a known kind in slices, with their values (columns as in the layout) and kinds."""
        for start, group in self._groups(list(self.layout.columns)):
            place = slice(start, start + group.num_rows)
            known = self.kind[place] >= 0
            taken = group.filter(pa.array(known))
            values = np.column_stack([taken[name].to_numpy(zero_copy_only=False) for name in self.layout.columns])
            yield self.pairs.slice(start, group.num_rows).filter(pa.array(known)), values, self.kind[place][known]

    def _controls(self, pairs: pa.Table, inside: dict[str, Floats]) -> Floats:
        columns = [
            inside[name] if name in inside else pairs[name].to_numpy(zero_copy_only=False).astype(np.float64)
            for name in self.layout.controls
        ]
        return np.column_stack(columns) if columns else np.zeros((len(pairs), 0))

    def _groups(self, columns: list[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
        start = 0
        with pq.ParquetFile(self.folder / MATRIX, page_checksum_verification=True) as file:
            for group in file.iter_batches(GROUP, columns=list(dict.fromkeys(columns))):
                yield start, group
                start += group.num_rows


def _label(pairs: pa.Table, name: str) -> Floats:
    """A label of some pairs; those of inspections have but one."""
    found = pairs[name if name in pairs.column_names else "label"]
    return np.asarray(found.to_numpy().astype(np.float64))


def write_sample(folder: Path, lake: Lake, definitions: Definitions, pairs: pa.Table, *, engine: str) -> None:
    """Write labelled pairs and their matrix into a folder, slice by slice."""
    pq.write_table(pairs, folder / PAIRS, compression="zstd", write_page_checksum=True)
    named = pairs.select(["pair", "entity", "as_of"])
    writer: pq.ParquetWriter | None = None
    for part in sampled_batches(lake, definitions, named, engine=engine):
        writer = writer or pq.ParquetWriter(folder / MATRIX, part.schema, compression="zstd", write_page_checksum=True)
        writer.write_table(part, row_group_size=GROUP)
    if writer is not None:
        writer.close()
