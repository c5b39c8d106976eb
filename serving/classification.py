"""One month's classification as files: scores, indicator vectors, distinct explanations, and the rows of results."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.engine import Engine
from features.indicators.catalogue import Definitions
from features.matrix import Batch, Known, Queries, registrations
from features.reading import REGISTER, Lake, Reading
from serving import pieces
from serving.contributions import CODES, WHICH
from training import confidence, explain
from training.carried import under
from training.classified import Classified
from training.cutoffs import RiskClass
from training.facts import Previous
from training.scheme import Scheme, SchemeError

Floats = npt.NDArray[np.float64]

SCORED, VECTORS, EVIDENCE = "scored", "vectors", "evidence"  # tables
WORDS = "words.json"
CLASSIFIED, UNKNOWN_KIND = "classified", "unknown_kind"
MARGIN = "margin"  # what contributions are worked out and sealed in
NAMES = np.array([risk.name for risk in RiskClass])
REASON = pa.struct(
    [
        ("code", pa.string()),
        ("indicator", pa.string()),
        ("value", pa.float64()),
        ("contribution", pa.float64()),
        ("records", pa.list_(pa.string())),
        ("dates", pa.list_(pa.date32())),
        ("absent", pa.string()),
        ("rule", pa.string()),
        ("visibility", pa.string()),
    ]
)
REASONED_ROW = pa.schema([("entity", pa.int32()), ("internal", pa.list_(pa.string())), ("reasons", pa.list_(REASON))])
RESULT = pa.schema(
    [
        ("entity", pa.int32()),
        ("code", pa.string()),
        ("kind", pa.string()),
        ("region", pa.string()),
        ("status", pa.string()),
        ("margin", pa.float64()),
        ("probability", pa.float64()),
        ("model_class", pa.string()),
        ("ruled", pa.string()),
        ("class", pa.string()),
        ("class_before", pa.string()),
        ("cause", pa.string()),
        ("confidence", pa.string()),
        ("rules", pa.list_(pa.string())),
        ("vector", pa.int32()),
        ("internal", pa.list_(pa.string())),
        ("reasons", pa.list_(REASON)),
    ]
)


SCORED_ROW = pa.schema(
    [
        ("entity", pa.int32()),
        ("kind", pa.string()),
        ("margin", pa.float64()),
        ("probability", pa.float64()),
        ("model_class", pa.string()),
        ("ruled", pa.string()),
        ("class", pa.string()),
        ("class_before", pa.string()),
        ("cause", pa.string()),
        ("confidence", pa.string()),
        ("rules", pa.list_(pa.string())),
    ]
)


@dataclass(frozen=True)
class Sources:
    """What a month is computed from; ``made`` holds what the matrix's queries found where they were run before."""

    lake: Lake
    definitions: Definitions
    scheme: Scheme
    as_of: date
    engine: str = "polars"
    made: Path | None = None

    @classmethod
    def under(cls, scheme: Scheme, lake: Lake, as_of: date, engine: str) -> "Sources":
        """The sources of a month worked out with the definitions its scheme was trained on."""
        own, definitions = under(scheme, lake)
        return cls(own, definitions, scheme, as_of, engine)

    @cached_property
    def reading(self) -> Reading:
        """The lake, read with the engine."""
        return Reading(self.lake, Engine(self.engine))

    @cached_property
    def queries(self) -> Queries:
        """The queries of the matrix, compiled once."""
        return Queries(self.reading, self.definitions, self.as_of, self.made)


def roll(sources: Sources) -> pa.Table:
    """Everyone known at T, by entity: ``matrix.registrations`` with code and region."""
    field = registered_as(sources, "region")
    also = () if field is None else (field,)
    member = sources.definitions.member
    found = registrations(sources.lake, as_of=sources.as_of, engine=sources.engine, also=also, member=member)
    codes = sources.lake.register()["code"].take(found["entity"])
    region = pa.nulls(found.num_rows, pa.string()) if field is None else found[field]
    return found.drop_columns(list(also)).append_column("code", codes).append_column("region", region)


