"""Scoring jobs: a file in, files out, the same answers as one by one, whatever interrupts them."""

import csv
import io
import json
import os
import signal
import time
from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from offices import desk_of
from posts import get, holder, post
from sqlalchemy import update
from town import NOW, codes

from features.steps import file_digest
from serving import settings
from serving.access import PROBABILITY
from serving.http import Told
from serving.scoring import runner, sieve, uploads
from serving.scoring.many import scored
from serving.scoring.routes import application
from serving.scoring.runner import Runner, StoppedError, step, sweep
from serving.shelf import StoredMonth
from serving.store import Store
from serving.tables import API_KEYS, JOBS

PATH = "/v1/jobs/scoring"
CSV, PARQUET = "text/csv; charset=utf-8", "application/vnd.apache.parquet"


@pytest.fixture
def place(copied, store):
    desk = desk_of(copied, store)
    return desk, application(lambda: desk), holder(store, rights=(PROBABILITY,))


def asked(*entities):
    return "".join(f"{one}\n" for one in ("entity", *entities)).encode()


def on():
    """Goes on."""


def made(app, principal, body, *, media=CSV, query="", key="k1"):
    answer = post(app, PATH + query, principal, body, media=media, key=key)
    assert answer.status == 202, answer.body
    return answer.headers["location"]


def done(desk, app, principal, body, **said):
    where = made(app, principal, body, **said)
    assert step(lambda: desk, on)
    state = get(app, where, principal).json
    assert state["state"] == "done", state
    return where, state


def table(app, where, principal, name="results-0001.parquet"):
    answer = get(app, f"{where}/files/{name}", principal)
    assert answer.status == 200
    return pq.read_table(pa.BufferReader(answer.body)).to_pylist()


def test_a_job_answers_every_row_as_a_live_score_does(place):
    desk, app, principal = place
    where, state = done(desk, app, principal, asked(*codes(), "nobody", "T00001"), query="?explain=reasons")
    rows = table(app, where, principal)
    assert [row["entity"] for row in rows] == [*codes(), "nobody", "T00001"]
    assert [row["line"] for row in rows] == list(range(2, 204))
    month = desk.newest
    for row in rows[:40]:
        light = month.find(row["entity"])
        if light["status"] != "classified":
            assert (row["status"], row["why"]) == ("not_classified", light["status"])
            continue
        (live,) = desk.score(month, [light], principal, explained=True)
        assert [row[name] for name in ("class", "model_class", "confidence")] == [
            live[name] for name in ("class", "model_class", "confidence")
        ]
        assert row["probability"] == f"{live['probability']:.12f}"
        assert [one["code"] for one in json.loads(row["reasons"])] == [one["code"] for one in live["reasons"]]
    assert rows[-2]["status"] == "not_found"
    assert state["done"] == state["rows"] == 202
    counted = json.loads(get(app, f"{where}/files/manifest.json", principal).body)
    assert counted["not_found"] == 1
    assert sum(counted["classes"].values()) + counted["not_classified"] + 1 == 202
    assert not {"classes", "not_classified", "not_found"} & set(state)


def test_in_bulk_and_one_by_one_say_the_same_under_either_scheme(place):
    desk, _, principal = place
    rights = replace(principal, grant=replace(principal.grant, rights=frozenset({PROBABILITY, "internal"})))
    for champion in (desk.champion, replace(desk.champion, version="other")):
        bench = replace(desk, champion=champion)
        month = bench.newest
        lights = [light for light in map(month.find, codes()) if light["status"] == "classified"]
        live = bench.score(month, lights, rights, explained=False)
        bulk = scored(champion, month, lights)
        names = ("class", "model_class", "confidence")
        assert [[one[name] for name in names] for one in bulk] == [[one[name] for name in names] for one in live]
        assert [one["probability"] for one in bulk] == [f"{one['probability']:.12f}" for one in live]


def test_reasons_of_many_are_those_of_one_by_one_under_either_scheme(place):
    desk, _, principal = place
    for champion in (desk.champion, replace(desk.champion, version="other")):
        bench = replace(desk, champion=champion)
        month = bench.newest
        lights = [light for light in map(month.find, [*codes(), *codes()[:9]]) if light["status"] == "classified"]
        for rights in (frozenset({PROBABILITY, "internal"}), frozenset()):
            asking = replace(principal, grant=replace(principal.grant, rights=rights))
            many = bench.score(month, lights, asking, explained=True, added=False)
            assert many == [bench.score(month, [one], asking, explained=True, added=False)[0] for one in lights]
        assert any(one["records"] for document in many for one in document["reasons"] if "records" in one)


