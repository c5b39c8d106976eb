"""The printed indicator system, and the queries it compiles to, as reviewed texts."""

from datetime import date
from pathlib import Path

import pytest
from world import SMALL

from features.compiled import queries
from features.indicators.catalogue import load
from features.indicators.language import Rows
from features.indicators.page import catalogue_page, in_words, window_in_words
from features.indicators.primer import language_page
from features.profile import read_profile
from features.records.schema import record_types

ROOT = Path(__file__).resolve().parents[3]
SQL = ROOT / "tests" / "golden" / "sql"
PRINTED = "jiangxi"
AS_OF = date(2025, 6, 30)


@pytest.fixture(scope="module")
def profile():
    return read_profile(PRINTED)


@pytest.fixture(scope="module")
def definitions(profile):
    return load(profile)


def test_the_page_at_the_root_is_the_indicator_system(profile, definitions, golden):
    page = catalogue_page(definitions, profile)
    assert all(f"`{code}`" in page for code in definitions.codes)
    golden(ROOT / "CATALOGUE.md", page)


@pytest.mark.parametrize("sector", read_profile(PRINTED).sectors)
def test_every_sector_has_its_page_and_its_reviewed_queries(sector, golden):
    profile = read_profile(PRINTED, sector)
    own, found = load(profile), queries(load(profile), profile, AS_OF)
    page = catalogue_page(own, profile)
    assert all(f"`{code}`" in page for code in own.codes)
    golden(ROOT / "docs" / "sectors" / f"{sector}.md", page)
    for name, text in found.items():
        golden(SQL / sector / f"{name}.sql", text)
    assert {path.stem for path in (SQL / sector).glob("*.sql")} == set(found)


def test_every_word_of_the_language_is_on_its_page(golden):
    page = language_page()
    golden(ROOT / "docs" / "language.md", page)
    words = [name for name in vars(Rows) if not name.startswith("_") and callable(getattr(Rows, name))]
    assert [name for name in (*words, "ratio", "peer_rate", "same", "nearby", "seen") if f"{name}(" not in page] == []


def test_compiled_queries_are_those_reviewed(profile, definitions, golden):
    found = queries(definitions, profile, AS_OF)
    for name, text in found.items():
        golden(SQL / f"{name}.sql", text)
    assert {path.stem for path in SQL.glob("*.sql")} == set(found)


def test_a_page_of_an_english_profile_is_english():
    small = read_profile(str(SMALL))
    page = catalogue_page(load(small), small)
    assert page.startswith("# a small place Indicators\n")
    assert "| `visits_12m` | visits 12m | time | 12 months | higher is riskier |" in page


def test_an_example_says_what_is_known_when_of_whom_and_what_comes_out():
    small = read_profile(str(SMALL))
    found, types = load(small).by_code, record_types(small)
    late = found["events_12m"].examples[3]
    assert in_words(late, small, types) == "2024-06-30: event 2024-06-01, known 2024-07-01 → 0"
    others = found["events_12m"].examples[7]
    assert in_words(others, small, types) == "2024-06-30: event 2024-06-01, another's → 0"
    stall = found["trade"].examples[1]
    assert in_words(stall, small, types) == "2024-06-30: stall, entity 2020-01-01 (trade 五金) → null"


@pytest.mark.parametrize(
    ("code", "window"),
    [
        ("decayed", "36 months, half-life 12 months"),
        ("events_90d", "90 days"),
        ("listed_now", "in effect at T"),
        ("bad_peers", "24 months, peers, itself left out"),
        ("same_leader", "in effect at T, linked entities, itself left out"),
        ("requests_nearby_90d", "90 days, nearby"),
        ("reports", "any time"),
    ],
)
def test_a_window_is_said_in_words(code, window):
    assert window_in_words(load(read_profile(str(SMALL))).by_code[code].value, "en") == window
