"""Two versions of a town's indicators: drafted, trained on, judged, published; a month stays with its own."""

import json
import shutil
from datetime import date
from importlib import import_module
from pathlib import Path
from warnings import catch_warnings, simplefilter

import pytest
import yaml
from rivertown import deliver, town, write_profile
from test_docking_line import STATED, Docked

from evaluation import gate
from features import steps

FIRST = ("--version", "2025.1", "--effective", "2025-11", "--author", "ann", "--reason", "as docked")
SECOND = ("--version", "2025.2", "--effective", "2025-12", "--author", "ann", "--reason", "a shorter memory")
PROMOTION = ("--as", "ann", "--reason", "the town draws no lots")
EDITS = (
    ("indicators/supervision.py", "within(months=24).sum", "within(months=12).sum"),
    ("indicators/basic.py", 'code="months_open"', 'code="age_months"'),
)


def answer(place, *words):
    """The one document of a verb that ends well."""
    return place.run(*words, "--json").json


def promote(place):
    answer(place, "evaluate")
    answer(place, "promote", "propose", *PROMOTION)
    return answer(place, "promote", "approve", "--as", "bob")


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """The town with a version published, a scheme trained on it made champion, and a month published. Read only."""
    with catch_warnings():
        simplefilter("ignore")  # what MLflow says of its own type hints on import
        import_module("mlflow.pyfunc")
    root = tmp_path_factory.mktemp("first")
    place = Docked(write_profile(root / "rivertown"), root)
    answer(place, "intake", *(deliver(table, root / "deliveries" / table.source) for table in town()))
    for person in ("ann", "bob"):
        answer(place, "keys", "create", person)
    answer(place, "indicators", "draft", *FIRST)
    answer(place, "train")
    answer(place, "evaluate")
    too_soon = place.run("promote", "propose", *PROMOTION)
    assert (too_soon.code, too_soon.out) == (30, "")
    assert "version 2025.1, which is draft; expected a published version" in " ".join(too_soon.err.split())
    answer(place, "indicators", "impact", "2025.1")
    answer(place, "indicators", "review", "2025.1", "--as", "ann")
    answer(place, "indicators", "publish", "2025.1", "--as", "bob")
    promote(place)
    answer(place, "month", "2025-11")
    return place


def twin(place, root):
    shutil.copytree(place.root, root)
    return Docked(root / "rivertown", root)


def edited(place):
    for name, old, new in EDITS:
        path = place.profile / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def plain(first, tmp_path_factory):
    """A copy of the town in which the profile stays as it was."""
    return twin(first, tmp_path_factory.mktemp("plain") / "town")


@pytest.fixture(scope="module")
def second(first, tmp_path_factory):
    """A copy of the town whose profile has another window and a renamed indicator."""
    return edited(twin(first, tmp_path_factory.mktemp("second") / "town"))


def asked(place, *, between, shadow):
    """How long a champion stays, and how long its successor is watched, as the town would ask for it."""
    row = {"since": "2020-01-01", "until": None, "basis": "the town", "months_between_champions": between}
    path = place.profile / "promotion.yaml"
    path.write_text(json.dumps([{**row, "months_in_shadow": shadow}]).replace('"2020-01-01"', "2020-01-01"))


def months(place):
    folder = place.root / "var" / "rivertown" / "months"
    return {str(path.relative_to(folder)): steps.file_digest(path) for path in sorted(folder.rglob("*.*"))}


def test_every_result_names_its_version(first):
    stated = answer(first, "indicators", "versions")["present"]
    assert stated["version"] == "2025.1"
    riskiest = answer(first, "export", "--limit", "1")
    explained = answer(first, "explain", riskiest["entities"][0]["entity"])
    status = answer(first, "status", "--verify")
    assert answer(first, "matrix", "--as-of", "2025-12-31")["indicators"] == stated
    assert answer(first, "evaluate")["indicators"] == stated
    assert riskiest["indicators"] == explained["indicators"] == stated
    assert status["months"][0]["indicators"] == status["champion"]["indicators"] == stated
    assert status["indicators"][0]["state"] == "published"
    assert status["verified"]["faults"] == []
    for words in (("status",), ("export", "--limit", "1"), ("explain", riskiest["entities"][0]["entity"])):
        assert "2025.1" in first.run(*words).out


