"""基础属性信息: who the entity is, how large, in which trade and place, and what it may do."""

from features.indicators.language import (
    Indicator,
    below,
    both,
    clipped,
    difference,
    f,
    flag,
    greatest,
    log1p,
    on,
    over,
    peer_rate,
    ratio,
    records,
    seen,
    total,
)

OPINION = "《实施意见》三（一）基础属性信息；省局拟定，待批准"
REGISTRATION_LAW = "《市场主体登记管理条例》；《实施意见》三（一）；省局拟定，待批准"
COOPERATIVE_LAW = "《农民专业合作社法》；《实施意见》三（一）；省局拟定，待批准"
LICENCE_LAW = "《行政许可法》；《实施意见》三（二）行政许可；省局拟定，待批准"

TEN_THOUSAND_YUAN = 1_000_000  # amounts in 10,000 yuan are kept with six decimals
HIGH_RISK_LICENCES = (
    *("food_production", "drug_production", "drug_operation", "device_production", "special_equipment_production"),
    *("cylinder_filling", "hazardous_chemicals", "fireworks", "mining", "gas_operation"),
    *("dangerous_goods_transport", "hazardous_waste", "slaughter", "finance"),
)
KEY_SECTOR_LICENCES = (
    *("food_production", "food_operation", "drug_production", "drug_operation", "device_production"),
    *("device_operation", "cosmetics_production", "special_equipment_production", "cylinder_filling"),
    "hazardous_chemicals",
)
COMMONLY_REQUIRED_LICENCES = (
    *("food_production", "food_operation", "drug_operation", "device_operation", "special_equipment_production"),
    *("industrial_product", "hazardous_chemicals", "road_transport", "medical_institution", "human_resources"),
)
RANDOM_ORIGINS = ("random_open", "random_targeted", "joint_random")
PROBLEM_RESULTS = ("02", "04", "09", "10", "13", "14")

registration = records("entity")
established = registration.months_since_first("est_date")
holders = records("shareholding").in_effect()
officers = records("person_role").in_effect()
members = officers.where(f.role.is_("member"))
member_count = members.distinct("person_key")
organisations = members.where(f.member_type.is_("organisation")).distinct("person_key")
domicile = records("entity_address").where(f.role.is_("domicile")).in_effect()
licence = records("licence")
granted = licence.where(f.last_event.is_in("grant", "change", "renew"))
report = records("annual_report")
random_draws = records("inspection").where(f.origin.is_in(*RANDOM_ORIGINS)).within(months=24)

# ---------------------------------------------------------------------------------------------- B1 主体登记

ENT_KIND = Indicator(
    code="ent_kind",
    label="市场主体类型",
    label_en="kind of entity",
    section="B1",
    items=("G101",),
    value=registration.latest("kind"),
    unit="code",
    direction="none",
    missing="null",
    role="display_only",
    basis=REGISTRATION_LAW,
    reason="市场主体类型",
    reason_en="kind of entity",
    examples=(
        seen(as_of="2025-06-30", kind="cooperative", gives=2),
        seen(as_of="2025-06-30", kind="enterprise", gives=0),
    ),
)

LEGAL_FORM = Indicator(
    code="legal_form",
    label="企业类型",
    label_en="legal form",
    section="B1",
    kinds=("enterprise", "cooperative"),
    items=("G101",),
    value=registration.latest("legal_form"),
    unit="code",
    direction="none",
    missing="null",
    basis=REGISTRATION_LAW,
    reason="登记的企业类型",
    reason_en="registered legal form",
    examples=(
        seen(as_of="2025-06-30", entity=[on("2020-01-01", legal_form="1100")], gives=0),
        seen(as_of="2025-06-30", entity=[on("2020-01-01", legal_form="1130")], gives=2),
    ),
)

IS_BRANCH = Indicator(
    code="is_branch",
    label="是否分支机构",
    label_en="is a branch",
    section="B1",
    kinds=("enterprise", "cooperative"),
    items=("G101",),
    value=registration.where(f.is_branch.is_(1)).any(),
    unit="0/1",
    direction="none",
    basis=REGISTRATION_LAW,
    reason="登记为分支机构",
    reason_en="registered as a branch",
    examples=(
        seen(as_of="2025-06-30", entity=[on("2020-01-01", is_branch=1)], gives=1),
        seen(as_of="2025-06-30", entity=[on("2020-01-01", is_branch=0)], gives=0),
    ),
)

