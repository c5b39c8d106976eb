"""Versions of the indicator system: drafted, put up for review, published by a second person, retired.

Every step is a signed entry of the journal; what a version is lies beside it, in a folder whose text the entry names.
"""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from evaluation.errors import GateError
from evaluation.promotion import Office, Signer, champion, is_signed, public_key, signed
from features.asof import Month
from features.indicators.system import FILE, System
from features.records.journal import Entry
from features.steps import lock, sync_folder, write_text

DRAFTED, IN_REVIEW = "indicators.drafted", "indicators.in_review"
PUBLISHED, RETIRED = "indicators.published", "indicators.retired"
STATES = {DRAFTED: "draft", IN_REVIEW: "review", PUBLISHED: "published", RETIRED: "retired"}
FOLDER, ENTRY, IMPACT, QUERIES = "indicators", "entry.json", "impact.json", "queries"
PRESENT = "present"  # what people call the definitions of the profile as they are; no version may be called so
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,39}")


@dataclass(frozen=True)
class Version:
    """A version as its acts leave it: state, digest of the definitions, effective month, author and reason.

    ``key`` is the author's public key, ``text`` the SHA-256 of the system's text, ``impact`` that of the report it was
    published on. ``acts`` are its journal entries, oldest first.
    """

    name: str
    digest: str
    state: str
    effective: str
    author: str
    reason: str
    key: str
    text: str
    acts: tuple[Entry, ...]
    impact: str | None = None

    def document(self) -> dict[str, Any]:
        """The version as JSON."""
        return {
            "version": self.name,
            "state": self.state,
            "digest": self.digest,
            "effective": self.effective,
            "author": self.author,
            "reason": self.reason,
            "text_digest": self.text,
            "impact_digest": self.impact,
            "acts": [
                {
                    "seq": act.seq,
                    "at": act.at.isoformat(),
                    "state": STATES[act.action],
                    "by": act.actor,
                    "reason": act.details.get("reason"),
                    "entry": act.digest,
                }
                for act in self.acts
            ],
        }


def register(office: Office) -> dict[str, Version]:
    """Every version by name, as the verified journal tells; GateError when a signature does not hold."""
    found: dict[str, Version] = {}
    for entry in office.journal.entries():
        if entry.action not in STATES:
            continue
        if not is_signed(office, entry):
            raise GateError(
                f"Journal entry {entry.seq} ({entry.action}) by {entry.actor}: its signature does not hold under that "
                "person's key. No version is taken from it; find out who wrote it."
            )
        name = str(entry.details["version"])
        found[name] = _drafted(entry) if entry.action == DRAFTED else _moved(found[name], entry)
    return found


def _drafted(entry: Entry) -> Version:
    stated = entry.details
    return Version(
        name=stated["version"],
        digest=stated["digest"],
        state=STATES[DRAFTED],
        effective=stated["effective"],
        author=stated["by"],
        reason=stated["reason"],
        key=stated["key"],
        text=stated["text"],
        acts=(entry,),
    )


def _moved(version: Version, entry: Entry) -> Version:
    impact = entry.details.get("impact", version.impact)
    return replace(version, state=STATES[entry.action], acts=(*version.acts, entry), impact=impact)


def named(office: Office, digest: str) -> str | None:
    """The version whose definitions have a digest; null when none was drafted."""
    own = _with(register(office), digest)
    return own.name if own else None


def _with(known: Mapping[str, Version], digest: str) -> Version | None:
    return next((one for one in known.values() if one.digest == digest), None)


def check_promotable(office: Office, digest: str) -> None:
    """GateError where a home has versions and the definitions of a digest are not those of a published one.

    Versions that were all retired bind nobody but schemes trained on them.
    """
    known = register(office)
    own = _with(known, digest)
    if own is None and all(one.state == STATES[RETIRED] for one in known.values()):
        return
    if own is None or own.state != STATES[PUBLISHED]:
        stands = f"version {own.name}, which is {own.state}" if own else "no version of this home"
        raise GateError(
            f"The scheme was trained on definitions {digest[:12]}: {stands}; expected a published version. Nothing was "
            "recorded; have the version published (jianwei indicators versions), or train on one that is."
        )


def check_in_effect(office: Office, digest: str, month: Month) -> None:
    """GateError where the version with these definitions takes effect only after a month."""
    own = _with(register(office), digest)
    if own is not None and Month.parse(own.effective) > month:
        raise GateError(
            f"The champion was trained on version {own.name} of the indicators, in effect from {own.effective}; asked "
            f"was for {month}, which is before. Nothing was classified; the champion of that time would have to be "
            "brought back first (jianwei promote history, jianwei promote rollback)."
        )


def find(office: Office, name: str) -> Version:
    """A version by name; GateError says which there are."""
    known = register(office)
    if name not in known:
        raise GateError(
            f"There is no version {name!r} of the indicators; there are {', '.join(known) or 'none'}. Nothing was "
            "done; draft it: jianwei indicators draft --version NAME."
        )
    return known[name]


def draft(
    office: Office, system: System, queries: Mapping[str, str], *, name: str, effective: Month, signer: Signer
) -> Version:
    """A new version with its system and compiled queries, kept under the home and signed by its author.

    GateError when the name is taken or no name, when a version has the same definitions, or without a reason.
    """
    with lock(office.home / FOLDER, f"jianwei indicators draft {name}"):
        _check_new(register(office), name, system.digest, signer)
        _keep(folder(office, name), system, queries)
        stated = {
            "version": name,
            "digest": system.digest,
            "effective": str(effective),
            "text": system.text_digest,
        }
        signed(office, DRAFTED, stated, signer)
        return _written(office, name)


