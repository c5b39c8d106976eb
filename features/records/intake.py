"""Intake: deliveries into the lake, every row counted, and all of it or nothing when the machine stops half-way."""

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from features.crew import Crew, Task
from features.profile import ProfileError
from features.records.delivery import DeliveryError
from features.records.generation import NEXT, Generation, LakeError, LakeFile, make_current, write_next
from features.records.journal import Journal
from features.records.lake import REGISTER, Lake
from features.records.landing import keep_register, signs
from features.records.matching import REGISTER_TYPE
from features.records.runs import tables_of
from features.records.schema import RecordType
from features.records.site import Site
from features.records.sorting import Due, Told, due, sheaves
from features.steps import lock

__all__ = ["DeliveryError", "Progress", "Receipt", "recover", "take", "verify"]

ACTION, OPERATOR = "intake", "operator"
STAGING = ".staging"
LARGE = 16 << 20  # bytes of deliveries: less is done sooner than helpers have started
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Receipt:
    """What became of one delivery: sent = accepted + duplicate + rejected + unmatched; all 0 when refused."""

    delivery: str
    sent: int = 0
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    unmatched: int = 0
    rejects: Mapping[str, int] = field(default_factory=dict)
    refused: str | None = None
    problem: str | None = None
    warnings: tuple[str, ...] = ()
    late: int = 0

    def __post_init__(self) -> None:
        counted = self.accepted + self.duplicate + self.rejected + self.unmatched
        if self.sent != counted or self.rejected != sum(self.rejects.values()):
            raise AssertionError(f"Delivery {self.delivery}: {self.sent} rows sent, {counted} accounted for.")


def take(
    deliveries: Sequence[Path],
    *,
    lake: Lake,
    journal: Journal,
    recorded_at: datetime,
    progress: Progress | None = None,
    helpers: int = 0,
) -> list[Receipt]:
    """A receipt for each delivery, in their order; what they brought is in the lake when this returns.

    The register is read from all deliveries first, then every other row finds its entity. One journal entry carries
    all receipts and names the new generation of the lake: a kill before it leaves everything as it was, and the same
    command ends in the same lake. Taken again, a delivery's rows are duplicates. ``helpers`` processes share the work
    of large deliveries; how many there are changes no byte of the lake.
    """
    how = _How(progress or _silent, helpers)
    with lock(lake.home, ACTION):
        recover(lake.home, journal)
        lake.reopen()
        staging = _emptied(lake.folder / STAGING)
        try:
            receipts = _taken(deliveries, Site(lake.profile.folder, lake.home, staging, recorded_at), journal, how)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        recover(lake.home, journal)
        lake.reopen()
        lake.export_queue()
    return receipts


def _taken(deliveries: Sequence[Path], site: Site, journal: Journal, how: "_How") -> list[Receipt]:
    """The receipts, when the next generation is written and the journal names it."""
    waiting = due(deliveries, site.profile, site.lake.types())
    is_large = sum(one.bytes for one in waiting) >= LARGE
    with Crew(how.helpers if is_large else 0) as crew:
        work = _Work(crew, site, how.progress)
        told, staged = work.sort(waiting)
        _say_repeated(told, journal)
        following, landed = work.land(staged, told)
    receipts = [_receipt(one, landed.counts.get(one.number, {})) for one in told]
    write_next(site.lake.folder, following)
    entry = _entry(following, landed.rematched, receipts, told)
    journal.append(ACTION, entry, at=site.recorded_at, actor=OPERATOR)
    return receipts


@dataclass(frozen=True)
class _How:
    """Who hears of the progress, and how many helpers share the work."""

    progress: Progress
    helpers: int


@dataclass
class _Landed:
    """What the rows of all types were to the lake, by delivery, and how many left the queue."""

    counts: dict[int, dict[str, int]] = field(default_factory=dict)
    rematched: int = 0

    def add(self, answer: Mapping[str, Any]) -> None:
        self.rematched += answer["rematched"]
        for number, counts in answer["counts"].items():
            own = self.counts.setdefault(int(number), {})
            for name, rows in counts.items():
                own[name] = own.get(name, 0) + rows


