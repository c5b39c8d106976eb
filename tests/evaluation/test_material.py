"""From a trained scheme to its assessment, on a small world whose truth is known."""

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from evaluation import material, population, term
from evaluation.assessment import assess
from evaluation.errors import GateError
from evaluation.replay import Windows, replay_windows
from evaluation.report import Subject, render
from features.asof import Month
from features.engine import Engine
from features.indicators.catalogue import Definitions, digest_of
from features.indicators.language import on
from features.indicators.system import FILE
from features.reading import Reading
from tests.evaluation.judged import KINDS, KNOWN_BY, NUMBER
from tests.world import lake_of
from training.draws import DrawRule, read_draws
from training.errors import SchemeError
from training.labels import Knowledge


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def gathered(case, told):
    return material.gather(case, np.random.default_rng(0), told.append)


@pytest.fixture(scope="module")
def assessment(gathered):
    return assess(gathered, on=date(2026, 1, 31), rng=np.random.default_rng(1), replicates=100)


def test_the_headline_pairs_leave_known_open_cases_out_whole(gathered, case):
    assert len(gathered.open_cases.entity) > 5
    assert not set(gathered.open_cases.entity) & set(gathered.scored.entity)
    assert len(gathered.scored.entity) + len(gathered.open_cases.entity) == len(case.scored)


def test_the_champion_compared_with_itself_is_no_different(assessment):
    assert assessment.evidence.champion.difference == 0.0
    assert assessment.evidence.champion.interval == (0.0, 0.0)


def test_a_champion_of_another_indicator_system_is_scored_on_its_own_values(case):
    system, (shop, stall) = case.scheme.system, case.task.profile.settings["kinds"]
    settings = {**system.settings, "kinds": [shop]}
    ones = [replace(one, kinds=(shop["code"],)) for one in system.definitions.indicators]
    digest = digest_of(ones, settings, system.codelists)
    own = replace(system, definitions=Definitions(tuple(ones), digest), settings=settings)
    champion = replace(case.scheme, definitions=digest, carried={FILE: own.text})
    seen = case.sample.rows("test")
    found = material._champion(case, champion, seen)
    known = seen.kind == case.scheme.kinds.index(shop["code"])
    assert np.array_equal(found[known], case.scheme.margins(seen.values, seen.kind)[known])
    assert np.all(np.isneginf(found[~known]))
    assert (~known).any()
    assert stall["code"] in case.scheme.kinds


def test_shuffled_labels_leave_nothing_to_tell(assessment):
    assert abs(assessment.evidence.leakage.auc - 0.5) < 0.12
    assert assessment.evidence.discrimination.auc > 0.6


def test_the_latent_truth_stands_beside_the_scheme(assessment):
    assert assessment.oracle.auc > 0.6
    assert assessment.oracle_draws.draws == assessment.evidence.draws.draws
    sizes = [
        sum(rate.n for rate in study.onsite.values()) for study in (assessment.evidence.draws, assessment.oracle_draws)
    ]
    assert sizes[0] == sizes[1]


def test_only_random_draws_of_the_year_after_are_read_with_their_gravest_finding(case):
    knowledge = Knowledge(Reading(case.task.lake, Engine("polars")), KNOWN_BY)
    block = case.task.profile.table("random_draw")
    rows = read_draws(knowledge, block, span=(date(2025, 1, 1), date(2025, 12, 31)))
    assert len(rows) == NUMBER * 2 * 9 // 10
    assert set(rows["probability"].to_pylist()) == {0.25, 0.5}
    graves = {row["severity"] for row in rows.to_pylist() if row["results"] == "|02|"}
    assert graves == {2.0}
    assert {row["severity"] for row in rows.to_pylist() if row["results"] == "|01|"} == {None}
    assert len(read_draws(knowledge, block, span=(date(2024, 1, 1), date(2024, 12, 31)))) == 0


def test_draws_of_a_profile_without_records_are_none(place, tmp_path):
    empty = lake_of(place, {"entity": [on("2019-01-01")]}, tmp_path)
    knowledge = Knowledge(Reading(empty, Engine("polars")), KNOWN_BY)
    rows = read_draws(knowledge, place.table("random_draw"), span=(date(2025, 1, 1), date(2025, 12, 31)))
    assert len(rows) == 0
    assert DrawRule.read(place.table("random_draw")).substantive == {"09"}


