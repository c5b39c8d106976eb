"""The way in for every verb: which profile, which home, options shared by verbs, and exit codes by error family."""

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


def day(text: str) -> date:
    """A date option; a usage error when it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date; expected YYYY-MM-DD.") from None


def month_option(text: str) -> Any:
    """A month option; a usage error when it is none."""
    from features.asof import Month

    try:
        return Month.parse(text)
    except ValueError as fault:
        raise typer.BadParameter(str(fault)) from None


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
