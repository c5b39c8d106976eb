"""Rows a second of an intake, by step: ``python tests/benchmarks/intake.py [rows]`` from the project's root."""

import resource
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[2]), str(HERE.parents[1] / "features" / "records")]

from small_place import NOW, Home, entity, penalty  # noqa: E402 the path is set above

from features.records.intake import take  # noqa: E402


def main(rows: int) -> None:
    """Print wall time and rows a second of taking a register and so many penalties, then of taking them again."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        entities = max(1000, rows // 10)
        deliveries = [
            home.deliver("register", {"entity.csv": ("entity", [entity(number) for number in range(entities)])}),
            home.deliver("penalties", {"p.csv": ("penalty", [penalty(n % entities, str(n)) for n in range(rows)])}),
        ]
        for what in ("new rows", "the same rows again"):
            steps: dict[str, float] = {}
            began = time.perf_counter()

            def step(name: str, done: int, total: int, *, since: float = began, into: dict[str, float] = steps) -> None:
                into[name] = time.perf_counter() - since

            receipts = take(deliveries, lake=home.lake, journal=home.journal, recorded_at=NOW, progress=step)
            lasted = time.perf_counter() - began
            sent = sum(receipt.sent for receipt in receipts)
            shown = ", ".join(f"{name} until {seconds:.1f} s" for name, seconds in steps.items())
            print(f"{what}: {sent:,} rows in {lasted:.1f} s, {sent / lasted:,.0f} rows/s ({shown})")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"peak memory {peak:.1f} GiB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
