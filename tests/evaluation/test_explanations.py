"""Every check of explanations stands on an honest small scheme and falls on a planted fault."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest

from evaluation import contributions, explanations, population, printed, rebuilt, trials
from evaluation.answers import answer, largest
from evaluation.checks import Sanity
from evaluation.contributions import Told
from evaluation.explanations import Explaining
from evaluation.printed import Page, Printed, Reader
from evaluation.rebuilt import Again
from evaluation.stability import Migration
from features.asof import Month
from features.indicators.catalogue import Definitions, code_words
from features.indicators.language import records
from tests.training import small_scheme
from training import boosters, reasons
from training.reasons import Reason

DEFINITIONS = small_scheme.DEFINITIONS
KNOWN = datetime(2025, 3, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def world():
    return small_scheme.make_world()


@pytest.fixture(scope="module")
def scheme(world):
    return small_scheme.scheme_of(world)


@pytest.fixture(scope="module")
def told(scheme):
    rows = small_scheme.make_rows(1500, seed=9)
    return Told.by(scheme, rows.values, rows.kind)


@pytest.fixture(scope="module")
def shuffled(scheme, world):
    rng = np.random.default_rng(6)
    return [trials.shuffled(scheme, world.rows, world.layout, small_scheme.SETTINGS, rng) for _ in range(3)]


# ------------------------------------------------------------------------------- contributions against the model


def test_contributions_of_an_honest_scheme_add_up_and_say_the_same_in_bulk(scheme, told):
    found = contributions.additivity(scheme, DEFINITIONS, told)
    assert found.passed
    assert found.rows == len(told.values)
    assert 0 < found.found["bulk"] <= 1e-5
    assert found.found["single"] <= 1e-9


def test_one_contribution_that_was_changed_does_not_add_up(scheme, told):
    bulk = told.bulk.copy()
    bulk[700, 0] += 1e-3
    found = contributions.additivity(scheme, DEFINITIONS, replace(told, bulk=bulk))
    assert found.passed is False
    assert found.found["bulk"] == pytest.approx(1e-3, rel=0.1)


def test_contributions_of_two_indicators_exchanged_add_up_and_are_found_by_their_order(scheme, told):
    bulk = told.bulk.copy()
    bulk[:, [0, 3]] = bulk[:, [3, 0]]
    found = contributions.additivity(scheme, DEFINITIONS, replace(told, bulk=bulk))
    assert found.found["bulk"] <= 1e-5
    assert found.found["orders_differ"] > 100
    assert found.passed is False


def test_a_class_is_another_when_the_bulk_margin_is_off_by_more_than_a_tie(scheme, told):
    single = told.margin
    assert contributions.reclassed(scheme, told, single + 1e-6, single) == 0
    assert contributions.reclassed(scheme, told, single + 0.5, single) > 10


def test_only_equally_strong_reasons_may_change_places():
    values, single = np.ones((1, 9)), np.zeros((1, 9))
    single[0, [0, 2]] = 0.5, 0.500001
    bulk = single[:, [2, 1, 0, *range(3, 9)]]
    assert contributions.reordered(DEFINITIONS, values, bulk, single) == 0
    single[0, 2] = 0.6
    assert contributions.reordered(DEFINITIONS, values, bulk, single) == 1


def test_a_reason_at_the_least_share_may_be_there_or_not_and_no_other():
    values, single = np.ones((1, 9)), np.zeros((1, 9))
    single[0, [0, 2]] = 0.95, 0.05
    nearly = single.copy()
    nearly[0, 2] -= 1e-6
    assert contributions.reordered(DEFINITIONS, values, nearly, single) == 0
    gone = single.copy()
    gone[0, 2] = 0.0
    single[0, 2] = 0.2
    assert contributions.reordered(DEFINITIONS, values, gone, single) == 1


def test_within_a_section_the_stronger_indicator_speaks():
    values, single = np.ones((1, 9)), np.zeros((1, 9))
    single[0, [0, 1]] = 0.5, 0.3
    bulk = single[:, [1, 0, *range(2, 9)]]
    assert contributions.reordered(DEFINITIONS, values, bulk, single) == 1


def test_shap_walks_the_same_trees_by_its_own_algorithm(scheme, told):
    found = contributions.native(scheme, told.values[:200])
    assert found.passed
    assert found.found == {"difference": pytest.approx(0.0, abs=1e-12), "boosters": 2}


def test_shap_finds_out_a_model_that_is_explained_as_another(scheme, told, monkeypatch):
    honest = boosters.booster

    def other(text):
        one = honest(text)
        one.predict, asked = (
            (lambda *args, **how: asked(*args, **how) * (1.001 if "pred_contrib" in how else 1)),
            one.predict,
        )
        return one

    monkeypatch.setattr(contributions, "booster", other)
    found = contributions.native(scheme, told.values[:50])
    assert found.passed is False
    assert found.found["difference"] > 1e-5


def test_shap_may_give_both_classes():
    rows = np.arange(6.0).reshape(2, 3)
    assert np.array_equal(contributions.positive([-rows, rows]), rows)
    assert np.array_equal(contributions.positive(np.stack([-rows, rows], axis=-1)), rows)
    assert np.array_equal(contributions.positive(rows), rows)


def test_bits_do_not_depend_on_company_order_threads_or_reading_again(scheme, told):
    found = contributions.same_bits(scheme, told.values[:300])
    assert found.passed
    assert set(found.found) == {"batches", "order", "alone", "read_anew", "threads"}


def test_an_explanation_that_looks_at_the_other_rows_is_found(scheme, told):
    vectors = scheme.bin_codes(told.values[:90])

    def in_company(codes):
        return scheme.explained(codes) + 1e-15 * len(codes)

    found = contributions.batched(in_company, vectors)
    assert found["batches"] > 0
    assert found["alone"] > 0
    assert found["order"] == 0


def test_an_explanation_that_depends_on_the_order_is_found(scheme, told):
    vectors = scheme.bin_codes(told.values[:90])

    def in_line(codes):
        return scheme.explained(codes) + 1e-9 * np.arange(len(codes))[:, None]

    assert contributions.batched(in_line, vectors)["order"] > 80


def test_no_adverse_value_is_printed_as_lowering_and_counts_do_not_lower(scheme, told):
    found = contributions.signs(scheme, DEFINITIONS, told, Sanity(10, 0, 0.0))
    assert found.passed
    assert found.found["cells"] > 500
    assert contributions.signs(scheme, DEFINITIONS, told, Sanity(10, 1, 0.0)).passed is False


def test_counts_that_lower_are_found(scheme, told):
    bulk = told.bulk.copy()
    bulk[:, 0] = -np.abs(bulk[:, 0])
    found = contributions.signs(scheme, DEFINITIONS, replace(told, bulk=bulk), None)
    assert found.passed is False
    assert found.found["counts_lower"] > 0.3
    assert found.found["printed"] == 0


def test_a_count_the_model_does_not_tell_from_none_cannot_lower(scheme):
    first = scheme._explainer.bins.thresholds[0][0]
    values = np.zeros((2, 9))
    values[:, 0] = first / 2, first + 1
    found = contributions.told_from_none(scheme, values)
    assert found[:, 0].tolist() == [False, True]
    assert not found[:, [6, 7, 8]].any()


def test_a_printed_adverse_value_that_lowers_is_found():
    chosen = reasons.Selected(np.array([[-1, -1, -1, -1, 0, 3]], np.int16), np.array([[0, 0, 0, 0, -0.5, -0.2]]))
    riskier = np.array([one.direction == "riskier" for one in DEFINITIONS.indicators])
    assert contributions.printed_against(chosen, np.full((1, 9), 2.0), riskier) == 1
    assert contributions.printed_against(chosen, np.zeros((1, 9)), riskier) == 0


# ------------------------------------------------------------------------------------------------------- trials


def top(told):
    rows = trials.top_decile(told.margin)
    return explanations.rows_of(told, rows[(told.bulk[rows, :-1] > 0).any(axis=1)])


def usual(told, scheme):
    return trials.neutral(told.values, told.kind, told.margin < np.median(told.margin), len(scheme.kinds))


def test_what_is_named_moves_the_margin_and_what_is_drawn_at_random_less(scheme, told):
    found = trials.deletion(scheme.margins, top(told), usual(told, scheme), np.random.default_rng(1))
    assert found.found["lowered_1"] >= 0.99
    assert found.found["lowered_3"] >= 0.99
    assert found.found["named_1"] > 1.5 * found.found["random_1"]


def test_reasons_drawn_at_random_do_not_stand_deletion(scheme, told):
    rng = np.random.default_rng(2)
    few = top(told)
    random = replace(few, bulk=np.concatenate([np.abs(rng.normal(0, 1, few.values.shape)), few.bulk[:, -1:]], axis=1))
    found = trials.deletion(scheme.margins, random, usual(told, scheme), np.random.default_rng(1))
    assert found.passed is False
    assert found.found["lowered_1"] < 0.9


def test_nobody_to_look_at_is_no_answer(scheme, told):
    nobody = explanations.rows_of(told, np.empty(0, np.int64))
    assert trials.deletion(scheme.margins, nobody, usual(told, scheme), np.random.default_rng(1)).passed is None
    assert trials.next_month(DEFINITIONS, nobody, nobody, small_scheme.KINDS).passed is None


def test_the_usual_value_is_the_median_or_null_where_most_have_none():
    values = np.array([[1.0, np.nan], [2.0, np.nan], [9.0, 4.0], [5.0, 6.0]])
    kind = np.array([0, 0, 0, 1], np.int8)
    found = trials.neutral(values, kind, np.array([True, True, True, False]), 2)
    assert found[0, 0] == 2.0
    assert np.isnan(found[0, 1])
    assert found[1, 0] == 2.0


def test_a_month_in_which_nothing_happened_changes_no_reason(told):
    found = trials.next_month(DEFINITIONS, told, told, small_scheme.KINDS)
    assert found.passed
    assert found.found["jaccard"] == found.found["first_section"] == found.found["signs"] == 1.0


def test_reasons_of_other_entities_are_not_stable(told):
    mixed = explanations.rows_of(told, np.random.default_rng(3).permutation(len(told.values)))
    found = trials.next_month(DEFINITIONS, mixed, told, small_scheme.KINDS)
    assert found.passed is False
    assert found.found["jaccard"] < 0.8
    assert found.found["signs_all"] < 0.999


def test_a_sign_that_turns_where_the_value_stayed_is_found(told):
    bulk = told.bulk.copy()
    bulk[:, 0] *= -1
    found = trials.next_month(DEFINITIONS, replace(told, bulk=bulk), told, small_scheme.KINDS)
    assert found.found["signs"] < 0.999
    moved = replace(told, values=np.nan_to_num(told.values) + 1.0, bulk=bulk)
    assert trials.next_month(DEFINITIONS, moved, told, small_scheme.KINDS).found["signs_cells"] == 0


def test_classes_of_the_calm_stay_and_nobody_jumps():
    kept = Migration(((990, 10, 0, 0), (0, 190, 10, 0), (0, 0, 5, 5), (0, 0, 0, 0)), 1210, 1185 / 1210, 0, 0, 0)
    found = trials.classes_kept(kept)
    assert found.passed  # of class C too few are told
    assert (found.found["A"], found.found["C"]) == (0.99, 0.5)
    assert "D" not in found.found
    assert trials.classes_kept(replace(kept, two_class_jumps=1)).passed is False
    for moves in (((989, 11, 0, 0), *kept.moves[1:]), (kept.moves[0], (11, 189, 0, 0), *kept.moves[2:])):
        assert trials.classes_kept(replace(kept, moves=moves)).passed is False
    nobody = Migration(((0,) * 4,) * 4, 0, None, 0, 0, 0)
    assert trials.classes_kept(nobody).passed is None


def test_models_of_shuffled_labels_are_explained_otherwise_and_the_scheme_as_itself(scheme, told, shuffled):
    found = trials.randomised(scheme, told, shuffled)
    assert found.found["correlation"] < 0.5  # a handful of indicators leaves chance more room than a province has
    assert found.found["absolute"] is not None
    same = trials.randomised(scheme, told, [scheme, scheme])
    assert same.found["correlation"] > 0.999
    assert same.passed is False
    assert trials.randomised(scheme, told, []).passed is None


def test_shuffled_models_learned_nothing(scheme, told, shuffled):
    spread = [np.std(one.margins(told.values, told.kind)) for one in (scheme, *shuffled)]
    assert max(spread[1:]) < 0.7 * spread[0]


def test_ranks_of_rows_that_are_all_alike_say_nothing():
    left = np.array([[1.0, 2.0, 3.0], [1.0, 1.0, 1.0]])
    assert trials.spearman(left, left) == pytest.approx(0.5)
    assert trials.spearman(left[:0], left[:0]) is None


# --------------------------------------------------------------------------------------------- printed reasons


def line(indicator, value, *, entity=1, cites=(), visibility="publishable", words=None, kind="shop"):
    code = f"{DEFINITIONS.by_code[indicator].section}-{indicator}"
    days = tuple(date(2025, 3, 1) for _ in cites)
    one = Reason(code, indicator, value, 0.5, tuple(cites), days, None if cites else {}, visibility=visibility)
    return Printed(entity, one, words or printed.words(one, DEFINITIONS), kind)


def page_of(*lines, behind=()):
    names = ("entity", "indicator", "record_id", "record_type")
    rows = behind or [
        (one.entity, one.reason.indicator, record, "event") for one in lines for record in one.reason.records
    ]
    columns = list(zip(*rows, strict=True)) if rows else [()] * 4
    types = (pa.int32(), pa.string(), pa.string(), pa.string())
    table = pa.table({name: pa.array(column, kind) for name, column, kind in zip(names, columns, types, strict=True)})
    return Page(tuple(lines), table, 0)


HONEST = (
    line("fines", 2.0, cites=("r1", "r2")),
    line("listed", 0.0, visibility="internal"),
    line("age", None),
    line("size", 2.5, cites=("r3",), entity=2),
)
FACTS = {"r1": (1, "publishable"), "r2": (1, "publishable"), "r3": (2, "publishable")}
VISIBLE = {record: seen for record, (_, seen) in FACTS.items()}
VALUES = np.array([2.0, 0.0, np.nan, 2.5])


def counting(lines, made=VALUES, alone=VALUES, **facts):
    behind = [(one.entity, one.reason.indicator, record, "event") for one in lines for record in one.reason.records]
    return rebuilt.rests(of_latest("size"), page_of(*lines, behind=behind), FACTS | facts, Again(made, alone))


def of_latest(*codes):
    """The small definitions in which some indicators read a number off the latest record."""
    ones = [
        replace(one, value=records("event").latest("size")) if one.code in codes else one
        for one in DEFINITIONS.indicators
    ]
    return Definitions(tuple(ones), DEFINITIONS.digest)


def test_reasons_that_rest_on_their_records_stand():
    found = counting(HONEST)
    assert found.passed
    assert found.found["alone"] == 2


def test_a_record_nobody_knew_or_of_somebody_else_is_dangling():
    astray = (line("fines", 2.0, cites=("r1", "gone")), *HONEST[1:])
    assert counting(astray).found["dangling"] == 1
    theirs = counting(HONEST, r2=(7, "publishable"))
    assert theirs.found["dangling"] == 1
    assert theirs.passed is False


def test_a_value_without_records_that_is_not_none_is_baseless():
    lines = (*HONEST[:1], line("listed", 3.0), *HONEST[2:])
    found = counting(lines, np.array([2.0, 3.0, np.nan, 2.5]))
    assert found.found["baseless"] == 1
    assert found.passed is False


def test_no_record_said_beside_a_record_is_baseless():
    lines = (*HONEST[:3], line("size", None, cites=("r3",), entity=2))
    made = np.array([2.0, 0.0, np.nan, np.nan])
    assert counting(lines, made, made).found["baseless"] == 1


def test_a_reason_that_is_of_other_kinds_is_found():
    lines = (*HONEST[:3], line("size", 2.5, cites=("r3",), entity=2, kind="school"))
    found = counting(lines)
    assert found.found["other_kind"] == 1
    assert found.passed is False


def test_a_value_that_comes_out_otherwise_is_found_to_the_last_bit():
    off = VALUES.copy()
    off[3] = np.nextafter(off[3], 3.0)
    assert counting(HONEST, made=off).found["sampled_differ"] == 1
    assert counting(HONEST, alone=off).found["alone_differ"] == 1
    assert counting(HONEST, made=np.nan_to_num(VALUES)).found["sampled_differ"] == 1


def test_a_count_that_differs_from_its_records_is_found():
    lines = (line("fines", 3.0, cites=("r1", "r2")), *HONEST[1:])
    found = counting(lines, np.array([3.0, 0.0, np.nan, 2.5]))
    assert found.found["miscounted"] == 1
    assert found.passed is False


def test_only_versions_that_stood_at_the_date_are_facts(case):
    row = {
        "record_id": "r1", "entity": 1, "event_date": date(2025, 3, 1), "known_at": KNOWN, "superseded_at": None,
        "withdrawn_date": None, "visibility": "publishable",
    }  # fmt: skip
    later = {"record_id": "r2", "known_at": datetime(2026, 3, 2, tzinfo=UTC)}
    others = [
        later,
        {"record_id": "r3", "superseded_at": KNOWN},
        {"record_id": "r4", "withdrawn_date": date(2025, 4, 1)},
        {"record_id": "r5", "event_date": date(2026, 4, 1)},
        {"record_id": "r6", "superseded_at": datetime(2026, 4, 1, tzinfo=UTC)},
    ]
    versions = pa.Table.from_pylist([row, *(row | one for one in others)])
    assert set(rebuilt.known(versions, case.task, date(2025, 12, 31))) == {"r1", "r6"}
    assert rebuilt.known(pa.table({}), case.task, date(2025, 12, 31)) == {}


def worded(*lines, visibility=VISIBLE, definitions=DEFINITIONS):
    return printed.worded(definitions, {}, page_of(*lines), visibility)


def test_sentences_read_back_to_their_codes_and_values():
    found = worded(*HONEST)
    assert found.passed
    assert found.rows == 4


def test_a_sentence_whose_number_differs_is_not_read_back():
    wrong = {"zh": "fines为3", "en": "fines is 2"}
    found = worded(line("fines", 2.0, cites=("r1", "r2"), words=wrong))
    assert (found.found["unread_zh"], found.found["unread_en"]) == (1, 0)
    assert found.passed is False


@pytest.mark.parametrize(
    ("sentence", "value"),
    [("fines is 2.45", 2.5), ("fines: no record", 1.0), ("fines is 0", None), ("listed is 2", 2.0), ("fine", 2.0)],
)
def test_sentences_that_say_something_else_are_told(sentence, value):
    reader = Reader(DEFINITIONS, "en", {})
    assert not printed.stated(reader, sentence, line("fines", value).reason)


def test_rounded_values_are_read_back_within_their_rounding():
    share = replace(DEFINITIONS.by_code["size"], unit="share", reason_en="{v} of it", reason="其中{v}")
    flag = replace(DEFINITIONS.by_code["noise"], unit="0/1", reason_en="it is so", reason="属实")
    system = Definitions((DEFINITIONS.by_code["fines"], share, flag), "d" * 64)
    for indicator, value in (("size", 0.12345), ("fines", 2.4567), ("fines", 1e6), ("noise", 1.0), ("noise", 0.0)):
        one = Reason(f"S-{indicator}", indicator, value, 0.5)
        for language, sentence in printed.words(one, system).items():
            assert printed.stated(Reader(system, language, {}), sentence, one)


def test_two_indicators_of_one_sentence_cannot_be_read_back():
    twice = replace(DEFINITIONS.by_code["size"], reason="fines为{v}", reason_en="fines is {v}")
    system = Definitions((DEFINITIONS.by_code["fines"], twice), "d" * 64)
    found = worded(HONEST[0], definitions=system)
    assert found.found["unread_zh"] == 1


def test_a_code_is_said_by_its_name_and_read_back():
    named = (("自有", "owned"), ("租赁", "leased"))
    home = replace(DEFINITIONS.by_code["size"], unit="code", reason="住所类型", reason_en="domicile")
    system = Definitions((home,), "d" * 64)
    one = Reason("B2-size", "size", 1.0, 0.5)
    words = printed.words(one, system, named)
    assert words == {"zh": "住所类型：租赁", "en": "domicile: leased"}
    for language, sentence in words.items():
        assert printed.stated(Reader(system, language, {"size": named}), sentence, one)
        assert not printed.stated(Reader(system, language, {"size": named}), sentence, replace(one, value=0.0))
    assert printed.stated(Reader(system, "zh", {"size": named}), "size：无记录", replace(one, value=None))


def test_only_what_numbers_codes_of_a_list_has_their_words(case):
    types = case.task.lake.types()
    trade = replace(DEFINITIONS.by_code["size"], unit="code", value=records("entity").latest("trade"))
    listed = case.task.profile.codelist("trades")
    assert len(code_words(trade, case.task.profile, types)) == len(listed.codes)
    assert code_words(replace(trade, unit="month"), case.task.profile, types) == ()
    assert code_words(replace(trade, value=records("entity").count()), case.task.profile, types) == ()


def test_internal_facts_in_what_may_be_published_are_leaks():
    by_definition = line("listed", 1.0, cites=("r1",))
    assert worded(by_definition).found["leaks"] == 1
    by_record = worded(HONEST[0], visibility=VISIBLE | {"r2": "internal"})
    assert by_record.found["leaks"] == 2  # cited, and counted
    uncited = page_of(HONEST[0], behind=[(1, "fines", record, "event") for record in ("r1", "r2", "r9")])
    assert printed.worded(DEFINITIONS, {}, uncited, VISIBLE | {"r9": "restricted"}).found["leaks"] == 1
    assert worded(replace(by_definition, reason=replace(by_definition.reason, visibility="internal"))).passed


def test_two_reasons_of_one_section_or_one_event_are_found():
    assert printed.apart(DEFINITIONS, page_of(*HONEST)).passed
    section = printed.apart(
        DEFINITIONS, page_of(line("fines", 2.0, cites=("r1",)), line("fines_late", 1.0, cites=("r2",)))
    )
    assert section.found["sections"] == 1
    assert section.passed is False
    event = printed.apart(DEFINITIONS, page_of(line("fines", 1.0, cites=("r1",)), line("listed", 1.0, cites=("r1",))))
    assert event.found["records"] == 1
    assert event.passed is False
    two = page_of(line("fines", 1.0, cites=("r1",)), line("listed", 1.0, entity=2, cites=("r1",)))
    assert printed.apart(DEFINITIONS, two).passed


def test_what_describes_may_be_cited_for_each_thing_it_says():
    system = of_latest("size", "noise")
    found = printed.apart(system, page_of(line("size", 2.0, cites=("r1",)), line("noise", 1.0, cites=("r1",))))
    assert found.passed
    assert found.found["described"] == 1


# ------------------------------------------------------------------------------------------------ the whole study


@pytest.fixture(scope="module")
def seen(case):
    clear = [
        replace(one, reason=f"{one.code}为{{v}}", reason_en=f"{one.code} is {{v}}")
        for one in case.task.definitions.indicators
    ]
    task = replace(case.task, definitions=Definitions(tuple(clear), case.task.definitions.digest))
    month = task.reference_month
    before = population.classified(task, case.scheme, as_of=Month.of(month).shift(-1).end)
    after = population.classified(task, case.scheme, as_of=month, before=before)
    rng = np.random.default_rng(3)
    rows, layout = case.sample.rows("fit"), case.sample.layout
    stability = population.compared(before, after, task.definitions, (before, after))
    return Explaining(
        task=task,
        scheme=case.scheme,
        before=before,
        after=after,
        calm=stability.calm,
        sanity=population.sanity(task, case.scheme, after),
        shuffled=[trials.shuffled(case.scheme, rows, layout, task.trees, rng) for _ in range(2)],
        rng=rng,
    )


@pytest.fixture(scope="module")
def shown(seen):
    return explanations.study(seen)


HARD = {"E-01", "E-02", "E-03", "E-05", "E-12", "E-13"}


def test_the_hard_checks_stand_on_a_small_world(shown):
    assert {code for code in HARD if not shown.figures[code]["passed"]} == set()
    assert shown.figures["E-05"]["alone"] > 200
    assert shown.figures["E-05"]["rows"] == shown.figures["E-12"]["rows"] > 200


def test_the_study_is_shown_judged_and_json(shown):
    assert shown.code == "explanations"
    assert len(shown.tables[0].rows) == len(explanations.CHECKS) == len(shown.figures)
    assert [row[0].text[0] for row in shown.tables[0].rows] == sorted(explanations.CHECKS)
    assert set(shown.judged) == {"EV062", "EV063"}
    assert shown.judged["EV062"][0].value is not None
    assert "<svg" in shown.pictures[0]
    json.dumps(shown.figures, allow_nan=False)


def test_every_figure_has_words_in_both_languages(shown):
    told = {name for one in shown.figures.values() for name in one} - {"rows", "passed", "target", *"ABCD"}
    assert told <= set(explanations.NAMES)
    assert all(zh and en for words in explanations.NAMES.values() for zh, en in (words,))


def test_of_nobody_nothing_can_be_said(seen):
    after = seen.after
    empty = {name: getattr(after, name)[:0] for name in ("values", "values_kind", "values_entity")}
    found = explanations.study(replace(seen, after=replace(after, **empty)))
    assert {one["passed"] for one in found.figures.values()} == {None}
    assert found.judged["EV062"][0].value is None
    assert found.pictures == ()


def test_where_something_is_known_of_everybody_nobody_is_compared_with_the_month_before(seen):
    restless = replace(seen.after, moved=np.ones_like(seen.after.moved))
    assert explanations._next_month(replace(seen, after=restless)).passed is None
    assert "E-08" not in {one.code for one in explanations.checked(replace(seen, calm=None))}


def test_the_same_world_gives_the_same_figures(seen, shown):
    again = explanations.page(seen)
    assert again.printed == explanations.page(seen).printed
    assert len(again.printed) == shown.figures["E-05"]["rows"]


def test_the_riskiest_are_read_first():
    entity, risk = np.arange(50, dtype=np.int32), np.repeat([0, 3, 1, 2, 0], 10)
    order = explanations.sampled(entity, -risk)
    assert risk[order].tolist() == sorted(risk.tolist(), reverse=True)
    assert order[:10].tolist() != sorted(order[:10].tolist())


def test_a_value_changed_after_it_was_worked_out_is_found_by_the_lake(seen):
    found = explanations.page(seen)
    first = next(number for number, one in enumerate(found.printed) if one.reason.records)
    forged = replace(found.printed[first], reason=replace(found.printed[first].reason, value=99.0))
    lines = (*found.printed[:first], forged, *found.printed[first + 1 :])
    tampered = replace(found, printed=lines)
    facts = rebuilt.known(rebuilt.held(seen.task, tampered), seen.task, seen.task.reference_month)
    answer_found = rebuilt.rests(seen.task.definitions, tampered, facts, rebuilt.again(seen.task, tampered))
    assert answer_found.found["sampled_differ"] == 1
    assert answer_found.passed is False


def test_a_record_taken_away_changes_what_the_others_make(seen):
    found = explanations.page(seen)
    counts = found.behind.to_pylist()
    own = [row for row in counts if row["indicator"].startswith("events")] or counts
    lost = replace(
        found, behind=found.behind.filter(pa.compute.not_equal(found.behind["record_id"], own[0]["record_id"]))
    )
    left, made = (rebuilt.from_records(seen.task, one) for one in (lost, found))
    assert not np.array_equal(left, made, equal_nan=True)


def test_missed_checks_are_counted_and_named():
    stands, falls = (answer(code, 5, {}, passed=passed) for code, passed in (("E-01", True), ("E-05", False)))
    nothing = answer("E-02", 0, {}, passed=False)
    found = explanations.missed([stands, falls, nothing], explanations.HARD_CHECKS)
    assert (found.subject, found.value) == ("all E-05", 1.0)
    assert explanations.missed([nothing], explanations.HARD_CHECKS).value is None


def test_what_is_not_a_number_is_no_small_difference():
    assert largest(np.array([0.1, np.nan])) > 1e300
    assert largest(np.empty(0)) == 0.0


def test_a_study_without_deletion_draws_nothing(shown):
    assert explanations._pictures([answer("E-06", 0, {}, passed=False)]) == ()