AGE_MONTHS = Indicator(
    code="age_months",
    label="成立月数",
    label_en="months since establishment",
    section="B1",
    items=("G101",),
    value=established,
    unit="month",
    direction="safer",
    missing="null",
    basis=REGISTRATION_LAW,
    reason="成立{v}个月",
    reason_en="established {v} months ago",
    examples=(
        seen(as_of="2025-06-30", entity=[on("2024-06-30", est_date="2024-06-30")], gives=12),
        seen(as_of="2025-06-29", entity=[on("2024-06-30", est_date="2024-06-30")], gives=11),
        seen(as_of="2025-06-30", entity=[on("2024-08-01", est_date="2014-07-01")], gives=131),
    ),
)

IS_NEWLY_ESTABLISHED = Indicator(
    code="is_newly_established",
    label="成立不满12个月",
    label_en="established less than 12 months ago",
    section="B1",
    items=("G101",),
    value=below(established, 12),
    unit="0/1",
    direction="riskier",
    missing="null",
    basis=OPINION,
    reason="成立不满12个月",
    reason_en="established less than 12 months ago",
    examples=(
        seen(as_of="2025-06-30", entity=[on("2024-07-01")], gives=1),
        seen(as_of="2025-06-30", entity=[on("2024-06-30")], gives=0),
    ),
)

OPERATING_TERM_EXPIRED = Indicator(
    code="operating_term_expired",
    label="经营期限届满未变更",
    label_en="operating term expired, not renewed",
    section="B1",
    kinds=("enterprise", "cooperative"),
    items=("G101",),
    value=registration.where(f.operating_to.before_as_of(), f.status.is_("active")).any(),
    unit="0/1",
    direction="riskier",
    monotone=True,
    basis=REGISTRATION_LAW,
    reason="经营期限已届满未办理变更或注销",
    reason_en="operating term expired without change or deregistration",
    examples=(
        seen(as_of="2025-06-30", entity=[on("2020-01-01", operating_to="2025-06-29")], gives=1),
        seen(as_of="2025-06-30", entity=[on("2020-01-01", operating_to="2025-06-30")], gives=0),
        seen(
            as_of="2025-06-30",
            entity=[on("2020-01-01", operating_to="2025-06-29", status="deregistered")],
            gives=0,
        ),
    ),
)

NAME_SENSITIVE_WORD = Indicator(
    code="name_sensitive_word",
    label="名称或经营范围含涉众高风险字样",
    label_en="wording of high public risk in name or scope",
    section="B1",
    items=("G101",),
    value=registration.where(f.sensitive_wording.is_(1)).any(),
    unit="0/1",
    direction="riskier",
    basis=OPINION,
    reason="名称或经营范围含涉众高风险字样",
    reason_en="name or scope holds wording of high public risk",
    examples=(
        seen(as_of="2025-06-30", entity=[on("2020-01-01", sensitive_wording=1)], gives=1),
        seen(as_of="2025-06-30", entity=[on("2020-01-01")], gives=0),
    ),
)

SCOPE_LICENSED_ITEM_COUNT = Indicator(
    code="scope_licensed_item_count",
    label="许可经营项目数",
    label_en="licensed items in the scope",
    section="B1",
    items=("G101",),
    value=registration.latest("scope_licensed_items"),
    unit="item",
    direction="riskier",
    basis=OPINION,
    reason="登记许可经营项目{v}项",
    reason_en="{v} licensed items in the registered scope",
    examples=(
        seen(as_of="2025-06-30", entity=[on("2020-01-01", scope_licensed_items=2)], gives=2),
        seen(as_of="2025-06-30", entity=[on("2020-01-01")], gives=0),
    ),
)

REAL_NAME_VERIFIED_RATIO = Indicator(
    code="real_name_verified_ratio",
    label="登记实名验证覆盖率",
    label_en="share of persons with verified names",
    section="B1",
    items=("G101",),
    value=ratio(
        officers.where(f.verification_required.is_(1), f.real_name_verified.is_(1)).count(),
        officers.where(f.verification_required.is_(1)).count(),
    ),
    unit="share",
    direction="safer",
    missing="null",
    visibility="internal",
    basis=REGISTRATION_LAW,
    reason="登记人员实名验证比例{v}",
    reason_en="{v} of registered persons verified",
    examples=(
        seen(
            as_of="2025-06-30",
            person_role=[
                on("2020-01-01", role="legal_rep", verification_required=1, real_name_verified=1),
                on("2020-01-01", role="director", verification_required=1, real_name_verified=0),
            ],
            gives=0.5,
        ),
        seen(
            as_of="2025-06-30",
            person_role=[
                on("2020-01-01", to_date="2025-06-30", verification_required=1, real_name_verified=0),
                on("2025-06-30", verification_required=1, real_name_verified=1),
            ],
            gives=1,
        ),
        seen(as_of="2025-06-30", gives=None),
    ),
)

