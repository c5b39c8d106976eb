"""The audit: a line before every answer that carries data; one chain a writing process, anchored in the journal."""

import contextlib
import errno
import hashlib
import hmac
import json
import logging
import os
import secrets
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import rfc8785

from features.records.journal import Journal, JournalError
from features.steps import sync_folder
from serving.http import place

LOG = logging.getLogger("jianwei.audit")
FOLDER = "audit"  # of a home
OPENED, ANCHORED, CLOSED = "audit.opened", "audit.anchored", "audit.closed"
FIRST_PREVIOUS = "0" * 64
LINES = 10_000  # between two anchors at most
PERIOD = timedelta(minutes=10)
MOST_NAMED = 100  # entities; of more a line says how many and their digest
Line = dict[str, Any]


class AuditError(Exception):
    """The audit log cannot be written: what was asked must not be answered."""


class Audit:
    """The audit log of this process: ``append`` returns when a line is with the operating system.

    A line that could not be written whole is taken away again before the next one, so the chain goes on when there is
    room again. The file is made when the first line is written.
    """

    def __init__(self, home: Path, now: Callable[[], datetime]) -> None:
        self._home = home
        self._now = now
        self._lock = threading.RLock()
        self._anchoring = threading.RLock()  # taken before the other one
        self._journal = Journal.of(home)
        self._file: int | None = None
        self._announced = False
        self._lines = self._anchored = self._asked = 0  # written; in the journal; when an anchor was last asked for
        self._anchored_at = datetime.min.replace(tzinfo=UTC)
        self._due, self._ended = threading.Event(), threading.Event()

    def append(self, told: Mapping[str, Any]) -> None:
        """Add a line to the chain; AuditError when it cannot be written, and then nothing of it is left."""
        with self._lock:
            try:
                self._write(self._open(), told)
            except (OSError, JournalError) as fault:
                LOG.log(logging.ERROR, "an audit line cannot be written: %s in %s", type(fault).__name__, place(fault))
                raise AuditError("The audit log cannot be written. Nothing was told; make room in the home.") from fault
            if self._lines - self._asked >= LINES or self._now() - self._anchored_at >= PERIOD:
                self._asked = self._lines
                self._due.set()

    def anchor(self, action: str = ANCHORED) -> None:
        """State in the journal how far the chain has come; what cannot be stated now is with the next anchor."""
        with self._anchoring:
            with self._lock:
                if self._file is None or (action == ANCHORED and self._lines == self._anchored):
                    return
                file, lines, head = self._file, self._lines, self._head
            try:
                os.fsync(file)  # takes its time: lines are written meanwhile
                self._tell_journal(action, lines, head)
            except (OSError, JournalError) as fault:
                LOG.log(logging.ERROR, "the audit cannot be anchored: %s in %s", type(fault).__name__, place(fault))

    def close(self) -> None:
        """End the chain: its last line is anchored as the last. The next line begins a chain of its own."""
        with self._anchoring, self._lock:
            self.anchor(CLOSED)
            self._ended.set()
            self._due.set()
            if self._file is not None:
                os.close(self._file)
            self._file = None

    def _open(self) -> int:
        file = self._begun() if self._file is None else self._file
        if not self._announced:
            self._tell_journal(OPENED, self._lines, self._head)
            self._announced = True
        return file

    def _begun(self) -> int:
        """A new file with its first line; what a failure leaves of it holds no line that was told."""
        folder = self._home / FOLDER
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        at = self._now().astimezone(UTC)
        self._writer = f"{at:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        path = folder / f"{self._writer}.jsonl"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._lines, self._size, self._head, self._announced = 0, 0, FIRST_PREVIOUS, False
        self._anchored, self._asked, self._anchored_at = 0, 0, at
        try:
            self._write(file, {"at": moment(at), "writer": self._writer, "process": os.getpid()})
            sync_folder(folder)
        except OSError:
            os.close(file)
            path.unlink()
            raise
        self._file = file
        self._due, self._ended = threading.Event(), threading.Event()
        keeping = threading.Thread(target=self._keep_anchored, args=(self._due, self._ended), daemon=True)
        keeping.start()
        return file

    def _write(self, file: int, told: Mapping[str, Any]) -> None:
        standing = os.fstat(file)
        if standing.st_nlink == 0:
            raise FileNotFoundError(self._writer)
        if standing.st_size != self._size:
            os.ftruncate(file, self._size)  # what a failed write left of its line
        body = {**told, "seq": self._lines + 1, "previous": self._head}
        digest = _digest(body)
        line = _written({**body, "digest": digest}) + b"\n"
        if os.write(file, line) != len(line):
            with contextlib.suppress(OSError):
                os.ftruncate(file, self._size)
            raise OSError(errno.EIO, "a line was written in part")
        self._lines, self._size, self._head = self._lines + 1, self._size + len(line), digest

    def _tell_journal(self, action: str, lines: int, head: str) -> None:
        details = {"writer": self._writer, "lines": lines, "head": head}
        self._anchored_at = self._now()  # what fails is tried again after as long
        self._journal.append(action, details, at=self._now(), actor="service")
        self._anchored = lines

    def _keep_anchored(self, due: threading.Event, ended: threading.Event) -> None:
        """Anchor when it is due, away from those who write lines and wait."""
        while not ended.is_set():
            due.wait(PERIOD.total_seconds())
            due.clear()
            if not ended.is_set():
                self.anchor()


