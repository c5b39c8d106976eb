"""Values that look beyond the entity: peers, neighbours over links, places nearby.

All are computed from what was known at T (peers and links at the last month end on or before T), leave the entity
itself out, and add integers before they divide, so no engine and no order of rows can change a bit.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from features.formulas import Column

Groups = npt.NDArray[np.int64]
Keys = npt.NDArray[np.integer]
CELL_ROW = 100_000  # a grid cell is row * CELL_ROW + column
RING = tuple(row * CELL_ROW + column for row in (-1, 0, 1) for column in (-1, 0, 1))


def peer_means(values: Column, groups: Sequence[Groups], strength: float, *, of: Keys | None = None) -> Column:
    """Each entity's peers' mean of a value, without itself, shrunk towards the wider group's.

    ``groups`` holds one group number per entity, widest first (-1: unknown); values that are null do not count.
    With ``of`` only the means of these entities, in their order; everybody counts all the same.
    """
    own, known = np.nan_to_num(values, nan=0.0), (~np.isnan(values)).astype(np.float64)
    asked = slice(None) if of is None else of
    mine, counts = own[asked], known[asked]
    parent = _left_out_mean(own.sum() - mine, known.sum() - counts, np.zeros(len(mine)), strength=0.0)
    for group in groups:
        # unknown groups are added up in the first place, which nobody reads
        place = group[asked] + 1
        others, number = (np.bincount(group + 1, weights=weights)[place] for weights in (own, known))
        inside = place > 0
        parent = _left_out_mean(
            np.where(inside, others - mine, 0.0), np.where(inside, number - counts, 0.0), parent, strength=strength
        )
    return parent


def _left_out_mean(others: Column, number: Column, parent: Column, *, strength: float) -> Column:
    """The mean of so many others, of which the sum is given, with the wider group's as if ``strength`` more had it."""
    weight = number + strength
    return np.divide(others + strength * parent, weight, out=parent.copy(), where=weight > 0)


def connected(entity: Keys, key: Keys, *, hub: int) -> tuple[Keys, Keys]:
    """The distinct links by keys that several entities share, but not more than ``hub``."""
    shared = np.bincount(key)[key]
    kept = (shared > 1) & (shared <= hub)
    return entity[kept], key[kept]


def neighbour_sums(entity: Keys, key: Keys, values: Column) -> Column:
    """For every entity the sum of a value over the others that share a key with it (see ``connected``).

    A value that is null counts as 0.
    """
    own = np.nan_to_num(values[entity], nan=0.0)
    others = np.bincount(key, weights=own)[key] - own
    return np.bincount(entity, weights=others, minlength=len(values)).astype(np.float64, copy=False)
