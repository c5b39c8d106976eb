"""Broken HTTP over raw sockets: bad chunking, wrong lengths, odd methods, huge headers, slow bodies, pipelining."""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

SEED = 7
AT_ONCE = 12
PAUSE = 0.01  # between the pieces of a slow request
QUIET = 0.25  # without an answer: the server waits for more, which does not come
AFTER = 0.03  # without more after an answer
END = 20.0  # a connection still open this long after the last byte hangs
STATUS = re.compile(rb"HTTP/1\.1 (\d{3})[ \r]")
BODY = b'{"subjects":[{"entity":"T00006"}]}'
METHODS = (
    "GET",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "HEAD",
    "TRACE",
    "CONNECT",
    "QUERY",
    "PRI",
    "get",
    "G\x00T",
    "A" * 3000,
)
SIZES = ("zz", "-1", "fffffffffffffffff", "0x5", "5;" + "e" * 9000, "", " 5", "5\r", "1_0", "+5")
LENGTHS = ("-1", "+34", "1e3", "0x22", "34, 34", "34 34", "9" * 40, "", "３４", "33", "35", "0")
LINES = (
    "GET {p} HTTP/9.9",
    "GET {p} HTTP/0.9",
    "GET {p}",
    "GET  {p} HTTP/1.1",
    "GET http://other{p} HTTP/1.1",
    "GET * HTTP/1.1",
    "GET {p}%00 HTTP/1.1",
    "GET {p}/%2e%2e/%2e%2e HTTP/1.1",
    "GET /{p} HTTP/1.1",
    "GET {p}?month=%ff HTTP/1.1",
    "GET {p}\t HTTP/1.1",
    "GET /" + "a" * 70_000 + " HTTP/1.1",
    "\r\n\r\nGET {p} HTTP/1.1",
    "GET {p} HTTP/1.1\nX: y",
    "GET {p}#x HTTP/1.1",
)
HEADERS = (
    "X: " + "y" * 65_536,
    "X" * 65_536 + ": y",
    "\r\n".join(f"X{n}: y" for n in range(4000)),
    "no colon",
    ": empty",
    "X : y",
    " folded: y",
    "X: y\r\n z",
    "X: \x00",
    "X: é",
    "Host: a\r\nHost: b",
    "Expect: 100-continue",
    "Expect: more",
    "Upgrade: h2c\r\nConnection: upgrade",
    "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13",
    "Content-Encoding: gzip",
    "Connection: close, keep-alive",
    "Transfer-Encoding: gzip, chunked",
    "X-Request-Id: " + "z" * 500,
    "Range: bytes=0-1",
)
HELLO = bytes.fromhex("160301006d010000690303") + bytes(range(96))


@dataclass(frozen=True)
class Case:
    """What is written, in pieces; ``slow`` pieces come one by one."""

    pieces: tuple[bytes, ...]
    slow: bool = False


def attack(port, key, *, cases):
    """How often each outcome was met: the worst status of a case, ``closed`` or ``hung``."""
    rng = np.random.default_rng(SEED)
    chosen = [_case(rng, number, key) for number in range(cases)]
    return asyncio.run(_all(port, chosen))


async def _all(port, cases):
    found, room = Counter(), asyncio.Semaphore(AT_ONCE)

    async def one(case):
        async with room:
            found[await _outcome(port, case)] += 1

    await asyncio.gather(*(one(case) for case in cases))
    return found


async def _outcome(port, case):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in case.pieces:
            writer.write(piece)
            await writer.drain()
            if case.slow:
                await asyncio.sleep(PAUSE)
        return await _answer(reader, writer)
    except ConnectionError:
        return "closed"
    finally:
        writer.close()


async def _answer(reader, writer):
    found, is_ended = b"", False
    while True:
        wait = END if is_ended else (AFTER if STATUS.search(found) else QUIET)
        try:
            piece = await asyncio.wait_for(reader.read(65_536), wait)
        except TimeoutError:
            if STATUS.search(found):
                break
            if is_ended:
                return "hung"
            writer.write_eof()
            is_ended = True
            continue
        if not piece:
            break
        found += piece
    statuses = [int(status) for status in STATUS.findall(found)]
    final = [status for status in statuses if status != 100]
    return str(max(final)) if final else "closed"


def _case(rng, number, key):
    ways = (_chunks, _lengths, _methods, _headers, _lines, _slow, _pipelined, _mutated, _cut, _other)
    return ways[number % len(ways)](rng, key)


def _request(key, line="POST /v1/scores HTTP/1.1", headers=(), body=BODY, length=True):
    lines = [line, "Host: 127.0.0.1", f"Authorization: Bearer {key}", "Content-Type: application/json", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def _pick(rng, values):
    return values[int(rng.integers(len(values)))]


def _chunks(rng, key):
    head = _request(key, headers=["Transfer-Encoding: chunked"], body=b"", length=bool(rng.integers(2)))
    size, end = _pick(rng, SIZES), _pick(rng, ("\r\n", "\n", "", "\r\n\r\n"))
    tail = _pick(rng, (b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"", b"0", b"x\r\n"))
    return Case((head, size.encode() + end.encode() + BODY + end.encode(), tail))


def _lengths(rng, key):
    line = _pick(rng, ("POST /v1/scores HTTP/1.1", "GET /v1/entities/T00006/class HTTP/1.1"))
    stated = [f"Content-Length: {_pick(rng, LENGTHS)}"]
    if rng.integers(3) == 0:
        stated.append(_pick(rng, ("Content-Length: 34", "Transfer-Encoding: chunked", "Transfer-Encoding: identity")))
    return Case((_request(key, line, stated, length=False),))


def _methods(rng, key):
    path = _pick(
        rng, ("/v1/scores", "/v1/entities/T00006/class", "/livez", "/", "/metrics", "/docs.json", "*", "host:443")
    )
    return Case((_request(key, f"{_pick(rng, METHODS)} {path} HTTP/1.1"),))


def _headers(rng, key):
    chosen = [_pick(rng, HEADERS) for _ in range(int(rng.integers(1, 3)))]
    return Case((_request(key, headers=chosen),))


def _lines(rng, key):
    line = _pick(rng, LINES).format(p="/v1/entities/T00006/class")
    return Case((_request(key, line, body=b"", length=False),))


def _slow(rng, key):
    whole = _request(key)
    start = len(whole) - int(rng.integers(2, 40))
    stop = len(whole) - int(rng.integers(0, 2))
    return Case((whole[:start], *(whole[place : place + 1] for place in range(start, stop))), slow=True)


def _pipelined(rng, key):
    many = int(rng.integers(2, 12))
    get = _request(key, "GET /v1/entities/T00006/class HTTP/1.1", body=b"", length=False)
    last = _pick(rng, (b"", b"\x00\xff garbage\r\n\r\n", get[:40], _request(key)))
    return Case((get * many + last,))


def _mutated(rng, key):
    whole = bytearray(_request(key))
    for _ in range(int(rng.integers(1, 6))):
        whole[int(rng.integers(len(whole)))] = int(rng.integers(256))
    return Case((bytes(whole),))


def _cut(rng, key):
    whole = _request(key)
    return Case((whole[: int(rng.integers(len(whole)))],))


def _other(rng, key):
    found = (
        HELLO,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        rng.bytes(int(rng.integers(1, 4000))),
        b"\r\n" * 500,
        b"\x00" * 100,
    )
    return Case((_pick(rng, found),))
