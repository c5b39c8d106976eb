"""The rows of a sealed month as the store keeps them, so many at a time: read, joined and written in the engine."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from serving import ledger, pieces
from serving.classification import EVIDENCE, VECTORS
from serving.ledger import LedgerError
from serving.marks import MARKED, MODULUS, Marks
from serving.offices import NAMED, STATUS, Masking
from serving.packing import Packing
from serving.results import LIGHT, Part
from serving.tables import TRAITED_BY, month_tables
from serving.tally import Tally
from serving.topmost import Codes, Topmost
from serving.traits import Traits

BATCH = 50_000
DOCUMENT, VECTOR = "document", "vector"
COLUMNS = tuple(column.name for column in month_tables(0)[0].columns)
PLACES = tuple(COLUMNS.index(name) for name in MARKED)
TALLIED = ("org", "region")
Row = tuple[Any, ...]


class Following:
    """A table sorted by entity, read on as far as it is asked for."""

    def __init__(self, schema: pa.Schema, slices: Iterator[pa.Table]) -> None:
        self._schema = schema
        self._slices = slices
        self._held = next(slices, None)

    def up_to(self, entity: int) -> pa.Table:
        """Its next rows, those of an entity included."""
        found = [self._schema.empty_table()]
        while self._held is not None:
            stop = int(np.searchsorted(self._held["entity"].to_numpy(), entity, side="right"))
            found.append(self._held.slice(0, stop))
            if stop < self._held.num_rows:
                self._held = self._held.slice(stop)
                break
            self._held = next(self._slices, None)
        return pa.concat_tables(found)


@dataclass
class Rows:
    """Tuples in the order of ``month_tables``'s columns, in batches; of an entity in several parts the last part's.

    ``masking`` says how names are printed; without it none are kept. ``traits`` says what they are counted by beside.
    After they are through, ``packings`` say how documents and vectors were packed, ``orgs`` which offices there are,
    ``codes`` which reasons, and ``sums`` the marks of every part's rows, summed up; ``tally`` and ``traited`` counted.
    """

    parts: Sequence[Part]
    offices: pa.Table | None
    marks: Marks
    masking: Masking | None = None
    traits: Traits = field(default_factory=Traits)
    codes: Codes = field(default_factory=Codes)
    packings: dict[str, Packing] = field(default_factory=dict)
    orgs: set[str] = field(default_factory=set)
    sums: dict[int, int] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    traited: Tally = field(default_factory=lambda: Tally(TRAITED_BY))
    has_numbers: bool = False
    read: int = 0

    @property
    def total(self) -> int:
        """How many rows the parts have."""
        return sum(part.head.rows for part in self.parts)

    @property
    def listed(self) -> dict[str, Any]:
        """What lists need once of a load; offices by their place in order."""
        place = {org: number for number, org in enumerate(sorted(self.orgs))}
        tallies = [[place[org], region] for org, region, _ in self.tally.by(TALLIED)]
        return {**self.codes.told, "numbers": self.has_numbers, "tallies": tallies}

    @property
    def told_traits(self) -> list[Mapping[str, Any]]:
        """What is said once of a load of the dimensions it was counted by."""
        found: dict[str, list[str]] = {}
        for trait, value, _ in self.traited.by(("trait", "value")):
            found.setdefault(trait, []).append(value)
        return self.traits.told(found)

    def __iter__(self) -> Iterator[list[Row]]:
        for number, part in enumerate(self.parts):
            corrected = _entities(self.parts[number + 1 :])
            for found in self._of_part(part):
                placed = found.with_columns(part=pl.lit(number))
                standing = placed.filter(~pl.col("entity").is_in(corrected)) if len(corrected) else placed
                self.read += len(found)
                self.tally.add(standing)
                if self.traits.dimensions:
                    self.traited.add(self.traits.counted(standing))
                rows = list(standing.select(COLUMNS).iter_rows())
                self.sums[number] = (self.sums.get(number, 0) + self.marks.sum(rows, PLACES)) % MODULUS
                yield rows

    def _of_part(self, part: Part) -> Iterator[pl.DataFrame]:
        evidence, vectors = _follow(part, EVIDENCE), _follow(part, VECTORS)
        offices = None if self.offices is None else Following(self.offices.schema, iter([self.offices]))
        topmost, start = Topmost.of(part, self.codes), 0
        for rows in pieces.slices(pieces.files(part.folder, ledger.RESULTS), size=BATCH):
            last = rows["entity"][-1].as_py()
            frame = pl.DataFrame(rows)
            documents = self._packed(DOCUMENT, _documents(frame, pl.DataFrame(evidence.up_to(last))))
            values = vectors.up_to(last)
            packed = self._vectors(frame, values)
            ruled = frame["rules"].list.join(",").fill_null("")
            reasons = topmost.of_rows(frame, start)
            frame = self._named(_placed(frame, None if offices is None else pl.DataFrame(offices.up_to(last))))
            self.orgs.update(frame["org"].unique().to_list())
            yield frame.with_columns(
                *self.traits.of_rows(frame, values),
                pl.Series(DOCUMENT, documents, pl.Binary),
                pl.Series(VECTOR, packed, pl.Binary),
                rules=ruled,
                row=pl.int_range(start, start + len(frame)),
                lot=pl.Series(self.marks.lots(frame["code"])),
                **reasons,
            )
            start += len(frame)

    def _named(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows with their names as they may be printed."""
        self.has_numbers |= frame["number"].null_count() < len(frame)
        if self.masking is None:
            return frame.with_columns(pl.lit(None, pl.String).alias(one) for one in NAMED)
        return frame.with_columns(name=self.masking.column("name", "kind"))

    def _vectors(self, frame: pl.DataFrame, vectors: pa.Table) -> list[bytes | None]:
        """The packed vector of every row, nothing where there is none."""
        values = vectors.drop_columns(["entity"])
        wide = np.empty((vectors.num_rows, values.num_columns), "<f8")
        for place, column in enumerate(values.columns):
            wide[:, place] = column.to_numpy()
        found: list[bytes | None] = [None] * len(frame)
        packed = self._packed(VECTOR, [row.tobytes() for row in wide])
        places = np.searchsorted(frame["entity"].to_numpy(), vectors["entity"].to_numpy())
        for place, one in zip(places.tolist(), packed, strict=True):
            found[place] = one
        return found

    def _packed(self, name: str, items: list[bytes]) -> list[bytes]:
        if items and name not in self.packings:
            self.packings[name] = Packing.like(items)
        return self.packings[name].pack(items) if items else []


