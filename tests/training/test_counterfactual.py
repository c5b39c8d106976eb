"""What would change the class: through the records and the indicators, never beside them, and by its own acts alone."""

from dataclasses import replace
from datetime import date
from math import comb

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.engine import Engine
from features.indicators.catalogue import load
from features.indicators.language import on
from features.profile import read_profile
from features.reading import REGISTER, Reading
from features.records.schema import record_types
from tests import acts_world
from tests.acts_world import AS_OF, DEFINITIONS, FILE, LEAVE, RESTORE, batch_of, place_at, reported
from tests.world import PROFILE_DATES, SMALL, lake_of, worlds
from training import supposed
from training.acts import read_acts
from training.counterfactual import (
    MOST_ACTS,
    MOST_SWITCHES,
    Asked,
    Bench,
    Way,
    effective,
    minimal,
    read_alone,
    tried_again,
    ways,
)
from training.cutoffs import RiskClass
from training.errors import SchemeError
from training.supposed import Case, Own, Pipeline, Switch

PAST = "2024-01-31"  # a date on which what was to be put right was due


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return place_at(tmp_path_factory.mktemp("profiles"))


@pytest.fixture(scope="module")
def scheme():
    return acts_world.scheme_of()


@pytest.fixture(scope="module")
def easy():
    """The same without rules: cutoffs alone decide."""
    return acts_world.scheme_of(rules=())


@pytest.fixture
def bench(place, tmp_path):
    """A reading and what is asked of a lake of given records."""

    def made(**found):
        own = acts_world.lake(place, tmp_path, **found)
        reading = Reading(own, Engine("polars"))
        return reading, Asked(DEFINITIONS, read_acts(place, reading.types), batch_of(own))

    return made


def late_and_listed(of="it"):
    """Missed the report for 2023 and is listed for it."""
    return {"report": reported(of, 2021, 2022), "listing": [on("2024-07-05", of=of, reason="report")]}


def codes(way):
    return [switch.act for switch in way.switches]


def test_a_report_filed_and_the_removal_after_it_make_the_class_safer(bench, scheme):
    (found,) = ways(*_with(bench(**late_and_listed()), scheme))
    assert found.risk_class == RiskClass.C
    assert found.ruled == RiskClass.C
    assert [codes(way) for way in found.ways] == [[FILE, LEAVE]]
    assert found.ways[0].risk_class < RiskClass.C
    assert found.ways[0].probability < found.probability
    assert found.switches[0].records == ("2023",)
    assert not found.without_recourse


def test_the_removal_is_never_tried_before_the_report_is_filed(bench, scheme):
    (found,) = ways(*_with(bench(**late_and_listed()), scheme))
    assert [codes(way) for way in found.tried] == [[FILE], [FILE, LEAVE]]


def test_where_nothing_is_missed_the_removal_needs_nothing(bench, scheme):
    listed = [on("2024-07-05", reason="report")]
    (found,) = ways(*_with(bench(report=reported("it", 2021, 2022, 2023), listing=listed), scheme))
    assert [codes(way) for way in found.tried] == [[LEAVE]]


def test_the_report_behind_an_old_listing_is_filed_too(bench, scheme):
    listed = [on("2019-07-05", reason="report"), on("2018-07-05", reason="report", out_date="2018-08-01")]
    (found,) = ways(*_with(bench(report=reported("it", 2021, 2022, 2023), listing=listed), scheme))
    assert found.switches[0] == Switch(FILE, ("2018",))


def test_nobody_can_file_for_years_before_there_was_anything_to_report(bench, scheme):
    reading, asked = bench(entity=[on("2023-03-01", kind="shop")], event=[on("2024-05-01", severity=4)])
    (found,) = ways(reading, scheme, asked)
    assert found.switches == (Switch(FILE, ("2023",)),)


