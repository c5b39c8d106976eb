"""How sure a class is: what bags measure, what a month makes of it, and schemes that know nothing of it."""

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from small_scheme import DEFINITIONS, KINDS, SETTINGS, batch_of, make_rows, make_world
from test_retrain import KNOWN_BY, TABLES, lake, place  # noqa: F401 - fixtures

from features.indicators.catalogue import load
from features.profile import read_profile
from training import bags, fit
from training.bagging import BagSettings, drawn
from training.calibration import IDENTITY
from training.card import CARD
from training.confidence import Certainty, Confidence, Dimension, Line, Thin, means, nearest, odds, words
from training.cutoffs import Cutoffs, RiskClass
from training.looking import lesson
from training.parts import KindPart
from training.readiness import ready
from training.retrain import retrain
from training.sample import Sample
from training.scheme import CARRYING, FORMAT, Scheme, SchemeError
from training.task import TREES, Task

ROWS = make_rows(2000, seed=5)
RISING = Line((0.0, 1.0, 2.0), (0.5, 0.8, 1.0))
THIN = Thin("age", 6.0, 2, (Dimension("one", ("fines", "fines_late"), KINDS), Dimension("two", ("size",), KINDS[:2])))
CERTAINTY = Certainty(
    10, 0.9, 0.7, dict.fromkeys(KINDS, Line((-3.0, 0.0), (0.2, 0.4))), dict.fromkeys("ABCD", RISING), THIN
)
ASKED = {"bags": 4, "seed": "s", "high": 0.9, "medium": 0.7, "age": "age_months", "months": 6}
PART = KindPart(IDENTITY, Cutoffs(0.1, 0.3, 0.6), 0.0)


@pytest.fixture(scope="module")
def sure_scheme(scheme):
    return replace(scheme, certainty=CERTAINTY)


def sure_of(margins, ruled=RiskClass.A):
    margins = np.asarray(margins, float)
    ruled = np.full(len(margins), ruled, np.int8)
    return CERTAINTY.sure({"shop": PART}, margins, np.zeros(len(margins), np.int8), ruled=ruled)


def test_a_line_is_linear_between_knots_and_constant_beyond():
    line = Line((0.0, 1.0), (2.0, 4.0))
    assert line.at(np.array([-5.0, 0.5, 9.0])).tolist() == [2.0, 3.0, 4.0]
    assert (line.first(3.0), line.first(2.0), line.first(4.1)) == (0.5, 0.0, None)


@pytest.mark.parametrize(("knots", "values"), [((), ()), ((1.0, 1.0), (0.1, 0.2)), ((0.0, 1.0), (0.1,))])
def test_a_line_without_order_is_refused(knots, values):
    with pytest.raises(SchemeError, match="ascending knots"):
        Line(knots, values)


def test_bins_part_the_weight_evenly_and_equal_numbers_stay_together():
    given_ = np.array([3.0, 1.0, 1.0, 2.0, 4.0, 4.0])
    knots, values, total = means(given_, given_ * 10, np.array([1.0, 1, 1, 1, 1, 3]), bins=4)
    assert knots.tolist() == [1.0, 2.5, 4.0]
    assert values.tolist() == [10.0, 25.0, 40.0]
    assert total.tolist() == [2.0, 2.0, 4.0]


def test_the_spread_of_refits_comes_back_as_it_was_put_in():
    """Bags drawn around log odds with a spread that rises from 0.2 to 0.6 are measured as just that."""
    draw = np.random.default_rng(1)
    own = draw.uniform(-6, -2, 20_000)
    spread = 0.2 + 0.1 * (own + 6)
    found = bags.line(own, (own + draw.normal(0, spread, (40, len(own)))).std(axis=0, ddof=1), np.ones(len(own)))
    assert len(found.knots) == bags.KNOTS
    assert np.allclose(found.values, 0.2 + 0.1 * (np.array(found.knots) + 6), atol=0.01)


def test_agreement_never_falls_with_the_distance():
    draw = np.random.default_rng(2)
    found = bags.line(np.arange(400.0), draw.random(400), np.ones(400), rising=True)
    assert np.all(np.diff(found.values) >= 0)


@given(odd=st.floats(-8, 8), ruled=st.sampled_from(list(RiskClass)))
def test_only_cutoffs_beyond_what_a_rule_demands_are_near(odd, ruled):
    bounds = odds(PART.cutoffs.bounds)
    found = nearest(np.array([odd]), bounds, np.array([ruled], np.int8))[0]
    assert found == min((abs(odd - bound) for bound in bounds[ruled:]), default=np.inf)


