"""The outer wall of the service: deny by default, limits, and no answer without its audit line."""

import asyncio
import ipaddress
import logging
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from anyio import to_thread

from serving import browser
from serving.access import RIGHTS, Principal, Route
from serving.http import (
    App,
    ProblemError,
    Receive,
    Send,
    address,
    check_plain,
    has_body,
    json_body,
    media_type,
    place,
    purpose,
    replay,
    request_id,
    token,
)
from serving.paths import HEALTH, Paths
from serving.room import Room
from serving.store import StoreError
from serving.visit import Reply, Scope, Visit
from serving.watch import Watch

LOG = logging.getLogger("jianwei.http")
LARGEST_HEADERS = 16 * 1024
SECONDS = 8.0
LOGINS = 16  # at a time, of an address half of them, beside other requests: the portal may keep them waiting
THREADS = 2  # that answer at a time: more would take turns, and the loop that refuses wait for its own
TURN = 0.0001  # seconds one of them goes on while the loop waits; Python's own five milliseconds add up in a request


class Guard:
    """The outermost ASGI layer: nothing behind it is reached without a key, except the two health routes."""

    def __init__(self, app: App, *, watch: Watch) -> None:
        self._app = app
        self._watch = watch
        self._table = Paths(RIGHTS.routes)
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="wall")
        self._networks = tuple(ipaddress.ip_network(one) for one in watch.trusted)
        self._room = Room(watch.in_flight, watch.gauges.in_flight)
        self._logins = Room(LOGINS, lambda _: None)

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
        visit = Visit(self._watch, self._threads, request_id(self._watch.now()))
        reply = Reply(send, visit, scope)
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

    async def _passed(self, scope: Scope, receive: Receive, reply: Reply, limit: asyncio.Timeout) -> None:
        if sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEADERS:
            raise ProblemError("headers-too-large")
        visit = reply.visit
        if self._is_open(scope):
            reply.closes = has_body(scope)  # of nobody known: it is not read, and nothing is read after it
            await self._app(scope, replay(b"", receive), reply)
            return
        if browser.is_login(scope):
            await self._entering(scope, receive, reply)
            return
        shown = browser.cookie(scope, browser.SESSION) if browser.is_page(scope) else token(scope)
        if self._room.is_full or self._room.has_share(shown):  # before anything is looked up: a refusal must be cheap
            visit.is_shed = True
            raise ProblemError("overloaded")
        visit.principal = await self._who(scope, shown)
        route = visit.route = self._table.find(scope["path"], scope["method"])
        limit.reschedule(asyncio.get_running_loop().time() + route.seconds)
        if not visit.principal.calls(route.name):
            raise ProblemError("forbidden")
        wait = self._watch.pace.wait(visit.principal, route, self._watch.now())
        if wait is not None:
            raise ProblemError("rate-limited", retry=wait)
        is_file = media_type(scope) in route.media
        key = visit.principal.key
        with self._room.arriving(key) if is_file else self._room.held(key, shown):
            await self._reached(scope, receive, reply, route)

    async def _entering(self, scope: Scope, receive: Receive, reply: Reply) -> None:
        """Pass on what asks for a session, by our form or by the portal; who sends it is nobody yet."""
        where = address(scope, self._networks)
        if self._logins.is_full:
            raise ProblemError("overloaded")
        with self._logins.held(where):
            state = scope.setdefault("state", {})
            state["address"] = where
            if scope["method"] == "POST":
                state["form"] = await reply.visit.arrived(browser.form(scope, receive))
            else:
                reply.closes = has_body(scope)
            await self._app(scope, replay(b"", receive), reply)

    async def _reached(self, scope: Scope, receive: Receive, reply: Reply, route: Route) -> None:
        visit = reply.visit
        visit.purpose = purpose(scope)
        check_plain(scope)
        visit.state = scope.setdefault("state", {})
        if media_type(scope) in route.media:
            given = visit.bounded(scope, receive, route)
        elif browser.is_page(scope) and scope["method"] == "POST":
            session = browser.cookie(scope, browser.SESSION)
            visit.state["form"] = browser.check_token(await visit.arrived(browser.form(scope, receive)), session)
            given = replay(b"", receive)
        else:
            given = replay(await visit.arrived(json_body(scope, receive)), receive)
        if route.name == "metrics":
            await reply.text(self._watch.gauges.text())
            return
        visit.state |= {
            "principal": visit.principal,
            "request_id": visit.request_id,
            "route": route,
            "purpose": visit.purpose,
        }
        await self._app(scope, given, reply)

    def _is_open(self, scope: Scope) -> bool:
        health = scope["path"] in HEALTH and scope["method"] in {"GET", "HEAD"}
        return (
            health or browser.is_open(scope) or (scope["path"] in self._watch.open_paths and scope["method"] == "GET")
        )

    async def _who(self, scope: Scope, shown: str) -> Principal:
        asked = self._watch.sessions if browser.is_page(scope) else self._watch.doorkeeper
        asking = shown, address(scope, self._networks)
        try:
            if self._watch.asks_elsewhere:
                loop = asyncio.get_running_loop()
                found = await loop.run_in_executor(self._threads, asked, *asking)
            else:
                found = asked(*asking)
        except StoreError:
            raise ProblemError("unavailable") from None
        if found is None:
            raise ProblemError("unauthenticated")
        return found
