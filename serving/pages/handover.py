"""How a person comes in by the unified identity portal: sent there, taken back from it, and shown the way out of it."""

import hmac
import logging
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from serving import browser, passage
from serving.access import Person
from serving.doors import Portal
from serving.http import ProblemError
from serving.pages import entrance
from serving.pages.front import Front, contact
from serving.passage import Passage
from serving.portal import AwayError, RefusedError
from serving.sessions import SpentError
from serving.store import StoreError

LOG = logging.getLogger("jianwei.login")
LONGEST_CODE = 2048
NAMED = frozenset({"access_denied", "invalid_request", "invalid_scope", "unauthorized_client", "server_error"})


def routes(front: Front) -> list[Route]:
    """Where a login at the portal begins and ends; none of them where the profile names no portal."""
    portal = front.portal
    if portal is None:
        return []

    async def out(request: Request) -> Response:
        """To the portal, with a passage that this browser keeps."""
        sought = Passage.to(entrance.inside(request.query_params.get("next", "")))
        try:
            place = await (await portal.speaker()).way_in(sought)
        except AwayError as fault:
            return _failed(front, request, "away", str(fault))
        answer = RedirectResponse(place, 303)
        lasts = int(passage.LASTS.total_seconds())
        answer.set_cookie(browser.PASSAGE, portal.passages.sealed(sought), max_age=lasts, **_kept(portal))
        return answer

    async def back(request: Request) -> Response:
        """From the portal: a session for the key of whom it vouches for, if there is one."""
        answer = await _taken_back(front, portal, request)
        answer.delete_cookie(browser.PASSAGE, **_kept(portal))
        return answer

    async def leave(request: Request) -> Response:
        """Out of the portal too, where it says how."""
        try:
            place = await (await portal.speaker()).way_out()
        except AwayError as fault:
            return _failed(front, request, "away", str(fault))
        return entrance.refused(front, request, "stays") if place is None else RedirectResponse(place, 303)

    ways = ((browser.OUT, out), (browser.RETURN, back), (browser.LEAVE, leave))
    return [Route(path.removeprefix(browser.PAGES), way) for path, way in ways]


def _kept(portal: Portal) -> dict[str, Any]:
    """How a browser keeps a passage: for these addresses alone, and sent along when the portal leads back here."""
    return {"path": browser.LOGIN, "httponly": True, "samesite": "lax", "secure": portal.registration.is_secure}


async def _taken_back(front: Front, portal: Portal, request: Request) -> Response:
    """A session's first page, or why there is none."""
    asked = request.query_params
    shown = portal.passages.opened(browser.cookie(request.scope, browser.PASSAGE))
    if shown is None or not hmac.compare_digest(asked.get("state", "").encode(), shown.state.encode()):
        return _failed(front, request, "late", "no passage of this browser")
    code = asked.get("code", "")
    if "error" in asked or not 0 < len(code) <= LONGEST_CODE:
        said = asked.get("error", "")
        return _failed(front, request, "denied", f"the portal said {said if said in NAMED else 'something else'}")
    try:
        login = await (await portal.speaker()).person(code, shown)
    except AwayError as fault:
        return _failed(front, request, "away", str(fault))
    except RefusedError as fault:
        return _failed(front, request, "unproven", str(fault))
    return await run_in_threadpool(_begun, front, portal, request, shown, login)


def _begun(front: Front, portal: Portal, request: Request, shown: Passage, login: str) -> Response:
    """The page somebody wanted, with a session; in words why not, where no key is that person's."""
    sessions, person = front.sessions, Person(portal.registration.issuer, login)
    try:
        principal = sessions.of(person, request.scope["state"]["address"])
        if principal is None:
            known = portal.passages.pseudonym(login)
            return _failed(front, request, "unknown", f"no key of person {known} that may be used here", login=login)
        token = sessions.begin_for(principal, login=shown.state)
    except SpentError:
        return _failed(front, request, "late", "the login began a session before")
    except StoreError:
        raise ProblemError("unavailable") from None
    LOG.info("login by the portal", extra={"key": principal.key})
    return entrance.seated(shown.target, token, is_secure=portal.registration.is_secure)


def _failed(front: Front, request: Request, fault: str, why: str, *, login: str | None = None) -> Response:
    """The login page with what went wrong; the log says why, never who or with which code."""
    LOG.warning("no login by the portal: %s", why)
    asked = None if front.portal is None else contact(front.portal.profile.settings)
    return entrance.refused(front, request, fault, login=login, contact=asked)
