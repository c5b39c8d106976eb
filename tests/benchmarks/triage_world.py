"""The world triage.py compares on: drawn from a seed, delivered, taken in, and copied out for PostgreSQL.

100,000 businesses and 1,500,000 events of three record types over six years. Every event becomes known up to ninety
days after it happened, none is told again: a table of events with two days each says all there is to know, so tools
without versions of records can answer the same questions. The lake is made by the product's own intake.
"""

import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl

from features.profile import read_profile
from features.records.identity import make_uscc
from features.records.intake import take
from features.records.journal import Journal
from features.records.lake import Lake

SEED = 20260131
ENTITIES = 100_000
EVENTS = {"penalty": 300_000, "inspection": 700_000, "complaint": 500_000}
FIRST, LAST = date(2020, 1, 1), date(2025, 12, 31)
LONGEST_DELAY = 90  # days from an event to its being known
DATES = tuple(date(2025, month, 15) for month in range(1, 13))
PROBLEMS = ("02", "04", "09", "10", "13", "14")
RESULTS = ("01", "02", "03", "04", "05", "06", "09", "10", "13", "14")
RESULT_SHARES = (0.62, 0.15, 0.06, 0.01, 0.02, 0.02, 0.05, 0.03, 0.03, 0.01)
TAKEN_AT = datetime(2026, 6, 1, tzinfo=UTC)
BACKLOAD = {"source": "gsxt", "approver": "benchmark", "reason": "a drawn world"}
# What PostgreSQL gets of a record type: columns its features are worked out from, conditions already tested.
TABLES = {
    "penalty": {"severe": pl.col("severity") >= 2, "fine": pl.col("fine"), "severity": pl.col("severity")},
    "inspection": {
        "problem": pl.col("results").str.contains(rf"\|({'|'.join(PROBLEMS)})\|"),
        "on_site": pl.col("method") == "onsite",
    },
    "complaint": {"accepted": pl.col("accepted") == 1, "amount": pl.col("amount")},
}


def opened(folder):
    """The lake of the world, made on the first run; its files are compared with their digests here, once."""
    profile = read_profile("jiangxi")
    home = folder / "jiangxi"
    lake = Lake(home, profile)
    if not lake.stored("complaint").paths:
        take(
            [_register(folder, profile), _events(folder)],
            lake=lake,
            journal=Journal(home / "journal.jsonl"),
            recorded_at=TAKEN_AT,
        )
    rows = {name: lake.stored(name).frame().select(pl.len()).collect().item() for name in ("entity", *EVENTS)}
    if rows != {"entity": ENTITIES, **EVENTS}:
        raise SystemExit(f"{home} holds {rows}; expected {ENTITIES} entities and {EVENTS}. Remove it and run again.")
    return lake


def copied(lake, folder):
    """The same events as CSV files for PostgreSQL, and everybody at every date: entity, event day, day known, values.

    A day known is the local one: what is known at T became known on T or earlier.
    """
    zone = lake.profile.zone.key
    paths = {}
    for name, columns in TABLES.items():
        days = [pl.col("event_date"), pl.col("known_at").dt.convert_time_zone(zone).dt.date().alias("known_date")]
        values = [value.cast(pl.Int64).alias(column) for column, value in columns.items()]
        paths[name] = folder / f"{name}.csv"
        lake.stored(name).frame().select(pl.col("entity").alias("entity_id"), *days, *values).sink_csv(paths[name])
    return paths


def _codes():
    return [make_uscc("91", "360102", number) for number in range(ENTITIES)]


def _register(folder, profile):
    numbers = pl.Series("number", np.arange(ENTITIES))
    regions = [code for code in profile.codelist("regions").codes if not code.endswith("00")]
    frame = pl.DataFrame(
        {
            "code": _codes(),
            "name": pl.select(pl.format("某公司{}", numbers)).to_series(),
            "region": [regions[number % len(regions)] for number in range(ENTITIES)],
            "kind": "enterprise",
            "status": "active",
            "est_date": date(2015, 9, 1),
            "approved_date": date(2015, 9, 1),
            "entered_at": date(2015, 9, 2),
        }
    )
    return _delivered(folder / "deliveries" / "register", {"entity": frame})


def _events(folder):
    """Some businesses have many events and many have few, as everywhere; types are drawn apart."""
    rng = np.random.default_rng(SEED)
    codes, weights = pl.Series("code", _codes()), rng.gamma(0.8, size=ENTITIES)
    frames = {}
    for name, rows in EVENTS.items():
        entity = rng.choice(ENTITIES, rows, p=weights / weights.sum())
        day = np.datetime64(FIRST) + rng.integers(0, (LAST - FIRST).days + 1, rows)
        delay = np.minimum(rng.geometric(0.06, rows) - 1, LONGEST_DELAY)
        number = pl.select(pl.format(name[0].upper() + "-{}", pl.Series(np.arange(rows)))).to_series()
        shared = {"code": codes.gather(entity), "entered_at": pl.Series(day + delay), "source_record_no": number}
        frames[name] = pl.DataFrame(shared | _FIELDS[name](rng, number, pl.Series(day)))
    return _delivered(folder / "deliveries" / "events", frames)


def _penalties(rng, number, day):
    severity = rng.choice(5, len(number), p=[0.1, 0.35, 0.4, 0.12, 0.03])
    return {
        "item": "G106",
        "decision_no": number,
        "authority": "东湖区局",
        "decision_date": day,
        "kinds": "fine",
        "fine": np.round(rng.lognormal(7 + severity / 2), 2),
        "severity": severity,
    }


def _inspections(rng, number, day):
    return {
        "item": "G109",
        "inspection_no": number,
        "inspected_date": day,
        "origin": rng.choice(["routine", "campaign", "statutory"], len(number)),
        "method": rng.choice(["onsite", "written", "online"], len(number), p=[0.6, 0.3, 0.1]),
        "results": rng.choice(RESULTS, len(number), p=RESULT_SHARES),
    }


def _complaints(rng, number, day):
    return {
        "complaint_no": number,
        "complaint_kind": rng.choice(["complaint", "report"], len(number), p=[0.7, 0.3]),
        "received_date": day,
        "accepted": (rng.random(len(number)) < 0.8).astype(np.int64),
        "amount": np.round(rng.lognormal(5, 1.5, len(number)), 2),
    }


_FIELDS = {"penalty": _penalties, "inspection": _inspections, "complaint": _complaints}


def _delivered(folder: Path, frames):
    """A delivery of Parquet files with its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, frame in frames.items():
        path = folder / f"{name}.parquet"
        frame.write_parquet(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        entry = {"path": path.name, "record_type": name, "version": 1, "format": "parquet"}
        files.append(entry | {"rows": len(frame), "sha256": digest})
    stated = {"delivery": folder.name, "source": "gsxt", "period": None, "mapping": None, "backload": BACKLOAD}
    (folder / "manifest.json").write_text(json.dumps(stated | {"files": files}))
    return folder
