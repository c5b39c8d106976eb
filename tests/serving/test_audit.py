"""The audit: a chain a writer that nothing can be taken from, changed in or added to unseen."""

import json
import os
import subprocess
import threading
from datetime import timedelta

import pytest
from gatehouse import NOW

from features.records.journal import Journal, JournalError
from serving import audit
from serving.audit import Audit, AuditError, Pseudonyms, verify

TOLD = {"at": "2026-02-03T09:30:00.000Z", "key": "0a1b2c3d", "purpose": "双随机 2026", "rows": 1}


def opened(home, now=lambda: NOW):
    return Audit(home, now)


def filled(home, lines=6):
    """An audit of some lines, closed; its file."""
    writer = opened(home)
    for number in range(lines):
        writer.append({**TOLD, "rows": number})
    writer.close()
    return the_file(home)


def the_file(home):
    (path,) = (home / "audit").glob("*.jsonl")
    return path


def actions(home):
    return [(entry.action, entry.details["lines"]) for entry in Journal.of(home).entries()]


def test_a_line_is_on_file_when_append_returns_and_the_chain_names_its_writer(tmp_path):
    writer = opened(tmp_path)
    writer.append(TOLD)
    first, second = map(json.loads, the_file(tmp_path).read_bytes().splitlines())
    assert (first["seq"], first["writer"], first["previous"]) == (1, the_file(tmp_path).stem, "0" * 64)
    assert (second["seq"], second["previous"], second["purpose"]) == (2, first["digest"], "双随机 2026")
    assert the_file(tmp_path).stat().st_mode & 0o777 == 0o600
    assert the_file(tmp_path).parent.stat().st_mode & 0o777 == 0o700
    writer.close()
    assert actions(tmp_path) == [("audit.opened", 1), ("audit.closed", 2)]
    assert verify(tmp_path) == []


def test_a_writer_that_wrote_nothing_leaves_nothing(tmp_path):
    opened(tmp_path).close()
    assert list(tmp_path.iterdir()) == []
    assert verify(tmp_path) == []


def test_every_writer_has_a_chain_of_its_own(tmp_path):
    for _ in range(3):
        writer = opened(tmp_path)
        writer.append(TOLD)
        writer.close()
    assert len(list((tmp_path / "audit").iterdir())) == 3
    assert verify(tmp_path) == []


