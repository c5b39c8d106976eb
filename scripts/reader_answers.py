"""What is right in the reader's test (docs/reader-test.md), from the API's documents, and sheets held against it."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unicodedata import normalize

from features.asof import Month
from serving import office, points, recourse
from serving.explanation import dimensions
from serving.visibility import PUBLISHABLE

NONE, SAFEST, NOT_WORKED_OUT, NEVER = "无", "已最低", "无法推算", "不得"
SAID_ALIKE = {
    NONE: (NONE, "没有", "none"),
    SAFEST: (SAFEST, "无须改变", "safest"),
    NOT_WORKED_OUT: (NOT_WORKED_OUT, "not worked out"),
    NEVER: (NEVER, "否", "不可以", "不能", "no", "must not"),
}
Document = dict[str, Any]
Part = Sequence[str]  # the ways in which a part of an answer may be written
Answer = Sequence[Part]


class ReaderTestError(Exception):
    """A test that cannot be made, or a sheet that cannot be scored: what was found, and what to do."""


@dataclass(frozen=True)
class Told:
    """What the documents say of one entity: the API's explanation and recourse, marks, dimensions, days of disputes."""

    explanation: Document
    recourse: Document
    marks: Mapping[str, str]  # visibility of each reason, by its code
    dimensions: Mapping[str, str]  # of each indicator
    dispute_days: int | None

    @property
    def code(self) -> str:
        return str(self.explanation["entity"])

    @property
    def reasons(self) -> list[Document]:
        """The reasons a page prints."""
        return [one for one in self.explanation["reasons"] or [] if points.is_printed(one, points.POINTS)]


# ---- the answers, one function for each question of the document, in its order


def risk_class(told: Told) -> Answer:
    return [[told.explanation["class"]]]


def change(told: Told) -> Answer:
    return [[told.explanation["class_before"] or NONE], office.CAUSES[told.explanation["cause"]]]


def strongest(told: Told) -> Answer:
    """The points of the first reason that raises the risk by some, and the newest record it cites."""
    raising = [one for one in told.reasons if float(one["contribution"]) > 0]
    if not raising:
        return [[NONE]]
    cited = raising[0].get("evidence") or []
    newest = max((one["date"] or "" for one in cited), default="")
    latest = [one for one in cited if (one["date"] or "") == newest]
    named = [name for one in latest for name in (one["number"], one["record"]) if name]
    return [[str(in_points(raising[0]["contribution"]))], named or [NONE]]


def lowering(told: Told) -> Answer:
    easing = [one for one in told.reasons if float(one["contribution"]) < 0]
    return [[easing[0]["text"], easing[0]["text_en"]]] if easing else [[NONE]]


def dimension(told: Told) -> Answer:
    """The dimension that raises the risk most; those alike once rounded are all right."""
    adds = {code: float(value) for code, value in told.explanation["contributions"].items()}
    words = {"indicators": {code: {"dimension": name} for code, name in told.dimensions.items()}}
    sums = dimensions({"contributions": adds}, words)
    told_in = {name: in_points(sums[name]) for name in office.DIMENSIONS if name in sums}
    most = max(told_in.values(), default=0)
    if most <= 0:
        return [[NONE]]
    return [[spelled for name, added in told_in.items() if added == most for spelled in office.DIMENSIONS[name]]]


def rules(told: Told) -> Answer:
    """The codes of the rules that apply, and what they rest on."""
    applied = told.explanation["rules"]
    parts = unique(one[name] for name in ("code", "basis") for one in applied)
    return [[text] for text in parts or [NONE]]


def measure(told: Told) -> Answer:
    regime = (told.explanation["measures"] or {}).get("regime")
    return [[regime["label"], regime["label_en"]]] if regime else [[NONE]]


def own_acts(told: Told) -> Answer:
    """The class the first way leads to, and its acts; a word where there is no way."""
    state = told.recourse["state"]
    if state != recourse.WAYS:
        return [[{recourse.NONE: NONE, recourse.SAFEST: SAFEST}.get(state, NOT_WORKED_OUT)]]
    way = told.recourse["ways"][0]
    acts = {one["label"]: one["label_en"] for one in way["acts"]}
    return [[way["class"]], *acts.items()]


def gaps(told: Told) -> Answer:
    named = {one["label"]: one["label_en"] for one in told.explanation["data_gaps"]}
    return list(named.items()) or [[NONE]]


def as_of(told: Told) -> Answer:
    month = told.explanation["month"]
    day = Month.parse(month).end.isoformat()
    return [[day, f"{day} 24:00"], [month]]


def passing_on(told: Told) -> Answer:
    """Whether the result may be made public, and how many of its reasons bear the mark of internal information."""
    marked = sum(told.marks[one["code"]] != PUBLISHABLE for one in told.reasons)
    return [[NEVER if "不作为信用评价" in told.explanation["notice"] else "可以"], [str(marked)]]


