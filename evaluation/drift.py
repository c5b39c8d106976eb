"""Is the world still the one the scheme was fitted on? Inputs and score of now against those of its fit part."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from evaluation.case import Case
from evaluation.charts import shift_bars
from evaluation.metrics import Floats
from evaluation.population import Population
from evaluation.shown import Content, Shown, Table, Value, Words, measured, shared, table
from evaluation.stability import psi

SHOWN = 20
MOST = 1.0  # PSI at which a bar of the picture ends
NOTICE, STOP = 0.1, 0.25  # the lines of the picture; the gate has its own
SCORE = "EV075"


@dataclass(frozen=True)
class Drift:
    """One indicator then and now: how far its distribution moved, and the shares that are null."""

    code: str
    psi: float
    null_then: float
    null_now: float


def study(case: Case, now: Population) -> Shown:
    """Every feature and the score of everyone now, against the weighted pairs of the fit part."""
    rows = case.fitted_on
    counted = np.isin(now.values_entity, now.entity[now.counted])  # those a rule decides for were never fitted on
    values = now.values[counted]
    place = {name: number for number, name in enumerate(now.columns)}
    found = [
        _drift(name, (rows.values[:, place[name]], rows.weight), values[:, place[name]])
        for name in case.scheme.features
    ]
    found.sort(key=lambda one: (-one.psi, one.code))
    then = case.scheme.probabilities(case.scheme.margins(rows.values, rows.kind), rows.kind)
    score = psi(then, now.probability[now.counted], weights=rows.weight)
    dates = case.scheme.training["as_of"]["fit"]
    names = {one.code: (one.label, one.label_en) for one in case.task.definitions.indicators}
    return Shown(
        code="drift",
        title=("输入与概率的漂移", "Drift of inputs and score"),
        question=(
            f"{now.as_of} 全体主体与训练样本（{dates[0]} 至 {dates[-1]}，加权）比较。"
            "归集起点之前的缺失、同行业比率的整体移动也计入，故指标只列出，不作判断；概率的漂移由闸门判断。",
            f"Everyone on {now.as_of} against the weighted pairs fitted on ({dates[0]} to {dates[-1]}). Values "
            "from before a source was collected and rates of whole industries move too, so indicators are shown and "
            "not judged; the gate looks at the drift of the probability.",
        ),
        tables=(_table(found[:SHOWN], names, score),),
        pictures=(_picture(found[:SHOWN], names, score),),
        figures={"score": score, "features": [asdict(one) for one in found]},
        judged={SCORE: (Value("all", score),)},
    )


def _drift(code: str, then: tuple[Floats, Floats], now: Floats) -> Drift:
    values, weights = then
    null_then = float(np.average(np.isnan(values), weights=weights))
    return Drift(code, psi(values, now, weights=weights), null_then, float(np.isnan(now).mean()))


def _table(found: Sequence[Drift], names: Mapping[str, Words], score: float) -> Table:
    rows: list[list[Content]] = [[("概率", "probability"), measured(score), "–", "–"]]
    rows += [
        [names.get(one.code, (one.code, one.code)), measured(one.psi), shared(one.null_then), shared(one.null_now)]
        for one in found
    ]
    return table(
        ("漂移最大的指标", "Indicators that drifted most"),
        [("列", "column"), ("PSI", "PSI"), ("训练时缺失", "null then"), ("现在缺失", "null now")],
        rows,
    )


def _picture(found: Sequence[Drift], names: Mapping[str, Words], score: float) -> str:
    rows: list[tuple[Words, float]] = [(("概率", "probability"), score)]
    rows += [(names.get(one.code, (one.code, one.code)), one.psi) for one in found]
    name = ("与训练时相比的稳定性指数", "stability indices since training")
    return shift_bars(rows, name, notice=NOTICE, stop=STOP, most=MOST)
