"""The command line: one document on stdout, an exit code for each family of faults, nothing imported in vain."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest
import typer
from town import Town
from world import SMALL

from evaluation.gate import Check, Verdict
from features import steps
from serving import cli, screens
from serving.results import Results, publisher_key
from serving.workshop import Workshop

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("pyarrow", "polars", "lightgbm", "mlflow", "duckdb", "ibis", "pandas", "numpy", "sklearn", "bentoml", "yaml")
PAGES = ("rich.markdown", "pygments")  # half of the time a help page would take
LOADED = f"""
import sys
from serving.cli import app
app(["--help"], standalone_mode=False)
print(sorted({{*{HEAVY!r}, *{PAGES!r}}} & set(sys.modules)))
"""
COUNTS = ("accepted", "duplicate", "rejected", "unmatched")
WRONG_MONTHS = ("2026-13", "2026", "yesterday")


@dataclass(frozen=True)
class Said:
    """What a verb answered."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """The one document on stdout; anything beside it does not parse."""
        return json.loads(self.out)


def typed(*words):
    """What ``jianwei WORDS`` answers, run in this process through the real entry."""
    out, err = StringIO(), StringIO()
    code = 0
    with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["jianwei", *(str(word) for word in words)])
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Said(code, out.getvalue(), err.getvalue())


def commands(group=cli.app, path=()):
    """Every verb as (words, typer's command), groups opened."""
    click = typer.main.get_command(group)
    found = []

    def walk(command, words):
        for name, below in getattr(command, "commands", {}).items():
            found.append(((*words, name), below))
            walk(below, (*words, name))

    walk(click, path)
    return found


VERBS = [words for words, command in commands() if not hasattr(command, "commands")]


@pytest.fixture
def at(monkeypatch, tmp_path):
    """Works in the home of a profile below a root."""

    def choose(profile, root):
        monkeypatch.setenv("JIANWEI_HOME", str(root))
        monkeypatch.setenv("JIANWEI_MLRUNS", str(tmp_path / "mlruns"))
        monkeypatch.setenv("JIANWEI_PROFILE", str(profile))
        monkeypatch.setenv("JIANWEI_NOW", "2026-02-03T09:00:00+08:00")
        return Path(root) / "small"

    return choose


@pytest.fixture
def empty(at, town, tmp_path):
    """A home of the town's profile with nothing in it."""
    return at(town.folder / "profile", tmp_path / "var")


@pytest.fixture(scope="module")
def promoted(classified, tmp_path_factory):
    """The folder of a town with two published months and a champion. Read only."""
    folder = tmp_path_factory.mktemp("promoted") / "town"
    shutil.copytree(classified.folder, folder)
    Town.at(folder).promote()
    shutil.move(folder / "home", folder / "small")  # homes are named after their profile
    return folder


@pytest.fixture
def housed(at, promoted):
    """The home of that town; read only."""
    return at(promoted / "profile", promoted)


@pytest.fixture
def own(at, promoted, tmp_path):
    """A copy of that home, to be changed."""
    shutil.copytree(promoted / "small", tmp_path / "own" / "small")
    return at(promoted / "profile", tmp_path / "own")


def deliver(folder, rows, **manifest):
    """A delivery of register entries, as CSV."""
    folder.mkdir(parents=True)
    text = "code,kind,status,opened\n" + "".join(f"{row}\n" for row in rows)
    (folder / "entity.csv").write_text(text, encoding="utf-8")
    stated = {
        "delivery": folder.name,
        "source": "register",
        "period": "2026-01",
        "mapping": None,
        "backload": None,
        "files": [{"path": "entity.csv", "record_type": "entity", "version": 1, "format": "csv", "rows": len(rows)}],
    }
    (folder / "manifest.json").write_text(json.dumps(stated | manifest), encoding="utf-8")
    return folder


ROWS = ("N1,shop,open,2024-01-05", "N2,stall,open,2024-02-05", "N3,ship,open,2024-03-05")


def test_a_delivery_with_a_reject_ends_well_and_its_counts_add_up(empty, tmp_path):
    said = typed("intake", deliver(tmp_path / "one", ROWS), "--json")
    assert said.code == 0
    found = said.json
    assert found["delivery"] == "one"
    assert found["refused"] is None
    assert (found["sent"], found["accepted"], found["rejected"]) == (3, 2, 1)
    assert found["sent"] == sum(found[name] for name in COUNTS)
    assert sum(found["rejects"].values()) == 1


def test_several_deliveries_print_a_list(empty, tmp_path):
    one, two = deliver(tmp_path / "one", ROWS), deliver(tmp_path / "two", ROWS)
    found = typed("intake", one, two, "--json").json
    assert [receipt["delivery"] for receipt in found] == ["one", "two"]
    assert (found[1]["accepted"], found[1]["duplicate"]) == (0, 2)


def test_a_refused_delivery_ends_with_10_and_counts_of_nothing(empty, tmp_path):
    refused = deliver(tmp_path / "one", ROWS, source="")
    said = typed("intake", refused, "--json")
    assert said.code == 10
    assert said.json["refused"] == "manifest_field"
    assert [said.json[name] for name in ("sent", *COUNTS)] == [0] * 5
    assert "Nothing of the delivery was taken" in said.err


def test_a_home_in_use_ends_with_15_and_says_by_whom(empty, tmp_path):
    with steps.lock(empty, "another run"):
        said = typed("intake", deliver(tmp_path / "one", ROWS), "--json")
    assert (said.code, said.out) == (15, "")
    assert "another run" in said.err


@pytest.mark.parametrize(
    "verb", [("evaluate",), ("train",), ("card",), ("promote", "propose", "--as", "ana"), ("export",)]
)
def test_without_a_scheme_or_a_month_a_verb_ends_with_20_and_names_the_verb_to_run(empty, verb):
    said = typed(*verb, "--json")
    assert (said.code, said.out) == (20, "")
    assert "jianwei " in said.err


def test_a_month_without_a_champion_ends_with_30(empty):
    said = typed("month", "2026-01", "--json")
    assert (said.code, said.out) == (30, "")
    assert "no champion" in said.err


def verdict_of_reject(scheme):
    failed = Check("EV020", "区分", "tells", "discrimination", "at_least", True, False, 0.55, "b", 0.5, False, ())
    return Verdict(scheme, "reject", date(2026, 2, 3), (failed,))


def test_a_verdict_of_reject_cannot_be_proposed_whatever_the_reason(own, monkeypatch):
    digest = "ab" * 32
    verdict = verdict_of_reject(digest)
    report = own / "reports" / digest[:16]
    report.mkdir(parents=True)
    (report / "report.html").write_text("<html></html>")
    (report / "assessment.json").write_text(json.dumps({"gate": verdict.document() | {"digest": verdict.digest}}))
    monkeypatch.setattr(Workshop, "newest", lambda *_: SimpleNamespace(digest=digest, folder=None))
    said = typed("promote", "propose", "--as", "ana", "--reason", "we want it", "--json")
    assert (said.code, said.out) == (30, "")
    assert "EV020" in said.err


def test_a_month_that_is_not_published_ends_with_60_and_says_what_to_run(housed):
    said = typed("export", "--month", "2024-01", "--json")
    assert (said.code, said.out) == (60, "")
    assert "jianwei month 2024-01" in said.err


def test_an_entity_that_is_not_in_the_month_ends_with_50(housed):
    said = typed("explain", "T99999", "--month", "2025-12", "--json")
    assert (said.code, said.out) == (50, "")
    assert "T99999" in said.err


def test_an_api_key_for_a_role_that_does_not_exist_ends_with_50(empty):
    said = typed("keys", "create", "x", "--role", "emperor", "--json")
    assert (said.code, said.out) == (50, "")


def test_a_person_without_a_key_cannot_roll_back(housed):
    scheme = typed("promote", "history", "--json").json["acts"][-1]["scheme"]
    said = typed("promote", "rollback", scheme[:8], "--as", "nobody", "--reason", "test")
    assert said.code == 50
    assert "nobody" in said.err


@pytest.mark.parametrize(
    "words",
    [
        ("month", "2026-02"),
        ("month", "2026-03"),
        ("month", "9999-12"),
        ("month", "0001-01"),
        ("matrix", "--as-of", "2026-02-04"),
        ("matrix", "--as-of", "9999-12-31"),
        ("matrix", "--as-of", "20251231"),
        ("matrix", "--as-of", "2025-W01-1"),
        ("train", "--known-by", "2030-01-01"),
        ("serve", "--port", "99999"),
        ("keys", "create", "y", "--role", "regulator_city", "--days", "999999999999"),
    ],
)
def test_what_has_not_been_yet_is_refused_as_a_wrong_option(housed, words):
    before = sorted(path.name for path in (housed / "work").iterdir()) if (housed / "work").exists() else []
    said = typed(*words)
    assert (said.code, said.out) == (2, "")
    assert "Traceback" not in said.err
    assert before == (sorted(path.name for path in (housed / "work").iterdir()) if (housed / "work").exists() else [])


def test_a_published_month_says_on_the_screen_what_changed_since_and_what_came_before_it(housed, capsys):
    sealed = Results(housed, publisher_key(housed)).month("2025-11")
    found = {
        "month": "2025-11",
        "root": sealed.head.root,
        "classes": sealed.counts(),
        "largest_error": 1e-7,
        "peak_gib": 1.0,
        "seconds": {"scores": 12.5},
        "indicators": sealed.indicators,
    }
    screens.month({**found, "made": True, "inputs_changed": False, "later": ["2025-12"]}, sealed)
    shown = capsys.readouterr()
    assert "not compared with it: 2025-12" in " ".join(shown.err.split())
    assert "scores" in shown.out
    assert "12.5" in shown.out
    screens.month({**found, "made": False, "inputs_changed": True, "later": []}, sealed)
    assert "--correction REASON seals a supplement" in " ".join(capsys.readouterr().err.split())


def test_a_month_before_anybody_was_known_is_not_sealed(own):
    said = typed("month", "1999-01")
    assert said.code == 20
    assert "Nobody was known on 1999-01-31" in said.err
    assert not (own / "months" / "1999-01").exists()


@pytest.mark.parametrize("name", ["../x", "", "a/b", ".hidden"])
def test_a_key_is_called_something_that_stays_in_its_folder(empty, name):
    assert typed("keys", "create", name).code == 50
    assert not list(empty.rglob("*.pem"))


def test_an_entity_that_is_not_classified_has_a_reason_on_the_screen_too(housed):
    rows = pq.read_table(next((housed / "months").glob("2025-12/0/results-000.parquet"))).to_pylist()
    gone = next(row for row in rows if row["status"] != "classified")
    said = typed("explain", gone["code"], "--month", "2025-12")
    assert said.code == 0
    assert "not classified:" in said.out


def test_a_clock_that_is_no_time_is_a_wrong_setting(empty, monkeypatch):
    monkeypatch.setenv("JIANWEI_NOW", "soon")
    assert typed("evaluate").code == 2


def test_an_engine_that_does_not_exist_is_refused_though_the_matrix_is_kept(housed):
    assert typed("matrix", "--as-of", "2025-12-31", "--json").code == 0
    assert typed("matrix", "--as-of", "2025-12-31", "--engine", "abacus").code == 2


def test_nothing_is_proposed_before_it_was_evaluated_nor_approved_before_it_was_proposed(empty):
    typed("keys", "create", "li")
    assert typed("promote", "propose", "--as", "li").code == 20
    said = typed("promote", "approve", "--as", "li")
    assert said.code == 30
    assert "waiting proposals: none" in said.err


def test_a_damaged_journal_ends_with_60_with_and_without_verification(own):
    journal = own / "journal.jsonl"
    content = journal.read_bytes()
    journal.write_bytes(content.replace(b"promotion.approved", b"promotion.approveD"))
    assert typed("status", "--json").code == 60
    assert typed("status", "--verify", "--json").code == 60


@pytest.mark.parametrize(
    "words",
    [
        *(("month", text) for text in WRONG_MONTHS),
        *(("export", "--month", text) for text in WRONG_MONTHS),
        *(("explain", "T00001", "--month", text) for text in WRONG_MONTHS),
        ("matrix", "--as-of", "2026-02-30"),
        ("matrix",),
        ("train", "--known-by", "2026"),
        ("train", "--method", "guessing"),
        ("promote", "history", "--on", "yesterday"),
        ("promote", "propose"),
        ("simulate", "--first", "2017-00"),
        ("simulate", "--entities", "0"),
        ("export", "--limit", "-1"),
        ("export", "--class", "E"),
        ("export", "--office", "somewhere"),
        ("matrix", "--as-of", "2025-12-31", "--engine", "abacus"),
        ("status", "--unheard-of"),
        ("conjure",),
        ("--profile", "nowhere", "status"),
    ],
)
def test_what_is_asked_wrongly_ends_with_2_and_prints_no_figures(housed, words):
    said = typed(*words)
    assert (said.code, said.out) == (2, "")
    assert said.err.strip()


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_every_verb_says_what_it_does_and_what_each_option_is_for(words):
    command = dict(commands())[words]
    assert len(command.help) > 20
    options = [option for option in command.params if option.name not in {"help"}]
    assert [option.name for option in options if not option.help] == []
    assert typed(*words, "--help").code == 0


@pytest.mark.parametrize("page", ["README.md", "README.zh.md"])
def test_both_readmes_name_every_verb(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert [" ".join(words) for words in VERBS if f"jianwei {' '.join(words)}" not in text] == []


def test_a_help_page_is_printed_without_importing_any_room():
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    ran = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines()[-1] == "[]"


def test_the_status_of_an_empty_home_is_one_document(empty):
    found = typed("status", "--json").json
    assert (found["months"], found["champion"], found["deliveries"], found["waiting"]) == ([], None, 0, 0)
    assert found["indicators"] == []


def test_the_status_names_months_classes_and_champion_and_all_of_it_holds(housed):
    found = typed("status", "--verify", "--json").json
    assert [month["month"] for month in found["months"]] == ["2025-11", "2025-12"]
    for month in found["months"]:
        assert list(month["classes"]) == ["A", "B", "C", "D"]
        assert sum(month["classes"].values()) == month["entities"]
    assert (found["champion"]["proposed_by"], found["champion"]["approved_by"]) == ("ana", "bo")
    assert found["verified"]["faults"] == []
    assert "2025-12" in typed("status").out


def test_a_touched_month_is_found_by_verification_and_named(own):
    sealed = next((own / "months").glob("2025-12/*/results-000.parquet"))
    content = bytearray(sealed.read_bytes())
    content[len(content) // 2] ^= 1
    sealed.write_bytes(content)
    said = typed("status", "--verify", "--json")
    assert said.code == 60
    faults = said.json["verified"]["faults"]
    assert "2025-12" in " ".join(faults)
    shown = typed("status", "--verify")
    assert shown.code == 60
    assert all(fault in shown.out for fault in faults)


def test_the_export_is_ordered_by_margin_and_keeps_to_class_and_limit(housed):
    everyone = typed("export", "--json").json["entities"]
    assert [(-one["margin"], one["entity"]) for one in everyone] == sorted(
        (-one["margin"], one["entity"]) for one in everyone
    )
    found = typed("export", "--month", "2025-12", "--class", "D", "--class", "C", "--limit", "3", "--json").json
    assert found["entities"] == [one for one in everyone if one["class"] in "CD"][:3]
    assert found["notice"] == "内部参考，不作为信用评价"


def test_an_explanation_adds_up_and_speaks_for_itself(housed):
    found = typed("explain", "T00006", "--json").json
    assert abs(found["base"] + sum(found["contributions"].values()) - found["margin"]) < 1e-9
    shown = typed("explain", "T00006").out
    assert found["notice"] in shown
    assert found["reasons"]
    assert all(reason["text"] in shown for reason in found["reasons"])
    assert found["change"]["since"] == "2025-11"
    assert f"Since 2025-11: {found['change']['class_before']} to {found['class']}" in shown
    assert "把握程度" in shown
    assert {one["confidence"] for one in typed("export", "--json").json["entities"]} <= {
        *("high", "medium", "low", "insufficient"),
    }


def test_indicators_are_listed_with_direction_dimension_and_examples(empty):
    found = typed("indicators", "list", "--json").json
    assert {one["direction"] for one in found} <= {"riskier", "safer", "none"}
    assert all(one["examples"] and one["label"] and one["unit"] for one in found)
    assert found[0]["code"] in typed("indicators", "list").out


def test_the_definitions_of_a_home_without_versions_have_a_digest_only(empty, town):
    found = typed("indicators", "versions", "--json").json
    assert found == {"present": {"version": None, "digest": town.definitions.digest}, "versions": []}
    said = typed("indicators", "impact", "2026.1")
    assert (said.code, said.out) == (30, "")
    assert "no version '2026.1' of the indicators; there are none" in said.err


def test_a_draft_is_signed_by_its_author_and_told(empty, town):
    words = ("indicators", "draft", "--version", "2026.1", "--effective", "2026-03", "--reason", "第一版")
    assert typed(*words, "--author", "li").code == 50
    typed("keys", "create", "li")
    assert typed(*words[:4], "--effective", "March", "--reason", "r", "--author", "li").code == 2
    assert "2026.1 is draft by li" in typed(*words, "--author", "li").out
    listed = typed("indicators", "versions")
    assert "the profile's definitions are version 2026.1" in " ".join(listed.err.split())
    assert typed("status", "--json").json["indicators"] == [
        {"version": "2026.1", "state": "draft", "effective": "2026-03", "digest": town.definitions.digest}
    ]


def test_a_champion_whose_folder_is_damaged_has_no_version_in_the_status(own):
    scheme = next((own / "schemes").iterdir()) / "scheme.json"
    scheme.write_bytes(scheme.read_bytes() + b" ")
    found = typed("status", "--json").json
    assert found["champion"]["indicators"] == {"version": None, "digest": None}


def test_worked_examples_are_worked_out_and_a_wrong_one_is_named(empty, monkeypatch, tmp_path):
    found = typed("indicators", "check", "--json")
    assert (found.code, found.json["wrong"]) == (0, [])
    assert found.json["examples"] > 40
    place = shutil.copytree(SMALL, tmp_path / "place")
    path = place / "indicators" / "supervision.py"
    path.write_text(path.read_text(encoding="utf-8").replace("gives=1", "gives=7", 1), encoding="utf-8")
    monkeypatch.setenv("JIANWEI_PROFILE", str(place))
    found = typed("indicators", "check", "--json")
    assert found.code == 2
    assert len(found.json["wrong"]) == 1
    assert "not 7" in found.err


def test_a_signing_key_is_made_once_and_an_api_key_is_shown_once(empty):
    found = typed("keys", "create", "li", "--json").json
    assert Path(found["path"]).is_file()
    assert typed("keys", "create", "li").code == 50
    made = typed("keys", "create", "demo", "--role", "integrator_score", "--json").json
    assert made["key"].startswith("jw_")
    assert made["expires"] == "2026-05-04"
    assert not [path for path in empty.rglob("*") if path.is_file() and made["key"].encode() in path.read_bytes()]


def test_who_was_champion_on_a_day_is_answered(housed):
    (page,) = typed("promote", "history", "--page", "--json").json["files"]
    assert "历任分类方案" in Path(page).read_text(encoding="utf-8")
    whole = typed("promote", "history", "--json").json
    assert [act["action"] for act in whole["acts"]] == ["promotion.proposed", "promotion.approved"]
    assert typed("promote", "history", "--on", "2025-12-31", "--json").json == {"on": "2025-12-31", "acts": []}
    assert typed("promote", "history", "--on", "2026-01-03", "--json").json["acts"] == whole["acts"]


def test_a_fault_nobody_foresaw_is_not_dressed_up(empty, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr("serving.inventory.inventory", broken)
    with pytest.raises(ZeroDivisionError):
        typed("status")


@pytest.mark.parametrize("words", [("simulate", "--entities", "10"), ("intake", "nowhere")])
def test_a_sector_takes_no_records_of_its_own(empty, words):
    said = typed("--sector", "kitchens", *words)
    assert (said.code, said.out) == (2, "")
    assert "Sector kitchens has no records of its own: it reads those of small. Nothing was done" in said.err


def test_verbs_of_a_sector_speak_of_its_own_indicators_and_home(empty, monkeypatch):
    listed = [one["code"] for one in typed("--sector", "kitchens", "indicators", "list", "--json").json]
    assert listed[-2:] == ["kitchen", "dirt_24m"]
    monkeypatch.setenv("JIANWEI_SECTOR", "kitchens")
    assert typed("indicators", "check", "--json").json["wrong"] == []
    assert typed("status", "--json").json["home"] == f"{empty}-kitchens"
    unknown = typed("--sector", "toys", "status")
    assert unknown.code == 2
    assert "has no sector 'toys'; there are kitchens" in unknown.err
