"""Results of inspections that officers send: judged as records are, kept, and delivered to the lake's intake."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import func, select, update

from features.profile import Profile, ProfileError
from features.records.checks import judge
from features.records.delivery import MANIFEST
from features.records.journal import Journal
from features.records.reading import FILE_NO, LINE, RAW
from features.records.schema import RecordType, record_types
from features.records.terms import Terms
from features.records.values import TEXT_LENGTH
from features.steps import lock, sync_folder, write_text
from serving.store import Store, in_utc
from serving.tables import INSPECTION_RESULTS

FILE, ACTION = "returns", "returns"
Fields = Mapping[str, str | None]
Fault = tuple[str, str]  # a place within the result, and what is wrong there


@dataclass(frozen=True)
class Result:
    """An inspection of an entity and what it found, fields as text; ``item`` is the collection item it belongs to."""

    entity: str
    inspection: Fields
    findings: tuple[Fields, ...] = ()
    item: str | None = None


@dataclass(frozen=True)
class Feedback:
    """How a profile takes results of inspections: their record type, that of findings, and their source."""

    profile: Profile
    source: str
    item: str
    record: RecordType
    finding: RecordType

    @classmethod
    def read(cls, profile: Profile) -> "Feedback | None":
        """What ``returns.yaml`` says; nothing where it takes no results; a sector has no records."""
        if profile.sector is not None or not profile.has(FILE):
            return None
        stated, types = profile.table(FILE), record_types(profile)
        try:
            record, finding = types[stated["record"]], types[stated["finding"]]
            found = cls(profile, str(stated["source"]), str(stated["item"]), record, finding)
        except (KeyError, TypeError) as fault:
            raise ProfileError(
                f"{FILE}.yaml of profile {profile.name}: {fault} is missing or no record type; expected source, item, "
                "record and finding. Nothing was done; correct it."
            ) from None
        parent = finding.parent
        if parent is None or parent.record_type != record.name or record.key != (parent.key,):
            raise ProfileError(
                f"{FILE}.yaml of profile {profile.name}: {finding.name} does not belong to {record.name}; expected its "
                "parent, found by its one key. Nothing was done; correct it."
            )
        return found

    @property
    def number(self) -> str:
        """The field that numbers an inspection."""
        return self.record.key[0]

    @cached_property
    def own_key(self) -> str:
        """The field that numbers a finding within its inspection."""
        return next(name for name in self.finding.key if name != self._parent_field)

    @property
    def _parent_field(self) -> str:
        return self.finding.parent.field if self.finding.parent else ""

    def judge(self, results: Sequence[Result], at: datetime) -> list[list[Fault]]:
        """The faults of every result, as the intake would find them; none for one that is sound."""
        found: list[list[Fault]] = [self._faults_of_form(one) for one in results]
        rows = [(place, "/inspection", self.row(one)) for place, one in enumerate(results)]
        self._judge(rows, Terms(self.profile, self.record, at), found)
        nested = [
            (place, f"/findings/{number}", row)
            for place, one in enumerate(results)
            for number, row in enumerate(self.rows_of_findings(one))
        ]
        self._judge(nested, Terms(self.profile, self.finding, at), found)
        return found

    def row(self, one: Result) -> dict[str, str | None]:
        """An inspection as a row of a delivery."""
        known = {name: value for name, value in one.inspection.items() if name in self.record.fields}
        marks = {"code": one.entity, "item": one.item or self.item, "source_record_no": known.get(self.number)}
        return marks | known

    def rows_of_findings(self, one: Result) -> list[dict[str, str | None]]:
        """The findings of an inspection as rows of a delivery, each with the number of its inspection."""
        number, rows = one.inspection.get(self.number), []
        for stated in one.findings:
            known = {name: value for name, value in stated.items() if name in self.finding.fields}
            known[self._parent_field] = known.get(self._parent_field) or number
            own = f"{number}/{known.get(self.own_key)}"
            rows.append({"item": one.item or self.item, "source_record_no": own, **known})
        return rows

    def _faults_of_form(self, one: Result) -> list[Fault]:
        """What does not fit together before any value is read; names of fields that do not exist stay unsaid."""
        found = [("/inspection", "column_unknown")] if set(one.inspection) - set(self.record.fields) else []
        number, seen = one.inspection.get(self.number), set()
        if number is None:
            found.append((f"/inspection/{self.number}", "required_missing"))
        for place, stated in enumerate(one.findings):
            if set(stated) - set(self.finding.fields):
                found.append((f"/findings/{place}", "column_unknown"))
            if stated.get(self._parent_field) not in {None, number}:
                found.append((f"/findings/{place}/{self._parent_field}", "other_inspection"))
            if stated.get(self.own_key) in seen:
                found.append((f"/findings/{place}/{self.own_key}", "number_repeated"))
            seen.add(stated.get(self.own_key))
        return found

    def _judge(self, rows: Sequence[tuple[int, str, Fields]], terms: Terms, found: list[list[Fault]]) -> None:
        if not rows:
            return
        names = dict.fromkeys(name for _, _, row in rows for name in row)
        columns = {name: pl.Series([row.get(name) for _, _, row in rows], dtype=pl.String) for name in names}
        lines = pl.Series(range(len(rows)), dtype=pl.Int64)
        base = {FILE_NO: pl.Series([0] * len(rows), dtype=pl.Int32), LINE: lines}
        frame = pl.DataFrame({**base, RAW: pl.Series([None] * len(rows), dtype=pl.String), **columns})
        for fault in judge(frame, terms).faulty:
            place, pointer, _ = rows[fault.line]
            for code, name in fault.faults:
                stated = name if name in terms.record_type.fields else None
                where = "/entity" if name == "code" else "/item" if name == "item" else pointer
                found[place].append((f"{pointer}/{stated}" if stated else where, code))

    def record_key(self, one: Result) -> str:
        """What makes a result one fact: the number of its inspection, hashed."""
        return self._key(str(one.inspection[self.number]))

    def told_keys(self, one: Result, org: str) -> Iterator[str]:
        """The keys of the numbers a result can be delivered under: its own, and with its office before it."""
        yield self.record_key(one)
        numbers = (row["source_record_no"] or "" for row in (self.row(one), *self.rows_of_findings(one)))
        if max(len(_of_office(org, number)) for number in numbers) <= TEXT_LENGTH:
            yield self._key(_of_office(org, str(one.inspection[self.number])))

    def _key(self, number: str) -> str:
        return hashlib.sha256(f"{self.record.name}\x1f{number}".encode()).hexdigest()

    def with_office(self, kept: Mapping[str, Any], org: str) -> dict[str, Any]:
        """A kept result under the number that has its office before it."""
        row, findings = kept["row"], kept["findings"]
        return {
            "row": {**row, **{name: _of_office(org, row[name]) for name in (self.number, "source_record_no")}},
            "findings": [
                {**one, **{name: _of_office(org, one[name]) for name in (self._parent_field, "source_record_no")}}
                for one in findings
            ],
        }

    def kept(self, one: Result) -> dict[str, Any]:
        """A result as the store keeps it until it is delivered."""
        return {"row": self.row(one), "findings": self.rows_of_findings(one)}


def _of_office(org: str, number: str) -> str:
    return f"{org}/{number}"


@dataclass(frozen=True)
class Written:
    """A delivery written: its name, its folder and how many rows its files have."""

    delivery: str
    folder: Path
    rows: Mapping[str, int] = field(default_factory=dict)


def deliver(feedback: Feedback, store: Store, home: Path, *, at: datetime) -> list[Written]:
    """The deliveries written, none when no result waits; each in ``deliveries`` of the home, as the intake takes them.

    First the results that wait are marked with the delivery's name, then its folder takes its place whole, then the
    journal names it: a kill anywhere before leaves a delivery that the same command finishes, with the same bytes.
    """
    with lock(home, ACTION):
        journal = Journal.of(home)
        done = {entry.details["delivery"] for entry in journal.entries(ACTION)}
        _mark(feedback, store, at)
        with store.reading() as connection:
            query = select(INSPECTION_RESULTS.c.delivery).where(INSPECTION_RESULTS.c.delivery.is_not(None)).distinct()
            names = sorted(set(connection.execute(query).scalars()) - done)
        written = []
        for name in names:
            made = _write(feedback, store, home / "deliveries" / feedback.source / name)
            manifest = hashlib.sha256((made.folder / MANIFEST).read_bytes()).hexdigest()
            details = {"delivery": name, "manifest": manifest, "rows": dict(made.rows)}
            journal.append(ACTION, details, at=at, actor="operator")
            written.append(made)
        return written


def _mark(feedback: Feedback, store: Store, at: datetime) -> None:
    """Give the results that wait the name of their delivery: it ends with the number of the last of them."""
    waiting = INSPECTION_RESULTS.c.delivery.is_(None)
    with store.writing() as connection:
        last = connection.execute(select(func.max(INSPECTION_RESULTS.c.number)).where(waiting)).scalar()
        if last is not None:
            day = at.astimezone(feedback.profile.zone).date().isoformat()
            name = f"{feedback.source}-{day}-{last:09d}"
            within = INSPECTION_RESULTS.c.number <= last
            connection.execute(update(INSPECTION_RESULTS).where(waiting, within).values(delivery=name))


def _write(feedback: Feedback, store: Store, folder: Path) -> Written:
    """The folder of a delivery, its manifest the last file written into it."""
    fresh = folder.with_name(f".{folder.name}.making")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True, mode=0o700)
    tables: dict[str, list[Mapping[str, Any]]] = {feedback.record.name: [], feedback.finding.name: []}
    for row, findings in _held(feedback, store, folder.name):
        tables[feedback.record.name].append(row)
        tables[feedback.finding.name] += findings
    types = {feedback.record.name: feedback.record, feedback.finding.name: feedback.finding}
    files = [_file(fresh, types[name], rows) for name, rows in tables.items() if rows]
    manifest = {
        "delivery": folder.name,
        "profile": feedback.profile.name,
        "source": feedback.source,
        "period": None,
        "mapping": None,
        "files": files,
    }
    write_text(fresh / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    sync_folder(folder.parent)
    return Written(folder.name, folder, {name: len(rows) for name, rows in tables.items()})


def _held(feedback: Feedback, store: Store, delivery: str) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """The rows of a delivery in the order they were kept, each saying when it came in."""
    columns = INSPECTION_RESULTS.c
    stated = (columns.fields, columns.at, columns.org, columns.record_key != columns.told)
    query = select(*stated).where(columns.delivery == delivery).order_by(columns.number)
    with store.reading() as connection:
        for sent, at, org, is_shared in connection.execute(query):
            kept = feedback.with_office(sent, org) if is_shared else sent
            entered = {"entered_at": in_utc(at).astimezone(feedback.profile.zone).isoformat()}
            yield kept["row"] | entered, [finding | entered for finding in kept["findings"]]


def _file(folder: Path, record_type: RecordType, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    name = f"{record_type.name}.jsonl"
    lines = [json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows]
    content = "".join(lines).encode()
    with (folder / name).open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return {
        "path": name,
        "record_type": record_type.name,
        "version": record_type.version,
        "format": "jsonl",
        "rows": len(rows),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
