"""Corrections, withdrawals, repairs and removals: what is visible when, whatever came in which order."""

import tempfile
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from small_place import NOW, Home, code, entity, in_runs, penalty

DAY = date(2024, 3, 5)


def on(month, day=1):
    return date(2024, month, day)


@pytest.fixture
def registered(home):
    home.take(home.deliver("register", {"entity.csv": ("entity", [entity(number) for number in range(4)])}))
    return home


def take(home, name, rows, record_type="penalty", **how):
    at = how.pop("at", NOW)
    (receipt,) = home.take(home.deliver(name, {f"{record_type}.csv": (record_type, rows)}, **how), at=at)
    return receipt


def act(action, day, **changes):
    return penalty(1, kinds="", fine="", decision_date="", entered_at=day, action=action, action_date=day) | changes


def fines(home, as_of):
    return [row["fine"] for row in home.seen("penalty", as_of)]


def test_a_record_is_seen_from_the_day_it_became_known(registered):
    take(registered, "a", [penalty(1, entered_at="2024-04-10 23:59:59")])
    assert fines(registered, on(4, 9)) == []
    assert fines(registered, on(4, 10)) == [120050]


def test_midnight_belongs_to_the_day_it_begins(registered):
    take(registered, "a", [penalty(1, entered_at="2024-04-11")])
    assert fines(registered, on(4, 10)) == []
    assert fines(registered, on(4, 11)) == [120050]


def test_a_correction_supersedes_from_the_day_it_became_known(registered):
    take(registered, "a", [penalty(1), penalty(1, action="correct", fine="7", entered_at="2024-05-02")])
    assert fines(registered, on(5, 1)) == [120050]
    assert fines(registered, on(5, 2)) == [700]
    assert [row["version"] for row in registered.seen("penalty", on(5, 2))] == [2]


def test_a_withdrawn_record_never_comes_back_though_its_source_sends_it_again(registered):
    take(registered, "a", [penalty(1)])
    take(registered, "b", [act("withdraw", "2024-06-01")])
    for month in range(7, 13):
        again = penalty(1, entered_at=f"2024-{month:02d}-01", fine=str(month))
        take(registered, f"again{month}", [again])
        take(registered, f"other{month}", [again], source="platform")
    assert fines(registered, on(5, 31)) == [120050]
    assert [fines(registered, on(month, 28)) for month in range(6, 13)] == [[]] * 7
    assert fines(registered, date(2026, 2, 1)) == []


def test_a_repaired_record_is_not_used_from_the_repair_on(registered):
    take(registered, "a", [penalty(1), act("repair", "2024-06-01")])
    assert fines(registered, on(5, 31)) == [120050]
    assert fines(registered, on(6, 1)) == []
    (version,) = [row for row in registered.lake.versions("penalty").to_pyarrow().to_pylist() if row["version"] == 2]
    assert (version["repair_date"], version["fine"], version["kinds"]) == (on(6), 120050, "|fine|warning|")


def test_a_repaired_record_stays_in_use_where_the_profile_says_so(tmp_path, registered):
    registered.lake.profile.settings["repair_effect"] = "keep"
    take(registered, "a", [penalty(1), act("repair", "2024-06-01")])
    assert fines(registered, on(6, 1)) == [120050]


def listing(**changes):
    return {"code": code(1), "reason": "1", "in_date": "2024-01-05", "entered_at": "2024-01-06"} | changes


def ends(home, as_of):
    return [(row["out_date"], row["removal_date"]) for row in home.seen("listing", as_of)]


def test_a_removal_ends_the_state(registered):
    removal = listing(action="remove", action_date="2024-05-05", entered_at="2024-05-07")
    take(registered, "a", [listing(), removal], "listing")
    assert ends(registered, on(5, 6)) == [(None, None)]
    assert ends(registered, on(5, 7)) == [(on(5, 5), on(5, 5))]


