"""Office lists and pages: readable, without formulas, without names of persons, self-contained, the notice on all."""

import csv
import io
import re
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving import office, points
from serving.office import County
from serving.offices import Masking
from serving.results import Results, publisher_key

NOTICE = "内部参考，不作为信用评价"


@pytest.fixture(scope="module")
def county(classified):
    results = Results(classified.home, publisher_key(classified.home))
    return County(results, classified.run("2025-12").sources, "360102", lambda digest: classified.scheme)


@pytest.fixture(scope="module")
def written(county, tmp_path_factory):
    folder = tmp_path_factory.mktemp("office")
    return folder, office.write(county, folder)


def table(path):
    text = path.read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(text.decode("utf-8-sig"), newline="")))


def test_an_office_gets_three_lists_three_pages_and_an_index(written):
    folder, files = written
    assert [path.suffix for path in files] == [".csv"] * 3 + [".html"] * 4
    assert {path.name for path in folder.iterdir()} == {path.name for path in files}


def test_the_notice_is_in_every_file_and_in_every_list_name(written):
    for path in written[1]:
        assert NOTICE in path.read_text(encoding="utf-8-sig")
        assert path.suffix == ".html" or NOTICE in path.name


def test_the_first_list_is_all_c_and_d_of_the_county_riskiest_first(county, written):
    header, *rows, notice = table(written[1][0])
    assert header == list(office.HEADERS["zh"])
    assert notice[:2] == [NOTICE, "指标体系版本 2025.2"]
    expected = county.month.listed(classes=("C", "D"), region="360102")
    assert [row[1] for row in rows] == [one["code"] for one in expected]
    assert {row[4] for row in rows} <= {"C", "D"}
    assert all(row[7] for row in rows)
    assert all(row[8].endswith("类监管") for row in rows)


def test_the_top_reason_is_a_rule_only_where_the_rule_decided(county):
    for one in county.entities:
        row = county.month.full(one)
        top = office.top_reason(county.month.words, row)
        decided = row["class"] != row["model_class"]
        assert (top["rule"] is not None) == decided
    assert office.top_reason(county.month.words, {"class": "A", "model_class": "A", "reasons": []}) is None


def test_the_second_list_is_who_moved_with_the_cause(county, written):
    _, *rows, _ = table(written[1][1])
    moved = [one for one in county.entities if one["class"] != one["class_before"]]
    assert [row[1] for row in rows] == [one["code"] for one in moved]
    assert all(row[4] != row[5] and row[6] for row in rows)


def test_the_third_list_is_class_a_with_its_four_triggers(county, written):
    _, *rows, _ = table(written[1][2])
    assert len(rows) == sum(one["class"] == "A" for one in county.entities)
    assert {row[5] for row in rows} == {"投诉举报；大数据监测发现问题；转办交办案件线索；法律法规另有规定"}


def test_pages_are_self_contained_bilingual_and_for_paper(written):
    for path in written[1][3:]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<script|https?://|src=|@import|url\(", text)
        assert text.count('class="zh"') == text.count('class="en"')
        assert "size: A4" in text
        assert len(text.encode()) < 150_000


def test_a_page_says_why_by_which_records_and_what_follows(county):
    entity = next(one for one in county.entities if one["code"] == "T00006")
    text = office.page(county, entity)
    for said in (
        "从重（拟定）",
        "内部信息，不得外传",
        "获知于",
        "五类指标贡献",
        "监管信息",
        "H2",
        "D类监管",
        "各来源最近归集",
    ):
        assert said in text
    assert county.month.head.root[:16] in text
    assert "probability" not in text


def test_pages_and_index_say_in_a_word_how_sure_a_class_is(county, written):
    words = {"high": "高", "medium": "中", "low": "低", "insufficient": "资料不足"}
    entities = {one["confidence"]: one for one in county.entities}
    assert set(entities) == set(words)
    for code, entity in entities.items():
        text = office.page(county, entity)
        assert (
            f'把握程度</span><span class="en" lang="en">confidence</span>：<span class="zh">{words[code]}</span>'
            in text
        )
        assert "spreads" not in text
    assert "把握程度" in (written[0] / "index.html").read_text()
    without = office.page(county, {**county.entities[0], "confidence": None})
    assert "把握程度" not in without


def test_pages_and_lists_are_the_same_whenever_they_are_written(county, written, tmp_path):
    again = office.write(county, tmp_path)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in written[1]]


