"""The page of record and indicator quality: one month, needing nothing else, Chinese with an English switch."""

from collections.abc import Mapping, Sequence
from typing import Any

from evaluation import charts
from evaluation.health import NULLS
from evaluation.report import template
from evaluation.shown import Words, count, share
from features.profile import Profile

NOTICE_PSI, STOP_PSI = 0.1, 0.25  # the lines of the gate for the distribution of probabilities
FEWEST = 5  # of fewer rows the page does not tell how many
WORST = 15
COLOURS = {
    "valued": charts.ACCENT,
    "not_applicable": "#cbd5e1",
    "unknown_kind": "#94a3b8",
    "before_coverage": "#eab308",
    "no_record": "#f59e9e",
    "no_value": "#c05621",
}
WORDS: Mapping[str, Words] = {
    "valued": ("有值", "has a value"),
    "not_applicable": ("不适用该类主体", "not for its kind"),
    "unknown_kind": ("主体类型不明", "kind not known"),
    "before_coverage": ("早于归集起点", "before its collection began"),
    "no_record": ("无此类记录", "no such record"),
    "no_value": ("有记录但不能取值", "records, but no value"),
    "no_scheme": ("尚无方案", "no scheme yet"),
    "scheme_later": ("方案晚于基准日", "schemes know more than T"),
    "not_in_sample": ("不在训练样本中", "not in the sample"),
    "few_outcomes": ("结果太少", "too few outcomes"),
    "no_month": ("尚无封存月份", "no sealed month"),
    "not_in_model": ("不在模型中", "not in the model"),
    "no_entities": ("无此类主体", "no such entity"),
    "riskier": ("值大风险高", "more is riskier"),
    "safer": ("值大风险低", "more is safer"),
    "daily": ("每日", "daily"),
    "weekly": ("每周", "weekly"),
    "monthly": ("每月", "monthly"),
    "quarterly": ("每季", "quarterly"),
    "yearly": ("每年", "yearly"),
    "DQ001": ("逾期", "overdue"),
    "DQ002": ("从未收到", "never received"),
    "DQ003": ("明显偏少", "far fewer than usual"),
    "basic": ("基础属性", "basic"),
    "dynamic": ("动态", "dynamic"),
    "supervision": ("监管", "supervision"),
    "association": ("关联关系", "association"),
    "social": ("社会评价", "social"),
}


def render(found: Mapping[str, Any], profile: Profile) -> str:
    """The page of a quality document (what ``--json`` prints) as HTML: the same bytes for the same document."""
    overdue = {(alert["item"], alert["source"]): alert["code"] for alert in found["alerts"]}
    return template("quality.html", few=few).render(
        found=found,
        profile=profile,
        feeds=[{**feed, "alert": overdue.get((feed["item"], feed["source"]))} for feed in found["feeds"]],
        worst=worst(found["indicators"]),
        dimensions=_by_dimension(found["indicators"]),
        tiles=_tiles(found),
        word=_word,
        spark=_spark,
        bar=_bar,
        legend=[(WORDS[name], colour) for name, colour in COLOURS.items()],
        notice_psi=NOTICE_PSI,
        stop_psi=STOP_PSI,
    )


def worst(indicators: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The indicators a person should look at: those past the notice line of the index, then the least covered."""
    moved = [one for one in indicators if (one["psi"] or 0.0) >= NOTICE_PSI]
    thin = [one for one in indicators if one["coverage"] is not None and one["coverage"] < 0.5]
    ordered = sorted(moved, key=lambda one: (-one["psi"], one["code"]))
    ordered += sorted(thin, key=lambda one: (one["coverage"], one["code"]))
    return list({one["code"]: one for one in ordered}.values())[:WORST]


def few(value: int) -> str:
    """A count; of a few it is not told how many."""
    return f"<{FEWEST}" if 0 < value < FEWEST else f"{value:,}"


def _tiles(found: Mapping[str, Any]) -> list[tuple[Words, str]]:
    """The figures the page begins with."""
    feeds, indicators = found["feeds"], found["indicators"]
    received, unmatched = (sum(feed[name] for feed in feeds) for name in ("received", "unmatched"))
    total = received + unmatched
    rejected = sum(row["rows"] for row in found["rejects"])
    psis = [one["psi"] for one in indicators if one["psi"] is not None]
    return [
        (("数据预警", "data alerts"), count(len(found["alerts"]))),
        (("本月收到记录", "rows received"), count(received)),
        (("匹配率", "matched"), share(received / total if total else None)),
        (("拒收行", "rows rejected"), count(rejected)),
        (("在册主体", "entities in scope"), count(found["entities"])),
        (
            (f"PSI 超过 {STOP_PSI:g} 的指标", f"indicators with PSI above {STOP_PSI:g}"),
            count(sum(psi > STOP_PSI for psi in psis)) if psis else "–",
        ),
    ]


def _by_dimension(indicators: Sequence[Mapping[str, Any]]) -> list[tuple[Words, list[Mapping[str, Any]]]]:
    names = dict.fromkeys(one["dimension"] for one in indicators)
    return [(_word(name), [one for one in indicators if one["dimension"] == name]) for name in names]


def _word(name: str) -> Words:
    """What people read for a word of the document; one without words stands for itself."""
    return WORDS.get(name, (name, name))


def _spark(feed: Mapping[str, Any]) -> str:
    return charts.spark(feed["course"], feed["expected"], ("近13个月", "the last 13 months"))


def _bar(row: Mapping[str, Any]) -> str:
    total = row["in_scope"] or 1
    parts = [(row["valued"] / total, COLOURS["valued"])]
    parts += [(row[f"null_{reason}"] / total, COLOURS[reason]) for reason in NULLS]
    return charts.portions(parts, ("有值与空值原因", "values, and nulls by reason"))
