"""关联关系信息: persons, holders, branches, addresses and contacts shared with others, and what those others did."""

from features.indicators.language import (
    Indicator,
    f,
    flag,
    on,
    ratio,
    records,
    same,
    seen,
    total,
)

OPINION = "《实施意见》三（一）关联关系信息；省局拟定，待批准"
PUBLIC_HUB = 50  # a key shared by more entities is an agent, a park or a market and links nobody
ADDRESS_HUB = 200

active = records("entity").where(f.status.is_in("active", "suspended")).count()
listed_abnormal = records("abnormal_listing").in_effect().count()
listed_serious = records("serious_listing").in_effect().count()
listed_by_market = records("serious_listing").where(f.list_code.is_("market_regulation")).in_effect().any()
revoked = records("entity").where(f.status.is_("revoked")).count()
risky = flag(total(listed_abnormal, listed_serious, revoked), at_least=1)
uncontactable = records("abnormal_listing").where(f.reason.is_("4")).in_effect().any()
penalised = records("penalty").where(f.severity >= 2).within(months=24).any()
penalties = records("penalty").where(f.severity >= 1).within(months=24).decayed(half_life=12)

roles = records("person_role").in_effect()
leads = roles.where(f.role.is_in("legal_rep", "operator", "investor"))
manages = roles.where(f.role.is_in("director", "supervisor", "manager"))
members = roles.where(f.role.is_("member"))
serves = roles.where(f.role.is_in("liaison", "agent"))
holdings = records("shareholding").in_effect()
family = records("branch_relation").in_effect()
domiciles = records("entity_address").where(f.role.is_("domicile"), f.whitelisted.is_(0)).in_effect()
links = records("link").where(f.whitelisted.is_(0)).in_effect()

# ------------------------------------------------------------------------------- R1 法定代表人与经营者

LEGAL_REP_ENTITY_COUNT = Indicator(
    code="legal_rep_entity_count",
    label="法定代表人（经营者）名下主体数",
    label_en="other entities led by the same person",
    section="R1",
    items=("G101",),
    value=same(leads, "person_key", of=active, hub=PUBLIC_HUB),
    unit="entity",
    direction="riskier",
    basis=OPINION,
    reason="法定代表人或经营者名下另有{v}户主体",
    reason_en="the same person leads {v} other entities",
    examples=(
        seen(
            as_of="2025-06-30",
            person_role=[
                on("2020-01-01", role="legal_rep", person_key="p"),
                on("2021-01-01", role="operator", person_key="p", of="b"),
                on("2021-01-01", role="director", person_key="p", of="c"),
                on("2021-01-01", role="legal_rep", person_key="p", of="d", to_date="2025-06-30"),
            ],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            entity=[on("2020-01-01"), on("2020-01-01", of="b", status="deregistered")],
            person_role=[on("2020-01-01", role="legal_rep", person_key="p", of=who) for who in ("it", "b")],
            gives=0,
        ),
        seen(
            as_of="2025-06-30",
            person_role=[
                on("2020-01-01", role="legal_rep", person_key="p"),
                on("2025-06-30", role="legal_rep", person_key="p", of="b", known="2025-07-01"),
            ],
            gives=0,
        ),
    ),
)

LEGAL_REP_RISKY_ENTITY_RATIO = Indicator(
    code="legal_rep_risky_entity_ratio",
    label="法定代表人关联风险主体占比",
    label_en="share of risky entities led by the same person",
    section="R1",
    items=("G101", "G107", "G108"),
    value=ratio(
        same(leads, "person_key", of=risky, hub=PUBLIC_HUB), same(leads, "person_key", hub=PUBLIC_HUB), plus=(0, 1)
    ),
    unit="share",
    direction="riskier",
    monotone=True,
    visibility="internal",
    key=True,
    basis=OPINION,
    reason="法定代表人关联主体中风险主体占{v}（平滑后）",
    reason_en="{v} of the entities led by the same person are risky (smoothed)",
    examples=(
        seen(
            as_of="2025-06-30",
            person_role=[on("2020-01-01", role="legal_rep", person_key="p", of=who) for who in ("it", "b", "c")],
            abnormal_listing=[on("2025-01-01", reason="4", of="b"), on("2025-01-01", reason="4", of="it")],
            gives=1 / 3,
        ),
        seen(
            as_of="2025-06-30",
            person_role=[on("2020-01-01", role="legal_rep", person_key="p", of=who) for who in ("it", "b", "c")],
            abnormal_listing=[on("2025-01-01", reason="4", of="b", out_date="2025-06-30")],
            gives=0,
        ),
    ),
)

