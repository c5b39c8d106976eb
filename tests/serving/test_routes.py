"""The routes behind the wall: shapes, order, rights, regions; foreign and unknown are answered alike."""

import json
from dataclasses import replace

import offices
import pytest
from sqlalchemy import select, update

from features import signing
from serving.http import ProblemError, problem_body
from serving.scoring.contract import MOST_SUBJECTS
from serving.scoring.routes import application
from serving.store import connected
from serving.tables import month_tables
from training.scheme import SchemeError

CONTEXT = {"month", "scheme", "notice", "notice_en"}


def desk_of(town, **changed):
    only = {"scheme_of": lambda digest: pytest.fail("only the champion's scheme is needed")}
    return offices.desk_of(town, **{**only, **changed})


def guarded(town, desk):
    return offices.guarded(town, application(lambda: desk))


@pytest.fixture(scope="module")
def app(classified):
    return guarded(classified, desk_of(classified))


@pytest.fixture(scope="module")
def ask(classified, app, call):
    def asked(path, *, key=None, body=None, app=app):
        headers = [("authorization", f"Bearer {key or classified.key()}")]
        if body is None:
            return call(app, "GET", path, headers=headers)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return call(app, "POST", path, headers=[*headers, ("content-type", "application/json")], chunks=[content])

    return asked


def subjects(*codes):
    return {"subjects": [{"entity": code} for code in codes]}


def test_scores_come_in_the_order_asked_unknown_ones_in_their_place(ask):
    answer = ask("/v1/scores", body=subjects("T00010", "nobody", "T00000", "T00007", "T00010"))
    found = answer.json
    assert answer.status == 200
    assert set(found) >= CONTEXT
    assert [one.get("entity") for one in found["results"]] == ["T00010", None, "T00000", "T00007", "T00010"]
    assert found["results"][1] == {"status": "not_found"}
    assert found["results"][3] == {"entity": "T00007", "status": "not_classified", "reason": "closed"}
    assert found["results"][0] == found["results"][4]


def test_a_live_score_under_the_scheme_of_the_month_is_the_sealed_one(classified, ask):
    sealed = offices.sealed(classified).month("2025-12")
    codes = [row["code"] for row in sealed.listed(region="3601")][:MOST_SUBJECTS]
    found = ask("/v1/scores", key=classified.key("probability"), body=subjects(*codes)).json["results"]
    for one in found:
        light = sealed.find(one["entity"])
        assert (one["class"], one["official"]["class"]) == (light["class"], light["class"])
        assert one["probability"] == f"{light['probability']:.12f}"
        assert one["margin"] == f"{light['margin']:.12f}"
        assert one["confidence"] == light["confidence"]
        assert set(one["certainty"]) == {"spreads", "agreement"}


@pytest.mark.parametrize(
    ("explain", "keys"), [("none", set()), ("reasons", {"reasons"}), ("contributions", {"reasons", "contributions"})]
)
def test_explain_says_how_much_is_told(ask, explain, keys):
    one = ask("/v1/scores", body={**subjects("T00010"), "explain": explain}).json["results"][0]
    assert keys == {"reasons", "contributions"} & set(one)


def test_how_sure_a_class_is_needs_the_right_to_its_probability(classified, ask):
    one = ask("/v1/scores", key=classified.key("internal"), body=subjects("T00010")).json["results"][0]
    assert not {"probability", "confidence", "certainty"} & set(one)
    told = ask("/v1/entities/T00010/class", key=classified.key("probability")).json
    assert told["confidence"] == desk_of(classified).results.month("2025-12").find("T00010")["confidence"]
    assert "certainty" not in told


def test_contributions_of_a_live_score_add_up_as_decimals(classified, ask):
    key = classified.key("probability", "internal")
    one = ask("/v1/scores", key=key, body={**subjects("T00006"), "explain": "contributions"}).json["results"][0]
    total = float(one["base"]) + sum(float(value) for value in one["contributions"].values())
    assert total == pytest.approx(float(one["margin"]), abs=1e-9)
    assert "exposure" in one["contributions"]


def test_under_a_newer_champion_the_class_starts_from_the_sealed_one(classified, ask):
    from town import made_scheme

    newer = made_scheme(classified, cutoffs=(0.05, 0.15, 0.3))
    app = guarded(classified, desk_of(classified, champion=newer))
    key = classified.key("probability", "internal")
    body = {**subjects("T00010", "T00006", "T00030"), "explain": "contributions"}
    found = ask("/v1/scores", key=key, body=body, app=app).json
    assert found["scheme"] == newer.digest != classified.scheme.digest
    assert found["indicators"] == {"version": newer.version, "digest": newer.definitions}
    for one in found["results"]:
        total = float(one["base"]) + sum(float(value) for value in one["contributions"].values())
        assert total == pytest.approx(float(one["margin"]), abs=1e-9)
        assert one["reasons"]
        for reason in one["reasons"]:
            assert reason.get("records") or reason.get("absent") or reason.get("rule")


