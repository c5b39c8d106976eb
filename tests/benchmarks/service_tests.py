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
# Of each name: the files, whether also their slow tests run, what must be at least, and what must be nought.
FIGURES = {
    "fuzz": (("tests/serving/test_fuzz.py",), True, {"requests": 50_000}, ("server_errors", "breaches", "not_hit")),
    "matrix": (("tests/serving/test_authorisation.py",), False, {"cells": 1}, ("wrong",)),
    "mutations": (("tests/serving/test_mutations.py",), True, {"mutations": 2000}, ("accepted",)),
    "promotions": (("tests/serving/test_promotions.py",), True, {"promotions": 50}, ("mixed", "failed")),
}


def run(name, say):
    """The numbers the tests of a name recorded, with how many passed."""
    files, slow, least, nought = FIGURES[name]
    present = [path for path in files if (ROOT / path).is_file()]
    if present != list(files):
        say(f"{name}: tests missing", len(files) - len(present), 0)
        return {"missing": [path for path in files if path not in present]}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", *files, "-p", "no:cacheprovider", f"--junitxml={report}"]
        subprocess.run([*command, "-m", "slow or not slow"] if slow else command, cwd=ROOT, check=False)
        found = _read(report)
    for one, number in least.items():
        say(f"{name}: {one} short of {number}", max(0, number - found.get(one, 0)), 0)
    for one in ("failed_tests", *nought):
        say(f"{name}: {one}", found.get(one, 0), 0)
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
