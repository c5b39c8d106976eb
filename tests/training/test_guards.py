"""Every guard catches the leak it is there for, planted, and lets an honest world pass."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from world import SMALL, lake_of, world_of

from features import compile as compiling
from features import reading
from features.indicators.catalogue import load
from features.indicators.language import on
from features.profile import read_profile
from features.spans import Calendar
from training import foresight, guards, retrain
from training.cases import own_cases
from training.cohort import HEADLINE, OPEN_CASE
from training.errors import SchemeError
from training.guards import GuardSettings, findings, guarded
from training.outcomes import read_outcomes
from training.past import ENDINGS
from training.readiness import ready
from training.sample import MATRIX, PAIRS, Sample
from training.task import Task

KNOWN_BY = date(2025, 12, 31)
TESTED_ON = date(2024, 10, 31)
SHARES = {"shares": {"A": 0.6, "B": 0.28, "C": 0.08, "D": 0.04}, "guard": {"A": [0.3, 0.9]}}
TABLES = {
    "outcomes": [
        {
            "code": "violation",
            "label": "违法",
            "framing": "detected",
            "horizon_months": 12,
            "settle_days": 60,
            "lookback_months": 24,
            "any_of": [{"record_type": "event", "where": [["severity", ">=", 2]]}],
            "open_case": [{"record_type": "event", "where": [["due", "present"], ["done", "missing"]]}],
            "case": {"key": "number", "filed": ["happened"]},
            "controls": ["visits_12m"],
        },
        {
            "code": "found",
            "label": "查实",
            "framing": "given_inspection",
            "event": {"record_type": "event", "where": [["item", "==", "I3"]]},
            "positive": [["verified", "==", 1]],
            "controls": [],
        },
    ],
    "model": {
        "sample": {"rate": 0.5, "seed": "guards", "not_trained": []},
        "dates": {
            "fit": 2, "calibration": 1, "test": 1, "step_months": 6, "gap_months": 12, "earliest": date(2020, 6, 30),
        },
        "periods": {"since": date(2021, 1, 1), "calibration_months": 18, "test_months": 12},
        "trees": {
            "count": 20, "seeds": [1], "learning_rate": 0.1, "depth": 3, "leaves": 8, "min_rows": 10,
            "feature_share": 0.8, "row_share": 1.0, "l2": 1.0, "monotone_method": "basic",
        },
        "calibration": {"min_positives": 20},
        "logistic": {"strength": 0.1},
        "guards": {"pairs": 80},
    },
    "rules": [],
    "classes": {"targets": [{"since": date(2020, 1, 1), "kinds": {"shop": SHARES, "stall": SHARES}}]},
    "steadiness": [{"since": date(2020, 1, 1), "margin": 0.1, "steps_better": 1, "adverse": []}],
}  # fmt: skip


def entities():
    """Two hundred entities, every third of another kind, three to a street, pairs of them under one leader."""
    return [
        on("2019-01-01", of=f"E{n:03d}", kind="shop" if n % 3 else "stall", trade="food" if n % 2 else "tools",
           street=f"s{n // 3}", cell=200_002)
        for n in range(200)
    ]  # fmt: skip


def happenings(rng):
    """Visits and events over seven years, of which some are grave, told of some weeks later."""
    found = []
    for n in range(200):
        for item, rate in (("I2", 6), ("I3", 4)):
            for _ in range(rng.poisson(rate)):
                day = date(2019, 1, 1) + timedelta(days=int(rng.integers(0, 2550)))
                known = day + timedelta(days=int(rng.integers(0, 60)))
                severity = int(rng.integers(2, 5)) if item == "I2" and rng.random() < 0.3 else 0
                found.append(
                    on(day.isoformat(), known=known.isoformat(), of=f"E{n:03d}", item=item, severity=severity,
                       verified=int(rng.random() < 0.3), trade="food", number=f"n{len(found)}")
                )  # fmt: skip
        if n % 40 == 0:
            found.append(on("2024-01-01", of=f"E{n:03d}", due="2030-01-01"))
    return found


def records():
    rng = np.random.default_rng(11)
    roles = [on("2019-01-01", of=f"E{n:03d}", person=f"p{n // 2}") for n in range(200)]
    asked = [on("2023-01-01", known="2023-01-02", cell=200_002), on("2024-10-01", known="2024-11-05", cell=200_002)]
    return {"entity": entities(), "event": happenings(rng), "role": roles, "request": asked}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = shutil.copytree(SMALL, tmp_path_factory.mktemp("profiles") / "small")
    for name, table in TABLES.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(table, allow_unicode=True))
    return read_profile(str(folder))


@pytest.fixture(scope="module")
def world(place):
    return world_of(place, records())


@pytest.fixture(scope="module")
def task(place, world, tmp_path_factory):
    return Task(lake_of(place, world, tmp_path_factory.mktemp("lake")), load(place), KNOWN_BY)


@pytest.fixture(scope="module")
def sample(task, tmp_path_factory):
    return retrain.sampled(task, tmp_path_factory.mktemp("honest"), say=lambda _: None)


@pytest.fixture(scope="module")
def honest(task, sample):
    return by_code(task, sample)


def by_code(task, sample, **settings):
    found = findings(task, sample, GuardSettings(**{"pairs": 80, **settings}))
    return {one.code: one for one in found}


def failed(found):
    return {code for code, one in found.items() if one.passed is False}


def resampled(task, folder):
    """The sample of a task, made anew under whatever leaks now."""
    return retrain.sampled(task, folder, say=lambda _: None)


def rewritten(sample, folder, *, pairs=None, matrix=None):
    """A sample with other pairs or another matrix."""
    shutil.copytree(sample.folder, folder)
    pq.write_table(pairs or sample.pairs, folder / PAIRS)
    if matrix is not None:
        pq.write_table(matrix, folder / MATRIX)
    return Sample.read(folder, sample.layout)


def test_an_honest_world_passes_and_every_guard_looked_at_something(honest):
    assert failed(honest) == set()
    assert {code: one.passed for code, one in honest.items()} == dict.fromkeys(honest, True)
    assert list(honest) == [
        "open_case", "own_case", "filed_before", "foresight", "everyone", "dealt_anew", "canary", "alone",
    ]  # fmt: skip
    assert all(one.of > 100 for code, one in honest.items() if code not in {"own_case", "filed_before", "alone"})
    assert honest["own_case"].of == honest["filed_before"].of > 50
    assert honest["canary"].more["told_early"] > 100
    assert honest["everyone"].more["of_indicators"] == 6


def test_a_reader_that_does_not_ask_when_things_became_known_is_caught(task, tmp_path, monkeypatch):
    def blind(rows, clock, profile, *, since=None):
        return (rows.event_date <= clock.day) & rows.withdrawn_date.isnull()

    monkeypatch.setattr(compiling, "counted", blind)
    monkeypatch.setattr(reading, "counted", blind)
    found = by_code(task, resampled(task, tmp_path))
    assert {"foresight", "canary"} <= failed(found)
    assert found["foresight"].found > 10
    assert "events_12m" in found["canary"].more["indicators"]


def test_a_reader_that_takes_what_became_known_at_midnight_is_caught_by_the_canary_alone(task, tmp_path, monkeypatch):
    def late(rows, clock, profile, *, since=None):
        known = (rows.known_at <= clock.end) & (rows.superseded_at.isnull() | (rows.superseded_at >= clock.end))
        return known & (rows.event_date <= clock.day) & rows.withdrawn_date.isnull() & rows.repair_date.isnull()

    monkeypatch.setattr(compiling, "counted", late)
    found = by_code(task, resampled(task, tmp_path))
    assert failed(found) == {"canary"}


def test_peers_and_neighbours_that_know_the_future_are_caught(task, tmp_path, monkeypatch):
    honest_counted = Calendar.counted

    def blind(self, rows):
        ages_ago = pa.array([datetime(2000, 1, 1, tzinfo=UTC)] * rows.num_rows, rows["known_at"].type)
        return honest_counted(self, rows.set_column(rows.column_names.index("known_at"), "known_at", ages_ago))

    def unfiltered(rows, clock, profile, *, since=None):
        return rows.event_date <= clock.day

    monkeypatch.setattr(Calendar, "counted", blind)
    monkeypatch.setattr("features.spans.counted", unfiltered)
    found = by_code(task, resampled(task, tmp_path))
    assert failed(found) == {"everyone"}
    assert "bad_peers" in found["everyone"].more["indicators"]


def test_a_cell_written_by_hand_is_found(task, sample, tmp_path):
    matrix = pq.read_table(sample.folder / MATRIX)
    drawn = foresight.draw(task, sample, 80)
    place = matrix.column_names.index("events_12m")
    changed = matrix.set_column(place, "events_12m", pc.add(matrix["events_12m"], 1.0))
    found = by_code(task, rewritten(sample, tmp_path / "changed", matrix=changed))
    assert failed(found) == {"foresight"}
    assert (found["foresight"].found, found["foresight"].more["indicators"]) == (drawn.pairs.num_rows, ["events_12m"])


def with_event(world, folder, place, **fields):
    """A lake where the first event of everybody has fields it can have had only later."""
    seen, rows = set(), []
    for row in world.rows["event"]:
        rows.append({**row, **(fields if row["entity"] not in seen else {})})
        seen.add(row["entity"])
    return lake_of(place, replace(world, rows={**world.rows, "event": tuple(rows)}), folder)


@pytest.mark.parametrize("ending", ENDINGS[:2])
def test_an_ending_entered_into_the_past_is_caught(task, world, place, tmp_path, ending):
    (tmp_path / "lake").mkdir()
    edited = replace(task, lake=with_event(world, tmp_path / "lake", place, **{ending: date(2025, 6, 1)}))
    assert "foresight" in failed(by_code(edited, resampled(edited, tmp_path / "made")))


def test_a_date_that_can_only_tell_of_the_past_is_caught_where_the_profile_says_so(task, world, place, tmp_path):
    (tmp_path / "lake").mkdir()
    done = {"due": date(2019, 3, 1), "done": date(2025, 6, 1)}
    edited = replace(task, lake=with_event(world, tmp_path / "lake", place, **done))
    made = resampled(edited, tmp_path / "made")
    assert failed(by_code(edited, made)) == set()
    found = by_code(edited, made, past_only=("done",))
    assert failed(found) == {"foresight"}
    assert "overdue" in found["foresight"].more["indicators"]


def test_an_open_case_among_the_headline_pairs_is_found_in_the_records(task, sample, tmp_path):
    opened = pc.equal(sample.pairs["stratum"], OPEN_CASE)
    count = pc.sum(opened).as_py()
    place = sample.pairs.column_names.index("stratum")
    mixed = sample.pairs.set_column(place, "stratum", pa.array([HEADLINE] * sample.pairs.num_rows))
    found = by_code(task, rewritten(sample, tmp_path / "mixed", pairs=mixed))
    assert failed(found) == {"open_case"}
    assert found["open_case"].found == count > 0


def cases(place, folder, *others):
    """Sixty entities, each with a grave event known after the last date; beside them what is told of the cases."""
    happened = [on("2024-11-05", known="2024-12-01", of=f"E{n:03d}", severity=3, number=f"c{n}") for n in range(60)]
    return lake_of(place, world_of(place, {"entity": entities(), "event": [*happened, *others]}), folder)


def counted_cases(task, lake, folder, **settings):
    """The two guards of cases, on pairs of everybody on the last date."""
    folder.mkdir()
    count = lake.register().num_rows
    label = [int(n < 60) for n in range(count)]
    pairs = pa.table(
        {
            "pair": np.arange(count), "entity": pa.array(np.arange(count), pa.int32()),
            "as_of": pa.array([TESTED_ON] * count, pa.date32()), "s": np.ones(count), "stratum": [HEADLINE] * count,
            "label": pa.array(label, pa.int8()), "part": ["test"] * count,
        }
    )  # fmt: skip
    pq.write_table(pairs, folder / PAIRS)
    found = guards._own_cases(replace(task, lake=lake), Sample.read(folder, None), GuardSettings(**settings))
    return {one.code: one for one in found}


def test_cases_told_of_before_the_date_are_counted_against_a_limit(task, place, tmp_path):
    told = [on("2024-03-01", known="2024-04-01", of=f"E{n:03d}", number=f"c{n}") for n in range(6)]
    other = on("2024-03-01", known="2024-04-01", of="E007", number="c8")  # the number of somebody else's case
    lake = cases(place, tmp_path, *told, other)
    found = counted_cases(task, lake, tmp_path / "a", own_case=0.1)
    assert (found["own_case"].found, found["own_case"].of, found["own_case"].passed) == (6, 60, True)
    assert found["own_case"].more == {"named": 60, "parts": {"test": 6}}
    assert found["filed_before"].found == 0
    assert counted_cases(task, lake, tmp_path / "b", own_case=0.02)["own_case"].passed is False


def test_cases_filed_before_the_date_and_told_of_later_are_counted_apart(task, place, tmp_path):
    filed = [on("2024-09-01", known="2024-11-15", of=f"E{n:03d}", number=f"c{n}") for n in range(9)]
    lake = cases(place, tmp_path, *filed)
    found = counted_cases(task, lake, tmp_path / "a")
    assert (found["own_case"].found, found["filed_before"].found, found["filed_before"].passed) == (0, 9, True)
    assert counted_cases(task, lake, tmp_path / "b", filed_before=0.05)["filed_before"].passed is False


@pytest.mark.parametrize(
    ("count", "of", "limit", "passed"),
    [
        (4, 60, 0.05, True),  # above the limit, as chance may have it among few
        (400, 6000, 0.05, False),
        (300, 6000, 0.05, True),
        (0, 6000, 0.0, True),
        (1, 6000, 0.0, False),
    ],
)
def test_a_share_fails_when_chance_hardly_explains_it(count, of, limit, passed):
    assert guards._share("own_case", {"test": count}, of, limit=limit, more={}).passed is passed


def test_moments_dealt_anew_that_nobody_notices_fail(task, sample, monkeypatch):
    monkeypatch.setattr(foresight, "dealt_anew", lambda rows, task: rows)
    found = by_code(task, sample)
    assert failed(found) == {"dealt_anew"}


def test_an_indicator_that_is_the_outcome_is_too_good(task, sample, tmp_path):
    matrix = pq.read_table(sample.folder / MATRIX)
    label = sample.pairs["label"].cast(pa.float64())
    place = matrix.column_names.index("dirty")
    found = by_code(task, rewritten(sample, tmp_path / "told", matrix=matrix.set_column(place, "dirty", label)))
    assert {"alone", "foresight"} <= failed(found)
    assert (found["alone"].value, found["alone"].more["indicator"]) == (1.0, "dirty")


def test_what_is_not_known_may_tell_too_much_as_well(sample):
    rows = sample.rows("fit")
    place = sample.layout.columns.index("dirty")
    rows.values[:, place] = np.where(rows.label > 0, np.nan, np.arange(len(rows.label)))
    assert guards.alone(rows, sample)["dirty"] == 1.0
    rows.values[:, place] = np.where(rows.label > 0, np.nan, 0.0)
    rows.values[:5, place] = -1.0
    assert guards.alone(rows, sample)["dirty"] > 0.95


def test_the_area_under_the_curve_is_the_one_everybody_means(sample):
    from sklearn.metrics import roc_auc_score

    rows = sample.rows("fit")
    known = np.nan_to_num(rows.values[:, sample.layout.columns.index("events_12m")])
    auc = roc_auc_score(rows.label, known, sample_weight=rows.weight)
    assert guards.alone(rows, sample)["events_12m"] == pytest.approx(max(auc, 1 - auc))


def test_a_large_sample_is_thinned_by_those_without_the_outcome(sample, monkeypatch):
    rows = sample.rows("fit")
    monkeypatch.setattr(guards, "ENOUGH", 20)
    thinned = guards._thinned(rows)
    assert thinned.label.sum() == rows.label.sum()
    assert 20 <= len(thinned.label) - thinned.label.sum() < 40


def told_to(task, **settings):
    """The task of a profile whose ``model.yaml`` says something else of guards."""
    other = replace(task)
    other.__dict__["model"] = {**TABLES["model"], "guards": settings}
    return other


def test_a_failing_guard_ends_training_and_nothing_is_signed(task, sample, tmp_path, key):
    shutil.copytree(sample.folder, tmp_path / "sample")
    strict = told_to(task, pairs=40, alone=0.5)
    with pytest.raises(SchemeError, match=r"alone found [0-9]+ of [0-9]+, .* expected at most 0\.5 \([a-z0-9_]+\)"):
        retrain.retrain(strict, tmp_path, key=key, say=lambda _: None)
    assert not list(tmp_path.rglob("scheme"))


def test_findings_are_written_beside_the_scheme_and_said(task, sample, tmp_path):
    said = []
    found = guarded(task, sample, tmp_path, say=said.append)
    kept = json.loads((tmp_path / "guards.json").read_text())
    assert [one["code"] for one in kept["guards"]] == [one.code for one in found]
    assert kept["settings"]["pairs"] == 80
    assert said[-1] == "8 guards, none fails"
    assert guards.figures(found)["canary"] == {"value": 0.0, "limit": 0.0}


def test_inspections_are_guarded_pair_by_pair_at_their_own_dates(task, tmp_path, monkeypatch):
    visits = replace(task, outcome_code="found")
    made = resampled(visits, tmp_path / "made")
    found = by_code(visits, made)
    assert failed(found) == set()
    unsure = {code: one.more["why"] for code, one in found.items() if one.passed is None}
    assert unsure == dict.fromkeys(("open_case", "own_case", "filed_before"), "not_declared")
    assert found["canary"].more["told_early"] > 100
    honest = compiling.counted
    monkeypatch.setattr(
        compiling,
        "counted",
        lambda rows, clock, profile, since=None: (
            honest(rows, clock, profile) | (rows.known_at >= clock.end) & (rows.event_date <= clock.day)
        ),
    )
    assert {"foresight", "canary"} <= failed(by_code(visits, resampled(visits, tmp_path / "leaky")))


def test_what_cannot_be_told_is_said(task, sample, place, tmp_path):
    found = by_code(task, sample, everyone_rows=10)
    assert (found["everyone"].passed, found["everyone"].more["why"]) == (None, "too_large")
    own = replace(task, definitions=foresight._some(task.definitions, lambda one: one.code in {"age_months", "is_new"}))
    narrow = Sample(sample.pairs, sample.folder, replace(sample.layout, columns=own.definitions.codes))
    alone = foresight.in_own_past(foresight.draw(own, narrow, 20))
    assert guards._canary(alone).more["why"] == "nobody_reads"
    assert guards._everyone(foresight.in_common_past(foresight.draw(own, narrow, 20), 10**6), GuardSettings()).more == {
        "rows": 0,
        "of_indicators": 0,
        "why": "nobody_looks",
    }
    none = guards._cells("foresight", 0, 0, {})
    assert (none.passed, none.more["why"]) == (None, "nobody_reads")
    assert guards._dealt(replace(alone, later=0)).more == {"why": "nothing_later"}
    nobody = guards._share("own_case", {}, 0, limit=0.05, more={})
    assert (nobody.passed, nobody.more["why"]) == (None, "too_few")


def test_a_place_where_nothing_happened_yet_gets_no_answers(task, place, tmp_path):
    (tmp_path / "lake").mkdir()
    empty = replace(task, lake=lake_of(place, world_of(place, {"entity": entities()}), tmp_path / "lake"))
    found = by_code(empty, resampled(empty, tmp_path / "made"))
    assert {code: one.more.get("why") for code, one in found.items() if one.passed is None} == {
        "own_case": "too_few",
        "filed_before": "too_few",
        "dealt_anew": "nothing_later",
        "canary": "no_specimen",
        "alone": "too_few",
    }
    pairs = foresight.draw(empty, resampled(empty, tmp_path / "made"), 5).pairs
    numbered = pairs.append_column("pair", pa.array(range(pairs.num_rows)))
    nothing = own_cases(empty.knowledge, empty.outcome, empty.outcome.case, numbered)
    assert (nothing.positives, nothing.named) == (pairs.num_rows, 0)


def test_a_replay_without_a_test_part_is_guarded_on_what_it_has(task, tmp_path):
    replayed = replace(task, held_out=False)
    made = resampled(replayed, tmp_path)
    assert failed(by_code(replayed, made)) == set()
    assert set(foresight.draw(replayed, made, 20).pairs["part"].to_pylist()) == {"fit", "calibration"}


def test_too_few_with_the_outcome_tell_nothing_of_one_indicator(sample, tmp_path):
    label = np.zeros(sample.pairs.num_rows, np.int8)
    label[:2] = 1
    place = sample.pairs.column_names.index("label")
    rare = rewritten(sample, tmp_path / "rare", pairs=sample.pairs.set_column(place, "label", pa.array(label)))
    assert guards._too_good(rare, GuardSettings()).more == {"why": "too_few"}


def test_settings_that_say_something_else_are_refused(task, sample, tmp_path):
    with pytest.raises(SchemeError, match=r"model\.yaml, guards: .*expected pairs, everyone_rows"):
        GuardSettings.read({"pears": 3})
    with pytest.raises(SchemeError, match="past_only names dnoe; expected fields of record types"):
        guarded(told_to(task, past_only=["dnoe"]), sample, tmp_path, say=lambda _: None)


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ({"key": "reason"}, r"case\.key is 'reason'; expected a field of a record type in any_of \(event\)"),
        ({"key": "number", "filed": ["in_date"]}, "filed names in_date; expected dates of a record type with number"),
        ({"filed": ["happened"]}, "expected key, the field of a case's number, and filed"),
        ("number", "case is 'number'"),
    ],
)
def test_a_case_named_by_fields_nobody_has_is_refused(task, place, tmp_path, case, message):
    folder = shutil.copytree(place.folder, tmp_path / "small")
    (folder / "outcomes.yaml").write_text(yaml.safe_dump([{**TABLES["outcomes"][0], "case": case}]))
    profile = read_profile(str(folder))
    with pytest.raises(SchemeError, match=message):
        ready(profile, load(profile), read_outcomes(profile)["violation"], on=KNOWN_BY)


def test_the_same_pairs_are_drawn_again_and_half_have_the_outcome(task, sample):
    one, other = (foresight.draw(task, sample, 40) for _ in range(2))
    assert one.pairs.equals(other.pairs)
    test = one.pairs.filter(pc.equal(one.pairs["part"], "test"))
    assert pc.sum(test["label"]).as_py() >= 20
    assert set(one.pairs["part"].to_pylist()) == {"fit", "calibration", "test"}
