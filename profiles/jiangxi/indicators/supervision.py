"""监管信息: penalties and cases, inspections, lists, specialised supervision, rectification, other departments."""

from features.indicators.language import (
    Indicator,
    Seen,
    below,
    clipped,
    difference,
    f,
    flag,
    greatest,
    log1p,
    on,
    or_zero,
    over,
    peer_rate,
    ratio,
    records,
    seen,
    total,
)

OPINION = "《实施意见》三（一）监管信息；省局拟定，待批准"
PENALTY_LAW = "《行政处罚法》第九条；《市场监督管理行政处罚信息公示规定》；省局拟定，待批准"
INSPECTION_LAW = "《实施意见》三（二）抽查检查、三（五）；省局拟定，待批准"
ABNORMAL_LAW = "《企业信息公示暂行条例》第十七条；《企业经营异常名录管理暂行办法》；省局拟定，待批准"
DOMAIN_BASIS = "《实施意见》三（二）；省局拟定，待批准"
DEPARTMENT_BASIS = "《实施意见》三（二）各有关部门、三（六）；省局拟定，待批准"

YUAN = 100  # money is kept in fen
SEVERITY_POINTS = {1: 1, 2: 3, 3: 8, 4: 20}
OWN_PROVINCE = "36"
PROBLEM_RESULTS = ("02", "04", "09", "10", "13", "14")
SERIOUS_RESULTS = ("04", "09", "10", "14")
DETERMINATE_RESULTS = ("01", *PROBLEM_RESULTS)
RANDOM_ORIGINS = ("random_open", "random_targeted", "joint_random")
RESPONSIBLE = ("minor", "main", "full")

penalty = records("penalty").where(f.severity >= 1, f.item.is_not("G402"))
case = records("case_file")
inspection = records("inspection")
problem = inspection.where(f.results.has(*PROBLEM_RESULTS))
determinate = inspection.where(f.results.has(*DETERMINATE_RESULTS))
finding = records("inspection_finding")
abnormal = records("abnormal_listing")
serious = records("serious_listing")
department_lists = serious.where(f.list_code.is_not("market_regulation"))
sampling = records("sampling_test").where(f.result.is_in("unqualified", "label_defect"), f.responsible.is_(1))
accident = records("accident").where(f.responsibility.is_in(*RESPONSIBLE))
rectification = records("rectification")
random_draws = inspection.where(f.origin.is_in(*RANDOM_ORIGINS)).within(months=24)
industry_problem_rate = peer_rate(
    ratio(
        random_draws.where(f.results.has(*PROBLEM_RESULTS)).count(),
        random_draws.where(f.results.has(*DETERMINATE_RESULTS)).count(),
    ),
    by=("industry_section", "industry_division"),
    strength=20,
)


def decided_examples(months: int, **counts: str) -> tuple[Seen, ...]:
    """Examples of penalties that weigh half as much every twelve months: others, late and old ones do not count."""
    other = on("2025-06-30", severity=2, domain="other_department", violation_type="other")
    older = f"{2025 - months // 12}-06-30"
    return (
        seen(
            as_of="2025-06-30",
            penalty=[on("2025-06-30", severity=2, **counts), on("2024-06-30", severity=2, **counts), other],
            gives=1.5,
        ),
        seen(as_of="2025-06-30", penalty=[on("2025-06-01", severity=2, known="2025-07-01", **counts)], gives=0),
        seen(as_of="2025-06-30", penalty=[on(older, severity=2, **counts)], gives=0),
    )


# ---------------------------------------------------------------------------------------- S1 行政处罚与案件

PENALTY_COUNT_12M = Indicator(
    code="penalty_count_12m",
    label="近12个月行政处罚次数",
    label_en="penalties, 12 months",
    section="S1",
    items=("G106", "G302"),
    value=penalty.within(months=12).count(),
    unit="time",
    direction="riskier",
    monotone=True,
    basis=PENALTY_LAW,
    reason="近12个月受到行政处罚{v}次",
    reason_en="{v} penalties in 12 months",
    examples=(
        seen(as_of="2025-06-30", penalty=[on("2024-07-01", severity=1), on("2024-06-30", severity=1)], gives=1),
        seen(as_of="2025-06-30", penalty=[on("2025-06-01", severity=2, known="2025-07-01")], gives=0),
        seen(as_of="2025-06-30", penalty=[on("2025-06-01", severity=2, withdrawn_date="2025-06-20")], gives=0),
        seen(as_of="2025-06-30", penalty=[on("2025-06-01", severity=2, repair_date="2025-06-20")], gives=0),
        seen(as_of="2025-06-30", penalty=[on("2025-06-01", severity=0)], gives=0),
    ),
)

PENALTY_COUNT_36M = Indicator(
    code="penalty_count_36m",
    label="近36个月行政处罚次数",
    label_en="penalties, 36 months",
    section="S1",
    items=("G106", "G302"),
    value=penalty.within(months=36).count(),
    unit="time",
    direction="riskier",
    monotone=True,
    basis=PENALTY_LAW,
    reason="近36个月受到行政处罚{v}次",
    reason_en="{v} penalties in 36 months",
    examples=(
        seen(as_of="2025-06-30", penalty=[on("2022-07-01", severity=1), on("2022-06-30", severity=1)], gives=1),
        seen(as_of="2025-06-30", penalty=[on("2025-06-01", severity=1, item="G402", kinds="warning")], gives=0),
    ),
)

PENALTY_SEVERITY_DECAYED = Indicator(
    code="penalty_severity_decayed",
    label="行政处罚严重度时间加权",
    label_en="severity of penalties, weighted by time",
    section="S1",
    items=("G106", "G302"),
    value=penalty.within(months=36).decayed(half_life=12, points=SEVERITY_POINTS, of="severity"),
    unit="point",
    direction="riskier",
    monotone=True,
    basis=PENALTY_LAW,
    reason="近36个月行政处罚时间加权严重度{v}",
    reason_en="severity of penalties in 36 months, weighted by time: {v}",
    examples=(
        seen(as_of="2025-06-30", penalty=[on("2024-06-30", severity=3), on("2025-06-30", severity=2)], gives=7),
        seen(as_of="2025-06-30", penalty=[on("2022-06-30", severity=4)], gives=0),
    ),
)

PENALTY_MAX_SEVERITY_36M = Indicator(
    code="penalty_max_severity_36m",
    label="近36个月最重处罚等级",
    label_en="gravest penalty, 36 months",
    section="S1",
    items=("G106", "G302"),
    value=penalty.within(months=36).max("severity"),
    unit="0-4",
    direction="riskier",
    monotone=True,
    key=True,
    basis=PENALTY_LAW,
    reason="近36个月最重处罚等级为{v}（0无，4严重）",
    reason_en="gravest penalty in 36 months: {v} (0 none, 4 grave)",
    examples=(
        seen(as_of="2025-06-30", penalty=[on("2024-06-30", severity=3), on("2025-06-30", severity=2)], gives=3),
        seen(as_of="2025-06-30", penalty=[on("2022-06-30", severity=3)], gives=0),
    ),
)

PENALTY_MAX_SEVERITY_12M = Indicator(
    code="penalty_max_severity_12m",
    label="近12个月最重处罚等级",
    label_en="gravest penalty, 12 months",
    section="S1",
    items=("G106", "G302"),
    value=penalty.within(months=12).max("severity"),
    unit="0-4",
    direction="riskier",
    monotone=True,
    basis=PENALTY_LAW,
    reason="近12个月最重处罚等级为{v}（0无，4严重）",
    reason_en="gravest penalty in 12 months: {v} (0 none, 4 grave)",
    examples=(
        seen(as_of="2025-06-30", penalty=[on("2024-07-01", severity=4), on("2025-06-30", severity=2)], gives=4),
        seen(as_of="2025-06-30", penalty=[on("2024-06-30", severity=4)], gives=0),
    ),
)

PENALTY_AMOUNT_LOG_36M = Indicator(
    code="penalty_amount_log_36m",
    label="近36个月罚没金额",
    label_en="fines and confiscations, 36 months",
    section="S1",
    items=("G106", "G302"),
    value=log1p(total(penalty.within(months=36).sum("fine"), penalty.within(months=36).sum("confiscated")), over=YUAN),
    unit="ln(1+CNY)",
    direction="riskier",
    monotone=True,
    basis=PENALTY_LAW,
    reason="近36个月罚没金额（元，取对数）{v}",
    reason_en="fines and confiscations in 36 months (log of yuan) {v}",
    examples=(
        seen(
            as_of="2025-06-30",
            penalty=[
                on("2024-06-30", severity=2, fine=50),
                on("2025-06-30", severity=2, confiscated=49),
                on("2022-06-30", severity=3, fine=100000),
            ],
            gives=4.605170185988092,
        ),
        seen(as_of="2025-06-30", gives=0),
    ),
)

MONTHS_SINCE_LAST_PENALTY = Indicator(
    code="months_since_last_penalty",
    label="距最近一次处罚月数",
    label_en="months since the latest penalty",
    section="S1",
    items=("G106", "G302"),
    value=penalty.within(months=60).months_since_last(),
    unit="month",
    direction="safer",
    missing="null",
    basis=PENALTY_LAW,
    reason="距最近一次行政处罚{v}个月",
    reason_en="{v} months since the latest penalty",
    examples=(
        seen(as_of="2025-06-30", penalty=[on("2025-01-31", severity=1), on("2024-01-31", severity=3)], gives=5),
        seen(as_of="2025-06-29", penalty=[on("2025-01-30", severity=1)], gives=4),
        seen(as_of="2025-06-30", penalty=[on("2020-06-30", severity=1)], gives=None),
    ),
)

PENALTY_SAME_TYPE_REPEAT_24M = Indicator(
    code="penalty_same_type_repeat_24m",
    label="近24个月同类违法再犯次数",
    label_en="same violation again, 24 months",
    section="S1",
    items=("G106", "G302"),
    value=difference(
        penalty.where(f.violation_type.is_present()).within(months=24).count(),
        penalty.within(months=24).distinct("violation_type"),
    ),
    unit="time",
    direction="riskier",
    monotone=True,
    key=True,
    basis=PENALTY_LAW,
    reason="近24个月同类违法再犯{v}次",
    reason_en="the same kind of violation {v} times again in 24 months",
    examples=(
        seen(
            as_of="2025-06-30",
            penalty=[
                on("2024-01-01", severity=2, violation_type="price_marking"),
                on("2025-01-01", severity=2, violation_type="price_marking"),
                on("2025-02-01", severity=2, violation_type="food_label"),
                on("2025-02-01", severity=2),
            ],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            penalty=[
                on("2023-06-30", severity=2, violation_type="price_marking"),
                on("2025-01-01", severity=2, violation_type="price_marking"),
            ],
            gives=0,
        ),
    ),
)

