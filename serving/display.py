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
figures = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 120)


def document(content: Any) -> None:
    """Print exactly one JSON document on stdout; numbers stay numbers, what is not finite becomes null."""
    sys.stdout.write(json.dumps(_finite(content), ensure_ascii=False, default=str, allow_nan=False) + "\n")
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
    console.print(text, markup=False, soft_wrap=True)


def quiet(_: str) -> None:
    """Progress nobody waits for."""


def peak_gib() -> float:
    """The most memory this process has held so far, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


@contextmanager
def step(title: str) -> Iterator["Step"]:
    """Show a step while it runs: its name, what it reports, and how long it took."""
    running = Step(title)
    if console.is_terminal:
        with console.status(title) as status:
            running.status = status
            yield running
    else:
        yield running
    console.print(f"  {title}  {running.note}  [dim]{running.seconds:.1f} s[/dim]", soft_wrap=True)


class Step:
    """One step on the screen; ``report`` is what rooms call with a line of progress."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.note = ""
        self.status: Any = None
        self._started = time.monotonic()
        self._shown = self._started

    @property
    def seconds(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self._started

    def report(self, message: str, share: float | None = None) -> None:
        """Show progress: a message, and the share done when it is known."""
        done = "" if share is None else f" {share:.0%}"
        if self.status is not None:
            self.status.update(f"{self.title} – {message}{done}")
        elif time.monotonic() - self._shown > 5:
            console.print(f"  … {self.title} – {message}{done}", soft_wrap=True)
            self._shown = time.monotonic()

    def portion(self, done: int, total: int, message: str = "") -> None:
        """Show how much of the work is done."""
        self.report(f"{message} {done:,} of {total:,}".strip(), done / total if total else None)


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


def _finite(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {str(key): _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    if (isinstance(content, float) and content != content) or content in (float("inf"), float("-inf")):
        return None
    return content
