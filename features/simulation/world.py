"""The parameters of the simulated province, read from the profile's dated world file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np

from features.profile import Profile, ProfileError
from features.simulation.streams import Flags, Floats, Ints

EPOCH = date(1970, 1, 1)
NEVER = 2**30  # a day that does not come: written as null
SECTIONS = (
    *(
        "block",
        "kinds",
        "life",
        "people",
        "addresses",
        "propensity",
        "violations",
        "mixes",
        "industries",
        "forms",
        "names",
    ),
    *("counties", "supervision", "cases", "filings", "traces", "channels", "wording"),
)


def day_number(day: date) -> int:
    """Days since 1970-01-01, the time of the simulation."""
    return (day - EPOCH).days


@dataclass(frozen=True)
class Period:
    """The simulated period: first and last day, and half-years from the first day on."""

    start: date
    end: date

    @property
    def first(self) -> int:
        """Its first day as a number."""
        return day_number(self.start)

    @property
    def last(self) -> int:
        """Its last day as a number."""
        return day_number(self.end)

    @cached_property
    def grid(self) -> Ints:
        """First days of its half-years and the day after the last of them."""
        days: list[int] = []
        year, month = self.start.year, self.start.month
        while not days or days[-1] <= self.last:
            days.append(day_number(date(year, month, 1)))
            year, month = year + (month > 6), (month + 5) % 12 + 1
        return np.array(days, dtype=np.int64)

    @property
    def years(self) -> range:
        """Calendar years it touches."""
        return range(self.start.year, self.end.year + 1)

    def half_of(self, day: Ints) -> Ints:
        """The half-year each day lies in, clipped to the period."""
        return np.clip(np.searchsorted(self.grid, day, side="right") - 1, 0, len(self.grid) - 2)


@dataclass(frozen=True)
class World:
    """The world file of a profile, with the tables that draws are made from as arrays."""

    settings: Mapping[str, Any]
    kinds: tuple[str, ...]
    regions: Mapping[str, str]
    parents: Mapping[str, str]
    divisions: Mapping[str, str]
    violation_types: Mapping[str, tuple[str, ...]]
    department_domains: frozenset[str]

    def __getitem__(self, section: str) -> Any:
        return self.settings[section]

    def by_kind(self, values: Mapping[str, float]) -> Floats:
        """Values given by kind code, in the order of the profile's kinds."""
        return np.array([values[kind] for kind in self.kinds], dtype=np.float64)

    @cached_property
    def industries(self) -> tuple[str, ...]:
        """Division codes in the order of the file."""
        return tuple(self["industries"]["rows"])

    def industry(self, field: str, default: float = 0.0) -> Floats:
        """A number of every division."""
        return np.array([row.get(field, default) for row in self["industries"]["rows"].values()], dtype=np.float64)

    @cached_property
    def mixes(self) -> tuple[str, ...]:
        """Names of the groups of industries."""
        return tuple(name for name in self["mixes"] if name != "basis")

    @cached_property
    def mix_of_industry(self) -> Ints:
        """The group of every division."""
        return np.array([self.mixes.index(row["mix"]) for row in self["industries"]["rows"].values()])

    @cached_property
    def domains(self) -> tuple[str, ...]:
        """Violation domains that occur."""
        return tuple(dict.fromkeys(domain for mix in self.mixes for domain in self["mixes"][mix]))

    @cached_property
    def domain_weights(self) -> Floats:
        """Weight of every domain (column) in every group of industries (row)."""
        return np.array([[self["mixes"][mix].get(domain, 0) for domain in self.domains] for mix in self.mixes], float)

    @cached_property
    def of_department(self) -> Flags:
        """Whether a domain is a department's and not market regulation's."""
        return np.array([domain in self.department_domains for domain in self.domains])

    def types_of(self, mix: str, domain: str) -> list[str]:
        """Types of violation of a domain that a group of industries commits."""
        rules = self["violations"]
        own = rules["types"].get(mix, {}).get(domain)
        return list(own) if own else [code for code in self.violation_types[domain] if code not in rules["rare"]]

    @cached_property
    def counties(self) -> tuple[str, ...]:
        """County codes in the order of the file."""
        return tuple(self["counties"]["rows"])

    @cached_property
    def county_weight(self) -> Floats:
        """Relative number of entities of every county."""
        return np.array([row[0] for row in self["counties"]["rows"].values()], dtype=np.float64)

    @cached_property
    def county_intensity(self) -> Floats:
        """How closely every county watches, relative to the province."""
        return np.array([row[1] for row in self["counties"]["rows"].values()], dtype=np.float64)

    @cached_property
    def city_of_county(self) -> Ints:
        """Number of the city of every county, in the order of the counties."""
        cities = [self.parents[code] for code in self.counties]
        known = list(dict.fromkeys(cities))
        return np.array([known.index(city) for city in cities])

    @cached_property
    def address_types(self) -> tuple[str, ...]:
        """Address types in the order of the file."""
        return tuple(self["addresses"]["types"])

    def address(self, field: str) -> Floats:
        """A number of every address type."""
        return np.array([float(row.get(field, 0)) for row in self["addresses"]["types"].values()])


def read_world(profile: Profile) -> World:
    """The world of a profile; ProfileError names a missing section or an unknown code."""
    settings = profile.table("world")
    missing = [name for name in SECTIONS if name not in settings]
    if missing:
        raise ProfileError(f"{profile.folder / 'world.yaml'}: no section {', '.join(missing)}; nothing was simulated.")
    world = World(
        settings=settings,
        kinds=profile.kind_codes,
        regions={str(row["code"]): str(row["label"]) for row in profile.codelist("regions").rows},
        parents={str(row["code"]): str(row.get("parent", "")) for row in profile.codelist("regions").rows},
        divisions={str(row["code"]): str(row["section"]) for row in profile.codelist("industry_divisions").rows},
        violation_types=_types_by_domain(profile),
        department_domains=frozenset(
            str(row["code"]) for row in profile.codelist("violation_domains").rows if row["side"] == "department"
        ),
    )
    _check_codes(profile, "regions", world.counties)
    _check_codes(profile, "industry_divisions", world.industries)
    _check_codes(profile, "violation_domains", world.domains)
    _check_codes(profile, "address_types", world.address_types)
    return world


def _types_by_domain(profile: Profile) -> dict[str, tuple[str, ...]]:
    types: dict[str, tuple[str, ...]] = {}
    for row in profile.codelist("violation_types").rows:
        types[str(row["domain"])] = (*types.get(str(row["domain"]), ()), str(row["code"]))
    return types


def _check_codes(profile: Profile, name: str, found: Sequence[str]) -> None:
    unknown = sorted(set(found) - set(profile.codelist(name).codes))
    if unknown:
        raise ProfileError(f"{profile.folder / 'world.yaml'}: {', '.join(unknown)} are not codes of {name}.")
