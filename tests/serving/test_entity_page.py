"""The page of one entity: eight blocks from the document the API gives, nothing told without its right, objections."""

import asyncio
import json
import re
import shutil
import threading
from dataclasses import replace
from datetime import timedelta
from itertools import product

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from looking import Visitor, guarded, words
from offices import desk_of, rows
from posts import DISPUTES
from sqlalchemy import select, update
from test_acts_verb import ACTS
from town import NOW, Settled, Town, settle, write

from features import signing
from features.asof import Month
from features.engine import Engine
from features.matrix import Batch
from features.profile import ProfileError, read_profile
from features.reading import Reading
from features.records.journal import Journal
from features.records.schema import record_types
from serving import explanation, offices, points, publicity, recourse, reviews
from serving.access import INTERNAL, PROBABILITY
from serving.http import ProblemError
from serving.pages import entity as entity_page
from serving.pages import forms
from serving.results import publisher_key
from serving.reviews import Closing
from serving.shelf import Shelf
from serving.tables import LOADS, REGISTERED
from training.acts import read_acts
from training.counterfactual import Asked
from training.counterfactual import ways as searched

BOTH = (INTERNAL, PROBABILITY)
RIGHTS = [(), (INTERNAL,), (PROBABILITY,), BOTH]
HEADINGS = [
    "1 结论与监管措施", "2 近12个月走势", "3 主要原因", "4 五类指标贡献", "5 主体自身能做什么", "6 数据缺口",
    "7 直接判定规则", "8 依据、版本与异议",
]  # fmt: skip
MOST = 150 * 1024
HIDDEN = "系统内部标注信息"


@pytest.fixture(scope="module")
def place(classified, tmp_path_factory):
    """A town with a lake of the product's own, two months published, acts and disputes."""
    folder = tmp_path_factory.mktemp("entity") / "town"
    shutil.copytree(classified.folder, folder)
    settle(Town.at(folder))
    (folder / "profile" / "acts.yaml").write_text(yaml.safe_dump(ACTS, allow_unicode=True), encoding="utf-8")
    write(folder / "profile" / "disputes.yaml", DISPUTES)
    headings = [{"label": "经营异常", "label_en": "abnormal", "record_types": ["listing"]}]
    home = {"url": "https://publicity.example/", "label": "公示主页", "label_en": "publicity"}
    write(folder / "profile" / "publicity.yaml", {"home": home, "headings": headings})
    return Settled(folder)


@pytest.fixture(scope="module")
def desk(place):
    return desk_of(place)


@pytest.fixture(scope="module")
def guard(place, desk):
    return guarded(place, lambda: desk)


@pytest.fixture(scope="module")
def visitors(guard, place):
    """Somebody with each pair of rights."""
    return {rights: Visitor.of(guard, place, "analyst", rights=rights) for rights in RIGHTS}


@pytest.fixture(scope="module")
def everybody(desk):
    return {row["code"]: row for row in rows(desk.newest)}


def documents(desk, everybody):
    month = desk.newest
    return {code: explanation.document(month, row, desk.champion) for code, row in everybody.items()}


def path(code, more=""):
    return f"/ui/entities/{code}{more}"


def seen(visitor, code, more=""):
    answer = visitor.get(path(code, more))
    assert answer.status_code == 200, words(answer.text)
    return answer.text


def block(page, number):
    """What is read in a block, from its heading to the next."""
    text = words(page)
    start = text.index(HEADINGS[number - 1])
    return text[start : text.index(HEADINGS[number]) if number < len(HEADINGS) else None]


