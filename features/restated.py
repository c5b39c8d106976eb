"""A lake read under an indicator system of another time: its records are the lake's, its profile is as it stood."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa

from features.indicators.system import System
from features.profile import Profile
from features.reading import Lake
from features.records.schema import RecordType
from features.records.stored import Stored


@dataclass(frozen=True)
class Restated:
    """The records of a lake, read with a profile whose kinds, code lists, coverage and sections are a system's."""

    lake: Lake
    profile: Profile

    @classmethod
    def under(cls, lake: Lake, system: System) -> "Restated":
        """A lake read under a system."""
        return cls(lake, system.profile(lake.profile))

    @property
    def home(self) -> Path:
        """The home of the lake."""
        return self.lake.home

    def types(self) -> Mapping[str, RecordType]:
        """The record types of the lake."""
        return self.lake.types()

    def stored(self, record_type: str) -> Stored:
        """The versions of a record type that stand."""
        return self.lake.stored(record_type)

    def register(self) -> pa.Table:
        """Entities: integer key 0…n−1, code, name and region."""
        return self.lake.register()

    def digest(self, as_of: date) -> str:
        """The digest of everything the lake knows as of a date."""
        return self.lake.digest(as_of)
