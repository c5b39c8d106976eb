"""The health of indicators, by hand: coverage, why a value is null, freshness, stability, predictive value."""

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from world import SMALL, known_before, lake_of, world_of

from evaluation import health
from evaluation.stability import psi
from features.asof import end_of_day
from features.indicators.catalogue import load
from features.indicators.language import on
from features.matrix import Batch, batches
from features.profile import read_profile
from training.sample import MATRIX, PAIRS

PROFILE = read_profile(str(SMALL))
DEFINITIONS = load(PROFILE)
AS_OF = date(2024, 6, 30)
RECORDS = {
    "entity": [
        on("2020-01-01", of="a", kind="shop", capital=100, trade="tools"),
        on("2021-01-01", of="b", kind="stall"),
        on("2022-01-01", of="c", kind="shop"),
        on("2023-01-01", of="d", kind="ship"),
        on("2023-01-01", of="gone", kind="shop", status="closed"),
    ],
    "event": [
        on("2024-06-20", of="a", severity=2),
        on("2024-05-31", of="a", severity=1),
        on("2024-06-10", of="b"),
        on("2024-06-29", known="2024-07-02", of="c", severity=3),
    ],
}


def observed(folder, as_of=AS_OF, records=RECORDS, **how):
    return of_lake(lake_of(PROFILE, world_of(PROFILE, records), folder), as_of, **how)


def of_lake(lake, as_of, **how):
    with TemporaryDirectory() as scratch:
        source = health.Source(lake, DEFINITIONS, "polars", Path(scratch))
        return health.observe(source, as_of=as_of, say=lambda _: None, **how)


def seen(month, code):
    return month.of(DEFINITIONS.by_code[code])


@pytest.fixture
def month(tmp_path):
    return observed(tmp_path)


@pytest.mark.parametrize(
    ("code", "applicable", "valued", "nulls"),
    [
        ("age_months", 3, 3, {"unknown_kind": 1}),
        ("capital_log", 3, 1, {"unknown_kind": 1, "no_value": 2}),
        ("trade", 2, 1, {"not_applicable": 1, "unknown_kind": 1, "no_value": 1}),
        ("events_12m", 3, 3, {"unknown_kind": 1}),
        ("latest_severity", 3, 1, {"unknown_kind": 1, "no_record": 1, "no_value": 1}),
        ("months_since_last", 3, 2, {"unknown_kind": 1, "no_record": 1}),
    ],
)
def test_every_null_has_its_reason(month, code, applicable, valued, nulls):
    found = seen(month, code)
    assert (found.in_scope, found.applicable, found.valued) == (4, applicable, valued)
    assert {reason: count for reason, count in found.nulls.items() if count} == nulls
    assert found.coverage == valued / applicable


def test_values_and_nulls_add_up_for_every_indicator(month):
    for indicator in DEFINITIONS.indicators:
        found = month.of(indicator)
        assert found.valued + sum(found.nulls.values()) == found.in_scope == 4


def test_a_window_that_begins_before_its_collection_is_null_for_that_reason(tmp_path):
    found = seen(observed(tmp_path, date(2022, 12, 30)), "visits_12m")
    assert {reason: count for reason, count in found.nulls.items() if count} == {"before_coverage": 3}
    assert found.coverage == 0.0


def test_freshness_is_the_median_age_of_the_newest_record_of_those_who_have_one(month):
    assert seen(month, "events_12m").freshness == 10  # 10 days for a, 20 for b; c has none known
    assert seen(month, "age_months").freshness == (AS_OF - date(2021, 1, 1)).days
    assert seen(month, "trade").freshness == (AS_OF - date(2022, 1, 1)).days  # shops alone


def test_what_looks_at_others_alone_has_no_freshness(month):
    alone = [one for one in DEFINITIONS.indicators if not health.own_types(one)]
    assert alone
    assert {month.of(one).freshness for one in alone} == {None}
    assert all(not month.of(one).nulls["no_record"] for one in alone)


def test_a_place_where_nobody_is_known_has_no_coverage(tmp_path):
    nobody = observed(tmp_path, date(1990, 1, 1))
    found = seen(nobody, "age_months")
    assert (found.in_scope, found.coverage, found.freshness) == (0, None, None)
    assert set(health.drift(nobody, nobody).values()) == {None}


def test_no_record_known_after_t_changes_a_month(tmp_path):
    world = world_of(PROFILE, RECORDS)
    months = []
    for name, rows in (("all", world), ("then", known_before(world, end_of_day(AS_OF, PROFILE.zone)))):
        (tmp_path / name).mkdir()
        months.append(of_lake(lake_of(PROFILE, rows, tmp_path / name), AS_OF))
    first, second = ([month.of(one) for one in DEFINITIONS.indicators] for month in months)
    assert first == second


def test_the_index_compares_entities_of_its_kinds_alone(tmp_path):
    later = {**RECORDS, "event": [*RECORDS["event"], *(on("2024-06-01", of="d") for _ in range(9))]}
    (tmp_path / "before").mkdir()
    before, after = observed(tmp_path / "before", freshness=False), observed(tmp_path, records=later)
    found = health.drift(before, after)
    assert found["events_12m"] == 0.0  # d is of no known kind
    assert found["trade"] == 0.0
    changed = {**RECORDS, "event": []}
    (tmp_path / "after").mkdir()
    now = observed(tmp_path / "after", records=changed, freshness=False)
    was = np.array([2.0, 1.0, 0.0])
    assert health.drift(after, now)["events_12m"] == pytest.approx(psi(was, np.zeros(3)))


