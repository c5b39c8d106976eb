"""The profile of Chicago: it reads the city's own tables, and knows a record the day after its event."""

import json
import math
import shutil
from datetime import UTC, date, datetime

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.indicators.catalogue import load
from features.profile import PROFILES, read_profile
from features.records.intake import take
from features.records.journal import Journal
from features.records.lake import Lake
from features.steps import file_digest
from tests.world import sampled
from training.outcomes import read_outcomes

TABLES = PROFILES.parent / "examples" / "chicago-food"
NOW = datetime(2014, 11, 1, tzinfo=UTC)
FILES = {
    "places": ("entity", "inspections"),
    "locations": ("entity", "inspections"),
    "licences": ("entity", "licences"),
    "inspections": ("inspection", "inspections"),
    "tiers": ("tier", "inspections"),
    "violations": ("violation", "violations"),
    "visits": ("visit", "visits"),
    "sanitation_requests": ("sanitation_request", "sanitation_requests"),
}


@pytest.fixture(scope="module")
def chicago():
    return read_profile("chicago")


@pytest.fixture(scope="module")
def tables():
    """A few businesses with everything about them, and some requests."""
    inspections = pq.read_table(TABLES / "inspections.parquet")
    chosen = pc.unique(inspections["licence_no"])[:60]
    inspections = inspections.filter(pc.is_in(inspections["licence_no"], chosen))
    found = {"inspections": inspections}
    for name, column in (("licences", "inspection_id"), ("violations", "inspection_id"), ("visits", "licence_no")):
        table = pq.read_table(TABLES / f"{name}.parquet")
        found[name] = table.filter(pc.is_in(table[column], inspections[column].combine_chunks()))
    found["sanitation_requests"] = pq.read_table(TABLES / "sanitation_requests.parquet").slice(0, 300)
    return found


def _taken(profile, tables, home, mappings=tuple(FILES)):
    folders = []
    for mapping in mappings:
        record_type, name = FILES[mapping]
        folder = home / "deliveries" / mapping
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        pq.write_table(tables[name], folder / "table.parquet")
        file = {"path": "table.parquet", "record_type": record_type, "version": 1, "format": "parquet"}
        manifest = {
            "delivery": mapping,
            "source": "city",
            "mapping": mapping,
            "backload": {"source": "city", "approver": "test", "reason": "history"},
            "files": [{**file, "rows": len(tables[name]), "sha256": file_digest(folder / "table.parquet")}],
        }
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        folders.append(folder)
    lake = Lake(home, profile)
    receipts = take(folders, lake=lake, journal=Journal(home / "journal.jsonl"), recorded_at=NOW)
    return lake, dict(zip(mappings, receipts, strict=True))


@pytest.fixture(scope="module")
def home(chicago, tables, tmp_path_factory):
    return _taken(chicago, tables, tmp_path_factory.mktemp("chicago"))


def test_the_model_reads_the_frozen_indicators_and_the_group_of_inspectors_is_none(chicago):
    definitions = load(chicago)
    assert len(definitions.with_role("feature")) == 35
    shown = {"consumption_licence_held", "other_licences_held", "months_since_inspection"}
    assert set(definitions.with_role("display_only")) == shown
    assert len(definitions.codes) == 38
    (control,) = read_outcomes(chicago)["critical_violation"].event_controls
    assert control.of is not None
    used = {name for indicator in definitions.indicators for name in _fields(indicator.value)}
    assert control.field not in used


def _fields(value):
    return set(str(value).split("'"))


def test_the_citys_tables_are_taken_and_only_rows_without_a_licence_refused(home, tables):
    _, receipts = home
    for mapping, (_, name) in FILES.items():
        assert receipts[mapping].refused is None
        assert receipts[mapping].sent == len(tables[name])
        assert set(receipts[mapping].rejects) <= {"identity_missing"}
    assert receipts["inspections"].accepted == len(tables["inspections"])
    assert receipts["licences"].rejected == tables["licences"]["licence_no"].null_count


def test_a_violated_item_happened_with_its_inspection_and_was_known_with_it(home):
    lake, receipts = home
    items, parents = (
        pa.concat_tables([pq.read_table(path) for path in lake.stored(name).paths])
        for name in ("violation", "inspection")
    )
    assert receipts["violations"].accepted == len(items) > 0
    when = dict(zip(parents["inspection_id"].to_pylist(), parents["event_date"].to_pylist(), strict=True))
    known = dict(zip(parents["inspection_id"].to_pylist(), parents["known_at"].to_pylist(), strict=True))
    for row in items.to_pylist():
        assert row["event_date"] == row["found_on"] == when[row["inspection_id"]]
        assert row["known_at"] == known[row["inspection_id"]]


