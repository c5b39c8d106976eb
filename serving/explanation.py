"""The one document of an entity in a month, from which the API, the pages and the command line all speak."""

import json
from collections.abc import Collection, Mapping
from math import copysign, floor, fsum, isfinite
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from serving.classification import CLASSIFIED, MARGIN
from serving.months import AnyMonth
from serving.visibility import PUBLISHABLE
from training import reasons
from training.confidence import Sure
from training.cutoffs import RiskClass
from training.scheme import EXPOSURE, Scheme

INTERNAL = {"zh": "系统内部标注信息", "en": "internally marked information"}
ASPECTS = ("regime", "onsite", "triggers", "sampling", "method", "monitoring", "campaign")  # as the Opinion tells them
NEAR = (  # how near a cutoff lies
    *("probability", "percentile", "average", "distance", "margin", "base", "confidence", "certainty"),
)
SHARE = "share"  # what contributions are told in without the right to probabilities: whole percents of a direction
HELD, UNCHANGED = "held_by_margin", "unchanged"  # causes: a class that is held lies near a cutoff
MOVED = ("probability_before", "change", "log_odds", "steps")  # of a change: how far, and over which cutoffs
Document = dict[str, Any]


def summary(month: AnyMonth, light: Mapping[str, Any]) -> Document:
    """The class of an entity with what it means: rules in words, measures, cause, confidence, probability, notice."""
    words = month.words
    rules = month.full(light)["rules"] or []
    return {
        "entity": light["code"],
        "month": month.month,
        "supplement": month.supplement(light),
        "scheme": month.parts[light["part"]].head.scheme,
        "indicators": month.parts[light["part"]].indicators,
        "kind": light["kind"],
        "region": light["region"],
        "status": light["status"],
        "class": light["class"],
        "model_class": light["model_class"],
        "class_before": light["class_before"],
        "cause": light["cause"],
        "confidence": light["confidence"],
        "probability": light["probability"],
        "rules": [_rule(words, code) for code in rules],
        "measures": measures(words, light["kind"], light["class"]),
        "notice": words["notice"]["zh"],
        "notice_en": words["notice"]["en"],
    }


def document(month: AnyMonth, light: Mapping[str, Any], scheme: Scheme) -> Document:
    """Everything about an entity in a month; contributions are computed singly, so they add up to 1e-9.

    ``scheme`` is the one the entity's row was classified with. Whoever is not classified has no explanation, only
    a reason code.
    """
    found = summary(month, light)
    if light["status"] != CLASSIFIED:
        return (
            found
            | {"base": None, "margin": None, "certainty": None, "contributions": {}, "contributions_in": MARGIN}
            | {"reasons": [], "data_gaps": []}
            | _sources(month)
        )
    vector = month.vector(light)
    row = month.full(light)
    values = np.array([[np.nan if vector[name] is None else vector[name] for name in scheme.columns]])
    kind = np.array([scheme.kinds.index(light["kind"])], np.int8)
    lines = scheme.contributions(values, kind, bulk=False)[0]
    cited = month.evidence(light)
    return (
        found
        | {
            "base": scheme.base,
            "margin": light["margin"],
            "certainty": certainty(scheme, light),
            "contributions": named_contributions(scheme, lines.tolist()),
            "contributions_in": MARGIN,
            "reasons": [reason_document(month.words, one, cited) for one in row["reasons"]],
            "data_gaps": _gaps(month.words, light["kind"], vector),
            "internal_values": row["internal"],
        }
        | _sources(month)
    )


def certainty(scheme: Scheme, one: Mapping[str, Any]) -> Document | None:
    """How sure the class of a ``margin``, ``kind`` and ``ruled`` class is; null for a scheme without bags.

    ``spreads`` is the distance to the nearest cutoff in spreads of refits (null: a rule alone decides), ``agreement``
    the share of refits that give the same class at that distance.
    """
    kind, ruled = scheme.kinds.index(one["kind"]), RiskClass[one["ruled"]]
    margin = np.array([one["margin"]])
    return certainties(scheme.sure(margin, np.array([kind], np.int8), ruled=np.array([ruled], np.int8)), 1)[0]


def certainties(found: Sure | None, count: int) -> list[Document | None]:
    """``certainty`` of so many, from how sure the scheme is of them."""
    if found is None:
        return [None] * count
    return [
        {"spreads": spreads if isfinite(spreads) else None, "agreement": agreement}
        for spreads, agreement in zip(found.distance.tolist(), found.agreement.tolist(), strict=True)
    ]


def _sources(month: AnyMonth) -> Document:
    return {"latest_delivery": month.words["latest_delivery"]}


def named_contributions(scheme: Scheme, lines: list[float]) -> dict[str, float]:
    """Contributions of the model's features and the line ``exposure``; columns the model does not read add nothing."""
    read = {*scheme.features, EXPOSURE}
    return {name: value for name, value in zip(scheme.lines, lines, strict=True) if name in read}


