"""The past replayed: windows see only what lay before them, and within-group figures see through who inspected."""

from datetime import date

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import average_precision_score, roc_auc_score

from evaluation import backtest, metrics
from evaluation.backtest import Inspections, Scored
from evaluation.errors import GateError

SPANS = {"known": (date(2013, 7, 1), date(2013, 12, 31)), "unknown": (date(2014, 6, 1), date(2014, 8, 31))}


def city(seed=0, n=3000):
    """Inspections whose finding depends on the place (x) and on who looks (group); groups end in April 2014."""
    rng = np.random.default_rng(seed)
    day = np.datetime64("2012-01-01") + rng.integers(0, 974, size=n).astype("timedelta64[D]")
    group = rng.integers(3, size=n)
    place = rng.normal(size=n)
    outcome = rng.random(n) < expit(place + 2 * (group - 1) - 1)
    group = np.where(day > np.datetime64("2014-04-16"), -1, group)
    return Inspections(day, rng.integers(1500, size=n), group, outcome), place


def scorer(inspections, place, seen=None):
    rng = np.random.default_rng(1)
    scores = {
        "planned": place,
        "group_known": place + 2 * inspections.group,
        "no_control": place + 0.5 * rng.normal(size=len(place)),
        "logistic": place + 2 * rng.normal(size=len(place)),
    }

    def fit_and_score(train, test):
        if seen is not None:
            seen.append((inspections.day[train].max(), inspections.day[test].min()))
        return {name: score[test] for name, score in scores.items()}

    return fit_and_score


@pytest.fixture(scope="module")
def found():
    inspections, place = city()
    return backtest.windows(
        inspections, SPANS, scorer(inspections, place), tuned_until=date(2013, 6, 30), rng=np.random.default_rng(3)
    )


def test_each_window_is_fitted_on_what_lay_before_it():
    inspections, place = city()
    seen = []
    backtest.windows(
        inspections, SPANS, scorer(inspections, place, seen), tuned_until=None, rng=np.random.default_rng(3)
    )
    assert len(seen) == 2
    assert all(last_fitted < first_scored for last_fitted, first_scored in seen)


def test_figures_of_a_window_are_scikit_learns(found):
    inspections, place = city()
    inside = (inspections.day >= np.datetime64("2013-07-01")) & (inspections.day <= np.datetime64("2013-12-31"))
    planned = found["windows"]["known"]["planned"]
    assert planned["auc"] == pytest.approx(roc_auc_score(inspections.outcome[inside], place[inside]))
    assert planned["ap"] == pytest.approx(average_precision_score(inspections.outcome[inside], place[inside]))
    assert planned["auc_interval"][0] < planned["auc"] < planned["auc_interval"][1]
    assert found["windows"]["known"]["n"] == inside.sum()
    assert found["windows"]["known"]["rate"] == pytest.approx(inspections.outcome[inside].mean())
    assert found["tuned_until"] == "2013-06-30"


def test_knowing_the_group_helps_over_all_pairs_and_not_within_a_group(found):
    scores = found["windows"]["known"]
    assert scores["group_known"]["auc"] > scores["planned"]["auc"] + 0.05
    assert scores["group_known"]["auc_within_group"] == pytest.approx(scores["planned"]["auc_within_group"])


def test_what_needs_the_group_is_null_where_nobody_knows_it(found):
    unknown = found["windows"]["unknown"]
    assert unknown["group_known"] is None
    assert unknown["planned"]["auc_within_group"] is None
    assert unknown["planned"]["auc_within_group_interval"] is None
    assert unknown["unknown_group"] == unknown["n"]


def test_pooled_pairs_stay_inside_one_window_and_one_group(found):
    inspections, place = city()
    right = pairs = 0.0
    inside = (inspections.day >= np.datetime64("2013-07-01")) & (inspections.day <= np.datetime64("2013-12-31"))
    for group in range(3):
        rows = inside & (inspections.group == group)
        count = inspections.outcome[rows].sum() * (~inspections.outcome[rows]).sum()
        right += roc_auc_score(inspections.outcome[rows], place[rows]) * count
        pairs += count
    pooled = found["pooled"]
    assert pooled["auc_within_group"] == pytest.approx(right / pairs)
    assert pooled["interval"][0] < pooled["auc_within_group"] < pooled["interval"][1]


def test_the_pooled_difference_is_paired_and_over_all_windows(found):
    pooled = found["pooled"]
    low, high = pooled["difference_interval"]
    assert 0 < low < pooled["difference_to_logistic"] < high
    assert high - low < 0.12


def test_a_window_without_inspections_is_refused_with_the_days_there_are():
    inspections, place = city()
    spans = {"later": (date(2016, 1, 1), date(2016, 2, 1))}
    with pytest.raises(GateError, match=r"Window later, .* \d+ inspections before it and 0 in it"):
        backtest.windows(inspections, spans, scorer(inspections, place), tuned_until=None, rng=np.random.default_rng(0))


def pairs(seed, n=2000):
    rng = np.random.default_rng(seed)
    margin = rng.normal(-3, 1, size=n)
    return Scored(
        np.arange(n), rng.integers(2, size=n), rng.random(n) < expit(margin), np.ones(n), margin, expit(margin)
    )


def test_the_backtest_has_one_row_an_as_of_date_with_positives_by_kind():
    days = [date(2024, 6, 30), date(2023, 12, 31)]
    rows = backtest.rolling(
        {day: (date(2023, 12, 31), pairs(day.year)) for day in days},
        volumes={"C+D": 0.12, "D": 0.04, "none": 0.0},
        rng=np.random.default_rng(0),
        replicates=50,
    )
    assert [row.as_of for row in rows] == sorted(days)
    assert {row.fitted_on for row in rows} == {date(2023, 12, 31)}
    first, seen = rows[0], pairs(2023)
    assert first.o_e == pytest.approx(seen.weight @ seen.outcome / (seen.weight @ seen.probability))
    assert first.o_e_interval[0] < first.o_e < first.o_e_interval[1]
    watched = first.found.volumes[0]
    assert watched.precision == pytest.approx(watched.capture * first.found.rate / 0.12)
    assert sum(first.positives.values()) == first.found.n_pos
    assert [volume.name for volume in first.found.volumes] == ["C+D", "D"]
    assert first.found.volumes[0].lift == pytest.approx(first.found.volumes[0].capture / 0.12)
    assert first.found.volumes[0].lift > 1.5
    assert first.found.auc_interval[0] < first.found.auc < first.found.auc_interval[1]


def test_discrimination_of_nobody_has_no_figures():
    nobody = pairs(0).where(np.zeros(2000, dtype=bool))
    found = backtest.discriminate(nobody, {"D": 0.04}, np.random.default_rng(0))
    assert (found.n, found.auc, found.volumes) == (0, None, ())


def test_a_part_of_the_pairs_keeps_its_rows_together():
    whole = pairs(1)
    part = whole.where(whole.outcome)
    assert part.outcome.all()
    assert metrics.rank(part.margin, part.outcome).order.size == whole.outcome.sum()
