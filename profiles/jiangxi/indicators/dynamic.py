"""动态信息: changes, reports, the state of business, levies and activity, pledges and rights."""

from features.indicators.language import (
    Indicator,
    below,
    both,
    clipped,
    difference,
    due_periods,
    f,
    flag,
    greatest,
    log1p,
    on,
    over,
    ratio,
    records,
    seen,
    total,
)

OPINION = "《实施意见》三（一）动态信息；省局拟定，待批准"
REGISTRATION_LAW = "《市场主体登记管理条例》；《实施意见》三（一）；省局拟定，待批准"
PUBLICITY_LAW = "《企业信息公示暂行条例》；《实施意见》三（一）；省局拟定，待批准"
TAX_BASIS = "《实施意见》三（二）总局推送税务信息；省局拟定，待批准"
LABOUR_BASIS = "《实施意见》三（二）总局推送社保信息；省局拟定，待批准"

TEN_THOUSAND_YUAN = 10_000  # report amounts in 10,000 yuan are kept with four decimals
YUAN = 100  # money is kept in fen
DUE_MONTH, DUE_DAY = 6, 30  # annual reports are due on 30 June of the next year
KEY_CHANGES = ("name", "legal_rep", "operator", "domicile", "scope", "capital", "shareholders")

registration = records("entity")
established = registration.first_day("est_date")
change = records("entity_change")
report = records("annual_report")
last_due = report.where(f.year.due_within(1, month=DUE_MONTH, day=DUE_DAY))
notice = records("notice")
tax = records("tax_status")
insurance = records("social_insurance")
capital = registration.latest("reg_capital")

# ---------------------------------------------------------------------------------------------- D1 登记变更

CHANGE_COUNT_12M = Indicator(
    code="change_count_12m",
    label="近12个月变更次数",
    label_en="approved changes, 12 months",
    section="D1",
    items=("G101", "G102"),
    value=change.within(months=12).distinct("approved_date"),
    unit="time",
    direction="riskier",
    basis=REGISTRATION_LAW,
    reason="近12个月办理变更登记{v}次",
    reason_en="{v} approved changes in 12 months",
    examples=(
        seen(
            as_of="2025-06-30",
            entity_change=[
                on("2025-03-01", change_item="name"),
                on("2025-03-01", change_item="domicile"),
                on("2025-05-01", change_item="scope"),
            ],
            gives=2,
        ),
        seen(as_of="2025-06-30", entity_change=[on("2024-06-30", change_item="name")], gives=0),
    ),
)

CHANGE_BURST_90D = Indicator(
    code="change_burst_90d",
    label="90天内集中变更",
    label_en="burst of changes within 90 days",
    section="D1",
    kinds=("enterprise", "cooperative"),
    items=("G101", "G102"),
    value=flag(change.where(f.change_item.is_in(*KEY_CHANGES)).within(days=90).distinct("change_item"), at_least=3),
    unit="0/1",
    direction="riskier",
    key=True,
    basis=OPINION,
    reason="近90天内法定代表人、住所、股权等集中变更",
    reason_en="legal representative, domicile, shares and the like changed within 90 days",
    examples=(
        seen(
            as_of="2025-06-30",
            entity_change=[on("2025-04-02", change_item=item) for item in ("legal_rep", "domicile", "shareholders")],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            entity_change=[
                on("2025-04-01", change_item="legal_rep"),
                on("2025-04-02", change_item="domicile"),
                on("2025-05-02", change_item="shareholders"),
            ],
            gives=0,
        ),
        seen(
            as_of="2025-06-30",
            entity_change=[on("2025-05-01", change_item=item) for item in ("legal_rep", "domicile", "articles")],
            gives=0,
        ),
    ),
)

MONTHS_SINCE_LAST_CHANGE = Indicator(
    code="months_since_last_change",
    label="距最近一次变更月数",
    label_en="months since the latest change",
    section="D1",
    items=("G101", "G102"),
    value=change.within(months=60).months_since_last(),
    unit="month",
    direction="safer",
    missing="null",
    basis=OPINION,
    reason="距最近一次变更登记{v}个月",
    reason_en="{v} months since the latest change",
    examples=(
        seen(as_of="2025-06-30", entity_change=[on("2025-01-31", change_item="name")], gives=5),
        seen(as_of="2025-06-30", entity_change=[on("2020-06-30", change_item="name")], gives=None),
    ),
)

LEGAL_REP_CHANGE_COUNT_24M = Indicator(
    code="legal_rep_change_count_24m",
    label="近24个月法定代表人变更次数",
    label_en="changes of legal representative, 24 months",
    section="D1",
    kinds=("enterprise", "cooperative"),
    items=("G101",),
    value=change.where(f.change_item.is_("legal_rep")).within(months=24).count(),
    unit="time",
    direction="riskier",
    basis=REGISTRATION_LAW,
    reason="近24个月变更法定代表人{v}次",
    reason_en="legal representative changed {v} times in 24 months",
    examples=(
        seen(as_of="2025-06-30", entity_change=[on("2023-07-01", change_item="legal_rep")], gives=1),
        seen(as_of="2025-06-30", entity_change=[on("2023-06-30", change_item="legal_rep")], gives=0),
    ),
)

