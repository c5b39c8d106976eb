"""The parts of the simulation: parameters, chance, codes, time."""

import shutil
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.asof import Month
from features.profile import ProfileError, read_profile
from features.records.identity import is_uscc, regno_holds
from features.simulation.codes import credit_codes, keys, registration_numbers
from features.simulation.rows import closed, day, rows
from features.simulation.streams import Streams, blocks, choose, choose_by_row
from features.simulation.world import NEVER, Period, day_number, read_world
from features.simulation.writing import Calendar


@given(
    number=st.lists(st.integers(0, 5_000_000), min_size=1, max_size=20, unique=True),
    category=st.integers(1, 3),
    region=st.integers(360_102, 361_181),
    lettered=st.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_codes_are_valid_and_different(number, category, region, lettered):
    numbers = np.array(number)
    size = len(numbers)
    codes = credit_codes(numbers, np.full(size, category), np.full(size, region), np.full(size, lettered))
    assert all(is_uscc(code) for code in codes)
    assert codes.n_unique() == size
    regnos = registration_numbers(numbers, np.full(size, region))
    assert all(regno_holds(number) for number in regnos)
    assert keys("person", numbers).n_unique() == size


def test_a_stream_depends_on_seed_block_and_name_only():
    first = Streams(1, 2).rng("births").random(3).tolist()
    assert Streams(1, 2).rng("births").random(3).tolist() == first
    for other in (Streams(2, 2).rng("births"), Streams(1, 3).rng("births"), Streams(1, 2).rng("exits")):
        assert other.random(3).tolist() != first


def test_blocks_cover_the_province_once():
    cut = blocks(25, 10)
    assert [(block.first, block.size) for block in cut] == [(0, 10), (10, 10), (20, 5)]


def test_choices_follow_their_weights():
    rng = np.random.default_rng(1)
    assert np.bincount(choose(rng, np.array([1.0, 3.0, 0.0]), 40_000), minlength=3) / 40_000 == pytest.approx(
        [0.25, 0.75, 0.0], abs=0.01
    )
    rows_of = choose_by_row(rng, np.tile([[0.0, 1.0]], (5, 1)))
    assert rows_of.tolist() == [1] * 5


def test_half_years_begin_with_the_period():
    period = Period(date(2017, 4, 1), date(2018, 3, 31))
    assert period.grid.tolist() == [day_number(date(2017, 4, 1)), day_number(date(2017, 10, 1)), period.last + 1]
    assert period.half_of(np.array([period.first - 9, period.last])).tolist() == [0, 1]


def test_history_is_delivered_by_year_and_the_last_three_months_singly():
    found = Calendar.of(Period(date(2023, 4, 1), date(2025, 6, 30))).months
    assert [str(month) for month in found] == ["2023-12", "2024-12", "2025-03", "2025-04", "2025-05", "2025-06"]
    short = Calendar.of(Period(date(2025, 5, 1), date(2025, 6, 30)))
    assert short.months == (Month(2025, 5), Month(2025, 6))
    assert short.position(np.array([day_number(date(2025, 5, 31)), day_number(date(2025, 7, 1))])).tolist() == [0, 2]


def test_an_end_is_told_by_a_later_version_only():
    first = rows(
        "licence", np.array([0, 1]), np.array([100, 100]), {"source": "gsxt", "licence_no": pl.Series(["1", "2"])}
    )
    end = np.array([150, NEVER])
    opened, told = closed(first, end, np.array([3, 3]), {"valid_to": day(end)})
    assert opened.frame["valid_to"].null_count() == 2
    assert told.frame.select("licence_no", "action", "_entered").rows() == [("1", "correct", 153)]


def copied(tmp_path):
    shutil.copytree(read_profile("jiangxi").folder, tmp_path / "place")
    return tmp_path / "place"


def test_a_world_file_without_a_section_is_refused(tmp_path):
    folder = copied(tmp_path)
    path = folder / "world.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("\nkinds:\n", "\nkindness:\n"), encoding="utf-8")
    with pytest.raises(ProfileError, match="no section kinds"):
        read_world(read_profile(str(folder)))


def test_a_world_file_with_an_unknown_code_is_refused(tmp_path):
    folder = copied(tmp_path)
    path = folder / "world.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("'360102': [", "'999999': ["), encoding="utf-8")
    with pytest.raises(ProfileError, match="999999 are not codes of regions"):
        read_world(read_profile(str(folder)))


def test_every_section_of_the_world_says_what_it_rests_on(profile):
    settings_of = profile.table("world")
    assert settings_of["since"] <= date(2017, 4, 1)
    without = [name for name, section in settings_of.items() if isinstance(section, dict) and "basis" not in section]
    assert without == []
