from features.indicators.language import Indicator, f, nearby, on, peer_rate, ratio, records, same, seen

registration = records("entity")
event = records("event")
leads = records("role").in_effect()
bad = event.where(f.severity >= 2).within(months=24).any()


def around(code, value, *examples, missing="zero"):
    """One indicator that looks beyond the entity."""
    return Indicator(
        code=code,
        label=code,
        label_en=code.replace("_", " "),
        section="R1",
        items=("I1", "I2"),
        unit="entity",
        value=value,
        direction="riskier",
        missing=missing,
        basis="小地方条例",
        reason="{v}",
        reason_en="{v}",
        examples=examples,
    )


def here(of, *, day="2020-01-01", trade="food", cell=None, status="open"):
    """A registration in the only street."""
    return on(day, of=of, trade=trade, street="main", cell=cell, status=status)


PEERS = around(
    "bad_peers",
    peer_rate(bad, by=("trade", "street"), strength=2),
    seen(
        as_of="2024-06-30",
        entity=[here("it"), here("x"), here("y", trade="tools")],
        event=[on("2024-06-01", of="x", severity=2), on("2024-06-01", of="it", severity=4)],
        gives=(1 + 2 * (1 + 2 * 0.5) / 3) / 3,
    ),
    seen(
        as_of="2024-06-30",
        entity=[here("it"), here("x")],
        event=[on("2024-06-01", known="2024-07-01", of="x", severity=2)],
        gives=0,
    ),
    seen(
        as_of="2024-07-15",  # peers are read at the last month end
        entity=[here("it"), here("x")],
        event=[on("2024-07-01", of="x", severity=2)],
        gives=0,
    ),
)
PEER_SHARE = around(
    "peer_share",
    peer_rate(ratio(event.where(f.verified.is_(1)).count(), event.count()), by=("trade",)),
    seen(
        as_of="2024-06-30",
        entity=[here("it"), here("x"), here("y")],
        event=[on("2024-06-01", of="x", verified=1), on("2024-06-01", of="x", verified=0)],
        gives=0.5,
    ),
)
SAME_LEADER = around(
    "same_leader",
    same(leads, "person", hub=3),
    seen(as_of="2024-06-30", role=[on("2024-01-01", of=who, person="p") for who in ("it", "x", "y")], gives=2),
    seen(as_of="2024-06-30", role=[on("2024-01-01", of=who, person="p") for who in ("it", "x", "y", "z")], gives=0),
    seen(
        as_of="2024-06-30",
        role=[on("2024-01-01", person="p"), on("2024-01-01", person="p", of="x", to_date="2024-06-01")],
        gives=0,
    ),
    seen(
        as_of="2024-06-30",
        role=[on("2024-01-01", person="p"), on("2024-02-01", person="p"), on("2024-01-01", person="p", of="x")],
        gives=1,
    ),
)
BAD_SAME_LEADER = around(
    "bad_same_leader",
    ratio(same(leads, "person", of=bad), same(leads, "person"), plus=(0, 1)),
    seen(
        as_of="2024-06-30",
        role=[on("2024-01-01", of=who, person="p") for who in ("it", "x", "y")],
        event=[on("2024-06-01", of=who, severity=3) for who in ("it", "x")],
        gives=1 / 3,
    ),
)
REQUESTS = around(
    "requests_nearby_90d",
    nearby(records("request").within(days=90), "cell"),
    seen(
        as_of="2024-06-30",
        entity=[here("it", cell=200_002)],
        request=[on("2024-06-01", cell=cell) for cell in (200_002, 300_003, 100_001, 300_004, 200_004)],
        gives=3,
    ),
    seen(as_of="2024-06-30", entity=[here("it")], request=[on("2024-06-01", cell=1)], gives=None),
    missing="null",
)
REQUESTS_DECAYED = around(
    "requests_nearby_decayed",
    nearby(records("request"), "cell", half_life=6),
    seen(
        as_of="2024-06-30",
        entity=[here("it", cell=200_002)],
        request=[on("2023-12-31", cell=200_002), on("2024-06-01", known="2024-07-01", cell=200_002)],
        gives=0.5,
    ),
)
