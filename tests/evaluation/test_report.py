"""The report: one page on its own, verdict first, both languages, the same bytes."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from evaluation import report, shown
from evaluation.checks import Coverage
from tests.evaluation import evidence as example

GOLDEN = Path(__file__).parent.parent / "golden" / "report.html"
VOID = {"meta", "input", "br", "line", "circle", "rect", "polyline"}


class Balanced(HTMLParser):
    """Reads a page and remembers every element that was closed out of order."""

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.seen = [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@pytest.fixture
def page(tmp_path):
    return report.render(example.assessment(), example.subject(example.profile(tmp_path)))


def rendered(tmp_path, evidence=None, **changed):
    return report.render(example.assessment(evidence, **changed), example.subject(example.profile(tmp_path)))


def test_the_report_equals_the_golden(page, golden):
    golden(GOLDEN, page)


def test_the_same_assessment_gives_the_same_bytes(page, tmp_path):
    assert page == rendered(tmp_path)


def test_the_page_is_well_formed_small_and_needs_nothing_from_outside(page):
    reader = Balanced()
    reader.feed(page)
    assert reader.wrong == []
    assert reader.open == []
    assert len(page.encode()) < 300_000
    assert not re.search(r"""(src|href|@import|url\()\s*=?\s*["']?(https?:)?//""", page)
    assert "<script" not in page


def test_the_verdict_leads(page, tmp_path):
    assert page.index("晋级") < page.index("检查清单") < page.index("区分能力")
    rejected = replace(example.good(), coverage=Coverage(10, 9, {}, 1))
    assert '<section class="verdict reject"' in rendered(tmp_path, rejected)
    assert "不晋级" in rendered(tmp_path, rejected)
    doubtful = replace(example.good(), leakage=None)
    assert '<section class="verdict review"' in rendered(tmp_path, doubtful)
    assert "需人工" in rendered(tmp_path, doubtful)


def test_every_check_is_listed_with_its_answer(page):
    for check in example.assessment().verdict.checks:
        assert check.code in page
        assert check.title in page
    assert page.count('class="answer passed"') == len(example.assessment().verdict.checks)


def test_every_chart_has_its_table_under_it(page):
    charts = page.split('<div class="chart')[1:]
    assert len(charts) == 7
    assert all("<svg" in part and "<table" in part for part in charts)
    assert page.count("<svg") == 9


def test_the_notice_stands_on_the_page_in_both_languages(page):
    assert page.count("内部参考，不作为信用评价") >= 2
    assert "For internal reference; not an evaluation of anyone&#39;s credit" in page


def test_every_chinese_span_has_its_english_one(page):
    assert len(re.findall(r'<span class="zh">', page)) == len(re.findall(r'<span class="en"', page))


def test_the_page_opens_in_the_language_of_the_place(tmp_path):
    subject = example.subject(example.profile(tmp_path, language="en"))
    assert 'aria-label="English / 中文" checked>' in report.render(example.assessment(), subject)


def test_a_place_without_draws_months_or_published_shares_has_a_page(tmp_path):
    bare = replace(example.good(), draws=None, stability=None, champion=None, baseline=None, leakage=None)
    place = example.profile(tmp_path)
    (tmp_path / "published_shares.yaml").unlink()
    nothing = {"open_cases": None, "oracle": None, "oracle_draws": None, "origins": (), "gains": ()}
    page = report.render(example.assessment(bare, **nothing), example.subject(place))
    assert "本地配置没有随机抽查数据" in page
    assert "尚无可比较的前一月份" in page
    assert "各地公布的占比" not in page


def test_dates_without_a_figure_and_kinds_without_classes_are_left_out_of_charts(tmp_path):
    made = example.assessment(replace(example.good(), classes={}))
    silent = replace(made.origins[0], found=replace(made.origins[0].found, auc=None, auc_interval=None))
    page = report.render(replace(made, origins=[silent]), example.subject(example.profile(tmp_path)))
    assert page.count("<svg") == 7
    assert "历次回测 AUC" not in page


def test_a_class_that_cannot_be_judged_says_so(tmp_path):
    few = example.rate(0.3, 120, "不足以判断")
    draws = replace(example.draws(), onsite={**example.draws().onsite, "D": few})
    assert "too few to judge" in rendered(tmp_path, replace(example.good(), draws=draws))


def test_text_of_the_profile_is_escaped(tmp_path):
    place = replace(example.profile(tmp_path), label="<script>某省")
    assert "<script>" not in report.render(example.assessment(), example.subject(place))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (3.0, "3"),
        (12345.0, "12,345"),
        (3e-6, "3.0e-06"),
        (0.12345, "0.123"),
        (-0.0123, "-0.012"),
        (12.345, "12.3"),
    ],
)
def test_a_figure_keeps_the_digits_that_mean_something(value, text):
    assert shown.figure(value) == text


@pytest.mark.parametrize("name", report.BY_PRODUCTS)
def test_by_products_say_the_same_in_both_languages(tmp_path, name):
    subject = example.subject(example.profile(tmp_path))
    text = report.by_product(name, example.assessment(), subject)
    assert text == report.by_product(name, example.assessment(), subject)
    chinese, english = text.split("\n---\n")
    assert "内部参考，不作为信用评价" in chinese
    assert "For internal reference; not an evaluation of anyone's credit" in english
    assert chinese.count("\n## ") == english.count("\n## ") > 1
    assert ("晋级" in chinese, "Promote" in english) == (True, True)
    assert "\n\n\n" not in text
    assert not re.search(r"[{}%]{2}", text)


def test_a_model_card_states_figures_by_kind_and_class(tmp_path):
    card = report.by_product("model_card.md", example.assessment(), example.subject(example.profile(tmp_path)))
    rows = [line for line in card.splitlines() if line.startswith("| 企业")]
    assert [line.split(" | ")[1] for line in rows] == ["5,000", "60.1%"]
    assert "- 模型: LightGBM, 300 × 31" in card
    assert "| problems on random draws | 5.0% [4.5%, 5.5%] |" in card


def test_a_scheme_without_draws_has_a_card_too(tmp_path):
    bare = example.assessment(replace(example.good(), draws=None), oracle_draws=None)
    assert "random draws |" not in report.by_product("model_card.md", bare, example.subject(example.profile(tmp_path)))


def test_every_chart_of_the_report_can_be_had_alone(tmp_path):
    found = report.pictures(example.assessment(), example.subject(example.profile(tmp_path)))
    assert {"gains", "classes", "draws", "backtest", "shifts", "calibration_enterprise", "further_1"} <= set(found)
    assert all(picture.startswith("<svg") for picture in found.values())


def test_the_run_that_made_a_scheme_is_told(tmp_path):
    subject = replace(example.subject(example.profile(tmp_path)), run=(report.Fact(("用时（秒）", "seconds"), 12.5),))
    assert "The run that made it" in report.render(example.assessment(), subject)
