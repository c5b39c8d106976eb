"""Random draws as outcomes: those on site with an answer and a chance, weighed by its inverse."""

import shutil
from dataclasses import replace
from datetime import date

import pytest
import yaml

from features.engine import Engine
from features.indicators.language import on
from features.profile import read_profile
from features.reading import Reading
from tests.evaluation.judged import TABLES
from tests.world import SMALL, lake_of, world_of
from training import cohort
from training.draws import drawn_events
from training.errors import SchemeError
from training.labels import Knowledge
from training.outcomes import read_outcomes
from training.pairs import event_pairs
from training.splits import Periods

PROBLEM = {"code": "problem", "label": "问题", "framing": "given_inspection", "drawn": True}
BY = date(2025, 12, 31)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = shutil.copytree(SMALL, tmp_path_factory.mktemp("profiles") / "small")
    for name, table in {**TABLES, "outcomes": [PROBLEM]}.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(table, allow_unicode=True))
    return read_profile(str(folder))


def visit(of, number, *, results="|01|", origin="lot", method="here", chance="0.25", day="2025-03-01"):
    return on(day, of=of, number=number, origin=origin, method=method, results=results, chance=chance)


def knowledge(place, tmp_path, visits, findings=()):
    records = {"visit": visits, "visit_finding": list(findings)}
    return Knowledge(Reading(lake_of(place, world_of(place, records), tmp_path), Engine("polars")), BY)


def test_a_problem_is_what_the_profile_says_of_a_draw(place, tmp_path):
    visits = [
        visit("clean", "1"),
        visit("found", "2", results="|09|"),
        visit("grave", "3", results="|02|"),
        visit("slight", "4", results="|02|"),
        visit("closed", "5", results="|03|"),  # nobody there: no answer
        visit("far", "6", method="there"),  # off site: never pooled
        visit("tip", "7", origin="tip"),  # not by lot
        visit("unknown", "8", chance=None),
        visit("earlier", "9", day="2024-12-31"),
    ]
    findings = [on("2025-03-01", of=name, number=number, line="1", severity=grave)
                for name, number, grave in (("grave", "3", 2), ("slight", "4", 1))]  # fmt: skip
    known = knowledge(place, tmp_path, visits, findings)
    found = drawn_events(known, since=date(2025, 1, 1), until=BY)
    register = known.reading.lake.register()["code"].to_pylist()
    told = {register[row["entity"]]: row["positive"] for row in found.to_pylist()}
    assert told == {"clean": 0, "found": 1, "grave": 1, "slight": 0}
    assert found["chance"].to_pylist() == pytest.approx([0.25 * 6 / 7] * 4)  # six of the seven drawn were on site


def test_pairs_of_draws_are_sampled_with_their_chance(place, tmp_path):
    visits = [visit("a", "1", chance="0.02"), visit("b", "2", results="|09|", chance="0.5")]
    known = knowledge(place, tmp_path, visits)
    outcome = read_outcomes(place)["problem"]
    periods = Periods((date(2025, 1, 1), BY), None, None)
    found = event_pairs(known, outcome, periods, say=lambda _: None)
    assert dict(zip(found["s"].to_pylist(), found["label"].to_pylist(), strict=True)) == {0.02: 0, 0.5: 1}
    assert set(found["as_of"].to_pylist()) == {date(2025, 2, 28)}
    assert set(found["stratum"].to_pylist()) == {cohort.HEADLINE}


def test_a_place_that_does_not_say_how_draws_are_recorded_has_none(place, tmp_path):
    (tmp_path / "lake").mkdir()
    known = knowledge(place, tmp_path / "lake", [visit("a", "1")])
    folder = shutil.copytree(SMALL, tmp_path / "without")
    bare = replace(known.reading.lake, profile=read_profile(str(folder)))
    with pytest.raises(SchemeError, match=r"has no random_draw\.yaml"):
        drawn_events(Knowledge(Reading(bare, Engine("polars")), BY), since=BY, until=BY)
