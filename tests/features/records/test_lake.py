"""The lake on disk: damage is never silent, a kill leaves the old lake or the new one, two engines read the same."""

import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_place import BACKLOAD, NOW, Home, entity, in_runs, penalty

from features.profile import ProfileError
from features.records import intake, lake, layout, sorting
from features.records.generation import CURRENT, NEXT, LakeError
from features.records.journal import JournalError
from features.records.lake import Lake

TODAY = date(2026, 2, 1)


@pytest.fixture
def filled(home):
    files = {
        "entity.csv": ("entity", [entity(number) for number in range(30)]),
        "penalty.csv": ("penalty", [penalty(number, str(number % 7)) for number in range(30)]),
    }
    home.take(home.deliver("d", files))
    return home


def test_no_flipped_bit_is_silent(filled):
    (path,) = filled.lake.stored("penalty").paths
    whole = path.read_bytes()
    for place in range(0, len(whole), 97):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << place % 8)]) + whole[place + 1 :])
        with pytest.raises(LakeError, match=path.name):
            Lake(filled.lake.home, filled.profile).as_of("penalty", TODAY)


def test_pages_carry_checksums(filled):
    (path,) = filled.lake.stored("penalty").paths
    whole = bytearray(path.read_bytes())
    column = pq.ParquetFile(path).metadata.row_group(0).column(12)
    whole[column.data_page_offset + column.total_compressed_size - 3] ^= 4
    path.write_bytes(bytes(whole))
    with pytest.raises(OSError, match="CRC"):
        pq.read_table(path, page_checksum_verification=True)


def test_a_missing_file_is_named(filled):
    (path,) = filled.lake.stored("penalty").paths
    path.unlink()
    with pytest.raises(LakeError, match="is missing"):
        Lake(filled.lake.home, filled.profile).digest(TODAY)


def test_the_whole_lake_can_be_verified(filled):
    assert filled.lake.verify() == 4
    path = filled.lake.folder / filled.lake.generation.files("register")[0].path
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(LakeError, match="damaged"):
        filled.lake.verify()


def test_damage_to_the_lake_is_damage_to_what_the_journal_vouches_for(filled):
    (filled.lake.folder / CURRENT).write_text("{}")
    with pytest.raises(JournalError, match=CURRENT):
        Lake(filled.lake.home, filled.profile)


def test_a_lake_exchanged_with_its_list_is_not_the_one_the_journal_names(filled, tmp_path):
    assert intake.verify(filled.lake, filled.journal) == 4
    other = Home(tmp_path / "other")
    assert intake.verify(other.lake, other.journal) == 0
    other.take(other.deliver("d", {"penalty.csv": ("penalty", [])}))
    with pytest.raises(JournalError, match="the journal names"):
        intake.verify(other.lake, filled.journal)


def test_both_engines_read_the_same_rows(filled):
    polars, duckdb = (
        sorted(filled.seen("penalty", TODAY, engine=engine), key=lambda row: row["record_id"])
        for engine in ("polars", "duckdb")
    )
    assert len(polars) == 30
    assert [row | {"known_at": None, "recorded_at": None} for row in polars] == [
        row | {"known_at": None, "recorded_at": None} for row in duckdb
    ]
    assert [row["known_at"] for row in polars] == [row["known_at"] for row in duckdb]


def test_only_the_columns_asked_for_are_read(filled):
    assert list(filled.lake.as_of("penalty", TODAY, columns=["entity", "fine"]).columns) == ["entity", "fine"]


def test_a_type_without_records_reads_as_an_empty_table(filled):
    for engine in ("polars", "duckdb"):
        assert filled.seen("request", TODAY, engine=engine) == []


def test_an_unknown_engine_is_refused(filled):
    with pytest.raises(ValueError, match="polars or duckdb"):
        filled.lake.as_of("penalty", TODAY, engine="spark")


def test_rows_lie_sorted_by_entity_record_and_version(filled):
    table = pq.read_table(filled.lake.stored("penalty").paths[0]).to_pylist()
    keys = [(row["entity"], row["record_id"], row["version"]) for row in table]
    assert keys == sorted(keys)