LEGAL_REP_SERIOUS_LISTED = Indicator(
    code="legal_rep_serious_listed",
    label="法定代表人关联严重违法失信主体",
    label_en="an entity led by the same person is on the serious list",
    section="R1",
    items=("G108",),
    value=flag(same(leads, "person_key", of=listed_by_market, hub=PUBLIC_HUB), at_least=1),
    unit="0/1",
    direction="riskier",
    monotone=True,
    basis=OPINION,
    reason="法定代表人或经营者名下其他主体被列入严重违法失信名单",
    reason_en="another entity led by the same person is on the serious list",
    examples=(
        seen(
            as_of="2025-06-30",
            person_role=[on("2020-01-01", role="legal_rep", person_key="p", of=who) for who in ("it", "b")],
            serious_listing=[on("2025-01-01", list_code="market_regulation", of="b")],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            person_role=[on("2020-01-01", role="legal_rep", person_key="p", of=who) for who in ("it", "b")],
            serious_listing=[on("2025-01-01", list_code="market_regulation")],
            gives=0,
        ),
    ),
)

LEGAL_REP_PENALTY_24M = Indicator(
    code="legal_rep_penalty_24m",
    label="法定代表人关联主体近24个月行政处罚",
    label_en="penalties of entities led by the same person, 24 months",
    section="R1",
    items=("G101", "G106"),
    value=same(leads, "person_key", of=penalties, hub=PUBLIC_HUB),
    unit="weighted time",
    direction="riskier",
    monotone=True,
    basis=OPINION,
    reason="法定代表人或经营者名下其他主体近24个月受到行政处罚（按时间加权{v}次）",
    reason_en="penalties of other entities led by the same person in 24 months (weighted {v})",
    examples=(
        seen(
            as_of="2025-06-30",
            person_role=[on("2020-01-01", role="legal_rep", person_key="p", of=who) for who in ("it", "b", "c")],
            penalty=[
                on("2024-06-30", severity=2, of="b"),
                on("2025-06-30", severity=2, of="c"),
                on("2025-06-30", severity=2),
            ],
            gives=1.5,
        ),
        seen(
            as_of="2025-06-30",
            person_role=[on("2020-01-01", role="legal_rep", person_key="p", of=who) for who in ("it", "b")],
            penalty=[on("2025-06-30", severity=2, of="b", known="2025-07-01")],
            gives=0,
        ),
    ),
)

LEGAL_REP_DISHONEST_EXECUTED = Indicator(
    code="legal_rep_dishonest_executed",
    label="法定代表人（经营者）为失信被执行人",
    label_en="legal representative is a dishonest executed person",
    section="R1",
    items=("G601",),
    value=records("dishonest_executed").where(f.debtor_role.is_in("legal_rep", "operator")).in_effect().any(),
    unit="0/1",
    direction="riskier",
    monotone=True,
    visibility="internal",
    key=True,
    basis="《最高人民法院关于公布失信被执行人名单信息的若干规定》；省局拟定，待批准",
    reason="法定代表人或经营者为失信被执行人",
    reason_en="the legal representative or operator is a dishonest executed person",
    examples=(
        seen(as_of="2025-06-30", dishonest_executed=[on("2025-01-01", debtor_role="legal_rep")], gives=1),
        seen(as_of="2025-06-30", dishonest_executed=[on("2025-01-01", debtor_role="entity")], gives=0),
        seen(
            as_of="2025-06-30",
            dishonest_executed=[on("2025-01-01", debtor_role="legal_rep", removed_date="2025-06-30")],
            gives=0,
        ),
    ),
)

