"""What a definition file may say, and what refuses to load."""

import shutil
from pathlib import Path

import pytest
from world import SMALL

from features.indicators.catalogue import load
from features.indicators.language import DefinitionError
from features.profile import Profile, read_profile

HEAD = """
from features.indicators.language import (
    Indicator, f, nearby, on, over, peer_rate, records, same, seen, total,
)

event = records("event")
STATED = dict(
    code="tried", label="试", label_en="tried", section="S1", unit="time", value=event.count(), direction="riskier",
    basis="小地方条例", reason="{v}", reason_en="{v}", items=("I2",), examples=(seen(as_of="2024-06-30", gives=0),),
)
"""


@pytest.fixture
def place(tmp_path) -> Path:
    return Path(shutil.copytree(SMALL, tmp_path / "place"))


def read(place: Path, text: str, name: str = "supervision.py") -> Profile:
    """The small profile with one definition file changed."""
    path = place / "indicators" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return read_profile(str(place))


def stated(**said: str) -> str:
    """A definition file with one indicator in which some words are said differently."""
    return HEAD + f"TRIED = Indicator(**dict(STATED, {', '.join(f'{name}={text}' for name, text in said.items())}))\n"


def test_an_indicator_takes_its_dimension_kinds_and_record_types_from_where_it_stands(place):
    found = load(read(place, stated())).by_code["tried"]
    assert (found.dimension, found.sector) == ("supervision", "general")
    assert found.kinds == ("shop", "stall")
    assert found.record_types == ("event",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import os\n", "may import only from"),
        ("from os import path\n", "may import only from"),
        (HEAD + "total.__globals__\n", "'__globals__' is not part"),
        (HEAD + "while True:\n    pass\n", "While is not part"),
        (HEAD + "class More:\n    pass\n", "ClassDef is not part"),
        (HEAD + "one = lambda: 1\n", "Lambda is not part"),
    ],
)
def test_a_definition_file_may_use_nothing_but_the_language(place, text, message):
    with pytest.raises(DefinitionError, match=message):
        load(read(place, text))


def test_a_definition_file_has_no_builtins_that_reach_out(place):
    with pytest.raises(DefinitionError, match="name 'open' is not defined"):
        load(read(place, HEAD + 'text = open("/etc/hosts")\n'))


LINES = HEAD.count("\n") + 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('TRIED = event.avg("amount")\n', f"supervision.py, line {LINES}: 'Rows' object has no attribute 'avg'"),
        ("TRIED = event.within(month=36)\n", f"line {LINES}: .*unexpected keyword argument 'month'"),
        ("TRIED = BASE\n", f"line {LINES}: name 'BASE' is not defined"),
        ('TRIED = Indicator(code="x")\n', f"line {LINES}: .*missing"),
        ("TRIED = (\n", "was never closed"),
        ('TRIED = seen(as_of="31/12/2024", gives=0)\n', f"line {LINES}: Invalid isoformat"),
        ("from features.indicators.language import averages\n", "cannot import name 'averages'"),
    ],
)
def test_a_mistake_in_a_definition_file_is_told_with_its_line(place, text, message):
    with pytest.raises(DefinitionError, match=message):
        load(read(place, HEAD + text))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"value": 'event.where(f.trade.is_("水果")).count()'}, "trade is compared with '水果'; code list trades has"),
        (
            {"examples": '(seen(as_of="2024-06-30", event=[on("2024-01-01", severty=2)], gives=0),)'},
            "in an example, event has no severty; it has",
        ),
        (
            {"examples": '(seen(as_of="2024-06-30", evnt=[on("2024-01-01")], gives=0),)'},
            "an example has records of 'evnt'",
        ),
    ],
)
def test_what_could_never_be_met_is_refused(place, said, message):
    with pytest.raises(DefinitionError, match=message):
        load(read(place, stated(**said)))


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"unit": '""'}, "has no unit"),
        ({"examples": "()"}, "has no examples"),
        ({"basis": '""'}, "has no basis"),
        ({"direction": '"up"'}, "direction is 'up'; expected riskier, safer, none"),
        ({"role": '"input"'}, "role is 'input'"),
        ({"missing": '"zeroes"'}, "missing is 'zeroes'"),
        ({"direction": '"none"', "monotone": "True"}, "monotone without a direction"),
        ({"section": '"X9"'}, "names section 'X9'"),
        ({"section": '"R1"'}, "is of dimension association; move it to association.py"),
        ({"value": 'records("fine").count()'}, "reads 'fine', which is not a record type"),
        ({"value": "event.where(f.colour.is_(1)).count()"}, "event has no field 'colour'"),
        ({"value": "event.where(f.due < f.colour).count()"}, "event has no field 'colour'"),
        ({"value": "event.in_effect().count()"}, "event has no state"),
        ({"value": 'event.sum("colour")'}, "event has no field 'colour'"),
        ({"value": 'event.sum("due")'}, "sum needs a whole-number field; due is date"),
        ({"value": 'event.decayed(half_life=12, of="fine")'}, "a decayed sum of money could overflow"),
        ({"value": 'event.last_day("fine")'}, "last_day needs a date field; fine is money"),
        ({"value": 'event.latest("findings")'}, "latest needs a whole-number or code field; findings is codes"),
        ({"value": 'same(records("role").where(f.colour.is_(1)), "person")'}, "role has no field 'colour'"),
        ({"value": 'peer_rate(records("fine").any(), by=("trade",))'}, "reads 'fine'"),
        ({"value": 'peer_rate(event.sum("due"), by=("trade",))'}, "sum needs a whole-number field; due is date"),
        ({"value": 'peer_rate(event.any(), by=("colour",))'}, "entity has no field 'colour' to find others by"),
        ({"value": 'same(records("role"), "colour")'}, "role has no field 'colour' to find others by"),
        ({"value": 'nearby(records("request"), "number")'}, "entity has no field 'number' to find others by"),
    ],
)
def test_an_indicator_that_is_incomplete_or_contradicts_itself_does_not_load(place, said, message):
    with pytest.raises(DefinitionError, match=message):
        load(read(place, stated(**said)))


def test_two_indicators_of_one_code_do_not_load(place):
    with pytest.raises(DefinitionError, match="indicators defined twice: tried"):
        load(read(place, stated() + "AGAIN = Indicator(**STATED)\n"))


def test_a_definition_file_is_named_after_its_dimension(place):
    with pytest.raises(DefinitionError, match="named after its dimension"):
        load(read(place, stated(), "penalties.py"))


def test_the_digest_changes_with_what_decides_a_value_and_not_with_examples(place):
    first = load(read(place, stated())).digest
    more = "(seen(as_of='2024-06-30', gives=0), seen(as_of='2024-07-01', gives=0))"
    assert load(read(place, stated(examples=more))).digest == first
    assert load(read(place, stated(value="event.within(months=12).count()"))).digest != first
    codes = place / "codelists" / "trades.yaml"
    codes.write_text(codes.read_text(encoding="utf-8") + "  - {code: cloth, label: 布}\n", encoding="utf-8")
    assert load(read(place, stated())).digest != first


def test_indicators_are_found_by_role(place):
    definitions = load(read(place, stated(role='"control"', direction='"none"')))
    assert definitions.with_role("control") == ("tried",)
    assert "tried" in definitions.codes
