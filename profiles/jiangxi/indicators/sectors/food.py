"""食品 (sector): producers and operators of food, by their own licences, samples, inspections and grades."""

from features.indicators.language import (
    Indicator,
    f,
    general,
    greatest,
    on,
    peer_rate,
    ratio,
    records,
    seen,
)

SUPERVISION = "《食品生产经营监督检查管理办法》第二十一条、第三十九条；省局拟定，待批准"
SAMPLING = "《食品安全抽样检验管理办法》；省局拟定，待批准"
GRADES = "《食品生产经营风险分级管理办法》；《实施意见》三（六）；省局拟定，待批准"
LAW = "《食品安全法》；省局拟定，待批准"

LICENCES = ("food_production", "food_operation", "small_food_workshop")
ADVERSE = ("suspend", "withdraw", "annul", "revoke", "cancel_ex_officio")
POINTS = {1: 1, 2: 3, 3: 8, 4: 20}

licence = records("licence").where(f.licence_type.is_in(*LICENCES))
grade = records("sector_grade").where(f.scheme.is_("food"))
sample = records("sampling_test").where(f.field.is_("food"))
unqualified = sample.where(f.result.is_("unqualified"), f.responsible.is_(1))
visit = records("inspection").where(f.matters.has("food"))
nonconform = records("inspection_finding").where(f.finding_type.is_("food_nonconform"))
penalty = records("penalty").where(f.domain.is_("food_drug"), f.severity >= 1, f.item.is_not("G402"))
complaint = records("complaint").where(f.topic.is_("food"), f.accepted.is_(1), f.professional.is_(0))
accident = records("accident").where(f.accident_kind.is_("food_safety"))

GENERAL = general(
    "legal_form",
    "is_branch",
    "age_months",
    "is_newly_established",
    "scope_licensed_item_count",
    "registered_capital_log",
    "employee_count_log",
    "industry_section",
    "industry_violation_rate_24m",
    "county_violation_rate_24m",
    "address_mismatch",
    "required_licence_missing",
    "licence_expired_count",
    "licence_withdrawn_count_36m",
    "commitment_breach_count_36m",
    "change_count_12m",
    "operator_change_count_24m",
    "annual_report_on_time_last",
    "annual_report_missed_3y",
    "penalty_count_12m",
    "penalty_severity_decayed",
    "penalty_max_severity_36m",
    "months_since_last_penalty",
    "open_case_count",
    "inspection_count_24m",
    "random_inspection_count_24m",
    "inspection_problem_count_24m",
    "months_since_last_inspection",
    "abnormal_listed_now",
    "serious_violation_listed_now",
    "responsible_accident_24m",
    "food_risk_grade",
    "food_sampling_fail_24m",
    "food_inspection_nonconform_24m",
    "food_drug_violation_36m",
    "recall_ordered_36m",
    "revoked_not_deregistered",
    "complaint_count_12m",
    "tax_abnormal_household",
    "executed_count_36m",
    "insured_headcount_log",
)


def own(code, label, label_en, value, *examples, section="S5", unit="time", **said):
    """An indicator of the sector; what is not said is what most of them are."""
    stated = {
        "items": ("G201",),
        "direction": "riskier",
        "monotone": True,
        "basis": SUPERVISION,
        "reason": label + "{v}",
        "reason_en": label_en + ": {v}",
        **said,
    }
    return Indicator(
        code=code, label=label, label_en=label_en, section=section, unit=unit, value=value, examples=examples, **stated
    )


def granted(kind, day="2022-01-01", **said):
    """A licence of the sector as its register states it."""
    return on(day, licence_type=kind, valid_from=day, **{"last_event": "grant", **said})


MEMBER = own(
    "food_entity",
    "食品生产经营者",
    "food producer or operator",
    greatest(licence.in_effect().any(), grade.in_effect().any()),
    seen(as_of="2025-06-30", licence=[granted("food_operation")], gives=1),
    seen(as_of="2025-06-30", licence=[granted("food_operation", valid_to="2025-06-30")], gives=0),
    seen(as_of="2025-06-30", licence=[granted("food_operation", known="2025-07-01")], gives=0),
    seen(as_of="2025-06-30", sector_grade=[on("2024-01-01", scheme="food", grade="B", grade_rank=2)], gives=1),
    seen(as_of="2025-06-30", licence=[granted("drug_operation")], gives=0),
    section="B5",
    unit="0/1",
    items=("G105", "G201"),
    monotone=False,
    direction="none",
    role="member",
    basis="《食品安全法》第三十五条；《实施意见》三（六）",
    reason="属于食品生产经营者",
    reason_en="a food producer or operator",
)

