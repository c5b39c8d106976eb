"""What a check on site would find, by the truth: the rules of the world applied by hand."""

from datetime import date

import numpy as np
import polars as pl

from features.asof import Month
from features.simulation.onsite import of_scene, of_truth
from features.simulation.province import watched
from features.simulation.scene import scene_of
from features.simulation.streams import Block
from features.simulation.supervision import campaign_calendar
from features.simulation.world import Period, day_number, read_world

DAY = date(2023, 5, 15)


def test_the_chance_is_that_of_finding_one_of_the_substantive_violations_in_progress(demo, profile):
    world = read_world(profile)
    codes = demo.truth("entities")["code"]
    found = of_truth(demo.home / "truth", world, codes, DAY)
    missed = np.ones(len(codes))
    place = {code: number for number, code in enumerate(codes)}
    for row in demo.truth("violations").iter_rows(named=True):
        open_then = row["start"] <= DAY and (row["end"] is None or row["end"] > DAY)
        if open_then and row["severity"] >= world["violations"]["substantive"]:
            missed[place[row["code"]]] *= 1 - world["supervision"]["found_onsite"][row["severity"]]
    assert np.allclose(found.chance, 1 - missed, atol=1e-12)
    assert 0.02 < (found.chance > 0).mean() < 0.3


def test_who_is_away_is_not_met_and_nothing_is_found_there(demo, profile):
    entities = demo.truth("entities")
    found = of_truth(demo.home / "truth", read_world(profile), entities["code"], DAY)
    gone = (entities["away_from"] <= DAY) & (entities["away_to"].is_null() | (entities["away_to"] > DAY))
    assert found.away.tolist() == gone.fill_null(value=False).to_list()
    seen = found.found(np.random.default_rng(1))
    assert not seen[found.away].any()
    results = np.array(found.results(seen))
    assert set(results[found.away]) == {"10"}
    assert set(results[seen]) == {"09"}
    assert set(results[~found.away & ~seen]) == {"01"}


def test_files_and_a_scene_say_the_same(profile, tmp_path):
    world, period = read_world(profile), Period(Month(2020, 1).first, Month(2024, 12).end)
    scene = scene_of(world, period, Block(0, 0, 3000), (4, 5.0))
    visits, findings, away = watched(scene, campaign_calendar(world, 4, period))
    from features.simulation.truth import Truth

    truth = Truth(tmp_path)
    truth.take(scene, findings, visits, away)
    truth.close()
    one = of_scene(scene, findings, away, day_number(DAY))
    other = of_truth(tmp_path, world, pl.Series(scene.code), DAY)
    assert np.array_equal(one.chance, other.chance)
    assert np.array_equal(one.away, other.away)
