"""The description of the API is true: of every route, with examples that are what they say, and good for a client."""

import importlib
import json
import subprocess
import sys
import threading
import time

import httpx
import jsonschema_rs
import offices
import pytest
import uvicorn

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
    for name, (_, method, one) in operations(document).items():
        needed = {"400", "401", "403", "404", "413", "422", "429", "431", "500", "503", "504"}
        assert needed | ({"415"} if method == "post" else set()) <= set(one["responses"]), name
        for status, answer in one["responses"].items():
            assert "X-Request-Id" in answer["headers"]
            if status >= "400":
                assert list(answer["content"]) == ["application/problem+json"]
            assert ("Retry-After" in answer["headers"]) == (status in {"429", "503"})
        assert (
            ("304" in one["responses"]) == ("ETag" in one["responses"]["200"]["headers"]) == (name in described.TAGGED)
        )


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
        schema = one["responses"]["200"]["content"]["application/json"]
        assert fits(document, schema["schema"], schema["example"]), name
        for parameter in one.get("parameters", ()):
            if "example" in parameter:
                assert fits(document, parameter["schema"], parameter["example"]), parameter["name"]
        if "body" in examples:
            body = one["requestBody"]["content"]["application/json"]
            assert fits(document, body["schema"], body["example"])


def test_no_model_takes_or_gives_what_it_does_not_name(document):
    for name, schema in document["components"]["schemas"].items():
        assert schema.get("additionalProperties") is False, name
    for _, _, one in operations(document).values():
        for parameter in one.get("parameters", ()):
            assert parameter["schema"], parameter["name"]


class Server:
    """A real server over the application behind its guard, on a port of its own."""

    def __init__(self, app, town):
        config = uvicorn.Config(offices.guarded(town, app), host="127.0.0.1", port=0, log_config=None, lifespan="off")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        until = time.monotonic() + 20
        while not self.server.started and time.monotonic() < until:
            time.sleep(0.02)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"

    def stop(self):
        self.server.should_exit = True
        self.thread.join(20)


@pytest.fixture(scope="module")
def server(app, promoted):
    running = Server(app, promoted)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(server, promoted, tmp_path_factory):
    """The package a stranger generates from the document as it is served, imported."""
    folder = tmp_path_factory.mktemp("stranger")
    key = promoted.key("internal", "probability")
    served = httpx.get(f"{server.url}/openapi.json", headers={"Authorization": f"Bearer {key}"})
    assert served.status_code == 200
    (folder / "openapi.json").write_bytes(served.content)
    (folder / "settings.yaml").write_text("post_hooks: []\n", encoding="utf-8")
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


ASKED = {
    "class": {"entity": "T00010"},
    "explanation": {"entity": "T00010", "period": "2025-12"},
    "history": {"entity": "T00010", "limit": 2},
    "proof": {"entity": "T00010"},
    "classes": {"region": "3601", "limit": 5},
    "head": {"month": "2025-12"},
    "active_model": {},
    "reason_codes": {},
    "openapi": {},
}


def test_a_generated_client_calls_every_operation(client, server, promoted, document):
    key = promoted.key("internal", "probability", role="province_admin", org="36")
    caller = client.AuthenticatedClient(base_url=server.url, token=key, raise_on_unexpected_status=True)
    models = importlib.import_module("jianwei_client.models")
    body = models.ScoreRequest(
        subjects=[models.Subject(entity="T00010"), models.Subject(entity="nobody")],
        explain=models.ScoreRequestExplain.CONTRIBUTIONS,
    )
    asked = {**ASKED, "scores": {"body": body}}
    called = set()
    with caller:
        for name in operations(document):
            function = importlib.import_module(f"jianwei_client.api.default.{'class_' if name == 'class' else name}")
            answer = function.sync_detailed(client=caller, **asked[name])
            assert answer.status_code == 200, name
            assert not isinstance(answer.parsed, models.Problem)
            called.add(name)
    assert called == set(operations(document))
