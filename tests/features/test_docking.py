"""The example of docs/docking.md is a whole profile: built from the page, it loads."""

import json
import re
from datetime import date
from pathlib import Path

import pytest

from features.asof import in_force
from features.indicators.catalogue import load
from features.profile import read_profile
from features.records.schema import record_types
from training.cutoffs import Shares
from training.facts import Movers
from training.outcomes import read_outcomes
from training.overrides import read_overrides

PAGE = Path(__file__).parents[2] / "docs" / "docking.md"
BLOCK = re.compile(r"^```\w+ file=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DAY = date(2025, 12, 31)


@pytest.fixture(scope="module")
def rivertown(tmp_path_factory):
    """The profile the page describes."""
    folder = tmp_path_factory.mktemp("docked") / "rivertown"
    for name, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return read_profile(str(folder))


def test_the_page_describes_record_types_and_indicators_that_load(rivertown):
    assert set(record_types(rivertown)) == {"entity", "inspection", "complaint"}
    assert load(rivertown).codes == ("months_open", "serious_24m", "routine_24m", "complaints_decayed")


def test_the_page_describes_an_outcome_rules_and_steadiness_over_what_exists(rivertown):
    types, codes = record_types(rivertown), load(rivertown).codes
    outcome = read_outcomes(rivertown)["serious_violation"]
    assert outcome.controls is not None
    assert set(outcome.controls) <= set(codes)
    for condition in (*outcome.event.where, *outcome.positive):
        types[outcome.event.record_type].field(condition.field)
    assert {demand.indicator for rule in read_overrides(rivertown) for demand in rule.when} <= set(codes)
    movers = Movers.read(in_force(rivertown.table("steadiness"), DAY))
    assert {facts.record_type for facts in movers.adverse} <= set(types)


def test_the_page_describes_shares_measures_and_ratios_for_every_kind(rivertown):
    targets = in_force(rivertown.table("classes")["targets"], DAY)["kinds"]
    measures = in_force(rivertown.table("measures"), DAY)
    for kind in rivertown.kind_codes:
        Shares.read(targets[kind])
        assert kind in measures["kinds"]
    assert set(measures["classes"]) == set(in_force(rivertown.table("sampling"), DAY)["ratio"]) == set("ABCD")


def test_the_page_s_mappings_and_manifest_name_what_exists(rivertown):
    types = record_types(rivertown)
    for name in ("licences", "inspections"):
        mapping = rivertown.table(f"mappings/{name}")
        required = {field.name for field in types[mapping["record_type"]].fields.values() if field.required}
        assert required <= set(mapping["columns"])
    manifest = json.loads(next((rivertown.folder / "deliveries").rglob("manifest.json")).read_text(encoding="utf-8"))
    assert manifest["files"][0]["record_type"] in types
    assert (rivertown.folder / "mappings" / f"{manifest['mapping']}.yaml").is_file()
