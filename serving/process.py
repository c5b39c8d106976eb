"""A process that serves: the socket it listens on, and how it ends."""

import errno
import logging
import os
import signal
import socket
import sys
from threading import Thread
from typing import Any, NoReturn

from features.steps import ResourceError

LOOPBACK = "127.0.0.1"
BACKLOG = 2048
WHY = {
    errno.EADDRINUSE: "another process listens there",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EACCES: "this user may not listen there",
}


def listen(host: str, port: int) -> socket.socket:
    """The one listening socket of a service; every worker answers on it. ResourceError when there is none to be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        made = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as fault:
        raise ResourceError(
            f"{host}, port {port}: {WHY.get(fault.errno or 0, fault.strerror)}. Nothing was started; choose another "
            "--port or --host, or stop what listens there."
        ) from None
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else a body waits 40 ms behind its headers
    made.setblocking(False)
    return made


def leave_on_signal() -> None:
    """From here on SIGTERM and SIGINT end this process in order, by 0, also before and after a server hears them."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)


def follow_parent() -> None:
    """From here on this process ends by SIGTERM when the other end of its standard input is gone."""

    def follow() -> None:
        while os.read(0, 1):  # not through a buffer: its lock would be held when the interpreter ends
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=follow, name="parent", daemon=True).start()


def _leave(_: int, __: Any) -> NoReturn:
    raise SystemExit(0)


def end(code: int) -> NoReturn:
    """End this process at once, all it had to close being closed: no thread of a library may hold up its end."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
