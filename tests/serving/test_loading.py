"""Loading a sealed month: whole and exact, or nothing of it; what stood is read until the new rows are all there."""

import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from sqlalchemy import inspect, select, text
from town import NOW, Town, write

from features.profile import ProfileError, read_profile
from features.steps import ResourceError
from serving import bulk, ledger, loading, offices
from serving.ledger import LedgerError
from serving.loading import Loading, clean, loads
from serving.marks import Marks
from serving.results import Results, publisher_key
from serving.rows import Rows
from serving.shelf import Shelf
from serving.store import StoreError
from serving.tables import LOADS, STANDING
from serving.traits import Traits

MONTH = "2025-12"
HERE = Path(__file__).resolve().parent
KILLED = """
import sys
sys.path[:0] = [{here!r}, {tests!r}, {root!r}]
import os, signal
from town import NOW, Town
from serving import loading
from serving.results import Results, publisher_key
from serving.store import Store
town = Town.at(__import__("pathlib").Path(sys.argv[1]))
month = Results(town.home, publisher_key(town.home)).month("2025-12")
def report(done, total):
    if sys.argv[3] == "rows":
        os.kill(os.getpid(), signal.SIGKILL)
def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[3] == "switch":
    loading._stands = killed
loading.Loading(Store(sys.argv[2]), month, NOW, None, True, report).run()
"""


def sealed(town, month=MONTH):
    return Results(town.home, publisher_key(town.home)).month(month)


def loaded(store, town, month=MONTH, **asked):
    return Loading(store, sealed(town, month), NOW, **asked).run()


def states(store):
    return [(one["load"], one["state"]) for one in loads(store)]


def left(store):
    """The files, or the tables, of loads."""
    if store.folder is not None:
        return sorted(path.name for path in (store.folder / "months").glob("*.db*"))
    return sorted(name for name in inspect(store.engine).get_table_names() if name.startswith("results_"))


def expected(store, *numbers):
    return [f"{one}.db" if store.folder is not None else f"results_{one}" for one in numbers]


def test_a_month_is_loaded_once_and_says_how_far_it_is(store, classified):
    told = []
    first = loaded(store, classified, report=lambda done, total: told.append((done, total)))
    assert (first.rows, first.made, first.head) == (200, True, sealed(classified).head.digest)
    assert told == [(200, 200)]
    again = loaded(store, classified)
    assert (again.load, again.made) == (first.load, False)
    (one,) = loads(store)
    assert one["bytes"] > 10_000
    assert (one["month"], one["rows"], one["state"]) == (MONTH, 200, STANDING)


def test_loading_again_replaces_and_the_next_load_removes_all_but_the_last_replaced(store, classified):
    numbers = [loaded(store, classified, again=True).load for _ in range(4)]
    assert states(store) == [(numbers[1], "replaced"), (numbers[2], "replaced"), (numbers[3], STANDING)]
    assert left(store) == expected(store, *numbers[1:])
    clean(store)
    assert states(store) == [(numbers[2], "replaced"), (numbers[3], STANDING)]


def test_a_month_that_is_kept_open_stays_readable_after_the_switch(store, classified):
    loaded(store, classified)
    shelf = Shelf(store, publisher_key(classified.home))
    kept = shelf.month(MONTH)
    light = kept.find("T00010")
    loaded(store, classified, again=True)
    assert shelf.month(MONTH).load != kept.load
    assert kept.find("T00010") == light
    assert kept.full(light) == shelf.month(MONTH).full(light)
    shelf.close()


@pytest.mark.parametrize("at", ["rows", "switch"])
def test_a_killed_load_leaves_nothing_that_is_read_and_the_next_one_cleans_up(store, classified, at):
    first = loaded(store, classified)
    url = store.engine.url.render_as_string(hide_password=False)
    program = KILLED.format(here=str(HERE), tests=str(HERE.parent), root=str(HERE.parents[1]))
    ended = subprocess.run([sys.executable, "-c", program, str(classified.folder), url, at], check=False)
    assert ended.returncode == -signal.SIGKILL
    shelf = Shelf(store, publisher_key(classified.home))
    assert shelf.month(MONTH).load == first.load
    assert [state for _, state in states(store)] == [STANDING, "loading"]
    clean(store)
    assert states(store) == [(first.load, STANDING)]
    assert left(store) == expected(store, first.load)
    shelf.close()


def test_a_load_that_fails_keeps_what_stood_and_no_file(store, classified, monkeypatch):
    first = loaded(store, classified)
    monkeypatch.setattr(loading, "_chunks", lambda part: iter([(0, None)]))
    with pytest.raises(StoreError, match="load again"):
        loaded(store, classified, again=True)
    assert left(store) == expected(store, first.load)
    assert Shelf(store, publisher_key(classified.home)).months() == [MONTH]


def test_while_one_load_is_under_way_another_is_refused(store, classified):
    refused = []

    def report(*_):
        with pytest.raises(ResourceError):
            loaded(store, classified, "2025-11")
        refused.append(1)

    loaded(store, classified, report=report)
    assert refused == [1]
    assert Shelf(store, publisher_key(classified.home)).months() == [MONTH]


def test_requests_write_to_the_store_while_a_month_is_loaded(store, classified):
    def report(*_):
        with store.writing() as connection:
            connection.execute(text("INSERT INTO reads (day, key, entity) VALUES ('2026-01-01', 'k', 'e')"))

    assert loaded(store, classified, report=report).made


def test_leaves_that_are_not_the_heads_are_not_loaded(store, copied):
    month = sealed(copied)
    path = month.parts[0].folder / ledger.LEAVES
    path.write_bytes(path.read_bytes()[:-32])
    with pytest.raises(LedgerError, match="root of its head"):
        Loading(store, month, NOW).run()
    assert [state for _, state in states(store)] == ["loading"]


