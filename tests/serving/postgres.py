"""A PostgreSQL of the test session: Debian's, started for real over a socket in a folder of its own."""

import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from serving.store import Store

USER = "postgres"  # who runs it where tests run as root, which PostgreSQL refuses
NUMBERS = itertools.count()
SETTINGS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "listen_addresses=", "max_connections=40")


def programs():
    """The folder of PostgreSQL's programs."""
    found = shutil.which("pg_ctl")
    known = [Path(found).resolve().parent] if found else []
    known += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    for folder in known:
        if (folder / "initdb").is_file():
            return folder
    raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql (scripts/test does it), then run again")


def run(*command, user):
    """Run a program as a user and wait for its end."""
    finished = subprocess.run(
        command, user=user, group=user, extra_groups=[] if user else None, capture_output=True, text=True, cwd="/"
    )
    assert finished.returncode == 0, f"{command[0]}: {finished.stdout} {finished.stderr}"


class Server:
    """A running server; ``database`` makes one more empty database in it."""

    def __init__(self, folder):
        self.folder = folder

    def url(self, name):
        return f"postgresql+psycopg://{USER}@/{name}?host={self.folder}"

    def database(self):
        import psycopg

        name = f"store{next(NUMBERS)}"
        with psycopg.connect(host=str(self.folder), user=USER, dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)


def started(folder):
    """A server in a folder; None stops it."""
    user = USER if os.geteuid() == 0 else None
    folder.mkdir(mode=0o700)
    if user:
        shutil.chown(folder, user, user)
    data = folder / "data"
    run(
        programs() / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", user=user
    )
    stated = " ".join(f"-c {one}" for one in (*SETTINGS, f"unix_socket_directories={folder}"))
    run(programs() / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", stated, "start", user=user)
    return lambda: run(programs() / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop", user=user)


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server of this session; the folder lies where its user may look and a socket's path is short."""
    with tempfile.TemporaryDirectory(prefix="pg") as above:
        Path(above).chmod(0o755)
        folder = Path(above) / "s"
        stop = started(folder)
        try:
            yield Server(folder)
        finally:
            stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def bare(request, tmp_path):
    """A store nothing was made in yet, on either database."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'store' / 'store.db'}"
    else:
        url = request.getfixturevalue("postgres").database()
    made = Store(url)
    yield made
    made.close()


@pytest.fixture
def store(bare):
    """A store in its newest form, on either database."""
    bare.upgrade()
    return bare
