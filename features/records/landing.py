"""Sound rows landed: each finds its entity or waits in a queue, and the lake's next generation is made of them."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl
import pyarrow as pa

from features.profile import ProfileError
from features.records import compaction, layout
from features.records.derivation import PARENT_EVENT, dated_by_parent
from features.records.generation import Generation, LakeFile, write_table
from features.records.knowing import RECORDED
from features.records.lake import ALIASES, REGISTER, Lake
from features.records.layout import IDENTITY_COLUMNS
from features.records.matching import REGISTER_TYPE, Register, matched_by_parent
from features.records.schema import RecordType
from features.records.values import MOMENT

BUCKET_ENTITIES = 2**18
PROVENANCE_FILES = 64
_FROM_QUEUE = -1
_NOWHERE = -1
_QUEUE_SEQ = -(10**15)
_SIGNS = ("seq", "action", *IDENTITY_COLUMNS, "known_at", "event_date")
_ARRIVING = (
    *("entity", "identity", "item", "source", "source_record_no", "delivery", "action", "action_date"),
    *("action_reason", "mark_reason", "event_date", "known_at", "known_basis", "recorded_at", "published_date"),
    *("entered_at", "period", "visibility", "stated_end", "seq", "delivery_no"),
)
# What differs when the same row arrives twice.
_ARRIVAL_ONLY = frozenset(
    {"seq", "delivery_no", "delivery", "file", "known_at", "known_basis", "recorded_at", "period"}
)

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class _Rows:
    """Sound rows of one type: those that waited unmatched, then those just delivered."""

    queue: Sequence[Path]
    staged: Sequence[Path]
    refused: Collection[int]
    recorded_at: datetime
    fields: Mapping[str, pa.DataType]

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for path in self.queue:
            yield self._waited(pl.read_parquet(path))
        for path in self.staged:
            rows = pl.read_ipc(path)
            yield rows.filter(pl.col("delivery_no").is_in(list(self.refused)).not_()) if self.refused else rows

    def _waited(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows of the queue, recorded now; without a declared backload they become known now."""
        empty = pl.DataFrame(pa.schema(dict(self.fields)).empty_table())
        rows = rows.select(
            *(name for name in rows.columns if name in {*_ARRIVING, *IDENTITY_COLUMNS, "file", *self.fields}),
            *(pl.lit(None, dtype=empty.schema[name]).alias(name) for name in self.fields if name not in rows.columns),
        )
        now = pl.lit(self.recorded_at, dtype=MOMENT)
        return rows.with_columns(
            recorded_at=now,
            known_at=pl.when(pl.col("known_basis") == RECORDED).then(now).otherwise("known_at"),
            seq=pl.int_range(pl.len(), dtype=pl.Int64) + _QUEUE_SEQ,
            delivery_no=pl.lit(_FROM_QUEUE, dtype=pl.Int32),
        )


