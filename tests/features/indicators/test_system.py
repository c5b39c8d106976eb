"""An indicator system written down and read back: the same digest, the same values, words that mean them."""

import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from world import SMALL

from features.indicators import language
from features.indicators.catalogue import Definitions, digest_of, load
from features.indicators.expression import expression
from features.indicators.language import (
    Aggregate,
    Condition,
    DefinitionError,
    Field,
    Formula,
    Nearby,
    Neighbours,
    PeerRate,
    Rows,
    Window,
    f,
    records,
)
from features.indicators.system import FACTS, System, _written
from features.profile import ProfileError, read_profile

PROFILES = ("jiangxi", "chicago", str(SMALL))


@pytest.fixture(scope="module", params=PROFILES, ids=["jiangxi", "chicago", "small"])
def place(request):
    profile = read_profile(request.param)
    return profile, load(profile)


@pytest.fixture(scope="module")
def small():
    profile = read_profile(str(SMALL))
    return profile, System.of(profile, load(profile))


def test_a_system_reads_back_as_it_was_written(place):
    profile, definitions = place
    written = System.of(profile, definitions)
    found = System.read(written.text, where="a test")
    assert found.digest == definitions.digest
    assert found.text == written.text
    assert found.definitions.indicators == tuple(replace(one, examples=()) for one in definitions.indicators)


def test_a_profile_as_it_stood_is_the_profile_it_was_taken_from(place):
    profile, definitions = place
    found = System.read(System.of(profile, definitions).text, where="a test").profile(profile)
    assert (found.kinds, found.coverage, found.zone) == (profile.kinds, profile.coverage, profile.zone)
    assert found.table("sections") == profile.table("sections")
    for path in (profile.folder / "codelists").glob("*.yaml"):
        assert found.codelist(path.stem) == profile.codelist(path.stem)


def test_every_value_is_said_in_words_that_mean_it(place):
    _, definitions = place
    words = {name: getattr(language, name) for name in dir(language) if not name.startswith("_")}
    for indicator in definitions.indicators:
        assert eval(expression(indicator.value), {"__builtins__": {}}, words) == indicator.value  # noqa: S307


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            records("event").where(f.opened < f.closed.plus(30), f.opened > date(2020, 1, 1)).count(),
            "records('event').where(f.opened < f.closed.plus(30), f.opened > 2020-01-01).count()",
        ),
        (records("event").within(days=0).any(), "flag(records('event').within(days=0).count(), at_least=1)"),
        (
            language.Aggregate("decayed", Rows("event"), half_life=6),
            "records('event').decayed(half_life=6)",
        ),
        (language.over(records("event").last_day(), 0.5), "over(records('event').last_day(), 0.5)"),
        (
            language.due_periods(records("e").first_day(), 3, month=6, day=30),
            "due_periods(records('e').first_day(), 3, month=6, day=30)",
        ),
    ],
)
def test_rare_words(value, said):
    assert expression(value) == said


def test_the_text_is_for_people_too(small):
    _, system = small
    found = json.loads(system.text)
    row = next(one for one in found["indicators"] if one["code"] == "events_12m")
    assert row["expression"] == "records('event').within(months=12).count()"
    assert row["window"] == {"zh": "近12个月", "en": "12 months"}
    assert row["value"]["rows"] == {"is": "Rows", "record_type": "event", "window": {"is": "Window", "months": 12}}
    assert found["settings"]["coverage"] == {"I3": {"is": "date", "day": "2022-01-01"}}
    assert found["files"]["codelists/trades"][0].startswith("list: trades")


def test_an_altered_text_is_refused(small):
    _, system = small
    with pytest.raises(DefinitionError, match=r"here: the definitions have digest .*, the text states .*altered"):
        System.read(system.text.replace('"months": 12', '"months": 13'), where="here")
    listed = system.text.replace('"list: trades"', '"list: other"')
    with pytest.raises(DefinitionError, match="it was altered"):
        System.read(listed, where="here")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1, "indicators": [{"code": "x"}]}'])
def test_a_malformed_text_is_refused(text):
    with pytest.raises(DefinitionError, match=r"here: .* is missing or malformed in an indicator system"):
        System.read(text, where="here")


