"""Helper processes: tasks in order, faults as they were, and nobody left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from features import steps
from features.crew import Crew, Task
from features.profile import ProfileError

ROOT = Path(__file__).resolve().parents[2]
ECHO = "builtins:dict"
KEEPER = """
import os, sys
from pathlib import Path
from features.crew import Crew, Task
from features.steps import lock
with lock(Path(sys.argv[1]), "work"), Crew(1) as crew:
    pid = crew.run([Task("pid", "os:getpid", {})])["pid"]
    print(pid, flush=True)
    crew.run([Task("long", "subprocess:call", {"args": ["sleep", "30"]})])
"""


@pytest.mark.parametrize("size", [0, 2])
def test_the_largest_goes_first_and_parents_before_children(size):
    seen = []

    def done(task, answer):
        seen.append((task.name, answer))
        return {"told": [name for name, _ in seen]}

    tasks = [
        Task("child", ECHO, {"x": 1}, size=100, after=["parent"]),
        Task("parent", ECHO, {"x": "名"}, size=1),
        Task("large", ECHO, {"x": None}, size=50),
    ]
    with Crew(size) as crew:
        answers = crew.run(tasks, done)
    assert answers["parent"]["x"] == "名"
    assert set(answers["child"]["told"]) >= {"parent"}
    names = [name for name, _ in seen]
    assert names.index("parent") < names.index("child")
    assert size or names == ["large", "parent", "child"]


@pytest.mark.parametrize("size", [0, 1])
def test_a_fault_keeps_its_class_and_its_words(size):
    asked = Task("x", "features.profile:read_profile", {"name_or_path": "atlantis"})
    with pytest.raises(ProfileError, match="No profile 'atlantis'"), Crew(size) as crew:
        crew.run([asked, Task("y", ECHO, {}, size=0)])


def test_a_fault_of_another_make_tells_what_the_helper_saw():
    with pytest.raises(RuntimeError, match="Traceback"), Crew(1) as crew:
        crew.run([Task("x", "json:loads", {"s": "{"})])


def test_a_helper_that_dies_is_a_clear_error():
    told = "A helper process ended with 7 .* run the same command again"
    with pytest.raises(steps.ResourceError, match=told), Crew(2) as crew:
        crew.run([Task("x", "os:_exit", {"status": 7}), Task("y", ECHO, {})])


def test_a_fault_ends_what_others_are_doing():
    started = time.monotonic()
    with pytest.raises(ProfileError), Crew(2) as crew:
        crew.run(
            [
                Task("long", "subprocess:call", {"args": ["sleep", "30"]}, size=2),
                Task("x", "features.profile:read_profile", {"name_or_path": "atlantis"}),
            ]
        )
    assert time.monotonic() - started < 20


def test_tasks_that_wait_for_each_other_are_found_out():
    with pytest.raises(AssertionError, match="wait for each other"), Crew(0) as crew:
        crew.run([Task("a", ECHO, {}, after=["b"]), Task("b", ECHO, {}, after=["a"])])
    with pytest.raises(AssertionError, match="wait for each other"), Crew(2) as crew:
        crew.run([Task("a", ECHO, {}), Task("child", ECHO, {}, after=["a", "nobody"])])


def test_what_a_helper_prints_does_not_get_among_its_answers():
    with Crew(1) as crew:
        asked = Task("x", "subprocess:call", {"args": ["echo", "not an answer"]})
        assert crew.run([asked, Task("y", ECHO, {"z": 1})]) == {"x": 0, "y": {"z": 1}}


def test_helpers_of_a_killed_run_end_and_let_the_lock_go(tmp_path):
    keeper = subprocess.Popen([sys.executable, "-c", KEEPER, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT)
    helper = int(keeper.stdout.readline())
    with pytest.raises(steps.ResourceError, match=rf"is in use: work .process {keeper.pid}."):
        _take(tmp_path)
    os.kill(keeper.pid, signal.SIGKILL)
    keeper.wait()
    keeper.stdout.close()
    _take(tmp_path)
    assert not _runs(helper)
    assert (tmp_path / "lock").read_text() == ""


def _take(home):
    with steps.lock(home, "other"):
        pass


def _runs(process):
    """Whether a process is more than a name nobody has asked after yet."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes() != b""
    except (FileNotFoundError, ProcessLookupError):
        return False
