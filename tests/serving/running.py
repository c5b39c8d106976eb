"""The service of a town as it runs: ``serve`` in a process of its own, reached over HTTP only."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

from town import NOW, Town

from serving.access import RIGHTS, UNBOUND, Grant, create
from serving.store import Store

ROOT = Path(__file__).resolve().parents[2]
SERVE = "import sys; from serving.cli import main; sys.argv[1:1] = ['serve', '--port']; main()"


class Housed(Town):
    """A town whose home has the name of its profile, as the product keeps it."""

    @property
    def home(self):
        return self.folder / "small"

    @property
    def store(self):
        """Its store, as the product opens it."""
        found = Store(f"sqlite:///{self.home / 'store' / 'store.db'}")
        found.upgrade()
        return found

    def unbound_key(self, role):
        """A new key of a role that reaches everyone, without limits."""
        rights = RIGHTS.roles[role]
        grant = Grant(role, "", NOW.date() + timedelta(days=30), rights=rights, limits=UNBOUND, holder="test")
        return create(self.store, grant, today=NOW.date())


def housed(classified, folder):
    """A copy of a classified town with a champion, where ``serve`` looks for it."""
    shutil.copytree(classified.folder, folder)
    shutil.move(folder / "home", folder / "small")
    town = Housed(folder)
    town.promote()
    return town


class Running:
    """The running service; from ``with`` on it is ready, after it is gone."""

    def __init__(self, town):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.town = town
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = town.folder / "serve.log"
        self.process = None

    def __enter__(self):
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "JIANWEI_HOME": str(self.town.home.parent),
            "JIANWEI_PROFILE": str(self.town.folder / "profile"),
            "JIANWEI_NOW": NOW.isoformat(),
        }
        with self._log.open("wb") as log:
            command = [sys.executable, "-c", SERVE, str(self.port)]
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        end = time.monotonic() + 90
        while not self._ready():
            assert self.process.poll() is None, self._log.read_text()[-2000:]
            assert time.monotonic() < end, "the service did not become ready"
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        finally:
            self.process.kill()

    def _ready(self):
        try:
            return self.ask("GET", "/readyz")[0] == 200
        except OSError:
            return False

    def ask(self, method, path, *, headers=(), body=None):
        """Status, headers and body of one request."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request(method, path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def post(self, path, headers, body):
        """The same of a body and of headers that may be stated twice."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.putrequest("POST", path)
            for name, value in (*headers, ("Content-Length", str(len(body)))):
                connection.putheader(name, value)
            connection.endheaders()
            with suppress(BrokenPipeError, ConnectionResetError):  # a body too large is not read to its end
                connection.send(body)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def document(self, key):
        """The OpenAPI document a keyed caller is served."""
        status, _, body = self.ask("GET", "/openapi.json", headers={"Authorization": f"Bearer {key}"})
        assert status == 200, "the OpenAPI document is not served to a keyed caller"
        return json.loads(body)

    def memory(self):
        """The MiB resident in the process."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024
