"""Live scores: what the champion says today of the vectors a month was sealed with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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
from training.classified import Classified, Judged
from training.confidence import words
from training.cutoffs import RiskClass
from training.overrides import read_override
from training.reasons import Reason
from training.scheme import Scheme

if TYPE_CHECKING:
    from serving.scoring.supposed import Room, Supposed

Light = Mapping[str, Any]
NAMES = tuple(risk.name for risk in RiskClass)
Floats = npt.NDArray[np.float64]
SEALED = ("class", "model_class", "confidence")  # what a sealed month says of a row, and is not reached again
Valued = tuple[Floats, Floats]
"""Values, and what each adds: a row a case, a column each of the definitions' codes."""


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
    documents = _standing(champion, month, lights, batch, sure=sure)
    if definitions is not None:
        told = [added or not _is_same(champion, month, light) for light in lights]
        lines = _contribute(champion, batch, documents, np.flatnonzero(told))
        _explain(champion, month, (lights, batch, documents), lines, definitions)
    return documents


def _standing(
    champion: Scheme, month: StoredMonth, lights: Sequence[Light], batch: Batch, *, sure: bool
) -> list[Document]:
    """The documents without what explains them; what is sealed of all of them is not reached again."""
    sealed = [_is_same(champion, month, light) for light in lights]
    known = [tuple(light[name] for name in SEALED) for light in lights]
    found: Judged | Classified
    if all(sealed):
        found = champion.judged(batch)
        documents = _documents(champion, found, known, batch.as_of)
        certain = champion.sure(found.margin, batch.kind, ruled=found.ruled) if sure else None
    else:
        found = champion.classify(batch, sealed_classes(month, lights))
        anew = zip(sealed, known, _reached(found), strict=True)
        documents = _documents(champion, found, [old if same else new for same, old, new in anew], batch.as_of)
        certain = found.sure
    for document, light in zip(documents, lights, strict=True):
        document["entity"] = light["code"]
    if sure:
        for document, one in zip(documents, explanation.certainties(certain, len(lights)), strict=True):
            document["certainty"] = one
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


def _contribute(champion: Scheme, batch: Batch, documents: list[Document], rows: npt.NDArray[np.intp]) -> Floats:
    """Contributions (a row a document, NaN where none were asked for), added to the live documents in some places."""
    found = np.full((len(documents), len(champion.lines)), np.nan)
    if len(rows):
        found[rows] = champion.contributions(champion.aligned(batch)[rows], batch.kind[rows], bulk=False)
    for place, line in zip(rows.tolist(), found[rows].tolist(), strict=True):
        documents[place] |= {
            "base": champion.base,
            "contributions": explanation.named_contributions(champion, line),
        }
    return found


def _explain(
    champion: Scheme,
    month: StoredMonth,
    live: tuple[Sequence[Light], Batch, list[Document]],
    lines: Floats,
    definitions: Callable[[], Definitions],
) -> None:
    """Add reasons to live documents; they are worked out from contributions where they are not sealed ones."""
    lights, batch, documents = live
    rows, cited = [month.full(light) for light in lights], [month.evidence(light) for light in lights]
    anew = [place for place, light in enumerate(lights) if not _is_same(champion, month, light)]
    stated = [row["reasons"] for row in rows]
    if anew:
        known = definitions()
        values = _placed(known, batch.columns, batch.values[anew]), _placed(known, champion.lines, lines[anew])
        cases = [_Case(documents[place], rows[place], cited[place]) for place in anew]
        for place, found in zip(anew, _reasons(known, values, cases), strict=True):
            stated[place] = found
    for place, document in enumerate(documents):
        document["internal_values"] = rows[place]["internal"]
        words = {**month.words, "rules": document["rules"]}
        document["reasons"] = [explanation.reason_document(words, one, cited[place]) for one in stated[place]]


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
    document = _documents(champion, classified, _reached(classified), batch.as_of)[1]
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
        definitions = explaining.definitions
        values = _placed(definitions, batch.columns, batch.values[1:]), _placed(definitions, champion.lines, lines[1:])
        case = _Case(document, {"entity": light["entity"], "kind": light["kind"], "internal": internal}, ())
        cited = found.cited(explaining, _selected(definitions, values, case), month.evidence(light))
        told = {**month.words, "rules": document["rules"]}
        stated = _reasons(definitions, values, [replace(case, cited=cited)])[0]
        document["reasons"] = [_marked(explanation.reason_document(told, one, cited)) for one in stated]
    return document


