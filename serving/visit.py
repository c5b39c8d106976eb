"""One visit at the wall: its audit line, its answer, and what is logged and counted of it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from serving import browser, logs
from serving.access import Principal, Route
from serving.audit import AuditError, moment, named
from serving.gauges import TYPE
from serving.http import (
    PROBLEM,
    SECURITY,
    Message,
    ProblemError,
    Receive,
    Send,
    Told,
    check_length,
    kind_of_status,
    problem_body,
    problem_headers,
)
from serving.store import StoreError
from serving.watch import Watch

LOG = logging.getLogger("jianwei.http")
Scope = MutableMapping[str, Any]
STATED = frozenset({b"cache-control", b"content-security-policy"})  # where an answer states its own, that one counts
Body = TypeVar("Body")
AT_ONCE = 1000  # entities whose pseudonyms are made without leaving the event loop


class Visit:
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

    async def arrived(self, reading: Awaitable[Body]) -> Body:
        """A body once it was read; who is slow with it is told so, not that we were."""
        self.is_arriving = True
        found = await reading
        self.is_arriving = False
        return found

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


class Reply:
    """Sends an answer with its headers once it may leave; an error that is no problem document becomes one."""

    def __init__(self, send: Send, visit: Visit, scope: Scope) -> None:
        self._send = send
        self._scope = scope
        self._security = browser.PAGE_SECURITY if browser.is_page(scope) else SECURITY
        self._started = False
        self._replaced = False
        self.visit = visit
        self.closes = False  # the connection, when it is answered
        self.status = 499  # nothing was answered

    async def __call__(self, message: Message) -> None:
        """Send a part of an answer, or a problem in the place of all of it."""
        if message["type"] == "http.response.start":
            await self._start(message)
        elif not self._replaced:
            await self._send(message)

    async def _start(self, message: Message) -> None:
        instead = _instead(message, "text/html" if browser.is_page(self._scope) else PROBLEM)
        problem = self.visit.problem or instead or await self.visit.settle(message["status"])
        if problem is not None:
            self._replaced = True
            await self.refuse(problem)
            return
        self._started = True
        self.status = message["status"]
        own = {name.lower() for name, _ in message["headers"]}
        kept = [(name, value) for name, value in message["headers"] if name.lower() != b"server"]
        added = [(name, value) for name, value in self._security if name not in STATED or name not in own]
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
        if browser.is_page(self._scope):
            self.status, headers, body = browser.problem(told, self._scope)
        else:
            self.status, body = told.status, problem_body(told)
            headers = problem_headers(told, body)
        start = {"type": "http.response.start", "status": self.status, "headers": [*headers, *self._last()]}
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})

    async def text(self, body: bytes) -> None:
        """Answer with a text of the wall's own."""
        headers = [(b"content-type", TYPE.encode()), (b"content-length", str(len(body)).encode())]
        await self({"type": "http.response.start", "status": 200, "headers": headers})
        await self({"type": "http.response.body", "body": body})

    def _last(self) -> list[tuple[bytes, bytes]]:
        named = (b"x-request-id", self.visit.request_id.encode())
        return [named, (b"connection", b"close")] if self.closes else [named]


def _instead(message: Message, kind: str) -> ProblemError | None:
    """The problem an error is told as that is not told in the kind of document it should be."""
    kinds = [value for name, value in message["headers"] if name.lower() == b"content-type"]
    if message["status"] < 400 or (kinds and kinds[0].startswith(kind.encode())):
        return None
    return ProblemError(kind_of_status(message["status"]))


def _until_tomorrow(at: datetime, zone: ZoneInfo) -> int:
    here = at.astimezone(zone)
    midnight = datetime.combine(here.date() + timedelta(days=1), datetime.min.time(), zone)
    return max(1, int((midnight - here).total_seconds()))
