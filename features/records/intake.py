"""Intake: deliveries into the lake, every row counted, and all of it or nothing when the machine stops half-way."""

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from features.records.delivery import DeliveryError, delivery_name
from features.records.generation import NEXT, Generation, LakeError, make_current, write_next
from features.records.journal import Journal
from features.records.lake import Lake
from features.records.landing import Landing, Progress
from features.records.sorting import Sorted, Sorting
from features.steps import lock

__all__ = ["DeliveryError", "Progress", "Receipt", "recover", "take", "verify"]

ACTION = "intake"
_STAGING = ".staging"


@dataclass(frozen=True)
class Receipt:
    """What became of one delivery: sent = accepted + duplicate + rejected + unmatched; all 0 when refused."""

    delivery: str
    sent: int = 0
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    unmatched: int = 0
    rejects: Mapping[str, int] = field(default_factory=dict)
    refused: str | None = None
    problem: str | None = None
    warnings: tuple[str, ...] = ()
    late: int = 0

    def __post_init__(self) -> None:
        counted = self.accepted + self.duplicate + self.rejected + self.unmatched
        if self.sent != counted or self.rejected != sum(self.rejects.values()):
            raise AssertionError(f"Delivery {self.delivery}: {self.sent} rows sent, {counted} accounted for.")


def take(
    deliveries: Sequence[Path],
    *,
    lake: Lake,
    journal: Journal,
    recorded_at: datetime,
    actor: str = "operator",
    progress: Progress | None = None,
) -> list[Receipt]:
    """A receipt for each delivery, in their order; what they brought is in the lake when this returns.

    The register is read from all deliveries first, then every other row finds its entity. One journal entry carries
    all receipts and names the new generation of the lake: a kill before it leaves everything as it was, and the same
    command ends in the same lake. Taken again, a delivery's rows are duplicates.
    """
    report = progress or _silent
    with lock(lake.home, ACTION):
        recover(lake.home, journal)
        lake.reopen()
        staging = _emptied(lake.folder / _STAGING)
        sorting = Sorting(lake.profile, lake.types(), lake.home, staging, recorded_at)
        found = []
        for number, folder in enumerate(deliveries):
            found.append(sorting.take(number, folder, delivery_name(folder)))
            report("read", number + 1, len(deliveries))
        sorting.finish(found)
        _say_repeated(found, journal)
        landing = Landing(lake, staging, recorded_at, report)
        following = landing.land(sorting.staged, {one.number for one in found if one.refusal is not None})
        receipts = [_receipt(one, landing.counts.get(one.number, {})) for one in found]
        write_next(lake.folder, following)
        journal.append(ACTION, _entry(following, landing.rematched, receipts, found), at=recorded_at, actor=actor)
        recover(lake.home, journal)
        shutil.rmtree(staging)
        lake.reopen()
        lake.export_queue()
    return receipts


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _say_repeated(found: Sequence[Sorted], journal: Journal) -> None:
    taken = {
        receipt["delivery"]
        for entry in journal.entries(ACTION)
        for receipt in entry.details["deliveries"]
        if receipt["refused"] is None
    }
    for delivery in found:
        if delivery.name in taken and delivery.refusal is None:
            delivery.warnings.append("a delivery of this name was taken before; rows it brought then are duplicates")


def _receipt(found: Sorted, counts: Mapping[str, int]) -> Receipt:
    if found.refusal is not None:
        return Receipt(found.name, refused=found.refusal.code, problem=str(found.refusal))
    rejects = found.rejects.counts if found.rejects else {}
    return Receipt(
        delivery=found.name,
        sent=found.sent,
        accepted=counts.get("accepted", 0),
        duplicate=counts.get("duplicate", 0),
        rejected=sum(rejects.values()),
        unmatched=counts.get("unmatched", 0),
        rejects=dict(sorted(rejects.items())),
        warnings=tuple(found.warnings),
        late=found.late,
    )


def _entry(
    following: Generation, rematched: int, receipts: Sequence[Receipt], found: Sequence[Sorted]
) -> dict[str, Any]:
    origins = [
        {"manifest": one.delivery.digest, "source": one.delivery.source, "backload": one.delivery.backload}
        if one.delivery is not None
        else {"manifest": None, "source": None, "backload": None}
        for one in found
    ]
    return {
        "generation": following.number,
        "lake": _text_digest(following.text()),
        "rematched": rematched,
        "deliveries": [
            {**asdict(receipt), "warnings": list(receipt.warnings), **origin}
            for receipt, origin in zip(receipts, origins, strict=True)
        ],
    }


def recover(home: Path, journal: Journal) -> None:
    """Nothing; a written generation becomes current when the journal names it, and is dropped when it does not."""
    following = home / "lake" / NEXT
    if not following.is_file():
        return
    last = journal.last(ACTION)
    if last is not None and last.details["lake"] == _text_digest(following.read_text(encoding="utf-8")):
        make_current(home / "lake")
    else:
        following.unlink()


def verify(lake: Lake, journal: Journal) -> int:
    """How many files of the lake hold; JournalError when the journal or a file is damaged, or they disagree.

    The lake must be the one the newest intake entry names: files exchanged together with their list are found too.
    """
    last = journal.last(ACTION)
    named = Generation().text() if last is None else last.details["lake"]
    stands = lake.generation.text()
    if named not in (stands, _text_digest(stands)):
        raise LakeError(
            f"{lake.folder}: generation {lake.generation.number} is not the one the journal names. Expected the lake "
            "of the newest intake. Nothing was changed. If an intake was interrupted, run it again; else restore the "
            "lake and the journal from one copy."
        )
    return lake.verify()


def _text_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _silent(step: str, done: int, total: int) -> None:
    """Progress nobody asked for."""
