"""How people come in: with a key in a sandbox only, by a session that ends, and with forms of our own pages alone."""

from datetime import timedelta

import pytest
from looking import Visitor, guarded, words
from town import NOW

from serving import access
from serving.access import RIGHTS

FORM = {"content-type": "application/x-www-form-urlencoded"}


def test_who_has_no_session_is_led_to_the_login_and_back(guard, classified):
    visitor = Visitor(guard)
    sent = visitor.get("/ui/help?lang=en")
    assert (sent.status_code, sent.headers["location"]) == (303, "/ui/login?next=/ui/help%3Flang%3Den")
    login = visitor.get(sent.headers["location"])
    assert 'value="/ui/help?lang=en"' in login.text
    key = classified.key(role="auditor", org="")
    entered = visitor.post("/ui/login", data={"key": key, "next": "/ui/help?lang=en"})
    assert (entered.status_code, entered.headers["location"]) == (303, "/ui/help?lang=en")
    assert "HttpOnly" in entered.headers["set-cookie"]
    assert visitor.get("/ui/help").status_code == 200


def test_a_key_that_lets_nobody_in_begins_no_session(guard):
    refused = Visitor(guard).post("/ui/login", data={"key": "jw_00000000_" + "a" * 43})
    assert refused.status_code == 401
    assert "set-cookie" not in refused.headers
    assert "密钥不存在" in words(refused.text)


@pytest.mark.parametrize("target", ["https://elsewhere.example/", "//elsewhere.example", "/v1/classes", "/ui/\\x", ""])
def test_after_the_login_nobody_is_led_elsewhere(guard, classified, target):
    key = classified.key(role="auditor", org="")
    entered = Visitor(guard).post("/ui/login", data={"key": key, "next": target})
    assert entered.headers["location"] == "/ui/"


def test_outside_a_sandbox_no_key_logs_in(classified, desk):
    visitor = Visitor(guarded(classified, lambda: desk, is_sandbox=False))
    assert visitor.post("/ui/login", data={"key": classified.key(role="auditor", org="")}).status_code == 404
    assert "统一身份认证" in words(visitor.get("/ui/login").text)


def test_a_session_ends_at_its_time_with_its_key_or_when_its_holder_leaves(classified, desk):
    at = [NOW]
    guard = guarded(classified, lambda: desk, now=lambda: at[0])
    late, gone, left = (Visitor.of(guard, classified, "auditor", holder=name) for name in ("late", "gone", "left"))
    (number,) = (one["number"] for one in access.listed(classified.store) if one["holder"] == "gone")
    access.revoke(classified.store, number, at=NOW)
    assert [one.get("/ui/help").status_code for one in (late, gone, left)] == [200, 303, 200]
    assert left.submit("/ui/logout").status_code == 303
    assert [one.get("/ui/help").status_code for one in (late, left)] == [200, 303]
    at[0] = NOW + timedelta(hours=8)
    assert late.get("/ui/help").status_code == 303


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        ({}, {"other": "1"}),
        ({}, {"csrf": "0" * 64}),
        ({"origin": "http://elsewhere.example"}, None),
        ({"origin": "null"}, None),
        ({"sec-fetch-site": "cross-site"}, None),
    ],
)
def test_a_form_from_elsewhere_changes_nothing(guard, classified, headers, fields):
    visitor = Visitor.of(guard, classified, "auditor")
    stated = {"csrf": visitor.token()} if fields is None else fields
    refused = visitor.post("/ui/logout", data=stated, headers=headers)
    assert refused.status_code == 403
    assert refused.headers["content-type"].startswith("text/html")
    assert visitor.get("/ui/help").status_code == 200


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (FORM, b"key=a&key=b", 400),
        (FORM, b"key=%FF", 400),
        (FORM, "key=é".encode(), 400),
        (FORM, b"key", 400),
        (FORM, b"&".join(b"f%d=" % number for number in range(51)), 400),
        (FORM, b"key=" + b"a" * 2**20, 413),
        ({"content-type": "application/json"}, b"{}", 415),
    ],
)
def test_what_is_no_form_is_refused_in_words(guard, headers, body, status):
    refused = Visitor(guard).post("/ui/login", content=body, headers=headers)
    assert refused.status_code == status
    assert refused.headers["content-type"].startswith("text/html")
    assert words(refused.text)


def test_a_session_opens_no_route_of_the_api_and_a_key_no_page(guard, classified):
    visitor = Visitor.of(guard, classified, "province_admin")
    assert visitor.get("/v1/classes").status_code == 401
    key = classified.key(*RIGHTS.roles["province_admin"], role="province_admin", org="")
    assert Visitor(guard).get("/ui/help", headers={"authorization": f"Bearer {key}"}).status_code == 303


def test_a_page_has_strict_headers_and_what_is_not_there_is_told_in_words(guard, classified):
    visitor = Visitor.of(guard, classified, "auditor")
    found = visitor.get("/ui/help")
    assert "default-src 'none'" in found.headers["content-security-policy"]
    assert found.headers["referrer-policy"] == "same-origin"
    assert found.headers["cache-control"] == "no-store"
    missing = visitor.get("/ui/nowhere")
    assert (missing.status_code, missing.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert visitor.get("/ui/static/nowhere.js").status_code == 404
    assert "not in your scope" not in missing.text


def test_what_pages_are_made_of_may_be_kept_for_ever_under_an_address_of_its_bytes(guard):
    visitor = Visitor(guard)
    sheet = visitor.get("/ui/static/page.css")
    assert sheet.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in sheet.headers["cache-control"]
    for script in ("vendor/echarts.js", "vendor/htmx.js"):
        assert visitor.get(f"/ui/static/{script}").status_code == 200


def test_the_language_is_chinese_until_another_is_chosen_and_then_stays(guard, classified):
    visitor = Visitor.of(guard, classified, "auditor")
    assert '<html lang="zh-CN">' in visitor.get("/ui/help").text
    assert '<html lang="en">' in visitor.get("/ui/help?lang=en").text
    assert '<html lang="en">' in visitor.get("/ui/help").text
    assert '<html lang="zh-CN">' in visitor.get("/ui/help?lang=zh").text


def test_a_fault_behind_a_page_is_told_in_words_and_says_nothing_of_itself(classified):
    def broken():
        raise ValueError("secret")

    visitor = Visitor.of(guarded(classified, broken), classified, "auditor")
    found = visitor.get("/ui/indicators")
    assert (found.status_code, found.headers["content-type"]) == (500, "text/html; charset=utf-8")
    assert "服务内部错误" in words(found.text)
    assert "secret" not in found.text
