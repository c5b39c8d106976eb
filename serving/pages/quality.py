"""Data quality: what ``jianwei quality`` found in a month, from the document it left in the home."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from evaluation.shown import count, figure, share
from serving.http import ProblemError
from serving.pages.front import Front, asking

FOLDER, DOCUMENT = "quality", "quality.json"  # a folder a month, as the verb leaves them
MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
LARGEST = 4 * 2**20
FEWEST = 5  # of fewer rows it is not told how many
NOTICE_PSI, STOP_PSI = 0.1, 0.25  # from where an indicator has moved, and moved much
LEAST_COVERED = 0.5
MOST = 200  # rows of a table
Rows = list[dict[str, Any]]


def routes(front: Front) -> list[Route]:
    """The page of data quality."""

    def quality(request: Request) -> Response:
        """The quality of the newest sealed month, or of another month a report was made for."""
        asking(request)
        desk = front.desk()
        made = _months(desk.home / FOLDER)
        month = request.query_params.get("month") or desk.newest.month
        if MONTH.fullmatch(month) is None:
            raise ProblemError("invalid-request", [{"pointer": "/query/month", "code": "no_month"}])
        if month not in {desk.newest.month, *made}:
            raise ProblemError("not-found")
        state, found = document(desk.home, month)
        lines = {"notice": NOTICE_PSI, "stop": STOP_PSI}
        return front.page(request, "quality.html", month=month, made=made[::-1], state=state, found=found, lines=lines)

    return [Route("/quality", quality)]


def _months(folder: Path) -> list[str]:
    """The months a report was made for, oldest first."""
    return sorted(path.parent.name for path in folder.glob(f"*/{DOCUMENT}") if MONTH.fullmatch(path.parent.name))


def document(home: Path, month: str) -> tuple[str, dict[str, Any]]:
    """What a month's report says, as pages tell it: ``made``, or ``absent``, or ``unreadable`` (of another form)."""
    path = home / FOLDER / month / DOCUMENT
    try:
        if path.stat().st_size > LARGEST:
            return "unreadable", {}
        return "made", _told(json.loads(path.read_bytes()))
    except OSError:
        return "absent", {}
    except (ValueError, KeyError, TypeError, AttributeError):
        return "unreadable", {}


def _told(found: Mapping[str, Any]) -> dict[str, Any]:
    alerts, feeds, rejects = list(found["alerts"]), list(found["feeds"]), list(found["rejects"])
    received, unmatched = (sum(feed[name] for feed in feeds) for name in ("received", "unmatched"))
    total = received + unmatched
    moved, thin = _moved(found["indicators"])
    return {
        **{name: str(found[name]) for name in ("as_of", "previous", "lake", "definitions")},
        "entities": count(found["entities"]),
        "alerts": [{**_named(one), "code": str(one["code"])} for one in alerts[:MOST]],
        "all_alerts": len(alerts),
        "behind": [_feed(one) for one in _behind(feeds)[:MOST]],
        "feeds": len(feeds),
        "collected": _collected(feeds),
        "received": count(received),
        "matched": share(received / total if total else None),
        "rejects": [_reject(one) for one in sorted(rejects, key=lambda one: -one["rows"])[:MOST]],
        "rejected": count(sum(one["rows"] for one in rejects)),
        "moved": moved,
        "thin": thin,
        "indicators": len(found["indicators"]),
    }


def _named(alert: Mapping[str, Any]) -> dict[str, Any]:
    return {"zh": alert["text"], "en": alert["text_en"], "since": alert["since"], "expected_by": alert["expected_by"]}


def _behind(feeds: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The feeds that brought less than was expected, the farthest behind first."""
    found = [feed for feed in feeds if feed["expected"] and feed["received"] < feed["expected"]]
    return sorted(found, key=lambda feed: (feed["received"] / feed["expected"], feed["item"], feed["source"] or ""))


def _collected(feeds: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """By item how many sources ever brought something of it, and the latest day one did; nobody's are left out."""
    came: dict[str, list[str]] = {}
    for feed in feeds:
        if feed["last_day"]:
            came.setdefault(feed["item"], []).append(str(feed["last_day"]))
    return {item: {"sources": len(days), "last": max(days)} for item, days in came.items()}


def _feed(feed: Mapping[str, Any]) -> dict[str, Any]:
    received = feed["received"]
    return {
        "item": feed["item"],
        "zh": feed["label"] or feed["item"],
        "en": feed["label_en"] or feed["item"],
        "provider": feed["provider"],
        "source": feed["source"] or "—",
        "received": f"<{FEWEST}" if 0 < received < FEWEST else count(received),
        "expected": f"{feed['expected']:g}",
        "share": share(received / feed["expected"]) if received >= FEWEST or not received else "—",
        "delay": "—" if feed["delay_median"] is None else str(feed["delay_median"]),
        "last": feed["last_day"] or "—",
    }


def _reject(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "source": row["source"] or "—",
        "record_type": row["record_type"] or "—",
        "code": row["code"],
        "rows": count(row["rows"]),
        "deliveries": count(row["deliveries"]),
        "refused": bool(row["refused"]),
        "zh": row["advice"] or "—",
        "en": row["advice_en"] or "—",
    }


def _moved(indicators: Sequence[Mapping[str, Any]]) -> tuple[Rows, Rows]:
    """The indicators whose values moved past the notice line, the farthest first; and those few entities have."""
    moved = [one for one in indicators if (one["psi"] or 0.0) >= NOTICE_PSI]
    thin = [one for one in indicators if one["coverage"] is not None and one["coverage"] < LEAST_COVERED]
    farthest = sorted(moved, key=lambda one: (-one["psi"], one["code"]))
    barest = sorted(thin, key=lambda one: (one["coverage"], one["code"]))
    return [_indicator(one) for one in farthest[:MOST]], [_indicator(one) for one in barest[:MOST]]


def _indicator(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "code": one["code"],
        "zh": one["label"],
        "en": one["label_en"],
        "coverage": share(one["coverage"]),
        "psi": "—" if one["psi"] is None else figure(one["psi"]),
        "much": (one["psi"] or 0.0) > STOP_PSI,
        "freshness": "—" if one["freshness_days"] is None else count(one["freshness_days"]),
    }
