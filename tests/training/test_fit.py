from dataclasses import replace

import numpy as np
import pytest
from small_scheme import DEFINITIONS, KINDS, OUTCOME, SETTINGS, make_rows

from training import fit
from training.errors import SchemeError
from training.outcomes import EventControl
from training.trees import read_trees, thresholds


@pytest.fixture(scope="module")
def models(scheme):
    return scheme.models


def test_the_same_bytes_on_one_and_on_two_threads(trained, models):
    assert fit.boosters(trained.rows, trained.layout, SETTINGS, threads=1) == models
    assert fit.boosters(trained.rows, trained.layout, SETTINGS, threads=2) == models


def test_every_seed_gives_a_booster_of_its_own(models):
    assert len(set(models)) == len(SETTINGS.seeds)


def test_features_and_controls_never_meet_in_a_tree(trained, models):
    names = trained.layout.names
    first = len(trained.layout.features)
    mixed, exposed = 0, 0
    for text in models:
        for tree in read_trees(text, names, where="model"):
            sides = {feature >= first for feature in tree.feature.tolist()}
            mixed += len(sides) == 2
            exposed += sides == {True}
    assert mixed == 0
    assert exposed > 0


def test_the_layout_follows_roles_signs_and_the_outcome():
    layout = fit.layout(DEFINITIONS, OUTCOME)
    assert layout.features == ("fines", "fines_late", "listed", "age", "size", "noise")
    assert layout.controls == ("visits",)
    assert layout.monotone == (1, 1, 1, -1, 0, 0)
    named = fit.layout(DEFINITIONS, replace(OUTCOME, controls=("size",), event_controls=(EventControl("group", "g"),)))
    assert named.controls == ("size", "event_group")
    assert "size" not in named.features
    item = DEFINITIONS.by_code["noise"].items[0]
    assert fit.layout(DEFINITIONS, OUTCOME, without={"another"}) == layout
    with pytest.raises(SchemeError, match="0 features"):
        fit.layout(DEFINITIONS, OUTCOME, without={item})
    with pytest.raises(SchemeError, match="controls wind, 6 features"):
        fit.layout(DEFINITIONS, replace(OUTCOME, controls=("wind",)))


def test_the_reference_is_the_weighted_distribution_of_controls(trained, models):
    reference = fit.reference(trained.rows, trained.layout, models, KINDS)
    for number, kind in enumerate(KINDS):
        own = trained.rows.kind == number
        held = reference["kinds"][kind]
        assert sum(held["weights"]) == pytest.approx(trained.rows.weight[own].sum())
        assert len(held["controls"]) <= len(np.unique(trained.rows.controls[own]))
        assert not held["pooled"]


def test_a_kind_without_rows_takes_everybodys_reference(trained, models):
    reference = fit.reference(trained.rows, trained.layout, models, (*KINDS, "none"))
    assert reference["kinds"]["none"]["pooled"]
    assert sum(reference["kinds"]["none"]["weights"]) == pytest.approx(trained.rows.weight.sum())


def test_without_controls_the_exposure_holds_the_kind_alone(trained):
    rows = replace(trained.rows, controls=trained.rows.controls[:, :0])
    layout = replace(trained.layout, controls=())
    models = fit.boosters(rows, layout, replace(SETTINGS, seeds=(1,)))
    offsets = fit.offsets(models, layout, fit.reference(rows, layout, models, KINDS), KINDS)
    assert offsets["stall"] > offsets["shop"]


def test_trees_too_large_to_explain_are_refused():
    for change in ({"depth": 7}, {"leaves": 32}, {"seeds": ()}):
        with pytest.raises(SchemeError, match="every entity is explained every month"):
            replace(SETTINGS, **change)


def test_labels_of_one_sort_are_refused(trained):
    rows = replace(trained.rows, label=np.zeros(len(trained.rows.label)))
    with pytest.raises(SchemeError, match="expected some of each"):
        fit.boosters(rows, trained.layout, SETTINGS)


def test_the_baseline_orders_better_than_chance_and_takes_nulls(trained):
    from sklearn.metrics import roc_auc_score

    baseline = fit.logistic(trained.rows, trained.layout, kinds=3, strength=1.0)
    later = make_rows(4000, seed=4)
    margins = baseline.margins(later.values, later.kind)
    assert np.isfinite(margins).all()
    assert roc_auc_score(later.label, margins) > 0.65
    flagged = {trained.layout.features[place] for place in baseline.flagged}
    assert flagged == {"age", "size"}


def test_settings_are_read_as_written():
    row = {**vars(SETTINGS), "seeds": list(SETTINGS.seeds)}
    assert fit.TreeSettings.read(row) == SETTINGS


def test_settings_that_are_not_known_are_refused():
    row = {**vars(SETTINGS), "seeds": list(SETTINGS.seeds)}
    with pytest.raises(SchemeError, match="unexpected keyword argument 'deepness'"):
        fit.TreeSettings.read({**row, "deepness": 3})
    with pytest.raises(SchemeError, match="'seeds'; expected count, seeds"):
        fit.TreeSettings.read({"count": 3})


def test_fewer_bins_give_fewer_thresholds(trained):
    few = fit.boosters(trained.rows, trained.layout, replace(SETTINGS, max_bin=15, extra_trees=True, seeds=(1,)))
    trees = read_trees(few[0], trained.layout.names, where="model")
    assert max(len(found) for found in thresholds(trees, len(trained.layout.names))) < 15


def test_bins_are_as_few_as_the_unit_of_a_feature_says(trained):
    place = replace(
        trained.layout, units=tuple("month" if name == "age" else "time" for name in trained.layout.features)
    )
    (model,) = fit.boosters(trained.rows, place, replace(SETTINGS, bins={"month": 4}, seeds=(1,)))
    trees = read_trees(model, place.names, where="model")
    found = dict(zip(place.names, map(len, thresholds(trees, len(place.names))), strict=True))
    assert 1 <= found["age"] <= 4 < found["size"]
    with pytest.raises(SchemeError, match="'month': 1}; expected a whole number of at least 2"):
        replace(SETTINGS, bins={"month": 1})
