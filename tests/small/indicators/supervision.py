from features.indicators.language import (
    Indicator,
    both,
    clipped,
    difference,
    f,
    flag,
    greatest,
    on,
    or_zero,
    ratio,
    records,
    seen,
    total,
)

event = records("event")
listing = records("listing")


def measured(code, value, *examples, missing="zero", items=("I2",), direction="riskier", role="feature"):
    """One indicator about events; what it is called matters to nobody here."""
    return Indicator(
        code=code,
        label=code,
        label_en=code.replace("_", " "),
        section="S1",
        items=items,
        unit="time",
        value=value,
        direction=direction,
        missing=missing,
        role=role,
        basis="小地方条例",
        reason="{v}",
        reason_en="{v}",
        examples=examples,
    )


EVENTS = measured(
    "events_12m",
    event.within(months=12).count(),
    seen(as_of="2024-06-30", event=[on("2023-07-01")], gives=1),
    seen(as_of="2024-06-30", event=[on("2023-06-30")], gives=0),
    seen(as_of="2024-06-30", event=[on("2024-06-30")], gives=1),
    seen(as_of="2024-06-30", event=[on("2024-06-01", known="2024-07-01")], gives=0),
    seen(as_of="2024-02-29", event=[on("2023-02-28"), on("2023-03-01")], gives=1),
    seen(as_of="2024-06-30", event=[on("2024-06-01", withdrawn_date="2024-06-20")], gives=0),
    seen(as_of="2024-06-30", event=[on("2024-06-01", repair_date="2024-06-20")], gives=0),
    seen(as_of="2024-06-30", event=[on("2024-06-01", of="other")], gives=0),
)
EVENTS_90D = measured(
    "events_90d",
    event.within(days=90).count(),
    seen(as_of="2024-06-30", event=[on("2024-04-02"), on("2024-04-01")], gives=1),
)
FINES = measured(
    "fines_24m",
    event.within(months=24).sum("fine"),
    seen(as_of="2024-06-30", event=[on("2023-06-30", fine=12.34), on("2024-06-30", fine=1)], gives=1334),
)
WORST = measured(
    "worst_24m",
    event.within(months=24).max("severity"),
    seen(as_of="2024-06-30", event=[on("2023-06-30", severity=3), on("2024-06-30", severity=1)], gives=3),
    seen(as_of="2024-06-30", gives=0),
)
MILDEST = measured(
    "mildest",
    event.min("severity"),
    seen(as_of="2024-06-30", event=[on("2023-06-30", severity=3), on("2024-06-30", severity=1)], gives=1),
    missing="null",
)
TRADES = measured(
    "trades",
    event.distinct("trade"),
    seen(as_of="2024-06-30", event=[on("2023-06-30", trade="food")] * 2 + [on("2023-06-30")], gives=1),
)
DAYS = measured(
    "different_days",
    event.distinct("happened"),
    seen(as_of="2024-06-30", event=[on("2023-06-30"), on("2023-06-30"), on("2023-07-30")], gives=2),
)
DECAYED = measured(
    "decayed",
    event.within(months=36).decayed(half_life=12),
    seen(as_of="2024-06-30", event=[on("2023-06-30"), on("2024-06-30")], gives=1.5),
)
DECAYED_POINTS = measured(
    "decayed_points",
    event.within(months=36).decayed(half_life=12, points={1: 1, 3: 8}, of="severity"),
    seen(as_of="2024-06-30", event=[on("2023-06-30", severity=3), on("2024-06-30", severity=2)], gives=4),
)
DECAYED_FIELD = measured(
    "decayed_field",
    event.decayed(half_life=6, of="severity"),
    seen(as_of="2024-06-30", event=[on("2023-12-31", severity=4), on("2024-06-30")], gives=2),
    seen(as_of="2024-06-30", event=[on("2013-12-31", severity=1)], gives=2**-20),
)
LATEST = measured(
    "latest_severity",
    event.latest("severity"),
    seen(as_of="2024-06-30", event=[on("2023-06-30", severity=3), on("2024-01-01", severity=1)], gives=1),
    seen(as_of="2024-06-30", event=[on("2023-06-30", severity=3), on("2024-01-01")], gives=3),
    seen(as_of="2024-06-30", event=[on("2023-06-30", severity=3), on("2023-06-30", severity=4)], gives=4),
    missing="null",
)
LATEST_TRADE = measured(
    "latest_trade",
    event.where(f.trade.is_present()).latest("trade"),
    seen(as_of="2024-06-30", event=[on("2023-06-30", trade="tools")], gives=1),
    missing="null",
)
LATEST_LOSS = measured(
    "latest_fine",
    event.latest("fine"),
    seen(as_of="2024-06-30", event=[on("2023-06-30", fine=-5_000_000_000.01)], gives=-500_000_000_001),
    missing="null",
    direction="none",
)
MONTHS_SINCE_LAST = measured(
    "months_since_last",
    event.months_since_last(),
    seen(as_of="2024-06-30", event=[on("2024-01-31")], gives=5),
    seen(as_of="2024-06-29", event=[on("2024-01-31")], gives=4),
    missing="null",
    role="control",
    direction="none",
)
MONTHS_SINCE_DONE = measured(
    "months_since_done",
    event.months_since_last("done"),
    seen(as_of="2024-06-30", event=[on("2024-01-31", done="2024-04-01")], gives=2),
    missing="null",
)
DAYS_SINCE_LISTED = measured(
    "days_since_listed",
    listing.in_effect().days_since_first(),
    seen(as_of="2024-06-30", listing=[on("2024-06-01")], gives=29),
    seen(as_of="2024-06-30", listing=[on("2024-06-01", out_date="2024-06-30")], gives=0),
)
LISTED = measured(
    "listed_now",
    listing.in_effect().any(),
    seen(as_of="2024-06-30", listing=[on("2024-06-01", out_date="2024-07-01")], gives=1),
    seen(as_of="2024-06-30", listing=[on("2024-06-01", out_date="2024-06-30")], gives=0),
    seen(as_of="2024-06-30", listing=[on("2024-07-01", known="2024-06-01")], gives=0),
)
REPORTS = measured(
    "reports",
    event.where(f.year.due_within(3, month=6, day=30)).distinct("year"),
    seen(as_of="2024-06-30", event=[on("2024-06-01", year=year) for year in (2019, 2020, 2022, 2023)], gives=2),
    seen(as_of="2024-07-01", event=[on("2024-06-01", year=year) for year in (2020, 2021, 2023, 2024)], gives=2),
)
OVERDUE = measured(
    "overdue",
    event.where(f.due.before_as_of(), f.done.is_missing()).count(),
    seen(as_of="2024-06-30", event=[on("2024-06-01", due="2024-06-29"), on("2024-06-01", due="2024-06-30")], gives=1),
    seen(as_of="2024-06-30", event=[on("2024-06-01", due="2024-06-29", done="2024-06-30")], gives=0),
)
SOON_DUE = measured(
    "soon_due",
    event.where(f.due.after_as_of(), f.due.before_as_of(days=30)).count(),
    seen(as_of="2024-06-30", event=[on("2024-06-01", due="2024-07-29"), on("2024-06-01", due="2024-07-30")], gives=1),
    seen(as_of="2024-06-30", event=[on("2024-06-01", due="2024-06-30"), on("2024-06-01", due="2024-07-01")], gives=1),
)
LATE = measured(
    "late",
    event.where(f.done > f.due.plus(days=10)).count(),
    seen(as_of="2024-06-30", event=[on("2024-05-01", due="2024-05-10", done="2024-05-21")], gives=1),
    seen(as_of="2024-06-30", event=[on("2024-05-01", due="2024-05-10", done="2024-05-20")], gives=0),
)
DIRTY = measured(
    "dirty",
    event.where(f.findings.has("dirt", "papers")).count(),
    seen(as_of="2024-06-30", event=[on("2024-05-01", findings="weights|dirt")], gives=1),
    seen(as_of="2024-06-30", event=[on("2024-05-01", findings="weights"), on("2024-05-01")], gives=0),
)
GRAVE = measured(
    "grave",
    event.where(f.severity >= 2, f.trade.is_not("tools"), f.verified.is_(1)).count(),
    seen(as_of="2024-06-30", event=[on("2024-05-01", severity=2, trade="food", verified=1)], gives=1),
    seen(as_of="2024-06-30", event=[on("2024-05-01", severity=2, verified=1)], gives=0),
    seen(as_of="2024-06-30", event=[on("2024-05-01", severity=1, trade="food", verified=1)], gives=0),
)
NAMED = measured(
    "named",
    event.where(f.trade.is_in("food", "tools"), f.severity < 3, f.fine <= 100, f.fine > 0).count(),
    seen(as_of="2024-06-30", event=[on("2024-05-01", trade="food", severity=2, fine=1)], gives=1),
    seen(as_of="2024-06-30", event=[on("2024-05-01", trade="food", severity=2, fine=1.01)], gives=0),
)
SHARE = measured(
    "verified_share",
    ratio(event.where(f.verified.is_(1)).count(), event.count()),
    seen(as_of="2024-06-30", event=[on("2024-05-01", verified=1)] + [on("2024-05-01", verified=0)] * 3, gives=0.25),
    seen(as_of="2024-06-30", gives=None),
    missing="null",
)
GROWTH = measured(
    "growth",
    ratio(
        event.within(days=90).count(),
        difference(event.within(days=180).count(), event.within(days=90).count()),
        plus=(1, 1),
    ),
    seen(as_of="2024-06-30", event=[on("2024-06-01"), on("2024-06-02"), on("2024-03-01")], gives=1.5),
)
BOTH = measured(
    "listed_with_events",
    both(listing.in_effect().count(), event.count()),
    seen(as_of="2024-06-30", event=[on("2024-06-01")], listing=[on("2024-06-01")], gives=1),
    seen(as_of="2024-06-30", event=[on("2024-06-01")], gives=0),
)
MIXED = measured(
    "mixed",
    total(
        greatest(event.max("severity"), listing.count()),
        or_zero(event.min("severity")),
        clipped(event.count(), 0, 2),
        flag(event.count(), at_least=3),
    ),
    seen(as_of="2024-06-30", event=[on("2024-06-01", severity=2)] * 3, gives=7),
    seen(as_of="2024-06-30", gives=0),
)
VISITS = measured(
    "visits_12m",
    event.where(f.item.is_("I3")).within(months=12).count(),
    seen(as_of="2022-12-31", event=[on("2022-12-31", item="I3"), on("2022-12-31", item="I2")], gives=1),
    seen(as_of="2022-12-30", event=[on("2022-12-30", item="I3")], gives=None),
    items=("I3",),
)
