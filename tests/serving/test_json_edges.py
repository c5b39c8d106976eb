"""Sixty and more bodies two parsers could read differently, each with its own answer from the running service."""

import json

import pytest
from running import Running, housed

from serving.http import strict_json

MARK = "见微7f3a"  # of what was sent; no answer may contain it
GOOD = '{"subjects":[{"entity":"T00006"}]}'
MALFORMED, INVALID, LARGE, KIND = (
    (400, "malformed-json"),
    (422, "invalid-request"),
    (413, "too-large"),
    (415, "unsupported-media-type"),
)
JSON = "application/json"


def subject(text):
    return '{"subjects":[{"entity":"T00006","x":' + text + "}]}"


BODIES = {
    "nothing": ("", MALFORMED),
    "blank": (" \r\n\t", MALFORMED),
    "NaN": (subject("NaN"), MALFORMED),
    "minus NaN": (subject("-NaN"), MALFORMED),
    "Infinity": (subject("Infinity"), MALFORMED),
    "minus Infinity": (subject("-Infinity"), MALFORMED),
    "1e999": (subject("1e999"), MALFORMED),
    "minus 1e999": (subject("-1e999"), MALFORMED),
    "1e400 in a list": (subject("[1,1e400]"), MALFORMED),
    "duplicate key": ('{"subjects":[],"subjects":[{"entity":"T00006"}]}', MALFORMED),
    "duplicate nested key": ('{"subjects":[{"entity":"T00006","entity":"T00003"}]}', MALFORMED),
    "duplicate key by escape": ('{"subjects":[{"entity":"T00006","\\u0065ntity":"T00003"}]}', MALFORMED),
    "lone high surrogate": ('{"subjects":[{"entity":"\\ud800"}]}', MALFORMED),
    "lone low surrogate": ('{"subjects":[{"entity":"\\udfff"}]}', MALFORMED),
    "surrogate in a key": ('{"\\ud800":1}', MALFORMED),
    "swapped surrogates": ('{"subjects":[{"entity":"\\udc00\\ud800"}]}', MALFORMED),
    "depth 17": ("[" * 17 + "]" * 17, MALFORMED),
    "depth 10000": ("[" * 10_000 + "]" * 10_000, MALFORMED),
    "objects to depth 10000": ('{"x":' * 10_000 + "1" + "}" * 10_000, MALFORMED),
    "unclosed to depth 100000": ("[" * 100_000, MALFORMED),
    "byte order mark": ("\ufeff" + GOOD, MALFORMED),
    "UTF-16": (GOOD.encode("utf-16"), MALFORMED),
    "UTF-16 without mark": (GOOD.encode("utf-16-le"), MALFORMED),
    "UTF-32": (GOOD.encode("utf-32"), MALFORMED),
    "GBK": ('{"subjects":[{"entity":"见微"}]}'.encode("gbk"), MALFORMED),
    "overlong UTF-8": (b'{"subjects":[{"entity":"\xc0\xaf"}]}', MALFORMED),
    "encoded surrogate": (b'{"subjects":[{"entity":"\xed\xa0\x80"}]}', MALFORMED),
    "cut in a character": ('{"subjects":"见'.encode()[:-1], MALFORMED),
    "trailing comma": ('{"subjects":[{"entity":"T00006"},]}', MALFORMED),
    "two values": (GOOD + GOOD, MALFORMED),
    "text after": (GOOD + " x", MALFORMED),
    "NUL after": (GOOD + "\x00", MALFORMED),
    "comment": (GOOD + "// x", MALFORMED),
    "single quotes": (GOOD.replace('"', "'"), MALFORMED),
    "bare key": ('{subjects:[{"entity":"T00006"}]}', MALFORMED),
    "control character": ('{"subjects":[{"entity":"T\t6"}]}', MALFORMED),
    "bad escape": ('{"subjects":[{"entity":"\\q"}]}', MALFORMED),
    "leading zero": (subject("007"), MALFORMED),
    "plus sign": (subject("+7"), MALFORMED),
    "hexadecimal": (subject("0x7"), MALFORMED),
    "five thousand digits": (subject("9" * 5000), MALFORMED),
    "capital literal": (subject("True"), MALFORMED),
    "form data": ("subjects=T00006", MALFORMED),
    "null": ("null", INVALID),
    "a number": ("7", INVALID),
    "a text": ('"T00006"', INVALID),
    "a list": ('[{"entity":"T00006"}]', INVALID),
    "empty object": ("{}", INVALID),
    "unknown field": ('{"subjects":[{"entity":"T00006"}],"' + MARK + '":1}', INVALID),
    "unknown field of a subject": ('{"subjects":[{"entity":"T00006","' + MARK + '":1}]}', INVALID),
    "field in capitals": ('{"Subjects":[{"entity":"T00006"}]}', INVALID),
    "no subjects": ('{"subjects":[]}', INVALID),
    "subjects null": ('{"subjects":null}', INVALID),
    "subjects an object": ('{"subjects":{"0":{"entity":"T00006"}}}', INVALID),
    "a hundred and one subjects": (json.dumps({"subjects": [{"entity": "T00006"}] * 101}), INVALID),
    "entity a number": ('{"subjects":[{"entity":6}]}', INVALID),
    "entity true": ('{"subjects":[{"entity":true}]}', INVALID),
    "entity empty": ('{"subjects":[{"entity":""}]}', INVALID),
    "entity with a newline": ('{"subjects":[{"entity":"T00006\\n"}]}', INVALID),
    "entity with NUL": ('{"subjects":[{"entity":"T\\u00006"}]}', INVALID),
    "entity in full width": ('{"subjects":[{"entity":"Ｔ00006"}]}', INVALID),
    "entity too long": ('{"subjects":[{"entity":"' + "T" * 65 + '"}]}', INVALID),
    "entity a path": ('{"subjects":[{"entity":"../' + MARK + '"}]}', INVALID),
    "explain unknown": ('{"subjects":[{"entity":"T00006"}],"explain":"' + MARK + '"}', INVALID),
    "explain a list": ('{"subjects":[{"entity":"T00006"}],"explain":["none"]}', INVALID),
    "explain null": ('{"subjects":[{"entity":"T00006"}],"explain":null}', INVALID),
    "over a mebibyte": (GOOD + " " * (1024 * 1024), LARGE),
    "ten mebibytes": ('{"subjects":"' + "x" * (10 * 1024 * 1024) + '"}', LARGE),
    "white space around": ("\r\n " + GOOD + "\t\n", (200, None)),
    "escapes": ('{"\\u0073ubjects":[{"entity":"\\u005400006"}]}', (200, None)),
    "just under a mebibyte": (GOOD + " " * (1024 * 1024 - len(GOOD)), (200, None)),
}
KINDS = {
    "no content type": ((), KIND),
    "text": (("text/plain",), KIND),
    "form": (("application/x-www-form-urlencoded",), KIND),
    "pickle": (("application/vnd.bentoml+pickle",), KIND),
    "two types in one": (("application/json, text/plain",), KIND),
    "two headers": ((JSON, JSON), KIND),
    "GBK stated": (("application/json; charset=gbk",), KIND),
    "UTF-16 stated": (("application/json; charset=utf-16",), KIND),
    "unknown parameter": (("application/json; q=1",), KIND),
    "problem document": (("application/problem+json",), KIND),
    "capitals": (("Application/JSON; Charset=UTF-8",), (200, None)),
    "quoted charset": (('application/json;charset="utf-8"',), (200, None)),
}


