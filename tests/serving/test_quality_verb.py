"""The verb ``quality``: tables and a page of a month, the same bytes, nothing known later, exit 0 also with alerts."""

import json
import shutil
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from test_cli import ROWS, deliver, typed
from town import Town, settle

from evaluation import health
from features import signing
from features.records import overdue
from features.records.journal import Journal
from serving.explanation import document as explained
from serving.quality import SCHEMAS, Survey, write
from serving.settings import Settings
from serving.workshop import Workshop
from training.sample import MATRIX, PAIRS
from training.scheme import Scheme

DECEMBER = date(2025, 12, 31)


def survey(root, profile, as_of=DECEMBER):
    return Survey(Workshop(Settings(root, root / "mlruns", profile)), as_of, lambda _: None)


@pytest.fixture(scope="module")
def housed(classified, tmp_path_factory):
    """A town with a lake of the product's own and two months published. Read only."""
    folder = tmp_path_factory.mktemp("quality") / "town"
    shutil.copytree(classified.folder, folder)
    settle(Town.at(folder))
    shutil.move(folder / "home", folder / "small")  # homes are named after their profile
    return Town.at(folder)


@pytest.fixture(scope="module")
def found(housed):
    return survey(housed.folder, housed.profile)


@pytest.fixture
def own(housed, tmp_path):
    """A copy of that home, to be changed."""
    shutil.copytree(housed.folder, tmp_path / "own")
    return Town.at(tmp_path / "own")


def digests(folder):
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_every_table_has_its_columns_and_says_what_it_was_made_from(found, tmp_path):
    files = write(found, tmp_path / "out")
    assert sorted(path.name for path in files) == sorted(
        [*(f"{name}.parquet" for name in SCHEMAS), "quality.html", "quality.json"]
    )
    for name, schema in SCHEMAS.items():
        table = pq.read_table(tmp_path / "out" / f"{name}.parquet", page_checksum_verification=True)
        assert table.schema.remove_metadata().equals(schema)
        stated = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
        assert (stated["jianwei.table"], stated["jianwei.as_of"]) == (name, "2025-12-31")
        assert stated["jianwei.notice"] == "内部参考，不作为信用评价"
        assert stated["jianwei.lake"] == found.bench.lake.digest(DECEMBER)
        assert set(table["month"].to_pylist()) <= {"2025-12"}
    assert "内部参考，不作为信用评价" in (tmp_path / "out" / "quality.html").read_text(encoding="utf-8")


def test_the_same_home_gives_the_same_bytes(found, housed, tmp_path):
    write(found, tmp_path / "one")
    write(survey(housed.folder, housed.profile), tmp_path / "two")
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_no_record_known_later_changes_any_byte(found, own, tmp_path):
    shutil.rmtree(own.folder / "small" / "lake")
    event = own.lake.folder / "event.parquet"
    held = pq.read_table(event)
    zone = own.profile.zone
    known = np.array([moment.astimezone(zone).date() <= DECEMBER for moment in held["known_at"].to_pylist()])
    assert 0 < known.sum() < len(known)
    pq.write_table(held.filter(pa.array(known)), event)
    shutil.move(own.folder / "small", own.folder / "home")
    settle(own)
    shutil.move(own.folder / "home", own.folder / "small")
    write(found, tmp_path / "all")
    write(survey(own.folder, own.profile), tmp_path / "then")
    assert digests(tmp_path / "all") == digests(tmp_path / "then")


def test_rows_by_region_add_up_to_their_feed(found):
    items, feeds = (found.tables[name].to_pandas() for name in ("items", "feeds"))
    by_feed = items.groupby(["item", "source"])["received"].sum()
    known = feeds.dropna(subset=["source"]).set_index(["item", "source"])["received"]
    assert len(by_feed) > 0
    assert known.reindex(by_feed.index).tolist() == by_feed.tolist()
    assert {"360102", "360103", "360702"} <= set(items["region"].dropna())


def test_an_item_nobody_sent_is_an_alert_in_both_languages(found):
    (alert,) = [one for one in found.document["alerts"] if one["code"] == overdue.NEVER]
    assert alert["item"] == "I3"
    assert "从未收到" in alert["text"]
    assert "never received" in alert["text_en"]


def test_contributions_are_those_of_the_newest_month_sealed_by_then(found, housed):
    assert found.facts["contributions"] == "2025-12"
    earlier = survey(housed.folder, housed.profile, date(2025, 12, 30))
    assert earlier.facts["contributions"] == "2025-11"
    shares = [one["contribution_share"] for one in found.document["indicators"]]
    assert sum(share for share in shares if share is not None) == pytest.approx(1.0)
    sealed = found.bench.results.month("2025-12")
    lights = [light for light in sealed.rows.to_pylist() if light["status"] == "classified"]
    scheme = housed_scheme(found, sealed)
    lines = [explained(sealed, light, scheme)["contributions"] for light in lights]
    wanted = {code: sum(abs(line.get(code, 0.0)) for line in lines) for code in found.bench.definitions.codes}
    total = sum(wanted.values())
    for one in found.document["indicators"]:
        if one["contribution_share"] is not None:
            assert one["contribution_share"] == pytest.approx(wanted[one["code"]] / total, abs=1e-5)


def housed_scheme(found, sealed):
    home = found.bench.home
    return Scheme.load(home / "schemes" / sealed.head.scheme, signing.verify_key(home / "keys", "trainer"))