PENALTY_STOP_BUSINESS_36M = Indicator(
    code="penalty_stop_business_36m",
    label="近36个月责令停产停业或暂扣许可次数",
    label_en="orders to stop business or licences seized, 36 months",
    section="S1",
    items=("G106", "G302"),
    value=penalty.where(f.kinds.has("stop_business", "restrict_business", "seize_licence")).within(months=36).count(),
    unit="time",
    direction="riskier",
    monotone=True,
    key=True,
    basis="《行政处罚法》第九条第三项、第四项；省局拟定，待批准",
    reason="近36个月被责令停产停业、限制经营或暂扣许可{v}次",
    reason_en="ordered to stop, restricted or licence seized {v} times in 36 months",
    examples=(
        seen(
            as_of="2025-06-30",
            penalty=[
                on("2022-07-01", severity=3, kinds="fine|stop_business"),
                on("2025-01-01", severity=2, kinds="fine"),
            ],
            gives=1,
        ),
        seen(as_of="2025-06-30", penalty=[on("2022-06-30", severity=3, kinds="seize_licence")], gives=0),
    ),
)

PENALTY_LICENCE_REVOKED_36M = Indicator(
    code="penalty_licence_revoked_36m",
    label="近36个月吊销许可证件或责令关闭次数",
    label_en="licences revoked or closures, 36 months",
    section="S1",
    items=("G106", "G302"),
    value=penalty.where(
        f.kinds.has("revoke_licence", "revoke_business_licence", "lower_grade", "close", "restrict_practice")
    )
    .within(months=36)
    .count(),
    unit="time",
    direction="riskier",
    monotone=True,
    key=True,
    basis="《行政处罚法》第九条第三项、第四项；省局拟定，待批准",
    reason="近36个月被吊销许可证件、降低资质、责令关闭或限制从业{v}次",
    reason_en="licence revoked, grade lowered, closed or barred {v} times in 36 months",
    examples=(
        seen(as_of="2025-06-30", penalty=[on("2025-01-01", severity=4, kinds="revoke_licence|fine")], gives=1),
        seen(as_of="2025-06-30", penalty=[on("2025-01-01", severity=3, kinds="stop_business")], gives=0),
    ),
)

PENALTY_UNFULFILLED_COUNT = Indicator(
    code="penalty_unfulfilled_count",
    label="逾期未履行处罚决定数",
    label_en="penalties not fulfilled in time",
    section="S1",
    items=("G106", "G302"),
    value=penalty.where(f.fulfil_by.before_as_of(), f.fulfilled_date.is_missing()).within(months=60).count(),
    unit="case",
    direction="riskier",
    monotone=True,
    visibility="internal",
    basis="《行政处罚法》第七十二条；省局拟定，待批准",
    reason="有{v}件处罚决定逾期未履行",
    reason_en="{v} penalties not fulfilled in time",
    examples=(
        seen(as_of="2025-06-30", penalty=[on("2025-05-01", severity=2, fulfil_by="2025-06-29")], gives=1),
        seen(as_of="2025-06-30", penalty=[on("2025-05-01", severity=2, fulfil_by="2025-06-30")], gives=0),
        seen(
            as_of="2025-06-30",
            penalty=[on("2025-05-01", severity=2, fulfil_by="2025-05-20", fulfilled_date="2025-06-20")],
            gives=0,
        ),
    ),
)

PENALTY_OUT_OF_PROVINCE_36M = Indicator(
    code="penalty_out_of_province_36m",
    label="近36个月外省行政处罚",
    label_en="penalties of other provinces, 36 months",
    section="S1",
    items=("G106", "G605"),
    value=penalty.where(f.authority_province.is_not(OWN_PROVINCE)).within(months=36).decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    basis=DEPARTMENT_BASIS,
    reason="近36个月外省行政处罚（按时间加权{v}件）",
    reason_en="penalties of other provinces in 36 months (weighted {v})",
    examples=decided_examples(36, authority_province="33"),
)

PENALTY_WARNING_ONLY_24M = Indicator(
    code="penalty_warning_only_24m",
    label="近24个月警告等不予公示的轻微处罚",
    label_en="warnings and other unpublished light penalties, 24 months",
    section="S1",
    items=("G402",),
    value=records("penalty").where(f.item.is_("G402")).within(months=24).decayed(half_life=12),
    unit="weighted time",
    direction="riskier",
    monotone=True,
    visibility="internal",
    basis="《市场监督管理行政处罚信息公示规定》第二条；省局拟定，待批准",
    reason="近24个月受到警告等轻微处罚（按时间加权{v}次）",
    reason_en="warnings and other light penalties in 24 months (weighted {v})",
    examples=(
        seen(
            as_of="2025-06-30",
            penalty=[on("2024-06-30", item="G402", kinds="warning", severity=1, visibility="internal")],
            gives=0.5,
        ),
        seen(as_of="2025-06-30", penalty=[on("2024-06-30", item="G106", kinds="fine", severity=1)], gives=0),
    ),
)

OPEN_CASE_COUNT = Indicator(
    code="open_case_count",
    label="在办案件数",
    label_en="open cases",
    section="S1",
    items=("G401",),
    value=case.in_effect().count(),
    unit="case",
    direction="riskier",
    monotone=True,
    visibility="internal",
    role="override_only",
    basis="《市场监督管理行政处罚程序规定》第十八条；省局拟定，待批准：接近标签，只用于直接判定",
    reason="有{v}件立案调查案件尚未办结",
    reason_en="{v} open cases",
    examples=(
        seen(as_of="2025-06-30", case_file=[on("2025-05-01"), on("2025-04-01", closed_date="2025-07-01")], gives=2),
        seen(as_of="2025-06-30", case_file=[on("2025-04-01", closed_date="2025-06-30")], gives=0),
        seen(as_of="2025-06-30", case_file=[on("2025-06-30", known="2025-07-01")], gives=0),
    ),
)

LENIENCY_NO_PENALTY_24M = Indicator(
    code="leniency_no_penalty_24m",
    label="近24个月首违不罚、轻微免罚",
    label_en="cases closed without penalty for leniency, 24 months",
    section="S1",
    items=("G402",),
    value=case.where(f.outcome.is_in("no_penalty_first", "no_penalty_minor")).within(months=24).decayed(half_life=12),
    unit="weighted time",
    direction="riskier",
    monotone=True,
    visibility="internal",
    basis="《行政处罚法》第三十三条；省局拟定，待批准",
    reason="近24个月适用首违不罚或轻微免罚（按时间加权{v}次）",
    reason_en="cases closed without penalty for leniency in 24 months (weighted {v})",
    examples=(
        seen(
            as_of="2025-06-30",
            case_file=[on("2025-06-01", closed_date="2025-06-20", outcome="no_penalty_first")],
            gives=1,
        ),
        seen(as_of="2025-06-30", case_file=[on("2025-06-01", closed_date="2025-06-20", outcome="penalty")], gives=0),
    ),
)

CRIMINAL_TRANSFER_36M = Indicator(
    code="criminal_transfer_36m",
    label="近36个月移送司法机关次数",
    label_en="transfers to justice, 36 months",
    section="S1",
    items=("G401", "G106"),
    value=case.where(f.outcome.is_("transferred_justice")).within(months=36).count(),
    unit="case",
    direction="riskier",
    monotone=True,
    visibility="internal",
    key=True,
    basis="《行政处罚法》第二十七条；省局拟定，待批准",
    reason="近36个月移送司法机关{v}件",
    reason_en="{v} cases transferred to justice in 36 months",
    examples=(
        seen(
            as_of="2025-06-30",
            case_file=[on("2022-07-01", closed_date="2023-01-01", outcome="transferred_justice")],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            case_file=[on("2022-06-30", closed_date="2023-01-01", outcome="transferred_justice")],
            gives=0,
        ),
    ),
)

# -------------------------------------------------------------------------------------------- S2 抽查检查

INSPECTION_COUNT_24M = Indicator(
    code="inspection_count_24m",
    label="近24个月检查次数",
    label_en="inspections, 24 months",
    section="S2",
    items=("G109", "G304"),
    value=inspection.within(months=24).count(),
    unit="time",
    direction="none",
    role="control",
    basis="省局拟定，待批准：反映被检查机会，只作控制变量",
    reason="近24个月接受检查{v}次",
    reason_en="{v} inspections in 24 months",
    examples=(
        seen(
            as_of="2025-06-30",
            inspection=[on("2023-07-01", results="01"), on("2023-06-30", results="01"), on("2025-06-30", results="05")],
            gives=2,
        ),
        seen(as_of="2025-06-30", inspection=[on("2025-06-30", results="01", known="2025-07-01")], gives=0),
    ),
)

RANDOM_INSPECTION_COUNT_24M = Indicator(
    code="random_inspection_count_24m",
    label="近24个月双随机抽中次数",
    label_en="random draws, 24 months",
    section="S2",
    items=("G109", "G304"),
    value=random_draws.count(),
    unit="time",
    direction="none",
    role="control",
    basis="省局拟定，待批准：反映被检查机会，只作控制变量",
    reason="近24个月被双随机抽中{v}次",
    reason_en="drawn at random {v} times in 24 months",
    examples=(
        seen(
            as_of="2025-06-30",
            inspection=[
                on("2025-01-01", origin="random_open", results="01"),
                on("2025-02-01", origin="joint_random", results="01"),
                on("2025-03-01", origin="complaint", results="01"),
            ],
            gives=2,
        ),
        seen(as_of="2025-06-30", inspection=[on("2023-06-30", origin="random_open", results="01")], gives=0),
    ),
)

