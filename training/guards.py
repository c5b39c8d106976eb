"""Leakage guards: what every training asks of its own sample before anything is fitted; one that fails ends it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import bdtrc

from features import steps
from training import foresight
from training.cases import known_open, own_cases
from training.cohort import HEADLINE
from training.errors import SchemeError
from training.fit import Floats, Rows, stated
from training.pairs import FITTED, PARTS, Say
from training.past import ENDINGS
from training.sample import Sample
from training.task import Task

GUARDS = "guards.json"
FORMAT = 1  # of the guards; part of the key of the step that runs them
FEWEST = 30  # pairs with the outcome below which one indicator may tell them apart by chance
ENOUGH = 20_000  # pairs without the outcome that tell how well an indicator tells apart
HARDLY = 0.01  # chance below which a share above its limit is not put down to the few pairs it was counted in
NAMED = 5  # indicators a finding names, most cells first


@dataclass(frozen=True)
class GuardSettings:
    """How much guards look at and how much they let pass; read from ``guards`` in a profile's ``model.yaml``.

    ``pairs`` of every part are worked out again; those who look at everyone only in a lake where they look at no more
    than ``everyone_rows``. ``past_only`` are fields, beside the endings every record has, whose dates can only tell of
    the past. At most the share ``own_case`` of positive pairs may have had their own case known and closed by the date,
    ``filed_before`` it filed and unknown; no indicator alone may tell positives apart better than ``alone`` (AUC).
    """

    pairs: int = 300
    everyone_rows: int = 3_000_000
    past_only: tuple[str, ...] = ()
    own_case: float = 0.05
    filed_before: float = 0.15
    alone: float = 0.95

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "GuardSettings":
        """The settings of a YAML row; what it does not name is as above."""
        return stated(cls, "guards", lambda: cls(**{**row, "past_only": tuple(row.get("past_only", ()))}))


@dataclass(frozen=True)
class Finding:
    """What a guard found: ``found`` of ``of``, and the ``value`` it holds against its ``limit``.

    ``passed`` is null where it cannot tell, and ``more`` says under ``why`` the reason.
    """

    code: str
    found: int
    of: int
    value: float | None
    limit: float
    passed: bool | None
    more: Mapping[str, Any] = field(default_factory=dict)


def guarded(task: Task, sample: Sample, folder: Path, *, say: Say) -> tuple[Finding, ...]:
    """What the guards found in a sample, written into a folder as ``guards.json``; SchemeError when one fails."""
    settings = GuardSettings.read(task.model.get("guards", {}))
    _check_fields(task, settings)
    say("guards against leaks: cases, cells worked out again, canaries")
    found = findings(task, sample, settings)
    document = {"settings": asdict(settings), "guards": [asdict(one) for one in found]}
    steps.write_text(folder / GUARDS, json.dumps(document, ensure_ascii=False, sort_keys=True, indent=1))
    failed = [one for one in found if one.passed is False]
    if failed:
        raise SchemeError(
            f"Guards against leaks failed for outcome {task.outcome.code}: {'; '.join(map(_told, failed))}. Nothing "
            "was fitted or signed; a scheme of this sample would look better than it is. See guards in docs/docking.md."
        )
    unsure = [one.code for one in found if one.passed is None]
    say(f"{len(found)} guards, none fails" + (f"; nothing to tell for {', '.join(unsure)}" if unsure else ""))
    return found


def findings(task: Task, sample: Sample, settings: GuardSettings) -> tuple[Finding, ...]:
    """What every guard found, in order."""
    drawn = foresight.draw(task, sample, settings.pairs, settings.past_only)
    apart = foresight.in_own_past(drawn)
    return (
        _open_cases(task, sample),
        *_own_cases(task, sample, settings),
        _cells("foresight", sum(apart.changed.values()), apart.cells, apart.changed),
        _everyone(foresight.in_common_past(drawn, settings.everyone_rows), settings),
        _dealt(apart),
        _canary(apart),
        _too_good(sample, settings),
    )


def figures(found: Sequence[Finding]) -> dict[str, Any]:
    """What guards found as figures of a training: value and limit of every guard that could tell."""
    told = [one for one in found if one.value is not None]
    return {one.code: {"value": one.value, "limit": one.limit} for one in told}


def _open_cases(task: Task, sample: Sample) -> Finding:
    """No headline pair has a case known at its date to be open: asked of the records, not of the pairs."""
    pairs = sample.pairs.filter(pc.equal(sample.pairs["stratum"], HEADLINE))
    count = known_open(task.knowledge, task.outcome, pairs)
    if not task.outcome.open_case:
        return _silent("open_case", "not_declared", limit=0.0)
    return Finding("open_case", count, pairs.num_rows, float(count), 0.0, count == 0)


def _own_cases(task: Task, sample: Sample, settings: GuardSettings) -> tuple[Finding, Finding]:
    """Cases of positive headline pairs that a record told of, or that were filed unseen, by the date."""
    limits = {"own_case": settings.own_case, "filed_before": settings.filed_before}
    if task.outcome.case is None:
        told, filed = (_silent(code, "not_declared", limit=limit) for code, limit in limits.items())
        return told, filed
    counted = {}
    for part in PARTS:
        pairs = sample.pairs.filter(_positive(sample.pairs, part))
        if pairs.num_rows:
            counted[part] = own_cases(task.knowledge, task.outcome, task.outcome.case, pairs)
    of, named = (sum(getattr(one, name) for one in counted.values()) for name in ("positives", "named"))
    told, filed = (
        _share(
            code,
            {part: getattr(one, name) for part, one in counted.items()},
            of,
            limit=limit,
            more={"named": named},
        )
        for (code, limit), name in zip(limits.items(), ("told", "filed"), strict=True)
    )
    return told, filed


def _positive(pairs: pa.Table, part: str) -> pa.ChunkedArray:
    headline = pc.and_(pc.equal(pairs["stratum"], HEADLINE), pc.equal(pairs["part"], part))
    return pc.and_(headline, pc.equal(pairs["label"], 1))


def _share(code: str, by_part: Mapping[str, int], of: int, *, limit: float, more: Mapping[str, Any]) -> Finding:
    """A share against its limit; it fails when so many would hardly come by chance were the share at the limit."""
    count = sum(by_part.values())
    if not of:
        return _silent(code, "too_few", limit=limit, more=more)
    by_chance = float(bdtrc(count - 1, of, limit)) if count else 1.0
    return Finding(code, count, of, count / of, limit, by_chance >= HARDLY, {**more, "parts": dict(by_part)})


def _cells(code: str, count: int, of: int, changed: Mapping[str, int], **more: Any) -> Finding:
    if not of:
        return _silent(code, "nobody_reads", limit=0.0, more=more)
    return Finding(code, count, of, float(count), 0.0, count == 0, {**more, "indicators": _most(changed)})


def _everyone(found: foresight.CommonPast, settings: GuardSettings) -> Finding:
    more = {"rows": found.rows, "of_indicators": found.indicators}
    if not found.cells:
        why = "too_large" if found.rows > settings.everyone_rows else "nobody_looks"
        return _silent("everyone", why, limit=0.0, more=more)
    return _cells("everyone", sum(found.changed.values()), found.cells, found.changed, **more)


def _dealt(found: foresight.OwnPast) -> Finding:
    """Moments dealt anew must be noticed, or equal cells mean nothing."""
    count = sum(found.dealt.values())
    if not found.later:
        return _silent("dealt_anew", "nothing_later", limit=1.0)
    return Finding("dealt_anew", count, found.near, float(count), 1.0, count >= 1, {"later": found.later})


def _canary(found: foresight.OwnPast) -> Finding:
    count, early = sum(found.canary.values()), sum(found.told_early.values())
    more = {"canaries": found.canaries, "told_early": early}
    if not count and not early:
        return _silent("canary", "nobody_reads" if found.canaries else "no_specimen", limit=0.0, more=more)
    return _cells("canary", count, found.near, found.canary, **more)


def _too_good(sample: Sample, settings: GuardSettings) -> Finding:
    """No indicator alone tells positives of the fit part apart better than a real one could."""
    rows, limit = _thinned(sample.rows(FITTED)), settings.alone
    if min(rows.label.sum(), len(rows.label) - rows.label.sum()) < FEWEST:
        return _silent("alone", "too_few", limit=limit)
    apart = alone(rows, sample)
    best = max(apart, key=lambda code: apart[code])
    above = [code for code, found in apart.items() if found > limit]
    return Finding("alone", len(above), len(apart), apart[best], limit, not above, {"indicator": best})


def _thinned(rows: Rows) -> Rows:
    """Everybody with the outcome, and of the others as many as are enough, each so many places from the next."""
    others = np.flatnonzero(rows.label <= 0)
    kept = rows.label > 0
    kept[others[:: max(1, len(others) // ENOUGH)]] = True
    return rows.where(kept)


def alone(rows: Rows, sample: Sample) -> dict[str, float]:
    """How well each feature alone tells positives apart: the weighted AUC, whichever way it points.

    Those it says nothing of are taken for the least or for the greatest, whichever tells more.
    """
    positive = rows.weight * (rows.label > 0)
    negative = rows.weight - positive
    columns = ((code, rows.values[:, sample.layout.columns.index(code)]) for code in sample.layout.features)
    return {code: _apart(column, positive, negative) for code, column in columns}


def _apart(column: Floats, positive: Floats, negative: Floats) -> float:
    values, place = np.unique(column, return_inverse=True)
    with_it: Floats = np.bincount(place, weights=positive, minlength=len(values)).astype(np.float64)
    without: Floats = np.bincount(place, weights=negative, minlength=len(values)).astype(np.float64)
    found = [_auc(with_it, without)]
    if np.isnan(values[-1]):  # null sorts last
        found.append(_auc(np.roll(with_it, 1), np.roll(without, 1)))
    return max(max(one, 1.0 - one) for one in found)


def _auc(positive: Floats, negative: Floats) -> float:
    before = np.cumsum(negative) - negative
    return float((positive * (before + negative / 2)).sum() / (positive.sum() * negative.sum()))


def _silent(code: str, why: str, *, limit: float, more: Mapping[str, Any] | None = None) -> Finding:
    return Finding(code, 0, 0, None, limit, None, {**(more or {}), "why": why})


def _most(changed: Mapping[str, int]) -> list[str]:
    return sorted(changed, key=lambda code: (-changed[code], code))[:NAMED]


def _told(one: Finding) -> str:
    named = ", ".join(one.more.get("indicators", ())) or one.more.get("indicator", "")
    wanted = "at least" if one.code == "dealt_anew" else "at most"
    return f"{one.code} found {one.found} of {one.of}, {one.value:.4g}, expected {wanted} {one.limit:g}" + (
        f" ({named})" if named else ""
    )


def _check_fields(task: Task, settings: GuardSettings) -> None:
    known = {name for one in task.lake.types().values() for name in one.fields} | set(ENDINGS)
    unknown = sorted(set(settings.past_only) - known)
    if unknown:
        raise SchemeError(
            f"model.yaml, guards: past_only names {', '.join(unknown)}; expected fields of record types. Nothing was "
            "trained; correct it."
        )
