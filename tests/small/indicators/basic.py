from features.indicators.language import (
    Indicator,
    below,
    due_periods,
    log1p,
    on,
    over,
    records,
    seen,
)

registration = records("entity")
opened = registration.first_day("opened")

AGE_MONTHS = Indicator(
    code="age_months",
    label="开业月数",
    label_en="months since opening",
    section="B1",
    items=("I1",),
    unit="month",
    value=registration.months_since_first("opened"),
    direction="safer",
    missing="null",
    basis="小地方条例",
    reason="开业{v}个月",
    reason_en="opened {v} months ago",
    examples=(
        seen(as_of="2024-06-30", entity=[on("2024-05-31")], gives=1),
        seen(as_of="2024-06-29", entity=[on("2024-05-30")], gives=0),
        seen(as_of="2024-06-30", entity=[on("2024-06-30", known="2024-07-01")], gives=None),
    ),
)

IS_NEW = Indicator(
    code="is_new",
    label="开业不满十二个月",
    label_en="opened less than twelve months ago",
    section="B1",
    items=("I1",),
    unit="0/1",
    value=below(registration.months_since_first(), 12),
    direction="riskier",
    missing="null",
    basis="小地方条例",
    reason="开业不满十二个月",
    reason_en="opened less than twelve months ago",
    examples=(
        seen(as_of="2024-06-30", entity=[on("2023-07-01")], gives=1),
        seen(as_of="2024-06-30", entity=[on("2023-06-30")], gives=0),
    ),
)

CAPITAL_LOG = Indicator(
    code="capital_log",
    label="资本",
    label_en="capital",
    section="B1",
    items=("I1",),
    unit="ln(1+money)",
    value=log1p(registration.latest("capital"), over=100),
    direction="none",
    missing="null",
    basis="小地方条例",
    reason="资本{v}",
    reason_en="capital {v}",
    examples=(
        seen(as_of="2024-06-30", entity=[on("2020-01-01", capital=0)], gives=0),
        seen(as_of="2024-06-30", entity=[on("2020-01-01")], gives=None),
    ),
)

TRADE = Indicator(
    code="trade",
    label="行业",
    label_en="trade",
    section="B1",
    items=("I1",),
    unit="code",
    value=registration.latest("trade"),
    direction="none",
    missing="null",
    basis="小地方条例",
    reason="行业为{v}",
    reason_en="trade {v}",
    kinds=("shop",),
    examples=(
        seen(as_of="2024-06-30", entity=[on("2020-01-01", trade="tools")], gives=1),
        seen(as_of="2024-06-30", entity=[on("2020-01-01", trade="tools")], kind="stall", gives=None),
    ),
)

REPORTS_DUE = Indicator(
    code="reports_due",
    label="应报年度数",
    label_en="yearly reports due",
    section="B1",
    items=("I1",),
    unit="time",
    value=due_periods(opened, 3, month=6, day=30),
    direction="none",
    basis="小地方条例",
    reason="应报{v}个年度",
    reason_en="{v} reports due",
    examples=(
        seen(as_of="2024-06-30", entity=[on("2022-05-01")], gives=1),
        seen(as_of="2024-07-01", entity=[on("2022-05-01")], gives=2),
    ),
)

AGE_YEARS = Indicator(
    code="age_years",
    label="开业年数",
    label_en="years since opening",
    section="B1",
    items=("I1",),
    unit="year",
    value=over(registration.months_since_first("opened"), 12),
    direction="none",
    missing="null",
    basis="小地方条例",
    reason="开业{v}年",
    reason_en="opened {v} years ago",
    examples=(
        seen(as_of="2024-06-30", entity=[on("2023-03-31")], gives=1.25),
        seen(as_of="2024-06-30", entity=[on("2024-06-01")], gives=0),
    ),
)
