"""What the wall costs: the same application bare and behind it, key looked up, audit line written, in one run.

python -m tests.benchmarks.wall [requests]
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from serving import access
from serving.access import UNBOUND, Grant, Limits
from serving.http import Told, tell
from serving.store import Store
from serving.wall import Guard
from serving.watch import Watch

NOW = datetime(2026, 2, 3, 9, tzinfo=UTC)
PATH = "/v1/entities/T00001/class"


async def bare(scope, receive, send):
    """An answer of a kilobyte about one entity."""
    await receive()
    tell(scope, Told(("T00001",), 1, "2026-01", "5" * 64))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b"x" * 1024})


async def asked(app, token):
    """The seconds of one request."""

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        assert message.get("status", 200) == 200

    headers = [(b"authorization", f"Bearer {token}".encode()), (b"accept", b"application/json")]
    scope = {"type": "http", "method": "GET", "path": PATH, "headers": headers, "client": ("127.0.0.1", 1)}
    start = time.perf_counter()
    await app(scope, receive, send)
    return time.perf_counter() - start


async def measured(apps, count):
    """Milliseconds at the median and at p99 of each application, asked in turn."""
    found = {name: [] for name in apps}
    for number in range(count):
        for name, (app, token) in apps.items():
            seconds = await asked(app, token)
            if number >= count // 10:
                found[name].append(seconds * 1000)
    return {
        name: {"p50": statistics.median(each), "p99": statistics.quantiles(each, n=100)[98]}
        for name, each in found.items()
    }


def main():
    """Print the figures; JSON as the last line."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as above:
        home = Path(above)
        store = Store(f"sqlite:///{home / 'store' / 'store.db'}")
        store.upgrade()
        limits = {"unbound": UNBOUND, "bound": Limits(10**6, 10**6, 10**6, 10**6, 10**6)}
        watch = Watch.over(home, store, now=lambda: NOW, zone=ZoneInfo("Asia/Shanghai"))
        guard = Guard(bare, watch=watch)
        apps = {"bare": (bare, "")}
        for name, each in limits.items():
            grant = Grant("province_admin", "", date(2026, 3, 1) + timedelta(days=9), limits=each)
            apps[name] = (guard, access.create(store, grant, today=NOW.date()))
        found = asyncio.run(measured(apps, count))
        watch.audit.close()
    for name, each in found.items():
        print(f"{name:10} p50 {each['p50']:.3f} ms   p99 {each['p99']:.3f} ms")
    added = {name: round(found[name]["p50"] - found["bare"]["p50"], 3) for name in limits}
    print(json.dumps({"requests": count, **found, "added_p50_ms": added}))


if __name__ == "__main__":
    main()
