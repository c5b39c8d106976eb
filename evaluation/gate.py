"""Is a scheme fit for use? Named checks over the evidence, thresholds dated, one verdict."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from evaluation.checks import FIGURES, Evidence, Figures
from evaluation.errors import GateError
from evaluation.verdict import PROMOTE, REJECT, REVIEW, Check, Detail, Verdict
from features.asof import in_force
from features.steps import key_of

GATE = Path(__file__).with_name("gate.yaml")


def judge(evidence: Evidence, *, scheme: str, on: date, champion: str | None = None) -> Verdict:
    """The verdict on a scheme by the thresholds in force on a day; ``champion`` is the one it was held against."""
    rules = criteria(on)
    checks = _checks(evidence, rules)
    return Verdict(scheme, conclude(checks), on, checks, key_of(rules), champion)


def failing(evidence: Evidence, *, on: date) -> tuple[str, ...]:
    """The blocking checks that evidence does not stand, by the thresholds in force on a day."""
    return tuple(check.code for check in _checks(evidence, criteria(on)) if check.blocking and check.passed is False)


def check_current(verdict: Verdict, *, digest: str | None, on: date, champion: str | None) -> None:
    """Nothing when a saved verdict can be acted on: it has the digest an act names, rests on the criteria in force on
    a day, and was given beside that day's champion. GateError otherwise.
    """
    rules = criteria(on)
    if verdict.digest != digest:
        raise GateError(
            f"Scheme {verdict.scheme[:12]} was evaluated again after it was proposed: its verdict is "
            f"{verdict.digest[:12]}, the proposal rests on {str(digest)[:12]}. Nothing was recorded; propose it again."
        )
    if verdict.criteria != key_of(rules):
        then = {check.code: (check.threshold, check.basis) for check in verdict.checks}
        now = {row["code"]: (float(row["threshold"]["value"]), row["threshold"]["basis"]) for row in rules["checks"]}
        changed = sorted(code for code in then.keys() | now.keys() if then.get(code) != now.get(code))
        raise GateError(
            f"The verdict of {verdict.on} on scheme {verdict.scheme[:12]} rests on other criteria than are in force on "
            f"{on}; changed: {', '.join(changed) or 'what stands beside the thresholds'}. Nothing was recorded; run "
            "jianwei evaluate again."
        )
    if champion not in (None, verdict.scheme, verdict.champion):
        raise GateError(
            f"The verdict of {verdict.on} on scheme {verdict.scheme[:12]} holds it against champion "
            f"{verdict.champion[:12] if verdict.champion else 'none'}; champion is {str(champion)[:12]}. Nothing was "
            "recorded; run jianwei evaluate again."
        )


def read_verdict(document: Mapping[str, Any]) -> Verdict:
    """The verdict of a saved assessment's ``gate`` block; GateError when it is not what its digest names."""
    try:
        checks = tuple(
            Check(**{**row, "evidence": tuple(Detail(**detail) for detail in row["evidence"])})
            for row in document["checks"]
        )
        named = {name: document[name] for name in ("scheme", "verdict", "criteria", "champion")}
        found = Verdict(**named, on=date.fromisoformat(document["on"]), checks=checks)
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


def criteria(on: date) -> dict[str, Any]:
    """What decides on a day: ``gate.yaml`` with the one row then in force for every check, and for draws."""
    content = read_gate()
    checks = [
        {name: value for name, value in row.items() if name != "thresholds"}
        | {"threshold": _in_force(row["thresholds"], on, f"check {row['code']}")}
        for row in content["checks"]
    ]
    return {"checks": checks, "draws": _in_force(content["draws"], on, "draws")}


def _in_force(rows: Iterable[Mapping[str, Any]], on: date, what: str) -> dict[str, Any]:
    """The row in force on a day without its dates: until when it is does not change what it decides."""
    try:
        return {name: value for name, value in in_force(rows, on).items() if name not in ("since", "until")}
    except ValueError as fault:
        raise GateError(f"gate.yaml, {what} on {on}: {fault} No verdict was given; correct gate.yaml.") from None


def least_draws(on: date) -> int:
    """How many determinate draws a class needs to be judged, on a day."""
    return int(criteria(on)["draws"]["minimum"])


def conclude(checks: Iterable[Check]) -> str:
    """Reject on a blocking failure, else review on any failure or a silence that is not allowed, else promote."""
    verdict = PROMOTE
    for check in checks:
        if check.passed is False and check.blocking:
            return REJECT
        if check.passed is False or (check.passed is None and not check.optional):
            verdict = REVIEW
    return verdict


def _checks(evidence: Evidence, rules: Mapping[str, Any]) -> tuple[Check, ...]:
    return tuple(_check(row, evidence) for row in rules["checks"])


def _check(row: Mapping[str, Any], evidence: Evidence) -> Check:
    rule = row["threshold"]
    details = _figures(row["code"])(evidence, rule)
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


def _figures(code: str) -> Figures:
    if code not in FIGURES:
        raise GateError(
            f"gate.yaml, check {code}: no figure is looked at under that code; expected one in checks.py. No verdict "
            "was given; correct gate.yaml."
        )
    return FIGURES[code]
