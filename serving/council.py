"""The verbs of promotion: propose, approve, roll back, and who was champion when."""

from typing import TYPE_CHECKING, Annotated

import typer

from serving import display, screens
from serving.entrance import Json, day, workshop

if TYPE_CHECKING:
    from serving.workshop import Workshop

As = Annotated[str, typer.Option("--as", help="The name of the signing key of the person who acts.")]
Reason = Annotated[str | None, typer.Option(help="Why; needed for a verdict of review and for a rollback.")]

verbs = typer.Typer(help="Propose, approve and roll back a champion; who was champion when.", no_args_is_help=True)


@verbs.command()
def propose(as_: As, reason: Reason = None, json: Json = False) -> None:
    """Propose the newest scheme as champion, on its verdict and report."""
    from evaluation import promotion
    from serving import settings

    bench = workshop()
    made = bench.newest()
    verdict, report = bench.verdict(made.digest)
    entry = promotion.propose(
        bench.office,
        verdict,
        folder=made.folder,
        report=report,
        signer=promotion.Signer(as_, settings.now(), reason),
        check=lambda found, rests_on: bench.promotable(found, rests_on, settings.today(bench.settings.profile)),
    )
    screens.act(entry, json=json)


@verbs.command()
def shadow(
    month: Annotated[str, typer.Argument(help="A published month, YYYY-MM.")], as_: As, json: Json = False
) -> None:
    """Compute a published month with the newest scheme beside the champion's, and record who would move."""
    from evaluation import promotion, term
    from features.asof import Month
    from serving import settings
    from training.scheme import Scheme

    bench = workshop()
    scheme = Scheme.load(bench.newest().folder, bench.office.scheme_key)
    sealed = bench.sealed(Month.parse(month))
    with display.step(f"{month} in the shadow") as step:
        found = term.beside(bench.task(sealed.month.end, None), scheme, sealed)
        step.note = f"{found['migration']['entities']:,} entities in both"
    entry = term.shadow(bench.office, found, signer=promotion.Signer(as_, settings.now()))
    screens.shadowed(entry, json=json)


@verbs.command()
def approve(
    as_: As,
    scheme: Annotated[str, typer.Argument(help="The digest of the proposed scheme; else the newest proposal.")] = "",
    json: Json = False,
) -> None:
    """Approve a proposed scheme with another person's key: it becomes champion."""
    from evaluation import promotion
    from serving import settings

    bench = workshop()
    entry = promotion.approve(
        bench.office,
        scheme,
        signer=promotion.Signer(as_, settings.now()),
        check=lambda found, rests_on: bench.promotable(found, rests_on, settings.today(bench.settings.profile)),
        mirror=lambda digest: _mirror(bench, digest),
    )
    screens.act(entry, json=json)


@verbs.command()
def rollback(
    scheme: Annotated[str, typer.Argument(help="The digest of an earlier champion.")],
    as_: As,
    reason: Reason = None,
    json: Json = False,
) -> None:
    """Make an earlier champion champion again."""
    from evaluation import promotion
    from serving import settings

    bench = workshop()
    known = {act["scheme"] for act in promotion.history(bench.office)}
    whole = next((digest for digest in sorted(known) if digest.startswith(scheme)), scheme)
    signer = promotion.Signer(as_, settings.now(), reason)
    entry = promotion.rollback(bench.office, whole, signer=signer, mirror=lambda digest: _mirror(bench, digest))
    screens.act(entry, json=json)


@verbs.command()
def history(
    on: Annotated[str | None, typer.Option(help="Who was champion at the end of this day.")] = None,
    page: Annotated[bool, typer.Option("--page", help="Write the page of all champions' terms and acts.")] = False,
    json: Json = False,
) -> None:
    """Every promotion with who, when and on which evidence; or the champion of a day; or all as a page."""
    from evaluation import promotion

    bench = workshop()
    acts = promotion.history(bench.office)
    if page:
        screens.written([bench.champions_page(acts)], json=json)
        return
    if on is not None:
        found = promotion.champion_on(bench.office, day(on), bench.settings.profile.zone)
        scheme = found.scheme if found else None
        acts = [act for act in acts if act["scheme"] == scheme]
    screens.promotions(acts, on=on, json=json)


def _mirror(bench: "Workshop", digest: str) -> None:
    from training import registry

    model = bench.settings.profile.settings["model"]
    version = registry.version_of(bench.settings.mlruns, model, digest=digest)
    if version is not None:
        registry.alias(bench.settings.mlruns, model, version=version, name=registry.CHAMPION)
