"""Traces in registers of rights: pledges, mortgages, intellectual property, notices, filings, instant publicity."""

import numpy as np
import polars as pl

from features.simulation.rows import Rows, blank_unless, closed, day, pick, text
from features.simulation.scene import Scene
from features.simulation.streams import between, choose
from features.simulation.traces import lasting, trace_rows, traces_of
from features.simulation.world import NEVER

DUE_DAYS = 28  # twenty working days


def asset_rows(scene: Scene) -> list[Rows]:
    """Rights over shares, movables and intellectual property, and what an entity has to publish about itself."""
    return [
        *_pledges(scene),
        *_mortgages(scene),
        *_intellectual_pledges(scene),
        _rights(scene),
        _publicity(scene),
        _filings(scene),
        *_notices(scene),
    ]


def _pledges(scene: Scene) -> list[Rows]:
    found = traces_of(scene, "equity_pledge")
    end = lasting(found, 700, 0.6)
    fields = {
        "pledge_no": text("CZ{}", scene.serial(len(found))),
        "pledgor_key": scene.key("person", scene.people.person[found.entity]),
        "amount": np.round(np.exp(4.5 + found.rng.standard_normal(len(found))), 2),
        "from_date": day(found.day),
    }
    return closed(trace_rows(scene, found, fields), end, between(found.rng, (1, 9), len(found)), {"to_date": day(end)})


def _mortgages(scene: Scene) -> list[Rows]:
    found = traces_of(scene, "chattel_mortgage")
    end = lasting(found, 600, 0.7)
    fields = {
        "registration_no": text("DC{}", scene.serial(len(found))),
        "claim": np.round(np.exp(4.8 + found.rng.standard_normal(len(found))), 2),
        "from_date": day(found.day),
    }
    return closed(trace_rows(scene, found, fields), end, between(found.rng, (1, 9), len(found)), {"to_date": day(end)})


def _intellectual_pledges(scene: Scene) -> list[Rows]:
    found = traces_of(scene, "ip_pledge")
    end = lasting(found, 500, 0.7)
    fields = {
        "registration_no": text("ZS{}", scene.serial(len(found))),
        "ip_kind": pick(("trademark", "patent"), found.lot(0.7).astype(np.int64)),
        "amount": np.round(np.exp(5.0 + found.rng.standard_normal(len(found))), 2),
        "from_date": day(found.day),
    }
    return closed(trace_rows(scene, found, fields), end, between(found.rng, (1, 9), len(found)), {"to_date": day(end)})


def _rights(scene: Scene) -> Rows:
    found = traces_of(scene, "ip_right")
    kind = choose(found.rng, np.array([0.55, 0.35, 0.1]), len(found))
    fields = {
        "ip_kind": pick(("trademark", "patent", "copyright"), kind),
        "right_no": text("ZC{}", scene.serial(len(found))),
        "granted_date": day(found.day),
        "expires": day(found.day + 3652),
    }
    return trace_rows(scene, found, fields)


def _publicity(scene: Scene) -> Rows:
    found = traces_of(scene, "instant_publicity")
    slow = found.rng.exponential(1.0, len(found)) * np.exp(0.4 * scene.conduct.mean[found.entity])
    published = found.day + 1 + (slow * 14).astype(np.int64)
    late = published > found.day + DUE_DAYS
    matters = ("subscription", "equity_transfer", "licence", "penalty", "other")
    told = np.maximum(found.entered, published + 1)
    fields = {
        "matter": pick(matters, choose(found.rng, np.array([0.4, 0.3, 0.2, 0.05, 0.05]), len(found))),
        "formed_date": day(found.day),
        "due_date": day(found.day + DUE_DAYS),
        "publicised_on": day(published),
        "ordered": (late & found.lot(0.3)).astype(np.int64),
        "late": late.astype(np.int64),
    }
    return trace_rows(scene, found, fields).with_columns(_entered=pl.Series(told, dtype=pl.Int64))


def _filings(scene: Scene) -> Rows:
    found = traces_of(scene, "filing")
    cooperative = scene.people.kind[found.entity] == 2
    matters = ("articles", "officers", "liaison", "beneficial_owner", "members")
    matter = choose(found.rng, np.array([0.35, 0.35, 0.2, 0.1]), len(found))
    fields = {
        "filing_no": text("BA{}", scene.serial(len(found))),
        "matter": pick(matters, np.where(cooperative, 4, matter)),
        "filed_date": day(found.day),
    }
    return trace_rows(scene, found, fields)


def _notices(scene: Scene) -> list[Rows]:
    """Notices of the register; those of simple deregistration mostly stand before an exit."""
    found = traces_of(scene, "notice")
    kinds = ("capital_decrease", "licence_void", "liquidation", "simple_deregistration", "false_registration")
    kind = choose(found.rng, np.array([0.25, 0.35, 0.15, 0.2, 0.05]), len(found))
    end = found.day + np.where(kind == 3, 20, 45)
    objected = found.lot(0.06)
    first = trace_rows(
        scene,
        found,
        {
            "notice_no": text("GG{}", scene.serial(len(found))),
            "notice_type": pick(kinds, kind),
            "start_date": day(found.day),
            "end_date": day(end),
            "result": "open",
        },
    )
    ends = {
        "closed_date": day(end),
        "result": pick(("completed", "objected"), objected.astype(np.int64)),
        "objection": blank_unless(pl.Series(objected.astype(np.int64)), end < NEVER),
    }
    opened, told = closed(first, end, between(found.rng, (1, 5), len(found)), ends)
    return [opened.with_columns(result="open"), told]
