"""Rivertown: the profile docs/docking.md describes, and seven years of a made-up town's tables as deliveries."""

import csv
import json
import re
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import numpy as np

PAGE = Path(__file__).parents[2] / "docs" / "docking.md"
BLOCK = re.compile(r"^```\w+ file=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FIRST, LAST = date(2019, 1, 1), date(2025, 12, 31)
BACKLOAD = {"source": "town open data", "approver": "A. Byrne", "reason": "history on the first day"}


@dataclass(frozen=True)
class Table:
    """One table of the town as it is delivered: its source, mapping, record type, columns and rows."""

    source: str
    mapping: str | None
    record_type: str
    columns: tuple[str, ...]
    rows: list[tuple]


def write_profile(folder):
    """The profile of the page, written out; the page's example manifest is left aside."""
    for name, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if not name.startswith("deliveries/"):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return folder


def town(count=900, seed=7):
    """The town's tables: licences, inspections and complaints that follow a hidden habit of each licence."""
    rng = np.random.default_rng(seed)
    habit = rng.normal(0.0, 1.0, count)
    stall = rng.random(count) < 0.3
    opened = [FIRST - timedelta(days=int(days)) for days in rng.integers(-1500, 3000, count)]
    codes = [f"L-{1000 + number}" for number in range(count)]
    closed = np.flatnonzero(rng.random(count) < 0.04)
    return (
        Table("town_licences", "licences", "entity", LICENCE, _licences(rng, codes, stall, opened)),
        Table("town_inspections", "inspections", "inspection", INSPECTION, _inspections(rng, codes, habit, opened)),
        Table("call_centre", None, "complaint", COMPLAINT, _complaints(rng, codes, habit, opened)),
        Table("town_closures", "licences", "entity", CLOSURE, _closures(rng, codes, stall, opened, closed)),
    )


LICENCE = ("Licence Number", "Trade Name", "Business Type", "Status", "Opened", "Ward", "Premises", "Inspector's note")
INSPECTION = ("Licence Number", "Inspection ID", "Date", "Purpose", "Team", "Serious", "Minor")
COMPLAINT = ("code", "number", "received", "entered_at")
CLOSURE = (*LICENCE[:-1], "action", "action_date", "action_reason")


def written(day):
    """A day as the town writes it."""
    return day.strftime("%d/%m/%Y")


def _licence(codes, stall, opened, number):
    kind = "Market Stall" if stall[number] else ("Restaurant", "Grocery")[number % 2]
    ward, day = "NS"[number % 2], written(opened[number])
    return codes[number], f"Trader, {number}", kind, "Active", day, ward, f"{number} Quay Street"


def _licences(rng, codes, stall, opened):
    notes = rng.choice(["", "see file", 'says "later"'], len(codes))
    return [(*_licence(codes, stall, opened, number), notes[number]) for number in range(len(codes))]


def _closures(rng, codes, stall, opened, closed):
    found = []
    for number in closed:
        on = LAST - timedelta(days=int(rng.integers(1, 300)))
        row = list(_licence(codes, stall, opened, number))
        row[3] = "Surrendered"
        found.append((*row, "correct", on.isoformat(), "licence surrendered"))
    return found


def _days(rng, opened, yearly):
    """Days on which something happens to a licence, so often a year."""
    since = max(opened, FIRST)
    span = (LAST - since).days
    return [
        since + timedelta(days=int(day)) for day in np.sort(rng.integers(0, span, rng.poisson(yearly * span / 365)))
    ]


def _inspections(rng, codes, habit, opened):
    found = []
    for number, code in enumerate(codes):
        for day in _days(rng, opened[number], 0.95):
            team = int(rng.random() < (0.7 if number % 2 else 0.3))
            routine = rng.random() < 0.85
            serious = rng.poisson(np.exp(-1.5 + 1.3 * habit[number] + 0.6 * team + 0.3 * (not routine)))
            minor = rng.poisson(1.5)
            purpose = "Programmed" if routine else "Complaint"
            found.append((code, written(day), purpose, f"T{team + 1}", serious, minor))
    return [(code, f"V{place:05}", *rest) for place, (code, *rest) in enumerate(found)]


def _complaints(rng, codes, habit, opened):
    found = []
    for number, code in enumerate(codes):
        for day in _days(rng, opened[number], 0.4 * np.exp(0.6 * habit[number])):
            found.append((code, f"C{len(found):05}", day.isoformat(), (day + timedelta(days=1)).isoformat()))
    return found


def deliver(table, folder, **manifest):
    """A delivery folder of one table, as docs/docking.md says."""
    folder.mkdir(parents=True)
    path = folder / f"{table.record_type}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([table.columns, *table.rows])
    stated = {
        "delivery": f"{table.source}-2019-2025",
        "source": table.source,
        "period": "2025-12",
        "mapping": table.mapping,
        "backload": BACKLOAD,
        "files": [
            {
                "path": path.name,
                "record_type": table.record_type,
                "version": 1,
                "format": "csv",
                "rows": len(table.rows),
                "sha256": sha256(path.read_bytes()).hexdigest(),
            }
        ],
    }
    (folder / "manifest.json").write_text(json.dumps(stated | manifest), encoding="utf-8")
    return folder
