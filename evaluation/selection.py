"""Key indicators for monitoring: ranked by association with risk, stability and timeliness; the choice is recorded."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from scipy.stats import rankdata

from evaluation.errors import GateError
from evaluation.metrics import Floats
from evaluation.promotion import Office, Signer, is_signed, signed
from features.indicators.catalogue import Definitions
from features.records.journal import Entry

CHOSEN = "indicators.keys"
# What a place counts for (proposed by the developers, to be approved), and how many of one section are proposed.
ASSOCIATION, STABILITY, TIMELINESS = 0.5, 0.25, 0.25
OF_A_SECTION = 4
CHANCE = 0.02  # an AUC this near to 0.5 points nowhere: flags few entities have differ from it by chance alone
NO_AUC, AGAINST, CONTROL = "no_auc", "against_direction", "not_about_conduct"


@dataclass(frozen=True)
class Ranked:
    """An indicator's place: each of the three from 0 (least of all that are ranked) to 1, null where it is not known.

    ``missing`` says why an indicator has no place: no univariate AUC, one that points against its stated direction, or
    a role (a control of exposure, shown only) that says nothing of conduct.
    """

    code: str
    label: str
    label_en: str
    section: str
    is_key: bool
    association: float | None
    stability: float | None
    timeliness: float | None
    score: float | None
    proposed: bool
    missing: str | None


def ranking(rows: Sequence[Mapping[str, Any]], definitions: Definitions, *, count: int | None = None) -> list[Ranked]:
    """Every indicator, best first, from the quality table ``indicators``; ``count`` proposed, or as many as are key.

    Association is the mean place of the AUC alone and of the share of contributions; stability the place of a low PSI,
    timeliness that of fresh records.
    """
    by_code = definitions.by_code
    known = [row for row in rows if row["code"] in by_code]
    reasons = {row["code"]: _missing(row, by_code[row["code"]]) for row in known}
    placed = [row for row in known if reasons[row["code"]] is None]
    told = [{**row, "auc": _towards_risk(row, by_code[row["code"]])} for row in placed]
    association = np.nanmean([_places(told, "auc", 1), _places(told, "contribution_share", 1)], axis=0)
    stability, timeliness = _places(placed, "psi", -1), _places(placed, "freshness_days", -1)
    parts = [np.nan_to_num(part, nan=0.0) for part in (association, stability, timeliness)]
    score = ASSOCIATION * parts[0] + STABILITY * parts[1] + TIMELINESS * parts[2]
    order = sorted(range(len(placed)), key=lambda place: (-score[place], placed[place]["code"]))
    wanted = sum(one.key for one in definitions.indicators) if count is None else count
    chosen = _proposed([placed[place] for place in order], wanted)
    found = []
    for place in order:
        figures = (association[place], stability[place], timeliness[place], score[place])
        found.append(_ranked(placed[place], by_code, figures, chosen, None))
    left = sorted((row for row in known if reasons[row["code"]] is not None), key=lambda row: str(row["code"]))
    return found + [_ranked(row, by_code, (None,) * 4, chosen, reasons[row["code"]]) for row in left]


def choose(
    office: Office,
    ranked: Sequence[Ranked],
    made_from: Mapping[str, Any],
    *,
    signer: Signer,
    add: Collection[str] = (),
    drop: Collection[str] = (),
) -> Entry:
    """Record the key indicators: those proposed with some added and some left out, by whom and why.

    The entry holds the codes and the digest of the ranking they were chosen from. GateError for a code that is not
    ranked (or to be left out and not proposed), an empty list, or without a reason.
    """
    proposed = [one.code for one in ranked if one.proposed]
    codes = {one.code for one in ranked}
    wrong = sorted({*add} - codes) + sorted({*drop} - {*proposed})
    if wrong:
        raise GateError(
            f"{', '.join(wrong)}: no such indicator to add, or none of the proposed to leave out. Nothing was "
            "recorded; see jianwei indicators keys."
        )
    chosen = sorted({*proposed, *add} - {*drop})
    if not chosen or not (signer.reason or "").strip():
        raise GateError("Key indicators need a reason and at least one code. Nothing was recorded; give them.")
    text = json.dumps([asdict(one) for one in ranked], sort_keys=True, ensure_ascii=False)
    stated = {
        "codes": chosen,
        "added": sorted({*add} - {*proposed}),
        "left_out": sorted(drop),
        "ranking": sha256(text.encode()).hexdigest(),
        **{name: made_from[name] for name in ("month", "lake", "definitions")},
    }
    return signed(office, CHOSEN, stated, signer)


def chosen(office: Office, definitions: Definitions) -> tuple[list[str], Entry | None]:
    """The key indicators in force: the newest recorded choice, or what the definitions say where none was recorded.

    GateError when the signature of the choice does not hold.
    """
    entries = [entry for entry in office.journal.entries() if entry.action == CHOSEN]
    if not entries:
        return [one.code for one in definitions.indicators if one.key], None
    if not is_signed(office, entries[-1]):
        raise GateError(
            f"Journal entry {entries[-1].seq} ({CHOSEN}) by {entries[-1].actor}: its signature does not hold under "
            "that person's key. No choice is taken from it; find out who wrote it."
        )
    return list(entries[-1].details["codes"]), entries[-1]


def _missing(row: Mapping[str, Any], indicator: Any) -> str | None:
    if indicator.role not in {"feature", "monitor_only", "override_only"}:
        return CONTROL
    if row["auc"] is None:
        return NO_AUC
    return AGAINST if _towards_risk(row, indicator) < 0.5 - CHANCE else None


def _towards_risk(row: Mapping[str, Any], indicator: Any) -> float:
    """The AUC alone in the direction the indicator states: below 0.5 where it points the other way."""
    is_against = indicator.direction in {"riskier", "safer"} and row["auc_direction"] not in {None, indicator.direction}
    return 1.0 - row["auc"] if is_against else float(row["auc"])


def _places(rows: Sequence[Mapping[str, Any]], name: str, sign: int) -> Floats:
    """Places from 0 to 1 by a figure, equal ones alike; null where it is not known, all 1 when there is but one."""
    values = np.array([np.nan if row[name] is None else sign * row[name] for row in rows], np.float64)
    known = ~np.isnan(values)
    found = np.full(len(values), np.nan)
    if known.any():
        places = rankdata(values[known]) - 1
        found[known] = places / max(int(known.sum()) - 1, 1) if known.sum() > 1 else 1.0
    return found


def _proposed(ordered: Sequence[Mapping[str, Any]], count: int) -> set[str]:
    """The first so many, at most ``OF_A_SECTION`` of a section: ten counts of penalties warn of one thing."""
    found: set[str] = set()
    taken: Counter[str] = Counter()
    for row in ordered:
        if len(found) < count and taken[row["section"]] < OF_A_SECTION:
            taken[row["section"]] += 1
            found.add(str(row["code"]))
    return found


def _ranked(
    row: Mapping[str, Any],
    by_code: Mapping[str, Any],
    figures: Sequence[Any],
    chosen: Collection[str],
    missing: str | None,
) -> Ranked:
    told = [None if one is None or np.isnan(one) else float(one) for one in figures]
    return Ranked(
        **{name: row[name] for name in ("code", "label", "label_en", "section")},
        is_key=by_code[row["code"]].key,
        association=told[0],
        stability=told[1],
        timeliness=told[2],
        score=told[3],
        proposed=row["code"] in chosen,
        missing=missing,
    )
