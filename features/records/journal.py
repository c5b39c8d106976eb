"""The journal: an append-only, hash-chained line for every write and every decision."""

import fcntl
import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping
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
class Mark:
    """Where a reader of a journal stands: the first byte of the last entry read, the first behind it, and the entry."""

    start: int
    end: int
    seq: int
    digest: str


BEGINNING = Mark(0, 0, 0, FIRST_PREVIOUS)


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
        for _, entry in self.read():
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
        for _, entry in self.read():
            count, head = count + 1, entry.digest
        return Standing(count, head, self._is_torn())

    def read(self, after: Mark = BEGINNING) -> Iterator[tuple[Mark, Entry]]:
        """Every complete entry behind a mark, checked against the one before it, and the mark behind each."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(after.end)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                entry = self._checked(line, after.seq + 1, after.digest)
                after = Mark(after.end, after.end + len(line), entry.seq, entry.digest)
                yield after, entry

    def stands(self, mark: Mark) -> bool:
        """Whether the entry a reader read last is still where it was."""
        if mark == BEGINNING:
            return True
        with self.path.open("rb") as file:
            file.seek(mark.start)
            entry = _parsed(file.read(mark.end - mark.start))
        return entry is not None and entry.digest == mark.digest

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


class Following:
    """The entries of some actions in a journal that is looked at again and again, by one thread at a time.

    As long as the file only grows, verification goes on behind the last entry read; where it is another file, a
    shorter one, one that changed without growing, or one in which that entry does not stand, all of it is verified.
    Old lines edited in the moment another is added are found by ``Journal.verify``, not here: what is told of them is
    what was verified. ``lines`` counts what was.
    """

    def __init__(self, journal: Journal, actions: Collection[str]) -> None:
        self.lines = 0
        self._journal = journal
        self._actions = frozenset(actions)
        self._mark = BEGINNING
        self._found: tuple[Entry, ...] = ()
        self._state: os.stat_result | None = None  # of the file when it was read; null: nothing is known of it

    def entries(self) -> tuple[Entry, ...]:
        """Every entry of the actions in order, the very same tuple while the file stays as it is; JournalError names
        the first line that does not hold."""
        state = self._journal.path.stat() if self._journal.path.exists() else None
        if state is not None and self._state is not None and _same(state, self._state):
            return self._found
        if not self._goes_on(state):
            self._mark, self._found = BEGINNING, ()
        mark = self._mark
        added: list[Entry] = []
        self._state = None  # a line that does not hold leaves nothing known
        for behind, entry in self._journal.read(mark):
            mark = behind
            self.lines += 1
            if entry.action in self._actions:
                added.append(entry)
        self._state, self._mark, self._found = state, mark, (*self._found, *added)
        return self._found

    def _goes_on(self, state: os.stat_result | None) -> bool:
        """Whether the file is the one read before, with lines added."""
        before = self._state
        if state is None or before is None or _inode(state) != _inode(before):
            return False
        return state.st_size > max(before.st_size, self._mark.end) and self._journal.stands(self._mark)


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    stated = ("st_size", "st_mtime_ns", "st_ctime_ns")
    return _inode(one) == _inode(other) and all(getattr(one, name) == getattr(other, name) for name in stated)


def _inode(state: os.stat_result) -> tuple[int, int]:
    return state.st_dev, state.st_ino


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
