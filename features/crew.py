"""Helper processes: a task goes to one as a line of JSON and its answer comes back the same way.

Work on columns leaves one of two cores idle whenever Python itself is busy, and threads cannot help that. A helper is
another process of this product; it reads and writes the same folders, and ends when the process it helps ends.
"""

import contextlib
import ctypes
import importlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from features.steps import ResourceError

Given = Mapping[str, Any]
Answer = dict[str, Any]
# A helper has one core to itself: pools of threads that wait for each other cost a fifth more, and memory given back
# to the machine after every batch, to be asked for again, a tenth.
ALONE = (
    "POLARS_MAX_THREADS=1",
    "OMP_NUM_THREADS=1",
    "_RJEM_MALLOC_CONF=dirty_decay_ms:10000,muzzy_decay_ms:10000",
    "ARROW_DEFAULT_MEMORY_POOL=system",
    f"MALLOC_MMAP_THRESHOLD_={2**30}",
    f"MALLOC_TRIM_THRESHOLD_={2**33}",
)
PATIENCE = 0.5  # seconds
ROOT = Path(__file__).resolve().parent.parent
_OURS = ("features.", "training.", "serving.", "evaluation.", "builtins")


@dataclass(frozen=True)
class Task:
    """Something to do: a function of a module (``package.module:function``), what it is given, and how much it is.

    ``name`` is what other tasks wait ``after``; the largest that can begin goes first.
    """

    name: str
    function: str
    given: Given
    size: int = 1
    after: Sequence[str] = ()


@dataclass
class Crew:
    """So many helper processes; with none, tasks are done here, one after the other."""

    size: int
    _idle: "queue.SimpleQueue[_Helper]" = field(default_factory=queue.SimpleQueue)
    _helpers: "list[_Helper]" = field(default_factory=list)

    def __enter__(self) -> Self:
        for _ in range(self.size):
            helper = _Helper()
            self._helpers.append(helper)
            self._idle.put(helper)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if fault is not None:
            self._stop()
        for helper in self._helpers:
            helper.end()

    def run(
        self, tasks: Iterable[Task], done: Callable[[Task, Answer], Given | None] = lambda task, answer: None
    ) -> dict[str, Answer]:
        """The answers of all tasks by name; the first fault ends the run.

        ``done`` hears of every answer as it comes; what it gives back is added to what tasks that wait for others
        are given.
        """
        waiting = {task.name: task for task in sorted(tasks, key=lambda task: (-task.size, task.name))}
        answers: dict[str, Answer] = {}
        added: dict[str, Any] = {}
        running: dict[Future[Answer], Task] = {}
        with ThreadPoolExecutor(max(self.size, 1)) as threads:
            try:
                while waiting or running:
                    ready = [task for task in waiting.values() if answers.keys() >= set(task.after)]
                    _check_some(ready, running, waiting)
                    for task in ready[: max(self.size, 1) - len(running)]:
                        del waiting[task.name]
                        running[self._begun(threads, task, added)] = task
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        task = running.pop(future)
                        answers[task.name] = future.result()
                        added.update(done(task, answers[task.name]) or {})
            except BaseException:
                self._stop()
                raise
        return answers

    def _stop(self) -> None:
        """End all work under way: nobody will read its answers."""
        for helper in self._helpers:
            helper.kill()

    def _begun(self, threads: ThreadPoolExecutor, task: Task, added: Given) -> Future[Answer]:
        given = {**task.given, **added} if task.after else task.given
        if self.size:
            return threads.submit(self._asked, task.function, given)
        done: Future[Answer] = Future()
        done.set_result(_called(task.function, json.loads(json.dumps(given))))
        return done

    def _asked(self, function: str, given: Given) -> Answer:
        helper = self._idle.get()
        try:
            return helper.ask(function, given)
        finally:
            self._idle.put(helper)


class _Helper:
    """One helper process and its two pipes."""

    def __init__(self) -> None:
        command = ["/usr/bin/env", *ALONE, sys.executable, "-m", __name__]
        # it inherits the lock of the home it works in: nobody takes it over while a helper is at work
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, on this module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False, cwd=ROOT
        )

    def ask(self, function: str, given: Given) -> Answer:
        """The answer to one task; a fault in the helper is raised here."""
        stdin, stdout = self._pipes()
        try:
            stdin.write(json.dumps({"function": function, "given": given}).encode() + b"\n")
            stdin.flush()
            line = stdout.readline()
        except (BrokenPipeError, ValueError):
            line = b""
        if not line:
            raise ResourceError(
                f"A helper process ended with {self._process.wait()} in the middle of its work; most likely the "
                "machine had not enough memory. What was complete is kept; run the same command again."
            )
        return answer(line)

    def kill(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()

    def end(self) -> None:
        """Let the process end."""
        stdin, stdout = self._pipes()
        stdin.close()
        self._process.wait()
        stdout.close()

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("a helper is started with both pipes")
        return self._process.stdin, self._process.stdout


def _check_some(ready: Collection[Task], running: Collection[Future[Answer]], waiting: Collection[str]) -> None:
    """Nothing while something can be done; AssertionError names the tasks nobody will ever begin."""
    if not ready and not running:
        raise AssertionError(f"{', '.join(waiting)} wait for each other")


def _called(function: str, given: Given) -> Answer:
    module, _, name = function.partition(":")
    found: Answer = getattr(importlib.import_module(module), name)(**given)
    return found


def answer(line: str | bytes) -> Answer:
    """The answer a helper gave, as it wrote it; a fault it met is raised here."""
    said = json.loads(line)
    if "fault" in said:
        raise _fault(**said["fault"])
    found: Answer = said["answer"]
    return found


def _fault(module: str, name: str, message: str, told: str) -> Exception:
    """The fault a helper met, as its own class where it is one of ours or Python's; else with what the helper saw."""
    kind = getattr(importlib.import_module(module), name, None) if f"{module}.".startswith(_OURS) else None
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        return RuntimeError(f"{message}\n{told}")
    made = kind.__new__(kind)
    made.args = (message,)
    return made


def main() -> None:
    """Answer tasks from standard input until it ends; anything printed goes to standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever is helped hears it and ends this process
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    tasks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(tasks,), daemon=True).start()
    while True:
        asked = json.loads(_next(tasks))
        answers.write(json.dumps(answered(**asked)).encode() + b"\n")
        answers.flush()


def _next(tasks: "queue.SimpleQueue[bytes]") -> bytes:
    """The next task; whoever waits for one gives the memory it kept back to the machine."""
    try:
        return tasks.get(timeout=PATIENCE)
    except queue.Empty:
        with contextlib.suppress(OSError, AttributeError):  # not every C library knows how
            ctypes.CDLL(None).malloc_trim(0)
    return tasks.get()


def _read(tasks: "queue.SimpleQueue[bytes]") -> None:
    for line in sys.stdin.buffer:
        tasks.put(line)
    os._exit(0)  # whoever is helped is gone or needs nothing more: whatever is under way is not wanted


def answered(function: str, given: Given) -> Answer:
    """What a helper says of a task: its answer, or the fault it met."""
    import traceback

    try:
        return {"answer": _called(function, given)}
    except Exception as fault:
        kind = type(fault)
        said = {"module": kind.__module__, "name": kind.__qualname__, "message": str(fault)}
        return {"fault": {**said, "told": traceback.format_exc()}}


if __name__ == "__main__":
    main()
