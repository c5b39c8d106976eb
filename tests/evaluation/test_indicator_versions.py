"""Versions of the indicators: drafted, reviewed, published by a second person on an impact report, retired."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from types import SimpleNamespace

import pytest

from evaluation import promotion, versions
from evaluation.errors import GateError
from evaluation.promotion import Office, Signer
from features.asof import Month
from features.compiled import queries
from features.indicators.catalogue import load
from features.indicators.system import System
from features.profile import read_profile
from features.records.journal import Journal
from features.signing import SigningError, create_key, verify_key
from features.steps import ResourceError, lock
from tests.world import SMALL

START = datetime(2026, 2, 1, 1, 0, tzinfo=UTC)
EFFECTIVE = Month(2026, 3)


@pytest.fixture(scope="module")
def place():
    profile = read_profile(str(SMALL))
    definitions = load(profile)
    return System.of(profile, definitions), queries(definitions, profile, EFFECTIVE.end)


@pytest.fixture
def office(tmp_path):
    for name in ("training", "li", "wang"):
        create_key(tmp_path / "keys", name)
    keys = tmp_path / "keys"
    return Office(tmp_path, Journal(tmp_path / "journal.jsonl"), keys, verify_key(keys, "training"))


def by(name, days=0, reason="三月起按新口径"):
    return Signer(name, START + timedelta(days=days), reason)


@pytest.fixture
def drafted(office, place):
    return versions.draft(office, *place, name="2026.1", effective=EFFECTIVE, signer=by("li"))


@pytest.fixture
def reviewed(office, drafted):
    return versions.review(office, "2026.1", signer=by("li", 1, None))


def impact_of(office, version):
    moved = {"months": [{"month": "2025-12"}]}
    return versions.save_impact(office, version.name, {"digest": version.digest, "migration": moved})


def published(office, reviewed):
    impact_of(office, reviewed)
    return versions.publish(office, "2026.1", signer=by("wang", 2, None))


def test_a_draft_keeps_its_system_its_queries_and_who_why_and_when(office, place, drafted):
    system, texts = place
    assert (drafted.state, drafted.digest, drafted.effective) == ("draft", system.digest, "2026-03")
    assert (drafted.author, drafted.reason, drafted.acts[0].at) == ("li", "三月起按新口径", START)
    folder = office.home / "indicators" / "2026.1"
    assert (folder / "system.json").read_text(encoding="utf-8") == system.text
    assert {path.stem: path.read_text() for path in (folder / "queries").iterdir()} == texts
    told = json.loads((folder / "entry.json").read_text(encoding="utf-8"))
    assert told == json.loads(json.dumps(drafted.document()))
    assert versions.system_of(office, drafted).digest == system.digest
    assert versions.named(office, system.digest) == "2026.1"
    assert versions.named(office, "0" * 64) is None


def test_a_version_goes_from_draft_to_retired_by_two_persons(office, reviewed):
    assert reviewed.state == "review"
    found = published(office, reviewed)
    report = (office.home / "indicators" / "2026.1" / "impact.json").read_bytes()
    assert (found.state, found.impact) == ("published", sha256(report).hexdigest())
    assert found.acts[-1].details["months"] == ["2025-12"]
    gone = versions.retire(office, "2026.1", signer=by("li", 3, "新版本已发布"))
    assert [act["state"] for act in gone.document()["acts"]] == ["draft", "review", "published", "retired"]
    assert [act["by"] for act in gone.document()["acts"]] == ["li", "li", "wang", "li"]
    told = json.loads((office.home / "indicators" / "2026.1" / "entry.json").read_text(encoding="utf-8"))
    assert (told["state"], told["acts"][-1]["reason"]) == ("retired", "新版本已发布")
    assert promotion.acts(office) == ()  # the journal's other decisions are not touched


def test_a_name_or_a_digest_that_exists_is_refused(office, place, drafted):
    with pytest.raises(GateError, match=r"Version 2026\.1 exists \(draft, by li\).*choose another name"):
        versions.draft(office, *place, name="2026.1", effective=EFFECTIVE, signer=by("wang"))
    with pytest.raises(GateError, match=r"are those of version 2026\.1 \(draft\).*change a definition first"):
        versions.draft(office, *place, name="2026.2", effective=EFFECTIVE, signer=by("wang"))
    assert list(versions.register(office)) == ["2026.1"]


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "present", "二", "x" * 41])
def test_a_version_is_called_something_that_stays_in_its_folder(office, place, name):
    with pytest.raises(GateError, match="A version cannot be called"):
        versions.draft(office, *place, name=name, effective=EFFECTIVE, signer=by("li"))
    assert not office.journal.path.exists()


def test_a_draft_and_a_retirement_need_a_reason(office, place):
    with pytest.raises(GateError, match="drafted without a reason"):
        versions.draft(office, *place, name="2026.1", effective=EFFECTIVE, signer=by("li", reason=" "))
    versions.draft(office, *place, name="2026.1", effective=EFFECTIVE, signer=by("li"))
    with pytest.raises(GateError, match="retired without a reason"):
        versions.retire(office, "2026.1", signer=by("li", reason=None))


def test_a_person_without_a_key_drafts_nothing(office, place):
    with pytest.raises(SigningError, match="nobody"):
        versions.draft(office, *place, name="2026.1", effective=EFFECTIVE, signer=by("nobody"))
    assert versions.register(office) == {}
    again = versions.draft(office, *place, name="2026.1", effective=EFFECTIVE, signer=by("li"))
    assert versions.system_of(office, again).digest == place[0].digest


def test_nobody_publishes_an_own_version_not_even_under_another_name(office, reviewed):
    impact_of(office, reviewed)
    for suffix in ("pem", "pub"):
        shutil.copy(office.keys / f"li.{suffix}", office.keys / f"alias.{suffix}")
    for name in ("li", "alias"):
        with pytest.raises(GateError, match="with the same key; expected another person's"):
            versions.publish(office, "2026.1", signer=by(name))
    assert versions.find(office, "2026.1").state == "review"


def test_a_version_without_an_impact_report_of_its_definitions_is_not_published(office, reviewed):
    advice = r"no impact report of its definitions .*run jianwei indicators impact 2026\.1 first"
    with pytest.raises(GateError, match=advice):
        versions.publish(office, "2026.1", signer=by("wang"))
    versions.save_impact(office, "2026.1", {"digest": "e" * 64})
    with pytest.raises(GateError, match=advice):
        versions.publish(office, "2026.1", signer=by("wang"))
    assert published(office, reviewed).state == "published"


def test_where_there_is_a_champion_a_report_that_compares_no_classes_is_not_enough(office, reviewed, monkeypatch):
    nobody = {"months": [], "missing": "no scheme was trained on these definitions"}
    versions.save_impact(office, "2026.1", {"digest": reviewed.digest, "migration": nobody})
    with monkeypatch.context() as reigning:
        reigning.setattr(versions, "champion", lambda office: SimpleNamespace(scheme="c" * 64))
        with pytest.raises(
            GateError, match=r"compares no month's classes .* no scheme was trained on these definitions"
        ):
            versions.publish(office, "2026.1", signer=by("wang"))
        former = {"champion": "f" * 64, "months": [{"month": "2025-12"}], "missing": None}
        versions.save_impact(office, "2026.1", {"digest": reviewed.digest, "migration": former})
        with pytest.raises(GateError, match="this champion came later"):
            versions.publish(office, "2026.1", signer=by("wang"))
        mute = {**nobody, "champion": "c" * 64, "comparable": False}
        versions.save_impact(office, "2026.1", {"digest": reviewed.digest, "migration": mute})
        assert versions.publish(office, "2026.1", signer=by("wang")).state == "published"


def test_with_the_champion_s_classes_compared_a_version_is_published(office, reviewed, monkeypatch):
    moved = {"champion": "c" * 64, "months": [{"month": "2025-12"}], "missing": None}
    versions.save_impact(office, "2026.1", {"digest": reviewed.digest, "migration": moved})
    monkeypatch.setattr(versions, "champion", lambda office: SimpleNamespace(scheme="c" * 64))
    assert versions.publish(office, "2026.1", signer=by("wang")).state == "published"


def test_where_there_are_versions_only_a_published_one_may_be_promoted(office, drafted):
    with pytest.raises(GateError, match=r"version 2026\.1, which is draft; expected a published version"):
        versions.check_promotable(office, drafted.digest)
    published(office, versions.review(office, "2026.1", signer=by("li", 1, None)))
    versions.check_promotable(office, drafted.digest)
    with pytest.raises(GateError, match="no version of this home; expected a published version"):
        versions.check_promotable(office, "e" * 64)
    versions.retire(office, "2026.1", signer=by("li", 3))
    with pytest.raises(GateError, match="which is retired"):
        versions.check_promotable(office, drafted.digest)
    versions.check_promotable(office, "e" * 64)  # versions that are all retired bind nobody else


def test_without_versions_nothing_is_asked_of_what_is_promoted(office):
    versions.check_promotable(office, "e" * 64)


def test_a_version_takes_effect_in_its_month(office, drafted):
    for month in (EFFECTIVE, Month(2027, 1)):
        versions.check_in_effect(office, drafted.digest, month)
    versions.check_in_effect(office, "e" * 64, Month(2020, 1))
    with pytest.raises(
        GateError, match=r"version 2026\.1 of the indicators, in effect from 2026-03; asked was for 2026-02"
    ):
        versions.check_in_effect(office, drafted.digest, Month(2026, 2))


def test_a_step_out_of_order_is_refused_with_the_next_one(office, drafted):
    with pytest.raises(GateError, match=r"is draft; to be published it must be review.*indicators review 2026\.1"):
        versions.publish(office, "2026.1", signer=by("wang"))
    versions.review(office, "2026.1", signer=by("li"))
    with pytest.raises(GateError, match=r"is review; to be review it must be draft.*indicators publish 2026\.1"):
        versions.review(office, "2026.1", signer=by("li"))
    versions.retire(office, "2026.1", signer=by("li"))
    with pytest.raises(GateError, match=r"is retired; .*draft a new version"):
        versions.publish(office, "2026.1", signer=by("wang"))


def test_a_version_nobody_drafted_is_not_found(office, drafted):
    with pytest.raises(GateError, match=r"no version '2027\.1' of the indicators; there are 2026\.1"):
        versions.review(office, "2027.1", signer=by("li"))


def test_a_text_that_was_altered_is_not_published(office, reviewed):
    impact_of(office, reviewed)
    path = office.home / "indicators" / "2026.1" / "system.json"
    path.write_text(path.read_text(encoding="utf-8").replace("近12个月", "近13个月"), encoding="utf-8")
    with pytest.raises(GateError, match=r"is not the text that version 2026\.1 was drafted with"):
        versions.publish(office, "2026.1", signer=by("wang"))


def test_an_entry_nobody_signed_is_not_believed(office, drafted):
    office.journal.append(versions.PUBLISHED, {"version": "2026.1", "by": "wang"}, at=START, actor="wang")
    with pytest.raises(GateError, match=r"Journal entry 2 \(indicators\.published\) by wang: its signature"):
        versions.register(office)


def test_two_at_once_do_not_draft(office, place):
    with lock(office.home / "indicators", "someone else"), pytest.raises(ResourceError, match="someone else"):
        versions.draft(office, *place, name="2026.1", effective=EFFECTIVE, signer=by("li"))


def test_what_a_draft_left_that_was_killed_is_replaced(office, place):
    left = office.home / "indicators" / "2026.1"
    left.mkdir(parents=True)
    (left / "system.json").write_text("half")
    found = versions.draft(office, *place, name="2026.1", effective=EFFECTIVE, signer=by("li"))
    assert versions.system_of(office, found).digest == place[0].digest


def test_another_system_is_another_version(office, place, drafted):
    system, texts = place
    fewer = replace(system.definitions, indicators=system.definitions.indicators[1:], digest="f" * 64)
    other = versions.draft(
        office, replace(system, definitions=fewer), texts, name="2026.2", effective=EFFECTIVE, signer=by("li")
    )
    assert [one.name for one in versions.register(office).values()] == ["2026.1", "2026.2"]
    assert other.digest != drafted.digest
