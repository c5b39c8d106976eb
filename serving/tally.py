"""How many entities of a load are alike: counted while its rows stream in, so that no page has to count a million."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, Protocol

import polars as pl
from sqlalchemy import ColumnElement, Engine, Table, func, select, true

from serving.access import Grant, condition, within
from serving.classification import CLASSIFIED
from serving.ledger import LedgerError
from serving.store import reading
from serving.tables import TALLIED_BY, tally_table, trait_table

BY_BOTH, BY_OFFICE, EVERYBODY = 0, 1, 2  # how far counts are rolled up: see ``tally_table``
SCOPES = 256  # whose counts are held at a time
Counts = Mapping[tuple[str | None, ...], int]
Row = tuple[Any, ...]
Which = tuple[int, str, tuple[str, ...]]  # load: its number, month and offices


class Tally:
    """Counts of rows alike in all of some columns (``org`` and ``departments`` among them), as batches come."""

    def __init__(self, by: Sequence[str] = TALLIED_BY) -> None:
        self._by = list(by)
        self._held = [pl.DataFrame(schema={**dict.fromkeys(by, pl.String), "entities": pl.Int64})]

    def add(self, rows: pl.DataFrame) -> None:
        """Count some rows more."""
        more = rows.group_by(self._by).agg(pl.len().cast(pl.Int64).alias("entities"))
        first, *others = self._held = [*self._held, more.select(self._held[0].columns)]
        if sum(map(len, others)) > len(first):  # summed up as often as they double, not with every batch
            self._held = [self._counted]

    @property
    def _counted(self) -> pl.DataFrame:
        return _summed(pl.concat(self._held), self._by)

    def by(self, names: Sequence[str]) -> Iterator[Row]:
        """The values of some columns and how many rows have them, in order."""
        yield from self._counted.group_by(names).agg(pl.col("entities").sum()).sort(names).iter_rows()

    def rows(self) -> Iterator[Row]:
        """Tuples in the order of the table's columns: by office and departments, by office, and of everybody."""
        counted = self._counted
        for number, names in ((BY_BOTH, ()), (BY_OFFICE, ("departments",)), (EVERYBODY, ("departments", "org"))):
            rolled_up = _summed(counted.with_columns(pl.lit("").alias(name) for name in names), self._by)
            yield from ((number, *row) for row in rolled_up.sort(self._by).iter_rows())


def _summed(counted: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    return counted.group_by(by).agg(pl.col("entities").sum()).select(counted.columns)


class Loaded(Protocol):
    """A load of a month as it is read."""

    @property
    def month(self) -> str:
        """Which month it is."""

    @property
    def load(self) -> int:
        """The number of the load."""

    @property
    def engine(self) -> Engine:
        """Connections that read it."""

    @property
    def orgs(self) -> tuple[str, ...]:
        """The offices its entities have, sorted."""


class Tallied:
    """The counts of what one scope reaches in one load, each read once; classes are of the classified alone."""

    def __init__(self, engine: Engine, table: Table, scope: ColumnElement[bool]) -> None:
        self._engine, self._table, self._scope = engine, table, scope
        self._classified = true() if "status" not in table.c else table.c.status == CLASSIFIED
        self._known: dict[tuple[str, ...], Counts] = {}

    def by(self, *names: str) -> Counts:
        """How many classified entities are alike in some columns, by their values."""
        return self._read(names, self._classified)

    def statuses(self) -> Counts:
        """How many entities have each status: classified, or why not."""
        return self._read(("status",), true())

    def _read(self, names: tuple[str, ...], narrowed: ColumnElement[bool]) -> Counts:
        if names not in self._known:
            columns = [self._table.c[name] for name in names]
            wanted = select(*columns, func.sum(self._table.c.entities)).where(self._scope, narrowed).group_by(*columns)
            with reading(self._engine) as connection:
                rows = connection.execute(wanted).all()
            self._known[names] = {tuple(row[:-1]): int(row[-1]) for row in rows}
        return self._known[names]


def tallied(month: Loaded, grant: Grant) -> Tallied:
    """The counts of what a grant reaches in a month; LedgerError for a load an earlier version made, which has none."""
    return _reached(month, grant, tally_table)


def traited(month: Loaded, grant: Grant) -> Tallied:
    """The counts by ``trait`` and ``value`` of what a grant reaches in a month; LedgerError as ``tallied``."""
    return _reached(month, grant, trait_table)


def _reached(month: Loaded, grant: Grant, made: Callable[[int], Table]) -> Tallied:
    which = (month.load, month.month, month.orgs)
    return _tallied(month.engine, made, which, (grant.org, grant.departments))


@lru_cache(maxsize=2 * SCOPES)
def _tallied(engine: Engine, made: Callable[[int], Table], which: Which, reach: tuple[str, frozenset[str]]) -> Tallied:
    (load, month, orgs), (org, departments) = which, reach
    table = made(load)
    with reading(engine) as connection:
        is_there = engine.dialect.has_table(connection, table.name)
    if not is_there:
        raise LedgerError(
            f"{month} in the store was loaded by an earlier version, which did not count this. No count was read; run "
            f"jianwei store load {month}."
        )
    return Tallied(engine, table, _scope(table, orgs, Grant("", org, date.max, departments)))


def _scope(table: Table, orgs: tuple[str, ...], grant: Grant) -> ColumnElement[bool]:
    """The counts that sum up to what a grant reaches, the most rolled up there are."""
    offices = Grant("", grant.org, date.max)
    reached = [one for one in orgs if within(offices, {"org": one, "departments": ""})] or [""]
    if len(reached) == len(orgs) and not grant.departments:
        return table.c.rolled_up == EVERYBODY
    bounds = (table.c.org >= reached[0]) & (table.c.org <= reached[-1])  # lead to the index; the condition decides
    return (table.c.rolled_up == (BY_BOTH if grant.departments else BY_OFFICE)) & bounds & condition(grant, table.c)
