"""One request to an ASGI application in this process, and its answer."""

import asyncio
from dataclasses import dataclass, field

from serving.http import strict_json


@dataclass
class Answer:
    status: int = 0
    headers: dict = field(default_factory=dict)
    pairs: list = field(default_factory=list)  # the same as they came: a header may come twice
    body: bytes = b""

    @property
    def json(self):
        return strict_json(self.body)


async def answered(app, method, path, receive, *, headers=(), **more):
    """The answer of an ASGI application to one request whose body is received so; ``more`` goes into its scope."""
    answer = Answer()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path.partition("?")[0],
        "raw_path": path.encode(),
        "query_string": path.partition("?")[2].encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
        **more,
    }

    async def send(message):
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.pairs = [(name.decode(), value.decode()) for name, value in message["headers"]]
            answer.headers = dict(answer.pairs)
        else:
            answer.body += message.get("body", b"")

    await app(scope, receive, send)
    return answer


def request_to(app, method="GET", path="/v1/reason-codes", *, headers=(), chunks=(b"",)):
    """The answer of an ASGI application to one request; who asks is gone once the body has come."""
    waiting = list(chunks)

    async def receive():
        if not waiting:
            return {"type": "http.disconnect"}
        body = waiting.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(waiting)}

    return asyncio.run(answered(app, method, path, receive, headers=headers))
