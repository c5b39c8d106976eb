"""A sealed month holds: rows, tree, heads and their chain, and every way of touching them is seen."""

import hashlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import signing
from serving import ledger, pieces
from serving.ledger import Head, LedgerError

REASONS = pa.list_(pa.struct([("code", pa.string()), ("value", pa.float64()), ("records", pa.list_(pa.string()))]))
SCHEMA = pa.schema(
    [
        ("entity", pa.int32()),
        ("code", pa.string()),
        ("margin", pa.float64()),
        ("class", pa.string()),
        ("known", pa.date32()),
        ("reasons", REASONS),
    ]
)


def rows(number, seed=0):
    generator = np.random.default_rng(seed)
    return pa.table(
        {
            "entity": range(number),
            "code": [f"E{i:05d}" for i in range(number)],
            "margin": generator.normal(size=number),
            "class": generator.choice(list("ABCD"), number),
            "known": [date(2026, 1, 1 + i % 28) if i % 3 else None for i in range(number)],
            "reasons": [
                [{"code": "p", "value": float(i), "records": [f"r{k}" for k in range(i % 3)]}] * (i % 2)
                for i in range(number)
            ],
        },
        schema=SCHEMA,
    )


def seal_month(home, month, table, *, key):
    folder = ledger.month_folder(home, month, 0)
    folder.mkdir(parents=True)
    pq.write_table(table, folder / pieces.name(ledger.RESULTS, 0), write_page_checksum=True, compression="zstd")
    leaves = ledger.leaves([table], ledger.month_key(ledger.salt_secret(home / "keys"), month, 0))
    (folder / ledger.LEAVES).write_bytes(leaves)
    manifest = ledger.write_manifest(folder, {"month": month})
    chain = ledger.sealed(home)
    head = Head(
        sequence=len(chain),
        month=month,
        supplement=0,
        rows=len(table),
        root=ledger.root(leaves),
        scheme="s" * 64,
        manifest=manifest,
        lake="l" * 64,
        previous=ledger.newest_digest(home),
    )
    ledger.write_head(folder, head, key)
    return folder


@pytest.fixture
def home(tmp_path):
    key = signing.first_use_key(tmp_path / "keys", "publisher")
    for number, month in enumerate(("2025-11", "2025-12", "2026-01")):
        seal_month(tmp_path, month, rows(40, seed=number), key=key)
    return tmp_path


def faults(home, **options):
    return list(ledger.verify(home, signing.verify_key(home / "keys", "publisher"), **options))


def test_an_untouched_chain_has_no_fault(home):
    assert faults(home, anchors=[ledger.newest_digest(home)]) == []


