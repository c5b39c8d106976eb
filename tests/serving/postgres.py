"""A PostgreSQL of the test session: Debian's, started for real over a socket in a folder of its own."""

import itertools
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import pytest
from sqlalchemy import make_url

from serving.store import Store

MEMORY = Path("/dev/shm")  # noqa: S108 - where there is one a server's files lie in memory: thousands of them, for minutes
ROOM = 2**30  # bytes it must have
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
    as_user = {"user": user, "group": user, "extra_groups": []} if user else {}
    finished = subprocess.run(command, **as_user, capture_output=True, text=True, cwd="/", check=False)
    assert finished.returncode == 0, f"{command[0]}: {finished.stdout} {finished.stderr}"


class Server:
    """A running server; ``database`` makes one more empty database in it, or one like another."""

    def __init__(self, folder):
        self.folder = folder

    def url(self, name):
        return f"postgresql+psycopg://{USER}@/{name}?host={self.folder}"

    def database(self, like="template1"):
        name = f"store{next(NUMBERS)}"
        self._say(f"CREATE DATABASE {name} TEMPLATE {like} STRATEGY FILE_COPY")
        return self.url(name)

    def drop(self, url):
        self._say(f"DROP DATABASE {name_of(url)} WITH (FORCE)")

    @cached_property
    def newest(self):
        """The name of a database with a store in its newest form, to make others like it."""
        url = self.database()
        made = Store(url)
        made.upgrade()
        made.close()
        return name_of(url)

    def _say(self, statement):
        import psycopg

        with psycopg.connect(host=str(self.folder), user=USER, dbname="postgres", autocommit=True) as connection:
            connection.execute(statement)


def name_of(url):
    return make_url(url).database


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
    has_room = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    with tempfile.TemporaryDirectory(prefix="pg", dir=MEMORY if has_room else None) as above:
        Path(above).chmod(0o755)
        folder = Path(above) / "s"
        stop = started(folder)
        try:
            yield Server(folder)
        finally:
            stop()


@contextmanager
def opened(request, folder, *, is_new):
    """A store on the database a test asks for, gone when it is over."""
    server = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    if server is None:
        made = Store(f"sqlite:///{folder / 'store' / 'store.db'}")
    else:
        made = Store(server.database() if is_new else server.database(like=server.newest))
    yield made
    made.close()
    if server is not None:
        server.drop(made.url)


@pytest.fixture(params=["sqlite", "postgresql"])
def bare(request, tmp_path):
    """A store nothing was made in yet, on either database."""
    with opened(request, tmp_path, is_new=True) as made:
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    """A store in its newest form, on either database."""
    with opened(request, tmp_path, is_new=False) as made:
        made.upgrade()
        yield made