# ------------------------------------------------------------------------------------------ B2 资本与规模

REGISTERED_CAPITAL_LOG = Indicator(
    code="registered_capital_log",
    label="注册资本（出资额）",
    label_en="registered capital",
    section="B2",
    items=("G101",),
    value=log1p(registration.latest("reg_capital"), over=TEN_THOUSAND_YUAN),
    unit="ln(1+10k CNY)",
    direction="none",
    missing="null",
    basis=OPINION,
    reason="注册资本（万元，取对数）{v}",
    reason_en="registered capital (log of 10,000 yuan) {v}",
    examples=(
        seen(as_of="2025-06-30", entity=[on("2020-01-01", reg_capital=0)], gives=0),
        seen(as_of="2025-06-30", entity=[on("2020-01-01", reg_capital=1)], gives=0.6931471805599453),
        seen(as_of="2025-06-30", entity=[on("2020-01-01")], gives=None),
    ),
)

PAID_IN_RATIO = Indicator(
    code="paid_in_ratio",
    label="实缴出资比例",
    label_en="share of capital paid in",
    section="B2",
    kinds=("enterprise",),
    items=("G102", "G111"),
    value=clipped(ratio(holders.sum("paid_in"), holders.sum("subscribed")), 0, 1),
    unit="share",
    direction="safer",
    missing="null",
    basis="《企业信息公示暂行条例》第十条；省局拟定，待批准",
    reason="实缴出资比例{v}",
    reason_en="{v} of subscribed capital paid in",
    examples=(
        seen(
            as_of="2025-06-30",
            shareholding=[
                on("2020-01-01", holder_key="a", subscribed=60, paid_in=60),
                on("2020-01-01", holder_key="b", subscribed=40, paid_in=0),
            ],
            gives=0.6,
        ),
        seen(as_of="2025-06-30", shareholding=[on("2020-01-01", subscribed=0, paid_in=0)], gives=None),
        seen(
            as_of="2025-06-30",
            shareholding=[
                on("2020-01-01", subscribed=100, paid_in=0, to_date="2025-06-30"),
                on("2025-06-30", subscribed=100, paid_in=100),
            ],
            gives=1,
        ),
    ),
)

CAPITAL_OVERDUE_UNPAID = Indicator(
    code="capital_overdue_unpaid",
    label="认缴期限届满未实缴",
    label_en="subscribed capital overdue",
    section="B2",
    kinds=("enterprise",),
    items=("G102", "G111"),
    value=holders.where(f.due_date.before_as_of(), f.paid_in < f.subscribed).any(),
    unit="0/1",
    direction="riskier",
    monotone=True,
    basis="《公司法》；《企业信息公示暂行条例》第十条；省局拟定，待批准",
    reason="认缴出资期限届满未实缴",
    reason_en="subscribed capital not paid in by its date",
    examples=(
        seen(
            as_of="2025-06-30",
            shareholding=[on("2020-01-01", subscribed=100, paid_in=30, due_date="2025-06-29")],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            shareholding=[on("2020-01-01", subscribed=100, paid_in=30, due_date="2025-06-30")],
            gives=0,
        ),
        seen(
            as_of="2025-06-30",
            shareholding=[on("2020-01-01", subscribed=100, paid_in=100, due_date="2024-06-30")],
            gives=0,
        ),
    ),
)

EMPLOYEE_COUNT_LOG = Indicator(
    code="employee_count_log",
    label="从业人数",
    label_en="employees",
    section="B2",
    items=("G110",),
    value=log1p(report.latest("employees")),
    unit="ln(1+person)",
    direction="none",
    missing="null",
    visibility="internal",
    basis="《企业信息公示暂行条例》第九条；省局拟定，待批准",
    reason="年报从业人数（取对数）{v}",
    reason_en="employees in the annual report (log) {v}",
    examples=(
        seen(
            as_of="2025-06-30",
            annual_report=[on("2024-05-01", year=2023, employees=9), on("2025-05-01", year=2024, employees=0)],
            gives=0,
        ),
        seen(
            as_of="2025-06-30",
            annual_report=[
                on("2024-05-01", year=2023, employees=0),
                on("2025-05-01", year=2024, employees=9, known="2025-07-01"),
            ],
            gives=0,
        ),
        seen(as_of="2025-06-30", gives=None),
    ),
)

