"""Regions as pages speak of them: the one in force for a code, the city above it, its name, its place on the map."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from features.profile import Profile, ProfileError

REGIONS = "regions"
SETTINGS, TILES = "overview", "tiles"
CITY, COUNTY = "cities", "counties"
CITY_LETTERS = 4  # of a code of GB/T 2260 that name the city
UNKNOWN = ""
OWN = "-"  # after the code of a city: what lies in it and in none of its counties
WIDTH = 1000  # of a map drawn from outlines, in units of its picture
Ring = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Places:
    """The regions of a profile."""

    profile: Profile

    def county(self, code: str | None) -> str:
        """The region a code stands for now; one that was dissolved is the one that took its place."""
        while code and (heir := self._rows.get(code, {}).get("successor")):
            code = str(heir)
        return code or UNKNOWN

    def city(self, code: str) -> str:
        """The city above a county; a region the profile knows nothing above stands for itself."""
        row = self._rows.get(code, {})
        is_county = row.get("level") == "county"
        return str(row["parent"]) if is_county and "parent" in row else code

    def lines(self, code: str) -> tuple[str, str]:
        """Under which lines of a table by region a code counts: that of its city, and its own below it."""
        county = self.county(code)
        city = self.city(county)
        return city, county + OWN if county == city else county

    def prefix(self, code: str) -> str:
        """What the codes of a region and of all below it begin with."""
        code = code.removesuffix(OWN)
        level = self._rows.get(code, {}).get("level")
        return code.rstrip("0") if level == "province" else code[:CITY_LETTERS] if level == "city" else code

    def label(self, code: str, language: str) -> str:
        """A region's name, or its code where it has none."""
        if code == UNKNOWN:
            return "未登记区划" if language == "zh" else "no region on record"
        if code.endswith(OWN):
            return self.label(code.removesuffix(OWN), language) + ("本级" if language == "zh" else " itself")
        row = self._rows.get(code, {"label": code})
        return str((row.get("label_en") if language == "en" else None) or row["label"])

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """What the profile says of the overview: rules counted apart, a file of outlines; nothing needs to be said."""
        return dict(self.profile.table(SETTINGS)) if self.profile.has(SETTINGS) else {}

    @cached_property
    def tiles(self) -> Mapping[str, Mapping[str, tuple[int, int]]]:
        """Column and row of every city and county on our own map; empty where the profile has none."""
        if not self.profile.has(TILES):
            return {}
        stated = self.profile.table(TILES)
        return {level: {str(code): (at[0], at[1]) for code, at in stated[level].items()} for level in (CITY, COUNTY)}

    @cached_property
    def outlines(self) -> Mapping[str, Sequence[Ring]]:
        """The outlines of regions by code, in units of a picture ``WIDTH`` wide; empty where no file is approved.

        ProfileError when the file is not there or not GeoJSON with the code of a region in each feature.
        """
        name = self.settings.get("outline")
        return {} if name is None else _drawn(dict(self._features(str(name))))

    def _features(self, name: str) -> Iterator[tuple[str, list[Ring]]]:
        path = self.profile.folder / name
        try:
            for one in json.loads(path.read_text(encoding="utf-8"))["features"]:
                shape = one["geometry"]
                parts = shape["coordinates"] if shape["type"] == "MultiPolygon" else [shape["coordinates"]]
                yield str(one["properties"]["code"]), [ring for part in parts for ring in part]
        except (OSError, ValueError, KeyError, TypeError) as fault:
            raise ProfileError(
                f"{path}: {type(fault).__name__}; expected GeoJSON whose features are polygons with properties.code. "
                "No map was drawn; correct the file or take outline out of overview.yaml."
            ) from None

    @cached_property
    def _rows(self) -> Mapping[str, Mapping[str, Any]]:
        is_named = self.profile.has(f"codelists/{REGIONS}")
        return {row["code"]: row for row in self.profile.codelist(REGIONS).rows} if is_named else {}


def _drawn(found: Mapping[str, list[Ring]]) -> dict[str, list[Ring]]:
    """Degrees as units of a picture: a degree of longitude as wide as it is in the middle of the map."""
    points = [point for rings in found.values() for ring in rings for point in ring]
    west, east = min(x for x, *_ in points), max(x for x, *_ in points)
    south, north = min(y for _, y, *_ in points), max(y for _, y, *_ in points)
    narrow = math.cos(math.radians((south + north) / 2))
    scale = WIDTH / ((east - west) * narrow)
    return {
        code: [[((x - west) * narrow * scale, (north - y) * scale) for x, y, *_ in ring] for ring in rings]
        for code, rings in found.items()
    }
