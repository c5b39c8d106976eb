"""What a delivery may be: formats, refusals, warnings; the counts add up whatever happens to it."""

import gzip
import json
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_place import BACKLOAD, code, deliver, entity, penalty, table

ENTITIES = [entity(number) for number in range(20)]
PENALTIES = [penalty(number, str(number)) for number in range(20)]


@pytest.fixture
def registered(home):
    (receipt,) = home.take(home.deliver("register", {"entity.csv": ("entity", ENTITIES)}))
    assert receipt.accepted == 20
    return home


def parquet(path, rows, **options):
    pq.write_table(pa.Table.from_pylist(rows), path, **options)
    return path.read_bytes()


def counts(receipt):
    return receipt.sent, receipt.accepted, receipt.duplicate, receipt.rejected, receipt.unmatched


def test_the_same_rows_in_three_formats_are_the_same_rows(registered, tmp_path):
    typed = [row | {"decision_date": date(2024, 3, 5), "fine": 1200.5} for row in PENALTIES]
    for name, content in {
        "csv": table(PENALTIES),
        "jsonl": PENALTIES,
        "parquet": parquet(tmp_path / "x.parquet", typed, write_page_checksum=True),
    }.items():
        (receipt,) = registered.take(registered.deliver(name, {f"penalty.{name}": ("penalty", content)}))
        assert counts(receipt) == ((20, 20, 0, 0, 0) if name == "csv" else (20, 0, 20, 0, 0))


def test_numbers_and_truth_values_of_json_lines_are_read_as_they_stand(registered):
    rows = [penalty(1, "a", fine=12.5, severity=3, repeated=True, kinds=["fine", "warning"], confiscated=None)]
    registered.take(registered.deliver("d", {"p.jsonl": ("penalty", rows)}))
    (row,) = registered.seen("penalty", date(2026, 1, 1))
    assert (row["fine"], row["severity"], row["repeated"], row["kinds"]) == (1250, 3, 1, "|fine|warning|")


def test_whole_numbers_and_midnights_of_parquet_are_read_as_numbers_and_days(registered, tmp_path):
    row = penalty(1, "a", fine=1200.0, severity=2.0, repeated=True, decision_date=datetime(2024, 3, 5))  # noqa: DTZ001
    row |= {"entered_at": datetime(2024, 3, 7, 2, tzinfo=UTC), "kinds": ["warning", "fine"]}
    content = parquet(tmp_path / "x.parquet", [row])
    registered.take(registered.deliver("d", {"p.parquet": ("penalty", content)}))
    (seen,) = registered.seen("penalty", date(2026, 1, 1))
    assert (seen["fine"], seen["severity"], seen["repeated"]) == (120000, 2, 1)
    assert (seen["decision_date"], seen["kinds"]) == (date(2024, 3, 5), "|fine|warning|")
    assert seen["known_at"] == datetime(2024, 3, 7, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "write",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\n\n  \n"),
        lambda text: text.removesuffix("\n"),
        lambda text: gzip.compress(text.encode()),
        lambda text: "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()),
    ],
)
def test_ways_of_writing_a_csv_change_nothing(registered, write):
    folder = registered.deliver("d", {"p.csv": ("penalty", write(table(PENALTIES)))})
    (receipt,) = registered.take(folder)
    assert counts(receipt) == (20, 20, 0, 0, 0)


def test_commas_and_quotes_inside_quotes_are_part_of_the_value(registered):
    rows = [penalty(1, "a", authority='东湖, "分局"')]
    registered.take(registered.deliver("d", {"p.csv": ("penalty", rows)}))
    assert registered.seen("penalty", date(2026, 1, 1))[0]["authority"] == '东湖, "分局"'


def test_an_unbalanced_quote_swallows_no_other_row(registered):
    lines = table(PENALTIES).splitlines()
    lines[5] = lines[5].replace("东湖区局", '"东湖区局')
    (receipt,) = registered.take(registered.deliver("d", {"p.csv": ("penalty", "\n".join(lines) + "\n")}))
    assert counts(receipt) == (20, 19, 0, 1, 0)
    assert receipt.rejects == {"quoting": 1}


def test_a_row_cut_off_at_the_end_is_rejected_and_the_rest_taken(registered):
    folder = registered.deliver("d", {"p.csv": ("penalty", PENALTIES)})
    path = folder / "p.csv"
    path.write_bytes(path.read_bytes()[:-30])
    (receipt,) = registered.take(folder)
    assert counts(receipt) == (20, 19, 0, 1, 0)
    assert receipt.rejects == {"cut_off": 1}
    assert any("SHA-256" in warning for warning in receipt.warnings)


