"""The edge: what the environment says, what time it is, and silence towards the makers of the tools."""

import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml

from features.profile import ProfileError
from serving import settings
from serving.doors import SHUT

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path):
    here = ("HOME", "MLRUNS", "PROFILE", "NOW", "MEMORY", "LOGIN_SECRET")
    for name in (*(f"JIANWEI_{one}" for one in here), *settings.QUIET):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_without_an_environment_everything_lies_below_the_working_folder(tmp_path):
    found = settings.read()
    assert (found.root, found.mlruns) == (tmp_path / "var", tmp_path / "mlruns")
    assert found.home == tmp_path / "var" / found.profile.name


def test_the_environment_names_places_and_a_given_profile_comes_first(monkeypatch, town, tmp_path):
    monkeypatch.setenv("JIANWEI_HOME", "/srv/homes")
    monkeypatch.setenv("JIANWEI_MLRUNS", "/srv/runs")
    monkeypatch.setenv("JIANWEI_PROFILE", str(town.folder / "profile"))
    assert str(settings.read().home) == "/srv/homes/small"
    assert str(settings.read().mlruns) == "/srv/runs"
    with pytest.raises(ProfileError, match="nowhere"):
        settings.read("nowhere")


def test_a_missing_default_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "PROFILES", tmp_path)
    with pytest.raises(ProfileError, match="JIANWEI_PROFILE"):
        settings.read()


def test_the_clock_is_utc_and_a_stated_time_stands_in_for_it(monkeypatch, town):
    assert abs(settings.now().timestamp() - time.time()) < 60
    monkeypatch.setenv("JIANWEI_NOW", "2026-01-31T23:30:00+00:00")
    assert settings.now() == datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
    assert settings.today(town.profile) == date(2026, 2, 1)
    for wrong in ("2026-01-31T23:30:00", "soon"):
        monkeypatch.setenv("JIANWEI_NOW", wrong)
        with pytest.raises(ProfileError, match="with its offset"):
            settings.now()


PORTAL = {
    "issuer": "https://portal.example/realms/gov",
    "client": "jianwei",
    "address": "https://risk.example:8443",
    "label": "统一身份认证登录",
    "label_en": "Log in with the portal",
}


def registered(town, tmp_path, **changed):
    """The settings of a profile with a portal, some of what it says changed or (None) left out."""
    shutil.copytree(town.folder / "profile", tmp_path / "place")
    stated = {name: value for name, value in {**PORTAL, **changed}.items() if value is not None}
    (tmp_path / "place" / "login.yaml").write_text(yaml.safe_dump(stated, allow_unicode=True), encoding="utf-8")
    return settings.read(str(tmp_path / "place"))


def test_people_come_in_by_the_portal_of_the_profile_with_the_secret_of_the_environment(monkeypatch, town, tmp_path):
    found = registered(town, tmp_path)
    with pytest.raises(ProfileError, match="JIANWEI_LOGIN_SECRET is not set"):
        settings.doors(found)
    monkeypatch.setenv("JIANWEI_LOGIN_SECRET", "s3cret")
    door = settings.doors(found)
    assert (door.is_sandbox, door.portal.secret) == (False, "s3cret")
    assert door.portal.registration.landing == "https://risk.example:8443/ui/login/return"
    assert door.portal.registration.is_secure
    assert "s3cret" not in repr(door)
    assert settings.doors(settings.read(str(town.folder / "profile"))) == SHUT


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "http://portal.example"},
        {"issuer": "https://user:secret@portal.example"},
        {"issuer": "https://portal.example?tenant=1"},
        {"issuer": "https://portal.example:port"},
        {"issuer": "https:///realm"},
        {"issuer": "portal.example"},
        {"address": "https://risk.example/"},
        {"address": "http://risk.example"},
        {"client": None},
        {"client": 7},
        {"client": " "},
        {"label": "a" * 201},
        {"label": "两\n行"},
        {"secret": "s3cret"},
    ],
    ids=str,
)
def test_a_portal_that_cannot_be_used_is_said_and_nothing_starts(town, tmp_path, changed):
    with pytest.raises(ProfileError, match=r"login\.yaml: .* expected .* correct it"):
        settings.doors(registered(town, tmp_path, **changed))


