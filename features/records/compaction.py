"""Versions of records, in SQL: what arrived, each distinct row once, and the chain of versions it makes.

This module, ``stored`` and ``lake`` are the only ones that write SQL. What is visible is a function of the set of
arrivals, so neither the order of deliveries nor repetition changes it at any date.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from features.records import layout
from features.records.schema import RecordType
from features.records.stored import ROW, Stored, literal, quoted, scan

_BATCH = 100_000
REPLACED = pa.schema({ROW: pa.int64()})
_KEY = "record_id, source, action, digest"
_CONTENT = "action IN ('new', 'correct')"
_RANK = "CASE action WHEN 'new' THEN 0 WHEN 'correct' THEN 1 ELSE 2 END"
# Rows known at the same moment follow the period of their delivery, then what they say about themselves.
_ORDER = (
    f"known_at, period NULLS FIRST, {_RANK}, entered_at NULLS FIRST, "
    f"CASE WHEN {_CONTENT} THEN event_date END NULLS FIRST, source, digest"
)
# The windows run over what decides; contents are joined when the chain is known.
_SLIM = (
    "place, record_id, source, action, digest, delivery, source_record_no, known_at, known_basis, recorded_at, period, "
    "entered_at, event_date, action_date, seq, is_fresh, delivery_no"
)
_RANKED = f"""SELECT *, row_number() OVER (
    PARTITION BY {_KEY} ORDER BY known_at, period NULLS FIRST, recorded_at, delivery, seq) AS best
    FROM (SELECT {_SLIM} FROM (SELECT *, rowid AS place FROM repeated))"""  # noqa: S608
_COUNTS = f"""WITH judged AS (
    SELECT is_fresh, delivery_no, action, source,
        row_number() OVER (PARTITION BY {_KEY} ORDER BY is_fresh, seq) AS arrival,
        first_value(source) OVER (PARTITION BY record_id ORDER BY action <> 'new', is_fresh,
            CASE WHEN is_fresh THEN seq ELSE epoch_us(known_at) END, source) AS first_source
    FROM ranked)
    SELECT delivery_no, count(*) FILTER (NOT again), count(*) FILTER (again) FROM (
        SELECT delivery_no, arrival > 1 OR (action = 'new' AND source <> first_source) AS again
        FROM judged WHERE is_fresh
        UNION ALL SELECT delivery_no, false FROM fresh ANTI JOIN several USING (record_id))
    GROUP BY delivery_no ORDER BY delivery_no"""  # noqa: S608
# An arrival is listed unless its delivery brought the same row as early before.
_PROVENANCE = f"""WITH told AS (
    SELECT {{columns}}, false AS is_new FROM provenance
    UNION ALL SELECT {{columns}}, best > 1 FROM ranked)
    SELECT {{columns}} FROM (SELECT *, min(known_at) OVER (PARTITION BY {_KEY}, delivery
        ORDER BY recorded_at, known_at, is_new ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS earlier FROM told)
    WHERE is_new AND (earlier IS NULL OR known_at < earlier) ORDER BY record_id, source, digest, known_at"""  # noqa: S608


def connect(temporary: Path, *, memory: str = "2GB") -> duckdb.DuckDBPyConnection:
    """An in-memory connection that spills into a folder of the home and speaks UTC.

    With its one thread rows that say the same come out in the same order every time, and helpers share the cores.
    """
    temporary.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(config={"memory_limit": memory, "temp_directory": str(temporary), "threads": 1})
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false; SET preserve_insertion_order = false")
    return connection


@dataclass(frozen=True)
class Counted:
    """How many rows of one delivery were new to the lake and how many it had already."""

    delivery_no: int
    accepted: int
    duplicate: int


@dataclass(frozen=True)
class Compaction:
    """Rows of one record type that arrived, told together with what the lake has of the same records."""

    connection: duckdb.DuckDBPyConnection
    record_type: RecordType

    def load(self, standing: str, provenance: Sequence[Path], arrived: Sequence[Path]) -> list[Counted]:
        """What the arrived rows are to the rows that stand (a query, with their numbers), by delivery.

        What the next steps need is loaded. A record is changed when an arrived row is news, or was known earlier than
        what the lake has of it.
        """
        self._table("fresh", _identified(self.record_type, arrived))
        self._table("touched", "SELECT DISTINCT record_id FROM fresh")
        self._view("lake", standing)
        self._table("held", "SELECT * FROM lake SEMI JOIN touched USING (record_id)")
        self._load_arrivals(
            provenance,
            f"""SELECT * EXCLUDE ({ROW}), {_OLD} FROM ({_STATED.format(rows="held")})
            UNION ALL BY NAME SELECT *, true AS is_fresh FROM fresh""",  # noqa: S608
        )
        if not self._is_all_new():
            self._table(
                "changed",
                """SELECT record_id FROM ranked WHERE is_fresh AND best = 1
                UNION SELECT record_id FROM alone WHERE is_fresh""",
            )
        return [Counted(*row) for row in self.connection.execute(_COUNTS).fetchall()]

    def is_news(self) -> bool:
        """Whether any record is changed."""
        return self._has("fresh" if self._is_all_new() else "changed")

    def next_rows(self, rewritten: str) -> Iterator[pa.RecordBatch]:
        """The rows of the next file, in order: changed records with their chain made anew, and of the files this one
        takes the place of (a query) the others as they were."""
        told, kept = f"({self._chains()})", f"(SELECT {self._columns()} FROM ({rewritten}))"  # noqa: S608
        if not self._is_all_new():
            told, kept = f"{told} SEMI JOIN changed USING (record_id)", f"{kept} ANTI JOIN changed USING (record_id)"
        yield from self._batches(
            f"""SELECT * FROM {told} UNION ALL SELECT * FROM {kept}
            ORDER BY entity NULLS FIRST, record_id, version"""  # noqa: S608
        )

    def kept_rows(self, rewritten: str) -> Iterator[pa.RecordBatch]:
        """The rows of a file that takes the place of others (a query), when nothing arrived for them, in order."""
        yield from self._batches(
            f"SELECT {self._columns()} FROM ({rewritten}) ORDER BY entity NULLS FIRST, record_id, version"  # noqa: S608
        )

    def replaced(self, earlier: Path | None, before: int) -> Iterator[pa.RecordBatch]:
        """The numbers, below one, of rows that no longer stand: those replaced earlier and those of changed records."""
        known = scan(() if earlier is None else (earlier,), REPLACED)
        told = "held" if self._is_all_new() else "held SEMI JOIN changed USING (record_id)"
        yield from self._batches(
            f"""SELECT {ROW} FROM (SELECT {ROW} FROM {told} UNION ALL {known})
            WHERE {ROW} < {before} ORDER BY {ROW}"""  # noqa: S608
        )

    def new_provenance(self) -> Iterator[pa.RecordBatch]:
        """Arrivals of rows the lake keeps once: who else brought it and when."""
        if self._has("several"):
            yield from self._batches(_PROVENANCE.format(columns=", ".join(layout.ARRIVALS.names)))

    def history(self, stored: Stored, provenance: Sequence[Path], recorded_by: datetime) -> pa.Table:
        """All versions as they stood after the intakes up to a moment, before anything recorded later."""
        self._view("lake", f"SELECT * EXCLUDE ({ROW}) FROM ({stored.query()})")  # noqa: S608
        limit = f"recorded_at <= TIMESTAMPTZ {literal(recorded_by.isoformat())}"
        told = [column for column in layout.ARRIVALS.names if column not in _KEY.split(", ")]
        replaced = ", ".join(f"p.{column} AS {column}" for column in told)
        self._load_arrivals(
            provenance,
            f"""WITH stated AS ({_STATED.format(rows="lake")}) SELECT *, {_OLD} FROM stated WHERE {limit}
            UNION ALL BY NAME SELECT s.* REPLACE ({replaced}), {_OLD}
            FROM stated s JOIN ({scan(provenance, layout.ARRIVALS)}) p USING ({_KEY}) WHERE p.{limit}""",  # noqa: S608
        )
        batches = self._batches(f"{self._chains()} ORDER BY entity NULLS FIRST, record_id, version")
        schema = layout.schema(self.record_type)
        return pa.concat_tables([schema.empty_table(), *(pa.table(batch).cast(schema) for batch in batches)])

    def _load_arrivals(self, provenance: Sequence[Path], query: str) -> None:
        self._view("arrivals", query)
        self._table("several", "SELECT record_id FROM arrivals GROUP BY record_id HAVING count(*) > 1")
        self._table("repeated", "SELECT * FROM arrivals SEMI JOIN several USING (record_id)")
        self._view("alone", "SELECT * FROM arrivals ANTI JOIN several USING (record_id)")
        listed = scan(provenance, layout.ARRIVALS)
        self._view("provenance", f"SELECT * FROM ({listed}) SEMI JOIN several USING (record_id)")  # noqa: S608
        self._table("ranked", _RANKED)

    def _chains(self) -> str:
        """Versions of what arrived: records of which one row is all there is need no chain."""
        alone, columns = f"SELECT {_alone(self.record_type)} FROM alone", self._columns()  # noqa: S608
        if not self._has("several"):
            return alone
        return f"SELECT {columns} FROM ({chain(self.record_type)}) UNION ALL {alone}"  # noqa: S608

    def _is_all_new(self) -> bool:
        """Whether the lake has nothing of the records that arrived."""
        return not self._has("held")

    def _has(self, table: str) -> bool:
        return bool(self.connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])  # noqa: S608

    def _table(self, name: str, query: str) -> None:
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")

    def _view(self, name: str, query: str) -> None:
        self.connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {query}")

    def _columns(self) -> str:
        return ", ".join(quoted(column) for column in layout.schema(self.record_type).names)

    def _batches(self, query: str) -> Iterator[pa.RecordBatch]:
        yield from self.connection.sql(query).to_arrow_reader(_BATCH)


_OLD = "false AS is_fresh, 0::BIGINT AS seq, 0::INTEGER AS delivery_no"
# What rows of the lake said themselves, before waiting for their fact.
_STATED = "SELECT * REPLACE (coalesce(waited_from, known_at) AS known_at) FROM {rows}"


def _identified(record_type: RecordType, arrived: Sequence[Path]) -> str:
    """Arrived rows with the identity of their fact and the digest of what they say about it."""
    files = "[" + ", ".join(literal(str(path)) for path in arrived) + "]"
    keys = [quoted(key) for key in record_type.key]
    missing = " OR ".join(f"{key} IS NULL" for key in keys) or "false"
    whose = ", chr(31), ".join(["coalesce(identity, '')", *(f"{key}::VARCHAR" for key in keys)])
    number = "concat('source', chr(31), source, chr(31), source_record_no)"
    fact = f"CASE WHEN {missing} THEN {number} ELSE concat({whose}) END"
    fact_id = f"substr(sha256(concat({literal(record_type.name)}, chr(31), {fact})), 1, 16)"
    return f"""SELECT * EXCLUDE (identity), {fact_id} AS record_id,
        ('0x' || substr(sha256({_said(record_type)}), 1, 15))::BIGINT AS digest
        FROM read_parquet({files}, union_by_name = true)"""  # noqa: S608


def _said(record_type: RecordType) -> str:
    """What makes two rows of a source about one fact the same; empty fields say nothing, so new fields change nothing.

    The one fact an entity of a register returns to former content when the source dates its rows; elsewhere a source
    that sends an old row again with a new entry time has said nothing new.
    """
    columns = ["item", "visibility", "published_date", "mark_reason", *record_type.fields]
    columns += [] if record_type.key else ["entered_at"]
    content = ", ".join(_named(column) for column in columns)
    marks = ", ".join(_named(column) for column in ("action_date", "action_reason"))
    return f"concat(action, {marks}, CASE WHEN {_CONTENT} THEN concat({content}) ELSE '' END)"


def _named(column: str) -> str:
    value = f"epoch_us({column})" if column == "entered_at" else quoted(column)
    return f"coalesce(chr(31) || {literal(column + '=')} || {value}::VARCHAR, '')"


def chain(record_type: RecordType) -> str:
    """The versions made by a set of distinct statements: the one rule of what is visible when.

    The first ``new`` row is the fact. A ``new`` row of another source is only a second provenance; a ``new`` row of
    the same source, or a ``correct`` row, supersedes. The other actions inherit the content and set marks, which
    stay. A row whose fact is not known yet waits for it, unseen.
    """
    window = "(PARTITION BY record_id ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    marks = ", ".join(
        f"""last_value(CASE WHEN is_linked AND action = '{action}' THEN action_date END IGNORE NULLS)
            OVER {window} AS {mark}"""
        for action, mark in (("withdraw", "withdrawn"), ("repair", "repaired"), ("remove", "removed"))
    )
    return f"""WITH facts AS (
        SELECT *, min(known_at) FILTER (WHERE action = 'new') OVER (PARTITION BY record_id) AS fact_known,
            row_number() OVER (PARTITION BY record_id ORDER BY action <> 'new', {_ORDER}) AS fact_order
        FROM ranked WHERE best = 1),
    sourced AS (SELECT *, first_value(source) OVER (PARTITION BY record_id ORDER BY fact_order) AS fact_source
        FROM facts),
    linked AS (SELECT *, fact_known IS NOT NULL AND (action <> 'new' OR source = fact_source) AS is_linked
        FROM sourced),
    placed AS (
        SELECT *, CASE WHEN is_linked THEN greatest(known_at, fact_known) ELSE known_at END AS effective,
            row_number() OVER (PARTITION BY record_id
                ORDER BY NOT is_linked, fact_order <> 1, {_ORDER}) AS position
        FROM linked),
    marked AS (
        SELECT *, max(CASE WHEN {_CONTENT} THEN position END) OVER {window} AS content_position,
            last_value(CASE WHEN {_CONTENT} THEN place END IGNORE NULLS) OVER {window} AS content_place,
            is_linked AND NOT ({_CONTENT}) AS inherits_content,
            max(CASE WHEN action = 'remove' THEN position END) OVER {window} AS removal_position,
            CASE WHEN is_linked THEN lead(effective) OVER (PARTITION BY record_id, is_linked ORDER BY position)
                ELSE effective END AS until, {marks}
        FROM placed)
    SELECT {_chained(record_type)} FROM marked v JOIN repeated m ON m.rowid = v.place
        LEFT JOIN repeated c ON v.inherits_content AND c.rowid = v.content_place"""  # noqa: S608


def _alone(record_type: RecordType) -> str:
    """The chain of one row: a fact, or an action that waits for one."""
    made = {"superseded_at": "CASE WHEN action <> 'new' THEN known_at END", "version": "1::SMALLINT"}
    made |= dict.fromkeys(("withdrawn_date", "repair_date", "removal_date"), "NULL::DATE")
    made |= {"waited_from": "NULL::TIMESTAMPTZ", "inherits": "NULL::BIGINT"}
    if record_type.state is not None:
        made[record_type.state.end] = "stated_end"
    names = layout.schema(record_type).names
    return ", ".join(f"{made.get(column, quoted(column))} AS {quoted(column)}" for column in names)


def _chained(record_type: RecordType) -> str:
    inherits = "v.inherits_content"
    end = record_type.state.end if record_type.state else None
    own_end = f"CASE WHEN {inherits} THEN c.stated_end ELSE m.stated_end END"
    removed = f"v.removed IS NOT NULL AND (v.removal_position > v.content_position OR {own_end} IS NULL)"
    made = {
        "known_at": "v.effective",
        "superseded_at": "v.until",
        "withdrawn_date": "v.withdrawn",
        "repair_date": "v.repaired",
        "removal_date": "v.removed",
        "version": "v.position::SMALLINT",
        "waited_from": "CASE WHEN m.known_at < v.effective THEN m.known_at END",
        "stated_end": own_end,
        "inherits": f"CASE WHEN {inherits} THEN c.digest END",
    }
    if end is not None:
        made[end] = f"CASE WHEN {removed} THEN v.removed ELSE {own_end} END"
    own = {"record_id", "entity", "source", "delivery", "action", "action_reason", "action_date", "known_basis"}
    own |= {"recorded_at", "digest", "entered_at", "period"}
    columns = []
    for column in layout.schema(record_type).names:
        inherited = f"CASE WHEN {inherits} THEN c.{quoted(column)} ELSE m.{quoted(column)} END"
        value = made.get(column, f"m.{quoted(column)}" if column in own else inherited)
        columns.append(f"{value} AS {quoted(column)}")
    return ", ".join(columns)
