"""The simulated province as a whole: its bytes, its deliveries, its truth, and what watching it shows."""

import hashlib
import json
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from features import steps
from features.asof import Month
from features.profile import read_profile
from features.records.identity import regnos_hold, uscc_faults
from features.records.intake import take
from features.records.journal import Journal
from features.records.lake import Lake
from features.records.schema import record_types
from features.simulation.province import Province, simulate
from features.simulation.truth import latent
from features.simulation.world import read_world

NOW = datetime(2026, 11, 24, tzinfo=UTC)
YEARS = [date(year, 3, 31) for year in (2019, 2020, 2021, 2022, 2023, 2024, 2025)]
SUBSTANTIVE = 2
RANDOM = ["random_open", "random_targeted", "joint_random"]


def digest(home):
    """One digest over all files of a simulated province, their names included."""
    whole = hashlib.sha256()
    for path in sorted(home.rglob("*")):
        if path.is_file():
            whole.update(f"{path.relative_to(home)}:{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def outcome(province, after):
    """Codes for which the primary outcome first became known in the twelve months after a day."""
    until = after.replace(year=after.year + 1)
    known = []
    for record_type, wanted in {
        "penalty": pl.col("severity").cast(pl.Int64) >= SUBSTANTIVE,
        "serious_listing": pl.col("list_code") == "market_regulation",
        "abnormal_listing": pl.col("reason") == "3",
        "case_file": pl.col("outcome") == "transferred_justice",
    }.items():
        key = {"penalty": "decision_no", "case_file": "case_no"}.get(record_type, "in_date")
        found = province.rows(record_type).filter(wanted & pl.col("code").is_not_null())
        known.append(found.group_by("code", key).agg(pl.col("entered_at").min()).select("code", "entered_at"))
    first = pl.concat(known).filter(pl.col("entered_at").is_between(pl.lit(str(after)), pl.lit(str(until))))
    return set(first.filter(pl.col("entered_at") != str(after))["code"])


def auc(positive, value):
    """Probability that a positive has the greater value, ties counted half."""
    order = pl.Series(value).rank("average").to_numpy()
    hits = positive.sum()
    return (order[positive].sum() - hits * (hits + 1) / 2) / (hits * (len(value) - hits))


def oracle(province, as_of):
    """Whether the outcome came within a year, and the latent propensity, of all on the register on a day."""
    found = pl.from_arrow(latent(province.home / "truth", as_of))
    return found["code"].is_in(list(outcome(province, as_of))).to_numpy(), found["propensity"].to_numpy()


def draws_on_site(province):
    """Random on-site inspections with their worst finding and the code of the entity."""
    findings = (
        province.rows("inspection_finding").group_by("inspection_no").agg(pl.col("severity").cast(pl.Int64).max())
    )
    drawn = province.rows("inspection").filter(pl.col("origin").is_in(RANDOM) & (pl.col("method") == "onsite"))
    return drawn.join(findings, on="inspection_no", how="left", maintain_order="left")


def is_substantive(inspections):
    """Whether an inspection's result is a substantive problem."""
    grave = (pl.col("results") == "02") & (pl.col("severity") >= SUBSTANTIVE)
    return (
        inspections.select(pl.col("results").is_in(["04", "09", "14"]) | grave.fill_null(False)).to_series().to_numpy()
    )


def test_the_same_seed_gives_the_same_bytes_whatever_the_chunk(tmp_path):
    shutil.copytree(read_profile("jiangxi").folder, tmp_path / "place")
    world = tmp_path / "place" / "world.yaml"
    world.write_text(world.read_text(encoding="utf-8").replace("\nblock: 10000\n", "\nblock: 1000\n"), encoding="utf-8")
    place = read_profile(str(tmp_path / "place"))
    wanted = Province(2_500, 3, Month(2024, 6), Month(2026, 3), 10.0)
    simulate(place, tmp_path / "small", wanted, chunk=1)
    simulate(place, tmp_path / "large", wanted, chunk=10**9)
    simulate(place, tmp_path / "other", replace(wanted, seed=4))
    assert read_world(place)["block"] == 1000
    assert digest(tmp_path / "small") == digest(tmp_path / "large")
    assert digest(tmp_path / "small") != digest(tmp_path / "other")


def test_intake_takes_every_row_and_finds_almost_every_entity(profile, tmp_path):
    simulate(profile, tmp_path, Province(1_000, 5, Month(2025, 7), Month(2026, 3), 10.0))
    deliveries = sorted(path.parent for path in tmp_path.glob("deliveries/*/*/manifest.json"))
    lake, journal = Lake(tmp_path, profile), Journal(tmp_path / "journal.jsonl")
    receipts = take(deliveries, lake=lake, journal=journal, recorded_at=NOW)
    assert [receipt.rejects for receipt in receipts if receipt.rejected or receipt.refused or receipt.warnings] == []
    sent = sum(receipt.sent for receipt in receipts)
    assert sent > 1_000 * 4
    assert sum(receipt.unmatched for receipt in receipts) < sent / 200


def test_no_field_is_unknown_and_most_record_types_occur(demo, profile):
    types = record_types(profile)
    assert set(demo.summary.by_type) <= set(types)
    assert len(demo.summary.by_type) >= 40
    assert 11 < demo.summary.records / demo.summary.entities < 16
    assert sum(demo.summary.by_type.values()) == demo.summary.records


def test_no_record_is_entered_before_it_happened_or_after_its_delivery(demo, profile):
    for name, record_type in record_types(profile).items():
        if name not in demo.summary.by_type:
            continue
        found = demo.rows(name)
        early = found.filter(pl.col("entered_at") < pl.col(record_type.event_date))
        assert early.is_empty(), f"{name}: {early.head(1).to_dicts()}"
    for path in demo.home.glob("deliveries/*/*/manifest.json"):
        manifest = json.loads(path.read_text(encoding="utf-8"))
        last = str(Month.parse(manifest["period"]).end)
        for file in manifest["files"]:
            rows = demo_file(path.parent / file["path"])
            assert len(rows) == file["rows"]
            assert rows["entered_at"].cast(pl.String).max() <= last


def demo_file(path):
    """The rows of one delivered file."""
    read = {".csv": pl.read_csv, ".jsonl": pl.read_ndjson, ".parquet": pl.read_parquet}[path.suffix]
    return read(path, **({"infer_schema": False} if path.suffix == ".csv" else {}))


def test_deliveries_are_declared_backloads_by_year_and_then_by_month(demo):
    months = {path.parent.name for path in demo.home.glob("deliveries/gsxt/*/manifest.json")}
    assert months == {*(f"{year}-12" for year in range(2017, 2026)), "2026-01", "2026-02", "2026-03"}
    sources = {path.parent.parent.name for path in demo.home.glob("deliveries/*/*/manifest.json")}
    assert {"gsxt", "credit_platform", "enforcement", "other_holders", "samr_push"} <= sources
    manifest = json.loads((demo.home / "deliveries/gsxt/2026-01/manifest.json").read_text(encoding="utf-8"))
    assert manifest["backload"]["approver"]
    assert "detection=10" in manifest["simulated"]


def test_every_code_and_old_number_is_valid_and_its_own(demo):
    register = demo.rows("entity").filter(pl.col("action").is_null())
    assert register["code"].is_unique().all()
    assert register["regno"].is_unique().all()
    assert uscc_faults(register["code"]).null_count() == len(register)
    assert regnos_hold(register["regno"]).all()
    shares = register["kind"].value_counts(normalize=True)
    kinds = dict(shares.iter_rows())
    assert kinds["enterprise"] == pytest.approx(0.31, abs=0.02)
    assert kinds["individual_business"] == pytest.approx(0.66, abs=0.02)


def test_the_oracle_is_neither_blind_nor_all_seeing(demo):
    positive, value = (np.concatenate(part) for part in zip(*(oracle(demo, day) for day in YEARS), strict=True))
    assert 0.75 <= auc(positive, value) <= 0.85


def test_base_rates_are_near_the_published_ones(demo, ordinary):
    rate = np.mean([oracle(ordinary, day)[0].mean() for day in YEARS])
    assert 0.0020 <= rate <= 0.0040, "domain figure: about 0.27 % a year"
    raised = np.mean([oracle(demo, day)[0].mean() for day in YEARS])
    assert 5 <= raised / rate <= 12
    drawn = draws_on_site(ordinary)
    assert 0.035 <= is_substantive(drawn).mean() <= 0.075
    assert 0.13 <= (~drawn["results"].is_in(["01", "03"])).mean() <= 0.22


def test_random_draws_recover_the_rate_of_violations_in_progress(demo, profile):
    found = read_world(profile)["supervision"]["found_onsite"]
    drawn = draws_on_site(demo).filter(pl.col("code").is_not_null())
    day = pl.col("inspected_date").str.to_date()
    away = demo.truth("entities").select("code", "away_from", "away_to")
    visits = drawn.with_columns(day.alias("on")).join(away, on="code", maintain_order="left")
    reachable = ~(pl.col("away_from") <= pl.col("on")).fill_null(False) | (pl.col("on") >= pl.col("away_to"))
    visits = visits.filter(reachable)
    state = visits.join(demo.truth("violations"), on="code").filter(
        (pl.col("start") <= pl.col("on")) & (pl.col("on") < pl.col("end")) & (pl.col("severity_right") >= SUBSTANTIVE)
    )
    missed = pl.col("severity_right").replace_strict(dict(enumerate(found)), return_dtype=pl.Float64)
    chance = state.group_by("inspection_no").agg((1 - (1 - missed).product()).alias("chance"))["chance"]
    expected, spread = chance.sum(), float(np.sqrt((chance * (1 - chance)).sum()))
    observed = is_substantive(visits).sum()
    assert abs(observed - expected) <= 4 * spread
    problems = visits.filter(pl.Series(is_substantive(visits)))
    assert set(problems["inspection_no"]) <= set(state["inspection_no"]), "nothing is found where nothing is wrong"


def test_counting_all_inspections_overstates_the_problem(demo):
    findings = demo.rows("inspection_finding").group_by("inspection_no").agg(pl.col("severity").cast(pl.Int64).max())
    everything = demo.rows("inspection").join(findings, on="inspection_no", how="left")
    assert is_substantive(everything).mean() > 2 * is_substantive(draws_on_site(demo)).mean()


def test_draws_find_more_where_the_propensity_is_higher(demo):
    as_of = date(2022, 6, 30)
    propensity = pl.from_arrow(latent(demo.home / "truth", as_of)).select("code", "propensity")
    drawn = draws_on_site(demo).join(propensity, on="code")
    problem, value = is_substantive(drawn), drawn["propensity"].to_numpy()
    upper = value > np.quantile(value, 0.8)
    assert problem[upper].mean() > 2 * problem[~upper].mean()


def test_a_stratum_has_one_inclusion_probability_and_directed_visits_have_none(demo):
    inspections = demo.rows("inspection")
    drawn = inspections.filter(pl.col("origin").is_in(RANDOM))
    assert (
        drawn.group_by("stratum_id").agg(pl.col("inclusion_probability").n_unique())["inclusion_probability"].max() == 1
    )
    assert drawn["stratum_id"].null_count() == 0
    assert inspections.filter(~pl.col("origin").is_in(RANDOM))["inclusion_probability"].is_null().all()


def test_two_channels_send_the_same_decision_under_the_same_number(demo):
    penalties = demo.rows("penalty").filter(pl.col("action").is_null())
    twice = penalties.group_by("decision_no").agg(pl.col("source").n_unique(), pl.col("fine").n_unique())
    assert 0.2 < (twice["source"] == 2).mean() < 0.8
    assert twice.filter(pl.col("source") == 2)["fine"].max() == 1
    actions = set(demo.rows("penalty")["action"].drop_nulls())
    assert actions == {"correct", "withdraw", "repair"}
    assert set(demo.rows("abnormal_listing")["action"].drop_nulls()) == {"remove"}


def test_latent_truth_is_told_for_those_on_the_register(demo):
    as_of = date(2023, 3, 31)
    found = pl.from_arrow(latent(demo.home / "truth", as_of))
    entities = demo.truth("entities")
    present = entities.filter((pl.col("born") <= as_of) & (pl.col("left").is_null() | (pl.col("left") > as_of)))
    assert set(found["code"]) == set(present["code"])
    assert found["p12"].is_between(0, 1).all()
    later = pl.from_arrow(latent(demo.home / "truth", as_of + timedelta(days=400))).join(found, on="code")
    assert 0.5 < np.corrcoef(later["propensity"], later["propensity_right"])[0, 1] < 0.999


def test_a_province_already_there_is_not_made_again_and_another_is_refused(demo, profile):
    wanted = Province(20_000, 7, Month(2017, 4), Month(2026, 3), 10.0)
    again = simulate(profile, demo.home, wanted)
    assert not again.made
    assert again.by_type == demo.summary.by_type
    with pytest.raises(steps.ResourceError, match="holds deliveries"):
        simulate(profile, demo.home, Province(20_000, 8, Month(2017, 4), Month(2026, 3)))


def test_progress_counts_entities(profile, tmp_path):
    seen = []
    simulate(
        profile,
        tmp_path,
        Province(300, 1, Month(2025, 1), Month(2026, 3)),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(300, 300)]


@pytest.mark.parametrize("seed", range(6))
def test_a_province_of_one_entity_is_a_province(seed, profile, tmp_path):
    summary = simulate(profile, tmp_path, Province(1, seed, Month(2025, 1), Month(2026, 3)))
    assert summary.by_type["entity"] >= 1
    assert pl.read_parquet(tmp_path / "truth" / "entities.parquet").height == 1
