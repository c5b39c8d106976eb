"""The map of the overview: a tile for every city or county, or its outline; a number and a letter beside the colour."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.pages.figures import Shares, changed, share
from serving.pages.places import CITY, COUNTY, WIDTH, Places, Ring

COUNT, SHARE, CHANGE = "count", "share", "change"
SHOWS = (SHARE, COUNT, CHANGE)
STEPS = "abcde"  # of the numbers told, from the least to the most
SIDE, GAP = 56, 4  # of a tile
NONE = "none"  # the colour of a region whose number is not told


@dataclass(frozen=True)
class Shape:
    """A region on the map: what it is, where, and what is told of it."""

    code: str
    value: float | None
    step: str
    x: float
    y: float
    path: str = ""


@dataclass(frozen=True)
class Map:
    """A map: its shapes and its size."""

    shapes: tuple[Shape, ...]
    width: float
    height: float
    is_outlined: bool = False

    @property
    def steps(self) -> dict[str, tuple[float, float]]:
        """The least and the most of every step some region has."""
        found: dict[str, list[float]] = {}
        for one in self.shapes:
            if one.value is not None:
                found.setdefault(one.step, []).append(one.value)
        return {step: (min(found[step]), max(found[step])) for step in STEPS if step in found}


def value_of(shows: str, code: str, now: Shares, before: Shares | None) -> float | None:
    """What a region's colour says of class D: count, share, or change of the share; nothing where it is not told."""
    line = now.of_region(code)
    if line is None:
        return None
    if shows == COUNT:
        return line.cells["D"].told
    if shows == SHARE:
        return share(line, "D")
    return changed(line, None if before is None else before.of_region(code), "D")


def written(shows: str, value: float | None) -> str:
    """The number of a region as the map bears it."""
    if value is None:
        return "…"
    if shows == COUNT:
        return f"{value:,.0f}"
    return f"{100 * value:+.1f}" if shows == CHANGE else f"{100 * value:.1f}%"


def drawn(places: Places, codes: Sequence[str], value: Callable[[str], float | None]) -> dict[str, Map]:
    """The maps of some regions: their outlines where approved, else tiles of cities and of counties."""
    if places.outlines:
        return {COUNTY: _outlined(places.outlines, codes, value)}
    maps = {level: _tiled(places.tiles.get(level, {}), codes, value) for level in (CITY, COUNTY)}
    return {level: one for level, one in maps.items() if len(one.shapes) > 1}


def _tiled(at: Mapping[str, tuple[int, int]], codes: Sequence[str], value: Callable[[str], float | None]) -> Map:
    own = {code: at[code] for code in codes if code in at}
    left, top = (min((place[axis] for place in own.values()), default=0) for axis in (0, 1))
    right, bottom = (max((place[axis] for place in own.values()), default=0) for axis in (0, 1))
    values = {code: value(code) for code in own}
    bounds = _bounds(values.values())
    shapes = tuple(
        Shape(code, values[code], _step(values[code], bounds), (column - left) * SIDE, (row - top) * SIDE)
        for code, (column, row) in own.items()
    )
    return Map(shapes, (right - left + 1) * SIDE, (bottom - top + 1) * SIDE)


def _outlined(rings: Mapping[str, Sequence[Ring]], codes: Sequence[str], value: Callable[[str], float | None]) -> Map:
    own = {code: rings[code] for code in codes if code in rings}
    values = {code: value(code) for code in own}
    bounds = _bounds(values.values())
    shapes = []
    for code, parts in own.items():
        xs, ys = ([point[axis] for ring in parts for point in ring] for axis in (0, 1))
        middle = ((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)
        shapes.append(Shape(code, values[code], _step(values[code], bounds), *middle, path=_path(parts)))
    height = max((point[1] for parts in rings.values() for ring in parts for point in ring), default=0)
    return Map(tuple(shapes), WIDTH, height, is_outlined=True)


def _path(rings: Sequence[Ring]) -> str:
    return "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in ring) + "Z" for ring in rings)


def _bounds(values: Any) -> tuple[float, ...]:
    """The most of every step but the last: fifths of the numbers that are told."""
    told = sorted(one for one in values if one is not None)
    return tuple(told[max(len(told) * number // len(STEPS) - 1, 0)] for number in range(1, len(STEPS))) if told else ()


def _step(value: float | None, bounds: Sequence[float]) -> str:
    """The step of a number: of numbers alike in several fifths the first, so many zeros are the least, not the most."""
    return NONE if value is None else STEPS[bisect_left(bounds, value)]