def test_items_delivered_before_their_inspection_wait_and_then_get_its_date(chicago, tables, home, tmp_path):
    _, early = _taken(chicago, tables, tmp_path, ("places", "violations"))
    assert early["violations"].unmatched == len(tables["violations"])
    late, _ = _taken(chicago, tables, tmp_path, ("inspections",))
    waited, at_once = (
        pl.concat([pl.read_parquet(path) for path in lake.stored("violation").paths])
        .select("inspection_id", "violation_no", "event_date", "found_on", "known_at", "known_basis")
        .sort("inspection_id", "violation_no")
        for lake in (late, home[0])
    )
    assert waited.equals(at_once)


def test_an_inspection_counts_for_inspections_two_days_later_and_not_for_the_next_days(home, chicago):
    lake, _ = home
    row = (
        pa.concat_tables([pq.read_table(path) for path in lake.stored("inspection").paths])
        .sort_by("event_date")
        .slice(0, 1)
    )
    day, entity = row["event_date"][0].as_py(), row["entity"][0].as_py()
    days = [date.fromordinal(day.toordinal() + after - 1) for after in (0, 1, 2)]  # as of the day before
    pairs = pa.table(
        {
            "pair": pa.array([0, 1, 2]),
            "entity": pa.array([entity] * 3, pa.int32()),
            "as_of": pa.array(days, pa.date32()),
        }
    )
    assert sampled(lake, load(chicago), pairs)["inspection_count"].to_pylist() == [0.0, 0.0, 1.0]


def test_a_tier_stands_on_the_eve_of_the_visit_that_reports_it(home, chicago, tables):
    lake, _ = home
    tiers = pa.concat_tables([pq.read_table(path) for path in lake.stored("tier").paths]).sort_by("event_date")
    first = tiers.slice(0, 1)
    eve = first["event_date"][0].as_py()
    assert eve.toordinal() + 1 == pc.min(tables["inspections"]["inspection_date"]).as_py().toordinal()
    pairs = pa.table(
        {
            "pair": pa.array([0, 1]),
            "entity": pa.array([first["entity"][0].as_py()] * 2, pa.int32()),
            "as_of": pa.array([date.fromordinal(eve.toordinal() - 1), eve], pa.date32()),
        }
    )
    before, on_the_eve = sampled(lake, load(chicago), pairs)["high_risk_tier"].to_pylist()
    assert math.isnan(before)
    assert on_the_eve == (first["risk_tier"][0].as_py() == "Risk 1 (High)")


def test_the_one_item_with_an_assumed_date_is_the_tier(chicago):
    assert [code for code, item in chicago.items.items() if item.get("assumed")] == ["F07"]


def test_words_nobody_has_seen_before_are_taken(chicago, tables, tmp_path):
    changed = dict(tables)
    for name, columns in {
        "inspections": ("result", "facility_type", "risk_tier"),
        "visits": ("purpose", "inspector"),
        "sanitation_requests": ("nature",),
    }.items():
        for column in columns:
            table = changed[name]
            said = pa.array([f"new {number % 3}" for number in range(len(table))], pa.large_string())
            changed[name] = table.set_column(table.column_names.index(column), column, said)
    _, receipts = _taken(chicago, changed, tmp_path)
    assert receipts["inspections"].accepted == len(tables["inspections"])
    assert receipts["visits"].rejected == 0
    assert receipts["sanitation_requests"].rejected == 0


def test_the_roll_of_places_says_nothing_but_that_they_exist(home):
    lake, _ = home
    rolls = pa.concat_tables([pq.read_table(path) for path in lake.stored("entity").paths])
    places = rolls.filter(pc.equal(rolls["roll"], "place"))
    assert len(places) == len(pc.unique(rolls["entity"]))
    for name in ("latitude", "longitude", "cell", "north", "east", "ward", "first_licensed", "licence_code"):
        assert places[name].null_count == len(places)


def test_a_cell_is_counted_from_the_south_west_in_steps_of_its_grid(home):
    lake, _ = home
    rolls = pa.concat_tables([pq.read_table(path) for path in lake.stored("entity").paths])
    located = rolls.filter(rolls["latitude"].is_valid()).to_pylist()
    assert located
    for row in located:
        south, west = (row["cell"] // 100_000) * 0.005 - 90, (row["cell"] % 100_000) * 0.005 - 180
        assert south - 1e-9 <= row["latitude"] < south + 0.005 + 1e-9
        assert west - 1e-9 <= row["longitude"] < west + 0.005 + 1e-9
        assert row["north"] / 1000 <= row["latitude"] < (row["north"] + 1) / 1000