@pytest.mark.parametrize("rights", RIGHTS, ids=str)
def test_every_page_has_its_eight_blocks_and_nothing_that_needs_another_right(visitors, everybody, place, rights):
    events = pq.read_table(place.folder / "lake" / "event.parquet").to_pylist()
    internal = {row["record_id"] for row in events if row["visibility"] == "internal"}
    cited = set()
    for code, row in everybody.items():
        page = seen(visitors[rights], code)
        assert len(page.encode()) < MOST
        assert "内部参考，不作为信用评价" in page
        assert not re.search(r"<script(?![^>]* (src|type=\"application/json\"))|\sstyle=|\son[a-z]+=", page)
        told = [title for title in HEADINGS if title in words(page)]
        assert told == (HEADINGS if row["class"] else [HEADINGS[0], HEADINGS[1], HEADINGS[7]])
        cited |= {record for record in internal if record in page}
        if INTERNAL not in rights:
            assert "不得外传" not in page
            assert not re.search(r"\bH2\b|从重", words(page))
            assert (HIDDEN in page) == (row["class"] is not None)
        if PROBABILITY not in rights:
            assert not re.search("概率|把握程度|高于同类主体|距最近分界值", words(page))
    assert bool(cited) == (INTERNAL in rights)


def test_beside_the_probability_stands_the_average_of_the_kind(visitors, everybody):
    code, row = next((code, row) for code, row in everybody.items() if row["class"])
    own = [one["probability"] for one in everybody.values() if one["class"] and one["kind"] == row["kind"]]
    average = f"{sum(own) / len(own):.1%}"
    assert f"{row['probability']:.1%} （同类主体平均 {average}）" in block(seen(visitors[BOTH], code), 1)
    assert f"(average of its kind {average})" in words(seen(visitors[BOTH], code, "?lang=en"))
    seen(visitors[BOTH], code, "?lang=zh")  # the language stays once chosen
    assert "同类主体平均" not in words(seen(visitors[()], code))


def test_the_head_says_how_the_entity_stands_in_the_register_in_the_words_of_the_profile(guard, place, everybody):
    for role, rights in (("analyst", BOTH), ("department_reader", ())):
        visitor = Visitor.of(guard, place, role, rights=rights)
        assert "登记状态：在营" in words(seen(visitor, "T00010", "?lang=zh"))
        assert "登记状态：关闭" in words(seen(visitor, "T00007"))
    assert everybody["T00007"]["class"] is None
    assert offices.standing(place.profile, "gone", "en") == "gone"
    assert offices.standing(replace(place.profile, settings={}), "open") == "open"


def test_a_load_of_an_earlier_version_tells_neither_average_nor_registration_status(copied):
    with copied.store.writing() as connection:
        for load, told in connection.execute(select(LOADS.c.load, LOADS.c.told)).all():
            kept = {name: one for name, one in told.items() if name not in {"averages", REGISTERED}}
            connection.execute(update(LOADS).where(LOADS.c.load == load).values(told=kept))
    earlier = desk_of(copied, results=Shelf(copied.store, publisher_key(copied.home)))
    page = words(seen(Visitor.of(guarded(copied, lambda: earlier), copied, "analyst", rights=BOTH), "T00010"))
    assert "同类主体平均" not in page
    assert "登记状态" not in page
    assert "registration" not in earlier.newest.marked
    assert {"name", "document"} < set(earlier.newest.marked)
    assert "高于同类主体的" in page


def test_the_page_says_what_the_document_says(visitors, desk, everybody):
    month = desk.newest
    for code, document in list(documents(desk, everybody).items())[:60]:
        page = seen(visitors[BOTH], code)
        if document["class"] is None:
            assert document["status"] in block(page, 1)
            continue
        first = block(page, 1)
        for said in (f"{document['probability'] * 100:.1f}%", f"{document['class']}类监管", "专业领域"):
            assert said in first
        reasons = block(page, 3)
        for one in filter(printed, document["reasons"]):
            assert one["text"] in reasons
            assert ("不得外传" in reasons) or one["visibility"] == "publishable"
            for record in one.get("evidence", ()):
                assert all(str(record[name]) in reasons for name in ("record", "date", "known_since"))
        for rule in document["rules"]:
            expected = (rule["code"], rule["basis"], "未定期限", "模型类别", "类别至少为")
            assert all(said in block(page, 7) for said in expected)
        assert month.head.root[:16] in block(page, 8)
        assert "2025-12-31" in block(page, 8)
        assert "2025.2" in block(page, 8)
        assert "数据月 2025-12" in block(page, 8)
        assert '<dd class="unprinted"><a href=' in page  # the proof is a link, which paper has no use for


