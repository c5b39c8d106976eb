"""Help: the same for every role but for what is told of its own key, in both languages, also before the first month."""

from pathlib import Path

import pytest
import yaml
from looking import Visitor, guarded, words
from offices import desk_of

from serving.access import RIGHTS
from serving.http import ProblemError
from serving.pages import guide

ROOT = Path(__file__).resolve().parents[2]
TERMS = yaml.safe_load(guide.GLOSSARY.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def guard(classified):
    desk = desk_of(classified)
    return guarded(classified, lambda: desk)


@pytest.mark.parametrize("role", RIGHTS.roles)
def test_every_role_is_helped_in_both_languages_and_told_of_its_own_key(guard, classified, role):
    visitor = Visitor.of(guard, classified, role, rights=())
    for tongue, said in (
        ("zh", ("不是违法的认定", "不代替", "不自动产生", "（您）", "怎样提出异议", "8 小时")),
        ("en", ("no finding", "(you)", "8 hours")),
    ):
        page = visitor.get(f"/ui/help?lang={tongue}")
        assert page.status_code == 200
        assert len(page.text.encode()) < 150_000
        shown = words(page.text)
        for text in said:
            assert text in shown, text
        assert RIGHTS.labels[role]["label" if tongue == "zh" else "label_en"] in shown
        assert "内部参考，不作为信用评价" in words(visitor.get("/ui/help?lang=zh").text)


def test_rights_and_scope_are_those_of_the_key(guard, classified):
    visitor = Visitor.of(guard, classified, "regulator_city", org="3601", rights=("internal",))
    shown = words(visitor.get("/ui/help").text)
    assert "可见范围：36 3601；" in shown  # offices the town has no names for
    assert "您的权：内部标注信息。" in shown.replace(" ", "")


def test_the_classes_bear_the_measures_of_the_newest_month(guard, classified):
    shown = words(Visitor.of(guard, classified, "auditor").get("/ui/help").text)
    for text in ("A类监管", "D类监管", "投诉举报、大数据监测发现问题"):
        assert text in shown


def test_before_there_is_a_champion_help_is_there_without_measures(classified):
    def closed():
        raise ProblemError("unavailable")

    page = Visitor.of(guarded(classified, closed), classified, "ops").get("/ui/help")
    assert page.status_code == 200
    assert "不受理异议" in words(page.text)


def test_where_disputes_are_taken_it_says_by_when_they_are_answered(copied):
    stated = [{"since": "2020-01-01", "until": None, "basis": "《办法》第九条", "days": 17}]
    text = yaml.safe_dump(stated, allow_unicode=True).replace("'2020-01-01'", "2020-01-01")
    (copied.folder / "profile" / "disputes.yaml").write_text(text, encoding="utf-8")
    desk = desk_of(copied)
    visitor = Visitor.of(guarded(copied, lambda: desk), copied, "regulator_county")
    shown = words(visitor.get("/ui/help").text)
    assert "17 日内" in shown
    assert "《办法》第九条" in shown
    assert "县级监管人员" in shown


def test_whom_to_ask_is_what_the_profile_says(copied):
    path = copied.folder / "profile" / "profile.yaml"
    path.write_text(
        path.read_text(encoding="utf-8") + "\ncontact: {label: 信用监管处, label_en: credit office}\n", "utf-8"
    )
    desk = desk_of(copied)
    visitor = Visitor.of(guarded(copied, lambda: desk), copied, "auditor")
    assert "信用监管处" in words(visitor.get("/ui/help").text)
    assert "credit office" in words(visitor.get("/ui/help?lang=en").text)


def test_the_words_explained_are_those_of_the_glossary_each_in_both_languages():
    known = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8")
    for one in TERMS:
        assert one["zh"] in known, one["zh"]
        assert all(one[name].strip() for name in ("zh", "en", "means", "means_en"))
    assert len({one["zh"] for one in TERMS}) == len(TERMS)
