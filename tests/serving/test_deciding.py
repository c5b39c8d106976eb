"""Disputes worked on the pages: listed in scope, decided once by another person who may, never a change of class."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from looking import Visitor, guarded, words
from offices import desk_of, rows
from posts import extended, get, holder
from sqlalchemy import insert
from town import NOW, Town, fingerprint

from features.records.journal import Journal
from serving import explanation, reviews
from serving.access import INTERNAL, RIGHTS, UNBOUND, Grant
from serving.pages import disputes as pages
from serving.reviews import Closing, ClosingError, Wanted
from serving.scoring.routes import application
from serving.tables import DISPUTES

STATEMENT, REPLY = "当事人张三称该记录不属实", "经核实，记录已更正。"
ANA, BO, CAI = {"holder": "林一"}, {"holder": "周二"}, {"holder": "蔡三"}
ENTITY = "T00000"  # of the county 360102
AT = "3601"
LISTED = re.compile(r'href="/ui/disputes/([0-9a-f]{26})"')


@pytest.fixture
def place(copied, store):
    """A town that takes disputes, with its store on either database."""
    town = extended(Town.at(copied.folder))
    town.__dict__["store"] = store
    desk = desk_of(town)
    town.__dict__["guard"] = guarded(town, lambda: desk)
    town.__dict__["desk"] = desk
    return town


@pytest.fixture
def sqlite(copied):
    """The same on SQLite alone, where nothing is written that is not tested on both."""
    town = extended(Town.at(copied.folder))
    desk = desk_of(town)
    town.__dict__["guard"] = guarded(town, lambda: desk)
    town.__dict__["desk"] = desk
    return town


def person(town, role="regulator_city", org=AT, **more):
    return Visitor.of(town.guard, town, role, org=org, **more)


def handed_in(visitor, entity=ENTITY, **more):
    sent = {"once": "a" * 32, "month": "2025-12", "kind": "record", "about": "", "statement": STATEMENT}
    answer = visitor.submit(f"/ui/entities/{entity}/disputes", **{**sent, **more})
    assert answer.status_code == 303, words(answer.text)
    return answer.headers["location"].rpartition("/")[2]


def decided(visitor, dispute, **more):
    sent = {"once": "b" * 32, "outcome": "upheld", "reply": REPLY}
    return visitor.submit(f"/ui/disputes/{dispute}", **{**sent, **more})


def seen(visitor, dispute, more=""):
    answer = visitor.get(f"/ui/disputes/{dispute}{more}")
    assert answer.status_code == 200, words(answer.text)
    return answer.text


def acts(town):
    return list(Journal.of(town.home).entries("dispute"))


def test_another_person_decides_and_who_handed_it_in_sees_the_reply_and_by_whom(place):
    before = fingerprint(place)
    ana, bo = person(place, "regulator_county", "360102", **ANA), person(place, **BO)
    number = handed_in(ana)
    own, other = seen(ana, number), seen(bo, number)
    assert STATEMENT not in own
    assert 'name="outcome"' not in own
    assert "由您本人提出，须由另一人办理" in words(own)
    assert STATEMENT in other
    assert 'name="outcome"' in other
    assert f'href="/ui/entities/{ENTITY}?period=2025-12"' in other
    answer = decided(bo, number)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/ui/disputes/{number}")
    told = words(seen(ana, number))
    for said in ("异议成立", REPLY, "办理人 周二", "不直接改变类别", "以补充批次重算"):
        assert said in told
    assert STATEMENT not in told
    assert STATEMENT in seen(bo, number)
    assert 'name="outcome"' not in seen(bo, number)
    kept = reviews.found(place.store, number)
    assert (kept["state"], kept["told"]["by"], kept["told"]["reply"]) == ("upheld", "周二", REPLY)
    assert fingerprint(place) == before


def test_the_journal_names_the_key_and_has_neither_a_signature_nor_a_word_of_anybody(place):
    number = handed_in(person(place, **ANA))
    bo = place.key(role="regulator_city", org=AT, **BO)
    visitor = Visitor(place.guard)
    visitor.post("/ui/login", data={"key": bo})
    decided(visitor, number)
    opened, closed = acts(place)
    assert (opened.details["act"], closed.details["act"]) == ("open", "upheld")
    assert closed.actor == bo.split("_")[1] == reviews.found(place.store, number)["told"]["key"]
    assert set(closed.details) == {"dispute", "entity", "kind", "due", "act", "said"}
    written = Closing("upheld", REPLY, "周二", NOW, closed.actor).written(number)
    assert closed.details["said"] == reviews.sha256(written).hexdigest()
    text = (place.home / "journal.jsonl").read_text(encoding="utf-8")
    assert not re.search("张三|核实|周二|T00000", text)


WHO = {
    "the same key": (ANA, None, "由您本人提出"),
    "another key of the same holder": (ANA, {"holder": " 林一 "}, "由您本人提出"),
    "a key without a name": (ANA, {}, "您的密钥没有登记持有人姓名"),
    "handed in with a key without a name": ({}, BO, "无法确认您是另一人"),
}


@pytest.mark.parametrize("case", WHO)
def test_who_cannot_be_shown_to_be_another_person_decides_nothing_and_is_told_why(sqlite, case):
    opener, decider, why = WHO[case]
    first = person(sqlite, **opener)
    number = handed_in(first)
    visitor = first if decider is None else person(sqlite, **decider)
    page = seen(visitor, number)
    assert why in words(page)
    assert STATEMENT not in page
    assert 'name="outcome"' not in page
    answer = decided(visitor, number)
    assert answer.status_code == 403
    assert why in words(answer.text)
    assert STATEMENT not in answer.text
    assert reviews.found(sqlite.store, number)["state"] == "open"
    assert len(acts(sqlite)) == 1


def test_the_command_line_and_the_pages_ask_the_same_who_another_person_is(place):
    number = handed_in(person(place, **ANA))
    row = reviews.found(place.store, number)
    for by, key in (("林一", ""), ("林一", "0a1b2c3d"), ("周二", row["key"]), (" ", "0a1b2c3d")):
        with pytest.raises(ClosingError, match="two persons"):
            reviews.check_another(place.store, row, by, key=key)
    reviews.check_another(place.store, row, "周二", key="0a1b2c3d")
    reviews.check_another(place.store, row, "周二")


@pytest.mark.parametrize("role", RIGHTS.roles)
def test_who_decides_is_said_by_the_table_of_routes(sqlite, role):
    number = handed_in(person(sqlite, "province_admin", "", **ANA))
    visitor = person(sqlite, role, "", **BO)
    answer = visitor.get(f"/ui/disputes/{number}")
    decides = role in {"province_admin", "regulator_city", "regulator_county"}
    assert answer.status_code == (200 if decides or role == "analyst" else 403)
    assert (STATEMENT in answer.text) == ('name="outcome"' in answer.text) == decides
    assert ("不办理异议" in words(answer.text)) == (role == "analyst")
    assert decided(visitor, number).status_code == (303 if decides else 403)
    assert (reviews.found(sqlite.store, number)["state"] == "upheld") == decides


def test_out_of_scope_is_as_what_does_not_exist(sqlite):
    number = handed_in(person(sqlite, **ANA))
    county = person(sqlite, "regulator_county", "360103", **BO)
    looks = [county.get(f"/ui/disputes/{one}") for one in (number, "0" * 26, "x")]
    posts = [decided(county, one) for one in (number, "0" * 26)]
    assert {one.status_code for one in (*looks, *posts)} == {404}
    assert len({one.content for one in (*looks, *posts)}) == 1
    assert reviews.found(sqlite.store, number)["state"] == "open"


def test_a_form_sent_twice_decides_once_and_a_changed_one_is_told_it_was_closed(place):
    number = handed_in(person(place, **ANA))
    bo = person(place, **BO)
    answers = [decided(bo, number) for _ in range(2)]
    assert {(one.status_code, one.headers["location"]) for one in answers} == {(303, f"/ui/disputes/{number}")}
    late = decided(bo, number, outcome="rejected")
    assert late.headers["location"] == f"/ui/disputes/{number}?first=other"
    assert "未保存" in words(seen(bo, number, "?first=other"))
    assert reviews.found(place.store, number)["state"] == "upheld"
    assert [one.details["act"] for one in acts(place)] == ["open", "upheld"]


def test_of_two_persons_at_once_one_decides_and_the_other_is_told(place):
    number = handed_in(person(place, **ANA))
    people = {"upheld": person(place, **BO), "rejected": person(place, "province_admin", "", **CAI)}
    tokens = {outcome: one.token() for outcome, one in people.items()}
    gate = Barrier(2)

    def decide(outcome):
        gate.wait()
        sent = {"once": "c" * 32, "outcome": outcome, "reply": outcome, "csrf": tokens[outcome]}
        return people[outcome].post(f"/ui/disputes/{number}", data=sent)

    with ThreadPoolExecutor(2) as both:
        answers = dict(zip(people, both.map(decide, people), strict=True))
    kept = reviews.found(place.store, number)
    (lost,) = set(people) - {kept["state"]}
    assert answers[kept["state"]].headers["location"] == f"/ui/disputes/{number}"
    assert answers[lost].headers["location"].endswith("?first=other")
    assert kept["told"]["reply"] == kept["state"]
    assert [one.details["act"] for one in acts(place)] == ["open", kept["state"]]


def test_whoever_read_it_while_it_was_open_does_not_close_it_again(place):
    number = handed_in(person(place, **ANA))
    stale = reviews.found(place.store, number)
    closing = Closing("upheld", REPLY, "周二", NOW, "0a1b2c3d")
    with place.store.writing() as connection:
        reviews.closed(connection, stale, closing)
    with pytest.raises(ClosingError, match="just closed by another"), place.store.writing() as connection:
        reviews.closed(connection, stale, replace(closing, outcome="rejected"))
    assert reviews.found(place.store, number)["state"] == "upheld"


@pytest.mark.parametrize("wrong", [{"outcome": ""}, {"outcome": "open"}, {"reply": " \r\n"}, {"reply": "x" * 2001}])
def test_what_cannot_be_taken_is_shown_again_as_it_was_filled_in(sqlite, wrong):
    number = handed_in(person(sqlite, **ANA))
    answer = decided(person(sqlite, **BO), number, **wrong)
    assert answer.status_code == 422
    assert "未办理" in words(answer.text)
    assert "b" * 32 in answer.text
    assert wrong.get("reply", REPLY).strip() in answer.text
    assert STATEMENT not in answer.text  # a page that is refused is not counted by the brake
    assert ENTITY not in answer.text
    assert reviews.found(sqlite.store, number)["state"] == "open"


def test_a_form_without_its_number_or_token_decides_nothing(sqlite):
    number = handed_in(person(sqlite, **ANA))
    bo = person(sqlite, **BO)
    assert decided(bo, number, once="short").status_code == 400
    sent = {"once": "b" * 32, "outcome": "upheld", "reply": REPLY}
    assert bo.post(f"/ui/disputes/{number}", data=sent).status_code == 403
    elsewhere = {"sec-fetch-site": "cross-site"}
    assert bo.post(f"/ui/disputes/{number}", data={**sent, "csrf": bo.token()}, headers=elsewhere).status_code == 403
    assert reviews.found(sqlite.store, number)["state"] == "open"


def test_a_line_of_several_paragraphs_stays_as_it_was_written_and_no_tag_is_one(sqlite):
    number = handed_in(person(sqlite, **ANA), statement="一\r\n<b>二</b>")
    bo = person(sqlite, **BO)
    assert "一\n&lt;b&gt;二&lt;/b&gt;" in seen(bo, number)
    decided(bo, number, reply="甲\r\n<i>乙</i>")
    assert "甲\n&lt;i&gt;乙&lt;/i&gt;" in seen(bo, number)


# ---- what is internal


@pytest.fixture
def secret(sqlite):
    """An entity of the city, and the code of an internal reason of it with a record it rests on."""
    month = sqlite.desk.newest
    for row in rows(month):
        if not row["org"].startswith("36/3601/"):
            continue
        found = explanation.document(month, row, sqlite.desk.champion)
        shown = json.dumps(explanation.visible(found, month.words, internal=False, probability=False), default=str)
        for one in (one for one in found.get("reasons", ()) if one["visibility"] != "publishable"):
            records = (each["record"] for each in one.get("evidence", ()) if each["record"] not in shown)
            if record := next(records, None):
                return row["code"], one["code"], record, one["text"]
    raise AssertionError("nobody of the town has an internal reason on an internal record")


@pytest.mark.parametrize("named", ["reason", "record"])
def test_an_internal_reason_or_record_that_is_named_is_not_told_without_its_right(sqlite, secret, named):
    entity, code, record, text = secret
    value = {"reason": code, "record": record}[named]
    number = handed_in(person(sqlite, rights=[INTERNAL], **ANA), entity, kind=named, about=f"{named}:{value}")
    plain, may = person(sqlite, rights=[], **BO), person(sqlite, rights=[INTERNAL], **CAI)
    label = pages.reason(sqlite.desk.newest, code, "zh")
    assert (label if named == "reason" else record) in seen(may, number)
    pages_told = [seen(plain, number), plain.get("/ui/disputes?show=all").text, plain.get("/ui/monday").text]
    pages_told.append(seen(plain, number, "?lang=en"))
    for page in pages_told:
        for hidden in (value, record, label if named == "reason" else record, text, STATEMENT):
            assert hidden not in page
    app = application(lambda: sqlite.desk)
    told = get(app, f"/v1/disputes/{number}", holder(sqlite.store, "regulator_city", AT, number="00000002"))
    assert (told.status, told.json["about"]) == (200, {})
    refused = decided(plain, number)
    assert refused.status_code == 403
    assert value not in refused.text
    assert reviews.found(sqlite.store, number)["state"] == "open"
    assert decided(may, number).status_code == 303


def test_what_is_told_of_the_entity_anyway_is_told_of_the_dispute(sqlite):
    month, plain = sqlite.desk.newest, person(sqlite, rights=[], **BO)
    asked = holder(sqlite.store, "regulator_city", AT, number="00000002")
    of_the_city = (row for row in rows(month) if row["org"].startswith("36/3601/") and row["class"])
    documents = ((row["code"], sqlite.desk.explanation(month, row, asked)) for row in of_the_city)
    entity, code = next((code, one["code"]) for code, found in documents for one in found["reasons"])
    number = handed_in(person(sqlite, rights=[INTERNAL], **ANA), entity, kind="reason", about=f"reason:{code}")
    assert pages.reason(month, code, "zh") in seen(plain, number)
    assert decided(plain, number).status_code == 303


def test_of_a_month_that_is_gone_nothing_is_named_to_whom_nothing_internal_is_told(sqlite):
    number = handed_in(person(sqlite, rights=[INTERNAL], **ANA), about="record:r1")
    with sqlite.store.writing() as connection:
        connection.execute(DISPUTES.update().values(month="2020-01"))
    page = seen(person(sqlite, rights=[], **BO), number)
    assert "r1" not in words(page)
    assert "依权限不列明" in page
    assert "period=2020-01" not in page


# ---- the list


def kept(town, number, **changed):
    """A review as the store keeps one."""
    day = NOW.date() + timedelta(days=changed.pop("days", 5))
    stated = {"dispute": f"{number:026x}", "key": "0a1b2c3d", "entity": f"T{number:05d}", "month": "2025-12"}
    stated |= {"org": "36/3601/360102", "departments": "", "kind": "class", "state": "open", "due": day, "at": NOW}
    told = {"statement": STATEMENT, "about": {}}
    with town.store.writing() as connection:
        connection.execute(insert(DISPUTES).values(**{**stated, "told": told, **changed}))
    return stated["dispute"]


def listed(visitor, more=""):
    answer = visitor.get(f"/ui/disputes{more}")
    assert answer.status_code == 200, words(answer.text)
    assert STATEMENT not in answer.text
    return answer.text


def test_the_list_has_the_open_ones_of_the_scope_by_when_they_are_due(place):
    late, soon = kept(place, 3, days=-1), kept(place, 0, days=3)
    first = kept(place, 6, days=0)
    kept(place, 1, org="36/3601/360103", days=1, state="upheld")
    elsewhere = kept(place, 2, org="36/3607/360702")
    page = listed(person(place, **BO))
    assert LISTED.findall(page) == [late, first, soon]
    assert "办理中 3 件，其中已超期 1 件" in words(page)
    assert page.count('<span class="mark">已超期</span>') == 1
    assert elsewhere not in listed(person(place, **BO), "?show=all")
    everybody = listed(person(place, "province_admin", "", **BO))
    assert LISTED.findall(everybody) == [late, first, soon, elsewhere]
    ecology = {"departments": frozenset({"ecology"})}
    kept(place, 5, departments=",ecology,", days=9)
    assert LISTED.findall(listed(person(place, **ecology, **BO))) == [f"{5:026x}"]


def test_all_and_ones_own_have_the_latest_first_whatever_became_of_them(place):
    ana = person(place, **ANA)
    own = handed_in(ana)
    again = handed_in(person(place, holder="林一 "), entity="T00003")
    decided(person(place, **BO), own)
    other, old = kept(place, 6, days=9), kept(place, 9, days=-400, state="rejected")
    assert set(LISTED.findall(listed(ana, "?show=mine"))) == {own, again}
    assert LISTED.findall(listed(ana, "?show=open")) == [other, again]
    found = LISTED.findall(listed(ana, "?show=all"))
    assert (set(found), found[-2:]) == ({own, again, other, old}, [other, old])
    assert "异议成立" in listed(ana, "?show=mine")
    assert ana.get("/ui/disputes?show=every").status_code == 422


@pytest.mark.parametrize("show", ["open", "all"])
def test_a_long_list_goes_on_page_by_page_without_a_gap(place, monkeypatch, show):
    monkeypatch.setattr(pages, "ROWS", 4)
    numbers = [kept(place, number, days=number % 3) for number in range(10)]
    visitor, more, found = person(place, **BO), f"?show={show}", []
    for _ in range(9):
        page = listed(visitor, more)
        found += LISTED.findall(page)
        following = re.search(r'rel="next" href="/ui/disputes([^"]+)"', page)
        if following is None:
            break
        more = following[1].replace("&amp;", "&")
    ordered = sorted(numbers, key=lambda one: (int(one, 16) % 3, one), reverse=show == "all")
    assert found == ordered
    foreign = kept(place, 12, org="36/3607/360702")
    assert visitor.get(f"/ui/disputes?after={foreign}").content == visitor.get("/ui/disputes?after=x").content


def test_entities_are_named_as_lists_name_them(sqlite):
    kept(sqlite, 0)
    kept(sqlite, 3)
    kept(sqlite, 6, month="2020-01")
    page = listed(person(sqlite, **BO))
    names = {one["code"]: one["name"] for one in rows(sqlite.desk.newest)}
    assert names["T00000"].endswith("*")
    assert f"<td>{names['T00000']}</td>" in page
    assert f"<td>{names['T00003']}</td>" in page
    assert 'href="/ui/entities/T00000?period=2025-12"' in page
    assert "period=2020-01" not in page


def test_what_is_told_is_audited_and_counts_as_seen(sqlite):
    for number in range(0, 30, 3):
        kept(sqlite, number)
    held = person(sqlite, limits=replace(UNBOUND, entities_per_day=9), **BO)
    refused = held.get("/ui/disputes")
    assert refused.status_code == 429
    assert "T000" not in refused.text
    one = handed_in(person(sqlite, **ANA))
    assert STATEMENT in seen(held, one)
    assert decided(held, one).status_code == 303
    files = sorted((sqlite.folder / "audited" / "audit").glob("*.jsonl"))
    lines = [json.loads(line) for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    told = {line["route"]: line for line in lines if line.get("route")}
    assert told["page_disputes"]["alert"] == "harvest"
    assert (told["page_dispute"]["rows"], told["page_decide"]["rows"], told["page_decide"]["status"]) == (1, 1, 303)
    assert len(told["page_decide"]["entities"]) == 1


def test_the_list_is_in_the_navigation_of_whom_it_is_for(sqlite):
    for role in RIGHTS.roles:
        visitor = person(sqlite, role, "", **BO)
        is_for = role in {"province_admin", "analyst", "regulator_city", "regulator_county"}
        assert ('href="/ui/disputes"' in visitor.get("/ui/help").text) == is_for, role
        assert visitor.get("/ui/disputes").status_code == (200 if is_for else 403)
    assert "没有此类异议" in words(person(sqlite, **BO).get("/ui/disputes").text)
    assert "0 open in your scope" in words(person(sqlite, **BO).get("/ui/disputes?lang=en").text)


def test_reviews_are_counted_as_they_are_listed(place):
    kept(place, 0, days=-1)
    kept(place, 1, org="36/3601/360103")
    kept(place, 2, org="36/3601/360103", state="withdrawn", days=-9)
    wanted = Wanted(Grant("regulator_city", AT, NOW.date()))
    assert reviews.count(place.store, wanted) == len(reviews.page(place.store, wanted, 9)) == 2
    assert reviews.count(place.store, replace(wanted, is_open=False)) == 3
    assert reviews.count(place.store, replace(wanted, due_before=NOW.date())) == 1
    assert reviews.count(place.store, replace(wanted, keys=frozenset({"x"}))) == 0
