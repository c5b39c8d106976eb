"""Months read from the store: one entity, a page of them, and the proof that a row is the sealed one."""

import base64
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from threading import Lock
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Engine, Select, Table, bindparam, func, select

from serving import ledger
from serving.access import Grant
from serving.classification import CLASSIFIED, RESULT
from serving.ledger import Head, LedgerError, Proof
from serving.listing import EVERYTHING, After, Asked, Filters, Listed, Listing
from serving.marks import MARKED
from serving.packing import Packing
from serving.results import LIGHT
from serving.store import Store, reading, storable
from serving.stored_part import StoredPart
from serving.tables import CHUNK, LISTED, LOADS, MARKS, REGISTERED, ROOTS, STANDING, TRAITED, month_tables

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONE = ZoneInfo("UTC")
TOGETHER = 10_000  # rows held at a time when all are read
READ = select(LOADS.c.month, LOADS.c.load).where(LOADS.c.state == STANDING).order_by(LOADS.c.month)
Light = Mapping[str, Any]


@dataclass(frozen=True)
class StoredMonth:
    """A load of a month as it is read; it stays readable while a newer load takes its place.

    It answers about single entities as ``results.SealedMonth`` does.
    """

    load: int
    parts: tuple[StoredPart, ...]
    packings: Mapping[str, Packing]
    orgs: tuple[str, ...]
    ranks: Mapping[str, Sequence[float]]
    averages: Mapping[str, float]  # the mean probability of each kind; empty for a load made by an earlier version
    marks: tuple[str, ...] | None  # of its parts' rows; none for a load made by an earlier version, which has no lots
    codes: tuple[str, ...] | None  # of top reasons; none for a load made by an earlier version, which has no names
    open_codes: frozenset[str]  # of them those of reasons that are not internal
    has_numbers: bool  # whether any entity has a registration number
    is_registered: bool  # whether rows say how entities stand in the register; an earlier version loaded none that do
    regions: frozenset[tuple[str, str | None]] = field(repr=False)  # of each office
    traits: Sequence[Mapping[str, Any]] | None  # what it was counted by; none for a load made by an earlier version
    engine: Engine = field(repr=False)

    @property
    def month(self) -> str:
        """Which month it is."""
        return self.parts[0].head.month

    @property
    def head(self) -> Head:
        """The newest head of the month."""
        return self.parts[-1].head

    @property
    def words(self) -> Mapping[str, Any]:
        """The words of the newest part."""
        return self.parts[-1].words

    @property
    def indicators(self) -> dict[str, str | None]:
        """The indicator system of the newest part."""
        return self.parts[-1].indicators

    @cached_property
    def _tables(self) -> tuple[Table, Table]:
        has_lots, is_listed = self.marks is not None, self.codes is not None
        return month_tables(self.load, has_lots=has_lots, is_listed=is_listed, is_registered=self.is_registered)

    @property
    def marked(self) -> tuple[str, ...]:
        """The columns of its rows that the marks of its parts cover."""
        return tuple(name for name in MARKED if name in self._tables[0].c)

    @cached_property
    def _one(self) -> Select[Any]:
        results = self._tables[0]
        return select(results).where(results.c.code == bindparam("wanted"))

    def find(self, code: str) -> dict[str, Any] | None:
        """The row of an entity, or nothing; what it says beside the light columns stays packed."""
        if not storable(code):
            return None
        with reading(self.engine) as connection:
            row = connection.execute(self._one, {"wanted": code}).mappings().first()
            return None if row is None else dict(row)

    def found(self, codes: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The rows of some entities by code; unknown ones are left out."""
        results = self._tables[0]
        wanted = [code for code in dict.fromkeys(codes) if storable(code)]
        with reading(self.engine) as connection:
            rows = connection.execute(select(results).where(results.c.code.in_(wanted))).mappings()
            return {row["code"]: dict(row) for row in rows}

    def page(
        self,
        grant: Grant,
        filters: Filters = EVERYTHING,
        after: After | None = None,
        limit: int = 100,
        *,
        by_lot: bool = False,
    ) -> list[dict[str, Any]]:
        """The light rows a grant reaches, by office and code or by lot and code, from just past ``after`` on.

        What they say beside the light columns is fetched when it is asked for. LedgerError when the load has no lots.
        """
        return self.listing.page(Asked(grant, filters, by_lot), after, limit)

    @cached_property
    def listing(self) -> Listing:
        """Its rows as lists of them are asked for."""
        has = Listed(self.month, self.orgs, self.marks is not None, self.codes, self.regions)
        return Listing(self._tables[0], has, self.engine)

    def everyone(self) -> Iterator[list[dict[str, Any]]]:
        """Every row the store holds of it, so many at a time, in no order."""
        with reading(self.engine) as connection:
            rows = connection.execution_options(yield_per=TOGETHER).execute(select(self._tables[0])).mappings()
            for some in rows.partitions():
                yield [dict(row) for row in some]

    def counts(self) -> dict[str, int]:
        """How many classified entities each class has."""
        results = self._tables[0]
        wanted = select(results.c["class"], func.count()).where(results.c.status == CLASSIFIED)
        with reading(self.engine) as connection:
            rows = connection.execute(wanted.group_by(results.c["class"])).all()
        counted = {name: int(count) for name, count in rows}
        return {name: counted.get(name, 0) for name in "ABCD"}

    def supplement(self, light: Light) -> int:
        """The supplement an entity's row comes from."""
        return self._part(light).head.supplement

    def full(self, light: Light) -> dict[str, Any]:
        """The whole sealed row of an entity, reasons included."""
        rest = self._document(light)
        for reason in rest["reasons"] or ():
            reason["dates"] = reason["dates"] and [one and date.fromisoformat(one) for one in reason["dates"]]
        return {name: light[name] if name in LIGHT else rest[name] for name in self._part(light).sealed}

    def evidence(self, light: Light) -> list[dict[str, Any]]:
        """The records an entity's reasons cite, by indicator, the latest first."""
        cited = self._document(light)["evidence"] or ()
        return [{"entity": light["entity"], **one, **_moments(one)} for one in cited]

    def vector(self, light: Light) -> dict[str, float | None]:
        """The indicator values of a classified entity, by code."""
        packed = self._packed(light, "vector")
        if packed is None:
            raise LedgerError(f"{self.month} holds no vector of an entity that was classified.")
        values = np.frombuffer(self._unpacked("vector", packed), "<f8").tolist()
        named = zip(self._part(light).columns, values, strict=True)
        return {name: None if value != value else value for name, value in named}

    def values(self, lights: Sequence[Light]) -> tuple[tuple[str, ...], npt.NDArray[np.float64]]:
        """The indicators and their values of many classified entities, in order, a row each; NaN is not known."""
        columns, places = self._columns
        found = np.full((len(lights), len(columns)), np.nan)
        for row, light in enumerate(lights):
            packed = self._packed(light, "vector")
            if packed is None:
                raise LedgerError(f"{self.month} holds no vector of an entity that was classified.")
            found[row, places[light["part"]]] = np.frombuffer(self._unpacked("vector", packed), "<f8")
        return columns, found

    @cached_property
    def _columns(self) -> tuple[tuple[str, ...], list[npt.NDArray[np.int64]]]:
        """The indicators of all parts, and where among them those of each part lie."""
        columns = {name: None for part in self.parts for name in part.columns}
        place = {name: number for number, name in enumerate(columns)}
        return tuple(columns), [np.array([place[name] for name in part.columns], np.int64) for part in self.parts]

    def leaf_path(self, light: Light) -> tuple[bytes, ...]:
        """The sibling digests from an entity's leaf up to the root of its part's head."""
        chunk, place = divmod(light["row"], CHUNK)
        return ledger.path_of(self.chunk(light["part"], chunk), place) + ledger.path_of(
            self.chunk(light["part"], ROOTS), chunk
        )

    def proof(self, light: Light, secret: bytes) -> Proof:
        """The inclusion proof of an entity's row, rebuilt from what is stored; ``secret`` is that of the salts."""
        part = self._part(light)
        schema = pa.schema([RESULT.field(name) for name in part.sealed])
        row = ledger.canonical(pa.Table.from_pylist([self.full(light)], schema=schema))[0].as_py()
        key = ledger.month_key(secret, part.head.month, part.head.supplement)
        salt = hmac.digest(key, light["code"].encode(), "sha256")
        return Proof(row, salt, light["row"], self.leaf_path(light), part.head, part.signature)

    def chunk(self, part: int, number: int) -> bytes:
        """Some leaves of a part, or (number -1) the roots of its chunks; LedgerError when they are missing."""
        leaves = self._tables[1]
        wanted = select(leaves.c.digests).where(leaves.c.part == part, leaves.c.chunk == number)
        with reading(self.engine) as connection:
            found = connection.scalar(wanted)
        if found is None:
            raise LedgerError(f"{self.month}: the store lacks leaves. Run jianwei store load {self.month} --again.")
        return bytes(found)

    def root(self, part: int) -> str:
        """The Merkle root of the leaves the store holds of a part, every chunk of them read."""
        chunks = -(-self.parts[part].head.rows // CHUNK)
        roots = b"".join(bytes.fromhex(ledger.root(self.chunk(part, number))) for number in range(chunks))
        return ledger.root(roots)

    def size(self) -> int:
        """How many rows the store holds of it."""
        with reading(self.engine) as connection:
            return int(connection.scalar(select(func.count()).select_from(self._tables[0])) or 0)

    def _part(self, light: Light) -> StoredPart:
        return self.parts[light["part"]]

    def _document(self, light: Light) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._unpacked("document", self._packed(light, "document") or b""))
        return found

    def _unpacked(self, name: str, packed: bytes) -> bytes:
        try:
            return self.packings[name].unpack(packed)
        except ValueError:
            raise LedgerError(
                f"A {name} of {self.month} in the store is damaged. Nothing of it is used; run jianwei store load "
                f"{self.month} --again."
            ) from None

    def _packed(self, light: Light, name: str) -> bytes | None:
        if name in light:
            found = light[name]
        else:
            results = self._tables[0]
            with reading(self.engine) as connection:
                found = connection.scalar(select(results.c[name]).where(results.c.code == light["code"]))
        return None if found is None else bytes(found)


NO_MONTH = "The store holds no month. Run: jianwei store load YYYY-MM."


class Shelf:
    """The months of a store, each verified when it is first opened; used by many threads at a time."""

    def __init__(self, store: Store, key: Ed25519PublicKey) -> None:
        self._store = store
        self._key = key
        self._lock = Lock()
        self._opened: dict[int, StoredMonth] = {}

    def months(self) -> list[str]:
        """The months that can be read, oldest first."""
        return list(self._standing)

    def month(self, name: str) -> StoredMonth:
        """A month by name; LedgerError when it is not in the store, or not what was sealed."""
        load = self._standing.get(str(name))
        return self._found(load, f"{name} is not in the store. Run: jianwei store load {name}.")

    def newest(self) -> StoredMonth:
        """The newest month; LedgerError when there is none."""
        standing = self._standing
        return self._found(standing[max(standing)] if standing else None, NO_MONTH)

    @property
    def _standing(self) -> Mapping[str, int]:
        """The loads that stand now, by month, oldest first."""
        return self._store.checked.remembered(
            "standing", lambda asked: {row.month: row.load for row in asked.execute(READ)}
        )

    def _found(self, load: int | None, otherwise: str) -> StoredMonth:
        if load is None:
            raise LedgerError(otherwise)
        found = self._opened.get(load)
        if found is not None:
            return found
        with self._lock:
            if load not in self._opened:
                self._forget_the_gone()
                self._opened[load] = self._open(load)
            return self._opened[load]

    def history(self, code: str, limit: int) -> list[tuple[StoredMonth, dict[str, Any]]]:
        """The rows of an entity in the newest months that have it, newest first."""
        found: list[tuple[StoredMonth, dict[str, Any]]] = []
        for name in reversed(self.months()):
            if len(found) == limit:
                break
            month = self.month(name)
            if (light := month.find(code)) is not None:
                found.append((month, light))
        return found

    def close(self) -> None:
        """Give up the connections to months."""
        with self._lock:
            for month in self._opened.values():
                self._released(month)
            self._opened.clear()

    def _open(self, load: int) -> StoredMonth:
        with self._store.reading() as connection:
            row = connection.execute(select(LOADS).where(LOADS.c.load == load)).mappings().one()
        told = row["told"]
        listed, orgs = told.get(LISTED), tuple(told["orgs"])
        codes = None if listed is None else tuple(listed["codes"])
        held = () if listed is None else listed["tallies"]  # an earlier version told more of each
        parts = tuple(StoredPart.read(one, self._key) for one in told["parts"])
        found = StoredMonth(
            load=load,
            parts=parts,
            packings={name: Packing(base64.b64decode(one)) for name, one in told["packings"].items()},
            orgs=orgs,
            ranks=told["ranks"],
            averages=told.get("averages", {}),
            marks=tuple(told[MARKS]) if MARKS in told else None,
            codes=codes,
            open_codes=frozenset() if codes is None else frozenset(codes[one] for one in listed["open"]),
            has_numbers=listed is not None and listed["numbers"],
            is_registered=REGISTERED in told,
            regions=frozenset((orgs[org], region) for org, region, *_ in held),
            traits=told.get(TRAITED),
            engine=self._store.month(load),
        )
        expected = parts[0].head.rows if len(parts) == 1 else row["rows"]
        if found.month != row["month"] or found.size() != expected:
            self._released(found)
            raise LedgerError(
                f"{row['month']} in the store does not have the {expected:,} rows that were sealed. Nothing of it is "
                f"used; run jianwei store load {row['month']} --again."
            )
        return found

    def _forget_the_gone(self) -> None:
        with self._store.reading() as connection:
            kept = set(connection.scalars(select(LOADS.c.load)))
        for load in set(self._opened) - kept:
            self._released(self._opened.pop(load))

    def _released(self, month: StoredMonth) -> None:
        if month.engine is not self._store.engine:
            month.engine.dispose()


def _moments(cited: Mapping[str, Any]) -> dict[str, Any]:
    """The dates of a cited record as they were before JSON."""
    day, known = cited["event_date"], cited["known_at"]
    return {
        "event_date": None if day is None else date.fromisoformat(day),
        "known_at": None if known is None else (EPOCH + timedelta(microseconds=known)).astimezone(ZONE),
    }
