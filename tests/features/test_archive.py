"""A kept matrix is used again only when nothing it rests on has changed."""

from dataclasses import replace
from datetime import date
from functools import partial

import numpy as np
import pyarrow.parquet as pq
import pytest
from world import SMALL, TinyLake, lake_of

from features import archive
from features.indicators.catalogue import load
from features.indicators.language import on
from features.matrix import batches
from features.profile import read_profile

PROFILE = read_profile(str(SMALL))
DEFINITIONS = load(PROFILE)
AS_OF = date(2024, 6, 30)
TIMELY = on("2024-05-01", severity=2, of="A")
LATE = on("2024-05-02", severity=3, of="A")  # of an old day, and brought only later


class Housed(TinyLake):
    """A small lake with a home around it."""

    @property
    def home(self):
        return self.folder.parent


@pytest.fixture
def lake(tmp_path):
    (tmp_path / "lake").mkdir()
    made = lake_of(PROFILE, {"event": [TIMELY]}, tmp_path / "lake")
    return Housed(made.profile, made.folder, made.entities)


def keep(lake, definitions=DEFINITIONS, as_of=AS_OF, engine="polars"):
    said = []
    (found,) = archive.keep(lake, definitions, [as_of], home=lake.home, engine=engine, report=said.append)
    return found


def test_nothing_changed_and_nothing_is_made_again(lake):
    first = keep(lake)
    again = keep(lake)
    assert (first["made"], again["made"]) == (True, False)
    assert {**again, "made": True} == first


def test_dates_kept_together_are_those_kept_apart_and_only_the_missing_are_made(lake, tmp_path):
    days = [date(2024, 4, 30), AS_OF, date(2024, 5, 31)]
    keep(lake)
    told = archive.keep(lake, DEFINITIONS, days, home=lake.home, engine="polars", report=lambda line: None)
    assert [(one["as_of"], one["made"]) for one in told] == [
        ("2024-04-30", True), ("2024-06-30", False), ("2024-05-31", True),
    ]  # fmt: skip
    for day, one in zip(days, told, strict=True):
        (alone,) = archive.keep(
            lake, DEFINITIONS, [day], home=tmp_path / "apart", engine="duckdb", report=lambda line: None
        )
        assert alone["columns"] == one["columns"]
        apart, together = (pq.read_table(f"{each['folder']}/{archive.MATRIX}").to_pandas() for each in (alone, one))
        assert apart.equals(together)  # nulls are equal here


def test_late_data_makes_a_new_matrix_and_leaves_the_old_one(lake):
    first = keep(lake)
    lake_of(PROFILE, {"event": [TIMELY, LATE]}, lake.folder)
    second = keep(lake)
    assert second["made"]
    assert second["key"] != first["key"]
    old, new = (pq.read_table(f"{one['folder']}/{archive.MATRIX}") for one in (first, second))
    assert old.num_rows == new.num_rows
    assert not old.equals(new)


@pytest.mark.parametrize(
    "changed",
    [
        partial(keep, as_of=date(2024, 5, 31)),
        partial(keep, definitions=replace(DEFINITIONS, digest="0" * 64)),
    ],
    ids=["date", "definitions"],
)
def test_another_date_or_other_definitions_make_another_matrix(lake, changed):
    first = keep(lake)
    other = changed(lake)
    assert other["made"]
    assert other["folder"] != first["folder"]


def test_what_is_kept_is_the_matrix_and_its_summary_describes_it(lake):
    found = keep(lake)
    kept = pq.read_table(f"{found['folder']}/{archive.MATRIX}")
    values = np.vstack([batch.values for batch in batches(lake, DEFINITIONS, as_of=AS_OF)])
    assert kept.column_names == ["entity", "kind", *DEFINITIONS.codes]
    assert found["rows"] == kept.num_rows == len(values)
    for place, code in enumerate(DEFINITIONS.codes):
        column = values[:, place]
        assert np.array_equal(kept[code].to_numpy(), column, equal_nan=True)
        assert found["columns"][code]["null_share"] == np.isnan(column).mean()
        mean = found["columns"][code]["mean"]
        assert mean is None if np.isnan(column).all() else mean == np.nanmean(column)


def test_a_matrix_cut_off_while_it_was_written_is_made_again(lake, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(archive.steps, "write_text", killed)
        with pytest.raises(KeyboardInterrupt):
            keep(lake)
    assert keep(lake)["made"]


def test_a_date_before_everything_keeps_an_empty_matrix(lake):
    found = keep(lake, as_of=date(1990, 1, 31))
    assert found["rows"] == 0
    assert {(one["null_share"], one["mean"]) for one in found["columns"].values()} == {(None, None)}
