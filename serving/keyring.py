"""The verbs of keys: signing keys of people, API keys of integrators."""

from typing import Annotated

import typer

from serving import screens
from serving.entrance import Json, workshop

verbs = typer.Typer(help="Signing keys of people, and API keys of integrators.", no_args_is_help=True)


@verbs.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="A person's name for a signing key; any label for an API key.")],
    role: Annotated[str | None, typer.Option(help="Make an API key of this role instead of a signing key.")] = None,
    region: Annotated[str, typer.Option(help="API key: only regions that begin so (empty: everywhere).")] = "",
    right: Annotated[list[str] | None, typer.Option(help="API key: internal, probability (repeat).")] = None,
    days: Annotated[int, typer.Option(min=1, max=365, help="API key: valid for so many days.")] = 90,
    json: Json = False,
) -> None:
    """Make a signing key for a person, or (with --role) an API key, shown this once."""
    from datetime import timedelta

    from features.signing import create_key as make
    from serving import access
    from serving import settings as edge

    bench = workshop()
    chosen = bench.settings
    details = {"name": name, "role": role, "region": region, "rights": sorted(right or ())}
    if role is None:
        path = make(chosen.home / "keys", name)
        bench.journal.append("key", details, at=edge.now(), actor="operator")
        screens.made_key({"name": name, "kind": "signing", "path": str(path)}, json=json)
        return
    today = edge.today(chosen.profile)
    grant = access.Grant(role, region, today + timedelta(days=days), rights=frozenset(right or ()), holder=name)
    key = access.create(bench.store, grant, today=today)
    bench.journal.append("key", {**details, "id": key.split("_")[1]}, at=edge.now(), actor="operator")
    screens.made_key({"name": name, "kind": "api", "role": role, "key": key, "expires": grant.expires}, json=json)
