"""Key indicators: what ranks, what is proposed, and a choice that names who and why."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from evaluation.errors import GateError
from evaluation.promotion import Office, Signer
from evaluation.selection import AGAINST, CHOSEN, CONTROL, NO_AUC, OF_A_SECTION, choose, chosen, ranking
from features import signing
from features.indicators.catalogue import Definitions, load
from features.profile import read_profile
from features.records.journal import Journal

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WHOLE = load(read_profile("jiangxi"))
FACTS = {"month": "2026-02", "lake": "1a" * 32, "definitions": WHOLE.digest}
SIX = (
    "penalty_count_12m",
    "penalty_count_36m",
    "complaint_count_12m",
    "inspection_problem_count_24m",
    "age_months",
    "inspection_count_24m",  # a control of exposure
)
SOME = Definitions(tuple(replace(WHOLE.by_code[code], key=code == SIX[0]) for code in SIX), "some")


def row(code, auc=0.6, share=0.1, psi=0.01, age=100):
    one = WHOLE.by_code[code]
    named = {name: getattr(one, name) for name in ("code", "label", "label_en", "section")}
    direction = one.direction if one.direction in {"riskier", "safer"} else "riskier"
    return {
        **named, "auc": auc, "auc_direction": direction, "contribution_share": share, "psi": psi, "freshness_days": age
    }  # fmt: skip


def rows():
    return [
        row(SIX[0], auc=0.7, share=0.3, psi=0.02, age=30),
        row(SIX[1], auc=0.65, share=0.2, psi=0.01, age=40),
        row(SIX[2], auc=0.6, share=0.1, psi=0.2, age=10),
        row(SIX[3], auc=0.55, share=None, psi=None, age=None),
        row(SIX[4], auc=None),
        row(SIX[5]),
    ]


@pytest.fixture
def office(tmp_path):
    keys = tmp_path / "keys"
    for name in ("trainer", "analyst"):
        signing.first_use_key(keys, name)
    return Office(tmp_path, Journal(tmp_path / "journal.jsonl"), keys, signing.verify_key(keys, "trainer"))


def test_places_are_by_association_stability_and_freshness():
    found = {one.code: one for one in ranking(rows(), SOME)}
    first = found[SIX[0]]
    assert (first.association, first.stability, first.timeliness) == (1.0, 0.5, 0.5)
    assert first.score == pytest.approx(0.5 + 0.125 + 0.125)
    last = found[SIX[3]]  # what is not known counts as the last place, and is not said to be one
    assert (last.association, last.stability, last.timeliness, last.score) == (0.0, None, None, 0.0)
    assert [one.code for one in ranking(rows(), SOME)][:4] == [SIX[0], SIX[1], SIX[2], SIX[3]]


def test_what_says_nothing_of_risk_has_no_place_and_a_reason():
    odd = [*rows()[:2], {**rows()[2], "auc_direction": "safer"}, *rows()[4:]]
    found = {one.code: one.missing for one in ranking(odd, SOME)}
    assert found == {SIX[0]: None, SIX[1]: None, SIX[2]: AGAINST, SIX[4]: NO_AUC, SIX[5]: CONTROL}


def test_an_auc_near_chance_points_nowhere_and_ranks_last():
    near = [*rows()[:2], {**rows()[2], "auc": 0.51, "auc_direction": "safer", "contribution_share": None}]
    last = ranking(near, SOME)[-1]
    assert (last.code, last.missing, last.association) == (SIX[2], None, 0.0)


def test_as_many_are_proposed_as_are_key_now_unless_said_otherwise():
    assert [one.code for one in ranking(rows(), SOME) if one.proposed] == [SIX[0]]
    assert len([one for one in ranking(rows(), SOME, count=3) if one.proposed]) == 3


def test_no_section_takes_more_than_its_share_of_the_proposal():
    penal = [one.code for one in WHOLE.indicators if one.section == "S1" and one.role == "feature"]
    assert len(penal) > OF_A_SECTION
    others = [one.code for one in WHOLE.indicators if one.section == "P1" and one.role == "feature"]
    table = [row(code, auc=0.9) for code in penal] + [row(code, auc=0.6) for code in others]
    found = [one for one in ranking(table, WHOLE, count=6) if one.proposed]
    assert [one.section for one in found].count("S1") == OF_A_SECTION
    assert len(found) == 6


def test_nothing_to_rank_is_no_ranking():
    assert ranking([], SOME) == []
    assert [one.missing for one in ranking([row(SIX[4], auc=None)], SOME)] == [NO_AUC]


def test_before_any_choice_the_definitions_say_which_are_key(office):
    assert chosen(office, SOME) == ([SIX[0]], None)


def test_a_choice_is_recorded_with_what_was_added_and_left_out(office):
    ranked = ranking(rows(), SOME, count=2)
    entry = choose(office, ranked, FACTS, signer=Signer("analyst", NOW, "fits the spring"), add=[SIX[2]], drop=[SIX[1]])
    assert entry.action == CHOSEN
    assert entry.details["codes"] == sorted([SIX[0], SIX[2]])
    assert (entry.details["added"], entry.details["left_out"]) == ([SIX[2]], [SIX[1]])
    assert (entry.details["month"], entry.details["reason"]) == ("2026-02", "fits the spring")
    assert chosen(office, SOME) == (sorted([SIX[0], SIX[2]]), entry)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"add": ["nobody"]}, "nobody: no such indicator"),
        ({"drop": [SIX[2]]}, f"{SIX[2]}: no such indicator to add, or none of the proposed"),
        ({"drop": [SIX[0]]}, "at least one code"),
        ({"signer": Signer("analyst", NOW, " ")}, "need a reason"),
    ],
)
def test_a_choice_that_cannot_stand_is_refused(office, changes, said):
    given = {"signer": Signer("analyst", NOW, "why")} | changes
    with pytest.raises(GateError, match=said):
        choose(office, ranking(rows(), SOME), FACTS, **given)
    assert chosen(office, SOME)[1] is None


def test_a_choice_whose_signature_does_not_hold_is_not_taken(office):
    choose(office, ranking(rows(), SOME), FACTS, signer=Signer("analyst", NOW, "why"))
    (office.keys / "analyst.pub").unlink(missing_ok=True)
    for path in office.keys.glob("analyst*"):
        path.unlink()
    signing.first_use_key(office.keys, "analyst")
    with pytest.raises(GateError, match="its signature does not hold"):
        chosen(office, SOME)
