"""What tests count, as figures: a test run in a process of its own, and the numbers it records.

A test states a number with ``record_property("cells", 4321)``; numbers of a name add up over a file.
"""

import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as Xml

ROOT = Path(__file__).resolve().parents[2]
# Of each name: the file, which of its tests (as pytest's -k), what must be at least, and what must be nought.
FIGURES = {
    "fuzz": (
        "tests/serving/test_fuzz.py",
        "fifty_thousand",
        {"requests": 50_000},
        ("server_errors", "breaches", "not_hit"),
    ),
    "matrix": ("tests/serving/test_rights_matrix.py", "", {"cells": 1}, ()),
    "mutations": ("tests/serving/test_champion.py", "two_thousand_mutations", {"mutations": 2000}, ("accepted",)),
    "promotions": ("tests/serving/test_champion.py", "fifty_promotions", {"promotions": 50}, ("mixed", "failed")),
}


def run(name, say):
    """The numbers the tests of a name recorded, with how many passed."""
    path, which, least, nought = FIGURES[name]
    if not (ROOT / path).is_file():
        say(f"{name}: tests missing", 1, 0)
        return {"missing": path}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", path, "-k", which, "-m", "slow or not slow", f"--junitxml={report}"]
        subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=False)
        found = _read(report)
    for one, number in least.items():
        say(f"{name}: {one} short of {number}", max(0, number - found.get(one, 0)), 0)
    say(f"{name}: tests that failed", found.get("failed_tests", 0), 0)
    for one in nought:
        say(f"{name}: {one}", found.get(one), 0)  # a number that was not recorded is none, and missed
    return found


def _read(report):
    found, root = Counter(), Xml.parse(report).getroot()  # noqa: S314 - our own file
    for test in root.iter("testcase"):
        failed = test.find("failure") is not None or test.find("error") is not None
        found["failed_tests" if failed else "passed_tests"] += 1
        for stated in test.iter("property"):
            value = stated.get("value", "")
            if value.isdigit():
                found[stated.get("name")] += int(value)
    return dict(found)
