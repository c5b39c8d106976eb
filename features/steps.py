"""Resumable steps: an output is written once beside the key of its inputs, under one lock."""

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

KEY_FILE = "step.json"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # what a disk without room says
ORPHANS_END = 100  # tenths of a second helpers of a killed run are waited for


class ResourceError(Exception):
    """Another run holds the lock, or the machine refuses memory or disk."""


def key_of(parts: Mapping[str, Any]) -> str:
    """The key of a step: SHA-256 over its named inputs, order of names irrelevant."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_done(folder: Path, inputs: Mapping[str, Any]) -> bool:
    """Whether a step's folder is complete and was made from exactly these inputs."""
    marker = folder / KEY_FILE
    return marker.is_file() and bool(json.loads(marker.read_text())["key"] == key_of(inputs))


def run(folder: Path, inputs: Mapping[str, Any], make: Callable[[Path], None]) -> bool:
    """Make a step's folder unless its inputs are unchanged; true when it was made. ``make`` writes as in ``made``."""
    if is_done(folder, inputs):
        return False
    with made(folder, inputs) as fresh:
        make(fresh)
    return True


@contextmanager
def made(folder: Path, inputs: Mapping[str, Any]) -> Iterator[Path]:
    """A fresh folder to write into, beside the target, whose place it takes whole when all went well.

    After a kill the folder is the old one, the new one, or missing and made again by the same command.
    """
    fresh = folder.with_name(f".{folder.name}.making")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    yield fresh
    write_text(
        fresh / KEY_FILE,
        json.dumps({"key": key_of(inputs), "inputs": inputs}, default=str, ensure_ascii=False),
    )
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    sync_folder(folder.parent)


def write_text(path: Path, text: str) -> None:
    """Write a file so that a kill leaves the old content or the new, never a part."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that a kill leaves the old content or the new, never a part."""
    fresh = path.with_name(f".{path.name}.writing")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def lock(home: Path, task: str) -> Iterator[None]:
    """Hold the one writer's lock of a home; ResourceError says who holds it.

    Helper processes hold it too until they end. Those of a killed run end at once: they are waited for.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("a+") as file:
        os.set_inheritable(file.fileno(), True)
        for _ in range(ORPHANS_END):
            holder = _locked(file)
            if holder is None or _is_alive(holder):
                break
            time.sleep(0.1)
        if holder is not None:
            raise ResourceError(
                f"{home} is in use: {holder}. Nothing was changed; wait until it ends and run the same command again."
            )
        file.truncate(0)
        file.write(f"{task} (process {os.getpid()})")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _locked(file: IO[str]) -> str | None:
    """None when this process has the lock now, else who holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        return file.read().strip() or "another process"
    return None


def _is_alive(holder: str) -> bool:
    """Whether the process a holder names may be there; one that names none may."""
    found = re.search(r"\(process ([0-9]+)\)$", holder)
    if found is None:
        return True
    try:
        os.kill(int(found[1]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
