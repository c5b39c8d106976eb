from datetime import date

import numpy as np
import pyarrow as pa
from world import SMALL, lake_of

from features.engine import Engine
from features.indicators.language import on
from features.matrix import Batch
from features.profile import read_profile
from features.reading import Reading
from training.facts import Movers, Previous, Span, new_facts

PROFILE = read_profile(str(SMALL))
MOVERS = Movers.read(
    {
        "adverse": [{"record_type": "event", "where": [["severity", ">=", 2]]}, {"record_type": "listing"}],
        "states": ["x"],
    }
)
JUNE = Span(date(2024, 5, 31), date(2024, 6, 30))


def moved(tmp_path, **records):
    lake = lake_of(PROFILE, records, tmp_path)
    found = new_facts(Reading(lake, Engine("polars")), MOVERS, JUNE).to_pylist()
    return {lake.entities[row["entity"]]: (row["adverse"], row["eased"]) for row in found}


def test_a_record_first_known_in_the_month_is_adverse(tmp_path):
    found = moved(
        tmp_path,
        event=[
            on("2024-01-01", known="2024-06-01", severity=2, of="new"),
            on("2024-01-01", known="2024-05-31", severity=2, of="old"),
            on("2024-06-30", known="2024-07-01", severity=2, of="next"),
            on("2024-06-30", severity=1, of="mild"),
            on("2024-06-30", severity=3, withdrawn_date="2024-06-30", of="annulled"),
        ],
        listing=[on("2024-06-15", of="listed")],
    )
    assert found == {"new": (True, False), "listed": (True, False)}


def test_a_withdrawal_repair_or_removal_known_in_the_month_eases(tmp_path):
    from dataclasses import replace

    from world import world_of

    world = world_of(PROFILE, {"event": [on("2024-01-01", known="2024-06-01", severity=3, of=who) for who in "abc"]})
    actions = ("withdraw", "repair", "correct")
    rows = tuple(
        {**row, "action": action, "withdrawn_date": date(2024, 6, 1) if action == "withdraw" else None}
        for row, action in zip(world.rows["event"], actions, strict=True)
    )
    lake = lake_of(PROFILE, replace(world, rows={**world.rows, "event": rows}), tmp_path)
    found = new_facts(Reading(lake, Engine("duckdb")), MOVERS, JUNE).to_pylist()
    assert {lake.entities[row["entity"]]: (row["adverse"], row["eased"]) for row in found} == {
        "a": (False, True),
        "b": (True, True),
        "c": (True, False),
    }


def test_a_month_without_facts_moves_nobody(tmp_path):
    assert moved(tmp_path, role=[on("2024-06-01", person="p")]) == {}


def test_states_are_named_by_indicator():
    assert MOVERS.states == ("x",)


def test_what_was_before_is_told_of_those_asked_about_and_of_nobody_where_nobody_is():
    before = pa.table({"entity": pa.array([1, 3, 5], pa.int32()), "class_before": [0, 1, 2]})
    previous = Previous(before, pa.table({"entity": pa.array([1, 3, 5], pa.int32()), "x": [0.0, 1.0, 0.0]}))

    def asked(*entities):
        values = np.ones((len(entities), 1))
        batch = Batch(JUNE.until, np.array(entities, np.int32), np.zeros(len(entities), np.int8), values, ("x",))
        return previous.at(batch).sort_by("entity").to_pylist()

    assert asked() == []
    assert asked(2, 3, 4, 5) == [
        {"entity": 3, "class_before": 1, "state_reached": False},
        {"entity": 5, "class_before": 2, "state_reached": True},
    ]
