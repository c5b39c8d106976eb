"""What is told of small counts: whoever has every printed number of all tables finds no count of one to four."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, milp

from serving.pages import figures
from serving.pages.suppression import SHOWN, SMALL, WITHHELD, Cell, Line, line, table, told_sum

NAMES = "ABCD"
SMALLISH = st.one_of(st.integers(0, 8), st.integers(0, 60))
MOST = 10_000
BOUNDS = {SMALL: (1, 4), WITHHELD: (0, MOST)}


class Attack:
    """Everything printed, as equations and bounds over the counts nobody was told."""

    def __init__(self):
        self.least, self.most, self.equations, self.true, self.sums = [], [], [], [], set()

    def number(self, cell):
        """A printed number: known, or bounded as its sign says."""
        low, high = (cell.count, cell.count) if cell.state == SHOWN else BOUNDS[cell.state]
        self.least.append(low)
        self.most.append(high)
        self.true.append(cell.count)
        return len(self.true) - 1

    def adds_up(self, parts, whole):
        self.equations.append((parts, whole))

    def range_of(self, place):
        """The least and the most a number can be."""
        rows = np.zeros((len(self.equations), len(self.true)))
        for row, (parts, whole) in zip(rows, self.equations, strict=True):
            row[parts] = 1
            row[whole] -= 1
        found = []
        for sign in (1, -1):
            wanted = np.zeros(len(self.true))
            wanted[place] = sign
            solved = milp(
                wanted,
                constraints=LinearConstraint(rows, 0, 0),
                integrality=np.ones(len(wanted)),
                bounds=(self.least, self.most),
            )
            assert solved.success
            found.append(round(sign * solved.fun))
        return found


def stated(attack, told_line):
    """The places of a line's numbers and of its total."""
    cells = {name: attack.number(cell) for name, cell in told_line.cells.items()}
    whole = attack.number(told_line.total)
    attack.adds_up(list(cells.values()), whole)
    return cells, whole


def laid_under(attack, told, cells, whole):
    """A table under the line of its totals."""
    lines = {row: stated(attack, one) for row, one in told.lines.items()}
    for name, place in cells.items():
        attack.adds_up([own[name] for own, _ in lines.values()], place)
    attack.adds_up([total for _, total in lines.values()], whole)
    return lines


def unharmed(attack):
    """Whether every count of one to four that is printed could be another one."""
    for place, count in enumerate(attack.true):
        if 0 < count < 5 and place not in attack.sums:
            low, high = attack.range_of(place)
            if low == high:
                return False
    return True


def summed(rows):
    return {name: sum(counts[name] for counts in rows.values()) for name in NAMES}


COUNTS = st.fixed_dictionaries(dict.fromkeys(NAMES, SMALLISH))


@given(COUNTS)
@settings(max_examples=150, deadline=None)
def test_no_small_count_of_a_line_can_be_worked_out_from_its_total(counts):
    attack = Attack()
    stated(attack, line(counts))
    assert unharmed(attack)


class Parted:
    """The same entities along two dimensions: so many of each class in the first parts, the others in the last."""

    def __init__(self, totals, first):
        self._found = {}
        for (trait, firsts), (name, whole) in product(zip("xy", first, strict=True), totals.items()):
            left = whole
            for value, counts in enumerate(firsts):
                self._found[trait, str(value), name] = min(counts[name], left)
                left -= min(counts[name], left)
            self._found[trait, "-", name] = left
        self.stated = [
            {"code": trait, "label": ("", ""), "values": [(one, ("", "")) for one in "01-"]} for trait in "xy"
        ]

    def by(self, *names):
        assert names == ("trait", "value", "class")
        return self._found


@given(
    st.lists(COUNTS, min_size=2, max_size=4),
    st.lists(st.integers(0, 2), min_size=4, max_size=4),
    st.lists(st.lists(COUNTS, min_size=2, max_size=2), min_size=2, max_size=2),
)
@settings(max_examples=120, deadline=None)
def test_no_small_count_can_be_worked_out_from_all_tables_of_the_page_together(rows, cities, first):
    """Counties under cities under the whole, the same entities by kind and along two dimensions beside each other."""
    counties = {f"{cities[number]}{number}": counts for number, counts in enumerate(rows)}
    by_city = {}
    for code, counts in counties.items():
        by_city.setdefault(code[0], {})[code] = counts
    total = line(summed(counties))
    kinds = {"x": {}, "y": {}}
    for name in NAMES:
        whole = summed(counties)[name]
        kinds["x"][name] = whole * (ord(name) % 3) // 3
        kinds["y"][name] = whole - kinds["x"][name]
    attack = Attack()
    cells, whole = stated(attack, total)
    told = table({city: summed(own) for city, own in by_city.items()}, total)
    lines = laid_under(attack, told, cells, whole)
    for city, (own_cells, own_whole) in lines.items():
        laid_under(attack, table(by_city[city], told.lines[city]), own_cells, own_whole)
    laid_under(attack, table(kinds, total), cells, whole)
    laid_under(attack, table({"same": kinds["y"], "moved": kinds["x"]}, total), cells, whole)
    parted = Parted(summed(counties), first)
    for one in figures.along(parted, total, parted.stated).values():
        laid_under(attack, one.told, cells, whole)
    assert unharmed(attack)


