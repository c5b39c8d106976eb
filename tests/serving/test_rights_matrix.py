"""The authorisation matrix: role × route × office × department × right, every cell held to a table written by hand."""

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from gatehouse import NOW, TODAY, ZONE, grant, watch
from sqlalchemy import Column, Integer, MetaData, Table, Text, insert, select

from serving import access, browser, changes, explanation
from serving.access import INTERNAL, PROBABILITY, RIGHTS, AccessError, Doorkeeper
from serving.http import PROBLEM, ProblemError, Told, problem_body, tell
from serving.scoring.desk import Desk
from serving.store import Store
from serving.wall import Guard

EXPECTED = yaml.safe_load((Path(__file__).parent / "rights_expected.yaml").read_text(encoding="utf-8"))
ROLES = EXPECTED["columns"]
OTHER_DEPARTMENTS = {"ecology": ",ecology,", "emergency": ",emergency,", "both": ",ecology,emergency,", "none": ""}
RIGHTS_ASKED = (frozenset(), frozenset({INTERNAL}), frozenset({PROBABILITY}), frozenset({INTERNAL, PROBABILITY}))
NETWORK, HERE, ELSEWHERE = "10.1.0.0/16", "10.1.0.1", "10.2.0.1"
SURE = {"probability", "margin", "base", "confidence", "certainty"}
FAR = EXPECTED["visible"]["probability"]["change"]
UNITS = EXPECTED["visible"]["probability"]["contributions_in"]
CAUSES = EXPECTED["visible"]["probability"]["cause"]


def marks(text):
    return [mark == "Y" for mark in text.split()]


MAY = {
    (role, route): may for route, row in EXPECTED["routes"].items() for role, may in zip(ROLES, marks(row), strict=True)
}
REACHES = {
    (org, place): is_in
    for org, row in EXPECTED["scope"].items()
    for place, is_in in zip(EXPECTED["places"], marks(row), strict=True)
}
COMPETENT = {
    (asking, named): is_in
    for asking, row in EXPECTED["departments"].items()
    for named, is_in in zip(OTHER_DEPARTMENTS, marks(row), strict=True)
}
CAN_HAVE = {
    role: dict(zip((INTERNAL, PROBABILITY), marks(row), strict=True)) for role, row in EXPECTED["rights"].items()
}


def asked_departments(stated):
    return frozenset() if stated == "none" else frozenset(stated.split(","))


def asked_org(stated):
    return "" if stated == "everywhere" else stated


def test_the_table_and_the_service_know_the_same_routes_and_roles():
    assert {f"{one.method} {one.path}" for one in RIGHTS.routes.values()} == set(EXPECTED["routes"])
    assert list(RIGHTS.roles) == ROLES == list(EXPECTED["rights"])
    assert {f"{one.method} {one.path}" for one in RIGHTS.routes.values() if one.reads} == set(EXPECTED["reads"])


def test_every_route_of_the_application_is_in_the_table():
    from fastapi.routing import APIRoute

    from serving.scoring.routes import application

    routes = [one for one in application(lambda: None).routes if isinstance(one, APIRoute)]
    assert routes
    assert {f"{method} {one.path}" for one in routes for method in one.methods} <= set(EXPECTED["routes"])


