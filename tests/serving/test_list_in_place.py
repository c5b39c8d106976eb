"""A search in Chromium brings its list and nothing else of the page; without a list the whole page it is."""

import re

import pytest

CLASSES = "[...document.querySelectorAll('#found tbody tr')].map((one) => one.querySelector('.class').textContent)"


@pytest.fixture
def seat(browser):
    with browser.alone("analyst") as opened:
        opened.go("/ui/entities")
        opened.page.evaluate("() => { window.stayed = true; }")
        yield opened


def search(seat, risk):
    seat.page.locator("select[name=class]").select_option(risk)
    seat.page.get_by_role("button", name="查询", exact=True).click()
    seat.page.wait_for_url(re.compile(f"class={risk}"))


def test_a_search_brings_its_list_alone_and_the_address_says_what_is_shown(seat):
    search(seat, "A")
    seat.page.wait_for_function(f"() => {{ const all = {CLASSES}; return all.length && new Set(all).size === 1; }}")
    assert set(seat.page.evaluate(CLASSES)) == {"A"}
    assert seat.page.evaluate("() => window.stayed") is True
    assert "class=A" in seat.page.locator("#tongue").get_attribute("href")
    assert seat.page.get_by_role("button", name="查询", exact=True).evaluate("(one) => one === document.activeElement")
    assert seat.faults("zh") == []
    kept = seat.page.evaluate("() => [localStorage.length, ...Object.keys(sessionStorage)]")
    assert kept == [0, "htmx-current-path-for-history"], "a browser would keep rows of people's businesses"


def test_going_back_shows_the_list_of_before(seat):
    search(seat, "A")
    search(seat, "D")
    seat.page.go_back()
    seat.page.wait_for_url(re.compile("class=A"))
    seat.page.wait_for_function(
        f"() => {{ const all = {CLASSES}; return new Set(all).has('A') && !all.includes('D'); }}"
    )


def test_the_next_page_takes_the_list_s_place(seat):
    first = seat.page.locator("#found tbody tr").first.inner_text()
    seat.page.get_by_role("link", name="下一页").click()
    seat.page.wait_for_url(re.compile("cursor="))
    seat.page.wait_for_function("(first) => document.querySelector('#found tbody tr').innerText !== first", arg=first)
    assert seat.page.evaluate("() => window.stayed") is True


def test_who_is_logged_out_meanwhile_comes_to_the_login(seat):
    seat.page.context.clear_cookies(name="jianwei_session")
    seat.page.get_by_role("button", name="查询", exact=True).click()
    seat.page.wait_for_url(re.compile("/ui/login"))
    assert seat.page.locator("#key").is_visible()
