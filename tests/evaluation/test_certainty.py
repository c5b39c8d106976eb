"""The study of confidence: shares add up, agreement is that of the pairs, and who stays is counted by level."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from evaluation import certainty
from evaluation.population import Population
from features.profile import Kind
from training.calibration import IDENTITY
from training.confidence import Certainty, Line, Thin
from training.cutoffs import Cutoffs
from training.parts import KindPart
from training.sureness import Confidence

KINDS = ("shop", "stall")
PROFILE = SimpleNamespace(kind_codes=KINDS, kinds=(Kind("shop", "店", "shop"), Kind("stall", "摊", "stall")))
FLAT = Line((0.0,), (0.5,))
CERTAINTY = Certainty(10, 0.9, 0.7, dict.fromkeys(KINDS, FLAT), dict.fromkeys("ABCD", FLAT), Thin(None, 0.0, 2, ()))
SCHEME = SimpleNamespace(
    certainty=CERTAINTY, kinds=KINDS, parts=dict.fromkeys(KINDS, KindPart(IDENTITY, Cutoffs(0.1, 0.2, 0.3), 0.0))
)
HIGH, MEDIUM, LOW, THIN = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW, Confidence.INSUFFICIENT


def month(classes, confidence, *, moved=(), counted=None):
    size = len(classes)
    classes = np.array(classes, np.int8)
    return Population(
        as_of=date(2025, 12, 31),
        scheme="s",
        entity=np.arange(size, dtype=np.int32),
        kind=np.array([number % 2 for number in range(size)], np.int8),
        probability=np.zeros(size),
        raw_class=classes,
        model_class=classes,
        ruled=np.zeros(size, np.int8),
        final_class=classes,
        confidence=np.array(confidence, np.int8),
        counted=np.ones(size, bool) if counted is None else np.array(counted),
        moved=np.isin(np.arange(size), list(moved)),
        columns=(),
        values=np.zeros((0, 0)),
        values_kind=np.zeros(0, np.int8),
        values_entity=np.zeros(0, np.int32),
        states=pa.table({}),
        rules=pa.array([[]] * size, pa.list_(pa.string())),
    )


def pairs():
    return pa.table(
        {
            "stratum": ["headline"] * 5 + ["open_case"],
            "kind": pa.array([0, 1, 0, 1, 0, 0], pa.int8()),
            "weight": [1.0, 3.0, 1.0, 1.0, 1.0, 1.0],
            "probability": [0.05, 0.05, 0.25, 0.5, 0.05, 0.05],
            "agreement": [1.0, 0.9, 0.7, 0.4, None, None],
            "confidence": ["high", "high", "medium", "low", None, None],
        }
    )


BEFORE = month([0, 0, 1, 3, 2, 0], [HIGH, HIGH, MEDIUM, HIGH, LOW, THIN])
AFTER = month([0, 1, 1, 3, 1, 0], [HIGH, LOW, MEDIUM, HIGH, LOW, THIN], moved=[1], counted=[True] * 5 + [False])


@pytest.fixture(scope="module")
def shown():
    return certainty.study(PROFILE, SCHEME, scored=pairs(), months=(BEFORE, AFTER))


def test_agreement_is_weighed_and_told_by_level_and_class(shown):
    found = shown.figures["agreement"]
    assert found["high"]["pairs"] == 2
    assert found["high"]["agreement"] == pytest.approx((1.0 + 3 * 0.9) / 4)
    assert found["medium"]["by_class"]["C"] == {"pairs": 1, "agreement": 0.7}
    assert found["low"]["by_class"]["D"] == {"pairs": 1, "agreement": 0.4}
    assert found["insufficient"] == {
        "pairs": 0,
        "agreement": None,
        "by_class": {name: {"pairs": 0, "agreement": None} for name in "ABCD"},
    }


def test_shares_are_of_those_counted_by_class_and_kind(shown):
    by_class = shown.figures["by_class"]
    assert by_class["A"] == {"entities": 1, "shares": {"high": 1.0, "medium": 0.0, "low": 0.0, "insufficient": 0.0}}
    assert by_class["B"]["entities"] == 3
    assert by_class["B"]["shares"]["low"] == pytest.approx(2 / 3)
    assert by_class["C"] == {"entities": 0, "shares": dict.fromkeys(("high", "medium", "low", "insufficient"))}
    assert {name: one["entities"] for name, one in shown.figures["by_kind"].items()} == {"shop": 3, "stall": 2}


def test_who_stays_is_counted_by_the_level_of_the_month_before(shown):
    found = shown.figures["kept"]
    assert found["high"] == {"entities": 3, "kept": pytest.approx(2 / 3), "calm": 2, "calm_kept": 1.0}
    assert found["low"] == {"entities": 1, "kept": 0.0, "calm": 1, "calm_kept": 0.0}
    assert found["insufficient"] == {"entities": 0, "kept": None, "calm": 0, "calm_kept": None}


def test_it_shows_four_tables_in_two_languages(shown):
    assert (shown.code, shown.title) == ("confidence", ("把握程度", "Confidence"))
    assert len(shown.tables) == 4
    for one in shown.tables:
        assert {len(row) for row in one.rows} == {len(one.head)}
    assert shown.tables[2].rows[0][2].text == ("92.5%", "92.5%")
    assert shown.tables[2].rows[0][3].text == ("90%", "90%")
    assert shown.tables[1].rows[1][0].text == ("摊", "stall")


def test_a_scheme_without_bags_has_no_study():
    plain = SimpleNamespace(certainty=None)
    assert certainty.study(PROFILE, plain, scored=pairs(), months=(BEFORE, replace(AFTER))) is None
