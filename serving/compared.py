"""The standing loads of the store held against the sealed months, row for row."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from features.records.journal import JournalError
from serving.marks import MODULUS, Marks
from serving.results import LIGHT, Results, SealedMonth, publisher_key
from serving.shelf import Shelf, StoredMonth
from serving.store import Store, StoreError

SAME = (*LIGHT, "part", "row")  # what a stored row says as the sealed one does


def faults(store: Store, results: Results, home: Path) -> list[str]:
    """What the standing loads say otherwise than the sealed months of a home; nothing where there is no store."""
    found: list[str] = []
    try:
        if store.form() is None:
            return []
        shelf, marks = Shelf(store, publisher_key(home)), Marks.of(home)
        for name in shelf.months():
            try:
                found += _of_month(shelf.month(name), results.month(name), marks)
            except (JournalError, StoreError) as fault:
                found.append(str(fault))
        shelf.close()
    except StoreError as fault:
        found.append(str(fault))
    finally:
        store.close()
    return found


def _of_month(stored: StoredMonth, sealed: SealedMonth, marks: Marks) -> list[str]:
    """What a load says otherwise: heads, rows, what rows say beside their class, roots of the leaves."""
    told, again = f"{sealed.month} in the store", f"run jianwei store load {sealed.month} --again"
    if [part.head for part in stored.parts] != [part.head for part in sealed.parts]:
        return [f"{told} has other heads than the sealed month; run jianwei store load."]
    held = _Held(stored, sealed, marks)
    for rows in stored.everyone():
        held.add(rows)
    roots = [
        "its leaves do not lead to the sealed root"
        for number, part in enumerate(stored.parts)
        if stored.root(number) != part.head.root
    ]
    return [f"{told}: {what}; {again}." for what in (*held.faults(), *roots)]


@dataclass
class _Held:
    """The rows of a load as they come, each held against the sealed row of its entity."""

    stored: StoredMonth
    sealed: SealedMonth
    marks: Marks
    different: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._rows = pl.DataFrame(self.sealed.rows.select(list(SAME)))
        self._entities = self._rows["entity"].to_numpy()
        self._is_there = np.zeros(len(self._rows), bool)
        self._sums = [0] * len(self.stored.parts)

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Hold some rows against the sealed ones."""
        stated = [[row[name] for name in SAME] for row in rows]
        found = pl.DataFrame(stated, schema=self._rows.schema, orient="row", strict=False)
        entities = found["entity"].fill_null(-1).to_numpy()
        place = np.searchsorted(self._entities, entities).clip(max=len(self._rows) - 1)
        expected = self._rows[place]
        is_wrong = np.zeros(len(found), bool)
        for name in SAME:
            is_wrong |= found[name].ne_missing(expected[name]).to_numpy()
        self.different.update(found["code"].filter(pl.Series(is_wrong)).to_list())
        self._is_there[place[~is_wrong]] = True
        for number in range(len(self.stored.marks or ())):
            self._sums[number] += self.marks.sum((row for row in rows if row["part"] == number), self.stored.marked)

    def faults(self) -> Iterator[str]:
        """How many rows are other ones, and how many are missing, each with the first code; whether all else is there
        that was loaded."""
        lacking = set(self._rows["code"].filter(pl.Series(~self._is_there))) - self.different
        for codes, what in ((self.different, "rows are not the sealed ones"), (lacking, "sealed rows are missing")):
            if codes:
                yield f"{len(codes):,} {what}, the first that of {min(codes)}"
        kept = [f"{one % MODULUS:032x}" for one in self._sums]
        if not self.different and not lacking and self.stored.marks not in {None, tuple(kept)}:
            yield "reasons, values, offices or departments are not those that were loaded"