@dataclass(frozen=True)
class _Work:
    """The work of one intake, shared out: deliveries are sorted by sheaf, then landed by record type."""

    crew: Crew
    site: Site
    report: Progress

    @cached_property
    def _words(self) -> dict[str, str]:
        return self.site.words

    def sort(self, waiting: Sequence[Due]) -> tuple[list[Told], dict[str, list[Path]]]:
        """What became of every delivery, and where the sound rows lie by record type."""
        tasks = []
        for number, sheaf in enumerate(sheaves(waiting)):
            rows = [(one.number, str(one.folder), one.first_file) for one in sheaf]
            given = {"site": self._words, "sheaf": f"{number:04d}", "deliveries": rows}
            size = sum(one.bytes for one in sheaf)
            tasks.append(Task(f"{number:04d}", "features.records.sorting:sort", given, size))
        answers = self.crew.run(tasks, _Portions(self.report, "read, MiB", tasks, 1 << 20))
        told = [Told(**one) for name in sorted(answers) for one in answers[name]["told"]]
        staged: dict[str, list[Path]] = {}
        for name in sorted(answers):
            for record_type, paths in answers[name]["staged"].items():
                staged.setdefault(record_type, []).extend(map(Path, paths))
        return sorted(told, key=lambda one: one.number), staged

    def land(self, staged: Mapping[str, Sequence[Path]], told: Sequence[Told]) -> tuple[Generation, _Landed]:
        """The next generation: sound rows of deliveries not refused, and what the queue now has an entity for."""
        refused = [one.number for one in told if one.refused is not None]
        types = self.site.lake.types()
        _check_parents(types)
        tables = dict(self.site.lake.generation.tables)
        grown = self._register(staged.get(REGISTER_TYPE, ()), refused)
        tasks = [self._landing(record_type, staged.get(name, ()), refused) for name, record_type in types.items()]
        if grown is not None:
            tasks.append(grown)
        portions = _Portions(self.report, "land, MiB", tasks, 1 << 20)
        landed, arrived = _Landed(), dict[str, list[str]]()

        def done(task: Task, answer: Mapping[str, Any]) -> dict[str, Any]:
            portions(task, answer)
            landed.add(answer)
            arrived.update(answer["arrived"])
            for table in tables_of(task.name):
                tables.pop(table, None)
            tables.update({name: tuple(LakeFile(**file) for file in files) for name, files in answer["tables"].items()})
            return {"arrived": arrived}

        self.crew.run(tasks, done)
        return Generation(self.site.lake.generation.number + 1, tables), landed

    def _landing(self, record_type: RecordType, staged: Sequence[Path], refused: Sequence[int]) -> Task:
        given = {
            "site": self._words,
            "record_type": record_type.name,
            "staged": [str(path) for path in staged],
            "refused": list(refused),
            "arrived": {},
        }
        after = () if record_type.parent is None else (record_type.parent.record_type,)
        size = sum(path.stat().st_size for path in staged)
        return Task(record_type.name, "features.records.landing:land", given, size, after)

    def _register(self, staged: Sequence[Path], refused: Sequence[int]) -> Task | None:
        """The register kept where every helper finds it, and the task to write it when it has grown."""
        self.report("register", 0, 1)
        found = signs(self.site, self.site.lake.types()[REGISTER_TYPE], staged, refused)
        register = self.site.lake.entities()
        known = register.aliases.height
        register = register.extended(found) if found.height else register
        size = keep_register(register, self.site.staging)
        given = {"site": self._words, "known": known}
        return Task(REGISTER, "features.records.landing:write_register", given, size) if found.height else None


def _check_parents(types: Mapping[str, RecordType]) -> None:
    """Nothing when every record type has an end to its line of parents; ProfileError names those that have none."""
    rooted: set[str] = set()
    while found := [
        one.name
        for one in types.values()
        if one.name not in rooted and (one.parent is None or one.parent.record_type in rooted)
    ]:
        rooted.update(found)
    if types.keys() - rooted:
        raise ProfileError(f"Record types {', '.join(sorted(types.keys() - rooted))} are each other's parents.")


class _Portions:
    """Reports how much of some tasks is done, by their size."""

    def __init__(self, report: Progress, step: str, tasks: Sequence[Task], unit: int) -> None:
        self._report = report
        self._step = step
        self._unit = unit
        self._total = sum(task.size for task in tasks)
        self._done = 0
        report(step, 0, self._total // unit)

    def __call__(self, task: Task, _: Mapping[str, Any]) -> None:
        self._done += task.size
        self._report(self._step, self._done // self._unit, self._total // self._unit)


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _say_repeated(found: Sequence[Told], journal: Journal) -> None:
    taken = {
        receipt["delivery"]
        for entry in journal.entries(ACTION)
        for receipt in entry.details["deliveries"]
        if receipt["refused"] is None
    }
    for delivery in found:
        if delivery.name in taken and delivery.refused is None:
            delivery.warnings.append("a delivery of this name was taken before; rows it brought then are duplicates")


def _receipt(found: Told, counts: Mapping[str, int]) -> Receipt:
    if found.refused is not None:
        return Receipt(found.name, refused=found.refused, problem=found.problem)
    return Receipt(
        delivery=found.name,
        sent=found.sent,
        accepted=counts.get("accepted", 0),
        duplicate=counts.get("duplicate", 0),
        rejected=sum(found.rejects.values()),
        unmatched=counts.get("unmatched", 0),
        rejects=found.rejects,
        warnings=tuple(found.warnings),
        late=found.late,
    )


def _entry(following: Generation, rematched: int, receipts: Sequence[Receipt], found: Sequence[Told]) -> dict[str, Any]:
    return {
        "generation": following.number,
        "lake": _text_digest(following.text()),
        "rematched": rematched,
        "deliveries": [
            {
                **asdict(receipt),
                "warnings": list(receipt.warnings),
                "manifest": one.manifest,
                "source": one.source,
                "backload": one.backload,
                "period": one.period,
                "rejects_by_type": one.rejects_by_type,
            }
            for receipt, one in zip(receipts, found, strict=True)
        ],
    }


def recover(home: Path, journal: Journal) -> None:
    """Nothing; a written generation becomes current when the journal names it, and is dropped when it does not."""
    following = home / "lake" / NEXT
    if not following.is_file():
        return
    last = journal.last(ACTION)
    if last is not None and last.details["lake"] == _text_digest(following.read_text(encoding="utf-8")):
        make_current(home / "lake")
    else:
        following.unlink()


def verify(lake: Lake, journal: Journal) -> int:
    """How many files of the lake hold; JournalError when the journal or a file is damaged, or they disagree.

    The lake must be the one the newest intake entry names: files exchanged together with their list are found too.
    """
    last = journal.last(ACTION)
    named = Generation().text() if last is None else last.details["lake"]
    stands = lake.generation.text()
    if named not in (stands, _text_digest(stands)):
        raise LakeError(
            f"{lake.folder}: generation {lake.generation.number} is not the one the journal names. Expected the lake "
            "of the newest intake. Nothing was changed. If an intake was interrupted, run it again; else restore the "
            "lake and the journal from one copy."
        )
    return lake.verify()


def _text_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _silent(step: str, done: int, total: int) -> None:
    """Progress nobody asked for."""
