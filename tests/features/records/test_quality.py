from datetime import date, timedelta

from small_place import NOW, entity, penalty

from features.records.quality import freshness


def test_freshness_names_the_latest_delivery_of_every_source_and_type(home):
    assert freshness(home.lake).num_rows == 0
    register = {"entity.csv": ("entity", [entity(1), entity(2)])}
    home.take(home.deliver("a", register))
    later = [penalty(2, decision_date="2024-03-06", entered_at="2024-03-08")]
    home.take(home.deliver("b", {"penalty.csv": ("penalty", [penalty(1)])}), at=NOW + timedelta(days=1))
    home.take(home.deliver("c", {"penalty.csv": ("penalty", later)}), at=NOW + timedelta(days=2))
    rows = freshness(home.lake).to_pylist()
    assert [(row["source"], row["record_type"], row["latest_delivery"], row["rows"]) for row in rows] == [
        ("gsxt", "entity", "a", 2),
        ("gsxt", "penalty", "c", 2),
    ]
    assert rows[1]["latest_event_date"] == date(2024, 3, 6)
    assert rows[1]["latest_recorded_at"] == NOW + timedelta(days=2)
