import csv
import hashlib
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

from features.profile import read_profile
from features.records import runs
from features.records.identity import make_uscc
from features.records.intake import take
from features.records.journal import Journal
from features.records.lake import Lake

PLACE = Path(__file__).parent / "place"
NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
BACKLOAD = {"source": "旧系统", "approver": "张", "reason": "首次归集"}


def in_runs():
    """While it lasts, whatever comes after the first intake is kept in runs."""
    return mock.patch.multiple(runs, LEAST_ROWS=0, SHARE=0)


def code(number):
    return make_uscc("91" if number % 3 else "92", "360102", number)


def entity(number, **changes):
    return {
        "code": code(number),
        "name": f"某公司{number}",
        "region": "360102",
        "kind": "enterprise" if number % 3 else "individual_business",
        "approved_date": "2015-09-01",
        "entered_at": "2015-09-02",
    } | changes


def penalty(number, decision="1", **changes):
    return {
        "code": code(number),
        "item": "G106",
        "decision_no": f"赣〔2024〕{decision}号",
        "authority": "东湖区局",
        "decision_date": "2024-03-05",
        "kinds": "fine|warning",
        "fine": "1200.50",
        "entered_at": "2024-03-07 10:00:00",
    } | changes


def table(rows):
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def deliver(folder, files, *, source="gsxt", backload=BACKLOAD, **manifest):
    """A delivery folder; files are {name: (record type, rows or text or bytes)}."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = []
    for name, (record_type, rows) in files.items():
        form = name.rsplit(".", 1)[1]
        content = rows
        if isinstance(rows, list):
            content = table(rows) if form == "csv" else "".join(json.dumps(row) + "\n" for row in rows)
        content = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(content)
        count = max(0, content.count(b"\n") - (form == "csv"))
        entry = {"path": name, "record_type": record_type, "version": 1, "format": form}
        listed.append(entry | {"rows": count, "sha256": hashlib.sha256(content).hexdigest()})
    found = {"delivery": folder.name, "source": source, "period": None, "mapping": None, "backload": backload}
    (folder / "manifest.json").write_text(json.dumps(found | {"files": listed} | manifest, ensure_ascii=False))
    return folder


class Home:
    def __init__(self, folder, profile=None):
        self.folder = folder
        self.profile = profile or read_profile(str(PLACE))
        self.lake = Lake(folder / "home", self.profile)
        self.journal = Journal(folder / "home" / "journal.jsonl")

    def take(self, *deliveries, at=NOW):
        return take(list(deliveries), lake=self.lake, journal=self.journal, recorded_at=at)

    def deliver(self, name, files, **manifest):
        return deliver(self.folder / "out" / name, files, **manifest)

    def seen(self, record_type, as_of, **how):
        return self.lake.as_of(record_type, as_of, **how).to_pyarrow().to_pylist()
