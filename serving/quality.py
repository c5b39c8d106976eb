"""The quality of a home's records and indicators for one month: worked out, written as Parquet, JSON and a page."""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from evaluation import health
from evaluation.metrics import Integers
from evaluation.quality_page import render
from features import steps
from features.asof import Month
from features.matrix import registrations
from features.reading import REGISTER
from features.records import quality
from features.records.faults import REFUSALS, ROW_FAULTS
from features.records.overdue import alerts
from serving import ledger, pieces
from serving.classification import VECTORS
from serving.contributions import CONTRIBUTIONS
from serving.display import finite
from serving.workshop import LATEST, Say, Workshop
from training.retrain import SAMPLE

PAGE, DOCUMENT = "quality.html", "quality.json"
TEXT, WHOLE, REAL, DAY = pa.string(), pa.int64(), pa.float64(), pa.date32()
_ITEM = [("month", TEXT), ("item", TEXT), ("label", TEXT), ("label_en", TEXT), ("provider", TEXT), ("frequency", TEXT)]
_FIGURES = [
    *(("received", WHOLE), ("expected", REAL), ("new_facts", WHOLE)),
    *(("delay_median", WHOLE), ("delay_p90", WHOLE), ("matched_share", REAL)),
]
SCHEMAS = {
    "items": pa.schema([*_ITEM, ("source", TEXT), ("region", TEXT), *_FIGURES]),
    "feeds": pa.schema(
        [
            *(*_ITEM, ("source", TEXT), *_FIGURES, ("unmatched", WHOLE), ("first_day", DAY), ("last_day", DAY)),
            *(("silent_days", WHOLE), ("longest_silence", WHOLE), ("course", pa.list_(WHOLE))),
        ]
    ),
    "rejects": pa.schema(
        [
            *(("month", TEXT), ("source", TEXT), ("record_type", TEXT), ("code", TEXT), ("rows", WHOLE)),
            *(("deliveries", WHOLE), ("refused", pa.bool_()), ("advice", TEXT), ("advice_en", TEXT)),
        ]
    ),
    "alerts": pa.schema(
        [
            *(("month", TEXT), ("code", TEXT), ("item", TEXT), ("source", TEXT), ("since", DAY)),
            *(("expected_by", DAY), ("days", WHOLE), ("text", TEXT), ("text_en", TEXT)),
        ]
    ),
    "indicators": pa.schema(
        [
            *(("month", TEXT), ("code", TEXT), ("label", TEXT), ("label_en", TEXT), ("dimension", TEXT)),
            *(("section", TEXT), ("in_scope", WHOLE), ("applicable", WHOLE), ("valued", WHOLE), ("coverage", REAL)),
            *((f"null_{reason}", WHOLE) for reason in health.NULLS),
            *(("freshness_days", WHOLE), ("psi", REAL), ("psi_missing", TEXT)),
            *(("auc", REAL), ("auc_direction", TEXT), ("auc_missing", TEXT)),
            *(("contribution_share", REAL), ("contribution_missing", TEXT)),
        ]
    ),
}


