"""社会评价信息: complaints, courts, opinion and monitoring, platforms and associations, utilities, honours."""

from features.indicators.language import (
    Indicator,
    below,
    clipped,
    difference,
    f,
    flag,
    on,
    over,
    peer_rate,
    ratio,
    records,
    seen,
)

COMPLAINT_BASIS = "《市场监督管理投诉举报处理暂行办法》；《实施意见》三（一）社会评价信息；省局拟定，待批准"
COURT_BASIS = "《实施意见》三（二）总局推送司法信息；省局拟定，待批准"
MONITORING_BASIS = "《实施意见》三（八）；省局拟定，待批准"
HOLDER_BASIS = "《实施意见》三（二）公用企事业单位、行业协会商会、大型平台企业；省局拟定，待批准"
HONOUR_BASIS = "《实施意见》三（一）社会评价信息；省局拟定，待批准"

complaint = records("complaint").where(f.accepted.is_(1), f.professional.is_(0))
own_execution = records("executed").where(f.debtor_role.is_in("entity", "operator"))
verified_opinion = records("opinion_event").where(f.negative.is_(1), f.verified.is_(1))
account = records("utility_account")
recent_electricity = account.where(f.utility.is_("electricity"), f.usage_year_before.is_present()).within(months=6)

# ------------------------------------------------------------------------------------------- P1 投诉举报

COMPLAINT_COUNT_12M = Indicator(
    code="complaint_count_12m",
    label="近12个月投诉举报",
    label_en="complaints and reports, 12 months",
    section="P1",
    items=("G207",),
    value=complaint.within(months=12).decayed(half_life=6),
    unit="weighted case",
    direction="riskier",
    visibility="internal",
    basis=COMPLAINT_BASIS,
    reason="近12个月受理投诉举报（按时间加权{v}件，不含职业索赔）",
    reason_en="complaints and reports in 12 months (weighted {v}, professional claims left out)",
    examples=(
        seen(
            as_of="2025-06-30",
            complaint=[
                on("2024-12-31", accepted=1, professional=0),
                on("2025-06-30", accepted=1, professional=0),
                on("2025-06-30", accepted=1, professional=1),
                on("2025-06-30", accepted=0, professional=0),
            ],
            gives=1.5,
        ),
        seen(as_of="2025-06-30", complaint=[on("2024-06-30", accepted=1, professional=0)], gives=0),
        seen(as_of="2025-06-30", complaint=[on("2025-06-30", accepted=1, professional=0, known="2025-07-01")], gives=0),
    ),
)

COMPLAINT_RATE_VS_INDUSTRY = Indicator(
    code="complaint_rate_vs_industry",
    label="投诉强度与行业相比",
    label_en="complaints compared with the industry",
    section="P1",
    items=("G207",),
    value=ratio(
        complaint.within(months=12).count(),
        peer_rate(complaint.within(months=12).count(), by=("industry_section", "industry_division"), strength=20),
        plus=(1, 1),
    ),
    unit="multiple",
    direction="riskier",
    visibility="internal",
    basis=COMPLAINT_BASIS,
    reason="近12个月投诉强度为行业平均的{v}倍（平滑后，不含本主体）",
    reason_en="complaints in 12 months {v} times those of the industry (smoothed, this entity left out)",
    examples=(
        seen(
            as_of="2025-06-30",
            entity=[on("2020-01-01", of=who, industry_section="F", industry_division="52") for who in ("it", "b", "c")],
            complaint=[on("2025-01-01", accepted=1, professional=0, of=who) for who in ("it", "it", "b", "b")],
            gives=1.5,
        ),
        seen(
            as_of="2025-06-30",
            entity=[on("2020-01-01", of=who, industry_section="F", industry_division="52") for who in ("it", "b")],
            gives=1,
        ),
    ),
)