LEGAL_REP_RESTRICTED_POST = Indicator(
    code="legal_rep_restricted_post",
    label="法定代表人任职受限",
    label_en="legal representative barred from the post",
    section="R1",
    kinds=("enterprise", "cooperative"),
    items=("G101", "G108"),
    value=flag(
        total(
            leads.where(f.restricted_from.before_as_of(days=1), f.restricted_to.after_as_of()).count(),
            leads.where(f.restricted_from.before_as_of(days=1), f.restricted_to.is_missing()).count(),
        ),
        at_least=1,
    ),
    unit="0/1",
    direction="riskier",
    monotone=True,
    visibility="internal",
    basis="《公司法》；《市场主体登记管理条例》第十二条；省局拟定，待批准",
    reason="法定代表人处于任职限制期",
    reason_en="the legal representative is barred from the post",
    examples=(
        seen(
            as_of="2025-06-30",
            person_role=[
                on("2020-01-01", role="legal_rep", restricted_from="2025-06-30", restricted_to="2028-06-30"),
            ],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            person_role=[
                on("2020-01-01", role="legal_rep", restricted_from="2022-06-30", restricted_to="2025-06-30"),
            ],
            gives=0,
        ),
        seen(as_of="2025-06-30", person_role=[on("2020-01-01", role="legal_rep")], gives=0),
    ),
)

# ------------------------------------------------------------------------------------ R2 股东与对外投资

SHARED_HOLDER_ENTITY_COUNT = Indicator(
    code="shared_holder_entity_count",
    label="同一股东投资的其他主体数",
    label_en="other entities with the same holder",
    section="R2",
    kinds=("enterprise",),
    items=("G101", "G111"),
    value=same(holdings, "holder_key", of=active, hub=PUBLIC_HUB),
    unit="entity",
    direction="none",
    basis=OPINION,
    reason="股东另投资{v}户主体",
    reason_en="its holders hold {v} other entities",
    examples=(
        seen(
            as_of="2025-06-30",
            shareholding=[on("2020-01-01", holder_key="h", of=who) for who in ("it", "b", "c")],
            gives=2,
        ),
        seen(
            as_of="2025-06-30",
            shareholding=[
                on("2020-01-01", holder_key="h"),
                on("2020-01-01", holder_key="h", of="b", to_date="2025-06-30"),
            ],
            gives=0,
        ),
    ),
)

SHARED_HOLDER_RISKY_RATIO = Indicator(
    code="shared_holder_risky_ratio",
    label="同一股东关联风险主体占比",
    label_en="share of risky entities with the same holder",
    section="R2",
    kinds=("enterprise",),
    items=("G101", "G107", "G108", "G111"),
    value=ratio(
        same(holdings, "holder_key", of=risky, hub=PUBLIC_HUB),
        same(holdings, "holder_key", hub=PUBLIC_HUB),
        plus=(0, 1),
    ),
    unit="share",
    direction="riskier",
    monotone=True,
    visibility="internal",
    basis=OPINION,
    reason="同一股东投资的主体中风险主体占{v}（平滑后）",
    reason_en="{v} of the entities of its holders are risky (smoothed)",
    examples=(
        seen(
            as_of="2025-06-30",
            shareholding=[on("2020-01-01", holder_key="h", of=who) for who in ("it", "b")],
            serious_listing=[on("2025-01-01", list_code="tax", of="b")],
            gives=0.5,
        ),
        seen(
            as_of="2025-06-30",
            shareholding=[on("2020-01-01", holder_key="h", of=who) for who in ("it", "b")],
            gives=0,
        ),
    ),
)