def printed(reason):
    return points.is_printed(reason, points.POINTS)


def test_what_the_dimensions_add_is_drawn_and_stands_in_the_table_under_it(visitors, everybody):
    page = seen(visitors[BOTH], "T00010")
    figure = page[page.index("<figure") : page.index("</figure>")]
    lengths = [float(one) for one in re.findall(r'<rect class="(?:more|less)" [^>]*width="([0-9.]+)"', figure)]
    assert max(lengths) == 100
    assert "监管信息" in words(page[page.index("</figure>") : page.index("<details>")])
    assert "<summary>指标组合计与各项指标" in page


def test_what_all_dimensions_and_the_base_add_is_their_printed_sum_for_who_may_know_the_margin(
    visitors, desk, everybody
):
    for code, document in documents(desk, everybody).items():
        page = seen(visitors[BOTH], code)
        if document["class"] is None:
            continue
        table = page[page.index("</figure>") : page.index("<details>")]
        added_up = table.replace(points.MINUS, "-")
        *added, whole = [int(one) for one in re.findall(r'<td class="number">([+-]?[0-9]+)</td>', added_up)]
        assert sum(added) == whole == round(document["margin"] * 100)
        assert "基准" not in block(seen(visitors[(INTERNAL,)], code), 4)


def test_a_rule_is_printed_without_points_a_section_with_its_sum_and_what_rounds_to_nothing_not_at_all(
    visitors, desk, everybody
):
    seen_of = {"rule": 0, "section": 0, "nothing": 0}
    marked = r"( （内部信息，不得外传）)? "
    for code, document in documents(desk, everybody).items():
        if document["class"] is None:
            continue
        text, sums = block(seen(visitors[BOTH], code), 3), points.sections(document, desk.newest.words)
        for one in document["reasons"]:
            said = re.escape(one["text"]) + marked
            if one["code"].startswith("rule-"):
                seen_of["rule"] += 1
                assert re.search(said + "由规则确定", text)
                continue
            section = sums[desk.newest.words["indicators"][one["indicator"]]["section"]]
            assert section["points"] == pytest.approx(one["contribution"] * 100, abs=0.01)
            told = re.escape(points.signed(one["contribution"] * 100))
            printed = re.search(f"{said}{told}分（“{section['zh']}”组{section['count']}项指标合计）", text)
            nothing = abs(one["contribution"]) < 0.005
            assert bool(printed) != nothing
            seen_of["nothing" if nothing else "section"] += 1
    assert seen_of["rule"]
    assert seen_of["section"]


def test_a_reason_that_rounds_to_nothing_is_left_to_the_document(place, desk, everybody):
    document = documents(desk, everybody)["T00010"]
    first = next(one for one in document["reasons"] if one["indicator"])
    weak = {**document, "reasons": [{**first, "contribution": 0.0049}, {**first, "contribution": -0.0051}]}
    printed = points.reasons(weak, desk.newest.words, place.profile)
    assert [one["contribution"] for one in printed] == [-0.0051]


@pytest.mark.parametrize(
    ("value", "places", "told"),
    [
        (3.4, 0, "+3"), (-14, 0, "−14"), (0, 0, "0"), (-0.4, 0, "0"), (0.04, 1, "0.0"), (-0.04, 1, "0.0"),
        (-0.0, 1, "0.0"), (-0.06, 1, "−0.1"), (12.34, 1, "+12.3"),
    ],
)  # fmt: skip
def test_a_number_bears_a_sign_unless_it_rounds_to_zero(value, places, told):
    assert points.signed(value, places) == told


@pytest.mark.parametrize("rights", RIGHTS, ids=str)
def test_no_zero_is_signed_and_no_minus_is_a_hyphen(visitors, everybody, rights):
    for code in list(everybody)[:60]:
        page = seen(visitors[rights], code)
        assert re.findall(r"(?<![\d.])[+−-]0(?:\.0+)?(?![\d.])", words(page)) == []
        assert re.findall(r'class="number">-', page) == []


