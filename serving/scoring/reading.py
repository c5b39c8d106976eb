"""The routes that read one entity: its class, why, what it could do, its months, the proof a month holds its row."""

import base64
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Request, Response
from pydantic import BeforeValidator, Field

from serving import ledger
from serving.access import INTERNAL, PROBABILITY, Principal
from serving.explanation import Document
from serving.http import ProblemError, Told, tell
from serving.ledger import LedgerError
from serving.results import publisher_key
from serving.scoring.answers import answer, context, decimals, principal_of, tag, unchanged
from serving.scoring.contract import CODE_PATTERN, MOST_MONTHS, Explanation, History, MonthText, Recourse, whole
from serving.scoring.desk import Desk, Light, secret_of
from serving.scoring.listed import InclusionProof
from serving.shelf import StoredMonth

FIELDS = {field.alias or name for name, field in Explanation.model_fields.items()}
EntityAsked = Annotated[str, Path(description="The entity's code.", json_schema_extra={"pattern": CODE_PATTERN})]
PeriodAsked = Annotated[MonthText | None, Query(description="The sealed month; the newest unless one is named.")]
MonthsAsked = Annotated[
    Annotated[int, Field(ge=1, le=MOST_MONTHS)], BeforeValidator(whole), Query(description="How many months at most.")
]


@dataclass(frozen=True)
class Asked:
    """A question about one entity that may be answered: where its row lies, and who asks."""

    desk: Desk
    month: StoredMonth
    light: Light
    principal: Principal
    route: str

    @classmethod
    def of(cls, desk: Desk, place: tuple[str, str | None], request: Request, route: str) -> "Asked":
        """The question, and what its answer tells noted; the same ProblemError for unknown and out of scope."""
        principal = principal_of(request, route)
        month = desk.month(place[1])
        light = desk.find(month, place[0], (principal, route))
        scheme = month.parts[light["part"]].head.scheme
        tell(request, Told((light["code"],), 1, month.month, scheme))
        return cls(desk, month, light, principal, route)

    def answered(self, request: Request, heads: list[str], told: Callable[[], Any]) -> Response:
        """The document, made only for a caller that does not have it already."""
        stands = tag(self.principal, self.route, self.light["code"], *heads)
        return unchanged(request, stands) or answer(told(), stands)

    def row(self, month: StoredMonth, light: Light) -> Document:
        """One month of the entity's history, as far as the key may see."""
        part = month.parts[light["part"]]
        return {
            "month": month.month,
            "supplement": month.supplement(light),
            "scheme": part.head.scheme,
            "indicators": dict(part.indicators),
            "status": light["status"],
            "class": light["class"],
            "class_before": light["class_before"],
            "cause": self.desk.cause(light, self.principal),
        }


def add(app: FastAPI, desk: Callable[[], Desk]) -> None:
    """Register the routes."""
    _documents(app, desk)
    _recourse(app, desk)
    _history(app, desk)
    _proof(app, desk)


def _documents(app: FastAPI, desk: Callable[[], Desk]) -> None:
    @app.get("/v1/entities/{entity}/class", operation_id="class", response_model=Explanation)
    def class_of(entity: EntityAsked, request: Request, period: PeriodAsked = None) -> Response:
        """The class of an entity in a sealed month, and what it means: rules, measures."""
        asked = Asked.of(desk(), (entity, period), request, "class")
        heads = [asked.month.head.digest]
        return asked.answered(
            request, heads, lambda: _told(asked.desk.summary(asked.month, asked.light, asked.principal))
        )

    @app.get("/v1/entities/{entity}/explanation", operation_id="explanation", response_model=Explanation)
    def explanation_of(entity: EntityAsked, request: Request, period: PeriodAsked = None) -> Response:
        """Why an entity has its class in a sealed month, on which records, and what changed since the month before."""
        asked = Asked.of(desk(), (entity, period), request, "explanation")
        heads = [asked.month.head.digest, asked.desk.head_before(asked.month)]
        return asked.answered(
            request, heads, lambda: _told(asked.desk.explanation(asked.month, asked.light, asked.principal))
        )


def _recourse(app: FastAPI, desk: Callable[[], Desk]) -> None:
    @app.get("/v1/entities/{entity}/recourse", operation_id="recourse", response_model=Recourse)
    async def recourse_of(entity: EntityAsked, request: Request, period: PeriodAsked = None) -> Response:
        """What an entity could do itself that would change its class, tried on its records as of the month."""
        return await desk().lane.run(answered, entity, request, period)

    def answered(entity: str, request: Request, period: str | None) -> Response:
        asked = Asked.of(desk(), (entity, period), request, "recourse")
        found = asked.desk.recourse(asked.month, asked.light, asked.principal)
        said = context(asked.month) | {"scheme": asked.month.parts[asked.light["part"]].head.scheme}
        return answer(said | {"entity": asked.light["code"]} | decimals(found))


def _history(app: FastAPI, desk: Callable[[], Desk]) -> None:
    @app.get("/v1/entities/{entity}/history", operation_id="history", response_model=History)
    def history_of(entity: EntityAsked, request: Request, limit: MonthsAsked = MOST_MONTHS) -> Response:
        """The sealed months of an entity that stand, newest first."""
        asked = Asked.of(desk(), (entity, None), request, "history")
        rows = asked.desk.history(asked.light["code"], limit, asked.principal)
        tell(request, Told((asked.light["code"],), len(rows), asked.month.month, asked.month.head.scheme))
        heads = [asked.month.head.digest, *(month.head.digest for month, _ in rows)]
        return asked.answered(
            request,
            heads,
            lambda: (
                context(asked.month) | {"entity": asked.light["code"], "history": [asked.row(*one) for one in rows]}
            ),
        )


def _proof(app: FastAPI, desk: Callable[[], Desk]) -> None:
    @app.get("/v1/entities/{entity}/proof", operation_id="proof", response_model=InclusionProof)
    def proof_of(entity: EntityAsked, request: Request, period: PeriodAsked = None) -> Response:
        """The proof that a sealed month holds an entity's row. The row is told whole, so it takes both rights."""
        principal = principal_of(request, "proof")
        if not (principal.may(INTERNAL) and principal.may(PROBABILITY)):
            raise ProblemError("forbidden")
        asked = Asked.of(desk(), (entity, period), request, "proof")
        return answer(proven(asked))


def _told(found: Document) -> Document:
    return {name: decimals(value) for name, value in found.items() if name in FIELDS}


def proven(asked: Asked) -> Document:
    """The proof of a row, checked as its reader will check it before it is given away."""
    desk, key = asked.desk, publisher_key(asked.desk.home)
    proof = asked.month.proof(asked.light, secret_of(desk.home, "salts"))
    if not ledger.proof_holds(proof, key):
        raise LedgerError(f"{asked.month.month}: the proof of a row does not hold. It was not given away.")
    return {
        "entity": asked.light["code"],
        "row": base64.b64encode(proof.row).decode(),
        "salt": proof.salt.hex(),
        "index": proof.index,
        "path": [one.hex() for one in proof.path],
        "head": asdict(proof.head),
        "signature": proof.signature,
        "publisher": key.public_bytes_raw().hex(),
    }
