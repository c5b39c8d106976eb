"""Sectors: systems of their own beside the general one, of those who belong, and nothing of theirs in it."""

import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from world import ENGINES, SMALL, lake_of, world_of

from features.indicators.catalogue import load
from features.indicators.language import DefinitionError, on
from features.indicators.system import System
from features.matrix import batches, batches_at, matrix_key, registrations
from features.profile import PROFILES, ProfileError, read_profile

SECTOR = "kitchens"
PLACES = sorted(path.parent for path in PROFILES.glob("*/profile.yaml"))
SECTORS = [(place, path.stem) for place in PLACES for path in sorted((place / "indicators/sectors").glob("*.py"))]
TAKEN = ("age_months", "worst_24m", "listed_now", "overdue", "visits_12m", "bad_peers")


@pytest.fixture
def place(tmp_path) -> Path:
    return Path(shutil.copytree(SMALL, tmp_path / "place"))


def changed(place: Path, old: str, new: str):
    """The small place with its sector's file changed."""
    path = place / "indicators" / "sectors" / f"{SECTOR}.py"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return read_profile(str(place), SECTOR)


def people(profile, folder):
    """Two who trade in food, one of them only from May on; one in tools."""
    registered = [
        on("2020-01-01", of="a", trade="food"),
        on("2020-01-01", of="b", known="2024-05-10", trade="food"),
        on("2020-01-01", of="c", trade="tools"),
    ]
    happened = [on("2024-04-01", of=who, trade="food", severity=3) for who in "abc"]
    return lake_of(profile, world_of(profile, {"entity": registered, "event": happened}), folder)


def test_a_sector_takes_over_what_it_names_and_adds_its_own():
    general, sector = load(read_profile(str(SMALL))), load(read_profile(str(SMALL), SECTOR))
    assert set(sector.codes) == {*TAKEN, "kitchen", "dirt_24m"}
    assert sector.codes[-2:] == ("kitchen", "dirt_24m")
    assert [one for one in general.indicators if one.code in TAKEN] == list(sector.indicators[:-2])
    assert {one.sector for one in sector.indicators} == {"general", SECTOR}
    assert sector.member.code == "kitchen"
    assert general.member is None


def test_nothing_in_a_sectors_files_changes_the_general_system(place):
    general = load(read_profile(str(place))).digest
    changed(place, "within(months=24)", "within(months=12)")
    assert load(read_profile(str(place))).digest == general
    changed(place, "MEMBER =", "nonsense(")
    assert load(read_profile(str(place))).digest == general
    shutil.rmtree(place / "indicators" / "sectors")
    shutil.rmtree(place / "sectors")
    assert load(read_profile(str(place))).digest == general


def test_what_a_sector_defines_has_a_digest_of_its_own(place):
    before = load(read_profile(str(place), SECTOR)).digest
    assert before != load(read_profile(str(place))).digest
    assert load(changed(place, "within(months=24)", "within(months=12)")).digest != before


@pytest.mark.parametrize("engine", ENGINES)
def test_who_belongs_is_known_at_the_date(tmp_path, engine):
    profile = read_profile(str(SMALL), SECTOR)
    lake, member = people(profile, tmp_path), load(profile).member
    for day, expected in ((date(2024, 4, 30), [0]), (date(2024, 5, 31), [0, 1])):
        assert registrations(lake, as_of=day, engine=engine, member=member)["entity"].to_pylist() == expected
    assert registrations(lake, as_of=date(2024, 5, 31), engine=engine)["entity"].to_pylist() == [0, 1, 2]


def test_a_matrix_of_a_sector_has_its_members_and_the_general_values_of_what_it_takes_over(tmp_path):
    whole, sector = (read_profile(str(SMALL), name) for name in (None, SECTOR))
    everyone, own = people(whole, tmp_path), people(sector, tmp_path)
    general, of_sector = load(whole), load(sector)
    (one,) = batches(everyone, general, as_of=date(2024, 5, 31))
    (two,) = batches(own, of_sector, as_of=date(2024, 5, 31))
    assert two.entity.tolist() == [0, 1]
    shared = [code for code in of_sector.codes if code in general.codes]
    np.testing.assert_array_equal(
        two.values[:, [two.columns.index(code) for code in shared]],
        one.values[:2, [one.columns.index(code) for code in shared]],
    )
    assert matrix_key(own, of_sector, date(2024, 5, 31)) != matrix_key(everyone, general, date(2024, 5, 31))