def test_on_paper_indicators_that_add_nothing_are_counted_and_left_out(visitors, desk, everybody):
    lines = documents(desk, everybody)["T00010"]["contributions"]
    page = seen(visitors[BOTH], "T00010")
    table = page[page.index("<caption>各项指标") : page.index("</details>")]
    idle = sum(abs(adds) < 0.0005 for adds in lines.values())
    assert 0 < idle < len(lines)
    assert table.count('<tr class="unprinted">') == table.count(">0.0<") == idle
    assert f"共{len(lines)}项指标，其中{idle}项为0.0（打印时不列）" in words(table)


def test_gaps_are_told_by_how_many_indicators_have_no_value_and_why(visitors, desk, everybody):
    told = 0
    for code, document in documents(desk, everybody).items():
        if document["class"] is None:
            continue
        text = block(seen(visitors[BOTH], code), 6)
        without = [one for one in document["data_gaps"] if one["why"] == "no_record"]
        for one in without:
            told += 1
            assert f"{one['label']} {len(one['indicators'])}项" in text
        assert ("该主体没有可据以计算的记录，因而无数值的指标" in text) == bool(without)
        assert ("各项指标的来源均已归集" in text) == (len(without) == len(document["data_gaps"]))
    assert told


def test_from_the_head_of_the_page_one_goes_to_publicity_proof_and_objection(visitors, guard, place, everybody):
    def head(visitor):
        page = seen(visitor, "T00010")
        return page[page.index("<h1>") : page.index("<h2>")]

    every = head(visitors[BOTH])
    assert 'href="https://publicity.example/" rel="external noopener noreferrer">公示主页<' in every
    assert 'href="/ui/entities/T00010/proof?period=2025-12" download' in every
    assert 'href="#object"' in every
    assert "/proof" not in head(visitors[(INTERNAL,)])
    reader = head(Visitor.of(guard, place, "department_reader", rights=()))
    assert "公示主页" in reader
    assert "#object" not in reader


def test_an_address_of_the_publicity_system_is_https_or_refused(place, tmp_path):
    shutil.copytree(place.folder / "profile", tmp_path / "profile")
    assert publicity.home(read_profile("jiangxi"))["url"].startswith("https://")
    for stated in ({"headings": []}, {"home": {"url": "http://a.example", "label": "x"}, "headings": []}):
        write(tmp_path / "profile" / "publicity.yaml", stated)
        profile = read_profile(str(tmp_path / "profile"))
        if "home" not in stated:
            assert publicity.home(profile) is None
            continue
        with pytest.raises(ProfileError, match="begins with https"):
            publicity.home(profile)


def test_records_are_told_in_the_words_and_order_of_the_publicity_system(visitors, desk, everybody):
    known = documents(desk, everybody)
    code = next(code for code, one in known.items() if "H1" in {rule["code"] for rule in one["rules"]})
    page = seen(visitors[BOTH], code)
    assert "经营异常 ·" in words(page) or "其他归集信息 ·" in words(page)


def test_headings_of_the_publicity_system_are_of_records_that_are_published():
    profile = read_profile("jiangxi")
    known, types = publicity.headings(profile), record_types(profile)
    assert {types[name].visibility for name in known} == {"publishable"}
    cited = [{"record_type": name} for name in ("complaint", "serious_listing", "penalty", "entity")]
    told = [one["heading"] for one in publicity.ordered(cited, known)]
    assert told == ["营业执照信息", "行政处罚信息", "列入严重违法失信名单信息", "其他归集信息"]
    assert [one["heading"] for one in publicity.ordered(cited, {})] == ["", "", "", ""]


def test_the_months_are_a_table_and_a_chart_that_has_its_data(visitors, everybody):
    page = seen(visitors[BOTH], "T00010")
    chart = json.loads(re.search(r'<script type="application/json" id="months-told">(.*?)</script>', page)[1])
    assert chart["months"] == ["2025-11", "2025-12"]
    assert len(chart["probabilities"]) == 2
    assert '<a href="?period=2025-11">' in page
    assert "vendor/echarts.js" in page
    without = seen(visitors[(INTERNAL,)], "T00010")
    assert json.loads(re.search(r'id="months-told">(.*?)</script>', without)[1])["probabilities"] is None


