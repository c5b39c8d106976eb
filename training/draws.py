"""Random draws as they are recorded: who was inspected, on site or not, what was found, with which chance.

A draw is a lot twice over: whether an entity is drawn (π), and whether it is then looked at on site. Where classes are
looked at on site unequally often, on-site draws weighed by 1/π alone speak for the classes that are visited, so what
weighs them is the chance of both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import bdtr, bdtrc

from features.asof import valid_on
from features.compile import CONTROL_COLUMNS, counted, literal_clock
from features.profile import Profile
from features.records.schema import Parent, RecordType
from training.errors import SchemeError
from training.labels import Knowledge
from training.outcomes import day

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

DRAWS = "random_draw"  # the profile's file of this
PLAN = "sampling"  # the profile's file of how many of each class are to be drawn, and looked at on site
FEWEST_DRAWS = 30  # of a stratum and class from which the share on site is read by itself
AGAINST_PLAN = 0.005  # so improbable a number on site, either way, shows that the plan was not kept
DRAWN = pa.schema(
    [
        ("record_id", pa.string()),
        ("entity", pa.int32()),
        ("event_date", pa.date32()),
        ("results", pa.string()),
        ("severity", pa.float64()),
        ("probability", pa.float64()),
        ("onsite", pa.bool_()),
        ("chance", pa.float64()),
        ("planned", pa.bool_()),
    ]
)


VISITED = pa.schema([("entity", pa.int32()), ("day", pa.date32()), ("origin", pa.string())])


@dataclass(frozen=True)
class DrawRule:
    """What the result codes of a draw mean in a profile: a problem, none, no answer, or not in the frame at all."""

    clean: frozenset[str]
    substantive: frozenset[str]
    with_finding: frozenset[str]
    finding_severity: int
    indeterminate: frozenset[str]
    out_of_scope: frozenset[str]

    @classmethod
    def read(cls, block: Mapping[str, Any]) -> "DrawRule":
        """The rule in a profile's ``random_draw.yaml``."""
        finding = block["substantive_with_finding"]
        return cls(
            clean=frozenset(map(str, block["clean"])),
            substantive=frozenset(map(str, block["substantive"])),
            with_finding=frozenset(map(str, finding["codes"])),
            finding_severity=int(finding["severity"]),
            indeterminate=frozenset(map(str, block["indeterminate"])),
            out_of_scope=frozenset(map(str, block["out_of_scope"])),
        )


def read_draws(knowledge: Knowledge, block: Mapping[str, Any], *, span: tuple[date, date]) -> pa.Table:
    """Random draws inspected from one day to another, both included, as known by the day labels are made.

    Columns record_id, entity, event_date, results, severity (gravest finding, null without one), probability (π, null
    when the source gave none), onsite, chance (to be drawn and then looked at where it was; null with π), planned
    (whether the plan told the second of the two); by record. ``block`` is a profile's ``random_draw.yaml``.
    """
    name, origin, method = block["record_type"], block["origin"], block["method"]
    finding, probability = block["substantive_with_finding"], block["inclusion_probability"]
    types, parent = knowledge.reading.types, _parent(knowledge.reading.types, block)
    fields = [parent.key, origin["field"], method["field"], block["results"], probability]
    drawn = _known(knowledge, name, [*fields, *(block[one] for one in ("stratum", "class_used") if one in block)])
    findings = _known(knowledge, finding["record_type"], [parent.field, finding["field"]])
    if drawn is None:
        return DRAWN.empty_table()
    inside = drawn.filter(
        drawn[origin["field"]].isin([str(code) for code in origin["codes"]]),
        drawn.event_date >= day(span[0]),
        drawn.event_date <= day(span[1]),
    )
    rows = knowledge.reading.engine.run(inside).sort_by("record_id")
    chance = pc.divide(rows[probability].cast(pa.float64()), 10.0 ** types[name].field(probability).scale)
    onsite = pc.is_in(rows[method["field"]].cast(pa.string()), value_set=pa.array(method["onsite"]))
    share, planned = _placed(rows, block, onsite.to_numpy().astype(bool), knowledge.reading.lake.profile)
    return pa.table(
        {
            "record_id": rows["record_id"].cast(pa.string()),
            "entity": rows["entity"].cast(pa.int32()),
            "event_date": rows["event_date"],
            "results": rows[block["results"]].cast(pa.string()),
            "severity": _gravest(knowledge, findings, (parent.field, finding["field"]), rows[parent.key]),
            "probability": chance,
            "onsite": onsite,
            "chance": pc.multiply(chance, pa.array(share)),
            "planned": pa.array(planned),
        },
        schema=DRAWN,
    )


