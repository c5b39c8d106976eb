"""Traces in registers of rights: pledges, mortgages, intellectual property, notices, filings, instant publicity."""

import numpy as np
import polars as pl

from features.simulation.rows import Rows, blank_unless, closed, day, pick, text
from features.simulation.scene import Scene
from features.simulation.traces import from_log, trace_rows, traces_of
from features.simulation.world import NEVER


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
    end = found.ends()
    fields = {
        "pledge_no": text("CZ{}", scene.serial(len(found))),
        "pledgor_key": scene.key("person", scene.people.person[found.entity]),
        "amount": found.amount(),
        "from_date": day(found.day),
    }
    return closed(trace_rows(scene, found, fields), end, found.whole("told"), {"to_date": day(end)})


def _mortgages(scene: Scene) -> list[Rows]:
    found = traces_of(scene, "chattel_mortgage")
    end = found.ends()
    fields = {
        "registration_no": text("DC{}", scene.serial(len(found))),
        "claim": found.amount(),
        "from_date": day(found.day),
    }
    return closed(trace_rows(scene, found, fields), end, found.whole("told"), {"to_date": day(end)})


def _intellectual_pledges(scene: Scene) -> list[Rows]:
    found = traces_of(scene, "ip_pledge")
    end = found.ends()
    fields = {
        "registration_no": text("ZS{}", scene.serial(len(found))),
        "ip_kind": found.code("kinds"),
        "amount": found.amount(),
        "from_date": day(found.day),
    }
    return closed(trace_rows(scene, found, fields), end, found.whole("told"), {"to_date": day(end)})


def _rights(scene: Scene) -> Rows:
    found = traces_of(scene, "ip_right")
    fields = {
        "ip_kind": found.code("kinds"),
        "right_no": text("ZC{}", scene.serial(len(found))),
        "granted_date": day(found.day),
        "expires": day(found.day + found.rules["valid_days"]),
    }
    return trace_rows(scene, found, fields)


def _publicity(scene: Scene) -> Rows:
    found = traces_of(scene, "instant_publicity")
    slow = found.rng.exponential(1.0, len(found)) * from_log(found.rules["publish_conduct"] * found.conduct)
    published = found.day + 1 + (slow * found.rules["publish_days"]).astype(np.int64)
    due = found.day + found.rules["due"]
    late = published > due
    fields = {
        "matter": found.code("kinds"),
        "formed_date": day(found.day),
        "due_date": day(due),
        "publicised_on": day(published),
        "ordered": (late & found.lot("ordered")).astype(np.int64),
        "late": late.astype(np.int64),
    }
    told = np.maximum(found.entered, published + 1)
    return trace_rows(scene, found, fields).with_columns(_entered=pl.Series(told, dtype=pl.Int64))


def _filings(scene: Scene) -> Rows:
    found = traces_of(scene, "filing")
    cooperative = scene.people.kind[found.entity] == 2
    matters = [*found.codes("kinds"), found.rules["cooperative"]]
    fields = {
        "filing_no": text("BA{}", scene.serial(len(found))),
        "matter": pick(matters, np.where(cooperative, len(matters) - 1, found.chosen("kinds"))),
        "filed_date": day(found.day),
    }
    return trace_rows(scene, found, fields)


def _notices(scene: Scene) -> list[Rows]:
    """Notices of the register, each open until its period ends."""
    found = traces_of(scene, "notice")
    end, objected = found.day + found.rules["stands"], found.lot("objected")
    fields = {
        "notice_no": text("GG{}", scene.serial(len(found))),
        "notice_type": found.code("kinds"),
        "start_date": day(found.day),
        "end_date": day(end),
        "result": "open",
    }
    ends = {
        "closed_date": day(end),
        "result": pick(("completed", "objected"), objected.astype(np.int64)),
        "objection": blank_unless(pl.Series(objected.astype(np.int64)), end < NEVER),
    }
    opened, told = closed(trace_rows(scene, found, fields), end, found.whole("told"), ends)
    return [opened.with_columns(result="open"), told]
