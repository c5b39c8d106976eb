"""The page of one entity: its class, why, on which records, what changed, and what the entity itself can do."""

import json
import secrets
from asyncio import timeout
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving import office, offices, points, publicity, recourse
from serving.access import INTERNAL, PROBABILITY
from serving.classification import CLASSIFIED
from serving.explanation import INTERNAL as INTERNAL_LINE
from serving.explanation import Document
from serving.http import ProblemError
from serving.pages.front import Front
from serving.reviews import LONGEST, takes_disputes
from serving.scoring.desk import Light
from serving.scoring.reading import Asked, proven
from serving.shelf import StoredMonth
from training.scheme import EXPOSURE
from training.sureness import LABELS

NAME, PROOF, OBJECT = "page_entity", "page_proof", "page_object"
UNFINISHED = "unfinished"
PATIENCE = 5.0  # seconds the page waits for what the entity could do: it has eight in all
MONTHS = 12
MOVED = 8  # lines of what moved since last month
STEPS = {
    "data": ("新事实（记录）", "new facts (records)"),
    "model": ("模型更新", "the model"),
    "threshold": ("分界值", "the cutoffs"),
    "rule": ("直接判定规则", "the direct-determination rules"),
    "steadiness": ("平稳处理（边界保护）", "steadiness (held by the margin)"),
}
EXPOSED = ("检查频次等暴露因素（同类一律按平均计）", "exposure to inspection (alike for all of a kind)")
KINDS = {
    "class": ("分类结果", "the class"),
    "record": ("所列记录", "a record that is cited"),
    "reason": ("所列原因", "a reason that is named"),
    "identity": ("主体身份（不是本主体的记录）", "whose records these are"),
    "other": ("其他", "something else"),
}
RECOURSE = {
    recourse.SAFEST: ("已是风险最低的类别，无须改变。", "The class is the safest there is; nothing needs to change."),
    recourse.NO_ACTS: ("本地未列出主体自身可为之事。", "This place lists nothing an entity can do itself."),
    recourse.AWAY: (
        "本机没有记录库，无法在此推算；可在存有记录库的机器上用 jianwei acts 查询。",
        "The records are not on this machine, so it cannot be worked out here; jianwei acts says it where they are.",
    ),
    recourse.DIFFER: (
        "封存之后又有补录的记录，或口径已更新，与封存值不一致，无法推算；请待次月结果。",
        "Records came in after the month was sealed, or definitions changed, so that its values do not come out again: "
        "it cannot be worked out; wait for the next month.",
    ),
    recourse.NOT_CLASSIFIED: ("该主体本月未分类。", "The entity has no class this month."),
    recourse.ONLY_CLASS: ("", ""),
    UNFINISHED: (
        "此项暂未推算完毕，本页其他内容不受影响；请稍后刷新本页。",
        "This was not worked out in time; the rest of the page does not depend on it. Load the page again in a while.",
    ),
}


NAMES = {  # by which the sheet calls what documents say in codes
    "causes": office.CAUSES,
    "confidence": LABELS,
    "aspects": office.ASPECTS,
    "gap_words": office.GAPS,
    "dimensions": office.DIMENSIONS | {INTERNAL_LINE["zh"]: tuple(INTERNAL_LINE.values())},
    "steps": STEPS,
    "no_recourse": RECOURSE,
}


def routes(front: Front) -> list[Route]:
    """The page of an entity, and the proof that a sealed month holds its row."""

    def page(request: Request) -> Response:
        """One entity in a sealed month."""
        asked = _asked(front, request, NAME)
        return front.flowing(request, "entity.html", {"recourse": partial(_recourse, asked)}, **_told(asked))

    def proof(request: Request) -> Response:
        """The proof as a file; the row is told whole, so it takes both rights."""
        asked = _asked(front, request, PROOF)
        if not _is_proven(asked):
            raise ProblemError("forbidden")
        name = f"{asked.light['code']}-{asked.month.month}-proof.json"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(json.dumps(proven(asked)), media_type="application/json", headers=headers)

    return [Route("/entities/{entity}", page), Route("/entities/{entity}/proof", proof)]


def _asked(front: Front, request: Request, route: str) -> Asked:
    named = request.query_params.get("period") or None
    return Asked.of(front.desk(), (request.path_params["entity"], named), request, route)


def _is_proven(asked: Asked) -> bool:
    who = asked.principal
    return who.calls(PROOF) and who.may(INTERNAL) and who.may(PROBABILITY)


async def _recourse(asked: Asked) -> Document:
    """What the entity could do itself, if that can be said in time."""
    desk = asked.desk
    try:
        async with timeout(PATIENCE):
            return await desk.lane.run(desk.recourse, asked.month, asked.light, asked.principal)
    except (TimeoutError, ProblemError):
        return {"state": UNFINISHED}