def test_draws_without_any_finding_have_no_severity(place, tmp_path):
    visit = on("2025-03-01", number="1", origin="lot", method="there", results="|01|", chance="0.5")
    lake = lake_of(place, {"visit": [visit]}, tmp_path)
    knowledge = Knowledge(Reading(lake, Engine("polars")), KNOWN_BY)
    (row,) = read_draws(knowledge, place.table("random_draw"), span=(date(2025, 1, 1), date(2025, 12, 31))).to_pylist()
    assert row["severity"] is None
    assert row["onsite"] is False


def test_findings_of_another_record_type_are_refused(case):
    block = dict(case.task.profile.table("random_draw"))
    block["substantive_with_finding"] = {**block["substantive_with_finding"], "record_type": "event"}
    with pytest.raises(SchemeError, match="event belongs to None; expected visit"):
        read_draws(case.task.knowledge, block, span=(date(2025, 1, 1), date(2025, 12, 31)))


def test_the_backtest_refits_on_what_was_known_then(gathered, case, told):
    days = [row.as_of for row in gathered.origins]
    assert days == [date(2023, 10, 31), date(2024, 4, 30), case.tested_on]
    assert [row.fitted_on for row in gathered.origins] == [days[0], days[0], case.task.known_by]
    assert gathered.origins[-1].found.n == len(gathered.scored.entity)
    assert f"backtest: fitted on what was known by {days[0]}" in told
    assert all(row.found.auc > 0.5 for row in gathered.origins)


def test_a_date_with_too_little_before_it_is_not_replayed(case):
    longer = replace(case, origins=6)
    possible = [material._long_enough(case.task, date(year, 10, 31)) for year in range(2020, 2025)]
    assert possible[0] is False
    assert possible[-1] is True
    assert longer.origins == 6


def test_everyone_has_a_class_and_shares_are_those_wanted(gathered):
    assert gathered.coverage.unexplained == 0
    assert gathered.coverage.classified == NUMBER
    assert set(gathered.classes) == KINDS
    for part in gathered.classes.values():
        assert sum(part.counts.values()) == part.entities
        assert part.shares["A"] == pytest.approx(0.6, abs=0.15)


def test_an_entity_in_scope_that_has_no_class_and_no_reason_fails_the_gate(gathered, case):
    month = population.classified(case.task, case.scheme, as_of=case.task.reference_month)
    assert month.class_of(np.array([0, NUMBER + 5]))[1] == -1
    lost = replace(month, entity=month.entity[1:], final_class=month.final_class[1:])
    unclassed = replace(month, final_class=np.where(month.entity == month.entity[3], -1, month.final_class))
    for one in (lost, unclassed):
        found = population.coverage(case.task, one)
        assert (found.entities, found.classified, found.unexplained) == (NUMBER, NUMBER - 1, 1)
        assert found.without_class == {}
        verdict = assess(
            replace(gathered, coverage=found), on=date(2026, 1, 31), rng=np.random.default_rng(1), replicates=20
        ).verdict
        assert {check.code: check.passed for check in verdict.checks}["EV001"] is False
        assert verdict.verdict == "reject"


def test_a_kind_the_profile_does_not_know_is_a_stated_reason(case, place, tmp_path):
    registered = [on("2019-01-01", of=f"E{number}", kind=kind) for number, kind in enumerate(("shop", "ship", "stall"))]
    other = replace(case.task, lake=lake_of(place, {"entity": registered}, tmp_path))
    month = population.classified(other, case.scheme, as_of=case.task.reference_month)
    found = population.coverage(other, month)
    assert (found.entities, found.classified, found.unexplained) == (3, 2, 0)
    assert found.without_class == {"unknown_kind": 1}


def test_an_empty_population_gives_nobody_a_class(case):
    month = population.classified(case.task, case.scheme, as_of=case.task.reference_month)
    nobody = replace(month, entity=month.entity[:0], counted=month.counted[:0], final_class=month.final_class[:0])
    assert nobody.class_of(np.array([0, 1])).tolist() == [-1, -1]


