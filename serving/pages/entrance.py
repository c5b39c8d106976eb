"""How a person comes in and leaves: where a session begins, by a key in a sandbox only, style and scripts."""

from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from serving import browser
from serving.http import ProblemError
from serving.pages.front import ASSETS, STATIC, Front, asking, reachable
from serving.sessions import LASTS

KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
FOREVER = "public, max-age=31536000, immutable"  # an address changes with what lies there
LONGEST_TARGET = 2000  # characters of an address to go on to: a cookie keeps it while somebody is at the portal
FAULTS = {  # why nobody was logged in: status, and what a person is told
    "key": (
        401,
        "密钥不存在、已过期或已被吊销，未登录。请核对后重新输入。",
        "The key is unknown, out of date or revoked; nobody was logged in. Check it and try again.",
    ),
    "late": (
        400,
        "登录已超时、已经用过，或不是从本浏览器发起，未登录。请重新登录。",
        "This login took too long, was used before or was not begun in this browser; nobody was logged in. Begin anew.",
    ),
    "denied": (
        403,
        "统一身份认证门户未予登录。请重新登录；如仍不能登录，请与门户管理人员联系。",
        "The portal did not log you in. Try again; if it goes on, turn to those who run the portal.",
    ),
    "unproven": (
        403,
        "门户返回的身份信息未通过核验，未登录。请重新登录；如仍出现，请告知系统运维人员。",
        "What the portal sent does not prove who you are; nobody was logged in. Try again; if it happens again, tell "
        "the operators.",
    ),
    "unknown": (
        403,
        "您已通过门户认证，但本系统没有为您设置可在此处使用的密钥（未设置、已到期、已吊销或不在允许的网络内），未登录。",
        "The portal knows you, but no key was made here for you that may be used from where you are (none, out of "
        "date, revoked or another network); nobody was logged in.",
    ),
    "away": (
        503,
        "统一身份认证门户暂时无法连接或应答有误，未登录。请稍后再试；如仍出现，请告知系统运维人员。",
        "The portal cannot be reached or does not answer as it should; nobody was logged in. Try again later; if it "
        "happens again, tell the operators.",
    ),
    "stays": (
        200,
        "已退出本系统。门户未提供统一退出地址，请在门户自行退出，或关闭浏览器。",
        "You have left this system. The portal names no address to leave it by: log out there, or close the browser.",
    ),
}


def routes(front: Front) -> list[Route]:
    """What leads to the pages."""

    def first(request: Request) -> Response:
        """The page a person's work begins on."""
        return RedirectResponse(reachable(asking(request))[0]["path"], 303)

    def login(request: Request) -> Response:
        """Where a session begins."""
        told = _told(front, request.query_params.get("next", ""))
        return front.page(request, "login.html", **{**told, "left": "left" in request.query_params})

    def enter(request: Request) -> Response:
        """A session for the key of a form, if it lets anybody in; only a sandbox takes keys here."""
        if not front.is_sandbox:
            raise ProblemError("not-found")
        fields, state = request.scope["state"]["form"], request.scope["state"]
        target = fields.get("next", "")
        token = front.sessions.begin(fields.get("key", "").strip(), state["address"])
        return refused(front, request, "key", target=target) if token is None else seated(inside(target), token)

    def leave(request: Request) -> Response:
        """The session ends, wherever its cookie is."""
        front.sessions.end(browser.cookie(request.scope, browser.SESSION))
        answer = RedirectResponse(browser.LOGIN + ("?left=1" if front.portal else ""), 303)
        answer.delete_cookie(browser.SESSION, path=browser.PAGES)
        return answer

    return [
        Route("/", first),
        Route("/login", login),
        Route("/login", enter, methods=["POST"]),
        Route("/logout", leave, methods=["POST"]),
        Route("/static/{name:path}", _asset),
    ]


def seated(target: str, token: str, *, is_secure: bool = False) -> Response:
    """The way on to a page, with the cookie of a new session."""
    answer = RedirectResponse(target, 303)
    lasts = int(LASTS.total_seconds())
    kept: dict[str, Any] = {"path": browser.PAGES, "httponly": True, "samesite": "lax", "secure": is_secure}
    answer.set_cookie(browser.SESSION, token, max_age=lasts, **kept)
    return answer


def refused(front: Front, request: Request, fault: str, *, target: str = "", **more: Any) -> Response:
    """The login page, which says why nobody was logged in."""
    status, zh, en = FAULTS[fault]
    told = {**_told(front, target), "fault": {"zh": zh, "en": en}, **more}
    return front.page(request, "login.html", status=status, **told)


def inside(target: str) -> str:
    """Where to go on after the login: a page of ours, never another host nor the login itself."""
    is_ours = target.startswith(browser.PAGES + "/") and "//" not in target and "\\" not in target
    is_page = target.isprintable() and len(quote(target)) <= LONGEST_TARGET and not target.startswith(browser.LOGIN)
    return target if is_ours and is_page else browser.PAGES + "/"


def _told(front: Front, target: str) -> dict[str, Any]:
    """What the login page says before anything went wrong."""
    portal = front.portal and front.portal.registration
    return {"portal": portal, "next": inside(target), "left": False, "fault": None, "login": None, "contact": None}


def _asset(request: Request) -> Response:
    """A style sheet or script by its name."""
    name = request.path_params["name"]
    if name not in ASSETS:
        raise ProblemError("not-found")
    path = STATIC / name
    return Response(path.read_bytes(), media_type=KINDS[path.suffix], headers={"cache-control": FOREVER})
