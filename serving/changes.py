"""What changed about an entity since the sealed month before, and what that is owed to."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from features.asof import Month
from features.matrix import Batch
from serving.classification import CLASSIFIED, MARGIN
from serving.months import AnyMonth, AnyMonths
from training.change import Side, change
from training.cutoffs import RiskClass
from training.scheme import Scheme

LEAST = 1e-9  # a contribution that moved by less has not moved
Document = dict[str, Any]


def since_before(
    results: AnyMonths, month: AnyMonth, light: Mapping[str, Any], scheme_of: Callable[[str], Scheme]
) -> Document | None:
    """The change of an entity from the last sealed month before; null where it was not classified in both, or
    under other kinds or another indicator system.

    ``log_odds`` (data, model) and ``steps`` of class (data, model, threshold, rule, steadiness) add up to ``change``
    and to the classes; ``contributions`` are those that moved, under the earlier scheme, and ``internal_values`` the
    indicators that counted an internal record then.
    """
    names = [name for name in results.months() if name < month.month]
    earlier = results.month(names[-1]) if names else None
    then = None if earlier is None else earlier.find(light["code"])
    if earlier is None or then is None or {light["status"], then["status"]} != {CLASSIFIED}:
        return None
    before, after = (_side(one, row, scheme_of) for one, row in ((earlier, then), (month, light)))
    known = [(one.scheme.kinds, one.scheme.definitions) for one in (before, after)]
    if known[0] != known[1]:  # the same name may count another thing: nothing can be exchanged alone
        return None
    found = change(before, after)
    lines = zip(before.scheme.lines, found.lines[0].tolist(), strict=True)
    return {
        "since": earlier.month,
        "scheme_before": before.scheme.digest,
        "class_before": then["class"],
        "probability_before": then["probability"],
        "change": float(found.log_odds_in_all[0]),
        "log_odds": {name: float(part[0]) for name, part in found.log_odds.items()},
        "steps": {name: int(part[0]) for name, part in found.steps.items()},
        "contributions": {name: added for name, added in lines if abs(added) > LEAST},
        "contributions_in": MARGIN,
        "internal_values": earlier.full(then)["internal"] or [],
    }


def _side(month: AnyMonth, light: Mapping[str, Any], scheme_of: Callable[[str], Scheme]) -> Side:
    scheme = scheme_of(month.parts[light["part"]].head.scheme)
    vector = month.vector(light)
    values = np.array([[np.nan if value is None else value for value in vector.values()]], np.float64)
    kind = np.array([scheme.kinds.index(light["kind"])], np.int8)
    entity = np.array([light["entity"]], np.int32)
    batch = Batch(Month.parse(month.month).end, entity, kind, values, tuple(vector))
    model, final = (np.array([RiskClass[light[name]]], np.int8) for name in ("model_class", "class"))
    return Side(scheme, batch, model, final)
