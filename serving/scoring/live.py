"""Live scores: what the champion says today of the vectors a month was sealed with."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.asof import Month
from features.evidence import SCHEMA, absence, repeats
from features.indicators.catalogue import Definitions
from features.matrix import Batch
from serving import explanation
from serving.classification import MARGIN
from serving.explanation import Document
from serving.http import ProblemError
from serving.shelf import StoredMonth
from training import reasons
from training.confidence import words
from training.cutoffs import RiskClass
from training.overrides import read_override
from training.reasons import Reason
from training.scheme import Classified, Scheme

if TYPE_CHECKING:
    from serving.scoring.supposed import Room, Supposed

Light = Mapping[str, Any]
NAMES = tuple(risk.name for risk in RiskClass)
Floats = npt.NDArray[np.float64]


def scored(
    champion: Scheme,
    month: StoredMonth,
    lights: Sequence[Light],
    definitions: Callable[[], Definitions] | None,
    *,
    sure: bool = True,
    added: bool = True,
) -> list[Document]:
    """One document per classified entity, in order: class, margin and contributions under the champion, and reasons.

    Under the scheme the month was sealed with, class, confidence and reasons are the sealed ones: they were reached
    knowing every fact of the month. Under a newer champion the class starts from the sealed one, and reasons cite
    sealed records. Without ``definitions`` no reasons are given, without ``sure`` not how sure a class is; without
    ``added`` contributions only where reasons are worked out from them.
    ProblemError when the champion reads indicators the month did not keep.
    """
    if not lights:
        return []
    check_kept(champion, month, lights)
    batch = batch_of(champion, month.values(lights), lights, Month.parse(month.month).end)
    classified = champion.classify(batch, sealed_classes(month, lights))
    documents = _documents(champion, classified, batch.as_of)
    if sure:
        stated = explanation.certainties(classified.sure, len(lights))
        for document, certain in zip(documents, stated, strict=True):
            document["certainty"] = certain
    for document, light in zip(documents, lights, strict=True):
        document["entity"] = light["code"]
        if _is_same(champion, month, light):
            document |= {name: light[name] for name in ("class", "model_class", "confidence")}
    if definitions is not None:
        told = [added or not _is_same(champion, month, light) for light in lights]
        _contribute(champion, batch, documents, np.flatnonzero(told))
        _explain(champion, month, (lights, batch, documents), definitions)
    return documents


def check_kept(champion: Scheme, month: StoredMonth, lights: Sequence[Light]) -> None:
    """Nothing when the parts of the month some entities are of kept every indicator the champion reads; ProblemError
    otherwise: what another part kept says nothing of them."""
    held = (month.parts[number].columns for number in {light["part"] for light in lights})
    if not all(set(champion.columns).issubset(columns) for columns in held):
        raise ProblemError("unavailable")


def _is_same(champion: Scheme, month: StoredMonth, light: Light) -> bool:
    """Whether an entity's sealed row was classified under the champion."""
    return bool(month.parts[light["part"]].head.scheme == champion.digest)


def _contribute(champion: Scheme, batch: Batch, documents: list[Document], rows: npt.NDArray[np.intp]) -> None:
    """Add contributions to the live documents in some places."""
    if not len(rows):
        return
    lines = champion.contributions(champion.aligned(batch)[rows], batch.kind[rows], bulk=False).tolist()
    for place, line in zip(rows.tolist(), lines, strict=True):
        documents[place] |= {
            "base": champion.base,
            "contributions": explanation.named_contributions(champion, line),
        }


