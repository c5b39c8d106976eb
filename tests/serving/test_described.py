"""The description of the API is true: of every route, with examples that are what they say, and good for a client."""

import importlib
import json
import subprocess
import sys
import time

import grounds
import httpx
import jsonschema_rs
import offices
import pytest
from running import Running

from serving.access import RIGHTS
from serving.http import PROBLEMS, ProblemError, problem_body
from serving.scoring import described
from serving.scoring.examples import EXAMPLES
from serving.scoring.routes import application


@pytest.fixture(scope="module")
def app(promoted):
    desk = offices.desk_of(promoted)
    return application(lambda: desk)


@pytest.fixture(scope="module")
def document(app):
    return described.document(app)


def operations(document):
    return {
        one["operationId"]: (path, method, one) for path, of in document["paths"].items() for method, one in of.items()
    }


def good(operation):
    """The answer to a request that was done."""
    return next(one for status, one in operation["responses"].items() if status.startswith("2"))


def resolved(document, schema):
    return {**schema, "components": document["components"]}


def fits(document, schema, value):
    return jsonschema_rs.validator_for(resolved(document, schema)).is_valid(value)


def test_every_operation_bears_the_name_method_and_path_of_its_route(document):
    assert document["openapi"].startswith("3.1")
    for name, (path, method, _) in operations(document).items():
        route = RIGHTS.routes[name]
        assert (route.method, route.path) == (method.upper(), path)


def test_every_operation_needs_a_key_and_states_all_it_may_answer(document):
    assert document["security"] == [{"bearer": []}]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for name, (_, _, one) in operations(document).items():
        needed = ["400", "401", "403", "404", "405", "408", "413", "415", "422", "429", "431", "500", "503", "504"]
        assert set(needed) <= set(one["responses"]), name
        for status, answer in one["responses"].items():
            assert "X-Request-Id" in answer["headers"]
            if status >= "400":
                assert list(answer["content"]) == ["application/problem+json"]
            assert ("Retry-After" in answer["headers"]) == (status in {"429", "503"})
            assert ("WWW-Authenticate" in answer["headers"]) == (status == "401")
            assert ("Allow" in answer["headers"]) == (status == "405")
        tagged = "ETag" in good(one)["headers"]
        assert ("304" in one["responses"]) == tagged == (name in described.TAGGED)
        stated = {parameter["name"]: parameter["required"] for parameter in one.get("parameters", ())}
        assert stated["X-Purpose"] is False
        assert stated.get("Idempotency-Key", False) == (name in {"make_job", "inspection_results", "dispute"})


def test_every_problem_fits_its_schema(document):
    problem = {"$ref": "#/components/schemas/Problem"}
    for kind in PROBLEMS:
        body = json.loads(problem_body(ProblemError(kind, [{"pointer": "/query", "code": "x"}])))
        assert fits(document, problem, body)
        assert not fits(document, problem, {**body, "more": 1})


def test_every_operation_has_examples_that_fit(document):
    for name, (_, _, one) in operations(document).items():
        if name == "openapi":
            continue
        examples = EXAMPLES[name]
        if name != "job_file":
            schema = good(one)["content"]["application/json"]
            assert fits(document, schema["schema"], schema["example"]), name
        for parameter in one.get("parameters", ()):
            if "example" in parameter:
                assert fits(document, parameter["schema"], parameter["example"]), parameter["name"]
        if "body" in examples:
            body = one["requestBody"]["content"]["application/json"]
            assert fits(document, body["schema"], body["example"])


def test_every_bound_is_written_as_json_schema_writes_it(document):
    limits = {one["operationId"]: one["parameters"] for of in document["paths"].values() for one in of.values()}
    for name, most in (("classes", 500), ("history", 60)):
        stated = next(one["schema"] for one in limits[name] if one["name"] == "limit")
        assert (stated["minimum"], stated["maximum"]) == (1, most)


def test_no_model_takes_or_gives_what_it_does_not_name(document):
    for name, schema in document["components"]["schemas"].items():
        assert schema.get("additionalProperties") is False, name
    for _, _, one in operations(document).values():
        for parameter in one.get("parameters", ()):
            assert parameter["schema"], parameter["name"]


@pytest.fixture(scope="module")
def ground(classified, tmp_path_factory):
    return grounds.ground(classified, tmp_path_factory.mktemp("described") / "town")


@pytest.fixture(scope="module")
def server(ground):
    with Running(ground) as running:
        yield running


