"""Supposed records: the class an entity would have, by the same definitions, for those who may ask and say why."""

import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from offices import desk_of, rows
from town import NOW, Settled, Town, opened, settle
from world import lake_schema

from features.indicators.catalogue import load
from features.profile import read_profile
from features.records.schema import record_types
from serving import ledger
from serving.access import RIGHTS, Grant, Principal
from serving.http import ProblemError
from serving.results import publisher_key
from serving.scoring import stated, supposed
from serving.scoring.contract import MOST_RECORDS, MOST_SUPPOSED
from serving.scoring.routes import application

EVENT = {"type": "event", "fields": {"item": "I2", "number": "n1", "happened": "2025-12-20", "severity": 4}}
EXPECTED = yaml.safe_load((Path(__file__).parent / "rights_expected.yaml").read_text(encoding="utf-8"))
PURPOSE = "what a late finding would mean"


@pytest.fixture(scope="module")
def place(town, tmp_path_factory):
    """A town with a lake of the product's own and a month published. Read only."""
    folder = tmp_path_factory.mktemp("supposed") / "town"
    shutil.copytree(town.folder, folder)
    own = Town.at(folder)
    publisher_key(own.home)
    ledger.salt_secret(own.home / "keys")
    found = settle(own)
    found.classify("2025-12")
    return found


@pytest.fixture(scope="module")
def desk(place):
    return desk_of(place)


def principal(role="analyst", rights=("internal", "probability")):
    return Principal("k", Grant(role, "", NOW.date(), rights=frozenset(rights)))


@pytest.fixture(scope="module")
def ask(desk, call):
    def asked(*subjects, by=None, purpose=PURPOSE, of=desk, explain="contributions"):
        app, states = application(lambda: of), []

        async def admitted(scope, receive, send):
            scope["state"] = {"principal": by or principal(), "purpose": purpose}
            states.append(scope["state"])
            await app(scope, receive, send)

        body = json.dumps({"subjects": subjects, "explain": explain}).encode()
        headers = [("content-type", "application/json")]
        answer = call(admitted, "POST", "/v1/scores", headers=headers, chunks=[body])
        answer.told = states[0].get("told")
        return answer

    return asked


def subject(entity, *records):
    return {"entity": entity, "records": list(records)}


def calm(desk):
    """Someone of the lowest class, with no sealed reason to be in a higher one."""
    return next(row for row in rows(desk.newest) if row["class"] == "A" and row["ruled"] == "A")


def listed(place, desk):
    """Someone on the list, and the day of it."""
    listings = place.lake.stored("listing").frame().collect().to_dicts()
    found = (desk.newest.find(f"T{row['entity']:05d}") | {"in_date": row["in_date"]} for row in listings)
    return next(row for row in found if row["class"] == "D" and row["ruled"] == "D")


def test_a_grave_event_added_makes_the_class_riskier_and_the_answer_says_what_it_is(desk, ask):
    row = calm(desk)
    answer = ask(subject(row["code"], EVENT))
    assert answer.status == 200
    (found,) = answer.json["results"]
    assert found["hypothetical"] is True
    assert (found["class_without"], found["class"], found["rules"]) == ("A", found["class"], ["H2"])
    assert found["class"] in "CD"
    assert found["official"]["class"] == "A"
    added = sum(map(float, found["contributions"].values())) + float(found["base"])
    assert added == pytest.approx(float(found["margin"]), abs=1e-9)
    assert desk.newest.find(row["code"])["class"] == "A"


def test_a_supposed_record_is_cited_as_such_by_its_place_in_the_request(desk, ask):
    (found,) = ask({"entity": "T00001"}, subject(calm(desk)["code"], EVENT)).json["results"][1:]
    cited = [one for reason in found["reasons"] for one in reason.get("evidence", ())]
    (told, *_) = [one for one in cited if one.get("supposed")]
    assert told == {
        "record": "/subjects/1/records/0",
        "record_type": "event",
        "number": None,
        "date": "2025-12-20",
        "known_since": None,
        "source": None,
        "supposed": True,
    }
    assert all("supposed" not in one for one in cited if not one["record"].startswith("/"))


