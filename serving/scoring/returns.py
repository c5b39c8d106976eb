"""The route by which results of inspections come back; they reach the lake as a delivery, never the class directly."""

from collections.abc import Callable, Sequence
from datetime import UTC
from functools import cache
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, FastAPI, Request, Response
from pydantic import BaseModel, Field, PlainValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError
from sqlalchemy import Connection, select

from serving.access import Principal, within
from serving.feedback import Fault, Feedback, Result
from serving.http import ProblemError, Told
from serving.scoring.answers import principal_of
from serving.scoring.contract import STRICT, EntityCode
from serving.scoring.desk import Desk, placed
from serving.scoring.idempotency import Answer, claimed, is_new, once
from serving.tables import INSPECTION_RESULTS

LARGEST, LONGEST = 2**53 - 1, 4000  # what every reader of JSON reads as it was written; letters of a text
MOST_RESULTS, MOST_FINDINGS, MOST_FIELDS = 1000, 100, 64
ROUTE = "inspection_results"
MOST_FAULTS = 20  # told of a result
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
TEXT = {"type": "string", "description": f"At most {LONGEST} letters."}
VALUE = {
    "anyOf": [
        TEXT,
        {"type": "integer", "minimum": -LARGEST, "maximum": LARGEST},
        {"type": "array", "items": TEXT},
        {"type": "null"},
    ]
}


def _value(stated: object) -> str | int | list[str] | None:
    """A text, a whole number however it is written (to JSON 3.0 is one), or a list of texts; one fault for all else."""
    if isinstance(stated, float) and stated.is_integer():
        stated = int(stated)
    is_number = isinstance(stated, int) and not isinstance(stated, bool) and -LARGEST <= stated <= LARGEST
    if stated is None or is_number or _is_text(stated) or (isinstance(stated, list) and all(map(_is_text, stated))):
        return cast("str | int | list[str] | None", stated)
    raise PydanticCustomError("value_kind", "neither a text, a whole number nor a list of texts")


def _is_text(stated: object) -> bool:
    return isinstance(stated, str) and len(stated) <= LONGEST


def _in_words(schema: dict[str, Any]) -> None:
    """Say how many there may be where a reader looks, not as a bound: so many as are too many are a mebibyte before."""
    schema["description"] = f"At most {schema.pop('maxItems')}, and a mebibyte in all."


def _named(schema: dict[str, Any]) -> None:
    """Say which names there may be and that there are no others, in the way makers of clients understand."""
    ((pattern, value),) = schema.pop("patternProperties").items()
    schema |= {"additionalProperties": value, "propertyNames": {"pattern": pattern}}


Value = Annotated[str | int | list[str] | None, PlainValidator(_value), WithJsonSchema(VALUE)]
Stated = Annotated[dict[Name, Value], Field(max_length=MOST_FIELDS, json_schema_extra=_named)]
State = Literal["accepted", "duplicate", "rejected", "not_found"]
Kept = tuple[State, Sequence[Fault]]  # what became of a result, and what is wrong with it


class Inspected(BaseModel):
    """One inspection of an entity, in the fields of its record type, with its findings in theirs."""

    model_config = STRICT
    entity: EntityCode
    item: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]{1,32}$")] | None = None
    inspection: Stated
    findings: Annotated[list[Stated], Field(max_length=MOST_FINDINGS)] = []


class InspectionResults(BaseModel):
    """Up to a thousand results of inspections."""

    model_config = STRICT
    results: Annotated[list[Inspected], Field(min_length=1, max_length=MOST_RESULTS, json_schema_extra=_in_words)]


class ItemFault(BaseModel):
    """What is wrong with a result: where in the request, and the code of the fault."""

    model_config = STRICT
    pointer: str
    code: str


class Outcome(BaseModel):
    """What became of one result."""

    model_config = STRICT
    outcome: State
    errors: list[ItemFault]


class Outcomes(BaseModel):
    """What became of every result, in the order they were sent, and how many of each."""

    model_config = STRICT
    accepted: int
    duplicate: int
    rejected: int
    not_found: int
    outcomes: list[Outcome]


