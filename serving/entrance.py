"""The way in for every verb: which profile, which home, options shared by verbs, and exit codes by error family."""

import re
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.steps import FULL

if TYPE_CHECKING:
    from serving.workshop import Workshop

EXIT_CODES = {
    "DeliveryError": 10,
    "ResourceError": 15,
    "MemoryError": 15,
    "OSError": 15,
    "SchemeError": 20,
    "GateError": 30,
    "ExchangeError": 40,
    "AccessError": 50,
    "StoreError": 55,
    "SigningError": 50,
    "JournalError": 60,
    "ProfileError": 2,
    "DefinitionError": 2,
}

NO_MORE = {
    "no space left on device": "disk",
    "file too large": "disk",
    "quota exceeded": "disk",
    "out of memory": "memory",
}
KEPT = "What was published and taken before stands as it was; what was under way is not used."
MAKE_ROOM = {"disk": "Make room on the disk of the home", "memory": "Give the process more memory"}
FIRST_YEAR, LAST_YEAR = 1900, 2200
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
CLASSES = ("A", "B", "C", "D")
Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document on stdout.")]
EngineName = Annotated[
    str | None,
    typer.Option(
        "--engine",
        help="polars, duckdb, duckdb@MEMORY (duckdb@2GiB), spark or spark@MASTER; else the profile's choice.",
    ),
]


class Method(StrEnum):
    """How a scheme is made: boosted trees, or a points score card on the same indicators."""

    trees = "trees"
    card = "card"


class Progress(StrEnum):
    """How progress is shown."""

    text = "text"
    json = "json"


_chosen: dict[str, str | None] = {"profile": None, "sector": None}
_opened: list["Workshop"] = []


def choose(profile: str | None, sector: str | None) -> None:
    """Remember the profile, and the sector of it, asked for on the command line."""
    _chosen.update(profile=profile, sector=sector)


def settings(*, sandbox: bool = False) -> Any:
    """The settings of this command; the tools in use are told to report nothing."""
    from serving import settings as edge

    edge.be_quiet()
    return edge.read(_chosen["profile"], _chosen["sector"], sandbox=sandbox)


def of_the_place() -> Any:
    """The settings of a command that brings records; ProfileError for a sector, which reads those of the place."""
    from features.profile import ProfileError

    found = settings()
    if found.profile.sector is not None:
        raise ProfileError(
            f"Sector {found.profile.sector} has no records of its own: it reads those of {found.profile.place}. "
            "Nothing was done; run the command without --sector."
        )
    return found


def workshop(*, sandbox: bool = False) -> "Workshop":
    """The home of this command, or its sandbox, opened for work until ``leave``."""
    from serving.workshop import Workshop

    found = Workshop(settings(sandbox=sandbox))
    _opened.append(found)
    return found


def leave() -> None:
    """Close what the command opened."""
    while _opened:
        _opened.pop().close()


def day(text: str, *, until: date | None = None) -> date:
    """A date option, not later than ``until``; a usage error when it is none."""
    try:
        found = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        found = None
    if found is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise typer.BadParameter(f"{text!r} is not a date; expected YYYY-MM-DD, years {FIRST_YEAR} to {LAST_YEAR}.")
    if until is not None and found > until:
        raise typer.BadParameter(f"{text} lies in the future; expected a day up to {until}. Nothing was done.")
    return found


def month_option(text: str) -> Any:
    """A month option; a usage error when it is none."""
    from features.asof import Month

    try:
        found = Month.parse(text)
    except ValueError as fault:
        raise typer.BadParameter(str(fault)) from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise typer.BadParameter(f"{text!r} is not a month; expected YYYY-MM, years {FIRST_YEAR} to {LAST_YEAR}.")
    return found


def month_gone_by(text: str, today: date) -> Any:
    """A month option of a month that is over: what becomes known until its last midnight belongs to it."""
    found = month_option(text)
    if found.end >= today:
        raise typer.BadParameter(
            f"{text} is not over: it ends on {found.end}, today is {today}. Nothing was done; ask again after its end."
        )
    return found


def day_or_month(text: str, today: date) -> date:
    """A date option, or the last day of a month that is over; a usage error when it is neither or lies ahead."""
    if _MONTH.fullmatch(text):
        end: date = month_gone_by(text, today).end
        return end
    return day(text, until=today)


def named_month(text: str | None) -> Any:
    """A month option that may be left out; None when it is."""
    return None if text is None else month_option(text)


def classes(named: list[str] | None) -> tuple[str, ...]:
    """The classes asked for, none for all; a usage error for what is no class."""
    for name in named or ():
        if name not in CLASSES:
            raise typer.BadParameter(f"{name!r} is not a class; expected one of {', '.join(CLASSES)}.")
    return tuple(named or ())


def exit_code(fault: BaseException) -> int | None:
    """The exit code of the fault's family; None for a fault nobody foresaw."""
    known = (EXIT_CODES[kind.__name__] for kind in type(fault).__mro__ if kind.__name__ in EXIT_CODES)
    return next(known, EXIT_CODES["ResourceError"] if _refusal(fault) else None)


def message(fault: BaseException) -> str:
    """What a fault says to people, and what was noted of it on its way."""
    return "\n".join([_words(fault), *getattr(fault, "__notes__", ())])


def _words(fault: BaseException) -> str:
    """A machine that refuses disk or memory says it in many ways, people hear one."""
    refused = _refusal(fault)
    if refused is None:
        return str(fault) or f"{type(fault).__name__}: nothing more is known; what was complete is kept."
    told = f"{fault}".partition("\n")[0]
    return f"The machine has no {refused} left ({told}). {KEPT} {MAKE_ROOM[refused]}, and run the same command again."


def _refusal(fault: BaseException) -> str | None:
    """``disk`` or ``memory`` where a fault, whichever library raised it, means that there is none left."""
    if isinstance(fault, OSError) and fault.errno in FULL:
        return "disk"
    if isinstance(fault, MemoryError) or "OutOfMemory" in type(fault).__name__:
        return "memory"
    told = str(fault).lower()
    return next((what for text, what in NO_MORE.items() if text in told), None)