MONTHS_SINCE_LAST_INSPECTION = Indicator(
    code="months_since_last_inspection",
    label="距最近一次检查月数",
    label_en="months since the latest inspection",
    section="S2",
    items=("G109", "G304"),
    value=inspection.within(months=60).months_since_last(),
    unit="month",
    direction="none",
    missing="null",
    role="control",
    basis="省局拟定，待批准：反映被检查机会，只作控制变量",
    reason="距最近一次检查{v}个月",
    reason_en="{v} months since the latest inspection",
    examples=(
        seen(as_of="2025-06-30", inspection=[on("2025-05-31", results="01")], gives=1),
        seen(as_of="2025-06-30", inspection=[on("2020-06-30", results="01")], gives=None),
    ),
)

INSPECTION_DETERMINATE_COUNT_60M = Indicator(
    code="inspection_determinate_count_60m",
    label="近60个月有明确结论的检查次数",
    label_en="inspections with a determinate result, 60 months",
    section="S2",
    items=("G109", "G304"),
    value=determinate.within(months=60).count(),
    unit="time",
    direction="none",
    role="override_only",
    basis="省局拟定，待批准：反映被检查机会，只用于直接判定",
    reason="近60个月有明确结论的检查{v}次",
    reason_en="{v} inspections with a determinate result in 60 months",
    examples=(
        seen(as_of="2025-06-30", inspection=[on("2020-07-01", results="01"), on("2025-01-01", results="03")], gives=1),
        seen(as_of="2025-06-30", inspection=[on("2020-06-30", results="01")], gives=0),
    ),
)

INSPECTION_PROBLEM_COUNT_24M = Indicator(
    code="inspection_problem_count_24m",
    label="近24个月检查发现问题",
    label_en="inspections that found problems, 24 months",
    section="S2",
    items=("G109", "G304"),
    value=problem.within(months=24).decayed(half_life=12),
    unit="weighted time",
    direction="riskier",
    monotone=True,
    key=True,
    basis=INSPECTION_LAW,
    reason="近24个月检查发现问题（按时间加权{v}次）",
    reason_en="inspections that found problems in 24 months (weighted {v})",
    examples=(
        seen(
            as_of="2025-06-30",
            inspection=[
                on("2024-06-30", results="02"),
                on("2025-06-30", results="09|13"),
                on("2025-06-01", results="01"),
            ],
            gives=1.5,
        ),
        seen(as_of="2025-06-30", inspection=[on("2023-06-30", results="02")], gives=0),
    ),
)

INSPECTION_PROBLEM_RATE_36M = Indicator(
    code="inspection_problem_rate_36m",
    label="近36个月检查问题发现率",
    label_en="share of inspections with problems, 36 months",
    section="S2",
    items=("G109", "G304"),
    value=ratio(
        total(problem.within(months=36).count(), over(industry_problem_rate, 0.5)),
        determinate.within(months=36).count(),
        plus=(0, 2),
    ),
    unit="rate",
    direction="riskier",
    missing="null",
    basis=INSPECTION_LAW,
    reason="近36个月检查问题发现率{v}（以行业双随机为先验）",
    reason_en="problems in {v} of inspections in 36 months (drawn towards the industry)",
    examples=(
        seen(as_of="2025-06-30", inspection=[on("2025-01-01", results="02", origin="routine")], gives=1 / 3),
        seen(
            as_of="2025-06-30",
            inspection=[
                on("2025-01-01", results="01", origin="routine"),
                on("2025-01-01", results="09", origin="random_open", of="b"),
            ],
            gives=2 / 3,
        ),
        seen(as_of="2025-06-30", gives=None),
    ),
)

LAST_INSPECTION_OUTCOME = Indicator(
    code="last_inspection_outcome",
    label="最近一次有结论检查的结果",
    label_en="outcome of the latest determinate inspection",
    section="S2",
    items=("G109", "G304"),
    value=total(
        or_zero(below(difference(determinate.last_day(), problem.last_day()), 1)),
        or_zero(
            below(difference(determinate.last_day(), inspection.where(f.results.has(*SERIOUS_RESULTS)).last_day()), 1)
        ),
    ),
    unit="0-2",
    direction="riskier",
    monotone=True,
    missing="null",
    basis=INSPECTION_LAW,
    reason="最近一次检查结果为{v}（0未发现问题，1已改正，2待处理或严重）",
    reason_en="latest inspection: {v} (0 no problem, 1 corrected, 2 pending or serious)",
    examples=(
        seen(as_of="2025-06-30", inspection=[on("2024-01-01", results="09"), on("2025-01-01", results="01")], gives=0),
        seen(as_of="2025-06-30", inspection=[on("2024-01-01", results="01"), on("2025-01-01", results="02")], gives=1),
        seen(as_of="2025-06-30", inspection=[on("2024-01-01", results="10"), on("2025-01-01", results="03")], gives=2),
        seen(as_of="2025-06-30", gives=None),
    ),
)

INSPECTION_UNCONTACTABLE_24M = Indicator(
    code="inspection_uncontactable_24m",
    label="近24个月通过登记住所无法联系次数",
    label_en="not contactable at inspection, 24 months",
    section="S2",
    items=("G109",),
    value=inspection.where(f.results.has("10")).within(months=24).count(),
    unit="time",
    direction="riskier",
    monotone=True,
    key=True,
    basis=INSPECTION_LAW,
    reason="近24个月检查时通过登记住所无法联系{v}次",
    reason_en="not contactable at the domicile {v} times in 24 months",
    examples=(
        seen(as_of="2025-06-30", inspection=[on("2023-07-01", results="10")], gives=1),
        seen(as_of="2025-06-30", inspection=[on("2023-06-30", results="10")], gives=0),
    ),
)

INSPECTION_REFUSED_36M = Indicator(
    code="inspection_refused_36m",
    label="近36个月不配合检查情节严重次数",
    label_en="serious refusals to cooperate, 36 months",
    section="S2",
    items=("G109",),
    value=inspection.where(f.results.has("04")).within(months=36).count(),
    unit="time",
    direction="riskier",
    monotone=True,
    key=True,
    basis=INSPECTION_LAW,
    reason="近36个月不配合检查情节严重{v}次",
    reason_en="serious refusals to cooperate {v} times in 36 months",
    examples=(
        seen(as_of="2025-06-30", inspection=[on("2022-07-01", results="04")], gives=1),
        seen(as_of="2025-06-30", inspection=[on("2022-06-30", results="04")], gives=0),
    ),
)

INSPECTION_CONCEALMENT_36M = Indicator(
    code="inspection_concealment_36m",
    label="近36个月公示信息隐瞒真实情况弄虚作假次数",
    label_en="published information found false, 36 months",
    section="S2",
    items=("G109",),
    value=inspection.where(f.results.has("14")).within(months=36).count(),
    unit="time",
    direction="riskier",
    monotone=True,
    key=True,
    basis=INSPECTION_LAW,
    reason="近36个月检查发现公示信息弄虚作假{v}次",
    reason_en="published information found false {v} times in 36 months",
    examples=(
        seen(as_of="2025-06-30", inspection=[on("2025-01-01", results="13|14")], gives=1),
        seen(as_of="2025-06-30", inspection=[on("2025-01-01", results="13")], gives=0),
    ),
)

INSPECTION_NO_ACTIVITY_24M = Indicator(
    code="inspection_no_activity_24m",
    label="近24个月检查未发现经营活动次数",
    label_en="inspections that found no activity, 24 months",
    section="S2",
    items=("G109", "G304"),
    value=inspection.where(f.results.has("03")).within(months=24).count(),
    unit="time",
    direction="riskier",
    basis=INSPECTION_LAW,
    reason="近24个月检查未发现经营活动{v}次",
    reason_en="no activity found {v} times in 24 months",
    examples=(
        seen(as_of="2025-06-30", inspection=[on("2023-07-01", results="03")], gives=1),
        seen(as_of="2025-06-30", inspection=[on("2023-07-01", results="06")], gives=0),
    ),
)

INSPECTION_CLEAN_SHARE_60M = Indicator(
    code="inspection_clean_share_60m",
    label="近60个月现场检查未发现问题占比",
    label_en="share of clean on-site inspections, 60 months",
    section="S2",
    items=("G109", "G304"),
    value=ratio(
        determinate.where(f.results.has("01"), f.method.is_("onsite")).within(months=60).count(),
        determinate.where(f.method.is_("onsite")).within(months=60).count(),
        plus=(0, 1),
    ),
    unit="share",
    direction="safer",
    missing="null",
    basis=INSPECTION_LAW,
    reason="近60个月现场检查未发现问题占比{v}",
    reason_en="{v} of on-site inspections in 60 months clean",
    examples=(
        seen(
            as_of="2025-06-30",
            inspection=[
                on("2024-01-01", results="01", method="onsite"),
                on("2025-01-01", results="01", method="onsite"),
                on("2025-01-01", results="02", method="onsite"),
                on("2025-01-01", results="01", method="written"),
            ],
            gives=0.5,
        ),
        seen(as_of="2025-06-30", gives=None),
    ),
)

FINDING_SEVERITY_24M = Indicator(
    code="finding_severity_24m",
    label="近24个月检查问题严重度时间加权",
    label_en="severity of inspection findings, 24 months",
    section="S2",
    items=("G109", "G304"),
    value=finding.within(months=24).decayed(half_life=12, of="severity"),
    unit="point",
    direction="riskier",
    monotone=True,
    basis=INSPECTION_LAW,
    reason="近24个月检查问题时间加权严重度{v}",
    reason_en="severity of findings in 24 months, weighted by time: {v}",
    examples=(
        seen(
            as_of="2025-06-30",
            inspection_finding=[on("2024-06-30", severity=3), on("2025-06-30", severity=1)],
            gives=2.5,
        ),
        seen(as_of="2025-06-30", inspection_finding=[on("2023-06-30", severity=4)], gives=0),
    ),
)

RECTIFICATION_OVERDUE_COUNT = Indicator(
    code="rectification_overdue_count",
    label="逾期未整改事项数",
    label_en="rectification orders overdue",
    section="S2",
    items=("G109", "G304", "G402"),
    value=rectification.where(f.due_date.before_as_of(), f.closed_date.is_missing()).count(),
    unit="item",
    direction="riskier",
    monotone=True,
    visibility="internal",
    key=True,
    basis="《行政处罚法》第二十八条；省局拟定，待批准",
    reason="有{v}项责令整改事项逾期未完成",
    reason_en="{v} rectification orders overdue",
    examples=(
        seen(as_of="2025-06-30", rectification=[on("2025-06-01", due_date="2025-06-29")], gives=1),
        seen(as_of="2025-06-30", rectification=[on("2025-06-01", due_date="2025-06-30")], gives=0),
        seen(
            as_of="2025-06-30",
            rectification=[on("2025-05-01", due_date="2025-06-01", closed_date="2025-06-15")],
            gives=0,
        ),
    ),
)