def test_a_removal_stays_when_the_listing_is_sent_again_and_a_later_statement_of_the_end_counts(registered):
    removal = listing(action="remove", action_date="2024-05-05", entered_at="2024-05-07")
    again = listing(action="correct", entered_at="2024-06-01", visibility="internal")
    ended = listing(action="correct", entered_at="2024-07-01", out_date="2024-05-04")
    take(registered, "a", [ended, again, removal, listing()], "listing")
    assert ends(registered, on(6, 1)) == [(on(5, 5), on(5, 5))]
    assert ends(registered, on(7, 1)) == [(on(5, 4), on(5, 5))]


def test_an_action_waits_for_its_fact(registered):
    receipt = take(registered, "a", [act("withdraw", "2024-03-20")])
    assert (receipt.accepted, fines(registered, on(12))) == (1, [])
    take(registered, "b", [penalty(1, entered_at="2024-06-01")])
    assert fines(registered, on(12)) == []
    take(registered, "c", [penalty(2, entered_at="2024-06-01")])
    assert len(fines(registered, on(12))) == 1


def test_one_fact_from_two_channels_is_one_record_with_two_provenances(registered):
    first = take(registered, "a", [penalty(1)])
    second = take(registered, "b", [penalty(1, item="G302", entered_at="2024-04-01")], source="platform")
    assert (first.accepted, second.accepted, second.duplicate) == (1, 0, 1)
    (seen,) = registered.seen("penalty", on(12))
    assert seen["source"] == "gsxt"
    every = registered.lake.rows("penalty", [seen["record_id"]]).to_pylist()
    assert [(row["source"], row["delivery"]) for row in every] == [("gsxt", "a"), ("platform", "b")]


def test_every_arrival_of_a_record_can_be_told(registered):
    take(registered, "a", [penalty(1)])
    take(registered, "b", [penalty(1), penalty(1)])
    take(registered, "b", [penalty(1)])
    take(registered, "c", [penalty(1, entered_at="2024-03-06")], at=NOW + timedelta(days=1))
    take(registered, "d", [penalty(1, item="G302")], source="platform")
    (seen,) = registered.seen("penalty", on(12))
    told = registered.lake.origins("penalty", [seen["record_id"]]).to_pylist()
    assert sorted((row["source"], row["delivery"]) for row in told) == [
        ("gsxt", "a"),
        ("gsxt", "b"),
        ("gsxt", "c"),
        ("platform", "d"),
    ]
    assert registered.lake.origins("penalty", []).num_rows == 0


def test_the_channel_that_knew_first_is_the_record_whichever_was_delivered_first(registered):
    take(registered, "a", [penalty(1, fine="1", entered_at="2024-05-01")])
    take(registered, "b", [penalty(1, fine="2", entered_at="2024-04-01")], source="platform")
    assert [fines(registered, on(month)) for month in (3, 4, 5)] == [[], [200], [200]]


def test_the_same_row_in_two_deliveries_is_one_version_known_from_the_earlier_day(registered):
    take(registered, "a", [penalty(1, entered_at="2024-06-01")])
    receipt = take(registered, "b", [penalty(1, entered_at="2024-04-01")])
    assert (receipt.accepted, receipt.duplicate) == (0, 1)
    assert len(fines(registered, on(4, 1))) == 1


def test_the_register_returns_to_former_content_when_the_source_dates_its_rows(registered):
    rows = [
        entity(1, approved_date=f"2024-0{month}-01", entered_at=f"2024-0{month}-01", name=name)
        for month, name in ((2, "甲"), (3, "乙"), (4, "甲"))
    ]
    take(registered, "a", [row | {"approved_date": "2024-01-01"} for row in rows], "entity")
    names = [[row["name"] for row in registered.seen("entity", on(month)) if row["entity"] == 1] for month in (2, 3, 4)]
    assert names == [["甲"], ["乙"], ["甲"]]


