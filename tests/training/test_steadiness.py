import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.cutoffs import Cutoffs
from training.errors import SchemeError
from training.steadiness import CAUSES, Steadiness, aligned, causes, steadied

CUTOFFS = Cutoffs(0.1, 0.2, 0.4)
SETTINGS = Steadiness(margin=0.1, steps_better=1)
SCHEME = "s" * 64
LETTERS = "ABCD"
PREVIOUS = pa.table({"entity": pa.array([9, 2, 5], pa.int32()), "class": ["D", "A", "B"], "band": ["D", "A", "B"]})


def month(probability, *, before=None, ruled="A", **flags):
    """(model class, final class, cause) of one entity after one month."""
    entity, now = np.array([7], np.int32), np.array([LETTERS.index(ruled)], np.int8)
    previous = None
    if before is not None:
        row = {"entity": pa.array([7], pa.int32()), "class": [before], "band": [before]}
        previous = pa.table({**row, **{name: [value] for name, value in flags.items()}})
    held = aligned(previous, entity, SCHEME, ruled=now)
    p = np.array([probability])
    model = steadied(SETTINGS, held, p, CUTOFFS)
    final = np.maximum(model, now)
    (cause,) = causes(held, CUTOFFS.classes(p), final, now)
    return LETTERS[model[0]], LETTERS[final[0]], str(cause)


@pytest.mark.parametrize(
    ("probability", "given", "expected"),
    [
        (0.15, {}, ("B", "B", "first")),
        (0.15, {"before": "B"}, ("B", "B", "unchanged")),
        (0.095, {"before": "B"}, ("B", "B", "held_by_margin")),  # past the cutoff, not past the margin
        (0.089, {"before": "B"}, ("A", "A", "improved")),
        (0.01, {"before": "D"}, ("C", "C", "improved")),  # one class better a month
        (0.01, {"before": "D", "eased": True}, ("A", "A", "eased")),  # an annulment: at once
        (0.105, {"before": "A"}, ("A", "A", "held_by_margin")),
        (0.112, {"before": "A"}, ("B", "B", "worsened")),
        (0.9, {"before": "A"}, ("B", "B", "worsened")),  # no two-class jump without a fact
        (0.9, {"before": "A", "adverse": True}, ("D", "D", "new_record")),
        (0.105, {"before": "A", "state_reached": True}, ("B", "B", "state_reached")),
        (0.105, {"before": "A", "eased": True}, ("A", "A", "held_by_margin")),
        (0.112, {"before": "A", "scheme": "other"}, ("B", "B", "scheme")),
        (0.089, {"before": "B", "scheme": "other"}, ("A", "A", "scheme")),
        (0.15, {"before": "B", "scheme": "other"}, ("B", "B", "unchanged")),
        (0.15, {"before": "B", "ruled": "D"}, ("B", "D", "rule")),
    ],
)
def test_a_class_moves_only_with_a_cause(probability, given, expected):
    assert month(probability, **given) == expected


def test_a_rule_that_falls_away_gives_the_unsmoothed_class_at_once():
    previous = pa.table({"entity": pa.array([7], pa.int32()), "class": ["D"], "band": ["C"], "ruled": ["D"]})
    now = np.zeros(1, np.int8)
    held = aligned(previous, np.array([7], np.int32), SCHEME, ruled=now)
    p = np.array([0.01])
    model = steadied(SETTINGS, held, p, CUTOFFS)
    assert model.tolist() == [0]
    assert causes(held, CUTOFFS.classes(p), model, now).tolist() == ["rule_ended"]


def test_what_rules_demanded_is_read_from_classes_when_not_stated():
    previous = pa.table({"entity": pa.array([7], pa.int32()), "class": ["D"], "band": ["B"]})
    held = aligned(previous, np.array([7], np.int32), SCHEME, ruled=np.zeros(1, np.int8))
    assert held.ruled.tolist() == [3]
    assert held.eased.tolist() == [True]


def test_previous_rows_are_found_by_entity_in_any_order():
    held = aligned(PREVIOUS, np.array([2, 3, 5, 10], np.int32), SCHEME, ruled=np.zeros(4, np.int8))
    assert held.final.tolist() == [0, -1, 1, -1]
    assert not held.eased.any()


@settings(max_examples=30, deadline=None)
@given(
    path=st.lists(st.tuples(st.floats(0.001, 0.999), st.booleans(), st.booleans()), min_size=2, max_size=8),
)
def test_without_facts_no_class_moves_by_two_and_every_move_has_a_name(path):
    before = None
    for probability, adverse, eased in path:
        flags = {"adverse": adverse, "eased": eased} if before else {}
        _, final, cause = month(probability, before=before, **flags)
        assert cause in CAUSES
        if before and not adverse and not eased:
            assert abs(LETTERS.index(final) - LETTERS.index(before)) <= 1
        if before and final != before:
            assert cause not in {"unchanged", "held_by_margin", "first"}
        before = final


def test_settings_out_of_range_are_refused():
    for margin, steps in ((1.0, 1), (-0.1, 1), (0.1, 0)):
        with pytest.raises(SchemeError, match="Steadiness has margin"):
            Steadiness(margin, steps)
    assert Steadiness.read(SETTINGS.written()) == SETTINGS


def test_a_first_month_knows_no_earlier_class_and_no_fact():
    for none in (None, PREVIOUS.slice(0, 0)):
        before = aligned(none, np.array([4, 9], np.int32), "s", ruled=np.zeros(2, np.int8))
        assert before.final.tolist() == before.model.tolist() == [-1, -1]
        assert before.ruled.tolist() == [0, 0]
        assert before.final.dtype == before.ruled.dtype == np.int8
        assert not np.any([before.adverse, before.state_reached, before.eased, before.other_scheme])


def test_a_flag_that_is_not_known_is_not_raised():
    rows = PREVIOUS.append_column("adverse", pa.array([None] * len(PREVIOUS), pa.bool_()))
    entities = PREVIOUS["entity"].to_numpy()
    assert not aligned(rows, entities, "s", ruled=np.zeros(len(entities), np.int8)).adverse.any()


def test_a_class_of_another_scheme_is_marked_and_one_of_the_same_is_not():
    made_by = pa.array(["old"] + ["new"] * (len(PREVIOUS) - 1))
    entities = PREVIOUS["entity"].to_numpy()
    found = aligned(PREVIOUS.append_column("scheme", made_by), entities, "new", ruled=np.zeros(len(entities), np.int8))
    assert found.other_scheme.sum() == 1