def test_a_champion_that_reads_what_the_month_did_not_keep_is_not_available(classified, ask):
    other = replace(classified.scheme, columns=(*classified.scheme.columns, "unheard_of"))
    app = guarded(classified, desk_of(classified, champion=other))
    answer = ask("/v1/scores", body=subjects("T00010"), app=app)
    assert (answer.status, answer.json["type"]) == (503, "urn:jianwei:problem:unavailable")


def test_class_explanation_and_history_carry_month_scheme_and_notice(ask):
    for route in ("class", "explanation", "history"):
        found = ask(f"/v1/entities/T00010/{route}").json
        assert set(found) >= CONTEXT
        assert found["entity"] == "T00010"
        assert found["notice"] == "内部参考，不作为信用评价"


def test_every_answer_names_the_indicator_system(classified, ask):
    stated = {"version": "2025.2", "digest": classified.definitions.digest}
    answers = [ask(f"/v1/entities/T00010/{route}").json for route in ("class", "explanation", "history")]
    assert [one["indicators"] for one in answers] == [stated] * 3
    assert [one["indicators"] for one in answers[-1]["history"]] == [stated] * 2


def test_an_older_month_is_answered_when_it_is_named(ask):
    assert ask("/v1/entities/T00010/class?period=2025-11").json["month"] == "2025-11"
    assert ask("/v1/entities/T00010/explanation?period=2025-11").json["cause"] == "first"
    assert ask("/v1/entities/T00010/class?period=2024-01").status == 404


def test_history_is_newest_first_and_bounded(ask):
    found = ask("/v1/entities/T00010/history").json["history"]
    assert [row["month"] for row in found] == ["2025-12", "2025-11"]
    assert len(ask("/v1/entities/T00010/history?limit=1").json["history"]) == 1


def test_an_explanation_without_rights_has_one_internal_line_and_no_probability(classified, ask):
    plain = ask("/v1/entities/T00006/explanation").json
    full = ask("/v1/entities/T00006/explanation", key=classified.key("internal", "probability")).json
    assert not {"probability", "base", "margin", "confidence", "certainty"} & set(plain)
    assert {"probability", "base", "margin", "confidence", "certainty"} <= set(full)
    assert "系统内部标注信息" in plain["contributions"]
    assert "系统内部标注信息" not in full["contributions"]
    assert "rule-H2" in {one["code"] for one in full["reasons"]}
    assert "rule-H2" not in {one["code"] for one in plain["reasons"]}
    total = float(full["base"]) + sum(float(value) for value in full["contributions"].values())
    assert total == pytest.approx(float(full["margin"]), abs=1e-9)


def test_every_decimal_is_a_string(classified, ask):
    def numbers(value):
        if isinstance(value, float):
            return [value]
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return [number for one in inner for number in numbers(one)]

    key = classified.key("internal", "probability")
    body = {**subjects("T00006"), "explain": "contributions"}
    for answer in (ask("/v1/entities/T00006/explanation", key=key), ask("/v1/scores", key=key, body=body)):
        assert numbers(answer.json) == []


@pytest.mark.parametrize("route", ["class", "explanation", "history"])
def test_an_entity_of_another_region_is_answered_like_one_that_does_not_exist(ask, route):
    foreign, unknown = (ask(f"/v1/entities/{code}/{route}") for code in ("T00002", "T99999"))
    assert (foreign.status, foreign.body) == (404, unknown.body)
    numbers = [one.headers.pop("x-request-id") for one in (foreign, unknown)]
    assert foreign.headers == unknown.headers
    assert numbers[0] != numbers[1]
    assert ask("/v1/scores", body=subjects("T00002")).json["results"] == [{"status": "not_found"}]


@pytest.mark.parametrize("code", ["..%2f..", "%00", "张三", "T00010%20", "x" * 500, "T00010/class/x", "%ff"])
def test_an_odd_path_is_not_found_and_says_nothing(ask, code):
    answer = ask(f"/v1/entities/{code}/class")
    assert (answer.status, answer.body) == (404, problem_body(ProblemError("not-found")))


def test_a_role_reaches_its_routes_only(classified, ask):
    scorer, puller = classified.key(role="integrator_score"), classified.key(role="integrator_pull")
    assert ask("/v1/scores", key=scorer, body=subjects("T00010")).status == 200
    assert ask("/v1/scores", key=puller, body=subjects("T00010")).status == 403
    for route in ("class", "explanation", "history"):
        assert ask(f"/v1/entities/T00010/{route}", key=puller).status == 200
        refused = ask(f"/v1/entities/T00010/{route}", key=scorer)
        assert refused.body == ask(f"/v1/entities/nobody/{route}", key=scorer).body
        assert refused.status == 403


