"""What a browser sends and is sent at the pages: its session, forms from our own pages only, problems in words."""

import hashlib
import hmac
from collections.abc import Mapping
from html import escape
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from serving.http import SECURITY, ProblemError, Receive, buffered, header, media_type, problem_headers

PAGES = "/ui"
ASSETS = PAGES + "/static/"
LOGIN = PAGES + "/login"
OUT, RETURN, LEAVE = (f"{LOGIN}/{name}" for name in ("portal", "return", "leave"))  # to the portal, back, out of it
SESSION, LANGUAGE, PASSAGE = "jianwei_session", "jianwei_language", "jianwei_login"
FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 50
CSRF = "csrf"  # the field of a form that proves it is from a page of the session
OWN = {
    b"content-security-policy": b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    b"referrer-policy": b"same-origin",  # else a browser would not say that a form comes from here
}
PAGE_SECURITY = tuple((name, OWN.get(name, value)) for name, value in SECURITY)
ADVICE = {  # what to do next, by kind of problem
    "not-found": (
        "没有这一页，或者所查主体不在您的管辖范围内。请核对代码后再试。",
        "There is no such page, or the entity lies outside your scope. Check the code and try again.",
    ),
    "cross-site": (
        "为防止冒用，表单须从本系统的页面提交，且登录未过期。请重新打开页面后再提交；未作任何更改。",
        "A form must come from a page of this system while its session lasts. Open it again; nothing was changed.",
    ),
    "forbidden": (
        "您的角色不使用这一页。需要时请向省级管理员申请。",
        "Your role does not use this page. Ask the provincial administrator if you need it.",
    ),
    "rate-limited": (
        "查询过快，或今日查看的主体数已达上限。请稍后再试。",
        "Too many pages at once, or too many entities seen today. Try again later.",
    ),
    "": (
        "未作任何更改。如仍出现，请把页面上的时间告知系统运维人员。",
        "Nothing was changed. If it happens again, tell the operators when it happened.",
    ),
}
NOTICE = ("内部参考，不作为信用评价", "For internal reference; not an assessment of credit")  # on every page
PAGE = """<!DOCTYPE html>
<html lang="{tongue}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="{assets}page.css"></head><body><p class="notice">{notice}</p>
<main id="main"><h1>{title}</h1><p>{more}</p><p><a href="{pages}">{home}</a></p></main></body></html>
"""


def is_page(scope: Mapping[str, Any]) -> bool:
    """Whether a request is for a page or something pages are made of."""
    return bool(scope["path"] == PAGES or scope["path"].startswith(PAGES + "/"))


def is_open(scope: Mapping[str, Any]) -> bool:
    """Whether a request is for what is read without a session: style and script, and where one logs in."""
    return scope["method"] in {"GET", "HEAD"} and (scope["path"].startswith(ASSETS) or scope["path"] == LOGIN)


def is_login(scope: Mapping[str, Any]) -> bool:
    """Whether a request would begin a session, or has the portal asked for one."""
    by_key = scope["method"] == "POST" and scope["path"] == LOGIN
    return bool(by_key or (scope["method"] == "GET" and scope["path"] in {OUT, RETURN, LEAVE}))


def cookie(scope: Mapping[str, Any], name: str) -> str:
    """A cookie of a request; empty when it has none that can be read."""
    found: SimpleCookie = SimpleCookie()
    try:
        found.load("; ".join(value.decode("latin-1") for value in header(scope, b"cookie")))
    except CookieError:
        return ""
    return found[name].value if name in found else ""


def language(scope: Mapping[str, Any]) -> str:
    """The language a browser has chosen; Chinese unless it did."""
    return "en" if cookie(scope, LANGUAGE) == "en" else "zh"


def csrf(session: str) -> str:
    """What forms of a session's pages carry; nobody who lacks the session can know it."""
    return hmac.digest(session.encode(), CSRF.encode(), hashlib.sha256).hex()


async def form(scope: Mapping[str, Any], receive: Receive) -> dict[str, str]:
    """The fields of a form sent from a page of ours; ProblemError for any other body, or from elsewhere."""
    _check_from_here(scope)
    if media_type(scope) != FORM:
        raise ProblemError("unsupported-media-type")
    try:
        body = (await buffered(scope, receive)).decode("ascii")
        pairs = parse_qsl(body, keep_blank_values=True, strict_parsing=bool(body), errors="strict", encoding="utf-8")
    except ValueError:
        raise ProblemError("malformed-request") from None
    found = dict(pairs)
    if len(found) != len(pairs) or len(pairs) > MOST_FIELDS:
        raise ProblemError("malformed-request")
    return found


def _check_from_here(scope: Mapping[str, Any]) -> None:
    """Nothing when a browser says that a form was sent from this origin, or says nothing at all (it is no browser)."""
    site, origin = header(scope, b"sec-fetch-site"), header(scope, b"origin")
    if any(one not in {b"same-origin", b"none"} for one in site):
        raise ProblemError("cross-site")
    hosts = [one.decode("latin-1") for one in header(scope, b"host")]
    if any(urlsplit(one.decode("latin-1")).netloc not in hosts for one in origin):
        raise ProblemError("cross-site")


def check_token(fields: dict[str, str], session: str) -> dict[str, str]:
    """The fields of a form without its token; ProblemError when it is not the session's."""
    stated = fields.pop(CSRF, "")
    if not hmac.compare_digest(stated.encode(), csrf(session).encode()):
        raise ProblemError("cross-site")
    return fields


def problem(found: ProblemError, scope: Mapping[str, Any]) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """A problem as a person reads it: status, headers and page. Who has no session is shown where to begin one."""
    headers = [one for one in problem_headers(found, b"") if one[0] in {b"retry-after", b"allow"}] + [*PAGE_SECURITY]
    if found.kind == "unauthenticated" and scope["method"] in {"GET", "HEAD"}:
        asked = scope.get("query_string", b"").decode("latin-1")
        back = quote(scope["path"] + (f"?{asked}" if asked else ""))
        return 303, [*headers, (b"location", f"{LOGIN}?next={back}".encode()), (b"content-length", b"0")], b""
    body = page_of(found, language(scope)).encode()
    kind = (b"content-type", b"text/html; charset=utf-8")
    return found.status, [*headers, kind, (b"content-length", str(len(body)).encode())], body


def page_of(found: ProblemError, tongue: str) -> str:
    """A problem as a page; it repeats nothing that was sent."""
    chinese = tongue == "zh"
    return PAGE.format(
        tongue="zh-CN" if chinese else "en",
        title=escape(found.title if chinese else found.title_en),
        more=escape(ADVICE.get(found.kind, ADVICE[""])[0 if chinese else 1]),
        notice=NOTICE[0 if chinese else 1],
        home="返回首页" if chinese else "to the first page",
        assets=ASSETS,
        pages=PAGES,
    )
