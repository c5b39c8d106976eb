"""Where arrived rows go: anew into the files of their buckets, or into a run beside them, small and sorted.

What a month brings is a fiftieth of a history and touches all of it. A run costs what arrived; readers pass over the
rows it replaces. The newest runs are merged when one would not be larger than the next, all of them with their buckets
when they have grown to an eighth of these: a row is written anew a few times in its life, not every month.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import polars as pl
import pyarrow as pa

from features.records import compaction, layout
from features.records.compaction import Compaction, Counted
from features.records.generation import LakeFile, write_table
from features.records.schema import RecordType
from features.records.site import Site
from features.records.stored import Stored

BUCKET_ENTITIES = 2**18
NOWHERE = -1  # the bucket of what belongs to no entity
LEAST_ROWS = 2**17  # a bucket that is the only one and holds fewer is written anew: that costs no more than a run
SHARE = 8  # of the rows in buckets: as many in runs are merged into them
PROVENANCE_FILES = 64


def tables_of(record_type: str) -> tuple[str, ...]:
    """The tables of the lake that hold a record type."""
    return (record_type, *(f"{part}/{record_type}" for part in ("replaced", "unmatched", "provenance")))


def bucket_of(entity: pl.Expr) -> pl.Expr:
    """The bucket an entity's records lie in."""
    return entity.floordiv(BUCKET_ENTITIES).fill_null(NOWHERE)


def first_rewritten(buckets: Sequence[LakeFile], runs: Sequence[LakeFile], arrived: int) -> int:
    """From which of the files, buckets first, all are written anew with as many arrived rows; their number for none."""
    held, waiting = sum(file.rows for file in buckets), sum(file.rows for file in runs) + arrived
    if waiting * SHARE > held or (len(buckets) == 1 and held < LEAST_ROWS):
        return 0
    kept, merged = list(runs), arrived
    while kept and kept[-1].rows <= merged:
        merged += kept.pop().rows
    return len(buckets) + len(kept)


@dataclass
class Filing:
    """The files of one record type in the making: ``tables`` are those of the lake's next generation.

    ``counts`` tells, by delivery, what its rows were to the lake.
    """

    site: Site
    record_type: RecordType
    tables: dict[str, tuple[LakeFile, ...]]
    counts: list[Counted] = field(default_factory=list)

    def take(self, arrived: Mapping[int, Sequence[Path]], rows: int) -> None:
        """File the rows that arrived, so many in all, by bucket."""
        if not rows:
            return
        first = first_rewritten(self._buckets, self._runs, rows)
        connection = compaction.connect(self.site.lake.folder / ".temp" / self._name)
        if first:
            self._add_run(Compaction(connection, self.record_type), first, arrived)
        else:
            self._merge(Compaction(connection, self.record_type), arrived)
        connection.close()

    @property
    def _name(self) -> str:
        return self.record_type.name

    @property
    def _buckets(self) -> list[LakeFile]:
        return [file for file in self.tables.get(self._name, ()) if file.bucket is not None]

    @property
    def _runs(self) -> list[LakeFile]:
        return [file for file in self.tables.get(self._name, ()) if file.bucket is None]

    @cached_property
    def _stored(self) -> Stored:
        return self.site.lake.stored(self._name)

    def _add_run(self, task: Compaction, first: int, arrived: Mapping[int, Sequence[Path]]) -> None:
        """One file of all that changed; those from ``first`` on are merged into it."""
        stored, files = self._stored, self.tables[self._name]
        paths = [path for bucket in sorted(arrived) for path in arrived[bucket]]
        self.counts += task.load(stored.query(), self.site.lake.provenance(self._name), paths)
        if task.is_news():
            merged = stored.query(range(first, len(files)))
            self.tables[self._name] = (*files[:first], self._write(self._name, None, task.next_rows(merged)))
            self._replace(task.replaced(stored.replaced, stored.starts[first]))
        self._tell_provenance(task, None)

    def _replace(self, numbers: Iterable[pa.RecordBatch]) -> None:
        """List the rows that no longer stand, when there are any."""
        table = f"replaced/{self._name}"
        found = [batch for batch in numbers if batch.num_rows]
        self.tables.pop(table, None)
        if found:
            self.tables[table] = (self._write(table, None, found, compaction.REPLACED),)

    def _merge(self, task: Compaction, arrived: Mapping[int, Sequence[Path]]) -> None:
        """Buckets that rows arrived for written anew, and every bucket while there are runs."""
        runs = self._runs
        files = {file.bucket: file for file in self._buckets if file.bucket is not None}
        buckets = {*arrived, *files, *self._spread(len(files))} if runs else {*arrived}
        for bucket in sorted(buckets):
            standing = self._within(bucket)
            if bucket in arrived:
                provenance = self.site.lake.provenance(self._name)
                self.counts += task.load(standing, provenance, arrived[bucket])
                self._tell_provenance(task, bucket)
            if runs or task.is_news():
                rows = task.next_rows(standing) if bucket in arrived else task.kept_rows(standing)
                files[bucket] = self._write(self._name, bucket, rows)
        self.tables[self._name] = tuple(files[bucket] for bucket in sorted(files))
        self.tables.pop(f"replaced/{self._name}", None)

    def _spread(self, first: int) -> list[int]:
        """The buckets that runs have rows for."""
        rows = pl.scan_parquet(list(self._stored.paths[first:])).select(bucket_of(pl.col("entity")))
        return rows.unique().collect().to_series().to_list()

    def _within(self, bucket: int) -> str:
        """The rows of a bucket that stand, wherever they lie."""
        files = self.tables.get(self._name, ())
        rows = self._stored.query([at for at, file in enumerate(files) if file.bucket in (bucket, None)])
        low = bucket * BUCKET_ENTITIES
        is_within = "entity IS NULL" if bucket == NOWHERE else f"entity BETWEEN {low} AND {low + BUCKET_ENTITIES - 1}"
        return f"SELECT * FROM ({rows}) WHERE {is_within}"  # noqa: S608

    def _tell_provenance(self, task: Compaction, bucket: int | None) -> None:
        table = f"provenance/{self._name}"
        batches = [batch for batch in task.new_provenance() if batch.num_rows]
        if not batches:
            return
        listed = self.tables.get(table, ())
        if len(listed) >= PROVENANCE_FILES:
            kept = pl.read_parquet(list(self.site.lake.verified(listed))).to_arrow(compat_level=pl.CompatLevel.oldest())
            batches = [*kept.cast(layout.ARRIVALS).to_batches(), *batches]
            listed = ()
        self.tables[table] = (*listed, self._write(table, bucket, batches, layout.ARRIVALS))

    def _write(
        self, table: str, bucket: int | None, batches: Iterable[pa.RecordBatch], schema: pa.Schema | None = None
    ) -> LakeFile:
        part = "run" if bucket is None else f"b{bucket + 1:04d}"
        path = f"{table}/g{self.site.lake.generation.number + 1:06d}-{part}.parquet"
        return write_table(self.site.lake.folder, path, bucket, batches, schema or layout.schema(self.record_type))
