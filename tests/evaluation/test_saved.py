"""Time saved: small worlds counted by hand, chance against all its lots, and the study from files to tables."""

import itertools
import json
import shutil
from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import yaml

from evaluation import orders, saved
from evaluation.calendars import (
    UNVISITED,
    Recorded,
    anyone,
    calendar,
    followed,
    in_order,
    measured,
    recorded,
    visited,
)
from evaluation.orders import AS_TODAY, CLASSES, OURS, PLANNED, PROPENSITY, RANDOM, REPLACED, RISKY, TODAY, Seen
from features.indicators.catalogue import load
from features.indicators.language import on
from features.profile import read_profile
from features.simulation.truth import ENTITIES, VIOLATIONS
from features.simulation.truth import PROPENSITY as COLUMN
from features.simulation.unwatched import NATURAL_END, Unwatched, planned_origins
from features.simulation.world import NEVER, read_world
from tests.evaluation.judged import TABLES
from tests.world import SMALL, lake_of, world_of
from training.task import Task

DAY = date(2024, 12, 31)
NONE = Recorded(*(np.empty(0, kind) for kind in (np.int64, np.int64, np.bool_)))
PARTS = ({"x": ("甲", "x"), "y": ("乙", "y"), "z": ("丙", "z")}, ["x"] * 300 + ["y"] * 150 + ["x"] * 150)


def violations(*rows):
    """Violations as (entity, begins, ends), then what is unusual about them."""
    usual = {"chance": 1.0, "substantive": True, "away_from": NEVER, "away_to": NEVER, "found": NEVER}
    full = [usual | {"entity": row[0], "begins": row[1], "ends": row[2]} | (row[3] if row[3:] else {}) for row in rows]
    return Unwatched(**{name: np.array([row[name] for row in full]) for name in Unwatched.__annotations__})


def seen(probability, *, risk_class=None, visits=NONE):
    number = len(probability)
    classes = np.zeros(number, np.int8) if risk_class is None else np.asarray(risk_class, np.int8)
    return Seen(DAY, [f"E{place:05d}" for place in range(number)], np.asarray(probability, float), classes, visits)


