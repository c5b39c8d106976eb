"""A scheme's models tried in a throw-away process, before the parser of this one sees them.

A malformed model can end the process that parses it, hang it, or compute something else in silence (LightGBM issue
7357). So another process goes first. It can be started ahead and import what it needs while this one still imports
its own; it is given models only once their signature and digests hold.
"""

import contextlib
import json
import os
import resource
import subprocess
import sys
import weakref
from collections.abc import Sequence
from pathlib import Path

from training.errors import SchemeError

SECONDS = 60
MEMORY = 8 * 1024**3  # bytes of address space: far more than any scheme needs, less than what harms a machine
LARGEST_ANSWER = 2_000  # characters
ROOT = Path(__file__).resolve().parents[1]
PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from training.trial import main; main()"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Trial:
    """A process that waits for the models of one scheme, and ends when it has tried them or is not needed."""

    def __init__(self) -> None:
        # with nothing of this process's environment: it may hold the store's password
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, on our own module
            [sys.executable, "-I", "-c", PROGRAM, str(ROOT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=ONE_THREAD,
        )
        self._close = weakref.finalize(self, _end, self._process)

    def of(self, models: Sequence[str], golden: str, names: Sequence[str], *, where: str) -> None:
        """Have it parse the models and hold them against the golden rows; SchemeError unless it finds them sound."""
        given = json.dumps({"models": list(models), "golden": golden, "names": list(names), "where": where})
        try:
            answer, _ = self._process.communicate(given.encode(), timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise SchemeError(f"{where}: parsing took more than {SECONDS} seconds. It was not loaded.") from None
        finally:
            self.close()
        if self._process.returncode != 0 or not answer:
            raise SchemeError(
                f"{where}: the trial process that parsed the models ended with code {self._process.returncode}; "
                "expected 0. It was not loaded; train the scheme again."
            )
        if answer != b"sound":
            raise SchemeError(answer.decode(errors="replace")[:LARGEST_ANSWER])

    def close(self) -> None:
        """End the process, whatever it is doing; done by itself when nobody holds this any more."""
        self._close()


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # what was not yet written is for nobody
            if pipe is not None:
                pipe.close()
    process.wait()


def begin() -> Trial:
    """A process that gets ready to try a scheme. Start it first, and do everything else meanwhile."""
    return Trial()


def main() -> None:
    """Try the models that standard input holds, and say ``sound`` or what is wrong; nothing where it is empty."""
    _bounded()
    from training import boosters  # here: who starts a trial need not wait for what the trial needs

    boosters.ready()
    said = os.dup(1)
    os.dup2(2, 1)  # LightGBM writes warnings where the answer goes
    given = sys.stdin.buffer.read()
    if not given:
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))  # from here on no file, no socket
    os.write(said, judged(given).encode())
    os._exit(0)  # nothing is left to tidy, and somebody waits


def judged(given: bytes) -> str:
    """``sound``, or what is wrong with the models given."""
    from training import boosters

    stated = json.loads(given)
    try:
        boosters.opened(stated["models"], stated["golden"], stated["names"], where=stated["where"])
    except SchemeError as fault:
        return str(fault)[:LARGEST_ANSWER]
    return "sound"


def _bounded() -> None:
    """Bound what this process may take, and leave no picture of its memory behind."""
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: SECONDS,
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_FSIZE: 0,
    }
    for kind, most in limits.items():
        _, hard = resource.getrlimit(kind)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (least, least))
