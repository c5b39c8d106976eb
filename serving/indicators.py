"""The verbs of the indicator system: list it, work its examples out."""

import typer

from serving import display
from serving.entrance import EngineName, Json, settings

verbs = typer.Typer(help="The indicator system of the profile.", no_args_is_help=True)


@verbs.command("list")
def list_indicators(json: Json = False) -> None:
    """List the indicators: code, name, unit, direction, basis, dimension, sector, examples."""
    from features.indicators.catalogue import load

    found = [
        {
            "code": one.code,
            "label": one.label,
            "label_en": one.label_en,
            "unit": one.unit,
            "direction": one.direction,
            "basis": one.basis,
            "dimension": one.dimension,
            "section": one.section,
            "sector": one.sector,
            "role": one.role,
            "monotone": one.monotone,
            "missing": one.missing,
            "visibility": one.visibility,
            "kinds": list(one.kinds),
            "items": list(one.items),
            "record_types": list(one.record_types),
            "key": one.key,
            "examples": len(one.examples),
        }
        for one in load(settings().profile).indicators
    ]
    if json:
        display.document(found)
        return
    names = ("code", "label", "unit", "direction", "dimension", "role", "examples")
    display.table(f"{len(found)} indicators", names, [[one[name] for name in names] for one in found])


@verbs.command("check")
def check_indicators(
    engine: EngineName = None,
    json: Json = False,
) -> None:
    """Work out every example of every indicator: the matrix must give the value each one states."""
    from features.engine import Engine
    from features.indicators.catalogue import load
    from features.rehearsal import examples, rehearsed

    profile = settings().profile
    chosen = Engine(engine or str(profile.settings.get("engine", "polars")))
    with display.step("examples") as step:
        worked = examples(load(profile))
        wrong = rehearsed(profile, worked, engine=chosen.name)
        step.note = f"{len(worked)} examples, {len(wrong)} wrong"
    if json:
        display.document({"examples": len(worked), "wrong": wrong})
    for line in wrong:
        display.say(line)
    if wrong:
        raise typer.Exit(2)
