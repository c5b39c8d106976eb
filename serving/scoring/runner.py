"""Works through scoring jobs outside the request path: one at a time, in chunks, each of which is done once."""

import contextlib
import csv
import fcntl
import json
import logging
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import delete, select, update

from features.steps import FULL, file_digest, sync_folder, write_text
from serving.access import Principal, granted
from serving.http import ProblemError
from serving.scoring import sieve
from serving.scoring.desk import Desk
from serving.scoring.jobs import DONE, FAILED, FOLDER, QUEUED, RUNNING, folder_of
from serving.scoring.many import Asking
from serving.scoring.sieve import REJECTS, ROWS
from serving.scoring.uploads import INCOMING
from serving.scoring.uploads import KEPT as UPLOAD
from serving.store import StoreError
from serving.tables import API_KEYS, JOBS

LOG = logging.getLogger("jianwei.jobs")
CHUNK = 10_000
FILE_ROWS = 500_000  # of a Parquet file of results
KEPT = timedelta(days=7)
LOST = timedelta(hours=1)  # what no job names by then was left by a request that died
MOST_ATTEMPTS = 3  # of a job that ends its runner, at one place
PLAN, CHUNKS, CSV, MANIFEST, ATTEMPTS = "plan.json", "chunks", "results.csv", "manifest.json", "attempts"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
PAUSE_SECONDS = 0.5
END_SECONDS = 15
ROOT = Path(__file__).resolve().parents[2]
ENTRY = "import sys; sys.path.insert(0, {root!r}); from {module} import main; main()"


class StoppedError(Exception):
    """The runner was asked to stop; what is done is kept."""


class JobError(Exception):
    """A job that cannot be done, by a code."""


