"""The verbs of key indicators: how all of them rank for monitoring, and the choice people make of it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from serving import display, screens
from serving.entrance import Json, month_option, workshop
from serving.versions import verbs

if TYPE_CHECKING:
    from evaluation.selection import Ranked
    from serving.workshop import Workshop

__all__ = ["verbs"]

AsOf = Annotated[str | None, typer.Option("--month", help="A month `jianwei quality` looked at; else the newest.")]
Count = Annotated[int | None, typer.Option(min=1, help="How many to propose; else as many as are key now.")]


@verbs.command("keys")
def key_indicators(month: AsOf = None, count: Count = None, json: Json = False) -> None:
    """Rank the indicators for monitoring by association with risk, stability and timeliness; propose the key ones."""
    from dataclasses import asdict

    from evaluation.selection import chosen

    bench = workshop()
    facts, ranked = _ranked(bench, month, count)
    in_force, entry = chosen(bench.office, bench.definitions)
    found = {
        **facts,
        "in_force": in_force,
        "recorded": None if entry is None else {"seq": entry.seq, "by": entry.actor, "at": entry.at.isoformat()},
        "ranking": [asdict(one) for one in ranked],
    }
    screens.key_indicators(found, json=json)


@verbs.command("choose")
def choose_keys(
    as_: Annotated[str, typer.Option("--as", help="The name of the signing key of the person who chooses.")],
    reason: Annotated[str, typer.Option(help="Why these.")],
    month: AsOf = None,
    add: Annotated[list[str] | None, typer.Option(help="A code to add to the proposed ones (repeat).")] = None,
    drop: Annotated[list[str] | None, typer.Option(help="A proposed code to leave out (repeat).")] = None,
    json: Json = False,
) -> None:
    """Record the key indicators: those proposed, with some added or left out; signed, with the reason."""
    from evaluation.promotion import Signer
    from evaluation.selection import choose
    from serving import settings

    bench = workshop()
    facts, ranked = _ranked(bench, month, None)
    signer = Signer(as_, settings.now(), reason)
    entry = choose(bench.office, ranked, facts, signer=signer, add=add or (), drop=drop or ())
    found = {"seq": entry.seq, "entry": entry.digest, **dict(entry.details)}
    if json:
        display.document(found)
        return
    display.say(f"{len(found['codes'])} key indicators recorded by {as_} (journal entry {entry.seq}): {reason}")


def _ranked(bench: "Workshop", month: str | None, count: int | None) -> tuple[dict[str, Any], list["Ranked"]]:
    """What a quality table was made from, and the ranking it gives; GateError where there is none to rank by."""
    import pyarrow.parquet as pq

    from evaluation.errors import GateError
    from evaluation.selection import ranking

    folder = str(month_option(month)) if month else "*"
    paths = sorted((bench.home / "quality").glob(f"{folder}/indicators.parquet"))
    if not paths:
        raise GateError(
            f"There is no quality table of {month or 'any month'} to rank by. Nothing was ranked; run jianwei quality "
            "--as-of YYYY-MM first, after a month is sealed."
        )
    table = pq.read_table(paths[-1], page_checksum_verification=True)
    facts = {
        name.decode().removeprefix("jianwei."): text.decode() for name, text in (table.schema.metadata or {}).items()
    }
    if facts["definitions"] != bench.definitions.digest:
        raise GateError(
            f"{paths[-1]} was made with other definitions ({facts['definitions'][:12]}) than the profile's "
            f"{bench.definitions.digest[:12]}. Nothing was ranked; run jianwei quality --as-of {facts['month']} again."
        )
    return facts, ranking(table.to_pylist(), bench.definitions, count=count)
