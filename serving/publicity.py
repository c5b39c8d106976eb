"""The national publicity system: where it is opened, under which heading a record is found, and in which order."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from features.profile import Profile, ProfileError

FILE = "publicity"
OTHER = ("其他归集信息", "collected otherwise")


@dataclass(frozen=True)
class Heading:
    """A heading of the publicity system and its place among them; records published under none come last."""

    place: int
    label: str
    label_en: str


def home(profile: Profile) -> Mapping[str, Any] | None:
    """Where the publicity system is opened: ``url``, ``label``, ``label_en``; nothing where the profile names none.

    ProfileError for an address that is not https: pages lead there.
    """
    stated = profile.table(FILE).get("home") if profile.has(FILE) else None
    if stated is None:
        return None
    if not str(stated["url"]).startswith("https://"):
        raise ProfileError(
            f"{profile.folder / FILE}.yaml: home.url is {stated['url']!r}; expected an address that begins with "
            "https://. No page was made; correct it or take home out."
        )
    return dict(stated)


def headings(profile: Profile) -> dict[str, Heading]:
    """The heading of every record type that is published, by record type; none where the profile states none."""
    stated = profile.table(FILE)["headings"] if profile.has(FILE) else []
    return {
        name: Heading(place, row["label"], row["label_en"])
        for place, row in enumerate(stated)
        for name in row["record_types"]
    }


def ordered(cited: Iterable[Mapping[str, Any]], known: Mapping[str, Heading]) -> list[dict[str, Any]]:
    """Cited records in the order of the publicity system, within a heading as they came, each with its heading."""
    last = Heading(len(known), *OTHER)
    found = [(known.get(one["record_type"], last), dict(one)) for one in cited]
    named = [{**one, "heading": heading.label, "heading_en": heading.label_en} for heading, one in found]
    places = [heading.place for heading, _ in found]
    if not known:  # a place without such a system has no headings to speak of
        return [{**one, "heading": "", "heading_en": ""} for one in named]
    return [named[at] for at in sorted(range(len(named)), key=lambda at: places[at])]
