"""The routes that read no single entity: pages of classes, heads, the scheme in force, and reason codes."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Path, Query, Request, Response
from pydantic import BeforeValidator, Field, StringConstraints

from evaluation.promotion import Act as Promotion
from evaluation.promotion import Champion
from serving.access import PROBABILITY, Principal
from serving.http import ProblemError, Told, tell
from serving.listing import CODE, NAME, PART, After, Filters
from serving.results import publisher_key
from serving.scoring import cursors
from serving.scoring.answers import answer, context, decimals, principal_of, tag, unchanged
from serving.scoring.contract import MOST_ROWS, RiskClass, whole
from serving.scoring.cursors import Place
from serving.scoring.desk import Desk, Light, placed, secret_of
from serving.scoring.listed import ActiveModel, Classes, Heads, ReasonCodes
from serving.scoring.reading import PeriodAsked
from serving.scoring.reigns import champion_on
from serving.shelf import StoredMonth

MONTH = r"^[0-9]{4}-(0[1-9]|1[0-2])$"
CURSORS = "cursors"


def stated_day(stated: object) -> date:
    """A day as RFC 3339 writes one; ValueError for what else a reader of dates would take."""
    if not isinstance(stated, str) or re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", stated) is None:
        raise ValueError
    return date.fromisoformat(stated)


RegionAsked = Annotated[
    Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,16}$")] | None,
    Query(description="The code of a region, or what codes of regions begin with."),
]
KindAsked = Annotated[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,39}$")] | None, Query()]
ClassAsked = Annotated[RiskClass | None, Query(alias="class")]
CursorAsked = Annotated[
    Annotated[str, StringConstraints(pattern=cursors.PATTERN)] | None,
    Query(description="What the page before named as next; only with the same other parameters."),
]
RowsAsked = Annotated[
    Annotated[int, Field(ge=1, le=MOST_ROWS)], BeforeValidator(whole), Query(description="How many entities at most.")
]
VersionAsked = Annotated[
    Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,39}$")] | None,
    Query(description="The version of the indicator system; that of the newest month unless one is named."),
]
HeadAsked = Annotated[str, Path(description="A sealed month.", json_schema_extra={"pattern": MONTH})]
DayAsked = Annotated[
    Annotated[date, BeforeValidator(stated_day)] | None,
    Query(description="The end of this day, today unless one is named."),
]


def add(app: FastAPI, desk: Callable[[], Desk]) -> None:
    """Register the routes."""
    _classes(app, desk)
    _heads(app, desk)
    _active(app, desk)
    _reason_codes(app, desk)


def _classes(app: FastAPI, desk: Callable[[], Desk]) -> None:
    @app.get("/v1/classes", operation_id="classes", response_model=Classes)
    def classes(
        request: Request,
        asked: Annotated[dict[str, str], Depends(_filters)],
        cursor: CursorAsked = None,
        limit: RowsAsked = 100,
    ) -> Response:
        """The entities the key may see in a sealed month, page by page; all pages are of one head."""
        principal, open_ = principal_of(request, "classes"), desk()
        month, after = started(open_, cursor, principal, asked)
        filters = Filters(asked.get("region", ""), asked.get("class"), asked.get("kind"))
        found = open_.page(month, (filters, after, limit + 1), principal)
        rows, going_on = found[:limit], len(found) > limit
        tell(request, Told(tuple(row["code"] for row in rows), len(rows), month.month, month.head.scheme))
        following = following_of(open_, month, rows[-1], (principal, asked), filters) if going_on else None
        items = [_item(open_, month, row, principal) for row in rows]
        return answer(context(month) | {"head": month.head.digest, "items": items, "next": following})


async def _filters(
    period: PeriodAsked = None, region: RegionAsked = None, risk: ClassAsked = None, kind: KindAsked = None
) -> dict[str, str]:
    """What was asked for, by name."""
    stated = {"period": period, "region": region, "class": risk, "kind": kind}
    return {name: value for name, value in stated.items() if value is not None}


def started(
    desk: Desk, cursor: str | None, principal: Principal, asked: Mapping[str, str]
) -> tuple[StoredMonth, After | None]:
    """The month to read and where to go on; a cursor leads back to the head it was given for, or to a ProblemError."""
    if cursor is None:
        return desk.month(asked.get("period")), None
    place = cursors.read(secret_of(desk.home, CURSORS), cursor, principal.key, asked)
    if place is None:
        raise ProblemError("not-found")
    month = desk.month(place.month)
    if (month.head.digest, month.load) != (place.head, place.load):
        raise ProblemError("state-conflict", [{"pointer": "/query/cursor", "code": "month_replaced"}])
    return month, place.after


def following_of(
    desk: Desk, month: StoredMonth, last: Light, asking: tuple[Principal, Mapping[str, str]], filters: Filters
) -> str:
    """The cursor of the page after one that ends with an entity, for who asks what."""
    principal, asked = asking
    lot = last["lot"] if principal.pseudonymous else None
    order = month.listing.order(desk.sought(filters, principal))
    text = {NAME: last.get("name"), PART: last.get("name"), CODE: last["code"]}.get(order)
    place = Place(
        month.month, month.head.digest, month.load, placed(last)["org"], last["code"], lot, text, order == PART
    )
    return cursors.written(secret_of(desk.home, CURSORS), place, principal.key, asked)


def _item(desk: Desk, month: StoredMonth, light: Light, principal: Principal) -> dict[str, Any]:
    found = {name: light[name] for name in ("kind", "region", "status", "class", "class_before")}
    found["cause"] = desk.cause(light, principal)
    if principal.may(PROBABILITY):
        found |= {name: decimals(light[name]) for name in ("confidence", "probability")}
    return {"entity": desk.told_as(light["code"], principal), "supplement": month.supplement(light), **found}


def _heads(app: FastAPI, desk: Callable[[], Desk]) -> None:
    @app.get("/v1/heads/{month}", operation_id="head", response_model=Heads)
    def head(month: HeadAsked, request: Request) -> Response:
        """The signed heads of a month and its supplements, to hold proofs and receipts against."""
        principal, open_ = principal_of(request, "head"), desk()
        found = open_.month(month)
        stands = tag(principal, "head", found.head.digest)
        return unchanged(request, stands) or answer(_sealings(open_, found), stands)


def _sealings(desk: Desk, month: StoredMonth) -> dict[str, Any]:
    sealings = [
        {"head": asdict(part.head), "digest": part.head.digest, "signature": part.signature} for part in month.parts
    ]
    publisher = publisher_key(desk.home).public_bytes_raw().hex()
    return {"month": month.month, "digest": month.head.digest, "publisher": publisher, "heads": sealings}


def _active(app: FastAPI, desk: Callable[[], Desk]) -> None:
    @app.get("/v1/models/active", operation_id="active_model", response_model=ActiveModel)
    def active(request: Request, at: DayAsked = None) -> Response:
        """Which scheme decided on a day, since when, who proposed and who approved it, and on which evidence."""
        principal, open_ = principal_of(request, "active_model"), desk()
        today = open_.today
        day = min(at or today, today)  # of a day to come nothing else is known than of today
        found = champion_on(open_, day)
        if found is None:
            raise ProblemError("not-found")
        stands = tag(principal, "active_model", day.isoformat(), found.decided.entry)
        return unchanged(request, stands) or answer(_decided(found, day), stands)


def _decided(found: Champion, day: date) -> dict[str, Any]:
    return {
        "at": day.isoformat(),
        "scheme": found.scheme,
        "since": found.since.isoformat(),
        "proposed": None if found.proposal is None else _act(found.proposal),
        "decided": _act(found.decided),
        **{name: getattr(found.decided, name) for name in ("verdict", "verdict_digest", "report_digest", "reason")},
    }


def _act(act: Promotion) -> dict[str, str]:
    return {"by": act.by, "at": act.at.isoformat(), "action": act.action}


def _reason_codes(app: FastAPI, desk: Callable[[], Desk]) -> None:
    @app.get("/v1/reason-codes", operation_id="reason_codes", response_model=ReasonCodes)
    def reason_codes(request: Request, version: VersionAsked = None) -> Response:
        """The codes reasons bear, in words, of an indicator system."""
        principal, open_ = principal_of(request, "reason_codes"), desk()
        month = _of_version(open_, version)
        stands = tag(principal, "reason_codes", version or "", "" if month is None else month.head.digest)
        if month is not None:
            found = {"indicators": dict(month.indicators), "codes": _of_words(month.words)}
        elif version == open_.champion.version:
            system = {"version": version, "digest": open_.champion.definitions}
            found = {"indicators": system, "codes": _of_definitions(open_)}
        else:
            raise ProblemError("not-found")
        return unchanged(request, stands) or answer(found, stands)


def _of_version(desk: Desk, version: str | None) -> StoredMonth | None:
    """The newest month of a version of the indicator system; the newest of all when none is named."""
    if version is None:
        return desk.newest
    months = (desk.results.month(name) for name in reversed(desk.results.months()))
    return next((month for month in months if month.indicators["version"] == version), None)


def _of_words(words: Mapping[str, Any]) -> list[dict[str, Any]]:
    read = {code: one for code, one in words["indicators"].items() if one["role"] == "feature"}
    found = [
        _code(f"{one['section']}-{code}", (one["zh"], one["en"], one["visibility"]))
        | {"indicator": code, "section": one["section"], "dimension": one["dimension"]}
        for code, one in read.items()
    ]
    return found + _of_rules(words["rules"])


def _of_definitions(desk: Desk) -> list[dict[str, Any]]:
    """The codes of a champion that classified no month so far."""
    found = [
        _code(f"{one.section}-{one.code}", (one.label, one.label_en, one.visibility))
        | {"indicator": one.code, "section": one.section, "dimension": one.dimension}
        for one in desk.definitions().indicators
        if one.role == "feature"
    ]
    return found + _of_rules([rule.written() for rule in desk.champion.rules])


def _of_rules(rules: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        _code(f"rule-{rule['code']}", (rule["label"], rule["label_en"], rule["visibility"])) | {"rule": rule["code"]}
        for rule in rules
    ]


def _code(code: str, told: tuple[str, str, str]) -> dict[str, Any]:
    label, label_en, visibility = told
    empty = dict.fromkeys(("indicator", "rule", "section", "dimension"))
    return {"code": code, "label": label, "label_en": label_en, "visibility": visibility, **empty}