COOP_MEMBER_COUNT = Indicator(
    code="coop_member_count",
    label="合作社成员数",
    label_en="members of the cooperative",
    section="B2",
    kinds=("cooperative",),
    items=("G102",),
    value=member_count,
    unit="person",
    direction="safer",
    missing="null",
    basis=COOPERATIVE_LAW,
    reason="备案合作社成员{v}人",
    reason_en="{v} members on file",
    examples=(
        seen(
            as_of="2025-06-30",
            person_role=[on("2020-01-01", role="member", person_key=key) for key in ("a", "b", "c", "a")],
            gives=3,
        ),
        seen(as_of="2025-06-30", gives=None),
    ),
)

COOP_FARMER_MEMBER_RATIO = Indicator(
    code="coop_farmer_member_ratio",
    label="农民成员占比",
    label_en="share of farmers among members",
    section="B2",
    kinds=("cooperative",),
    items=("G102",),
    value=ratio(
        members.where(f.member_type.is_("farmer")).distinct("person_key"),
        members.where(f.member_type.is_present()).distinct("person_key"),
    ),
    unit="share",
    direction="safer",
    missing="null",
    basis="《农民专业合作社法》第二十条；省局拟定，待批准",
    reason="农民成员占比{v}",
    reason_en="farmers are {v} of members",
    examples=(
        seen(
            as_of="2025-06-30",
            person_role=[
                on("2020-01-01", role="member", person_key=key, member_type=kind)
                for key, kind in (("a", "farmer"), ("b", "farmer"), ("c", "farmer"), ("d", "person"))
            ],
            gives=0.75,
        ),
        seen(as_of="2025-06-30", person_role=[on("2020-01-01", role="member", person_key="a")], gives=None),
    ),
)

COOP_MEMBER_BELOW_MINIMUM = Indicator(
    code="coop_member_below_minimum",
    label="合作社成员不足5人",
    label_en="fewer than five members",
    section="B2",
    kinds=("cooperative",),
    items=("G102",),
    value=both(below(member_count, 5), flag(member_count, at_least=1)),
    unit="0/1",
    direction="riskier",
    monotone=True,
    basis="《农民专业合作社法》第十二条；省局拟定，待批准",
    reason="成员数低于法定最低人数",
    reason_en="fewer members than the law demands",
    examples=(
        seen(
            as_of="2025-06-30",
            person_role=[on("2020-01-01", role="member", person_key=key) for key in ("a", "b", "c", "d")],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            person_role=[on("2020-01-01", role="member", person_key=key) for key in ("a", "b", "c", "d", "e")],
            gives=0,
        ),
        seen(as_of="2025-06-30", gives=0),
    ),
)

COOP_ENTITY_MEMBER_OVER_LIMIT = Indicator(
    code="coop_entity_member_over_limit",
    label="单位成员超限",
    label_en="too many organisations among members",
    section="B2",
    kinds=("cooperative",),
    items=("G102",),
    value=greatest(
        both(below(member_count, 21), flag(organisations, at_least=2)),
        both(flag(member_count, at_least=21), flag(difference(over(organisations, 0.05), member_count), at_least=0.5)),
    ),
    unit="0/1",
    direction="riskier",
    monotone=True,
    basis="《农民专业合作社法》第二十条；省局拟定，待批准",
    reason="单位成员数量超过法定比例",
    reason_en="more organisations among members than the law allows",
    examples=(
        seen(
            as_of="2025-06-30",
            person_role=[
                on("2020-01-01", role="member", person_key=key, member_type="organisation") for key in ("a", "b")
            ],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            person_role=[on("2020-01-01", role="member", person_key="a", member_type="organisation")],
            gives=0,
        ),
        seen(
            as_of="2025-06-30",
            person_role=[
                on(
                    "2020-01-01",
                    role="member",
                    person_key=str(number),
                    member_type="organisation" if number < 2 else "farmer",
                )
                for number in range(40)
            ],
            gives=0,
        ),
        seen(
            as_of="2025-06-30",
            person_role=[
                on(
                    "2020-01-01",
                    role="member",
                    person_key=str(number),
                    member_type="organisation" if number < 2 else "farmer",
                )
                for number in range(39)
            ],
            gives=1,
        ),
    ),
)

# ------------------------------------------------------------------------------------------ B3 行业与区域