def test_a_month_has_the_same_bytes_whatever_the_profile_says_by_then(plain, second):
    for place in (plain, second):
        assert answer(place, "month", "2025-12")["indicators"]["version"] == "2025.1"
    assert months(plain) == months(second)
    assert answer(second, "status", "--verify")["verified"]["faults"] == []


def test_the_difference_is_told_between_versions_profiles_and_the_present(first, second):
    found = answer(second, "indicators", "diff", "2025.1", "present")
    assert (found["added"], found["removed"]) == (["age_months"], ["months_open"])
    assert [(one["of"], one["field"]) for one in found["changed"]] == [("serious_24m", "value")]
    assert "months=24" in found["changed"][0]["old"]
    assert "months=12" in found["changed"][0]["new"]
    assert answer(second, "indicators", "diff", str(first.profile), "2025.1")["same"]
    shown = second.run("indicators", "diff", "2025.1", "present").out
    assert "months_open" in shown
    said = second.run("indicators", "diff", "2025.1", "2030.1")
    assert (said.code, said.out) == (30, "")
    assert "'2030.1' is no version of the indicators; there are 2025.1" in " ".join(said.err.split())


def test_a_second_version_is_judged_on_past_months_before_a_second_person_publishes_it(second):
    assert second.run("indicators", "draft", *FIRST).code == 30
    assert answer(second, "indicators", "draft", *SECOND)["state"] == "draft"
    untrained = answer(second, "indicators", "impact", "2025.2")
    assert untrained["migration"]["missing"].startswith("no scheme was trained on these definitions")
    changes = {one["code"]: one["change"] for one in untrained["indicators"]}
    assert changes["age_months"] == "added"
    assert changes["months_open"] == "removed"
    assert changes["serious_24m"] == "changed"
    assert changes["complaints_decayed"] == "kept"
    serious = next(one for one in untrained["indicators"] if one["code"] == "serious_24m")
    assert 0 < serious["values_changed"] < 1
    assert serious["lift"] > 1
    assert serious["before"]["lift"] > 1
    assert 0.99 < serious["coverage"] <= 1.0

    answer(second, "indicators", "review", "2025.2", "--as", "ann")
    said = second.run("indicators", "publish", "2025.2", "--as", "bob")
    assert (said.code, said.out) == (30, "")
    assert "compares no month's classes with those of the champion" in " ".join(said.err.split())

    answer(second, "train")
    trained = answer(second, "indicators", "impact", "2025.2", "--month", "2025-10", "--month", "2025-12")
    assert [one["month"] for one in trained["migration"]["months"]] == ["2025-10", "2025-12"]
    for one in trained["migration"]["months"]:
        moved = sum(count for row in one["moves"].values() for count in row.values())
        assert moved == one["entities"] > 500
        assert 0.5 < one["unchanged"] < 1
    shown = second.run("indicators", "impact", "2025.2").out
    assert "classes under the champion (rows) and under the version" in " ".join(shown.split())

    said = second.run("indicators", "publish", "2025.2", "--as", "ann")
    assert (said.code, said.out) == (30, "")
    assert answer(second, "indicators", "publish", "2025.2", "--as", "bob")["state"] == "published"
    path = Path(trained["report"])
    path.unlink()
    answer(second, "indicators", "retire", "2025.1", "--as", "bob", "--reason", "followed by 2025.2")
    states = {one["version"]: one["state"] for one in answer(second, "indicators", "versions")["versions"]}
    assert states == {"2025.1": "retired", "2025.2": "published"}
    assert "2025.2" in second.run("indicators", "versions").out


