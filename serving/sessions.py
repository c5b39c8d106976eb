"""Sessions of people at the pages: a cookie stands for a key that was shown once, for a working day."""

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, delete, insert, select

from serving.access import Doorkeeper, Principal, admitted
from serving.store import Store, in_utc
from serving.tables import API_KEYS, SESSIONS

LASTS = timedelta(hours=8)
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
ONE = (
    select(API_KEYS, SESSIONS.c.ends)
    .join_from(SESSIONS, API_KEYS, SESSIONS.c.key == API_KEYS.c.number)
    .where(SESSIONS.c.sha256 == bindparam("sha256"))
)


@dataclass(frozen=True)
class Sessions:
    """The sessions a store knows. A session ends with its key, or where its key could not be used."""

    store: Store
    now: Callable[[], datetime]
    zone: ZoneInfo

    def begin(self, key: str, address: str) -> str | None:
        """A new session of a key used from an address, or nothing when the key does not let anybody in."""
        principal = Doorkeeper(self.store, self.now, self.zone)(key, address)
        if principal is None:
            return None
        token, at = secrets.token_urlsafe(32), self.now()
        with self.store.writing() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.ends <= at))
            row = {"sha256": _digest(token), "key": principal.key, "ends": at + LASTS}
            connection.execute(insert(SESSIONS).values(**row))
        return token

    def __call__(self, token: str, address: str) -> Principal | None:
        """Whose session a token is that was sent from an address, or nothing; StoreError when the store is away."""
        if TOKEN.fullmatch(token) is None:
            return None
        digest = _digest(token)
        row = self.store.remembered(
            ("session", digest), lambda connection: connection.execute(ONE, {"sha256": digest}).mappings().first()
        )
        at = self.now()
        if row is None or in_utc(row["ends"]) <= at:
            return None
        return admitted(row, str(row["sha256"]), address=address, today=at.astimezone(self.zone).date())

    def end(self, token: str) -> None:
        """No session bears this token any more."""
        with self.store.writing() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.sha256 == _digest(token)))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
