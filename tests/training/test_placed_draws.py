"""The chance that a draw is looked at on site: the plan's where it was kept, else what was observed."""

import shutil
from datetime import date

import numpy as np
import pytest
import yaml

from features.engine import Engine
from features.indicators.language import on
from features.profile import read_profile
from features.reading import Reading
from tests.evaluation.judged import TABLES
from tests.world import SMALL, lake_of, world_of
from training.draws import FEWEST_DRAWS, drawn_events, placed, read_draws
from training.labels import Knowledge

UNPLANNED = np.nan
VISIT = TABLES["catalogue/visit"]
FIELDS = {
    **VISIT["fields"],
    "stratum": {"label": "层", "type": "text"},
    "class_used": {"label": "类别", "type": "text"},
}
PLAN = [
    {"since": date(2025, 1, 1), "until": date(2025, 6, 30), "basis": "计划", "onsite_share": {"A": 0.25, "B": 1.0}},
    {"since": date(2025, 7, 1), "until": None, "basis": "计划", "onsite_share": {"A": 0.5, "B": 1.0}},
]
YEAR = (date(2024, 1, 1), date(2025, 12, 31))


def place(tmp_path, plan):
    folder = shutil.copytree(SMALL, tmp_path / "small")
    block = {**TABLES["random_draw"], "stratum": "stratum", "class_used": "class_used"}
    tables = {**TABLES, "random_draw": block, "catalogue/visit": {**VISIT, "fields": FIELDS}}
    for name, table in {**tables, **({} if plan is None else {"sampling": plan})}.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(table, allow_unicode=True))
    return read_profile(str(folder))


def visit(number, used, *, onsite, day="2025-03-01", chance="0.2", stratum="s"):
    return on(day, of=f"E{number}", number=str(number), origin="lot", method="here" if onsite else "there",
              results="|01|", chance=chance, class_used=used, stratum=stratum)  # fmt: skip


def read(tmp_path, visits, plan=None):
    profile = place(tmp_path, plan)
    lake = lake_of(profile, world_of(profile, {"visit": visits, "visit_finding": []}), tmp_path)
    knowledge = Knowledge(Reading(lake, Engine("polars")), YEAR[1])
    rows = read_draws(knowledge, profile.table("random_draw"), span=YEAR).to_pylist()
    register = lake.register()["code"].to_pylist()
    return {register[row["entity"]]: row for row in rows}, knowledge


def test_the_plan_of_the_day_tells_how_often_the_class_used_is_looked_at_on_site(tmp_path):
    visits = [
        visit(1, "A", onsite=True),
        visit(2, "A", onsite=False),
        visit(3, "A", onsite=True, day="2025-07-01"),
        visit(4, "B", onsite=True),
        visit(5, "A", onsite=True, chance=None),
    ]
    rows, knowledge = read(tmp_path, visits, PLAN)
    assert {name: row["chance"] for name, row in rows.items()} == {
        "E1": pytest.approx(0.2 * 0.25), "E2": pytest.approx(0.2 * 0.75), "E3": pytest.approx(0.2 * 0.5),
        "E4": pytest.approx(0.2), "E5": None,
    }  # fmt: skip
    assert all(row["planned"] for row in rows.values())
    assert {row["probability"] for row in rows.values()} == {0.2, None}
    trained_on = drawn_events(knowledge, since=YEAR[0], until=YEAR[1])
    assert sorted(trained_on["chance"].to_pylist()) == pytest.approx([0.05, 0.1, 0.2])


def test_without_a_class_on_the_record_or_a_plan_of_the_day_the_share_is_observed(tmp_path):
    unknown = [visit(number, None, onsite=number < 3) for number in range(4)]
    early = [visit(number, "A", onsite=number < 5, day="2024-12-31") for number in range(4, 9)]
    rows, _ = read(tmp_path, unknown + early, PLAN)
    assert [rows[f"E{number}"]["chance"] for number in (0, 3)] == pytest.approx([0.2 * 0.75, 0.2 * 0.25])
    assert [rows[f"E{number}"]["chance"] for number in (4, 8)] == pytest.approx([0.2 * 0.2, 0.2 * 0.8])
    assert not any(row["planned"] for row in rows.values())


def test_a_profile_without_a_plan_has_nothing_planned(tmp_path):
    rows, _ = read(tmp_path, [visit(1, "A", onsite=True), visit(2, "A", onsite=False)])
    assert [(row["chance"], row["planned"]) for row in rows.values()] == [(pytest.approx(0.1), False)] * 2


def test_a_plan_that_was_not_kept_is_not_believed():
    onsite = np.arange(200) < 120
    share, told = placed(onsite, np.full(200, "s"), np.full(200, "A"), np.full(200, 0.15))
    assert not told.any()
    assert share[0] == pytest.approx(0.6)
    share, told = placed(onsite[:130], np.full(130, "s"), np.full(130, "B"), np.full(130, 1.0))
    assert not told.any()
    assert share[-1] == pytest.approx(10 / 130)


def test_a_plan_is_believed_as_long_as_draws_may_well_be_lots_of_it():
    rng = np.random.default_rng(7)
    kept = 0
    for _ in range(500):
        onsite = rng.random(200) < 0.15
        kept += placed(onsite, np.full(200, "s"), np.full(200, "A"), np.full(200, 0.15))[1].all()
    assert kept >= 485


def test_the_share_is_observed_by_stratum_and_class_and_small_strata_stand_together():
    large = np.repeat(["east", "west"], FEWEST_DRAWS)
    small = np.array(["north", "south"])
    stratum = np.concatenate([large, small, large])
    used = np.array(["A"] * (len(large) + 2) + ["B"] * len(large))
    onsite = np.ones(len(used), bool)
    onsite[: FEWEST_DRAWS // 2] = False  # half of A in the east
    onsite[len(large)] = False  # A in the north, where there is one draw
    share, told = placed(onsite, stratum, used, np.full(len(used), UNPLANNED))
    assert not told.any()
    of = {(s, u, o): c for s, u, o, c in zip(stratum.tolist(), used.tolist(), onsite.tolist(), share, strict=True)}
    assert of["east", "A", True] == of["east", "A", False] == 0.5
    assert of["west", "A", True] == of["east", "B", True] == of["west", "B", True] == 1.0
    assert of["north", "A", False] == of["south", "A", True] == 0.5


def test_no_draws_have_no_chances():
    share, told = placed(np.empty(0, bool), np.empty(0, str), np.empty(0, str), np.empty(0))
    assert len(share) == len(told) == 0