def test_a_state_leaves_an_audit_line_for_the_digest_of_a_short_file_says_what_it_holds(place):
    desk, app, principal = place
    where = made(app, principal, asked("T00001"))
    assert get(app, where, principal).told == Told((), 0)
    assert step(lambda: desk, on)
    assert get(app, where, principal).told == Told((), 0, "2025-12", desk.champion.digest)


def test_without_the_right_there_is_no_column_of_probability(place):
    desk, app, _ = place
    plain = holder(desk.store, number="00000002")
    where, _ = done(desk, app, plain, asked("T00001"))
    assert set(table(app, where, plain)[0]) == {
        "line", "entity", "status", "why", "class", "model_class", "official_month", "official_class",
    }  # fmt: skip


def test_who_is_out_of_scope_is_answered_as_who_does_not_exist(place):
    desk, app, _ = place
    county = holder(desk.store, "integrator_score", "360102", number="00000002")
    month = desk.newest
    where, _ = done(desk, app, county, asked(*codes(), "nobody"))
    rows = table(app, where, county)
    inside = [code for code in codes() if month.find(code)["region"] == "360102"]
    assert [row["entity"] for row in rows if row["status"] != "not_found"] == inside
    foreign = [{**row, "line": 0, "entity": ""} for row in rows if row["status"] == "not_found"]
    assert all(row == foreign[-1] for row in foreign)
    assert json.loads(get(app, f"{where}/files/manifest.json", county).body)["not_found"] == len(foreign)


def test_only_the_key_that_made_it_sees_a_job(place):
    desk, app, principal = place
    where, _ = done(desk, app, principal, asked("T00001"))
    other = holder(desk.store, number="00000002")
    unknown = get(app, f"/v1/jobs/{'0' * 26}", other)
    assert get(app, where, other).body == unknown.body
    assert get(app, f"{where}/files/results.csv", other).body == unknown.body
    for name in ("rows.parquet", "plan.json", "nothing", "..", "%2e%2e%2fjournal.jsonl"):
        assert get(app, f"{where}/files/{name}", principal).status == 404


def test_files_are_described_by_digest_and_tell_how_many_rows_they_hold(place):
    desk, app, principal = place
    where, state = done(desk, app, principal, asked("T00001", "T00002", "=bad", ""))
    assert [one["name"] for one in state["files"]] == [
        "results-0001.parquet", "results.csv", "rejects.csv", "manifest.json",
    ]  # fmt: skip
    folder = desk.home / "jobs" / state["job"]
    assert folder.stat().st_mode & 0o777 == 0o700
    for one in state["files"]:
        answer = get(app, f"{where}/files/{one['name']}", principal)
        assert (len(answer.body), file_digest(folder / one["name"])) == (one["bytes"], one["sha256"])
        rows = 2 if one["name"] == "manifest.json" else one["rows"]  # it counts the job's
        assert (answer.told.entities, answer.told.rows, answer.told.month) == ((), rows, "2025-12")
        assert answer.told.file == one["sha256"]
    rejects = get(app, f"{where}/files/rejects.csv", principal).body.decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(rejects))) == [
        ["line", "code"],
        ["4", "entity_malformed"],
        ["5", "entity_missing"],
    ]
    assert (state["rows"], state["rejected"]) == (2, 2)
    sheet = get(app, f"{where}/files/results.csv", principal).body
    assert sheet.startswith(b"\xef\xbb\xbfline,entity,status")
    assert json.loads(get(app, f"{where}/files/manifest.json", principal).body)["scheme"] == desk.champion.digest


def test_a_text_a_spreadsheet_would_take_for_a_formula_is_escaped():
    rows = list(runner._sheet_rows(pa.table({"a": ["=1+1", "@x", "-1", "b", None], "n": [1, 2, 3, 4, 5]})))
    assert [row[0] for row in rows] == ["'=1+1", "'@x", "'-1", "b", None]


def parquet(**columns):
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def test_parquet_and_json_are_taken_too(place):
    desk, app, principal = place
    found = [
        done(desk, app, principal, body, media=media, key=media)[1]
        for body, media in (
            (parquet(entity=["T00001", None, "T00002", "T00001"]), PARQUET),
            (json.dumps({"entities": ["T00001", 7, "T00002", "T00001"]}).encode(), "application/json"),
        )
    ]
    assert [(one["rows"], one["rejected"], one["done"]) for one in found] == [(3, 1, 3)] * 2


