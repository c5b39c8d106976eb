"""The numbers of the overview: counted, and told as far as small counts allow."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.office import CAUSES
from serving.pages.places import OWN, Places
from serving.pages.suppression import LEAST, SHOWN, SMALL, WITHHELD, Cell, Line, Told, line, table, told_sum
from serving.tally import Counts, Tallied

RISKS = "ABCD"
FIRST = "first"  # the row of those that had no class the month before
INTO_D, RISKIER, SAFER = "into_d", "riskier", "safer"
MOVES = (INTO_D, RISKIER, SAFER)
MOVED = [(before, after) for before in RISKS for after in RISKS if before != after]
ROOMY = 2 * LEAST  # a count that can stand in for others on a circle, however it is shifted
SOURCES = {  # where a cause comes from, in the order it is told
    "data": ("new_record", "state_reached", "eased", "worsened", "improved"),
    "scheme": ("scheme",),
    "rule": ("rule", "rule_ended"),
    "other": ("held_by_margin", "unchanged", "first"),
}
Rows = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Shares:
    """Classes of a scope in one month: of all, by kind, by city, and by county of every city."""

    total: Line
    kinds: Told
    cities: Told
    counties: Mapping[str, Told]

    def of_region(self, code: str) -> Line | None:
        """The line of a city or county, where the scope has entities there."""
        if code in self.cities.lines:
            return self.cities.lines[code]
        found = (told.lines[code] for told in self.counties.values() if code in told.lines)
        return next(found, None)


@dataclass(frozen=True)
class Parts:
    """The classes of a scope along a dimension: its name, those of its parts in both languages, and their lines."""

    label: Sequence[str]
    names: Mapping[str, Sequence[str]]
    told: Told

    def change(self, value: str, name: str, then: "Parts | None") -> float | None:
        """How much more the share of a class in a part is than in another month, where both are told."""
        if then is None or then.names.get(value) != self.names[value]:
            return None
        return changed(self.told.lines[value], then.told.lines.get(value), name)


@dataclass(frozen=True)
class Moves:
    """Who moved from which class into which, and why."""

    matrix: Told
    causes: Told
    into_d: int | None
    out_of_d: int | None


def totals(counted: Tallied) -> Line:
    """The classes of a scope."""
    return line(_rows(counted.by("class"), lambda key: ("", key[0])).get("", dict.fromkeys(RISKS, 0)))


def shares(counted: Tallied, places: Places) -> Shares:
    """The classes of a scope, of all and in parts."""
    found = counted.by("region", "kind", "class")
    total = line(_rows(found, lambda key: ("", key[2])).get("", dict.fromkeys(RISKS, 0)))
    kinds = table(_rows(found, lambda key: (str(key[1]), key[2])), total)
    counties = _rows(found, lambda key: (places.county(key[0]), key[2]))
    by_city: dict[str, Rows] = {}
    for code, counts in sorted(counties.items()):
        city, own = places.lines(code)
        by_city.setdefault(city, {})[own] = counts
    cities = table({code: _added(rows.values()) for code, rows in by_city.items()}, total)
    within = {
        code: table(rows, cities.lines[code])
        for code, rows in by_city.items()
        if code in cities.lines and set(rows) != {code + OWN}
    }
    return Shares(total, kinds, cities, within)


def along(counted: Tallied, total: Line, stated: Sequence[Mapping[str, Any]]) -> dict[str, Parts]:
    """The classes of a scope, told as ``total``, along every dimension a load tells; parts in its order."""
    found = counted.by("trait", "value", "class")
    parts = {}
    for one in stated:
        names = dict(one["values"])
        rows: Rows = {value: dict.fromkeys(RISKS, 0) for value in names}
        for (trait, value, risk), count in found.items():
            if trait == one["code"]:
                rows[str(value)][str(risk)] += count
        parts[one["code"]] = Parts(one["label"], names, table(rows, total))
    return parts


def moves(counted: Tallied, total: Line, hidden_kinds: Collection[str] = ()) -> Moves:
    """The migration of a month whose classes were told as ``total``; why is not said of some kinds."""
    found = counted.by("class_before", "class", "cause", "kind")
    matrix = table(_rows(found, lambda key: (key[0] or FIRST, key[1])), total)
    sums = {name: _sum(matrix, [one for one in MOVED if whither(*one) == name]) for name in MOVES}
    why = _causes({key: count for key, count in found.items() if key[3] not in hidden_kinds})
    causes = _kept(why, [name for name in MOVES if sums[name] is None])
    return Moves(matrix, causes, sums[INTO_D], _sum(matrix, [one for one in MOVED if one[0] == "D"]))


def whither(before: str, after: str) -> str:
    """Which way a move led."""
    return INTO_D if after == "D" else RISKIER if after > before else SAFER


def _causes(found: Counts) -> Told:
    """Causes of moves by whither they led; their sums stand in the matrix, so they are taken for known."""
    rows: Rows = {}
    for (before, after, cause, _), count in found.items():
        if before is not None and after is not None and before != after:
            rows.setdefault(str(cause), dict.fromkeys(MOVES, 0))[whither(before, after)] += count
    order = [cause for causes in SOURCES.values() for cause in causes]
    ordered = {cause: rows[cause] for cause in sorted(rows, key=order.index)}
    sums = _added(ordered.values(), MOVES)
    cells = {name: Cell(count, SMALL if 0 < count < LEAST else SHOWN) for name, count in sums.items()}
    return table(ordered, Line(cells, Cell(sum(sums.values()), SHOWN)), has_totals=False)


def _kept(causes: Told, unknown: Collection[str]) -> Told:
    """Causes kept from telling sums the matrix does not tell: of each the smallest roomy count is withheld, or all."""
    lines = {cause: dict(one.cells) for cause, one in causes.lines.items()}
    for name in unknown:
        roomy = [cause for cause, cells in lines.items() if cells[name].state == SHOWN and cells[name].count >= ROOMY]
        least = sorted(roomy, key=lambda cause: lines[cause][name].count)[:1]
        for cause in least or lines:
            lines[cause][name] = Cell(lines[cause][name].count, WITHHELD)
    if all(cell.state == WITHHELD for cells in lines.values() for cell in cells.values()):
        return Told({}, causes.total)  # that a cause is there at all says something of a small sum
    return Told({cause: Line(cells, causes.lines[cause].total) for cause, cells in lines.items()}, causes.total)


def _sum(matrix: Told, wanted: list[tuple[str, str]]) -> int | None:
    return told_sum(matrix.lines[row].cells[name] for row, name in wanted if row in matrix.lines)


def apart(counted: Tallied, rules: Collection[str], told: Told) -> dict[str, Cell]:
    """How many entities of each kind some rules apply to, where the count of class D is told beside it."""
    found: dict[str, int] = {}
    for (kind, stated, risk), count in counted.by("kind", "rules", "class").items():
        if risk == "D" and set(str(stated).split(",")) & set(rules):
            found[str(kind)] = found.get(str(kind), 0) + count
    return {
        kind: Cell(count, SMALL if count < LEAST else SHOWN)
        for kind, count in sorted(found.items())
        if told.lines[kind].cells["D"].state == SHOWN
    }


def statuses(counted: Tallied) -> dict[str, Cell]:
    """How many entities have no class, by why; no sum is told beside them."""
    found = {str(name): count for (name,), count in counted.statuses().items() if name != "classified"}
    return {name: Cell(count, SMALL if count < LEAST else SHOWN) for name, count in sorted(found.items())}


def share(one: Line, name: str) -> float | None:
    """The share of a class in a line, where both numbers are told."""
    count, whole = one.cells[name].told, one.total.told
    return None if count is None or not whole else count / whole


def changed(now: Line, before: Line | None, name: str) -> float | None:
    """How much more the share of a class is in one line than in an earlier one, where both are told."""
    shares = [None if one is None else share(one, name) for one in (now, before)]
    return None if shares[0] is None or shares[1] is None else shares[0] - shares[1]


def bands(profile_targets: Mapping[str, Any], told: Told, without: Mapping[str, Cell]) -> dict[str, dict[str, Any]]:
    """For every kind and class its share beside the guard band, and whether it lies outside; see ``apart``."""
    return {
        kind: {name: _band(told.lines[kind], name, stated["guard"][name], without.get(kind)) for name in RISKS}
        for kind, stated in profile_targets.items()
        if kind in told.lines
    }


def _band(one: Line, name: str, guard: list[float], without: Cell | None) -> dict[str, Any]:
    found = share(one, name)
    if found is not None and without is not None and without.told:
        count = one.cells[name].count - (without.count if name == "D" else 0)
        whole = one.total.count - without.count
        found = count / whole if whole else None
    outside = found is not None and not guard[0] <= found <= guard[1]
    return {"share": found, "low": guard[0], "high": guard[1], "is_outside": outside}


def _rows(found: Counts, key_of: Callable[[tuple[str | None, ...]], tuple[str, str | None]]) -> Rows:
    rows: Rows = {}
    for key, count in found.items():
        row, name = key_of(key)
        rows.setdefault(row, dict.fromkeys(RISKS, 0))[str(name)] += count
    return rows


def _added(rows: Any, names: Collection[str] = RISKS) -> dict[str, int]:
    return {name: sum(row[name] for row in rows) for name in names}


def cause_words(cause: str) -> dict[str, str]:
    """A cause in the words of the lists."""
    chinese, english = CAUSES[cause]
    return {"zh": chinese, "en": english}