def test_a_number_that_is_not_finite_is_refused(classified, monkeypatch):
    spoilt = sealed(classified)
    rows = Rows(spoilt.parts, None, Marks(b"s" * 32))
    monkeypatch.setattr("serving.rows._documents", _documents_of(float("inf")))
    with pytest.raises(LedgerError, match="not finite"):
        next(iter(rows))


def _documents_of(margin):
    from serving import rows

    real = rows._documents
    return lambda frame, cited: real(frame.with_columns(margin=pl.lit(margin)), cited)


def test_a_store_of_another_form_is_not_loaded_into(bare, classified):
    with pytest.raises(StoreError, match="jianwei store upgrade"):
        loaded(bare, classified)


def departments(town, *divisions):
    rows = [
        {"code": "ecology", "label": "生态", "label_en": "ecology", "divisions": ["food"]},
        {"code": "fire", "label": "消防", "label_en": "fire", "divisions": list(divisions)},
    ]
    stated = {"since": NOW.date().replace(year=2020), "until": None, "basis": "拟定", "field": "trade"}
    write(town.folder / "profile" / "departments.yaml", [{**stated, "departments": rows}])


def test_offices_and_departments_are_those_the_register_said_at_t(copied, store):
    departments(copied, "food", "tools")
    own = Town.at(copied.folder)
    sources = own.run(MONTH).sources
    loaded(store, own, offices=lambda: offices.of_everyone(sources))
    shelf = Shelf(store, publisher_key(own.home))
    month = shelf.month(MONTH)
    first, second = month.find("T00000"), month.find("T00001")
    assert (first["org"], first["departments"]) == ("县局/所", ",ecology,fire,")
    assert (second["org"], second["departments"]) == ("县局/所", ",fire,")
    assert [month.find(code)["registration"] for code in ("T00000", "T00007")] == ["open", "closed"]
    assert month.orgs == ("县局/所",)
    shelf.close()
    everyone = pl.DataFrame(offices.of_everyone(sources))
    assert everyone["trait_trade"].cast(pl.String).to_list() == ["food", "tools"] * 100


def test_without_offices_an_entitys_office_is_its_region_and_without_the_file_nobody_has_departments(classified, store):
    loaded(store, classified)
    shelf = Shelf(store, publisher_key(classified.home))
    light = shelf.month(MONTH).find("T00001")
    assert (light["org"], light["departments"], light["registration"]) == (light["region"], "", None)
    shelf.close()
    everyone = pl.DataFrame(offices.of_everyone(classified.run(MONTH).sources))
    assert len(everyone) == 200
    assert everyone["departments"].cast(pl.String).unique().to_list() == [""]


@pytest.mark.parametrize("trade", ["food", None])
def test_what_the_register_does_not_say_is_unknown_and_codes_can_stand_for_what_is_above_them(copied, trade):
    folder = copied.folder / "profile"
    stated = {"code": "trade", "label": "行业", "field": "trade", "above": True, "overview": True}
    write(folder / "slices.yaml", [stated])
    rows = [{"code": "food", "label": "食品", "parent": "goods"}, {"code": "tools", "label": "五金"}]
    write(folder / "codelists" / "trades.yaml", {"list": "trades", "label": "行业", "rows": rows})
    traits = Traits.of(read_profile(str(folder)))
    known = pl.DataFrame({"trade": [trade, "tools", None, "gone"]}, schema={"trade": pl.String})
    found = known.select(traits.of_register(known))["trait_trade"].to_list()
    assert found == ["goods" if trade else "-", "-", "-", "-"]


def test_who_has_no_sealed_value_is_of_an_unknown_part(classified):
    traits = Traits.of(classified.profile)
    rows = pl.DataFrame({"entity": [3, 5, 9]}, schema={"entity": pl.Int32})  # without what the register said
    vectors = pa.table({"entity": pa.array([3, 9], pa.int32()), "age_months": [60.0, 121.0]})
    assert rows.select(traits.of_rows(rows, vectors)).to_dict(as_series=False) == {
        "trait_trade": ["-", "-", "-"],
        "trait_age": ["0", "-", "2"],
    }
    unknown = rows.select(traits.of_rows(rows, vectors.drop_columns(["age_months"])))["trait_age"]
    assert unknown.to_list() == ["-", "-", "-"]


def test_departments_that_are_not_rows_are_a_fault_of_the_profile(copied):
    departments(copied)
    path = copied.folder / "profile" / "departments.yaml"
    path.write_text(path.read_text().replace("divisions", "division"))
    with pytest.raises(ProfileError, match=r"departments\.yaml"):
        offices.of_everyone(Town.at(copied.folder).run(MONTH).sources)


def test_every_department_of_the_default_profile_is_a_known_domain_with_known_divisions():
    profile = read_profile("jiangxi")
    (stated,) = profile.table("departments")
    divisions = profile.codelist("industry_divisions").codes
    domains = profile.codelist("violation_domains").codes
    for row in stated["departments"]:
        assert row["code"] in domains
        assert set(row["divisions"]) <= set(divisions)
        assert row["label"]
        assert row["label_en"]


def test_what_an_engine_refuses_is_a_store_error_without_values(store, classified):
    results = loading.month_tables(9)[0]
    into = bulk.copying(store) if store.folder is None else bulk.filing(store, store.folder / "9.db")

    def wrong():
        with into as opened:
            opened.make(results)
            opened.add(results, [("SECRET",)])

    with pytest.raises(StoreError) as caught:
        wrong()
    assert "SECRET" not in str(caught.value)
    with store.reading() as connection:
        assert connection.execute(select(LOADS)).all() == []
