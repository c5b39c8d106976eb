"""People come in by the unified identity portal: by a real OpenID provider, and by nothing that only looks like one."""

import asyncio
import base64
import hmac
import json
import time
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import serialize_compact
from looking import Visitor, guarded, words
from town import NOW
from vouching import SECRET, vouching

from serving import access
from serving.access import Grant, Person
from serving.doors import Portal as Door
from serving.oidc import LARGEST, SECONDS
from serving.passage import Passages

PLACE = "/ui/help"


@pytest.fixture
def portal():
    with vouching() as found:
        yield found


@pytest.fixture
def clock():
    return [NOW]


@pytest.fixture
def door(classified, portal, clock, tmp_path):
    return Door(classified.profile, portal.registration, SECRET, Passages(tmp_path, lambda: clock[0]), lambda: clock[0])


@pytest.fixture
def pages(copied, desk, door, clock):
    """The pages of a town whose people log in at the portal; Zhang has a key."""
    found = guarded(copied, lambda: desk, is_sandbox=False, now=lambda: clock[0], portal=door)
    found.town = copied
    return found


def keyed(town, portal, login=None, **changed):
    """A key that somebody at the portal comes in as."""
    grant = Grant("auditor", "", NOW.date() + timedelta(days=9), holder="张一", **changed)
    return access.create_for(town.store, grant, Person(portal.issuer, login or portal.user), today=NOW.date())


@pytest.fixture
def zhang(pages, portal):
    return keyed(pages.town, portal)


def set_out(visitor, target=PLACE):
    """Where the portal is asked to log somebody in."""
    sent = visitor.get("/ui/login/portal", params={"next": target})
    assert sent.status_code == 303, words(sent.text)
    return sent.headers["location"]


def back(visitor, place, **changed):
    """The answer to who comes back from the portal, with something in its query changed."""
    parts = urlsplit(place)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()} | changed
    return visitor.get(parts.path, params={name: value for name, value in asked.items() if value is not None})


def logged_in(visitor, portal, target=PLACE):
    return back(visitor, portal.login(set_out(visitor, target)))


def refused(answer, status, word):
    """Whether nobody was let in, and was told so on a page."""
    told = words(answer.text)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8"), told
    assert "jianwei_session" not in answer.headers.get("set-cookie", "")
    assert word in told
    return True


def test_who_the_portal_vouches_for_comes_in_as_the_key_made_for_that_person(pages, portal, zhang, caplog):
    caplog.set_level("INFO", "jianwei.login")
    visitor = Visitor(pages)
    page = visitor.get("/ui/login", params={"next": PLACE})
    assert 'href="/ui/login/portal?next=/ui/help"' in page.text
    assert "统一身份认证登录" in words(page.text)
    entered = logged_in(visitor, portal)
    assert (entered.status_code, entered.headers["location"]) == (303, PLACE)
    kept = entered.headers["set-cookie"]
    assert "HttpOnly" in kept
    assert "SameSite=lax" in kept
    assert "Secure" not in kept  # this portal is on the loopback
    assert "张一" in words(visitor.get(PLACE).text)
    assert [one.key for one in caplog.records if one.name == "jianwei.login"] == [zhang]
    assert portal.user not in caplog.text


def test_the_portal_is_asked_with_state_nonce_and_challenge_and_never_told_the_verifier_first(pages, portal, zhang):
    asked = parse_qs(urlsplit(set_out(Visitor(pages))).query)
    assert asked["response_type"] == ["code"]
    assert asked["scope"] == ["openid"]
    assert asked["code_challenge_method"] == ["S256"]
    assert all(len(asked[name][0]) == 43 for name in ("state", "nonce", "code_challenge"))
    assert "code_verifier" not in asked
    assert SECRET not in str(asked)


def test_behind_tls_both_cookies_are_for_tls_alone(copied, desk, door):
    own = replace(door, registration=replace(door.registration, address="https://risk.example.gov.cn"))
    sent = Visitor(guarded(copied, lambda: desk, is_sandbox=False, portal=own)).get("/ui/login/portal")
    assert "Secure" in sent.headers["set-cookie"]
    assert "Path=/ui/login" in sent.headers["set-cookie"]
    asked = parse_qs(urlsplit(sent.headers["location"]).query)
    assert asked["redirect_uri"] == ["https://risk.example.gov.cn/ui/login/return"]


