"""The second implementation: the value of an indicator for one entity, by loops over plain rows.

Written from the words of the definition language and of the time rules, without the product's compiler, arithmetic
or time functions, so that the two can be held against each other.
"""

import math
import operator
from datetime import date, datetime, time, timedelta
from typing import Any

from world import REGISTER, Row, World, types_of

from features.indicators.language import (
    Aggregate,
    Condition,
    Field,
    Formula,
    Indicator,
    Nearby,
    Neighbours,
    PeerRate,
    Rows,
    Value,
    Window,
)

UNIT = 2**20
COMPARED = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def value_of(indicator: Indicator, world: World, entity: int, as_of: date) -> float | None:
    """What the matrix must say: the number, or None where the indicator does not apply or is not known."""
    if kind_of(world, entity, as_of) not in indicator.kinds:
        return None
    if _before_coverage(indicator, world, as_of):
        return None
    value = compute(indicator.value, world, entity, as_of)
    if indicator.missing == "zero":
        return 0.0 if value is None else value
    own = {rows.record_type for rows in _own_rows(indicator.value)}
    known = not own or any(_seen(world, name, entity, as_of) for name in own)
    return value if known else None


def kind_of(world: World, entity: int, as_of: date) -> str | None:
    """The kind in the entity's registration as of T; None when it is not registered."""
    return max((row["kind"] for row in _seen(world, REGISTER, entity, as_of)), default=None)


def compute(value: Value, world: World, entity: int, as_of: date) -> float | None:
    """A value of the definition language for one entity."""
    match value:
        case Aggregate():
            rows = [
                row
                for row in _seen(world, value.rows.record_type, entity, as_of)
                if _among(row, value.rows, world, as_of)
            ]
            return _aggregate(value, rows, world, as_of)
        case Formula():
            return _formula(value, [compute(one, world, entity, as_of) for one in value.operands], as_of)
        case PeerRate():
            return _peer_rate(value, world, entity, _month_end(as_of))
        case Neighbours():
            return _neighbours(value, world, entity, _month_end(as_of))
        case Nearby():
            return _nearby(value, world, entity, as_of)
    raise TypeError(value)


# ------------------------------------------------------------------------------------------------------ time


def midnight_after(as_of: date, world: World) -> datetime:
    """The local midnight that ends T."""
    return datetime.combine(as_of + timedelta(days=1), time(), world.profile.zone)


