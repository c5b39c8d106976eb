"""Contributions without the right to probabilities: shares of what moves, from which no margin comes back."""

import json
from itertools import product

import numpy as np
import offices
import pytest
from gatehouse import principal
from hypothesis import given, settings
from hypothesis import strategies as st

from serving import explanation
from serving.explanation import shares
from serving.scoring.many import Asking
from serving.scoring.routes import application

LINE = explanation.INTERNAL["zh"]
PAIRS = list(product((False, True), repeat=2))
TELLING = {"probability", "percentile", "average", "distance", "margin", "base", "confidence", "certainty"}
NUMBERS = st.floats(min_value=-8, max_value=8, allow_nan=False, allow_subnormal=False)
LINES = st.dictionaries(st.text("abcdef", min_size=1, max_size=6), NUMBERS, max_size=40)


@settings(max_examples=300, deadline=None)
@given(LINES)
def test_shares_are_whole_and_signed_and_each_direction_adds_up_to_a_hundred(lines):
    told = shares(lines)
    assert list(told) == list(lines)
    for sign in (1, -1):
        exact = {name: value * sign for name, value in lines.items() if value * sign > 0}
        assert sum(told[name] for name in exact) * sign == (100 if exact else 0)
        for name, value in exact.items():
            assert told[name].is_integer()
            assert told[name] * sign >= 0
            assert abs(told[name] * sign - value / sum(exact.values()) * 100) < 1 + 1e-9
    assert {told[name] for name, value in lines.items() if not value} <= {0.0}
    assert "-0.0" not in map(str, told.values())


@settings(max_examples=100, deadline=None)
@given(LINES, st.sampled_from([0.25, 0.5, 2.0, 64.0]), st.sampled_from([0.25, 1.0, 8.0]))
def test_margins_farther_off_have_the_same_shares_whichever_direction_moved(lines, raising, lowering):
    other = {name: value * (raising if value > 0 else lowering) for name, value in lines.items()}
    assert shares(other) == shares(lines)


def test_what_is_left_after_rounding_down_goes_to_the_largest_remainders_in_their_order():
    assert shares({"a": 1.0, "b": 1.0, "c": -1.0, "d": 1.0}) == {"a": 34.0, "b": 33.0, "c": -100.0, "d": 33.0}
    assert shares({"a": 0.004, "b": 0.996, "c": -0.0}) == {"a": 0.0, "b": 100.0, "c": 0.0}
    assert shares({}) == {}


def test_exposure_has_no_share_for_it_would_be_a_yardstick_of_the_sum():
    near, far = ({"a": value, "b": -value / 4, "exposure": 0.3} for value in (0.5, 3.0))
    assert shares(near) == shares(far) == {"a": 100.0, "b": -100.0}


@pytest.fixture(scope="module")
def desk(classified):
    return offices.desk_of(classified)


@pytest.fixture(scope="module")
def ask(classified, desk, call):
    app = offices.guarded(classified, application(lambda: desk))

    def asked(path, *rights, body=None):
        names = [name for name, has in zip(("internal", "probability"), rights, strict=True) if has]
        key = classified.key(*names, role="province_admin", org="")
        headers = [("authorization", f"Bearer {key}")]
        if body is None:
            return call(app, path=path, headers=headers).json
        headers.append(("content-type", "application/json"))
        return call(app, "POST", path, headers=headers, chunks=[json.dumps(body).encode()]).json

    return asked


def numbers(stated):
    return {name: float(value) for name, value in stated.items()}


def without_hidden(full, hidden):
    """Exact contributions as a key without the right to internal parts is told them."""
    kept = {name: value for name, value in full.items() if name not in hidden}
    return kept | {LINE: sum(value for name, value in full.items() if name in hidden)}


