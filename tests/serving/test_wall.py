"""The wall: who is let in, how much, and that no answer leaves without its audit line."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from gatehouse import PRIVATE, bound, principal, silent, telling, watch

from features.records.journal import Journal
from serving import audit
from serving.access import RIGHTS
from serving.http import ProblemError, problem_body, request_id
from serving.store import StoreError
from serving.wall import Guard

KEY = [("authorization", "Bearer good")]
JSON = [*KEY, ("content-type", "application/json")]
CLASS = "/v1/entities/T00001/class"


def guard(app, who=None, **more):
    found = who or principal()
    return Guard(app, watch=watch(lambda token, _: found if token == "good" else None, **more))  # noqa: S105


def lines(home):
    read = [json.loads(line) for path in (home / "audit").glob("*.jsonl") for line in path.read_bytes().splitlines()]
    return [line for line in read if "writer" not in line]


def test_every_answer_has_a_name_of_its_own_that_the_caller_cannot_choose(call):
    for headers, path in ((KEY, "/v1/heads/2026-01"), ([], "/"), ([], "/livez"), (KEY, "/nothing")):
        answer = call(
            guard(silent()), path=path, headers=[*headers, ("x-request-id", PRIVATE.encode().decode("latin-1"))]
        )
        assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", answer.headers["x-request-id"])
        assert answer.headers["x-request-id"].encode() not in answer.body


def test_names_of_requests_sort_by_time():
    names = [request_id(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=number)) for number in range(500)]
    assert names == sorted(set(names))


def test_what_bentoml_brings_is_401_without_a_key_and_404_with_one(call):
    for path in (
        "/",
        "/docs.json",
        "/schema.json",
        "/static_content/x",
        "/healthz",
        "/v1",
        "/v1/classes/",
        "/V1/scores",
    ):
        assert call(guard(silent()), path=path).status == 401, path
        assert call(guard(silent()), path=path, headers=KEY).status == 404, path
    assert call(guard(silent()), path="/metrics").status == 401
    assert call(guard(silent()), path="/metrics", headers=KEY).status == 403


def test_another_method_is_405_and_says_which_there_are(call):
    for method in ("HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"):
        answer = call(guard(silent()), method, CLASS, headers=JSON)
        assert (answer.status, answer.headers["allow"]) == (405, "GET")
    assert call(guard(silent()), "POST", "/readyz", headers=JSON).headers["allow"] == "GET, HEAD"


def test_a_sandbox_tells_its_contract_without_a_key(call):
    assert call(guard(silent()), path="/openapi.json").status == 401
    open_guard = guard(silent(), open_paths=frozenset({"/openapi.json"}))
    assert call(open_guard, path="/openapi.json").status == 200
    assert call(open_guard, "POST", "/openapi.json").status == 401


def test_a_key_whose_store_is_away_is_not_let_in(call):
    def away(token, address):
        raise StoreError

    answer = call(Guard(silent(), watch=watch(away)), headers=KEY)
    assert (answer.status, answer.json["type"]) == (503, "urn:jianwei:problem:unavailable")


def test_an_answer_that_tells_of_entities_leaves_its_line_first(call, tmp_path):
    written = []

    async def app(scope, receive, send):
        async def noted(message):
            await send(message)
            written.append(len(lines(tmp_path)))

        await telling("T00001", "T00002")(scope, receive, noted)

    who = principal("regulator_county", org="360102", departments=frozenset({"ecology"}))
    answer = call(guard(app, who, home=tmp_path), path=CLASS, headers=[*KEY, ("x-purpose", "double-random-2026Q1")])
    assert (answer.status, answer.headers["etag"], written[0]) == (200, '"e"', 1)
    (line,) = lines(tmp_path)
    names = audit.Pseudonyms(tmp_path)(["T00001", "T00002"], 2026)
    assert line | {
        "at": "2026-02-03T09:30:00.000Z", "key": "0a1b2c3d", "role": "regulator_county", "org": "360102",
        "departments": ["ecology"], "purpose": "double-random-2026Q1", "route": "class", "status": 200, "rows": 2,
        "month": "2026-01", "scheme": "5" * 64, "entities": names, "alert": None,
        "request_id": answer.headers["x-request-id"],
    } == line  # fmt: skip
    assert b"T00001" not in b"".join(path.read_bytes() for path in (tmp_path / "audit").iterdir())


@pytest.mark.parametrize(
    ("path", "who", "headers", "app", "status"),
    [
        (CLASS, principal("ops"), KEY, silent(), 403),
        (CLASS, principal(), KEY, silent(404), 404),
        (CLASS, principal(), KEY, silent(500), 500),
        (CLASS, principal(), KEY, telling("T00001", status=304), 304),
        (CLASS, principal(), [*KEY, ("x-purpose", "\x07")], silent(), 400),
        (CLASS, principal(limits=bound(explanations_per_second=None)), KEY, telling("T00001", status=404), 404),
    ],
    ids=["role", "not found", "fault", "unchanged", "purpose", "told but not found"],
)
def test_a_request_on_a_reading_route_leaves_exactly_one_line_whatever_became_of_it(
    call, tmp_path, path, who, headers, app, status
):
    assert call(guard(app, who, home=tmp_path), path=path, headers=headers).status == status
    (line,) = lines(tmp_path)
    assert (line["status"], line["rows"]) == (status, 1 if status == 304 else 0)


def test_requests_without_a_key_and_other_routes_leave_no_line(call, tmp_path):
    call(guard(telling("T00001"), home=tmp_path), path=CLASS)
    call(guard(silent(), home=tmp_path), path="/v1/reason-codes", headers=KEY)
    assert not (tmp_path / "audit").exists()


def test_an_answer_that_does_not_say_of_whom_does_not_leave(call, tmp_path):
    answer = call(guard(silent(), home=tmp_path), path=CLASS, headers=KEY)
    assert (answer.status, answer.body) == (500, problem_body(ProblemError("internal")))
    assert [line["status"] for line in lines(tmp_path)] == [500]


def test_without_a_place_for_the_audit_nothing_is_told(call, tmp_path):
    (tmp_path / "home").write_text("no folder")
    answer = call(guard(telling("T00001"), home=tmp_path / "home"), path=CLASS, headers=KEY)
    assert (answer.status, answer.body) == (503, problem_body(ProblemError("audit-unavailable")))
    assert answer.headers["retry-after"] == "1"


def test_foreign_and_unknown_are_the_same_bytes(call, tmp_path):
    async def app(scope, receive, send):
        raise ProblemError("not-found")

    answers = [call(guard(app, home=tmp_path), path=f"/v1/entities/{code}/class", headers=KEY) for code in ("a", "b")]
    assert answers[0].body == answers[1].body
    first, second = ({**answer.headers, "x-request-id": ""} for answer in answers)
    assert first == second


def test_a_burst_is_let_through_and_then_the_pace_counts(call):
    door = guard(silent(), principal(limits=bound(per_second=2, burst=4)))
    found = [call(door, headers=KEY) for _ in range(6)]
    assert [answer.status for answer in found] == [200] * 4 + [429] * 2
    assert found[-1].json["type"] == "urn:jianwei:problem:rate-limited"
    assert 1 <= int(found[-1].headers["retry-after"]) <= 2


def test_explanations_and_pages_have_paces_of_their_own(call, tmp_path, store):
    limits = bound(per_second=None, explanations_per_second=2, pages_per_minute=1)
    door = guard(telling("T00001"), principal(limits=limits), home=tmp_path, store=store)
    asked = ["/v1/entities/T00001/explanation"] * 3 + ["/v1/classes"] * 2 + [CLASS] * 3
    assert [call(door, path=path, headers=KEY).status for path in asked] == [200, 200, 429, 200, 429, 200, 200, 200]
    assert len(lines(tmp_path)) == len(asked)


def test_a_key_without_bounds_is_never_slowed(call):
    door = guard(silent())
    assert {call(door, headers=KEY).status for _ in range(60)} == {200}


def test_more_requests_at_once_than_a_key_s_share_are_refused_before_the_key_is_looked_up():
    asked, answered, looked_up = asyncio.Event(), [], []

    async def slow(scope, receive, send):
        await asked.wait()
        await silent()(scope, receive, send)

    def doorkeeper(shown, _):
        looked_up.append(shown)
        return principal() if shown == "good" else None  # a token of this test

    door = Guard(slow, watch=watch(doorkeeper, in_flight=6))  # of which one key has half

    async def all_of_them():
        async with asyncio.TaskGroup() as tasks:
            for _ in range(5):
                tasks.create_task(_asks(door, b"good", answered))
            await asyncio.sleep(0.05)
            assert answered == [(503, b"1")] * 2
            await _asks(door, b"guessed", answered)  # who is not known takes no share, and learns of none
            asked.set()

    asyncio.run(all_of_them())
    assert [status for status, _ in answered] == [503, 503, 401, 200, 200, 200]
    assert looked_up == ["good"] * 3 + ["guessed"]


async def _asks(door, shown, answered):
    """Ask for the reason codes with a token, and note status and how long to wait."""

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        if message["type"] == "http.response.start":
            answered.append((message["status"], dict(message["headers"]).get(b"retry-after")))

    headers = [(b"authorization", b"Bearer " + shown)]
    await door({"type": "http", "method": "GET", "path": "/v1/reason-codes", "headers": headers}, receive, send)


def test_a_key_that_harvests_is_braked_and_the_auditor_can_see_it(call, tmp_path, store, caplog):
    who = principal(limits=bound(per_second=None, entities_per_day=3))
    for codes, status in ((("a", "b"), 200), (("b", "a"), 200), (("c", "d"), 429), (("c",), 200), (("d",), 429)):
        answer = call(guard(telling(*codes), who, home=tmp_path, store=store), path=CLASS, headers=KEY)
        assert answer.status == status, codes
    assert answer.body == problem_body(ProblemError("rate-limited"))
    assert int(answer.headers["retry-after"]) == 6.5 * 3600
    found = [(line["status"], line["rows"], line["alert"]) for line in lines(tmp_path)]
    assert sorted(found, key=str) == [(200, 1, None), (200, 2, None), (200, 2, None), *[(429, 0, "harvest")] * 2]
    assert "harvest brake: key 0a1b2c3d" in caplog.text


def test_rows_of_a_file_that_names_nobody_are_braked_too(call, tmp_path, store):
    who = principal(limits=bound(per_second=None, entities_per_day=5))
    asked = [call(guard(telling(rows=3), who, home=tmp_path, store=store), path=CLASS, headers=KEY) for _ in range(2)]
    assert [answer.status for answer in asked] == [200, 429]


def test_an_error_tells_of_nobody_and_does_not_count(call, tmp_path, store):
    who = principal(limits=bound(entities_per_day=1))
    for code in ("a", "b", "c"):
        door = guard(telling(code, status=404), who, home=tmp_path, store=store)
        assert call(door, path=CLASS, headers=KEY).status == 404
    assert call(guard(telling("d"), who, home=tmp_path, store=store), path=CLASS, headers=KEY).status == 200


def test_a_brake_that_cannot_count_lets_nothing_out(call, tmp_path, bare):
    who = principal(limits=bound(entities_per_day=1))
    answer = call(guard(telling("a"), who, home=tmp_path, store=bare), path=CLASS, headers=KEY)
    assert (answer.status, answer.json["type"]) == (503, "urn:jianwei:problem:unavailable")
    assert [line["status"] for line in lines(tmp_path)] == [503]


def test_many_entities_are_named_by_number_and_digest(call, tmp_path):
    codes = [f"T{number:05d}" for number in range(1500)]
    call(guard(telling(*codes), home=tmp_path), path="/v1/classes", headers=KEY)
    (line,) = lines(tmp_path)
    assert line["entities"]["count"] == line["rows"] == 1500
    assert re.fullmatch("[0-9a-f]{64}", line["entities"]["sha256"])


async def taking(scope, receive, send):
    taken, more = 0, True
    while more:
        message = await receive()
        taken, more = taken + len(message.get("body", b"")), message.get("more_body", False)
    await silent(202)(scope, receive, send)


CSV = [*KEY, ("content-type", "text/csv; charset=utf-8")]


def test_a_file_is_passed_on_as_it_comes_up_to_what_its_route_takes(call, monkeypatch, tmp_path):
    part = b"x" * 900_000
    assert call(guard(taking), "POST", "/v1/jobs/scoring", headers=CSV, chunks=[part] * 3).status == 202
    assert call(guard(taking), "POST", "/v1/jobs/scoring", headers=[*CSV, ("content-length", "9" * 10)]).status == 413
    monkeypatch.setitem(vars(RIGHTS.routes["make_job"]), "largest", 2_000_000)
    answer = call(guard(taking), "POST", "/v1/jobs/scoring", headers=CSV, chunks=[part] * 3)
    assert (answer.status, answer.json["type"]) == (413, "urn:jianwei:problem:too-large")
    assert call(guard(taking, home=tmp_path), "POST", "/v1/disputes", headers=CSV, chunks=[part]).status == 415


def test_a_body_too_large_counts_whatever_the_application_makes_of_it(call, monkeypatch):
    async def forgiving(scope, receive, send):
        try:
            await taking(scope, receive, send)
        except ProblemError:
            await silent(400)(scope, receive, send)

    monkeypatch.setitem(vars(RIGHTS.routes["make_job"]), "largest", 10)
    assert call(guard(forgiving), "POST", "/v1/jobs/scoring", headers=CSV, chunks=[b"x" * 11]).status == 413


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("10.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["203.0.113.9, 192.0.2.7, 10.0.0.2"], "192.0.2.7"),
        ("10.0.0.1", ["203.0.113.9", "192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("192.0.2.66", ["192.0.2.7"], "192.0.2.66"),
        ("10.0.0.1", ["nonsense"], "nonsense"),
    ],
)
def test_a_forwarded_address_counts_only_from_a_trusted_gateway(peer, forwarded, found):
    seen = []

    def door(token, address):
        seen.append(address)

    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    scope = {"type": "http", "method": "GET", "path": "/v1/classes", "headers": headers, "client": (peer, 1)}
    asyncio.run(_sent(Guard(silent(), watch=watch(door, trusted=("10.0.0.0/8",))), scope))
    asyncio.run(_sent(Guard(silent(), watch=watch(door)), scope))
    assert seen == [found, peer]


async def _sent(door, scope):
    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        pass

    await door(scope, receive, send)


def test_figures_are_for_the_operator_alone_and_name_nobody(call, tmp_path):
    found = watch(lambda token, _: {"ops": principal("ops"), "good": principal()}.get(token), home=tmp_path)
    found.gauges.serving("2026-01", "ab" * 32)
    door = Guard(telling("T00001"), watch=found)
    call(door, path=CLASS, headers=KEY)
    call(door, path=CLASS)
    answer = call(door, path="/metrics", headers=[("authorization", "Bearer ops")])
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, "text/plain")
    told = answer.body.decode()
    for line in (
        'jianwei_requests_total{route="class",status="200",worker="1"} 1.0',
        'jianwei_refused_total{reason="unauthenticated",worker="1"} 1.0',
        'jianwei_audit_lines_total{worker="1"} 1.0',
        'jianwei_serving{month="2026-01",scheme="abababababab",worker="1"} 1.0',
        'jianwei_request_seconds_count{route="class",worker="1"} 1.0',
        'jianwei_in_flight{worker="1"} 1.0',
    ):
        assert line in told
    assert "T00001" not in told
    assert "0a1b2c3d" not in told


def test_the_chain_is_closed_when_the_service_stops(call, tmp_path):
    async def app(scope, receive, send):
        if scope["type"] == "http":
            await telling("T00001")(scope, receive, send)

    door = guard(app, home=tmp_path)
    call(door, path=CLASS, headers=KEY)
    asyncio.run(door({"type": "lifespan"}, None, None))
    assert audit.verify(tmp_path) == []
    assert [entry.action for entry in Journal.of(tmp_path).entries()] == ["audit.opened", "audit.closed"]


def test_a_thousand_mixed_requests_leave_a_line_each_where_data_was_asked_for(tmp_path):
    def known(token, _):
        return {"good": principal(), "ops": principal("ops")}.get(token)

    found = watch(known, home=tmp_path, sessions=known)
    reads = {one.path for one in RIGHTS.routes.values() if one.reads and one.method == "GET"}
    paths = [*sorted(reads), "/v1/reason-codes", "/metrics", "/nothing", "/livez"]
    door, names = Guard(telling("T00001"), watch=found), []

    async def one(number):
        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            if message["type"] == "http.response.start":
                names.append(dict(message["headers"])[b"x-request-id"].decode())

        token = ("good", "ops", "bad")[number % 3]
        headers = [(b"authorization", f"Bearer {token}".encode()), (b"cookie", f"jianwei_session={token}".encode())]
        scope = {"type": "http", "method": "GET", "path": paths[number % len(paths)], "headers": headers}
        await door(scope, receive, send)

    async def all_of_them():
        for start in range(0, 1000, 20):
            await asyncio.gather(*map(one, range(start, start + 20)))

    asyncio.run(all_of_them())
    expected = sum(number % 3 < 2 and paths[number % len(paths)] in reads for number in range(1000))
    kept = lines(tmp_path)
    assert (len(kept), len({line["request_id"] for line in kept} & set(names))) == (expected, expected)
    found.audit.close()
    assert audit.verify(tmp_path) == []


@pytest.mark.parametrize(("parts", "status"), [([True], 400), ([True, False], 202)])
def test_a_file_whose_sender_goes_away_half_way_is_refused_and_no_fault_of_the_service(parts, status, caplog):
    sent, waiting = [], [{"type": "http.request", "body": b"x", "more_body": more} for more in parts]

    async def receive():
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def note(message):
        sent.append(message)

    async def reads(scope, receive, send):
        while (await receive())["type"] != "http.disconnect":
            pass
        await silent(202)(scope, receive, send)

    headers = [(name.encode(), value.encode()) for name, value in CSV]
    scope = {"type": "http", "method": "POST", "path": "/v1/jobs/scoring", "headers": headers, "client": ("here", 1)}
    asyncio.run(guard(reads)(scope, receive, note))
    assert sent[0]["status"] == status
    assert not [one for one in caplog.records if one.levelname == "ERROR"]
