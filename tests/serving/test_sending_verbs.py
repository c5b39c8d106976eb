"""The verbs about what integrators send, through the real entry: returns, and disputes listed, shown and closed."""

import shutil
from datetime import date
from types import SimpleNamespace

import pytest
from offices import desk_of
from posts import extended, holder, post
from sqlalchemy import update
from test_cli import typed
from town import NOW, settle

from features import signing
from serving import reviews
from serving.scoring.routes import application
from serving.store import Store
from serving.tables import API_KEYS

DISPUTE = {"entity": "T00000", "kind": "class", "statement": "不对"}
RESULT = {"entity": "T00000", "inspection": {"inspection_no": "N1", "inspected": "2026-01-02", "trade": "food"}}


@pytest.fixture
def place(copied, tmp_path, monkeypatch):
    """A home of the town's, with a store the verbs and the routes share."""
    town = extended(settle(copied))
    root = tmp_path / "root"
    root.mkdir()
    (root / "small").symlink_to(town.home)
    monkeypatch.setenv("JIANWEI_HOME", str(root))
    monkeypatch.setenv("JIANWEI_PROFILE", str(town.folder / "profile"))
    monkeypatch.setenv("JIANWEI_NOW", NOW.replace(day=5).isoformat())
    monkeypatch.delenv("JIANWEI_STORE", raising=False)
    store = Store(f"sqlite:///{town.home / 'store' / 'store.db'}")
    store.upgrade()
    signing.first_use_key(town.home / "keys", "bo")
    desk = desk_of(town, store)
    yield SimpleNamespace(town=town, app=application(lambda: desk), principal=holder(store), store=store)
    store.close()


def test_results_are_written_once_and_taken_by_the_intake(place):
    assert typed("returns", "--json").json == {"deliveries": []}
    assert post(place.app, "/v1/inspection-results", place.principal, {"results": [RESULT]}).json["accepted"] == 1
    (written,) = typed("returns", "--json").json["deliveries"]
    assert written["rows"] == {"inspection": 1, "inspection_finding": 0}
    taken = typed("intake", written["folder"], "--json").json
    assert (taken["accepted"], taken["rejected"], taken["unmatched"]) == (1, 0, 0)
    assert typed("returns", "--json").json == {"deliveries": []}
    assert "0 deliveries" in typed("returns").err


def test_a_profile_that_takes_no_results_says_so(town, tmp_path, monkeypatch):
    shutil.copytree(town.folder / "profile", tmp_path / "profile")
    monkeypatch.setenv("JIANWEI_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("JIANWEI_PROFILE", str(tmp_path / "profile"))
    said = typed("returns")
    assert (said.code, said.out) == (2, "")
    assert "returns.yaml" in said.err


def test_a_dispute_is_listed_shown_and_closed(place):
    made = post(place.app, "/v1/disputes", place.principal, DISPUTE).json
    (listed,) = typed("disputes", "list", "--json").json["disputes"]
    assert (listed["dispute"], listed["due"], listed["late"]) == (made["dispute"], "2026-01-23", False)
    assert typed("disputes", "show", made["dispute"], "--json").json["statement"] == "不对"
    assert "statement" not in typed("disputes", "list").out
    close = ("disputes", "close", made["dispute"], "--outcome", "rejected", "--reply", "核实无误", "--as")
    assert typed(*close, "demo").code == 50
    assert typed(*close, "bo", "--json").json["state"] == "rejected"
    assert typed(*close, "bo").code == 50
    assert typed("disputes", "list", "--json").json["disputes"] == []
    assert len(typed("disputes", "list", "--all", "--json").json["disputes"]) == 1
    assert typed("disputes", "show", "0" * 26).code == 50
    assert "核实无误" in typed("disputes", "show", made["dispute"]).out


def test_a_dispute_decided_on_the_pages_is_shown_with_its_holder_and_key_and_stays_closed(place):
    made = post(place.app, "/v1/disputes", place.principal, DISPUTE).json["dispute"]
    row, closing = reviews.found(place.store, made), reviews.Closing("upheld", "已更正", "周二", NOW, "0a1b2c3d")
    reviews.check(place.store, row, closing)
    with place.store.writing() as connection:
        reviews.closed(connection, row, closing)
    shown = typed("disputes", "show", made, "--json").json
    assert (shown["state"], shown["by"], shown["key"], shown["reply"]) == ("upheld", "周二", "0a1b2c3d", "已更正")
    close = ("disputes", "close", made, "--outcome", "rejected", "--reply", "不成立", "--as", "bo")
    assert typed(*close).code == 50


@pytest.mark.parametrize("ended", [{"revoked": NOW}, {"expires": date(2026, 1, 3)}])
def test_a_dispute_whose_key_has_ended_is_closed_by_another_person_all_the_same(place, ended):
    made = post(place.app, "/v1/disputes", place.principal, DISPUTE).json
    with place.store.writing() as connection:
        connection.execute(update(API_KEYS).where(API_KEYS.c.number == place.principal.key).values(**ended))
    assert [one["dispute"] for one in typed("disputes", "list", "--json").json["disputes"]] == [made["dispute"]]
    close = ("disputes", "close", made["dispute"], "--outcome", "partly", "--reply", "已核实", "--as")
    signing.first_use_key(place.town.home / "keys", "demo")
    assert "two persons" in typed(*close, "demo").err
    assert typed(*close, "bo", "--json").json["state"] == "partly"


def test_where_nobody_else_has_a_signing_key_one_is_made_and_closes_the_dispute(place):
    made = post(place.app, "/v1/disputes", place.principal, DISPUTE).json
    close = ("disputes", "close", made["dispute"], "--outcome", "upheld", "--reply", "已更正", "--as", "cai")
    without = typed(*close)
    assert (without.code, without.out) == (50, "")
    assert "jianwei keys create cai" in without.err
    assert typed("keys", "create", "cai").code == 0
    assert typed(*close, "--json").json["by"] == "cai"
