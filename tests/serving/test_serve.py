"""The verb that serves: workers, stopping, and a start before there is anything to answer from."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from offices import load
from running import ROOT, VERB, Running, housed, until
from sqlalchemy import delete, select, update

from features.steps import ResourceError
from serving.http import ProblemError, problem_body
from serving.process import listen
from serving.tables import LOADS

ASKED = json.dumps({"subjects": [{"entity": "T00006"}]}).encode()


@pytest.fixture(scope="module")
def promoted(classified, tmp_path_factory):
    return housed(classified, tmp_path_factory.mktemp("serve") / "town")


def test_a_worker_that_dies_is_started_again_and_all_stop_together(promoted):
    key = promoted.key("probability")
    with Running(promoted, JIANWEI_WORKERS="2", JIANWEI_STORE=f"{promoted.store.url}?timeout=7") as server:
        first = server.workers
        assert len(first) == 2
        os.kill(first[0], signal.SIGKILL)
        assert until(lambda: len(set(server.workers) - set(first)) == 1)
        server.wait(60)
        assert all(server.get("/v1/entities/T00006/class", key=key)[0] == 200 for _ in range(20))
        for process in (server.process.pid, *server.workers):
            shown = Path(f"/proc/{process}/cmdline").read_bytes()
            assert b"sqlite" not in shown
            assert b"timeout=7" not in shown
        last = server.workers
        assert server.stop() == 0
        assert not any(Path(f"/proc/{one}").exists() for one in last)


def test_workers_end_with_their_parent(promoted):
    server = Running(promoted, "--workers", "2")
    try:
        assert until(lambda: server.answers("/livez") == 200)
        crew = server.workers
        server.process.kill()
        server.process.wait()
        assert until(lambda: not any(Path(f"/proc/{one}").exists() for one in crew))
    finally:
        server.stop()


def test_a_request_under_way_is_answered_before_the_service_stops(promoted):
    with Running(promoted) as server:
        head = (
            f"POST /v1/scores HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {promoted.key()}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(ASKED)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as open_one:
            open_one.sendall(head.encode() + ASKED[:5])
            time.sleep(0.3)
            server.process.terminate()
            time.sleep(0.5)
            open_one.sendall(ASKED[5:])
            assert open_one.recv(100).startswith(b"HTTP/1.1 200 ")
        assert server.process.wait(15) == 0


def test_the_service_is_ready_only_while_there_is_a_sound_scheme_and_month_to_answer_from(promoted, tmp_path):
    shutil.copytree(promoted.folder, tmp_path / "town")
    town = type(promoted)(tmp_path / "town")
    key = town.key()
    with town.store.writing() as connection:
        connection.execute(delete(LOADS))
    shutil.move(town.home / "journal.jsonl", tmp_path / "journal.jsonl")
    shutil.move(town.home / "keys" / "trainer.pub", tmp_path / "trainer.pub")  # not even a scheme was made
    server = Running(town)
    try:
        assert until(lambda: server.answers("/livez") == 200)
        assert refused(server, key)
        shutil.move(tmp_path / "trainer.pub", town.home / "keys" / "trainer.pub")
        assert refused(server, key)
        shutil.move(tmp_path / "journal.jsonl", town.home / "journal.jsonl")
        assert refused(server, key)
        load(town, town.store, "2025-12")
        with town.store.writing() as connection:  # as a stranger with the database, but not the publisher's key, could
            told = connection.scalar(select(LOADS.c.told))
            told["parts"][0]["head"]["lake"] = "other"
            connection.execute(update(LOADS).values(told=told))
        time.sleep(1)  # the scheme is found meanwhile
        assert refused(server, key)
        load(town, town.store, "2025-12", again=True)
        server.wait()
        assert server.get("/v1/entities/T00006/class", key=key)[0] == 200
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(15) == 0
    finally:
        server.stop()


def refused(server, key):
    """Whether it is not ready, and answers nobody."""
    status, _, body = server.get("/v1/entities/T00006/class", key=key)
    return (server.answers("/readyz"), status, body) == (503, 503, problem_body(ProblemError("unavailable")))


@pytest.mark.parametrize(
    ("words", "settings", "said"),
    [
        ([], {"WORKERS": "many"}, "JIANWEI_WORKERS is 'many'; expected 1 to 64"),
        (["--workers", "999"], {}, "--workers is '999'; expected 1 to 64"),
        ([], {"GATEWAYS": "10.0.0.0/99"}, "JIANWEI_GATEWAYS: '10.0.0.0/99' does not appear to be"),
    ],
)
def test_a_setting_that_is_none_is_refused_in_one_line_before_anything_is_begun(promoted, words, settings, said):
    stated = {f"JIANWEI_{name}": value for name, value in settings.items()}
    done = subprocess.run(
        [sys.executable, "-c", VERB, "serve", *words],
        check=False,
        cwd=ROOT,
        env={**os.environ, "JIANWEI_HOME": str(promoted.home.parent), **stated},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("127.0.0.1", "another process listens there"),
        ("192.0.2.1", "this machine has no such address"),
        ("nowhere.invalid", "Name or service not known"),
    ],
)
def test_an_address_that_cannot_be_had_is_named_and_why(host, said):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ResourceError, match=f"{host}, port {port}: {said}.*choose another --port"):
            listen(host, port)


def test_a_service_whose_framework_would_report_home_does_not_start():
    code = "import bentoml; from serving.service import check_silent; check_silent()"
    environment = {name: value for name, value in os.environ.items() if name != "BENTOML_DO_NOT_TRACK"}
    code = f"from bentoml._internal.utils.analytics.usage_stats import do_not_track; do_not_track(); {code}"
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert "BentoML would report its use to its makers" in done.stderr
