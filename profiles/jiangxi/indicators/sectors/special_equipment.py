"""特种设备 (sector): who makes, fills, tests or uses it, by its devices, findings, penalties and accidents."""

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

SAFETY_LAW = "《特种设备安全法》；省局拟定，待批准"
SUPERVISION = "《特种设备安全监督检查办法》第八条、第九条、第十六条；省局拟定，待批准"

LICENCES = ("special_equipment_production", "cylinder_filling", "special_equipment_testing")
ADVERSE = ("suspend", "withdraw", "annul", "revoke", "cancel_ex_officio")
PRESSURE = ("boiler", "pressure_vessel", "pressure_piping")
CROWDED = ("elevator", "ropeway", "amusement")
POINTS = {1: 1, 2: 3, 3: 8, 4: 20}

licence = records("licence").where(f.licence_type.is_in(*LICENCES))
device = records("special_equipment").where(f.use_state.is_("in_use"))
grade = records("sector_grade").where(f.scheme.is_("special_equipment"))
visit = records("inspection").where(f.matters.has("special_equipment"))
finding = records("inspection_finding").where(
    f.finding_type.is_in("equipment_hazard", "equipment_uncertified_operator")
)
penalty = records("penalty").where(f.domain.is_("special_equipment"), f.severity >= 1, f.item.is_not("G402"))
complaint = records("complaint").where(f.topic.is_("safety"), f.accepted.is_(1), f.professional.is_(0))
accident = records("accident").where(
    f.accident_kind.is_("special_equipment"), f.responsibility.is_in("minor", "main", "full")
)

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
    "special_equipment_overdue_count",
    "special_equipment_accident_24m",
    "special_equipment_uncertified_operator_24m",
    "recall_ordered_36m",
    "safety_dishonest_now",
    "emergency_safety_violation_36m",
    "revoked_not_deregistered",
    "complaint_count_12m",
    "tax_abnormal_household",
    "executed_count_36m",
    "insured_headcount_log",
)


