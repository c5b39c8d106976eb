"""Reviews that disputes open: until when they are answered, what state they are in, and who may close them."""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import rfc8785
from sqlalchemy import ColumnElement, Connection, func, insert, literal, select, tuple_, update

from features import signing
from features.profile import Profile
from features.records.journal import Journal
from serving.access import AccessError, Grant, condition
from serving.ledger import salt_secret
from serving.store import Store
from serving.tables import API_KEYS, DISPUTES

FILE, ACTION = "disputes", "dispute"
LONGEST = 2000  # characters of a statement or a reply
OPEN, UPHELD, PARTLY, REJECTED, WITHDRAWN = "open", "upheld", "partly", "rejected", "withdrawn"
MOVES: Mapping[str, frozenset[str]] = {
    OPEN: frozenset({UPHELD, PARTLY, REJECTED, WITHDRAWN}),
    UPHELD: frozenset(),
    PARTLY: frozenset(),
    REJECTED: frozenset(),
    WITHDRAWN: frozenset(),
}
OUTCOMES = tuple(sorted(MOVES[OPEN]))
KINDS = ("class", "record", "reason", "identity", "other")
MOVED, LENGTH, NAMELESS, SAME, UNKNOWN = "moved", "length", "nameless", "same", "unknown"  # why one is not closed
PLACE = (DISPUTES.c.due, DISPUTES.c.at, DISPUTES.c.dispute)  # what lists go by


class ClosingError(AccessError):
    """A review is not closed so; ``why`` names the rule that is against it."""

    def __init__(self, why: str, said: str) -> None:
        super().__init__(said)
        self.why = why


@dataclass(frozen=True)
class Dispute:
    """What is disputed: an entity of a month, what kind of thing, which, and what is said about it."""

    entity: str
    month: str
    kind: str
    statement: str
    about: Mapping[str, str]


@dataclass(frozen=True)
class Place:
    """Who supervises the entity, as its row of the month says."""

    org: str
    departments: str


def takes_disputes(profile: Profile) -> bool:
    """Whether the profile says until when disputes are answered."""
    return profile.has(FILE)


def terms(profile: Profile, today: date) -> dict[str, Any] | None:
    """Within how many days a dispute made today is answered, and on which basis; nothing where none is taken."""
    if not takes_disputes(profile):
        return None
    stated = profile.dated(FILE, today)
    return {"days": int(stated["days"]), "basis": stated["basis"]}


def due(profile: Profile, today: date) -> date:
    """The day a dispute made today is answered by."""
    return today + timedelta(days=int(profile.dated(FILE, today)["days"]))


def opened(
    connection: Connection, dispute: Dispute, place: Place, *, by: str, profile: Profile, at: datetime
) -> dict[str, Any]:
    """The new review as it is kept; ``by`` is the key that opened it."""
    moment = at.astimezone(UTC)
    row = {
        "dispute": secrets.token_hex(13),
        "key": by,
        "entity": dispute.entity,
        "month": dispute.month,
        "org": place.org,
        "departments": place.departments,
        "kind": dispute.kind,
        "told": {"statement": dispute.statement, "about": dict(dispute.about)},
        "state": OPEN,
        "due": due(profile, at.astimezone(profile.zone).date()),
        "at": moment,
    }
    connection.execute(insert(DISPUTES).values(**row))
    return row


def count_open(connection: Connection, entity: str, *, by: str) -> int:
    """How many reviews a key has opened about an entity that are open yet."""
    mine = (DISPUTES.c.entity == entity, DISPUTES.c.key == by, DISPUTES.c.state == OPEN)
    return int(connection.scalar(select(func.count()).select_from(DISPUTES).where(*mine)) or 0)


def noted(home: Path, row: Mapping[Any, Any], act: Mapping[str, Any], *, at: datetime, actor: str) -> None:
    """Say in the journal that a review was opened or closed: never the entity's code, nor what anyone said."""
    entity = hmac.new(salt_secret(home / "keys"), str(row["entity"]).encode(), sha256).hexdigest()
    stated = {"dispute": row["dispute"], "entity": entity, "kind": row["kind"], "due": row["due"].isoformat()}
    Journal.of(home).append(ACTION, {**stated, **act}, at=at, actor=actor)


def found(store: Store, dispute: str) -> dict[str, Any] | None:
    """A review by its number, or nothing."""
    with store.reading() as connection:
        row = connection.execute(select(DISPUTES).where(DISPUTES.c.dispute == dispute)).mappings().first()
    return None if row is None else dict(row)


def listed(store: Store, *, everything: bool = False) -> list[dict[str, Any]]:
    """Open reviews (or all), the one due first first."""
    query = select(DISPUTES).order_by(DISPUTES.c.due, DISPUTES.c.at, DISPUTES.c.dispute)
    if not everything:
        query = query.where(DISPUTES.c.state == OPEN)
    with store.reading() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


@dataclass(frozen=True)
class Wanted:
    """Which reviews are asked for: of entities a grant reaches; open ones alone, or those of some keys alone, or those
    due before a day alone."""

    grant: Grant
    is_open: bool = True
    keys: frozenset[str] | None = None
    due_before: date | None = None

    @property
    def condition(self) -> ColumnElement[bool]:
        """Them as a condition on rows."""
        found = condition(self.grant, DISPUTES.c)
        if self.is_open:
            found &= DISPUTES.c.state == OPEN
        if self.keys is not None:
            found &= DISPUTES.c.key.in_(sorted(self.keys))
        return found if self.due_before is None else found & (DISPUTES.c.due < self.due_before)