def test_a_listing_ended_takes_away_the_class_its_rule_demanded(place, desk, ask):
    row = listed(place, desk)
    ended = {"in_date": row["in_date"].isoformat(), "out_date": "2025-12-30"}
    (found,) = ask(subject(row["code"], {"type": "listing", "fields": ended})).json["results"]
    assert found["class_without"] == "D"
    assert found["class"] < "D"
    assert "H1" not in found["rules"]


def test_subjects_with_and_without_records_are_answered_in_their_order(desk, ask):
    row = calm(desk)
    answer = ask(
        {"entity": row["code"]}, subject("nobody", EVENT), subject("T00007", EVENT), subject(row["code"], EVENT)
    )
    plain, nobody, closed, changed = answer.json["results"]
    assert "hypothetical" not in plain
    assert nobody == {"status": "not_found"}
    assert closed == {"entity": "T00007", "status": "not_classified", "reason": "closed"}
    assert changed["hypothetical"]
    assert answer.told.hypothetical
    assert answer.told.entities == (row["code"], "T00007", row["code"])
    assert not ask({"entity": row["code"]}).told.hypothetical


@pytest.mark.parametrize(
    ("record", "pointer", "code"),
    [
        ({"type": "gossip", "fields": {"x": 1}}, "/type", "record_type_unknown"),
        ({"type": "entity", "fields": {"kind": "shop"}}, "/type", "record_type_not_supposed"),
        ({"type": "request", "fields": {"cell": 1}}, "/type", "record_type_not_supposed"),
        ({"type": "event", "fields": {"secret_name": "secret"}}, "/fields", "field_unknown"),
        ({"type": "event", "fields": {"known_at": "2020-01-01"}}, "/fields/known_at", "control_column"),
        ({"type": "event", "fields": {"visibility": "publishable"}}, "/fields/visibility", "control_column"),
        ({"type": "listing", "fields": {"item": "I2"}}, "/fields/item", "control_column"),
        ({"type": "event", "fields": {"number": {"secret": 1}}}, "/fields/number", "json_nested"),
        ({"type": "event", "fields": {"number": ["secret", 1]}}, "/fields/number", "json_nested"),
        ({"type": "event", "fields": {"number": "secret"}}, "/fields/happened", "required_missing"),
        ({**EVENT, "fields": {**EVENT["fields"], "item": "I1"}}, "/fields/item", "item_foreign"),
        ({**EVENT, "fields": {**EVENT["fields"], "severity": 5}}, "/fields/severity", "number_range"),
        ({**EVENT, "fields": {**EVENT["fields"], "trade": "secret"}}, "/fields/trade", "code_unknown"),
        ({**EVENT, "fields": {**EVENT["fields"], "findings": ["secret"]}}, "/fields/findings", "code_unknown"),
        ({**EVENT, "fields": {**EVENT["fields"], "happened": "2026-01-01"}}, "/fields/happened", "date_future"),
        ({**EVENT, "fields": {**EVENT["fields"], "happened": "31.12.2025"}}, "/fields/happened", "date_format"),
        ({**EVENT, "fields": {**EVENT["fields"], "verified": "secret"}}, "/fields/verified", "flag_value"),
        ({**EVENT, "fields": {**EVENT["fields"], "fine": 1e20}}, "/fields/fine", "number_scientific"),
        (
            {"type": "listing", "fields": {"in_date": "2025-12-05", "out_date": "2025-12-04"}},
            "/fields/out_date",
            "state_order",
        ),
    ],
)
def test_what_an_intake_would_not_take_is_refused_where_it_stands_and_never_repeated(desk, ask, record, pointer, code):
    answer = ask({"entity": "T00001"}, subject(calm(desk)["code"], EVENT, record))
    assert answer.status == 422
    assert {"pointer": f"/subjects/1/records/1{pointer}", "code": code} in answer.json["errors"]
    assert b"secret" not in answer.body
    assert answer.told is None