OPERATOR_CHANGE_COUNT_24M = Indicator(
    code="operator_change_count_24m",
    label="近24个月经营者变更次数",
    label_en="changes of operator, 24 months",
    section="D1",
    kinds=("individual_business",),
    items=("G101",),
    value=change.where(f.change_item.is_("operator")).within(months=24).count(),
    unit="time",
    direction="riskier",
    basis="《促进个体工商户发展条例》；《实施意见》三（一）；省局拟定，待批准",
    reason="近24个月变更经营者{v}次",
    reason_en="operator changed {v} times in 24 months",
    examples=(
        seen(as_of="2025-06-30", entity_change=[on("2025-06-30", change_item="operator")], gives=1),
        seen(as_of="2025-06-30", entity_change=[on("2025-06-30", change_item="operator", known="2025-07-01")], gives=0),
        seen(
            as_of="2025-06-30", kind="enterprise", entity_change=[on("2025-06-30", change_item="operator")], gives=None
        ),
    ),
)

ADDRESS_CHANGE_COUNT_24M = Indicator(
    code="address_change_count_24m",
    label="近24个月住所变更次数",
    label_en="changes of domicile, 24 months",
    section="D1",
    items=("G101",),
    value=change.where(f.change_item.is_("domicile")).within(months=24).count(),
    unit="time",
    direction="riskier",
    basis=REGISTRATION_LAW,
    reason="近24个月变更住所（经营场所）{v}次",
    reason_en="domicile changed {v} times in 24 months",
    examples=(
        seen(
            as_of="2025-06-30",
            entity_change=[on("2023-07-01", change_item="domicile"), on("2025-06-30", change_item="domicile")],
            gives=2,
        ),
        seen(as_of="2025-06-30", entity_change=[on("2025-07-01", change_item="domicile")], gives=0),
    ),
)

CROSS_COUNTY_MOVE_36M = Indicator(
    code="cross_county_move_36m",
    label="近36个月跨县迁移次数",
    label_en="moves to another county, 36 months",
    section="D1",
    items=("G101",),
    value=change.where(f.change_item.is_("domicile"), f.cross_county.is_(1)).within(months=36).count(),
    unit="time",
    direction="riskier",
    basis="《市场主体登记管理条例》第二十七条；省局拟定，待批准",
    reason="近36个月跨县（市、区）迁移{v}次",
    reason_en="moved to another county {v} times in 36 months",
    examples=(
        seen(as_of="2025-06-30", entity_change=[on("2022-07-01", change_item="domicile", cross_county=1)], gives=1),
        seen(as_of="2025-06-30", entity_change=[on("2022-07-01", change_item="domicile", cross_county=0)], gives=0),
        seen(as_of="2025-06-30", entity_change=[on("2022-06-30", change_item="domicile", cross_county=1)], gives=0),
    ),
)

CAPITAL_DECREASE_24M = Indicator(
    code="capital_decrease_24m",
    label="近24个月减资次数",
    label_en="decreases of capital, 24 months",
    section="D1",
    kinds=("enterprise", "cooperative"),
    items=("G101",),
    value=change.where(f.change_item.is_("capital"), f.decrease_ratio >= 1000).within(months=24).count(),
    unit="time",
    direction="riskier",
    key=True,
    basis="《公司法》；省局拟定，待批准：减少10%以上计入",
    reason="近24个月减少注册资本10%以上{v}次",
    reason_en="capital decreased by a tenth or more {v} times in 24 months",
    examples=(
        seen(as_of="2025-06-30", entity_change=[on("2025-01-01", change_item="capital", decrease_ratio=0.1)], gives=1),
        seen(
            as_of="2025-06-30",
            entity_change=[on("2025-01-01", change_item="capital", decrease_ratio=0.0999)],
            gives=0,
        ),
        seen(as_of="2025-06-30", entity_change=[on("2025-01-01", change_item="capital")], gives=0),
    ),
)

SHAREHOLDER_CHANGE_COUNT_24M = Indicator(
    code="shareholder_change_count_24m",
    label="近24个月股东变更次数",
    label_en="changes of shareholders, 24 months",
    section="D1",
    kinds=("enterprise",),
    items=("G101", "G111"),
    value=change.where(f.change_item.is_("shareholders")).within(months=24).count(),
    unit="time",
    direction="riskier",
    basis="《企业信息公示暂行条例》第十条；省局拟定，待批准",
    reason="近24个月变更股东{v}次",
    reason_en="shareholders changed {v} times in 24 months",
    examples=(
        seen(as_of="2025-06-30", entity_change=[on("2023-07-01", change_item="shareholders")], gives=1),
        seen(as_of="2025-06-30", entity_change=[on("2023-06-30", change_item="shareholders")], gives=0),
    ),
)

# ---------------------------------------------------------------------------------- D2 年报与信息公示

ANNUAL_REPORT_ON_TIME_LAST = Indicator(
    code="annual_report_on_time_last",
    label="最近应报年度按时年报",
    label_en="latest annual report due was on time",
    section="D2",
    items=("G110",),
    value=ratio(
        last_due.where(f.filed_at <= f.due_date).distinct("year"),
        due_periods(established, 1, month=DUE_MONTH, day=DUE_DAY),
    ),
    unit="0/1",
    direction="safer",
    monotone=True,
    missing="null",
    basis="《企业信息公示暂行条例》第八条；《市场主体登记管理条例实施细则》第六十三条；省局拟定，待批准",
    reason="最近应报年度按时报送年度报告（1是，0否）：{v}",
    reason_en="latest annual report due filed on time (1 yes, 0 no): {v}",
    examples=(
        seen(
            as_of="2025-07-31",
            annual_report=[on("2025-06-30", year=2024, due_date="2025-06-30")],
            gives=1,
        ),
        seen(
            as_of="2025-07-31",
            annual_report=[on("2025-07-01", year=2024, due_date="2025-06-30")],
            gives=0,
        ),
        seen(
            as_of="2025-06-30",
            annual_report=[on("2024-05-01", year=2023, due_date="2024-06-30")],
            gives=1,
        ),
        seen(as_of="2025-07-31", gives=0),
        seen(as_of="2025-07-31", entity=[on("2025-01-01")], gives=None),
    ),
)