def test_what_a_filed_report_says_is_late_and_known_at_the_as_of_date(bench):
    reading, asked = bench(**late_and_listed())
    found = Bench.of(reading, asked)
    told = found.pipeline.told([Case(0, found.options[0])])
    (added,) = told["report"].filter(pl.col("year") == 2023).to_dicts()
    assert (added["filed"], added["event_date"], added["due"], added["late"]) == (AS_OF, AS_OF, date(2024, 6, 30), 62)
    assert added["amount"] is None
    (listing,) = told["listing"].to_dicts()
    assert (listing["out_date"], listing["way_out"], listing["version"]) == (AS_OF, "filed", 2)
    assert (listing["in_date"], listing["event_date"]) == (date(2024, 7, 5), date(2024, 7, 5))
    assert listing["withdrawn_date"] is None
    (before,) = found.pipeline.copied([Case(0)])["listing"].to_dicts()
    assert listing["known_at"] > before["known_at"]


def test_never_more_than_three_acts_and_every_set_of_them(bench, easy):
    events = [on("2023-12-01", number=f"{n}", due=PAST) for n in range(6)]
    (found,) = ways(*_with(bench(report=reported("it", 2021, 2022, 2023), event=events), easy))
    assert len(found.switches) == 6
    assert max(len(way.switches) for way in found.tried) == MOST_ACTS
    assert len(found.tried) == comb(6, 1) + comb(6, 2) + comb(6, 3)
    assert len({way.switches for way in found.tried}) == len(found.tried)


def test_what_more_than_three_acts_would_reach_is_told_apart(bench, scheme):
    listed = [on(f"2024-02-0{day}", reason="away") for day in range(1, 6)]
    (found,) = ways(*_with(bench(report=reported("it", 2021, 2022, 2023), listing=listed), scheme))
    assert found.without_recourse  # the rule holds while one of the five listings stands
    assert found.all_done.switches == found.switches
    assert (len(found.switches), found.all_done.risk_class) == (5, RiskClass.A)


def test_beyond_fifteen_switches_the_rest_is_counted_and_not_tried(bench, easy):
    events = [on(f"2023-12-{n + 1:02d}", number=f"{n}", due=PAST) for n in range(20)]
    (found,) = ways(*_with(bench(report=reported("it", 2021, 2022, 2023), event=events), easy))
    assert (len(found.switches), found.left_out) == (MOST_SWITCHES, 5)
    latest = {record["record_id"] for record in events_of(bench, events)[:MOST_SWITCHES]}
    assert {switch.records[0] for switch in found.switches} == latest


def events_of(bench, events):
    reading, _ = bench(report=reported("it", 2021, 2022, 2023), event=events)
    own = Own.read(reading, ["event"], as_of=AS_OF, entities=[0])
    return own.records["event"].sort("event_date", descending=True).to_dicts()


def test_who_can_do_nothing_has_no_recourse(bench, easy):
    grave = [on("2024-05-01", severity=4), on("2024-05-02", severity=3, due=PAST, done=PAST)]
    (found,) = ways(*_with(bench(report=reported("it", 2021, 2022, 2023), event=grave), easy))
    assert found.risk_class == RiskClass.C
    assert (found.switches, found.tried, found.ways) == ((), (), ())
    assert found.without_recourse


def test_an_annulled_or_repaired_record_is_nothing_to_act_on(bench, easy):
    events = [
        on("2023-12-01", number="1", due=PAST, withdrawn_date="2024-02-01"),
        on("2023-12-01", number="2", due=PAST, repair_date="2024-02-01"),
        on("2023-12-01", number="3", due=PAST, known="2024-09-01"),
        on("2023-12-01", number="4", due="2024-09-30"),
    ]
    (found,) = ways(*_with(bench(report=reported("it", 2021, 2022, 2023), event=events), easy))
    assert found.switches == ()


def test_several_entities_keep_to_their_own_records(bench, scheme):
    records = late_and_listed("a")
    records["listing"] += [on("2024-02-01", of="b", reason="away"), on("2024-02-02", of="b", reason="away")]
    records["report"] += [*reported("b", 2021, 2022, 2023), *reported("c", 2021, 2022, 2023)]
    found = ways(*_with(bench(**records), scheme))
    assert [[switch.act for switch in one.switches] for one in found] == [[FILE, LEAVE], [RESTORE, RESTORE], []]
    assert [one.entity for one in found] == [0, 1, 2]
    assert [codes(way) for way in found[1].ways] == [[RESTORE, RESTORE]]  # the rule holds while one listing stands


