"""Who was champion when, as the signed acts of the journal say; read on as the journal grows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

from evaluation.errors import GateError
from evaluation.promotion import PROPOSED, Act, Acts, Champion, Office, reigning
from features.records.journal import Journal, JournalError
from features.signing import SigningError, verify_key
from serving.http import ProblemError
from serving.results import SCHEME_KEY
from serving.scoring.desk import Desk


@dataclass(frozen=True)
class Reign:
    """A champion's time: from when to when (None while it lasts), who decided, and who had proposed."""

    since: datetime
    until: datetime | None
    decided: Act
    proposal: Act | None


def champion_on(desk: Desk, day: date) -> Champion | None:
    """The champion at the end of a day; ProblemError where the journal does not hold."""
    return reigning(acts_of(desk), day, desk.profile.zone)


def acts_of(desk: Desk) -> tuple[Act, ...]:
    """Every promotion act, oldest first, its signature verified; ProblemError where the journal does not hold."""
    try:
        return _acts(desk.home).now()
    except (GateError, JournalError, SigningError, OSError):
        raise ProblemError("unavailable") from None


def reigns(found: Sequence[Act]) -> list[Reign]:
    """Every champion's time, the newest first."""
    decided = [act for act in found if act.action != PROPOSED]
    ends = [*(act.at for act in decided[1:]), None]
    by_entry = {act.entry: act for act in found}
    times = [
        Reign(act.at, until, act, by_entry.get(act.proposal or ""))
        for act, until in zip(decided, ends[: len(decided)], strict=True)
    ]
    return times[::-1]


@lru_cache(maxsize=4)
def _acts(home: Path) -> Acts:
    """The promotion entries of a home, which every request reads on."""
    keys = home / "keys"
    return Acts(Office(home, Journal.of(home), keys, verify_key(keys, SCHEME_KEY)))
