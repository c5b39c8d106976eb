"""The whole line on a small province: from deliveries to an explanation over HTTP, every step a verb."""

import http.client
import importlib
import json
import os
import socket
import subprocess
import sys
import time
import warnings
from contextlib import closing, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from evaluation.verdict import left
from serving import cli

ROOT = Path(__file__).resolve().parents[2]
NOTICE = "内部参考，不作为信用评价"
ENTITIES, SEED, KNOWN_BY = 2_500, 1, "2025-12-31"
MONTHS = ("2026-01", "2026-02")
NOW = "2026-03-03T09:00:00+08:00"
KINDS = {"enterprise", "individual_business", "cooperative"}
NUMBER = (int, float)
SERVE = "import sys; from serving.cli import main; sys.argv[0] = 'jianwei'; main()"


def verb(*words):
    """The one document that ``jianwei WORDS --json`` prints on stdout; nothing else may stand there."""
    out = StringIO()
    with redirect_stdout(out), redirect_stderr(StringIO()):
        cli.app([*(str(word) for word in words), "--json"], standalone_mode=False)
    return json.loads(out.getvalue())


class Line:
    """Everything the verbs answered on the way, and the home they worked in."""

    def __init__(self, home):
        self.home = home
        simulated = verb("simulate", "--entities", ENTITIES, "--seed", SEED, "--detection", 10)
        folders = sorted(path.parent for path in (home / "deliveries").glob("*/*/manifest.json"))
        self.receipts = verb("intake", *folders)
        self.again = verb("intake", folders[0])
        self.matrix = verb("matrix", "--as-of", KNOWN_BY)
        self.trained = verb("train", "--known-by", KNOWN_BY)
        self.tuned = [verb("tune", "--known-by", KNOWN_BY, "--trials", number) for number in (1, 2)]
        self.assessment = verb("evaluate")
        for person in ("li", "wang"):
            verb("keys", "create", person)
        self.acts = [
            verb("promote", "propose", "--as", "li", "--reason", "a journey of a small province"),
            verb("promote", "approve", "--as", "wang"),
        ]
        self.months = [verb("month", month) for month in MONTHS]
        self.simulated = simulated
        self.quality = verb("quality", "--as-of", MONTHS[-1])
        self.riskiest = verb("export", "--month", MONTHS[-1], "--class", "D", "--limit", 25)
        code = self.riskiest["entities"][0]["entity"]
        self.explained = verb("explain", code, "--month", MONTHS[-1])
        self.key = verb("keys", "create", "demo", "--role", "regulator_city")["key"]
        self.card_trained = verb("train", "--known-by", KNOWN_BY, "--method", "card")
        self.card = verb("card")
        self.card_judged = verb("evaluate")


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    root = tmp_path_factory.mktemp("line")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        for name, value in {
            "JIANWEI_HOME": str(root / "var"),
            "JIANWEI_MLRUNS": str(root / "mlruns"),
            "JIANWEI_PROFILE": "jiangxi",
            "JIANWEI_NOW": NOW,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        }.items():
            patch.setenv(name, value)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what MLflow and SQLAlchemy say of each other on import
            importlib.import_module("mlflow.pyfunc")
            importlib.import_module("mlflow.store.tracking.sqlalchemy_store")
        yield Line(root / "var" / "jiangxi")


