"""The outer wall: nothing is reached without a key, and nothing odd gets past it or comes back from it."""

import asyncio
import json
import time
from dataclasses import replace

import pytest
from gatehouse import PRIVATE, principal, watch

from serving.access import RIGHTS
from serving.http import PROBLEMS, ProblemError, problem_body, strict_json
from serving.wall import Guard

SENT = "/v1/jobs/scoring"
KEY = [("authorization", "Bearer good")]
JSON = [*KEY, ("content-type", "application/json")]


def reached(scope, receive, send):
    async def answer():
        await send({"type": "http.response.start", "status": 200, "headers": [(b"server", b"inner")]})
        body = await receive()
        await send({"type": "http.response.body", "body": body["body"]})

    return answer()


def guard(app=reached, **more):
    known = {"good": principal("province_admin")}
    return Guard(app, watch=watch(lambda token, _: known.get(token), **more))


def test_only_the_two_health_routes_are_open(call):
    for path in ("/livez", "/readyz"):
        assert call(guard(), path=path).status == 200
    for path in ("/", "/docs.json", "/schema.json", "/metrics", "/healthz", "/static_content/x", "/v1/scores", "/v1"):
        for method in ("GET", "POST", "DELETE", "OPTIONS"):
            answer = call(guard(), method, path)
            assert (answer.status, answer.headers["content-type"]) == (401, "application/problem+json"), path
    assert call(guard(), "POST", "/livez").status == 401


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
@pytest.mark.parametrize(
    ("stated", "closes"),
    [
        ((b"content-length", b"1048576"), True),
        ((b"transfer-encoding", b"chunked"), True),
        ((b"content-length", b"0"), False),
    ],
)
@pytest.mark.parametrize("status", [200, 503])
def test_a_health_route_answers_at_once_and_reads_no_body(path, stated, closes, status):
    sent = []

    async def reads(scope, receive, send):
        assert await receive() == {"type": "http.request", "body": b"", "more_body": False}
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def never():
        raise AssertionError

    async def note(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "headers": [stated], "client": ("127.0.0.1", 1)}
    asyncio.run(guard(reads)(scope, never, note))
    assert sent[0]["status"] == status
    assert ((b"connection", b"close") in sent[0]["headers"]) is closes


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("authorization", "Bearer bad")],
        [("authorization", "Basic good")],
        [("authorization", "good")],
        [*KEY, *KEY],
        [("authorization", "Bearer  good")],
        [("authorization", "Bearer gööd")],
        [("x-api-key", "good")],
    ],
    ids=["none", "wrong", "basic", "bare", "twice", "two spaces", "not ascii", "elsewhere"],
)
def test_anything_but_one_good_bearer_token_is_401_with_the_same_bytes(call, headers):
    answer = call(guard(), headers=headers)
    assert answer.status == 401
    assert answer.body == problem_body(ProblemError("unauthenticated"))
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_good_token_reaches_business_routes_only(call):
    assert call(guard(), headers=KEY).status == 200
    assert call(guard(), path="/docs.json", headers=KEY).status == 404


