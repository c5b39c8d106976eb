"""What arrives is kept in runs beside the buckets: read as if it were one file, merged when they have grown."""

import shutil
from datetime import date, timedelta

import pytest
from small_place import NOW, PLACE, Home, entity, in_runs, penalty
from world import ENGINES

from features.asof import end_of_day
from features.engine import EMBEDDED, Engine
from features.profile import read_profile
from features.reading import Reading
from features.records import runs
from features.records.generation import LakeError, LakeFile
from features.records.lake import Lake
from features.records.runs import first_rewritten

DAYS = [date(2024, 4, 1), date(2024, 7, 1), date(2026, 2, 1), date(2026, 3, 1)]


def files(*rows, bucket=0):
    return [LakeFile(f"{place}", bucket, number, 1, "") for place, number in enumerate(rows)]


@pytest.mark.parametrize(
    ("buckets", "waiting", "arrived", "first"),
    [
        ([], [], 5, 0),
        ([100_000], [], 5, 0),
        ([900_000, 900_000], [], 5, 2),
        ([900_000, 900_000], [], 225_000, 2),
        ([900_000, 900_000], [], 225_001, 0),
        ([900_000], [4], 5, 1),
        ([900_000], [6], 5, 2),
        ([900_000], [9, 4, 2], 1, 4),
        ([900_000], [9, 4, 2], 2, 2),
        ([900_000], [9, 4, 2], 3, 1),
        ([900_000], [100_000, 5_000], 8_000, 0),
    ],
)
def test_a_run_is_merged_with_those_before_it_that_are_not_larger_and_all_when_they_have_grown(
    buckets, waiting, arrived, first
):
    assert first_rewritten(files(*buckets), files(*waiting, bucket=None), arrived) == first


def act(number, action, day, **changes):
    gone = {"kinds": "", "fine": "", "decision_date": ""}
    return penalty(number, **gone) | {"entered_at": day, "action": action, "action_date": day} | changes


def months():
    """Deliveries month by month: news, corrections, marks, repetitions, another channel, an entity renamed."""
    yield "entity.csv", "entity", [entity(number) for number in range(9)]
    yield "a.csv", "penalty", [penalty(number, str(number % 2)) for number in range(9)]
    yield "b.csv", "penalty", [penalty(number, "7", fine="9") for number in range(4)]
    yield "c.csv", "penalty", [penalty(1, action="correct", fine="7", entered_at="2024-05-02"), penalty(5, "8")]
    yield "d.csv", "penalty", [act(1, "withdraw", "2024-06-01"), penalty(2, "0", entered_at="2024-03-06")]
    yield "again.csv", "penalty", [penalty(number, str(number % 2)) for number in range(9)]
    yield "e.csv", "entity", [entity(1, name="改了名", entered_at="2025-01-01")]
    yield "f.csv", "penalty", [act(7, "withdraw", "2024-06-01"), penalty(3, "7", fine="1", entered_at="2024-06-09")]


def filled(folder, deliveries=None):
    home = Home(folder)
    for place, (name, record_type, rows) in enumerate(deliveries or months()):
        source = "platform" if name == "again.csv" else "gsxt"
        delivery = home.deliver(name.split(".")[0], {name: (record_type, rows)}, source=source)
        home.take(delivery, at=NOW + timedelta(days=place))
    return home


@pytest.fixture
def twins(tmp_path):
    """The same deliveries kept in buckets alone, and in buckets and runs."""
    with in_runs():
        spread = filled(tmp_path / "spread")
    return filled(tmp_path / "plain"), spread


def of(home, record_type, columns):
    return home.lake.versions(record_type).select(columns).to_pyarrow().to_pylist()


def test_rows_in_runs_are_read_as_if_they_lay_in_one_file(twins):
    plain, spread = twins
    assert len(plain.lake.stored("penalty").paths) == 1
    assert len(spread.lake.stored("penalty").paths) > 2
    assert spread.lake.stored("penalty").replaced is not None
    for day in DAYS:
        assert spread.lake.digest(day) == plain.lake.digest(day)
        expected = sorted(plain.seen("penalty", day), key=str)
        for engine in EMBEDDED:
            assert sorted(spread.seen("penalty", day, engine=engine), key=str) == expected
    ids = sorted({row["record_id"] for row in of(plain, "penalty", ["record_id"])})
    assert spread.lake.rows("penalty", ids).equals(plain.lake.rows("penalty", ids))
    assert spread.lake.origins("penalty", ids).equals(plain.lake.origins("penalty", ids))
    assert spread.lake.entities().entities.equals(plain.lake.entities().entities)
    assert {(row["name"], row["version"]) for row in of(spread, "entity", ["name", "version"])} >= {("改了名", 2)}


