"""The top reason of a row is the one the documents of the API name first, with and without internal ones."""

import pytest
from offices import desk_of, rows, sealed
from town import NOW

from serving import office
from serving.access import Grant, Principal

INTERNAL = "internal"


@pytest.fixture(scope="module")
def desk(classified):
    return desk_of(classified)


def asking(*rights, role="analyst"):
    return Principal("k", Grant(role, "", NOW.date(), rights=frozenset(rights)))


def test_the_top_reason_is_the_one_lists_of_an_office_name(desk, classified):
    month, kept = sealed(classified).month("2025-12"), desk.newest
    for light in rows(kept):
        found = desk.reason(kept, light, asking(INTERNAL))
        top = office.top_reason(month.words, month.full(light)) if light["reason"] is not None else None
        assert found == (top and top["code"])
        if light["class"] is not None and month.full(light)["reasons"]:
            assert found is not None


def test_without_the_right_it_is_the_first_of_those_the_explanation_shows(desk):
    month, differ = desk.newest, 0
    everything, nothing = asking(INTERNAL), asking()
    for light in rows(month):
        shown = desk.explanation(month, light, nothing)
        reasons = [{"rule": None, **one} for one in shown["reasons"]]
        top = office.top_reason(month.words, {**light, "reasons": reasons})
        assert desk.reason(month, light, nothing) == (top and top["code"])
        differ += desk.reason(month, light, nothing) != desk.reason(month, light, everything)
    assert differ  # else nothing was hidden


def test_after_a_correction_the_reasons_are_those_of_the_rows_that_stand(copied):
    copied.correct()
    corrected = desk_of(copied)
    month, nothing = corrected.newest, asking()
    for light in rows(month):
        shown = corrected.explanation(month, light, nothing)["reasons"]
        top = office.top_reason(month.words, {**light, "reasons": [{"rule": None, **one} for one in shown]})
        assert corrected.reason(month, light, nothing) == (top and top["code"])
    assert {month.supplement(light) for light in rows(month)} == {0, 1}


def test_a_code_only_internal_reasons_bear_is_offered_to_whoever_may_see_it_alone(desk):
    month = desk.newest
    hidden = set(desk.reasons(month, asking(INTERNAL))) - set(desk.reasons(month, asking()))
    assert hidden
    assert {desk.reason(month, light, asking()) for light in rows(month)}.isdisjoint(hidden)
    assert desk.reasons(month, asking(role="data_scientist")) == []