def test_a_verdict_is_acted_on_only_while_its_thresholds_are_in_force(second, tmp_path, monkeypatch):
    answer(second, "train")
    made = Path(answer(second, "evaluate")["report"]).parent / "step.json"
    first = made.stat().st_mtime_ns
    rules = gate.read_gate()
    (auc,) = (row for row in rules["checks"] if row["code"] == "EV020")
    (rule,) = auc["thresholds"]
    auc["thresholds"] = [{**rule, "until": date(2026, 1, 31)}, {**rule, "since": date(2026, 2, 1), "value": 0.56}]
    path = tmp_path / "gate.yaml"
    path.write_text(yaml.safe_dump(rules), encoding="utf-8")
    monkeypatch.setattr(gate, "GATE", path)
    answer(second, "evaluate")
    assert made.stat().st_mtime_ns == first  # of today nothing changed
    monkeypatch.setitem(STATED, "JIANWEI_NOW", "2026-02-02T09:00:00+00:00")
    said = second.run("promote", "propose", *PROMOTION)
    assert (said.code, said.out) == (30, "")
    assert "in force on 2026-02-02; changed: EV020. Nothing was recorded" in " ".join(said.err.split())
    again = {one["code"]: one for one in answer(second, "evaluate")["gate"]["checks"]}
    assert again["EV020"]["threshold"] == 0.56


def test_a_champion_of_the_first_version_is_judged_on_its_own_indicators_and_followed(second):
    answer(second, "train")
    before = answer(second, "status")["champion"]
    answer(second, "evaluate")
    asked(second, between=3, shadow=1)
    said = second.run("promote", "propose", *PROMOTION)
    assert (said.code, said.out) == (30, "")
    assert "expected at least 3 months, until" in " ".join(said.err.split())
    asked(second, between=0, shadow=1)
    said = second.run("promote", "propose", *PROMOTION)
    assert "in 0 months (none); expected 1" in " ".join(said.err.split())
    found = answer(second, "promote", "shadow", "2025-12", "--as", "ann")
    assert (found["action"], found["by"], found["month"]) == ("promotion.shadowed", "ann", "2025-12")
    assert found["migration"]["entities"] > 500
    assert 0.5 < found["migration"]["unchanged"] < 1
    assert found["calm"]["entities"] <= found["migration"]["entities"]
    shown = " ".join(second.run("promote", "shadow", "2025-11", "--as", "ann").out.split())
    assert "nothing new known" in shown
    assert "2025-11 does not count as a month in the shadow: the scheme's records were known by 2025-12-31" in shown
    said = " ".join(second.run("promote", "propose", *PROMOTION).err.split())
    assert "in 0 months (none); expected 1 that end after 2025-12-31" in said
    assert "(2025-11, 2025-12 does not count: it may have learned from it)" in said

    answer(second, "train", "--known-by", "2025-10-31")
    answer(second, "evaluate")
    seen = answer(second, "promote", "shadow", "2025-11", "--as", "ann")
    assert (seen["known_by"], seen["unseen"], found["unseen"]) == ("2025-10-31", True, False)
    answer(second, "promote", "propose", *PROMOTION)
    answer(second, "promote", "approve", "--as", "bob")
    answer(second, "train")
    said = " ".join(second.run("promote", "propose", *PROMOTION).err.split())
    assert f"holds it against champion {before['scheme'][:12]}; champion is {seen['scheme'][:12]}" in said
    assert "run jianwei evaluate again" in said
    found = answer(second, "status")["champion"]
    assert (before["indicators"]["version"], found["indicators"]["version"]) == ("2025.1", "2025.2")
    corrected = answer(second, "month", "2025-12", "--correction", "the second version")
    assert corrected["indicators"]["version"] == "2025.2"
    said = second.run("month", "2025-11", "--correction", "before its time")
    assert (said.code, said.out) == (30, "")
    assert "version 2025.2 of the indicators, in effect from 2025-12" in " ".join(said.err.split())
    code = answer(second, "export", "--month", "2025-11", "--limit", "1")["entities"][0]["entity"]
    assert answer(second, "explain", code, "--month", "2025-11")["indicators"]["version"] == "2025.1"


def test_a_version_without_an_impact_report_is_not_published(first, tmp_path):
    place = edited(twin(first, tmp_path / "town"))
    answer(place, "indicators", "draft", *SECOND)
    answer(place, "indicators", "review", "2025.2", "--as", "ann")
    said = place.run("indicators", "publish", "2025.2", "--as", "bob")
    assert (said.code, said.out) == (30, "")
    assert "run jianwei indicators impact 2025.2 first" in " ".join(said.err.split())
