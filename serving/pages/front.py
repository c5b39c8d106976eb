"""What every page is made with: who looks, in which language, and the sheet it is printed on."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any

from anyio import to_thread
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from serving import browser, points
from serving.access import RIGHTS, Principal
from serving.doors import Portal
from serving.http import ProblemError
from serving.pages.standing import standing
from serving.scoring.answers import principal_of
from serving.scoring.desk import Desk
from serving.sessions import Sessions

HERE = Path(__file__).resolve().parent
STATIC = HERE / "static"
SHARED = HERE.parent / "templates"  # what the printed sheets tell alike
FLOW = Markup("<!-- -->")  # where a page that flows is cut
Later = Callable[[], Awaitable[Any]]
NAVIGATION = (  # routes a person goes to from every page, in this order
    ("page_monday", "本月工作", "This month"),
    ("page_entities", "名单与查询", "List and search"),
    ("page_disputes", "异议办理", "Disputes"),
    ("page_overview", "分类概览", "Overview"),
    ("page_indicators", "指标目录", "Indicators"),
    ("page_quality", "数据质量", "Data quality"),
    ("page_model", "模型", "Model"),
    ("page_help", "帮助", "Help"),
)


@dataclass(frozen=True)
class Front:
    """Where pages come from: the desk (ProblemError while there is none), sessions, and how people come in."""

    desk: Callable[[], Desk]
    sessions: Sessions
    is_sandbox: bool
    portal: Portal | None = None

    @cached_property
    def templates(self) -> Environment:
        """The sheets; what is not told to one is an error, and what is told is escaped."""
        sheets = Environment(
            loader=FileSystemLoader([HERE / "templates", SHARED]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        sheets.filters["signed"] = points.signed
        return sheets

    def page(self, request: Request, name: str, *, status: int = 200, **told: Any) -> Response:
        """A page by the name of its sheet, in the language of who looks; ``told`` is what the sheet says."""
        text = self.templates.get_template(name).render(**self._said(request), **told)
        return self._kept(request, HTMLResponse(text, status))

    def flowing(self, request: Request, name: str, later: Mapping[str, Later], **told: Any) -> Response:
        """A page sent as it is made: what stands before ``flow`` in its sheet does not wait for what is told ``later``,
        by name, which is asked for then."""
        known: dict[str, Any] = {}
        parts = self.templates.get_template(name).generate(**self._said(request), flow=FLOW, later=known, **told)

        async def sent() -> AsyncIterator[str]:
            yield await to_thread.run_sync("".join, takewhile(lambda part: part != FLOW, parts))
            for one, asked in later.items():
                known[one] = await asked()
            yield await to_thread.run_sync("".join, parts)

        return self._kept(request, StreamingResponse(sent(), media_type="text/html"))

    def _kept(self, request: Request, answer: Response) -> Response:
        """An answer that keeps the language asked for."""
        chosen = request.query_params.get("lang")
        if chosen in {"zh", "en"}:
            answer.set_cookie(browser.LANGUAGE, chosen, path=browser.PAGES, httponly=True, samesite="lax")
        return answer

    def _standing(self, who: Principal, tongue: str) -> dict[str, Any] | None:
        """What stands over every page; nothing while there is no desk."""
        try:
            return standing(self.desk(), who, tongue)
        except ProblemError:
            return None

    def _said(self, request: Request) -> dict[str, Any]:
        """What every sheet says: language, who looks, where one can go, the token of forms."""
        tongue = language(request)
        who = request.scope.get("state", {}).get("principal")
        return {
            "lang": tongue,
            "t": lambda zh, en: zh if tongue == "zh" else en,
            "said": lambda one, name="label": one[name] if tongue == "zh" else one[f"{name}_en"],
            "worded": lambda one: one["zh"] if tongue == "zh" else one["en"],
            "principal": who,
            "role": None if who is None else RIGHTS.labels[who.grant.role],
            "standing": None if who is None else self._standing(who, tongue),
            "navigation": reachable(who),
            "here": request.scope.get("state", {}).get("route"),
            "csrf": browser.csrf(browser.cookie(request.scope, browser.SESSION)),
            "asset": asset,
            "other_language": _turned(request, "en" if tongue == "zh" else "zh"),
            "is_sandbox": self.is_sandbox,
            "printed_at": self.sessions.now().astimezone(self.sessions.zone),
        }


def _turned(request: Request, tongue: str) -> str:
    """Where a page is read in another language; what the portal led back with is not said again."""
    if request.scope["path"] == browser.RETURN:
        return f"{browser.LOGIN}?lang={tongue}"
    return f"?{request.url.include_query_params(lang=tongue).query}"


def contact(settings: Mapping[str, Any]) -> dict[str, str] | None:
    """Whom to ask, as the settings of a profile say (``contact``); else the authority they name."""
    stated = settings.get("contact") or {}
    zh = stated.get("label") or settings.get("authority")
    return None if not zh else {"zh": zh, "en": stated.get("label_en") or settings.get("authority_en") or zh}


def asking(request: Request) -> Principal:
    """Who looks at a page; ProblemError where nobody may."""
    return principal_of(request, request.scope["state"]["route"].name)


def language(request: Request) -> str:
    """The language of a page: as asked for, else as chosen before; Chinese unless it was."""
    asked = request.query_params.get("lang")
    return asked if asked in {"zh", "en"} else browser.language(request.scope)


def reachable(who: Principal | None) -> list[dict[str, str]]:
    """Where this key's role can go."""
    return [
        {"route": route, "path": RIGHTS.routes[route].path, "zh": zh, "en": en}
        for route, zh, en in NAVIGATION
        if who is not None and route in RIGHTS.routes and who.calls(route)
    ]


ASSETS = {
    path.relative_to(STATIC).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    for path in sorted(STATIC.rglob("*"))
    if path.suffix in {".css", ".js", ".svg"}
}


def asset(name: str) -> str:
    """The address of a style sheet or script, which changes with its bytes."""
    return f"{browser.ASSETS}{name}?v={ASSETS[name]}"
