"""Months read from the store: bit for bit what was sealed, page by page what a grant reaches, provable row by row."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update
from sqlalchemy.engine import create_engine
from town import NOW

from serving import ledger, offices
from serving.access import Grant, condition, within
from serving.ledger import LedgerError
from serving.loading import Loading
from serving.marks import Marks
from serving.results import LIGHT, Results, publisher_key
from serving.shelf import Filters, Shelf
from serving.store import StoreError
from serving.tables import LOADS, month_tables

MONTH = "2025-12"


def grant(org="", *departments):
    return Grant("analyst", org, NOW.date(), departments=frozenset(departments))


@pytest.fixture
def shelf(store, classified):
    """Both months of the town, on either database."""
    months = Results(classified.home, publisher_key(classified.home))
    for name in months.months():
        Loading(store, months.month(name), NOW).run()
    made = Shelf(store, publisher_key(classified.home))
    yield made
    made.close()


@pytest.fixture(scope="module")
def months(classified):
    return Results(classified.home, publisher_key(classified.home))


def same(month, stored, code):
    light, found = month.find(code), stored.find(code)
    assert repr({name: found[name] for name in (*LIGHT, "part", "row")}) == repr(
        {name: light[name] for name in (*LIGHT, "part", "row")}
    )
    assert repr(stored.full(found)) == repr(month.full(light))
    assert stored.evidence(found) == month.evidence(light)
    assert stored.supplement(found) == month.supplement(light)
    if light["status"] == "classified":
        assert repr(stored.vector(found)) == repr(month.vector(light))


def test_every_row_comes_back_bit_for_bit(shelf, months):
    for name in months.months():
        month, stored = months.month(name), shelf.month(name)
        assert (stored.month, stored.head, stored.words, stored.indicators) == (
            name,
            month.head,
            month.words,
            month.indicators,
        )
        assert stored.parts[0].indicators == month.parts[0].indicators
        assert stored.counts() == month.counts()
        assert stored.ranks == month.ranks
        for code in month.rows["code"].to_pylist():
            same(month, stored, code)


def test_a_month_with_a_supplement_has_of_every_entity_the_row_that_stands(store, copied):
    town = copied.correct()
    month = Results(town.home, publisher_key(town.home)).month(MONTH)
    assert len(month.parts) == 2
    loaded = Loading(store, month, NOW).run()
    shelf = Shelf(store, publisher_key(town.home))
    stored = shelf.month(MONTH)
    assert loaded.rows == stored.size() == 200
    parts = set()
    secret = ledger.salt_secret(town.home / "keys")
    for code in month.rows["code"].to_pylist():
        same(month, stored, code)
        light = stored.find(code)
        parts.add(light["part"])
        assert stored.proof(light, secret) == ledger.prove(town.home, month.parts[light["part"]].folder, code)
    assert parts == {0, 1}
    shelf.close()


def test_proofs_are_those_of_the_ledger_and_hold(shelf, classified, months):
    key, secret = publisher_key(classified.home), ledger.salt_secret(classified.home / "keys")
    folder = months.month(MONTH).parts[0].folder
    stored = shelf.month(MONTH)
    for code in ("T00000", "T00007", "T00064", "T00199"):
        light = stored.find(code)
        assert stored.leaf_path(light) == ledger.path_of((folder / ledger.LEAVES).read_bytes(), light["row"])
        made = stored.proof(light, secret)
        assert made == ledger.prove(classified.home, folder, code)
        assert ledger.proof_holds(made, key)
    assert stored.root(0) == stored.head.root


@pytest.mark.parametrize("rows", [1, 2, 4, 5, 8, 9, 11, 12, 13, 16, 17, 31])
def test_a_path_from_chunks_is_the_path_of_the_whole_tree(rows, shelf, monkeypatch):
    monkeypatch.setattr("serving.shelf.CHUNK", 4)
    leaves = b"".join(number.to_bytes(32, "big") for number in range(rows))
    chunks = [leaves[start : start + 128] for start in range(0, len(leaves), 128)]
    roots = b"".join(bytes.fromhex(ledger.root(chunk)) for chunk in chunks)
    stored = shelf.month(MONTH)
    monkeypatch.setattr(type(stored), "chunk", lambda self, part, number: roots if number < 0 else chunks[number])
    for row in range(rows):
        assert stored.leaf_path({"part": 0, "row": row}) == ledger.path_of(leaves, row)


def test_unknown_codes_are_found_by_nobody(shelf):
    for code in ("T00200", "t00042", "", "T0004", "张三", "T00042\x00", "\ud800", "T%", "'"):
        assert shelf.month(MONTH).find(code) is None
    assert set(shelf.month(MONTH).found(["T00003", "nobody", "T00001"])) == {"T00001", "T00003"}


def test_pages_run_through_everyone_once_in_the_order_of_office_and_code(shelf, months):
    stored, after, seen = shelf.month(MONTH), None, []
    while page := stored.page(grant(), after=after, limit=7):
        assert len(page) <= 7
        after = (page[-1]["org"], page[-1]["code"])
        seen += page
    assert [(one["org"], one["code"]) for one in seen] == sorted(
        (one["region"], one["code"]) for one in months.month(MONTH).rows.to_pylist()
    )
    for light in seen[::17]:
        assert stored.full(light) == stored.full(stored.find(light["code"]))
        assert stored.evidence(light) == stored.evidence(stored.find(light["code"]))


def test_a_page_narrows_by_class_kind_and_region(shelf):
    stored = shelf.month(MONTH)
    everyone = stored.page(grant(), limit=300)
    for asked, keeps in (
        (Filters(risk_class="D"), lambda one: one["class"] == "D"),
        (Filters(kind="stall"), lambda one: one["kind"] == "stall"),
        (Filters(region="3607"), lambda one: one["region"].startswith("3607")),
        (
            Filters(region="3601", kind="shop", risk_class="A"),
            lambda one: (one["region"][:4], one["kind"], one["class"]) == ("3601", "shop", "A"),
        ),
        (Filters(region="%"), lambda one: False),
        (Filters(region="\x00"), lambda one: False),
    ):
        assert stored.page(grant(), asked, limit=300) == [one for one in everyone if keeps(one)]


def test_a_page_holds_exactly_what_the_rule_of_scope_reaches(store, copied):
    town = copied
    months = Results(town.home, publisher_key(town.home))

    def placed():
        table = offices.of_everyone(town.run(MONTH).sources)
        size = table.num_rows
        orgs = ["360000/360100/360102", "360000/360100/3601001", "360000/36_100", "360000/36%100", "360000"]
        words = ["", ",ecology,", ",ecology,fire,", ",eco_ogy,"]
        return pa.table(
            {
                "entity": table["entity"],
                "org": pa.array([orgs[number % 5] for number in range(size)]),
                "departments": pa.array([words[number % 4] for number in range(size)]),
            }
        )

    Loading(store, months.month(MONTH), NOW, placed).run()
    shelf = Shelf(store, publisher_key(town.home))
    stored = shelf.month(MONTH)
    everyone = stored.page(grant(), limit=300)
    assert len(everyone) == 200
    for asked in (
        grant("360100"),
        grant("36_100"),
        grant("3601001"),
        grant("36%100"),
        grant("360000", "ecology"),
        grant("", "eco_ogy", "fire"),
        grant("36"),
        grant("360102", "fire"),
    ):
        assert stored.page(asked, limit=300) == [one for one in everyone if within(asked, one)], asked
    shelf.close()


CODES = st.sampled_from(["360100", "3601001", "1", "36%", "36_100", "%", "_", "36\\100", "36_10", "AB", "ab"])


@pytest.fixture(scope="module")
def database(postgres):
    """A connection of either database with an empty results table, undone after the module."""
    found = []
    for url in ("sqlite://", postgres.database()):
        engine = create_engine(url)
        connection = engine.connect()
        month_tables(1)[0].create(connection)
        found.append(connection)
    yield found
    for connection in found:
        connection.close()
        connection.engine.dispose()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    orgs=st.lists(st.lists(CODES, max_size=4).map("/".join), min_size=1, max_size=6),
    has=st.lists(CODES, max_size=3),
    org=st.one_of(st.just(""), CODES),
    wanted=st.frozensets(CODES, max_size=2),
)
def test_the_rule_of_scope_and_its_sql_agree(database, orgs, has, org, wanted):
    asked = Grant("analyst", org, date(2026, 1, 1), departments=wanted)
    results = month_tables(1)[0]
    departments = f",{','.join(has)}," if has else ""
    rows = [
        {
            "code": f"c{number}",
            "entity": number,
            "part": 0,
            "row": number,
            "lot": number,
            "org": one,
            "departments": departments,
            "status": "s",
            "document": b"",
        }
        for number, one in enumerate(orgs)
    ]
    expected = {row["code"] for row in rows if within(asked, row)}
    for connection in database:
        with connection.begin_nested():
            connection.execute(results.delete())
            connection.execute(insert(results), rows)
            assert set(connection.scalars(select(results.c.code).where(condition(asked, results.c)))) == expected


def test_the_history_of_an_entity_is_newest_first_and_bounded(shelf):
    found = shelf.history("T00010", 60)
    assert [month.month for month, _ in found] == [MONTH, "2025-11"]
    assert len(shelf.history("T00010", 1)) == 1
    assert shelf.history("nobody", 60) == []


def test_months_are_listed_and_a_missing_one_says_what_to_run(shelf, store, classified, tmp_path):
    assert shelf.months() == ["2025-11", MONTH]
    assert shelf.newest().month == MONTH
    assert shelf.newest() is shelf.month(MONTH)
    with pytest.raises(LedgerError, match="jianwei store load 2026-01"):
        shelf.month("2026-01")


def test_a_store_without_months_says_so(store, bare, classified):
    with pytest.raises(LedgerError, match="no month"):
        Shelf(store, publisher_key(classified.home)).newest()


def test_a_store_of_no_form_is_refused(bare, classified):
    with pytest.raises(StoreError, match="jianwei store upgrade"):
        Shelf(bare, publisher_key(classified.home)).months()


@pytest.mark.parametrize("touched", ["head", "signature", "manifest", "words"])
def test_a_month_that_does_not_say_what_was_signed_is_not_opened(shelf, store, touched):
    with store.writing() as connection:
        told = connection.scalar(select(LOADS.c.told).where(LOADS.c.month == MONTH))
        part = told["parts"][0]
        part[touched] = {**part["head"], "rows": 201} if touched == "head" else part[touched].replace("1", "2")
        connection.execute(update(LOADS).where(LOADS.c.month == MONTH).values(told=told))
    with pytest.raises(LedgerError, match="--again"):
        shelf.month(MONTH)
    assert shelf.month("2025-11")


def test_a_month_that_lost_a_row_is_not_opened(shelf, store, tmp_path):
    load = shelf.month(MONTH).load
    shelf.close()
    path = store.month_file(load)
    engine = create_engine(f"sqlite:///{path}") if path else store.engine
    with engine.begin() as connection:
        results = month_tables(load)[0]
        connection.execute(results.delete().where(results.c.entity == 3))
    if path:
        engine.dispose()
    with pytest.raises(LedgerError, match="200 rows"):
        shelf.month(MONTH)


def test_damage_is_an_error_and_never_an_answer(shelf):
    stored = shelf.month(MONTH)
    light = stored.find("T00010")
    for damaged, ask in (("document", stored.full), ("document", stored.evidence), ("vector", stored.vector)):
        with pytest.raises(LedgerError, match="damaged"):
            ask({**light, damaged: light[damaged][:-3]})
    with pytest.raises(LedgerError, match="no vector"):
        stored.vector({**light, "vector": None})
    with pytest.raises(LedgerError, match="lacks leaves"):
        stored.chunk(0, 99)


def test_many_threads_read_at_a_time(shelf, months):
    expected = {
        code: months.month(MONTH).full(months.month(MONTH).find(code)) for code in ("T00001", "T00010", "T00064")
    }

    def ask(number):
        code = list(expected)[number % 3]
        stored = shelf.month(MONTH)
        return stored.full(stored.find(code)) == expected[code]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(200)))


def test_what_is_gone_from_the_store_is_let_go(shelf, store, classified, months):
    first = shelf.month(MONTH)
    for _ in range(3):
        Loading(store, months.month(MONTH), NOW, again=True).run()
    assert shelf.month(MONTH).load > first.load
    assert first.load not in shelf._opened


def test_pages_by_lot_run_through_everyone_once_even_where_lots_are_the_same(store, classified, monkeypatch):
    monkeypatch.setattr(Marks, "lots", lambda self, codes: np.array([len(code) for code in codes], np.int64))
    month = Results(classified.home, publisher_key(classified.home)).month(MONTH)
    Loading(store, month, NOW).run()
    shelf = Shelf(store, publisher_key(classified.home))
    after, seen = None, []
    while page := shelf.month(MONTH).page(grant(), after=after, limit=7, by_lot=True):
        after = (page[-1]["lot"], page[-1]["code"])
        seen += [one["code"] for one in page]
    assert seen == [f"T{number:05d}" for number in range(200)]
    shelf.close()


def test_pages_by_lot_hold_what_the_rule_of_scope_reaches(shelf):
    stored = shelf.month(MONTH)
    everyone = stored.page(grant(), limit=300)
    for asked in (grant(), grant("360102"), grant("360103", "ecology"), grant("nowhere")):
        found = stored.page(asked, Filters(kind="stall"), limit=300, by_lot=True)
        expected = [one for one in everyone if within(asked, one) and one["kind"] == "stall"]
        assert found == sorted(expected, key=lambda one: one["lot"])
