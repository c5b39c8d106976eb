"""Whose store it is: the first home that brings it to its form or loads into it, and no other from then on."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import delete, insert, select, text
from test_cli import typed
from town import NOW, Town, opened

from serving import access, compared, serve
from serving import settings as edge
from serving.access import Doorkeeper, Grant
from serving.loading import Loading, loads
from serving.results import Results, publisher_key
from serving.shelf import Shelf
from serving.store import MIGRATIONS, Store, StoreError, identity
from serving.tables import API_KEYS, INSPECTION_RESULTS, OWNER

FOREIGN = "belongs to the home .* expected that of .*JIANWEI_STORE"
MONTH = "2025-12"


@pytest.fixture
def homes(tmp_path):
    """Two homes with nothing in them."""
    return tmp_path / "one", tmp_path / "two"


def owners(store):
    with store.reading() as connection:
        return [(row.home, row.called) for row in connection.execute(select(OWNER))]


def migrated(store, revision, act=command.upgrade):
    """The store brought to an older form."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with store.writing() as connection:
        config.attributes["connection"] = connection
        act(config, revision)


def load(town, store):
    return Loading(store, Results(town.home, publisher_key(town.home)).month(MONTH), NOW).run()


def resealed(town, folder):
    """The town with the same months sealed by another publisher, in another home."""
    other = Town.at(folder)
    shutil.copytree(town.folder / "profile", folder / "profile")
    shutil.copytree(town.folder / "lake", folder / "lake")
    shutil.copytree(town.home / "schemes", other.home / "schemes")
    for name in ("trainer.pem", "trainer.pub"):
        (other.home / "keys").mkdir(exist_ok=True)
        shutil.copy(town.home / "keys" / name, other.home / "keys" / name)
    other.classify(MONTH)
    return other


def test_the_home_that_upgrades_a_store_is_its_owner_and_another_is_refused(bare, homes):
    first, second = (replace(bare, home=home) for home in homes)
    first.upgrade()
    first.upgrade()
    first.check()
    assert owners(bare) == [(identity(homes[0]), "one")]
    for use in (second.upgrade, second.check, lambda: bare.claim(homes[1]), lambda: second.checked):
        with pytest.raises(StoreError, match=FOREIGN) as told:
            use()
        assert identity(homes[0])[:8] in str(told.value)
        assert str(homes[1]) in str(told.value)
    assert owners(bare) == [(identity(homes[0]), "one")]
    for one in (first, second):
        one.close()


def test_a_home_that_was_moved_keeps_its_store(store, homes, tmp_path):
    store.claim(homes[0])
    shutil.move(homes[0], tmp_path / "elsewhere")
    store.claim(tmp_path / "elsewhere")
    assert owners(store) == [(identity(tmp_path / "elsewhere"), "one")]


def test_of_homes_that_claim_a_store_at_the_same_time_one_has_it(store, tmp_path):
    homes = [tmp_path / f"home{number}" for number in range(8)]

    def claimed(home):
        try:
            store.claim(home)
        except StoreError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(claimed, homes))
    assert found.count(True) == 1
    assert owners(store) == [(identity(homes[found.index(True)]), homes[found.index(True)].name)]


def test_a_process_that_finds_its_home_was_quicker_leaves_it_at_that(store, homes):
    store.claim(homes[0])
    with store.writing() as connection:
        store._claimed(connection, homes[0])
    assert owners(store) == [(identity(homes[0]), "one")]


def test_a_load_of_another_home_is_refused_and_what_stood_stands(store, classified, tmp_path):
    other = resealed(classified, tmp_path / "other")
    first = load(classified, store)
    with pytest.raises(StoreError, match=FOREIGN):
        load(other, store)
    assert [(one["load"], one["state"]) for one in loads(store)] == [(first.load, "standing")]
    assert compared.faults(replace(store, home=classified.home), _results(classified), classified.home) == []
    (fault,) = compared.faults(replace(store, home=other.home), _results(other), other.home)
    assert "belongs to the home" in fault


def _results(town):
    return Results(town.home, publisher_key(town.home))