INDUSTRY_SECTION = Indicator(
    code="industry_section",
    label="行业门类",
    label_en="industry section",
    section="B3",
    items=("G101",),
    value=registration.latest("industry_section"),
    unit="code",
    direction="none",
    missing="null",
    basis="GB/T 4754-2017；《实施意见》三（一）；省局拟定，待批准",
    reason="所属行业门类",
    reason_en="industry section",
    examples=(
        seen(as_of="2025-06-30", entity=[on("2020-01-01", industry_section="C")], gives=2),
        seen(as_of="2025-06-30", gives=None),
    ),
)

INDUSTRY_VIOLATION_RATE_24M = Indicator(
    code="industry_violation_rate_24m",
    label="行业近24个月违法率",
    label_en="violation rate of the industry, 24 months",
    section="B3",
    items=("G101", "G106"),
    value=peer_rate(
        records("penalty").where(f.severity >= 1).within(months=24).any(),
        by=("industry_section", "industry_division"),
        strength=50,
    ),
    unit="rate",
    direction="riskier",
    missing="null",
    visibility="internal",
    basis=OPINION,
    reason="所属行业近24个月违法率{v}（不含本主体）",
    reason_en="violation rate of the industry in 24 months {v}, this entity left out",
    examples=(
        seen(
            as_of="2025-06-30",
            entity=[on("2020-01-01", of=who, industry_section="C", industry_division="13") for who in ("it", "b", "c")],
            penalty=[on("2025-01-01", of="b", severity=2), on("2025-01-01", of="it", severity=4)],
            gives=0.5,
        ),
        seen(
            as_of="2025-06-30",
            entity=[on("2020-01-01", of=who, industry_section="C", industry_division="13") for who in ("it", "b", "c")],
            penalty=[on("2025-06-01", of="b", severity=2, known="2025-07-01")],
            gives=0,
        ),
        seen(
            as_of="2025-06-30",
            entity=[
                on("2020-01-01", of="it", industry_section="C", industry_division="13"),
                on("2020-01-01", of="b", industry_section="C", industry_division="14"),
                on("2020-01-01", of="c", industry_section="F", industry_division="51"),
            ],
            penalty=[on("2025-01-01", of="b", severity=2)],
            gives=26 / 51,
        ),
    ),
)

INDUSTRY_RANDOM_PROBLEM_RATE_24M = Indicator(
    code="industry_random_problem_rate_24m",
    label="行业双随机问题发现率",
    label_en="problem rate of random draws in the industry",
    section="B3",
    items=("G101", "G109"),
    value=peer_rate(
        ratio(
            random_draws.where(f.results.has(*PROBLEM_RESULTS)).count(),
            random_draws.where(f.results.has("01", *PROBLEM_RESULTS)).count(),
        ),
        by=("industry_section", "industry_division"),
        strength=20,
    ),
    unit="rate",
    direction="riskier",
    missing="null",
    visibility="internal",
    basis=OPINION,
    reason="所属行业双随机问题发现率{v}（不含本主体）",
    reason_en="problem rate of random draws in the industry {v}, this entity left out",
    examples=(
        seen(
            as_of="2025-06-30",
            entity=[
                on("2020-01-01", of=who, industry_section="F", industry_division="51") for who in ("it", "b", "c", "d")
            ],
            inspection=[
                on("2025-01-01", of="b", origin="random_open", results="02"),
                on("2025-01-01", of="c", origin="random_open", results="01"),
                on("2025-01-01", of="d", origin="complaint", results="09"),
            ],
            gives=0.5,
        ),
        seen(as_of="2025-06-30", entity=[on("2020-01-01", industry_section="F")], gives=0),
    ),
)

KEY_REGULATED_SECTOR = Indicator(
    code="key_regulated_sector",
    label="重点监管领域",
    label_en="key regulated sector",
    section="B3",
    items=("G101", "G105", "G201", "G202"),
    value=greatest(
        granted.where(f.licence_type.is_in(*KEY_SECTOR_LICENCES)).in_effect().any(),
        records("special_equipment").where(f.use_state.is_("in_use")).any(),
    ),
    unit="0/1",
    direction="riskier",
    basis="《实施意见》三（六）；省局拟定，待批准",
    reason="属于食品、药品、特种设备等重点监管领域",
    reason_en="in food, drugs, special equipment or another key sector",
    examples=(
        seen(as_of="2025-06-30", special_equipment=[on("2022-01-01", use_state="in_use")], gives=1),
        seen(as_of="2025-06-30", special_equipment=[on("2022-01-01", use_state="scrapped")], gives=0),
        seen(
            as_of="2025-06-30",
            licence=[
                on("2022-01-01", licence_type="food_operation", valid_from="2022-01-01", last_event="grant"),
            ],
            gives=1,
        ),
    ),
)

