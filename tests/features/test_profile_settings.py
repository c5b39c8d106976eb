"""What ``profile.yaml`` and the catalogue name must be there: what is misspelt would count for nothing, in silence."""

import shutil

import pytest
import yaml
from world import SMALL

from features.profile import ProfileError, read_profile
from features.records.derivation import DERIVATIONS
from features.records.schema import DERIVED, PARENT_DATE, record_types


@pytest.fixture
def place(tmp_path):
    """A copy of the small place whose profile.yaml can be changed."""
    shutil.copytree(SMALL, tmp_path / "place")

    def change(**settings):
        path = tmp_path / "place" / "profile.yaml"
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        path.write_text(yaml.safe_dump({**found, **settings}, allow_unicode=True), encoding="utf-8")
        return read_profile(str(tmp_path / "place"))

    return change


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"register": {"region": "distrito"}}, "register names distrito; there are"),
        ({"coverage": {"I99": "2020-01-01"}}, "coverage names I99; there are I1"),
        ({"masking": {"kinds": ["vendr"], "longest": 3}}, "masking.kinds names vendr; there are shop, stall"),
        ({"masking": {"kinds": ["shop"]}}, "expected kinds and longest"),
    ],
)
def test_settings_name_what_there_is(place, settings, message):
    with pytest.raises(ProfileError, match=message):
        record_types(place(**settings))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"language": "pt"}, "language is 'pt'; expected zh or en"),
        ({"zone": "America/SaoPaulo"}, "unknown time zone 'America/SaoPaulo'; expected one such as"),
        ({"identity": "vat"}, "identity is 'vat', not uscc or opaque"),
    ],
)
def test_a_profile_says_only_what_it_can_mean(place, settings, message):
    with pytest.raises(ProfileError, match=message):
        place(**settings)


def test_a_field_is_derived_only_by_what_is_written(place):
    place()
    folder = place().folder
    path = folder / "catalogue" / "event.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("type: date", "type: date, derived: parent_date", 1), encoding="utf-8")
    with pytest.raises(ProfileError, match=r"derived by 'parent_date'; expected .*parent_event_date"):
        record_types(read_profile(str(folder)))


def test_every_derivation_that_is_written_may_be_named():
    assert {*DERIVATIONS, PARENT_DATE} == set(DERIVED)
