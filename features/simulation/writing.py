"""Deliveries as sources would send them: by source and month, several formats, written block by block."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from features.asof import Month
from features.profile import Profile
from features.records.schema import RecordType
from features.simulation.rows import Rows
from features.simulation.scene import Scene
from features.simulation.streams import Ints
from features.simulation.world import Period, World, day_number

IDENTITY = ("code", "regno", "name", "region")
MARKS = ("item", "source_record_no", "action", "action_date", "action_reason")
WHEN = ("entered_at", "published_date", "visibility")
SINGLE_MONTHS = 3
EXTENSION = {"csv": "csv", "jsonl": "jsonl", "parquet": "parquet"}
CODECS = {"compression": "zstd", "write_page_checksum": True}


@dataclass(frozen=True)
class Calendar:
    """The months that deliveries are named after: a year's last but for the last three months."""

    months: tuple[Month, ...]

    @classmethod
    def of(cls, period: Period) -> "Calendar":
        """One delivery a calendar year of history, one a month for the last three."""
        last = Month.of(period.end)
        singles = [last.shift(-back) for back in range(SINGLE_MONTHS - 1, -1, -1)]
        before = singles[0].shift(-1)
        years = [Month(year, 12) for year in range(period.start.year, before.year)]
        history = [*years, before] if Month.of(period.start) <= before else []
        return cls((*history, *(month for month in singles if month >= Month.of(period.start))))

    def position(self, days: Ints) -> Ints:
        """The delivery each day of entry falls into; one past the last for days after it."""
        return np.searchsorted(np.array([day_number(month.end) for month in self.months]), days, side="left")


@dataclass
class DeliveredTable:
    """One file on its way: where it lies, how many rows it has so far, and the digest of its bytes so far."""

    path: Path
    record_type: str
    version: int
    format: str
    rows: int = 0
    digest: Any = field(default_factory=hashlib.sha256)
    writer: pq.ParquetWriter | None = None

    def append(self, frame: pl.DataFrame) -> None:
        """Write rows at the end of the file; in Parquet as one row group."""
        self.rows += len(frame)
        if self.format == "parquet":
            table = frame.to_arrow()
            self.writer = self.writer or pq.ParquetWriter(self.path, _plain(table.schema), **CODECS)
            self.writer.write_table(table.cast(_plain(table.schema)))
            return
        fresh = self.rows == len(frame)
        content = frame.write_csv(include_header=fresh) if self.format == "csv" else frame.write_ndjson()
        encoded = content.encode()
        self.digest.update(encoded)
        with self.path.open("ab") as file:
            file.write(encoded)

    def close(self) -> dict[str, Any]:
        """The file's entry in the manifest."""
        if self.writer is not None:
            self.writer.close()
            with self.path.open("rb") as file:
                self.digest = hashlib.file_digest(file, "sha256")
        return {
            "path": self.path.name,
            "record_type": self.record_type,
            "version": self.version,
            "format": self.format,
            "rows": self.rows,
            "sha256": self.digest.hexdigest(),
        }


