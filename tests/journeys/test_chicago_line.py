"""The comparison on real inspections, as a command: a few businesses of the city, one window."""

import json
import subprocess
import sys

import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.profile import PROFILES

ROOT = PROFILES.parent
TABLES = ROOT / "examples" / "chicago-food"


def some(folder, count):
    """The tables of some businesses."""
    inspections = pq.read_table(TABLES / "inspections.parquet")
    inspections = inspections.filter(pc.is_in(inspections["licence_no"], pc.unique(inspections["licence_no"])[:count]))
    pq.write_table(inspections, folder / "inspections.parquet")
    for name, column in (("licences", "inspection_id"), ("violations", "inspection_id"), ("visits", "licence_no")):
        table = pq.read_table(TABLES / f"{name}.parquet")
        pq.write_table(
            table.filter(pc.is_in(table[column], pc.unique(inspections[column]))), folder / f"{name}.parquet"
        )
    requests = pq.read_table(TABLES / "sanitation_requests.parquet").slice(0, 300)
    pq.write_table(requests, folder / "sanitation_requests.parquet")


def test_the_command_takes_tables_scores_a_window_and_prints_one_document(tmp_path):
    (tmp_path / "tables").mkdir()
    some(tmp_path / "tables", 600)
    command = [
        sys.executable,
        "scripts/chicago.py",
        "--data",
        str(tmp_path / "tables"),
        "--home",
        str(tmp_path / "home"),
    ]
    made = subprocess.run(
        [*command, "--test", "2014-01-01:2014-04-15"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    document = json.loads(made.stdout.strip().splitlines()[-1])
    window = document["windows"]["test"]
    assert window["n"] > 50
    for score in ("planned", "no_control", "logistic", "lightgbm", "forest", "planned_dated"):
        assert 0.3 < window[score]["auc"] < 0.9
    assert sum(one["rows"] for one in window["reliability"]["bins"]) == window["n"]
    assert "nobody tuned it" in made.stdout
    page = (tmp_path / "home" / "reliability.html").read_text()
    assert page.count("<svg") == 1
    again = subprocess.run(
        [*command, "--test", "2014-09-01:2014-08-01"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert again.returncode == 2
    assert "the first day lies after the last" in again.stderr