def test_what_changed_is_owed_to_data_model_thresholds_rules_or_steadiness(visitors, everybody):
    text = block(seen(visitors[BOTH], "T00010"), 2)
    for said in ("新事实", "模型更新", "分界值", "直接判定规则", "平稳处理", "自 2025-11 以来"):
        assert said in text


def test_another_month_is_shown_by_its_name_and_an_unknown_one_is_not_there(visitors):
    earlier = seen(visitors[BOTH], "T00010", "?period=2025-11")
    assert "数据月 2025-11" in words(earlier)
    assert "vendor/echarts.js" not in earlier  # the first month has no course to draw
    assert "2 近12个月走势（有结果的1个月）与本月变化" in words(earlier)
    assert "没有可比的分类" not in block(seen(visitors[BOTH], "T00010"), 2)
    assert "上月没有可比的分类" in block(earlier, 2)
    assert seen(visitors[BOTH], "T00010", "?period=")
    assert visitors[BOTH].get(path("T00010", "?period=2020-01")).status_code == 404


def test_in_english_no_chinese_sentence_of_ours_is_left(guard, place, everybody):
    visitor = Visitor.of(guard, place, "analyst", rights=BOTH)
    for code in list(everybody)[:40]:
        page = seen(visitor, code, "?lang=en")
        assert len(page.encode()) < MOST
        for said in ("1 Class and measures", "2 The last 12 months", "8 Basis, version and how to object"):
            assert said in words(page)
        assert not re.search("监管措施|主要原因|数据缺口|提出异议|贡献|依据", words(page))


def test_an_entity_of_another_office_is_as_one_that_does_not_exist(guard, place, everybody):
    county = Visitor.of(guard, place, "regulator_county", org="360102", rights=BOTH)
    foreign = next(code for code, row in everybody.items() if row["region"] == "360103")
    answers = [county.get(path(code, more)) for code, more in product((foreign, "nobody"), ("", "/proof"))]
    assert {one.status_code for one in answers} == {404}
    assert len({one.content for one in answers}) == 1
    refused = [county.submit(path(code, "/disputes"), **FORM) for code in (foreign, "nobody")]
    assert {one.status_code for one in refused} == {404}
    assert refused[0].content == refused[1].content


def test_of_kinds_run_by_persons_a_reader_elsewhere_is_told_the_class_only(place, desk, everybody, monkeypatch):
    monkeypatch.setitem(desk.profile.settings, "masking", {"kinds": ["stall"], "longest": 4})
    reader = Visitor.of(guarded(place, lambda: desk), place, "department_reader", rights=(INTERNAL,))
    shop, stall = (next(code for code, row in everybody.items() if row["kind"] == kind) for kind in ("shop", "stall"))
    page = words(seen(reader, stall))
    assert "依权限只告知类别" in page
    assert "主要原因" not in page
    assert "主要原因" in words(seen(reader, shop))


def test_the_proof_is_for_who_may_see_the_whole_row(visitors):
    proof = visitors[BOTH].get(path("T00010", "/proof?period=2025-12"))
    assert proof.json()["entity"] == "T00010"
    assert "attachment" in proof.headers["content-disposition"]
    for rights, visitor in visitors.items():
        assert ("/proof?period=" in seen(visitor, "T00010")) == (rights == BOTH)
        assert (visitor.get(path("T00010", "/proof")).status_code == 200) == (rights == BOTH)


# ---- what the entity can do


def ways(desk, everybody, code):
    return desk.recourse(desk.newest, everybody[code], AsIf(BOTH))


class AsIf:
    """Whoever has some rights, where nobody is asked who it is."""

    def __init__(self, rights):
        self._rights = rights
        self.grant = type("Grant", (), {"role": "analyst"})

    def may(self, right):
        return right in self._rights


