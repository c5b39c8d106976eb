"""Requests that change something: under one idempotency key they do it once, and are given the first answer again."""

import hashlib
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy import Connection, Table, and_, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from serving.http import ProblemError, Told, problem_body, tell
from serving.scoring.answers import principal_of
from serving.scoring.desk import Desk
from serving.store import Store, in_utc
from serving.tables import IDEMPOTENCY

KEPT = timedelta(hours=24)
STALE = timedelta(seconds=60)  # a first request that has not answered by then has died
PATTERN = r"^[!-~]{1,255}$"
GIVEN = re.compile(PATTERN.strip("^$"))
PROBLEM, JSON = "application/problem+json", "application/json"
FAULTS = (ProblemError, RequestValidationError, HTTPException)
Inner = Callable[[Request], Awaitable[Response]]
Received = Callable[[Request], Awaitable[str]]


@dataclass(frozen=True)
class Asked:
    """A request that changes something: whose key, which route, the idempotency key given, the body's digest."""

    key: str
    route: str
    given: str
    sha256: str


@dataclass(frozen=True)
class Answer:
    """An answer as it is kept and given again."""

    status: int
    body: bytes
    media: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    told: Told | None = None

    def response(self, request: Request) -> Response:
        """The answer to a request, with what it tells."""
        if self.told is not None:
            tell(request, self.told)
        return Response(self.body, self.status, dict(self.headers), self.media)


@dataclass(frozen=True)
class Claim:
    """The right to answer a request first; it ends when another takes it over."""

    asked: Asked
    at: datetime

    def finish(self, connection: Connection, answer: Answer) -> None:
        """Keep the answer, in the very transaction of what was done; ProblemError when the claim was taken over."""
        told = None if answer.told is None else asdict(answer.told)
        stated = {"media": answer.media, "headers": dict(answer.headers), "told": told}
        kept = update(IDEMPOTENCY).where(_is(self.asked), *_unanswered(self.at))
        done = connection.execute(kept.values(status=answer.status, answer=answer.body, headers=stated))
        if done.rowcount != 1:
            raise ProblemError("state-conflict")

    def drop(self, store: Store) -> None:
        """Let the request be made anew: nothing was done."""
        with store.writing() as connection:
            connection.execute(delete(IDEMPOTENCY).where(_is(self.asked), *_unanswered(self.at)))


def claim(store: Store, asked: Asked, now: datetime) -> Claim | Answer:
    """The right to answer, or the answer that was given; ProblemError for another body, or while it is being given.

    A claim whose holder has died is taken over. Keys older than a day are forgotten as new ones come.
    """
    moment = now.astimezone(UTC)
    with store.reading() as connection:
        query = select(IDEMPOTENCY).where(_is(asked), IDEMPOTENCY.c.at >= moment - KEPT)
        found = connection.execute(query).mappings().first()
    if found is None:
        return _claimed(store, asked, moment)
    if found["sha256"] != asked.sha256:
        raise ProblemError("idempotency-mismatch")
    if found["status"] is not None:
        return _kept(found)
    begun = in_utc(found["at"])
    if moment - begun < STALE:
        raise ProblemError("state-conflict")
    with store.writing() as connection:
        taken = update(IDEMPOTENCY).where(_is(asked), *_unanswered(begun)).values(at=moment)
        if connection.execute(taken).rowcount != 1:
            raise ProblemError("state-conflict")
    return Claim(asked, moment)


def _claimed(store: Store, asked: Asked, moment: datetime) -> Claim:
    with store.writing() as connection:
        connection.execute(delete(IDEMPOTENCY).where(IDEMPOTENCY.c.at < moment - KEPT))
        if not is_new(connection, IDEMPOTENCY, {**asdict(asked), "at": moment}):
            raise ProblemError("state-conflict")
    return Claim(asked, moment)