SHAREHOLDER_DISHONEST_EXECUTED = Indicator(
    code="shareholder_dishonest_executed",
    label="主要股东为失信被执行人",
    label_en="a main holder is a dishonest executed person",
    section="R2",
    kinds=("enterprise",),
    items=("G601",),
    value=records("dishonest_executed")
    .where(f.debtor_role.is_("shareholder"), f.holding_ratio >= 300_000)
    .in_effect()
    .any(),
    unit="0/1",
    direction="riskier",
    monotone=True,
    visibility="internal",
    basis="《最高人民法院关于公布失信被执行人名单信息的若干规定》；省局拟定，待批准：持股30%以上",
    reason="持股30%以上的股东为失信被执行人",
    reason_en="a holder of 30 % or more is a dishonest executed person",
    examples=(
        seen(
            as_of="2025-06-30",
            dishonest_executed=[on("2025-01-01", debtor_role="shareholder", holding_ratio=0.3)],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            dishonest_executed=[on("2025-01-01", debtor_role="shareholder", holding_ratio=0.299999)],
            gives=0,
        ),
    ),
)

CONTROLLER_GROUP_VIOLATION_RATE_24M = Indicator(
    code="controller_group_violation_rate_24m",
    label="同一控制人主体近24个月违法占比",
    label_en="share of violators under the same controller, 24 months",
    section="R2",
    kinds=("enterprise",),
    items=("G101", "G106"),
    value=ratio(
        same(links.where(f.link_kind.is_("controller")), "link_key", of=penalised, hub=PUBLIC_HUB),
        same(links.where(f.link_kind.is_("controller")), "link_key", hub=PUBLIC_HUB),
        plus=(0, 1),
    ),
    unit="share",
    direction="riskier",
    visibility="internal",
    basis=OPINION,
    reason="同一控制人名下主体近24个月违法占{v}（平滑后）",
    reason_en="{v} of the entities under the same controller were penalised in 24 months (smoothed)",
    examples=(
        seen(
            as_of="2025-06-30",
            link=[on("2020-01-01", link_kind="controller", link_key="k", whitelisted=0, of=who) for who in ("it", "b")],
            penalty=[on("2025-01-01", severity=2, of="b")],
            gives=0.5,
        ),
        seen(
            as_of="2025-06-30",
            link=[on("2020-01-01", link_kind="phone", link_key="k", whitelisted=0, of=who) for who in ("it", "b")],
            penalty=[on("2025-01-01", severity=2, of="b")],
            gives=0,
        ),
    ),
)

INVESTMENT_RISKY_RATIO = Indicator(
    code="investment_risky_ratio",
    label="投资关系主体风险占比",
    label_en="share of risky entities linked by investment",
    section="R2",
    kinds=("enterprise",),
    items=("G101", "G107"),
    value=ratio(
        same(links.where(f.link_kind.is_("equity")), "link_key", of=risky, hub=PUBLIC_HUB),
        same(links.where(f.link_kind.is_("equity")), "link_key", hub=PUBLIC_HUB),
        plus=(0, 1),
    ),
    unit="share",
    direction="riskier",
    visibility="internal",
    basis=OPINION,
    reason="存在投资关系的主体中风险主体占{v}（平滑后）",
    reason_en="{v} of the entities linked by investment are risky (smoothed)",
    examples=(
        seen(
            as_of="2025-06-30",
            link=[
                on("2020-01-01", link_kind="equity", link_key="k", side="holder", whitelisted=0),
                on("2020-01-01", link_kind="equity", link_key="k", side="held", whitelisted=0, of="b"),
            ],
            entity=[on("2020-01-01"), on("2020-01-01", of="b", status="revoked")],
            gives=0.5,
        ),
        seen(as_of="2025-06-30", gives=0),
    ),
)

# ------------------------------------------------------------------------------- R3 高管、成员与联络员

OFFICER_RISKY_RATIO = Indicator(
    code="officer_risky_ratio",
    label="高管关联风险主体占比",
    label_en="share of risky entities with the same officers",
    section="R3",
    kinds=("enterprise", "cooperative"),
    items=("G102", "G107", "G108"),
    value=ratio(
        same(manages, "person_key", of=risky, hub=PUBLIC_HUB),
        same(manages, "person_key", hub=PUBLIC_HUB),
        plus=(0, 1),
    ),
    unit="share",
    direction="riskier",
    visibility="internal",
    basis=OPINION,
    reason="高管任职的其他主体中风险主体占{v}（平滑后）",
    reason_en="{v} of the entities with the same officers are risky (smoothed)",
    examples=(
        seen(
            as_of="2025-06-30",
            person_role=[
                on("2020-01-01", role="director", person_key="p"),
                on("2020-01-01", role="supervisor", person_key="p", of="b"),
            ],
            abnormal_listing=[on("2025-01-01", reason="1", of="b")],
            gives=0.5,
        ),
        seen(
            as_of="2025-06-30",
            person_role=[
                on("2020-01-01", role="director", person_key="p"),
                on("2020-01-01", role="legal_rep", person_key="p", of="b"),
            ],
            abnormal_listing=[on("2025-01-01", reason="1", of="b")],
            gives=0,
        ),
    ),
)

