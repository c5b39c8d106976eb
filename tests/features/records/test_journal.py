import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from features.records.journal import Following, Journal, JournalError

AT = datetime(2026, 1, 5, 8, 30, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "home" / "journal.jsonl")
    for number in range(5):
        journal.append("intake", {"delivery": f"d{number}", "sent": number, "名": "江西"}, at=AT, actor="operator")
    return journal


def test_entries_come_back_in_order_and_by_action(journal):
    journal.append("promotion", {"scheme": "x"}, at=AT, actor="a")
    assert [entry.seq for entry in journal.entries()] == [1, 2, 3, 4, 5, 6]
    assert [entry.details["delivery"] for entry in journal.entries("intake")] == ["d0", "d1", "d2", "d3", "d4"]
    assert journal.last("promotion").details == {"scheme": "x"}
    assert journal.last("none") is None


def test_an_untouched_journal_verifies(journal):
    standing = journal.verify()
    assert (standing.entries, standing.torn) == (5, False)
    assert standing.head == journal.last("intake").digest


def test_a_journal_that_does_not_exist_yet_is_empty(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    assert journal.verify().entries == 0
    assert list(journal.entries()) == []


def test_every_flipped_byte_is_found(journal):
    whole = journal.path.read_bytes()
    for place in range(0, len(whole) - 1, 7):
        journal.path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(JournalError, match="line"):
            journal.verify()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda lines: lines[1:], 1),
        (lambda lines: lines[:2] + lines[3:], 3),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], 2),
        (lambda lines: [*lines[:3], lines[2], *lines[3:]], 4),
        (lambda lines: [*lines[:2], lines[2].replace(b'"sent":2', b'"sent":9'), *lines[3:]], 3),
        (lambda lines: [*lines[:2], b"\n", *lines[2:]], 3),
        (lambda lines: [*lines[:2], b" " + lines[2], *lines[3:]], 3),
        (lambda lines: [*lines[:2], b"[" * 100_000 + b"\n", *lines[2:]], 3),
    ],
)
def test_the_first_line_that_does_not_hold_is_named(journal, change, line):
    lines = journal.path.read_bytes().splitlines(keepends=True)
    journal.path.write_bytes(b"".join(change(lines)))
    with pytest.raises(JournalError, match=rf"line {line}:"):
        journal.verify()


def test_an_edited_line_with_a_new_digest_breaks_the_next_one(journal):
    lines = journal.path.read_bytes().splitlines(keepends=True)
    forged = Journal(journal.path.with_name("forged.jsonl"))
    forged.append("intake", {"delivery": "d0", "sent": 99, "名": "江西"}, at=AT, actor="operator")
    journal.path.write_bytes(forged.path.read_bytes() + b"".join(lines[1:]))
    with pytest.raises(JournalError, match="line 2:"):
        journal.verify()


@pytest.mark.parametrize("cut", [1, 2, 40])
def test_a_line_cut_off_by_a_crash_is_said_and_the_next_append_removes_only_it(journal, cut):
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole[:-cut])
    assert journal.verify().torn
    assert journal.verify().entries == 4
    entry = journal.append("intake", {"delivery": "again"}, at=AT, actor="operator")
    assert entry.seq == 5
    assert journal.verify().entries == 5
    assert not journal.verify().torn


def test_a_first_line_cut_off_leaves_an_empty_journal(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.path.write_bytes(b'{"action":"x' * 10_000)
    assert journal.append("intake", {}, at=AT, actor="a").seq == 1
    assert journal.verify().entries == 1


def test_lines_longer_than_a_block_chain_and_tear_like_others(journal):
    journal.append("intake", {"list": ["x" * 100] * 3000}, at=AT, actor="a")
    journal.append("intake", {}, at=AT, actor="a")
    assert journal.verify().entries == 7
    with journal.path.open("ab") as file:
        file.write(b"y" * 200_000)
    journal.append("intake", {}, at=AT, actor="a")
    assert journal.verify().entries == 8


def test_nothing_is_added_after_a_damaged_last_line(journal):
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole[:-3] + b"1}\n" if whole[-3:-2] != b"1" else whole[:-3] + b"2}\n")
    with pytest.raises(JournalError, match="Nothing was added"):
        journal.append("intake", {}, at=AT, actor="a")