@dataclass(frozen=True)
class _Case:
    """An entity whose reasons are worked out: its live document, its sealed row, and the records it may cite."""

    document: Document
    row: Mapping[str, Any]
    cited: Sequence[Mapping[str, Any]]


def _chosen(definitions: Definitions, values: Valued, cases: Sequence[_Case]) -> reasons.Selected:
    """Which values may be told as reasons."""
    kinds = list(dict.fromkeys(case.row["kind"] for case in cases))
    kind = np.array([kinds.index(case.row["kind"]) for case in cases], np.int64)
    return reasons.select(definitions, values[0], np.nan_to_num(values[1]), kind=(kind, kinds))


def _selected(definitions: Definitions, values: Valued, case: _Case) -> list[str]:
    """The indicators that may be told as reasons."""
    chosen = _chosen(definitions, values, [case])
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


def _documents(
    champion: Scheme, found: Judged | Classified, stated: Sequence[tuple[str, ...]], as_of: date
) -> list[Document]:
    """What was found of some entities, one document each; ``stated`` is told as ``SEALED`` names it."""
    rules = {rule.code: rule.written() for rule in champion.rules}
    return [
        {
            **dict(zip(SEALED, told, strict=True)),
            "rules": [rules[code] for code in rules if code in codes],
            "probability": probability,
            "margin": margin,
            "contributions_in": MARGIN,
            "data_gaps": [],
            "as_of": as_of,
        }
        for told, codes, probability, margin in zip(
            stated, found.rules.to_pylist(), found.probability.tolist(), found.margin.tolist(), strict=True
        )
    ]


def _reached(found: Classified) -> list[tuple[str, ...]]:
    """Class, class by the model and confidence of every row."""
    named = [[NAMES[one] for one in classes.tolist()] for classes in (found.final_class, found.model_class)]
    return list(zip(*named, words(found.confidence).to_pylist(), strict=True))


def _reasons(definitions: Definitions, values: Valued, cases: Sequence[_Case]) -> list[list[dict[str, Any]]]:
    """Reasons under another scheme than the month's: its rules, then its contributions, resting on records sealed."""
    selected = _chosen(definitions, values, cases)
    known = ~np.isnan(np.take_along_axis(values[0], np.maximum(selected.place, 0).astype(np.int64), axis=1))
    told_before = _told_before(definitions, np.where(known, selected.place, -1), cases)  # null claims no record
    found = []
    for number, case in enumerate(cases):
        stated: list[Reason | None] = list(reasons.rule_reasons(map(read_override, case.document["rules"])))
        chosen = zip(selected.place[number].tolist(), selected.contribution[number].tolist(), strict=True)
        for position, contribution in chosen:
            code = definitions.codes[position]
            if position >= 0 and (number, code) not in told_before:
                rests_on = _support(case, code) or absence(definitions, code, case.document["as_of"])
                value = float(values[0][number, position])
                stated.append(reasons.reason(definitions, code, value, contribution=contribution, rests_on=rests_on))
        found.append([_sealed_form(one) for one in stated if one is not None])
    return found


def _told_before(definitions: Definitions, places: reasons.Places, cases: Sequence[_Case]) -> set[tuple[int, str]]:
    """The number of a case and an indicator, where it counts a record that a stronger reason counts already."""
    row, slot = np.nonzero(places >= 0)
    codes = [definitions.codes[place] for place in places[row, slot].tolist()]
    order = pa.table({"entity": pa.array(row, pa.int32()), "indicator": pa.array(codes, pa.string()), "slot": slot})
    records = [
        {**{name: one[name] for name in SCHEMA.names}, "entity": number}  # one entity may be asked about twice
        for number, case in enumerate(cases)
        for one in case.cited
    ]
    found = repeats(definitions, pa.Table.from_pylist(records, SCHEMA), order)
    return set(zip(found["entity"].to_pylist(), found["indicator"].to_pylist(), strict=True))


def _placed(definitions: Definitions, columns: Sequence[str], values: Floats) -> Floats:
    """Values in the order of the definitions; NaN where there is none."""
    found = np.full((len(values), len(definitions.codes)), np.nan)
    place = {name: number for number, name in enumerate(columns)}
    both = [(number, place[name]) for number, name in enumerate(definitions.codes) if name in place]
    found[:, [number for number, _ in both]] = values[:, [number for _, number in both]]
    return found


def _support(case: _Case, code: str) -> reasons.Support | None:
    records = [one for one in case.cited if one["indicator"] == code]
    if not records:
        return None
    internal = ["internal"] if code in case.row["internal"] else []
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
