"""The verb that says what an entity could do itself that would change its class."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from serving import display, one_entity
from serving.entrance import Json, named_month, workshop

if TYPE_CHECKING:
    from serving.results import SealedMonth
    from serving.workshop import Workshop


def acts(
    entity: Annotated[str, typer.Argument(help="The entity's code.")],
    month: Annotated[str | None, typer.Option(help="A published month; else the newest.")] = None,
    json: Json = False,
) -> None:
    """Say what an entity could do itself (file, restore, rectify, pay) that would change its class, and to which."""
    bench = workshop()
    found = document(bench, bench.month(named_month(month)), entity)
    if json:
        display.document(found)
        return
    one_entity.acts(found)


def document(bench: "Workshop", sealed: "SealedMonth", code: str) -> dict[str, Any]:
    """The ways of one entity of a sealed month, from the values it was classified with, in both languages.

    AccessError for an entity that is not in the month, SchemeError for one without a class or a profile without acts.
    """
    import numpy as np

    from features.asof import Month
    from features.engine import Engine
    from features.matrix import Batch
    from features.reading import Reading
    from serving import recourse
    from serving.access import AccessError
    from training.acts import FILE, read_acts
    from training.carried import under
    from training.counterfactual import Asked, ways
    from training.errors import SchemeError

    light = sealed.find(code)
    if light is None:
        raise AccessError(f"{sealed.month} has no entity {code}. Nothing is shown; check the code and the month.")
    scheme = bench.scheme(sealed.parts[light["part"]].head.scheme)
    lake, definitions = under(scheme, bench.lake)
    known = read_acts(bench.settings.profile, lake.types())
    if light["class"] is None or not known:
        lacking = f"{FILE}.yaml in the profile" if not known else f"class of {code} in {sealed.month}"
        raise SchemeError(
            f"There is no {lacking} ({light['status']}); expected acts to try and a class to change. Nothing was tried."
        )
    vector = {name: np.nan if value is None else value for name, value in sealed.vector(light).items()}
    batch = Batch(
        Month.parse(sealed.month).end,
        np.array([light["entity"]], np.int32),
        np.array([scheme.kinds.index(light["kind"])], np.int8),
        np.array([list(vector.values())], np.float64),
        tuple(vector),
    )
    (found,) = ways(Reading(lake, Engine(bench.engine)), scheme, Asked(definitions, known, batch))
    words = sealed.words["notice"]
    stated = {"entity": code, "month": sealed.month, "class": light["class"], "scheme": scheme.digest}
    notices = {"notice": words["zh"], "notice_en": words["en"], **recourse.REMARKS}
    types = lake.types()
    return stated | notices | recourse.told(found, known, lambda act, _: types[act.record_type].visibility)
