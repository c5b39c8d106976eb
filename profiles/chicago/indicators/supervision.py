"""What past inspections found and why inspectors came."""

from features.indicators.language import (
    Indicator,
    below,
    difference,
    f,
    on,
    or_zero,
    over,
    ratio,
    records,
    seen,
    total,
)

INSPECTIONS = records("inspection")
ITEMS = records("violation")
VISITS = records("visit")
TIERS = records("tier")
BASIS = "Municipal Code of Chicago, Chapter 7-38"
T = "2013-06-30"
PAST = on("2012-06-30", critical_count=2, serious_count=1, minor_count=5, result="Fail")
LATER = on("2013-06-01", critical_count=0, serious_count=0, minor_count=3, result="Pass w/ Conditions")
UNSEEN = on("2013-06-29", known="2013-07-01", critical_count=9, serious_count=9, minor_count=9, result="Fail")
NEVER_INSPECTED = below(INSPECTIONS.count(), 1)  # 0 wherever there is a past inspection: makes the value null elsewhere


def smoothed(code, words, top, prior, examples):
    """A mean per past inspection, with two inspections of the city's average added."""
    label, label_en, reason, reason_en = words
    return Indicator(
        code=code,
        label=label,
        label_en=label_en,
        section="S1",
        unit="per inspection",
        value=ratio(top, INSPECTIONS.count(), plus=(2 * prior, 2)),
        direction="riskier",
        monotone=True,
        basis=BASIS,
        reason=reason,
        reason_en=reason_en,
        items=("F02", "F03"),
        examples=examples,
    )


def past(code, words, value, examples, direction="riskier"):
    """A fact of past inspections, null when there are none."""
    label, label_en, unit, reason, reason_en = words
    return Indicator(
        code=code,
        label=label,
        label_en=label_en,
        section="S1",
        unit=unit,
        value=value,
        direction=direction,
        monotone=direction == "riskier",
        basis=BASIS,
        reason=reason,
        reason_en=reason_en,
        items=("F02", "F03"),
        missing="null",
        examples=examples,
    )


def visited(code, words, value, examples, direction="riskier"):
    """A fact of past visits, 0 when there are none."""
    label, label_en, unit, reason, reason_en = words
    return Indicator(
        code=code,
        label=label,
        label_en=label_en,
        section="S2",
        unit=unit,
        value=value,
        direction=direction,
        monotone=direction == "riskier",
        basis=BASIS,
        reason=reason,
        reason_en=reason_en,
        items=("F04",),
        examples=examples,
    )


ITEMS_MEAN = smoothed(
    "items_mean",
    (
        "每次检查违反项数（平滑）",
        "violated items per inspection, smoothed",
        "以往每次检查平均违反{v}项",
        "{v} violated items per past inspection",
    ),
    ITEMS.count(),
    4.2,
    (
        seen(
            as_of=T,
            inspection=[PAST],
            violation=[on("2012-06-30", violation_no=2), on("2012-06-30", violation_no=33)],
            gives=10.4 / 3,
        ),
        seen(as_of=T, inspection=[UNSEEN], gives=4.2),
    ),
)

MINOR_MEAN = smoothed(
    "minor_mean",
    (
        "每次检查一般违反项数（平滑）",
        "minor violations per inspection, smoothed",
        "以往每次检查平均一般违反{v}项",
        "{v} minor violations per past inspection",
    ),
    INSPECTIONS.sum("minor_count"),
    3.7,
    (seen(as_of=T, inspection=[PAST, LATER], gives=15.4 / 4), seen(as_of=T, gives=3.7)),
)

CRITICAL_SHARE = smoothed(
    "critical_share",
    (
        "发现关键违反项的检查占比（平滑）",
        "share of inspections with a critical violation, smoothed",
        "以往检查发现关键违反项的占比{v}",
        "{v} of past inspections found a critical violation",
    ),
    INSPECTIONS.where(f.critical_count > 0).count(),
    0.12,
    (seen(as_of=T, inspection=[PAST, LATER], gives=1.24 / 4), seen(as_of=T, gives=0.12)),
)

SERIOUS_MEAN = smoothed(
    "serious_mean",
    (
        "每次检查严重违反项数（平滑）",
        "serious violations per inspection, smoothed",
        "以往每次检查平均严重违反{v}项",
        "{v} serious violations per past inspection",
    ),
    INSPECTIONS.sum("serious_count"),
    0.35,
    (seen(as_of=T, inspection=[PAST], gives=1.7 / 3),),
)

NOT_PASSED_SHARE = smoothed(
    "not_passed_share",
    (
        "未直接通过的检查占比（平滑）",
        "share of inspections not simply passed, smoothed",
        "以往检查未直接通过的占比{v}",
        "{v} of past inspections were not simply passed",
    ),
    INSPECTIONS.where(f.result.is_not("Pass")).count(),
    0.32,
    (seen(as_of=T, inspection=[PAST, on("2013-01-01", result="Pass")], gives=1.64 / 4),),
)

