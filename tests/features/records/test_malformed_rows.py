"""Two thousand malformed rows of many kinds among good ones: every one is named, and no good one is harmed."""

import datetime
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_place import code, entity, penalty, table

from features.records.faults import ROW_FAULTS
from features.records.identity import USCC_ALPHABET

ROWS = 2000
LISTING = {"reason": "1", "in_date": "2024-01-05", "out_date": "2024-02-05", "entered_at": "2024-03-01"}


def wrong_check(text):
    last = USCC_ALPHABET[(USCC_ALPHABET.index(text[-1]) + 1) % 31]
    return text[:-1] + last


# one field of a penalty changed: the fault that must be found
PENALTY = {
    "uscc_check": {"code": wrong_check(code(1))},
    "uscc_organisation_check": {"code": code(1)[:16] + ("0" if code(1)[16] != "0" else "1") + code(1)[17]},
    "uscc_length": {"code": code(1)[:-1]},
    "uscc_character": {"code": code(1)[:-1] + "I"},
    "identity_missing": {"code": ""},
    "required_missing": {"kinds": "  "},
    "date_format": {"decision_date": "2024/03/05"},
    "date_impossible": {"decision_date": "2023-02-29"},
    "date_future": {"decision_date": "2026-02-04"},
    "number_format": {"fine": "约1200"},
    "number_separator": {"fine": "1,200.00"},
    "number_fullwidth": {"fine": "１２００"},
    "number_scientific": {"fine": "1.2e3"},
    "number_not_finite": {"fine": "NaN"},
    "number_decimals": {"fine": "12.345"},
    "number_too_long": {"fine": "9" * 16},
    "number_range": {"fine": "-1"},
    "code_unknown": {"kinds": "fine|prison"},
    "code_not_valid_then": {"kinds": "old"},
    "flag_value": {"repeated": "是"},
    "item_foreign": {"item": "G107"},
    "item_missing": {"item": ""},
    "visibility_unknown": {"visibility": "secret"},
    "visibility_weaker": {"item": "G302", "visibility": "publishable"},
    "action_unknown": {"action": "delete"},
    "action_date_missing": {"action": "withdraw"},
    "action_unsuited": {"action": "remove", "action_date": "2025-01-01"},
    "entered_future": {"entered_at": "2026-02-04"},
    "entered_before_event": {"entered_at": "2024-03-04 23:59:59"},
    "moment_format": {"entered_at": "2024-03-07T25:00:00"},
    "published_future": {"published_date": "2027-01-01"},
    "published_before_event": {"entered_at": "", "published_date": "2024-03-01"},
    "known_unknown": {"action": "correct", "entered_at": ""},
    "control_character": {"authority": "东湖\t区局"},
    "replacement_character": {"authority": "东湖\ufffd局"},
    "text_too_long": {"authority": "局" * 4001},
    "key_missing": {"action": "withdraw", "action_date": "2025-01-01", "decision_no": ""},
}
# one line of a penalty file changed as text
LINES = {
    "fields_too_few": lambda line: line.rsplit(",", 2)[0],
    "fields_too_many": lambda line: line + ",x",
    "quoting": lambda line: '"' + line,
    "encoding": lambda line: line.replace("东湖", "\udcb6\udcab"),
}
JSON = {
    "json_malformed": lambda line: line[:-2],
    "json_not_object": lambda line: "[1, 2]",
    "json_duplicate_key": lambda line: line[:-1] + ', "fine": "1"}',
    "json_nested": lambda line: line[:-1] + ', "confiscated": {"a": 1}}',
    "column_unknown": lambda line: line[:-1] + ', "fines": "1"}',
}
EMPTY = dict.fromkeys(["item", "visibility", "action", "action_date", "published_date", "repeated"], "")


def penalty_csv(count):
    """A CSV of faulty penalties with a good one after each; (bytes, {line: code}, good rows)."""
    kinds = [*PENALTY, *LINES]
    rows, expected, changes = [], {}, {}
    for number in range(count):
        kind = kinds[number % len(kinds)]
        if kind in PENALTY:
            rows.append(EMPTY | penalty(number % 50, f"f{number}") | PENALTY[kind])
        else:
            rows.append(EMPTY | penalty(number % 50, f"f{number}"))
            changes[2 * number + 1] = LINES[kind]
        expected[2 * number + 2] = kind
        rows.append(EMPTY | penalty(number % 50, f"g{number}"))
    lines = table(rows).split("\n")[:-1]
    changed = [changes[place](line) if place in changes else line for place, line in enumerate(lines)]
    return "".join(line + "\n" for line in changed).encode(errors="surrogateescape"), expected, count


def penalty_jsonl(count):
    kinds = [*JSON]
    lines, expected = [], {}
    for number in range(count):
        kind = kinds[number % len(kinds)]
        lines.append(JSON[kind](json.dumps(penalty(number % 50, f"j{number}"))))
        expected[2 * number + 1] = kind
        lines.append(json.dumps(penalty(number % 50, f"k{number}")))
    return "".join(line + "\n" for line in lines).encode(), expected, count


