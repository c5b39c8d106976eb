"""The list of entities: what is looked for and nothing else, as far as the key may see; filters kept; a file taken."""

import csv
import io
import re
from dataclasses import replace
from urllib.parse import quote

import pytest
from looking import Visitor, guarded, words
from offices import desk_of, loaded, rows
from sqlalchemy import create_engine, select, update
from town import Town

from serving.access import RIGHTS, UNBOUND
from serving.results import publisher_key
from serving.shelf import Shelf
from serving.tables import LOADS

CODES = re.compile(r">(T[0-9]{5}|p-[0-9a-f]{40})<")


@pytest.fixture(scope="module")
def own(classified):
    """The town with a rule of masking: names of stalls are persons' names."""
    found = Town.at(classified.folder)
    settings = {**classified.profile.settings, "masking": {"kinds": ["stall"], "longest": 3}}
    vars(found)["profile"] = replace(classified.profile, settings=settings)
    return found


@pytest.fixture(scope="module")
def desk(own):
    return desk_of(own)


@pytest.fixture(scope="module")
def guard(own, desk):
    return guarded(own, lambda: desk)


@pytest.fixture(scope="module")
def city(guard, own):
    return Visitor.of(guard, own, "regulator_city", org="3601")


def codes(visitor, query=""):
    """The codes of every page of a question."""
    found, path = [], f"/ui/entities?{query}"
    while path:
        page = visitor.get(path)
        assert page.status_code == 200, page.text
        found += CODES.findall(page.text)
        following = re.search(r'rel="next" href="([^"]+)"', page.text)
        path = following and following[1].replace("&amp;", "&")
    return found


def expected(desk, org, keeps=lambda one: True):
    """The codes of a scope by office and code."""
    reached = [one for one in rows(desk.newest) if org in one["org"].split("/") and keeps(one)]
    return [one["code"] for one in sorted(reached, key=lambda one: (one["org"], one["code"]))]


CASES = [
    ("", lambda one: True),
    ("class=D", lambda one: one["class"] == "D"),
    ("class=CD", lambda one: one["class"] in {"C", "D"}),
    ("class=ABCD", lambda one: one["class"] is not None),
    ("before=D&class=ABC", lambda one: one["class_before"] == "D" and one["class"] in {"A", "B", "C"}),
    ("before=A", lambda one: one["class_before"] == "A"),
    ("kind=stall&class=A", lambda one: (one["kind"], one["class"]) == ("stall", "A")),
    ("region=360103", lambda one: one["region"] == "360103"),
    ("change=up", lambda one: bool(one["class_before"]) and one["class"] > one["class_before"]),
    ("change=down", lambda one: bool(one["class_before"]) and one["class"] < one["class_before"]),
    ("change=moved", lambda one: bool(one["class_before"]) and one["class"] != one["class_before"]),
    ("change=unchanged", lambda one: bool(one["class_before"]) and one["class"] == one["class_before"]),
    ("change=new", lambda one: bool(one["class"]) and not one["class_before"]),
    ("text=t0001", lambda one: one["code"].startswith("T0001")),
    ("text=T00010", lambda one: one["code"] == "T00010"),
    (f"text={quote('三商店1')}", lambda one: "三商店1" in one["name"]),
    (f"text={quote('张*')}", lambda one: one["name"].startswith("张*")),
    ("number=360100600000010", lambda one: one["number"] == "360100600000010"),
    ("text=%25", lambda one: False),
    ("reason=none", lambda one: False),
]


@pytest.mark.parametrize(("query", "keeps"), CASES, ids=[query for query, _ in CASES])
def test_pages_hold_who_fits_in_the_scope_once_in_one_order(city, desk, query, keeps):
    found, wanted = codes(city, query), expected(desk, "3601", keeps)
    assert found == wanted if "%" not in query else sorted(found) == sorted(wanted)


def test_who_reaches_everything_finds_names_by_their_beginning_in_the_order_of_names(guard, own, desk):
    province = Visitor.of(guard, own, "province_admin")
    named = {one["code"]: one["name"] for one in rows(desk.newest)}
    found = codes(province, f"text={quote('张三')}")
    assert found == sorted((one for one in named if named[one].startswith("张三")), key=lambda one: (named[one], one))
    assert len(found) > 20
    assert codes(province, f"text={quote('三商店')}") == []
    assert codes(province, "text=91360102MA") == []  # by the index of codes


def test_names_of_persons_are_masked_wherever_they_are_told_or_looked_for(city, desk):
    masked = [one for one in rows(desk.newest) if one["name"].endswith("*")]
    assert {one["kind"] for one in masked} == {"stall"}
    assert not [one for one in rows(desk.newest) if one["kind"] == "stall" and "四" in one["name"]]
    shown = city.get("/ui/entities?kind=stall").text + city.get("/ui/entities.csv?kind=stall").text
    assert "*" in shown
    assert "四" not in shown
    assert codes(city, f"text={quote('四')}") == []


