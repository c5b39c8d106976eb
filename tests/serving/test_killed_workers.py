"""A worker killed while requests run: the others go on, another takes its place, and every chain of the audit holds."""

import http.client
import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from running import Running, housed, until
from test_cli import typed
from town import NOW, settle

from serving import audit
from serving.audit import FOLDER

CALLERS = 6
KILLS = 2


@pytest.fixture(scope="module")
def killed(classified, tmp_path_factory):
    """A town with a lake of the product's own, two published months and a champion."""
    found = housed(classified, tmp_path_factory.mktemp("killed") / "town")
    settle(found)
    return found


def call(server, key, ended):
    """What one caller was answered until all ended: statuses, or the fault of a connection that ended."""
    found = Counter()
    while not ended.is_set():
        try:
            found[server.get("/v1/entities/T00006/class", key=key)[0]] += 1
        except (OSError, http.client.HTTPException) as fault:
            found[type(fault)] += 1
    return found


def faults():
    return typed("status", "--verify", "--json").json["verified"]["faults"]


def writers(town):
    return len(list((town.home / FOLDER).glob("*.jsonl")))


def test_a_killed_worker_is_replaced_while_others_answer_and_no_chain_breaks(killed, monkeypatch):
    for name, value in {"HOME": killed.folder, "PROFILE": killed.folder / "profile", "NOW": NOW.isoformat()}.items():
        monkeypatch.setenv(f"JIANWEI_{name}", str(value))
    before_all = faults()  # of a lake that no intake made
    key, ended = killed.key(), Event()
    with Running(killed, "--workers", "2") as server, ThreadPoolExecutor(CALLERS) as pool:
        assert until(lambda: len(server.workers) == 2)
        assert until(lambda: all(server.answers("/readyz") == 200 for _ in range(40)))  # whichever of both is asked
        try:
            callers = [pool.submit(call, server, key, ended) for _ in range(CALLERS)]
            for kill in range(KILLS):
                assert until(lambda kill=kill: writers(killed) >= 2 + kill, 60)  # each worker has answered somebody
                before = server.workers
                os.kill(before[0], signal.SIGKILL)
                assert until(lambda before=before: len(set(server.workers) - set(before)) == 1, 60)
            assert until(lambda: writers(killed) >= 2 + KILLS, 60)
        finally:
            ended.set()
        found = sum((one.result() for one in callers), Counter())
        assert audit.verify(killed.home) == []  # while they write
    broken = {what: count for what, count in found.items() if what != 200}
    assert all(isinstance(what, type) for what in broken), found  # cut off, never answered wrongly
    assert sum(broken.values()) <= CALLERS * KILLS
    assert found[200] > 10 * CALLERS
    assert faults() == before_all
    told = sum(path.read_bytes().count(b'"route":"class"') for path in (killed.home / FOLDER).glob("*.jsonl"))
    assert told >= found[200]  # nobody was told without a line
