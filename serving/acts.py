"""The verb that says what an entity could do itself that would change its class."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serving import display, one_entity
from serving.entrance import Json, named_month, workshop

if TYPE_CHECKING:
    from serving.results import SealedMonth
    from serving.workshop import Workshop
    from training.acts import Act
    from training.counterfactual import Recourse
    from training.supposed import Switch

REMARK = "所称类别是按分界值和规则得出的；公布的月度类别还经平稳处理，可能逐月到达。同类对比、关联主体的指标按原值计。"
REMARK_EN = (
    "The class named is what cutoffs and rules say; the class a month publishes is steadied and may get there in "
    "steps. What looks at peers and neighbours is held as it is."
)


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
    notices = {"notice": words["zh"], "notice_en": words["en"], "remark": REMARK, "remark_en": REMARK_EN}
    return stated | notices | told(found, known, {name: one.visibility for name, one in lake.types().items()})


def told(found: "Recourse", known: Sequence["Act"], visibility: Mapping[str, str]) -> dict[str, Any]:
    """Recourse as JSON: the class without steadiness, what could be done, and the ways, best first."""
    by_code = {act.code: act for act in known}

    def listed(switches: Sequence["Switch"]) -> list[dict[str, Any]]:
        return [_act(by_code[one.act], one, visibility) for one in switches]

    return {
        "class_by_cutoffs_and_rules": found.risk_class.name,
        "probability": found.probability,
        "could": listed(found.switches),
        "not_tried": found.left_out,
        "without_recourse": found.without_recourse,
        "ways": [
            {"class": way.risk_class.name, "probability": way.probability, "acts": listed(way.switches)}
            for way in found.ways
        ],
    }


def _act(act: "Act", switch: "Switch", visibility: Mapping[str, str]) -> dict[str, Any]:
    return {
        "act": act.code,
        "label": act.label,
        "label_en": act.label_en,
        "basis": act.basis,
        "record_type": act.record_type,
        "visibility": visibility[act.record_type],
        "years" if act.missed else "records": list(switch.records),
    }
