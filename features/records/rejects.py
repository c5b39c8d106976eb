"""Rejected rows: each kept with its file, line, field, code and advice, and a delivery to correct and send again."""

import csv
import json
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import IO, Any

from features.records.checks import RowFault
from features.records.delivery import MANIFEST, MOST_BYTES, DeliveredFile, Delivery
from features.records.faults import ROW_FAULTS
from features.steps import write_text

_OWNER = "delivery.json"
RESUBMIT = "resubmit"


@dataclass
class Rejects:
    """The rejects of one delivery in ``rejects/<delivery>/``; made anew when the same content is delivered again.

    ``<file>.jsonl`` tells what is wrong with each row. ``resubmit/`` is a delivery of exactly these rows as they
    came: correct them there and deliver the folder; its rows are counted like any other delivery's.
    """

    folder: Path
    delivery: Delivery
    counts: dict[str, int] = field(default_factory=dict)
    by_type: dict[str, dict[str, int]] = field(default_factory=dict)
    _started: dict[str, tuple[str, DeliveredFile]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows were rejected."""
        return sum(self.counts.values())

    @property
    def _fresh(self) -> Path:
        """Where they are written until the delivery is known not to be refused; what was kept stays till then."""
        return self.folder.with_name(f".{self.folder.name}.making")

    def add(self, file: DeliveredFile, columns: Sequence[str], faults: Iterable[RowFault]) -> None:
        """Append rejected rows of one file."""
        rows = list(faults)
        if not rows:
            return
        name = self._start(file, columns)
        with (self._fresh / f"{name}.jsonl").open("a", encoding="utf-8") as told:
            told.writelines(self._told(file, row) for row in rows)
        with _opened(self._fresh / RESUBMIT / _resubmitted(name, file), "a", file) as again:
            again.writelines(_again(file, columns, row) for row in rows)
        for row in rows:
            code = row.faults[0][0]
            self.counts[code] = self.counts.get(code, 0) + 1
            of_type = self.by_type.setdefault(file.record_type, {})
            of_type[code] = of_type.get(code, 0) + 1

    def finish(self) -> None:
        """Put them in their place, with the manifest of the delivery to send again."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if not self._started:
            return
        manifest = {
            "delivery": f"{self.delivery.name.encode()[: MOST_BYTES - 10].decode(errors='ignore')}-corrected",
            "source": self.delivery.source,
            "period": self.delivery.period,
            "backload": None if self.delivery.backload is None else dict(self.delivery.backload),
            "files": [_entry(name, file) for name, file in self._started.values()],
        }
        write_text(self._fresh / RESUBMIT / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1) + "\n")
        self._fresh.rename(self.folder)

    def discard(self) -> None:
        """Remove what was written, for a delivery refused whole; what was kept before stays."""
        shutil.rmtree(self._fresh, ignore_errors=True)
        self._started.clear()
        self.counts.clear()
        self.by_type.clear()

    def _start(self, file: DeliveredFile, columns: Sequence[str]) -> str:
        """The name a file's rejects bear: its own, flattened, and numbered where another has it."""
        if not self._started:
            shutil.rmtree(self._fresh, ignore_errors=True)
            (self._fresh / RESUBMIT).mkdir(parents=True)
            write_text(self._fresh / _OWNER, json.dumps({"manifest": self.delivery.digest}) + "\n")
        if file.name not in self._started:
            flat = file.name.replace("/", "__").removesuffix(".gz")
            taken = {name for name, _ in self._started.values()}
            names = chain([flat], (f"{number}-{flat}" for number in count(2)))
            name = next(one for one in names if one not in taken)
            self._started[file.name] = name, file
            with _opened(self._fresh / RESUBMIT / _resubmitted(name, file), "w", file) as again:
                if file.format == "csv":
                    csv.writer(again, delimiter=file.delimiter, lineterminator="\n").writerow(columns)
        return self._started[file.name][0]

    def _told(self, file: DeliveredFile, row: RowFault) -> str:
        code, name = row.faults[0]
        told: dict[str, Any] = {
            "delivery": self.delivery.name,
            "file": file.name,
            "line": row.line,
            "field": name,
            "code": code,
            "advice": ROW_FAULTS[code].zh,
            "advice_en": ROW_FAULTS[code].en,
            "faults": [{"code": other, "field": where} for other, where in row.faults],
            "raw": row.raw if row.raw is not None else _shown(row.values),
        }
        return json.dumps(told, ensure_ascii=False) + "\n"


def open_rejects(home: Path, delivery: Delivery, taken: Collection[Path]) -> Rejects:
    """The empty rejects of a delivery; those of another that used its name, or used it just now, stay as they are."""
    numbered = (f"{delivery.name}.{number}" for number in count(2))
    names = chain([delivery.name, f"{delivery.name}.{delivery.digest[:8]}"], numbered)
    folders = (home / "rejects" / name for name in names)
    folder = next(folder for folder in folders if folder not in taken and _is_own(folder, delivery))
    return Rejects(folder, delivery)


def _is_own(folder: Path, delivery: Delivery) -> bool:
    try:
        return bool(json.loads((folder / _OWNER).read_text())["manifest"] == delivery.digest)
    except FileNotFoundError:
        return True


def _again(file: DeliveredFile, columns: Sequence[str], row: RowFault) -> str:
    """A row as it is sent again: one line, whatever its values hold."""
    if file.format == "parquet":
        return _shown({name: row.values.get(name) for name in columns}) + "\n"
    return f"{row.raw}\n".replace("\x00", "\ufffd")  # a zero byte would make the file no text


def _opened(path: Path, mode: str, file: DeliveredFile) -> IO[str]:
    """A file of rows to send again, written as the source writes its own."""
    encoding = "utf-8" if file.format == "parquet" else file.encoding
    return path.open(mode, encoding=encoding, errors="replace", newline="")


def _resubmitted(name: str, file: DeliveredFile) -> str:
    return f"{name}.jsonl" if file.format == "parquet" else name


def _entry(name: str, file: DeliveredFile) -> dict[str, Any]:
    return {
        "path": _resubmitted(name, file),
        "record_type": file.record_type,
        "format": "jsonl" if file.format == "parquet" else file.format,
        "mapping": None if file.mapping is None or file.format == "parquet" else file.mapping.name,
    }


def _shown(values: Mapping[str, str | None]) -> str:
    return json.dumps({name: value for name, value in values.items() if value is not None}, ensure_ascii=False)
