"""The champion the service answers with: what the newest promotion entry names, and only once it has been verified.

Nothing here trusts what lies on disk. The journal says which scheme; its acts are signed. The folder's bytes are read
once, held against their signature and digests, tried in a throw-away process and only then parsed here. Whatever
fails on the way, the last scheme that passed goes on.
"""

import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from evaluation.errors import GateError
from evaluation.promotion import POINTER, PROPOSED, SCHEMES, Act, Acts, Office
from features.records.journal import Journal, JournalError
from serving.http import ProblemError
from training import package
from training.package import Package
from training.scheme import Scheme, SchemeError
from training.trial import Trial

LOG = logging.getLogger("jianwei.champion")
REFUSED = "scheme.refused"
SERVICE = "service"  # who writes the entry of a refusal
EVERY = 0.2  # seconds between two looks
AGAIN = 60.0  # seconds after which everything is verified anew, changed or not
DIGEST = re.compile(r"[0-9a-f]{64}")

Stage = Literal["journal", "act", "folder", "another", "trial"]
FOLDER: Stage = "folder"
ANOTHER: Stage = "another"
TRIAL: Stage = "trial"
Stamp = tuple[object, ...]


@dataclass(frozen=True)
class Refusal:
    """What was refused: at which stage, which scheme, named by which promotion entry, and the kind of fault.

    Stages: ``journal`` (its chain does not hold, or what it said before is gone), ``act`` (a promotion entry without
    its person's signature), ``folder`` (not as it was signed), ``another`` (a signed scheme, but not the one named),
    ``trial`` (whole and signed, and yet not sound).
    """

    stage: Stage
    scheme: str | None
    promotion: str | None
    fault: str


@dataclass(frozen=True)
class Crowned:
    """A scheme that passed every check, and the digest of the promotion entry that names it."""

    scheme: Scheme
    entry: str


class RefusedError(SchemeError):
    """What was refused, with the words of the fault that showed it."""

    def __init__(self, refusal: Refusal, words: str) -> None:
        super().__init__(words)
        self.refusal = refusal


