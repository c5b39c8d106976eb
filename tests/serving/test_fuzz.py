"""Nothing that schemathesis or a broken client sends makes the service fail or answer outside its own document.

Most of it goes through the wall in this process, for a client of schemathesis costs more than the service; some goes to
the service as it runs. Fifty thousand requests: ``python -m pytest -m slow tests/serving/test_fuzz.py``. What a run
counts is recorded as properties of the test, for ``make bench-service``.
"""

import json

import pytest
from fuzzed import Found, fuzz
from grounds import Inside, ground
from running import Running
from sockets import attack

ADMINISTRATOR = "province_admin"  # may call every route but that of figures
OTHERS = ("analyst", "integrator_score", "department_reader", "data_scientist", "ops")
IN_CI, BY_COMMAND = 5_000, 50_000
OVER_HTTP = 250
SOCKET_CASES, WARM_UP = 2_000, 200
SHOWN = 20


@pytest.fixture(scope="module")
def stormed(classified, tmp_path_factory):
    return ground(classified, tmp_path_factory.mktemp("fuzz") / "town")


@pytest.fixture(scope="module")
def inside(stormed):
    made = Inside.of(stormed)
    yield made
    made.close()


@pytest.fixture(scope="module")
def server(stormed):
    with Running(stormed) as running:
        yield running


@pytest.fixture(scope="module")
def reached(stormed, inside):
    """The key that reaches everything, and what paths can name with it."""
    key = stormed.unbound_key(ADMINISTRATOR)
    return key, inside.known(key)


def fuzzed(inside, reached, requests):
    """About so many requests with the key that reaches everything."""
    key, known = reached
    document = json.loads(inside.ask(key, "GET", "/openapi.json").body)
    found = Found()
    found += fuzz(document, key, known=known, requests=requests, app=inside.guard)
    return found


def hold(found, record_property):
    record_property("requests", found.requests)
    record_property("server_errors", found.server_errors)
    record_property("breaches", sum(found.failures.values()))
    record_property("operations", len(found.operations))
    record_property("not_hit", len(found.without(2) & found.without(4)))
    record_property("never_2xx", ", ".join(sorted(found.without(2))) or "none")
    for operation in sorted(found.operations):
        record_property(operation, json.dumps(dict(sorted(found.answers[operation].items()))))
    assert found.troubles == []
    wrong = [(what, n, found.examples.get(what)) for what, n in found.failures.most_common(SHOWN)]
    assert wrong == []
    assert found.server_errors == 0, found.statuses


def test_five_thousand_requests_find_no_fault(inside, reached, record_property):
    found = fuzzed(inside, reached, 4_900)  # what is asked of schemathesis; probes of its own come on top
    hold(found, record_property)
    assert found.requests >= IN_CI
    assert (found.without(2), found.without(4)) == (set(), set())


@pytest.mark.slow
def test_fifty_thousand_requests_find_no_fault(inside, reached, record_property):
    found = fuzzed(inside, reached, 55_000)
    hold(found, record_property)
    assert found.requests >= BY_COMMAND
    assert (found.without(2), found.without(4)) == (set(), set())


@pytest.mark.parametrize("role", OTHERS)
def test_a_role_that_reaches_less_is_answered_within_the_document_too(inside, stormed, reached, role, record_property):
    key = stormed.unbound_key(role)
    document = json.loads(inside.ask(key, "GET", "/openapi.json").body)
    hold(fuzz(document, key, known=reached[1], requests=96, app=inside.guard, bounds=False), record_property)


def test_the_service_as_it_runs_answers_within_the_document(server, reached, record_property):
    key, known = reached
    found = fuzz(server.document(key), key, known=known, requests=OVER_HTTP, url=server.url, bounds=False)
    hold(found, record_property)
    assert found.without(2) == set()
    assert server.process.poll() is None


def test_broken_http_gets_an_error_or_a_closed_connection_and_nothing_dies(server, record_property):
    key = server.town.unbound_key("analyst")
    attack(server.port, key, cases=WARM_UP)
    before = server.memory()
    found = attack(server.port, key, cases=SOCKET_CASES)
    record_property("socket_cases", sum(found.values()))
    assert sum(found.values()) == SOCKET_CASES
    odd = {what: n for what, n in found.items() if not (what == "closed" or what.startswith(("2", "4")))}
    assert odd == {}
    assert server.process.poll() is None
    assert server.ask("GET", "/readyz")[0] == 200
    assert server.memory() - before < 50
