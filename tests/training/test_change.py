"""Changes split exactly: each part is what one exchange alone does, and the parts add up."""

from dataclasses import replace

import numpy as np
import pytest
from small_scheme import DEFINITIONS, SETTINGS, batch_of, make_rows, make_world, scheme_of

from training import fit
from training.change import DATA, MODEL, PARTS, RULE, STEADINESS, THRESHOLD, Side, change
from training.confidence import odds
from training.cutoffs import Cutoffs
from training.errors import SchemeError

BEFORE, AFTER = make_rows(2400, seed=11).values[:1000], make_rows(2400, seed=12).values[:1000]
KIND = make_rows(2400, seed=11).kind[:1000]


def side(scheme, values, *, held=None, rule=None):
    """A month in which steadiness holds ``held`` classes back and rules demand ``rule``."""
    one = Side(scheme, batch_of(values, KIND), np.zeros(1000, np.int8), np.zeros(1000, np.int8))
    model = one.raw_class if held is None else np.clip(one.raw_class + held, 0, 3).astype(np.int8)
    return replace(one, model_class=model, final_class=model if rule is None else np.maximum(model, rule))


@pytest.fixture(scope="module")
def successor(scheme):
    """A scheme of other trees and other cutoffs."""
    world = make_world()
    found = scheme_of(world, models=fit.boosters(world.rows, world.layout, replace(SETTINGS, count=15, seeds=(9,))))
    moved = {
        kind: replace(part, cutoffs=Cutoffs(*(c * 1.2 for c in part.cutoffs.bounds)))
        for kind, part in found.parts.items()
    }
    return replace(found, parts=moved)


def test_parts_add_up_to_the_whole_under_another_scheme_rules_and_steadiness(scheme, successor):
    rng = np.random.default_rng(1)
    before = side(scheme, BEFORE, held=rng.integers(-1, 2, 1000), rule=rng.integers(0, 4, 1000).astype(np.int8))
    after = side(successor, AFTER, held=rng.integers(-1, 2, 1000), rule=rng.integers(0, 4, 1000).astype(np.int8))
    found = change(before, after)
    assert found.largest_rest <= 1e-9
    assert list(found.steps) == list(PARTS)
    assert np.array_equal(sum(found.steps.values()), after.final_class.astype(int) - before.final_class)
    assert all(np.any(part) for part in found.steps.values())  # every part moved somebody
    p = [one.scheme.probabilities(one.scheme.margins(one.batch.values, KIND), KIND) for one in (before, after)]
    assert np.abs(sum(found.log_odds.values()) - (odds(p[1]) - odds(p[0]))).max() <= 1e-9


def test_the_same_scheme_leaves_all_to_the_data(scheme):
    found = change(side(scheme, BEFORE), side(scheme, AFTER))
    assert not np.any(found.log_odds[MODEL])
    assert not any(np.any(found.steps[name]) for name in (MODEL, THRESHOLD, RULE, STEADINESS))
    assert np.any(found.steps[DATA])


def test_the_same_data_leave_all_to_the_model_and_its_cutoffs(scheme, successor):
    found = change(side(scheme, BEFORE), side(successor, BEFORE))
    assert not np.any(found.log_odds[DATA])
    assert not np.any(found.steps[DATA])
    assert np.any(found.steps[MODEL])
    assert np.any(found.steps[THRESHOLD])
    assert not np.any(found.lines)


def test_lines_are_what_each_indicator_changed_the_margin_by(scheme):
    found = change(side(scheme, BEFORE), side(scheme, AFTER))
    margins = scheme.margins(AFTER, KIND) - scheme.margins(BEFORE, KIND)
    assert found.lines.shape == (1000, len(DEFINITIONS.codes) + 1)
    assert np.abs(found.lines.sum(axis=1) - margins).max() <= 1e-9


def test_other_entities_or_kinds_are_refused(scheme):
    before, after = side(scheme, BEFORE), side(scheme, AFTER)
    other = replace(after, batch=replace(after.batch, entity=after.batch.entity[::-1]))
    with pytest.raises(SchemeError, match="same entities in the same order"):
        change(before, other)
    named = replace(scheme, kinds=("shop", "stall", "inn"), parts={**scheme.parts, "inn": scheme.parts["guild"]})
    with pytest.raises(SchemeError, match="schemes of the same kinds"):
        change(before, side(named, AFTER))
