"""The verbs of keys: signing keys of people, API keys of integrators."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from serving import screens
from serving.entrance import Json, workshop

if TYPE_CHECKING:
    from datetime import date

    from serving.access import Grant
    from serving.workshop import Workshop

DEPARTMENTS = "departments"  # the profile's file of other departments and what they are competent for
verbs = typer.Typer(help="Signing keys of people, and API keys of integrators.", no_args_is_help=True)
Sandbox = Annotated[bool, typer.Option("--sandbox", help="API key: of the sandbox, the simulated province.")]


@verbs.command("create")
def create_key(
    name: Annotated[str | None, typer.Argument(help="A person, for a signing key; the holder of an API key.")] = None,
    role: Annotated[str | None, typer.Option(help="Make an API key of this role instead of a signing key.")] = None,
    org: Annotated[str, typer.Option(help="API key: the office whose entities it reaches (none: all).")] = "",
    department: Annotated[list[str] | None, typer.Option(help="API key: only of this department (repeat).")] = None,
    right: Annotated[list[str] | None, typer.Option(help="API key: internal, probability (repeat).")] = None,
    network: Annotated[list[str] | None, typer.Option(help="API key: only from this CIDR block (repeat).")] = None,
    days: Annotated[int, typer.Option(min=1, max=365, help="API key: valid for so many days.")] = 90,
    limit: Annotated[list[str] | None, typer.Option(help="API key: NAME=NUMBER or NAME=none (repeat).")] = None,
    login: Annotated[
        str, typer.Option(help="API key nobody bears: of whom the portal of login.yaml knows by this subject.")
    ] = "",
    unbound: Annotated[bool, typer.Option("--unbound", help="API key: no limits but those set by --limit.")] = False,
    sandbox: Sandbox = False,
    json: Json = False,
) -> None:
    """Make a signing key for a person, or (with --role) an API key, shown this once."""
    from datetime import timedelta

    from serving import access
    from serving import settings as edge

    if role is None:
        _check_alone(
            {"--org": org, "--department": department, "--right": right, "--network": network, "--limit": limit}
            | {"--login": login}
        )
        _signing_key(workshop(sandbox=sandbox), name, json=json)
        return
    bench = workshop(sandbox=sandbox)
    today = edge.today(bench.settings.profile)
    limits = access.UNBOUND if unbound or sandbox else access.Limits()
    grant = access.Grant(
        role=role,
        org=org,
        expires=today + timedelta(days=days),
        departments=frozenset(department or ()),
        rights=frozenset(right or ()),
        networks=tuple(network or ()),
        limits=access.limited(limits, limit or ()),
        holder=name or "",
    )
    _check_departments(bench, grant)
    shown = _made(bench, grant, login, today)
    _remark_office(bench, org)
    made = {"number": shown["number"], **access.kept(grant), "expires": str(grant.expires)}
    noted = {**made, "kind": "login"} if login else made  # whose login it is stands in the store alone
    bench.journal.append("key", noted, at=edge.now(), actor="operator")
    screens.made_key({**made, **shown}, json=json)


@verbs.command("list")
def list_keys(sandbox: Sandbox = False, json: Json = False) -> None:
    """List the API keys there are: what each may do, until when, and which were revoked."""
    from serving import access

    screens.keys(access.listed(workshop(sandbox=sandbox).store), json=json)


@verbs.command("revoke")
def revoke_key(
    number: Annotated[str, typer.Argument(help="The key's number, the second part of it.")],
    sandbox: Sandbox = False,
    json: Json = False,
) -> None:
    """End an API key now: the next request with it is refused."""
    from serving import access
    from serving import settings as edge

    bench = workshop(sandbox=sandbox)
    at = edge.now()
    access.revoke(bench.store, number, at=at)
    bench.journal.append("key.revoked", {"number": number}, at=at, actor="operator")
    screens.revoked_key({"number": number, "revoked": at.isoformat()}, json=json)


def _made(bench: "Workshop", grant: "Grant", login: str, today: "date") -> dict[str, str]:
    """What is shown of a key that was just made: its token, or the person who comes in as it."""
    from serving import access
    from serving.portal import FILE, registration

    if not login:
        key = access.create(bench.store, grant, today=today)
        return {"kind": "api", "number": key.split("_")[1], "key": key}
    profile = bench.settings.profile
    portal = registration(profile)
    if portal is None:
        raise access.AccessError(
            f"{profile.folder / FILE}.yaml does not exist, so no portal vouches for {login!r}; expected the file "
            "(docs/service.md). No key was made."
        )
    number = access.create_for(bench.store, grant, access.Person(portal.issuer, login), today=today)
    return {"kind": "login", "number": number, "issuer": portal.issuer, "login": login}


def _check_alone(given: Mapping[str, object]) -> None:
    """Nothing when no option of an API key was given; a usage error otherwise: what was asked for is no signing key."""
    named = [option for option, value in given.items() if value]
    if named:
        raise typer.BadParameter(f"{', '.join(named)}: only an API key has that, and it needs --role. No key was made.")


def _signing_key(bench: "Workshop", name: str | None, *, json: bool) -> None:
    from features.signing import create_key as make
    from serving import settings as edge

    if name is None:
        raise typer.BadParameter("A signing key needs the name of a person; an API key needs --role. No key was made.")
    path = make(bench.keys, name)
    bench.journal.append("key", {"name": name, "kind": "signing"}, at=edge.now(), actor="operator")
    screens.made_key({"name": name, "kind": "signing", "path": str(path)}, json=json)


def _check_departments(bench: "Workshop", grant: "Grant") -> None:
    """Nothing when the profile knows the departments of a grant, or states none at all; AccessError otherwise."""
    from serving.access import AccessError

    if not bench.settings.profile.has(DEPARTMENTS):
        return
    lines = bench.settings.profile.table(DEPARTMENTS)
    known = {str(one["code"]) for line in lines for one in line["departments"]}
    for code in sorted(grant.departments - known):
        raise AccessError(
            f"Department {code!r} is not in {DEPARTMENTS}.yaml; expected one of {', '.join(sorted(known))}. "
            "No key was made."
        )


def _remark_office(bench: "Workshop", org: str) -> None:
    """Say so when an office supervises nobody in the newest month of the store: it may be mistyped, or new."""
    from serving import display, loading
    from serving.tables import STANDING

    months = [one["month"] for one in loading.loads(bench.store) if one["state"] == STANDING]
    stood = loading.standing(bench.store, max(months)) if org and months else None
    if stood is not None and not any(org in path.split("/") for path in stood["told"]["orgs"]):
        display.say(
            f"Office {org} supervises nobody in {stood['month']}: the key finds no entity there. Is it mistyped?"
        )
