"""The main paths clicked through in Chromium: an objection from search to reply, by two persons; a filter kept."""

import re

import pytest
from aids import A4, WIDER, audited, cut_off, poppler, tabbed

STATEMENT = "所列处罚记录不是本主体的，请核对。"
REPLY = "经核实，该记录归错主体，已请来源单位更正。" + "x" * 120
FIRST, SECOND = ("regulator_county", "林一"), ("regulator_city", "周二")
SEEN = [(True, 1280), (False, 1280), (True, 360)]


@pytest.fixture
def desk_for(browser):
    """Makes windows of nobody yet; closed after the test."""
    opened = []

    def window(javascript, width=1280):
        held = browser.alone(None, javascript=javascript, width=width)
        opened.append(held)
        return held.__enter__()

    yield window
    for one in opened:
        one.__exit__(None, None, None)


def log_in(seat, browser, who):
    seat.go("/ui/login")
    seat.page.locator("#key").fill(browser.key(*who))
    seat.page.locator("main button").click()
    seat.page.wait_for_url(re.compile(r"/ui/(?!login)"))


def log_out(seat):
    seat.page.locator(".who form button").click()
    seat.page.wait_for_url(re.compile(r"/ui/login"))


def menu(seat, name):
    seat.page.get_by_role("navigation", name="主导航").get_by_role("link", name=name, exact=True).click()


def fine(seat, browser, axe):
    """Nothing is wrong with the page one came to, which is counted."""
    path = seat.page.url.removeprefix(browser.url)
    seat.note(path)
    found = [*seat.faults("zh"), *seat.page.evaluate(WIDER)]
    if axe is not None:
        found += audited(seat, axe, browser.tally)
    assert (path, found) == (path, [])


def number_of(seat):
    return re.search(r"/ui/disputes/([0-9a-f]{26})$", seat.page.url)[1]


def handed_in(seat, code):
    """Hand in an objection, from the search on."""
    page = seat.page
    menu(seat, "名单与查询")
    page.get_by_label("代码或名称").fill(code)
    page.get_by_role("button", name="查询", exact=True).click()
    page.get_by_role("link", name=code, exact=True).click()
    page.get_by_label("异议事项").select_option("identity")
    page.get_by_label("异议内容与理由").fill(STATEMENT)
    page.get_by_role("button", name="提交异议").click()
    page.wait_for_url(re.compile(r"/ui/disputes/[0-9a-f]{26}$"))
    return number_of(seat)


@pytest.mark.parametrize(("javascript", "width"), SEEN)
def test_an_objection_goes_from_the_search_to_the_reply_by_two_persons(browser, desk_for, axe, javascript, width):
    seat, script = desk_for(javascript, width), axe if javascript else None
    page = seat.page
    log_in(seat, browser, FIRST)
    number = handed_in(seat, "T00003")
    fine(seat, browser, script)
    assert "办理中" in seat.main
    assert "由您本人提出" in seat.main
    assert STATEMENT not in seat.main
    log_out(seat)
    log_in(seat, browser, SECOND)
    menu(seat, "异议办理")
    fine(seat, browser, script)
    page.get_by_role("link", name=number).click()
    fine(seat, browser, script)
    assert STATEMENT in seat.main
    browser.shot(f"page_dispute-decides-{width}-{javascript}", seat)
    page.locator("form.stacked").evaluate("(one) => { one.noValidate = true; }")
    with page.expect_event("console"):  # the browser's own word on the status
        page.get_by_role("button", name="办结").click()
    seat.messages.clear()
    page.get_by_text("未办理").wait_for()
    fine(seat, browser, script)
    page.get_by_label("办理结果").select_option("upheld")
    page.get_by_label(re.compile("答复")).fill(REPLY)
    page.get_by_role("button", name="办结").click()
    page.wait_for_url(re.compile(rf"/ui/disputes/{number}$"))
    page.get_by_text("异议已办结").wait_for()
    fine(seat, browser, script)
    assert page.get_by_role("button", name="办结").count() == 0
    menu(seat, "异议办理")
    assert page.get_by_role("link", name=number).count() == 0
    log_out(seat)
    log_in(seat, browser, FIRST)
    menu(seat, "异议办理")
    page.get_by_role("link", name=re.compile("本人提出")).click()
    fine(seat, browser, script)
    page.get_by_role("link", name=number).click()
    fine(seat, browser, script)
    for said in ("异议成立", REPLY, "周二", "不直接改变类别"):
        assert said in seat.main


