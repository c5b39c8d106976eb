"""Sealed months as they are read: verified first, ordered by margin, and never other than sealed."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from serving import ledger
from serving.ledger import LedgerError
from serving.months import rank
from serving.results import Results, SealedMonth, publisher_key

MONTH = "2025-12"


def results(town):
    return Results(town.home, publisher_key(town.home))


@pytest.fixture(scope="module")
def month(classified):
    return results(classified).month(MONTH)


def test_months_come_in_order_and_an_unknown_one_says_how_to_make_it(classified):
    found = results(classified)
    assert found.months() == ["2025-11", MONTH]
    with pytest.raises(LedgerError, match="jianwei month 2026-01"):
        found.month("2026-01")


def test_an_entity_is_found_by_its_code_and_by_nothing_else(month):
    assert month.find("T00042")["entity"] == 42
    for code in ("T00200", "t00042", "", "T0004", "T000422", "张三", "T00042\x00"):
        assert month.find(code) is None


def test_lists_run_from_the_riskiest_margin_down_then_by_entity(month):
    listed = month.listed()
    order = [(-row["margin"], row["entity"]) for row in listed]
    assert order == sorted(order)
    assert len(listed) == sum(month.counts().values())


def test_lists_narrow_by_class_region_and_limit(month):
    high = month.listed(classes=("C", "D"), region="3601")
    assert {row["class"] for row in high} <= {"C", "D"}
    assert {row["region"] for row in high} == {"360102", "360103"}
    assert month.listed(classes=("C", "D"), region="3601", limit=3) == high[:3]
    assert month.listed(region="9") == []


def test_the_history_of_an_entity_is_newest_first_and_bounded(classified):
    found = results(classified)
    history = found.history("T00010", 60)
    assert [one.month for one, _ in history] == [MONTH, "2025-11"]
    assert found.history("T00010", 1) == history[:1]
    assert found.history("nobody", 60) == []


def test_a_rank_is_the_share_of_its_kind_that_is_calmer(month):
    stood = month.listed()
    for light in stood[::9]:
        margins = np.array([one["margin"] for one in stood if one["kind"] == light["kind"]])
        assert rank(month.ranks, light) == np.mean(margins < light["margin"])
    assert rank(month.ranks, {"kind": "nothing", "margin": 0.0}) is None


def test_of_a_large_kind_a_rank_is_told_to_a_thousandth_from_a_thousand_margins():
    margins = np.random.default_rng(5).normal(size=37_211)
    rows = pa.table({"status": ["classified"] * len(margins), "kind": ["shop"] * len(margins), "margin": margins})
    ranks = SealedMonth.ranks.func(SimpleNamespace(rows=rows))
    assert len(ranks["shop"]) == 1000
    asked = [*np.linspace(-5, 5, 400), *margins[:400]]
    off = [abs(rank(ranks, {"kind": "shop", "margin": one}) - np.mean(margins < one)) for one in asked]
    assert max(off) <= 0.001


def test_the_whole_row_and_its_vector_are_the_sealed_ones(classified, month):
    rows = {row["code"]: row for row in ledger.read_rows(month.parts[0].folder).to_pylist()}
    for code in ("T00000", "T00010", "T00199"):
        light = month.find(code)
        assert month.full(light) == rows[code]
        assert set(month.vector(light)) == set(classified.scheme.columns)
    assert [row["indicator"] for row in month.evidence(month.find("T00006"))]


@pytest.mark.parametrize(
    "name", ["results-000.parquet", "vectors-000.parquet", "manifest.json", "words.json", "leaves.bin"]
)
def test_a_month_with_a_touched_file_is_not_read(copied, name):
    path = ledger.month_folder(copied.home, MONTH, 0) / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(LedgerError, match=r"jianwei status --verify"):
        results(copied).month(MONTH)
    assert results(copied).month("2025-11")


def test_a_month_sealed_by_somebody_else_is_not_read(copied, tmp_path):
    from features import signing

    other = signing.first_use_key(tmp_path / "other", "publisher").public_key()
    with pytest.raises(LedgerError, match="signature"):
        Results(copied.home, other).month(MONTH)


def test_a_month_another_process_verified_is_the_one_it_told_of(copied, tmp_path):
    from features import signing

    heads = [part.head.digest for part in results(copied).month(MONTH).parts]
    assert [part.head.digest for part in results(copied).told(MONTH, heads)] == heads
    for others in ([], ["e" * 64], [*heads, *heads]):
        with pytest.raises(LedgerError, match="not the month that was verified"):
            results(copied).told(MONTH, others)
    other = signing.first_use_key(tmp_path / "other", "publisher").public_key()
    with pytest.raises(LedgerError, match="signature does not hold"):
        Results(copied.home, other).told(MONTH, heads)


def test_a_month_moved_to_another_name_is_not_read(copied):
    (copied.home / "months" / MONTH).rename(copied.home / "months" / "2026-03")
    with pytest.raises(LedgerError, match="another month"):
        results(copied).month("2026-03")
