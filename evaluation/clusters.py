"""Controller clusters: entities that one person or entity leads, holds or controls, directly or over others."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from evaluation.errors import GateError
from evaluation.metrics import Integers
from features.asof import month_end_on_or_before
from features.everyone import Everyone, linking
from features.indicators.language import Neighbours, records, same
from features.population import connected
from features.profile import Profile
from features.reading import Reading
from features.records.schema import record_types
from training.outcomes import conditions

CONTROLLERS = "controllers"  # the profile's file of this
PARTS = {"record_type", "key", "hub"}


def read_controllers(profile: Profile) -> tuple[Neighbours, ...]:
    """The links of control a profile lists in ``controllers.yaml``, none without it; GateError for one that cannot be
    read."""
    if not profile.has(CONTROLLERS):
        return ()
    return tuple(_link(profile, row) for row in profile.table(CONTROLLERS))


def _link(profile: Profile, row: Mapping[str, Any]) -> Neighbours:
    where = f"{CONTROLLERS}.yaml of profile {profile.name}"
    if missing := sorted(PARTS - set(row)):
        raise GateError(
            f"{where}: a link without {', '.join(missing)}; expected {', '.join(sorted(PARTS))}. "
            "Nothing was studied; add it."
        )
    name, key = str(row["record_type"]), str(row["key"])
    known = record_types(profile)
    tests = conditions(row.get("where", ()), where)
    fields = known[name].fields if name in known else {}
    unknown = [field for field in (key, *(one.field for one in tests)) if field not in fields]
    if unknown:
        raise GateError(
            f"{where}: {', '.join(unknown)} of {name}; expected fields of a record type of the catalogue. "
            "Nothing was studied; correct it."
        )
    return same(records(name).where(*tests).in_effect(), key, hub=int(row["hub"]))


def clusters(reading: Reading, links: Sequence[Neighbours], *, as_of: date) -> Integers:
    """The number of every entity's cluster, by entity key: one for all whom links join, one of its own for others.

    Links are those that stand at the last month end on or before a date, as indicators read them.
    """
    everyone = Everyone(reading, links, [month_end_on_or_before(as_of)])
    nodes, ends = reading.size, [np.empty((2, 0), np.int64)]
    for link in links:
        entity, key = connected(*everyone.links[linking(link)].at(0, None), hub=link.hub)
        ends.append(np.stack([entity.astype(np.int64), key.astype(np.int64) + nodes]))
        nodes += int(key.max(initial=-1)) + 1
    entity, key = np.concatenate(ends, axis=1)
    graph = coo_array((np.ones(len(entity), np.int8), (entity, key)), shape=(nodes, nodes))
    _, number = connected_components(graph, directed=False)
    return np.asarray(number[: reading.size], np.int64)
