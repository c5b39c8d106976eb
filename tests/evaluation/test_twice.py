"""Every figure twice: draws weighed by hand, what they do not speak for counted, both looks shown side by side."""

from dataclasses import replace

import numpy as np
import pytest

from evaluation import material, twice
from evaluation.assessment import watched
from evaluation.draws import CLASSES, problems
from evaluation.errors import GateError
from evaluation.population import shares
from features.dimensions import Dimension


@pytest.fixture(scope="module")
def drawn(case):
    return material._draws(case, lambda _: None)


@pytest.fixture(scope="module")
def volumes(case, drawn):
    return watched(shares(drawn[0], case.task.profile))


@pytest.fixture(scope="module")
def found(case, drawn, volumes):
    return twice.study(case, *drawn, volumes, np.random.default_rng(5))


def _weighed(case, drawn):
    """Draws on site with an answer, as plain arrays: entity, problem, weight, model class."""
    then, (rule, draws) = drawn[0], (drawn[1].rule, drawn[1].draws)
    problem = problems(draws, rule)
    used = draws.onsite & (problem >= 0) & (draws.risk_class >= 0)
    of = dict(zip(then.entity.tolist(), then.raw_class.tolist(), strict=True))
    return draws.entity[used], problem[used], 1 / draws.probability[used], [of[key] for key in draws.entity[used]]


def test_rates_on_draws_are_weighed_by_the_chance_to_be_drawn(case, drawn, found):
    _, problem, weight, risk_class = _weighed(case, drawn)
    told = found.figures["drawn"]["classes"]
    for place, name in enumerate(CLASSES):
        own = np.array(risk_class) == place
        assert told[name]["n"] == own.sum() > 0
        assert told[name]["rate"] == pytest.approx((problem * weight)[own].sum() / weight[own].sum())
    assert found.figures["drawn"]["found"]["rate"] == pytest.approx((problem * weight).sum() / weight.sum())


def test_the_naive_look_is_that_of_the_test_pairs(case, found):
    told, scored = found.figures["naive"], case.headline
    assert told["found"]["n"] == len(scored.outcome)
    risk_class = case.scheme.raw_classes(scored.probability, scored.kind.astype(np.int8))
    for place, name in enumerate(CLASSES):
        own = risk_class == place
        assert told["classes"][name]["rate"] == pytest.approx(
            np.average(scored.outcome[own], weights=scored.weight[own])
        )


def test_both_looks_stand_in_every_table(found):
    order, classes = found.tables[:2]
    assert [row[0].text[1] for row in order.rows] == ["records (where inspectors went)", "random draws"]
    assert [row[0].text[0] for row in classes.rows] == list(CLASSES)
    assert found.judged["EV043"][0].value == found.figures["drawn"]["found"]["auc_interval"][1]
    assert "<svg" in found.pictures[0]


def test_a_handful_of_problems_is_not_judged(found):
    told = found.judged["EV043"][0]
    few = twice.Discrimination(400, 29, 0.07, 0.3, (0.2, 0.4), None, None, ())
    assert twice._upper(few) == ()
    assert twice._upper(replace(few, n_pos=30))[0].value == 0.4
    assert told.interval is not None


def test_off_site_draws_and_draws_without_a_chance_are_left_out(case, drawn, volumes, found):
    then, known = drawn
    n = len(known.draws.entity)
    chance = np.where(np.arange(n) % 2, known.draws.probability, np.nan)
    draws = replace(known.draws, onsite=np.arange(n) % 3 > 0, probability=chance)
    told = twice.study(case, then, replace(known, draws=draws), volumes, np.random.default_rng(5))
    kept = draws.onsite & ~np.isnan(chance) & (problems(draws, known.rule) >= 0) & (draws.risk_class >= 0)
    assert told.figures["drawn"]["found"]["n"] == kept.sum() < found.figures["drawn"]["found"]["n"]


def test_without_draws_the_other_look_still_stands(case, drawn, volumes):
    then, known = drawn
    none = known.draws.where(np.zeros(len(known.draws.entity), bool))
    told = twice.study(case, then, replace(known, draws=none), volumes, np.random.default_rng(5))
    assert told.figures["drawn"]["found"]["n"] == 0
    assert told.figures["drawn"]["classes"]["A"]["rate"] is None
    assert told.judged["EV043"] == ()
    assert told.figures["naive"]["found"]["auc"] > 0.5


def test_a_frame_that_slices_do_not_part_by_is_refused(case, drawn, monkeypatch):
    block = {**case.task.profile.table("random_draw"), "frame": ["moon"]}
    monkeypatch.setattr(type(case.task.profile), "table", lambda self, name: block)
    monkeypatch.setattr(twice, "read_dimensions", lambda profile: ())
    with pytest.raises(GateError, match=r"frame is moon; expected codes of slices\.yaml .*: it has none"):
        twice._reach(case, drawn[0], drawn[1].draws)


def test_who_lies_where_nobody_was_drawn_is_counted(case, drawn, volumes, monkeypatch):
    then, known = drawn
    table = case.task.profile.table
    block = {**table("random_draw"), "frame": ["kind"]}
    monkeypatch.setattr(
        type(case.task.profile), "table", lambda self, name: block if name == "random_draw" else table(name)
    )
    kinds = Dimension("kind", ("类型", "kind"))
    monkeypatch.setattr(twice, "read_dimensions", lambda profile: (kinds,))
    shop = np.isin(known.draws.entity, then.entity[then.kind == 0])
    reach = twice._reach(case, then, known.draws.where(shop))
    counted = then.kind[then.counted]
    assert reach.without_chance == pytest.approx((counted != 0).mean())
    assert 0 < reach.without_chance < 1
    assert "π = 0" in twice._question(reach)[1]
    assert f"{reach.without_chance:.1%}" in twice._question(reach)[0]