def test_a_text_of_a_later_format_is_refused(small):
    _, system = small
    with pytest.raises(DefinitionError, match="format 9 of an indicator system; this version reads 1"):
        System.read(system.text.replace('"format": 1', '"format": 9'), where="here")


def test_a_constant_of_a_kind_json_lacks_comes_back(small):
    _, system = small
    first = system.definitions.indicators[0]
    rows = Rows("event", (Condition("opened", ">", date(2020, 1, 1)), Condition("severity", "in", (1, 2))), Window(3))
    changed = replace(system.definitions, indicators=(replace(first, value=rows.count()),))
    text = replace(system, definitions=changed).text
    with pytest.raises(DefinitionError) as told:
        System.read(text, where="here")
    digest = str(told.value).split("digest ")[1][:12]
    assert digest != changed.digest[:12]  # it was read whole, and found to be another system


CODES = st.sampled_from(("p", "q"))
CONDITIONS = st.one_of(
    st.builds(Condition, CODES, st.sampled_from((">", "==")), st.one_of(st.integers(), st.text(), st.dates())),
    st.builds(Condition, CODES, st.just("<"), st.builds(Field, CODES, st.integers(-9, 9))),
    st.builds(Condition, CODES, st.just("in"), st.lists(CODES, min_size=1).map(tuple)),
    st.builds(Condition, CODES, st.just("due"), st.tuples(st.integers(1, 9), st.integers(1, 12), st.integers(1, 28))),
    st.builds(Condition, CODES, st.just("missing"), st.none()),
)
ROWS = st.builds(
    Rows,
    CODES,
    st.lists(CONDITIONS, max_size=2).map(tuple),
    st.none() | st.builds(Window, st.integers(0, 60), st.integers(0, 90)),
    st.booleans(),
)
POINTS = st.none() | st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1).map(tuple)
AGGREGATES = st.builds(Aggregate, CODES, ROWS, st.none() | CODES, st.none() | st.integers(1, 36), POINTS)
NUMBERS = st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-9, 9), max_size=2).map(tuple)
VALUES = st.recursive(
    AGGREGATES | st.builds(Nearby, ROWS, CODES, st.none() | st.integers(1, 12)),
    lambda inner: st.one_of(
        st.builds(Formula, CODES, st.lists(inner, min_size=1, max_size=3).map(tuple), NUMBERS),
        st.builds(PeerRate, inner, st.lists(CODES, min_size=1).map(tuple), st.floats(1, 50)),
        st.builds(Neighbours, ROWS, CODES, st.none() | inner, st.integers(2, 99)),
    ),
    max_leaves=4,
)


@settings(deadline=None)
@given(value=VALUES)
def test_any_value_of_the_language_reads_back_as_it_was_written(value):
    stated, files = {"zone": "Asia/Shanghai"}, {"codelists/x": "list: x\n", "sections": "[]\n"}
    one = replace(load(read_profile(str(SMALL))).indicators[0], value=value, examples=())
    written = System(Definitions((one,), digest_of([one], stated, {"x": "list: x\n"})), stated, files)
    found = System.read(json.dumps(json.loads(_text(written)), sort_keys=True), where="a test")
    assert found.definitions == written.definitions
    assert repr(found.definitions) == repr(written.definitions)  # 1 stays 1 and 1.0 stays 1.0


def _text(system):
    """The text of a system whose operations need not exist: without the words that only known ones have."""
    return json.dumps(
        {
            "format": 1,
            "digest": system.digest,
            "indicators": [
                {**{name: _written(getattr(one, name)) for name in FACTS}, "value": _written(one.value)}
                for one in system.definitions.indicators
            ],
            "settings": system.settings,
            "files": {name: text.split("\n") for name, text in system.files.items()},
        }
    )


def test_a_profile_it_does_not_fit_is_refused(small):
    profile, system = small
    odd = replace(system, settings={**system.settings, "kinds": [{"label": "店"}]})
    with pytest.raises(ProfileError, match="does not fit it any more"):
        odd.profile(profile)
