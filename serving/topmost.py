"""The top reason of every row of a sealed month: of all of its reasons, and of those that are not internal."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow.parquet as pq

from serving import ledger, pieces
from serving.contributions import BINS, CONTRIBUTIONS
from serving.results import Part
from serving.visibility import PUBLISHABLE

READ = ["entity", "class", "model_class", "vector", "internal", "reasons"]
BATCH = 50_000  # rows looked at at a time
TOP, OPEN = "reason", "open_reason"
DEMANDING, OF_INDICATOR, OF_RULE = 0, 1, 2  # what comes first: office.top_reason
Floats = npt.NDArray[np.float64]


@dataclass
class Codes:
    """The codes of top reasons, numbered as they come; which of them are one that is not internal."""

    numbers: dict[str, int] = field(default_factory=dict)
    open: set[int] = field(default_factory=set)

    def of(self, codes: pl.Series) -> pl.Series:
        """The numbers of some codes; null has none."""
        for code in codes.unique().drop_nulls().sort().to_list():
            self.numbers.setdefault(code, len(self.numbers))
        return codes.replace_strict(self.numbers, default=None, return_dtype=pl.Int16)

    @property
    def told(self) -> dict[str, Any]:
        """What a load tells: the codes in the order of their numbers, and the numbers that are open."""
        return {"codes": list(self.numbers), "open": sorted(self.open)}


@dataclass(frozen=True)
class Topmost:
    """The rows of a part, one after the other, with their top reasons.

    A reason is not internal when it says so and what the visible indicators of its section add has its direction: the
    rule of ``explanation.visible``. The sealed contributions are read through once for it.
    """

    words: Mapping[str, Any]
    codes: Codes
    hidden: pl.DataFrame  # row and slot of reasons whose visible indicators do not add in their direction

    @classmethod
    def of(cls, part: Part, codes: Codes) -> "Topmost":
        """That of a part."""
        return cls(part.words, codes, _Visible(part).overturned())

    def of_rows(self, frame: pl.DataFrame, start: int) -> dict[str, pl.Series]:
        """The numbers of the top reasons of some rows of the part, from row ``start`` on."""
        lines = _lines(frame, start)
        demanded = {rule["code"]: rule["at_least"] for rule in self.words["rules"]}
        at_least = pl.col("rule").replace_strict(demanded, default=None, return_dtype=pl.String)
        demands = (
            pl.col("rule").is_not_null() & (pl.col("class") != pl.col("model_class")) & (at_least == pl.col("class"))
        )
        rank = pl.when(demands).then(DEMANDING).when(pl.col("rule").is_null()).then(OF_INDICATOR).otherwise(OF_RULE)
        ranked = lines.with_columns(rank=rank).sort("row", "rank", "slot")
        seen = ranked.filter(pl.col("visibility") == PUBLISHABLE).join(self.hidden, on=["row", "slot"], how="anti")
        rows = pl.DataFrame({"row": np.arange(start, start + len(frame))})
        found = {}
        for name, among in ((TOP, ranked), (OPEN, seen.sort("row", "rank", "slot"))):
            first = among.unique("row", keep="first", maintain_order=True).select("row", "code")
            found[name] = self.codes.of(rows.join(first, on="row", how="left", maintain_order="left")["code"])
        self.codes.open.update(found[OPEN].unique().drop_nulls().to_list())
        return found


class _Visible:
    """The reasons of a part that say they may be seen, held against what their visible indicators add."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._names = [name for name in pieces.columns(part.folder, CONTRIBUTIONS) if name != BINS]
        said = self._said = part.words["indicators"]
        section = np.array([said[name]["section"] if name in said else "" for name in self._names])
        self._sections = {name: section == name for name in sorted(set(section.tolist()))}
        self._internal = np.array([name not in said or said[name]["visibility"] != PUBLISHABLE for name in self._names])
        self._place = {name: number for number, name in enumerate(self._names)}

    def overturned(self) -> pl.DataFrame:
        """Row and slot of those whose visible indicators add nothing, or in the other direction."""
        found = [pl.DataFrame(schema={"row": pl.Int64, "slot": pl.Int64})]
        asked = self._asked()
        for first, added in self._added():
            own = asked.filter(pl.col("vector").is_between(first, first + len(added) - 1))
            if len(own):
                sums = self._sums(own, added[own["vector"].to_numpy() - first])
                is_other = pl.Series(sums * own["contribution"].to_numpy() <= 0)
                found.append(own.filter(is_other).select("row", "slot"))
        return pl.concat(found)

    def _asked(self) -> pl.DataFrame:
        """Those to look into, by vector: row, slot, vector, section, contribution, hidden values of the section."""
        found, start = [], 0
        for rows in pieces.slices(pieces.files(self._part.folder, ledger.RESULTS), READ, size=BATCH):
            found.append(self._in_doubt(pl.DataFrame(rows), start))
            start += rows.num_rows
        return pl.concat(found).sort("vector", maintain_order=True)

    def _in_doubt(self, frame: pl.DataFrame, start: int) -> pl.DataFrame:
        """Those of some rows in whose section something is hidden: by definition, or for the records of the entity."""
        lines = _lines(frame, start).filter((pl.col("visibility") == PUBLISHABLE) & pl.col("rule").is_null())
        lines = lines.with_columns(section=self._numbered("indicator"))
        rows = frame.select("internal", row=pl.int_range(start, start + len(frame))).explode("internal").drop_nulls()
        place = pl.col("internal").replace_strict(self._place, default=None, return_dtype=pl.Int16)
        rows = rows.select("row", section=self._numbered("internal"), hidden=place).drop_nulls()
        hidden = rows.group_by("row", "section").agg("hidden")
        placed = lines.join(hidden, on=["row", "section"], how="left")
        mixed = [number for number, own in enumerate(self._sections.values()) if (own & self._internal).any()]
        doubtful = placed.filter(pl.col("hidden").is_not_null() | pl.col("section").is_in(mixed))
        return doubtful.select("row", "slot", "vector", "contribution", "section", "hidden")

    def _numbered(self, indicator: str) -> pl.Expr:
        """The number of the section of the indicator in a column."""
        numbers = {name: number for number, name in enumerate(self._sections)}
        known = {name: numbers[one["section"]] for name, one in self._said.items() if one["section"] in numbers}
        return pl.col(indicator).replace_strict(known, default=None, return_dtype=pl.Int16)

    def _added(self) -> Iterator[tuple[int, Floats]]:
        """The contributions of the distinct vectors, so many at a time, with the number of the first."""
        first = 0
        for path in pieces.files(self._part.folder, CONTRIBUTIONS):
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                for group in range(file.metadata.num_row_groups):
                    table = file.read_row_group(group, columns=self._names)
                    yield first, np.column_stack([column.to_numpy() for column in table.columns])
                    first += table.num_rows

    def _sums(self, lines: pl.DataFrame, added: Floats) -> Floats:
        """What the visible indicators of each line's section add."""
        kept = np.zeros(added.shape, bool)
        sections = lines["section"].to_numpy()
        for number, own in enumerate(self._sections.values()):
            kept[sections == number] = own & ~self._internal
        hidden = lines.select("hidden").with_row_index().explode("hidden").drop_nulls()
        kept[hidden["index"].to_numpy(), hidden["hidden"].to_numpy()] = False
        sums: Floats = np.where(kept, added, 0.0).sum(axis=1, dtype=np.float64)
        return sums


def _lines(frame: pl.DataFrame, start: int) -> pl.DataFrame:
    """The reasons of some rows, one line each: row of the part, place among its reasons, and what they say."""
    rows = frame.select(
        "class", "model_class", "vector", "internal", "reasons", row=pl.int_range(start, start + len(frame))
    )
    lines = rows.with_columns(slot=pl.int_ranges(pl.col("reasons").list.len())).explode("reasons", "slot")
    told = lines.filter(pl.col("reasons").is_not_null())
    fields = [
        pl.col("reasons").struct.field(one) for one in ("code", "indicator", "contribution", "rule", "visibility")
    ]
    return told.select("row", "slot", "class", "model_class", "vector", "internal", *fields)
