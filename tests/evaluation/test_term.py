"""When a champion may change: a quarter at least, a month in the shadow, and at once when the champion fails itself."""

from datetime import UTC, date, datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
import yaml

from evaluation import promotion, term
from evaluation.errors import GateError
from evaluation.promotion import Office, Signer
from evaluation.term import Term
from features.asof import Month
from features.profile import read_profile
from features.records.journal import Journal
from features.signing import create_key, verify_key
from tests.world import SMALL

ZONE = ZoneInfo("Asia/Shanghai")
REIGNING, RISING = "a" * 64, "b" * 64
SINCE = datetime(2026, 1, 31, 17, 0, tzinfo=UTC)  # already the first of February in the zone
QUARTER = Term(months_between=3, months_in_shadow=1)


@pytest.fixture
def office(tmp_path):
    for name in ("ann", "bob", "training"):
        create_key(tmp_path / "keys", name)
    return Office(
        tmp_path, Journal(tmp_path / "journal.jsonl"), tmp_path / "keys", verify_key(tmp_path / "keys", "training")
    )


@pytest.fixture
def reigned(office):
    """An office with a champion since 1 February 2026."""
    promotion.signed(office, promotion.APPROVED, {"scheme": REIGNING, "proposal": "x"}, Signer("bob", SINCE))
    return office


def rising(known_by="2026-02-28"):
    """A challenger whose records were known by a day."""
    return SimpleNamespace(digest=RISING, training={"known_by": known_by})


def stood(office, month="2026-04", scheme=RISING, beside=REIGNING):
    found = {"scheme": scheme, "champion": beside, "month": month}
    return term.shadow(office, found, signer=Signer("ann", SINCE))


def check(office, on, **given):
    term.check(office, given.pop("term", QUARTER), given.pop("scheme", rising()), on=on, zone=ZONE, **given)


def test_a_first_champion_waits_for_nobody(office):
    check(office, date(2026, 2, 1))


def test_the_champion_itself_may_be_approved_again(reigned):
    check(reigned, date(2026, 2, 2), scheme=SimpleNamespace(digest=REIGNING, training={}))


def test_a_quarter_must_pass_by_the_place_s_own_calendar(reigned):
    stood(reigned)
    with pytest.raises(GateError, match=r"that since 2026-02-01; expected at least 3 months, until 2026-05-01"):
        check(reigned, date(2026, 4, 30))
    check(reigned, date(2026, 5, 1))


def test_a_champion_that_fails_a_check_may_go_at_once_but_not_unseen(reigned):
    with pytest.raises(GateError, match="in 0 months \\(none\\); expected 1"):
        check(reigned, date(2026, 2, 10), failing=("EV030",))
    stood(reigned)
    check(reigned, date(2026, 2, 10), failing=("EV030",))


def test_only_months_beside_this_champion_by_this_scheme_count_and_each_once(reigned):
    later = date(2026, 6, 1)
    two = Term(0, 2)
    stood(reigned, scheme="c" * 64)
    stood(reigned, beside="d" * 64)
    stood(reigned)
    stood(reigned)
    with pytest.raises(GateError, match="in 1 months \\(2026-04\\); expected 2"):
        check(reigned, later, term=two)
    stood(reigned, month="2026-05")
    check(reigned, later, term=two)


def test_a_month_the_challenger_may_have_learned_from_is_no_month_in_the_shadow(reigned):
    stood(reigned)
    later = date(2026, 6, 1)
    check(reigned, later, scheme=rising("2026-04-29"))
    for known_by in ("2026-04-30", "2026-05-31"):
        words = (
            rf"in 0 months \(none\); expected 1 that end after {known_by}, the day its records were known by "
            r"\(2026-04 does not count: it may have learned from it\)\. Nothing was recorded; publish a month after"
        )
        with pytest.raises(GateError, match=words):
            check(reigned, later, scheme=rising(known_by))
    stood(reigned, month="2026-05")
    check(reigned, later, scheme=rising("2026-04-30"))
    with pytest.raises(GateError, match=r"in 1 months \(2026-05\); expected 2 .*2026-04 does not count"):
        check(reigned, later, scheme=rising("2026-04-30"), term=Term(0, 2))


