"""Definitions in words: every operation of the language has its sentence in both languages, with the place's labels."""

import pytest

from features.indicators.catalogue import load
from features.indicators.language import below, f, ratio, records, same, total
from features.indicators.spoken import spoken
from features.profile import read_profile
from features.records.schema import record_types
from tests.world import SMALL

PROFILE = read_profile(str(SMALL))
TYPES = record_types(PROFILE)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_indicator_of_a_place_that_uses_the_whole_language_is_said(language):
    said = {one.code: spoken(one.value, PROFILE, TYPES, language) for one in load(PROFILE).indicators}
    assert len(said) > 20
    assert all(text and "{" not in text and "None" not in text for text in said.values())


def test_a_window_a_condition_and_what_is_counted_are_named():
    event, label = records("event"), TYPES["event"].label
    severity = TYPES["event"].fields["severity"].label
    count = event.within(months=12).where(f.severity >= 3).count()
    assert spoken(count, PROFILE, TYPES, "zh") == f"近12个月{label}记录（{severity}不小于3）的条数"
    assert "of the last 12 months" in spoken(count, PROFILE, TYPES, "en")


def test_codes_flags_and_money_are_said_as_people_know_them():
    event = records("event")
    fine = TYPES["event"].fields["fine"].label
    assert f"（{fine}大于12.34）" in spoken(event.where(f.fine > 1234).count(), PROFILE, TYPES, "zh")
    assert "为是）" in spoken(event.where(f.verified.is_(1)).count(), PROFILE, TYPES, "zh")
    late = event.where(f.done.before_as_of(days=-30), f.due.is_missing())
    assert "早于基准日前30天" in spoken(late.count(), PROFILE, TYPES, "zh")
    assert "before T − 30 days" in spoken(late.count(), PROFILE, TYPES, "en")


def test_parts_of_a_sum_stand_together_and_unknown_words_by_their_name():
    count = records("event").count()
    said = spoken(below(total(count, count), 2), PROFILE, TYPES, "zh")
    assert said.startswith("（")
    assert said.endswith("）小于 2 为 1，否则为 0")
    assert " + 1) ÷ (" in spoken(ratio(count, count, plus=(1, 2)), PROFILE, TYPES, "en")
    assert "“nothing”" in spoken(same(records("nothing"), "key"), PROFILE, TYPES, "en")
