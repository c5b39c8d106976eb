"""What a home holds, and whether it still holds: deliveries, months, champion; journal, lake and seals recomputed."""

import json
from typing import Any

from evaluation import promotion, versions
from evaluation.errors import GateError
from features.records.journal import JournalError
from serving.workshop import Workshop
from training import package
from training.errors import SchemeError


def inventory(bench: Workshop, *, verify: bool) -> dict[str, Any]:
    """The state of a home as JSON; with ``verify``, the faults found by recomputing everything.

    A home that cannot be read any more is an error; with ``verify`` its faults are listed and the rest is left out.
    """
    profile = bench.settings.profile
    found: dict[str, Any] = {"profile": profile.name, "home": str(bench.home), "notice": profile.notice}
    if not verify:
        return found | _holdings(bench)
    verified = _verified(bench)
    try:
        found |= _holdings(bench)
    except (JournalError, GateError) as fault:
        verified["faults"] += [str(fault)] * (str(fault) not in verified["faults"])
    return found | {"verified": verified}


def _holdings(bench: Workshop) -> dict[str, Any]:
    told = bench.lake_journal
    intakes = [entry.details for entry in told.entries("intake")] if told.path.is_file() else []
    receipts = [receipt for details in intakes for receipt in details["deliveries"]]
    return {
        "deliveries": len([one for one in receipts if one["refused"] is None]),
        "rows": {
            name: sum(one[name] for one in receipts)
            for name in ("sent", "accepted", "duplicate", "rejected", "unmatched")
        },
        "waiting": _waiting(bench),
        "entities": int(bench.lake.register().num_rows),
        "months": [_month(bench, name) for name in bench.results.months()],
        "champion": _champion(bench),
        "indicators": [_version(one) for one in versions.register(bench.office).values()],
    }


def _waiting(bench: Workshop) -> int:
    """How many rows wait for their entity now; those that found it since they came are in the lake."""
    tables = bench.lake.generation.tables
    return sum(file.rows for name, files in tables.items() if name.startswith("unmatched/") for file in files)


def _month(bench: Workshop, name: str) -> dict[str, Any]:
    sealed = bench.results.month(name)
    classes = sealed.counts()
    return {
        "month": name,
        "entities": sum(classes.values()),
        "classes": classes,
        "rows": int(sealed.rows.num_rows),
        "supplements": len(sealed.parts) - 1,
        "scheme": sealed.head.scheme,
        "indicators": sealed.indicators,
        "head": sealed.head.digest,
    }


def _champion(bench: Workshop) -> dict[str, Any] | None:
    found = promotion.champion(bench.office)
    if found is None:
        return None
    return {
        "scheme": found.scheme,
        "indicators": _indicators(bench, found.scheme),
        "since": found.since.isoformat(),
        "approved_by": found.decided.by,
        "proposed_by": found.proposal.by if found.proposal else None,
        "verdict": found.decided.verdict,
    }


def _indicators(bench: Workshop, scheme: str) -> dict[str, str | None]:
    """The indicator system a kept scheme was trained on; nulls for a folder that does not verify."""
    try:
        files = package.read(bench.home / promotion.SCHEMES / scheme, bench.office.scheme_key).files
        stated = json.loads(files["scheme.json"])
    except (SchemeError, KeyError, ValueError):
        return {"version": None, "digest": None}
    return {"version": stated.get("version"), "digest": stated.get("definitions")}


def _version(one: versions.Version) -> dict[str, str]:
    return {"version": one.name, "state": one.state, "effective": one.effective, "digest": one.digest}


def _verified(bench: Workshop) -> dict[str, Any]:
    from features.records.intake import verify as verify_lake
    from serving import audit, compared
    from serving.monthly import verify
    from serving.store import Store

    faults: list[str] = []
    entries = head = None
    try:
        standing = bench.journal.verify()
        entries, head = standing.entries, standing.head
        faults += audit.verify(bench.home)
    except JournalError as fault:
        faults.append(str(fault))
    files = 0
    try:
        files = verify_lake(bench.lake, bench.lake_journal)
    except (JournalError, OSError, ValueError) as fault:
        faults.append(str(fault))
    faults += [str(fault) for fault in verify(bench.home)]
    faults += compared.faults(Store(bench.settings.store, bench.home), bench.results, bench.home)
    return {"journal_entries": entries, "journal_head": head, "lake_files": files, "faults": faults}
