"""What a scoring job is asked about: a file of entities; a row that cannot be read is listed, never lost."""

import csv
import hashlib
import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from serving.http import ProblemError, strict_json

MOST_ROWS = 1_000_000
LARGEST = 64 << 20  # bytes of a file
LARGEST_OPENED = 512 << 20  # … of a Parquet file when it is opened
CSV, PARQUET, JSON = "text/csv", "application/vnd.apache.parquet", "application/json"
ROWS, REJECTS = "rows.parquet", "rejects.csv"
INCOMING = ".incoming"
BLOCK = 50_000
ENTITY = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:-]{0,63}")
SCHEMA = pa.schema([("line", pa.int32()), ("entity", pa.string())])
Row = tuple[int, str | None]  # the line, and the entity's code (null: it cannot be one)


@dataclass(frozen=True)
class Upload:
    """A body on disk, and what the request says it is."""

    path: Path
    media: str


def receive(jobs: Callable[[], Path]) -> Callable[[Request], Any]:
    """Takes a body in as it comes, into a folder of the jobs', and says its digest."""

    async def received(request: Request) -> str:
        folder = jobs() / INCOMING
        path = folder / secrets.token_hex(13)
        digest, size = hashlib.sha256(_query(request)), 0
        await run_in_threadpool(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        request.state.upload = Upload(path, request.headers.get("content-type", "").partition(";")[0].strip().lower())
        with path.open("wb") as file:
            async for chunk in request.stream():
                size += len(chunk)
                if size > LARGEST:
                    raise ProblemError("too-large")
                digest.update(chunk)
                await run_in_threadpool(file.write, chunk)
        return digest.hexdigest()

    return received


def drop(request: Request) -> None:
    """Remove a body that was taken in, once its request is answered."""
    upload: Upload | None = getattr(request.state, "upload", None)
    if upload is not None:
        upload.path.unlink(missing_ok=True)


def _query(request: Request) -> bytes:
    """How the rows are to be scored belongs to what is asked."""
    return json.dumps(sorted(request.query_params.multi_items())).encode() + b"\n"


def sort(upload: Upload, folder: Path) -> tuple[int, int]:
    """How many rows a body has that name an entity, and how many that do not; both are written into a folder.

    ProblemError when the body is not what it says it is, or has more rows than a job may have.
    """
    reader = {CSV: _csv, PARQUET: _parquet, JSON: _json}.get(upload.media)
    if reader is None:
        raise ProblemError("unsupported-media-type")
    taken, rejected = 0, 0
    with (
        pq.ParquetWriter(folder / ROWS, SCHEMA, compression="zstd", write_page_checksum=True) as rows,
        (folder / REJECTS).open("w", encoding="utf-8-sig", newline="") as file,
    ):
        rejects = csv.writer(file)
        rejects.writerow(["line", "code"])
        for block in _blocks(reader(upload.path)):
            sound = [(line, entity) for line, entity in block if entity is not None and ENTITY.fullmatch(entity)]
            lines = [line for line, _ in sound]
            rows.write_table(pa.table([lines, [entity for _, entity in sound]], schema=SCHEMA))
            kept = set(lines)
            rejects.writerows((line, _code(entity)) for line, entity in block if line not in kept)
            taken, rejected = taken + len(sound), rejected + len(block) - len(sound)
            if taken + rejected > MOST_ROWS:
                raise _invalid("too_many_rows", most=str(MOST_ROWS))
    if taken + rejected == 0:
        raise _invalid("no_rows")
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


def _csv(path: Path) -> Iterator[Row]:
    """The rows after the header ``entity``; a line is a row, for a code holds no line end."""
    with path.open("rb") as file:
        if file.readline(64).removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n") not in {b"entity", b'"entity"'}:
            raise _invalid("header")
        for line, raw in enumerate(file, 2):
            try:
                text = raw.decode("utf-8").strip()
            except UnicodeDecodeError:
                yield line, None
                continue
            quoted = len(text) > 1 and text[0] == text[-1] == '"'
            yield line, text[1:-1] if quoted else text


def _parquet(path: Path) -> Iterator[Row]:
    """The rows of the one column ``entity``; a text that many rows share is opened once."""
    try:
        with pq.ParquetFile(path, read_dictionary=["entity"], page_checksum_verification=True) as file:
            _check_parquet(file)
            number = 0
            for batch in file.iter_batches(BLOCK):
                texts, indices = batch.column(0).dictionary.to_pylist(), batch.column(0).indices.to_pylist()
                for index in indices:  # a long text that many rows share stays one text
                    number += 1
                    yield number, "" if index is None else texts[index] or ""
    except (pa.ArrowException, OSError, ValueError):
        raise _invalid("parquet_unreadable") from None


def _check_parquet(file: pq.ParquetFile) -> None:
    schema, metadata = file.schema_arrow, file.metadata
    kind = schema.field(0).type if schema.names == ["entity"] else pa.null()
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise _invalid("columns")
    if metadata.num_rows > MOST_ROWS:
        raise _invalid("too_many_rows", found=str(metadata.num_rows), most=str(MOST_ROWS))
    if sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups)) > LARGEST_OPENED:
        raise ProblemError("too-large")


def _json(path: Path) -> Iterator[Row]:
    stated = strict_json(path.read_bytes())
    if not isinstance(stated, dict) or list(stated) != ["entities"] or not isinstance(stated["entities"], list):
        raise _invalid("entities")
    for line, value in enumerate(stated["entities"], 1):
        yield line, value if isinstance(value, str) else None


def _invalid(code: str, **counts: str) -> ProblemError:
    return ProblemError("invalid-request", [{"pointer": "", "code": code, **counts}])
