"""Two small provinces, simulated once for all tests of the simulation."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from features.asof import Month
from features.profile import Profile, read_profile
from features.simulation.province import Province, Summary, simulate

FIRST, LAST = Month(2017, 4), Month(2026, 3)
READERS = {
    ".csv": lambda path: pl.read_csv(path, infer_schema=False),
    ".jsonl": lambda path: pl.read_ndjson(path, infer_schema_length=None),
    ".parquet": pl.read_parquet,
}


@dataclass(frozen=True)
class Simulated:
    """A simulated province on disk."""

    home: Path
    summary: Summary

    def rows(self, record_type: str) -> pl.DataFrame:
        """All delivered rows of a record type as text, with their source."""
        paths = sorted(self.home.glob(f"deliveries/*/*/{record_type}.*"))
        frames = [
            READERS[path.suffix](path).select(pl.all().cast(pl.String), pl.lit(path.parts[-3]).alias("source"))
            for path in paths
        ]
        return pl.concat(frames, how="diagonal_relaxed")

    def truth(self, name: str) -> pl.DataFrame:
        """A table of the truth."""
        return pl.read_parquet(self.home / "truth" / f"{name}.parquet")


@pytest.fixture(scope="session")
def profile() -> Profile:
    return read_profile("jiangxi")


@pytest.fixture(scope="session")
def demo(profile, tmp_path_factory) -> Simulated:
    """The province of the demo: detection raised tenfold."""
    home = tmp_path_factory.mktemp("demo")
    return Simulated(home, simulate(profile, home, Province(20_000, 7, FIRST, LAST, 10.0)))


@pytest.fixture(scope="session")
def ordinary(profile, tmp_path_factory) -> Simulated:
    """The same province watched as closely as real ones are."""
    home = tmp_path_factory.mktemp("ordinary")
    return Simulated(home, simulate(profile, home, Province(20_000, 7, FIRST, LAST)))