def measures(words: Mapping[str, Any], kind: str | None, risk: str | None) -> Document | None:
    """The measures of a class for a kind, as in force at T; nothing where the profile states none."""
    stated = words["measures"]
    if stated is None or risk is None or kind not in stated["kinds"]:
        return None
    aspects = stated["classes"][risk]
    order = [*(name for name in ASPECTS if name in aspects), *(name for name in aspects if name not in ASPECTS)]
    return {"basis": stated["basis"], **{name: aspects[name] for name in order}}


def _rule(words: Mapping[str, Any], code: str) -> Document:
    rule = next(one for one in words["rules"] if one["code"] == code)
    return {
        name: rule[name]
        for name in ("code", "label", "label_en", "at_least", "basis", "until", "falls_away_by", "visibility")
    }


def reason_document(words: Mapping[str, Any], one: Mapping[str, Any], cited: Collection[Mapping[str, Any]]) -> Document:
    """A sealed reason in both languages, with the records it cites or what is absent or the rule that applies."""
    found: Document = {
        "code": one["code"],
        "indicator": one["indicator"] or None,
        "text": text(words, one, "zh"),
        "text_en": text(words, one, "en"),
        "value": one["value"],
        "contribution": one["contribution"],
        "visibility": one["visibility"],
    }
    if one["records"]:
        found["records"] = list(one["records"])
        by_id = {row["record_id"]: row for row in cited}
        found["evidence"] = [_citation(by_id[record], words["zone"]) for record in one["records"]]
    if one["absent"] is not None:
        found["absent"] = json.loads(one["absent"]) if isinstance(one["absent"], str) else one["absent"]
    if one["rule"] is not None:
        found["rule"] = one["rule"]
    return found


def text(words: Mapping[str, Any], one: Mapping[str, Any], language: str) -> str:
    """The words of a sealed reason: the rule's name and basis, or the indicator's sentence with its value."""
    if one["rule"] is not None:
        rule = _rule(words, one["rule"])
        return f"{rule['label_en']} ({rule['basis']})" if language == "en" else f"{rule['label']}（{rule['basis']}）"
    stated = words["indicators"][one["indicator"]]
    named = stated.get("codes", {}).get(language, ())
    measured = (one["value"], stated["unit"])
    return reasons.sentence(stated["reason"][language], stated[language], measured, language, named=named)


def _citation(row: Mapping[str, Any], zone: str) -> Document:
    return {
        "record": row["record_id"],
        "record_type": row["record_type"],
        "number": row["source_record_no"],
        "date": row["event_date"].isoformat() if row["event_date"] else None,
        "known_since": row["known_at"].astimezone(ZoneInfo(zone)).date().isoformat(),
        "source": row["source"],
    }


def _gaps(words: Mapping[str, Any], kind: str, vector: Mapping[str, float | None]) -> list[Document]:
    """The sections in which values the model reads are not known, with why, and which of them are internal."""
    gaps: dict[tuple[str, str], list[str]] = {}
    for code, one in words["indicators"].items():
        if one["role"] == "feature" and kind in one["kinds"] and code in vector and vector[code] is None:
            gaps.setdefault((one["section"], one["gap"]), []).append(code)
    return [
        {
            "section": section,
            "label": words["sections"][section]["zh"],
            "label_en": words["sections"][section]["en"],
            "why": why,
            "indicators": codes,
        }
        for (section, why), codes in sorted(gaps.items())
    ]


def visible(found: Document, words: Mapping[str, Any], *, internal: bool, probability: bool) -> Document:
    """The part of a document that may be seen with these rights.

    Without ``internal``: nothing of internal records or values, whose contributions are summed into one line; with it
    reasons, rules and values say which of them are.
    Without ``probability``: neither probability nor rank, average, margin or base, which would give it away, nor the
    distance to a cutoff or how sure the class is, which says how near one lies; contributions as ``shares``.
    """
    hidden = set() if internal else _hidden(found, words)
    shown = dict(found)
    shown["rules"] = [rule for rule in found["rules"] if internal or _open(rule)]
    if "contributions" in found and not internal:
        shown["contributions"] = _summed(found["contributions"], hidden, INTERNAL[words["language"]])
        shown["reasons"] = _open_reasons(found, words, hidden) if "reasons" in found else []
        shown["data_gaps"] = _open_gaps(found["data_gaps"], hidden)
    if found.get("change") is not None:
        then = None if internal else hidden.union(found["change"]["internal_values"])
        shown["change"] = _open_change(found["change"], words, then)
    if not internal:
        shown.pop("internal_values", None)
        for name in {"rules", "reasons"} & set(shown):
            shown[name] = [_without(one, "visibility") for one in shown[name]]
    return shown if probability else _coarse(shown)