def test_every_single_bit_flipped_in_any_file_of_a_month_is_detected(home):
    generator = np.random.default_rng(7)
    files = sorted(path for path in (home / "months").rglob("*") if path.is_file())
    for trial in range(240):
        path = files[trial % len(files)]
        content = path.read_bytes()
        at = int(generator.integers(len(content) * 8))
        path.write_bytes(content[: at // 8] + bytes([content[at // 8] ^ (1 << at % 8)]) + content[at // 8 + 1 :])
        found = faults(home)
        assert found, f"{path.name} bit {at}"
        assert path.parent.parent.name in {fault.month for fault in found}, f"{path.name} bit {at}"
        path.write_bytes(content)
    assert faults(home) == []


@pytest.mark.parametrize("row", [0, 17, 39])
def test_an_edited_class_names_the_month_and_the_row(home, row):
    path = home / "months" / "2025-12" / "0" / pieces.name(ledger.RESULTS, 0)
    table = pq.read_table(path)
    classes = table["class"].to_pylist()
    classes[row] = "A" if classes[row] != "A" else "B"
    pq.write_table(table.set_column(3, "class", pa.array(classes)), path, write_page_checksum=True)
    assert [(fault.month, fault.row) for fault in faults(home)] == [("2025-12", row)]
    assert "row" in str(faults(home)[0])


def test_a_row_cut_off_or_inserted_or_swapped_is_named(home):
    path = home / "months" / "2025-11" / "0" / pieces.name(ledger.RESULTS, 0)
    table = pq.read_table(path)
    order = list(range(40))
    cases = {39: order[:39], 40: [*order, 0], 4: [*order[:4], 5, 4, *order[6:]]}
    for first_bad, kept in cases.items():
        pq.write_table(table.take(kept), path, write_page_checksum=True)
        assert faults(home)[0].row == first_bad


def test_a_removed_month_breaks_the_chain(home):
    (home / "months" / "2025-12" / "0" / ledger.HEAD).unlink()
    assert [fault.month for fault in faults(home)] == ["2026-01"]


def test_a_cut_tail_is_seen_only_against_an_anchor(home):
    anchor = ledger.newest_digest(home)
    (home / "months" / "2026-01" / "0" / ledger.HEAD).unlink()
    assert faults(home) == []
    assert "removed" in str(faults(home, anchors=[anchor])[0])


def test_a_month_sealed_again_with_another_key_is_refused(home, tmp_path):
    other = signing.first_use_key(tmp_path / "elsewhere", "publisher")
    folder = home / "months" / "2026-01" / "0"
    head, _ = ledger.read_head(folder)
    ledger.write_head(folder, head, other)
    assert "signature" in faults(home)[0].what


def test_an_old_head_replayed_in_another_month_is_refused(home):
    old = (home / "months" / "2025-12" / "0" / ledger.HEAD).read_bytes()
    (home / "months" / "2026-01" / "0" / ledger.HEAD).write_bytes(old)
    assert {fault.month for fault in faults(home)} == {"2025-12"}


def test_leaves_rewritten_to_match_edited_rows_do_not_help(home):
    folder = home / "months" / "2025-12" / "0"
    table = rows(40, seed=99)
    pq.write_table(table, folder / pieces.name(ledger.RESULTS, 0))
    key = ledger.month_key(ledger.salt_secret(home / "keys"), "2025-12", 0)
    (folder / ledger.LEAVES).write_bytes(ledger.leaves([table], key))
    assert "both" in faults(home)[0].what


def test_an_unreadable_head_is_reported_and_never_used(home):
    folder = home / "months" / "2025-12" / "0"
    (folder / ledger.HEAD).write_text("{}")
    with pytest.raises(LedgerError, match="head cannot be read"):
        ledger.read_head(folder)
    assert faults(home)[0].what == "the head cannot be read"


@given(number=st.integers(1, 70), seed=st.integers(0, 9))
@settings(max_examples=30, deadline=None)
def test_every_row_has_a_proof_and_no_other_row_passes_with_it(tmp_path_factory, number, seed):
    home = tmp_path_factory.mktemp("home")
    key = signing.first_use_key(home / "keys", "publisher")
    folder = seal_month(home, "2026-01", rows(number, seed), key=key)
    proof = ledger.prove(home, folder, f"E{number // 2:05d}")
    assert ledger.proof_holds(proof, key.public_key())
    assert len(proof.path) <= max(1, (number - 1).bit_length())
    changed = {
        "row": proof.row + b"x",
        "salt": proof.salt[::-1],
        "index": proof.index + number,
        "path": (*proof.path, b"\0" * 32),
        "signature": "00" * 64,
    }
    for name, value in changed.items():
        assert not ledger.proof_holds(ledger.Proof(**{**vars(proof), name: value}), key.public_key()), name


def test_a_proof_needs_every_sibling(home):
    proof = ledger.prove(home, home / "months" / "2026-01" / "0", "E00003")
    shorter = ledger.Proof(**{**vars(proof), "path": proof.path[:-1]})
    assert not ledger.proof_holds(shorter, signing.verify_key(home / "keys", "publisher"))


def test_no_proof_for_an_entity_that_is_not_there(home):
    with pytest.raises(LedgerError, match="no row"):
        ledger.prove(home, home / "months" / "2026-01" / "0", "E99999")


def test_the_root_of_three_leaves_is_the_one_rfc_6962_writes_down():
    leaf = [hashlib.sha256(bytes([i])).digest() for i in range(3)]
    left = hashlib.sha256(b"\x01" + leaf[0] + leaf[1]).digest()
    assert ledger.root(b"".join(leaf)) == hashlib.sha256(b"\x01" + left + leaf[2]).hexdigest()
    assert ledger.root(b"") == hashlib.sha256(b"").hexdigest()


def test_canonical_rows_are_the_same_however_a_table_is_cut():
    table = rows(30)
    whole = ledger.canonical(table).to_pylist()
    pieces = [ledger.canonical(table.slice(i, 1))[0].as_py() for i in range(30)]
    chunked = pa.concat_tables([table.slice(0, 7), table.slice(7)])
    assert whole == pieces == ledger.canonical(chunked).to_pylist()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([], [None]),
        ([], None),
        ([{"code": "", "value": None, "records": []}], [{"code": "", "value": None, "records": [""]}]),
        ([{"code": "a", "value": 0.0, "records": None}], [{"code": "a", "value": -0.0, "records": None}]),
        ([{"code": "a", "value": 1.0, "records": ["x", "y"]}], [{"code": "a", "value": 1.0, "records": ["xy"]}]),
    ],
)
def test_different_values_never_share_canonical_bytes(one, other):
    table = pa.table({"reasons": pa.array([one, other], REASONS)})
    first, second = ledger.canonical(table).to_pylist()
    assert first != second


