"""The one document of an entity: it adds up, it cites, and without the right it says nothing internal."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from serving import explanation
from serving.results import Results, publisher_key
from serving.visibility import internal_values

LINE = explanation.INTERNAL["zh"]


@pytest.fixture(scope="module")
def month(classified):
    return Results(classified.home, publisher_key(classified.home)).month("2025-12")


@pytest.fixture(scope="module")
def documents(classified, month):
    """The documents of everyone, by code."""
    return {
        light["code"]: explanation.document(month, light, classified.scheme)
        for light in month.rows.to_pylist()
        if light["entity"] % 2 == 0 or light["status"] != "classified"
    }


def open_to_all(document, month):
    return explanation.visible(document, month.words, internal=False, probability=False)


def test_base_and_contributions_are_the_margin_with_one_line_of_exposure(classified, documents):
    for document in documents.values():
        if document["status"] == "classified":
            total = document["base"] + sum(document["contributions"].values())
            assert total == pytest.approx(document["margin"], abs=1e-9)
            assert set(document["contributions"]) == {*classified.scheme.features, "exposure"}
    exposure = {(one["kind"], one["contributions"].get("exposure")) for one in documents.values() if one["class"]}
    assert len(exposure) == 2


def test_every_reason_rests_on_records_on_their_absence_or_on_a_rule(documents):
    for document in documents.values():
        for reason in document["reasons"]:
            assert {"records", "absent", "rule"} & set(reason)
            assert reason["text"]
            assert reason["text_en"]
            for record, cited in zip(reason.get("records", ()), reason.get("evidence", ()), strict=True):
                assert cited["record"] == record
                assert cited["date"] <= "2025-12-31"
                assert cited["known_since"] <= "2025-12-31"


def test_who_is_not_classified_has_a_reason_code_and_no_explanation(documents):
    gone = documents["T00007"]
    assert (gone["status"], gone["class"], gone["contributions"], gone["reasons"]) == ("closed", None, {}, [])
    assert gone["notice"] == "内部参考，不作为信用评价"


def test_measures_are_those_of_the_class_and_a_a_has_its_four_triggers(documents):
    for document in documents.values():
        if document["class"]:
            assert document["measures"]["regime"]["label"] == f"{document['class']}类监管"
    calm = next(one for one in documents.values() if one["class"] == "A")
    assert len(calm["measures"]["triggers"]) == 4


def test_without_the_right_nothing_of_an_internal_record_is_left(classified, month, documents):
    as_of = classified.run("2025-12").sources.as_of
    marks = internal_values(classified.lake, classified.definitions, as_of=as_of)
    marked = {classified.lake.entities[entity] for entity in marks["entity"].to_pylist()}
    events = pq.read_table(classified.lake.folder / "event.parquet").to_pylist()
    internal = [row["record_id"] for row in events if row["visibility"] == "internal"]
    cited = json.dumps(list(documents.values()))
    assert any(record in cited for record in internal)
    for code, document in documents.items():
        shown = open_to_all(document, month)
        text = json.dumps(shown, ensure_ascii=False)
        assert not any(record in text for record in internal)
        withheld = {one["code"] for one in document["reasons"] if one["visibility"] != "publishable"}
        assert not withheld & {one["code"] for one in shown["reasons"]}
        assert not set(document.get("internal_values", ())) & set(shown["contributions"])
        assert "internal_values" not in shown
        assert "visibility" not in text
        assert "H2" not in {rule["code"] for rule in shown["rules"]}
        if document["class"]:
            assert shown["contributions"][LINE] == 0.0 or code in marked


def test_what_is_left_still_adds_up(month, documents):
    for document in documents.values():
        if document["class"]:
            shown = explanation.visible(document, month.words, internal=False, probability=True)
            total = shown["base"] + sum(shown["contributions"].values())
            assert total == pytest.approx(document["margin"], abs=1e-9)


def test_a_shown_reason_counts_only_what_may_be_seen_of_its_section(month, documents):
    for document in documents.values():
        shown = explanation.visible(document, month.words, internal=False, probability=True)
        for one in shown["reasons"]:
            if one["indicator"]:
                section = month.words["indicators"][one["indicator"]]["section"]
                adds = sum(
                    value
                    for code, value in shown["contributions"].items()
                    if month.words["indicators"].get(code, {}).get("section") == section
                )
                assert one["contribution"] == pytest.approx(adds)


@pytest.mark.parametrize("probability", [True, False])
def test_probability_margin_and_base_need_their_right(month, documents, probability):
    shown = explanation.visible(documents["T00010"], month.words, internal=True, probability=probability)
    told = {"probability", "margin", "base", "confidence", "certainty"}
    assert told & set(shown) == (told if probability else set())
    assert LINE not in shown["contributions"]
    assert shown["contributions_in"] == ("margin" if probability else "share")


def test_how_sure_a_class_is_stands_in_a_word_and_in_numbers(classified, documents):
    line, seen = classified.scheme.certainty.agreement["A"], set()
    for document in documents.values():
        if document["status"] != "classified":
            assert (document["confidence"], document["certainty"]) == (None, None)
            continue
        seen.add(document["confidence"])
        spreads, agree = document["certainty"]["spreads"], document["certainty"]["agreement"]
        if spreads is None:
            assert (document["class"], document["confidence"], agree) == ("D", "high", 1.0)
            continue
        assert agree == pytest.approx(float(line.at(np.array([spreads]))[0]))
        if document["confidence"] == "high":
            assert agree >= 0.9
    assert seen == {"high", "medium", "low", "insufficient"}


def test_a_scheme_without_bags_has_no_numbers(classified, month):
    plain = replace(classified.scheme, certainty=None)
    assert explanation.document(month, month.find("T00010"), plain)["certainty"] is None


def test_with_the_right_internal_reasons_are_there(month, documents):
    shown = explanation.visible(documents["T00006"], month.words, internal=True, probability=True)
    assert "rule-H2" in {one["code"] for one in shown["reasons"]}
    assert [rule["code"] for rule in shown["rules"]] == ["H2"]


def test_gaps_say_why_and_only_name_what_the_model_reads(classified, documents):
    for document in documents.values():
        for gap in document["data_gaps"]:
            assert gap["why"] in {"before_coverage", "not_delivered", "no_record"}
            assert set(gap["indicators"]) <= set(classified.scheme.features)
    whys = {(gap["section"], gap["why"]) for one in documents.values() for gap in one["data_gaps"]}
    assert ("B1", "no_record") in whys


def test_an_internal_indicator_is_hidden_from_gaps_too(month, documents):
    document = next(one for one in documents.values() if one["data_gaps"])
    code = document["data_gaps"][0]["indicators"][0]
    indicators = {**month.words["indicators"], code: {**month.words["indicators"][code], "visibility": "internal"}}
    shown = explanation.visible(document, {**month.words, "indicators": indicators}, internal=False, probability=False)
    assert code not in {one for gap in shown["data_gaps"] for one in gap["indicators"]}


def test_the_latest_delivery_of_each_source_is_stated(documents):
    (latest,) = documents["T00010"]["latest_delivery"]
    assert (latest["source"], latest["label"], latest["label_en"], latest["delivery"]) == ("test",) * 4
    assert "2025-12-01" < latest["known_at"] <= "2025-12-31"


def test_dimensions_sum_what_their_indicators_add(month, documents):
    document = documents["T00010"]
    sums = explanation.dimensions(document, month.words)
    assert set(sums) == {"basic", "supervision", "association", "exposure"}
    assert sum(sums.values()) == pytest.approx(sum(document["contributions"].values()))
