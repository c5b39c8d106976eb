"""The service as it runs: a real server in a process of its own, and what it takes to start it."""

import json
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from running import SERVING_ONLY, Housed, Running, housed
from town import NOW, made_scheme

from features import signing
from serving import process
from serving.counter import Counter
from serving.http import ProblemError
from serving.service import build
from serving.store import Store


@pytest.fixture(scope="module")
def promoted(classified, tmp_path_factory):
    return housed(classified, tmp_path_factory.mktemp("service") / "town")


@pytest.fixture(scope="module")
def server(promoted):
    with Running(promoted, code=SERVING_ONLY) as running:
        yield running


def test_the_service_runs_without_what_only_training_needs_and_answers(server):
    key = server.town.key("internal", "probability")
    status, headers, body = server.get("/v1/entities/T00006/explanation", key=key)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(body)["class"] == "D"
    answer = server.get("/v1/scores", key=key, body={"subjects": [{"entity": "T00006"}], "explain": "contributions"})
    assert json.loads(answer[2])["results"][0]["class"] == "D"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/docs.json",
        "/schema.json",
        "/metrics",
        "/healthz",
        "/static_content/swagger-ui.css",
        "/v1/scores",
        "/docs",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_route_but_health_is_open(server, path, method):
    status, headers, _ = server.get(path, method=method)
    assert (status, headers["content-type"]) == (401, "application/problem+json")


def test_figures_are_ours_and_for_operators_only(server):
    assert server.get("/metrics", key=server.town.key())[0] == 403
    status, _, body = server.get("/metrics", key=server.town.key(role="ops", org=""))
    assert status == 200
    assert b"jianwei_" in body
    assert b"bentoml" not in body


@pytest.mark.parametrize("path", ["/", "/docs.json", "/schema.json", "/healthz", "/static_content/x"])
def test_with_a_key_the_routes_of_the_framework_do_not_exist(server, path):
    status, headers, _ = server.get(path, key=server.town.key())
    assert (status, headers["content-type"]) == (404, "application/problem+json")


def test_health_says_nothing_else(server):
    for path in ("/livez", "/readyz"):
        status, headers, body = server.get(path)
        assert (status, body.strip()) == (200, b"")
        assert "server" not in {name.lower() for name in headers}


def test_the_service_listens_on_the_loopback_only(server):
    listening = Path("/proc/net/tcp").read_text().splitlines()[1:]
    ports = {line.split()[1] for line in listening if line.split()[3] == "0A"}
    assert f"0100007F:{server.port:04X}" in ports
    assert f"00000000:{server.port:04X}" not in ports


def test_a_service_without_a_champion_is_alive_and_not_ready(fresh):
    (fresh.home / "journal.jsonl").touch()
    counter = Counter(fresh.home, fresh.profile, Store("sqlite://"), lambda: NOW)
    assert counter.serving() is None
    with pytest.raises(ProblemError):
        counter.desk()


def test_a_champion_whose_folder_was_touched_is_never_opened(promoted, tmp_path):
    shutil.copytree(promoted.folder, tmp_path / "town")
    town = Housed(tmp_path / "town")
    path = next((town.home / "schemes").iterdir()) / "model-0.txt"
    path.write_bytes(path.read_bytes().replace(b"leaf_value=", b"leaf_value=1"))
    counter = town.counter()
    assert counter.reign.look().refusal.stage == "folder"
    assert counter.serving() is None


def test_a_new_champion_is_taken_up_and_one_that_does_not_verify_is_not(promoted, tmp_path):
    shutil.copytree(promoted.folder, tmp_path / "town")
    town = Housed(tmp_path / "town")
    counter = town.counter()
    counter.reign.open()
    first = counter.desk().champion.digest
    newer = made_scheme(town, cutoffs=(0.05, 0.15, 0.3))
    newer.save(town.home / "schemes" / newer.digest, signing.signing_key(town.home / "keys", "trainer"))
    town.promote(newer)
    counter.reign.look()
    assert counter.desk().champion.digest == newer.digest != first
    assert counter.desk().definitions().digest == town.definitions.digest
    assert counter.desk().scheme_of(first).digest == first
    bare = replace(newer, version=None, carried={})
    bare.save(town.home / "schemes" / bare.digest, signing.signing_key(town.home / "keys", "trainer"))
    town.promote(bare)
    counter.reign.look()
    assert counter.desk().champion.system is None
    assert counter.desk().definitions().digest == town.definitions.digest
    town.promote(newer)
    counter.reign.look()
    assert counter.desk().champion.digest == newer.digest
    journal = town.home / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"ana"', b'"eve"'))
    assert counter.reign.look().refusal.stage == "journal"
    assert counter.desk().champion.digest == newer.digest
    assert counter.serving() == ("2025-12", newer.digest)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # bentoml calls what pathspec and pydantic have renamed
def test_the_service_has_the_name_by_which_bentoml_serves_it(promoted, monkeypatch):
    from serving import settings

    monkeypatch.setenv("JIANWEI_HOME", str(promoted.home.parent))
    monkeypatch.setenv("JIANWEI_PROFILE", str(promoted.folder / "profile"))
    assert settings.service.name == "jianwei"
    assert settings.SERVICE == "serving.settings:service"
    assert build(promoted.home, promoted.profile, promoted.store, now=lambda: NOW).config["workers"] == 1


def test_what_is_answered_leaves_at_once():
    with process.listen(process.LOOPBACK, 0) as listening:
        assert listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
