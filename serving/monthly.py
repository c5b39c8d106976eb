"""The monthly classification: collected, computed, checked, published; resumed after a kill, sealed once."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import rfc8785

from features import signing, steps
from features.asof import Month
from features.engine import Engine
from features.matrix import registrations
from features.profile import ProfileError
from features.reading import Reading
from features.records.journal import Entry, Journal
from serving import citations, classification, ledger
from serving.classification import (
    CONTRIBUTIONS,
    EVIDENCE,
    GROUP,
    REASONED,
    RESULT,
    SCORED,
    VECTORS,
    WORDS,
    Contributions,
    Explained,
    Previous,
    Sources,
    read_table,
    write_table,
)
from serving.ledger import Fault, Head, LedgerError
from serving.results import Results, SealedMonth
from serving.words import words
from training.explain import CHUNK
from training.facts import Movers, Span, new_facts
from training.scheme import Scheme, SchemeError

PUBLISHER = "publisher"  # the name of the key that signs sealed months
ACTION = "month"
FORMAT = 2  # of a month's files; part of every step's key
RESULT_GROUP = 5_000
DIGEST = 16  # bytes by which two rows of a supplement are compared
Watch = Callable[[str], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Run:
    """A month to classify: where, from what, by whom, when, and for a correction why."""

    month: Month
    home: Path
    sources: Sources
    actor: str
    at: datetime
    correction: str | None = None

    @property
    def journal(self) -> Journal:
        """The journal of the home."""
        return Journal(self.home / "journal.jsonl")


@dataclass(frozen=True)
class Published:
    """A month as it stands: its newest head, counts, the largest additivity error, and whether this run made it."""

    head: Head
    counts: Mapping[str, Any]
    largest_error: float
    made: bool
    inputs_changed: bool


def classify(run: Run, *, watch: Watch = lambda title: nullcontext()) -> Published:
    """Classify everyone as of the month's end and seal it; a month that is published already stays as it is.

    A published month is changed only by a numbered supplement: give the run a ``correction`` (the reason), and the
    rows that came out differently are sealed beside the others. ResourceError when another run holds the home.
    """
    if run.sources.as_of != run.month.end:
        raise ProfileError(f"{run.month} was asked for with data as of {run.sources.as_of}; expected {run.month.end}.")
    if run.sources.scheme.kinds != run.sources.lake.profile.kind_codes:
        raise SchemeError(
            f"The scheme is for kinds {', '.join(run.sources.scheme.kinds)}, the profile has "
            f"{', '.join(run.sources.lake.profile.kind_codes)}. Nothing was classified; train a scheme for the profile."
        )
    if not run.sources.lake.register().num_rows or not registrations(run.sources.lake, as_of=run.month.end).num_rows:
        raise SchemeError(
            f"Nobody was known on {run.month.end}. Nothing was classified; deliver the register, or name a later month."
        )
    with steps.lock(run.home, f"jianwei month {run.month}"):
        results = Results(run.home, publisher_key(run.home))
        stands = results.month(run.month) if str(run.month) in results.months() else None
        before = results.before(run.month)
        inputs = _inputs(run, before)
        if stands is not None:
            _tidy(run, stands)
        if stands is not None and run.correction is None:
            return _published(stands, made=False, inputs=inputs)
        return _classify(run, inputs, (before, stands), watch)


def verify(home: Path) -> Iterator[Fault]:
    """What is wrong with the sealed months of a home, against their chain and against the journal; nothing when all
    holds."""
    stated = {entry.details["head"]: entry for entry in _publications(Journal(home / "journal.jsonl"))}
    yield from ledger.verify(home, publisher_key(home), anchors=list(stated))
    for folder in ledger.folders(home):
        try:
            head, _ = ledger.read_head(folder)
        except LedgerError:
            continue
        if head.digest not in stated:
            yield Fault(head.month, head.supplement, None, "the journal does not know this head")


def _publications(journal: Journal) -> Iterator[Entry]:
    return (entry for entry in journal.entries(ACTION) if entry.details["state"] == "published")


def _tidy(run: Run, stands: SealedMonth) -> None:
    """After a kill just past the seal: say in the journal what stands, and remove what was left over."""
    for part in stands.parts:
        state = _States(run, part.head.supplement, steps.key_of(part.manifest["inputs"]))
        state.reached("published", _publication(part.head))
        shutil.rmtree(run.home / "work" / f"{run.month}-{part.head.supplement}", ignore_errors=True)


def _publication(head: Head) -> dict[str, Any]:
    return {"head": head.digest, "root": head.root}


def publisher_key(home: Path) -> Any:
    """The public key sealed months are verified with, made on first use."""
    signing.first_use_key(home / "keys", PUBLISHER)
    return signing.verify_key(home / "keys", PUBLISHER)


def _inputs(run: Run, before: SealedMonth | None) -> dict[str, Any]:
    """What a month depends on; a step is done again when any of it differs."""
    return {
        "format": FORMAT,
        "month": str(run.month),
        "definitions": run.sources.definitions.digest,
        "lake": run.sources.lake.digest(run.sources.as_of),
        "scheme": run.sources.scheme.digest,
        "before": [part.head.digest for part in before.parts] if before else [],
    }


def _published(stands: SealedMonth, *, made: bool, inputs: Mapping[str, Any]) -> Published:
    manifest = stands.parts[-1].manifest
    return Published(
        head=stands.head,
        counts=manifest["counts"],
        largest_error=float(manifest["largest_error"]),
        made=made,
        inputs_changed=manifest["inputs"] != inputs,
    )


def _classify(
    run: Run, inputs: Mapping[str, Any], around: tuple[SealedMonth | None, SealedMonth | None], watch: Watch
) -> Published:
    before, stands = around
    supplement = len(stands.parts) if stands else 0
    work = run.home / "work" / f"{run.month}-{supplement}"
    state = _States(run, supplement, steps.key_of(inputs))
    state.reached("collected", inputs)
    computed = _compute(work, run, inputs, before, watch)
    state.reached("computed", {"rows": pq.read_metadata(computed.results / ledger.RESULTS).num_rows})
    counts = classification.check(ledger.row_slices(computed.results), run.sources.scheme)
    state.reached("checked", {"counts": counts, "largest_error": f"{computed.error:.3e}"})
    chosen = computed.results
    if stands is not None:
        chosen = work / "changed"
        steps.run(chosen, inputs, lambda fresh: _write_rows(fresh, _changed(computed.results, stands)))
        if not pq.read_metadata(chosen / ledger.RESULTS).num_rows:
            shutil.rmtree(work)
            return _published(stands, made=False, inputs=inputs)
    facts = _facts(run, inputs, (counts, computed.error), supplement)
    with watch("seal"):
        folder = ledger.month_folder(run.home, run.month, supplement)
        sealing = {**inputs, "supplement": supplement, "correction": run.correction}
        steps.run(folder, sealing, lambda fresh: _seal(fresh, chosen, (work, computed, facts), run))
    made = Results(run.home, publisher_key(run.home)).month(run.month)
    state.reached("published", _publication(made.head))
    shutil.rmtree(work)
    return _published(made, made=True, inputs=inputs)


def _facts(
    run: Run, inputs: Mapping[str, Any], found: tuple[Mapping[str, Any], float], supplement: int
) -> dict[str, Any]:
    """What the manifest of a month states beside the digests of its files."""
    scheme = run.sources.scheme
    return {
        "inputs": dict(inputs),
        "supplement": supplement,
        "as_of": run.sources.as_of.isoformat(),
        "profile": run.sources.lake.profile.name,
        "counts": found[0],
        "largest_error": found[1],
        "base": scheme.base,
        "exposure": dict(zip(scheme.kinds, classification.exposure(scheme).tolist(), strict=True)),
        "correction": run.correction,
    }


@dataclass(frozen=True)
class _States:
    """The states a month goes through, each an entry of the journal, written once for the same inputs."""

    run: Run
    supplement: int
    key: str

    def reached(self, state: str, details: Mapping[str, Any]) -> None:
        stated = {
            "month": str(self.run.month),
            "supplement": self.supplement,
            "state": state,
            "key": self.key,
            **details,
        }
        if not any(entry.details == stated for entry in self.run.journal.entries(ACTION)):
            self.run.journal.append(ACTION, stated, at=self.run.at, actor=self.run.actor)


@dataclass(frozen=True)
class _Computed:
    """The folder of the result rows, the contributions they rest on, and the largest additivity error."""

    results: Path
    explained: Explained
    error: float


def _compute(work: Path, run: Run, inputs: Mapping[str, Any], before: SealedMonth | None, watch: Watch) -> _Computed:
    """The result rows of everyone; every part of the way is a step of its own, done once."""
    sources, scored, cited = run.sources, work / "scored", work / "cited"
    with watch("scores") as step:
        previous = None if steps.is_done(scored, inputs) else _previous(run, before)
        made = partial(classification.score, sources=sources, previous=previous, report=_portions(step, "entities"))
        steps.run(scored, inputs, made)
    with watch("contributions"):
        vectors, which = classification.bin_vectors(scored, sources.scheme)
        chunks = [work / f"explained-{start:010d}" for start in range(0, len(vectors), CHUNK)]
        for number, chunk in enumerate(chunks):
            part = vectors[number * CHUNK : (number + 1) * CHUNK]
            steps.run(chunk, inputs, partial(classification.explained, scheme=sources.scheme, vectors=part))
        found = Explained([classification.added(chunk, sources.scheme) for chunk in chunks], which)
        margins = read_table(scored / SCORED, columns=["kind", "margin"])
        error = classification.largest_error(margins, found, sources.scheme)
    with watch("reasons") as step:
        report = _portions(step, "entities")
        steps.run(cited, inputs, lambda fresh: citations.cite(fresh, sources, (scored, found), report))
    with watch("rows"):
        results, reasoned = work / "results", cited / REASONED
        slices = partial(classification.rows, sources, scored / SCORED, reasoned, which)
        steps.run(results, inputs, lambda fresh: _write_rows(fresh, slices()))
    return _Computed(results, found, error)


def _portions(step: Any, what: str) -> Callable[[int, int], None]:
    """Whom to tell how much is done; nobody where nobody watches."""
    return (lambda done, total: None) if step is None else partial(_tell, step, what)


def _tell(step: Any, what: str, done: int, total: int) -> None:
    step.portion(done, total, what)


def _write_rows(folder: Path, parts: Iterable[pa.Table]) -> None:
    with pq.ParquetWriter(folder / ledger.RESULTS, RESULT, compression="zstd", write_page_checksum=True) as writer:
        for part in parts:
            writer.write_table(part, row_group_size=RESULT_GROUP)


def _previous(run: Run, before: SealedMonth | None) -> Previous | None:
    """What the last sealed month held, with the facts that became known since."""
    if before is None:
        return None
    profile = run.sources.lake.profile
    classes, names = before.classes(), tuple[str, ...]()
    if profile.has("steadiness"):
        movers = Movers.read(profile.dated("steadiness", run.sources.as_of))
        span = Span(Month.parse(before.month).end, run.sources.as_of)
        facts = new_facts(Reading(run.sources.lake, Engine(run.sources.engine)), movers, span)
        classes, names = classes.join(facts, "entity").sort_by("entity"), movers.states
    return Previous(classes.combine_chunks(), before.states(names))


def _changed(results: Path, stands: SealedMonth) -> Iterator[pa.Table]:
    """The rows that differ from those that stand (the place of a contribution vector apart)."""
    held: dict[int, bytes] = {}
    for part in stands.parts:
        for rows in ledger.row_slices(part.folder):
            held.update(_digests(rows))
    for rows in ledger.row_slices(results):
        differs = [held.get(entity) != digest for entity, digest in _digests(rows)]
        yield rows.filter(pa.array(differs, pa.bool_()))


def _digests(rows: pa.Table) -> Iterator[tuple[int, bytes]]:
    """Every entity with a short digest of its row."""
    written = ledger.canonical(rows.drop_columns(["vector"])).to_pylist()
    digests = (hashlib.blake2b(row, digest_size=DIGEST).digest() for row in written)
    return zip(rows["entity"].to_pylist(), digests, strict=True)


def _seal(fresh: Path, chosen: Path, made: tuple[Path, _Computed, Mapping[str, Any]], run: Run) -> None:
    """Write the files of the month, its leaves, its manifest and its signed head."""
    work, computed, facts = made
    if chosen == computed.results:
        _link_parts(fresh, work, computed, run.sources.scheme)
    else:
        _write_parts(fresh, work, computed, chosen, run.sources.scheme)
    reading = Reading(run.sources.lake, Engine(run.sources.engine))
    steps.write_bytes(fresh / WORDS, rfc8785.dumps(words(run.sources, reading)))
    secret = ledger.salt_secret(run.home / "keys")
    key = ledger.month_key(secret, str(run.month), facts["supplement"])
    leaves = ledger.leaves(ledger.row_slices(fresh), key)
    steps.write_bytes(fresh / ledger.LEAVES, leaves)
    head = Head(
        sequence=len(ledger.folders(run.home)),
        month=str(run.month),
        supplement=facts["supplement"],
        rows=pq.read_metadata(fresh / ledger.RESULTS).num_rows,
        root=ledger.root(leaves),
        scheme=run.sources.scheme.digest,
        manifest=ledger.write_manifest(fresh, facts),
        lake=facts["inputs"]["lake"],
        previous=ledger.newest_digest(run.home),
    )
    ledger.write_head(fresh, head, signing.signing_key(run.home / "keys", PUBLISHER))


def _link_parts(fresh: Path, work: Path, computed: _Computed, scheme: Scheme) -> None:
    """The files of a month sealed whole, as they were worked out."""
    for folder, name in (("scored", VECTORS), ("cited", EVIDENCE), ("results", ledger.RESULTS)):
        os.link(work / folder / name, fresh / name)
    _write_contributions(fresh, computed.explained.parts, scheme)


def _write_parts(fresh: Path, work: Path, computed: _Computed, chosen: Path, scheme: Scheme) -> None:
    """The files of a supplement: rows that changed, with their vectors, contributions and evidence only."""
    rows = pa.concat_tables(ledger.row_slices(chosen))
    used = np.unique(rows["vector"].drop_null().to_numpy())
    place = pc.index_in(rows["vector"], pa.array(used, pa.int32()))
    _write_rows(fresh, [rows.set_column(rows.column_names.index("vector"), "vector", place)])
    entity = rows["entity"].combine_chunks()
    for folder, name in (("scored", VECTORS), ("cited", EVIDENCE)):
        kept = (part.filter(pc.is_in(part["entity"], entity)) for part in ledger.slices(work / folder / name))
        write_table(pa.concat_tables(kept), fresh / name)
    _write_contributions(fresh, [computed.explained.of_vectors(used.astype(np.int64))], scheme)


def _write_contributions(fresh: Path, parts: Iterable[Contributions], scheme: Scheme) -> None:
    schema = pa.schema([(name, pa.float32()) for name in scheme.columns])
    path = fresh / CONTRIBUTIONS
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as writer:
        for part in parts:
            columns = [pa.array(np.ascontiguousarray(column)) for column in part.T]
            writer.write_table(pa.table(columns, schema=schema), row_group_size=GROUP)