ANNUAL_REPORT_MISSED_3Y = Indicator(
    code="annual_report_missed_3y",
    label="近3个应报年度未年报次数",
    label_en="annual reports missed, last three due",
    section="D2",
    items=("G110",),
    value=clipped(
        difference(
            due_periods(established, 3, month=DUE_MONTH, day=DUE_DAY),
            report.where(f.year.due_within(3, month=DUE_MONTH, day=DUE_DAY)).distinct("year"),
        ),
        0,
        3,
    ),
    unit="time",
    direction="riskier",
    monotone=True,
    basis="《企业信息公示暂行条例》第八条；《实施意见》三（一）；省局拟定，待批准",
    reason="近3个应报年度有{v}次未报送年度报告",
    reason_en="{v} of the last three annual reports due not filed",
    examples=(
        seen(as_of="2025-07-01", gives=3),
        seen(as_of="2025-06-30", entity=[on("2024-03-01")], gives=0),
        seen(as_of="2025-07-01", entity=[on("2024-03-01")], gives=1),
        seen(
            as_of="2025-07-01",
            annual_report=[on("2025-06-01", year=2024), on("2024-09-01", year=2023), on("2022-06-01", year=2021)],
            gives=1,
        ),
    ),
)

ANNUAL_REPORT_LATE_DAYS_LAST = Indicator(
    code="annual_report_late_days_last",
    label="最近年报迟报天数",
    label_en="days the latest annual report was late",
    section="D2",
    items=("G110",),
    value=last_due.max("late_days"),
    unit="day",
    direction="riskier",
    monotone=True,
    missing="null",
    basis="《企业信息公示暂行条例》第八条；省局拟定，待批准",
    reason="最近年度报告迟报{v}天",
    reason_en="latest annual report {v} days late",
    examples=(
        seen(as_of="2025-07-31", annual_report=[on("2025-07-10", year=2024, late_days=10)], gives=10),
        seen(as_of="2025-06-30", annual_report=[on("2024-06-01", year=2023, late_days=0)], gives=0),
        seen(as_of="2025-07-31", annual_report=[on("2024-07-10", year=2023, late_days=10)], gives=None),
    ),
)

ANNUAL_REPORT_ZERO_DECLARED = Indicator(
    code="annual_report_zero_declared",
    label="年报财务全零申报",
    label_en="latest annual report all zero",
    section="D2",
    kinds=("enterprise", "cooperative"),
    items=("G110",),
    value=last_due.max("all_zero"),
    unit="0/1",
    direction="riskier",
    missing="null",
    visibility="internal",
    basis=PUBLICITY_LAW,
    reason="最近年度报告财务数据全零申报（1是，0否）：{v}",
    reason_en="latest annual report all zero (1 yes, 0 no): {v}",
    examples=(
        seen(as_of="2025-07-31", annual_report=[on("2025-05-10", year=2024, all_zero=1)], gives=1),
        seen(
            as_of="2025-07-31",
            annual_report=[on("2024-05-10", year=2023, all_zero=1), on("2025-05-10", year=2024, all_zero=0)],
            gives=0,
        ),
    ),
)

ANNUAL_REPORT_INCONSISTENCY = Indicator(
    code="annual_report_inconsistency",
    label="年报与部门数据不一致项数",
    label_en="report items deviating from departmental data",
    section="D2",
    items=("G110",),
    value=last_due.max("inconsistent_items"),
    unit="item",
    direction="riskier",
    monotone=True,
    missing="null",
    visibility="internal",
    basis=PUBLICITY_LAW,
    reason="最近年度报告有{v}项与部门数据不一致",
    reason_en="{v} items of the latest annual report deviate from departmental data",
    examples=(
        seen(as_of="2025-07-31", annual_report=[on("2025-05-10", year=2024, inconsistent_items=2)], gives=2),
        seen(as_of="2025-07-31", annual_report=[on("2025-05-10", year=2024)], gives=None),
    ),
)

ANNUAL_REPORT_CONTACT_MISSING = Indicator(
    code="annual_report_contact_missing",
    label="年报联系方式缺失或无效",
    label_en="contact in the latest report missing or invalid",
    section="D2",
    items=("G110",),
    value=below(report.latest("contact_valid"), 1),
    unit="0/1",
    direction="riskier",
    missing="null",
    visibility="internal",
    basis="《企业信息公示暂行条例》第九条；省局拟定，待批准",
    reason="年度报告联系方式缺失或无效（1是，0否）：{v}",
    reason_en="contact in the annual report missing or invalid (1 yes, 0 no): {v}",
    examples=(
        seen(as_of="2025-07-31", annual_report=[on("2025-05-10", year=2024, contact_valid=0)], gives=1),
        seen(as_of="2025-07-31", annual_report=[on("2025-05-10", year=2024, contact_valid=1)], gives=0),
        seen(as_of="2025-07-31", gives=None),
    ),
)