# -------------------------------------------------------------------------------------------- S3 经营异常

ABNORMAL_LISTED_NOW = Indicator(
    code="abnormal_listed_now",
    label="当前列入经营异常名录（标记）",
    label_en="abnormal listing in effect",
    section="S3",
    items=("G107",),
    value=abnormal.in_effect().any(),
    unit="0/1",
    direction="riskier",
    monotone=True,
    basis=ABNORMAL_LAW,
    reason="当前被列入经营异常名录或标记为经营异常状态",
    reason_en="abnormal listing in effect",
    examples=(
        seen(as_of="2025-06-30", abnormal_listing=[on("2024-07-15", reason="1")], gives=1),
        seen(as_of="2025-06-30", abnormal_listing=[on("2024-07-15", reason="1", out_date="2025-06-30")], gives=0),
        seen(as_of="2025-06-30", abnormal_listing=[on("2025-06-30", reason="1", known="2025-07-01")], gives=0),
    ),
)

ABNORMAL_CONCEALED_OR_UNCONTACTABLE_NOW = Indicator(
    code="abnormal_concealed_or_uncontactable_now",
    label="当前因弄虚作假或无法联系列入经营异常",
    label_en="abnormal listing for falsehood or no contact in effect",
    section="S3",
    items=("G107",),
    value=abnormal.where(f.reason.is_in("3", "4")).in_effect().any(),
    unit="0/1",
    direction="riskier",
    monotone=True,
    basis=ABNORMAL_LAW,
    reason="当前因公示信息弄虚作假或无法联系列入经营异常",
    reason_en="abnormal listing for falsehood or no contact in effect",
    examples=(
        seen(as_of="2025-06-30", abnormal_listing=[on("2025-01-01", reason="4")], gives=1),
        seen(as_of="2025-06-30", abnormal_listing=[on("2025-01-01", reason="1")], gives=0),
    ),
)

ABNORMAL_UNPUBLISHED_NOW = Indicator(
    code="abnormal_unpublished_now",
    label="当前因未年报或未公示列入经营异常",
    label_en="abnormal listing for missed publicity in effect",
    section="S3",
    items=("G107",),
    value=abnormal.where(f.reason.is_in("1", "2")).in_effect().any(),
    unit="0/1",
    direction="riskier",
    monotone=True,
    basis=ABNORMAL_LAW,
    reason="当前因未公示年度报告或即时信息列入经营异常",
    reason_en="abnormal listing for missed publicity in effect",
    examples=(
        seen(as_of="2025-06-30", abnormal_listing=[on("2025-01-01", reason="2")], gives=1),
        seen(as_of="2025-06-30", abnormal_listing=[on("2025-01-01", reason="3")], gives=0),
    ),
)

ABNORMAL_LISTED_DAYS = Indicator(
    code="abnormal_listed_days",
    label="在列经营异常天数",
    label_en="days on the abnormal list",
    section="S3",
    items=("G107",),
    value=abnormal.in_effect().days_since_first(),
    unit="day",
    direction="riskier",
    monotone=True,
    basis=ABNORMAL_LAW,
    reason="列入经营异常名录（标记）已{v}天",
    reason_en="on the abnormal list for {v} days",
    examples=(
        seen(
            as_of="2025-06-30",
            abnormal_listing=[on("2025-06-01", reason="4"), on("2025-01-01", reason="1", out_date="2025-06-10")],
            gives=29,
        ),
        seen(as_of="2025-06-30", gives=0),
    ),
)

ABNORMAL_COUNT_36M = Indicator(
    code="abnormal_count_36m",
    label="近36个月列入经营异常次数",
    label_en="abnormal listings, 36 months",
    section="S3",
    items=("G107",),
    value=abnormal.within(months=36).count(),
    unit="time",
    direction="riskier",
    monotone=True,
    basis=ABNORMAL_LAW,
    reason="近36个月列入经营异常{v}次",
    reason_en="{v} abnormal listings in 36 months",
    examples=(
        seen(
            as_of="2025-06-30",
            abnormal_listing=[on("2022-07-01", reason="1", out_date="2023-01-01"), on("2022-06-30", reason="4")],
            gives=1,
        ),
        seen(as_of="2025-06-30", abnormal_listing=[on("2025-01-01", reason="1", withdrawn_date="2025-03-01")], gives=0),
    ),
)

ABNORMAL_REASON_ANNUAL_REPORT_36M = Indicator(
    code="abnormal_reason_annual_report_36m",
    label="近36个月因未年报列入次数",
    label_en="abnormal listings for missed reports, 36 months",
    section="S3",
    items=("G107", "G110"),
    value=abnormal.where(f.reason.is_("1")).within(months=36).count(),
    unit="time",
    direction="riskier",
    monotone=True,
    basis="《企业信息公示暂行条例》第八条、第十七条；省局拟定，待批准",
    reason="近36个月因未年报列入经营异常{v}次",
    reason_en="{v} abnormal listings for missed reports in 36 months",
    examples=(
        seen(as_of="2025-06-30", abnormal_listing=[on("2022-07-01", reason="1")], gives=1),
        seen(as_of="2025-06-30", abnormal_listing=[on("2022-07-01", reason="4")], gives=0),
    ),
)

ABNORMAL_REASON_PUBLICITY_36M = Indicator(
    code="abnormal_reason_publicity_36m",
    label="近36个月因未即时公示列入次数",
    label_en="abnormal listings for unpublished information, 36 months",
    section="S3",
    kinds=("enterprise",),
    items=("G107", "G111"),
    value=abnormal.where(f.reason.is_("2")).within(months=36).count(),
    unit="time",
    direction="riskier",
    monotone=True,
    basis="《企业信息公示暂行条例》第十条、第十七条；省局拟定，待批准",
    reason="近36个月因未按责令期限公示信息列入{v}次",
    reason_en="{v} abnormal listings for unpublished information in 36 months",
    examples=(
        seen(as_of="2025-06-30", abnormal_listing=[on("2025-06-30", reason="2")], gives=1),
        seen(as_of="2025-06-30", abnormal_listing=[on("2022-06-30", reason="2")], gives=0),
    ),
)

ABNORMAL_REASON_CONCEALMENT_36M = Indicator(
    code="abnormal_reason_concealment_36m",
    label="近36个月因隐瞒弄虚作假列入次数",
    label_en="abnormal listings for falsehood, 36 months",
    section="S3",
    items=("G107",),
    value=abnormal.where(f.reason.is_("3")).within(months=36).count(),
    unit="time",
    direction="riskier",
    monotone=True,
    key=True,
    basis=ABNORMAL_LAW,
    reason="近36个月因公示信息弄虚作假列入经营异常{v}次",
    reason_en="{v} abnormal listings for falsehood in 36 months",
    examples=(
        seen(as_of="2025-06-30", abnormal_listing=[on("2022-07-01", reason="3")], gives=1),
        seen(as_of="2025-06-30", abnormal_listing=[on("2022-06-30", reason="3")], gives=0),
    ),
)

ABNORMAL_REASON_UNCONTACTABLE_36M = Indicator(
    code="abnormal_reason_uncontactable_36m",
    label="近36个月因住所无法联系列入次数",
    label_en="abnormal listings for no contact, 36 months",
    section="S3",
    items=("G107",),
    value=abnormal.where(f.reason.is_("4")).within(months=36).count(),
    unit="time",
    direction="riskier",
    monotone=True,
    key=True,
    basis=ABNORMAL_LAW,
    reason="近36个月因通过登记住所无法联系列入{v}次",
    reason_en="{v} abnormal listings for no contact in 36 months",
    examples=(
        seen(as_of="2025-06-30", abnormal_listing=[on("2025-01-01", reason="4", out_date="2025-02-01")], gives=1),
        seen(as_of="2025-06-30", abnormal_listing=[on("2025-01-01", reason="4", repair_date="2025-02-01")], gives=0),
    ),
)

ABNORMAL_RELISTED_24M = Indicator(
    code="abnormal_relisted_24m",
    label="近24个月再次列入经营异常次数",
    label_en="listed abnormal again, 24 months",
    section="S3",
    items=("G107",),
    value=clipped(
        difference(
            abnormal.within(months=24).count(),
            below(difference(abnormal.count(), abnormal.within(months=24).count()), 1),
        ),
        0,
        99,
    ),
    unit="time",
    direction="riskier",
    monotone=True,
    basis=ABNORMAL_LAW,
    reason="近24个月再次列入经营异常{v}次",
    reason_en="listed abnormal again {v} times in 24 months",
    examples=(
        seen(
            as_of="2025-06-30", abnormal_listing=[on("2024-01-01", reason="1"), on("2025-01-01", reason="4")], gives=1
        ),
        seen(
            as_of="2025-06-30", abnormal_listing=[on("2019-01-01", reason="1"), on("2025-01-01", reason="4")], gives=1
        ),
        seen(as_of="2025-06-30", abnormal_listing=[on("2025-01-01", reason="4")], gives=0),
        seen(as_of="2025-06-30", abnormal_listing=[on("2019-01-01", reason="4")], gives=0),
    ),
)

ABNORMAL_NEAR_THREE_YEARS = Indicator(
    code="abnormal_near_three_years",
    label="列入经营异常将满或已满三年",
    label_en="abnormal listing of nearly three years or more",
    section="S3",
    items=("G107",),
    value=abnormal.where(f.in_date.before_as_of(days=181 - 1096)).in_effect().any(),
    unit="0/1",
    direction="riskier",
    monotone=True,
    key=True,
    basis="《企业经营异常名录管理暂行办法》；省局拟定，待批准：满三年前180天起",
    reason="列入经营异常名录将满或已满三年",
    reason_en="on the abnormal list for nearly three years or more",
    examples=(
        seen(as_of="2025-06-30", abnormal_listing=[on("2022-12-26", reason="4")], gives=1),
        seen(as_of="2025-06-30", abnormal_listing=[on("2022-12-28", reason="4")], gives=0),
        seen(as_of="2025-06-30", abnormal_listing=[on("2022-01-01", reason="4", out_date="2025-06-30")], gives=0),
    ),
)

