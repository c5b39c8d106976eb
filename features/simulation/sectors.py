"""Traces in the sectors: tests, grades, equipment, instruments, certificates, accidents, recalls, commitments."""

import numpy as np
import polars as pl

from features.simulation.rows import Rows, blank_unless, closed, day, pick, text
from features.simulation.scene import Scene
from features.simulation.streams import Flags, Ints, between, choose
from features.simulation.traces import Traces, lasting, trace_rows, traces_of
from features.simulation.world import NEVER

DEPARTMENT_LISTS = ("tax", "work_safety", "wages", "ecology", "construction", "transport", "culture_tourism", "other")
EQUIPMENT = ("elevator", "pressure_vessel", "boiler", "crane", "factory_vehicle", "pressure_piping")
YEAR = 365


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


def _only(scene: Scene, found: Traces, *mixes: str) -> Traces:
    """The events of entities in some groups of industries."""
    return found.where(np.isin(scene.mix[found.entity], [scene.world.mixes.index(mix) for mix in mixes]))


def _odds(scene: Scene, found: Traces, chance: float, slope: float) -> Flags:
    """Each event by lot, with odds that conduct raises."""
    odds = chance / (1 - chance) * np.exp(slope * scene.conduct.mean[found.entity])
    return np.asarray(found.rng.random(len(found)) < odds / (1 + odds))


def _tests(scene: Scene) -> Rows:
    found = _only(scene, traces_of(scene, "sampling_test"), "food", "goods", "maker", "drug", "farm")
    size, products = len(found), scene.world["wording"]["products"]
    failed, label = _odds(scene, found, 0.05, 0.9), found.lot(0.02)
    made = np.isin(scene.mix[found.entity], [scene.world.mixes.index(mix) for mix in ("maker", "farm")])
    fields = {
        "item": pick(("G201", "G203"), made.astype(np.int64)),
        "test_no": text("CJ{}", scene.serial(size)),
        "field": pick(("food", "industrial"), made.astype(np.int64)),
        "product": pick(products, found.rng.integers(0, len(products), size)),
        "sampled_date": day(found.day - between(found.rng, (10, 50), size)),
        "notified_date": day(found.day),
        "result": pick(("qualified", "unqualified", "label_defect"), np.where(failed, 1, np.where(label, 2, 0))),
        "unqualified_items": failed * between(found.rng, (1, 3), size),
        "responsible_role": pick(("seller", "producer"), made.astype(np.int64)),
        "responsible": (failed & found.lot(0.8)).astype(np.int64),
    }
    return trace_rows(scene, found, fields)


def _grades(scene: Scene) -> list[Rows]:
    found = _only(scene, traces_of(scene, "sector_grade"), "food", "drug", "maker")
    conduct = scene.conduct.mean[found.entity] + 0.8 * found.rng.standard_normal(len(found))
    rank = np.searchsorted([-0.8, 0.8, 1.9], conduct)
    scheme = np.array([scene.world.mixes.index(mix) for mix in ("food", "drug", "maker")])
    position = (scene.mix[found.entity][:, None] == scheme).argmax(axis=1)
    until = found.day + YEAR
    fields = {
        "item": pick(("G201", "G201", "G203"), position),
        "scheme": pick(("food", "drug", "product_quality"), position),
        "grade": pick(("A", "B", "C", "D"), rank),
        "grade_rank": rank + 1,
        "from_date": day(found.day),
    }
    return closed(trace_rows(scene, found, fields), until, np.full(len(found), 5), {"to_date": day(until)})


def _equipment(scene: Scene) -> list[Rows]:
    """Devices, each inspected later or left overdue: a correction tells of the next inspection."""
    found = traces_of(scene, "special_equipment")
    size = len(found)
    overdue = _odds(scene, found, 0.12, 0.8)
    fields = {
        "device_no": text("TZ{}", scene.serial(size)),
        "equipment_type": pick(EQUIPMENT, choose(found.rng, np.array([38, 20, 10, 14, 14, 4], float), size)),
        "use_state": "in_use",
        "registered_date": day(found.day),
        "last_inspection": day(found.day),
        "next_inspection": day(found.day + YEAR),
    }
    first = trace_rows(scene, found, fields)
    again = np.where(overdue, NEVER, found.day + YEAR - between(found.rng, (0, 40), size))
    return _inspected(first, again, found)


def _inspected(first: Rows, again: Ints, found: Traces) -> list[Rows]:
    done = np.where(again < NEVER, again, 0)
    follow_up = np.where(again < NEVER, done + 3 * YEAR, NEVER)
    changes = {"last_inspection": day(again), "next_inspection": day(follow_up)}
    later = closed(first, again, between(found.rng, (5, 30), len(first)), changes)[1]
    return [first, later]


