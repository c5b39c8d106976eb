"""The API described: an OpenAPI 3.1 document of every operation, with all it may be asked and all it may answer."""

import hashlib
import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from fastapi import FastAPI, Request, Response

from serving.access import RIGHTS, Route
from serving.http import PROBLEMS
from serving.scoring.answers import unchanged
from serving.scoring.examples import EXAMPLES
from serving.scoring.idempotency import PATTERN as KEY_PATTERN

CHANGING = frozenset({"make_job", "inspection_results", "dispute"})
TAGGED = frozenset({"class", "explanation", "history", "head", "active_model", "reason_codes", "openapi"})
ALWAYS = ("malformed-request", "unauthenticated", "forbidden", "not-found", "method-not-allowed", "too-large")
ALWAYS_TOO = (
    "unsupported-media-type",
    "invalid-request",
    "rate-limited",
    "headers-too-large",
    "request-timeout",
    "internal",
)
OF_STATE = ("unavailable", "overloaded", "timeout")
WITH_BODY = ("malformed-json",)
WRITTEN = ("state-conflict", "idempotency-mismatch")
OF_ROUTES = {
    "scores": ("state-conflict", "records-away"),
    "classes": ("state-conflict",),
    "make_job": WRITTEN,
    "inspection_results": WRITTEN,
    "dispute": WRITTEN,
}
FOLLOWED = {"make_job": ("job", "job"), "dispute": ("dispute_state", "dispute")}  # where an answer leads
REQUEST_ID = {"description": "The number of the request.", "schema": {"type": "string"}}
ETAG = {"description": "Stands for exactly this document.", "schema": {"type": "string"}}
RETRY = {"description": "Seconds to wait.", "schema": {"type": "string"}}
PROBLEM = {
    "title": "Problem",
    "description": "What is wrong with a request (RFC 9457); never repeats a value that was sent.",
    "type": "object",
    "additionalProperties": False,
    "required": ["type", "title", "title_en", "status"],
    "properties": {
        "type": {"type": "string", "pattern": "^urn:jianwei:problem:[a-z-]+$"},
        "title": {"type": "string"},
        "title_en": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "errors": {
            "type": "array",
            "items": {
                "title": "Fault",
                "type": "object",
                "additionalProperties": False,
                "required": ["pointer", "code"],
                "properties": {"pointer": {"type": "string"}, "code": {"type": "string"}},
            },
        },
    },
}
# What a header can carry without being encoded: letters of other scripts may be sent too, in UTF-8.
PURPOSE_PATTERN = "^[0-9A-Za-z_.:/()-]([0-9A-Za-z_ .:/()-]{0,98}[0-9A-Za-z_.:/()-])?$"
PURPOSE = {
    "name": "X-Purpose",
    "in": "header",
    "required": False,
    "description": "What the answer is for; it stands in the audit.",
    "schema": {"type": "string", "pattern": PURPOSE_PATTERN},
}
KNOWN_TAG = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The tag of the document the caller has.",
    "schema": {"type": "string"},  # whatever is no tag of the document is answered with the document
}
ONCE = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "Names the request: sent again under the same key it has one effect and the same answer.",
    "schema": {"type": "string", "pattern": KEY_PATTERN},
}


def add(app: FastAPI) -> None:
    """Register the route of the document itself, and learn what every route may be asked: the last to be registered.

    FastAPI describes routes when it is first asked, which takes 0.2 s and no two threads at once: not a request's work.
    """

    @app.get("/openapi.json", operation_id="openapi", response_model=dict[str, Any])
    def openapi(request: Request) -> Response:
        """This document."""
        body = written(app)
        stands = f'"{hashlib.sha256(body).hexdigest()[:40]}"'  # the same for everybody, and in a sandbox for anybody
        return unchanged(request, stands) or Response(body, media_type="application/json", headers={"etag": stands})

    app.state.questions = _questions(app)