COMPLAINT_GROWTH_90D = Indicator(
    code="complaint_growth_90d",
    label="投诉增速",
    label_en="growth of complaints",
    section="P1",
    items=("G207",),
    value=ratio(
        complaint.within(days=90).count(),
        over(difference(complaint.within(days=450).count(), complaint.within(days=90).count()), 4),
        plus=(1, 1),
    ),
    unit="multiple",
    direction="riskier",
    visibility="internal",
    key=True,
    basis=MONITORING_BASIS,
    reason="近90天投诉量为此前四个季度平均的{v}倍（平滑后）",
    reason_en="complaints of 90 days {v} times the mean of the four periods before (smoothed)",
    examples=(
        seen(
            as_of="2025-06-30",
            complaint=[on(day, accepted=1, professional=0) for day in ("2025-04-02", "2025-05-01", "2025-06-30")]
            + [on("2025-04-01", accepted=1, professional=0)] * 4,
            gives=2,
        ),
        seen(as_of="2025-06-30", gives=1),
    ),
)

COMPLAINT_REFUSED_MEDIATION_24M = Indicator(
    code="complaint_refused_mediation_24m",
    label="近24个月拒绝调解次数",
    label_en="mediation refused, 24 months",
    section="P1",
    items=("G207",),
    value=records("complaint").where(f.outcome.is_("mediation_refused")).within(months=24).count(),
    unit="time",
    direction="riskier",
    visibility="internal",
    basis=COMPLAINT_BASIS,
    reason="近24个月拒绝调解{v}次",
    reason_en="mediation refused {v} times in 24 months",
    examples=(
        seen(as_of="2025-06-30", complaint=[on("2023-07-01", outcome="mediation_refused")], gives=1),
        seen(as_of="2025-06-30", complaint=[on("2023-06-30", outcome="mediation_refused")], gives=0),
    ),
)

COMPLAINT_PREPAID_12M = Indicator(
    code="complaint_prepaid_12m",
    label="近12个月预付式消费投诉",
    label_en="complaints about prepaid business, 12 months",
    section="P1",
    items=("G207",),
    value=complaint.where(f.topic.is_("prepaid")).within(months=12).decayed(half_life=6),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    visibility="internal",
    key=True,
    basis=COMPLAINT_BASIS,
    reason="近12个月预付式消费投诉（按时间加权{v}件）",
    reason_en="complaints about prepaid business in 12 months (weighted {v})",
    examples=(
        seen(as_of="2025-06-30", complaint=[on("2024-12-31", accepted=1, professional=0, topic="prepaid")], gives=0.5),
        seen(as_of="2025-06-30", complaint=[on("2025-06-30", accepted=1, professional=0, topic="price")], gives=0),
    ),
)

GROUP_COMPLAINT_30D = Indicator(
    code="group_complaint_30d",
    label="群体性投诉",
    label_en="many complainants at once",
    section="P1",
    items=("G207",),
    value=flag(complaint.within(days=30).distinct("complainant_key"), at_least=10),
    unit="0/1",
    direction="riskier",
    monotone=True,
    visibility="internal",
    key=True,
    basis=MONITORING_BASIS,
    reason="近30天出现群体性投诉（10名以上投诉人）",
    reason_en="ten or more complainants in 30 days",
    examples=(
        seen(
            as_of="2025-06-30",
            complaint=[
                on("2025-06-01", accepted=1, professional=0, complainant_key=str(number)) for number in range(10)
            ],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            complaint=[
                on(
                    "2025-05-31" if number == 0 else "2025-06-01",
                    accepted=1,
                    professional=0,
                    complainant_key=str(number),
                )
                for number in range(10)
            ],
            gives=0,
        ),
    ),
)

REPORT_VERIFIED_24M = Indicator(
    code="report_verified_24m",
    label="近24个月举报查实",
    label_en="reports verified, 24 months",
    section="P1",
    items=("G207",),
    value=records("complaint").where(f.outcome.is_in("filed", "rectified")).within(months=24).decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    visibility="internal",
    basis=COMPLAINT_BASIS,
    reason="近24个月举报查实（按时间加权{v}件）",
    reason_en="reports verified in 24 months (weighted {v})",
    examples=(
        seen(as_of="2025-06-30", complaint=[on("2024-06-30", complaint_kind="report", outcome="filed")], gives=0.5),
        seen(as_of="2025-06-30", complaint=[on("2025-06-30", complaint_kind="report", outcome="unfounded")], gives=0),
    ),
)

