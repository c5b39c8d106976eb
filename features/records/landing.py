"""Sound rows landed: each finds its entity or waits in a queue, and the lake's next generation is made of them.

Every record type is landed in a task of its own (``land``) that any helper process can do.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from features.records import layout
from features.records.derivation import PARENT_EVENT, dated_by_parent
from features.records.generation import LakeFile, write_table
from features.records.knowing import RECORDED
from features.records.lake import ALIASES, REGISTER, Lake
from features.records.layout import IDENTITY_COLUMNS
from features.records.matching import Register, matched_by_parent
from features.records.runs import Filing, bucket_of, tables_of
from features.records.schema import RecordType
from features.records.site import Site
from features.records.values import MOMENT

MATCHED_ROWS = 1_000_000
ALIASES_FILES = 16
_ENTITIES, _ALIASES = "register.arrow", "aliases.arrow"
_FROM_QUEUE = -1
_QUEUE_SEQ = -(10**15)
_SIGNS = pl.Schema(
    [
        ("seq", pl.Int64()),
        ("action", pl.String()),
        *((name, pl.String()) for name in IDENTITY_COLUMNS),
        ("known_at", MOMENT),
        ("event_date", pl.Date()),
    ]
)
_ARRIVING = (
    *("entity", "identity", "item", "source", "source_record_no", "delivery", "action", "action_date"),
    *("action_reason", "mark_reason", "event_date", "known_at", "known_basis", "recorded_at", "published_date"),
    *("entered_at", "period", "visibility", "stated_end", "seq", "delivery_no"),
)
# What differs when the same row arrives twice.
_ARRIVAL_ONLY = frozenset(
    {"seq", "delivery_no", "delivery", "file", "known_at", "known_basis", "recorded_at", "period"}
)


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


def land(
    site: Mapping[str, str],
    record_type: str,
    staged: Sequence[str],
    refused: Collection[int],
    arrived: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """Land the sound rows of one record type: its files in the lake's next generation, what its rows were to the lake
    by delivery, and where they lie for the types whose rows belong to them (``arrived``, by type)."""
    at = Site.told(site)
    landing = Landing(at, at.lake.types()[record_type])
    landing.land([Path(path) for path in staged], refused, arrived)
    return {
        "counts": {str(number): counts for number, counts in landing.counts.items()},
        "rematched": landing.rematched,
        "tables": {name: [asdict(file) for file in files] for name, files in landing.tables.items()},
        "arrived": {record_type: [str(path) for listed in landing.arrived.values() for path in listed]},
    }


def keep_register(register: Register, staging: Path) -> int:
    """Put the grown register where every helper finds it (its pages in memory are shared); how many bytes it takes."""
    register.entities.write_ipc(staging / _ENTITIES)
    register.aliases.write_ipc(staging / _ALIASES)
    return sum((staging / name).stat().st_size for name in (_ENTITIES, _ALIASES))


def write_register(site: Mapping[str, str], known: int) -> dict[str, Any]:
    """Write the grown register; of its aliases those after as many that the lake has, in a file of their own."""
    at = Site.told(site)
    register, listed = _register(at), at.lake.generation.files(ALIASES)
    news = register.aliases.slice(known)
    if len(listed) >= ALIASES_FILES:
        news, listed = register.aliases, ()
    files = {REGISTER: [write_frame(at.lake, REGISTER, register.entities)], ALIASES: list(listed)}
    if news.height:
        files[ALIASES].append(write_frame(at.lake, ALIASES, news))
    tables = {name: [asdict(file) for file in written] for name, written in files.items()}
    return {"counts": {}, "rematched": 0, "tables": tables, "arrived": {}}


@lru_cache(maxsize=1)
def _register(site: Site) -> Register:
    frames = [pl.scan_ipc(site.staging / name).collect() for name in (_ENTITIES, _ALIASES)]
    return Register(frames[0], frames[1], site.profile.identity == "uscc")


def signs(site: Site, record_type: RecordType, staged: Sequence[Path], refused: Collection[int]) -> pl.DataFrame:
    """What rows of the register's type say about who is who."""
    rows = _rows(site, record_type, staged, refused)
    return pl.concat([_SIGNS.to_frame(), *(batch.select(_SIGNS.names()) for batch in rows)])


def write_frame(lake: Lake, table: str, frame: pl.DataFrame) -> LakeFile:
    """A table of the next generation that is one file."""
    rows = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    small = [(item.name, pa.string() if pa.types.is_large_string(item.type) else item.type) for item in rows.schema]
    name = f"{table}/g{lake.generation.number + 1:06d}.parquet"
    return write_table(lake.folder, name, None, rows.to_batches(), pa.schema(small))


def _rows(site: Site, record_type: RecordType, staged: Sequence[Path], refused: Collection[int]) -> "_Rows":
    queue = site.lake.verified(site.lake.generation.files(f"unmatched/{record_type.name}"))
    return _Rows(queue, staged, refused, site.recorded_at, layout.fields(record_type))


