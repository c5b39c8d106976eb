"""Where one intake works, in words a helper process can be told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path

from features.profile import Profile, read_profile
from features.records.lake import Lake


@dataclass(frozen=True, eq=False)
class Site:
    """One intake: the profile's folder, the home, the folder for what is under way, and the moment of recording."""

    profile_folder: Path
    home: Path
    staging: Path
    recorded_at: datetime

    @classmethod
    def told(cls, words: Mapping[str, str]) -> "Site":
        """The site another process told of; what is read of it is kept until it tells of another."""
        return _told(tuple(words[name] for name in ("profile", "home", "staging", "recorded_at", "begun")))

    @property
    def words(self) -> dict[str, str]:
        """What another process is told."""
        return {
            "profile": str(self.profile_folder),
            "home": str(self.home.absolute()),
            "staging": str(self.staging.absolute()),
            "recorded_at": self.recorded_at.isoformat(),
            "begun": str(self.staging.stat().st_ino) + str(self.staging.stat().st_ctime_ns),
        }

    @cached_property
    def profile(self) -> Profile:
        """The profile, read."""
        return read_profile(str(self.profile_folder))

    @cached_property
    def lake(self) -> Lake:
        """The lake as it stood before this intake."""
        return Lake(self.home, self.profile)


@lru_cache(maxsize=1)
def _told(words: tuple[str, ...]) -> Site:
    return Site(Path(words[0]), Path(words[1]), Path(words[2]), datetime.fromisoformat(words[3]))
