"""What the guards against leaks found in a training, guard by guard, as a report shows it."""

from collections.abc import Mapping
from typing import Any

from evaluation.shown import Cell, Shown, Words, count, figure, share, table

SHARES = frozenset({"own_case", "filed_before"})
AT_LEAST = frozenset({"dealt_anew"})
HEAD: tuple[Words, ...] = (
    ("检查", "guard"),
    ("发现", "found"),
    ("总数", "of"),
    ("数值", "value"),
    ("限值", "limit"),
    ("结论", "answer"),
)
ANSWERS: Mapping[bool | None, Words] = {
    True: ("通过", "passed"),
    False: ("未通过", "failed"),
    None: ("不足以判断", "no answer"),
}
GUARDS: Mapping[str, tuple[Words, Words]] = {
    "open_case": (
        ("基准日已知的在办案件", "cases known to be open"),
        (
            "主要样本中，基准日已知有在办案件的（由记录重新查出）",
            "pairs of the headline whose entity had, by the records, a case known at the date to be open",
        ),
    ),
    "own_case": (
        ("基准日已知、已结的本案", "own case known and closed"),
        (
            "阳性样本中，基准日已有记录提到同一案号的（案件已结、决定后知）",
            "pairs with the outcome of whose case, by its number, a record was known at the date",
        ),
    ),
    "filed_before": (
        ("基准日前已立案、尚不知悉", "own case filed, nobody told"),
        (
            "阳性样本中，案件在基准日前已立案、此后才知悉的：立案后的变更可能来自本案",
            "pairs with the outcome whose case had been filed by the date and became known later: "
            "what changed since may be of its making",
        ),
    ),
    "foresight": (
        ("用到未来信息的数值（自身记录）", "cells that know the future (own records)"),
        (
            "在去掉基准日后知悉的一切之后重算，与样本不相等的数值",
            "cells that differ when worked out again where nothing known later exists",
        ),
    ),
    "everyone": (
        ("用到未来信息的数值（同类、关联）", "cells that know the future (peers, neighbours)"),
        (
            "在整个记录库回到基准日之后重算，与样本不相等的数值",
            "cells that differ when worked out again in the whole lake as it stood at the date",
        ),
    ),
    "dealt_anew": (
        ("打乱知悉时间后变化的数值", "cells that notice moments dealt anew"),
        ("检查本身是否有效：至少应有一个", "does the comparison tell anything: at least one must change"),
    ),
    "canary": (
        ("探针记录引起的变化", "cells a canary changes"),
        (
            "为每个样本加入基准日结束时及此后知悉的结果记录，不得改变任何数值",
            "records of the outcome, known when the date has ended and later, may change nothing",
        ),
    ),
    "alone": (
        ("单个指标过强", "an indicator too good alone"),
        (
            "训练部分单个指标的 AUC 超过限值的指标数",
            "indicators whose AUC alone, in the fit part, is above the limit",
        ),
    ),
}
WHY: Mapping[str, Words] = {
    "not_declared": ("结果定义未作声明", "the outcome declares none"),
    "too_few": ("样本过少", "too few pairs"),
    "too_large": ("记录过多，未重算", "too many records to work out again"),
    "nobody_looks": ("没有此类指标", "no indicator looks at others"),
    "nobody_reads": ("没有指标读取此类记录", "no indicator reads such records"),
    "no_specimen": ("记录库中尚无结果记录", "the lake holds no record of the outcome yet"),
    "nothing_later": ("没有后来知悉的记录", "nothing became known later"),
}
TITLE: Words = ("防泄漏检查", "Guards against leaks")
QUESTION: Words = (
    "样本中是否有基准日之后才知道的信息？每次训练都检查；一项不通过即停止训练，不签署方案。",
    "Does the sample know what was not known yet? Asked in every training; one that fails ends it, nothing is signed.",
)


def study(found: Mapping[str, Any]) -> Shown:
    """The findings of a training's ``guards.json`` as a table, one row a guard in their order."""
    rows = [_row(one) for one in found["guards"]]
    return Shown(
        code="guards",
        title=TITLE,
        question=QUESTION,
        tables=(table(TITLE, HEAD, rows),),
        figures={"guards": list(found["guards"]), "settings": dict(found["settings"])},
    )


def _row(one: Mapping[str, Any]) -> list[Cell | Words | str]:
    code = one["code"]
    name, what = GUARDS[code]
    said = share if code in SHARES else figure
    limit = ("≥ " if code in AT_LEAST else "≤ ") + said(one["limit"])
    asked = (f"{name[0]}：{what[0]}", f"{name[1]}: {what[1]}")
    return [
        asked,
        Cell((count(one["found"]),) * 2, _named(one)),
        count(one["of"]),
        said(one["value"]),
        limit,
        _answer(one),
    ]


def _named(one: Mapping[str, Any]) -> str:
    """The indicators a finding names."""
    more = one["more"]
    return ", ".join(more.get("indicators", ())) or more.get("indicator", "")


def _answer(one: Mapping[str, Any]) -> Words:
    words, why = ANSWERS[one["passed"]], WHY.get(one["more"].get("why", ""))
    return words if why is None else (f"{words[0]}（{why[0]}）", f"{words[1]} ({why[1]})")
