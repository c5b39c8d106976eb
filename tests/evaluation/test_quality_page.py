"""The page of quality: alerts first, every feed and indicator, both languages, no entity, the same bytes."""

import re
from copy import deepcopy
from dataclasses import replace

import pytest

from evaluation import charts, quality_page
from evaluation.health import NULLS
from tests.evaluation import evidence as example
from tests.evaluation.test_report import Balanced


def feed(item, **changed):
    return {
        "item": item,
        "label": "行政处罚",
        "label_en": "penalties",
        "provider": "执法机构",
        "frequency": "daily",
        "source": "gsxt",
        "received": 1234,
        "expected": 1500.5,
        "new_facts": 1200,
        "delay_median": 7,
        "delay_p90": 21,
        "matched_share": 0.985,
        "unmatched": 19,
        "last_day": "2026-02-27",
        "course": [1500] * 12 + [1234],
    } | changed


def indicator(code, **changed):
    return {
        "code": code,
        "label": f"指标{code}",
        "label_en": f"indicator {code}",
        "dimension": "supervision",
        "in_scope": 100,
        "applicable": 80,
        "valued": 60,
        "coverage": 0.75,
        **{f"null_{reason}": 8 for reason in NULLS},
        "freshness_days": 400,
        "psi": 0.02,
        "psi_missing": None,
        "auc": 0.71,
        "auc_direction": "riskier",
        "auc_missing": None,
        "contribution_share": 0.12,
        "contribution_missing": None,
    } | changed


ABSENT = {
    "freshness_days": None,
    "coverage": None,
    "psi": None,
    "psi_missing": "no_entities",
    "auc": None,
    "auc_direction": None,
    "auc_missing": "few_outcomes",
    "contribution_share": None,
    "contribution_missing": "no_month",
}
FOUND = {
    "month": "2026-02",
    "as_of": "2026-02-28",
    "previous": "2026-01",
    "notice": "内部参考，不作为信用评价",
    "notice_en": "For internal reference; not an evaluation of anyone's credit",
    "lake": "ab" * 32,
    "definitions": "cd" * 32,
    "sample": "violation-2025-12-31",
    "contributions": "2026-02",
    "entities": 4500,
    "stride": 1,
    "cells": 12,
    "alerts": [
        {"code": "DQ001", "item": "G302", "source": "gsxt", "text": "逾期三十天", "text_en": "thirty days overdue"},
        {"code": "DQ002", "item": "G404", "source": None, "text": "从未收到一行", "text_en": "not one row received"},
    ],
    "feeds": [
        feed("G106"),
        feed("G302", received=3, delay_median=None, delay_p90=None),
        feed("G404", source=None, received=0, expected=None, matched_share=None, last_day=None, frequency=None),
    ],
    "rejects": [
        {
            "source": "gsxt",
            "record_type": "penalty",
            "code": "date_format",
            "rows": 12,
            "deliveries": 2,
            "refused": False,
        }
        | {"advice": "改正日期", "advice_en": "correct the date"},
        {"source": None, "record_type": None, "code": "gone", "rows": 0, "deliveries": 1, "refused": True}
        | {"advice": None, "advice_en": None},
    ],
    "indicators": [
        indicator("calm"),
        indicator("moved", psi=0.31),
        indicator("noticed", psi=0.12, auc=0.5, auc_direction=None),
        indicator("thin", coverage=0.1),
        indicator("absent", dimension="elsewhere", in_scope=0, **ABSENT),
    ],
}


def page(tmp_path, **changed):
    place = example.profile(tmp_path, **changed.pop("profile", {}))
    return quality_page.render({**deepcopy(FOUND), **changed}, place)


@pytest.fixture
def whole(tmp_path):
    return page(tmp_path)


def test_the_page_is_well_formed_and_needs_nothing_from_outside(whole, tmp_path):
    reader = Balanced()
    reader.feed(whole)
    assert reader.wrong == []
    assert reader.open == []
    assert not re.search(r"""(src|href|@import|url\()\s*=?\s*["']?(https?:)?//""", whole)
    assert "<script" not in whole
    assert whole == page(tmp_path)


def test_alerts_come_first_and_mark_their_feed(whole):
    assert whole.index("逾期三十天") < whole.index("归集事项</span>") < whole.index("gsxt</td>")
    assert '<small class="mark DQ001">' in whole
    assert "thirty days overdue" in whole
    assert whole.count('<tr class="failed">') == 1


def test_counts_below_five_are_not_told(whole):
    assert "<td>&lt;5</td>" in whole
    assert "<td>1,234</td>" in whole
    assert [quality_page.few(value) for value in (0, 1, 4, 5)] == ["0", "<5", "<5", "5"]


def test_the_notice_stands_on_the_page_in_both_languages_and_in_its_footer(whole):
    foot = whole[whole.index('<footer class="foot">') :]
    assert "内部参考，不作为信用评价" in foot
    assert "For internal reference; not an evaluation of anyone&#39;s credit" in foot
    assert len(re.findall(r'<span class="zh">', whole)) == len(re.findall(r'<span class="en"', whole))


def test_indicators_to_look_at_are_those_that_moved_then_those_nearly_empty():
    assert [one["code"] for one in quality_page.worst(FOUND["indicators"])] == ["moved", "noticed", "thin"]


def test_every_figure_that_is_missing_says_why(whole):
    for reason in ("psi_missing", "auc_missing", "contribution_missing"):
        assert quality_page.WORDS[ABSENT[reason]][0] in whole
    assert "elsewhere" in whole  # a dimension without words stands for itself


def test_a_quiet_month_says_so(tmp_path):
    quiet = page(tmp_path, alerts=[], rejects=[], feeds=[], indicators=[])
    assert "本月没有数据预警" in quiet
    assert "本月没有拒收行" in quiet
    assert quiet.count("没有。") == 1


def test_the_page_opens_in_the_language_of_the_place_and_its_words_are_escaped(tmp_path):
    english = page(tmp_path, profile={"language": "en"})
    assert 'aria-label="English / 中文" checked>' in english
    named = quality_page.render(FOUND, replace(example.profile(tmp_path), label="<script>某省"))
    assert "<script>" not in named


def test_a_course_has_a_column_a_month_and_a_line_where_something_was_expected():
    drawn = charts.spark([0, 5, 10], 5.0, ("图", "chart"))
    assert drawn.count("<rect") == 3
    assert drawn.count("<line") == 1
    assert "<line" not in charts.spark([0, 0], None, ("图", "chart"))


def test_parts_of_nothing_leave_the_bar_empty():
    assert charts.portions([(0.0, "#000"), (0.5, "#111")], ("图", "chart")).count("<rect") == 2