PROFESSIONAL_CLAIM_RATIO_24M = Indicator(
    code="professional_claim_ratio_24m",
    label="近24个月职业索赔占比",
    label_en="share of professional claims, 24 months",
    section="P1",
    items=("G207",),
    value=ratio(
        records("complaint").where(f.professional.is_(1)).within(months=24).count(),
        records("complaint").within(months=24).count(),
    ),
    unit="share",
    direction="none",
    missing="null",
    visibility="internal",
    role="control",
    basis="省局拟定，待批准：反映投诉来源偏差，只作控制变量",
    reason="近24个月投诉中职业索赔占{v}",
    reason_en="{v} of complaints in 24 months are professional claims",
    examples=(
        seen(
            as_of="2025-06-30",
            complaint=[on("2025-01-01", professional=1), on("2025-01-01", professional=0)],
            gives=0.5,
        ),
        seen(as_of="2025-06-30", complaint=[on("2023-06-30", professional=1)], gives=None),
    ),
)

# ------------------------------------------------------------------------------------------- P2 司法涉诉

DISHONEST_EXECUTED_NOW = Indicator(
    code="dishonest_executed_now",
    label="当前为失信被执行人",
    label_en="dishonest executed person",
    section="P2",
    items=("G601",),
    value=records("dishonest_executed").where(f.debtor_role.is_in("entity", "operator")).in_effect().any(),
    unit="0/1",
    direction="riskier",
    monotone=True,
    key=True,
    basis="《最高人民法院关于公布失信被执行人名单信息的若干规定》；省局拟定，待批准",
    reason="当前被列为失信被执行人",
    reason_en="named a dishonest executed person",
    examples=(
        seen(as_of="2025-06-30", dishonest_executed=[on("2025-01-01", debtor_role="entity")], gives=1),
        seen(
            as_of="2025-06-30",
            dishonest_executed=[on("2024-01-01", debtor_role="entity", removed_date="2025-06-30")],
            gives=0,
        ),
        seen(as_of="2025-06-30", dishonest_executed=[on("2025-01-01", debtor_role="legal_rep")], gives=0),
    ),
)

EXECUTED_COUNT_36M = Indicator(
    code="executed_count_36m",
    label="近36个月被执行案件",
    label_en="execution cases, 36 months",
    section="P2",
    items=("G601",),
    value=own_execution.where(f.execution_order.is_not("consumption_restriction"))
    .within(months=36)
    .decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    basis=COURT_BASIS,
    reason="近36个月被执行案件（按时间加权{v}件）",
    reason_en="execution cases in 36 months (weighted {v})",
    examples=(
        seen(
            as_of="2025-06-30",
            executed=[
                on("2024-06-30", execution_order="execution", debtor_role="entity"),
                on("2025-06-30", execution_order="consumption_restriction", debtor_role="entity"),
            ],
            gives=0.5,
        ),
        seen(
            as_of="2025-06-30", executed=[on("2022-06-30", execution_order="execution", debtor_role="entity")], gives=0
        ),
    ),
)

LAWSUIT_DEFENDANT_36M = Indicator(
    code="lawsuit_defendant_36m",
    label="近36个月被诉案件",
    label_en="lawsuits as defendant, 36 months",
    section="P2",
    items=("G601",),
    value=records("judicial_case")
    .where(f.litigation_role.is_("defendant"), f.case_kind.is_not("bankruptcy"))
    .within(months=36)
    .decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    basis=COURT_BASIS,
    reason="近36个月作为被告案件（按时间加权{v}件）",
    reason_en="lawsuits as defendant in 36 months (weighted {v})",
    examples=(
        seen(
            as_of="2025-06-30",
            judicial_case=[
                on("2024-06-30", litigation_role="defendant", case_kind="contract"),
                on("2025-06-30", litigation_role="plaintiff", case_kind="contract"),
            ],
            gives=0.5,
        ),
        seen(
            as_of="2025-06-30",
            judicial_case=[on("2022-06-30", litigation_role="defendant", case_kind="contract")],
            gives=0,
        ),
    ),
)

