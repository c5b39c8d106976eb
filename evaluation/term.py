"""When a champion may change: not soon after the last change, and only for a scheme that stood in its shadow."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.errors import GateError
from evaluation.population import NAMES, Population, classified
from evaluation.promotion import Office, Signer, champion, is_signed, signed
from evaluation.stability import migration
from features.asof import Month, months_before
from features.profile import Profile
from features.records.journal import Entry
from training.carried import under
from training.facts import Previous
from training.scheme import Scheme
from training.task import Task

SHADOWED = "promotion.shadowed"
FILE = "promotion"


@dataclass(frozen=True)
class Term:
    """Months a champion stays at least, and months a challenger is computed beside it before it may follow."""

    months_between: int = 0
    months_in_shadow: int = 0

    @classmethod
    def read(cls, profile: Profile, on: date, *, simulated: bool) -> "Term":
        """The dated row of a profile's ``promotion.yaml``; none of either without the file, or where records are
        simulated and the row says so."""
        if not profile.has(FILE):
            return cls()
        row = profile.dated(FILE, on)
        row = row.get("simulated", row) if simulated else row
        return cls(int(row["months_between_champions"]), int(row["months_in_shadow"]))


def check(office: Office, term: Term, scheme: Scheme, *, on: date, zone: ZoneInfo, failing: Sequence[str] = ()) -> None:
    """Nothing when a scheme may become champion on a day; GateError otherwise. A first champion always may.

    ``failing`` are blocking checks the champion itself fails on the same pairs: such a champion may go at once, but its
    successor has stood in its shadow too.
    """
    reigning = champion(office)
    if reigning is None or reigning.scheme == scheme.digest:
        return
    since = reigning.since.astimezone(zone).date()
    due = months_before(since, -term.months_between)
    if on < due and not failing:
        raise GateError(
            f"Champion {reigning.scheme[:12]} is that since {since}; expected at least {term.months_between} months, "
            f"until {due}, unless it fails a check itself. Nothing was recorded; propose again then."
        )
    if term.months_in_shadow:
        _check_shadow(office, term, scheme, reigning.scheme)


def _check_shadow(office: Office, term: Term, scheme: Scheme, reigning: str) -> None:
    """Nothing when a scheme stood beside the champion in months enough that it cannot have learned from."""
    known_by = str(scheme.training["known_by"])
    months = sorted({str(entry.details["month"]) for entry in shadows(office, scheme.digest, reigning)})
    count = [month for month in months if is_unseen(month, known_by)]
    learned = [month for month in months if month not in count]
    if len(count) < term.months_in_shadow:
        not_counted = f" ({', '.join(learned)} does not count: it may have learned from it)" if learned else ""
        raise GateError(
            f"Scheme {scheme.digest[:12]} stood beside champion {reigning[:12]} in {len(count)} months "
            f"({', '.join(count) or 'none'}); expected {term.months_in_shadow} that end after {known_by}, the day its "
            f"records were known by{not_counted}. Nothing was recorded; publish a month after that day under the "
            "champion and run jianwei promote shadow on it first."
        )


def is_unseen(month: str, known_by: str) -> bool:
    """Whether a month ends after the day a scheme's records were known by: it cannot have learned from it."""
    return Month.parse(month).end > date.fromisoformat(known_by)


def shadows(office: Office, scheme: str, beside: str) -> list[Entry]:
    """The months a scheme was computed beside a champion, as entries whose signature holds."""
    found = [entry for entry in office.journal.entries() if entry.action == SHADOWED]
    own = [entry for entry in found if (entry.details.get("scheme"), entry.details.get("champion")) == (scheme, beside)]
    return [entry for entry in own if is_signed(office, entry)]


@dataclass(frozen=True)
class Sealed:
    """A published month: its classes (entity, class …), the scheme that made them, and what the month before held."""

    month: Month
    classes: pa.Table
    scheme: str
    previous: Previous | None


def beside(task: Task, scheme: Scheme, sealed: Sealed) -> dict[str, Any]:
    """The classes a challenger would have given in a published month, against those that stand: who would move.

    ``calm`` counts those about whom nothing new had become known. Both start from the month before as it was sealed.
    """
    if scheme.digest == sealed.scheme:
        raise GateError(
            f"Month {sealed.month} was made by scheme {scheme.digest[:12]} itself; expected another, a challenger. "
            "Nothing was recorded; train one first."
        )
    lake, definitions = under(scheme, task.lake)
    own = replace(task, lake=lake, definitions=definitions)
    return compared(scheme, sealed, classified(own, scheme, as_of=sealed.month.end, previous=sealed.previous))


def compared(scheme: Scheme, sealed: Sealed, found: Population) -> dict[str, Any]:
    """``beside``, of the classes the challenger gave."""
    stands = sealed.classes.sort_by("entity")
    numbers = pc.index_in(stands["class"].cast(pa.string()), value_set=pa.array(NAMES))
    was = (stands["entity"].to_numpy().astype(np.int64), numbers.to_numpy().astype(np.int8))
    entity, calm = found.entity.astype(np.int64), ~found.moved
    return {
        "scheme": scheme.digest,
        "champion": sealed.scheme,
        "month": str(sealed.month),
        "known_by": scheme.training["known_by"],
        "unseen": is_unseen(str(sealed.month), scheme.training["known_by"]),
        "migration": _plain(migration(was, (entity, found.final_class))),
        "calm": _plain(migration(was, (entity[calm], found.final_class[calm]))),
    }


def _plain(found: Any) -> dict[str, Any]:
    stated: Mapping[str, Any] = asdict(found)
    share = stated["unchanged"]
    return {
        **stated,
        "moves": [list(row) for row in stated["moves"]],
        "unchanged": None if share is None else round(share, 6),
    }


def shadow(office: Office, found: Mapping[str, Any], *, signer: Signer) -> Entry:
    """The signed entry of a month a scheme stood beside the champion."""
    return signed(office, SHADOWED, found, signer)
