"""Who supervises an entity as of T: the path of its office, and the other departments competent for its industry."""

from collections.abc import Mapping

import polars as pl
import pyarrow as pa

from features.profile import CodeList, Profile, ProfileError
from serving.classification import Sources, registered

FILE = "departments"
OFFICE = "supervising_org"
REGIONS = "regions"


def of_everyone(sources: Sources) -> pa.Table:
    """``entity``, ``org`` (null: the register says none) and ``departments`` (``,ecology,``) of everyone known at T.

    Rows are by entity. Departments are those of the profile's ``departments.yaml`` in force at T whose divisions
    include the entity's industry; without the file nobody has any.
    """
    profile = sources.lake.profile
    stated = profile.dated(FILE, sources.as_of) if profile.has(FILE) else None
    if stated is None:
        known = pl.DataFrame(registered(sources, [OFFICE]))
        competent = pl.lit("")
    else:
        field = str(stated["field"])
        known = pl.DataFrame(registered(sources, [OFFICE, field]))
        competent = pl.col(field).replace_strict(_by_division(profile, stated), default="", return_dtype=pl.String)
    placed = known.select("entity", org=OFFICE, departments=competent.fill_null("")).sort("entity")
    return placed.with_columns(pl.col("org", "departments").cast(pl.Categorical)).to_arrow()


def _by_division(profile: Profile, stated: Mapping[str, object]) -> dict[str, str]:
    """The departments competent for a division, in the order of the file."""
    found: dict[str, str] = {}
    rows = stated["departments"]
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and {"code", "divisions"} <= set(row) for row in rows
    ):
        raise ProfileError(
            f"{profile.folder / FILE}.yaml: departments are not rows with code and divisions. Nothing was loaded; "
            "correct the file (see docs/docking.md)."
        )
    for row in rows:
        for division in row["divisions"]:
            found[str(division)] = f"{found.get(str(division), ',')}{row['code']},"
    return found


def place(profile: Profile, code: str, language: str = "zh") -> str:
    """A region's name, or its code where the profile has no name for it."""
    regions = _regions(profile)
    return regions.label(code, language) if code in regions.codes else code


def office(profile: Profile, path: str, language: str = "zh") -> str:
    """An office's path in words, from below the province down; a part without a name stays a code."""
    regions, parts = _regions(profile), path.split("/")
    below = [one for one in parts if one not in regions.codes or regions.row(one).get("level") != "province"]
    return " ".join(place(profile, one, language) for one in below or parts)


def _regions(profile: Profile) -> CodeList:
    named = (profile.folder / "codelists" / f"{REGIONS}.yaml").is_file()
    return profile.codelist(REGIONS) if named else CodeList(REGIONS, ())
