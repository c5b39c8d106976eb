"""What helpers do for a month: every portion of the entities, or of their bin vectors, a step of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from features import steps
from features.asof import Month
from features.crew import Task
from features.indicators.catalogue import load
from features.matrix import beside, looking_at_everyone, wide
from features.profile import ProfileError, read_profile
from features.records.lake import Lake
from serving import citations, classification, ledger, pieces
from serving.classification import BINS, CONTRIBUTIONS, WHICH, Explained, Previous, Sources
from serving.results import Part, Results, publisher_key
from serving.visibility import internal_values
from training.explain import CHUNK, Codes
from training.facts import Movers, Span, new_facts
from training.scheme import Scheme

PORTION = 250_000  # entity keys of a portion
ROLL, INTERNAL, CLASSES, STATES = "roll.parquet", "internal.parquet", "classes.parquet", "states.parquet"
KEPT = "kept.bin"  # of every distinct bin vector its place in the month before
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
        profile, home, work = read_profile(words["profile"]), Path(words["home"]), Path(words["work"])
        definitions = load(profile)
        if definitions.digest != words["definitions"]:
            raise ProfileError(
                f"The indicators of {profile.folder} were changed while a month was under way. Nothing was published; "
                "run the same command again."
            )
        scheme = Scheme.told(work / "scheme", words["scheme"])
        as_of = date.fromisoformat(words["as_of"])
        sources = Sources(Lake(home, profile), definitions, scheme, as_of, words["engine"])
        return cls(sources, home, work, words["inputs"], words["before"])

    def words(self) -> Words:
        """What other processes are told; told in this process, they lead back to this very site."""
        found = {
            "profile": str(self.sources.lake.profile.folder.absolute()),
            "home": str(self.home.absolute()),
            "work": str(self.work.absolute()),
            "definitions": self.sources.definitions.digest,
            "scheme": self.sources.scheme.digest,
            "as_of": self.sources.as_of.isoformat(),
            "engine": self.sources.engine,
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
    def vectors(self) -> Path:
        """The folder of all distinct bin vectors."""
        return self.work / "vectors"

    def numbered(self, step: str, number: int) -> Path:
        """The folder of a step for one portion."""
        return self.work / f"{step}-{number:03d}"

    @cached_property
    def distinct(self) -> Codes:
        """All distinct bin vectors, left on disk."""
        return classification.bin_vectors(self.vectors, self.sources.scheme)

    @cached_property
    def explained(self) -> Explained:
        """What the distinct bin vectors add, left on disk, and which each scored entity has."""
        folders = [self.numbered("explained", number) for number in range(len(range(0, len(self.distinct), CHUNK)))]
        which = np.fromfile(self.vectors / WHICH, "<i4")
        return Explained([classification.added(one, self.sources.scheme) for one in folders], which)

    @cached_property
    def explained_before(self) -> Part | None:
        """The month before as first sealed, when this scheme explained it and its bin vectors were kept."""
        if self.before is None:
            return None
        part = Results(self.home, publisher_key(self.home)).month(self.before).parts[0]
        is_ours = part.head.scheme == self.sources.scheme.digest
        return part if is_ours and BINS in pieces.columns(part.folder, CONTRIBUTIONS) else None


_OPEN: dict[str, Site] = {}


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
    pieces.write(Path(folder) / f"{share}.parquet", found, measured=True)
    return {}


def roll(site: Words, folder: str) -> dict[str, Any]:
    """Write everyone known at T."""
    found = classification.roll(Site.told(site).sources)
    pieces.write(Path(folder) / ROLL, found)
    return {"rows": found.num_rows}


def internal(site: Words, folder: str) -> dict[str, Any]:
    """Write which values rest on internal records."""
    of = Site.told(site).sources
    found = internal_values(of.lake, of.definitions, as_of=of.as_of, engine=of.engine)
    pieces.write(Path(folder) / INTERNAL, found)
    return {}


def previous(site: Words, folder: str) -> dict[str, Any]:
    """Write what the last sealed month held, with the facts that became known since."""
    at = Site.told(site)
    before = Results(at.home, publisher_key(at.home)).month(str(at.before))
    profile = at.sources.lake.profile
    classes, names = before.classes(), tuple[str, ...]()
    if profile.has("steadiness"):
        movers = Movers.read(profile.dated("steadiness", at.sources.as_of))
        span = Span(Month.parse(before.month).end, at.sources.as_of)
        facts = new_facts(at.sources.reading, movers, span)
        classes, names = classes.join(facts, "entity").sort_by("entity"), movers.states
    pieces.write(Path(folder) / CLASSES, classes)
    pieces.write(Path(folder) / STATES, before.states(names))
    return {}


def scores(site: Site, size: int) -> list[Task]:
    """Portions of ``size`` entity keys, each a task."""
    words = site.words()
    return [
        _numbered("scored", number, min(PORTION, size - low), {"site": words, "low": low, "high": low + PORTION})
        for number, low in enumerate(range(0, size, PORTION))
    ]


def scored(site: Words, number: int, low: int, high: int) -> dict[str, Any]:
    """Score the entities of some keys."""
    at = Site.told(site)

    def make(fresh: Path) -> None:
        before = None
        if at.before is not None:
            before = Previous(*(pieces.between(at.known / name, low, high) for name in (CLASSES, STATES)))
        known = pieces.between(at.known / ROLL, low, high)
        for share in looking_at_everyone(at.sources.definitions):
            known = beside(known, pieces.between(at.known / f"{share}.parquet", low, high))
        classification.score(fresh, at.sources, known, before)

    steps.run(at.numbered("scored", number), at.inputs, make)
    return {}


def merging(site: Site, portions: int) -> Task:
    """The bin vectors of all portions brought together: a task, so that a helper's memory is used again for it."""
    return Task("vectors", f"{__name__}:vectors", {"site": site.words(), "portions": portions})


