from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from world import ENGINES, SMALL, World, end_of, lake_of, world_of, worlds

from features.asof import months_before
from features.engine import Engine
from features.indicators.language import Condition, on
from features.profile import read_profile
from features.reading import Reading
from training import cohort
from training.errors import SchemeError
from training.labels import Knowledge, events, horizon_end, looked_at, marked, mature_on, open_cases, positives
from training.outcomes import EventControl, Facts, Outcome

PROFILE = read_profile(str(SMALL))
T = date(2023, 6, 30)
LATE = date(2025, 12, 31)
VIOLATION = Outcome(
    "violation",
    "违法",
    "detected",
    horizon_months=12,
    settle_days=120,
    lookback_months=24,
    any_of=(Facts("event", (Condition("severity", ">=", 2),)), Facts("listing", (Condition("reason", "==", "dirt"),))),
    open_case=(Facts("event", (Condition("done", "missing", None), Condition("due", "present", None))),),
)
VISIT = Outcome(
    "found",
    "查实",
    "given_inspection",
    event=Facts("event", (Condition("item", "==", "I3"),)),
    positive=(Condition("severity", ">=", 3),),
    event_controls=(EventControl("trade", "trades"),),
)


def known(world, folder, *, by=LATE, engine="polars"):
    return Knowledge(Reading(lake_of(PROFILE, world, folder), Engine(engine)), by)


def who(world, folder, *, outcome=VIOLATION, as_of=T, **given):
    found = positives(known(world, folder, **given), outcome, as_of=as_of)["entity"].to_pylist()
    return {world.entities[number] for number in found}


def made(*rows, **others):
    return world_of(PROFILE, {"event": list(rows), **others}, also=("it",))


def with_versions(world, *changes):
    """The world with its only event in several versions: each change is the moment it became known and its fields."""
    (row,) = world.rows["event"]
    moments = [datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC) for day, _ in changes]
    versions = tuple(
        {
            **row,
            **fields,
            "known_at": moment,
            "version": number + 1,
            "superseded_at": moments[number + 1] if number + 1 < len(moments) else None,
        }
        for number, (moment, (_, fields)) in enumerate(zip(moments, changes, strict=True))
    )
    return replace(world, rows={**world.rows, "event": versions})


@pytest.mark.parametrize(
    ("event", "published", "counts"),
    [
        ("2023-07-01", "2023-07-01", True),
        ("2023-06-01", "2023-06-30", False),  # known on T itself: not new
        ("2023-06-01", "2023-07-01", True),  # decided before T, known after: not lost
        ("2024-06-30", "2024-06-30", True),  # the last day of the horizon
        ("2024-06-30", "2024-07-01", False),
        ("2021-06-30", "2023-07-01", False),  # older than the lookback
        ("2021-07-01", "2023-07-01", True),
    ],
)
def test_a_record_counts_by_the_day_it_first_became_known(tmp_path, event, published, counts):
    assert who(made(on(event, known=published, severity=2)), tmp_path) == ({"it"} if counts else set())


def test_a_milder_record_does_not_count(tmp_path):
    assert who(made(on("2023-08-01", severity=1), on("2023-08-01", of="b")), tmp_path) == set()


def test_any_of_several_facts_counts_once(tmp_path):
    world = made(on("2023-08-01", severity=3), listing=[on("2023-09-01", reason="dirt"), on("2023-09-01", of="b")])
    assert who(world, tmp_path) == {"it"}


@pytest.mark.parametrize(("annulled", "counts"), [("2024-10-28", False), ("2024-10-29", True)])
def test_an_annulment_counts_until_the_window_has_settled(tmp_path, annulled, counts):
    world = with_versions(
        made(on("2023-08-01", severity=3)),
        ("2023-08-01", {}),
        (annulled, {"withdrawn_date": date.fromisoformat(annulled)}),
    )
    assert who(world, tmp_path) == ({"it"} if counts else set())


def test_a_correction_to_a_milder_record_takes_the_label_away(tmp_path):
    world = with_versions(made(on("2023-08-01", severity=3)), ("2023-08-01", {}), ("2023-12-01", {"severity": 1}))
    assert who(world, tmp_path) == set()


