"""What an entity could do itself that would change its class, as a document, and the part of it a key may see."""

from collections.abc import Callable, Sequence
from typing import Any

from serving.visibility import PUBLISHABLE
from training.acts import Act
from training.counterfactual import Recourse, Way
from training.supposed import Switch

Document = dict[str, Any]
WAYS, NONE, SAFEST = "ways", "none", "safest"
NOT_CLASSIFIED, ONLY_CLASS, NO_ACTS = "not_classified", "only_class", "no_acts"
AWAY, DIFFER = "records_away", "records_differ"
STATES = (WAYS, NONE, SAFEST, NOT_CLASSIFIED, ONLY_CLASS, NO_ACTS, AWAY, DIFFER)
REMARKS = {
    "remark": "所称类别是按分界值和规则得出的；公布的月度类别还经平稳处理，可能逐月到达。"
    "同类对比、关联主体的指标按原值计。",
    "remark_en": "The class named is what cutoffs and rules say; the class a month publishes is steadied and may get "
    "there in steps. What looks at peers and neighbours is held as it is.",
}


def told(found: Recourse, known: Sequence[Act], visibility: Callable[[Act, Switch], str]) -> Document:
    """Recourse as JSON: the class without steadiness, what could be done, and the ways, best first."""
    by_code = {act.code: act for act in known}

    def listed(switches: Sequence[Switch]) -> list[Document]:
        return [_act(by_code[one.act], one, visibility(by_code[one.act], one)) for one in switches]

    def way(one: Way) -> Document:
        return {"class": one.risk_class.name, "probability": one.probability, "acts": listed(one.switches)}

    return {
        "class_by_cutoffs_and_rules": found.risk_class.name,
        "probability": found.probability,
        "could": listed(found.switches),
        "not_tried": found.left_out,
        "without_recourse": found.without_recourse,
        "ways": [way(one) for one in found.ways],
    }


def _act(act: Act, switch: Switch, visibility: str) -> Document:
    return {
        "act": act.code,
        "label": act.label,
        "label_en": act.label_en,
        "basis": act.basis,
        "record_type": act.record_type,
        "visibility": visibility,
        "years" if act.missed else "records": list(switch.records),
    }


def searched(found: Document) -> Document:
    """What a search found, as it is answered."""
    kept = ("class_by_cutoffs_and_rules", "probability", "could", "not_tried", "ways")
    return {
        "state": WAYS if found["ways"] else NONE,
        **{name: found[name] for name in kept},
        "internal": False,
        **REMARKS,
    }


def visible(found: Document, *, internal: bool, probability: bool) -> Document:
    """The part of an answer that may be seen with these rights.

    Without ``internal`` there is no act about an internal record and no way that takes one, only that there are some;
    without ``probability`` neither probability is told.
    """
    if "ways" not in found:
        return found
    shown = dict(found)
    if not internal:
        shown["could"] = [one for one in found["could"] if _open(one)]
        shown["ways"] = [way for way in found["ways"] if all(map(_open, way["acts"]))]
        shown["internal"] = len(shown["could"]) < len(found["could"])
        shown["state"] = WAYS if shown["ways"] else NONE
    if not probability:
        shown.pop("probability")
        shown["ways"] = [{name: way[name] for name in ("class", "acts")} for way in shown["ways"]]
    return shown


def _open(act: Document) -> bool:
    return bool(act["visibility"] == PUBLISHABLE)
