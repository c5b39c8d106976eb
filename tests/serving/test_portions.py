"""A month by portions: helpers, kills and what is kept of the month before change no byte of it."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from town import Settled, fingerprint
from world import ENGINES

from features.records.generation import LakeError
from serving import classification, contributions, ledger, monthly, pieces, portions
from training import explain

MONTHS = ("2025-11", "2025-12")
PORTION = 60  # of two hundred entities: four portions
HERE = Path(__file__).parent
SCRIPT = """
import sys
sys.path[:0] = sys.argv[1:4]
from pathlib import Path
from serving import portions
from town import Settled
portions.PORTION = int(sys.argv[5])
Settled(Path(sys.argv[4])).classify("2025-12", helpers=2)
"""


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Portions and parts so small that a town has several."""
    monkeypatch.setattr(portions, "PORTION", PORTION)


def folder_of(town, month=MONTHS[1]):
    return ledger.month_folder(town.home, month, 0)


def explained(town, month=MONTHS[1]):
    """What the manifest says of explanations."""
    return json.loads((folder_of(town, month) / "manifest.json").read_text())["explained"]


def test_helpers_change_no_byte_of_a_month(settled, twin):
    for month in MONTHS:
        settled.classify(month)
        twin.classify(month, helpers=2)
    assert len(pieces.files(folder_of(settled), ledger.RESULTS)) == 4
    assert fingerprint(settled) == fingerprint(twin)
    assert not list(monthly.verify(twin.home))


def test_on_spark_no_byte_of_a_month_changes(settled, twin):
    for month in MONTHS:
        settled.classify(month)
        run = twin.run(month)
        made = monthly.classify(replace(run, sources=replace(run.sources, engine=ENGINES[-1])))
        assert made.made
    assert fingerprint(settled) == fingerprint(twin)
    assert explained(twin)["anew"] < explained(twin)["distinct"]
    assert not list(monthly.verify(twin.home))


def test_a_month_by_portions_says_what_a_month_in_one_piece_says(settled, classified):
    settled.classify(MONTHS[0])
    settled.classify(MONTHS[1])
    for month in MONTHS:
        for table in (ledger.RESULTS, classification.VECTORS, contributions.CONTRIBUTIONS, classification.EVIDENCE):
            one, other = (pieces.read(folder_of(town, month), table) for town in (settled, classified))
            assert one == other


def test_what_was_explained_last_month_is_kept_and_equals_what_explaining_gives(settled, monkeypatch):
    settled.classify(MONTHS[0])
    asked = []
    whole = explain.BulkExplainer.contributions

    def counted(self, codes):
        asked.append(len(codes))
        return whole(self, codes)

    monkeypatch.setattr(explain.BulkExplainer, "contributions", counted)
    settled.classify(MONTHS[1])
    stated = explained(settled)
    assert sum(asked) == stated["anew"]
    assert 0 < stated["anew"] < stated["distinct"] < stated["entities"]
    assert explained(settled, MONTHS[0])["anew"] == explained(settled, MONTHS[0])["distinct"]
    held = pieces.read(folder_of(settled), contributions.CONTRIBUTIONS)
    scheme = settled.scheme
    bins = np.array([list(vector) for vector in held[contributions.BINS].to_pylist()], np.uint8)
    plain = scheme.explained(bins).astype(np.float32)
    kept = np.column_stack([held[name].to_numpy() for name in scheme.used])
    assert held.column_names == [contributions.BINS, *scheme.used]
    assert np.array_equal(plain.view(np.uint32), kept.view(np.uint32))


def test_parts_of_explanations_change_nothing_but_how_they_are_filed(settled, twin, monkeypatch):
    settled.classify(MONTHS[0])
    settled.classify(MONTHS[1])
    monkeypatch.setattr(portions, "CHUNK", 7)
    monkeypatch.setattr(explain, "CHUNK", 7)
    monkeypatch.setattr(pieces, "GROUP", 5)
    for month in MONTHS:
        twin.classify(month)
        for table in (contributions.CONTRIBUTIONS, ledger.RESULTS):
            one, other = (pieces.read(folder_of(town, month), table) for town in (settled, twin))
            assert one == other
    assert len(pieces.files(folder_of(twin), contributions.CONTRIBUTIONS)) > 5
    assert explained(settled) == explained(twin)


def test_another_scheme_keeps_nothing_of_the_month_before(settled):
    settled.classify(MONTHS[0])
    run = settled.run(MONTHS[1])
    other = replace(settled.scheme, rules=settled.scheme.rules[:1])
    assert other.digest != settled.scheme.digest
    monthly.classify(replace(run, sources=replace(run.sources, scheme=other)))
    stated = explained(settled)
    assert stated["anew"] == stated["distinct"]


def test_killed_with_helpers_at_work_the_same_command_ends_in_the_same_bytes(settled, twin):
    for town in (settled, twin):
        town.classify(MONTHS[0])
    settled.classify(MONTHS[1])
    work = twin.home / "work" / f"{MONTHS[1]}-0"
    places = [str(HERE), str(HERE.parent), str(HERE.parents[1])]
    command = [sys.executable, "-c", SCRIPT, *places, str(twin.folder), str(PORTION)]
    for reached in ("known", "scored-001", "explained-000", "cited-000", "digested-000"):
        with subprocess.Popen(command, start_new_session=True) as process:
            _wait_for(work / reached, process)
            os.kill(process.pid, signal.SIGKILL)
        assert not folder_of(twin).exists()
    subprocess.run(command, check=True)
    assert fingerprint(settled) == fingerprint(twin)
    assert not list((twin.home / "work").iterdir())
    assert not list(monthly.verify(twin.home))


def _wait_for(path, process):
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.001)


@pytest.mark.parametrize("helpers", [0, 2])
def test_a_file_of_the_lake_that_cannot_be_read_is_named_and_the_month_waits(settled, helpers):
    path = settled.home / "lake" / "event" / "0.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:-200] + bytes([whole[-200] ^ 1]) + whole[-199:])
    with pytest.raises(LakeError, match=r"event/0\.parquet is damaged.*Restore"):
        settled.classify(MONTHS[0], helpers=helpers)
    assert not (settled.home / "months").exists()
    path.write_bytes(whole)
    again = Settled(settled.folder)
    assert again.classify(MONTHS[0], helpers=helpers).made
    assert not list((settled.home / "work").iterdir())


def test_a_month_that_earlier_versions_sealed_gives_nothing_to_keep_and_is_followed_all_the_same(settled, monkeypatch):
    with monkeypatch.context() as earlier:
        earlier.setattr(contributions, "BINS", "sides")
        settled.classify(MONTHS[0])
    settled.classify(MONTHS[1])
    stated = explained(settled)
    assert stated["anew"] == stated["distinct"]