def test_a_record_counts_from_when_it_first_qualified(tmp_path):
    world = with_versions(made(on("2023-05-01", severity=1)), ("2023-05-02", {}), ("2023-09-01", {"severity": 2}))
    assert who(world, tmp_path) == {"it"}


def test_a_repaired_record_stays_a_positive(tmp_path):
    repaired = {"repair_date": date(2024, 1, 1)}
    world = with_versions(made(on("2023-08-01", severity=3)), ("2023-08-01", {}), ("2024-01-01", repaired))
    assert who(world, tmp_path) == {"it"}


def test_a_label_uses_only_what_was_known_when_it_was_made(tmp_path):
    with pytest.raises(SchemeError, match="settles on 2024-10-28, after 2024-10-27"):
        who(made(on("2023-08-01", severity=3)), tmp_path, by=date(2024, 10, 27))
    assert who(made(on("2023-08-01", severity=3)), tmp_path, by=date(2024, 10, 28)) == {"it"}


def test_by_decision_counts_the_day_it_happened(tmp_path):
    world = made(
        on("2023-06-01", known="2023-08-01", severity=3, of="before"),  # decided before T, known after
        on("2023-08-01", severity=3, of="within"),
        on("2024-06-25", known="2024-08-01", severity=3, of="late"),  # decided within the window, known after it
        on("2024-08-01", severity=3, of="after"),
        on("2023-08-01", known="2024-12-01", severity=3, of="never"),  # known after labels have settled
    )
    lake = known(world, tmp_path)
    names = {
        way: {world.entities[key] for key in positives(lake, VIOLATION, as_of=T, by_decision=way)["entity"].to_pylist()}
        for way in (False, True)
    }
    assert names == {False: {"before", "within"}, True: {"within", "late"}}


def test_no_records_give_no_positives(tmp_path):
    assert who(made(), tmp_path) == set()


def test_open_cases_are_those_known_to_be_open_at_t(tmp_path):
    world = made(
        on("2023-06-01", due="2023-12-31", of="open"),
        on("2023-06-01", due="2023-12-31", done="2023-06-02", of="closed"),
        on("2023-06-01", known="2023-07-01", due="2023-12-31", of="later"),
        on("2023-06-01", due="2023-12-31", withdrawn_date="2023-06-02", of="annulled"),
    )
    found = open_cases(known(world, tmp_path), VIOLATION, as_of=T).to_pylist()
    assert {world.entities[number] for number in found} == {"open"}


def test_events_are_inspections_with_their_result_and_control(tmp_path):
    world = made(
        on("2023-08-01", item="I3", severity=3, trade="tools"),
        on("2023-08-02", item="I3", of="b"),
        on("2023-08-03", severity=3, of="b"),
        on("2023-09-01", item="I3", of="b", severity=3),
    )
    found = events(known(world, tmp_path), VISIT, since=date(2023, 8, 1), until=date(2023, 8, 31))
    assert found["positive"].to_pylist() == [1, 0]
    pairs = cohort.given_inspection(found, {"event_trade": ("food", "tools")})
    assert pairs["as_of"].to_pylist() == [date(2023, 7, 31), date(2023, 8, 1)]
    assert pairs["event_trade"].to_pylist() == [1.0, None]


def test_an_outcome_without_events_says_so(tmp_path):
    knowledge = known(made(), tmp_path)
    with pytest.raises(SchemeError, match="names no inspection event"):
        events(knowledge, VIOLATION, since=T, until=T)
    with pytest.raises(SchemeError, match="the lake holds no event"):
        events(knowledge, VISIT, since=T, until=T)


def test_who_was_looked_at_is_told_by_events_within_the_window(tmp_path):
    visit = (Facts("event", (Condition("item", "==", "I3"),)),)
    world = made(
        on("2024-01-01", of="a", item="I3"),
        on("2024-01-01", of="b", item="I2"),
        on(T.isoformat(), of="c", item="I3"),
        on((T + timedelta(days=1)).isoformat(), of="d", item="I3"),
        on("2024-06-01", of="e", item="I3", withdrawn_date="2024-06-02"),
    )
    found = looked_at(known(world, tmp_path), replace(VIOLATION, looked_at=visit), as_of=T)
    assert sorted(world.entities[key] for key in found.to_pylist()) == ["a", "d"]


