"""Random draws as they are recorded: who was inspected, on site or not, what was found, with which chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.compile import CONTROL_COLUMNS, counted, literal_clock
from training.errors import SchemeError
from training.labels import Knowledge
from training.outcomes import day

Floats = npt.NDArray[np.float64]

DRAWS = "random_draw"  # the profile's file of this
DRAWN = pa.schema(
    [
        ("record_id", pa.string()),
        ("entity", pa.int32()),
        ("event_date", pa.date32()),
        ("results", pa.string()),
        ("severity", pa.float64()),
        ("probability", pa.float64()),
        ("onsite", pa.bool_()),
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

    Columns record_id, entity, event_date, results, severity (gravest finding, null without one), probability (null when
    the source gave none), onsite; by record. ``block`` is a profile's ``random_draw.yaml``.
    """
    name, origin, method = block["record_type"], block["origin"], block["method"]
    finding, probability = block["substantive_with_finding"], block["inclusion_probability"]
    types = knowledge.reading.types
    parent = types[finding["record_type"]].parent
    if parent is None or parent.record_type != name:
        raise SchemeError(
            f"random_draw.yaml: {finding['record_type']} belongs to {parent and parent.record_type}; expected {name}, "
            "the record type of draws. Nothing was read; correct the profile."
        )
    fields = [parent.key, origin["field"], method["field"], block["results"], probability]
    drawn = _known(knowledge, name, fields)
    findings = _known(knowledge, finding["record_type"], [parent.field, finding["field"]])
    if drawn is None:
        return DRAWN.empty_table()
    inside = drawn.filter(
        drawn[origin["field"]].isin([str(code) for code in origin["codes"]]),
        drawn.event_date >= day(span[0]),
        drawn.event_date <= day(span[1]),
    )
    rows = knowledge.reading.engine.run(inside).sort_by("record_id")
    scale = 10.0 ** types[name].field(probability).scale
    return pa.table(
        {
            "record_id": rows["record_id"].cast(pa.string()),
            "entity": rows["entity"].cast(pa.int32()),
            "event_date": rows["event_date"],
            "results": rows[block["results"]].cast(pa.string()),
            "severity": _gravest(knowledge, findings, (parent.field, finding["field"]), rows[parent.key]),
            "probability": pc.divide(rows[probability].cast(pa.float64()), scale),
            "onsite": pc.is_in(rows[method["field"]].cast(pa.string()), value_set=pa.array(method["onsite"])),
        },
        schema=DRAWN,
    )


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
    """Random on-site draws with an answer and a chance, as ``labels.events`` gives inspections; and ``chance``."""
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
    chance = pc.fill_null(rows["probability"], 0.0).to_numpy()
    used = rows["onsite"].to_numpy().astype(bool) & (problem >= 0) & (chance > 0)
    kept = pa.table(
        {
            **{name: rows[name] for name in ("record_id", "entity", "event_date")},
            "positive": pa.array(problem == 1).cast(pa.int8()),
            "chance": rows["probability"],
        }
    ).filter(pa.array(used))
    return kept.sort_by([(name, "ascending") for name in ("event_date", "entity", "record_id")])
