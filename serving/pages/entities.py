"""The list of entities: looked for, narrowed, kept as filters, and taken along as a file."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from serving import offices, saved
from serving.access import Principal
from serving.http import ProblemError, Told, tell
from serving.office import safe_cell
from serving.pages.front import Front, asking, language
from serving.pages.lines import Line, lines, reasons
from serving.pages.sought import Sought, cursor_of
from serving.scoring.desk import Desk, Light
from serving.scoring.lists import following_of, started
from serving.shelf import StoredMonth

ROWS = 50  # of a page
MOST = 2000  # rows of a file, and as far as a page counts
PATH, FILE, FILTERS = "/ui/entities", "page_entities_file", "page_filters"
COLUMNS = (
    ("name", "名称", "name"),
    ("code", "代码", "code"),
    ("number", "注册号", "registration number"),
    ("office", "监管机构", "supervising office"),
    ("kind", "主体类型", "kind"),
    ("class", "类别", "class"),
    ("before", "上月类别", "class before"),
    ("cause", "变动原因", "cause"),
    ("reason", "首要原因", "top reason"),
    ("checked", "核查", "checked"),
)


def routes(front: Front) -> list[Route]:
    """The list, its file, and the filters that are kept."""

    def entities(request: Request) -> Response:
        """One page of the entities that are looked for."""
        return _listed(front, request)

    def file(request: Request) -> Response:
        """The entities that are looked for as a file."""
        return _file(front, request)

    def keep(request: Request) -> Response:
        """Keep what is looked for under a name."""
        principal, fields = asking(request), request.scope["state"]["form"]
        sought, name = Sought.of(fields), fields.get("name", "").strip()
        if not 0 < len(name) <= saved.LONGEST or not name.isprintable():
            raise ProblemError("invalid-request", [{"pointer": "/name", "code": "no_name"}])
        has_room = saved.keep(front.desk().store, principal.key, name, sought.fields, at=front.sessions.now())
        return RedirectResponse(f"{PATH}?{sought.query(**{} if has_room else {'full': '1'})}", 303)

    def drop(request: Request) -> Response:
        """Keep a filter no longer."""
        principal, fields = asking(request), request.scope["state"]["form"]
        saved.drop(front.desk().store, principal.key, fields.get("name", ""))
        return RedirectResponse(PATH, 303)

    return [
        Route("/entities", entities),
        Route("/entities.csv", file),
        Route("/filters", keep, methods=["POST"]),
        Route("/filters/delete", drop, methods=["POST"]),
    ]


def _listed(front: Front, request: Request) -> Response:
    principal, desk, tongue = asking(request), front.desk(), language(request)
    sought, cursor = Sought.of(request.query_params), cursor_of(request.query_params.get("cursor"))
    month, after = started(desk, cursor, principal, sought.bound)
    found = desk.page(month, (sought.filters, after, ROWS + 1), principal)
    rows, going_on = found[:ROWS], len(found) > ROWS
    told(request, month, rows)
    following = None
    if going_on:
        following = following_of(desk, month, rows[-1], (principal, sought.bound), sought.filters)
    return front.page(
        request,
        "entities.html",
        month=month,
        lines=lines(desk, month, rows, (principal, tongue)),
        sought=sought,
        following=following,
        is_first=cursor is None,
        total=_total(desk, month, (sought, rows), principal) if going_on and cursor is None else len(rows),
        most=MOST,
        choices=_choices(desk, month, principal, tongue),
        kept=_kept(desk, principal),
        is_full=request.query_params.get("full") == "1",
        may_take=principal.calls(FILE),
    )


def told(request: Request, month: StoredMonth, rows: Sequence[Light]) -> None:
    """State whom a page or file tells of."""
    tell(request, Told(tuple(row["code"] for row in rows), len(rows), month.month, month.head.scheme))


def _total(desk: Desk, month: StoredMonth, found: tuple[Sought, Sequence[Light]], principal: Principal) -> int:
    """How many there are, one more than a file has at most; only what follows the page is counted."""
    sought, rows = found
    after = month.listing.after(desk.sought(sought.filters, principal), rows[-1])
    return len(rows) + desk.count(month, (sought.filters, after, MOST + 1 - len(rows)), principal)


def _choices(desk: Desk, month: StoredMonth, principal: Principal, tongue: str) -> dict[str, Any]:
    """What the fields of the form offer."""
    label = "zh" if tongue == "zh" else "en"
    return {
        "months": desk.results.months()[::-1],
        "kinds": [(code, one[label]) for code, one in month.words["kinds"].items()],
        "reasons": reasons(desk, month, (principal, tongue)),
        "names": not principal.pseudonymous,
        "is_listed": month.codes is not None,
        "numbers": month.has_numbers,
        "everywhere": not principal.grant.org,
        "regions": offices.regions(desk.profile, tongue),
    }


def _kept(desk: Desk, principal: Principal) -> list[dict[str, str]]:
    """The filters of a key: their names, and the addresses they lead to; one of an earlier version that cannot be read
    leads to the whole list."""
    found = []
    for name, fields in saved.listed(desk.store, principal.key).items():
        try:
            query = Sought.of(fields).query()
        except ProblemError:
            query = ""
        found.append({"name": name, "path": f"{PATH}?{query}"})
    return found


def _file(front: Front, request: Request) -> Response:
    principal, desk, tongue = asking(request), front.desk(), language(request)
    sought = Sought.of(request.query_params)
    month = desk.month(sought.fields.get("month"))
    rows = desk.page(month, (sought.filters, None, MOST), principal)
    told(request, month, rows)
    notice = month.words["notice"][tongue]
    text = written(lines(desk, month, rows, (principal, tongue)), (notice, month.month), tongue)
    title = "市场主体名单" if tongue == "zh" else "entities"
    name = quote(f"{title}-{month.month}（{notice}）.csv".replace("/", " "))
    plain = f"entities-{month.month}-internal-reference.csv"
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{name}"
    headers = {"content-disposition": disposition}
    return Response(text.encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)


def written(found: Sequence[Line], closing: tuple[str, str], tongue: str) -> str:
    """Lines as CSV, the notice and the month as the last row; no cell is one a spreadsheet takes for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([zh if tongue == "zh" else en for _, zh, en in COLUMNS])
    for line in found:
        writer.writerow([safe_cell(_cell(line, name, tongue)) for name, *_ in COLUMNS])
    writer.writerow([*closing, *[""] * (len(COLUMNS) - len(closing))])
    return out.getvalue()


def _cell(line: Mapping[str, Any], name: str, tongue: str) -> str:
    text = str(line.get(name) or "")
    if name != "reason" or not line["internal"]:
        return text
    return f"{text}（内部信息，不得外传）" if tongue == "zh" else f"{text} (internal, not to be passed on)"
