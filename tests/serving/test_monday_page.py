"""The office's Monday: its lists as the API would tell them, what is overdue, and room to tick things off."""

import json
import re
from dataclasses import replace

import pytest
from looking import Visitor, guarded, words
from offices import desk_of, rows
from sqlalchemy import insert
from test_overview import MONTH, desk_of_stored, without_tallies

from serving.access import RIGHTS, UNBOUND
from serving.tables import DISPUTES

ROW = re.compile(r'<tr><td class="check">.*?</tr>', re.S)
CODE = re.compile(r">(T[0-9]{5})<")


@pytest.fixture(scope="module")
def page(guard, classified):
    return Visitor.of(guard, classified, "regulator_city", org="3601").get("/ui/monday").text


def part(page, name):
    """The codes of a list of the page, in order."""
    found = re.search(rf'<h2 id="{name}">(.*?)(?=<h2 id=|</main>)', page, re.S)[1]
    return [CODE.search(row)[1] for row in ROW.findall(found) if CODE.search(row)]


def own(desk, keeps):
    return [one for one in rows(desk.newest) if one["org"].startswith("36/3601/") and keeps(one)]


def test_whoever_is_told_probabilities_has_the_riskiest_first(page, desk):
    monitored = own(desk, lambda one: one["class"] in {"C", "D"})
    riskiest = sorted(monitored, key=lambda one: (one["margin"], one["code"]), reverse=True)
    assert part(page, "monitored") == [one["code"] for one in riskiest[:20]]
    assert f"重点监测对象 {len(monitored)}" in words(page)


def test_without_that_right_class_d_comes_first_by_office_and_code(guard, classified, desk):
    plain = Visitor.of(guard, classified, "regulator_city", org="3601", rights=["internal"]).get("/ui/monday").text
    monitored = own(desk, lambda one: one["class"] in {"C", "D"})
    ordered = sorted(monitored, key=lambda one: (one["class"] == "C", one["org"], one["code"]))
    assert part(plain, "monitored") == [one["code"] for one in ordered[:20]]
    assert part(plain, "monitored") != part(guard_page(guard, classified), "monitored")


def guard_page(guard, classified):
    return Visitor.of(guard, classified, "regulator_city", org="3601").get("/ui/monday").text


def test_of_those_that_moved_the_riskier_come_first(page, desk):
    moved = own(desk, lambda one: one["class_before"] and one["class"] != one["class_before"])
    ordered = sorted(moved, key=lambda one: (one["class"] < one["class_before"], one["org"], one["code"]))
    assert part(page, "moved") == [one["code"] for one in ordered[:20]]
    up = sum(one["class"] > one["class_before"] for one in moved)
    assert f"共 {len(moved)} 户，其中风险上升 {up} 户、下降 {len(moved) - up} 户" in words(page)


def test_class_a_stands_with_what_alone_allows_an_inspection_where_measures_say_so(page, desk, guard, classified):
    safe = own(desk, lambda one: one["class"] == "A")
    assert f"无事不扰 {len(safe)}" in words(page)
    assert len(part(page, "undisturbed")) == 20
    assert "投诉举报" in words(page)
    words_of = desk.newest.words
    stated, words_of["measures"] = words_of["measures"], None
    assert 'id="undisturbed"' not in guard_page(guard, classified)
    words_of["measures"] = stated


def test_every_list_leads_to_all_of_it_and_to_its_file_and_has_boxes_to_tick(page, guard, classified):
    visitor = Visitor.of(guard, classified, "regulator_city", org="3601")
    paths = {one.replace("&amp;", "&") for one in re.findall(r'href="(/ui/entities[?.][^"]*)"', page)}
    assert len(paths) == 6
    assert {visitor.get(path).status_code for path in paths} == {200}
    assert page.count('class="check"') > 40
    assert len(page.encode()) < 150_000


