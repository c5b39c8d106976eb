"""Violations as they would have run on: the truth of the demo province read again by hand."""

from datetime import date, timedelta

import polars as pl

from features.simulation.truth import VIOLATIONS
from features.simulation.unwatched import planned_origins, says_natural_ends, unwatched
from features.simulation.world import NEVER, read_world

DAY = date(2023, 5, 15)


def after(day):
    return NEVER if day is None else (day - DAY).days


def test_a_natural_end_is_the_end_of_what_was_not_found_and_later_for_what_was(demo):
    table = demo.truth("violations")
    unfound, found = table.filter(pl.col("found_on").is_null()), table.filter(pl.col("found_on").is_not_null())
    assert unfound["natural_end"].equals(unfound["end"])
    assert len(found) > 1000
    assert (found["natural_end"] > found["found_on"]).all()
    assert (found["end"] == found["found_on"].dt.offset_by("1d")).all()
    assert says_natural_ends(demo.home / "truth")


def test_a_truth_without_natural_ends_says_so(demo, tmp_path):
    assert not says_natural_ends(tmp_path)
    demo.truth("violations").drop("natural_end").write_parquet(tmp_path / VIOLATIONS)
    assert not says_natural_ends(tmp_path)


def test_what_runs_on_after_a_day_is_all_that_was_not_found_by_then_and_has_not_ended(demo, profile):
    world = read_world(profile)
    entities = demo.truth("entities")
    codes = entities["code"][::2]
    found = unwatched(demo.home / "truth", world, codes, DAY)
    place, life = {code: number for number, code in enumerate(codes)}, {}
    for row in entities.iter_rows(named=True):
        life[row["code"]] = row
    chance, expected = world["supervision"]["found_onsite"], []
    for row in demo.truth("violations").iter_rows(named=True):
        own = life[row["code"]]
        left = own["left"] or date.max
        if row["code"] not in place or row["start"] > DAY + timedelta(days=365) or left <= max(DAY, row["start"]):
            continue
        if row["natural_end"] <= DAY or (row["found_on"] is not None and row["found_on"] <= DAY):
            continue
        end = min(after(row["natural_end"]), after(own["left"]))
        gone = (after(own["away_from"]), after(own["away_to"]))
        grave = row["severity"] >= world["violations"]["substantive"]
        begun = (place[row["code"]], after(row["start"]), end)
        expected.append((*begun, chance[row["severity"]], grave, *gone, after(row["found_on"])))
    told = zip(*(getattr(found, name).tolist() for name in found.__annotations__), strict=True)
    assert sorted(told) == sorted(expected)
    assert len(found) == len(expected) > 1000
    assert len(found.where(found.substantive)) == sum(row[4] for row in expected)
    assert (found.ends > 0).all()
    assert (found.ends > found.begins).all()


def test_a_plan_has_what_is_drawn_by_lot_and_what_the_law_demands(profile):
    origins = planned_origins(read_world(profile))
    assert origins == ("random_open", "random_targeted", "joint_random", "statutory")
