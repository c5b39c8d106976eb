"""The outer wall of the service: deny by default, limits, and no answer without its audit line."""

import asyncio
import ipaddress
import logging
import sys
import time
from collections.abc import Callable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from anyio import to_thread

from serving import logs
from serving.access import RIGHTS, Doorkeeper, Principal, Route
from serving.audit import Audit, AuditError, Pseudonyms, moment, named
from serving.brake import Brake, Pace
from serving.gauges import TYPE, Gauges
from serving.http import (
    PROBLEM,
    SECURITY,
    App,
    Message,
    ProblemError,
    Receive,
    Send,
    Told,
    address,
    check_length,
    check_plain,
    has_body,
    json_body,
    kind_of_status,
    media_type,
    place,
    problem_body,
    problem_headers,
    purpose,
    replay,
    request_id,
    token,
)
from serving.paths import HEALTH, Paths
from serving.room import Room
from serving.store import Store, StoreError

LOG = logging.getLogger("jianwei.http")
Scope = MutableMapping[str, Any]
LARGEST_HEADERS = 16 * 1024
SECONDS = 8.0
IN_FLIGHT = 32
THREADS = 2  # that answer at a time: more would take turns, and the loop that refuses wait for its own
TURN = 0.0001  # seconds one of them goes on while the loop waits; Python's own five milliseconds add up in a request
AT_ONCE = 1000  # entities whose pseudonyms are made without leaving the event loop


@dataclass
class Watch:
    """What the wall asks before it lets a request in and tells before it lets an answer out.

    ``trusted`` are the networks of gateways whose ``X-Forwarded-For`` counts, ``open_paths`` those read without a key.
    """

    doorkeeper: Callable[[str, str], Principal | None]
    audit: Audit
    pseudonyms: Pseudonyms
    brake: Brake
    now: Callable[[], datetime]
    zone: ZoneInfo
    gauges: Gauges = field(default_factory=Gauges)
    pace: Pace = field(default_factory=Pace)
    in_flight: int = IN_FLIGHT
    trusted: tuple[str, ...] = ()
    open_paths: frozenset[str] = frozenset()

    @classmethod
    def over(cls, home: Path, store: Store, *, now: Callable[[], datetime], zone: ZoneInfo, **more: Any) -> "Watch":
        """The watch of a home, with connections to the store of its own: busy routes do not keep it waiting."""
        own = Store(store.url, store.home)
        return cls(Doorkeeper(own, now, zone), Audit(home, now), Pseudonyms(home), Brake(own), now, zone, **more)

    @property
    def asks_elsewhere(self) -> bool:
        """Whether keys are looked up over a network, so not in the event loop; an SQLite reader waits for nobody."""
        return not self.brake.store.url.startswith("sqlite")