def _told(asked: Asked) -> Document:
    """What the sheet says."""
    desk, month, light, who = asked.desk, asked.month, asked.light, asked.principal
    found, words = desk.explanation(month, light, who), month.words
    part = month.parts[light["part"]]
    whole = light["status"] == CLASSIFIED and "reasons" in found
    reasons, scaled = points.reasons(found, words, desk.profile), points.scale(found)
    gaps, months = found.get("data_gaps", []), _months(asked)
    return {
        "found": found,
        "named": light.get("name"),
        "whole": whole,
        "words": words,
        "sources": {one["source"]: one for one in words["latest_delivery"]},
        "where": _where(asked),
        "reasons": [one for one in reasons if one["contribution"] >= 0],
        "easing": [one for one in reasons if one["contribution"] < 0],
        "uncited": points.uncited(found, words),
        "hidden": None if who.may(INTERNAL) else _internal_points(found, words),
        **_added(found, words, told=whole),
        **scaled,
        "sections": [one for one in points.sections(found, words).values() if round(one["points"] or 0)],
        "lines": (lines := _lines(found, found.get("contributions", {}), words)),
        "idle": sum(not round(one["adds"], scaled["places"]) for one in lines),
        "change": _change(found, words),
        "months": [(row[0].month, asked.row(*row)) for row in months],
        "chart": _chart(months, probable=who.may(PROBABILITY)),
        "gaps": [gap for gap in gaps if gap["why"] != "no_record"],
        "without": [gap for gap in gaps if gap["why"] == "no_record"],
        "part": part,
        "as_of": part.manifest["as_of"],
        "sector": desk.profile.sector,
        "is_proven": _is_proven(asked),
        "disputes": desk.dispute_terms,
        "publicity_home": publicity.home(desk.profile),
        "objects": who.calls(OBJECT) and takes_disputes(desk.profile),
        **form({"once": secrets.token_urlsafe(24), "kind": "record", "about": "", "statement": ""}),
        "periods": desk.results.months()[::-1],
        **NAMES,
    }


def form(filled: Mapping[str, str]) -> Document:
    """What the form of an objection is made of, and how it is filled in."""
    return {"kinds": KINDS, "longest": LONGEST, "objected": filled}


def _where(asked: Asked) -> dict[str, tuple[str, str]]:
    """Region, supervising office and status in the register in words, as far as they are known."""
    profile, light = asked.desk.profile, asked.light
    status = light.get("registration")
    told: dict[str, Callable[[str], str]] = {
        "region": lambda tongue: offices.place(profile, light["region"], tongue) if light["region"] else "",
        "status": lambda tongue: offices.standing(profile, status, tongue) if status else "",
        "office": lambda tongue: offices.office(profile, light["org"], tongue) if light["org"] else "",
    }
    return {name: (said("zh"), said("en")) for name, said in told.items()}


def _internal_points(found: Document, words: Mapping[str, Any]) -> int | None:
    """What internally marked information adds in all, in points: all that is told of it without the right."""
    adds = found.get("contributions", {}).get(INTERNAL_LINE[words["language"]])
    return None if adds is None else round(adds * points.scale(found)["factor"])


def _added(found: Document, words: Mapping[str, Any], *, told: bool) -> Document:
    """What each dimension adds, and with the right to the margin what all add up to; printed points add up exactly."""
    bars, margin = points.bars(found, words) if told else [], found.get("margin")
    if not bars or margin is None:
        return {"bars": bars, "sums": None}
    whole = round(margin * points.POINTS)
    return {"bars": bars, "sums": {"base": whole - sum(bar["points"] for bar in bars), "whole": whole}}


def _lines(found: Document, contributions: Mapping[str, float], words: Mapping[str, Any]) -> list[Document]:
    """What every indicator adds, by dimension, the strongest first."""
    order = {name: place for place, name in enumerate(office.DIMENSIONS)}
    marked = set(found.get("internal_values", ()))
    factor = points.scale(found)["factor"]
    lines = [_line(code, adds * factor, words, marked) for code, adds in contributions.items()]
    return sorted(lines, key=lambda one: (order.get(one["dimension"], len(order)), -abs(one["adds"])))


def _line(code: str, adds: float, words: Mapping[str, Any], marked: set[str]) -> Document:
    stated = words["indicators"].get(code)
    if stated is None:
        zh, en = EXPOSED if code == EXPOSURE else tuple(INTERNAL_LINE.values())
        return {"zh": zh, "en": en, "dimension": "", "adds": adds, "internal": code != EXPOSURE}
    internal = code in marked or stated["visibility"] != "publishable"
    named = {"zh": stated["zh"], "en": stated["en"], "dimension": stated["dimension"]}
    return {**named, "adds": adds, "internal": internal}


def _change(found: Document, words: Mapping[str, Any]) -> Document | None:
    """What changed since the month before, and the indicators that moved most."""
    change = found.get("change")
    if change is None:
        return None
    moved = sorted(_lines(found, change["contributions"], words), key=lambda one: -abs(one["adds"]))
    return {**change, "moved": [one for one in moved if round(one["adds"])][:MOVED]}


def _months(asked: Asked) -> list[tuple[StoredMonth, Light]]:
    """The last months up to the one looked at, oldest first."""
    later = sum(name > asked.month.month for name in asked.desk.results.months())
    rows = asked.desk.history(asked.light["code"], MONTHS + later, asked.principal)
    return [row for row in rows if row[0].month <= asked.month.month][:MONTHS][::-1]


def _chart(months: list[tuple[StoredMonth, Light]], *, probable: bool) -> Document:
    """What the chart of the months draws; the probability only with its right."""
    return {
        "months": [month.month for month, _ in months],
        "classes": [light["class"] for _, light in months],
        "probabilities": [light["probability"] for _, light in months] if probable else None,
    }
