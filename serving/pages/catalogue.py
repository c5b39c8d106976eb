"""The indicator catalogue as the newest month was worked out with it: every indicator by section, and one with its
definition in words."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from features.indicators.language import Indicator
from features.indicators.page import UNITS, WORDS, window_in_words
from features.indicators.spoken import spoken
from features.profile import Profile
from features.records.schema import RecordType, record_types
from serving.http import ProblemError
from serving.pages.front import Front, asking, language
from serving.scoring.desk import Desk
from serving.shelf import StoredMonth

LONGEST = 40  # letters of a text that is looked for


def routes(front: Front) -> list[Route]:
    """The catalogue and one indicator of it."""
    known: dict[str, Mapping[str, RecordType]] = {}  # record types by the digest of the definitions they belong to

    def indicators(request: Request) -> Response:
        """Every indicator, or those of a dimension and with a text."""
        asking(request)
        return _catalogue(front, request)

    def indicator(request: Request) -> Response:
        """One indicator: what it counts, over which time, from which records, and what it is used for."""
        asking(request)
        desk, code, tongue = front.desk(), request.path_params["indicator"], language(request)
        month, one, told = desk.newest, _defined(desk).get(code), None
        if code not in month.words["indicators"]:
            raise ProblemError("not-found")
        if one is not None:
            digest = str(month.indicators["digest"])
            if digest not in known:
                known[digest] = record_types(desk.profile)
            told = _told(desk.profile, one, known[digest], tongue)
        shown, stated = _row(month, code, one, tongue), month.words["indicators"][code]
        return front.page(
            request, "indicator.html", month=month, one=shown, stated=stated, told=told, words=WORDS[tongue]
        )

    return [Route("/indicators", indicators), Route("/indicators/{indicator}", indicator)]


def _catalogue(front: Front, request: Request) -> Response:
    """The page of the indicators that are looked for; ProblemError for a dimension there is not, or too long a text."""
    desk, tongue = front.desk(), language(request)
    month, defined = desk.newest, _defined(desk)
    dimension, text = request.query_params.get("dimension", ""), request.query_params.get("q", "").strip()
    dimensions = list(dict.fromkeys(one["dimension"] for one in month.words["sections"].values()))
    if len(text) > LONGEST or dimension not in {"", *dimensions}:
        raise ProblemError("invalid-request")
    rows = [_row(month, code, defined.get(code), tongue) for code in month.words["indicators"]]
    found = [one for one in rows if dimension in {"", one["dimension"]} and _holds(one, text)]
    return front.page(
        request,
        "indicators.html",
        month=month,
        sections=_by_section(month, found),
        words=WORDS[tongue],
        dimensions=dimensions,
        asked={"dimension": dimension, "q": text},
        counts=(len(found), len(rows)),
        is_defined=bool(defined),
        longest=LONGEST,
    )


def _defined(desk: Desk) -> Mapping[str, Indicator]:
    """The definitions the newest month was worked out with, by code; nothing where the service has others."""
    found = desk.definitions()
    return found.by_code if found.digest == desk.newest.indicators["digest"] else {}


def _row(month: StoredMonth, code: str, one: Indicator | None, tongue: str) -> dict[str, Any]:
    stated = month.words["indicators"][code]
    return {
        "code": code,
        **{name: stated[name] for name in ("zh", "en", "section", "dimension", "direction", "role", "visibility")},
        "window": "" if one is None else window_in_words(one.value, tongue),
        "key": one is not None and one.key,
    }


def _holds(row: Mapping[str, Any], text: str) -> bool:
    """Whether a text is in the code or a name of an indicator, in capitals or not."""
    return any(text.casefold() in row[name].casefold() for name in ("code", "zh", "en", "section"))


def _by_section(month: StoredMonth, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The sections that have some of the rows, in the order of the month, with these."""
    found = []
    for code, section in month.words["sections"].items():
        own = [one for one in rows if one["section"] == code]
        if own:
            found.append({"code": code, **section, "rows": own})
    return found


def _told(profile: Profile, one: Indicator, types: Mapping[str, RecordType], tongue: str) -> dict[str, Any]:
    """What only the definition says of an indicator."""
    plain = one.unit.removeprefix("weighted ")
    weighted = WORDS["zh"]["weighted"] if plain != one.unit else ""
    return {
        "definition": spoken(one.value, profile, types, tongue),
        "unit": one.unit if tongue == "en" else weighted + UNITS.get(plain, plain),
        "basis": one.basis,
        "missing": one.missing,
        "monotone": one.monotone,
        "types": [{"zh": types[name].label, "en": types[name].label_en} for name in one.record_types if name in types],
        "items": [_item(code, profile) for code in one.items],
    }


def _item(code: str, profile: Profile) -> dict[str, Any]:
    """A collection item: its names, who provides it, and the day from which it is collected whole."""
    row = profile.items.get(code, {})
    zh, en = str(row.get("label", "")), str(row.get("label_en") or row.get("label", ""))
    return {"code": code, "zh": zh, "en": en, "provider": row.get("provider"), "since": profile.coverage.get(code)}
