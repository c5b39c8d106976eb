"""Every page as people use it: on a phone, by keyboard alone, on paper, with aids; and a picture of each."""

import re

import pytest
from aids import A4, WIDER, audited, cut_off, poppler, tabbed
from browsing import NOTICE, SCREENS, SHEETS, WIDTHS, allowed

from serving.access import RIGHTS

PAPER = 688  # pixels between the margins of an A4 sheet
SHEET_PIXELS = 80  # an inch, of a picture of a printed sheet
SQUEEZED = """() => [...document.querySelectorAll("th, td")].filter((one) => {
  const text = one.innerText.trim(), letter = parseFloat(getComputedStyle(one).fontSize);
  return one.checkVisibility() && text.length > 8 && one.clientWidth < 4.5 * letter;
}).map((one) => `${one.clientWidth} px: ${one.innerText.slice(0, 40)}`).slice(0, 9)"""
STOPS = """() => {
  const may = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]';
  const radios = new Set();
  window.stops = [...document.querySelectorAll(may)].filter((one) => {
    if (one.disabled || one.tabIndex < 0 || !one.checkVisibility({visibilityProperty: true})) return false;
    if (one.type !== "radio") return true;
    const group = [...document.getElementsByName(one.name)];
    if (radios.has(one.name) || (group.some((each) => each.checked) && !one.checked)) return false;
    return radios.add(one.name);
  });
  return stops.map((one) => one.outerHTML.slice(0, 120));
}"""
FOCUSED = """() => {
  const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  const inside = box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight;
  return {stop: window.stops.indexOf(one), seen: ring && inside, what: one.outerHTML.slice(0, 120)};
}"""
FOLDED = """() => [...document.querySelectorAll("details > :not(summary)")]
  .filter((one) => !one.checkVisibility() || !one.getBoundingClientRect().height)
  .map((one) => one.outerHTML.slice(0, 120))"""
EDGES = """() => {
  const room = document.documentElement.getBoundingClientRect().right;
  return [...document.querySelectorAll(".notice, .verdict, main > table, main > .wide > table")]
    .filter((one) => one.getBoundingClientRect().right > room - 1).map((one) => one.outerHTML.slice(0, 80));
}"""
each_sheet = pytest.mark.parametrize("name", SHEETS)
each_language = pytest.mark.parametrize("language", ["zh", "en"])


def walked(page):
    """What Tab should stop at on a page, and what it does stop at until it leaves the page."""
    expected = page.evaluate(STOPS)
    found = []
    for _ in range(4 * len(expected) + 20):  # a field of a date has several places to stop at
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUSED)
        if found and at["stop"] in {-1, 0} and found[-1]["stop"] == len(expected) - 1:
            break
        if not found or at["stop"] != found[-1]["stop"]:
            found.append(at)
    return expected, found


@each_sheet
@each_language
def test_a_page_is_pictured_fits_the_screen_of_a_phone_and_has_no_serious_finding(browser, axe, name, language):
    for width, pixels in WIDTHS.items():
        seat = browser.opened(allowed(name), language, width=pixels)
        seat.go(browser.address(name))
        browser.shot(f"{name}-{width}-{language}", seat)
        assert seat.page.evaluate(WIDER) == []
        assert seat.page.evaluate(SQUEEZED) == []
        assert seat.faults(language) == []
        assert audited(seat, axe, browser.tally) == []


def test_a_long_reason_among_those_one_objects_to_does_not_widen_the_page_on_a_phone(browser):
    seat = browser.opened("province_admin", width=WIDTHS["phone"])
    seat.go(browser.address("page_entity"))
    seat.page.evaluate("() => { document.querySelector('#dispute-about option').textContent = '原因'.repeat(80); }")
    assert seat.page.evaluate(WIDER) == []


def test_a_button_prints_where_scripts_run_and_who_looks_stands_on_every_printed_sheet(browser, tmp_path):
    seat, paper = browser.opened("province_admin"), tmp_path / "page.pdf"
    seat.go(browser.address("page_entities"))
    seat.page.evaluate("() => { window.print = () => { window.printed = true; }; }")
    seat.page.get_by_role("button", name="打印").click()
    assert seat.page.evaluate("() => window.printed")
    seat.page.pdf(path=paper, prefer_css_page_size=True)
    sheets = poppler("pdftotext", str(paper), "-").split("\f")[:-1]
    assert len(sheets) > 1
    assert [sheet for sheet in sheets if "林一" not in sheet] == []
    without = browser.opened("province_admin", javascript=False)
    without.go(browser.address("page_entities"))
    assert not without.page.locator("#print").is_visible()