def test_monotone_answers_and_sums_hold(gathered):
    assert gathered.sanity.monotone_checked > 100
    assert gathered.sanity.monotone_violations == 0
    assert gathered.sanity.additivity_error < 1e-5


def test_two_months_are_compared_under_one_scheme(gathered):
    assert (gathered.stability.before, gathered.stability.after) == ("2025-11", "2025-12")
    assert gathered.stability.psi_probability < 0.25
    assert gathered.stability.migration.entities == NUMBER
    assert gathered.stability.shifts


def test_the_document_is_json_with_the_names_everyone_reads(assessment):
    found = json.loads(json.dumps(assessment.document(), allow_nan=False))
    assert set(found["calibration"]) == KINDS
    assert {"n_pos", "o_e", "o_e_interval", "slope", "skill", "relative_ece"} <= set(found["calibration"]["shop"])
    assert {"n", "problem_rate", "interval"} <= set(found["random_draw"]["A"])
    assert set(found["oracle"]["random_draw"]) == {"A", "B", "C", "D"}
    assert found["gate"]["verdict"] in {"promote", "reject", "review"}
    assert {"code", "passed", "value", "threshold"} <= set(found["gate"]["checks"][0])
    ordering = next(check for check in found["gate"]["checks"] if check["code"] == "EV040")
    assert ordering["passed"] is None


def test_the_same_material_gives_the_same_document(gathered, assessment):
    again = assess(gathered, on=date(2026, 1, 31), rng=np.random.default_rng(1), replicates=100)
    assert again.document() == assessment.document()


def test_the_assessment_makes_a_page(assessment, case):
    facts = Subject(case.task.profile, case.tested_on, ("违法", "violation"), (), (), {})
    assert "不足以判断" in render(assessment, facts)


def test_a_place_without_draws_or_truth_or_champion_is_judged_on_the_rest(case, place, tmp_path):
    (place.folder / "random_draw.yaml").rename(tmp_path / "random_draw.yaml")
    try:
        bare = replace(case, champion=None, truth=None, origins=0)
        found = material.gather(bare, np.random.default_rng(0), lambda _: None)
    finally:
        (tmp_path / "random_draw.yaml").rename(place.folder / "random_draw.yaml")
    assert found.draws is None
    assert found.rivals.champion is None
    assert found.rivals.propensity is None
    assert found.origins == ()
    judged = assess(found, on=date(2026, 1, 31), rng=np.random.default_rng(1), replicates=20)
    assert judged.document()["oracle"] is None
    assert judged.document()["random_draw"] == {}


SPANS = {
    "known": (date(2024, 7, 1), date(2024, 12, 31)),
    "half": (date(2025, 4, 1), date(2025, 7, 31)),
    "unknown": (date(2025, 8, 1), date(2025, 12, 31)),
}


@pytest.fixture(scope="module")
def windows(case):
    task = replace(case.task, outcome_code="found")
    wanted = Windows(SPANS, tuned_until=date(2024, 6, 30))
    return replay_windows(task, wanted, rng=np.random.default_rng(5), say=lambda _: None)


def test_windows_of_inspections_are_scored_four_ways(windows):
    assert list(windows) == ["windows", "pooled", "pooled_dated", "tuned_until"]
    assert set(windows["windows"]["known"]) >= {"planned", "group_known", "no_control", "logistic", "n", "rate"}
    assert windows["windows"]["known"]["planned"]["auc"] > 0.55
    assert windows["windows"]["known"]["group_known"]["auc"] > windows["windows"]["known"]["planned"]["auc"]
    assert windows["tuned_until"] == "2024-06-30"
    json.dumps(windows, allow_nan=False)


def test_inspections_of_unknown_group_are_counted(windows):
    found = windows["windows"]
    assert found["known"]["unknown_group"] == 0
    assert 0 < found["half"]["unknown_group"] < found["half"]["n"]
    assert found["unknown"]["unknown_group"] == found["unknown"]["n"]
    assert found["unknown"]["group_known"] is None
    assert found["unknown"]["planned"]["auc_within_group"] is None