def test_feeds_that_are_overdue_are_told_from_the_report_of_the_month(copied):
    desk = desk_of(copied)
    visitor = Visitor.of(guarded(copied, lambda: desk), copied, "regulator_county", org="360102")
    assert "jianwei quality --as-of 2025-12" in words(visitor.get("/ui/monday").text)
    alert = {"item": "G1", "source": "s", "since": "2025-10-01", "expected_by": "2025-11-15", "days": 91}
    told = [{**alert, "code": code, "text": f"警{code}", "text_en": code} for code in ("DQ001", "DQ002", "DQ003")]
    named = dict.fromkeys(("as_of", "previous", "lake", "definitions"), "x")
    report = {**named, "entities": 200, "alerts": told, "feeds": [], "rejects": [], "indicators": []}
    folder = copied.home / "quality" / "2025-12"
    folder.mkdir(parents=True)
    (folder / "quality.json").write_text(json.dumps(report), encoding="utf-8")
    shown = words(visitor.get("/ui/monday").text)
    assert "警DQ001" in shown
    assert "警DQ002" in shown
    assert "警DQ003" not in shown
    assert "归集逾期 2" in shown
    (folder / "quality.json").write_text("{}", encoding="utf-8")
    assert "jianwei quality --as-of 2025-12" in words(visitor.get("/ui/monday").text)


def test_open_disputes_of_the_office_stand_by_their_due_dates(copied):
    desk = desk_of(copied)
    with copied.store.writing() as connection:
        for number, (org, state, day) in enumerate(
            [
                ("36/3601/360102", "open", 9),
                ("36/3601/360103", "open", 2),
                ("36/3607/360702", "open", 1),
                ("36/3601/360102", "upheld", 3),
            ]
        ):
            connection.execute(insert(DISPUTES).values(**dispute(desk, number, org, state, day)))
    page = Visitor.of(guarded(copied, lambda: desk), copied, "regulator_city", org="3601").get("/ui/monday").text
    assert part(page, "disputes") == ["T00001", "T00000"]
    assert "待复核异议 2（超期 1）" in words(page)
    assert "共 2 件，其中已超期 1 件" in words(page)
    assert page.count('<span class="mark">已超期</span>') == 1
    assert 'href="/ui/disputes"' in page


def dispute(desk, number, org, state, day):
    due = desk.now().date().replace(day=day)
    stated = {"dispute": f"{number:026d}", "key": "k", "entity": f"T{number:05d}", "month": "2025-12", "org": org}
    return {**stated, "departments": "", "kind": "class", "told": {}, "state": state, "due": due, "at": desk.now()}


def test_a_county_sees_its_own_and_another_role_no_page(guard, classified, desk):
    county = Visitor.of(guard, classified, "regulator_county", org="360103").get("/ui/monday?lang=en")
    regions = {one["code"]: one["region"] for one in rows(desk.newest)}
    assert {regions[code] for code in CODE.findall(county.text)} == {"360103"}
    assert "Work of 2025-12" in words(county.text)
    for role in RIGHTS.roles:
        allowed = role in {"province_admin", "analyst", "regulator_city", "regulator_county"}
        found = Visitor.of(guard, classified, role).get("/ui/monday")
        assert found.status_code == (200 if allowed else 403), role


def test_a_key_of_departments_counts_its_own(guard, classified, desk):
    own_ = frozenset({"ecology"})
    page = Visitor.of(guard, classified, "regulator_city", org="3601", departments=own_).get("/ui/monday").text
    found = own(desk, lambda one: one["departments"] == ",ecology," and one["class"] in {"C", "D"})
    assert f"重点监测对象 {len(found)}" in words(page)
    assert set(part(page, "monitored")) <= {one["code"] for one in found}


def test_a_month_loaded_without_counts_says_what_to_run(copied):
    without_tallies(copied.store, MONTH)
    desk = desk_of_stored(copied, copied.store)
    page = Visitor.of(guarded(copied, lambda: desk), copied, "analyst").get("/ui/monday")
    assert page.status_code == 200
    assert f"jianwei store load {MONTH}" in words(page.text)
    assert "<table" not in page.text


def test_no_internal_reason_is_told_without_its_right(guard, classified, desk):
    month = desk.newest
    hidden = {code for code in month.codes if code not in month.open_codes}
    labels = {month.words["indicators"][code.partition("-")[2]]["zh"] for code in hidden if "rule" not in code}
    plain = Visitor.of(guard, classified, "regulator_city", org="3601", rights=["probability"]).get("/ui/monday").text
    cells = {words(cell) for row in ROW.findall(plain) for cell in re.findall(r"<td>.*?</td>", row)}
    assert labels
    assert not cells & labels
    assert "不得外传" not in plain
    assert "不得外传" in guard_page(guard, classified)


def test_the_harvest_brake_stops_the_page(guard, classified):
    held = Visitor.of(
        guard, classified, "regulator_city", org="3601", limits=replace(UNBOUND, entities_per_day=10)
    ).get("/ui/monday")
    assert held.status_code == 429
    assert "T0" not in held.text
