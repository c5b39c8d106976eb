"""Who made which scheme champion, when, on which evidence: two signed steps, and a way back."""

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from evaluation.errors import GateError
from evaluation.verdict import Verdict, require
from features.asof import end_of_day
from features.records.journal import Entry, Following, Journal
from features.signing import holds, sign, signing_key, verify_key
from features.steps import sync_folder, write_text
from training import package
from training.scheme import Scheme

PROPOSED = "promotion.proposed"
APPROVED = "promotion.approved"
ROLLED_BACK = "promotion.rolled_back"
ACTIONS = (PROPOSED, APPROVED, ROLLED_BACK)
POINTER = "champion.json"
SCHEMES = "schemes"

Mirror = Callable[[str], None]
"""Told the digest of a new champion, after the journal and the pointer: MLflow's alias."""
Check = Callable[[Scheme, str | None], None]
"""Objects to a verified scheme and the digest of the verdict it rests on, before anything is recorded, by raising."""


@dataclass(frozen=True)
class Office:
    """Where promotions are decided and kept: a profile's home, its journal, its keys, and the key schemes bear."""

    home: Path
    journal: Journal
    keys: Path
    scheme_key: Ed25519PublicKey


@dataclass(frozen=True)
class Signer:
    """Who signs (the name of a key), when, and why where a reason is asked for."""

    by: str
    at: datetime
    reason: str | None = None


@dataclass(frozen=True)
class Act:
    """One promotion entry of the journal, its signature verified; ``key`` is the signer's public key."""

    seq: int
    at: datetime
    action: str
    by: str
    key: str
    scheme: str
    verdict: str | None
    verdict_digest: str | None
    report_digest: str | None
    reason: str | None
    proposal: str | None
    entry: str


@dataclass(frozen=True)
class Champion:
    """The scheme that was champion, by whom it was proposed and put there, and on which evidence."""

    scheme: str
    since: datetime
    decided: Act
    proposal: Act | None


def propose(
    office: Office, verdict: Verdict, *, folder: Path, report: str, signer: Signer, check: Check | None = None
) -> Entry:
    """The journal entry of a signed proposal; GateError without a passing verdict.

    ``folder`` is the scheme's: it is verified and copied into the home first, so that what is approved later is what
    was proposed; ``check`` may object to it. ``report`` is the digest of the report it rests on. A verdict of review
    needs the signer's reason.
    """
    require(verdict, reason=signer.reason)
    scheme = Scheme.load(folder, office.scheme_key)
    if scheme.digest != verdict.scheme:
        raise GateError(
            f"{folder} holds scheme {scheme.digest[:12]}, the verdict is on {verdict.scheme[:12]}; expected one and "
            "the same. Nothing was recorded; evaluate the scheme that is to be proposed."
        )
    if check is not None:
        check(scheme, verdict.digest)
    keep(office, folder, scheme.digest)
    return signed(
        office,
        PROPOSED,
        {
            "scheme": verdict.scheme,
            "verdict": verdict.verdict,
            "verdict_digest": verdict.digest,
            "report_digest": report,
        },
        signer,
    )


def approve(
    office: Office, scheme: str = "", *, signer: Signer, check: Check | None = None, mirror: Mirror | None = None
) -> Entry:
    """The journal entry that makes a proposed scheme champion, signed by another key than proposed it.

    The newest waiting proposal, or the newest of the scheme whose digest begins with ``scheme``. Its kept folder is
    verified and ``check`` may object to the scheme, the decision is recorded, and only then the pointer moves.
    """
    proposal = _open_proposal(office, scheme)
    if public_key(office, signer.by) == proposal.key:
        raise GateError(
            f"Scheme {proposal.scheme[:12]} was proposed by {proposal.by} and would be approved by {signer.by} with "
            "the same key; expected another person's. Nothing was recorded; let someone else approve."
        )
    found = Scheme.load(office.home / SCHEMES / proposal.scheme, office.scheme_key)
    if check is not None:
        check(found, proposal.verdict_digest)
    details = {"scheme": proposal.scheme, "proposal": proposal.entry, **_evidence(proposal)}
    return _decide(office, signed(office, APPROVED, details, signer), mirror)


