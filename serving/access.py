"""Who may see what: API keys, what a role may ask, and for which region."""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from features import steps

RIGHTS = ("internal", "probability")
ROLES: Mapping[str, frozenset[str]] = {
    "regulator": frozenset({"scores", "class", "explanation", "history"}),
    "integrator_score": frozenset({"scores"}),
    "integrator_pull": frozenset({"class", "explanation", "history"}),
}
LONGEST = timedelta(days=365)
TOKEN = re.compile(r"jw_([0-9a-f]{8})_([A-Za-z0-9_-]{43})")
REGION = re.compile(r"[0-9A-Za-z-]{0,16}")


class AccessError(Exception):
    """A key cannot be made or used as asked."""


@dataclass(frozen=True)
class Grant:
    """What a key is for: a role, a region prefix (empty: everywhere), rights, and its last day."""

    role: str
    region: str
    rights: frozenset[str]
    expires: date


@dataclass(frozen=True)
class Principal:
    """Who is asking: a key and what was granted to it."""

    key: str
    grant: Grant

    def may(self, right: str) -> bool:
        """Whether the key has a right."""
        return right in self.grant.rights


def allowed(principal: Principal, route: str, region: str | None) -> str | None:
    """Why a principal may not read a route for a region (``route`` or ``region``), or nothing when it may."""
    if route not in ROLES.get(principal.grant.role, frozenset()):
        return "route"
    if region is None or not region.startswith(principal.grant.region):
        return "region"
    return None


def keys_file(home: Path) -> Path:
    """Where a home keeps its API keys: digests of secrets, never the secrets."""
    return home / "keys" / "api_keys.json"


def create(home: Path, grant: Grant, *, today: date) -> str:
    """A new API key ``jw_<key id>_<secret>``, shown this once; AccessError says what is not possible."""
    _check(grant, today)
    path = keys_file(home)
    entries = _entries(path) if path.is_file() else {}
    number, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    entries[number] = {
        "sha256": hashlib.sha256(secret.encode()).hexdigest(),
        "role": grant.role,
        "region": grant.region,
        "rights": sorted(grant.rights),
        "created": today.isoformat(),
        "expires": grant.expires.isoformat(),
    }
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    steps.write_text(path, json.dumps({"keys": entries}, indent=1, sort_keys=True))
    path.chmod(0o600)
    return f"jw_{number}_{secret}"


def _check(grant: Grant, today: date) -> None:
    if grant.role not in ROLES:
        raise AccessError(f"Role {grant.role!r} does not exist; expected {', '.join(ROLES)}. No key was made.")
    unknown = grant.rights.difference(RIGHTS)
    if unknown:
        raise AccessError(f"Right {min(unknown)!r} does not exist; expected {', '.join(RIGHTS)}. No key was made.")
    if REGION.fullmatch(grant.region) is None:
        raise AccessError(f"Region {grant.region!r} is no region prefix, for example 3601. No key was made.")
    if not today <= grant.expires <= today + LONGEST:
        raise AccessError(
            f"A key that ends on {grant.expires} was asked for on {today}; "
            f"it may last until {today + LONGEST}. No key was made."
        )


def _entries(path: Path) -> dict[str, dict[str, Any]]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["keys"]
        return {str(number): dict(entry) for number, entry in entries.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as fault:
        raise AccessError(f"{path}: {type(fault).__name__}; the keys cannot be read, so nobody is let in.") from None


def authenticate(entries: Mapping[str, Mapping[str, Any]], token: str, *, today: date) -> Principal | None:
    """Who a token belongs to; nothing for a token that is malformed, unknown, wrong or out of date."""
    found = TOKEN.fullmatch(token)
    number, secret = found.groups() if found else ("", "")
    entry = entries.get(number, {})
    digest = hashlib.sha256(secret.encode()).hexdigest()
    if not hmac.compare_digest(digest, str(entry.get("sha256", ""))):
        return None
    try:
        rights = frozenset(str(right) for right in entry["rights"])
        grant = Grant(str(entry["role"]), str(entry["region"]), rights, date.fromisoformat(entry["expires"]))
    except (KeyError, TypeError, ValueError):
        return None
    return Principal(number, grant) if today <= grant.expires else None


class Doorkeeper:
    """Knows the keys of a home as they are now; without a readable keys file nobody is let in."""

    def __init__(self, home: Path, today: Callable[[], date]) -> None:
        self._path = keys_file(home)
        self._today = today
        self._seen: tuple[int, int, int] | None = None
        self._keys: dict[str, dict[str, Any]] = {}

    def __call__(self, token: str) -> Principal | None:
        """Who a token belongs to, or nothing."""
        return authenticate(self._current(), token, today=self._today())

    def _current(self) -> Mapping[str, Mapping[str, Any]]:
        try:
            state = self._path.stat()
            seen = (state.st_mtime_ns, state.st_size, state.st_ino)
            if seen != self._seen:
                self._keys, self._seen = _entries(self._path), seen
        except (OSError, AccessError):
            self._keys, self._seen = {}, None
        return self._keys
