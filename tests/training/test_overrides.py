from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from features.profile import PROFILES, read_profile
from training.cutoffs import RiskClass
from training.errors import SchemeError
from training.overrides import Demand, Seen, apply, read_override, read_overrides

T = date(2025, 12, 31)
ROW = {
    "code": "H1",
    "label": "列入",
    "when": [["listed", ">=", 1]],
    "at_least": "D",
    "basis": "《办法》第一条",
    "since": date(2022, 6, 1),
}
RULE = read_override(ROW)
MILD = read_override({**ROW, "code": "H2", "at_least": "B", "when": [["fines", ">", 0]]})


def seen(**columns):
    values = np.column_stack([np.array(column, float) for column in columns.values()])
    return Seen(values, tuple(columns), ["shop"] * len(values))


def test_the_riskiest_rule_met_decides_and_all_are_named_in_order():
    found = apply([MILD, RULE], seen(listed=[0, 1, 1, np.nan], fines=[0, 0, 2, 3]), as_of=T)
    assert found.at_least.tolist() == [RiskClass.A, RiskClass.D, RiskClass.D, RiskClass.B]
    assert found.rules.to_pylist() == [[], ["H1"], ["H2", "H1"], ["H2"]]


def test_all_conditions_of_a_rule_must_hold():
    both = replace(RULE, when=(Demand("listed", ">=", 1), Demand("fines", "missing")))
    found = apply([both], seen(listed=[1, 1, 0], fines=[np.nan, 0, np.nan]), as_of=T)
    assert found.at_least.tolist() == [3, 0, 0]


@pytest.mark.parametrize(
    ("change", "applies"),
    [
        ({"since": T}, True),
        ({"since": date(2026, 1, 1)}, False),
        ({"until": T}, True),
        ({"until": date(2025, 12, 30)}, False),
        ({"enabled": False}, False),
        ({"kinds": ("stall",)}, False),
        ({"kinds": ("shop",)}, True),
    ],
)
def test_a_rule_applies_between_its_dates_when_switched_on_and_to_its_kinds(change, applies):
    found = apply([replace(RULE, **change)], seen(listed=[1]), as_of=T)
    assert (found.at_least[0] == RiskClass.D) == applies
    assert found.rules.to_pylist() == [["H1"] if applies else []]


@pytest.mark.parametrize(
    ("op", "value", "met"),
    [
        ("==", 2, [0, 1, 0, 0]), ("!=", 2, [1, 0, 1, 0]), (">", 1, [0, 1, 1, 0]), (">=", 2, [0, 1, 1, 0]),
        ("<", 2, [1, 0, 0, 0]), ("<=", 2, [1, 1, 0, 0]), ("in", [1, 3], [1, 0, 1, 0]),
        ("missing", None, [0, 0, 0, 1]), ("present", None, [1, 1, 1, 0]),
    ],
)  # fmt: skip
def test_a_null_meets_no_demand_but_missing(op, value, met):
    assert Demand("n", op, value).met(np.array([1, 2, 3, np.nan])).tolist() == [bool(one) for one in met]


def test_a_rule_reads_back_as_written():
    whole = replace(RULE, until=T, kinds=("shop",), visibility="internal", falls_away_by="移出")
    assert read_override(whole.written()) == whole


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"basis": ""}, "has no basis"),
        ({"at_least": "E"}, "at_least is 'E'"),
        ({"when": [["listed", "~", 1]]}, "operator '~'"),
    ],
)
def test_a_rule_that_says_too_little_is_refused(change, message):
    with pytest.raises(SchemeError, match=message):
        read_override({**ROW, **change})


def test_a_rule_on_an_indicator_that_is_not_there_is_refused():
    with pytest.raises(SchemeError, match="asks for indicator 'listed'"):
        apply([RULE], seen(fines=[1]), as_of=T)


def test_no_rules_demand_nothing():
    found = apply([], seen(listed=[1, 2]), as_of=T)
    assert found.at_least.tolist() == [0, 0]
    assert found.rules.to_pylist() == [[], []]


def test_a_rule_named_twice_is_refused(tmp_path):
    import yaml

    (tmp_path / "profile.yaml").write_text((PROFILES.parent / "tests/small/profile.yaml").read_text())
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump([ROW, ROW], allow_unicode=True))
    with pytest.raises(SchemeError, match="names a rule twice"):
        read_overrides(read_profile(str(tmp_path)))