@pytest.fixture(scope="module")
def server(classified, tmp_path_factory):
    with Running(housed(classified, tmp_path_factory.mktemp("edges") / "town")) as running:
        running.key = running.town.unbound_key("analyst")
        yield running


def answered(server, body, kinds=(JSON,)):
    data = body if isinstance(body, bytes) else body.encode()
    headers = [("Authorization", f"Bearer {server.key}"), *(("Content-Type", kind) for kind in kinds)]
    status, kept, text = server.post("/v1/scores", headers, data)
    assert MARK not in text.decode()
    document = strict_json(text)
    if status == 200:
        return status, None
    assert kept["content-type"] == "application/problem+json"
    assert document["status"] == status
    return status, document["type"].removeprefix("urn:jianwei:problem:")


@pytest.mark.parametrize(("body", "expected"), BODIES.values(), ids=BODIES)
def test_a_body_has_its_own_answer(server, body, expected):
    assert answered(server, body) == expected


@pytest.mark.parametrize(("kinds", "expected"), KINDS.values(), ids=KINDS)
def test_a_content_type_has_its_own_answer(server, kinds, expected):
    assert answered(server, GOOD, kinds) == expected


def test_odd_bodies_cost_no_memory(server):
    for body, _ in BODIES.values():
        answered(server, body)
    before = server.memory()
    for body, _ in BODIES.values():
        answered(server, body)
    assert server.memory() - before < 50
