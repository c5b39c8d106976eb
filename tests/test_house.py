"""The house rules a machine can check; the reasons are in CONTRIBUTING.md."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from evaluation import gate

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("features", "training", "evaluation", "serving")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
EDGE = {ROOT / "serving/settings.py", ROOT / "serving/cli.py"}
FUNCTION_LINES = 40
MODULE_LINES = 400
UNSAFE_CALLS = {"eval", "pickle.load", "pickle.loads", "joblib.load", "yaml.load", "pandas.read_pickle", "shap.load"}


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(_tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_and_its_functions_are_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MODULE_LINES
    if "migrations" in path.parts:
        return  # a list of tables, written once
    for function in _functions(path):
        body = [line for statement in function.body for line in range(statement.lineno, statement.end_lineno + 1)]
        assert len(body) <= FUNCTION_LINES, f"{path}: {function.name} has {len(body)} lines"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_unsafe_is_called_and_no_place_is_named(path):
    calls = {_name(node.func) for node in ast.walk(_tree(path)) if isinstance(node, ast.Call)}
    assert not calls & UNSAFE_CALLS
    assert "exec" not in calls or path == ROOT / "features/indicators/catalogue.py"
    places = re.findall(r"jiangxi|chicago|江西|南昌", path.read_text(encoding="utf-8"), re.IGNORECASE)
    assert not places, f"{path} names a place; places belong in profiles/"


@pytest.mark.parametrize("path", [path for path in MODULES if path not in EDGE], ids=str)
def test_only_the_edge_reads_clock_and_environment(path):
    calls = {_name(node.func) for node in ast.walk(_tree(path)) if isinstance(node, ast.Call)}
    names = {_name(node) for node in ast.walk(_tree(path)) if isinstance(node, ast.Attribute)}
    assert not calls & {"time.time", "datetime.now", "date.today", "datetime.today", "datetime.utcnow"}
    assert not names & {"os.environ", "os.getenv"}


@pytest.mark.parametrize(("number", "room"), list(enumerate(ROOMS)))
def test_a_room_says_its_place(number, room):
    first = (ast.get_docstring(_tree(ROOT / room / "__init__.py")) or "").splitlines()[0]
    assert first.startswith(("First", "Second", "Third", "Fourth")[number] + " of four rooms: ")
    assert len(_tree(ROOT / room / "__init__.py").body) == 1


def test_no_module_is_a_junk_room():
    refused = {"utils", "helpers", "common", "core", "base", "misc", "tools"}
    assert not [path for path in MODULES if path.stem in refused]


def test_the_repository_names_no_registry_and_no_machine():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    locks = [ROOT / name for name in tracked if name.startswith("requirements")]
    for lock in locks:
        assert not re.search(r"https?://|--index|--find-links", lock.read_text())


def test_every_check_is_documented_with_its_threshold_in_force():
    text = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
    for row in gate.read_gate()["checks"]:
        sign = "≤" if row["limit"] == "at_most" else "≥"
        assert f"| {row['code']} | {row['title_en']} | {sign} {row['thresholds'][-1]['value']:g} |" in text


def test_no_two_files_of_tests_share_a_name():
    names = [path.name for path in sorted((ROOT / "tests").rglob("test_*.py"))]
    assert len(names) == len(set(names))