def test_the_cases_of_all_are_worked_out_in_lakes_of_bounded_size_with_the_same_result(bench, scheme, monkeypatch):
    records = late_and_listed("a")
    records["report"] += reported("b", 2021, 2022)
    records["event"] = [on("2023-12-01", of="b", number=f"{n}", due=PAST) for n in range(4)]
    reading, asked = bench(**records)
    whole = ways(reading, scheme, asked)
    monkeypatch.setattr(supposed, "CHUNK", 3)
    assert ways(reading, scheme, asked) == whole


def test_values_that_do_not_come_out_again_are_refused(bench, scheme):
    reading, asked = bench(**late_and_listed())
    tampered = asked.batch.values.copy()
    tampered[0, DEFINITIONS.codes.index("listed")] = 2.0
    other = replace(asked, batch=replace(asked.batch, values=tampered))
    with pytest.raises(SchemeError, match=r"Indicator listed of entity 0 .* given as 2\.0 and comes out as 1\.0"):
        ways(reading, scheme, other)


def test_what_looks_at_peers_is_held_as_it_was_given(bench, scheme):
    reading, asked = bench(**late_and_listed())
    found = Bench.of(reading, asked)
    assert "crowd" not in {one.code for one in found.pipeline.indicators}
    assert {one.code for one in found.pipeline.indicators} == {"missed", "late", "listed"}
    seen = []
    kept = asked.batch.values.copy()
    kept[0, DEFINITIONS.codes.index("crowd")] = 0.625

    class Watching:
        def classify(self, batch, previous):
            seen.append((batch, previous))
            return scheme.classify(batch, previous)

    ways(reading, Watching(), replace(asked, batch=replace(asked.batch, values=kept)))
    ((batch, previous),) = seen
    assert previous is None  # without steadiness
    assert set(batch.values[:, DEFINITIONS.codes.index("crowd")]) == {0.625}
    columns = [DEFINITIONS.codes.index(name) for name in ("missed", "late", "listed")]
    assert batch.values[:, columns].tolist() == [[1, 0, 1], [0, 62, 1], [0, 62, 0]]  # as it is, filed, and removed too


def test_ways_applied_again_on_another_engine_reach_what_they_promise(bench, scheme):
    reading, asked = bench(**late_and_listed())
    found = ways(reading, scheme, asked)
    cases = [Case(one.entity, way.switches) for one in found for way in one.tried]
    again = tried_again(reading, scheme, asked, cases)
    assert again.classes.tolist() == [way.risk_class for one in found for way in one.tried]
    assert again.astray == 0


@pytest.mark.parametrize(
    ("name", "change", "strays"),
    [
        ("listing", lambda frame: frame.with_columns(withdrawn_date=pl.lit(AS_OF)), 1),
        ("listing", lambda frame: frame.with_columns(in_date=pl.lit(AS_OF)), 1),
        ("listing", lambda frame: frame.clear(), 1),
        (REGISTER, lambda frame: frame.with_columns(status=pl.lit("closed")), 1),
        ("report", lambda frame: frame.with_columns(amount=pl.lit(1, pl.Int64)), 1),
        ("report", lambda frame: pl.concat([frame, frame.head(1).with_columns(record_id=pl.lit("more"))]), 1),
        ("listing", lambda frame: frame, 0),
    ],
)
def test_a_touched_fact_no_act_names_is_counted(bench, monkeypatch, name, change, strays):
    found = Bench.of(*bench(**late_and_listed()))
    whole = Pipeline.told

    def told(self, cases):
        records = whole(self, cases)
        return records | {name: change(records[name])}

    monkeypatch.setattr(Pipeline, "told", told)
    assert found.pipeline.astray([Case(0, found.options[0])]) == strays