def test_the_faults_of_all_records_are_told_together(desk, ask):
    late = {**EVENT, "fields": {**EVENT["fields"], "happened": "2026-01-01"}}
    grave = {**EVENT, "fields": {**EVENT["fields"], "severity": 5}}
    answer = ask(subject(calm(desk)["code"], late, grave))
    assert [one["pointer"] for one in answer.json["errors"]] == [
        "/subjects/0/records/0/fields/happened",
        "/subjects/0/records/1/fields/severity",
    ]


@pytest.mark.parametrize(
    "subjects",
    [
        [subject("T00001")],
        [subject("T00001", *[EVENT] * (MOST_RECORDS + 1))],
        [subject("T00001", EVENT)] * (MOST_SUPPOSED + 1),
        [subject("T00001", {**EVENT, "known_at": "2025-12-01"})],
        [subject("T00001", {"type": "event", "fields": {}})],
        [subject("T00001", {"type": "../event", "fields": {"number": "1"}})],
    ],
)
def test_no_more_than_the_contract_allows_is_supposed(ask, subjects):
    answer = ask(*subjects)
    assert answer.status == 422
    assert answer.json["errors"][0]["pointer"].startswith("/subjects")


@pytest.mark.parametrize("role", sorted(RIGHTS.roles))
def test_only_provincial_analysts_suppose_records(desk, ask, role):
    answer = ask(subject(calm(desk)["code"], EVENT), by=principal(role))
    assert answer.status == (200 if role in {"province_admin", "analyst"} else 403)


@pytest.mark.parametrize("stated", [None, "", "  ", "a\nb", "x" * 201])
def test_without_a_purpose_nothing_is_supposed(desk, ask, stated):
    answer = ask(subject(calm(desk)["code"], EVENT), purpose=stated)
    assert answer.status == 403
    assert answer.json["errors"] == [{"pointer": "/headers/X-Purpose", "code": "missing"}]
    assert ask({"entity": calm(desk)["code"]}, purpose=stated).status == 200


def test_of_what_rests_on_an_internal_supposed_record_it_is_known_that_it_does(desk):
    row, internal = calm(desk), {**EVENT, "fields": {**EVENT["fields"], "item": "I3"}}
    at = supposed.room(desk.home, desk.profile, desk.champion, desk.newest)
    sealed = desk.newest.vector(row)
    seen = supposed.Asked("/subjects/0", row, sealed, [internal], internal=True)
    assert "worst_24m" in supposed.suppose(at, seen).internal
    assert not supposed.suppose(at, replace(seen, records=[EVENT])).internal


def test_without_the_right_to_internal_records_none_is_supposed(desk, ask):
    row, internal = calm(desk), {**EVENT, "fields": {**EVENT["fields"], "number": "n2", "item": "I3"}}
    (told,) = ask(subject(row["code"], internal)).json["results"]
    assert "worst_24m" in told["contributions"]
    late = {**EVENT, "fields": {**EVENT["fields"], "happened": "2026-01-01"}}
    refused = ask(subject(row["code"], EVENT, late, internal), by=principal(rights=("probability",)))
    assert refused.status == 403
    wrong = {"pointer": "/subjects/0/records/2/fields/item", "code": "right_internal_missing"}
    assert refused.json["errors"] == [wrong]
    assert refused.told is None
    assert ask(subject(row["code"], EVENT), by=principal(rights=())).status == 200


@pytest.fixture(scope="module")
def jiangxi():
    """The record types and indicators of the place the product is for."""
    profile = read_profile("jiangxi")
    return record_types(profile), load(profile).indicators


SUPPOSED = {
    "publishable record": ("annual_report", {"year": "2024", "filed_at": "2026-03-20", "late_days": "263"}, None),
    "internal record type": ("complaint", {"complaint_no": "1"}, "type"),
    "internal item": ("penalty", {"item": "G402"}, "fields/item"),
    "type that internal indicators alone read": ("entity_address", {"address_type": "1"}, "type"),
    "field that internal indicators alone read": ("annual_report", {"year": "2024", "revenue": "1"}, "fields/revenue"),
}