def test_a_last_value_cut_in_half_is_not_taken_for_a_whole_one(registered):
    rows = [{**row, "fine": row["fine"]} for row in PENALTIES]
    rows = [{name: row[name] for name in (*[n for n in row if n != "fine"], "fine")} for row in rows]
    folder = registered.deliver("d", {"p.csv": ("penalty", rows)})
    path = folder / "p.csv"
    path.write_bytes(path.read_bytes()[:-4])
    (receipt,) = registered.take(folder)
    assert receipt.rejects == {"cut_off": 1}


def test_a_count_that_differs_from_the_manifest_is_a_warning(registered):
    folder = registered.deliver("d", {"p.csv": ("penalty", PENALTIES)})
    path = folder / "p.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:8]))
    (receipt,) = registered.take(folder)
    assert counts(receipt) == (7, 7, 0, 0, 0)
    assert any("7 rows found, 20 in the manifest" in warning for warning in receipt.warnings)


def refuse(home, folder, wanted):
    before = home.lake.digest(date(2026, 2, 1))
    (receipt,) = home.take(folder)
    assert receipt.refused == wanted
    assert counts(receipt) == (0, 0, 0, 0, 0)
    assert "Nothing of the delivery was taken" in receipt.problem
    assert home.lake.digest(date(2026, 2, 1)) == before
    assert not list((home.lake.home / "rejects").glob("d/*"))


def utf16(text):
    return text.encode("utf-16")


@pytest.mark.parametrize(
    "damage",
    [
        utf16,
        lambda text: text.encode("utf-16-le"),
        lambda text: b"\x00" * len(text),
        lambda text: text.encode()[:600] + b"\x00" * 4096,
        lambda text: gzip.compress(text.encode())[:-20],
        lambda text: b"\x1f\x8b" + text.encode(),
    ],
)
def test_a_csv_that_cannot_be_decoded_refuses_the_delivery_whole(registered, damage):
    good = [penalty(number, f"good{number}", fine="-1" if number == 3 else "1") for number in range(10)]
    files = {"a.csv": ("penalty", good), "b.csv": ("penalty", damage(table(PENALTIES)))}
    refuse(registered, registered.deliver("d", files), "file_undecodable")


@pytest.mark.parametrize(
    ("damage", "wanted"),
    [
        (lambda content: content[:-100], "file_undecodable"),
        (lambda content: b"", "file_undecodable"),
        (lambda content: content[:300] + bytes([content[300] ^ 8]) + content[301:], "file_undecodable"),
    ],
)
def test_a_damaged_parquet_refuses_the_delivery_whole(registered, tmp_path, damage, wanted):
    content = parquet(tmp_path / "x.parquet", PENALTIES, write_page_checksum=True)
    folder = registered.deliver("d", {"a.csv": ("penalty", PENALTIES), "p.parquet": ("penalty", damage(content))})
    refuse(registered, folder, wanted)


def test_a_parquet_that_is_not_the_one_in_the_manifest_refuses_the_delivery_whole(registered, tmp_path):
    content = parquet(tmp_path / "x.parquet", PENALTIES, write_page_checksum=True)
    folder = registered.deliver("d", {"p.parquet": ("penalty", content)})
    (folder / "p.parquet").write_bytes(parquet(tmp_path / "y.parquet", PENALTIES[:-1]))
    refuse(registered, folder, "file_digest")


def rewritten(folder, change):
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(change(manifest)))
    return folder


def in_file(**changes):
    return lambda manifest: manifest | {"files": [manifest["files"][0] | changes]}


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (in_file(record_type="fines"), "record_type_unknown"),
        (in_file(version=3), "version_unknown"),
        (in_file(version="1"), "version_unknown"),
        (in_file(format="xlsx"), "format_unknown"),
        (in_file(mapping="nobody"), "mapping_unknown"),
        (in_file(mapping="../profile"), "mapping_unknown"),
        (in_file(path="absent.csv"), "file_missing"),
        (in_file(path="../out/d/p.csv/../../../home"), "file_outside"),
        (in_file(path="/etc/hostname"), "file_outside"),
        (in_file(rows=-1), "manifest_field"),
        (in_file(sha256=7), "manifest_field"),
        (in_file(path=""), "manifest_field"),
        (in_file(format="parquet", sha256=None), "manifest_field"),
        (lambda manifest: manifest | {"files": manifest["files"] * 2}, "manifest_field"),
        (lambda manifest: manifest | {"files": {}}, "manifest_field"),
        (lambda manifest: manifest | {"source": None}, "manifest_field"),
        (lambda manifest: manifest | {"delivery": "../d"}, "manifest_field"),
        (lambda manifest: manifest | {"profile": "elsewhere"}, "profile_unknown"),
        (lambda manifest: manifest | {"backload": True}, "backload_incomplete"),
        (lambda manifest: manifest | {"backload": {**BACKLOAD, "approver": " "}}, "backload_incomplete"),
        (lambda manifest: [manifest], "manifest_malformed"),
    ],
)
def test_a_manifest_that_is_wrong_or_names_the_unknown_refuses_the_delivery(registered, change, wanted):
    folder = registered.deliver("d", {"p.csv": ("penalty", PENALTIES)})
    refuse(registered, rewritten(folder, change), wanted)