def check(plain, full, exact):
    """One document without and with the right to probabilities: shares of the exact numbers, and nothing telling."""
    assert not TELLING & set(plain)
    assert (plain["contributions_in"], full["contributions_in"]) == ("share", "margin")
    told = numbers(plain["contributions"])
    assert numbers(full["contributions"]) == pytest.approx(exact, abs=1e-9)
    assert told == shares(numbers(full["contributions"]))
    assert "exposure" not in told
    assert sum(told.values()) in {0, 100, -100}
    added = {one["code"]: float(one["contribution"]) for one in full["reasons"]}
    for one in plain["reasons"]:
        share, moves = float(one["contribution"]), added[one["code"]]
        assert share.is_integer()
        assert abs(share) <= 100
        assert share * moves > 0 if moves else share == 0


def test_every_entity_is_told_in_shares_without_the_right_and_exactly_with_it(ask, desk, classified):
    lights = [light for light in offices.rows(desk.newest) if light["class"]][::3]
    body = {"subjects": [{"entity": light["code"]} for light in lights], "explain": "contributions"}
    live = {rights: ask("/v1/scores", *rights, body=body)["results"] for rights in PAIRS}
    for place, light in enumerate(lights):
        path = f"/v1/entities/{light['code']}/explanation"
        sealed = {rights: ask(path, *rights) for rights in PAIRS}
        exact = explanation.document(desk.newest, light, classified.scheme)
        indicators = desk.newest.words["indicators"]
        hidden = {code for code, one in indicators.items() if one["visibility"] != "publishable"}
        kept = without_hidden(exact["contributions"], hidden.union(exact["internal_values"]))
        for internal, parts in ((True, exact["contributions"]), (False, kept)):
            for told in (sealed, {rights: found[place] for rights, found in live.items()}):
                check(told[internal, False], told[internal, True], parts)
            plain, full = (sealed[internal, one]["change"] for one in (False, True))
            assert numbers(plain["contributions"]) == shares(numbers(full["contributions"]))
            assert set(full) - set(plain) == {"probability_before", "change", "log_odds", "steps"}


@pytest.mark.parametrize("rights", PAIRS)
def test_a_file_of_a_job_says_the_same_in_the_same_unit(ask, desk, classified, rights):
    codes = [light["code"] for light in offices.rows(desk.newest)][:20]
    held = frozenset(name for name, has in zip(("internal", "probability"), rights, strict=True) if has)
    asking = Asking(desk, desk.newest, principal(rights=held), explained=True)
    rows = asking.rows(list(enumerate([*codes, "nobody"])), lambda: None).to_pylist()
    body = {"subjects": [{"entity": code} for code in codes], "explain": "reasons"}
    for row, live in zip(rows, ask("/v1/scores", *rights, body=body)["results"], strict=False):
        assert row["contributions_in"] == live.get("contributions_in")
        assert json.loads(row["reasons"] or "null") == live.get("reasons")
    assert {row["contributions_in"] for row in rows} == {"margin" if rights[1] else "share", None}


def test_the_sum_of_shares_says_nothing_of_the_margin_while_that_of_exact_ones_is_the_margin(desk, classified):
    sums = {}
    for light in offices.rows(desk.newest):
        if light["class"]:
            exact = explanation.document(desk.newest, light, classified.scheme)
            told = explanation.visible(exact, desk.newest.words, internal=True, probability=False)
            added = [sum(one["contributions"].values()) for one in (exact, told)]
            sums.setdefault((light["class"], light["kind"]), []).append((light["margin"], *added))
            assert not any(value == light["margin"] for value in told["contributions"].values())
    assert {risk for risk, _ in sums} == set("ABCD")
    for rows in sums.values():
        margin, exact, told = np.array(rows).T
        assert np.ptp(exact - margin) < 1e-9
        both = told[told == 0]  # whoever has what raises and what lowers: one sum for all, however they are ordered
        assert len(both) >= len(rows) * 0.9
        assert set(told) <= {-100.0, 0.0, 100.0}
