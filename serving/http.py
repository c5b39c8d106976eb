"""How the service speaks HTTP: problems as problem+json, strict JSON, security headers, what an answer tells of."""

import ipaddress
import json
import math
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PROBLEM = "application/problem+json"
LARGEST_JSON = 1024 * 1024
SENT_WITH = frozenset({"POST", "PUT", "PATCH"})  # methods that carry a body
PURPOSE = re.compile(r"[\w .:/()（）〔〕-]{1,100}")
DEEPEST = 16
LONGEST_NUMBER = 40  # digits: longer ones are attacks on the parser, not figures
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's 32: none is mistaken for another
STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)  # possessive: an unclosed string is passed over once
JSON_TYPE = re.compile(rb'application/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?', re.IGNORECASE)

PROBLEMS: Mapping[str, tuple[int, str, str]] = {
    "malformed-request": (400, "请求格式不正确", "The request is malformed"),
    "malformed-json": (400, "请求内容不是合规的JSON", "The body is not valid JSON"),
    "unauthenticated": (401, "需要有效的访问密钥", "A valid API key is needed"),
    "forbidden": (403, "该密钥无权使用此接口", "This key may not use this route"),
    "cross-site": (403, "请求不是从本系统页面发出的", "The request does not come from a page of this system"),
    "not-found": (404, "没有找到", "Not found"),
    "method-not-allowed": (405, "不支持该方法", "Method not allowed"),
    "not-acceptable": (406, "不支持所要求的返回类型", "No answer of the type asked for"),
    "request-timeout": (408, "请求内容未在限时内送达", "The request did not arrive in time"),
    "state-conflict": (409, "当前状态不允许此操作", "The state of the thing does not allow this"),
    "idempotency-mismatch": (409, "幂等键已用于其他请求", "The idempotency key was used for another request"),
    "precondition-failed": (412, "前提条件不满足", "A precondition does not hold"),
    "too-large": (413, "请求内容过大", "The body is too large"),
    "unsupported-media-type": (415, "请求内容类型应为application/json", "The content type must be application/json"),
    "invalid-request": (422, "请求内容不符合规范", "The request does not match the contract"),
    "precondition-required": (428, "请求须附前提条件", "The request must state a precondition"),
    "rate-limited": (429, "请求过于频繁或查询主体过多", "Too many requests, or too many entities in a day"),
    "headers-too-large": (431, "请求头过大", "The headers are too large"),
    "internal": (500, "服务内部错误", "Internal error"),
    "unavailable": (503, "服务暂不可用", "Not available at the moment"),
    "records-away": (503, "本机没有记录库，不能作假设", "The records are not on this machine: nothing can be supposed"),
    "audit-unavailable": (503, "审计日志无法写入", "The audit log cannot be written"),
    "overloaded": (503, "服务繁忙", "Too many requests are being answered"),
    "timeout": (504, "处理超时", "The request took too long"),
}
RETRY = {429: 1, 503: 1}  # seconds to wait before another try, unless a problem knows better
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
    """A request that is answered with a problem; never carries a value that was sent.

    ``retry`` says after how many seconds another try makes sense, ``allow`` which methods a route has.
    """

    def __init__(
        self, kind: str, errors: list[dict[str, str]] | None = None, *, retry: int | None = None, allow: str = ""
    ) -> None:
        super().__init__(kind)
        self.kind = kind
        self.errors = errors or []
        self.retry = retry
        self.allow = allow

    @property
    def status(self) -> int:
        """The HTTP status."""
        return PROBLEMS[self.kind][0]

    @property
    def title(self) -> str:
        """What it is, in Chinese."""
        return PROBLEMS[self.kind][1]

    @property
    def title_en(self) -> str:
        """What it is, in English."""
        return PROBLEMS[self.kind][2]


def problem_body(problem: ProblemError) -> bytes:
    """The problem document (RFC 9457); the same kind and errors give the same bytes."""
    document: dict[str, Any] = {
        "type": f"urn:jianwei:problem:{problem.kind}",
        "title": problem.title,
        "title_en": problem.title_en,
        "status": problem.status,
    }
    if problem.errors:
        document["errors"] = problem.errors
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def problem_headers(problem: ProblemError, body: bytes) -> list[tuple[bytes, bytes]]:
    """The headers a problem document goes out with, the security headers among them."""
    found = [(b"content-type", PROBLEM.encode()), (b"content-length", str(len(body)).encode()), *SECURITY]
    retry = problem.retry or RETRY.get(problem.status)
    if retry is not None:
        found.append((b"retry-after", str(retry).encode()))
    if problem.allow:
        found.append((b"allow", problem.allow.encode()))
    if problem.kind == "unauthenticated":
        found.append((b"www-authenticate", b"Bearer"))
    return found


def kind_of_status(status: int) -> str:
    """The (first) problem kind of an HTTP error status; ``internal`` when there is none of its own."""
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


def header(scope: Mapping[str, Any], name: bytes) -> list[bytes]:
    """The values of a header of a request, as sent."""
    return [value for key, value in scope["headers"] if key.lower() == name]


