"""A monthly delivery on top of a whole history: python tests/benchmarks/one_more_month.py HOME.

HOME has deliveries (as tests/benchmarks/province.py leaves them). All but those of the newest period are taken into a
home of their own beside it, then those of the newest period: that is what is timed. The home is removed afterwards.
Prints JSON.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory


def taken(folders, root, profile):
    """How long an intake takes, and what became of the rows."""
    command = [str(Path(sys.executable).parent / "jianwei"), "intake", *map(str, folders), "--json"]
    environment = {**os.environ, "JIANWEI_HOME": root, "JIANWEI_PROFILE": profile}
    started = time.monotonic()
    printed = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout
    seconds = time.monotonic() - started
    receipts = json.loads(printed.strip().splitlines()[-1])
    counts = {name: sum(one[name] for one in receipts) for name in ("sent", "accepted", "duplicate", "rejected")}
    return {**counts, "seconds": seconds, "rows_per_s": counts["sent"] / seconds}


def main():
    home = Path(sys.argv[1]).absolute()
    every = sorted(path.parent for path in (home / "deliveries").glob("*/*/manifest.json"))
    newest = max(folder.name for folder in every)
    with TemporaryDirectory(dir=home.parent) as root:
        parts = [[one for one in every if (one.name == newest) == is_newest] for is_newest in (False, True)]
        history, month = (taken(part, root, home.name) for part in parts)
    print(json.dumps({"history": history, "month": month}))


if __name__ == "__main__":
    main()