MINOR_LAST = past(
    "minor_last",
    (
        "最近一次检查一般违反项数",
        "minor violations at the latest inspection",
        "item",
        "最近一次检查一般违反{v}项",
        "{v} minor violations at the latest inspection",
    ),
    INSPECTIONS.latest("minor_count"),
    (seen(as_of=T, inspection=[PAST, LATER], gives=3), seen(as_of=T, inspection=[UNSEEN], gives=None)),
)

CRITICAL_LAST = past(
    "critical_last",
    (
        "最近一次检查关键违反项数",
        "critical violations at the latest inspection",
        "item",
        "最近一次检查关键违反{v}项",
        "{v} critical violations at the latest inspection",
    ),
    INSPECTIONS.latest("critical_count"),
    (seen(as_of=T, inspection=[PAST], gives=2),),
)

FAILED_LAST = below(difference(INSPECTIONS.last_day(), INSPECTIONS.where(f.result.is_("Fail")).last_day()), 1)
CONDITIONS_LAST = below(
    difference(INSPECTIONS.last_day(), INSPECTIONS.where(f.result.is_("Pass w/ Conditions")).last_day()), 1
)

RESULT_LAST = past(
    "result_last",
    (
        "最近一次检查结果（0通过，1有条件通过，2未通过）",
        "latest result: 0 pass, 1 pass with conditions, 2 fail",
        "level",
        "最近一次检查结果为{v}（0通过，1有条件通过，2未通过）",
        "latest result is {v} (0 pass, 1 with conditions, 2 fail)",
    ),
    total(over(or_zero(FAILED_LAST), 0.5), or_zero(CONDITIONS_LAST)),
    (
        seen(as_of=T, inspection=[PAST], gives=2),
        seen(as_of=T, inspection=[PAST, LATER], gives=1),
        seen(as_of=T, inspection=[PAST, on("2013-01-01", result="Pass")], gives=0),
        seen(as_of=T, inspection=[UNSEEN], gives=None),
    ),
)

CRITICAL_DECAYED = past(
    "critical_decayed",
    (
        "关键违反项数（按时间衰减）",
        "critical violations, fading with age",
        "item",
        "以往关键违反项（按时间衰减）{v}",
        "{v} critical violations, fading with age",
    ),
    INSPECTIONS.decayed(half_life=12, of="critical_count"),
    (seen(as_of=T, inspection=[PAST], gives=1), seen(as_of=T, gives=None)),
)

ITEMS_DISTINCT = past(
    "items_distinct",
    (
        "违反过的不同项数",
        "different items ever violated",
        "item",
        "违反过{v}个不同项目",
        "{v} different items ever violated",
    ),
    total(ITEMS.distinct("violation_no"), NEVER_INSPECTED),
    (
        seen(
            as_of=T,
            inspection=[PAST],
            violation=[on("2012-06-30", violation_no=2), on("2013-06-01", violation_no=2)],
            gives=1,
        ),
        seen(as_of=T, inspection=[PAST], gives=0),
        seen(as_of=T, gives=None),
    ),
)

STRUCTURE_ITEMS = past(
    "structure_items",
    (
        "地面、墙面、通风等结构项违反次数",
        "violations of floors, walls, ventilation and the like",
        "item",
        "地面、墙面、通风等结构项违反{v}次",
        "{v} violations of floors, walls, ventilation and the like",
    ),
    total(ITEMS.where(f.violation_no.is_in(33, 34, 35, 38)).count(), NEVER_INSPECTED),
    (seen(as_of=T, inspection=[PAST], violation=[on("2012-06-30", violation_no=n) for n in (33, 38, 2)], gives=2),),
)

TEMPERATURE_ITEMS = past(
    "temperature_items",
    (
        "温度项违反次数",
        "violations of temperature items",
        "item",
        "温度项违反{v}次",
        "{v} violations of temperature items",
    ),
    total(ITEMS.where(f.violation_no.is_in(2, 3)).count(), NEVER_INSPECTED),
    (seen(as_of=T, inspection=[PAST], violation=[on("2012-06-30", violation_no=n) for n in (2, 3, 4)], gives=2),),
)

INSPECTION_COUNT = Indicator(
    code="inspection_count",
    label="以往例行检查次数",
    label_en="past routine inspections",
    section="S1",
    unit="inspection",
    value=INSPECTIONS.count(),
    direction="none",
    basis=BASIS,
    reason="以往例行检查{v}次",
    reason_en="{v} past routine inspections",
    items=("F02",),
    examples=(seen(as_of=T, inspection=[PAST, LATER, UNSEEN], gives=2), seen(as_of=T, gives=0)),
)

AGAIN = VISITS.where(f.purpose.is_("Canvass Re-Inspection"))
CANVASS = VISITS.where(f.purpose.is_("Canvass"))

