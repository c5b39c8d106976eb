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
from sqlalchemy import Connection, func, insert, select, update

from features import signing
from features.profile import Profile
from features.records.journal import Journal
from serving.access import AccessError
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
class Closing:
    """How a review ends: the outcome, what is said back, and the person who answers for it, by a signing key."""

    outcome: str
    reply: str
    by: str
    at: datetime


def close(store: Store, home: Path, dispute: str, closing: Closing) -> dict[str, Any]:
    """The review as closed; AccessError when it may not be closed so. No class changes by it.

    The journal names it before the store keeps it: what the store says closed is always accounted for.
    """
    row = found(store, dispute)
    if row is None:
        raise AccessError(f"There is no dispute {dispute}. Nothing was closed; see jianwei disputes list.")
    _check(store, row, closing)
    key = signing.signing_key(home / "keys", closing.by)
    reply = {"reply": closing.reply, "by": closing.by, "closed": closing.at.astimezone(UTC).isoformat()}
    told = {**row["told"], **reply}
    signed = rfc8785.dumps({"dispute": dispute, "outcome": closing.outcome, **reply})
    act = {"act": closing.outcome, "signed": sha256(signed).hexdigest(), "signature": signing.sign(key, signed)}
    with store.writing() as connection:
        still_open = (DISPUTES.c.dispute == dispute) & (DISPUTES.c.state == row["state"])
        done = connection.execute(update(DISPUTES).where(still_open).values(state=closing.outcome, told=told))
        if done.rowcount != 1:
            raise AccessError(f"Dispute {dispute} was just closed by another. Nothing was changed.")
        noted(home, row, act, at=closing.at, actor=closing.by)
    return {**row, "state": closing.outcome, "told": told}


def _check(store: Store, row: Mapping[str, Any], closing: Closing) -> None:
    dispute = row["dispute"]
    if closing.outcome not in MOVES[row["state"]]:
        can_be = ", ".join(sorted(MOVES[row["state"]])) or "nothing else"
        raise AccessError(
            f"Dispute {dispute} is {row['state']} and cannot become {closing.outcome!r}; it can become {can_be}. "
            "Nothing was closed."
        )
    if not 1 <= len(closing.reply) <= LONGEST:
        raise AccessError(
            f"The reply to {dispute} has {len(closing.reply)} characters; expected 1 to {LONGEST}. Nothing was closed."
        )
    with store.reading() as connection:
        holder = connection.execute(select(API_KEYS.c.holder).where(API_KEYS.c.number == row["key"])).scalar()
    if (holder or "").strip().casefold() == closing.by.casefold():  # also of a key that has ended since
        raise AccessError(
            f"Dispute {dispute} was opened with the key of {closing.by}; two persons are needed. Nothing was closed; "
            "let another close it."
        )