DIGITAL_ECONOMY_CORE = Indicator(
    code="digital_economy_core",
    label="数字经济核心产业",
    label_en="core digital economy",
    section="B3",
    items=("G101",),
    value=registration.where(f.digital_core.is_(1)).any(),
    unit="0/1",
    direction="none",
    basis="《数字经济及其核心产业统计分类（2021）》；《实施意见》三（七）；省局拟定，待批准",
    reason="属于数字经济核心产业",
    reason_en="core digital economy",
    examples=(
        seen(as_of="2025-06-30", entity=[on("2020-01-01", digital_core=1)], gives=1),
        seen(as_of="2025-06-30", gives=0),
    ),
)

COUNTY_CODE = Indicator(
    code="county_code",
    label="登记所在县（市、区）",
    label_en="county of registration",
    section="B3",
    items=("G101",),
    value=registration.latest("region"),
    unit="code",
    direction="none",
    missing="null",
    role="display_only",
    basis="GB/T 2260；省局拟定，待批准：辖区反映执法强度，不作为模型输入",
    reason="登记所在县（市、区）",
    reason_en="county of registration",
    examples=(
        seen(as_of="2025-06-30", entity=[on("2020-01-01", region="360102")], gives=12),
        seen(as_of="2025-06-30", gives=None),
    ),
)

COUNTY_VIOLATION_RATE_24M = Indicator(
    code="county_violation_rate_24m",
    label="辖区近24个月违法率",
    label_en="violation rate of the county, 24 months",
    section="B3",
    items=("G101", "G106"),
    value=peer_rate(
        records("penalty").where(f.severity >= 1).within(months=24).any(),
        by=("region",),
        strength=50,
    ),
    unit="rate",
    direction="riskier",
    missing="null",
    visibility="internal",
    role="monitor_only",
    basis="省局拟定，待批准：反映辖区执法强度，仅供监测，不作为模型输入",
    reason="所在辖区近24个月违法率{v}（不含本主体）",
    reason_en="violation rate of the county in 24 months {v}, this entity left out",
    examples=(
        seen(
            as_of="2025-06-30",
            entity=[on("2020-01-01", of=who, region="360102") for who in ("it", "b", "c")],
            penalty=[on("2025-01-01", of="b", severity=2)],
            gives=0.5,
        ),
        seen(
            as_of="2025-06-30",
            entity=[on("2020-01-01", of=who, region="360102") for who in ("it", "b", "c")],
            penalty=[on("2023-06-30", of="b", severity=2)],
            gives=0,
        ),
    ),
)

# ------------------------------------------------------------------------------------ B4 住所与经营场所

ADDRESS_TYPE = Indicator(
    code="address_type",
    label="住所类型",
    label_en="type of domicile",
    section="B4",
    items=("G101",),
    value=domicile.latest("address_type"),
    unit="code",
    direction="none",
    missing="null",
    visibility="internal",
    basis=OPINION,
    reason="登记住所类型",
    reason_en="type of registered domicile",
    examples=(
        seen(
            as_of="2025-06-30",
            entity_address=[on("2020-01-01", role="domicile", address_type="leased")],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            entity_address=[
                on("2020-01-01", role="domicile", address_type="leased", to_date="2025-06-30"),
                on("2025-06-30", role="domicile", address_type="owned"),
            ],
            gives=0,
        ),
    ),
)

CLUSTER_REGISTERED_ADDRESS = Indicator(
    code="cluster_registered_address",
    label="集群注册或托管地址",
    label_en="cluster or hosted address",
    section="B4",
    items=("G101",),
    value=domicile.where(f.address_type.is_in("cluster", "secretary")).any(),
    unit="0/1",
    direction="riskier",
    visibility="internal",
    basis=OPINION,
    reason="使用集群注册或托管地址",
    reason_en="registered at a cluster or hosted address",
    examples=(
        seen(as_of="2025-06-30", entity_address=[on("2020-01-01", role="domicile", address_type="cluster")], gives=1),
        seen(as_of="2025-06-30", entity_address=[on("2020-01-01", role="operating", address_type="cluster")], gives=0),
    ),
)