COOP_MEMBER_OVERLAP_COUNT = Indicator(
    code="coop_member_overlap_count",
    label="合作社成员重叠人次",
    label_en="members shared with other cooperatives",
    section="R3",
    kinds=("cooperative",),
    items=("G102",),
    value=same(members, "person_key", hub=PUBLIC_HUB),
    unit="time",
    direction="riskier",
    visibility="internal",
    basis="《农民专业合作社法》；《实施意见》三（一）；省局拟定，待批准",
    reason="与其他合作社成员重叠{v}人次",
    reason_en="{v} members shared with other cooperatives",
    examples=(
        seen(
            as_of="2025-06-30",
            person_role=[
                on("2020-01-01", role="member", person_key=key, of=who) for key in ("p", "q") for who in ("it", "b")
            ],
            gives=2,
        ),
        seen(
            as_of="2025-06-30",
            person_role=[
                on("2020-01-01", role="member", person_key="p"),
                on("2020-01-01", role="member", person_key="q", of="b"),
            ],
            gives=0,
        ),
    ),
)

LIAISON_SHARED_COUNT = Indicator(
    code="liaison_shared_count",
    label="联络员或代理人共用主体数",
    label_en="other entities with the same liaison or agent",
    section="R3",
    items=("G102",),
    value=same(serves, "person_key", of=active, hub=ADDRESS_HUB),
    unit="entity",
    direction="riskier",
    visibility="internal",
    basis=OPINION,
    reason="联络员或代理人另为{v}户主体共用",
    reason_en="liaison or agent shared with {v} other entities",
    examples=(
        seen(
            as_of="2025-06-30",
            person_role=[
                on("2020-01-01", role="liaison", person_key="p"),
                on("2020-01-01", role="agent", person_key="p", of="b"),
            ],
            gives=1,
        ),
        seen(as_of="2025-06-30", person_role=[on("2020-01-01", role="liaison", person_key="p")], gives=0),
    ),
)

# --------------------------------------------------------------------------------------------- R4 分支机构

BRANCH_COUNT = Indicator(
    code="branch_count",
    label="分支机构数",
    label_en="branches",
    section="R4",
    kinds=("enterprise", "cooperative"),
    items=("G101",),
    value=family.where(f.side.is_("parent")).count(),
    unit="entity",
    direction="none",
    basis="《市场主体登记管理条例》第二十三条；省局拟定，待批准",
    reason="分支机构{v}家",
    reason_en="{v} branches",
    examples=(
        seen(
            as_of="2025-06-30",
            branch_relation=[
                on("2020-01-01", side="parent", other_code="b"),
                on("2020-01-01", side="parent", other_code="c", to_date="2025-06-30"),
            ],
            gives=1,
        ),
        seen(as_of="2025-06-30", branch_relation=[on("2020-01-01", side="branch", other_code="b")], gives=0),
    ),
)

