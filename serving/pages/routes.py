"""The pages as one application; each asks the desk, none computes what the API does not."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving import browser
from serving.http import ProblemError, kind_of_status
from serving.pages import (
    catalogue,
    disputes,
    entities,
    entity,
    entrance,
    guide,
    handover,
    model,
    monday,
    objection,
    overview,
    quality,
)
from serving.pages.front import Front

PARTS = (
    entrance,
    handover,
    monday,
    entities,
    overview,
    entity,
    objection,
    disputes,
    catalogue,
    quality,
    model,
    guide,
)


def application(front: Front) -> Starlette:
    """The pages as one ASGI application, to be mounted at ``/ui``; problems are told as pages."""
    routes: list[Route] = [one for part in PARTS for one in part.routes(front)]
    return Starlette(routes=routes, exception_handlers={ProblemError: _problem, HTTPException: _framework})


async def _problem(request: Request, fault: Exception) -> Response:
    found = fault if isinstance(fault, ProblemError) else ProblemError("internal")
    status, headers, body = browser.problem(found, request.scope)
    own = {name.decode(): value.decode() for name, value in headers if (name, value) not in browser.PAGE_SECURITY}
    return Response(body, status, headers=own)


async def _framework(request: Request, fault: Exception) -> Response:
    status = fault.status_code if isinstance(fault, HTTPException) else 500
    return await _problem(request, ProblemError(kind_of_status(status)))
