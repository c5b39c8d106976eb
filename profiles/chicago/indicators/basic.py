"""Licence and location of a food business."""

from features.indicators.language import Indicator, below, both, f, flag, on, records, seen

REGISTER = records("entity")
LICENCE = REGISTER.where(f.roll.is_("licence"))
CODE = LICENCE.latest("licence_code")
BASIS = "Municipal Code of Chicago, Title 4"

RETAIL_FOOD = Indicator(
    code="licence_retail_food",
    label="零售食品许可",
    label_en="retail food licence",
    section="B1",
    unit="flag",
    value=both(flag(CODE, at_least=1006), below(CODE, 1007)),
    direction="none",
    basis=BASIS,
    reason="许可代码1006（零售食品）：{v}",
    reason_en="holds licence code 1006, retail food: {v}",
    items=("F01",),
    missing="null",
    examples=(
        seen(as_of="2013-06-30", entity=[on("2008-01-01", roll="licence", licence_code=1006)], gives=1),
        seen(as_of="2013-06-30", entity=[on("2008-01-01", roll="licence", licence_code=1475)], gives=0),
        seen(as_of="2013-06-30", entity=[on("1900-01-01", roll="place")], gives=None),
    ),
)

DAYCARE = Indicator(
    code="licence_daycare",
    label="托幼机构许可",
    label_en="children's services licence",
    section="B1",
    unit="flag",
    value=both(flag(CODE, at_least=1584), below(CODE, 1587)),
    direction="none",
    basis=BASIS,
    reason="许可代码1584至1586（托幼）：{v}",
    reason_en="holds a licence code 1584 to 1586, children's services: {v}",
    items=("F01",),
    missing="null",
    examples=(
        seen(as_of="2013-06-30", entity=[on("2008-01-01", roll="licence", licence_code=1585)], gives=1),
        seen(as_of="2013-06-30", entity=[on("2008-01-01", roll="licence", licence_code=1587)], gives=0),
    ),
)

WARD = Indicator(
    code="ward",
    label="选区",
    label_en="ward",
    section="B1",
    unit="number",
    value=LICENCE.latest("ward"),
    direction="none",
    basis=BASIS,
    reason="所在选区{v}",
    reason_en="lies in ward {v}",
    items=("F01",),
    missing="null",
    examples=(seen(as_of="2013-06-30", entity=[on("2008-01-01", roll="licence", ward=41)], gives=41),),
)

POLICE_DISTRICT = Indicator(
    code="police_district",
    label="警区",
    label_en="police district",
    section="B1",
    unit="number",
    value=LICENCE.latest("police_district"),
    direction="none",
    basis=BASIS,
    reason="所在警区{v}",
    reason_en="lies in police district {v}",
    items=("F01",),
    missing="null",
    examples=(seen(as_of="2013-06-30", entity=[on("2008-01-01", roll="licence", police_district=16)], gives=16),),
)

NORTH = Indicator(
    code="north",
    label="纬度（千分之一度）",
    label_en="latitude in thousandths of a degree",
    section="B1",
    unit="0.001 degree",
    value=REGISTER.latest("north"),
    direction="none",
    basis=BASIS,
    reason="位置：纬度{v}（千分之一度）",
    reason_en="lies at latitude {v} thousandths",
    items=("F01",),
    missing="null",
    examples=(
        seen(
            as_of="2013-06-30",
            entity=[
                on("2008-01-01", roll="licence", north=41885),
                on("2012-01-01", roll="inspection", north=41886),
            ],
            gives=41886,
        ),
    ),
)

EAST = Indicator(
    code="east",
    label="经度（千分之一度）",
    label_en="longitude in thousandths of a degree",
    section="B1",
    unit="0.001 degree",
    value=REGISTER.latest("east"),
    direction="none",
    basis=BASIS,
    reason="位置：经度{v}（千分之一度）",
    reason_en="lies at longitude {v} thousandths",
    items=("F01",),
    missing="null",
    examples=(seen(as_of="2013-06-30", entity=[on("2008-01-01", roll="licence", east=-87626)], gives=-87626),),
)
