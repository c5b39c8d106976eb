"""What tests of the wall share: keys, a watch over a home, applications behind it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from serving.access import UNBOUND, Grant, Limits, Principal
from serving.audit import Audit, Pseudonyms
from serving.brake import Brake
from serving.http import Told, tell
from serving.store import Store
from serving.watch import Watch

PRIVATE = "张三的身份证360102199001011234"
NOW = datetime(2026, 2, 3, 9, 30, tzinfo=UTC)
TODAY = date(2026, 2, 3)
ZONE = ZoneInfo("Asia/Shanghai")
NOWHERE = Path("/dev/null/home")  # no home: nothing can be written there


def grant(role="province_admin", **changed):
    first = Grant(role, "", TODAY + timedelta(days=30), limits=UNBOUND)
    return replace(first, **changed)


def principal(role="province_admin", number="0a1b2c3d", **changed):
    return Principal(number, grant(role, **changed))


def bound(**limits):
    return Limits(**limits)


def watch(doorkeeper, *, home=NOWHERE, store=None, now=lambda: NOW, **more):
    brake = Brake(store or Store("sqlite://"))
    return Watch(doorkeeper, Audit(home, now), Pseudonyms(home), brake, now, ZONE, **more)


def telling(*codes, rows=None, status=200):
    """An application whose answers tell of these entities."""

    async def app(scope, receive, send):
        tell(scope, Told(codes, len(codes) if rows is None else rows, "2026-01", "5" * 64))
        await send({"type": "http.response.start", "status": status, "headers": [(b"etag", b'"e"')]})
        await send({"type": "http.response.body", "body": b"{}" if status != 304 else b""})

    return app


def silent(status=200, headers=()):
    """An application that says nothing of whom its answers tell."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        await send({"type": "http.response.body", "body": b"{}"})

    return app
