"""The matrix: what was known, at which edge, on which engine."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import value_of
from world import (
    ENGINES,
    ENTITIES,
    PROFILE_DATES,
    REGISTER,
    SMALL,
    World,
    end_of,
    known_before,
    lake_of,
    world_of,
    worlds,
)

from features.indicators.catalogue import Definitions, load
from features.indicators.language import on
from features.matrix import batches, batches_at, matrix_key, registrations, sampled_batches
from features.profile import read_profile

PROFILE = read_profile(str(SMALL))
DEFINITIONS = load(PROFILE)
REAL = read_profile("jiangxi")
AS_OF = date(2024, 6, 30)
DATES = st.sampled_from(PROFILE_DATES)
EXACT = tuple(one.code for one in DEFINITIONS.indicators if one.unit in {"time", "code", "month"})

bounded = settings(max_examples=8, deadline=None)


def matrix(world: World, as_of: date, engine: str = "polars", size: int = 2) -> dict[int, np.ndarray]:
    """The rows of the matrix of a world by entity key, read in small batches."""
    with TemporaryDirectory() as folder:
        lake = lake_of(PROFILE, world, Path(folder))
        found = list(batches(lake, DEFINITIONS, as_of=as_of, size=size, engine=engine))
    return {int(key): row for batch in found for key, row in zip(batch.entity, batch.values, strict=True)}


def sample(
    world: World,
    pairs: list[tuple[int, date]],
    engine: str = "polars",
    definitions: Definitions = DEFINITIONS,
    size: int = 1000,
) -> np.ndarray:
    """The sampled matrix of pairs of a world, one row a pair, read in slices."""
    table = pa.table(
        {
            "pair": pa.array(range(len(pairs)), pa.int64()),
            "entity": pa.array([entity for entity, _ in pairs], pa.int32()),
            "as_of": pa.array([as_of for _, as_of in pairs], pa.date32()),
        }
    )
    with TemporaryDirectory() as folder:
        lake = lake_of(world.profile, world, Path(folder))
        found = pa.concat_tables(sampled_batches(lake, definitions, table, size=size, engine=engine))
    return np.column_stack([found[code].to_numpy() for code in definitions.codes])


def same(left: dict[int, np.ndarray], right: dict[int, np.ndarray]) -> bool:
    """Whether two matrices have the same rows, bit for bit."""
    return left.keys() == right.keys() and all(np.array_equal(left[key], right[key], equal_nan=True) for key in left)


@bounded
@given(world=worlds(PROFILE, AS_OF))
def test_no_record_known_after_t_changes_any_cell_at_t(world):
    before = known_before(world, end_of(AS_OF, PROFILE))
    assert same(matrix(world, AS_OF), matrix(before, AS_OF))
    pairs = [(key, AS_OF) for key in range(len(ENTITIES))]
    assert np.array_equal(sample(world, pairs), sample(before, pairs), equal_nan=True)


def by_oracle(world: World, as_of: date, definitions: Definitions = DEFINITIONS) -> np.ndarray:
    """The matrix of a world as plain loops compute it, one row an entity."""
    rows = [[value_of(one, world, key, as_of) for one in definitions.indicators] for key in range(len(ENTITIES))]
    return np.array(rows, np.float64)


@settings(max_examples=2, deadline=None)
@given(world=worlds(REAL, AS_OF))
def test_engines_agree_with_the_oracle_on_every_record_type_of_a_real_profile(world):
    definitions = load(REAL)
    wanted = by_oracle(world, AS_OF, definitions)
    for engine in ENGINES:
        found = sample(world, [(key, AS_OF) for key in range(len(ENTITIES))], engine, definitions)
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


@bounded
@given(data=st.data(), as_of=DATES)
def test_engines_agree_with_the_oracle(data, as_of):
    world = data.draw(worlds(PROFILE, as_of))
    wanted = by_oracle(world, as_of)
    whole = np.isin(DEFINITIONS.codes, EXACT)
    for engine in ENGINES:
        found = sample(world, [(key, as_of) for key in range(len(ENTITIES))], engine)
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)
        exact = wanted[:, whole]
        fractions = exact != np.round(exact)
        assert np.array_equal(found[:, whole][~fractions], exact[~fractions], equal_nan=True)


@bounded
@given(data=st.data(), as_of=DATES, engine=st.sampled_from(ENGINES))
def test_sampled_pairs_equal_the_full_matrix_of_their_date(data, as_of, engine):
    world = data.draw(worlds(PROFILE, as_of))
    full = matrix(world, as_of, engine)
    earlier = as_of - timedelta(days=40)
    other = matrix(world, earlier, engine)
    pairs = [(key, as_of) for key in full] + [(key, earlier) for key in other]
    expected = [*full.values(), *other.values()]
    if pairs:
        assert np.array_equal(sample(world, pairs, engine, size=3), np.array(expected), equal_nan=True)


@bounded
@given(data=st.data(), engine=st.sampled_from(ENGINES))
def test_any_order_of_rows_gives_the_same_matrix(data, engine):
    world = data.draw(worlds(PROFILE, AS_OF))
    shuffled = World(
        PROFILE, world.entities, {name: tuple(data.draw(st.permutations(rows))) for name, rows in world.rows.items()}
    )
    assert same(matrix(world, AS_OF, engine), matrix(shuffled, AS_OF, engine))


def assert_dates_together_equal_dates_apart(
    world: World, days: list[date], engine: str, definitions: Definitions, size: int = 1000
) -> None:
    with TemporaryDirectory() as folder:
        lake = lake_of(world.profile, world, Path(folder))
        together = list(batches_at(lake, definitions, dates=days, size=size, engine=engine))
        for day in days:
            apart = list(batches(lake, definitions, as_of=day, engine=engine))
            found = [batch for batch in together if batch.as_of == day]
            for name in ("entity", "kind", "values"):
                left, right = ([getattr(batch, name) for batch in each if len(batch.entity)] for each in (found, apart))
                assert len(left) >= len(right)
                assert not right or np.array_equal(
                    np.concatenate(left), np.concatenate(right), equal_nan=name == "values"
                )


@bounded
@given(data=st.data(), engine=st.sampled_from(ENGINES))
def test_several_dates_together_equal_each_date_alone(data, engine):
    days = data.draw(st.lists(DATES, min_size=1, max_size=4))
    world = data.draw(worlds(PROFILE, max(days)))
    assert_dates_together_equal_dates_apart(world, days, engine, DEFINITIONS, size=2)


@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_several_dates_together_equal_each_date_alone_on_a_real_profile(data):
    days = [AS_OF, AS_OF - timedelta(days=1), date(2024, 2, 29), date(2023, 7, 15)]
    world = data.draw(worlds(REAL, data.draw(st.sampled_from(days))))
    assert_dates_together_equal_dates_apart(world, days, "polars", load(REAL))


def test_sums_too_great_for_floating_point_come_and_go_exactly():
    """In floating point 1 is lost beside 2**53, and would stay lost when the great fine has left the window."""
    fines = Definitions(tuple(one for one in DEFINITIONS.indicators if one.code == "fines_24m"), "fines")
    world = world_of(
        PROFILE, {"event": [on("2022-03-01", fine="90071992547409.92"), on("2023-03-01", fine="0.01")]}, kind="shop"
    )
    days = [date(2023, 6, 30), date(2024, 6, 30)]
    with TemporaryDirectory() as folder:
        found = list(batches_at(lake_of(PROFILE, world, Path(folder)), fines, dates=days))
    assert [batch.values.item() for batch in found] == [float(2**53 + 1), 1.0]


def test_no_dates_give_no_batches():
    with TemporaryDirectory() as folder:
        assert not list(batches_at(lake_of(PROFILE, world_of(PROFILE, {}), Path(folder)), DEFINITIONS, dates=[]))


def _value(code: str, records: dict, as_of: date = AS_OF, kind: str = "shop") -> float:
    world = world_of(PROFILE, records, kind=kind, also=["it"])
    return float(sample(world, [(0, as_of)])[0][DEFINITIONS.codes.index(code)])


@pytest.mark.parametrize(("event", "counted"), [("2024-06-30", 1), ("2023-07-01", 1), ("2023-06-30", 0)])
def test_a_window_excludes_its_first_day_and_includes_t(event, counted):
    assert _value("events_12m", {"event": [on(event)]}) == counted


def test_a_window_from_the_end_of_february_starts_at_the_end_of_the_shorter_one():
    leap = date(2024, 2, 29)
    assert _value("events_12m", {"event": [on("2023-02-28")]}, leap) == 0
    assert _value("events_12m", {"event": [on("2023-03-01")]}, leap) == 1


@pytest.mark.parametrize(("microseconds", "counted"), [(-1, 1), (0, 0), (1, 0)])
@pytest.mark.parametrize("engine", ENGINES)
def test_what_becomes_known_at_the_midnight_after_t_is_not_seen(microseconds, counted, engine):
    world = world_of(PROFILE, {"event": [on("2024-06-01")]})
    moment = datetime(2024, 6, 30, 16, tzinfo=UTC) + timedelta(microseconds=microseconds)
    rows = {**world.rows, "event": ({**world.rows["event"][0], "known_at": moment},)}
    found = sample(World(PROFILE, world.entities, rows), [(0, AS_OF)], engine)
    assert found[0][DEFINITIONS.codes.index("events_12m")] == counted


@pytest.mark.parametrize(("microseconds", "severity"), [(-1, 1), (0, 4)])
def test_a_version_counts_until_its_successor_is_known(microseconds, severity):
    world = world_of(PROFILE, {"event": [on("2024-06-01", severity=4), on("2024-06-01", severity=1)]})
    moment = datetime(2024, 6, 30, 16, tzinfo=UTC) + timedelta(microseconds=microseconds)
    first, second = world.rows["event"]
    versions = ({**first, "superseded_at": moment}, {**second, "known_at": moment})
    found = sample(World(PROFILE, world.entities, {**world.rows, "event": versions}), [(0, AS_OF)])
    assert found[0][DEFINITIONS.codes.index("worst_24m")] == severity


def test_an_indicator_of_another_kind_is_null():
    registered = {"entity": [on("2020-01-01", trade="tools")]}
    assert _value("trade", registered, kind="shop") == 1
    assert np.isnan(_value("trade", registered, kind="stall"))


def test_an_entity_not_yet_registered_has_nothing_and_no_row():
    world = world_of(PROFILE, {"entity": [on("2024-07-01")], "event": [on("2024-06-01")]})
    assert not matrix(world, AS_OF)
    assert np.isnan(sample(world, [(0, AS_OF)])).all()


def test_an_entity_out_of_scope_is_registered_and_has_no_row(tmp_path):
    world = world_of(PROFILE, {"entity": [on("2020-01-01", status="closed"), on("2020-01-01", of="b")]})
    assert list(matrix(world, AS_OF)) == [1]
    known = registrations(lake_of(PROFILE, world, tmp_path), as_of=AS_OF)
    assert known["in_scope"].to_pylist() == [False, True]


def test_an_empty_lake_has_an_empty_matrix():
    assert not matrix(World(PROFILE, (), {}), AS_OF)


def test_late_data_changes_the_key_of_a_matrix(tmp_path):
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    first = lake_of(PROFILE, {"event": [on("2024-06-01")]}, tmp_path / "first")
    second = lake_of(PROFILE, {"event": [on("2024-06-01"), on("2024-06-02")]}, tmp_path / "second")
    assert matrix_key(first, DEFINITIONS, AS_OF) != matrix_key(second, DEFINITIONS, AS_OF)
    assert matrix_key(first, DEFINITIONS, AS_OF) == matrix_key(first, DEFINITIONS, AS_OF)


def test_a_registration_with_two_rows_of_one_entity_is_one_row():
    world = world_of(PROFILE, {"entity": [on("2020-01-01"), on("2021-01-01")]})
    assert len(world.rows[REGISTER]) == 2
    assert list(matrix(world, AS_OF)) == [0]
