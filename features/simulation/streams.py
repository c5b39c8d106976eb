"""Chance that depends only on the seed, the name of what is drawn and the block of entities it is drawn for."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Block:
    """A slice of the province of fixed size: its number, its first entity and how many entities it has."""

    number: int
    first: int
    size: int


@dataclass(frozen=True)
class Streams:
    """Independent counter-based generators, one a name, of one block of one seeded province."""

    seed: int
    block: int

    def rng(self, name: str) -> np.random.Generator:
        """The generator of a name; the same name gives the same numbers again."""
        digest = hashlib.sha256(f"{self.seed}/{self.block}/{name}".encode()).digest()
        return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


def blocks(entities: int, size: int) -> list[Block]:
    """The blocks of a province, the last one possibly shorter."""
    return [Block(number, first, min(size, entities - first)) for number, first in enumerate(range(0, entities, size))]


def choose(rng: np.random.Generator, weights: Floats, size: int) -> Ints:
    """Positions drawn with probability proportional to the weights."""
    edges = np.cumsum(weights, dtype=np.float64)
    return np.searchsorted(edges / edges[-1], rng.random(size), side="right").clip(max=len(edges) - 1)


def choose_by_row(rng: np.random.Generator, weights: Floats) -> Ints:
    """One position a row, drawn with probability proportional to that row's weights."""
    edges = np.cumsum(weights, axis=1, dtype=np.float64)
    return np.asarray((edges < (rng.random(len(edges)) * edges[:, -1])[:, None]).sum(axis=1), dtype=np.int64)


def at(values: npt.NDArray[Any], position: Ints, otherwise: Any) -> npt.NDArray[Any]:
    """Values by position; ``otherwise`` where the position is negative."""
    return np.append(values, np.array([otherwise], dtype=values.dtype))[np.maximum(position, -1)]


def scatter(counts: Ints) -> Ints:
    """Each position repeated as often as its count says."""
    return np.repeat(np.arange(len(counts), dtype=np.int64), counts)


def between(rng: np.random.Generator, bounds: Sequence[int], size: int) -> Ints:
    """Whole numbers drawn evenly between two bounds, both included."""
    return rng.integers(bounds[0], bounds[1] + 1, size)
