"""Sealed months as they are read: verified against their heads, corrections laid over what they correct."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from features import signing
from features.asof import Month
from serving import ledger, pieces
from serving.classification import CLASSIFIED, EVIDENCE, VECTORS, WORDS
from serving.ledger import Head, LedgerError
from serving.months import thousandths

Floats = npt.NDArray[np.float64]

LIGHT = (
    "entity", "code", "kind", "region", "status", "margin", "probability",
    "model_class", "ruled", "class", "class_before", "cause", "confidence",
)  # fmt: skip
CACHED_GROUPS = 16
READS = Lock()  # a file that is open is not safe to read from two threads at a time
SCHEME_KEY = "trainer"  # the name of the key that signs schemes


@dataclass(frozen=True)
class Part:
    """One sealed folder: a month as first published, or one supplement that corrects some of its rows."""

    folder: Path
    head: Head

    @cached_property
    def signature(self) -> str:
        """The publisher's signature of its head."""
        return ledger.read_head(self.folder)[1]

    @cached_property
    def words(self) -> Mapping[str, Any]:
        """What its codes mean in words."""
        return dict(json.loads((self.folder / WORDS).read_text(encoding="utf-8")))

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """Its facts and the digests of its files."""
        return dict(json.loads((self.folder / ledger.MANIFEST).read_text(encoding="utf-8")))

    @property
    def indicators(self) -> dict[str, str | None]:
        """The indicator system its values were worked out with: digest, and version (null: none was drafted)."""
        stated = {"version": None, "digest": self.manifest["inputs"]["definitions"]}
        return dict(self.manifest.get("indicators", stated))  # months sealed earlier state the digest only

    def light(self) -> pa.Table:
        """The light columns of its rows; one it was sealed without is null."""
        held = pieces.columns(self.folder, ledger.RESULTS)
        table = ledger.read_rows(self.folder, [name for name in LIGHT if name in held])
        for name in LIGHT:
            if name not in held:
                table = table.append_column(name, pa.nulls(table.num_rows, pa.string()))
        return table.select(list(LIGHT))

    def rows(self, name: str, start: int, stop: int) -> list[dict[str, Any]]:
        """Some rows of one of its tables; only the row groups that hold them are read."""
        found, first = [], 0
        for path in pieces.files(self.folder, name):
            metadata = _opened(path, self.head.digest).metadata
            for group in range(metadata.num_row_groups):
                last = first + metadata.row_group(group).num_rows
                if start < last and stop > first:
                    piece = _group(path, self.head.digest, group)
                    found += piece.slice(max(start - first, 0), min(stop, last) - max(start, first)).to_pylist()
                first = last
        return found

    def of_entity(self, name: str, entity: int) -> list[dict[str, Any]]:
        """The rows of an entity in one of its tables that are sorted by entity."""
        keys = _entities(self.folder, name, self.head.digest)
        start, stop = np.searchsorted(keys, [entity, entity + 1])
        return self.rows(name, int(start), int(stop))


@lru_cache(maxsize=256)
def _opened(path: Path, _: str) -> pq.ParquetFile:
    return pq.ParquetFile(path, page_checksum_verification=True)


@lru_cache(maxsize=CACHED_GROUPS)
def _group(path: Path, head: str, group: int) -> pa.Table:
    with READS:
        return _opened(path, head).read_row_group(group)


