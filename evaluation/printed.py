"""Reasons as a month prints them, read back: from the words to code and value, and from one reason to the next."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluation.answers import Answer, answer
from evaluation.metrics import Floats
from features.evidence import CITED, absence, behind, counts, latest, repeats
from features.indicators.catalogue import Definitions, code_words
from features.indicators.language import Indicator
from training.reasons import (
    FLAG_UNIT,
    PERCENT_UNITS,
    Reason,
    Selected,
    Support,
    reason,
    strictest,
    text,
    wanted,
)
from training.task import Task

PUBLISHABLE = "publishable"
LANGUAGES = ("zh", "en")
NUMBER = r"(-?\d+(?:\.\d+)?)"
PERCENT_OFF, DECIMAL_OFF = 0.0005, 0.005  # what rounding to 0.1 % and to two decimals may take away
SLACK = 1e-9  # of a value that lies on the edge of rounding
Said = tuple[str, float | None]
"""The code and the value a sentence states; null where it says that there is no record."""

Keys = tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]
"""Entity keys and the kind number of each."""

Named = Sequence[tuple[str, str]]
"""The words of the codes of a list, in order, in Chinese and English."""


@dataclass(frozen=True)
class Printed:
    """A reason of an entity, its words by language, and the entity's kind."""

    entity: int
    reason: Reason
    words: Mapping[str, str]
    kind: str = ""


@dataclass(frozen=True)
class Page:
    """The printed reasons of some entities, in order, and every record behind them, cited or not.

    ``withheld`` counts candidates that are not printed: nothing can be shown for them, or it was told before.
    """

    printed: tuple[Printed, ...]
    behind: pa.Table
    withheld: int

    @cached_property
    def by_entity(self) -> Mapping[int, Sequence[Printed]]:
        """The printed reasons of every entity."""
        found: dict[int, list[Printed]] = {}
        for one in self.printed:
            found.setdefault(one.entity, []).append(one)
        return found


def page(task: Task, chosen: Selected, entities: Keys, values: Floats) -> Page:
    """The reasons of some entities of the reference month (columns of ``values`` are the definitions' codes).

    ``entities`` are their keys and kind numbers.
    The visibility of a reason is the strictest of its definition's and of all records behind it, as in a month.
    """
    definitions, as_of, (entity, kind) = task.definitions, task.reference_month, entities
    pairs = wanted(chosen, entity, definitions.codes)
    found = behind(task.lake, definitions, as_of=as_of, wanted=pairs, engine=task.engine)
    row, slot = np.nonzero(chosen.place >= 0)
    valued = ~np.isnan(values[row, chosen.place[row, slot].astype(np.int64)])
    order = pairs.append_column("slot", pa.array(slot)).filter(pa.array(valued))
    again = repeats(definitions, latest(found), order).to_pylist()
    supports, told_before = supported(found), {(one["entity"], one["indicator"]) for one in again}
    names, printed, withheld = code_names(task), [], len(told_before)
    for number, place in enumerate(chosen.place[row, slot].astype(np.int64).tolist()):
        key, code = int(entity[row[number]]), definitions.codes[place]
        value, adds = values[row[number], place], chosen.contribution[row[number], slot[number]]
        if (key, code) in told_before:
            continue
        rests_on = supports.get((key, code)) or absence(definitions, code, as_of)
        one = reason(definitions, code, float(value), contribution=float(adds), rests_on=rests_on)
        withheld += one is None
        if one is not None:
            said = words(one, definitions, names.get(code, ()))
            printed.append(Printed(key, one, said, task.profile.kind_codes[kind[row[number]]]))
    return Page(tuple(printed), found, withheld)


def code_names(task: Task) -> dict[str, Named]:
    """What the values of indicators stand for that number the codes of a list, by indicator."""
    found = {one.code: code_words(one, task.profile, task.lake.types()) for one in task.definitions.indicators}
    return {code: named for code, named in found.items() if named}


def words(one: Reason, definitions: Definitions, named: Named = ()) -> dict[str, str]:
    """The sentence of an indicator's reason in every language."""
    return {language: text(one, definitions, {}, language, named=named) for language in LANGUAGES}


def supported(found: pa.Table) -> dict[tuple[int, str], Support]:
    """What every (entity, indicator) rests on: its latest records, with the strictest visibility of all."""
    rows: dict[tuple[int, str], list[dict[str, object]]] = {}
    for row in found.to_pylist():
        rows.setdefault((row["entity"], row["indicator"]), []).append(row)
    return {key: _support(own) for key, own in rows.items()}


def _support(rows: Sequence[Mapping[str, object]]) -> Support:
    cited = [(str(row["record_id"]), row["event_date"]) for row in rows[:CITED]]
    seen = strictest(str(row["visibility"]) for row in rows)
    return Support(tuple(one for one, _ in cited), tuple(day for _, day in cited), seen)  # type: ignore[misc]


