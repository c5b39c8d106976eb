"""Never looked at is not clean: what the correction learns, whom it leaves out, and what it refuses."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_scheme import DEFINITIONS, OUTCOME, SETTINGS

from training import fit, sample
from training.errors import SchemeError
from training.looking import LEAST, Watching, lesson
from training.sample import Sample

COUNT = 40_000
WATCHED = 0  # the column that decides whether somebody looks, and not what they would find
CONDUCT = 2


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Who is watched closely is found more often, though watched and unwatched behave alike."""
    rng = np.random.default_rng(8)
    layout = fit.layout(DEFINITIONS, OUTCOME)
    values = rng.poisson(0.5, (COUNT, len(layout.columns))).astype(float)
    would = rng.random(COUNT) < 1 / (1 + np.exp(2.0 - 1.2 * values[:, CONDUCT]))
    looked = rng.random(COUNT) < np.where(values[:, WATCHED] > 0, 0.6, 0.1)
    folder = tmp_path_factory.mktemp("watched")
    matrix = {"pair": np.arange(COUNT), "kind": np.zeros(COUNT, np.int8)}
    matrix |= {name: values[:, place] for place, name in enumerate(layout.columns)}
    pairs = {
        "pair": np.arange(COUNT),
        "entity": np.arange(COUNT, dtype=np.int32),
        "as_of": pa.array([date(2020, 1, 31)] * COUNT, pa.date32()),
        "s": np.ones(COUNT),
        "stratum": ["headline"] * COUNT,
        "label": (would & looked).astype(np.int8),
        "learned": (would & looked).astype(np.int8),
        "looked": looked.astype(np.int8),
        "part": ["fit"] * COUNT,
    }
    pq.write_table(pa.table(matrix), folder / sample.MATRIX)
    pq.write_table(pa.table(pairs), folder / sample.PAIRS)
    return Sample.read(folder, layout), values, would


def task_of(correction):
    return SimpleNamespace(outcome=replace(OUTCOME, correction=correction), trees=replace(SETTINGS, count=60))


def rate_by(model_rows, layout, values, column):
    """Mean probability of a model fitted on rows, by whether a column is above 0."""
    from training.boosters import booster

    (text,) = fit.boosters(
        model_rows, replace(layout, monotone=(0,) * len(layout.features)), replace(SETTINGS, seeds=(1,), count=60)
    )
    every = fit.Rows(
        values, np.zeros(len(values), np.int8), values[:, 6:7], *[np.zeros(len(values))] * 3, np.ones(len(values))
    )
    p = booster(text).predict(fit.design(every, layout))
    return p[values[:, column] > 0].mean(), p[values[:, column] == 0].mean()


def test_the_corrected_model_does_not_learn_who_is_watched(drawn):
    found, values, would = drawn
    naive = rate_by(lesson(task_of(None), found).rows, found.layout, values, WATCHED)
    corrected = rate_by(lesson(task_of("looked_at"), found).rows, found.layout, values, WATCHED)
    assert naive[0] > 3 * naive[1]
    assert corrected[0] == pytest.approx(corrected[1], rel=0.15)
    assert np.mean(corrected) == pytest.approx(would.mean(), rel=0.1)  # and finds the rate among everybody
    by_conduct = rate_by(lesson(task_of("looked_at"), found).rows, found.layout, values, CONDUCT)
    assert by_conduct[0] > 1.5 * by_conduct[1]


def test_whoever_was_looked_at_stands_for_those_who_were_not(drawn):
    found, _, _ = drawn
    every, rows = found.rows("fit"), lesson(task_of("looked_at"), found).rows
    assert len(rows.label) == every.looked.sum()
    chance = Watching.fitted(task_of("looked_at"), every, found.layout).chances(every)
    assert rows.weight == pytest.approx(1 / np.maximum(chance, LEAST)[every.looked > 0])
    assert rows.weight.sum() == pytest.approx(COUNT, rel=0.05)


def test_rows_kept_by_a_correction_keep_their_own_pairs(drawn):
    found, _, _ = drawn
    looked = found.rows("fit").looked > 0
    for correction, kept in ((None, np.ones(COUNT, bool)), ("looked_at", looked)):
        taught = lesson(task_of(correction), found)
        assert taught.pairs["entity"].to_pylist() == np.flatnonzero(kept).tolist()
        assert len(taught.rows.label) == kept.sum()


def test_without_a_correction_every_row_stays_as_it_is(drawn):
    found, _, _ = drawn
    rows, every = lesson(task_of(None), found).rows, found.rows("fit")
    assert all(
        np.array_equal(one, other, equal_nan=True)
        for one, other in zip(vars(rows).values(), vars(every).values(), strict=True)
    )


def test_nobody_looked_at_leaves_nothing_to_learn_from(drawn, monkeypatch):
    found, _, _ = drawn
    blind = replace(found.rows("fit"), looked=np.zeros(COUNT))
    monkeypatch.setattr(Sample, "rows", lambda *_: blind)
    with pytest.raises(SchemeError, match="0 of 40000 pairs were looked at"):
        lesson(task_of("looked_at"), found)