@pytest.fixture(scope="module")
def client(server, ground, tmp_path_factory):
    """The package a stranger generates from the document as it is served, imported."""
    folder = tmp_path_factory.mktemp("stranger")
    key = ground.key("internal", "probability")
    served = httpx.get(f"{server.url}/openapi.json", headers={"Authorization": f"Bearer {key}"})
    assert served.status_code == 200
    (folder / "openapi.json").write_bytes(served.content)
    stated = {"post_hooks": [], "content_type_overrides": dict.fromkeys(UPLOADS, "application/octet-stream")}
    (folder / "settings.yaml").write_text(json.dumps(stated), encoding="utf-8")
    made = subprocess.run(
        [
            sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning",
            "--path", folder / "openapi.json", "--config", folder / "settings.yaml",
            "--output-path", folder / "jianwei_client",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    sys.path.insert(0, str(folder))
    yield importlib.import_module("jianwei_client")
    sys.path.remove(str(folder))


UPLOADS = ("text/csv", "application/vnd.apache.parquet")  # media types the maker of clients does not know
ASKED = {
    "class": {"entity": "T00010"},
    "explanation": {"entity": "T00010", "period": "2025-12"},
    "recourse": {"entity": "T00010"},
    "history": {"entity": "T00010", "limit": 2},
    "proof": {"entity": "T00010"},
    "classes": {"region": "3601", "limit": 5},
    "head": {"month": "2025-12"},
    "active_model": {},
    "reason_codes": {},
    "openapi": {},
}


def sent(models):
    """What is asked of the operations that change something; each under a key of its own."""
    inspection = models.InspectedInspection.from_dict(
        {"inspection_no": "n1", "inspected": "2025-12-20", "trade": "food"}
    )
    result = models.Inspected(entity="T00010", inspection=inspection)
    disputed = models.Disputed(entity="T00010", kind=models.DisputedKind.CLASS, statement="wrong")
    return {
        "make_job": {"body": models.MakeJobJsonBody(entities=["T00010", "nobody"]), "idempotency_key": "j"},
        "inspection_results": {"body": models.InspectionResults(results=[result]), "idempotency_key": "r"},
        "dispute": {"body": disputed, "idempotency_key": "d"},
    }


def test_a_generated_client_calls_every_operation(client, server, ground, document):
    key = ground.key("internal", "probability", role="province_admin", org="36")
    caller = client.AuthenticatedClient(base_url=server.url, token=key, raise_on_unexpected_status=True)
    models = importlib.import_module("jianwei_client.models")
    body = models.ScoreRequest(
        subjects=[models.Subject(entity="T00010"), models.Subject(entity="nobody")],
        explain=models.ScoreRequestExplain.CONTRIBUTIONS,
    )
    asked = {**ASKED, **sent(models), "scores": {"body": body}}
    called = set()

    def call(operation, /, **given):
        function = importlib.import_module(
            f"jianwei_client.api.default.{'class_' if operation == 'class' else operation}"
        )
        answer = function.sync_detailed(client=caller, **given)
        assert str(int(answer.status_code)) in {
            one for one in operations(document)[operation][2]["responses"] if one < "3"
        }
        assert not isinstance(answer.parsed, models.Problem), operation
        called.add(operation)
        return answer.parsed

    with caller:
        found = {name: call(name, **given) for name, given in asked.items()}
        assert [one.outcome for one in found["inspection_results"].outcomes] == ["accepted"]
        assert call("dispute_state", dispute=found["dispute"].dispute).state == "open"
        state = done(lambda: call("job", job=found["make_job"].job))
        assert (state.rows, state.done) == (2, 2)
        text = call("job_file", job=state.job, name="results.csv").payload.read()
        assert text.decode("utf-8-sig").startswith("line,entity,status")
        uploaded = caller.get_httpx_client().post(
            "/v1/jobs/scoring",
            content=b"entity\nT00010\nT00011\n",
            headers={"Content-Type": "text/csv", "Idempotency-Key": "c"},
        )
        assert uploaded.status_code == 202
        again = models.Job.from_dict(uploaded.json()).job
        assert done(lambda: call("job", job=again)).rows == 2
    assert called == set(operations(document))


def done(state):
    """How a job ended."""
    until = time.monotonic() + 60
    while (found := state()).state in {"queued", "running"}:
        assert time.monotonic() < until, found.state
        time.sleep(0.1)
    assert found.state == "done"
    return found
