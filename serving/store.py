"""The relational store: what changes between months (keys, queues, answers given), and months loaded for reading."""

import hashlib
import re
import sqlite3
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, Engine, column, create_engine, event, func, insert, make_url, select, table
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from features import signing
from serving import ledger
from serving.ledger import Head
from serving.tables import FORM, LOADS, OWNER, STANDING

KNOWN = re.compile(r"sqlite:////?[^/].*|postgresql\+psycopg://.+", re.DOTALL)
MIGRATIONS = Path(__file__).resolve().parent / "migrations"
BUSY_SECONDS = 5  # how long a writer waits for another before it gives up
MAPPED = 2**40  # bytes of a month's file that are mapped, as far as SQLite was made to
UPGRADES = 7_290_601  # the advisory lock that upgrades of one PostgreSQL database wait for
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
VERSION = table("alembic_version", column("version_num"))
LONGEST_SAID = 200  # characters of what a database says of a connection
REMEMBERED = 10_000  # answers; with more it is begun anew
Answer = TypeVar("Answer")


class StoreError(Exception):
    """The store cannot be reached, is not of the form this version works with, or belongs to another home."""


@dataclass(frozen=True)
class Store:
    """A store by its URL: ``sqlite:///…/store.db`` (in WAL mode) or ``postgresql+psycopg://…``.

    ``home`` is the home it has to belong to; without one it is taken for whomever's it is.
    """

    url: str
    home: Path | None = None

    @cached_property
    def engine(self) -> Engine:
        """The connections of this process."""
        if KNOWN.fullmatch(self.url) is None:
            raise StoreError(
                "JIANWEI_STORE names no store; expected sqlite:///FOLDER/store.db or postgresql+psycopg://USER@/NAME. "
                "Nothing was opened."
            )
        return connected(self.url)

    @cached_property
    def folder(self) -> Path | None:
        """Where the files of a SQLite store lie; nothing for PostgreSQL."""
        stated = make_url(self.url)
        return Path(str(stated.database)).parent if stated.get_backend_name() == "sqlite" else None

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection whose changes are there when the block ends, or not at all; StoreError when it fails."""
        try:
            with self.engine.execution_options(writes=True).begin() as connection:
                yield connection
        except SQLAlchemyError as fault:
            raise _told(fault, "Nothing of this change was kept") from None  # its text may hold values

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with; StoreError when it fails."""
        with reading(self.engine) as connection:
            yield connection

    def remembered(self, what: Hashable, ask: Callable[[Connection], Answer]) -> Answer:
        """What was read of the store and may have been read earlier, but not before anybody last wrote to it.

        StoreError when it has to be read and that fails.
        """
        found: Answer = self._memory.of(what, ask)
        return found

    @cached_property
    def _memory(self) -> "_Memory":
        return _Memory(self)

    def month_file(self, load: int) -> Path | None:
        """The database of its own that a load of a month has beside a SQLite store; nothing on PostgreSQL."""
        return None if self.folder is None else self.folder / "months" / f"{load}.db"

    def month(self, load: int) -> Engine:
        """Connections that read a load of a month; such a file is never written again, so nobody waits for a lock."""
        path = self.month_file(load)
        if path is None:
            return self.engine
        if not path.is_file():
            raise StoreError(f"{path}: a month stands without its rows. Run jianwei store load MONTH --again.")
        url = f"sqlite:///file:{quote(str(path.absolute()))}?mode=ro&immutable=1&uri=true"
        return create_engine(url, hide_parameters=True)

    def form(self) -> str | None:
        """The form the store is of; nothing for one that was never made."""
        if self.folder is not None and not Path(str(make_url(self.url).database)).is_file():
            return None
        with self.reading() as connection:
            if not self.engine.dialect.has_table(connection, VERSION.name):
                return None
            return connection.scalar(select(VERSION.c.version_num))

    @cached_property
    def checked(self) -> "Store":
        """The store itself, once it was found to be what it should be; StoreError until then."""
        self.check()
        return self

    def check(self) -> None:
        """Nothing when the store is of the form this version works with and no other home's; StoreError otherwise."""
        found = self.form()
        if found != FORM:
            raise StoreError(
                f"The store is of form {found or 'none'}; this version works with form {FORM}. Nothing was read or "
                "written; run jianwei store upgrade."
            )
        if self.home is not None:
            with self.reading() as connection:
                self._is_owned(connection, self.home)

    def claim(self, home: Path) -> None:
        """Make the store a home's if it is nobody's yet; StoreError when it is another home's."""
        with self.reading() as connection:
            is_owned = self._is_owned(connection, home)
        if not is_owned:
            with self.writing() as connection:
                self._wait_for_upgrades(connection)
                self._claimed(connection, home)

    def _is_owned(self, connection: Connection, home: Path) -> bool:
        """Whether the store is a home's, not nobody's; StoreError when it is another's."""
        owner = connection.execute(select(OWNER)).first()
        if owner is not None and owner.home != identity(home):
            raise self._foreign(home, f"belongs to the home {owner.called} ({owner.home[:8]})")
        return owner is not None

    def _claimed(self, connection: Connection, home: Path) -> None:
        if self._is_owned(connection, home):
            return
        if not _sealed_all(connection, home):
            raise self._foreign(home, "holds months that another home sealed")
        connection.execute(insert(OWNER).values(one=1, home=identity(home), called=home.name))

    def _foreign(self, home: Path, found: str) -> StoreError:
        shown = make_url(self.url).set(query={}).render_as_string(hide_password=True)
        return StoreError(
            f"The store {shown} {found}; expected that of {home} ({identity(home)[:8]}). Two homes that share one "
            "would take each other's months out of use: nothing was read or written. Set JIANWEI_STORE to a store of "
            "this home's own, or leave it out for SQLite in the home."
        )

    def _wait_for_upgrades(self, connection: Connection) -> None:
        if self.folder is None:
            connection.execute(select(func.pg_advisory_xact_lock(UPGRADES)))

    def upgrade(self) -> None:
        """Bring the store to the newest form, and make it the home's; what it holds is kept.

        Of several at a time one does it. StoreError when it is another home's, or of a form not known.
        """
        if self.form() == FORM:
            if self.home is not None:
                self.claim(self.home)
            return
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        try:
            with self.writing() as connection:
                self._wait_for_upgrades(connection)
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                if self.home is not None:
                    self._claimed(connection, self.home)
        except CommandError:
            raise StoreError(
                f"The store is of form {self.form()}, which this version does not know; it knows up to {FORM}. Nothing "
                "was changed; use the version of the product that made it, or a newer one."
            ) from None

    def close(self) -> None:
        """Give up the connections of this process, where there are any."""
        if "engine" in vars(self):
            self._memory.close()
            self.engine.dispose()