def objection(told: Told) -> Answer:
    return [[NONE if told.dispute_days is None else str(told.dispute_days)]]


QUESTIONS: tuple[Callable[[Told], Answer], ...] = (
    risk_class, change, strongest, lowering, dimension, rules, measure, own_acts, gaps, as_of, passing_on, objection,
)  # fmt: skip


NUMBERS = tuple(str(number) for number in range(1, len(QUESTIONS) + 1))


def in_points(contribution: str | float) -> int:
    """What a contribution is printed as, where pages tell points."""
    return round(float(contribution) * points.POINTS)


def unique(some: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(some))


def answers(told: Told) -> dict[str, list[list[str]]]:
    """What is right of one entity, by the number of the question: its parts, each in the ways it may be written."""
    found = dict(zip(NUMBERS, (ask(told) for ask in QUESTIONS), strict=True))
    return {number: [list(SAID_ALIKE.get(part[0], part)) for part in parts] for number, parts in found.items()}


# ---- what was answered


def plain(text: str) -> str:
    """A text without what does not matter: width, spaces, a full stop, how a date is written, units, signs of plus."""
    flat = re.sub(r"\s+", "", normalize("NFKC", text)).replace(points.MINUS, "-")
    flat = flat.casefold().rstrip("。.;").removeprefix("+")
    flat = re.sub(r"^(\d{4})[年/.-](\d{1,2})(?:月|[/.-](\d{1,2})|月(\d{1,2})日)?$", dashed, flat)
    flat = re.sub(r"^(-?\d+)(?:分|日|天|个?自然日|条|points|(?:calendar)?days)$", r"\1", flat)
    return re.sub(r"^([abcd])类$", r"\1", flat)


def dashed(found: re.Match[str]) -> str:
    """A date or a month with dashes, whichever way it was written."""
    return "-".join(part.zfill(2) for part in found.groups() if part)


def is_right(parts: Answer, given: Sequence[str]) -> bool:
    """Whether as many parts were given as there are, each of them one of the right ones, in whatever order."""
    if not parts:
        return not given
    first = {plain(one) for one in parts[0]}
    rests = ([*given[:at], *given[at + 1 :]] for at, one in enumerate(given) if plain(one) in first)
    return any(is_right(parts[1:], rest) for rest in rests)


def read_sheet(path: Path, known: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, list[str]]]:
    """A filled sheet; ReaderTestError where it is not one answer to each question of each entity."""
    try:
        sheet = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=once)
    except ValueError as fault:
        raise ReaderTestError(f"{path}: {fault}. Nothing was scored; correct it and run again.") from None
    hold(f"{path}: entities", sheet, known)
    for code, stated in sheet.items():
        hold(f"{path}, {code}: questions", stated, known[code]["answers"])
        for number, given in stated.items():
            if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
                raise ReaderTestError(
                    f"{path}, {code}, question {number}: {given!r}; expected a list of texts, such as "
                    '["C", "首次分类"]. Nothing was scored; correct it and run again.'
                )
    return dict(sheet)


def once(pairs: list[tuple[str, Any]]) -> Document:
    """An object whose names stand in it once; ValueError for one that stands twice."""
    names = [name for name, _ in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)} stands in it twice, expected once")
    return dict(pairs)


def hold(what: str, found: Any, known: Mapping[str, Any]) -> None:
    """Nothing where a part of a sheet names what it should; ReaderTestError for what is missing or unknown."""
    named = set(found) if isinstance(found, dict) else set()
    missing, unknown = sorted(set(known) - named), sorted(named - set(known))
    if missing or unknown:
        raise ReaderTestError(
            f"{what}: missing {', '.join(missing) or 'none'}; unknown {', '.join(unknown) or 'none'}; expected those "
            "of sheet.json. Nothing was scored; correct it and run again."
        )


def score(sheet: Path, key: Path) -> Document:
    """How many answers are right, by question and entity; what was wrong is printed."""
    known = json.loads(key.read_text(encoding="utf-8"))["entities"]
    given = read_sheet(sheet, known)
    right = {
        code: {number: is_right(parts, given[code][number]) for number, parts in one["answers"].items()}
        for code, one in known.items()
    }
    for code, marks in right.items():
        print(code, " ".join(f"{number}:{'right' if marks[number] else 'WRONG'}" for number in NUMBERS))
    for code, marks in right.items():
        for number in (one for one in NUMBERS if not marks[one]):
            expected = "; ".join(" | ".join(part) for part in known[code]["answers"][number])
            print(f"{code} question {number}: {given[code][number] or 'not answered'}, expected {expected}")
    return {
        "right": sum(sum(marks.values()) for marks in right.values()),
        "asked": sum(map(len, right.values())),
        "not_answered": sum(not one for stated in given.values() for one in stated.values()),
        "by_entity": {code: sum(marks.values()) for code, marks in right.items()},
        "by_question": {number: sum(marks[number] for marks in right.values()) for number in NUMBERS},
    }
