"""Pages, heads, the scheme in force and reason codes: pages are of one head, and a cursor is its key's alone."""

from dataclasses import replace
from datetime import date

import offices
import pytest
from sqlalchemy import create_engine, select, update

from features import signing
from serving.access import RIGHTS, Grant, Principal
from serving.http import Told
from serving.ledger import Head
from serving.marks import Marks
from serving.results import publisher_key
from serving.scoring import cursors
from serving.scoring.cursors import Place
from serving.scoring.listed import ActiveModel, Classes, Heads, ReasonCodes
from serving.scoring.routes import application
from serving.shelf import Shelf
from serving.tables import LOADS

SECRET = b"s" * 32
SCIENTIST = Principal("k", Grant("data_scientist", "", date(2026, 6, 1)))
PLACE = Place("2025-12", "9f" * 32, 1, "36/3601/360102", "T00010")


@pytest.fixture(scope="module")
def desk(promoted):
    return offices.desk_of(promoted)


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def ask(promoted, desk, told, call):
    at, own = [desk], promoted.key()
    inner = application(lambda: at[0])

    async def noting(scope, receive, send):
        await inner(scope, receive, send)
        told.append(scope["state"].get("told"))

    app = offices.guarded(promoted, noting)

    def asked(path, *, key=own, desk=desk, headers=()):
        at[0] = desk
        return call(app, path=path, headers=[("authorization", f"Bearer {key}"), *headers])

    return asked


def pages(ask, query, **asked):
    """Every page of a question, validated."""
    found, cursor = [], ""
    while cursor is not None:
        answer = ask(f"/v1/classes?{query}{cursor}", **asked)
        assert answer.status == 200, answer.body
        found.append(Classes.model_validate_json(answer.body).model_dump())
        cursor = found[-1]["next"] and f"&cursor={found[-1]['next']}"
    return found


def codes(found):
    return [row["entity"] for page in found for row in page["items"]]


@pytest.mark.parametrize("limit", [1, 7, 500])
def test_pages_hold_everyone_in_scope_once_in_one_order(ask, desk, promoted, limit):
    rows = [light for light in offices.rows(desk.newest) if light["org"].startswith("36/3601/")]
    if limit == 1:
        rows = [light for light in rows if light["class"] == "C"]
    query = f"limit={limit}" + ("&class=C" if limit == 1 else "")
    found = pages(ask, query, key=promoted.key())
    expected = [light["code"] for light in sorted(rows, key=lambda light: (light["org"], light["code"]))]
    assert codes(found) == expected
    assert all(len(page["items"]) <= limit for page in found)
    assert {page["head"] for page in found} == {desk.newest.head.digest}


def test_filters_narrow_pages(ask, desk, promoted):
    found = pages(ask, "region=360103&class=A&kind=shop&limit=3&period=2025-11", key=promoted.key())
    month = desk.results.month("2025-11")
    for row in (row for page in found for row in page["items"]):
        light = month.find(row["entity"])
        assert (light["region"], light["class"], light["kind"]) == ("360103", "A", "shop")
    assert codes(found)
    assert codes(pages(ask, "kind=nothing")) == []


def test_a_key_sees_its_offices_and_departments_only(ask, desk, promoted):
    key = promoted.key(role="department_reader", org="360103", departments=frozenset({"ecology"}))
    found = codes(pages(ask, "limit=500", key=key))
    lights = [desk.newest.find(code) for code in found]
    assert lights
    assert {light["org"] for light in lights} == {"36/3601/360103"}
    assert {light["departments"] for light in lights} == {",ecology,"}


def test_probabilities_need_their_right(ask, promoted):
    plain, full = (pages(ask, "limit=5", key=promoted.key(*rights))[0] for rights in ((), ("probability",)))
    assert {one["probability"] for one in plain["items"]} == {None}
    assert None not in {one["probability"] for one in full["items"] if one["class"]}


def test_every_page_says_whom_it_tells_of(ask, told, promoted):
    answer = ask("/v1/classes?limit=3").json
    entities = tuple(row["entity"] for row in answer["items"])
    assert told[-1] == Told(entities, 3, "2025-12", promoted.scheme.digest)


def test_a_data_scientist_is_told_pseudonyms(ask, told, promoted):
    key = promoted.key(role="data_scientist", org="")
    first, again = (codes(pages(ask, "limit=90", key=key)) for _ in range(2))
    assert first == again
    assert len(set(first)) == 200
    assert all(one.startswith("p-") and "T0" not in one for one in first)
    assert set(told[-1].entities) <= {f"T{number:05d}" for number in range(200)}
    assert ask("/v1/entities/T00010/class", key=key).status == 403


def by_lot(promoted, lights):
    """Codes in the order of their lots."""
    codes = [light["code"] for light in lights]
    return [code for _, code in sorted(zip(Marks.of(promoted.home).lots(codes).tolist(), codes, strict=True))]


