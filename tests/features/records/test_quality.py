"""What arrived, from whom, where and how late; what is overdue; and that nothing known later changes it."""

import shutil
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
import yaml
from small_place import PLACE, Home, entity, penalty

from features.matrix import registrations
from features.profile import ProfileError, read_profile
from features.records import overdue
from features.records.arrivals import HISTORY
from features.records.quality import Quality, newest, quality

APRIL = date(2024, 4, 30)


def looked_at(home: Home, as_of: date = APRIL) -> Quality:
    roll = registrations(home.lake, as_of=as_of, also=("region",))
    regions = pl.DataFrame(roll.select(["entity", "region"]))
    return quality(home.lake, home.journal, as_of=as_of, regions=regions)


def told(home: Home, as_of: date = APRIL):
    return overdue.alerts(looked_at(home, as_of), home.profile)


def feed(found: Quality, item: str, source: str | None = "gsxt") -> dict:
    same = pl.col("source").is_null() if source is None else pl.col("source") == source
    (row,) = found.feeds.filter(pl.col("item") == item, same).to_dicts()
    return row


def penalties(dates, *, of=1, prefix="p", **changes):
    """One penalty for each (decided, known) pair of days."""
    return [
        penalty(of, f"{prefix}{number}", decision_date=decided, entered_at=f"{known} 10:00:00", **changes)
        for number, (decided, known) in enumerate(dates)
    ]


def days(month: str, count: int):
    """So many penalties known in a month, each decided five days before."""
    first = date.fromisoformat(f"{month}-06")
    return [(str(first + timedelta(days=n - 5)), str(first + timedelta(days=n))) for n in range(count)]


def deliver(home, name, rows, **manifest):
    (receipt,) = home.take(home.deliver(name, {"penalty.csv": ("penalty", rows)}, **manifest))
    assert receipt.refused is None
    return receipt


@pytest.fixture
def registered(home):
    rows = [entity(1), entity(2, region="360103"), entity(4)]
    home.take(home.deliver("register", {"entity.csv": ("entity", rows)}))
    return home


@pytest.fixture
def regular(registered):
    """One penalty in January, two in February, four in March, two in April."""
    known = [*days("2024-01", 1), *days("2024-02", 2), *days("2024-03", 4), *days("2024-04", 2)]
    deliver(registered, "penalties", penalties(known))
    return registered


# ------------------------------------------------------------------------------------------------ received and late


def test_a_month_is_compared_with_the_median_of_the_months_before(regular):
    row = feed(looked_at(regular), "G106")
    assert (row["received"], row["expected"]) == (2, 2.0)
    assert row["course"] == [0] * (HISTORY - 3) + [1, 2, 4, 2]
    assert (row["first_day"], row["last_day"], row["silent_days"]) == (date(2024, 1, 6), date(2024, 4, 7), 23)


def test_a_month_that_brought_nothing_counts_as_none_not_as_missing(regular):
    row = feed(looked_at(regular, date(2024, 7, 31)), "G106")
    assert (row["received"], row["expected"]) == (0, 1.5)  # of 1, 2, 4, 2, 0, 0


def test_nothing_is_expected_of_too_short_a_history(regular):
    assert feed(looked_at(regular, date(2024, 3, 31)), "G106")["expected"] is None


def test_delays_are_told_of_five_rows_and_not_of_fewer(registered):
    rows = [(f"2024-04-{20 - delay:02d}", "2024-04-20") for delay in range(1, 11)]
    deliver(registered, "ten", penalties(rows))
    deliver(registered, "four", penalties(rows[:4], item="G302", prefix="q"))
    found = looked_at(registered)
    assert [feed(found, "G106")[name] for name in ("new_facts", "delay_median", "delay_p90")] == [10, 5, 9]
    assert [feed(found, "G302")[name] for name in ("new_facts", "delay_median", "delay_p90")] == [4, None, None]


def test_rows_are_counted_where_their_entity_is_registered_at_the_time(registered):
    rows = penalties(days("2024-04", 3), prefix="a") + penalties(days("2024-04", 2), of=2, prefix="b")
    deliver(registered, "penalties", rows)
    moved = entity(2, action="correct", action_date="2024-04-15", entered_at="2024-04-15")
    moved |= {"approved_date": "2024-04-15"}
    home_again = registered.deliver("moved", {"entity.csv": ("entity", [moved])})
    registered.take(home_again)
    before = looked_at(registered, date(2024, 4, 14)).cells.filter(pl.col("item") == "G106")
    assert before.select("region", "received").rows() == [("360102", 3), ("360103", 2)]
    after = looked_at(registered).cells.filter(pl.col("item") == "G106")
    assert after.select("region", "received").rows() == [("360102", 5)]