def vectors(site: Words, portions: int) -> dict[str, Any]:
    """Write the distinct bin vectors of all portions, which each entity has, and their places in the month before."""
    at = Site.told(site)
    before = at.explained_before

    def make(fresh: Path) -> None:
        folders = [at.numbered("scored", number) for number in range(portions)]
        classification.together(fresh, at.sources.scheme, folders)
        found = classification.bin_vectors(fresh, at.sources.scheme)
        place = np.full(len(found), -1, "<i4") if before is None else classification.kept(found, before.folder)
        place.astype("<i4").tofile(fresh / KEPT)

    steps.run(at.vectors, at.inputs, make)
    return {}


def explanations(site: Site) -> list[Task]:
    """Parts of ``CHUNK`` distinct bin vectors, each a task."""
    words, count = site.words(), len(site.distinct)
    return [
        _numbered("explained", number, min(CHUNK, count - start), {"site": words})
        for number, start in enumerate(range(0, count, CHUNK))
    ]


def explained(site: Words, number: int) -> dict[str, Any]:
    """Explain some distinct bin vectors, as far as the month before did not."""
    at = Site.told(site)
    part = slice(number * CHUNK, (number + 1) * CHUNK)
    before = at.explained_before.folder if at.explained_before is not None else None
    place = np.fromfile(at.vectors / KEPT, "<i4")[part]

    def make(fresh: Path) -> None:
        classification.explained(fresh, at.sources.scheme, at.distinct[part], (place, before))

    steps.run(at.numbered("explained", number), at.inputs, make)
    return {"anew": int((place < 0).sum())}


def citations_of(site: Site, size: int) -> list[Task]:
    """The portions again, to be given reasons: each with its place among all scored entities."""
    words, tasks, start = site.words(), [], 0
    for number, low in enumerate(range(0, size, PORTION)):
        count = (site.numbered("scored", number) / WHICH).stat().st_size // 4
        given = {"site": words, "low": low, "high": low + PORTION, "start": start, "count": count}
        tasks.append(_numbered("cited", number, min(PORTION, size - low), given))
        start += count
    return tasks


def cited(site: Words, number: int, low: int, high: int, start: int, count: int) -> dict[str, Any]:
    """Write the result rows of the entities of some keys, with reasons and the records cited."""
    at = Site.told(site)
    explained = Explained(at.explained.parts, at.explained.which[start : start + count])
    known, internal = (pieces.between(at.known / name, low, high) for name in (ROLL, INTERNAL))
    portion = citations.Portion(known, internal, at.numbered("scored", number), explained)
    steps.run(at.numbered("cited", number), at.inputs, lambda fresh: citations.cite(fresh, at.sources, portion))
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