@pytest.mark.parametrize(
    "target", ["https://elsewhere.example/", "//elsewhere.example", "/v1/classes", "/ui/login", ""]
)
def test_after_the_portal_nobody_is_led_elsewhere(pages, portal, zhang, target):
    assert logged_in(Visitor(pages), portal, target).headers["location"] == "/ui/"


@pytest.mark.parametrize("changed", [{"state": "a" * 43}, {"state": None}, {"state": "状态"}])
def test_another_state_than_the_browser_set_out_with_logs_nobody_in(pages, portal, zhang, changed):
    visitor = Visitor(pages)
    place = portal.login(set_out(visitor))
    assert refused(back(visitor, place, **changed), 400, "不是从本浏览器发起")
    assert portal.count("/token") == 0


def test_a_browser_that_did_not_set_out_is_not_logged_in(pages, portal, zhang):
    """Who is made to open somebody else's return address does not work in that person's name."""
    assert refused(back(Visitor(pages), portal.login(set_out(Visitor(pages)))), 400, "不是从本浏览器发起")


def test_a_passage_lasts_ten_minutes_and_is_nobody_else_s_to_make(pages, portal, zhang, clock):
    visitor = Visitor(pages)
    place = portal.login(set_out(visitor))
    clock[0] += timedelta(minutes=11)
    assert refused(back(visitor, place), 400, "已超时")
    forged = Visitor(pages)
    forged.cookies.set("jianwei_login", "gAAAAA" + "x" * 200)
    assert refused(back(forged, place), 400, "已超时")


def test_a_login_begins_one_session(pages, portal, zhang):
    visitor = Visitor(pages)
    place = set_out(visitor)
    passage = visitor.cookies["jianwei_login"]
    assert back(visitor, portal.login(place)).status_code == 303
    assert "jianwei_login" not in visitor.cookies
    visitor.post("/ui/logout", data={"csrf": visitor.token()})
    thief = Visitor(pages)
    thief.cookies.set("jianwei_login", passage)
    assert refused(back(thief, portal.login(place)), 400, "已经用过")  # with another code of the same login


def test_a_code_that_was_used_proves_nothing(pages, portal, zhang):
    visitor = Visitor(pages)
    place = set_out(visitor)
    passage, came = visitor.cookies["jianwei_login"], portal.login(place)
    assert back(visitor, came).status_code == 303
    thief = Visitor(pages)
    thief.cookies.set("jianwei_login", passage)
    assert refused(back(thief, came), 403, "未通过核验")


def at(**changed):
    return {name: int((NOW + value).timestamp()) for name, value in changed.items()}


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": None},
        {"aud": ["jianwei", "another"]},
        {"aud": ["jianwei", "another"], "azp": "another"},
        {"azp": "another"},
        {"iss": "https://another.example"},
        at(exp=-timedelta(seconds=61)),
        {"exp": None},
        {"exp": "never"},
        at(iat=timedelta(seconds=61)),
        {"iat": None},
        at(nbf=timedelta(seconds=61)),
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a" * 256},
        {"sub": "zhang\n001"},
        {"padding": "x" * 16_384},
    ],
    ids=lambda claims: "-".join(f"{name}={str(value)[:20]!r}" for name, value in claims.items()),
)
def test_a_token_of_somebody_or_something_else_proves_nothing(pages, portal, zhang, claims, caplog):
    portal.claims = claims
    assert refused(logged_in(Visitor(pages), portal), 403, "未通过核验")
    assert "no login by the portal: the" in caplog.text
    assert "eyJ" not in caplog.text


@pytest.mark.parametrize(
    "claims",
    [at(exp=-timedelta(seconds=59)), at(iat=timedelta(seconds=59)), {"aud": ["jianwei", "other"], "azp": "jianwei"}],
    ids=str,
)
def test_clocks_may_differ_by_a_minute_and_a_token_may_be_for_others_too(pages, portal, zhang, claims):
    portal.claims = claims
    assert logged_in(Visitor(pages), portal).status_code == 303


def part(one):
    return base64.urlsafe_b64encode(one if isinstance(one, bytes) else json.dumps(one).encode()).rstrip(b"=").decode()


def unsigned(portal):
    return lambda claims: f"{part({'alg': 'none', 'kid': 'first'})}.{part(claims)}."


def by_public_key(portal):
    """HS256 keyed with what everybody can read: the portal's public key."""

    def signed(claims):
        told = f"{part({'alg': 'HS256', 'kid': 'first'})}.{part(claims)}"
        return f"{told}.{part(hmac.digest(portal.key.as_pem(private=False), told.encode(), 'sha256'))}"

    return signed