CONSUMPTION_RESTRICTED_NOW = Indicator(
    code="consumption_restricted_now",
    label="当前被限制高消费",
    label_en="restricted from high consumption",
    section="P2",
    items=("G601",),
    value=records("executed").where(f.execution_order.is_("consumption_restriction")).in_effect().any(),
    unit="0/1",
    direction="riskier",
    monotone=True,
    basis="《最高人民法院关于限制被执行人高消费及有关消费的若干规定》；省局拟定，待批准",
    reason="当前被采取限制高消费措施",
    reason_en="restricted from high consumption",
    examples=(
        seen(
            as_of="2025-06-30",
            executed=[on("2025-01-01", execution_order="consumption_restriction", debtor_role="legal_rep")],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            executed=[
                on(
                    "2025-01-01",
                    execution_order="consumption_restriction",
                    debtor_role="entity",
                    closed_date="2025-06-30",
                )
            ],
            gives=0,
        ),
    ),
)

BANKRUPTCY_PROCEEDING = Indicator(
    code="bankruptcy_proceeding",
    label="破产程序",
    label_en="bankruptcy proceeding",
    section="P2",
    kinds=("enterprise", "cooperative"),
    items=("G601",),
    value=records("judicial_case")
    .where(f.case_kind.is_("bankruptcy"), f.litigation_role.is_in("debtor", "defendant"))
    .in_effect()
    .any(),
    unit="0/1",
    direction="riskier",
    monotone=True,
    key=True,
    basis="《企业破产法》；《实施意见》三（二）；省局拟定，待批准",
    reason="进入破产或强制清算程序",
    reason_en="in bankruptcy or compulsory liquidation",
    examples=(
        seen(
            as_of="2025-06-30",
            judicial_case=[on("2025-01-01", case_kind="bankruptcy", litigation_role="debtor")],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            judicial_case=[on("2025-01-01", case_kind="bankruptcy", litigation_role="plaintiff")],
            gives=0,
        ),
        seen(
            as_of="2025-06-30",
            judicial_case=[
                on("2024-01-01", case_kind="bankruptcy", litigation_role="debtor", closed_date="2025-06-30"),
            ],
            gives=0,
        ),
    ),
)

# ----------------------------------------------------------------------------------- P3 网络舆情与风险监测

NEGATIVE_OPINION_90D = Indicator(
    code="negative_opinion_90d",
    label="近90天负面舆情",
    label_en="negative public opinion, 90 days",
    section="P3",
    items=("G504",),
    value=verified_opinion.within(days=90).decayed(half_life=1),
    unit="weighted event",
    direction="riskier",
    visibility="internal",
    key=True,
    basis=MONITORING_BASIS,
    reason="近90天经核实负面舆情（按时间加权{v}条）",
    reason_en="verified negative opinion in 90 days (weighted {v})",
    examples=(
        seen(
            as_of="2025-06-30",
            opinion_event=[
                on("2025-05-31", negative=1, verified=1),
                on("2025-06-30", negative=1, verified=1),
                on("2025-06-30", negative=1, verified=0),
            ],
            gives=1.5,
        ),
        seen(as_of="2025-06-30", opinion_event=[on("2025-04-01", negative=1, verified=1)], gives=0),
    ),
)