def test_a_field_added_later_is_null_in_older_rows(filled, tmp_path):
    folder = tmp_path / "newer"
    folder.mkdir()
    for path in filled.profile.folder.rglob("*.yaml"):
        copy = folder / path.relative_to(filled.profile.folder)
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(path.read_text())
    penalties = folder / "catalogue" / "penalty.yaml"
    penalties.write_text(penalties.read_text() + "  court: {label: 法院, type: text}\n")
    from features.profile import read_profile

    newer = Home(filled.folder, read_profile(str(folder)))
    for engine in ("polars", "duckdb"):
        assert {row["court"] for row in newer.seen("penalty", TODAY, engine=engine)} == {None}
    before = newer.lake.digest(TODAY)
    (receipt,) = newer.take(newer.deliver("again", {"penalty.csv": ("penalty", [penalty(3, "3")])}))
    assert (receipt.duplicate, newer.lake.digest(TODAY)) == (1, before)
    newer.take(newer.deliver("more", {"penalty.csv": ("penalty", [penalty(3, "x", court="中院")])}))
    assert {row["court"] for row in newer.seen("penalty", TODAY)} == {None, "中院"}


def test_a_field_may_not_take_the_name_of_a_column_every_record_has(filled, tmp_path):
    broken = Lake(filled.lake.home, filled.profile)
    types = dict(broken.types())
    from dataclasses import replace

    from features.records import layout
    from features.records.terms import check_names

    spoiled = replace(types["penalty"], fields=types["penalty"].fields | {"source": None})
    with pytest.raises(ProfileError, match="source"):
        check_names(spoiled, layout.RESERVED)


def test_the_files_of_the_generation_before_stay_for_those_who_read_them(filled):
    before = Lake(filled.lake.home, filled.profile)
    filled.take(filled.deliver("e", {"penalty.csv": ("penalty", [penalty(1, "x")])}))
    assert len(before.as_of("penalty", TODAY).to_pyarrow()) == 30
    filled.take(filled.deliver("f", {"penalty.csv": ("penalty", [penalty(1, "y")])}))
    assert len(list(filled.lake.folder.glob("penalty/*.parquet"))) == 2


PROGRAM = """
import sys
from pathlib import Path
sys.path[:0] = [sys.argv[1], sys.argv[2]]
from small_place import Home, NOW, in_runs
if sys.argv[5] == "runs":
    in_runs().start()
home = Home(Path(sys.argv[3]))
print("ready", flush=True)
from features.records import intake, sorting
intake.LARGE = 0
folders = sorted((home.folder / "out").iterdir())
intake.take(folders, lake=home.lake, journal=home.journal, recorded_at=NOW, helpers=int(sys.argv[4]))
"""


def start(home, helpers=0, kept="buckets"):
    here = Path(__file__).parent
    command = [sys.executable, "-c", PROGRAM, str(here), str(here.parents[2]), str(home.folder), str(helpers), kept]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    process.stdout.readline()
    process.stdout.close()
    return process


def many(home):
    for number in range(3):
        rows = [penalty(n % 300, f"{number}-{n}") for n in range(1500)]
        files = {"entity.csv": ("entity", [entity(n) for n in range(300)]), "penalty.csv": ("penalty", rows)}
        home.deliver(f"d{number}", files)


@pytest.mark.parametrize("kept", ["buckets", "runs"])
def test_an_intake_killed_anywhere_ends_in_the_same_lake_when_run_again(tmp_path, kept):
    plain = Home(tmp_path / "plain")
    many(plain)
    started = time.monotonic()
    assert start(plain).wait() == 0
    lasted = time.monotonic() - started
    plain.lake.reopen()
    wanted = plain.lake.digest(TODAY)
    for place in range(1, 5):
        home = Home(tmp_path / f"killed{place}")
        many(home)
        if kept == "runs":
            home.take(home.folder / "out" / "d0")
        process = start(home, kept=kept)
        time.sleep(lasted * place / 5)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        home.journal.verify()
        Lake(home.lake.home, home.profile).verify()
        with in_runs() if kept == "runs" else nullcontext():
            receipts = home.take(*sorted((home.folder / "out").iterdir()))
        assert (len(home.lake.stored("penalty").paths) > 1) == (kept == "runs")
        assert all(receipt.sent == receipt.accepted + receipt.duplicate for receipt in receipts)
        assert home.lake.digest(TODAY) == wanted
        assert not (home.lake.folder / NEXT).exists()


@pytest.mark.parametrize("journalled", [True, False])
def test_a_generation_counts_when_the_journal_names_it(filled, monkeypatch, journalled):
    before = filled.lake.digest(TODAY)
    folder = filled.deliver("e", {"penalty.csv": ("penalty", [penalty(1, "x")])})

    class PowerError(Exception):
        pass

    def fail(*_, **__):
        raise PowerError

    monkeypatch.setattr(intake, "make_current" if journalled else "_entry", fail)
    with pytest.raises(PowerError):
        filled.take(folder)
    monkeypatch.undo()
    assert Lake(filled.lake.home, filled.profile).digest(TODAY) == before
    intake.recover(filled.lake.home, filled.journal)
    filled.lake.reopen()
    assert (filled.lake.digest(TODAY) != before) == journalled
    (receipt,) = filled.take(folder)
    assert (receipt.accepted, receipt.duplicate) == ((0, 1) if journalled else (1, 0))
    assert filled.journal.last("intake").at == NOW


