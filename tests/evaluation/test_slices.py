"""Parts of the test pairs side by side: counted by hand, told in words, too few not judged."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from evaluation import slices
from evaluation.backtest import Scored
from evaluation.slices import FEWEST, parts_of, quintiles, study
from features.dimensions import Dimension
from features.profile import read_profile


def scored(n=2000, seed=3):
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 9, n)
    odds = np.log(p / (1 - p))
    return Scored(np.arange(n), np.zeros(n, np.int64), rng.random(n) < p, rng.choice([1.0, 3.0], n), odds, p)


def test_every_figure_of_a_part_is_what_counting_gives():
    pairs = scored()
    risk_class = np.searchsorted([0.05, 0.15, 0.3], pairs.probability).astype(np.int8)
    of = np.where(np.arange(2000) % 3 == 0, "x", "y")
    found = study(pairs, risk_class, ("分组", "parts"), ({"y": ("乙", "y"), "x": ("甲", "x"), "z": ("丙", "z")}, of))
    assert found.label == ("分组", "parts")
    assert [part.value for part in found.parts] == ["y", "x"]  # in the order given, empty ones left out
    own = of == "x"
    w, y, risky = pairs.weight[own], pairs.outcome[own], risk_class[own] >= 2
    part = found.parts[1]
    assert (part.n, part.n_pos, part.label) == (own.sum(), y.sum(), ("甲", "x"))
    assert part.rate == pytest.approx((w * y).sum() / w.sum())
    assert part.share_d == pytest.approx((w * (risk_class[own] == 3)).sum() / w.sum())
    assert part.share == pytest.approx((w * risky).sum() / w.sum())
    assert part.false_alarms == pytest.approx((w * (risky & ~y)).sum() / (w * ~y).sum())
    assert part.missed == pytest.approx((w * (~risky & y)).sum() / (w * y).sum())
    assert part.o_e == pytest.approx((w * y).sum() / (w * pairs.probability[own]).sum())
    assert part.precision == pytest.approx((w * (risky & y)).sum() / (w * risky).sum())
    assert part.lift == pytest.approx(part.precision / part.rate)
    for name, at in (("A", 0), ("D", 3)):
        inside = risk_class[own] == at
        assert part.rates[name][0] == pytest.approx((w * (inside & y)).sum() / (w * inside).sum())
    assert part.rates["A"][1][1] < part.rates["D"][1][0]
    for figure in ("share_d", "share", "false_alarms", "missed", "o_e"):
        low, high = getattr(part, f"{figure}_interval")
        assert low < getattr(part, figure) < high
    assert 0.5 < part.auc < 1


def test_a_part_of_few_pairs_is_counted_and_not_judged():
    pairs = scored(FEWEST + 50)
    of = ["few"] * 50 + ["enough"] * FEWEST
    few, enough = study(
        pairs, np.zeros(FEWEST + 50, np.int8), ("", ""), ({"few": ("", ""), "enough": ("", "")}, of)
    ).parts
    assert (few.n, few.rate, few.auc) == (50, None, None)
    assert enough.rate is not None


def test_the_rows_of_one_entity_make_no_interval_narrower():
    once = scored(600)
    risk_class = np.searchsorted([0.05, 0.15, 0.3], once.probability).astype(np.int8)
    three = np.repeat(np.arange(600), 3)
    (part,) = study(once, risk_class, ("", ""), ({"a": ("", "")}, ["a"] * 600)).parts
    (same,) = study(once.where(three), risk_class[three], ("", ""), ({"a": ("", "")}, ["a"] * 1800)).parts
    for figure in ("share_d", "share", "false_alarms", "missed"):
        assert getattr(same, f"{figure}_interval") == pytest.approx(getattr(part, f"{figure}_interval"))


def test_a_part_without_the_outcome_has_nothing_missed():
    pairs = scored(400)
    none = Scored(pairs.entity, pairs.kind, np.zeros(400, bool), pairs.weight, pairs.margin, pairs.probability)
    (part,) = study(none, np.full(400, 3, np.int8), ("", ""), ({"a": ("", "")}, ["a"] * 400)).parts
    assert (part.missed, part.missed_interval, part.auc, part.lift) == (None, None, None, None)
    assert part.rates["A"] == (None, None)  # nobody is in it
    assert part.rates["D"][0] == 0
    assert part.false_alarms == 1.0


def test_fifths_weigh_the_same_and_keep_equal_chances_together():
    rng = np.random.default_rng(1)
    chance, weight = np.round(rng.random(5000), 2), rng.choice([1.0, 5.0], 5000)
    names, of = quintiles(chance, weight)
    shares = [weight[np.array(of) == name].sum() / weight.sum() for name in names]
    assert shares == pytest.approx([0.2] * 5, abs=0.02)
    assert len({(value, place) for value, place in zip(chance.tolist(), of, strict=True)}) == len(set(chance.tolist()))
    assert chance[np.array(of) == "1"].max() < chance[np.array(of) == "5"].min()


def test_an_indicator_is_parted_at_its_bounds_and_nulls_stand_apart():
    values, pairs = np.array([5.0, 12.0, 12.5, 100.0, np.nan]), pa.table({"s": np.ones(5)})
    task = SimpleNamespace(profile=None)
    age = Dimension("age", ("", ""), indicator="age_months", bounds=(12.0, 36.0))
    names, of = parts_of(task, age, pairs, np.zeros(5, np.int8), lambda _: values)
    assert of == ["0", "0", "1", "2", "-"]
    assert [names[name][0] for name in ("0", "1", "2", "-")] == ["≤ 12", "12–36", "> 36", "无值"]
    thirds = Dimension("size", ("", ""), indicator="capital", parts=3)
    many = np.append(np.arange(30.0), np.nan)
    names, of = parts_of(task, thirds, pa.table({"s": np.ones(31)}), np.zeros(31, np.int8), lambda _: many)
    assert [of.count(name) for name in ("0", "1", "2", "-")] == [10, 10, 10, 1]
    assert names["1"][1] == "9–19"


def test_a_field_is_parted_by_what_the_register_said_on_the_day(monkeypatch):
    said = {
        1: pa.table({"entity": [0, 1], "region": ["360102", "360103"]}),
        2: pa.table({"entity": [0, 1, 2], "region": ["360103", "360202", None]}),
    }
    monkeypatch.setattr(slices, "registrations", lambda lake, *, as_of, engine, also: said[as_of.day])
    task = SimpleNamespace(profile=read_profile("jiangxi"), lake=None, engine="polars")
    days = pa.array(["2024-01-01", "2024-01-01", "2024-01-02", "2024-01-02", "2024-01-02"]).cast(pa.date32())
    pairs = pa.table({"entity": [0, 1, 0, 1, 2], "as_of": days})
    county = Dimension("county", ("", ""), field="region")
    names, of = parts_of(task, county, pairs, np.zeros(5, np.int8), None)
    assert of == ["360102", "360103", "360103", "360202", "-"]
    assert names["360102"][0] == "东湖区"
    city = Dimension("city", ("", ""), field="region", above=True)
    names, of = parts_of(task, city, pairs, np.zeros(5, np.int8), None)
    assert of == ["360100", "360100", "360100", "360200", "-"]
    assert names["360100"][0] == "南昌市"