def test_who_decides_later_than_another_is_told_so(browser, desk_for, axe):
    first, second, third = (desk_for(True) for _ in range(3))
    people = (FIRST, SECOND, ("province_admin", "蔡三"))
    for seat, who in zip((first, second, third), people, strict=True):
        log_in(seat, browser, who)
    number = handed_in(first, "T00006")
    for seat in (second, third):
        seat.go(f"/ui/disputes/{number}")
        seat.page.get_by_label("办理结果").select_option("rejected")
    for seat, reply in ((second, "经核实无误。"), (third, "另有意见。")):
        seat.page.get_by_label(re.compile("答复")).fill(reply)
        seat.page.get_by_role("button", name="办结").click()
        seat.page.get_by_text("办结时间").wait_for()
    assert "未保存" in third.main
    assert "经核实无误。" in third.main
    assert "另有意见" not in third.main
    fine(third, browser, axe)


@pytest.mark.parametrize("javascript", [True, False])
def test_by_keyboard_alone_one_hands_in_and_another_decides(browser, desk_for, javascript):
    first, second = desk_for(javascript), desk_for(javascript)
    log_in(first, browser, FIRST)
    log_in(second, browser, SECOND)
    first.go("/ui/entities/T00009")
    keys = first.page.keyboard
    tabbed(first.page, "#dispute-kind", 300)
    keys.press("Home")
    tabbed(first.page, "#dispute-statement")
    keys.type(STATEMENT)
    tabbed(first.page, "form.stacked button")
    keys.press("Enter")
    first.page.wait_for_url(re.compile(r"/ui/disputes/[0-9a-f]{26}$"))
    number = number_of(first)
    assert "分类结果" in first.main
    second.go("/ui/disputes")
    keys = second.page.keyboard
    tabbed(second.page, f'a[href="/ui/disputes/{number}"]', 300)
    keys.press("Enter")
    second.page.wait_for_url(re.compile(number))
    tabbed(second.page, "#dispute-outcome")
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    tabbed(second.page, "#dispute-reply")
    keys.type("已部分更正。")
    tabbed(second.page, "form.stacked button")
    keys.press("Enter")
    second.page.get_by_text("异议已办结").wait_for()
    assert "部分成立" in second.main
    first.go(f"/ui/disputes/{number}")
    assert "已部分更正。" in first.main


def test_what_was_decided_prints_whole_to_a4(browser, desk_for, tmp_path):
    seat = desk_for(True)
    log_in(seat, browser, FIRST)
    number = handed_in(seat, "T00012")
    log_out(seat)
    log_in(seat, browser, SECOND)
    seat.go(f"/ui/disputes/{number}")
    seat.page.get_by_label("办理结果").select_option("withdrawn")
    seat.page.get_by_label(re.compile("答复")).fill(REPLY)
    seat.page.get_by_role("button", name="办结").click()
    seat.page.get_by_text("异议已办结").wait_for()
    paper = tmp_path / "page.pdf"
    seat.page.pdf(path=paper, prefer_css_page_size=True, print_background=True)
    size = re.search(r"Page size:\s+([\d.]+) x ([\d.]+)", poppler("pdfinfo", str(paper)))
    assert tuple(round(float(one)) for one in size.groups()) == A4
    text = re.sub(r"\s", "", poppler("pdftotext", str(paper), "-"))
    for said in ("已撤回", "归错主体", "周二", number, STATEMENT):
        assert said in text
    assert cut_off(paper) == []


@pytest.mark.parametrize(("javascript", "width"), SEEN)
def test_a_filter_is_kept_found_again_used_and_deleted(browser, desk_for, axe, javascript, width):
    seat, script = desk_for(javascript, width), axe if javascript else None
    page, name = seat.page, f"每周重点 {javascript} {width}"
    log_in(seat, browser, SECOND)
    menu(seat, "名单与查询")
    page.locator("select[name=class]").select_option("CD")
    page.get_by_role("button", name="查询", exact=True).click()
    page.wait_for_url(re.compile("class=CD"))
    page.get_by_label("将当前查询保存为").fill(name)
    page.get_by_role("button", name="保存", exact=True).click()
    page.get_by_role("link", name=name).wait_for()
    fine(seat, browser, script)
    menu(seat, "异议办理")
    menu(seat, "名单与查询")
    assert page.locator("select[name=class]").input_value() == ""
    page.get_by_role("link", name=name).click()
    page.wait_for_url(re.compile("class=CD"))
    assert page.locator("select[name=class]").input_value() == "CD"
    classes = page.locator(".wide tbody tr > td:nth-child(7) .class").all_inner_texts()
    assert classes
    assert set(classes) <= {"C", "D"}
    page.get_by_role("button", name=f"删除 {name}").click()
    page.wait_for_url(re.compile(r"/ui/entities$"))
    assert page.get_by_role("link", name=name).count() == 0
    fine(seat, browser, script)


def test_how_much_was_clicked_is_told(browser, record_property):
    for name, value in browser.tally.document().items():
        record_property(name, value)
    assert {"/ui/disputes", "/ui/entities"} <= {path for path, *_ in browser.tally.states}
    assert browser.tally.findings["serious"] == browser.tally.findings["critical"] == 0