INSTANT_PUBLICITY_LATE_COUNT_24M = Indicator(
    code="instant_publicity_late_count_24m",
    label="近24个月即时信息逾期公示次数",
    label_en="instant information published late, 24 months",
    section="D2",
    kinds=("enterprise",),
    items=("G111",),
    value=total(
        records("instant_publicity").where(f.publicised_on > f.due_date).within(months=24).count(),
        records("instant_publicity")
        .where(f.publicised_on.is_missing(), f.due_date.before_as_of())
        .within(months=24)
        .count(),
    ),
    unit="time",
    direction="riskier",
    monotone=True,
    basis="《企业信息公示暂行条例》第十条；省局拟定，待批准",
    reason="近24个月即时信息逾期公示{v}次",
    reason_en="instant information published late {v} times in 24 months",
    examples=(
        seen(
            as_of="2025-06-30",
            instant_publicity=[on("2025-01-01", matter="licence", due_date="2025-02-01", publicised_on="2025-02-02")],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            instant_publicity=[on("2025-01-01", matter="licence", due_date="2025-02-01", publicised_on="2025-02-01")],
            gives=0,
        ),
        seen(
            as_of="2025-06-30",
            instant_publicity=[
                on("2025-06-01", matter="licence", due_date="2025-06-29"),
                on("2025-06-02", matter="licence", due_date="2025-06-30"),
            ],
            gives=1,
        ),
    ),
)

# -------------------------------------------------------------------------------------- D3 存续与经营状态

REGISTRATION_STATUS = Indicator(
    code="registration_status",
    label="登记状态",
    label_en="registration status",
    section="D3",
    items=("G101",),
    value=registration.latest("status"),
    unit="code",
    direction="none",
    missing="null",
    role="display_only",
    basis=REGISTRATION_LAW,
    reason="登记状态",
    reason_en="registration status",
    examples=(
        seen(as_of="2025-06-30", entity=[on("2020-01-01", status="suspended")], gives=1),
        seen(as_of="2025-06-30", gives=0),
    ),
)

SUSPENDED_NOW = Indicator(
    code="suspended_now",
    label="歇业中",
    label_en="suspended",
    section="D3",
    items=("G101", "G113"),
    value=registration.where(f.status.is_("suspended")).any(),
    unit="0/1",
    direction="none",
    basis="《市场主体登记管理条例》第三十条；省局拟定，待批准",
    reason="处于歇业状态",
    reason_en="business suspended",
    examples=(
        seen(as_of="2025-06-30", entity=[on("2025-01-01", status="suspended")], gives=1),
        seen(as_of="2025-06-30", entity=[on("2025-01-01", status="active")], gives=0),
    ),
)

SUSPENSION_OVERDUE = Indicator(
    code="suspension_overdue",
    label="歇业期满未恢复或未公示",
    label_en="suspension ended, not resumed or published",
    section="D3",
    items=("G113",),
    value=notice.where(f.notice_type.is_("suspension"), f.end_date.before_as_of(), f.closed_date.is_missing()).any(),
    unit="0/1",
    direction="riskier",
    monotone=True,
    basis="《市场主体登记管理条例》第三十条；省局拟定，待批准",
    reason="歇业期满未恢复经营或未公示终止歇业",
    reason_en="suspension ended without resumption or publication",
    examples=(
        seen(as_of="2025-06-30", notice=[on("2024-06-29", notice_type="suspension", end_date="2025-06-29")], gives=1),
        seen(as_of="2025-06-30", notice=[on("2024-06-30", notice_type="suspension", end_date="2025-06-30")], gives=0),
        seen(
            as_of="2025-06-30",
            notice=[
                on("2024-01-01", notice_type="suspension", end_date="2025-01-01", closed_date="2025-01-10"),
            ],
            gives=0,
        ),
    ),
)

SIMPLE_DEREGISTRATION_OBJECTED = Indicator(
    code="simple_deregistration_objected",
    label="近24个月简易注销被异议或驳回次数",
    label_en="simple deregistration objected to or refused, 24 months",
    section="D3",
    items=("G113",),
    value=notice.where(f.notice_type.is_("simple_deregistration"), f.result.is_in("objected", "refused"))
    .within(months=24)
    .count(),
    unit="time",
    direction="riskier",
    basis="《市场主体登记管理条例》第三十三条；省局拟定，待批准",
    reason="近24个月简易注销被提出异议或驳回{v}次",
    reason_en="simple deregistration objected to or refused {v} times in 24 months",
    examples=(
        seen(
            as_of="2025-06-30",
            notice=[on("2023-07-01", notice_type="simple_deregistration", result="objected")],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            notice=[on("2023-06-30", notice_type="simple_deregistration", result="objected")],
            gives=0,
        ),
    ),
)

LIQUIDATION_NOTICE_ACTIVE = Indicator(
    code="liquidation_notice_active",
    label="清算或注销公告中",
    label_en="liquidation or deregistration notice open",
    section="D3",
    kinds=("enterprise", "cooperative"),
    items=("G113",),
    value=notice.where(f.notice_type.is_in("liquidation", "deregistration", "simple_deregistration")).in_effect().any(),
    unit="0/1",
    direction="riskier",
    basis="《市场主体登记管理条例》第三十二条、第三十三条；省局拟定，待批准",
    reason="处于清算或注销公告期",
    reason_en="in a period of liquidation or deregistration notice",
    examples=(
        seen(as_of="2025-06-30", notice=[on("2025-06-01", notice_type="liquidation", end_date="2025-07-01")], gives=1),
        seen(as_of="2025-06-30", notice=[on("2025-05-01", notice_type="liquidation", end_date="2025-06-30")], gives=0),
    ),
)

