from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_scheme import DEFINITIONS, RULES, make_rows

from training.reasons import LOWERING, RAISING, Support, reason, rule_reasons, select, sentence, text, wanted

CODES = DEFINITIONS.codes
RULE_BY_CODE = {rule.code: rule for rule in RULES}
CITED = Support(("r1", "r2"), (date(2025, 3, 1), date(2025, 1, 1)), "publishable")


def selected(values=None, **contributions):
    """Indicator codes chosen for one row, with what they add."""
    added = np.array([[contributions.get(code, 0.0) for code in CODES]])
    held = np.array([[(values or {}).get(code, 1.0 if contributions.get(code, 0) > 0 else 0.0) for code in CODES]])
    found = select(DEFINITIONS, held, added)
    return [
        (CODES[place], round(float(amount), 6))
        for place, amount in zip(found.place[0], found.contribution[0], strict=True)
        if place >= 0
    ]


def test_raising_reasons_come_first_strongest_first():
    assert selected(fines=0.5, listed=0.9, size=-0.4) == [("listed", 0.9), ("fines", 0.5), ("size", -0.4)]


def test_indicators_of_one_section_are_one_reason_named_after_the_strongest():
    assert selected(fines=0.5, fines_late=0.7, listed=0.6) == [("fines_late", 1.2), ("listed", 0.6)]


def test_a_section_that_cancels_itself_is_no_reason():
    assert selected(fines=0.5, fines_late=-0.5, listed=0.6, values={"fines": 1}) == [("listed", 0.6)]


def test_reasons_below_five_percent_are_dropped():
    assert selected(fines=1.0, listed=0.049, size=0.06) == [("fines", 1.0), ("size", 0.06)]


def test_an_adverse_count_is_never_shown_as_lowering_nor_its_absence_as_raising():
    assert selected(fines=-0.5, values={"fines": 2}) == []
    assert selected(fines=0.5, values={"fines": 0}) == []
    assert selected(fines=-0.5, values={"fines": 0}) == [("fines", -0.5)]


def test_controls_and_display_are_never_reasons():
    assert selected(visits=2.0, shown=2.0, revoked=2.0, fines=0.1) == [("fines", 0.1)]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_candidates_are_few_distinct_and_point_their_way(seed):
    rng = np.random.default_rng(seed)
    values = make_rows(60, seed).values
    found = select(DEFINITIONS, values, rng.normal(0, 1, (len(values), len(CODES) + 1)))
    assert found.place.shape == (len(values), RAISING + LOWERING)
    for places, amounts in zip(found.place, found.contribution, strict=True):
        sections = [DEFINITIONS.indicators[place].section for place in places if place >= 0]
        assert len(sections) == len(set(sections))
        assert np.all(amounts[:RAISING] >= 0)
        assert np.all(amounts[RAISING:] <= 0)
        assert np.all(np.diff(amounts[:RAISING]) <= 0)


def test_an_indicator_of_other_kinds_is_no_reason_of_anybody():
    few = (DEFINITIONS.indicators[0], replace(DEFINITIONS.by_code["listed"], kinds=("guild",)))
    values, added = np.ones((2, 2)), np.array([[0.5, 0.9], [0.5, -0.9]])
    system = replace(DEFINITIONS, indicators=few)
    found = select(system, values, added, kind=(np.array([2, 0]), ("shop", "stall", "guild")))
    assert found.place[:, :2].tolist() == [[1, 0], [0, -1]]
    assert select(system, values, added).place[:, :2].tolist() == [[1, 0], [0, -1]]
    safer = replace(system, indicators=(few[0], replace(few[1], direction="none")))
    assert select(safer, values, added).place[1, RAISING] == 1
    assert select(safer, values, added, kind=(np.array([2, 0]), ("shop", "stall", "guild"))).place[1, RAISING] == -1


def test_a_system_of_few_sections_has_few_candidates():
    few = replace(DEFINITIONS, indicators=DEFINITIONS.indicators[:2])
    found = select(few, np.ones((3, 2)), np.full((3, 3), 0.5))
    assert found.place.tolist() == [[0, -1, -1, -1, -1, -1]] * 3