def test_a_value_with_a_control_character_cannot_be_sealed():
    with pytest.raises(LedgerError, match="control character"):
        ledger.canonical(pa.table({"code": ["a\x1fb"]}))


def test_dictionary_columns_seal_like_plain_ones():
    plain = pa.table({"code": ["a", "b", "a"]})
    assert ledger.canonical(pa.table({"code": plain["code"].dictionary_encode()})) == ledger.canonical(plain)


def test_a_head_written_differently_is_not_the_head_that_was_sealed(home):
    path = home / "months" / "2026-01" / "0" / ledger.HEAD
    content = json.loads(path.read_bytes())
    for text in (
        json.dumps(content),
        json.dumps(content | {"signature": content["signature"].upper()}, separators=(",", ":"), sort_keys=True),
    ):
        path.write_text(text)
        with pytest.raises(LedgerError):
            ledger.read_head(path.parent)


def test_the_salt_secret_is_made_once_and_kept_private(tmp_path):
    first = ledger.salt_secret(tmp_path / "keys")
    assert ledger.salt_secret(tmp_path / "keys") == first
    assert (tmp_path / "keys" / "salts.key").stat().st_mode & 0o777 == 0o600
    assert ledger.month_key(first, "2026-01", 0) != ledger.month_key(first, "2026-01", 1)


def test_helpers_that_make_the_salt_secret_at_once_have_the_same_one(tmp_path):
    for place in range(20):
        ready = threading.Barrier(4)
        keys = tmp_path / str(place)

        def secret(_, ready=ready, keys=keys):
            ready.wait()
            return ledger.salt_secret(keys)

        with ThreadPoolExecutor(4) as helpers:
            (found,) = set(helpers.map(secret, range(4)))
        assert len(found) == 32
        assert [path.name for path in keys.iterdir()] == ["salts.key"]


def test_a_file_exchanged_behind_the_manifest_is_named(home):
    folder = home / "months" / "2026-01" / "0"
    (folder / ledger.LEAVES).unlink()
    assert ledger.LEAVES in ledger.check_files(folder, ledger.read_head(folder)[0])
    Path(folder / ledger.MANIFEST).unlink()
    assert ledger.MANIFEST in ledger.check_files(folder, ledger.read_head(folder)[0])


def test_the_manifest_lists_every_file_with_its_digest(home):
    manifest = json.loads((home / "months" / "2026-01" / "0" / ledger.MANIFEST).read_text())
    assert set(manifest["files"]) == {pieces.name(ledger.RESULTS, 0), ledger.LEAVES}