def test_who_is_on_the_list_is_told_the_way_off_it_and_the_class_it_leads_to(visitors, desk, everybody):
    found = {code: ways(desk, everybody, code) for code, row in everybody.items() if row["class"] in ("C", "D")}
    code = next(code for code, one in found.items() if one["state"] == recourse.WAYS)
    way = found[code]["ways"][0]
    assert way["class"] < found[code]["class_by_cutoffs_and_rules"]
    text = block(seen(visitors[BOTH], code), 5)
    for said in (
        way["acts"][0]["label"],
        way["acts"][0]["basis"],
        "由他人决定的事项不在其列",
        f"{way['probability']:.1%}",
    ):
        assert said in text
    none = next(code for code, one in found.items() if one["state"] == recourse.NONE)
    text = block(seen(visitors[BOTH], none), 5)
    assert "主体自行办理有关事项不能降低风险类别" in text
    assert ("下列事项仍可办理，但按推算不改变类别" in text) == bool(found[none]["could"])
    calm = next(code for code, row in everybody.items() if row["class"] == "A")
    assert "已是风险最低的类别" in block(seen(visitors[BOTH], calm), 5)


def test_the_ways_are_those_the_search_over_many_finds(place, desk, everybody, monkeypatch):
    month, scheme = desk.newest, desk.champion
    asked = [row for row in everybody.values() if row["class"] in ("C", "D")]
    columns, values = month.values(asked)
    entities = np.array([row["entity"] for row in asked], np.int32)
    kinds = np.array([scheme.kinds.index(row["kind"]) for row in asked], np.int8)
    batch = Batch(Month.parse(month.month).end, entities, kinds, values, columns)
    reading = Reading(place.lake, Engine("polars"))
    acts = read_acts(place.profile, reading.types)
    many = searched(reading, scheme, Asked(place.definitions, acts, batch))
    assert any(one.ways for one in many)
    for row, one in zip(asked, many, strict=True):
        expected = recourse.searched(recourse.told(one, acts, lambda *_: "publishable"))
        found = ways(desk, everybody, row["code"])
        assert without_marks(found) == without_marks(expected)


def without_marks(found):
    text = json.dumps(found)
    return json.loads(re.sub(r'"visibility": "[a-z_]+"', '"visibility": ""', text))


def test_where_the_records_are_away_or_no_longer_the_same_the_page_says_so(
    place, desk, everybody, visitors, monkeypatch
):
    risky = next(row for row in everybody.values() if row["class"] == "D")
    monkeypatch.setattr(type(desk.newest), "vector", lambda *_: dict.fromkeys(desk.champion.columns, 5.0))
    assert desk.recourse(desk.newest, risky, AsIf(BOTH))["state"] == recourse.DIFFER
    monkeypatch.undo()
    lake = place.home / "lake"
    lake.rename(place.home / "elsewhere")
    try:
        assert "本机没有记录库" in block(seen(visitors[BOTH], risky["code"]), 5)
    finally:
        (place.home / "elsewhere").rename(lake)


def test_a_place_without_acts_says_so(classified):
    desk = desk_of(classified)
    risky = next(row for row in rows(desk.newest) if row["class"] == "D")
    assert desk.recourse(desk.newest, risky, AsIf(BOTH))["state"] in {recourse.NO_ACTS, recourse.AWAY}
    gone = next(row for row in rows(desk.newest) if row["class"] is None)
    assert desk.recourse(desk.newest, gone, AsIf(BOTH)) == {"state": recourse.NOT_CLASSIFIED}


def test_sections_that_raise_more_than_a_reason_and_are_none_are_named():
    stated = {
        code: {"section": section, "zh": code, "en": code, "dimension": "basic"}
        for code, section in (("a1", "a"), ("b1", "b"), ("b2", "b"), ("c1", "c"), ("d1", "d"))
    }
    words = {"indicators": stated, "sections": {one: {"zh": one, "en": one, "dimension": "basic"} for one in "abcd"}}
    reason = {"indicator": "a1", "contribution": 0.1}
    document = {
        "contributions": {"a1": 0.1, "b1": 0.3, "b2": 0.12, "c1": 0.104, "d1": -0.5},
        "reasons": [reason, {"indicator": None, "contribution": 0.0, "rule": {}}],
    }
    assert [(one["zh"], round(one["points"])) for one in points.uncited(document, words)] == [("b", 42)]
    alone = {**document, "reasons": []}
    assert [one["zh"] for one in points.uncited(alone, words)] == ["b", "c", "a"]
    assert points.uncited({**document, "contributions_in": explanation.SHARE}, words) == []


