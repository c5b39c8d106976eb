"""The verbs of key indicators on a home: a ranking of what quality found, a choice signed by a person."""

import json

import pytest
from test_cli import typed
from test_quality_verb import housed, own

from features import signing
from features.records.journal import Journal

__all__ = ["housed", "own"]


@pytest.fixture
def place(own, monkeypatch):
    """A home of its own that verbs find by the environment, with the quality of December."""
    for name, value in {"HOME": own.folder, "MLRUNS": own.folder / "mlruns", "PROFILE": own.folder / "profile"}.items():
        monkeypatch.setenv(f"JIANWEI_{name}", str(value))
    signing.first_use_key(own.folder / "small" / "keys", "analyst")
    return own


def test_without_a_quality_table_there_is_nothing_to_rank_by(place):
    said = typed("indicators", "keys")
    assert said.code == 30
    assert "run jianwei quality" in said.err


def test_key_indicators_are_ranked_and_a_choice_is_in_force(place):
    assert typed("quality", "--as-of", "2025-12").code == 0
    found = json.loads(typed("indicators", "keys", "--json").out)
    assert (found["month"], found["recorded"]) == ("2025-12", None)
    assert {one["missing"] for one in found["ranking"]} == {"no_auc", "not_about_conduct"}  # no sample is kept here
    code = found["ranking"][0]["code"]
    assert code not in found["in_force"]
    said = typed("indicators", "choose", "--as", "analyst", "--reason", "for the spring", "--add", code)
    assert (said.code, "1 key indicators recorded by analyst" in said.err) == (0, True)
    now = json.loads(typed("indicators", "keys", "--month", "2025-12", "--json").out)
    assert (now["in_force"], now["recorded"]["by"]) == ([code], "analyst")
    entry = list(Journal(place.folder / "small" / "journal.jsonl").entries("indicators.keys"))[-1]
    assert (entry.details["month"], entry.details["added"]) == ("2025-12", [code])
    assert "recorded by analyst" in typed("indicators", "keys").err


def test_a_choice_without_the_person_s_key_is_refused(place):
    typed("quality", "--as-of", "2025-12")
    said = typed("indicators", "choose", "--as", "nobody", "--reason", "why", "--add", "age_months")
    assert said.code in {30, 50}
    assert "nobody" in said.err or "age_months" in said.err


def test_a_table_of_other_definitions_ranks_nothing(place):
    typed("quality", "--as-of", "2025-12")
    path = place.folder / "profile" / "indicators" / "supervision.py"
    text = path.read_text(encoding="utf-8")
    assert "months=12" in text
    path.write_text(text.replace("months=12", "months=13"), encoding="utf-8")
    said = typed("indicators", "keys")
    assert said.code == 30
    assert "was made with other definitions" in said.err