# ---------------------------------------------------------------------------------- S4 严重失信主体名单

SERIOUS_VIOLATION_LISTED_NOW = Indicator(
    code="serious_violation_listed_now",
    label="当前列入市场监管严重违法失信名单",
    label_en="on the serious list of market regulation",
    section="S4",
    items=("G108",),
    value=serious.where(f.list_code.is_("market_regulation")).in_effect().any(),
    unit="0/1",
    direction="riskier",
    monotone=True,
    key=True,
    basis="《市场监督管理严重违法失信名单管理办法》；省局拟定，待批准",
    reason="当前被列入市场监督管理严重违法失信名单",
    reason_en="on the serious list of market regulation",
    examples=(
        seen(as_of="2025-06-30", serious_listing=[on("2024-01-01", list_code="market_regulation")], gives=1),
        seen(
            as_of="2025-06-30",
            serious_listing=[on("2022-06-30", list_code="market_regulation", out_date="2025-06-30")],
            gives=0,
        ),
        seen(as_of="2025-06-30", serious_listing=[on("2024-01-01", list_code="tax")], gives=0),
    ),
)

SERIOUS_VIOLATION_EVER_60M = Indicator(
    code="serious_violation_ever_60m",
    label="近60个月曾列入严重违法失信名单",
    label_en="on the serious list within 60 months",
    section="S4",
    items=("G108",),
    value=flag(
        total(
            serious.where(f.list_code.is_("market_regulation")).within(months=60).count(),
            serious.where(f.list_code.is_("market_regulation")).in_effect().count(),
            serious.where(f.list_code.is_("market_regulation"), f.out_date.after_as_of(days=-1826)).count(),
        ),
        at_least=1,
    ),
    unit="0/1",
    direction="riskier",
    monotone=True,
    basis="《市场监督管理严重违法失信名单管理办法》；省局拟定，待批准",
    reason="近60个月曾被列入严重违法失信名单",
    reason_en="on the serious list within 60 months",
    examples=(
        seen(
            as_of="2025-06-30",
            serious_listing=[on("2018-01-01", list_code="market_regulation", out_date="2021-01-01")],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            serious_listing=[on("2017-01-01", list_code="market_regulation", out_date="2020-01-01")],
            gives=0,
        ),
    ),
)

OTHER_DEPT_SERIOUS_LIST_NOW = Indicator(
    code="other_dept_serious_list_now",
    label="其他领域严重失信主体名单在列数",
    label_en="serious lists of departments in effect",
    section="S4",
    items=("G303", "G605"),
    value=department_lists.in_effect().distinct("list_code"),
    unit="list",
    direction="riskier",
    monotone=True,
    key=True,
    basis="《全国失信惩戒措施基础清单》；《实施意见》三（二）；省局拟定，待批准",
    reason="在{v}个部门严重失信主体名单中",
    reason_en="on {v} serious lists of departments",
    examples=(
        seen(
            as_of="2025-06-30",
            serious_listing=[
                on("2024-01-01", list_code="tax"),
                on("2024-02-01", list_code="tax"),
                on("2024-03-01", list_code="wages"),
                on("2024-03-01", list_code="market_regulation"),
            ],
            gives=2,
        ),
        seen(as_of="2025-06-30", serious_listing=[on("2024-01-01", list_code="tax", out_date="2025-06-30")], gives=0),
    ),
)

MAJOR_TAX_VIOLATION_36M = Indicator(
    code="major_tax_violation_36m",
    label="近36个月重大税收违法失信主体",
    label_en="major tax violation within 36 months",
    section="S4",
    items=("G603", "G303"),
    value=greatest(
        serious.where(f.list_code.is_("tax")).in_effect().any(),
        serious.where(f.list_code.is_("tax")).within(months=36).any(),
    ),
    unit="0/1",
    direction="riskier",
    monotone=True,
    key=True,
    basis="《重大税收违法失信主体信息公布管理办法》；省局拟定，待批准",
    reason="近36个月被列为重大税收违法失信主体",
    reason_en="named for a major tax violation within 36 months",
    examples=(
        seen(as_of="2025-06-30", serious_listing=[on("2022-07-01", list_code="tax", out_date="2023-01-01")], gives=1),
        seen(as_of="2025-06-30", serious_listing=[on("2022-06-30", list_code="tax", out_date="2025-06-30")], gives=0),
        seen(as_of="2025-06-30", serious_listing=[on("2022-06-30", list_code="tax", out_date="2025-07-01")], gives=1),
    ),
)

SAFETY_DISHONEST_NOW = Indicator(
    code="safety_dishonest_now",
    label="安全生产严重失信主体",
    label_en="on the work-safety serious list",
    section="S4",
    items=("G303", "G605"),
    value=serious.where(f.list_code.is_("work_safety")).in_effect().any(),
    unit="0/1",
    direction="riskier",
    monotone=True,
    basis="《安全生产严重失信主体名单管理办法》；省局拟定，待批准",
    reason="被列入安全生产严重失信主体名单",
    reason_en="on the work-safety serious list",
    examples=(
        seen(as_of="2025-06-30", serious_listing=[on("2024-01-01", list_code="work_safety")], gives=1),
        seen(
            as_of="2025-06-30",
            serious_listing=[on("2024-01-01", list_code="work_safety", out_date="2025-01-01")],
            gives=0,
        ),
    ),
)

# ------------------------------------------------------------------------------------ S5 专业领域监管

FOOD_RISK_GRADE = Indicator(
    code="food_risk_grade",
    label="食品生产经营风险等级",
    label_en="food risk grade",
    section="S5",
    items=("G201",),
    value=records("sector_grade").where(f.scheme.is_("food")).in_effect().latest("grade_rank"),
    unit="1-4",
    direction="riskier",
    monotone=True,
    missing="null",
    visibility="internal",
    basis="《食品生产经营风险分级管理办法》；《实施意见》三（六）；省局拟定，待批准",
    reason="食品安全风险等级序{v}（1为最低风险）",
    reason_en="food risk grade, rank {v} (1 is the best)",
    examples=(
        seen(
            as_of="2025-06-30",
            sector_grade=[
                on("2023-01-01", scheme="food", grade="D", grade_rank=4, to_date="2024-01-01"),
                on("2024-01-01", scheme="food", grade="B", grade_rank=2),
            ],
            gives=2,
        ),
        seen(as_of="2025-06-30", sector_grade=[on("2024-01-01", scheme="tax", grade="D", grade_rank=5)], gives=None),
    ),
)

FOOD_SAMPLING_FAIL_24M = Indicator(
    code="food_sampling_fail_24m",
    label="近24个月食品抽检不合格批次",
    label_en="food samples failed, 24 months",
    section="S5",
    items=("G201",),
    value=sampling.where(f.field.is_("food")).within(months=24).decayed(half_life=12),
    unit="weighted batch",
    direction="riskier",
    monotone=True,
    key=True,
    basis="《食品安全抽样检验管理办法》；《实施意见》三（二）；省局拟定，待批准",
    reason="近24个月食品抽检不合格（按时间加权{v}批次）",
    reason_en="food samples failed in 24 months (weighted {v})",
    examples=(
        seen(
            as_of="2025-06-30",
            sampling_test=[
                on("2024-06-30", field="food", result="unqualified", responsible=1),
                on("2025-06-30", field="food", result="unqualified", responsible=0),
            ],
            gives=0.5,
        ),
        seen(
            as_of="2025-06-30",
            sampling_test=[on("2025-06-01", field="food", result="qualified", responsible=1)],
            gives=0,
        ),
    ),
)

FOOD_INSPECTION_NONCONFORM_24M = Indicator(
    code="food_inspection_nonconform_24m",
    label="近24个月食品监督检查不符合项",
    label_en="food inspection non-conformities, 24 months",
    section="S5",
    items=("G201",),
    value=total(
        over(
            finding.where(f.finding_type.is_("food_nonconform"), f.key_item.is_(1))
            .within(months=24)
            .decayed(half_life=12),
            0.5,
        ),
        finding.where(f.finding_type.is_("food_nonconform")).within(months=24).decayed(half_life=12),
    ),
    unit="weighted item",
    direction="riskier",
    monotone=True,
    basis="《食品生产经营监督检查管理办法》；省局拟定，待批准：重点项按三倍计",
    reason="近24个月食品监督检查不符合项（加权{v}项，重点项三倍）",
    reason_en="food non-conformities in 24 months (weighted {v}, key items threefold)",
    examples=(
        seen(
            as_of="2025-06-30",
            inspection_finding=[
                on("2025-06-30", finding_type="food_nonconform", key_item=1, severity=2),
                on("2024-06-30", finding_type="food_nonconform", key_item=0, severity=1),
            ],
            gives=3.5,
        ),
        seen(as_of="2025-06-30", inspection_finding=[on("2025-06-30", finding_type="gxp_defect", severity=2)], gives=0),
    ),
)

DRUG_DEVICE_COSMETIC_FAIL_24M = Indicator(
    code="drug_device_cosmetic_fail_24m",
    label="近24个月药品医疗器械化妆品抽检不合格批次",
    label_en="drug, device and cosmetic samples failed, 24 months",
    section="S5",
    kinds=("enterprise", "individual_business"),
    items=("G201",),
    value=sampling.where(f.field.is_in("drug", "device", "cosmetic")).within(months=24).decayed(half_life=12),
    unit="weighted batch",
    direction="riskier",
    monotone=True,
    key=True,
    basis=DOMAIN_BASIS,
    reason="近24个月药械化抽检不合格（按时间加权{v}批次）",
    reason_en="drug, device and cosmetic samples failed in 24 months (weighted {v})",
    examples=(
        seen(
            as_of="2025-06-30",
            sampling_test=[on("2025-06-30", field="drug", result="unqualified", responsible=1)],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            sampling_test=[on("2023-06-30", field="drug", result="unqualified", responsible=1)],
            gives=0,
        ),
    ),
)