def test_acts_no_indicator_notices_are_not_tried_unless_others_need_them(place, bench):
    reading, asked = bench(**late_and_listed())
    file, leave, restore, fix = asked.acts
    unseen = replace(fix, states={"verified": 1})
    assert effective((file, leave, restore, fix), DEFINITIONS, reading.types) == asked.acts
    assert effective((file, leave, unseen), DEFINITIONS, reading.types) == (file, leave)
    needing = replace(leave, needs=(unseen.code,))
    assert effective((unseen, needing), DEFINITIONS, reading.types) == (unseen, needing)


def test_of_the_acts_of_the_province_all_but_one_are_noticed_by_an_indicator():
    profile = read_profile("jiangxi")
    types = record_types(profile)
    acts = read_acts(profile, types)
    kept = effective(acts, load(profile), types)
    assert [act.code for act in acts if act not in kept] == ["pay_wages"]  # a case counts whether settled or not


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_own_records_are_those_standing_at_the_as_of_date_on_every_engine(place, tmp_path, engine):
    listed = on("2024-02-01", number="1", severity=1)
    own = acts_world.lake(
        place, tmp_path, event=[listed, on("2024-03-01", number="2", known="2024-09-01"), on("2024-04-01", of="other")]
    )
    known = Own.read(Reading(own, Engine(engine)), ["event", "listing"], as_of=AS_OF, entities=[0])
    assert known.records["event"]["event_date"].to_list() == [date(2024, 2, 1)]
    assert known.records["listing"].is_empty()


def test_of_ways_only_those_stay_that_no_part_of_them_reaches_and_the_safest_comes_first():
    one, two, three = (Switch("a", (name,)) for name in "123")
    tried = [
        Way((one,), RiskClass.C, 0.3),
        Way((two,), RiskClass.D, 0.5),
        Way((one, two), RiskClass.C, 0.2),
        Way((one, three), RiskClass.B, 0.1),
        Way((two, three), RiskClass.B, 0.05),
        Way((one, two, three), RiskClass.B, 0.04),
    ]
    found = minimal(tried, RiskClass.D)
    assert [way.switches for way in found] == [(two, three), (one, three), (one,)]
    assert minimal(tried, RiskClass.B) == ()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_entities_as_they_are_come_out_of_the_pipeline_to_the_bit(data, tmp_path_factory):
    profile, as_of = read_profile(str(SMALL)), data.draw(st.sampled_from(PROFILE_DATES))
    own = lake_of(profile, data.draw(worlds(profile, as_of)), tmp_path_factory.mktemp("world"))
    definitions = load(profile)
    alone = read_alone(definitions)
    batch = batch_of(own, as_of, definitions)
    reading = Reading(own, Engine("polars"))
    entities = [4, 0, 2, 2]  # in any order, and one of them twice
    known = Own.read(reading, own.types(), as_of=as_of, entities=entities)
    found = Pipeline(known, {}, alone).values([Case(entity) for entity in entities])
    columns = [definitions.codes.index(one.code) for one in alone]
    assert len(alone) > 20
    assert np.array_equal(found, batch.values[entities][:, columns], equal_nan=True)


def test_a_place_without_acts_gives_nobody_a_way(bench, scheme):
    reading, asked = bench(**late_and_listed())
    (found,) = ways(reading, scheme, replace(asked, acts=()))
    assert (found.switches, found.ways, found.risk_class) == ((), (), RiskClass.C)


def test_nobody_asked_is_nobody_answered(bench, scheme):
    reading, asked = bench(**late_and_listed())
    none = replace(asked.batch, entity=asked.batch.entity[:0], kind=asked.batch.kind[:0], values=asked.batch.values[:0])
    assert ways(reading, scheme, replace(asked, batch=none)) == []


def test_the_lake_supposed_says_what_it_is_of(bench, tmp_path):
    reading, _ = bench(**late_and_listed())
    own = supposed.SupposedLake(reading.lake, tmp_path / "none", 3)
    assert own.profile is reading.lake.profile
    assert own.home == tmp_path / "none"
    assert own.register()["entity"] == pa.chunked_array([pa.array([0, 1, 2], pa.int32())])
    assert own.stored("event").paths == []
    assert own.digest(AS_OF) != own.digest(date(2024, 9, 1))


def _with(made, scheme):
    reading, asked = made
    return reading, scheme, asked
