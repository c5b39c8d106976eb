"""Objections handed in from an entity's page: a form opens a review once, and its page says how it stands."""

import hashlib
import json
import re
import time
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from serving.browser import PAGES
from serving.http import ProblemError
from serving.pages.entity import KINDS, OBJECT, form
from serving.pages.front import Front, asking
from serving.scoring.desk import Desk
from serving.scoring.disputes import Disputed, DisputeState, Kind, opened, state_of
from serving.scoring.idempotency import Answer, Asked, Claim, claim
from serving.scoring.reading import Asked as Known

STATE = "page_dispute"
ONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
TRIES, PAUSE = 20, 0.1  # a form sent twice at once waits for the answer to the first
STATES = {
    "open": ("办理中", "open"),
    "upheld": ("异议成立", "upheld"),
    "partly": ("部分成立", "upheld in part"),
    "rejected": ("异议不成立", "rejected"),
    "withdrawn": ("已撤回", "withdrawn"),
}


def routes(front: Front) -> list[Route]:
    """Where an objection is handed in, and where one sees how it stands."""

    def hand_in(request: Request) -> Response:
        """Open a review by a form; the form is shown again where it cannot be taken as it is."""
        entity, fields = request.path_params["entity"], request.scope["state"]["form"]
        sent = _sent(entity, fields)
        if sent is None:
            known = Known.of(front.desk(), (entity, fields.get("month") or None), request, OBJECT)
            told = {"entity": known.light["code"], "month": known.month.month, **form(_again(fields))}
            return front.page(request, "objection.html", status=422, cited=[], **told)
        return _once(front.desk(), request, sent, fields.get("once", "")).response(request)

    def state(request: Request) -> Response:
        """How a review stands."""
        found = state_of(front.desk(), request.path_params["dispute"], request, STATE)
        return front.page(request, "dispute.html", dispute=found, kinds=KINDS, states=STATES)

    return [
        Route("/entities/{entity}/disputes", hand_in, methods=["POST"]),
        Route("/disputes/{dispute}", state),
    ]


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
                "statement": _statement(fields),
            }
        )
    except ValidationError:
        return None


def _statement(fields: Mapping[str, str]) -> str:
    """What was written, its lines ended as text has them and not as forms send them."""
    return fields.get("statement", "").replace("\r\n", "\n").strip()


def _again(fields: Mapping[str, str]) -> dict[str, Any]:
    """What the form is filled in with when it is shown again."""
    kept = {name: fields.get(name, "") for name in ("once", "about")}
    kind = fields.get("kind", "")
    return {**kept, "kind": kind if kind in get_args(Kind) else "other", "statement": _statement(fields)}


def _once(desk: Desk, request: Request, sent: Disputed, once: str) -> Answer:
    """The answer to a form, which opens one review however often it is sent; a changed one is another."""
    principal = asking(request)
    if ONCE.fullmatch(once) is None:
        raise ProblemError("malformed-request")
    stated = hashlib.sha256(json.dumps(sent.model_dump(), sort_keys=True).encode()).hexdigest()
    mine = _claim(desk, Asked(principal.key, OBJECT, f"{once}-{stated}", stated))
    if isinstance(mine, Answer):
        return mine
    try:
        return opened(desk, sent, (principal, OBJECT), mine, _made)
    except Exception:
        mine.drop(desk.store)
        raise


def _claim(desk: Desk, asked: Asked) -> Claim | Answer:
    for _ in range(TRIES):
        try:
            return claim(desk.store, asked, desk.now())
        except ProblemError as problem:
            if problem.kind != "state-conflict":
                raise
        time.sleep(PAUSE)
    raise ProblemError("state-conflict")


def _made(state: DisputeState) -> Answer:
    found = RedirectResponse(f"{PAGES}/disputes/{state.dispute}", 303)
    return Answer(found.status_code, b"", "text/html", {"location": found.headers["location"]})
