"""HTTP/1.1 as it is read off a socket: what is none is answered with a problem like everything else.

And when a process begins to read it: one that takes another's place not before it can answer.
"""

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from serving.http import App, Message, ProblemError, Receive, Send, problem_body, problem_headers, request_id

TOO_LARGE = 431
LOOK = 0.05  # seconds between two looks whether an application is ready
ASKED = {"type": "http", "method": "GET", "path": "/readyz", "raw_path": b"/readyz", "query_string": b"", "headers": []}


def speaking(now: Callable[[], datetime]) -> type[H11Protocol]:
    """The protocol of a connection; ``now`` is the clock the numbers of requests are made by."""

    class Spoken(H11Protocol):
        """Reads requests as uvicorn does; what it cannot read gets a problem and a number, and is the last it hears."""

        def send_400_response(self, msg: str) -> None:
            if self.cycle is not None:
                self.cycle.disconnected = True  # what was being answered is not answered any more
            with suppress(h11.LocalProtocolError):  # an answer has begun
                self.transport.write(_refusal(self.conn, sys.exception(), now()))
            self.transport.close()

    return Spoken


def _refusal(connection: h11.Connection, fault: BaseException | None, at: datetime) -> bytes:
    """What is written to whom one could not understand."""
    hint = getattr(fault, "error_status_hint", None)
    problem = ProblemError("headers-too-large" if hint == TOO_LARGE else "malformed-request")
    body = problem_body(problem)
    added: list[tuple[bytes, Any]] = [(b"x-request-id", request_id(at).encode()), (b"connection", b"close")]
    headers = [*problem_headers(problem, body), *added]
    events = [h11.Response(status_code=problem.status, headers=headers), h11.Data(data=body), h11.EndOfMessage()]
    return b"".join(connection.send(event) or b"" for event in events)


def ready_first(app: App, seconds: float) -> App:
    """An application that has not started before it is ready or so many seconds have passed; nobody is let in."""

    async def passed(scope: Any, receive: Receive, send: Send) -> None:
        async def once_ready(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                end = asyncio.get_running_loop().time() + seconds
                while asyncio.get_running_loop().time() < end and not await _is_ready(app):
                    await asyncio.sleep(LOOK)
            await send(message)

        await app(scope, receive, once_ready if scope["type"] == "lifespan" else send)

    return passed


async def _is_ready(app: App) -> bool:
    told: list[Message] = []

    async def nothing() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def note(message: Message) -> None:
        told.append(message)

    where = {"asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "root_path": "", "server": None}
    await app({**ASKED, **where, "client": None}, nothing, note)
    return bool(told[0]["status"] == 200)
