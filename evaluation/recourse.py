"""What those called risky can do about it: how many have no way to a safer class, and whether ways keep their promise.

Of class C and D, as cutoffs and rules say it, some of every kind and class are asked for every way their own acts open
(``training.counterfactual``). Every way found is then applied once more, apart and on another engine; one that does not
reach the class it promises, or touches what no act names, is a fault of the program and stops a promotion.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluation import charts
from evaluation.metrics import Interval, wilson
from evaluation.population import Population
from evaluation.replay import batch_of
from evaluation.shown import Shown, Table, Value, Words, count, shared, table
from features.engine import Engine
from features.profile import Profile
from features.reading import Reading
from training.acts import Act, read_acts
from training.cohort import uniform
from training.counterfactual import Asked, Recourse, Way, tried_again, ways
from training.cutoffs import RiskClass
from training.scheme import Scheme
from training.supposed import Case
from training.task import Task

Keys = npt.NDArray[np.int64]

CODE, CHECK = "recourse", "EV064"
MOST = 600  # entities asked, as many of every kind and class as there is room for
ORDER = "recourse"  # the seed they are drawn by
RISKY = (RiskClass.C, RiskClass.D)
TITLE: Words = ("怎样会改变分类", "What would change the class")
QUESTION: Words = (
    "抽取的C、D类主体（按分界值和规则，不计平稳性）能否靠自身可为之事到达较低风险类别：每一种可为之事的组合（至多三件）都写成假设的记录，"
    "经指标计算后重新分类。撤销、修复、登记事实不在其内；同类对比和关联主体的指标保持不变。无路可走的占比不是越低越好：严重违法的后果不应由补报年报抵消。",
    "Can sampled entities of class C and D (by cutoffs and rules, without steadiness) reach a safer class by what they "
    "can do themselves? Every set of at most three acts is written as hypothetical records, the indicators are worked "
    "out anew and the class with them. Annulment, repair and facts of registration are left out; what looks at peers "
    "and neighbours is held. Fewer without recourse is not simply better: a late report should not undo a grave "
    "violation.",
)
NO_ACTS: Words = (
    "本地未列出主体自身可为之事（acts.yaml），未作研究。",
    "This place lists nothing an entity can do itself (acts.yaml); nothing was studied.",
)


@dataclass(frozen=True)
class Part:
    """Recourse of one kind and class: how many there are, were asked, have nothing to do, and find no way.

    Of those without recourse, ``with_more`` would reach a safer class by doing all they can, which is more than three
    acts, and ``by_rule`` are kept where they are by a direct-determination rule, whatever the probability. ``reached``
    is the share of the asked that the best way brings to each class; their own where there is none.
    """

    kind: str
    risk_class: str
    entities: int
    asked: int
    idle: int
    without: int
    with_more: int
    by_rule: int
    share: float | None
    interval: Interval | None
    reached: Mapping[str, float]


@dataclass(frozen=True)
class Use:
    """One act among the asked: how many could do it, for how many it is in the best way, or in any, or backfires.

    It backfires where done alone it raises the probability: an indicator then asks for something else than the law.
    """

    code: str
    could: int
    best: int
    any: int
    backfires: int


@dataclass(frozen=True)
class Held:
    """What came of applying every way once more: how many there are, reach their class, touch what no act names."""

    ways: int
    reach: int
    astray: int

    @property
    def judged(self) -> tuple[Value, ...]:
        """The two shares that must be 1; null where there was no way to apply."""
        shares = {"reached": self.reach, "untouched": self.ways - self.astray}
        return tuple(Value(name, number / self.ways if self.ways else None) for name, number in shares.items())


def study(task: Task, scheme: Scheme, population: Population, *, most: int = MOST) -> Shown:
    """Recourse of those of class C and D on the population's date, and whether every way found holds.

    ``population`` is everyone as the scheme classifies them (``evaluation.population.classified``) on the task's lake
    and definitions, which must be those the scheme was trained on. Where a profile lists no acts there is nothing to
    study, and the study says so.
    """
    reading = Reading(task.lake, Engine(task.engine))
    acts = read_acts(task.profile, reading.types)
    if not acts:
        return Shown(CODE, TITLE, NO_ACTS, judged={CHECK: ()})
    entities, numbers = drawn(task, population, most)
    asked = Asked(task.definitions, acts, batch_of(task, entities.astype(np.int32), population.as_of))
    found = ways(reading, scheme, asked)
    parts = [
        part(scheme.kinds[key[0]], key[1], number, [one for one in found if (one.kind, one.risk_class) == key])
        for key, number in numbers.items()
    ]
    uses, held = [use(act.code, found) for act in acts], applied_again(reading, scheme, asked, found)
    return Shown(
        code=CODE,
        title=TITLE,
        question=QUESTION,
        tables=(_parts_table(task.profile, parts), _uses_table(acts, uses), _held_table(held)),
        pictures=(_picture(task.profile, parts),) if parts else (),
        figures={
            "as_of": population.as_of.isoformat(),
            "parts": [asdict(one) for one in parts],
            "acts": [asdict(one) for one in uses],
            "held": asdict(held),
            "more_than_could_be_tried": sum(one.left_out > 0 for one in found),
        },
        judged={CHECK: held.judged},
    )


def drawn(task: Task, population: Population, most: int) -> tuple[Keys, dict[tuple[int, RiskClass], int]]:
    """Entities asked, by key, and how many there are of every kind and class; a keyed hash of the code draws them."""
    risk = np.maximum(population.raw_class, population.ruled)
    codes = task.lake.register()["code"].take(pa.array(population.entity, pa.int32())).to_pylist()
    named = [code or str(key) for code, key in zip(codes, population.entity.tolist(), strict=True)]
    order = np.argsort(uniform(ORDER, named, population.as_of), kind="stable")
    masks = {
        (kind, wanted): population.counted & (population.kind == kind) & (risk == wanted)
        for kind in range(len(task.profile.kind_codes))
        for wanted in RISKY
    }
    numbers = {key: int(mask.sum()) for key, mask in masks.items() if mask.any()}
    rooms = (room for room in range(most, 0, -1) if sum(min(room, one) for one in numbers.values()) <= most)
    room = next(rooms, 0)  # small parts are asked whole, the others share what is left
    chosen = [population.entity[order[masks[key][order]][:room]] for key in numbers]
    return np.sort(np.concatenate([np.empty(0, np.int32), *chosen])).astype(np.int64), numbers


def applied_again(reading: Reading, scheme: Scheme, asked: Asked, found: Sequence[Recourse]) -> Held:
    """Every way found, applied once more."""
    cases = [Case(one.entity, way.switches) for one in found for way in one.ways]
    if not cases:
        return Held(0, 0, 0)
    again = tried_again(reading, scheme, asked, cases)
    promised = np.array([way.risk_class for one in found for way in one.ways], np.int8)
    return Held(len(cases), int((again.classes == promised).sum()), again.astray)


def part(kind: str, risk_class: RiskClass, entities: int, asked: Sequence[Recourse]) -> Part:
    """The figures of one kind and class."""
    without, number = sum(one.without_recourse for one in asked), max(1, len(asked))
    reached = Counter(one.ways[0].risk_class if one.ways else one.risk_class for one in asked)
    return Part(
        kind=kind,
        risk_class=risk_class.name,
        entities=entities,
        asked=len(asked),
        idle=sum(not one.switches for one in asked),
        without=without,
        with_more=sum(one.without_recourse and one.all_done.risk_class < one.risk_class for one in asked),
        by_rule=sum(one.without_recourse and one.ruled == one.risk_class for one in asked),
        share=without / number if asked else None,
        interval=wilson(without / number, len(asked)) if asked else None,
        reached={risk.name: reached[risk] / number for risk in RiskClass},
    )


def use(code: str, found: Sequence[Recourse]) -> Use:
    """How much one act is used among the asked."""
    alone = {
        one.entity
        for one in found
        for way in one.tried
        if [switch.act for switch in way.switches] == [code] and way.probability > one.probability
    }
    return Use(
        code=code,
        could=sum(any(switch.act == code for switch in one.switches) for one in found),
        best=sum(_has(one.ways[:1], code) for one in found),
        any=sum(_has(one.ways, code) for one in found),
        backfires=len(alone),
    )


def _has(listed: Sequence[Way], code: str) -> bool:
    return any(switch.act == code for way in listed for switch in way.switches)


def _kind(profile: Profile, code: str) -> Words:
    return next((one.label, one.label_en) for one in profile.kinds if one.code == code)


def _parts_table(profile: Profile, parts: Sequence[Part]) -> Table:
    return table(
        ("C、D类主体有无出路", "Recourse of class C and D"),
        [
            ("主体类型", "kind"),
            ("类别", "class"),
            ("主体数", "entities"),
            ("抽取数", "asked"),
            ("没有可为之事", "nothing to do"),
            ("无路可走占比", "share without recourse"),
            ("其中多于三件可及", "of these with more than three acts"),
            ("其中规则直接判定", "of these by a rule"),
        ],
        [
            (
                _kind(profile, one.kind),
                one.risk_class,
                count(one.entities),
                count(one.asked),
                count(one.idle),
                shared(one.share, one.interval),
                count(one.with_more),
                count(one.by_rule),
            )
            for one in parts
        ],
    )


def _uses_table(acts: Sequence[Act], uses: Sequence[Use]) -> Table:
    labels = {act.code: (act.label, act.label_en) for act in acts}
    return table(
        ("哪些事最有用", "Which acts help most"),
        [
            ("可为之事", "act"),
            ("可做的主体", "could"),
            ("在最佳组合中", "in the best way"),
            ("在任一组合中", "in any way"),
            ("单独做反而升高概率", "alone raises the probability"),
        ],
        [
            (labels[one.code], count(one.could), count(one.best), count(one.any), count(one.backfires))
            for one in sorted(uses, key=lambda one: (-one.best, -one.any, -one.could))
            if one.could
        ],
    )


def _held_table(held: Held) -> Table:
    rows: list[tuple[Words, str]] = [
        (("找到的组合", "ways found"), count(held.ways)),
        (("再次经指标计算后到达所称类别", "reach the class they promise when applied once more"), count(held.reach)),
        (("触及未列明的字段或记录", "touch a field or record no act names"), count(held.astray)),
    ]
    return table(("逐一复核", "Every way applied once more"), [("复核", "check"), ("数量", "number")], rows)


def _picture(profile: Profile, parts: Sequence[Part]) -> str:
    bars = []
    for one in parts:
        zh, en = _kind(profile, one.kind)
        bars.append(((f"{zh} {one.risk_class}类", f"{en}, {one.risk_class}"), one.reached))
    return charts.class_shares(bars, ("最佳组合之后的类别", "class after the best way"))
