"""What is said of two indicator systems: added, removed, changed facts old to new, settings, lists."""

import shutil
from dataclasses import replace

import pytest
from world import SMALL

from features.indicators.catalogue import load
from features.indicators.difference import Change, difference
from features.indicators.system import System
from features.profile import read_profile


@pytest.fixture
def system():
    return of(SMALL)


def of(folder):
    profile = read_profile(str(folder))
    return System.of(profile, load(profile))


@pytest.fixture
def other(tmp_path):
    """The small place with a file of it changed."""

    def make(name, old, new):
        shutil.copytree(SMALL, tmp_path / "other", dirs_exist_ok=True)
        path = tmp_path / "other" / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return of(tmp_path / "other")

    return make


def test_a_system_does_not_differ_from_itself(system):
    found = difference(system, of(SMALL))
    assert found.same
    assert (found.added, found.removed, found.changed, found.settings, found.files) == ((), (), (), (), {})


def test_added_removed_and_changed_are_told_with_old_and_new(system):
    first, second, *rest = system.definitions.indicators
    renamed = replace(first, code="newcomer")
    longer = replace(second, label="另名", monotone=not second.monotone)
    new = replace(system, definitions=replace(system.definitions, indicators=(renamed, longer, *rest), digest="e" * 64))
    found = difference(system, new)
    assert (found.added, found.removed, found.touched) == (("newcomer",), (first.code,), (second.code,))
    assert Change(second.code, "label", second.label, "另名") in found.changed
    assert Change(second.code, "monotone", second.monotone, not second.monotone) in found.changed
    assert not found.moved
    assert not found.same


def test_a_changed_window_is_told_as_expressions(system, other):
    found = difference(system, other("indicators/supervision.py", "within(months=12)", "within(months=18)"))
    assert all(change.field == "value" for change in found.changed)
    one = found.changed[0]
    assert "months=12" in one.old
    assert one.new == one.old.replace("months=12", "months=18")


def test_another_order_is_told(system):
    turned = replace(system.definitions, indicators=system.definitions.indicators[::-1])
    assert difference(system, replace(system, definitions=turned)).moved


def test_settings_and_code_lists_are_told(system, other):
    found = difference(system, other("profile.yaml", "repair_effect: stop_use", "repair_effect: keep"))
    assert found.settings == (Change("profile", "repair_effect", "stop_use", "keep"),)
    found = difference(system, other("codelists/trades.yaml", "label: 食品", "label: 餐饮"))
    assert list(found.files) == ["codelists/trades"]
    assert [line[0] for line in found.files["codelists/trades"]] == ["-", "+"]
    assert not found.same
