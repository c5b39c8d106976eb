"""Is a scheme fit for use? Named checks over the evidence, thresholds dated, one verdict."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import rfc8785
import yaml

from evaluation.checks import FIGURES, Detail, Evidence
from evaluation.errors import GateError
from features.asof import in_force

GATE = Path(__file__).with_name("gate.yaml")

PROMOTE = "promote"
REJECT = "reject"
REVIEW = "review"


@dataclass(frozen=True)
class Check:
    """A named check with its answer: passed, failed, or None where the evidence allows no judgement."""

    code: str
    title: str
    title_en: str
    section: str
    limit: str
    blocking: bool
    optional: bool
    threshold: float
    basis: str
    value: float | None
    passed: bool | None
    evidence: tuple[Detail, ...]


@dataclass(frozen=True)
class Verdict:
    """What the checks of a scheme (by digest) come to on a day: promote (晋级), reject (不晋级), review (需人工)."""

    scheme: str
    verdict: str
    on: date
    checks: tuple[Check, ...]

    def document(self) -> dict[str, Any]:
        """The verdict as JSON."""
        return {
            "scheme": self.scheme,
            "verdict": self.verdict,
            "on": self.on.isoformat(),
            "checks": [asdict(check) for check in self.checks],
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the verdict's canonical JSON (RFC 8785)."""
        return sha256(rfc8785.dumps(_plain(self.document()))).hexdigest()


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


def _plain(value: Any) -> Any:
    """Tuples as lists, for canonical JSON."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value


def require(verdict: Verdict, *, reason: str | None = None) -> None:
    """Nothing when a verdict allows a promotion; GateError otherwise. A review needs a person's written reason."""
    failed = ", ".join(check.code for check in verdict.checks if check.passed is False) or "none"
    if verdict.verdict == REJECT:
        raise GateError(
            f"The verdict of {verdict.on} is reject (不晋级); failed checks: {failed}. Only a passing scheme becomes "
            "champion. Nothing was recorded; read the evaluation report and train again."
        )
    if verdict.verdict == REVIEW and not (reason or "").strip():
        raise GateError(
            f"The verdict of {verdict.on} is review (需人工); failed checks: {failed}. A person must say why the "
            "scheme is fit for use all the same. Nothing was recorded; propose again with a reason."
        )
