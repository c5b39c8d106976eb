"""A month: everyone classified or explained away, exact contributions, sealed once, corrected only by supplement."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date
from functools import partialmethod
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from town import SIZE, codes

from features import steps
from features.asof import Month
from features.evidence import absence, evidence
from features.indicators.language import on
from features.matrix import Known, batches
from features.profile import ProfileError
from features.records.journal import Journal
from features.steps import ResourceError
from serving import classification, contributions, explanation, ledger, monthly, pieces
from serving.results import Part, Results, SealedMonth, publisher_key
from training import reasons
from training.scheme import SchemeError

MONTH = "2025-12"


@pytest.fixture(scope="module")
def rows(classified):
    return ledger.read_rows(folder_of(classified))


def folder_of(town, month=MONTH, supplement=0):
    return ledger.month_folder(town.home, month, supplement)


def results(town):
    return Results(town.home, publisher_key(town.home))


def states(town):
    return [
        (entry.details["month"], entry.details["supplement"], entry.details["state"])
        for entry in Journal(town.home / "journal.jsonl").entries(monthly.ACTION)
    ]


def test_everyone_known_is_classified_or_has_a_reason_code(rows):
    assert rows.num_rows == SIZE
    assert set(rows["status"].to_pylist()) == {"classified", "closed"}
    classified = rows.filter(pc.field("status") == "classified")
    assert not classified["class"].null_count
    assert rows.filter(pc.field("status") != "classified")["class"].null_count == SIZE - len(classified)


def test_an_entity_of_a_kind_the_profile_does_not_have_is_stated_and_not_classified(fresh):
    path = fresh.lake.folder / "entity.parquet"
    table = pq.read_table(path)
    kinds = [
        "?" if code == 3 else kind
        for code, kind in zip(table["entity"].to_pylist(), table["kind"].to_pylist(), strict=True)
    ]
    pq.write_table(table.set_column(table.column_names.index("kind"), "kind", pa.array(kinds)), path)
    fresh.classify(MONTH)
    row = results(fresh).month(MONTH).find("T00003")
    assert (row["status"], row["class"], row["kind"]) == ("unknown_kind", None, None)


def test_contributions_of_every_row_add_up_to_its_margin(classified, rows):
    folder = folder_of(classified)
    scheme = classified.scheme
    manifest = json.loads((folder / "manifest.json").read_text())
    held = pieces.read(folder, contributions.CONTRIBUTIONS, scheme.used)
    vectors = np.column_stack([column.to_numpy() for column in held.columns]).astype(np.float64)
    own = rows.filter(pc.field("status") == "classified")
    exposure = np.array([manifest["exposure"][kind] for kind in own["kind"].to_pylist()])
    sums = manifest["base"] + vectors[own["vector"].to_numpy()].sum(axis=1) + exposure
    errors = np.abs(sums - own["margin"].to_numpy())
    assert errors.max() <= 1e-5
    assert abs(errors.max() - manifest["largest_error"]) < 1e-6
    values = read_vectors(classified, folder)
    kinds = np.array([scheme.kinds.index(kind) for kind in own["kind"].to_pylist()], np.int8)
    single = scheme.contributions(values, kinds, bulk=False)
    assert np.abs(scheme.base + single.sum(axis=1) - own["margin"].to_numpy()).max() <= 1e-9


def read_vectors(town, folder):
    table = pieces.read(folder, classification.VECTORS)
    return np.column_stack([table[name].to_numpy() for name in town.scheme.columns])


def test_distinct_contribution_vectors_are_kept_once(classified, rows):
    count = pieces.rows(folder_of(classified), contributions.CONTRIBUTIONS)
    used = set(rows["vector"].drop_null().to_pylist())
    assert used == set(range(count))
    assert count < len(rows.filter(pc.field("status") == "classified"))


def test_kept_vectors_are_the_matrix_of_the_month(classified):
    batch = next(batches(classified.lake, classified.definitions, as_of=date(2025, 12, 31)))
    kept = read_vectors(classified, folder_of(classified))
    assert np.array_equal(kept, batch.values, equal_nan=True)


def _supports(found):
    """What each entity's indicator may cite, row by row."""
    by_pair = {}
    for row in found.to_pylist():
        by_pair.setdefault((row["entity"], row["indicator"]), []).append(row)
    return {
        pair: reasons.Support(
            tuple(row["record_id"] for row in rows),
            tuple(row["event_date"] for row in rows),
            reasons.strictest(row["visibility"] for row in rows),
        )
        for pair, rows in by_pair.items()
    }