@dataclass(frozen=True)
class Work:
    """One job under way."""

    desk: Desk
    row: Mapping[str, Any]
    goes_on: Callable[[], None]

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return folder_of(self.desk.home, self.row["job"])

    def do(self) -> None:
        """Do what is left of the job; its files are the same however often it was interrupted."""
        self._attempt()
        self._sorted()._score()

    def _attempt(self) -> None:
        """Count an attempt; JobError when as many as may be got no further."""
        attempts = self._attempts() + 1
        if attempts > MOST_ATTEMPTS:
            raise JobError("given_up")
        write_text(self.folder / ATTEMPTS, str(attempts))

    def _attempts(self) -> int:
        path = self.folder / ATTEMPTS
        return int(path.read_text(encoding="utf-8")) if path.is_file() else 0

    def _got_further(self) -> None:
        """Attempts are counted from here on, this one being the first."""
        if self._attempts() > 1:
            write_text(self.folder / ATTEMPTS, "1")

    def stopped(self) -> None:
        """An attempt that was asked to stop does not count."""
        write_text(self.folder / ATTEMPTS, str(max(self._attempts() - 1, 0)))

    def _sorted(self) -> "Work":
        """The job once its file was read: how many rows it has is known, and they lie sorted in its folder."""
        asked, upload = self.row["asked"], self.folder / UPLOAD
        if "rows" not in asked:
            self._tell(RUNNING, {})
            try:
                rows, rejected = sieve.sort(upload, asked["media"], self.folder, self.goes_on)
            except sieve.RefusedError as fault:
                raise JobError(str(fault)) from None
            asked = {**asked, "rows": rows, "rejected": rejected}
            with self.desk.store.writing() as connection:
                connection.execute(update(JOBS).where(JOBS.c.job == self.row["job"]).values(asked=asked))
            self._got_further()
        upload.unlink(missing_ok=True)
        return replace(self, row={**self.row, "asked": asked})

    def _score(self) -> None:
        asking = Asking(self.desk, self.desk.newest, self._principal(), self.row["asked"]["explain"] == "reasons")
        plan = {"month": asking.month.month, "head": asking.month.head.digest, "scheme": self.desk.champion.digest}
        self._begin(plan)
        rows = pq.read_table(self.folder / ROWS, page_checksum_verification=True)
        order = self._order(asking, rows)
        chunks, counts = [], Counter[str]()
        for number, start in enumerate(range(0, len(order), CHUNK)):
            self.goes_on()
            some = rows.take(pa.array(order[start : start + CHUNK]))
            chunks.append(self._chunk(number, asking, some))
            counts.update(_counted(chunks[-1]))
            self._tell(RUNNING, plan | _told(counts))
        files = self._written(asking, chunks)
        manifest = self._manifest(asking, plan | _told(counts), files)
        self._tell(DONE, plan | _told(counts) | {"files": [*files, manifest]})
        shutil.rmtree(self.folder / CHUNKS, ignore_errors=True)
        (self.folder / ROWS).unlink(missing_ok=True)

    def _principal(self) -> Principal:
        """Whose job it is, with what the key may see now."""
        with self.desk.store.reading() as connection:
            query = select(API_KEYS).where(API_KEYS.c.number == self.row["key"])
            key = connection.execute(query).mappings().first()
        if key is None or key["revoked"] is not None or self.desk.today > key["expires"]:
            raise JobError("key_ended")
        return Principal(str(key["number"]), granted(key))

    def _begin(self, plan: Mapping[str, str]) -> None:
        """Chunks of another month or another champion do not count: a job never mixes two."""
        path, text = self.folder / PLAN, json.dumps(plan, sort_keys=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            shutil.rmtree(self.folder / CHUNKS, ignore_errors=True)
            (self.folder / CHUNKS).mkdir(mode=0o700)
            write_text(path, text)

    def _order(self, asking: Asking, rows: pa.Table) -> Any:
        """The rows in the order of the month's own, so that its values are read once; unknown ones come first."""
        keys = []
        for start in range(0, rows.num_rows, CHUNK):
            self.goes_on()
            codes = rows["entity"].slice(start, CHUNK).to_pylist()
            lights = asking.month.found(codes)
            keys += [(light["part"], light["entity"]) if (light := lights.get(code)) else (-1, -1) for code in codes]
        part, entity = np.array(keys, np.int64).reshape(-1, 2).T
        return np.lexsort((entity, part))

    def _chunk(self, number: int, asking: Asking, rows: pa.Table) -> pa.Table:
        path = self.folder / CHUNKS / f"{number:06d}.arrow"
        if not path.is_file():
            asked = list(zip(rows["line"].to_pylist(), rows["entity"].to_pylist(), strict=True))
            table = asking.rows(asked, self.goes_on)
            fresh = path.with_suffix(".writing")
            with pa.OSFile(str(fresh), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table)
            fresh.replace(path)
            sync_folder(path.parent)
            self._got_further()
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()

    def _tell(self, state: str, found: Mapping[str, Any]) -> None:
        changed = self.desk.now().astimezone(UTC)
        with self.desk.store.writing() as connection:
            told = update(JOBS).where(JOBS.c.job == self.row["job"])
            connection.execute(told.values(state=state, found=dict(found), changed=changed))

    def fail(self, code: str) -> None:
        """Say why the job cannot be done, and let its rows go."""
        self._tell(FAILED, {"fault": code})
        shutil.rmtree(self.folder, ignore_errors=True)

    def _written(self, asking: Asking, chunks: Sequence[pa.Table]) -> list[dict[str, Any]]:
        """The files of results, in the order of the lines asked about."""
        whole = pa.concat_tables(chunks or [asking.schema.empty_table()])
        order = np.argsort(whole["line"].to_numpy(), kind="stable")
        names = []
        with (self.folder / CSV).open("w", encoding="utf-8-sig", newline="") as file:
            sheet = csv.writer(file)
            sheet.writerow(whole.column_names)
            for number, start in enumerate(range(0, max(len(order), 1), FILE_ROWS), 1):
                names.append(f"results-{number:04d}.parquet")
                path, part = self.folder / names[-1], order[start : start + FILE_ROWS]
                with pq.ParquetWriter(path, whole.schema, compression="zstd", write_page_checksum=True) as writer:
                    for some in self._portions(whole, part):
                        writer.write_table(some)
                        sheet.writerows(_sheet_rows(some))
        counts = [min(FILE_ROWS, len(order) - start) for start in range(0, max(len(order), 1), FILE_ROWS)]
        described = [*zip(names, counts, strict=True), (CSV, len(order)), (REJECTS, self.row["asked"]["rejected"])]
        return [_described(self.folder / name, rows) for name, rows in described]

    def _portions(self, whole: pa.Table, order: Any) -> Iterator[pa.Table]:
        for start in range(0, len(order), CHUNK):
            self.goes_on()
            yield whole.take(pa.array(order[start : start + CHUNK]))

    def _manifest(self, asking: Asking, told: Mapping[str, Any], files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        notice, asked = asking.month.words["notice"], self.row["asked"]
        stated = {"job": self.row["job"], **asked, **told, "indicators": asking.month.indicators}
        stated |= {"notice": notice["zh"], "notice_en": notice["en"], "files": list(files)}
        path = self.folder / MANIFEST
        write_text(path, json.dumps(stated, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
        return _described(path, len(files))


def _counted(chunk: pa.Table) -> Counter[str]:
    counts = Counter[str](chunk["status"].to_pylist())
    counts.update(f"class {name}" for name in chunk["class"].to_pylist() if name is not None)
    return counts


def _told(counts: Mapping[str, int]) -> dict[str, Any]:
    states = ("scored", "not_classified", "not_found")
    return {
        "done": sum(counts.get(name, 0) for name in states),
        "classes": {name: counts.get(f"class {name}", 0) for name in "ABCD"},
        "not_classified": counts.get("not_classified", 0),
        "not_found": counts.get("not_found", 0),
    }


def _sheet_rows(table: pa.Table) -> Iterator[list[Any]]:
    """Rows for a spreadsheet: a text that it would take for a formula begins with an apostrophe."""
    for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
        yield [f"'{one}" if isinstance(one, str) and one.startswith(FORMULA) else one for one in row]


def _described(path: Path, rows: int) -> dict[str, Any]:
    return {"name": path.name, "rows": rows, "bytes": path.stat().st_size, "sha256": file_digest(path)}


def step(desk: Callable[[], Desk], goes_on: Callable[[], None]) -> bool:
    """Whether there was a job: the one that waits longest, or was interrupted, is done."""
    bench = desk()
    sweep(bench)
    with bench.store.reading() as connection:
        waiting = select(JOBS).where(JOBS.c.state.in_((QUEUED, RUNNING))).order_by(JOBS.c.at, JOBS.c.job)
        rows = connection.execute(waiting).mappings()
        # the files of a job lie in one home: another machine's is left to its runner
        row = next((one for one in rows if folder_of(bench.home, one["job"]).is_dir()), None)
    if row is None:
        return False
    work = Work(bench, dict(row), goes_on)
    try:
        work.do()
    except (StoppedError, StoreError):
        work.stopped()
        raise
    except JobError as fault:
        work.fail(str(fault))
    except ProblemError:
        work.fail("unavailable")
    except Exception as fault:  # one job that cannot be done must not keep the others waiting
        LOG.log(logging.ERROR, "job %s: %s", row["job"], type(fault).__name__)
        work.fail("disk_full" if isinstance(fault, OSError) and fault.errno in FULL else "internal")
    return True


def sweep(desk: Desk) -> None:
    """Remove files a week after their job ended, jobs' rows with them, and what requests that died left behind."""
    now, home = desk.now().astimezone(UTC), desk.home / FOLDER
    with desk.store.writing() as connection:
        ended = (JOBS.c.changed < now - KEPT) & JOBS.c.state.in_((DONE, FAILED))
        connection.execute(delete(JOBS).where(ended))
        named = set(connection.execute(select(JOBS.c.job)).scalars())
    folders = [path for path in home.glob("*") if path.is_dir() and path.name not in {*named, INCOMING}]
    for path in [*folders, *(home / INCOMING).glob("*")]:
        age = now.timestamp() - path.stat().st_mtime
        if age > LOST.total_seconds():
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def work(desk: Callable[[], Desk], stopped: threading.Event) -> None:
    """Do jobs until told to stop; of several runners of a home only one works, the others stand by."""

    def goes_on() -> None:
        if stopped.is_set():
            raise StoppedError

    with contextlib.suppress(StoppedError), _alone(desk().home / FOLDER, stopped):
        while not stopped.is_set():
            try:
                busy = step(desk, goes_on)
            except (StoreError, ProblemError) as fault:
                LOG.log(logging.WARNING, "jobs wait: %s", type(fault).__name__)
                busy = False
            if not busy:
                stopped.wait(PAUSE_SECONDS)


@contextlib.contextmanager
def _alone(home: Path, stopped: threading.Event) -> Iterator[None]:
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / ".lock").open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if stopped.wait(PAUSE_SECONDS):
                    raise StoppedError from None
        yield


class Runner:
    """The helper process that does jobs, started beside the service and started again when it ends by itself.

    It ends when its standard input does: with the service, however that ends. It starts so many seconds ``after`` the
    service does, which has better things to do until it is ready.
    """

    def __init__(self, module: str, *, after: float = 0.0) -> None:
        self._after = after
        # -P: what lies in the folder it is started from is none of its modules
        self._command = [sys.executable, "-P", "-c", ENTRY.format(root=str(ROOT), module=module)]
        self._stopped = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._watch = threading.Thread(target=self._keep_up, name="jobs", daemon=True)

    @property
    def pid(self) -> int | None:
        """The process's number, while there is one."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process."""
        self._watch.start()

    def stop(self) -> None:
        """End the process; a job under way goes on from its last chunk when it is started again."""
        self._stopped.set()
        self._watch.join(END_SECONDS)

    def _keep_up(self) -> None:
        self._stopped.wait(self._after)
        while not self._stopped.is_set():
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)  # noqa: S603
            while self._process.poll() is None and not self._stopped.wait(PAUSE_SECONDS):
                pass
            self._end(self._process)
            self._stopped.wait(PAUSE_SECONDS * 4)

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(END_SECONDS * 2 / 3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