def test_a_right_is_given_only_to_roles_that_can_have_it(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    store.upgrade()
    for role, rights in product(ROLES, RIGHTS_ASKED):
        if all(CAN_HAVE[role][right] for right in rights):
            access.create(store, grant(role, rights=rights), today=TODAY)
        else:
            with pytest.raises(AccessError, match="cannot be given"):
                access.create(store, grant(role, rights=rights), today=TODAY)
    store.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def places(request, tmp_path_factory):
    """Entities of every place and every set of other departments, in a table on either database."""
    path = tmp_path_factory.mktemp("places") / "store.db"
    url = f"sqlite:///{path}" if request.param == "sqlite" else request.getfixturevalue("postgres").database()
    table = Table(
        "placed", MetaData(), Column("n", Integer, primary_key=True), Column("org", Text), Column("departments", Text)
    )
    store = Store(url)
    table.metadata.create_all(store.engine)
    lying = list(product(EXPECTED["places"], OTHER_DEPARTMENTS))
    with store.writing() as connection:
        rows = [
            {"n": number, "org": EXPECTED["places"][place], "departments": OTHER_DEPARTMENTS[named]}
            for number, (place, named) in enumerate(lying)
        ]
        connection.execute(insert(table), rows)
    yield store, table, lying
    store.close()


def test_a_key_reaches_the_places_and_departments_it_should_in_words_and_in_sql(places, record_property):
    store, table, lying = places
    cells = 0
    for org, departments, role in product(EXPECTED["scope"], EXPECTED["departments"], ROLES):
        asking = grant(role, org=asked_org(org), departments=asked_departments(departments))
        with store.reading() as connection:
            found = set(connection.scalars(select(table.c.n).where(access.condition(asking, table.c))))
        for number, (place, named) in enumerate(lying):
            expected = REACHES[org, place] and COMPETENT[departments, named]
            row = {"org": EXPECTED["places"][place], "departments": OTHER_DEPARTMENTS[named]}
            assert access.within(asking, row) == expected, (org, departments, place, named)
            assert (number in found) == expected, (org, departments, place, named)
            cells += 1
    record_property("cells", cells)
    assert cells == 7 * 4 * 11 * 6 * 4


@dataclass
class House:
    """The real wall over a real store, with keys of every role; behind it an entity a place, told as far as one may."""

    guard: Guard
    keys: dict
    lines: int = 0

    def ask(self, cells):
        """The answers to (token, address, method, path) in turn, as (status, body)."""

        async def all_of_them():
            return [await self._one(*cell) for cell in cells]

        return asyncio.run(all_of_them())

    async def _one(self, token, address, method, path):
        found = []

        async def receive():
            return {"type": "http.request", "body": sent, "more_body": False}

        async def send(message):
            found.append(message.get("status", message.get("body")))

        is_page = path.startswith(browser.PAGES)
        shown = (b"cookie", f"{browser.SESSION}={token}") if is_page else (b"authorization", f"Bearer {token}")
        headers, sent = [(shown[0], shown[1].encode())] if token else [], b""
        if method == "POST":
            headers.append((b"content-type", browser.FORM.encode() if is_page else b"application/json"))
            sent = f"{browser.CSRF}={browser.csrf(token)}".encode() if is_page else b"{}"
        scope = {"type": "http", "method": method, "path": path, "headers": headers, "client": (address, 1)}
        scope["query_string"] = b""
        await self.guard(scope, receive, send)
        return found[0], found[1]


def behind(shown, lying):
    """An application that tells an entity, by the number in its path, to whom it may be told."""

    async def app(scope, receive, send):
        who = scope["state"]["principal"]
        number = next((part for part in scope["path"].split("/") if part.isdigit()), None)
        place, named = lying[int(number or 0)]
        row = {"org": EXPECTED["places"][place], "departments": OTHER_DEPARTMENTS[named]}
        body, status, kind = b"{}", 200, b"application/json"
        if number is not None:
            body = shown[who.may(INTERNAL), who.may(PROBABILITY)]
        if number is not None and not access.within(who.grant, row):
            body, status, kind = refused("not-found", f" {scope['path']}"), 404, PROBLEM.encode()
        tell(scope, Told(() if number is None else (number,), 1))
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": body})

    return app


@pytest.fixture(scope="module")
def documents(classified):
    """A real document with internal parts, as each pair of rights shows it."""
    from serving.results import Results, publisher_key

    results = Results(classified.home, publisher_key(classified.home))
    month = results.month("2025-12")
    lights = [light for light in month.rows.to_pylist() if light["class"] is not None]
    made = ((light, explanation.document(month, light, classified.scheme)) for light in lights)
    light, found = next(one for one in made if _has_internal_parts(one[1]))
    change = changes.since_before(results, month, light, lambda _: classified.scheme)
    found |= {"change": change, "cause": CAUSES["with"]}
    pairs = list(product((False, True), repeat=2))
    return {
        (internal, probability): explanation.visible(found, month.words, internal=internal, probability=probability)
        for internal, probability in pairs
    }


def _has_internal_parts(found):
    hidden = [any(one["visibility"] == "internal" for one in found[name]) for name in ("reasons", "rules")]
    return all(hidden) and found["internal_values"]


LYING = list(product(EXPECTED["places"], OTHER_DEPARTMENTS))


@pytest.fixture(scope="module")
def house(documents, tmp_path_factory):
    home = tmp_path_factory.mktemp("house")
    store = Store(f"sqlite:///{home / 'store.db'}")
    store.upgrade()
    shown = {rights: json.dumps(one, default=str).encode() for rights, one in documents.items()}
    keys = {}
    for role, rights in product(ROLES, RIGHTS_ASKED):
        if all(CAN_HAVE[role][right] for right in rights):
            given = grant(role, org="110101", departments=frozenset({"ecology"}), rights=rights)
            keys[role, rights] = access.create(store, given, today=TODAY)
    door = Doorkeeper(store, lambda: NOW, ZONE)
    made = House(Guard(behind(shown, LYING), watch=watch(door, home=home, store=store, sessions=door)), keys)
    made.store = store
    yield made
    made.guard._watch.audit.close()
    store.close()


def refused(kind, route):
    """What is answered instead, to who calls a route and to who looks at a page."""
    is_page = route.partition(" ")[2].startswith(browser.PAGES)
    found = ProblemError(kind)
    return browser.page_of(found, "zh").encode() if is_page else problem_body(found)


def path_of(route, number):
    return (
        route.partition(" ")[2]
        .replace("{entity}", number)
        .replace("{job}", "j")
        .replace("{name}", "n")
        .replace("{dispute}", "d")
        .replace("{month}", "m")
    )


def test_every_cell_of_the_matrix_answers_as_the_table_says(house, documents, record_property):
    shown = {rights: json.dumps(one, default=str).encode() for rights, one in documents.items()}
    cells, asked = [], []
    for (role, rights), token in house.keys.items():
        for route in EXPECTED["routes"]:
            where = range(len(LYING)) if "{entity}" in route else [None]
            for number in where:
                cells.append((role, rights, route, number))
                asked.append((token, HERE, route.partition(" ")[0], path_of(route, str(number))))
    wrong = []
    for (role, rights, route, number), (status, body) in zip(cells, house.ask(asked), strict=True):
        expected = (200, None)
        if not MAY[role, route]:
            expected = (403, refused("forbidden", route))
        elif number is not None:
            place, named = LYING[number]
            is_in = REACHES["110101", place] and COMPETENT["ecology", named]
            expected = (
                (200, shown[INTERNAL in rights, PROBABILITY in rights]) if is_in else (404, refused("not-found", route))
            )
        if (status, body if expected[1] is not None else None) != expected:
            wrong.append((role, rights, route, number, status))
    assert wrong == []
    record_property("cells", len(cells))
    assert len(cells) > 3000


def test_without_a_valid_key_every_route_and_every_other_path_is_401(house, record_property):
    store = house.store
    known = grant("province_admin")
    good = access.create(store, known, today=TODAY)
    revoked = access.create(store, known, today=TODAY)
    access.revoke(store, revoked.split("_")[1], at=NOW)
    expired = access.create(store, grant(expires=TODAY - timedelta(days=1)), today=TODAY - timedelta(days=9))
    elsewhere = access.create(store, grant(networks=(NETWORK,)), today=TODAY)
    tokens = {
        "none": "",
        "malformed": good[:-1],
        "unknown": f"jw_00000000_{good.split('_', 2)[2]}",
        "wrong secret": f"{good[:12]}{'A' * 43}",
        "expired": expired,
        "revoked": revoked,
        "wrong network": elsewhere,
    }
    assert list(tokens) == EXPECTED["no_key"]
    others = [f"GET {path}" for path in ("/", "/docs.json", "/schema.json", "/static_content/a", "/v1", "/v1/nothing")]
    asked = [
        (token, ELSEWHERE, route.partition(" ")[0], path_of(route, "0"))
        for token, route in product(tokens.values(), [*EXPECTED["routes"], *others])
    ]
    for (_, _, method, path), found in zip(asked, house.ask(asked), strict=True):
        looks = path.startswith(browser.PAGES) and method == "GET"
        assert found == ((303, b"") if looks else (401, refused("unauthenticated", f"{method} {path}"))), path
    assert (
        house.ask([(elsewhere, HERE, "GET", "/v1/reason-codes"), (good, ELSEWHERE, "GET", "/v1/nothing")])[0][0] == 200
    )
    record_property("cells", len(asked))


def test_what_of_a_document_is_shown_with_which_right(documents):
    both = documents[True, True]
    line = explanation.INTERNAL["zh"]
    assert EXPECTED["visible"]["internal"]["without"] == [f"one line {line}"]
    assert set(EXPECTED["visible"]["probability"]["with"]) == SURE
    for (internal, probability), found in documents.items():
        assert (SURE & set(found)) == (SURE if probability else set())
        assert (line in found["contributions"]) == (not internal)
        assert ("internal_values" in found) == internal
        assert found["cause"] == CAUSES["with" if probability else "without"]
        for told in (found, found["change"]):
            assert told["contributions_in"] == UNITS["with" if probability else "without"]
        assert ("exposure" in found["contributions"]) == probability
        assert set(FAR) & set(found["change"]) == (set(FAR) if probability else set())
        if internal:
            assert found["rules"] == both["rules"]
            assert [one["code"] for one in found["reasons"]] == [one["code"] for one in both["reasons"]]
        else:
            assert len(found["reasons"]) < len(both["reasons"])
            assert len(found["rules"]) < len(both["rules"])
            assert set(found["contributions"]) - {line} < set(both["contributions"])
        if probability:
            assert sum(found["contributions"].values()) == pytest.approx(sum(both["contributions"].values()))
        else:
            told = [found["contributions"], found["change"]["contributions"]]
            told += [{one["code"]: one["contribution"]} for one in found["reasons"]]
            assert all(value.is_integer() for one in told for value in one.values())
            shares = found["contributions"].values()
            assert {sum(one for one in shares if one > 0), sum(one for one in shares if one < 0)} == {100, -100}


def test_of_kinds_run_by_persons_the_class_alone_is_told_to_whom_the_table_says():
    desk = SimpleNamespace(profile=SimpleNamespace(settings={"masking": {"kinds": ["stall"]}}))
    for role, kind in product(ROLES, ("stall", "shop")):
        alone = Desk.only_class(desk, {"kind": kind}, access.Principal("k", grant(role)))
        assert alone == (kind == "stall" and role in EXPECTED["class_alone"])