def test_a_delivery_without_a_readable_manifest_is_refused(registered):
    folder = registered.deliver("d", {"p.csv": ("penalty", PENALTIES)})
    (folder / "manifest.json").write_bytes(b'{"delivery": \xff')
    refuse(registered, folder, "manifest_malformed")
    (folder / "manifest.json").unlink()
    refuse(registered, folder, "manifest_missing")
    refuse(registered, folder / "p.csv", "manifest_missing")


def test_a_manifest_may_be_named_instead_of_its_folder(registered):
    folder = registered.deliver("d", {"p.csv": ("penalty", PENALTIES)})
    (receipt,) = registered.take(folder / "manifest.json")
    assert (receipt.delivery, receipt.accepted) == ("d", 20)


def test_a_broken_delivery_does_not_stop_the_others(registered):
    good = registered.deliver("good", {"p.csv": ("penalty", PENALTIES)})
    broken = registered.deliver("broken", {"p.csv": ("penalty", b"\xff\xfe\x00")})
    receipts = registered.take(broken, good)
    assert [receipt.refused for receipt in receipts] == ["file_undecodable", None]
    assert receipts[1].accepted == 20


def test_a_file_nobody_listed_is_said(registered):
    folder = registered.deliver("d", {"p.csv": ("penalty", PENALTIES)})
    (folder / "more.csv").write_text("x")
    (receipt,) = registered.take(folder)
    assert receipt.warnings == ("more.csv: not in the manifest, not read",)


@pytest.mark.parametrize("content", ["", "\n", "code,decision_no\n"])
def test_a_file_without_rows_has_none(registered, content):
    (receipt,) = registered.take(registered.deliver("d", {"p.csv": ("penalty", content)}))
    assert counts(receipt) == (0, 0, 0, 0, 0)
    assert receipt.refused is None


def test_a_line_far_too_long_is_rejected_alone(registered):
    text = table([*PENALTIES[:5], penalty(6, "x" * 1_100_000), *PENALTIES[5:]])
    (receipt,) = registered.take(registered.deliver("d", {"p.csv": ("penalty", text)}))
    assert counts(receipt) == (21, 20, 0, 1, 0)
    assert receipt.rejects == {"line_too_long": 1}


def test_every_intake_leaves_one_entry_that_names_the_lake_and_counts_its_deliveries(registered):
    registered.take(registered.deliver("d", {"p.csv": ("penalty", PENALTIES)}))
    entries = list(registered.journal.entries("intake"))
    assert len(entries) == 2
    assert entries[1].details["deliveries"][0]["accepted"] == 20
    assert entries[1].details["generation"] == registered.lake.generation.number
    assert registered.journal.verify().entries == 2


def test_a_mapping_reads_a_source_in_our_terms(registered, tmp_path):
    row = {"代码": code(1), "文号": "赣1", "机关": "某局", "日期": "2024/3/5", "种类": "罚款;警告"}
    row |= {"罚款（万元）": "1.5", "更新时间": "2024-03-09 08:00:00", "备注": "x"}
    folder = deliver(tmp_path / "m", {"双公示.csv": ("penalty", [row])}, source="platform", mapping="platform_penalty")
    (receipt,) = registered.take(folder)
    assert counts(receipt) == (1, 1, 0, 0, 0)
    assert receipt.warnings == ("双公示.csv: the mapping leaves out 备注",)
    (seen,) = registered.seen("penalty", date(2026, 1, 1))
    assert (seen["fine"], seen["kinds"], seen["item"]) == (1_500_000, "|fine|warning|", "G302")
    assert (seen["visibility"], seen["severity"]) == ("internal", 2)
    assert seen["known_at"] == datetime(2024, 3, 11, 0, tzinfo=UTC)
    assert seen["known_basis"] == "entered"


def test_what_a_mapping_cannot_translate_is_rejected_as_it_stands(registered, tmp_path):
    row = {"代码": code(1), "文号": "赣1", "机关": "某局", "日期": "2024年", "种类": "拘留", "罚款（万元）": "x"}
    folder = deliver(tmp_path / "m", {"m.csv": ("penalty", [row])}, mapping="platform_penalty")
    (receipt,) = registered.take(folder)
    assert receipt.rejected == 1
    text = (registered.lake.home / "rejects" / "m" / "m.csv.jsonl").read_text()
    assert {fault["code"] for fault in json.loads(text)["faults"]} >= {"date_format", "code_unknown", "number_format"}