BRANCH_PENALTY_COUNT_24M = Indicator(
    code="branch_penalty_count_24m",
    label="总分机构近24个月行政处罚",
    label_en="penalties of its parent and branches, 24 months",
    section="R4",
    kinds=("enterprise", "cooperative"),
    items=("G101", "G106"),
    value=same(family, "family_key", of=penalties, hub=ADDRESS_HUB),
    unit="weighted time",
    direction="riskier",
    monotone=True,
    basis=OPINION,
    reason="隶属企业及其他分支机构近24个月受到行政处罚（按时间加权{v}次）",
    reason_en="penalties of its parent and branches in 24 months (weighted {v})",
    examples=(
        seen(
            as_of="2025-06-30",
            branch_relation=[
                on("2020-01-01", side="parent", other_code="b", family_key="k"),
                on("2020-01-01", side="branch", other_code="it", family_key="k", of="b"),
            ],
            penalty=[on("2024-06-30", severity=1, of="b"), on("2025-06-30", severity=3)],
            gives=0.5,
        ),
        seen(
            as_of="2025-06-30",
            branch_relation=[
                on("2020-01-01", side="parent", other_code="b", family_key="k"),
                on("2020-01-01", side="branch", other_code="it", family_key="k", of="b"),
            ],
            penalty=[on("2023-06-30", severity=1, of="b")],
            gives=0,
        ),
    ),
)

# ------------------------------------------------------------------------------- R5 地址与联络方式聚集

ADDRESS_SHARED_ENTITY_COUNT = Indicator(
    code="address_shared_entity_count",
    label="同址主体数",
    label_en="other entities at the same address",
    section="R5",
    items=("G101",),
    value=same(domiciles, "address_key", of=active, hub=ADDRESS_HUB),
    unit="entity",
    direction="riskier",
    visibility="internal",
    basis=OPINION,
    reason="同一地址另登记{v}户主体",
    reason_en="{v} other entities at the same address",
    examples=(
        seen(
            as_of="2025-06-30",
            entity_address=[
                on("2020-01-01", role="domicile", address_key="a", whitelisted=0, of=who) for who in ("it", "b", "c")
            ],
            gives=2,
        ),
        seen(
            as_of="2025-06-30",
            entity_address=[
                on("2020-01-01", role="domicile", address_key="a", whitelisted=1, of=who) for who in ("it", "b", "c")
            ],
            gives=0,
        ),
    ),
)

ADDRESS_ABNORMAL_RATIO = Indicator(
    code="address_abnormal_ratio",
    label="同址主体失联占比",
    label_en="share of entities at the address not contactable",
    section="R5",
    items=("G101", "G107"),
    value=ratio(
        same(domiciles, "address_key", of=uncontactable, hub=ADDRESS_HUB),
        same(domiciles, "address_key", hub=ADDRESS_HUB),
        plus=(0, 1),
    ),
    unit="share",
    direction="riskier",
    monotone=True,
    visibility="internal",
    key=True,
    basis=OPINION,
    reason="同址主体因无法联系列入经营异常占{v}（平滑后）",
    reason_en="{v} of the entities at the address are listed as not contactable (smoothed)",
    examples=(
        seen(
            as_of="2025-06-30",
            entity_address=[
                on("2020-01-01", role="domicile", address_key="a", whitelisted=0, of=who) for who in ("it", "b", "c")
            ],
            abnormal_listing=[
                on("2025-01-01", reason="4", of="b"),
                on("2025-01-01", reason="1", of="c"),
                on("2025-01-01", reason="4"),
            ],
            gives=1 / 3,
        ),
        seen(as_of="2025-06-30", abnormal_listing=[on("2025-01-01", reason="4")], gives=0),
    ),
)

PHONE_SHARED_ENTITY_COUNT = Indicator(
    code="phone_shared_entity_count",
    label="同一联系电话主体数",
    label_en="other entities with the same phone",
    section="R5",
    items=("G101", "G110"),
    value=same(links.where(f.link_kind.is_("phone")), "link_key", of=active, hub=ADDRESS_HUB),
    unit="entity",
    direction="riskier",
    visibility="internal",
    basis=OPINION,
    reason="同一联系电话另登记{v}户主体",
    reason_en="{v} other entities with the same phone",
    examples=(
        seen(
            as_of="2025-06-30",
            link=[on("2020-01-01", link_kind="phone", link_key="t", whitelisted=0, of=who) for who in ("it", "b")],
            gives=1,
        ),
        seen(
            as_of="2025-06-30",
            link=[
                on("2020-01-01", link_kind="phone", link_key="t", whitelisted=0),
                on("2020-01-01", link_kind="phone", link_key="t", whitelisted=0, of="b", to_date="2025-01-01"),
            ],
            gives=0,
        ),
    ),
)
