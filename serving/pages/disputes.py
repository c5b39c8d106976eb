"""Reviews as they are worked: those of a scope by when they are due, each with who may decide it, and the decision."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from serving import offices, reviews
from serving.access import Principal
from serving.browser import PAGES
from serving.http import ProblemError, Told, tell
from serving.pages.entity import KINDS
from serving.pages.forms import leading_to, once, text
from serving.pages.front import Front, asking, language
from serving.pages.lines import PAGE, reason
from serving.reviews import Closing, ClosingError, Wanted
from serving.scoring.desk import Desk
from serving.scoring.disputes import DisputeState, Row, decided, sought, state_of, told_of
from serving.scoring.idempotency import Answer, Claim

ROWS = 50  # of a page
PATH, DECIDE = f"{PAGES}/disputes", "page_decide"
SHOWN = {"open": ("办理中", "open"), "mine": ("本人提出", "handed in by me"), "all": ("全部", "all")}
STATES = {
    "open": ("办理中", "open"),
    "upheld": ("异议成立", "upheld"),
    "partly": ("部分成立", "upheld in part"),
    "rejected": ("异议不成立", "rejected"),
    "withdrawn": ("已撤回", "withdrawn"),
}
OUTCOMES = {**{name: STATES[name] for name in ("upheld", "partly", "rejected")}, "withdrawn": ("撤回", "withdrawn")}
ROLE, UNTOLD = "role", "untold"
AGAINST = {  # why somebody does not decide a review
    ROLE: (
        "您的角色可以提出异议、查看办理情况，不办理异议。",
        "Your role hands in disputes and sees how they stand; it does not decide them.",
    ),
    UNTOLD: (
        "本件涉及系统内部标注信息，您的密钥不能查看，因此不能办理。请由有该项可见权的人员办理。",
        "This is about internally marked information, which your key is not told: somebody with that right decides it.",
    ),
    reviews.NAMELESS: (
        "您的密钥没有登记持有人姓名，不能办理异议。请向省级管理员申领登记了姓名的密钥。",
        "Your key names no holder, so it decides nothing. Ask the provincial administrator for one with your name.",
    ),
    reviews.SAME: (
        "本件由您本人提出，须由另一人办理。",
        "You handed this in yourself; another person decides it.",
    ),
    reviews.UNKNOWN: (
        "提出本件所用的密钥没有登记持有人姓名，无法确认您是另一人。"
        "请由持签名密钥的人员办理（jianwei disputes close）。",
        "It was handed in with a key that names no holder, so nobody can be shown to be another person. "
        "Somebody with a signing key closes it: jianwei disputes close.",
    ),
    reviews.LENGTH: (
        f"未办理：请选择办理结果，并填写1至{reviews.LONGEST}字的答复。",
        f"Nothing was decided: choose an outcome, and reply in 1 to {reviews.LONGEST} characters.",
    ),
}


def routes(front: Front) -> list[Route]:
    """The list of reviews, one of them, and the form by which it is decided."""

    def disputes(request: Request) -> Response:
        """One page of the reviews of a scope."""
        return _listed(front, request)

    def dispute(request: Request) -> Response:
        """How a review stands; what was stated is for who may decide it."""
        desk, principal = front.desk(), asking(request)
        row = sought(desk, request.path_params["dispute"], principal)
        state = state_of(desk, row, principal)
        against = _against(desk, row, state, principal)
        tell(request, told_of(row))
        return front.page(
            request,
            "dispute.html",
            dispute=state,
            **_about(desk, row, state, (principal, language(request))),
            statement=None if against else row["told"]["statement"],
            by=row["told"].get("by"),
            against=against,
            is_late=reviews.is_late(row, desk.today),
            was_first=request.query_params.get("first") == "other" and state.closed is not None,
            filled={"once": secrets.token_urlsafe(24), "outcome": "", "reply": ""},
            **named(),
        )

    def decide(request: Request) -> Response:
        """Close a review by a form; the form is shown again where it cannot be taken as it is."""
        return _decided(front, request)

    one = "/disputes/{dispute}"
    return [Route("/disputes", disputes), Route(one, dispute), Route(one, decide, methods=["POST"])]


def named() -> dict[str, Any]:
    """By which the sheets call what rows say in codes."""
    return {"kinds": KINDS, "states": STATES, "outcomes": OUTCOMES, "bars": AGAINST, "longest": reviews.LONGEST}


def _listed(front: Front, request: Request) -> Response:
    principal, desk = asking(request), front.desk()
    shown = request.query_params.get("show") or "open"
    if shown not in SHOWN:
        raise ProblemError("invalid-request", [{"pointer": "/query/show", "code": "not_a_filter"}])
    wanted = _wanted(desk, principal)
    after = request.query_params.get("after")
    last = sought(desk, after, principal) if after else None
    found = reviews.page(desk.store, wanted[shown], ROWS + 1, last)
    rows = found[:ROWS]
    tell(request, Told(tuple(dict.fromkeys(row["entity"] for row in rows)), len(rows)))
    return front.page(
        request,
        "disputes.html",
        shown=shown,
        choices=SHOWN,
        counts={name: reviews.count(desk.store, one) for name, one in wanted.items()},
        late=reviews.count(desk.store, replace(wanted["open"], due_before=desk.today)),
        rows=lined(desk, rows, (principal, language(request))),
        following=rows[-1]["dispute"] if len(found) > ROWS else None,
        **named(),
    )


def _wanted(desk: Desk, principal: Principal) -> dict[str, Wanted]:
    """What each choice of the list shows to a key."""
    grant = principal.grant
    mine = reviews.keys_of(desk.store, principal.key, grant.holder)
    return {
        "open": Wanted(grant),
        "mine": Wanted(grant, is_open=False, keys=mine),
        "all": Wanted(grant, is_open=False),
    }


def lined(desk: Desk, rows: Sequence[Row], asked: tuple[Principal, str]) -> list[dict[str, Any]]:
    """Reviews as lists tell them: of the entity its code, its name as it may be printed, and its office."""
    principal, tongue = asked
    names, months = _names(desk, rows, principal), desk.results.months()
    told = ("dispute", "entity", "month", "kind", "state", "due")
    return [
        {
            **{name: row[name] for name in told},
            "name": names.get((row["month"], row["entity"]), ""),
            "office": offices.office(desk.profile, row["org"], tongue),
            "late": reviews.is_late(row, desk.today),
            "linked": principal.calls(PAGE) and row["month"] in months,
        }
        for row in rows
    ]


def _names(desk: Desk, rows: Sequence[Row], principal: Principal) -> dict[tuple[str, str], str]:
    """The names of the entities of reviews in the months they are about, of those the key may see there."""
    found: dict[tuple[str, str], str] = {}
    for name in {row["month"] for row in rows}.intersection(desk.results.months()):
        codes = sorted({row["entity"] for row in rows if row["month"] == name})
        lights = desk.seen_of(desk.results.month(name), codes, principal)
        found |= {(name, one["code"]): one.get("name") or "" for one in lights if one is not None}
    return found


def _about(desk: Desk, row: Row, state: DisputeState, asked: tuple[Principal, str]) -> dict[str, Any]:
    """What a review is about, in words: the entity's name, the reason or record, whether something is not told."""
    principal, tongue = asked
    about, has_month = dict(state.about), state.month in desk.results.months()
    if "reason" in about and has_month:
        about["reason"] = reason(desk.results.month(state.month), about["reason"], tongue)
    return {
        "called": _names(desk, [row], principal).get((state.month, state.entity), ""),
        "named": about,
        "is_untold": _is_untold(row, state),
        "has_month": has_month,
    }


