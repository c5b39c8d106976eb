"""A sample read part by part says what its whole matrix says."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training import sample
from training.fit import Layout
from training.pairs import Sampling
from training.sample import Sample

COUNT = 1000


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A sample of three indicators and two controls, one of the matrix and one of the pairs, in small groups."""
    monkeypatch.setattr(sample, "GROUP", 64)
    rng = np.random.default_rng(3)
    values = {name: np.where(rng.random(COUNT) < 0.2, np.nan, rng.normal(size=COUNT)) for name in ("a", "b", "c")}
    matrix = pa.table({"pair": np.arange(COUNT), "kind": rng.integers(-1, 3, COUNT).astype(np.int8), **values})
    pairs = pa.table(
        {
            "pair": np.arange(COUNT),
            "entity": rng.integers(0, 300, COUNT).astype(np.int32),
            "as_of": pa.array(["2025-01-31"] * COUNT),
            "s": np.where(rng.random(COUNT) < 0.5, 0.5, 1.0),
            "stratum": rng.choice(["headline", "open_case"], COUNT),
            "label": rng.integers(0, 2, COUNT).astype(np.int8),
            "part": np.sort(rng.choice(["calibration", "fit", "test"], COUNT)),
            "event_group": values["a"] * 2,
        }
    )
    pq.write_table(matrix, tmp_path / sample.MATRIX, row_group_size=100)
    pq.write_table(pairs, tmp_path / sample.PAIRS)
    layout = Layout(("a", "b", "c"), ("a", "b"), ("c", "event_group"), (0, 1), ("", ""))
    return Sample.read(tmp_path, layout), matrix.to_pandas(), pairs.to_pandas()


@pytest.mark.parametrize(("part", "stratum"), [("fit", "headline"), ("test", "open_case"), ("nobody", "headline")])
def test_the_rows_of_a_part_are_those_of_the_whole_matrix(made, part, stratum):
    found, matrix, pairs = made
    wanted = (pairs["part"] == part) & (pairs["stratum"] == stratum) & (matrix["kind"] >= 0)
    rows = found.rows(part, stratum)
    assert np.array_equal(rows.values, matrix.loc[wanted, ["a", "b", "c"]].to_numpy(), equal_nan=True)
    assert np.array_equal(rows.kind, matrix.loc[wanted, "kind"])
    assert np.array_equal(rows.label, pairs.loc[wanted, "label"])
    assert np.array_equal(rows.weight, 1 / pairs.loc[wanted, "s"])
    controls = np.column_stack([matrix.loc[wanted, "c"], pairs.loc[wanted, "event_group"]])
    assert np.array_equal(rows.controls, controls, equal_nan=True)


def test_slices_are_all_pairs_of_a_known_kind_in_order(made):
    found, matrix, pairs = made
    parts = list(found.slices())
    assert len(parts) > 10
    known = matrix["kind"] >= 0
    assert np.array_equal(np.concatenate([kind for _, _, kind in parts]), matrix.loc[known, "kind"])
    assert np.array_equal(np.concatenate([part["pair"].to_numpy() for part, _, _ in parts]), pairs.loc[known, "pair"])
    values = np.concatenate([values for _, values, _ in parts])
    assert np.array_equal(values, matrix.loc[known, ["a", "b", "c"]].to_numpy(), equal_nan=True)


def test_a_large_province_is_thinned_to_about_so_many_pairs_a_date():
    plain, bounded = (Sampling.read({"rate": 0.5, "seed": "s", **more}) for more in ({}, {"most": 400}))
    assert [plain.rate_of(count) for count in (0, 10, 10_000)] == [0.5, 0.5, 0.5]
    assert [bounded.rate_of(count) for count in (0, 10, 10_000)] == [0.5, 0.5, 0.04]