class Reign:
    """Which scheme answers: opened, watched, and replaced only by one that is named, verified and tried.

    ``keys`` holds the public keys of the people who promote, ``verify_key`` is the key schemes are signed with.
    ``refused`` is what the last look refused (None when it refused nothing), ``refusals`` counts looks that did.
    """

    def __init__(
        self, home: Path, journal: Journal, keys: Path, verify_key: Ed25519PublicKey, now: Callable[[], datetime]
    ) -> None:
        self.refused: Refusal | None = None
        self.refusals = 0
        self._office = Office(home, journal, keys, verify_key)
        self._promoted = Acts(self._office)
        self._kept = Kept(home / SCHEMES, verify_key)
        self._now = now
        self._crowned: Crowned | None = None
        self._named = ""  # the scheme the journal last named
        self._next: list[str] = []  # schemes it may name next
        self._seen: tuple[Stamp, float] | None = None
        self._looking = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def scheme(self) -> Scheme:
        """The scheme to answer with; a request takes it once. ProblemError when there is none yet."""
        crowned = self._crowned
        if crowned is None:
            raise ProblemError("unavailable")
        return crowned.scheme

    @property
    def is_open(self) -> bool:
        """Whether there is a scheme to answer with."""
        return self._crowned is not None

    def open(self, waiting: Trial | None = None) -> Scheme:
        """The scheme to answer with after a look; RefusedError, or GateError without a champion, when there is none.

        ``waiting`` is a trial process begun before; it tries this scheme, or ends.
        """
        fault = self._first(waiting)
        if self._crowned is None:
            raise fault or GateError(
                f"{self._office.home} has no champion; expected one approved scheme. Nothing was opened; propose and "
                "approve one."
            )
        return self._crowned.scheme

    def scheme_of(self, digest: str) -> Scheme:
        """A kept scheme by its digest, verified and tried as the champion is; RefusedError when it does not pass."""
        return self._kept.known(digest) or self._kept.taken(digest, None)

    def knows(self, digest: str) -> bool:
        """Whether a scheme has passed already, so that it can answer at once."""
        return self._kept.known(digest) is not None

    def watch(self, every: float = EVERY, *, waiting: Trial | None = None) -> None:
        """Look for the champion in the background, at once and until ``close``; ``waiting`` as for ``open``."""
        self._ended.clear()
        self._thread = threading.Thread(target=self._watched, args=(every, waiting), name="champion", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching; returns when a look that was under way has ended."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def look(self, waiting: Trial | None = None) -> RefusedError | None:
        """Take up what the journal names if anything changed; what was refused, or None. Never raises."""
        with self._looking:
            stamp = self._stamp()
            if self._seen is not None and self._seen[0] == stamp and time.monotonic() < self._seen[1] + AGAIN:
                return None
            self._seen = (stamp, time.monotonic())  # as it was before reading: what changes meanwhile is seen next time
            try:
                self._crown(waiting)
            except RefusedError as fault:
                self._record(fault.refusal)
                return fault
            self.refused = None
            return None

    def _first(self, waiting: Trial | None) -> RefusedError | None:
        try:
            return self.look(waiting)
        finally:
            if waiting is not None:
                waiting.close()

    def _watched(self, every: float, waiting: Trial | None) -> None:
        self._first(waiting)
        while not self._ended.wait(every):
            self.look()
            self._make_ready()

    def _make_ready(self) -> None:
        """Open what may be named next while nobody waits for it, so that a decision takes effect at once."""
        while self._next and not self._ended.is_set():
            digest = self._next.pop()
            try:
                _ = self._kept.known(digest) or self._kept.taken(digest, None)
            except RefusedError as fault:  # it counts once it is named
                LOG.log(logging.WARNING, "scheme %s may be next: %s", digest[:12], fault.refusal.stage)

    def _stamp(self) -> Stamp:
        """What shows that something changed, without reading it."""
        home = self._office.home
        return (_standing(self._office.journal.path), _standing(home / POINTER), self._kept.stamp(self._named))

    def _crown(self, waiting: Trial | None) -> None:
        found = self._acts()
        decided = [act for act in found if act.action != PROPOSED]
        if not decided:
            return
        act = decided[-1]
        self._named = act.scheme
        try:
            scheme = self._kept.taken(act.scheme, waiting)
        except RefusedError as fault:
            raise RefusedError(replace(fault.refusal, promotion=act.entry), str(fault)) from None
        before, self._crowned = self._crowned, Crowned(scheme, act.entry)
        if before is None or before.entry != act.entry:
            LOG.log(logging.INFO, "scheme %s answers from now on", act.scheme[:12])
        answered = {one.proposal for one in decided}
        proposed = [one for one in found if one.action == PROPOSED and one.entry not in answered]
        self._next = [one.scheme for one in (*decided[-2:-1], *proposed[-1:])]

    def _acts(self) -> tuple[Act, ...]:
        """The promotion entries of a verified journal; one that lost the decision in force has lost its end."""
        try:
            found = self._promoted.now()
        except Exception as fault:  # whatever is wrong with the journal, nothing is taken from it
            stage: Stage = "journal" if isinstance(fault, JournalError) else "act"
            raise RefusedError(Refusal(stage, None, None, type(fault).__name__), str(fault)) from None
        crowned = self._crowned
        if crowned is not None and crowned.entry not in {act.entry for act in found}:
            raise RefusedError(
                Refusal("journal", None, crowned.entry, "JournalError"),
                f"{self._office.journal.path}: promotion entry {crowned.entry[:12]} is gone; expected entries only to "
                "be added. Its scheme goes on. Restore the file from a copy and find out who wrote to it.",
            )
        return found

    def _record(self, refusal: Refusal) -> None:
        """Count and log a refusal, and write it into a journal that holds, once however often it is met."""
        self.refusals += 1
        if refusal == self.refused:
            return
        self.refused = refusal
        named = (refusal.scheme or "")[:12]
        LOG.log(logging.ERROR, "refused at stage %s: %s, scheme %s", refusal.stage, refusal.fault, named)
        if refusal.stage == "journal":
            return
        details = {name: value for name, value in vars(refusal).items() if value is not None}
        journal = self._office.journal
        try:
            if details not in [dict(entry.details) for entry in journal.entries(REFUSED)]:
                journal.append(REFUSED, details, at=self._now(), actor=SERVICE)
        except (JournalError, OSError) as fault:
            LOG.log(logging.ERROR, "a refusal could not be written into the journal: %s", type(fault).__name__)


class Kept:
    """The kept schemes of a home that passed, by digest; what did not pass is remembered until it changes."""

    def __init__(self, folder: Path, verify_key: Ed25519PublicKey) -> None:
        self._folder = folder
        self._key = verify_key
        self._sound: dict[str, Scheme] = {}
        self._unfit: dict[str, tuple[Stamp, float, RefusedError]] = {}
        self._lock = threading.Lock()

    def known(self, digest: str) -> Scheme | None:
        """A scheme that passed before; it lives in memory, whatever became of its folder."""
        return self._sound.get(digest)

    def stamp(self, digest: str) -> Stamp:
        """What shows that a scheme's folder changed, without reading it."""
        folder = self._folder / digest
        try:
            inside = sorted(folder.iterdir()) if digest and not folder.is_symlink() else []
        except OSError:
            inside = []
        return tuple(_standing(path) for path in (folder, *inside))

    def taken(self, digest: str, waiting: Trial | None) -> Scheme:
        """The scheme of a digest, its folder verified now; RefusedError when that, or the trial, does not pass."""
        if DIGEST.fullmatch(digest) is None:
            raise RefusedError(Refusal("another", None, None, "SchemeError"), "That is no digest of a scheme.")
        with self._lock:
            stamp = self.stamp(digest)
            unfit = self._unfit.get(digest)
            if unfit is not None and unfit[0] == stamp and time.monotonic() < unfit[1] + AGAIN:
                raise unfit[2]  # looked at a moment ago, and nothing of it has changed
            try:
                self._sound[digest] = self._passed(digest, waiting)
            except RefusedError as fault:
                self._unfit[digest] = (stamp, time.monotonic(), fault)
                raise
            self._unfit.pop(digest, None)
            return self._sound[digest]

    def _passed(self, digest: str, waiting: Trial | None) -> Scheme:
        folder, stage = self._folder / digest, FOLDER
        try:
            sealed = package.read(folder, self._key)
            stage = ANOTHER
            _require(sealed, digest, folder)
            stage = TRIAL
            return self._sound.get(digest) or _warm(Scheme.of(sealed, where=str(folder), waiting=waiting))
        except Exception as fault:  # a scheme must not end the service that examines it, whatever it holds
            raise RefusedError(Refusal(stage, digest, None, type(fault).__name__), str(fault)) from None


def _require(sealed: Package, digest: str, folder: Path) -> None:
    """Nothing where verified files are those of a scheme's name; an older scheme's folder is signed, too."""
    if sealed.digest != digest:
        raise SchemeError(
            f"{folder} holds scheme {sealed.digest[:12]}; expected the scheme of its name. Nothing of it was used; "
            "find out who put it there, and fetch the folder again."
        )


def _warm(scheme: Scheme) -> Scheme:
    """The scheme with what the first request would wait for."""
    _ = scheme.base
    return scheme


def _standing(path: Path) -> Stamp:
    try:
        found = path.lstat()
    except OSError:
        return ()
    return (path.name, found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