class Guard:
    """The outermost ASGI layer: nothing behind it is reached without a key, except the two health routes."""

    def __init__(self, app: App, *, watch: Watch) -> None:
        self._app = app
        self._watch = watch
        self._table = Paths(RIGHTS.routes)
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="wall")
        self._networks = tuple(ipaddress.ip_network(one) for one in watch.trusted)
        self._room = Room(watch.in_flight, watch.gauges.in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with a problem."""
        if scope["type"] == "lifespan":
            to_thread.current_default_thread_limiter().total_tokens = THREADS
            sys.setswitchinterval(TURN)
            try:
                await self._app(scope, receive, send)
            finally:
                self._watch.audit.close()
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.perf_counter()
        visit = _Visit(self._watch, self._threads, request_id(self._watch.now()))
        reply = _Reply(send, visit)
        try:
            async with asyncio.timeout(SECONDS) as limit:
                await self._passed(scope, receive, reply, limit)
        except ProblemError as problem:
            await reply.refuse(problem)
        except TimeoutError:
            reply.closes = visit.is_arriving
            await reply.refuse(ProblemError("request-timeout" if visit.is_arriving else "timeout"))
        except Exception as fault:  # the wall: whatever happens behind it, no value leaves
            LOG.log(logging.ERROR, "%s in %s", type(fault).__name__, place(fault))
            await reply.refuse(ProblemError("internal"))
        finally:
            visit.log(reply.status, time.perf_counter() - begun)

    async def _passed(self, scope: Scope, receive: Receive, reply: "_Reply", limit: asyncio.Timeout) -> None:
        if sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEADERS:
            raise ProblemError("headers-too-large")
        visit = reply.visit
        if self._is_open(scope):
            reply.closes = has_body(scope)  # of nobody known: it is not read, and nothing is read after it
            await self._app(scope, replay(b"", receive), reply)
            return
        if self._room.is_full:  # before anything is looked up: a refusal must be cheap
            visit.is_shed = True
            raise ProblemError("overloaded")
        visit.principal = await self._who(scope)
        route = visit.route = self._table.find(scope["path"], scope["method"])
        limit.reschedule(asyncio.get_running_loop().time() + route.seconds)
        if not visit.principal.calls(route.name):
            raise ProblemError("forbidden")
        wait = self._watch.pace.wait(visit.principal, route, self._watch.now())
        if wait is not None:
            raise ProblemError("rate-limited", retry=wait)
        is_file = media_type(scope) in route.media
        with (self._room.arriving if is_file else self._room.held)(visit.principal.key):
            await self._reached(scope, receive, reply, route)

    async def _reached(self, scope: Scope, receive: Receive, reply: "_Reply", route: Route) -> None:
        visit = reply.visit
        visit.purpose = purpose(scope)
        check_plain(scope)
        if media_type(scope) in route.media:
            given = visit.bounded(scope, receive, route)
        else:
            visit.is_arriving = True
            given = replay(await json_body(scope, receive), receive)
            visit.is_arriving = False
        if route.name == "metrics":
            await reply.text(self._watch.gauges.text())
            return
        visit.state = scope.setdefault("state", {})
        visit.state |= {
            "principal": visit.principal,
            "request_id": visit.request_id,
            "route": route,
            "purpose": visit.purpose,
        }
        await self._app(scope, given, reply)

    def _is_open(self, scope: Scope) -> bool:
        health = scope["path"] in HEALTH and scope["method"] in {"GET", "HEAD"}
        return health or (scope["path"] in self._watch.open_paths and scope["method"] == "GET")

    async def _who(self, scope: Scope) -> Principal:
        asking = token(scope), address(scope, self._networks)
        try:
            if self._watch.asks_elsewhere:
                loop = asyncio.get_running_loop()
                found = await loop.run_in_executor(self._threads, self._watch.doorkeeper, *asking)
            else:
                found = self._watch.doorkeeper(*asking)
        except StoreError:
            raise ProblemError("unavailable") from None
        if found is None:
            raise ProblemError("unauthenticated")
        return found


class _Visit:
    """One request: who asks what, and what became of it."""

    def __init__(self, watch: Watch, threads: ThreadPoolExecutor, name: str) -> None:
        self._watch = watch
        self._threads = threads
        self._is_told = False
        self.is_arriving = False  # the body is waited for
        self.is_shed = False  # refused unseen, because too many are being answered: counted, but no line is left
        self.request_id = name
        self.principal: Principal | None = None
        self.route: Route | None = None
        self.purpose: str | None = None
        self.state: dict[str, Any] = {}
        self.problem: ProblemError | None = None  # found while a body was passed on: it counts, whatever is answered

    def bounded(self, scope: Scope, receive: Receive, route: Route) -> Receive:
        """The body as it comes; ProblemError when it is larger than the route takes, or its sender goes away."""
        check_length(scope, route.largest)
        taken, is_whole = 0, False

        async def next_part() -> Message:
            nonlocal taken, is_whole
            self.is_arriving = not is_whole
            message = await receive()
            self.is_arriving = False
            taken += len(message.get("body", b""))
            if taken > route.largest or (message["type"] == "http.disconnect" and not is_whole):
                self.problem = ProblemError("too-large" if taken > route.largest else "malformed-request")
                raise self.problem
            is_whole = not message.get("more_body", False)
            return message

        return next_part

    async def settle(self, status: int) -> ProblemError | None:
        """Leave the audit line of an answer, unless it needs none or has one; the problem to answer with instead."""
        principal, route = self.principal, self.route
        if self._is_told or principal is None or route is None or not route.reads:
            return None
        told = self.state.get("told")
        if status < 400 and not isinstance(told, Told):
            LOG.log(logging.ERROR, "route %s answered without saying of whom", route.name)
            return ProblemError("internal")
        try:
            return await self._settled((principal, route), status, told or Told((), 0))
        except StoreError:
            return ProblemError("unavailable")
        except (AuditError, OSError):
            self._is_told = True  # there is no line, and none will come: nothing is told
            return ProblemError("audit-unavailable")

    async def _settled(self, who: tuple[Principal, Route], status: int, told: Told) -> ProblemError | None:
        at = self._watch.now()
        day = at.astimezone(self._watch.zone).date()
        names = await self._elsewhere(len(told.entities) > AT_ONCE, self._watch.pseudonyms, told.entities, day.year)
        problem = None
        if status < 400 and not await self._admits(who[0], names or self._unnamed(told.rows), day):
            LOG.log(logging.WARNING, "harvest brake: key %s has been told its entities of today", who[0].key)
            problem = ProblemError("rate-limited", retry=_until_tomorrow(at, self._watch.zone))
        line = self._line(*who, problem.status if problem else status, told)
        alert = "harvest" if problem else None
        self._watch.audit.append({"at": moment(at), "alert": alert, **line, **named(names)})
        self._is_told = True
        self._watch.gauges.audited()
        return problem

    def _unnamed(self, rows: int) -> Sequence[str]:
        """Rows of which an answer names no entity (a file) count as so many that were not told before."""
        return [f"{self.request_id}-{row}"[-64:] for row in range(rows)]

    async def _admits(self, principal: Principal, names: Sequence[str], day: date) -> bool:
        brake = self._watch.brake
        if principal.grant.limits.entities_per_day is None or brake.is_known(principal.key, names, day):
            return True
        return bool(await self._elsewhere(True, brake.admits, principal, names, day))

    async def _elsewhere(self, elsewhere: bool, ask: Callable[..., Any], *given: Any) -> Any:
        if not elsewhere:
            return ask(*given)
        return await asyncio.get_running_loop().run_in_executor(self._threads, ask, *given)

    def _line(self, principal: Principal, route: Route, status: int, told: Told) -> dict[str, Any]:
        return {
            "request_id": self.request_id,
            "key": principal.key,
            "role": principal.grant.role,
            "org": principal.grant.org,
            "departments": sorted(principal.grant.departments),
            "purpose": self.purpose,
            "route": route.name,
            "status": status,
            "rows": told.rows if status < 400 else 0,
            "month": told.month,
            "scheme": told.scheme,
            **({"hypothetical": True} if told.hypothetical else {}),
            **({"file": told.file} if told.file else {}),
        }

    def log(self, status: int, seconds: float) -> None:
        """Log and count what was answered; health checks and what was refused unseen are counted only."""
        route = self.route.name if self.route else "none"
        self._watch.gauges.answered(route, status, seconds)
        if self.is_shed or (self.route is None and status < 400):
            return
        details = {"request_id": self.request_id, "route": route, "status": status}
        key = self.principal.key if self.principal else None
        logs.request(LOG, {**details, "milliseconds": round(seconds * 1000, 2), "key": key})

    def refused(self, problem: ProblemError) -> None:
        """Count a refusal."""
        self._watch.gauges.refused(problem.kind)


class _Reply:
    """Sends an answer with its headers once it may leave; an error that is no problem document becomes one."""

    def __init__(self, send: Send, visit: _Visit) -> None:
        self._send = send
        self._started = False
        self._replaced = False
        self.visit = visit
        self.closes = False  # the connection, when it is answered
        self.status = 499  # nothing was answered

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._start(message)
        elif not self._replaced:
            await self._send(message)

    async def _start(self, message: Message) -> None:
        problem = self.visit.problem or _instead(message) or await self.visit.settle(message["status"])
        if problem is not None:
            self._replaced = True
            await self.refuse(problem)
            return
        self._started = True
        self.status = message["status"]
        own = {name.lower() for name, _ in message["headers"]}
        kept = [(name, value) for name, value in message["headers"] if name.lower() != b"server"]
        added = [(name, value) for name, value in SECURITY if name != b"cache-control" or name not in own]
        if self.status in {429, 503} and b"retry-after" not in own:
            added.append((b"retry-after", b"1"))
        await self._send({**message, "headers": [*kept, *added, *self._last()]})

    async def refuse(self, problem: ProblemError) -> None:
        """Answer with a problem, unless an answer is already on its way."""
        if self._started:
            return
        self._started = True
        told = await self.visit.settle(problem.status) or problem
        self.visit.refused(told)
        self.status = told.status
        body = problem_body(told)
        headers = [*problem_headers(told, body), *self._last()]
        await self._send({"type": "http.response.start", "status": told.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def text(self, body: bytes) -> None:
        """Answer with a text of the wall's own."""
        headers = [(b"content-type", TYPE.encode()), (b"content-length", str(len(body)).encode())]
        await self({"type": "http.response.start", "status": 200, "headers": headers})
        await self({"type": "http.response.body", "body": body})

    def _last(self) -> list[tuple[bytes, bytes]]:
        named = (b"x-request-id", self.visit.request_id.encode())
        return [named, (b"connection", b"close")] if self.closes else [named]


def _instead(message: Message) -> ProblemError | None:
    kinds = [value for name, value in message["headers"] if name.lower() == b"content-type"]
    if message["status"] < 400 or (kinds and kinds[0].startswith(PROBLEM.encode())):
        return None
    return ProblemError(kind_of_status(message["status"]))


def _until_tomorrow(at: datetime, zone: ZoneInfo) -> int:
    here = at.astimezone(zone)
    midnight = datetime.combine(here.date() + timedelta(days=1), datetime.min.time(), zone)
    return max(1, int((midnight - here).total_seconds()))
