import json
import shutil
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from world import SMALL, lake_of, world_of

from features.indicators.catalogue import load
from features.indicators.language import on
from features.profile import read_profile
from training import fit
from training.figures import by_part
from training.outcomes import read_outcomes
from training.readiness import ready
from training.registry import aliases
from training.retrain import cut, labelled, logged, retrain
from training.rivals import rival_scores
from training.sample import Sample
from training.scheme import Scheme, SchemeError
from training.task import Task

KNOWN_BY = date(2025, 12, 31)
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
            "controls": ["visits_12m"],
        },
        {
            "code": "found",
            "label": "查实",
            "framing": "given_inspection",
            "event": {"record_type": "event", "where": [["item", "==", "I3"]]},
            "positive": [["verified", "==", 1]],
            "controls": [],
            "event_controls": [{"field": "trade", "list": "trades"}],
        },
    ],
    "model": {
        "sample": {"rate": 0.5, "seed": "small", "not_trained": []},
        "dates": {
            "fit": 3, "calibration": 1, "test": 1, "step_months": 6, "gap_months": 12, "earliest": date(2020, 6, 30),
        },
        "periods": {"since": date(2021, 1, 1), "calibration_months": 18, "test_months": 12},
        "trees": {
            "count": 20, "seeds": [1], "learning_rate": 0.1, "depth": 3, "leaves": 8, "min_rows": 10,
            "feature_share": 0.8, "row_share": 1.0, "l2": 1.0, "monotone_method": "basic",
        },
        "calibration": {"min_positives": 20},
        "logistic": {"strength": 0.1},
    },
    "rules": [
        {"code": "H1", "label": "列入", "when": [["listed_now", ">=", 1]], "at_least": "D", "basis": "条例",
         "since": date(2020, 1, 1)},
    ],
    "classes": {"targets": [{"since": date(2020, 1, 1), "kinds": {"shop": SHARES, "stall": SHARES}}]},
    "steadiness": [{"since": date(2020, 1, 1), "margin": 0.1, "steps_better": 1, "adverse": []}],
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = shutil.copytree(SMALL, tmp_path_factory.mktemp("profiles") / "small")
    for name, table in TABLES.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(table, allow_unicode=True))
    return read_profile(str(folder))


@pytest.fixture(scope="module")
def lake(place, tmp_path_factory):
    """500 entities whose conduct differs: the worse it is, the more events of all sorts they have."""
    rng = np.random.default_rng(3)
    conduct = rng.normal(0, 1, 500)
    registered, happened, listed = [], [], []
    for number, worse in enumerate(conduct):
        name = f"E{number:03d}"
        kind = "shop" if number % 3 else "stall"
        registered.append(on("2019-01-01", of=name, kind=kind, trade="food" if number % 2 else "tools"))
        for item, rate in (("I2", 0.9 * np.exp(worse)), ("I3", 1.0)):
            for _ in range(rng.poisson(rate * 7)):
                day = date(2019, 1, 1) + timedelta(days=int(rng.integers(0, 2550)))
                known = day + timedelta(days=int(rng.integers(0, 40)))
                trade = "food" if rng.random() < 0.5 else "tools"
                bad = int(rng.random() < 1 / (1 + np.exp(1.5 - worse - (trade == "food"))))
                severity = int(rng.integers(2, 5)) if item == "I2" and rng.random() < 0.15 else 0
                happened.append(on(day.isoformat(), known=known.isoformat(), of=name, item=item, severity=severity,
                                   verified=bad, trade=trade))  # fmt: skip
        if number % 40 == 0:
            listed.append(on("2025-06-01", of=name))
            happened.append(on("2024-01-01", of=name, due="2030-01-01"))
    records = {"entity": registered, "event": happened, "listing": listed}
    return lake_of(place, world_of(place, records), tmp_path_factory.mktemp("lake"))


@pytest.fixture(scope="module")
def task(lake, place):
    return Task(lake, load(place), KNOWN_BY)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("training")


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def made(task, home, key, told):
    return retrain(task, home, key=key, say=told.append)


def test_a_trained_scheme_is_signed_and_names_what_it_was_made_from(made, key, task):
    scheme = Scheme.load(made.folder, key.public_key())
    assert scheme.digest == made.digest
    assert scheme.controls == ("visits_12m",)
    assert "visits_12m" not in scheme.features
    assert scheme.definitions == task.definitions.digest
    assert (scheme.version, scheme.system.digest) == (None, task.definitions.digest)
    assert "query-event.sql" in scheme.carried
    assert scheme.training["as_of"]["test"] == ["2024-10-31"]
    assert scheme.training["lake"] == task.lake.digest(KNOWN_BY)


def test_it_orders_entities_it_never_saw_labels_of(made):
    figures = made.figures["parts"]
    assert figures["test"]["auc"] > 0.6
    assert figures["test"]["ap"] > figures["test"]["rate"]
    assert set(figures["fit"]["kinds"]) == {"shop", "stall"}


