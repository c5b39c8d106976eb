"""A scheme carries the indicator system it was trained on: a lake is read under it, whatever the profile says now."""

import shutil
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from world import SMALL, lake_of, world_of

from features.indicators.catalogue import load
from features.indicators.language import on
from features.indicators.system import FILE, System
from features.matrix import batches
from features.profile import read_profile
from training.carried import carried, under
from training.scheme import BARE, CARRYING, Scheme, SchemeError

AS_OF = date(2024, 6, 30)
RECORDS = {
    "entity": [on("2020-01-01", of=name, kind=kind, trade="food") for name, kind in (("a", "shop"), ("b", "stall"))],
    "event": [
        on("2023-07-15", of="a", severity=3, trade="tools", item="I2"),
        on("2022-08-01", of="a", severity=1, trade="food", item="I2", repair_date=date(2023, 1, 1)),
        on("2024-05-01", of="b", severity=4, trade="food", item="I3"),
    ],
}
WINDOW = ("indicators/supervision.py", "within(months=12)", "within(months=3)")
LIST = ("codelists/trades.yaml", "rows:\n", "rows:\n  - {code: toys, label: 玩具}\n")  # other numbers
COVERAGE = ("profile.yaml", "coverage: {I3: 2022-01-01}", "coverage: {I2: 2024-06-01}")
REPAIR = ("profile.yaml", "repair_effect: stop_use", "repair_effect: keep")
KINDS = (
    ("profile.yaml", "kinds:\n", "kinds:\n  - {code: guild, label: 会, label_en: guild}\n"),
    ("codelists/kinds.yaml", "rows:\n", "rows:\n  - {code: guild, label: 会}\n"),
)


@pytest.fixture
def place(tmp_path):
    """The folder of a profile that may be changed, and a lake."""
    folder = shutil.copytree(SMALL, tmp_path / "small")
    (tmp_path / "lake").mkdir()
    profile = read_profile(str(folder))
    return folder, lake_of(profile, world_of(profile, RECORDS), tmp_path / "lake")


@pytest.fixture
def ours(scheme, place):
    """A scheme that was trained on the place as it is."""
    _, lake = place
    definitions = load(lake.profile)
    return replace(scheme, definitions=definitions.digest, version="1", carried=carried(lake, definitions, AS_OF))


def edited(folder, lake, *changes):
    for name, old, new in changes:
        path = folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
    return replace(lake, profile=read_profile(str(folder)))


def matrix(lake, definitions):
    (found,) = batches(lake, definitions, as_of=AS_OF)
    return found.kind.tobytes() + found.values.tobytes()


@pytest.mark.parametrize(
    "changes",
    [(WINDOW,), (LIST,), (COVERAGE,), (REPAIR,), KINDS, (WINDOW, LIST, COVERAGE, REPAIR, *KINDS)],
    ids=["window", "list", "coverage", "repair", "kinds", "all"],
)
def test_a_matrix_under_a_scheme_does_not_follow_the_profile(place, ours, changes):
    folder, lake = place
    before = matrix(lake, load(lake.profile))
    now = edited(folder, lake, *changes)
    assert load(now.profile).digest != ours.definitions
    assert matrix(now, load(now.profile)) != before
    assert matrix(*under(ours, now)) == before


def test_definition_files_that_do_not_load_any_more_are_not_read(place, ours):
    folder, lake = place
    before = matrix(lake, load(lake.profile))
    (folder / "indicators" / "basic.py").write_text("nonsense", encoding="utf-8")
    assert matrix(*under(ours, lake)) == before


def test_a_scheme_is_saved_with_its_system_and_queries(ours, key, tmp_path, place):
    digest = ours.save(tmp_path / "scheme", key)
    found = Scheme.load(tmp_path / "scheme", key.public_key())
    assert found.digest == digest
    assert (found.version, found.definitions) == ("1", ours.definitions)
    assert found.system.text == System.of(place[1].profile, load(place[1].profile)).text
    assert f'"format": {CARRYING}' in found.files()["scheme.json"].decode()
    query = (tmp_path / "scheme" / "query-event.sql").read_text()
    assert query.startswith("-- as of 2024-06-30\nSELECT")
    assert "MAKE_DATE(2023, 6, 30)" in query


def test_a_scheme_made_before_schemes_carried_a_system_is_read_as_it_is(scheme, saved, key):
    found = Scheme.load(saved, key.public_key())
    assert (found.digest, found.system, found.version) == (scheme.digest, None, None)
    assert f'"format": {BARE}' in found.files()["scheme.json"].decode()


def test_such_a_scheme_works_with_the_definitions_it_was_trained_on_and_no_others(scheme, place):
    folder, lake = place
    bare = replace(scheme, definitions=load(lake.profile).digest)
    assert under(bare, lake) == (lake, load(lake.profile))
    now = edited(folder, lake, WINDOW)
    with pytest.raises(SchemeError, match=r"made before schemes carried theirs.*put the profile's definitions back"):
        under(bare, now)


def test_a_scheme_that_carries_another_system_than_it_was_trained_on_is_refused(ours, key, tmp_path):
    replace(ours, definitions="a" * 64).save(tmp_path / "a", key)
    with pytest.raises(SchemeError, match=r"trained on definitions a{12} and carries .*; expected one and the same"):
        Scheme.load(tmp_path / "a", key.public_key())


def test_a_carried_system_that_does_not_read_back_is_refused(ours, key, tmp_path):
    altered = ours.carried[FILE].replace('"months": 12', '"months": 13')
    replace(ours, carried={**ours.carried, FILE: altered}).save(tmp_path / "a", key)
    with pytest.raises(SchemeError, match="it was altered"):
        Scheme.load(tmp_path / "a", key.public_key())


def test_every_query_of_the_place_is_carried(ours):
    read = {name for one in ours.system.definitions.indicators for name in one.record_types}
    assert {f"query-{name}.sql" for name in read} >= {name for name in ours.carried if name != FILE}
    assert np.all([text.startswith("-- as of") for name, text in ours.carried.items() if name != FILE])
