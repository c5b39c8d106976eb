"""Every page of the table of routes, opened in Chromium as each role, also without scripts: whole, from here alone."""

import re

import pytest
from browsing import DOCUMENTS, FILES, LARGEST, PAGES, ROUTES, allowed
from running import until

from serving.access import RIGHTS

REFUSED = "Failed to load resource: the server responded with a status of 403 (Forbidden)"
LIKE = 2  # links to one kind of page that are followed, of those a page has


@pytest.fixture(scope="module")
def followed():
    """How often a role followed links of a kind."""
    return {}


def kind_of(link):
    """What kind of page a link leads to: its route, and what is asked there."""
    path, _, query = link.partition("?")
    name = next((name for name, one in RIGHTS.routes.items() if one.pattern.fullmatch(path)), path)
    return name, tuple(re.findall(r"(?:^|&)([a-z_]+)=", query))


def dead_links(seat, role, followed):
    """Links of an open page that a role cannot follow."""
    found = []
    for link in seat.links():
        kind = (role, *kind_of(link))
        if followed.setdefault(kind, 0) >= LIKE:
            continue
        followed[kind] += 1
        answer = seat.fetched(link)
        if answer.status != 200:
            found.append(f"{link} is {answer.status}")
    return found


@pytest.mark.parametrize("role", RIGHTS.roles)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_for_whom_it_is_and_tells_others_in_words_that_it_does_not(browser, followed, name, role):
    seat = browser.opened(role)
    answer = seat.go(browser.address(name))
    if role in ROUTES[name].roles:
        assert answer.status == 200
        assert seat.faults("zh") == []
        assert dead_links(seat, role, followed) == []
    else:
        assert answer.status == 403
        assert seat.messages == [REFUSED]
        seat.messages.clear()
        assert seat.faults("zh") == []
        assert "您的角色不使用这一页" in seat.main


@pytest.mark.parametrize("name", PAGES)
def test_a_page_reads_the_same_without_scripts(browser, name):
    role = allowed(name)
    read = []
    for javascript in (True, False):
        seat = browser.opened(role, javascript=javascript)
        assert seat.go(browser.address(name)).status == 200
        assert seat.faults("zh") == []
        read.append(seat.main)
    assert read[0] == read[1]
    assert read[0]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_small_and_brings_charts_only_where_there_is_one(browser, name):
    seat = browser.opened(allowed(name))
    size = len(seat.go(browser.address(name)).body())
    browser.tally.largest = max(browser.tally.largest, size)
    assert size <= LARGEST
    drawn = seat.page.locator(".chart").count()
    assert any("echarts" in one for one in seat.requests) == bool(drawn)
    assert until(lambda: seat.page.locator(".chart :is(canvas, svg)").count() >= drawn, 5) or not drawn


@pytest.mark.parametrize("name", PAGES)
def test_english_stays_once_chosen_until_chinese_is(browser, name):
    with browser.alone(allowed(name)) as seat:
        seat.go(browser.address(name))
        at = seat.page.url
        seat.page.get_by_role("link", name="English", exact=True).click()
        seat.page.wait_for_load_state()  # the page of an entity is sent as it is made
        assert seat.faults("en") == []
        assert seat.page.url.partition("?")[0] == at.partition("?")[0]
        seat.go(browser.address(name))
        assert seat.faults("en") == []
        seat.page.get_by_role("navigation").get_by_role("link").last.click()
        seat.page.wait_for_load_state()
        assert seat.faults("en") == []
        seat.page.get_by_role("link", name="中文", exact=True).click()
        seat.go(browser.address(name))
        assert seat.faults("zh") == []


def test_files_are_kept_not_shown(browser):
    for name in FILES:
        answer = browser.opened(allowed(name)).fetched(browser.address(name))
        assert (name, answer.status) == (name, 200)
        assert answer.headers["content-disposition"].startswith("attachment"), name


def test_documents_are_shown_as_they_were_signed_for_and_ask_nobody(browser):
    for name in DOCUMENTS:
        seat = browser.opened(allowed(name))
        assert (name, seat.go(browser.address(name)).status) == (name, 200)
        assert seat.elsewhere == []
        assert seat.messages == []
        assert seat.page.locator("h1").count() == 1


def test_the_login_and_what_is_not_there_are_pages_like_others(browser):
    for language in ("zh", "en"):
        seat = browser.opened(None, language)
        assert seat.go("/ui/login").status == 200
        assert seat.faults(language) == []
        seat = browser.opened("province_admin", language)
        assert seat.go("/ui/nowhere").status == 404
        seat.messages.clear()  # the browser's own word on the status
        assert seat.faults(language) == []


def test_how_many_pages_were_opened_is_told(browser, record_property):
    for name, value in browser.tally.document().items():
        record_property(name, value)
    assert {path for path, *_ in browser.tally.states} >= {browser.address(name) for name in PAGES}
