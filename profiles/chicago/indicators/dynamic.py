"""How long a food business has been in trade, and what its last inspection said of its licences.

Role ``display_only``: shown beside the reasons, not fitted; docs/decisions/0020-chicago-settings.md says why.
"""

from features.indicators.language import Indicator, f, flag, on, records, seen, total

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

OTHERS = records("licence")

CONSUMPTION_HELD = Indicator(
    code="consumption_licence_held",
    label="最近一次检查时持有附带堂饮许可",
    label_en="consumption-on-premises licence held at the last inspection",
    section="D1",
    unit="0/1",
    value=flag(OTHERS.latest("consumption_on_premises"), at_least=1),
    direction="none",
    role="display_only",
    basis="Municipal Code of Chicago, Title 4",
    reason="最近一次检查时持有附带堂饮许可",
    reason_en="held a consumption-on-premises licence at the last inspection",
    items=("F06",),
    missing="null",
    examples=(
        seen(
            as_of="2013-06-30",
            licence=[on("2012-01-10", consumption_on_premises=0), on("2013-01-10", consumption_on_premises=1)],
            gives=1,
        ),
        seen(as_of="2013-06-30", licence=[on("2013-06-30", known="2013-07-01", consumption_on_premises=1)], gives=None),
    ),
)

OTHER_LICENCES_HELD = Indicator(
    code="other_licences_held",
    label="最近一次检查时持有的其他许可数",
    label_en="other licences held at the last inspection",
    section="D1",
    unit="licence",
    value=total(*(OTHERS.latest(name) for name in ("tobacco", "package_goods", "outdoor_patio", "tavern"))),
    direction="none",
    role="display_only",
    basis="Municipal Code of Chicago, Title 4",
    reason="最近一次检查时另持有{v}项许可",
    reason_en="{v} other licences held at the last inspection",
    items=("F06",),
    missing="null",
    examples=(
        seen(
            as_of="2013-06-30",
            licence=[on("2013-01-10", tobacco=1, package_goods=1, outdoor_patio=0, tavern=0)],
            gives=2,
        ),
    ),
)