def test_open_cases_stand_apart(made):
    scored = pq.read_table(made.scored).to_pylist()
    apart = [row for row in scored if row["stratum"] == "open_case"]
    assert {row["as_of"] for row in apart} == {date(2024, 10, 31)}
    assert len(apart) == made.figures["parts"]["test"]["open_cases"] == 13


def test_shares_after_rules_meet_their_targets(made):
    shares = made.figures["training"]["shares"]["shop"]
    assert shares["A"] == pytest.approx(0.6, abs=0.02)
    assert shares["D"] == pytest.approx(0.04, abs=0.02)


def test_a_sector_trains_on_those_who_belong_with_its_own_outcome(place, lake, made, tmp_path, key):
    own = TABLES["outcomes"][0] | {"code": "dirt", "controls": ["visits_12m"]}
    folder = shutil.copytree(place.folder, tmp_path / "small")
    (folder / "sectors" / "kitchens" / "outcomes.yaml").write_text(yaml.safe_dump([own], allow_unicode=True))
    sector = read_profile(str(folder), "kitchens")
    task = Task(replace(lake, profile=sector), load(sector), KNOWN_BY)
    found = retrain(task, tmp_path / "dirt", key=key, say=lambda line: None)
    scheme = Scheme.load(found.folder, key.public_key())
    assert (scheme.profile, scheme.outcome, scheme.controls) == ("small-kitchens", "dirt", ("visits_12m",))
    assert set(scheme.features) == {"age_months", "worst_24m", "listed_now", "overdue", "bad_peers", "dirt_24m"}
    members = {number for number in range(500) if number % 2}
    scored = pq.read_table(found.scored)
    assert set(scored["entity"].to_pylist()) <= members
    whole = pq.read_table(made.scored)
    assert not set(whole["entity"].to_pylist()) <= members
    assert found.figures["parts"]["test"]["auc"] > 0.6


def test_a_sector_foresees_what_happens_to_those_who_belong_not_visits(place, tmp_path):
    folder = shutil.copytree(place.folder, tmp_path / "small")
    sector = read_profile(str(folder), "kitchens")
    with pytest.raises(SchemeError, match="a sector trains on those who belong to it on a date"):
        ready(sector, load(sector), read_outcomes(sector)["found"], on=KNOWN_BY)


def test_progress_is_told(told, made):
    assert any("positive" in line for line in told)
    assert told[-1].startswith(f"scheme {made.digest[:12]}")


def test_a_trained_scheme_is_logged_with_settings_figures_and_plots(task, made, store, key):
    import mlflow

    registered = logged(task, made, store, verify_key=key.public_key())
    run = mlflow.MlflowClient(f"sqlite:///{store / 'mlflow.db'}").get_run(registered.run_id)
    assert registered.model == "jianwei-small"
    assert run.data.params["trees.count"] == "20"
    assert run.data.metrics["test.auc"] == pytest.approx(made.figures["parts"]["test"]["auc"])
    assert run.data.tags["lake_digest"] == task.lake.digest(KNOWN_BY)
    assert aliases(store, "jianwei-small") == {"challenger": registered.version}
    kept = {path.name for path in store.rglob(f"{registered.run_id}/artifacts/*")}
    assert kept == {"indicators.png", "calibration.png", "margins.png", "metrics.json", "guards.json"}
    assert run.data.metrics["guards.canary"] == 0.0
    assert run.data.metrics["guards.dealt_anew"] > 0


def test_the_same_task_repeats_nothing(task, home, key, made):
    said = []
    again = retrain(task, home, key=key, say=said.append)
    assert said == []
    assert again == made


def test_the_same_inputs_give_the_same_bytes_elsewhere(task, tmp_path, key, made):
    other = retrain(replace(task, engine="duckdb"), tmp_path, key=key, say=lambda _: None)
    assert other.digest == made.digest
    for path in made.folder.iterdir():
        assert path.read_bytes() == (other.folder / path.name).read_bytes()
    assert pq.read_table(other.scored).equals(pq.read_table(made.scored))


def test_another_key_signs_again_without_another_matrix(task, home, made, tmp_path):
    shutil.copytree(home, tmp_path / "copy")
    said = []
    other = retrain(task, tmp_path / "copy", key=Ed25519PrivateKey.generate(), say=said.append)
    assert other.digest == made.digest
    assert not [line for line in said if "matrix" in line]


def test_a_version_given_to_the_indicators_is_stated_without_another_matrix(task, home, key, made, tmp_path):
    shutil.copytree(home, tmp_path / "again")
    again = retrain(replace(task, version="2026.1"), tmp_path / "again", key=key, say=lambda line: None)
    scheme = Scheme.load(again.folder, key.public_key())
    assert (scheme.version, scheme.definitions) == ("2026.1", task.definitions.digest)
    assert again.digest != made.digest
    kept, new = (folder / "sample" / "matrix.parquet" for folder in (home, tmp_path / "again"))
    assert new.stat().st_mtime_ns == kept.stat().st_mtime_ns