def test_wanted_names_each_candidate_once():
    added = np.array([[0.5, 0, 0.9, 0, -0.4, 0, 0, 0, 0.0], [0.0] * 9])
    found = select(DEFINITIONS, np.ones((2, 9)), added)
    pairs = wanted(found, np.array([11, 12], np.int32), CODES).to_pylist()
    assert pairs == [{"entity": 11, "indicator": code} for code in ("listed", "fines", "size")]


def test_a_reason_cites_records_and_takes_the_strictest_visibility():
    found = reason(DEFINITIONS, "fines", 2.0, contribution=0.5, rests_on=CITED)
    assert (found.code, found.value, found.records, found.visibility) == ("S1-fines", 2.0, ("r1", "r2"), "publishable")
    hidden = reason(DEFINITIONS, "listed", 1.0, contribution=0.5, rests_on=CITED)
    assert hidden.visibility == "internal"
    by_record = reason(DEFINITIONS, "fines", 2.0, contribution=0.5, rests_on=replace(CITED, visibility="restricted"))
    assert by_record.visibility == "restricted"


def test_absence_explains_zero_and_null_and_nothing_else():
    nothing = {"record_types": ["event"], "since": None, "until": "2025-12-31", "found": 0}
    assert reason(DEFINITIONS, "fines", 0.0, contribution=-0.5, rests_on=nothing).absent == nothing
    assert reason(DEFINITIONS, "fines", float("nan"), contribution=-0.5, rests_on=nothing).value is None
    assert reason(DEFINITIONS, "fines", 3.0, contribution=0.5, rests_on=nothing) is None


def test_a_null_value_in_spite_of_records_says_nothing():
    assert reason(DEFINITIONS, "fines", float("nan"), contribution=0.5, rests_on=CITED) is None


def test_rules_come_as_reasons_of_their_own():
    (first, second) = rule_reasons(RULES)
    assert (first.code, first.rule, first.records) == ("rule-H1", "H1", ())
    assert text(first, DEFINITIONS, RULE_BY_CODE, "zh") == "吊销（《条例》第一条）"
    assert text(second, DEFINITIONS, RULE_BY_CODE, "en") == "listed (省局拟定)"


def test_a_value_that_numbers_a_code_is_said_by_its_name():
    home = replace(DEFINITIONS.by_code["size"], unit="code", reason="住所类型", reason_en="domicile")
    found = reason(replace(DEFINITIONS, indicators=(home,)), "size", 1.0, contribution=0.5, rests_on=CITED)
    named = (("自有", "owned"), ("租赁", "leased"))
    said = [text(found, replace(DEFINITIONS, indicators=(home,)), {}, one, named=named) for one in ("zh", "en")]
    assert said == ["住所类型：租赁", "domicile: leased"]


def test_words_are_made_on_reading_from_the_value():
    found = reason(DEFINITIONS, "fines", 2.0, contribution=0.5, rests_on=CITED)
    assert text(found, DEFINITIONS, RULE_BY_CODE, "zh") == "fines为2"
    assert text(found, DEFINITIONS, RULE_BY_CODE, "en") == "fines is 2"


@pytest.mark.parametrize(
    ("value", "unit", "language", "words"),
    [
        (3.0, "time", "zh", "有3次"),
        (2.456, "year", "zh", "有2.46次"),
        (0.125, "share", "en", "12.5% of it"),
        (None, "time", "zh", "次数：无记录"),
        (None, "time", "en", "count: no record"),
        (1.0, "0/1", "zh", "有1次"),
        (0.0, "0/1", "zh", "未见：次数"),
        (0.0, "0/1", "en", "not the case: count"),
    ],
)
def test_values_are_said_as_people_read_them_and_what_is_not_the_case_is_not_claimed(value, unit, language, words):
    template, label = ("{v} of it", "count") if language == "en" else ("有{v}次", "次数")
    assert sentence(template, label, (value, unit), language) == words
