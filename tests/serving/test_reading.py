"""Answers about one entity: tags, what a role is told, what changed, and the proof anybody can check."""

import base64
import json
import subprocess
import sys
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import offices
import pytest
from sqlalchemy import update

from serving import changes, explanation
from serving.http import ProblemError, Told, problem_body
from serving.scoring.answers import decimals
from serving.scoring.contract import Explanation, History, Scores
from serving.scoring.listed import InclusionProof
from serving.scoring.routes import application
from serving.store import connected
from serving.tables import month_tables

VERIFIER = Path(__file__).resolve().parents[2] / "examples" / "verify_proof.py"
BOTH = ("internal", "probability")


@pytest.fixture(scope="module")
def verifier():
    spec = spec_from_file_location("verify_proof", VERIFIER)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def desk(classified):
    return offices.desk_of(classified)


@pytest.fixture(scope="module")
def told():
    """What handlers said their answers tell, newest last."""
    return []


@pytest.fixture(scope="module")
def ask(classified, desk, told, call):
    inner = application(lambda: desk)

    async def noting(scope, receive, send):
        await inner(scope, receive, send)
        told.append(scope["state"].get("told"))

    app = offices.guarded(classified, noting)

    def asked(path, *, key=None, headers=(), body=None):
        stated = [("authorization", f"Bearer {key or classified.key()}"), *headers]
        if body is None:
            return call(app, path=path, headers=stated)
        stated.append(("content-type", "application/json"))
        return call(app, "POST", path, headers=stated, chunks=[json.dumps(body).encode()])

    return asked


@pytest.mark.parametrize("route", ["class", "explanation", "history"])
def test_a_document_the_caller_has_is_not_sent_again(ask, told, classified, route):
    path, key = f"/v1/entities/T00010/{route}", classified.key()
    first = ask(path, key=key)
    again = ask(path, key=key, headers=[("if-none-match", f'"other", {first.headers["etag"]}')])
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert told[-1].entities == ("T00010",)
    assert ask(path, key=key, headers=[("if-none-match", '"other"')]).body == first.body


@pytest.mark.parametrize("route", ["class", "explanation", "history"])
def test_what_differs_has_another_tag(ask, classified, route):
    keys = [classified.key(*rights) for rights in ((), ("internal",), ("probability",), BOTH)]
    paths = [f"/v1/entities/{code}/{route}" for code in ("T00010", "T00006")]
    answers = [ask(path, key=key) for path in paths for key in keys]
    assert len({one.headers["etag"] for one in answers}) == len(answers)
    if route != "history":
        older = ask(f"{paths[0]}?period=2025-11", key=keys[0])
        assert older.headers["etag"] not in {one.headers["etag"] for one in answers}


def test_a_corrected_month_has_other_tags(copied, call):
    desk = offices.desk_of(copied)
    app, headers = offices.guarded(copied, application(lambda: desk)), [("authorization", f"Bearer {copied.key()}")]
    paths = [f"/v1/entities/T00012/{route}" for route in ("class", "explanation", "history")]
    before = [call(app, path=path, headers=headers).headers["etag"] for path in paths]
    copied.correct()
    offices.loaded(copied)
    after = [call(app, path=path, headers=headers).headers["etag"] for path in paths]
    assert not set(before) & set(after)


def test_every_answer_says_what_it_tells(ask, told, classified, desk):
    scheme = classified.scheme.digest
    for route, rows in (("class", 1), ("explanation", 1), ("history", 2), ("proof", 1)):
        ask(f"/v1/entities/T00010/{route}", key=classified.key(*BOTH))
        assert told[-1] == Told(("T00010",), rows, "2025-12", scheme)
    ask("/v1/scores", body={"subjects": [{"entity": code} for code in ("T00010", "nobody", "T00002", "T00007")]})
    assert told[-1] == Told(("T00010", "T00007"), 2, "2025-12", scheme)


def test_answers_are_what_the_contract_says(ask, desk, classified):
    codes = [light["code"] for light in offices.rows(desk.newest) if light["region"].startswith("3601")][::9]
    for key in (classified.key(), classified.key(*BOTH)):
        for code in (*codes, "T00007"):
            for route, model in (("class", Explanation), ("explanation", Explanation), ("history", History)):
                model.model_validate_json(ask(f"/v1/entities/{code}/{route}", key=key).body)
        for explain in ("none", "reasons", "contributions"):
            body = {"subjects": [{"entity": code} for code in (*codes, "T00007", "nobody")], "explain": explain}
            Scores.model_validate_json(ask("/v1/scores", key=key, body=body).body)


