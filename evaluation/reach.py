"""Whom random draws speak for: the share of entities without a chance to be drawn and looked at on site (π = 0)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evaluation.case import Case
from evaluation.draws import CLASSES, Draws, place_draws
from evaluation.errors import GateError
from evaluation.metrics import Flags, Floats, Integers
from evaluation.population import Population
from evaluation.shown import Shown, Words, shared, table
from evaluation.slices import parts_of
from features.asof import Month
from features.dimensions import Dimension, read_dimensions
from training.draws import DRAWS, read_draws

FRAME = "frame"  # of random_draw.yaml: the dimensions that part the frame draws were taken from
MOST_PLACED = 100_000  # entities looked up to tell how many nobody could have drawn
WITHOUT: Words = ("π = 0 占比", "share with π = 0")
ALONE: Words = (
    "只有双随机现场检查不受检查去向影响；本次评估没有可与记录并列的随机抽查。",
    "Only random on-site draws do not follow where inspectors went; this evaluation has none to show beside records.",
)


@dataclass(frozen=True)
class Reach:
    """The share of entities for whom records tell no chance to be drawn and looked at on site, in all and by class.

    Everybody where nobody was reached; null where somebody was and the profile does not part the frame.
    """

    dimensions: tuple[Words, ...]
    reached: int
    looked_up: int
    without_chance: float | None
    by_class: dict[str, float | None]


def study(case: Case, then: Population) -> Shown:
    """How many the draws of the year up to a population's date do not speak for, without anything beside it.

    For an outcome that is not one of a window of time, and for a place that records no random draws.
    """
    profile, draws = case.task.profile, None
    if profile.has(DRAWS):
        span = (Month.of(then.as_of).shift(-12).end + timedelta(days=1), then.as_of)
        rows = read_draws(case.task.knowledge, profile.table(DRAWS), span=span)
        draws = place_draws(rows, np.full(len(rows), -1, np.int64))
    found = reach(case, then, draws)
    words = told(found)
    return Shown(
        code="twice",
        title=("随机抽查代表谁", "Whom random draws speak for"),
        question=(ALONE[0] + words[0], f"{ALONE[1]} {words[1]}"),
        tables=(
            table(
                ("各类别中无机会的主体", "Without a chance, by class"),
                [("类别", "class"), WITHOUT],
                [[name, shared(share)] for name, share in found.by_class.items()],
            ),
        ),
        figures={"without_chance": asdict(found)},
    )


def reach(case: Case, then: Population, draws: Draws | None) -> Reach:
    """Whether anybody of an entity's cell of the frame was drawn and looked at on site, with a chance that is known."""
    reached = np.empty(0, np.int64) if draws is None else np.unique(draws.entity[draws.onsite & draws.weighed])
    dimensions = _frame(case)
    labels = tuple(one.label for one in dimensions)
    counted = np.flatnonzero(then.counted)
    looked_up = counted[:: max(1, len(counted) // MOST_PLACED)]
    if not len(reached):
        without = np.ones(len(looked_up), np.bool_)
    elif dimensions:
        cells = _cells(case, then, looked_up, dimensions)
        without = ~np.isin(cells, _cells(case, then, np.flatnonzero(np.isin(then.entity, reached)), dimensions))
    else:
        return Reach(labels, len(reached), 0, None, dict.fromkeys(CLASSES))
    risk_class = then.final_class[looked_up]
    shares = {name: _mean(without[risk_class == place]) for place, name in enumerate(CLASSES)}
    return Reach(labels, len(reached), len(looked_up), _mean(without), shares)


def _frame(case: Case) -> tuple[Dimension, ...]:
    """What parts the frame that draws are taken from; nothing where the profile does not say."""
    profile = case.task.profile
    wanted = profile.table(DRAWS).get(FRAME, ()) if profile.has(DRAWS) else ()
    known = {one.code: one for one in read_dimensions(profile) if one.indicator is None}
    if not set(wanted) <= set(known):
        raise GateError(
            f"random_draw.yaml of profile {profile.name}: frame is {', '.join(wanted)}; expected codes of "
            f"slices.yaml that part by kind or by the register: {', '.join(known) or 'it has none'}. Nothing was "
            "studied; correct one of the two files."
        )
    return tuple(known[code] for code in wanted)


def _mean(flags: Flags) -> float | None:
    return float(flags.mean()) if len(flags) else None


def _cells(case: Case, then: Population, rows: Integers, dimensions: Sequence[Dimension]) -> NDArray[np.str_]:
    """The cell of the frame each entity of the population lies in."""
    pairs = pa.table({"entity": then.entity[rows], "as_of": pa.array([then.as_of] * len(rows), pa.date32())})
    kind = then.kind[rows]
    named = [np.array(parts_of(case.task, one, pairs, kind, _no_column)[1], dtype=str) for one in dimensions]
    return np.array(["|".join(cell) for cell in zip(*named, strict=True)], dtype=str)


def _no_column(code: str) -> Floats:
    raise KeyError(code)  # a frame is parted by kind and by the register, never by an indicator


def told(found: Reach) -> Words:
    """The share with π = 0 in words, whatever is known of it."""
    if found.without_chance is None:
        return (
            "无被抽中并现场检查机会（π = 0）的主体占比不详：random_draw.yaml 未写明抽样框（frame）。",
            "How many entities had no chance to be drawn and looked at on site (π = 0) is not known: random_draw.yaml "
            "does not state the frame.",
        )
    share = f"{found.without_chance:.1%}"
    if not found.reached:
        return (
            f"无被抽中并现场检查机会（π = 0）的主体占 {share}：一年内没有入样概率已知的现场随机抽查，"
            "随机抽查不能代表任何主体。",
            f"Without a chance to be drawn and looked at on site (π = 0): {share} of entities. No random draw of the "
            "year was made on site with a known chance, so draws speak for nobody.",
        )
    among, among_en = (" × ".join(words[place] for words in found.dimensions) for place in (0, 1))
    return (
        f"无被抽中并现场检查机会（π = 0）的主体占 {share}：所在单元（{among}）一年内无人被抽中并现场检查，"
        "随机抽查不能代表他们。",
        f"Without a chance to be drawn and looked at on site (π = 0): {share} of entities, in cells ({among_en}) of "
        "which nobody was in the year. Draws do not speak for them.",
    )
