"""How fast a key may ask, and of how many entities it may be told in a day."""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from serving.access import Limits, Principal, Route
from serving.store import Store
from serving.tables import API_KEYS, READS

SLICE = 500  # rows of one INSERT


class Pace:
    """The rate limits of keys as this process counts them: a burst, refilled at the key's pace; paces of routes."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def wait(self, principal: Principal, route: Route, at: datetime) -> int | None:
        """After how many seconds a request would be within the limits; null when it is now, and then it is counted."""
        for name, item in _items(principal.grant.limits, route.pace):
            if not self._limiter.hit(item, principal.key, name):
                reset, _ = self._limiter.get_window_stats(item, principal.key, name)
                return min(max(1, math.ceil(reset - at.timestamp())), item.get_expiry())
        return None


def _items(limits: Limits, pace: str) -> list[tuple[str, RateLimitItem]]:
    """The windows a request must fit in. A burst of 40 at 20 a second is 40 in any two seconds."""
    found: list[tuple[str, RateLimitItem]] = []
    if limits.per_second is not None:
        burst = max(limits.burst or 0, limits.per_second)
        seconds = max(1, burst // limits.per_second)
        found.append(("general", RateLimitItemPerSecond(max(burst, limits.per_second * seconds), seconds)))
    if pace == "explanations" and limits.explanations_per_second is not None:
        found.append((pace, RateLimitItemPerSecond(limits.explanations_per_second)))
    if pace == "pages" and limits.pages_per_minute is not None:
        found.append((pace, RateLimitItemPerMinute(limits.pages_per_minute)))
    return found


@dataclass
class Brake:
    """The harvest brake: of how many different entities each key was told today, counted over all processes.

    What this process knows to be counted is not written again.
    """

    store: Store
    _day: date | None = None
    _known: dict[str, set[str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_known(self, key: str, entities: Sequence[str], day: date) -> bool:
        """Whether all of these entities are counted for a key already."""
        with self._lock:
            if day != self._day:
                self._day, self._known = day, {}
            return self._known.get(key, set()).issuperset(entities)

    def admits(self, principal: Principal, entities: Sequence[str], day: date) -> bool:
        """Whether a key may be told of these entities (by pseudonym) today; then they are counted, else none of them.

        StoreError when the count cannot be kept.
        """
        most = principal.grant.limits.entities_per_day
        if most is None or self.is_known(principal.key, entities, day):
            return True
        wanted = sorted(set(entities))
        if len(wanted) > most:
            return False
        try:
            with self.store.writing() as connection:
                _count(connection, (principal.key, day), wanted, most)
        except _FullError:
            return False
        with self._lock:
            if day == self._day:
                self._known.setdefault(principal.key, set()).update(wanted)
        return True


class _FullError(Exception):
    """A day's entities are used up: what was just counted is taken back."""


def _count(connection: Connection, who: tuple[str, date], wanted: Sequence[str], most: int) -> None:
    """Count entities as told to a key on a day; _FullError when they are too many. A key counts one at a time."""
    key, day = who
    dialect = connection.dialect.name
    if dialect == "postgresql":  # SQLite has one writer at a time anyhow
        connection.execute(select(API_KEYS.c.number).where(API_KEYS.c.number == key).with_for_update())
    connection.execute(delete(READS).where(READS.c.day < day - timedelta(days=1), READS.c.key == key))
    made = postgresql.insert if dialect == "postgresql" else sqlite.insert
    rows = [{"day": day, "key": key, "entity": one} for one in wanted]
    for start in range(0, len(rows), SLICE):
        connection.execute(made(READS).on_conflict_do_nothing(), rows[start : start + SLICE])
    told = select(func.count()).select_from(READS).where(READS.c.day == day, READS.c.key == key)
    if connection.execute(told).scalar_one() > most:
        raise _FullError