def test_where_a_profile_assumes_dates_windows_are_also_scored_without_what_rests_on_them(windows, case):
    assert windows["pooled_dated"] is None
    assert windows["windows"]["known"]["planned_dated"] is None
    task = replace(case.task, outcome_code="found")
    used = min(item for code in task.definitions.with_role("feature") for item in task.definitions.by_code[code].items)
    profile = replace(task.profile)
    profile.__dict__["items"] = {code: {**item, "assumed": code == used} for code, item in task.profile.items.items()}
    task = replace(task, lake=replace(task.lake, profile=profile))
    wanted = Windows({"known": SPANS["known"]}, tuned_until=None)
    found = replay_windows(task, wanted, rng=np.random.default_rng(5), say=lambda _: None)
    one = found["windows"]["known"]
    assert one["planned"] == windows["windows"]["known"]["planned"]
    assert one["planned_dated"]["auc"] != one["planned"]["auc"]
    assert one["logistic_dated"]["auc"] != one["logistic"]["auc"]
    assert found["pooled_dated"]["auc_within_group"] is not None


def test_windows_need_an_outcome_of_inspections(case):
    wanted = Windows(SPANS, tuned_until=None)
    with pytest.raises(GateError, match="violation is of framing detected"):
        replay_windows(case.task, wanted, rng=np.random.default_rng(5), say=lambda _: None)


def test_an_outcome_without_a_group_has_no_figures_within_one(case):
    task = replace(case.task, outcome_code="found")
    task.__dict__["outcome"] = replace(task.outcome, event_controls=())
    wanted = Windows({"known": SPANS["known"]}, tuned_until=None)
    found = replay_windows(task, wanted, rng=np.random.default_rng(5), say=lambda _: None)
    assert found["windows"]["known"]["group_known"] is None
    assert found["pooled"]["auc_within_group"] is None
    assert found["pooled"]["interval"] is None


def sealed_by(case, month, digest):
    """A month as the case's scheme would have sealed it, under another name."""
    before = population.classified(case.task, case.scheme, as_of=month.shift(-1).end)
    found = population.classified(case.task, case.scheme, as_of=month.end, before=before)
    previous = population._previous(case.task, before, month.end)
    return term.Sealed(month, found.as_previous(), digest, previous), found


def test_a_scheme_beside_itself_moves_nobody_and_another_s_movers_are_counted(case):
    month = Month.of(case.task.reference_month)
    sealed, found = sealed_by(case, month, "f" * 64)
    same = term.beside(case.task, case.scheme, sealed)
    assert (same["scheme"], same["champion"], same["month"]) == (case.scheme.digest, "f" * 64, str(month))
    assert same["migration"]["entities"] == len(found.entity)
    assert same["migration"]["unchanged"] == 1.0
    worse = np.minimum(found.final_class + 1, 3).astype(np.int8)
    shifted = replace(sealed, classes=replace(found, final_class=worse).as_previous())
    moved = term.beside(case.task, case.scheme, shifted)["migration"]
    expected = int((worse != found.final_class).sum())
    assert (
        sum(moves for row, line in enumerate(moved["moves"]) for column, moves in enumerate(line) if row != column)
        == expected
    )


def test_a_champion_that_foresees_the_wrong_rates_fails_and_the_scheme_itself_does_not(case):
    scheme = case.scheme
    parts = {
        kind: replace(part, curve=replace(part.curve, intercept=part.curve.intercept + 3.0))
        for kind, part in scheme.parts.items()
    }
    wrong = replace(case, champion=replace(scheme, parts=parts))
    found = [
        assess(
            material.gather(one, np.random.default_rng(5), lambda _: None),
            on=date(2026, 1, 31),
            rng=np.random.default_rng(5),
            replicates=20,
        )
        for one in (wrong, replace(case, champion=scheme))
    ]
    assert "EV030" in found[0].champion_fails
    assert "EV030" not in found[1].champion_fails
    assert found[0].document()["champion_fails"] == list(found[0].champion_fails)