def listing_csv(count):
    rows = [LISTING | {"code": code(n % 50), "out_date": "2024-01-04", "in_date": "2024-01-05"} for n in range(count)]
    return table(rows).encode(), {line + 2: "state_order" for line in range(count)}, 0


def whole_files(count):
    """Files every row of which is at fault, with the fault."""
    rows = [penalty(number % 50, f"w{number}") for number in range(count)]
    misnamed = [{("fined" if name == "fine" else name): value for name, value in row.items()} for row in rows]
    repeated = table(rows).replace("decision_no", "fine", 1)
    unnamed = '"code\n' + table(rows).split("\n", 1)[1]
    return {
        "misnamed.csv": (table(misnamed).encode(), "column_unknown"),
        "repeated.csv": (repeated.encode(), "header_duplicate"),
        "unnamed.csv": (unnamed.encode(), "header_missing"),
        "nested.parquet": (None, "column_type"),
    }


def rejected(home, delivery):
    found = {}
    for path in (home.lake.home / "rejects" / delivery).glob("*.jsonl"):
        found[path.name.removesuffix(".jsonl")] = [json.loads(line) for line in path.read_text().splitlines()]
    return found


@pytest.fixture
def told(home, tmp_path):
    files = {
        "penalty.csv": penalty_csv(1640),
        "penalty.jsonl": penalty_jsonl(200),
        "listing.csv": listing_csv(60),
    }
    whole = whole_files(25)
    nested = tmp_path / "nested.parquet"
    pq.write_table(pa.table({"code": [code(1)] * 25, "kinds": [{"a": 1}] * 25}), nested)
    content = {name: (name.split(".")[0], found[0]) for name, found in files.items()}
    content |= {
        name: ("penalty", nested.read_bytes() if found[0] is None else found[0]) for name, found in whole.items()
    }
    register = home.deliver("register", {"entity.csv": ("entity", [entity(number) for number in range(50)])})
    receipts = home.take(register, home.deliver("faulty", content))
    return home, receipts[1], files, whole


def test_every_malformed_row_is_accounted_for_and_no_good_one_is_harmed(told):
    _, receipt, files, whole = told
    malformed = sum(len(expected) for _, expected, _ in files.values()) + 25 * len(whole)
    assert malformed == ROWS
    good = sum(good for *_, good in files.values())
    assert (receipt.rejected, receipt.accepted, receipt.sent) == (malformed, good, malformed + good)
    assert len(receipt.rejects) >= 40


def test_each_rejected_row_has_its_file_line_code_and_advice(told):
    home, _, files, whole = told
    found = rejected(home, "faulty")
    for name, (_, expected, _) in files.items():
        assert {row["line"]: row["code"] for row in found[name]} == expected
    for name, (_, kind) in whole.items():
        assert [row["code"] for row in found[name]] == [kind] * 25
    for rows in found.values():
        for row in rows:
            assert row["advice"] == ROW_FAULTS[row["code"]].zh
            assert row["raw"]


def test_the_fault_of_a_field_names_the_field(told):
    home, *_ = told
    by_line = {row["line"]: row for row in rejected(home, "faulty")["penalty.csv"]}
    for place, (kind, changes) in enumerate(PENALTY.items()):
        row = by_line[2 * place + 2]
        if kind != "known_unknown":
            assert row["field"] in {*changes, "decision_date", "action_date"}, kind


def test_good_rows_next_to_bad_ones_are_read_as_if_alone(told, tmp_path):
    home, *_ = told
    seen = [row for row in home.seen("penalty", datetime.date(2026, 1, 1)) if "〕g" in row["decision_no"]]
    assert len(seen) == 1640
    assert {(row["fine"], row["kinds"], row["authority"]) for row in seen} == {(120050, "|fine|warning|", "东湖区局")}


def test_every_fault_has_advice_in_two_languages():
    for fault in ROW_FAULTS.values():
        assert any("一" <= character <= "鿿" for character in fault.zh)
        assert fault.en.isascii() or "—" in fault.en


def test_rejected_rows_corrected_and_delivered_again_are_taken(told):
    home, *_ = told
    folder = home.lake.home / "rejects" / "faulty" / "resubmit"
    path = folder / "listing.csv"
    path.write_text(path.read_text().replace("2024-01-04", "2024-01-06"))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"] = [file for file in manifest["files"] if file["path"] == "listing.csv"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    for other in folder.iterdir():
        if other.name not in {"listing.csv", "manifest.json"}:
            other.unlink()
    (receipt,) = home.take(folder)
    assert (receipt.delivery, receipt.sent, receipt.accepted, receipt.duplicate) == ("faulty-corrected", 60, 50, 10)
    assert receipt.warnings == ()