def deep_header(portal):
    """Nobody signed it, and it is read to look for the key."""
    deep = b'{"alg":"RS256","kid":' + b"[" * 2000 + b"]" * 2000 + b"}"
    return lambda claims: f"{part(deep)}.{part(claims)}.{part(b'signed')}"


def deep_claims(portal):
    """Signed by the portal itself, so it is read."""
    header = {"alg": "RS256", "kid": "first"}
    return lambda claims: serialize_compact(header, b'{"sub":' + b"[" * 5000 + b"]" * 5000 + b"}", portal.key)


def odd_header(portal):
    return lambda claims: f"{part({'alg': 'RS256', 'kid': 'first', 'crit': 5})}.{part(claims)}.{part(b'signed')}"


def no_claims(portal):
    return lambda claims: serialize_compact({"alg": "RS256", "kid": "first"}, b"[1]", portal.key)


def by_other_key(portal):
    other = RSAKey.generate_key(2048, {"kid": "first"})
    return lambda claims: portal.sign(claims, other)


def by_unknown_key(portal):
    other = RSAKey.generate_key(2048, {"kid": "other"})
    return lambda claims: portal.sign(claims, other)


def by_rs512(portal):
    return lambda claims: portal.sign(claims, alg="RS512")


def cut_short(portal):
    return lambda claims: portal.sign(claims)[:-4]


def no_token(portal):
    return lambda claims: "not.a.token"


def no_text(portal):
    return lambda claims: None


FORGERIES = [
    *(unsigned, by_public_key, by_other_key, by_unknown_key, by_rs512),
    *(cut_short, no_token, no_text, deep_header, deep_claims, odd_header, no_claims),
]


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda one: one.__name__)
def test_a_token_the_portal_did_not_sign_proves_nothing(pages, portal, zhang, forgery):
    portal.signed = forgery(portal)
    assert refused(logged_in(Visitor(pages), portal), 403, "未通过核验")


@pytest.mark.parametrize("alg", ["ES256", "PS256"])
def test_other_good_signatures_are_taken_among_keys_that_are_not(pages, portal, zhang, alg):
    key = ECKey.generate_key("P-256", {"kid": "k"}) if alg == "ES256" else RSAKey.generate_key(2048, {"kid": "k"})
    portal.keys = [key]
    portal.signed = lambda claims: portal.sign(claims, key, alg=alg, unheard="of")
    more = [
        {"kty": "RSA", "use": "enc"},
        {"kty": "OKP", "crv": "X"},
        {"kty": "RSA", "n": "?"},
        {"kty": "EC", "crv": "SM2"},
        "no key",
    ]
    jwks = {"keys": [*more, *portal.jwks()["keys"]]}
    portal.answers["/jwks"] = lambda: (jwks, 200)
    assert logged_in(Visitor(pages), portal).status_code == 303


@pytest.mark.filterwarnings("ignore:Key size should be")  # what the library says when it reads one
def test_a_weak_key_verifies_nothing(pages, portal, zhang):
    weak = RSAKey.import_key(rsa.generate_private_key(65537, 1024), {"kid": "weak"})  # noqa: S505
    portal.keys, portal.signed = [weak], lambda claims: portal.sign(claims, weak)
    assert refused(logged_in(Visitor(pages), portal), 503, "应答有误")


def test_what_the_portal_publishes_is_kept_and_new_keys_are_looked_for_once_a_minute(pages, portal, zhang, clock):
    for _ in range(2):
        assert logged_in(Visitor(pages), portal).status_code == 303
    assert (portal.count("/.well-known/openid-configuration"), portal.count("/jwks")) == (1, 1)
    portal.key = RSAKey.generate_key(2048, {"kid": "second"})
    portal.keys.append(portal.key)
    assert refused(logged_in(Visitor(pages), portal), 403, "未通过核验")  # the keys were read within this minute
    assert portal.count("/jwks") == 1
    clock[0] += timedelta(seconds=61)
    assert logged_in(Visitor(pages), portal).status_code == 303
    assert portal.count("/jwks") == 2
    clock[0] += timedelta(hours=1)
    portal.claims = at(iat=timedelta(hours=1), exp=timedelta(hours=2))
    assert logged_in(Visitor(pages), portal).status_code == 303
    assert (portal.count("/.well-known/openid-configuration"), portal.count("/jwks")) == (2, 3)


