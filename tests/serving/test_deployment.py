"""What the service is shipped with: the serving lock, the bento, the unit and the container file."""

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from running import ROOT, Running, free_port, housed

LEFT_OUT = {"scikit-learn", "shap", "mlflow", "matplotlib", "optuna", "woodelf-explainer", "pyspark"}
PINNED = re.compile(r"^([a-z0-9_.-]+)==([^ ;\\]+)", re.MULTILINE)


def pins(name):
    return dict(PINNED.findall((ROOT / name).read_text(encoding="utf-8")))


def required(texts):
    return {re.match(r"[A-Za-z0-9_.-]+", text)[0] for text in texts}


@pytest.fixture(scope="module")
def promoted(classified, tmp_path_factory):
    return housed(classified, tmp_path_factory.mktemp("deployed") / "town")


def test_the_serving_lock_is_a_part_of_the_whole_and_holds_what_serving_needs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed, serving, whole = (
        required(project["dependency-groups"]["serve"]),
        pins("requirements-serve.txt"),
        pins("requirements.txt"),
    )
    assert needed <= required(project["project"]["dependencies"])
    assert needed <= serving.keys()
    assert not LEFT_OUT & serving.keys()
    assert serving.items() <= whole.items()


def test_every_pin_of_the_serving_lock_has_its_digests():
    lines = (ROOT / "requirements-serve.txt").read_text(encoding="utf-8")
    blocks = re.split(r"^(?=[a-z0-9_.-]+==)", lines, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(pins("requirements-serve.txt"))
    assert all("--hash=sha256:" in block for block in blocks)


def test_the_bento_holds_the_code_and_the_profiles_with_the_serving_lock_and_no_home():
    stated = yaml.safe_load((ROOT / "bentofile.yaml").read_text(encoding="utf-8"))
    assert stated["service"] == "serving.settings:service"
    assert stated["python"]["requirements_txt"] == "requirements-serve.txt"
    rooms = {pattern.removesuffix("/**") for pattern in stated["include"]}
    assert rooms == {"features", "training", "evaluation", "serving", "profiles", "requirements-serve.txt"}


def test_the_unit_is_one_that_systemd_takes(tmp_path):
    text = (ROOT / "deploy" / "jianwei.service").read_text(encoding="utf-8")
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read_string(text)
    service = unit["Service"]
    expected = {
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "LimitCORE": "0",
        "UMask": "0077",
        "Restart": "on-failure",
        "TimeoutStopSec": "20",
    }
    assert {name: service[name] for name in expected} == expected
    assert " serve " in service["ExecStart"]
    if shutil.which("systemd-analyze"):
        here = tmp_path / "jianwei.service"
        here.write_text(text.replace(service["ExecStart"].split()[0], "/bin/true"), encoding="utf-8")
        said = subprocess.run(["systemd-analyze", "verify", str(here)], capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stderr


def test_the_image_is_made_from_the_serving_lock_by_its_digests_and_runs_as_nobody_special():
    lines = (ROOT / "deploy" / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    from_lock = [line for line in lines if "requirements-serve.txt" in line and line.startswith("RUN")]
    assert from_lock
    assert all("--require-hashes" in line for line in from_lock)
    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001:10001"]
    assert any("/livez" in line for line in lines[lines.index("USER 10001:10001") :])
    copied = {line.split()[1] for line in lines if line.startswith("COPY ") and "--from" not in line}
    assert all((ROOT / name).exists() for name in copied)


def test_every_setting_of_the_example_is_one_the_product_reads():
    stated = re.findall(r"^#?(JIANWEI_[A-Z_]+)=", (ROOT / "deploy" / "jianwei.env.example").read_text(), re.MULTILINE)
    known = (ROOT / "serving" / "settings.py").read_text(encoding="utf-8")
    assert len(stated) >= 5
    assert all(f'"{name}"' in known for name in stated)


def without_network(command):
    """The command where only the loopback is there, on a machine that allows that."""
    if subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody take the network away")
    return ["unshare", "-n", "sh", "-c", 'ip link set lo up; exec "$@"', "sh", *command]


ASK = """
import http.client, json, subprocess, sys, time
port, key, *command = sys.argv[1:]
process = subprocess.Popen(command)
def get(path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=10)
    headers = {"Authorization": "Bearer " + key, "Content-Type": "application/json"}
    connection.request("POST" if body else "GET", path, body=body, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()
try:
    for _ in range(600):
        time.sleep(0.2)
        try:
            if get("/readyz")[0] == 200:
                break
        except OSError:
            pass
    score = get("/v1/scores", json.dumps({"subjects": [{"entity": "T00006"}]}))
    print(json.dumps([get("/livez")[0], *score]))
finally:
    process.terminate()
    process.wait(20)
"""


@pytest.fixture(scope="module")
def serving_only(tmp_path_factory):
    """An environment with what the serving lock names and nothing else."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, folder], check=True)
    lock = ROOT / "requirements-serve.txt"
    python = folder / "bin" / "python"
    sync = [uv, "pip", "sync", "-q", "--compile-bytecode", "--python", python, "--require-hashes", lock]
    subprocess.run(sync, check=True)
    return python


@pytest.mark.slow
def test_an_environment_of_the_serving_lock_alone_answers(serving_only, promoted, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(serving_only))
    with Running(promoted) as server:
        answer = server.get("/v1/scores", key=promoted.key(), body={"subjects": [{"entity": "T00006"}]})
        assert answer[0] == 200, answer[2]
        assert json.loads(answer[2])["results"][0]["class"] == "D"
        assert server.stop() == 0


@pytest.mark.slow
def test_a_bento_answers_from_a_clean_environment_without_network(serving_only, promoted, tmp_path):
    quiet = {**os.environ, "BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(tmp_path / "bentoml")}
    bentoml = str(Path(sys.executable).with_name("bentoml"))
    subprocess.run([bentoml, "build", "--output", "tag"], cwd=ROOT, env=quiet, check=True)
    bento = next(path for path in (tmp_path / "bentoml" / "bentos" / "jianwei").iterdir() if path.is_dir())
    assert not (bento / "src" / "var").exists()
    port, key = str(free_port()), promoted.key()
    environment = {
        **{name: value for name, value in quiet.items() if name != "PYTHONPATH"},
        "PYTHONNOUSERSITE": "1",
        "JIANWEI_HOME": str(promoted.home.parent),
        "JIANWEI_PROFILE": str(promoted.folder / "profile"),
        "JIANWEI_NOW": "2026-01-03T09:00:00+00:00",
    }
    serve = [str(serving_only), "-m", "bentoml", "serve", str(bento), "--host", "127.0.0.1", "--port", port]
    command = without_network([str(serving_only), "-c", ASK, port, key, *serve])
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    said = [line for line in done.stdout.splitlines() if line.startswith("[200, ")]
    alive, status, body = json.loads(said[0])
    assert (alive, status) == (200, 200)
    assert json.loads(body)["results"][0]["class"] == "D"