def test_a_page_whose_lane_is_taken_says_what_it_could_not_work_out_and_ends_whole(
    desk, everybody, visitors, monkeypatch
):
    code = next(code for code, one in everybody.items() if one["class"] == "D")
    taken, freed = threading.Event(), threading.Event()

    def held():
        taken.set()
        freed.wait()

    other = threading.Thread(target=lambda: asyncio.run(desk.lane.run(held)))
    other.start()
    assert taken.wait(10)
    with monkeypatch.context() as hurried:
        hurried.setattr(entity_page, "PATIENCE", 0.05)
        page = visitors[BOTH].get(f"/ui/entities/{code}").text
    freed.set()
    other.join()
    assert "此项暂未推算完毕" in words(page)
    assert page.rstrip().endswith("</html>")
    assert "此项暂未推算完毕" not in words(visitors[BOTH].get(f"/ui/entities/{code}").text)


OPEN_ACT = {"act": "a", "visibility": "publishable"}
CLOSED_ACT = {"act": "inner", "visibility": "internal"}
FOUND = {
    "state": recourse.WAYS,
    "probability": 0.5,
    "could": [OPEN_ACT, CLOSED_ACT],
    "ways": [
        {"class": "A", "probability": 0.1, "acts": [OPEN_ACT, CLOSED_ACT]},
        {"class": "B", "probability": 0.2, "acts": [OPEN_ACT]},
    ],
    "internal": False,
}


def test_acts_about_internal_records_need_their_right():
    shown = recourse.visible(FOUND, internal=False, probability=True)
    assert "inner" not in json.dumps(shown["could"]) + json.dumps([way["acts"] for way in shown["ways"]])
    assert ([way["class"] for way in shown["ways"]], shown["internal"], shown["state"]) == (["B"], True, "ways")
    only = {**FOUND, "ways": FOUND["ways"][:1]}
    assert recourse.visible(only, internal=False, probability=True)["state"] == "none"
    assert recourse.visible(FOUND, internal=True, probability=True) == FOUND
    assert "probability" not in json.dumps(recourse.visible(FOUND, internal=True, probability=False))


# ---- objections

FORM = {
    "once": "a" * 32,
    "month": "2025-12",
    "kind": "record",
    "about": "record:r1",
    "statement": "当事人张三称\r\n该记录不属实",
}


def number(answer):
    assert answer.status_code == 303, words(answer.text)
    return re.fullmatch(r"/ui/disputes/([0-9a-f]{26})", answer.headers["location"])[1]


def test_an_objection_is_handed_in_from_the_page_and_its_state_is_told(visitors, guard, place):
    page = seen(visitors[BOTH], "T00010")
    once = re.search(r'name="once" value="([^"]+)"', page)[1]
    found = visitors[BOTH].submit(path("T00010", "/disputes"), **{**FORM, "once": once})
    told = visitors[BOTH].get(found.headers["location"])
    for said in (number(found), "办理中", "2026-01-23", "所列记录", "r1", "T00010"):
        assert said in words(told.text)
    assert "当事人" not in told.text
    english = words(visitors[BOTH].get(found.headers["location"] + "?lang=en").text)
    visitors[BOTH].get("/ui/help?lang=zh")
    assert "a record that is cited" in english
    kept = reviews.found(place.store, number(found))
    assert kept["told"]["statement"] == "当事人张三称\n该记录不属实"
    county = Visitor.of(guard, place, "regulator_county", org="360102", rights=BOTH)
    foreign, unknown = (county.get(one) for one in (found.headers["location"], f"/ui/disputes/{'0' * 26}"))
    assert foreign.status_code == 404
    assert foreign.content == unknown.content