def test_writers_take_turns(tmp_path):
    path = tmp_path / "journal.jsonl"
    program = (
        "import sys; from datetime import datetime, UTC; from pathlib import Path;"
        "from features.records.journal import Journal;"
        "[Journal(Path(sys.argv[1])).append('x', {'n': n}, at=datetime(2026, 1, 1, tzinfo=UTC), actor=sys.argv[2])"
        " for n in range(20)]"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path), name]) for name in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert Journal(path).verify().entries == 40


def test_a_line_is_canonical_json(journal):
    line = journal.path.read_text(encoding="utf-8").splitlines()[0]
    found = json.loads(line)
    assert list(found) == sorted(found)
    assert found["at"] == "2026-01-05T08:30:00.000000Z"


@pytest.fixture
def followed(journal):
    """Somebody who follows the intakes of a journal, and has read it once."""
    found = Following(journal, ["intake"])
    assert len(found.entries()) == found.lines == 5
    return found


def test_whoever_follows_a_journal_verifies_what_was_added_and_nothing_twice(journal, followed):
    for number in range(3):
        journal.append("intake" if number else "other", {"n": number}, at=AT, actor="operator")
    assert [entry.seq for entry in followed.entries()] == [1, 2, 3, 4, 5, 7, 8]
    assert followed.lines == 8
    assert followed.entries() is followed.entries()
    assert followed.lines == 8


def test_a_line_cut_off_is_read_once_it_is_whole(journal, followed):
    before = journal.path.read_bytes()
    journal.append("intake", {"delivery": "d5"}, at=AT, actor="operator")
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole[:-9])
    assert len(followed.entries()) == 5
    journal.path.write_bytes(whole)
    assert len(followed.entries()) == 6
    assert followed.lines == 6
    journal.path.write_bytes(before)
    assert len(followed.entries()) == 5
    assert followed.lines == 6 + 5


def test_a_file_that_changed_without_growing_is_verified_from_the_first_line(journal, followed):
    journal.path.write_bytes(journal.path.read_bytes().replace(b'"d1"', b'"d9"'))
    for _ in range(2):
        with pytest.raises(JournalError, match="line 2"):
            followed.entries()


def test_another_file_in_the_place_of_the_journal_is_verified_from_the_first_line(journal, followed, tmp_path):
    other = Journal(tmp_path / "other.jsonl")
    for number in range(7):
        other.append("intake", {"delivery": f"e{number}"}, at=AT, actor="operator")
    other.path.rename(journal.path)
    assert [entry.details["delivery"] for entry in followed.entries()] == [f"e{number}" for number in range(7)]
    assert followed.lines == 5 + 7


def test_a_file_written_over_with_a_longer_one_is_verified_from_the_first_line(journal, followed, tmp_path):
    other = Journal(tmp_path / "other.jsonl")
    for number in range(9):
        other.append("intake", {"delivery": f"e{number}"}, at=AT, actor="operator")
    journal.path.write_bytes(other.path.read_bytes())
    assert len(followed.entries()) == 9
    assert followed.lines == 5 + 9


def test_a_journal_that_is_gone_has_no_entries(journal, followed):
    journal.path.unlink()
    assert followed.entries() == ()


def test_an_old_line_edited_while_one_is_added_is_not_believed_and_found_by_verification(journal, followed):
    told = followed.entries()
    journal.append("other", {}, at=AT, actor="operator")
    journal.path.write_bytes(journal.path.read_bytes().replace(b'"d1"', b'"d9"'))
    assert followed.entries() == told
    with pytest.raises(JournalError, match="line 2"):
        journal.verify()
    with pytest.raises(JournalError, match="line 2"):
        Following(journal, ["intake"]).entries()
