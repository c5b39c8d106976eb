"""Nothing that schemathesis or a broken client sends makes the service fail or answer outside its own document.

A figure a run counts is recorded as a property of the test, for `make bench-service`.
"""

import pytest
from fuzzed import Found, fuzz
from running import Running, housed
from sockets import attack

ROLES = ("province_admin", "analyst")
IN_CI, BY_COMMAND = 5_000, 50_000
SOCKET_CASES, WARM_UP = 2_000, 200
SHOWN = 20


@pytest.fixture(scope="module")
def server(classified, tmp_path_factory):
    with Running(housed(classified, tmp_path_factory.mktemp("fuzz") / "town")) as running:
        yield running


def fuzzed(server, requests):
    """Requests of both roles that reach everything between them."""
    found = Found()
    for role in ROLES:
        key = server.town.unbound_key(role)
        codes = [f"T{number:05d}" for number in range(0, 60, 3)]
        found += fuzz(server.document(key), server.url, key, codes=codes, requests=requests // len(ROLES))
    return found


def hold(found, server, record_property):
    record_property("requests", found.requests)
    record_property("server_errors", found.server_errors)
    record_property("breaches", sum(found.failures.values()))
    record_property("not_hit", len(found.operations - set(found.hit)))
    record_property("operations", len(found.operations))
    record_property("never_2xx", ", ".join(sorted(found.operations - set(+found.good))) or "none")
    assert server.process.poll() is None
    assert found.troubles == []
    wrong = [(what, n, found.examples.get(what)) for what, n in found.failures.most_common(SHOWN)]
    assert wrong == []
    assert found.server_errors == 0, found.statuses
    assert found.operations == set(found.hit)


def test_five_thousand_requests_find_no_fault(server, record_property):
    found = fuzzed(server, IN_CI)
    hold(found, server, record_property)
    assert found.requests >= IN_CI


@pytest.mark.slow
def test_fifty_thousand_requests_find_no_fault(server, record_property):
    found = fuzzed(server, BY_COMMAND)
    hold(found, server, record_property)
    assert found.requests >= BY_COMMAND


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
