"""A file of a job is read in a process that can take little, so whatever it opens into harms nobody."""

import csv
import gzip
import io
import json
import resource
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.scoring import sieve
from serving.scoring.sieve import CSV, JSON, PARQUET, RefusedError, judged, sort

CODES = [f"9136{number:014d}" for number in range(60_000)]
HUGE = 1100 << 20


def on():
    """Goes on."""


def packed(*entities, **said):
    return written(pa.array(entities, pa.string()), **said)


def written(column, **said):
    sink = io.BytesIO()
    pq.write_table(pa.table({"entity": column}), sink, write_statistics=False, **said)
    return sink.getvalue()


def zeros(rows, size):
    """A Parquet file of so many rows, each of so many characters, which are next to nothing when packed."""
    ends = np.arange(0, rows * size + 1, size, dtype=np.int32)
    column = pa.StringArray.from_buffers(rows, pa.py_buffer(ends), pa.py_buffer(bytes(rows * size)))
    return written(column, use_dictionary=False, compression="zstd")


def rejects(folder):
    return list(csv.reader(io.StringIO((folder / sieve.REJECTS).read_text(encoding="utf-8-sig"))))


def number(value):
    """A whole number as the footer of a Parquet file has it (thrift, compact)."""
    found, value = bytearray(), value << 1
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def lying(file, true, told):
    """A Parquet file whose footer says another number wherever it said a true one."""
    start = len(file) - 8 - int.from_bytes(file[-8:-4], "little")
    assert len(number(true)) == len(number(told))
    assert number(true) in file[start:-8]
    return file[:start] + file[start:-8].replace(number(true), number(told)) + file[-8:]


def opened(file):
    """How many bytes a Parquet file says it has when it is opened."""
    return pq.ParquetFile(io.BytesIO(file)).metadata.row_group(0).total_byte_size


@pytest.fixture(scope="module")
def bomb():
    """A Parquet file of a few kilobytes whose one row opens into more than a gibibyte."""
    file = zeros(1, HUGE)
    assert len(file) < 1 << 20 < HUGE < opened(file)
    return file


@pytest.fixture
def place(tmp_path):
    def found(body, media, how=sort):
        path = tmp_path / "upload"
        path.write_bytes(body)
        return how(path, media, tmp_path, on) if how is sort else how(path, media, tmp_path)

    return found


@pytest.mark.parametrize("limits", ["of the process", "of what it says"])
def test_a_file_that_opens_into_gigabytes_is_refused_and_this_process_lives(place, bomb, limits):
    body = lying(bomb, opened(bomb), 140 << 20) if limits == "of the process" else bomb
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RefusedError, match="too_large"):
        place(body, PARQUET)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10  # KiB


def test_many_rows_that_open_into_gigabytes_are_rejected_a_few_at_a_time(place):
    many = zeros(1_000_000, 1_100)
    assert opened(many) > 1 << 30 > len(many) << 8
    assert place(lying(many, opened(many), 140 << 20), PARQUET) == (0, 1_000_000)


@pytest.mark.parametrize(
    ("body", "media", "fault"),
    [
        (lying(packed(*CODES), 60_000, 90_000), PARQUET, "parquet_unreadable"),
        (lying(packed(*CODES), 60_000, sieve.MOST_ROWS + 1), PARQUET, "too_many_rows"),
        (packed(*CODES)[:90_000] + packed(*CODES)[-400:], PARQUET, "parquet_unreadable"),
        (packed(*CODES)[:-1], PARQUET, "parquet_unreadable"),
        (gzip.compress(b"entity\nT1\n"), CSV, "header"),
        (b"entity\n" + b"\n" * (sieve.MOST_ROWS + 1), CSV, "too_many_rows"),
        (b"entity\n", CSV, "no_rows"),
    ],
    ids=["more rows", "too many rows", "a hole", "cut off", "gzip", "lines", "nothing"],
)
def test_a_file_that_lies_is_refused_with_a_code(place, body, media, fault):
    assert place(body, media, judged) == {"fault": fault}


def test_a_line_of_many_megabytes_is_one_row_rejected(place, tmp_path):
    body = b"entity\nT1\n" + b"x" * (60 << 20) + b"\nT2\n" + b"y" * sieve.LONGEST_LINE
    assert place(body, CSV) == (2, 2)
    assert rejects(tmp_path) == [["line", "code"], ["3", "entity_malformed"], ["5", "entity_malformed"]]
    assert pq.read_table(tmp_path / sieve.ROWS).to_pylist() == [
        {"line": 2, "entity": "T1"},
        {"line": 4, "entity": "T2"},
    ]