def test_a_form_sent_twice_opens_one_and_a_changed_one_another(visitors, place):
    sent = {**FORM, "once": "b" * 32}
    first, again = (number(visitors[BOTH].submit(path("T00011", "/disputes"), **sent)) for _ in range(2))
    assert first == again
    assert number(visitors[BOTH].submit(path("T00011", "/disputes"), **{**sent, "statement": "另有理由"})) != first
    opened = [row for row in reviews.listed(place.store) if row["entity"] == "T00011"]
    assert len(opened) == 2
    acts = [one for one in Journal.of(place.home).entries("dispute") if one.details["dispute"] == first]
    assert len(acts) == 1


@pytest.mark.parametrize(
    "wrong", [{"kind": "mood"}, {"statement": " \r\n"}, {"statement": "x" * 2001}, {"about": "thing:r1"}]
)
def test_what_cannot_be_taken_is_shown_again_as_it_was_filled_in(visitors, place, wrong):
    before = len(reviews.listed(place.store))
    answer = visitors[BOTH].submit(path("T00012", "/disputes"), **{**FORM, **wrong})
    assert answer.status_code == 422
    assert "异议未提交" in words(answer.text)
    assert FORM["once"] in answer.text
    assert wrong.get("statement", "该记录不属实").strip() in answer.text
    assert len(reviews.listed(place.store)) == before


def test_a_form_without_its_number_or_token_opens_nothing(visitors, place):
    before = len(reviews.listed(place.store))
    assert visitors[BOTH].submit(path("T00012", "/disputes"), **{**FORM, "once": "short"}).status_code == 400
    assert visitors[BOTH].post(path("T00012", "/disputes"), data=FORM).status_code == 403
    assert len(reviews.listed(place.store)) == before


def test_a_refused_objection_can_be_sent_again(visitors, desk, monkeypatch):
    monkeypatch.setattr("serving.scoring.disputes.MOST_OPEN", 0)
    sent = {**FORM, "once": "c" * 32}
    assert visitors[BOTH].submit(path("T00013", "/disputes"), **sent).status_code == 409
    monkeypatch.undo()
    assert number(visitors[BOTH].submit(path("T00013", "/disputes"), **sent))


def test_a_form_whose_first_sending_is_being_answered_waits_and_then_says_so(visitors, monkeypatch):
    asked = []

    def busy(*_):
        asked.append(1)
        raise ProblemError("state-conflict" if len(asked) < 4 else "unavailable")

    monkeypatch.setattr(forms, "PAUSE", 0)
    monkeypatch.setattr(forms, "claim", busy)
    assert visitors[BOTH].submit(path("T00013", "/disputes"), **FORM).status_code == 503
    assert len(asked) == 4
    monkeypatch.setattr(forms, "TRIES", 0)
    assert visitors[BOTH].submit(path("T00013", "/disputes"), **FORM).status_code == 409


def test_who_may_not_object_sees_no_form_and_opens_nothing(guard, place, classified):
    reader = Visitor.of(guard, place, "department_reader", rights=(INTERNAL,))
    page = seen(reader, "T00010")
    assert "提交异议" not in page
    assert "提出异议请与监管机构" in page
    assert reader.submit(path("T00010", "/disputes"), **FORM).status_code == 403
    desk = desk_of(classified)
    elsewhere = Visitor.of(guarded(classified, lambda: desk), classified, "analyst", rights=BOTH)
    assert "提交异议" not in seen(elsewhere, "T00010")


def test_a_closed_objection_says_its_reply(visitors, place):
    found = number(visitors[BOTH].submit(path("T00014", "/disputes"), **{**FORM, "once": "d" * 32}))
    signing.first_use_key(place.home / "keys", "bo")
    reviews.close(place.store, place.home, found, Closing("upheld", "已更正", "bo", NOW + timedelta(days=1)))
    text = words(visitors[BOTH].get(f"/ui/disputes/{found}").text)
    assert "异议成立" in text
    assert "已更正" in text
