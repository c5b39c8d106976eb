"""What helpers do for a month: every portion of the entities, or of their bin vectors, a step of its own."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from features import steps
from features.asof import Month
from features.crew import Crew, Task
from features.engine import EMBEDDED, SPARK, kind_of
from features.matrix import beside, looking_at_everyone, wide
from features.profile import read_profile
from features.records.lake import Lake
from serving import citations, classification, contributions, ledger, pieces
from serving.classification import Sources
from serving.contributions import WHICH, Explained
from serving.results import Part, Results, SealedMonth, publisher_key
from serving.visibility import internal_values
from training.explain import CHUNK, Codes
from training.facts import Movers, Previous, Span, new_facts
from training.scheme import Scheme

PORTION = 250_000  # entity keys of a portion
# Ranges of bin vectors are wider where most are kept, for a call of the explainer costs the same start for few as for
# many; but there are enough of them for all helpers, and how many must not depend on these.
WIDER, FEWEST = 3, 6
ROLL, INTERNAL, CLASSES, STATES = "roll", "internal", "classes", "states"  # tables of everybody
BOUNDS = "bounds.json"
QUERIED = "queried"  # the step in which a cluster runs the queries of the matrix
Words = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Site:
    """A month under way: its sources, the home, the folder of its steps with their inputs, and the month before."""

    sources: Sources
    home: Path
    work: Path
    inputs: Mapping[str, Any]
    before: str | None

    @classmethod
    def told(cls, words: Words) -> "Site":
        """The site another process told of; what is read of it is kept until it tells of another."""
        key = steps.key_of(words)
        if key not in _OPEN:
            _OPEN.clear()
            _OPEN[key] = cls._opened(words)
        return _OPEN[key]

    @classmethod
    def _opened(cls, words: Words) -> "Site":
        profile = read_profile(words["profile"], words["sector"])
        home, work = Path(words["home"]), Path(words["work"])
        scheme = Scheme.told(work / "scheme", words["scheme"])
        as_of = date.fromisoformat(words["as_of"])
        sources = Sources.under(scheme, Lake(Path(words["lake"]), profile), as_of, words["engine"])
        sources = replace(sources, made=Path(words["made"]) if words["made"] else None)
        return cls(sources, home, work, words["inputs"], words["before"])

    def words(self) -> Words:
        """What other processes are told; told in this process, they lead back to this very site."""
        profile = self.sources.lake.profile
        found = {
            "profile": str(profile.folder.absolute()),
            "sector": profile.sector,
            "lake": str(self.sources.lake.home.absolute()),
            "home": str(self.home.absolute()),
            "work": str(self.work.absolute()),
            "scheme": self.sources.scheme.digest,
            "as_of": self.sources.as_of.isoformat(),
            "engine": self.sources.engine,
            "made": str(self.sources.made.absolute()) if self.sources.made else None,
            "inputs": dict(self.inputs),
            "before": self.before,
        }
        _OPEN.clear()
        _OPEN[steps.key_of(found)] = self
        return found

    @property
    def known(self) -> Path:
        """The folder of what all portions share."""
        return self.work / "known"

    @property
    def cuts(self) -> Path:
        """The folder of where bin vectors are cut into ranges."""
        return self.work / "cuts"

    def numbered(self, step: str, number: int) -> Path:
        """The folder of a step for one portion."""
        return self.work / f"{step}-{number:03d}"

    @cached_property
    def bounds(self) -> npt.NDArray[np.int64]:
        """Where the bin vectors of every portion are cut into ranges: see ``contributions.ranges``."""
        stated = json.loads((self.cuts / BOUNDS).read_text())
        return np.array(stated, np.int64)

    def bin_vectors(self, number: int) -> Codes:
        """The distinct bin vectors of a portion."""
        return contributions.bin_vectors(self.numbered("scored", number), self.sources.scheme)

    def explained(self, portions: Iterable[int]) -> Explained:
        """What all distinct bin vectors add, left on disk, and which the scored entities of some portions have."""
        scheme, bounds = self.sources.scheme, self.bounds
        folders = [self.numbered("explained", number) for number in range(bounds.shape[1] - 1)]
        vectors = [contributions.bin_vectors(one, scheme) for one in folders]
        found = Explained(vectors, [contributions.added(one, scheme) for one in folders], np.zeros(0, np.int32))
        merged = [np.fromfile(one / WHICH, "<i4") + start for one, start in zip(folders, found.starts, strict=False)]
        sizes = np.diff(bounds, axis=1)
        ends = np.cumsum(sizes, axis=0)
        which = [np.zeros(0, np.int32)]
        for number in portions:
            ranges = [one[end - size : end] for one, end, size in zip(merged, ends[number], sizes[number], strict=True)]
            own = np.fromfile(self.numbered("scored", number) / WHICH, "<i4")
            which.append(np.concatenate(ranges).astype(np.int32)[own])
        return replace(found, which=np.concatenate(which))

    @cached_property
    def parts_before(self) -> tuple[Part, ...]:
        """The parts of the month before, which was verified when the run began."""
        return Results(self.home, publisher_key(self.home)).told(str(self.before), self.inputs["before"])

    @cached_property
    def explained_before(self) -> Part | None:
        """The month before as first sealed, when this scheme explained it and its bin vectors were kept."""
        if self.before is None:
            return None
        part = self.parts_before[0]
        is_ours = part.head.scheme == self.sources.scheme.digest
        return part if is_ours and contributions.has_bins(part.folder, self.sources.scheme) else None


_OPEN: dict[str, Site] = {}


def on_workers(sources: Sources, work: Path) -> Sources:
    """What workers read: with Spark, what its queries found (a step of their own), and the rest as helpers read it."""
    if kind_of(sources.engine) != SPARK:
        return sources
    return replace(sources, engine=EMBEDDED[0], made=work / QUERIED)


def crew(sources: Sources, helpers: int) -> Crew:
    """Who does the portions of a month: workers of a cluster, or so many helpers where there are several portions."""
    if kind_of(sources.engine) != SPARK:
        return Crew(helpers if sources.reading.size > PORTION else 0)
    from features.cluster import SparkCrew

    return SparkCrew(sources.engine)


def shared(site: Site, fresh: Path) -> list[Task]:
    """What all portions share, each part a task."""
    given = {"site": site.words(), "folder": str(fresh)}
    shares = looking_at_everyone(site.sources.definitions)
    tasks = [Task(share, f"{__name__}:depending", {**given, "share": share}, size=2) for share in shares]
    names = ["roll", "internal"] + (["previous"] if site.before else [])
    return tasks + [Task(name, f"{__name__}:{name}", given) for name in names]


def depending(site: Words, folder: str, share: str) -> dict[str, Any]:
    """Write the values of one kind that depend on everyone."""
    of = Site.told(site).sources
    columns = looking_at_everyone(of.definitions)[share]
    found = wide(of.lake, of.definitions, as_of=of.as_of, engine=of.engine, columns=columns)
    pieces.write(pieces.single(Path(folder), share), found, measured=True)
    return {}


def roll(site: Words, folder: str) -> dict[str, Any]:
    """Write everyone known at T."""
    found = classification.roll(Site.told(site).sources)
    pieces.write(pieces.single(Path(folder), ROLL), found)
    return {"rows": found.num_rows}


def internal(site: Words, folder: str) -> dict[str, Any]:
    """Write which values rest on internal records."""
    of = Site.told(site).sources
    found = internal_values(of.lake, of.definitions, as_of=of.as_of, engine=of.engine)
    pieces.write(pieces.single(Path(folder), INTERNAL), found)
    return {}


def previous(site: Words, folder: str) -> dict[str, Any]:
    """Write what the last sealed month held, with the facts that became known since."""
    at = Site.told(site)
    before, profile = SealedMonth(at.parts_before), at.sources.lake.profile
    classes, names = before.classes(), tuple[str, ...]()
    if profile.has("steadiness"):
        movers = Movers.read(profile.dated("steadiness", at.sources.as_of))
        span = Span(Month.parse(before.month).end, at.sources.as_of)
        facts = new_facts(at.sources.reading, movers, span)
        classes, names = classes.join(facts, "entity").sort_by("entity"), movers.states
    pieces.write(pieces.single(Path(folder), CLASSES), classes)
    pieces.write(pieces.single(Path(folder), STATES), before.states(names))
    return {}


def entities(site: Site, step: str, size: int) -> list[Task]:
    """A step (``scored``, ``cited``) for portions of ``size`` entity keys, each a task."""
    words = site.words()
    return [
        _numbered(step, number, min(PORTION, size - low), {"site": words, "low": low, "high": low + PORTION})
        for number, low in enumerate(range(0, size, PORTION))
    ]


def scored(site: Words, number: int, low: int, high: int) -> dict[str, Any]:
    """Score the entities of some keys."""
    at = Site.told(site)

    def make(fresh: Path) -> None:
        before = None
        if at.before is not None:
            before = Previous(*(pieces.between(pieces.single(at.known, name), low, high) for name in (CLASSES, STATES)))
        known = pieces.between(pieces.single(at.known, ROLL), low, high)
        for share in looking_at_everyone(at.sources.definitions):
            known = beside(known, pieces.between(pieces.single(at.known, share), low, high))
        classification.score(fresh, at.sources, known, before)

    steps.run(at.numbered("scored", number), at.inputs, make)
    return {}


def cut(site: Site, fresh: Path, portions: int) -> None:
    """Write where the bin vectors of all portions are cut into ranges."""
    vectors = [site.bin_vectors(number) for number in range(portions)]
    wide = min(CHUNK * WIDER, sum(map(len, vectors)) // FEWEST) if site.explained_before is not None else 0
    found = contributions.ranges(vectors, max(CHUNK, wide))
    steps.write_text(fresh / BOUNDS, json.dumps(found.tolist()))


def explanations(site: Site) -> list[Task]:
    """Ranges of bin vectors, each a task."""
    words, sizes = site.words(), np.diff(site.bounds, axis=1).sum(axis=0).tolist()
    return [_numbered("explained", number, size, {"site": words}) for number, size in enumerate(sizes)]


def explained(site: Words, number: int) -> dict[str, Any]:
    """Explain one range of the bin vectors of all portions, as far as the month before did not."""
    at = Site.told(site)
    before = at.explained_before.folder if at.explained_before is not None else None
    parts = [at.bin_vectors(row)[start:stop] for row, (start, stop) in enumerate(at.bounds[:, number : number + 2])]

    def make(fresh: Path) -> None:
        contributions.explained(fresh, at.sources.scheme, parts, before)

    steps.run(at.numbered("explained", number), at.inputs, make)
    return {}


def cited(site: Words, number: int, low: int, high: int) -> dict[str, Any]:
    """Write the result rows of the entities of some keys, with reasons and the records cited."""
    at = Site.told(site)

    def make(fresh: Path) -> None:
        known, internal = (pieces.between(pieces.single(at.known, name), low, high) for name in (ROLL, INTERNAL))
        portion = citations.Portion(known, internal, at.numbered("scored", number), at.explained([number]))
        citations.cite(fresh, at.sources, portion)

    steps.run(at.numbered("cited", number), at.inputs, make)
    return {}


def digests(site: Site, portions: int, month: str) -> list[Task]:
    """The leaves of every portion, each a task."""
    words = site.words()
    return [_numbered("digested", number, 1, {"site": words, "month": month}) for number in range(portions)]


def digested(site: Words, number: int, month: str) -> dict[str, Any]:
    """Write the leaves of a portion of a month that is sealed whole."""
    at = Site.told(site)
    key = ledger.month_key(ledger.salt_secret(at.home / "keys"), month, 0)

    def make(fresh: Path) -> None:
        rows = pieces.slices(pieces.files(at.numbered("cited", number), ledger.RESULTS))
        (fresh / ledger.LEAVES).write_bytes(ledger.leaves(rows, key))

    steps.run(at.numbered("digested", number), at.inputs, make)
    return {}


def _numbered(step: str, number: int, size: int, given: Mapping[str, Any]) -> Task:
    return Task(f"{step}-{number:03d}", f"{__name__}:{step}", {**given, "number": number}, size=size)