@given(st.lists(COUNTS, min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_without_row_totals_no_small_count_can_be_worked_out_by_who_knows_the_sums_of_columns(rows):
    """As causes are told, whose sums may follow from the migration; a sum that is small itself is not told there."""
    counts = {str(number): one for number, one in enumerate(rows)}
    sums = summed(counts)
    known = Line({name: Cell(count, SMALL if 0 < count < 5 else SHOWN) for name, count in sums.items()}, Cell(0, SHOWN))
    told = table(counts, known, has_totals=False)
    if all(cell.state == WITHHELD for one in told.lines.values() for cell in one.cells.values()):
        return
    attack = Attack()
    places = {(row, name): attack.number(cell) for row, one in told.lines.items() for name, cell in one.cells.items()}
    for name, count in sums.items():
        whole = attack.number(Cell(count, SHOWN))
        attack.adds_up([place for (_, column), place in places.items() if column == name], whole)
    for place in places.values():
        if 0 < attack.true[place] < 5:
            low, high = attack.range_of(place)
            assert low < high


@given(st.lists(COUNTS, min_size=1, max_size=5))
@settings(max_examples=150, deadline=None)
def test_what_is_told_is_exact_and_no_small_count_is(rows):
    counts = {str(number): one for number, one in enumerate(rows)}
    told = table(counts, line(summed(counts)))
    for row, one in told.lines.items():
        for name, cell in one.cells.items():
            assert cell.told in {None, counts[row][name]}
            assert cell.told is None or cell.count == 0 or cell.count >= 5
            assert cell.state != SMALL or 0 < cell.count < 5
        assert one.total.told in {None, sum(counts[row].values())}


class Counted:
    """Counts by class before, class and cause."""

    def __init__(self, found):
        self._found = found

    def by(self, *names):
        counted = Counter()
        for (before, after, cause), count in self._found.items():
            row = {"class_before": before, "class": after, "cause": cause, "kind": "shop"}
            counted[tuple(row[name] for name in names)] += count
        return counted


MOVING = st.dictionaries(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.sampled_from(["rule", "scheme", "worsened"])),
    st.one_of(st.integers(0, 8), st.integers(0, 40)),
    max_size=24,
)


@given(MOVING, st.lists(st.integers(0, 60), min_size=4, max_size=4))
@settings(max_examples=300, deadline=None)
def test_causes_do_not_give_away_what_the_migration_does_not_tell(found, staying):
    """The migration and its causes beside each other: both are sums of the same moves."""
    moving = {key: count for key, count in found.items() if key[0] != key[1]}
    counted = Counted(moving | {(name, name, "unchanged"): count for name, count in zip(NAMES, staying, strict=True)})
    total = figures.totals(counted)
    told = figures.moves(counted, total)
    attack = Attack()
    cells, whole = stated(attack, total)
    matrix = laid_under(attack, told.matrix, cells, whole) if told.matrix.lines else {}
    for name in figures.MOVES if told.causes.lines else ():
        parts = [attack.number(line.cells[name]) for line in told.causes.lines.values()]
        moves = [matrix[row][0][after] for row, after in figures.MOVED if row in matrix]
        own = [place for place, one in zip(moves, (one for one in figures.MOVED if one[0] in matrix), strict=True)
               if figures.whither(*one) == name]  # fmt: skip
        sum_of = attack.number(Cell(sum(attack.true[place] for place in parts), WITHHELD))
        attack.sums.add(sum_of)  # printed nowhere
        attack.adds_up(parts, sum_of)
        attack.adds_up(own, sum_of)
    assert unharmed(attack)


def test_large_counts_are_all_told():
    rows = {row: {name: 100 + 7 * number for number, name in enumerate(NAMES)} for row in "xyz"}
    told = table(rows, line(summed(rows)))
    assert all(cell.state == SHOWN for one in told.lines.values() for cell in [*one.cells.values(), one.total])


def test_a_small_count_hides_itself_and_as_little_beside_it_as_keeps_it_safe():
    rows = {
        "x": {"A": 90, "B": 40, "C": 12, "D": 3},
        "y": {"A": 80, "B": 30, "C": 15, "D": 20},
        "z": {"A": 70, "B": 20, "C": 30, "D": 60},
    }
    told = table(rows, line(summed(rows)))
    states = {(row, name): cell.state for row, one in told.lines.items() for name, cell in one.cells.items()}
    assert [where for where, state in states.items() if state == SMALL] == [("x", "D")]
    assert sorted(where for where, state in states.items() if state == WITHHELD) == [
        ("x", "C"),
        ("y", "C"),
        ("y", "D"),
    ]
    assert all(one.total.state == SHOWN for one in told.lines.values())


@pytest.mark.parametrize(("counts", "total"), [((1, 5), 6), ((4, 4), 8), ((1, 1), 2)])
def test_where_bounds_alone_would_give_a_count_away_its_total_is_not_told(counts, total):
    """Six is one and five only, eight four and four only, two one and one only."""
    told = line({"A": counts[0], "B": counts[1], "C": 0, "D": 0})
    assert told.total.count == total
    assert told.total.told is None
    attack = Attack()
    stated(attack, told)
    assert unharmed(attack)


def test_a_sum_is_told_only_where_all_its_parts_are():
    told = line({"A": 90, "B": 40, "C": 12, "D": 3})
    assert told_sum([told.cells["A"], told.cells["B"]]) == 130
    assert told_sum([told.cells["A"], told.cells["D"]]) is None
