"""The routes integrators call; each asks the desk, none computes."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from serving.access import Principal
from serving.classification import CLASSIFIED
from serving.http import ProblemError, Told, kind_of_status, problem_body, tell
from serving.results import SealedMonth
from serving.scoring.contract import (
    MOST_MONTHS,
    Explanation,
    History,
    HistoryRow,
    IndicatorSystem,
    MonthText,
    NotFound,
    NotScored,
    Official,
    Scored,
    ScoreRequest,
    Scores,
    Subject,
    decimal,
)
from serving.scoring.desk import Desk, Light
from serving.scoring.supposed import Asked, purpose

PROBLEM = "application/problem+json"
MonthAsked = Annotated[MonthText | None, Query()]


def application(desk: Callable[[], Desk]) -> FastAPI:
    """The business routes as one ASGI application; every error is a problem document without the value sent."""
    app = FastAPI(title="Jianwei", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(RequestValidationError, _invalid)
    _score(app, desk)
    _read(app, desk)
    return app


def _score(app: FastAPI, desk: Callable[[], Desk]) -> None:
    @app.post("/v1/scores", response_model_exclude_unset=True)
    def scores(asked: ScoreRequest, request: Request) -> Scores:
        """Live scores of up to a hundred entities, in the order asked."""
        principal = _principal(request)
        if asked.is_hypothetical:
            _check_supposing(principal, request)
        return _scores(desk(), asked, principal, request)


def _read(app: FastAPI, desk: Callable[[], Desk]) -> None:
    @app.get("/v1/entities/{entity}/class", response_model_exclude_unset=True)
    def class_of(entity: str, request: Request, month: MonthAsked = None) -> Explanation:
        """The class of an entity in a sealed month (the newest unless one is named), and what it means."""
        found, light, principal = _found(desk(), (entity, month), request, "class")
        return _explanation(desk().summary(found, light, principal))

    @app.get("/v1/entities/{entity}/explanation", response_model_exclude_unset=True)
    def explanation_of(
        entity: str, request: Request, month: Annotated[MonthText | None, Query()] = None
    ) -> Explanation:
        """Why an entity has its class in a sealed month."""
        found, light, principal = _found(desk(), (entity, month), request, "explanation")
        return _explanation(desk().explanation(found, light, principal))

    @app.get("/v1/entities/{entity}/history")
    def history_of(
        entity: str, request: Request, limit: Annotated[int, Query(ge=1, le=MOST_MONTHS)] = MOST_MONTHS
    ) -> History:
        """The sealed months of an entity, newest first."""
        found, light, principal = _found(desk(), (entity, None), request, "history")
        rows = desk().history(light["code"], limit, principal)
        return History(**_context(found), entity=light["code"], history=[_month(*row) for row in rows])


def _principal(request: Request) -> Principal:
    found = request.scope.get("state", {}).get("principal")
    if not isinstance(found, Principal):
        raise ProblemError("unauthenticated")
    return found


def _found(
    desk: Desk, asked: tuple[str, str | None], request: Request, route: str
) -> tuple[SealedMonth, Light, Principal]:
    if set(request.query_params) - {"month", "limit"}:
        raise ProblemError("invalid-request", [{"pointer": "/query", "code": "unknown_parameter"}])
    principal = _principal(request)
    month = desk.month(asked[1])
    return month, desk.find(month, asked[0], (principal, route)), principal


def _context(month: SealedMonth) -> dict[str, Any]:
    notice, system = month.words["notice"], IndicatorSystem.model_validate(month.indicators)
    return {
        "month": month.month,
        "scheme": month.head.scheme,
        "indicators": system,
        "notice": notice["zh"],
        "notice_en": notice["en"],
    }


def _check_supposing(principal: Principal, request: Request) -> None:
    """Nothing when the key's role may suppose records and the request says what for."""
    if not principal.supposes:
        raise ProblemError("forbidden")
    purpose(request.scope.get("state", {}))


