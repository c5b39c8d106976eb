"""Random draws: the weighted rate finds the truth, the naive one does not, and few draws are not judged."""

import numpy as np
import pytest

from evaluation import draws
from evaluation.draws import INSUFFICIENT, Draws
from evaluation.metrics import wilson
from training.draws import DrawRule, placed
from training.errors import SchemeError

RULE = DrawRule.read(
    {
        "clean": ["01", "02", "13"],
        "substantive": ["04", "09", "14"],
        "substantive_with_finding": {"codes": ["02"], "severity": 2},
        "indeterminate": ["03", "06", "08", "10"],
        "out_of_scope": ["05", "07", "11", "12"],
    }
)


def drawn(results, severity=None, chance=None, risk_class=None, onsite=None, entity=None):
    n = len(results)
    return Draws(
        entity=np.arange(n) if entity is None else np.asarray(entity),
        risk_class=np.zeros(n, dtype=np.int64) if risk_class is None else np.asarray(risk_class),
        results=np.array(results, dtype=object),
        severity=np.full(n, np.nan) if severity is None else np.asarray(severity, dtype=float),
        chance=np.full(n, 0.1) if chance is None else np.asarray(chance, dtype=float),
        onsite=np.ones(n, dtype=bool) if onsite is None else np.asarray(onsite),
        planned=np.zeros(n, dtype=bool),
    )


@pytest.mark.parametrize(
    ("results", "severity", "expected"),
    [
        ("|01|", np.nan, 0.0),
        ("|04|", np.nan, 1.0),
        ("|09|", np.nan, 1.0),
        ("|01|14|", np.nan, 1.0),
        ("|02|", 1, 0.0),
        ("|02|", 2, 1.0),
        ("|02|", np.nan, 0.0),
        ("|01|", 3, 0.0),
        ("|10|13|", np.nan, 0.0),
        ("|03|", np.nan, np.nan),
        ("|03|04|", np.nan, 1.0),
        ("|01|06|", np.nan, 0.0),
        (None, np.nan, np.nan),
        ("|10|", np.nan, np.nan),
        ("|05|", np.nan, -1.0),
        ("|05|06|", np.nan, np.nan),
    ],
)
def test_a_result_is_a_problem_no_problem_no_answer_or_out_of_scope(results, severity, expected):
    assert draws.problems(drawn([results], [severity]), RULE)[0] == pytest.approx(expected, nan_ok=True)


def test_a_result_the_profile_does_not_place_is_refused():
    with pytest.raises(SchemeError, match=r"result 77, which random_draw\.yaml does not place"):
        draws.problems(drawn(["|77|"]), RULE)


def sampled(seed):
    """Two strata of one class: the small one is risky and drawn ten times as often."""
    rng = np.random.default_rng(seed)
    risky = np.arange(60_000) < 6_000
    problem = rng.random(60_000) < np.where(risky, 0.30, 0.05)
    probability = np.where(risky, 0.20, 0.02)
    taken = rng.random(60_000) < probability
    results = np.where(problem[taken], "|09|", "|01|")
    return drawn(list(results), chance=probability[taken]), problem.mean(), problem[taken].mean()


def test_weights_recover_the_truth_where_the_naive_rate_does_not():
    covered = naive_covered = 0
    for seed in range(40):
        sample, truth, naive = sampled(seed)
        rate = draws.study(sample, RULE, minimum=1000).onsite["A"]
        covered += rate.interval[0] <= truth <= rate.interval[1]
        naive_covered += abs(naive - truth) < 0.05
        assert rate.effective_n < rate.n
    assert covered >= 36
    assert naive_covered == 0