def test_reasons_are_those_the_scheme_gives_one_entity_at_a_time(classified, rows):
    definitions, as_of = classified.definitions, date(2025, 12, 31)
    own = rows.filter(pc.field("status") == "classified")
    held = pieces.read(folder_of(classified), contributions.CONTRIBUTIONS)
    nothing = np.zeros(held.num_rows)
    adds = [held[code].to_numpy() if code in classified.scheme.used else nothing for code in definitions.codes]
    added = np.column_stack(adds)[own["vector"].to_numpy()]
    values = read_vectors(classified, folder_of(classified))
    selected = reasons.select(definitions, values, added)
    wanted = reasons.wanted(selected, own["entity"].to_numpy(), definitions.codes)
    support = _supports(evidence(classified.lake, definitions, as_of=as_of, wanted=wanted))
    for place, row in enumerate(own.to_pylist()):
        expected = []
        for position, contribution in zip(selected.place[place], selected.contribution[place], strict=True):
            if position >= 0:
                code = definitions.codes[position]
                rests_on = support.get((row["entity"], code)) or absence(definitions, code, as_of)
                expected.append(
                    reasons.reason(
                        definitions, code, values[place, position], contribution=contribution, rests_on=rests_on
                    )
                )
        found = [one for one in row["reasons"] if one["rule"] is None]
        assert [one["code"] for one in found] == [one.code for one in expected if one is not None]
        for one, same in zip(found, (one for one in expected if one is not None), strict=True):
            assert (one["value"], tuple(one["records"]), tuple(one["dates"])) == (same.value, same.records, same.dates)
            assert one["contribution"] == pytest.approx(same.contribution)
            assert json.loads(one["absent"] or "null") == (None if same.absent is None else dict(same.absent))


def test_rules_come_first_and_cite_the_records_they_rest_on(rows):
    ruled = [row for row in rows.to_pylist() if row["rules"]]
    assert ruled
    for row in ruled:
        first = row["reasons"][: len(row["rules"])]
        assert [one["rule"] for one in first] == row["rules"]
        assert all(one["records"] for one in first)
    assert all(one["rule"] is None for row in rows.to_pylist() if not row["rules"] for one in row["reasons"] or ())


def test_visibility_is_the_strictest_of_what_a_reason_rests_on(classified, rows):
    events = pq.read_table(classified.lake.folder / "event.parquet").to_pylist()
    internal = {row["record_id"] for row in events if row["visibility"] == "internal"}
    seen = set()
    for row in rows.to_pylist():
        for one in row["reasons"] or ():
            strict = bool(internal & set(one["records"])) or one["rule"] == "H2" or one["indicator"] in row["internal"]
            assert (one["visibility"] == "internal") == strict
            seen.add(one["visibility"])
    assert seen == {"publishable", "internal"}


def test_a_first_month_has_no_class_before_and_the_next_says_why_it_changed(classified, rows):
    first = ledger.read_rows(folder_of(classified, "2025-11"))
    assert set(first["cause"].drop_null().to_pylist()) == {"first"}
    before = dict(zip(first["code"].to_pylist(), first["class"].to_pylist(), strict=True))
    for row in rows.to_pylist():
        assert row["class_before"] == before[row["code"]]
        if row["status"] == "classified" and row["class"] != row["class_before"]:
            assert row["cause"] not in {"unchanged", "held_by_margin", "first"}


def test_everyone_classified_has_the_confidence_of_the_scheme(classified, rows):
    own = rows.filter(pc.field("status") == "classified")
    assert not own["confidence"].null_count
    assert rows["confidence"].null_count == SIZE - len(own)
    assert {"high", "low", "insufficient"} <= set(own["confidence"].to_pylist())
    scheme = classified.scheme
    for row in own.to_pylist():
        if row["class"] != max(row["model_class"], row["ruled"]) or row["cause"] == "held_by_margin":
            continue
        kind, ruled = (
            np.array([one], np.int8) for one in (scheme.kinds.index(row["kind"]), "ABCD".index(row["ruled"]))
        )
        sure = scheme.sure(np.array([row["margin"]]), kind, ruled=ruled)
        if row["confidence"] == "high":
            assert sure.agreement[0] >= 0.9
        if row["confidence"] == "low":
            assert sure.agreement[0] < 0.9


