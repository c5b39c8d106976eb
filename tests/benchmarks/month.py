"""A month of a simulated province, step by step: python tests/benchmarks/month.py [ENTITIES] [HOME].

Prints seconds by verb and by step of the month, and peak memory of every verb's own process. A home that was used
before is continued: what is there is not made again.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BIN = Path(sys.executable).parent / "jianwei"
KNOWN_BY = "2025-12-31"


def verb(environment, *words):
    """The JSON of a verb run in a process of its own, its seconds and its peak memory in GiB."""
    started = time.monotonic()
    process = subprocess.Popen([str(BIN), *words, "--json"], stdout=subprocess.PIPE, env=environment, text=True)
    text = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    if status not in {0}:
        sys.exit(f"jianwei {words[0]} ended with {os.waitstatus_to_exitcode(status)}")
    return json.loads(text), time.monotonic() - started, used.ru_maxrss / 2**20


def main():
    entities = sys.argv[1] if len(sys.argv) > 1 else "200000"
    home = Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp(prefix="jianwei-month-"))
    environment = {**os.environ, "JIANWEI_HOME": str(home / "var"), "JIANWEI_MLRUNS": str(home / "mlruns")}
    rows = []

    def timed(name, *words):
        found, seconds, peak = verb(environment, *words)
        rows.append((name, seconds, peak))
        print(f"{name:28} {seconds:8.1f} s {peak:7.2f} GiB", flush=True)
        return found

    timed("simulate", "simulate", "--entities", entities, "--detection", "10")
    place = next((home / "var").iterdir())
    folders = sorted(str(path.parent) for path in (place / "deliveries").glob("*/*/manifest.json"))
    receipts = timed("intake", "intake", *folders)
    sent = sum(receipt["sent"] for receipt in receipts)
    timed("matrix", "matrix", "--as-of", "2026-01-31")
    timed("train", "train", "--known-by", KNOWN_BY)
    verdict = timed("evaluate", "evaluate")["gate"]["verdict"]
    for person in ("analyst", "approver"):
        timed(f"keys {person}", "keys", "create", person)
    why = ["--reason", "benchmark"] if verdict == "review" else []
    timed("propose", "promote", "propose", "--as", "analyst", *why)
    timed("approve", "promote", "approve", "--as", "approver")
    months = [timed(f"month {name}", "month", name) for name in ("2026-01", "2026-02")]
    for month in months:
        for step, seconds in month["seconds"].items():
            print(f"  {month['month']} {step:20} {seconds:8.1f} s")
    print(
        json.dumps(
            {
                "entities": int(entities),
                "records": sent,
                "intake_rows_per_s": sent / next(seconds for name, seconds, _ in rows if name == "intake"),
                "seconds": {name: round(seconds, 1) for name, seconds, _ in rows},
                "peak_gib": {name: round(peak, 2) for name, _, peak in rows},
                "month_steps": {month["month"]: month["seconds"] for month in months},
                "largest_error": max(month["largest_error"] for month in months),
                "self_peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
            }
        )
    )


if __name__ == "__main__":
    main()