DRUG_GXP_MAJOR_DEFECT_36M = Indicator(
    code="drug_gxp_major_defect_36m",
    label="近36个月药品器械质量规范严重缺陷",
    label_en="serious defects of drug or device practice, 36 months",
    section="S5",
    kinds=("enterprise",),
    items=("G201",),
    value=finding.where(f.finding_type.is_("gxp_defect"), f.severity >= 3).within(months=36).decayed(half_life=12),
    unit="weighted item",
    direction="riskier",
    monotone=True,
    basis=DOMAIN_BASIS,
    reason="近36个月质量规范检查严重或主要缺陷（按时间加权{v}项）",
    reason_en="serious defects of drug or device practice in 36 months (weighted {v})",
    examples=(
        seen(as_of="2025-06-30", inspection_finding=[on("2025-06-30", finding_type="gxp_defect", severity=3)], gives=1),
        seen(as_of="2025-06-30", inspection_finding=[on("2025-06-30", finding_type="gxp_defect", severity=2)], gives=0),
    ),
)

SPECIAL_EQUIPMENT_OVERDUE_COUNT = Indicator(
    code="special_equipment_overdue_count",
    label="特种设备超期未检台数",
    label_en="special equipment overdue for inspection",
    section="S5",
    items=("G202",),
    value=records("special_equipment").where(f.use_state.is_("in_use"), f.next_inspection.before_as_of()).count(),
    unit="unit",
    direction="riskier",
    monotone=True,
    visibility="internal",
    key=True,
    basis="《特种设备安全法》第四十条；省局拟定，待批准",
    reason="有{v}台特种设备超期未检",
    reason_en="{v} pieces of special equipment overdue for inspection",
    examples=(
        seen(
            as_of="2025-06-30",
            special_equipment=[
                on("2020-01-01", use_state="in_use", next_inspection="2025-06-29"),
                on("2020-01-01", use_state="in_use", next_inspection="2025-06-30"),
                on("2020-01-01", use_state="stopped", next_inspection="2024-06-30"),
            ],
            gives=1,
        ),
        seen(as_of="2025-06-30", gives=0),
    ),
)

SPECIAL_EQUIPMENT_ACCIDENT_24M = Indicator(
    code="special_equipment_accident_24m",
    label="近24个月特种设备责任事故次数",
    label_en="special equipment accidents with responsibility, 24 months",
    section="S5",
    items=("G202",),
    value=accident.where(f.accident_kind.is_("special_equipment")).within(months=24).count(),
    unit="time",
    direction="riskier",
    monotone=True,
    key=True,
    basis="《特种设备安全法》；省局拟定，待批准",
    reason="近24个月发生特种设备责任事故{v}起",
    reason_en="{v} special equipment accidents with responsibility in 24 months",
    examples=(
        seen(
            as_of="2025-06-30",
            accident=[
                on("2023-07-01", accident_kind="special_equipment", responsibility="main"),
                on("2025-01-01", accident_kind="special_equipment", responsibility="none"),
                on("2025-01-01", accident_kind="special_equipment", responsibility="pending"),
            ],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            accident=[on("2023-06-30", accident_kind="special_equipment", responsibility="full")],
            gives=0,
        ),
    ),
)

RESPONSIBLE_ACCIDENT_24M = Indicator(
    code="responsible_accident_24m",
    label="近24个月特种设备、食品药品安全责任事故次数",
    label_en="equipment, food and drug accidents with responsibility, 24 months",
    section="S5",
    items=("G201", "G202"),
    value=accident.where(f.accident_kind.is_in("special_equipment", "food_safety", "drug_safety"))
    .within(months=24)
    .count(),
    unit="time",
    direction="riskier",
    monotone=True,
    role="override_only",
    basis="《实施意见》三（六）；省局拟定，待批准：直接判定",
    reason="近24个月发生特种设备、食品药品安全责任事故{v}起",
    reason_en="{v} equipment, food or drug accidents with responsibility in 24 months",
    examples=(
        seen(
            as_of="2025-06-30",
            accident=[on("2025-01-01", accident_kind="food_safety", responsibility="minor")],
            gives=1,
        ),
        seen(as_of="2025-06-30", accident=[on("2025-01-01", accident_kind="fire", responsibility="full")], gives=0),
    ),
)

SPECIAL_EQUIPMENT_UNCERTIFIED_OPERATOR_24M = Indicator(
    code="special_equipment_uncertified_operator_24m",
    label="近24个月特种设备无证作业次数",
    label_en="uncertified equipment operators found, 24 months",
    section="S5",
    items=("G202",),
    value=finding.where(f.finding_type.is_("equipment_uncertified_operator")).within(months=24).count(),
    unit="time",
    direction="riskier",
    monotone=True,
    basis="《特种设备安全法》第十四条；省局拟定，待批准",
    reason="近24个月特种设备无证作业{v}次",
    reason_en="uncertified equipment operators found {v} times in 24 months",
    examples=(
        seen(
            as_of="2025-06-30",
            inspection_finding=[on("2023-07-01", finding_type="equipment_uncertified_operator", severity=2)],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            inspection_finding=[on("2023-06-30", finding_type="equipment_uncertified_operator", severity=2)],
            gives=0,
        ),
    ),
)

INDUSTRIAL_PRODUCT_FAIL_24M = Indicator(
    code="industrial_product_fail_24m",
    label="近24个月工业产品质量抽查不合格批次",
    label_en="industrial product samples failed, 24 months",
    section="S5",
    items=("G203",),
    value=sampling.where(f.field.is_("industrial")).within(months=24).decayed(half_life=12),
    unit="weighted batch",
    direction="riskier",
    monotone=True,
    key=True,
    basis="《产品质量法》第十五条；《实施意见》三（二）；省局拟定，待批准",
    reason="近24个月产品质量监督抽查不合格（按时间加权{v}批次）",
    reason_en="industrial product samples failed in 24 months (weighted {v})",
    examples=(
        seen(
            as_of="2025-06-30",
            sampling_test=[on("2024-06-30", field="industrial", result="unqualified", responsible=1)],
            gives=0.5,
        ),
        seen(
            as_of="2025-06-30",
            sampling_test=[on("2025-06-30", field="food", result="unqualified", responsible=1)],
            gives=0,
        ),
    ),
)

RECALL_ORDERED_36M = Indicator(
    code="recall_ordered_36m",
    label="近36个月责令召回次数",
    label_en="recalls ordered, 36 months",
    section="S5",
    kinds=("enterprise",),
    items=("G203",),
    value=records("recall").where(f.recall_kind.is_("ordered")).within(months=36).count(),
    unit="time",
    direction="riskier",
    monotone=True,
    key=True,
    basis="《消费品召回管理暂行规定》；省局拟定，待批准",
    reason="近36个月被责令召回{v}次",
    reason_en="{v} recalls ordered in 36 months",
    examples=(
        seen(as_of="2025-06-30", recall=[on("2025-01-01", recall_kind="ordered")], gives=1),
        seen(as_of="2025-06-30", recall=[on("2025-01-01", recall_kind="voluntary")], gives=0),
    ),
)

IP_INFRINGEMENT_CASE_36M = Indicator(
    code="ip_infringement_case_36m",
    label="近36个月侵权假冒案件",
    label_en="infringement and counterfeiting cases, 36 months",
    section="S5",
    items=("G106", "G204"),
    value=penalty.where(f.domain.is_("ip_counterfeit")).within(months=36).decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    key=True,
    basis=DOMAIN_BASIS,
    reason="近36个月侵权假冒案件（按时间加权{v}件）",
    reason_en="infringement and counterfeiting cases in 36 months (weighted {v})",
    examples=decided_examples(36, domain="ip_counterfeit"),
)

PRICE_VIOLATION_36M = Indicator(
    code="price_violation_36m",
    label="近36个月价格违法案件",
    label_en="price violations, 36 months",
    section="S5",
    items=("G106", "G205"),
    value=penalty.where(f.domain.is_("price")).within(months=36).decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    basis=DOMAIN_BASIS,
    reason="近36个月价格违法案件（按时间加权{v}件）",
    reason_en="price violations in 36 months (weighted {v})",
    examples=decided_examples(36, domain="price"),
)

MONOPOLY_CASE_60M = Indicator(
    code="monopoly_case_60m",
    label="近60个月垄断案件数",
    label_en="antitrust cases, 60 months",
    section="S5",
    kinds=("enterprise",),
    items=("G206",),
    value=penalty.where(f.violation_type.is_in("monopoly_agreement", "dominance_abuse", "concentration"))
    .within(months=60)
    .count(),
    unit="case",
    direction="riskier",
    monotone=True,
    basis="《反垄断法》；《实施意见》三（二）；省局拟定，待批准",
    reason="近60个月垄断案件{v}件",
    reason_en="{v} antitrust cases in 60 months",
    examples=(
        seen(as_of="2025-06-30", penalty=[on("2020-07-01", severity=3, violation_type="dominance_abuse")], gives=1),
        seen(as_of="2025-06-30", penalty=[on("2020-06-30", severity=3, violation_type="dominance_abuse")], gives=0),
    ),
)

UNFAIR_COMPETITION_36M = Indicator(
    code="unfair_competition_36m",
    label="近36个月不正当竞争、商业贿赂、传销案件",
    label_en="unfair competition, bribery and pyramid selling, 36 months",
    section="S5",
    items=("G106", "G206"),
    value=penalty.where(
        f.violation_type.is_in("false_promotion", "confusion", "bribery", "trade_secret", "pyramid_selling")
    )
    .within(months=36)
    .decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    basis="《反不正当竞争法》；《实施意见》三（二）；省局拟定，待批准",
    reason="近36个月不正当竞争、商业贿赂、传销案件（按时间加权{v}件）",
    reason_en="unfair competition, bribery and pyramid selling in 36 months (weighted {v})",
    examples=decided_examples(36, violation_type="bribery"),
)

ADVERTISING_VIOLATION_24M = Indicator(
    code="advertising_violation_24m",
    label="近24个月广告违法案件",
    label_en="advertising violations, 24 months",
    section="S5",
    items=("G106", "G212"),
    value=penalty.where(f.violation_type.is_("advertising")).within(months=24).decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    basis=DOMAIN_BASIS,
    reason="近24个月广告违法案件（按时间加权{v}件）",
    reason_en="advertising violations in 24 months (weighted {v})",
    examples=decided_examples(24, violation_type="advertising"),
)

