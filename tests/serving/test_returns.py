"""Results of inspections: judged as the intake judges, kept, delivered once, and in the lake the month after."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pyarrow.parquet as pq
import pytest
from offices import desk_of, rows
from posts import RETURNS, extended, holder, post
from sqlalchemy import select
from town import NOW, settle, write

from features.profile import ProfileError, read_profile
from features.records.intake import take
from features.records.journal import Journal
from serving import feedback as feedback_module
from serving import reviews
from serving.feedback import Feedback, deliver
from serving.scoring.routes import application
from serving.tables import INSPECTION_RESULTS

PATH = "/v1/inspection-results"


@pytest.fixture
def place(copied, store):
    town = extended(settle(copied))
    desk = desk_of(town, store)
    return town, desk, application(lambda: desk), holder(store)


def result(number="N1", entity="T00010", **changed):
    found = {
        "entity": entity,
        "inspection": {"inspection_no": number, "inspected": "2026-01-02", "trade": "food"},
        "findings": [{"finding_no": "1", "found": "2026-01-02", "severity": 2}],
    }
    return found | changed


def changed(one, **fields):
    return {**one, "inspection": {**one["inspection"], **fields}}


def sent(*results):
    return {"results": list(results)}


def waiting(desk):
    with desk.store.reading() as connection:
        return [dict(row) for row in connection.execute(select(INSPECTION_RESULTS)).mappings()]


def test_every_result_is_answered_in_order_and_only_good_ones_are_kept(place):
    _, desk, app, principal = place
    good = result()
    answer = post(
        app, PATH, principal,
        sent(
            good,
            result("N2", "nobody"),
            good,
            changed(result("N3"), trade="unknown"),
            changed(result("N4"), inspected="2027-01-01"),
            changed(result("N5"), street="x"),
            result("N6", findings=[{"finding_no": "1", "found": "2026-01-02", "severity": 9}]),
            changed(good, trade="tools"),
        ),
    )  # fmt: skip
    assert answer.status == 200
    found = answer.json
    assert [one["outcome"] for one in found["outcomes"]] == [
        "accepted", "not_found", "duplicate", "rejected", "rejected", "rejected", "rejected", "rejected",
    ]  # fmt: skip
    assert [one["errors"] for one in found["outcomes"][3:]] == [
        [{"pointer": "/results/3/inspection/trade", "code": "code_unknown"}],
        [{"pointer": "/results/4/inspection/inspected", "code": "date_future"}],
        [{"pointer": "/results/5/inspection", "code": "column_unknown"}],
        [{"pointer": "/results/6/findings/0/severity", "code": "number_range"}],
        [{"pointer": "/results/7/inspection/inspection_no", "code": "number_taken"}],
    ]
    assert {name: found[name] for name in ("accepted", "duplicate", "rejected", "not_found")} == {
        "accepted": 1, "duplicate": 1, "rejected": 5, "not_found": 1,
    }  # fmt: skip
    assert len(waiting(desk)) == 1
    assert "nobody" not in answer.told.entities


@pytest.mark.parametrize(
    ("one", "pointer", "code"),
    [
        (result(findings=[{"finding_no": "1"}]), "/findings/0/found", "required_missing"),
        (
            result(inspection={"inspected": "2026-01-02", "trade": "food"}),
            "/inspection/inspection_no",
            "required_missing",
        ),
        (result(item="I1"), "/item", "item_foreign"),
        (
            result(findings=[{"finding_no": "1", "found": "2026-01-02", "severity": 1, "inspection_no": "N9"}]),
            "/findings/0/inspection_no",
            "other_inspection",
        ),
        (
            result(findings=[{"finding_no": "1", "found": "2026-01-02", "severity": 1}] * 2),
            "/findings/1/finding_no",
            "number_repeated",
        ),
        (
            result(findings=[{"finding_no": "1", "found": "2026-01-02", "severity": 1, "x": 1}]),
            "/findings/0",
            "column_unknown",
        ),
    ],
)
def test_what_is_wrong_is_said_where_it_is(place, one, pointer, code):
    _, desk, app, principal = place
    found = post(app, PATH, principal, sent(one)).json["outcomes"][0]
    assert found["outcome"] == "rejected"
    assert {"pointer": f"/results/0{pointer}", "code": code} in found["errors"]
    assert waiting(desk) == []


def test_an_entity_of_another_county_is_answered_as_one_that_does_not_exist(place):
    _, desk, app, _ = place
    county = holder(desk.store, "regulator_county", "360102", number="00000002")
    month = desk.newest
    foreign = next(code for code in ("T00001", "T00002") if month.find(code)["region"] != "360102")
    answers = [post(app, PATH, county, sent(result(entity=code)), key=code) for code in (foreign, "nobody")]
    assert answers[0].body == answers[1].body
    assert answers[0].json["not_found"] == 1
    assert answers[0].told.entities == ()


def counties(desk):
    """Two counties and an entity of each."""
    names = ("360102", "360103")
    holders = [holder(desk.store, "regulator_county", org, number=f"0000000{org[-1]}") for org in names]
    own = [next(one["code"] for one in rows(desk.newest) if one["org"].endswith(org)) for org in names]
    return list(zip(holders, own, strict=True))


def test_a_number_belongs_to_the_office_that_returns_it(place):
    _, desk, app, _ = place
    (first, near), (second, far) = counties(desk)
    again = holder(desk.store, "regulator_county", "360102", number="00000007")  # another key of the same office
    told = [
        post(app, PATH, who, sent(result("N1", entity, **more)), key=f"k{number}").json["outcomes"][0]
        for number, (who, entity, more) in enumerate(
            [
                (first, near, {}),
                (second, far, {}),
                (second, far, {}),
                (again, near, {}),
                (again, near, {"findings": []}),
            ]
        )
    ]
    outcomes = [one["outcome"] for one in told]
    assert outcomes == ["accepted", "accepted", "duplicate", "duplicate", "rejected"]
    assert [one["code"] for one in told[-1]["errors"]] == ["number_taken"]
    assert [one["org"] for one in waiting(desk)] == ["360102", "360103"]


def test_the_same_number_of_two_offices_is_two_inspections_in_the_lake_each_with_its_findings(place):
    town, desk, app, principal = place
    (first, near), (second, far) = counties(desk)
    found = {"found": "2026-01-02", "severity": 3}
    for number, (who, entity, findings) in enumerate(
        [(first, near, ["1"]), (second, far, ["1", "2"]), (principal, near, []), (principal, far, None)]
    ):
        one = result("360103/N1" if findings is None else "N1", entity)
        one["findings"] = [{"finding_no": own, **found} for own in findings or ()]
        assert post(app, PATH, who, sent(one), key=f"k{number}").json["accepted"] == 1
    (written,) = deliver(Feedback.read(town.profile), desk.store, town.home, at=NOW)
    take([written.folder], lake=town.lake, journal=Journal.of(town.home), recorded_at=NOW.replace(hour=12))

    def held(name):
        tables = [pq.read_table(town.home / "lake" / file.path) for file in town.lake.generation.tables[name]]
        return [row for table in tables for row in table.to_pylist()]

    numbers = {row["inspection_no"]: row["entity"] for row in held("inspection")}
    entity_of = {one["code"]: one["entity"] for one in rows(desk.newest)}
    assert numbers == {
        "N1": entity_of[near],
        "360103/N1": entity_of[far],
        "/N1": entity_of[near],
        "/360103/N1": entity_of[far],
    }
    assert sorted((row["inspection_no"], row["finding_no"], row["entity"]) for row in held("inspection_finding")) == [
        ("360103/N1", "1", entity_of[far]),
        ("360103/N1", "2", entity_of[far]),
        ("N1", "1", entity_of[near]),
    ]


def test_a_number_that_leaves_no_room_for_its_office_is_taken_once_another_has_it(place):
    _, desk, app, principal = place
    (first, near), _ = counties(desk)
    long = "N" * 3990
    bare = result(long, near, findings=[])
    assert post(app, PATH, principal, sent(bare)).json["accepted"] == 1
    (found,) = post(app, PATH, first, sent(result(long, near, findings=[])), key="k2").json["outcomes"]
    assert (found["outcome"], found["errors"]) == ("accepted", [])
    longer = result("M" * 3999, near, findings=[])
    assert post(app, PATH, principal, sent(longer), key="k3").json["accepted"] == 1
    (found,) = post(app, PATH, first, sent(longer), key="k4").json["outcomes"]
    assert [one["code"] for one in found["errors"]] == ["number_taken"]


def test_of_offices_that_return_a_number_at_the_same_time_each_has_one_result(place):
    _, desk, app, principal = place
    (first, near), (second, far) = counties(desk)
    asking = [(principal, near), (first, near), (second, far)] * 8

    def ask(numbered):
        number, (who, entity) = numbered
        return post(app, PATH, who, sent(result("N1", entity)), key=f"k{number}")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, enumerate(asking)))
    outcomes = Counter(one["outcome"] for answer in answers for one in answer.json["outcomes"])
    assert outcomes == {"accepted": 3, "duplicate": 21}
    assert sorted(one["org"] for one in waiting(desk)) == ["", "360102", "360103"]
    assert len({one["told"] for one in waiting(desk)}) == 3


def test_two_offices_that_return_the_same_numbers_in_opposite_order_do_not_wait_for_each_other(place):
    _, desk, app, _ = place
    asking = [(*one, step) for one, step in zip(counties(desk), (1, -1), strict=True)]

    def ask(numbered):
        turn, (who, entity, step) = numbered
        many = [result(f"N{number}", entity, findings=[]) for number in range(200)]
        return post(app, PATH, who, sent(*many[::step]), key=f"k{turn}")

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(ask, enumerate(asking * 3)))
    assert [answer.status for answer in answers] == [200] * 6
    assert [answer.json["accepted"] for answer in answers].count(200) == 2
    assert [answer.json["duplicate"] for answer in answers].count(200) == 4


def test_a_thousand_results_are_taken_and_one_more_is_refused(place):
    _, desk, app, principal = place
    many = [result(f"N{number}") for number in range(1000)]
    assert post(app, PATH, principal, sent(*many)).json["accepted"] == 1000
    assert post(app, PATH, principal, sent(*many, result("M")), key="k2").status == 422
    assert len(waiting(desk)) == 1000


def test_a_profile_without_the_file_says_so(copied, store):
    desk = desk_of(copied, store)
    answer = post(application(lambda: desk), PATH, holder(store), sent(result()))
    assert answer.status == 404
    assert answer.json["errors"][0]["code"] == "no_inspection_results_in_this_profile"


def test_a_result_with_its_finding_is_in_the_lake_after_the_next_intake(place):
    town, desk, app, principal = place
    assert post(app, PATH, principal, sent(result(), result("N2", "T00011"))).json["accepted"] == 2
    written = deliver(Feedback.read(town.profile), desk.store, town.home, at=NOW)
    assert [dict(one.rows) for one in written] == [{"inspection": 2, "inspection_finding": 2}]
    later = NOW.replace(hour=12)
    receipts = take([one.folder for one in written], lake=town.lake, journal=Journal.of(town.home), recorded_at=later)
    assert [(one.sent, one.accepted, one.rejected, one.unmatched) for one in receipts] == [(4, 4, 0, 0)]
    held = [pq.read_table(town.home / "lake" / file.path) for file in town.lake.generation.tables["inspection_finding"]]
    rows = [row for table in held for row in table.to_pylist()]
    assert sorted((row["inspection_no"], row["severity"], row["source"]) for row in rows) == [
        ("N1", 2, "inspection_api"),
        ("N2", 2, "inspection_api"),
    ]
    assert all(row["entity"] is not None for row in rows)
    assert {row["delivery"] for row in waiting(desk)} == {written[0].delivery}


def test_nothing_is_written_twice(place):
    town, desk, app, principal = place
    feedback = Feedback.read(town.profile)
    assert deliver(feedback, desk.store, town.home, at=NOW) == []
    post(app, PATH, principal, sent(result()))
    assert len(deliver(feedback, desk.store, town.home, at=NOW)) == 1
    assert deliver(feedback, desk.store, town.home, at=NOW) == []
    post(app, PATH, principal, sent(result("N2")), key="k2")
    assert len(deliver(feedback, desk.store, town.home, at=NOW)) == 1


@pytest.mark.parametrize("where", ["_write", "write_text", "sync_folder"])
def test_a_delivery_a_crash_interrupted_is_finished_with_the_same_bytes(place, monkeypatch, where):
    town, desk, app, principal = place
    feedback = Feedback.read(town.profile)
    post(app, PATH, principal, sent(result()))

    def crash(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(feedback_module, where, crash)
        with pytest.raises(KeyboardInterrupt):
            deliver(feedback, desk.store, town.home, at=NOW)
    post(app, PATH, principal, sent(result("N2")), key="k2")
    written = deliver(feedback, desk.store, town.home, at=NOW.replace(hour=15))
    assert [dict(one.rows) for one in written] == [{"inspection": 1, "inspection_finding": 1}] * 2
    row = json.loads((written[0].folder / "inspection.jsonl").read_text(encoding="utf-8"))
    assert (row["code"], row["source_record_no"], row["entered_at"]) == ("T00010", "N1", "2026-01-03T17:00:00+08:00")
    names = [entry.details["delivery"] for entry in Journal.of(town.home).entries("returns")]
    assert names == [one.delivery for one in written]


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ({**RETURNS, "record": "nothing"}, "no record type"),
        ({"source": "s"}, "missing"),
        ({**RETURNS, "finding": "event"}, "event does not belong"),
        ({**RETURNS, "record": "listing"}, "does not belong to listing"),
    ],
)
def test_a_profile_that_contradicts_itself_is_refused(place, stated, told):
    town, *_ = place
    write(town.folder / "profile" / "returns.yaml", stated)
    with pytest.raises(ProfileError, match=told):
        Feedback.read(read_profile(str(town.folder / "profile")))


def test_the_province_takes_results_and_disputes_and_the_city_neither():
    province, city = read_profile("jiangxi"), read_profile("chicago")
    found = Feedback.read(province)
    assert (found.record.name, found.finding.name) == ("inspection", "inspection_finding")
    assert reviews.due(province, NOW.date()) > NOW.date()
    assert (Feedback.read(city), reviews.takes_disputes(city)) == (None, False)


def test_without_a_key_or_with_a_query_nothing_is_taken(place):
    _, desk, app, principal = place
    assert post(app, PATH, None, sent(result())).status == 401
    assert post(app, f"{PATH}?x=1", principal, sent(result())).status == 422
    assert post(app, PATH, holder(desk.store, "auditor", number="00000009"), sent(result())).status == 403
    assert waiting(desk) == []