def test_the_login_has_no_serious_finding_of_axe_and_fits_a_phone(browser, axe):
    seat = browser.opened(None, width=360)
    seat.go("/ui/login")
    browser.shot("login-phone-zh", seat)
    assert seat.page.evaluate(WIDER) == []
    assert audited(seat, axe, browser.tally) == []


@each_sheet
def test_tab_leads_to_everything_on_a_page_in_its_order_and_shows_where_it_is(browser, name):
    seat = browser.opened(allowed(name))
    seat.go(browser.address(name))
    expected, found = walked(seat.page)
    assert [one["stop"] for one in found if one["stop"] >= 0] == list(range(len(expected)))
    assert [one["what"] for one in found if not one["seen"]] == []


@each_sheet
def test_the_first_stop_skips_to_the_content(browser, name):
    seat = browser.opened(allowed(name))
    seat.go(browser.address(name))
    seat.page.keyboard.press("Tab")
    assert seat.page.evaluate("() => document.activeElement.matches('.skip')")
    seat.page.keyboard.press("Enter")
    assert seat.page.evaluate("() => document.activeElement.id") == "main"
    seat.page.keyboard.press("Tab")
    assert seat.page.evaluate("() => document.activeElement.closest('body > header, body > nav')") is None


def test_one_comes_in_and_leaves_by_keyboard_alone(browser):
    for javascript in (True, False):
        context = browser.stranger(javascript=javascript)
        page = context.new_page()
        page.goto(browser.url + "/ui/help")
        assert page.url.endswith("/ui/login?next=/ui/help")
        tabbed(page, "#key")
        page.keyboard.type(browser.key("analyst"))
        page.keyboard.press("Enter")
        page.wait_for_url(browser.url + "/ui/help")
        tabbed(page, ".who form button")
        page.keyboard.press("Enter")
        page.wait_for_url(browser.url + "/ui/login")
        page.goto(browser.url + "/ui/help")
        assert page.url.endswith("/ui/login?next=/ui/help")
        context.close()


@each_sheet
@each_language
def test_a_page_prints_to_a4_with_the_notice_and_without_what_only_a_screen_needs(browser, tmp_path, name, language):
    seat = browser.opened(allowed(name), language)
    seat.go(browser.address(name))
    page, paper = seat.page, tmp_path / "page.pdf"
    page.emulate_media(media="print")
    assert page.locator("nav, .skip, .who form, .unprinted").locator("visible=true").count() == 0
    assert page.evaluate(FOLDED) == []
    page.set_viewport_size({"width": PAPER, "height": 900})
    assert page.evaluate(EDGES) == []  # paper ends within a pixel, and would take a border there with it
    page.pdf(path=paper, prefer_css_page_size=True, print_background=True)
    page.emulate_media(media="null")
    seat.note(browser.address(name), "print")
    size = re.search(r"Page size:\s+([\d.]+) x ([\d.]+)", poppler("pdfinfo", str(paper)))
    assert tuple(round(float(one)) for one in size.groups()) == A4
    text = poppler("pdftotext", str(paper), "-")
    assert NOTICE[language].replace(" ", "") in re.sub(r"\s", "", text)
    assert page.locator("h1").inner_text().split()[0] in text
    assert page.locator(".who form button").inner_text() not in text.partition(NOTICE[language][:6])[0]
    assert cut_off(paper) == []
    picture = SCREENS / f"{name}-print-{language}"
    poppler("pdftoppm", "-png", "-r", str(SHEET_PIXELS), "-singlefile", str(paper), str(picture))
    browser.tally.screens += 1


@pytest.mark.slow
@each_sheet
def test_a_page_is_whole_for_every_role_language_and_width_with_and_without_scripts(browser, axe, name):
    states = [
        (role, language, javascript, width)
        for role in RIGHTS.roles
        for language in ("zh", "en")
        for javascript in (True, False)
        for width in WIDTHS.values()
    ]
    for role, language, javascript, width in states:
        with browser.alone(role, language, javascript=javascript, width=width) as seat:
            seat.go(browser.address(name))
            seat.messages[:] = [one for one in seat.messages if "status of 403" not in one]
            found = [*seat.faults(language), *seat.page.evaluate(WIDER)]
            if javascript:  # without scripts its own timers stand still
                found += audited(seat, axe, browser.tally)
            assert (role, language, javascript, width, found) == (role, language, javascript, width, [])


def test_how_much_was_seen_is_told(browser, record_property):
    for name, value in browser.tally.document().items():
        record_property(name, value)
    assert {path for path, *_ in browser.tally.states} >= {browser.address(name) for name in SHEETS}