@pytest.mark.parametrize(
    ("query", "keeps"),
    [
        ("limit=7", lambda light: True),
        ("limit=500", lambda light: True),
        ("limit=3&class=C&region=3601", lambda light: light["class"] == "C" and light["region"][:4] == "3601"),
        ("limit=1&kind=stall&class=D", lambda light: (light["kind"], light["class"]) == ("stall", "D")),
    ],
)
def test_no_list_of_codes_lines_up_with_pages_of_pseudonyms(ask, desk, told, promoted, query, keeps):
    key = promoted.key(role="data_scientist", org="")
    before = len(told)
    found = codes(pages(ask, query, key=key))
    entities = [code for one in told[before:] for code in one.entities]
    lights = [light for light in offices.rows(desk.newest) if keeps(light)]
    assert entities == by_lot(promoted, lights)
    assert entities != [light["code"] for light in sorted(lights, key=lambda light: (light["org"], light["code"]))]
    assert found == [desk.told_as(code, SCIENTIST) for code in entities]
    assert found != sorted(found)  # a lot is no part of a pseudonym: who reads the store learns none


def test_pages_of_pseudonyms_reach_the_scope_of_their_key(ask, desk, told, promoted):
    key = promoted.key(role="data_scientist", org="360103", departments=frozenset({"ecology"}))
    codes(pages(ask, "limit=500", key=key))
    lights = offices.rows(desk.newest)
    reached = [one for one in lights if one["org"] == "36/3601/360103" and one["departments"] == ",ecology,"]
    assert list(told[-1].entities) == by_lot(promoted, reached)


def test_the_order_of_lots_is_that_of_a_secret():
    known = [f"T{number:05d}" for number in range(200)]
    first, again, other = (Marks(secret * 32).lots(known).tolist() for secret in (b"s", b"s", b"t"))
    assert first == again != other
    assert len(set(first)) == 200
    assert sorted(first) != first
    assert {number < 0 for number in first} == {True, False}


def test_whoever_is_told_pseudonyms_is_told_of_entities_by_pages_alone():
    """Scores, jobs and histories answer in the order they were asked in: by someone who named the entities himself."""
    told = {name for name, route in RIGHTS.routes.items() if route.reads and route.roles & RIGHTS.pseudonymous}
    assert told == {"classes", "page_entities"}


def test_a_month_that_was_loaded_without_lots_is_told_to_nobody_by_pseudonym(copied, call):
    with copied.store.writing() as connection:
        for load, stated in connection.execute(select(LOADS.c.load, LOADS.c.told)).all():
            old = {name: one for name, one in stated.items() if name != "marks"}
            connection.execute(update(LOADS).where(LOADS.c.load == load).values(told=old))
            without_lots(copied.store, load)
    desk = offices.desk_of(copied, results=Shelf(copied.store, publisher_key(copied.home)))
    app = offices.guarded(copied, application(lambda: desk))

    def ask(role, **asked):
        headers = [("authorization", f"Bearer {copied.key(role=role, org='')}")]
        return call(app, path="/v1/classes?limit=500", headers=headers)

    assert len(ask("analyst").json["items"]) == 200
    assert ask("data_scientist").status == 503
    offices.loaded(copied).close()  # loads them anew, although their heads are the same
    assert len(ask("data_scientist").json["items"]) == 200


def without_lots(store, load):
    """Make a load what earlier versions made."""
    engine = create_engine(f"sqlite:///{store.month_file(load)}")
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP INDEX results_{load}_lots")
        connection.exec_driver_sql(f"ALTER TABLE results_{load} DROP COLUMN lot")
    engine.dispose()


def test_a_cursor_is_good_for_its_key_and_question_only(ask, promoted):
    key = promoted.key()
    cursor = ask("/v1/classes?limit=5&region=3601", key=key).json["next"]
    assert ask(f"/v1/classes?limit=9&region=3601&cursor={cursor}", key=key).status == 200
    for query in ("region=360103", "region=3601&class=A", "region=3601&period=2025-12", "limit=5"):
        assert ask(f"/v1/classes?{query}&cursor={cursor}", key=key).status == 404
    assert ask(f"/v1/classes?limit=5&region=3601&cursor={cursor}", key=promoted.key()).status == 404


def asked_of(town, call):
    """Asks with one key of a town whose store may change meanwhile."""
    desk = offices.desk_of(town)
    app, headers = offices.guarded(town, application(lambda: desk)), [("authorization", f"Bearer {town.key()}")]
    return lambda path: call(app, path=path, headers=headers)


def test_a_cursor_of_a_month_that_was_corrected_does_not_go_on(copied, call):
    ask = asked_of(copied, call)
    cursor = ask("/v1/classes?limit=5").json["next"]
    copied.correct()
    assert ask(f"/v1/classes?limit=5&cursor={cursor}").status == 200  # published, and not in the store yet
    offices.loaded(copied)
    answer = ask(f"/v1/classes?limit=5&cursor={cursor}")
    assert (answer.status, answer.json["type"]) == (409, "urn:jianwei:problem:state-conflict")
    assert {one["supplement"] for one in ask("/v1/classes?limit=90").json["items"]} == {0, 1}


