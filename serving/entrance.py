"""The way in for every verb: which profile, which home, options shared by verbs, and exit codes by error family."""

import re
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
    "SigningError": 50,
    "JournalError": 60,
    "ProfileError": 2,
    "DefinitionError": 2,
}

FIRST_YEAR, LAST_YEAR = 1900, 2200
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
CLASSES = ("A", "B", "C", "D")
Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document on stdout.")]
_chosen: dict[str, str | None] = {"profile": None}


def choose(profile: str | None) -> None:
    """Remember the profile asked for on the command line."""
    _chosen["profile"] = profile


def settings() -> Any:
    """The settings of this command; the tools in use are told to report nothing."""
    from serving import settings as edge

    edge.be_quiet()
    return edge.read(_chosen["profile"])


def workshop() -> "Workshop":
    """The home of this command, opened for work."""
    from serving.workshop import Workshop

    return Workshop(settings())


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
    return next((EXIT_CODES[kind.__name__] for kind in type(fault).__mro__ if kind.__name__ in EXIT_CODES), None)
