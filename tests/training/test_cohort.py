from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from training import cohort
from training.errors import SchemeError

T = date(2023, 6, 30)
MANY = pa.table({"entity": pa.array(range(20_000), pa.int32()), "code": [f"E{n}" for n in range(20_000)]})


def keys(*entities):
    return pa.array(entities, pa.int32())


def drawn(**given):
    told = {"as_of": T, "kept": keys(3, 5), "open_cases": keys(7), "rate": 0.25, "seed": "s", **given}
    return cohort.detected(MANY, **told)


def test_weights_recover_the_population():
    pairs = drawn()
    assert 1 / pairs["s"].to_numpy() @ np.ones(len(pairs)) == pytest.approx(20_000, rel=0.03)
    assert set(pairs["s"].to_pylist()) == {1.0, 0.25}


def test_every_possible_positive_and_every_open_case_stays():
    pairs = drawn(rate=1e-9)
    assert pairs["entity"].to_pylist() == [3, 5, 7]
    assert pairs["stratum"].to_pylist() == ["headline", "headline", "open_case"]
    assert pairs["s"].to_pylist() == [1.0, 1.0, 1.0]


def test_a_larger_rate_keeps_whoever_a_smaller_one_kept():
    small, large = (set(drawn(rate=rate)["entity"].to_pylist()) for rate in (0.1, 0.3))
    assert small < large


def test_the_draw_follows_code_date_and_seed_and_nothing_else():
    order = np.random.default_rng(0).permutation(20_000)
    shuffled = cohort.detected(
        MANY.take(pa.array(order)), as_of=T, kept=keys(3, 5), open_cases=keys(7), rate=0.25, seed="s"
    )
    assert shuffled.equals(drawn())
    assert not drawn(seed="t").equals(drawn())
    assert drawn(as_of=date(2023, 7, 31))["entity"].to_pylist() != drawn()["entity"].to_pylist()


def test_uniform_numbers_are_uniform():
    numbers = cohort.uniform("s", MANY["code"].to_pylist(), T)
    assert 0 <= numbers.min() < numbers.max() < 1
    assert np.histogram(numbers, 10, (0, 1))[0] == pytest.approx(2000, rel=0.1)


def test_a_rate_that_is_no_probability_is_refused():
    with pytest.raises(SchemeError, match="expected a number in"):
        drawn(rate=0.0)


def test_pairs_of_several_dates_are_numbered_by_entity_in_the_order_given():
    pairs = cohort.numbered([drawn(rate=1e-9), drawn(rate=1e-9, as_of=date(2023, 7, 31))])
    assert pairs["pair"].to_pylist() == list(range(6))
    assert pairs["entity"].to_pylist() == sorted(pairs["entity"].to_pylist())
    assert pairs["as_of"].to_pylist() == [T, date(2023, 7, 31)] * 3


def test_an_entity_has_one_lot_at_every_date_and_lots_are_spread_evenly():
    first, second = (
        dict(zip(pairs["entity"].to_pylist(), pairs["lot"].to_pylist(), strict=True))
        for pairs in (drawn(), drawn(as_of=date(2023, 9, 30)))
    )
    both = first.keys() & second.keys()
    assert len(both) > 500
    assert [first[one] for one in both] == [second[one] for one in both]
    assert np.histogram(list(first.values()), 4, (0, 1))[0] == pytest.approx(len(first) / 4, rel=0.1)
