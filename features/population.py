"""Values that look beyond the entity: peers, neighbours over links, places nearby.

All are computed from what was known at T (peers and links at the last month end on or before T), leave the entity
itself out, and add integers before they divide, so no engine and no order of rows can change a bit.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from features.formulas import Column

Groups = npt.NDArray[np.int64]
CELL_ROW = 100_000  # a grid cell is row * CELL_ROW + column
RING = tuple(row * CELL_ROW + column for row in (-1, 0, 1) for column in (-1, 0, 1))


def peer_means(values: Column, groups: Sequence[Groups], strength: float) -> Column:
    """Each entity's peers' mean of a value, without itself, shrunk towards the wider group's.

    ``groups`` holds one group number per entity, widest first (-1: unknown); values that are null do not count.
    """
    known = ~np.isnan(values)
    own = np.where(known, values, 0.0)
    parent = _left_out_mean(own, known, np.zeros(len(values), np.int64), np.zeros(len(values)), strength=0.0)
    for group in groups:
        parent = _left_out_mean(own, known, group, parent, strength=strength)
    return parent


def _left_out_mean(
    own: Column, known: npt.NDArray[np.bool_], group: Groups, parent: Column, *, strength: float
) -> Column:
    size = int(group.max(initial=-1)) + 1
    inside = group >= 0
    sums = np.bincount(group[inside], weights=own[inside], minlength=size)
    counts = np.bincount(group[inside], weights=known[inside].astype(np.float64), minlength=size)
    safe = np.where(inside, group, 0)
    others = np.where(inside, sums[safe] - own, 0.0) if size else np.zeros(len(own))
    number = np.where(inside, counts[safe] - known, 0.0) if size else np.zeros(len(own))
    weight = number + strength
    return np.divide(others + strength * parent, weight, out=parent.copy(), where=weight > 0)


def neighbour_sums(entity: npt.NDArray[np.int64], key: Groups, values: Column, *, hub: int) -> Column:
    """For every entity the sum of a value over the others that share a key with it.

    ``entity`` and ``key`` are the distinct links; keys shared by more than ``hub`` entities are left out; a value
    that is null counts as 0.
    """
    result = np.zeros(len(values))
    if not len(entity):
        return result
    shared = np.bincount(key)
    kept = (shared[key] > 1) & (shared[key] <= hub)
    entity, key = entity[kept], key[kept]
    own = np.nan_to_num(values, nan=0.0)[entity]
    sums = np.bincount(key, weights=own, minlength=len(shared))
    np.add.at(result, entity, sums[key] - own)
    return result