@pytest.mark.parametrize(
    ("body", "media", "status", "code"),
    [
        (b"code\nT00001\n", CSV, 422, "header"),
        (b"entity\n", CSV, 422, "no_rows"),
        (b"nothing", PARQUET, 422, "parquet_unreadable"),
        (parquet(entity=["T00001"])[:-9], PARQUET, 422, "parquet_unreadable"),
        (b"PAR1" + b"x" * 99 + b"\xff\xff\xff\x7fPAR1", PARQUET, 422, "parquet_unreadable"),
        (b'{"entities":"T00001"}', "application/json", 422, "entities"),
        (b'{"entities":[]}', "application/json", 422, "no_rows"),
        (b'{"entities":[],"more":1}', "application/json", 422, "entities"),
        (b"entity\nT00001\n", "text/plain", 415, None),
        (b"entity\nT00001\n" * 2, CSV + "x", 202, None),
    ],
)
def test_a_body_that_does_not_begin_as_what_it_says_it_is_makes_no_job(place, body, media, status, code):
    desk, app, principal = place
    answer = post(app, PATH, principal, body, media=media)
    assert answer.status == status
    if code:
        assert answer.json["errors"][0]["code"] == code
    if status != 202:
        assert not step(lambda: desk, on)
        assert [path.name for path in (desk.home / "jobs").iterdir()] == [".incoming"]
    assert list((desk.home / "jobs" / ".incoming").iterdir()) == []


def test_a_body_is_cut_off_where_it_is_too_large(place, monkeypatch):
    _, app, principal = place
    monkeypatch.setattr(uploads, "LARGEST", 100)
    assert post(app, PATH, principal, b"x" * 101, media=CSV).status == 413


@pytest.mark.parametrize(
    ("body", "media", "fault"),
    [
        (parquet(entity=[1]), PARQUET, "columns"),
        (parquet(entity=["a"], more=["b"]), PARQUET, "columns"),
        (parquet(entity=pa.array([], pa.string())), PARQUET, "no_rows"),
        (asked(*["T"] * (sieve.MOST_ROWS + 1)), CSV, "too_many_rows"),
    ],
    ids=["columns", "more columns", "no rows", "too many rows"],
)
def test_a_file_no_job_can_be_made_of_ends_its_job_and_no_other(place, body, media, fault):
    desk, app, principal = place
    where = made(app, principal, body, media=media)
    assert get(app, where, principal).json["rows"] is None
    assert step(lambda: desk, on)
    state = get(app, where, principal).json
    assert (state["state"], state["fault"], state["rows"], state["files"]) == ("failed", fault, None, [])
    assert not (desk.home / "jobs" / state["job"]).exists()
    done(desk, app, principal, asked("T00001"), key="k2")


def test_an_interrupted_job_goes_on_and_ends_in_the_same_bytes(place, monkeypatch):
    desk, app, principal = place
    monkeypatch.setattr(runner, "CHUNK", 20)
    monkeypatch.setattr(runner, "FILE_ROWS", 50)
    body = asked(*reversed(codes()), "nobody")
    _, whole = done(desk, app, principal, body)
    where = made(app, principal, body, key="k2")
    calls = 0
    for limit in range(3, 60, 3):

        def until(limit=limit):
            nonlocal calls
            calls += 1
            if calls > limit:
                raise StoppedError

        calls = 0
        try:
            step(lambda: desk, until)
            break
        except StoppedError:
            continue
    state = get(app, where, principal).json
    assert state["state"] == "done"
    assert [one["name"] for one in state["files"]][:5] == [f"results-000{n}.parquet" for n in range(1, 6)]
    digests = [[(one["name"], one["sha256"]) for one in found["files"][:-1]] for found in (whole, state)]
    assert digests[0] == digests[1]


def test_a_job_never_mixes_two_champions(place, monkeypatch):
    desk, app, principal = place
    monkeypatch.setattr(runner, "CHUNK", 20)
    where = made(app, principal, asked(*codes()))
    calls = iter(range(100))

    def once_enough():
        if next(calls) > 16:
            raise StoppedError

    with pytest.raises(StoppedError):
        step(lambda: desk, once_enough)
    assert get(app, where, principal).json["state"] == "running"
    other = replace(desk, champion=replace(desk.champion, version="other"))
    assert step(lambda: other, on)
    assert get(app, where, principal).json["scheme"] == other.champion.digest
    assert get(app, where, principal).json["done"] == len(codes())


def test_a_job_of_a_key_that_has_ended_is_not_done(place):
    desk, app, principal = place
    where = made(app, principal, asked("T00001"))
    with desk.store.writing() as connection:
        connection.execute(update(API_KEYS).values(revoked=NOW))
    assert step(lambda: desk, on)
    state = get(app, where, principal).json
    assert (state["state"], state["fault"], state["files"]) == ("failed", "key_ended", [])


def test_one_job_that_cannot_be_done_keeps_no_other_waiting(place, monkeypatch):
    desk, app, principal = place
    where = made(app, principal, asked("T00001"))
    with monkeypatch.context() as patched:
        patched.setattr(StoredMonth, "found", lambda *_: 1 / 0)
        assert step(lambda: desk, on)
    assert get(app, where, principal).json["fault"] == "internal"
    done(desk, app, principal, asked("T00001"), key="k2")


