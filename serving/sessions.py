"""Sessions of people at the pages: a cookie stands for a key that was shown once, for a working day."""

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, delete, insert, select

from serving import passage
from serving.access import OF_PERSON, Doorkeeper, Person, Principal, admitted
from serving.store import Store, in_utc
from serving.tables import API_KEYS, LOGINS, SESSIONS

LASTS = timedelta(hours=8)
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
ONE = (
    select(API_KEYS, SESSIONS.c.ends)
    .join_from(SESSIONS, API_KEYS, SESSIONS.c.key == API_KEYS.c.number)
    .where(SESSIONS.c.sha256 == bindparam("sha256"))
)


class SpentError(Exception):
    """A login began a session before; it begins no other."""


@dataclass(frozen=True)
class Sessions:
    """The sessions a store knows. A session ends with its key, or where its key could not be used."""

    store: Store
    now: Callable[[], datetime]
    zone: ZoneInfo

    def begin(self, key: str, address: str) -> str | None:
        """A new session of a key used from an address, or nothing when the key does not let anybody in."""
        principal = Doorkeeper(self.store, self.now, self.zone)(key, address)
        return None if principal is None else self.begin_for(principal)

    def of(self, person: Person, address: str) -> Principal | None:
        """Who somebody is here whom the portal vouches for; nothing without a key that may be used from the address."""
        with self.store.checked.reading() as connection:
            row = connection.execute(OF_PERSON, asdict(person)).mappings().first()
        if row is None:
            return None
        return admitted(row, str(row["sha256"]), address=address, today=self._today)

    def begin_for(self, principal: Principal, *, login: str | None = None) -> str:
        """A new session of a key; of one ``login`` (the state of its passage) one session, SpentError for another."""
        token, at = secrets.token_urlsafe(32), self.now()
        with self.store.writing() as connection:
            if login is not None:
                _spend(connection, _digest(login), at)
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
        if row is None or in_utc(row["ends"]) <= self.now():
            return None
        return admitted(row, str(row["sha256"]), address=address, today=self._today)

    def end(self, token: str) -> None:
        """No session bears this token any more."""
        with self.store.writing() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.sha256 == _digest(token)))

    @property
    def _today(self) -> date:
        return self.now().astimezone(self.zone).date()


def _spend(connection: Connection, login: str, at: datetime) -> None:
    """Note that a login began a session, for as long as its passage could be shown; SpentError when it did before."""
    connection.execute(delete(LOGINS).where(LOGINS.c.ends <= at))
    if connection.execute(select(LOGINS).where(LOGINS.c.sha256 == login)).first() is not None:
        raise SpentError
    connection.execute(insert(LOGINS).values(sha256=login, ends=at + passage.LASTS))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
