import json
import subprocess
import sys
from dataclasses import replace

import pytest
from test_boosters import altered, bumped, signed

from training import trial
from training.scheme import Scheme, SchemeError

LIMITS = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from training import trial
trial._bounded()
print(resource.getrlimit(resource.RLIMIT_CORE), resource.getrlimit(resource.RLIMIT_CPU)[0])
try:
    bytearray(trial.MEMORY)
except MemoryError:
    print("bounded")
"""


def given(scheme, models=None):
    return scheme.models if models is None else models, scheme.golden, scheme.names


def test_sound_models_pass(scheme):
    assert trial.begin().of(*given(scheme), where="whole") is None


def test_a_model_that_ends_the_parsing_process_is_refused_and_this_process_lives(scheme):
    text = scheme.models[0].replace("leaf_value=", "leaf_value= ", 1)
    with pytest.raises(SchemeError, match="trial process that parsed the models ended with code"):
        trial.begin().of(*given(scheme, [text, *scheme.models[1:]]), where="one character more")


def test_a_parser_that_does_not_end_is_refused(scheme, monkeypatch):
    monkeypatch.setattr(trial, "PROGRAM", "import time; time.sleep(60)")
    monkeypatch.setattr(trial, "SECONDS", 0.2)
    with pytest.raises(SchemeError, match="took more than"):
        trial.begin().of(*given(scheme), where="slow")


def test_the_trial_itself_holds_the_golden_rows_against_the_models(scheme):
    changed = altered(scheme.models[0], "leaf_value", lambda words: [bumped(words[0]), *words[1:]])
    with pytest.raises(SchemeError, match="here: golden rows gave other margins"):
        trial.begin().of(*given(scheme, (changed, scheme.models[1])), where="here")


def test_contributions_must_agree_to_the_last_bit(scheme, key, tmp_path):
    stated = json.loads(scheme.golden)
    first = stated["contributions"][0]
    place = next(place for place, value in enumerate(first) if value)
    first[place] *= 1 + 2**-52
    folder = signed(scheme, key, tmp_path / "s", golden=json.dumps(stated))
    with pytest.raises(SchemeError, match="expected the same bits"):
        Scheme.load(folder, key.public_key())


def test_a_structure_that_is_no_tree_is_refused_before_the_parser(scheme):
    text = scheme.models[0]
    start = text.index("\nleft_child=") + len("\nleft_child=")
    wild = text[:start] + "9" + text[start + 1 :]
    with pytest.raises(SchemeError, match="children that are not each one node's"):
        trial.begin().of(*given(scheme, [wild, *scheme.models[1:]]), where="wild")


def test_a_trial_that_nobody_needs_ends_at_once(scheme):
    waiting = trial.begin()
    waiting.close()
    waiting.close()
    with pytest.raises((SchemeError, ValueError)):
        waiting.of(*given(scheme), where="late")


def test_a_trial_given_nothing_says_nothing():
    done = subprocess.run(
        [sys.executable, "-I", "-c", trial.PROGRAM, str(trial.ROOT)], input=b"", capture_output=True, check=True
    )
    assert done.stdout == b""


def test_the_trial_is_bounded_and_leaves_no_core():
    done = subprocess.run(
        [sys.executable, "-I", "-c", LIMITS, str(trial.ROOT)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [f"(0, 0) {trial.SECONDS}", "bounded"]


def test_what_is_wrong_is_said_and_what_is_sound_is_too(scheme):
    models, golden, names = given(scheme)
    whole = {"models": models, "golden": golden, "names": names, "where": "w"}
    assert trial.judged(json.dumps(whole).encode()) == "sound"
    assert "max_feature_idx is" in trial.judged(json.dumps({**whole, "names": names[1:]}).encode())
    assert replace(scheme).digest == scheme.digest


def test_the_trial_imports_nothing_it_does_not_need():
    heavy = "bentoml fastapi mlflow sklearn shap pandas polars ibis duckdb matplotlib sqlalchemy evaluation serving"
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from training import boosters; boosters.ready(); "
        "print(*[name for name in sys.argv[2].split() if sys.modules.get(name)])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, str(trial.ROOT), heavy], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