DORMANT_OVER_LIMIT = Indicator(
    code="dormant_over_limit",
    label="长期停业未经营",
    label_en="signs of no business for long",
    section="D3",
    kinds=("enterprise", "cooperative"),
    items=("G109", "G603"),
    value=greatest(
        flag(tax.where(f.tax_matter.is_("zero_filing")).in_effect().max("zero_months"), at_least=6),
        flag(records("inspection").where(f.results.has("03", "06", "08")).within(months=24).count(), at_least=2),
    ),
    unit="0/1",
    direction="riskier",
    missing="null",
    visibility="internal",
    basis="《公司法》；《农民专业合作社法》第七十一条；省局拟定，待批准",
    reason="疑似长期停业未经营（1是，0否）：{v}",
    reason_en="signs of no business for long (1 yes, 0 no): {v}",
    examples=(
        seen(as_of="2025-06-30", tax_status=[on("2025-01-01", tax_matter="zero_filing", zero_months=6)], gives=1),
        seen(as_of="2025-06-30", tax_status=[on("2025-01-01", tax_matter="zero_filing", zero_months=5)], gives=0),
        seen(
            as_of="2025-06-30",
            inspection=[on("2024-01-01", results="03"), on("2025-01-01", results="03")],
            gives=1,
        ),
        seen(as_of="2025-06-30", gives=None),
    ),
)

REVOKED_NOT_DEREGISTERED = Indicator(
    code="revoked_not_deregistered",
    label="吊销未注销",
    label_en="licence revoked, not deregistered",
    section="D3",
    items=("G101", "G106"),
    value=registration.where(f.status.is_("revoked")).any(),
    unit="0/1",
    direction="riskier",
    monotone=True,
    role="override_only",
    basis="《公司法》；《市场主体登记管理条例》；省局拟定，待批准：直接判定，不进入训练",
    reason="营业执照已被吊销未注销",
    reason_en="business licence revoked, not deregistered",
    examples=(
        seen(as_of="2025-06-30", entity=[on("2025-06-30", status="revoked", est_date="2015-01-01")], gives=1),
        seen(as_of="2025-06-30", entity=[on("2025-06-30", status="revoked_deregistered")], gives=0),
    ),
)

FALSE_REGISTRATION_FLAG = Indicator(
    code="false_registration_flag",
    label="涉嫌或认定虚假登记",
    label_en="registration suspected or found false",
    section="D3",
    items=("G101", "G113"),
    value=greatest(
        notice.where(f.notice_type.is_("false_registration")).in_effect().any(),
        notice.where(f.notice_type.is_("false_registration"), f.result.is_("confirmed")).within(months=60).any(),
        notice.where(f.notice_type.is_("registration_voided")).within(months=60).any(),
    ),
    unit="0/1",
    direction="riskier",
    monotone=True,
    key=True,
    basis="《市场主体登记管理条例》第四十条；省局拟定，待批准",
    reason="涉嫌或已被认定虚假登记",
    reason_en="registration suspected or found false",
    examples=(
        seen(
            as_of="2025-06-30",
            notice=[on("2025-06-01", notice_type="false_registration", end_date="2025-07-16")],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            notice=[
                on("2025-05-01", notice_type="false_registration", end_date="2025-06-15", result="cleared"),
            ],
            gives=0,
        ),
        seen(as_of="2025-06-30", notice=[on("2020-07-01", notice_type="registration_voided")], gives=1),
        seen(as_of="2025-06-30", notice=[on("2020-06-30", notice_type="registration_voided")], gives=0),
    ),
)

FALSE_REGISTRATION_CONFIRMED = Indicator(
    code="false_registration_confirmed",
    label="认定虚假登记",
    label_en="registration found false",
    section="D3",
    items=("G101", "G113"),
    value=greatest(
        notice.where(f.notice_type.is_("false_registration"), f.result.is_("confirmed")).any(),
        notice.where(f.notice_type.is_("registration_voided")).any(),
    ),
    unit="0/1",
    direction="riskier",
    monotone=True,
    role="override_only",
    basis="《市场主体登记管理条例》第四十条；省局拟定，待批准：直接判定",
    reason="已被认定虚假登记",
    reason_en="registration found false",
    examples=(
        seen(
            as_of="2025-06-30",
            notice=[on("2025-05-01", notice_type="false_registration", end_date="2025-06-15", result="confirmed")],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            notice=[on("2025-06-01", notice_type="false_registration", end_date="2025-07-16")],
            gives=0,
        ),
    ),
)

# ---------------------------------------------------------------------------------- D4 税费社保与经营活跃

TAX_ABNORMAL_HOUSEHOLD = Indicator(
    code="tax_abnormal_household",
    label="税务非正常户",
    label_en="abnormal tax household",
    section="D4",
    items=("G603",),
    value=tax.where(f.tax_matter.is_("abnormal_household")).in_effect().any(),
    unit="0/1",
    direction="riskier",
    monotone=True,
    missing="null",
    key=True,
    basis=TAX_BASIS,
    reason="被认定为税务非正常户（1是，0否）：{v}",
    reason_en="recognised as an abnormal tax household (1 yes, 0 no): {v}",
    examples=(
        seen(as_of="2025-06-30", tax_status=[on("2025-01-01", tax_matter="abnormal_household")], gives=1),
        seen(
            as_of="2025-06-30",
            tax_status=[on("2025-01-01", tax_matter="abnormal_household", to_date="2025-06-30")],
            gives=0,
        ),
        seen(as_of="2025-06-30", gives=None),
    ),
)