def trained(home, known_by, values):
    """A training sample in a home: ten positives, ten others, one indicator that tells them apart."""
    folder = home / "training" / f"o-{known_by}" / "sample"
    folder.mkdir(parents=True)
    (home / "training" / "latest.json").write_text(json.dumps({"outcome": "o", "known_by": known_by, "digest": "d"}))
    label = [True] * 10 + [False] * 10
    pairs = {"part": ["test"] * 20, "stratum": ["headline"] * 20, "label": label, "s": [1.0] * 20}
    pq.write_table(pa.table(pairs), folder / PAIRS, write_page_checksum=True)
    columns = {"kind": pa.array([0] * 20, pa.int8()), "events_12m": values}
    pq.write_table(pa.table(columns), folder / MATRIX, write_page_checksum=True)


def events(found):
    return next(one for one in found.document["indicators"] if one["code"] == "events_12m")


def test_the_predictive_value_is_that_of_the_newest_sample_known_by_then(own):
    home = own.folder / "small"
    assert events(survey(own.folder, own.profile))["auc_missing"] == health.NO_SCHEME
    trained(home, "2026-01-31", [0.0] * 20)
    assert events(survey(own.folder, own.profile))["auc_missing"] == health.SCHEME_LATER
    trained(home, "2025-11-30", [1.0] * 10 + [0.0] * 10)
    after = survey(own.folder, own.profile)
    assert (events(after)["auc"], events(after)["auc_direction"]) == (1.0, "riskier")
    assert after.facts["sample"] == "o-2025-11-30"


def test_before_the_first_month_contributions_are_missing_for_that_reason(housed):
    early = survey(housed.folder, housed.profile, date(2024, 6, 30))
    assert {one["contribution_missing"] for one in early.document["indicators"]} == {health.NO_MONTH}


def test_a_profile_whose_register_knows_no_region_has_one_place(own):
    path = own.folder / "profile" / "catalogue" / "entity.yaml"
    entity = yaml.safe_load(path.read_text(encoding="utf-8"))
    del entity["fields"]["region"]
    path.write_text(yaml.safe_dump(entity, allow_unicode=True), encoding="utf-8")
    settings = yaml.safe_load((own.folder / "profile" / "profile.yaml").read_text(encoding="utf-8"))
    del settings["register"]["region"]
    (own.folder / "profile" / "profile.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    cells = survey(own.folder, own.profile).tables["items"]
    assert set(cells["region"].to_pylist()) == {None}


def test_rejects_say_what_to_do_and_codes_of_an_old_journal_stay_as_they_are(own, at, monkeypatch, tmp_path):
    monkeypatch.setenv("JIANWEI_HOME", str(own.folder))
    monkeypatch.setenv("JIANWEI_NOW", "2025-12-10T09:00:00+08:00")
    assert typed("intake", deliver(tmp_path / "one", ROWS), "--json").json["rejected"] == 1
    old = {"delivery": "old", "source": "s", "refused": None, "rejects": {"of_old": 2}, "backload": None}
    journal = Journal(own.folder / "small" / "journal.jsonl")
    journal.append("intake", {"deliveries": [old]}, at=datetime(2025, 12, 11, tzinfo=UTC), actor="operator")
    rows = {row["code"]: row for row in survey(own.folder, own.profile).document["rejects"]}
    assert (rows["code_unknown"]["record_type"], rows["code_unknown"]["rows"]) == ("entity", 1)
    assert rows["code_unknown"]["advice"]
    assert rows["code_unknown"]["advice_en"]
    assert (rows["of_old"]["record_type"], rows["of_old"]["rows"], rows["of_old"]["advice"]) == (None, 2, None)


@pytest.fixture
def at(housed, monkeypatch, tmp_path):
    monkeypatch.setenv("JIANWEI_HOME", str(housed.folder))
    monkeypatch.setenv("JIANWEI_MLRUNS", str(tmp_path / "mlruns"))
    monkeypatch.setenv("JIANWEI_PROFILE", str(housed.folder / "profile"))
    monkeypatch.setenv("JIANWEI_NOW", "2026-02-03T09:00:00+08:00")


def test_the_verb_prints_one_document_and_ends_well_with_alerts(at, tmp_path):
    said = typed("quality", "--as-of", "2025-12", "--out", tmp_path / "out", "--json")
    assert said.code == 0
    assert (said.json["month"], said.json["as_of"], said.json["notice"]) == (
        "2025-12",
        "2025-12-31",
        "内部参考，不作为信用评价",
    )
    assert said.json["alerts"]
    assert Path(said.json["folder"], "quality.html").is_file()
    assert {feed["item"] for feed in said.json["feeds"]} == {"I1", "I2", "I3"}


def test_the_screen_shows_alerts_feeds_rejects_and_indicators(at, tmp_path):
    said = typed("quality", "--as-of", "2025-12-30", "--out", tmp_path / "out")
    assert said.code == 0
    for title in ("2025-12: data alerts", "Feeds furthest", "Rejects", "Indicators that moved most"):
        assert title in said.out
    assert "DQ002" in said.out
    assert "内部参考，不作为信用评价" in said.err


def test_without_a_date_the_last_whole_month_of_the_lake_is_looked_at_in_the_home(own, at, monkeypatch):
    monkeypatch.setenv("JIANWEI_HOME", str(own.folder))
    found = typed("quality", "--json").json
    assert Path(found["folder"]) == own.folder / "small" / "quality" / found["month"]


@pytest.mark.parametrize("text", ["2026-02", "2026-02-04", "2026-13", "soon", "2025"])
def test_what_is_not_over_or_no_date_is_refused(at, text):
    said = typed("quality", "--as-of", text)
    assert (said.code, said.out) == (2, "")


def test_of_an_empty_lake_nothing_is_said(at, monkeypatch, tmp_path):
    monkeypatch.setenv("JIANWEI_HOME", str(tmp_path / "var"))
    said = typed("quality", "--as-of", "2025-12")
    assert (said.code, said.out) == (20, "")
    assert "jianwei intake" in said.err
