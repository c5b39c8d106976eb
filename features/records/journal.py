"""The journal: an append-only, hash-chained line for every write and every decision."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import rfc8785

from features.steps import sync_folder

FILE = "journal.jsonl"  # of a home
FIRST_PREVIOUS = "0" * 64
_BLOCK = 1 << 16
_NAMES = frozenset({"seq", "at", "actor", "action", "details", "previous", "digest"})


class JournalError(Exception):
    """The journal, or data it vouches for, is not what was written."""


@dataclass(frozen=True)
class Entry:
    """One line: what was done when by whom, and the digests that chain it to the line before."""

    seq: int
    at: datetime
    actor: str
    action: str
    details: Mapping[str, Any]
    previous: str
    digest: str


@dataclass(frozen=True)
class Standing:
    """What a verification found: entries, the digest of the last one, and whether a cut-off line follows it."""

    entries: int
    head: str
    torn: bool


class Journal:
    """The journal kept in one file of canonical JSON lines (RFC 8785).

    A line that a crash cut off (no newline at its end) was never confirmed to anyone: it counts as not written, and
    the next append removes it. Everything before it stays as it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, home: Path) -> "Journal":
        """The journal of a home."""
        return cls(home / FILE)

    def append(self, action: str, details: Mapping[str, Any], *, at: datetime, actor: str) -> Entry:
        """The entry added at the end, on disk when this returns; JournalError when the last line is damaged."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not self.path.exists()
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _drop_torn_line(file)
            last = self._last(file)
            entry = _entry(last, action, details, at.astimezone(UTC), actor)
            file.write(_line(entry))
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            sync_folder(self.path.parent)
        return entry

    def entries(self, action: str | None = None) -> Iterator[Entry]:
        """Every complete entry in order, or those of one action; each is checked against the one before it."""
        for _, entry in self._read():
            if action is None or entry.action == action:
                yield entry

    def last(self, action: str) -> Entry | None:
        """The newest entry of an action, or null."""
        newest = None
        for entry in self.entries(action):
            newest = entry
        return newest

    def verify(self) -> Standing:
        """How many entries hold, checked from the first; JournalError names the first line that does not."""
        count, head = 0, FIRST_PREVIOUS
        for _, entry in self._read():
            count, head = count + 1, entry.digest
        return Standing(count, head, self._is_torn())

    def _read(self) -> Iterator[tuple[int, Entry]]:
        if not self.path.exists():
            return
        previous = FIRST_PREVIOUS
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    return
                entry = self._checked(line, number, previous)
                yield number, entry
                previous = entry.digest

    def _checked(self, line: bytes, number: int, previous: str) -> Entry:
        entry = _parsed(line)
        if entry is None:
            raise self._damage(number, "is not an entry in canonical form whose digest is its own")
        if entry.seq != number or entry.previous != previous:
            raise self._damage(number, "does not follow the line before it: a line was removed, added, moved or edited")
        return entry

    def _damage(self, number: int, found: str) -> JournalError:
        return JournalError(
            f"{self.path}, line {number}: {found}. Expected the chain of digests to hold. Lines before it hold, "
            "nothing was changed. Restore the file from a copy and find out who wrote to it."
        )

    def _last(self, file: IO[bytes]) -> Entry | None:
        line = _last_line(file)
        if not line:
            return None
        entry = _parsed(line)
        if entry is None:
            raise JournalError(
                f"{self.path}: the last line is not an entry in canonical form whose digest is its own. "
                "Nothing was added. Restore the file from a copy and find out who wrote to it."
            )
        return entry

    def _is_torn(self) -> bool:
        if not self.path.exists() or self.path.stat().st_size == 0:
            return False
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"


def _entry(last: Entry | None, action: str, details: Mapping[str, Any], at: datetime, actor: str) -> Entry:
    seq, previous = (last.seq + 1, last.digest) if last else (1, FIRST_PREVIOUS)
    return Entry(seq, at, actor, action, details, previous, _digest(_body(seq, at, actor, action, details, previous)))


def _body(seq: int, at: datetime, actor: str, action: str, details: Mapping[str, Any], previous: str) -> dict[str, Any]:
    return {
        "seq": seq,
        "at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "actor": actor,
        "action": action,
        "details": dict(details),
        "previous": previous,
    }


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(rfc8785.dumps(dict(body))).hexdigest()


def _line(entry: Entry) -> bytes:
    body = _body(entry.seq, entry.at, entry.actor, entry.action, entry.details, entry.previous)
    return rfc8785.dumps({**body, "digest": entry.digest}) + b"\n"


def _parsed(line: bytes) -> Entry | None:
    try:
        found = json.loads(line)
        if not isinstance(found, dict) or set(found) != _NAMES or rfc8785.dumps(found) + b"\n" != line:
            return None
        digest = found.pop("digest")
        at = datetime.strptime(found["at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        holds = digest == _digest(found)
    except (ValueError, TypeError, RecursionError):
        return None
    fields = (found["seq"], at, found["actor"], found["action"], found["details"], found["previous"], digest)
    return Entry(*fields) if holds else None


def _last_line(file: IO[bytes]) -> bytes:
    end = file.seek(0, os.SEEK_END)
    start, tail = end, b""
    while start > 0 and tail.count(b"\n") < 2:
        start = max(0, start - _BLOCK)
        file.seek(start)
        tail = file.read(end - start)
    return b"".join(tail.splitlines(keepends=True)[-1:])


def _drop_torn_line(file: IO[bytes]) -> None:
    end = file.seek(0, os.SEEK_END)
    start = end
    while start > 0:
        start = max(0, start - _BLOCK)
        file.seek(start)
        tail = file.read(end - start)
        if tail.endswith(b"\n"):
            return
        if b"\n" in tail:
            file.truncate(start + tail.rindex(b"\n") + 1)
            return
    file.truncate(0)