def _explain(
    champion: Scheme,
    month: StoredMonth,
    live: tuple[Sequence[Light], Batch, list[Document]],
    definitions: Callable[[], Definitions],
) -> None:
    """Add reasons to live documents; they are worked out from contributions where they are not sealed ones."""
    lights, batch, documents = live
    for place, (light, document) in enumerate(zip(lights, documents, strict=True)):
        row, cited = month.full(light), month.evidence(light)
        document["internal_values"] = row["internal"]
        if _is_same(champion, month, light):
            stated = row["reasons"]
        else:
            vector = dict(zip(batch.columns, batch.values[place], strict=True))
            stated = _reasons(definitions(), (document, vector), row, cited)
        words = {**month.words, "rules": document["rules"]}
        document["reasons"] = [explanation.reason_document(words, one, cited) for one in stated]


def hypothetical(
    champion: Scheme, month: StoredMonth, light: Light, found: "Supposed", explaining: "Room | None"
) -> Document:
    """The document of an entity with supposed records, and what it would be called now without them.

    Both classes are what cutoffs and rules say: steadiness looks at the month before and only delays. Reasons are
    given where there is a room ``explaining`` them. ProblemError when the champion reads indicators the month lacks.
    """
    sealed = month.vector(light)
    vectors = np.array([list(one.values()) for one in (sealed, found.vector(sealed))], np.float64)  # null: NaN
    batch = batch_of(champion, (tuple(sealed), vectors), [light, light], Month.parse(month.month).end)
    classified = champion.classify(batch, None)
    lines = champion.contributions(champion.aligned(batch), batch.kind, bulk=False)
    document = _documents(champion, classified, batch.as_of)[1]
    certain = explanation.certainties(classified.sure, 2)
    internal = sorted({*month.full(light)["internal"], *found.internal})
    document |= {
        "entity": light["code"],
        "base": champion.base,
        "certainty": certain[1],
        "contributions": explanation.named_contributions(champion, lines[1].tolist()),
        "internal_values": internal,
        "hypothetical": True,
        "class_without": NAMES[classified.final_class[0]],
    }
    if explaining is not None:
        definitions, vector = explaining.definitions, dict(zip(batch.columns, batch.values[1], strict=True))
        row = {"entity": light["entity"], "kind": light["kind"], "internal": internal}
        codes = _selected(definitions, (document, vector), row)
        cited = found.cited(explaining, codes, month.evidence(light))
        told = {**month.words, "rules": document["rules"]}
        stated = _reasons(definitions, (document, vector), row, cited)
        document["reasons"] = [_marked(explanation.reason_document(told, one, cited)) for one in stated]
    return document


def _chosen(
    definitions: Definitions, live: tuple[Document, Mapping[str, float]], row: Mapping[str, Any]
) -> tuple[Floats, reasons.Selected]:
    """The values of an entity in the order of the definitions, and which of them may be told as reasons."""
    document, vector = live
    values, added = _placed(vector, definitions), np.nan_to_num(_placed(document["contributions"], definitions))
    return values, reasons.select(definitions, values, added, kind=(np.zeros(1, np.int64), (row["kind"],)))


def _selected(
    definitions: Definitions, live: tuple[Document, Mapping[str, float]], row: Mapping[str, Any]
) -> list[str]:
    """The indicators that may be told as reasons."""
    _, chosen = _chosen(definitions, live, row)
    return [definitions.codes[position] for position in chosen.place[0].tolist() if position >= 0]


def _marked(reason: Document) -> Document:
    """A reason whose supposed records are cited as such: they have neither number nor source, nor are they known.

    The number of a supposed record is its place in the request; of those in the lake it is no path.
    """
    if "evidence" in reason:
        nothing = {"number": None, "known_since": None, "source": None, "supposed": True}
        reason["evidence"] = [
            {**one, **nothing} if one["record"].startswith("/") else one for one in reason["evidence"]
        ]
    return reason


def sealed_classes(month: StoredMonth, lights: Sequence[Light]) -> pa.Table:
    """What the champion compares with: the classes as sealed."""
    each = list({light["entity"]: light for light in lights}.values())
    schemes = [part.head.scheme for part in month.parts]
    columns = {"entity": "entity", "class": "class", "band": "model_class", "ruled": "ruled"}
    table = {name: [light[of] for light in each] for name, of in columns.items()}
    return pa.table(table | {"scheme": [schemes[light["part"]] for light in each]})


