"""A definition's value in the words of the definition language, as people read it."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from features.indicators.language import (
    DECAY_SCALE,
    Aggregate,
    Condition,
    Field,
    Formula,
    Nearby,
    Neighbours,
    PeerRate,
    Rows,
    Value,
    Window,
)

_COMPARED = {">": ">", ">=": ">=", "<": "<", "<=": "<="}
_ASKED = {"==": "is_", "!=": "is_not"}
_OF_DATES = {"before": "before_as_of", "after": "after_as_of"}
_BOUNDS: Mapping[str, tuple[str, ...]] = {  # what a formula calls its numbers; the empty name is said without one
    "log1p": ("over",),
    "over": ("",),
    "clipped": ("", ""),
    "flag": ("at_least",),
    "below": ("",),
    "due_periods": ("", "month", "day"),
}
_SINCE = {"months_since": "months", "days_since": "days"}
_EDGES = {"last_day": "last", "first_day": "first"}


def expression(value: Value) -> str:
    """A value as it would be written in a definition file, on one line.

    Shorthands of the language come out as what they stand for: ``any()`` as the flag it is.
    """
    return _PARTS[type(value)](value)


def _aggregate(value: Aggregate) -> str:
    if value.op == "decayed":
        points = "" if value.points is None else f"points={{{', '.join(f'{a}: {b}' for a, b in value.points)}}}"
        of = "" if value.field is None else f"of={value.field!r}"
        return f"{rows(value.rows)}.decayed({_listed(f'half_life={value.half_life}', points, of)})"
    return f"{rows(value.rows)}.{value.op}({'' if value.field is None else repr(value.field)})"


def _formula(value: Formula) -> str:
    inner = value.operands[0] if value.operands else None
    if isinstance(inner, Aggregate):
        if value.op == "over" and inner.op == "decayed" and value.numbers == (float(DECAY_SCALE),):
            return _aggregate(inner)  # the language's own scaling, which no definition file says
        if value.op in _SINCE and inner.op in _EDGES:
            name = "" if inner.field is None else repr(inner.field)
            return f"{rows(inner.rows)}.{_SINCE[value.op]}_since_{_EDGES[inner.op]}({name})"
    said = [expression(operand) for operand in value.operands]
    if value.op == "ratio":
        plus = "" if not any(value.numbers) else f"plus=({', '.join(map(_number, value.numbers))})"
        return f"ratio({_listed(*said, plus)})"
    names = _BOUNDS.get(value.op, ())
    numbers = [
        f"{name}={_number(number)}" if name else _number(number)
        for name, number in zip(names, value.numbers, strict=True)
    ]
    return f"{value.op}({_listed(*said, *numbers)})"


def _peers(value: PeerRate) -> str:
    by = ", ".join(map(repr, value.by)) + ("," if len(value.by) == 1 else "")
    return f"peer_rate({expression(value.value)}, by=({by}), strength={_number(value.strength)})"


def _neighbours(value: Neighbours) -> str:
    of = "" if value.value is None else f"of={expression(value.value)}"
    return f"same({_listed(rows(value.rows), repr(value.key), of, f'hub={value.hub}')})"


def _nearby(value: Nearby) -> str:
    half_life = "" if value.half_life is None else f"half_life={value.half_life}"
    return f"nearby({_listed(rows(value.rows), repr(value.cell), half_life)})"


_PARTS: Mapping[type, Callable[[Any], str]] = {
    Aggregate: _aggregate,
    Formula: _formula,
    PeerRate: _peers,
    Neighbours: _neighbours,
    Nearby: _nearby,
}


def rows(found: Rows) -> str:
    """A set of rows in the words of the language."""
    conditions = f".where({', '.join(map(_condition, found.conditions))})" if found.conditions else ""
    window = "" if found.window is None else f".within({_window(found.window)})"
    return f"records({found.record_type!r}){conditions}{window}{'.in_effect()' if found.state else ''}"


def _window(window: Window) -> str:
    return _listed(
        f"months={window.months}" if window.months else "",
        f"days={window.days}" if window.days or not window.months else "",
    )


def _condition(one: Condition) -> str:
    name = f"f.{one.field}"
    if one.op in _COMPARED:
        return f"{name} {_COMPARED[one.op]} {_constant(one.value)}"
    if one.op in _ASKED:
        return f"{name}.{_ASKED[one.op]}({_constant(one.value)})"
    if one.op in _OF_DATES:
        return f"{name}.{_OF_DATES[one.op]}({f'days={one.value}' if one.value else ''})"
    if one.op == "due":
        periods, month, day = one.value
        return f"{name}.due_within({periods}, month={month}, day={day})"
    if one.op in {"in", "has"}:
        return f"{name}.{'is_in' if one.op == 'in' else 'has'}({', '.join(map(_constant, one.value))})"
    return f"{name}.is_{one.op}()"


def _constant(value: Any) -> str:
    if isinstance(value, Field):
        return f"f.{value.name}" + (f".plus({value.shift})" if value.shift else "")
    return value.isoformat() if isinstance(value, date) else repr(value)


def _number(number: float) -> str:
    return repr(int(number)) if float(number).is_integer() and abs(number) < 1e15 else repr(number)


def _listed(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