def test_who_has_no_key_is_told_so_and_whom_to_ask_and_the_log_names_nobody(pages, portal, zhang, caplog):
    portal.user = "<b>li & 002</b>"
    answer = logged_in(Visitor(pages), portal)
    assert refused(answer, 403, "没有为您设置")
    assert "&lt;b&gt;li &amp; 002&lt;/b&gt;" in answer.text
    assert "<b>li" not in answer.text
    assert "联系" in words(answer.text)
    assert "no key of person" in caplog.text
    assert "002" not in caplog.text


def test_a_key_that_ended_or_is_used_from_elsewhere_lets_nobody_in(pages, portal, clock):
    number = keyed(pages.town, portal)
    visitor = Visitor(pages)
    assert logged_in(visitor, portal).status_code == 303
    access.revoke(pages.town.store, number, at=NOW)
    assert visitor.get(PLACE).status_code == 303
    assert refused(logged_in(visitor, portal), 403, "没有为您设置")
    far = keyed(pages.town, portal, networks=("10.9.0.0/16",))
    assert refused(logged_in(visitor, portal), 403, "没有为您设置")
    access.revoke(pages.town.store, far, at=NOW)
    keyed(pages.town, portal)
    clock[0] += timedelta(days=10)
    portal.claims = at(iat=timedelta(days=10), exp=timedelta(days=11))
    assert refused(logged_in(visitor, portal), 403, "没有为您设置")


def test_the_same_subject_at_another_portal_is_somebody_else(pages, portal):
    grant = Grant("auditor", "", NOW.date() + timedelta(days=9))
    access.create_for(pages.town.store, grant, Person("https://before.example", portal.user), today=NOW.date())
    assert refused(logged_in(Visitor(pages), portal), 403, "没有为您设置")


def test_people_may_be_named_by_another_claim(copied, desk, door, portal):
    own = replace(door, registration=replace(door.registration, subject="staff_number"))
    guard = guarded(copied, lambda: desk, is_sandbox=False, portal=own)
    keyed(copied, portal, login="A-17")
    assert "scope=openid+profile" in set_out(Visitor(guard))
    portal.claims = {"staff_number": "A-17"}
    assert logged_in(Visitor(guard), portal).status_code == 303
    portal.claims = {}
    assert refused(logged_in(Visitor(guard), portal), 403, "未通过核验")


@pytest.mark.parametrize(
    ("asked", "status", "word"),
    [
        ({"error": "access_denied", "error_description": "<script>"}, 403, "未予登录"),
        ({"error": "<script>"}, 403, "未予登录"),
        ({}, 403, "未予登录"),
        ({"code": "c" * 2049}, 403, "未予登录"),
        ({"code": "made-up"}, 403, "未通过核验"),
    ],
)
def test_what_the_portal_refuses_is_said_and_not_repeated(pages, portal, zhang, asked, status, word, caplog):
    visitor = Visitor(pages)
    place = portal.login(set_out(visitor))
    answer = back(visitor, place, **{"code": None, **asked})
    assert refused(answer, status, word)
    assert "script>" not in (answer.text + caplog.text).replace("</script>", "", 1)  # the page has one of its own
    assert 'href="/ui/login?lang=en"' in answer.text
    assert "jianwei_login" not in visitor.cookies


def test_a_portal_that_knows_the_secret_in_the_body_alone_is_told_it_there(pages, portal, zhang):
    portal.published = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    portal.client.method = "client_secret_post"
    assert logged_in(Visitor(pages), portal).status_code == 303


def test_a_portal_that_does_not_say_how_is_told_the_secret_in_the_header(pages, portal, zhang):
    portal.published = {"token_endpoint_auth_methods_supported": None}
    assert logged_in(Visitor(pages), portal).status_code == 303


def huge():
    return b"[" + b" " * LARGEST + b"]", 200, {"content-type": "application/json"}


def elsewhere():
    return "", 302, {"location": "/authorization"}


def slow():
    """A byte now and then: each comes in time, the whole never."""

    def parts():
        for _ in range(200):
            time.sleep(0.1)
            yield b" "

    return parts(), 200, {"content-type": "application/json"}


