"""The definition language as a page people read, from the language's own descriptions."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

from features.indicators import language
from features.indicators.catalogue import DIRECTIONS, MISSING, ROLES
from features.records.schema import VISIBILITIES

STARTING = ("records", "general", "seen", "on")
PLACED = ("sector", "dimension", "record_types")  # known from the file and the value
LANGUAGE = """A definition file may import from `features.indicators.language` and nothing else; it has assignments,
small functions and comprehensions, and every name in it is checked before it runs. `f.fine` is the field `fine` of the
record in hand. `f.fine > 100`, `>=`, `<`, `<=` compare; a further condition is a further argument of `where`.

Everything is as of T: only what was known at the end of T and has not been withdrawn counts, dated on or before T.
The file of a sector (`indicators/sectors/NAME.py`) also says which general indicators it takes over, and one indicator
of the role `member` says who belongs to it.

Money and decimals are whole numbers of their last digit (12.50 is 1250), flags are 0 or 1, a code is its position in
its list."""


def language_page() -> str:
    """Every word of the definition language with what it means, in Markdown, from the language's own descriptions."""
    lines = ["# The words of the definition language", "", *LANGUAGE.splitlines()]
    parts = {
        "Records": _methods(language.Rows),
        "Conditions": _methods(language.Field),
        "Making values of values": [one for one in _functions() if one.__name__ not in STARTING],
        "Beginning, sectors, examples": [one for one in _functions() if one.__name__ in STARTING],
    }
    for title, words in parts.items():
        lines += ["", f"## {title}", "", "| word | what it gives |", "|---|---|"]
        lines += [f"| `{_signature(one)}` | {_first_sentence(one)} |" for one in words]
    fields = [one for one in dataclasses.fields(language.Indicator) if one.name not in PLACED]
    lines += ["", "## What an indicator states", "", "| name | when left out |", "|---|---|"]
    lines += [f"| `{one.name}` | {_default(one)} |" for one in fields]
    return "\n".join(lines) + "\n"


def _functions() -> list[Callable[..., Any]]:
    found = vars(language).values()
    return [one for one in found if inspect.isfunction(one) and one.__module__ == language.__name__]


def _methods(kind: type) -> list[Callable[..., Any]]:
    return [one for name, one in vars(kind).items() if inspect.isfunction(one) and not name.startswith("_")]


def _signature(one: Callable[..., Any]) -> str:
    parameters = [each for each in inspect.signature(one).parameters.values() if each.name != "self"]
    plain = [each.replace(annotation=inspect.Parameter.empty) for each in parameters]
    owner = "." if "." in one.__qualname__ else ""
    return f"{owner}{one.__name__}{inspect.Signature(plain)}".replace("|", "\\|")


def _first_sentence(one: Callable[..., Any]) -> str:
    return " ".join((one.__doc__ or "").split()).replace("|", "\\|")


def _default(one: dataclasses.Field[Any]) -> str:
    allowed = {"direction": DIRECTIONS, "missing": MISSING, "role": ROLES, "visibility": VISIBILITIES}
    among = f" (one of {', '.join(allowed[one.name])})" if one.name in allowed else ""
    if one.default is dataclasses.MISSING:
        return "every indicator states it" + among
    return ("all kinds of the profile" if one.name == "kinds" else f"`{one.default!r}`") + among