def test_every_answer_carries_the_security_headers_and_no_server_name(call):
    for answer in (call(guard(), headers=KEY), call(guard()), call(guard(), path="/livez")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers


DEEP = b"[" * 17 + b"]" * 17
MALFORMED = {
    "empty": b"",
    "blank": b"  \n",
    "NaN": b'{"x":NaN}',
    "Infinity": b'{"x":Infinity}',
    "minus Infinity": b'{"x":-Infinity}',
    "overflow": b'{"x":1e999}',
    "minus overflow": b'{"x":-1e999}',
    "duplicate key": b'{"x":1,"x":2}',
    "duplicate nested key": b'{"y":[{"x":1,"x":2}]}',
    "duplicate key by escape": b'{"x":1,"\\u0078":2}',
    "lone high surrogate": b'{"x":"\\ud800"}',
    "lone low surrogate": b'{"x":"\\udc00"}',
    "surrogate in a key": b'{"\\ud800":1}',
    "swapped surrogates": b'{"x":"\\udc00\\ud800"}',
    "depth 17": DEEP,
    "depth 10000": b"[" * 10_000 + b"]" * 10_000,
    "unclosed depth": b'{"x":' * 9_000,
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"x":1}'.encode("utf-16"),
    "UTF-32": '{"x":1}'.encode("utf-32-le"),
    "Latin-1": '{"x":"é"}'.encode("latin-1"),
    "overlong UTF-8": b'{"x":"\xc0\xaf"}',
    "encoded surrogate": b'{"x":"\xed\xa0\x80"}',
    "trailing comma": b'{"x":1,}',
    "trailing value": b"{} {}",
    "trailing text": b"{}x",
    "single quotes": b"{'x':1}",
    "bare key": b"{x:1}",
    "comment": b"{} // note",
    "control character": b'{"x":"a\nb"}',
    "unclosed string": b'{"x":"abc',
    "unclosed object": b'{"x":1',
    "leading zero": b'{"x":01}',
    "plus sign": b'{"x":+1}',
    "hexadecimal": b'{"x":0x10}',
    "bare point": b'{"x":.5}',
    "digits without end": b'{"x":' + b"9" * 5000 + b"}",
    "decimals without end": b'{"x":0.' + b"9" * 5000 + b"}",
    "bad escape": b'{"x":"\\q"}',
    "NUL after": b"{}\x00",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_malformed_json_is_refused_before_it_reaches_the_application(call, body):
    answer = call(guard(), "POST", SENT, headers=JSON, chunks=[body])
    assert (answer.status, answer.json["type"]) == (400, "urn:jianwei:problem:malformed-json")


ACCEPTED = {
    "depth 16": b"[" * 16 + b"]" * 16,
    "brackets in a string": b'{"x":"' + b"[" * 100 + b'"}',
    "escaped quote before brackets": b'{"x":"\\"' + b"[" * 100 + b'"}',
    "paired surrogates": b'{"x":"\\ud83d\\ude00"}',
    "Chinese": '{"x":"见微"}'.encode(),
    "tiny number": b'{"x":1e-999}',
}


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED)
def test_unusual_but_sound_json_passes_unchanged(call, body):
    answer = call(guard(), "POST", SENT, headers=JSON, chunks=[body[:3], body[3:]])
    assert (answer.status, answer.body) == (200, body)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (None, 415),
        ("text/plain", 415),
        ("application/jsonx", 415),
        ("application/json; charset=gbk", 415),
        ("application/json; q=1", 415),
        ("application/json, application/json", 415),
        ("application/vnd.bentoml+pickle", 415),
        ("multipart/form-data; boundary=x", 415),
        ("APPLICATION/JSON", 200),
        ("application/json; charset=utf-8", 200),
        ('application/json;charset="UTF-8"', 200),
    ],
)
def test_only_json_in_utf_8_is_a_body(call, kind, status):
    headers = KEY if kind is None else [*KEY, ("content-type", kind)]
    assert call(guard(), "POST", SENT, headers=headers, chunks=[b"{}"]).status == status


def test_a_body_over_one_mebibyte_is_refused_by_its_length_and_by_its_bytes(call):
    assert call(guard(), "POST", SENT, headers=[*JSON, ("content-length", "1048577")]).status == 413
    assert call(guard(), "POST", SENT, headers=[*JSON, ("content-length", "9" * 60)]).status == 413
    assert call(guard(), "POST", SENT, headers=JSON, chunks=[b" " * 600_000, b" " * 600_000, b"{}"]).status == 413


def test_headers_that_contradict_each_other_or_are_too_large_are_refused(call):
    assert call(guard(), "POST", SENT, headers=[*JSON, ("content-length", "2"), ("content-length", "3")]).status == 400
    assert call(guard(), "POST", SENT, headers=[*JSON, ("content-length", "-1")]).status == 400
    assert call(guard(), headers=[*KEY, ("x", "y" * 20_000)]).status == 431


def test_a_connection_lost_in_the_middle_of_a_body_reaches_nothing(call):
    assert call(guard(), "POST", SENT, headers=JSON, chunks=[]).status == 400