SENT = "91360102MA0SECRET1"
INVALID = {
    "no subjects": {},
    "empty subjects": {"subjects": []},
    "too many subjects": subjects(*["T00010"] * (MOST_SUBJECTS + 1)),
    "unknown field": {**subjects("T00010"), SENT: 1},
    "unknown field inside": {"subjects": [{"entity": "T00010", SENT: 1}]},
    "a number as code": {"subjects": [{"entity": 10}]},
    "a null as code": {"subjects": [{"entity": None}]},
    "a list as subject": {"subjects": [[SENT]]},
    "a text as subjects": {"subjects": SENT},
    "an empty code": subjects(""),
    "a code with spaces": subjects(f"{SENT} "),
    "a code with controls": subjects(f"{SENT}\u0000"),
    "a code too long": subjects(SENT * 20),
    "a Chinese code": subjects("张三" + SENT),
    "another explain": {**subjects("T00010"), "explain": SENT},
    "explain a flag": {**subjects("T00010"), "explain": True},
    "a list": [SENT],
    "a text": SENT,
    "a number": 1,
    "null": None,
}


@pytest.mark.parametrize("body", INVALID.values(), ids=INVALID)
def test_a_body_outside_the_contract_is_refused_without_an_echo(ask, body):
    answer = ask("/v1/scores", body=json.dumps(body).encode())
    assert (answer.status, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json["errors"]
    assert SENT.encode() not in answer.body


@pytest.mark.parametrize(
    "query",
    [
        "period=2025-13",
        "period=x",
        "other=1",
        "period=2025-12&other=1",
        "month=2025-12",
        "period=2025-12&period=2025-12",
    ],
)
def test_an_odd_question_is_refused_without_an_echo(ask, query):
    answer = ask(f"/v1/entities/T00010/class?{query}")
    assert (answer.status, answer.headers["content-type"]) == (422, "application/problem+json")
    assert b"2025-13" not in answer.body


@pytest.mark.parametrize("limit", ["0", "61", "x", "1.5"])
def test_a_history_is_asked_for_within_bounds(ask, limit):
    assert ask(f"/v1/entities/T00010/history?limit={limit}").status == 422


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/entities", "/v1/docs", "/v1/openapi.json"])
def test_what_is_no_route_is_not_found(ask, path):
    assert ask(path).body == problem_body(ProblemError("not-found"))


def test_a_route_knows_its_method_only(ask):
    assert ask("/v1/scores").status == 405
    assert ask("/v1/entities/T00010/class", body={}).status == 405


def test_without_a_published_month_nothing_is_available(fresh, ask):
    app = guarded(fresh, desk_of(fresh))
    for path in ("/v1/entities/T00010/class", "/v1/entities/T00010/history"):
        assert ask(path, key=fresh.key(), app=app).status == 503


def test_a_month_whose_scheme_cannot_be_opened_has_classes_but_no_explanation(classified, ask):
    def refused(digest):
        raise SchemeError(SENT)

    other = replace(classified.scheme, training={"known_by": "later"})
    app = guarded(classified, desk_of(classified, champion=other, scheme_of=refused))
    assert ask("/v1/entities/T00010/class", app=app).status == 200
    answer = ask("/v1/entities/T00010/explanation", app=app)
    assert (answer.status, answer.body) == (503, problem_body(ProblemError("unavailable")))


def test_the_application_alone_lets_nobody_in(classified, call):
    app = application(lambda: desk_of(classified))
    assert call(app, path="/v1/entities/T00010/class").status == 401


@pytest.mark.parametrize("column", ["document", "vector"])
def test_a_row_of_the_store_that_was_touched_is_an_error_without_detail(copied, call, column):
    """One byte in the middle of what is packed; the rows of others are answered as before."""
    desk = desk_of(copied)
    load = desk.newest.load
    results = month_tables(load)[0]
    own = connected(f"sqlite:///{copied.store.month_file(load)}")
    with own.begin() as connection:
        packed = bytearray(connection.scalar(select(results.c[column]).where(results.c.code == "T00010")))
        packed[len(packed) // 2] ^= 1
        changed = update(results).where(results.c.code == "T00010").values({column: bytes(packed)})
        connection.execute(changed)
    own.dispose()
    headers = [("authorization", f"Bearer {copied.key()}")]
    app = guarded(copied, desk_of(copied))
    answer = call(app, path="/v1/entities/T00010/explanation", headers=headers)
    assert (answer.status, answer.body) == (500, problem_body(ProblemError("internal")))
    assert call(app, path="/v1/entities/T00009/explanation", headers=headers).status == 200


def test_a_key_of_a_scheme_is_not_a_key_of_the_service(classified, ask):
    public = signing.verify_key(classified.home / "keys", "trainer").public_bytes_raw().hex()
    assert ask("/v1/entities/T00010/class", key=public).status == 401
