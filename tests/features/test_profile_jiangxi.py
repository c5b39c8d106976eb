"""The Jiangxi profile: its tables agree with each other, so that officials sign one consistent text."""

from datetime import date, timedelta
from itertools import pairwise

import pytest

from evaluation.clusters import read_controllers
from features.asof import in_force
from features.profile import read_profile
from features.records.schema import record_types
from training.cutoffs import Shares
from training.draws import DrawRule
from training.facts import Movers
from training.outcomes import OPERATORS, Facts, read_outcomes
from training.overrides import read_overrides

PROFILE = read_profile("jiangxi")
TYPES = record_types(PROFILE)
FIRST_DAY = date(2022, 5, 10)
TODAY = date(2026, 1, 31)
LISTS = sorted(path.stem for path in (PROFILE.folder / "codelists").glob("*.yaml"))
MAPPINGS = sorted(path.stem for path in (PROFILE.folder / "mappings").glob("*.yaml"))
CLASSES = ("A", "B", "C", "D")
IDENTITY = {"code", "regno", "name", "region"}
DELIVERED = {"item", "source_record_no", "action", "action_date", "action_reason", "entered_at", "published_date"} | {
    "visibility",
    "mark_reason",
}
KEPT = {"record_id", "entity", "source", "delivery", "event_date", "known_at", "known_basis", "recorded_at"} | {
    "superseded_at",
    "withdrawn_date",
    "repair_date",
    "removal_date",
    "version",
    "digest",
}


def facts_of_tables():
    """Every condition on records that a table of the profile states: (table, facts)."""
    for outcome in read_outcomes(PROFILE).values():
        for facts in (*outcome.any_of, *outcome.open_case):
            yield "outcomes", facts
    for facts in Movers.read(in_force(PROFILE.table("steadiness"), TODAY)).adverse:
        yield "steadiness", facts
    for link in read_controllers(PROFILE):
        yield "controllers", Facts(link.rows.record_type, link.rows.conditions)


def test_every_collection_item_has_a_record_type():
    covered = {item for record_type in TYPES.values() for item in record_type.items}
    assert len(PROFILE.items) == 42
    assert covered == set(PROFILE.items)


def test_every_item_says_who_provides_it_through_which_channel_and_how_late():
    channels = set(PROFILE.codelist("channels").codes)
    for row in PROFILE.items.values():
        assert row["channel"] in channels
        assert row["provider"]
        assert row["visibility"] in {"publishable", "internal", "mixed"}
        assert 0 <= row["lag_days"] <= 60


def test_coverage_names_items_of_the_list():
    assert set(PROFILE.coverage) <= set(PROFILE.items)


@pytest.mark.parametrize("record_type", list(TYPES.values()), ids=lambda one: one.name)
def test_a_record_type_states_its_basis_and_takes_no_name_a_delivery_or_the_lake_needs(record_type):
    assert record_type.label
    assert record_type.label_en
    assert record_type.basis
    assert record_type.source_body
    assert record_type.frequency in {"daily", "weekly", "monthly", "quarterly", "yearly"}
    taken = DELIVERED | KEPT | (IDENTITY if record_type.name != "entity" else {"code", "regno"})
    assert not taken & set(record_type.fields)
    for field in record_type.fields.values():
        assert field.label
        assert field.label_en != field.name or "_" not in field.name


@pytest.mark.parametrize("record_type", list(TYPES.values()), ids=lambda one: one.name)
def test_what_makes_a_record_a_fact_and_when_it_happened_is_always_there(record_type):
    assert record_type.fields[record_type.event_date].type == "date"
    for name in (record_type.event_date, *record_type.key):
        assert record_type.fields[name].required, name


def test_natural_persons_appear_only_as_keyed_hashes():
    for record_type in TYPES.values():
        for field in record_type.fields.values():
            assert not any(word in field.label for word in ("姓名", "身份证", "证件号")), (record_type.name, field.name)
            assert ("键（" in field.label) == field.name.endswith("_key"), (record_type.name, field.name)


@pytest.mark.parametrize("name", LISTS)
def test_a_code_list_states_its_source_and_no_code_holds_twice_on_one_day(name):
    table = PROFILE.table(f"codelists/{name}")
    assert table["list"] == name
    assert table.get("standard") or table.get("basis")
    periods = {}
    for row in table["rows"]:
        assert isinstance(row["code"], str)
        assert row["label"]
        periods.setdefault(row["code"], []).append((row.get("since") or date.min, row.get("until") or date.max))
    for code, found in periods.items():
        for (_, end), (start, _) in pairwise(sorted(found)):
            assert end < start, (name, code)