def test_a_row_delivered_again_by_another_source_is_received_of_both(registered):
    rows = penalties(days("2024-04", 2))
    deliver(registered, "first", rows)
    deliver(registered, "second", rows, source="credit_platform")
    deliver(registered, "again", [{**row, "entered_at": "2024-04-28"} for row in rows])
    found = looked_at(registered)
    assert feed(found, "G106")["received"] == 4
    assert feed(found, "G106", "credit_platform")["received"] == 2


def test_what_comes_rarely_is_compared_with_the_months_it_came_in(tmp_path):
    home = Home(tmp_path, profile_with(tmp_path, G106="quarterly"))
    home.take(home.deliver("register", {"entity.csv": ("entity", [entity(1)])}))
    deliver(home, "p", penalties([*days("2023-09", 3), *days("2023-12", 5), *days("2024-03", 7)]))
    assert feed(looked_at(home, date(2024, 3, 31)), "G106")["expected"] == 4.0
    assert feed(looked_at(home, APRIL), "G106")["expected"] == 0.0
    assert feed(looked_at(home, date(2024, 6, 30)), "G106")["expected"] == 5.0


def test_what_comes_in_most_months_is_due_every_month_whatever_is_declared(tmp_path):
    home = Home(tmp_path, profile_with(tmp_path, G106="quarterly"))
    home.take(home.deliver("register", {"entity.csv": ("entity", [entity(1)])}))
    monthly = [day for month in range(1, 8) for day in days(f"2024-{month:02d}", 3)]
    deliver(home, "p", penalties(monthly))
    assert feed(looked_at(home, date(2024, 7, 31)), "G106")["expected"] == 0.0  # six of twelve
    assert feed(looked_at(home, date(2024, 8, 31)), "G106")["expected"] == 3.0


def profile_with(folder, **frequencies):
    copied = shutil.copytree(PLACE, folder / "profile")
    items = yaml.safe_load((copied / "items.yaml").read_text(encoding="utf-8"))
    changed = [{**row, "frequency": frequencies.get(row["code"], row["frequency"])} for row in items]
    (copied / "items.yaml").write_text(yaml.safe_dump(changed, allow_unicode=True), encoding="utf-8")
    return read_profile(str(copied))


def test_a_frequency_nobody_knows_is_refused(tmp_path):
    home = Home(tmp_path, profile_with(tmp_path, G106="now and then"))
    with pytest.raises(ProfileError, match=r"G106: 'now and then'.*daily, weekly"):
        looked_at(home)


def test_an_empty_lake_has_feeds_nobody_ever_sent(home):
    found = looked_at(home)
    assert found.feeds["source"].null_count() == found.feeds.height == 4
    assert found.cells.height == found.rejects.height == 0
    assert newest(home.lake) is None


# ------------------------------------------------------------------------------------------------ unmatched


def live(home, name, rows, at, record_type="penalty"):
    """A delivery taken at a moment, known from then on."""
    folder = home.deliver(name, {f"{record_type}.csv": (record_type, rows)}, backload=None)
    (receipt,) = home.take(folder, at=at)
    assert receipt.refused is None
    return receipt


def on(*day):
    return datetime(*day, 2, tzinfo=UTC)


@pytest.fixture
def waiting(registered):
    """In April three penalties of entity 1 and one of an entity the register does not know."""
    rows = penalties(days("2024-04", 3)) + penalties(days("2024-04", 1), of=7, prefix="x")
    assert live(registered, "april", rows, on(2024, 4, 20)).unmatched == 1
    return registered


def test_the_matched_share_is_of_what_arrived_in_the_month(waiting):
    row = feed(looked_at(waiting), "G106")
    assert (row["received"], row["unmatched"], row["matched_share"]) == (3, 1, 0.75)
    later = feed(looked_at(waiting, date(2024, 5, 31)), "G106")
    assert (later["received"], later["unmatched"], later["matched_share"]) == (0, 0, None)


def test_an_intake_that_finds_nothing_new_of_a_waiting_row_does_not_make_it_arrive_again(waiting):
    live(waiting, "may", [entity(5)], on(2024, 5, 20), "entity")
    assert feed(looked_at(waiting), "G106")["unmatched"] == 1
    assert feed(looked_at(waiting, date(2024, 5, 31)), "G106")["unmatched"] == 0


# ------------------------------------------------------------------------------------------------ time


