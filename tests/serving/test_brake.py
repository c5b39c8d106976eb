"""The harvest brake counts each key's entities of a day over threads, processes and restarts, on either database."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from gatehouse import NOW, TODAY, bound, principal
from sqlalchemy import func, insert, select

from serving import access
from serving.access import RIGHTS, UNBOUND
from serving.brake import Brake, Pace
from serving.store import Store
from serving.tables import API_KEYS, READS

ROUTES = RIGHTS.routes


def holder(store, most, number="0a1b2c3d"):
    """A key that may be told of so many entities a day."""
    found = principal(number=number, limits=bound(entities_per_day=most))
    with store.writing() as connection:
        row = {"number": number, "sha256": "0" * 64, "created": TODAY, **access.kept(found.grant)}
        connection.execute(insert(API_KEYS).values(row))
    return found


def counted(store):
    with store.reading() as connection:
        return connection.execute(select(func.count()).select_from(READS)).scalar_one()


def test_entities_count_once_a_day_and_key(store):
    first, second = holder(store, 3), holder(store, 3, "ffffffff")
    brake = Brake(store)
    assert brake.admits(first, ["a", "b", "a"], TODAY)
    assert brake.admits(first, ["b", "c"], TODAY)
    assert not brake.admits(first, ["d"], TODAY)
    assert not brake.admits(first, ["a", "d"], TODAY)
    assert brake.admits(first, ["a", "b", "c"], TODAY)
    assert brake.admits(second, ["d"], TODAY)
    assert brake.admits(first, ["d", "e", "f"], TODAY + timedelta(days=1))
    assert counted(store) == 7


def test_what_is_refused_is_not_counted(store):
    who = holder(store, 3)
    brake = Brake(store)
    assert brake.admits(who, ["a"], TODAY)
    assert not brake.admits(who, ["b", "c", "d"], TODAY)
    assert not brake.admits(who, [f"e{number}" for number in range(2000)], TODAY)
    assert counted(store) == 1
    assert brake.admits(who, ["b", "c"], TODAY)


def test_a_restart_forgets_nothing(store):
    who = holder(store, 2)
    assert Brake(store).admits(who, ["a", "b"], TODAY)
    assert not Brake(store).admits(who, ["c"], TODAY)
    assert Brake(store).admits(who, ["b"], TODAY)


def test_a_key_without_bound_is_not_counted(store):
    who = principal(limits=UNBOUND)
    assert Brake(store).admits(who, [str(number) for number in range(5000)], TODAY)
    assert counted(store) == 0


def test_processes_that_ask_at_once_are_told_of_no_more_than_one_may(store):
    who = holder(store, 50)
    brakes = [Brake(Store(store.url)) for _ in range(4)]

    def ask(number):
        return number if brakes[number % 4].admits(who, [f"e{number}"], TODAY) else None

    with ThreadPoolExecutor(8) as threads:
        told = [one for one in threads.map(ask, range(120)) if one is not None]
    assert (len(told), counted(store)) == (50, 50)
    for brake in brakes:
        brake.store.engine.dispose()


def test_pages_of_many_entities_are_counted_together(store):
    who = holder(store, 2000)
    codes = [f"e{number}" for number in range(1999)]
    assert Brake(store).admits(who, codes, TODAY)
    assert Brake(store).admits(who, [*codes, "one more"], TODAY)
    assert not Brake(store).admits(who, ["and one"], TODAY)


@pytest.mark.parametrize(
    ("limits", "route", "most"),
    [
        ({}, "class", 40),
        ({"per_second": 5, "burst": None}, "class", 5),
        ({"per_second": 5, "burst": 3}, "class", 5),
        ({}, "explanation", 5),
        ({"explanations_per_second": None}, "explanation", 40),
        ({"per_second": None, "pages_per_minute": 7}, "classes", 7),
    ],
)
def test_a_key_may_ask_so_often_at_once(limits, route, most):
    pace, who = Pace(), principal(limits=bound(**limits))
    waits = [pace.wait(who, ROUTES[route], NOW) for _ in range(most + 3)]
    assert [wait is None for wait in waits] == [True] * most + [False] * 3
    assert all(1 <= wait <= 60 for wait in waits[most:])
    assert pace.wait(replace(who, key="ffffffff"), ROUTES[route], NOW) is None
