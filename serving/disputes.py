"""The verbs of disputes: which are open and until when, what one says, and closing it."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from serving import display
from serving.entrance import Json, workshop

verbs = typer.Typer(help="Disputes: list, show and close the reviews they open.", no_args_is_help=True)
TOLD = ("dispute", "entity", "month", "kind", "state", "due")
Number = Annotated[str, typer.Argument(help="The dispute's number.")]


@verbs.command("list")
def list_disputes(
    everything: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False, json: Json = False
) -> None:
    """List open disputes, the one due first first."""
    from serving import reviews
    from serving import settings as edge

    bench = workshop()
    rows = reviews.listed(bench.store, everything=everything)
    today = edge.today(bench.settings.profile)
    found = [{name: row[name] for name in TOLD} | {"late": reviews.is_late(row, today)} for row in rows]
    if json:
        display.document({"today": today, "disputes": found})
        return
    display.table("Disputes", [*TOLD, "late"], [[str(value) for value in one.values()] for one in found])


@verbs.command("show")
def show(dispute: Number, json: Json = False) -> None:
    """Show a dispute with its statement: it may hold personal information."""
    from serving import reviews
    from serving.access import AccessError

    row = reviews.found(workshop().store, dispute)
    if row is None:
        raise AccessError(f"There is no dispute {dispute}. Nothing is shown; see jianwei disputes list.")
    _shown(row, json=json)


@verbs.command("close")
def close(
    dispute: Number,
    outcome: Annotated[str, typer.Option(help="upheld, partly, rejected or withdrawn.")],
    reply: Annotated[str, typer.Option(help="What is said back, up to 2,000 characters.")],
    as_: Annotated[str, typer.Option("--as", help="The name of the signing key of the person who closes it.")],
    json: Json = False,
) -> None:
    """Close a dispute, signed by another person. Its class stays: records are corrected, months recomputed.

    On the pages the same is done with an API key in a person's name, without a signature.
    """
    from serving import reviews
    from serving import settings as edge

    bench = workshop()
    closing = reviews.Closing(outcome, reply, as_, edge.now())
    _shown(reviews.close(bench.store, bench.home, dispute, closing), json=json)


def _shown(row: Mapping[str, Any], *, json: bool) -> None:
    found = {name: row[name] for name in TOLD} | dict(row["told"])
    if json:
        display.document(found)
        return
    display.table("Dispute", ["what", "said"], [[name, str(value)] for name, value in found.items()])
