"""A machine that refuses disk or memory, or a home in use: a clear message, and nothing wrong is left."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import polars as pl
import pytest

from serving.entrance import exit_code, message

ROOT = Path(__file__).resolve().parents[2]
JIANWEI = Path(sys.executable).parent / "jianwei"
ENTITIES = "3000"


@pytest.fixture(scope="module")
def province(tmp_path_factory):
    """Deliveries of a small province, and what a lake made of them without trouble holds."""
    root = tmp_path_factory.mktemp("limits")
    assert ran(root / "plain", "simulate", "--entities", ENTITIES).returncode == 0
    folders = sorted(str(path.parent) for path in (root / "plain").glob("jiangxi/deliveries/*/*/manifest.json"))
    assert ran(root / "plain", "intake", *folders).returncode == 0
    return folders, standing(root / "plain")


def ran(home, *words, limit=None):
    environment = {**os.environ, "JIANWEI_HOME": str(home), "JIANWEI_PROFILE": "jiangxi"}
    if limit:  # coverage could not write what it measured of a process that may not write
        environment.pop("COVERAGE_PROCESS_CONFIG", None)
    command = [str(JIANWEI), *words]
    before = (lambda: resource.setrlimit(*limit)) if limit else None
    return subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        preexec_fn=before,
    )


def standing(home):
    """The verified lake of a home: rows by record type."""
    shown = ran(home, "status", "--verify", "--json")
    found = json.loads(shown.stdout)
    assert found["verified"]["faults"] == []
    return found["rows"] if "rows" in found else found["verified"]["lake_files"]


@pytest.mark.parametrize("most", [20_000, 200_000, 700_000])
def test_a_full_disk_ends_an_intake_with_15_and_the_next_one_takes_everything(tmp_path, province, most):
    folders, wanted = province
    found = ran(tmp_path, "intake", *folders, limit=(resource.RLIMIT_FSIZE, (most, most)))
    assert found.returncode == 15, found.stderr
    assert "no disk left" in found.stderr
    assert "run the same command again" in found.stderr
    assert "Traceback" not in found.stderr
    home = tmp_path / "jiangxi"
    assert not (home / "lake" / "current.json").exists()
    assert not (home / "lake" / ".staging").exists()
    assert ran(tmp_path, "intake", *folders).returncode == 0
    assert standing(tmp_path) == wanted


@pytest.mark.parametrize(
    "fault", [OSError(28, "No space left on device"), pl.exceptions.ComputeError("No space left on device")]
)
def test_whichever_library_meets_a_full_disk_people_read_the_same(fault):
    assert exit_code(fault) == 15
    assert message(fault).startswith("The machine has no disk left (")
    assert "Make room on the disk of the home" in message(fault)


@pytest.mark.parametrize(
    "fault",
    [
        MemoryError(),
        duckdb.OutOfMemoryException("could not allocate"),
        RuntimeError("Out of Memory Error: could not allocate block\nTraceback"),
    ],
)
def test_want_of_memory_is_told_as_such(fault):
    assert exit_code(fault) == 15
    assert "no memory left" in message(fault)
    assert "Traceback" not in message(fault)


def test_other_faults_stay_what_they_are():
    assert exit_code(KeyError("x")) is None
    assert message(ValueError("what")) == "what"
    assert "nothing more is known" in message(ValueError())


def test_a_second_run_says_who_holds_the_home(tmp_path, province):
    folders, _ = province
    environment = {**os.environ, "JIANWEI_HOME": str(tmp_path), "JIANWEI_PROFILE": "jiangxi"}
    first = subprocess.Popen([str(JIANWEI), "intake", *folders], env=environment, stderr=subprocess.DEVNULL)
    lock = tmp_path / "jiangxi" / "lock"
    while not (lock.is_file() and f"(process {first.pid})" in lock.read_text()):
        assert first.poll() is None
        time.sleep(0.02)
    second = ran(tmp_path, "intake", folders[0])
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert second.returncode == 15
    assert f"in use: intake (process {first.pid})" in second.stderr
