"""How long a food business has been in trade."""

from features.indicators.language import Indicator, f, on, records, seen

LICENCE_AGE = Indicator(
    code="licence_age",
    label="首次许可以来天数",
    label_en="days since the first licence",
    section="D1",
    unit="day",
    value=records("entity").where(f.roll.is_("licence")).days_since_first("first_licensed"),
    direction="none",
    basis="Municipal Code of Chicago, Title 4",
    reason="首次取得许可已{v}天",
    reason_en="first licensed {v} days ago",
    items=("F01",),
    missing="null",
    examples=(
        seen(as_of="2013-06-30", entity=[on("2013-06-20", roll="licence", first_licensed="2013-06-20")], gives=10),
        seen(as_of="2013-06-30", entity=[on("1900-01-01", roll="place")], gives=None),
    ),
)