def _is_untold(row: Row, state: DisputeState) -> bool:
    return len(state.about) < len(row["told"]["about"])


def _against(desk: Desk, row: Row, state: DisputeState, principal: Principal) -> str | None:
    """Why a key decides no review like this one, whatever it would say; nothing where it may."""
    if not principal.calls(DECIDE):
        return ROLE
    if _is_untold(row, state):
        return UNTOLD
    try:
        reviews.check_another(desk.store, row, principal.grant.holder, key=principal.key)
    except ClosingError as fault:
        return fault.why
    return None


def _decided(front: Front, request: Request) -> Response:
    desk, principal, fields = front.desk(), asking(request), request.scope["state"]["form"]
    row = sought(desk, request.path_params["dispute"], principal)
    reply, outcome = text(fields, "reply"), fields.get("outcome", "")
    closing = Closing(outcome, reply, principal.grant.holder, desk.now(), principal.key)
    against = _against(desk, row, state_of(desk, row, principal), principal)
    is_stated = outcome in OUTCOMES and 1 <= len(reply) <= reviews.LONGEST
    if against or not is_stated:
        filled = {"once": fields.get("once", ""), "outcome": outcome, "reply": reply}
        told = {"dispute": row["dispute"], "against": against or reviews.LENGTH, "filled": filled}
        return front.page(request, "undecided.html", status=403 if against else 422, **told, **named())
    answer = replace(leading_to(f"{PATH}/{row['dispute']}"), told=told_of(row))

    def first(mine: Claim) -> Answer:
        return decided(desk, row, closing, mine, answer)

    try:
        stated = [row["dispute"], outcome, reply]
        return once(desk, (principal.key, DECIDE), fields, stated, first).response(request)
    except ClosingError:  # another person was first
        tell(request, told_of(row))
        return RedirectResponse(f"{PATH}/{row['dispute']}?first=other", 303)