def test_a_replay_of_the_past_keeps_no_test_part_and_uses_later_dates(task):
    pairs = labelled(replace(task, held_out=False), lambda _: None)
    assert set(pairs["part"].to_pylist()) == {"fit", "calibration"}
    assert max(pairs["as_of"].to_pylist()) == date(2024, 10, 31)


def test_an_outcome_nobody_defined_is_refused(task):
    with pytest.raises(SchemeError, match="No outcome 'fire'"):
        labelled(replace(task, outcome_code="fire"), lambda _: None)


def test_bins_for_a_unit_no_indicator_has_are_refused(place, tmp_path):
    folder = shutil.copytree(place.folder, tmp_path / "small")
    model = TABLES["model"] | {"trees": TABLES["model"]["trees"] | {"bins": {"month": 8, "moon": 4}}}
    (folder / "model.yaml").write_text(yaml.safe_dump(model))
    profile = read_profile(str(folder))
    definitions, outcome = load(profile), read_outcomes(profile)["violation"]
    with pytest.raises(SchemeError, match="bins names the units moon; expected units of indicators"):
        ready(profile, definitions, outcome, on=KNOWN_BY)


def test_nobody_in_scope_on_the_reference_month_is_refused(place, tmp_path, made, key):
    empty = Task(lake_of(place, world_of(place, {}), tmp_path), load(place), KNOWN_BY)
    with pytest.raises(SchemeError, match="Nobody was in scope"):
        cut(empty, Scheme.load(made.folder, key.public_key()))


@pytest.fixture(scope="module")
def visits(task, tmp_path_factory, key):
    """The inspection outcome, trained: its task, its home, its scheme."""
    at_visits = replace(task, outcome_code="found")
    folder = tmp_path_factory.mktemp("visits")
    found = retrain(at_visits, folder, key=key, say=lambda _: None)
    return at_visits, folder, Scheme.load(found.folder, key.public_key())


def test_inspections_are_foreseen_with_the_visitor_averaged(visits):
    _, folder, scheme = visits
    assert scheme.controls == ("event_trade",)
    assert "trade" in scheme.features
    assert len(scheme.training["as_of"]["test"]) == 2
    assert json.loads((folder / "made/scheme/reference.json").read_text())["names"] == ["event_trade"]


def test_a_replay_of_inspections_ends_with_its_calibration(visits):
    pairs = labelled(replace(visits[0], held_out=False), lambda _: None)
    assert set(pairs["part"].to_pylist()) == {"fit", "calibration"}
    assert pairs["as_of"].to_pylist()[-1] < KNOWN_BY


def test_a_part_without_headline_pairs_has_no_figures(made):
    scored = pq.read_table(made.scored)
    assert set(by_part(scored.filter(pc.not_equal(scored["part"], "test")), ("shop", "stall"))) == {
        "fit",
        "calibration",
    }


def test_only_the_score_that_knows_the_visitor_moves_with_the_visitor(visits):
    task, folder, _ = visits
    sample = Sample.read(folder / "sample", fit.layout(task.definitions, task.outcome))
    rows = sample.rows("test")
    scores = rival_scores(task, sample.rows("fit"), rows, sample.layout)
    other = replace(rows, controls=1 - np.nan_to_num(rows.controls))
    moved = rival_scores(task, sample.rows("fit"), other, sample.layout)
    same = [name for name in scores if np.array_equal(scores[name], moved[name])]
    assert same == ["planned", "no_control", "logistic", "lightgbm", "forest"]


def test_what_every_second_booster_learns_is_marked_in_the_fit_part_alone(task, place, tmp_path):
    wider = {
        **TABLES["outcomes"][0],
        "code": "any",
        "any_of": [{"record_type": "event", "where": [["item", "==", "I2"]]}],
    }
    outcomes = [{**TABLES["outcomes"][0], "learns_from": "any"}, wider]
    folder = shutil.copytree(place.folder, tmp_path / "small")
    (folder / "outcomes.yaml").write_text(yaml.safe_dump(outcomes, allow_unicode=True))
    profile = read_profile(str(folder))
    widened = Task(replace(task.lake, profile=profile), load(profile), KNOWN_BY)
    pairs, alone = (labelled(one, lambda _: None).to_pandas() for one in (widened, task))
    fitted = pairs["part"] == "fit"
    assert (pairs["learned"] >= pairs["label"]).all()
    assert pairs.loc[fitted, "learned"].sum() > 2 * pairs.loc[fitted, "label"].sum()
    assert (pairs.loc[~fitted, "learned"] == pairs.loc[~fitted, "label"]).all()
    assert (pairs.loc[pairs["learned"] == 1, "s"] == 1.0).all()  # whoever is learned from stays
    same = ["entity", "as_of", "s", "stratum", "label", "part"]
    assert (
        pairs.loc[~fitted, same]
        .reset_index(drop=True)
        .equals(alone.loc[alone["part"] != "fit", same].reset_index(drop=True))
    )
    assert (alone["learned"] == alone["label"]).all()
