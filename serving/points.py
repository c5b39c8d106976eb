"""What contributions are printed as: points with their sign, bars of dimensions, sums of sections, reasons."""

from collections.abc import Mapping
from typing import Any

from features.profile import Profile
from serving import explanation, publicity
from serving.explanation import Document

MINUS = "−"  # as wide as a plus; a hyphen before a number is overlooked
POINTS = 100  # of a printed contribution: log-odds times a hundred


def signed(value: float, places: int = 0) -> str:
    """A number with its sign and so many decimals, as pages print it; what rounds to zero bears no sign."""
    told = f"{value:+.{places}f}".replace("-", MINUS)
    return told if round(value, places) else told[1:]


def scale(document: Document) -> dict[str, Any]:
    """How contributions of a document are printed: by what they are multiplied, the unit, decimals of an indicator's.

    Shares are whole percents, points of an indicator have a decimal.
    """
    if document.get("contributions_in") == explanation.SHARE:
        return {"factor": 1, "unit": ("%", "%"), "places": 0}
    return {"factor": POINTS, "unit": ("分", " points"), "places": 1}


def bars(document: Document, words: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What each dimension adds, whole, with the length of its bar in percent of the longest."""
    sums, factor = explanation.dimensions(document, words), scale(document)["factor"]
    sums.pop("exposure", None)
    longest = max((abs(value) for value in sums.values()), default=0.0) or 1.0
    return [
        {"dimension": name, "points": round(value * factor), "length": round(abs(value) / longest * 100, 1)}
        for name, value in sums.items()
    ]


def sections(document: Document, words: Mapping[str, Any]) -> dict[str, Document]:
    """Every section told of: its name and dimension, how many indicators, and in points what they add together.

    Of shares nothing is added up: those that raise and those that lower are percents of different sums.
    """
    stated, scaled = words["indicators"], scale(document)
    added: dict[str, list[float]] = {}
    for code, adds in document.get("contributions", {}).items():
        if code in stated:
            added.setdefault(stated[code]["section"], []).append(adds)
    return {
        code: {**named, "count": len(added[code]), "points": sum(added[code]) * POINTS if scaled["places"] else None}
        for code, named in words["sections"].items()
        if code in added
    }


def is_printed(reason: Mapping[str, Any], factor: int) -> bool:
    """Whether a reason is printed: a rule is, any other where what it adds does not round to nothing."""
    return "rule" in reason or round(float(reason["contribution"]) * factor) != 0


def reasons(document: Document, words: Mapping[str, Any], profile: Profile) -> list[Document]:
    """The printed reasons, each with its section; records in the order and under the headings of publicity."""
    known, of = publicity.headings(profile), sections(document, words)
    printed = [one for one in document.get("reasons", ()) if is_printed(one, scale(document)["factor"])]
    return [
        {
            **one,
            "section": of[words["indicators"][one["indicator"]]["section"]] if one["indicator"] else None,
            **({"evidence": publicity.ordered(one["evidence"], known)} if "evidence" in one else {}),
        }
        for one in printed
    ]


def uncited(document: Document, words: Mapping[str, Any]) -> list[Document]:
    """The sections that raise the risk more than some printed reason and are none, the strongest first: of theirs
    nothing could be cited that no other reason cites already. Empty without the right to points."""
    factor = scale(document)["factor"]
    raising = {
        words["indicators"][one["indicator"]]["section"]: round(float(one["contribution"]) * factor)
        for one in document.get("reasons", ())
        if one["indicator"] and one["contribution"] > 0 and is_printed(one, factor)
    }
    least = min(raising.values(), default=0)
    told = {code: one for code, one in sections(document, words).items() if code not in raising}
    found = [one for one in told.values() if one["points"] is not None and round(one["points"]) > least]
    return sorted(found, key=lambda one: -one["points"])
