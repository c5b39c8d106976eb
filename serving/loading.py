"""A sealed month into the store: streamed in bulk beside what requests read, then switched to in one transaction."""

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Table, delete, func, insert, select, update

from features import steps
from serving import bulk, ledger, pieces
from serving.classification import WORDS
from serving.ledger import LedgerError
from serving.marks import Marks
from serving.offices import Masking
from serving.results import Part, SealedMonth
from serving.rows import Rows, columns
from serving.store import Store
from serving.tables import (
    CHUNK,
    LISTED,
    LOADING,
    LOADS,
    MARKS,
    REGISTERED,
    REPLACED,
    ROOTS,
    STANDING,
    TALLIED,
    TRAITED,
    month_tables,
    tally_table,
    trait_table,
)
from serving.traits import Traits

LOADS_LOCK = 7_290_602  # the advisory lock of the one process that loads into a PostgreSQL database
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Loaded:
    """A load as it stands: its number, month, newest head and rows; whether this run made it."""

    load: int
    month: str
    head: str
    rows: int
    made: bool


@dataclass
class Loading:
    """A sealed month on its way into a store.

    ``offices`` is asked who supervises whom (``offices.of_everyone``) when there is something to load; without it an
    entity's office is its region's code.
    ``again`` loads a month that stands already as it was sealed. ``masking`` says how names are printed, ``traits``
    by what entities are counted beside kind and region.
    """

    store: Store
    sealed: SealedMonth
    at: datetime
    offices: Callable[[], pa.Table] | None = None
    again: bool = False
    report: Report = field(default=lambda done, total: None)
    masking: Masking | None = None
    traits: Traits = field(default_factory=Traits)

    def run(self) -> Loaded:
        """The month in the store; loaded when it was not there yet, or there with other heads.

        Whoever reads the month goes on with what stood until the new rows are all there. StoreError or LedgerError
        when the load fails or the store is another home's, ResourceError when another load is under way: what stood
        still stands.
        """
        self.store.check()
        self.store.claim(self._home)
        stood = standing(self.store, self.sealed.month)
        heads = [part.head.digest for part in self.sealed.parts]
        if stood is not None and stood["told"]["heads"] == heads and self._is_there(stood) and not self.again:
            return Loaded(stood["load"], stood["month"], stood["head"], stood["rows"], made=False)
        with _alone(self.store, f"jianwei store load {self.sealed.month}"):
            clean(self.store)
            load = self._begun()
            with _into(self.store, load) as into:
                rows, told = self._written(into, load)
                into.switch(lambda connection: _stands(connection, load, rows, told))
        return Loaded(load, self.sealed.month, self.sealed.head.digest, rows, made=True)

    @property
    def _home(self) -> Path:
        """The home the month was sealed in: its folder is months/MONTH/SUPPLEMENT of it."""
        return self.sealed.parts[0].folder.parents[2]

    def _is_there(self, stood: Mapping[Any, Any]) -> bool:
        """Whether a load has all that is read of one, and its file, beside SQLite, lies where it should."""
        path = self.store.month_file(stood["load"])
        return {MARKS, LISTED, REGISTERED, TALLIED, TRAITED} <= set(stood["told"]) and (path is None or path.is_file())

    def _begun(self) -> int:
        stated = {"month": self.sealed.month, "head": self.sealed.head.digest, "state": LOADING, "rows": 0, "told": {}}
        with self.store.writing() as connection:
            made = connection.execute(insert(LOADS).values(loaded=self.at, **stated).returning(LOADS.c.load))
            return int(made.scalar_one())

    def _written(self, into: bulk.Into, load: int) -> tuple[int, dict[str, Any]]:
        """How many rows were written, and what is told once of them."""
        results, leaves = month_tables(load)
        into.make(results)
        into.make(leaves)
        offices = None if self.offices is None else self.offices()
        rows, done = Rows(self.sealed.parts, offices, Marks.of(self._home), self.masking, self.traits), 0
        for batch in rows:
            into.add(results, batch)
            done += len(batch)
            self.report(rows.read, rows.total)
        for number, part in enumerate(self.sealed.parts):
            into.add(leaves, ((number, *chunk) for chunk in _chunks(part)))
        into.index(results)
        for table, tally in ((tally_table(load), rows.tally), (trait_table(load), rows.traited)):
            into.make(table)
            into.add(table, tally.rows())
            into.index(table)
        told = {
            "heads": [part.head.digest for part in self.sealed.parts],
            "parts": [_told(part) for part in self.sealed.parts],
            "packings": {name: _text(one.dictionary) for name, one in rows.packings.items()},
            "orgs": sorted(rows.orgs),
            MARKS: [f"{rows.sums.get(number, 0):032x}" for number in range(len(self.sealed.parts))],
            REGISTERED: True,
            TALLIED: True,
            TRAITED: rows.told_traits,
            LISTED: rows.listed,
            "ranks": self.sealed.ranks,
            "averages": self.sealed.averages,
        }
        return done, told


