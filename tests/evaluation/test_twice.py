"""Every figure twice: draws weighed by hand, what they do not speak for counted, both looks shown side by side."""

from dataclasses import replace

import numpy as np
import pytest

from evaluation import material, twice
from evaluation.assessment import watched
from evaluation.draws import CLASSES, problems
from evaluation.population import shares


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
    return draws.entity[used], problem[used], 1 / draws.chance[used], [of[key] for key in draws.entity[used]]


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
    chance = np.where(np.arange(n) % 2, known.draws.chance, np.nan)
    draws = replace(known.draws, onsite=np.arange(n) % 3 > 0, chance=chance)
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
    assert told.figures["without_chance"]["without_chance"] == 1.0
    assert "100.0%" in told.question[0]
    assert "100.0%" in told.question[1]
    assert told.figures["naive"]["found"]["auc"] > 0.5


def test_it_is_told_where_the_chance_to_be_looked_at_on_site_was_taken_from(case, drawn, volumes):
    then, known = drawn
    planned = np.arange(len(known.draws.entity)) < 40
    draws = replace(known.draws, planned=planned)
    told = twice.study(case, then, replace(known, draws=draws), volumes, np.random.default_rng(5))
    on_site = draws.onsite & draws.weighed
    counts = {"planned": int((on_site & planned).sum()), "observed": int((on_site & ~planned).sum())}
    assert told.figures["on_site_chance"] == counts
    assert f"{counts['planned']} 次取自抽查计划" in told.question[0]
    assert f"for {counts['observed']} no such class is recorded" in told.question[1]


def test_a_rate_takes_the_rows_of_one_entity_together(case):
    scored = replace(case.headline, weight=np.ones(len(case.headline.outcome)))
    once, doubled = twice._rate(scored), twice._rate(scored.where(np.repeat(np.arange(len(scored.outcome)), 2)))
    assert doubled.n == 2 * once.n
    assert doubled.interval == pytest.approx(once.interval)
