"""The store: brought to one form on either database by whoever comes first, private, and silent about values."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import insert, select, text

from serving.store import MIGRATIONS, Store, StoreError
from serving.tables import API_KEYS, FORM, LOADS, READS, STORE

ROOT = Path(__file__).resolve().parents[2]
UPGRADE = "import sys; from serving.store import Store; Store(sys.argv[1]).upgrade()"
KEY_OF_0004 = (
    "INSERT INTO api_keys (number, sha256, holder, role, org, departments, rights, networks, limits, created, expires) "
    "VALUES (:number, 'd', 'h', 'ops', '', '[\"ecology\"]', '[]', '[]', '{}', '2026-01-01', '2026-02-01')"
)
LOADING = {
    "month": "2025-12",
    "head": "h",
    "state": "loading",
    "rows": 0,
    "told": {},
    "loaded": datetime(2026, 1, 1, tzinfo=UTC),
}


def test_the_migrations_make_exactly_the_tables_the_program_knows(store):
    with store.writing() as connection:
        assert compare_metadata(MigrationContext.configure(connection), STORE) == []


def test_the_form_is_the_newest_migration():
    assert ScriptDirectory(MIGRATIONS).get_current_head() == FORM


def test_a_store_that_was_never_made_says_what_to_run_and_an_upgrade_mends_it(bare):
    with pytest.raises(StoreError, match="jianwei store upgrade"):
        bare.check()
    bare.upgrade()
    bare.upgrade()
    bare.check()
    assert bare.form() == FORM


def test_a_store_of_a_newer_version_is_left_alone(store):
    with store.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for use in (store.check, store.upgrade):
        with pytest.raises(StoreError, match="9999"):
            use()


def test_processes_that_upgrade_at_the_same_time_all_succeed(bare):
    url = bare.engine.url.render_as_string(hide_password=False)
    told = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = [
        subprocess.Popen([sys.executable, "-c", UPGRADE, url], env=told, stderr=subprocess.PIPE) for _ in range(3)
    ]
    errors = [one.communicate()[1].decode() for one in running]
    assert [one.returncode for one in running] == [0, 0, 0], errors
    bare.check()


def test_keys_and_sessions_of_before_portals_stay_as_they_were(bare):
    """Form 0004 had neither persons nor logins: what it held is held on, and belongs to nobody at a portal."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with bare.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        for number in ("a", "b"):
            connection.execute(text(KEY_OF_0004), {"number": number})
    bare.upgrade()
    with bare.reading() as connection:
        rows = connection.execute(select(API_KEYS)).all()
    assert [(row.number, row.role, row.departments, row.issuer, row.login) for row in rows] == [
        ("a", "ops", ["ecology"], None, None),
        ("b", "ops", ["ecology"], None, None),
    ]
    with bare.writing() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0004")
    assert bare.form() == "0004"


def test_what_a_block_wrote_is_there_whole_or_not_at_all(store):
    def half():
        with store.writing() as connection:
            connection.execute(insert(LOADS).values(**LOADING))
            raise KeyError

    with pytest.raises(KeyError):
        half()
    with store.writing() as connection:
        connection.execute(insert(LOADS).values(**LOADING))
    with store.reading() as connection:
        assert len(connection.execute(select(LOADS)).all()) == 1


def test_an_error_of_the_store_says_nothing_of_the_values(store):
    row = {"day": datetime(2026, 1, 1, tzinfo=UTC).date(), "key": "k", "entity": "91360000SECRET"}

    def twice():
        with store.writing() as connection:
            connection.execute(insert(READS).values(**row))
            connection.execute(insert(READS).values(**row))

    with pytest.raises(StoreError) as caught:
        twice()
    assert "IntegrityError" in str(caught.value) or "UniqueViolation" in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_store_that_cannot_be_reached_is_a_store_error(tmp_path, postgres):
    (tmp_path / "file").write_text("")
    for url in (f"sqlite:///{tmp_path}/file/store.db", postgres.url("nothing_here")):
        with pytest.raises(StoreError):
            Store(url).upgrade()


def test_the_file_of_a_store_is_its_owners_alone_and_writes_ahead(tmp_path):
    path = tmp_path / "store" / "store.db"
    made = Store(f"sqlite:///{path}")
    made.upgrade()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    with made.reading() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
    made.close()


def test_a_writer_waits_for_another_and_readers_for_nobody(store):
    with store.writing() as connection:
        connection.execute(insert(LOADS).values(**LOADING))
        with store.reading() as other:
            assert other.execute(select(LOADS)).all() == []


def test_what_was_read_holds_until_anybody_writes(store):
    other, asked = Store(store.url), []

    def forms(connection):
        asked.append(True)
        return list(connection.scalars(text("SELECT version_num FROM alembic_version")))

    for changing in (store, other, store):
        before = store.remembered("forms", forms)
        assert store.remembered("forms", forms) == before
        with changing.writing() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = version_num || 'x'"))
        assert store.remembered("forms", forms) == [f"{before[0]}x"]
    if store.folder is not None:
        assert len(asked) == 1 + 3  # what nobody changed is read once
    store.close()
    other.close()


def test_what_cannot_be_read_is_a_store_error_and_is_not_remembered(store):
    with pytest.raises(StoreError, match="Nothing was read"):
        store.remembered("nothing", lambda connection: connection.execute(text("SELECT * FROM nothing")).all())
    assert store.remembered("nothing", lambda _: "found") == "found"