def test_threads_write_one_chain(tmp_path):
    writer = opened(tmp_path)
    threads = [threading.Thread(target=lambda: [writer.append(TOLD) for _ in range(50)]) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    writer.close()
    assert len(the_file(tmp_path).read_bytes().splitlines()) == 201
    assert verify(tmp_path) == []


def seen(home, lines):
    """Whether the journal comes to anchor so many lines, in good time: anchors are set beside the writing."""
    for _ in range(500):
        if any(action == "audit.anchored" and known >= lines for action, known in actions(home)):
            return True
        threading.Event().wait(0.02)
    return False


def test_the_journal_learns_of_the_chain_by_number_and_by_time(tmp_path, monkeypatch):
    monkeypatch.setattr(audit, "LINES", 4)
    clock = [NOW]
    writer = opened(tmp_path, lambda: clock[0])
    for lines in (4, 8):
        for _ in range(4):
            writer.append(TOLD)
        assert seen(tmp_path, lines)
    clock[0] += timedelta(minutes=10)
    writer.append(TOLD)
    assert seen(tmp_path, 10)
    writer.close()
    assert actions(tmp_path)[-1] == ("audit.closed", 10)
    assert verify(tmp_path) == []


def test_the_journal_learns_of_a_quiet_chain_too(tmp_path, monkeypatch):
    monkeypatch.setattr(audit, "PERIOD", timedelta(seconds=0.05))
    writer = opened(tmp_path)
    writer.append(TOLD)
    assert seen(tmp_path, 2)
    writer.close()
    assert actions(tmp_path)[-2:] == [("audit.anchored", 2), ("audit.closed", 2)]


def test_a_journal_that_cannot_be_written_delays_the_anchor_and_no_answer(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(audit, "LINES", 2)
    writer = opened(tmp_path)
    writer.append(TOLD)
    with writer._anchoring:  # nobody anchors while the file is changed
        whole = (tmp_path / "journal.jsonl").read_bytes()
        (tmp_path / "journal.jsonl").write_text("nonsense\n")
    for _ in range(3):
        writer.append(TOLD)
    writer.anchor()
    assert "the audit cannot be anchored: JournalError" in caplog.text
    with writer._anchoring:
        (tmp_path / "journal.jsonl").write_bytes(whole)
    writer.close()
    assert actions(tmp_path)[-1] == ("audit.closed", 5)
    assert verify(tmp_path) == []


def changed(lines):
    return [*lines[:3], lines[3].replace(b'"rows":2', b'"rows":3'), *lines[4:]]


def rehashed(lines):
    body = json.loads(lines[-1])
    body["rows"] = 99
    del body["digest"]
    body["digest"] = audit._digest(body)
    return [*lines[:-1], audit.rfc8785.dumps(body) + b"\n"]


TAMPERED = {
    "changed": (changed, ", line 4: was changed"),
    "spaced": (lambda lines: [*lines[:3], lines[3].replace(b":", b": "), *lines[4:]], ", line 4: is not a line"),
    "removed": (lambda lines: lines[:3] + lines[4:], ", line 4: does not follow"),
    "first removed": (lambda lines: lines[1:], ", line 1: does not follow"),
    "inserted": (lambda lines: [*lines[:3], lines[2], *lines[3:]], ", line 4: does not follow"),
    "reordered": (lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]], ", line 4: does not follow"),
    "tail cut": (lambda lines: lines[:-2], ", line 6: is missing; 7 lines were anchored"),
    "emptied": (lambda lines: [], ", line 1: is missing; 7 lines were anchored"),
    "cut within a line": (lambda lines: [*lines[:-1], lines[-1][:-9]], ", line 7: is missing"),
    "written anew": (rehashed, ", line 7: is not the line that was anchored"),
    "no JSON": (lambda lines: [*lines[:3], b"\xff\n", *lines[4:]], ", line 4: is not a line"),
    "no object": (lambda lines: [*lines[:3], b"[]\n", *lines[4:]], ", line 4: is not a line"),
}


@pytest.mark.parametrize(("tamper", "found"), TAMPERED.values(), ids=TAMPERED)
def test_what_was_done_to_a_chain_is_named(tmp_path, tamper, found):
    path = filled(tmp_path)
    path.write_bytes(b"".join(tamper(path.read_bytes().splitlines(keepends=True))))
    (fault,) = verify(tmp_path)
    assert f"{path}{found}" in fault


def test_a_line_added_after_the_chain_was_closed_is_named(tmp_path):
    path = filled(tmp_path)
    last = json.loads(path.read_bytes().splitlines()[-1])
    body = {**TOLD, "seq": 8, "previous": last["digest"]}
    body["digest"] = audit._digest(body)
    with path.open("ab") as file:
        file.write(audit.rfc8785.dumps(body) + b"\n")
    assert [", line 8: was added after the chain was closed" in fault for fault in verify(tmp_path)] == [True]


def test_a_missing_file_and_one_the_journal_does_not_know_are_named(tmp_path):
    path = filled(tmp_path / "one")
    other = filled(tmp_path / "two")
    other.rename(path.with_name("other.jsonl"))
    path.unlink()
    missing, unknown = verify(tmp_path / "one")
    assert "is missing, the journal knows it" in missing
    assert "other.jsonl: the journal does not know it" in unknown


def test_any_bit_turned_in_a_chain_is_seen(tmp_path):
    path = filled(tmp_path, 3)
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        assert verify(tmp_path), place


