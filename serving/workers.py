"""Several processes answer on one listening socket; their parent starts again one that died, and stops them all."""

import logging
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket

from serving.process import follow_parent, leave_on_signal

LOG = logging.getLogger("jianwei.workers")
ROOT = Path(__file__).resolve().parents[1]
ENTRY = (
    "import sys; sys.path.insert(0, {root!r}); from serving.workers import work; work({number}, patience={patience})"
)
LOOK = 0.1  # seconds between two looks at the workers
SOON = 5.0  # a worker that ends within so many seconds of its start is started again later and later
LONGEST = 30.0  # seconds
PATIENCE = 30.0  # seconds a worker beside others has to be ready, before it answers all the same
GRACE = 12.0  # seconds workers have to end before they are ended: what a request may take, and a little


@dataclass
class Worker:
    """A process that answers, when it was started, and how often in a row it ended soon."""

    process: "subprocess.Popen[bytes]"
    started: float
    failures: int = 0
    again: float | None = None  # when to start it again


@dataclass
class Workers:
    """So many processes on one listening socket."""

    size: int
    listening: socket
    _is_told: bool = False  # to stop; no lock, because a signal may come while one is held
    _crew: list[Worker] = field(default_factory=list)

    def run(self) -> None:
        """Keep the workers alive until SIGTERM or SIGINT; then let requests under way end, and end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._tell)
        # the first says at once that the service lives; the others take no request before they can answer it
        self._crew = [Worker(self._start(PATIENCE if place else 0.0), time.monotonic()) for place in range(self.size)]
        try:
            while not self._is_told:
                time.sleep(LOOK)
                for worker in self._crew:
                    self._look_after(worker)
        finally:
            self._stop()

    def _tell(self, *_: object) -> None:
        self._is_told = True

    def _start(self, patience: float) -> "subprocess.Popen[bytes]":
        """A new worker; it ends when this process does, because its standard input then ends."""
        number = self.listening.fileno()
        code = ENTRY.format(root=str(ROOT), number=number, patience=patience)
        return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, pass_fds=(number,))  # noqa: S603

    def _look_after(self, worker: Worker) -> None:
        ended, now = worker.process.poll(), time.monotonic()
        if ended is None:
            return
        if worker.again is None:
            worker.failures = worker.failures + 1 if now - worker.started < SOON else 0
            wait = min(LONGEST, 2.0 ** (worker.failures - 1)) if worker.failures else 0.0
            worker.again = now + wait
            LOG.log(logging.ERROR, "a worker ended by %d; it is started again in %.0f s", ended, wait)
        if now >= worker.again:
            _shut(worker.process)
            worker.process, worker.started, worker.again = self._start(PATIENCE), now, None

    def _stop(self) -> None:
        for worker in self._crew:
            if worker.process.poll() is None:
                worker.process.terminate()
        end = time.monotonic() + GRACE
        for worker in self._crew:
            with suppress(subprocess.TimeoutExpired):
                worker.process.wait(max(0.0, end - time.monotonic()))
            worker.process.kill()
            worker.process.wait()
            _shut(worker.process)


def _shut(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin is not None:
        process.stdin.close()


def work(number: int, *, patience: float) -> None:
    """Answer on the listening socket with this file number, as one of several workers; see ``answer`` for patience."""
    leave_on_signal()
    follow_parent()
    from serving import settings

    settings.be_quiet()
    service = settings.service  # first: it begins the trial of the scheme before anything else is imported
    from serving.service import answer

    answer(service, socket(fileno=number), settings.now, patience=patience)
