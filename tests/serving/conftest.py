"""What the tests of serving share: a small town whose months can be classified."""

import shutil

import pytest
from calling import request_to
from looking import guarded
from offices import desk_of, loaded
from postgres import bare, postgres, store  # noqa: F401 - fixtures
from town import Settled, Town, build, settle

from serving import ledger
from serving.results import publisher_key


@pytest.fixture(scope="session")
def call():
    return request_to


@pytest.fixture(scope="session")
def town(tmp_path_factory) -> Town:
    """The town with its profile, lake and scheme; nothing classified. Read only."""
    return build(tmp_path_factory.mktemp("town"))


@pytest.fixture(scope="session")
def classified(town, tmp_path_factory) -> Town:
    """The town with two months published, and in its store. Read only; use ``copied`` to change it."""
    folder = tmp_path_factory.mktemp("classified") / "town"
    shutil.copytree(town.folder, folder)
    own = Town.at(folder)
    own.classify("2025-11")
    own.classify("2025-12")
    loaded(own).close()
    return own


@pytest.fixture(scope="session")
def promoted(classified, tmp_path_factory) -> Town:
    """The town with two months published and its scheme made champion by two people. Read only."""
    folder = tmp_path_factory.mktemp("promoted") / "town"
    shutil.copytree(classified.folder, folder)
    own = Town.at(folder)
    own.promote()
    return own


@pytest.fixture(scope="module")
def desk(classified):
    """The desk over a classified town."""
    return desk_of(classified)


@pytest.fixture(scope="module")
def guard(classified, desk):
    """The API and the pages of a classified town behind the wall."""
    return guarded(classified, lambda: desk)


@pytest.fixture
def copied(classified, tmp_path) -> Town:
    """A copy of the town with two months published."""
    shutil.copytree(classified.folder, tmp_path / "town")
    return Town.at(tmp_path / "town")


@pytest.fixture
def fresh(town, tmp_path) -> Town:
    """A copy of the town with nothing classified."""
    shutil.copytree(town.folder, tmp_path / "town")
    return Town.at(tmp_path / "town")


@pytest.fixture
def settled(fresh):
    """A fresh town whose lake helpers can open, with the keys a month needs."""
    publisher_key(fresh.home)
    ledger.salt_secret(fresh.home / "keys")
    return settle(fresh)


@pytest.fixture
def twin(settled, tmp_path):
    """A copy of it under another roof."""
    shutil.copytree(settled.folder, tmp_path / "twin" / "town")
    return Settled(tmp_path / "twin" / "town")


@pytest.fixture(scope="module")
def browser(classified, tmp_path_factory, request):
    """Chromium at the sandbox of a town, both gone once the tests of a file are done."""
    from browsing import visited

    with visited(classified, tmp_path_factory.mktemp("pages") / "town", request.path.stem) as found:
        yield found


@pytest.fixture(scope="module")
def axe():
    """The script of axe, which looks for what people with aids cannot use."""
    from axe_playwright_python.base import AXE_SCRIPT

    return AXE_SCRIPT
