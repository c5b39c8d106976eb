"""Which reasons would be told twice as often as before, half as often, or no longer: what people will notice first."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from evaluation.case import Case
from evaluation.charts import compared
from evaluation.metrics import Floats
from evaluation.population import Population
from evaluation.shown import Content, Shown, Table, Words, shared, table
from training.reasons import select
from training.scheme import Scheme

LEAST = 0.002  # share of entities below which a reason is too rare for its frequency to mean anything
TIMES = 2.0
PICTURED = 15


@dataclass(frozen=True)
class Told:
    """How often an indicator is a reason, among everybody looked at: before and now."""

    code: str
    before: float
    now: float

    @property
    def moved(self) -> bool:
        """Whether it doubled, halved, came or vanished."""
        low, high = sorted((self.before, self.now))
        return high >= LEAST and high >= TIMES * low


def study(case: Case, months: tuple[Population, Population]) -> Shown:
    """Reasons of two months (entities whose values are kept), the earlier under the champion where it stands there.

    Candidates by contributions; whether records can be cited is not asked here.
    """
    before, now = months
    old = case.champion if case.champion is not None and case.champion.digest == before.scheme else case.scheme
    was, is_ = (_frequencies(case, scheme, one) for scheme, one in ((old, before), (case.scheme, now)))
    codes = case.task.definitions.codes
    found = [Told(code, float(was[place]), float(is_[place])) for place, code in enumerate(codes)]
    moved = sorted((one for one in found if one.moved), key=lambda one: (-abs(one.now - one.before), one.code))
    often = sorted((one for one in found if one.now), key=lambda one: (-one.now, one.code))[:PICTURED]
    names = {one.code: (one.label, one.label_en) for one in case.task.definitions.indicators}
    points = [(names[one.code], [(one.before, None), (one.now, None)]) for one in often]
    series: list[Words] = [("此前", "before"), ("现在", "now")]
    return Shown(
        code="reasons",
        title=("原因出现频率的变化", "How often reasons are told"),
        question=(
            "各指标作为原因出现的主体占比，与此前相比。加倍、减半、新增或消失者最先被经办人员察觉，须能说明缘由。",
            "The share of entities for whom an indicator is a reason, before and now. What doubled, halved, came or "
            "vanished is what officers notice first; somebody must be able to say why.",
        ),
        tables=(_table("频率加倍、减半、新增或消失的原因", "Doubled, halved, come or vanished", moved, names),
                _table("最常见的原因", "Told most often", often, names)),
        pictures=(compared(points, series, ("最常见的原因", "told most often")),) if points else (),
        figures={"told": [asdict(one) for one in often], "moved": [asdict(one) for one in moved]},
    )  # fmt: skip


def _frequencies(case: Case, scheme: Scheme, month: Population) -> Floats:
    """The share of entities that would be told each indicator (columns as the definitions) as a reason."""
    definitions = case.task.definitions
    if not len(month.values):
        return np.zeros(len(definitions.codes))
    lines = scheme.contributions(month.values, month.values_kind, bulk=True)
    kinds = (month.values_kind, case.task.profile.kind_codes)
    chosen = select(definitions, month.values, lines, kind=kinds).place
    counted = np.bincount(chosen[chosen >= 0].astype(np.int64), minlength=len(definitions.codes))
    return np.asarray(counted / len(month.values), np.float64)


def _table(zh: str, en: str, rows: Sequence[Told], names: dict[str, Words]) -> Table:
    cells: list[list[Content]] = [[names[one.code], shared(one.before), shared(one.now)] for one in rows]
    return table((zh, en), [("指标", "indicator"), ("此前", "before"), ("现在", "now")], cells)
