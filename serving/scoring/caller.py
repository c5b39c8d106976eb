"""Who is asking a route, as the wall found out."""

from starlette.requests import Request

from serving.access import Principal
from serving.http import ProblemError


def caller(request: Request, route: str) -> Principal:
    """The key that asks; ProblemError when there is none, or its role may not call the route."""
    found = request.scope.get("state", {}).get("principal")
    if not isinstance(found, Principal):
        raise ProblemError("unauthenticated")
    if not found.calls(route):
        raise ProblemError("forbidden")
    return found


def only(request: Request, *names: str) -> None:
    """Nothing when the query names nothing else, and nothing twice; ProblemError otherwise."""
    asked = [name for name, _ in request.query_params.multi_items()]
    if set(asked) - set(names) or len(set(asked)) != len(asked):
        raise ProblemError("invalid-request", [{"pointer": "/query", "code": "unknown_parameter"}])