def test_a_sector_is_a_home_of_its_own(store, settled):
    sector = opened(settled)
    for town in (settled, sector):
        town.classify(MONTH)
    load(settled, store)
    with pytest.raises(StoreError, match=FOREIGN):
        load(sector, store)
    shelf = Shelf(store, publisher_key(settled.home))
    assert shelf.month(MONTH).size() == 200
    shelf.close()


def test_months_that_another_home_sealed_are_not_taken_over_with_a_store_nobody_owned(store, classified, tmp_path):
    load(classified, store)
    with store.writing() as connection:
        connection.execute(delete(OWNER))
    keyless, sealing = tmp_path / "keyless", tmp_path / "sealing"
    publisher_key(sealing)
    for home in (keyless, sealing):
        with pytest.raises(StoreError, match="holds months that another home sealed"):
            store.claim(home)
    assert owners(store) == []
    store.claim(classified.home)
    assert owners(store) == [(identity(classified.home), "home")]


def test_a_foreign_store_of_an_older_form_is_left_as_it_is(bare, classified, tmp_path):
    bare.upgrade()
    load(classified, bare)
    migrated(bare, "0001", command.downgrade)
    foreign = replace(bare, home=tmp_path / "other")
    with pytest.raises(StoreError, match="another home sealed"):
        foreign.upgrade()
    assert bare.form() == "0001"
    own = replace(bare, home=classified.home)
    own.upgrade()
    assert owners(bare) == [(identity(classified.home), "home")]
    for one in (own, foreign):
        one.close()


def test_keys_of_another_homes_store_open_no_door(store, homes):
    store.claim(homes[0])
    granted = Grant("analyst", "", NOW.date().replace(year=2026, month=6))
    token = access.create(store, granted, today=NOW.date())
    own, foreign = (Doorkeeper(replace(store, home=home), lambda: NOW, ZoneInfo("Asia/Shanghai")) for home in homes)
    assert own(token, "10.0.0.1") is not None
    with pytest.raises(StoreError, match=FOREIGN):
        foreign(token, "10.0.0.1")
    for door in (own, foreign):
        door.store.close()


def test_verbs_and_the_service_say_whose_store_it_is(town, homes, tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path / 'shared.db'}?timeout=7"
    shared = Store(url, homes[0])
    shared.upgrade()
    stated = {"HOME": tmp_path / "var", "PROFILE": town.folder / "profile", "STORE": url}
    for name, value in stated.items():
        monkeypatch.setenv(f"JIANWEI_{name}", str(value))
    for words in (("store", "upgrade"), ("store", "status"), ("keys", "create", "x", "--role", "analyst")):
        said = typed(*words)
        assert (said.code, said.out) == (55, "")
        assert "belongs to the home one" in said.err
        assert "timeout" not in said.err
    with pytest.raises(StoreError, match=FOREIGN):
        serve._answer(edge.read(), "http://127.0.0.1:1", None, 1)
    shared.close()


def test_numbers_taken_before_belong_to_the_office_of_their_key(bare):
    migrated(bare, "0001")
    key = {"sha256": "s" * 64, "holder": "", "role": "r", "departments": [], "rights": [], "networks": [], "limits": {}}
    dates = {"created": NOW.date(), "expires": NOW.date()}
    row = "INSERT INTO inspection_results (key, record_key, entity, fields, at) VALUES (:key, :key, 'e', '{}', :at)"
    with bare.writing() as connection:
        connection.execute(insert(API_KEYS).values(number="0000000a", org="360102", **key, **dates))
        for number in ("0000000a", "0000000b"):
            connection.execute(text(row), {"key": number, "at": NOW})
    bare.upgrade()
    columns = INSPECTION_RESULTS.c
    with bare.reading() as connection:
        stated = select(columns.number, columns.org, columns.record_key, columns.told).order_by(columns.number)
        found = [tuple(one) for one in connection.execute(stated)]
    assert found == [(1, "360102", "0000000a", "0000000a"), (2, "", "0000000b", "0000000b")]


def test_every_form_leads_back_to_the_one_before_it(bare):
    bare.upgrade()
    migrated(bare, "base", command.downgrade)
    assert bare.form() is None
    bare.upgrade()
    bare.check()
