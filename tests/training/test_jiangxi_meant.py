"""What the Jiangxi profile means by its rules, outcomes and random draws, written from the domain and not from it.

Every row stands here as an official would say it: whoever changes the meaning of a rule changes a row of this page.
"""

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from world import lake_of, sampled, world_of

from features.engine import Engine
from features.indicators.catalogue import Definitions, load
from features.indicators.language import on
from features.profile import read_profile
from features.reading import Reading
from training.draws import DrawRule, drawn_events, problems
from training.labels import Knowledge, positives
from training.outcomes import read_outcomes
from training.overrides import Seen, apply, read_overrides

PROFILE = read_profile("jiangxi")
DEFINITIONS = load(PROFILE)
CODES = DEFINITIONS.codes
RULES = read_overrides(PROFILE)
T, KNOWN_BY = date(2025, 12, 31), date(2027, 6, 30)

# Somebody of five years, reports on time, and nothing else on record.
NOTHING = {"age_months": 60.0, "annual_report_on_time_last": 1.0}
THIN = {"age_months": 11.0, "annual_report_on_time_last": np.nan}

# rule, class it sets, values that meet it, all rules they meet; values that just do not, all rules those meet
MEANT = [
    ("H01", "D", {"serious_violation_listed_now": 1}, ["H01"], {"other_dept_serious_list_now": 1}, ["H07"]),
    ("H02", "D", {"revoked_not_deregistered": 1}, ["H02"], {"revoked_not_deregistered": 0}, []),
    ("H03", "D", {"false_registration_confirmed": 1}, ["H03"], {"false_registration_confirmed": 0}, []),
    ("H04", "D", {"penalty_max_severity_12m": 4}, ["H04", "H12"], {"penalty_max_severity_12m": 3}, ["H12"]),
    ("H05", "D", {"responsible_accident_24m": 1}, ["H05"], {"responsible_accident_24m": 0}, []),
    ("H06", "D", {"other_dept_serious_list_now": 2}, ["H06", "H07"], {"other_dept_serious_list_now": 1}, ["H07"]),
    ("H07", "C", {"other_dept_serious_list_now": 1}, ["H07"], {"other_dept_serious_list_now": 0}, []),
    ("H08", "C", {"dishonest_executed_now": 1}, ["H08"], {"dishonest_executed_now": 0}, []),
    ("H09", "C", {"abnormal_concealed_or_uncontactable_now": 1}, ["H09"], {"abnormal_unpublished_now": 1}, ["H10"]),
    ("H10", "B", {"abnormal_unpublished_now": 1}, ["H10"], {"abnormal_unpublished_now": 0}, []),
    ("H11", "B", {"open_case_count": 1}, ["H11"], {"open_case_count": 0}, []),
    ("H12", "C", {"penalty_max_severity_12m": 3}, ["H12"], {"penalty_max_severity_12m": 2}, []),
    ("H13", "B", THIN, ["H13"], {**THIN, "age_months": 12}, []),
    ("H13", "B", THIN, ["H13"], {**THIN, "annual_report_on_time_last": 0}, []),
    ("H13", "B", THIN, ["H13"], {**THIN, "inspection_determinate_count_60m": 1}, []),
    ("H14", "C", {"major_tax_violation_36m": 1}, ["H14"], {"major_tax_violation_36m": 0}, []),
]


def ruled(values, kind):
    """The class rules set for somebody with these values and nothing else, and the codes of the rules met."""
    row = {**NOTHING, **values}
    assert set(row) <= set(CODES)
    seen = Seen(np.array([[row.get(code, 0.0) for code in CODES]]), CODES, [kind])
    found = apply(RULES, seen, as_of=T)
    return "ABCD"[found.at_least[0]], found.rules[0].as_py()


def test_this_page_tells_of_every_rule():
    assert {row[0] for row in MEANT} == {rule.code for rule in RULES}


