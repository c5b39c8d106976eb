"""What the compiler and the engines refuse, and the setting that says what a repair does."""

import shutil
from dataclasses import replace
from datetime import date

import ibis
import numpy as np
import pyarrow as pa
import pytest
from world import SMALL, World, lake_of, lake_schema, sampled, world_of

from features.compile import Plan, literal_clock, shared_rows
from features.engine import Engine
from features.formulas import as_of_column, evaluate
from features.indicators.catalogue import Definitions, load
from features.indicators.language import Aggregate, Condition, DefinitionError, Rows, Window, f, on, peer_rate, records
from features.profile import Profile, ProfileError, read_profile
from features.records.schema import record_types

PROFILE = read_profile(str(SMALL))
AS_OF = date(2024, 6, 30)


def query(aggregate: Aggregate, profile: Profile = PROFILE):
    """The query of one aggregate over a record type without records."""
    record_type = record_types(profile)[aggregate.rows.record_type]
    rows = ibis.table(ibis.Schema.from_pyarrow(lake_schema(record_type)), name=record_type.name)
    clock = literal_clock(AS_OF, profile.zone)
    return Plan(record_type, profile, {"a0": aggregate}).query(rows, lambda _: clock, by="entity")


def shared(*rows: Rows) -> Rows:
    return shared_rows([Aggregate("count", one) for one in rows])


def test_rows_of_several_definitions_share_conditions_and_the_widest_window():
    grave, paid = f.severity >= 2, f.fine > 0
    year, three = Window(months=12), Window(months=36)
    found = shared(Rows("fine", (grave, paid), year), Rows("fine", (paid, f.fine > 5), three))
    assert found == Rows("fine", (paid,), three)
    assert shared(Rows("fine", (grave,), year), Rows("fine", (grave,))) == Rows("fine", (grave,))
    assert shared(Rows("fine", (), year), Rows("fine", (), Window(days=400))) == Rows("fine")
    assert shared(Rows("fine", state=True), Rows("fine", state=True, window=year)) == Rows("fine", state=True)
    assert shared(Rows("fine", state=True), Rows("fine")) == Rows("fine")


def with_repair_effect(effect: str, tmp_path) -> Profile:
    folder = shutil.copytree(SMALL, tmp_path / "place")
    settings = (folder / "profile.yaml").read_text(encoding="utf-8")
    changed = settings.replace("repair_effect: stop_use", f"repair_effect: {effect}")
    (folder / "profile.yaml").write_text(changed, encoding="utf-8")
    return read_profile(str(folder))


@pytest.mark.parametrize(("effect", "counted"), [("stop_use", 0), ("keep", 1)])
def test_a_profile_decides_what_a_repair_does(effect, counted, tmp_path):
    profile = with_repair_effect(effect, tmp_path)
    world = world_of(profile, {"event": [on("2024-06-01", repair_date="2024-06-20")]})
    definitions = Definitions((load(profile).by_code["events_12m"],), "one")
    pairs = pa.table({"pair": [0], "entity": pa.array([0], pa.int32()), "as_of": pa.array([AS_OF])})
    table = sampled(lake_of(profile, world, tmp_path), definitions, pairs)
    assert table["events_12m"].to_pylist() == [counted]


def test_a_repair_effect_nobody_wrote_is_an_error(tmp_path):
    profile = with_repair_effect("forget", tmp_path)
    with pytest.raises(DefinitionError, match="repair_effect is 'forget'; expected stop_use or keep"):
        query(records("event").count(), profile)


def test_an_aggregate_or_condition_outside_the_language_is_an_error():
    with pytest.raises(DefinitionError, match="no aggregate 'median'"):
        query(Aggregate("median", records("event"), "severity"))
    odd = records("event").where(Condition("trade", "like", "f%"))
    with pytest.raises(DefinitionError, match="No condition 'like'"):
        query(odd.count())


def test_a_value_that_needs_others_has_no_formula():
    with pytest.raises(DefinitionError, match="PeerRate has no column"):
        evaluate(peer_rate(records("event").any(), by=("trade",)), {}, as_of_column(AS_OF, 1))


@pytest.mark.parametrize("name", ["flink", "polars@local", "spark@", "", "duckdb@", "duckdb@lots", "duckdb@0GiB"])
def test_an_engine_is_one_of_those_there_are(name):
    with pytest.raises(ProfileError, match=f"Engine '{name}' is not one of polars, duckdb, spark, or spark@"):
        Engine(name)


def test_a_query_is_shown_as_sql_or_as_a_plan():
    assert "COUNT(*) FILTER(WHERE" in Engine("duckdb").text(query(records("event").where(f.severity > 1).count()))
    table = Engine("polars").memory(pa.table({"entity": [1]}))
    plan = Engine("polars")
    assert "entity" in plan.text(plan.memory(pa.table({"entity": [1]})).select("entity"))
    assert table.columns == ("entity",)


def test_pairs_in_an_empty_lake_are_null(tmp_path):
    lake = lake_of(PROFILE, World(PROFILE, ("it",), {}), tmp_path)
    pairs = pa.table({"pair": [0], "entity": pa.array([0], pa.int32()), "as_of": pa.array([AS_OF])})
    table = sampled(lake, load(PROFILE), pairs)
    assert all(np.isnan(table[code].to_numpy()).all() for code in load(PROFILE).codes)


def test_a_name_of_the_language_itself_is_no_field():
    assert not hasattr(f, "_hidden")


def test_a_window_of_one_row_reads_the_same_columns_once():
    plan = Plan(record_types(PROFILE)["event"], PROFILE, {"a": records("event").where(f.due < f.done).count()})
    assert plan.columns() == [*dict.fromkeys(plan.columns())]
    assert {"due", "done"} <= set(plan.columns())
    assert replace(plan, aggregates={}).columns() == plan.columns()[:5]