def test_a_page_escapes_what_a_register_may_hold(county):
    entity = {**county.entities[0], "name": "<script>alert(1)</script>", "address": "<b>&"}
    text = office.page(county, entity)
    assert "<script>" not in text
    assert "&lt;b&gt;&amp;" in text


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+861234", "'+861234"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "' =1"),
        (" =cmd|' /C calc'!A0", "' =cmd|' /C calc'!A0"),
        ("＝1", "'＝1"),
        ("大街\r\n=1", "大街 =1"),
        ("a\x00b", "ab"),
        ("张三商店", "张三商店"),
        ("", ""),
    ],
)
def test_a_cell_is_never_a_formula(value, cell):
    assert office.safe_cell(value) == cell


@given(st.text(max_size=30))
@settings(max_examples=200, deadline=None)
def test_no_text_whatever_begins_a_cell_like_a_formula_or_breaks_a_row(value):
    cell = office.safe_cell(value)
    assert not cell.lstrip(" ").startswith(office.DANGEROUS)
    out = io.StringIO()
    csv.writer(out).writerow([cell])
    assert len(list(csv.reader(io.StringIO(out.getvalue(), newline="")))) <= 1


def test_a_place_without_measures_by_class_gets_lists_and_pages_too(classified, tmp_path):
    results = Results(classified.home, publisher_key(classified.home))
    own = County(results, classified.run("2025-12").sources, "360102", lambda digest: classified.scheme)
    own.month.words["measures"] = None
    files = office.write(own, tmp_path)
    assert [path.suffix for path in files] == [".csv"] * 2 + [".html"] * 4  # nobody said whom not to disturb
    assert "未规定按类别的监管措施" in files[2].read_text(encoding="utf-8")


def test_names_of_persons_are_masked_where_the_profile_says_so(county):
    settings_ = {**county.profile.settings, "masking": {"kinds": ["stall"], "longest": 4}}
    rule = Masking.of(replace(county.profile, settings=settings_))
    named = [
        ("张三", "stall"),
        ("欧阳小明", "stall"),
        ("张三小吃店铺", "stall"),
        ("张三", "shop"),
        ("", "stall"),
        ("张三", None),
    ]
    printed = ["张*", "欧*", "张三小吃店铺", "张三", "", "张*"]
    assert [rule.printed(*one) for one in named] == printed
    frame = pl.DataFrame(named, schema={"name": pl.String, "kind": pl.String}, orient="row")
    assert frame.select(rule.column("name", "kind")).to_series().to_list() == printed
    assert Masking.of(county.profile).printed("张三", "stall") == "张三"


def test_an_office_is_named_from_below_the_province_and_unknown_parts_stay_codes(county):
    assert county.office({"supervising_org": "360102/36010207"}) == "县360102 36010207"
    assert county.office({"supervising_org": None}) == ""
    assert county.place("999999") == "999999"


def test_bars_are_whole_points_against_the_longest(county):
    document = {"contributions": {"worst_24m": 1.234, "age_months": -0.617, "exposure": 9.0}}
    assert points.bars(document, county.month.words) == [
        {"dimension": "supervision", "points": 123, "length": 100.0},
        {"dimension": "basic", "points": -62, "length": 50.0},
    ]


@pytest.mark.parametrize(
    ("since", "told"), [("2021-03-31", "事件，2021-03-31 – 2026-03-31"), (None, "事件，截至 2026-03-31")]
)
def test_the_period_without_a_record_is_told_by_its_end_where_it_has_no_beginning(since, told):
    tongue = "{% macro t(zh, en) %}{{ zh }}{% endmacro %}"
    sheet = office.sheets().from_string(tongue + '{% import "told.html" as told with context %}{{ told.records(one) }}')
    absent = {"record_types": ["event"], "since": since, "until": "2026-03-31"}
    words = {"record_types": {"event": {"zh": "事件", "en": "event"}}}
    assert told in sheet.render(one={"absent": absent}, words=words)


def test_the_pages_are_of_different_entities_the_riskiest_first(county):
    chosen = office.noteworthy(county, 3)
    assert chosen[0] == county.entities[0]
    assert len({one["code"] for one in chosen}) == 3


def test_english_profiles_get_english_lists(county, tmp_path):
    lake = county.sources.lake
    english = replace(lake, profile=replace(lake.profile, language="en"))
    files = office.write(replace(county, sources=replace(county.sources, lake=english)), tmp_path)
    header, *rows, notice = table(files[0])
    assert header == list(office.HEADERS["en"])
    assert notice[:2] == [lake.profile.notice_en, "indicator system 2025.2"]
    assert "2025.2（" in files[-1].read_text(encoding="utf-8")
    assert all(row[8].startswith("regime") for row in rows)