def test_distance_is_in_spreads_and_agreement_read_off_at_it():
    bound = odds(PART.cutoffs.bounds)[0]
    found = sure_of([bound + 0.1, bound - 0.1])
    spread = CERTAINTY.spread["shop"].at(np.array([bound + 0.1, bound - 0.1]))
    assert np.allclose(found.distance, 0.1 / spread)
    assert np.allclose(found.agreement, RISING.at(0.1 / spread))


def test_levels_follow_agreement_and_what_steadiness_holds_is_low():
    no, yes = np.zeros(3, bool), np.ones(3, bool)
    found = replace(sure_of([0.0] * 3), agreement=np.array([0.9, 0.7, 0.69]), distance=np.ones(3))
    assert CERTAINTY.levels(found, thin=no, held=no).tolist() == [Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW]
    assert set(CERTAINTY.levels(found, thin=no, held=yes)) == {Confidence.LOW}
    assert set(CERTAINTY.levels(found, thin=yes, held=no)) == {Confidence.INSUFFICIENT}


def test_a_class_that_a_rule_alone_decides_is_sure_however_thin_the_file():
    found = sure_of([-2.2, 3.0], ruled=RiskClass.D)
    assert np.all(np.isinf(found.distance))
    levels = CERTAINTY.levels(found, thin=np.ones(2, bool), held=np.zeros(2, bool))
    assert set(levels) == {Confidence.HIGH}


def test_too_little_is_known_of_the_young_and_of_those_without_values():
    values = np.full((6, 4), 1.0)
    columns = ("age", "fines", "fines_late", "size")
    values[:, 0] = [5.9, 6, np.nan, 60, 60, 60]
    values[3, 1:] = np.nan
    values[4, [1, 3]] = np.nan  # one dimension has a value left
    values[5, 1:] = np.nan
    kind = np.array([0, 0, 0, 0, 0, 2], np.int8)  # "two" does not apply to a guild
    assert THIN.of(values, columns, kind=kind, kinds=KINDS).tolist() == [True, False, False, True, False, False]
    unaged = replace(THIN, age=None)
    assert unaged.of(values, columns, kind=kind, kinds=KINDS).tolist() == [False, False, False, True, False, False]


def test_a_scheme_says_how_sure_every_class_is(sure_scheme):
    found = sure_scheme.classify(batch_of(ROWS.values, ROWS.kind), None)
    assert set(found.confidence) == set(Confidence)
    ruled = found.ruled == RiskClass.D
    assert set(found.confidence[ruled]) == {Confidence.HIGH}
    young = ROWS.values[:, DEFINITIONS.codes.index("age")] < 6
    assert set(found.confidence[young & ~ruled]) == {Confidence.INSUFFICIENT}
    assert np.array_equal(found.final_class, replace(sure_scheme, certainty=None).classify(
        batch_of(ROWS.values, ROWS.kind), None).final_class)  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(start=st.integers(0, 1900), number=st.integers(1, 100))
def test_confidence_does_not_depend_on_the_batch(sure_scheme, start, number):
    part = slice(start, start + number)
    whole = sure_scheme.classify(batch_of(ROWS.values, ROWS.kind), None).confidence
    assert np.array_equal(
        sure_scheme.classify(batch_of(ROWS.values[part], ROWS.kind[part]), None).confidence, whole[part]
    )


def test_who_is_held_by_the_margin_is_of_low_confidence(sure_scheme):
    first = sure_scheme.classify(batch_of(ROWS.values, ROWS.kind), None)
    names = np.array([risk.name for risk in RiskClass])
    worse = names[np.minimum(first.model_class + 1, RiskClass.D)]
    before = pa.table({"entity": pa.array(first.entity, pa.int32()), "class": worse, "band": worse})
    found = sure_scheme.classify(batch_of(ROWS.values, ROWS.kind), before)
    held = np.maximum(found.raw_class, found.ruled) != found.final_class
    assert held.sum() > 10
    assert set(found.confidence[held]) <= {Confidence.LOW, Confidence.INSUFFICIENT}


def test_a_scheme_without_bags_says_nothing_and_is_written_as_before(scheme, sure_scheme):
    found = scheme.classify(batch_of(ROWS.values, ROWS.kind), None)
    assert set(found.confidence) == {-1}
    assert words(found.confidence).null_count == len(found.confidence)
    assert scheme.sure(found.margin, ROWS.kind, ruled=found.ruled) is None
    before = json.loads(scheme.files()["scheme.json"])
    after = json.loads(sure_scheme.files()["scheme.json"])
    assert "confidence" not in before
    assert (before.pop("format"), after.pop("format"), after.pop("confidence")["bags"]) == (3, FORMAT, 10)
    assert before == after


