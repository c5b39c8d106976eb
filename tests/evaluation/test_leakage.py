"""What guards found, as a report shows it: every guard in both languages, with its answer."""

import json
from dataclasses import asdict

import pytest

from evaluation import leakage
from training.guards import Finding, GuardSettings


def document(*found):
    return json.loads(json.dumps({"settings": asdict(GuardSettings()), "guards": [asdict(one) for one in found]}))


FOUND = (
    Finding("open_case", 0, 91_124, 0.0, 0.0, True),
    Finding("own_case", 83, 2698, 83 / 2698, 0.05, True, {"named": 2162}),
    Finding("filed_before", 500, 2698, 500 / 2698, 0.15, False),
    Finding("foresight", 7, 250_420, 7.0, 0.0, False, {"indicators": ["events_12m", "worst_24m"]}),
    Finding("everyone", 0, 0, None, 0.0, None, {"why": "too_large"}),
    Finding("dealt_anew", 11_406, 69_854, 11_406.0, 1.0, True),
    Finding("canary", 0, 69_854, 0.0, 0.0, True, {"indicators": []}),
    Finding("alone", 0, 196, 0.636, 0.95, True, {"indicator": "inspections"}),
)


def test_every_guard_is_a_row_in_order_with_its_answer_in_both_languages():
    shown = leakage.study(document(*FOUND))
    (table,) = shown.tables
    assert len(table.rows) == len(FOUND)
    assert all(len(row) == len(table.head) for row in table.rows)
    answers = [row[-1].text for row in table.rows]
    assert answers[:4] == [("通过", "passed"), ("通过", "passed"), ("未通过", "failed"), ("未通过", "failed")]
    assert answers[4] == ("不足以判断（记录过多，未重算）", "no answer (too many records to work out again)")
    assert [row[4].text[1] for row in table.rows[:6]] == ["≤ 0", "≤ 5.0%", "≤ 15.0%", "≤ 0", "≤ 0", "≥ 1"]


def test_a_finding_names_indicators_and_shares_are_shares():
    rows = leakage.study(document(*FOUND)).tables[0].rows
    assert (rows[3][1].text[0], rows[3][1].small) == ("7", "events_12m, worst_24m")
    assert rows[7][1].small == "inspections"
    assert rows[1][3].text[0] == "3.1%"
    assert rows[4][3].text[0] == "–"


def test_the_study_keeps_what_was_found_under_its_code():
    shown = leakage.study(document(*FOUND))
    assert shown.code == "guards"
    assert [one["code"] for one in shown.figures["guards"]] == [one.code for one in FOUND]
    assert shown.figures["settings"]["pairs"] == GuardSettings().pairs
    json.dumps(shown.figures, allow_nan=False)


@pytest.mark.parametrize("code", [one.code for one in FOUND])
def test_every_guard_has_words(code):
    name, what = leakage.GUARDS[code]
    assert all(name)
    assert all(what)