def _scores(desk: Desk, asked: ScoreRequest, principal: Principal, request: Request) -> Scores:
    month = desk.newest
    rows: list[Light | None] = []
    for subject in asked.subjects:
        try:
            rows.append(desk.find(month, subject.entity, (principal, "scores")))
        except ProblemError as problem:
            if problem.kind != "not-found":
                raise
            rows.append(None)
    results = _results(desk, month, list(zip(asked.subjects, rows, strict=True)), (asked, principal))
    codes = tuple(row["code"] for row in rows if row is not None)
    tell(request, Told(codes, len(codes), month.month, desk.champion.digest, asked.is_hypothetical))
    system = IndicatorSystem(version=desk.champion.version, digest=desk.champion.definitions)
    return Scores(**(_context(month) | {"scheme": desk.champion.digest, "indicators": system}), results=results)


def _results(
    desk: Desk, month: SealedMonth, found: list[tuple[Subject, Light | None]], asking: tuple[ScoreRequest, Principal]
) -> list[Scored | NotScored | NotFound]:
    """The answers in the order asked; those with supposed records one by one, the others together."""
    asked, principal = asking
    explained = asked.explain != "none"
    known = [(subject, row) for subject, row in found if row is not None and row["status"] == CLASSIFIED]
    plain = [row for subject, row in known if not subject.records]
    live = iter(desk.score(month, plain, principal, explained=explained))
    results = []
    for number, (subject, row) in enumerate(found):
        one = live
        if subject.records and row is not None and row["status"] == CLASSIFIED:
            records = [record.model_dump() for record in subject.records]
            supposed = Asked(f"/subjects/{number}", row, month.vector(row), records)
            one = iter([desk.suppose(month, supposed, principal, explained=explained)])
        results.append(_result(month, row, one, asked.explain))
    return results


def _result(month: SealedMonth, row: Light | None, live: Any, explain: str) -> Scored | NotScored | NotFound:
    if row is None:
        return NotFound(status="not_found")
    if row["status"] != CLASSIFIED:
        return NotScored(entity=row["code"], status="not_classified", reason=row["status"])
    found = next(live)
    wanted = {"none": (), "reasons": ("reasons",), "contributions": ("reasons", "contributions", "base")}[explain]
    document = {
        "entity": found["entity"],
        "status": "scored",
        "class": found["class"],
        "model_class": found["model_class"],
        "rules": [rule["code"] for rule in found["rules"]],
        "official": Official(month=month.month, supplement=month.supplement(row), class_=row["class"]),
    }
    for name in ("hypothetical", "class_without", "confidence", "certainty", "probability", "margin", *wanted):
        if name in found:
            document[name] = _decimals(found[name])
    return Scored.model_validate(document)


def _explanation(found: dict[str, Any]) -> Explanation:
    return Explanation.model_validate({name: _decimals(value) for name, value in found.items() if name in FIELDS})


FIELDS = {field.alias or name for name, field in Explanation.model_fields.items()}


def _month(month: SealedMonth, light: Light) -> HistoryRow:
    return HistoryRow(
        month=month.month,
        supplement=month.supplement(light),
        scheme=month.parts[light["part"]].head.scheme,
        indicators=IndicatorSystem.model_validate(month.parts[light["part"]].indicators),
        status=light["status"],
        class_=light["class"],
        class_before=light["class_before"],
        cause=light["cause"],
    )


def _decimals(value: Any) -> Any:
    """The same document with every decimal as a string; what a reason does not state is left out."""
    if isinstance(value, float):
        return decimal(value)
    if isinstance(value, dict):
        return {name: _decimals(one) for name, one in value.items() if name not in {"indicator", "visibility"}}
    if isinstance(value, list):
        return [_decimals(one) for one in value]
    return value


async def _problem(_: Request, problem: Exception) -> Response:
    found = problem if isinstance(problem, ProblemError) else ProblemError("internal")
    return Response(problem_body(found), found.status, media_type=PROBLEM)


async def _framework(_: Request, fault: Exception) -> Response:
    status = fault.status_code if isinstance(fault, HTTPException) else 500
    return Response(problem_body(ProblemError(kind_of_status(status))), status, media_type=PROBLEM)


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
