"""The one service: the champion verified, the API mounted, and a wall in front of everything BentoML brings."""

import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import bentoml
import uvicorn

from features import signing
from features.indicators.catalogue import Definitions, load
from features.profile import Profile, ProfileError
from features.records.journal import Journal
from serving.access import Doorkeeper
from serving.champion import Reign
from serving.http import Guard, ProblemError
from serving.process import BACKLOG, LOOPBACK, end, leave_on_signal, listen
from serving.results import SCHEME_KEY, Results, publisher_key
from serving.scoring.desk import Desk
from serving.scoring.routes import application
from serving.store import Store
from training.scheme import Scheme
from training.trial import Trial

LOG = logging.getLogger("jianwei.service")
NAME = "jianwei"
GRACE = 10  # seconds a request under way has to end once the service is told to stop


class Counter:
    """Opens the desk and keeps it current: a new champion is taken up as ``Reign`` finds it sound.

    What does not verify is not taken up; the desk that was open stays open.
    """

    def __init__(self, home: Path, profile: Profile, store: Store, now: Callable[[], datetime]) -> None:
        self._home = home
        self._profile = profile
        self._store = store
        self._now = now
        self._desk: Desk | None = None

    @cached_property
    def reign(self) -> Reign:
        """Which scheme answers."""
        keys = self._home / "keys"
        return Reign(self._home, Journal.of(self._home), keys, signing.verify_key(keys, SCHEME_KEY), self._now)

    @cached_property
    def results(self) -> Results:
        """The sealed months."""
        return Results(self._home, publisher_key(self._home))

    def desk(self) -> Desk:
        """The desk for a request, with one scheme for the whole of it; ProblemError when there is none."""
        champion, desk = self.reign.scheme, self._desk
        if desk is None or desk.champion is not champion:
            desk = self._desk = Desk(
                self._home,
                self._profile,
                self._store,
                self._now,
                champion,
                self.results,
                self.reign.scheme_of,
                lambda: self._definitions(champion),
            )
        return desk

    def is_ready(self) -> bool:
        """Whether requests can be answered: a verified scheme and a verified month are there."""
        try:
            return bool(self.desk().newest.month)
        except ProblemError:
            return False
        except Exception as fault:  # a month that is not as it was sealed answers nothing
            LOG.log(logging.ERROR, "the newest month cannot be opened: %s", type(fault).__name__)
            return False

    def begin(self, waiting: Trial | None = None) -> None:
        """Open the first scheme in the background and watch: the service is alive before it is ready."""
        self.reign.watch(waiting=waiting)

    def close(self) -> None:
        """Let go of what is held open; the last thing a service does."""
        self.reign.close()
        self._store.engine.dispose()

    def _definitions(self, champion: Scheme) -> Definitions:
        """The definitions the champion was trained on; the profile's for one that carries none."""
        return self._present() if champion.system is None else champion.system.definitions

    @cache  # noqa: B019 - one counter lives as long as its process
    def _present(self) -> Definitions:
        return load(self._profile)


def build(
    home: Path, profile: Profile, store: Store, *, now: Callable[[], datetime], waiting: Trial | None = None
) -> Any:
    """The BentoML service over a home; nothing of it is reached without a key but ``/livez`` and ``/readyz``.

    What it is made of, from the inside out: the counter with the desk, the routes that ask it, the wall around them.
    """
    counter = Counter(home, profile, store, now)
    service = bentoml.service(
        _lived(counter, waiting),
        name=NAME,
        workers=1,
        metrics={"enabled": False},
        logging={"access": {"enabled": False}},
        traffic={"timeout": 60},
    )
    service.mount_asgi_app(application(counter.desk), path="/")
    service.add_asgi_middleware(Guard, doorkeeper=Doorkeeper(store, now, profile.zone))
    return service


def _lived(counter: Counter, waiting: Trial | None) -> type:
    """What BentoML starts, asks for readiness and stops."""

    class Jianwei:
        """Scores, classes, explanations and histories."""

        def __init__(self) -> None:
            counter.begin(waiting)

        def __is_ready__(self) -> bool:
            return counter.is_ready()

        @bentoml.on_shutdown  # type: ignore[untyped-decorator]
        def close(self) -> None:
            counter.close()

    return Jianwei


def check_silent() -> None:
    """Nothing when BentoML reports no use to its makers; ProfileError otherwise, and no service starts."""
    from bentoml._internal.utils.analytics.usage_stats import do_not_track

    if not do_not_track():
        raise ProfileError(
            "BentoML would report its use to its makers: BENTOML_DO_NOT_TRACK was not True when it was loaded. Nothing "
            "was started; set BENTOML_DO_NOT_TRACK=True, or use jianwei serve, which does."
        )


def serve(service: Any, *, port: int, host: str = LOOPBACK) -> None:
    """Answer requests with the service in this process until it is stopped."""
    answer(service, listen(host, port))


def answer(service: Any, listening: socket.socket) -> None:
    """Answer requests on a listening socket until SIGTERM or SIGINT; those under way end, then the process does, by 0.

    BentoML's supervisor would add two control sockets without authentication: it is not used.
    """
    check_silent()
    config = uvicorn.Config(
        service.to_asgi(is_main=True),
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        backlog=BACKLOG,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=GRACE,
    )
    leave_on_signal()
    server = uvicorn.Server(config)
    with suppress(SystemExit):  # the server passes the signal on, once it has done what it was told to
        server.run(sockets=[listening])
    end(0 if server.started else 1)