def written(app: FastAPI) -> bytes:
    """The document as it is served; made once."""
    if not hasattr(app.state, "described"):
        app.state.described = json.dumps(document(app), ensure_ascii=False, separators=(",", ":")).encode()
    return bytes(app.state.described)


def _questions(app: FastAPI) -> Mapping[str, frozenset[str]]:
    """The query parameters of every operation."""
    operations = [one for path in app.openapi()["paths"].values() for one in path.values()]
    return {
        one["operationId"]: frozenset(asked["name"] for asked in one.get("parameters", ()) if asked["in"] == "query")
        for one in operations
    }


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the application, completed from the table of routes."""
    found = deepcopy(app.openapi())
    for path in found["paths"].values():
        for operation in path.values():
            _complete(operation, RIGHTS.routes[operation["operationId"]])
    parts = found.setdefault("components", {})
    schemas = {name: one for name, one in parts.get("schemas", {}).items() if "ValidationError" not in name}
    parts["schemas"] = {**schemas, "Problem": PROBLEM}
    parts["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "description": "An API key."}}
    found["security"] = [{"bearer": []}]
    return found


def _complete(operation: dict[str, Any], route: Route) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    for one in responses.values():
        one["headers"] = {**one.get("headers", {}), "X-Request-Id": REQUEST_ID}
    parameters = operation.setdefault("parameters", [])
    if route.name in CHANGING:
        parameters.append(ONCE)
    parameters.append(PURPOSE)
    if route.name in TAGGED:
        parameters.append(KNOWN_TAG)
        responses["200"]["headers"]["ETag"] = ETAG
        headers = {"X-Request-Id": REQUEST_ID, "ETag": ETAG}
        responses["304"] = {"description": "The caller has the document already.", "headers": headers}
    responses |= _problems(route)
    if route.name in FOLLOWED:
        answered, (name, parameter) = _good(responses), FOLLOWED[route.name]
        answered["links"] = {name: {"operationId": name, "parameters": {parameter: f"$response.body#/{parameter}"}}}
    _exemplify(operation, EXAMPLES.get(route.name, {}))
    if not parameters:
        del operation["parameters"]


def _problems(route: Route) -> dict[str, Any]:
    """Every problem a route may answer with, by status."""
    own = (*OF_ROUTES.get(route.name, ()), *(("audit-unavailable",) if route.reads else ()))
    kinds = [*ALWAYS, *ALWAYS_TOO, *OF_STATE, *(WITH_BODY if route.method == "POST" else ()), *own]
    by_status: dict[str, list[str]] = {}
    for kind in kinds:
        by_status.setdefault(str(PROBLEMS[kind][0]), []).append(kind)
    return {status: _problem(status, named) for status, named in sorted(by_status.items())}


def _problem(status: str, kinds: list[str]) -> dict[str, Any]:
    headers = {"X-Request-Id": REQUEST_ID}
    if status in {"429", "503"}:
        headers["Retry-After"] = RETRY
    if status == "401":
        headers["WWW-Authenticate"] = {"description": "How to show a key.", "schema": {"type": "string"}}
    if status == "405":
        headers["Allow"] = {"description": "The methods there are.", "schema": {"type": "string"}}
    content = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {"description": ", ".join(kinds), "headers": headers, "content": {"application/problem+json": content}}


def _exemplify(operation: dict[str, Any], examples: Mapping[str, Any]) -> None:
    """Put the examples of a route where they belong."""
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in examples.get("parameters", {}):
            parameter["example"] = examples["parameters"][parameter["name"]]
    if "body" in examples:
        operation["requestBody"]["content"]["application/json"]["example"] = examples["body"]
    if "answer" in examples:
        _good(operation["responses"])["content"]["application/json"]["example"] = examples["answer"]


def _good(responses: dict[str, Any]) -> dict[str, Any]:
    """The answer to a request that was done."""
    found: dict[str, Any] = next(one for status, one in responses.items() if status.startswith("2"))
    return found
