"""The unified identity portal people log in with, as the profile names it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from features.profile import Profile, ProfileError
from serving.browser import RETURN

FILE = "login"  # the profile's file of its portal
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
LONGEST = 200  # letters of what the file says


class AwayError(Exception):
    """The portal does not answer as a portal does: nobody can log in at the moment, and nothing is known of anybody."""


class RefusedError(Exception):
    """The portal vouches for nobody: what came back from it proves no login."""


@dataclass(frozen=True)
class Registration:
    """The portal as the profile names it: its issuer, and the client id and address it knows this service by.

    ``label`` is what people call it, ``subject`` the claim that says who somebody is.
    """

    issuer: str
    client: str
    address: str
    label: str
    label_en: str
    subject: str = "sub"

    @property
    def landing(self) -> str:
        """Where the portal sends a browser back to."""
        return self.address + RETURN

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach this service by TLS."""
        return self.address.startswith("https://")


def registration(profile: Profile) -> Registration | None:
    """The portal a profile names; nothing without its ``login.yaml``, ProfileError for one that cannot be used."""
    if not profile.has(FILE):
        return None
    stated = profile.table(FILE)
    known = [one.name for one in fields(Registration)]
    given = dict(stated) if isinstance(stated, Mapping) else {}
    if not {*known} - {"subject"} <= set(given) <= {*known} or not all(map(_is_word, given.values())):
        raise _unusable(profile, f"found {', '.join(map(str, given)) or 'no names'}", f"the texts {', '.join(known)}")
    for name in ("issuer", "address"):
        if not _is_safe(given[name]):
            raise _unusable(profile, f"{name} is {given[name]!r}", "https://HOST (http:// on this machine alone)")
    if urlsplit(given["address"]).path:
        raise _unusable(profile, f"address is {given['address']!r}", "https://HOST without a path")
    return Registration(**given)


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= LONGEST and value.isprintable()


def _is_safe(url: str) -> bool:
    """Whether an address says nothing but where, and is read by TLS or on this machine."""
    return is_reached(url, plainly=True) and not any(mark in url for mark in "@?#")


def is_reached(url: str, *, plainly: bool) -> bool:
    """Whether an address is one, reached by TLS or, where that may be, plainly on this machine."""
    try:
        parts = urlsplit(url)
        is_one = url.isascii() and url.isprintable() and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_one and (parts.scheme == "https" or (plainly and is_near(url)))


def is_near(url: str) -> bool:
    """Whether an address is plain HTTP on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname in LOOPBACK


def _unusable(profile: Profile, found: str, expected: str) -> ProfileError:
    return ProfileError(
        f"{profile.folder / FILE}.yaml: {found}; expected {expected}. Nobody can log in by it and nothing was done; "
        "correct it (docs/service.md)."
    )