def rollback(office: Office, scheme: str, *, signer: Signer, mirror: Mirror | None = None) -> Entry:
    """The journal entry that makes an earlier champion champion again; its kept folder is verified first."""
    approved = [act for act in acts(office) if act.action == APPROVED]
    earlier = [act for act in approved if act.scheme == scheme]
    if not earlier or not (signer.reason or "").strip():
        known = ", ".join(dict.fromkeys(act.scheme[:12] for act in approved)) or "none"
        raise GateError(
            f"Rollback to {scheme[:12]}: expected a reason and a scheme that was champion before ({known}). Nothing "
            "was recorded."
        )
    Scheme.load(office.home / SCHEMES / scheme, office.scheme_key)
    details = {"scheme": scheme, "proposal": earlier[-1].proposal, **_evidence(earlier[-1])}
    return _decide(office, signed(office, ROLLED_BACK, details, signer), mirror)


def _evidence(act: Act) -> dict[str, str | None]:
    return {"verdict": act.verdict, "verdict_digest": act.verdict_digest, "report_digest": act.report_digest}


class Acts:
    """The promotion entries of an office that is asked again and again: its journal is read on, not read anew."""

    def __init__(self, office: Office) -> None:
        self.following = Following(office.journal, ACTIONS)
        self._office = office
        self._read: tuple[Entry, ...] | None = None
        self._found: tuple[Act, ...] = ()
        self._lock = threading.Lock()

    def now(self) -> tuple[Act, ...]:
        """``acts`` as the journal stands; every signature is looked at again when the journal changed."""
        with self._lock:
            read = self.following.entries()
            if read is not self._read:
                self._read = None
                self._found = tuple(_act(self._office, entry) for entry in read)
                self._read = read
            return self._found

    def champion_on(self, day: date, zone: ZoneInfo) -> Champion | None:
        """The champion at the end of a day."""
        return reigning(self.now(), day, zone)


def acts(office: Office) -> tuple[Act, ...]:
    """Every promotion entry in order; JournalError when the chain breaks, GateError when a signature does not hold."""
    return Acts(office).now()


def champion(office: Office) -> Champion | None:
    """The scheme the newest promotion entry of the verified journal names; None before the first.

    The pointer file is for people and never trusted here: a crash may have left it one step behind.
    """
    return _champion_of(acts(office))


def champion_on(office: Office, day: date, zone: ZoneInfo) -> Champion | None:
    """The champion at the end of a day."""
    return Acts(office).champion_on(day, zone)


def reigning(found: tuple[Act, ...], day: date, zone: ZoneInfo) -> Champion | None:
    """The champion at the end of a day, among verified acts."""
    end = end_of_day(day, zone)
    return _champion_of(tuple(act for act in found if act.at < end))


def champion_folder(office: Office) -> Path:
    """Where the champion's verified folder is kept; GateError when there is no champion."""
    found = champion(office)
    if found is None:
        raise GateError(
            f"{office.home} has no champion; expected one approved scheme. Nothing was opened; propose and approve one."
        )
    return office.home / SCHEMES / found.scheme


def history(office: Office) -> list[dict[str, Any]]:
    """Every promotion entry as JSON, oldest first."""
    return [{**vars(act), "at": act.at.isoformat()} for act in acts(office)]


def public_key(office: Office, name: str) -> str:
    """The public half of a named key, in hexadecimal."""
    return verify_key(office.keys, name).public_bytes_raw().hex()


