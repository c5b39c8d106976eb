"""Classes by place add up to everyone counted; whoever a rule decides for stands apart."""

from dataclasses import replace

import numpy as np
import pytest

from evaluation import places, population
from features.dimensions import Dimension


@pytest.fixture(scope="module")
def now(case):
    return population.classified(case.task, case.scheme, as_of=case.task.reference_month)


@pytest.fixture
def found(case, now, monkeypatch):
    by_trade = Dimension("city", ("行业", "trade"), field="trade")
    monkeypatch.setattr(places, "read_dimensions", lambda profile: (by_trade,))
    counted = now.counted.copy()
    counted[:20] = False
    return places.study(case, replace(now, counted=counted)), replace(now, counted=counted)


def test_places_hold_everyone_counted_with_their_shares(found):
    shown, now = found
    rows = shown.figures["places"]
    assert sum(row["entities"] for row in rows) == now.counted.sum()
    for name, risk in zip("ABCD", range(4), strict=True):
        total = sum(row["shares"][name] * row["entities"] for row in rows)
        assert total == pytest.approx((now.final_class[now.counted] == risk).sum())
        before = sum(row["model_shares"][name] * row["entities"] for row in rows)
        assert before == pytest.approx((now.model_class[now.counted] == risk).sum())
    assert len(shown.tables) == 2
    assert "<svg" in shown.pictures[0]


def test_those_apart_are_counted_by_kind_and_class(found, case):
    shown, now = found
    assert sum(shown.figures["apart"].values()) == 20
    kind, name = next(iter(shown.figures["apart"])).split(" ")
    own = ~now.counted & (now.kind == case.scheme.kinds.index(kind)) & (now.final_class == "ABCD".index(name))
    assert shown.figures["apart"][f"{kind} {name}"] == own.sum()


def test_a_place_that_is_not_parted_has_no_table_of_places(case, now):
    shown = places.study(case, now)
    assert shown.figures == {"places": [], "apart": {}}
    assert shown.pictures == ()
    assert np.array_equal([table.caption[1] for table in shown.tables], ["Entities that stand apart, not in any share"])
