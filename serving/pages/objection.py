"""Objections handed in from an entity's page: a form opens a review once."""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.browser import PAGES
from serving.pages.entity import OBJECT, form
from serving.pages.forms import leading_to, once, text
from serving.pages.front import Front, asking
from serving.scoring.disputes import Disputed, DisputeState, Kind, opened
from serving.scoring.idempotency import Answer, Claim
from serving.scoring.reading import Asked


def routes(front: Front) -> list[Route]:
    """Where an objection is handed in."""

    def hand_in(request: Request) -> Response:
        """Open a review by a form; the form is shown again where it cannot be taken as it is."""
        entity, fields = request.path_params["entity"], request.scope["state"]["form"]
        sent, desk = _sent(entity, fields), front.desk()
        if sent is None:
            known = Asked.of(desk, (entity, fields.get("month") or None), request, OBJECT)
            told = {"entity": known.light["code"], "month": known.month.month, **form(_again(fields))}
            return front.page(request, "objection.html", status=422, cited=[], **told)
        principal = asking(request)

        def first(mine: Claim) -> Answer:
            return opened(desk, sent, (principal, OBJECT), mine, _made)

        return once(desk, (principal.key, OBJECT), fields, sent.model_dump(), first).response(request)

    return [Route("/entities/{entity}/disputes", hand_in, methods=["POST"])]


def _sent(entity: str, fields: Mapping[str, str]) -> Disputed | None:
    """What a form states, or nothing where it breaks the contract."""
    kind, _, named = fields.get("about", "").partition(":")
    try:
        return Disputed.model_validate(
            {
                "entity": entity,
                "month": fields.get("month") or None,
                "kind": fields.get("kind"),
                "about": {kind: named} if named else None,
                "statement": text(fields, "statement"),
            }
        )
    except ValidationError:
        return None


def _again(fields: Mapping[str, str]) -> dict[str, Any]:
    """What the form is filled in with when it is shown again."""
    kept = {name: fields.get(name, "") for name in ("once", "about")}
    kind = fields.get("kind", "")
    return {**kept, "kind": kind if kind in get_args(Kind) else "other", "statement": text(fields, "statement")}


def _made(state: DisputeState) -> Answer:
    return leading_to(f"{PAGES}/disputes/{state.dispute}")
