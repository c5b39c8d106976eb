"""What is no HTTP gets a problem and a number like all else; whoever takes another's place answers once ready."""

import asyncio
import json
import re
import socket

import pytest
import uvicorn
from gatehouse import NOW

from serving.protocol import ready_first, speaking

BROKEN = {
    b"GET /livez HTTP/abc\r\nHost: a\r\n\r\n": 400,
    b"GET /livez HTTP/1.1\r\n\r\n": 400,
    b"GET /livez HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n": 400,
    b"\x16\x03\x01\x00m": 400,
    b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n": 400,
    b"GET /livez HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 70_000: 431,
    b"HEAD /livez HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n": None,
}


async def slow(scope, receive, send):
    """An application that waits for its request to end, and answers."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def told(port, sent):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    found = await asyncio.wait_for(reader.read(), 5)  # to the end: the connection is closed
    writer.close()
    await writer.wait_closed()
    return found


async def all_told(things):
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(slow, http=speaking(lambda: NOW), log_config=None, lifespan="on"))
    serving = asyncio.create_task(server._serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        return [await told(listening.getsockname()[1], one) for one in things]
    finally:
        server.should_exit = True
        await serving
        listening.close()


def test_what_is_no_http_gets_a_problem_and_a_number_and_the_connection_ends():
    found = asyncio.run(all_told(BROKEN))
    for answer, status in zip(found, BROKEN.values(), strict=True):
        if status is None:  # what asks for a head is told no body
            assert b"urn:jianwei" not in answer
            continue
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status)
        assert b"\r\ncontent-type: application/problem+json\r\n" in head.lower()
        assert re.search(rb"\r\nx-request-id: [0-9A-Z]{26}\r\n", head)
        assert json.loads(body)["status"] == status


@pytest.mark.parametrize(("after", "seconds", "asked"), [(3, 5.0, 3), (10**9, 0.2, None), (1, 0.0, 0)])
def test_who_takes_anothers_place_has_started_once_it_is_ready_or_its_time_is_over(after, seconds, asked):
    seen = []

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await send({"type": "lifespan.startup.complete"})
            return
        assert (await receive())["body"] == b""
        seen.append(scope["path"])
        status = 200 if len(seen) >= after else 503
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    started = []

    async def note(message):
        started.append((message["type"], len(seen)))

    asyncio.run(ready_first(app, seconds)({"type": "lifespan"}, None, note))
    ((what, looks),) = started
    assert what == "lifespan.startup.complete"
    assert looks == asked if asked is not None else looks > 1
    assert set(seen) <= {"/readyz"}
