"""The routes integrators call as one application; each asks the desk, none computes."""

from collections.abc import Callable
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from serving.http import ProblemError, kind_of_status, problem_body
from serving.scoring import described, disputes, jobs, lists, reading, returns, scores
from serving.scoring.desk import Desk

PROBLEM = "application/problem+json"


def application(desk: Callable[[], Desk]) -> FastAPI:
    """The business routes as one ASGI application; every error is a problem document without the value sent."""
    app = FastAPI(
        title="Jianwei",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(_known_question)],
    )
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(RequestValidationError, _invalid)
    for routes in (scores, reading, lists, jobs, returns, disputes):
        routes.add(app, desk)
    described.add(app)
    return app


async def _known_question(request: Request) -> None:
    """ProblemError when a query has a parameter the route does not know, or one twice."""
    known = request.app.state.questions[request.scope["route"].operation_id]
    stated = [name for name, _ in request.query_params.multi_items()]
    if set(stated) - known:
        raise ProblemError("invalid-request", [{"pointer": "/query", "code": "unknown_parameter"}])
    if len(set(stated)) != len(stated):
        raise ProblemError("invalid-request", [{"pointer": "/query", "code": "repeated_parameter"}])


async def _problem(_: Request, problem: Exception) -> Response:
    found = problem if isinstance(problem, ProblemError) else ProblemError("internal")
    return Response(problem_body(found), found.status, media_type=PROBLEM)


async def _framework(_: Request, fault: Exception) -> Response:
    status = fault.status_code if isinstance(fault, HTTPException) else 500
    headers = fault.headers if isinstance(fault, HTTPException) else None  # 405 says which methods there are
    return Response(problem_body(ProblemError(kind_of_status(status))), status, headers=headers, media_type=PROBLEM)


async def _invalid(_: Request, fault: Exception) -> Response:
    """Where a request breaks the contract and how; names and values that were sent stay out of it."""
    stated = fault.errors() if isinstance(fault, RequestValidationError) else []
    errors = [{"pointer": _pointer(one), "code": str(one["type"])} for one in stated]
    return Response(problem_body(ProblemError("invalid-request", errors)), 422, media_type=PROBLEM)


def _pointer(error: dict[str, Any]) -> str:
    """The place of a fault; of a field that does not exist, the object it stood in."""
    place = list(error["loc"][1:] if error["loc"][:1] == ("body",) else error["loc"])
    if error["type"] == "extra_forbidden":
        place = place[:-1]
    if "[key]" in place:  # a name that was sent is no place of ours
        place = place[: max(place.index("[key]") - 1, 0)]
    return "/" + "/".join(str(part) for part in place)
