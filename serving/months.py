"""What is asked of sealed months, whether they lie in files or were loaded into a store."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from serving.ledger import Head

RANKS = 1000


class AnyPart(Protocol):
    """A sealed folder of a month, lying in files or loaded into a store."""

    @property
    def head(self) -> Head:
        """Its signed head."""

    @property
    def indicators(self) -> Mapping[str, str | None]:
        """The indicator system its values were worked out with."""


class AnyMonth(Protocol):
    """A sealed month, lying in files or loaded into a store, as it is asked about single entities."""

    @property
    def month(self) -> str:
        """Which month it is."""

    @property
    def parts(self) -> Sequence[AnyPart]:
        """Its sealed folders, the month as first published before its supplements."""

    @property
    def words(self) -> Mapping[str, Any]:
        """The words of the newest part."""

    def find(self, code: str) -> dict[str, Any] | None:
        """The light row of an entity, or nothing."""

    def supplement(self, light: Mapping[str, Any]) -> int:
        """The supplement an entity's row comes from."""

    def full(self, light: Mapping[str, Any]) -> dict[str, Any]:
        """The whole sealed row of an entity, reasons included."""

    def vector(self, light: Mapping[str, Any]) -> dict[str, float | None]:
        """The indicator values of a classified entity, by code."""

    def evidence(self, light: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The records an entity's reasons cite, by indicator, the latest first."""


class AnyMonths(Protocol):
    """Where sealed months are found."""

    def months(self) -> list[str]:
        """The months there are, oldest first."""

    def month(self, name: str, /) -> AnyMonth:
        """A month by name."""


def thousandths(margins: npt.NDArray[np.float64]) -> list[float]:
    """Margins ascending: all of up to a thousand, else every thousandth."""
    if len(margins) > RANKS:
        margins = np.quantile(margins, (np.arange(RANKS) + 0.5) / RANKS)
    found: list[float] = np.sort(margins).tolist()
    return found


def rank(ranks: Mapping[str, Sequence[float]], light: Mapping[str, Any]) -> float | None:
    """The share of the classified of an entity's kind whose margin is lower than its own, to a thousandth."""
    margins = ranks.get(light["kind"])
    return None if not margins else bisect_left(margins, light["margin"]) / len(margins)
