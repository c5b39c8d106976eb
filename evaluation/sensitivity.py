"""Does the answer hang on how outcomes are counted? The same scheme, the same test pairs, counted otherwise."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from evaluation import charts
from evaluation.backtest import Scored, number
from evaluation.case import Case, pairs_of
from evaluation.metrics import Flags, Integers, Interval, auc, bootstrap, observed_expected, rank
from evaluation.shown import Content, Shown, Table, Words, count, measured, shared, table
from training.cohort import HEADLINE, OPEN_CASE
from training.labels import positives
from training.outcomes import read_outcomes

OBSERVED = timedelta(days=183)  # who left earlier after T was hardly observed
REPLICATES = 200
NEVER = np.datetime64("9999-12-31")
COUNTED: Mapping[str, Words] = {
    "known": ("按首次知悉日（正式口径）", "by the day first known (as trained)"),
    "decided": ("按作出决定日", "by the day decided"),
    "observed": ("剔除六个月内退出而未被查实者", "without those who left within six months, nothing found"),
    "stayed": ("剔除一切退出而未被查实者", "without any who left, nothing found"),
    "stated": ("不计按通常时滞推定知悉日的记录", "without records known by assumption alone"),
    "open_too": ("计入已知在办案件", "with known open cases"),
    "wider": ("计入一切被查实的问题", "any problem found"),
}


@dataclass(frozen=True)
class Counted:
    """The test pairs counted one way: how many have the outcome, how many of the trained way's stay, and how the
    scheme does."""

    code: str
    n: int
    n_pos: int
    rate: float | None
    kept: float | None
    auc: float | None
    auc_interval: Interval | None
    o_e: float | None
    o_e_interval: Interval | None


@dataclass(frozen=True)
class Fate:
    """What came first in the window for entities of one kind: shares that add up to one."""

    kind: str
    n: int
    outcome: float
    exit: float
    neither: float


def study(case: Case, rng: np.random.Generator) -> Shown | None:
    """All ways to count the last test date; None for outcomes given an inspection, which are counted one way only."""
    if case.task.outcome.framing != "detected":
        return None
    ways = _ways(case)
    base = ways["known"]
    found = [_counted(code, scored, base, rng) for code, scored in ways.items()]
    fates = _fates(case, base)
    return Shown(
        code="labels",
        title=("标签口径的敏感性", "How outcomes are counted"),
        question=(
            "同一方案、同一批测试样本，换一种数法。排序能力若随数法大变，说明模型学到的是口径而非违法。"
            "观察/预期只有正式口径应近于 1。",
            "The same scheme and test pairs, counted otherwise. Were the order to change much, the model would have "
            "learnt the counting and not the conduct. Only as trained should observed over expected be near 1.",
        ),
        tables=(_table(found), *((_fate_table(fates, case.kind_words),) if fates else ())),
        pictures=(_picture(found),),
        figures={"counted": [asdict(one) for one in found], "fates": [asdict(one) for one in fates]},
    )


def _ways(case: Case) -> dict[str, Scored]:
    """The pairs of the last test date by way to count; only ways the profile's outcomes allow."""
    day, outcome, knowledge = case.tested_on, case.task.outcome, case.task.knowledge
    every = case.scored.filter(pa.array(case.scored["as_of"].to_numpy() == np.datetime64(day)))
    base, opened = (pairs_of(every, stratum) for stratum in (HEADLINE, OPEN_CASE))
    decided = positives(knowledge, outcome, as_of=day, by_decision=True)["entity"].to_numpy()
    found = {"known": base, "decided": replace(base, outcome=np.isin(base.entity, decided))}
    stated = positives(replace(knowledge, assumed=False), outcome, as_of=day)["entity"].to_numpy()
    found["stated"] = replace(base, outcome=np.isin(base.entity, stated))
    left = _left(case, day)
    if left is not None:
        early = left[1] <= np.datetime64(day + OBSERVED)
        found["observed"] = base.where(base.outcome | ~np.isin(base.entity, left[0][early]))
        found["stayed"] = base.where(base.outcome | ~np.isin(base.entity, left[0]))
    if len(opened.entity):
        found["open_too"] = together(base, opened)
    if case.task.wider is not None:
        any_of = positives(knowledge, case.task.wider, as_of=day)["entity"].to_numpy()
        found["wider"] = replace(base, outcome=base.outcome | np.isin(base.entity, any_of))
    return found


def together(one: Scored, other: Scored) -> Scored:
    """Two sets of pairs as one."""
    return Scored(**{name: np.concatenate([part, getattr(other, name)]) for name, part in vars(one).items()})