def test_the_interval_covers_when_entities_are_drawn_twice():
    covered = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        problem = np.repeat(rng.random(300) < 0.1, 2)
        sample = drawn(list(np.where(problem, "|09|", "|01|")), entity=np.arange(600) // 2)
        rate = draws.study(sample, RULE, minimum=1).onsite["A"]
        covered += rate.interval[0] <= 0.1 <= rate.interval[1]
    assert 0.92 <= covered / 300 <= 0.98


USED_RATIO, ON_SITE = np.array([0.08, 0.10, 0.20, 0.40]), np.array([0.15, 0.6, 1.0, 1.0])
PROBLEM_RATE = np.array([0.03, 0.08, 0.20, 0.35])


def drawn_by_class(seed, told):
    """Draws by class, A seldom looked at on site, and the classes of a new scheme, which saw a bit of the truth.

    ``told`` is what is known of the lot: the plan of the class used, or the class alone.
    """
    rng = np.random.default_rng(seed)
    used = rng.choice(4, size=60_000, p=[0.6, 0.28, 0.08, 0.04])
    problem = rng.random(60_000) < PROBLEM_RATE[used]
    new = np.clip(used + rng.integers(-1, 2, size=60_000), 0, 3)
    taken = rng.random(60_000) < USED_RATIO[used]
    of, onsite = used[taken], rng.random(taken.sum()) < ON_SITE[used[taken]]
    planned = ON_SITE[of] if told == "plan" else np.full(len(of), np.nan)
    share, by_plan = placed(onsite, np.full(len(of), "s"), np.array(list("ABCD"))[of], planned)
    results = list(np.where(problem[taken], "|09|", "|01|"))
    sample = drawn(results, chance=USED_RATIO[of] * share, risk_class=new[taken], onsite=onsite)
    assert by_plan.any() == (told == "plan")
    return sample, USED_RATIO[of], problem, new


@pytest.mark.parametrize("told", ["plan", "class"])
def test_classes_looked_at_on_site_unequally_often_are_weighed_by_that_too(told):
    """Without the chance to be looked at on site, the pooled rate and those of new classes are far off."""
    pooled, blindly, against, classes, truths = [], [], [], [], []
    for seed in range(100):
        sample, ratio, problem, new = drawn_by_class(seed, told)
        found, own = draws.problems(sample, RULE), sample.onsite
        rate = draws.hajek(found[own], sample.chance[own], sample.entity[own])
        pooled.append(rate.interval[0] <= problem.mean() <= rate.interval[1])
        blind = draws.hajek(found[own], ratio[own], sample.entity[own])
        blindly.append(blind.interval[0] <= problem.mean() <= blind.interval[1])
        against.append(rate.problem_rate / problem.mean())
        of_new = draws.study(sample, RULE, minimum=1).onsite
        classes.append([of_new[name].problem_rate for name in "ABCD"])
        truths.append([problem[new == place].mean() for place in range(4)])
    assert np.mean(pooled) >= 0.92
    assert np.mean(blindly) <= 0.05
    assert np.mean(against) == pytest.approx(1, abs=0.02)
    assert np.mean(classes, axis=0) == pytest.approx(np.mean(truths, axis=0), rel=0.04)


def test_where_all_classes_are_looked_at_alike_no_rate_changes():
    """A constant share, as the simulated province has it, takes nothing from any rate."""
    rng = np.random.default_rng(8)
    ratio, onsite = rng.choice([0.02, 0.3], size=4000), rng.random(4000) < 0.8
    share, told = placed(onsite, np.full(4000, "s"), np.full(4000, ""), np.full(4000, np.nan))
    assert not told.any()
    results = list(np.where(rng.random(4000) < 0.1 + ratio / 2, "|09|", "|01|"))
    risk_class = rng.integers(4, size=4000)
    before, now = (
        draws.study(drawn(results, chance=chance, risk_class=risk_class, onsite=onsite), RULE, minimum=1)
        for chance in (ratio, ratio * share)
    )
    for name in "ABCD":
        assert now.onsite[name].problem_rate == pytest.approx(before.onsite[name].problem_rate, rel=1e-12)
        assert now.onsite[name].interval == pytest.approx(before.onsite[name].interval, rel=1e-9)
        assert now.offsite[name].problem_rate == pytest.approx(before.offsite[name].problem_rate, rel=1e-12)


def test_a_class_with_few_determinate_draws_is_not_judged():
    sample = drawn(["|01|"] * 999 + ["|03|"] * 50)
    found = draws.study(sample, RULE, minimum=1000).onsite
    assert found["A"].verdict == INSUFFICIENT
    assert found["A"].n == 999
    assert found["D"].verdict == INSUFFICIENT
    assert found["D"].problem_rate is None
    assert draws.study(drawn(["|01|"] * 1000), RULE, minimum=1000).onsite["A"].verdict is None


def test_draws_without_an_answer_bound_the_rate_both_ways():
    rate = draws.study(drawn(["|09|"] * 10 + ["|01|"] * 80 + ["|03|"] * 10), RULE, minimum=1).onsite["A"]
    assert rate.problem_rate == pytest.approx(1 / 9)
    assert rate.bounds == pytest.approx((0.10, 0.20))
    assert rate.indeterminate == 10


def test_only_draws_without_an_answer_give_no_rate():
    rate = draws.study(drawn(["|03|", "|06|"]), RULE, minimum=1).onsite["A"]
    assert (rate.n, rate.problem_rate, rate.indeterminate) == (0, None, 2)


def test_off_site_draws_are_never_pooled_with_on_site_ones():
    sample = drawn(["|09|", "|01|", "|01|", "|01|"], onsite=[True, True, False, False])
    found = draws.study(sample, RULE, minimum=1)
    assert found.onsite["A"].problem_rate == 0.5
    assert found.offsite["A"].problem_rate == 0.0
    assert found.offsite["A"].interval[1] < 1


def test_draws_without_a_chance_are_counted_and_not_weighed():
    sample = drawn(["|01|", "|09|", "|09|", "|05|"], chance=[0.1, np.nan, 0.0, 0.1])
    found = draws.study(sample, RULE, minimum=1)
    assert found.onsite["A"].n == 1
    assert found.unweighted == 2
    assert found.unweighted_share == pytest.approx(2 / 3)
    assert found.out_of_scope == 1


def test_an_unclassified_entity_belongs_to_no_class():
    found = draws.study(drawn(["|09|"] * 3, risk_class=[-1, -1, 3]), RULE, minimum=1)
    assert [rate.n for rate in found.onsite.values()] == [0, 0, 0, 1]


def test_the_oracle_keeps_the_class_sizes_of_every_kind_and_orders_by_propensity():
    rng = np.random.default_rng(2)
    risk_class = rng.integers(-1, 4, size=500)
    kind = rng.integers(2, size=500)
    propensity = rng.random(500)
    best = draws.oracle_classes(propensity, risk_class, kind)
    for number in (0, 1):
        rows = (kind == number) & (best >= 0)
        assert np.array_equal(np.bincount(best[rows]), np.bincount(risk_class[(kind == number) & (risk_class >= 0)]))
        assert np.array_equal(np.sort(best[rows]), best[rows][np.argsort(propensity[rows])])
    assert np.array_equal(best == -1, risk_class == -1)


def test_the_order_of_classes_is_judged_by_the_lower_bound_of_each_rise():
    risk_class = np.repeat([0, 1, 3], 2000)
    results = ["|09|"] * 20 + ["|01|"] * 1980 + ["|09|"] * 200 + ["|01|"] * 1800 + ["|09|"] * 205 + ["|01|"] * 1795
    steps = draws.ordering(draws.study(drawn(results, risk_class=risk_class), RULE, minimum=1000).onsite)
    assert [(step.safer, step.riskier) for step in steps] == [("A", "B"), ("B", "D")]
    assert steps[0].lower > 0
    assert steps[1].difference > 0 > steps[1].lower


def of_two_classes(seed, n=1500, rates=(0.05, 0.12)):
    rng = np.random.default_rng(seed)
    results = [np.where(rng.random(n) < rate, "|09|", "|01|") for rate in rates]
    sample = drawn(list(np.concatenate(results)), risk_class=np.repeat([0, 1], n))
    return draws.study(sample, RULE, minimum=1).onsite


def test_the_interval_of_a_ratio_covers_it():
    found = [draws.ratio(of_two_classes(seed), "A", "B") for seed in range(300)]
    assert 0.92 <= np.mean([low <= 0.12 / 0.05 <= high for low, high in (one.interval for one in found)]) <= 0.98
    assert np.mean([one.ratio for one in found]) == pytest.approx(2.4, rel=0.05)
    assert all(one.interval[0] < one.ratio < one.interval[1] for one in found)


def test_two_equal_rates_have_a_ratio_of_one_and_the_other_way_round_is_the_inverse():
    rates_of = of_two_classes(1)
    there, back = draws.ratio(rates_of, "A", "B"), draws.ratio(rates_of, "B", "A")
    assert there.ratio == pytest.approx(1 / back.ratio)
    assert there.interval == pytest.approx((1 / back.interval[1], 1 / back.interval[0]))
    assert draws.ratio(rates_of, "A", "A").ratio == 1.0


def test_no_ratio_to_a_class_without_a_problem_or_without_draws():
    sample = drawn(["|01|"] * 50 + ["|09|"] * 5 + ["|01|"] * 45, risk_class=np.repeat([0, 1], 50))
    rates_of = draws.study(sample, RULE, minimum=1).onsite
    assert draws.ratio(rates_of, "A", "B") is None
    assert draws.ratio(rates_of, "B", "D") is None


def test_the_share_in_which_a_check_finds_a_problem_counts_those_without_an_answer_as_none():
    sample = drawn(["|09|"] * 10 + ["|01|"] * 70 + ["|03|"] * 20)
    rate = draws.study(sample, RULE, minimum=1).onsite["A"]
    assert rate.bounds[0] == pytest.approx(0.10)
    assert rate.found_interval == pytest.approx(wilson(0.10, 100), rel=0.02)
    assert rate.found_interval[0] < rate.interval[0]