def test_several_dates_of_a_sector_together_are_each_date_alone(tmp_path):
    profile = read_profile(str(SMALL), SECTOR)
    lake, found = people(profile, tmp_path), load(profile)
    days = [date(2024, 4, 30), date(2024, 5, 31)]
    together = list(batches_at(lake, found, dates=days))
    assert [batch.entity.tolist() for batch in together] == [[0], [0, 1]]
    for day, batch in zip(days, together, strict=True):
        (alone,) = batches(lake, found, as_of=day)
        np.testing.assert_array_equal(batch.values, alone.values)


def test_a_sector_is_a_profile_with_a_name_of_its_own():
    whole, sector = (read_profile(str(SMALL), name) for name in (None, SECTOR))
    assert (sector.name, sector.place, sector.sector) == ("small-kitchens", "small", SECTOR)
    assert (whole.name, whole.place, whole.sector, whole.sectors) == ("small", "small", None, (SECTOR,))
    assert sector.label_en == "a small place, kitchens"
    assert sector.settings["experiment"] == sector.settings["model"] == "jianwei-small-kitchens"


def test_a_sectors_own_file_comes_before_the_places(place):
    (place / "rules.yaml").write_text("[general]")
    assert read_profile(str(place), SECTOR).table("rules") == ["general"]
    (place / "sectors" / SECTOR / "rules.yaml").write_text("[own]")
    assert read_profile(str(place), SECTOR).table("rules") == ["own"]
    assert read_profile(str(place)).table("rules") == ["general"]


def test_a_system_that_was_kept_leads_back_to_the_sector():
    profile = read_profile(str(SMALL), SECTOR)
    kept = System.read(System.of(profile, load(profile)).text, where="here")
    assert kept.definitions.member.code == "kitchen"
    again = kept.profile(profile)
    assert (again.name, again.sector) == ("small-kitchens", SECTOR)


def test_a_sector_nobody_defined_is_refused_with_those_there_are():
    with pytest.raises(ProfileError, match=r"Profile small has no sector 'toys'; there are kitchens. Nothing was done"):
        read_profile(str(SMALL), "toys")


@pytest.mark.parametrize("text", ["label: x\n", "[1]\n", "label: x\nlabel_en: x\nbasis: x\nkinds: []\n"])
def test_a_sectors_description_says_what_it_must_and_no_more(place, text):
    (place / "sectors" / SECTOR / "sector.yaml").write_text(text)
    with pytest.raises(ProfileError, match=r"sector.yaml: expected label, label_en, basis, found"):
        read_profile(str(place), SECTOR)


FEATURE = 'def kitchen(code, value, *examples, role="feature"'


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('general("visits_12m"', 'general("visits_99m"', r"general\(\) names visits_99m; the general system has no"),
        ('    role="member",\n', "", "0 indicators have the role member; expected one"),
        (FEATURE, FEATURE.replace("feature", "member"), "2 indicators have the role member; expected one"),
        ('"dirt_24m",', '"worst_24m",', "indicators defined twice: worst_24m"),
        (
            'records("entity").where(f.trade.is_("food")).any()',
            'peer_rate(event.any(), by=("trade",))',
            "expected one, over an entity's own records",
        ),
    ],
)
def test_what_a_sector_may_not_say(place, old, new, message):
    changed(place, "Indicator, f, general, on, records", "Indicator, f, general, on, peer_rate, records")
    with pytest.raises(DefinitionError, match=message):
        load(changed(place, old, new))


def test_only_a_sectors_file_says_who_belongs(place):
    path = place / "indicators" / "supervision.py"
    path.write_text(path.read_text(encoding="utf-8").replace('role="feature"', 'role="member"'), encoding="utf-8")
    with pytest.raises(DefinitionError, match="has the role member, which only a sector's file may use"):
        load(read_profile(str(place)))


@pytest.mark.parametrize(("place", "code"), SECTORS, ids=[code for _, code in SECTORS])
def test_every_sector_of_every_profile_has_an_outcome_and_indicators_of_its_own(place, code):
    profile = read_profile(str(place), code)
    found = load(profile)
    assert len([one for one in found.indicators if one.sector == code]) >= 10
    assert len([one for one in found.indicators if one.sector == "general"]) >= 10
    assert (place / "sectors" / code / "outcomes.yaml").is_file()
    assert {one["code"] for one in profile.table("outcomes")}.isdisjoint(
        one["code"] for one in read_profile(str(place)).table("outcomes")
    )
