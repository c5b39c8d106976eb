"""Which numbers of a table are not told, so that nobody can work out a count of one to four.

A table is seen as a flow: every row total flows into its row, from there its cells into the columns, the column totals
out of these, and the grand total back. A count can be worked out only if it lies on no circle along which all numbers
can shift by one without contradicting what is told; so circles are closed, the cheapest first.
"""

import heapq
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LEAST = 5  # counts below it (but zero) are not told
SHOWN, SMALL, WITHHELD = "shown", "small", "withheld"
SOURCE, SINK = ("source",), ("sink",)
Node = tuple[Any, ...]


@dataclass
class Flow:
    """A count between two nodes; one that is ``free`` is not told whatever it is, so it may be any number.

    ``is_safe`` says that something else keeps it from being worked out.
    """

    tail: Node
    head: Node
    count: int
    state: str = SHOWN
    free: bool = False
    is_safe: bool = False

    def __post_init__(self) -> None:
        if self.free:
            self.state = WITHHELD
        elif self.is_small:
            self.state = SMALL

    @property
    def is_small(self) -> bool:
        """Whether it must not be told."""
        return 0 < self.count < LEAST

    def moves(self) -> tuple[bool, bool]:
        """Whether it could be one more, one less, as far as anybody can tell from how it is shown."""
        if self.free:
            return True, self.count > 0
        if self.state == SMALL:
            return self.count < LEAST - 1, self.count > 1
        return self.count >= LEAST, self.count > LEAST

    @property
    def price(self) -> int:
        """What is lost when it is not told."""
        return self.count if self.state == SHOWN else 0


def close(flows: Sequence[Flow]) -> Flow | None:
    """Withhold what it takes that no small count can be worked out; the count for which that cannot be done, if any."""
    for one in flows:
        if one.is_small and not one.is_safe:
            circle = _cheapest(flows, one)
            if circle is None:
                return one
            for other in circle:
                if other.state == SHOWN:
                    other.state = WITHHELD
    return None


def _cheapest(flows: Sequence[Flow], start: Flow) -> list[Flow] | None:
    """The other flows of the circle through one that costs least to hide; nothing where there is none."""
    more, less = start.moves()
    ways = []
    if more:
        ways.append(_way(flows, start, start.head, start.tail))
    if less:
        ways.append(_way(flows, start, start.tail, start.head))
    found = [way for way in ways if way is not None]
    return min(found, key=lambda way: sum(one.price for one in way), default=None)


def _way(flows: Sequence[Flow], without: Flow, begin: Node, end: Node) -> list[Flow] | None:
    """The cheapest way along flows that can shift: forwards along those that could be more, backwards along others."""
    steps = _steps(one for one in flows if one is not without)
    waiting: list[tuple[int, int, Node, list[Flow]]] = [(0, 0, begin, [])]
    seen: set[Node] = set()
    number = itertools.count(1)  # of ways that cost the same, the one found first
    while waiting:
        price, _, node, way = heapq.heappop(waiting)
        if node == end:
            return way
        if node not in seen:
            seen.add(node)
            for following, one in steps.get(node, ()):
                heapq.heappush(waiting, (price + one.price, next(number), following, [*way, one]))
    return None


def _steps(flows: Iterable[Flow]) -> dict[Node, list[tuple[Node, Flow]]]:
    """From every node, where a shift can go on."""
    steps: dict[Node, list[tuple[Node, Flow]]] = {}
    for one in flows:
        more, less = one.moves()
        if more:
            steps.setdefault(one.tail, []).append((one.head, one))
        if less:
            steps.setdefault(one.head, []).append((one.tail, one))
    return steps


@dataclass(frozen=True)
class Cell:
    """A number of a table, or why it is not told."""

    count: int
    state: str

    @property
    def told(self) -> int | None:
        """The number, where it is told."""
        return self.count if self.state == SHOWN else None


@dataclass(frozen=True)
class Line:
    """The cells of a row by column, and their total."""

    cells: Mapping[str, Cell]
    total: Cell


@dataclass(frozen=True)
class Told:
    """A table as it is told: its lines, and the line of its column totals."""

    lines: Mapping[str, Line]
    total: Line = field(repr=False)


def line(counts: Mapping[str, int]) -> Line:
    """A line of its own with its total."""
    flows = {name: Flow(SOURCE, SINK, count) for name, count in counts.items()}
    whole = Flow(SINK, SOURCE, sum(counts.values()))
    if close([*flows.values(), whole]) is not None:
        return _hidden_line(counts)
    return Line({name: _cell(one) for name, one in flows.items()}, _cell(whole))


def table(rows: Mapping[str, Mapping[str, int]], total: Line, *, has_totals: bool = True) -> Told:
    """Rows whose column totals were told as ``total``; a column whose total is not told is not told at all.

    What is told of the columns is taken for known, so tables that share their totals can be laid beside each other.
    Where single numbers do not suffice, whole columns are not told. Without row totals (``has_totals``) none is printed
    and the column totals may be known from elsewhere.
    """
    kept = {name: counts for name, counts in rows.items() if any(counts.values())}
    if len(kept) == 1 and has_totals:
        return Told(dict.fromkeys(kept, total), total)
    unknown = {name for name, cell in total.cells.items() if cell.state != SHOWN}
    hidden = set(unknown)
    has_sums = has_totals and total.total.state == SHOWN
    while hidden < set(total.cells):
        cells = {
            (row, name): Flow((row,), (name, name), count, free=name in hidden, is_safe=has_totals and name in unknown)
            for row, counts in kept.items()
            for name, count in counts.items()
        }
        sums = {
            row: Flow(SOURCE, (row,), sum(counts.values()), free=not has_sums, is_safe=not has_sums)
            for row, counts in kept.items()
        }
        failed = close([*cells.values(), *sums.values()])
        if failed is None:
            return Told({row: _line_of(row, counts, cells, sums[row]) for row, counts in kept.items()}, total)
        hidden |= _columns_more(kept, hidden, failed)
    return Told({row: _hidden_line(counts) for row, counts in kept.items()}, total)


def _columns_more(rows: Mapping[str, Mapping[str, int]], hidden: set[str], failed: Flow) -> set[str]:
    """The columns to tell nothing of beside those hidden: that of a count that could be worked out, the smallest."""
    names = [name for name in next(iter(rows.values())) if name not in hidden]
    own = {name for name in names if name in failed.head}
    others = sorted(set(names) - own, key=lambda name: (sum(counts[name] for counts in rows.values()), name))
    return own | set(others[:1])


def _line_of(row: str, counts: Mapping[str, int], cells: Mapping[tuple[str, str], Flow], whole: Flow) -> Line:
    return Line({name: _cell(cells[row, name]) for name in counts}, _cell(whole))


def _cell(flow: Flow) -> Cell:
    return Cell(flow.count, flow.state)


def _hidden_line(counts: Mapping[str, int]) -> Line:
    cells = {name: Cell(count, WITHHELD) for name, count in counts.items()}
    return Line(cells, Cell(sum(counts.values()), WITHHELD))


def told_sum(cells: Iterable[Cell]) -> int | None:
    """The sum of some cells, where every one of them is told."""
    counts = [cell.told for cell in cells]
    return None if None in counts else sum(one for one in counts if one is not None)
