"""The records behind a value: all of them, those cited, and those another reason has told already."""

from dataclasses import replace
from datetime import date

import pyarrow as pa
import pytest

from features.evidence import CITED, SCHEMA, behind, counts, evidence, repeats
from features.indicators.catalogue import Definitions, load
from features.indicators.language import f, on, peer_rate, records, same
from features.profile import read_profile
from tests.world import SMALL, lake_of

AS_OF = date(2024, 6, 30)
EVENT, REGISTRATION = records("event"), records("entity")


@pytest.fixture(scope="module")
def profile():
    return read_profile(str(SMALL))


@pytest.fixture(scope="module")
def definitions(profile):
    model = load(profile).indicators[0]
    values = {
        "events": EVENT.count(),
        "grave": EVENT.where(f.severity >= 2).count(),
        "last_severity": EVENT.latest("severity"),
        "last_event": EVENT.months_since_last(),
        "done": EVENT.months_since_last("done"),
        "age": REGISTRATION.months_since_first("opened"),
        "registered": REGISTRATION.count(),
        "peers": peer_rate(EVENT.count(), by=("trade",)),
        "leader": same(records("role").in_effect(), "person"),
    }
    ones = tuple(replace(model, code=code, value=value) for code, value in values.items())
    return Definitions(ones, "d" * 64)


def wanted(*pairs):
    return pa.table({"entity": pa.array([0] * len(pairs), pa.int32()), "indicator": list(pairs)})


def test_all_records_are_behind_a_value_and_the_latest_are_cited(profile, definitions, tmp_path):
    days = [f"2024-0{month}-01" for month in range(1, 7)] + ["2023-12-01"]
    lake = lake_of(profile, {"entity": [on("2020-01-01")], "event": [on(day, severity=1) for day in days]}, tmp_path)
    found = behind(lake, definitions, as_of=AS_OF, wanted=wanted("events", "grave"))
    assert found["indicator"].to_pylist() == ["events"] * 7
    assert found["event_date"].to_pylist() == sorted(found["event_date"].to_pylist(), reverse=True)
    cited = evidence(lake, definitions, as_of=AS_OF, wanted=wanted("events", "grave"))
    assert cited.equals(found.slice(0, CITED))


def test_what_is_counted_is_an_event_and_what_is_read_off_describes(definitions):
    told = {one.code: counts(one) for one in definitions.indicators}
    assert {code for code, types in told.items() if types} == {"events", "grave", "last_event"}
    assert told["events"] == {"event"}


def cited(*rows):
    blank = dict.fromkeys(SCHEMA.names)
    named = [{"entity": entity, "indicator": code, "record_id": record} for entity, code, record in rows]
    return pa.Table.from_pylist([blank | one | {"record_type": "event"} for one in named], SCHEMA)


def order(*rows):
    columns = dict(zip(("entity", "indicator", "slot"), zip(*rows, strict=True), strict=True))
    return pa.table({**columns, "entity": pa.array(columns["entity"], pa.int32())})


def test_a_reason_that_counts_what_a_stronger_one_counts_is_a_repeat(definitions):
    found = cited((0, "events", "r1"), (0, "events", "r2"), (0, "grave", "r2"), (1, "grave", "r3"))
    again = repeats(definitions, found, order((0, "grave", 0), (0, "events", 1), (1, "grave", 0)))
    assert again.to_pylist() == [{"entity": 0, "indicator": "events"}]
    again = repeats(definitions, found, order((0, "grave", 4), (0, "events", 1), (1, "grave", 0)))
    assert again.to_pylist() == [{"entity": 0, "indicator": "grave"}]


def test_what_is_withheld_claims_no_record(definitions):
    found = cited((0, "grave", "r1"), (0, "events", "r1"), (0, "events", "r2"), (0, "done", "r2"))
    order_ = order((0, "grave", 0), (0, "events", 1), (0, "done", 2))
    assert repeats(definitions, found, order_).to_pylist() == [{"entity": 0, "indicator": "events"}]


def test_what_describes_repeats_nothing(definitions):
    found = cited((0, "events", "r1"), (0, "last_severity", "r1"), (1, "events", "r1"))
    assert repeats(definitions, found, order((0, "events", 0), (0, "last_severity", 1), (1, "events", 0))).num_rows == 0
    assert repeats(definitions, cited(), order((0, "events", 0))).num_rows == 0
