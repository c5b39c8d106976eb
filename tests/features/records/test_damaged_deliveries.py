"""Deliveries changed byte by byte on their way: the counts add up, nothing crashes, and no bit of Parquet is silent."""

import json
import shutil
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st
from small_place import BACKLOAD, entity, penalty

from features.records import runs

ROWS = [penalty(number % 9, str(number), authority="东湖,区局") for number in range(40)]


def damaged(content, draw):
    kind = draw.integers(5)
    place = int(draw.integers(len(content)))
    if kind == 0:
        return content[:place]
    if kind == 1:
        return content[:place] + content[place + int(draw.integers(1, 30)) :]
    if kind == 2:
        return content[:place] + draw.bytes(int(draw.integers(1, 5))) + content[place:]
    if kind == 3:
        other = int(draw.integers(len(content)))
        return content[:place] + content[other : other + 50] + content[place:]
    return content[:place] + bytes([content[place] ^ (1 << int(draw.integers(8)))]) + content[place + 1 :]


def test_whatever_happens_to_a_file_every_row_found_is_accounted_for(home):
    register = home.deliver("register", {"entity.csv": ("entity", [entity(number) for number in range(9)])})
    draw = np.random.default_rng(7)
    folders = [register]
    for number in range(150):
        form = ("csv", "jsonl")[number % 2]
        folder = home.deliver(f"d{number:03d}", {f"p.{form}": ("penalty", ROWS)})
        path = folder / (f"p.{form}" if number % 3 else "manifest.json")
        path.write_bytes(damaged(path.read_bytes(), draw))
        folders.append(folder)
    receipts = home.take(*folders)
    assert len(receipts) == 151
    for receipt in receipts:
        counted = receipt.accepted + receipt.duplicate + receipt.rejected + receipt.unmatched
        assert receipt.sent == counted
        assert receipt.refused is None or receipt.sent == 0
    assert sum(receipt.rejected for receipt in receipts) > 50
    assert sum(receipt.refused is not None for receipt in receipts) > 10
    home.journal.verify()
    home.lake.verify()


def test_no_change_of_a_parquet_file_is_silent(home, tmp_path):
    path = tmp_path / "p.parquet"
    pq.write_table(pa.Table.from_pylist(ROWS), path, write_page_checksum=True)
    draw = np.random.default_rng(8)
    folders = []
    for number in range(60):
        folder = home.deliver(f"d{number}", {"p.parquet": ("penalty", path.read_bytes())})
        (folder / "p.parquet").write_bytes(damaged(path.read_bytes(), draw))
        folders.append(folder)
    assert {receipt.refused for receipt in home.take(*folders)} == {"file_digest"}


def test_bits_flipped_before_the_digest_was_taken_are_found_by_the_pages(home, tmp_path):
    path = tmp_path / "p.parquet"
    pq.write_table(pa.Table.from_pylist(ROWS), path, write_page_checksum=True)
    whole = path.read_bytes()
    end = len(whole) - int.from_bytes(whole[-8:-4], "little") - 8
    folders = []
    for number, place in enumerate(range(40, end, end // 60)):
        flipped = whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :]
        folders.append(home.deliver(f"d{number}", {"p.parquet": ("penalty", flipped)}))
    good = {"e.csv": ("entity", [entity(number) for number in range(9)]), "p.parquet": ("penalty", whole)}
    home.take(home.deliver("good", good))
    receipts = home.take(*folders)
    taken = [receipt for receipt in receipts if receipt.refused != "file_undecodable"]
    assert len(taken) < len(receipts) / 2
    # what was taken has its flipped bit in a page's header, where nothing is said about values
    assert all(receipt.duplicate == receipt.sent == 40 for receipt in taken)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=5,
)
MANIFEST = {"delivery": "d", "source": "gsxt", "period": None, "mapping": None, "backload": BACKLOAD}
FILE = {"path": "p.csv", "record_type": "penalty", "version": 1, "format": "csv", "rows": 40, "sha256": None}


@settings(max_examples=4, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([*MANIFEST, *FILE]), JSON), min_size=30, max_size=30))
def test_any_value_in_a_manifest_is_taken_or_refused(tmp_path_factory, changes):
    from small_place import Home

    home = Home(tmp_path_factory.mktemp("m"))
    folders = []
    for number, (name, value) in enumerate(changes):
        folder = home.deliver(f"d{number}", {"p.csv": ("penalty", ROWS)})
        file = FILE | ({name: value} if name in FILE else {})
        manifest = MANIFEST | {"files": [file]} | ({name: value} if name in MANIFEST else {})
        (folder / "manifest.json").write_text(json.dumps(manifest))
        folders.append(folder)
    for receipt in home.take(*folders):
        assert receipt.sent == (0 if receipt.refused else 40)


def test_one_delivery_given_twice_in_one_command_is_counted_twice(home):
    rows = [penalty(1), penalty(2, fine="x")]
    files = {"e.csv": ("entity", [entity(1), entity(2)]), "p.csv": ("penalty", rows)}
    folder = home.deliver("d", files)
    copied = shutil.copytree(folder, home.folder / "copy")
    first, second = home.take(folder, copied)
    assert (first.accepted, first.rejected) == (3, 1)
    assert (second.duplicate, second.rejected) == (3, 1)
    assert len(list((home.lake.home / "rejects").glob("d*/p.csv.jsonl"))) == 2


def test_another_delivery_under_a_used_name_leaves_the_rejects_of_the_first(home):
    home.take(home.deliver("d", {"p.csv": ("penalty", [penalty(1, fine="x")])}))
    home.take(home.deliver("d", {"p.csv": ("penalty", [penalty(1, fine="y")] * 2)}))
    assert len(list((home.lake.home / "rejects").glob("d*/p.csv.jsonl"))) == 2
    (receipt,) = home.take(home.folder / "out" / "d")
    assert len(list((home.lake.home / "rejects").glob("d*/p.csv.jsonl"))) == 2
    assert any("taken before" in warning for warning in receipt.warnings)


def test_how_entities_are_spread_over_files_changes_nothing(home, tmp_path, monkeypatch):
    from small_place import Home

    monkeypatch.setattr(runs, "BUCKET_ENTITIES", 4)
    monkeypatch.setattr(runs, "PROVENANCE_FILES", 2)
    spread = Home(tmp_path / "spread")
    files = {"e.csv": ("entity", [entity(number) for number in range(9)]), "p.csv": ("penalty", ROWS)}
    for number in range(4):
        changed = [row | {"fine": str(number)} for row in ROWS[number::3]]
        spread.take(spread.deliver(f"d{number}", files | {"q.csv": ("penalty", changed)}))
    monkeypatch.undo()
    for number in range(4):
        home.take(spread.folder / "out" / f"d{number}")
    assert len(spread.lake.stored("penalty").paths) == 3
    assert len(home.lake.stored("penalty").paths) == 1
    assert len(spread.lake.provenance("penalty")) <= 4
    day = date(2026, 1, 1)
    assert spread.lake.digest(day) == home.lake.digest(day)
    assert spread.seen("penalty", day, columns=["record_id", "fine"]) == home.seen(
        "penalty", day, columns=["record_id", "fine"]
    )
