"""How model and data fare, in a few figures: what the pages of both read, for who may open them."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from features.profile import Profile
from serving.access import Principal
from serving.http import ProblemError
from serving.pages import model, quality
from serving.scoring.desk import Desk
from serving.scoring.reigns import champion_on

DATA, MODEL = "page_quality", "page_model"


def health(desk: Desk, principal: Principal, month: str) -> dict[str, Any]:
    """``data`` of a month and ``model`` as of today; nothing in the place of what the key may not open or is not there.

    What was read is kept until its file changes.
    """
    today = desk.today
    return {
        "data": _quality(desk.home, month) if principal.calls(DATA) else None,
        "model": _evidence(desk, today) if principal.calls(MODEL) else None,
    }


def domains(profile: Profile, channel: str | None, data: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The collection items of a channel with the sources that ever brought something of each, and the latest day.

    None without a channel, or where nothing is told of data quality.
    """
    if channel is None or data is None:
        return []
    return [
        {"zh": row["label"], "en": row.get("label_en", row["label"]), "provider": row.get("provider", "")}
        | data["collected"].get(code, {"sources": 0, "last": "—"})
        for code, row in profile.items.items()
        if row.get("channel") == channel
    ]


def _quality(home: Path, month: str) -> dict[str, Any] | None:
    try:
        stamp = (home / quality.FOLDER / month / quality.DOCUMENT).stat()
    except OSError:
        return None
    return _read(home, month, (stamp.st_mtime_ns, stamp.st_ctime_ns, stamp.st_size))


@lru_cache(maxsize=16)
def _read(home: Path, month: str, _: tuple[int, int, int]) -> dict[str, Any] | None:
    state, found = quality.document(home, month)
    return found if state == "made" else None


def _evidence(desk: Desk, today: date) -> dict[str, Any] | None:
    try:
        found = champion_on(desk, today)
    except ProblemError:
        return None
    return None if found is None else model.evidence_of(desk, found.decided)
