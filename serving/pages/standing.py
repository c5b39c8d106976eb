"""What stands over every page: whom its reader reaches, the newest month, the scheme in force, the ledger's root."""

from collections.abc import Sequence
from typing import Any

from features.asof import Month
from features.profile import Profile
from serving import offices
from serving.access import Grant, Principal
from serving.scoring.desk import Desk


def standing(desk: Desk, who: Principal, tongue: str) -> dict[str, Any]:
    """What a page says first to whoever looks; ProblemError where no month can be read.

    A month is opened only where what it says is what its head was signed for, so the root may be called verified.
    """
    month = desk.newest
    return {
        "scope": _scope(desk.profile, month.orgs, who.grant.org, tongue),
        "departments": _departments(desk.profile, month.month, who.grant, tongue),
        "month": month.month,
        "scheme": desk.champion.digest,
        "root": month.head.root,
    }


def _scope(profile: Profile, orgs: Sequence[str], org: str, tongue: str) -> str:
    """The office of a key with those above it, or the whole place."""
    if not org:
        return profile.label if tongue == "zh" else profile.label_en
    path = next((one.split("/") for one in orgs if org in one.split("/")), [org])
    return offices.office(profile, "/".join(path[: path.index(org) + 1]), tongue)


def _departments(profile: Profile, month: str, grant: Grant, tongue: str) -> list[str]:
    """The departments a key is narrowed to, in words where the place has any."""
    if not grant.departments or not profile.has(offices.FILE):
        return sorted(grant.departments)
    known = {one["code"]: one for one in profile.dated(offices.FILE, Month.parse(month).end)["departments"]}
    label = "label" if tongue == "zh" else "label_en"
    return [str(known.get(code, {}).get(label, code)) for code in sorted(grant.departments)]
