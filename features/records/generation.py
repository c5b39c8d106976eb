"""Generations of the lake: which files make it up, each with its digest; one file names the current one."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.records.journal import JournalError
from features.steps import file_digest, write_text

CURRENT = "current.json"
NEXT = "next.json"
ROW_GROUP = 131_072


class LakeError(JournalError):
    """A file of the lake is missing or is not what was written."""


@dataclass(frozen=True)
class LakeFile:
    """One Parquet file: its place in the lake, the bucket of entities it holds, and what was written."""

    path: str
    bucket: int | None
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Generation:
    """The files of every table of the lake at one moment; a new intake makes the next generation."""

    number: int = 0
    tables: Mapping[str, tuple[LakeFile, ...]] = field(default_factory=dict)

    def files(self, table: str) -> tuple[LakeFile, ...]:
        """The files of a table, in the order of their buckets."""
        return self.tables.get(table, ())

    def paths(self) -> set[str]:
        """Every file it consists of."""
        return {file.path for files in self.tables.values() for file in files}

    def text(self) -> str:
        """Its canonical text; the journal keeps the digest of it."""
        tables = {name: [asdict(file) for file in files] for name, files in sorted(self.tables.items()) if files}
        return json.dumps({"generation": self.number, "tables": tables}, sort_keys=True, indent=1) + "\n"


def read_generation(path: Path) -> Generation:
    """The generation a file describes, or the empty one when there is no file; LakeError when it is damaged."""
    if not path.is_file():
        return Generation()
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        tables = {name: tuple(LakeFile(**file) for file in files) for name, files in found["tables"].items()}
        return Generation(int(found["generation"]), tables)
    except (ValueError, KeyError, TypeError) as fault:
        raise LakeError(
            f"{path}: {fault!r}; expected the list of the lake's files. Nothing was read. Restore the lake from a copy."
        ) from None


def write_next(lake: Path, generation: Generation) -> None:
    """Write the list of the next generation; it counts once the journal names it."""
    write_text(lake / NEXT, generation.text())


def make_current(lake: Path) -> None:
    """Let the written next generation take the current one's place, and remove files that neither needs.

    Files of the generation before stay until the one after: who opened it may go on reading.
    """
    before, now = read_generation(lake / CURRENT), read_generation(lake / NEXT)
    (lake / NEXT).replace(lake / CURRENT)
    needed = before.paths() | now.paths()
    for path in lake.glob("*/**/*.parquet"):
        if str(path.relative_to(lake)) not in needed:
            path.unlink()


def write_table(
    lake: Path, name: str, bucket: int | None, batches: Iterable[pa.RecordBatch], schema: pa.Schema
) -> LakeFile:
    """The file written from record batches of a schema: zstd, page checksums, on disk when this returns."""
    path = lake / name
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = 0
    with path.open("wb") as sink:
        with pq.ParquetWriter(sink, schema, compression="zstd", write_page_checksum=True) as writer:
            for batch in batches:
                writer.write_table(pa.Table.from_batches([batch]).cast(schema), row_group_size=ROW_GROUP)
                rows += batch.num_rows
        sink.flush()
        os.fsync(sink.fileno())
    return LakeFile(name, bucket, rows, path.stat().st_size, file_digest(path))


def check_file(lake: Path, file: LakeFile) -> None:
    """Nothing when a file is byte for byte what was written; LakeError names it otherwise."""
    path = lake / file.path
    if not path.is_file():
        raise LakeError(f"{path} is missing. Nothing was read from it. Restore the lake from a copy.")
    if path.stat().st_size != file.bytes or file_digest(path) != file.sha256:
        raise LakeError(
            f"{path} is damaged: its SHA-256 is not the one written ({file.sha256[:16]}…). Nothing was read from it. "
            "Restore the file from a copy, or the whole lake by delivering again."
        )