@pytest.mark.parametrize(
    ("body", "media", "rejected"),
    [
        (b'\xef\xbb\xbf"entity"\r\n"T1"\r\n\xff\r\n\r\n=1+1\r\nT2', CSV, [(3, "unreadable"), (4, "entity_missing")]),
        (packed("T1", "T2", None, "=1+1"), PARQUET, [(3, "entity_missing")]),
        (json.dumps({"entities": ["T1", 7, "T2", "=1+1"]}).encode(), JSON, [(2, "unreadable")]),
    ],
    ids=["csv", "parquet", "json"],
)
def test_a_row_that_names_no_entity_is_kept_with_its_line_and_a_code(place, tmp_path, body, media, rejected):
    found = place(body, media, judged)
    assert found == {"rows": 2, "rejected": len(rejected) + 1}
    stated = rejects(tmp_path)[1:]
    assert stated[:-1] == [[str(line), code] for line, code in rejected]
    assert stated[-1][1] == "entity_malformed"


def test_a_text_column_with_a_dictionary_is_taken_and_another_column_is_not(place):
    def found(column):
        return place(written(column), PARQUET, judged)

    assert found(pa.array(["T1", "T1"]).dictionary_encode()) == {"rows": 2, "rejected": 0}
    assert found(pa.array(["T1"], pa.large_string())) == {"rows": 1, "rejected": 0}
    assert found(pa.array([1])) == {"fault": "columns"}


def test_memory_that_runs_out_is_told_as_such(place, monkeypatch):
    def short(*_, **__):
        raise MemoryError

    file = packed("T1")
    monkeypatch.setattr(pa, "table", short)
    assert place(b"entity\nT1\n", CSV, judged) == {"fault": "too_large"}
    monkeypatch.setattr(pq.ParquetFile, "iter_batches", short)
    assert place(file, PARQUET, judged) == {"fault": "too_large"}


@pytest.mark.parametrize(
    ("program", "fault"),
    [
        ("import os; os.abort()", "unreadable"),
        ("pass", "unreadable"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", "too_large"),
        ("import time; time.sleep(60)", "too_large"),
    ],
    ids=["it ends", "it says nothing", "it computes too long", "it waits too long"],
)
def test_a_reader_that_ends_or_does_not_end_is_refused(place, monkeypatch, program, fault):
    monkeypatch.setattr(sieve, "PROGRAM", program)
    monkeypatch.setattr(sieve, "LOOK", 0.05)
    monkeypatch.setattr(sieve, "PATIENCE", 0.2 if "sleep" in program else 60)
    with pytest.raises(RefusedError, match=fault):
        place(b"entity\nT1\n", CSV)


def test_a_reader_nobody_waits_for_is_ended(tmp_path, monkeypatch):
    class StoppedError(Exception):
        pass

    def stops():
        raise StoppedError

    monkeypatch.setattr(sieve, "PROGRAM", "import time; time.sleep(60)")
    monkeypatch.setattr(sieve, "LOOK", 0.05)
    began = time.monotonic()
    with pytest.raises(StoppedError):
        sort(tmp_path / "upload", CSV, tmp_path, stops)
    assert time.monotonic() - began < 30


def test_the_reader_has_little_of_everything_and_nothing_of_this_environment(monkeypatch):
    monkeypatch.setenv("JIANWEI_STORE", "secret")
    told = """
import os, resource, sys
sys.path.insert(0, sys.argv[1])
from serving.scoring import sieve
sieve.bounded()
print(*(resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0] for name in ("CORE", "CPU", "AS", "FSIZE")))
try:
    bytearray(sieve.MEMORY)
except MemoryError:
    print("bounded", [name for name in os.environ if "JIANWEI" in name])
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", told, str(sieve.ROOT)],
        env=sieve.ALONE,
        capture_output=True,
        check=True,
        text=True,
    )
    expected = f"0 {sieve.SECONDS} {sieve.MEMORY} {sieve.LARGEST_WRITTEN}"
    assert done.stdout.split("\n")[:2] == [expected, "bounded []"]