def score(folder: Path, sources: Sources, known: pa.Table, previous: Previous | None) -> None:
    """Write margins and classes, indicator vectors and bin vectors of those in scope and of a known kind.

    ``known`` holds rows of the ``roll`` with what depends on everyone beside them; their distinct bin vectors are
    written in canonical order, and which each has.
    """
    scheme = sources.scheme
    schema = pa.schema([("entity", pa.int32()), *((name, pa.float64()) for name in scheme.columns)])
    codes = [scheme.bin_codes(np.zeros((0, len(scheme.columns))))]
    with (
        pieces.writer(pieces.single(folder, SCORED), SCORED_ROW) as scored,
        pieces.writer(pieces.single(folder, VECTORS), schema, measured=True) as vectors,
    ):
        for batch in _in_kind(sources, known):
            values = scheme.aligned(batch)
            scored.write_table(_scored(scheme.classify(batch, previous.at(batch) if previous else None), scheme))
            columns = [pa.array(values[:, place], from_pandas=True) for place in range(values.shape[1])]
            vectors.write_table(
                pa.table([pa.array(batch.entity), *columns], schema=schema), row_group_size=pieces.GROUP
            )
            codes.append(scheme.bin_codes(values))
    distinct, which = explain.distinct(np.concatenate(codes))
    distinct.tofile(folder / CODES)
    which.astype("<i4").tofile(folder / WHICH)


def _in_kind(sources: Sources, known: pa.Table) -> Iterator[Batch]:
    for batch in Known(known, sources.queries).batches():
        is_kind = batch.kind >= 0
        if is_kind.all():
            yield batch
        elif is_kind.any():
            yield Batch(batch.as_of, batch.entity[is_kind], batch.kind[is_kind], batch.values[is_kind], batch.columns)


def _scored(found: Classified, scheme: Scheme) -> pa.Table:
    before = pa.array(NAMES[np.maximum(found.class_before, 0)], mask=found.class_before < 0)
    return pa.table(
        {
            "entity": found.entity,
            "kind": np.array(scheme.kinds)[found.kind],
            "margin": found.margin,
            "probability": found.probability,
            "model_class": NAMES[found.model_class],
            "ruled": NAMES[found.ruled],
            "class": NAMES[found.final_class],
            "class_before": before,
            "cause": found.cause,
            "confidence": confidence.words(found.confidence),
            "rules": found.rules,
        },
        schema=SCORED_ROW,
    )


def rows(known: pa.Table, scored: Iterable[tuple[pa.Table, pa.Table]], kinds: Sequence[str]) -> Iterator[pa.Table]:
    """The result rows of some known entities: classified, or with the reason code why not.

    ``scored`` gives slices by entity of what was scored and the reasons of the same entities.
    """
    kind = known["kind"].to_numpy()
    codes = pa.array(list(kinds), pa.string()).take(pa.array(kind, pa.int64(), mask=kind < 0))
    known = known.append_column("kind_code", codes)
    entity, start = known["entity"].to_numpy(), 0
    for one, other in scored:
        if one.num_rows:
            stop = int(np.searchsorted(entity, one["entity"][-1].as_py(), side="right"))
            yield _rows(known.slice(start, stop - start), one, other)
            start = stop
    if start < len(entity):
        yield _rows(known.slice(start), SCORED_ROW.empty_table(), REASONED_ROW.empty_table())


