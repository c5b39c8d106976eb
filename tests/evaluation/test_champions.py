"""The page of champions: terms that follow each other, two people each, evidence, both languages."""

import re

from evaluation import champions
from evaluation.promotion import APPROVED, PROPOSED, ROLLED_BACK
from tests.evaluation import evidence as example
from tests.evaluation.test_report import Balanced

FIRST, SECOND = "ab" * 32, "cd" * 32


def act(seq, action, by, scheme, *, at, proposal=None, reason=None):
    verdict = "promote" if action == PROPOSED else None
    return {
        "seq": seq, "at": f"2026-{at}T01:00:00+00:00", "action": action, "by": by, "key": "0" * 64, "scheme": scheme,
        "verdict": verdict, "verdict_digest": "1" * 64 if verdict else None,
        "report_digest": "2" * 64 if verdict else None, "reason": reason, "proposal": proposal, "entry": f"e{seq}" * 8,
    }  # fmt: skip


ACTS = [
    act(1, PROPOSED, "li", FIRST, at="01-02"),
    act(2, APPROVED, "wang", FIRST, at="01-05", proposal="e1" * 8),
    act(3, PROPOSED, "li", SECOND, at="04-02", reason="<b>retrained</b>"),
    act(4, APPROVED, "zhao", SECOND, at="04-08", proposal="e3" * 8),
    act(5, ROLLED_BACK, "wang", FIRST, at="05-01", proposal="e1" * 8, reason="drift"),
]


def test_terms_follow_each_other_and_the_last_lasts():
    found = champions.terms(ACTS)
    assert [(term["decided"]["scheme"], term["since"][5:10], (term["until"] or "")[5:10]) for term in found] == [
        (FIRST, "05-01", ""), (SECOND, "04-08", "05-01"), (FIRST, "01-05", "04-08"),
    ]  # fmt: skip
    assert [term["proposal"]["by"] for term in found] == ["li", "li", "li"]
    assert champions.terms([]) == []
    assert champions.terms(ACTS[:1]) == []


def test_the_page_names_who_when_and_on_which_evidence(tmp_path):
    (tmp_path / FIRST[:16]).mkdir()
    page = champions.render(ACTS, example.profile(tmp_path), tmp_path)
    reader = Balanced()
    reader.feed(page)
    assert reader.wrong == []
    for text in ("li", "wang", "zhao", "drift", "2026-04-08 09:00", FIRST[:16], SECOND[:16], "1" * 16, "2" * 16):
        assert text in page
    assert f'href="{FIRST[:16]}/report.html"' in page
    assert f'href="{SECOND[:16]}/report.html"' not in page
    assert "<b>retrained" not in page
    assert page.count("内部参考，不作为信用评价") == 2
    assert len(re.findall(r'<span class="zh">', page)) == len(re.findall(r'<span class="en"', page))
    assert page == champions.render(ACTS, example.profile(tmp_path), tmp_path)


def test_a_place_without_a_champion_has_a_page(tmp_path):
    assert "No scheme has been promoted yet" in champions.render([], example.profile(tmp_path), tmp_path)