def own(code, label, label_en, value, *examples, section="S5", unit="time", **said):
    """An indicator of the sector; what is not said is what most of them are."""
    stated = {
        "items": ("G202",),
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


def used(day="2022-01-01", **said):
    """A device in use."""
    return on(day, **{"use_state": "in_use", "equipment_type": "elevator", **said})


MEMBER = own(
    "equipment_entity",
    "特种设备生产、使用或者检验检测单位",
    "makes, uses or tests special equipment",
    greatest(licence.in_effect().any(), device.any(), grade.in_effect().any()),
    seen(as_of="2025-06-30", special_equipment=[used()], gives=1),
    seen(as_of="2025-06-30", special_equipment=[used(use_state="scrapped")], gives=0),
    seen(as_of="2025-06-30", special_equipment=[used(known="2025-07-01")], gives=0),
    seen(as_of="2025-06-30", licence=[granted("cylinder_filling")], gives=1),
    seen(as_of="2025-06-30", licence=[granted("food_operation")], gives=0),
    section="B5",
    unit="0/1",
    items=("G105", "G202"),
    monotone=False,
    direction="none",
    role="member",
    basis="《特种设备安全法》第二条；《实施意见》三（六）",
    reason="属于特种设备生产、使用或者检验检测单位",
    reason_en="makes, uses or tests special equipment",
)

LICENSED = own(
    "equipment_licensed",
    "持有特种设备生产、充装许可或者检验检测核准",
    "licensed to make, fill or test special equipment",
    licence.in_effect().any(),
    seen(as_of="2025-06-30", licence=[granted("special_equipment_production")], gives=1),
    seen(as_of="2025-06-30", special_equipment=[used()], gives=0),
    section="B5",
    unit="0/1",
    items=("G105",),
    monotone=False,
    direction="none",
    basis=SAFETY_LAW,
    reason="持有特种设备生产、充装许可或者检验检测核准",
    reason_en="licensed to make, fill or test special equipment",
)

LICENCE_LOST = own(
    "equipment_licence_lost_36m",
    "近36个月特种设备许可被暂扣、撤回、撤销、吊销次数",
    "special equipment licences suspended or taken away, 36 months",
    licence.where(f.last_event.is_in(*ADVERSE)).within(months=36).count(),
    seen(as_of="2025-06-30", licence=[granted("cylinder_filling", day="2023-05-01", last_event="revoke")], gives=1),
    seen(as_of="2025-06-30", licence=[granted("cylinder_filling")], gives=0),
    section="B5",
    items=("G105", "G202"),
    basis=SAFETY_LAW,
)

DEVICES = own(
    "equipment_in_use",
    "在用特种设备台数",
    "devices in use",
    device.count(),
    seen(as_of="2025-06-30", special_equipment=[used(), used(equipment_type="boiler")], gives=2),
    seen(as_of="2025-06-30", special_equipment=[used(use_state="stopped")], gives=0),
    unit="unit",
    monotone=False,
    direction="none",
    visibility="internal",
    basis=SAFETY_LAW,
    reason="在用特种设备{v}台",
    reason_en="{v} devices in use",
)

PRESSURE_DEVICES = own(
    "equipment_pressure_in_use",
    "在用承压类特种设备台数",
    "boilers and pressure equipment in use",
    device.where(f.equipment_type.is_in(*PRESSURE)).count(),
    seen(as_of="2025-06-30", special_equipment=[used(), used(equipment_type="boiler")], gives=1),
    seen(as_of="2025-06-30", gives=0),
    unit="unit",
    monotone=False,
    visibility="internal",
    basis=SAFETY_LAW,
    reason="在用承压类特种设备{v}台",
    reason_en="{v} boilers and pressure devices in use",
)

CROWDED_DEVICES = own(
    "equipment_public_in_use",
    "在用载人特种设备台数",
    "lifts, ropeways and rides in use",
    device.where(f.equipment_type.is_in(*CROWDED)).count(),
    seen(as_of="2025-06-30", special_equipment=[used(), used(equipment_type="crane")], gives=1),
    seen(as_of="2025-06-30", gives=0),
    unit="unit",
    monotone=False,
    visibility="internal",
    basis="《特种设备安全监督检查办法》第八条（公众聚集场所）；省局拟定，待批准",
    reason="在用载人特种设备{v}台",
    reason_en="{v} lifts, ropeways and rides in use",
)

OVERDUE_SHARE = own(
    "equipment_overdue_share",
    "在用特种设备超期未检占比",
    "share of devices in use past their inspection date",
    ratio(device.where(f.next_inspection.before_as_of()).count(), device.count()),
    seen(
        as_of="2025-06-30",
        special_equipment=[used(next_inspection="2025-06-29"), used(next_inspection="2025-06-30")],
        gives=0.5,
    ),
    seen(as_of="2025-06-30", gives=None),
    unit="share",
    missing="null",
    visibility="internal",
    key=True,
    basis="《特种设备安全法》第四十条；省局拟定，待批准",
)

DUE_SOON = own(
    "equipment_due_60d",
    "60天内检验到期台数",
    "devices due for inspection within 60 days",
    device.where(f.next_inspection.after_as_of(days=-1)).where(f.next_inspection.before_as_of(days=60)).count(),
    seen(
        as_of="2025-06-30",
        special_equipment=[
            used(next_inspection="2025-06-30"),
            used(next_inspection="2025-08-28"),
            used(next_inspection="2025-06-29"),
            used(next_inspection="2025-09-30"),
        ],
        gives=2,
    ),
    seen(as_of="2025-06-30", gives=0),
    unit="unit",
    monotone=False,
    visibility="internal",
    basis="《特种设备安全法》第四十条；省局拟定，待批准",
    reason="60天内检验到期{v}台",
    reason_en="{v} devices due for inspection within 60 days",
)

EMPHASISED = own(
    "equipment_emphasised_now",
    "列入特种设备重点单位",
    "listed for emphasised supervision of special equipment",
    grade.where(f.grade_rank >= 2).in_effect().any(),
    seen(
        as_of="2025-06-30",
        sector_grade=[on("2024-01-01", scheme="special_equipment", grade="重点", grade_rank=2)],
        gives=1,
    ),
    seen(
        as_of="2025-06-30",
        sector_grade=[on("2024-01-01", scheme="special_equipment", grade="重点", grade_rank=2, to_date="2025-01-01")],
        gives=0,
    ),
    unit="0/1",
    visibility="internal",
    basis=SUPERVISION,
    reason="列入特种设备重点单位",
    reason_en="listed for emphasised supervision of special equipment",
)

VISITS = own(
    "equipment_inspections_24m",
    "近24个月特种设备检查次数",
    "special equipment inspections, 24 months",
    visit.within(months=24).count(),
    seen(
        as_of="2025-06-30",
        inspection=[
            on("2024-01-01", matters=["special_equipment"], origin="routine", method="onsite", results=["01"]),
            on("2024-01-01", matters=["food"], origin="routine", method="onsite", results=["01"]),
        ],
        gives=1,
    ),
    seen(as_of="2025-06-30", gives=0),
    monotone=False,
    direction="none",
    role="control",
)

HAZARDS = own(
    "equipment_findings_decayed",
    "近24个月特种设备隐患、无证作业（按时间加权）",
    "equipment hazards and uncertified operation, 24 months, weighted by time",
    finding.within(months=24).decayed(half_life=12),
    seen(
        as_of="2025-06-30",
        inspection_finding=[
            on("2025-06-30", finding_type="equipment_hazard", severity=2),
            on("2024-06-30", finding_type="equipment_uncertified_operator", severity=1),
            on("2025-06-30", finding_type="food_nonconform", severity=1),
        ],
        gives=1.5,
    ),
    seen(as_of="2025-06-30", gives=0),
    unit="weighted item",
    key=True,
)

UNCORRECTED = own(
    "equipment_uncorrected_now",
    "特种设备问题逾30天未改正数",
    "equipment findings not corrected for 30 days",
    finding.where(f.corrected.is_(0), f.found_date.before_as_of(days=-30)).within(months=24).count(),
    seen(
        as_of="2025-06-30",
        inspection_finding=[
            on("2025-05-01", finding_type="equipment_hazard", severity=1, corrected=0),
            on("2025-06-20", finding_type="equipment_hazard", severity=1, corrected=0),
        ],
        gives=1,
    ),
    seen(as_of="2025-06-30", gives=0),
    unit="item",
)

PEERS_OVERDUE = own(
    "equipment_peers_overdue_rate",
    "同行业同县特种设备超期未检占比",
    "share of devices past their inspection date among peers",
    peer_rate(
        ratio(device.where(f.next_inspection.before_as_of()).count(), device.count()),
        by=("industry_division", "region"),
        strength=20,
    ),
    seen(
        as_of="2025-06-30",
        entity=[on("2020-01-01", of=who, industry_division="34") for who in ("it", "x", "y")],
        special_equipment=[
            used(of="x", next_inspection="2025-01-01"),
            used(of="y", next_inspection="2026-01-01"),
            used(of="it", next_inspection="2025-01-01"),
        ],
        gives=0.5,
    ),
    seen(
        as_of="2025-06-30",
        entity=[on("2020-01-01", of=who, industry_division="34") for who in ("it", "x")],
        special_equipment=[used(of="x", next_inspection="2026-01-01")],
        gives=0,
    ),
    unit="rate",
    missing="null",
    visibility="internal",
    basis=SUPERVISION,
)

PENALTIES = own(
    "equipment_penalty_decayed",
    "近36个月特种设备领域行政处罚（按严重度、时间加权）",
    "penalties in special equipment safety, 36 months, by severity and time",
    penalty.within(months=36).decayed(half_life=12, points=POINTS, of="severity"),
    seen(
        as_of="2025-06-30",
        penalty=[
            on("2025-06-30", domain="special_equipment", severity=2, kinds=["fine"]),
            on("2024-06-30", domain="special_equipment", severity=3, kinds=["fine"]),
            on("2025-06-30", domain="price", severity=4, kinds=["fine"]),
        ],
        gives=7,
    ),
    seen(as_of="2025-06-30", gives=0),
    unit="point",
    key=True,
    basis=SAFETY_LAW,
)

WORST_PENALTY = own(
    "equipment_penalty_max_severity_12m",
    "近12个月特种设备领域最重处罚等级",
    "gravest penalty in special equipment safety, 12 months",
    penalty.within(months=12).max("severity"),
    seen(
        as_of="2025-06-30",
        penalty=[
            on("2025-06-01", domain="special_equipment", severity=3, kinds=["fine"]),
            on("2024-06-30", domain="special_equipment", severity=4, kinds=["fine"]),
        ],
        gives=3,
    ),
    seen(as_of="2025-06-30", gives=0),
    unit="0-4",
    basis=SAFETY_LAW,
)

COMPLAINTS = own(
    "equipment_complaint_decayed",
    "近12个月人身财产安全投诉举报（按时间加权）",
    "complaints about safety, 12 months, weighted by time",
    complaint.within(months=12).decayed(half_life=6),
    seen(
        as_of="2025-06-30",
        complaint=[
            on("2025-06-30", complaint_kind="complaint", topic="safety", accepted=1, professional=0),
            on("2024-12-31", complaint_kind="complaint", topic="safety", accepted=1, professional=0),
            on("2025-06-30", complaint_kind="complaint", topic="price", accepted=1, professional=0),
        ],
        gives=1.5,
    ),
    seen(as_of="2025-06-30", gives=0),
    section="P1",
    unit="weighted time",
    items=("G207",),
    visibility="internal",
    basis="《特种设备安全监督检查办法》第八条；省局拟定，待批准",
)

ACCIDENTS = own(
    "equipment_accident_60m",
    "近60个月负有责任的特种设备事故数",
    "special equipment accidents with responsibility, 60 months",
    accident.within(months=60).count(),
    seen(
        as_of="2025-06-30",
        accident=[
            on("2021-01-01", accident_kind="special_equipment", responsibility="main"),
            on("2021-01-01", accident_kind="special_equipment", responsibility="none"),
            on("2021-01-01", accident_kind="fire", responsibility="full"),
        ],
        gives=1,
    ),
    seen(as_of="2025-06-30", gives=0),
    basis=SAFETY_LAW,
)