def test_an_unsigned_entry_is_no_month_in_the_shadow(reigned):
    details = {"scheme": RISING, "champion": REIGNING, "month": "2026-04", "by": "ann"}
    reigned.journal.append(term.SHADOWED, details, at=SINCE, actor="ann")
    with pytest.raises(GateError, match="in 0 months"):
        check(reigned, date(2026, 6, 1))


def test_where_a_place_asks_for_nothing_nothing_is_asked(reigned, tmp_path):
    check(reigned, date(2026, 2, 2), term=Term.read(read_profile(str(SMALL)), date(2026, 2, 2), simulated=False))


def test_the_numbers_are_dated_and_others_for_a_simulated_province(tmp_path):
    (tmp_path / "profile.yaml").write_text((SMALL / "profile.yaml").read_text())
    row = {"months_between_champions": 3, "months_in_shadow": 1}
    rows = [
        {"since": date(2020, 1, 1), "until": date(2024, 12, 31), "basis": "b", **row},
        {"since": date(2025, 1, 1), "until": None, "basis": "b", "months_between_champions": 6, "months_in_shadow": 2,
         "simulated": {"months_between_champions": 0, "months_in_shadow": 0}},
    ]  # fmt: skip
    (tmp_path / "promotion.yaml").write_text(yaml.safe_dump(rows))
    profile = read_profile(str(tmp_path))
    assert Term.read(profile, date(2024, 6, 1), simulated=False) == Term(3, 1)
    assert Term.read(profile, date(2024, 6, 1), simulated=True) == Term(3, 1)
    assert Term.read(profile, date(2025, 6, 1), simulated=False) == Term(6, 2)
    assert Term.read(profile, date(2025, 6, 1), simulated=True) == Term(0, 0)


def test_who_would_move_is_counted_among_all_and_among_those_of_whom_nothing_new_is_known():
    stands = pa.table({"entity": pa.array([7, 3, 5, 9], pa.int32()), "class": ["D", "A", "B", "C"]})
    sealed = term.Sealed(Month(2026, 4), stands, REIGNING, None)
    found = SimpleNamespace(
        entity=np.array([3, 5, 7, 8], np.int32),
        final_class=np.array([1, 1, 3, 0], np.int8),
        moved=np.array([True, False, False, False]),
    )
    nobody = [0, 0, 0, 0]
    assert term.compared(rising(), sealed, found) == {
        "scheme": RISING,
        "champion": REIGNING,
        "month": "2026-04",
        "known_by": "2026-02-28",
        "unseen": True,
        "migration": {
            "moves": [[0, 1, 0, 0], [0, 1, 0, 0], nobody, [0, 0, 0, 1]],
            "entities": 3,
            "unchanged": 0.666667,
            "two_class_jumps": 0,
            "entered": 1,
            "left": 1,
        },
        "calm": {
            "moves": [nobody, [0, 1, 0, 0], nobody, [0, 0, 0, 1]],
            "entities": 2,
            "unchanged": 1.0,
            "two_class_jumps": 0,
            "entered": 1,
            "left": 2,
        },
    }
    none = term.compared(rising("2026-04-30"), sealed, empty(found))
    assert (none["unseen"], none["migration"]["unchanged"], none["calm"]["unchanged"]) == (False, None, None)


def empty(found):
    return SimpleNamespace(**{name: values[:0] for name, values in vars(found).items()})


def test_a_month_made_by_the_scheme_itself_is_no_shadow():
    sealed = term.Sealed(None, None, RISING, None)
    with pytest.raises(GateError, match="was made by scheme bbbbbbbbbbbb itself"):
        term.beside(None, SimpleNamespace(digest=RISING), sealed)
