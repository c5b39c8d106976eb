"""What tests of the writing routes share: a profile that takes what is sent, an application of routes, and posts."""

import asyncio
import json

from calling import answered
from sqlalchemy import insert
from town import NOW, write

from serving.access import Grant, Principal, kept
from serving.tables import API_KEYS

LATER = NOW.replace(year=2027)
INSPECTION = {
    "record_type": "inspection",
    "label": "检查",
    "version": 1,
    "items": ["I2", "I3"],
    "subject": "entity",
    "event_date": "inspected",
    "key": ["inspection_no"],
    "visibility": "publishable",
    "basis": "小地方条例",
    "fields": {
        "inspection_no": {"label": "编号", "type": "text", "required": True},
        "inspected": {"label": "日期", "type": "date", "required": True},
        "trade": {"label": "领域", "type": "code", "list": "trades", "required": True},
    },
}
FINDING = {
    "record_type": "inspection_finding",
    "label": "问题",
    "version": 1,
    "items": ["I2", "I3"],
    "subject": "record",
    "parent": {"record_type": "inspection", "field": "inspection_no", "key": "inspection_no"},
    "event_date": "found",
    "key": ["inspection_no", "finding_no"],
    "visibility": "publishable",
    "basis": "小地方条例",
    "fields": {
        "inspection_no": {"label": "编号", "type": "text", "required": True},
        "finding_no": {"label": "序号", "type": "text", "required": True},
        "found": {"label": "日期", "type": "date", "required": True},
        "severity": {"label": "严重程度", "type": "int", "min": 0, "max": 4, "required": True},
    },
}
RETURNS = {"source": "inspection_api", "item": "I2", "record": "inspection", "finding": "inspection_finding"}
DISPUTES = [{"since": NOW.date().replace(year=2020), "basis": "拟定", "days": 20}]


def extended(town):
    """The town, its profile taking results of inspections and disputes."""
    folder = town.folder / "profile"
    write(folder / "catalogue" / "inspection.yaml", INSPECTION)
    write(folder / "catalogue" / "inspection_finding.yaml", FINDING)
    write(folder / "returns.yaml", RETURNS)
    write(folder / "disputes.yaml", DISPUTES)
    return town


def holder(store, role="province_admin", org="", *, number="00000001", name="demo", rights=(), departments=()):
    """Who asks with a key of the store."""
    grant = Grant(role, org, LATER.date(), frozenset(departments), frozenset(rights), holder=name)
    with store.writing() as connection:
        row = {"number": number, "sha256": number * 8, "created": NOW.date(), **kept(grant)}
        connection.execute(insert(API_KEYS).values(**row))
    return Principal(number, grant)


async def sent(app, method, path, principal, *, body=b"", headers=(), state=None):
    """The answer to one request that came through the wall."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]
    told = {"principal": principal} if state is None else state

    async def receive():
        if not waiting:
            await asyncio.Event().wait()  # the caller stays on the line
        return waiting.pop(0)

    lower = [(name.lower(), value) for name, value in headers]
    answer = await answered(app, method, path, receive, headers=lower, state=told)
    answer.told = told.get("told")
    return answer


def post(app, path, principal, content, *, key="k1", media="application/json"):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    headers = [("content-type", media), *([("idempotency-key", key)] if key is not None else [])]
    return asyncio.run(sent(app, "POST", path, principal, body=body, headers=headers))


def get(app, path, principal):
    return asyncio.run(sent(app, "GET", path, principal))