def test_helpers_change_no_byte_of_the_lake(tmp_path, monkeypatch):
    monkeypatch.setattr(sorting, "SHEAF_BYTES", 1)
    listed = []
    for helpers in (0, 2):
        monkeypatch.setattr(intake, "LARGE", 0)
        home = Home(tmp_path / f"with{helpers}")
        many(home)
        home.deliver("bad", {"penalty.csv": ("penalty", [penalty(1, fine="viel")])}, backload=BACKLOAD)
        (home.deliver("none", {"penalty.csv": ("penalty", [])}) / "manifest.json").unlink()
        seen = []
        receipts = intake.take(
            sorted((home.folder / "out").iterdir()),
            lake=home.lake,
            journal=home.journal,
            recorded_at=NOW,
            progress=lambda step, done, total: seen.append((step, done, total)),  # noqa: B023
            helpers=helpers,
        )
        assert {step for step, _, _ in seen} == {"read, MiB", "register", "land, MiB"}
        assert all(done <= total for _, done, total in seen if total)
        rejects = {path.name: path.read_bytes() for path in sorted((home.lake.home / "rejects").rglob("*.jsonl"))}
        listed.append((receipts, rejects, (home.lake.folder / "current.json").read_bytes()))
    (receipts, _, _) = listed[0]
    assert {one.delivery: (one.rejected, one.refused) for one in receipts}["bad"] == (1, None)
    assert {one.delivery: one.refused for one in receipts}["none"] == "manifest_missing"
    assert listed[0][1:] == listed[1][1:]
    assert [(one.delivery, one.sent, one.accepted) for one in listed[0][0]] == [
        (one.delivery, one.sent, one.accepted) for one in listed[1][0]
    ]


def test_an_intake_with_helpers_killed_anywhere_ends_in_the_same_lake(tmp_path):
    wanted = None
    for place in range(3):
        home = Home(tmp_path / f"home{place}")
        many(home)
        if place:
            process = start(home, helpers=2)
            time.sleep(1.0 * place)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        home.lake.reopen()
        home.take(*sorted((home.folder / "out").iterdir()))
        wanted = wanted or home.lake.digest(TODAY)
        assert home.lake.digest(TODAY) == wanted
        assert Lake(home.lake.home, home.profile).verify() > 0


def test_record_types_that_are_each_others_parents_are_named(filled, monkeypatch):
    types = dict(filled.lake.types())
    child = types["finding"]
    circle = replace(types[child.parent.record_type], parent=replace(child.parent, record_type="finding"))
    monkeypatch.setattr(Lake, "types", lambda _: types | {circle.name: circle})
    with pytest.raises(ProfileError, match=f"Record types finding, {circle.name} are each other's parents"):
        filled.take(filled.deliver("e", {"penalty.csv": ("penalty", [penalty(1, "x")])}))
    assert not (filled.lake.folder / NEXT).exists()


def test_the_digest_is_the_sum_of_a_number_each_worked_out_without_an_engine(filled):
    schema, size = layout.schema(filled.lake.types()["penalty"]), 2**64
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    given = {
        "record_id": ["00000000000000ff", "ffffffffffffffff"],
        "known_at": [moment, moment + timedelta(microseconds=1)],
        "superseded_at": [None, moment + timedelta(days=900)],
        "digest": [-5, 2**62],
        "inherits": [None, -1],
        "withdrawn_date": [date(1969, 12, 1), None],
        "repair_date": [None, None],
        "removal_date": [None, date(2025, 1, 1)],
    }
    late = {**{name: values[0] for name, values in given.items()}, "known_at": moment + timedelta(days=40)}
    rows = [dict(zip(given, values, strict=True)) for values in zip(*given.values(), strict=True)]
    frame = pl.DataFrame(pa.Table.from_pylist([*rows, late], schema=pa.schema([schema.field(name) for name in given])))
    total = 0
    for row in rows:
        known = int((row["known_at"] - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
        content = 1
        for name in ("digest", "inherits", "withdrawn_date", "repair_date", "removal_date"):
            value = row[name] or 0
            number = (value - date(1970, 1, 1)).days if isinstance(value, date) else value
            content += 2 * (number % size) * lake.FACTORS[name]
        total += (int(row["record_id"], 16) + known * lake.FACTORS["known_at"]) * content
    assert lake._added(frame.lazy(), moment + timedelta(days=30)) == (2, total % size)
    assert lake._added(frame.lazy(), moment) == (0, 0)
