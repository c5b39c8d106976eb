"""How many trees, and which settings: a later date and other entities decide, never what was fitted on."""

from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_scheme import DEFINITIONS, OUTCOME, SETTINGS, make_rows

from training import fit, sample, tuning
from training.errors import SchemeError
from training.growing import PATIENCE, folds, folds_of, grown, losses_by_tree
from training.looking import Lesson
from training.sample import Sample
from training.tuning import tune

DATES = [date(2019, month, 28) for month in (3, 6, 9, 12)] + [date(2020, month, 28) for month in (3, 6, 9, 12)]
WIDE = replace(SETTINGS, count=120, folds=2, learning_rate=0.3)


def days_of(*days):
    return np.array(days, "datetime64[D]")


def test_a_fold_fits_on_other_entities_a_horizon_before_the_date_it_tests_its_own_on():
    days, lot = np.repeat(days_of(*DATES), 4), np.tile([0.1, 0.4, 0.6, 0.99], len(DATES))
    found = folds(days, lot, gap_months=12, count=2)
    for fold, own, others in zip(found, ({0.1, 0.4}, {0.6, 0.99}), ({0.6, 0.99}, {0.1, 0.4}), strict=True):
        assert set(days[fold.tested].tolist()) == {DATES[-1]}
        assert set(days[fold.fitted].tolist()) == set(DATES[:4])
        assert (set(lot[fold.tested]), set(lot[fold.fitted])) == (own, others)


def test_all_dates_of_an_entity_are_in_one_fold_and_everybody_of_the_last_date_is_tested_once(drawn):
    days, lot = drawn.pairs["as_of"].to_numpy().astype("datetime64[D]"), drawn.pairs["lot"].to_numpy()
    found = folds(days, lot, gap_months=12, count=3)
    assert np.array_equal(np.sum([fold.tested for fold in found], axis=0), days == days.max())
    entity = drawn.pairs["entity"].to_numpy()
    for fold in found:
        assert not np.isin(entity[fold.tested], entity[fold.fitted]).any()


def test_a_history_shorter_than_the_horizon_has_no_fold():
    lot = np.linspace(0, 0.9, len(DATES))
    assert folds(days_of(*DATES[:4]), lot[:4], gap_months=12, count=2) == ()
    assert folds(days_of(*DATES), lot, gap_months=12, count=0) == ()
    assert len(folds(days_of(*DATES), lot, gap_months=12, count=5)) == 5