def _parent(types: Mapping[str, RecordType], block: Mapping[str, Any]) -> Parent:
    """How findings name the draw they belong to."""
    name, finding = block["record_type"], block["substantive_with_finding"]["record_type"]
    parent = types[finding].parent
    if parent is None or parent.record_type != name:
        raise SchemeError(
            f"random_draw.yaml: {finding} belongs to {parent and parent.record_type}; expected {name}, the record type "
            "of draws. Nothing was read; correct the profile."
        )
    return parent


def _placed(rows: pa.Table, block: Mapping[str, Any], onsite: Flags, profile: Profile) -> tuple[Floats, Flags]:
    """What ``placed`` says of draws as recorded, by their stratum, class used and the plan of their day."""
    stratum, used = (_named(rows, block.get(name)) for name in ("stratum", "class_used"))
    of_day = {one: _share_on_site(profile, one) for one in set(rows["event_date"].to_pylist())}
    days = rows["event_date"].to_pylist()
    planned = [of_day[one].get(name, np.nan) for one, name in zip(days, used.tolist(), strict=True)]
    return placed(onsite, stratum, used, np.array(planned, np.float64))


def _named(rows: pa.Table, field: str | None) -> npt.NDArray[np.str_]:
    if field is None:
        return np.full(len(rows), "", dtype=np.str_)
    return np.array(pc.fill_null(rows[field].cast(pa.string()), "").to_pylist(), dtype=np.str_)


def _share_on_site(profile: Profile, on: date) -> Mapping[str, float]:
    """By class the share of draws to be looked at on site; empty where no plan was in force."""
    if not profile.has(PLAN) or not valid_on(profile.table(PLAN), on):
        return {}
    share: Mapping[str, float] = profile.dated(PLAN, on).get("onsite_share", {})
    return share


def placed(
    onsite: Flags, stratum: npt.NDArray[np.str_], used: npt.NDArray[np.str_], planned: Floats
) -> tuple[Floats, Flags]:
    """The chance that each draw is looked at where it was, on site or not, and whether the plan told it.

    ``planned`` is the share to be looked at on site of the class ``used`` to draw, NaN where nothing is planned. It is
    taken where the draws of that class keep to it; elsewhere the share observed among draws of the same stratum and
    class stands in, and strata with few of a class stand together. ``used`` is empty where the class is not recorded.
    """
    told = ~np.isnan(planned)
    for name, share in set(zip(used[told].tolist(), planned[told].tolist(), strict=True)):
        own = (used == name) & (planned == share)
        told[own] = _kept(int(onsite[own].sum()), int(own.sum()), share)
    share = np.where(told, planned, _observed(onsite, stratum, used))
    return np.where(onsite, share, 1 - share), told


def _kept(onsite: int, of: int, share: float) -> bool:
    """Whether so many on site of so many draws can well be lots of that share."""
    return bool(min(bdtr(onsite, of, share), bdtrc(onsite - 1, of, share)) >= AGAINST_PLAN)


def _observed(onsite: Flags, stratum: npt.NDArray[np.str_], used: npt.NDArray[np.str_]) -> Floats:
    """The share on site of each draw's stratum and class; of all small strata of its class in a small one."""
    _, of_class = np.unique(used, return_inverse=True)
    names, of_stratum = np.unique(stratum, return_inverse=True)
    _, cell, size = np.unique(of_class * len(names) + of_stratum, return_inverse=True, return_counts=True)
    apart = np.where(size[cell] < FEWEST_DRAWS, 0, of_stratum + 1)
    _, cell = np.unique(of_class * (len(names) + 1) + apart, return_inverse=True)
    share: Floats = (np.bincount(cell, weights=onsite) / np.bincount(cell))[cell]
    return share


