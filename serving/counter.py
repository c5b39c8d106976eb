"""What a process that answers holds open: the scheme in force, the months that can be read, and the desk over both."""

import gc
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from threading import Event, Lock, Thread

from features import signing
from features.indicators.catalogue import Definitions, load
from features.profile import Profile
from features.records.journal import Journal
from serving.champion import EVERY, Reign
from serving.http import ProblemError
from serving.lane import Lane
from serving.results import SCHEME_KEY, publisher_key
from serving.scoring.desk import Desk
from serving.shelf import Shelf
from serving.store import Store
from training.scheme import Scheme
from training.trial import Trial

LOG = logging.getLogger("jianwei.counter")
SELDOM = 300  # collections of what is younger to one of everything; Python has ten


class Counter:
    """Opens the desk and keeps it current: a champion is taken up as ``Reign`` finds it sound, a month as it stands in
    the store; what does not verify is not, and the desk that was open stays open."""

    def __init__(self, home: Path, profile: Profile, store: Store, now: Callable[[], datetime]) -> None:
        self._home = home
        self._profile = profile
        self._store = store
        self._now = now
        self._desk: Desk | None = None
        self._reign: Reign | None = None
        self._founding = Lock()
        self._closed = Event()
        self._lane = Lane()

    @property
    def reign(self) -> Reign:
        """Which scheme answers; ProblemError while the home has no key to verify schemes with."""
        with self._founding:
            if self._reign is None:
                keys = self._home / "keys"
                try:
                    key = signing.verify_key(keys, SCHEME_KEY)
                except (signing.SigningError, ValueError):  # none yet, or half written
                    raise ProblemError("unavailable") from None
                self._reign = Reign(self._home, Journal.of(self._home), keys, key, self._now)
            return self._reign

    @cached_property
    def shelf(self) -> Shelf:
        """The months of the store."""
        return Shelf(self._store, publisher_key(self._home))

    def desk(self) -> Desk:
        """The desk for a request, with one scheme for the whole of it; ProblemError when there is none."""
        champion, desk = self.reign.scheme, self._desk
        if desk is None or desk.champion is not champion:
            desk = self._desk = Desk(
                home=self._home,
                profile=self._profile,
                store=self._store,
                now=self._now,
                champion=champion,
                results=self.shelf,
                scheme_of=self.reign.scheme_of,
                definitions=lambda: self._definitions(champion),
                lane=self._lane,
            )
        return desk

    def serving(self) -> tuple[str, str] | None:
        """The month and the scheme that are answered from, both verified; nothing while one of them is not there."""
        try:
            desk = self.desk()
            month = desk.newest.month
        except ProblemError:
            return None
        except Exception as fault:  # a month that is not as it was sealed, or a store that is away, answers nothing
            LOG.log(logging.ERROR, "the newest month cannot be opened: %s", type(fault).__name__)
            return None
        return month, desk.champion.digest

    def begin(self, waiting: Trial | None = None) -> None:
        """Open the first scheme in the background and watch: the service is alive before it is ready."""
        Thread(target=self._watch, args=(waiting,), name="founding", daemon=True).start()
        Thread(target=self._warm, name="warm", daemon=True).start()

    def close(self) -> None:
        """Let go of what is held open; the last thing a process does."""
        self._closed.set()
        self._lane.close()
        if self._reign is not None:
            self._reign.close()
        self.shelf.close()
        self._store.close()

    def _watch(self, waiting: Trial | None) -> None:
        """Watch for champions from when there is a key to verify schemes with."""
        while not self._closed.is_set():
            with suppress(ProblemError):
                self.reign.watch(waiting=waiting)
                return
            self._closed.wait(EVERY)

    def _warm(self) -> None:
        """Do what need not be in somebody's request: Arrow looks for pandas at its first rows, and a full collection of
        garbage takes up to a fifth of a second. It is left what was made after the service was ready, and comes seldom:
        at a hundred requests a second it came every ten seconds, for next to nothing (most garbage goes young).
        """
        with suppress(ImportError):
            import_module("pandas")
        while self.serving() is None and not self._closed.wait(EVERY):
            pass
        gc.collect()
        gc.freeze()
        gc.set_threshold(*gc.get_threshold()[:2], SELDOM)

    def _definitions(self, champion: Scheme) -> Definitions:
        """The definitions the champion was trained on; the profile's for one that carries none."""
        return self._present() if champion.system is None else champion.system.definitions

    @cache  # noqa: B019 - one counter lives as long as its process
    def _present(self) -> Definitions:
        return load(self._profile)
