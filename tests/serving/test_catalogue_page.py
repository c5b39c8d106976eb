"""The catalogue of indicators as a person reads it: all of them, some of them, and one with its definition in words."""

from dataclasses import replace

import pytest
from looking import Visitor, guarded, words

from features.indicators.catalogue import Definitions

LISTED = "/ui/indicators"


@pytest.fixture(scope="module")
def auditor(guard, classified):
    return Visitor.of(guard, classified, "auditor")


def test_every_indicator_of_the_month_is_listed_with_its_version_in_both_languages(auditor, desk):
    stated = desk.newest.words["indicators"]
    for tongue in ("zh", "en"):
        page = auditor.get(f"{LISTED}?lang={tongue}")
        assert page.status_code == 200
        assert len(page.text.encode()) < 150_000
        for code, one in stated.items():
            assert f'href="/ui/indicators/{code}"' in page.text
            assert one[tongue] in words(page.text)
        assert desk.newest.indicators["digest"][:12] in page.text
    auditor.get(f"{LISTED}?lang=zh")


def test_a_dimension_and_a_text_narrow_the_list_and_stay_in_the_form(auditor, desk):
    stated = desk.newest.words["indicators"]
    page = auditor.get(f"{LISTED}?dimension=supervision&q=EVENTS").text
    wanted = {code for code, one in stated.items() if one["dimension"] == "supervision" and "events" in code}
    assert wanted
    assert {code for code in stated if f'/ui/indicators/{code}"' in page} == wanted
    assert '<option value="supervision" selected>' in page
    assert 'value="EVENTS"' in page
    assert "没有符合条件的指标" in words(auditor.get(f"{LISTED}?q=nothing+of+the+kind").text)


@pytest.mark.parametrize("query", ["dimension=elsewhere", f"q={'x' * 41}"])
def test_what_cannot_be_looked_for_is_refused_in_words(auditor, query):
    refused = auditor.get(f"{LISTED}?{query}")
    assert refused.status_code == 422
    assert words(refused.text)


def test_a_text_is_shown_as_text(auditor):
    assert "<script>alert" not in auditor.get(f"{LISTED}?q=%3Cscript%3Ealert(1)%3C/script%3E").text


def test_one_indicator_says_what_it_counts_over_which_time_and_what_it_is_used_for(auditor, desk):
    page = words(auditor.get(f"{LISTED}/events_12m").text)
    for text in (
        "近12个月事件记录的条数",
        "近12个月",
        "events_12m",
        "小地方条例",
        "参与建模",
        "可公示",
        "I2 事件",
        "执法机构",
    ):
        assert text in page
    control = next(code for code, one in desk.newest.words["indicators"].items() if one["role"] == "control")
    assert "从不成为原因" in words(auditor.get(f"{LISTED}/{control}").text)


def test_every_indicator_has_a_page_in_english_and_one_that_does_not_exist_has_none(auditor, desk):
    for code in desk.newest.words["indicators"]:
        page = auditor.get(f"{LISTED}/{code}?lang=en")
        assert page.status_code == 200, code
        assert code in words(page.text)
    assert auditor.get(f"{LISTED}/nothing?lang=zh").status_code == 404


def test_definitions_of_another_version_are_not_told_as_those_of_the_month(classified, desk):
    other = replace(desk, definitions=lambda: Definitions(classified.definitions.indicators, "f" * 64))
    visitor = Visitor.of(guarded(classified, lambda: other), classified, "auditor")
    listed, one = visitor.get(LISTED), visitor.get(f"{LISTED}/events_12m")
    assert "没有这一版本的定义" in words(listed.text)
    assert "没有这一版本的定义" in words(one.text)
    assert "近12个月事件记录" not in words(one.text)


@pytest.mark.parametrize(("role", "status"), [("department_reader", 200), ("integrator_score", 200), ("ops", 403)])
def test_the_catalogue_is_for_who_may_read_reason_codes(guard, classified, role, status):
    visitor = Visitor.of(guard, classified, role)
    assert visitor.get(LISTED).status_code == status
    assert visitor.get(f"{LISTED}/events_12m").status_code == status
