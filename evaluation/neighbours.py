"""Do neighbours say something of what comes? Linked entities with and without adverse neighbours, side by side.

Entities of one controller are not independent of each other: intervals draw whole controller clusters, beside the ones
that draw entities, so that it is seen how much too narrow these are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa

from evaluation import charts
from evaluation.backtest import Scored, number
from evaluation.case import Case
from evaluation.clusters import clusters, read_controllers
from evaluation.metrics import Flags, Floats, Integers, Interval, auc, bootstrap, rank, ratio
from evaluation.shown import Cell, Content, Shown, Table, Words, band, count, measured, share_band, shared, table
from features.everyone import of_pairs
from features.indicators.catalogue import populations, row_sets
from features.indicators.language import Indicator, Neighbours, same
from features.records.schema import REGISTER

REPLICATES = 2000  # twice as many as elsewhere: what is read is the ratio of two drawn widths
ADVERSE, CLEAN, ALONE = "adverse", "clean", "alone"
PARTS: Mapping[str, Words] = {
    ADVERSE: ("有不良关联主体", "an adverse neighbour"),
    CLEAN: ("关联主体均无不良记录", "neighbours, none adverse"),
    ALONE: ("无关联主体", "no neighbour"),
}
SHARES = ("rate",)  # figures that are shares
FIGURES: Mapping[str, Words] = {
    "rate": ("发生率", "rate"),
    "o_e": ("观察/预期", "observed/expected"),
    "rate_ratio": ("发生率之比（有不良/均无不良）", "rate, adverse over clean"),
    "o_e_ratio": ("观察/预期之比（有不良/均无不良）", "observed/expected, adverse over clean"),
    "auc": ("AUC（有关联主体者）", "AUC (linked)"),
    "auc_without": ("AUC，去掉关联指标的贡献", "AUC without what links contribute"),
    "auc_gain": ("AUC 之差", "AUC gained"),
}
BETWEEN = tuple(FIGURES)[2:]
Statistic = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval by controller clusters, the one by entities, and how many times as wide the first
    is."""

    value: float | None
    interval: Interval | None
    by_entity: Interval | None
    wider: float | None


NOTHING = Estimate(None, None, None, None)


@dataclass(frozen=True)
class Part:
    """Test pairs of one kind of neighbourhood; ``expected`` is the mean probability."""

    code: str
    n: int
    n_pos: int
    clusters: int
    expected: float | None
    rate: Estimate
    o_e: Estimate


@dataclass(frozen=True)
class Spread:
    """Controller clusters among the entities tested; ``joined`` entities are in one with others tested."""

    entities: int
    clusters: int
    joined: int
    largest: int
    largest_share: float


@dataclass(frozen=True)
class Linked:
    """Test pairs with the part each belongs to, their clusters, and what links contribute to every margin.

    ``contributed`` is that of linked pairs, and 0 of all others.
    """

    scored: Scored
    parts: Sequence[Flags]
    cluster: Integers
    contributed: Floats

    def where(self, rows: Flags) -> "Linked":
        """The pairs of a mask."""
        parts = [own[rows] for own in self.parts]
        return Linked(self.scored.where(rows), parts, self.cluster[rows], self.contributed[rows])


def study(case: Case, rng: np.random.Generator) -> Shown | None:
    """What neighbours say on the test pairs; None where no links are known, or no scheme's indicator reads them."""
    links = read_controllers(case.task.profile)
    reading = [one for one in _features(case) if _neighbours(one)]
    telling = [one for one in reading if tells_of_records(one)]
    if not links or not telling or not len(case.headline.outcome):
        return None
    adverse, linked = _neighbourhood(case, telling)
    if not linked.any():
        return None
    cluster = clusters(case.task.knowledge.reading, links, as_of=case.tested_on)[case.headline.entity]
    parts = (adverse, linked & ~adverse, ~linked)
    found = Linked(case.headline, parts, cluster, _contributed(case, reading, linked))
    return shown(found, telling, rng)


def shown(linked: Linked, telling: Sequence[Indicator], rng: np.random.Generator) -> Shown:
    """The parts, the figures and the clusters of linked test pairs, as the report shows them."""
    estimates = _estimates(linked, rng)
    parts = [_part(linked, place, code, estimates) for place, code in enumerate(PARTS)]
    between, spread = {code: estimates[code] for code in BETWEEN}, _spread(linked)
    return Shown(
        code="neighbours",
        title=("关联主体能说明什么", "What neighbours say"),
        question=(
            "有关联主体者，其关联主体有无不良记录，此后结果是否不同？概率若已计入，两组观察/预期都应近于 1；"
            "AUC 之差是关联指标的贡献。同一控制人的主体并不独立：区间按控制人群组抽样，"
            "并列按主体抽样的区间，可见后者窄了多少；宽度之比有百分之几的抽样误差。",
            "Does it matter for what comes whether an entity's neighbours have adverse records? Where the probability "
            "knows it, observed over expected is near 1 in both parts; the AUC gained is what indicators that read "
            "links contribute. Entities of one controller are not independent: intervals draw controller clusters, "
            "beside those that draw entities, to show how much too narrow these are. Their ratio is itself drawn, and "
            "off by some hundredths.",
        ),
        tables=(_part_table(parts), _width_table(parts, between), _spread_table(spread)),
        pictures=(_picture(parts),),
        figures={
            "indicators": [one.code for one in telling],
            "parts": [asdict(one) for one in parts],
            "between": {code: asdict(one) for code, one in between.items()},
            "clusters": asdict(spread),
        },
    )


