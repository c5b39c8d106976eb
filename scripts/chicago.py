"""Chicago's food inspections: tables taken into a home, ways to score compared on windows of the past.

Prints progress and a table for people; the last line of standard output is one JSON object.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from evaluation.backtest import SCORES
from evaluation.charts import reliability
from evaluation.errors import GateError
from evaluation.metrics import Bin
from evaluation.replay import Windows, replay_windows
from features.indicators.catalogue import load
from features.profile import Profile, ProfileError, read_profile
from features.records.intake import DeliveryError, Receipt, take
from features.records.journal import Journal
from features.records.lake import Lake
from features.steps import file_digest, write_text
from training.errors import SchemeError
from training.task import Task

ROOT = Path(__file__).resolve().parent.parent
TABLES = ROOT / "examples" / "chicago-food"
PROFILE = "chicago"
SOURCE = "city_tables"
SEED = 20130628
WIDTH = 140  # of tables where nobody watches
WINDOWS = {
    "2013JulDec": (date(2013, 7, 1), date(2013, 12, 31)),
    "2014JanApr": (date(2014, 1, 1), date(2014, 4, 15)),
    "2014JunAug": (date(2014, 6, 1), date(2014, 8, 31)),
}
# What each table of the city is read as: mapping, record type, file. One delivery each; the register first.
DELIVERIES = (
    ("places", "entity", "inspections.parquet"),
    ("locations", "entity", "inspections.parquet"),
    ("licences", "entity", "licences.parquet"),
    ("inspections", "inspection", "inspections.parquet"),
    ("tiers", "tier", "inspections.parquet"),
    ("violations", "violation", "violations.parquet"),
    ("other_licences", "licence", "licences.parquet"),
    ("visits", "visit", "visits.parquet"),
    ("sanitation_requests", "sanitation_request", "sanitation_requests.parquet"),
)
NAMES = {
    "planned": "planned (group averaged out)",
    "group_known": "group known",
    "no_control": "no control",
    "logistic": "logistic regression",
    "lightgbm": "LightGBM, nobody tuned it",
    "forest": "random forest, nobody tuned it",
    "planned_dated": "planned, without assumed dates",
    "logistic_dated": "logistic, without assumed dates",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison; 0, or 1 after an error that says what to do."""
    asked = _parsed(arguments)
    people = Console(stderr=True, width=None if sys.stderr.isatty() else WIDTH)
    try:
        profile = read_profile(PROFILE)
        home = asked.home or home_of(asked.data)
        lake = delivered(asked.data, home, profile, people)
        document = replayed(lake, asked.test, people)
    except (DeliveryError, GateError, ProfileError, SchemeError, FileNotFoundError) as fault:
        people.print(f"{fault}", style="red", markup=False)
        return 1
    shown(document, Console(width=None if sys.stdout.isatty() else WIDTH))
    people.print(f"reliability curves: {drawn(document, home)}", highlight=False)
    sys.stdout.write(json.dumps(document) + "\n")
    return 0


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    reader = argparse.ArgumentParser(prog="make chicago", description=__doc__)
    reader.add_argument("--data", type=Path, default=TABLES, help="folder with the five tables")
    reader.add_argument("--test", type=_span, help="the one window to test on, FROM:TO")
    reader.add_argument("--home", type=Path, help="where the lake lies")
    return reader.parse_args(arguments)


def _span(text: str) -> tuple[date, date]:
    first, _, last = text.partition(":")
    try:
        span = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected two days, 2014-09-01:2014-10-31") from None
    if span[0] > span[1]:
        raise argparse.ArgumentTypeError(f"{text!r}: the first day lies after the last")
    return span


def home_of(data: Path) -> Path:
    """The home of a folder of tables: the profile's own for the example data, one named by content for any other."""
    base = Path(os.environ.get("JIANWEI_HOME", ROOT / "var"))
    if data.resolve() == TABLES:
        return base / PROFILE
    whole = hashlib.sha256()
    for name in sorted({file for _, _, file in DELIVERIES}):
        whole.update(file_digest(_table(data, name)).encode())
    return base / f"{PROFILE}-{whole.hexdigest()[:12]}"


def _table(data: Path, name: str) -> Path:
    path = data / name
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; expected a folder with the five tables. Nothing was taken.")
    return path


def delivered(data: Path, home: Path, profile: Profile, people: Console) -> Lake:
    """The lake of a home after it took the tables; unchanged tables are not taken twice."""
    lake, journal = Lake(home, profile), Journal.of(home)
    folders = [_delivery(data, home, *one) for one in DELIVERIES]
    taken = {one["delivery"] for entry in journal.entries("intake") for one in entry.details["deliveries"]}
    if {folder.name for folder in folders} <= taken:
        people.print(f"{home}: tables were taken before")
        return lake
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=people) as progress:
        line = progress.add_task("intake")
        receipts = take(
            folders,
            lake=lake,
            journal=journal,
            recorded_at=datetime.now(UTC),  # noqa: TID251 a script is where the clock is read
            progress=lambda step, done, total: progress.update(line, description=f"intake: {step} {done}/{total}"),
        )
    people.print(_receipts(receipts))
    refused = [receipt for receipt in receipts if receipt.refused is not None]
    if refused:
        raise DeliveryError(str(refused[0].refused), refused[0].delivery, str(refused[0].problem))
    return lake