def batch_of(champion: Scheme, vectors: tuple[tuple[str, ...], Floats], lights: Sequence[Light], as_of: date) -> Batch:
    """Some entities' values as a matrix batch, in order; ProblemError when the champion reads others."""
    columns, values = vectors
    if not set(champion.columns).issubset(columns):
        raise ProblemError("unavailable")
    kinds = np.array([champion.kinds.index(light["kind"]) for light in lights], np.int8)
    entities = np.array([light["entity"] for light in lights], np.int32)
    return Batch(as_of, entities, kinds, values, columns)


def _documents(champion: Scheme, classified: Classified, as_of: date) -> list[Document]:
    """What classification found, one document an entity."""
    rules = {rule.code: rule.written() for rule in champion.rules}
    return [
        {
            "class": NAMES[final],
            "model_class": NAMES[model],
            "rules": [rules[code] for code in rules if code in codes],
            "probability": probability,
            "margin": margin,
            "confidence": confidence,
            "contributions_in": MARGIN,
            "data_gaps": [],
            "as_of": as_of,
        }
        for final, model, codes, probability, margin, confidence in zip(
            classified.final_class.tolist(),
            classified.model_class.tolist(),
            classified.rules.to_pylist(),
            classified.probability.tolist(),
            classified.margin.tolist(),
            words(classified.confidence).to_pylist(),
            strict=True,
        )
    ]


def _reasons(
    definitions: Definitions,
    live: tuple[Document, Mapping[str, float]],
    row: Mapping[str, Any],
    cited: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Reasons under another scheme than the month's: its rules, then its contributions, resting on records sealed."""
    document = live[0]
    values, selected = _chosen(definitions, live, row)
    valued = np.where(np.isnan(values[0, selected.place[0]]), -1, selected.place[0])  # null claims no record
    told_before = _told_before(definitions, row, valued.astype(np.int16), cited)
    found: list[Reason | None] = list(reasons.rule_reasons(read_override(rule) for rule in document["rules"]))
    for position, contribution in zip(selected.place[0].tolist(), selected.contribution[0].tolist(), strict=True):
        code = definitions.codes[position]
        if position >= 0 and code not in told_before:
            rests_on = _support(row, cited, code) or absence(definitions, code, document["as_of"])
            value = float(values[0, position])
            found.append(reasons.reason(definitions, code, value, contribution=contribution, rests_on=rests_on))
    return [_sealed_form(one) for one in found if one is not None]


def _told_before(
    definitions: Definitions, row: Mapping[str, Any], places: reasons.Places, cited: Sequence[Mapping[str, Any]]
) -> set[str]:
    """The indicators that count a record a stronger reason counts already."""
    slots = np.flatnonzero(places >= 0)
    codes = [definitions.codes[place] for place in places[slots].tolist()]
    keys = pa.array([row["entity"]] * len(codes), pa.int32())
    order = pa.table({"entity": keys, "indicator": pa.array(codes, pa.string()), "slot": slots})
    records = [{name: one[name] for name in SCHEMA.names} for one in cited]
    return set(repeats(definitions, pa.Table.from_pylist(records, SCHEMA), order)["indicator"].to_pylist())


def _placed(named: Mapping[str, float], definitions: Definitions) -> Floats:
    return np.array([[named.get(code, np.nan) for code in definitions.codes]])


def _support(row: Mapping[str, Any], cited: Sequence[Mapping[str, Any]], code: str) -> reasons.Support | None:
    records = [one for one in cited if one["indicator"] == code]
    if not records:
        return None
    internal = ["internal"] if code in row["internal"] else []
    return reasons.Support(
        tuple(one["record_id"] for one in records),
        tuple(one["event_date"] for one in records),
        reasons.strictest([*internal, *(one["visibility"] for one in records)]),
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