def _instruments(scene: Scene) -> Rows:
    found = traces_of(scene, "metrology_device")
    late = _odds(scene, found, 0.2, 0.6)
    valid = np.where(late, YEAR, between(found.rng, (2, 6), len(found)) * YEAR)
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
    lost = _odds(scene, found, 0.06, 0.6)
    when = np.where(lost, found.day + between(found.rng, (100, 900), size), NEVER)
    kind = choose(found.rng, np.array([0.6, 0.25, 0.05, 0.1]), size)
    fields = {
        "certificate_no": text("RZ{}", scene.serial(size)),
        "certificate_kind": pick(("management_system", "product", "service", "ccc"), kind),
        "body": pick(bodies, found.rng.integers(0, len(bodies), size)),
        "state": "valid",
        "state_date": day(found.day),
        "from_date": day(found.day),
        "to_date": day(found.day + 3 * YEAR),
        "for_cause": 0,
    }
    first = trace_rows(scene, found, fields)
    state = pick(("suspended", "withdrawn"), found.lot(0.4).astype(np.int64))
    changes = {"state": state, "state_date": day(when), "for_cause": np.ones(size, dtype=np.int64)}
    return [first, closed(first, when, between(found.rng, (3, 20), size), changes)[1]]


def _accidents(scene: Scene) -> Rows:
    found = traces_of(scene, "accident")
    size = len(found)
    kinds = ("production", "fire", "special_equipment", "food_safety", "product_safety")
    duty = choose(found.rng, np.array([0.15, 0.2, 0.35, 0.3]), size)
    fields = {
        "accident_no": text("SG{}", scene.serial(size)),
        "accident_kind": pick(kinds, choose(found.rng, np.array([40, 20, 15, 15, 10], float), size)),
        "level": pick(("ordinary", "larger"), found.lot(0.1).astype(np.int64)),
        "responsibility": pick(("none", "minor", "main", "full"), duty),
        "occurred_date": day(found.day),
        "deaths": (found.lot(0.08)).astype(np.int64),
        "injuries": between(found.rng, (0, 3), size),
    }
    return trace_rows(scene, found, fields)


def _recalls(scene: Scene) -> Rows:
    found = _only(scene, traces_of(scene, "recall"), "maker", "food", "drug", "goods")
    products = scene.world["wording"]["products"]
    fields = {
        "recall_no": text("ZH{}", scene.serial(len(found))),
        "recall_kind": pick(("voluntary", "ordered"), found.lot(0.35).astype(np.int64)),
        "product": pick(products, found.rng.integers(0, len(products), len(found))),
        "quantity": between(found.rng, (10, 5000), len(found)),
        "started_date": day(found.day),
    }
    return trace_rows(scene, found, fields)


def _commitments(scene: Scene) -> Rows:
    found = traces_of(scene, "licence_commitment")
    broken = _odds(scene, found, 0.10, 0.7)
    kind = np.where(broken, 1 + found.lot(0.5), 0)
    fields = {
        "licence_no": text("CN{}", scene.serial(len(found))),
        "committed_date": day(found.day - between(found.rng, (30, 180), len(found))),
        "verified_date": day(found.day),
        "result": pick(("true_kept", "untrue", "unfulfilled"), kind),
    }
    return trace_rows(scene, found, fields)


def _department_lists(scene: Scene) -> list[Rows]:
    """Entries on the serious lists of other departments, removed when the term ends or they are repaired."""
    found = traces_of(scene, "department_listing")
    size = len(found)
    which = choose(found.rng, np.array([30, 12, 14, 10, 12, 8, 6, 8], float), size)
    end = lasting(found, 600, 0.6)
    fields = {
        "list_code": pick(DEPARTMENT_LISTS, which),
        "in_date": day(found.day),
        "managed_until": day(found.day + 3 * YEAR),
        "early_removal": 0,
    }
    first = trace_rows(scene, found, fields, "serious_listing")
    changes = {
        "action_date": day(end),
        "out_date": day(end),
        "out_reason": pick(("early_repair",), np.zeros(size, dtype=np.int64)),
        "early_removal": blank_unless(pl.Series(np.ones(size, dtype=np.int64)), end < NEVER),
    }
    opened, told = closed(first, end, between(found.rng, (2, 12), size), changes)
    return [opened.with_columns(early_removal=0), told.with_columns(action="remove")]
