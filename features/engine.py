"""One engine behind every query: Polars (streaming) or DuckDB, chosen by a setting, same Ibis expressions."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any

import ibis
import ibis.expr.types as ir
import polars as pl
import pyarrow as pa

from features.profile import ProfileError
from features.records.stored import Stored

ENGINES = ("polars", "duckdb")
Ranged = Callable[[int, int], pa.Table]


@dataclass(frozen=True)
class Engine:
    """A connection that reads Parquet files and runs Ibis expressions into Arrow tables."""

    name: str

    def __post_init__(self) -> None:
        if self.name not in ENGINES:
            raise ProfileError(f"Engine {self.name!r} is not one of {', '.join(ENGINES)}.")

    @cached_property
    def _connection(self) -> Any:
        return ibis.polars.connect() if self.name == "polars" else ibis.duckdb.connect()

    @cached_property
    def _numbers(self) -> Iterator[int]:
        return count()

    def rows(self, stored: Stored) -> ir.Table:
        """The rows of a record type that stand."""
        name = f"rows_{next(self._numbers)}"
        if self.name == "polars":
            return self._connection.create_table(name, stored.frame())
        self._connection.raw_sql(f"CREATE TEMP VIEW {name} AS {stored.query()}")
        return self._connection.table(name)

    def memory(self, table: pa.Table) -> ir.Table:
        """An Arrow table, to join with; the engine holds it no longer than the query does."""
        return ibis.memtable(table)

    def run(self, query: ir.Table, *, by: str | None = None) -> pa.Table:
        """The result of a query; sorted where ``by`` names a column, else in any order."""
        if self.name == "polars":
            plan = self._connection.compile(query)
            return (plan if by is None else plan.sort(by)).collect(engine="streaming").to_arrow()
        return self._connection.to_pyarrow(query if by is None else query.order_by(by))

    def prepared(self, query: ir.Table, key: str) -> Ranged:
        """A query compiled once, to be run on one range of its grouping key after another (both ends included, sorted).

        Engines push the range down to the files, which are sorted by it: a range costs what it holds.
        """
        if self.name == "polars":
            plan = self._connection.compile(query)
            return lambda low, high: (
                plan.filter(pl.col(key).is_between(low, high)).sort(key).collect(engine="streaming").to_arrow()
            )
        return lambda low, high: self.run(query.filter(query[key].between(low, high)), by=key)

    def text(self, query: ir.Table) -> str:
        """The query as people read it: SQL, or the Polars plan."""
        if self.name == "polars":
            return str(self._connection.compile(query).explain(optimized=False))
        return str(ibis.to_sql(query, dialect="duckdb"))
