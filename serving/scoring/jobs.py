"""The routes of scoring jobs: a file of entities in, files of classes out, worked through outside the request."""

import re
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC
from pathlib import Path as FolderPath
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Path, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import Connection, func, insert, select
from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send

from serving.http import ProblemError, Told, tell
from serving.scoring import sieve, uploads
from serving.scoring.answers import principal_of
from serving.scoring.contract import NUMBER_PATTERN, STRICT, MonthText
from serving.scoring.desk import Desk
from serving.scoring.idempotency import Answer, claimed, once
from serving.store import Store, in_utc
from serving.tables import JOBS

MAKE, STATE, FILE = "make_job", "job", "job_file"
FOLDER = "jobs"
MOST_WAITING = 20  # jobs of one key that are not done: one queue serves all
QUEUED, RUNNING, DONE, FAILED = "queued", "running", "done", "failed"
MEDIA = {".parquet": sieve.PARQUET, ".csv": "text/csv; charset=utf-8", ".json": sieve.JSON}
PAUSE = {"retry-after": "5"}
NAMED = {"description": "The code of an entity; what cannot be one is a row rejected."}
CSV_FORM = r'^(\uFEFF)?(entity|"entity")\r?\n[\s\S]+$'
BODY = {
    "required": True,
    "content": {
        sieve.CSV: {"schema": {"type": "string", "pattern": CSV_FORM, "description": "One column, headed entity."}},
        sieve.PARQUET: {"schema": {"type": "string", "format": "binary"}},
        sieve.JSON: {
            "schema": {
                "type": "object",
                "additionalProperties": False,
                "required": ["entities"],
                "properties": {"entities": {"type": "array", "minItems": 1, "items": NAMED}},
            }
        },
    },
}


FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "headers": {"X-Content-SHA256": {"description": "SHA-256 of the file.", "schema": {"type": "string"}}},
        "content": {
            sieve.PARQUET: {"schema": {"type": "string", "format": "binary"}},
            sieve.CSV: {"schema": {"type": "string", "format": "binary"}},
            sieve.JSON: {"schema": {"type": "object"}},
        },
    }
}
JobAsked = Annotated[str, Path(description="The number of a job.", json_schema_extra={"pattern": NUMBER_PATTERN})]
NameAsked = Annotated[
    str, Path(description="The name of a file of the job.", json_schema_extra={"pattern": "^[0-9a-z.-]{1,40}$"})
]


class JobFile(BaseModel):
    """A file a job made: its rows, bytes and SHA-256."""

    model_config = STRICT
    name: str
    rows: int
    bytes: int
    sha256: str


class Job(BaseModel):
    """How far a job is: rows asked about, rows rejected (null until its file was read), rows done; its files.

    What was found stands in these alone.
    """

    model_config = STRICT
    job: str
    state: Literal["queued", "running", "done", "failed"]
    explain: Literal["none", "reasons"]
    made: str
    rows: int | None
    rejected: int | None
    done: int
    month: MonthText | None
    scheme: str | None
    files: list[JobFile]
    fault: str | None


