"""药品、医疗器械、化妆品 (sector): makers and sellers, by their licences, samples, practice inspections and grades."""

from features.indicators.language import (
    Indicator,
    f,
    general,
    greatest,
    on,
    peer_rate,
    records,
    seen,
)

DRUG_LAW = "《药品管理法》；《医疗器械监督管理条例》；《化妆品监督管理条例》；省局拟定，待批准"
PRACTICE = "《药品经营和使用质量监督管理办法》；《医疗器械经营监督管理办法》；省局拟定，待批准"
GRADES = "《医疗器械经营监督管理办法》第五十八条至第六十条；《实施意见》三（六）；省局拟定，待批准"

LICENCES = ("drug_production", "drug_operation", "device_production", "device_operation", "cosmetics_production")
MAKING = ("drug_production", "device_production", "cosmetics_production")
ADVERSE = ("suspend", "withdraw", "annul", "revoke", "cancel_ex_officio")
POINTS = {1: 1, 2: 3, 3: 8, 4: 20}

licence = records("licence").where(f.licence_type.is_in(*LICENCES))
grade = records("sector_grade").where(f.scheme.is_in("drug", "device"))
sample = records("sampling_test").where(f.field.is_in("drug", "device", "cosmetic"))
unqualified = sample.where(f.result.is_("unqualified"), f.responsible.is_(1))
visit = records("inspection").where(f.matters.has("drug"))
defect = records("inspection_finding").where(f.finding_type.is_("gxp_defect"))
penalty = records("penalty").where(f.domain.is_("food_drug"), f.severity >= 1, f.item.is_not("G402"))

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
    "drug_device_cosmetic_fail_24m",
    "drug_gxp_major_defect_36m",
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
        "basis": PRACTICE,
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
    "drug_entity",
    "药品、医疗器械、化妆品生产经营者",
    "maker or seller of drugs, devices or cosmetics",
    greatest(licence.in_effect().any(), grade.in_effect().any()),
    seen(as_of="2025-06-30", licence=[granted("device_operation")], gives=1),
    seen(as_of="2025-06-30", licence=[granted("drug_operation", valid_to="2025-06-30")], gives=0),
    seen(as_of="2025-06-30", licence=[granted("drug_operation", known="2025-07-01")], gives=0),
    seen(as_of="2025-06-30", sector_grade=[on("2024-01-01", scheme="device", grade="二级", grade_rank=2)], gives=1),
    seen(as_of="2025-06-30", licence=[granted("food_operation")], gives=0),
    section="B5",
    unit="0/1",
    items=("G105", "G201"),
    monotone=False,
    direction="none",
    role="member",
    basis="《药品管理法》第四十一条、第五十一条；《实施意见》三（六）",
    reason="属于药品、医疗器械、化妆品生产经营者",
    reason_en="a maker or seller of drugs, devices or cosmetics",
)

MAKER = own(
    "drug_maker",
    "持有药品、医疗器械或者化妆品生产许可",
    "holds a licence to make drugs, devices or cosmetics",
    licence.where(f.licence_type.is_in(*MAKING)).in_effect().any(),
    seen(as_of="2025-06-30", licence=[granted("cosmetics_production")], gives=1),
    seen(as_of="2025-06-30", licence=[granted("drug_operation")], gives=0),
    section="B5",
    unit="0/1",
    items=("G105",),
    monotone=False,
    basis=DRUG_LAW,
    reason="持有药品、医疗器械或者化妆品生产许可",
    reason_en="holds a licence to make drugs, devices or cosmetics",
)

LICENCES_HELD = own(
    "drug_licences_held",
    "有效药品、医疗器械、化妆品许可数",
    "licences for drugs, devices and cosmetics in effect",
    licence.in_effect().count(),
    seen(as_of="2025-06-30", licence=[granted("drug_operation"), granted("device_operation")], gives=2),
    seen(as_of="2025-06-30", licence=[granted("drug_operation", valid_to="2024-01-01")], gives=0),
    section="B5",
    unit="item",
    items=("G105",),
    monotone=False,
    direction="none",
    basis=DRUG_LAW,
    reason="持有有效药品、医疗器械、化妆品许可{v}项",
    reason_en="{v} licences for drugs, devices and cosmetics in effect",
)

LICENCE_LOST = own(
    "drug_licence_lost_36m",
    "近36个月药品、医疗器械、化妆品许可被暂扣、撤回、撤销、吊销次数",
    "licences for drugs, devices and cosmetics suspended or taken away, 36 months",
    licence.where(f.last_event.is_in(*ADVERSE)).within(months=36).count(),
    seen(
        as_of="2025-06-30",
        licence=[granted("drug_operation", day="2023-05-01", last_event="revoke"), granted("device_operation")],
        gives=1,
    ),
    seen(as_of="2025-06-30", licence=[granted("food_operation", day="2023-05-01", last_event="revoke")], gives=0),
    section="B5",
    items=("G105", "G201"),
    basis=DRUG_LAW,
)

GRADE = own(
    "drug_grade_now",
    "药品、医疗器械分级监管等级序",
    "supervision grade for drugs or devices, 1 is the best",
    grade.in_effect().max("grade_rank"),
    seen(
        as_of="2025-06-30",
        sector_grade=[
            on("2024-01-01", scheme="drug", grade="A", grade_rank=1),
            on("2024-01-01", scheme="device", grade="三级", grade_rank=3),
        ],
        gives=3,
    ),
    seen(as_of="2025-06-30", sector_grade=[on("2024-01-01", scheme="food", grade="D", grade_rank=4)], gives=None),
    unit="1-4",
    missing="null",
    visibility="internal",
    key=True,
    basis=GRADES,
)