@pytest.fixture(scope="module")
def older(classified, tmp_path_factory):
    """The month as it would lie there sealed before results said how sure a class is."""
    folder = shutil.copytree(folder_of(classified), tmp_path_factory.mktemp("older") / MONTH / "0")
    for path in pieces.files(folder, ledger.RESULTS):
        kept = pq.read_table(path).drop_columns(["confidence"])
        pq.write_table(kept, path)
    return Part(folder, ledger.read_head(folder)[0])


def test_a_month_sealed_before_is_read_with_no_word_of_confidence(older, rows):
    month = SealedMonth([older])
    assert month.rows["confidence"].null_count == SIZE
    light = month.find("T00010")
    assert explanation.summary(month, light)["confidence"] is None
    assert [row["class"] for row in month.rows.to_pylist()] == rows["class"].to_pylist()


def test_a_supplement_does_not_hold_rows_against_a_column_there_was_not(classified, older, rows):
    computed = SimpleNamespace(files=lambda table: pieces.files(folder_of(classified), table))
    changed = monthly._changed(computed, SealedMonth([older]))
    assert sum(part.num_rows for part in changed) == 0


def test_the_states_of_a_month_are_in_the_journal_once(classified):
    four = ["collected", "computed", "checked", "published"]
    assert states(classified) == [(month, 0, state) for month in ("2025-11", "2025-12") for state in four]


def test_a_published_month_verifies_against_chain_and_journal(classified):
    assert list(monthly.verify(classified.home)) == []


def test_a_published_month_stays_when_it_is_run_again_with_other_data(copied):
    digests = {path: steps.file_digest(path) for path in folder_of(copied).iterdir()}
    copied.add("listing", on("2025-12-20", known="2025-12-21", of="T00001", reason="dirt"))
    again = copied.classify(MONTH)
    assert (again.made, again.inputs_changed) == (False, True)
    assert digests == {path: steps.file_digest(path) for path in folder_of(copied).iterdir()}
    assert copied.classify("2025-11").made is False


def test_a_correction_is_a_numbered_supplement_of_the_rows_that_differ(copied):
    copied.add("listing", on("2025-12-20", known="2025-12-21", of="T00001", reason="dirt"))
    made = copied.classify(MONTH, correction="late listing")
    assert (made.made, made.head.supplement) == (True, 1)
    month = results(copied).month(MONTH)
    changed = ledger.read_rows(folder_of(copied, supplement=1))
    assert "T00001" in changed["code"].to_pylist()
    assert changed.num_rows < 10
    row = month.find("T00001")
    assert (row["class"], month.supplement(row)) == ("D", 1)
    assert month.full(row)["rules"] == ["H1"]
    assert month.vector(row)["listed_now"] == 1
    assert month.supplement(month.find("T00002")) == 0
    assert sum(month.counts().values()) == 195
    assert list(monthly.verify(copied.home)) == []
    assert json.loads((folder_of(copied, supplement=1) / "manifest.json").read_text())["correction"] == "late listing"


def test_a_correction_that_changes_nothing_seals_nothing(copied):
    made = copied.classify(MONTH, correction="nothing really")
    assert (made.made, made.head.supplement) == (False, 0)
    assert not folder_of(copied, supplement=1).exists()
    assert not list((copied.home / "work").iterdir())


def test_months_classified_from_equal_inputs_have_equal_bytes(fresh, town, tmp_path):
    shutil.copytree(fresh.folder, tmp_path / "other")
    other = type(fresh).at(tmp_path / "other")
    for one in (fresh, other):
        publisher_key(one.home)
    shutil.rmtree(other.home)
    ledger.salt_secret(fresh.home / "keys")
    shutil.copytree(fresh.home, other.home)
    for one in (fresh, other):
        one.classify("2025-11")
        one.classify(MONTH)
    assert fingerprint(fresh.home) == fingerprint(other.home)


