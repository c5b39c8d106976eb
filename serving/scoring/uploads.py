"""What a scoring job is asked about: a file taken in as it comes; its rows are read outside the request."""

import hashlib
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from features.steps import sync_folder
from serving.http import ProblemError, strict_json
from serving.scoring.sieve import CSV, JSON, PARQUET, is_headed

LARGEST = 64 << 20  # bytes of a file
LARGEST_FOOTER = 1 << 20  # bytes in which a Parquet file of one column describes itself
MAGIC = b"PAR1"
INCOMING, KEPT = ".incoming", "upload"


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
    """Remove a body that was taken in and not kept, once its request is answered."""
    upload: Upload | None = getattr(request.state, "upload", None)
    if upload is not None:
        upload.path.unlink(missing_ok=True)


def _query(request: Request) -> bytes:
    """How the rows are to be scored belongs to what is asked."""
    return json.dumps(sorted(request.query_params.multi_items())).encode() + b"\n"


def keep(upload: Upload, folder: Path) -> None:
    """Have a body lie in a folder, on disk whatever happens next, if it begins and ends as what it says it is.

    ProblemError otherwise. Its rows are not read here: what a file says of its size may be a lie (see ``sieve``).
    """
    check = {CSV: _check_csv, PARQUET: _check_parquet, JSON: _check_json}.get(upload.media)
    if check is None:
        raise ProblemError("unsupported-media-type")
    check(upload.path)
    with upload.path.open("rb+") as file:
        os.fsync(file.fileno())
    upload.path.rename(folder / KEPT)
    sync_folder(folder)
    sync_folder(folder.parent)


def _check_csv(path: Path) -> None:
    with path.open("rb") as file:
        if not is_headed(file.readline(64)):
            raise _invalid("header")
        if not file.read(1):
            raise _invalid("no_rows")


def _check_parquet(path: Path) -> None:
    size, frame = path.stat().st_size, len(MAGIC)
    with path.open("rb") as file:
        begins = file.read(frame) == MAGIC
        file.seek(max(size - 2 * frame, 0))
        footer, ends = int.from_bytes(file.read(frame), "little"), file.read(frame) == MAGIC
    if not (begins and ends and footer <= min(size - 3 * frame, LARGEST_FOOTER)):
        raise _invalid("parquet_unreadable")


def _check_json(path: Path) -> None:
    """A body of JSON is small, so it is looked at whole."""
    stated = strict_json(path.read_bytes())
    if not isinstance(stated, dict) or list(stated) != ["entities"] or not isinstance(stated["entities"], list):
        raise _invalid("entities")
    if not stated["entities"]:
        raise _invalid("no_rows")


def _invalid(code: str) -> ProblemError:
    return ProblemError("invalid-request", [{"pointer": "", "code": code}])