def ends(*_):
    raise KeyboardInterrupt  # stands for whatever ends the runner at once


def attempts(desk, patched, where, thing):
    """How often a job that ends its runner in one place is tried until it is given up."""
    patched.setattr(*where, thing)
    for number in range(9):
        try:
            step(lambda: desk, on)
        except KeyboardInterrupt:
            continue
        return number
    raise AssertionError("it is tried for ever")


@pytest.mark.parametrize(
    "where", [(sieve, "sort"), (StoredMonth, "found"), (runner.Asking, "rows"), (runner.Work, "_manifest")]
)
def test_a_job_that_ends_its_runner_is_given_up_and_the_next_is_done(place, monkeypatch, where):
    desk, app, principal = place
    bad, good = (made(app, principal, asked("T00001"), key=key) for key in "ab")
    for waiting in (bad, good):  # by time, then by number
        with desk.store.writing() as connection:
            later = NOW + timedelta(seconds=waiting == good)
            connection.execute(update(JOBS).where(JOBS.c.job == waiting.rpartition("/")[2]).values(at=later))
    with monkeypatch.context() as patched:
        assert attempts(desk, patched, where, ends) == runner.MOST_ATTEMPTS
    state = get(app, bad, principal).json
    assert (state["state"], state["fault"], state["files"]) == ("failed", "given_up", [])
    assert step(lambda: desk, on)
    assert get(app, good, principal).json["state"] == "done"


def test_an_attempt_that_gets_further_or_is_asked_to_stop_is_no_reason_to_give_up(place, monkeypatch):
    desk, app, principal = place
    monkeypatch.setattr(runner, "CHUNK", 40)
    where, whole = made(app, principal, asked(*codes())), runner.Asking.rows
    tries = []

    def once(*given):
        """A chunk is done, then the runner ends; in between it is asked to stop."""
        tries.append(given)
        if len(tries) % 2:
            return whole(*given)
        raise (KeyboardInterrupt, StoppedError)[len(tries) % 4 == 0]

    with monkeypatch.context() as patched:
        patched.setattr(runner.Asking, "rows", once)
        for _ in range(9):
            try:
                step(lambda: desk, on)
            except (KeyboardInterrupt, StoppedError):
                continue
    assert len(tries) == 9
    assert get(app, where, principal).json["state"] == "done"


def test_a_disk_without_room_ends_a_job_in_words_of_its_own(place, monkeypatch):
    """/dev/full refuses every byte as a full disk does."""
    desk, app, principal = place
    where = made(app, principal, asked("T00001"))
    monkeypatch.setattr(runner, "CSV", "/dev/full")
    assert step(lambda: desk, on)
    state = get(app, where, principal).json
    assert (state["state"], state["fault"], state["files"]) == ("failed", "disk_full", [])
    assert not (desk.home / "jobs" / state["job"]).exists()


def test_files_are_gone_after_a_week(place):
    desk, app, principal = place
    where, state = done(desk, app, principal, asked("T00001"))
    sweep(replace(desk, now=lambda: NOW + timedelta(days=6)))
    assert get(app, where, principal).status == 200
    sweep(replace(desk, now=lambda: NOW + timedelta(days=400)))
    assert get(app, where, principal).status == 404
    assert not (desk.home / "jobs" / state["job"]).exists()


def test_a_runner_that_is_killed_is_started_again_and_the_job_is_done(copied, tmp_path, monkeypatch):
    copied.promote()
    root = tmp_path / "root"
    root.mkdir()
    (root / "small").symlink_to(copied.home)
    store = Store(f"sqlite:///{root / 'small' / 'store' / 'store.db'}")
    store.upgrade()
    monkeypatch.setenv("JIANWEI_HOME", str(root))
    monkeypatch.setenv("JIANWEI_PROFILE", str(copied.folder / "profile"))
    monkeypatch.setenv("JIANWEI_NOW", NOW.isoformat())
    monkeypatch.delenv("JIANWEI_STORE", raising=False)
    home = settings.read().home
    desk = replace(desk_of(copied, store), home=home)
    app, principal = application(lambda: desk), holder(store)
    (tmp_path / "elsewhere" / "serving").mkdir(parents=True)
    (tmp_path / "elsewhere" / "serving" / "__init__.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.chdir(tmp_path / "elsewhere")
    helper = Runner("serving.runner")
    helper.start()
    try:
        first = _until(lambda: helper.pid)
        os.kill(first, signal.SIGKILL)
        where = made(app, principal, asked(*codes()))
        assert _until(lambda: get(app, where, principal).json["state"] == "done")
        second = helper.pid
        assert second != first
    finally:
        helper.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)


def _until(true, seconds=60):
    for _ in range(seconds * 10):
        if found := true():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come to that")