def test_hostile_strings_cost_no_time():
    start = time.perf_counter()
    with pytest.raises(ProblemError):
        strict_json(b'"' + b'\\"' * 500_000)
    assert time.perf_counter() - start < 2


def test_a_slow_answer_is_cut_off(call, monkeypatch):
    async def slow(scope, receive, send):
        await asyncio.sleep(5)

    quick = replace(RIGHTS.routes["reason_codes"], seconds=0.02)
    monkeypatch.setitem(RIGHTS.routes, "reason_codes", quick)
    assert call(guard(slow), headers=KEY).status == 504


@pytest.mark.parametrize(("route", "media"), [("scores", "application/json"), ("make_job", "text/csv")])
def test_a_body_that_does_not_arrive_in_time_is_its_senders_doing(monkeypatch, tmp_path, route, media):
    async def reads(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        await asyncio.sleep(5)

    async def asked(whole):
        sent, waiting = [], [{"type": "http.request", "body": b"{}", "more_body": not whole}]

        async def receive():
            return waiting.pop() if waiting else await asyncio.sleep(5)

        async def note(message):
            sent.append(message)

        headers = [(b"authorization", b"Bearer good"), (b"content-type", media.encode())]
        scope = {"type": "http", "method": "POST", "path": quick.path, "headers": headers, "client": ("here", 1)}
        await guard(reads, home=tmp_path)(scope, receive, note)
        return sent[0]["status"], (b"connection", b"close") in sent[0]["headers"]

    quick = replace(RIGHTS.routes[route], seconds=0.02)
    monkeypatch.setitem(RIGHTS.routes, route, quick)
    assert asyncio.run(asked(False)) == (408, True)
    assert asyncio.run(asked(True)) == (504, False)


def test_a_fault_behind_the_wall_says_nothing_and_logs_no_value(call, caplog):
    async def broken(scope, receive, send):
        raise ValueError(PRIVATE)

    answer = call(guard(broken), headers=KEY)
    assert answer.body == problem_body(ProblemError("internal"))
    assert PRIVATE not in caplog.text
    assert "ValueError in test_http:" in caplog.text


def test_an_error_page_of_the_framework_becomes_a_problem_document(call):
    async def plain(scope, receive, send):
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": PRIVATE.encode()})

    answer = call(guard(plain), headers=KEY)
    assert (answer.status, answer.body) == (404, problem_body(ProblemError("not-found")))


def test_a_problem_document_of_the_application_passes_as_it_is(call):
    body = problem_body(ProblemError("invalid-request", [{"pointer": "/x", "code": "missing"}]))

    async def problem(scope, receive, send):
        kind = (b"content-type", b"application/problem+json")
        await send({"type": "http.response.start", "status": 422, "headers": [kind]})
        await send({"type": "http.response.body", "body": body})

    assert call(guard(problem), headers=KEY).body == body


def test_a_failure_after_the_answer_began_does_not_start_another(call):
    async def half(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError

    answer = call(guard(half), headers=KEY)
    assert (answer.status, answer.body) == (200, b"")


def test_web_sockets_are_closed_and_the_lifespan_passes():
    seen = []

    async def note(message):
        seen.append(message["type"])

    async def inner(scope, receive, send):
        seen.append(scope["type"])

    asyncio.run(guard(inner)({"type": "websocket"}, None, note))
    asyncio.run(guard(inner)({"type": "lifespan"}, None, note))
    assert seen == ["websocket.close", "lifespan"]


def test_every_problem_document_parses_strictly_and_states_its_status():
    for kind, (status, *_) in PROBLEMS.items():
        document = strict_json(problem_body(ProblemError(kind)))
        assert (document["status"], document["type"]) == (status, f"urn:jianwei:problem:{kind}")
        assert json.dumps(document)


def test_a_second_read_of_a_body_waits_for_the_connection(call):
    async def twice(scope, receive, send):
        first, second = await receive(), await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": f"{first['type']} {second['type']}".encode()})

    assert call(guard(twice), "POST", SENT, headers=JSON, chunks=[b"{}"]).body == b"http.request http.disconnect"
