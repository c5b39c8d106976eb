"""Counts of every rule equal those of going through everybody one by one."""

from dataclasses import replace
from datetime import date
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest

from evaluation import population, rules
from training.cutoffs import RiskClass
from training.overrides import Demand, Override

DAY = date(2025, 12, 31)


def rule(code, at_least, **changed):
    made = Override(
        code, f"规则{code}", f"rule {code}", (Demand(f"n_{code}", ">=", 1),), at_least, "某条例", date(2022, 5, 10)
    )
    return replace(made, **changed)


RULES = (
    rule("H1", RiskClass.D),
    rule("H2", RiskClass.C, until=date(2026, 6, 30)),
    rule("H3", RiskClass.C, kinds=("shop",)),
    rule("H4", RiskClass.B, visibility="internal"),
    rule("H5", RiskClass.D, enabled=False),
    rule("H6", RiskClass.D, since=date(2026, 1, 1)),
)
CODES = ("H1", "H2", "H3", "H4")
SETS = {one.code: int(one.at_least) for one in RULES}


@pytest.fixture(scope="module")
def month(case):
    return population.classified(case.task, case.scheme, as_of=case.task.reference_month)


def drawn(month, seed, chance):
    """The month as if everybody met each rule in force with some chance."""
    rng = np.random.default_rng(seed)
    met = [[code for code in CODES if rng.random() < chance] for _ in month.entity]
    model = rng.integers(0, 4, len(met)).astype(np.int8)
    ruled = np.array([max([0, *(SETS[code] for code in one)]) for one in met], np.int8)
    column = pa.array([["H1"], *met], pa.list_(pa.string()))[1:]  # a part of a longer column, as batches are
    return replace(month, rules=column, model_class=model, ruled=ruled, final_class=np.maximum(model, ruled)), met


def without(met, code):
    return max([0, *(SETS[other] for other in met if other != code)])


@pytest.mark.parametrize(("seed", "chance"), [(1, 0.05), (2, 0.3), (3, 0.8), (4, 0.0)])
def test_counts_are_those_of_going_through_everybody(month, seed, chance):
    now, met = drawn(month, seed, chance)
    found = rules.counted(RULES, now)
    assert [one.code for one in found.active] == list(CODES)
    for code, effect in zip(CODES, found.effects, strict=True):
        own = [(one, int(model)) for one, model in zip(met, now.model_class, strict=True) if code in one]
        assert effect.entities == len(own)
        assert effect.moved == sum(SETS[code] > model for _, model in own)
        assert effect.others == sum(len(one) > 1 for one, _ in own)
        final = [(max(model, SETS[code], without(one, code)), max(model, without(one, code))) for one, model in own]
        assert effect.alone == sum(with_it > without_it for with_it, without_it in final)
    pairs = {pair: sum(set(pair) <= set(one) for one in met) for pair in combinations(CODES, 2)}
    assert {one.rules: one.entities for one in found.overlaps} == {pair: n for pair, n in pairs.items() if n}
    assert [one.entities for one in found.overlaps] == sorted((n for n in pairs.values() if n), reverse=True)
    assert list(found.at_once) == np.bincount([len(one) for one in met]).tolist()


@pytest.fixture
def shown(case, month):
    return rules.study(replace(case, scheme=replace(case.scheme, rules=RULES)), drawn(month, 5, 0.5)[0])


def test_every_rule_is_told_with_what_it_sets_its_basis_and_its_term(shown):
    table = {row[0].text[0]: row for row in shown.tables[0].rows}
    assert list(table) == [one.code for one in RULES]
    assert [row[2].text[0] for row in table.values()] == ["D", "C", "C", "B", "D", "D"]
    assert {row[3].text[0] for row in table.values()} == {"某条例"}
    assert table["H1"][4].text == ("2022-05-10 起", "since 2022-05-10")
    assert table["H2"][4].text == ("2022-05-10 至 2026-06-30", "2022-05-10 to 2026-06-30")
    assert table["H3"][1].small == "n_H3 >= 1 & kind in shop"
    assert "已停用" in table["H5"][4].text[0]
    assert "未生效" in table["H6"][4].text[0]
    assert [row[0].text[0] for row in shown.tables[1].rows] == ["H1 → D", "H2 → C", "H3 → C", "H4 → B"]


def test_figures_hold_the_counts_and_the_text_of_every_rule(shown, month):
    figures = shown.figures
    assert figures["classified"] == len(month.entity)
    assert [one["in_force"] for one in figures["rules"]] == [True] * 4 + [False] * 2
    first, table = figures["rules"][0], shown.tables[1].rows[0]
    assert [cell.text[0] for cell in table[1:]] == [
        str(first[name]) for name in ("entities", "moved", "alone", "others")
    ]
    assert first["basis"] == "某条例"
    assert "entities" not in figures["rules"][4]
    assert sum(figures["at_once"]) == len(month.entity)


def test_rules_that_set_different_classes_conflict_and_the_riskiest_stands(shown):
    answers = {row[0].text[0]: row[2].text[1] for row in shown.tables[3].rows}
    assert answers["H1 + H4"] == "differ, D stands"
    assert answers["H2 + H3"] == "agree"
    assert len(answers) == 6
    assert sum(int(row[1].text[0]) for row in shown.tables[2].rows) == shown.figures["classified"]


def test_each_rule_in_force_is_drawn_once(shown):
    (picture,) = shown.pictures
    assert all(f"{code} → " in picture for code in CODES)
    assert "H5 → " not in picture


def test_a_scheme_whose_rules_are_all_off_has_a_table_and_one_without_rules_no_study(case, month):
    off = replace(case, scheme=replace(case.scheme, rules=RULES[4:]))
    nobody = replace(month, rules=pa.array([[]] * len(month.entity), pa.list_(pa.string())))
    shown = rules.study(off, nobody)
    assert shown.pictures == ()
    assert len(shown.tables) == 3
    assert rules.study(replace(case, scheme=replace(case.scheme, rules=())), nobody) is None


def test_the_month_knows_who_meets_which_rule(case, month):
    met = replace(case.scheme, rules=(replace(RULES[0], when=(Demand("visits_12m", ">=", 1),)),))
    found = population.classified(case.task, met, as_of=case.task.reference_month)
    assert len(found.rules) == len(found.entity)
    assert [bool(one) for one in found.rules.to_pylist()] == (found.ruled == RiskClass.D).tolist()
    assert 0 < rules.counted(met.rules, found).effects[0].entities < len(found.entity)