def test_nothing_known_later_changes_a_month(waiting):
    before = looked_at(waiting)
    alerts = told(waiting)
    live(waiting, "bad", [penalty(1, "y", decision_date="never")], on(2024, 5, 3))
    live(waiting, "may", [entity(7), entity(1, region="360103", approved_date="2024-05-02")], on(2024, 5, 20), "entity")
    corrected = [{**row, "action": "correct", "fine": "9"} for row in penalties(days("2024-04", 2))]
    withdrawn = [
        {**row, "action": "withdraw", "action_date": "2024-05-10"} for row in penalties(days("2024-04", 3))[2:]
    ]
    live(waiting, "changes", [*corrected, *withdrawn], on(2024, 5, 21))
    live(waiting, "again", penalties(days("2024-04", 3)), on(2024, 5, 22))
    after = looked_at(waiting)
    assert after.feeds.equals(before.feeds)
    assert after.cells.equals(before.cells)
    assert after.rejects.equals(before.rejects)
    assert told(waiting) == alerts
    assert feed(looked_at(waiting, date(2024, 5, 31)), "G106")["received"] > 0


# ------------------------------------------------------------------------------------------------ rejects


def test_rejects_are_counted_by_source_record_type_and_code(registered):
    bad = [penalty(1, "a", decision_date="never"), penalty(1, "b", decision_date="soon"), penalty(1, "c", kinds="")]
    live(registered, "bad", [*bad, penalty(1, "d")], on(2024, 4, 3))
    live(registered, "nobody", [entity(9, kind="ship")], on(2024, 4, 4), "entity")
    refused = registered.deliver("refused", {"x.csv": ("penalty", [penalty(1)])}, backload=None, mapping="unheard_of")
    registered.take(refused, at=on(2024, 4, 5))
    rows = looked_at(registered).rejects.select("record_type", "code", "rows", "deliveries", "refused").rows()
    assert ("penalty", "date_format", 2, 1, False) in rows
    assert ("penalty", "required_missing", 1, 1, False) in rows
    assert ("entity", "code_unknown", 1, 1, False) in rows
    assert [(code, count) for kind, code, count, _, refused in rows if refused] == [("mapping_unknown", 0)]
    assert looked_at(registered, date(2024, 5, 31)).rejects.height == 0


def test_a_backload_belongs_to_the_period_it_states(registered):
    deliver(registered, "old", [penalty(1, "a", decision_date="never")], period="2024-03")
    assert looked_at(registered).rejects.height == 0
    assert looked_at(registered, date(2024, 3, 31)).rejects["rows"].to_list() == [1]


# ------------------------------------------------------------------------------------------------ alerts


def test_a_late_feed_raises_an_alert_and_a_fresh_one_does_not(regular):
    assert overdue.OVERDUE not in {alert.code for alert in told(regular, date(2024, 4, 12)) if alert.item == "G106"}
    (late,) = [alert for alert in told(regular, date(2024, 5, 31)) if alert.item == "G106"]
    assert (late.code, late.source, late.since) == (overdue.OVERDUE, "gsxt", date(2024, 4, 7))
    assert late.expected_by == date(2024, 5, 8)  # it has been silent for 31 days before, from January to February
    assert late.days == 54
    assert "54 天" in late.text
    assert "54 days" in late.text_en


def test_a_feed_that_came_on_one_day_alone_is_not_expected_again(registered):
    deliver(registered, "once", penalties([("2024-01-01", "2024-01-06")] * 3))
    assert not [alert for alert in told(registered, date(2025, 6, 30)) if alert.item == "G106"]


def test_an_item_nobody_ever_sent_is_told_once_its_collection_has_begun(regular, monkeypatch):
    never = [alert.item for alert in told(regular) if alert.code == overdue.NEVER]
    assert never == ["G107", "G302"]
    assert "从未收到" in next(alert.text for alert in told(regular) if alert.item == "G107")
    monkeypatch.setitem(regular.profile.coverage, "G107", date(2024, 5, 1))
    assert [alert.item for alert in told(regular) if alert.code == overdue.NEVER] == ["G302"]


def test_a_month_that_brought_less_than_half_of_much_is_told(registered):
    rows = [
        (f"{month}-01", f"{month}-{day:02d}") for month in ("2024-01", "2024-02", "2024-03") for day in range(2, 26)
    ]
    deliver(registered, "many", penalties([*rows, ("2024-04-01", "2024-04-28")]))
    (short,) = [alert for alert in told(registered) if alert.item == "G106"]
    assert (short.code, short.since, short.expected_by) == (overdue.SHORT, date(2024, 4, 1), APRIL)
    assert "24" in short.text_en
    assert not [alert for alert in told(registered, date(2024, 4, 29)) if alert.item == "G106"]


def test_an_item_without_a_frequency_is_never_late(tmp_path):
    home = Home(tmp_path, profile_with(tmp_path, G106="", G302="", G107="", G101=""))
    home.take(home.deliver("register", {"entity.csv": ("entity", [entity(1)])}))
    deliver(home, "p", penalties([*days("2024-01", 1), *days("2024-02", 2)]))
    assert told(home, date(2026, 1, 31)) == ()
    assert feed(looked_at(home), "G106")["expected"] is None
