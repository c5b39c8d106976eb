"""How time saved is told: words, tables by capacity and by part, and the picture, in both languages."""

from collections.abc import Mapping, Sequence

from evaluation import charts
from evaluation.orders import (
    AS_TODAY,
    CLASSES,
    OURS,
    PLANNED,
    PROPENSITY,
    RANDOM,
    REPLACED,
    RISKY,
    TODAY,
    Capacity,
    Estimate,
    Plan,
    Waits,
)
from evaluation.shown import Cell, Table, Words, count, measured, share, shared, table

TITLE: Words = ("省下的时间（模拟省）", "Time saved (in the simulated province)")
QUESTION: Words = (
    "只有模拟省才知道每个违法行为何时开始、无人查处时何时自行终止；真实地区的数值会不同。本节把此后一年的现场检查按基准日的一个次序"
    "均匀排开，问能查到多少、提前多少天、减少多少违法天数。假定：检查当日在进行的违法按模拟参数中的现场发现概率被查到，"
    "联系不上的查不到；查到即终止，否则持续到主体自行改正或退出；减少的违法天数从查到之日算到自行终止之日，"
    "最多到基准日后 24 个月；检查不产生威慑，年内新情况不改变次序。现行检查是模拟机关当年实际所作的现场检查，"
    "能力较小时按比例抽减；其中投诉、专项、线索检查由年内显露的问题引起，基准日无人知道。"
    "95% 区间对主体重抽样，次序不变。",
    "Only in the simulated province is it known when each violation began and when it would have ended had nobody "
    "looked; a real place will differ. The visits on site of a year are spread evenly in one order of the date: how "
    "much is found, how much sooner, and how many violation-days are prevented? Assumed: a violation in progress on "
    "the day of a visit is found with the simulation's chance of a check on site, nothing where nobody is met; it "
    "ends when found, else when the entity mends it or leaves; violation-days prevented run from the find to that end, "
    "within 24 months of the date; visits deter nobody, and nothing learnt during the year moves the order. Today's "
    "visits are those on site that the simulated authorities made in that year, thinned evenly at smaller capacities; "
    "those on complaints, campaigns and leads answer what showed during the year, which nobody knew on the date. "
    "Intervals (95 %) draw entities, the order held fixed.",
)
UNKNOWN: Words = (
    "本模拟省由较早版本生成，真相文件没有违法行为的自然终止日，无法计算；请在新的目录重新模拟后再评估。",
    "This province was simulated by an earlier version: its truth does not say when violations would have ended "
    "unfound. Nothing was computed; simulate it again in a new home and evaluate.",
)
ORDERS: Mapping[str, Words] = {
    OURS: ("本方案（概率从高到低）", "this scheme (probability, high to low)"),
    CLASSES: ("本方案（先按类别，再按概率）", "this scheme (class, then probability)"),
    RANDOM: ("随机（期望值）", "by lot (expected)"),
    PLANNED: ("现行计划检查（随机抽查、法定检查）", "today's planned visits (draws, visits the law demands)"),
    TODAY: ("现行全部检查（含投诉、专项、线索）", "all of today's visits (also complaints, campaigns, leads)"),
    REPLACED: ("计划检查改按本方案，其余照旧", "planned visits in this order, the others as they were"),
    PROPENSITY: ("潜在违法倾向（仅模拟可知）", "latent propensity (known only here)"),
}
HEAD: tuple[Words, ...] = (
    ("检查能力", "capacity"),
    ("次序", "order"),
    ("检查户次", "visits"),
    ("查到违法", "violations found"),
    ("占当年存在的", "share of the year's"),
    ("查到所需天数", "days until found"),
    ("查到或终止所需天数", "days until found or ended"),
    ("减少的违法天数", "violation-days prevented"),
    ("每千户次", "per 1,000 visits"),
    ("与随机之比", "ratio to by lot"),
    ("比现行全部检查多", "more than all of today's"),
)
PART_HEAD: tuple[Words, ...] = (
    ("分组", "part"),
    ("主体", "entities"),
    ("违法", "violations"),
    ("检查到的主体", "entities visited"),
    ("查到的违法", "violations found"),
    ("查到或终止所需天数", "days until found or ended"),
    ("先按类别时", "by class"),
    ("随机时", "by lot"),
)
SUBSTANTIVE: Words = ("各检查能力下的实质违法", "Substantive violations by capacity")
EVERY: Words = ("全部违法（含轻微）", "All violations, slight ones too")
CAPACITIES: Mapping[str, Words] = {
    AS_TODAY: ("现行现场检查数", "as many as today"),
    RISKY: ("C、D 类户数", "as many as C and D"),
}


def by_capacity(found: Sequence[Capacity], caption: Words) -> Table:
    """Every order at every capacity it can fill, and at today's number what stood in a plan."""
    rows = [
        _row(one, name, one.plans[name])
        for one in found
        for name in ORDERS
        if name in one.plans and (one.plans[name].visits == one.visits or one.code == AS_TODAY)
    ]
    return table(caption, HEAD, rows)


def _row(capacity: Capacity, name: str, plan: Plan) -> list[Cell | Words | str]:
    label = CAPACITIES.get(capacity.code, (capacity.code, capacity.code))
    return [
        Cell(label, share(capacity.share)),
        ORDERS[name],
        count(plan.visits),
        _whole(plan.found),
        shared(plan.share.value, plan.share.interval),
        *(_cell(one) for one in (plan.days_to_find, plan.days)),
        *(_whole(one) for one in (plan.prevented, plan.per_thousand)),
        _cell(plan.over_random),
        _whole(plan.more_than.get(TODAY, Estimate(None))),
    ]


def _cell(found: Estimate) -> Cell:
    return measured(found.value, found.interval)


def _whole(found: Estimate) -> Cell:
    """A figure whose fractions say nothing: expected finds, days."""
    if found.value is None:
        return measured(None)
    low, high = ("", "") if found.interval is None else (count(round(one)) for one in found.interval)
    return Cell((count(round(found.value)),) * 2, f"[{low}, {high}]" if low else "")


def by_part(label: Words, rows: Sequence[Waits]) -> Table:
    """Days until violations are found or end, by part along one dimension."""
    caption = (f"C、D 类户数的检查能力下，按{label[0]}", f"At the volume of C and D, by {label[1]}")
    return table(caption, PART_HEAD, [_part(row) for row in rows])


def _part(row: Waits) -> list[Cell | Words | str]:
    return [
        row.label,
        count(row.entities),
        count(row.violations),
        shared(row.visited),
        shared(row.found),
        _cell(row.days),
        measured(row.days_by_class),
        measured(row.days_at_random),
    ]


def chart(found: Sequence[Capacity]) -> str:
    """Violation-days prevented against the share visited; orders of fewer visits end where they do."""
    series = []
    for name, label in ORDERS.items():
        reached = {
            one.plans[name].visits * one.share / max(one.visits, 1): one.plans[name].prevented.value or 0.0
            for one in found
            if name in one.plans and one.plans[name].visits
        }
        if reached:
            series.append((label, sorted(reached.items())))
    return charts.lines(
        series,
        ("减少的违法天数", "violation-days prevented"),
        across=("一年内现场检查的主体占比", "share of entities visited on site within a year"),
        up=("减少的违法天数（24 个月内）", "violation-days prevented (within 24 months)"),
    )
