"""Who supervises an entity as of T: the path of its office, and the other departments competent for its industry."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from features.profile import CodeList, Profile, ProfileError
from serving.classification import Sources, registered
from serving.traits import Traits

FILE = "departments"
OFFICE = "supervising_org"
REGIONS = "regions"
NAMED = ("name", "number")  # what the register calls an entity beside its code: its name, its registration number
STATUS = "registration"  # how it stands in the register: existing, revoked, …


def of_everyone(sources: Sources) -> pa.Table:
    """``entity``, ``org`` (null: the register says none), ``departments`` (``,ecology,``), ``name`` as registered,
    ``number``, ``registration`` (its status in the register) and the parts along ``Traits``, of everyone known at T.

    Rows are by entity. Departments are those of the profile's ``departments.yaml`` in force at T whose divisions
    include the entity's industry; without the file nobody has any.
    """
    profile = sources.lake.profile
    stated = profile.dated(FILE, sources.as_of) if profile.has(FILE) else None
    traits, competent = Traits.of(profile), pl.lit("")
    status = str((profile.settings.get("scope") or {}).get("field", STATUS))
    fields = [OFFICE, *NAMED, status]
    if stated is not None:
        field = str(stated["field"])
        fields.append(field)
        competent = pl.col(field).replace_strict(_by_division(profile, stated), default="", return_dtype=pl.String)
    known = pl.DataFrame(registered(sources, list(dict.fromkeys([*fields, *traits.fields]))))
    parts, departments = traits.of_register(known), competent.fill_null("").alias("departments")
    placed = known.select("entity", *NAMED, departments, *parts, org=OFFICE, registration=status).sort("entity")
    return placed.with_columns(pl.col(pl.String).exclude(NAMED).cast(pl.Categorical)).to_arrow()


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


def standing(profile: Profile, code: str, language: str = "zh") -> str:
    """A status in the register in the words of the profile's list, or its code where the list does not have it."""
    scope = profile.settings.get("scope")
    stated = CodeList("", ()) if scope is None else profile.codelist(scope["list"])
    return stated.label(code, language) if code in stated.codes else code


def regions(profile: Profile, language: str = "zh") -> list[tuple[str, str]]:
    """The codes of regions with their names, in the order of the profile."""
    return [(code, place(profile, code, language)) for code in _regions(profile).codes]


def _regions(profile: Profile) -> CodeList:
    named = (profile.folder / "codelists" / f"{REGIONS}.yaml").is_file()
    return profile.codelist(REGIONS) if named else CodeList(REGIONS, ())


@dataclass(frozen=True)
class Masking:
    """Whose names are taken for persons' names: of these kinds, those of at most so many characters."""

    kinds: frozenset[str]
    longest: int

    @classmethod
    def of(cls, profile: Profile) -> "Masking":
        """The rule of a profile; without one no name is masked."""
        stated = profile.settings.get("masking") or {"kinds": (), "longest": 0}
        return cls(frozenset(stated["kinds"]), int(stated["longest"]))

    def printed(self, name: str, kind: str | None) -> str:
        """A name as it may be printed: a person's keeps its first character only. So does one of no known kind."""
        is_persons = (kind is None or kind in self.kinds) and 0 < len(name) <= self.longest
        return name[0] + "*" if is_persons else name

    def column(self, name: str, kind: str) -> pl.Expr:
        """The names of a column as they may be printed."""
        kinds = pl.col(kind).is_null() | pl.col(kind).is_in(list(self.kinds))
        is_persons = kinds & pl.col(name).str.len_chars().is_between(1, self.longest)
        return pl.when(is_persons).then(pl.col(name).str.head(1) + "*").otherwise(pl.col(name))