@pytest.mark.parametrize("kind", PROFILE.kind_codes)
@pytest.mark.parametrize(("code", "risk", "meets", "all_met", "nearly", "others_met"), MEANT)
def test_a_rule_looks_at_what_it_is_about_and_sets_its_class(code, risk, meets, all_met, nearly, others_met, kind):
    sets = {row[0]: row[1] for row in MEANT}
    assert ruled(meets, kind) == (risk, all_met)
    assert code in all_met
    assert ruled(nearly, kind) == (max((sets[other] for other in others_met), default="A"), others_met)
    assert code not in others_met


def test_somebody_without_anything_meets_no_rule():
    assert ruled({}, "enterprise") == ("A", [])
    unknown = Seen(np.full((1, len(CODES)), np.nan), CODES, ["enterprise"])
    assert apply(RULES, unknown, as_of=T).rules[0].as_py() == []


def listed(code, **changed):
    return ("serious_listing", "2025-03-01", {"list_code": code, **changed})


def abnormal(reason, **changed):
    return ("abnormal_listing", "2025-03-01", {"reason": reason, **changed})


def fined(severity, day="2025-01-01", **changed):
    return ("penalty", day, {"kinds": "|fine|", "severity": severity, **changed})


def accident(kind, responsibility="minor", day="2024-01-01"):
    return ("accident", day, {"accident_kind": kind, "responsibility": responsibility})


def notice(kind, result=None):
    return ("notice", "2025-03-01", {"notice_type": kind, "result": result})


def founded(day):
    return ("entity", day, {"est_date": day, "status": "active"})


def checked(results):
    return ("inspection", "2025-09-01", {"results": results, "origin": "routine", "method": "onsite"})


OUT = {"out_date": "2025-12-01"}