def test_a_process_that_was_killed_leaves_a_chain_that_holds(tmp_path):
    writer = opened(tmp_path)
    writer.append(TOLD)
    with the_file(tmp_path).open("ab") as file:
        file.write(b'{"at":"2026')
    assert verify(tmp_path) == []


def test_a_file_that_was_taken_away_is_written_to_no_more(tmp_path):
    writer = opened(tmp_path)
    writer.append(TOLD)
    the_file(tmp_path).unlink()
    with pytest.raises(AuditError):
        writer.append(TOLD)


def test_a_damaged_journal_lets_no_chain_begin(tmp_path):
    (tmp_path / "journal.jsonl").write_text("nonsense\n")
    writer = opened(tmp_path)
    with pytest.raises(AuditError):
        writer.append(TOLD)
    (tmp_path / "journal.jsonl").unlink()
    writer.append(TOLD)
    writer.close()
    assert verify(tmp_path) == []
    (tmp_path / "journal.jsonl").write_text("nonsense\n")
    with pytest.raises(JournalError):
        verify(tmp_path)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB of its own."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("no file system can be mounted here; the test of a bounded file stands in")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def until_full(writer):
    for written in range(10_000):
        try:
            writer.append(TOLD)
        except AuditError:
            return written
    raise AssertionError


def test_a_full_disk_stops_the_audit_and_the_chain_goes_on_when_there_is_room(small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 16_000)
    writer = opened(small_disk)
    written = until_full(writer)
    until_full(writer)
    assert all(line.endswith(b"}") for line in the_file(small_disk).read_bytes().splitlines())
    ballast.unlink()
    writer.append(TOLD)
    writer.close()
    assert len(the_file(small_disk).read_bytes().splitlines()) == written + 2
    assert verify(small_disk) == []


def test_a_disk_full_from_the_start_leaves_no_chain(small_disk):
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="space"):
        ballast.write_bytes(b"x" * 100_000)
    writer = opened(small_disk)
    until_full(writer)
    ballast.unlink()
    writer.append(TOLD)
    writer.close()
    assert verify(small_disk) == []


BOUNDED = """
import resource, signal, sys
from pathlib import Path
from gatehouse import NOW
from serving.audit import Audit, AuditError
home = Path(sys.argv[1])
writer = Audit(home, lambda: NOW)
writer.append({"rows": 1})
(path,) = (home / "audit").iterdir()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100, resource.RLIM_INFINITY))
try:
    writer.append({"rows": 2})
except AuditError:
    print("refused", path.read_bytes().count(b"\\n"), path.read_bytes()[-1:] == b"\\n")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
writer.append({"rows": 3})
writer.close()
"""


def test_a_line_written_in_part_is_taken_away_again(tmp_path):
    here = {**os.environ, "PYTHONPATH": os.pathsep.join([os.getcwd(), os.path.dirname(__file__)])}  # noqa: PTH109, PTH120
    command = [os.sys.executable, "-c", BOUNDED, str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True, check=True, env=here)
    assert found.stdout == "refused 2 True\n"
    assert [json.loads(line).get("rows") for line in the_file(tmp_path).read_bytes().splitlines()] == [None, 1, 3]
    assert verify(tmp_path) == []


def test_entities_have_a_name_a_year_that_only_the_home_can_make(tmp_path):
    names = Pseudonyms(tmp_path / "one")
    first = names(["a", "b", "张"], 2026)
    assert first == Pseudonyms(tmp_path / "one")(["a", "b", "张"], 2026)
    assert not set(first) & {*names(["a", "b", "张"], 2027), *Pseudonyms(tmp_path / "two")(["a", "b", "张"], 2026)}
    path = tmp_path / "one" / "keys" / "audit-2026.key"
    assert (path.stat().st_mode & 0o777, len(path.read_bytes())) == (0o600, 32)
    assert [one.name for one in sorted(path.parent.iterdir())] == ["audit-2026.key", "audit-2027.key"]
