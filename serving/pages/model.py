"""The model page: who was champion when, by whom and on which evidence; a report is shown only as it was signed for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import rfc8785
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from evaluation.promotion import APPROVED, PROPOSED, ROLLED_BACK, Act
from evaluation.shown import band, count, figure, share, share_band
from evaluation.verdict import ASSESSMENT, CARD, PROMOTE, REJECT, REPORT, REVIEW, left
from serving.http import ProblemError
from serving.pages.front import Front, asking
from serving.pages.suppression import LEAST
from serving.scoring.desk import Desk
from serving.scoring.lists import stated_day
from serving.scoring.reigns import acts_of, champion_on, reigns

LARGEST = 3 * 2**20  # bytes of a report
LARGEST_ASSESSMENT = 16 * 2**20
SIGNED, ABSENT, CHANGED, TOO_LARGE, UNNAMED = "signed", "absent", "changed", "too_large", "unnamed"
ACTS = {PROPOSED: ("提请", "proposed"), APPROVED: ("批准", "approved"), ROLLED_BACK: ("恢复", "rolled back")}
VERDICTS = {PROMOTE: ("晋级", "promote"), REJECT: ("不晋级", "do not promote"), REVIEW: ("需人工", "a person decides")}
# What a report is made of stands in it. It may use its own style, and neither run nor load nor send anything.
SANDBOX = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Filed:
    """A file that a signed act vouches for: its bytes where they are those, else what is wrong with it."""

    state: str
    content: bytes = b""


def routes(front: Front) -> list[Route]:
    """The model page, and the report and model card a proposal rests on."""

    def model(request: Request) -> Response:
        """Who was champion on a day, and every act of promotion."""
        asking(request)
        desk = front.desk()
        acts, day = acts_of(desk), _day(desk, request.query_params.get("on", ""))
        found = champion_on(desk, day)
        evidence = None if found is None else evidence_of(desk, found.decided)
        return front.page(
            request,
            "model.html",
            day=day,
            found=found,
            evidence=evidence,
            reigns=reigns(acts),
            acts=acts[::-1],
            reports={act.report_digest: _state(desk.home, act) for act in acts if act.report_digest},
            moment=lambda at: at.astimezone(desk.profile.zone).strftime("%Y-%m-%d %H:%M"),
            act_words=ACTS,
            verdict_words=VERDICTS,
        )

    def report(request: Request) -> Response:
        """The report of an evaluation, in the bytes that were signed for."""
        asking(request)
        filed = _report(front.desk().home, _resting_on(front.desk(), request.path_params["digest"]))
        if filed.state != SIGNED:
            return front.page(request, "refused.html", status=404, state=filed.state, file=REPORT)
        headers = {"content-security-policy": SANDBOX}
        return Response(filed.content, media_type="text/html; charset=utf-8", headers=headers)

    def card(request: Request) -> Response:
        """The model card beside a report, in the bytes the report names."""
        asking(request)
        filed = _card(front.desk().home, _resting_on(front.desk(), request.path_params["digest"]))
        if filed.state != SIGNED:
            return front.page(request, "refused.html", status=404, state=filed.state, file=CARD)
        return front.page(request, "card.html", text=filed.content.decode("utf-8", "replace"))

    return [Route("/model", model), Route("/model/report/{digest}", report), Route("/model/card/{digest}", card)]


def _day(desk: Desk, stated: str) -> date:
    """The day asked for, at most today; ProblemError when it is none."""
    today = desk.today
    try:
        return min(stated_day(stated), today) if stated else today
    except ValueError:
        raise ProblemError("invalid-request", [{"pointer": "/query/on", "code": "no_day"}]) from None


def _resting_on(desk: Desk, digest: str) -> Act:
    """The newest signed act that rests on a report by its digest; ProblemError when none does."""
    found = next((act for act in reversed(acts_of(desk)) if act.report_digest == digest), None)
    if found is None:
        raise ProblemError("not-found")
    return found


def _report(home: Path, act: Act) -> Filed:
    return _filed(left(home, act.scheme) / REPORT, {act.report_digest})


def _card(home: Path, act: Act) -> Filed:
    """The model card, where the report that was signed for names its digest."""
    report = _report(home, act)
    if report.state != SIGNED:
        return report
    text = report.content.decode("utf-8", "replace")
    return _filed(left(home, act.scheme) / CARD, text) if CARD in text else Filed(UNNAMED)


def _filed(path: Path, vouched: Any) -> Filed:
    """A file as it is now, held against the digests (or the text that names them) which vouch for it."""
    try:
        if path.stat().st_size > LARGEST:
            return Filed(TOO_LARGE)
        content = path.read_bytes()
    except OSError:
        return Filed(ABSENT)
    return Filed(SIGNED, content) if sha256(content).hexdigest() in vouched else Filed(CHANGED)


def _state(home: Path, act: Act) -> str:
    """How the report of an act stands; looked at again when its file changes."""
    try:
        stamp = (left(home, act.scheme) / REPORT).stat()
    except OSError:
        return ABSENT
    return _looked_at(home, act, (stamp.st_mtime_ns, stamp.st_ctime_ns, stamp.st_size))


@lru_cache(maxsize=256)
def _looked_at(home: Path, act: Act, _: tuple[int, int, int]) -> str:
    return _report(home, act).state


def evidence_of(desk: Desk, act: Act) -> dict[str, Any] | None:
    """The checks of the verdict an act rests on, and figures beside them; nothing where the saved verdict is not it."""
    path = left(desk.home, act.scheme) / ASSESSMENT
    try:
        stamp = path.stat()
        if stamp.st_size > LARGEST_ASSESSMENT:
            return None
        found = _assessed(path, (stamp.st_mtime_ns, stamp.st_ctime_ns, stamp.st_size))
        if _digest_of(found["gate"]) != act.verdict_digest:
            return None
        kinds = {kind.code: {"zh": kind.label, "en": kind.label_en} for kind in desk.profile.kinds}
        return {
            "on": str(found["gate"]["on"]),
            "checks": [_check(one) for one in found["gate"]["checks"]],
            **_figures(found, kinds),
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # absent, or of another form: the acts stand without it


@lru_cache(maxsize=4)
def _assessed(path: Path, _: tuple[int, int, int]) -> Mapping[str, Any]:
    found = json.loads(path.read_bytes())
    return found if isinstance(found, dict) else {}


def _digest_of(gate: Mapping[str, Any]) -> str:
    """The digest of a saved verdict, as it is signed for."""
    stated = {name: value for name, value in gate.items() if name != "digest"}
    return sha256(rfc8785.dumps(stated)).hexdigest()


def _check(one: Mapping[str, Any]) -> dict[str, Any]:
    sign = "≤" if one["limit"] == "at_most" else "≥"
    return {
        "code": one["code"],
        "zh": one["title"],
        "en": one["title_en"],
        "limit": f"{sign} {one['threshold']:g}",
        "value": figure(one["value"]),
        "passed": one["passed"],
        "blocking": one["blocking"],
    }


def _figures(found: Mapping[str, Any], kinds: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """How well the probabilities fit what was found, by kind; what inspections in order of risk would find; what random
    ones found of each class; how far the probabilities moved."""
    ordered = found.get("discrimination") or {}
    calibration = found.get("calibration") or {}
    return {
        "calibration": [
            {
                "kind": kinds.get(code, {"zh": code, "en": code}),
                "n": count(one["n"]),
                "positives": count(one["n_pos"]),
                "o_e": f"{figure(one['o_e'])} {band(one['o_e_interval'])}",
                "slope": f"{figure(one['slope'])} {band(one['slope_interval'])}",
            }
            for code, one in calibration.items()
        ],
        "auc": f"{figure(ordered['auc'])} {band(ordered['auc_interval'])}" if ordered else None,
        "volumes": [
            {
                "name": one["name"],
                "share": share(one["share"]),
                "capture": f"{share(one['capture'])} {share_band(one.get('capture_interval'))}",
                "lift": figure(one["lift"]),
            }
            for one in _listed(ordered.get("volumes"))
        ],
        "drawn": [_drawn(risk, one) for risk, one in (found.get("random_draw") or {}).items()],
        "psi": None if (psi := (found.get("stability") or {}).get("psi_probability")) is None else f"{psi:.3f}",
    }


def _drawn(risk: str, one: Mapping[str, Any]) -> dict[str, Any]:
    """What random inspections found of a class; no share of fewer than are told of anywhere."""
    is_told = one["n"] >= LEAST
    rate = f"{share(one['problem_rate'])} {share_band(one['interval'])}" if is_told else None
    return {"class": risk, "n": count(one["n"]) if is_told else f"<{LEAST}", "rate": rate}


def _listed(value: Any) -> Sequence[Mapping[str, Any]]:
    return value if isinstance(value, list) else []
