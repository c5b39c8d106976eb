"""The monthly classification: collected, computed, checked, published; resumed after a kill, sealed once."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import rfc8785

from features import signing, steps
from features.asof import Month
from features.engine import Engine
from features.profile import ProfileError
from features.reading import Reading
from features.records.journal import Entry, Journal
from serving import citations, classification, ledger
from serving.classification import (
    CONTRIBUTIONS,
    EVIDENCE,
    REASONED,
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
from training.scheme import SchemeError

PUBLISHER = "publisher"  # the name of the key that signs sealed months
ACTION = "month"
FORMAT = 1  # of a month's files; part of every step's key
RESULT_GROUP = 5_000
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
    state.reached("computed", {"rows": computed.results.num_rows})
    counts = classification.check(computed.results, run.sources.scheme)
    state.reached("checked", {"counts": counts, "largest_error": f"{computed.error:.3e}"})
    chosen = computed.results if stands is None else _changed(computed.results, stands)
    if stands is not None and not chosen.num_rows:
        shutil.rmtree(work)
        return _published(stands, made=False, inputs=inputs)
    facts = _facts(run, inputs, (counts, computed.error), supplement)
    with watch("seal"):
        folder = ledger.month_folder(run.home, run.month, supplement)
        sealing = {**inputs, "supplement": supplement, "correction": run.correction}
        steps.run(folder, sealing, lambda fresh: _seal(fresh, chosen, (work, facts), run))
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
    results: pa.Table
    error: float


def _compute(work: Path, run: Run, inputs: Mapping[str, Any], before: SealedMonth | None, watch: Watch) -> _Computed:
    """The result rows of everyone; every part of the way is a step of its own, done once."""
    sources, scored = run.sources, work / "scored"
    with watch("scores"):
        previous = None if steps.is_done(scored, inputs) else _previous(run, before)
        steps.run(scored, inputs, lambda fresh: classification.score(fresh, sources, previous))
    with watch("contributions"):
        vectors, which = classification.bin_vectors(scored, sources.scheme)
        chunks = [work / f"explained-{start:010d}" for start in range(0, len(vectors), CHUNK)]
        for number, chunk in enumerate(chunks):
            part = vectors[number * CHUNK : (number + 1) * CHUNK]
            steps.run(chunk, inputs, partial(classification.explained, scheme=sources.scheme, vectors=part))
        found = Explained(_contributions(chunks), which)
        rows = read_table(scored / SCORED)
        error = classification.largest_error(rows, found, sources.scheme)
    with watch("reasons"):
        cited = work / "cited"
        steps.run(cited, inputs, lambda fresh: citations.cite(fresh, sources, scored, found))
    return _Computed(classification.rows(sources, rows, read_table(cited / REASONED), which), error)


def _contributions(chunks: list[Path]) -> Contributions:
    tables = [read_table(chunk / CONTRIBUTIONS) for chunk in chunks]
    return np.concatenate([np.column_stack([column.to_numpy() for column in table.columns]) for table in tables])


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


def _changed(results: pa.Table, stands: SealedMonth) -> pa.Table:
    """The rows that differ from those that stand (the place of a contribution vector apart)."""
    held = _canonical(pa.concat_tables([ledger.read_rows(part.folder) for part in stands.parts]))
    own = _canonical(results)
    entity = results["entity"].to_pylist()
    return results.filter(pa.array([held.get(key) != own[key] for key in entity], pa.bool_()))


def _canonical(rows: pa.Table) -> dict[int, bytes]:
    bytes_of = ledger.canonical(rows.drop_columns(["vector"])).to_pylist()
    return dict(zip(rows["entity"].to_pylist(), bytes_of, strict=True))


def _seal(fresh: Path, results: pa.Table, made: tuple[Path, Mapping[str, Any]], run: Run) -> None:
    """Write the files of the month, its leaves, its manifest and its signed head."""
    work, facts = made
    sealed_rows = _write_parts(fresh, results, work)
    write_table(sealed_rows, fresh / ledger.RESULTS, group=RESULT_GROUP)
    reading = Reading(run.sources.lake, Engine(run.sources.engine))
    steps.write_bytes(fresh / WORDS, rfc8785.dumps(words(run.sources, reading)))
    secret = ledger.salt_secret(run.home / "keys")
    leaves = ledger.leaves(sealed_rows, ledger.month_key(secret, str(run.month), facts["supplement"]))
    steps.write_bytes(fresh / ledger.LEAVES, leaves)
    head = Head(
        sequence=len(ledger.folders(run.home)),
        month=str(run.month),
        supplement=facts["supplement"],
        rows=sealed_rows.num_rows,
        root=ledger.root(leaves),
        scheme=run.sources.scheme.digest,
        manifest=ledger.write_manifest(fresh, facts),
        lake=facts["inputs"]["lake"],
        previous=ledger.newest_digest(run.home),
    )
    ledger.write_head(fresh, head, signing.signing_key(run.home / "keys", PUBLISHER))


def _write_parts(fresh: Path, results: pa.Table, work: Path) -> pa.Table:
    """Put vectors, contributions and evidence of the sealed entities beside their rows; the rows as sealed."""
    entity = results["entity"]
    for source, name in ((work / "scored", VECTORS), (work / "cited", EVIDENCE)):
        table = read_table(source / name)
        kept = table.filter(pc.is_in(table["entity"], entity.combine_chunks()))
        if kept.num_rows == table.num_rows:
            os.link(source / name, fresh / name)
        else:
            write_table(kept, fresh / name)
    contributions = pa.concat_tables([read_table(chunk / CONTRIBUTIONS) for chunk in sorted(work.glob("explained-*"))])
    used = np.unique(results["vector"].drop_null().to_numpy())
    write_table(contributions.take(pa.array(used)), fresh / CONTRIBUTIONS)
    place = pc.index_in(results["vector"], pa.array(used, pa.int32()))
    return results.set_column(results.column_names.index("vector"), "vector", place)
