"""What stands over every page: scope, month, scheme, ledger; who looks and when, also on paper."""

import re
from datetime import date

import pytest
from looking import Visitor, guarded, words
from offices import desk_of
from test_overview import whole
from town import write

from serving.http import ProblemError

PATHS = ("/ui/help", "/ui/overview", "/ui/entities", "/ui/entities/T00010", "/ui/indicators", "/ui/model")


@pytest.fixture(scope="module")
def desk(classified):
    return desk_of(classified)


def line(page):
    """What stands over a page."""
    return words(re.search(r'<p class="standing">.*?</p>', page, re.S)[0])


def test_every_page_says_month_scheme_and_the_root_that_was_verified(classified, desk):
    visitor = Visitor.of(guarded(classified, lambda: desk), classified, "analyst")
    for path in PATHS:
        said = line(visitor.get(path).text)
        assert f"最新数据月 {desk.newest.month}" in said
        assert f"现行方案 {desk.champion.digest[:12]}" in said
        assert f"台账签名已验证 ✓ 根 {desk.newest.head.root[:12]}" in said
    earlier = visitor.get("/ui/entities/T00010?period=2025-11").text
    assert f"最新数据月 {desk.newest.month}" in line(earlier)
    assert "ledger signature verified" in line(visitor.get("/ui/help?lang=en").text)


def test_the_scope_is_told_in_words_with_the_offices_above_it_and_the_departments(copied):
    fields = [{"code": "ecology", "label": "生态环境部门", "label_en": "ecology", "divisions": ["01"]}]
    stated = {"since": date(2020, 1, 1), "until": None, "basis": "b", "field": "industry", "departments": fields}
    profile = whole(copied)
    write(profile.folder / "departments.yaml", [stated])
    desk = desk_of(copied, profile=profile)
    guard = guarded(copied, lambda: desk)

    def said(**grant):
        return line(Visitor.of(guard, copied, "analyst", **grant).get("/ui/help").text).partition(" 最新数据月")[0]

    assert said() == profile.label
    assert said(org="3601") == "3601"  # an office the profile has no name for
    assert said(org="360102") == "3601 东县"
    assert said(org="360799") == "360799"  # one that supervises nobody
    assert said(departments=frozenset({"ecology", "other"})) == f"{profile.label} · 生态环境部门、other"


def test_nothing_is_claimed_where_nothing_can_be_read(copied):
    def none():
        raise ProblemError("unavailable")

    page = Visitor.of(guarded(copied, none), copied, "analyst").get("/ui/help").text
    assert 'class="standing"' not in page
    assert 'class="watermark"' in page


def test_who_looks_and_when_is_marked_on_every_page_but_the_login(classified, desk):
    guard = guarded(classified, lambda: desk)
    page = Visitor.of(guard, classified, "analyst", holder="林一").get("/ui/help").text
    marks = re.findall(r'<span data-who="([^"]+)"></span>', page[page.index('class="watermark"') :])
    assert marks == ["林一 2026-01-03 17:00"] * 3
    assert "watermark" not in Visitor(guard).get("/ui/login").text