def test_what_was_known_at_an_intake_is_read_again_from_runs(twins):
    plain, spread = twins
    for place in range(8):
        recorded = NOW + timedelta(days=place)
        for day in DAYS:
            assert spread.lake.digest(day, recorded_by=recorded) == plain.lake.digest(day, recorded_by=recorded)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_query_of_the_matrix_passes_over_replaced_rows(twins, engine):
    found = []
    for home in twins:
        reading = Reading(home.lake, Engine(engine))
        rows = reading.rows("penalty", ["entity", "known_at", "superseded_at", "withdrawn_date"])
        seen = rows.filter(rows.known_at < end_of_day(DAYS[2], home.profile.zone), rows.superseded_at.isnull())
        counted = seen.filter(seen.withdrawn_date.isnull()).group_by("entity").aggregate(n=lambda rows: rows.count())
        found.append(reading.engine.run(counted).sort_by("entity").to_pylist())
    assert found[0] == found[1]
    assert found[0]


def test_every_row_stands_once(twins):
    for home in twins:
        rows = of(home, "penalty", ["record_id", "version"])
        assert len(rows) == len({(row["record_id"], row["version"]) for row in rows})


def test_rows_known_already_leave_every_file_as_it_is(twins):
    for home in twins:
        before = home.lake.generation.tables
        with in_runs():
            (receipt,) = home.take(home.folder / "out" / "a", at=NOW + timedelta(days=20))
        assert (receipt.accepted, receipt.duplicate) == (0, 9)
        now = home.lake.generation.tables
        assert {name for name in now if now[name] != before.get(name)} <= {"provenance/penalty"}


def test_runs_are_merged_into_their_buckets(tmp_path, monkeypatch, twins):
    plain, spread = twins
    monkeypatch.setattr(runs, "BUCKET_ENTITIES", 4)
    with in_runs():
        spread = filled(tmp_path / "narrow")
    for home in (plain, spread):
        home.take(home.deliver("last", {"p.csv": ("penalty", [penalty(8, "99")])}), at=NOW + timedelta(days=30))
    assert [file.bucket for file in spread.lake.generation.files("penalty")] == [0, 1, 2]
    assert spread.lake.stored("penalty").replaced is None
    again = penalty(8, "99", fine="3", entered_at="2024-07-01")
    for home in (plain, spread):
        home.take(home.deliver("more", {"p.csv": ("penalty", [again])}), at=NOW + timedelta(days=31))
    assert [file.bucket for file in spread.lake.generation.files("penalty")] == [0, 1, 2, None]
    assert [spread.lake.digest(day) for day in DAYS] == [plain.lake.digest(day) for day in DAYS]
    assert spread.lake.verify()


def test_who_opened_the_lake_before_an_intake_reads_on_from_the_files_of_then(twins):
    _, spread = twins
    reader = Lake(spread.lake.home, spread.profile)
    rows = len(of(spread, "penalty", ["record_id"]))
    with in_runs():
        spread.take(spread.deliver("late", {"p.csv": ("penalty", [penalty(1, "55")])}), at=NOW + timedelta(days=20))
    assert len(reader.versions("penalty").to_pyarrow()) == rows
    assert len(of(spread, "penalty", ["record_id"])) == rows + 1


def test_damage_to_the_list_of_replaced_rows_is_found(twins):
    _, spread = twins
    path = spread.lake.stored("penalty").replaced
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(LakeError, match=path.name):
        Lake(spread.lake.home, spread.profile).stored("penalty")


@pytest.mark.parametrize("engine", ENGINES)
def test_files_written_before_a_field_was_added_have_none_of_it(tmp_path, engine):
    with in_runs():
        filled(tmp_path, list(months())[:2])
        place = shutil.copytree(PLACE, tmp_path / "place")
        with (place / "catalogue" / "penalty.yaml").open("a", encoding="utf-8") as catalogue:
            catalogue.write("  remark: {label: 备注, type: text}\n")
        home = Home(tmp_path, read_profile(str(place)))
        home.take(home.deliver("new", {"p.csv": ("penalty", [penalty(1, "9", remark="新")])}))
    assert len(home.lake.stored("penalty").paths) == 2
    reading = Reading(home.lake, Engine(engine))
    found = reading.engine.run(reading.rows("penalty", ["entity", "remark"]))
    assert sorted(found["remark"].to_pylist(), key=str) == [None] * 9 + ["新"]
