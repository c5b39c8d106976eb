from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_scheme import DEFINITIONS, KINDS, batch_of, make_rows

from training import explain
from training.cutoffs import RiskClass
from training.scheme import Scheme, SchemeError

ROWS = make_rows(3000, seed=5)
RISKIER = [DEFINITIONS.codes.index(code) for code in ("fines", "fines_late", "listed")]
VISITS = DEFINITIONS.codes.index("visits")


def test_a_saved_scheme_loads_and_gives_the_same_bits(scheme, saved, key):
    loaded = Scheme.load(saved, key.public_key())
    assert loaded == scheme
    assert loaded.digest == scheme.digest
    assert np.array_equal(loaded.margins(ROWS.values, ROWS.kind), scheme.margins(ROWS.values, ROWS.kind))


def test_the_same_fit_gives_the_same_folder(scheme, saved, key, tmp_path):
    scheme.save(tmp_path / "again", key)
    for path in saved.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_replacing_controls_equals_averaging_over_the_reference(scheme):
    values, kind = ROWS.values[:50], ROWS.kind[:50]
    planned = scheme.margins(values, kind)
    for row in range(50):
        held = scheme.reference["kinds"][KINDS[kind[row]]]
        weights = np.array(held["weights"])
        many = np.repeat(values[row : row + 1], len(weights), axis=0)
        known = scheme.margins(many, np.repeat(kind[row : row + 1], len(weights)), np.array(held["controls"]))
        assert abs((known * weights).sum() / weights.sum() - planned[row]) < 1e-9


def test_exposure_is_one_constant_a_kind_and_controls_add_nothing(scheme):
    lines = scheme.contributions(ROWS.values, ROWS.kind, bulk=False)
    for number in range(len(KINDS)):
        assert len(np.unique(lines[ROWS.kind == number, -1])) == 1
    assert not lines[:, VISITS].any()
    assert scheme.lines[-1] == "exposure"


def test_more_visits_change_no_margin(scheme):
    visited = ROWS.values.copy()
    visited[:, VISITS] += 5
    assert np.array_equal(scheme.margins(visited, ROWS.kind), scheme.margins(ROWS.values, ROWS.kind))


def test_contributions_add_up_to_the_margin(scheme):
    margin = scheme.margins(ROWS.values, ROWS.kind)
    single = scheme.contributions(ROWS.values, ROWS.kind, bulk=False)
    bulk = scheme.contributions(ROWS.values, ROWS.kind, bulk=True)
    error = np.abs(scheme.base + bulk.sum(axis=1) - margin).max()
    print(f"largest error of bulk contributions: {error:.1e} (woodelf sums in float32)")  # noqa: T201
    assert np.abs(scheme.base + single.sum(axis=1) - margin).max() < 1e-9
    assert error < 1e-5
    assert np.abs(single - bulk).max() < 1e-5


def test_stored_contributions_depend_on_the_vector_alone(scheme):
    whole = scheme.contributions(ROWS.values, ROWS.kind, bulk=True)
    order = np.random.default_rng(0).permutation(len(ROWS.values))
    shuffled = scheme.contributions(ROWS.values[order], ROWS.kind[order], bulk=True)
    assert np.array_equal(shuffled, whole[order])
    for part in (slice(0, 1), slice(7, 900)):
        assert np.array_equal(scheme.contributions(ROWS.values[part], ROWS.kind[part], bulk=True), whole[part])


def test_rows_on_the_same_side_of_every_threshold_share_a_vector(scheme):
    moved = ROWS.values.copy()
    moved[:, RISKIER] += 0.25 * (moved[:, RISKIER] > 0)  # counts: no threshold lies between n and n + 1/4
    codes = scheme.bin_codes(ROWS.values)
    assert np.array_equal(codes, scheme.bin_codes(moved))
    vectors, which = explain.distinct(codes)
    assert np.array_equal(vectors[which], codes)
    assert len(vectors) == len(np.unique(codes, axis=0))


@settings(max_examples=30, deadline=None)
@given(
    row=st.integers(0, len(ROWS.kind) - 1),
    column=st.sampled_from(RISKIER),
    more=st.integers(1, 50),
    before=st.sampled_from([None, "A", "B", "C", "D"]),
    facts=st.tuples(st.booleans(), st.booleans()),
)
def test_more_of_a_riskier_monotone_indicator_never_lowers_the_class(scheme, row, column, more, before, facts):
    values, kind = ROWS.values[[row, row]], ROWS.kind[[row, row]]
    values[1, column] += more
    previous = None
    if before:
        previous = previous_of([0, 1], [before] * 2, adverse=[facts[0]] * 2, eased=[facts[1]] * 2)
    found = scheme.classify(batch_of(values, kind), previous)
    assert found.margin[1] >= found.margin[0]
    assert found.final_class[1] >= found.final_class[0]


