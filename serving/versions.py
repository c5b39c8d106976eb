"""The verbs of versions of the indicator system: draft, review, publish, retire; what differs, what would change."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from serving import display, screens
from serving.entrance import Json, day, month_gone_by, month_option, workshop
from serving.indicators import verbs

if TYPE_CHECKING:
    from features.indicators.system import System
    from serving.workshop import Workshop

__all__ = ["verbs"]

As = Annotated[str, typer.Option("--as", help="The name of the signing key of the person who acts.")]
Name = Annotated[str, typer.Argument(metavar="VERSION", help="The name of a version.")]
Which = Annotated[str, typer.Argument(help="A version, a profile's name or folder, or: present.")]


@verbs.command()
def draft(
    version: Annotated[str, typer.Option(help="What the version is called, for example 2026.1.")],
    effective: Annotated[str, typer.Option(help="The month it is to take effect in, YYYY-MM.")],
    author: Annotated[str, typer.Option(help="The name of the signing key of its author.")],
    reason: Annotated[str, typer.Option(help="Why there is a new version.")],
    json: Json = False,
) -> None:
    """Register the profile's present definitions as a version: a signed draft with their text and queries."""
    from evaluation import versions
    from evaluation.promotion import Signer
    from features.compiled import queries
    from features.indicators.system import System
    from serving import settings

    bench, month = workshop(), month_option(effective)
    profile = bench.settings.profile
    made = versions.draft(
        bench.office,
        System.of(profile, bench.definitions),
        queries(bench.definitions, profile, month.end),
        name=version,
        effective=month,
        signer=Signer(author, settings.now(), reason),
    )
    screens.version(made.document(), json=json)


@verbs.command()
def review(version: Name, as_: As, json: Json = False) -> None:
    """Put a draft up for review."""
    from evaluation import versions

    screens.version(versions.review(workshop().office, version, signer=_signer(as_)).document(), json=json)


@verbs.command()
def publish(version: Name, as_: As, json: Json = False) -> None:
    """Publish a reviewed version with another person's key than its author's; needs its impact report."""
    from evaluation import versions

    screens.version(versions.publish(workshop().office, version, signer=_signer(as_)).document(), json=json)


@verbs.command()
def retire(
    version: Name,
    as_: As,
    reason: Annotated[str, typer.Option(help="Why it is retired.")],
    json: Json = False,
) -> None:
    """Retire a version; months made with it are still recomputed with it."""
    from evaluation import versions

    screens.version(versions.retire(workshop().office, version, signer=_signer(as_, reason)).document(), json=json)


@verbs.command("versions")
def list_versions(json: Json = False) -> None:
    """List the versions of the indicators with their states, and which the profile's definitions are."""
    from evaluation import versions

    bench = workshop()
    found = [one.document() for one in versions.register(bench.office).values()]
    if json:
        display.document({versions.PRESENT: bench.indicators, "versions": found})
        return
    screens.versions(found)
    stated = f"version {bench.version}" if bench.version else "no version"
    display.say(f"the profile's definitions are {stated} (digest {bench.definitions.digest[:12]})")


@verbs.command()
def diff(old: Which, new: Which, json: Json = False) -> None:
    """Say what differs between two indicator systems: added, removed, changed facts, settings, code lists."""
    from dataclasses import asdict

    from features.indicators.difference import difference

    bench = workshop()
    found = difference(_system(bench, old), _system(bench, new))
    sides = {side: {"name": name, "digest": getattr(found, side)} for side, name in (("old", old), ("new", new))}
    screens.difference({**asdict(found), **sides, "same": found.same}, json=json)


@verbs.command()
def impact(
    version: Name,
    month: Annotated[list[str] | None, typer.Option(help="A past month whose classes to compare (repeat).")] = None,
    known_by: Annotated[
        str | None, typer.Option(help="Labels as known by this day; else the lake's last month end.")
    ] = None,
    json: Json = False,
) -> None:
    """Work out what a version would change on past months: coverage and lift by indicator, moves between classes."""
    from evaluation import versions
    from evaluation.impact import Question, report
    from features.asof import Month
    from serving import settings

    bench = workshop()
    today = settings.today(bench.settings.profile)
    found = versions.find(bench.office, version)
    system, champion = versions.system_of(bench.office, found), bench.champion()
    until = day(known_by, until=today) if known_by else bench.known_until()
    task = bench.task(until, None if champion is None else champion.outcome)
    months = tuple(month_gone_by(one, today) for one in month or ()) or (Month.of(task.reference_month),)
    with display.step(f"impact of {version}") as step:
        asked = Question(version, system, task, champion, bench.trained_on(found.digest), months)
        told = report(asked, step.report)
        path = versions.save_impact(bench.office, version, told)
        step.note = f"{told['pairs']:,} pairs, {len(told['indicators'])} indicators, {len(months)} months"
    screens.impact(told, path, json=json)


def _signer(name: str, reason: str | None = None) -> Any:
    from evaluation.promotion import Signer
    from serving import settings

    return Signer(name, settings.now(), reason)


def _system(bench: "Workshop", name: str) -> "System":
    """The indicator system people mean: a version of the home, the present one, or another profile's."""
    from evaluation import versions
    from evaluation.errors import GateError
    from features.indicators.catalogue import load
    from features.indicators.system import System
    from features.profile import ProfileError, read_profile

    known = versions.register(bench.office)
    if name == versions.PRESENT:
        return System.of(bench.settings.profile, bench.definitions)
    if name in known:
        return versions.system_of(bench.office, known[name])
    try:
        profile = read_profile(name)
    except ProfileError as fault:
        raise GateError(
            f"{name!r} is no version of the indicators; there are {', '.join(known) or 'none'}. And it is no profile: "
            f"{fault}"
        ) from None
    return System.of(profile, load(profile))