def fingerprint(home):
    return {str(path.relative_to(home)): steps.file_digest(path) for path in sorted((home / "months").rglob("*.*"))}


def test_results_do_not_depend_on_how_the_matrix_is_cut(fresh, classified, monkeypatch):
    monkeypatch.setattr(Known, "batches", partialmethod(Known.batches, size=37))
    fresh.classify("2025-11")
    fresh.classify(MONTH)
    whole, cut = (ledger.read_rows(folder_of(one)) for one in (classified, fresh))
    assert whole == cut
    one, other = (pieces.read(folder_of(one), contributions.CONTRIBUTIONS) for one in (classified, fresh))
    assert one == other


def test_both_engines_give_the_same_month(fresh, classified):
    run = fresh.run("2025-11")
    monthly.classify(replace(run, sources=replace(run.sources, engine="duckdb")))
    one, other = (ledger.read_rows(folder_of(own, "2025-11")) for own in (classified, fresh))
    assert one == other


def test_a_second_run_is_told_who_holds_the_home(fresh):
    with steps.lock(fresh.home, "jianwei month 2025-10"), pytest.raises(ResourceError, match="jianwei month 2025-10"):
        fresh.classify(MONTH)
    assert not (fresh.home / "months").exists()


def test_a_month_must_be_asked_for_with_data_as_of_its_end(fresh):
    run = fresh.run(MONTH)
    with pytest.raises(ProfileError, match="as of"):
        monthly.classify(replace(run, month=Month(2025, 11)))


def test_a_scheme_for_other_kinds_is_refused(fresh):
    run = fresh.run(MONTH)
    other = replace(fresh.scheme, kinds=("shop",), parts={"shop": fresh.scheme.parts["shop"]})
    with pytest.raises(SchemeError, match="kinds"):
        monthly.classify(replace(run, sources=replace(run.sources, scheme=other)))


def broken_rows(rows, **columns):
    for name, value in columns.items():
        position = rows.column_names.index(name)
        values = rows[name].to_pylist()
        values[0] = value
        rows = rows.set_column(position, name, pa.array(values, rows.schema.field(name).type))
    return rows


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"class": "E"}, "classes do not add up"),
        ({"class": None}, "classes do not add up"),
        ({"entity": 1}, "stands twice"),
        ({"probability": 1.5}, "outside 0 to 1"),
        ({"probability": float("nan")}, "outside 0 to 1"),
        ({"class": "A", "ruled": "D"}, "better than a rule allows"),
    ],
)
def test_a_month_that_fails_its_check_is_not_published(classified, rows, change, said):
    with pytest.raises(SchemeError, match=said):
        classification.check([broken_rows(rows, **change)], classified.scheme)


def test_contributions_that_miss_the_margin_stop_the_month(classified, rows):
    own = rows.filter(pc.field("status") == "classified")
    nothing = contributions.Explained(
        [np.zeros((1, 3), np.uint8)], [np.zeros((1, 3), np.float32)], np.zeros(own.num_rows, np.int32)
    )
    with pytest.raises(SchemeError, match="miss their margins"):
        contributions.largest_error(own, nothing, classified.scheme)


def test_a_head_the_journal_does_not_know_is_reported(copied):
    path = copied.home / "journal.jsonl"
    path.write_text("")
    assert "journal does not know" in str(next(monthly.verify(copied.home)))


def test_after_a_kill_just_past_the_seal_the_journal_is_completed(copied):
    path = copied.home / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    left = copied.home / "work" / f"{MONTH}-0"
    left.mkdir()
    assert copied.classify(MONTH).made is False
    assert states(copied)[-1] == (MONTH, 0, "published")
    assert not left.exists()


def test_a_run_killed_anywhere_ends_in_the_same_bytes(fresh, tmp_path):
    """Kills at many points of a month; the same command resumes each (see kills.py)."""
    fresh.classify("2025-11")
    script = Path(__file__).with_name("kills.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "town"), "20"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["points"] >= 40
    assert found["killed"] == 20
    assert found["different"] == []
    assert found["left_over"] == []
    assert found["faults"] == []


def test_codes_are_the_entities_of_the_town():
    assert len(codes()) == SIZE
