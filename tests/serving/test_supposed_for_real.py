"""A supposed record gives what the same record gives when it is delivered: every own value to the bit, no other."""

from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace

import numpy as np
import pytest
from world import SMALL

from features.indicators.catalogue import load
from features.profile import read_profile
from features.records.generation import CURRENT, read_generation
from serving.scoring.supposed import Asked, Place, Room, suppose
from tests.acts_world import batch_of, place_at
from tests.features.records.small_place import Home, in_runs
from training.counterfactual import read_alone

AS_OF = date(2024, 6, 30)
FIRST, LATER = datetime(2024, 5, 5, tzinfo=UTC), datetime(2024, 6, 30, 15, tzinfo=UTC)
WHO = "it"
REGISTERED = {"kind": "shop", "status": "open", "opened": "2015-03-01", "street": "main", "trade": "food"}
EVENT = {
    "item": "I2", "number": "1", "happened": "2024-02-03", "trade": "food", "findings": "dirt|papers", "severity": "2",
    "fine": "1200.50", "due": "2024-04-01", "year": "2023", "verified": "1",
}  # fmt: skip
OTHER = {"item": "I3", "number": "2", "happened": "2023-11-30", "severity": "1", "done": "2024-01-01"}
LISTING = {"in_date": "2024-03-01", "reason": "dirt"}
ROLE = {"person": "p", "from_date": "2020-01-01"}
STANDING = {
    "entity": [{"code": code, **REGISTERED} for code in (WHO, "b", "c")],
    "event": [{"code": WHO, **EVENT}, {"code": "b", **EVENT, "number": "3"}, {"code": WHO, **OTHER}],
    "listing": [{"code": WHO, **LISTING}, {"code": "c", **LISTING}],
    "role": [{"code": WHO, **ROLE}, {"code": "c", **ROLE}],
}


@pytest.fixture(scope="module")
def profile():
    return read_profile(str(SMALL))


def home_of(folder, profile, *deliveries):
    """A home that has taken deliveries in, each at its moment."""
    home = Home(folder, profile)
    for number, (moment, rows) in enumerate(deliveries):
        files = {f"{name}.csv": (name, found) for name, found in rows.items()}
        (receipt,) = home.take(home.deliver(f"d{number}", files, backload=None), at=moment)
        assert receipt.accepted == sum(map(len, rows.values())), receipt
    return home


def vectors(home, definitions):
    codes = home.lake.codes()
    batch = matrix_of(home.lake, range(len(codes)), definitions)
    return {code: dict(zip(batch.columns, row, strict=True)) for code, row in zip(codes, batch.values, strict=True)}


def matrix_of(lake, entities, definitions):
    """The matrix rows of some entities at T."""
    lake.entities = list(entities)
    return batch_of(lake, AS_OF, definitions)


def room_of(home, definitions):
    scheme = SimpleNamespace(system=None, definitions=definitions.digest, digest="d" * 64)
    generation = read_generation(home.lake.folder / CURRENT).number
    return Room(Place(home.lake.home, generation, AS_OF, scheme.digest, scheme, home.profile))


def record(name, **fields):
    return {"type": name, "fields": fields}


CASES = {
    "an event more": ([record("event", **{**EVENT, "number": "9", "severity": 4, "fine": 0.1, "year": 2022})], None),
    "a visit of another item": ([record("event", item="I3", number="9", happened="2024-06-30")], None),
    "a listing more": ([record("listing", in_date="2024-06-30", reason="weights")], None),
    "a state that ends": (
        [record("listing", in_date="2024-03-01", out_date="2024-06-15")],
        {"listing": [{**LISTING, "out_date": "2024-06-15"}]},
    ),
    "an event told anew": (
        [record("event", number="1", done="2024-06-01", fine=0, severity=None, findings=["weights", "dirt"])],
        {"event": [{**EVENT, "done": "2024-06-01", "fine": "0", "severity": "", "findings": "dirt|weights"}]},
    ),
    "an event on another day": (
        [record("event", number="2", happened="2024-06-01")],
        {"event": [{**OTHER, "happened": "2024-06-01"}]},
    ),
    "several records of several types": (
        [
            record("event", number="2", item="I3", verified=True, severity=3),
            record("listing", in_date="2024-03-01", out_date="2024-03-02"),
            record("role", person="q", from_date="2024-01-01"),
        ],
        {
            "event": [{**OTHER, "verified": "1", "severity": "3"}],
            "listing": [{**LISTING, "out_date": "2024-03-02"}],
            "role": [{"person": "q", "from_date": "2024-01-01"}],
        },
    ),
    "a supposed record told anew": (
        [record("event", item="I2", number="9", happened="2024-06-01"), record("event", number="9", severity=4)],
        {"event": [{"item": "I2", "number": "9", "happened": "2024-06-01", "severity": "4"}]},
    ),
}