@dataclass
class Landing:
    """The landing of one record type; ``counts`` tells, by delivery, what its rows were to the lake."""

    site: Site
    record_type: RecordType
    counts: dict[int, dict[str, int]] = field(default_factory=dict)
    rematched: int = 0
    tables: dict[str, tuple[LakeFile, ...]] = field(default_factory=dict)
    arrived: dict[int, list[Path]] = field(default_factory=dict)
    rows: int = 0

    def land(self, staged: Sequence[Path], refused: Collection[int], arrived: Mapping[str, Sequence[str]]) -> None:
        """Its files in the next generation: staged rows of deliveries not refused, and what the queue has an entity
        for now."""
        for table in tables_of(self.record_type.name):
            if table in self.site.lake.generation.tables:
                self.tables[table] = self.site.lake.generation.files(table)
        self._match(_rows(self.site, self.record_type, staged, refused), _register(self.site), arrived)
        filing = Filing(self.site, self.record_type, self.tables)
        filing.take(self.arrived, self.rows)
        for counted in filing.counts:
            self._count(counted.delivery_no, "accepted", counted.accepted)
            self._count(counted.delivery_no, "duplicate", counted.duplicate)

    def _count(self, delivery_no: int, name: str, rows: int) -> None:
        counts = self.counts.setdefault(delivery_no, {})
        counts[name] = counts.get(name, 0) + rows

    def _match(self, rows: "_Rows", register: Register, arrived: Mapping[str, Sequence[str]]) -> None:
        parents = self._parents(register, arrived)
        unmatched = []
        for batch in _together(rows):
            matched = _matched(batch, self.record_type, register, parents)
            if parents is not None:
                matched = dated_by_parent(matched, self.record_type, self.site.lake.profile)
            is_matched = pl.col("entity").is_not_null() | pl.lit(self.record_type.subject == "place")
            self._arrive(matched.filter(is_matched))
            unmatched.append(matched.filter(is_matched.not_()).drop("entity", "identity"))
        self._keep_queue(unmatched)

    def _parents(self, register: Register, arrived: Mapping[str, Sequence[str]]) -> pl.DataFrame | None:
        if self.record_type.parent is None:
            return None
        name, key = self.record_type.parent.record_type, self.record_type.parent.key
        rows = [self.site.lake.stored(name).frame(), *(pl.scan_parquet(path) for path in arrived.get(name, ()))]
        columns = (pl.col(key).cast(pl.String).alias("key"), "entity", pl.col("event_date").alias(PARENT_EVENT))
        found = [one.select(columns).drop_nulls(["key", "entity"]).unique() for one in rows]
        keys = pl.concat(found).collect().group_by("key", "entity").agg(pl.col(PARENT_EVENT).max())
        return keys.join(register.entities.select("entity", "identity", "code"), on="entity", how="left")

    def _arrive(self, rows: pl.DataFrame) -> None:
        if rows.is_empty():
            return
        self.rows += rows.height
        self.rematched += rows.filter(pl.col("delivery_no") == _FROM_QUEUE).height
        columns = [*_ARRIVING, *(name for name in self.record_type.fields if name not in _ARRIVING)]
        rows = rows.select(columns).with_columns(_bucket=bucket_of(pl.col("entity")))
        for (bucket,), part in rows.partition_by("_bucket", as_dict=True, include_key=False).items():
            listed = self.arrived.setdefault(int(bucket), [])
            path = self.site.staging / f"{self.record_type.name}.{bucket}.{len(listed)}.parquet"
            part.write_parquet(path, compression="lz4")
            listed.append(path)

    def _keep_queue(self, unmatched: Sequence[pl.DataFrame]) -> None:
        table = f"unmatched/{self.record_type.name}"
        rows = pl.concat(unmatched, how="diagonal") if unmatched else pl.DataFrame()
        if rows.is_empty():
            self.tables.pop(table, None)
            return
        fresh = rows.filter(pl.col("delivery_no") != _FROM_QUEUE)
        for number, count in fresh.group_by("delivery_no").len().iter_rows():
            self._count(number, "unmatched", count)
        said = [name for name in rows.columns if name not in _ARRIVAL_ONLY]
        rows = rows.sort("seq").unique(said, keep="first", maintain_order=True).drop("seq", "delivery_no")
        self.tables[table] = (write_frame(self.site.lake, table, rows),)


def _matched(
    rows: pl.DataFrame, record_type: RecordType, register: Register, parents: pl.DataFrame | None
) -> pl.DataFrame:
    if record_type.parent is not None and parents is not None:
        return matched_by_parent(rows, parents, record_type.parent.field)
    if record_type.subject == "entity":
        return register.matched(rows)
    return rows.with_columns(entity=pl.lit(None, dtype=pl.Int32), identity=pl.lit(None, dtype=pl.String))


def _together(rows: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Batches put together until they are worth a look into the register."""
    waiting: list[pl.DataFrame] = []
    for batch in rows:
        waiting.append(batch)
        if sum(one.height for one in waiting) >= MATCHED_ROWS:
            yield pl.concat(waiting, how="diagonal")
            waiting = []
    if waiting:
        yield pl.concat(waiting, how="diagonal")