ADVERTISING_MONITOR_HITS_6M = Indicator(
    code="advertising_monitor_hits_6m",
    label="近6个月违法广告监测线索",
    label_en="clues of unlawful advertising, 6 months",
    section="S5",
    items=("G403",),
    value=records("monitor_clue").where(f.clue_kind.is_("illegal_advertising")).within(months=6).decayed(half_life=3),
    unit="weighted clue",
    direction="riskier",
    monotone=True,
    visibility="internal",
    key=True,
    basis="《广告法》；《实施意见》三（八）；省局拟定，待批准",
    reason="近6个月违法广告监测线索（按时间加权{v}条）",
    reason_en="clues of unlawful advertising in 6 months (weighted {v})",
    examples=(
        seen(as_of="2025-06-30", monitor_clue=[on("2025-03-31", clue_kind="illegal_advertising")], gives=0.5),
        seen(as_of="2025-06-30", monitor_clue=[on("2024-12-30", clue_kind="illegal_advertising")], gives=0),
    ),
)

CONSUMER_RIGHTS_VIOLATION_36M = Indicator(
    code="consumer_rights_violation_36m",
    label="近36个月侵害消费者权益案件",
    label_en="consumer rights violations, 36 months",
    section="S5",
    items=("G106", "G207"),
    value=penalty.where(f.domain.is_("consumer")).within(months=36).decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    basis="《消费者权益保护法》；《实施意见》三（二）；省局拟定，待批准",
    reason="近36个月侵害消费者权益案件（按时间加权{v}件）",
    reason_en="consumer rights violations in 36 months (weighted {v})",
    examples=decided_examples(36, domain="consumer"),
)

NETWORK_TRADE_VIOLATION_24M = Indicator(
    code="network_trade_violation_24m",
    label="近24个月网络交易违法案件",
    label_en="network trade violations, 24 months",
    section="S5",
    items=("G106", "G212"),
    value=penalty.where(f.violation_type.is_("network_trade")).within(months=24).decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    basis=DOMAIN_BASIS,
    reason="近24个月网络交易违法案件（按时间加权{v}件）",
    reason_en="network trade violations in 24 months (weighted {v})",
    examples=decided_examples(24, violation_type="network_trade"),
)

FOOD_DRUG_VIOLATION_36M = Indicator(
    code="food_drug_violation_36m",
    label="近36个月食品药品安全案件",
    label_en="food and drug violations, 36 months",
    section="S5",
    items=("G106", "G201"),
    value=penalty.where(f.domain.is_("food_drug")).within(months=36).decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    basis=DOMAIN_BASIS,
    reason="近36个月食品药品安全案件（按时间加权{v}件）",
    reason_en="food and drug violations in 36 months (weighted {v})",
    examples=decided_examples(36, domain="food_drug"),
)

PRODUCT_QUALITY_VIOLATION_36M = Indicator(
    code="product_quality_violation_36m",
    label="近36个月工业产品质量案件",
    label_en="product quality violations, 36 months",
    section="S5",
    items=("G106", "G203"),
    value=penalty.where(f.domain.is_("industrial_product")).within(months=36).decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    basis=DOMAIN_BASIS,
    reason="近36个月工业产品质量案件（按时间加权{v}件）",
    reason_en="product quality violations in 36 months (weighted {v})",
    examples=decided_examples(36, domain="industrial_product"),
)

METROLOGY_VIOLATION_36M = Indicator(
    code="metrology_violation_36m",
    label="近36个月计量违法案件",
    label_en="metrology violations, 36 months",
    section="S5",
    items=("G106", "G208"),
    value=penalty.where(f.domain.is_("metrology")).within(months=36).decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    basis=DOMAIN_BASIS,
    reason="近36个月计量违法案件（按时间加权{v}件）",
    reason_en="metrology violations in 36 months (weighted {v})",
    examples=decided_examples(36, domain="metrology"),
)

METROLOGY_OVERDUE_COUNT = Indicator(
    code="metrology_overdue_count",
    label="强检计量器具超期未检数",
    label_en="measuring instruments overdue for verification",
    section="S5",
    items=("G208",),
    value=records("metrology_device").where(f.use_state.is_("in_use"), f.valid_until.before_as_of()).count(),
    unit="unit",
    direction="riskier",
    monotone=True,
    visibility="internal",
    basis="《计量法》第九条；省局拟定，待批准",
    reason="有{v}台（件）强检计量器具超期未检",
    reason_en="{v} measuring instruments overdue for verification",
    examples=(
        seen(
            as_of="2025-06-30",
            metrology_device=[
                on("2020-01-01", use_state="in_use", valid_until="2025-06-29"),
                on("2020-01-01", use_state="in_use", valid_until="2025-06-30"),
            ],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            metrology_device=[on("2020-01-01", use_state="stopped", valid_until="2024-01-01")],
            gives=0,
        ),
    ),
)

STANDARD_NONCONFORM_24M = Indicator(
    code="standard_nonconform_24m",
    label="近24个月标准不符合次数",
    label_en="standards not met, 24 months",
    section="S5",
    kinds=("enterprise", "cooperative"),
    items=("G209",),
    value=finding.where(f.finding_type.is_("standard_nonconform")).within(months=24).count(),
    unit="time",
    direction="riskier",
    monotone=True,
    basis="《标准化法》；《实施意见》三（二）；省局拟定，待批准",
    reason="近24个月标准不符合{v}次",
    reason_en="standards not met {v} times in 24 months",
    examples=(
        seen(
            as_of="2025-06-30",
            inspection_finding=[on("2025-01-01", finding_type="standard_nonconform", severity=1)],
            gives=1,
        ),
        seen(as_of="2025-06-30", inspection_finding=[on("2025-01-01", finding_type="other", severity=1)], gives=0),
    ),
)

LAB_REPORT_VIOLATION_36M = Indicator(
    code="lab_report_violation_36m",
    label="近36个月检验检测违规",
    label_en="testing violations, 36 months",
    section="S5",
    kinds=("enterprise",),
    items=("G106", "G210"),
    value=total(
        penalty.where(f.domain.is_("testing")).within(months=36).decayed(half_life=12),
        finding.where(f.finding_type.is_("lab_report_false")).within(months=36).decayed(half_life=12),
    ),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    basis="《检验检测机构监督管理办法》；《实施意见》三（二）；省局拟定，待批准",
    reason="近36个月检验检测违规（按时间加权{v}次）",
    reason_en="testing violations in 36 months (weighted {v})",
    examples=(
        seen(
            as_of="2025-06-30",
            penalty=[on("2025-06-30", severity=2, domain="testing")],
            inspection_finding=[on("2024-06-30", finding_type="lab_report_false", severity=3)],
            gives=1.5,
        ),
        seen(as_of="2025-06-30", gives=0),
    ),
)

CERTIFICATION_WITHDRAWN_24M = Indicator(
    code="certification_withdrawn_24m",
    label="近24个月认证证书被撤销暂停次数",
    label_en="certificates suspended or withdrawn, 24 months",
    section="S5",
    kinds=("enterprise", "cooperative"),
    items=("G211",),
    value=records("certification")
    .where(f.state.is_in("suspended", "withdrawn"), f.for_cause.is_(1))
    .within(months=24)
    .count(),
    unit="time",
    direction="riskier",
    monotone=True,
    basis="《认证认可条例》；《实施意见》三（二）；省局拟定，待批准",
    reason="近24个月认证证书被暂停或撤销{v}次",
    reason_en="certificates suspended or withdrawn {v} times in 24 months",
    examples=(
        seen(
            as_of="2025-06-30",
            certification=[on("2025-01-01", from_date="2023-01-01", state="withdrawn", for_cause=1)],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            certification=[on("2025-01-01", from_date="2023-01-01", state="suspended", for_cause=0)],
            gives=0,
        ),
    ),
)

VALID_CERTIFICATION_COUNT = Indicator(
    code="valid_certification_count",
    label="有效认证证书数",
    label_en="valid certificates",
    section="S5",
    kinds=("enterprise", "cooperative"),
    items=("G211",),
    value=records("certification").where(f.state.is_("valid")).in_effect().count(),
    unit="item",
    direction="safer",
    basis="《认证认可条例》；省局拟定，待批准",
    reason="有效认证证书{v}张",
    reason_en="{v} valid certificates",
    examples=(
        seen(
            as_of="2025-06-30",
            certification=[
                on("2023-01-01", from_date="2023-01-01", to_date="2025-07-01", state="valid"),
                on("2022-06-30", from_date="2022-06-30", to_date="2025-06-30", state="valid"),
            ],
            gives=1,
        ),
        seen(as_of="2025-06-30", certification=[on("2023-01-01", from_date="2023-01-01", state="withdrawn")], gives=0),
    ),
)

# ------------------------------------------------------------------------------------ S6 整改与信用修复

REPAIR_COMPLETED_36M = Indicator(
    code="repair_completed_36m",
    label="近36个月信用修复次数",
    label_en="repairs completed, 36 months",
    section="S6",
    items=("G106", "G107", "G108"),
    value=records("repair").where(f.result.is_("granted")).within(months=36).count(),
    unit="time",
    direction="none",
    visibility="internal",
    role="display_only",
    basis="国办发〔2025〕22号；省局拟定，待批准：只作展示",
    reason="近36个月完成信用修复{v}次",
    reason_en="{v} repairs completed in 36 months",
    examples=(
        seen(as_of="2025-06-30", repair=[on("2025-01-01", repair_target="penalty", result="granted")], gives=1),
        seen(as_of="2025-06-30", repair=[on("2025-01-01", repair_target="penalty", result="refused")], gives=0),
    ),
)

REPAIR_FALSE_MATERIAL_36M = Indicator(
    code="repair_false_material_36m",
    label="近36个月信用修复弄虚作假次数",
    label_en="repairs cancelled for false material, 36 months",
    section="S6",
    items=("G106", "G107", "G108"),
    value=records("repair").where(f.result.is_("cancelled")).within(months=36).count(),
    unit="time",
    direction="riskier",
    monotone=True,
    visibility="internal",
    basis="国办发〔2025〕22号；省局拟定，待批准",
    reason="近36个月信用修复弄虚作假{v}次",
    reason_en="repairs cancelled for false material {v} times in 36 months",
    examples=(
        seen(as_of="2025-06-30", repair=[on("2022-07-01", repair_target="penalty", result="cancelled")], gives=1),
        seen(as_of="2025-06-30", repair=[on("2022-06-30", repair_target="penalty", result="cancelled")], gives=0),
    ),
)