def test_one_fold_is_refused():
    with pytest.raises(SchemeError, match="folds is 1; expected 0, or at least 2"):
        replace(SETTINGS, folds=1)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """What a model learns from: a sample of the small world on eight dates."""
    folder = tmp_path_factory.mktemp("sample")
    rows, layout = make_rows(8000, seed=5), fit.layout(DEFINITIONS, OUTCOME)
    count = len(rows.kind)
    matrix = {"pair": np.arange(count), "kind": rows.kind}
    matrix |= {name: rows.values[:, place] for place, name in enumerate(layout.columns)}
    pairs = {
        "pair": np.arange(count),
        "entity": np.arange(count, dtype=np.int32) // len(DATES),
        "as_of": pa.array([DATES[place % len(DATES)] for place in range(count)], pa.date32()),
        "s": 1.0 / rows.weight,
        "lot": np.random.default_rng(3).random(count)[np.arange(count) // len(DATES)],
        "stratum": ["headline"] * count,
        "label": rows.label.astype(np.int8),
        "part": ["fit"] * count,
    }
    pq.write_table(pa.table(matrix), folder / sample.MATRIX)
    pq.write_table(pa.table(pairs), folder / sample.PAIRS)
    found = Sample.read(folder, layout)
    return Lesson(found.rows("fit"), found.pairs, layout)


def test_the_number_of_trees_is_the_one_that_did_best_on_later_dates(drawn):
    within = folds_of(drawn, WIDE, gap_months=12)
    losses = losses_by_tree(drawn.rows, drawn.layout, WIDE, within)
    found = grown(drawn, WIDE, gap_months=12)
    assert found == (int(np.argmin(losses)) + 1,) * len(WIDE.seeds)
    assert 1 < found[0] < len(losses) < WIDE.count  # neither the first tree nor all of them


def test_a_booster_that_learns_from_a_wider_outcome_has_its_own_number_of_trees(drawn):
    rows = drawn.rows
    wider = replace(rows, learned=np.maximum(rows.label, (rows.values[:, 0] > 0).astype(float)))
    within = folds_of(drawn, WIDE, gap_months=12)
    best = [int(np.argmin(losses_by_tree(wider, drawn.layout, WIDE, within, number))) + 1 for number in (0, 1)]
    taught = replace(drawn, rows=wider)
    assert grown(taught, replace(WIDE, seeds=(1, 2, 3)), gap_months=12) == (best[0], best[1], best[0])
    assert best[0] != best[1]
    own, learned = fit.boosters(wider, drawn.layout, replace(WIDE, seeds=(1, 1), count=5))
    assert own == fit.boosters(rows, drawn.layout, replace(WIDE, seeds=(1,), count=5))[0]
    assert (
        learned == fit.boosters(replace(rows, label=wider.learned), drawn.layout, replace(WIDE, seeds=(1,), count=5))[0]
    )


def test_a_loss_is_that_of_a_model_fitted_on_earlier_dates_of_others_alone(drawn):
    fold, _ = folds_of(drawn, WIDE, gap_months=12)
    rows = drawn.rows
    losses = losses_by_tree(rows, drawn.layout, WIDE, (fold,))
    few = replace(WIDE, count=7)
    (text,) = fit.boosters(rows.where(fold.fitted), drawn.layout, replace(few, seeds=(WIDE.seeds[0],)))
    from training.boosters import booster

    later = rows.where(fold.tested)
    p = 1 / (1 + np.exp(-booster(text).predict(fit.design(later, drawn.layout), raw_score=True)))
    by_hand = np.average(-np.where(later.label > 0, np.log(p), np.log1p(-p)), weights=later.weight)
    assert losses[6] == pytest.approx(by_hand, rel=1e-9)


def test_without_folds_there_are_all_trees_and_without_history_a_few(drawn):
    seeds = len(WIDE.seeds)
    assert grown(drawn, replace(WIDE, folds=0), gap_months=12) == (WIDE.count,) * seeds
    assert grown(drawn, WIDE, gap_months=120) == (PATIENCE,) * seeds
    assert grown(drawn, replace(WIDE, count=5), gap_months=120) == (5,) * seeds


def test_a_fold_without_the_outcome_on_either_side_tells_nothing(drawn):
    rows = drawn.rows
    first, second = folds_of(drawn, WIDE, gap_months=12)
    early = replace(rows, label=np.where(second.tested, 0.0, rows.label))
    taught = replace(drawn, rows=replace(early, learned=early.label))
    best = int(np.argmin(losses_by_tree(early, drawn.layout, WIDE, (first,)))) + 1
    assert grown(taught, WIDE, gap_months=12) == (best,) * len(WIDE.seeds)


def test_a_search_begins_with_the_settings_there_are_and_goes_on_where_it_stopped(drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "STARTUP", 3)  # so that the search also learns within a few trials

    def search(folder, trials):
        said = []
        return tune(drawn, WIDE, folder, gap_months=12, trials=trials, say=said.append), said

    whole, _ = search(tmp_path / "whole", 6)
    begun, said = search(tmp_path / "parts", 2)
    resumed, said_again = search(tmp_path / "parts", 6)
    assert (len(said), len(said_again)) == (2, 4)
    assert resumed == whole
    assert begun.trials == whole.trials[:2]
    assert {name: whole.trials[0][name] for name in ("depth", "l2")} == {"depth": WIDE.depth, "l2": WIDE.l2}
    assert whole.loss == min(trial["log_loss"] for trial in whole.trials) <= whole.before
    assert len({str(trial) for trial in whole.trials}) == 6


def test_a_search_without_a_fold_is_refused(drawn, tmp_path):
    with pytest.raises(SchemeError, match="has no date 120 months before"):
        tune(drawn, WIDE, tmp_path, gap_months=120, trials=1, say=lambda _: None)
