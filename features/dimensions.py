"""Along what entities are set side by side: their kind, a field of the register, or an indicator (``slices.yaml``)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from features.profile import Profile, ProfileError
from features.records.schema import REGISTER, record_types

FILE = "slices"
KIND = "kind"
BY = ("field", "indicator")
UNKNOWN = "-"  # the part of those of whom it is not known
NOT_REGISTERED, NO_VALUE = ("未登记", "not registered"), ("无值", "no value")
Words = tuple[str, str]
Coded = Mapping[str, tuple[Words, str]]
"""By code of a list: its words, and the code above it."""


@dataclass(frozen=True)
class Dimension:
    """How entities are parted: by kind, by a field of the register (or what stands above its code), or by an indicator.

    An indicator is parted at ``bounds``, or into so many ``parts`` of equal weight. ``names`` are the words of the
    parts between bounds and, last, of those without a value. ``overview`` says that pages tell a month by it.
    """

    code: str
    label: Words
    field: str | None = None
    above: bool = False
    indicator: str | None = None
    bounds: tuple[float, ...] = ()
    parts: int = 0
    names: tuple[Words, ...] = ()
    overview: bool = False


def read_dimensions(profile: Profile) -> tuple[Dimension, ...]:
    """The dimensions a profile lists in ``slices.yaml``, none without it.

    ProfileError for one that says too little or too much.
    """
    return tuple(_dimension(profile, row) for row in profile.table(FILE)) if profile.has(FILE) else ()


def _dimension(profile: Profile, row: Mapping[str, Any]) -> Dimension:
    found = Dimension(
        code=row["code"],
        label=_words(row, row["code"]),
        field=row.get("field"),
        above=bool(row.get("above", False)),
        indicator=row.get("indicator"),
        bounds=tuple(float(bound) for bound in row.get("bounds", ())),
        parts=int(row.get("parts", 0)),
        names=tuple(_words(one, one["label"]) for one in row.get("names", ())),
        overview=bool(row.get("overview", False)),
    )
    wrong = _fault(found)
    if wrong is not None:
        raise ProfileError(
            f"{FILE}.yaml of profile {profile.name}, {found.code}: {wrong}. Nothing was done; correct the file."
        )
    return found


def _words(row: Mapping[str, Any], otherwise: str) -> Words:
    return row["label"], row.get("label_en", otherwise)


def _fault(one: Dimension) -> str | None:
    """What is wrong with a dimension as it is written, if anything."""
    named = [name for name in (one.field, one.indicator) if name]
    if len(named) != 1 and one.code != KIND:
        return f"{len(named)} of {', '.join(BY)}; expected one"
    if one.names and len(one.names) != len(one.bounds) + 2:
        return f"{len(one.names)} names; expected {len(one.bounds) + 2}, the last for those without a value"
    if one.overview and not (one.field or one.bounds):
        return "overview is true; expected a field, or an indicator with bounds, which are the same every month"
    return None


def words_of(profile: Profile, field: str) -> dict[str, tuple[Words, str]]:
    """By code of the list of a field of the register: its words, and the code above it."""
    name = record_types(profile)[REGISTER].field(field).list
    if name is None:
        return {}
    rows = profile.codelist(name).rows
    return {str(row["code"]): (_words(row, row["label"]), str(row.get("parent", ""))) for row in rows}


def parts_of_codes(dimension: Dimension, words: Coded, codes: Iterable[str]) -> dict[str, str]:
    """The part each of some codes of a field belongs to: the code itself, or what stands above it."""
    if not dimension.above:
        return {code: code for code in codes}
    return {code: (words[code][1] if code in words else "") or UNKNOWN for code in codes}


def named_codes(words: Coded, found: Iterable[str]) -> dict[str, Words]:
    """The parts found along a field, in order, with their words; those of whom the register says nothing come last."""
    names = {code: words[code][0] if code in words else (code, code) for code in sorted({*found} - {UNKNOWN})}
    return {**names, UNKNOWN: NOT_REGISTERED}


def steps(values: npt.NDArray[np.float64], bounds: Sequence[float]) -> npt.NDArray[np.int64]:
    """Between which bounds each value lies, by number from 0; a bound belongs to what is below it; -1: no value."""
    place = np.searchsorted(np.asarray(bounds, np.float64), values, side="left")
    return np.where(np.isnan(values), -1, place)


def named_steps(bounds: Sequence[float], names: Sequence[Words] = ()) -> dict[str, Words]:
    """The parts between bounds by number, in order, with their words; those without a value come last."""
    if not names:
        edges = ["", *(f"{bound:g}" for bound in bounds), ""]
        names = [*((one, one) for one in map(_between, pairwise(edges))), NO_VALUE]
    return dict(zip([*map(str, range(len(bounds) + 1)), UNKNOWN], names, strict=True))


def _between(edges: tuple[str, str]) -> str:
    low, high = edges
    return f"{low}–{high}" if low and high else (f"≤ {high}" if high else f"> {low}")
