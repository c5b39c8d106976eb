"""Disputes: a review with a due date, seen in scope only, closed by another person, never a change of class."""

from datetime import date, timedelta
from itertools import product

import pytest
from offices import desk_of
from posts import extended, get, holder, post
from town import NOW, Town, fingerprint

from features import signing
from features.records.journal import Journal
from serving import reviews
from serving.access import AccessError
from serving.reviews import MOVES, OPEN, Closing
from serving.scoring.routes import application

PATH = "/v1/disputes"
STATEMENT = "当事人张三称该记录不属实"
BODY = {"entity": "T00000", "kind": "record", "about": {"record": "r1"}, "statement": STATEMENT}


@pytest.fixture
def place(copied, store):
    town = extended(Town.at(copied.folder))
    desk = desk_of(town, store)
    for name in ("ana", "bo"):
        signing.first_use_key(town.home / "keys", name)
    return town, desk, application(lambda: desk), holder(store, name="ana")


def closing(outcome="upheld", by="bo", reply="已更正"):
    return Closing(outcome, reply, by, NOW + timedelta(days=1))


def test_a_dispute_opens_a_review_with_a_due_date(place):
    _, _, app, principal = place
    made = post(app, PATH, principal, BODY)
    assert made.status == 201
    assert made.headers["location"] == f"{PATH}/{made.json['dispute']}"
    found = get(app, made.headers["location"], principal)
    assert found.json == made.json
    assert found.told.entities == ("T00000",)
    assert (found.json["state"], found.json["due"], found.json["reply"]) == ("open", "2026-01-23", None)
    assert found.json["month"] == "2025-12"


def test_a_statement_stays_in_the_store(place):
    town, _, app, principal = place
    made = post(app, PATH, principal, BODY)
    text = (town.home / "journal.jsonl").read_text(encoding="utf-8")
    assert "张三" not in text + made.body.decode()
    assert "T00000" not in text
    (entry,) = Journal.of(town.home).entries("dispute")
    assert set(entry.details) == {"dispute", "entity", "kind", "due", "act"}


def test_who_is_out_of_scope_sees_what_does_not_exist(place):
    _, desk, app, principal = place
    made = post(app, PATH, principal, BODY)
    county = holder(desk.store, "regulator_county", "360103", number="00000002")
    foreign = get(app, made.headers["location"], county)
    unknown = get(app, f"{PATH}/{'0' * 26}", county)
    assert (foreign.status, foreign.body, foreign.headers) == (unknown.status, unknown.body, unknown.headers)
    assert foreign.status == 404
    own = holder(desk.store, "regulator_county", "360102", number="00000003")
    assert get(app, made.headers["location"], own).status == 200
    assert post(app, PATH, county, BODY).body == post(app, PATH, county, {**BODY, "entity": "nobody"}, key="k").body


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "mood"},
        {"statement": ""},
        {"statement": "x" * 2001},
        {"month": "2025-13"},
        {"about": {"record": "r1", "else": 1}},
        {"contact": "1390000"},
    ],
)
def test_what_breaks_the_contract_opens_nothing(place, wrong):
    _, desk, app, principal = place
    assert post(app, PATH, principal, BODY | wrong).status == 422
    assert reviews.listed(desk.store) == []


def test_a_role_that_may_not_dispute_is_refused(place):
    _, desk, app, _ = place
    assert post(app, PATH, holder(desk.store, "auditor", number="00000009"), BODY).status == 403


def test_another_person_closes_it_and_no_class_changes(place):
    town, desk, app, principal = place
    before = fingerprint(town)
    made = post(app, PATH, principal, BODY).json
    with pytest.raises(AccessError, match="two persons"):
        reviews.close(desk.store, town.home, made["dispute"], closing(by="ana"))
    with pytest.raises(signing.SigningError):
        reviews.close(desk.store, town.home, made["dispute"], closing(by="nobody"))
    assert [row["dispute"] for row in reviews.listed(desk.store)] == [made["dispute"]]
    reviews.close(desk.store, town.home, made["dispute"], closing())
    found = get(app, f"{PATH}/{made['dispute']}", principal).json
    assert (found["state"], found["reply"], found["closed"]) == ("upheld", "已更正", "2026-01-04T17:00:00+08:00")
    assert reviews.listed(desk.store) == []
    assert len(reviews.listed(desk.store, everything=True)) == 1
    assert [one.details["act"] for one in Journal.of(town.home).entries("dispute")] == ["open", "upheld"]
    assert "已更正" not in (town.home / "journal.jsonl").read_text(encoding="utf-8")
    assert fingerprint(town) == before


@pytest.mark.parametrize(("state", "outcome"), list(product(MOVES, [*MOVES, "gone"])))
def test_only_the_moves_of_the_table_are_made(place, state, outcome):
    town, desk, app, principal = place
    made = post(app, PATH, principal, BODY).json["dispute"]
    if state != OPEN:
        reviews.close(desk.store, town.home, made, closing(state))
    if outcome in MOVES[state]:
        assert reviews.close(desk.store, town.home, made, closing(outcome))["state"] == outcome
        return
    with pytest.raises(AccessError, match="cannot become"):
        reviews.close(desk.store, town.home, made, closing(outcome))


@pytest.mark.parametrize("reply", ["", "x" * 2001])
def test_a_reply_is_needed_and_bounded(place, reply):
    town, desk, app, principal = place
    made = post(app, PATH, principal, BODY).json["dispute"]
    with pytest.raises(AccessError, match="characters"):
        reviews.close(desk.store, town.home, made, closing(reply=reply))
    with pytest.raises(AccessError, match="no dispute"):
        reviews.close(desk.store, town.home, "0" * 26, closing())


def test_a_profile_without_the_file_takes_none(copied, store):
    desk = desk_of(copied, store)
    answer = post(application(lambda: desk), PATH, holder(store), BODY)
    assert answer.status == 404
    assert answer.json["errors"][0]["code"] == "no_disputes_in_this_profile"


def test_the_day_it_is_due_is_counted_in_the_place_s_own_days(place):
    town, *_ = place
    assert reviews.due(town.profile, date(2026, 2, 10)) == date(2026, 3, 2)
