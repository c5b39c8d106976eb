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
    mean = np.zeros(len(own[asked]))
    everybody = np.zeros(len(own), np.int64)
    for group, more in [(everybody, 0.0), *((one, strength) for one in groups)]:
        place = group[asked] + 1  # what is unknown is added up in the first place, which nobody reads
        inside = place > 0
        others = np.where(inside, np.bincount(group + 1, weights=own)[place] - own[asked], 0.0)
        number = np.where(inside, np.bincount(group + 1, weights=known)[place] - known[asked], 0.0)
        weight = number + more
        mean = np.divide(others + more * mean, weight, out=mean.copy(), where=weight > 0)
    return mean


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