TAX_CREDIT_GRADE = Indicator(
    code="tax_credit_grade",
    label="纳税信用级别",
    label_en="tax credit grade",
    section="D4",
    kinds=("enterprise", "cooperative"),
    items=("G603",),
    value=tax.where(f.tax_matter.is_("credit_grade")).in_effect().latest("grade"),
    unit="0-4",
    direction="riskier",
    monotone=True,
    missing="null",
    visibility="internal",
    basis=TAX_BASIS,
    reason="纳税信用级别（A为0，D为4）：{v}",
    reason_en="tax credit grade (A is 0, D is 4): {v}",
    examples=(
        seen(
            as_of="2025-06-30",
            tax_status=[
                on("2024-04-01", tax_matter="credit_grade", grade="D"),
                on("2025-04-01", tax_matter="credit_grade", grade="M"),
            ],
            gives=2,
        ),
        seen(
            as_of="2025-06-30",
            tax_status=[on("2024-06-30", tax_matter="credit_grade", grade="D", to_date="2025-06-30")],
            gives=None,
        ),
    ),
)

TAX_ARREARS_AMOUNT_LOG = Indicator(
    code="tax_arrears_amount_log",
    label="欠税公告余额",
    label_en="announced tax arrears",
    section="D4",
    items=("G603",),
    value=log1p(tax.where(f.tax_matter.is_("arrears")).in_effect().sum("amount"), over=YUAN),
    unit="ln(1+CNY)",
    direction="riskier",
    monotone=True,
    basis=TAX_BASIS,
    reason="公告欠税余额（元，取对数）{v}",
    reason_en="announced tax arrears (log of yuan) {v}",
    examples=(
        seen(
            as_of="2025-06-30", tax_status=[on("2025-01-01", tax_matter="arrears", amount=1)], gives=0.6931471805599453
        ),
        seen(
            as_of="2025-06-30",
            tax_status=[on("2025-01-01", tax_matter="arrears", amount=1, to_date="2025-06-01")],
            gives=0,
        ),
    ),
)

INVOICE_RISK_FLAG = Indicator(
    code="invoice_risk_flag",
    label="走逃失联或发票异常",
    label_en="escaped contact or abnormal invoices",
    section="D4",
    kinds=("enterprise", "individual_business"),
    items=("G603",),
    value=tax.where(f.tax_matter.is_in("lost_contact", "abnormal_invoice")).within(months=24).any(),
    unit="0/1",
    direction="riskier",
    monotone=True,
    visibility="internal",
    key=True,
    basis=TAX_BASIS,
    reason="近24个月存在走逃失联或发票异常记录",
    reason_en="escaped contact or abnormal invoices in 24 months",
    examples=(
        seen(as_of="2025-06-30", tax_status=[on("2023-07-01", tax_matter="abnormal_invoice")], gives=1),
        seen(as_of="2025-06-30", tax_status=[on("2023-06-30", tax_matter="abnormal_invoice")], gives=0),
        seen(as_of="2020-12-31", tax_status=[on("2020-07-01", tax_matter="abnormal_invoice")], gives=1),
        seen(as_of="2020-12-30", tax_status=[on("2020-07-01", tax_matter="abnormal_invoice")], gives=None),
    ),
)

INSURED_HEADCOUNT_LOG = Indicator(
    code="insured_headcount_log",
    label="参保人数",
    label_en="insured staff",
    section="D4",
    items=("G602",),
    value=log1p(insurance.latest("headcount")),
    unit="ln(1+person)",
    direction="safer",
    missing="null",
    visibility="internal",
    basis=LABOUR_BASIS,
    reason="参保人数（取对数）{v}",
    reason_en="insured staff (log) {v}",
    examples=(
        seen(
            as_of="2025-06-30",
            social_insurance=[on("2025-04-30", headcount=50), on("2025-05-31", headcount=0)],
            gives=0,
        ),
        seen(as_of="2025-06-30", gives=None),
    ),
)

INSURED_HEADCOUNT_DROP_6M = Indicator(
    code="insured_headcount_drop_6m",
    label="参保人数6个月降幅",
    label_en="drop of insured staff in six months",
    section="D4",
    kinds=("enterprise", "cooperative"),
    items=("G602",),
    value=clipped(
        difference(
            flag(insurance.latest("headcount_before"), at_least=10),
            ratio(insurance.latest("headcount"), insurance.latest("headcount_before")),
        ),
        0,
        1,
    ),
    unit="share",
    direction="riskier",
    missing="null",
    visibility="internal",
    key=True,
    basis=LABOUR_BASIS,
    reason="参保人数较六个月前下降{v}",
    reason_en="insured staff fell by {v} in six months",
    examples=(
        seen(as_of="2025-06-30", social_insurance=[on("2025-05-31", headcount=6, headcount_before=10)], gives=0.4),
        seen(as_of="2025-06-30", social_insurance=[on("2025-05-31", headcount=6, headcount_before=9)], gives=0),
        seen(as_of="2025-06-30", social_insurance=[on("2025-05-31", headcount=6)], gives=None),
    ),
)