REINSPECTIONS = visited(
    "reinspection_count",
    (
        "例行检查后复查次数",
        "re-inspections after routine inspections",
        "visit",
        "例行检查后复查{v}次",
        "{v} re-inspections after routine inspections",
    ),
    AGAIN.count(),
    (
        seen(
            as_of=T,
            visit=[on("2012-07-10", purpose="Canvass Re-Inspection"), on("2012-07-10", purpose="Canvass")],
            gives=1,
        ),
    ),
)

REINSPECTIONS_DECAYED = visited(
    "reinspection_decayed",
    (
        "例行检查后复查次数（按时间衰减）",
        "re-inspections after routine inspections, fading with age",
        "visit",
        "例行检查后复查（按时间衰减）{v}次",
        "{v} re-inspections after routine inspections, fading with age",
    ),
    AGAIN.decayed(half_life=12),
    (seen(as_of=T, visit=[on("2012-06-30", purpose="Canvass Re-Inspection")], gives=0.5),),
)

VISIT_DAYS = visited(
    "visit_days",
    ("上门日数", "days with a visit", "day", "以往上门{v}日", "visited on {v} days"),
    VISITS.distinct("visit_date"),
    (
        seen(
            as_of=T,
            visit=[
                on("2012-06-30", purpose="Canvass"),
                on("2012-06-30", purpose="License"),
                on("2012-07-01", purpose="License"),
            ],
            gives=2,
        ),
    ),
    direction="none",
)

CANVASS_VISITS = visited(
    "canvass_count",
    ("例行上门次数", "routine visits", "visit", "例行上门{v}次", "{v} routine visits"),
    CANVASS.count(),
    (seen(as_of=T, visit=[on("2012-06-30", purpose="Canvass"), on("2012-06-30", purpose="License")], gives=1),),
    direction="none",
)

CANVASS_RECENT = visited(
    "canvass_91d",
    (
        "近91天例行上门次数",
        "routine visits in 91 days",
        "visit",
        "近91天例行上门{v}次",
        "{v} routine visits in 91 days",
    ),
    CANVASS.within(days=91).count(),
    (seen(as_of=T, visit=[on("2013-06-01", purpose="Canvass"), on("2013-03-31", purpose="Canvass")], gives=1),),
    direction="none",
)

REINSPECTION_RATIO = visited(
    "reinspection_ratio",
    (
        "复查与例行上门之比",
        "re-inspections per routine visit",
        "ratio",
        "每次例行上门后复查{v}次",
        "{v} re-inspections per routine visit",
    ),
    ratio(AGAIN.count(), CANVASS.count(), plus=(0, 1)),
    (
        seen(
            as_of=T,
            visit=[on("2012-07-10", purpose="Canvass Re-Inspection"), on("2012-06-30", purpose="Canvass")],
            gives=0.5,
        ),
    ),
)

TAG_REMOVALS = visited(
    "tag_removal_count",
    ("解除设备封存次数", "visits to remove a tag", "visit", "解除设备封存{v}次", "{v} visits to remove a tag"),
    VISITS.where(f.purpose.is_("Tag Removal")).count(),
    (seen(as_of=T, visit=[on("2012-07-10", purpose="Tag Removal")], gives=1),),
)

MONTHS_SINCE_INSPECTION = Indicator(
    code="months_since_inspection",
    label="距最近一次例行检查月数",
    label_en="months since the last routine inspection",
    section="S1",
    unit="month",
    value=records("inspection").months_since_last(),
    direction="none",
    role="display_only",
    basis="Municipal Code of Chicago, Chapter 7-38",
    reason="距最近一次例行检查{v}个月",
    reason_en="{v} months since the last routine inspection",
    items=("F02",),
    missing="null",
    examples=(
        seen(as_of="2013-06-30", inspection=[on("2012-12-31"), on("2012-01-05")], gives=6),
        seen(as_of="2013-06-30", inspection=[on("2013-06-30", known="2013-07-01")], gives=None),
    ),
)

HIGH_RISK_TIER = Indicator(
    code="high_risk_tier",
    label="最高风险层级（一级）",
    label_en="in the highest risk tier",
    section="S1",
    unit="0/1",
    value=total(
        or_zero(below(difference(TIERS.last_day(), TIERS.where(f.risk_tier.is_("Risk 1 (High)")).last_day()), 1)),
        below(TIERS.count(), 1),  # 0 wherever there is a tier: makes the value null elsewhere
    ),
    direction="riskier",
    monotone=True,
    basis="Municipal Code of Chicago, Chapter 7-38",
    reason="属于最高风险层级（一级）",
    reason_en="is in the highest risk tier",
    items=("F07",),
    missing="null",
    examples=(
        seen(as_of=T, tier=[on("2012-06-30", risk_tier="Risk 3 (Low)"), on(T, risk_tier="Risk 1 (High)")], gives=1),
        seen(as_of=T, tier=[on("2012-06-30", risk_tier="Risk 1 (High)"), on(T, risk_tier="Risk 3 (Low)")], gives=0),
        seen(as_of=T, tier=[on("2013-07-01", risk_tier="Risk 1 (High)")], gives=None),
    ),
)