def delivered(records, stated):
    """What a source would deliver of it: whole rows."""
    rows = stated or {one["type"]: [one["fields"]] for one in records}
    return {name: [{"code": WHO, **one} for one in found] for name, found in rows.items()}


@pytest.fixture(scope="module")
def before(tmp_path_factory, profile):
    return home_of(tmp_path_factory.mktemp("before"), profile, (FIRST, STANDING))


def same(one, other):
    return np.array([one], np.float64).view(np.int64)[0] == np.array([other], np.float64).view(np.int64)[0] or (
        np.isnan(one) and np.isnan(other)
    )


def kept(vector):
    """A vector as a month keeps it: null where it is not known."""
    return {code: None if np.isnan(value) else value for code, value in vector.items()}


def asked(home, vector, records):
    key = home.lake.codes().index(WHO)
    return Asked("/subjects/0", {"entity": key, "code": WHO, "kind": "shop"}, kept(vector), records, internal=True)


@pytest.mark.parametrize("case", CASES)
def test_a_supposed_record_gives_what_the_record_delivered_gives(before, profile, tmp_path, case):
    records, stated = CASES[case]
    definitions = load(profile)
    alone = {one.code for one in read_alone(definitions)}
    sealed = vectors(before, definitions)[WHO]
    after = home_of(tmp_path, profile, (FIRST, STANDING), (LATER, delivered(records, stated)))
    real = vectors(after, definitions)[WHO]
    found = suppose(room_of(before, definitions), asked(before, sealed, records)).vector(kept(sealed))
    told = {code: np.nan if value is None else value for code, value in found.items()}
    differ = {code: (told[code], real[code]) for code in alone if not same(told[code], real[code])}
    assert not differ
    assert any(not same(real[code], sealed[code]) for code in alone) == (case != "a listing more")  # listed already
    assert all(same(told[code], sealed[code]) for code in sealed if code not in alone)


def test_rows_that_later_files_replace_are_not_read(profile, tmp_path):
    definitions = load(profile)
    moved = {
        "event": [{"code": WHO, **EVENT, "severity": "3"}],
        "listing": [{"code": WHO, **LISTING, "reason": "weights"}],
    }
    with in_runs():
        home = home_of(tmp_path, profile, (FIRST, STANDING), (LATER, moved))
    assert home.lake.stored("event").replaced is not None
    sealed = vectors(home, definitions)[WHO]
    found = suppose(room_of(home, definitions), asked(home, sealed, [record("event", number="1", severity=4)]))
    assert found.values["worst_24m"] == 4
    assert sealed["worst_24m"] == 3


def test_what_became_known_after_the_month_is_not_there_to_be_told_anew(before, profile, tmp_path):
    definitions = load(profile)
    late = {"event": [{"code": WHO, **EVENT, "number": "9"}]}
    home = home_of(tmp_path, profile, (FIRST, STANDING), (datetime(2024, 7, 5, tzinfo=UTC), late))
    sealed = vectors(home, definitions)[WHO]
    assert all(same(one, sealed[code]) for code, one in vectors(before, definitions)[WHO].items())
    records = [record("event", item="I2", number="9", happened="2024-06-01", severity=4)]
    own = suppose(room_of(home, definitions), asked(home, sealed, records)).own
    assert own.records["event"].height == 3


def test_a_type_no_indicator_reads_changes_nothing(profile, tmp_path):
    place = place_at(tmp_path / "profiles", acts={})
    definitions = load(place)
    home = home_of(tmp_path, place, (FIRST, {"entity": STANDING["entity"]}))
    sealed = vectors(home, definitions)[WHO]
    filed = record("report", year=2023, filed="2024-06-01", due="2024-06-30", late=0, amount=12.5)
    found = suppose(room_of(home, definitions), asked(home, sealed, [filed]))
    assert dict(found.values) == {}
    (told,) = found.own.records["report"].to_dicts()
    assert (told["amount"], told["event_date"], told["record_id"]) == (1250, date(2024, 6, 1), "/subjects/0/records/0")
    assert replace(found, values={}).vector(kept(sealed)) == kept(sealed)