def _features(case: Case) -> list[Indicator]:
    known = case.task.definitions.by_code
    return [known[code] for code in case.scheme.features if code in known]


def _neighbours(indicator: Indicator) -> list[Neighbours]:
    return [link for link in populations(indicator.value) if isinstance(link, Neighbours)]


def tells_of_records(indicator: Indicator) -> bool:
    """Whether more of an indicator is more adverse records of neighbours, and not only more neighbours."""
    values = [link.value for link in _neighbours(indicator) if link.value is not None]
    read = {rows.record_type for value in values for rows in row_sets(value)}
    return indicator.direction == "riskier" and bool(read - {REGISTER})


def _neighbourhood(case: Case, telling: Sequence[Indicator]) -> tuple[Flags, Flags]:
    """Which test pairs have a neighbour with an adverse record, and which have any neighbour."""
    pairs = case.sample.pairs.filter(pa.array(case.sample.chosen("test")))
    values = [case.tested_with.values[:, case.scheme.columns.index(one.code)] for one in telling]
    over = [{same(link.rows, link.key, hub=link.hub) for link in _neighbours(one)} for one in telling]
    links = list(dict.fromkeys(link for some in over for link in some))
    number_of = dict(zip(links, of_pairs(case.task.knowledge.reading, links, pairs), strict=True))
    adverse = np.any([np.nan_to_num(own) > 0 for own in values], axis=0)
    linked = adverse.copy()
    for own, some in zip(values, over, strict=True):
        for link in some:  # null is what does not concern an entity of this kind
            linked |= ~np.isnan(own) & (number_of[link][: len(own)] > 0)
    return adverse, linked


def _contributed(case: Case, reading: Sequence[Indicator], linked: Flags) -> Floats:
    """What indicators that read links add to the margins of linked pairs."""
    rows = case.tested_with
    lines = case.scheme.contributions(rows.values[linked], rows.kind[linked], bulk=True)
    found = np.zeros(len(linked))
    found[linked] = lines[:, [case.scheme.lines.index(one.code) for one in reading]].sum(axis=1)
    return found


def _rates(scored: Scored, parts: Sequence[Flags]) -> Statistic:
    """The statistic of weightings × rows: the rate of every part, then observed over expected of every part."""
    told = (np.ones(len(scored.outcome)), scored.outcome, scored.probability)
    columns: Floats = np.column_stack([own * one for own in parts for one in told])

    def of(weights: Floats) -> Floats:
        whole, observed, expected = np.moveaxis(np.reshape(weights @ columns, (len(weights), -1, 3)), 2, 0)
        return np.column_stack([ratio(observed, whole), ratio(observed, expected)])

    return of


def _compared(pairs: Linked) -> Statistic:
    """The statistic of linked pairs: ``_rates`` of those with adverse neighbours and of others, then ``BETWEEN``."""
    scored, rates = pairs.scored, _rates(pairs.scored, pairs.parts[:2])
    orders = [rank(margin, scored.outcome) for margin in (scored.margin, scored.margin - pairs.contributed)]

    def of(weights: Floats) -> Floats:
        found = rates(weights)
        full, without = (auc(order, weights) for order in orders)
        ratios = ratio(found[:, ::2], found[:, 1::2])
        return np.column_stack([found, ratios, full, without, full - without])

    return of


def _estimates(found: Linked, rng: np.random.Generator) -> dict[str, Estimate]:
    """Every figure by its name."""
    apart, seed = found.parts[2], int(rng.integers(2**62))
    linked, alone = found.where(~apart), found.where(apart)
    names = [f"{figure} {part}" for figure in ("rate", "o_e") for part in (ADVERSE, CLEAN)]
    told = dict(zip([*names, *BETWEEN], _twice(_compared(linked), linked, seed), strict=True))
    rates = _rates(alone.scored, [np.ones(len(alone.cluster), np.bool_)])
    own = _twice(rates, alone, seed) if apart.any() else [NOTHING, NOTHING]
    return told | dict(zip([f"rate {ALONE}", f"o_e {ALONE}"], own, strict=True))