NEGATIVE_OPINION_SEVERITY_12M = Indicator(
    code="negative_opinion_severity_12m",
    label="近12个月舆情最高级别",
    label_en="gravest negative opinion, 12 months",
    section="P3",
    items=("G504",),
    value=verified_opinion.within(months=12).max("level"),
    unit="0-4",
    direction="riskier",
    monotone=True,
    visibility="internal",
    basis=MONITORING_BASIS,
    reason="近12个月负面舆情最高级别为{v}",
    reason_en="gravest negative opinion in 12 months: level {v}",
    examples=(
        seen(
            as_of="2025-06-30",
            opinion_event=[
                on("2025-01-01", negative=1, verified=1, level=2),
                on("2025-01-01", negative=1, verified=0, level=4),
            ],
            gives=2,
        ),
        seen(as_of="2025-06-30", opinion_event=[on("2024-06-30", negative=1, verified=1, level=3)], gives=0),
        seen(as_of="2021-12-31", opinion_event=[on("2021-06-30", negative=1, verified=1, level=3)], gives=3),
        seen(as_of="2021-12-30", opinion_event=[on("2021-06-30", negative=1, verified=1, level=3)], gives=None),
    ),
)

ILLEGAL_FUNDRAISING_RISK_FLAG = Indicator(
    code="illegal_fundraising_risk_flag",
    label="涉嫌非法集资风险线索",
    label_en="clue of illegal fundraising",
    section="P3",
    items=("G403", "G404", "G605"),
    value=records("monitor_clue").where(f.clue_kind.is_in("fundraising", "pyramid_selling")).in_effect().any(),
    unit="0/1",
    direction="riskier",
    monotone=True,
    visibility="internal",
    key=True,
    basis="《防范和处置非法集资条例》；《实施意见》三（八）；省局拟定，待批准",
    reason="存在涉嫌非法集资或传销风险线索",
    reason_en="an open clue of illegal fundraising or pyramid selling",
    examples=(
        seen(as_of="2025-06-30", monitor_clue=[on("2025-01-01", clue_kind="fundraising")], gives=1),
        seen(
            as_of="2025-06-30",
            monitor_clue=[on("2025-01-01", clue_kind="fundraising", closed_date="2025-06-30")],
            gives=0,
        ),
    ),
)

MONITOR_CLUE_OPEN_COUNT = Indicator(
    code="monitor_clue_open_count",
    label="未办结监测线索数",
    label_en="open monitoring clues",
    section="P3",
    items=("G403",),
    value=records("monitor_clue").in_effect().count(),
    unit="clue",
    direction="riskier",
    monotone=True,
    visibility="internal",
    basis=MONITORING_BASIS,
    reason="有{v}条监测线索尚未办结",
    reason_en="{v} open monitoring clues",
    examples=(
        seen(as_of="2025-06-30", monitor_clue=[on("2025-01-01", clue_kind="price_anomaly")], gives=1),
        seen(
            as_of="2025-06-30", monitor_clue=[on("2025-06-30", clue_kind="price_anomaly", known="2025-07-01")], gives=0
        ),
    ),
)

# --------------------------------------------------------------------------------- P4 平台与行业协会评价

PLATFORM_PENALTY_24M = Indicator(
    code="platform_penalty_24m",
    label="近24个月平台处置",
    label_en="platform sanctions, 24 months",
    section="P4",
    items=("G503",),
    value=records("platform_event")
    .where(f.platform_kind.is_in("delisting", "account_restriction", "shop_closure", "warning"))
    .within(months=24)
    .decayed(half_life=12),
    unit="weighted time",
    direction="riskier",
    monotone=True,
    visibility="internal",
    basis=HOLDER_BASIS,
    reason="近24个月被平台处置（按时间加权{v}次）",
    reason_en="platform sanctions in 24 months (weighted {v})",
    examples=(
        seen(
            as_of="2025-06-30",
            platform_event=[
                on("2024-06-30", platform_kind="delisting"),
                on("2025-06-30", platform_kind="quality_rating"),
            ],
            gives=0.5,
        ),
        seen(as_of="2025-06-30", platform_event=[on("2023-06-30", platform_kind="delisting")], gives=0),
    ),
)

