"""The routes of disputes: what is held to be wrong opens a review with a due date; a class is never changed by one."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Path, Request, Response
from pydantic import BaseModel, Field, StringConstraints

from serving import reviews
from serving.access import INTERNAL, Principal, within
from serving.http import ProblemError, Told, tell
from serving.scoring.answers import principal_of
from serving.scoring.contract import NUMBER_PATTERN, STRICT, EntityCode, MonthText
from serving.scoring.desk import Desk, placed
from serving.scoring.idempotency import Answer, Claim, claimed, once
from serving.store import in_utc

ROUTE, STATE_ROUTE = "dispute", "dispute_state"
MOST_OPEN = 20  # of one key about one entity
Number = Annotated[str, StringConstraints(pattern=NUMBER_PATTERN)]
DisputeAsked = Annotated[
    str, Path(description="The number of a dispute.", json_schema_extra={"pattern": NUMBER_PATTERN})
]
Kind = Literal["class", "record", "reason", "identity", "other"]
State = Literal["open", "upheld", "partly", "rejected", "withdrawn"]


class About(BaseModel):
    """Which reason (by its code) or record (by its number in an explanation) is disputed."""

    model_config = STRICT
    reason: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z._:-]{0,79}$")] | None = None
    record: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z._:-]{0,79}$")] | None = None


class Disputed(BaseModel):
    """What is held to be wrong about an entity in a month (the newest unless one is named), and why."""

    model_config = STRICT
    entity: EntityCode
    month: MonthText | None = None
    kind: Kind
    about: About | None = None
    statement: Annotated[str, StringConstraints(min_length=1, max_length=reviews.LONGEST)]


class DisputeState(BaseModel):
    """How a review stands: by when it is answered, and once it is, what was said back."""

    model_config = STRICT
    dispute: Number
    entity: str
    month: MonthText
    kind: Kind
    about: Annotated[dict[str, str], Field(max_length=2)]
    state: State
    opened: str
    due: str
    closed: str | None
    reply: str | None


Row = Mapping[str, Any]
Made = Callable[[DisputeState], Answer]  # how an answer says that a review was opened


def add(app: FastAPI, desk: Callable[[], Desk]) -> None:
    """Register the routes."""
    changing = APIRouter(route_class=once(desk))

    @changing.post("/v1/disputes", operation_id=ROUTE, response_model=DisputeState, status_code=201)
    def dispute(sent: Disputed, request: Request) -> Response:
        """Open a review of what is held to be wrong about an entity."""
        mine = claimed(request)
        return opened(desk(), sent, (principal_of(request, ROUTE), ROUTE), mine, _made).response(request)

    app.include_router(changing)

    @app.get("/v1/disputes/{dispute}", operation_id=STATE_ROUTE)
    def dispute_state(dispute: DisputeAsked, request: Request) -> DisputeState:
        """How a review stands."""
        open_, principal = desk(), principal_of(request, STATE_ROUTE)
        row = sought(open_, dispute, principal)
        tell(request, told_of(row))
        return state_of(open_, row, principal)


def sought(desk: Desk, dispute: str, principal: Principal) -> Row:
    """A review by its number; the same ProblemError for unknown and out of scope."""
    # what no dispute is called is not asked of the store
    row = reviews.found(desk.store, dispute) if re.fullmatch(NUMBER_PATTERN, dispute) else None
    if row is None or not within(principal.grant, row):
        raise ProblemError("not-found")
    return row


def told_of(row: Row) -> Told:
    """Of whom a review tells."""
    return Told((row["entity"],), 1, row["month"])


def opened(desk: Desk, sent: Disputed, asking: tuple[Principal, str], mine: Claim, made: Made) -> Answer:
    """The answer to whoever opens a review on a route, under a claim: one claim opens one.

    ProblemError where it is out of scope, no disputes are taken, or the key has too many open about the entity.
    """
    principal, _ = asking
    if not reviews.takes_disputes(desk.profile):
        raise ProblemError("not-found", [{"pointer": "", "code": "no_disputes_in_this_profile"}])
    month, at = desk.month(sent.month), desk.now()
    place = placed(desk.find(month, sent.entity, asking))
    about = sent.about.model_dump(exclude_none=True) if sent.about else {}
    dispute = reviews.Dispute(sent.entity, month.month, sent.kind, sent.statement, about)
    with desk.store.writing() as connection:
        if reviews.count_open(connection, sent.entity, by=principal.key) >= MOST_OPEN:
            raise ProblemError("state-conflict", [{"pointer": "", "code": "disputes_open"}])
        held = reviews.Place(place["org"], place["departments"])
        row = reviews.opened(connection, dispute, held, by=principal.key, profile=desk.profile, at=at)
        answer = replace(made(state_of(desk, row, principal)), told=told_of(row))
        mine.finish(connection, answer)
        reviews.noted(desk.home, row, {"act": reviews.OPEN}, at=at, actor=principal.key)
    return answer


def decided(desk: Desk, row: Row, closing: reviews.Closing, mine: Claim, answer: Answer) -> Answer:
    """The answer to whoever closes a review with a key, under a claim; ClosingError where it may not be closed so."""
    reviews.check(desk.store, row, closing)
    said = hashlib.sha256(closing.written(row["dispute"])).hexdigest()
    with desk.store.writing() as connection:
        reviews.closed(connection, row, closing)
        mine.finish(connection, answer)
        reviews.noted(desk.home, row, {"act": closing.outcome, "said": said}, at=closing.at, actor=closing.key)
    return answer


def _made(state: DisputeState) -> Answer:
    location = {"location": f"/v1/disputes/{state.dispute}"}
    return Answer(201, state.model_dump_json().encode(), headers=location)


def state_of(desk: Desk, row: Row, principal: Principal) -> DisputeState:
    """How a review stands, as far as the key may see."""
    told = row["told"]
    return DisputeState(
        dispute=row["dispute"],
        entity=row["entity"],
        month=row["month"],
        kind=row["kind"],
        about=_about(desk, row, principal),
        state=row["state"],
        opened=_moment(row["at"], desk),
        due=row["due"].isoformat(),
        closed=_moment(datetime.fromisoformat(told["closed"]), desk) if "closed" in told else None,
        reply=told.get("reply"),
    )


def _about(desk: Desk, row: Row, principal: Principal) -> dict[str, str]:
    """Which reason or record is disputed: to whom nothing internal is told, what he named himself or is told anyway."""
    about = dict(row["told"]["about"])
    if not about or principal.may(INTERNAL) or row["key"] == principal.key:
        return about
    cited = _cited(desk, row, principal)
    return {name: one for name, one in about.items() if one in cited}


def _cited(desk: Desk, row: Row, principal: Principal) -> set[str]:
    """The codes of reasons and the numbers of records the key is told of the entity in the month of a review."""
    try:
        month = desk.month(row["month"])
        found = desk.explanation(month, desk.find(month, row["entity"], (principal, "explanation")), principal)
    except ProblemError:  # it cannot be told, so nothing of it is
        return set()
    reasons = found.get("reasons", ())
    records = {str(record["record"]) for one in reasons for record in one.get("evidence", ())}
    return records | {one["code"] for one in (*reasons, *found.get("rules", ()))}


def _moment(at: datetime, desk: Desk) -> str:
    return in_utc(at).astimezone(desk.profile.zone).isoformat(timespec="seconds")
