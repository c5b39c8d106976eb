"""The overview: a month at a glance for the scope of a key, from counts made when the month was loaded."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from features.asof import Month
from features.profile import Profile
from serving.access import RIGHTS, Principal, within
from serving.ledger import LedgerError
from serving.pages import atlas, figures
from serving.pages.figures import Parts, Shares
from serving.pages.front import Front, asking, language
from serving.pages.health import domains, health
from serving.pages.places import Places
from serving.pages.suppression import Line, Told
from serving.scoring.desk import DEPARTMENT_READER, Desk
from serving.shelf import StoredMonth
from serving.tally import Tallied, tallied, traited

MONTHS = 12
PUBLISHED = "published_shares"
LISTED = "page_entities"  # where the entities behind a number are listed


@dataclass(frozen=True)
class View:
    """What one key looks at: a month, the loaded month before it if there is one, and its own part of both."""

    desk: Desk
    principal: Principal
    places: Places
    month: StoredMonth

    @property
    def profile(self) -> Profile:
        """The profile of the home."""
        return self.desk.profile

    def counted(self, month: StoredMonth) -> Tallied:
        """The counts of a month the key's scope reaches."""
        return tallied(month, self.principal.grant)

    @property
    def earlier(self) -> list[str]:
        """The loaded months before this one, oldest first."""
        return [name for name in self.desk.results.months() if name < self.month.month]

    @property
    def is_whole(self) -> bool:
        """Whether the key reaches everybody of the month."""
        grant = self.principal.grant
        return not grant.departments and all(within(grant, {"org": org, "departments": ""}) for org in self.month.orgs)

    @property
    def untold_kinds(self) -> tuple[str, ...]:
        """The kinds of whose entities the key is told no cause and no rule."""
        run_by_persons = (self.profile.settings.get("masking") or {}).get("kinds", ())
        return tuple(run_by_persons) if self.principal.grant.role == DEPARTMENT_READER else ()


def routes(front: Front) -> list[Route]:
    """The page of the overview."""
    known: list[Places] = []  # of the profile in use; reading its files takes longer than all else

    def places(profile: Profile) -> Places:
        if not known or known[0].profile is not profile:
            known[:] = [Places(profile)]
        return known[0]

    def overview(request: Request) -> Response:
        """The overview of a month."""
        principal, desk = asking(request), front.desk()
        month = desk.month(request.query_params.get("period") or None)
        view = View(desk, principal, places(desk.profile), month)
        try:
            now = figures.shares(view.counted(month), view.places)
        except LedgerError:
            return front.page(request, "overview.html", month=month.month, months=_months(desk), shares=None)
        shows = request.query_params.get("show")
        told = _told(view, now, shows if shows in atlas.SHOWS else atlas.SHARE, language(request))
        return front.page(request, "overview.html", month=month.month, months=_months(desk), shares=now, **told)

    return [Route("/overview", overview)]


def _months(desk: Desk) -> list[str]:
    return desk.results.months()[::-1]


def _told(view: View, now: Shares, shows: str, tongue: str) -> dict[str, Any]:
    """What the sheet says beside the shares of the month."""
    name = view.earlier[-1] if view.earlier else None
    before = _of(view, name, lambda one: figures.shares(one, view.places))
    then = None if name is None or before is None else _along(view, view.desk.results.month(name), before.total)
    series, unread = _series(view, now.total)
    told = health(view.desk, view.principal, view.month.month)
    maps = atlas.drawn(view.places, _codes(now), lambda code: atlas.value_of(shows, code, now, before))
    return {
        "scope": _scope(view, tongue),
        "before_month": name,
        "before": before,
        "change": lambda code: atlas.value_of(atlas.CHANGE, code, now, before),
        "traits": _along(view, view.month, now.total),
        "traits_before": then,
        "series": series,
        "unread": unread,
        "chart": _chart(series),
        "maps": maps,
        "show": shows,
        "figure": lambda value: atlas.written(shows, value),
        "none_told": Told({}, now.total),
        "health": told,
        "domains": domains(view.profile, view.places.settings.get("domains"), told["data"]),
        **_beside(view, now),
        **_worded(view, tongue),
    }


def _along(view: View, month: StoredMonth, total: Line) -> dict[str, Parts] | None:
    """The classes of a month along its dimensions; nothing where it was loaded before it was counted by any."""
    if month.traits is None:
        return None
    return figures.along(traited(month, view.principal.grant), total, month.traits)