SOCIAL_INSURANCE_ARREARS_MONTHS = Indicator(
    code="social_insurance_arrears_months",
    label="近24个月欠缴社保月数",
    label_en="months of social insurance arrears, 24 months",
    section="D4",
    items=("G602",),
    value=insurance.where(f.in_arrears.is_(1), f.settled_date.is_missing()).within(months=24).distinct("month_end"),
    unit="month",
    direction="riskier",
    monotone=True,
    visibility="internal",
    basis=LABOUR_BASIS,
    reason="近24个月欠缴社保{v}个月",
    reason_en="social insurance in arrears for {v} months of 24",
    examples=(
        seen(
            as_of="2025-06-30",
            social_insurance=[
                on("2025-04-30", in_arrears=1, insurance_kind="pension"),
                on("2025-04-30", in_arrears=1, insurance_kind="medical"),
                on("2025-05-31", in_arrears=1, settled_date="2025-06-20"),
            ],
            gives=1,
        ),
        seen(as_of="2025-06-30", social_insurance=[on("2023-06-30", in_arrears=1)], gives=0),
    ),
)

WAGE_ARREARS_CASE_24M = Indicator(
    code="wage_arrears_case_24m",
    label="近24个月拖欠工资案件",
    label_en="wage arrears cases, 24 months",
    section="D4",
    items=("G602", "G302"),
    value=records("wage_arrears").within(months=24).decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    key=True,
    basis="《保障农民工工资支付条例》；《实施意见》三（二）；省局拟定，待批准",
    reason="近24个月拖欠工资案件（按时间加权{v}件）",
    reason_en="wage arrears cases in 24 months (weighted {v})",
    examples=(
        seen(
            as_of="2025-06-30",
            wage_arrears=[on("2024-06-30", wage_matter="decision"), on("2025-06-30", wage_matter="list_entry")],
            gives=1.5,
        ),
        seen(as_of="2025-06-30", wage_arrears=[on("2023-06-30", wage_matter="decision")], gives=0),
    ),
)

REVENUE_YOY_CHANGE = Indicator(
    code="revenue_yoy_change",
    label="营业收入同比",
    label_en="change of revenue on the year before",
    section="D4",
    kinds=("enterprise", "cooperative"),
    items=("G110",),
    value=clipped(
        difference(
            ratio(report.latest("revenue"), report.latest("revenue_before")),
            flag(report.latest("revenue_before"), at_least=0),
        ),
        -1,
        5,
    ),
    unit="share",
    direction="safer",
    missing="null",
    visibility="internal",
    basis=OPINION,
    reason="营业收入同比变化{v}",
    reason_en="revenue changed by {v} on the year before",
    examples=(
        seen(
            as_of="2025-06-30", annual_report=[on("2025-05-01", year=2024, revenue=75, revenue_before=100)], gives=-0.25
        ),
        seen(as_of="2025-06-30", annual_report=[on("2025-05-01", year=2024, revenue=75, revenue_before=0)], gives=None),
        seen(as_of="2025-06-30", annual_report=[on("2025-05-01", year=2024, revenue=700, revenue_before=1)], gives=5),
    ),
)

DEBT_ASSET_RATIO = Indicator(
    code="debt_asset_ratio",
    label="资产负债率",
    label_en="debt to assets",
    section="D4",
    kinds=("enterprise", "cooperative"),
    items=("G110",),
    value=clipped(ratio(report.latest("liabilities"), report.latest("assets")), 0, 3),
    unit="share",
    direction="riskier",
    missing="null",
    visibility="internal",
    basis=OPINION,
    reason="资产负债率{v}",
    reason_en="debt is {v} of assets",
    examples=(
        seen(as_of="2025-06-30", annual_report=[on("2025-05-01", year=2024, liabilities=30, assets=40)], gives=0.75),
        seen(as_of="2025-06-30", annual_report=[on("2025-05-01", year=2024, liabilities=400, assets=40)], gives=3),
        seen(as_of="2025-06-30", annual_report=[on("2025-05-01", year=2024, liabilities=0, assets=0)], gives=None),
    ),
)

SME_PAYMENT_OVERDUE_AMOUNT_LOG = Indicator(
    code="sme_payment_overdue_amount_log",
    label="拖欠中小企业款项",
    label_en="overdue payments to small enterprises",
    section="D4",
    kinds=("enterprise",),
    items=("G110",),
    value=log1p(report.latest("overdue_sme_payment"), over=TEN_THOUSAND_YUAN),
    unit="ln(1+10k CNY)",
    direction="riskier",
    monotone=True,
    basis="《保障中小企业款项支付条例》；省局拟定，待批准",
    reason="逾期未支付中小企业款项（万元，取对数）{v}",
    reason_en="overdue payments to small enterprises (log of 10,000 yuan) {v}",
    examples=(
        seen(
            as_of="2025-06-30",
            annual_report=[on("2025-05-01", year=2024, overdue_sme_payment=1)],
            gives=0.6931471805599453,
        ),
        seen(as_of="2025-06-30", annual_report=[on("2025-05-01", year=2024)], gives=0),
    ),
)

# ------------------------------------------------------------------------------ D5 出质抵押担保与知识产权