def test_labels_of_one_date_are_not_given_to_another(tmp_path):
    world = made(on("2023-08-01", severity=2), on("2023-08-01", of="b"))
    found = positives(known(world, tmp_path), VIOLATION, as_of=T)
    pairs = cohort.detected(
        lake_of(PROFILE, world, tmp_path).register(), as_of=T, kept=found["entity"].combine_chunks(),
        open_cases=found["entity"].combine_chunks().slice(0, 0), rate=1.0, seed="s",
    )  # fmt: skip
    assert marked(pairs, found["entity"], as_of=T).to_pylist() == [1, 0]
    with pytest.raises(SchemeError, match="several as-of dates"):
        marked(pairs, found["entity"], as_of=LATE)


def expected(world: World) -> set[int]:
    """The definition of the outcome in plain Python."""
    start, end = end_of(T, PROFILE), end_of(horizon_end(VIOLATION, T), PROFILE)
    settled = end_of(mature_on(VIOLATION, T), PROFILE)
    tests = {"event": lambda row: (row["severity"] or 0) >= 2, "listing": lambda row: row["reason"] == "dirt"}
    found = set()
    for name, qualifies in tests.items():
        records = {}
        for row in world.rows.get(name, ()):
            if row["known_at"] < settled and qualifies(row) and row["withdrawn_date"] is None:
                records.setdefault((row["entity"], row["record_id"]), []).append(row)
        for (entity, _), rows in records.items():
            standing = [row for row in rows if row["superseded_at"] is None or row["superseded_at"] >= settled]
            recent = [row for row in standing if row["event_date"] > months_before(T, 24)]
            if recent and start <= min(row["known_at"] for row in rows) < end:
                found.add(entity)
    return found


@settings(max_examples=30, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("engine", ENGINES)
def test_both_engines_agree_with_plain_python(tmp_path_factory, engine, data):
    drawn = data.draw(worlds(PROFILE, T, types=("event", "listing")))
    shift = data.draw(st.sampled_from([timedelta(0), timedelta(days=366), timedelta(days=486)]))

    def later(row):
        superseded = row["superseded_at"] + shift if row["superseded_at"] else None
        return {**row, "known_at": row["known_at"] + shift, "superseded_at": superseded}

    world = replace(drawn, rows={name: tuple(map(later, rows)) for name, rows in drawn.rows.items()})
    folder = tmp_path_factory.mktemp("lake")
    found = positives(known(world, folder, engine=engine), VIOLATION, as_of=T)
    assert set(found["entity"].to_pylist()) == expected(world)


@pytest.mark.parametrize("engine", ENGINES)
def test_records_known_by_assumption_alone_can_be_left_out_of_labels(tmp_path, engine):
    world = made(
        on("2023-08-01", severity=3, of="told"),
        on("2023-08-01", severity=3, of="assumed"),
        on("2023-06-01", due="2023-12-31", of="told"),
        on("2023-06-01", due="2023-12-31", of="assumed"),
    )
    who_of = world.entities.index
    rows = tuple(
        {**row, "known_basis": "usual_lag" if row["entity"] == who_of("assumed") else "entered"}
        for row in world.rows["event"]
    )
    whole = known(replace(world, rows={**world.rows, "event": rows}), tmp_path, engine=engine)
    dated = replace(whole, assumed=False)
    both = sorted([who_of("told"), who_of("assumed")])
    assert positives(whole, VIOLATION, as_of=T)["entity"].to_pylist() == both
    assert positives(dated, VIOLATION, as_of=T)["entity"].to_pylist() == [who_of("told")]
    assert open_cases(whole, VIOLATION, as_of=T).to_pylist() == both
    assert open_cases(dated, VIOLATION, as_of=T).to_pylist() == [who_of("told")]


def test_a_record_first_assumed_and_told_again_later_is_no_news(tmp_path):
    world = with_versions(
        made(on("2023-05-01", severity=3)),
        ("2023-05-10", {"known_basis": "usual_lag"}),
        ("2023-09-01", {"known_basis": "recorded"}),
    )
    whole = known(world, tmp_path)
    assert positives(whole, VIOLATION, as_of=T).num_rows == 0
    assert positives(replace(whole, assumed=False), VIOLATION, as_of=T).num_rows == 0