PRODUCER = own(
    "food_producer",
    "持有食品生产许可",
    "holds a food production licence",
    licence.where(f.licence_type.is_("food_production")).in_effect().any(),
    seen(as_of="2025-06-30", licence=[granted("food_production")], gives=1),
    seen(as_of="2025-06-30", licence=[granted("food_operation")], gives=0),
    section="B5",
    unit="0/1",
    items=("G105",),
    monotone=False,
    basis=LAW,
    reason="持有食品生产许可",
    reason_en="holds a food production licence",
)

LICENCES_HELD = own(
    "food_licences_held",
    "有效食品许可数",
    "food licences in effect",
    licence.in_effect().count(),
    seen(as_of="2025-06-30", licence=[granted("food_production"), granted("food_operation")], gives=2),
    seen(as_of="2025-06-30", licence=[granted("food_production", valid_to="2024-01-01")], gives=0),
    section="B5",
    unit="item",
    items=("G105",),
    monotone=False,
    direction="none",
    basis=LAW,
    reason="持有有效食品许可{v}项",
    reason_en="{v} food licences in effect",
)

LICENCE_LOST = own(
    "food_licence_lost_36m",
    "近36个月食品许可被暂扣、撤回、撤销、吊销次数",
    "food licences suspended or taken away, 36 months",
    licence.where(f.last_event.is_in(*ADVERSE)).within(months=36).count(),
    seen(
        as_of="2025-06-30",
        licence=[granted("food_production", day="2023-05-01", last_event="revoke"), granted("food_operation")],
        gives=1,
    ),
    seen(as_of="2025-06-30", licence=[granted("food_production", day="2022-06-30", last_event="revoke")], gives=0),
    section="B5",
    items=("G105", "G201"),
    basis=LAW,
)

GRADE_AGE = own(
    "months_since_food_grade",
    "距最近一次食品风险评级月数",
    "months since the last food grading",
    grade.months_since_last(),
    seen(as_of="2025-06-30", sector_grade=[on("2024-06-30", scheme="food", grade="B", grade_rank=2)], gives=12),
    seen(as_of="2025-06-30", gives=None),
    unit="month",
    missing="null",
    visibility="internal",
    monotone=False,
    direction="none",
    basis=GRADES,
    reason="最近一次食品风险评级在{v}个月前",
    reason_en="graded {v} months ago",
)

SAMPLES = own(
    "food_samples_24m",
    "近24个月食品抽检批次",
    "food samples taken, 24 months",
    sample.within(months=24).count(),
    seen(
        as_of="2025-06-30",
        sampling_test=[
            on("2024-06-30", field="food", result="qualified"),
            on("2023-06-30", field="food", result="qualified"),
            on("2024-06-30", field="drug", result="qualified"),
        ],
        gives=1,
    ),
    seen(as_of="2025-06-30", gives=0),
    unit="batch",
    monotone=False,
    direction="none",
    role="control",
    basis=SAMPLING,
)

UNQUALIFIED_12M = own(
    "food_unqualified_12m",
    "近12个月食品抽检不合格批次",
    "food samples unqualified, 12 months",
    unqualified.within(months=12).count(),
    seen(
        as_of="2025-06-30",
        sampling_test=[
            on("2024-07-01", field="food", result="unqualified", responsible=1),
            on("2024-06-30", field="food", result="unqualified", responsible=1),
        ],
        gives=1,
    ),
    seen(as_of="2025-06-30", gives=0),
    unit="batch",
    role="override_only",
    basis=SAMPLING,
)

WORST_SAMPLE = own(
    "food_unqualified_items_max_36m",
    "近36个月单批次食品抽检最多不合格项目数",
    "most unqualified items of one food sample, 36 months",
    unqualified.within(months=36).max("unqualified_items"),
    seen(
        as_of="2025-06-30",
        sampling_test=[
            on("2024-06-30", field="food", result="unqualified", responsible=1, unqualified_items=3),
            on("2024-08-30", field="food", result="unqualified", responsible=1, unqualified_items=1),
        ],
        gives=3,
    ),
    seen(as_of="2025-06-30", gives=0),
    unit="item",
    basis=SAMPLING,
)

PEERS_UNQUALIFIED = own(
    "food_peers_unqualified_rate_24m",
    "同行业同县食品抽检不合格率",
    "share of unqualified food samples among peers, 24 months",
    peer_rate(
        ratio(unqualified.within(months=24).count(), sample.within(months=24).count()),
        by=("industry_division", "region"),
        strength=20,
    ),
    seen(
        as_of="2025-06-30",
        entity=[on("2020-01-01", of=who, industry_division="14") for who in ("it", "x", "y")],
        sampling_test=[
            on("2025-01-01", of="x", field="food", result="unqualified", responsible=1),
            on("2025-01-01", of="y", field="food", result="qualified", responsible=1),
            on("2025-01-01", of="it", field="food", result="unqualified", responsible=1),
        ],
        gives=0.5,
    ),
    seen(
        as_of="2025-06-30",
        entity=[on("2020-01-01", of=who, industry_division="14") for who in ("it", "x")],
        sampling_test=[on("2025-01-01", of="x", field="food", result="qualified", responsible=1)],
        gives=0,
    ),
    unit="rate",
    missing="null",
    basis=SAMPLING,
)

