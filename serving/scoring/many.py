"""Many entities scored at once: the rows of a job's files, the same as ``POST /v1/scores`` says one by one."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from features.asof import Month
from serving.access import PROBABILITY, Principal, within
from serving.classification import CLASSIFIED
from serving.scoring.answers import decimals
from serving.scoring.contract import Reason, decimal
from serving.scoring.desk import Desk, Light, placed
from serving.scoring.live import batch_of, check_kept, sealed_classes
from serving.shelf import StoredMonth
from training.confidence import words
from training.cutoffs import RiskClass
from training.scheme import Scheme

TOGETHER = 500  # entities explained at a time
Row = dict[str, Any]


@dataclass(frozen=True)
class Asking:
    """For whom a job is done, from which month, and whether reasons are given."""

    desk: Desk
    month: StoredMonth
    principal: Principal
    explained: bool

    @property
    def schema(self) -> pa.Schema:
        """The columns of the answer; probability and confidence only with the right to them."""
        names = ["entity", "status", "why", "class", "model_class", "official_month", "official_class"]
        names += ["confidence", "probability"] if self.principal.may(PROBABILITY) else []
        names += ["reasons", "contributions_in"] if self.explained else []
        kinds = {name: pa.large_string() if name == "reasons" else pa.string() for name in names}
        return pa.schema({"line": pa.int32()} | kinds)

    def rows(self, asked: Sequence[tuple[int, str]], goes_on: Callable[[], None]) -> pa.Table:
        """The answers to some lines, in order; ``goes_on`` is called between portions and may raise."""
        lights = self.month.found([entity for _, entity in asked])
        seen = {code: light for code, light in lights.items() if within(self.principal.grant, placed(light))}
        reached = [seen.get(entity) for _, entity in asked]
        classified = [light for light in reached if light is not None and light["status"] == CLASSIFIED]
        found = iter(self._scored(classified, goes_on))
        rows = [
            {"line": line, "entity": entity} | self._answer(light, found)
            for (line, entity), light in zip(asked, reached, strict=True)
        ]
        return pa.Table.from_pylist(rows, self.schema)

    def _answer(self, light: Light | None, found: Iterator[Row]) -> Row:
        if light is None:
            return {"status": "not_found"}
        if light["status"] != CLASSIFIED:
            return {"status": "not_classified", "why": light["status"]}
        official = {"official_month": self.month.month, "official_class": light["class"]}
        return {"status": "scored"} | next(found) | official

    def _scored(self, lights: Sequence[Light], goes_on: Callable[[], None]) -> list[Row]:
        goes_on()
        if not self.explained:
            return scored(self.desk.champion, self.month, lights)
        rows: list[Row] = []
        for start in range(0, len(lights), TOGETHER):
            some = lights[start : start + TOGETHER]
            rows += map(_explained, self.desk.score(self.month, some, self.principal, explained=True, added=False))
            goes_on()
        return rows


def scored(champion: Scheme, month: StoredMonth, lights: Sequence[Light]) -> list[Row]:
    """Class, model class, confidence and probability of classified entities under the champion, in order.

    Under the scheme the month was sealed with, class and confidence are the sealed ones, as for a live score.
    """
    if not lights:
        return []
    check_kept(champion, month, lights)
    batch = batch_of(champion, month.values(lights), lights, Month.parse(month.month).end)
    found = champion.classify(batch, sealed_classes(month, lights))
    sure = words(found.confidence).to_pylist()
    rows = []
    for place, light in enumerate(lights):
        row = {
            "class": RiskClass(found.final_class[place]).name,
            "model_class": RiskClass(found.model_class[place]).name,
            "confidence": sure[place],
        }
        if month.parts[light["part"]].head.scheme == champion.digest:
            row = {name: light[name] for name in row}
        rows.append(row | {"probability": decimal(float(found.probability[place]))})
    return rows


def _explained(document: Mapping[str, Any]) -> Row:
    """A live document as a row of a file."""
    names = ("class", "model_class", "confidence", "probability", "contributions_in")
    row = {name: decimals(document[name]) for name in names if name in document}
    stated = [Reason.model_validate(decimals(one)).model_dump(exclude_unset=True) for one in document["reasons"]]
    return row | {"reasons": json.dumps(stated, ensure_ascii=False)}
