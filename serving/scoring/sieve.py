"""The rows of an upload, sorted in a throw-away process: what a file says of its own size may be a lie.

A small file can open into gigabytes, or hang or end the parser that reads it. So a process with little memory and time
reads it, which holds neither a key nor the store; only its counts and the files it wrote come back.
"""

import contextlib
import csv
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

MOST_ROWS = 1_000_000
LARGEST_OPENED = 256 << 20  # bytes a Parquet file says it has when opened: a million codes have a quarter of that
LONGEST_LINE = 1024  # bytes of a CSV; no code has as many
CSV, PARQUET, JSON = "text/csv", "application/vnd.apache.parquet", "application/json"
ROWS, REJECTS = "rows.parquet", "rejects.csv"
HEADERS = frozenset({b"entity", b'"entity"'})
BLOCK = 50_000
BATCH = 10_000  # rows of a Parquet file opened at a time
ENTITY = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:-]{0,63}")
SCHEMA = pa.schema([("line", pa.int32()), ("entity", pa.string())])
MEMORY = 3 << 29  # bytes of address space: a million codes take up to 0.9 GB of it
SECONDS, PATIENCE = 120, 600.0  # of the processor, and in all, for the machine may be busy
LARGEST_WRITTEN = 256 << 20
LOOK = 0.5  # seconds between two looks at the process
LARGEST_ANSWER = 1_000  # bytes
ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from serving.scoring.sieve import main; main()"
ALONE = {"OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
TOO_LARGE, UNREADABLE, TOO_MANY = "too_large", "unreadable", "too_many_rows"
Row = tuple[int, str | None]  # the line, and the entity's code (null: it cannot be one)


class RefusedError(Exception):
    """A file no job can be made of, by a code."""


def sort(path: Path, media: str, folder: Path, goes_on: Callable[[], None]) -> tuple[int, int]:
    """How many rows a file has that name an entity, and how many that do not; both are written into a folder.

    RefusedError when it is not what it says it is, has too many rows, or takes more than such a file may. ``goes_on``
    is called meanwhile, and may raise.
    """
    process = subprocess.Popen(  # noqa: S603 - this interpreter, on our own module
        [sys.executable, "-I", "-c", PROGRAM, str(ROOT), str(path), media, str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=ALONE,  # nothing of this process's: it may hold the store's password
    )
    with process:
        try:
            _awaited(process, goes_on)
        finally:
            process.kill()
        answer = process.stdout.read(LARGEST_ANSWER) if process.stdout is not None else b""
    if process.returncode == -signal.SIGXCPU:
        raise RefusedError(TOO_LARGE)
    if process.returncode != 0 or not answer:
        raise RefusedError(UNREADABLE)
    stated = json.loads(answer)
    if "fault" in stated:
        raise RefusedError(stated["fault"])
    return int(stated["rows"]), int(stated["rejected"])


def _awaited(process: "subprocess.Popen[bytes]", goes_on: Callable[[], None]) -> None:
    until = time.monotonic() + PATIENCE
    while process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LOOK)
            break
        goes_on()
        if time.monotonic() > until:
            raise RefusedError(TOO_LARGE)


def main() -> None:
    """Sort the file the arguments name into a folder, and say on standard output what was found in it."""
    path, media, folder = sys.argv[2:]
    bounded()
    os.write(1, json.dumps(judged(Path(path), media, Path(folder))).encode())
    os._exit(0)  # nothing is left to tidy


def bounded() -> None:
    """Bound what this process may take, and leave no picture of its memory behind."""
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: SECONDS,
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_FSIZE: LARGEST_WRITTEN,
    }
    for kind, most in limits.items():
        _, hard = resource.getrlimit(kind)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (least, least))


def judged(path: Path, media: str, folder: Path) -> Mapping[str, int | str]:
    """How many rows of a file name an entity (``rows``) and how many do not (``rejected``), or its ``fault``."""
    try:
        taken, rejected = _sorted(path, media, folder)
    except RefusedError as fault:
        return {"fault": str(fault)}
    except MemoryError:
        return {"fault": TOO_LARGE}
    return {"rows": taken, "rejected": rejected}