def test_a_change_adds_up_and_without_rights_tells_neither_how_far_nor_over_what_nor_internal_lines(
    ask, desk, classified
):
    month, moved = desk.newest, 0
    for light in offices.rows(month)[::4]:
        if not light["region"].startswith("3601") or light["status"] != "classified":
            continue
        path = f"/v1/entities/{light['code']}/explanation"
        full, plain = (ask(path, key=classified.key(*rights)).json["change"] for rights in (BOTH, ()))
        assert full["since"] == "2025-11"
        assert sum(full["steps"].values()) == "ABCD".index(light["class"]) - "ABCD".index(full["class_before"])
        assert sum(map(float, full["log_odds"].values())) == pytest.approx(float(full["change"]), abs=1e-9)
        assert not {"change", "log_odds", "probability_before", "steps"} & set(plain)
        assert "系统内部标注信息" in plain["contributions"]
        assert (full["contributions_in"], plain["contributions_in"]) == ("margin", "share")
        told = [float(value) for value in plain["contributions"].values()]
        assert {sum(one for one in told if one * sign > 0) for sign in (1, -1)} <= {100, -100, 0}
        moved += bool(full["contributions"])
    assert moved


def test_rank_and_distance_are_those_of_the_month_and_need_the_right(ask, desk, classified):
    month = desk.newest
    stood = [light for light in offices.rows(month) if light["status"] == "classified"]
    light = month.find("T00010")
    margins = np.array([one["margin"] for one in stood if one["kind"] == light["kind"]])
    full = ask("/v1/entities/T00010/explanation", key=classified.key("probability")).json
    assert full["percentile"] == f"{np.mean(margins < light['margin']):.12f}"
    bounds = classified.scheme.parts[light["kind"]].cutoffs.bounds
    assert abs(float(full["distance"])) == pytest.approx(min(abs(bounds - light["probability"])), abs=1e-12)
    average = np.mean([one["probability"] for one in stood if one["kind"] == light["kind"]])
    assert float(full["average"]) == pytest.approx(average, abs=1e-12)
    assert 0 < average < 1
    assert not {"percentile", "average", "distance"} & set(ask("/v1/entities/T00010/explanation").json)


def test_another_department_is_told_the_class_only_of_who_is_run_by_persons(classified, desk, call):
    desk = replace(
        desk, profile=replace(desk.profile, settings={**desk.profile.settings, "masking": {"kinds": ["stall"]}})
    )
    app = offices.guarded(classified, application(lambda: desk))
    key = classified.key(role="department_reader", org="", departments=frozenset({"ecology"}))
    seen, headers = set(), [("authorization", f"Bearer {key}")]
    for light in offices.rows(desk.newest):
        path = f"/v1/entities/{light['code']}/explanation"
        answer = call(app, path=path, headers=headers)
        assert answer.status == (200 if light["departments"] else 404)
        if light["departments"] and light["class"]:
            told = {"reasons", "contributions", "change", "data_gaps"} & set(answer.json)
            assert bool(told) == (light["kind"] != "stall")
            if light["kind"] == "stall":
                assert [answer.json[name] for name in ("rules", "model_class", "cause")] == [[], None, None]
            assert answer.json["measures"]
            seen.add(light["kind"])
            history = call(app, path=path.replace("explanation", "history"), headers=headers).json["history"]
            assert {one["cause"] is None for one in history} == {light["kind"] == "stall"}
    assert seen == {"shop", "stall"}
    listed = call(app, path="/v1/classes?limit=500", headers=headers).json["items"]
    assert {one["cause"] for one in listed if one["kind"] == "stall"} == {None}
    assert None not in {one["cause"] for one in listed if one["kind"] == "shop" and one["class"]}


