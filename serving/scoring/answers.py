"""How an answer is written: once, as JSON with decimals as strings, with a tag that stands for exactly its bytes."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response

from serving.access import INTERNAL, PROBABILITY, Principal
from serving.http import ProblemError
from serving.scoring.contract import decimal
from serving.shelf import StoredMonth

FORM = "2"  # of the documents; another one when the same month is told in another way
UNTOLD = frozenset({"indicator", "visibility"})  # of reasons and rules


def answer(document: Any, tag: str | None = None) -> Response:
    """A document as the body of an answer."""
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(body, media_type="application/json", headers={"etag": tag} if tag else None)


def tag(principal: Principal, *parts: str) -> str:
    """The strong tag of a document: of what it is made from and of what the key may see."""
    grant = principal.grant
    sight = [FORM, grant.role, str(principal.may(INTERNAL)), str(principal.may(PROBABILITY))]
    return '"' + hashlib.sha256(json.dumps([*sight, *parts]).encode()).hexdigest()[:40] + '"'


def unchanged(request: Request, tag: str) -> Response | None:
    """The answer 304 when the caller has the document already."""
    stated = ",".join(request.headers.getlist("if-none-match"))
    known = {one.strip().removeprefix("W/") for one in stated.split(",")}
    return Response(status_code=304, headers={"etag": tag}) if known & {tag, "*"} else None


def principal_of(request: Request, route: str) -> Principal:
    """Who is asking; ProblemError without a key, or for a role that may not call the route."""
    found = request.scope.get("state", {}).get("principal")
    if not isinstance(found, Principal):
        raise ProblemError("unauthenticated")
    if not found.calls(route):
        raise ProblemError("forbidden")
    return found


def context(month: StoredMonth) -> dict[str, Any]:
    """What every answer about a month says first."""
    notice = month.words["notice"]
    return {
        "month": month.month,
        "scheme": month.head.scheme,
        "indicators": dict(month.indicators),
        "notice": notice["zh"],
        "notice_en": notice["en"],
    }


def decimals(value: Any) -> Any:
    """The same document with every decimal as a string; which indicator a reason is of is left to its code."""
    if value is None or isinstance(value, str):  # most are
        return value
    if isinstance(value, float):
        return decimal(value)
    if isinstance(value, Mapping):
        return {name: decimals(one) for name, one in value.items() if name not in UNTOLD}
    if isinstance(value, list):
        return [decimals(one) for one in value]
    return value