def keep(office: Office, folder: Path, scheme: str) -> Path:
    """The scheme's folder under the home, copied whole and verified, or found there already."""
    target = office.home / SCHEMES / scheme
    if not target.exists():
        fresh = target.with_name(f".{scheme}.copying")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(folder, fresh)
        for path in fresh.iterdir():
            _sync_file(path)
        sync_folder(fresh)
        fresh.rename(target)
        sync_folder(target.parent)
    if package.read(target, office.scheme_key).digest != scheme:
        raise GateError(f"{target} does not hold the scheme of its name. Nothing was promoted; remove the folder.")
    return target


def _champion_of(found: tuple[Act, ...]) -> Champion | None:
    decided = [act for act in found if act.action != PROPOSED]
    if not decided:
        return None
    newest = decided[-1]
    proposal = next((act for act in found if act.entry == newest.proposal), None)
    return Champion(newest.scheme, newest.at, newest, proposal)


def _open_proposal(office: Office, scheme: str) -> Act:
    """The newest proposal nobody answered yet, of any scheme or of those whose digest begins so."""
    found = acts(office)
    answered = {act.proposal for act in found if act.action == APPROVED}
    waiting = [act for act in found if act.action == PROPOSED and act.entry not in answered]
    for act in reversed(waiting):
        if act.scheme.startswith(scheme):
            return act
    known = ", ".join(dict.fromkeys(act.scheme[:12] for act in waiting)) or "none"
    raise GateError(
        f"No proposal of {f'scheme {scheme[:12]}' if scheme else 'any scheme'} is waiting; waiting proposals: {known}. "
        "Only a proposed scheme can be approved. Nothing was recorded; evaluate it and propose it first."
    )


def _decide(office: Office, entry: Entry, mirror: Mirror | None) -> Entry:
    pointer = {"scheme": entry.details["scheme"], "entry": entry.digest, "seq": entry.seq}
    write_text(office.home / POINTER, json.dumps(pointer, indent=1) + "\n")
    if mirror is not None:
        mirror(str(entry.details["scheme"]))
    return entry


def signed(office: Office, action: str, details: Mapping[str, Any], signer: Signer) -> Entry:
    """The journal entry of an act, signed with the key of the person who acts; SigningError without that key."""
    private = signing_key(office.keys, signer.by)
    whole = {**details, "reason": signer.reason, "by": signer.by, "key": public_key(office, signer.by)}
    stated = {name: value for name, value in whole.items() if value is not None}
    signature = sign(private, _statement(action, stated))
    return office.journal.append(action, {**stated, "signature": signature}, at=signer.at, actor=signer.by)


def _statement(action: str, details: Mapping[str, Any]) -> bytes:
    return rfc8785.dumps({"action": action, **{name: value for name, value in details.items() if name != "signature"}})


def is_signed(office: Office, entry: Entry) -> bool:
    """Whether an entry bears the signature of the person it names, under the key that person has here."""
    details = entry.details
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(details["key"]))
        sound = holds(key, _statement(entry.action, details), details["signature"])
        return sound and entry.actor == details["by"] and public_key(office, details["by"]) == details["key"]
    except (KeyError, ValueError, TypeError):
        return False


def _act(office: Office, entry: Entry) -> Act:
    details = entry.details
    if not is_signed(office, entry) or "scheme" not in details:
        raise GateError(
            f"Journal entry {entry.seq} ({entry.action}) by {entry.actor}: its signature does not hold under that "
            "person's key. No champion is taken from it; find out who wrote it."
        )
    return Act(
        seq=entry.seq,
        at=entry.at,
        action=entry.action,
        by=details["by"],
        key=details["key"],
        scheme=str(details["scheme"]),
        verdict=details.get("verdict"),
        verdict_digest=details.get("verdict_digest"),
        report_digest=details.get("report_digest"),
        reason=details.get("reason"),
        proposal=details.get("proposal"),
        entry=entry.digest,
    )


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def report_digest(page: str) -> str:
    """The digest by which a proposal names the report it rests on."""
    return hashlib.sha256(page.encode()).hexdigest()