class SealedMonth:
    """The rows of a month that stand: of every entity the one of the newest supplement that has it."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = tuple(parts)
        self.month = parts[0].head.month

    @property
    def head(self) -> Head:
        """The newest head of the month."""
        return self.parts[-1].head

    @property
    def indicators(self) -> dict[str, str | None]:
        """The indicator system of the newest part."""
        return self.parts[-1].indicators

    @property
    def words(self) -> Mapping[str, Any]:
        """The words of the newest part."""
        return self.parts[-1].words

    @cached_property
    def rows(self) -> pa.Table:
        """The light columns of every row that stands, by entity, with the part and row it comes from."""
        tables = []
        for number, part in enumerate(self.parts):
            table = part.light()
            place = pa.array(np.arange(table.num_rows), pa.int64())
            tables.append(
                table.append_column("part", pa.array(np.full(table.num_rows, number))).append_column("row", place)
            )
        return _last_of_each(pa.concat_tables(tables))

    @cached_property
    def _by_code(self) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        codes = _encoded(self.rows["code"])
        order = np.argsort(codes)
        return codes[order], order

    def find(self, code: str) -> dict[str, Any] | None:
        """The light row of an entity, or nothing."""
        codes, order = self._by_code
        wanted = code.encode(errors="replace")
        place = int(np.searchsorted(codes, wanted))
        if place >= len(codes) or codes[place] != wanted:
            return None
        return dict(self.rows.slice(int(order[place]), 1).to_pylist()[0])

    def supplement(self, light: Mapping[str, Any]) -> int:
        """The supplement an entity's row comes from."""
        return int(self.parts[light["part"]].head.supplement)

    def full(self, light: Mapping[str, Any]) -> dict[str, Any]:
        """The whole sealed row of an entity, reasons included."""
        part: Part = self.parts[light["part"]]
        return part.rows(ledger.RESULTS, light["row"], light["row"] + 1)[0]

    def whole(self, lights: Sequence[Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
        """The whole sealed rows of many entities, by entity; each piece of a file is read once."""
        ordered = sorted(lights, key=lambda light: (light["part"], light["row"]))
        return {light["entity"]: self.full(light) for light in ordered}

    def vector(self, light: Mapping[str, Any]) -> dict[str, float | None]:
        """The indicator values of a classified entity, by code."""
        part: Part = self.parts[light["part"]]
        found = part.of_entity(VECTORS, light["entity"])
        if not found:
            raise LedgerError(f"{part.folder} holds no vector of an entity that was classified.")
        return {name: value for name, value in found[0].items() if name != "entity"}

    def evidence(self, light: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The records an entity's reasons cite, by indicator, the latest first."""
        part: Part = self.parts[light["part"]]
        return part.of_entity(EVIDENCE, light["entity"])

    @cached_property
    def ranks(self) -> dict[str, list[float]]:
        """Of every kind the margins of its classified, ascending: all of up to a thousand, else every thousandth."""
        stood = self.rows.filter(pc.field("status") == CLASSIFIED)
        margin, kind = stood["margin"].to_numpy(), stood["kind"].combine_chunks().dictionary_encode()
        numbers = kind.indices.to_numpy()
        return {code: thousandths(margin[numbers == number]) for number, code in enumerate(kind.dictionary.to_pylist())}

    @cached_property
    def averages(self) -> dict[str, float]:
        """Of every kind the mean probability of its classified."""
        stood = self.rows.filter(pc.field("status") == CLASSIFIED).group_by("kind", use_threads=False)
        found = stood.aggregate([("probability", "mean")])
        return dict(zip(found["kind"].to_pylist(), found["probability_mean"].to_pylist(), strict=True))

    def listed(
        self, *, classes: Collection[str] = (), region: str = "", limit: int | None = None
    ) -> list[dict[str, Any]]:
        """Classified entities of some classes (none: all) and a region prefix, riskiest margin first, then entity."""
        keep = pc.equal(self.rows["status"], CLASSIFIED)
        if classes:
            keep = pc.and_(keep, pc.is_in(self.rows["class"], pa.array(list(classes), pa.string())))
        if region:
            keep = pc.and_(keep, pc.fill_null(pc.starts_with(self.rows["region"], region), False))
        chosen = self.rows.filter(keep)
        codes = _encoded(chosen["code"])
        order = np.lexsort((codes, -chosen["margin"].to_numpy()))
        return list(chosen.take(pa.array(order[:limit])).to_pylist())

    def counts(self) -> dict[str, int]:
        """How many classified entities each class has."""
        found = pc.value_counts(self.rows["class"].drop_null().combine_chunks())
        counted = dict(zip(found.field(0).to_pylist(), found.field(1).to_pylist(), strict=True))
        return {name: counted.get(name, 0) for name in "ABCD"}

    def classes(self) -> pa.Table:
        """What the next month compares with: entity, class, band, ruled and scheme of every classified entity."""
        stood = self.rows.filter(pc.field("status") == CLASSIFIED)
        schemes = pa.array([part.head.scheme for part in self.parts]).take(stood["part"])
        return pa.table(
            {
                "entity": stood["entity"],
                "class": stood["class"],
                "band": stood["model_class"],
                "ruled": stood["ruled"],
                "scheme": schemes,
            }
        )

    def states(self, names: Collection[str]) -> pa.Table:
        """The values of some indicators of every classified entity, by entity; columns not kept are left out."""
        tables = []
        for part in self.parts:
            held = pieces.columns(part.folder, VECTORS)
            tables.append(pieces.read(part.folder, VECTORS, ["entity", *(name for name in names if name in held)]))
        return _last_of_each(pa.concat_tables(tables, promote_options="default"))


def _encoded(codes: pa.ChunkedArray) -> npt.NDArray[Any]:
    """Entity codes as UTF-8 bytes, which sort as their characters do."""
    return np.array([code.encode() for code in codes.to_pylist()] or [b""], dtype=np.bytes_)[: len(codes)]


def _last_of_each(rows: pa.Table) -> pa.Table:
    """Rows by entity, of each entity the last."""
    entity = rows["entity"].to_numpy()
    order = np.argsort(entity, kind="stable")
    last = np.append(np.diff(entity[order]) != 0, True)[: len(order)]
    return rows.take(pa.array(order[last])).combine_chunks()


@lru_cache(maxsize=8)
def _entities(folder: Path, name: str, _: str) -> npt.NDArray[np.int32]:
    return np.asarray(pieces.read(folder, name, ["entity"])["entity"].to_numpy(), np.int32)


class Results:
    """Every sealed month of a home; a month is verified when it is first read."""

    def __init__(self, home: Path, key: Ed25519PublicKey) -> None:
        self._home = home
        self._key = key
        self._read: dict[tuple[Path, ...], SealedMonth] = {}

    def newest(self) -> SealedMonth:
        """The newest sealed month; LedgerError when there is none."""
        months = self.months()
        if not months:
            raise LedgerError("No month is published yet. Run: jianwei month YYYY-MM.")
        return self.month(months[-1])

    def months(self) -> list[str]:
        """The sealed months, oldest first."""
        return list(dict.fromkeys(folder.parent.name for folder in ledger.folders(self._home)))

    def month(self, month: Month | str) -> SealedMonth:
        """A sealed month; LedgerError when it is not sealed or not as it was sealed."""
        folders = tuple(folder for folder in ledger.folders(self._home) if folder.parent.name == str(month))
        if not folders:
            raise LedgerError(f"{month} is not published. Run: jianwei month {month}.")
        if folders not in self._read:
            self._read[folders] = SealedMonth([self._verified(folder) for folder in folders])
        return self._read[folders]

    def told(self, month: Month | str, heads: Sequence[str]) -> tuple[Part, ...]:
        """The parts of a month that another process has verified, whose heads' digests it tells.

        LedgerError when the heads are others. Files are not read through for it: each page is checked when it is read.
        """
        found = []
        for folder in (one for one in ledger.folders(self._home) if one.parent.name == str(month)):
            head, signature = ledger.read_head(folder)
            found.append(Part(folder, head))
            if not signing.holds(self._key, head.document, signature):
                raise LedgerError(f"{folder}: the head's signature does not hold. Nothing of it is used.")
        if [part.head.digest for part in found] != list(heads):
            raise LedgerError(f"{month} is not the month that was verified. Nothing was used; run the command again.")
        return tuple(found)

    def before(self, month: Month) -> SealedMonth | None:
        """The last sealed month before a month, or nothing."""
        earlier = [name for name in self.months() if Month.parse(name) < month]
        return self.month(earlier[-1]) if earlier else None

    def history(self, code: str, limit: int) -> list[tuple[SealedMonth, dict[str, Any]]]:
        """The rows of an entity in the newest sealed months that have it, newest first."""
        found: list[tuple[SealedMonth, dict[str, Any]]] = []
        for name in reversed(self.months()):
            if len(found) == limit:
                break
            month = self.month(name)
            if (row := month.find(code)) is not None:
                found.append((month, row))
        return found

    def _verified(self, folder: Path) -> Part:
        head, signature = ledger.read_head(folder)
        fault = ledger.check_files(folder, head)
        if not signing.holds(self._key, head.document, signature):
            fault = "the head's signature does not hold"
        if (head.month, str(head.supplement)) != (folder.parent.name, folder.name):
            fault = "the head is of another month"
        if fault:
            raise LedgerError(f"{folder}: {fault}. Nothing of it is used; run jianwei status --verify.")
        return Part(folder, head)


def publisher_key(home: Path) -> Any:
    """The public key sealed months are verified with, made on first use."""
    signing.first_use_key(home / "keys", ledger.PUBLISHER)
    return signing.verify_key(home / "keys", ledger.PUBLISHER)
