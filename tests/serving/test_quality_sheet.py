"""The page of data quality: what the verb found, for the months it was asked for, and what to do where it was not."""

import json
import shutil

import pytest
from looking import Visitor, guarded, words
from offices import desk_of
from test_quality_verb import survey
from town import Town, settle

from serving.pages import quality as page_of
from serving.quality import write

ROLES = {
    "province_admin": 200,
    "analyst": 200,
    "data_scientist": 200,
    "regulator_city": 200,
    "auditor": 200,
    "ops": 200,
}
ROLES |= {"model_approver": 403, "regulator_county": 403, "department_reader": 403, "integrator_pull": 403}


@pytest.fixture(scope="module")
def reported(classified, tmp_path_factory):
    """A town with a lake of the product's own, whose newest month was looked at by the verb. Read only."""
    folder = tmp_path_factory.mktemp("looked") / "town"
    shutil.copytree(classified.folder, folder)
    own = Town.at(folder)
    settle(own)
    shutil.move(own.home, folder / "small")  # homes are named after their profile
    found = survey(folder, own.profile)
    write(found, folder / "small" / "quality" / "2025-12")
    shutil.move(folder / "small", own.home)
    return own, found.document


@pytest.fixture(scope="module")
def guard(reported):
    desk = desk_of(reported[0])
    return guarded(reported[0], lambda: desk)


@pytest.fixture
def bare(copied):
    """A visitor of a town nobody made a report for, and the folder reports lie in."""
    desk = desk_of(copied)
    visitor = Visitor.of(guarded(copied, lambda: desk), copied, "ops")
    return visitor, copied.home / page_of.FOLDER


def test_alerts_feeds_rejects_and_indicators_of_the_newest_month_are_shown_in_both_languages(guard, reported):
    town, document = reported
    visitor = Visitor.of(guard, town, "auditor")
    for tongue, text in (("zh", "text"), ("en", "text_en")):
        page = visitor.get(f"/ui/quality?lang={tongue}")
        assert page.status_code == 200
        assert len(page.text.encode()) < 150_000
        assert document["alerts"]
        assert all(alert[text] in words(page.text) for alert in document["alerts"])
    moved = [one["code"] for one in document["indicators"] if (one["psi"] or 0) >= page_of.NOTICE_PSI]
    assert all(code in page.text for code in moved)
    assert "2025-12" in page.text
    assert "quality --as-of" not in page.text


@pytest.mark.parametrize(("role", "status"), ROLES.items())
def test_it_is_for_those_who_look_after_data(guard, reported, role, status):
    assert Visitor.of(guard, reported[0], role).get("/ui/quality").status_code == status


def test_where_no_report_was_made_the_page_says_how_to_make_it(bare):
    visitor, _ = bare
    page = visitor.get("/ui/quality")
    assert page.status_code == 200
    assert "jianwei quality --as-of 2025-12" in words(page.text)
    assert "No quality report was made" in words(visitor.get("/ui/quality?lang=en").text)


@pytest.mark.parametrize("text", ["{", "[]", '{"alerts": []}', '{"alerts": 1}', " " * (page_of.LARGEST + 1)])
def test_what_cannot_be_read_is_said_to_be_unreadable(bare, text):
    visitor, folder = bare
    (folder / "2025-12").mkdir(parents=True)
    (folder / "2025-12" / page_of.DOCUMENT).write_text(text, encoding="utf-8")
    page = visitor.get("/ui/quality")
    assert page.status_code == 200
    assert "无法读取" in words(page.text)
    assert "jianwei quality --as-of 2025-12" in words(page.text)


def test_another_month_is_shown_when_it_was_looked_at_and_none_elsewhere(bare, reported):
    visitor, folder = bare
    document = json.loads((reported[0].home / "quality" / "2025-12" / page_of.DOCUMENT).read_text(encoding="utf-8"))
    (folder / "2025-10").mkdir(parents=True)
    (folder / "2025-10" / page_of.DOCUMENT).write_text(json.dumps(document), encoding="utf-8")
    assert "数据质量 2025-10" in words(visitor.get("/ui/quality?month=2025-10").text)
    assert "<option>2025-10</option>" in visitor.get("/ui/quality").text
    assert visitor.get("/ui/quality?month=2025-09").status_code == 404
    for month in ("..", "2025-13", "2025-10/../2025-10", "%2e%2e"):
        assert visitor.get(f"/ui/quality?month={month}").status_code == 422


def test_a_feed_that_brought_few_rows_is_not_told_how_many_and_one_behind_stands_first():
    feed = {
        "item": "I1",
        "label": "甲",
        "label_en": "a",
        "provider": None,
        "source": "s",
        "delay_median": None,
        "last_day": None,
    }
    feeds = [{**feed, "received": 50, "expected": 100.0}, {**feed, "received": 3, "expected": 40.0}]
    feeds += [{**feed, "received": 50, "expected": 50.0}, {**feed, "received": 0, "expected": None}]
    shown = [page_of._feed(one) for one in page_of._behind(feeds)]
    assert [(one["received"], one["share"]) for one in shown] == [("<5", "—"), ("50", "50.0%")]