@dataclass(frozen=True)
class Pseudonyms:
    """What entities are called in the audit and the brake: an HMAC under a key of the year."""

    home: Path

    def __call__(self, codes: Sequence[str], year: int) -> list[str]:
        """The pseudonyms of entities in a year, in order."""
        key = _yearly(self.home / "keys", year)
        return [hmac.digest(key, code.encode("utf-8", "surrogatepass"), "sha256").hex()[:32] for code in codes]


@cache
def _yearly(keys: Path, year: int) -> bytes:
    """The key of a year, made on first use (mode 0600); of several processes that make one the first counts."""
    path = keys / f"audit-{year}.key"
    if not path.is_file():
        keys.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, fresh = tempfile.mkstemp(dir=keys)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(os.urandom(32))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)
        finally:
            Path(fresh).unlink()
        sync_folder(keys)
    return path.read_bytes()


def named(pseudonyms: Sequence[str]) -> Line:
    """The entities of a line: up to a hundred by pseudonym, of more how many and the digest of all."""
    if len(pseudonyms) <= MOST_NAMED:
        return {"entities": list(pseudonyms)}
    digest = hashlib.sha256("\n".join(sorted(pseudonyms)).encode()).hexdigest()
    return {"entities": {"count": len(pseudonyms), "sha256": digest}}


def moment(at: datetime) -> str:
    """A moment as lines state it: UTC, to the millisecond."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def verify(home: Path) -> list[str]:
    """What does not hold of the audit of a home, a sentence each: every chain, and every anchor the journal has of it.

    JournalError when the journal itself does not hold. A last line without its end was never followed by an answer.
    """
    anchors: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for entry in Journal.of(home).entries():
        if entry.action in {OPENED, ANCHORED, CLOSED}:
            anchors.setdefault(entry.details["writer"], []).append((entry.action, entry.details))
    faults: list[str] = []
    files = {path.stem: path for path in sorted((home / FOLDER).glob("*.jsonl"))}
    for writer in sorted(anchors.keys() | files.keys()):
        path = files.get(writer)
        if path is None:
            faults.append(_told(home / FOLDER / f"{writer}.jsonl", "is missing, the journal knows it"))
        else:
            faults += map(partial(_told, path), _of_chain(path, anchors.get(writer, [])))
    return faults


def _told(path: Path, found: str) -> str:
    return (
        f"{path}{found if found.startswith(',') else ': ' + found}. Expected the chain of audit lines that was "
        "anchored. Nothing was changed. Restore the file from a copy and find out who wrote to it."
    )


def _of_chain(path: Path, anchors: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[str]:
    wanted = {details["lines"]: details["head"] for _, details in anchors}
    count, previous = 0, FIRST_PREVIOUS
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                break
            found = _broken(line, number, previous)
            if found is None and number in wanted and wanted[number] != json.loads(line)["digest"]:
                found = "is not the line that was anchored"
            if found is not None:
                yield f", line {number}: {found}"
                return
            count, previous = number, json.loads(line)["digest"]
    if not anchors and count > 1:
        yield "the journal does not know it"
    if wanted and count < max(wanted):
        yield f", line {count + 1}: is missing; {max(wanted)} lines were anchored"
    closed = [details["lines"] for action, details in anchors if action == CLOSED]
    if closed and count > closed[-1]:
        yield f", line {closed[-1] + 1}: was added after the chain was closed"


def _broken(line: bytes, number: int, previous: str) -> str | None:
    """What is wrong with a line by itself and after the one before it; nothing when it holds."""
    try:
        found = json.loads(line)
        if not isinstance(found, dict) or rfc8785.dumps(found) + b"\n" != line:
            return "is not a line in canonical form: it was changed"
        if found.pop("digest", None) != _digest(found):
            return "was changed: its digest is not its own"
    except (ValueError, TypeError, RecursionError):
        return "is not a line in canonical form: it was changed"
    if found.get("seq") != number or found.get("previous") != previous:
        return "does not follow the line before it: a line was removed, inserted or moved"
    return None


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(_written(body)).hexdigest()


def _written(line: Mapping[str, Any]) -> bytes:
    """The canonical form (RFC 8785) of a line; names are ASCII and no number is a fraction, so JSON sorted is that."""
    return json.dumps(line, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
