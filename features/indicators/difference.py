"""What one indicator system says otherwise than another: definitions, settings, code lists and sections."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

from features.indicators.system import System, facts


@dataclass(frozen=True)
class Change:
    """One fact of an indicator or one setting that differs; null where there was or is none."""

    of: str
    field: str
    old: Any
    new: Any


@dataclass(frozen=True)
class Difference:
    """Indicators added and removed (by code), facts changed, settings changed, and lines of files changed.

    ``moved`` says that the same indicators stand in another order, which is another digest.
    """

    old: str
    new: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[Change, ...]
    settings: tuple[Change, ...]
    files: Mapping[str, tuple[str, ...]]
    moved: bool

    @property
    def same(self) -> bool:
        """Whether both systems are one and the same."""
        return self.old == self.new and not self.files

    @property
    def touched(self) -> tuple[str, ...]:
        """Codes of the indicators that are in both systems with different facts, in order."""
        return tuple(dict.fromkeys(change.of for change in self.changed))


def difference(old: System, new: System) -> Difference:
    """What differs from one system to another; examples are no part of it."""
    before, after = old.definitions.by_code, new.definitions.by_code
    kept = [code for code in before if code in after]
    return Difference(
        old=old.digest,
        new=new.digest,
        added=tuple(code for code in after if code not in before),
        removed=tuple(code for code in before if code not in after),
        changed=tuple(change for code in kept for change in _changes(code, facts(before[code]), facts(after[code]))),
        settings=tuple(_changes("profile", old.settings, new.settings)),
        files=_files(old.files, new.files),
        moved=kept != [code for code in after if code in before],
    )


def _changes(of: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Change]:
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) != new.get(name):
            yield Change(of, name, old.get(name), new.get(name))


def _files(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Lines taken out (−) and put in (+) of every file that differs."""
    found = {}
    for name in sorted({*old, *new}):
        lines = unified_diff(_lines(old, name), _lines(new, name), n=0, lineterm="")
        changed = tuple(line for line in list(lines)[2:] if not line.startswith("@@"))
        if changed:
            found[name] = changed
    return found


def _lines(files: Mapping[str, str], name: str) -> list[str]:
    return files.get(name, "").split("\n")
