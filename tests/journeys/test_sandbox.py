"""The sandbox: made by one command, killed half way and made on, never touching what is real."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from features.records.journal import Journal
from serving.sandbox import SANDBOX

ROOT = Path(__file__).resolve().parents[2]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def started(home, port):
    environment = {
        **os.environ,
        "JIANWEI_HOME": str(home),
        "JIANWEI_MLRUNS": str(home / "mlruns"),
        "JIANWEI_STORE": f"sqlite:///{home}/production.db",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "serving", "serve", "--sandbox", "--port", str(port)]
    return subprocess.Popen(command, env=environment, cwd=home, start_new_session=True)


def is_ready(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def until(holds, seconds):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.2)


@pytest.mark.slow
def test_a_sandbox_is_made_by_one_command_and_goes_on_after_a_kill(tmp_path):
    home, port = tmp_path / "sandbox" / "jiangxi", free_port()
    first = started(tmp_path, port)
    until((home / "training").is_dir, 300)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    again = started(tmp_path, port)
    try:
        until(lambda: is_ready(port), 900)
    finally:
        again.terminate()
        assert again.wait(20) == 0
    acts = [(entry.action, entry.actor) for entry in Journal.of(home).entries()]
    assert Counter(action for action, _ in acts)["intake"] == 1
    assert len({actor for action, actor in acts if action.startswith("promotion")}) == 2
    done = subprocess.run(
        [sys.executable, "-m", "serving", "status", "--json"],
        env={**os.environ, "JIANWEI_HOME": str(tmp_path), "JIANWEI_SANDBOX": "1", "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    months = json.loads(done.stdout)["months"]
    assert tuple(one["month"] for one in months) == SANDBOX.months
    assert all(count > 0 for count in months[-1]["classes"].values())
    assert {path.name for path in tmp_path.iterdir()} == {"sandbox"}