def test_what_bags_showed_is_saved_with_the_scheme(sure_scheme, key, tmp_path):
    digest = sure_scheme.save(tmp_path / "sure", key)
    found = Scheme.load(tmp_path / "sure", key.public_key())
    assert (found, found.digest) == (sure_scheme, digest)
    assert found.certainty == CERTAINTY


def test_words_are_those_of_results():
    levels = np.array([3, 2, 1, 0, -1], np.int8)
    assert words(levels).to_pylist() == ["high", "medium", "low", "insufficient", None]
    assert [one.label for one in Confidence] == ["资料不足", "低", "中", "高"]


@pytest.mark.parametrize("wrong", [{"bags": 1}, {"medium": 0.95}, {"empty": 0}, {"high": 1.1}, {"moon": 1}])
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(SchemeError, match=r"model.yaml, confidence"):
        BagSettings.read({**ASKED, **wrong})


def test_an_entity_is_drawn_with_all_its_rows_and_about_once_a_bag():
    register = pa.chunked_array([[f"E{number}" for number in range(20_000)]])
    entity = np.repeat(np.arange(20_000, dtype=np.int32), 2)
    found = drawn(BagSettings.read(ASKED), entity, register, on=KNOWN_BY)
    assert found.shape == (4, 40_000)
    assert np.array_equal(found[:, ::2], found[:, 1::2])
    assert found.mean() == pytest.approx(1.0, abs=0.01)
    assert found.var() == pytest.approx(1.0, abs=0.03)
    assert (found == 0).mean() == pytest.approx(np.exp(-1), abs=0.01)
    assert not np.array_equal(found[0], found[1])
    backwards = drawn(BagSettings.read(ASKED), entity[::-1], register, on=KNOWN_BY)
    assert np.array_equal(backwards[:, ::-1], found)


def test_bags_of_a_large_sample_are_drawn_thinner_and_stand_for_all_of_it():
    settings = BagSettings.read({**ASKED, "rows": 5_000})
    assert settings.share(4_000) == 1.0
    assert settings.share(20_000) == 0.25
    register = pa.chunked_array([[f"E{number}" for number in range(20_000)]])
    entity = np.arange(20_000, dtype=np.int32)
    found = drawn(settings, entity, register, on=KNOWN_BY, mean=settings.share(20_000))
    assert found.mean() == pytest.approx(0.25, abs=0.01)
    assert (found > 0).sum(axis=1).max() < 5_000
    rng = np.random.default_rng(2)  # the mean of so many draws, seen by bags of a quarter and of all
    values = rng.normal(size=20_000)
    quarter, whole = (
        np.array([[rng.permutation(values)[:size].mean()] for _ in range(400)]) for size in (2_000, 8_000)
    )
    scaled = bags.as_of_all(quarter, 0.25)
    assert scaled.std() == pytest.approx(quarter.std() / 2)
    assert scaled.mean() == pytest.approx(quarter.mean())
    assert scaled.std() == pytest.approx(whole.std(), rel=0.35)
    assert bags.as_of_all(quarter, 1.0) is quarter


def test_an_entity_drawn_twice_counts_twice():
    world = make_world()
    task = SimpleNamespace(method=TREES, trees=SETTINGS)
    draw = np.random.default_rng(0).poisson(1, (1, len(world.rows.kind)))
    often, once = (bags._refits(task, world.layout, world.rows, (5, 5), one) for one in (draw, np.minimum(draw, 1)))
    assert often != once


def test_refits_are_the_same_on_one_and_two_threads(monkeypatch):
    world = make_world()
    task = SimpleNamespace(method=TREES, trees=SETTINGS)
    draws = np.random.default_rng(0).poisson(1, (3, len(world.rows.kind)))
    texts = []
    for threads in (1, 2):
        planned = fit.parameters(world.rows, world.layout, SETTINGS, threads=threads)
        monkeypatch.setattr(fit, "parameters", lambda *_, planned=planned: planned)
        texts.append(bags._refits(task, world.layout, world.rows, (12, 9), draws))
        monkeypatch.undo()
    assert texts[0] == texts[1]
    assert [one.count("\nTree=") for one in texts[0][0]] == [12, 9]
    assert len({text for bag in texts[0] for text in bag}) == 6


def test_a_bag_that_finds_no_order_agrees_with_nobody(scheme):
    own = np.zeros(3)
    theirs = np.array([[0.0, 0.0, 9.0], [np.nan] * 3])
    assert bags.agreed(scheme, np.zeros(3, np.int8), own, theirs)[:2].tolist() == [0.5, 0.5]