class _Whole(FileResponse):
    """A file sent whole, whatever part of it is asked for: an answer is counted and audited once, with all its rows."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kept = [(name, value) for name, value in scope["headers"] if name not in {b"range", b"if-range"}]
        self.headers["accept-ranges"] = "none"
        await super().__call__({**scope, "headers": kept}, receive, send)


def add(app: FastAPI, desk: Callable[[], Desk]) -> None:
    """Register the routes."""
    making = APIRouter(route_class=once(desk, uploads.receive(lambda: desk().home / FOLDER), uploads.drop))

    @making.post(
        "/v1/jobs/scoring",
        operation_id=MAKE,
        response_model=Job,
        status_code=202,
        openapi_extra={"requestBody": BODY},
    )
    def make_job(request: Request, explain: Annotated[Literal["none", "reasons"], Query()] = "none") -> Response:
        """Score up to a million entities of a file; the answer says where to look."""
        return _made(desk(), request.state.upload, request, explain).response(request)

    app.include_router(making)

    @app.get("/v1/jobs/{job}", operation_id=STATE)
    def job(job: JobAsked, request: Request, response: Response) -> Job:
        """How far a job is; only the key that made it sees it."""
        found = _stated(_own(desk().store, job, request, STATE), desk())
        # size and digest of a file with one row say which of few things it can hold
        tell(request, Told((), 0, found.month, found.scheme))
        response.headers.update({} if found.state in {DONE, FAILED} else PAUSE)
        return found

    @app.get("/v1/jobs/{job}/files/{name}", operation_id=FILE, response_class=Response, responses=FILES)
    def job_file(job: JobAsked, name: NameAsked, request: Request) -> FileResponse:
        """A file a job made."""
        row = _own(desk().store, job, request, FILE)
        made = next((one for one in row["found"].get("files", ()) if one["name"] == name), None)
        path = desk().home / FOLDER / row["job"] / name
        if made is None or not path.is_file():
            raise ProblemError("not-found")
        found = row["found"]
        rows = row["asked"]["rows"] if path.suffix == ".json" else made["rows"]  # the manifest counts all
        tell(request, Told((), rows, found["month"], found["scheme"], file=made["sha256"]))
        return _Whole(path, media_type=MEDIA[path.suffix], headers={"x-content-sha256": made["sha256"]})


def _made(desk: Desk, upload: uploads.Upload, request: Request, explain: str) -> Answer:
    """The answer to a new job; its file is on disk before the store names it, what nobody names is swept away."""
    mine, principal = claimed(request), principal_of(request, MAKE)
    job, at = upload.path.name, desk.now().astimezone(UTC)
    folder = desk.home / FOLDER / job
    folder.mkdir(mode=0o700)
    try:
        uploads.keep(upload, folder)
        asked = {"explain": explain, "media": upload.media}
        row = {"job": job, "key": principal.key, "state": QUEUED, "asked": asked, "found": {}, "at": at, "changed": at}
        body = _stated(row, desk).model_dump_json().encode()
        answer = Answer(202, body, headers={"location": f"/v1/jobs/{job}"})
        with desk.store.writing() as connection:
            _check_room(connection, principal.key)
            connection.execute(insert(JOBS).values(**row))
            mine.finish(connection, answer)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return answer


def _check_room(connection: Connection, key: str) -> None:
    """Nothing when a key has room for one more job; ProblemError when too many of its own are not done yet."""
    mine = select(func.count()).select_from(JOBS).where(JOBS.c.key == key, JOBS.c.state.in_((QUEUED, RUNNING)))
    if int(connection.scalar(mine) or 0) >= MOST_WAITING:
        raise ProblemError("state-conflict", [{"pointer": "", "code": "jobs_waiting"}], retry=60)


def _own(store: Store, job: str, request: Request, route: str) -> dict[str, Any]:
    """A job of the key that asks; the same ProblemError for another's and for one that does not exist."""
    principal = principal_of(request, route)
    if re.fullmatch(NUMBER_PATTERN, job) is None:  # what no job is called is not asked of the store
        raise ProblemError("not-found")
    with store.reading() as connection:
        query = select(JOBS).where(JOBS.c.job == job, JOBS.c.key == principal.key)
        row = connection.execute(query).mappings().first()
    if row is None:
        raise ProblemError("not-found")
    return dict(row)


def _stated(row: Mapping[str, Any], desk: Desk) -> Job:
    asked, found, at = row["asked"], row["found"], row["at"]
    return Job(
        job=row["job"],
        state=row["state"],
        explain=asked["explain"],
        made=in_utc(at).astimezone(desk.profile.zone).isoformat(timespec="seconds"),
        rows=asked.get("rows"),
        rejected=asked.get("rejected"),
        done=found.get("done", 0),
        month=found.get("month"),
        scheme=found.get("scheme"),
        files=[JobFile(**one) for one in found.get("files", ())],
        fault=found.get("fault"),
    )


def folder_of(home: FolderPath, job: str) -> FolderPath:
    """Where the files of a job lie."""
    return home / FOLDER / job
