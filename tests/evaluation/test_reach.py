"""Whom random draws speak for: counted by cells of the frame, everybody where nobody was drawn, never left unsaid."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from evaluation import material, reach, studies
from evaluation.errors import GateError
from features.dimensions import Dimension

KINDS = Dimension("kind", ("类型", "kind"))


@pytest.fixture(scope="module")
def drawn(case):
    then, known = material._draws(case, lambda _: None)
    return then, known.draws


@pytest.fixture
def framed(case, monkeypatch):
    """The place with a frame that is parted by kind."""
    table = case.task.profile.table
    block = {**table("random_draw"), "frame": ["kind"]}
    monkeypatch.setattr(
        type(case.task.profile), "table", lambda self, name: block if name == "random_draw" else table(name)
    )
    monkeypatch.setattr(reach, "read_dimensions", lambda profile: (KINDS,))
    return case


def test_a_frame_that_slices_do_not_part_by_is_refused(case, drawn, monkeypatch):
    block = {**case.task.profile.table("random_draw"), "frame": ["moon"]}
    monkeypatch.setattr(type(case.task.profile), "table", lambda self, name: block)
    monkeypatch.setattr(reach, "read_dimensions", lambda profile: ())
    with pytest.raises(GateError, match=r"frame is moon; expected codes of slices\.yaml .*: it has none"):
        reach.reach(case, *drawn)


def test_who_lies_where_nobody_was_drawn_is_counted(framed, drawn):
    then, draws = drawn
    shop = np.isin(draws.entity, then.entity[then.kind == 0])
    found = reach.reach(framed, then, draws.where(shop))
    counted = then.kind[then.counted]
    assert found.without_chance == pytest.approx((counted != 0).mean())
    assert 0 < found.without_chance < 1
    assert "π = 0" in reach.told(found)[1]
    assert f"{found.without_chance:.1%}" in reach.told(found)[0]


def test_who_was_drawn_only_off_site_or_without_a_chance_was_not_reached(framed, drawn):
    then, draws = drawn
    shop = np.isin(draws.entity, then.entity[then.kind == 0])
    expected = reach.reach(framed, then, draws.where(shop))
    assert reach.reach(framed, then, replace(draws, onsite=shop)) == expected
    assert reach.reach(framed, then, replace(draws, chance=np.where(shop, draws.chance, np.nan))) == expected


@pytest.mark.parametrize("of", ["nothing", "none on site", "no records"])
def test_where_nobody_was_reached_draws_speak_for_nobody(case, drawn, of):
    then, draws = drawn
    none = np.zeros(len(draws.entity), bool)
    given = {"nothing": draws.where(none), "none on site": replace(draws, onsite=none), "no records": None}[of]
    found = reach.reach(case, then, given)
    assert (found.reached, found.without_chance, found.looked_up) == (0, 1.0, then.counted.sum())
    assert {share for share in found.by_class.values() if share is not None} == {1.0}
    assert all("100.0%" in words for words in reach.told(found))


def test_where_no_frame_is_stated_the_share_is_said_to_be_unknown(case, drawn):
    found = reach.reach(case, *drawn)
    assert found.reached > 0
    assert found.without_chance is None
    assert "不详" in reach.told(found)[0]
    assert "is not known: random_draw.yaml does not state the frame" in reach.told(found)[1]


def test_the_share_is_told_also_where_there_is_no_second_look(framed, drawn):
    then = replace(drawn[0], as_of=date(2025, 12, 31))
    seen = studies.Seen(framed, then, then, (then, then), drawn=None, stability=None, sanity=None, shuffled=())
    told = studies._twice(seen, {}, np.random.default_rng(1))
    assert told.code == "twice"
    assert told.judged == {}
    assert told.figures["without_chance"]["without_chance"] == 0.0
    assert "π = 0）的主体占 0.0%" in told.question[0]
    before = reach.study(framed, drawn[0])  # draws of the year before that date: there were none
    assert before.figures["without_chance"]["without_chance"] == 1.0
    assert before.tables[0].rows[0][1].text[0] == "100.0%"


def test_in_a_place_that_records_no_draws_everybody_is_without_a_chance(case, drawn, monkeypatch):
    monkeypatch.setattr(type(case.task.profile), "has", lambda self, name: False)
    told = reach.study(case, drawn[0])
    assert told.figures["without_chance"]["without_chance"] == 1.0
    assert "100.0%" in told.question[1]
