"""Where one class ends and the next begins, what that gave, and whether probabilities hold within each class."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from evaluation.backtest import Scored
from evaluation.case import Case
from evaluation.charts import compared
from evaluation.metrics import Interval, observed_expected
from evaluation.population import Population, shares
from evaluation.shown import Cell, Content, Shown, Table, Words, count, measured, percent, share, share_band, table
from evaluation.slices import FEWEST
from training.cutoffs import RiskClass, class_shares

ALL = "all"
NAMES = tuple(risk.name for risk in RiskClass)
EVERY: Words = ("全部", "all")


@dataclass(frozen=True)
class Given:
    """One class of one kind: its probabilities from ``low`` to below ``high``, the share wanted, and shares it got.

    ``chosen`` is the share the cutoffs gave after rules when they were chosen; of the month looked at, ``cut`` is what
    they alone give, ``model`` the same after steadiness, ``final`` after rules.
    """

    kind: str
    risk: str
    low: float
    high: float
    target: float
    guard: Interval | None
    chosen: float
    cut: float
    model: float
    final: float


@dataclass(frozen=True)
class Held:
    """Test pairs of one class by the cutoffs: what was expected and seen; null below ``FEWEST`` pairs."""

    kind: str
    risk: str
    n: int
    n_pos: int
    expected: float | None = None
    rate: float | None = None
    o_e: float | None = None
    o_e_interval: Interval | None = None


def study(case: Case, now: Population) -> Shown:
    """The cutoffs of every kind and their shares in a month, and calibration by class of the headline test pairs."""
    scored = case.headline
    given = cutoffs(case, now)
    risk = case.scheme.raw_classes(scored.probability, scored.kind.astype(np.int8))
    held = calibrated(scored, risk, case.scheme.kinds)
    words = {ALL: EVERY, **case.kind_words}
    figures: dict[str, Any] = {"cutoffs": [asdict(one) for one in given], "calibration": [asdict(one) for one in held]}
    return Shown(
        code="by_class",
        title=("分界值与分类别校准", "Cutoffs, and calibration by class"),
        question=(
            "分界值按类型在训练的参照月选定，使规则后的占比合于目标，此后不逐月调整。"
            f"所得占比为 {now.as_of} 的主体，另列者不计。校准用测试样本，类别仅按分界值（规则前），与按类型的校准对照；"
            f"少于 {FEWEST} 个样本的只计数、不作判断。",
            "Cutoffs are chosen per kind on the reference month of the training, for shares wanted after rules, and "
            f"held from then on; shares are of {now.as_of}, without those that stand apart. Calibration is of test "
            "pairs in the class the cutoffs alone say, beside that of the whole kind; fewer than "
            f"{FEWEST} pairs are counted and not judged.",
        ),
        tables=(_cutoffs_table(given, words), _calibration_table(held, words)),
        pictures=_pictures(held),
        figures=figures,
    )


def cutoffs(case: Case, now: Population) -> tuple[Given, ...]:
    """The bounds of every class of every kind, the shares wanted and those given."""
    wanted, chosen = shares(now, case.task.profile), case.scheme.training["shares"]
    found = []
    for number, kind in enumerate(case.scheme.kinds):
        part = wanted[kind]
        alone = class_shares(now.raw_class[now.counted & (now.kind == number)])
        bounds = [0.0, *case.scheme.parts[kind].cutoffs.bounds.tolist(), 1.0]
        for risk, name in enumerate(NAMES):
            got = (chosen[kind][name], alone[name], part.model_shares[name], part.shares[name])
            stated = (bounds[risk], bounds[risk + 1], part.target[name], part.guard.get(name))
            found.append(Given(kind, name, *stated, *got))
    return tuple(found)


def calibrated(scored: Scored, risk: np.ndarray[Any, np.dtype[np.int8]], kinds: Sequence[str]) -> tuple[Held, ...]:
    """Observed over expected of everyone and of every kind: whole, and class by class."""
    every = np.ones(len(risk), np.bool_)
    found = []
    for kind, own in ((ALL, every), *((kind, scored.kind == number) for number, kind in enumerate(kinds))):
        for name, rows in ((ALL, own), *((name, own & (risk == number)) for number, name in enumerate(NAMES))):
            found.append(_held(kind, name, scored.where(rows)))
    return tuple(found)


def _held(kind: str, risk: str, rows: Scored) -> Held:
    n, n_pos = len(rows.outcome), int(rows.outcome.sum())
    if n < FEWEST:
        return Held(kind, risk, n, n_pos)
    o_e, interval = observed_expected(rows.probability, rows.outcome, weights=rows.weight, entities=rows.entity)
    expected, rate = (float(np.average(one, weights=rows.weight)) for one in (rows.probability, rows.outcome))
    return Held(kind, risk, n, n_pos, expected, rate, o_e, interval)


def _cutoffs_table(given: Sequence[Given], words: Mapping[str, Words]) -> Table:
    rows: list[list[Content]] = []
    for one in given:
        target = Cell((share(one.target),) * 2, share_band(one.guard))
        got = [share(value) for value in (one.chosen, one.cut, one.model, one.final)]
        rows.append([words[one.kind], one.risk, _bounds(one), target, *got])
    head: list[Words] = [
        ("类型", "kind"),
        ("类别", "class"),
        ("概率", "probability"),
        ("目标（警戒带）", "target (guard)"),
    ]
    head += [("选定时", "when chosen"), ("仅按分界值", "by cutoffs alone"), ("模型类别", "model's class")]
    return table(
        ("分界值、目标占比与所得占比", "Cutoffs, shares wanted and shares given"),
        [*head, ("最终类别", "final class")],
        rows,
    )


def _bounds(one: Given) -> str:
    if one.high <= one.low:
        return "–"  # a class without room: two cutoffs are one
    if one.risk == NAMES[0]:
        return f"< {percent(one.high, 2)}"
    if one.risk == NAMES[-1]:
        return f"≥ {percent(one.low, 2)}"
    return f"{percent(one.low, 2)} – {percent(one.high, 2)}"


def _calibration_table(held: Sequence[Held], words: Mapping[str, Words]) -> Table:
    rows: list[list[Content]] = []
    for one in held:
        name: Content = EVERY if one.risk == ALL else one.risk
        few: Words = ("样本过少，不作判断", "too few pairs, not judged")
        ratio: Content = few if one.n < FEWEST else measured(one.o_e, one.o_e_interval)
        figures = [share(value, 2) for value in (one.expected, one.rate)]
        rows.append([words[one.kind], name, count(one.n), count(one.n_pos), *figures, ratio])
    head: list[Words] = [("类型", "kind"), ("类别", "class"), ("样本", "pairs"), ("阳性", "positives")]
    head += [("预期", "expected"), ("观察", "seen"), ("观察/预期", "observed/expected")]
    return table(("按类型与模型类别的校准", "Calibration by kind and class of the model"), head, rows)


def _pictures(held: Sequence[Held]) -> tuple[str, ...]:
    """Rates seen with their intervals beside those expected, class by class over all kinds; none without any."""
    rows = []
    for one in held:
        if one.kind == ALL and one.risk != ALL and one.expected is not None and one.o_e_interval is not None:
            low, high = (one.expected * bound for bound in one.o_e_interval)
            rows.append(((one.risk,) * 2, [(one.rate, (low, high)), (one.expected, None)]))
    name = ("各类别的预期与实际发生率", "rates expected and seen by class")
    return (compared(rows, (("实际发生率", "seen"), ("预期发生率", "expected")), name),) if rows else ()
