"""Where records came from: receipts added up by source, labels by the day they settle, looks counted."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from evaluation import sources
from training.labels import looked_at
from training.outcomes import Facts


def receipt(source, **counted):
    rows = {"sent": 10, "accepted": 7, "duplicate": 1, "rejected": 1, "unmatched": 1, "late": 2} | counted
    return {"source": source, "rejects": {"R101": rows["rejected"]}, **rows}


@pytest.fixture
def found(case, monkeypatch):
    taken = [receipt("court"), receipt("tax", rejected=3, accepted=5), receipt("court", sent=4, accepted=1, late=None)]
    monkeypatch.setattr(sources, "receipts", lambda journal: taken)
    return sources.study(case)


def test_receipts_are_added_up_by_source(found):
    court, tax = found.figures["sources"]
    names = ("name", "deliveries", "sent", "accepted", "late")
    assert [court[name] for name in names] == ["court", 2, 14, 8, 2]
    assert (tax["name"], tax["rejected"], tax["unmatched"]) == ("tax", 3, 1)
    assert found.figures["rejects"] == {"R101": 5}
    assert [cell.text[0] for cell in found.tables[0].rows[-1]] == ["合计", "3", "24", "13", "3", "5", "3", "4"]
    assert "<svg" in found.pictures[0]


def test_labels_settle_after_their_window_and_its_days(found, case):
    rows = found.figures["maturity"]
    assert rows[0]["as_of"] == case.tested_on.isoformat()
    settled = [date.fromisoformat(row["mature_on"]) <= case.task.known_by for row in rows]
    assert [row["is_mature"] for row in rows] == settled
    assert rows[0]["is_mature"]
    assert not rows[-1]["is_mature"]
    assert all(row["as_of"] < row["window_ends"] < row["mature_on"] for row in rows)


def test_nobody_is_counted_as_looked_at_where_the_outcome_does_not_say_how(found):
    assert found.figures["looked_at"] is None


def test_looks_are_counted_among_pairs_and_among_those_with_the_outcome(case):
    outcome = replace(case.task.outcome, looked_at=(Facts("event", ()),))
    task = replace(case.task)
    task.__dict__["outcome"] = outcome
    told = sources.study(replace(case, task=task)).figures["looked_at"]
    pairs = case.headline
    seen = np.isin(pairs.entity, looked_at(case.task.knowledge, outcome, as_of=case.tested_on).to_numpy())
    assert told["looked_at"] == pytest.approx(np.average(seen, weights=pairs.weight))
    assert told["positives_looked_at"] == pytest.approx(seen[pairs.outcome].mean())
    assert 0 < told["positives_drawn"] <= 1


def test_a_home_without_deliveries_has_no_table_of_them(case):
    told = sources.study(case)
    assert told.figures["sources"] == []
    assert told.pictures == ()
    assert [table.caption[1] for table in told.tables] == ["When labels settle"]