VISITS = own(
    "food_inspections_24m",
    "近24个月食品监督检查次数",
    "food inspections, 24 months",
    visit.within(months=24).count(),
    seen(
        as_of="2025-06-30",
        inspection=[
            on("2024-01-01", matters=["food", "price"], origin="routine", method="onsite", results=["01"]),
            on("2024-01-01", matters=["price"], origin="routine", method="onsite", results=["01"]),
        ],
        gives=1,
    ),
    seen(as_of="2025-06-30", gives=0),
    monotone=False,
    direction="none",
    role="control",
)

UNCORRECTED = own(
    "food_uncorrected_now",
    "食品监督检查问题逾30天未改正数",
    "food findings not corrected for 30 days",
    nonconform.where(f.corrected.is_(0), f.found_date.before_as_of(days=-30)).within(months=24).count(),
    seen(
        as_of="2025-06-30",
        inspection_finding=[
            on("2025-05-01", finding_type="food_nonconform", severity=1, corrected=0),
            on("2025-06-20", finding_type="food_nonconform", severity=1, corrected=0),
            on("2025-05-01", finding_type="food_nonconform", severity=1, corrected=1),
        ],
        gives=1,
    ),
    seen(as_of="2025-06-30", gives=0),
    unit="item",
)

PENALTIES = own(
    "food_penalty_decayed",
    "近36个月食品药品领域行政处罚（按严重度、时间加权）",
    "penalties in food and drug safety, 36 months, by severity and time",
    penalty.within(months=36).decayed(half_life=12, points=POINTS, of="severity"),
    seen(
        as_of="2025-06-30",
        penalty=[
            on("2025-06-30", domain="food_drug", severity=2, kinds=["fine"]),
            on("2024-06-30", domain="food_drug", severity=3, kinds=["fine"]),
            on("2025-06-30", domain="price", severity=4, kinds=["fine"]),
        ],
        gives=7,
    ),
    seen(as_of="2025-06-30", gives=0),
    unit="point",
    key=True,
    basis=LAW,
)

WORST_PENALTY = own(
    "food_penalty_max_severity_12m",
    "近12个月食品药品领域最重处罚等级",
    "gravest penalty in food and drug safety, 12 months",
    penalty.within(months=12).max("severity"),
    seen(
        as_of="2025-06-30",
        penalty=[
            on("2025-06-01", domain="food_drug", severity=3, kinds=["fine"]),
            on("2024-06-30", domain="food_drug", severity=4, kinds=["fine"]),
        ],
        gives=3,
    ),
    seen(as_of="2025-06-30", gives=0),
    unit="0-4",
    basis=LAW,
)

COMPLAINTS = own(
    "food_complaint_decayed",
    "近12个月食品投诉举报（按时间加权）",
    "complaints about food, 12 months, weighted by time",
    complaint.within(months=12).decayed(half_life=6),
    seen(
        as_of="2025-06-30",
        complaint=[
            on("2025-06-30", complaint_kind="complaint", topic="food", accepted=1, professional=0),
            on("2024-12-31", complaint_kind="complaint", topic="food", accepted=1, professional=0),
            on("2025-06-30", complaint_kind="complaint", topic="price", accepted=1, professional=0),
        ],
        gives=1.5,
    ),
    seen(as_of="2025-06-30", gives=0),
    section="P1",
    unit="weighted time",
    items=("G207",),
    visibility="internal",
    basis="《市场监督管理投诉举报处理暂行办法》；省局拟定，待批准",
)

ACCIDENTS = own(
    "food_accident_60m",
    "近60个月负有责任的食品安全事故数",
    "food safety accidents with responsibility, 60 months",
    accident.where(f.responsibility.is_in("minor", "main", "full")).within(months=60).count(),
    seen(
        as_of="2025-06-30",
        accident=[
            on("2021-01-01", accident_kind="food_safety", responsibility="main"),
            on("2021-01-01", accident_kind="food_safety", responsibility="none"),
            on("2021-01-01", accident_kind="fire", responsibility="full"),
        ],
        gives=1,
    ),
    seen(as_of="2025-06-30", gives=0),
    basis=LAW,
)
