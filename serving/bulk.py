"""Rows into the store in bulk: a database file of their own beside SQLite, or COPY into PostgreSQL."""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from features import steps
from serving.store import PRIVATE_FILE, Store, StoreError

PAGE = 8192  # bytes of a page: a row with what it says lies in one
CACHE_MIB = 64
TYPES = {
    "TEXT": "text",
    "VARCHAR": "text",
    "INTEGER": "int4",
    "BIGINT": "int8",
    "SMALLINT": "int2",
    "FLOAT": "float8",
    "BLOB": "bytea",
}
Switch = Callable[[Connection], None]


class Into(Protocol):
    """Where rows go: tables are made, filled, indexed, and then switched to."""

    def make(self, table: Table) -> None:
        """An empty table without its indices."""

    def add(self, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
        """Some rows more."""

    def index(self, table: Table) -> None:
        """The indices of a table that is full."""

    def switch(self, stands: Switch) -> None:
        """Make the rows last, then have ``stands`` say in the store that they are the ones to read."""


class _File:
    """A new database file; nobody reads it before it is whole, so it needs no journal."""

    def __init__(self, store: Store, path: Path, connection: sqlite3.Connection) -> None:
        self._store, self._path, self._connection = store, path, connection

    def make(self, table: Table) -> None:
        self._connection.execute(str(CreateTable(table).compile(dialect=sqlite.dialect())))

    def add(self, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
        self._connection.executemany(str(table.insert().compile(dialect=sqlite.dialect())), rows)

    def index(self, table: Table) -> None:
        for one in table.indexes:
            self._connection.execute(str(CreateIndex(one).compile(dialect=sqlite.dialect())))

    def switch(self, stands: Switch) -> None:
        self._connection.execute("COMMIT")
        self._connection.close()
        with self._path.open("rb") as file:
            os.fsync(file.fileno())
        steps.sync_folder(self._path.parent)
        with self._store.writing() as connection:
            stands(connection)


@contextmanager
def filing(store: Store, path: Path) -> Iterator[Into]:
    """A new database file to put rows into; gone again when the block fails."""
    path.unlink(missing_ok=True)
    path.touch(mode=PRIVATE_FILE)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in (f"page_size={PAGE}", "journal_mode=OFF", "synchronous=OFF", f"cache_size=-{CACHE_MIB * 1024}"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        yield _File(store, path, connection)
    except BaseException as fault:
        connection.close()
        path.unlink(missing_ok=True)
        if isinstance(fault, sqlite3.Error):
            raise _failed(fault) from None
        raise
    connection.close()


class _Copy:
    """One transaction of PostgreSQL: until its end nobody sees the tables, and a killed one leaves nothing."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def make(self, table: Table) -> None:
        self._connection.execute(CreateTable(table))

    def add(self, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
        names = sql.SQL(", ").join(sql.Identifier(one.name) for one in table.columns)
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY, FREEZE)").format(sql.Identifier(table.name), names)
        driver: Any = self._connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types([TYPES[one.type.compile(sqlite.dialect()).partition("(")[0]] for one in table.columns])
            for row in rows:
                copy.write_row(row)

    def index(self, table: Table) -> None:
        for one in table.indexes:
            self._connection.execute(CreateIndex(one))
        quoted = self._connection.dialect.identifier_preparer.format_table(table)
        self._connection.execute(text(f"ANALYZE {quoted}"))

    def switch(self, stands: Switch) -> None:
        stands(self._connection)


@contextmanager
def copying(store: Store) -> Iterator[Into]:
    """A transaction to put rows into; nothing of it stays when the block fails."""
    try:
        with store.writing() as connection:
            yield _Copy(connection)
    except psycopg.Error as fault:
        raise _failed(fault) from None


def _failed(fault: Exception) -> StoreError:
    return StoreError(
        f"The store said {type(fault).__name__} while a month was loaded. Nothing of it is used, what stood still "
        "stands; look at the disk of the store and load again."
    )