def _left(case: Case, day: date) -> tuple[Integers, np.ndarray] | None:
    """Entities that left within the window and the day it became known; None where nothing competes."""
    if case.task.outcome.competing is None:
        return None
    exit_ = read_outcomes(case.task.profile)[case.task.outcome.competing]
    found = positives(case.task.knowledge, exit_, as_of=day)
    return found["entity"].to_numpy().astype(np.int64), found["first_known"].to_numpy().astype("datetime64[D]")


def _counted(code: str, scored: Scored, base: Scored, rng: np.random.Generator) -> Counted:
    ranking = rank(scored.margin, scored.outcome)
    both = 0 < scored.outcome.sum() < len(scored.outcome)
    (interval,) = (
        bootstrap(
            lambda weights: auc(ranking, weights), scored.entity, rng, weights=scored.weight, replicates=REPLICATES
        )
        if both
        else (None,)
    )
    o_e, o_e_interval = observed_expected(
        scored.probability, scored.outcome, weights=scored.weight, entities=scored.entity
    )
    return Counted(
        code=code,
        n=len(scored.outcome),
        n_pos=int(scored.outcome.sum()),
        rate=float(np.average(scored.outcome, weights=scored.weight)) if len(scored.outcome) else None,
        kept=_kept(base, scored),
        auc=number(auc(ranking, scored.weight)[0]) if both else None,
        auc_interval=interval,
        o_e=o_e,
        o_e_interval=o_e_interval,
    )


def _kept(base: Scored, scored: Scored) -> float | None:
    """The share of those with the outcome as trained who have it when counted this way."""
    had = base.entity[base.outcome]
    return float(np.isin(had, scored.entity[scored.outcome]).mean()) if len(had) else None


def _fates(case: Case, base: Scored) -> list[Fate]:
    """Cumulative incidence at the horizon with exit as competing risk: everyone is followed to its end or their own,
    so that shares are enough (Aalen and Johansen 1978, without censoring)."""
    day, outcome = case.tested_on, case.task.outcome
    left = _left(case, day)
    if left is None:
        return []
    had = positives(case.task.knowledge, outcome, as_of=day)
    found_on = _days(base.entity, had["entity"].to_numpy(), had["first_known"].to_numpy())
    left_on = _days(base.entity, left[0], left[1])
    fates = []
    for place, kind in enumerate(case.scheme.kinds):
        own = base.kind == place
        if own.any():
            fates.append(_fate(kind, base.where(own), found_on[own], left_on[own]))
    return fates


def _days(entity: Integers, keys: np.ndarray, when: np.ndarray) -> np.ndarray:
    """The day of every entity among the keys; ``NEVER`` of all others."""
    day = np.full(len(entity), NEVER)
    if len(keys):
        order = np.argsort(keys)
        place = np.minimum(np.searchsorted(keys[order], entity), len(keys) - 1)
        known = keys[order][place] == entity
        day[known] = when[order][place][known].astype("datetime64[D]")
    return day


def _fate(kind: str, pairs: Scored, found_on: np.ndarray, left_on: np.ndarray) -> Fate:
    first: Flags = pairs.outcome & (found_on <= left_on)
    gone: Flags = ~first & (left_on < found_on)
    shares = [float(np.average(flags, weights=pairs.weight)) for flags in (first, gone, ~first & ~gone)]
    return Fate(kind, len(pairs.outcome), *shares)


def _table(found: Sequence[Counted]) -> Table:
    rows: list[list[Content]] = [
        [
            COUNTED[one.code], count(one.n), count(one.n_pos), shared(one.rate), shared(one.kept),
            measured(one.auc, one.auc_interval), measured(one.o_e, one.o_e_interval),
        ]
        for one in found
    ]  # fmt: skip
    return table(
        ("测试基准日的样本，逐种数法", "Pairs of the last test date, one way to count a row"),
        [("数法", "counted"), ("样本", "pairs"), ("阳性", "positives"), ("发生率", "rate"),
         ("正式口径的阳性仍为阳性", "positives as trained that stay"), ("AUC", "AUC"),
         ("观察/预期", "observed/expected")],
        rows,
    )  # fmt: skip


def _fate_table(fates: Sequence[Fate], kinds: Mapping[str, Words]) -> Table:
    rows: list[list[Content]] = [
        [kinds[one.kind], count(one.n), shared(one.outcome), shared(one.exit), shared(one.neither)] for one in fates
    ]
    return table(
        ("十二个月内先发生者（退出为竞争风险）", "What came first within the window (exit is a competing risk)"),
        [("类型", "kind"), ("样本", "pairs"), ("被查实", "outcome"), ("先退出", "left first"), ("均未发生", "neither")],
        rows,
    )


def _picture(found: Sequence[Counted]) -> str:
    points = [(COUNTED[one.code], [(one.auc, one.auc_interval)]) for one in found]
    return charts.compared(points, [("AUC", "AUC")], ("各种数法的 AUC", "AUC by way to count"))
