"""Shares of the classes place by place, and those who stand apart: entities a rule decides for, never trained on."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluation.case import Case
from evaluation.charts import class_shares as drawn_shares
from evaluation.metrics import Flags
from evaluation.population import Population
from evaluation.shown import Cell, Content, Shown, Table, Words, count, share, table
from features.dimensions import Dimension, read_dimensions, words_of
from features.matrix import registrations
from training.cutoffs import RiskClass, class_shares

CITY = "city"
NAMES = tuple(risk.name for risk in RiskClass)
UNKNOWN: Words = ("未登记", "not registered")


@dataclass(frozen=True)
class Place:
    """Entities of one place, and the shares of classes after rules and before."""

    code: str
    label: Words
    entities: int
    shares: dict[str, float]
    model_shares: dict[str, float]


def study(case: Case, now: Population) -> Shown:
    """The classes of everyone in the reference month by city, where the profile parts by it, and who is not counted."""
    dimension = next((one for one in read_dimensions(case.task.profile) if one.code == CITY), None)
    places = [] if dimension is None else _places(case, now, dimension)
    apart = _apart(case, now)
    figures: dict[str, Any] = {"places": [asdict(one) for one in places], "apart": apart}
    bars = [(one.label, one.shares) for one in places]
    return Shown(
        code="places",
        title=("各地类别占比与另列主体", "Classes by place, and who stands apart"),
        question=(
            "各地按全省同一分界值分类，占比不同是实际差异，不是配额。吊销未注销等由规则直接判定的主体另列，不计入占比、训练与抽取。",
            "Every place is cut at the same cutoffs; shares that differ are differences, not quotas. Entities a rule "
            "decides for (revoked, not deregistered) stand apart: outside shares, training and draws.",
        ),
        tables=(*((_table(places),) if places else ()), _apart_table(case, apart)),
        pictures=(drawn_shares(bars, ("各地类别占比", "classes by place")),) if bars else (),
        figures=figures,
    )


def _places(case: Case, now: Population, dimension: Dimension) -> list[Place]:
    field = str(dimension.field)
    known = registrations(case.task.lake, as_of=now.as_of, engine=case.task.engine, also=(field,))
    row = pc.index_in(pa.array(now.entity, pa.int32()), known["entity"].combine_chunks().cast(pa.int32()))
    codes = known[field].combine_chunks().cast(pa.string()).take(row).dictionary_encode()
    words = words_of(case.task.profile, field)
    above = {code: (one[1] if dimension.above else code) for code, one in words.items()}
    of_code = np.array([above.get(code, "-") for code in codes.dictionary.to_pylist()] + ["-"])
    place = of_code[pc.fill_null(codes.indices, len(of_code) - 1).to_numpy()]
    found = []
    for code in np.unique(place[now.counted]).tolist():
        label = words[code][0] if code in words else UNKNOWN
        found.append(_place(code, label, now, now.counted & (place == code)))
    return found


def _place(code: str, label: Words, now: Population, own: Flags) -> Place:
    shares, model = class_shares(now.final_class[own]), class_shares(now.model_class[own])
    return Place(code, label, int(own.sum()), shares, model)


def _apart(case: Case, now: Population) -> dict[str, int]:
    """Those not counted, by the class they have, of every kind."""
    apart = ~now.counted
    return {
        f"{kind} {name}": int(number)
        for place, kind in enumerate(case.scheme.kinds)
        for risk, name in enumerate(NAMES)
        if (number := int((apart & (now.kind == place) & (now.final_class == risk)).sum()))
    }


def _table(places: list[Place]) -> Table:
    rows: list[list[Content]] = []
    for one in places:
        cells = [Cell((share(one.shares[name]),) * 2, f"({share(one.model_shares[name])})") for name in NAMES]
        rows.append([one.label, count(one.entities), *cells])
    head: list[Words] = [("地区", "place"), ("主体数", "entities"), *((name, name) for name in NAMES)]
    return table(
        ("各地最终类别占比（括号内为规则前）", "Final class shares by place (before rules in brackets)"), head, rows
    )


def _apart_table(case: Case, apart: dict[str, int]) -> Table:
    rows: list[list[Content]] = []
    for name, number in apart.items():
        kind, risk = name.rsplit(" ", 1)
        rows.append([case.kind_words[kind], risk, count(number)])
    head: list[Words] = [("类型", "kind"), ("类别", "class"), ("主体数", "entities")]
    return table(("另列主体（不计入占比）", "Entities that stand apart, not in any share"), head, rows)