def _sorted(path: Path, media: str, folder: Path) -> tuple[int, int]:
    reader = {CSV: _csv, PARQUET: _parquet, JSON: _json}[media]
    taken, rejected = 0, 0
    with (
        pq.ParquetWriter(folder / ROWS, SCHEMA, compression="zstd", write_page_checksum=True) as rows,
        (folder / REJECTS).open("w", encoding="utf-8-sig", newline="") as file,
    ):
        rejects = csv.writer(file)
        rejects.writerow(["line", "code"])
        for block in _blocks(reader(path)):
            sound = [(line, entity) for line, entity in block if entity is not None and ENTITY.fullmatch(entity)]
            lines = [line for line, _ in sound]
            rows.write_table(pa.table([lines, [entity for _, entity in sound]], schema=SCHEMA))
            kept = set(lines)
            rejects.writerows((line, _code(entity)) for line, entity in block if line not in kept)
            taken, rejected = taken + len(sound), rejected + len(block) - len(sound)
            if taken + rejected > MOST_ROWS:
                raise RefusedError(TOO_MANY)
    if taken + rejected == 0:
        raise RefusedError("no_rows")
    return taken, rejected


def _code(entity: str | None) -> str:
    return "unreadable" if entity is None else "entity_missing" if not entity else "entity_malformed"


def _blocks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    block: list[Row] = []
    for row in rows:
        block.append(row)
        if len(block) == BLOCK:
            yield block
            block = []
    if block:
        yield block


def is_headed(first: bytes) -> bool:
    """Whether the first line of a CSV is the header ``entity``."""
    return first.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n") in HEADERS


def _csv(path: Path) -> Iterator[Row]:
    """The rows after the header ``entity``; a line is a row, for a code holds no line end."""
    with path.open("rb") as file:
        if not is_headed(file.readline(64)):
            raise RefusedError("header")
        for line, raw in enumerate(_lines(file), 2):
            try:
                text = raw.decode("utf-8").strip()
            except UnicodeDecodeError:
                yield line, None
                continue
            quoted = len(text) > 1 and text[0] == text[-1] == '"'
            yield line, text[1:-1] if quoted else text


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file; of one that is too long to be a row only its first byte, which is enough to reject it."""
    while raw := file.readline(LONGEST_LINE):
        if len(raw) < LONGEST_LINE or raw.endswith(b"\n"):
            yield raw
            continue
        while (more := file.readline(LONGEST_LINE)) and not more.endswith(b"\n"):
            pass
        yield b"?"


def _parquet(path: Path) -> Iterator[Row]:
    """The rows of the one column ``entity``, so few at a time that what is opened stays small."""
    number = 0
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            stated = _checked(file)
            for batch in file.iter_batches(BATCH, use_threads=False):
                for text in batch.column(0).to_pylist():
                    number += 1
                    yield number, text or ""
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, ValueError):
        raise RefusedError("parquet_unreadable") from None
    if number != stated:
        raise RefusedError("parquet_unreadable")


def _checked(file: pq.ParquetFile) -> int:
    """How many rows a Parquet file says it has; RefusedError when it says it is none a job can be made of."""
    schema, metadata = file.schema_arrow, file.metadata
    kind = schema.field(0).type if schema.names == ["entity"] else pa.null()
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise RefusedError("columns")
    if metadata.num_rows > MOST_ROWS:
        raise RefusedError(TOO_MANY)
    if sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups)) > LARGEST_OPENED:
        raise RefusedError(TOO_LARGE)
    return int(metadata.num_rows)


def _json(path: Path) -> Iterator[Row]:
    """The members of ``entities``; that there is such a list, and nothing else, was seen when it was taken in."""
    for line, value in enumerate(json.loads(path.read_bytes())["entities"], 1):
        yield line, value if isinstance(value, str) else None