# what is on record of somebody by the last day of 2025, and the rules that meets
RECORDED = [
    ([listed("market_regulation")], ["H01"]),
    ([listed("market_regulation", **OUT)], []),
    ([("entity", "2019-03-01", {"status": "revoked"})], ["H02"]),
    ([("entity", "2019-03-01", {"status": "suspended"})], []),
    ([notice("false_registration", "confirmed")], ["H03"]),
    ([notice("registration_voided")], ["H03"]),
    ([notice("false_registration", "open")], []),
    ([fined(4)], ["H04", "H12"]),
    ([fined(4, "2024-12-31")], []),  # twelve months and a day ago
    ([fined(4, repair_date="2025-10-01")], []),
    ([fined(3)], ["H12"]),
    ([fined(2), fined(2)], []),
    *(([accident(kind)], ["H05"]) for kind in ("special_equipment", "food_safety", "drug_safety")),
    *(([accident(kind)], []) for kind in ("product_safety", "production", "fire", "ecology")),
    *(([accident("food_safety", found)], []) for found in ("none", "pending")),
    ([accident("food_safety", day="2023-12-31")], []),
    ([listed("ecology"), listed("wages")], ["H06", "H07"]),
    ([listed("ecology"), listed("wages", **OUT)], ["H07"]),
    ([listed("ecology"), listed("ecology")], ["H07"]),  # twice on one list is one list
    ([listed("tax")], ["H07", "H14"]),
    ([listed("tax", **OUT)], ["H14"]),  # within 36 months, removed or not
    ([("serious_listing", "2022-12-31", {"list_code": "tax", "out_date": "2024-01-01"})], []),
    *(([("dishonest_executed", "2025-03-01", {"debtor_role": role})], ["H08"]) for role in ("entity", "operator")),
    *(([("dishonest_executed", "2025-03-01", {"debtor_role": role})], []) for role in ("legal_rep", "shareholder")),
    ([("dishonest_executed", "2025-03-01", {"debtor_role": "entity", "removed_date": "2025-12-01"})], []),
    *(([abnormal(reason)], ["H09"]) for reason in "34"),
    *(([abnormal(reason)], ["H10"]) for reason in "12"),
    *(([abnormal(reason, **OUT)], []) for reason in "1234"),
    ([("case_file", "2025-03-01", {})], ["H11"]),
    ([("case_file", "2025-03-01", {"closed_date": "2025-12-01", "outcome": "penalty"})], []),
    ([founded("2025-02-01")], ["H13"]),
    ([founded("2024-12-31")], []),
    ([founded("2025-02-01"), checked("|01|")], []),
    ([founded("2025-02-01"), checked("|03|")], ["H13"]),  # a visit without an answer tells nothing
]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The codes of the rules met by everybody in ``RECORDED``, through the indicators of the profile."""
    records = {}
    for number, (own, _) in enumerate(RECORDED):
        for record_type, day, fields in own:
            records.setdefault(record_type, []).append(on(day, of=f"{number:02d}", **fields))
    names = [f"{number:02d}" for number in range(len(RECORDED))]
    lake = lake_of(PROFILE, world_of(PROFILE, records, also=names), tmp_path_factory.mktemp("lake"))
    asked = {demand.indicator for rule in RULES for demand in rule.when}
    some = tuple(one for one in DEFINITIONS.indicators if one.code in asked)
    pairs = pa.table(
        {
            "pair": pa.array(range(len(names)), pa.int64()),
            "entity": pa.array(range(len(names)), pa.int32()),
            "as_of": pa.array([T] * len(names), pa.date32()),
        }
    )
    table = sampled(lake, Definitions(some, DEFINITIONS.digest), pairs).sort_by("pair")
    columns = tuple(one.code for one in some)
    values = np.column_stack([pc.fill_null(table[code].cast(pa.float64()), np.nan).to_numpy() for code in columns])
    return apply(RULES, Seen(values, columns, ["enterprise"] * len(values)), as_of=T).rules.to_pylist()


@pytest.mark.parametrize("number", range(len(RECORDED)))
def test_records_meet_the_rules_they_are_about(recorded, number):
    own, rules = RECORDED[number]
    assert recorded[number] == rules, own


VIOLATION, SEVERE, ANY, CONTACT, FILING, EXIT = "violation", "severe", "any_problem", "contact", "filing", "exit"

# a record that becomes known within the year after T, and of which outcomes it makes its entity a positive
COUNTED = [
    ("penalty", {"severity": 0}, set()),
    ("penalty", {"severity": 1}, {ANY}),
    ("penalty", {"severity": 2}, {ANY, VIOLATION}),
    ("penalty", {"severity": 3}, {ANY, VIOLATION, SEVERE}),
    ("penalty", {"severity": 4}, {ANY, VIOLATION, SEVERE}),
    ("serious_listing", {"list_code": "market_regulation"}, {ANY, VIOLATION, SEVERE}),
    ("serious_listing", {"list_code": "tax"}, set()),
    ("abnormal_listing", {"reason": "1"}, {FILING}),
    ("abnormal_listing", {"reason": "2"}, set()),
    ("abnormal_listing", {"reason": "3"}, {ANY, VIOLATION}),
    ("abnormal_listing", {"reason": "4"}, {CONTACT}),
    ("case_file", {"outcome": "transferred_justice"}, {ANY, VIOLATION, SEVERE}),
    ("case_file", {"outcome": "transferred_authority"}, set()),
    ("case_file", {"outcome": "penalty"}, set()),
    ("case_file", {}, set()),
    ("entity", {"status": "deregistered"}, {EXIT}),
    ("entity", {"status": "revoked"}, {EXIT}),
    *(("inspection", {"results": f"|{code}|"}, {ANY}) for code in ("02", "04", "09", "13", "14")),
    *(("inspection", {"results": f"|{code}|"}, set()) for code in ("01", "03", "05", "06", "07", "08", "11", "12")),
    ("inspection", {"results": "|10|"}, {CONTACT}),
    ("inspection", {"results": "|04|10|"}, {ANY, CONTACT}),
]
NEEDED = {"inspection": {"origin": "routine", "method": "onsite"}, "penalty": {"kinds": "|fine|"}}


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """Who is a positive of which outcome, by the place of its only record in ``COUNTED``."""
    records = {}
    for number, (record_type, fields, _) in enumerate(COUNTED):
        given = {**NEEDED.get(record_type, {}), **fields}
        records.setdefault(record_type, []).append(on("2026-03-02", known="2026-04-01", of=f"{number:02d}", **given))
    world = world_of(PROFILE, records)
    knowledge = Knowledge(Reading(lake_of(PROFILE, world, tmp_path_factory.mktemp("lake")), Engine("polars")), KNOWN_BY)
    return {
        name: {int(world.entities[key]) for key in positives(knowledge, one, as_of=T)["entity"].to_pylist()}
        for name, one in read_outcomes(PROFILE).items()
        if one.any_of
    }


@pytest.mark.parametrize("outcome", [VIOLATION, SEVERE, ANY, CONTACT, FILING, EXIT])
def test_an_outcome_counts_what_it_is_named_for_and_nothing_else(counted, outcome):
    told = {number for number, row in enumerate(COUNTED) if outcome in row[2]}
    assert [COUNTED[number] for number in sorted(counted[outcome])] == [COUNTED[number] for number in sorted(told)]


def test_every_outcome_of_records_is_on_this_page(counted):
    assert set(counted) == {VIOLATION, SEVERE, ANY, CONTACT, FILING, EXIT}


PROBLEM, CLEAN, NO_ANSWER, OUTSIDE = 1.0, 0.0, None, -1.0

# results of a draw, the gravest finding, and what the draw says of the entity
SAYS = [
    ("01", None, CLEAN),
    ("02", None, CLEAN),
    ("02", 1, CLEAN),
    ("02", 2, PROBLEM),
    ("02", 4, PROBLEM),
    ("03", None, NO_ANSWER),
    ("04", None, PROBLEM),
    ("05", None, OUTSIDE),
    ("06", None, NO_ANSWER),
    ("07", None, OUTSIDE),
    ("08", None, NO_ANSWER),
    ("09", None, PROBLEM),
    ("10", None, NO_ANSWER),
    ("11", None, OUTSIDE),
    ("12", None, OUTSIDE),
    ("13", None, CLEAN),
    ("14", None, PROBLEM),
    ("01|09", None, PROBLEM),
    ("10|13", None, CLEAN),
    ("05|06", None, NO_ANSWER),
    ("01", 3, CLEAN),  # a finding counts where the result says that something was found and put right
]


@pytest.mark.parametrize(("results", "severity", "says"), SAYS)
def test_a_random_draw_finds_a_substantive_problem_none_or_says_nothing(results, severity, says):
    rule = DrawRule.read(PROFILE.table("random_draw"))
    (found,) = problems([f"|{results}|"], np.array([np.nan if severity is None else severity], float), rule)
    assert (None if np.isnan(found) else float(found)) == says


# origin, method, inclusion probability: whether the draw is evidence for everybody
LOTS = [
    ("random_open", "onsite", "0.01", True),
    ("joint_random", "onsite", "0.01", True),
    ("random_targeted", "onsite", "0.01", False),  # random only among those it was aimed at
    *((name, "onsite", "0.01", False) for name in ("routine", "campaign", "complaint", "monitor", "transferred")),
    ("statutory", "onsite", "0.01", False),
    *(("random_open", name, "0.01", False) for name in ("written", "online", "agency")),
    ("random_open", "onsite", None, False),
]


def test_only_random_checks_on_site_with_their_chance_are_draws(tmp_path):
    visits = [
        on("2026-03-02", of=f"{number:02d}", inspection_no=str(number), origin=origin, method=method, results="|01|",
           inclusion_probability=chance)
        for number, (origin, method, chance, _) in enumerate(LOTS)
    ]  # fmt: skip
    world = world_of(PROFILE, {"inspection": visits})
    knowledge = Knowledge(Reading(lake_of(PROFILE, world, tmp_path), Engine("polars")), KNOWN_BY)
    found = drawn_events(knowledge, since=date(2026, 1, 1), until=date(2026, 12, 31))
    drawn = {int(world.entities[key]) for key in found["entity"].to_pylist()}
    assert [LOTS[number] for number in sorted(drawn)] == [row for row in LOTS if row[3]]
    assert set(found["chance"].to_pylist()) == {0.01 * 0.5}  # every second random check was made on site
