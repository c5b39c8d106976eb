"""The verbs of the store: upgraded, loaded by ``month`` or by hand, listed, and held against what was sealed."""

import json
import shutil
import sqlite3

import pytest
from sqlalchemy import create_engine, delete, insert, literal, select, update
from test_cli import typed
from town import Town, settle

from features import signing
from serving.results import Results, publisher_key
from serving.shelf import Shelf
from serving.store import Store
from serving.tables import FORM, LOADS, MARKS, month_tables


@pytest.fixture(scope="module")
def promoted(classified, tmp_path_factory):
    """A town with a lake of the product's own, two published months, a champion and no store."""
    folder = tmp_path_factory.mktemp("stored") / "town"
    shutil.copytree(classified.folder, folder)
    settle(Town.at(folder)).promote()
    shutil.rmtree(folder / "home" / "store")
    shutil.move(folder / "home", folder / "small")  # homes are named after their profile
    return folder


@pytest.fixture
def home(promoted, monkeypatch, tmp_path):
    """A copy of that home, found by verbs through the environment."""
    shutil.copytree(promoted, tmp_path / "town")
    place = tmp_path / "town"
    for name, value in {"HOME": place, "MLRUNS": place / "mlruns", "PROFILE": place / "profile"}.items():
        monkeypatch.setenv(f"JIANWEI_{name}", str(value))
    monkeypatch.setenv("JIANWEI_NOW", "2026-02-03T09:00:00+08:00")
    return place / "small"


def faults():
    said = typed("status", "--verify", "--json")
    return [fault for fault in said.json["verified"]["faults"] if "the store" in fault.lower()]


def test_a_store_is_upgraded_filled_and_told_of(home, monkeypatch, postgres):
    for url in (None, postgres.database()):
        if url:
            monkeypatch.setenv("JIANWEI_STORE", url)
        assert typed("store", "upgrade", "--json").json == {"form": FORM}
        first = typed("store", "load", "2025-12", "--json")
        assert first.code == 0, first.err
        assert (first.json["rows"], first.json["made"]) == (200, True)
        assert typed("store", "load", "2025-12", "--json").json["made"] is False
        assert typed("store", "load", "2025-12", "--again", "--json").json["load"] == 2
        found = typed("store", "status", "--json").json["loads"]
        assert [(one["month"], one["state"]) for one in found] == [("2025-12", "replaced"), ("2025-12", "standing")]
        assert "standing" in typed("store", "status").out
        assert typed("store", "load", "2025-11").code == 0
        assert faults() == []


def test_a_month_that_is_published_already_is_loaded_by_month_when_the_store_lacks_it(home):
    assert signing.verify_key(home / "keys", "trainer")
    said = typed("month", "2025-12", "--json")
    assert said.code == 0, said.err
    assert (said.json["made"], said.json["load"]) == (False, 1)
    assert said.json["seconds"]["load"] >= 0
    shelf = Shelf(Store(f"sqlite:///{home / 'store' / 'store.db'}"), publisher_key(home))
    assert shelf.month("2025-12").find("T00001")["org"] == "县局/所"
    shelf.close()


def renamed(home, before, after):
    with sqlite3.connect(home / "store" / "store.db") as store:
        store.execute(f"ALTER TABLE {before} RENAME TO {after}")
    store.close()


@pytest.mark.parametrize(("again", "code"), [(("month", "2026-01"), 55), (("store", "load", "2026-01"), 15)])
def test_a_month_whose_load_fails_is_sealed_and_says_how_to_load_it(home, again, code):
    typed("store", "upgrade")
    if code == 55:
        renamed(home, "loads", "away")
    else:
        (home / "store" / "months" / "1.db").mkdir(parents=True)  # a folder where a file should be
    said = typed("month", "2026-01", "--json")
    assert (said.code, said.out) == (code, "")
    *_, fault, note = said.err.strip().splitlines()
    assert fault.startswith("The store said") if code == 55 else "1.db" in fault
    assert note.startswith("2026-01 is sealed and published all the same: head ")
    assert "Run jianwei store load 2026-01 " in note
    assert Results(home, publisher_key(home)).months()[-1] == "2026-01"
    renamed(home, "away", "loads") if code == 55 else (home / "store" / "months" / "1.db").rmdir()
    finished = typed(*again, "--json")
    assert finished.code == 0, finished.err
    assert finished.json["head"] in note
    shelf = Shelf(Store(f"sqlite:///{home / 'store' / 'store.db'}"), publisher_key(home))
    assert list(shelf.months()) == ["2026-01"]
    shelf.close()
    assert faults() == []
    assert typed("month", "2026-01", "--json").json["made"] is False


def test_status_without_a_store_makes_none(home):
    assert faults() == []
    assert not (home / "store").exists()


def test_a_load_that_differs_from_its_sealed_month_is_a_fault(home):
    assert typed("store", "load", "2025-12").code == 0
    path = home / "store" / "months" / "1.db"
    results, leaves = month_tables(1)
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        codes = connection.scalars(select(results.c.code).where(results.c["class"] == "A")).all()
        connection.execute(update(results).where(results.c["class"] == "A").values({"class": "B"}))
    assert faults() == [
        f"2025-12 in the store: {len(codes)} rows are not the sealed ones, the first that of {min(codes)}; "
        "run jianwei store load 2025-12 --again."
    ]
    with engine.begin() as connection:
        digests = connection.scalar(select(leaves.c.digests).where(leaves.c.chunk == 0))
        connection.execute(update(leaves).where(leaves.c.chunk == 0).values(digests=bytes(32) + digests[32:]))
    engine.dispose()
    assert any("sealed root" in one for one in faults())


