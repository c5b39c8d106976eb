"""The lake: every version of every record, read as it was known on a date."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import ibis
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from features.asof import end_of_day
from features.profile import Profile
from features.records import compaction, layout
from features.records.generation import CURRENT, Generation, LakeError, LakeFile, check_file, read_generation
from features.records.matching import ALIAS_SCHEMA, REGISTER_SCHEMA, Register
from features.records.schema import RecordType, record_types
from features.records.stored import ROW, Stored, literal, quoted, scan
from features.records.terms import check_names

REGISTER, ALIASES = "register", "aliases"
REGISTER_COLUMNS = ("entity", "code", "regno", "name", "region")
# Odd numbers of 64 bits: what a version's moment, content and marks are multiplied by before they are added up.
FACTORS = {
    "known_at": 0x9E3779B97F4A7C15,
    "digest": 0xC2B2AE3D27D4EB4F,
    "inherits": 0x165667B19E3779F9,
    "withdrawn_date": 0xD6E8FEB86659FD93,
    "repair_date": 0xA0761D6478BD642F,
    "removal_date": 0xE7037ED1A0B428DB,
}


class Lake:
    """The lake of one home, at the generation that was current when it was opened.

    A file is compared with the digest written beside it before it is first read: damage is an error that names the
    file, never other data.
    """

    def __init__(self, home: Path, profile: Profile) -> None:
        self.home = home
        self.profile = profile
        self.folder = home / "lake"
        self.generation: Generation = read_generation(self.folder / CURRENT)
        self._checked: set[str] = set()
        self._connections: dict[str, Any] = {}
        self._opened: set[tuple[str, str]] = set()

    def reopen(self) -> None:
        """Turn to the generation that is current now."""
        self.generation = read_generation(self.folder / CURRENT)
        self._connections.clear()
        self._opened.clear()

    @cached_property
    def _types(self) -> dict[str, RecordType]:
        types = record_types(self.profile)
        for record_type in types.values():
            check_names(record_type, layout.RESERVED)
        return types

    def types(self) -> dict[str, RecordType]:
        """Record types of the profile by name, whether the lake has records of them or not."""
        return self._types

    def stored(self, record_type: str) -> Stored:
        """The versions of a record type that stand, in verified files, each sorted by entity, record and version."""
        paths = self.verified(self.generation.files(record_type))
        replaced = self.verified(self.generation.files(f"replaced/{record_type}"))
        return Stored(paths, layout.schema(self.types()[record_type]), next(iter(replaced), None))

    def provenance(self, record_type: str) -> tuple[Path, ...]:
        """The verified files that list who else delivered rows of a record type, and when."""
        return self.verified(self.generation.files(f"provenance/{record_type}"))

    def verified(self, files: Iterable[LakeFile]) -> tuple[Path, ...]:
        """Paths of files after their digests were compared; LakeError names a damaged one."""
        paths = []
        for file in files:
            if file.path not in self._checked:
                check_file(self.folder, file)
                self._checked.add(file.path)
            paths.append(self.folder / file.path)
        return tuple(paths)

    def verify(self) -> int:
        """How many files hold, every byte and every page read again; LakeError names the first that does not."""
        files = [file for listed in self.generation.tables.values() for file in listed]
        for file in files:
            check_file(self.folder, file)
            try:
                rows = pq.read_table(self.folder / file.path, page_checksum_verification=True).num_rows
            except (OSError, pa.ArrowException) as fault:
                raise LakeError(f"{self.folder / file.path} cannot be read: {fault}. Restore it from a copy.") from None
            if rows != file.rows:
                raise LakeError(f"{self.folder / file.path} has {rows} rows; expected {file.rows}. Restore it.")
        return len(files)

    def as_of(
        self,
        record_type: str,
        as_of: date,
        *,
        engine: str = "polars",
        columns: Sequence[str] | None = None,
        recorded_by: datetime | None = None,
    ) -> Any:
        """An Ibis table of the records in force as known on a date, on ``polars`` or ``duckdb``.

        One row a record: withdrawn ones are not there, nor repaired ones where a repair stops their use. With
        ``recorded_by`` only what intakes up to that moment had brought counts, as when a sealed month was computed.
        """
        versions = self.versions(record_type, engine=engine, recorded_by=recorded_by)
        end = ibis.literal(end_of_day(as_of, self.profile.zone))
        is_seen = (versions.known_at < end) & (versions.superseded_at.isnull() | (versions.superseded_at >= end))
        rows = versions.filter(is_seen, versions.withdrawn_date.isnull())
        if self.profile.settings.get("repair_effect", "stop_use") == "stop_use":
            rows = rows.filter(rows.repair_date.isnull())
        return rows.select(*(columns or layout.visible_columns(self.types()[record_type])))

    def versions(self, record_type: str, *, engine: str = "polars", recorded_by: datetime | None = None) -> Any:
        """An Ibis table of every version of every record of a type."""
        found, connection = self.types()[record_type], self.connection(engine)
        if recorded_by is not None:
            return connection.create_table(
                f"{record_type}_{int(recorded_by.timestamp() * 1e6)}", self._history(found, recorded_by), overwrite=True
            )
        table = f"{record_type}_{self.generation.number}"
        if (engine, table) not in self._opened:
            self._open(table, found, engine)
            self._opened.add((engine, table))
        return connection.table(table)

    def _open(self, table: str, record_type: RecordType, engine: str) -> None:
        if engine == "duckdb":
            rows = f"SELECT * EXCLUDE ({ROW}) FROM ({self.stored(record_type.name).query()})"  # noqa: S608
            self.connection(engine).raw_sql(f"CREATE OR REPLACE VIEW {quoted(table)} AS {rows}")
            return
        self.connection(engine).create_table(table, self.stored(record_type.name).frame(), overwrite=True)

    def _history(self, record_type: RecordType, recorded_by: datetime) -> pa.Table:
        connection = compaction.connect(self.folder / ".temp")
        work = compaction.Compaction(connection, record_type)
        return work.history(self.stored(record_type.name), self.provenance(record_type.name), recorded_by)

    def connection(self, engine: str) -> Any:
        """The Ibis connection on which all tables of an engine live, so that they can be joined."""
        if engine not in self._connections:
            if engine == "polars":
                self._connections[engine] = ibis.polars.connect()
            elif engine == "duckdb":
                found = ibis.duckdb.connect()
                found.raw_sql("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
                self._connections[engine] = found
            else:
                raise ValueError(f"engine is {engine!r}; expected polars or duckdb.")
        return self._connections[engine]

    def rows(self, record_type: str, record_ids: Sequence[str]) -> pa.Table:
        """Every version of some records, by record and version."""
        versions = self.versions(record_type, engine="duckdb")
        wanted = versions.filter(versions.record_id.isin(list(record_ids)))
        return wanted.order_by("record_id", "version").to_pyarrow()

    def origins(self, record_type: str, record_ids: Sequence[str]) -> pa.Table:
        """Who delivered some records, when: one row an arrival, by record and the moment it was recorded.

        Columns: ``record_id``, ``source``, ``action``, ``digest``, ``delivery``, ``source_record_no``, ``known_at``,
        ``known_basis``, ``recorded_at``, ``period``.
        """
        kept, others = self.stored(record_type).query(), scan(self.provenance(record_type), layout.ARRIVALS)
        columns = ", ".join(layout.ARRIVALS.names)
        wanted = ", ".join(literal(record_id) for record_id in record_ids) or "NULL"
        found = compaction.connect(self.folder / ".temp").sql(
            f"SELECT * FROM (SELECT {columns} FROM ({kept}) UNION ALL {others}) WHERE record_id IN ({wanted})"  # noqa: S608
            " ORDER BY record_id, recorded_at, source, digest, delivery"
        )
        return found.to_arrow_reader(10_000).read_all().cast(layout.ARRIVALS)

    def register(self) -> pa.Table:
        """Entities by their key 0…n−1: ``entity``, ``code``, ``regno``, ``name``, ``region``."""
        return self._kept(REGISTER, REGISTER_SCHEMA, REGISTER_COLUMNS).to_arrow()

    def codes(self) -> list[str | None]:
        """The entity code of every key; null for an entity known by its old number alone."""
        found: list[str | None] = self._kept(REGISTER, REGISTER_SCHEMA, ["code"])["code"].to_list()
        return found

    def entities(self) -> Register:
        """The register of entities with every number and name they ever had."""
        entities = self._kept(REGISTER, REGISTER_SCHEMA, REGISTER_SCHEMA.names())
        aliases = self._kept(ALIASES, ALIAS_SCHEMA, ALIAS_SCHEMA.names())
        return Register(entities, aliases, self.profile.identity == "uscc")

    def _kept(self, table: str, schema: pl.Schema, columns: Sequence[str]) -> pl.DataFrame:
        paths = self.verified(self.generation.files(table))
        if not paths:
            return pl.DataFrame(schema=schema).select(columns)
        return pl.read_parquet(list(paths), columns=list(columns)).cast({name: schema[name] for name in columns})

    def export_queue(self) -> None:
        """Write the rows that found no entity where people can fetch them: ``unmatched/<record type>.csv``."""
        folder = self.home / "unmatched"
        folder.mkdir(parents=True, exist_ok=True)
        for name in self.types():
            paths = self.verified(self.generation.files(f"unmatched/{name}"))
            if paths:
                pl.read_parquet(list(paths)).write_csv(folder / f"{name}.csv", include_bom=True)
            else:
                (folder / f"{name}.csv").unlink(missing_ok=True)

    def digest(self, as_of: date, *, recorded_by: datetime | None = None) -> str:
        """A digest of every version visible as of a date, over all types, whatever order or files they lie in.

        It takes in content, marks and when each became known, not when it was recorded.
        """
        lines = []
        for name, record_type in sorted(self.types().items()):
            if not self.generation.files(name):
                continue
            rows = self.stored(name).frame()
            if recorded_by is not None:
                rows = pl.DataFrame(self._history(record_type, recorded_by)).lazy()
            count, total = _added(rows, end_of_day(as_of, self.profile.zone))
            lines.append(f"{name} {count} {total}\n" if count else "")
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def _added(rows: pl.LazyFrame, end: datetime) -> tuple[int, int]:
    """How many versions are seen before a moment, and the sum over them of a number each, modulo 2 to the 64.

    The number is that of the record and the moment, times one of content and marks; sums do not depend on any order.
    """
    numbers = {
        name: pl.col(name).to_physical().cast(pl.Int64).reinterpret(signed=False).fill_null(0) * factor
        for name, factor in FACTORS.items()
    }
    record = pl.col("record_id").str.to_integer(base=16, dtype=pl.UInt64) + numbers.pop("known_at")
    content = pl.fold(pl.lit(1, pl.UInt64), lambda total, one: total + one * 2, list(numbers.values()))
    is_seen = (pl.col("known_at") < end) & (pl.col("superseded_at").is_null() | (pl.col("superseded_at") >= end))
    found = rows.filter(is_seen).select(pl.len().alias("count"), (record * content).sum().alias("total"))
    count, total = found.collect(engine="streaming").row(0)
    return int(count), int(total or 0)
