"""A service as it runs: a town in a home of its own, served by a real process."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from town import NOW, Town

from serving.access import Grant, create
from serving.service import Counter
from serving.store import Store

ROOT = Path(__file__).resolve().parents[2]
START = """
import sys
for name in ("sklearn", "shap", "mlflow", "matplotlib", "optuna"):
    sys.modules[name] = None  # as where only the serving lock is installed
from serving import settings
from serving.service import serve
serve(settings.service, port=int(sys.argv[1]))
"""
VERB = "from serving.cli import main; main()"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """The running service."""

    def __init__(self, town, port, code=START, *arguments, **settings):
        self.town = town
        self.port = port
        environment = {
            **os.environ,
            "JIANWEI_HOME": str(town.home.parent),
            "JIANWEI_PROFILE": str(town.folder / "profile"),
            "JIANWEI_NOW": "2026-01-03T09:00:00+00:00",
            **settings,
        }
        command = [sys.executable, "-c", code, *arguments, str(port)]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)

    def get(self, path, *, key=None, body=None, method=None):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with closing(connection):
            connection.request(method or ("POST" if data else "GET"), path, body=data, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def wait(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, self.process.stderr.read()[-2000:]
            try:
                if self.get("/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.2)
        raise AssertionError("the service did not become ready")

    def stop(self):
        self.process.terminate()
        try:
            return self.process.wait(20)
        finally:
            self.process.kill()
            self.process.stderr.close()


class Housed(Town):
    """A town whose home has the name of its profile, as the product keeps it."""

    @property
    def home(self):
        return self.folder / "small"

    @property
    def store(self):
        found = Store(f"sqlite:///{self.home / 'store' / 'store.db'}")
        found.upgrade()
        return found

    def key(self, *rights, role="analyst", org=""):
        """A new API key."""
        granted = Grant(role, org, NOW.date() + timedelta(days=30), rights=frozenset(rights))
        return create(self.store, granted, today=NOW.date())

    def counter(self):
        return Counter(self.home, self.profile, self.store, lambda: NOW)


def housed(classified, folder):
    """The town with its months, in a home named after its profile, its scheme promoted."""
    shutil.copytree(classified.folder, folder)
    shutil.move(folder / "home", folder / "small")
    town = Housed(folder)
    town.promote()
    return town
