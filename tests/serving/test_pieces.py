"""A table in several files reads as one, whatever is asked of it."""

import pyarrow as pa
import pytest

from serving import pieces

ROWS = pa.table({"entity": pa.array(range(50), pa.int32()), "value": [number / 7 for number in range(50)]})


@pytest.fixture
def folder(tmp_path):
    """Fifty rows in three files, the middle one empty."""
    for number, (start, stop) in enumerate(((0, 30), (30, 30), (30, 50))):
        pieces.write(tmp_path / pieces.name("t", number), ROWS.slice(start, stop - start), measured=number == 2)
    return tmp_path


def test_a_table_is_its_files_one_after_the_other(folder):
    assert (pieces.rows(folder, "t"), pieces.columns(folder, "t")) == (50, ["entity", "value"])
    assert pieces.read(folder, "t") == ROWS
    assert pieces.read(folder, "t", ["value"]) == ROWS.select(["value"])
    assert pa.concat_tables(pieces.slices(pieces.files(folder, "t"))) == ROWS


@pytest.mark.parametrize(("low", "high", "groups"), [(0, 0, [0]), (19, 20, [0, 1]), (25, 45, [1, 2]), (60, 70, [])])
def test_row_groups_around_two_bounds_are_found_in_whichever_file_they_lie(tmp_path, monkeypatch, low, high, groups):
    monkeypatch.setattr(pieces, "GROUP", 20)
    keys = pa.array([number.to_bytes(2) for number in range(50)], pa.binary(2))
    table = pa.table({"key": keys, "value": range(50)})
    pieces.write(tmp_path / pieces.name("t", 0), table.slice(0, 40))
    pieces.write(tmp_path / pieces.name("t", 1), table.slice(40))
    found = pieces.around(tmp_path, "t", "key", (low.to_bytes(2), high.to_bytes(2)))
    wanted = [number for group in groups for number in range(group * 20, min(group * 20 + 20, 50))]
    assert found["value"].to_pylist() == wanted


@pytest.mark.parametrize(("low", "high"), [(0, 30), (3, 9), (29, 40), (40, 90)])
def test_rows_between_two_entities_are_those_of_one_file(folder, low, high):
    found = pieces.between(folder / pieces.name("t", 0), low, high)
    assert found["entity"].to_pylist() == [number for number in range(30) if low <= number < high]


def test_a_table_that_an_earlier_version_wrote_in_one_file_is_read_too(tmp_path):
    pieces.write(tmp_path / "t.parquet", ROWS)
    assert pieces.read(tmp_path, "t") == ROWS


def test_a_folder_without_the_table_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no file of t"):
        pieces.files(tmp_path, "t")


def test_every_page_carries_a_checksum(folder):
    path = folder / pieces.name("t", 0)
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)
    with pytest.raises(OSError, match=r"(?i)crc|checksum"):
        pieces.read(folder, "t")