@dataclass
class Deliveries:
    """All deliveries of a province on their way to a folder."""

    folder: Path
    profile: Profile
    world: World
    types: Mapping[str, RecordType]
    calendar: Calendar
    declared: str
    tables: dict[tuple[str, str, str], DeliveredTable] = field(default_factory=dict)
    waiting: dict[str, list[pl.DataFrame]] = field(default_factory=dict)

    def take(self, scene: Scene, made: Sequence[Rows], names: pl.Series) -> None:
        """Keep the rows of a block until the next flush, ordered by day of entry."""
        identity = pl.DataFrame({"code": scene.code, "regno": scene.regno, "name": names, "region": scene.county})
        by_type: dict[str, list[pl.DataFrame]] = {}
        for part in made:
            by_type.setdefault(part.record_type, []).append(part.frame)
        for name in sorted(by_type):
            frame = pl.concat(by_type[name], how="diagonal_relaxed")
            frame = self._ready(scene, self.types[name], frame, identity)
            self.waiting.setdefault(name, []).append(frame)

    def flush(self) -> None:
        """Write what waits, one file a source, month and record type, in the order of the blocks."""
        for name, frames in self.waiting.items():
            for (source, period, _), part in (
                pl.concat(frames)
                .partition_by("_source", "_period", "_block", as_dict=True, maintain_order=True)
                .items()
            ):
                table = self._table(str(source), int(period), name)
                table.append(part.drop("_source", "_period", "_block"))
        self.waiting.clear()

    def close(self) -> dict[str, int]:
        """Write the manifests; the number of rows written by record type."""
        self.flush()
        by_delivery: dict[tuple[str, str], list[DeliveredTable]] = {}
        for (source, month, _), table in sorted(self.tables.items()):
            by_delivery.setdefault((source, month), []).append(table)
        for (source, month), tables in by_delivery.items():
            manifest = self._manifest(source, month, tables)
            path = self.folder / source / month / "manifest.json"
            path.write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        counts: dict[str, int] = {}
        for (_, _, name), table in sorted(self.tables.items()):
            counts[name] = counts.get(name, 0) + table.rows
        return counts

    def _ready(self, scene: Scene, kind: RecordType, frame: pl.DataFrame, identity: pl.DataFrame) -> pl.DataFrame:
        """Rows as the file will hold them, with source, delivery and block beside, ordered by entry."""
        rng = scene.streams.rng(f"order {kind.name}")
        period = self.calendar.position(frame["_entered"].to_numpy())
        frame = frame.with_columns(
            _period=pl.Series(period), _lot=pl.Series(rng.random(len(frame))), _way=pl.Series(rng.random(len(frame)))
        )
        frame = frame.filter(pl.col("_period") < len(self.calendar.months)).sort("_entered", "_lot")
        known = identity[frame["_entity"].to_numpy()]
        fields = [name for name in kind.fields if name in frame.columns]
        named = _identified(frame, known, kind, self.world)
        number = next((name for name in kind.key if name.endswith("_no")), None)
        made = frame.with_columns(
            entered_at=pl.col("_entered").cast(pl.Int32).cast(pl.Date),
            source_record_no=pl.lit(None, dtype=pl.String) if number is None else pl.col(number),
        )
        out = [_as_written(made, name, kind) for name in (*MARKS, *WHEN, *kind.fields) if name not in named.columns]
        beside = [pl.col("source").alias("_source"), pl.col("_period"), pl.lit(scene.block.number).alias("_block")]
        unknown = set(frame.columns) - set(fields) - {*MARKS, *WHEN, *IDENTITY, "source"}
        assert all(name.startswith("_") for name in unknown), f"{kind.name}: {sorted(unknown)}"  # noqa: S101
        return named.hstack(made.select(*out, *beside))

    def _table(self, source: str, period: int, name: str) -> DeliveredTable:
        month = str(self.calendar.months[period])
        key = (source, month, name)
        if key not in self.tables:
            form = self.world["channels"]["formats"][source]
            folder = self.folder / source / month
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{name}.{EXTENSION[form]}"
            self.tables[key] = DeliveredTable(path, name, self.types[name].version, form)
        return self.tables[key]

    def _manifest(self, source: str, month: str, tables: Sequence[DeliveredTable]) -> dict[str, Any]:
        channels = self.world["channels"]
        return {
            "delivery": f"{source}-{month}",
            "profile": self.profile.name,
            "source": source,
            "period": month,
            "mapping": None,
            "backload": {"source": source, "approver": channels["approver"], "reason": channels["reason"]},
            "simulated": self.declared,
            "files": [table.close() for table in tables],
        }


def _identified(frame: pl.DataFrame, known: pl.DataFrame, kind: RecordType, world: World) -> pl.DataFrame:
    """How each row names its entity: mostly by code, some by the old number, some by name and division only."""
    if kind.subject == "record":
        return pl.DataFrame({name: pl.Series([None] * len(frame), dtype=pl.String) for name in IDENTITY})
    if "name" in kind.fields:
        return known.select("code", "regno").hstack(frame.select("name", "region"))
    rules, lot = world["channels"], frame["_way"]
    outside = frame["source"].is_in(rules["named_by_others"])
    by_number = (lot < rules["by_regno"]) & outside & known["code"].str.starts_with(rules["regno_of"])
    by_name = (lot > 1 - rules["by_name"]) & outside
    return known.select(
        code=pl.when(~(by_number | by_name)).then("code"),
        regno=pl.when(by_number).then("regno"),
        name=pl.when(by_name).then("name"),
        region=pl.when(by_name).then("region"),
    )


def _as_written(frame: pl.DataFrame, name: str, kind: RecordType) -> pl.Expr:
    """A column of the file; one the simulation does not fill is empty."""
    types: dict[str, Any] = {"date": pl.Date, "int": pl.Int64, "flag": pl.Int64}
    types |= dict.fromkeys(("decimal", "money", "coordinate"), pl.Float64)
    own = kind.fields.get(name)
    wanted = types.get(own.type, pl.String) if own else (pl.Date if name in {*WHEN[:2], "action_date"} else pl.String)
    if name not in frame.columns:
        return pl.lit(None, dtype=wanted).alias(name)
    column = pl.col(name).cast(wanted)
    return column.round(own.scale) if own and own.type in {"decimal", "money"} else column


def _plain(schema: pa.Schema) -> pa.Schema:
    return pa.schema(
        [
            (name, pa.string() if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) else kind)
            for name, kind in zip(schema.names, schema.types, strict=True)
        ]
    )
