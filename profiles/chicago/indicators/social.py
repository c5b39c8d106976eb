"""Complaints about a food business, and what residents report around it."""

from features.indicators.language import Indicator, f, nearby, on, records, seen

VISITS = records("visit")
REQUESTS = records("sanitation_request")
BASIS = "the city's service line (311)"
T = "2013-06-30"
HERE = 2_637_601_846  # a cell: row 26376, column 1846
PLACE = on("2012-01-01", roll="licence", cell=HERE)
COMPLAINED = VISITS.where(
    f.purpose.is_in("Complaint", "Short Form Complaint", "Complaint-Fire", "Short Form Fire-Complaint")
)


def told(code, words, value, examples, items=("F04",), missing="zero"):
    """A fact of complaints or surroundings."""
    label, label_en, unit, reason, reason_en = words
    return Indicator(
        code=code,
        label=label,
        label_en=label_en,
        section="P1",
        unit=unit,
        value=value,
        direction="riskier",
        monotone=True,
        basis=BASIS,
        reason=reason,
        reason_en=reason_en,
        items=items,
        missing=missing,
        examples=examples,
    )


COMPLAINTS = told(
    "complaint_count",
    ("投诉上门次数", "visits after complaints", "visit", "因投诉上门{v}次", "{v} visits after complaints"),
    COMPLAINED.count(),
    (seen(as_of=T, visit=[on("2012-06-30", purpose="Complaint"), on("2012-06-30", purpose="Canvass")], gives=1),),
)

COMPLAINTS_DECAYED = told(
    "complaint_decayed",
    (
        "投诉上门次数（按时间衰减）",
        "visits after complaints, fading with age",
        "visit",
        "因投诉上门（按时间衰减）{v}次",
        "{v} visits after complaints, fading with age",
    ),
    COMPLAINED.decayed(half_life=12),
    (seen(as_of=T, visit=[on("2012-06-30", purpose="Short Form Complaint")], gives=0.5),),
)

COMPLAINT_REINSPECTIONS = told(
    "complaint_reinspection_count",
    (
        "投诉后复查次数",
        "re-inspections after complaints",
        "visit",
        "投诉后复查{v}次",
        "{v} re-inspections after complaints",
    ),
    VISITS.where(f.purpose.is_("Complaint Re-Inspection")).count(),
    (seen(as_of=T, visit=[on("2012-06-30", purpose="Complaint Re-Inspection")], gives=1),),
)

POISONINGS = told(
    "food_poisoning_count",
    (
        "疑似食物中毒上门次数",
        "visits after suspected food poisoning",
        "visit",
        "因疑似食物中毒上门{v}次",
        "{v} visits after suspected food poisoning",
    ),
    VISITS.where(f.purpose.is_in("Suspected Food Poisoning", "Suspected Food Poisoning Re-inspection")).count(),
    (seen(as_of=T, visit=[on("2012-06-30", purpose="Suspected Food Poisoning")], gives=1),),
)

REQUESTS_NEARBY = told(
    "requests_nearby_91d",
    (
        "近91天周边环境卫生投诉数",
        "sanitation requests nearby in 91 days",
        "request",
        "近91天周边环境卫生投诉{v}件",
        "{v} sanitation requests nearby in 91 days",
    ),
    nearby(REQUESTS.within(days=91), "cell"),
    (
        seen(
            as_of=T,
            entity=[PLACE],
            sanitation_request=[
                on("2013-06-01", cell=HERE),
                on("2013-06-01", cell=HERE + 1),
                on("2013-06-01", cell=HERE + 2),
            ],
            gives=2,
        ),
        seen(
            as_of=T,
            entity=[on("1900-01-01", roll="place")],
            sanitation_request=[on("2013-06-01", cell=HERE)],
            gives=None,
        ),
    ),
    items=("F01", "F05"),
    missing="null",
)

DUMPSTERS_NEARBY = told(
    "dumpsters_nearby_365d",
    (
        "近365天周边垃圾箱满溢投诉数",
        "requests about full dumpsters nearby in 365 days",
        "request",
        "近365天周边垃圾箱满溢投诉{v}件",
        "{v} requests about full dumpsters nearby in 365 days",
    ),
    nearby(REQUESTS.where(f.nature.is_in("Dumpster not being emptied", "Overflowing carts")).within(days=365), "cell"),
    (
        seen(
            as_of=T,
            entity=[PLACE],
            sanitation_request=[
                on("2012-10-01", cell=HERE, nature="Overflowing carts"),
                on("2012-10-01", cell=HERE, nature="Other"),
            ],
            gives=1,
        ),
    ),
    items=("F01", "F05"),
    missing="null",
)

GARBAGE_NEARBY = told(
    "garbage_nearby_decayed",
    (
        "周边垃圾投诉数（按时间衰减）",
        "requests about garbage nearby, fading with age",
        "request",
        "周边垃圾投诉（按时间衰减）{v}件",
        "{v} requests about garbage nearby, fading with age",
    ),
    nearby(
        REQUESTS.where(
            f.nature.is_in("Dumpster not being emptied", "Overflowing carts", "Garbage in yard", "Garbage in alley")
        ),
        "cell",
        half_life=3,
    ),
    (
        seen(
            as_of=T,
            entity=[PLACE],
            sanitation_request=[on("2013-03-30", cell=HERE, nature="Garbage in alley")],
            gives=0.5,
        ),
        seen(
            as_of=T,
            entity=[PLACE],
            sanitation_request=[on("2013-03-30", cell=HERE, nature="Other")],
            gives=0,
        ),
    ),
    items=("F01", "F05"),
    missing="null",
)