RESIDENTIAL_PREMISES = Indicator(
    code="residential_premises",
    label="住宅改作经营用房",
    label_en="residential premises",
    section="B4",
    items=("G101",),
    value=records("entity_address").where(f.address_type.is_("residential")).in_effect().any(),
    unit="0/1",
    direction="riskier",
    visibility="internal",
    basis="《民法典》第二百七十九条；省局拟定，待批准",
    reason="使用住宅作为经营场所",
    reason_en="business in residential premises",
    examples=(
        seen(
            as_of="2025-06-30", entity_address=[on("2020-01-01", role="domicile", address_type="residential")], gives=1
        ),
        seen(
            as_of="2025-06-30",
            entity_address=[on("2020-01-01", role="domicile", address_type="residential", to_date="2025-01-01")],
            gives=0,
        ),
    ),
)

ADDRESS_MISMATCH = Indicator(
    code="address_mismatch",
    label="登记地与实际经营地不一致",
    label_en="domicile differs from place of operation",
    section="B4",
    items=("G101", "G110", "G503"),
    value=records("entity_address").where(f.differs.is_(1)).in_effect().any(),
    unit="0/1",
    direction="riskier",
    missing="null",
    visibility="internal",
    basis="《市场主体登记管理条例》第十一条；省局拟定，待批准",
    reason="登记住所与实际经营地不在同一县（市、区）",
    reason_en="operates in another county than its domicile",
    examples=(
        seen(
            as_of="2025-06-30",
            entity_address=[on("2020-01-01", role="domicile"), on("2024-01-01", role="operating", differs=1)],
            gives=1,
        ),
        seen(as_of="2025-06-30", entity_address=[on("2020-01-01", role="domicile")], gives=0),
        seen(as_of="2025-06-30", gives=None),
    ),
)

# ------------------------------------------------------------------------------- B5 资质许可与信用承诺

REQUIRED_LICENCE_MISSING = Indicator(
    code="required_licence_missing",
    label="应有许可缺失",
    label_en="required licences missing",
    section="B5",
    items=("G101", "G105", "G301"),
    value=total(
        *(
            below(
                difference(
                    granted.where(f.licence_type.is_(licence_type)).in_effect().any(),
                    registration.where(f.licences_required.has(licence_type)).any(),
                ),
                0,
            )
            for licence_type in COMMONLY_REQUIRED_LICENCES
        )
    ),
    unit="item",
    direction="riskier",
    monotone=True,
    key=True,
    visibility="internal",
    basis=LICENCE_LAW,
    reason="经营范围内{v}项重点许可经营项目未见有效许可",
    reason_en="{v} licensed items of the scope without a valid licence",
    examples=(
        seen(
            as_of="2025-06-30",
            entity=[on("2020-01-01", licences_required="food_operation|drug_operation")],
            licence=[
                on("2022-01-01", licence_type="food_operation", valid_from="2022-01-01", last_event="grant"),
                on(
                    "2020-06-30",
                    licence_type="drug_operation",
                    valid_from="2020-06-30",
                    valid_to="2025-06-30",
                    last_event="grant",
                ),
            ],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            entity=[on("2020-01-01", licences_required="drug_operation")],
            licence=[
                on(
                    "2020-07-01",
                    licence_type="drug_operation",
                    valid_from="2020-07-01",
                    valid_to="2025-07-01",
                    last_event="grant",
                )
            ],
            gives=0,
        ),
    ),
)

LICENCE_EXPIRED_COUNT = Indicator(
    code="licence_expired_count",
    label="许可过期未延续数",
    label_en="licences expired, not renewed",
    section="B5",
    items=("G105", "G301"),
    value=granted.where(f.valid_to.before_as_of(days=1)).count(),
    unit="item",
    direction="riskier",
    monotone=True,
    key=True,
    basis=LICENCE_LAW,
    reason="{v}项许可已过期未延续",
    reason_en="{v} licences expired and not renewed",
    examples=(
        seen(
            as_of="2025-06-30",
            licence=[on("2020-06-30", valid_from="2020-06-30", valid_to="2025-06-30", last_event="grant")],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            licence=[on("2020-07-01", valid_from="2020-07-01", valid_to="2025-07-01", last_event="grant")],
            gives=0,
        ),
        seen(
            as_of="2025-06-30",
            licence=[on("2025-05-01", valid_from="2020-06-30", valid_to="2025-06-30", last_event="cancel")],
            gives=0,
        ),
    ),
)

