"""Every figure twice: as the records tell it, and as random on-site draws tell it.

Outcomes in the records follow where inspectors went. Draws were sent by lot, so their figures, weighted by the chance
to be drawn and looked at on site, are those of everybody who had one; whoever had none (π = 0) is not spoken for, and
counted.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from evaluation import charts, reach, slices
from evaluation.assessment import DrawMaterial
from evaluation.backtest import Discrimination, Scored, discriminate
from evaluation.case import Case
from evaluation.draws import CLASSES, Draws, problems
from evaluation.metrics import Floats, Interval, proportion
from evaluation.population import Population
from evaluation.reach import WITHOUT, Reach
from evaluation.replay import sampled, scored_by
from evaluation.shown import Cell, Content, Shown, Table, Value, Words, count, measured, shared, table
from evaluation.slices import LOOKED_AT, WATCHED, Parted, Slices, parts_of, quintiles
from features.dimensions import read_dimensions
from training.cohort import HEADLINE
from training.cutoffs import Classes
from training.draws import FEWEST_DRAWS

FEWEST_PROBLEMS = 30
ASKED: Words = (
    "“记录”数的是被查实的违法，受检查去向影响；“随机抽查”只用双随机现场检查，区间按抽样设计。"
    "同时在几个抽查计划中的主体按各计划分别加权，计入不止一次。类别均为规则前的模型类别。",
    "Records tell of violations that were found, which follows where inspectors went; random draws are on-site ones "
    "only, with design-based intervals; whoever is in several plans counts in each. Classes are the model's, before "
    "rules.",
)
LOOKS = {
    "naive": ("记录（依检查去向）", "records (where inspectors went)"),
    "drawn": ("随机抽查", "random draws"),
}


@dataclass(frozen=True)
class ClassRate:
    """How often something was found in one class, with a 95 % interval."""

    n: int
    rate: float | None
    interval: Interval | None


@dataclass(frozen=True)
class Look:
    """One way to look: how well the order holds, what was found in each class, and among parts of those looked at."""

    found: Discrimination
    classes: Mapping[str, ClassRate]
    parts: Mapping[str, Slices]


def study(
    case: Case, then: Population, drawn: DrawMaterial, volumes: Mapping[str, float], rng: np.random.Generator
) -> Shown:
    """Both looks at the test pairs and at the draws of the year after, and how many the draws do not speak for.

    ``then`` is the population of the last test date. Off-site draws are left out: they find less and are never pooled.
    """
    naive = _naive(case, volumes, rng)
    seen = _drawn(case, drawn, volumes, rng)
    spoken_for, planned = reach.reach(case, then, drawn.draws), _planned(drawn.draws)
    words = (ASKED, _of_place(planned), reach.told(spoken_for))
    return Shown(
        code="twice",
        title=("两种观察并列", "Every figure twice"),
        question=("".join(one[0] for one in words), " ".join(one[1] for one in words)),
        tables=(_orders(naive, seen), _classes(naive, seen, spoken_for), *_parts(naive, seen)),
        pictures=(_picture(naive, seen),),
        figures={
            "naive": asdict(naive),
            "drawn": asdict(seen),
            "without_chance": asdict(spoken_for),
            "on_site_chance": planned,
        },
        judged={"EV043": _upper(seen.found)},
    )


def _upper(found: Discrimination) -> tuple[Value, ...]:
    """The most the AUC on draws may be: the order is not shown to be wrong where that reaches a half.

    Not judged with fewer problems than ``FEWEST_PROBLEMS``: a bootstrap of a handful is too narrow.
    """
    interval = found.auc_interval
    if interval is None or found.n_pos < FEWEST_PROBLEMS:
        return ()
    return (Value("all", interval[1], interval),)


def _naive(case: Case, volumes: Mapping[str, float], rng: np.random.Generator) -> Look:
    scored, chosen = case.headline, case.sample.chosen("test")
    pairs, kind = case.sample.pairs.filter(pa.array(chosen)), scored.kind.astype(np.int8)
    risk_class = case.scheme.raw_classes(scored.probability, kind)
    parted = _parted(case, pairs, kind, lambda code: case.sample.column(code)[chosen])
    if case.task.outcome.looked_at:
        parted[LOOKED_AT] = WATCHED, quintiles(case.watching.chances(case.tested_with), scored.weight)
    rates = {name: _rate(scored.where(risk_class == place)) for place, name in enumerate(CLASSES)}
    return Look(discriminate(scored, volumes, rng), rates, _slices(scored, risk_class, parted))


def _rate(scored: Scored) -> ClassRate:
    if not len(scored.outcome):
        return ClassRate(0, None, None)
    found = proportion(scored.outcome, weights=scored.weight, entities=scored.entity)
    return ClassRate(len(scored.outcome), found.share, found.interval)


def _slices(scored: Scored, risk_class: Classes, parted: Mapping[str, tuple[Any, Parted]]) -> dict[str, Slices]:
    return {code: slices.study(scored, risk_class, label, parts) for code, (label, parts) in parted.items()}


def _parted(case: Case, pairs: pa.Table, kind: Any, column: Any) -> dict[str, tuple[Any, Parted]]:
    dimensions = read_dimensions(case.task.profile)
    return {one.code: (one.label, parts_of(case.task, one, pairs, kind, column)) for one in dimensions}


def _drawn(case: Case, drawn: DrawMaterial, volumes: Mapping[str, float], rng: np.random.Generator) -> Look:
    """The draws on site with an answer and a chance, each as a pair of its entity and the last test date."""
    problem, draws = problems(drawn.draws, drawn.rule), drawn.draws
    usable = draws.onsite & (problem >= 0) & draws.weighed & (draws.risk_class >= 0)
    pairs = _as_pairs(case, draws.where(usable), problem[usable])
    with sampled(case.task, pairs) as sample:
        chosen = sample.chosen("test")
        rows, own = sample.rows("test"), sample.pairs.filter(pa.array(chosen))
        scored = scored_by(case.scheme, rows, own)
        parted = _parted(case, own, rows.kind, lambda code: sample.column(code)[chosen])
        if case.task.outcome.looked_at and len(rows.kind):
            parted[LOOKED_AT] = WATCHED, quintiles(case.watching.chances(rows), scored.weight)
    risk_class = case.scheme.raw_classes(scored.probability, rows.kind)
    rates = {name: _rate(scored.where(risk_class == place)) for place, name in enumerate(CLASSES)}
    return Look(discriminate(scored, volumes, rng), rates, _uncalibrated(_slices(scored, risk_class, parted)))


def _as_pairs(case: Case, draws: Draws, problem: Floats) -> pa.Table:
    order = np.argsort(draws.entity, kind="stable")
    return pa.table(
        {
            "pair": pa.array(np.arange(len(order)), pa.int64()),
            "entity": pa.array(draws.entity[order], pa.int32()),
            "as_of": pa.array([case.tested_on] * len(order), pa.date32()),
            "s": pa.array(draws.chance[order]),
            "stratum": pa.array([HEADLINE] * len(order), pa.string()),
            "part": pa.array(["test"] * len(order), pa.string()),
            "label": pa.array(problem[order].astype(np.int8)),
        }
    )


def _uncalibrated(parts: Mapping[str, Slices]) -> dict[str, Slices]:
    """Without observed over expected: a probability is of being found in the records, not of a problem on a draw."""
    return {
        code: replace(found, parts=tuple(replace(part, o_e=None, o_e_interval=None) for part in found.parts))
        for code, found in parts.items()
    }


def _planned(draws: Draws) -> dict[str, int]:
    """How many draws on site have the chance of being made there from the plan, and how many as observed."""
    own = draws.planned[draws.onsite & draws.weighed]
    return {"planned": int(own.sum()), "observed": int((~own).sum())}


def _of_place(planned: Mapping[str, int]) -> Words:
    """Where the chance to be looked at on site, once drawn, was taken from."""
    told, observed = planned["planned"], planned["observed"]
    return (
        "权重为“被抽中概率 × 抽中后现场检查概率”的倒数。后者："
        f"{told} 次取自抽查计划中抽取时类别的比例；{observed} 次因未记载抽取时类别、无计划或实际未按计划，"
        f"取同一抽样层、同一抽取时类别中现场检查的实际占比（不足 {FEWEST_DRAWS} 次的层合并）。",
        "Weights are the inverse of the chance to be drawn and, once drawn, to be looked at on site. The second is the "
        f"plan's for the class used to draw for {told} draws; for {observed} no such class is recorded, nothing was "
        "planned or the plan was not kept: there the share observed among draws of the same stratum and class used "
        f"stands in (strata of fewer than {FEWEST_DRAWS} draws together).",
    )


def _orders(naive: Look, drawn: Look) -> Table:
    rows: list[list[Content]] = []
    for name, look in (("naive", naive), ("drawn", drawn)):
        found = look.found
        row: list[Content] = [LOOKS[name], count(found.n), count(found.n_pos), shared(found.rate)]
        row += [measured(found.auc, found.auc_interval), measured(found.ap, found.ap_interval)]
        rows.append([*row, *(_volume(found, one.name) for one in naive.found.volumes)])
    volumes = [(f"{one.name} {one.share:.1%}",) * 2 for one in naive.found.volumes]
    return table(
        ("排序能力：记录与随机抽查（C、D 各列：发现份额，小字为提升倍数与精度）",
         "How well the order holds: records and draws (by volume: share found; below it lift and precision)"),
        [("观察", "look"), ("样本", "rows"), ("阳性", "positives"), ("发生率", "rate"), ("AUC", "AUC"),
         ("平均精度", "average precision"), *volumes],
        rows,
    )  # fmt: skip


def _volume(found: Discrimination, name: str) -> Cell:
    own = next((one for one in found.volumes if one.name == name), None)
    if own is None or own.lift is None or found.rate is None:
        return Cell(("–", "–"))
    return Cell(shared(own.capture).text, f"×{own.lift:.2f}, {own.lift * found.rate:.1%}")


def _classes(naive: Look, drawn: Look, spoken_for: Reach) -> Table:
    rows: list[list[Content]] = []
    for name in CLASSES:
        cells: list[Content] = [name]
        for look in (naive, drawn):
            one = look.classes[name]
            cells += [count(one.n), shared(one.rate, one.interval)]
        rows.append([*cells, shared(spoken_for.by_class[name])])
    return table(
        ("各类别的发生率与随机抽查问题率", "Rates by class: the outcome in the records, problems on draws"),
        [("类别", "class"), ("样本", "pairs"), ("被查实的发生率", "outcome in records"), ("抽查次数", "draws"),
         ("抽查问题率", "problems on draws"), WITHOUT],
        rows,
    )  # fmt: skip


def _picture(naive: Look, drawn: Look) -> str:
    points = [
        ((name, name), [(look.classes[name].rate, look.classes[name].interval) for look in (naive, drawn)])
        for name in CLASSES
    ]
    return charts.compared(points, list(LOOKS.values()), ("各类别：记录与随机抽查", "classes: records and draws"))


def _parts(naive: Look, drawn: Look) -> tuple[Table, ...]:
    """One table a dimension with parts that have draws enough, both looks side by side."""
    found = []
    for code, told in drawn.parts.items():
        ours = {part.value: part for part in naive.parts[code].parts} if code in naive.parts else {}
        rows: list[list[Content]] = []
        for part in told.parts:
            other = ours.get(part.value)
            if part.rate is None or other is None or other.label != part.label:  # thirds of another sample are others
                continue
            cells: list[Content] = [part.label, count(part.n), shared(other.rate), shared(part.rate)]
            for one in (other, part):
                cells += [measured(one.auc), shared(one.false_alarms, one.false_alarms_interval)]
                cells += [shared(one.missed, one.missed_interval)]
            rows.append(cells)
        if rows:
            found.append(table(told.label, _PART_HEAD, rows))
    return tuple(found)


_PART_HEAD = [
    ("组", "part"), ("抽查", "draws"), ("被查实率", "found"), ("抽查问题率", "problems"),
    ("AUC（记录）", "AUC, records"), ("误警（记录）", "false alarms, records"), ("漏警（记录）", "missed, records"),
    ("AUC（抽查）", "AUC, draws"), ("误警（抽查）", "false alarms, draws"), ("漏警（抽查）", "missed, draws"),
]  # fmt: skip