@pytest.fixture(scope="module")
def made(lake, place, key, tmp_path_factory):  # noqa: F811
    """A place that asks for confidence, trained: its task and what came of it."""
    folder = shutil.copytree(place.folder, tmp_path_factory.mktemp("profiles") / "small")
    (folder / "model.yaml").write_text(yaml.safe_dump({**TABLES["model"], "confidence": ASKED}))
    profile = read_profile(str(folder))
    task = Task(replace(lake, profile=profile), load(profile), KNOWN_BY)
    return task, retrain(task, tmp_path_factory.mktemp("sure"), key=key, say=lambda _: None)


def test_training_with_bags_gives_the_same_boosters_and_what_they_showed(made, lake, place, key, tmp_path):  # noqa: F811
    plain = retrain(Task(lake, load(place), KNOWN_BY), tmp_path, key=key, say=lambda _: None)
    with_bags, without = (Scheme.load(one.folder, key.public_key()) for one in (made[1], plain))
    assert with_bags.models == without.models
    assert with_bags.parts == without.parts
    assert (without.certainty, json.loads(without.files()["scheme.json"])["format"]) == (None, CARRYING)
    assert set(with_bags.certainty.spread) == {"shop", "stall"}
    assert min(value for line in with_bags.certainty.spread.values() for value in line.values) > 0
    assert with_bags.certainty.thin.age == "age_months"
    assert with_bags.training["confidence"]["reached"]["high"]["agreement"] >= 0.85
    scored = pq.read_table(plain.scored)
    assert (scored["agreement"].null_count, scored["confidence"].null_count) == (len(scored), len(scored))


def test_pairs_say_how_many_bags_agree_where_bags_were_asked(made):
    scored = pq.read_table(made[1].scored)
    asked = pc.and_(pc.not_equal(scored["part"], "fit"), pc.equal(scored["stratum"], "headline"))
    assert pc.all(pc.equal(scored["agreement"].is_valid(), asked)).as_py()
    assert pc.all(pc.equal(scored["confidence"].is_valid(), asked)).as_py()
    shares = set(scored["agreement"].drop_null().to_pylist())
    assert shares <= {0.0, 0.25, 0.5, 0.75, 1.0}
    assert len(shares) > 2


def test_training_with_bags_repeats_to_the_byte(made, key, tmp_path):
    again = retrain(made[0], tmp_path, key=key, say=lambda _: None)
    assert again.digest == made[1].digest
    assert pq.read_table(again.scored).equals(pq.read_table(made[1].scored))


def test_an_age_that_is_no_indicator_is_refused_before_anything_is_trained(made, tmp_path):
    folder = shutil.copytree(made[0].profile.folder, tmp_path / "small")
    wrong = {**TABLES["model"], "confidence": {**ASKED, "age": "moons"}}
    (folder / "model.yaml").write_text(yaml.safe_dump(wrong))
    profile = read_profile(str(folder))
    with pytest.raises(SchemeError, match="confidence: moons is no indicator"):
        ready(profile, load(profile), made[0].outcome, on=KNOWN_BY)
    kitchens = read_profile(str(folder), "kitchens")  # a sector has fewer indicators
    ready(kitchens, load(kitchens), made[0].outcome, on=KNOWN_BY)


def test_a_score_card_is_refitted_as_a_score_card():
    world = make_world()
    card = {"steps": 4, "double": 20, "count": 20, "learning_rate": 0.1, "min_rows": 50, "l2": 1.0, "seed": 1}
    task = SimpleNamespace(method=CARD, model={CARD: card})
    draws = np.random.default_rng(0).poisson(1, (2, len(world.rows.kind)))
    first, second = bags._refits(task, world.layout, world.rows, None, draws)
    assert (len(first), len(second)) == (1, 1)
    assert first != second


def test_without_an_order_in_any_bag_a_scheme_has_no_confidence(made, key, monkeypatch):
    task, trained = made
    scheme = replace(Scheme.load(trained.folder, key.public_key()), certainty=None)
    sample = Sample.read(trained.folder.parent.parent / "sample", fit.layout(task.definitions, task.outcome))

    def refused(*_, **__):
        raise SchemeError("no order")

    monkeypatch.setattr(bags, "curves", refused)
    found = bags.bagged(task, scheme, sample, taught=lesson(task, sample), counts=None)
    assert found.scheme is scheme
    assert found.figures == {"bags": 0}
    assert set(found.levels) == {-1}
    assert set(found.agreement[~np.isnan(found.agreement)]) == {0.0}


def test_a_bag_without_the_outcome_among_those_drawn_says_nothing(scheme):
    rows = replace(ROWS, label=np.zeros(len(ROWS.label)))
    asked = bags.Asked(np.arange(len(rows.kind)), np.ones(len(rows.kind), bool), rows, np.zeros(len(rows.kind)))
    task = SimpleNamespace(model=TABLES["model"])
    assert np.isnan(bags._bag(task, scheme, asked, np.ones(len(rows.kind), np.int64))).all()
