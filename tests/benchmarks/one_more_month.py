"""A monthly delivery on top of a whole history: python tests/benchmarks/one_more_month.py HOME [PERIODS].

HOME has deliveries (as tests/benchmarks/province.py leaves them). All but those of the newest period (or so many
periods) are taken into a home of their own beside it, then these, together: both are timed. The same again shows what
rows known already cost. The home is removed afterwards. Prints JSON.
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
    periods = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    newest = sorted({folder.name for folder in every})[-periods:]
    with TemporaryDirectory(dir=home.parent) as root:
        parts = [[one for one in every if (one.name in newest) == is_newest] for is_newest in (False, True)]
        history, month, again = (taken(part, root, home.name) for part in (*parts, parts[1]))
    print(json.dumps({"history": history, "month": month, "again": again}))


if __name__ == "__main__":
    main()
