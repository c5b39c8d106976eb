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
from pathlib import Path

from town import NOW, Town

from serving.access import RIGHTS
from serving.counter import Counter

ROOT = Path(__file__).resolve().parents[2]
VERB = "from serving.cli import main; main()"
SERVING_ONLY = """
import sys
for name in ("sklearn", "shap", "mlflow", "matplotlib", "optuna"):
    sys.modules[name] = None  # as where only the serving lock is installed
from serving import settings
from serving.service import serve
serve(settings.service, port=int(sys.argv[-1]), now=settings.now)
"""
SECONDS = 90  # until a service must be ready, on a machine that is busy


class Housed(Town):
    """A town whose home has the name of its profile, as the product keeps it."""

    @property
    def home(self):
        return self.folder / "small"

    def unbound_key(self, role):
        """A new key of a role that reaches everyone, without limits."""
        return self.key(*RIGHTS.roles[role], role=role, org="")

    def on(self, store):
        """The same town with another store in use."""
        other = Housed(self.folder)
        other.__dict__["store"] = store
        return other

    def counter(self):
        return Counter(self.home, self.profile, self.store, lambda: NOW)


def housed(town, folder):
    """A copy of a classified town with a champion, where ``serve`` looks for it."""
    shutil.copytree(town.folder, folder)
    shutil.move(folder / "home", folder / "small")
    found = Housed(folder)
    found.promote()
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(holds, seconds=30):
    """What holds in the end; nothing when it never does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.05)
    return None


class Running:
    """The running service: started at once, ready from ``with`` (or ``wait``) on, gone after it.

    ``words`` are options of the verb, ``settings`` of the environment; it listens on a free port unless one is named.
    """

    def __init__(self, town, *words, code=VERB, port=None, **settings):
        self.port = port or free_port()
        self.town = town
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = town.folder / f"serve-{self.port}.log"
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "JIANWEI_HOME": str(town.home.parent),
            "JIANWEI_PROFILE": str(town.folder / "profile"),
            "JIANWEI_NOW": NOW.isoformat(),
            **settings,
        }
        with self._log.open("wb") as log:
            command = [sys.executable, "-c", code, "serve", *words, "--port", str(self.port)]
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    def __enter__(self):
        try:
            self.wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def log(self):
        """What it said so far."""
        return self._log.read_text(encoding="utf-8")

    @property
    def workers(self):
        """The processes that answer, by number; where it answers itself, its own."""
        found = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                is_child = path.read_text().rpartition(")")[2].split()[1] == str(self.process.pid)
                if is_child and b"serving.workers" in (path.parent / "cmdline").read_bytes():
                    found.append(int(path.parent.name))
        return found or [self.process.pid]

    def wait(self, seconds=SECONDS):
        """Return once it is ready."""
        assert until(self._ready, seconds), f"the service did not become ready\n{self.log[-2000:]}"

    def stop(self):
        """The code it ends with, told to stop unless it was."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(20)
        finally:
            self.process.kill()

    def answers(self, path):
        """The status of an open path; nothing while nobody listens."""
        with suppress(OSError):
            return self.ask("GET", path)[0]

    def _ready(self):
        assert self.process.poll() is None, self.log[-2000:]
        return self.answers("/readyz") == 200

    def get(self, path, *, key=None, body=None, method=None, headers=()):
        """Status, headers and body of one request of a key; with a body (as JSON) it is a POST."""
        stated = {**dict(headers), **({"Authorization": f"Bearer {key}"} if key else {})}
        if body is not None:
            stated["Content-Type"] = "application/json"
        data = None if body is None else json.dumps(body).encode()
        return self.ask(method or ("GET" if data is None else "POST"), path, headers=stated, body=data)

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
        status, _, body = self.get("/openapi.json", key=key)
        assert status == 200, "the OpenAPI document is not served to a keyed caller"
        return json.loads(body)

    def memory(self):
        """The MiB resident in the process."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024