class _Memory:
    """What was read of a SQLite store, forgotten when anybody wrote to it; of PostgreSQL nothing is remembered."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._watching: Any = None
        self._version: int | None = None
        self._known: dict[Hashable, Any] = {}

    def of(self, what: Hashable, ask: Callable[[Connection], Any]) -> Any:
        """What ``ask`` finds or found."""
        try:
            version = self._current()
        except (SQLAlchemyError, sqlite3.Error) as fault:
            raise _told(fault, "Nothing was read") from None
        with self._lock:
            if version is not None and what in self._known:
                return self._known[what]
        with self._store.reading() as connection:
            found = ask(connection)
        with self._lock:
            if version is not None and version == self._version:  # what was written meanwhile is in the next version
                self._known[what] = found
        return found

    def close(self) -> None:
        """Give up the connection that watches."""
        with self._lock:
            if self._watching is not None:
                self._watching.close()
                self._watching = None
            self._known = {}

    def _current(self) -> int | None:
        """The version of the file as the one connection sees it that never writes; what is older is forgotten."""
        if self._store.folder is None:
            return None
        with self._lock:
            if self._watching is None:
                self._watching, self._version = self._store.engine.raw_connection(), None
            (version,) = self._watching.driver_connection.execute("PRAGMA data_version").fetchone()
            if version != self._version or len(self._known) >= REMEMBERED:
                self._version, self._known = version, {}
            return int(version)


def identity(home: Path) -> str:
    """Which home it is, wherever it lies: made on first use, kept with its keys, and in the store it has."""
    return hashlib.sha256(ledger.secret(home / "keys", "home")).hexdigest()[:32]


def _sealed_all(connection: Connection, home: Path) -> bool:
    """Whether every month that stands in a store was sealed by a home: who upgrades first need not be its owner."""
    loads = connection.scalars(select(LOADS.c.told).where(LOADS.c.state == STANDING)).all()
    parts = [part for told in loads for part in told["parts"]]
    try:
        key = signing.verify_key(home / "keys", ledger.PUBLISHER) if parts else None
    except signing.SigningError:
        return False
    return key is None or all(signing.holds(key, Head(**one["head"]).document, one["signature"]) for one in parts)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection to read with; StoreError when it fails."""
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as fault:
        raise _told(fault, "Nothing was read") from None  # its text may hold values


@contextmanager
def scanning(engine: Engine) -> Iterator[Connection]:
    """A connection to go through much of a month with; StoreError when it fails.

    A file is mapped meanwhile, so that it is read where the system keeps it, in half the time. Not for longer: rows
    that are asked for one by one would each leave sixteen pages with the process, until it holds the whole month.
    """
    with reading(engine) as connection:
        if engine.dialect.name != "sqlite":
            yield connection
            return
        _map(connection, MAPPED)
        try:
            yield connection
        finally:
            _map(connection, 0)


def _map(connection: Connection, size: int) -> None:
    connection.exec_driver_sql(f"PRAGMA mmap_size={size}").close()


def storable(text: str) -> bool:
    """Whether a database can compare with a text at all: no NUL, no lone surrogate."""
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def in_utc(at: datetime) -> datetime:
    """A moment as it was kept: always in UTC, which SQLite gives back without saying so."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def connected(url: str) -> Engine:
    """Connections to a database; of SQLite each in WAL mode, which lets readers go on while one writes."""
    is_file = url.startswith("sqlite")
    engine = create_engine(url, pool_pre_ping=not is_file, hide_parameters=True)
    if is_file:
        _private(Path(str(engine.url.database)))
        event.listen(engine, "connect", _pragmas)
        event.listen(engine, "begin", _begin)
    return engine


def _private(path: Path) -> None:
    """An empty database only its owner can open; what is there stays."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
        path.touch(mode=PRIVATE_FILE)
    except OSError as fault:
        raise StoreError(
            f"The store's file {path} cannot be made ({fault.strerror}). Nothing was read or written; look at "
            "JIANWEI_STORE."
        ) from None


def _pragmas(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions begin where _begin says, tables made in them included
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={BUSY_SECONDS * 1000}", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    """A writer takes its turn at once: one that reads first and writes then may be refused for good."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _told(fault: Exception, done: str) -> StoreError:
    """What went wrong, without the values of the statement; of a connection that is not had, what was said of it."""
    cause = getattr(fault, "orig", None)
    said = type(cause or fault).__name__
    if isinstance(fault, DBAPIError) and fault.statement is None:  # no statement, no values
        first = str(cause).strip().partition("\n")[0]
        said += f" ({first[:LONGEST_SAID]})"
    return StoreError(f"The store said {said}. {done}; look at JIANWEI_STORE and try again.")
