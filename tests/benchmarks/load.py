"""An open-loop client: requests leave at moments fixed beforehand, and latency counts from those moments.

A server that falls behind is therefore seen to: what waits in the client waits for the server. The client speaks plain
HTTP/1.1 over connections it keeps, does not look into bodies, and is bounded in requests, connections and seconds.
"""

import asyncio
import gc
import hashlib
import selectors
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

MOST_CONNECTIONS = 512
SECONDS = 20.0  # after which an answer counts as none
PERCENTILES = (50.0, 95.0, 99.0, 99.9)
NO_ANSWER, NOT_SENT = "no answer", "not sent"


@dataclass(frozen=True)
class Target:
    """Where requests go, and the headers each carries."""

    port: int
    headers: str = ""

    def request(self, method, path, body=None, kind="application/json"):
        """The bytes of one request."""
        text = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{self.headers}"
        if body is None:
            return f"{text}\r\n".encode()
        return f"{text}Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass(frozen=True)
class Stream:
    """Requests of one kind: so many a second, each by its number."""

    name: str
    rate: float
    request: Callable[[int], bytes]


@dataclass
class Seen:
    """Latencies in milliseconds by the moment they were due, and how the answers ended."""

    latencies: list[float] = field(default_factory=list)
    due: list[float] = field(default_factory=list)
    statuses: Counter = field(default_factory=Counter)
    good: list[float] = field(default_factory=list)  # the latencies of answers of 2xx
    refusals: list[float] = field(default_factory=list)  # of 429 and 503, from when they were sent

    def note(self, due, latency, status, sent):
        self.due.append(due)
        self.latencies.append(latency)
        self.statuses[status] += 1
        if isinstance(status, int) and status < 300:
            self.good.append(latency)
        if status in {429, 503}:
            self.refusals.append(sent)

    @property
    def errors(self):
        """How many answers were none of 2xx."""
        return sum(n for status, n in self.statuses.items() if not isinstance(status, int) or status >= 300)

    def document(self):
        """Counts, and percentiles of the answers that were good: a refusal is quick and proves nothing."""
        found = {f"p{value:g}": percentile(self.good, value) for value in PERCENTILES}
        statuses = {str(status): n for status, n in sorted(self.statuses.items(), key=str)}
        return {"requests": len(self.latencies), "errors": self.errors, "statuses": statuses, **found}


def percentile(values, share):
    """The smallest value that so many percent do not exceed; null without values."""
    ordered = sorted(values)
    return round(ordered[max(0, -int(-len(ordered) * share // 100) - 1)], 3) if ordered else None


def shuffled(codes, seed):
    """Codes in an order fixed by a keyed hash."""
    return sorted(
        codes, key=lambda code: hashlib.blake2b(code.encode(), key=seed.encode()[:64], digest_size=8).digest()
    )


def run(target, streams, seconds):
    """What was seen of each stream in so many seconds, with the client's own CPU milliseconds a request."""
    gc.collect()
    gc.disable()
    try:
        started = time.process_time()
        with asyncio.Runner(loop_factory=_loop) as runner:
            found = runner.run(_run(target, streams, seconds))
        spent = time.process_time() - started
    finally:
        gc.enable()
    requests = sum(len(seen.latencies) for seen in found.values())
    return found, 1000 * spent / max(requests, 1)


def _loop():
    """A loop that wakes to the microsecond: epoll would round every wait up to a millisecond."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


def schedule(streams, seconds):
    """Every request's moment, stream and number; streams are offset so that they do not leave together."""
    rows = []
    for place, stream in enumerate(streams):
        offset = place / (len(streams) * stream.rate)
        moments = (offset + number / stream.rate for number in count())
        for number, moment in enumerate(moments):
            if moment >= seconds:
                break
            rows.append((moment, place, number))
    return sorted(rows)


async def _run(target, streams, seconds):
    pool, seen = _Pool(target.port), {stream.name: Seen() for stream in streams}
    tasks, begin = set(), time.perf_counter() + 0.05
    for moment, place, number in schedule(streams, seconds):
        wait = begin + moment - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        stream = streams[place]
        task = asyncio.create_task(_one(pool, stream.request(number), begin + moment, seen[stream.name]))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    if tasks:
        await asyncio.wait(tasks, timeout=SECONDS + 5)
    pool.close()
    return seen


async def _one(pool, request, due, seen):
    sent = time.perf_counter()
    try:
        async with asyncio.timeout(SECONDS):
            status = await pool.ask(request)
    except TimeoutError:
        status = NO_ANSWER
    except OSError as fault:
        status = f"{NOT_SENT}: {type(fault).__name__}"
    now = time.perf_counter()
    seen.note(due, 1000 * (now - due), status, 1000 * (now - sent))


class _Pool:
    """Connections that are kept; the one used last is used first."""

    def __init__(self, port):
        self._port = port
        self._idle = deque()
        self._room = asyncio.Semaphore(MOST_CONNECTIONS)

    async def ask(self, request):
        """The status of the answer."""
        async with self._room:
            while self._idle:
                line = self._idle.pop()
                if not line.is_lost:
                    break
            else:
                loop = asyncio.get_running_loop()
                _, line = await loop.create_connection(_Line, "127.0.0.1", self._port)
            try:
                status = await line.ask(request)
            except BaseException:
                line.close()
                raise
            if not line.is_lost:
                self._idle.append(line)
            return status

    def close(self):
        """Close what is kept."""
        while self._idle:
            self._idle.pop().close()


class _Line(asyncio.Protocol):
    """One connection: a request at a time, of whose answer only status and length are read."""

    def __init__(self):
        self._transport = None
        self._waiting = None
        self._buffer = b""
        self._whole = 0  # bytes of the answer under way, once its headers are here
        self._status = 0
        self.is_lost = False

    def connection_made(self, transport):
        self._transport = transport

    def connection_lost(self, _):
        self.is_lost = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionResetError())

    def ask(self, request):
        """The status, once the whole answer is here."""
        self._waiting = asyncio.get_running_loop().create_future()
        self._buffer, self._whole = b"", 0
        self._transport.write(request)
        return self._waiting

    def close(self):
        """Close the connection."""
        self.is_lost = True
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data):
        self._buffer += data
        if not self._whole:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            self._head(self._buffer[:end].lower(), end + 4)
        ended = self._buffer.endswith(b"0\r\n\r\n") if self._whole < 0 else len(self._buffer) >= self._whole
        if ended and not self._waiting.done():
            self._waiting.set_result(self._status)

    def _head(self, head, start):
        """Status and length of an answer from its headers; a chunked one has no length (-1)."""
        self._status = int(head[9:12])
        place = head.find(b"content-length:")
        if place >= 0:
            self._whole = start + int(head[place + 15 :].split(b"\r\n", 1)[0])
        else:
            self._whole = -1 if b"transfer-encoding: chunked" in head else start
        if b"connection: close" in head:
            self.is_lost = True
