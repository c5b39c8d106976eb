"""An indicator system as it stood: definitions and all that decides their values, as one text that reads back."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from datetime import date
from functools import cached_property
from hashlib import sha256
from typing import Any

from features.indicators import language
from features.indicators.catalogue import Definitions, codelist_texts, deciding_settings, digest_of
from features.indicators.expression import expression
from features.indicators.language import DefinitionError, Indicator
from features.indicators.page import window_in_words
from features.profile import LANGUAGES, Profile, ProfileError

FORMAT = 1
FILE = "system.json"
LISTS = "codelists/"
SECTIONS = "sections"
IS = "is"  # names the kind of a part of a value
PARTS = {
    one.__name__: one
    for one in (
        language.Aggregate,
        language.Condition,
        language.Field,
        language.Formula,
        language.Nearby,
        language.Neighbours,
        language.PeerRate,
        language.Rows,
        language.Window,
    )
}
FACTS = tuple(one.name for one in fields(Indicator) if one.name not in {"value", "examples"})


@dataclass(frozen=True)
class System:
    """Definitions, the settings that decide their values, and the text of code lists and sections by file name.

    Worked examples are left out: they prove a definition and decide no value.
    """

    definitions: Definitions
    settings: Mapping[str, Any]
    files: Mapping[str, str]

    @classmethod
    def of(cls, profile: Profile, definitions: Definitions) -> "System":
        """The system of a profile as it stands now."""
        lists = {f"{LISTS}{name}": text for name, text in codelist_texts(profile).items()}
        sections = (profile.folder / f"{SECTIONS}.yaml").read_text(encoding="utf-8")
        indicators = tuple(replace(one, examples=()) for one in definitions.indicators)
        plain = Definitions(indicators, definitions.digest)
        return cls(plain, deciding_settings(profile), {**lists, SECTIONS: sections})

    @classmethod
    def read(cls, text: str, *, where: str) -> "System":
        """The system of a text; DefinitionError when it does not have the digest it states."""
        try:
            found = json.loads(text)
            if found["format"] != FORMAT:
                raise DefinitionError(
                    f"{where}: format {found['format']} of an indicator system; this version reads {FORMAT}. Nothing "
                    "of it was used; draft the indicators as a new version."
                )
            indicators = tuple(_indicator(row) for row in found["indicators"])
            settings = {name: _setting_back(value) for name, value in found["settings"].items()}
            files = {name: "\n".join(lines) for name, lines in found["files"].items()}
            stated = str(found["digest"])
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise DefinitionError(
                f"{where}: {fault!r} is missing or malformed in an indicator system. Nothing of it was used; take the "
                "file from where it was written."
            ) from None
        system = cls(Definitions(indicators, stated), settings, files)
        if (digest := digest_of(indicators, settings, system.codelists)) != stated:
            raise DefinitionError(
                f"{where}: the definitions have digest {digest[:12]}, the text states {stated[:12]}: it was altered, "
                "or written by another version of the product. Nothing of it was used."
            )
        return system

    @property
    def digest(self) -> str:
        """The digest of the definitions."""
        return self.definitions.digest

    @property
    def codelists(self) -> dict[str, str]:
        """The text of the code lists, by name."""
        return {name.removeprefix(LISTS): text for name, text in self.files.items() if name.startswith(LISTS)}

    @cached_property
    def text(self) -> str:
        """The whole system as canonical JSON that people can read: values as expressions beside their parts."""
        found = {
            "format": FORMAT,
            "digest": self.digest,
            "indicators": [_stated(one) for one in self.definitions.indicators],
            "settings": {name: _setting(value) for name, value in self.settings.items()},
            "files": {name: text.split("\n") for name, text in self.files.items()},
        }
        return json.dumps(found, ensure_ascii=False, indent=1, allow_nan=False) + "\n"

    @property
    def text_digest(self) -> str:
        """SHA-256 of the text."""
        return sha256(self.text.encode()).hexdigest()

    def profile(self, present: Profile) -> Profile:
        """A profile with kinds, coverage, effect of repair, zone, code lists and sections as they stood."""
        settings = {name: value for name, value in self.settings.items() if value is not None}
        absent = set(self.settings) - set(settings)
        kept = {name: value for name, value in present.settings.items() if name not in absent}
        try:
            return replace(present, settings=kept).restated(settings, self.files)
        except (KeyError, TypeError, ValueError) as fault:
            raise ProfileError(
                f"Profile {present.name}: the indicator system {self.digest[:12]} does not fit it any more: {fault!r}. "
                "Nothing was computed; put the profile back as it was, or train a new scheme."
            ) from None


def facts(indicator: Indicator) -> dict[str, Any]:
    """Every stated fact of an indicator as plain words: its value as an expression, examples left out."""
    return {name: getattr(indicator, name) for name in FACTS} | {"value": expression(indicator.value)}


def _stated(indicator: Indicator) -> dict[str, Any]:
    return {
        **{name: _written(getattr(indicator, name)) for name in FACTS},
        "expression": expression(indicator.value),
        "window": {name: window_in_words(indicator.value, name) for name in LANGUAGES},
        "value": _written(indicator.value),
    }


def _indicator(row: Mapping[str, Any]) -> Indicator:
    return Indicator(**{name: _back(row[name]) for name in FACTS}, value=_back(row["value"]), examples=())


def _written(value: Any) -> Any:
    """A part of a value with its kind and what differs from the language's defaults."""
    if type(value).__name__ in PARTS:
        found = {one.name: getattr(value, one.name) for one in fields(value) if not _is_default(one, value)}
        return {IS: type(value).__name__} | {name: _written(part) for name, part in found.items()}
    if isinstance(value, tuple | list):
        return [_written(one) for one in value]
    return _setting(value)


def _is_default(one: Any, value: Any) -> bool:
    held = getattr(value, one.name)
    return one.default is not MISSING and type(held) is type(one.default) and bool(held == one.default)


def _back(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_back(one) for one in value)
    if isinstance(value, dict) and value[IS] in PARTS:
        return PARTS[value[IS]](**{name: _back(part) for name, part in value.items() if name != IS})
    return _setting_back(value)


def _setting(value: Any) -> Any:
    """A setting with its dates marked as such."""
    if isinstance(value, date):
        return {IS: "date", "day": value.isoformat()}
    if isinstance(value, Mapping):
        return {name: _setting(one) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return [_setting(one) for one in value]
    return value


def _setting_back(value: Any) -> Any:
    if isinstance(value, dict):
        return date.fromisoformat(value["day"]) if value.get(IS) == "date" else _each(value.items())
    return [_setting_back(one) for one in value] if isinstance(value, list) else value


def _each(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {name: _setting_back(value) for name, value in items}