class Reader:
    """Reads sentences back, knowing the indicators' texts but neither the reason nor its value."""

    def __init__(self, definitions: Definitions, language: str, names: Mapping[str, Named]) -> None:
        features = [one for one in definitions.indicators if one.role == "feature"]
        self._forms = [(one.code, *form) for one in features for form in _forms(one, language, names.get(one.code, ()))]
        self._known: dict[str, list[Said]] = {}

    def read(self, sentence: str) -> list[Said]:
        """Every indicator whose sentence it can be, with the value it states; one, where words are clear."""
        if sentence not in self._known:
            hits = ((code, form.fullmatch(sentence), fixed) for code, form, fixed in self._forms)
            self._known[sentence] = [(code, _value(hit, fixed)) for code, hit, fixed in hits if hit]
        return self._known[sentence]


def _forms(one: Indicator, language: str, named: Named) -> Iterator[tuple[re.Pattern[str], float | None]]:
    """What an indicator's sentence looks like, with the value it states where it holds no number."""
    is_english = language == "en"
    label, template = (one.label_en, one.reason_en) if is_english else (one.label, one.reason)
    yield re.compile(re.escape(f"{label}: no record" if is_english else f"{label}：无记录")), None
    if one.unit == FLAG_UNIT:
        yield re.compile(re.escape(f"not the case: {label}" if is_english else f"未见：{label}")), 0.0
    for value, word in enumerate(named):
        yield re.compile(re.escape(f"{template}: {word[1]}" if is_english else f"{template}：{word[0]}")), float(value)
    if named:
        return
    number = rf"{NUMBER}(%)" if one.unit in PERCENT_UNITS else NUMBER
    yield re.compile(number.join(map(re.escape, template.split("{v}")))), 1.0 if one.unit == FLAG_UNIT else None


def _value(hit: re.Match[str], fixed: float | None) -> float | None:
    if not hit.groups():
        return fixed
    return float(hit[1]) / 100 if "%" in hit.groups() else float(hit[1])


def stated(reader: Reader, sentence: str, one: Reason) -> bool:
    """Whether a sentence says the code and, as far as it is rounded, the value of a reason, and can say no other."""
    read = reader.read(sentence)
    if len(read) != 1 or read[0][0] != one.indicator:
        return False
    value = read[0][1]
    if value is None or one.value is None:
        return value is None and one.value is None
    is_whole = value == round(value) and "." not in sentence and "%" not in sentence
    off = 0.0 if is_whole else PERCENT_OFF + SLACK if "%" in sentence else DECIMAL_OFF + SLACK
    return abs(value - one.value) <= off


def worded(definitions: Definitions, names: Mapping[str, Named], found: Page, visibility: Mapping[str, str]) -> Answer:
    """E-12: every sentence reads back to its code and value; what may be published rests on nothing internal.

    ``names`` are those of ``code_names``, ``visibility`` what the lake holds of each record, by id.
    """
    wrong = {}
    for language in LANGUAGES:
        reader = Reader(definitions, language, names)
        wrong[f"unread_{language}"] = sum(not stated(reader, one.words[language], one.reason) for one in found.printed)
    leaks = sum(leaking(definitions, one.reason, visibility) for one in found.printed) + _hidden(found, visibility)
    figures = {**wrong, "leaks": leaks}
    return answer("E-12", len(found.printed), figures, passed=not any(figures.values()))


def leaking(definitions: Definitions, one: Reason, visibility: Mapping[str, str]) -> bool:
    """Whether a reason that may be published is of an internal indicator, or cites an internal or unknown record."""
    if one.visibility != PUBLISHABLE:
        return False
    cited = {visibility.get(record) for record in one.records}
    return definitions.by_code[one.indicator].visibility != PUBLISHABLE or bool(cited - {PUBLISHABLE})


def _hidden(found: Page, visibility: Mapping[str, str]) -> int:
    """Publishable reasons whose value counted an internal record beyond those cited."""
    published = {(one.entity, one.reason.indicator) for one in found.printed if one.reason.visibility == PUBLISHABLE}
    names = ("entity", "indicator", "record_id")
    rows = zip(*(found.behind[name].to_pylist() for name in names), strict=True)
    internal = {(key, code) for key, code, record in rows if visibility.get(record) != PUBLISHABLE}
    return len(published & internal)


def apart(definitions: Definitions, found: Page) -> Answer:
    """E-13: no two reasons of an entity are of one section, or count one record as something that happened.

    What describes (a registration, an annual report, a link) may be cited for each of the things it says:
    ``described`` are the reasons that do so.
    """
    of_type = dict(zip(*(found.behind[name].to_pylist() for name in ("record_id", "record_type")), strict=True))
    sections = records = described = 0
    for own in found.by_entity.values():
        sections += _twice([one.reason.code.partition("-")[0] for one in own])
        cited = [(one.reason.indicator, record) for one in own for record in one.reason.records]
        events = [record for code, record in cited if of_type.get(record) in counts(definitions.by_code[code])]
        records += _twice(events)
        described += _twice([record for _, record in cited]) - _twice(events)
    figures = {"sections": sections, "records": records, "described": described}
    return answer("E-13", len(found.printed), figures, passed=not sections and not records)


def _twice(names: Sequence[str]) -> int:
    """How many of some names come more than once."""
    return sum(times > 1 for times in Counter(names).values())