def test_that_a_class_is_held_near_a_cutoff_needs_the_right_to_probabilities(copied, call):
    desk = offices.desk_of(copied)
    load = desk.newest.load
    own = connected(f"sqlite:///{copied.store.month_file(load)}")
    with own.begin() as connection:
        connection.execute(update(month_tables(load)[0]).values(cause="held_by_margin"))
    own.dispose()
    app = offices.guarded(copied, application(lambda: desk))
    for rights, cause in (((), "unchanged"), (("internal",), "unchanged"), (("probability",), "held_by_margin")):
        headers = [("authorization", f"Bearer {copied.key(*rights)}")]
        told = [call(app, path=f"/v1/entities/T00010/{one}", headers=headers).json for one in ("class", "explanation")]
        told += call(app, path="/v1/entities/T00010/history?limit=1", headers=headers).json["history"]
        told += call(app, path="/v1/classes?limit=9", headers=headers).json["items"]
        assert {one["cause"] for one in told} == {cause}


def test_no_name_and_no_address_is_in_an_answer(ask, desk, classified):
    key = classified.key(*BOTH)
    for code in ("T00010", "T00006", "T00001"):
        for route in ("class", "explanation", "history", "proof"):
            answer = ask(f"/v1/entities/{code}/{route}", key=key)
            text = answer.body.decode()
            if route == "proof" and answer.status == 200:
                text += base64.b64decode(answer.json["row"]).decode()
            assert "商店" not in text
            assert "大街" not in text


def test_a_proof_needs_both_rights(ask, classified):
    for rights in ((), ("internal",), ("probability",)):
        for code in ("T00010", "nobody"):
            answer = ask(f"/v1/entities/{code}/proof", key=classified.key(*rights))
            assert (answer.status, answer.body) == (403, problem_body(ProblemError("forbidden")))
    foreign, unknown = (ask(f"/v1/entities/{code}/proof", key=classified.key(*BOTH)) for code in ("T00002", "T99999"))
    assert (foreign.status, foreign.body) == (404, unknown.body)


def test_the_stand_alone_verifier_accepts_a_proof_and_refuses_a_thousand_changed_ones(
    ask, classified, verifier, tmp_path
):
    answer = ask("/v1/entities/T00010/proof?period=2025-11", key=classified.key(*BOTH))
    proof = InclusionProof.model_validate_json(answer.body).model_dump()
    assert verifier.holds(proof, proof["publisher"])
    (tmp_path / "proof.json").write_bytes(answer.body)
    told = subprocess.run(
        [sys.executable, VERIFIER, tmp_path / "proof.json", proof["publisher"]],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.strip() == "holds"
    draw = np.random.default_rng(7)
    refused = sum(not verifier.holds(changed(answer.json, draw), proof["publisher"]) for _ in range(1000))
    assert refused == 1000


def changed(proof, draw):
    """A proof with one character of one of its values another, or a path longer or shorter."""
    proof = json.loads(json.dumps(proof))
    places = [(proof, name) for name in ("entity", "row", "salt", "index", "signature", "publisher")]
    places += [(proof["path"], number) for number in range(len(proof["path"]))]
    places += [(proof["head"], name) for name in proof["head"]]
    holder, name = places[draw.integers(len(places))]
    if draw.random() < 0.1:
        proof["path"] = proof["path"][:-1] if draw.random() < 0.5 else [*proof["path"], "00" * 32]
    elif isinstance(holder[name], int):
        holder[name] += int(draw.choice([-1, 1, 7]))
    else:
        text = holder[name]
        at = int(draw.integers(len(text)))
        other = draw.choice([one for one in "0123456789abcdefABCDEF+/=" if one != text[at]])
        holder[name] = text[:at] + str(other) + text[at + 1 :]
    return proof


def test_the_verifier_is_short():
    assert len(VERIFIER.read_text(encoding="utf-8").splitlines()) <= 60


def test_months_of_the_store_answer_as_the_sealed_ones_do(ask, desk, classified):
    """What the command line says of the sealed files is what the API says of the store."""
    key, everybody = classified.key(*BOTH, role="province_admin", org=""), offices.sealed(classified)
    for name in everybody.months():
        month = everybody.month(name)
        for light in month.rows.to_pylist()[::7]:
            document = explanation.document(month, light, classified.scheme)
            document["change"] = changes.since_before(everybody, month, light, lambda _: classified.scheme)
            document = explanation.visible(document, month.words, internal=True, probability=True)
            told = ask(f"/v1/entities/{light['code']}/explanation?period={name}", key=key).json
            for one in ("distance", "percentile", "average"):
                assert (told.pop(one, None) is not None) == (light["status"] == "classified")
            assert told == {one: decimals(value) for one, value in document.items() if one in told}
            assert set(told) == set(document) & set(Explanation.model_fields) | {"class"}
