"""Is a scheme fit for use? Named checks over the evidence, thresholds dated, one verdict."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from evaluation.checks import FIGURES, Evidence
from evaluation.errors import GateError
from evaluation.verdict import PROMOTE, REJECT, REVIEW, Check, Detail, Verdict
from features.asof import in_force

GATE = Path(__file__).with_name("gate.yaml")


def judge(evidence: Evidence, *, scheme: str, on: date) -> Verdict:
    """The verdict on a scheme by the thresholds in force on a day."""
    checks = _checks(evidence, on)
    return Verdict(scheme, conclude(checks), on, checks)


def failing(evidence: Evidence, *, on: date) -> tuple[str, ...]:
    """The blocking checks that evidence does not stand, by the thresholds in force on a day."""
    return tuple(check.code for check in _checks(evidence, on) if check.blocking and check.passed is False)


def read_verdict(document: Mapping[str, Any]) -> Verdict:
    """The verdict of a saved assessment's ``gate`` block; GateError when it is not what its digest names."""
    try:
        checks = tuple(
            Check(**{**row, "evidence": tuple(Detail(**detail) for detail in row["evidence"])})
            for row in document["checks"]
        )
        found = Verdict(document["scheme"], document["verdict"], date.fromisoformat(document["on"]), checks)
        stated = document["digest"]
    except (KeyError, TypeError, ValueError) as fault:
        raise GateError(f"The saved verdict is malformed: {fault!r}. Evaluate the scheme again.") from None
    if found.digest != stated or found.verdict != conclude(checks):
        raise GateError(
            f"The saved verdict says {found.verdict} with digest {found.digest[:12]}, but states {str(stated)[:12]}: "
            "it was altered. Nothing was proposed; evaluate the scheme again."
        )
    return found


def read_gate() -> dict[str, Any]:
    """The content of ``gate.yaml``."""
    content: dict[str, Any] = yaml.safe_load(GATE.read_text(encoding="utf-8"))
    return content


def least_draws(on: date) -> int:
    """How many determinate draws a class needs to be judged, on a day."""
    return int(in_force(read_gate()["draws"], on)["minimum"])


def conclude(checks: Iterable[Check]) -> str:
    """Reject on a blocking failure, else review on any failure or a silence that is not allowed, else promote."""
    verdict = PROMOTE
    for check in checks:
        if check.passed is False and check.blocking:
            return REJECT
        if check.passed is False or (check.passed is None and not check.optional):
            verdict = REVIEW
    return verdict


def _checks(evidence: Evidence, on: date) -> tuple[Check, ...]:
    return tuple(_check(row, evidence, on) for row in read_gate()["checks"])


def _check(row: Mapping[str, Any], evidence: Evidence, on: date) -> Check:
    try:
        rule = in_force(row["thresholds"], on)
        figures = FIGURES[row["code"]]
    except (ValueError, KeyError) as fault:
        raise GateError(
            f"gate.yaml, check {row['code']} on {on}: {fault}. Expected a figure in checks.py and one threshold in "
            "force. No verdict was given; correct gate.yaml."
        ) from None
    details = figures(evidence, rule)
    known = [detail.value for detail in details if detail.value is not None]
    worst = None if not known else (max(known) if row["limit"] == "at_most" else min(known))
    judged = [detail.passed for detail in details if detail.passed is not None]
    return Check(
        code=row["code"],
        title=row["title"],
        title_en=row["title_en"],
        section=row["section"],
        limit=row["limit"],
        blocking=row["blocking"],
        optional=row["optional"],
        threshold=float(rule["value"]),
        basis=rule["basis"],
        value=worst,
        passed=all(judged) if judged else None,
        evidence=details,
    )