def _beside(view: View, now: Shares) -> dict[str, Any]:
    """Who moved, who has no class, who is counted apart, and the bands the shares should lie in."""
    counted, hidden = view.counted(view.month), view.untold_kinds
    stated = view.places.settings.get("apart") or {}
    apart = figures.apart(counted, stated.get("rules", ()), now.kinds)
    shown = {kind: one for kind, one in apart.items() if kind not in hidden}
    return {
        "moves": figures.moves(counted, now.total, hidden),
        "untold": hidden,
        "statuses": figures.statuses(counted),
        "apart": shown,
        "apart_words": stated,
        "bands": _bands(view, now, shown),
        "published": view.profile.table(PUBLISHED) if view.profile.has(PUBLISHED) else (),
    }


def _worded(view: View, tongue: str) -> dict[str, Any]:
    """The words of the sheet, in which order things are told, and where numbers lead."""
    link = _links(view)
    return {
        "words": view.month.words,
        "status_words": _coded(view.profile, "scope"),
        "cause_words": figures.cause_words,
        "place": lambda code: view.places.label(code, tongue),
        "link": link,
        "moved_link": _moved_links(link),
        "region_link": _region_links(view, link),
        "share": figures.share,
        "changed": figures.changed,
        "risks": figures.RISKS,
        "first": figures.FIRST,
        "sources": figures.SOURCES,
        "moves_of": figures.MOVES,
        "side": atlas.SIDE,
        "gap": atlas.GAP,
    }


def _of(view: View, name: str | None, made: Callable[[Tallied], Any]) -> Any:
    """What is made of another month's counts; nothing without the month, or where it was loaded without counts."""
    if name is None:
        return None
    try:
        return made(view.counted(view.desk.results.month(name)))
    except LedgerError:
        return None


def _series(view: View, now: Line) -> tuple[dict[str, Line], list[str]]:
    """The classes of the last months up to this one, oldest first; and the months without counts."""
    found, unread = {}, []
    for name in view.earlier[1 - MONTHS :]:
        one = _of(view, name, figures.totals)
        if one is None:
            unread.append(name)
        else:
            found[name] = one
    return {**found, view.month.month: now}, unread


def _chart(series: Mapping[str, Line]) -> dict[str, Any]:
    """The shares of the months in percent, for a chart; a number that is not told is a gap."""
    of_class = {
        risk: [None if (one := figures.share(line, risk)) is None else round(100 * one, 1) for line in series.values()]
        for risk in figures.RISKS
    }
    return {"months": list(series), "shares": of_class}


def _bands(view: View, now: Shares, without: Mapping[str, Any]) -> dict[str, Any]:
    """Shares beside the guard bands of the profile, which hold for everybody: nothing for a part of them."""
    if not view.is_whole or not view.profile.has("classes"):
        return {}
    wanted = view.profile.dated("classes", Month.parse(view.month.month).end, under="targets")["kinds"]
    return figures.bands(wanted, now.kinds, without)


def _codes(now: Shares) -> Sequence[str]:
    """The cities and counties the scope has entities in."""
    return list(dict.fromkeys([*now.cities.lines, *(code for told in now.counties.values() for code in told.lines)]))


def _scope(view: View, tongue: str) -> str:
    org = view.principal.grant.org
    if view.is_whole:
        return view.profile.label if tongue == "zh" else view.profile.label_en
    return view.places.label(org, tongue) if org else ""


def _coded(profile: Profile, setting: str) -> dict[str, dict[str, str]]:
    """The words of a code list a setting of the profile names."""
    rows = profile.codelist(profile.settings[setting]["list"]).rows
    return {row["code"]: {"zh": row["label"], "en": row.get("label_en") or row["label"]} for row in rows}


def _links(view: View) -> Callable[..., str | None]:
    """Where the entities behind a number are listed, for who may open it."""
    may = LISTED in RIGHTS.routes and view.principal.calls(LISTED)

    def link(**narrowed: str) -> str | None:
        return RIGHTS.routes[LISTED].path + "?" + urlencode({"month": view.month.month, **narrowed}) if may else None

    return link


def _moved_links(link: Callable[..., str | None]) -> Callable[[str, str], str | None]:
    """Where those are listed that went from one class into others (a letter each)."""

    def moved(before: str, after: str) -> str | None:
        narrowed = {"change": "new"} if before == figures.FIRST else {"before": before}
        return link(**narrowed, **{"class": after})

    return moved


def _region_links(view: View, link: Callable[..., str | None]) -> Callable[[str, str], str | None]:
    """Where a region's entities of some classes are listed, if what codes begin with narrows a list to exactly them."""
    places, codes = view.places, {str(key[0] or "") for key in view.counted(view.month).by("region", "kind", "class")}
    meant: dict[str, set[str]] = {}
    for code in codes:
        for one in places.lines(code):
            meant.setdefault(one, set()).add(code)

    def listed(region: str, risks: str) -> str | None:
        start = places.prefix(region)
        begun = {code for code in codes if code.startswith(start)}
        return link(region=start, **{"class": risks}) if begun == meant.get(region) else None

    return listed