def _delivery(data: Path, home: Path, mapping: str, record_type: str, file: str) -> Path:
    """A folder with one table and the manifest that declares it as history, named by what the table holds."""
    table = _table(data, file)
    digest = file_digest(table)
    folder = home / "deliveries" / SOURCE / f"{mapping}-{digest[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(table, folder / file)
    rows = pq.ParquetFile(table).metadata.num_rows
    listed = {"path": file, "record_type": record_type, "version": 1, "format": "parquet", "rows": rows}
    manifest = {
        "delivery": folder.name,
        "source": SOURCE,
        "mapping": mapping,
        "backload": {
            "source": "City of Chicago, food-inspection forecasting",
            "approver": "whoever runs make chicago",
            "reason": "published history; known the day after each event",
        },
        "files": [{**listed, "sha256": digest}],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return folder


def _receipts(receipts: Sequence[Receipt]) -> Table:
    table = Table("delivery", "sent", "accepted", "duplicate", "rejected", "unmatched", "rejected as")
    for one in receipts:
        counts = (one.sent, one.accepted, one.duplicate, one.rejected, one.unmatched)
        why = ", ".join(f"{code} {count}" for code, count in one.rejects.items())
        table.add_row(one.delivery, *(f"{count:,}" for count in counts), one.problem or why)
    return table


def replayed(lake: Lake, test: tuple[date, date] | None, people: Console) -> dict[str, Any]:
    """The document of the windows, or of the one window ``test``."""
    spans = WINDOWS if test is None else {"test": test}
    last = max(span[1] for span in spans.values())
    task = Task(lake, load(lake.profile), known_by=last + timedelta(days=31))
    windows = Windows(spans, task.model.get("tuned_until"))
    return replay_windows(
        task, windows, rng=np.random.default_rng(SEED), say=lambda text: people.print(text, highlight=False)
    )


def shown(document: Mapping[str, Any], console: Console) -> None:
    """The figures as people read them."""
    for name, window in document["windows"].items():
        title = f"{name}: {window['n']:,} inspections, {window['rate']:.1%} with a critical violation"
        table = Table("score", "AUC", "average precision", "found in first half", "AUC within group", title=title)
        for score in SCORES:
            found = window[score]
            names = ("auc", "ap", "first_half", "auc_within_group")
            cells = [_figure(found[one], found[f"{one}_interval"]) if found else "–" for one in names]
            table.add_row(NAMES[score], *cells)
        console.print(table)
        console.print(f"group unknown for {window['unknown_group']:,} of them: left out within groups", highlight=False)
        console.print(_reliable(window["reliability"]))
    for title, pooled in (("planned", document["pooled"]), ("planned_dated", document["pooled_dated"])):
        if pooled is None:
            continue
        console.print(f"windows pooled, {NAMES[title]}:", highlight=False)
        console.print(f"  AUC within group {_figure(pooled['auc_within_group'], pooled['interval'])}", highlight=False)
        difference = _figure(pooled["difference_to_logistic"], pooled["difference_interval"])
        console.print(f"  AUC less logistic regression's {difference}", highlight=False)
    console.print(f"tuning saw inspections up to {document['tuned_until']}, none later", highlight=False)


def _reliable(found: Mapping[str, Any]) -> Table:
    """Probabilities against what was found, bins of rising probability."""
    ratio, slope = (_figure(found[name], found[f"{name}_interval"]) for name in ("o_e", "slope"))
    title = f"reliability: observed over expected {ratio}, slope {slope}, relative ECE {found['relative_ece']:.3f}"
    table = Table("expected", "found", "95 %", "inspections", "with a critical violation", title=title)
    for one in found["bins"]:
        low, high = one["interval"]
        cells = (f"{one['mean_probability']:.1%}", f"{one['rate']:.1%}", f"{low:.1%} … {high:.1%}")
        table.add_row(*cells, f"{one['rows']:,}", f"{one['positives']:,}")
    return table


def drawn(document: Mapping[str, Any], home: Path) -> Path:
    """The reliability curves of all windows as one page of drawings."""
    names = [name for name, window in document["windows"].items() if window["reliability"]["bins"]]
    bins = {name: [Bin(**one) for one in document["windows"][name]["reliability"]["bins"]] for name in names}
    pictures = "".join(reliability(bins[name], (name, name)) for name in names)
    path = home / "reliability.html"
    style = "<style>text{font:12px sans-serif}.zh{display:none}svg{width:420px}</style>"
    write_text(path, f"<!doctype html><meta charset=utf-8><title>Chicago: reliability</title>{style}{pictures}\n")
    return path


def _figure(value: float | None, interval: Sequence[float] | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" + (f" ({interval[0]:.3f} … {interval[1]:.3f})" if interval else "")


if __name__ == "__main__":
    sys.exit(main())