def many(number=6000, seed=2):
    """Entities of which some violate, and how prone to it each is."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.4, 0.5, number)
    entity = np.repeat(np.arange(number), rng.poisson(rate))
    begins = rng.integers(-200, 366, len(entity))
    ends = np.maximum(begins + rng.integers(10, 400, len(entity)), 1)
    rows = [(*row, {"chance": 0.8}) for row in zip(entity.tolist(), begins.tolist(), ends.tolist(), strict=True)]
    return violations(*rows), rate


# One year of visits


def test_visits_are_spread_evenly_over_the_year():
    assert calendar(1).tolist() == [183]
    assert calendar(365).tolist() == list(range(1, 366))
    assert calendar(730).tolist() == [day for day in range(1, 366) for _ in range(2)]
    assert calendar(0).tolist() == []
    assert in_order(np.array([2, 0, 1]), 2).tolist() == [274, UNVISITED, 92]
    assert in_order(np.array([1, 0]), 5).tolist() == [274, 92]  # nobody is visited twice


def test_a_visit_finds_what_is_in_progress_and_prevents_the_rest_of_it():
    world = violations((0, -10, 200, {"chance": 0.8}), (1, 50, 2000), (1, 200, 300), (0, -5, 183), (2, 0, 90))
    found = measured(world, visited(world, np.array([183, 183, UNVISITED])))
    assert found.found.tolist() == [0.8, 1, 0, 0, 0]  # not what begins later, nor what ended on the day before
    assert found.detected == pytest.approx([0.8 * 183, 183 - 50, 0, 0, 0])
    assert found.prevented == pytest.approx([0.8 * (200 - 183), 730 - 183, 0, 0, 0])  # cut at 24 months
    # waited for until found, else until it ends or the year does
    assert found.waited == pytest.approx([0.8 * 183 + 0.2 * 200, 183 - 50, 300 - 200, 183, 90])


def test_what_is_not_found_is_waited_for_until_the_year_ends():
    world = violations((0, 100, 900), (0, 365, 400))
    found = measured(world, visited(world, np.array([UNVISITED])))
    assert found.waited.tolist() == [265, 0]
    assert found.prevented.tolist() == [0, 0]


def test_nothing_is_found_where_nobody_is_met():
    world = violations(
        (0, -10, 400, {"away_from": 183, "away_to": 184}),
        (0, -10, 400, {"away_from": 100, "away_to": 183}),
        (0, -10, 400, {"away_from": 184, "away_to": NEVER}),
    )
    assert visited(world, np.array([183])).chance.tolist() == [0, 1, 1]


def test_what_chance_finds_is_the_mean_over_all_lots():
    world = violations(
        (0, -10, 200, {"chance": 0.8}),
        (1, 100, 250),
        (1, 300, 2000, {"away_from": 310, "away_to": 340}),
        (2, -50, 900, {"away_from": -20, "away_to": 100}),
        (3, 10, 50, {"away_from": 0, "away_to": 40}),
        (4, -3, 1000, {"away_from": -9, "away_to": NEVER}),
        (5, 365, 500),
    )
    for visits in (1, 3, 6):
        every = [
            measured(world, visited(world, in_order(np.array(lot), visits))) for lot in itertools.permutations(range(6))
        ]
        expected = measured(world, anyone(world, visits, 6))
        assert expected.columns() == pytest.approx(np.mean([one.columns() for one in every], axis=0), abs=1e-9)


def test_visits_really_made_found_what_the_truth_says_and_thinning_keeps_a_share():
    world = violations(
        (0, -10, 200, {"found": 50}), (1, -10, 200, {"found": 60}), (1, 70, 300, {"found": 400}), (2, 0, 9)
    )
    visits = Recorded(np.array([0, 1, 2]), np.array([50, 61, 5]), np.array([True, False, True]))
    found = measured(world, recorded(world, visits, 0.5))
    assert found.found.tolist() == [0.5, 0, 0, 0]  # the second was found, but by no visit counted here
    assert found.prevented.tolist() == [75, 0, 0, 0]


def test_a_planned_visit_comes_first_only_when_it_is_earlier():
    half = {"chance": 0.5}
    world = violations((0, 0, 200, half | {"found": 150}), (1, 0, 200, half | {"found": 50}), (2, 0, 200, half))
    visits = Recorded(np.array([0, 1]), np.array([150, 50]), np.array([False, False]))
    found = measured(world, followed(world, np.array([100, 100, 100]), visits))
    assert found.found.tolist() == [1, 1, 0.5]
    assert found.prevented.tolist() == [0.5 * 100 + 0.5 * 50, 150, 50]


# Orders


def test_an_order_goes_down_and_ties_are_broken_the_same_way_always():
    order = seen([0.1, 0.9, 0.5]).orders(np.array([3.0, 2.0, 1.0]))
    assert order[OURS].tolist() == [1, 2, 0]
    assert order[PROPENSITY].tolist() == [0, 1, 2]
    graded = seen([0.1, 0.9, 0.5], risk_class=[3, 0, 3]).orders(np.zeros(3))
    assert graded[CLASSES].tolist() == [2, 0, 1]
    tied = seen(np.zeros(50)).by(np.zeros(50))
    assert tied.tolist() != list(range(50))
    assert tied.tolist() == seen(np.zeros(50)).by(np.zeros(50)).tolist()


def test_capacities_are_shares_todays_number_and_that_of_c_and_d():
    visits = Recorded(np.zeros(70, np.int64), np.ones(70, np.int64), np.zeros(70, np.bool_))
    who = seen(np.zeros(1000), risk_class=[3] * 30 + [2] * 100 + [1] * 870, visits=visits)
    assert orders.capacities(who) == {"1%": 10, "2%": 20, "5%": 50, AS_TODAY: 70, "10%": 100, RISKY: 130, "20%": 200}
    assert AS_TODAY not in orders.capacities(seen(np.zeros(1000)))


def compared(probability, world, **more):
    who = seen(probability, **more)
    found = orders.compare(who, world, who.orders(np.zeros(len(who))), rng=np.random.default_rng(0), replicates=200)
    return {one.code: one for one in found}


def test_who_knows_the_truth_prevents_more_than_chance():
    world, rate = many()
    wise = compared(rate, world)
    for code in ("5%", "20%"):
        plan = wise[code].plans[OURS]
        assert plan.over_random.interval[0] > 1.5
        assert 0 < plan.more_than[RANDOM].interval[0] < plan.more_than[RANDOM].value
    assert wise["5%"].plans[OURS].over_random.value > wise["20%"].plans[OURS].over_random.value


def test_who_knows_nothing_prevents_as_much_as_chance():
    world, rate = many()
    blind = [compared(np.random.default_rng(seed).random(len(rate)), world)["20%"].plans[OURS] for seed in range(30)]
    assert np.mean([plan.over_random.value for plan in blind]) == pytest.approx(1, abs=0.07)
    inside = [plan.over_random.interval[0] < 1 < plan.over_random.interval[1] for plan in blind]
    assert np.mean(inside) > 0.8


def test_every_figure_of_a_plan_is_what_counting_gives():
    world, rate = many()
    who = seen(rate)
    plan = compared(rate, world)["10%"].plans[OURS]
    sums = measured(world, visited(world, in_order(who.by(rate), 600)))
    assert plan.visits == 600
    assert plan.found.value == pytest.approx(sums.found.sum())
    assert plan.share.value == pytest.approx(sums.found.mean())
    assert plan.days_to_find.value == pytest.approx(sums.detected.sum() / sums.found.sum())
    assert plan.days.value == pytest.approx(sums.waited.mean())
    assert plan.prevented.value == pytest.approx(sums.prevented.sum())
    assert plan.per_thousand.value == pytest.approx(sums.prevented.sum() / 0.6)
    of_entity = np.bincount(world.entity, weights=sums.prevented)
    low, high = plan.prevented.interval
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt((of_entity**2).sum()), rel=0.2)


def test_todays_visits_are_compared_with_as_many_of_ours():
    world, rate = many()
    mine = np.flatnonzero(np.arange(len(world)) % 6 == 0)
    on_day = np.maximum(world.begins[mine], 0) + 1
    inside = on_day < world.ends[mine]
    mine, on_day = mine[inside & (on_day <= 365)], on_day[inside & (on_day <= 365)]
    when = np.full(len(world), NEVER)
    when[mine] = on_day
    visits = Recorded(world.entity[mine], on_day, np.arange(len(mine)) % 3 == 0)
    found = compared(rate, replace(world, found=when), visits=visits)
    today = found[AS_TODAY].plans
    assert today[TODAY].visits == today[OURS].visits == today[REPLACED].visits == len(mine)
    assert today[TODAY].found.value == pytest.approx(len(mine), rel=0.02)  # every visit was made on a find
    assert today[TODAY].days_to_find.value == pytest.approx(1, abs=0.1)
    assert today[PLANNED].visits == (len(mine) + 2) // 3
    assert PLANNED not in today[OURS].more_than
    small, large = found["1%"].plans, found["20%"].plans
    assert small[TODAY].visits == 60
    assert small[TODAY].prevented.value == pytest.approx(today[TODAY].prevented.value * 60 / len(mine))
    assert large[TODAY].visits == len(mine)
    assert TODAY not in large[OURS].more_than
    assert large[TODAY].over_random.value is None
    assert REPLACED not in large


def test_a_world_without_violations_has_no_ratio():
    plan = compared(np.random.default_rng(1).random(1000), violations((0, 0, 5)).where(np.array([False])))["5%"].plans[
        OURS
    ]
    assert (plan.found.value, plan.prevented.value) == (0.0, 0.0)
    assert plan.share.value is plan.days.value is plan.over_random.value is None


# Parts


def test_days_until_found_by_part_are_what_counting_gives():
    rows = [(place, -20, 200 + place, {"chance": 0.5}) for place in range(0, 600, 5)]
    world, score = violations(*rows), -np.arange(600.0)
    who = seen(score)
    found = orders.waits(who, world, who.orders(np.zeros(600)), PARTS, visits=200)
    x, y = found
    assert (x.value, x.label, x.entities, x.violations) == ("x", ("甲", "x"), 450, 90)
    assert (y.value, y.entities, y.violations, y.days.value, y.visited) == ("y", 150, 30, None, None)  # too few
    assert x.visited == pytest.approx(200 / 450)
    own = np.array([one for one in range(0, 600, 5) if one < 300 or one >= 450])
    day, end = calendar(200), np.minimum(200 + own, 365)
    waited = [
        0.5 * day[one] + 0.5 * stop if one < 200 and day[one] < 200 + one else stop
        for one, stop in zip(own, end, strict=True)
    ]
    assert x.days.value == pytest.approx(np.mean(waited))
    assert x.days.interval[0] < x.days.value < x.days.interval[1]
    assert x.days.interval[1] - x.days.value == pytest.approx(1.96 * np.std(waited) / np.sqrt(90), rel=1e-3)
    lot = measured(world, anyone(world, 200, 600)).waited
    assert x.days_at_random == pytest.approx(lot[(world.entity < 300) | (world.entity >= 450)].mean())
    assert x.days_by_class == x.days.value  # all are of one class
    assert x.found == pytest.approx(np.mean([0.5 if one < 200 and day[one] < 200 + one else 0 for one in own]))


# From files to tables


@pytest.fixture(scope="module")
def world():
    return read_world(read_profile("jiangxi"))


def written(folder, rate, *, natural_ends=True):
    """The truth of entities that violate at a rate, in files."""
    rng = np.random.default_rng(8)
    codes = [f"E{place:05d}" for place in range(len(rate))]
    entity = np.repeat(np.arange(len(rate)), rng.poisson(rate))
    start = rng.integers(-300, 366, len(entity))
    length = rng.integers(10, 500, len(entity))
    dated = [[DAY + timedelta(days=int(day)) for day in days] for days in (start, start + length)]
    table = pl.DataFrame(
        {
            "code": [codes[place] for place in entity],
            "start": dated[0],
            "end": dated[1],
            NATURAL_END: dated[1],
            "severity": rng.integers(0, 5, len(entity)).astype(np.int8),
            "found_on": pl.Series([None] * len(entity), dtype=pl.Date),
        }
    )
    (table if natural_ends else table.drop(NATURAL_END)).write_parquet(folder / VIOLATIONS)
    never = pl.Series([None] * len(rate), dtype=pl.Date)
    life = {"born": [date(2019, 1, 1)] * len(rate), "left": never, "away_from": never, "away_to": never}
    people = {"code": codes, **life, "lead_hazard": np.ones(len(rate)), f"{COLUMN}2019-01-01": np.log(rate)}
    pl.DataFrame(people).write_parquet(folder / ENTITIES)


def test_the_study_tells_in_two_languages_and_gives_the_gate_its_ratio(tmp_path, world):
    rate = np.random.default_rng(3).gamma(0.5, 0.5, 3000) + 1e-6
    written(tmp_path, rate)
    risk_class = np.where(rate > np.quantile(rate, 0.88), 2, 0)
    who = seen(1 - np.exp(-rate), risk_class=risk_class)
    names = {"kind": (("类型", "kind"), ({"x": ("甲", "x")}, ["x"] * 3000))}
    shown = saved.study(who, tmp_path, world=world, parts=names, rng=np.random.default_rng(0))
    assert shown.code == "saved"
    (judged,) = shown.judged["EV026"]
    risky = shown.figures["substantive"][RISKY]
    assert judged.subject == RISKY
    assert judged.value == risky["plans"][OURS]["over_random"]["value"] > 1.5
    assert judged.interval[0] < judged.value < judged.interval[1]
    assert risky["visits"] == int((risk_class == 2).sum()) == 360
    assert shown.figures["violations"]["every"] > shown.figures["violations"]["substantive"] > 0
    assert shown.figures["parts"]["kind"][0]["entities"] == 3000
    json.dumps(shown.figures)
    first, every, part = shown.tables
    assert len(first.rows) == 6 * 4  # six capacities, four orders; today's have no visits here
    assert {len(row) for row in first.rows} == {len(first.head)}
    assert len(every.rows) == 4
    assert part.rows[0][0].text == ("甲", "x")
    assert len(part.rows[0]) == len(part.head)
    (picture,) = shown.pictures
    assert picture.count("<polyline") == 4
    assert "随机" in picture
    assert "by lot" in picture


def test_nobody_in_c_or_d_leaves_nothing_to_judge(tmp_path, world):
    written(tmp_path, np.full(300, 0.5))
    shown = saved.study(seen(np.zeros(300)), tmp_path, world=world, parts={}, rng=np.random.default_rng(0))
    assert shown.judged == {"EV026": ()}
    assert RISKY not in shown.figures["substantive"]


def test_a_province_made_before_natural_ends_were_kept_says_so(tmp_path):
    written(tmp_path, np.full(30, 0.5), natural_ends=False)
    shown = saved.of_population(None, None, tmp_path, np.random.default_rng(0))  # nothing else is read
    assert "simulate it again" in shown.question[1]
    assert (shown.tables, shown.figures, shown.judged) == ((), {}, {})


@pytest.fixture
def task(tmp_path):
    """A place of four entities with visits of all origins, some off site, outside the year, or unknown by the day."""
    folder = shutil.copytree(SMALL, tmp_path / "small")
    for name, table in TABLES.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(table, allow_unicode=True))
    slices = [
        {"code": "kind", "label": "类型"},
        {"code": "age", "label": "月龄", "indicator": "age_months", "bounds": [30]},
        {"code": "trade", "label": "行业", "field": "trade"},
    ]
    (folder / "slices.yaml").write_text(yaml.safe_dump(slices, allow_unicode=True))
    place = read_profile(str(folder))
    opened = ["2019-01-01", "2024-06-01", "2020-01-01", "2021-01-01"]
    entities = [on(day, of=f"E{number}", kind="shop", trade="food") for number, day in enumerate(opened)]
    visits = [
        ("E0", "2025-01-01", "random_open", "here"),
        ("E0", "2024-12-31", "random_open", "here"),
        ("E1", "2025-12-31", "complaint", "here"),
        ("E1", "2026-01-01", "complaint", "here"),
        ("E2", "2025-03-01", "statutory", "here"),
        ("E3", "2025-03-01", "statutory", "here"),
        ("E3", "2025-04-01", "joint_random", "there"),
    ]
    rows = [
        on(day, of=of, number=str(number), origin=origin, method=method)
        for number, (of, day, origin, method) in enumerate(visits)
    ]
    rows.append(on("2025-05-01", known="2026-05-01", of="E0", number="9", origin="random_open", method="here"))
    (tmp_path / "lake").mkdir()
    lake = lake_of(place, world_of(place, {"entity": entities, "visit": rows}), tmp_path / "lake")
    return Task(lake, load(place), date(2026, 3, 31))


def population_of(task, counted):
    """What the study reads of a population: E3, or another, is not counted."""
    codes = task.lake.register()["code"].to_pylist()
    return SimpleNamespace(
        as_of=DAY,
        entity=np.arange(4, dtype=np.int32),
        kind=np.zeros(4, np.int8),
        probability=np.array([int(code[1]) / 10 for code in codes]),
        final_class=np.array([3, 2, 1, 0], np.int8),
        counted=np.array([code in counted for code in codes]),
    )


def test_visits_on_site_of_the_year_are_read_for_those_counted_with_what_was_planned(task, world):
    assert {"statutory", "random_open", "joint_random"} <= set(planned_origins(world))
    assert not {"complaint", "campaign"} & set(planned_origins(world))
    found = saved.seen_at(task, population_of(task, {"E0", "E1", "E2"}), world)
    assert sorted(found.code) == ["E0", "E1", "E2"]
    assert found.probability.tolist() == [int(code[1]) / 10 for code in found.code]
    told = {
        (found.code[of], int(day), bool(planned))
        for of, day, planned in zip(found.visits.entity, found.visits.day, found.visits.planned, strict=True)
    }
    assert told == {("E0", 1, True), ("E1", 365, False), ("E2", 60, True)}


def test_a_place_without_any_visit_has_none(task, world, tmp_path):
    (tmp_path / "bare").mkdir()
    place = task.lake.profile
    records = {"entity": [on("2019-01-01", of=f"E{number}", kind="shop", trade="food") for number in range(4)]}
    bare = replace(task, lake=lake_of(place, world_of(place, records), tmp_path / "bare"))
    assert len(saved.seen_at(bare, population_of(bare, {"E0"}), world).visits) == 0


def test_everybody_counted_is_parted_by_kind_field_and_indicator(task):
    found = population_of(task, {"E0", "E1", "E2"})
    parted = saved.parts_at(task, found)
    codes = [code for code, own in zip(task.lake.register()["code"].to_pylist(), found.counted, strict=True) if own]
    assert parted["kind"][1][1] == ["shop"] * 3
    assert parted["trade"][1][1] == ["food"] * 3
    young = dict(zip(codes, parted["age"][1][1], strict=True))
    assert young == {"E0": "1", "E1": "0", "E2": "1"}


def test_a_population_is_studied_with_its_own_place_and_truth(task, tmp_path, monkeypatch, world):
    written(tmp_path, np.full(30, 0.5))
    monkeypatch.setattr(saved, "read_world", lambda profile: world)
    found = population_of(task, {"E0", "E1"})
    shown = saved.of_population(task, found, tmp_path, np.random.default_rng(0))
    assert shown.figures["entities"] == 2
    assert shown.figures["violations"] == {"substantive": 0, "every": 0}  # the truth knows none of them
    assert set(shown.figures["parts"]) == {"kind", "age", "trade"}
