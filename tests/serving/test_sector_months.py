"""A sector's months: of those who belong, in a home of their own; the general ones stay as they are, byte by byte."""

import copy

import pytest
from town import FILES, SIZE, Kitchens, codes, fingerprint, opened, write

from serving import monthly, office, portions
from serving.explanation import document
from serving.office import County
from serving.results import Results, publisher_key

MONTHS = ("2025-11", "2025-12")
MEMBERS = {code for number, code in enumerate(codes()) if number % 2 == 0}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Portions so small that a town has several."""
    monkeypatch.setattr(portions, "PORTION", 60)


@pytest.fixture
def sector(settled):
    return opened(settled)


def published(town):
    return Results(town.home, publisher_key(town.home)).month(MONTHS[1])


def test_computing_a_sector_changes_no_byte_of_a_general_home_or_month(settled, twin):
    opened(twin)
    settled.classify(MONTHS[0])
    twin.classify(MONTHS[0])
    before = fingerprint(twin, "")
    for month in MONTHS:
        Kitchens(twin.folder).classify(month)
    assert fingerprint(twin, "") == before
    for one in (settled, twin):
        one.classify(MONTHS[1])
    assert fingerprint(settled) == fingerprint(twin)


def test_a_month_of_a_sector_holds_those_who_belong_and_no_one_else(sector, settled):
    for one in (settled, sector):
        one.classify(MONTHS[1])
    own, everyone = published(sector), published(settled)
    assert set(own.rows["code"].to_pylist()) == MEMBERS
    assert len(everyone.rows) == SIZE
    assert sum(own.counts().values()) == sum(status == "classified" for status in own.rows["status"].to_pylist())
    assert own.head.scheme == sector.scheme.digest


def test_helpers_change_no_byte_of_a_sectors_month(sector, twin):
    other = Kitchens(twin.folder)
    for month in MONTHS:
        sector.classify(month)
        other.classify(month, helpers=2)
    assert fingerprint(sector) == fingerprint(other)
    assert not list(monthly.verify(other.home))


def test_a_sector_explains_with_its_own_indicators(sector):
    sector.classify(MONTHS[1])
    sealed = published(sector)
    light = next(light for light in sealed.listed(classes=("D", "C")) if light)
    found = document(sealed, light, sector.scheme)
    assert found["class"] in ("C", "D")
    named = {reason["indicator"] for reason in found["reasons"] if reason["indicator"]}
    assert named <= set(sector.definitions.codes)


def test_a_county_office_lists_the_sectors_entities_as_registered(sector):
    sector.classify(MONTHS[1])
    run = sector.run(MONTHS[1])
    county = County(Results(sector.home, publisher_key(sector.home)), run.sources, "3601", lambda _: sector.scheme)
    found = county.entities
    assert {one["code"] for one in found} <= MEMBERS
    assert all(one["name"].endswith(f"商店{int(one['code'][1:])}") for one in found)


def test_a_sectors_pages_say_whose_they_are_and_leave_out_what_its_measures_do_not_state(sector, tmp_path):
    path = sector.folder / "profile" / "sectors" / "kitchens" / "measures.yaml"
    rows = copy.deepcopy(FILES["measures.yaml"])
    rows[0]["classes"]["A"]["triggers"] = []
    write(path, rows)
    sector.classify(MONTHS[1])
    run = sector.run(MONTHS[1])
    results = Results(sector.home, publisher_key(sector.home))
    files = office.write(County(results, run.sources, "3601", lambda _: sector.scheme), tmp_path / "office")
    index = files[-1].read_text(encoding="utf-8")
    assert "专业领域分级：不代替通用型信用风险分类，通用型分类也不代替本结果。依据：小地方厨房条例" in index
    assert "小地方厨房" in index
    assert not [path for path in files if "无事不扰" in path.name]