EQUITY_PLEDGE_RATIO = Indicator(
    code="equity_pledge_ratio",
    label="股权出质占比",
    label_en="share of equity pledged",
    section="D5",
    kinds=("enterprise",),
    items=("G103",),
    value=clipped(ratio(records("equity_pledge").in_effect().sum("amount"), capital), 0, 1),
    unit="share",
    direction="riskier",
    basis="《企业信息公示暂行条例》第六条；省局拟定，待批准",
    reason="股权出质占注册资本{v}",
    reason_en="{v} of registered capital pledged",
    examples=(
        seen(
            as_of="2025-06-30",
            entity=[on("2020-01-01", reg_capital=100)],
            equity_pledge=[on("2025-01-01", amount=30), on("2024-01-01", amount=50, to_date="2025-06-30")],
            gives=0.3,
        ),
        seen(as_of="2025-06-30", equity_pledge=[on("2025-01-01", amount=30)], gives=0),
    ),
)

EQUITY_FROZEN_COUNT = Indicator(
    code="equity_frozen_count",
    label="股权冻结数",
    label_en="equity freezes in effect",
    section="D5",
    kinds=("enterprise",),
    items=("G601",),
    value=records("equity_freeze").in_effect().count(),
    unit="item",
    direction="riskier",
    monotone=True,
    key=True,
    basis="《实施意见》三（二）总局推送司法信息；省局拟定，待批准",
    reason="有效股权冻结{v}条",
    reason_en="{v} equity freezes in effect",
    examples=(
        seen(as_of="2025-06-30", equity_freeze=[on("2025-01-01"), on("2024-01-01", to_date="2025-07-01")], gives=2),
        seen(as_of="2025-06-30", equity_freeze=[on("2024-01-01", to_date="2025-06-30")], gives=0),
    ),
)

CHATTEL_MORTGAGE_RATIO = Indicator(
    code="chattel_mortgage_ratio",
    label="动产抵押担保债权比",
    label_en="claims secured on chattels to capital",
    section="D5",
    items=("G112", "G604"),
    value=clipped(ratio(records("chattel_mortgage").in_effect().sum("claim"), capital), 0, 5),
    unit="multiple",
    direction="riskier",
    basis="《民法典》第四百零三条；省局拟定，待批准",
    reason="动产抵押担保债权为注册资本的{v}倍",
    reason_en="claims secured on chattels are {v} times the registered capital",
    examples=(
        seen(
            as_of="2025-06-30",
            entity=[on("2020-01-01", reg_capital=100)],
            chattel_mortgage=[on("2025-01-01", claim=150)],
            gives=1.5,
        ),
        seen(
            as_of="2025-06-30",
            entity=[on("2020-01-01", reg_capital=100)],
            chattel_mortgage=[on("2025-01-01", claim=150, to_date="2025-06-30")],
            gives=0,
        ),
    ),
)

IP_PLEDGE_ACTIVE_COUNT = Indicator(
    code="ip_pledge_active_count",
    label="有效知识产权质押数",
    label_en="pledges of intellectual property in effect",
    section="D5",
    kinds=("enterprise", "cooperative"),
    items=("G104",),
    value=records("ip_pledge").in_effect().count(),
    unit="item",
    direction="none",
    basis="《民法典》第四百四十四条；省局拟定，待批准",
    reason="有效知识产权质押{v}件",
    reason_en="{v} pledges of intellectual property in effect",
    examples=(
        seen(as_of="2025-06-30", ip_pledge=[on("2025-06-30")], gives=1),
        seen(as_of="2025-06-30", ip_pledge=[on("2025-07-01", known="2025-06-30")], gives=0),
    ),
)

EXTERNAL_GUARANTEE_RATIO = Indicator(
    code="external_guarantee_ratio",
    label="对外担保比例",
    label_en="guarantees to equity",
    section="D5",
    kinds=("enterprise",),
    items=("G110",),
    value=greatest(
        clipped(ratio(report.latest("guarantees"), report.latest("equity")), 0, 5),
        over(both(below(report.latest("equity"), 0), flag(report.latest("guarantees"), at_least=1)), 0.2),
    ),
    unit="multiple",
    direction="riskier",
    missing="null",
    visibility="internal",
    basis="《企业信息公示暂行条例》第九条；省局拟定，待批准",
    reason="对外担保为净资产的{v}倍",
    reason_en="guarantees are {v} times the equity",
    examples=(
        seen(as_of="2025-06-30", annual_report=[on("2025-05-01", year=2024, guarantees=30, equity=60)], gives=0.5),
        seen(as_of="2025-06-30", annual_report=[on("2025-05-01", year=2024, guarantees=30, equity=-60)], gives=5),
        seen(as_of="2025-06-30", annual_report=[on("2025-05-01", year=2024, equity=60)], gives=None),
    ),
)

VALID_IP_COUNT_LOG = Indicator(
    code="valid_ip_count_log",
    label="有效知识产权数",
    label_en="valid intellectual property rights",
    section="D5",
    items=("G605",),
    value=log1p(records("ip_right").in_effect().count()),
    unit="ln(1+item)",
    direction="safer",
    basis="《实施意见》三（二）；省局拟定，待批准",
    reason="有效专利、商标等（取对数）{v}",
    reason_en="valid patents, trademarks and the like (log) {v}",
    examples=(
        seen(as_of="2025-06-30", ip_right=[on("2020-01-01", ip_kind="patent")], gives=0.6931471805599453),
        seen(as_of="2025-06-30", ip_right=[on("2020-01-01", ip_kind="patent", expires="2025-06-30")], gives=0),
    ),
)
