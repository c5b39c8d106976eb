"""The route that scores now: up to a hundred entities of the newest month, some of them with supposed records."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from anyio import to_thread
from fastapi import FastAPI, Request, Response

from serving.access import Principal
from serving.classification import CLASSIFIED
from serving.http import ProblemError, Told, tell
from serving.scoring.answers import answer, context, decimals, principal_of
from serving.scoring.contract import ScoreRequest, Scores, Subject
from serving.scoring.desk import Desk, Light
from serving.shelf import StoredMonth

EXPLAINED = {
    "none": (),
    "reasons": ("reasons", "contributions_in"),
    "contributions": ("reasons", "contributions", "contributions_in", "base"),
}
LONGEST_PURPOSE = 200
FEW = 10  # subjects that are scored in the time of one, nearly


def add(app: FastAPI, desk: Callable[[], Desk]) -> None:
    """Register the route. What takes long goes by the lane: the threads that answer everybody else are few."""

    @app.post("/v1/scores", operation_id="scores", response_model=Scores)
    async def scores(asked: ScoreRequest, request: Request) -> Response:
        """Live scores of up to a hundred entities, in the order asked; the class of a sealed month stays as it is."""
        if asked.is_hypothetical or len(asked.subjects) > FEW:
            return await desk().lane.run(answered, asked, request)
        return await to_thread.run_sync(answered, asked, request)

    def answered(asked: ScoreRequest, request: Request) -> Response:
        principal = principal_of(request, "scores")
        if asked.is_hypothetical:
            check_supposing(principal, request.scope.get("state", {}))
        found, told = scored(desk(), asked, principal)
        tell(request, told)
        return answer(found)


def check_supposing(principal: Principal, state: Mapping[str, Any]) -> None:
    """Nothing when the key's role may suppose records and the request says what for, in words a line can hold."""
    if not principal.supposes:
        raise ProblemError("forbidden")
    stated = state.get("purpose")
    if not isinstance(stated, str) or not 0 < len(stated.strip()) <= LONGEST_PURPOSE or not stated.isprintable():
        raise ProblemError("forbidden", [{"pointer": "/headers/X-Purpose", "code": "missing"}])


def scored(desk: Desk, asked: ScoreRequest, principal: Principal) -> tuple[dict[str, Any], Told]:
    """The answer to a request for scores, and what it tells."""
    month = desk.newest
    rows = desk.seen_of(month, [subject.entity for subject in asked.subjects], principal)
    found = list(zip(asked.subjects, rows, strict=True))
    documents = _documents(desk, month, found, (asked, principal))
    results = [_result(month, row, documents, asked.explain) for row in rows]
    champion = desk.champion
    system = {"version": champion.version, "digest": champion.definitions}
    codes = tuple(row["code"] for row in rows if row is not None)
    told = Told(codes, len(codes), month.month, champion.digest, asked.is_hypothetical)
    return context(month) | {"scheme": champion.digest, "indicators": system, "results": results}, told


def _documents(
    desk: Desk, month: StoredMonth, found: list[tuple[Subject, Light | None]], asking: tuple[ScoreRequest, Principal]
) -> Iterator[Mapping[str, Any]]:
    """The documents of those classified, in order: with supposed records one by one, the others together."""
    asked, principal = asking
    explained = asked.explain != "none"
    known = [(at, subject, row) for at, (subject, row) in enumerate(found) if row and row["status"] == CLASSIFIED]
    plain = [row for _, subject, row in known if not subject.records]
    added = asked.explain == "contributions"
    live = iter(desk.score(month, plain, principal, explained=explained, added=added))
    for at, subject, row in known:
        if not subject.records:
            yield next(live)
            continue
        records = [record.model_dump() for record in subject.records]
        yield desk.suppose(month, (f"/subjects/{at}", row, records), principal, explained=explained)


def _result(month: StoredMonth, row: Light | None, documents: Iterator[Any], explain: str) -> dict[str, Any]:
    if row is None:
        return {"status": "not_found"}
    if row["status"] != CLASSIFIED:
        return {"entity": row["code"], "status": "not_classified", "reason": row["status"]}
    found = next(documents)
    document = {
        "entity": found["entity"],
        "status": "scored",
        "class": found["class"],
        "model_class": found["model_class"],
        "rules": [rule["code"] for rule in found["rules"]],
        "official": {"month": month.month, "supplement": month.supplement(row), "class": row["class"]},
    }
    stated = ("hypothetical", "class_without", "confidence", "certainty", "probability", "margin")
    for name in (*stated, *EXPLAINED[explain]):
        if name in found:
            document[name] = decimals(found[name])
    return document