def add_months(day: date, months: int) -> date:
    """The same day so many months on, or the last day of a month too short for it."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for number in range(day.day, 0, -1):
        try:
            return date(year, month + 1, number)
        except ValueError:
            continue
    raise AssertionError


def whole_months(event: date, as_of: date) -> int:
    """The largest number of months that, added to the event, is not after T."""
    months = 0
    while add_months(event, months + 1) <= as_of:
        months += 1
    while add_months(event, months) > as_of:
        months -= 1
    return months


def _month_end(day: date) -> date:
    """The last day of a month that is not after a day."""
    while (day + timedelta(days=1)).day != 1:
        day -= timedelta(days=1)
    return day


def _start(window: Window, as_of: date) -> date:
    return add_months(as_of, -window.months) - timedelta(days=window.days)


def _due_year(as_of: date, month: int, day: int) -> int:
    """The latest year whose report is past due: due on a day of the next year, late from the day after."""
    year = as_of.year
    while date(year + 1, month, day) >= as_of:
        year -= 1
    return year


# ---------------------------------------------------------------------------------------------------- records


def _counts(row: Row, world: World, as_of: date) -> bool:
    end = midnight_after(as_of, world)
    current = row["known_at"] < end and (row["superseded_at"] is None or row["superseded_at"] >= end)
    repaired = row["repair_date"] is not None and world.profile.settings["repair_effect"] == "stop_use"
    return current and row["event_date"] <= as_of and row["withdrawn_date"] is None and not repaired


def _seen(world: World, record_type: str, entity: int, as_of: date) -> list[Row]:
    return [row for row in world.rows.get(record_type, ()) if row["entity"] == entity and _counts(row, world, as_of)]


def _among(row: Row, rows: Rows, world: World, as_of: date) -> bool:
    if rows.window is not None and row["event_date"] <= _start(rows.window, as_of):
        return False
    if rows.state:
        state = types_of(world.profile.folder)[rows.record_type].state
        start, end = row[state.start], row[state.end]
        if start is None or start > as_of or (end is not None and end <= as_of):
            return False
    return all(_holds(row, condition, as_of) for condition in rows.conditions)


def _holds(row: Row, condition: Condition, as_of: date) -> bool:
    left, right = row[condition.field], condition.value
    if condition.op == "missing":
        return left is None
    if left is None:
        return False
    match condition.op:
        case "present":
            return True
        case "in":
            return left in right
        case "has":
            return bool(set(left.strip("|").split("|")) & set(right))
        case "before":
            return left < as_of + timedelta(days=right)
        case "after":
            return left > as_of + timedelta(days=right)
        case "due":
            periods, month, day = right
            last = _due_year(as_of, month, day)
            return last - periods < left <= last
    if isinstance(right, Field):
        right = row[right.name] and row[right.name] + timedelta(days=right.shift) if right.shift else row[right.name]
        if right is None:
            return False
    return COMPARED[condition.op](left, right)


def _aggregate(aggregate: Aggregate, rows: list[Row], world: World, as_of: date) -> float | None:
    name = aggregate.field
    values = [row[name or "event_date"] for row in rows if row[name or "event_date"] is not None]
    match aggregate.op:
        case "count":
            return float(len(rows))
        case "sum":
            return float(sum(values))
        case "distinct":
            return float(len(set(values)))
        case "decayed":
            return float(sum(_weight(aggregate, row, as_of) for row in rows))
        case "latest":
            found = [(row["event_date"], _whole(aggregate, row, world)) for row in rows if row[name] is not None]
            return float(max(found)[1]) if found else None
    if not values:
        return None
    match aggregate.op:
        case "max":
            return float(max(values))
        case "min":
            return float(min(values))
        case "last_day":
            return float((max(values) - date(1970, 1, 1)).days)
        case "first_day":
            return float((min(values) - date(1970, 1, 1)).days)
    raise ValueError(aggregate.op)


def _weight(aggregate: Aggregate, row: Row, as_of: date) -> int:
    decay = math.floor(UNIT * 0.5 ** (whole_months(row["event_date"], as_of) / aggregate.half_life) + 0.5)
    if aggregate.field is None:
        return decay
    value = row[aggregate.field]
    if aggregate.points is None:
        return decay * (value or 0)
    return decay * dict(aggregate.points).get(value, 0)


def _whole(aggregate: Aggregate, row: Row, world: World) -> int:
    field = types_of(world.profile.folder)[aggregate.rows.record_type].field(aggregate.field)
    value = row[aggregate.field]
    return world.profile.codelist(field.list).codes.index(value) if field.type == "code" else value


# --------------------------------------------------------------------------------------------------- formulas


def _formula(formula: Formula, operands: list[float | None], as_of: date) -> float | None:
    if formula.op == "or_zero":
        return operands[0] or 0.0
    if formula.op == "greatest":
        return max((one for one in operands if one is not None), default=None)
    if any(one is None for one in operands):
        return None
    first, numbers = operands[0], formula.numbers
    match formula.op:
        case "ratio":
            bottom = operands[1] + numbers[1]
            return (first + numbers[0]) / bottom if bottom else None
        case "difference":
            return first - operands[1]
        case "total":
            return math.fsum(operands)
        case "log1p":
            return math.log1p(max(first, 0.0) / numbers[0])
        case "over":
            return first / numbers[0]
        case "clipped":
            return min(max(first, numbers[0]), numbers[1])
        case "flag":
            return float(first >= numbers[0])
        case "below":
            return float(first < numbers[0])
        case "both":
            return float(first >= 1 and operands[1] >= 1)
    day = date(1970, 1, 1) + timedelta(days=int(first))
    match formula.op:
        case "months_since":
            return float(whole_months(day, as_of))
        case "days_since":
            return float((as_of - day).days)
        case "due_periods":
            periods, month, number = (int(one) for one in numbers)
            last = _due_year(as_of, month, number)
            return float(sum(1 for year in range(last - periods + 1, last + 1) if year >= day.year))
    raise ValueError(formula.op)


# ------------------------------------------------------------------------------------------- beyond the entity


def _peer_rate(part: PeerRate, world: World, entity: int, as_of: date) -> float:
    registered = [key for key in range(len(world.entities)) if kind_of(world, key, as_of) is not None]
    values = {key: compute(part.value, world, key, as_of) for key in registered if key != entity}
    others = [key for key, value in values.items() if value is not None]
    rate = sum(values[key] for key in others) / len(others) if others else 0.0
    own: tuple[Any, ...] = ()
    for name in part.by:
        mine = _attribute(world, entity, name, as_of)
        if mine is None:
            break
        own = (*own, mine)
        names = part.by[: len(own)]
        peers = [key for key in others if tuple(_attribute(world, key, one, as_of) for one in names) == own]
        rate = (sum(values[key] for key in peers) + part.strength * rate) / (len(peers) + part.strength)
    return rate


def _attribute(world: World, entity: int, name: str, as_of: date) -> Any:
    return max((row[name] for row in _seen(world, REGISTER, entity, as_of) if row[name] is not None), default=None)


def _neighbours(part: Neighbours, world: World, entity: int, as_of: date) -> float:
    groups: dict[Any, set[int]] = {}
    for key in range(len(world.entities)):
        for row in _seen(world, part.rows.record_type, key, as_of):
            if _among(row, part.rows, world, as_of) and row[part.key] is not None:
                groups.setdefault(row[part.key], set()).add(key)
    linked = [
        other for group in groups.values() if entity in group and len(group) <= part.hub for other in group - {entity}
    ]
    if part.value is None:
        return float(len(linked))
    return float(sum(compute(part.value, world, other, as_of) or 0.0 for other in linked))


def _nearby(part: Nearby, world: World, entity: int, as_of: date) -> float | None:
    cell = _aggregate(
        Aggregate("latest", Rows(REGISTER), part.cell), _seen(world, REGISTER, entity, as_of), world, as_of
    )
    if cell is None:
        return None
    row, column = divmod(int(cell), 100_000)
    around = {(row + up) * 100_000 + column + right for up in (-1, 0, 1) for right in (-1, 0, 1)}
    rows = [
        one
        for one in world.rows.get(part.rows.record_type, ())
        if _counts(one, world, as_of) and one[part.cell] in around and _among(one, part.rows, world, as_of)
    ]
    if part.half_life is None:
        return float(len(rows))
    return sum(_weight(Aggregate("decayed", part.rows, half_life=part.half_life), one, as_of) for one in rows) / UNIT


def _own_rows(value: Value) -> list[Rows]:
    if isinstance(value, Aggregate):
        return [value.rows]
    return [rows for one in value.operands for rows in _own_rows(one)] if isinstance(value, Formula) else []


def _all_rows(value: Value) -> list[Rows]:
    match value:
        case Aggregate() | Nearby():
            return [value.rows]
        case Formula():
            return [rows for one in value.operands for rows in _all_rows(one)]
        case PeerRate():
            return _all_rows(value.value)
        case Neighbours():
            return [value.rows, *(_all_rows(value.value) if value.value is not None else [])]
    raise TypeError(value)


def _before_coverage(indicator: Indicator, world: World, as_of: date) -> bool:
    """Whether a window's first day lies before the first day an item is collected."""
    starts = [world.profile.coverage[item] for item in indicator.items if item in world.profile.coverage]
    windows = [rows.window for rows in _all_rows(indicator.value) if rows.window is not None]
    first_days = [_start(window, as_of) + timedelta(days=1) for window in windows]
    return any(day < start for day in first_days for start in starts)
