"""What a scheme was made from: records by source, what was turned away, when labels settle, and who was looked at."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from evaluation.case import Case
from evaluation.charts import bars
from evaluation.shown import Content, Shown, Table, Words, count, shared, table
from features.asof import Month
from features.records.journal import Journal
from features.records.quality import receipts
from training.draws import DRAWS, read_draws
from training.labels import horizon_end, looked_at, mature_on

MATURING = 6  # as-of dates after the last tested one whose labels are still to settle
TURNED_AWAY: Words = ("拒收与未匹配，逐来源", "turned away or unmatched, by source")


@dataclass(frozen=True)
class Source:
    """Rows of one source: sent = accepted + duplicate + rejected + unmatched; ``late`` of those accepted."""

    name: str
    deliveries: int
    sent: int
    accepted: int
    duplicate: int
    rejected: int
    unmatched: int
    late: int


@dataclass(frozen=True)
class Looked:
    """Among the headline pairs of the last test date: who was looked at within the window, all and those with the
    outcome; and those with the outcome whom a random draw had reached."""

    pairs: int
    looked_at: float
    positives: int
    positives_looked_at: float | None
    positives_drawn: float | None


def study(case: Case) -> Shown:
    """Deliveries of the lake's journal, the calendar of labels, and how much of the test pairs anybody looked at."""
    taken = receipts(Journal.of(case.task.lake.home))
    sources = _sources(taken)
    codes = Counter[str]()
    for one in taken:
        codes.update(one["rejects"])
    calendar = _calendar(case)
    looked = _looked(case)
    figures: dict[str, Any] = {
        "sources": [asdict(one) for one in sources],
        "rejects": dict(sorted(codes.items())),
        "maturity": calendar,
        "looked_at": None if looked is None else asdict(looked),
    }
    return Shown(
        code="data",
        title=("数据来源、标签成熟与检查去向", "Sources, maturity of labels, and who was looked at"),
        question=(
            "送达 = 接收 + 重复 + 拒收 + 未匹配，逐来源相符。标签在窗口结束并经过复议、撤销期后才成熟。",
            "Sent = accepted + duplicate + rejected + unmatched, source by source. A label settles once its window has "
            "ended and annulments had their time.",
        ),
        tables=tuple(_tables(sources, codes, calendar, looked)),
        pictures=_pictures(sources),
        figures=figures,
    )


def _sources(taken: Sequence[Mapping[str, Any]]) -> list[Source]:
    names = sorted({one["source"] for one in taken})
    counted = ("sent", "accepted", "duplicate", "rejected", "unmatched", "late")
    found = []
    for name in names:
        own = [one for one in taken if one["source"] == name]
        found.append(Source(name, len(own), *(sum(int(one[field] or 0) for one in own) for field in counted)))
    return found


def _calendar(case: Case) -> list[dict[str, Any]]:
    """The last tested as-of date and those after it, with the day their labels settle."""
    outcome, known_by = case.task.outcome, case.task.known_by
    if outcome.framing != "detected":
        return []
    days = [Month.of(case.tested_on).shift(step).end for step in range(MATURING + 1)]
    return [
        {
            "as_of": day.isoformat(),
            "window_ends": horizon_end(outcome, day).isoformat(),
            "mature_on": mature_on(outcome, day).isoformat(),
            "is_mature": mature_on(outcome, day) <= known_by,
        }
        for day in days
    ]


def _looked(case: Case) -> Looked | None:
    outcome, day, knowledge = case.task.outcome, case.tested_on, case.task.knowledge
    if outcome.framing != "detected" or not outcome.looked_at or not len(case.headline.entity):
        return None
    pairs = case.headline
    seen = np.isin(pairs.entity, looked_at(knowledge, outcome, as_of=day).to_numpy())
    drawn = None
    if case.task.profile.has(DRAWS):
        span = (day + timedelta(days=1), horizon_end(outcome, day))
        rows = read_draws(knowledge, case.task.profile.table(DRAWS), span=span)
        drawn = np.isin(pairs.entity, rows["entity"].to_numpy())
    had = pairs.outcome
    return Looked(
        pairs=len(seen),
        looked_at=float(np.average(seen, weights=pairs.weight)),
        positives=int(had.sum()),
        positives_looked_at=float(seen[had].mean()) if had.any() else None,
        positives_drawn=float(drawn[had].mean()) if drawn is not None and had.any() else None,
    )


def _tables(
    sources: Sequence[Source], codes: Mapping[str, int], calendar: Sequence[Mapping[str, Any]], looked: Looked | None
) -> list[Table]:
    found = []
    if sources:
        found.append(_of_sources(sources))
    if codes:
        rows: list[list[Content]] = [[code, count(number)] for code, number in sorted(codes.items())]
        found.append(table(("拒收原因", "Why rows were rejected"), [("代码", "code"), ("行数", "rows")], rows))
    if calendar:
        settled: Words = ("已成熟", "settled")
        rows = [
            [one["as_of"], one["window_ends"], one["mature_on"], settled if one["is_mature"] else "–"]
            for one in calendar
        ]
        head: list[Words] = [
            ("基准日", "as of"), ("窗口结束", "window ends"), ("标签成熟日", "label settles"), ("状态", "state"),
        ]  # fmt: skip
        found.append(table(("标签成熟日历", "When labels settle"), head, rows))
    if looked is not None:
        found.append(_of_looked(looked))
    return found


def _of_sources(sources: Sequence[Source]) -> Table:
    fields = ("deliveries", "sent", "accepted", "duplicate", "rejected", "unmatched", "late")
    head: list[Words] = [
        ("来源", "source"), ("批次", "deliveries"), ("送达", "sent"), ("接收", "accepted"), ("重复", "duplicate"),
        ("拒收", "rejected"), ("未匹配", "unmatched"), ("迟到", "late"),
    ]  # fmt: skip
    rows: list[list[Content]] = [[one.name, *(count(getattr(one, name)) for name in fields)] for one in sources]
    whole = [count(sum(getattr(one, name) for one in sources)) for name in fields]
    return table(("归集：逐来源行数", "Rows by source"), head, [*rows, [("合计", "in all"), *whole]])


def _of_looked(looked: Looked) -> Table:
    rows: list[list[Content]] = [
        [("测试样本", "test pairs"), count(looked.pairs), shared(looked.looked_at), "–"],
        [("其中被查实者", "of these with the outcome"), count(looked.positives), shared(looked.positives_looked_at),
         shared(looked.positives_drawn)],
    ]  # fmt: skip
    head: list[Words] = [
        ("范围", "part"), ("数量", "number"), ("窗口内被检查过", "looked at within the window"),
        ("窗口内被随机抽到", "drawn at random within it"),
    ]  # fmt: skip
    return table(("检查去向：谁被看到", "Who was looked at"), head, rows)


def _pictures(sources: Sequence[Source]) -> tuple[str, ...]:
    shares = [((one.name, one.name), (one.rejected + one.unmatched) / one.sent) for one in sources if one.sent]
    return (bars(shares, TURNED_AWAY),) if shares else ()
