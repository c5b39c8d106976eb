"""The relational store: what changes between months (keys, queues, answers given), and months loaded for reading."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError

MIGRATIONS = Path(__file__).resolve().parent / "migrations"
BUSY_SECONDS = 5  # how long a writer waits for another before it gives up


class StoreError(Exception):
    """The store cannot be reached, or is not of the form this version works with."""


@dataclass(frozen=True)
class Store:
    """A store by its URL: ``sqlite:///…/store.db`` (in WAL mode) or ``postgresql+psycopg://…``."""

    url: str

    @cached_property
    def engine(self) -> Engine:
        """The connections of this process."""
        return connected(self.url)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection whose changes are there when the block ends, or not at all; StoreError when it fails."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except SQLAlchemyError as fault:
            raise StoreError(_told(fault, "Nothing of this change was kept")) from fault

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with; StoreError when it fails."""
        try:
            with self.engine.connect() as connection:
                yield connection
        except SQLAlchemyError as fault:
            raise StoreError(_told(fault, "Nothing was read")) from fault

    def upgrade(self) -> None:
        """Bring the store to the newest form; what it holds is kept."""
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self.writing() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def connected(url: str) -> Engine:
    """Connections to a database; of SQLite each in WAL mode, which lets readers go on while one writes."""
    engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    if engine.dialect.name == "sqlite":
        name = make_url(url).database
        if name and name != ":memory:":
            Path(name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        event.listen(engine, "connect", _pragmas)
    return engine


def _pragmas(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"busy_timeout={BUSY_SECONDS * 1000}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _told(fault: SQLAlchemyError, done: str) -> str:
    """What went wrong, without the values of the statement."""
    cause = getattr(fault, "orig", None)
    return f"The store said {type(cause or fault).__name__}. {done}; look at JIANWEI_STORE and try again."
