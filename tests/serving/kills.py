"""Kill a month at points spread over its run, resume it, and compare bytes: python kills.py TOWN NUMBER.

Every attempt is a fork of this process before any engine has started a thread. A point is an event of Python's
audit log that touches the home: a file opened for writing, renamed, linked, removed.
"""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1])]

import lightgbm  # noqa: E402, F401 - imported before forking, so that every attempt starts warm
import woodelf  # noqa: E402, F401
from town import Town  # noqa: E402

from features import steps  # noqa: E402
from serving import ledger, monthly  # noqa: E402
from serving.results import publisher_key  # noqa: E402
from training import boosters  # noqa: E402

boosters.tried = lambda *_, **__: None  # a process of its own for every scheme: not what is tried here
EVENTS = ("os.rename", "os.link", "os.remove", "os.rmdir", "os.mkdir")
MONTH = "2025-12"


def attempt(folder, *, kill_at=None):
    """The exit status of a fork that classifies the month, and how many points it passed."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        code = 1
        try:
            passed = run(folder, kill_at)
            os.write(writer, str(passed).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = pipe.read()
    return os.waitpid(child, 0)[1], int(told or 0)


def run(folder, kill_at):
    passed = 0
    home = str(folder)

    def watch(event, arguments):
        nonlocal passed
        path = str(arguments[0]) if arguments else ""
        writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
        if path.startswith(home) and (writes or event in EVENTS):
            passed += 1
            if passed == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    Town.at(folder).classify(MONTH)
    return passed


def fingerprint(folder):
    months = folder / "home" / "months"
    return {
        str(path.relative_to(months)): steps.file_digest(path) for path in sorted(months.rglob("*")) if path.is_file()
    }


def main():
    folder, number = Path(sys.argv[1]), int(sys.argv[2])
    publisher_key(folder / "home")
    ledger.salt_secret(folder / "home" / "keys")
    clean = folder.with_name("clean")
    shutil.copytree(folder, clean)
    status, points = attempt(clean)
    assert status == 0
    expected = fingerprint(clean)
    killed, different, left, homes = 0, [], [], []
    for trial in range(number):
        copy = folder.with_name(f"trial-{trial}")
        shutil.copytree(folder, copy)
        at = 1 + trial * (points - 1) // max(number - 1, 1)
        status, _ = attempt(copy, kill_at=at)
        killed += os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        resumed, _ = attempt(copy)
        if resumed or fingerprint(copy) != expected:
            different.append(at)
        home = copy / "home"
        left += [str(path) for path in (*home.rglob(".*"), *(home / "work").iterdir())]
        homes.append(home)
    faults = [str(fault) for home in homes for fault in monthly.verify(home)]  # starts threads: after the last fork
    found = {"points": points, "killed": killed, "different": different, "left_over": left, "faults": faults}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
