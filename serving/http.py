"""The outer wall of the service: deny by default, limits, strict JSON, and every error as problem+json."""

import asyncio
import json
import logging
import math
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

LOG = logging.getLogger("jianwei.http")
OPEN = ("/livez", "/readyz")
BUSINESS = "/v1/"
LARGEST_BODY = 1024 * 1024
LARGEST_HEADERS = 16 * 1024
DEEPEST = 16
LONGEST_NUMBER = 40  # digits: longer ones are attacks on the parser, not figures
SECONDS = 8.0
STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)  # possessive: an unclosed string is passed over once
JSON_TYPE = re.compile(rb'application/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?', re.IGNORECASE)

PROBLEMS: Mapping[str, tuple[int, str, str]] = {
    "malformed-request": (400, "请求格式不正确", "The request is malformed"),
    "malformed-json": (400, "请求内容不是合规的JSON", "The body is not valid JSON"),
    "unauthenticated": (401, "需要有效的访问密钥", "A valid API key is needed"),
    "forbidden": (403, "该密钥无权使用此接口", "This key may not use this route"),
    "not-found": (404, "没有找到", "Not found"),
    "method-not-allowed": (405, "不支持该方法", "Method not allowed"),
    "state-conflict": (409, "当前状态不允许该操作", "The state of things does not allow this now"),
    "idempotency-mismatch": (409, "同一幂等键已用于不同内容", "The idempotency key was used for another body"),
    "precondition-required": (428, "需要Idempotency-Key请求头", "The header Idempotency-Key is needed"),
    "timeout": (504, "处理超时", "The request took too long"),
    "too-large": (413, "请求内容过大", "The body is too large"),
    "unsupported-media-type": (415, "请求内容类型应为application/json", "The content type must be application/json"),
    "invalid-request": (422, "请求内容不符合规范", "The request does not match the contract"),
    "headers-too-large": (431, "请求头过大", "The headers are too large"),
    "internal": (500, "服务内部错误", "Internal error"),
    "unavailable": (503, "服务暂不可用", "Not available at the moment"),
}
SECURITY: tuple[tuple[bytes, bytes], ...] = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", b"max-age=31536000"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)


class ProblemError(Exception):
    """A request that is answered with a problem; never carries a value that was sent."""

    def __init__(self, kind: str, errors: list[dict[str, str]] | None = None) -> None:
        super().__init__(kind)
        self.kind = kind
        self.errors = errors or []

    @property
    def status(self) -> int:
        """The HTTP status."""
        return PROBLEMS[self.kind][0]


def problem_body(problem: ProblemError) -> bytes:
    """The problem document (RFC 9457); the same kind and errors give the same bytes."""
    status, title, title_en = PROBLEMS[problem.kind]
    document: dict[str, Any] = {
        "type": f"urn:jianwei:problem:{problem.kind}",
        "title": title,
        "title_en": title_en,
        "status": status,
    }
    if problem.errors:
        document["errors"] = problem.errors
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Told:
    """What an answer tells: of which entities (their codes), in how many rows, of which month, by which scheme."""

    entities: tuple[str, ...] = ()
    rows: int = 0
    month: str | None = None
    scheme: str | None = None


def tell(asked: Any, told: Told) -> None:
    """Say of a request (or its scope) what its answer tells; an answer that tells of entities leaves only then."""
    scope = asked if isinstance(asked, MutableMapping) and not hasattr(asked, "scope") else asked.scope
    scope.setdefault("state", {})["told"] = told


def kind_of_status(status: int) -> str:
    """The problem kind of an HTTP error status; ``internal`` when there is none of its own."""
    return next((kind for kind, (code, *_) in PROBLEMS.items() if code == status), "internal")


def strict_json(body: bytes) -> Any:
    """The value a JSON text states, read strictly; ProblemError for anything two parsers could read differently.

    Refused: other encodings than UTF-8, a byte order mark, NaN and infinities (also by overflow), duplicate keys,
    lone surrogates, nesting deeper than 16, numbers of more than 40 digits, anything after the value.
    """
    if body.startswith(b"\xef\xbb\xbf"):
        raise ProblemError("malformed-json")
    _check_depth(body)
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_refuse,
            parse_float=_float,
            parse_int=_int,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise ProblemError("malformed-json") from None
    return value