def test_what_intakes_recorded_up_to_a_moment_can_be_read_again(registered):
    first, second, third = (NOW + timedelta(days=days) for days in (1, 2, 3))
    take(registered, "a", [penalty(1, entered_at="2024-06-01")], at=first)
    before = registered.lake.digest(on(7), recorded_by=first)
    assert before == registered.lake.digest(on(7))
    take(registered, "b", [penalty(1, entered_at="2024-04-01"), penalty(2)], at=second)
    take(registered, "c", [act("withdraw", "2024-05-01")], at=third)
    assert registered.lake.digest(on(7)) != before
    assert registered.lake.digest(on(7), recorded_by=first) == before
    known = [row["known_at"].astimezone(UTC).date() for row in registered.seen("penalty", on(7), recorded_by=first)]
    assert known == [date(2024, 5, 31)]
    seen = registered.seen("penalty", on(4, 1), recorded_by=second)
    assert [(row["entity"], row["fine"]) for row in seen] == [(1, 120050), (2, 120050)]
    assert [row["entity"] for row in registered.seen("penalty", on(7))] == [2]


@pytest.mark.parametrize(
    ("changes", "basis", "known"),
    [
        ({"entered_at": "2024-03-09"}, "entered", datetime(2024, 3, 8, 16, tzinfo=UTC)),
        ({"entered_at": "2024-03-09T01:00:00+00:00"}, "entered", datetime(2024, 3, 9, 1, tzinfo=UTC)),
        ({"entered_at": "", "published_date": "2024-03-10"}, "published", datetime(2024, 3, 9, 16, tzinfo=UTC)),
        ({"entered_at": ""}, "usual_lag", datetime(2024, 3, 24, 16, tzinfo=UTC)),
        ({"entered_at": "", "item": "G302"}, "usual_lag", datetime(2024, 4, 3, 16, tzinfo=UTC)),
        ({"entered_at": "", "decision_date": "2026-02-01"}, "recorded", NOW),
    ],
)
def test_in_a_declared_backload_a_record_was_known_when_the_source_says(registered, changes, basis, known):
    take(registered, "a", [penalty(1, **changes)])
    (seen,) = registered.seen("penalty", date(2026, 2, 3))
    assert (seen["known_basis"], seen["known_at"]) == (basis, known)


def test_without_a_declared_backload_a_record_is_known_when_it_is_taken(registered):
    receipt = take(registered, "a", [penalty(1)], backload=None)
    assert receipt.late == 1
    (seen,) = registered.seen("penalty", date(2026, 2, 3))
    assert (seen["known_basis"], seen["known_at"], seen["recorded_at"]) == ("recorded", NOW, NOW)
    assert registered.seen("penalty", date(2026, 2, 2)) == []


# any order, any duplication


PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # an example takes a second: shrinking would take an hour
STATEMENTS = st.fixed_dictionaries(
    {
        "number": st.integers(0, 2),
        "decision": st.integers(0, 9),
        "action": st.sampled_from(["new", "new", "correct", "withdraw", "repair"]),
        "source": st.sampled_from(["gsxt", "platform"]),
        "day": st.integers(1, 28),
        "fine": st.sampled_from(["1", "2"]),
    }
)


def stated(found):
    day = f"2024-04-{found['day']:02d}"
    row = penalty(found["number"], str(found["decision"]), fine=found["fine"], entered_at=day)
    if found["action"] == "new":
        return row
    if found["action"] == "correct":
        return row | {"action": "correct", "action_date": day}
    gone = {"kinds": "", "fine": "", "decision_date": ""}
    return row | gone | {"action": found["action"], "action_date": day}


def oracle(statements, day):
    """Visible (entity, decision) -> fine at a day, in plain Python."""
    facts = {}
    for found in statements:
        facts.setdefault((found["number"], found["decision"]), []).append(found)
    seen = {}
    for fact, told in facts.items():
        fine = fine_of(told, day)
        if fine is not None:
            seen[fact] = int(fine) * 100
    return seen


