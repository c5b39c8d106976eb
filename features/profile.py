"""A profile: the folder that holds everything that differs between places."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from features.asof import in_force

_Loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader  # the same language, ten times faster
LANGUAGES = ("zh", "en")
SECTORS = "sectors"  # folder of what sectors bring of their own
OF_SECTOR = ("label", "label_en", "basis")  # what ``sector.yaml`` says
PROFILES = Path(__file__).resolve().parent.parent / "profiles"


class ProfileError(Exception):
    """A profile is missing, incomplete or contradicts itself."""


@dataclass(frozen=True)
class Kind:
    """An entity kind: code, names and the code prefixes that belong to it."""

    code: str
    label: str
    label_en: str
    uscc_prefix: tuple[str, ...] = ()


@dataclass(frozen=True)
class CodeList:
    """An ordered list of codes with names; the order is the integer coding used by indicators."""

    name: str
    rows: tuple[Mapping[str, Any], ...]

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """Distinct codes in the order of the list."""
        return tuple(dict.fromkeys(str(row["code"]) for row in self.rows))

    def row(self, code: str) -> Mapping[str, Any]:
        """The first row of a code; ProfileError for a code that is not in the list."""
        for row in self.rows:
            if str(row["code"]) == code:
                return row
        raise ProfileError(f"Code list {self.name}: no code {code!r}. Add it to the list with its dates.")

    def label(self, code: str, language: str = "zh") -> str:
        """What people read for a code."""
        row = self.row(code)
        name = row.get("label_en") if language == "en" else None
        return str(name or row["label"])

    def valid_on(self, code: str, day: date) -> bool:
        """Whether a code exists and is valid on a day."""
        return any(
            str(row["code"]) == code
            and (row.get("since") is None or row["since"] <= day)
            and (row.get("until") is None or day <= row["until"])
            for row in self.rows
        )


@dataclass(frozen=True)
class Profile:
    """A place: identity scheme, time zone, entity kinds, code lists and every dated number.

    Seen as a ``sector`` (专业领域) it has a name of its own and the sector's files before those of the place, whose
    name ``place`` stays. ``stated`` holds the text of files as they stood at another time, by name; they are read
    instead of those in the folder.
    """

    name: str
    place: str
    folder: Path
    label: str
    label_en: str
    identity: str
    zone: ZoneInfo
    language: str
    notice: str
    notice_en: str
    kinds: tuple[Kind, ...]
    settings: Mapping[str, Any] = field(repr=False)
    sector: str | None = None
    stated: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def kind_codes(self) -> tuple[str, ...]:
        """Codes of the entity kinds; their position is the kind number in a matrix."""
        return tuple(kind.code for kind in self.kinds)

    @cached_property
    def items(self) -> dict[str, Mapping[str, Any]]:
        """Collection items by code."""
        return {str(row["code"]): row for row in self.table("items")}

    @cached_property
    def coverage(self) -> dict[str, date]:
        """First day from which an item is collected completely; a window reaching before it is null."""
        return dict(self.settings.get("coverage") or {})

    @property
    def sectors(self) -> tuple[str, ...]:
        """Codes of the sectors that have indicators of their own."""
        return tuple(sorted(path.stem for path in (self.folder / "indicators" / SECTORS).glob("*.py")))

    def table(self, name: str) -> Any:
        """The parsed content of a YAML file of the profile; ProfileError when it is missing or malformed."""
        path = self._path(name)
        return _parsed(self.stated[name], path) if name in self.stated else read_yaml(path)

    def has(self, name: str) -> bool:
        """Whether the profile brings a file of this name."""
        return name in self.stated or self._path(name).is_file()

    def _path(self, name: str) -> Path:
        """The file of a name: the sector's own where it has one."""
        own = self.folder / SECTORS / f"{self.sector}" / f"{name}.yaml"
        return own if self.sector is not None and own.is_file() else self.folder / f"{name}.yaml"

    def restated(self, settings: Mapping[str, Any], files: Mapping[str, str]) -> "Profile":
        """The profile with some settings, and the text of some files, as they stood at another time."""
        return replace(_profile(self.folder, {**self.settings, **settings}, self.sector), stated=dict(files))

    def of_sector(self, code: str) -> "Profile":
        """The profile seen as one of its sectors; ProfileError lists those there are."""
        if code not in self.sectors:
            raise ProfileError(
                f"Profile {self.place} has no sector {code!r}; there are {', '.join(self.sectors) or 'none'}. Nothing "
                "was done; see profiles/README.md for what a sector needs."
            )
        path = self.folder / SECTORS / code / "sector.yaml"
        said = read_yaml(path)
        if not isinstance(said, Mapping) or set(said) != set(OF_SECTOR):
            found = ", ".join(map(str, said)) if isinstance(said, Mapping) else f"{said!r}"
            raise ProfileError(f"{path}: expected {', '.join(OF_SECTOR)}, found {found}. Nothing was done; correct it.")
        own = {name: f"{self.settings[name]}-{code}" for name in ("experiment", "model")}
        return _profile(self.folder, {**self.settings, **said, **own}, code)

    def dated(self, name: str, on: date, *, under: str | None = None) -> Mapping[str, Any]:
        """The row of a dated file (or of the rows ``under`` a name in it) in force on a day; ProfileError otherwise."""
        table = self.table(name)
        try:
            return in_force(table if under is None else table[under], on)
        except (KeyError, TypeError, ValueError) as fault:
            raise ProfileError(
                f"{self.folder / name}.yaml: {fault} Expected rows with since, until and basis, one of them valid on "
                f"{on}. Nothing was done; add or correct a row."
            ) from None

    def codelist(self, name: str) -> CodeList:
        """A code list of the profile."""
        if name not in self._codelists:
            self._codelists[name] = CodeList(name, tuple(self._coded(f"codelists/{name}")))
        return self._codelists[name]

    def _coded(self, name: str) -> list[Mapping[str, Any]]:
        """The rows of a code list, every code a text: YAML reads an unquoted NO as false and 01 as 1."""
        rows: list[Mapping[str, Any]] = self.table(name)["rows"]
        for row in rows:
            if not isinstance(row["code"], str):
                raise ProfileError(
                    f"{self.folder / name}.yaml: code {row['code']!r} is no text; expected quotes around what YAML "
                    "takes for a number or a truth value ('01', 'NO'). Nothing was done; correct it."
                )
        return rows

    @cached_property
    def _codelists(self) -> dict[str, CodeList]:
        """The code lists read so far; a profile does not change while it is in use."""
        return {}