PLATFORM_LOW_RATING = Indicator(
    code="platform_low_rating",
    label="平台评价偏低",
    label_en="low rating on a platform",
    section="P4",
    items=("G503",),
    value=below(
        records("platform_event").where(f.platform_kind.is_("quality_rating")).within(months=12).min("quality_decile"),
        2,
    ),
    unit="0/1",
    direction="riskier",
    missing="null",
    visibility="internal",
    basis=HOLDER_BASIS,
    reason="近12个月平台经营评价处于末位（1是，0否）：{v}",
    reason_en="in the lowest decile of a platform in 12 months (1 yes, 0 no): {v}",
    examples=(
        seen(
            as_of="2025-06-30",
            platform_event=[on("2025-01-01", platform_kind="quality_rating", quality_decile=1)],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            platform_event=[on("2025-01-01", platform_kind="quality_rating", quality_decile=2)],
            gives=0,
        ),
        seen(as_of="2025-06-30", gives=None),
    ),
)

ASSOCIATION_DISCIPLINE_36M = Indicator(
    code="association_discipline_36m",
    label="近36个月行业协会自律惩戒",
    label_en="discipline by associations, 36 months",
    section="P4",
    items=("G502",),
    value=records("association_event")
    .where(f.association_kind.is_("discipline"))
    .within(months=36)
    .decayed(half_life=12),
    unit="weighted time",
    direction="riskier",
    monotone=True,
    visibility="internal",
    basis=HOLDER_BASIS,
    reason="近36个月受行业协会惩戒（按时间加权{v}次）",
    reason_en="discipline by associations in 36 months (weighted {v})",
    examples=(
        seen(as_of="2025-06-30", association_event=[on("2024-06-30", association_kind="discipline")], gives=0.5),
        seen(as_of="2025-06-30", association_event=[on("2025-06-30", association_kind="commendation")], gives=0),
    ),
)

ASSOCIATION_CREDIT_GRADE = Indicator(
    code="association_credit_grade",
    label="行业协会信用等级",
    label_en="credit grade of an association",
    section="P4",
    kinds=("enterprise", "cooperative"),
    items=("G502",),
    value=records("association_event")
    .where(f.association_kind.is_("credit_grade"))
    .within(months=36)
    .latest("grade_rank"),
    unit="1-5",
    direction="riskier",
    monotone=True,
    missing="null",
    visibility="internal",
    basis=HOLDER_BASIS,
    reason="行业协会信用等级序{v}（1为最优）",
    reason_en="credit grade of an association, rank {v} (1 is the best)",
    examples=(
        seen(
            as_of="2025-06-30",
            association_event=[
                on("2024-01-01", association_kind="credit_grade", grade_rank=4),
                on("2025-01-01", association_kind="credit_grade", grade_rank=2),
            ],
            gives=2,
        ),
        seen(
            as_of="2025-06-30",
            association_event=[on("2022-06-30", association_kind="credit_grade", grade_rank=4)],
            gives=None,
        ),
    ),
)

# --------------------------------------------------------------------------------------- P5 公用事业信用

UTILITY_ARREARS_MONTHS = Indicator(
    code="utility_arrears_months",
    label="近12个月水电气欠费账期数",
    label_en="utility bills in arrears, 12 months",
    section="P5",
    items=("G501",),
    value=account.where(f.in_arrears.is_(1)).within(months=12).distinct("period_end"),
    unit="month",
    direction="riskier",
    monotone=True,
    missing="null",
    visibility="internal",
    basis=HOLDER_BASIS,
    reason="近12个月水电气欠费{v}个账期",
    reason_en="utility bills of {v} periods in arrears in 12 months",
    examples=(
        seen(
            as_of="2025-06-30",
            utility_account=[
                on("2025-05-31", utility="water", in_arrears=1),
                on("2025-05-31", utility="electricity", in_arrears=1),
                on("2024-06-30", utility="gas", in_arrears=1),
            ],
            gives=1,
        ),
        seen(as_of="2025-06-30", utility_account=[on("2025-05-31", utility="water", in_arrears=0)], gives=0),
        seen(as_of="2025-06-30", gives=None),
    ),
)

