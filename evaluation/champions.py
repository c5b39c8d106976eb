"""The page of champions: which scheme decided classes when, who proposed and approved it, on which evidence."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from evaluation.promotion import APPROVED, PROPOSED, ROLLED_BACK
from evaluation.report import VERDICTS, template
from evaluation.shown import Words
from features.profile import Profile

ACTS: Mapping[str, Words] = {
    PROPOSED: ("提请", "proposed"),
    APPROVED: ("批准", "approved"),
    ROLLED_BACK: ("恢复", "rolled back"),
}


def render(acts: Sequence[Mapping[str, Any]], profile: Profile, reports: Path) -> str:
    """The page of all promotion acts (as ``promotion.history`` gives them, oldest first), newest term first.

    A report that still lies in ``reports`` is linked.
    """
    return template("champions.html").render(
        terms=terms(acts),
        acts=list(reversed(acts)),
        profile=profile,
        words=ACTS,
        verdicts=VERDICTS,
        moment=lambda text: datetime.fromisoformat(text).astimezone(profile.zone).strftime("%Y-%m-%d %H:%M"),
        report=lambda scheme: f"{scheme[:16]}/report.html" if (reports / scheme[:16]).is_dir() else None,
    )


def terms(acts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every champion's term, newest first: from when to when (null while it lasts), who decided and who proposed."""
    decided = [act for act in acts if act["action"] != PROPOSED]
    ends = [*(act["at"] for act in decided[1:]), None][: len(decided)]
    by_entry = {act["entry"]: act for act in acts}
    found = [
        {"since": act["at"], "until": until, "decided": act, "proposal": by_entry.get(act["proposal"])}
        for act, until in zip(decided, ends, strict=True)
    ]
    return found[::-1]
