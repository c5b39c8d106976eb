"""The model page: who was champion when and on which evidence; what was not signed for is not shown."""

import json
import os
import shutil
from hashlib import sha256

import pytest
from looking import Visitor, guarded, words
from offices import desk_of
from town import NOW, Town

from evaluation.gate import Verdict
from evaluation.promotion import Office, Signer, approve, propose
from evaluation.verdict import Check, Detail
from features import signing
from features.records.journal import Journal
from serving.pages import model as page_of

CARD = "# 模型卡\n<b>not bold</b>\n"
CHECK = Check(
    "EV010", "概率准", "calibrated", "calibration", "at_most", True, False, 0.5, "basis", 0.25, True,
    (Detail("all", 0.25, 0.25, None, True),),
)  # fmt: skip


def report_naming(card):
    return f"<!DOCTYPE html><style>p {{ color: red }}</style><p>model_card.md {sha256(card.encode()).hexdigest()}</p>"


def left(town, scheme):
    return town.home / "reports" / scheme.digest[:16]


def promoted_on(town, *, report=None, check=CHECK):
    """Promote the town's scheme on an evaluation whose files lie where ``evaluate`` leaves them."""
    scheme = town.scheme
    page = report_naming(CARD) if report is None else report
    verdict = Verdict(scheme.digest, "promote", NOW.date(), (check,))
    folder = left(town, scheme)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.html").write_text(page, encoding="utf-8")
    (folder / "model_card.md").write_text(CARD, encoding="utf-8")
    document = {
        "gate": {**json.loads(json.dumps(verdict.document(), default=str)), "digest": verdict.digest},
        "calibration": {
            "shop": {"n": 100, "n_pos": 7, "o_e": 1.1, "o_e_interval": [0.9, 1.3], "slope": 1, "slope_interval": None}
        },
        "discrimination": {
            "auc": 0.8, "auc_interval": [0.7, 0.9],
            "volumes": [{"name": "C+D", "share": 0.12, "capture": 0.4, "capture_interval": None, "lift": 3.3}],
        },
        "random_draw": {
            "A": {"n": 14, "problem_rate": 1 / 14, "interval": [0.01, 0.31]},
            "D": {"n": 4, "problem_rate": 0.75, "interval": [0.2, 0.9]},
        },
        "stability": {"psi_probability": 0.0123},
    }  # fmt: skip
    (folder / "assessment.json").write_text(json.dumps(document), encoding="utf-8")
    office = Office(
        town.home, Journal(town.home / "journal.jsonl"), town.home / "keys",
        signing.verify_key(town.home / "keys", "trainer"),
    )  # fmt: skip
    for name in ("ana", "bo"):
        signing.first_use_key(town.home / "keys", name)
    digest = sha256(page.encode()).hexdigest()
    where = town.home / "schemes" / scheme.digest
    propose(office, verdict, folder=where, report=digest, signer=Signer("ana", NOW, "首次"))
    approve(office, signer=Signer("bo", NOW))
    return digest


@pytest.fixture(scope="module")
def reigning(classified, tmp_path_factory):
    """A town whose champion rests on a report that lies where it was left. Read only."""
    folder = tmp_path_factory.mktemp("reigning") / "town"
    shutil.copytree(classified.folder, folder)
    town = Town.at(folder)
    digest = promoted_on(town)
    desk = desk_of(town)
    return town, digest, guarded(town, lambda: desk)


@pytest.fixture
def own(copied):
    """A town of one's own with such a champion, and an approver who looks at it."""
    digest = promoted_on(copied)
    desk = desk_of(copied)
    return copied, digest, Visitor.of(guarded(copied, lambda: desk), copied, "model_approver")


def test_the_page_says_who_was_champion_by_whom_and_on_which_evidence_in_both_languages(reigning):
    town, digest, guard = reigning
    visitor = Visitor.of(guard, town, "model_approver")
    for tongue, said in (
        ("zh", ("提请", "批准", "至今", "概率准", "通过")),
        ("en", ("proposed", "approved", "now", "calibrated")),
    ):
        page = visitor.get(f"/ui/model?lang={tongue}")
        assert page.status_code == 200
        shown = words(page.text)
        for text in (
            *said,
            town.scheme.digest,
            "ana",
            "bo",
            "首次",
            "2026-01-03 17:00",
            "≤ 0.5",
            "1.10 [0.900, 1.30]",
            "40.0%",
            "A 14 7.1% [1.0%, 31.0%] D <5 —",
        ):
            assert text in shown, text
        assert f'href="/ui/model/report/{digest}"' in page.text
        assert f'href="/ui/model/card/{digest}"' in page.text
        assert len(page.text.encode()) < 150_000


def test_of_a_day_before_the_first_champion_nothing_is_claimed_and_a_day_to_come_is_today(reigning):
    town, _, guard = reigning
    visitor = Visitor.of(guard, town, "auditor")
    assert "还没有现行方案" in words(visitor.get("/ui/model?on=2026-01-02").text)
    assert "2026-01-03 的现行方案" in words(visitor.get("/ui/model?on=2030-01-01").text)
    for day in ("2026-1-2", "soon", "2026-02-30"):
        assert visitor.get(f"/ui/model?on={day}").status_code == 422


def test_a_report_is_served_byte_for_byte_and_can_run_load_and_send_nothing(reigning):
    town, digest, guard = reigning
    found = Visitor.of(guard, town, "regulator_county").get(f"/ui/model/report/{digest}")
    assert (found.status_code, found.text) == (200, report_naming(CARD))
    policy = found.headers.get_list("content-security-policy")
    assert len(policy) == 1
    assert policy[0].startswith("sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:;")
    assert "script-src" not in policy[0]
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["cache-control"] == "no-store"