@pytest.mark.parametrize(
    ("name", "attribute", "target"),
    [
        ("regions", "parent", "regions"),
        ("regions", "successor", "regions"),
        ("industry_divisions", "section", "industry_sections"),
        ("legal_forms", "group", "legal_form_groups"),
        ("legal_forms", "kind", "entity_kinds"),
        ("licence_types", "domain", "violation_domains"),
        ("violation_types", "domain", "violation_domains"),
        ("inspection_matters", "domain", "violation_domains"),
        ("finding_types", "domain", "violation_domains"),
        ("accident_kinds", "domain", "violation_domains"),
        ("sources", "channel", "channels"),
    ],
)
def test_a_code_list_refers_only_to_codes_that_exist(name, attribute, target):
    named = {row[attribute] for row in PROFILE.codelist(name).rows if attribute in row}
    assert named
    assert named <= set(PROFILE.codelist(target).codes)


@pytest.mark.parametrize("name", ["violation_domains", "licence_types", "sampling_fields", "sector_schemes"])
def test_a_code_list_refers_only_to_items_that_exist(name):
    named = {row["item"] for row in PROFILE.codelist(name).rows if "item" in row}
    assert named
    assert named <= set(PROFILE.items)


def test_the_province_has_its_cities_counties_and_the_successors_of_retired_codes():
    rows = PROFILE.codelist("regions").rows
    current = [row for row in rows if "successor" not in row]
    assert [sum(row["level"] == level for row in current) for level in ("province", "city", "county")] == [1, 11, 100]
    retired = {row["code"]: row["successor"] for row in rows if "successor" in row}
    assert len(retired) == 11
    assert set(retired.values()) <= {row["code"] for row in current}


def test_the_industry_classification_is_whole():
    assert len(PROFILE.codelist("industry_divisions").codes) == 97
    assert "".join(PROFILE.codelist("industry_sections").codes) == "ABCDEFGHIJKLMNOPQRST"


def test_lists_that_repeat_the_profile_say_the_same():
    kinds = [(row["code"], row["label"], row["label_en"]) for row in PROFILE.codelist("entity_kinds").rows]
    assert kinds == [(kind.code, kind.label, kind.label_en) for kind in PROFILE.kinds]
    classes = [(row["code"], row["label"], row["label_en"]) for row in PROFILE.codelist("risk_classes").rows]
    assert classes == [(row["code"], row["label"], row["label_en"]) for row in PROFILE.table("classes")["classes"]]


def test_severity_has_points_that_rise_and_one_set_of_amounts_a_day_for_every_kind():
    points = [row["points"] for row in PROFILE.codelist("severity").rows]
    assert points == sorted(set(points))
    amounts = PROFILE.table("codelists/severity")["amounts"]
    for day in (date(2017, 1, 1), date(2021, 7, 14), date(2021, 7, 15), TODAY):
        row = in_force(amounts, day)
        for kind in PROFILE.kind_codes:
            assert 0 < row["summary_procedure"][kind] <= row["low_fine"][kind] < row["large"][kind]


def test_a_penalty_kind_has_a_severity_or_takes_it_from_the_amount():
    levels = {int(code) for code in PROFILE.codelist("severity").codes}
    for row in PROFILE.codelist("penalty_kinds").rows:
        assert row["severity"] == "by_amount" or row["severity"] in levels
        assert 1 <= row["law_item"] <= 6


def test_every_inspection_result_has_exactly_one_meaning_in_a_random_draw():
    block = PROFILE.table("random_draw")
    rule = DrawRule.read(block)
    parts = [rule.substantive, rule.indeterminate, rule.out_of_scope, frozenset(block["clean"])]
    assert sorted(code for part in parts for code in part) == sorted(PROFILE.codelist("inspection_results").codes)
    assert rule.with_finding <= frozenset(block["clean"])
    semantics = {row["code"]: row["semantic"] for row in PROFILE.codelist("inspection_results").rows}
    assert {code for code, meaning in semantics.items() if meaning == "out_of_scope"} == rule.out_of_scope


