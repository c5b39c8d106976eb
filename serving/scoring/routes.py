"""The routes integrators call; each asks the desk, none computes."""

from collections.abc import Callable
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from serving.access import Principal
from serving.classification import CLASSIFIED
from serving.http import ProblemError, Told, kind_of_status, problem_body, tell
from serving.results import SealedMonth
from serving.scoring import described, lists, reading
from serving.scoring.answers import answer, context, decimals, principal_of
from serving.scoring.contract import ScoreRequest, Scores
from serving.scoring.desk import Desk, Light

PROBLEM = "application/problem+json"
EXPLAINED = {"none": (), "reasons": ("reasons",), "contributions": ("reasons", "contributions", "base")}


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
    _score(app, desk)
    for routes in (reading, lists):  # further rooms of routes stand here, each with its own add(app, desk)
        routes.add(app, desk)
    described.add(app)
    return app


async def _known_question(request: Request) -> None:
    """ProblemError when a query has a parameter the route does not know, or one twice."""
    known = described.questions(request.app)[request.scope["route"].operation_id]
    stated = [name for name, _ in request.query_params.multi_items()]
    if set(stated) - known:
        raise ProblemError("invalid-request", [{"pointer": "/query", "code": "unknown_parameter"}])
    if len(set(stated)) != len(stated):
        raise ProblemError("invalid-request", [{"pointer": "/query", "code": "repeated_parameter"}])


def _score(app: FastAPI, desk: Callable[[], Desk]) -> None:
    @app.post("/v1/scores", operation_id="scores", response_model=Scores)
    def scores(asked: ScoreRequest, request: Request) -> Response:
        """Live scores of up to a hundred entities, in the order asked; the class of a sealed month stays as it is."""
        principal = principal_of(request, "scores")
        found, told = scored(desk(), asked, principal)
        tell(request, told)
        return answer(found)


def scored(desk: Desk, asked: ScoreRequest, principal: Principal) -> tuple[dict[str, Any], Told]:
    """The answer to a request for scores, and what it tells."""
    month = desk.newest
    rows = desk.seen_of(month, [subject.entity for subject in asked.subjects], principal)
    classified = [row for row in rows if row is not None and row["status"] == CLASSIFIED]
    live = iter(desk.score(month, classified, principal, explained=asked.explain != "none"))
    results = [_result(month, row, live, asked.explain) for row in rows]
    champion = desk.champion
    system = {"version": champion.version, "digest": champion.definitions}
    codes = tuple(row["code"] for row in rows if row is not None)
    told = Told(codes, len(codes), month.month, champion.digest)
    return context(month) | {"scheme": champion.digest, "indicators": system, "results": results}, told


def _result(month: SealedMonth, row: Light | None, live: Any, explain: str) -> dict[str, Any]:
    if row is None:
        return {"status": "not_found"}
    if row["status"] != CLASSIFIED:
        return {"entity": row["code"], "status": "not_classified", "reason": row["status"]}
    found = next(live)
    document = {
        "entity": found["entity"],
        "status": "scored",
        "class": found["class"],
        "model_class": found["model_class"],
        "rules": [rule["code"] for rule in found["rules"]],
        "official": {"month": month.month, "supplement": month.supplement(row), "class": row["class"]},
    }
    for name in ("confidence", "certainty", "probability", "margin", *EXPLAINED[explain]):
        if name in found:
            document[name] = decimals(found[name])
    return document


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
    return "/" + "/".join(str(part) for part in place)
