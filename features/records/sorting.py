"""Deliveries sorted into sound rows and rejects: files are read one by one, rows judged many files at a time.

Deliveries are sorted in sheaves, each a task of its own (``sort``) that any helper process can do.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl

from features.profile import Profile
from features.records import columnar, docking, reading
from features.records.checks import RowFault, judge
from features.records.delivery import DeliveredFile, Delivery, DeliveryError, delivery_name, read_delivery
from features.records.layout import DELIVERY_COLUMNS
from features.records.reading import FILE_NO, LINE, RAW, Batch
from features.records.rejects import Rejects, open_rejects
from features.records.schema import RecordType
from features.records.site import Site
from features.records.terms import CONTENT_ACTIONS, Terms
from features.records.values import local_midnight
from features.steps import file_digest

POOL_ROWS = 200_000
POOLED_ROWS = 600_000  # of all types together: what waits to be judged does not grow with the number of types
LATE = timedelta(days=30)
LINES_A_FILE = 2**32
SHEAF_BYTES = 8 << 20


@dataclass
class Told:
    """What became of one delivery when it was read, with nothing but texts and numbers; why, when it was refused."""

    number: int
    name: str
    sent: int = 0
    late: int = 0
    warnings: list[str] = field(default_factory=list)
    rejects: dict[str, int] = field(default_factory=dict)
    refused: str | None = None
    problem: str | None = None
    manifest: str | None = None
    source: str | None = None
    backload: Mapping[str, str] | None = None
    period: str | None = None
    rejects_by_type: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Due:
    """A delivery to be read: its place among those delivered, the number of its first file, its name and bytes."""

    number: int
    folder: Path
    first_file: int
    name: str
    bytes: int


def due(folders: Iterable[Path], profile: Profile, types: Mapping[str, RecordType]) -> list[Due]:
    """The deliveries as their manifests describe them; one that cannot be read is refused when it is its turn."""
    found: list[Due] = []
    files = 0
    for number, folder in enumerate(folders):
        try:
            delivery = read_delivery(folder, profile, types)
            size = sum(file.path.stat().st_size for file in delivery.files)
            found.append(Due(number, folder.absolute(), files, delivery.name, size))
            files += len(delivery.files)
        except (DeliveryError, OSError):
            found.append(Due(number, folder.absolute(), files, delivery_name(folder), 0))
    return found


def sheaves(deliveries: Iterable[Due]) -> list[list[Due]]:
    """Deliveries in order, some together until they are worth a task; those of one name stay together."""
    by_name: dict[str, list[Due]] = {}
    for one in deliveries:
        by_name.setdefault(one.name, []).append(one)
    found: list[list[Due]] = []
    for together in by_name.values():
        if found and sum(one.bytes for one in found[-1]) < SHEAF_BYTES:
            found[-1] += together
        else:
            found.append(list(together))
    return found


def sort(site: Mapping[str, str], sheaf: str, deliveries: Sequence[tuple[int, str, int]]) -> dict[str, Any]:
    """Sort a sheaf of deliveries (number, folder, number of the first file): what became of each, and where their
    sound rows lie by record type."""
    at = Site.told(site)
    sorting = Sorting(at, at.lake.types(), sheaf)
    found = [sorting.take(number, Path(folder), first) for number, folder, first in deliveries]
    sorting.finish(found)
    staged = {name: [str(path) for path in paths] for name, paths in sorting.staged.items()}
    return {"told": [asdict(one.told()) for one in found], "staged": staged}


@dataclass
class Sorted:
    """What became of one delivery so far: rows found, rejects, late rows, warnings; or why it was refused."""

    number: int
    name: str
    delivery: Delivery | None = None
    rejects: Rejects | None = None
    sent: int = 0
    late: int = 0
    sound: int = 0
    warnings: list[str] = field(default_factory=list)
    refusal: DeliveryError | None = None

    def told(self) -> Told:
        """It as told to others."""
        told = Told(self.number, self.name, warnings=self.warnings)
        if self.delivery is not None:
            told.manifest, told.source, told.backload = (
                self.delivery.digest,
                self.delivery.source,
                self.delivery.backload,
            )
            told.period = self.delivery.period
        if self.refusal is not None:
            told.refused, told.problem = self.refusal.code, str(self.refusal)
            return told
        told.sent, told.late = self.sent, self.late
        counts, by_type = (self.rejects.counts, self.rejects.by_type) if self.rejects else ({}, {})
        told.rejects = dict(sorted(counts.items()))
        told.rejects_by_type = {name: dict(sorted(codes.items())) for name, codes in sorted(by_type.items())}
        return told


@dataclass(frozen=True)
class _Opened:
    """A file under work: whose it is and how its rows are read."""

    number: int
    owner: Sorted
    file: DeliveredFile
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Sorting:
    """Sorts a sheaf of deliveries into a staging folder; ``staged`` lists, by record type, files of sound rows."""

    site: Site
    types: Mapping[str, RecordType]
    sheaf: str
    staged: dict[str, list[Path]] = field(default_factory=dict)
    _pools: dict[tuple[str, str | None, bool], list[pl.DataFrame]] = field(default_factory=dict)
    _waiting: dict[tuple[str, str | None, bool], int] = field(default_factory=dict)
    _terms: dict[tuple[str, str | None, bool], Terms] = field(default_factory=dict)
    _opened: dict[int, _Opened] = field(default_factory=dict)
    _rejects: list[Path] = field(default_factory=list)

    def take(self, number: int, folder: Path, first_file: int) -> Sorted:
        """A delivery read whole; its rows are judged when enough of their kind have come together."""
        found = Sorted(number, delivery_name(folder))
        try:
            found.delivery = read_delivery(folder, self.site.profile, self.types)
            found.name = found.delivery.name
            found.rejects = open_rejects(self.site.home, found.delivery, self._rejects)
            self._rejects.append(found.rejects.folder)
            found.warnings += [f"{path}: not in the manifest, not read" for path in found.delivery.unlisted()]
            found.warnings += [f"manifest.json: {name} means nothing, not used" for name in found.delivery.not_used]
            for file_no, file in enumerate(found.delivery.files, start=first_file):
                self._read(found, file, file_no)
        except DeliveryError as refusal:
            found.refusal = refusal
            found.sent = 0
        return found

    def finish(self, deliveries: Sequence[Sorted]) -> None:
        """Judge what is still waiting; what was written of refused deliveries goes."""
        for key in list(self._pools):
            self._flush(key)
        for found in deliveries:
            if found.rejects is not None and found.refusal is not None:
                found.rejects.discard()
            elif found.rejects is not None:
                found.rejects.finish()

    def _read(self, owner: Sorted, file: DeliveredFile, file_no: int) -> None:
        fault, columns, batches = self._batches(file, owner)
        opened = _Opened(file_no, owner, file, columns)
        self._opened[opened.number] = opened
        rows = 0
        for batch in batches:
            rows += batch.frame.height + len(batch.broken)
            if fault is not None:
                self._reject_all(opened, batch, *fault)
            else:
                self._pool(opened, batch)
        owner.sent += rows
        if file.rows is not None and rows != file.rows:
            owner.warnings.append(f"{file.name}: {rows} rows found, {file.rows} in the manifest")

    def _batches(
        self, file: DeliveredFile, owner: Sorted
    ) -> tuple[tuple[str, str | None] | None, tuple[str, ...], Iterator[Batch]]:
        if file.format == "parquet":
            parquet = columnar.open_parquet(file)
            columns = columnar.parquet_columns(parquet)
            nested = columnar.nested_column(parquet)
            fault = ("column_type", nested) if nested else self._header_fault(file, columns, owner)
            return fault, columns, columnar.parquet_batches(file, parquet, as_shown=fault is not None)
        is_whole = file.sha256 is None or file_digest(file.path) == file.sha256
        if not is_whole:
            owner.warnings.append(f"{file.name}: its SHA-256 is not the one in the manifest; rows were judged singly")
        if file.format == "jsonl":
            known = (
                None
                if file.mapping
                else Terms(self.site.profile, self.types[file.record_type], self.site.recorded_at).accepted
            )
            return None, (), reading.json_batches(file, known)
        columns = reading.csv_header(file)
        fault = self._header_fault(file, columns, owner)
        if fault is not None:
            return fault, columns, reading.raw_batches(file)
        return None, columns, reading.csv_batches(file, columns, is_whole)

    def _header_fault(
        self, file: DeliveredFile, columns: tuple[str, ...], owner: Sorted
    ) -> tuple[str, str | None] | None:
        if not any(columns):
            return "header_missing", None
        if len(columns) == 1 and set(columns[0]) & set(";\t|,"):
            return "delimiter_other", None
        repeated = [name for name in columns if columns.count(name) > 1]
        if repeated:
            return "header_duplicate", repeated[0]
        accepted = Terms(self.site.profile, self.types[file.record_type], self.site.recorded_at).accepted
        if file.mapping is not None:
            owner.warnings.extend(f"{file.name}: {said}" for said in docking.unmatched(columns, file.mapping, accepted))
            return None
        unknown = [name for name in columns if name not in accepted]
        return ("column_unknown", unknown[0]) if unknown else None

    def _reject_all(self, opened: _Opened, batch: Batch, code: str, name: str | None) -> None:
        is_shown = opened.file.format == "parquet"
        rows = [
            RowFault(opened.number, line, ((code, name),), raw, json.loads(raw) if is_shown else {})
            for line, raw in batch.frame.select(LINE, RAW).iter_rows()
        ]
        rows += [RowFault(opened.number, row.line, ((code, name),), row.raw, {}) for row in batch.broken]
        _rejects_of(opened).add(opened.file, opened.columns, rows)

    def _pool(self, opened: _Opened, batch: Batch) -> None:
        broken = [RowFault(opened.number, row.line, ((row.code, row.field),), row.raw, {}) for row in batch.broken]
        _rejects_of(opened).add(opened.file, self._written(opened), broken)
        if batch.frame.is_empty():
            return
        delivery, file = opened.owner.delivery, opened.file
        is_backload = delivery is not None and delivery.backload is not None
        key = (file.record_type, file.mapping.name if file.mapping else None, is_backload)
        terms = self._terms.setdefault(
            key,
            Terms(self.site.profile, self.types[file.record_type], self.site.recorded_at, is_backload, file.mapping),
        )
        frame = batch.frame
        if file.mapping is not None:
            frame = docking.in_our_terms(frame, file.mapping, terms.accepted)
        pool = self._pools.setdefault(key, [])
        pool.append(frame.with_columns(pl.lit(opened.number, dtype=pl.Int32).alias(FILE_NO)))
        self._waiting[key] = self._waiting.get(key, 0) + frame.height
        if self._waiting[key] >= POOL_ROWS:
            self._flush(key)
        elif sum(self._waiting.values()) >= POOLED_ROWS:
            self._flush(max(self._waiting, key=lambda waiting: self._waiting[waiting]))

    def _flush(self, key: tuple[str, str | None, bool]) -> None:
        self._waiting.pop(key)
        pool = pl.concat(self._pools.pop(key), how="diagonal")
        terms = self._terms[key]
        judged = judge(pool, terms)
        by_file: dict[int, list[RowFault]] = {}
        for row in judged.faulty:
            by_file.setdefault(row.file_no, []).append(row)
        for number, rows in by_file.items():
            opened = self._opened[number]
            _rejects_of(opened).add(opened.file, self._written(opened), rows)
        self._stage(judged.sound, terms)

    def _written(self, opened: _Opened) -> tuple[str, ...]:
        if opened.file.format != "parquet":
            return opened.columns
        fields = self.types[opened.file.record_type].fields
        return (*DELIVERY_COLUMNS, *(name for name in fields if name not in DELIVERY_COLUMNS))

    def _stage(self, sound: pl.DataFrame, terms: Terms) -> None:
        if sound.is_empty():
            return
        record_type = terms.record_type
        numbers = sound[FILE_NO].unique().to_list()
        origins = pl.DataFrame([_origin(self._opened[number]) for number in numbers], schema=_ORIGIN, orient="row")
        end = pl.col(record_type.state.end) if record_type.state else pl.lit(None, dtype=pl.Date)
        rows = sound.join(origins, on=FILE_NO, how="left", maintain_order="left").with_columns(
            event_date=pl.col(record_type.event_date),
            stated_end=end,
            recorded_at=pl.lit(self.site.recorded_at, dtype=pl.Datetime("us", "UTC")),
            seq=pl.col(FILE_NO).cast(pl.Int64) * LINES_A_FILE + pl.col(LINE),
        )
        self._count(rows, terms)
        listed = self.staged.setdefault(record_type.name, [])
        path = self.site.staging / f"{record_type.name}-{self.sheaf}-{len(listed)}.arrow"
        rows.drop(FILE_NO, LINE).write_ipc(path, compression="lz4")
        listed.append(path)

    def _count(self, rows: pl.DataFrame, terms: Terms) -> None:
        begun = local_midnight(rows["event_date"], terms.profile.zone)
        is_late = pl.col("action").is_in(list(CONTENT_ACTIONS)) & (pl.col("known_at") - pl.col("begun") > LATE)
        counts = rows.with_columns(begun=begun).group_by("delivery_no").agg(pl.len(), late=is_late.sum())
        owners = {opened.owner.number: opened.owner for opened in self._opened.values()}
        for number, sound, late in counts.iter_rows():
            owners[number].sound += sound
            owners[number].late += late


_ORIGIN = {
    FILE_NO: pl.Int32,
    "delivery_no": pl.Int32,
    "delivery": pl.String,
    "source": pl.String,
    "period": pl.String,
    "file": pl.String,
}


def _origin(opened: _Opened) -> tuple[Any, ...]:
    delivery = opened.owner.delivery
    if delivery is None:
        raise AssertionError("a file is opened only after its manifest was read")
    return opened.number, opened.owner.number, delivery.name, delivery.source, delivery.period, opened.file.name


def _rejects_of(opened: _Opened) -> Rejects:
    if opened.owner.rejects is None:
        raise AssertionError("a file is opened only after its manifest was read")
    return opened.owner.rejects