RECTIFICATION_ON_TIME_RATIO_24M = Indicator(
    code="rectification_on_time_ratio_24m",
    label="近24个月整改按期完成率",
    label_en="share of rectifications in time, 24 months",
    section="S6",
    items=("G109", "G402"),
    value=ratio(
        rectification.where(f.due_date.before_as_of(), f.closed_date <= f.due_date).within(months=24).count(),
        rectification.where(f.due_date.before_as_of()).within(months=24).count(),
        plus=(1, 2),
    ),
    unit="share",
    direction="safer",
    missing="null",
    visibility="internal",
    basis="《行政处罚法》第二十八条；省局拟定，待批准",
    reason="近24个月整改按期完成率{v}（平滑后）",
    reason_en="{v} of rectifications in time in 24 months (smoothed)",
    examples=(
        seen(
            as_of="2025-06-30",
            rectification=[
                on("2025-01-01", due_date="2025-02-01", closed_date="2025-02-01"),
                on("2025-01-02", due_date="2025-02-01", closed_date="2025-02-02"),
                on("2025-06-02", due_date="2025-07-01"),
            ],
            gives=0.5,
        ),
        seen(as_of="2025-06-30", gives=None),
    ),
)

SUPERVISION_RESPONSE_RATIO_12M = Indicator(
    code="supervision_response_ratio_12m",
    label="近12个月预警处置反馈率",
    label_en="share of warnings answered in time, 12 months",
    section="S6",
    items=("G403",),
    value=ratio(
        records("notice_response").where(f.answered_date <= f.due_date).within(months=12).count(),
        records("notice_response").where(f.due_date.before_as_of()).within(months=12).count(),
        plus=(1, 2),
    ),
    unit="share",
    direction="safer",
    missing="null",
    visibility="internal",
    basis="《实施意见》三（八）；省局拟定，待批准",
    reason="近12个月提醒警示按期反馈率{v}（平滑后）",
    reason_en="{v} of reminders and cautions answered in time in 12 months (smoothed)",
    examples=(
        seen(
            as_of="2025-06-30",
            notice_response=[
                on("2025-01-01", disposition="remind", due_date="2025-01-15", answered_date="2025-01-15"),
                on("2025-01-01", disposition="caution", due_date="2025-01-15"),
            ],
            gives=0.5,
        ),
        seen(
            as_of="2025-06-30",
            notice_response=[on("2024-06-30", disposition="remind", due_date="2024-07-15")],
            gives=0.5,
        ),
        seen(as_of="2025-06-30", gives=None),
    ),
)

# ---------------------------------------------------------------------------------------- S7 其他部门监管

ECO_ENVIRONMENT_PENALTY_36M = Indicator(
    code="eco_environment_penalty_36m",
    label="近36个月生态环境处罚",
    label_en="environmental penalties, 36 months",
    section="S7",
    items=("G302",),
    value=penalty.where(f.domain.is_("ecology")).within(months=36).decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    basis=DEPARTMENT_BASIS,
    reason="近36个月生态环境处罚（按时间加权{v}件）",
    reason_en="environmental penalties in 36 months (weighted {v})",
    examples=decided_examples(36, domain="ecology"),
)

ECO_CREDIT_GRADE = Indicator(
    code="eco_credit_grade",
    label="环境信用等级",
    label_en="environmental credit grade",
    section="S7",
    kinds=("enterprise",),
    items=("G302", "G304"),
    value=records("sector_grade").where(f.scheme.is_("ecology")).in_effect().latest("grade_rank"),
    unit="1-4",
    direction="riskier",
    monotone=True,
    missing="null",
    basis=DEPARTMENT_BASIS,
    reason="环境信用等级序{v}（1为最优）",
    reason_en="environmental credit grade, rank {v} (1 is the best)",
    examples=(
        seen(as_of="2025-06-30", sector_grade=[on("2024-01-01", scheme="ecology", grade="黄", grade_rank=3)], gives=3),
        seen(
            as_of="2025-06-30",
            sector_grade=[on("2024-01-01", scheme="ecology", grade="黄", grade_rank=3, to_date="2025-01-01")],
            gives=None,
        ),
    ),
)

TRANSPORT_VIOLATION_24M = Indicator(
    code="transport_violation_24m",
    label="近24个月交通运输违法案件",
    label_en="transport violations, 24 months",
    section="S7",
    items=("G302",),
    value=penalty.where(f.domain.is_("transport")).within(months=24).decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    basis=DEPARTMENT_BASIS,
    reason="近24个月交通运输违法案件（按时间加权{v}件）",
    reason_en="transport violations in 24 months (weighted {v})",
    examples=decided_examples(24, domain="transport"),
)

CULTURE_MARKET_VIOLATION_24M = Indicator(
    code="culture_market_violation_24m",
    label="近24个月文化市场违法案件",
    label_en="culture market violations, 24 months",
    section="S7",
    items=("G302",),
    value=penalty.where(f.domain.is_("culture")).within(months=24).decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    basis=DEPARTMENT_BASIS,
    reason="近24个月文化市场违法案件（按时间加权{v}件）",
    reason_en="culture market violations in 24 months (weighted {v})",
    examples=decided_examples(24, domain="culture"),
)

AGRICULTURE_VIOLATION_24M = Indicator(
    code="agriculture_violation_24m",
    label="近24个月农业农村领域违法案件",
    label_en="agriculture violations, 24 months",
    section="S7",
    items=("G302",),
    value=penalty.where(f.domain.is_("agriculture")).within(months=24).decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    basis=DEPARTMENT_BASIS,
    reason="近24个月农业农村领域违法案件（按时间加权{v}件）",
    reason_en="agriculture violations in 24 months (weighted {v})",
    examples=decided_examples(24, domain="agriculture"),
)

EMERGENCY_SAFETY_VIOLATION_36M = Indicator(
    code="emergency_safety_violation_36m",
    label="近36个月安全生产违法案件",
    label_en="work safety violations, 36 months",
    section="S7",
    items=("G302",),
    value=penalty.where(f.domain.is_("emergency")).within(months=36).decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    key=True,
    basis=DEPARTMENT_BASIS,
    reason="近36个月安全生产违法案件（按时间加权{v}件）",
    reason_en="work safety violations in 36 months (weighted {v})",
    examples=decided_examples(36, domain="emergency"),
)

FIRE_SAFETY_VIOLATION_24M = Indicator(
    code="fire_safety_violation_24m",
    label="近24个月消防安全违法案件",
    label_en="fire safety violations, 24 months",
    section="S7",
    items=("G302",),
    value=penalty.where(f.domain.is_("fire")).within(months=24).decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    basis=DEPARTMENT_BASIS,
    reason="近24个月消防安全违法案件（按时间加权{v}件）",
    reason_en="fire safety violations in 24 months (weighted {v})",
    examples=decided_examples(24, domain="fire"),
)

CONSTRUCTION_BIDDING_VIOLATION_36M = Indicator(
    code="construction_bidding_violation_36m",
    label="近36个月工程建设、招标投标违法案件",
    label_en="construction and bidding violations, 36 months",
    section="S7",
    kinds=("enterprise",),
    items=("G302",),
    value=penalty.where(f.domain.is_("construction")).within(months=36).decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    basis=DEPARTMENT_BASIS,
    reason="近36个月工程建设、招标投标违法案件（按时间加权{v}件）",
    reason_en="construction and bidding violations in 36 months (weighted {v})",
    examples=decided_examples(36, domain="construction"),
)

HEALTH_VIOLATION_36M = Indicator(
    code="health_violation_36m",
    label="近36个月医疗卫生违法案件",
    label_en="health violations, 36 months",
    section="S7",
    items=("G302",),
    value=penalty.where(f.domain.is_("health")).within(months=36).decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    basis=DEPARTMENT_BASIS,
    reason="近36个月医疗卫生违法案件（按时间加权{v}件）",
    reason_en="health violations in 36 months (weighted {v})",
    examples=decided_examples(36, domain="health"),
)

STATISTICS_VIOLATION_36M = Indicator(
    code="statistics_violation_36m",
    label="近36个月统计违法案件",
    label_en="statistics violations, 36 months",
    section="S7",
    kinds=("enterprise",),
    items=("G302",),
    value=penalty.where(f.domain.is_("statistics")).within(months=36).decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    basis=DEPARTMENT_BASIS,
    reason="近36个月统计违法案件（按时间加权{v}件）",
    reason_en="statistics violations in 36 months (weighted {v})",
    examples=decided_examples(36, domain="statistics"),
)

FISCAL_FUND_VIOLATION_36M = Indicator(
    code="fiscal_fund_violation_36m",
    label="近36个月财政性资金使用违规案件",
    label_en="misuse of fiscal funds, 36 months",
    section="S7",
    kinds=("enterprise", "cooperative"),
    items=("G302", "G404"),
    value=penalty.where(f.domain.is_("fiscal")).within(months=36).decayed(half_life=12),
    unit="weighted case",
    direction="riskier",
    monotone=True,
    visibility="internal",
    basis=DEPARTMENT_BASIS,
    reason="近36个月财政性资金使用违规案件（按时间加权{v}件）",
    reason_en="misuse of fiscal funds in 36 months (weighted {v})",
    examples=decided_examples(36, domain="fiscal"),
)

CENTRAL_PUSH_NEGATIVE_24M = Indicator(
    code="central_push_negative_24m",
    label="近24个月总局推送负面信息",
    label_en="negative records pushed nationally, 24 months",
    section="S7",
    items=("G605",),
    value=records("central_push")
    .where(f.negative.is_(1), f.represented.is_(0))
    .within(months=24)
    .decayed(half_life=12),
    unit="weighted record",
    direction="riskier",
    monotone=True,
    visibility="internal",
    basis="《实施意见》三（二）总局推送；省局拟定，待批准",
    reason="近24个月总局推送风险信息（按时间加权{v}条）",
    reason_en="negative records pushed nationally in 24 months (weighted {v})",
    examples=(
        seen(
            as_of="2025-06-30",
            central_push=[
                on("2024-06-30", push_kind="tax", negative=1, represented=0),
                on("2025-06-30", push_kind="judicial", negative=1, represented=1),
            ],
            gives=0.5,
        ),
        seen(as_of="2025-06-30", central_push=[on("2025-06-30", push_kind="tax", negative=0, represented=0)], gives=0),
    ),
)