def test_of_a_large_place_every_so_manyth_entity_is_compared_across_batches():
    columns = DEFINITIONS.codes
    month = health.Observed(DEFINITIONS, PROFILE, AS_OF, 3)
    for first in (0, 4):
        values = np.full((4, len(columns)), np.arange(first, first + 4, dtype=float)[:, None])
        month.take(
            Batch(AS_OF, np.arange(first, first + 4, dtype=np.int32), np.zeros(4, np.int8), values, columns), None
        )
    values, kinds = month.column(0)
    assert values.tolist() == [0.0, 3.0, 6.0]
    assert kinds.tolist() == [0, 0, 0]


@pytest.mark.parametrize("size", [1, 2, 125_000])
def test_portions_have_the_values_of_the_matrix(tmp_path, monkeypatch, size):
    monkeypatch.setattr(health, "BATCH", size)
    lake = lake_of(PROFILE, world_of(PROFILE, RECORDS), tmp_path)
    source = health.Source(lake, DEFINITIONS, "polars", tmp_path)
    found = list(health.portions(source, as_of=AS_OF, say=lambda _: None))
    (whole,) = batches(lake, DEFINITIONS, as_of=AS_OF)
    assert np.concatenate([one.entity for one in found]).tolist() == whole.entity.tolist()
    assert np.array_equal(np.concatenate([one.values for one in found]), whole.values, equal_nan=True)


# ------------------------------------------------------------------------------------------------ predictive value


def sample_of(folder, columns, label, *, part=None, kind=None, s=None, stratum=None):
    size = len(label)
    pairs = {
        "part": part or ["test"] * size,
        "stratum": stratum or ["headline"] * size,
        "label": label,
        "s": s or [1.0] * size,
    }
    pq.write_table(pa.table(pairs), folder / PAIRS, write_page_checksum=True)
    kinds = pa.array(kind or [0] * size, pa.int8())
    pq.write_table(pa.table({"kind": kinds, **columns}), folder / MATRIX, write_page_checksum=True)
    return folder


def test_an_order_that_is_upside_down_tells_as_much(tmp_path):
    label = [True] * 10 + [False] * 10
    up, none = [1.0] * 10 + [0.0] * 10, [0.0] * 20
    half = [1.0] * 5 + [0.0] * 15
    columns = {"up": up, "down": [-value for value in up], "none": none, "half": half}
    found = health.predictive(sample_of(tmp_path, columns, label), [*columns, "new"])
    assert (found["up"].auc, found["up"].direction) == (1.0, "riskier")
    assert (found["down"].auc, found["down"].direction) == (1.0, "safer")
    assert (found["none"].auc, found["none"].direction) == (0.5, None)
    assert found["half"].auc == 0.75
    assert found["new"] == health.Predictive(None, None, health.NOT_IN_SAMPLE)


def test_only_headline_test_pairs_of_a_known_kind_with_a_value_count(tmp_path):
    label = [True] * 10 + [False] * 10
    values = [1.0] * 10 + [0.0] * 10
    disturbing = {"part": "fit", "kind": -1, "stratum": "open_case"}
    size = len(label) + 3
    how = {"part": ["test"] * size, "kind": [0] * size, "stratum": ["headline"] * size}
    for place, (name, value) in enumerate(disturbing.items(), start=len(label)):
        how[name][place] = value
    columns = {"a": [*values, 0.0, 0.0, 0.0], "b": [*values[:-1], None, 0.0, 0.0, 0.0]}
    found = health.predictive(sample_of(tmp_path, columns, [*label, True, True, True], **how), ["a", "b"])
    assert found["a"].auc == 1.0
    assert found["b"] == health.Predictive(None, None, health.FEW_OUTCOMES)


def test_a_pair_that_stands_for_many_weighs_as_many():
    label = np.array([True] * 10 + [False] * 10)
    values = np.array([1.0] * 10 + [1.0] * 2 + [0.0] * 8)
    weight = np.array([1.0] * 10 + [4.0] * 2 + [1.0] * 8)
    found = health.univariate(values, label, weight)
    assert found.auc == pytest.approx((8 + 8 / 2) / 16)


def test_contributions_count_as_often_as_entities_have_them():
    parts = [
        pa.table({"bins": pa.array([b"x", b"y"]), "a": [1.0, -2.0], "b": [0.0, 1.0]}),
        pa.table({"bins": pa.array([b"z"]), "a": [0.0], "b": [-5.0]}),
    ]
    found = health.contribution_shares(parts, np.array([3, 1, 1]), ["a", "b", "c", "d"], ["a", "b", "c"])
    assert found["a"].share == 5 / 11
    assert found["b"].share == 6 / 11
    assert found["c"] == health.Share(0.0, None)  # known to the scheme, split on by no tree
    assert found["d"] == health.Share(None, health.NOT_IN_MODEL)


def test_a_month_of_nobody_has_shares_of_nothing():
    parts = [pa.table({"a": pa.array([], pa.float32())})]
    assert health.contribution_shares(parts, np.array([], np.int64), ["a"], ["a"])["a"].share == 0.0
