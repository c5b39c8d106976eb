"""The indicator system as a page people read: one table a section, every worked example in words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from features.indicators.catalogue import DIMENSIONS, Definitions, aggregates, populations, row_sets
from features.indicators.language import GENERAL, Indicator, Nearby, PeerRate, Rows, Seen, Value
from features.profile import Profile
from features.records.schema import Field, RecordType, record_types

SHOWN_RECORDS = 4  # an example with more says how many more there are
SUBJECT = "it"

UNITS = {
    "batch": "批次",
    "case": "件",
    "clue": "条",
    "code": "代码",
    "day": "天",
    "entity": "户",
    "event": "条",
    "item": "项",
    "list": "个名单",
    "month": "个月",
    "multiple": "倍",
    "person": "人",
    "point": "分",
    "rate": "比率",
    "record": "条",
    "share": "占比",
    "time": "次",
    "unit": "台（件）",
}

WORDS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "title": "指标目录",
        "made": "本页由指标定义文件生成，不手工修改；每个算例都作为测试运行。",
        "count": "共{n}项指标：{parts}。",
        "basic": "基础属性信息",
        "dynamic": "动态信息",
        "supervision": "监管信息",
        "association": "关联关系信息",
        "social": "社会评价信息",
        "headings": "代码|名称|单位|窗口|方向|无记录|适用主体|归集事项|可见性|用途|重点监测|依据|算例",
        "riskier": "越高风险越大",
        "safer": "越高风险越小",
        "none": "无",
        "monotone": "，单调",
        "zero": "0",
        "null": "空",
        "publishable": "可公示",
        "internal": "内部",
        "feature": "特征",
        "control": "控制变量",
        "override_only": "仅直接判定",
        "monitor_only": "仅监测",
        "display_only": "仅展示",
        "member": "所属范围",
        "taken": "另引用通用指标{n}项，含义与算例见 CATALOGUE.md：{codes}。",
        "key": "是",
        "all": "全部",
        "months": "近{n}个月",
        "days": "近{n}天",
        "half_life": "半衰期{n}个月",
        "state": "基准日在效",
        "any_time": "不限",
        "peers": "同类（不含本主体）",
        "linked": "关联主体（不含本主体）",
        "near": "周边",
        "known": "，{day}才知悉",
        "others": "，他户",
        "more": "等{n}条",
        "nothing": "无记录",
        "gives": "{as_of}：{records} → {value}",
        "between": "、",
        "after": "；",
        "and": "，",
        "fields": "（{fields}）",
        "weighted": "加权",
    },
    "en": {
        "title": "Indicators",
        "made": "Generated from the definition files, not edited by hand; every worked example runs as a test.",
        "count": "{n} indicators: {parts}.",
        "basic": "basic attributes",
        "dynamic": "dynamics",
        "supervision": "supervision",
        "association": "associations",
        "social": "social evaluation",
        "headings": "code|name|unit|window|direction|no record|kinds|items|visibility|role|monitored|basis|examples",
        "riskier": "higher is riskier",
        "safer": "higher is safer",
        "none": "none",
        "monotone": ", monotone",
        "zero": "0",
        "null": "null",
        "publishable": "publishable",
        "internal": "internal",
        "feature": "feature",
        "control": "control",
        "override_only": "rules only",
        "monitor_only": "monitoring only",
        "display_only": "display only",
        "member": "who belongs",
        "taken": "{n} indicators of the general system are taken over as they stand: {codes}.",
        "key": "yes",
        "all": "all",
        "months": "{n} months",
        "days": "{n} days",
        "half_life": "half-life {n} months",
        "state": "in effect at T",
        "any_time": "any time",
        "peers": "peers, itself left out",
        "linked": "linked entities, itself left out",
        "near": "nearby",
        "known": ", known {day}",
        "others": ", another's",
        "more": "and {n} in all",
        "nothing": "no records",
        "gives": "{as_of}: {records} → {value}",
        "between": ", ",
        "after": "; ",
        "and": ", ",
        "fields": " ({fields})",
    },
}


def catalogue_page(definitions: Definitions, profile: Profile) -> str:
    """The indicator system in Markdown, in the profile's language: a table a section, dimensions in their order.

    Of a sector its own indicators, and by code those it takes over from the general system.
    """
    words, types = WORDS[profile.language], record_types(profile)
    lines = [f"# {_name(profile, profile.language)}{_space(profile)}{words['title']}", "", words["made"], ""]
    own = [one for one in definitions.indicators if one.sector == (profile.sector or GENERAL)]
    found = {name: [one for one in own if one.dimension == name] for name in DIMENSIONS}
    parts = words["between"].join(f"{words[name]} {len(ones)}" for name, ones in found.items() if ones)
    lines += [words["count"].format(n=len(own), parts=parts), ""]
    if taken := [f"`{one.code}`" for one in definitions.indicators if one not in own]:
        lines += [words["taken"].format(n=len(taken), codes=words["between"].join(taken)), ""]
    for name, indicators in found.items():
        if indicators:
            lines += [f"## {words[name]}", "", *_sections(indicators, profile, types)]
    return "\n".join(lines).rstrip() + "\n"


def in_words(seen: Seen, profile: Profile, types: Mapping[str, RecordType]) -> str:
    """A worked example as a sentence: as-of date, records, and the value that must come out."""
    words = WORDS[profile.language]
    described = [_records(name, rows, profile, types[name]) for name, rows in seen.records.items() if rows]
    records = words["after"].join(described) or words["nothing"]
    value = words["null"] if seen.gives is None else f"{seen.gives:.6g}"
    kind = {one.code: _name(one, profile.language) for one in profile.kinds}.get(seen.kind or "")
    subject = f"{kind}{words['and']}{records}" if kind else records
    return words["gives"].format(as_of=seen.as_of.isoformat(), records=subject, value=value)


def window_in_words(value: Value, language: str) -> str:
    """The stretch of time a value looks at: its windows, half-lives, states, and whether others are looked at."""
    words, found = WORDS[language], list(_stretches(value))
    for part in populations(value):
        found.append(("peers" if isinstance(part, PeerRate) else "near" if isinstance(part, Nearby) else "linked", 0))
    return words["between"].join(dict.fromkeys(words[name].format(n=number) for name, number in found))


def _sections(indicators: Sequence[Indicator], profile: Profile, types: Mapping[str, RecordType]) -> Iterator[str]:
    words = WORDS[profile.language]
    headings = words["headings"].split("|")
    for section in profile.table("sections"):
        rows = [_row(one, profile, types) for one in indicators if one.section == section["code"]]
        if rows:
            label = section["label_en"] if profile.language == "en" else section["label"]
            yield from (f"### {section['code']} {label}", "", _line(headings), _line(["---"] * len(headings)))
            yield from (_line(row) for row in rows)
            yield ""


def _row(one: Indicator, profile: Profile, types: Mapping[str, RecordType]) -> list[str]:
    words, language = WORDS[profile.language], profile.language
    kinds = [_name(kind, language) for kind in profile.kinds if kind.code in one.kinds]
    return [
        f"`{one.code}`",
        _name(one, language),
        _unit(one.unit, language),
        window_in_words(one.value, language),
        words[one.direction] + (words["monotone"] if one.monotone else ""),
        words[one.missing],
        words["all"] if len(kinds) == len(profile.kinds) else words["between"].join(kinds),
        words["between"].join(one.items),
        words[one.visibility],
        words[one.role],
        words["key"] if one.key else "",
        one.basis,
        "<br>".join(in_words(seen, profile, types) for seen in one.examples),
    ]


def _unit(unit: str, language: str) -> str:
    plain = unit.removeprefix("weighted ")
    if language == "en":
        return unit
    return (WORDS[language]["weighted"] if plain != unit else "") + UNITS.get(plain, plain)


def _line(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def _stretches(value: Value) -> Iterator[tuple[str, int]]:
    for rows in dict.fromkeys(row_sets(value)):
        yield from _stretch(rows)
    for aggregate in aggregates(value):
        if aggregate.half_life is not None:
            yield "half_life", aggregate.half_life


def _stretch(rows: Rows) -> Iterator[tuple[str, int]]:
    if rows.window is None and not rows.state:
        yield "any_time", 0
    if rows.state:
        yield "state", 0
    if rows.window is not None and rows.window.months:
        yield "months", rows.window.months
    if rows.window is not None and rows.window.days:
        yield "days", rows.window.days


def _records(name: str, rows: Sequence[Mapping[str, Any]], profile: Profile, record_type: RecordType) -> str:
    words = WORDS[profile.language]
    shown = [_record(row, profile, record_type) for row in rows[:SHOWN_RECORDS]]
    more = words["more"].format(n=len(rows)) if len(rows) > SHOWN_RECORDS else ""
    return (
        f"{_name(record_type, profile.language)} {words['between'].join(shown)}{_space(profile) if more else ''}{more}"
    )


def _record(row: Mapping[str, Any], profile: Profile, record_type: RecordType) -> str:
    words = WORDS[profile.language]
    known = words["known"].format(day=row["known"]) if row["known"] != row["event_date"] else ""
    other = words["others"] if row["of"] != SUBJECT and record_type.subject != "place" else ""
    stated = [
        _stated(name, value, profile, record_type)
        for name, value in row.items()
        if name not in {"event_date", "known", "of"} and value is not None
    ]
    fields = words["fields"].format(fields=words["and"].join(stated)) if stated else ""
    return f"{row['event_date']}{known}{other}{fields}"


def _stated(name: str, value: Any, profile: Profile, record_type: RecordType) -> str:
    field = record_type.fields.get(name)
    if field is None:
        return f"{name} {value}"
    label = field.label_en if profile.language == "en" else field.label
    return f"{label} {_value(value, field, profile)}"


def _value(value: Any, field: Field, profile: Profile) -> str:
    if field.type not in {"code", "codes"} or field.list is None:
        return str(value)
    codes = str(value).split("|") if isinstance(value, str) else value
    return "+".join(profile.codelist(field.list).label(code, profile.language) for code in codes)


def _name(one: Any, language: str) -> str:
    return str(one.label_en if language == "en" else one.label)


def _space(profile: Profile) -> str:
    return " " if profile.language == "en" else ""
