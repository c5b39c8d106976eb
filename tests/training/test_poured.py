"""Queries compiled once give for poured records what the pipeline that compiles for every lake gives."""

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.engine import Engine
from features.indicators.catalogue import Definitions, aggregates, load
from features.indicators.language import on
from features.profile import read_profile
from features.reading import REGISTER, Reading
from tests import acts_world
from tests.acts_world import AS_OF, DEFINITIONS, place_at, reported
from tests.world import PROFILE_DATES, SMALL, lake_of, worlds
from training.counterfactual import read_alone, types_read
from training.poured import Bench, Picker, PouredLake
from training.supposed import Case, Own, Pipeline


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    place = place_at(tmp_path_factory.mktemp("profiles"))
    listed = [on("2024-07-05", reason="report"), on("2024-02-01", reason="away", known="2024-09-01")]
    events = [on("2024-01-01", of="other", severity=3), on("2023-01-01", number="2", severity=2)]
    folder = tmp_path_factory.mktemp("lake")
    return acts_world.lake(place, folder, report=reported("it", 2021, 2022), listing=listed, event=events)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_poured_records_give_what_the_pipeline_gives_to_the_bit(data, tmp_path_factory):
    profile, as_of = read_profile(str(SMALL)), data.draw(st.sampled_from(PROFILE_DATES))
    own = lake_of(profile, data.draw(worlds(profile, as_of)), tmp_path_factory.mktemp("world"))
    definitions = load(profile)
    bench, reading = Bench(own, definitions, "event", as_of), Reading(own, Engine("polars"))
    kinds = dict(zip(*_kinds(reading, as_of), strict=True))
    entities = sorted(kinds)[:3]
    needed = {REGISTER, *bench.needed}  # the pipeline reads kinds from registrations
    known = Own.read(reading, needed, as_of=as_of, entities=entities)
    wanted = Pipeline(known, {}, bench.indicators).values([Case(entity) for entity in entities])
    for entity, row in zip(entities, wanted, strict=True):
        records = Own.one(reading, needed, as_of=as_of, entity=entity).records
        assert all(records[name].equals(known.records[name].filter(pl.col("entity") == entity)) for name in records)
        for _ in range(2):  # what was poured before is gone
            found = bench.values(kinds[entity], [records, records])
            assert np.array_equal(found, np.array([row, row]), equal_nan=True)


def _kinds(reading, as_of):
    table = reading.attributes(["kind"], as_of)
    codes = reading.lake.profile.kind_codes
    return table["entity"].to_pylist(), [codes.index(kind) for kind in table["kind"].to_pylist()]


def test_a_bench_has_the_own_indicators_that_read_its_type(lake):
    bench = Bench(lake, DEFINITIONS, "listing", AS_OF)
    assert [one.code for one in bench.indicators] == ["listed"]  # the crowd looks at peers too
    assert bench.needed == {"listing"}
    assert Bench(lake, DEFINITIONS, "report", AS_OF).needed == {"report", REGISTER}
    none = Bench(lake, Definitions((), "none"), "event", AS_OF)
    assert none.values(0, [{}, {}]).shape == (2, 0)


def test_picked_are_the_records_that_count_the_latest_first(lake):
    reading, picker = Reading(lake, Engine("polars")), Picker(lake, AS_OF)
    definitions = [part.rows for one in read_alone(DEFINITIONS) for part in aggregates(one.value)]
    for entity in range(len(lake.entities)):
        own = Own.one(reading, lake.types(), as_of=AS_OF, entity=entity)
        for rows in definitions:
            found = picker.picked(rows, own.records[rows.record_type], entity)
            assert found.equals(own.counting(rows))
    assert {name for one in read_alone(DEFINITIONS) for name in types_read(one)} == {
        row.record_type for row in definitions
    }


def test_the_lake_poured_into_says_what_it_is_of(lake):
    poured = PouredLake(lake)
    assert (poured.profile, poured.home) == (lake.profile, lake.home)
    assert poured.register() == lake.register()
    assert poured.digest(AS_OF) == lake.digest(AS_OF)
    stored = poured.stored("event")
    assert not stored.is_empty
    assert stored.frame().collect().is_empty()
    poured.rows["event"] = lake.stored("event").frame().select(stored.schema.names).collect()
    assert stored.frame().filter(pl.col("severity") > 2).select("severity").collect()["severity"].to_list() == [3]
    assert stored.frame().head(1).collect().height == 1
