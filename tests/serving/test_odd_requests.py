"""What is odd about a request has its own answer, and every answer is what the description says, whoever asks."""

import gzip
import json
from functools import cache

import jsonschema_rs
import pytest
from grounds import CODES, Inside, ground

from serving.access import RIGHTS
from serving.http import strict_json

JSON = {"content_type": "application/json"}
CLASS = f"/v1/entities/{CODES[1]}/class"
SCORE = json.dumps({"subjects": [{"entity": CODES[1]}]}).encode()
KEYS = sorted({(role, rights) for role, all_ in RIGHTS.roles.items() for rights in ((), tuple(sorted(all_)))})


@pytest.fixture(scope="module")
def inside(classified, tmp_path_factory):
    made = Inside.of(ground(classified, tmp_path_factory.mktemp("odd") / "town"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def key(inside):
    return inside.town.unbound_key("province_admin")


@pytest.fixture(scope="module")
def known(inside, key):
    return inside.known(key)


@pytest.fixture(scope="module")
def description(inside, key):
    return json.loads(inside.ask(key, "GET", "/openapi.json").body)


@pytest.fixture(scope="module")
def fits(description):
    """Whether an answer is one that an operation is said to give: its status, media type, headers and form."""
    operations = {one["operationId"]: one for path in description["paths"].values() for one in path.values()}

    @cache
    def form(operation, status, media):
        stated = operations[operation]["responses"][status].get("content", {})
        schema = stated[media]["schema"]
        return jsonschema_rs.validator_for({**schema, "components": description["components"]})

    def check(operation, answer):
        stated = operations[operation]["responses"][str(answer.status)]
        assert set(map(str.lower, stated.get("headers", {}))) - set(answer.headers) <= {"x-content-sha256"}
        media = answer.headers.get("content-type", "").partition(";")[0]
        if media in {"application/json", "application/problem+json"}:
            form(operation, str(answer.status), media).validate(strict_json(answer.body))
        else:
            assert media in stated.get("content", {"": None}), media

    return check


def questions(known):
    """Some questions to every operation."""
    entities = [f"/v1/entities/{code}" for code in (*CODES[:6], "nobody", "T00007")]
    for name in ("class", "explanation", "recourse", "history", "proof"):
        for entity in entities:
            yield name, "GET", f"{entity}/{name}", b"", {}
    for query in ("", "?limit=500", "?limit=2&class=D", "?period=2025-11&region=3601", "?kind=shop", "?limit=0"):
        yield "classes", "GET", f"/v1/classes{query}", b"", {}
    yield "head", "GET", "/v1/heads/2025-12", b"", {}
    yield "active_model", "GET", "/v1/models/active", b"", {}
    yield "reason_codes", "GET", "/v1/reason-codes", b"", {}
    yield "openapi", "GET", "/openapi.json", b"", {}
    for explain in ("none", "reasons", "contributions"):
        subjects = [{"entity": code} for code in (*CODES, "nobody", "T00007")]
        yield "scores", "POST", "/v1/scores", json.dumps({"subjects": subjects, "explain": explain}).encode(), JSON
    once = {**JSON, "idempotency_key": "once"}
    yield "make_job", "POST", "/v1/jobs/scoring", b'{"entities":["T00003"]}', once
    yield "job", "GET", f"/v1/jobs/{known['job'][0]}", b"", {}
    yield "job_file", "GET", f"/v1/jobs/{known['job'][0]}/files/results.csv", b"", {}
    results = [{"entity": code, "inspection": {"inspection_no": code}} for code in (CODES[0], "nobody")]
    yield "inspection_results", "POST", "/v1/inspection-results", json.dumps({"results": results}).encode(), once
    dispute = json.dumps({"entity": CODES[0], "kind": "other", "statement": "s"}).encode()
    yield "dispute", "POST", "/v1/disputes", dispute, once
    yield "dispute_state", "GET", f"/v1/disputes/{known['dispute'][0]}", b"", {}


@pytest.mark.parametrize(("role", "rights"), KEYS)
def test_every_answer_is_what_the_description_says_with_and_without_rights(inside, known, fits, role, rights):
    key = inside.town.key(*rights, role=role, org="")
    asked = set()
    for operation, method, path, body, headers in questions(known):
        answer = inside.ask(key, method, path, body, **headers)
        fits(operation, answer)
        assert (answer.status == 403) == (role not in RIGHTS.routes[operation].roles) or operation == "proof"
        asked.add(operation)
    of_the_api = {name for name, route in RIGHTS.routes.items() if not route.path.startswith("/ui/")}
    assert asked == of_the_api - {"metrics"}


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "POST"])
def test_another_method_is_told_which_there_are(inside, key, method):
    answer = inside.ask(key, method, CLASS)
    assert (answer.status, answer.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize(
    "code", ["T00003\x00", "\x00", "T00003\n", "../../etc", "T" * 60_000, "见微", "T00003 ", "\ufffd"]
)
@pytest.mark.parametrize("of", ["/v1/entities/{}/class", "/v1/jobs/{}", "/v1/jobs/{}/files/x", "/v1/disputes/{}"])
def test_what_nothing_is_called_is_not_found(inside, key, of, code):
    assert inside.ask(key, "GET", of.format(code)).status == 404


@pytest.mark.parametrize(
    "query",
    [
        "/v1/models/active?at=1700000000",
        "/v1/models/active?at=2025-12-01T00:00:00",
        "/v1/models/active?at=2025-02-30",
        "/v1/classes?limit=%205",
        "/v1/classes?limit=5_0",
        "/v1/classes?limit=5.5",
        "/v1/classes?limit=5&limit=5",
        "/v1/classes?region=%00",
        f"{CLASS}?period=2025-12%0a",
        f"{CLASS}?more=1",
        f"/v1/entities/{CODES[1]}/history?limit=-0",
    ],
)
def test_a_value_of_a_query_is_read_strictly(inside, key, query):
    assert inside.ask(key, "GET", query).status == 422


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_first_and_the_last_day_are_days(inside, key, day):
    assert inside.ask(key, "GET", f"/v1/models/active?at={day}").status in {200, 404}


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip"])
@pytest.mark.parametrize("path", ["/v1/scores", "/v1/jobs/scoring", "/v1/disputes"])
def test_a_body_that_was_compressed_is_refused_as_such(inside, key, path, encoding):
    sent = {**JSON, "idempotency_key": "zipped", "content_encoding": encoding}
    assert inside.ask(key, "POST", path, gzip.compress(SCORE), **sent).status == 415


def test_a_body_that_says_it_is_as_it_is_is_read(inside, key):
    assert inside.ask(key, "POST", "/v1/scores", SCORE, content_encoding="identity", **JSON).status == 200


@pytest.mark.parametrize("media", ["text/csv; charset=gbk", 'text/csv; header=present; charset="utf-16"', "text/csvs"])
def test_a_file_in_another_charset_is_refused(inside, key, media):
    answer = inside.ask(key, "POST", "/v1/jobs/scoring", b"entity\nT\n", content_type=media, idempotency_key="c")
    assert answer.status == 415


def test_a_file_may_say_it_is_in_utf_8(inside, key):
    sent = {"content_type": 'Text/CSV; header=present; charset="UTF-8"', "idempotency_key": "utf-8"}
    assert inside.ask(key, "POST", "/v1/jobs/scoring", b"entity\r\nT00003\r\n", **sent).status == 202


@pytest.mark.parametrize("part", ["bytes=0-1", "bytes=999999-", "bytes=-1", "lines=1-2", "bytes=x", "bytes=0-1,3-4"])
def test_a_file_of_a_job_comes_whole_whatever_part_is_asked_for(inside, key, known, part):
    path = f"/v1/jobs/{known['job'][0]}/files/manifest.json"
    answer = inside.ask(key, "GET", path, range=part)
    assert answer.status == 200
    assert json.loads(answer.body)["month"] == "2025-12"


@pytest.mark.parametrize("wrong", [2.5, True, {}, [1], 2**53, "x" * 4001], ids=repr)
def test_what_is_no_value_of_a_field_is_one_fault_in_its_place(inside, key, wrong):
    body = json.dumps({"results": [{"entity": CODES[1], "inspection": {"trade": wrong}}]}).encode()
    answer = inside.ask(key, "POST", "/v1/inspection-results", body, idempotency_key=str(wrong)[:9], **JSON)
    assert answer.status == 422
    assert answer.json["errors"] == [{"pointer": "/results/0/inspection/trade", "code": "value_kind"}]


def test_without_an_idempotency_key_nothing_is_done(inside, key):
    answer = inside.ask(key, "POST", "/v1/disputes", b"{}", **JSON)
    assert answer.status == 400
    assert answer.json["errors"] == [{"pointer": "/headers/Idempotency-Key", "code": "missing"}]


@pytest.mark.parametrize("tag", ['"', '""', ",,,", "\xff", '"a' * 3000, "W/", "*x"])
def test_a_tag_that_is_none_is_answered_with_the_document(inside, key, tag):
    assert inside.ask(key, "GET", CLASS, if_none_match=tag).status == 200


def test_what_an_answer_may_be_in_is_not_asked(inside, key):
    for accepted in ("text/html", "*/*;q=0", ""):
        assert inside.ask(key, "GET", CLASS, accept=accepted).headers["content-type"] == "application/json"