def _rows(known: pa.Table, scored: pa.Table, reasoned: pa.Table) -> pa.Table:
    place = pc.index_in(known["entity"], scored["entity"].combine_chunks())
    is_scored = place.is_valid()
    columns: dict[str, Any] = {
        "entity": known["entity"],
        "code": known["code"],
        "kind": known["kind_code"],
        "region": known["region"],
        "status": _status(known, is_scored),
    }
    for table in (scored, reasoned):
        columns |= {
            name: table[name].take(place) for name in table.column_names if name not in columns and name in RESULT.names
        }
    missing = {name: pa.nulls(known.num_rows, RESULT.field(name).type) for name in RESULT.names if name not in columns}
    return pa.table({name: (columns | missing)[name] for name in RESULT.names}).cast(RESULT)


def registered(sources: Sources, names: Sequence[str]) -> pa.Table:
    """What the register said at T of everyone known, by entity: ``name``, ``region``, ``address`` or others; null
    where the profile keeps none."""
    fields = {name: registered_as(sources, name) for name in names}
    kept = list(dict.fromkeys(field for field in fields.values() if field is not None))
    known = sources.reading.attributes(kept, sources.as_of)
    without = pa.nulls(known.num_rows, pa.string())
    texts = {name: without if field is None else known[field].cast(pa.string()) for name, field in fields.items()}
    return pa.table({"entity": known["entity"], **texts})


def registered_as(sources: Sources, name: str) -> str | None:
    """The field of a registration that holds ``name``, ``region`` or another, as the profile's ``register`` says."""
    field = (sources.lake.profile.settings.get("register") or {}).get(name, name)
    return field if field in sources.reading.types[REGISTER].fields else None


def _status(known: pa.Table, is_scored: pa.ChunkedArray) -> pa.ChunkedArray:
    """Classified, or why not: the registration status out of scope, or a kind the profile does not have."""
    outside = pc.if_else(known["in_scope"], UNKNOWN_KIND, known["status"])
    return pc.if_else(is_scored, CLASSIFIED, outside)


def check(results: Iterable[pa.Table], scheme: Scheme) -> dict[str, Any]:
    """Counts of the month by class and by reason code; SchemeError when a row is not what a month may hold."""
    counts: Counter[str] = Counter()
    stated: Counter[str] = Counter()
    wrong: set[str] = set()
    total, last = 0, -1
    for part in results:
        own = part.filter(pc.equal(part["status"], CLASSIFIED))
        counts.update(_counts(own["class"]))
        stated.update(_counts(part["status"]))
        wrong |= _faults(part, own, last)
        total, last = total + part.num_rows, part["entity"][-1].as_py() if part.num_rows else last
    if sum(counts.values()) != stated.get(CLASSIFIED, 0) or set(counts) - set(NAMES):
        wrong.add("classes do not add up")
    if sum(stated.values()) != total:
        wrong.add("rows do not add up")
    if not all(np.all(np.diff(one.cutoffs.bounds) >= 0) for one in scheme.parts.values()):
        wrong.add("cutoffs are out of order")
    if wrong:
        said = "; ".join(sorted(wrong))
        raise SchemeError(f"The month failed its check: {said}. Nothing was published; last month stands.")
    stated.pop(CLASSIFIED, None)
    return {
        "classes": {name: counts.get(name, 0) for name in NAMES.tolist()},
        "not_classified": dict(sorted(stated.items())),
    }


def _faults(rows: pa.Table, classified: pa.Table, last: int) -> set[str]:
    """What is wrong with rows, whose entities follow ``last``."""
    probability = classified["probability"].to_numpy()
    faults = {
        "an entity stands twice": bool(np.any(np.diff(rows["entity"].to_numpy(), prepend=last) <= 0)),
        "a probability lies outside 0 to 1": not np.all((probability >= 0.0) & (probability <= 1.0)),
        "a class is better than a rule allows": pc.any(pc.less(classified["class"], classified["ruled"])).as_py(),
    }
    return {what for what, is_wrong in faults.items() if is_wrong}


def _counts(values: pa.ChunkedArray) -> dict[str, int]:
    found = pc.value_counts(values.combine_chunks())
    return dict(zip(map(str, found.field(0).to_pylist()), found.field(1).to_pylist(), strict=True))
