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
import rfc8785

from features import signing, steps
from features.asof import Month
from features.crew import Crew, Task
from features.profile import ProfileError
from features.records.journal import Entry, Journal
from serving import classification, contributions, ledger, pieces, portions
from serving.citations import RESULT_GROUP
from serving.classification import EVIDENCE, RESULT, SCORED, VECTORS, WORDS, Sources
from serving.contributions import CONTRIBUTIONS, KEPT
from serving.ledger import PUBLISHER, Fault, Head, LedgerError
from serving.portions import Site, crew, on_workers
from serving.results import Results, SealedMonth, publisher_key
from serving.words import words
from training.scheme import Scheme, SchemeError

ACTION = "month"
FORMAT = 6  # of a month's files; part of every step's key
DIGEST = 16  # bytes by which two rows of a supplement are compared
Watch = Callable[[str], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Run:
    """A month to classify: where, from what, by whom, when, for a correction why, and how many helpers share it."""

    month: Month
    home: Path
    sources: Sources
    actor: str
    at: datetime
    correction: str | None = None
    helpers: int = 0

    @property
    def journal(self) -> Journal:
        """The journal of the home."""
        return Journal.of(self.home)


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
    stated = {entry.details["head"]: entry for entry in _publications(Journal.of(home))}
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
    site = Site(on_workers(run.sources, work), run.home, work, inputs, before.month if before else None)
    with crew(run.sources, run.helpers) as helping:
        return _made(_Making(run, site, _States(run, supplement, steps.key_of(inputs)), helping, watch), stands)


@dataclass(frozen=True)
class _Making:
    """A month in the making: the run, its site, the states reached, who helps and who watches."""

    run: Run
    site: Site
    state: "_States"
    crew: Crew
    watch: Watch

    def share(
        self, title: str, what: str, tasks: Callable[[], list[Task]], prepare: Callable[[], object] = lambda: None
    ) -> None:
        """Have some tasks done, and tell whoever watches how many entities (or ``what`` it is) are through."""
        with self.watch(title) as step:
            prepare()
            found = tasks()
            total, done = sum(task.size for task in found), 0

            def heard(task: Task, _: Mapping[str, Any]) -> None:
                nonlocal done
                done += task.size
                if step is not None:
                    step.portion(done, total, what)

            self.crew.run(found, heard)


def _made(making: _Making, stands: SealedMonth | None) -> Published:
    run, site, state = making.run, making.site, making.state
    state.reached("collected", site.inputs)
    computed = _compute(making)
    state.reached("computed", {"rows": computed.rows})
    checked = ("entity", "status", "class", "ruled", "probability")
    counts = classification.check(pieces.slices(computed.files(ledger.RESULTS), checked), run.sources.scheme)
    state.reached("checked", {"counts": counts, "largest_error": f"{computed.error:.3e}"})
    chosen = None
    if stands is not None:
        chosen = site.work / "changed"
        steps.run(chosen, site.inputs, lambda fresh: _write_rows(fresh, _changed(computed, stands)))
        if not pieces.rows(chosen, ledger.RESULTS):
            shutil.rmtree(site.work)
            return _published(stands, made=False, inputs=site.inputs)
    facts = _facts(making, counts, computed)
    folder = ledger.month_folder(run.home, run.month, state.supplement)
    sealing = {**site.inputs, "supplement": state.supplement, "correction": run.correction}
    leaves = partial(portions.digests, site, len(computed.folders) if chosen is None else 0, str(run.month))
    making.share("leaves", "portions", leaves)
    with making.watch("seal"):
        steps.run(folder, sealing, lambda fresh: _seal(fresh, chosen, (computed, facts), run))
    made = Results(run.home, publisher_key(run.home)).month(run.month)
    state.reached("published", _publication(made.head))
    shutil.rmtree(site.work)
    return _published(made, made=True, inputs=site.inputs)


def _facts(making: _Making, counts: Mapping[str, Any], computed: "_Computed") -> dict[str, Any]:
    """What the manifest of a month states beside the digests of its files."""
    run, scheme = making.run, making.run.sources.scheme
    return {
        "inputs": dict(making.site.inputs),
        "supplement": making.state.supplement,
        "as_of": run.sources.as_of.isoformat(),
        "profile": run.sources.lake.profile.name,
        "indicators": {"version": scheme.version, "digest": run.sources.definitions.digest},
        "counts": counts,
        "explained": dict(computed.counts),
        "largest_error": computed.error,
        "base": scheme.base,
        "exposure": dict(zip(scheme.kinds, contributions.exposure(scheme).tolist(), strict=True)),
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
    """The site with everyone's result rows and the contributions they rest on, and the largest additivity error.

    ``counts``: entities scored, distinct bin vectors, and how many of these were explained anew.
    """

    site: Site
    folders: tuple[Path, ...]
    error: float
    counts: Mapping[str, int]

    def files(self, table: str) -> list[Path]:
        """The files of a table of the month, in their order."""
        step = {SCORED: "scored", VECTORS: "scored", CONTRIBUTIONS: "explained"}.get(table, "cited")
        count = self.site.bounds.shape[1] - 1 if step == "explained" else len(self.folders)
        return [path for number in range(count) for path in pieces.files(self.site.numbered(step, number), table)]

    @property
    def rows(self) -> int:
        """How many result rows there are."""
        return sum(pieces.rows(folder, ledger.RESULTS) for folder in self.folders)


def _compute(making: _Making) -> _Computed:
    """The result rows of everyone; every part of the way is a step of its own, done once."""
    site, scheme = making.site, making.run.sources.scheme
    size = site.sources.reading.size
    steps.run(site.work / "scheme", site.inputs, lambda fresh: _write_scheme(fresh, scheme))
    with making.watch("known"):
        steps.run(site.known, site.inputs, lambda fresh: _write_known(making, fresh))
    if site.sources.made is not None:
        with making.watch("queries"):
            steps.run(site.sources.made, site.inputs, making.run.sources.queries.store)
    making.share("scores", "entities", partial(portions.entities, site, "scored", size))
    count = len(range(0, size, portions.PORTION))
    cut = partial(steps.run, site.cuts, site.inputs, lambda fresh: portions.cut(site, fresh, count))
    making.share("contributions", "bin vectors", partial(portions.explanations, site), cut)
    made = _Computed(site, tuple(site.numbered("cited", number) for number in range(count)), *_summed(site, count))
    making.share("reasons", "entities", partial(portions.entities, site, "cited", size))
    return made


def _summed(site: Site, count: int) -> tuple[float, dict[str, int]]:
    """The largest additivity error, and how many vectors were explained."""
    scored = [path for number in range(count) for path in pieces.files(site.numbered("scored", number), SCORED)]
    margins = pa.concat_tables(pieces.slices(scored, ["kind", "margin"]))
    found = site.explained(range(count))
    error = contributions.largest_error(margins, found, site.sources.scheme)
    kept = (np.fromfile(site.numbered("explained", part) / KEPT, "<i4") for part in range(len(found.parts)))
    anew = sum(int((one < 0).sum()) for one in kept)
    return error, {"entities": margins.num_rows, "distinct": int(found.starts[-1]), "anew": anew}


def _write_scheme(folder: Path, scheme: Scheme) -> None:
    for name, content in scheme.files().items():
        steps.write_bytes(folder / name, content)


def _write_known(making: _Making, fresh: Path) -> None:
    if not making.crew.run(portions.shared(making.site, fresh))["roll"]["rows"]:
        raise SchemeError(
            f"Nobody was known on {making.run.month.end}. Nothing was classified; deliver the register, or name a "
            "later month."
        )


def _write_rows(folder: Path, parts: Iterable[pa.Table]) -> None:
    with pieces.writer(folder / pieces.name(ledger.RESULTS, 0), RESULT) as writer:
        for part in parts:
            writer.write_table(part, row_group_size=RESULT_GROUP)


def _changed(computed: _Computed, stands: SealedMonth) -> Iterator[pa.Table]:
    """The rows that differ from those that stand: the place of a contribution vector apart, and columns that did not
    exist when a part was sealed."""
    every = [pieces.columns(part.folder, ledger.RESULTS) for part in stands.parts]
    names = [name for name in RESULT.names if name != "vector" and all(name in held for held in every)]
    held: dict[int, bytes] = {}
    for part in stands.parts:
        for rows in ledger.row_slices(part.folder):
            held.update(_digests(rows, names))
    for rows in pieces.slices(computed.files(ledger.RESULTS)):
        differs = [held.get(entity) != digest for entity, digest in _digests(rows, names)]
        yield rows.filter(pa.array(differs, pa.bool_()))


def _digests(rows: pa.Table, names: list[str]) -> Iterator[tuple[int, bytes]]:
    """Every entity with a short digest of some columns of its row."""
    written = ledger.canonical(rows.select(names)).to_pylist()
    digests = (hashlib.blake2b(row, digest_size=DIGEST).digest() for row in written)
    return zip(rows["entity"].to_pylist(), digests, strict=True)


def _seal(fresh: Path, chosen: Path | None, made: tuple[_Computed, Mapping[str, Any]], run: Run) -> None:
    """Write the files of the month, its leaves, its manifest and its signed head; ``chosen`` holds the rows of a
    supplement."""
    computed, facts = made
    if chosen is None:
        leaves = _link_parts(fresh, computed)
    else:
        _write_parts(fresh, computed, chosen)
        secret = ledger.salt_secret(run.home / "keys")
        key = ledger.month_key(secret, str(run.month), facts["supplement"])
        leaves = ledger.leaves(ledger.row_slices(fresh), key)
    steps.write_bytes(fresh / WORDS, rfc8785.dumps(words(run.sources, run.sources.reading)))
    steps.write_bytes(fresh / ledger.LEAVES, leaves)
    head = Head(
        sequence=len(ledger.folders(run.home)),
        month=str(run.month),
        supplement=facts["supplement"],
        rows=pieces.rows(fresh, ledger.RESULTS),
        root=ledger.root(leaves),
        scheme=run.sources.scheme.digest,
        manifest=ledger.write_manifest(fresh, facts),
        lake=facts["inputs"]["lake"],
        previous=ledger.newest_digest(run.home),
    )
    ledger.write_head(fresh, head, signing.signing_key(run.home / "keys", PUBLISHER))


def _link_parts(fresh: Path, computed: _Computed) -> bytes:
    """The files of a month sealed whole, as they were worked out; its leaves."""
    for table in (VECTORS, CONTRIBUTIONS, EVIDENCE, ledger.RESULTS):
        for number, path in enumerate(computed.files(table)):
            os.link(path, fresh / pieces.name(table, number))
    folders = (computed.site.numbered("digested", number) for number in range(len(computed.folders)))
    return b"".join((folder / ledger.LEAVES).read_bytes() for folder in folders)


def _write_parts(fresh: Path, computed: _Computed, chosen: Path) -> None:
    """The files of a supplement: rows that changed, with their vectors, contributions and evidence only."""
    rows, scheme = pieces.read(chosen, ledger.RESULTS), computed.site.sources.scheme
    used = np.unique(rows["vector"].drop_null().to_numpy())
    place = pc.index_in(rows["vector"], pa.array(used, pa.int32()))
    _write_rows(fresh, [rows.set_column(rows.column_names.index("vector"), "vector", place)])
    entity = rows["entity"].combine_chunks()
    for table in (VECTORS, EVIDENCE):
        kept = (part.filter(pc.is_in(part["entity"], entity)) for part in pieces.slices(computed.files(table)))
        pieces.write(fresh / pieces.name(table, 0), pa.concat_tables(kept), measured=table == VECTORS)
    found = computed.site.explained([])
    vectors, added = found.bins_of(used), found.of_vectors(used)
    contributions.write_contributions(fresh / pieces.name(CONTRIBUTIONS, 0), scheme, vectors, added)