@pytest.mark.parametrize("case", SUPPOSED)
def test_what_is_supposed_with_which_right_is_as_the_table_says(jiangxi, desk, case):
    types, indicators = jiangxi
    name, texts, pointer = SUPPOSED[case]
    told = [stated.Stated("/records/0", types[name], texts)]
    wrong = [{"pointer": f"/records/0/{pointer}", "code": "right_internal_missing"}]
    assert EXPECTED["supposed"][case].split() == ["Y", "Y" if pointer is None else "-"]
    if pointer in {None, "fields/item"}:  # of which item a record is shows when it is read: see the test above
        supposed.check_open(told, indicators)
        return
    with pytest.raises(ProblemError) as refused:
        supposed.check_open(told, indicators)
    assert (refused.value.status, refused.value.errors) == (403, wrong)


def test_the_table_names_every_case():
    assert list(EXPECTED["supposed"]) == list(SUPPOSED)


def test_without_the_right_a_supposed_record_does_not_show_that_an_internal_one_has_its_key(place):
    types = record_types(place.profile)
    told = stated.Stated(
        "/subjects/0/records/0", types["event"], {"number": "n1", "happened": "2025-12-20", "item": "I2"}
    )
    nothing = pl.DataFrame(lake_schema(types["event"]).empty_table())
    day = date(2025, 12, 31)
    blind, seeing = (stated.Reader(place.profile, day, 1, "T00001", internal) for internal in (False, True))
    standing = blind.added(nothing, told)
    hidden = standing.with_columns(visibility=pl.lit("internal"), record_id=pl.lit("r"))
    assert blind.added(standing, told).height == 1
    assert seeing.added(hidden, told).height == 1
    assert blind.added(hidden, told).height == 2


def test_records_that_no_longer_give_what_was_sealed_stop_the_answer(desk):
    row = calm(desk)
    at = supposed.room(desk.home, desk.profile, desk.champion, desk.newest)
    sealed = desk.newest.vector(row)
    for other in ({**sealed, "worst_24m": 3.0}, {**sealed, "worst_24m": None}):
        with pytest.raises(ProblemError) as refused:
            supposed.suppose(at, supposed.Asked("/subjects/4", row, other, [EVENT]))
        assert (refused.value.kind, refused.value.status) == ("state-conflict", 409)
        assert refused.value.errors == [{"pointer": "/subjects/4", "code": "sealed_value_differs"}]


def test_values_that_look_at_others_and_all_the_rest_are_as_sealed(desk):
    row = calm(desk)
    at = supposed.room(desk.home, desk.profile, desk.champion, desk.newest)
    sealed = desk.newest.vector(row)
    found = supposed.suppose(at, supposed.Asked("/subjects/0", row, sealed, [EVENT]))
    after = found.vector(sealed)
    changed = {code for code in sealed if after[code] != sealed[code] and not _both_unknown(after[code], sealed[code])}
    assert "worst_24m" in changed
    assert changed <= set(found.values)
    assert "bad_peers" not in found.values
    assert after.keys() == sealed.keys()


def _both_unknown(one, other):
    return other is None and np.isnan(one)


def test_where_the_records_lie_elsewhere_that_is_said(place, ask, tmp_path):
    answer = ask(subject("T00001", EVENT), of=desk_of(place, home=tmp_path))
    assert answer.status == 503
    assert answer.json["type"].endswith(":records-away")


def test_a_sector_reads_the_records_of_its_place(place, tmp_path):
    shutil.copytree(place.folder, tmp_path / "town")
    own = Settled(tmp_path / "town")
    sector = opened(own)
    (own.folder / sector.profile.place).symlink_to(own.home)
    sector.classify("2025-12")
    desk = desk_of(sector)
    row = next(row for row in rows(desk.newest) if row["status"] == "classified")
    asked = ("/subjects/0", row, [EVENT])
    assert desk.suppose(desk.newest, asked, principal(), explained=True)["hypothetical"]