def columns(part: Part) -> list[str]:
    """The indicators whose values a part's vectors hold, in their order."""
    return [name for name in pieces.columns(part.folder, VECTORS) if name != "entity"]


def _follow(part: Part, table: str) -> Following:
    slices = pieces.slices(pieces.files(part.folder, table), size=BATCH)
    return Following(pieces.schema(part.folder, table), slices)


def _entities(parts: Sequence[Part]) -> pl.Series:
    """Who has a row in any of some parts."""
    found = [pieces.read(part.folder, ledger.RESULTS, ["entity"])["entity"].to_numpy() for part in parts]
    return pl.Series(np.unique(np.concatenate(found)) if found else [], dtype=pl.Int32)


def _documents(rows: pl.DataFrame, evidence: pl.DataFrame) -> list[bytes]:
    """What the light columns do not say of each row, and the records it cites, as JSON that keeps every float."""
    _check_finite(rows)
    stated = [name for name in evidence.columns if name != "entity"]
    exact = evidence.with_columns(pl.col("known_at").cast(pl.Datetime("us", "UTC")).to_physical())
    cited = exact.group_by("entity", maintain_order=True).agg(pl.struct(stated).alias("evidence"))
    rest = [name for name in rows.columns if name not in LIGHT]
    whole = rows.select("entity", *rest).join(cited, on="entity", how="left", maintain_order="left")
    written = whole.select(pl.struct(*rest, "evidence").struct.json_encode().cast(pl.Binary)).to_series()
    return written.to_list()


def _check_finite(rows: pl.DataFrame) -> None:
    """LedgerError where a sealed number is none JSON and a database could hold."""
    reasons = rows["reasons"].explode(empty_as_null=False, keep_nulls=False).struct.unnest()
    numbers = (rows["margin"], rows["probability"], reasons["value"], reasons["contribution"])
    if not all(one.is_finite().all() for one in numbers):
        raise LedgerError("A sealed row holds a number that is not finite; the month was not loaded. Correct it.")


def _placed(rows: pl.DataFrame, offices: pl.DataFrame | None) -> pl.DataFrame:
    """The rows with ``org`` and ``departments``, and with the light columns they were sealed without."""
    missing = [pl.lit(None, pl.String).alias(name) for name in LIGHT if name not in rows.columns]
    light = rows.select(*(name for name in LIGHT if name in rows.columns), *missing)
    held = () if offices is None else offices.columns
    unnamed = [pl.lit(None, pl.String).alias(name) for name in (*NAMED, STATUS) if name not in held]
    if offices is None:
        return light.with_columns(*unnamed, org=pl.col("region").fill_null(""), departments=pl.lit(""))
    said = offices.with_columns(pl.col(pl.Categorical).cast(pl.String))
    placed = light.join(said, on="entity", how="left", maintain_order="left")
    office = pl.coalesce("org", "region", pl.lit(""))
    return placed.with_columns(*unnamed, org=office, departments=pl.col("departments").fill_null(""))