def read_visits(knowledge: Knowledge, block: Mapping[str, Any], *, span: tuple[date, date]) -> pa.Table:
    """All visits on site from one day to another, both included, whatever brought them about: entity, day, origin.

    As known by the day labels are made, by record; ``block`` is a profile's ``random_draw.yaml``.
    """
    origin, method = block["origin"]["field"], block["method"]
    known = _known(knowledge, block["record_type"], [origin, method["field"]])
    if known is None:
        return VISITED.empty_table()
    inside = known.filter(
        known[method["field"]].isin([str(code) for code in method["onsite"]]),
        known.event_date >= day(span[0]),
        known.event_date <= day(span[1]),
    )
    rows = knowledge.reading.engine.run(inside).sort_by("record_id")
    return rows.select(["entity", "event_date", origin]).rename_columns(VISITED.names).cast(VISITED)


def _known(knowledge: Knowledge, record_type: str, fields: list[str]) -> ir.Table | None:
    """The records of a type that count on the day labels are made."""
    reading = knowledge.reading
    rows = reading.rows(record_type, ["entity", "record_id", *CONTROL_COLUMNS, *fields])
    if rows is None:
        return None
    clock = literal_clock(knowledge.known_by, knowledge.zone)
    return rows.filter(rows.entity.notnull(), counted(rows, clock, reading.lake.profile))


def _gravest(
    knowledge: Knowledge, findings: ir.Table | None, fields: tuple[str, str], keys: pa.ChunkedArray
) -> pa.Array:
    if findings is None:
        return pa.nulls(len(keys), pa.float64())
    of_key = findings.group_by(fields[0]).aggregate(severity=findings[fields[1]].max())
    table = knowledge.reading.engine.run(of_key)
    place = pc.index_in(keys, value_set=table[fields[0]].combine_chunks().cast(keys.type))
    return table["severity"].combine_chunks().cast(pa.float64()).take(place.combine_chunks())


def problems(results: Sequence[str] | npt.NDArray[np.object_], severity: Floats, rule: DrawRule) -> Floats:
    """1 for a substantive problem, 0 for none, NaN for a draw without an answer, −1 for one outside the frame.

    ``results`` are the codes found as ``|a|b|``, ``severity`` that of the gravest finding, NaN without one.
    """
    return np.array(
        [_problem(str(found or ""), grave, rule) for found, grave in zip(results, severity, strict=True)], np.float64
    )


def _problem(results: str, severity: float, rule: DrawRule) -> float:
    codes = {code for code in results.split("|") if code}
    unknown = codes - rule.clean - rule.substantive - rule.with_finding - rule.indeterminate - rule.out_of_scope
    if unknown:
        raise SchemeError(
            f"A random draw has result {', '.join(sorted(unknown))}, which random_draw.yaml does not place. "
            "No rate was computed; say there whether it is clean, substantive, indeterminate or out of scope."
        )
    grave = bool(codes & rule.with_finding) and severity >= rule.finding_severity
    if grave or codes & rule.substantive:
        return 1.0
    if codes & (rule.clean | rule.with_finding):
        return 0.0
    return -1.0 if codes & rule.out_of_scope and not codes & rule.indeterminate else np.nan


def drawn_events(knowledge: Knowledge, *, since: date, until: date) -> pa.Table:
    """Random on-site draws with an answer and a chance, as ``labels.events`` gives inspections; and ``chance``.

    ``chance`` is that to be drawn and looked at on site.
    """
    profile = knowledge.reading.lake.profile
    if not profile.has(DRAWS):
        raise SchemeError(
            f"Profile {profile.name} has no {DRAWS}.yaml; expected one that says how random draws are recorded. "
            "Nothing was trained."
        )
    block = profile.table(DRAWS)
    rows = read_draws(knowledge, block, span=(since, until))
    severity = pc.fill_null(rows["severity"], np.nan).to_numpy()
    problem = problems(rows["results"].to_pylist(), severity, DrawRule.read(block))
    chance = pc.fill_null(rows["chance"], 0.0).to_numpy()
    used = rows["onsite"].to_numpy().astype(bool) & (problem >= 0) & (chance > 0)
    kept = pa.table(
        {
            **{name: rows[name] for name in ("record_id", "entity", "event_date")},
            "positive": pa.array(problem == 1).cast(pa.int8()),
            "chance": rows["chance"],
        }
    ).filter(pa.array(used))
    return kept.sort_by([(name, "ascending") for name in ("event_date", "entity", "record_id")])
