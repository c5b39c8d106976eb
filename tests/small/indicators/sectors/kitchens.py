"""Kitchens: whoever trades in food, by events about food."""

from features.indicators.language import Indicator, f, general, on, records, seen

event = records("event").where(f.trade.is_("food"))

GENERAL = general("visits_12m", "age_months", "worst_24m", "listed_now", "overdue", "bad_peers")


def kitchen(code, value, *examples, role="feature", section="S1"):
    """One indicator of the sector."""
    return Indicator(
        code=code,
        label=code,
        label_en=code.replace("_", " "),
        section=section,
        items=("I1", "I2"),
        unit="time",
        value=value,
        direction="riskier",
        role=role,
        basis="小地方厨房条例",
        reason="{v}",
        reason_en="{v}",
        examples=examples,
    )


MEMBER = kitchen(
    "kitchen",
    records("entity").where(f.trade.is_("food")).any(),
    seen(as_of="2024-06-30", entity=[on("2020-01-01", trade="food")], gives=1),
    seen(as_of="2024-06-30", entity=[on("2020-01-01", trade="tools")], gives=0),
    role="member",
    section="B1",
)
DIRT = kitchen(
    "dirt_24m",
    event.where(f.severity >= 1).within(months=24).count(),
    seen(
        as_of="2024-06-30",
        event=[on("2024-01-01", trade="food", severity=1), on("2024-01-01", trade="tools", severity=1)],
        gives=1,
    ),
    seen(as_of="2024-06-30", event=[on("2022-06-30", trade="food", severity=1)], gives=0),
)