@dataclass(frozen=True)
class Survey:
    """The quality of a home as of a date; each part is worked out when first asked for."""

    bench: Workshop
    as_of: date
    say: Say

    @property
    def month(self) -> Month:
        """The month looked at."""
        return Month.of(self.as_of)

    @cached_property
    def tables(self) -> dict[str, pa.Table]:
        """Every table by name, with what it was made from in its metadata."""
        rows = {
            "items": self._of_items(self.records.cells),
            "feeds": self._of_items(self.records.feeds),
            "rejects": self._rejects(),
            "alerts": [asdict(one) for one in alerts(self.records, self.bench.settings.profile)],
            "indicators": self._indicators(),
        }
        return {name: self._table(name, found) for name, found in rows.items()}

    @cached_property
    def document(self) -> dict[str, Any]:
        """What the page shows: every table but the one by region, and what they were made from."""
        tables = {name: table.to_pylist() for name, table in self.tables.items() if name != "items"}
        return {**self.facts, "cells": self.tables["items"].num_rows, **tables}

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What the tables were made from."""
        profile = self.bench.settings.profile
        sample, sealed = self._sample, self._sealed
        return {
            "profile": profile.name,
            "month": str(self.month),
            "as_of": self.as_of.isoformat(),
            "previous": str(self.month.shift(-1)),
            "notice": profile.notice,
            "notice_en": profile.notice_en,
            "lake": self.bench.lake.digest(self.as_of),
            "definitions": self.bench.definitions.digest,
            "sample": sample.parent.name if isinstance(sample, Path) else None,
            "contributions": sealed,
            "entities": self.observed.rows,
            "stride": self.observed.stride,
        }

    @cached_property
    def records(self) -> quality.Quality:
        """What arrived, from whom, where, how late."""
        self.say("records")
        register = self.bench.settings.profile.settings.get("register") or {}
        field = register.get("region", "region")
        field = field if field in self.bench.lake.types()[REGISTER].fields else None
        roll = registrations(
            self.bench.lake, as_of=self.as_of, engine=self.bench.engine, also=() if field is None else (field,)
        )
        region = pa.nulls(roll.num_rows, TEXT) if field is None else roll[field]
        regions = pl.DataFrame(pa.table({"entity": roll["entity"], "region": region}))
        return quality.quality(self.bench.lake, self.bench.lake_journal, as_of=self.as_of, regions=regions)

    @cached_property
    def observed(self) -> health.Observed:
        """The indicators of the month."""
        return self._observed(self.as_of, freshness=True)

    def _observed(self, as_of: date, *, freshness: bool) -> health.Observed:
        with TemporaryDirectory(dir=self.bench.home, prefix=".quality-") as scratch:
            source = health.Source(self.bench.lake, self.bench.definitions, self.bench.engine, Path(scratch))
            return health.observe(source, as_of=as_of, say=self.say, freshness=freshness)

    def _of_items(self, found: pl.DataFrame) -> list[dict[str, Any]]:
        items = self.bench.settings.profile.items
        return [{**_named(items.get(row["item"], {})), **row} for row in found.iter_rows(named=True)]

    def _rejects(self) -> list[dict[str, Any]]:
        rows = self.records.rejects.iter_rows(named=True)
        return [{**row, **_advice(row["code"], refused=row["refused"])} for row in rows]

    def _indicators(self) -> list[dict[str, Any]]:
        alone, shares = self._predictive(), self._shares()  # first, while little is in memory
        now = self.observed
        before = self._observed(self.month.shift(-1).end, freshness=False)
        drift = health.drift(before, now)
        found = []
        for one in self.bench.definitions.indicators:
            seen, psi = now.of(one), drift[one.code]
            found.append(
                {
                    **{name: getattr(one, name) for name in ("code", "label", "label_en", "dimension", "section")},
                    **{name: getattr(seen, name) for name in ("in_scope", "applicable", "valued", "coverage")},
                    **{f"null_{reason}": count for reason, count in seen.nulls.items()},
                    "freshness_days": seen.freshness,
                    "psi": psi,
                    "psi_missing": health.NO_ENTITIES if psi is None else None,
                    "auc": alone[one.code].auc,
                    "auc_direction": alone[one.code].direction,
                    "auc_missing": alone[one.code].missing,
                    "contribution_share": shares[one.code].share,
                    "contribution_missing": shares[one.code].missing,
                }
            )
        return found

    @cached_property
    def _sample(self) -> Path | str:
        """The newest training sample whose labels were known by T, else why there is none."""
        folder = self.bench.home / "training"
        if not (folder / LATEST).is_file():
            return health.NO_SCHEME
        outcome = json.loads((folder / LATEST).read_text(encoding="utf-8"))["outcome"]
        made = sorted(path.parent for path in folder.glob(f"{outcome}-[0-9]*-[0-9]*-[0-9]*/{SAMPLE}"))
        known = [path / SAMPLE for path in made if path.name.removeprefix(f"{outcome}-") <= self.as_of.isoformat()]
        return known[-1] if known else health.SCHEME_LATER

    def _predictive(self) -> Mapping[str, health.Predictive]:
        codes = self.bench.definitions.codes
        if isinstance(self._sample, str):
            return dict.fromkeys(codes, health.Predictive(None, None, self._sample))
        self.say("predictive value")
        return health.predictive(self._sample, codes)

    @cached_property
    def _sealed(self) -> str | None:
        """The newest month sealed of what was known by T."""
        known = [name for name in self.bench.results.months() if Month.parse(name).end <= self.as_of]
        return known[-1] if known else None

    def _shares(self) -> Mapping[str, health.Share]:
        codes = self.bench.definitions.codes
        if self._sealed is None:
            return dict.fromkeys(codes, health.Share(None, health.NO_MONTH))
        self.say("contributions")
        folder = self.bench.results.month(self._sealed).parts[0].folder
        known = pieces.columns(folder, VECTORS)[1:]
        return health.contribution_shares(_explanations(folder), _entities(folder), codes, known)

    def _table(self, name: str, rows: list[dict[str, Any]]) -> pa.Table:
        schema = SCHEMAS[name]
        shown = [{"month": str(self.month), **row} for row in rows]
        columns = {field.name: pa.array([row.get(field.name) for row in shown], field.type) for field in schema}
        stated = {f"jianwei.{key}": str(value) for key, value in self.facts.items()}
        return pa.table(columns, schema=schema.with_metadata({"jianwei.table": name, **stated}))


def write(survey: Survey, folder: Path) -> list[Path]:
    """Write every table, the document and the page of them into a folder: the same bytes for the same home and date."""
    folder.mkdir(parents=True, exist_ok=True)
    document = finite(survey.document)
    contents = {f"{name}.parquet": _bytes(table) for name, table in survey.tables.items()}
    contents[PAGE] = render(document, survey.bench.settings.profile).encode()
    contents[DOCUMENT] = (json.dumps(document, ensure_ascii=False, default=str, allow_nan=False) + "\n").encode()
    for name, content in contents.items():
        steps.write_bytes(folder / name, content)
    return [folder / name for name in contents]


def _bytes(table: pa.Table) -> bytes:
    kept = io.BytesIO()
    pq.write_table(table, kept, compression="zstd", write_page_checksum=True)
    return kept.getvalue()


def _named(item: Mapping[str, Any]) -> dict[str, Any]:
    label = item.get("label")
    return {
        "label": label,
        "label_en": item.get("label_en") or label,
        "provider": item.get("provider"),
        "frequency": item.get("frequency") or None,
    }


def _advice(code: str, *, refused: bool) -> dict[str, str | None]:
    found = (REFUSALS if refused else ROW_FAULTS).get(code)  # a journal may be older than the codes there are
    return {"advice": found.zh if found else None, "advice_en": found.en if found else None}


def _explanations(folder: Path) -> Iterator[pa.Table]:
    """The distinct explanations of a sealed month in order, one row group at a time: a file of them is large."""
    for path in pieces.files(folder, CONTRIBUTIONS):
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for group in range(file.metadata.num_row_groups):
                yield file.read_row_group(group)


def _entities(folder: Path) -> Integers:
    """How many entities have each distinct explanation of a sealed month."""
    counts = np.zeros(pieces.rows(folder, CONTRIBUTIONS), np.int64)
    for part in _vectors(folder):
        counts += np.bincount(part, minlength=len(counts))
    return counts


def _vectors(folder: Path) -> Iterator[Integers]:
    for part in pieces.slices(pieces.files(folder, ledger.RESULTS), ["vector"]):
        yield part["vector"].drop_null().to_numpy()