def top(desk, column):
    month = desk.newest
    return {one["code"]: month.codes[one[column]] for one in rows(month) if one[column] is not None}


def test_an_internal_reason_is_found_offered_and_told_with_its_right_alone(guard, own, desk):
    everything, seen = top(desk, "reason"), top(desk, "open_reason")
    hidden = set(everything.values()) - set(seen.values())
    assert hidden
    full = Visitor.of(guard, own, "analyst")
    plain = Visitor.of(guard, own, "analyst", rights=())
    for reason in sorted({*everything.values()}):
        assert sorted(codes(full, f"reason={reason}")) == sorted(one for one in everything if everything[one] == reason)
        assert sorted(codes(plain, f"reason={reason}")) == sorted(one for one in seen if seen[one] == reason)
    shown = plain.get("/ui/entities").text
    for reason in hidden:
        assert f'value="{reason}"' in full.get("/ui/entities").text
        assert f'value="{reason}"' not in shown
    rule = next(one["label"] for one in desk.newest.words["rules"] if one["visibility"] == "internal")
    assert rule not in "".join(plain.get(path).text for path in ("/ui/entities?class=C", "/ui/entities.csv"))


def test_another_department_is_told_no_reason_or_cause_of_persons_and_finds_nobody_by_one(guard, own, desk):
    reader = Visitor.of(guard, own, "department_reader")
    kinds = {one["code"]: one["kind"] for one in rows(desk.newest)}
    for reason in sorted({*top(desk, "reason").values()}):
        assert {kinds[one] for one in codes(reader, f"reason={reason}")} <= {"shop"}
    lines = list(csv.DictReader(io.StringIO(reader.get("/ui/entities.csv?kind=stall").content.decode("utf-8-sig"))))
    assert len(lines) > 20
    assert {one["首要原因"] + one["变动原因"] for one in lines} == {""}


def test_who_is_told_pseudonyms_sees_neither_name_nor_code_nor_a_way_to_them(guard, own, desk):
    scientist = Visitor.of(guard, own, "data_scientist")
    page = scientist.get("/ui/entities").text
    assert all(one.startswith("p-") for one in codes(scientist))
    assert len(codes(scientist)) == 200
    assert not re.search(r"T0[0-9]{4}|商店|3601006|/ui/entities/", page)
    assert 'name="text"' not in page
    assert 'name="reason"' not in page
    for query in ("text=T00010", f"text={quote('张')}", "number=360100600000010", "reason=rule-H1"):
        assert scientist.get(f"/ui/entities?{query}").status_code == 403
    assert scientist.get("/ui/entities.csv").status_code == 403


def test_a_page_counts_names_its_entities_and_leads_to_them(city, desk):
    page = city.get("/ui/entities").text
    everybody = expected(desk, "3601")
    assert f"共 {len(everybody)} 户" in words(page)
    assert f'href="/ui/entities/{everybody[0]}"' in page or "page_entity" not in RIGHTS.routes
    assert page.count("<tr>") == 51
    assert "核查" in page
    assert len(page.encode()) < 150_000
    english = city.get("/ui/entities?lang=en").text
    assert f"{len(everybody)} entities" in words(english)
    city.get("/ui/entities?lang=zh")


def test_a_cursor_goes_on_with_its_own_question_alone(guard, own, city):
    page = city.get("/ui/entities?region=3601").text
    cursor = re.search(r"cursor=([^\"&]+)", page)[1]
    assert city.get(f"/ui/entities?region=3601&cursor={cursor}").status_code == 200
    assert city.get(f"/ui/entities?cursor={cursor}").status_code == 404
    other = Visitor.of(guard, own, "regulator_city", org="3601")
    assert other.get(f"/ui/entities?region=3601&cursor={cursor}").status_code == 404
    assert city.get("/ui/entities?cursor=x").status_code == 404


@pytest.mark.parametrize(
    "query", ["class=E", "change=x", "month=2025-13", "kind=A!", "region=%00", "text=" + "a" * 41, "text=a%0Ab"]
)
def test_an_odd_question_is_refused_in_words(city, query):
    assert city.get(f"/ui/entities?{query}").status_code == 422


def test_another_month_is_listed_when_it_is_asked_for(city):
    assert "市场主体名单 2025-11" in words(city.get("/ui/entities?month=2025-11").text)
    assert city.get("/ui/entities?month=2020-01").status_code == 404