def read_yaml(path: Path) -> Any:
    """The content of a YAML file; ProfileError says which file and what is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ProfileError(f"{path} does not exist; a profile needs it (see profiles/README.md).") from None
    except UnicodeDecodeError as fault:
        raise _unreadable(path, fault) from None
    return _parsed(text, path)


def _parsed(text: str, path: Path) -> Any:
    try:
        return _Loader(text).get_single_data()
    except yaml.YAMLError as fault:
        raise _unreadable(path, fault) from None


def _unreadable(path: Path, fault: Exception) -> ProfileError:
    return ProfileError(f"{path} is not readable YAML: {fault}. Nothing of it was used; correct it.")


def read_profile(name_or_path: str, sector: str | None = None) -> Profile:
    """The profile of a name (in ``profiles/``) or of a folder, or a sector of it; ProfileError lists what there is."""
    folder = Path(name_or_path)
    if not (folder / "profile.yaml").is_file():
        folder = PROFILES / name_or_path
    if not (folder / "profile.yaml").is_file():
        known = ", ".join(sorted(path.parent.name for path in PROFILES.glob("*/profile.yaml")))
        raise ProfileError(f"No profile {name_or_path!r}: expected one of {known}, or a folder with a profile.yaml.")
    settings = read_yaml(folder / "profile.yaml")
    try:
        whole = _profile(folder.resolve(), settings, None)
        return whole if sector is None else whole.of_sector(sector)
    except (ZoneInfoNotFoundError, ValueError):
        raise ProfileError(
            f"{folder / 'profile.yaml'}: unknown time zone {settings['zone']!r}; expected one such as Asia/Shanghai."
        ) from None
    except (KeyError, TypeError) as fault:
        raise ProfileError(f"{folder / 'profile.yaml'}: {fault} is missing or malformed.") from None


def _profile(folder: Path, settings: Mapping[str, Any], sector: str | None) -> Profile:
    if settings["identity"] not in {"uscc", "opaque"}:
        raise ProfileError(f"{folder / 'profile.yaml'}: identity is {settings['identity']!r}, not uscc or opaque.")
    if settings["language"] not in LANGUAGES:
        raise ProfileError(
            f"{folder / 'profile.yaml'}: language is {settings['language']!r}; expected {' or '.join(LANGUAGES)}, the "
            "languages of pages and reasons."
        )
    kinds = tuple(
        Kind(row["code"], row["label"], row.get("label_en", row["code"]), tuple(row.get("uscc_prefix", ())))
        for row in settings["kinds"]
    )
    return Profile(
        name=settings["name"] if sector is None else f"{settings['name']}-{sector}",
        place=settings["name"],
        folder=folder,
        label=settings["label"],
        label_en=settings["label_en"],
        identity=settings["identity"],
        zone=ZoneInfo(settings["zone"]),
        language=settings["language"],
        notice=settings["notice"],
        notice_en=settings["notice_en"],
        kinds=kinds,
        settings=settings,
        sector=sector,
    )
