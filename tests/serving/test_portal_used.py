"""The login by the portal as people use it: the service as it runs, by two processes, and Chromium at it."""

import re
from datetime import timedelta

import pytest
import yaml
from browsing import Browser, Seat, chromium, kept
from running import Running, free_port, housed
from town import NOW
from vouching import SECRET, vouching

from serving import access
from serving.access import RIGHTS, Grant, Person


@pytest.fixture(scope="module")
def portal():
    with vouching() as found:
        yield found


@pytest.fixture(scope="module")
def server(classified, portal, tmp_path_factory):
    """The service of a town whose profile names the portal."""
    town, port = housed(classified, tmp_path_factory.mktemp("portal") / "town"), free_port()
    address = f"http://127.0.0.1:{port}"
    portal.client.landing = f"{address}/ui/login/return"
    own = portal.registration
    stated = {"issuer": own.issuer, "client": own.client, "address": address, "label": own.label}
    text = yaml.safe_dump({**stated, "label_en": own.label_en}, allow_unicode=True)
    (town.folder / "profile" / "login.yaml").write_text(text, encoding="utf-8")
    grant = Grant("regulator_county", "360102", NOW.date() + timedelta(days=9), rights=RIGHTS.roles["regulator_county"])
    access.create_for(town.store, grant, Person(own.issuer, portal.user), today=NOW.date())
    with Running(town, "--workers", "2", port=port, JIANWEI_LOGIN_SECRET=SECRET) as found:
        yield found


@pytest.fixture(scope="module")
def browser(server, request):
    with chromium() as found:
        own = Browser(found, server)
        yield own
        kept(request.path.stem, own.tally.document())


def only_the_portal(seat, portal):
    """Whether no other host was asked but the portal, where the browser was led once; forgotten after it."""
    elsewhere = [one for one in seat.elsewhere if not one.startswith(portal.issuer + "/authorization?")]
    was_there = len(seat.elsewhere) == 1
    seat.requests.clear()
    return was_there and not elsewhere


@pytest.mark.parametrize("javascript", [True, False])
def test_a_person_logs_in_at_the_portal_in_either_language_and_leaves_both(browser, portal, javascript):
    context = browser.stranger(javascript=javascript)
    seat = Seat(context, browser.url, (None, "zh", javascript, 1280), browser.tally)
    page = seat.page
    assert seat.go("/ui/overview").status == 200
    assert page.url.endswith("/ui/login?next=/ui/overview")
    assert seat.faults("zh") == []
    browser.shot("login-portal-wide-zh", seat)
    page.get_by_role("link", name="English").click()
    assert page.get_by_role("link", name="统一身份认证登录").count() == 0
    page.get_by_role("link", name="Log in with the portal").click()
    page.wait_for_url(browser.url + "/ui/overview")
    seat.note("/ui/overview")
    assert page.locator("html").get_attribute("lang") == "en"
    assert [one["httpOnly"] for one in context.cookies() if one["name"] == "jianwei_session"] == [True]
    assert not [one for one in context.cookies() if one["name"] == "jianwei_login"]
    page.get_by_role("button", name="log out").click()
    page.wait_for_url(browser.url + "/ui/login?left=1")
    assert only_the_portal(seat, portal)
    assert seat.faults("en") == []
    page.get_by_role("link", name="leave the portal too").click()
    page.wait_for_url(re.compile(re.escape(f"{portal.issuer}/end_session")))
    assert seat.go("/ui/overview").status == 200
    assert page.url.endswith("/ui/login?next=/ui/overview")
    context.close()


def test_who_has_no_key_reads_why_and_whom_to_ask(browser, portal, server):
    context = browser.stranger(width=360)
    seat = Seat(context, browser.url, (None, "zh", True, 360), browser.tally)
    seat.go("/ui/login")
    portal.user, user = "wang-009", portal.user
    try:
        seat.page.get_by_role("link", name="统一身份认证登录").click()
        seat.page.wait_for_url(re.compile("/ui/login/return"))
    finally:
        portal.user = user
    assert "没有为您设置" in seat.main
    assert "wang-009" in seat.main
    seat.messages.clear()  # the browser notes the 403 itself
    assert only_the_portal(seat, portal)
    assert seat.faults("zh") == []
    assert not [one for one in context.cookies() if one["name"] == "jianwei_session"]
    assert "wang-009" not in server.log
    browser.shot("login-unknown-phone-zh", seat)
    seat.page.get_by_role("link", name="English").click()
    assert seat.page.url == browser.url + "/ui/login?lang=en"
    context.close()


def test_the_log_of_the_service_holds_no_code_token_secret_or_person(browser, server, portal):
    assert "login by the portal" in server.log
    assert not re.search(r"code=|state=|eyJ|s3cret|zhang-001", server.log)