def standing(store: Store, month: str) -> Mapping[Any, Any] | None:
    """The load of a month that is read, or nothing."""
    wanted = select(LOADS).where(LOADS.c.month == month, LOADS.c.state == STANDING)
    with store.reading() as connection:
        return connection.execute(wanted).mappings().first()


def loads(store: Store) -> list[dict[str, Any]]:
    """Every load the store holds, by number: month, head, rows, state, when it was loaded, and its bytes."""
    store.check()
    names = (LOADS.c.load, LOADS.c.month, LOADS.c.head, LOADS.c.rows, LOADS.c.state, LOADS.c.loaded)
    with store.reading() as connection:
        found = [dict(row) for row in connection.execute(select(*names).order_by(LOADS.c.load)).mappings()]
        for one in found:
            one["bytes"] = _bytes(store, connection, one["load"])
    return found


def _bytes(store: Store, connection: Connection, load: int) -> int:
    path = store.month_file(load)
    if path is not None:
        return path.stat().st_size if path.is_file() else 0
    return sum(
        int(connection.scalar(select(func.pg_total_relation_size(func.to_regclass(one.name)))) or 0)
        for one in _tables(load)
    )


def _tables(load: int) -> tuple[Table, ...]:
    """Every table a load has."""
    return (*month_tables(load), tally_table(load), trait_table(load))


def clean(store: Store) -> None:
    """Remove what killed loads left, and replaced ones but the last, which somebody may still be reading."""
    with store.reading() as connection:
        found = connection.execute(select(LOADS.c.load, LOADS.c.state).order_by(LOADS.c.load)).all()
    replaced = [load for load, state in found if state == REPLACED]
    gone = [load for load, state in found if state == LOADING] + replaced[:-1]
    for load in gone:
        with store.writing() as connection:
            if store.folder is None:
                for one in _tables(load):
                    one.drop(connection, checkfirst=True)
            connection.execute(delete(LOADS).where(LOADS.c.load == load))
    if store.folder is not None:
        kept = {f"{load}.db" for load, _ in found if load not in gone}
        for path in (store.folder / "months").glob("*.db*"):
            if path.name not in kept:
                path.unlink()


@contextmanager
def _alone(store: Store, task: str) -> Iterator[None]:
    """One load at a time; ResourceError when another is under way."""
    if store.folder is not None:
        months = store.folder / "months"
        months.mkdir(exist_ok=True, mode=0o700)
        with steps.lock(months, task):
            yield
        return
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.scalar(select(func.pg_try_advisory_lock(LOADS_LOCK))):
            raise steps.ResourceError(
                "Another load into the store is under way. Nothing was changed; wait until it ends and run the same "
                "command again."
            )
        try:
            yield
        finally:
            connection.execute(select(func.pg_advisory_unlock(LOADS_LOCK)))


def _into(store: Store, load: int) -> AbstractContextManager[bulk.Into]:
    path = store.month_file(load)
    return bulk.copying(store) if path is None else bulk.filing(store, path)


def _stands(connection: Connection, load: int, rows: int, told: Mapping[str, Any]) -> None:
    """From here on the load is the one that is read."""
    month = select(LOADS.c.month).where(LOADS.c.load == load).scalar_subquery()
    stood = update(LOADS).where(LOADS.c.month == month, LOADS.c.state == STANDING)
    connection.execute(stood.values(state=REPLACED))
    connection.execute(update(LOADS).where(LOADS.c.load == load).values(state=STANDING, rows=rows, told=told))


def _told(part: Part) -> dict[str, Any]:
    """What a part says once: its signed head, its manifest and words as they were sealed, and its columns."""
    _, signature = ledger.read_head(part.folder)
    return {
        "head": asdict(part.head),
        "signature": signature,
        "manifest": (part.folder / ledger.MANIFEST).read_text(encoding="utf-8"),
        "words": (part.folder / WORDS).read_text(encoding="utf-8"),
        "columns": columns(part),
        "sealed": pieces.columns(part.folder, ledger.RESULTS),
    }


def _chunks(part: Part) -> Iterator[tuple[int, bytes]]:
    """The leaves of a part in chunks, by number, then their roots; LedgerError when they are not the head's."""
    roots: list[bytes] = []
    with (part.folder / ledger.LEAVES).open("rb") as file:
        while digests := file.read(CHUNK * ledger.WIDTH):
            yield len(roots), digests
            roots.append(bytes.fromhex(ledger.root(digests)))
    if ledger.root(b"".join(roots)) != part.head.root:
        raise LedgerError(f"{part.folder / ledger.LEAVES} does not have the root of its head. Nothing was loaded.")
    yield ROOTS, b"".join(roots)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