def test_other_pages_keep_the_policy_of_pages(reigning):
    town, digest, guard = reigning
    visitor = Visitor.of(guard, town, "auditor")
    for path in ("/ui/model", f"/ui/model/card/{digest}", f"/ui/model/report/{'0' * 64}"):
        policy = visitor.get(path).headers.get_list("content-security-policy")
        assert len(policy) == 1
        assert "unsafe-inline" not in policy[0]


def test_the_model_card_is_shown_as_text(reigning):
    town, digest, guard = reigning
    page = Visitor.of(guard, town, "auditor").get(f"/ui/model/card/{digest}")
    assert page.status_code == 200
    assert "&lt;b&gt;not bold&lt;/b&gt;" in page.text
    assert "内部参考，不作为信用评价" in page.text


def test_a_digest_nobody_signed_for_leads_nowhere(own):
    town, _, visitor = own
    stray = "<p>stray</p>"
    (left(town, town.scheme) / "other.html").write_text(stray, encoding="utf-8")
    for digest in (sha256(stray.encode()).hexdigest(), "0" * 64, "report.html", "%2e%2e%2freport.html"):
        for kind in ("report", "card"):
            assert visitor.get(f"/ui/model/{kind}/{digest}").status_code == 404


def test_a_report_that_was_changed_after_it_was_signed_for_is_refused_in_words(own):
    town, digest, visitor = own
    (left(town, town.scheme) / "report.html").write_text("<p>better figures</p>", encoding="utf-8")
    for kind in ("report", "card"):
        refused = visitor.get(f"/ui/model/{kind}/{digest}")
        assert refused.status_code == 404
        assert "better figures" not in refused.text
        assert "与签署时不同" in words(refused.text)
    page = visitor.get("/ui/model").text
    assert "报告与签署时不同" in words(page)
    assert f"/ui/model/report/{digest}" not in page


def test_a_change_of_a_report_is_seen_though_its_size_and_time_are_what_they_were(own):
    town, digest, visitor = own
    path = left(town, town.scheme) / "report.html"
    assert "报告与签署时不同" not in words(visitor.get("/ui/model").text)
    stamp, text = path.stat(), path.read_text(encoding="utf-8")
    path.write_text(text.replace("red", "der"), encoding="utf-8")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert visitor.get(f"/ui/model/report/{digest}").status_code == 404
    assert "报告与签署时不同" in words(visitor.get("/ui/model").text)


def test_a_card_the_report_does_not_name_is_refused(own):
    town, digest, visitor = own
    (left(town, town.scheme) / "model_card.md").write_text("# 另一张", encoding="utf-8")
    assert visitor.get(f"/ui/model/report/{digest}").status_code == 200
    refused = visitor.get(f"/ui/model/card/{digest}")
    assert (refused.status_code, "另一张" in refused.text) == (404, False)


def test_a_card_of_a_report_that_names_no_digests_cannot_be_checked(copied):
    digest = promoted_on(copied, report="<p>an older report</p>")
    desk = desk_of(copied)
    refused = Visitor.of(guarded(copied, lambda: desk), copied, "auditor").get(f"/ui/model/card/{digest}")
    assert refused.status_code == 404
    assert "无从核对" in words(refused.text)


def test_files_that_are_not_here_are_said_not_to_be_here_and_the_acts_stand(own):
    town, digest, visitor = own
    shutil.rmtree(town.home / "reports")
    refused = visitor.get(f"/ui/model/report/{digest}")
    assert refused.status_code == 404
    assert "不在本机" in words(refused.text)
    page = words(visitor.get("/ui/model").text)
    for text in ("报告不在本机", "检查项未列", "ana", "bo"):
        assert text in page


def test_a_report_larger_than_three_megabytes_is_not_sent(copied):
    digest = promoted_on(copied, report="<p>" + "x" * page_of.LARGEST)
    desk = desk_of(copied)
    refused = Visitor.of(guarded(copied, lambda: desk), copied, "auditor").get(f"/ui/model/report/{digest}")
    assert refused.status_code == 404
    assert "超过 3 MB" in words(refused.text)


@pytest.mark.parametrize("change", [{"verdict": "reject"}, {"checks": []}, {"on": "2020-01-01"}])
def test_checks_that_were_not_signed_for_are_left_out(own, change):
    town, _, visitor = own
    path = left(town, town.scheme) / "assessment.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(document | {"gate": document["gate"] | change}), encoding="utf-8")
    page = words(visitor.get("/ui/model").text)
    assert "检查项未列" in page
    assert "概率准" not in page


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"gate": 1}'])
def test_an_assessment_of_another_form_takes_nothing_from_the_acts(own, text):
    town, _, visitor = own
    (left(town, town.scheme) / "assessment.json").write_text(text, encoding="utf-8")
    page = visitor.get("/ui/model")
    assert page.status_code == 200
    assert "检查项未列" in words(page.text)


def test_a_journal_that_does_not_hold_shows_no_champion(own):
    town, _, visitor = own
    path = town.home / "journal.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("首次", "再次"), encoding="utf-8")
    assert visitor.get("/ui/model").status_code == 503


def test_an_operator_reads_no_model_page(reigning):
    town, digest, guard = reigning
    visitor = Visitor.of(guard, town, "ops")
    for path in ("/ui/model", f"/ui/model/report/{digest}", f"/ui/model/card/{digest}"):
        assert visitor.get(path).status_code == 403
