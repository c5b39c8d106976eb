"""Filters a key keeps by name: what it looks for every week, kept as it was asked."""

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import delete, func, insert, select

from serving.store import Store
from serving.tables import API_KEYS, FILTERS

MOST = 20  # of one key
LONGEST = 40  # letters of a name


def listed(store: Store, key: str) -> dict[str, dict[str, str]]:
    """The filters of a key by name: what each asks for."""
    wanted = select(FILTERS.c.name, FILTERS.c.asked).where(FILTERS.c.key == key).order_by(FILTERS.c.name)
    with store.reading() as connection:
        return {row.name: dict(row.asked) for row in connection.execute(wanted)}


def keep(store: Store, key: str, name: str, asked: Mapping[str, str], *, at: datetime) -> bool:
    """Keep a filter, in the place of one of the same name; whether there was room for it."""
    own = FILTERS.c.key == key
    with store.writing() as connection:
        if connection.dialect.name == "postgresql":  # SQLite has one writer at a time anyhow
            connection.execute(select(API_KEYS.c.number).where(API_KEYS.c.number == key).with_for_update())
        connection.execute(delete(FILTERS).where(own, FILTERS.c.name == name))
        if connection.execute(select(func.count()).select_from(FILTERS).where(own)).scalar_one() >= MOST:
            return False
        row = {"key": key, "name": name, "asked": dict(asked), "at": at.astimezone(UTC)}
        connection.execute(insert(FILTERS).values(**row))
    return True


def drop(store: Store, key: str, name: str) -> None:
    """Keep a filter no longer."""
    with store.writing() as connection:
        connection.execute(delete(FILTERS).where(FILTERS.c.key == key, FILTERS.c.name == name))
