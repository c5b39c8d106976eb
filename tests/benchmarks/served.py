"""Servers as real processes: seconds to ready, memory of the whole family, and an end."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
LONGEST_START = 120.0
QUIET = {"BENTOML_DO_NOT_TRACK": "True", "DO_NOT_TRACK": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
SAFE = {
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "PYTHONPATH": str(ROOT),
    "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",  # mlflow starts uvicorn by its name
}
MIB = 2**20
HZ = os.sysconf("SC_CLK_TCK")


def free_port():
    """A port of this machine nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Served:
    """A server: from ``with`` on it is ready, after it is gone with all it started."""

    def __init__(self, name, command, *, ready, environment=(), folder):
        self.name, self.port = name, free_port()
        self.seconds = 0.0
        self._command = [word.format(port=self.port) for word in command]
        self._ready = ready
        self._environment = {**os.environ, **QUIET, **SAFE, **dict(environment)}
        self._log = folder / f"{name}.log"
        self._process = None

    def __enter__(self):
        started = time.monotonic()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() - started > LONGEST_START:
                self.__exit__()
                sys.exit(f"{self.name} did not get ready; its log is {self._log}.")
            time.sleep(0.02)
        self.seconds = time.monotonic() - started
        return self

    def __exit__(self, *_):
        with suppress(ProcessLookupError):
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(20)
            os.killpg(self._process.pid, signal.SIGKILL)  # what it started is of its session
        self._process.wait()

    @property
    def is_alive(self):
        """Whether the process that was started still runs."""
        return self._process.poll() is None

    def memory(self):
        """The MiB resident in the process and all that descend from it."""
        return sum(_resident(one) for one in _family(self._process.pid)) / MIB

    def cpu(self):
        """The CPU seconds the process and all that descend from it have spent."""
        return sum(_ticks(one) for one in _family(self._process.pid)) / HZ

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
                line.sendall(f"GET {self._ready} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
                return line.recv(64)[9:12] == b"200"
        except OSError:
            return False


def busy():
    """The CPU seconds this machine has spent on anything since it started."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    user, nice, system, _, _, *interrupts = (int(word) for word in words[1:8])
    return (user + nice + system + sum(interrupts)) / HZ


def _ticks(process):
    try:
        words = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return sum(int(word) for word in words[11:15])


def _family(process):
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rsplit(")", 1)[1].split()[1])
    found = [process]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def _resident(process):
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:")), 0)