def test_a_list_is_no_portal(town, tmp_path):
    found = registered(town, tmp_path)
    (tmp_path / "place" / "login.yaml").write_text("- issuer\n", encoding="utf-8")
    with pytest.raises(ProfileError, match="found no names"):
        settings.doors(found)


def test_what_a_login_needs_is_not_loaded_when_the_service_starts():
    code = "import sys, serving.service, serving.doors; print({'joserfc', 'httpx'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_helpers_are_as_many_as_cores_and_memory_allow(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)), raising=False)
    for memory, helpers in (("64", 6), ("9.5", 3), ("6", 2), ("5.9", 0), ("0.5", 0)):
        monkeypatch.setenv("JIANWEI_MEMORY", memory)
        assert settings.helpers() == helpers
    monkeypatch.delenv("JIANWEI_MEMORY")
    assert settings.memory() > 0.5
    for wrong in ("plenty", "0", "-3", "nan", "inf"):
        monkeypatch.setenv("JIANWEI_MEMORY", wrong)
        with pytest.raises(ProfileError, match=f"JIANWEI_MEMORY is '{wrong}'; expected GiB from 0.5 on"):
            settings.helpers()


def test_telemetry_is_turned_off_here_and_in_what_is_started_from_here(monkeypatch):
    for name in (*settings.QUIET, "JIANWEI_HOME", "JIANWEI_MLRUNS", "JIANWEI_PROFILE"):
        monkeypatch.setenv(name, "")
    settings.be_quiet()
    assert {name: os.environ[name] for name in settings.QUIET} == settings.QUIET
    found = settings.read()
    settings.adopt(found)
    environment = dict(os.environ)
    assert settings.QUIET.items() <= environment.items()
    assert environment["JIANWEI_HOME"] == str(found.root)
    assert environment["JIANWEI_PROFILE"] == str(found.profile.folder)


def test_a_sector_has_a_home_of_its_own_and_the_places_lake(town, monkeypatch, tmp_path):
    monkeypatch.setenv("JIANWEI_HOME", str(tmp_path))
    whole = settings.read(str(town.folder / "profile"))
    assert (whole.home, whole.lake_home) == (tmp_path / "small", tmp_path / "small")
    sector = settings.read(str(town.folder / "profile"), "kitchens")
    assert (sector.home, sector.lake_home) == (tmp_path / "small-kitchens", tmp_path / "small")
    assert settings.inherited(whole)["JIANWEI_SECTOR"] == ""
    for name, value in settings.inherited(sector).items():
        monkeypatch.setenv(name, value)
    assert settings.read() == sector


def test_a_name_settings_do_not_have_is_an_error():
    with pytest.raises(AttributeError):
        settings.nothing  # noqa: B018


def test_the_commit_is_read_from_the_repository_the_program_lies_in(monkeypatch, tmp_path):
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    assert "(" not in settings.program()  # no repository, no commit
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    assert "(" not in settings.program()  # a branch without a commit
    (git / "packed-refs").write_text(f"# pack-refs\n{'b' * 40} refs/heads/main\n")
    assert settings.program().endswith(f"({'b' * 12})")
    (git / "refs" / "heads" / "main").write_text("a" * 40 + "\n")
    assert settings.program().endswith(f"({'a' * 12})")
    (git / "HEAD").write_text("c" * 40 + "\n")
    assert settings.program().endswith(f"({'c' * 12})")


def test_the_lock_has_a_digest_where_it_lies_beside_the_program(monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    assert settings.lock_digest() == "–"
    (tmp_path / "requirements.txt").write_text("")
    assert settings.lock_digest() == "e3b0c44298fc1c14"
