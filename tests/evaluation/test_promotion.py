"""Promotion: two keys, one journal, a verified copy, and an answer to who was champion when."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from evaluation import promotion
from evaluation.checks import Coverage
from evaluation.errors import GateError
from evaluation.gate import judge
from evaluation.promotion import Office, Signer
from features.records.journal import Journal, JournalError
from features.signing import SigningError, create_key, signing_key, verify_key
from tests.evaluation import evidence as example
from tests.training import small_scheme
from training.scheme import SchemeError

ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 2, 1, 1, 0, tzinfo=UTC)
REPORT = "ab" * 32


def office_at(home):
    return Office(home, Journal(home / "journal.jsonl"), home / "keys", verify_key(home / "keys", "training"))


@pytest.fixture(scope="module")
def made():
    scheme = small_scheme.scheme_of(small_scheme.make_world())
    return scheme, replace(scheme, training={**scheme.training, "note": "second"})


@pytest.fixture(scope="module")
def fresh_home(made, tmp_path_factory):
    """A home with three keys, and both schemes saved where training leaves them."""
    home = tmp_path_factory.mktemp("fresh")
    for name in ("training", "analyst", "director"):
        create_key(home / "keys", name)
    for number, scheme in enumerate(made):
        scheme.save(home / f"scheme-{number}", signing_key(home / "keys", "training"))
    return home


@pytest.fixture(scope="module")
def promoted_home(made, fresh_home, tmp_path_factory):
    """The same home after the first scheme was promoted on 2 February and the second on 4 March."""
    home = tmp_path_factory.mktemp("promoted") / "home"
    shutil.copytree(fresh_home, home)
    office = office_at(home)
    for number, days in ((0, 0), (1, 30)):
        promote(office, made[number], home / f"scheme-{number}", days=days)
    return home


@pytest.fixture
def office(fresh_home, tmp_path):
    """A home where nothing was promoted yet."""
    shutil.copytree(fresh_home, tmp_path / "home")
    return office_at(tmp_path / "home")


@pytest.fixture
def promoted(promoted_home, tmp_path):
    """A home with two promotions."""
    shutil.copytree(promoted_home, tmp_path / "home")
    return office_at(tmp_path / "home")


@pytest.fixture
def folders(office):
    return office.home / "scheme-0", office.home / "scheme-1"


def signed(by, days=0, reason=None):
    return Signer(by, START + timedelta(days=days), reason)


def verdict_on(scheme, evidence=None):
    return judge(evidence or example.good(), scheme=scheme.digest, on=date(2026, 1, 31))


def promote(office, scheme, folder, days=0, mirror=None):
    promotion.propose(office, verdict_on(scheme), folder=folder, report=REPORT, signer=signed("analyst", days))
    return promotion.approve(office, signer=signed("director", days + 1), mirror=mirror)


def test_a_scheme_proposed_by_one_and_approved_by_another_is_champion(office, made, folders):
    told = []
    entry = promote(office, made[0], folders[0], mirror=told.append)
    found = promotion.champion(office)
    assert found.scheme == made[0].digest
    assert (found.proposal.by, found.decided.by) == ("analyst", "director")
    assert found.decided.report_digest == REPORT
    assert found.decided.verdict_digest == verdict_on(made[0]).digest
    assert told == [made[0].digest]
    pointer = json.loads((office.home / "champion.json").read_text())
    assert pointer == {"scheme": made[0].digest, "entry": entry.digest, "seq": entry.seq}
    kept = promotion.champion_folder(office)
    assert kept == office.home / "schemes" / made[0].digest
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == {
        path.name: path.read_bytes() for path in folders[0].iterdir()
    }


def test_what_may_object_is_told_the_scheme_and_the_verdict_it_rests_on(office, made, folders):
    told = []

    def objects(scheme, verdict):
        told.append((scheme.digest, verdict))

    verdict = verdict_on(made[0])
    promotion.propose(office, verdict, folder=folders[0], report=REPORT, signer=signed("analyst"), check=objects)
    promotion.approve(office, signer=signed("director", 1), check=objects)
    assert told == [(made[0].digest, verdict.digest)] * 2


def test_nobody_approves_an_own_proposal_not_even_under_another_name(office, made, folders):
    promotion.propose(office, verdict_on(made[0]), folder=folders[0], report=REPORT, signer=signed("analyst"))
    for suffix in ("pem", "pub"):
        shutil.copy(office.keys / f"analyst.{suffix}", office.keys / f"alias.{suffix}")
    for name in ("analyst", "alias"):
        with pytest.raises(GateError, match="with the same key"):
            promotion.approve(office, signer=signed(name))
    assert promotion.champion(office) is None


def test_a_failing_verdict_is_never_proposed(office, made, folders):
    failing = replace(example.good(), coverage=Coverage(10, 9, {}, 1))
    insistent = signed("analyst", reason="please")
    with pytest.raises(GateError, match="Only a passing scheme"):
        promotion.propose(office, verdict_on(made[0], failing), folder=folders[0], report=REPORT, signer=insistent)
    assert promotion.acts(office) == ()


def test_a_doubtful_verdict_needs_a_written_reason_that_stays_in_the_journal(office, made, folders):
    doubtful = verdict_on(made[0], replace(example.good(), leakage=None))
    with pytest.raises(GateError, match="propose again with a reason"):
        promotion.propose(office, doubtful, folder=folders[0], report=REPORT, signer=signed("analyst"))
    promotion.propose(office, doubtful, folder=folders[0], report=REPORT, signer=signed("analyst", reason="首次运行"))
    (act,) = promotion.acts(office)
    assert (act.verdict, act.reason) == ("review", "首次运行")


def test_only_what_was_proposed_can_be_approved_and_only_once(office, made, folders):
    with pytest.raises(GateError, match="any scheme is waiting; waiting proposals: none"):
        promotion.approve(office, signer=signed("director"))
    promote(office, made[0], folders[0])
    with pytest.raises(GateError, match="any scheme is waiting"):
        promotion.approve(office, signer=signed("director"))
    promotion.propose(office, verdict_on(made[0]), folder=folders[0], report=REPORT, signer=signed("analyst"))
    with pytest.raises(GateError, match=f"waiting proposals: {made[0].digest[:12]}"):
        promotion.approve(office, made[1].digest, signer=signed("director"))


def test_what_is_approved_is_the_newest_proposal_or_the_one_named(office, made, folders):
    for scheme, folder in zip(made, folders, strict=True):
        promotion.propose(office, verdict_on(scheme), folder=folder, report=REPORT, signer=signed("analyst"))
    shutil.rmtree(folders[0])
    promotion.approve(office, made[0].digest[:8], signer=signed("director"))
    assert promotion.champion(office).scheme == made[0].digest
    promotion.approve(office, signer=signed("director"))
    assert promotion.champion(office).scheme == made[1].digest


def test_a_verdict_on_another_scheme_is_no_proposal(office, made, folders):
    with pytest.raises(GateError, match="expected one and the same"):
        promotion.propose(office, verdict_on(made[0]), folder=folders[1], report=REPORT, signer=signed("analyst"))
    assert promotion.acts(office) == ()


def altered(folder):
    model = folder / "model-0.txt"
    model.write_text(model.read_text().replace("1", "2", 1))


def test_an_altered_folder_is_refused_before_anything_is_recorded(office, made, folders):
    altered(folders[0])
    with pytest.raises(SchemeError):
        promotion.propose(office, verdict_on(made[0]), folder=folders[0], report=REPORT, signer=signed("analyst"))
    assert promotion.acts(office) == ()
    assert not (office.home / "schemes").exists()


def test_a_folder_altered_after_it_was_proposed_is_not_approved(office, made, folders):
    promotion.propose(office, verdict_on(made[0]), folder=folders[0], report=REPORT, signer=signed("analyst"))
    altered(office.home / "schemes" / made[0].digest)
    with pytest.raises(SchemeError):
        promotion.approve(office, signer=signed("director"))
    assert promotion.champion(office) is None


def test_a_copy_a_kill_cut_short_is_made_again(office, made, folders):
    half = office.home / "schemes" / f".{made[0].digest}.copying"
    half.mkdir(parents=True)
    (half / "scheme.json").write_text("{")
    promote(office, made[0], folders[0])
    assert not half.exists()
    assert promotion.champion_folder(office).is_dir()


def test_another_folder_under_the_name_of_a_scheme_is_refused(office, made, folders):
    shutil.copytree(folders[1], office.home / "schemes" / made[0].digest)
    with pytest.raises(GateError, match="does not hold the scheme of its name"):
        promotion.propose(office, verdict_on(made[0]), folder=folders[0], report=REPORT, signer=signed("analyst"))
    assert promotion.acts(office) == ()


def test_the_champion_of_a_day_is_one_question(promoted, made):
    first, second = (scheme.digest for scheme in made)
    assert promotion.champion_on(promoted, date(2026, 2, 1), ZONE) is None
    assert promotion.champion_on(promoted, date(2026, 2, 2), ZONE).scheme == first
    assert promotion.champion_on(promoted, date(2026, 3, 3), ZONE).scheme == first
    assert promotion.champion_on(promoted, date(2026, 3, 4), ZONE).scheme == second
    assert [row["action"] for row in promotion.history(promoted)] == [promotion.PROPOSED, promotion.APPROVED] * 2
    json.dumps(promotion.history(promoted))


def test_a_rollback_names_an_earlier_champion_and_its_evidence(promoted, made):
    told = []
    reason = signed("director", days=40, reason="二月类别迁移异常")
    promotion.rollback(promoted, made[0].digest, signer=reason, mirror=told.append)
    found = promotion.champion(promoted)
    assert found.scheme == made[0].digest == told[0]
    assert found.decided.action == promotion.ROLLED_BACK
    assert found.decided.reason == "二月类别迁移异常"
    assert found.proposal.scheme == made[0].digest


@pytest.mark.parametrize("reason", [None, " "])
def test_a_rollback_needs_a_reason(promoted, made, reason):
    with pytest.raises(GateError, match="expected a reason and a scheme that was champion before"):
        promotion.rollback(promoted, made[0].digest, signer=signed("director", reason=reason))


def test_a_scheme_that_was_never_champion_is_no_way_back(promoted):
    with pytest.raises(GateError, match="was champion before"):
        promotion.rollback(promoted, "ff" * 32, signer=signed("director", reason="r"))


def test_the_pointer_decides_nothing(promoted, made):
    (promoted.home / "champion.json").write_text(json.dumps({"scheme": "00"}))
    assert promotion.champion(promoted).scheme == made[1].digest


def test_an_entry_nobody_signed_is_refused(promoted, made):
    last = list(promoted.journal.entries())[-1]
    forged = {**last.details, "scheme": made[0].digest}
    promoted.journal.append(promotion.APPROVED, forged, at=START, actor="director")
    with pytest.raises(GateError, match="its signature does not hold"):
        promotion.champion(promoted)


def test_an_entry_without_a_signature_is_refused(office):
    office.journal.append(promotion.PROPOSED, {"scheme": "00"}, at=START, actor="analyst")
    with pytest.raises(GateError, match="its signature does not hold"):
        promotion.acts(office)


def test_an_edited_journal_is_refused(promoted):
    lines = promoted.journal.path.read_text().splitlines()
    promoted.journal.path.write_text("\n".join([lines[0].replace(REPORT, "cd" * 32), *lines[1:]]) + "\n")
    with pytest.raises(JournalError):
        promotion.champion(promoted)


def test_a_key_that_does_not_exist_signs_nothing(office, made, folders):
    with pytest.raises(SigningError):
        promotion.propose(office, verdict_on(made[0]), folder=folders[0], report=REPORT, signer=signed("stranger"))
    assert promotion.acts(office) == ()


def test_without_a_champion_nothing_is_opened(office):
    with pytest.raises(GateError, match="has no champion"):
        promotion.champion_folder(office)


def test_other_entries_of_the_journal_are_left_alone(promoted):
    promoted.journal.append("delivery.taken", {"delivery": "x"}, at=START, actor="intake")
    assert len(promotion.acts(promoted)) == 4


def test_a_report_is_named_by_its_bytes():
    assert promotion.report_digest("a") != promotion.report_digest("b")
    assert len(promotion.report_digest("a")) == 64
