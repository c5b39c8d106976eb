"""Spark's session and workers: what goes wrong is said as what it is."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from world import ENGINES

from features.cluster import SparkCrew, session
from features.crew import Task
from features.engine import Engine, stored
from features.profile import ProfileError
from features.records.stored import Stored
from features.steps import ResourceError

SPARK = ENGINES[-1]


@pytest.fixture
def crew():
    with SparkCrew(SPARK) as crew:
        yield crew


def test_tasks_are_answered_by_workers(crew):
    heard = []
    tasks = [Task(name, "json:loads", {"s": f'{{"was": "{name}"}}'}) for name in "bcd"]
    answers = crew.run(tasks, lambda task, answer: heard.append((task.name, answer["was"])))
    assert answers == {name: {"was": name} for name in "bcd"}
    assert sorted(heard) == [(name, name) for name in "bcd"]


def test_a_fault_of_a_task_is_raised_as_its_own_class(crew):
    with pytest.raises(ProfileError, match="nowhere"):
        crew.run([Task("odd", "features.profile:read_profile", {"name_or_path": "nowhere"})])


def test_a_worker_that_ends_is_a_lack_of_resources(crew):
    with pytest.raises(ResourceError, match="A worker of the cluster ended"):
        crew.run([Task("odd", "os:_exit", {"status": 1})])


def test_a_second_master_needs_a_process_of_its_own():
    session(SPARK)
    with pytest.raises(ProfileError, match=r"Spark runs at local\[2\]; local\[3\] needs a process of its own"):
        session("spark@local[3]")


@pytest.mark.parametrize("engine", ENGINES)
def test_what_a_query_found_is_stored_sorted_and_read_in_ranges(engine, tmp_path):
    rows = pa.table({"entity": pa.array([5, 1, 4, 1, 9], pa.int32())})
    pq.write_table(rows, tmp_path / "rows.parquet")
    on = Engine(engine)
    table = on.rows(Stored([tmp_path / "rows.parquet"], rows.schema))
    on.store(table.group_by("entity").aggregate(a0=lambda rows: rows.count()), "entity", tmp_path / "found")
    found = stored(tmp_path / "found", "entity")
    assert found(1, 5).to_pylist() == [{"entity": 1, "a0": 2}, {"entity": 4, "a0": 1}, {"entity": 5, "a0": 1}]
    assert found(6, 8).num_rows == 0
