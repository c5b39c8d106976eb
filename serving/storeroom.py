"""The verbs of the store: bring it to the newest form, load sealed months into it, say what it holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from serving import display, screens
from serving.entrance import Json, month_option, workshop

NOT_AS_SEALED = 60  # as of jianwei status --verify
verbs = typer.Typer(help="The store requests are answered from, and the months loaded into it.", no_args_is_help=True)


@contextmanager
def of_sealed(month: object, head: str) -> Iterator[None]:
    """Nothing when a sealed month is loaded; what hinders it says that the month is sealed, and how to load it."""
    try:
        yield
    except Exception as fault:
        fault.add_note(
            f"{month} is sealed and published all the same: head {head}. It is not in the store, whose readers go on "
            f"with what stood. Run jianwei store load {month} or jianwei month {month} again: neither seals it anew."
        )
        raise


@verbs.command()
def upgrade(json: Json = False) -> None:
    """Bring the store to the form this version works with; what it holds is kept."""
    store = workshop().store
    if json:
        display.document({"form": store.form()})
        return
    display.say(f"the store is of form {store.form()}")


@verbs.command()
def load(
    month: Annotated[str, typer.Argument(help="A published month, YYYY-MM.")],
    again: Annotated[bool, typer.Option(help="Load it although it stands as it was sealed (offices changed).")] = False,
    json: Json = False,
) -> None:
    """Load a published month into the store and switch to it; what stood is read until then."""
    from serving import settings as edge

    bench = workshop()
    sealed = bench.month(month_option(month))
    with display.step(f"load {sealed.month}") as step:
        found = bench.load(sealed, at=edge.now(), report=step.portion, again=again)
        step.note = f"{found.rows:,} rows, load {found.load}" if found.made else "stands already"
        told = {"load": found.load, "month": found.month, "head": found.head, "rows": found.rows, "made": found.made}
        told |= step.spent
    if json:
        display.document(told)


@verbs.command()
def status(
    verify: Annotated[
        bool, typer.Option(help="Hold every row of the standing loads against the sealed months.")
    ] = False,
    json: Json = False,
) -> None:
    """Say which loads of which months the store holds, which of them are read, and how large they are; with --verify,
    whether they say what was sealed."""
    from serving import compared
    from serving.loading import loads

    bench = workshop()
    found: dict[str, Any] = {"loads": loads(bench.store)}
    if verify:
        found["faults"] = compared.faults(bench.store, bench.results, bench.home)
    if json:
        display.document(found)
    else:
        screens.loads(found["loads"])
        for fault in found.get("faults", ()):
            display.say(fault)
    if found.get("faults"):
        raise typer.Exit(NOT_AS_SEALED)
