"""Live scores: what the champion says today of the vectors a month was sealed with."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.asof import Month
from features.evidence import absence
from features.indicators.catalogue import Definitions
from features.matrix import Batch
from serving import explanation
from serving.explanation import Document
from serving.http import ProblemError
from serving.results import SealedMonth
from training import reasons
from training.cutoffs import RiskClass
from training.reasons import Reason
from training.scheme import Classified, Scheme

Light = Mapping[str, Any]
Floats = npt.NDArray[np.float64]


def scored(
    champion: Scheme, month: SealedMonth, lights: Sequence[Light], definitions: Callable[[], Definitions]
) -> list[Document]:
    """One document per classified entity, in order: class, margin, contributions and reasons under the champion.

    Under the scheme the month was sealed with, class and reasons are the sealed ones: they were reached knowing every
    fact of the month. Under a newer champion the class starts from the sealed one, and reasons cite sealed records.
    ProblemError when the champion reads indicators the month did not keep.
    """
    if not lights:
        return []
    batch = _batch(champion, month, lights)
    previous = month.classes()
    held = previous.filter(pc.is_in(previous["entity"], pa.array(batch.entity)))
    classified = champion.classify(batch, held)
    lines = champion.contributions(champion.aligned(batch), batch.kind, bulk=False)
    found = []
    for place, light in enumerate(lights):
        document = _document(champion, classified, lines[place], place) | {"entity": light["code"]}
        row, cited = month.full(light), month.evidence(light)
        if month.parts[light["part"]].head.scheme == champion.digest:
            document |= {"class": light["class"], "model_class": light["model_class"]}
            stated = row["reasons"]
        else:
            stated = _reasons(champion, definitions(), (batch, lines[place], place), [*cited, *_marks(row)])
        document["reasons"] = [explanation.reason_document(_words(champion, month), one, cited) for one in stated]
        found.append(document | {"internal_values": row["internal"]})
    return found


def _batch(champion: Scheme, month: SealedMonth, lights: Sequence[Light]) -> Batch:
    vectors = [month.vector(light) for light in lights]
    columns = tuple(dict.fromkeys(name for vector in vectors for name in vector))
    if not set(champion.columns).issubset(columns):
        raise ProblemError("unavailable")
    values = np.array([[np.nan if row.get(name) is None else row[name] for name in columns] for row in vectors])
    kinds = np.array([champion.kinds.index(light["kind"]) for light in lights], np.int8)
    entities = np.array([light["entity"] for light in lights], np.int32)
    return Batch(Month.parse(month.month).end, entities, kinds, values, columns)


def _document(champion: Scheme, classified: Classified, lines: Floats, place: int) -> Document:
    codes = classified.rules[place].as_py()
    return {
        "class": RiskClass(classified.final_class[place]).name,
        "model_class": RiskClass(classified.model_class[place]).name,
        "rules": [rule.written() for rule in champion.rules if rule.code in codes],
        "probability": float(classified.probability[place]),
        "margin": float(classified.margin[place]),
        "base": champion.base,
        "contributions": explanation.named_contributions(champion, lines.tolist()),
        "data_gaps": [],
    }


def _words(champion: Scheme, month: SealedMonth) -> Document:
    """The month's words with the champion's own rules."""
    return {**month.words, "rules": [rule.written() for rule in champion.rules]}


def _marks(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [{"indicator": code, "visibility": "internal"} for code in row["internal"]]


def _reasons(
    champion: Scheme, definitions: Definitions, row: tuple[Batch, Floats, int], cited: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Reasons under another scheme than the month's: its own contributions, resting on the records sealed."""
    batch, lines, place = row
    values = _placed(dict(zip(batch.columns, batch.values[place], strict=True)), definitions)
    added = _placed(dict(zip(champion.lines, lines, strict=True)), definitions)
    selected = reasons.select(definitions, values, np.nan_to_num(added))
    found = []
    for position, contribution in zip(selected.place[0].tolist(), selected.contribution[0].tolist(), strict=True):
        if position >= 0:
            code = definitions.codes[position]
            rests_on = _support(cited, code) or absence(definitions, code, batch.as_of)
            value = float(values[0, position])
            found.append(reasons.reason(definitions, code, value, contribution=contribution, rests_on=rests_on))
    return [_sealed_form(one) for one in found if one is not None]


def _placed(named: Mapping[str, float], definitions: Definitions) -> Floats:
    return np.array([[named.get(code, np.nan) for code in definitions.codes]])


def _support(cited: Sequence[Mapping[str, Any]], code: str) -> reasons.Support | None:
    rows = [row for row in cited if row["indicator"] == code]
    records = [row for row in rows if "record_id" in row]
    if not records:
        return None
    return reasons.Support(
        tuple(row["record_id"] for row in records),
        tuple(row["event_date"] for row in records),
        reasons.strictest(row["visibility"] for row in rows),
    )


def _sealed_form(one: Reason) -> dict[str, Any]:
    """A reason as a sealed row holds it."""
    return {
        "code": one.code,
        "indicator": one.indicator,
        "value": one.value,
        "contribution": one.contribution,
        "records": list(one.records),
        "absent": None if one.absent is None else dict(one.absent),
        "rule": one.rule,
        "visibility": one.visibility,
    }