def _open_change(change: Document, words: Mapping[str, Any], hidden: set[str] | None) -> Document:
    """A change as far as it may be seen: what moved of hidden indicators is one line."""
    shown = _without(change, "internal_values")
    if hidden is not None:
        shown["contributions"] = _summed(change["contributions"], hidden, INTERNAL[words["language"]])
    return shown


def _coarse(found: Document) -> Document:
    """A document without whatever tells the margin or how near a cutoff lies; hidden lines are summed up before."""
    shown = {name: value for name, value in found.items() if name not in NEAR}
    if "cause" in found:
        shown["cause"] = coarse_cause(found["cause"])
    if "contributions" in found:
        shown["contributions"] = shares(found["contributions"])
    if "reasons" in found:
        lines = found["contributions"]
        shown["reasons"] = [{**one, "contribution": _share(one["contribution"], lines)} for one in found["reasons"]]
    if "contributions_in" in found:
        shown["contributions_in"] = SHARE
    if found.get("change") is not None:
        change = {name: value for name, value in found["change"].items() if name not in MOVED}
        shown["change"] = {**change, "contributions": shares(change["contributions"]), "contributions_in": SHARE}
    return shown


def coarse_cause(cause: str | None) -> str | None:
    """A cause as it is told without the right to probabilities: a class that is held is one that is unchanged."""
    return UNCHANGED if cause == HELD else cause


def shares(contributions: Mapping[str, float]) -> dict[str, float]:
    """Contributions in whole percent, with their signs: of all that raises, and of all that lowers.

    Each direction adds up to 100, or to 0 where there is nothing: a hundred for both would leave their balance, which
    orders entities as the margin does. The line ``exposure`` is left out: it is the same for all of a kind, so its
    share would be a yardstick.
    """
    added = {name: value for name, value in contributions.items() if name != EXPOSURE}
    raising = _hundred({name: value for name, value in added.items() if value > 0})
    lowering = _hundred({name: -value for name, value in added.items() if value < 0})
    return {name: float(raising.get(name, -lowering.get(name, 0))) for name in added}


def _hundred(parts: Mapping[str, float]) -> dict[str, int]:
    """Parts in whole percent; what is left after rounding down goes to the largest remainders, in their order."""
    whole = fsum(parts.values())
    exact = {name: value / whole * 100 for name, value in parts.items()}
    told = {name: floor(value) for name, value in exact.items()}
    for name in sorted(exact, key=lambda one: told[one] - exact[one])[: 100 - sum(told.values())]:
        told[name] += 1
    return told


def _share(added: float, contributions: Mapping[str, float]) -> float:
    """What a reason adds in whole percent of its direction, 1 at least, so that every reason says it; 0 for a rule."""
    if not added:
        return 0.0
    lines = [value for name, value in contributions.items() if name != EXPOSURE and (value > 0) == (added > 0)]
    return copysign(max(round(abs(added / fsum(lines)) * 100), 1), added)


def _hidden(found: Document, words: Mapping[str, Any]) -> set[str]:
    """Indicators that are internal by definition, or that counted an internal record of this entity."""
    internal = {code for code, one in words["indicators"].items() if one["visibility"] != PUBLISHABLE}
    return internal.union(found.get("internal_values", ()))


def _summed(contributions: Mapping[str, float], hidden: set[str], line: str) -> dict[str, float]:
    shown = {code: value for code, value in contributions.items() if code not in hidden}
    return shown | {line: fsum(value for code, value in contributions.items() if code in hidden)}


def _open_reasons(found: Document, words: Mapping[str, Any], hidden: set[str]) -> list[Document]:
    """The publishable reasons; what a section adds is counted from its visible indicators only."""
    kept = []
    for one in found["reasons"]:
        if not _open(one):
            continue
        if one["indicator"] is None:
            kept.append(one)
            continue
        section = words["indicators"][one["indicator"]]["section"]
        adds = fsum(
            value
            for code, value in found["contributions"].items()
            if code not in hidden and words["indicators"].get(code, {}).get("section") == section
        )
        if adds * one["contribution"] > 0:
            kept.append({**one, "contribution": adds})
    return kept


def _open_gaps(gaps: list[Document], hidden: set[str]) -> list[Document]:
    shown = [{**gap, "indicators": [code for code in gap["indicators"] if code not in hidden]} for gap in gaps]
    return [gap for gap in shown if gap["indicators"]]


def _open(one: Mapping[str, Any]) -> bool:
    return bool(one["visibility"] == PUBLISHABLE)


def _without(one: Document, name: str) -> Document:
    return {key: value for key, value in one.items() if key != name}


def dimensions(found: Document, words: Mapping[str, Any]) -> dict[str, float]:
    """What each dimension adds to the margin, in the order of the indicator system; other lines by their own name."""
    sums: dict[str, float] = {}
    for code, value in found["contributions"].items():
        name = words["indicators"][code]["dimension"] if code in words["indicators"] else code
        sums[name] = sums.get(name, 0.0) + value
    return sums