@dataclass
class Landing:
    """The making of one generation; ``counts`` tells, by delivery, what its rows were to the lake."""

    lake: Lake
    staging: Path
    recorded_at: datetime
    progress: Progress
    counts: dict[int, dict[str, int]] = field(default_factory=dict)
    rematched: int = 0
    _tables: dict[str, tuple[LakeFile, ...]] = field(default_factory=dict)
    _arrived: dict[str, dict[int, list[Path]]] = field(default_factory=dict)

    def land(self, staged: Mapping[str, Sequence[Path]], refused: Collection[int]) -> Generation:
        """The next generation: staged rows of deliveries not refused, and what the queue now has an entity for."""
        self._tables.update(self.lake.generation.tables)
        register = self._match(staged, refused)
        self._compact()
        for table, frame in ((REGISTER, register.entities), (ALIASES, register.aliases)):
            self._tables[table] = (self._write(table, frame),)
        return Generation(self._number, self._tables)

    @property
    def _number(self) -> int:
        return self.lake.generation.number + 1

    def _write(self, table: str, frame: pl.DataFrame) -> LakeFile:
        rows = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        small = [(item.name, pa.string() if pa.types.is_large_string(item.type) else item.type) for item in rows.schema]
        name = f"{table}/g{self._number:06d}.parquet"
        return write_table(self.lake.folder, name, None, rows.to_batches(), pa.schema(small))

    def _count(self, delivery_no: int, name: str, rows: int) -> None:
        counts = self.counts.setdefault(delivery_no, {})
        counts[name] = counts.get(name, 0) + rows

    def _match(self, staged: Mapping[str, Sequence[Path]], refused: Collection[int]) -> Register:
        register = self.lake.entities()
        order = _parents_first(self.lake.types())
        for number, record_type in enumerate(order):
            rows = self._rows(record_type, staged.get(record_type.name, ()), refused)
            if record_type.name == REGISTER_TYPE:
                signs = [batch.select(_SIGNS) for batch in rows]
                register = register.extended(pl.concat(signs)) if signs else register
            self._match_type(record_type, rows, register)
            self.progress("match", number + 1, len(order))
        return register

    def _rows(self, record_type: RecordType, paths: Sequence[Path], refused: Collection[int]) -> "_Rows":
        queue = self.lake.verified(self.lake.generation.files(f"unmatched/{record_type.name}"))
        return _Rows(queue, paths, refused, self.recorded_at, layout.fields(record_type))

    def _match_type(self, record_type: RecordType, rows: "_Rows", register: Register) -> None:
        parents = self._parents(record_type, register)
        unmatched = []
        for batch in rows:
            matched = _matched(batch, record_type, register, parents)
            if parents is not None:
                matched = dated_by_parent(matched, record_type, self.lake.profile)
            is_matched = pl.col("entity").is_not_null() | pl.lit(record_type.subject == "place")
            self._arrive(record_type, matched.filter(is_matched))
            unmatched.append(matched.filter(is_matched.not_()).drop("entity", "identity"))
        self._keep_queue(record_type, unmatched)

    def _parents(self, record_type: RecordType, register: Register) -> pl.DataFrame | None:
        if record_type.parent is None:
            return None
        name, key = record_type.parent.record_type, record_type.parent.key
        paths = [*self.lake.files(name), *(path for listed in self._arrived.get(name, {}).values() for path in listed)]
        schema = {"key": pl.String, "entity": pl.Int32, PARENT_EVENT: pl.Date}
        columns = (pl.col(key).cast(pl.String).alias("key"), "entity", pl.col("event_date").alias(PARENT_EVENT))
        found = [pl.scan_parquet(path).select(columns).drop_nulls(["key", "entity"]).unique() for path in paths]
        keys = pl.concat(found).collect() if found else pl.DataFrame(schema=schema)
        keys = keys.group_by("key", "entity").agg(pl.col(PARENT_EVENT).max())
        return keys.join(register.entities.select("entity", "identity", "code"), on="entity", how="left")

    def _arrive(self, record_type: RecordType, rows: pl.DataFrame) -> None:
        if rows.is_empty():
            return
        self.rematched += rows.filter(pl.col("delivery_no") == _FROM_QUEUE).height
        columns = [*_ARRIVING, *(name for name in record_type.fields if name not in _ARRIVING)]
        rows = rows.select(columns).with_columns(_bucket=pl.col("entity").floordiv(BUCKET_ENTITIES).fill_null(_NOWHERE))
        for (bucket,), part in rows.partition_by("_bucket", as_dict=True, include_key=False).items():
            listed = self._arrived.setdefault(record_type.name, {}).setdefault(int(bucket), [])
            path = self.staging / f"{record_type.name}.{bucket}.{len(listed)}.parquet"
            part.write_parquet(path, compression="lz4")
            listed.append(path)

    def _keep_queue(self, record_type: RecordType, unmatched: Sequence[pl.DataFrame]) -> None:
        table = f"unmatched/{record_type.name}"
        rows = pl.concat(unmatched, how="diagonal") if unmatched else pl.DataFrame()
        if rows.is_empty():
            self._tables.pop(table, None)
            return
        fresh = rows.filter(pl.col("delivery_no") != _FROM_QUEUE)
        for number, count in fresh.group_by("delivery_no").len().iter_rows():
            self._count(number, "unmatched", count)
        said = [name for name in rows.columns if name not in _ARRIVAL_ONLY]
        rows = rows.sort("seq").unique(said, keep="first", maintain_order=True).drop("seq", "delivery_no")
        self._tables[table] = (self._write(table, rows),)

    def _compact(self) -> None:
        connection = compaction.connect(self.lake.folder / ".temp")
        work = [(name, bucket) for name, buckets in self._arrived.items() for bucket in sorted(buckets)]
        for number, (name, bucket) in enumerate(work):
            task = compaction.Compaction(connection, self.lake.types()[name])
            self._compact_bucket(task, bucket, self._arrived[name][bucket])
            self.progress("compact", number + 1, len(work))
        connection.close()

    def _compact_bucket(self, task: compaction.Compaction, bucket: int, arrived: Sequence[Path]) -> None:
        name = task.record_type.name
        old = [file for file in self._tables.get(name, ()) if file.bucket == bucket]
        others = [file for file in self._tables.get(name, ()) if file.bucket != bucket]
        counts = task.load(self.lake.verified(old), self.lake.provenance(name), arrived)
        for counted in counts:
            self._count(counted.delivery_no, "accepted", counted.accepted)
            self._count(counted.delivery_no, "duplicate", counted.duplicate)
        schema = layout.schema(task.record_type)
        path = f"{name}/g{self._number:06d}-b{bucket + 1:04d}.parquet"
        new = write_table(self.lake.folder, path, bucket, task.next_rows(), schema)
        self._tables[name] = tuple(sorted([*others, new], key=lambda file: file.bucket or 0))
        self._keep_provenance(task, f"provenance/{name}", bucket)

    def _keep_provenance(self, task: compaction.Compaction, table: str, bucket: int) -> None:
        batches = [batch for batch in task.new_provenance() if batch.num_rows]
        if not batches:
            return
        path = f"{table}/g{self._number:06d}-b{bucket + 1:04d}.parquet"
        listed = self._tables.get(table, ())
        if len(listed) >= PROVENANCE_FILES:
            kept = pl.read_parquet(list(self.lake.verified(listed))).to_arrow(compat_level=pl.CompatLevel.oldest())
            batches = [*kept.cast(layout.ARRIVALS).to_batches(), *batches]
            listed = ()
        new = write_table(self.lake.folder, path, bucket, batches, layout.ARRIVALS)
        self._tables[table] = (*listed, new)


def _matched(
    rows: pl.DataFrame, record_type: RecordType, register: Register, parents: pl.DataFrame | None
) -> pl.DataFrame:
    if record_type.parent is not None and parents is not None:
        return matched_by_parent(rows, parents, record_type.parent.field)
    if record_type.subject == "entity":
        return register.matched(rows)
    return rows.with_columns(entity=pl.lit(None, dtype=pl.Int32), identity=pl.lit(None, dtype=pl.String))


def _parents_first(types: Mapping[str, RecordType]) -> list[RecordType]:
    """Record types with the register's first and every type after the one its rows belong to."""
    ordered: dict[str, RecordType] = {}
    waiting = sorted(types.values(), key=lambda record_type: (record_type.name != REGISTER_TYPE, record_type.name))
    while waiting:
        ready = [one for one in waiting if one.parent is None or one.parent.record_type in ordered]
        if not ready:
            raise ProfileError(f"Record types {', '.join(one.name for one in waiting)} are each other's parents.")
        ordered.update((one.name, one) for one in ready)
        waiting = [one for one in waiting if one.name not in ordered]
    return list(ordered.values())