LICENCE_EXPIRING_90D = Indicator(
    code="licence_expiring_90d",
    label="90天内到期许可数",
    label_en="licences ending within 90 days",
    section="B5",
    items=("G105", "G301"),
    value=granted.where(
        f.valid_to.after_as_of(), f.valid_to.before_as_of(days=91), f.renewal_applied_date.is_missing()
    ).count(),
    unit="item",
    direction="riskier",
    basis=LICENCE_LAW,
    reason="{v}项许可将在90天内到期",
    reason_en="{v} licences end within 90 days",
    examples=(
        seen(
            as_of="2025-06-30",
            licence=[
                on("2020-01-01", licence_no=day, valid_from="2020-01-01", valid_to=day, last_event="grant")
                for day in ("2025-06-30", "2025-07-01", "2025-09-28", "2025-09-29")
            ],
            gives=2,
        ),
        seen(
            as_of="2025-06-30",
            licence=[
                on(
                    "2020-01-01",
                    valid_from="2020-01-01",
                    valid_to="2025-08-01",
                    last_event="grant",
                    renewal_applied_date="2025-06-01",
                )
            ],
            gives=0,
        ),
    ),
)

LICENCE_WITHDRAWN_COUNT_36M = Indicator(
    code="licence_withdrawn_count_36m",
    label="近36个月许可被撤销撤回吊销次数",
    label_en="licences withdrawn or revoked, 36 months",
    section="B5",
    items=("G105", "G301"),
    value=licence.where(f.last_event.is_in("withdraw", "annul", "revoke", "cancel_ex_officio"))
    .within(months=36)
    .count(),
    unit="time",
    direction="riskier",
    monotone=True,
    basis="《行政许可法》第六十九条、第七十条；省局拟定，待批准",
    reason="近36个月许可被撤销、撤回或吊销{v}次",
    reason_en="licences withdrawn, annulled or revoked {v} times in 36 months",
    examples=(
        seen(as_of="2025-06-30", licence=[on("2022-07-01", valid_from="2020-01-01", last_event="revoke")], gives=1),
        seen(as_of="2025-06-30", licence=[on("2022-06-30", valid_from="2020-01-01", last_event="revoke")], gives=0),
        seen(as_of="2025-06-30", licence=[on("2025-01-01", valid_from="2020-01-01", last_event="cancel")], gives=0),
    ),
)

COMMITMENT_BREACH_COUNT_36M = Indicator(
    code="commitment_breach_count_36m",
    label="近36个月告知承诺不实次数",
    label_en="commitments untrue or not kept, 36 months",
    section="B5",
    items=("G105", "G301"),
    value=records("licence_commitment")
    .where(f.result.is_in("untrue", "unfulfilled"))
    .within(months=36)
    .decayed(half_life=12),
    unit="weighted time",
    direction="riskier",
    monotone=True,
    key=True,
    basis="国务院办公厅关于全面推行证明事项和涉企经营许可事项告知承诺制的指导意见；省局拟定，待批准",
    reason="近36个月告知承诺不实或未履行（按时间加权{v}次）",
    reason_en="commitments untrue or not kept in 36 months (weighted {v})",
    examples=(
        seen(
            as_of="2025-06-30",
            licence_commitment=[on("2024-06-30", result="untrue"), on("2025-06-30", result="unfulfilled")],
            gives=1.5,
        ),
        seen(as_of="2025-06-30", licence_commitment=[on("2025-06-30", result="true_kept")], gives=0),
        seen(as_of="2025-06-30", licence_commitment=[on("2022-06-30", result="untrue")], gives=0),
    ),
)

HIGH_RISK_LICENCE_HELD = Indicator(
    code="high_risk_licence_held",
    label="持有高风险许可",
    label_en="holds a high-risk licence",
    section="B5",
    items=("G105", "G201", "G202", "G203", "G301"),
    value=granted.where(f.licence_type.is_in(*HIGH_RISK_LICENCES)).in_effect().any(),
    unit="0/1",
    direction="riskier",
    basis=OPINION,
    reason="持有高风险领域许可",
    reason_en="holds a licence in a high-risk field",
    examples=(
        seen(
            as_of="2025-06-30",
            licence=[on("2022-01-01", licence_type="mining", valid_from="2022-01-01", last_event="grant")],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            licence=[
                on(
                    "2022-01-01",
                    licence_type="mining",
                    valid_from="2022-01-01",
                    valid_to="2025-06-30",
                    last_event="grant",
                )
            ],
            gives=0,
        ),
    ),
)