def add(app: FastAPI, desk: Callable[[], Desk]) -> None:
    """Register the route."""
    router = APIRouter(route_class=once(desk))
    feedback = cache(lambda: Feedback.read(desk().profile))  # a process has one profile

    @router.post("/v1/inspection-results", operation_id=ROUTE, response_model=Outcomes)
    def inspection_results(sent: InspectionResults, request: Request) -> Response:
        """Take results of inspections, each answered for itself; those accepted become records of the next month."""
        return _taken(desk(), feedback(), sent, request).response(request)

    app.include_router(router)


def _taken(desk: Desk, feedback: Feedback | None, sent: InspectionResults, request: Request) -> Answer:
    principal = principal_of(request, ROUTE)
    if feedback is None:
        raise ProblemError("not-found", [{"pointer": "", "code": "no_inspection_results_in_this_profile"}])
    month, at = desk.newest, desk.now().astimezone(UTC)
    results = [_result(one) for one in sent.results]
    lights = month.found([one.entity for one in results])
    reached = [
        place
        for place, one in enumerate(results)
        if one.entity in lights and within(principal.grant, placed(lights[one.entity]))
    ]
    faults = dict(zip(reached, feedback.judge([results[place] for place in reached], at), strict=True))
    entities = tuple(results[place].entity for place in reached)
    told = Told(entities, len(reached), month.month, desk.champion.digest)
    mine = claimed(request)
    sound = {place: results[place] for place in reached if not faults[place]}
    with desk.store.writing() as connection:
        # numbers in one order, whatever order they were sent in: two offices that wait for each other's would deadlock
        by_number = sorted(sound, key=lambda place: feedback.record_key(sound[place]))
        kept = {place: _kept(connection, feedback, sound[place], (principal, at)) for place in by_number}
        unkept: dict[int, Kept] = {place: ("rejected", said) for place, said in faults.items() if said}
        found = kept | unkept
        outcomes = [_outcome(place, found.get(place, ("not_found", ()))) for place in range(len(results))]
        answer = Answer(200, _counted(outcomes).model_dump_json().encode(), told=told)
        mine.finish(connection, answer)
    return answer


def _result(sent: Inspected) -> Result:
    return Result(sent.entity, _texts(sent.inspection), tuple(map(_texts, sent.findings)), sent.item)


def _texts(stated: Stated) -> dict[str, str | None]:
    """Values as a delivery writes them: several codes joined by a bar, what is empty left out."""
    found = {name: "|".join(value) if isinstance(value, list) else value for name, value in stated.items()}
    return {name: str(value).strip(" \u3000") for name, value in found.items() if value is not None}


def _kept(connection: Connection, feedback: Feedback, one: Result, sent: tuple[Principal, object]) -> Kept:
    """Whether a result is new; the same again is a duplicate, and of an office a number names one inspection only.

    A number another office has returned is delivered with the office before it: in the lake it names one inspection.
    """
    principal, at = sent
    org, key, fields = principal.grant.org, feedback.record_key(one), feedback.kept(one)
    row = {"key": principal.key, "org": org, "record_key": key, "entity": one.entity, "fields": fields, "at": at}
    columns = INSPECTION_RESULTS.c
    held = select(columns.fields).where(columns.org == org, columns.record_key == key)
    for told in feedback.told_keys(one, org):
        if is_new(connection, INSPECTION_RESULTS, row | {"told": told}):
            return "accepted", ()
        known = connection.execute(held).scalar()
        if known is not None:
            return ("duplicate", ()) if known == fields else _taken_number(feedback)
    return _taken_number(feedback)


def _taken_number(feedback: Feedback) -> Kept:
    return "rejected", [(f"/inspection/{feedback.number}", "number_taken")]


def _outcome(place: int, became: Kept) -> Outcome:
    """The outcome of a result, with its first faults: an answer does not grow to many times what was sent."""
    state, faults = became
    told = list(dict.fromkeys(faults))
    if len(told) > MOST_FAULTS:
        told = [*told[:MOST_FAULTS], ("", "more_faults")]
    errors = [ItemFault(pointer=f"/results/{place}{where}", code=code) for where, code in told]
    return Outcome(outcome=state, errors=errors)


def _counted(outcomes: Sequence[Outcome]) -> Outcomes:
    states = [one.outcome for one in outcomes]
    return Outcomes(
        accepted=states.count("accepted"),
        duplicate=states.count("duplicate"),
        rejected=states.count("rejected"),
        not_found=states.count("not_found"),
        outcomes=list(outcomes),
    )
