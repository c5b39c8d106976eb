"""The whole service over a socket: two workers on one PostgreSQL, what foreign callers learn, and a full disk."""

import json
import resource
from concurrent.futures import ThreadPoolExecutor

import pytest
from offices import loaded
from posts import INSPECTION, extended
from running import Running, housed
from sqlalchemy import func, select
from town import codes

from serving import audit
from serving.access import RIGHTS, Limits
from serving.http import ProblemError, problem_body
from serving.store import Store
from serving.tables import DISPUTES, READS

BOTH = ("internal", "probability")
DISPUTE = {"entity": "T00006", "kind": "class", "statement": "不对"}
MOST = 20
OWN = tuple(code for number, code in enumerate(codes()) if number % 3 == 0 and number % 40 != 7)  # of county 360102


@pytest.fixture(scope="module")
def server(classified, tmp_path_factory, postgres):
    """Two workers on PostgreSQL, both months in it."""
    town = extended(housed(classified, tmp_path_factory.mktemp("whole") / "town"))
    store = Store(postgres.database(like=postgres.newest))
    loaded(town, store).close()
    with Running(town.on(store), "--workers", "2", JIANWEI_STORE=store.url) as running:
        yield running
    store.close()
    assert audit.verify(town.home) == []


def counted(server, table):
    with server.town.store.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def at_once(ask, things):
    """The answers to requests sent side by side."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(ask, things))


def test_a_class_a_page_and_a_score_are_answered_from_postgresql_by_both_workers(server):
    key = server.town.key(*BOTH)

    def ask(code):
        told = server.get(f"/v1/entities/{code}/class", key=key)
        scored = server.get("/v1/scores", key=key, body={"subjects": [{"entity": code}], "explain": "reasons"})
        assert (told[0], scored[0]) == (200, 200), told[2] + scored[2]
        return json.loads(told[2])["class"], json.loads(scored[2])["results"][0]["class"]

    found = at_once(ask, OWN)
    assert all(sealed == live for sealed, live in found)
    page = json.loads(server.get("/v1/classes?limit=500&region=360102&class=D", key=key)[2])
    worst = [code for code, (sealed, _) in zip(OWN, found, strict=True) if sealed == "D"]
    assert [one["entity"] for one in page["items"]] == worst != []
    assert len(server.workers) == 2
    for _ in range(20):  # which worker takes a request is the kernel's to say
        if writers(server.town) == set(server.workers):
            break
        at_once(ask, OWN)
    assert writers(server.town) == set(server.workers)


def writers(town):
    """The processes that have written audit lines."""
    first = [path.read_text(encoding="utf-8").partition("\n")[0] for path in lines_of(town)]
    return {json.loads(one)["process"] for one in first}


def lines_of(town):
    return list((town.home / "audit").glob("*.jsonl"))


def test_a_dispute_sent_many_times_at_once_is_opened_once_whichever_worker_takes_it(server):
    key, before = server.town.key(), counted(server, DISPUTES)
    found = at_once(
        lambda _: server.get("/v1/disputes", key=key, body=DISPUTE, headers={"Idempotency-Key": "k1"}), range(16)
    )
    assert {status for status, _, _ in found} <= {201, 409}  # 409 says that the first is still under way
    assert len({body for status, _, body in found if status == 201}) == 1
    status, headers, body = server.get("/v1/disputes", key=key, body=DISPUTE, headers={"Idempotency-Key": "k1"})
    assert (status, body) == (201, next(body for status, _, body in found if status == 201))
    assert counted(server, DISPUTES) == before + 1
    assert server.get(headers["location"], key=key)[2] == body


def test_the_harvest_brake_counts_over_both_workers(server):
    key = server.town.key(limits=Limits(None, None, None, None, MOST))
    before = counted(server, READS)
    found = at_once(lambda code: server.get(f"/v1/entities/{code}/class", key=key), OWN[: 2 * MOST])
    told = [code for code, (status, _, _) in zip(OWN, found, strict=False) if status == 200]
    assert [len(told), *sorted({status for status, _, _ in found})] == [MOST, 200, 429]
    assert counted(server, READS) == before + MOST
    assert server.get(f"/v1/entities/{told[0]}/class", key=key)[0] == 200  # told already


def same(one, other):
    """Whether two answers cannot be told apart but by their time and number."""
    told = [
        (status, sorted((name.lower(), value) for name, value in headers.items() if not _own(name)), body)
        for status, headers, body in (one, other)
    ]
    return told[0] == told[1] and list(one[1]) == list(other[1])


def _own(name):
    return name.lower() in {"x-request-id", "date"}


ENTITY_ROUTES = [name for name, route in RIGHTS.routes.items() if route.path.startswith("/v1/entities/{entity}")]
FOREIGN, UNKNOWN = "T00001", "T99991"  # of the county next door; of nobody


@pytest.mark.parametrize("route", ENTITY_ROUTES)
def test_an_entity_of_another_county_is_answered_as_nobody_to_every_role(server, route):
    for role in sorted(RIGHTS.roles):
        key = server.town.key(*RIGHTS.roles[role], role=role, org="360102")
        path = RIGHTS.routes[route].path
        own, foreign, unknown = (
            server.get(path.replace("{entity}", code), key=key) for code in ("T00006", FOREIGN, UNKNOWN)
        )
        assert same(foreign, unknown), role
        assert foreign[0] == (404 if role in RIGHTS.routes[route].roles else 403)
        assert own[0] in {200, 403}


def result(code):
    inspection = {"inspection_no": f"N{code}", "inspected": "2026-01-02", "trade": "food"}
    assert set(inspection) == set(INSPECTION["fields"])
    return {"entity": code, "inspection": inspection, "findings": []}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/scores", lambda code: {"subjects": [{"entity": code}]}),
        ("/v1/disputes", lambda code: {**DISPUTE, "entity": code}),
        ("/v1/inspection-results", lambda code: {"results": [result(code)]}),
    ],
)
def test_what_is_sent_of_an_entity_of_another_county_is_answered_as_of_nobody(server, path, body):
    key = server.town.key(*BOTH, role="regulator_county", org="360102")
    answers = [
        server.get(path, key=key, body=body(code), headers={"Idempotency-Key": f"{path[4:]}-{code}"})
        for code in (FOREIGN, UNKNOWN)
    ]
    assert same(*answers)
    assert FOREIGN.encode() not in answers[0][2]


def test_a_dispute_and_a_job_of_others_are_answered_as_none(server):
    town = server.town
    made = server.get("/v1/disputes", key=town.key(), body=DISPUTE, headers={"Idempotency-Key": "k2"})
    county = town.key(role="regulator_county", org="360103")
    place, nowhere = made[1]["location"], f"/v1/disputes/{'0' * 26}"
    assert same(*(server.get(one, key=county) for one in (place, nowhere)))
    own, other = (town.key(role="integrator_score", org=org) for org in ("3601", "3607"))
    headers = {"Authorization": f"Bearer {own}", "Content-Type": "text/csv", "Idempotency-Key": "j1"}
    made = server.ask("POST", "/v1/jobs/scoring", headers=headers, body=b"entity\nT00006\n")
    assert made[0] == 202, made[2]
    assert server.get(made[1]["location"], key=own)[0] == 200
    place, nowhere = made[1]["location"], f"/v1/jobs/{'0' * 26}"
    for path in ("", "/files/results-0001.parquet"):
        assert same(*(server.get(one + path, key=other) for one in (place, nowhere)))


def test_on_a_full_disk_nothing_is_told_and_afterwards_all_of_it_is(server):
    """The kernel lets no file of the workers grow, as on a full disk; what is asked of the store is not a file."""
    key = server.town.key(*BOTH)
    asked = [(f"/v1/entities/T00006/{name}", None) for name in ("class", "explanation", "history", "proof")]
    asked += [("/v1/classes", None), ("/v1/scores", {"subjects": [{"entity": "T00006"}]})]
    before = [server.get(path, key=key, body=body)[0] for path, body in asked]
    sizes = {path: path.stat().st_size for path in lines_of(server.town)}
    growing = [(one, resource.prlimit(one, resource.RLIMIT_FSIZE)) for one in server.workers]
    for one, (_, hard) in growing:
        resource.prlimit(one, resource.RLIMIT_FSIZE, (0, hard))
    try:
        refused = [server.get(path, key=key, body=body) for path, body in asked * 4]
        assert {(status, body) for status, _, body in refused} == {
            (503, problem_body(ProblemError("audit-unavailable")))
        }
        assert server.answers("/livez") == 200
        assert {path: path.stat().st_size for path in lines_of(server.town)} == sizes
    finally:
        for one, limit in growing:
            resource.prlimit(one, resource.RLIMIT_FSIZE, limit)
    assert [server.get(path, key=key, body=body)[0] for path, body in asked] == before == [200] * len(asked)
    assert audit.verify(server.town.home) == []
