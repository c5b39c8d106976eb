"""Is the world still the one the scheme was fitted on? Inputs and score of now against those of its fit part."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from evaluation.case import Case
from evaluation.charts import shift_bars
from evaluation.metrics import Floats
from evaluation.population import Population, own_features
from evaluation.shown import Content, Shown, Table, Value, Words, measured, shared, table
from evaluation.stability import psi

SHOWN = 20
NOTICE, STOP = 0.1, 0.25  # the lines of the picture; the gate has its own
INPUTS, SCORE = "EV075", "EV076"


@dataclass(frozen=True)
class Drift:
    """One indicator then and now: how far its distribution moved, and the shares that are null.

    ``own`` is whether it tells of the entity alone; a peer rate moves for a whole industry at once and is not judged.
    """

    code: str
    psi: float
    null_then: float
    null_now: float
    own: bool


def study(case: Case, now: Population) -> Shown:
    """Every feature and the score of everyone now, against the weighted pairs of the fit part."""
    rows, own = case.sample.rows("fit"), own_features(case.task.definitions)
    place = {name: number for number, name in enumerate(now.columns)}
    found = [
        _drift(name, (rows.values[:, place[name]], rows.weight), now.values[:, place[name]], own=name in own)
        for name in case.scheme.features
    ]
    found.sort(key=lambda one: (-one.psi, one.code))
    then = case.scheme.probabilities(case.scheme.margins(rows.values, rows.kind), rows.kind)
    score = psi(then, now.probability, weights=rows.weight)
    dates = case.scheme.training["as_of"]["fit"]
    names = {one.code: (one.label, one.label_en) for one in case.task.definitions.indicators}
    judged = [one for one in found if one.own][:1]
    return Shown(
        code="drift",
        title=("输入与概率的漂移", "Drift of inputs and score"),
        question=(
            f"{now.as_of} 全体主体与训练样本（{dates[0]} 至 {dates[-1]}，加权）比较。"
            "同行业比率整体移动，列出而不作判断。",
            f"Everyone on {now.as_of} against the weighted pairs fitted on ({dates[0]} to {dates[-1]}). Peer rates "
            "move for whole industries at once: shown, not judged.",
        ),
        tables=(_table(found[:SHOWN], names, score),),
        pictures=(_picture(found[:SHOWN], names, score),),
        figures={"score": score, "features": [asdict(one) for one in found]},
        judged={
            INPUTS: tuple(Value(one.code, one.psi) for one in judged),
            SCORE: (Value("all", score),),
        },
    )


def _drift(code: str, then: tuple[Floats, Floats], now: Floats, *, own: bool) -> Drift:
    values, weights = then
    null_then = float(np.average(np.isnan(values), weights=weights))
    return Drift(code, psi(values, now, weights=weights), null_then, float(np.isnan(now).mean()), own)


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
    return shift_bars(rows, ("与训练时相比的稳定性指数", "stability indices since training"), notice=NOTICE, stop=STOP)