def place(fault: BaseException) -> str:
    """Where a fault arose, ``module:line``: all of it that may be logged beside its type."""
    trace = fault.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "?" if trace is None else f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"


@dataclass(frozen=True)
class Told:
    """What an answer tells of: the codes of its entities, how many rows, of which month, from which scheme.

    ``hypothetical`` marks what was supposed and is no month's result; ``file`` is the SHA-256 of a file that was told.
    """

    entities: tuple[str, ...]
    rows: int
    month: str | None = None
    scheme: str | None = None
    hypothetical: bool = False
    file: str | None = None


def tell(asked: Any, told: Told) -> None:
    """State what the answer to a request (or its scope) tells of; without that no answer of a reading route leaves."""
    scope = asked if isinstance(asked, MutableMapping) and "type" in asked else asked.scope
    scope.setdefault("state", {})["told"] = told


def request_id(at: datetime) -> str:
    """A new name of a request, 26 characters that sort by time: milliseconds, then 80 bits of chance."""
    number = int(at.timestamp() * 1000) << 80 | secrets.randbits(80)
    return "".join(LETTERS[number >> shift & 31] for shift in range(125, -1, -5))


def token(scope: Mapping[str, Any]) -> str:
    """The bearer token of a request; empty when there is not exactly one."""
    values = header(scope, b"authorization")
    if len(values) != 1 or values[0][:7].lower() != b"bearer ":
        return ""
    return values[0][7:].decode("latin-1")


def address(scope: Mapping[str, Any], trusted: Sequence[Network]) -> str:
    """Where a request comes from: the peer; behind a trusted one, the last address it forwards that is not trusted."""
    found = (scope.get("client") or ("",))[0]
    forwarded = [
        one.strip() for value in header(scope, b"x-forwarded-for") for one in value.decode("latin-1").split(",")
    ]
    while forwarded and trusted and _lies_in(found, trusted):
        found = forwarded.pop()
    return str(found)


def _lies_in(stated: str, networks: Sequence[Network]) -> bool:
    try:
        found = ipaddress.ip_address(stated)
    except ValueError:
        return False
    plain = getattr(found, "ipv4_mapped", None) or found  # what a socket for both families calls an IPv4 address
    return any(plain in one for one in networks)


def purpose(scope: Mapping[str, Any]) -> str | None:
    """What a request says it is for (``X-Purpose``), null when it does not; ProblemError for what cannot be kept."""
    values = header(scope, b"x-purpose")
    if not values:
        return None
    found = values[0].decode("utf-8", "replace").strip()
    if len(values) > 1 or PURPOSE.fullmatch(found) is None:
        raise ProblemError("malformed-request", [{"pointer": "/headers/X-Purpose", "code": "not_a_purpose"}])
    return found


def check_length(scope: Mapping[str, Any], largest: int) -> None:
    """Nothing when the stated length of a body is one and within bounds; ProblemError otherwise."""
    lengths = header(scope, b"content-length")
    if len(lengths) > 1 or (lengths and not lengths[0].isdigit()):
        raise ProblemError("malformed-request")
    if lengths and int(lengths[0][:20]) > largest:
        raise ProblemError("too-large")


def has_body(scope: Mapping[str, Any]) -> bool:
    """Whether a request says that a body follows its headers."""
    return bool(header(scope, b"transfer-encoding")) or any(
        length.strip(b"0") for length in header(scope, b"content-length")
    )


async def buffered(scope: Mapping[str, Any], receive: Receive) -> bytes:
    """The whole body; ProblemError when it is larger than a mebibyte or does not come to its end."""
    check_length(scope, LARGEST_JSON)
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ProblemError("malformed-request")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LARGEST_JSON:
            raise ProblemError("too-large")
    return bytes(body)


def check_plain(scope: Mapping[str, Any]) -> None:
    """Nothing when a body comes as it is; ProblemError for one that was compressed."""
    if any(one.strip().lower() != b"identity" for one in header(scope, b"content-encoding")):
        raise ProblemError("unsupported-media-type")


async def json_body(scope: Mapping[str, Any], receive: Receive) -> bytes:
    """The whole body; on a method that carries one it must be strict JSON."""
    body = await buffered(scope, receive)
    if scope["method"] in SENT_WITH:
        types = header(scope, b"content-type")
        if len(types) != 1 or JSON_TYPE.fullmatch(types[0].strip()) is None:
            raise ProblemError("unsupported-media-type")
        strict_json(body)
    return body


def replay(body: bytes, receive: Receive) -> Receive:
    """A body that was read, to be received again."""
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def media_type(scope: Mapping[str, Any]) -> str:
    """The media type of a body without its parameters; empty when there is not exactly one, or not in UTF-8."""
    types = header(scope, b"content-type")
    if len(types) != 1:
        return ""
    found, *stated = types[0].decode("latin-1").lower().split(";")
    charsets = (value.strip().strip('"') for name, _, value in (one.partition("=") for one in stated) if _charset(name))
    return "" if set(charsets) - {"utf-8"} else found.strip()


def _charset(name: str) -> bool:
    return name.strip() == "charset"
