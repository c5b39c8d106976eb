"""Drift against what a scheme was fitted on: nothing where nothing moved, all where everything did."""

from dataclasses import replace

import numpy as np
import pytest

from evaluation import drift, population
from evaluation.stability import psi


@pytest.fixture(scope="module")
def now(case):
    return population.classified(case.task, case.scheme, as_of=case.task.reference_month)


def test_the_fit_part_has_not_drifted_from_itself(case, now):
    rows = case.sample.rows("fit")
    margin = case.scheme.margins(rows.values, rows.kind)
    times = np.round(rows.weight).astype(int)  # sampled at a half: weights are 1 and 2
    same = replace(
        now,
        entity=np.arange(times.sum(), dtype=np.int32),
        counted=np.ones(times.sum(), bool),
        values_entity=np.arange(times.sum(), dtype=np.int32),
        values=np.repeat(rows.values, times, axis=0),
        probability=np.repeat(case.scheme.probabilities(margin, rows.kind), times),
        columns=case.sample.layout.columns,
    )
    found = drift.study(case, same)
    assert found.figures["score"] == pytest.approx(0, abs=1e-9)
    assert all(row["psi"] == pytest.approx(0, abs=1e-9) for row in found.figures["features"])


def test_an_indicator_that_moved_comes_first(case, now):
    code = case.scheme.features[0]
    values = now.values.copy()
    values[:, now.columns.index(code)] = np.nan
    found = drift.study(case, replace(now, values=values))
    rows = found.figures["features"]
    assert [row["psi"] for row in rows] == sorted((row["psi"] for row in rows), reverse=True)
    assert (rows[0]["code"], rows[0]["null_now"]) == (code, 1.0)
    assert rows[0]["psi"] > 1
    assert found.judged["EV075"][0].value == found.figures["score"]
    assert found.tables[0].rows[1][0].text == next(
        (one.label, one.label_en) for one in case.task.definitions.indicators if one.code == code
    )


def test_whoever_was_never_trained_on_does_not_drift(case, now):
    apart = now.counted & (np.arange(len(now.entity)) % 2 == 0)
    values, probability = now.values.copy(), now.probability.copy()
    values[~np.isin(now.values_entity, now.entity[apart])] = 1e6
    probability[~apart] = 1.0
    few = drift.study(case, replace(now, counted=apart)).figures
    assert drift.study(case, replace(now, counted=apart, values=values, probability=probability)).figures == few


def test_weights_count_as_so_many_rows():
    rng = np.random.default_rng(0)
    then, now = rng.normal(size=500).round(1), rng.normal(0.3, 1, 700).round(1)
    then[::9] = np.nan
    times = rng.integers(1, 5, 500)
    assert psi(then, now, weights=times.astype(float)) == pytest.approx(psi(np.repeat(then, times), now))
    assert psi(then, now, weights=times.astype(float)) != pytest.approx(psi(then, now))