def _check_depth(body: bytes) -> None:
    depth = 0
    for bracket in re.findall(rb"[\[\]{}]", STRING.sub(b"", body)):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEEPEST:
            raise ProblemError("malformed-json")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _refuse(_: str) -> Any:
    raise ValueError


def _float(text: str) -> float:
    value = float(text)
    if len(text) > LONGEST_NUMBER or not math.isfinite(value):
        raise ValueError
    return value


def _int(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise ValueError
    return int(text)


class Guard:
    """The outermost ASGI layer: nothing behind it is reached without a key, except the two health routes."""

    def __init__(self, app: App, *, doorkeeper: Callable[[str, str], object | None], seconds: float = SECONDS) -> None:
        self._app = app
        self._doorkeeper = doorkeeper
        self._seconds = seconds

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with a problem."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        reply = _Reply(send)
        try:
            async with asyncio.timeout(self._seconds):
                self._admit(scope)
                body = await _body(scope, receive)
                await self._app(scope, _replay(body, receive), reply)
        except ProblemError as problem:
            await reply.refuse(problem)
        except TimeoutError:
            await reply.refuse(ProblemError("timeout"))
        except Exception as fault:  # the wall: whatever happens behind it, no value leaves
            LOG.log(logging.ERROR, "%s in %s", type(fault).__name__, _place(fault))
            await reply.refuse(ProblemError("internal"))

    def _admit(self, scope: MutableMapping[str, Any]) -> None:
        if sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEADERS:
            raise ProblemError("headers-too-large")
        if scope["path"] in OPEN and scope["method"] in {"GET", "HEAD"}:
            return
        principal = self._doorkeeper(_token(scope), (scope.get("client") or ("",))[0])
        if principal is None:
            raise ProblemError("unauthenticated")
        if not scope["path"].startswith(BUSINESS):
            raise ProblemError("not-found")
        scope.setdefault("state", {})["principal"] = principal


def _header(scope: Mapping[str, Any], name: bytes) -> list[bytes]:
    return [value for key, value in scope["headers"] if key.lower() == name]


def _token(scope: Mapping[str, Any]) -> str:
    values = _header(scope, b"authorization")
    if len(values) != 1 or values[0][:7].lower() != b"bearer ":
        return ""
    return values[0][7:].decode("latin-1")


def _place(fault: BaseException) -> str:
    trace = fault.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"


async def _body(scope: MutableMapping[str, Any], receive: Receive) -> bytes:
    """The body, bounded; on a method that carries one it must be strict JSON."""
    lengths = _header(scope, b"content-length")
    if len(lengths) > 1 or (lengths and not lengths[0].isdigit()):
        raise ProblemError("malformed-request")
    if lengths and int(lengths[0][:20]) > LARGEST_BODY:
        raise ProblemError("too-large")
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ProblemError("malformed-request")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LARGEST_BODY:
            raise ProblemError("too-large")
    if scope["method"] in {"POST", "PUT", "PATCH"}:
        types = _header(scope, b"content-type")
        if len(types) != 1 or JSON_TYPE.fullmatch(types[0].strip()) is None:
            raise ProblemError("unsupported-media-type")
        strict_json(bytes(body))
    return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


class _Reply:
    """Sends an answer with the security headers; an error that is no problem document is replaced by one."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._started = False
        self._replaced = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._start(message)
        elif not self._replaced:
            await self._send(message)

    async def _start(self, message: Message) -> None:
        kinds = [value for name, value in message["headers"] if name.lower() == b"content-type"]
        if message["status"] >= 400 and not (kinds and kinds[0].startswith(b"application/problem+json")):
            self._replaced = True
            await self.refuse(ProblemError(kind_of_status(message["status"])))
            return
        self._started = True
        kept = [(name, value) for name, value in message["headers"] if name.lower() != b"server"]
        await self._send({**message, "headers": [*kept, *SECURITY]})

    async def refuse(self, problem: ProblemError) -> None:
        """Answer with a problem, unless an answer is already on its way."""
        if self._started:
            return
        self._started = True
        body = problem_body(problem)
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(body)).encode()),
            *SECURITY,
        ]
        if problem.kind == "unauthenticated":
            headers.append((b"www-authenticate", b"Bearer"))
        await self._send({"type": "http.response.start", "status": problem.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})
