"""How a person comes in and leaves: a session begun by a key (in a sandbox only), style and scripts, the first page."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from serving import browser
from serving.http import ProblemError
from serving.pages.front import ASSETS, STATIC, Front, asking, reachable
from serving.sessions import LASTS

KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
FOREVER = "public, max-age=31536000, immutable"  # an address changes with what lies there


def routes(front: Front) -> list[Route]:
    """What leads to the pages."""

    def first(request: Request) -> Response:
        """The page a person's work begins on."""
        return RedirectResponse(reachable(asking(request))[0]["path"], 303)

    def login(request: Request) -> Response:
        """Where a session begins."""
        return front.page(request, "login.html", refused=False, next=_inside(request.query_params.get("next", "")))

    def enter(request: Request) -> Response:
        """A session for the key of a form, if it lets anybody in; only a sandbox takes keys here."""
        if not front.is_sandbox:
            raise ProblemError("not-found")
        fields, state = request.scope["state"]["form"], request.scope["state"]
        target = _inside(fields.get("next", ""))
        token = front.sessions.begin(fields.get("key", "").strip(), state["address"])
        if token is None:
            return front.page(request, "login.html", status=401, refused=True, next=target)
        answer = RedirectResponse(target, 303)
        answer.set_cookie(
            browser.SESSION,
            token,
            max_age=int(LASTS.total_seconds()),
            path=browser.PAGES,
            httponly=True,
            samesite="lax",
        )
        return answer

    def leave(request: Request) -> Response:
        """The session ends, wherever its cookie is."""
        front.sessions.end(browser.cookie(request.scope, browser.SESSION))
        answer = RedirectResponse(browser.LOGIN, 303)
        answer.delete_cookie(browser.SESSION, path=browser.PAGES)
        return answer

    return [
        Route("/", first),
        Route("/login", login),
        Route("/login", enter, methods=["POST"]),
        Route("/logout", leave, methods=["POST"]),
        Route("/static/{name:path}", _asset),
    ]


def _inside(target: str) -> str:
    """Where to go on after the login: a page of ours, never another host."""
    is_ours = target.startswith(browser.PAGES + "/") and "//" not in target and "\\" not in target
    return target if is_ours and target.isprintable() else browser.PAGES + "/"


def _asset(request: Request) -> Response:
    """A style sheet or script by its name."""
    name = request.path_params["name"]
    if name not in ASSETS:
        raise ProblemError("not-found")
    path = STATIC / name
    return Response(path.read_bytes(), media_type=KINDS[path.suffix], headers={"cache-control": FOREVER})
