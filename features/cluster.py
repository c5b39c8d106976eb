"""Spark as an engine: the same queries on this machine's cores, or on a cluster named by its master."""

import json
import sys
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Self

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from features.crew import ALONE, Answer, Crew, Given, answer, answered
from features.profile import ProfileError
from features.records.stored import ROW, Stored
from features.steps import ResourceError

LOCAL = "local[*]"
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.ansi.enabled": "true",  # a sum that overflows is an error, never a wrong number
    "spark.log.level": "ERROR",
    "spark.driver.maxResultSize": "0",  # a matrix comes to the driver range by range; its bound is memory, not this
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
LOCAL_SETTINGS = {
    "spark.driver.memory": "4g",  # workers of this machine run in the driver; the default of 1g loses results
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "8",  # the default of 200 is for clusters
    **{f"spark.executorEnv.{name}": value for name, _, value in (one.partition("=") for one in ALONE)},
}
_NUMBERS = count()  # views live in the session, which a process has one of


class Spark:
    """Queries as Spark SQL; rows are read by Spark itself from the lake's files, which every worker must reach."""

    def __init__(self, engine: str) -> None:
        self.session = session(engine)
        self._connection: Any = ibis.pyspark.connect(self.session)
        self._given: str | None = None

    def rows(self, stored: Stored) -> ir.Table:
        """The rows of a record type that stand."""
        return self._named(rows(self.session, stored))

    def memory(self, table: pa.Table) -> ir.Table:
        """An Arrow table to join with; the one given before is let go."""
        if self._given is not None:
            self.session.catalog.dropTempView(self._given)
        found = self._named(self.session.createDataFrame(table))
        self._given = found.get_name()
        return found

    def frame(self, query: ir.Table) -> Any:
        """A query as a Spark data frame."""
        return self.session.sql(self._connection.compile(query))

    def run(self, query: ir.Table, by: str | None) -> pa.Table:
        """The result of a query, sorted where ``by`` names a column."""
        found = self.frame(query)
        return (found if by is None else found.orderBy(by)).toArrow()

    def prepared(self, query: ir.Table, key: str) -> Any:
        """A query to be run on one range of its key after another."""
        found = self.frame(query)
        return lambda low, high: found.filter(found[key].between(low, high)).orderBy(key).toArrow()

    def store(self, query: ir.Table, key: str, folder: Path) -> None:
        """Write the result, sorted by a key, as Parquet files, one a task."""
        found = self.frame(query)
        parts = self.session.sparkContext.defaultParallelism
        found.repartitionByRange(parts, key).sortWithinPartitions(key).write.mode("append").parquet(str(folder))

    def text(self, query: ir.Table) -> str:
        """The query as SQL."""
        return str(ibis.to_sql(query, dialect="pyspark"))

    def _named(self, frame: Any) -> ir.Table:
        name = f"rows_{next(_NUMBERS)}"
        frame.createOrReplaceTempView(name)
        found: ir.Table = self._connection.table(name)
        return found


class SparkCrew(Crew):
    """Tasks done by the workers of a cluster: each is a job of one task, whose one row ``mapInArrow`` makes.

    Workers read and write the same folders as this process: the home lies on storage all of them reach.
    """

    def __init__(self, engine: str) -> None:
        self._session = session(engine)
        super().__init__(size=int(self._session.sparkContext.defaultParallelism))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to end: the session lives as long as this process."""

    def _stop(self) -> None:
        self._session.sparkContext.cancelAllJobs()

    def _asked(self, function: str, given: Given) -> Answer:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        asked = json.dumps({"function": function, "given": given})
        try:
            (row,) = self._session.range(0, 1, 1, 1).mapInArrow(partial(_mapped, asked), "answer string").collect()
        except (PySparkException, Py4JError) as fault:
            raise ResourceError(
                "A worker of the cluster ended in the middle of its work; most likely it had not enough memory. What "
                "was complete is kept; run the same command again."
            ) from fault
        return answer(row.answer)


def _mapped(asked: str, rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """What a worker does with one task: rows only say that there is something to do."""
    for _ in rows:
        said = json.dumps(answered(**json.loads(asked)))
        yield pa.RecordBatch.from_pydict({"answer": pa.array([said], pa.string())})


def session(engine: str) -> Any:
    """The Spark session of this process, at the master the engine names; all cores of this machine where it names none.

    A process has one session: a second master is refused. ProfileError when there is none to be had, saying why.
    """
    master = engine.partition("@")[2] or LOCAL
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)  # tables go as Arrow
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise ProfileError(
            "The engine is spark and PySpark is not installed. Install the extra `spark` (requirements-spark.txt), or "
            "set `engine: polars`."
        ) from None
    found = SparkSession.getActiveSession()
    if found is not None:
        if found.sparkContext.master != master:
            raise ProfileError(f"Spark runs at {found.sparkContext.master}; {master} needs a process of its own.")
        return found
    builder = SparkSession.builder.appName("jianwei").master(master)
    for name, value in (SETTINGS | (LOCAL_SETTINGS if master.startswith("local") else {})).items():
        builder = builder.config(name, value)
    try:
        found = builder.getOrCreate()
    except (PySparkException, RuntimeError, OSError) as fault:
        raise ProfileError(
            f"Spark does not start at {master}: {fault}. It needs Java 17 or newer (JAVA_HOME) and, for a cluster, its "
            "master."
        ) from None
    if master.startswith("local"):
        found.sparkContext.pythonExec = sys.executable  # workers run in this environment, not in another Python's
    return found


def rows(session: Any, stored: Stored) -> Any:
    """The rows of a record type that stand, as a Spark data frame."""
    from pyspark.sql import functions
    from pyspark.sql.pandas.types import from_arrow_schema

    shape = from_arrow_schema(stored.schema, prefer_timestamp_ntz=False)
    if not stored.paths:
        return session.createDataFrame([], shape)
    found = session.read.schema(shape).parquet(*(str(path) for path in stored.paths))
    if stored.replaced is None:
        return found
    start = _starts(stored.paths, stored.starts)
    number = start[functions.col("_metadata.file_name")] + functions.col("_metadata.row_index")
    gone = session.read.parquet(str(stored.replaced)).select(functions.col(ROW).cast("bigint"))
    return found.select("*", number.cast("bigint").alias(ROW)).join(gone, ROW, "left_anti").drop(ROW)


def _starts(paths: Sequence[Any], starts: Sequence[int]) -> Any:
    """The number of the first row of every file, by the file's name."""
    from pyspark.sql import functions

    named = [part for path, start in zip(paths, starts, strict=False) for part in (path.name, start)]
    return functions.create_map(*(functions.lit(part) for part in named))
