"""The only reader of environment and clock: where things lie, which profile, and what time it is."""

import os
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.profile import PROFILES, Profile, ProfileError, read_profile

if TYPE_CHECKING:
    from serving.doors import Doors

ROOT = Path(__file__).resolve().parents[1]
SERVICE = "serving.settings:service"  # what `bentoml serve` imports
SANDBOX = "sandbox"  # the folder a sandbox's homes lie in
MOST_HELPERS = 8
MOST_WORKERS = 64
HELPER_GIB = 3  # the most a helper has held, at five million entities
DESCRIPTION = frozenset({"/openapi.json"})  # what a sandbox answers without a key
QUIET = {
    "BENTOML_DO_NOT_TRACK": "True",
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


@dataclass(frozen=True)
class Settings:
    """Where homes and runs lie, and the profile in use."""

    root: Path
    mlruns: Path
    profile: Profile
    is_sandbox: bool = False

    @property
    def home(self) -> Path:
        """The profile's home: deliveries, lake, schemes, months, keys. A sector has one of its own."""
        return self.root / self.profile.name

    @property
    def lake_home(self) -> Path:
        """The home deliveries are taken into: a sector reads the place's."""
        return self.root / self.profile.place

    @property
    def store(self) -> str:
        """The URL of the store: ``JIANWEI_STORE``, else SQLite in the home; a sandbox always has one of its own."""
        stated = None if self.is_sandbox else os.environ.get("JIANWEI_STORE")
        return stated or f"sqlite:///{self.home / 'store' / 'store.db'}"


def read(profile: str | None = None, sector: str | None = None, *, sandbox: bool = False) -> Settings:
    """The settings of this process; a profile given (name or folder) comes before ``JIANWEI_PROFILE``, a sector of it
    before ``JIANWEI_SECTOR``. A sandbox has homes, runs and store of its own, in ``sandbox`` of ``JIANWEI_HOME``."""
    chosen = profile or os.environ.get("JIANWEI_PROFILE") or _default_profile()
    is_sandbox = sandbox or os.environ.get("JIANWEI_SANDBOX") == "1"
    root = Path(os.environ.get("JIANWEI_HOME", "var")).absolute()
    mlruns = Path(os.environ.get("JIANWEI_MLRUNS", "mlruns")).absolute()
    if is_sandbox:
        root, mlruns = root / SANDBOX, root / SANDBOX / "mlruns"
    known = read_profile(chosen, sector or os.environ.get("JIANWEI_SECTOR") or None)
    return Settings(root, mlruns, known, is_sandbox)


def _default_profile() -> str:
    try:
        return (PROFILES / "DEFAULT").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise ProfileError("No profile was named and profiles/DEFAULT is missing. Set JIANWEI_PROFILE.") from None


def program() -> str:
    """The version of the program, with the commit where it runs from its repository."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        known = version("jianwei")
    except PackageNotFoundError:
        known = "–"
    commit = _commit(ROOT / ".git")
    return f"{known} ({commit[:12]})" if commit else known


def _commit(git: Path) -> str | None:
    """The commit a repository stands at, read from its files; None where there is none."""
    head = git / "HEAD"
    if not head.is_file():
        return None
    said = head.read_text(encoding="utf-8").strip()
    if not said.startswith("ref: "):
        return said
    own, packed = git / said[5:], git / "packed-refs"
    if own.is_file():
        return own.read_text(encoding="utf-8").strip()
    lines = packed.read_text(encoding="utf-8").splitlines() if packed.is_file() else []
    return next((line.split(" ")[0] for line in lines if line.endswith(f" {said[5:]}")), None)


def lock_digest() -> str:
    """The SHA-256 of the pinned dependencies, its first 16 digits; a dash where they do not lie beside the program."""
    lock = ROOT / "requirements.txt"
    return sha256(lock.read_bytes()).hexdigest()[:16] if lock.is_file() else "–"


def now() -> datetime:
    """The time, in UTC; ``JIANWEI_NOW`` (ISO 8601 with an offset) stands in for the clock in tests."""
    stated = os.environ.get("JIANWEI_NOW")
    if stated is None:
        return datetime.now(UTC)  # noqa: TID251 - the one place that reads the clock
    try:
        moment = datetime.fromisoformat(stated)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ProfileError(
            f"JIANWEI_NOW is {stated!r}; expected a moment with its offset, for example 2026-02-01T00:00:00+08:00."
        )
    return moment.astimezone(UTC)


def today(profile: Profile) -> date:
    """The calendar date in the profile's time zone."""
    return now().astimezone(profile.zone).date()


def helpers() -> int:
    """How many helper processes share large work: one a core this process may use and ``HELPER_GIB`` of ``memory``,
    none where that is only one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found = min(cores, MOST_HELPERS, int(memory() // HELPER_GIB))
    return found if found > 1 else 0


def memory() -> float:
    """The GiB a command may count on: ``JIANWEI_MEMORY``, else what the machine has."""
    stated = os.environ.get("JIANWEI_MEMORY")
    if stated is None:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    try:
        found = float(stated)
    except ValueError:
        found = 0.0
    if not 0.5 <= found < float("inf"):
        raise ProfileError(f"JIANWEI_MEMORY is {stated!r}; expected GiB from 0.5 on, for example 8. Nothing was done.")
    return found


def workers(stated: int | None = None) -> int:
    """How many processes answer: as said on the command line, else ``JIANWEI_WORKERS``, else one."""
    told = os.environ.get("JIANWEI_WORKERS", "1") if stated is None else str(stated)
    found = int(told) if told.isascii() and told.isdigit() and len(told) < 4 else 0
    if not 1 <= found <= MOST_WORKERS:
        named = "JIANWEI_WORKERS" if stated is None else "--workers"
        raise ProfileError(f"{named} is {told!r}; expected 1 to {MOST_WORKERS}. Nothing was started.")
    return found


def gateways() -> tuple[str, ...]:
    """The networks whose word on a caller's address is taken: ``JIANWEI_GATEWAYS``, CIDR blocks between commas."""
    from ipaddress import ip_network

    stated = tuple(one.strip() for one in os.environ.get("JIANWEI_GATEWAYS", "").split(",") if one.strip())
    try:
        return tuple(str(ip_network(one)) for one in stated)
    except ValueError as fault:
        raise ProfileError(
            f"JIANWEI_GATEWAYS: {fault}; expected networks between commas, 10.0.0.0/8. Nothing was started."
        ) from None


def doors(settings: Settings) -> "Doors":
    """How people come in to the pages; by the portal of the profile with the secret in ``JIANWEI_LOGIN_SECRET``."""
    from serving.doors import Doors, Portal
    from serving.passage import Passages
    from serving.portal import FILE, registration

    found = registration(settings.profile)
    if found is None:
        return Doors(settings.is_sandbox)
    secret = os.environ.get("JIANWEI_LOGIN_SECRET", "")
    if not secret:
        raise ProfileError(
            f"{settings.profile.folder / FILE}.yaml names a portal, but JIANWEI_LOGIN_SECRET is not set; expected the "
            "secret the portal gave to this service. Nothing was started; set it, or take the file away."
        )
    return Doors(settings.is_sandbox, Portal(settings.profile, found, secret, Passages(settings.home, now), now))


def be_quiet() -> None:
    """Turn off every report to the makers of the tools in use, here and in processes started from here."""
    os.environ.update(QUIET)


def inherited(settings: Settings) -> dict[str, str]:
    """The environment for a process that must find the same home, runs and profile."""
    return {
        **os.environ,
        **QUIET,
        "JIANWEI_HOME": str(settings.root.parent if settings.is_sandbox else settings.root),
        "JIANWEI_MLRUNS": str(settings.mlruns),
        "JIANWEI_PROFILE": str(settings.profile.folder),
        "JIANWEI_SECTOR": settings.profile.sector or "",
        "JIANWEI_SANDBOX": "1" if settings.is_sandbox else "0",
    }


def adopt(settings: Settings) -> None:
    """Make this process, and what BentoML imports in it, find the same home, runs and profile."""
    os.environ.update(inherited(settings))


def __getattr__(name: str) -> Any:
    """``service``, built when it is asked for, so that reading settings starts no service."""
    if name != "service":
        raise AttributeError(name)
    be_quiet()
    from training import trial

    waiting = trial.begin()  # its imports pass beside those that follow
    from serving.service import build
    from serving.store import Store

    settings = read()
    store = Store(settings.store, settings.home)
    wall = {"trusted": gateways(), "open_paths": DESCRIPTION if settings.is_sandbox else frozenset()}
    return build(settings.home, settings.profile, store, now=now, waiting=waiting, doors=doors(settings), **wall)
