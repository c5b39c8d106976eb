"""A stranger's town: docked with the files of docs/docking.md alone, then every verb of the line."""

import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from io import StringIO
from pathlib import Path
from warnings import catch_warnings, simplefilter

import pytest
import yaml
from rivertown import deliver, town, write_profile

from serving import cli

COUNTS = ("accepted", "duplicate", "rejected", "unmatched")
CALIBRATION = {"n_pos", "o_e", "o_e_interval", "slope", "skill", "relative_ece"}
STATED = {"JIANWEI_NOW": "2026-01-15T09:00:00+00:00"}

DETECTED = [
    {
        "code": "found",
        "label": "六个月内查出严重违反或被投诉",
        "framing": "detected",
        "horizon_months": 6,
        "settle_days": 30,
        "lookback_months": 12,
        "any_of": [
            {"record_type": "complaint"},
            {"record_type": "inspection", "where": [["serious", ">=", 1], ["purpose", "==", "complaint"]]},
        ],
    }
]
DATES = {"fit": 4, "calibration": 2, "test": 1, "step_months": 6, "gap_months": 6}


@dataclass(frozen=True)
class Said:
    """What a verb answered."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """The one document on stdout."""
        assert self.code == 0, self.err
        return json.loads(self.out)


@dataclass(frozen=True)
class Docked:
    """A profile folder with its home, worked on through the command line."""

    profile: Path
    root: Path

    def run(self, *words):
        """What ``jianwei --profile FOLDER WORDS`` answers, run in this process."""
        out, err, code = StringIO(), StringIO(), 0
        stated = STATED | {"JIANWEI_HOME": str(self.root / "var"), "JIANWEI_MLRUNS": str(self.root / "mlruns")}
        with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch, catch_warnings():
            simplefilter("ignore", DeprecationWarning)  # what MLflow and SQLAlchemy say of each other
            for name, value in stated.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["jianwei", "--profile", str(self.profile), *map(str, words)])
            try:
                cli.main()
            except SystemExit as end:
                code = int(end.code or 0)
        return Said(code, out.getvalue(), err.getvalue())

    @cached_property
    def answers(self):
        """The answers of the whole line, in the order of the page."""
        steps = {
            "matrix": ("matrix", "--as-of", "2025-12-31"),
            "train": ("train",),
            "evaluate": ("evaluate",),
            "first": ("keys", "create", "first"),
            "second": ("keys", "create", "second"),
            "propose": ("promote", "propose", "--as", "first", "--reason", "the town draws no lots"),
            "approve": ("promote", "approve", "--as", "second"),
            "before": ("month", "2025-11"),
            "month": ("month", "2025-12"),
            "export": ("export", "--month", "2025-12", "--class", "D", "--limit", "5"),
            "explain": ("explain", "L-1042", "--month", "2025-12"),
            "status": ("status", "--verify"),
        }
        return {name: self.run(*words, "--json").json for name, words in steps.items()}


@pytest.fixture(scope="module")
def rivertown(tmp_path_factory):
    """Rivertown with seven years of its tables taken in, and what intake said of them."""
    with catch_warnings():
        simplefilter("ignore")  # what MLflow says of its own type hints on import
        import_module("mlflow.pyfunc")
    root = tmp_path_factory.mktemp("docked")
    place = Docked(write_profile(root / "rivertown"), root)
    folders = [deliver(table, root / "deliveries" / table.source) for table in town()]
    return place, folders, place.run("intake", *folders, "--json").json


@pytest.fixture
def edited(rivertown, tmp_path):
    """The same home, worked on with a changed copy of the profile."""
    place = rivertown[0]

    def edit(file, *, old="", new="", gone=False):
        profile = write_profile(tmp_path / "rivertown")
        path = profile / file
        if gone:
            path.unlink()
        else:
            text = path.read_text(encoding="utf-8")
            assert old in text
            path.write_text(text.replace(old, new) if old else new, encoding="utf-8")
        return Docked(profile, place.root)

    return edit


def test_every_row_the_town_sent_is_accounted_for_and_a_second_intake_brings_duplicates(rivertown):
    place, folders, receipts = rivertown
    for receipt in receipts:
        assert receipt["sent"] == sum(receipt[name] for name in COUNTS) == receipt["accepted"] > 0
    assert any("Inspector's note" in warning for warning in receipts[0]["warnings"])
    again = place.run("intake", *folders, "--json").json
    assert [one["duplicate"] for one in again] == [one["sent"] for one in receipts]


def test_the_indicators_of_the_page_have_values_for_nearly_everyone(rivertown):
    place = rivertown[0]
    listed = {one["code"] for one in place.run("indicators", "list", "--json").json}
    columns = place.answers["matrix"]["columns"]
    assert set(columns) == listed
    assert all(column["null_share"] < 0.5 for column in columns.values())
    assert columns["serious_24m"]["mean"] > 0


def test_the_scheme_is_judged_by_kind_without_draws_and_without_an_oracle(rivertown):
    found = rivertown[0].answers["evaluate"]
    assert set(found["calibration"]) == {"shop", "stall"}
    assert all(set(kind) >= CALIBRATION and kind["n_pos"] > 0 for kind in found["calibration"].values())
    assert (found["random_draw"], found["oracle"]) == ({}, None)
    checks = {check["code"]: check["passed"] for check in found["gate"]["checks"]}
    assert (checks["EV020"], checks["EV040"], checks["EV041"]) == (True, None, None)
    assert found["gate"]["verdict"] in {"promote", "review"}
    assert Path(found["report"]).is_file()


def test_two_people_promote_it_and_two_months_are_classified_whole(rivertown):
    answers = rivertown[0].answers
    assert [(month["month"], sum(month["classes"].values())) for month in answers["status"]["months"]] == [
        ("2025-11", sum(answers["before"]["classes"].values())),
        ("2025-12", sum(answers["month"]["classes"].values())),
    ]
    assert all(count > 0 for count in answers["month"]["classes"].values())
    assert answers["month"]["counts"]["not_classified"] == {"closed": sum(1 for _ in town()[3].rows)}
    champion = answers["status"]["champion"]
    assert (champion["proposed_by"], champion["approved_by"]) == ("first", "second")
    assert answers["status"]["verified"]["faults"] == []


def test_the_riskiest_have_more_serious_violations_and_an_explanation_adds_up_in_english(rivertown):
    place = rivertown[0]
    riskiest = place.answers["export"]["entities"]
    assert [one["class"] for one in riskiest] == ["D"] * 5
    found = place.answers["explain"]
    assert abs(found["base"] + sum(found["contributions"].values()) - found["margin"]) < 1e-9
    assert "exposure" in found["contributions"]
    assert all(reason["text_en"] for reason in found["reasons"])
    shown = place.run("explain", riskiest[0]["entity"], "--month", "2025-12").out
    assert found["notice_en"].split()[0] in shown


def test_what_is_found_within_six_months_can_be_foreseen_instead(edited):
    place = edited("outcomes.yaml", new=yaml.safe_dump(DETECTED, allow_unicode=True))
    path = place.profile / "model.yaml"
    model = yaml.safe_load(path.read_text(encoding="utf-8"))
    earliest = model.pop("periods")["since"]
    model["dates"] = DATES | {"earliest": earliest}
    path.write_text(yaml.safe_dump(model), encoding="utf-8")
    trained = place.run("train", "--json").json
    assert all(trained["parts"][part]["positives"] > 30 for part in ("fit", "calibration", "test"))
    found = place.run("evaluate", "--json").json
    assert set(found["calibration"]) == {"shop", "stall"}
    assert (found["random_draw"], found["oracle"]) == ({}, None)
    assert found["gate"]["verdict"] in {"promote", "review", "reject"}


TRAINING_FAULTS = [
    ("model.yaml", "", None, 2, "model.yaml does not exist"),
    ("model.yaml", "periods:", "period:", 20, "periods is missing"),
    ("model.yaml", "since: 2021-01-01", "since: soon", 20, "expected a date"),
    ("model.yaml", "since: 2021-01-01", "since: 2024-06-01", 20, "leave no time to fit"),
    ("model.yaml", "  leaves: 8\n", "", 20, "leaves"),
    ("outcomes.yaml", "record_type: inspection", "record_type: visit", 20, "'visit' is not a record type"),
    ("outcomes.yaml", '[serious, ">=", 1]', '[grave, ">=", 1]', 20, "no field 'grave'"),
    ("outcomes.yaml", '"==", routine', '"==", Programmed', 20, "expected codes of purposes: routine, complaint"),
    ("outcomes.yaml", '">=", 1]', '">=", many]', 20, "expected a value of type int"),
    ("outcomes.yaml", '">=", 1]', '">=", 999]', 20, "0 of "),
    ("outcomes.yaml", "list: teams", "list: crews", 20, "'crews', which does not exist"),
    ("outcomes.yaml", "field: team", "field: crew", 20, "no field 'crew'"),
    ("outcomes.yaml", "", "[]", 20, "expected at least one"),
    ("rules.yaml", "[[serious_24m", "[[serious_36m", 20, "serious_36m is no indicator"),
    ("steadiness.yaml", "record_type: complaint", "record_type: complain", 20, "'complain' is not a record type"),
    ("classes.yaml", "      stall:", "      kiosk:", 20, "kind stall"),
    ("classes.yaml", "since: 2019-01-01", "since: 2027-01-01", 2, "0 dated values are in force"),
    ("indicators/supervision.py", 'sum("serious")', 'sum("grave")', 2, "no field 'grave'"),
    ("codelists/teams.yaml", "", None, 2, "code list 'teams', which does not exist"),
    ("catalogue/entity.yaml", "", None, 2, "no record type entity"),
    ("codelists/kinds.yaml", "{code: stall", "{code: kiosk", 2, "kind stall"),
    ("profile.yaml", "field: status", "field: state", 2, "no field 'state'"),
]


@pytest.mark.parametrize(("file", "old", "new", "code", "says"), TRAINING_FAULTS)
def test_a_file_that_is_missing_or_names_what_is_not_there_is_named_and_nothing_is_trained(
    edited, file, old, new, code, says
):
    said = edited(file, old=old, new=new or "", gone=new is None).run("train", "--json")
    assert (said.code, said.out) == (code, "")
    words = " ".join(said.err.split())
    assert says in words
    assert Path(file).name in words or "profile rivertown" in words.lower() or says == "0 of "


INTAKE_FAULTS = [
    ("mappings/inspections.yaml", "", None, "mapping is 'inspections'"),
    ("mappings/inspections.yaml", "team: Team", "crew: Team", "names crew"),
    ("mappings/inspections.yaml", "", "columns: [Date]", "not written as ours: theirs"),
]


@pytest.mark.parametrize(("file", "old", "new", "says"), INTAKE_FAULTS)
def test_a_mapping_that_does_not_fit_refuses_the_delivery_whole(edited, rivertown, file, old, new, says):
    said = edited(file, old=old, new=new or "", gone=new is None).run("intake", rivertown[1][1], "--json")
    assert said.code == 10
    assert json.loads(said.out)["refused"] == "mapping_unknown"
    assert says in " ".join(said.err.split())


def test_a_mapping_that_names_a_column_the_table_lacks_rejects_the_rows_and_says_which_is_left_out(edited, tmp_path):
    place = edited("mappings/inspections.yaml", old="serious: Serious", new="serious: Grave")
    fresh = Docked(place.profile, tmp_path)
    folders = [deliver(table, tmp_path / table.source) for table in town(count=30)[:2]]
    found = fresh.run("intake", *folders, "--json").json[1]
    assert found["rejected"] == found["sent"] > 0
    assert set(found["rejects"]) == {"required_missing"}
    assert any("Serious" in warning for warning in found["warnings"])
    assert any("Grave" in warning for warning in found["warnings"])


def test_a_folder_without_a_manifest_is_refused(rivertown, tmp_path):
    said = rivertown[0].run("intake", tmp_path, "--json")
    assert (said.code, json.loads(said.out)["refused"]) == (10, "manifest_missing")


def test_a_month_before_anything_was_in_force_is_not_published(rivertown):
    place = rivertown[0]
    assert place.answers["status"]
    said = place.run("month", "2018-01", "--json")
    assert (said.code, said.out) == (2, "")
    assert "in force on 2018-01-31" in " ".join(said.err.split())
