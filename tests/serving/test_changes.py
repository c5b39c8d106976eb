"""What changed since the month before: the parts are those of two sealed months, and add up."""

from dataclasses import replace

import numpy as np
import pytest

from serving.changes import since_before
from serving.results import Results, publisher_key
from training.confidence import odds
from training.cutoffs import RiskClass


@pytest.fixture(scope="module")
def results(classified):
    return Results(classified.home, publisher_key(classified.home))


def changes(results, scheme):
    month = results.month("2025-12")
    rows = month.rows.to_pylist()
    return {light["code"]: (light, since_before(results, month, light, lambda _: scheme)) for light in rows}


def test_parts_add_up_to_what_the_sealed_months_say(results, classified):
    found = changes(results, classified.scheme)
    told = [(light, change) for light, change in found.values() if change is not None]
    assert len(told) > 50
    for light, change in told:
        before = results.month("2025-11").find(light["code"])
        moved = odds(np.array([light["probability"]])) - odds(np.array([before["probability"]]))
        assert sum(change["log_odds"].values()) == pytest.approx(moved[0], abs=1e-9)
        assert sum(change["steps"].values()) == RiskClass[light["class"]] - RiskClass[before["class"]]
        assert change["log_odds"]["model"] == change["steps"]["model"] == change["steps"]["threshold"] == 0
        total = sum(change["contributions"].values())
        assert total == pytest.approx(light["margin"] - before["margin"], abs=1e-6)
    assert any(change["change"] for _, change in told)


def test_a_change_of_scheme_is_told_from_a_change_of_data(results, classified):
    scheme = classified.scheme
    parts = {kind: replace(part, offset=part.offset + 0.5) for kind, part in scheme.parts.items()}
    other, month = replace(scheme, parts=parts), results.month("2025-12")
    schemes = iter([scheme, other])
    light = next(one for one in month.rows.to_pylist() if one["status"] == "classified")
    found = since_before(results, month, light, lambda _: next(schemes))
    assert found["log_odds"]["model"] > 0


def test_who_is_not_classified_or_has_no_month_before_has_no_change(results, classified):
    found = changes(results, classified.scheme)
    assert {change for light, change in found.values() if light["status"] != "classified"} == {None}
    first = results.month("2025-11")
    assert since_before(results, first, first.rows.slice(0, 1).to_pylist()[0], lambda _: classified.scheme) is None
