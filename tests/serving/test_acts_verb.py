"""The verb ``acts``: what an entity of a sealed month could do itself, the class it leads to, and who is refused."""

import shutil

import pyarrow.parquet as pq
import pytest
import yaml
from test_cli import typed
from town import Town, settle

ACTS = {
    "acts": [
        {
            "code": "clean_up", "label": "清理后申请移出", "label_en": "clean up and leave the list",
            "basis": "条例第五条", "record_type": "listing", "applies": [["reason", "==", "dirt"]], "in_effect": True,
            "states": {"out_date": "as_of"},
        },
        {
            "code": "file", "label": "补报", "label_en": "file", "basis": "条例第六条", "record_type": "event",
            "applies": [["due", "before", 0], ["done", "missing"]], "states": {"done": "as_of"},
        },
    ]
}  # fmt: skip


@pytest.fixture(scope="module")
def promoted(classified, tmp_path_factory):
    """A town with a lake of the product's own, two published months, a champion and a catalogue of acts."""
    folder = tmp_path_factory.mktemp("acts") / "town"
    shutil.copytree(classified.folder, folder)
    settle(Town.at(folder)).promote()
    shutil.move(folder / "home", folder / "small")  # homes are named after their profile
    (folder / "profile" / "acts.yaml").write_text(yaml.safe_dump(ACTS, allow_unicode=True), encoding="utf-8")
    return folder


@pytest.fixture
def place(promoted, monkeypatch):
    """That home, found by verbs through the environment."""
    for name, value in {"HOME": promoted, "MLRUNS": promoted / "mlruns", "PROFILE": promoted / "profile"}.items():
        monkeypatch.setenv(f"JIANWEI_{name}", str(value))
    return promoted


def rows(place):
    found = pq.read_table(next((place / "small" / "months").glob("2025-12/*/results-000.parquet"))).to_pylist()
    return {
        "listed": next(row for row in found if "H1" in (row["rules"] or ())),
        "quiet": next(row for row in found if row["class"] == "A"),
        "gone": next(row for row in found if row["status"] != "classified"),
    }


def test_the_way_off_the_list_is_said_with_its_class_and_basis_in_both_languages(place):
    listed = rows(place)["listed"]
    found = typed("acts", listed["code"], "--month", "2025-12", "--json").json
    assert (found["class"], found["class_by_cutoffs_and_rules"]) == ("D", "D")
    assert found["notice"] == "内部参考，不作为信用评价"
    assert found["without_recourse"] is False
    way = found["ways"][0]
    assert way["class"] < "D"
    (act,) = way["acts"]
    assert (act["act"], act["basis"], act["record_type"]) == ("clean_up", "条例第五条", "listing")
    assert len(act["records"]) == 1
    said = typed("acts", listed["code"], "--month", "2025-12")
    assert said.code == 0
    for text in ("清理后申请移出", "clean up and leave the list", "内部参考，不作为信用评价", f"D → {way['class']}"):
        assert text in said.out


def test_who_can_do_nothing_is_told_so(place):
    quiet = rows(place)["quiet"]
    found = typed("acts", quiet["code"], "--json").json
    assert (found["ways"], found["without_recourse"]) == ([], True)
    said = typed("acts", quiet["code"])
    assert "均不能使类别降低" in said.out
    assert "leads to a safer class" in said.out


def test_an_entity_nobody_knows_or_without_a_class_is_refused(place):
    said = typed("acts", "nobody", "--month", "2025-12", "--json")
    assert (said.code, said.out) == (50, "")
    assert "has no entity nobody" in said.err
    said = typed("acts", rows(place)["gone"]["code"], "--month", "2025-12")
    assert said.code == 20
    assert "There is no class of" in said.err


def test_a_place_without_a_catalogue_has_nothing_to_say(place, monkeypatch, classified):
    monkeypatch.setenv("JIANWEI_PROFILE", str(classified.folder / "profile"))
    said = typed("acts", rows(place)["listed"]["code"], "--month", "2025-12")
    assert said.code == 20
    assert "There is no acts.yaml" in said.err
