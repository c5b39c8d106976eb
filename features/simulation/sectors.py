"""Traces in the sectors: tests, grades, equipment, instruments, certificates, accidents, recalls, commitments."""

import numpy as np
import polars as pl

from features.simulation.rows import Rows, closed, day, pick, text
from features.simulation.scene import Scene
from features.simulation.streams import Flags, Ints
from features.simulation.traces import Traces, trace_rows, traces_of
from features.simulation.world import NEVER

YEAR = 365
TERM = 3 * YEAR  # of certificates and lists


def sector_rows(scene: Scene) -> list[Rows]:
    """Records of the special sectors of market regulation and of other departments' lists."""
    return [
        _tests(scene),
        *_grades(scene),
        *_equipment(scene),
        _instruments(scene),
        *_certificates(scene),
        _accidents(scene),
        _recalls(scene),
        _commitments(scene),
        *_department_lists(scene),
    ]


def _of_mixes(scene: Scene, found: Traces, mixes: list[str]) -> Flags:
    """Whether each event is of an entity in one of some groups of industries."""
    return np.isin(scene.mix[found.entity], [scene.world.mixes.index(mix) for mix in mixes])


def _product(scene: Scene, found: Traces) -> pl.Series:
    products = scene.world["wording"]["products"]
    return pick(products, found.rng.integers(0, len(products), len(found)))


def _tests(scene: Scene) -> Rows:
    found = traces_of(scene, "sampling_test")
    failed, label = found.odds("failed"), found.lot("label")
    made = _of_mixes(scene, found, found.rules["producers"]).astype(np.int64)
    fields = {
        "item": pick((found.rules["item"], found.rules["producer_item"]), made),
        "test_no": text("CJ{}", scene.serial(len(found))),
        "field": pick(("food", "industrial"), made),
        "product": _product(scene, found),
        "sampled_date": day(found.day - found.whole("sampled")),
        "notified_date": day(found.day),
        "result": pick(("qualified", "unqualified", "label_defect"), np.where(failed, 1, np.where(label, 2, 0))),
        "unqualified_items": failed * found.whole("items"),
        "responsible_role": pick(("seller", "producer"), made),
        "responsible": (failed & found.lot("responsible")).astype(np.int64),
    }
    return trace_rows(scene, found, fields)


def _grades(scene: Scene) -> list[Rows]:
    found = traces_of(scene, "sector_grade")
    schemes = found.rules["schemes"]
    found = found.where(_of_mixes(scene, found, list(schemes)))
    numbers = np.array([scene.world.mixes.index(mix) for mix in schemes])
    position = (scene.mix[found.entity][:, None] == numbers).argmax(axis=1)
    rank, until = found.graded("grades"), found.day + YEAR
    fields = {
        "item": pick([item for _, item in schemes.values()], position),
        "scheme": pick([scheme for scheme, _ in schemes.values()], position),
        "grade": pick(found.codes("grades"), rank),
        "grade_rank": rank + 1,
        "from_date": day(found.day),
    }
    return closed(trace_rows(scene, found, fields), until, found.whole("told"), {"to_date": day(until)})


def _equipment(scene: Scene) -> list[Rows]:
    """Devices, each inspected later or left overdue: a correction tells of the next inspection."""
    found = traces_of(scene, "special_equipment")
    fields = {
        "device_no": text("TZ{}", scene.serial(len(found))),
        "equipment_type": found.code("kinds"),
        "use_state": "in_use",
        "registered_date": day(found.day),
        "last_inspection": day(found.day),
        "next_inspection": day(found.day + YEAR),
    }
    first = trace_rows(scene, found, fields)
    again = np.where(found.odds("overdue"), NEVER, found.day + YEAR - found.whole("early"))
    return [first, _later(first, again, found, {"last_inspection": day(again), "next_inspection": day(_term(again))})]


def _instruments(scene: Scene) -> Rows:
    found = traces_of(scene, "metrology_device")
    valid = np.where(found.odds("overdue"), 1, found.whole("years")) * YEAR
    fields = {
        "device_no": text("JL{}", scene.serial(len(found))),
        "use_state": "in_use",
        "registered_date": day(found.day),
        "last_verified": day(found.day),
        "valid_until": day(found.day + valid),
    }
    return trace_rows(scene, found, fields)


def _certificates(scene: Scene) -> list[Rows]:
    found = traces_of(scene, "certification")
    size, bodies = len(found), scene.world["wording"]["certifiers"]
    when = np.where(found.odds("lost"), found.day + found.whole("lost_after"), NEVER)
    fields = {
        "certificate_no": text("RZ{}", scene.serial(size)),
        "certificate_kind": found.code("kinds"),
        "body": pick(bodies, found.rng.integers(0, len(bodies), size)),
        "state": "valid",
        "state_date": day(found.day),
        "from_date": day(found.day),
        "to_date": day(found.day + TERM),
        "for_cause": 0,
    }
    first = trace_rows(scene, found, fields)
    changes = {"state": found.code("states"), "state_date": day(when), "for_cause": pl.Series(np.ones(size, int))}
    return [first, _later(first, when, found, changes)]


def _accidents(scene: Scene) -> Rows:
    found = traces_of(scene, "accident")
    fields = {
        "accident_no": text("SG{}", scene.serial(len(found))),
        "accident_kind": found.code("kinds"),
        "level": found.code("levels"),
        "responsibility": found.code("duties"),
        "occurred_date": day(found.day),
        "deaths": found.lot("deadly").astype(np.int64),
        "injuries": found.whole("injuries"),
    }
    return trace_rows(scene, found, fields)


def _recalls(scene: Scene) -> Rows:
    found = traces_of(scene, "recall")
    fields = {
        "recall_no": text("ZH{}", scene.serial(len(found))),
        "recall_kind": found.code("kinds"),
        "product": _product(scene, found),
        "quantity": found.whole("quantity"),
        "started_date": day(found.day),
    }
    return trace_rows(scene, found, fields)


def _commitments(scene: Scene) -> Rows:
    found = traces_of(scene, "licence_commitment")
    breach = found.code("breaches")
    kept = pick(("true_kept",), np.zeros(len(found), dtype=np.int64))
    fields = {
        "licence_no": text("CN{}", scene.serial(len(found))),
        "committed_date": day(found.day - found.whole("committed")),
        "verified_date": day(found.day),
        "result": breach.zip_with(pl.Series(found.odds("broken")), kept),
    }
    return trace_rows(scene, found, fields)


def _department_lists(scene: Scene) -> list[Rows]:
    """Entries on the serious lists of other departments, removed early when they are repaired."""
    found = traces_of(scene, "department_listing")
    end = found.ends()
    fields = {
        "list_code": found.code("lists"),
        "in_date": day(found.day),
        "managed_until": day(found.day + TERM),
        "early_removal": 0,
    }
    first = trace_rows(scene, found, fields, "serious_listing")
    early = pl.Series(np.ones(len(found), dtype=np.int64))
    reason = pick(("early_repair",), np.zeros(len(found), dtype=np.int64))
    changes = {"action_date": day(end), "out_date": day(end), "out_reason": reason, "early_removal": early}
    opened, told = closed(first, end, found.whole("told"), changes)
    return [opened.with_columns(early_removal=0), told.with_columns(action="remove")]


def _later(first: Rows, when: Ints, found: Traces, changes: dict[str, pl.Series]) -> Rows:
    """The correction that tells of a change on a day; of those whose day never comes, none."""
    return closed(first, when, found.whole("told"), changes)[1]


def _term(start: Ints) -> Ints:
    return np.where(start < NEVER, np.minimum(start, NEVER - 1) + TERM, NEVER)
