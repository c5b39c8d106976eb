"""Data alerts: feeds that are overdue, were never received, or brought far less than usual; said in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from features.profile import Profile
from features.records.quality import Quality

OVERDUE, NEVER, SHORT = "DQ001", "DQ002", "DQ003"
SILENCE = {"daily": 7, "weekly": 14, "monthly": 45, "quarterly": 120, "yearly": 400}  # days: the period and a grace
LEAST_SHARE = 0.5  # of what was expected
WORTH_TELLING = 20  # rows expected: of fewer, half is chance
OFTEN = {
    "daily": ("每日", "daily"),
    "weekly": ("每周", "weekly"),
    "monthly": ("每月", "monthly"),
    "quarterly": ("每季", "quarterly"),
    "yearly": ("每年", "yearly"),
}


@dataclass(frozen=True)
class Alert:
    """A data alert: its code, what it is about, since when, by when something was expected, and what it says."""

    code: str
    item: str
    source: str | None
    since: date | None
    expected_by: date | None
    days: int | None
    text: str
    text_en: str


def alerts(found: Quality, profile: Profile) -> tuple[Alert, ...]:
    """The alerts of a month, by code, the longest silence first.

    A feed is overdue when it has been silent for longer than its frequency allows and longer than it ever was in the
    year before its last row. One that came on a single day is a backload, not a feed. An item nobody ever sent is told
    when it has a frequency and its collection has begun.
    """
    told = []
    for feed in found.feeds.iter_rows(named=True):
        item = profile.items.get(feed["item"])
        if item is None or not item.get("frequency"):
            continue
        told += _of_feed(feed, item, found)
    began = {alert for alert in told if alert.code != NEVER or _has_begun(alert.item, profile, found.span.as_of)}
    return tuple(sorted(began, key=lambda one: (one.code, -(one.days or 0), one.item, one.source or "")))


def limit(feed: Mapping[str, Any], frequency: str) -> int:
    """How many days a feed may be silent."""
    return max(SILENCE[frequency], feed["longest_silence"] or 0)


def _has_begun(item: str, profile: Profile, as_of: date) -> bool:
    first = profile.coverage.get(item)
    return first is None or first <= as_of


def _of_feed(feed: Mapping[str, Any], item: Mapping[str, Any], found: Quality) -> list[Alert]:
    if feed["last_day"] is None:
        return [] if feed["source"] is not None else [_never(feed, item)]
    if feed["longest_silence"] is not None and feed["silent_days"] > limit(feed, item["frequency"]):
        return [_overdue(feed, item)]
    expected = feed["expected"] or 0
    is_over = found.span.as_of == found.span.month.end
    if is_over and expected >= WORTH_TELLING and feed["received"] < LEAST_SHARE * expected:
        return [_short(feed, item, found)]
    return []


def _overdue(feed: Mapping[str, Any], item: Mapping[str, Any]) -> Alert:
    last, days = feed["last_day"], feed["silent_days"]
    by = last + timedelta(days=limit(feed, item["frequency"]))
    zh, en = OFTEN[item["frequency"]]
    return Alert(
        OVERDUE, feed["item"], feed["source"], last, by, days,
        f"{item['label']}（{feed['item']}，来源 {feed['source']}）自 {last} 后已 {days} 天没有新记录；"
        f"按{zh}归集和以往间隔，最迟应于 {by} 到达。请向{item['provider']}查询。",
        f"{_named(item)} ({feed['item']}, source {feed['source']}) has brought nothing for {days} days, since {last}; "
        f"collected {en}, and by its own past, it was due by {by}. Ask {item['provider']}.",
    )  # fmt: skip


def _never(feed: Mapping[str, Any], item: Mapping[str, Any]) -> Alert:
    zh, en = OFTEN[item["frequency"]]
    return Alert(
        NEVER, feed["item"], None, None, None, None,
        f"{item['label']}（{feed['item']}）从未收到；事项清单规定{zh}归集。请与{item['provider']}对接，或从清单中删去。",
        f"{_named(item)} ({feed['item']}) was never received; the catalogue says it is collected {en}. Dock with "
        f"{item['provider']}, or take it off the catalogue.",
    )  # fmt: skip


def _short(feed: Mapping[str, Any], item: Mapping[str, Any], found: Quality) -> Alert:
    span, expected = found.span, feed["expected"]
    return Alert(
        SHORT, feed["item"], feed["source"], span.month.first, span.as_of, None,
        f"{item['label']}（{feed['item']}，来源 {feed['source']}）{span.month} 收到 {feed['received']} 条，"
        f"不到预期 {expected:g} 条的一半。请向{item['provider']}核对。",
        f"{_named(item)} ({feed['item']}, source {feed['source']}) brought {feed['received']} rows in {span.month}, "
        f"less than half of the {expected:g} expected. Check with {item['provider']}.",
    )  # fmt: skip


def _named(item: Mapping[str, Any]) -> str:
    return str(item.get("label_en") or item["label"])