class Server:
    """``jianwei serve`` in a process of its own."""

    def __init__(self, port):
        self.port = port
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE, "serve", "--port", str(port)],
            cwd=ROOT,
            env=dict(os.environ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, path, *, key=None, body=None):
        """Status, content type and body of an answer; POST when there is a body to send."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request("POST" if data else "GET", path, body=data, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.headers["content-type"], answer.read().decode()

    def wait(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, "the service ended before it was ready"
            try:
                if self.ask("/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.3)
        raise AssertionError("the service did not become ready")

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(scope="module")
def server(line):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = Server(port)
    try:
        running.wait(120)
        yield running
    finally:
        running.stop()


def shape(found, **kinds):
    """Whether a document has these names with values of these kinds (more names are welcome)."""
    for name, kind in kinds.items():
        assert name in found, name
        assert isinstance(found[name], kind), (name, found[name])
        assert kind is bool or not isinstance(found[name], bool), name
    return True


def test_a_score_card_is_a_scheme_like_any_other(line):
    trained, card, judged = line.card_trained, line.card, line.card_judged
    assert trained["digest"] == card["scheme"] == judged["gate"]["scheme"] != line.trained["digest"]
    assert trained["parts"]["test"]["n"] == line.trained["parts"]["test"]["n"]
    assert trained["parts"]["test"]["auc"] > 0.55
    assert trained["parts"]["test"]["auc"] == line.trained["parts"]["test"]["card_auc"]  # it was the trees' baseline
    assert judged["gate"]["verdict"] in {"promote", "review", "reject"}
    told = (left(line.home, card["scheme"]) / "model_card.md").read_text(encoding="utf-8")
    assert "- model: score card\n" in told
    assert "LightGBM" not in told
    for level in ("dimension", "section"):
        assert sum(card["weights"][level].values()) == pytest.approx(1.0)
    assert all(isinstance(step["points"], int) for row in card["indicators"] for step in row["steps"])
    assert sum(step["rows"] for step in card["indicators"][0]["steps"]) <= 1.0 + 1e-9


def test_a_search_for_settings_goes_on_and_is_in_mlflow_trial_by_trial(line):
    import mlflow

    begun, whole = line.tuned
    assert whole["trials"][:1] == begun["trials"]
    assert len(whole["trials"]) == 2
    assert whole["log_loss"] == min(trial["log_loss"] for trial in whole["trials"]) <= whole["log_loss_before"]
    client = mlflow.MlflowClient(f"sqlite:///{os.environ['JIANWEI_MLRUNS']}/mlflow.db")
    run = client.get_run(whole["run"])
    assert run.data.metrics["log_loss"] == whole["log_loss"]
    assert run.data.params == {name: str(value) for name, value in whole["best"].items()}
    history = client.get_metric_history(whole["run"], "trial_log_loss")
    assert [point.value for point in history] == [trial["log_loss"] for trial in whole["trials"]]
    assert {file.path for file in client.list_artifacts(whole["run"])} == {"trials.json", "study.db"}


def test_the_report_counts_every_rule_over_everyone_classified(line):
    found, classes = line.assessment["rules"], line.assessment["by_class"]
    assert [one["code"] for one in found["rules"]] == [f"H{number:02d}" for number in range(1, 15)]
    assert found["classified"] == line.assessment["coverage"]["classified"] == sum(found["at_once"])
    assert sum(one["entities"] for one in found["rules"]) == sum(n * many for n, many in enumerate(found["at_once"]))
    assert all(one["moved"] >= one["alone"] for one in found["rules"])
    assert any(one["alone"] for one in found["rules"])
    shares = line.assessment["classes"]
    assert {(one["kind"], one["risk"]): one["final"] for one in classes["cutoffs"]} == {
        (kind, risk): share for kind, part in shares.items() for risk, share in part["shares"].items()
    }
    whole = {one["kind"]: one for one in classes["calibration"] if one["risk"] == "all" and one["o_e"] is not None}
    for kind, of_kind in line.assessment["calibration"].items():
        assert kind not in whole or whole[kind]["o_e"] == pytest.approx(of_kind["o_e"])
    assert whole


def test_every_row_of_every_delivery_is_accounted_for(line):
    assert line.receipts
    for one in line.receipts:
        shape(one, delivery=str, rejects=dict, refused=type(None))
        shape(one, **dict.fromkeys(("sent", "accepted", "duplicate", "rejected", "unmatched"), int))
        assert one["sent"] == one["accepted"] + one["duplicate"] + one["rejected"] + one["unmatched"]
        assert one["rejected"] == sum(one["rejects"].values())
    assert sum(one["sent"] for one in line.receipts) == line.simulated["records"]


def test_a_delivery_taken_again_brings_nothing(line):
    assert line.again["accepted"] == 0
    assert line.again["duplicate"] + line.again["rejected"] + line.again["unmatched"] == line.again["sent"] > 0


def test_the_matrix_has_a_column_for_every_indicator_of_the_list(line):
    listed = verb("indicators", "list")
    for one in listed:
        shape(one, code=str, label=str, unit=str, direction=str, basis=str, dimension=str, sector=str)
        assert one["direction"] in {"riskier", "safer", "none"}
        assert one["dimension"] in {"basic", "dynamic", "supervision", "association", "social"}
        assert one["examples"]
    assert {one["code"] for one in listed} == set(line.matrix["columns"])
    assert len(listed) >= 80


def test_the_matrix_is_reused_until_something_changes(line):
    again = verb("matrix", "--as-of", KNOWN_BY)
    assert (line.matrix["made"], again["made"]) == (True, False)
    assert {**again, "made": True} == line.matrix


def test_the_assessment_has_the_shape_that_is_promised(line):
    found = line.assessment
    for kind, one in found["calibration"].items():
        assert kind in KINDS
        assert isinstance(one["n_pos"], int)
        assert {"o_e", "o_e_interval", "slope", "skill", "relative_ece"} <= one.keys()
        assert one["o_e_interval"] is None or len(one["o_e_interval"]) == 2
    for name, one in found["random_draw"].items():
        assert name in "ABCD"
        assert {"n", "problem_rate", "interval"} <= one.keys()
    shape(found, oracle=dict)
    assert found["gate"]["verdict"] in {"promote", "review"}
    for check in found["gate"]["checks"]:
        shape(check, code=str, threshold=NUMBER)
        assert check["passed"] in {True, False, None}
        assert check["value"] is None or isinstance(check["value"], NUMBER)
    report = Path(found["report"])
    assert report.stat().st_size <= 3 * 2**20
    assert NOTICE in report.read_text(encoding="utf-8")


def test_the_quality_of_records_and_indicators_is_told_in_the_home(line):
    found = line.quality
    page = Path(found["folder"]) / "quality.html"
    assert page.parent == line.home / "quality" / MONTHS[-1]
    assert NOTICE in page.read_text(encoding="utf-8")
    assert (found["month"], found["contributions"]) == (MONTHS[-1], MONTHS[-1])
    assert sum(feed["received"] for feed in found["feeds"]) > 0
    assert {one["code"] for one in found["indicators"]} == set(line.matrix["columns"])
    for one in found["indicators"]:
        nulls = sum(value for name, value in one.items() if name.startswith("null_"))
        assert one["valued"] + nulls == one["in_scope"] == found["entities"]
    assert any(one["auc"] for one in found["indicators"])


def test_rejects_of_a_month_are_those_its_deliveries_were_told_of(line):
    found = verb("quality", "--as-of", "2026-03-02", "--out", line.home / "march")
    told = [one for one in line.receipts if one["delivery"].endswith("-2026-03")]
    assert sum(row["rows"] for row in found["rejects"]) == sum(one["rejected"] for one in told) > 0
    assert all(row["source"] and row["record_type"] and row["advice"] for row in found["rejects"])


def test_the_assessment_is_in_mlflow_beside_the_scheme(line):
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{line.home.parents[1] / 'mlruns' / 'mlflow.db'}")
    run = client.get_run(line.trained["run"])
    assert run.data.tags["scheme_digest"] == line.trained["digest"] == line.assessment["gate"]["scheme"]
    assert run.data.tags["verdict"] == line.assessment["gate"]["verdict"]
    assert run.data.metrics["discrimination.auc"] == line.assessment["discrimination"]["auc"]
    kept = {one.path for one in client.list_artifacts(run.info.run_id, "report")}
    assert {f"report/{name}" for name in ("report.html", "model_card.md", "transparency.md", "charts")} <= kept


def test_every_study_of_the_assessment_stands_in_it(line):
    made_from, treated = ("data", "guards", "twice", "labels"), ("movers", "drift", "confidence", "recourse", "saved")
    assert all(line.assessment[name] for name in (*made_from, *treated, "explanations"))
    assert len(line.assessment["backtest"]) >= 8
    assert line.assessment["movers"]["largest_rest"] <= 1e-9


def test_two_people_made_the_scheme_champion(line):
    proposed, approved = line.acts
    assert (proposed["by"], approved["by"]) == ("li", "wang")
    assert proposed["scheme"] == approved["scheme"] == line.trained["digest"]
    status = verb("status", "--verify")
    assert status["champion"]["scheme"] == line.trained["digest"]
    assert status["verified"]["faults"] == []


def test_the_status_names_the_months_with_their_classes(line):
    found = verb("status")
    assert found["notice"] == NOTICE
    assert [one["month"] for one in found["months"]] == list(MONTHS)
    for one, made in zip(found["months"], line.months, strict=True):
        assert list(one["classes"]) == ["A", "B", "C", "D"]
        assert sum(one["classes"].values()) == one["entities"] > 0
        assert one["classes"] == made["classes"]
        assert made["largest_error"] < 1e-5


def test_a_month_run_again_changes_nothing(line):
    again = verb("month", MONTHS[-1])
    assert (line.months[-1]["made"], again["made"]) == (True, False)
    assert again["head"] == line.months[-1]["head"]


def test_the_export_lists_the_riskiest_first(line):
    found = line.riskiest["entities"]
    assert 0 < len(found) <= 25
    for one in found:
        shape(one, entity=str, probability=NUMBER, kind=str)
        assert one["class"] == "D"
        assert 0 < one["probability"] < 1
    order = [(-one["margin"], one["entity"]) for one in found]
    assert order == sorted(order)
    assert line.riskiest["notice"] == NOTICE


def test_the_explanation_adds_up_and_every_reason_rests_on_something(line):
    found = line.explained
    shape(found, base=NUMBER, margin=NUMBER, contributions=dict, probability=NUMBER, reasons=list, notice=str)
    assert all(isinstance(value, NUMBER) for value in found["contributions"].values())
    assert "exposure" in found["contributions"]
    assert abs(found["base"] + sum(found["contributions"].values()) - found["margin"]) < 1e-9
    assert (found["class"], found["notice"]) == ("D", NOTICE)
    assert found["reasons"]
    for reason in found["reasons"]:
        shape(reason, code=str, text=str)
        assert any(reason.get(name) for name in ("records", "absent", "rule"))


def test_the_line_exposure_is_the_same_for_everyone_of_a_kind(line):
    everyone = verb("export")["entities"]
    for kind in ("enterprise", "individual_business"):
        own = [one["entity"] for one in everyone if one["kind"] == kind]
        first, last = (verb("explain", code)["contributions"]["exposure"] for code in (own[0], own[-1]))
        assert abs(first - last) < 1e-9


def test_an_office_gets_its_lists_and_pages_with_the_notice_on_them(line, tmp_path):
    region = line.riskiest["entities"][0]["region"]
    files = [Path(name) for name in verb("export", "--region", region, "--office", tmp_path)["files"]]
    assert {file.suffix for file in files} >= {".csv", ".html"}
    for file in files:
        content = file.read_bytes()
        assert NOTICE in content.decode("utf-8-sig")
        assert file.suffix != ".csv" or content.startswith(b"\xef\xbb\xbf")


def test_only_health_is_open_without_a_key(server, line):
    assert server.ask("/readyz")[0] == server.ask("/livez")[0] == 200
    code = line.explained["entity"]
    body = {"subjects": [{"entity": code}], "explain": "none"}
    answers = [
        server.ask("/v1/scores", body=body),
        server.ask(f"/v1/entities/{code}/explanation"),
        *(server.ask(path) for path in ("/", "/docs", "/docs.json", "/schema.json", "/metrics", "/healthz")),
    ]
    for status, kind, text in answers:
        assert (status, kind) == (401, "application/problem+json")
        assert code not in text


def test_the_service_scores_as_the_month_did_in_the_order_asked(server, line):
    wanted = [one["entity"] for one in line.riskiest["entities"]][::-1]
    body = {"subjects": [{"entity": code} for code in wanted], "explain": "reasons"}
    status, _, text = server.ask("/v1/scores", key=line.key, body=body)
    assert status == 200
    found = json.loads(text)
    assert found["notice"] == NOTICE
    assert [one["entity"] for one in found["results"]] == wanted
    assert {one["official"]["class"] for one in found["results"]} == {"D"}
    assert {one["class"] for one in found["results"]} == {"D"}


def test_an_explanation_over_http_is_that_of_the_command_line_without_what_is_internal(server, line):
    told_internal = 0
    for one in line.riskiest["entities"][:5]:
        explained = verb("explain", one["entity"], "--month", MONTHS[-1])
        status, _, text = server.ask(f"/v1/entities/{one['entity']}/explanation", key=line.key)
        assert status == 200
        found = json.loads(text)
        assert (found["class"], found["notice"]) == (explained["class"], NOTICE)
        internal = [reason for reason in explained["reasons"] if reason["visibility"] != "publishable"]
        hidden = {record for reason in internal for record in reason.get("records", ())}
        told_internal += len(hidden)
        assert [record for record in hidden if record in text] == []
        told = {reason["code"] for reason in found["reasons"]}
        assert told <= {reason["code"] for reason in explained["reasons"] if reason not in internal}
        assert all(isinstance(value, str) for value in found["contributions"].values())
        assert (explained["contributions_in"], found["contributions_in"]) == ("margin", "share")
        shares = [float(value) for value in found["contributions"].values()]
        assert {sum(one for one in shares if one > 0), sum(one for one in shares if one < 0)} == {100, -100}
    assert told_internal > 0


def test_what_is_unknown_or_malformed_is_a_problem_that_echoes_nothing(server, line):
    cases = [
        (server.ask("/v1/entities/91000000NOBODY/class", key=line.key), 404),
        (server.ask("/docs.json", key=line.key), 404),
        (server.ask("/v1/scores", key=line.key, body={"subjects": [{"uscc": "91000000NOBODY"}]}), 422),
    ]
    for (status, kind, text), wanted in cases:
        assert (status, kind) == (wanted, "application/problem+json")
        assert "NOBODY" not in text