def test_random_draws_are_the_origins_random_over_everyone_and_the_fields_exist():
    block = PROFILE.table("random_draw")
    record_type = TYPES[block["record_type"]]
    fields = [block["origin"]["field"], block["method"]["field"], block["results"], block["inclusion_probability"]]
    for name in (*fields, block["stratum"], block["class_used"]):
        record_type.field(name)
    random = [row["code"] for row in PROFILE.codelist("inspection_origin").rows if row["random"]]
    assert block["origin"]["codes"] == [code for code in random if code != "random_targeted"]
    onsite = [row["code"] for row in PROFILE.codelist("inspection_method").rows if row["onsite"]]
    assert block["method"]["onsite"] == onsite
    finding = block["substantive_with_finding"]
    assert TYPES[finding["record_type"]].fields[finding["field"]].type == "int"


@pytest.mark.parametrize(("table", "facts"), list(facts_of_tables()))
def test_conditions_on_records_name_fields_and_codes_that_exist(table, facts):
    record_type = TYPES[facts.record_type]
    for condition in facts.where:
        field = record_type.field(condition.field)
        assert condition.op in OPERATORS
        if field.list and condition.value is not None:
            codes = condition.value if isinstance(condition.value, tuple) else (condition.value,)
            assert set(codes) <= set(PROFILE.codelist(field.list).codes), (table, condition)


def test_every_rule_is_dated_has_a_basis_and_may_only_worsen():
    rules = read_overrides(PROFILE)
    assert [rule.code for rule in rules] == [f"H{number:02d}" for number in range(1, 15)]
    for rule in rules:
        assert rule.at_least.name in "BCD"
        assert rule.falls_away_by
        assert rule.in_force(FIRST_DAY)
        assert not rule.in_force(FIRST_DAY - timedelta(days=1))


@pytest.mark.parametrize("kind", PROFILE.kind_codes)
@pytest.mark.parametrize("day", [FIRST_DAY, TODAY])
def test_every_class_of_every_kind_has_measures_shares_and_a_draw_ratio(kind, day):
    measures = in_force(PROFILE.table("measures"), day)
    assert kind in measures["kinds"]
    for name in CLASSES:
        stated = measures["classes"][name]
        assert stated["regime"]["label"]
        assert stated["sampling"]["label"]
        assert stated["method"]["label"]
        assert set(stated) == {"regime", "onsite", "triggers", "sampling", "method", "monitoring", "campaign"}
    shares = Shares.read(in_force(PROFILE.table("classes")["targets"], day)["kinds"][kind])
    for name, (low, high) in shares.guard.items():
        assert low <= shares.target[name] <= high


def test_class_a_is_visited_unannounced_only_on_one_of_the_four_triggers():
    measures = in_force(PROFILE.table("measures"), TODAY)["classes"]
    assert [row["label"] for row in measures["A"]["triggers"]] == [
        "投诉举报",
        "大数据监测发现问题",
        "转办交办案件线索",
        "法律法规另有规定",
    ]
    origins = {row["code"]: row["random"] for row in PROFILE.codelist("inspection_origin").rows}
    assert [origins[row["origin"]] for row in measures["A"]["triggers"]] == [False] * 4
    assert not any(measures[name]["triggers"] for name in "BCD")


def test_draws_rise_with_the_class_and_never_stop():
    row = in_force(PROFILE.table("sampling"), TODAY)
    ratios = [row["ratio"][name] for name in CLASSES]
    assert ratios == sorted(ratios)
    assert 0 < row["floor"]["A"] <= row["ratio"]["A"]
    caps = [row["max_per_year"][name] for name in CLASSES]
    assert caps == sorted(caps)
    assert 0 < row["onsite_share"]["A"] < 1
    assert set(row["not_drawn"]) <= set(PROFILE.codelist("registration_status").codes)


@pytest.mark.parametrize("name", MAPPINGS)
def test_a_mapping_fills_every_required_field_with_codes_that_exist(name):
    mapping = PROFILE.table(f"mappings/{name}")
    assert mapping["mapping"] == name
    record_type = TYPES[mapping["record_type"]]
    filled = set(mapping["columns"]) | set(mapping.get("constants", {}))
    assert filled <= set(record_type.fields) | IDENTITY | DELIVERED
    assert {field.name for field in record_type.fields.values() if field.required} <= filled
    assert set(mapping.get("factors", {})) | set(mapping.get("split", {})) | set(mapping["dates"]) <= filled
    for column, translations in mapping.get("values", {}).items():
        listed = record_type.fields[column].list
        if listed:
            assert set(translations.values()) <= set(PROFILE.codelist(listed).codes)


def test_the_fields_that_lists_show_are_fields_of_the_register():
    assert set(PROFILE.settings["register"].values()) <= set(TYPES["entity"].fields)
    scope = PROFILE.settings["scope"]
    assert TYPES["entity"].field(scope["field"]).list == scope["list"]