def test_a_load_with_other_heads_and_one_that_is_damaged_are_faults(home):
    store = Store(f"sqlite:///{home / 'store' / 'store.db'}")
    for month in ("2025-11", "2025-12"):
        assert typed("store", "load", month).code == 0
    with store.writing() as connection:
        told = dict(connection.execute(select(LOADS.c.month, LOADS.c.told)).all())
        connection.execute(
            update(LOADS)
            .where(LOADS.c.month == "2025-11")
            .values(told={**told["2025-11"], "parts": told["2025-11"]["parts"] * 2})
        )
        damaged = json.loads(json.dumps(told["2025-12"]))
        damaged["parts"][0]["words"] += " "
        connection.execute(update(LOADS).where(LOADS.c.month == "2025-12").values(told=damaged))
    store.close()
    found = faults()
    assert any("2025-11 in the store has other heads" in one for one in found)
    assert any("not what was sealed" in one for one in found)


def test_a_store_of_another_form_is_a_fault_and_ends_a_verb_with_55(home):
    store = Store(f"sqlite:///{home / 'store' / 'store.db'}")
    store.upgrade()
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    store.close()
    assert any("9999" in one for one in faults())
    assert typed("store", "status").code == 55


def changed(home, *statements):
    """Change the rows of the one load there is, as whoever can write to the store can."""
    engine = create_engine(f"sqlite:///{home / 'store' / 'months' / '1.db'}")
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(statement)
    engine.dispose()


RESULTS = month_tables(1)[0]
ONE = RESULTS.c.code == "T00010"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"class": "E"}, "1 rows are not the sealed ones, the first that of T00010"),
        ({"probability": 0.5}, "1 rows are not the sealed ones, the first that of T00010"),
        ({"row": 9}, "1 rows are not the sealed ones, the first that of T00010"),
        ({"part": 7}, "1 rows are not the sealed ones, the first that of T00010"),
        ({"code": "T99999"}, "1 rows are not the sealed ones, the first that of T99999"),
        ({"entity": 5000}, "1 rows are not the sealed ones, the first that of T00010"),
        ({"document": b"x"}, "reasons, values, offices or departments are not those that were loaded"),
        ({"vector": b"x"}, "reasons, values, offices or departments are not those that were loaded"),
        ({"org": "elsewhere"}, "reasons, values, offices or departments are not those that were loaded"),
        ({"departments": ",ecology,"}, "reasons, values, offices or departments are not those that were loaded"),
        ({"registration": "closed"}, "reasons, values, offices or departments are not those that were loaded"),
        ({"lot": 1}, "reasons, values, offices or departments are not those that were loaded"),
    ],
)
def test_a_row_that_is_not_what_was_loaded_is_found_and_named(home, change, told):
    assert typed("store", "load", "2025-12").code == 0
    assert typed("store", "status", "--verify", "--json").json["faults"] == []
    changed(home, update(RESULTS).where(ONE).values(change))
    said = typed("store", "status", "--verify", "--json")
    assert said.code == 60
    assert told in said.json["faults"][0]
    assert faults() == said.json["faults"]
    shown = typed("store", "status", "--verify")
    assert (shown.code, told in shown.out + shown.err) == (60, True)


def test_a_row_that_is_there_twice_instead_of_another_is_found(home):
    assert typed("store", "load", "2025-12").code == 0
    everything = [column.name for column in RESULTS.c]
    copy = select(*(literal("T90000") if name == "code" else RESULTS.c[name] for name in everything)).where(ONE)
    changed(home, delete(RESULTS).where(RESULTS.c.code == "T00011"), insert(RESULTS).from_select(everything, copy))
    found = faults()
    assert "1 rows are not the sealed ones, the first that of T90000" in found[0]
    assert "1 sealed rows are missing, the first that of T00011" in found[1]


def test_of_a_load_without_marks_the_sealed_columns_alone_are_compared(home):
    assert typed("store", "load", "2025-12").code == 0
    store = Store(f"sqlite:///{home / 'store' / 'store.db'}")
    with store.writing() as connection:
        told = connection.scalar(select(LOADS.c.told))
        told = {name: one for name, one in told.items() if name != MARKS}
        connection.execute(update(LOADS).values(told=told))
    store.close()
    changed(home, update(RESULTS).where(ONE).values(document=b"x"))
    assert faults() == []
    changed(home, update(RESULTS).where(ONE).values(margin=0.0))
    assert "T00010" in faults()[0]
    assert typed("store", "load", "2025-12", "--json").json["made"] is True
    assert faults() == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql+psycopg://nobody@127.0.0.1:1/x", "Connection refused"),
        ("postgresql+psycopg://nobody:secret@/x?host=/nowhere", "No such file or directory"),
        ("sqlite:///{folder}/profile/profile.yaml", "file is not a database"),
        ("sqlite:////proc/none/store.db", "No such file or directory"),
        ("mysql://nobody@here/x", "names no store"),
    ],
)
@pytest.mark.parametrize("words", [("store", "status"), ("keys", "list")])
def test_a_store_that_cannot_be_reached_is_told_of_in_one_line(home, monkeypatch, url, said, words):
    monkeypatch.setenv("JIANWEI_STORE", url.format(folder=home.parent))
    found = typed(*words)
    assert (found.code, found.out, found.err.count("\n")) == (55, "", 1)
    assert said in found.err
    assert "secret" not in found.err
