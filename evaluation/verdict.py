"""What a gate concludes of a scheme and what a promotion asks of it, to be read without the studies behind it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import rfc8785

from evaluation.errors import GateError
from evaluation.shown import Band

PROMOTE = "promote"
REJECT = "reject"
REVIEW = "review"
REPORTS = "reports"  # where in a home what evaluations left lies, a folder a scheme
ASSESSMENT, REPORT, CARD = "assessment.json", "report.html", "model_card.md"


@dataclass(frozen=True)
class Detail:
    """One figure behind a check: whose it is, and whether it alone would pass (None: cannot be judged).

    ``value`` is what the threshold is for, often a bound or a distance; ``figure`` is the figure itself.
    """

    subject: str
    value: float | None
    figure: float | None
    interval: Band | None
    passed: bool | None


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
    """What the checks of a scheme (by digest) come to on a day: promote (晋级), reject (不晋级), review (需人工).

    ``criteria`` is the digest of what decided that day (``gate.criteria``), ``champion`` the scheme it was held
    against.
    """

    scheme: str
    verdict: str
    on: date
    checks: tuple[Check, ...]
    criteria: str = ""
    champion: str | None = None

    def document(self) -> dict[str, Any]:
        """The verdict as JSON."""
        return {
            "scheme": self.scheme,
            "verdict": self.verdict,
            "on": self.on.isoformat(),
            "criteria": self.criteria,
            "champion": self.champion,
            "checks": [asdict(check) for check in self.checks],
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the verdict's canonical JSON (RFC 8785)."""
        return sha256(rfc8785.dumps(_plain(self.document()))).hexdigest()


def left(home: Path, scheme: str) -> Path:
    """Where what an evaluation of a scheme left lies: its assessment, report and model card."""
    return home / REPORTS / scheme[:16]


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


def _plain(value: Any) -> Any:
    """Tuples as lists, for canonical JSON."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value
