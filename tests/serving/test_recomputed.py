"""A month is worked out with the definitions its scheme was trained on, whatever the profile says meanwhile."""

import json
from dataclasses import replace

import pytest
from town import VERSION, Settled, Town, fingerprint

from features.indicators.catalogue import load
from serving import explanation, monthly, portions
from serving.classification import Sources
from serving.results import Results, publisher_key
from training.scheme import SchemeError

MONTHS = ("2025-11", "2025-12")
EDITS = (
    ("indicators/supervision.py", "within(months=24)", "within(months=6)"),
    ("codelists/trades.yaml", "rows:\n", "rows:\n  - {code: toys, label: 玩具}\n"),
    ("profile.yaml", "repair_effect: stop_use", "repair_effect: keep"),
    ("sections.yaml", "label_en: ", "label_en: other "),
)


def edited(town, *edits):
    """The town, opened again after files of its profile were changed."""
    for name, old, new in edits:
        path = town.folder / "profile" / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
    return type(town)(town.folder)


def month_of(town, name=MONTHS[1]):
    return Results(town.home, publisher_key(town.home)).month(name)


@pytest.mark.parametrize("helpers", [0, 2])
def test_definitions_changed_after_training_change_no_byte_of_a_month(settled, twin, monkeypatch, helpers):
    monkeypatch.setattr(portions, "PORTION", 60)
    digest = twin.definitions.digest
    settled.classify(MONTHS[0])
    twin.classify(MONTHS[0])
    changed = edited(twin, *EDITS)
    assert load(changed.profile).digest != digest
    settled.classify(MONTHS[1])
    changed.classify(MONTHS[1], helpers=helpers)
    assert fingerprint(settled) == fingerprint(changed)
    assert not list(monthly.verify(changed.home))


def test_an_indicator_the_profile_has_no_more_is_still_worked_out(settled, twin):
    settled.classify(MONTHS[0])
    (twin.folder / "profile" / "indicators" / "basic.py").write_text("nonsense", encoding="utf-8")
    again = Settled(twin.folder)
    again.classify(MONTHS[0])
    assert fingerprint(settled) == fingerprint(again)


def test_a_published_month_is_not_corrected_because_the_profile_changed(settled):
    first = settled.classify(MONTHS[0])
    found = edited(settled, *EDITS).classify(MONTHS[0])
    assert (found.made, found.inputs_changed, found.head) == (False, False, first.head)
    corrected = edited(settled).classify(MONTHS[0], correction="核对")
    assert (corrected.made, corrected.head) == (False, first.head)


def test_a_scheme_of_before_schemes_carried_definitions_refuses_others_than_its_own(fresh):
    bare = replace(fresh.scheme, version=None, carried={})
    sources = Sources.under(bare, fresh.lake, fresh.run(MONTHS[0]).month.end, "polars")
    assert sources.definitions == fresh.definitions
    changed = edited(Town.at(fresh.folder), EDITS[0])
    with pytest.raises(SchemeError, match="put the profile's definitions back, or train and promote a new scheme"):
        Sources.under(bare, changed.lake, sources.as_of, "polars")


def test_a_month_and_everyone_in_it_name_the_version(classified):
    month = month_of(classified)
    stated = {"version": VERSION, "digest": classified.definitions.digest}
    manifest = json.loads((month.parts[0].folder / "manifest.json").read_text())
    assert manifest["indicators"] == month.indicators == stated
    assert explanation.summary(month, month.find("T00006"))["indicators"] == stated


def test_a_month_sealed_before_versions_were_stated_names_its_digest(copied):
    part = month_of(copied).parts[0]
    part.__dict__["manifest"] = {name: value for name, value in part.manifest.items() if name != "indicators"}
    assert part.indicators == {"version": None, "digest": copied.definitions.digest}