WRONG = {
    "huge": huge,
    "elsewhere": elsewhere,
    "no JSON": lambda: ("<html>", 200),
    "no object": lambda: ("[]", 200),
    "broken": lambda: ("{}", 500),
    "empty": lambda: ("{}", 200),
}


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks", "/token"])
@pytest.mark.parametrize("fault", WRONG)
def test_a_portal_that_answers_as_none_does_is_taken_for_away(pages, portal, zhang, path, fault):
    visitor = Visitor(pages)
    if path == "/.well-known/openid-configuration":
        portal.answers[path] = WRONG[fault]
        assert refused(visitor.get("/ui/login/portal"), 503, "暂时无法连接")
        return
    place = portal.login(set_out(visitor))
    portal.answers[path] = WRONG[fault]
    status, word = (403, "未通过核验") if (path, fault) == ("/token", "empty") else (503, "暂时无法连接")
    assert refused(back(visitor, place), status, word)


@pytest.mark.parametrize(
    "published",
    [
        {"issuer": "https://another.example"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": "http://portal.example/token"},
        {"jwks_uri": None},
        {"jwks_uri": "https://["},
        {"jwks_uri": "https:///jwks"},
        {"token_endpoint": ["https://portal.example"]},
    ],
)
def test_a_discovery_document_that_leads_elsewhere_is_not_followed(pages, portal, published):
    portal.published = published
    assert refused(Visitor(pages).get("/ui/login/portal"), 503, "暂时无法连接")


def test_a_portal_that_is_down_is_told_in_words_in_both_languages(copied, desk, door):
    own = replace(door, registration=replace(door.registration, issuer="http://127.0.0.1:9"))
    visitor = Visitor(guarded(copied, lambda: desk, is_sandbox=False, portal=own))
    assert refused(visitor.get("/ui/login/portal"), 503, "暂时无法连接")
    assert refused(visitor.get("/ui/login/portal?lang=en"), 503, "cannot be reached")
    assert refused(visitor.get("/ui/login/leave"), 503, "cannot be reached")


def test_a_slow_portal_is_waited_for_five_seconds_and_holds_up_nobody_else(pages, portal, zhang):
    from calling import answered

    portal.answers["/.well-known/openid-configuration"] = slow
    ended = {}

    async def ask(name, path):
        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        begun = time.monotonic()
        found = await answered(pages, "GET", path, receive)
        ended[name] = found.status, time.monotonic() - begun

    async def together():
        async with asyncio.TaskGroup() as group:
            for number in range(10):
                group.create_task(ask(f"slow {number}", "/ui/login/portal"))
            await asyncio.sleep(0.5)
            group.create_task(ask("page", "/ui/login"))
            group.create_task(ask("key", "/v1/reason-codes"))

    asyncio.run(together())
    waited = [seconds for name, (_, seconds) in ended.items() if name.startswith("slow")]
    assert [status for name, (status, _) in ended.items() if name.startswith("slow")] == [503] * 10
    assert sum(seconds > SECONDS - 1 for seconds in waited) == 8  # of one address; two more were refused at once
    assert max(waited) < SECONDS + 2
    assert (ended["page"][0], ended["key"][0]) == (200, 401)
    assert max(ended["page"][1], ended["key"][1]) < 2


def test_who_leaves_may_leave_the_portal_too(pages, portal, zhang):
    visitor = Visitor(pages)
    logged_in(visitor, portal)
    left = visitor.post("/ui/logout", data={"csrf": visitor.token()})
    assert left.headers["location"] == "/ui/login?left=1"
    assert 'href="/ui/login/leave"' in visitor.get(left.headers["location"]).text
    out = visitor.get("/ui/login/leave")
    assert (out.status_code, out.headers["location"]) == (303, f"{portal.issuer}/end_session?client_id=jianwei")
    assert visitor.get(PLACE).status_code == 303


def test_a_portal_without_a_way_out_is_said_to_have_none(pages, portal):
    portal.published = {"end_session_endpoint": None}
    assert "未提供统一退出地址" in words(Visitor(pages).get("/ui/login/leave").text)


def test_a_store_that_is_away_begins_nothing(pages, portal, zhang):
    visitor = Visitor(pages)
    place = portal.login(set_out(visitor))
    store = pages.town.store
    store.close()
    (store.folder / "store.db").rename(store.folder / "away.db")
    assert refused(back(visitor, place), 503, "服务暂不可用")


def test_where_no_portal_is_named_the_page_says_so_and_there_is_no_way_to_one(classified, desk):
    visitor = Visitor(guarded(classified, lambda: desk, is_sandbox=False))
    assert "login.yaml" in words(visitor.get("/ui/login").text)
    for path in ("portal", "return", "leave"):
        assert visitor.get(f"/ui/login/{path}").status_code == 404
        assert visitor.head(f"/ui/login/{path}").status_code == 303
