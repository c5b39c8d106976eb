"""The office's Monday: whom to watch, who moved, whom not to disturb, what is overdue, which disputes are due."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving import offices, reviews
from serving.access import Principal
from serving.http import Told, tell
from serving.ledger import LedgerError
from serving.listing import DOWN, UP, Filters
from serving.office import MONITORED
from serving.pages import quality
from serving.pages.disputes import lined, named
from serving.pages.front import Front, asking, language
from serving.pages.lines import lines
from serving.pages.sought import Sought
from serving.reviews import Wanted
from serving.scoring.desk import Desk, Light
from serving.shelf import StoredMonth
from serving.tally import tallied
from training.cutoffs import RiskClass

FIRST = 20  # rows of each list
LATE = ("DQ001", "DQ002")  # alerts of feeds that are overdue, or never came


def routes(front: Front) -> list[Route]:
    """The page a week begins with."""

    def monday(request: Request) -> Response:
        """The lists of the office of who asks, in the newest month."""
        principal, desk, tongue = asking(request), front.desk(), language(request)
        month = desk.newest
        try:
            counts = _counts(month, principal)
        except LedgerError:
            tell(request, Told((), 0, month.month, month.head.scheme))
            return front.page(request, "monday.html", month=month, counts=None, office=_office(desk, principal, tongue))
        rows, wanted = _rows(desk, month, principal), Wanted(principal.grant)
        due = reviews.page(desk.store, wanted, FIRST)
        codes = [row["code"] for some in rows.values() for row in some] + [one["entity"] for one in due]
        tell(request, Told(tuple(dict.fromkeys(codes)), len(codes), month.month, month.head.scheme))
        state, report = quality.document(desk.home, month.month)
        return front.page(
            request,
            "monday.html",
            month=month,
            office=_office(desk, principal, tongue),
            found={name: lines(desk, month, some, (principal, tongue)) for name, some in rows.items()},
            counts=counts,
            queries=_queries(month),
            triggers=_triggers(month),
            feeds=[one for one in report.get("alerts", ()) if one["code"] in LATE],
            report=state,
            disputes=lined(desk, due, (principal, tongue)),
            open=reviews.count(desk.store, wanted),
            late=reviews.count(desk.store, replace(wanted, due_before=desk.today)),
            **named(),
            numbers=month.has_numbers,
            is_listed=month.codes is not None,
        )

    return [Route("/monday", monday)]


def _rows(desk: Desk, month: StoredMonth, principal: Principal) -> dict[str, list[Light]]:
    """The first entities of each list; of those that moved the riskier ones first."""

    def first(filters: Filters, count: int = FIRST) -> list[Light]:
        return desk.page(month, (filters, None, count), principal)

    up = first(Filters(change=UP))
    found = {
        "monitored": desk.monitored(month, FIRST, principal),
        "moved": up + first(Filters(change=DOWN), FIRST - len(up)),
    }
    return {**found, "undisturbed": first(Filters(risk_class=RiskClass.A.name))} if _triggers(month) else found


def _counts(month: StoredMonth, principal: Principal) -> dict[str, int]:
    """How many entities each list has; LedgerError for a load an earlier version made, which counted nothing."""
    counted = tallied(month, principal.grant).by("class", "class_before")
    tally = {(str(risk), before or ""): count for (risk, before), count in counted.items()}
    moved = [(risk > before, count) for (risk, before), count in tally.items() if before and risk != before]
    return {
        "monitored": sum(count for (risk, _), count in tally.items() if risk in MONITORED),
        "moved": sum(count for _, count in moved),
        "up": sum(count for is_up, count in moved if is_up),
        "undisturbed": sum(count for (risk, _), count in tally.items() if risk == RiskClass.A.name),
    }


def _queries(month: StoredMonth) -> dict[str, str]:
    """The addresses' queries that lead from a list to all of it."""
    asked = {
        "monitored": {"class": "".join(MONITORED)},
        "moved": {"change": "moved"},
        "undisturbed": {"class": RiskClass.A.name},
    }
    return {name: Sought({**one, "month": month.month}).query() for name, one in asked.items()}


def _triggers(month: StoredMonth) -> list[dict[str, str]]:
    """What alone allows an inspection on the spot of class A; nothing where the measures do not say so."""
    stated = (month.words["measures"] or {"classes": {}})["classes"].get(RiskClass.A.name) or {}
    return list(stated.get("triggers") or ())


def _office(desk: Desk, principal: Principal, tongue: str) -> str:
    """The office of a key in words; empty for one that reaches everything."""
    return offices.place(desk.profile, principal.grant.org, tongue) if principal.grant.org else ""
