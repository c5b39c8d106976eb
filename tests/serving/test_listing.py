"""Lists of a load on either database: whom they keep, in which order, how many, and what earlier loads lack."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from offices import load, named, rows
from sqlalchemy import func, select
from town import NOW

from serving import saved
from serving.access import Grant, within
from serving.listing import CHANGES, LONG, Asked, Filters
from serving.results import publisher_key
from serving.shelf import Shelf
from serving.store import scanning
from serving.tables import FILTERS

MONTH = "2025-12"


def grant(org="", *departments):
    return Grant("analyst", org, NOW.date(), departments=frozenset(departments))


@pytest.fixture
def month(store, classified):
    load(classified, store, "2025-11")
    load(classified, store, MONTH)
    shelf = Shelf(store, publisher_key(classified.home))
    yield shelf.month(MONTH)
    shelf.close()


def test_a_file_is_mapped_while_a_list_is_read_and_not_longer(month):
    is_file = month.engine.dialect.name == "sqlite"
    path = month.engine.url.database.removeprefix("file:").partition("?")[0] if is_file else "/no/file"
    with scanning(month.engine) as connection:
        assert connection.execute(select(func.count()).select_from(month.listing.table)).scalar()
        assert (path in Path("/proc/self/maps").read_text()) == is_file
    assert month.listing.page(Asked(grant()), None, 10)
    assert path not in Path("/proc/self/maps").read_text()


def keeps(month, filters, is_part):
    """Whether a row fits, said again."""

    def fits(row):
        risk, before = row["class"], row["class_before"]
        changed = {
            "up": bool(risk and before and risk > before),
            "down": bool(risk and before and risk < before),
            "moved": bool(risk and before and risk != before),
            "new": bool(risk and not before),
            "unchanged": bool(risk and before and risk == before),
            None: True,
        }
        code = row["reason"] if filters.internal else row["open_reason"]
        told = None if code is None or row["kind"] in filters.untold else month.codes[code]
        name = row["name"] or ""
        return (
            row["region"].startswith(filters.region)
            and (filters.risk_class is None or (risk or "-") in filters.risk_class)
            and filters.kind in {None, row["kind"]}
            and filters.before in {None, before}
            and row["code"].startswith(filters.code)
            and (filters.name in name if is_part else name.startswith(filters.name))
            and filters.number in {"", row["number"]}
            and changed[filters.change]
            and filters.reason in {None, told}
        )

    return fits


REASONS = ("rule-H1", "S1-worst_24m", "S1-decayed", "B1-age_months", "none")
ASKED = st.builds(
    Filters,
    region=st.sampled_from(["", "3601", "360103", "9"]),
    risk_class=st.sampled_from([None, None, "A", "D", "CD"]),
    kind=st.sampled_from([None, None, "stall", "nothing"]),
    code=st.sampled_from(["", "", "T000", "T0001", "T00010", "T00010XXX"]),
    name=st.sampled_from(["", "", "张", "三商店1", "王*", "店", "%", "'"]),
    number=st.sampled_from(["", "", "", "360100600000010"]),
    before=st.sampled_from([None, None, None, "A", "D"]),
    change=st.sampled_from([None, None, *CHANGES]),
    reason=st.sampled_from([None, None, *REASONS]),
    internal=st.booleans(),
    untold=st.sampled_from([frozenset(), frozenset({"stall"})]),
)
GRANTS = st.sampled_from([grant(), grant("3601"), grant("360102"), grant("36", "ecology"), grant("3607", "ecology")])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=ASKED, granted=GRANTS, limit=st.sampled_from([3, 50]))
def test_pages_hold_whoever_fits_once_and_counts_are_theirs(month, asked, granted, limit):
    everybody, sought = rows(month), Asked(granted, asked)
    is_part = len({one["org"] for one in everybody if within(granted, {**one, "departments": ",ecology,"})}) < 3
    fits = keeps(month, asked, is_part)
    wanted = {one["code"] for one in everybody if within(granted, one) and fits(one)}
    found, after = [], None
    while page := month.listing.page(sought, after, limit):
        found += page
        after = month.listing.after(sought, page[-1])
        assert month.listing.count(sought, after, 1000) == len(wanted) - len(found)
        assert month.listing.count(sought, after, 2) == min(2, len(wanted) - len(found))
    codes = [one["code"] for one in found]
    assert len(codes) == len(set(codes))
    assert set(codes) == wanted
    places = [month.listing.after(sought, one) for one in found]
    assert places == sorted(places)


def test_what_many_begin_with_is_looked_for_office_by_office_and_what_few_begin_with_by_code(month):
    assert month.listing.order(Asked(grant(), Filters(code="T" * (LONG - 1)))) == "org"
    assert month.listing.order(Asked(grant(), Filters(code="T" * LONG))) == "code"
    assert month.listing.order(Asked(grant(), Filters(name="张"))) == "name"
    assert month.listing.order(Asked(grant("3601"), Filters(name="张"))) == "part"


def test_names_are_kept_as_they_are_printed_and_by_lot_nobody_is_missed(month):
    everybody = rows(month)
    for one in everybody:
        is_persons = one["kind"] == "stall" and len(named(one["entity"])) <= 3
        assert one["name"] == (named(one["entity"])[0] + "*" if is_persons else named(one["entity"]))
    by_lot = month.listing.page(Asked(grant(), Filters(change="unchanged"), by_lot=True), None, 500)
    assert [one["lot"] for one in by_lot] == sorted(
        one["lot"] for one in everybody if one["class"] and one["class"] == one["class_before"]
    )


@pytest.mark.parametrize("granted", [grant(), grant("3601"), grant("36", "ecology")])
def test_the_riskiest_are_those_of_class_c_and_d_by_margin(month, granted):
    monitored = [one for one in rows(month) if within(granted, one) and one["class"] in {"C", "D"}]
    expected = sorted(monitored, key=lambda one: (one["margin"], one["code"]), reverse=True)[:20]
    assert [one["code"] for one in month.listing.riskiest(granted, 20)] == [one["code"] for one in expected]


def test_a_key_keeps_so_many_filters_by_name_and_no_other_key_sees_them(store):
    for number in range(saved.MOST):
        assert saved.keep(store, "k", f"{number:02d}", {"class": "D"}, at=NOW)
    assert not saved.keep(store, "k", "more", {}, at=NOW)
    assert saved.keep(store, "k", "07", {"text": "张"}, at=NOW)
    assert saved.keep(store, "other", "07", {}, at=NOW)
    found = saved.listed(store, "k")
    assert list(found) == [f"{number:02d}" for number in range(saved.MOST)]
    assert (found["07"], found["08"]) == ({"text": "张"}, {"class": "D"})
    saved.drop(store, "k", "07")
    saved.drop(store, "k", "unknown")
    assert "07" not in saved.listed(store, "k")
    assert saved.listed(store, "other") == {"07": {}}
    with store.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(FILTERS)) == saved.MOST