def fine_of(told, day):
    first = {}
    for found in told:
        content = found["fine"] if found["action"] == "new" else (found["fine"], found["day"])
        content = content if found["action"] in {"new", "correct"} else found["day"]
        key = (found["source"], found["action"], content)
        if key not in first or found["day"] < first[key]["day"]:
            first[key] = found
    news = sorted((found for found in first.values() if found["action"] == "new"), key=lambda found: found["day"])
    if not news or news[0]["day"] > day:
        return None
    ties = [found for found in news if found["day"] == news[0]["day"]]
    assert len({(found["source"], found["fine"]) for found in ties}) == 1
    later = [found for found in first.values() if found["action"] == "correct" and found["day"] <= day]
    later += [found for found in news[1:] if found["source"] == news[0]["source"] and found["day"] <= day]
    if any(found["action"] in {"withdraw", "repair"} and found["day"] <= day for found in first.values()):
        return None
    # a correction known before its fact still corrects it; days are distinct, so nothing else ties
    return max(later, key=lambda found: found["day"])["fine"] if later else news[0]["fine"]


def distinct_days(statements):
    days = {}
    kept = []
    for found in statements:
        taken = days.setdefault((found["number"], found["decision"]), set())
        if found["day"] not in taken:
            taken.add(found["day"])
            kept.append(found)
    return kept


def seen_fines(home, day):
    rows = home.seen("penalty", date(2024, 4, day))
    return {(row["entity"], int(row["decision_no"][7:-1])): row["fine"] for row in rows}


def taken_in_parts(home, parts):
    register = home.deliver("register", {"entity.csv": ("entity", [entity(number) for number in range(3)])})
    for place, part in enumerate(parts):
        folders = [register] if place == 0 else []
        for source in ("platform", "gsxt"):
            rows = [stated(found) for found in part if found["source"] == source]
            if rows:
                files = {"penalty.csv": ("penalty", rows)}
                folders.append(home.deliver(f"{source}-{place}", files, source=source))
        receipts = home.take(*folders, at=NOW + timedelta(days=place))
        for receipt in receipts:
            assert receipt.sent == receipt.accepted + receipt.duplicate


def shown(home, day):
    """All there is to see, but when and with which delivery it came; in runs rows lie in another order."""
    rows = [row | {"recorded_at": None, "delivery": None} for row in home.seen("penalty", day)]
    return sorted(rows, key=lambda row: row["record_id"])


@settings(max_examples=6, deadline=None, phases=PHASES)
@given(statements=st.lists(STATEMENTS, min_size=60, max_size=200), data=st.data())
def test_any_order_and_any_duplication_show_the_same_rows_at_every_date(statements, data):
    statements = distinct_days(statements)
    shuffled = data.draw(st.permutations(statements))
    again = data.draw(st.lists(st.sampled_from(statements), max_size=10))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), min_size=1, max_size=4)))
    parts = [shuffled[low:high] for low, high in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)]
    days = [1, 9, 16, 28]
    with tempfile.TemporaryDirectory() as folder:
        plain, mixed = Home(Path(folder) / "plain"), Home(Path(folder) / "mixed")
        taken_in_parts(plain, [statements])
        with in_runs() if data.draw(st.booleans()) else nullcontext():
            taken_in_parts(mixed, [part + again for part in parts])
        for day in days:
            assert seen_fines(mixed, day) == seen_fines(plain, day) == oracle(statements, day)
            assert shown(mixed, date(2024, 4, day)) == shown(plain, date(2024, 4, day))
            assert mixed.lake.digest(date(2024, 4, day)) == plain.lake.digest(date(2024, 4, day))


@settings(max_examples=3, deadline=None, phases=PHASES)
@given(statements=st.lists(STATEMENTS, min_size=10, max_size=40), day=st.integers(2, 28))
def test_a_late_row_changes_only_the_dates_from_which_it_is_known(statements, day):
    early = [found for found in statements if found["day"] < day]
    late = [found for found in statements if found["day"] >= day]
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        taken_in_parts(home, [early])
        before = [home.lake.digest(date(2024, 4, past)) for past in range(1, day)]
        taken_in_parts(home, [late])
        assert [home.lake.digest(date(2024, 4, past)) for past in range(1, day)] == before