def _twice(statistic: Statistic, pairs: Linked, seed: int) -> list[Estimate]:
    """The figures of a statistic; clusters and entities are drawn from one seed, once where all are alone."""
    entity, weight = pairs.scored.entity, pairs.scored.weight

    def drawn(of: Integers) -> list[Interval | None]:
        rng = np.random.default_rng(seed)
        return bootstrap(statistic, of, rng, weights=weight, replicates=REPLICATES)

    by_entity = drawn(entity)
    everybody_alone = len(np.unique(pairs.cluster)) == len(np.unique(entity))
    by_cluster = by_entity if everybody_alone else drawn(pairs.cluster)
    points = statistic(weight[None, :])[0]
    return [
        Estimate(number(point), wide, narrow, _wider(wide, narrow))
        for point, wide, narrow in zip(points, by_cluster, by_entity, strict=True)
    ]


def _wider(wide: Interval | None, narrow: Interval | None) -> float | None:
    if wide is None or narrow is None or narrow[1] <= narrow[0]:
        return None
    return (wide[1] - wide[0]) / (narrow[1] - narrow[0])


def _part(linked: Linked, place: int, code: str, estimates: Mapping[str, Estimate]) -> Part:
    own, scored = linked.parts[place], linked.scored.where(linked.parts[place])
    expected = float(np.average(scored.probability, weights=scored.weight)) if own.any() else None
    return Part(
        code=code,
        n=int(own.sum()),
        n_pos=int(scored.outcome.sum()),
        clusters=len(np.unique(linked.cluster[own])),
        expected=expected,
        rate=estimates[f"rate {code}"],
        o_e=estimates[f"o_e {code}"],
    )


def _spread(linked: Linked) -> Spread:
    """Clusters of the entities tested, each entity once."""
    _, first = np.unique(linked.scored.entity, return_index=True)
    _, sizes = np.unique(linked.cluster[first], return_counts=True)
    largest = int(sizes.max())
    return Spread(len(first), len(sizes), int(sizes[sizes > 1].sum()), largest, largest / len(first))


def _part_table(parts: Sequence[Part]) -> Table:
    rows: list[list[Content]] = [
        [
            PARTS[one.code], count(one.n), count(one.n_pos), count(one.clusters),
            shared(one.rate.value, one.rate.interval), shared(one.expected),
            measured(one.o_e.value, one.o_e.interval),
        ]
        for one in parts
    ]  # fmt: skip
    return table(
        ("按关联主体有无不良记录（区间按控制人群组）", "By what neighbours have (intervals by controller cluster)"),
        [("分组", "part"), ("样本", "pairs"), ("阳性", "positives"), ("控制人群组", "clusters"),
         ("发生率", "rate"), ("平均概率", "mean probability"), ("观察/预期", "observed/expected")],
        rows,
    )  # fmt: skip


def _width_table(parts: Sequence[Part], between: Mapping[str, Estimate]) -> Table:
    rows = []
    for one in parts:
        for figure in ("rate", "o_e"):
            (zh, en), (of, of_en) = FIGURES[figure], PARTS[one.code]
            words = (f"{zh}：{of}", f"{en}: {of_en}")
            rows.append(_width_row(words, getattr(one, figure), is_share=figure in SHARES))
    rows += [_width_row(FIGURES[code], one, is_share=False) for code, one in between.items()]
    return table(
        ("两种区间：按控制人群组与按主体", "Two intervals: by controller cluster and by entity"),
        [("数值", "figure"), ("估计", "estimate"), ("按控制人群组", "by cluster"), ("按主体", "by entity"),
         ("宽度之比", "times as wide")],
        rows,
    )  # fmt: skip


def _width_row(words: Words, one: Estimate, *, is_share: bool) -> list[Content]:
    told, banded = (shared, share_band) if is_share else (measured, band)
    return [words, told(one.value), banded(one.interval) or "–", banded(one.by_entity) or "–", measured(one.wider)]


def _spread_table(spread: Spread) -> Table:
    rows: list[list[Content]] = [
        [("被测主体", "entities tested"), count(spread.entities)],
        [("控制人群组", "controller clusters"), count(spread.clusters)],
        [("与其他被测主体同组者", "entities in one with others tested"), count(spread.joined)],
        [("最大群组（占被测主体）", "largest cluster (of entities tested)"),
         Cell((count(spread.largest),) * 2, f"({shared(spread.largest_share).text[0]})")],
    ]  # fmt: skip
    return table(("控制人群组", "Controller clusters"), [("范围", "part"), ("数量", "number")], rows)


def _picture(parts: Sequence[Part]) -> str:
    series: list[Words] = [
        ("发生率（群组）", "rate (by cluster)"), ("发生率（主体）", "rate (by entity)"),
        ("预期", "expected"),
    ]  # fmt: skip
    rows = [
        (PARTS[one.code], [(one.rate.value, one.rate.interval), (one.rate.value, one.rate.by_entity),
                            (one.expected, None)])
        for one in parts
    ]  # fmt: skip
    return charts.compared(rows, series, ("按关联主体的发生率", "Rate by what neighbours have"))
