"""Logs: one line a request, nothing of what was sent or of whom it was about, whoever writes."""

import io
import json
import logging

import numpy as np
import pytest
from gatehouse import principal, watch

from serving import logs
from serving.http import ProblemError
from serving.wall import Guard

SURNAMES, GIVEN = "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗", "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def kept():
    """The loggers as they were, afterwards."""
    root = logging.getLogger()
    before = {name: (logging.getLogger(name).handlers[:], logging.getLogger(name).level) for name in logs.PLAIN}
    before |= {logs.OWN: (logging.getLogger(logs.OWN).handlers[:], logging.getLogger(logs.OWN).level)}
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    for name, (own, was) in before.items():
        logging.getLogger(name).handlers, logging.getLogger(name).level = own, was


@pytest.fixture
def stream(kept):
    found = io.StringIO()
    logs.configure(found)
    return found


def written(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def persons(number):
    """Made-up people: name, identity number, phone and the code of an entity."""
    draw = np.random.default_rng(11)
    for _ in range(number):
        digits = "".join(map(str, draw.integers(0, 10, 17)))
        name = SURNAMES[draw.integers(len(SURNAMES))] + "".join(GIVEN[one] for one in draw.integers(0, len(GIVEN), 2))
        yield name, f"36{digits[:15]}X", f"1{digits[:10]}", f"92{digits[:6]}MA{digits[:7]}K"


def test_ten_thousand_people_go_through_and_none_is_in_the_log(call, stream, tmp_path):
    async def broken(scope, receive, send):
        body = (await receive())["body"].decode()
        logging.getLogger("library").warning("cannot parse %s", body, extra={"body": body})
        logging.getLogger("library.deep").error(f"at {scope['path']}")
        if scope["method"] == "POST":
            raise ValueError(body)
        raise ProblemError("not-found", [{"pointer": "/x", "code": "missing"}])

    door = Guard(broken, watch=watch(lambda token, _: principal() if token == "good" else None, home=tmp_path))  # noqa: S105
    people = list(persons(10_000))
    for start in range(0, len(people), 50):
        some = people[start : start + 50]
        body = json.dumps({one[0]: one for one in some}, ensure_ascii=False).encode()
        told = "".join("".join(one) for one in some[:5]).encode().decode("latin-1")
        key = "good" if start % 3 else some[0][1]
        headers = [("authorization", f"Bearer {key}"), ("content-type", "application/json"), ("x-a", told)]
        call(door, "POST", "/v1/jobs/scoring", headers=[*headers, ("x-request-id", some[0][2])], chunks=[body])
        call(door, path=f"/v1/entities/{some[1][3]}/class?who={some[2][0]}", headers=[*headers, ("x-purpose", told)])
        call(door, path=f"/v1/{some[3][0]}", headers=headers)
        call(door, "POST", "/v1/scores", headers=headers, chunks=[body[:-1]])
    text = stream.getvalue()
    assert len(text.splitlines()) > 800
    told = {json.dumps({**line, "request_id": "", "at": "", "milliseconds": 0}) for line in written(stream)}
    said = "\n".join(told)
    assert [value for one in people for value in one if value in said] == []
    assert not any("一" <= letter <= "鿿" for letter in text)


def test_a_request_is_one_line_with_its_id_route_status_time_and_key(call, stream, tmp_path):
    door = Guard(_refused, watch=watch(lambda token, _: principal(), home=tmp_path))
    answer = call(door, path="/v1/entities/T00001/class")
    (line,) = written(stream)
    assert set(line) == {"at", "level", "from", "what", "request_id", "route", "status", "milliseconds", "key"}
    assert (line["request_id"], line["route"], line["status"]) == (answer.headers["x-request-id"], "class", 404)
    assert (line["key"], line["from"], line["level"]) == ("0a1b2c3d", "jianwei.http", "INFO")


async def _refused(scope, receive, send):
    raise ProblemError("not-found")


def test_health_checks_are_not_logged(call, stream):
    async def well(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    call(Guard(well, watch=watch(lambda token, _: None)), path="/readyz")
    assert written(stream) == []


def test_a_fault_is_told_by_its_type_and_place_only(stream):
    try:
        json.loads("张三")
    except ValueError:
        logging.getLogger("jianwei.office").exception("cannot read %s", "张三")
        logging.getLogger("other").exception("张三")
    assert [line["what"].partition(":")[0] for line in written(stream)] == ["JSONDecodeError in json.decoder"] * 2


def test_others_are_told_by_place_only_and_quiet_below_a_warning(stream):
    logging.getLogger("other").warning("张三")
    logging.getLogger("other").info("张三")
    logging.getLogger("uvicorn.error").info("Application startup complete.", extra={"color_message": "张三"})
    place, plain = written(stream)
    assert place["what"].startswith("test_logs:")
    assert plain["what"] == "Application startup complete."


def test_on_a_terminal_lines_are_text(kept):
    found = Terminal()
    logs.configure(found)
    logs.request(logging.getLogger("jianwei.http"), {"route": "class", "status": 200})
    assert found.getvalue().rstrip().endswith("INFO request route=class status=200")