def test_equal_probabilities_belong_to_equal_margins_only(scheme):
    margins = np.unique(np.round(np.linspace(-12, 6, 5000), 6))
    for number in range(len(KINDS)):
        found = scheme.probabilities(margins, np.full(len(margins), number, np.int8))
        assert np.all(np.diff(found) > 0)


def test_a_first_month_has_first_as_its_cause_and_rules_only_worsen(scheme):
    found = scheme.classify(batch_of(ROWS.values, ROWS.kind), None)
    revoked = ROWS.values[:, DEFINITIONS.codes.index("revoked")] > 0
    assert set(found.cause) == {"first"}
    assert set(found.final_class[revoked]) == {RiskClass.D}
    assert np.all(found.final_class >= found.model_class)
    assert np.array_equal(found.model_class, found.raw_class)
    assert all("H1" in codes for codes in found.rules.filter(pa.array(revoked)).to_pylist())


def test_classes_do_not_depend_on_the_batch(scheme):
    whole = scheme.classify(batch_of(ROWS.values, ROWS.kind), None)
    part = scheme.classify(batch_of(ROWS.values[100:200], ROWS.kind[100:200]), None)
    assert np.array_equal(whole.probability[100:200], part.probability)
    assert np.array_equal(whole.final_class[100:200], part.final_class)


def test_what_is_judged_is_what_classes_come_from_whatever_was_before(scheme):
    batch = batch_of(ROWS.values, ROWS.kind)
    judged = scheme.judged(batch)
    for found in (scheme.classify(batch, None), scheme.classify(batch, after(scheme.classify(batch, None), scheme))):
        for name in ("margin", "probability", "ruled"):
            assert np.array_equal(getattr(found, name), getattr(judged, name))
        assert found.rules.equals(judged.rules)
    assert judged.ruled.any()


def test_an_unchanged_month_leaves_every_class_unchanged(scheme):
    first = scheme.classify(batch_of(ROWS.values, ROWS.kind), None)
    second = scheme.classify(batch_of(ROWS.values, ROWS.kind), after(first, scheme))
    assert np.array_equal(second.final_class, first.final_class)
    assert set(second.cause) == {"unchanged"}


def test_columns_in_another_order_give_the_same_margins(scheme):
    order = np.arange(len(DEFINITIONS.codes))[::-1]
    batch = replace(
        batch_of(ROWS.values[:, order], ROWS.kind), columns=tuple(DEFINITIONS.codes[place] for place in order)
    )
    assert np.array_equal(
        scheme.classify(batch, None).margin, scheme.classify(batch_of(ROWS.values, ROWS.kind), None).margin
    )


def test_a_matrix_may_lack_what_no_feature_and_no_rule_reads(scheme):
    batch = replace(batch_of(ROWS.values[:, :-1], ROWS.kind), columns=DEFINITIONS.codes[:-1])
    whole = scheme.classify(batch_of(ROWS.values, ROWS.kind), None)
    assert np.array_equal(scheme.classify(batch, None).margin, whole.margin)


def test_a_matrix_without_a_feature_is_refused(scheme):
    batch = replace(batch_of(ROWS.values[:, 1:], ROWS.kind), columns=DEFINITIONS.codes[1:])
    with pytest.raises(SchemeError, match="lacks fines, which the scheme reads"):
        scheme.classify(batch, None)


def test_a_kind_the_scheme_does_not_know_is_refused(scheme):
    with pytest.raises(SchemeError, match="kinds"):
        scheme.classify(batch_of(ROWS.values, np.full(len(ROWS.kind), -1, np.int8)), None)


def test_rules_apply_between_their_dates(scheme):
    early = scheme.classify(batch_of(ROWS.values, ROWS.kind, as_of=date(2019, 12, 31)), None)
    assert np.array_equal(early.final_class, early.model_class)


def previous_of(entities, classes, *, bands=None, **flags):
    table = pa.table({"entity": pa.array(entities, pa.int32()), "class": classes, "band": bands or classes})
    for name, column in flags.items():
        table = table.append_column(name, pa.array(column))
    return table


def after(found, scheme):
    names = [risk.name for risk in RiskClass]
    return pa.table(
        {
            "entity": pa.array(found.entity, pa.int32()),
            "class": [names[number] for number in found.final_class],
            "band": [names[number] for number in found.model_class],
            "ruled": [names[number] for number in found.ruled],
            "scheme": [scheme.digest] * len(found.entity),
        }
    )
