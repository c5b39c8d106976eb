"""What a study shows: words, tables and pictures in Chinese and English, laid out alike in every report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import floor, log10
from typing import Any

Words = tuple[str, str]
"""One text in Chinese and in English."""

Band = tuple[float, float]


@dataclass(frozen=True)
class Cell:
    """A place in a table: its text, the same in both languages or not, and what stands below it in small print."""

    text: Words
    small: str = ""


Content = Cell | Words | str
"""What may stand in a row: a cell, or the text of one without small print."""


@dataclass(frozen=True)
class Table:
    """A table: its caption, the head of every column, and its rows."""

    caption: Words
    head: tuple[Words, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Value:
    """A figure the gate holds against a threshold: whose it is, null where it cannot be judged, and its interval."""

    subject: str
    value: float | None
    interval: Band | None = None


@dataclass(frozen=True)
class Shown:
    """A study as a report shows it: title, what it asks and how to read it, pictures (SVG) and their tables.

    ``figures`` is what it found, as JSON under ``code``; ``judged`` the figures the gate looks at, by code of check.
    """

    code: str
    title: Words
    question: Words
    tables: tuple[Table, ...] = ()
    pictures: tuple[str, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    judged: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)


def table(caption: Words, head: Sequence[Words], rows: Sequence[Sequence[Content]]) -> Table:
    """A table of cells, or of what they would hold."""
    return Table(caption, tuple(head), tuple(tuple(_cell(one) for one in row) for row in rows))


def _cell(value: Content) -> Cell:
    if isinstance(value, Cell):
        return value
    return Cell((value, value) if isinstance(value, str) else value)


def measured(value: float | None, interval: Band | None = None) -> Cell:
    """A figure with its interval below it."""
    return Cell((figure(value),) * 2, band(interval))


def shared(value: float | None, interval: Band | None = None) -> Cell:
    """A share with its interval below it."""
    return Cell((share(value),) * 2, share_band(interval))


def figure(value: float | None) -> str:
    """A figure with three digits that mean something; a dash where there is none."""
    if value is None:
        return "–"
    if value == 0 or float(value).is_integer():
        return f"{value:,.0f}"
    if abs(value) < 0.001:
        return f"{value:.1e}"
    digits = max(0, 2 - floor(log10(abs(value))))
    return f"{value:.{min(digits, 3)}f}"


def band(interval: Band | None) -> str:
    """An interval as people read it."""
    return "" if interval is None else f"[{figure(interval[0])}, {figure(interval[1])}]"


def percent(value: float, digits: int = 0) -> str:
    """A share as people read it; small shares keep the digits they need."""
    small = 1e-5 <= value < 0.01
    needed = max(digits, -floor(log10(value)) - 2) if small else digits
    return f"{value * 100:.{needed}f}%"


def share(value: float | None, digits: int = 1) -> str:
    """A share in per cent; a dash where there is none."""
    return "–" if value is None else percent(value, digits)


def share_band(interval: Band | None) -> str:
    """An interval of shares as people read it."""
    return "" if interval is None else f"[{percent(interval[0], 1)}, {percent(interval[1], 1)}]"


def count(value: int) -> str:
    """A number of things."""
    return f"{value:,}"