def test_filters_are_kept_by_name_for_their_key_alone(guard, own):
    mine, other = (Visitor.of(guard, own, "regulator_city", org="3601") for _ in range(2))
    kept = mine.submit("/ui/filters", name="D <类>", **{"class": "D", "text": "三商店"})
    assert (kept.status_code, kept.headers["location"].startswith("/ui/entities?")) == (303, True)
    page = mine.get("/ui/entities").text
    path = re.search(r'<a href="([^"]+)">D &lt;类&gt;</a>', page)[1].replace("&amp;", "&")
    assert set(codes(mine, path.partition("?")[2])) == set(codes(mine, f"class=D&text={quote('三商店')}"))
    assert "D &lt;类&gt;" not in other.get("/ui/entities").text
    mine.submit("/ui/filters/delete", name="D <类>")
    assert "D &lt;类&gt;" not in mine.get("/ui/entities").text


def test_a_key_keeps_twenty_filters_and_one_of_the_same_name_in_the_place_of_another(guard, own):
    mine = Visitor.of(guard, own, "regulator_city", org="3601")
    for number in range(20):
        assert "full" not in mine.submit("/ui/filters", name=f"f{number}").headers["location"]
    assert "full" not in mine.submit("/ui/filters", name="f3", change="up").headers["location"]
    refused = mine.submit("/ui/filters", name="one more")
    assert "已保存 20 个常用查询" in words(mine.get(refused.headers["location"]).text)
    assert "one more" not in mine.get("/ui/entities").text
    for name in ("", "a" * 41, "a\nb"):
        assert mine.submit("/ui/filters", name=name).status_code == 422
    assert mine.submit("/ui/filters", name="odd", **{"class": "E"}).status_code == 422


def test_a_file_holds_the_same_entities_with_the_notice_last(city, desk):
    found = city.get("/ui/entities.csv?class=CD")
    assert found.headers["content-type"] == "text/csv; charset=utf-8"
    assert "2025-12" in found.headers["content-disposition"]
    assert quote("内部参考，不作为信用评价") in found.headers["content-disposition"]
    assert found.content.startswith(b"\xef\xbb\xbf")
    lines = list(csv.reader(io.StringIO(found.content.decode("utf-8-sig"), newline="")))
    assert [line[1] for line in lines[1:-1]] == expected(desk, "3601", lambda one: one["class"] in {"C", "D"})
    assert lines[-1][:2] == ["内部参考，不作为信用评价", "2025-12"]
    assert {len(line) for line in lines} == {10}
    assert b"\r\n" in found.content


def test_the_harvest_brake_stops_a_file_and_leaves_its_line(guard, own):
    limits = replace(UNBOUND, entities_per_day=60)
    held = Visitor.of(guard, own, "regulator_city", org="3601", limits=limits)
    assert held.get("/ui/entities").status_code == 200  # of fifty
    stopped = held.get("/ui/entities.csv")
    assert stopped.status_code == 429
    assert "已达上限" in words(stopped.text)
    assert "T0" not in stopped.text


def test_a_month_loaded_by_an_earlier_version_is_listed_and_says_what_to_run(copied):
    with copied.store.writing() as connection:
        for load, stated in connection.execute(select(LOADS.c.load, LOADS.c.told)).all():
            old = {name: one for name, one in stated.items() if name != "listed"}
            connection.execute(update(LOADS).where(LOADS.c.load == load).values(told=old))
            _without_names(copied.store, load)
    desk = desk_of(copied, results=Shelf(copied.store, publisher_key(copied.home)))
    visitor = Visitor.of(guarded(copied, lambda: desk), copied, "regulator_city", org="3601")
    page = visitor.get("/ui/entities?class=D&change=moved")
    assert page.status_code == 200
    assert "jianwei store load 2025-12" in words(page.text)
    assert visitor.get(f"/ui/entities?text={quote('商店')}").status_code == 503
    assert visitor.get("/ui/entities.csv").status_code == visitor.get("/ui/monday").status_code == 200
    loaded(copied).close()  # anew, although the heads are the same
    assert "jianwei store load" not in visitor.get("/ui/entities").text


def _without_names(store, load):
    """Make a load what earlier versions made."""
    engine = create_engine(f"sqlite:///{store.month_file(load)}")
    with engine.begin() as connection:
        for name in ("lots", "listed", "names", "parts", "numbers"):
            connection.exec_driver_sql(f"DROP INDEX results_{load}_{name}")
        for name in ("name", "number", "reason", "open_reason"):
            connection.exec_driver_sql(f"ALTER TABLE results_{load} DROP COLUMN {name}")
    engine.dispose()


def test_every_role_reads_the_list_or_is_told_that_it_cannot(guard, own):
    for role in RIGHTS.roles:
        allowed = role in RIGHTS.routes["page_entities"].roles
        assert Visitor.of(guard, own, role).get("/ui/entities").status_code == (200 if allowed else 403), role