def is_new(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Whether a row was put in; it is not where another holds its place already."""
    maker = postgresql if connection.dialect.name == "postgresql" else sqlite
    put = maker.insert(table).values(**row).on_conflict_do_nothing().returning(*table.primary_key)
    return connection.execute(put).first() is not None


def _is(asked: Asked) -> Any:
    columns = IDEMPOTENCY.c
    return and_(columns.key == asked.key, columns.route == asked.route, columns.given == asked.given)


def _unanswered(since: datetime) -> tuple[Any, ...]:
    return IDEMPOTENCY.c.at == since, IDEMPOTENCY.c.status.is_(None)


def _kept(found: Mapping[Any, Any]) -> Answer:
    stated = found["headers"]
    told = stated["told"]
    if told is not None:
        told = Told(**{**told, "entities": tuple(told["entities"])})
    return Answer(found["status"], bytes(found["answer"]), stated["media"], stated["headers"], told)


async def body_digest(request: Request) -> str:
    """The SHA-256 of a body."""
    return hashlib.sha256(await request.body()).hexdigest()


def _nothing(_: Request) -> None:
    """What is done with the body of most requests once they are answered."""


def once(
    desk: Callable[[], Desk], received: Received = body_digest, done: Callable[[Request], None] = _nothing
) -> type[APIRoute]:
    """Routes that need an idempotency key; ``received`` takes the body in and says its digest, ``done`` lets it go.

    The handler finds its claim with ``claimed`` and finishes it in the transaction of what it does.
    """

    class Once(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            inner, route = super().get_route_handler(), str(self.operation_id)

            async def handle(request: Request) -> Response:
                try:
                    return await _answered(request, await _asked(request, route, received), inner, desk())
                finally:
                    done(request)

            return handle

    return Once


def claimed(request: Request) -> Claim:
    """The claim a request is answered under."""
    found = request.state.claim
    assert isinstance(found, Claim)  # noqa: S101 - set by the route before its handler runs
    return found


async def _asked(request: Request, route: str, received: Received) -> Asked:
    principal = principal_of(request, route)
    given = request.headers.getlist("idempotency-key")
    if not given:
        raise ProblemError("malformed-request", [{"pointer": "/headers/Idempotency-Key", "code": "missing"}])
    if len(given) > 1 or GIVEN.fullmatch(given[0]) is None:
        raise ProblemError("invalid-request", [{"pointer": "/headers/Idempotency-Key", "code": "idempotency_key"}])
    return Asked(principal.key, route, given[0], await received(request))


async def _answered(request: Request, asked: Asked, inner: Inner, desk: Desk) -> Response:
    try:
        found = await run_in_threadpool(claim, desk.store, asked, desk.now())
    except ProblemError as problem:
        return _refused(problem)
    if isinstance(found, Answer):
        return found.response(request)
    request.state.claim = found
    return await _first(request, inner, desk.store)


async def _first(request: Request, inner: Inner, store: Store) -> Response:
    """The answer of the handler; a refusal is kept too, a failure of ours is not: then it may be asked again."""
    mine = claimed(request)
    try:
        return await inner(request)
    except FAULTS as fault:
        response = await _problem(request, fault)
        if response.status_code >= 500 or _lost(fault):
            await run_in_threadpool(mine.drop, store)
            return response
        answer = Answer(response.status_code, bytes(response.body), PROBLEM, told=Told((), 0))
        await run_in_threadpool(_keep, store, mine, answer)
        return answer.response(request)
    except Exception:
        await run_in_threadpool(mine.drop, store)
        raise


def _lost(fault: Exception) -> bool:
    return isinstance(fault, ProblemError) and fault.kind == "state-conflict"


def _keep(store: Store, mine: Claim, answer: Answer) -> None:
    with store.writing() as connection:
        mine.finish(connection, answer)


def _refused(problem: ProblemError) -> Response:
    headers = {"retry-after": "1"} if problem.kind == "state-conflict" else {}
    return Response(problem_body(problem), problem.status, headers, PROBLEM)


async def _problem(request: Request, fault: Exception) -> Response:
    """What the application answers to a fault."""
    kind = next(kind for kind in type(fault).__mro__ if kind in request.app.exception_handlers)
    found: Response = await request.app.exception_handlers[kind](request, fault)
    return found
