"""The one service: the champion verified, the API mounted, and a wall in front of everything BentoML brings."""

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import bentoml
import uvicorn

from features.profile import Profile, ProfileError
from serving import logs
from serving.browser import PAGES
from serving.counter import Counter
from serving.doors import SHUT, Doors
from serving.gauges import Gauges
from serving.pages.front import Front
from serving.pages.routes import application as pages
from serving.process import BACKLOG, LOOPBACK, end, leave_on_signal, listen
from serving.protocol import ready_first, speaking
from serving.scoring.routes import application
from serving.sessions import Sessions
from serving.store import Store
from serving.wall import Guard
from serving.watch import Watch
from training.trial import Trial

NAME = "jianwei"
IDLE = 75  # seconds a connection waits for its next request: longer than gateways keep theirs (60)
GRACE = 10  # seconds a request under way has to end once the service is told to stop


def build(
    home: Path,
    profile: Profile,
    store: Store,
    *,
    now: Callable[[], datetime],
    waiting: Trial | None = None,
    doors: Doors = SHUT,
    **wall: Any,
) -> Any:
    """The BentoML service over a home; nothing of it is reached without a key but ``/livez`` and ``/readyz``.

    What it is made of, from the inside out: the counter with the desk, the routes that ask it, the wall around them.
    ``doors`` say how people come in to the pages. ``wall`` are further settings of the wall: ``trusted`` networks of
    gateways, and ``open_paths`` of a sandbox.
    """
    counter = Counter(home, profile, store, now)
    gauges = Gauges(worker=str(os.getpid()))
    service = bentoml.service(
        _lived(counter, gauges, waiting),
        name=NAME,
        workers=1,
        metrics={"enabled": False},
        logging={"access": {"enabled": False}},
        traffic={"timeout": 60},
        tracing={"excluded_urls": [".*"]},  # spans nobody reads, in front of the wall: they would cost every refusal
    )
    routes = application(counter.desk)
    routes.mount(PAGES, pages(Front(counter.desk, Sessions(store, now, profile.zone), doors.is_sandbox, doors.portal)))
    service.mount_asgi_app(routes, path="/")
    watch = Watch.over(home, store, now=now, zone=profile.zone, gauges=gauges, **wall)
    service.add_asgi_middleware(Guard, watch=watch)
    return service


def _lived(counter: Counter, gauges: Gauges, waiting: Trial | None) -> type:
    """What BentoML starts, asks for readiness and stops."""

    class Jianwei:
        """Scores, classes, explanations and histories."""

        def __init__(self) -> None:
            counter.begin(waiting)

        def __is_ready__(self) -> bool:
            found = counter.serving()
            if found is not None:
                gauges.serving(*found)
            return found is not None

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


def serve(service: Any, *, port: int, now: Callable[[], datetime], host: str = LOOPBACK) -> None:
    """Answer requests with the service in this process until it is stopped."""
    answer(service, listen(host, port), now)


def answer(service: Any, listening: socket.socket, now: Callable[[], datetime], *, patience: float = 0.0) -> None:
    """Answer requests on a listening socket until SIGTERM or SIGINT; those under way end, then the process does, by 0.

    With ``patience`` it waits so many seconds at most until it is ready, before it takes the first request.

    BentoML's supervisor would add two control sockets without authentication: it is not used.
    """
    check_silent()
    config = uvicorn.Config(
        ready_first(service.to_asgi(is_main=True), patience),
        http=speaking(now),  # over h11: its bounds of headers are what the wall counts on
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        backlog=BACKLOG,
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=GRACE,
    )
    logs.configure()
    leave_on_signal()
    server = uvicorn.Server(config)
    with suppress(SystemExit):  # the server passes the signal on, once it has done what it was told to
        server.run(sockets=[listening])
    end(0 if server.started else 1)
