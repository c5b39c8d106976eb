"""Cutoffs as the scheme has them, shares as the month has them, and calibration by class against plain sums."""

from dataclasses import replace

import numpy as np
import pytest

from evaluation import by_class, population
from evaluation.backtest import Scored
from evaluation.metrics import observed_expected
from evaluation.shown import figure
from training.cutoffs import Cutoffs


@pytest.fixture(scope="module")
def now(case):
    return population.classified(case.task, case.scheme, as_of=case.task.reference_month)


@pytest.fixture(scope="module")
def shown(case, now):
    return by_class.study(case, now)


def test_the_bounds_of_a_kind_follow_each_other_from_nought_to_one(case, shown):
    for kind in case.scheme.kinds:
        own = [row for row in shown.figures["cutoffs"] if row["kind"] == kind]
        assert [row["risk"] for row in own] == list("ABCD")
        assert (own[0]["low"], own[-1]["high"]) == (0.0, 1.0)
        assert [row["high"] for row in own[:-1]] == [row["low"] for row in own[1:]]
        assert [row["low"] for row in own[1:]] == case.scheme.parts[kind].cutoffs.bounds.tolist()


def test_shares_given_stand_beside_those_wanted(case, now, shown):
    counted = now.counted.copy()
    counted[: len(counted) // 2] = False
    half = replace(now, counted=counted)
    for month, found in ((now, shown), (half, by_class.study(case, half))):
        for row in found.figures["cutoffs"]:
            own = month.counted & (month.kind == case.scheme.kinds.index(row["kind"]))
            for name, classes in (("cut", month.raw_class), ("model", month.model_class), ("final", month.final_class)):
                assert row[name] == pytest.approx((classes[own] == "ABCD".index(row["risk"])).mean())
            assert row["chosen"] == case.scheme.training["shares"][row["kind"]][row["risk"]]
            assert row["target"] == {"A": 0.6, "B": 0.28, "C": 0.08, "D": 0.04}[row["risk"]]


def pairs(number=4000, seed=2):
    rng = np.random.default_rng(seed)
    probability = rng.random(number) ** 3
    return Scored(
        entity=rng.integers(0, number // 2, number),
        kind=rng.integers(0, 2, number),
        outcome=rng.random(number) < probability,
        weight=rng.choice([1.0, 4.0], number),
        margin=probability,
        probability=probability,
    )


def test_calibration_of_a_class_is_that_of_its_pairs():
    scored = pairs()
    risk = np.searchsorted([0.1, 0.4, 0.97], scored.probability).astype(np.int8)
    found = {(one.kind, one.risk): one for one in by_class.calibrated(scored, risk, ("shop", "stall"))}
    assert len(found) == 15
    own = (scored.kind == 1) & (risk == 2)
    one = found["stall", "C"]
    weight = scored.weight[own]
    assert (one.n, one.n_pos) == (own.sum(), scored.outcome[own].sum())
    assert one.rate == pytest.approx(weight @ scored.outcome[own] / weight.sum())
    assert one.expected == pytest.approx(weight @ scored.probability[own] / weight.sum())
    assert one.o_e == pytest.approx(one.rate / one.expected)
    whole = found["shop", "all"]
    rows = scored.where(scored.kind == 0)
    told = observed_expected(rows.probability, rows.outcome, weights=rows.weight, entities=rows.entity)
    assert (whole.o_e, whole.o_e_interval) == told
    assert found["all", "all"].n == 4000
    assert sum(found["all", name].n for name in "ABCD") == 4000


def test_a_class_of_too_few_pairs_is_counted_and_not_judged():
    scored = pairs()
    risk = np.zeros(4000, np.int8)
    risk[:199], risk[199:399] = 3, 2
    found = {(one.kind, one.risk): one for one in by_class.calibrated(scored, risk, ("shop", "stall"))}
    few, enough = found["all", "D"], found["all", "C"]
    assert (few.n, few.o_e, few.rate, few.expected) == (199, None, None, None)
    assert few.n_pos == scored.outcome[:199].sum()
    assert enough.n == 200
    assert enough.o_e is not None
    table = by_class._calibration_table([few, enough], {"all": ("全部", "all")})
    assert [row[-1].text[1] for row in table.rows] == ["too few pairs, not judged", figure(enough.o_e)]
    assert [row[2].text[0] for row in table.rows] == ["199", "200"]


def test_rates_seen_and_expected_are_drawn_for_the_classes_that_can_be_judged():
    scored = pairs()
    risk = (np.arange(4000) % 2).astype(np.int8)
    (picture,) = by_class._pictures(by_class.calibrated(scored, risk, ("shop", "stall")))
    assert picture.count(">A</text>") == picture.count(">B</text>") == 2  # once a language
    assert ">C</text>" not in picture
    assert by_class._pictures(by_class.calibrated(scored.where(np.zeros(4000, bool)), risk[:0], ("shop",))) == ()


def test_a_class_without_room_has_no_bounds(case, now):
    parts = {kind: replace(part, cutoffs=Cutoffs(0.02, 0.05, 0.05)) for kind, part in case.scheme.parts.items()}
    shown = by_class.study(replace(case, scheme=replace(case.scheme, parts=parts)), now)
    assert [row[2].text[0] for row in shown.tables[0].rows[:4]] == ["< 2.00%", "2.00% – 5.00%", "–", "≥ 5.00%"]


def test_the_study_has_a_table_of_cutoffs_and_one_of_calibration_for_everyone_and_every_kind(case, shown):
    assert [len(table.rows) for table in shown.tables] == [8, 15]
    assert len(shown.figures["calibration"]) == 15