def page(store: Store, wanted: Wanted, limit: int, after: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """The next so many reviews ``after`` one: open ones by when they are due, others the latest first."""
    query = select(DISPUTES).where(wanted.condition).limit(limit)
    query = query.order_by(*(PLACE if wanted.is_open else (one.desc() for one in PLACE)))
    if after is not None:
        last = tuple_(*(literal(after[one.name], one.type) for one in PLACE))
        query = query.where(tuple_(*PLACE) > last if wanted.is_open else tuple_(*PLACE) < last)
    with store.reading() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def count(store: Store, wanted: Wanted) -> int:
    """How many reviews there are of those that are asked for."""
    query = select(func.count()).select_from(DISPUTES).where(wanted.condition)
    with store.reading() as connection:
        return int(connection.scalar(query) or 0)


def is_late(row: Mapping[str, Any], today: date) -> bool:
    """Whether a review should have been closed by now."""
    return bool(row["state"] == OPEN and row["due"] < today)


def keys_of(store: Store, key: str, holder: str) -> frozenset[str]:
    """The keys of a person: the one in use, and whichever others bear the same holder's name."""
    with store.reading() as connection:
        known = connection.execute(select(API_KEYS.c.number, API_KEYS.c.holder)).all()
    return frozenset({key, *(number for number, name in known if _is_same(name, holder))})


@dataclass(frozen=True)
class Closing:
    """How a review ends: the outcome, what is said back, and the person who answers for it.

    The person signs with a signing key of the name ``by``, or decides on the pages with the API ``key`` he holds.
    """

    outcome: str
    reply: str
    by: str
    at: datetime
    key: str = ""

    @property
    def said(self) -> dict[str, str]:
        """What is kept of it beside the outcome."""
        found = {"reply": self.reply, "by": self.by, "closed": self.at.astimezone(UTC).isoformat()}
        return {**found, "key": self.key} if self.key else found

    def written(self, dispute: str) -> bytes:
        """The closing of a review as it is signed, or as its digest stands in the journal."""
        return rfc8785.dumps({"dispute": dispute, "outcome": self.outcome, **self.said})


def close(store: Store, home: Path, dispute: str, closing: Closing) -> dict[str, Any]:
    """The review as closed with a signing key; AccessError when it may not be closed so. No class changes by it.

    The journal names it before the store keeps it: what the store says closed is always accounted for.
    """
    row = found(store, dispute)
    if row is None:
        raise AccessError(f"There is no dispute {dispute}. Nothing was closed; see jianwei disputes list.")
    check(store, row, closing)
    key = signing.signing_key(home / "keys", closing.by)
    signed = closing.written(dispute)
    act = {"act": closing.outcome, "signed": sha256(signed).hexdigest(), "signature": signing.sign(key, signed)}
    with store.writing() as connection:
        done = closed(connection, row, closing)
        noted(home, row, act, at=closing.at, actor=closing.by)
    return done


def closed(connection: Connection, row: Mapping[str, Any], closing: Closing) -> dict[str, Any]:
    """The review as closed, once ``check`` found nothing against it; ClosingError when another was first."""
    told = {**row["told"], **closing.said}
    still_open = (DISPUTES.c.dispute == row["dispute"]) & (DISPUTES.c.state == row["state"])
    done = connection.execute(update(DISPUTES).where(still_open).values(state=closing.outcome, told=told))
    if done.rowcount != 1:
        raise ClosingError(MOVED, f"Dispute {row['dispute']} was just closed by another. Nothing was changed.")
    return {**row, "state": closing.outcome, "told": told}


def check(store: Store, row: Mapping[str, Any], closing: Closing) -> None:
    """Nothing when a review may be closed so, on the command line as on the pages; ClosingError otherwise."""
    dispute = row["dispute"]
    if closing.outcome not in MOVES[row["state"]]:
        can_be = ", ".join(sorted(MOVES[row["state"]])) or "nothing else"
        raise ClosingError(
            MOVED,
            f"Dispute {dispute} is {row['state']} and cannot become {closing.outcome!r}; it can become {can_be}. "
            "Nothing was closed.",
        )
    if not 1 <= len(closing.reply) <= LONGEST:
        raise ClosingError(
            LENGTH,
            f"The reply to {dispute} has {len(closing.reply)} characters; expected 1 to {LONGEST}. Nothing was closed.",
        )
    check_another(store, row, closing.by, key=closing.key)


def check_another(store: Store, row: Mapping[str, Any], by: str, *, key: str = "") -> None:
    """Nothing when whoever closes a review is another person than who opened it; ClosingError otherwise.

    Persons are told apart by name. Whoever closes with an API key signs nothing, so nobody may be without one then.
    """
    dispute = row["dispute"]
    if not by.strip():
        raise ClosingError(
            NAMELESS,
            f"Dispute {dispute} would be closed with a key that names no holder; two persons are needed. "
            "Nothing was closed; use a key made with a name.",
        )
    with store.reading() as connection:
        holder = connection.execute(select(API_KEYS.c.holder).where(API_KEYS.c.number == row["key"])).scalar() or ""
    if key == row["key"] or _is_same(holder, by):  # also of a key that has ended since
        raise ClosingError(
            SAME,
            f"Dispute {dispute} was opened with the key of {by}; two persons are needed. Nothing was closed; "
            "let another close it.",
        )
    if key and not holder.strip():
        raise ClosingError(
            UNKNOWN,
            f"Dispute {dispute} was opened with a key that names no holder, so nobody can be shown to be another "
            "person. Nothing was closed; close it with a signing key (jianwei disputes close).",
        )


def _is_same(one: str, other: str) -> bool:
    """Whether two names are one person's."""
    return bool(one.strip()) and one.strip().casefold() == other.strip().casefold()