def review(office: Office, name: str, *, signer: Signer) -> Version:
    """A draft put up for review."""
    return _act(office, IN_REVIEW, name, ("draft",), signer)


def publish(office: Office, name: str, *, signer: Signer) -> Version:
    """A reviewed version published by another person than its author, on an impact report of its very definitions.

    The entry names the report and the months whose classes it compares with the champion's; none only before the first
    champion, and after one of before schemes carried their definitions.
    """
    version = _ready(office, name, ("review",), "published")
    if public_key(office, signer.by) == version.key:
        raise GateError(
            f"Version {name} was drafted by {version.author} and would be published by {signer.by} with the same key; "
            "expected another person's. Nothing was recorded; let someone else publish it."
        )
    system_of(office, version)
    path = folder(office, name) / IMPACT
    report = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if report.get("digest") != version.digest:
        raise GateError(
            f"Version {name} has no impact report of its definitions {version.digest[:12]}; expected one on past "
            f"months. Nothing was recorded; run jianwei indicators impact {name} first."
        )
    _check_compared(office, name, report["migration"])
    evidence = {
        "impact": sha256(path.read_bytes()).hexdigest(),
        "months": [one["month"] for one in report["migration"]["months"]],
    }
    return _act(office, PUBLISHED, name, ("review",), signer, **evidence)


def retire(office: Office, name: str, *, signer: Signer) -> Version:
    """A version nobody shall train on any more: a published one, or a draft that came to nothing. Needs a reason."""
    if not (signer.reason or "").strip():
        raise GateError(f"Version {name} would be retired without a reason. Nothing was recorded; give one.")
    return _act(office, RETIRED, name, ("draft", "review", "published"), signer)


def system_of(office: Office, version: Version) -> System:
    """The indicator system of a version, as it was drafted; GateError when its text is not that one any more."""
    path = folder(office, version.name) / FILE
    text = path.read_bytes() if path.is_file() else b""
    if sha256(text).hexdigest() != version.text:
        raise GateError(
            f"{path} is not the text that version {version.name} was drafted with. Nothing of it was used; restore "
            "the file from a copy."
        )
    return System.read(text.decode(), where=str(path))


def save_impact(office: Office, name: str, report: Mapping[str, Any]) -> Path:
    """Where the impact report of a version was written."""
    path = folder(office, name) / IMPACT
    write_text(path, json.dumps(report, ensure_ascii=False, indent=1, allow_nan=False) + "\n")
    return path


def folder(office: Office, name: str) -> Path:
    """Where a version's files lie."""
    return office.home / FOLDER / name


def _check_compared(office: Office, name: str, migration: Mapping[str, Any]) -> None:
    reigning = champion(office)
    if reigning is None or not migration.get("comparable", True):
        return
    if not migration["months"] or migration.get("champion") != reigning.scheme:
        missing = migration.get("missing") or "this champion came later"
        raise GateError(
            f"The impact report of version {name} compares no month's classes with those of the champion, "
            f"{reigning.scheme[:12]}; expected who would move between them. Nothing was recorded; run jianwei "
            f"indicators impact {name} again. What was missing: {missing}."
        )


def _check_new(known: Mapping[str, Version], name: str, digest: str, signer: Signer) -> None:
    if _NAME.fullmatch(name) is None or name == PRESENT:
        raise GateError(
            f"A version cannot be called {name!r}; expected up to 40 letters, digits, '.', '-' and '_', for example "
            f"2026.1, and not {PRESENT!r}. Nothing was recorded."
        )
    if name in known:
        raise GateError(
            f"Version {name} exists ({known[name].state}, by {known[name].author}). Nothing was recorded; choose "
            "another name."
        )
    same = _with(known, digest)
    if same is not None:
        raise GateError(
            f"The profile's definitions are those of version {same.name} ({same.state}): digest {digest[:12]}. Nothing "
            "was recorded; change a definition first, or go on with that version."
        )
    if not (signer.reason or "").strip():
        raise GateError(f"Version {name} would be drafted without a reason. Nothing was recorded; give one.")


def _keep(target: Path, system: System, queries: Mapping[str, str]) -> None:
    """Write the files of a version; what a draft left that never reached the journal is replaced."""
    fresh = target.with_name(f".{target.name}.drafting")
    for left in (fresh, target):
        shutil.rmtree(left, ignore_errors=True)
    (fresh / QUERIES).mkdir(parents=True)
    write_text(fresh / FILE, system.text)
    for name, text in queries.items():
        write_text(fresh / QUERIES / f"{name}.sql", text)
    fresh.rename(target)
    sync_folder(target.parent)


def _ready(office: Office, name: str, states: tuple[str, ...], becomes: str) -> Version:
    version = find(office, name)
    if version.state not in states:
        verbs = {"draft": "review", "review": "publish", "published": "retire"}
        then = verbs.get(version.state)
        advice = f"its next step is jianwei indicators {then} {name}" if then else "draft a new version"
        raise GateError(
            f"Version {name} is {version.state}; to be {becomes} it must be {' or '.join(states)}. Nothing was "
            f"recorded; {advice}."
        )
    return version


def _act(office: Office, action: str, name: str, states: tuple[str, ...], signer: Signer, **details: Any) -> Version:
    with lock(office.home / FOLDER, f"{action} {name}"):
        version = _ready(office, name, states, STATES[action])
        signed(office, action, {"version": name, "digest": version.digest, **details}, signer)
        return _written(office, name)


def _written(office: Office, name: str) -> Version:
    """The version as it stands, told in a file beside it: for people, the journal is what counts."""
    version = find(office, name)
    text = json.dumps(version.document(), ensure_ascii=False, indent=1) + "\n"
    write_text(folder(office, name) / ENTRY, text)
    return version
