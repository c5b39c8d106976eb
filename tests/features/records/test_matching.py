"""Whose record it is: code, then number, then name and region; never a guess, and nothing is dropped."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from small_place import NOW, code, entity, penalty

from features.records.identity import make_uscc, regno_check_digit

REGNO = "36010200000012"
REGNO += regno_check_digit(REGNO)
BAD_REGNO = REGNO[:-1] + str((int(REGNO[-1]) + 1) % 10)


@pytest.fixture
def registered(home):
    rows = [
        entity(0),
        entity(1),
        entity(2, regno=REGNO),
        entity(3, name="同名"),
        entity(4, name="同名"),
        entity(5, code="", regno="3601020000456", name="老字号"),
        entity(6, name="独名", region="360103"),
    ]
    (receipt,) = home.take(home.deliver("register", {"entity.csv": ("entity", rows)}))
    assert receipt.accepted == 7
    return home


def take(home, name, rows, record_type="penalty", **how):
    at = how.pop("at", NOW)
    (receipt,) = home.take(home.deliver(name, {f"{record_type}.csv": (record_type, rows)}, **how), at=at)
    return receipt


def owner(home, **signs):
    row = penalty(0) | {"code": "", "regno": "", "name": "", "region": ""} | signs
    receipt = take(home, "d", [row])
    found = [row["entity"] for row in home.seen("penalty", date(2026, 1, 1))]
    assert receipt.accepted + receipt.unmatched == 1
    assert len(found) == receipt.accepted
    return found[0] if found else None


@pytest.mark.parametrize(
    ("signs", "entity_key"),
    [
        ({"code": code(1)}, 1),
        ({"code": code(1), "regno": REGNO, "name": "独名", "region": "360103"}, 1),
        ({"regno": REGNO}, 2),
        ({"regno": "3601020000456"}, 5),
        ({"name": "独名", "region": "360103"}, 6),
        ({"name": "老字号", "region": "360102"}, 5),
        ({"code": code(99), "regno": "3601020000456"}, 5),
        # two of that name; another region; a code of somebody else; a number of somebody else
        ({"name": "同名", "region": "360102"}, None),
        ({"name": "独名", "region": "360102"}, None),
        ({"code": code(99)}, None),
        ({"code": code(99), "name": "独名", "region": "360103"}, None),
        ({"code": code(99), "regno": REGNO}, None),
        ({"regno": "3601020000999", "name": "老字号", "region": "360102"}, None),
        ({"regno": BAD_REGNO}, None),
        ({"regno": BAD_REGNO, "name": "独名", "region": "360103"}, None),
    ],
)
def test_a_row_belongs_to_the_entity_its_strongest_sign_names(registered, signs, entity_key):
    assert owner(registered, **signs) == entity_key


def test_entities_are_numbered_in_order_of_first_appearance(registered):
    codes = registered.lake.codes()
    assert codes == [code(0), code(1), code(2), code(3), code(4), None, code(6)]
    take(registered, "more", [entity(9), entity(8)], "entity")
    assert registered.lake.codes()[7:] == [code(9), code(8)]
    assert registered.lake.register().column_names == ["entity", "code", "regno", "name", "region"]


def test_an_entity_known_by_its_old_number_takes_the_code_that_comes_with_it(registered):
    take(registered, "p", [penalty(0, code="", regno="3601020000456")])
    take(registered, "e", [entity(5, regno="3601020000456", name="老字号", entered_at="2020-01-01")], "entity")
    assert registered.lake.codes()[5] == code(5)
    assert len(registered.lake.codes()) == 7
    take(registered, "q", [penalty(5, "2")])
    assert [row["entity"] for row in registered.seen("penalty", date(2026, 1, 1))] == [5, 5]


def test_two_entities_with_one_old_number_are_not_told_apart_by_it(registered):
    take(registered, "e", [entity(7, regno=REGNO)], "entity")
    assert owner(registered, regno=REGNO) is None


def test_a_former_name_still_finds_its_entity(registered):
    take(registered, "e", [entity(6, name="新名", region="360103", entered_at="2020-01-01")], "entity")
    assert registered.lake.register()["name"].to_pylist()[6] == "新名"
    assert owner(registered, name="独名", region="360103") == 6


def test_an_older_statement_of_a_name_does_not_replace_a_newer_one(registered):
    take(registered, "e", [entity(6, name="旧名", region="360103", entered_at="2015-09-01")], "entity")
    assert registered.lake.register()["name"].to_pylist()[6] == "独名"


def test_rows_without_an_entity_wait_where_people_can_fetch_them_and_are_found_later(registered):
    queue = registered.lake.home / "unmatched" / "penalty.csv"
    receipt = take(registered, "p", [penalty(20), penalty(21), penalty(1)])
    assert (receipt.accepted, receipt.unmatched) == (1, 2)
    assert pl.read_csv(queue)["code"].to_list() == [code(20), code(21)]
    assert take(registered, "again", [penalty(20)]).unmatched == 1
    assert pl.read_csv(queue).height == 2

    receipt = take(registered, "e", [entity(20)], "entity", at=NOW + timedelta(days=1))
    assert (receipt.sent, receipt.accepted) == (1, 1)
    assert registered.journal.last("intake").details["rematched"] == 1
    assert pl.read_csv(queue)["code"].to_list() == [code(21)]
    found = [row for row in registered.seen("penalty", date(2026, 1, 1)) if row["entity"] == 7]
    assert [(row["delivery"], row["known_at"]) for row in found] == [("p", datetime(2024, 3, 7, 2, tzinfo=UTC))]
    assert found[0]["recorded_at"] == NOW + timedelta(days=1)
    take(registered, "f", [entity(21)], "entity")
    assert not queue.exists()


def test_an_undeclared_row_found_later_is_known_from_then(registered):
    take(registered, "p", [penalty(20)], backload=None)
    later = NOW + timedelta(days=9)
    take(registered, "e", [entity(20)], "entity", at=later)
    assert [row["known_at"] for row in registered.seen("penalty", later.date())] == [later]


def test_the_order_of_rows_and_register_does_not_change_what_is_seen(home, tmp_path):
    penalties = home.deliver("p", {"penalty.csv": ("penalty", [penalty(1), penalty(2)])})
    register = home.deliver("e", {"entity.csv": ("entity", [entity(2), entity(1)])})
    receipts = home.take(penalties, register)
    assert [receipt.accepted for receipt in receipts] == [2, 2]


def inspection(number, **changes):
    row = {"code": code(number), "inspection_no": f"i{number}", "inspected_date": "2024-01-05"}
    return row | {"entered_at": "2024-01-09"} | changes


def finding(number, **changes):
    row = {"inspection_no": f"i{number}", "finding_no": "1", "found_date": "2024-01-05", "entered_at": "2024-01-09"}
    return row | changes


def test_a_row_without_an_identity_belongs_to_the_entity_of_its_record(registered):
    receipt = take(registered, "f", [finding(1), finding(2)], "finding")
    assert receipt.unmatched == 2
    take(registered, "i", [inspection(1)], "inspection")
    assert [row["entity"] for row in registered.seen("finding", date(2026, 1, 1))] == [1]
    both = {"inspection.csv": ("inspection", [inspection(2)]), "finding.csv": ("finding", [finding(2)])}
    (receipt,) = registered.take(registered.deliver("both", both))
    assert (receipt.accepted, receipt.duplicate) == (1, 1)
    assert [row["entity"] for row in registered.seen("finding", date(2026, 1, 1))] == [1, 2]


def test_a_record_number_that_two_entities_have_needs_the_code(registered):
    take(registered, "i", [inspection(1), inspection(2, inspection_no="i1")], "inspection")
    receipt = take(registered, "f", [finding(1), finding(1, code=code(2), finding_no="2")], "finding")
    assert (receipt.accepted, receipt.unmatched) == (1, 1)
    assert [row["entity"] for row in registered.seen("finding", date(2026, 1, 1))] == [2]


def test_a_place_needs_no_entity(registered):
    rows = [{"request_no": f"r{n}", "created": "2024-01-05", "latitude": "28.68", "longitude": "-87.5"} for n in (1, 2)]
    receipt = take(registered, "r", [*rows, rows[0]], "request")
    assert (receipt.accepted, receipt.duplicate) == (2, 1)
    seen = registered.seen("request", date(2026, 1, 1))
    assert {(row["entity"], row["latitude"], row["longitude"]) for row in seen} == {(None, 28.68, -87.5)}


def test_a_number_with_a_wrong_check_digit_makes_no_entity(registered):
    receipt = take(registered, "e", [entity(8, code="", regno=BAD_REGNO)], "entity")
    assert receipt.unmatched == 1
    assert len(registered.lake.codes()) == 7


def test_department_codes_with_letters_are_entities_like_others(registered):
    own = make_uscc("Y1", "360102", 7)
    take(registered, "e", [entity(8, code=own)], "entity")
    assert owner(registered, code=own) == 7
