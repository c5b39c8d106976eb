"""Recourse of class C and D, counted by hand on a small place, and every way applied once more."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from evaluation import population, recourse
from evaluation.metrics import wilson
from evaluation.recourse import CHECK, Held, drawn, study
from features.indicators.language import on
from tests import acts_world
from tests.acts_world import AS_OF, DEFINITIONS, FILE, FIX, LEAVE, RESTORE, place_at, reported
from training.counterfactual import Recourse, Tried, Way
from training.cutoffs import RiskClass
from training.supposed import Pipeline, Switch
from training.task import Task


@pytest.fixture(scope="module")
def scheme():
    return acts_world.scheme_of()


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    """Thirty shops: ten listed for a report, ten that cannot be reached, ten that did worse and have nothing to do."""
    profile = place_at(tmp_path_factory.mktemp("profiles"))
    found = {"report": [], "listing": [], "event": []}
    for number in range(10):
        filed, away, worse = f"filed{number}", f"away{number}", f"worse{number}"
        found["report"] += reported(filed, 2021, 2022) + reported(away, 2021, 2022, 2023)
        found["report"] += reported(worse, 2021, 2022, 2023)
        found["listing"] += [on("2024-07-05", of=filed, reason="report"), on("2024-02-01", of=away, reason="away")]
        found["event"] += [on("2024-05-01", of=worse, number=worse, severity=4)]
        found["event"] += [on("2023-12-01", of=worse, number=f"{worse}-{n}", due="2024-09-30") for n in range(2)]
    lake = acts_world.lake(profile, tmp_path_factory.mktemp("lake"), **found)
    return Task(lake, DEFINITIONS, AS_OF)


@pytest.fixture(scope="module")
def everyone(task, scheme):
    return population.classified(task, scheme, as_of=AS_OF)


@pytest.fixture(scope="module")
def shown(task, scheme, everyone):
    return study(task, scheme, everyone)


def test_the_share_without_recourse_is_counted_among_class_c_and_d_of_every_kind(shown, everyone):
    risk = np.maximum(everyone.raw_class, everyone.ruled)
    (part,) = shown.figures["parts"]
    assert (part["kind"], part["risk_class"]) == ("shop", "C")
    assert part["entities"] == part["asked"] == int((risk == RiskClass.C).sum())
    assert (part["asked"], part["idle"]) == (30, 10)  # those listed can all do something about it, nobody else can
    assert (part["without"], part["with_more"], part["by_rule"]) == (10, 0, 0)
    assert part["share"] == 10 / 30
    assert part["interval"] == wilson(part["share"], part["asked"])
    assert sum(part["reached"].values()) == pytest.approx(1.0)
    assert part["reached"]["C"] == part["share"]


def test_those_a_rule_keeps_there_are_told_apart(task):
    strict = acts_world.scheme_of(rules=(acts_world.LISTED, acts_world.WORST))
    found = study(task, strict, population.classified(task, strict, as_of=AS_OF))
    (part,) = [one for one in found.figures["parts"] if one["risk_class"] == "D"]
    assert (part["entities"], part["without"], part["by_rule"], part["share"]) == (10, 10, 10, 1.0)


def test_acts_are_counted_by_who_could_do_them_and_whom_they_help(shown):
    uses = {one["code"]: one for one in shown.figures["acts"]}
    assert {code: (one["could"], one["best"], one["any"]) for code, one in uses.items()} == {
        FILE: (10, 10, 10),
        LEAVE: (10, 10, 10),
        RESTORE: (10, 10, 10),
        FIX: (0, 0, 0),
    }
    assert [row[0].text[0] for row in shown.tables[1].rows] == ["补报", "移出", "恢复联系"]


def test_every_way_found_reaches_its_class_when_applied_once_more(shown):
    assert shown.figures["held"] == {"ways": 20, "reach": 20, "astray": 0}
    assert [(one.subject, one.value) for one in shown.judged[CHECK]] == [("reached", 1.0), ("untouched", 1.0)]
    assert shown.code == "recourse"
    assert json.loads(json.dumps(shown.figures))["held"] == shown.figures["held"]


def test_a_way_that_does_not_hold_is_found_out(task, scheme, everyone, monkeypatch):
    again = recourse.tried_again

    def half(reading, scheme, asked, cases):
        found = again(reading, scheme, asked, cases)
        classes = found.classes.copy()
        classes[::2] = RiskClass.D
        return Tried(classes, 3)

    monkeypatch.setattr(recourse, "tried_again", half)
    found = study(task, scheme, everyone)
    assert [one.value for one in found.judged[CHECK]] == [0.5, 0.85]


def test_where_there_is_no_way_nothing_is_judged(task, scheme, everyone):
    assert [one.value for one in Held(0, 0, 0).judged] == [None, None]
    nobody = study(task, scheme, everyone, most=0)
    assert [one.value for one in nobody.judged[CHECK]] == [None, None]
    assert nobody.figures["parts"][0]["share"] is None


def test_a_place_without_acts_is_not_studied(scheme, everyone, tmp_path):
    profile = place_at(tmp_path, acts=None)
    lake = acts_world.lake(profile, tmp_path, report=reported("it", 2023))
    found = study(Task(lake, DEFINITIONS, AS_OF), scheme, everyone)
    assert (found.tables, found.figures, found.judged) == ((), {}, {CHECK: ()})
    assert "acts.yaml" in found.question[1]


def test_a_sample_is_the_same_every_time_and_leaves_room_for_small_parts(task, everyone):
    few, numbers = drawn(task, everyone, 8)
    assert len(few) == min(8, sum(numbers.values()))
    assert few.tolist() == sorted(few.tolist()) == drawn(task, everyone, 8)[0].tolist()
    more, _ = drawn(task, everyone, 12)
    assert set(few) <= set(more)
    assert few.tolist() != everyone.entity[:8].tolist()


def test_those_never_trained_on_are_not_asked(task, everyone):
    counted = everyone.counted.copy()
    counted[::2] = False
    some, numbers = drawn(task, replace(everyone, counted=counted), 600)
    assert not set(some) & set(everyone.entity[::2])
    assert sum(numbers.values()) == len(some) < len(drawn(task, everyone, 600)[0])


def test_an_act_that_alone_raises_the_probability_is_told():
    asked = Recourse(
        0,
        0,
        RiskClass.C,
        RiskClass.A,
        0.4,
        (),
        0,
        (
            Way((Switch("a", ("1",)),), RiskClass.C, 0.5),
            Way((Switch("b", ("1",)),), RiskClass.C, 0.4),
        ),
        Way((), RiskClass.C, 0.4),
        (),
    )
    assert asdict(recourse.use("a", [asked]))["backfires"] == 1
    assert asdict(recourse.use("b", [asked]))["backfires"] == 0


def test_who_would_need_more_than_three_acts_is_told_apart():
    stuck = Recourse(0, 0, RiskClass.C, RiskClass.A, 0.4, (), 0, (), Way((), RiskClass.C, 0.4), ())
    many = Recourse(1, 0, RiskClass.C, RiskClass.A, 0.4, (), 0, (), Way((), RiskClass.B, 0.1), ())
    found = recourse.part("shop", RiskClass.C, 9, [stuck, many])
    assert (found.without, found.with_more, found.reached["C"]) == (2, 1, 1.0)


def test_the_study_shows_itself_in_both_languages(shown):
    assert all(shown.title)
    assert all(shown.question)
    assert shown.pictures[0].startswith("<svg")
    assert "店 C类" in shown.pictures[0]
    assert all(len(row) == len(table.head) for table in shown.tables for row in table.rows)


def test_the_records_are_told_anew_once_for_the_ways_and_once_to_hold_them(task, scheme, everyone, monkeypatch):
    engines = []
    values = Pipeline.values

    def counting(self, cases):
        engines.append((self.engine, len(cases)))
        return values(self, cases)

    monkeypatch.setattr(Pipeline, "values", counting)
    study(task, scheme, everyone)
    assert [engine for engine, _ in engines] == ["polars", "duckdb"]
    assert engines[1][1] == 20