ELECTRICITY_DROP_6M = Indicator(
    code="electricity_drop_6m",
    label="近6个月用电量同比降幅",
    label_en="drop of electricity use on the year before, 6 months",
    section="P5",
    items=("G501",),
    value=clipped(
        difference(
            flag(recent_electricity.sum("usage_year_before"), at_least=1),
            ratio(recent_electricity.sum("usage"), recent_electricity.sum("usage_year_before")),
        ),
        0,
        1,
    ),
    unit="share",
    direction="riskier",
    missing="null",
    visibility="internal",
    key=True,
    basis=HOLDER_BASIS,
    reason="近6个月用电量同比下降{v}",
    reason_en="electricity use of 6 months fell by {v} on the year before",
    examples=(
        seen(
            as_of="2025-06-30",
            utility_account=[
                on("2025-04-30", utility="electricity", usage=100, usage_year_before=300),
                on("2025-05-31", utility="electricity", usage=200, usage_year_before=300),
                on("2024-12-30", utility="electricity", usage=0, usage_year_before=9000),
            ],
            gives=0.5,
        ),
        seen(
            as_of="2025-06-30",
            utility_account=[on("2025-05-31", utility="electricity", usage=200, usage_year_before=100)],
            gives=0,
        ),
        seen(as_of="2025-06-30", utility_account=[on("2025-05-31", utility="electricity", usage=200)], gives=None),
    ),
)

UTILITY_DISCONNECTED = Indicator(
    code="utility_disconnected",
    label="水电气停供",
    label_en="utility disconnected",
    section="P5",
    items=("G501",),
    value=account.within(months=6).latest("disconnected"),
    unit="0/1",
    direction="riskier",
    monotone=True,
    missing="null",
    visibility="internal",
    basis=HOLDER_BASIS,
    reason="因欠费被停止供应水电气（1是，0否）：{v}",
    reason_en="disconnected for arrears (1 yes, 0 no): {v}",
    examples=(
        seen(
            as_of="2025-06-30",
            utility_account=[
                on("2025-04-30", utility="water", disconnected=1),
                on("2025-05-31", utility="water", disconnected=0),
            ],
            gives=0,
        ),
        seen(as_of="2025-06-30", utility_account=[on("2025-05-31", utility="water", disconnected=1)], gives=1),
        seen(as_of="2025-06-30", utility_account=[on("2024-12-30", utility="water", disconnected=1)], gives=None),
    ),
)

# --------------------------------------------------------------------------------------- P6 荣誉与守信

HONOUR_COUNT_60M = Indicator(
    code="honour_count_60m",
    label="近60个月政府荣誉数",
    label_en="government honours, 60 months",
    section="P6",
    items=("G301", "G605"),
    value=records("honour")
    .where(f.honour_kind.is_in("quality_award", "tech_enterprise", "commendation", "famous_brand"))
    .within(months=60)
    .count(),
    unit="item",
    direction="safer",
    basis=HONOUR_BASIS,
    reason="近60个月获政府荣誉{v}项",
    reason_en="{v} government honours in 60 months",
    examples=(
        seen(as_of="2025-06-30", honour=[on("2020-07-01", honour_kind="quality_award")], gives=1),
        seen(as_of="2025-06-30", honour=[on("2020-06-30", honour_kind="quality_award")], gives=0),
    ),
)

TRUSTWORTHY_LIST_NOW = Indicator(
    code="trustworthy_list_now",
    label="守信名单在列",
    label_en="on a trustworthy list",
    section="P6",
    items=("G301", "G303", "G605"),
    value=records("honour")
    .where(f.honour_kind.is_in("tax_grade_a", "contract_keeping", "red_list", "customs_aeo"))
    .in_effect()
    .any(),
    unit="0/1",
    direction="safer",
    basis=HONOUR_BASIS,
    reason="当前在守信激励名单中",
    reason_en="on a trustworthy list",
    examples=(
        seen(as_of="2025-06-30", honour=[on("2025-01-01", honour_kind="tax_grade_a", valid_to="2025-07-01")], gives=1),
        seen(as_of="2025-06-30", honour=[on("2024-01-01", honour_kind="tax_grade_a", valid_to="2025-06-30")], gives=0),
    ),
)
