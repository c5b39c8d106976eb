import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from world import ENGINES

from features.compile import meets
from features.engine import Engine
from features.indicators.language import Condition, DefinitionError
from features.profile import PROFILES, read_profile
from features.records.stored import Stored
from training.errors import SchemeError
from training.outcomes import conditions, read_outcomes


@pytest.fixture
def place(tmp_path):
    """A profile folder whose outcomes can be written."""

    def write(*rows):
        settings = yaml.safe_load((PROFILES.parent / "tests/small/profile.yaml").read_text())
        (tmp_path / "profile.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True))
        (tmp_path / "outcomes.yaml").write_text(yaml.safe_dump(list(rows), allow_unicode=True))
        return read_profile(str(tmp_path))

    return write


DETECTED = {
    "code": "violation",
    "label": "违法",
    "framing": "detected",
    "horizon_months": 12,
    "lookback_months": 24,
    "any_of": [{"record_type": "event", "where": [["severity", ">=", 2]]}],
}


def test_outcomes_keep_their_order_and_their_words(place):
    found = read_outcomes(place(DETECTED, {**DETECTED, "code": "contact", "controls": ["visits"]}))
    assert list(found) == ["violation", "contact"]
    assert found["violation"].controls is None
    assert found["contact"].controls == ("visits",)
    assert found["violation"].any_of[0].fields == ("severity",)


def test_an_inspection_outcome_names_its_event_and_controls(place):
    row = {
        "code": "found",
        "label": "查实",
        "framing": "given_inspection",
        "event": {"record_type": "event", "where": [["item", "==", "I3"]]},
        "positive": [["severity", ">=", 3]],
        "event_controls": [{"field": "trade", "list": "trades"}],
    }
    found = read_outcomes(place(row))["found"]
    assert found.event.record_type == "event"
    assert found.event_controls[0].field == "trade"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"framing": "guessed"}, "framing is 'guessed'"),
        ({"any_of": None, "framing": "given_inspection"}, "event is missing"),
        ({"any_of": [{"record_type": "event", "where": [["severity", "~", 2]]}]}, "operator '~' on severity"),
    ],
)
def test_an_outcome_that_says_too_little_is_refused(place, change, message):
    with pytest.raises(SchemeError, match=message):
        read_outcomes(place({**DETECTED, **change}))


ROWS = pa.table({"n": [1, 2, None], "codes": ["|a|b|", "|b|", None]})


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        (["n", "==", 2], [False, True, False]),
        (["n", "!=", 2], [True, False, False]),
        (["n", ">", 1], [False, True, False]),
        (["n", ">=", 1], [True, True, False]),
        (["n", "<", 2], [True, False, False]),
        (["n", "<=", 2], [True, True, False]),
        (["n", "in", [1, 5]], [True, False, False]),
        (["codes", "has", "a"], [True, False, False]),
        (["codes", "has", ["a", "b"]], [True, True, False]),
        (["n", "missing"], [False, False, True]),
        (["n", "present"], [True, True, False]),
    ],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_null_meets_no_condition_but_missing(tmp_path, engine, condition, met):
    pq.write_table(ROWS, tmp_path / "rows.parquet")
    on = Engine(engine)
    rows = on.rows(Stored([tmp_path / "rows.parquet"], ROWS.schema))
    found = on.run(rows.select(met=meets(rows, conditions([condition], "test"))))
    assert found["met"].to_pylist() == met


def test_a_condition_that_needs_a_date_is_refused_where_there_is_none(tmp_path):
    pq.write_table(ROWS, tmp_path / "rows.parquet")
    rows = Engine("polars").rows(Stored([tmp_path / "rows.parquet"], ROWS.schema))
    with pytest.raises(DefinitionError, match="'before' on n needs an as-of date"):
        meets(rows, [Condition("n", "before", 0)])


WIDER = {**DETECTED, "code": "any", "any_of": [{"record_type": "event", "where": [["severity", ">=", 1]]}]}


def test_an_outcome_may_learn_from_a_wider_one(place):
    found = read_outcomes(place({**DETECTED, "learns_from": "any"}, WIDER))
    assert found["violation"].learns_from == "any"
    assert found["any"].learns_from is None


@pytest.mark.parametrize(
    ("wider", "message"),
    [
        ({**WIDER, "code": "other"}, "learns from 'any'; expected a detected outcome of the same file"),
        ({**WIDER, "horizon_months": 6}, "learns from .any., which looks 6 months ahead .* itself 12"),
        ({**WIDER, "settle_days": 9}, "settles in 9 days, itself 12 and 0"),
    ],
)
def test_a_wider_outcome_that_does_not_fit_is_refused(place, wider, message):
    with pytest.raises(SchemeError, match=message):
        read_outcomes(place({**DETECTED, "learns_from": "any"}, wider))


def test_a_competing_risk_is_an_outcome_of_the_same_window(place):
    assert read_outcomes(place({**DETECTED, "competing": "any"}, WIDER))["violation"].competing == "any"
    with pytest.raises(SchemeError, match="has as competing risk 'gone'; expected a detected outcome"):
        read_outcomes(place({**DETECTED, "competing": "gone"}, WIDER))


def test_an_outcome_of_random_draws_needs_no_event_of_its_own(place):
    drawn = {"code": "problem", "label": "问题", "framing": "given_inspection", "drawn": True}
    assert read_outcomes(place(drawn))["problem"].drawn
    with pytest.raises(SchemeError, match="event is missing"):
        read_outcomes(place({**drawn, "drawn": False}))


@pytest.mark.parametrize(
    "change", [{"correction": "guess", "looked_at": {"record_type": "event"}}, {"correction": "looked_at"}]
)
def test_a_correction_nobody_knows_or_that_lacks_who_was_looked_at_is_refused(place, change):
    with pytest.raises(SchemeError, match="expected looked_at or none, for a detected outcome"):
        read_outcomes(place({**DETECTED, **change}))
