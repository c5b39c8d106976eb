"""One engine behind every query: Polars (streaming), DuckDB or Spark, chosen by a setting, same Ibis expressions."""

import re
import shutil
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Protocol

import ibis
import ibis.expr.types as ir
import polars as pl
import pyarrow as pa

from features.profile import ProfileError
from features.records.stored import Stored

DUCKDB, SPARK = "duckdb", "spark"
EMBEDDED = ("polars", DUCKDB)
ENGINES = (*EMBEDDED, SPARK)
MEMORY = re.compile(r"[1-9][0-9]*(MiB|GiB)")
Ranged = Callable[[int, int], pa.Table]


class _Backend(Protocol):
    """What an engine does, with tables and queries of Ibis."""

    def rows(self, stored: Stored) -> ir.Table: ...
    def memory(self, table: pa.Table) -> ir.Table: ...
    def run(self, query: ir.Table, by: str | None) -> pa.Table: ...
    def prepared(self, query: ir.Table, key: str) -> Ranged: ...
    def store(self, query: ir.Table, key: str, folder: Path) -> None: ...
    def text(self, query: ir.Table) -> str: ...


@dataclass(frozen=True)
class Engine:
    """Reads Parquet files and runs Ibis expressions into Arrow tables.

    ``name`` is ``polars``, ``duckdb``, ``spark`` (all cores of this machine), ``spark@`` and the master of a cluster
    (``spark@local[2]``, ``spark@spark://host:7077``, ``spark@yarn``), or ``duckdb@`` and the most memory a query may
    hold (``duckdb@512MiB``, ``duckdb@2GiB``); what is beyond goes to the temporary folder.
    """

    name: str

    def __post_init__(self) -> None:
        kind, at, more = self.name.partition("@")
        is_told = (kind == SPARK and more) or (kind == DUCKDB and MEMORY.fullmatch(more))
        if kind not in ENGINES or (at and not is_told):
            raise ProfileError(
                f"Engine {self.name!r} is not one of {', '.join(ENGINES)}, or spark@ with the master of a cluster, "
                "such as spark@local[2] or spark@spark://host:7077, or duckdb@ with the most memory of a query, "
                "such as duckdb@512MiB or duckdb@2GiB."
            )

    @cached_property
    def _backend(self) -> _Backend:
        kind = kind_of(self.name)
        if kind != SPARK:
            return _DuckDB(self.name.partition("@")[2]) if kind == DUCKDB else _Polars()
        from features.cluster import Spark

        return Spark(self.name)

    def rows(self, stored: Stored) -> ir.Table:
        """The rows of a record type that stand."""
        return self._backend.rows(stored)

    def memory(self, table: pa.Table) -> ir.Table:
        """An Arrow table, to join with; the engine holds it no longer than until the next one is given."""
        return self._backend.memory(table)

    def run(self, query: ir.Table, *, by: str | None = None) -> pa.Table:
        """The result of a query; sorted where ``by`` names a column, else in any order."""
        return self._backend.run(query, by)

    def prepared(self, query: ir.Table, key: str) -> Ranged:
        """A query compiled once, to be run on one range of its grouping key after another (both ends included, sorted).

        Engines push the range down to the files, which are sorted by it: a range costs what it holds.
        """
        return self._backend.prepared(query, key)

    def store(self, query: ir.Table, key: str, folder: Path) -> None:
        """Write the result, sorted by a key, as Parquet files of a folder, for other processes to read (``stored``)."""
        folder.mkdir(parents=True)
        self._backend.store(query, key, folder)

    def text(self, query: ir.Table) -> str:
        """The query as people read it: SQL, or the Polars plan."""
        return self._backend.text(query)


def kind_of(name: str) -> str:
    """``polars``, ``duckdb`` or ``spark``, whatever the master or the memory."""
    return name.partition("@")[0]


def stored(folder: Path, key: str) -> Ranged:
    """What ``Engine.store`` wrote, read in this process for one range of its key after another."""
    plan = pl.scan_parquet(sorted(folder.glob("*.parquet")))
    return lambda low, high: _between(plan, key, low, high)


def _between(plan: pl.LazyFrame, key: str, low: int, high: int) -> pa.Table:
    return plan.filter(pl.col(key).is_between(low, high)).sort(key).collect(engine="streaming").to_arrow()


class _Polars:
    def __init__(self) -> None:
        self._connection: Any = ibis.polars.connect()
        self._numbers = count()

    def rows(self, stored: Stored) -> ir.Table:
        found: ir.Table = self._connection.create_table(f"rows_{next(self._numbers)}", stored.frame())
        return found

    def memory(self, table: pa.Table) -> ir.Table:
        return ibis.memtable(table)

    def run(self, query: ir.Table, by: str | None) -> pa.Table:
        plan = self._connection.compile(query)
        return (plan if by is None else plan.sort(by)).collect(engine="streaming").to_arrow()

    def prepared(self, query: ir.Table, key: str) -> Ranged:
        plan = self._connection.compile(query)
        return lambda low, high: _between(plan, key, low, high)

    def store(self, query: ir.Table, key: str, folder: Path) -> None:
        self._connection.compile(query).sort(key).sink_parquet(folder / "0.parquet")

    def text(self, query: ir.Table) -> str:
        return str(self._connection.compile(query).explain(optimized=False))


class _DuckDB:
    def __init__(self, memory: str) -> None:
        self.spilled = mkdtemp(prefix="jianwei-")
        weakref.finalize(self, shutil.rmtree, self.spilled, ignore_errors=True)
        limits = {"memory_limit": memory} if memory else {}
        self._connection: Any = ibis.duckdb.connect(temp_directory=self.spilled, **limits)
        self._numbers: Iterator[int] = count()

    def rows(self, stored: Stored) -> ir.Table:
        name = f"rows_{next(self._numbers)}"
        self._connection.raw_sql(f"CREATE TEMP VIEW {name} AS {stored.query()}")
        found: ir.Table = self._connection.table(name)
        return found

    def memory(self, table: pa.Table) -> ir.Table:
        return ibis.memtable(table)

    def run(self, query: ir.Table, by: str | None) -> pa.Table:
        return self._connection.to_pyarrow(query if by is None else query.order_by(by))

    def prepared(self, query: ir.Table, key: str) -> Ranged:
        return lambda low, high: self.run(query.filter(query[key].between(low, high)), key)

    def store(self, query: ir.Table, key: str, folder: Path) -> None:
        self._connection.to_parquet(query.order_by(key), folder / "0.parquet")

    def text(self, query: ir.Table) -> str:
        return str(ibis.to_sql(query, dialect="duckdb"))