def test_pages_go_on_with_the_month_they_began_with(copied, call):
    ask = asked_of(copied, call)
    cursor = ask("/v1/classes?limit=5").json["next"]
    copied.classify("2026-01")
    offices.loaded(copied)
    assert ask(f"/v1/classes?limit=5&cursor={cursor}").json["month"] == "2025-12"
    assert ask("/v1/classes?limit=5").json["month"] == "2026-01"


def test_a_cursor_of_pseudonyms_leads_to_its_lot():
    place = replace(PLACE, lot=-5)
    assert cursors.read(SECRET, cursors.written(SECRET, place, "k", {}), "k", {}) == place
    assert (place.after, PLACE.after) == ((-5, "T00010"), ("36/3601/360102", "T00010"))


def test_a_changed_cursor_leads_nowhere():
    cursor = cursors.written(SECRET, PLACE, "k", {"class": "A"})
    assert cursors.read(SECRET, cursor, "k", {"class": "A"}) == PLACE
    assert "T00010" not in cursor
    for at in range(len(cursor)):
        other = "A" if cursor[at] != "A" else "B"
        assert cursors.read(SECRET, cursor[:at] + other + cursor[at + 1 :], "k", {"class": "A"}) is None
    for key, asked, secret in (("l", {"class": "A"}, SECRET), ("k", {}, SECRET), ("k", {"class": "A"}, b"t" * 32)):
        assert cursors.read(secret, cursor, key, asked) is None
    for text in ("", "A" * 80, "=" * 80, "Ā" * 80, cursor + "="):
        assert cursors.read(SECRET, text, "k", {"class": "A"}) is None


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "class=E", "region=%00", "kind=Shop!", "cursor=x", "x=1"])
def test_an_odd_page_is_refused(ask, query):
    assert ask(f"/v1/classes?{query}").status == 422


def test_the_heads_of_a_month_bear_the_publishers_signature(ask, desk, promoted):
    answer = ask("/v1/heads/2025-12")
    found = Heads.model_validate_json(answer.body).model_dump()
    key = signing.verify_key(promoted.home / "keys", "publisher")
    assert found["publisher"] == key.public_bytes_raw().hex()
    (one,) = found["heads"]
    head = Head(**one["head"])
    assert head.digest == one["digest"] == found["digest"] == desk.newest.head.digest
    assert signing.holds(key, head.document, one["signature"])
    assert ask("/v1/heads/2025-12", headers=[("if-none-match", answer.headers["etag"])]).status == 304
    assert ask("/v1/heads/2024-01").status == ask("/v1/heads/x").status == 404


def test_the_scheme_in_force_says_who_put_it_there(ask, promoted):
    found = ActiveModel.model_validate_json(ask("/v1/models/active").body).model_dump()
    assert (found["scheme"], found["at"]) == (promoted.scheme.digest, "2026-01-03")
    assert (found["proposed"]["by"], found["decided"]["by"], found["verdict"]) == ("ana", "bo", "promote")
    assert found["report_digest"] == "r" * 64
    assert ask("/v1/models/active?at=2026-01-03").json == ask("/v1/models/active").json


@pytest.mark.parametrize("day", [date.min, date(2026, 1, 2)])
def test_before_the_first_promotion_no_scheme_was_in_force(ask, day):
    assert ask(f"/v1/models/active?at={day.isoformat()}").status == 404


def test_of_days_to_come_the_scheme_of_today_is_told(ask):
    assert ask("/v1/models/active?at=9999-12-31").json["at"] == "2026-01-03"
    assert ask("/v1/models/active?at=2026-02-30").status == 422


def test_a_journal_that_does_not_hold_names_no_scheme(copied, call):
    copied.promote()
    path = copied.home / "journal.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace('"bo"', '"ana"'), encoding="utf-8")
    desk = offices.desk_of(copied)
    app = offices.guarded(copied, application(lambda: desk))
    answer = call(app, path="/v1/models/active", headers=[("authorization", f"Bearer {copied.key()}")])
    assert answer.status == 503


def test_reason_codes_are_those_that_reasons_bear(ask, promoted):
    found = ReasonCodes.model_validate_json(ask("/v1/reason-codes").body).model_dump()
    known = {one["code"] for one in found["codes"]}
    key = promoted.key("internal", "probability")
    for code in ("T00010", "T00006", "T00000"):
        reasons = ask(f"/v1/entities/{code}/explanation", key=key).json["reasons"]
        assert {one["code"] for one in reasons} <= known
    rule = next(one for one in found["codes"] if one["code"] == "rule-H2")
    assert (rule["visibility"], rule["rule"], rule["indicator"]) == ("internal", "H2", None)
    assert ask("/v1/reason-codes?version=2025.2").json == ask("/v1/reason-codes").json
    assert ask("/v1/reason-codes?version=1999.1").status == 404


def test_codes_of_a_champion_that_classified_nothing_yet_are_told(ask, desk, promoted):
    newer = replace(desk, champion=replace(promoted.scheme, version="2026.1"))
    found = ask("/v1/reason-codes?version=2026.1", desk=newer).json
    assert found["indicators"]["version"] == "2026.1"
    assert {one["code"] for one in found["codes"]} == {one["code"] for one in ask("/v1/reason-codes").json["codes"]}
