"""What a definition says, as a sentence people read: which records, over which time, counted or reckoned how."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from features.indicators.language import (
    DECAY_SCALE,
    Aggregate,
    Condition,
    Field,
    Formula,
    Nearby,
    Neighbours,
    PeerRate,
    Rows,
    Value,
)
from features.profile import Profile
from features.records import schema
from features.records.schema import MONEY_SCALE, RecordType

WORDS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "months": "近{n}个月",
        "days": "近{n}天",
        "state": "基准日在效的",
        "rows": "{when}{type}记录{only}",
        "only": "（{conditions}）",
        "and": "，",
        "list": "、",
        "count": "{rows}的条数",
        "sum": "{rows}的{field}之和",
        "max": "{rows}中{field}的最大值",
        "min": "{rows}中{field}的最小值",
        "distinct": "{rows}中不同{field}的个数",
        "latest": "最近一条{rows}的{field}",
        "last_day": "{rows}中最晚的{field}",
        "first_day": "{rows}中最早的{field}",
        "decayed": "{rows}的{field}，按半衰期{n}个月随时间减弱",
        "number": "条数",
        "points": "条数，按{field}折算分值",
        "over": "{a} ÷ {n}",
        "months_since": "自{a}至基准日的整月数",
        "days_since": "自{a}至基准日的天数",
        "ratio": "（{a}）÷（{b}）",
        "difference": "（{a}）减（{b}）",
        "total": "（{list}）",
        "plus": " ＋ ",
        "greatest": "{list}中的最大者",
        "log1p": "ln(1＋x÷{n})，x 为{a}",
        "clipped": "{a}，不小于 {n}、不大于 {m}",
        "flag": "{a}达到 {n} 为 1，否则为 0",
        "below": "{a}小于 {n} 为 1，否则为 0",
        "both": "{a}与{b}均不少于 1 为 1，否则为 0",
        "or_zero": "{a}（空时作 0）",
        "due_periods": "以{a}为成立之日，最近{n}个年度（次年{m}月{d}日到期）中已到期的年度数",
        "peer": "同{by}的其他主体的均值（{a}），主体少时向更大的组靠拢",
        "linked": "在{rows}中同一{key}的其他主体的{of}（超过{n}户共用的不计）",
        "entities": "户数",
        "of": "{a}之和",
        "near": "所在网格及相邻八格内{rows}的条数",
        "near_decayed": "，按半衰期{n}个月随时间减弱",
        "==": "{field}为{value}",
        "!=": "{field}不为{value}",
        "in": "{field}为{value}之一",
        "has": "{field}含{value}",
        ">": "{field}大于{value}",
        ">=": "{field}不小于{value}",
        "<": "{field}小于{value}",
        "<=": "{field}不大于{value}",
        "missing": "{field}为空",
        "present": "{field}有值",
        "before": "{field}早于基准日{shift}",
        "after": "{field}晚于基准日{shift}",
        "due": "{field}属最近{n}个已到期年度（次年{m}月{d}日到期）",
        "later": "后{n}天",
        "sooner": "前{n}天",
        "event_date": "发生日期",
        "source": "来源",
        "item": "归集事项",
        "visibility": "可见性",
        "yes": "是",
        "no": "否",
    },
    "en": {
        "months": " of the last {n} months",
        "days": " of the last {n} days",
        "state": " in effect at T",
        "rows": "records “{type}”{when}{only}",
        "only": " ({conditions})",
        "and": "; ",
        "list": ", ",
        "count": "number of {rows}",
        "sum": "sum of {field} of {rows}",
        "max": "greatest {field} of {rows}",
        "min": "least {field} of {rows}",
        "distinct": "number of different {field} of {rows}",
        "latest": "{field} of the latest of {rows}",
        "last_day": "latest {field} of {rows}",
        "first_day": "earliest {field} of {rows}",
        "decayed": "{field} of {rows}, fading with a half-life of {n} months",
        "number": "number",
        "points": "number (weighed by {field})",
        "over": "{a} ÷ {n}",
        "months_since": "whole months from the {a} to T",
        "days_since": "days from the {a} to T",
        "ratio": "({a}) ÷ ({b})",
        "difference": "({a}) less ({b})",
        "total": "({list})",
        "plus": " + ",
        "greatest": "the greatest of: {list}",
        "log1p": "ln(1 + x ÷ {n}), x being the {a}",
        "clipped": "{a}, held between {n} and {m}",
        "flag": "1 when the {a} is {n} or more, else 0",
        "below": "1 when the {a} is less than {n}, else 0",
        "both": "1 when both are at least 1, else 0: {a}; {b}",
        "or_zero": "{a} (0 where there is none)",
        "due_periods": "how many of the last {n} yearly duties (due {m}-{d} a year later) were due, founded on the {a}",
        "peer": "mean among other entities of the same {by} ({a}), drawn to the wider group where they are few",
        "linked": "{of} of other entities with the same {key} in {rows} (not where more than {n} share it)",
        "entities": "number",
        "of": "sum of the {a}",
        "near": "number of {rows} in its grid cell and the eight around it",
        "near_decayed": ", fading with a half-life of {n} months",
        "==": "{field} is {value}",
        "!=": "{field} is not {value}",
        "in": "{field} is one of {value}",
        "has": "{field} holds {value}",
        ">": "{field} is more than {value}",
        ">=": "{field} is {value} or more",
        "<": "{field} is less than {value}",
        "<=": "{field} is {value} or less",
        "missing": "{field} is empty",
        "present": "{field} is there",
        "before": "{field} is before T{shift}",
        "after": "{field} is after T{shift}",
        "due": "{field} is one of the last {n} years past due (on {m}-{d} of the next year)",
        "later": " + {n} days",
        "sooner": " − {n} days",
        "event_date": "event date",
        "source": "source",
        "item": "collection item",
        "visibility": "visibility",
        "yes": "yes",
        "no": "no",
    },
}


def spoken(value: Value, profile: Profile, types: Mapping[str, RecordType], language: str) -> str:
    """A value in words; what the profile has no words for stands by its name."""
    return _Speaker(profile, types, WORDS[language], language).value(value)


@dataclass(frozen=True)
class _Speaker:
    """Says values in one language with the labels of a profile."""

    profile: Profile
    types: Mapping[str, RecordType]
    words: Mapping[str, str]
    language: str

    def value(self, one: Value) -> str:
        """A value of any kind."""
        match one:
            case Aggregate():
                return self._aggregate(one)
            case Formula():
                return self._formula(one)
            case PeerRate():
                by = self.words["list"].join(self._field("entity", name) for name in one.by)
                return self._say("peer", by=by, a=self.value(one.value))
            case Neighbours():
                of = self.words["entities"] if one.value is None else self._say("of", a=self.value(one.value))
                key = self._field(one.rows.record_type, one.key)
                return self._say("linked", rows=self._rows(one.rows), key=key, of=of, n=one.hub)
            case Nearby():
                fading = "" if one.half_life is None else self._say("near_decayed", n=one.half_life)
                return self._say("near", rows=self._rows(one.rows)) + fading

    def _say(self, name: str, **told: Any) -> str:
        return self.words[name].format(**told)

    def _aggregate(self, one: Aggregate) -> str:
        rows, kind = self._rows(one.rows), one.rows.record_type
        if one.op == "decayed":
            named = one.field and self._field(kind, one.field)
            counted = self._say("points", field=named) if one.points else named or self.words["number"]
            return self._say("decayed", rows=rows, field=counted, n=one.half_life)
        return self._say(one.op, rows=rows, field=self._field(kind, one.field or "event_date"))

    def _formula(self, one: Formula) -> str:
        parts, numbers = [self.value(part) for part in one.operands], [f"{number:g}" for number in one.numbers]
        if one.op == "over" and one.numbers == (float(DECAY_SCALE),):  # the unit weights are counted in, no divisor
            return parts[0]
        if one.op == "total":
            return self._say("total", list=self.words["plus"].join(parts))
        if one.op == "ratio" and any(one.numbers):
            parts = [f"{part}{self.words['plus']}{number}" for part, number in zip(parts, numbers, strict=True)]
        names = dict(zip("ab", parts, strict=False)) | dict(zip("nmd", numbers, strict=False))
        return self._say(one.op, list=self.words["list"].join(parts), **names)

    def _rows(self, one: Rows) -> str:
        when = self.words["state"] if one.state else ""
        if one.window is not None:
            unit = "months" if one.window.months else "days"
            when = self._say(unit, n=one.window.months or one.window.days) + when
        said = self.words["and"].join(self._condition(test, one.record_type) for test in one.conditions)
        only = self._say("only", conditions=said) if said else ""
        return self._say(
            "rows", when=when, type=self._label(self.types.get(one.record_type), one.record_type), only=only
        )

    def _condition(self, one: Condition, kind: str) -> str:
        field = self._field(kind, one.field)
        if one.op in {"before", "after"}:
            return self._say(one.op, field=field, shift=self._shift(one.value))
        if one.op == "due":
            periods, month, day = one.value
            return self._say(one.op, field=field, n=periods, m=month, d=day)
        several = one.value if isinstance(one.value, tuple) else (one.value,)
        several = () if one.op in {"missing", "present"} else several
        said = self.words["list"].join(self._constant(value, kind, one.field) for value in several)
        return self._say(one.op, field=field, value=said)

    def _constant(self, value: Any, kind: str, name: str) -> str:
        if isinstance(value, Field):
            field = self._field(kind, value.name)
            return field + self._shift(value.shift)
        found = self._known(kind, name)
        if found is None:
            return str(value)
        if found.list is not None and str(value) in self.profile.codelist(found.list).codes:
            return self.profile.codelist(found.list).label(str(value), self.language)
        if found.type == "flag":
            return self.words["yes" if value else "no"]
        scale = MONEY_SCALE if found.type == "money" else found.scale
        return f"{value / 10**scale:g}" if scale else str(value)

    def _shift(self, days: int) -> str:
        return "" if not days else self._say("later" if days > 0 else "sooner", n=abs(days))

    def _field(self, kind: str, name: str) -> str:
        return self._label(self._known(kind, name), self.words.get(name, name))

    def _known(self, kind: str, name: str) -> schema.Field | None:
        found = self.types.get(kind)
        return None if found is None else found.fields.get(name)

    def _label(self, one: schema.Field | RecordType | None, name: str) -> str:
        if one is None:
            return name
        return str((one.label_en if self.language == "en" else None) or one.label)