GRADE_AGE = own(
    "months_since_drug_grade",
    "距最近一次药品、医疗器械分级月数",
    "months since the last grading for drugs or devices",
    grade.months_since_last(),
    seen(as_of="2025-06-30", sector_grade=[on("2024-06-30", scheme="drug", grade="B", grade_rank=2)], gives=12),
    seen(as_of="2025-06-30", gives=None),
    unit="month",
    missing="null",
    visibility="internal",
    monotone=False,
    direction="none",
    basis=GRADES,
    reason="最近一次药品、医疗器械分级在{v}个月前",
    reason_en="graded {v} months ago",
)

SAMPLES = own(
    "drug_samples_24m",
    "近24个月药品、医疗器械、化妆品抽检批次",
    "samples of drugs, devices and cosmetics taken, 24 months",
    sample.within(months=24).count(),
    seen(
        as_of="2025-06-30",
        sampling_test=[
            on("2024-06-30", field="drug", result="qualified"),
            on("2024-06-30", field="cosmetic", result="unqualified"),
            on("2024-06-30", field="food", result="qualified"),
        ],
        gives=2,
    ),
    seen(as_of="2025-06-30", gives=0),
    unit="batch",
    monotone=False,
    direction="none",
    role="control",
    basis=DRUG_LAW,
)

UNQUALIFIED_12M = own(
    "drug_unqualified_12m",
    "近12个月药品、医疗器械、化妆品抽检不合格批次",
    "samples of drugs, devices and cosmetics unqualified, 12 months",
    unqualified.within(months=12).count(),
    seen(
        as_of="2025-06-30",
        sampling_test=[
            on("2024-07-01", field="device", result="unqualified", responsible=1),
            on("2024-06-30", field="drug", result="unqualified", responsible=1),
            on("2025-01-01", field="drug", result="unqualified", responsible=0),
        ],
        gives=1,
    ),
    seen(as_of="2025-06-30", gives=0),
    unit="batch",
    role="override_only",
    basis=DRUG_LAW,
)

VISITS = own(
    "drug_inspections_24m",
    "近24个月药品、医疗器械、化妆品检查次数",
    "inspections of drugs, devices and cosmetics, 24 months",
    visit.within(months=24).count(),
    seen(
        as_of="2025-06-30",
        inspection=[
            on("2024-01-01", matters=["drug"], origin="routine", method="onsite", results=["01"]),
            on("2024-01-01", matters=["food"], origin="routine", method="onsite", results=["01"]),
        ],
        gives=1,
    ),
    seen(as_of="2025-06-30", gives=0),
    monotone=False,
    direction="none",
    role="control",
)

DEFECTS = own(
    "drug_practice_defect_decayed",
    "近24个月药品、医疗器械质量规范缺陷（按时间加权）",
    "defects against drug and device practice, 24 months, weighted by time",
    defect.within(months=24).decayed(half_life=12),
    seen(
        as_of="2025-06-30",
        inspection_finding=[
            on("2025-06-30", finding_type="gxp_defect", severity=2),
            on("2024-06-30", finding_type="gxp_defect", severity=1),
            on("2025-06-30", finding_type="food_nonconform", severity=1),
        ],
        gives=1.5,
    ),
    seen(as_of="2025-06-30", gives=0),
    unit="weighted item",
    key=True,
)

UNCORRECTED = own(
    "drug_uncorrected_now",
    "药品、医疗器械检查缺陷逾30天未改正数",
    "drug and device defects not corrected for 30 days",
    defect.where(f.corrected.is_(0), f.found_date.before_as_of(days=-30)).within(months=24).count(),
    seen(
        as_of="2025-06-30",
        inspection_finding=[
            on("2025-05-01", finding_type="gxp_defect", severity=1, corrected=0),
            on("2025-06-20", finding_type="gxp_defect", severity=1, corrected=0),
        ],
        gives=1,
    ),
    seen(as_of="2025-06-30", gives=0),
    unit="item",
)

PEERS_PENALISED = own(
    "drug_peers_penalised_rate_24m",
    "同行业同县食品药品领域被处罚率",
    "share of peers penalised in food and drug safety, 24 months",
    peer_rate(penalty.within(months=24).any(), by=("industry_division", "region"), strength=20),
    seen(
        as_of="2025-06-30",
        entity=[on("2020-01-01", of=who, industry_division="27") for who in ("it", "x", "y")],
        penalty=[on("2025-01-01", of=who, domain="food_drug", severity=2, kinds=["fine"]) for who in ("it", "x")],
        gives=0.5,
    ),
    seen(
        as_of="2025-06-30",
        entity=[on("2020-01-01", of=who, industry_division="27") for who in ("it", "x")],
        penalty=[on("2025-01-01", of="x", domain="price", severity=2, kinds=["fine"])],
        gives=0,
    ),
    unit="rate",
    missing="null",
    basis=DRUG_LAW,
)

PENALTIES = own(
    "drug_penalty_decayed",
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
    basis=DRUG_LAW,
)

WORST_PENALTY = own(
    "drug_penalty_max_severity_12m",
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
    basis=DRUG_LAW,
)

ACCIDENTS = own(
    "drug_accident_60m",
    "近60个月负有责任的药品安全事件数",
    "drug safety incidents with responsibility, 60 months",
    records("accident")
    .where(f.accident_kind.is_("drug_safety"), f.responsibility.is_in("minor", "main", "full"))
    .within(months=60)
    .count(),
    seen(
        as_of="2025-06-30",
        accident=[
            on("2021-01-01", accident_kind="drug_safety", responsibility="main"),
            on("2021-01-01", accident_kind="drug_safety", responsibility="none"),
        ],
        gives=1,
    ),
    seen(as_of="2025-06-30", gives=0),
    basis=DRUG_LAW,
)
