"""What people see in a terminal: progress, tables, one JSON document; figures on stdout, all else on stderr."""

import json
import resource
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table

console = Console(stderr=True, highlight=False)
_as = {"lines": False}  # how this process shows progress
EVERY = 5.0  # seconds between two lines of progress where there is no terminal
figures = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 120)


def document(content: Any) -> None:
    """Print exactly one JSON document on stdout; numbers stay numbers, what is not finite becomes null."""
    sys.stdout.write(json.dumps(finite(content), ensure_ascii=False, default=str, allow_nan=False) + "\n")
    sys.stdout.flush()


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table of figures on stdout; numbers stand right."""
    shown = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for position, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[position], int | float | None) for row in rows)
        shown.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(_cell(value) for value in row))
    figures.print(shown)


def say(text: str) -> None:
    """Print a line for people on stderr."""
    if _as["lines"]:
        _line({"message": text})
    else:
        console.print(text, markup=False, soft_wrap=True)


def progress_as(form: str) -> None:
    """Show progress as ``text`` for people or as ``json``: one object a line on stderr, for a scheduler."""
    _as["lines"] = form == "json"


def _line(content: Mapping[str, Any]) -> None:
    sys.stderr.write(json.dumps(finite(content), ensure_ascii=False, allow_nan=False) + "\n")
    sys.stderr.flush()


def quiet(_: str) -> None:
    """Progress nobody waits for."""


def peak_gib() -> float:
    """The most memory this process, or one it started and saw the end of, has held so far, in GiB."""
    used = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(used) / 2**20


@contextmanager
def step(title: str) -> Iterator["Step"]:
    """Show a step while it runs: its name, what it reports, and how long it took."""
    running = Step(title)
    if console.is_terminal and not _as["lines"]:
        with console.status(title) as status:
            running.status = status
            yield running
    else:
        yield running
    if _as["lines"]:
        _line({"step": title, "state": "done", "note": running.note, **running.spent})
    else:
        console.print(f"  {title}  {running.note}  [dim]{running.seconds:.1f} s[/dim]", soft_wrap=True)


class Step:
    """One step on the screen; ``report`` is what rooms call with a line of progress."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.note = ""
        self.status: Any = None
        self._started = time.monotonic()
        self._shown = self._started
        self._part = ("", 0, self._started)

    @property
    def seconds(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self._started

    @property
    def spent(self) -> dict[str, float]:
        """Seconds since the step began and the most memory this process has held."""
        return {"seconds": round(self.seconds, 1), "peak_gib": round(peak_gib(), 2)}

    def report(self, message: str, portion: Mapping[str, Any] | None = None) -> None:
        """Show progress: a message, and how much is done where it is known."""
        is_due = time.monotonic() - self._shown > EVERY
        if self.status is not None:
            self.status.update(f"{self.title} – {message}{_in_words(portion)}")
        elif is_due and _as["lines"]:
            _line({"step": self.title, "state": "running", "message": message, **(portion or {}), **self.spent})
        elif is_due:
            console.print(f"  … {self.title} – {message}{_in_words(portion)}", soft_wrap=True)
        if is_due:
            self._shown = time.monotonic()

    def portion(self, done: int, total: int, message: str = "") -> None:
        """Show how much of the work is done, how fast it goes and how long it will take."""
        now = time.monotonic()
        if message != self._part[0]:
            self._part = message, done, now  # what came before the first word is not its pace
        _, first, since = self._part
        rate = (done - first) / (now - since) if now > since else 0.0
        left = (total - done) / rate if rate else None
        share = done / total if total else None
        found = {"done": done, "total": total, "share": share, "per_second": rate, "seconds_left": left}
        self.report(message, {**found, "peak_gib": peak_gib()})


def _in_words(portion: Mapping[str, Any] | None) -> str:
    if portion is None:
        return ""
    share = "" if portion["share"] is None else f" {portion['share']:.0%}"
    left = "" if portion["seconds_left"] is None else f", {portion['seconds_left']:,.0f} s left"
    rate = f", {portion['per_second']:,.0f} a second" if portion["per_second"] else ""
    return f" {portion['done']:,} of {portion['total']:,}{share}{rate}{left}, peak {portion['peak_gib']:.2f} GiB"


class Watch:
    """Shows steps while they run and remembers how long each took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, title: str) -> Iterator["Step"]:
        """Show and time one step."""
        with step(title) as running:
            yield running
        self.seconds[title] = round(running.seconds, 3)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_cell(one) for one in value) + "]"
    return str(value)


def finite(content: Any) -> Any:
    """The content with null for every number that is not finite."""
    if isinstance(content, Mapping):
        return {str(key): finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [finite(value) for value in content]
    if (isinstance(content, float) and content != content) or content in (float("inf"), float("-inf")):
        return None
    return content
